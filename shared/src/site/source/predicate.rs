//! `when = { .. }` of a rule: what it matches.

use crate::domain::score::{DomainClass, Predicate, TouchMatch};
use crate::domain::touchpoint::TouchpointKind;

use super::names::{FieldFacts, Names, touchpoint_kinds};
use super::reader::{At, Table};

/// The keys that say what a condition is about; exactly one of them stands in each.
const SUBJECTS: [&str; 6] = ["touchpoint", "field", "domain", "all", "any", "not"];

/// How a field can be compared.
const COMPARISONS: [&str; 5] = ["is", "contains", "min", "max", "absent"];

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
        ["any"] => list(&table, "any", vocabulary, depth)
            .and_then(|inner| profile_only(&table, "any", inner))
            .map(Predicate::Any),
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
    if let Some(form) = &form {
        vocabulary.forms.check(form);
    }
    if let Some(magnet) = &magnet {
        vocabulary.magnets.check(magnet);
    }
    let kind = kind?;
    match TouchpointKind::ALL
        .into_iter()
        .find(|known| known.name() == kind.value)
    {
        None => {
            kind.spot.error_near(
                format!("there is no touchpoint `{}`", kind.value),
                &kind.value,
                &touchpoint_kinds(),
            );
            None
        }
        Some(known) if !known.is_inbound() => {
            kind.spot.error_help(
                format!(
                    "`{}` is not something the lead did, so it never gives points",
                    kind.value
                ),
                "score what people do, such as `form_submitted` or `magnet_downloaded`",
            );
            None
        }
        Some(_) => Some(Predicate::Touchpoint(TouchMatch {
            kind: kind.value,
            form: form.map(|f| f.value),
            magnet: magnet.map(|m| m.value),
            ..TouchMatch::default()
        })),
    }
}

fn field(table: &Table<'_>, fields: &FieldFacts) -> Option<Predicate> {
    let name = table.text("field")?;
    fields.check_name(&name);
    let is = table.texts("is");
    let contains = table.texts("contains");
    let bounds = (table.number("min"), table.number("max"));
    let absent = table.flag("absent");
    let ways = [
        table.has("is"),
        table.has("contains"),
        table.has("min") || table.has("max"),
        table.has("absent"),
    ];
    if ways.into_iter().filter(|way| *way).count() != 1 {
        table.spot.error_help(
            format!("the condition should compare `{}` in one way", name.value),
            "use one of `is = [..]`, `contains = [..]`, `min`/`max`, `absent = true`",
        );
        return None;
    }
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

fn domain(table: &Table<'_>) -> Option<Predicate> {
    let class = table.text("domain")?;
    match class.value.as_str() {
        "business" => Some(Predicate::DomainIs(DomainClass::Business)),
        "free_mail" => Some(Predicate::DomainIs(DomainClass::FreeMail)),
        "competitor" => Some(Predicate::DomainIs(DomainClass::Competitor)),
        other => {
            let known = ["business", "free_mail", "competitor"];
            class.spot.error_near(
                format!("there is no class of domains `{other}`"),
                other,
                &known,
            );
            None
        }
    }
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

/// With two touchpoint conditions in one rule, points for "each touchpoint that matches" would have no meaning.
fn all(table: &Table<'_>, inner: Vec<Predicate>) -> Option<Predicate> {
    if inner.iter().filter(|p| p.is_about_touchpoints()).count() > 1 {
        table.key_spot("all").error_help(
            "`all` has more than one touchpoint condition, and no touchpoint is two things at once",
            "make one rule for each touchpoint",
        );
        return None;
    }
    Some(Predicate::All(inner))
}

fn not(table: &Table<'_>, vocabulary: &Vocabulary<'_>, depth: u32) -> Option<Predicate> {
    let inner = predicate(table.table("not", "the condition")?, vocabulary, depth + 1)?;
    let inner = profile_only(table, "not", vec![inner])?.pop()?;
    Some(Predicate::Not(Box::new(inner)))
}

fn profile_only(
    table: &Table<'_>,
    key: &'static str,
    inner: Vec<Predicate>,
) -> Option<Vec<Predicate>> {
    if inner.iter().any(Predicate::is_about_touchpoints) {
        table.key_spot(key).error_help(
            format!("`{key}` can hold conditions on fields and domains only"),
            "make one rule for each touchpoint, or put the touchpoint beside it in `all`",
        );
        return None;
    }
    Some(inner)
}
