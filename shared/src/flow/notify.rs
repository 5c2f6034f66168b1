//! Deciding whether a message to sales is still wanted.

use crate::domain::guard::Guard;
use crate::domain::lead::Lead;
use crate::domain::outbox::{OutboxItem, OutboxKind};
use crate::domain::stage::Stage;

/// Why the message is not wanted any more, or none. Asked at the claim.
pub fn skip_reason(item: &OutboxItem, guard: &Guard, lead: Option<&Lead>) -> Option<&'static str> {
    if guard
        .erased_at
        .is_some_and(|erased| item.created_at <= erased)
    {
        return Some("erased");
    }
    match item.kind {
        // A reminder is for an alert that nobody answered: the lead must still be where the alert left it.
        OutboxKind::Escalation => {
            let waiting =
                lead.is_some_and(|l| l.stage == Stage::Mql && Some(l.cycle) == item.order.cycle);
            (!waiting).then_some("answered")
        }
        OutboxKind::Mail | OutboxKind::Alert | OutboxKind::Notice | OutboxKind::Review => None,
    }
}
