//! `when = { .. }` of a rule: what it matches.

use std::collections::BTreeMap;

use crate::domain::form::Form;
use crate::domain::score::{DomainClass, Predicate, Seen, TouchMatch};
use crate::domain::touchpoint::TouchpointKind;

use super::names::{FieldFacts, Names, touchpoint_kinds};
use super::reader::{At, Table};

/// The keys that say what a condition is about; exactly one of them stands in each.
const SUBJECTS: [&str; 6] = ["touchpoint", "field", "domain", "all", "any", "not"];

/// How a field can be compared.
const COMPARISONS: [&str; 6] = ["is", "contains", "matches", "min", "max", "absent"];

/// Most touchpoints a number can ask for, and longest window in days.
const MOST_TIMES: i64 = 1_000;
const LONGEST_WINDOW: i64 = 3_650;

/// Deepest nesting: more than anyone reads, and far from any limit of the machine.
const DEEPEST: u32 = 6;

/// What conditions may refer to.
pub(super) struct Vocabulary<'s> {
    /// Ids of forms.
    pub forms: &'s Names,
    /// Ids of magnets.
    pub magnets: &'s Names,
    /// Fields and their values.
    pub fields: &'s FieldFacts,
    /// Purposes that forms ask a consent for.
    pub purposes: &'s Names,
    /// The forms that could be read.
    pub forms_by_id: &'s BTreeMap<String, Form>,
}

impl Vocabulary<'_> {
    /// Whether somebody ever gets this magnet.
    pub fn is_mailed(&self, magnet: &str) -> bool {
        let mut forms = self.forms_by_id.values();
        forms.any(|f| f.magnet.as_deref() == Some(magnet))
    }
}

/// Reads a condition. Nothing where it has a mistake.
pub(super) fn predicate(
    table: Table<'_>,
    vocabulary: &Vocabulary<'_>,
    depth: u32,
) -> Option<Predicate> {
    let subjects: Vec<&'static str> = SUBJECTS.into_iter().filter(|key| table.has(key)).collect();
    let read = match subjects.as_slice() {
        _ if depth > DEEPEST => {
            table
                .spot
                .error(format!("conditions are nested over {DEEPEST} deep"));
            return None;
        }
        [] => {
            table.allow(&SUBJECTS);
            table.allow(&COMPARISONS);
            table.spot.error_help(
                "the condition does not say what it is about",
                "begin with one of touchpoint, field, domain, all, any, not: `{ field = \"country\", is = [\"DE\"] }`",
            );
            None
        }
        ["touchpoint"] => touchpoint(&table, vocabulary),
        ["field"] => field(&table, vocabulary.fields),
        ["domain"] => domain(&table),
        ["all"] => list(&table, "all", vocabulary, depth).and_then(|inner| all(&table, inner)),
        ["any"] => list(&table, "any", vocabulary, depth).and_then(|inner| any(&table, inner)),
        // The one left, `not`.
        [_] => not(&table, vocabulary, depth),
        [first, second, ..] => {
            table.allow(&SUBJECTS);
            table.allow(&COMPARISONS);
            table.key_spot(second).error_help(
                format!("the condition speaks of `{first}` and of `{second}`"),
                "put each into its own braces: `all = [{ .. }, { .. }]`",
            );
            return None;
        }
    };
    table.finish();
    read
}

fn touchpoint(table: &Table<'_>, vocabulary: &Vocabulary<'_>) -> Option<Predicate> {
    let kind = table.text("touchpoint");
    let form = table.text("form");
    let magnet = table.text("magnet");
    let lower = |key| table.text(key).map(|t| t.value.to_lowercase());
    let (page, source) = (lower("page"), lower("source"));
    let (medium, campaign) = (lower("medium"), lower("campaign"));
    let first = table.flag("first").unwrap_or(false);
    let at_least = table.bounded::<u32>("at_least", 1, MOST_TIMES);
    let within_days = table.bounded::<u32>("within_days", 1, LONGEST_WINDOW);
    if let Some(form) = &form {
        vocabulary.forms.check(form);
    }
    if let Some(magnet) = &magnet {
        vocabulary.magnets.check(magnet);
    }
    if first && at_least.is_some() {
        table.key_spot("first").error_help(
            "`first` and `at_least` cannot both hold",
            "use `first` for the first one, `at_least` for a number of them",
        );
    }
    if within_days.is_some() && at_least.is_none() && !table.has("at_least") {
        table.key_spot("within_days").error_help(
            "`within_days` needs a number of touchpoints",
            "add `at_least = 3`, or remove it",
        );
    }
    let kind = touchpoint_kind(&kind?, first || at_least.is_some())?;
    let of = TouchMatch {
        kind,
        form: form.map(|f| f.value),
        magnet: magnet.map(|m| m.value),
        page,
        source,
        medium,
        campaign,
        first,
    };
    Some(match at_least {
        Some(at_least) => Predicate::Seen(Seen {
            of,
            at_least: at_least.value,
            within_days: within_days.map(|d| d.value),
        }),
        None => Predicate::Touchpoint(of),
    })
}

/// The name as the model has it; `any` is whatever the person did.
fn touchpoint_kind(kind: &At<'_, String>, history: bool) -> Option<String> {
    if kind.value == "any" {
        return Some(String::new());
    }
    let known = TouchpointKind::ALL
        .into_iter()
        .find(|known| known.name() == kind.value);
    match known {
        None => {
            kind.spot.error_near(
                format!("there is no touchpoint `{}`", kind.value),
                &kind.value,
                &touchpoint_kinds(),
            );
            None
        }
        // Verdicts of sales may earn points, but only one by one: what sales does is no history of the person.
        Some(known) if known.is_inbound() || (known.is_verdict() && !history) => {
            Some(kind.value.clone())
        }
        Some(_) => {
            kind.spot.error_help(
                format!(
                    "`{}` is not something the lead did, so it never gives points",
                    kind.value
                ),
                "score what people do, such as `form_submitted` or `magnet_downloaded`",
            );
            None
        }
    }
}

fn field(table: &Table<'_>, fields: &FieldFacts) -> Option<Predicate> {
    let name = table.text("field")?;
    fields.check_name(&name);
    let is = table.texts("is");
    let contains = table.texts("contains");
    let matches = table.texts("matches");
    let bounds = (table.number("min"), table.number("max"));
    let absent = table.flag("absent");
    let ways = [
        table.has("is"),
        table.has("contains"),
        table.has("matches"),
        table.has("min") || table.has("max"),
        table.has("absent"),
    ];
    if ways.into_iter().filter(|way| *way).count() != 1 {
        table.spot.error_help(
            format!("the condition should compare `{}` in one way", name.value),
            "use one of `is = [..]`, `contains = [..]`, `matches = [..]`, `min`/`max`, `absent = true`",
        );
        return None;
    }
    fields.check_asked(&name);
    let field = name.value.clone();
    if let Some(values) = is {
        for value in &values {
            fields.check_value(&field, value);
        }
        let any_of = texts(table, "is", values)?;
        return Some(Predicate::FieldIs { field, any_of });
    }
    if let Some(values) = contains {
        let any_of = texts(table, "contains", values)?;
        return Some(Predicate::FieldContains { field, any_of });
    }
    if let Some(values) = matches {
        for plain in values.iter().filter(|v| !v.value.contains(['*', '?'])) {
            plain.spot.warn_help(
                "a pattern without `*` or `?` matches the whole answer only",
                format!("write `*{}*`, or use `is`", plain.value),
            );
        }
        let any_of = texts(table, "matches", values)?;
        return Some(Predicate::FieldMatches { field, any_of });
    }
    match (bounds, absent) {
        (_, Some(true)) => Some(Predicate::FieldAbsent { field }),
        (_, Some(false)) => {
            table.key_spot("absent").error_help(
                "`absent = false` matches nothing by itself",
                "write `not = { field = \"...\", absent = true }`",
            );
            None
        }
        ((None, None), None) => None,
        ((min, max), None) => {
            let (min, max) = (min.map(|m| m.value), max.map(|m| m.value));
            if min.zip(max).is_some_and(|(min, max)| min > max) {
                table.key_spot("min").error("`min` is over `max`");
            }
            if fields.is_never_a_number(&field) {
                name.spot.warn_help(
                    format!("no form asks for `{field}` as a number"),
                    "compare it with `is`, or make the field `kind = \"number\"`",
                );
            }
            Some(Predicate::FieldBetween { field, min, max })
        }
    }
}

/// Values to compare with, in lower case because case does not matter.
fn texts(table: &Table<'_>, key: &'static str, values: Vec<At<'_, String>>) -> Option<Vec<String>> {
    if values.is_empty() || values.iter().any(|v| v.value.trim().is_empty()) {
        table.key_spot(key).error_help(
            format!("`{key}` has nothing to compare with"),
            "list one text or more, none of them empty",
        );
        return None;
    }
    Some(values.into_iter().map(|v| v.value.to_lowercase()).collect())
}

/// Classes of mail domain by the word of the file.
const DOMAIN_CLASSES: [(&str, DomainClass); 4] = [
    ("business", DomainClass::Business),
    ("free_mail", DomainClass::FreeMail),
    ("disposable", DomainClass::Disposable),
    ("competitor", DomainClass::Competitor),
];

fn domain(table: &Table<'_>) -> Option<Predicate> {
    let class = table.text("domain")?;
    let found = DOMAIN_CLASSES.iter().find(|(word, _)| *word == class.value);
    if found.is_none() {
        class.spot.error_near(
            format!("there is no class of domains `{}`", class.value),
            &class.value,
            &DOMAIN_CLASSES.map(|(word, _)| word),
        );
    }
    found.map(|(_, class)| Predicate::DomainIs(*class))
}

fn list(
    table: &Table<'_>,
    key: &'static str,
    vocabulary: &Vocabulary<'_>,
    depth: u32,
) -> Option<Vec<Predicate>> {
    let tables = table.tables(key, "the condition");
    if tables.is_empty() {
        table.key_spot(key).error_help(
            format!("`{key}` has no conditions"),
            format!("write `{key} = [{{ .. }}, {{ .. }}]`"),
        );
        return None;
    }
    let expected = tables.len();
    let read: Vec<Predicate> = tables
        .into_iter()
        .filter_map(|t| predicate(t, vocabulary, depth + 1))
        .collect();
    (read.len() == expected).then_some(read)
}

/// With two touchpoints that have to be there, points for "each touchpoint that matches" would have no meaning.
fn all(table: &Table<'_>, inner: Vec<Predicate>) -> Option<Predicate> {
    let wants = |p: &&Predicate| p.is_about_touchpoints() && !matches!(p, Predicate::Not(_));
    let wanted = inner.iter().filter(wants).count();
    if wanted > 1 {
        table.key_spot("all").error_help(
            "`all` has more than one touchpoint condition, and no touchpoint is two things at once",
            "make one rule for each touchpoint, or ask whether it happened at all: `at_least = 1`",
        );
        return None;
    }
    if wanted == 0 && inner.iter().any(Predicate::is_about_touchpoints) {
        table.key_spot("all").error_help(
            "`all` says only which touchpoints do not count",
            "add the touchpoint that does, or ask how often it happened: `at_least = 1`",
        );
        return None;
    }
    Some(Predicate::All(inner))
}

/// Alternatives are all touchpoints, or none is: half of one would match each touchpoint of a person, whatever it is.
fn any(table: &Table<'_>, inner: Vec<Predicate>) -> Option<Predicate> {
    let touchpoints = inner.iter().filter(|p| p.is_about_touchpoints()).count();
    let negated = |p: &Predicate| p.is_about_touchpoints() && matches!(p, Predicate::Not(_));
    if (touchpoints != 0 && touchpoints != inner.len()) || inner.iter().any(negated) {
        table.key_spot("any").error_help(
            "`any` mixes touchpoints with conditions on the person",
            "make a rule of each, or ask whether the touchpoint happened at all: `at_least = 1`",
        );
        return None;
    }
    Some(Predicate::Any(inner))
}

fn not(table: &Table<'_>, vocabulary: &Vocabulary<'_>, depth: u32) -> Option<Predicate> {
    let inner = predicate(table.table("not", "the condition")?, vocabulary, depth + 1)?;
    if depth == 1 && inner.is_about_touchpoints() {
        table.key_spot("not").error_help(
            "`not` alone would match every other touchpoint",
            "put it beside the touchpoint that counts in `all`, or ask whether it never happened: `at_least = 1`",
        );
        return None;
    }
    Some(Predicate::Not(Box::new(inner)))
}
