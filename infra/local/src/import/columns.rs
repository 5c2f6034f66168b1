//! What the columns of a file mean: by their names, by the aliases that forms know, or as `--map` says.
//!
//! Names match without regard to case, `-`, `_` and blanks. Pure.

use shared::domain::reserved::canonical_name;
use shared::domain::source::Source;

/// What a column holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Column {
    /// The address.
    Email,
    /// The row's own name in the system it comes from.
    RowId,
    /// When it happened.
    At,
    /// What happened: the name of a kind of touchpoint.
    Kind,
    /// The form it came by.
    Form,
    /// The magnet it concerns.
    Magnet,
    /// A reason: of a rejection, of a bounce.
    Reason,
    /// When the consent was given.
    OptInTime,
    /// The network address it was given from.
    OptInIp,
    /// When it was confirmed by a click.
    ConfirmTime,
    /// The network address of that click.
    ConfirmIp,
    /// What was agreed to.
    Purpose,
    /// The exact words that were agreed to.
    Wording,
    /// The page it happened on.
    Page,
    /// Attribution: a campaign parameter, a click id, the referrer.
    Attribution(String),
    /// An answer of this name.
    Answer(String),
    /// Not wanted.
    Ignored,
}

/// Names of columns that are no answers, written without `-`, `_`, blanks and case.
const NAMES: [(&[&str], Column); 13] = [
    (&["id", "rowid", "externalid", "recordid"], Column::RowId),
    (
        &[
            "at",
            "createdat",
            "created",
            "createdate",
            "date",
            "time",
            "timestamp",
            "occurredat",
            "submittedat",
            "addtime",
        ],
        Column::At,
    ),
    (&["kind", "touchpoint", "activity"], Column::Kind),
    (&["form", "formid"], Column::Form),
    (&["magnet", "magnetid"], Column::Magnet),
    (&["reason"], Column::Reason),
    (&["optintime", "optinat"], Column::OptInTime),
    (&["optinip"], Column::OptInIp),
    (&["confirmtime", "confirmedat"], Column::ConfirmTime),
    (&["confirmip"], Column::ConfirmIp),
    (&["consentpurpose", "purpose"], Column::Purpose),
    (&["consenttext", "consentwording"], Column::Wording),
    (&["pageurl", "pageuri", "landingpage"], Column::Page),
];

/// Why the columns cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ColumnError {
    /// `--map` is not `COLUMN=FIELD`.
    #[error("`--map {0}` is not COLUMN=FIELD")]
    Shape(String),
    /// `--map` names a column that is not there.
    #[error("the file has no column `{0}` that --map speaks of; it has {1}")]
    NoColumn(String, String),
    /// No address.
    #[error("no column holds the address; name it with --map \"COLUMN=email\" (the file has {0})")]
    NoEmail(String),
    /// Two columns would be the same.
    #[error("two columns would both be `{0}`; leave one out with --map \"COLUMN=-\"")]
    Twice(String),
}

/// The meaning of each column of a heading. `maps` are `COLUMN=FIELD`, where `-` as the field leaves the column out.
pub fn columns(heading: &[String], maps: &[String]) -> Result<Vec<Column>, ColumnError> {
    let listed = || heading.join(", ");
    let mut wanted = Vec::new();
    for map in maps {
        let (column, field) = map
            .split_once('=')
            .ok_or_else(|| ColumnError::Shape(map.clone()))?;
        let at = heading
            .iter()
            .position(|name| folded(name) == folded(column))
            .ok_or_else(|| ColumnError::NoColumn(column.to_owned(), listed()))?;
        wanted.push((at, field.trim().to_owned()));
    }
    let found: Vec<Column> = heading
        .iter()
        .enumerate()
        .map(|(at, name)| {
            wanted
                .iter()
                .rev()
                .find(|(column, _)| *column == at)
                .map_or_else(|| named(name), |(_, field)| named(field))
        })
        .collect();
    if !found.contains(&Column::Email) {
        return Err(ColumnError::NoEmail(listed()));
    }
    for (at, column) in found.iter().enumerate() {
        if *column != Column::Ignored && found[..at].contains(column) {
            return Err(ColumnError::Twice(heading[at].clone()));
        }
    }
    Ok(found)
}

fn named(name: &str) -> Column {
    let name = name.trim();
    let key = folded(name);
    if matches!(name, "" | "-") {
        return Column::Ignored;
    }
    if let Some((_, column)) = NAMES.iter().find(|(names, _)| names.contains(&&*key)) {
        return column.clone();
    }
    let plain = name.to_lowercase().replace([' ', '-'], "_");
    if Source::is_attribution_field(&plain) {
        return Column::Attribution(plain);
    }
    match canonical_name(name) {
        Some("email") => Column::Email,
        Some(canonical) => Column::Answer(canonical.to_owned()),
        None => Column::Answer(plain),
    }
}

fn folded(name: &str) -> String {
    name.chars()
        .filter(|c| !matches!(c, '-' | '_' | ' '))
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(heading: &[&str], maps: &[&str]) -> Result<Vec<Column>, ColumnError> {
        let own = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
        columns(&own(heading), &own(maps))
    }

    fn answer(name: &str) -> Column {
        Column::Answer(name.into())
    }

    #[test]
    fn columns_go_by_the_names_of_other_systems() {
        assert_eq!(
            read(
                &[
                    "E-Mail",
                    "FNAME",
                    "Company Name",
                    "jobtitle",
                    "OPTIN_TIME",
                    "CONFIRM_IP",
                    "utm_source",
                    "Shoe size",
                    "Id"
                ],
                &[]
            ),
            Ok(vec![
                Column::Email,
                answer("first_name"),
                answer("company"),
                answer("job_title"),
                Column::OptInTime,
                Column::ConfirmIp,
                Column::Attribution("utm_source".into()),
                answer("shoe_size"),
                Column::RowId,
            ])
        );
    }

    #[test]
    fn a_map_wins_over_the_name_and_a_dash_leaves_a_column_out() {
        assert_eq!(
            read(
                &["Contact", "Email", "Since"],
                &["contact=email", "Email=-", "since=at"]
            ),
            Ok(vec![Column::Email, Column::Ignored, Column::At])
        );
    }

    #[test]
    fn what_cannot_be_used_is_told() {
        let problem =
            |heading: &[&str], maps: &[&str]| read(heading, maps).unwrap_err().to_string();
        assert!(problem(&["Name"], &[]).contains("no column holds the address"));
        assert!(problem(&["Email"], &["Name=company"]).contains("no column `Name`"));
        assert!(problem(&["Email"], &["Name"]).contains("not COLUMN=FIELD"));
        assert!(problem(&["Email", "Mail"], &[]).contains("two columns"));
    }
}
