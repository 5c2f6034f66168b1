//! Deciding whether a mail to a lead may go out now.

use crate::domain::guard::Guard;
use crate::domain::outbox::OutboxItem;
use crate::domain::send_limit::{SendLimit, Sent};
use crate::domain::time::Timestamp;

/// Why the mail is not wanted any more, or none. Asked at the claim, not earlier: nobody cancels work, its reader rechecks it.
pub fn skip_reason(
    item: &OutboxItem,
    guard: &Guard,
    limit: &SendLimit,
    now: Timestamp,
) -> Option<String> {
    if guard
        .erased_at
        .is_some_and(|erased| item.created_at <= erased)
    {
        return Some("erased".into());
    }
    if let Some(suppression) = &guard.suppressed {
        return Some(suppression.reason.name().into());
    }
    let form = item.order.form.as_deref().unwrap_or_default();
    limit
        .refuses(form, &item.id, guard.confirmed_at.is_some(), now)
        .map(str::to_owned)
}

/// The mailbox's send times with this mail, to be written with the claim; none where it was counted before.
pub fn count(
    item: &OutboxItem,
    limit: &SendLimit,
    owner: &str,
    now: Timestamp,
) -> Option<SendLimit> {
    let counted = limit.sends.iter().any(|s| s.outbox_id == item.id);
    let sent = Sent {
        at: now,
        form: item.order.form.clone().unwrap_or_default(),
        outbox_id: item.id.clone(),
    };
    (!counted && item.order.limit_key.is_some())
        .then(|| limit.with(sent, format!("{owner}.{}", item.id)))
}
