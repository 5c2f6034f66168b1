//! The page of what was set aside: who, when, why, and two buttons for each.

use askama::Template;

use super::STYLE;
use super::read::When;
use crate::quarantine::{Entry, Listing, Record};

#[derive(Template)]
#[template(path = "quarantine.html")]
struct Page {
    here: &'static str,
    rows: Vec<Row>,
    records: Vec<RecordRow>,
    trapped: Vec<(String, i64)>,
    said: Option<&'static str>,
}

struct Row {
    action: String,
    name: String,
    under: String,
    form: String,
    at: When,
    reason: &'static str,
    releasable: bool,
}

struct RecordRow {
    function: String,
    subject: String,
    class: String,
    at: When,
}

/// The page; `said` is what was done just now.
pub fn quarantine(listing: &Listing, said: Option<&'static str>) -> String {
    let trapped = listing.steps.iter().filter_map(|(form, steps)| {
        let count = steps.get("trapped").copied().filter(|n| *n > 0)?;
        Some((form.clone(), count))
    });
    super::rendered(&Page {
        here: "quarantine",
        rows: listing.held.iter().map(row).collect(),
        records: listing.records.iter().map(record_row).collect(),
        trapped: trapped.collect(),
        said,
    })
}

fn row(entry: &Entry) -> Row {
    let (name, under) = if entry.who.is_empty() {
        (entry.email.clone(), String::new())
    } else {
        (entry.who.clone(), entry.email.clone())
    };
    Row {
        action: format!("/local/quarantine/{}/{}", entry.lead_id, entry.id),
        name,
        under,
        form: entry.form.clone(),
        at: When::read(&serde_json::json!(entry.at)),
        reason: entry.reason,
        releasable: entry.releasable,
    }
}

fn record_row(record: &Record) -> RecordRow {
    RecordRow {
        function: record.function.clone(),
        subject: record.subject.clone(),
        class: record.class.clone(),
        at: When::read(&serde_json::json!(record.at)),
    }
}
