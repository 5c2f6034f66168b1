//! Deciding how long a lead is kept, and what has lapsed.

use crate::domain::consent::Decision;
use crate::domain::form::{Form, Retention};
use crate::domain::lead::{Lead, Reachability};
use crate::domain::outbox::{OutboxItem, OutboxKind};
use crate::domain::time::Timestamp;
use crate::domain::touchpoint::{Touchpoint, TouchpointKind, Trust};
use crate::site::Site;

/// How long a person has to confirm an address before what was typed about it is deleted.
pub const PENDING_DAYS: i64 = 7;

/// When what is kept about a lead ends, by the forms that it came by and their rules now; none = not at all.
///
/// A lead is pending while every submission asked for a click in a mail and none came; it ends so many days after the last of them.
/// Any lead ends so many months after the last thing it did, or sales did about it, where all its forms say so.
pub fn keep_until(lead: &Lead, facts: &[Touchpoint], site: &Site) -> Option<Timestamp> {
    let mut submissions = facts
        .iter()
        .filter(|t| t.kind == TouchpointKind::FormSubmitted)
        .peekable();
    submissions.peek()?;
    let forms: Vec<(&Touchpoint, Option<&Form>)> = submissions
        .map(|t| (t, t.form.as_deref().and_then(|id| site.forms.get(id))))
        .collect();
    let rule = |form: Option<&Form>| form.map_or(Retention::USUAL, |f| f.retention);
    let pending = lead.reachability == Reachability::Unconfirmed
        && lead.cycle == 0
        && forms.iter().all(|(t, form)| asks_to_click(t, *form));
    let unconfirmed = forms
        .iter()
        .map(|(t, form)| t.at.plus_days(rule(*form).unconfirmed_days.into()))
        .max()
        .filter(|_| pending);
    let last_active = facts
        .iter()
        .filter(|t| t.machine.is_none() && (t.kind.is_inbound() || t.trust == Trust::Sales))
        .map(|t| t.at)
        .max();
    let months: Option<Vec<u16>> = forms
        .iter()
        .map(|(_, form)| rule(*form).inactive_months)
        .collect();
    let inactive = months
        .and_then(|m| m.into_iter().max())
        .zip(last_active)
        .map(|(months, at)| at.plus_days(i64::from(months) * DAYS_OF_MONTH));
    [unconfirmed, inactive].into_iter().flatten().min()
}

/// Days that count as a month, so that a month of any length is over.
const DAYS_OF_MONTH: i64 = 31;

/// Whether a submission is answered by a mail with a button and by nothing else. Of a form that is gone nothing is known.
fn asks_to_click(submission: &Touchpoint, form: Option<&Form>) -> bool {
    let granted = submission
        .consents
        .iter()
        .any(|c| c.decision == Decision::Granted);
    form.is_some_and(|f| {
        f.notify.is_empty() && (f.magnet.is_some() || (f.double_opt_in && granted))
    })
}

/// As [`keep_until`] for a lead that no fold has given an end, by what was mailed: pending, and its time is over. Every submission asked
/// for a click in a mail, none came, and the last one is [`PENDING_DAYS`] old. A lead with a submission that needed no click (a request for
/// a call) is not pending.
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
