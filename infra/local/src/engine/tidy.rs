//! What the engine leaves undone: an order index on its stream records, forgetting of consumed ones, expiry of items by our clock.
//!
//! The first two go past the library, to its file, on a connection of their own; all they touch is the engine's table of stream
//! records. If that table ever looks different, the index is left out and the engine is as slow as it would be alone.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use dynoxide::Database;
use rusqlite::{Connection, params};
use serde_json::{Value, json};

use super::EngineError;
use super::tables::request;
use crate::template::model::Table;

/// A second connection to the engine's file.
pub struct Housekeeping {
    connection: Mutex<Connection>,
}

/// Without it every write to a table with a stream reads all records that the stream ever had.
const ORDER_INDEX: &str = "CREATE INDEX IF NOT EXISTS lodestone_stream_order
    ON _stream_records (table_name, CAST(sequence_number AS INTEGER))";

impl Housekeeping {
    pub(super) fn open(path: &str) -> Result<Self, EngineError> {
        let connection = Connection::open(path)?;
        connection.pragma_update(None, "secure_delete", true)?;
        if let Err(error) = connection.execute_batch(ORDER_INDEX) {
            tracing::warn!(%error, "the engine's stream records have no order index; long streams will be slow");
        }
        Ok(Self {
            connection: Mutex::new(connection),
        })
    }

    /// Deletes the stream records of `table` up to and including `sequence`, except the last one there is: the engine numbers the
    /// next record from it. Answers how many went.
    pub fn trim_stream(&self, table: &str, sequence: u128) -> Result<usize, EngineError> {
        let Some(stored) = sequence
            .checked_sub(100_000_000_000_000_000_000)
            .and_then(|stored| i64::try_from(stored).ok())
        else {
            return Ok(0);
        };
        let connection = self
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let deleted = connection
            .prepare_cached(
                "DELETE FROM _stream_records WHERE table_name = ?1 AND CAST(sequence_number AS INTEGER) <= ?2
                 AND CAST(sequence_number AS INTEGER) <
                     (SELECT MAX(CAST(sequence_number AS INTEGER)) FROM _stream_records WHERE table_name = ?1)",
            )?
            .execute(params![table, stored])?;
        Ok(deleted)
    }
}

impl Housekeeping {
    /// Deletes the stream records of one partition key, and answers how many. The last record of a table stays, because the engine
    /// numbers the next from it, but without what the item held.
    pub fn forget_stream(&self, partition: &str) -> Result<usize, EngineError> {
        let connection = self
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let quoted = format!("\"{partition}\"");
        let last = "id IN (SELECT MAX(id) FROM _stream_records GROUP BY table_name)";
        connection.execute(
            &format!("UPDATE _stream_records SET new_image = NULL, old_image = NULL WHERE instr(keys_json, ?1) > 0 AND {last}"),
            [&quoted],
        )?;
        Ok(connection.execute(
            &format!("DELETE FROM _stream_records WHERE instr(keys_json, ?1) > 0 AND NOT {last}"),
            [&quoted],
        )?)
    }

    /// Clears what the engine's file keeps of deleted items: the library deletes without overwriting. Runs beside other processes.
    pub fn clear_freed(&self) -> Result<(), EngineError> {
        let connection = self
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        Ok(crate::freed::clear(&connection)?)
    }
}

/// Items looked at in one go; between goes other requests are let in.
const PAGE: usize = 200;

/// Deletes what has expired at `now` (UTC milliseconds) from a table with a time to live. Tidying only: every reader checks expiry
/// itself. Answers how many went. Blocks.
pub fn expire_items(database: &Database, table: &Table, now: i64) -> Result<usize, EngineError> {
    let Some(attribute) = &table.ttl else {
        return Ok(0);
    };
    let values = json!({ ":now": { "N": now.div_euclid(1_000).to_string() } });
    let names = json!({ "#ttl": attribute });
    let mut deleted = 0;
    let mut start: Option<Value> = None;
    loop {
        let mut scan = json!({
            "TableName": table.name,
            "FilterExpression": "#ttl < :now",
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
            "Limit": PAGE,
        });
        if let Some(start) = start.take() {
            scan["ExclusiveStartKey"] = start;
        }
        let page = serde_json::to_value(database.scan(request(&scan)?)?).unwrap_or_default();
        for item in page["Items"].as_array().map_or(&[][..], Vec::as_slice) {
            let keys = [Some(&table.key.partition), table.key.sort.as_ref()];
            let key: BTreeMap<&String, &Value> = keys
                .into_iter()
                .flatten()
                .map(|name| (name, &item[name.as_str()]))
                .collect();
            let delete = json!({
                "TableName": table.name,
                "Key": key,
                // It may have been given more time since it was read.
                "ConditionExpression": "#ttl < :now",
                "ExpressionAttributeNames": names,
                "ExpressionAttributeValues": values,
            });
            match database.delete_item(request(&delete)?) {
                Ok(_) => deleted += 1,
                Err(dynoxide::DynoxideError::ConditionalCheckFailedException(..)) => {}
                Err(other) => return Err(other.into()),
            }
        }
        match &page["LastEvaluatedKey"] {
            Value::Null => return Ok(deleted),
            key => start = Some(key.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::stream::StreamReader;
    use crate::engine::tables::tests::table;
    use crate::engine::{Engine, Location};
    use crate::pump::queues::tests::still_clock;

    fn put(engine: &Engine, id: &str, ttl: Option<i64>) {
        let mut item = json!({"lead_id": {"S": "a"}, "id": {"S": id}});
        if let Some(ttl) = ttl {
            item["ttl"] = json!({"N": ttl.to_string()});
        }
        engine
            .database()
            .put_item(request(&json!({"TableName": "facts", "Item": item})).unwrap())
            .unwrap();
    }

    #[test]
    fn consumed_records_are_forgotten_and_numbering_goes_on() {
        let engine = Engine::start(&Location::Memory, &[table("facts")]).unwrap();
        let (clock, _) = still_clock(0);
        let reader =
            StreamReader::new(engine.database(), "facts", "lead_id", "arn", "r", clock).unwrap();
        for id in ["1", "2", "3"] {
            put(&engine, id, None);
        }
        let last = reader
            .read_after(None, 10)
            .unwrap()
            .last()
            .unwrap()
            .sequence;
        assert_eq!(engine.housekeeping().trim_stream("facts", last).unwrap(), 2);
        put(&engine, "4", None);
        let rest = reader.read_after(Some(last), 10).unwrap();
        assert_eq!(rest.len(), 1);
        assert!(rest[0].sequence > last);
    }

    #[test]
    fn the_order_index_is_used_to_find_the_last_record() {
        let engine = Engine::start(&Location::Memory, &[table("facts")]).unwrap();
        let connection = engine.housekeeping.connection.lock().unwrap();
        let plan: String = connection
            .query_row(
                "EXPLAIN QUERY PLAN SELECT COALESCE(MAX(CAST(sequence_number AS INTEGER)), 0) + 1 FROM _stream_records WHERE table_name = 'facts'",
                [],
                |row| row.get(3),
            )
            .unwrap();
        assert!(plan.contains("lodestone_stream_order"), "{plan}");
    }

    #[test]
    fn only_items_past_their_time_are_expired() {
        let engine = Engine::start(&Location::Memory, &[table("facts")]).unwrap();
        put(&engine, "old", Some(99));
        put(&engine, "new", Some(100));
        put(&engine, "lasting", None);
        assert_eq!(
            expire_items(engine.database(), &table("facts"), 100_500).unwrap(),
            1
        );
        assert_eq!(
            expire_items(engine.database(), &table("facts"), 101_500).unwrap(),
            1
        );
        assert_eq!(
            engine
                .database()
                .table_stats()
                .unwrap()
                .iter()
                .map(|table| table.item_count)
                .sum::<i64>(),
            1
        );
    }
}
