//! A contact in `HubSpot`: made or brought up to date by its address, with a batch of one.
//!
//! `POST /crm/v3/objects/contacts/batch/upsert` with `idProperty` `email`: the same request again changes nothing, so a repeat is safe.
//! The properties are those that every portal has. An answer of 207 names inputs that were refused.

use serde_json::{Value, json};

use crate::domain::channel::EventType;
use crate::domain::news::News;
use crate::runtime::Secret;

use super::message::{CannotWrite, Contact, Message, contact};
use super::sender::Answer;

/// Our field names and `HubSpot`'s.
const PROPERTIES: [(&str, &str); 14] = [
    ("first_name", "firstname"),
    ("last_name", "lastname"),
    ("company", "company"),
    ("job_title", "jobtitle"),
    ("phone", "phone"),
    ("mobile", "mobilephone"),
    ("website", "website"),
    ("street", "address"),
    ("city", "city"),
    ("state", "state"),
    ("zip", "zip"),
    ("country", "country"),
    ("industry", "industry"),
    ("message", "message"),
];

/// The request.
pub fn message(url: &str, token: &Secret, news: &News) -> Result<Message, CannotWrite> {
    let Contact { email, given } = contact(news)?;
    let mut properties = serde_json::Map::new();
    properties.insert("email".into(), email.expose().as_str().into());
    for (ours, theirs) in PROPERTIES {
        if let Some(value) = given.get(ours) {
            properties.insert(theirs.into(), value.expose().as_str().into());
        }
    }
    // HubSpot never moves a contact back by itself, so a late repeat undoes nothing.
    if let Some(stage) = lifecycle(news.event) {
        properties.insert("lifecyclestage".into(), stage.into());
    }
    let body = json!({
        "inputs": [{ "idProperty": "email", "id": email.expose(), "properties": properties }],
    });
    Ok(Message {
        url: url.to_owned(),
        headers: vec![
            ("content-type", "application/json".into()),
            ("authorization", format!("Bearer {}", token.expose())),
        ],
        body: body.to_string().into_bytes(),
    })
}

const fn lifecycle(event: EventType) -> Option<&'static str> {
    match event {
        EventType::SubmissionCreated => Some("lead"),
        EventType::LeadMql | EventType::LeadAccepted => Some("marketingqualifiedlead"),
        EventType::LeadSql => Some("salesqualifiedlead"),
        EventType::LeadRejected | EventType::Test => None,
    }
}

/// Why `HubSpot` will not take this contact however often it is sent, or none. A wrong token is mended by hand, so it is tried again.
pub fn refused(answer: &Answer) -> Option<String> {
    let code = || {
        let body: Value = serde_json::from_slice(&answer.body).ok()?;
        let first = body.get("errors").and_then(|e| e.get(0)).unwrap_or(&body);
        let word = first.get("category")?.as_str()?;
        // A word of theirs, not a text: texts may repeat values.
        word.bytes()
            .all(|b| b.is_ascii_uppercase() || b == b'_')
            .then(|| word.to_owned())
    };
    match answer.status {
        207 | 400 => Some(format!(
            "HubSpot refused the contact ({})",
            code().unwrap_or_else(|| "no reason".into())
        )),
        _ => None,
    }
}
