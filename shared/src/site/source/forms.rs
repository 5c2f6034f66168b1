//! `forms/*.toml`: one file for each form.

use crate::domain::form::{ConsentAsk, Field, Form, Retention, UnknownFields};
use crate::domain::id::sha256_hex;
use crate::domain::reserved::{canonical_name, is_reserved};

use super::company::{check_language, check_plain, check_url, is_this_machine};
use super::elsewhere;
use super::fields;
use super::names::{Names, Unique, check_field_name, check_id};
use super::reader::{At, Spot, Table};

/// Most fields and consents of a form: what the endpoint accepts in one post.
const MOST_FIELDS: usize = 50;

/// Names that people try for a consent that starts ticked.
const PRE_TICKED: [&str; 5] = ["checked", "default", "preselected", "ticked", "value"];

/// What a form may refer to.
pub(super) struct Context<'s> {
    /// Ids of magnets.
    pub magnets: &'s Names,
    /// Ids of sales people.
    pub people: &'s Names,
    /// Language of the business.
    pub language: &'s str,
}

fn warn_of_no_origin(root: &Table<'_>) {
    root.key_spot("strict_origin").warn_help(
        "`strict_origin` without `allowed_origins` refuses posts from every other site",
        "list the sites that have this form in `allowed_origins`",
    );
}

/// Reads a form. `id` is the stem of its file.
pub(super) fn form(id: &str, root: Table<'_>, context: &Context<'_>) -> Option<Form> {
    let id_ok = check_id(
        &At {
            value: id.to_owned(),
            spot: root.spot,
        },
        "form (the name of its file)",
        40,
    );
    let title = root.required_text("title", "the heading of the form");
    let intro = root.text("intro");
    let button = root.text("button");
    let language = root.text("language");
    let magnet = root.text("magnet");
    let notify = root.texts("notify").unwrap_or_default();
    let double_opt_in = root.flag("double_opt_in").unwrap_or(true);
    let remind_after_days = root.bounded::<u8>("remind_after_days", 1, 6);
    let success_message = root.text("success_message");
    let allowed_origins = root.texts("allowed_origins").unwrap_or_default();
    let strict_origin = root.flag("strict_origin").unwrap_or(false);
    let next = root.text("next");
    let honeypots = root.texts("honeypots").unwrap_or_default();
    let unknown_fields = root
        .text("unknown_fields")
        .and_then(|word| unknown_fields(&word))
        .unwrap_or_default();
    let retention = retention(&root);
    let test_mode = root.flag("test_mode").unwrap_or(false);
    let country = root
        .text("country")
        .and_then(|code| elsewhere::country(&code));
    let refuse_disposable = root.flag("refuse_disposable").unwrap_or(false);
    let not_disposable = root.texts("not_disposable").unwrap_or_default();
    let names_elsewhere = elsewhere::elsewhere(&root);

    for text in [&title, &button].into_iter().flatten() {
        check_plain(text, 200);
    }
    if let Some(tag) = &language {
        check_language(tag);
    }
    if let Some(magnet) = &magnet {
        context.magnets.check(magnet);
    }
    for person in &notify {
        context.people.check(person);
    }
    let origins: Vec<String> = allowed_origins.iter().filter_map(origin).collect();
    if strict_origin && allowed_origins.is_empty() {
        warn_of_no_origin(&root);
    }
    if let Some(next) = &next {
        check_next(next, "next", &origins);
    }
    let redirects = elsewhere::redirects(&root, &origins);

    let mut names = Unique::default();
    let fields = read_fields(&root, &mut names, magnet.is_some());
    let consents = read_consents(&root, &mut names);
    for trap in &honeypots {
        check_trap(trap, &fields, &consents);
    }
    if fields.len() + consents.len() > MOST_FIELDS {
        root.spot.error(format!(
            "a form can have at most {MOST_FIELDS} fields and consents, this one has more"
        ));
    }
    let proof = super::proof::of(&root, &origins);
    root.finish();

    let form = Form {
        id: id_ok.then(|| id.to_owned())?,
        title: title?.value,
        intro: text_or(intro, ""),
        button: text_or(button, "Send"),
        language: text_or(language, context.language),
        fields,
        consents,
        success_message: text_or(success_message, default_success(magnet.is_some())),
        magnet: magnet.map(|m| m.value),
        notify: notify.into_iter().map(|n| n.value).collect(),
        double_opt_in,
        remind_after_days: remind_after_days.map(|days| days.value),
        next: next.map(|n| n.value),
        allowed_origins: origins,
        strict_origin,
        honeypots: honeypots.into_iter().map(|h| h.value).collect(),
        unknown_fields,
        proof,
        retention,
        test_mode,
        redirects,
        country,
        refuse_disposable,
        not_disposable: not_disposable
            .into_iter()
            .map(|d| d.value.to_ascii_lowercase())
            .collect(),
        elsewhere: names_elsewhere,
        version: String::new(),
    };
    let version = super::short_hash(&form);
    Some(Form { version, ..form })
}

/// How long what the form takes in is kept.
fn retention(root: &Table<'_>) -> Retention {
    let usual = Retention::USUAL;
    let Some(table) = root.table("retention", "[retention]") else {
        return usual;
    };
    let within = |key: &'static str, least: u16, most: u16, what: &str| {
        let number = table.number(key)?;
        let inside = u16::try_from(number.value)
            .ok()
            .filter(|n| (least..=most).contains(n));
        if inside.is_none() {
            number
                .spot
                .error(format!("`{key}` is {least} to {most} {what}"));
        }
        inside
    };
    let read = Retention {
        unconfirmed_days: within("unconfirmed_days", 7, 30, "days")
            .unwrap_or(usual.unconfirmed_days),
        inactive_months: within("inactive_months", 1, 120, "months"),
    };
    table.finish();
    read
}

fn text_or(text: Option<At<'_, String>>, default: &str) -> String {
    text.map_or_else(|| default.to_owned(), |t| t.value)
}

const fn default_success(has_magnet: bool) -> &'static str {
    if has_magnet {
        "The download link is on its way to your inbox."
    } else {
        "We have your message."
    }
}

fn unknown_fields(word: &At<'_, String>) -> Option<UnknownFields> {
    match word.value.as_str() {
        "keep" => Some(UnknownFields::Keep),
        "drop" => Some(UnknownFields::Drop),
        "reject" => Some(UnknownFields::Reject),
        other => {
            word.spot.error_near(
                format!("`unknown_fields` cannot be `{other}`"),
                other,
                &["keep", "drop", "reject"],
            );
            None
        }
    }
}

fn read_fields(root: &Table<'_>, names: &mut Unique, has_magnet: bool) -> Vec<Field> {
    let tables = root.tables("field", "[[field]]");
    let mut fields = Vec::new();
    let mut emails: Vec<Spot<'_>> = Vec::new();
    let mut unread = 0;
    for table in tables {
        let spot = table.spot;
        let Some(read) = fields::field(table) else {
            unread += 1;
            continue;
        };
        for alias in &read.aliases {
            names.insert(&alias.value.to_ascii_lowercase(), alias.spot, "field");
        }
        if check_name(&read.name, "field", names) && !read.is_email {
            check_canonical(&read.name);
        }
        if read.is_email {
            if emails.is_empty() && has_magnet && !read.field.required {
                spot.error_help(
                    "a form with a magnet needs the address to mail it to",
                    "remove `required = false` from the email field",
                );
            }
            emails.push(spot);
        }
        fields.push(read.field);
    }
    match emails.as_slice() {
        // A field that could not be read may be the one; its own mistake is told.
        [] if unread > 0 => {}
        [] if root.has("field") => root.spot.error_help(
            "the form has no email field",
            "add a [[field]] with `name = \"email\"`, `label = \"Email\"` and `kind = \"email\"`",
        ),
        [] => root.spot.error_help(
            "the form has no fields",
            "add a [[field]] for each, one of them with `kind = \"email\"`",
        ),
        [_] => {}
        [_, others @ ..] => others.iter().for_each(|spot| {
            spot.error_help(
                "a form has exactly one email field",
                "make the others `kind = \"text\"`, or remove them",
            );
        }),
    }
    fields
}

/// Shape, uniqueness and meaning of a name in the post; true where all are right.
fn check_name(name: &At<'_, String>, what: &str, names: &mut Unique) -> bool {
    if !check_field_name(name) || !names.insert(&name.value, name.spot, what) {
        return false;
    }
    let reserved = name.value.starts_with('_') || is_reserved(&name.value);
    if reserved {
        name.spot.error_help(
            format!(
                "`{}` has a meaning of its own in a post and cannot be a field",
                name.value
            ),
            "choose another name",
        );
    }
    !reserved
}

/// Rules, routes and alerts look for the canonical names.
fn check_canonical(name: &At<'_, String>) {
    if let Some(canonical) = canonical_name(&name.value).filter(|c| *c != name.value) {
        name.spot.warn_help(
            format!(
                "rules and alerts know the field `{}` as `{canonical}`",
                name.value
            ),
            format!(
                "call it `{canonical}`; pages may go on posting `{}`",
                name.value
            ),
        );
    }
}

fn read_consents(root: &Table<'_>, names: &mut Unique) -> Vec<ConsentAsk> {
    let mut purposes = Unique::default();
    let mut consents = Vec::new();
    for table in root.tables("consent", "[[consent]]") {
        consents.extend(consent(&table, names, &mut purposes));
        table.finish();
    }
    consents
}

fn consent(table: &Table<'_>, names: &mut Unique, purposes: &mut Unique) -> Option<ConsentAsk> {
    for key in PRE_TICKED.into_iter().filter(|key| table.has(key)) {
        table.allow(&[key]);
        table.key_spot(key).error_help(
            "a consent cannot start ticked: silence is not consent",
            format!("remove `{key}`; every consent box starts unticked"),
        );
    }
    let purpose = table.required_text("purpose", "what the person agrees to, such as `newsletter`");
    let text = table.required_text("text", "the exact words beside the box");
    let required = table.flag("required").unwrap_or(false);
    let field = table.text("field").or_else(|| {
        let purpose = purpose.as_ref()?;
        Some(At {
            value: purpose.value.replace('-', "_"),
            spot: purpose.spot,
        })
    });
    if required {
        table.key_spot("required").warn_help(
            "a consent that must be given to send the form is hardly given freely",
            "leave `required` out, unless the law of every visitor's country allows it",
        );
    }
    let purpose = purpose?;
    if !check_id(&purpose, "purpose", 40)
        || !purposes.insert(&purpose.value, purpose.spot, "consent for the purpose")
    {
        return None;
    }
    let field = field?;
    check_name(&field, "field", names);
    let text = text?.value;
    Some(ConsentAsk {
        purpose: purpose.value,
        field: field.value,
        text_sha256: sha256_hex(text.as_bytes()),
        text,
        required,
    })
}

fn check_trap(trap: &At<'_, String>, fields: &[Field], consents: &[ConsentAsk]) {
    let declared = fields.iter().any(|f| f.name == trap.value)
        || consents.iter().any(|c| c.field == trap.value);
    if declared {
        trap.spot.error_help(
            format!(
                "`{}` is a field of this form: whoever fills it in would be taken for a robot",
                trap.value
            ),
            "give the trap a name of its own",
        );
    } else if trap.value.trim().is_empty()
        || trap.value.len() > 64
        || trap.value.chars().any(char::is_control)
    {
        trap.spot
            .error("a trap needs a name of at most 64 characters");
    }
}

/// An exact origin as browsers send it: scheme, host, port where it is not the usual one, nothing else.
fn origin(typed: &At<'_, String>) -> Option<String> {
    if typed.value.contains('*') {
        typed.spot.error_help(
            format!("`{}` is a pattern, not an origin", typed.value),
            "list each site by itself: only exact origins are safe to answer",
        );
        return None;
    }
    let parsed = url::Url::parse(&typed.value).ok();
    let exact = parsed.as_ref().map(|u| u.origin().ascii_serialization());
    let secure = parsed
        .as_ref()
        .is_some_and(|u| u.scheme() == "https" || (u.scheme() == "http" && is_this_machine(u)));
    match exact.filter(|_| secure) {
        Some(exact) if exact == typed.value => Some(exact),
        Some(exact) => {
            typed.spot.error_help(
                format!("`{}` is more than an origin", typed.value),
                format!("write `{exact}`"),
            );
            None
        }
        None => {
            typed.spot.error_help(
                format!("`{}` is not an https origin", typed.value),
                "write it as `https://www.example.com`; http is for localhost and 127.0.0.1 only",
            );
            None
        }
    }
}

/// Where a plain post goes after success: a path of the page's own site, or a URL of an allowed origin.
pub(super) fn check_next(next: &At<'_, String>, key: &str, origins: &[String]) {
    let text = next.value.as_str();
    if text.chars().any(|c| c.is_control() || c == '\\') {
        next.spot
            .error(format!("`{key}` has a backslash or a control character"));
    } else if text.starts_with("//") {
        next.spot.error_help(
            format!("`{key}` would lead to another site"),
            "begin a path with one `/`",
        );
    } else if !text.starts_with('/') && check_url(next) {
        let origin = url::Url::parse(text)
            .map(|u| u.origin().ascii_serialization())
            .unwrap_or_default();
        if !origins.contains(&origin) {
            next.spot.error_help(
                format!("`{key}` leads to {origin}, which is not one of `allowed_origins`"),
                "add it there, or use a path such as `/thanks`",
            );
        }
    }
}
