//! Deciding what a word from the mail service means: a fact, a change of the guard, a settled outbox item.
//!
//! Events come in any order, any number of times, early and late. Each is known by message, type and recipient, so a repeat is the same
//! fact. Only the recipient that our item was sent to is touched. A mail to sales settles its item and says nothing about the lead.

use serde::Deserialize;

use crate::domain::email::EmailAddress;
use crate::domain::guard::{Guard, SuppressionReason};
use crate::domain::id::{LeadId, derived};
use crate::domain::outbox::{OutboxItem, OutboxKind};
use crate::domain::time::Timestamp;
use crate::domain::touchpoint::{Touchpoint, TouchpointKind};

/// A word from the mail service, as far as it is looked at. Unknown fields and types are let through.
#[derive(Clone, Debug, Deserialize)]
pub struct MailEvent {
    /// `Send`, `Delivery`, `Bounce`, `Complaint`, `Reject`, `DeliveryDelay`, `Rendering Failure`, or one we do not know yet.
    #[serde(rename = "eventType", default)]
    pub event_type: String,
    /// The mail it is about.
    pub mail: MailPart,
    /// Details of a bounce.
    pub bounce: Option<BouncePart>,
    /// Details of a complaint.
    pub complaint: Option<ComplaintPart>,
    /// Details of a delivery.
    pub delivery: Option<DeliveryPart>,
}

/// The mail an event is about.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MailPart {
    /// The mail service's id of it.
    pub message_id: String,
    /// When it was sent, RFC 3339.
    #[serde(default)]
    pub timestamp: String,
    /// Whom it went to.
    #[serde(default)]
    pub destination: Vec<String>,
    /// The tags we sent it with.
    #[serde(default)]
    pub tags: std::collections::BTreeMap<String, Vec<String>>,
}

/// Details of a bounce.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BouncePart {
    /// `Permanent`, `Transient` or `Undetermined`.
    #[serde(default)]
    pub bounce_type: String,
    /// What kind of it.
    #[serde(default)]
    pub bounce_sub_type: String,
    /// Whose mailbox.
    #[serde(default)]
    pub bounced_recipients: Vec<Recipient>,
    /// When, RFC 3339.
    #[serde(default)]
    pub timestamp: String,
}

/// Details of a complaint.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ComplaintPart {
    /// `abuse`, `not-spam`, ...; often absent.
    pub complaint_feedback_type: Option<String>,
    /// Who complained.
    #[serde(default)]
    pub complained_recipients: Vec<Recipient>,
    /// When, RFC 3339.
    #[serde(default)]
    pub timestamp: String,
}

/// Details of a delivery.
#[derive(Clone, Debug, Deserialize)]
pub struct DeliveryPart {
    /// Whose mailboxes.
    #[serde(default)]
    pub recipients: Vec<String>,
    /// When, RFC 3339.
    #[serde(default)]
    pub timestamp: String,
}

/// A recipient of an event.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Recipient {
    /// The address.
    pub email_address: String,
}

/// The outbox item that a mail's tags name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaggedItem {
    /// The lead.
    pub lead_id: LeadId,
    /// The item.
    pub id: String,
}

impl MailEvent {
    /// The outbox item that the mail's `obx` tag names; none for a mail that is not ours.
    pub fn item(&self) -> Option<TaggedItem> {
        let (lead, id) = self.mail.tags.get("obx")?.first()?.split_once('_')?;
        Some(TaggedItem {
            lead_id: lead.parse().ok()?,
            id: id.to_owned(),
        })
    }

    /// Whether the event proves that the mail service took the mail.
    pub fn proves_acceptance(&self) -> bool {
        matches!(
            self.event_type.as_str(),
            "Send" | "Delivery" | "Bounce" | "Complaint" | "Reject" | "DeliveryDelay"
        )
    }

    fn at(&self) -> Option<Timestamp> {
        let text = match self.event_type.as_str() {
            "Bounce" => self.bounce.as_ref().map(|b| b.timestamp.as_str()),
            "Complaint" => self.complaint.as_ref().map(|c| c.timestamp.as_str()),
            "Delivery" => self.delivery.as_ref().map(|d| d.timestamp.as_str()),
            _ => None,
        };
        text.filter(|t| !t.is_empty())
            .or(Some(self.mail.timestamp.as_str()))
            .and_then(Timestamp::parse)
    }

    fn recipients(&self) -> Vec<&str> {
        match self.event_type.as_str() {
            "Bounce" => self
                .bounce
                .iter()
                .flat_map(|b| &b.bounced_recipients)
                .map(|r| r.email_address.as_str())
                .collect(),
            "Complaint" => self
                .complaint
                .iter()
                .flat_map(|c| &c.complained_recipients)
                .map(|r| r.email_address.as_str())
                .collect(),
            "Delivery" => self
                .delivery
                .iter()
                .flat_map(|d| &d.recipients)
                .map(String::as_str)
                .collect(),
            _ => Vec::new(),
        }
    }
}

/// What to commit for an event; each part where there is something to write.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Heard {
    /// A fact about the lead.
    pub touchpoint: Option<Touchpoint>,
    /// The guard, changed.
    pub guard: Option<Guard>,
    /// The outbox item, settled.
    pub item: Option<OutboxItem>,
}

/// Decides what an event means for the item its tags name, and for the lead behind it.
pub fn decide(event: &MailEvent, item: &OutboxItem, guard: &Guard, now: Timestamp) -> Heard {
    let settled = event
        .proves_acceptance()
        .then(|| item.after_event(&event.mail.message_id, now))
        .flatten()
        .map(|mut settled| {
            settled.last_write_id = format!(
                "ev.{}.{}",
                event.mail.message_id,
                event.event_type.replace(' ', "")
            );
            settled
        });
    let mut heard = Heard {
        item: settled,
        ..Heard::default()
    };
    if item.kind != OutboxKind::Mail || !concerns(event, item) {
        return heard;
    }
    let at = event.at().unwrap_or(now);
    // An event about a mail from before an erasure is about nobody any more.
    if guard.erased_at.is_some_and(|erased| at <= erased) {
        return heard;
    }
    let Some((kind, reason)) = fact(event) else {
        return heard;
    };
    let id = derived(
        kind.prefix(),
        &[
            event.mail.message_id.as_bytes(),
            event.event_type.as_bytes(),
            reason.as_bytes(),
        ],
    );
    let mut touchpoint = Touchpoint::new(item.lead_id, id, kind, at);
    touchpoint.recorded_at = now;
    touchpoint.outbox_id = Some(item.id.clone());
    touchpoint.form.clone_from(&item.order.form);
    touchpoint.magnet.clone_from(&item.order.magnet);
    touchpoint.reason = Some(reason).filter(|r| !r.is_empty());
    let next = guard_after(event, guard, at);
    heard.guard = (next != *guard).then_some(next);
    heard.touchpoint = Some(touchpoint);
    heard
}

/// Whether the event is about the mailbox our item went to.
fn concerns(event: &MailEvent, item: &OutboxItem) -> bool {
    let identity = |address: &str| EmailAddress::parse(address).map(|a| a.identity()).ok();
    let ours = identity(item.order.to.expose());
    ours.is_some() && event.recipients().iter().any(|r| identity(r) == ours)
}

fn fact(event: &MailEvent) -> Option<(TouchpointKind, String)> {
    match event.event_type.as_str() {
        "Delivery" => Some((TouchpointKind::Delivered, String::new())),
        "Bounce" => {
            let bounce = event.bounce.as_ref()?;
            let reason = format!(
                "{}:{}",
                bounce.bounce_type.to_lowercase(),
                bounce.bounce_sub_type
            );
            Some((TouchpointKind::Bounced, reason))
        }
        "Complaint" => {
            let kind = event
                .complaint
                .as_ref()?
                .complaint_feedback_type
                .clone()
                .unwrap_or_default();
            // "Not spam" takes a complaint back; it is not one.
            (kind != "not-spam").then_some((TouchpointKind::Complained, kind))
        }
        _ => None,
    }
}

fn guard_after(event: &MailEvent, guard: &Guard, at: Timestamp) -> Guard {
    let next = guard.clone();
    match (event.event_type.as_str(), &event.bounce, &event.complaint) {
        ("Bounce", Some(bounce), _) => {
            // The mail service's own list only repeats what a bounce told before.
            let own_list = matches!(
                bounce.bounce_sub_type.as_str(),
                "OnAccountSuppressionList" | "Suppressed"
            );
            match bounce.bounce_type.as_str() {
                "Permanent" if !own_list => next.suppress(SuppressionReason::HardBounce, at),
                "Transient" => next.soft_bounce(at),
                _ => next,
            }
        }
        ("Complaint", _, Some(complaint))
            if complaint.complaint_feedback_type.as_deref() != Some("not-spam") =>
        {
            next.suppress(SuppressionReason::Complaint, at)
        }
        _ => next,
    }
}
