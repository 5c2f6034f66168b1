//! Reads what is known of a lead, as plain JSON: for the local pages, for tests, for the command line.
//!
//! Reads over the SDK, so it works on a deployed stack as well. Shows items as they are stored, whether or not this release can decode
//! them. Must not write anything.

use std::collections::HashMap;

use anyhow::Context as _;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use shared::domain::email::EmailAddress;
use shared::domain::id::IdentityKey;
use shared::store::Tables;

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

    /// Every lead's state, in no order.
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
