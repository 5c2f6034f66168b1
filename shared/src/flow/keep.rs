//! Deciding what has lapsed.

use crate::domain::lead::{Lead, Reachability};
use crate::domain::outbox::{OutboxItem, OutboxKind};
use crate::domain::time::Timestamp;
use crate::domain::touchpoint::{Touchpoint, TouchpointKind};

/// How long a person has to confirm an address before what was typed about it is deleted.
pub const PENDING_DAYS: i64 = 7;

/// Whether a lead is pending and its time is over: every submission asked for a click in a mail, none came, and the last one is
/// [`PENDING_DAYS`] old. A lead with a submission that needed no click (a request for a call) is not pending.
pub fn has_lapsed(
    lead: &Lead,
    facts: &[Touchpoint],
    outbox: &[OutboxItem],
    now: Timestamp,
) -> bool {
    let asked_to_click = |submission: &Touchpoint| {
        outbox
            .iter()
            .any(|o| o.kind == OutboxKind::Mail && o.cause == submission.id)
            && !outbox
                .iter()
                .any(|o| o.kind == OutboxKind::Notice && o.cause == submission.id)
    };
    let mut submissions = facts
        .iter()
        .filter(|t| t.kind == TouchpointKind::FormSubmitted)
        .peekable();
    lead.reachability == Reachability::Unconfirmed
        && lead.cycle == 0
        && submissions.peek().is_some()
        && submissions.all(|s| asked_to_click(s) && now >= s.at.plus_days(PENDING_DAYS))
}
