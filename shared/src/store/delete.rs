//! Deleting, each item under a condition; used by `keep` (and erasure) alone, which alone may delete.

use aws_sdk_dynamodb::types::{Delete, Put, TransactWriteItem};

use super::item::{self, LAPSES, LEAD, LEDGER, decode};
use super::{Attributes, CAPACITY, Store, StoreError, n, s, sort_error};
use crate::domain::lapse::Lapse;
use crate::domain::outbox::OutboxItem;
use crate::domain::time::Timestamp;
use crate::domain::touchpoint::Touchpoint;
use crate::flow::LeadRecords;

/// Most items of one transaction.
const MOST: usize = 100;
/// How long an audit entry is kept.
const KEEP_DAYS: i64 = 365 * 3;

impl Store {
    /// Deletes a lead's state with its handoffs and consents, if the state still has this version, and notes that the rest is to go; false
    /// where it has not. The guard stays where it keeps mail away.
    pub async fn delete_lead(
        &self,
        lapse: &Lapse,
        version: u64,
        records: &LeadRecords,
    ) -> Result<bool, StoreError> {
        let lead_id = lapse.lead_id;
        let order = Put::builder()
            .table_name(&self.tables.ops)
            .set_item(Some(item::lapse_item(lapse)?))
            .build()
            .map_err(|_| StoreError::Refused("incomplete put".into()))?;
        let version = n(i64::try_from(version).unwrap_or(i64::MAX));
        let state = Delete::builder()
            .table_name(&self.tables.leads)
            .set_key(Some(item::key(lead_id, "sk", LEAD)))
            .condition_expression("version = :version")
            .expression_attribute_values(":version", version)
            .build();
        let consents = records
            .consents
            .iter()
            .map(|c| format!("CONSENT#{:06}", c.n));
        let handoffs = records
            .handoffs
            .iter()
            .map(|h| format!("HANDOFF#{}", h.cycle));
        let mark = records.ledger.is_some().then(|| LEDGER.to_owned());
        let guard = (records.guard.suppressed.is_none() && records.guard.erased_at.is_none())
            .then(|| item::GUARD.to_owned());
        let others = consents
            .chain(mark)
            .chain(handoffs)
            .chain(guard)
            .take(MOST - 2)
            .map(|sk| {
                Delete::builder()
                    .table_name(&self.tables.leads)
                    .set_key(Some(item::key(lead_id, "sk", &sk)))
                    .build()
            });
        let mut call = self
            .client
            .transact_write_items()
            .transact_items(TransactWriteItem::builder().put(order).build())
            .return_consumed_capacity(CAPACITY);
        for delete in std::iter::once(state).chain(others) {
            let delete = delete.map_err(|_| StoreError::Refused("incomplete deletion".into()))?;
            call = call.transact_items(TransactWriteItem::builder().delete(delete).build());
        }
        match call.send().await {
            Ok(output) => {
                self.meter.writes(output.consumed_capacity());
                Ok(true)
            }
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError::is_transaction_canceled_exception) =>
            {
                // The state may be gone because this very call deleted it, and its answer was lost.
                Ok(self.lapses().await?.contains(lapse))
            }
            Err(error) => Err(sort_error(&error)),
        }
    }

    /// The lapses that are not finished.
    pub async fn lapses(&self) -> Result<Vec<Lapse>, StoreError> {
        let items = self.ops_partition(LAPSES).await?;
        items.into_iter().map(|i| decode("ops", i)).collect()
    }

    /// Deletes what a lapse has left, and then the lapse.
    pub async fn finish_lapse(&self, lapse: &Lapse) -> Result<(), StoreError> {
        let mut facts = self.facts(lapse.lead_id).await?;
        facts.retain(|fact| fact.recorded_at <= lapse.until);
        self.delete_facts(&facts).await?;
        let mut outbox = self.outbox_of(lapse.lead_id).await?;
        outbox.retain(|work| work.created_at <= lapse.until);
        self.delete_outbox(&outbox).await?;
        self.delete_ops(&[(LAPSES.to_owned(), lapse.lead_id.to_string())])
            .await
    }

    /// Deletes facts.
    pub async fn delete_facts(&self, facts: &[Touchpoint]) -> Result<(), StoreError> {
        for fact in facts {
            self.delete(
                &self.tables.touchpoints,
                item::key(fact.lead_id, "id", &fact.id),
            )
            .await?;
        }
        Ok(())
    }

    /// Deletes work.
    pub async fn delete_outbox(&self, items: &[OutboxItem]) -> Result<(), StoreError> {
        for work in items {
            self.delete(&self.tables.outbox, item::key(work.lead_id, "id", &work.id))
                .await?;
        }
        Ok(())
    }

    /// Leaves a trace of something an operator or a rule did: references only, so that it outlives what it speaks of.
    pub async fn audit(
        &self,
        action: &str,
        subject: &str,
        write_id: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let details: [(&str, String); 0] = [];
        self.audit_with(action, subject, write_id, at, details)
            .await
    }

    /// As [`Self::audit`], with details by name; references, counts and an operator's own words, never anything of the person.
    pub async fn audit_with(
        &self,
        action: &str,
        subject: &str,
        write_id: &str,
        at: Timestamp,
        details: impl IntoIterator<Item = (&str, String)> + Send,
    ) -> Result<(), StoreError> {
        let mut entry = Attributes::from([
            ("pk".into(), s(format!("audit#{}", at.day()))),
            ("sk".into(), s(format!("{}#{write_id}", at.0))),
            ("action".into(), s(action)),
            ("subject".into(), s(subject)),
            ("at".into(), n(at.0)),
            ("ttl".into(), n(at.plus_days(KEEP_DAYS).seconds())),
            ("v".into(), n(1)),
        ]);
        for (name, value) in details {
            entry.insert(name.to_owned(), s(value));
        }
        self.put_in_ops(entry).await
    }

    /// Writes an item of `ops`, in place of one that is there.
    pub(super) async fn put_in_ops(&self, entry: Attributes) -> Result<(), StoreError> {
        let call = self
            .client
            .put_item()
            .table_name(&self.tables.ops)
            .set_item(Some(entry))
            .return_consumed_capacity(CAPACITY);
        let output = call.send().await.map_err(|e| sort_error(&e))?;
        self.meter.writes(output.consumed_capacity.as_ref());
        Ok(())
    }

    pub(super) async fn delete(&self, table: &str, key: Attributes) -> Result<(), StoreError> {
        let call = self
            .client
            .delete_item()
            .table_name(table)
            .set_key(Some(key))
            .return_consumed_capacity(CAPACITY);
        let output = call.send().await.map_err(|e| sort_error(&e))?;
        self.meter.writes(output.consumed_capacity.as_ref());
        Ok(())
    }
}
