//! Names of people: a form that asks for first and last name, and a page that asks for both in one, or the other way round.

use super::{Form, Posted};

/// Names that the form wants and the post has in another shape.
pub(super) fn bridge(form: &Form, posted: &Posted<'_>) -> Vec<(String, String)> {
    let given = |name: &str| {
        let found = posted.iter().find(|(n, _)| n == name);
        found
            .and_then(|(_, values)| values.iter().map(|v| v.trim()).find(|v| !v.is_empty()))
            .unwrap_or_default()
    };
    let wants = |name: &str| form.field(name).is_some() && given(name).is_empty();
    let (first, last, full) = (given("first_name"), given("last_name"), given("full_name"));
    let mut made = Vec::new();
    if wants("full_name") && !(first.is_empty() && last.is_empty()) {
        made.push((
            "full_name".to_owned(),
            format!("{first} {last}").trim().to_owned(),
        ));
    }
    if full.is_empty() || !(first.is_empty() && last.is_empty()) {
        return made;
    }
    // The last word is the family name more often than not; the whole name is kept beside it.
    let (before, after) = full.rsplit_once(char::is_whitespace).unwrap_or((full, ""));
    for (name, part) in [("first_name", before.trim()), ("last_name", after)] {
        if wants(name) && !part.is_empty() {
            made.push((name.to_owned(), part.to_owned()));
        }
    }
    made
}
