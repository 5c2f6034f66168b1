//! The mail service's events, read from the JSON of its event publishing. Unknown types, unknown fields and missing parts are let
//! through: what is not understood says nothing, and is never an error.
//!
//! Must not know what an event does to a lead.

use serde::Deserialize;

use crate::domain::id::LeadId;
use crate::domain::time::Timestamp;

/// The types that the mail service documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventType {
    /// Taken for sending.
    Send,
    /// Taken by the receiving server.
    Delivery,
    /// Refused by the receiving server.
    Bounce,
    /// Reported as spam by its reader.
    Complaint,
    /// Taken, and not sent because of what is in it.
    Reject,
    /// The receiving server asked to come back later.
    DeliveryDelay,
    /// Taken, and not sent because a template could not be filled in.
    RenderingFailure,
    /// The picture in a mail was loaded. Mostly by machines; we do not ask for it.
    Open,
    /// A link that the mail service put into a mail was followed. Ours are our own; we do not ask for it.
    Click,
    /// Somebody changed what they get through the mail service's own pages.
    Subscription,
}

impl EventType {
    /// The type of this name, none for one that came later than this release.
    pub fn of(name: &str) -> Option<Self> {
        Some(match name {
            "Send" => Self::Send,
            "Delivery" => Self::Delivery,
            "Bounce" => Self::Bounce,
            "Complaint" => Self::Complaint,
            "Reject" => Self::Reject,
            "DeliveryDelay" => Self::DeliveryDelay,
            // Documented with a space, and without one elsewhere.
            "Rendering Failure" | "RenderingFailure" => Self::RenderingFailure,
            "Open" => Self::Open,
            "Click" => Self::Click,
            "Subscription" => Self::Subscription,
            _ => return None,
        })
    }
}

/// A word from the mail service, as far as it is looked at.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MailEvent {
    /// What happened, in the mail service's word.
    pub event_type: String,
    /// The mail it is about.
    pub mail: MailPart,
    /// Details of a bounce.
    pub bounce: Option<BouncePart>,
    /// Details of a complaint.
    pub complaint: Option<ComplaintPart>,
    /// Details of a delivery.
    pub delivery: Option<DeliveryPart>,
    /// Details of a delay.
    pub delivery_delay: Option<DelayPart>,
    /// Details of a rejection.
    pub reject: Option<RejectPart>,
    /// Details of a changed subscription.
    pub subscription: Option<SubscriptionPart>,
}

/// The mail an event is about.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MailPart {
    /// The mail service's id of it.
    pub message_id: String,
    /// When it was sent, RFC 3339.
    pub timestamp: String,
    /// Whom it went to.
    pub destination: Vec<String>,
    /// The tags we sent it with.
    pub tags: std::collections::BTreeMap<String, Vec<String>>,
}

/// Details of a bounce.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BouncePart {
    /// `Permanent`, `Transient` or `Undetermined`.
    pub bounce_type: String,
    /// What kind of it.
    pub bounce_sub_type: String,
    /// Whose mailbox.
    pub bounced_recipients: Vec<Recipient>,
    /// When, RFC 3339.
    pub timestamp: String,
    /// The mail service's id of this report.
    pub feedback_id: String,
}

/// Details of a complaint.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ComplaintPart {
    /// `abuse`, `not-spam`, ...; often absent.
    pub complaint_feedback_type: Option<String>,
    /// `OnAccountSuppressionList` where the mail service only repeats its own list.
    pub complaint_sub_type: Option<String>,
    /// Who complained.
    pub complained_recipients: Vec<Recipient>,
    /// When, RFC 3339.
    pub timestamp: String,
    /// The mail service's id of this report.
    pub feedback_id: String,
}

/// Details of a delivery.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeliveryPart {
    /// Whose mailboxes.
    pub recipients: Vec<String>,
    /// When, RFC 3339.
    pub timestamp: String,
}

/// Details of a delay.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DelayPart {
    /// Why: `MailboxFull`, `TransientCommunicationFailure`, ...
    pub delay_type: String,
    /// Whose mailboxes.
    pub delayed_recipients: Vec<Recipient>,
    /// When, RFC 3339.
    pub timestamp: String,
}

/// Details of a rejection.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RejectPart {
    /// Why: `Bad content`.
    pub reason: String,
}

/// Details of a changed subscription.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SubscriptionPart {
    /// When, RFC 3339.
    pub timestamp: String,
    /// What holds from now on.
    pub new_topic_preferences: TopicPreferences,
}

/// What somebody wants to get.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TopicPreferences {
    /// Nothing any more.
    pub unsubscribe_all: bool,
}

/// A recipient of an event.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
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
    /// What happened; none for a type that we do not know.
    pub fn kind(&self) -> Option<EventType> {
        EventType::of(&self.event_type)
    }

    /// The outbox item that the mail's `obx` tag names; none for a mail that is not ours.
    pub fn item(&self) -> Option<TaggedItem> {
        let (lead, id) = self.mail.tags.get("obx")?.first()?.split_once('_')?;
        Some(TaggedItem {
            lead_id: lead.parse().ok()?,
            id: id.to_owned(),
        })
    }

    /// When it happened: by its own part, else by the mail's.
    pub fn at(&self) -> Option<Timestamp> {
        let own = match self.kind()? {
            EventType::Bounce => self.bounce.as_ref().map(|b| &b.timestamp),
            EventType::Complaint => self.complaint.as_ref().map(|c| &c.timestamp),
            EventType::Delivery => self.delivery.as_ref().map(|d| &d.timestamp),
            EventType::DeliveryDelay => self.delivery_delay.as_ref().map(|d| &d.timestamp),
            EventType::Subscription => self.subscription.as_ref().map(|s| &s.timestamp),
            EventType::Send
            | EventType::Reject
            | EventType::RenderingFailure
            | EventType::Open
            | EventType::Click => None,
        };
        own.filter(|t| !t.is_empty())
            .or(Some(&self.mail.timestamp))
            .and_then(|t| Timestamp::parse(t))
    }

    /// Whom it befell: those the event itself lists, and where its type lists nobody, all whom the mail went to.
    pub fn recipients(&self) -> Vec<&str> {
        fn addresses(recipients: &[Recipient]) -> Vec<&str> {
            recipients
                .iter()
                .map(|r| r.email_address.as_str())
                .collect()
        }
        let none = Vec::new;
        match self.kind() {
            Some(EventType::Bounce) => self
                .bounce
                .as_ref()
                .map_or_else(none, |b| addresses(&b.bounced_recipients)),
            Some(EventType::Complaint) => self
                .complaint
                .as_ref()
                .map_or_else(none, |c| addresses(&c.complained_recipients)),
            Some(EventType::DeliveryDelay) => self
                .delivery_delay
                .as_ref()
                .map_or_else(none, |d| addresses(&d.delayed_recipients)),
            Some(EventType::Delivery) => self
                .delivery
                .as_ref()
                .map_or_else(none, |d| d.recipients.iter().map(String::as_str).collect()),
            Some(
                EventType::Send
                | EventType::Reject
                | EventType::RenderingFailure
                | EventType::Open
                | EventType::Click
                | EventType::Subscription,
            )
            | None => self.mail.destination.iter().map(String::as_str).collect(),
        }
    }

    /// What tells this event from another of its type about the same mail: the report's id, else its time.
    pub fn own_mark(&self) -> String {
        let report = match self.kind() {
            Some(EventType::Bounce) => self.bounce.as_ref().map(|b| b.feedback_id.clone()),
            Some(EventType::Complaint) => self.complaint.as_ref().map(|c| c.feedback_id.clone()),
            Some(
                EventType::Send
                | EventType::Delivery
                | EventType::Reject
                | EventType::DeliveryDelay
                | EventType::RenderingFailure
                | EventType::Open
                | EventType::Click
                | EventType::Subscription,
            )
            | None => None,
        };
        report
            .filter(|id| !id.is_empty())
            .or_else(|| self.at().map(|at| at.to_string()))
            .unwrap_or_default()
    }
}
