//! `forms/*.toml`.

use super::{Files, small_site};
use crate::domain::form::{FieldKind, UnknownFields};

const FORM: &str = "forms/guide.toml";

fn with_field(field: &str) -> Files {
    small_site().append(FORM, &format!("\n[[field]]\n{field}\n"))
}

#[test]
fn a_form_has_exactly_one_email_field() {
    small_site().edit(FORM, "kind = \"email\"", "kind = \"text\"").says(&[
        "forms/guide.toml:1:1: error: the form has no email field; help: add a [[field]] with `name = \"email\"`, `label = \"Email\"` and `kind = \"email\"`",
    ]);
    // The field that cannot be read may be the one, so only its own mistake is told.
    small_site().edit(FORM, "kind = \"email\"", "kind = \"emial\"").says(&[
        "forms/guide.toml:8:8: error: there is no kind of field `emial`; help: did you mean `email`?",
    ]);
    with_field("name = \"other\"\nlabel = \"Other\"\nkind = \"email\"").says(&[
        "forms/guide.toml:20:1: error: a form has exactly one email field; help: make the others `kind = \"text\"`, or remove them",
    ]);
}

#[test]
fn a_form_with_a_magnet_needs_the_address() {
    small_site().edit(FORM, "kind = \"email\"", "kind = \"email\"\nrequired = false").says(&[
        "forms/guide.toml:5:1: error: a form with a magnet needs the address to mail it to; help: remove `required = false` from the email field",
    ]);
}

#[test]
fn a_form_refers_to_magnets_and_people_that_exist() {
    small_site().edit(FORM, "magnet = \"guide\"", "magnet = \"guides\"\nnotify = [\"mira\", \"miro\"]").says(&[
        "forms/guide.toml:2:10: error: there is no magnet `guides`; help: did you mean `guide`?",
        "forms/guide.toml:3:19: error: there is no sales person `miro`; help: did you mean `mira`?",
    ]);
}

#[test]
fn kinds_of_field_and_what_belongs_to_them_are_checked() {
    with_field("name = \"x\"\nlabel = \"X\"\nkind = \"txt\"").says(&[
        "forms/guide.toml:23:8: error: there is no kind of field `txt`; help: did you mean `text`?",
    ]);
    with_field("name = \"x\"\nlabel = \"X\"\nkind = \"phone\"\nmax = 3")
        .says(&["forms/guide.toml:24:1: error: `max` means nothing for a field of kind `phone`"]);
    with_field("name = \"x\"\nlabel = \"X\"\nkind = \"text\"\nmax = 0")
        .says(&["forms/guide.toml:24:7: error: `max` is 0, but should be from 1 to 1000"]);
    with_field("name = \"x\"\nlabel = \"X\"\nkind = \"number\"\nmin = 5\nmax = 3")
        .says(&["forms/guide.toml:24:1: error: the smallest number, 5, is over the largest, 3"]);
}

#[test]
fn a_choice_has_options_and_each_is_another_answer() {
    small_site().edit(FORM, "options = [\"small\", \"large\"]", "options = []").says(&[
        "forms/guide.toml:14:1: error: a choice without options cannot be answered; help: add `options = [{ value = \"...\", label = \"...\" }]`",
    ]);
    small_site().edit(FORM, "[\"small\", \"large\"]", "[\"large\", { value = \"Large\", label = \"L\" }, 3]").says(&[
        "forms/guide.toml:14:31: error: there is another option `large` on line 14",
        "forms/guide.toml:14:55: error: `options` should hold texts or tables, not a whole number",
    ]);
}

#[test]
fn names_in_the_post_have_one_shape_one_use_and_one_meaning() {
    with_field("name = \"First Name\"\nlabel = \"X\"\nkind = \"text\"").says(&[
        "forms/guide.toml:21:8: error: `First Name` cannot be the name of a field; help: use a-z, 0-9 and _, starting with a letter, at most 64 characters, such as `first_name`",
    ]);
    with_field("name = \"budget\"\nlabel = \"X\"\nkind = \"text\"")
        .says(&["forms/guide.toml:21:8: error: there is another field `budget` on line 11"]);
    with_field("name = \"redirect\"\nlabel = \"X\"\nkind = \"text\"").says(&[
        "forms/guide.toml:21:8: error: `redirect` has a meaning of its own in a post and cannot be a field; help: choose another name",
    ]);
    with_field("name = \"firstname\"\nlabel = \"X\"\nkind = \"text\"").says(&[
        "forms/guide.toml:21:8: warning: rules and alerts know the field `firstname` as `first_name`; help: call it `first_name`; pages may go on posting `firstname`",
    ]);
}

#[test]
fn law_2_a_consent_that_starts_ticked_is_refused() {
    small_site().append(FORM, "checked = true\n").says(&[
        "forms/guide.toml:19:1: error: a consent cannot start ticked: silence is not consent; help: remove `checked`; every consent box starts unticked",
    ]);
    with_field("name = \"terms\"\nlabel = \"X\"\nkind = \"checkbox\"\nvalue = \"yes\"")
        .says(&["forms/guide.toml:24:9: error: a box cannot start ticked; help: remove `value`"]);
}

#[test]
fn a_consent_that_must_be_given_is_doubtful() {
    small_site().append(FORM, "required = true\n").says(&[
        "forms/guide.toml:19:1: warning: a consent that must be given to send the form is hardly given freely; help: leave `required` out, unless the law of every visitor's country allows it",
    ]);
}

#[test]
fn frm_7_allowed_origins_are_exact_and_secure() {
    let with_origins = |list: &str| small_site().edit(FORM, "[\"https://acme.example\"]", list);
    with_origins("[\"https://*.acme.example\", \"http://acme.example\", \"https://acme.example/\", \"acme.example\"]").says(&[
        "forms/guide.toml:3:20: error: `https://*.acme.example` is a pattern, not an origin; help: list each site by itself: only exact origins are safe to answer",
        "forms/guide.toml:3:46: error: `http://acme.example` is not an https origin; help: write it as `https://www.example.com`; http is for localhost and 127.0.0.1 only",
        "forms/guide.toml:3:69: error: `https://acme.example/` is more than an origin; help: write `https://acme.example`",
        "forms/guide.toml:3:94: error: `acme.example` is not an https origin; help: write it as `https://www.example.com`; http is for localhost and 127.0.0.1 only",
    ]);
    with_origins(
        "[\"http://localhost:3000\", \"http://127.0.0.1:8787\", \"https://acme.example:8443\"]",
    )
    .says(&[]);
}

#[test]
fn frm_8_the_next_page_is_a_path_or_of_an_allowed_origin() {
    let with_next = |next: &str| {
        small_site().edit(
            FORM,
            "magnet = \"guide\"",
            &format!("magnet = \"guide\"\nnext = '{next}'"),
        )
    };
    with_next("/thanks?x=1").says(&[]);
    with_next("https://acme.example/thanks").says(&[]);
    with_next("//evil.example").says(&[
        "forms/guide.toml:3:8: error: `next` would lead to another site; help: begin a path with one `/`",
    ]);
    with_next("/\\evil.example")
        .says(&["forms/guide.toml:3:8: error: `next` has a backslash or a control character"]);
    with_next("https://evil.example/x").says(&[
        "forms/guide.toml:3:8: error: `next` leads to https://evil.example, which is not one of `allowed_origins`; help: add it there, or use a path such as `/thanks`",
    ]);
    with_next("javascript:alert(1)").says(&[
        "forms/guide.toml:3:8: error: `javascript:alert(1)` is not an absolute https URL; help: write it as in the address bar: https://www.example.com/page",
    ]);
}

#[test]
fn a_trap_is_not_a_field() {
    small_site().edit(FORM, "magnet = \"guide\"", "magnet = \"guide\"\nhoneypots = [\"fax\", \"budget\"]").says(&[
        "forms/guide.toml:3:21: error: `budget` is a field of this form: whoever fills it in would be taken for a robot; help: give the trap a name of its own",
    ]);
}

#[test]
fn names_elsewhere_and_places_to_go_are_checked() {
    small_site()
        .edit(
            FORM,
            "magnet = \"guide\"",
            "magnet = \"guide\"\ncountry = \"nl\"\nelsewhere = { hubspt = \"x\", google = \"7\", meta_app_secret = \"Not A Name\" }\nredirect = [{ name = \"done\", to = \"https://evil.example/\" }]",
        )
        .says(&[
            "forms/guide.toml:3:11: error: `nl` is not a country code; help: two capital letters, such as `NL` or `GB`",
            "forms/guide.toml:4:15: error: unknown key `hubspt` in [elsewhere]; help: did you mean `hubspot`?",
            "forms/guide.toml:4:29: error: a form that google posts to needs `google_key`; help: name a secret: without one anybody could post in its name",
            "forms/guide.toml:4:61: error: `meta_app_secret` does not name a secret; help: write its name, such as `google-leads`; the value itself never stands in a site file",
            "forms/guide.toml:5:35: error: `to` leads to https://evil.example, which is not one of `allowed_origins`; help: add it there, or use a path such as `/thanks`",
        ]);
}

#[test]
fn patterns_and_aliases_are_checked() {
    small_site()
        .append(
            FORM,
            "[[field]]\nname = \"zip\"\nlabel = \"Zip\"\nkind = \"text\"\npattern = \"[0-9{5}\"\naliases = [\"budget\", \"\"]\n",
        )
        .says(&[
            "forms/guide.toml:23:11: error: `pattern` cannot be read: non-empty character class has no closing bracket; help: write a regular expression for the whole answer, such as `[0-9]{5}`",
            "forms/guide.toml:24:12: error: there is another field `budget` on line 11",
            "forms/guide.toml:24:22: error: `` cannot be the name of an input; help: write it as the page does: at most 64 characters",
        ]);
}

#[test]
fn two_forms_cannot_go_by_one_name_elsewhere() {
    let second = "title = \"B\"\n[elsewhere]\nnetlify = \"Contact\"\n[[field]]\nname = \"email\"\nlabel = \"Email\"\nkind = \"email\"\n";
    let found = small_site()
        .append(FORM, "[elsewhere]\nnetlify = \"contact\"\n")
        .with("forms/other.toml", second)
        .load()
        .unwrap_err()
        .to_string();
    assert!(
        found.contains("the form `guide` is called `Contact` at netlify too"),
        "{found}"
    );
}

#[test]
fn what_a_form_leaves_out_has_a_default_and_a_version_follows_its_content() {
    let form = |files: Files| files.load().unwrap().site.forms["guide"].clone();
    let plain = form(small_site());
    assert!(plain.double_opt_in && !plain.strict_origin && !plain.test_mode);
    assert_eq!(
        (plain.button.as_str(), plain.language.as_str()),
        ("Send", "en")
    );
    assert_eq!(plain.unknown_fields, UnknownFields::Keep);
    assert!(matches!(
        plain.field("email").unwrap().kind,
        FieldKind::Email
    ));
    assert!(plain.field("email").unwrap().required && !plain.field("budget").unwrap().required);
    assert_eq!(plain.consents[0].field, "newsletter");

    let commented = form(small_site().edit(FORM, "title", "# A comment changes nothing.\ntitle"));
    assert_eq!(commented.version, plain.version);
    let reworded = form(small_site().edit(FORM, "Send me news.", "Send me all news."));
    assert_ne!(reworded.version, plain.version);
    assert_ne!(
        reworded.consents[0].text_sha256,
        plain.consents[0].text_sha256
    );
}
