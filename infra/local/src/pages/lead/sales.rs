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

/// A handoff; `doc` is all that is known of the lead.
pub(super) fn handoff(given: &Value, doc: &Value) -> Handoff {
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
    facts.extend(answers(given, doc));
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
pub(super) fn answers(given: &Value, doc: &Value) -> Vec<(String, String)> {
    let lead = &doc["lead"];
    let handling = &lead["handling"];
    let cycle = number(&given["cycle"]);
    if cycle != number(&lead["cycle"]) {
        return Vec::new();
    }
    let name = |id: &Value| person(id, &doc["words"]);
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
        let by = match name(&what["by"]) {
            name if name.is_empty() => name,
            name => format!(", {name}"),
        };
        format!("{label} {}{because}{by}", When::read(&what["at"]).short)
    };
    let at = |value: &Value| When::read(value).short;
    if handling["holder"].is_string() {
        tell("Now with", name(&handling["holder"]));
    }
    let mut waits = true;
    for what in ["answer", "qualified", "outcome"] {
        if handling[what].is_object() {
            waits = false;
            tell("Answer", said(&handling[what]));
        }
    }
    if !waits {
        return told;
    }
    // It moves on by itself: whoever it names is asked next, when its time has come.
    let escalation = list(&doc["outbox"])
        .iter()
        .find(|item| item["kind"] == "escalation" && number(&item["order"]["cycle"]) == cycle);
    let next = escalation.filter(|item| item["state"] == "PENDING");
    let due = next.map_or(&given["answer_by"], |item| &item["not_before"]);
    let put_off = &handling["snoozed_until"];
    if put_off.is_number() {
        tell("Put off until", at(put_off));
    }
    if due.is_number() && number(due) > number(put_off) {
        tell("Answer due by", at(due));
    }
    if let Some(item) = next {
        tell("Asked after that", name(&item["order"]["person"]));
    } else if escalation.is_some() {
        tell("Asked so far", "everybody in line".to_owned());
    }
    told
}
