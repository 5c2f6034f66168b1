//! Deciding whether a message to sales is still wanted.

use crate::domain::guard::Guard;
use crate::domain::handoff::deadline;
use crate::domain::lead::Lead;
use crate::domain::outbox::{OutboxItem, OutboxKind};
use crate::domain::sending::PAUSED_NOTICE;
use crate::domain::stage::Stage;
use crate::domain::time::Timestamp;
use crate::site::Site;

/// Whether a message is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Send it.
    Now,
    /// Look again then.
    NotBefore(Timestamp),
    /// Not any more, for this reason.
    No(&'static str),
}

/// Whether the decision needs the lead.
pub const fn needs_lead(item: &OutboxItem) -> bool {
    matches!(item.kind, OutboxKind::Escalation) || item.order.because.is_some()
}

/// Whether the message is still wanted. Asked at the claim.
pub fn wanted(
    item: &OutboxItem,
    guard: &Guard,
    lead: Option<&Lead>,
    site: &Site,
    now: Timestamp,
) -> Wanted {
    // It tells the operator, and nothing about the person whose event tipped it.
    if item.order.template == PAUSED_NOTICE {
        return Wanted::Now;
    }
    if guard
        .erased_at
        .is_some_and(|erased| item.created_at <= erased)
    {
        return Wanted::No("erased");
    }
    let waiting = || {
        lead.filter(|l| {
            l.stage == Stage::Mql && Some(l.cycle) == item.order.cycle && l.handling.waits()
        })
    };
    match item.kind {
        // It is for an alert that nobody answered: the lead must still be where the alert left it.
        OutboxKind::Escalation => match waiting() {
            None => Wanted::No("answered"),
            Some(lead) => not_before(item, lead, site, now),
        },
        // The first alert is told whatever happened meanwhile; one that comes after it is for a lead that still waits.
        OutboxKind::Alert if item.order.because.is_some() && waiting().is_none() => {
            Wanted::No("answered")
        }
        OutboxKind::Mail | OutboxKind::Alert | OutboxKind::Notice | OutboxKind::Review => {
            Wanted::Now
        }
    }
}

/// An escalation waits for whoever asked for more time or has had the lead for less than the agreed time, and for somebody to be at work.
fn not_before(item: &OutboxItem, lead: &Lead, site: &Site, now: Timestamp) -> Wanted {
    let sales = &site.sales;
    let anew = lead.handling.counts_from().map(|from| {
        let holder = lead.handling.holder.as_deref().unwrap_or_default();
        let minutes = sales.escalate_after_minutes.unwrap_or_default();
        deadline(holder, from, minutes, site)
    });
    let at_work = item
        .order
        .person
        .as_deref()
        .and_then(|person| sales.calendar_of(person))
        .map(|calendar| calendar.next_working(now));
    match anew.max(at_work) {
        Some(at) if at > now => Wanted::NotBefore(at),
        _ => Wanted::Now,
    }
}
