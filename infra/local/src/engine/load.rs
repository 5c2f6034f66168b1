//! Bulk loading of the engine's file, for benchmarks and large trials: many items in one transaction, past the wire and the stream.
//!
//! Nothing reacts to what is loaded this way, and a crash in the middle loses it: never a way to bring data in.

use std::collections::HashMap;

use dynoxide::{AttributeValue, ImportOptions};
use serde_json::Value;

use super::{Engine, EngineError};

impl Engine {
    /// Puts plain JSON documents into a table, as the SDK would have encoded them. Answers how many.
    pub fn load(
        &self,
        table: &str,
        documents: impl IntoIterator<Item = Value>,
    ) -> Result<usize, EngineError> {
        let items = documents
            .into_iter()
            .filter_map(|document| match document {
                Value::Object(fields) => Some(
                    fields
                        .into_iter()
                        .map(|(name, value)| (name, attribute(value)))
                        .collect::<HashMap<_, _>>(),
                ),
                _ => None,
            })
            .collect();
        let options = ImportOptions::default();
        Ok(self
            .database
            .import_items(table, items, options)?
            .items_imported)
    }
}

fn attribute(value: Value) -> AttributeValue {
    match value {
        Value::Null => AttributeValue::NULL(true),
        Value::Bool(flag) => AttributeValue::BOOL(flag),
        Value::Number(number) => AttributeValue::N(number.to_string()),
        Value::String(text) => AttributeValue::S(text),
        Value::Array(list) => AttributeValue::L(list.into_iter().map(attribute).collect()),
        Value::Object(fields) => AttributeValue::M(
            fields
                .into_iter()
                .map(|(name, value)| (name, attribute(value)))
                .collect(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::engine::Location;
    use crate::engine::tables::tests::table;

    #[test]
    fn what_is_loaded_is_there_and_no_stream_hears_of_it() {
        let engine = Engine::start(&Location::Memory, &[table("facts")]).unwrap();
        let facts = (0..50).map(
            |n| json!({"lead_id": "a", "id": format!("{n}"), "deep": {"list": [1, true, null]}}),
        );
        assert_eq!(engine.load("facts", facts).unwrap(), 50);
        let stats = engine.database().table_stats().unwrap();
        assert_eq!(stats.iter().map(|table| table.item_count).sum::<i64>(), 50);
    }
}
