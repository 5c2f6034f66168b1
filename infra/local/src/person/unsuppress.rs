//! Letting mail go out again to somebody whose address bounced, who complained or who left.
//!
//! Only an operator can lift a complaint or a hard bounce. Consents that were taken back stay taken back: this opens the way for mail
//! that is asked for anew, and for nothing else.

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
        let Some(suppression) = before.suppressed.clone() else {
            return Ok(None);
        };
        let kind = TouchpointKind::SuppressionLifted;
        let id = derived(kind.prefix(), &[&before.version.to_be_bytes()]);
        let mut fact = Touchpoint::new(lead_id, id.clone(), kind, records.now);
        fact.trust = Trust::Sales;
        fact.reason = Some(suppression.reason.name().to_owned());
        fact.comment = Some(Pii::new(reason.to_owned()));
        let mut after = before.clone();
        after.suppressed = None;
        after.soft_bounce_days.clear();
        after.version = before.version + 1;
        let write = Write::Guard {
            lead_id,
            guard: after,
            write_id: id.clone(),
        };
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
        let writes = [Write::Touchpoint(fact), write];
        if let Committed::Written = records.store.commit(&writes).await? {
            return Ok(Some(suppression.reason.name()));
        }
    }
    bail!("the record changes all the time; try again")
}
