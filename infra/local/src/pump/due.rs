//! Looks at the outbox's index of due work, so that time can jump over minutes in which a tick would find nothing.
//!
//! The one place of the runner that knows something of the application: the index is called `due`, its partition key is made of
//! a reader (the package whose tick asks for it) and a shard, its sort key is the time at which the tick should look. It only
//! decides when ticks run early or are skipped; what is due is the functions' own affair.

use dynoxide::Database;
use serde_json::{Value, json};
use shared::domain::outbox::DUE_SHARDS;

use super::chaos::stable_hash;
use crate::engine::EngineError;
use crate::engine::tables::request;
use crate::template::model::Model;

/// Name of the index.
const INDEX: &str = "due";
/// Keys that are compared to see whether a tick changed anything.
const COMPARED: u32 = 100;

/// The index, where the template has one.
#[derive(Clone)]
pub struct DueIndex {
    database: Database,
    table: String,
    partition: String,
    sort: String,
}

/// What the index says about one reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// When the next item is due, in the past where one is due already.
    pub next: Option<i64>,
    /// A fingerprint of what is due already; `None` where nothing is.
    pub overdue: Option<u64>,
}

impl DueIndex {
    /// The index of the template's tables.
    pub fn find(model: &Model, database: &Database) -> Option<Self> {
        model.tables.iter().find_map(|table| {
            let index = table.indexes.iter().find(|index| index.name == INDEX)?;
            Some(Self {
                database: database.clone(),
                table: table.name.clone(),
                partition: index.key.partition.clone(),
                sort: index.key.sort.clone()?,
            })
        })
    }

    /// What is due for a reader. Blocks.
    pub fn look(&self, reader: &str, now: i64) -> Result<Due, EngineError> {
        let mut due = Due {
            next: None,
            overdue: None,
        };
        for shard in 0..DUE_SHARDS {
            let page = self.query(&format!("{reader}#{shard}"))?;
            for item in &page {
                let at = item[&self.sort]["N"]
                    .as_str()
                    .and_then(|at| at.parse::<i64>().ok())
                    .unwrap_or(0);
                due.next = Some(due.next.map_or(at, |next| next.min(at)));
                if at <= now {
                    // Order within a page is the index's own, so equal pages give equal fingerprints.
                    due.overdue = Some(due.overdue.unwrap_or(1).rotate_left(5) ^ fingerprint(item));
                }
            }
        }
        Ok(due)
    }

    /// How many items wait, of all readers. Blocks.
    pub fn count(&self) -> Result<u64, EngineError> {
        let mut count = 0;
        let mut start = Value::Null;
        loop {
            let mut scan =
                json!({ "TableName": self.table, "IndexName": INDEX, "Select": "COUNT" });
            if !start.is_null() {
                scan["ExclusiveStartKey"] = start;
            }
            let page =
                serde_json::to_value(self.database.scan(request(&scan)?)?).unwrap_or_default();
            count += page["Count"].as_u64().unwrap_or(0);
            start = page["LastEvaluatedKey"].clone();
            if start.is_null() {
                return Ok(count);
            }
        }
    }

    fn query(&self, key: &str) -> Result<Vec<Value>, EngineError> {
        let query = json!({
            "TableName": self.table,
            "IndexName": INDEX,
            "KeyConditionExpression": "#key = :key",
            "ExpressionAttributeNames": { "#key": self.partition },
            "ExpressionAttributeValues": { ":key": { "S": key } },
            "Limit": COMPARED,
        });
        let mut page =
            serde_json::to_value(self.database.query(request(&query)?)?).unwrap_or_default();
        Ok(match page["Items"].take() {
            Value::Array(items) => items,
            _ => Vec::new(),
        })
    }
}

/// A number for an item that does not depend on the order of its attributes.
fn fingerprint(item: &Value) -> u64 {
    let attributes = item.as_object().into_iter().flatten();
    attributes.fold(0, |sum, (name, value)| {
        sum ^ stable_hash(&format!("{name}={value}"))
    })
}
