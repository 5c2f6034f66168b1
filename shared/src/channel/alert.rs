//! The alert of a handoff as a mail: what its template is given, and whom it goes to.
//!
//! The words here are for people. A channel of another kind has its own file and reads the same [`Handoff`].

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::mail::{Mail, MailError, Writer};
use crate::domain::handoff::Handoff;
use crate::domain::outbox::{OutboxItem, OutboxKind};
use crate::domain::score::Dimension;
use crate::domain::text::people_time;
use crate::domain::time::Timestamp;
use crate::domain::token::{Claims, Purpose, answer_nonce};
use crate::flow::sales::clock_of;

impl Writer<'_> {
    /// The alert of a handoff, to the person of the order: the owner, a colleague it was passed to, or the next in line.
    pub fn alert(
        &self,
        item: &OutboxItem,
        handoff: &Handoff,
        now: Timestamp,
    ) -> Result<Mail, MailError> {
        let person = item.order.person.as_deref().unwrap_or(&handoff.owner.id);
        let (name, address) = match self.site.sales.person(person) {
            Some(person) => (person.name.clone(), person.email.clone()),
            None => (handoff.owner.name.clone(), handoff.owner.email.clone()),
        };
        let answer = self.answer_link(item, person, now);
        let mut document = handoff_values(handoff);
        document["owner"] = json!({ "name": name });
        document["routed_because"] = json!(because(item, handoff, person));
        document["known"] = json!(known(handoff, person));
        document["again"] = json!(item.order.again);
        // A repeat may come when the time is over: nobody is asked for an answer in the past.
        let answer_by = answer_by(item, handoff, person).filter(|at| *at > now);
        let answer_by = answer_by.map(|at| clock_of(person, at, self.site));
        document["answer_by"] = json!(answer_by.unwrap_or_default());
        let link = |answer_with: &str| format!("{answer}?answer={answer_with}");
        let values = json!({
            "business": self.site.business,
            "sender": { "name": self.site.sender.name },
            "links": {
                "download": "", "confirm": "", "unsubscribe": "", "not_me": "",
                "accept": link("accept"),
                "reject": link("reject"),
                "snooze": link("snooze"),
                "not_mine": link("pass"),
                "open": answer,
            },
            "handoff": document,
        });
        let mut mail = self.render("alert", &values, address)?;
        mail.reply_to = handoff
            .email
            .as_ref()
            .map(|e| e.expose().clone())
            .filter(|e| e.is_ascii());
        Ok(mail)
    }

    /// Where this person answers this item; the token tells who presses.
    pub fn answer_link(&self, item: &OutboxItem, person: &str, now: Timestamp) -> String {
        let cycle = item.order.cycle.unwrap_or_default();
        let nonce = answer_nonce(&item.id, person);
        let claims = Claims::new(Purpose::Handoff, cycle, item.lead_id, nonce, now);
        format!("{}/h/{}", self.public_url, self.keys.sign(&claims))
    }
}

/// Why this person gets it: by the routes, or because of what happened since.
fn because(item: &OutboxItem, handoff: &Handoff, person: &str) -> String {
    if let Some(because) = &item.order.because {
        return because.clone();
    }
    if person == handoff.owner.id {
        handoff.routed_because.clone()
    } else if item.order.again {
        String::from("it was handed to you")
    } else {
        format!("{} has not answered yet", handoff.owner.name)
    }
}

/// What the person should know of earlier times: that the lead was theirs, or that it was a colleague's.
fn known(handoff: &Handoff, person: &str) -> String {
    match &handoff.known {
        Some(known) if known.person == person => format!("Already with you. {}", known.text),
        Some(known) => format!("Known to sales. {}", known.text),
        None => String::new(),
    }
}

/// When the next in line is asked, if this person does not answer.
fn answer_by(item: &OutboxItem, handoff: &Handoff, person: &str) -> Option<Timestamp> {
    match item.kind {
        OutboxKind::Escalation => item.order.later.first().map(|step| step.at),
        OutboxKind::Alert if item.order.because.is_none() && person == handoff.owner.id => {
            handoff.answer_by
        }
        OutboxKind::Alert | OutboxKind::Mail | OutboxKind::Notice | OutboxKind::Review => None,
    }
}

/// Everything but what an address commonly has: nothing in it can end the link or begin a header.
const IN_MAILTO: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'@')
    .remove(b'.')
    .remove(b'-')
    .remove(b'_');

/// A link that calls, for a field that holds a number.
fn tel(field: &str, value: &str) -> String {
    if !matches!(field, "phone" | "mobile") {
        return String::new();
    }
    let dialled: String = value
        .chars()
        .filter(|c| c.is_ascii_digit() || *c == '+')
        .collect();
    if dialled.is_empty() {
        String::new()
    } else {
        format!("tel:{dialled}")
    }
}

/// What the alert template is given of a handoff.
fn handoff_values(handoff: &Handoff) -> Value {
    let profile = |field: &str| -> String {
        handoff
            .field(field)
            .map(|v| v.expose().clone())
            .unwrap_or_default()
    };
    let shown_apart = ["job_title", "company"];
    json!({
        "name": handoff.name.expose(),
        "job_title": profile("job_title"),
        "company": profile("company"),
        "email": handoff.email.as_ref().map(|e| e.expose().clone()).unwrap_or_default(),
        "mailto": handoff.email.as_ref().map(|e| format!("mailto:{}", utf8_percent_encode(e.expose(), IN_MAILTO))).unwrap_or_default(),
        "phone": profile("phone"),
        "country": profile("country"),
        "profile": handoff.profile.iter()
            .filter(|l| !shown_apart.contains(&l.field.as_str()))
            .map(|l| json!({ "field": l.field, "label": l.label, "value": l.value.expose(), "link": tel(&l.field, l.value.expose()) }))
            .collect::<Vec<_>>(),
        "no_call": handoff.no_call.clone().unwrap_or_default(),
        "reachability": handoff.reachability.words(),
        "stage": "ready for sales",
        "qualified_at": people_time(handoff.at),
        "score": handoff.score,
        "lines": handoff.breakdown.iter().map(|l| json!({
            "rule": l.rule,
            "reason": l.reason,
            "points": l.points,
            "count": l.count,
            "dimension": match l.dimension {
                Dimension::Fit => "fit",
                Dimension::Engagement => "engagement",
                Dimension::Bant => "bant",
            },
        })).collect::<Vec<_>>(),
        "bant": handoff.bant.iter().map(|b| json!({ "label": b.label, "value": b.value.expose() })).collect::<Vec<_>>(),
        "unknown": handoff.bant.iter().filter(|b| b.value.expose().is_empty()).map(|b| b.label.to_lowercase()).collect::<Vec<_>>(),
        "timeline": handoff.history.iter().map(|h| json!({ "at": people_time(h.at), "text": h.text })).collect::<Vec<_>>(),
        "comments": handoff.comments.iter().map(|c| json!({ "label": c.label, "text": c.value.expose() })).collect::<Vec<_>>(),
        "source": {
            "first": handoff.first_source,
            "first_at": handoff.first_at.map(people_time).unwrap_or_default(),
            "last": handoff.last_source,
            "last_at": handoff.last_at.map(people_time).unwrap_or_default(),
        },
        "consents": handoff.consents.iter().map(|c| json!({ "purpose": c.label, "state": c.value.expose() })).collect::<Vec<_>>(),
        "action": { "text": handoff.action.text, "reason": handoff.action.reason },
        "model_hash": handoff.model_hash,
        "cycle": handoff.cycle,
    })
}
