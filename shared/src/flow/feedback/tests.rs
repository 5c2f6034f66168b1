//! Whom an event touches, and what it does there.

use serde_json::{Value, json};

use super::*;
use crate::domain::id::LeadId;
use crate::domain::outbox::{Order, Reader, Request, State};
use crate::domain::pii::Pii;

const NOW: Timestamp = Timestamp(1_772_442_000_000);

fn item(to: &str) -> OutboxItem {
    let request = Request {
        lead_id: LeadId::from_bytes([7; 16]),
        id: "mal_1".into(),
        reader: Reader::Deliver,
        kind: OutboxKind::Mail,
        order: Order {
            template: "magnet".into(),
            to: Pii::new(to.into()),
            ..Order::default()
        },
        cause: "sub_1",
        not_before: NOW,
        site_hash: "s",
    };
    OutboxItem::new(request, NOW)
}

fn bounce(kind: &str, sub: &str, bounced: &[&str], sent_to: &[&str]) -> MailEvent {
    let recipients: Vec<Value> = bounced.iter().map(|r| json!({"emailAddress": r})).collect();
    read(json!({
        "eventType": "Bounce",
        "mail": {"messageId": "m", "destination": sent_to},
        "bounce": {"bounceType": kind, "bounceSubType": sub, "bouncedRecipients": recipients,
                   "timestamp": "2026-03-02T09:00:02.000Z", "feedbackId": "f"},
    }))
}

fn read(event: Value) -> MailEvent {
    serde_json::from_value(event).unwrap()
}

#[test]
fn ses_4_only_a_mailbox_that_the_event_lists_and_the_mail_went_to_is_touched() {
    let ours = item("ada@example.com");
    let touched = |bounced: &[&str], sent_to: &[&str]| {
        let event = bounce("Permanent", "General", bounced, sent_to);
        decide(&event, &ours, &Guard::default(), NOW)
            .guard
            .is_some()
    };
    assert!(touched(&["ada@example.com"], &["ada@example.com"]));
    assert!(touched(&["Ada@Example.com"], &["ADA@example.com"]));
    assert!(touched(
        &["Ada L. <ada@example.com>"],
        &["\"L., Ada\" <ada@example.com>"]
    ));
    assert!(
        !touched(&["ada@example.com"], &["eve@example.com"]),
        "not in the mail"
    );
    assert!(
        !touched(&["eve@example.com"], &["ada@example.com"]),
        "not in the event"
    );
    assert!(!touched(
        &["ada+x@example.com"],
        &["ada+x@example.com", "ada@example.com"]
    ));
    assert!(!touched(&[], &["ada@example.com"]));
    assert!(!touched(&["ada@example.com"], &[]));
    assert!(!touched(&["no address"], &["no address"]));
}

#[test]
fn a_template_that_could_not_be_filled_in_ends_a_send_that_nobody_knows_of() {
    let event = read(
        json!({"eventType": "Rendering Failure", "mail": {"messageId": "m", "destination": ["ada@example.com"]}}),
    );
    let mut waiting = item("ada@example.com");
    waiting.state = State::Unknown;
    let heard = decide(&event, &waiting, &Guard::default(), NOW);
    assert_eq!(heard.item.map(|i| i.state), Some(State::Dead));
    waiting.state = State::Sent;
    let heard = decide(&event, &waiting, &Guard::default(), NOW);
    assert_eq!(heard.item, None);
    assert_eq!(
        heard.touchpoint.map(|t| t.kind),
        Some(TouchpointKind::NotSent)
    );
}

#[test]
fn law_5_an_event_about_a_mail_from_before_an_erasure_says_nothing() {
    let event = bounce("Permanent", "General", &["a@b.com"], &["a@b.com"]);
    let guard = Guard {
        erased_at: Some(NOW.plus_minutes(1)),
        ..Guard::default()
    };
    assert_eq!(
        decide(&event, &item("a@b.com"), &guard, NOW.plus_minutes(2)),
        Heard::default()
    );
}

#[test]
fn ses_3_two_reports_about_one_mail_are_two_facts_and_one_report_twice_is_one() {
    let mut event = bounce("Transient", "MailboxFull", &["a@b.com"], &["a@b.com"]);
    let id = |event: &MailEvent| {
        decide(event, &item("a@b.com"), &Guard::default(), NOW)
            .touchpoint
            .map(|t| t.id)
    };
    let first = id(&event);
    assert_eq!(id(&event), first);
    if let Some(bounce) = &mut event.bounce {
        bounce.feedback_id = "g".into();
    }
    assert_ne!(id(&event), first);
}
