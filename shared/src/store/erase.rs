//! What an erasure finds and deletes. Works on items as they are stored, so that one which this release cannot read goes as well.

use aws_sdk_dynamodb::types::AttributeValue;

use super::item::{self, decode, instant, text};
use super::{Attributes, CAPACITY, Store, StoreError, s, sort_error};
use crate::domain::erasure::{Erasure, Found};
use crate::domain::id::LeadId;
use crate::domain::time::Timestamp;

/// Partition of the erasures in `ops`.
pub(super) const ERASURES: &str = "erasure";

/// Prefixes of partitions in `ops` that speak of leads by reference only and outlive them.
const OUTLIVE: [&str; 3] = [ERASURES, "audit#", "wording#"];

/// A table that holds items of leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Touchpoints,
    Leads,
    Outbox,
}

/// Keys of what is still there of an erased lead.
#[derive(Clone, Debug, Default)]
pub struct Leftovers {
    touchpoints: Vec<Attributes>,
    leads: Vec<Attributes>,
    outbox: Vec<Attributes>,
    ops: Vec<Attributes>,
}

impl Leftovers {
    /// Keys of those in `ops`.
    pub fn ops_keys(&self) -> Vec<(String, String)> {
        let part = |key: &Attributes, name: &str| text(key, name).unwrap_or_default();
        let ops = self.ops.iter();
        ops.map(|key| (part(key, "pk"), part(key, "sk"))).collect()
    }

    /// How many there are in each table.
    pub fn count(&self) -> Found {
        let count = |list: &[Attributes]| u32::try_from(list.len()).unwrap_or(u32::MAX);
        Found {
            touchpoints: count(&self.touchpoints),
            leads: count(&self.leads),
            outbox: count(&self.outbox),
            ops: count(&self.ops),
        }
    }
}

impl Store {
    /// The erasure of a lead, consistent.
    pub async fn erasure(&self, lead_id: LeadId) -> Result<Option<Erasure>, StoreError> {
        let key = erasure_key(lead_id);
        let item = self.get(&self.tables.ops, key).await?;
        item.map(|i| decode("ops", i)).transpose()
    }

    /// Every erasure there was.
    pub async fn erasures(&self) -> Result<Vec<Erasure>, StoreError> {
        let items = self.ops_partition(ERASURES).await?;
        items.into_iter().map(|i| decode("ops", i)).collect()
    }

    /// What is there of a lead from `erased_at` or before, its guard left out. In `ops` that is whatever names one of `needles`, which
    /// reads all of it; without needles `ops` is left alone.
    pub async fn leftovers(
        &self,
        lead_id: LeadId,
        erased_at: Timestamp,
        needles: &[String],
    ) -> Result<Leftovers, StoreError> {
        let mut leftovers = Leftovers::default();
        for (kind, table, sort) in [
            (Kind::Touchpoints, &self.tables.touchpoints, "id"),
            (Kind::Outbox, &self.tables.outbox, "id"),
            (Kind::Leads, &self.tables.leads, "sk"),
        ] {
            let keys = self
                .partition(table, lead_id)
                .await?
                .into_iter()
                .filter(|i| is_before(kind, i, erased_at))
                .map(|i| item::key(lead_id, sort, &text(&i, sort).unwrap_or_default()));
            match kind {
                Kind::Touchpoints => leftovers.touchpoints.extend(keys),
                Kind::Leads => leftovers.leads.extend(keys),
                Kind::Outbox => leftovers.outbox.extend(keys),
            }
        }
        keep_mark_of_later_entries(&mut leftovers.leads, lead_id, self).await?;
        if !needles.is_empty() {
            let named = self.ops_naming(needles).await?;
            leftovers.ops.extend(named.iter().map(ops_key));
        }
        Ok(leftovers)
    }

    /// Deletes what an order names in `ops`.
    pub async fn delete_ops(&self, keys: &[(String, String)]) -> Result<(), StoreError> {
        for (pk, sk) in keys {
            let key = Attributes::from([("pk".into(), s(pk)), ("sk".into(), s(sk))]);
            self.delete(&self.tables.ops, key).await?;
        }
        Ok(())
    }

    /// Deletes them, facts first: what is derived from them can not be derived again then.
    pub async fn delete_leftovers(&self, leftovers: &Leftovers) -> Result<(), StoreError> {
        for (table, keys) in [
            (&self.tables.touchpoints, &leftovers.touchpoints),
            (&self.tables.outbox, &leftovers.outbox),
            (&self.tables.leads, &leftovers.leads),
            (&self.tables.ops, &leftovers.ops),
        ] {
            for key in keys {
                self.delete(table, key.clone()).await?;
            }
        }
        Ok(())
    }

    /// Everything in `ops` that names one of `needles` (lower case), as it is stored, except what outlives a lead.
    pub async fn ops_about(
        &self,
        needles: &[String],
    ) -> Result<Vec<serde_json::Value>, StoreError> {
        let named = self.ops_naming(needles).await?;
        named.into_iter().map(|i| decode("ops", i)).collect()
    }

    /// Everything in `ops` that names one of `needles` (lower case) in any place, except what outlives a lead.
    async fn ops_naming(&self, needles: &[String]) -> Result<Vec<Attributes>, StoreError> {
        let mut found = Vec::new();
        for item in self.scan_ops().await? {
            let pk = text(&item, "pk").unwrap_or_default();
            let outlives = OUTLIVE.iter().any(|prefix| pk.starts_with(prefix));
            if !outlives && item.values().any(|value| names(value, needles)) {
                found.push(item);
            }
        }
        Ok(found)
    }

    /// All of `ops`. It holds what is short-lived, so it is small; an erasure is rare.
    async fn scan_ops(&self) -> Result<Vec<Attributes>, StoreError> {
        let (mut items, mut start) = (Vec::new(), None);
        loop {
            let call = self
                .client
                .scan()
                .table_name(&self.tables.ops)
                .set_exclusive_start_key(start)
                .consistent_read(true)
                .return_consumed_capacity(CAPACITY);
            let output = call.send().await.map_err(|e| sort_error(&e))?;
            self.meter.reads(output.consumed_capacity.as_ref());
            items.extend(output.items.unwrap_or_default());
            start = output.last_evaluated_key;
            if start.is_none() {
                return Ok(items);
            }
        }
    }

    /// What the audit says about a subject, oldest first, as it is stored.
    pub async fn audits_of(&self, subject: &str) -> Result<Vec<serde_json::Value>, StoreError> {
        let mut found = Vec::new();
        for item in self.scan_ops().await? {
            let audits = text(&item, "pk").is_some_and(|pk| pk.starts_with("audit#"));
            if audits && text(&item, "subject").as_deref() == Some(subject) {
                found.push((instant(&item, "at"), decode("ops", item)?));
            }
        }
        found.sort_by_key(|(at, _)| *at);
        Ok(found.into_iter().map(|(_, entry)| entry).collect())
    }
}

fn ops_key(item: &Attributes) -> Attributes {
    let part = |name: &str| (name.to_owned(), s(text(item, name).unwrap_or_default()));
    Attributes::from([part("pk"), part("sk")])
}

pub(super) fn erasure_key(lead_id: LeadId) -> Attributes {
    Attributes::from([
        ("pk".into(), s(ERASURES)),
        ("sk".into(), s(lead_id.to_string())),
    ])
}

/// Whether an item belongs to the life that ended at `erased_at`. One that says no time does.
fn is_before(kind: Kind, item: &Attributes, erased_at: Timestamp) -> bool {
    let dated = match kind {
        // Whichever is earlier: what happened before and was told later is told of somebody who is gone.
        Kind::Touchpoints => [instant(item, "at"), instant(item, "recorded_at")]
            .into_iter()
            .flatten()
            .min(),
        Kind::Outbox => instant(item, "created_at"),
        Kind::Leads if text(item, "sk").as_deref() == Some(item::GUARD) => return false,
        Kind::Leads => instant(item, "first_seen").or_else(|| instant(item, "at")),
    };
    dated.is_none_or(|at| at <= erased_at)
}

/// The closing mark of a ledger says no time; it stays with the entries of a life that began since.
async fn keep_mark_of_later_entries(
    leads: &mut Vec<Attributes>,
    lead_id: LeadId,
    store: &Store,
) -> Result<(), StoreError> {
    let is_consent = |i: &Attributes| text(i, "sk").is_some_and(|sk| sk.starts_with("CONSENT#"));
    let stored = store.partition(&store.tables.leads, lead_id).await?;
    let later = stored.iter().filter(|i| is_consent(i)).count()
        > leads.iter().filter(|i| is_consent(i)).count();
    if later {
        leads.retain(|i| text(i, "sk").as_deref() != Some(item::LEDGER));
    }
    Ok(())
}

/// Whether a value names one of `needles` in any place.
fn names(value: &AttributeValue, needles: &[String]) -> bool {
    match value {
        AttributeValue::S(text) => {
            let text = text.to_lowercase();
            needles.iter().any(|needle| text.contains(needle))
        }
        AttributeValue::L(list) => list.iter().any(|v| names(v, needles)),
        AttributeValue::M(map) => map.values().any(|v| names(v, needles)),
        AttributeValue::Ss(list) => list
            .iter()
            .any(|t| names(&AttributeValue::S(t.clone()), needles)),
        _ => false,
    }
}
