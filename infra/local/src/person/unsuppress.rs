//! Letting mail go out again to somebody whose address bounced, who complained or who left.
//!
//! Only an operator can lift a complaint or a hard bounce. Consents that were taken back stay taken back: this opens the way for mail
//! that is asked for anew, and for nothing else. What was said of the whole mailbox is lifted with it.

use anyhow::bail;
use shared::domain::id::derived;
use shared::domain::pii::Pii;
use shared::domain::touchpoint::{Touchpoint, TouchpointKind, Trust};
use shared::flow::Write;
use shared::store::Committed;

use super::{Person, Records};
use crate::reason::checked;

/// Tries at a guard that other writers change meanwhile.
const TRIES: u32 = 6;

/// Lifts the suppression and leaves a fact and a trace; answers what it was, or none where there was none.
pub async fn unsuppress(
    records: &Records<'_>,
    email: &str,
    reason: &str,
) -> anyhow::Result<Option<&'static str>> {
    let reason = checked(reason)?;
    let person = Person::of(email, records.identity)?;
    let lead_id = person.lead_id;
    for _ in 0..TRIES {
        let before = records.store.guard(lead_id).await?;
        let mailbox = person.mailbox()?;
        let of_mailbox = records.store.guard(mailbox).await?;
        let suppressed = before
            .suppressed
            .as_ref()
            .or(of_mailbox.suppressed.as_ref());
        let Some(suppression) = suppressed.cloned() else {
            return Ok(None);
        };
        let kind = TouchpointKind::SuppressionLifted;
        let versions = [before.version, of_mailbox.version].map(u64::to_be_bytes);
        let id = derived(kind.prefix(), &[&versions.concat()]);
        let mut fact = Touchpoint::new(lead_id, id.clone(), kind, records.now);
        fact.trust = Trust::Sales;
        fact.reason = Some(suppression.reason.name().to_owned());
        fact.comment = Some(Pii::new(reason.to_owned()));
        let lifted = [(lead_id, before), (mailbox, of_mailbox)].map(|(of, before)| {
            let mut after = before.clone();
            after.suppressed = None;
            after.soft_bounce_days.clear();
            Write::guard(of, &before, after, &id)
        });
        let details = [
            ("lifted", suppression.reason.name().to_owned()),
            ("reason", reason.to_owned()),
        ];
        // Before it is done, under a name of its own: nothing is lifted without a trace.
        let (subject, trace) = (lead_id.to_string(), format!("{id}.{lead_id}"));
        records
            .store
            .audit_with("unsuppress", &subject, &trace, records.now, details)
            .await?;
        let mut writes = vec![Write::Touchpoint(fact)];
        writes.extend(lifted.into_iter().flatten());
        if let Committed::Written = records.store.commit(&writes).await? {
            return Ok(Some(suppression.reason.name()));
        }
    }
    bail!("the record changes all the time; try again")
}
