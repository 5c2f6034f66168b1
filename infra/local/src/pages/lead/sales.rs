//! What sales was told of a lead, and how it stands with it.

use serde_json::Value;

use super::super::read::{When, line, list, number, points, words};
use super::history::kind;

pub(super) struct Handoff {
    pub(super) number: i64,
    pub(super) at: When,
    pub(super) facts: Vec<(String, String)>,
    pub(super) history: Vec<String>,
}

pub(super) fn labelled(given: &Value) -> (String, String) {
    (line(&given["label"]), line(&given["value"]))
}

/// What people call somebody in sales.
pub(super) fn person(id: &Value, known: &Value) -> String {
    let id = line(id);
    let name = line(&known["people"][&id]);
    if name.is_empty() { id } else { name }
}

pub(super) fn handoff(given: &Value, lead: &Value, known: &Value) -> Handoff {
    let owner = &given["owner"];
    let owner = match (line(&owner["name"]), line(&owner["email"])) {
        (name, email) if name.is_empty() => {
            if email.is_empty() {
                line(owner)
            } else {
                email
            }
        }
        (name, _) => name,
    };
    let action = &given["action"];
    let mut facts = vec![
        ("Owner".to_owned(), owner),
        ("Chosen because".to_owned(), line(&given["routed_because"])),
        ("Next step".to_owned(), line(action)),
        ("Why".to_owned(), line(&action["reason"])),
    ];
    if given["score"]["total"].is_number() {
        let total = points(number(&given["score"]["total"]));
        facts.push(("Score then".to_owned(), format!("{total} points")));
    }
    facts.extend(answers(given, lead, known));
    facts.extend(list(&given["bant"]).iter().map(labelled));
    facts.extend(list(&given["comments"]).iter().map(labelled));
    facts.retain(|(_, value)| !value.is_empty());
    Handoff {
        number: number(&given["cycle"]),
        at: When::read(&given["at"]),
        facts,
        history: list(&given["history"])
            .iter()
            .map(|entry| {
                let at = When::read(&entry["at"]).short;
                format!("{at} {}", line(&entry["text"])).trim().to_owned()
            })
            .collect(),
    }
}

/// How sales stands with the lead: until when an answer is due, or what it was.
pub(super) fn answers(given: &Value, lead: &Value, known: &Value) -> Vec<(String, String)> {
    let handling = &lead["handling"];
    if number(&given["cycle"]) != number(&lead["cycle"]) {
        return Vec::new();
    }
    let mut told = Vec::new();
    let mut tell = |label: &str, value: String| told.push((label.to_owned(), value));
    let said = |what: &Value| {
        let (label, _) = kind(&line(&what["kind"]));
        let reason = words(&line(&what["reason"])).to_lowercase();
        let because = if reason.is_empty() {
            String::new()
        } else {
            format!(" ({reason})")
        };
        let by = match person(&what["by"], known) {
            name if name.is_empty() => name,
            name => format!(", {name}"),
        };
        format!("{label} {}{because}{by}", When::read(&what["at"]).short)
    };
    let at = |value: &Value| When::read(value).short;
    if handling["holder"].is_string() {
        tell("Now with", person(&handling["holder"], known));
    }
    let mut waits = true;
    for what in ["answer", "qualified", "outcome"] {
        if handling[what].is_object() {
            waits = false;
            tell("Answer", said(&handling[what]));
        }
    }
    if waits && handling["snoozed_until"].is_number() {
        tell("Put off until", at(&handling["snoozed_until"]));
    }
    if waits && given["answer_by"].is_number() {
        tell("Answer due by", at(&given["answer_by"]));
    }
    told
}
