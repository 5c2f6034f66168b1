//! The words a site may use: shapes of ids, names of fields, kinds of touchpoint.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::form::{Field, FieldKind, Form};
use crate::domain::reserved::{canonical_names, is_canonical};
use crate::domain::touchpoint::TouchpointKind;

use super::reader::{At, Spot, suggestion};

/// Checks an id of a form, magnet, person, purpose or rule: `[a-z0-9-]`, starting with a letter or digit.
pub(super) fn check_id(id: &At<'_, String>, what: &str, longest: usize) -> bool {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let ok = id.value.chars().all(good)
        && id.value.starts_with(|c| c != '-')
        && id.value.len() <= longest;
    if !ok {
        let advice = format!(
            "use a-z, 0-9 and -, at most {longest} characters{}",
            example(&id.value, '-', longest)
        );
        id.spot.error_help(
            format!("`{}` cannot be the id of a {what}", id.value),
            advice,
        );
    }
    ok
}

/// Checks a field name: `[a-z0-9_]`, starting with a letter.
pub(super) fn check_field_name(name: &At<'_, String>) -> bool {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let ok = name.value.chars().all(good)
        && name
            .value
            .starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
        && name.value.len() <= 64;
    if !ok {
        let advice = format!(
            "use a-z, 0-9 and _, starting with a letter, at most 64 characters{}",
            example(&name.value, '_', 64)
        );
        name.spot.error_help(
            format!("`{}` cannot be the name of a field", name.value),
            advice,
        );
    }
    ok
}

/// `, such as ...`: the same name in the right shape, where something is left of it.
fn example(name: &str, joiner: char, longest: usize) -> String {
    let mut made = String::new();
    for c in name.to_lowercase().chars() {
        if c.is_ascii_alphanumeric() {
            made.push(c);
        } else if !made.is_empty() && !made.ends_with(joiner) {
            made.push(joiner);
        }
    }
    made.truncate(longest);
    let made = made.trim_matches(joiner);
    if made.is_empty() {
        String::new()
    } else {
        format!(", such as `{made}`")
    }
}

/// Ids that were seen, to find a second use.
#[derive(Default)]
pub(super) struct Unique(BTreeMap<String, u32>);

impl Unique {
    /// Notes the id; a second use is reported.
    pub fn insert(&mut self, id: &str, spot: Spot<'_>, what: &str) -> bool {
        if let Some(line) = self.0.get(id) {
            spot.error(format!("there is another {what} `{id}` on line {line}"));
            return false;
        }
        self.0.insert(id.to_owned(), spot.line());
        true
    }

    /// The ids, sorted.
    pub fn into_ids(self) -> BTreeSet<String> {
        self.0.into_keys().collect()
    }
}

/// Names that other parts of the site may refer to. `None` where the file that defines them could not be read: then nothing is said
/// about references, because each would be reported for no reason of its own.
pub(super) struct Names {
    kind: &'static str,
    ids: Option<BTreeSet<String>>,
}

impl Names {
    /// The names of things of this kind (`magnet`, `form`, `person`).
    pub fn new(kind: &'static str, ids: Option<BTreeSet<String>>) -> Self {
        Self { kind, ids }
    }

    /// The same names and some more.
    pub fn and<'n>(&self, more: impl Iterator<Item = &'n str>) -> Self {
        let ids = self.ids.as_ref().map(|ids| {
            let ids = ids.iter().cloned();
            ids.chain(more.map(str::to_owned)).collect()
        });
        Self {
            kind: self.kind,
            ids,
        }
    }

    /// Whether there is such a name, as far as is known.
    pub fn has(&self, id: &str) -> bool {
        self.ids.as_ref().is_some_and(|ids| ids.contains(id))
    }

    /// Reports a reference to something that does not exist.
    pub fn check(&self, id: &At<'_, String>) {
        let Some(ids) = &self.ids else { return };
        if !ids.contains(&id.value) {
            let known: Vec<&str> = ids.iter().map(String::as_str).collect();
            id.spot.error_near(
                format!("there is no {} `{}`", self.kind, id.value),
                &id.value,
                &known,
            );
        }
    }
}

/// What the forms say about profile fields, for rules and routes to be checked against.
pub(super) struct FieldFacts {
    /// `false` where a form has a mistake: then an unknown field may be one of its own.
    complete: bool,
    by_name: BTreeMap<String, Vec<FieldKind>>,
    /// Names of fields that every form requires.
    always: BTreeSet<String>,
}

impl FieldFacts {
    /// Gathers the fields of all forms.
    pub fn new<'f>(forms: impl Iterator<Item = &'f Form>, complete: bool) -> Self {
        let mut by_name: BTreeMap<String, Vec<FieldKind>> = BTreeMap::new();
        let mut always: Option<BTreeSet<String>> = None;
        for form in forms {
            for Field { name, kind, .. } in &form.fields {
                by_name.entry(name.clone()).or_default().push(kind.clone());
            }
            let required = form.fields.iter().filter(|f| f.required);
            let required: BTreeSet<String> = required.map(|f| f.name.clone()).collect();
            always = Some(match always {
                None => required,
                Some(so_far) => &so_far & &required,
            });
        }
        Self {
            complete,
            by_name,
            always: always.unwrap_or_default(),
        }
    }

    /// Whether every form could be read.
    pub fn complete(&self) -> bool {
        self.complete
    }

    /// Whether every form requires the field.
    pub fn is_always_given(&self, field: &str) -> bool {
        self.complete && self.always.contains(field)
    }

    /// The numbers a field can have, where every form that asks for it asks for a number.
    pub fn range(&self, field: &str) -> Option<(i64, i64)> {
        let kinds = self.by_name.get(field).filter(|_| self.complete)?;
        let bounds = kinds.iter().map(|kind| match kind {
            FieldKind::Number { min, max } => Some((*min, *max)),
            _ => None,
        });
        let bounds: Vec<(i64, i64)> = bounds.collect::<Option<_>>()?;
        let least = bounds.iter().map(|(min, _)| *min).min()?;
        Some((least, bounds.iter().map(|(_, max)| *max).max()?))
    }

    /// Warns of a well-known field that no form asks for: only an import or sales can give it then.
    pub fn check_asked(&self, field: &At<'_, String>) {
        let name = field.value.as_str();
        if self.complete && !self.by_name.contains_key(name) && is_canonical(name) {
            let asked: Vec<&str> = self.by_name.keys().map(String::as_str).collect();
            let near = super::reader::nearest(name, &asked)
                .map(|near| format!("; or did you mean `{near}`?"))
                .unwrap_or_default();
            field.spot.warn_help(
                format!("no form asks for `{name}`, so only an import or sales can answer it"),
                format!("add a field `{name}` to a form{near}"),
            );
        }
    }

    /// Reports a field that no form asks for and no other source brings.
    pub fn check_name(&self, field: &At<'_, String>) {
        let name = field.value.as_str();
        if !self.complete || self.by_name.contains_key(name) || is_canonical(name) {
            return;
        }
        let asked = self.by_name.keys().map(String::as_str);
        let mut known: Vec<&str> = asked
            .chain(canonical_names().map(|c| -> &str { c }))
            .collect();
        known.sort_unstable();
        known.dedup();
        let help = suggestion(name, &known)
            .unwrap_or_else(|| String::from("use the name of a field that some form asks for"));
        field
            .spot
            .error_help(format!("no form asks for a field `{name}`"), help);
    }

    /// Warns of a value that a field can never have, because every form that asks for it takes other answers.
    pub fn check_value(&self, field: &str, value: &At<'_, String>) {
        if !self.complete {
            return;
        }
        if self.is_country(field) && value.value.len() != 2 {
            value.spot.warn_help(
                format!("`{}` is not how `{field}` is answered", value.value),
                "countries are two-letter codes, such as `DE`",
            );
        }
        let Some(options) = self.options(field) else {
            return;
        };
        if !options.iter().any(|o| o.eq_ignore_ascii_case(&value.value)) {
            let help = suggestion(&value.value, &options)
                .unwrap_or_else(|| String::from("use the value of an option"));
            value.spot.warn_help(
                format!("no form offers `{}` as an answer to `{field}`", value.value),
                help,
            );
        }
    }

    /// Whether every form that asks for the field asks for a country.
    fn is_country(&self, field: &str) -> bool {
        self.by_name
            .get(field)
            .is_some_and(|kinds| kinds.iter().all(|k| matches!(k, FieldKind::Country)))
    }

    /// All values a field can have, where every form that asks for it is a choice.
    fn options(&self, field: &str) -> Option<Vec<&str>> {
        let mut values = Vec::new();
        for kind in self.by_name.get(field)? {
            let (FieldKind::Choice { options } | FieldKind::Choices { options }) = kind else {
                return None;
            };
            values.extend(options.iter().map(|o| o.value.as_str()));
        }
        Some(values)
    }

    /// Whether the field has one answer at a time. A rule that no form feeds is taken to have one too.
    pub fn is_single(&self, field: &str) -> bool {
        self.by_name
            .get(field)
            .is_none_or(|kinds| !kinds.iter().any(|k| matches!(k, FieldKind::Choices { .. })))
    }

    /// Whether some form asks for the field, but none as a number.
    pub fn is_never_a_number(&self, field: &str) -> bool {
        self.complete
            && self
                .by_name
                .get(field)
                .is_some_and(|kinds| !kinds.iter().any(|k| matches!(k, FieldKind::Number { .. })))
    }
}

/// The names of all kinds of touchpoint.
pub(super) fn touchpoint_kinds() -> Vec<&'static str> {
    TouchpointKind::ALL.iter().map(|kind| kind.name()).collect()
}
