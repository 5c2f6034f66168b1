//! Items: how records are laid out in the tables, and read back.
//!
//! A stored shape is a promise: every item has `v`, a release reads the shapes of the one before, and new fields are optional.

use aws_sdk_dynamodb::types::AttributeValue;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::erase::erasure_key;
use super::{Attributes, INDEX_SHARDS, StoreError, n, s};
use crate::domain::consent::{ConsentRecord, LedgerHead};
use crate::domain::erasure::Erasure;
use crate::domain::guard::Guard;
use crate::domain::handoff::Handoff;
use crate::domain::id::LeadId;
use crate::domain::lapse::Lapse;
use crate::domain::lead::Lead;
use crate::domain::outbox::OutboxItem;
use crate::domain::time::{Day, Timestamp};
use crate::domain::touchpoint::Touchpoint;
use crate::flow::LeadRecords;

/// Sort key of a lead's state.
pub(super) const LEAD: &str = "LEAD";
/// Sort key of a lead's guard.
pub(super) const GUARD: &str = "GUARD";
/// Sort key of the closing mark of a lead's consent ledger.
pub(super) const LEDGER: &str = "LEDGER";
/// Partition in `ops` of the lapses that are not finished.
pub(super) const LAPSES: &str = "lapse";

/// A raw item: what stood in the way of a conditional write.
#[derive(Clone, Debug)]
pub struct Item(pub(super) Attributes);

impl Item {
    /// The item as a touchpoint.
    pub fn touchpoint(&self) -> Result<Touchpoint, StoreError> {
        decode("touchpoints", self.0.clone())
    }

    /// The item as a touchpoint, without a copy.
    pub fn into_touchpoint(self) -> Result<Touchpoint, StoreError> {
        decode("touchpoints", self.0)
    }

    /// The lead it belongs to, as it is stored.
    pub fn lead_id(&self) -> Option<&str> {
        self.0
            .get("lead_id")
            .and_then(|v| v.as_s().ok())
            .map(String::as_str)
    }

    /// The item as an outbox item.
    pub fn outbox(&self) -> Result<OutboxItem, StoreError> {
        decode("outbox", self.0.clone())
    }

    /// The submission that a ticket was spent on, where the item is a spent ticket.
    pub fn spent_on(&self) -> Option<String> {
        text(&self.0, "submission")
    }

    pub(super) fn last_write_id(&self) -> Option<&str> {
        self.0
            .get("last_write_id")
            .and_then(|v| v.as_s().ok())
            .map(String::as_str)
    }
}

/// Puts an item of a lead's partition where it belongs.
pub(super) fn take_record(records: &mut LeadRecords, item: Attributes) -> Result<(), StoreError> {
    let sk = text(&item, "sk").unwrap_or_default();
    match sk.split('#').next() {
        Some(LEAD) => records.lead = Some(decode("leads", item)?),
        Some(GUARD) => records.guard = decode("leads", item)?,
        Some(LEDGER) => records.ledger = Some(decode("leads", item)?),
        Some("HANDOFF") => records.handoffs.push(decode("leads", item)?),
        Some("CONSENT") => records.consents.push(decode("leads", item)?),
        // A record of a later release: not ours to judge.
        _ => {}
    }
    Ok(())
}

/// A guard with the write that made it.
#[derive(Serialize, Deserialize)]
pub(super) struct GuardItem {
    #[serde(default)]
    pub(super) last_write_id: String,
}

pub(super) fn decode<T: DeserializeOwned>(
    table: &'static str,
    item: Attributes,
) -> Result<T, StoreError> {
    // The error of the decoder names fields and types, not values; keep it short all the same.
    serde_dynamo::from_item(item).map_err(|e: serde_dynamo::Error| StoreError::Damaged {
        table,
        reason: e.to_string().chars().take(120).collect(),
    })
}

pub(super) fn encode<T: Serialize>(
    table: &'static str,
    value: &T,
) -> Result<Attributes, StoreError> {
    serde_dynamo::to_item(value).map_err(|e: serde_dynamo::Error| StoreError::Damaged {
        table,
        reason: e.to_string().chars().take(120).collect(),
    })
}

/// Partition of the `by_day` index.
pub(super) fn day_shard(day: Day, shard: u8) -> String {
    format!("{day}#{shard}")
}

/// Partition of the `by_stage` index.
pub(super) fn stage_shard(stage: &str, shard: u8) -> String {
    format!("{stage}#{shard}")
}

pub(super) fn touchpoint_item(touchpoint: &Touchpoint) -> Result<Attributes, StoreError> {
    let mut item = encode("touchpoints", touchpoint)?;
    let shard = touchpoint.lead_id.shard(INDEX_SHARDS);
    item.insert(
        "day_shard".into(),
        s(day_shard(touchpoint.recorded_at.day(), shard)),
    );
    Ok(item)
}

pub(super) fn lead_item(lead: &Lead, write_id: &str) -> Result<Attributes, StoreError> {
    let mut item = encode("leads", lead)?;
    item.insert("sk".into(), s(LEAD));
    item.insert(
        "stage_shard".into(),
        s(stage_shard(
            lead.stage.name(),
            lead.lead_id.shard(INDEX_SHARDS),
        )),
    );
    item.insert("last_write_id".into(), s(write_id));
    Ok(item)
}

pub(super) fn guard_item(
    lead_id: LeadId,
    guard: &Guard,
    write_id: &str,
) -> Result<Attributes, StoreError> {
    let mut item = encode("leads", guard)?;
    item.insert("lead_id".into(), s(lead_id.to_string()));
    item.insert("sk".into(), s(GUARD));
    item.insert("v".into(), n(1));
    item.extend(encode(
        "leads",
        &GuardItem {
            last_write_id: write_id.to_owned(),
        },
    )?);
    Ok(item)
}

pub(super) fn handoff_item(handoff: &Handoff) -> Result<Attributes, StoreError> {
    let mut item = encode("leads", handoff)?;
    item.insert("sk".into(), s(format!("HANDOFF#{}", handoff.cycle)));
    Ok(item)
}

pub(super) fn consent_item(
    lead_id: LeadId,
    consent: &ConsentRecord,
) -> Result<Attributes, StoreError> {
    let mut item = encode("leads", consent)?;
    item.insert("lead_id".into(), s(lead_id.to_string()));
    // Zero-padded, so that the ledger reads in order.
    item.insert("sk".into(), s(format!("CONSENT#{:06}", consent.n)));
    item.insert("v".into(), n(1));
    item.insert("last_write_id".into(), s(consent.seal.clone()));
    Ok(item)
}

pub(super) fn ledger_item(lead_id: LeadId, head: &LedgerHead) -> Result<Attributes, StoreError> {
    let mut item = encode("leads", head)?;
    item.insert("lead_id".into(), s(lead_id.to_string()));
    item.insert("sk".into(), s(LEDGER));
    item.insert("version".into(), n(head.n.into()));
    item.insert("v".into(), n(1));
    item.insert("last_write_id".into(), s(head.seal.clone()));
    Ok(item)
}

pub(super) fn erasure_item(erasure: &Erasure, write_id: &str) -> Result<Attributes, StoreError> {
    let mut item = encode("ops", erasure)?;
    item.extend(erasure_key(erasure.lead_id));
    item.insert("v".into(), n(1));
    item.insert("last_write_id".into(), s(write_id));
    Ok(item)
}

pub(super) fn lapse_item(lapse: &Lapse) -> Result<Attributes, StoreError> {
    let mut item = encode("ops", lapse)?;
    item.insert("pk".into(), s(LAPSES));
    item.insert("sk".into(), s(lapse.lead_id.to_string()));
    item.insert("v".into(), n(1));
    Ok(item)
}

pub(super) fn outbox_item(item: &OutboxItem) -> Result<Attributes, StoreError> {
    encode("outbox", item)
}

pub(super) fn key(lead_id: LeadId, sort_name: &str, sort: &str) -> Attributes {
    Attributes::from([
        ("lead_id".into(), s(lead_id.to_string())),
        (sort_name.into(), s(sort)),
    ])
}

pub(super) fn text(item: &Attributes, name: &str) -> Option<String> {
    item.get(name).and_then(|v| v.as_s().ok()).cloned()
}

pub(super) fn number(item: &Attributes, name: &str) -> Option<i64> {
    item.get(name)
        .and_then(|v: &AttributeValue| v.as_n().ok())
        .and_then(|v| v.parse().ok())
}

pub(super) fn instant(item: &Attributes, name: &str) -> Option<Timestamp> {
    number(item, name).map(Timestamp)
}
