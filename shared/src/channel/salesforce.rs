//! A lead in Salesforce by Web-to-Lead: the form that every organisation has, posted from here.
//!
//! It needs no secret: the organisation's id stands in the public pages of all who use it. It has no idempotency either, so an attempt
//! whose end nobody saw is repeated once at most, and Salesforce's own rules for duplicates apply. Salesforce answers 200 whatever it does
//! with the lead, and says in a mail of its own what it could not take; a missing last name or company is therefore filled in here.

use crate::domain::news::News;

use super::message::{CannotWrite, Contact, Message, contact};
use super::sender::Answer;

/// Our field names and Salesforce's.
const FIELDS: [(&str, &str); 14] = [
    ("first_name", "first_name"),
    ("job_title", "title"),
    ("phone", "phone"),
    ("mobile", "mobile"),
    ("website", "URL"),
    ("street", "street"),
    ("city", "city"),
    ("state", "state"),
    ("zip", "zip"),
    ("country", "country"),
    ("industry", "industry"),
    ("employees", "employees"),
    ("revenue", "revenue"),
    ("lead_source", "lead_source"),
];
/// Salesforce's own limit on a name.
const NAME: usize = 80;

/// The request.
pub fn message(url: &str, oid: &str, news: &News) -> Result<Message, CannotWrite> {
    let data = &news.data;
    let Contact { email, given } = contact(news)?;
    let known = |field: &str| given.get(field).map(|v| v.expose().as_str());
    let short = |text: &str| crate::domain::text::shortened(text, NAME);
    let name = data.name.as_ref().map(|n| n.expose().as_str());
    // Both are required: a lead without them would vanish in a mail to the administrator.
    let last_name = known("last_name").or(name).unwrap_or("not given");
    let company = known("company").unwrap_or("not given");
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("oid", oid)
        .append_pair("encoding", "UTF-8")
        .append_pair("email", email.expose())
        .append_pair("last_name", &short(last_name))
        .append_pair("company", &short(company));
    for (ours, theirs) in FIELDS {
        if let Some(value) = known(ours) {
            form.append_pair(theirs, value);
        }
    }
    if let Some(text) = description(news) {
        form.append_pair("description", &text);
    }
    Ok(Message {
        url: url.to_owned(),
        headers: vec![(
            "content-type",
            "application/x-www-form-urlencoded; charset=UTF-8".into(),
        )],
        body: form.finish().into_bytes(),
    })
}

/// Why the lead qualified, and what they wrote: one field that every organisation has.
fn description(news: &News) -> Option<String> {
    let data = &news.data;
    let mut lines = Vec::new();
    if let Some(action) = &data.action {
        lines.push(format!("{} {}", action.text, action.reason));
    }
    if let Some(score) = data.score {
        lines.push(format!("{} points:", score.total));
    }
    lines.extend(
        data.reasons
            .iter()
            .map(|r| format!("{:+} {}", r.points, r.reason)),
    );
    let given = data
        .submission
        .as_ref()
        .map_or(&data.profile, |s| &s.fields);
    if let Some(message) = given.get("message") {
        lines.push(message.expose().clone());
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// Why Salesforce will not take this lead, or none: it says so by a header that we do not rely on, so only a 4xx counts.
pub fn refused(answer: &Answer) -> Option<String> {
    match answer.status {
        400 | 404 => Some(format!("Salesforce answered {}", answer.status)),
        _ => None,
    }
}
