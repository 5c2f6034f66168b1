//! Who a lead is: profile, consents, what keeps mail away.

use serde_json::Value;
use shared::domain::countries::country_name;

use super::super::chip::{self, Chip};
use super::super::read::{When, fields, line, list, number, words};

pub(super) struct Field {
    pub(super) label: String,
    pub(super) value: String,
    pub(super) trust: String,
}

pub(super) struct Consent {
    pub(super) purpose: String,
    pub(super) decision: Chip,
    pub(super) at: When,
    pub(super) how: String,
    pub(super) text: String,
    /// What was said earlier, latest first.
    pub(super) before: Vec<String>,
}

/// What a reader looks for first; the rest follows by name.
const FIRST_FIELDS: [&str; 7] = [
    "first_name",
    "last_name",
    "full_name",
    "job_title",
    "company",
    "phone",
    "country",
];

/// What the guard forbids, in words.
pub(super) fn blocked(guard: &Value) -> String {
    let at = |value: &Value| When::read(value).short;
    if guard["erased_at"].is_number() {
        return format!("Erased {}", at(&guard["erased_at"]));
    }
    let suppressed = &guard["suppressed"];
    let why = match line(&suppressed["reason"]).as_str() {
        "" => return String::new(),
        "unsubscribed" => "unsubscribed".to_owned(),
        "hard_bounce" => "the address bounced".to_owned(),
        "complaint" => "reported as spam".to_owned(),
        other => words(other).to_lowercase(),
    };
    format!("No mail since {}: {why}", at(&suppressed["at"]))
}

/// The address of the first fact that has one, for a lead without state.
pub(super) fn given_address(doc: &Value) -> String {
    list(&doc["touchpoints"])
        .iter()
        .map(|touch| line(&touch["email"]))
        .find(|email| !email.is_empty())
        .unwrap_or_else(|| "Unnamed lead".to_owned())
}

/// What people call a field.
pub(super) fn field_label(name: &str, known: &Value) -> String {
    let label = line(&known["fields"][name]);
    if label.is_empty() { words(name) } else { label }
}

/// An answer in the words that people chose, instead of what is stored.
pub(super) fn shown(name: &str, value: &Value, known: &Value) -> String {
    let options = &known["options"][name];
    let one = |stored: String| {
        let label = line(&options[&stored]);
        let country = country_name(&stored).filter(|_| name == "country");
        match country {
            Some(country) => country.to_owned(),
            None if label.is_empty() => stored,
            None => label,
        }
    };
    let inner = if value["value"].is_object() {
        &value["value"]
    } else {
        value
    };
    match inner["list"].as_array() {
        Some(several) => several
            .iter()
            .map(|v| one(line(v)))
            .collect::<Vec<_>>()
            .join(", "),
        None => one(line(value)),
    }
}

pub(super) fn profile(lead: &Value, known: &Value) -> Vec<Field> {
    let place = |name: &str| {
        FIRST_FIELDS
            .iter()
            .position(|first| *first == name)
            .unwrap_or(FIRST_FIELDS.len())
    };
    // Only what departs from "confirmed" is worth a line.
    let trust = |name: &str| match name {
        "confirmed" => String::new(),
        "typed" => "Typed into a form, not confirmed".to_owned(),
        "imported" => "Imported, not confirmed".to_owned(),
        "sales" => "Told by sales".to_owned(),
        other => words(other),
    };
    let mut all: Vec<(&String, &Value)> = fields(&lead["profile"]).collect();
    all.sort_by_key(|(name, _)| (place(name), *name));
    all.into_iter()
        .map(|(name, value)| Field {
            label: field_label(name, known),
            value: shown(name, value, known),
            trust: trust(&line(&value["trust"])),
        })
        .filter(|field| !field.value.is_empty())
        .collect()
}

/// What holds for each purpose, and what was said of it before.
pub(super) fn consents(doc: &Value) -> Vec<Consent> {
    let method = |name: &str| match name {
        "mail_click" => "by a click in a mail".to_owned(),
        "checkbox" => "by a checkbox".to_owned(),
        "one_click_unsubscribe" => "by one click to unsubscribe".to_owned(),
        other => other.replace('_', " "),
    };
    // The ledger keeps every word that was ever said; what holds now is the latest of each purpose.
    let mut purposes: Vec<String> = Vec::new();
    for purpose in fields(&doc["lead"]["consents"])
        .map(|(purpose, _)| purpose.clone())
        .chain(list(&doc["consents"]).iter().map(|e| line(&e["purpose"])))
    {
        if !purposes.contains(&purpose) {
            purposes.push(purpose);
        }
    }
    purposes
        .into_iter()
        .map(|purpose| {
            let mut said: Vec<&Value> = list(&doc["consents"])
                .iter()
                .filter(|entry| line(&entry["purpose"]) == purpose)
                .collect();
            said.sort_by_key(|entry| std::cmp::Reverse(number(&entry["at"])));
            let state = &doc["lead"]["consents"][&purpose];
            let latest = said.first().copied().unwrap_or(&Value::Null);
            let now = if state.is_object() { state } else { latest };
            let agrees = line(&now["decision"]) == line(&latest["decision"]);
            Consent {
                purpose: words(&purpose),
                decision: chip::decision(&line(&now["decision"])),
                at: When::read(&now["at"]),
                how: if agrees {
                    method(&line(&latest["method"]))
                } else {
                    String::new()
                },
                text: said
                    .iter()
                    .map(|entry| line(&entry["text"]))
                    .find(|text| !text.is_empty())
                    .unwrap_or_default(),
                before: said
                    .iter()
                    .skip(usize::from(agrees))
                    .map(|entry| {
                        let decision = chip::decision(&line(&entry["decision"])).label;
                        let at = When::read(&entry["at"]).short;
                        format!("{decision}, {at} {}", method(&line(&entry["method"])))
                    })
                    .collect(),
            }
        })
        .collect()
}
