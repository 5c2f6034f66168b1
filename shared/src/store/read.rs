//! Reading: facts of a lead, a lead's records, outbox items, and what the indexes name.

use aws_sdk_dynamodb::types::AttributeValue;

use super::item::{self, decode, instant, text};
use super::{Attributes, CAPACITY, INDEX_SHARDS, Store, StoreError, n, s, sort_error};
use crate::domain::guard::Guard;
use crate::domain::handoff::Handoff;
use crate::domain::id::LeadId;
use crate::domain::lead::Lead;
use crate::domain::outbox::{DUE_SHARDS, OutboxItem, Reader};
use crate::domain::stage::Stage;
use crate::domain::time::{Day, Timestamp};
use crate::domain::touchpoint::Touchpoint;
use crate::flow::LeadRecords;

/// Names an outbox item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxKey {
    /// The lead.
    pub lead_id: LeadId,
    /// The item.
    pub id: String,
    /// When the index says it is due.
    pub due_at: Timestamp,
}

/// Names a fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FactKey {
    /// The lead.
    pub lead_id: LeadId,
    /// The touchpoint.
    pub id: String,
    /// When it was recorded.
    pub recorded_at: Timestamp,
}

struct Query<'a> {
    table: &'a str,
    index: Option<&'static str>,
    condition: &'static str,
    names: Vec<(&'static str, &'static str)>,
    values: Vec<(&'static str, AttributeValue)>,
    /// Most items wanted; none = all.
    limit: Option<usize>,
}

impl Store {
    /// All facts of a lead, consistent.
    pub async fn facts(&self, lead_id: LeadId) -> Result<Vec<Touchpoint>, StoreError> {
        let items = self.partition(&self.tables.touchpoints, lead_id).await?;
        items
            .into_iter()
            .map(|i| decode("touchpoints", i))
            .collect()
    }

    /// Everything in a lead's partition of the leads table, consistent.
    pub async fn lead_records(&self, lead_id: LeadId) -> Result<LeadRecords, StoreError> {
        let mut records = LeadRecords::default();
        for item in self.partition(&self.tables.leads, lead_id).await? {
            item::take_record(&mut records, item)?;
        }
        records.handoffs.sort_by_key(|h| h.cycle);
        records.consents.sort_by_key(|c| c.n);
        Ok(records)
    }

    /// All outbox items of a lead, consistent.
    pub async fn outbox_of(&self, lead_id: LeadId) -> Result<Vec<OutboxItem>, StoreError> {
        let items = self.partition(&self.tables.outbox, lead_id).await?;
        items.into_iter().map(|i| decode("outbox", i)).collect()
    }

    /// A lead's guard, consistent; a lead without one is not guarded against anything.
    pub async fn guard(&self, lead_id: LeadId) -> Result<Guard, StoreError> {
        let item = self
            .get(&self.tables.leads, item::key(lead_id, "sk", item::GUARD))
            .await?;
        item.map_or_else(|| Ok(Guard::default()), |i| decode("leads", i))
    }

    /// A lead's derived state, consistent.
    pub async fn lead(&self, lead_id: LeadId) -> Result<Option<Lead>, StoreError> {
        let item = self
            .get(&self.tables.leads, item::key(lead_id, "sk", item::LEAD))
            .await?;
        item.map(|i| decode("leads", i)).transpose()
    }

    /// The handoff of a cycle, consistent.
    pub async fn handoff(
        &self,
        lead_id: LeadId,
        cycle: u32,
    ) -> Result<Option<Handoff>, StoreError> {
        let key = item::key(lead_id, "sk", &format!("HANDOFF#{cycle}"));
        self.get(&self.tables.leads, key)
            .await?
            .map(|i| decode("leads", i))
            .transpose()
    }

    /// An outbox item, consistent.
    pub async fn outbox_item(
        &self,
        lead_id: LeadId,
        id: &str,
    ) -> Result<Option<OutboxItem>, StoreError> {
        let item = self
            .get(&self.tables.outbox, item::key(lead_id, "id", id))
            .await?;
        item.map(|i| decode("outbox", i)).transpose()
    }

    /// Items of `reader` that are due, oldest first, at most `limit` of each shard. The index may be behind: read an item before acting.
    pub async fn due(
        &self,
        reader: Reader,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<OutboxKey>, StoreError> {
        let mut keys = Vec::new();
        for shard in 0..DUE_SHARDS {
            let query = Query {
                table: &self.tables.outbox,
                index: Some("due"),
                condition: "due_key = :key AND due_at <= :now",
                names: Vec::new(),
                values: vec![
                    (":key", s(format!("{}#{shard}", reader.name()))),
                    (":now", n(now.0)),
                ],
                limit: Some(limit),
            };
            keys.extend(self.query(query).await?.iter().filter_map(outbox_key));
        }
        keys.sort_by(|a, b| (a.due_at, &a.id).cmp(&(b.due_at, &b.id)));
        Ok(keys)
    }

    /// Leads with facts recorded from `from` to `to`, both included, without repeats.
    pub async fn leads_touched(
        &self,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<LeadId>, StoreError> {
        let mut leads: Vec<LeadId> = self
            .facts_recorded(from, to)
            .await?
            .into_iter()
            .map(|f| f.lead_id)
            .collect();
        leads.sort_unstable();
        leads.dedup();
        Ok(leads)
    }

    /// Keys of facts recorded from `from` to `to`, both included.
    pub async fn facts_recorded(
        &self,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<FactKey>, StoreError> {
        let mut keys = Vec::new();
        let mut day = from.day();
        while day <= to.day() {
            keys.extend(self.facts_recorded_on(day, from, to).await?);
            day = day.next();
        }
        Ok(keys)
    }

    async fn facts_recorded_on(
        &self,
        day: Day,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<FactKey>, StoreError> {
        let mut keys = Vec::new();
        for shard in 0..INDEX_SHARDS {
            let query = Query {
                table: &self.tables.touchpoints,
                index: Some("by_day"),
                condition: "day_shard = :day AND recorded_at BETWEEN :from AND :to",
                names: Vec::new(),
                values: vec![
                    (":day", s(item::day_shard(day, shard))),
                    (":from", n(from.0)),
                    (":to", n(to.0)),
                ],
                limit: None,
            };
            keys.extend(self.query(query).await?.iter().filter_map(fact_key));
        }
        Ok(keys)
    }

    /// Leads in a stage since at most `until`, longest first.
    pub async fn leads_in_stage(
        &self,
        stage: Stage,
        until: Timestamp,
    ) -> Result<Vec<LeadId>, StoreError> {
        let mut found = Vec::new();
        for shard in 0..INDEX_SHARDS {
            let query = Query {
                table: &self.tables.leads,
                index: Some("by_stage"),
                condition: "stage_shard = :stage AND stage_since <= :until",
                names: Vec::new(),
                values: vec![
                    (":stage", s(item::stage_shard(stage.name(), shard))),
                    (":until", n(until.0)),
                ],
                limit: None,
            };
            for item in self.query(query).await? {
                if let (Some(id), Some(since)) = (lead_id(&item), instant(&item, "stage_since")) {
                    found.push((since, id));
                }
            }
        }
        found.sort_unstable();
        Ok(found.into_iter().map(|(_, id)| id).collect())
    }

    /// Everything under one partition of `ops`, consistent.
    pub(super) async fn ops_partition(&self, pk: &str) -> Result<Vec<Attributes>, StoreError> {
        let query = Query {
            table: &self.tables.ops,
            index: None,
            condition: "pk = :pk",
            names: Vec::new(),
            values: vec![(":pk", s(pk))],
            limit: None,
        };
        self.query(query).await
    }

    pub(super) async fn partition(
        &self,
        table: &str,
        lead_id: LeadId,
    ) -> Result<Vec<Attributes>, StoreError> {
        let query = Query {
            table,
            index: None,
            condition: "#lead = :lead",
            names: vec![("#lead", "lead_id")],
            values: vec![(":lead", s(lead_id.to_string()))],
            limit: None,
        };
        self.query(query).await
    }

    pub(super) async fn get(
        &self,
        table: &str,
        key: Attributes,
    ) -> Result<Option<Attributes>, StoreError> {
        let call = self
            .client
            .get_item()
            .table_name(table)
            .set_key(Some(key))
            .consistent_read(true)
            .return_consumed_capacity(CAPACITY);
        let output = call.send().await.map_err(|e| sort_error(&e))?;
        self.meter.reads(output.consumed_capacity.as_ref());
        Ok(output.item)
    }

    async fn query(&self, query: Query<'_>) -> Result<Vec<Attributes>, StoreError> {
        let mut items = Vec::new();
        let mut start = None;
        loop {
            let mut call = self
                .client
                .query()
                .table_name(query.table)
                .set_index_name(query.index.map(str::to_owned))
                .key_condition_expression(query.condition)
                .set_exclusive_start_key(start)
                .return_consumed_capacity(CAPACITY);
            if query.index.is_none() {
                call = call.consistent_read(true);
            }
            if let Some(limit) = query.limit {
                call = call.limit(i32::try_from(limit).unwrap_or(i32::MAX));
            }
            for (name, value) in &query.names {
                call = call.expression_attribute_names(*name, *value);
            }
            for (name, value) in &query.values {
                call = call.expression_attribute_values(*name, value.clone());
            }
            let output = call.send().await.map_err(|e| sort_error(&e))?;
            self.meter.reads(output.consumed_capacity.as_ref());
            items.extend(output.items.unwrap_or_default());
            start = output.last_evaluated_key;
            if start.is_none() || query.limit.is_some_and(|limit| items.len() >= limit) {
                return Ok(items);
            }
        }
    }
}

fn lead_id(item: &Attributes) -> Option<LeadId> {
    text(item, "lead_id")?.parse().ok()
}

fn outbox_key(item: &Attributes) -> Option<OutboxKey> {
    Some(OutboxKey {
        lead_id: lead_id(item)?,
        id: text(item, "id")?,
        due_at: instant(item, "due_at")?,
    })
}

fn fact_key(item: &Attributes) -> Option<FactKey> {
    Some(FactKey {
        lead_id: lead_id(item)?,
        id: text(item, "id")?,
        recorded_at: instant(item, "recorded_at")?,
    })
}
