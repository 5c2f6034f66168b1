//! The inbox, and one mail.

use askama::Template;
use serde_json::Value;

use super::STYLE;
use super::read::{When, counted, fields, line, list, words};

/// How much of a mail's text the inbox shows, in characters.
const SNIPPET: usize = 160;

#[derive(Template)]
#[template(path = "inbox.html")]
struct InboxPage {
    here: &'static str,
    summary: String,
    rows: Vec<Row>,
}

struct Row {
    id: String,
    to: String,
    subject: String,
    snippet: String,
    at: When,
}

#[derive(Template)]
#[template(path = "mail.html")]
struct MailPage {
    here: &'static str,
    id: String,
    subject: String,
    at: When,
    envelope: Vec<(&'static str, String)>,
    has_html: bool,
    text: String,
    links: Vec<String>,
    events: Vec<Event>,
    tags: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    played: String,
}

struct Event {
    label: String,
    tone: &'static str,
    at: When,
    handed: bool,
}

/// The inbox, latest first, of an array of mail records.
pub fn inbox(mails: &Value) -> String {
    let rows: Vec<Row> = list(mails)
        .iter()
        .rev()
        .map(|mail| Row {
            id: line(&mail["id"]),
            to: line(&mail["to"]),
            subject: subject(mail),
            snippet: snippet(&line(&mail["text"])),
            at: When::read(&mail["at"]),
        })
        .collect();
    super::rendered(&InboxPage {
        here: "inbox",
        summary: if rows.is_empty() {
            String::new()
        } else {
            counted(rows.len(), "mail", "mails")
        },
        rows,
    })
}

/// One mail: a mail record, with `events[]` `{type, detail?, at, handed}` and `played` where an event was just played.
pub fn mail(doc: &Value) -> String {
    let mut envelope = Vec::new();
    for (label, name) in [
        ("From", "from"),
        ("To", "to"),
        ("Cc", "cc"),
        ("Bcc", "bcc"),
        ("Answers to", "reply_to"),
    ] {
        let value = line(&doc[name]);
        if !value.is_empty() {
            envelope.push((label, value));
        }
    }
    let pairs = |name: &str| {
        fields(&doc[name])
            .map(|(name, value)| (name.clone(), line(value)))
            .collect()
    };
    super::rendered(&MailPage {
        here: "inbox",
        id: line(&doc["id"]),
        subject: subject(doc),
        at: When::read(&doc["at"]),
        envelope,
        has_html: !line(&doc["html"]).is_empty(),
        text: line(&doc["text"]),
        links: list(&doc["links"])
            .iter()
            .map(line)
            .filter(|link| link.starts_with("http://") || link.starts_with("https://"))
            .collect(),
        events: list(&doc["events"]).iter().map(event).collect(),
        tags: pairs("tags"),
        headers: pairs("headers"),
        played: words(&line(&doc["played"])).to_lowercase(),
    })
}

fn subject(mail: &Value) -> String {
    let subject = line(&mail["subject"]);
    if subject.is_empty() {
        "(no subject)".to_owned()
    } else {
        subject
    }
}

/// The beginning of a text on one line.
fn snippet(text: &str) -> String {
    let flat: Vec<&str> = text.split_whitespace().collect();
    flat.join(" ").chars().take(SNIPPET).collect()
}

fn event(given: &Value) -> Event {
    let name = line(&given["type"]);
    let (label, tone) = match name.as_str() {
        "Send" => ("Accepted for sending", "quiet"),
        "Delivery" => ("Delivered", ""),
        "Bounce" => ("Bounced", "bad"),
        "Complaint" => ("Reported as spam", "bad"),
        "Reject" => ("Rejected", "bad"),
        "DeliveryDelay" => ("Delivery delayed", "quiet"),
        other => (other, ""),
    };
    let detail = line(&given["detail"]);
    Event {
        label: if detail.is_empty() {
            label.to_owned()
        } else {
            format!("{label} ({})", detail.to_lowercase())
        },
        tone,
        at: When::read(&given["at"]),
        handed: given["handed"].as_bool().unwrap_or(true),
    }
}
