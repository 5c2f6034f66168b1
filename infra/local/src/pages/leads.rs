//! The list of leads.

use askama::Template;
use serde_json::Value;

use super::STYLE;
use super::chip::{self, Chip};
use super::read::{When, capitalised, counted, line, list, number, points, source, width};

/// What a full bar stands for where no lead has more.
const FULL_BAR: i64 = 100;

#[derive(Template)]
#[template(path = "leads.html")]
struct LeadsPage {
    here: &'static str,
    summary: String,
    rows: Vec<Row>,
    /// Address of the next page; empty where there is none.
    next: String,
    is_first: bool,
}

struct Row {
    href: String,
    name: String,
    under: String,
    stage: Chip,
    total: String,
    width: i64,
    last_touch: When,
    source: String,
}

/// A page of the lead list, latest touch first. `doc` is an array of leads, or has one under `leads`; each is a lead, or has one under
/// `lead`. Where there are more pages it has `next`, the address of the next one, and `is_first`.
pub fn leads(doc: &Value) -> String {
    let leads: Vec<&Value> = list(if doc.is_array() { doc } else { &doc["leads"] })
        .iter()
        .map(|one| {
            if one["lead"].is_object() {
                &one["lead"]
            } else {
                one
            }
        })
        .collect();
    let whole = leads
        .iter()
        .map(|lead| number(&lead["score"]["total"]))
        .fold(FULL_BAR, i64::max);
    let mut rows: Vec<Row> = leads.iter().map(|lead| row(lead, whole)).collect();
    rows.sort_by(|a, b| b.last_touch.cmp(&a.last_touch));

    let handed_over = leads
        .iter()
        .filter(|lead| matches!(lead["stage"].as_str(), Some("mql" | "sal" | "sql")))
        .count();
    let summary = match (rows.len(), handed_over) {
        (0, _) => String::new(),
        (all, 0) => counted(all, "lead", "leads"),
        (all, handed) => format!("{}, {handed} with sales", counted(all, "lead", "leads")),
    };
    let (next, is_first) = (line(&doc["next"]), doc["is_first"] != false);
    let summary = if next.is_empty() && is_first {
        summary
    } else {
        format!("{summary} on this page; those that sales works on come first")
    };
    super::rendered(&LeadsPage {
        here: "leads",
        summary,
        rows,
        next,
        is_first,
    })
}

fn row(lead: &Value, whole: i64) -> Row {
    let email = line(&lead["email"]);
    let total = number(&lead["score"]["total"]);
    let (key, value) = if email.is_empty() {
        ("lead_id", line(&lead["lead_id"]))
    } else {
        ("email", email.clone())
    };
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair(key, &value)
        .finish();
    let name = person(lead);
    let company = company(lead);
    let under = [company, email.clone()]
        .into_iter()
        .filter(|part| !part.is_empty() && *part != name)
        .collect::<Vec<_>>()
        .join(" · ");
    let source = source(&lead["last_touch"]);
    Row {
        href: format!("/local/leads?{query}"),
        name,
        under,
        stage: chip::stage(&line(&lead["stage"])),
        total: points(total),
        width: width(total, whole),
        last_touch: last_seen(lead),
        source: if source.is_empty() {
            "Direct".to_owned()
        } else {
            capitalised(&source)
        },
    }
}

/// When the lead was last heard of.
fn last_seen(lead: &Value) -> When {
    let seen = When::read(&lead["last_seen"]);
    if seen.is_known() {
        seen
    } else {
        When::read(&lead["last_touch"]["at"])
    }
}

/// A field of the profile as text.
pub(super) fn profile_field(lead: &Value, name: &str) -> String {
    let profiled = line(&lead["profile"][name]);
    if profiled.is_empty() {
        line(&lead[name])
    } else {
        profiled
    }
}

/// The name to call a lead by: the person's, else the address, else the id.
pub(super) fn person(lead: &Value) -> String {
    let both = format!(
        "{} {}",
        profile_field(lead, "first_name"),
        profile_field(lead, "last_name")
    );
    [
        both.trim().to_owned(),
        profile_field(lead, "full_name"),
        profile_field(lead, "name"),
        line(&lead["email"]),
        line(&lead["lead_id"]),
    ]
    .into_iter()
    .find(|name| !name.is_empty())
    .unwrap_or_else(|| "Unnamed lead".to_owned())
}

/// The company, under either of its usual names.
pub(super) fn company(lead: &Value) -> String {
    let company = profile_field(lead, "company");
    if company.is_empty() {
        profile_field(lead, "company_name")
    } else {
        company
    }
}
