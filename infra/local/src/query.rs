//! Reads what is known of a lead, as plain JSON: for the local pages, for tests, for the command line.
//!
//! Reads over the SDK, so it works on a deployed stack as well. Shows items as they are stored, whether or not this release can decode
//! them. Must not write anything.

use std::collections::HashMap;

use anyhow::Context as _;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};
use shared::domain::email::EmailAddress;
use shared::domain::id::{IdentityKey, LeadId};
use shared::domain::stage::Stage;
use shared::store::{INDEX_SHARDS, Tables};

/// Stages in the order of a list: those that sales works on come first.
const STAGES: [Stage; 7] = [
    Stage::Mql,
    Stage::Sal,
    Stage::Sql,
    Stage::Lead,
    Stage::Subscriber,
    Stage::Recycled,
    Stage::Disqualified,
];
/// Reads under way at once.
const AT_ONCE: usize = 8;

/// One page of the list of leads.
#[derive(Debug, Clone)]
pub struct Page {
    /// Their state.
    pub leads: Vec<Value>,
    /// Where the list goes on; none at its end.
    pub next: Option<Place>,
}

/// A place in the list of leads: after this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Part of the index: a stage and a shard.
    part: usize,
    since: i64,
    lead_id: String,
}

impl Place {
    /// As it stands in an address.
    pub fn to_text(&self) -> String {
        format!("{}.{}.{}", self.part, self.since, self.lead_id)
    }

    /// The place that was written so.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '.');
        let part = parts
            .next()?
            .parse()
            .ok()
            .filter(|n| *n < parts_of_list())?;
        let since = parts.next()?.parse().ok()?;
        let lead_id: LeadId = parts.next()?.parse().ok()?;
        Some(Self {
            part,
            since,
            lead_id: lead_id.to_string(),
        })
    }
}

fn parts_of_list() -> usize {
    STAGES.len() * usize::from(INDEX_SHARDS)
}

/// The partition of the index that is this part of the list.
fn partition_of(part: usize) -> String {
    let shards = usize::from(INDEX_SHARDS);
    format!("{}#{}", STAGES[part / shards].name(), part % shards)
}

/// Reads leads.
#[derive(Clone)]
pub struct Query {
    client: Client,
    tables: Tables,
    identity: IdentityKey,
    /// Leads whose time was over then are not shown.
    now: Option<i64>,
}

impl Query {
    /// Reads over `client` from `tables`; `identity` turns addresses into lead ids.
    pub fn new(client: Client, tables: Tables, identity: IdentityKey) -> Self {
        Self {
            client,
            tables,
            identity,
            now: None,
        }
    }

    /// The same, as things are shown at `now` (UTC milliseconds): a lead whose time is over is not there, deleted or not.
    #[must_use]
    pub fn at(&self, now: i64) -> Self {
        Self {
            now: Some(now),
            ..self.clone()
        }
    }

    fn is_over(&self, lead: &Value) -> bool {
        self.now
            .zip(lead["keep_until"].as_i64())
            .is_some_and(|(now, end)| end <= now)
    }

    /// The id of the lead with this address; `None` where the text is no address.
    pub fn lead_id(&self, email: &str) -> Option<String> {
        EmailAddress::parse(email)
            .ok()
            .map(|address| self.identity.lead_of_email(&address).to_string())
    }

    /// `{lead, touchpoints[], outbox[], handoffs[], consents[], guard}` for an address; `None` where nothing is known of it.
    pub async fn by_email(&self, email: &str) -> anyhow::Result<Option<Value>> {
        match self.lead_id(email) {
            Some(lead_id) => Ok(self
                .by_id(&lead_id)
                .await?
                .filter(|known| !self.is_over(&known["lead"]))),
            None => Ok(None),
        }
    }

    /// The same for a lead id.
    pub async fn by_id(&self, lead_id: &str) -> anyhow::Result<Option<Value>> {
        let mut touchpoints = self.partition(&self.tables.touchpoints, lead_id).await?;
        let mut outbox = self.partition(&self.tables.outbox, lead_id).await?;
        let records = self.partition(&self.tables.leads, lead_id).await?;
        if touchpoints.is_empty() && outbox.is_empty() && records.is_empty() {
            return Ok(None);
        }
        let at = |item: &Value, name: &str| item[name].as_i64().unwrap_or_default();
        touchpoints.sort_by_key(|item| (at(item, "at"), at(item, "recorded_at")));
        outbox.sort_by_key(|item| at(item, "created_at"));
        let one = |key: &str| {
            records
                .iter()
                .find(|item| item["sk"] == key)
                .cloned()
                .unwrap_or(Value::Null)
        };
        let all = |prefix: &str| -> Vec<&Value> {
            let mut found: Vec<(u64, &Value)> = records
                .iter()
                .filter_map(|item| {
                    Some((
                        item["sk"]
                            .as_str()?
                            .strip_prefix(prefix)?
                            .parse()
                            .unwrap_or(0),
                        item,
                    ))
                })
                .collect();
            found.sort_by_key(|(number, _)| *number);
            found.into_iter().map(|(_, item)| item).collect()
        };
        Ok(Some(json!({
            "lead": one("LEAD"),
            "touchpoints": touchpoints,
            "outbox": outbox,
            "handoffs": all("HANDOFF#"),
            "consents": all("CONSENT#"),
            "guard": one("GUARD"),
        })))
    }

    /// Up to `limit` leads after a place of the list: by stage, and within each part of a stage the latest change first. Reads no more than
    /// it answers, however many leads there are.
    pub async fn page(&self, after: Option<&Place>, limit: usize) -> anyhow::Result<Page> {
        let mut found: Vec<Place> = Vec::new();
        let mut part = after.map_or(0, |place| place.part);
        let mut start = after.cloned();
        while part < parts_of_list() && found.len() <= limit {
            // One more than is shown tells whether there is a next page.
            let most = limit + 1 - found.len();
            found.extend(self.part(part, start.take(), most).await?);
            part += 1;
        }
        let more = found.len() > limit;
        found.truncate(limit);
        let next = found.last().filter(|_| more).cloned();
        let leads: Vec<Option<Value>> = stream::iter(found)
            .map(|place| async move { self.state(&place.lead_id).await })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        Ok(Page {
            leads: leads
                .into_iter()
                .flatten()
                .filter(|lead| !self.is_over(lead))
                .collect(),
            next,
        })
    }

    /// Places of one part of the list.
    async fn part(
        &self,
        part: usize,
        after: Option<Place>,
        most: usize,
    ) -> anyhow::Result<Vec<Place>> {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let start = after.map(|place| {
            HashMap::from([
                ("stage_shard".to_owned(), text(&partition_of(part))),
                (
                    "stage_since".to_owned(),
                    AttributeValue::N(place.since.to_string()),
                ),
                ("lead_id".to_owned(), text(&place.lead_id)),
                ("sk".to_owned(), text("LEAD")),
            ])
        });
        let mut items = self
            .client
            .query()
            .table_name(&self.tables.leads)
            .index_name("by_stage")
            .key_condition_expression("stage_shard = :part")
            .expression_attribute_values(":part", text(&partition_of(part)))
            .scan_index_forward(false)
            .set_exclusive_start_key(start)
            .limit(i32::try_from(most).unwrap_or(i32::MAX))
            .into_paginator()
            .items()
            .send();
        let mut found = Vec::new();
        while found.len() < most {
            let Some(item) = items.next().await else {
                break;
            };
            let item = plain(item.context("cannot list the leads")?)?;
            if let (Some(lead_id), Some(since)) =
                (item["lead_id"].as_str(), item["stage_since"].as_i64())
            {
                found.push(Place {
                    part,
                    since,
                    lead_id: lead_id.to_owned(),
                });
            }
        }
        Ok(found)
    }

    /// The state of a lead; none where it went meanwhile.
    async fn state(&self, lead_id: &str) -> anyhow::Result<Option<Value>> {
        let found = self
            .client
            .get_item()
            .table_name(&self.tables.leads)
            .key("lead_id", AttributeValue::S(lead_id.to_owned()))
            .key("sk", AttributeValue::S("LEAD".to_owned()))
            .send()
            .await
            .context("cannot read a lead")?;
        found.item.map(plain).transpose()
    }

    /// Every lead's state, in no order: for tests and trials. A list for people is read by [`Self::page`].
    pub async fn leads(&self) -> anyhow::Result<Vec<Value>> {
        let mut pages = self
            .client
            .scan()
            .table_name(&self.tables.leads)
            .filter_expression("sk = :lead")
            .expression_attribute_values(":lead", AttributeValue::S("LEAD".to_owned()))
            .into_paginator()
            .items()
            .send();
        let mut found = Vec::new();
        while let Some(item) = pages.next().await {
            let lead = plain(item.context("cannot read the leads")?)?;
            if !self.is_over(&lead) {
                found.push(lead);
            }
        }
        Ok(found)
    }

    async fn partition(&self, table: &str, lead_id: &str) -> anyhow::Result<Vec<Value>> {
        let mut pages = self
            .client
            .query()
            .table_name(table)
            .key_condition_expression("lead_id = :lead")
            .expression_attribute_values(":lead", AttributeValue::S(lead_id.to_owned()))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let mut found = Vec::new();
        while let Some(item) = pages.next().await {
            found.push(plain(
                item.with_context(|| format!("cannot read {table}"))?,
            )?);
        }
        Ok(found)
    }
}

fn plain(item: HashMap<String, AttributeValue>) -> anyhow::Result<Value> {
    serde_dynamo::from_item(item).context("an item that is no JSON")
}
