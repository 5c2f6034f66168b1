//! The work that a handoff causes: one item for each channel, and one that asks the next in line while nobody answers.
//!
//! Ids are made of the cycle, so a second run makes the same items. The items are written in the transaction of the handoff; whether an
//! item is still wanted is asked at its claim (`flow::notify`), because nobody cancels work.
//! Channels of the site have theirs in `flow::channels`.

use crate::domain::handoff::{Handoff, deadline};
use crate::domain::outbox::{Order, OutboxItem, OutboxKind, Reader, Request, Step};
use crate::domain::time::Timestamp;
use crate::site::Site;

/// What tells sales of a handoff. `line` are those who are asked if nobody answers, in order.
pub fn alerts(handoff: &Handoff, line: &[String], site: &Site, now: Timestamp) -> Vec<OutboxItem> {
    let mut items = vec![alert_item(
        handoff,
        format!("alr_{}_mail", handoff.cycle),
        order_for(handoff, &handoff.owner.id),
        site,
        now,
        now,
    )];
    items.extend(escalation(handoff, line, site, now));
    items
}

/// One item that goes from one to the next while nobody answers.
fn escalation(
    handoff: &Handoff,
    line: &[String],
    site: &Site,
    now: Timestamp,
) -> Option<OutboxItem> {
    let minutes = site.sales.escalate_after_minutes?;
    let mut steps = Vec::new();
    let (mut person, mut from) = (handoff.owner.id.as_str(), now);
    for next in line {
        // Each has the agreed time, by the hours of whoever is to answer.
        from = deadline(person, from, minutes, site);
        person = next;
        steps.push(Step {
            person: next.clone(),
            at: from,
        });
    }
    let mut steps = steps.into_iter();
    let first = steps.next()?;
    let order = Order {
        later: steps.collect(),
        ..order_for(handoff, &first.person)
    };
    let id = format!("esc_{}_mail", handoff.cycle);
    Some(item(
        handoff,
        id,
        OutboxKind::Escalation,
        order,
        site,
        (first.at, now),
    ))
}

/// The order of an alert to a person.
pub fn order_for(handoff: &Handoff, person: &str) -> Order {
    Order {
        template: "alert".into(),
        cycle: Some(handoff.cycle),
        person: Some(person.to_owned()),
        ..Order::default()
    }
}

/// An alert of its own id.
pub fn alert_item(
    handoff: &Handoff,
    id: String,
    order: Order,
    site: &Site,
    not_before: Timestamp,
    now: Timestamp,
) -> OutboxItem {
    item(
        handoff,
        id,
        OutboxKind::Alert,
        order,
        site,
        (not_before, now),
    )
}

fn item(
    handoff: &Handoff,
    id: String,
    kind: OutboxKind,
    order: Order,
    site: &Site,
    (not_before, now): (Timestamp, Timestamp),
) -> OutboxItem {
    let cause = format!("HANDOFF#{}", handoff.cycle);
    let request = Request {
        lead_id: handoff.lead_id,
        id,
        reader: Reader::Notify,
        kind,
        order,
        cause: &cause,
        not_before,
        site_hash: &site.hash,
    };
    OutboxItem::new(request, now)
}

#[cfg(all(test, feature = "site-source"))]
mod tests;
