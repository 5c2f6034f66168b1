//! Deciding what a word from the mail service means: a fact, a change of the guard, a settled outbox item.
//!
//! | event | fact | guard | item |
//! | --- | --- | --- | --- |
//! | Send | | | sent |
//! | Delivery | delivered | | sent |
//! | Bounce, permanent | bounced | suppressed | sent |
//! | Bounce, transient | bounced | suppressed on the third day in 14 | sent |
//! | Bounce, undetermined | bounced | | sent |
//! | Complaint | complained | suppressed | sent |
//! | Complaint, not spam | | | sent |
//! | Bounce or Complaint by the own list of our account | not sent | | sent: the list only repeats what was told before |
//! | Reject | not sent | | sent: it was taken, and sending it again would end the same |
//! | Rendering Failure | not sent | | given up |
//! | `DeliveryDelay` | delayed | | sent |
//! | Subscription, to nothing | unsubscribed | suppressed | sent |
//! | Open, Click | | | sent |
//! | any other | | | |
//!
//! Events come in any order, any number of times, early and late. Each is known by message, type and report, so a repeat is the same
//! fact, and what a fact did to the guard is done once. Only the mailbox that our item was sent to is touched, and only where the mail
//! service lists it. A hard bounce and a complaint are also strikes against going on with mails to leads at all: each is counted in the
//! transaction of its fact, so once, and the one that tips it orders the mail that tells the operator. A mail to sales settles its item and
//! says nothing about the lead.

use crate::domain::email::EmailAddress;
use crate::domain::guard::{Guard, SuppressionReason};
use crate::domain::id::derived;
use crate::domain::outbox::{Order, OutboxItem, OutboxKind, Outcome, Reader, Request};
use crate::domain::pii::Pii;
use crate::domain::sending::{PAUSED_NOTICE, Sending, StrikeKind};
use crate::domain::time::Timestamp;
use crate::domain::touchpoint::{Touchpoint, TouchpointKind};

mod event;

pub use event::{
    BouncePart, ComplaintPart, DelayPart, DeliveryPart, EventType, MailEvent, MailPart, Recipient,
    RejectPart, SubscriptionPart, TaggedItem, TopicPreferences,
};

/// The sub-type by which the mail service says that a list of our own account made it not send.
const OWN_LIST: &str = "OnAccountSuppressionList";
/// Longest reason kept, in characters.
const MAX_REASON: usize = 80;

/// What to commit for an event; each part where there is something to write.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Heard {
    /// A fact about the lead.
    pub touchpoint: Option<Touchpoint>,
    /// The guard, changed.
    pub guard: Option<Guard>,
    /// What was said of the whole mailbox, in whatever spelling of the address, and when.
    pub mailbox: Option<(SuppressionReason, Timestamp)>,
    /// The outbox item, settled.
    pub item: Option<OutboxItem>,
    /// What speaks against going on with mails to leads at all; counted with the fact, so once.
    pub strike: Option<StrikeKind>,
}

/// Decides what an event means for the item its tags name, and for the lead behind it.
pub fn decide(event: &MailEvent, item: &OutboxItem, guard: &Guard, now: Timestamp) -> Heard {
    let Some(kind) = event.kind() else {
        return Heard::default();
    };
    let mut heard = Heard {
        item: settled(event, kind, item, now),
        ..Heard::default()
    };
    if item.kind != OutboxKind::Mail || !concerns(event, item) {
        return heard;
    }
    let at = event.at().unwrap_or(now);
    // An event about a mail from before an erasure is about nobody any more.
    if guard.erased_at.is_some_and(|erased| at <= erased) {
        return Heard::default();
    }
    let Some((fact, reason)) = fact(event, kind) else {
        return heard;
    };
    let id = derived(
        fact.prefix(),
        &[
            event.mail.message_id.as_bytes(),
            event.event_type.as_bytes(),
            event.own_mark().as_bytes(),
        ],
    );
    let mut touchpoint = Touchpoint::new(item.lead_id, id, fact, at);
    touchpoint.recorded_at = now;
    touchpoint.outbox_id = Some(item.id.clone());
    touchpoint.form.clone_from(&item.order.form);
    touchpoint.magnet.clone_from(&item.order.magnet);
    touchpoint.reason = Some(reason).filter(|r| !r.is_empty());
    heard.strike = match fact {
        TouchpointKind::Complained => Some(StrikeKind::Complaint),
        TouchpointKind::Bounced if is_permanent(event) => Some(StrikeKind::HardBounce),
        _ => None,
    };
    // A bounce says something of one spelling only: not every service takes tags.
    heard.mailbox = match fact {
        TouchpointKind::Complained => Some((SuppressionReason::Complaint, at)),
        TouchpointKind::Unsubscribed => Some((SuppressionReason::Unsubscribed, at)),
        _ => None,
    };
    let next = guard_after(event, kind, guard, at);
    heard.guard = (next != *guard).then_some(next);
    heard.touchpoint = Some(touchpoint);
    heard
}

/// The item, where the event says something new about it.
fn settled(
    event: &MailEvent,
    kind: EventType,
    item: &OutboxItem,
    now: Timestamp,
) -> Option<OutboxItem> {
    let mut settled = match kind {
        EventType::RenderingFailure if item.state.is_settled() => None,
        // It was taken and never went out; the same again would end the same.
        EventType::RenderingFailure => {
            let reason = "the mail service could not fill in the template";
            Some(item.after(&Outcome::RefusedForGood(reason.into()), now, 0))
        }
        EventType::Send
        | EventType::Delivery
        | EventType::Bounce
        | EventType::Complaint
        | EventType::Reject
        | EventType::DeliveryDelay
        | EventType::Open
        | EventType::Click
        | EventType::Subscription => item.after_event(&event.mail.message_id, now),
    }?;
    settled.last_write_id = format!(
        "ev.{}.{}",
        event.mail.message_id,
        event.event_type.replace(' ', "")
    );
    Some(settled)
}

/// Whether the event is about the mailbox our item went to: the event lists it, and so does the mail.
fn concerns(event: &MailEvent, item: &OutboxItem) -> bool {
    let ours = identity(item.order.to.expose());
    let among = |list: &[&str]| list.iter().any(|r| identity(r) == ours);
    let destination: Vec<&str> = event.mail.destination.iter().map(String::as_str).collect();
    ours.is_some() && among(&event.recipients()) && among(&destination)
}

/// What two spellings of one mailbox have in common; a name before the address does not matter.
fn identity(given: &str) -> Option<String> {
    let bare = given
        .rsplit_once('<')
        .and_then(|(_, rest)| rest.split_once('>'))
        .map_or(given, |(address, _)| address);
    EmailAddress::parse(bare).map(|a| a.identity()).ok()
}

fn fact(event: &MailEvent, kind: EventType) -> Option<(TouchpointKind, String)> {
    let (fact, reason) = match kind {
        EventType::Delivery => (TouchpointKind::Delivered, String::new()),
        EventType::Bounce => {
            let bounce = event.bounce.as_ref()?;
            let kind = bounce.bounce_type.to_lowercase();
            let reason = format!("{kind}:{}", bounce.bounce_sub_type);
            if bounce.bounce_sub_type == OWN_LIST {
                (TouchpointKind::NotSent, OWN_LIST.into())
            } else {
                (TouchpointKind::Bounced, reason)
            }
        }
        EventType::Complaint => {
            let complaint = event.complaint.as_ref()?;
            if is_taken_back(complaint) {
                return None;
            }
            if complaint.complaint_sub_type.as_deref() == Some(OWN_LIST) {
                (TouchpointKind::NotSent, OWN_LIST.into())
            } else {
                let kind = complaint.complaint_feedback_type.clone();
                (TouchpointKind::Complained, kind.unwrap_or_default())
            }
        }
        EventType::Reject => {
            let reason = event.reject.as_ref().map(|r| r.reason.clone());
            (
                TouchpointKind::NotSent,
                format!("reject:{}", reason.unwrap_or_default()),
            )
        }
        EventType::RenderingFailure => (TouchpointKind::NotSent, "rendering".into()),
        EventType::DeliveryDelay => {
            let kind = event.delivery_delay.as_ref().map(|d| d.delay_type.clone());
            (TouchpointKind::Delayed, kind.unwrap_or_default())
        }
        EventType::Subscription if leaves(event) => {
            (TouchpointKind::Unsubscribed, "mail service".into())
        }
        EventType::Send | EventType::Open | EventType::Click | EventType::Subscription => {
            return None;
        }
    };
    Some((fact, reason.chars().take(MAX_REASON).collect()))
}

fn is_permanent(event: &MailEvent) -> bool {
    let bounce = event.bounce.as_ref();
    bounce.is_some_and(|b| b.bounce_type == "Permanent")
}

/// The mail that tells the operator, where this strike paused mails to leads: one for each pause.
pub fn pause_notice(before: &Sending, after: &Sending, cause: &Touchpoint) -> Option<OutboxItem> {
    let pause = after.pause.as_ref().filter(|_| before.pause.is_none())?;
    let order = Order {
        template: PAUSED_NOTICE.into(),
        // Figures only: nothing of the person whose event tipped it.
        body: Some(Pii::new(pause.words())),
        ..Order::default()
    };
    let request = Request {
        lead_id: cause.lead_id,
        id: derived("ntc", &[PAUSED_NOTICE.as_bytes(), cause.id.as_bytes()]),
        reader: Reader::Notify,
        kind: OutboxKind::Notice,
        order,
        cause: &cause.id,
        not_before: pause.at,
        site_hash: "",
    };
    Some(OutboxItem::new(request, pause.at))
}

/// "Not spam" takes a complaint back; it is not one.
fn is_taken_back(complaint: &ComplaintPart) -> bool {
    complaint.complaint_feedback_type.as_deref() == Some("not-spam")
}

fn leaves(event: &MailEvent) -> bool {
    event
        .subscription
        .as_ref()
        .is_some_and(|s| s.new_topic_preferences.unsubscribe_all)
}

fn guard_after(event: &MailEvent, kind: EventType, guard: &Guard, at: Timestamp) -> Guard {
    let next = guard.clone();
    match kind {
        EventType::Bounce => match event.bounce.as_ref() {
            Some(bounce) if bounce.bounce_sub_type == OWN_LIST => next,
            Some(bounce) => match bounce.bounce_type.as_str() {
                "Permanent" => next.suppress(SuppressionReason::HardBounce, at),
                "Transient" => next.soft_bounce(at),
                _ => next,
            },
            None => next,
        },
        EventType::Complaint => match event.complaint.as_ref() {
            Some(complaint)
                if !is_taken_back(complaint)
                    && complaint.complaint_sub_type.as_deref() != Some(OWN_LIST) =>
            {
                next.suppress(SuppressionReason::Complaint, at)
            }
            Some(_) | None => next,
        },
        EventType::Subscription if leaves(event) => {
            next.suppress(SuppressionReason::Unsubscribed, at)
        }
        EventType::Send
        | EventType::Delivery
        | EventType::Reject
        | EventType::DeliveryDelay
        | EventType::RenderingFailure
        | EventType::Open
        | EventType::Click
        | EventType::Subscription => next,
    }
}

#[cfg(test)]
mod tests;
