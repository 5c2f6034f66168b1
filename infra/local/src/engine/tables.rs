//! Creates the template's tables, and refuses to run on tables of another shape.

use dynoxide::Database;
use serde_json::{Value, json};

use super::EngineError;
use crate::template::model::{Index, Key, Projection, Table};

/// Creates the tables that are not there yet and compares the others.
pub fn create_missing(
    database: &Database,
    tables: &[Table],
    place: &str,
) -> Result<(), EngineError> {
    for table in tables {
        let wanted = Shape::wanted(table);
        match database.describe_table(request(&json!({ "TableName": table.name }))?) {
            Ok(answer) => {
                let found =
                    Shape::found(&serde_json::to_value(&answer).unwrap_or_default()["Table"]);
                if let Some((found, wanted)) = found.difference(&wanted) {
                    return Err(EngineError::OtherShape {
                        table: table.name.clone(),
                        place: place.to_owned(),
                        found,
                        wanted,
                    });
                }
            }
            Err(dynoxide::DynoxideError::ResourceNotFoundException(_)) => {
                database.create_table(request(&creation(table))?)?;
            }
            Err(other) => return Err(other.into()),
        }
    }
    Ok(())
}

/// A request of the library from the JSON that goes over the wire.
pub fn request<T: serde::de::DeserializeOwned>(body: &Value) -> Result<T, dynoxide::DynoxideError> {
    serde_json::from_value(body.clone())
        .map_err(|error| dynoxide::DynoxideError::ValidationException(error.to_string()))
}

fn creation(table: &Table) -> Value {
    let attributes: Vec<Value> = table
        .attributes
        .iter()
        .map(|(name, kind)| json!({ "AttributeName": name, "AttributeType": kind }))
        .collect();
    let mut body = json!({
        "TableName": table.name,
        "AttributeDefinitions": attributes,
        "KeySchema": key_schema(&table.key),
        "BillingMode": "PAY_PER_REQUEST",
    });
    if !table.indexes.is_empty() {
        body["GlobalSecondaryIndexes"] = table.indexes.iter().map(index).collect();
    }
    if let Some(view) = &table.stream {
        body["StreamSpecification"] = json!({ "StreamEnabled": true, "StreamViewType": view });
    }
    body
}

fn key_schema(key: &Key) -> Value {
    let mut schema = vec![json!({ "AttributeName": key.partition, "KeyType": "HASH" })];
    schema.extend(
        key.sort
            .iter()
            .map(|sort| json!({ "AttributeName": sort, "KeyType": "RANGE" })),
    );
    Value::Array(schema)
}

fn index(index: &Index) -> Value {
    let projection = match &index.projection {
        Projection::KeysOnly => json!({ "ProjectionType": "KEYS_ONLY" }),
        Projection::All => json!({ "ProjectionType": "ALL" }),
        Projection::Include(names) => {
            json!({ "ProjectionType": "INCLUDE", "NonKeyAttributes": names })
        }
    };
    json!({ "IndexName": index.name, "KeySchema": key_schema(&index.key), "Projection": projection })
}

/// What makes two tables the same to a function.
struct Shape {
    key: String,
    indexes: Vec<String>,
    stream: String,
}

impl Shape {
    fn wanted(table: &Table) -> Self {
        Self::of(&creation(table))
    }

    fn found(description: &Value) -> Self {
        Self::of(description)
    }

    /// The description of a table and the request that creates it spell these parts alike.
    fn of(table: &Value) -> Self {
        let types: std::collections::BTreeMap<&str, &str> = list(&table["AttributeDefinitions"])
            .iter()
            .filter_map(|attribute| {
                Some((
                    attribute["AttributeName"].as_str()?,
                    attribute["AttributeType"].as_str()?,
                ))
            })
            .collect();
        let key = |schema: &Value| {
            let part = |kind: &str| {
                let element = list(schema)
                    .iter()
                    .find(|element| element["KeyType"] == kind)?;
                let name = element["AttributeName"].as_str()?;
                Some(format!("{name} {}", types.get(name).unwrap_or(&"?")))
            };
            [part("HASH"), part("RANGE")]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(", ")
        };
        let mut indexes: Vec<String> = list(&table["GlobalSecondaryIndexes"])
            .iter()
            .map(|index| {
                let projection = &index["Projection"];
                let mut extra: Vec<&str> = list(&projection["NonKeyAttributes"])
                    .iter()
                    .filter_map(Value::as_str)
                    .collect();
                extra.sort_unstable();
                format!(
                    "{} ({}) {} {}",
                    index["IndexName"].as_str().unwrap_or_default(),
                    key(&index["KeySchema"]),
                    projection["ProjectionType"].as_str().unwrap_or_default(),
                    extra.join(" "),
                )
            })
            .collect();
        indexes.sort();
        let stream = match &table["StreamSpecification"] {
            Value::Object(stream) if stream.get("StreamEnabled") == Some(&Value::Bool(true)) => {
                stream
                    .get("StreamViewType")
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned()
            }
            _ => "none".to_owned(),
        };
        Self {
            key: key(&table["KeySchema"]),
            indexes,
            stream,
        }
    }

    /// The first difference, as found and as wanted.
    fn difference(&self, wanted: &Shape) -> Option<(String, String)> {
        if self.key != wanted.key {
            return Some((
                format!("the key ({})", self.key),
                format!("({})", wanted.key),
            ));
        }
        if self.indexes != wanted.indexes {
            let listed = |indexes: &[String]| {
                if indexes.is_empty() {
                    "none".to_owned()
                } else {
                    indexes.join("; ")
                }
            };
            return Some((
                format!("the indexes {}", listed(&self.indexes)),
                listed(&wanted.indexes),
            ));
        }
        (self.stream != wanted.stream)
            .then(|| (format!("the stream {}", self.stream), wanted.stream.clone()))
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// A table like those of the template: a lead's key, an index, a stream of new images.
    pub(crate) fn table(name: &str) -> Table {
        let attributes = [
            ("lead_id", "S"),
            ("id", "S"),
            ("due_key", "S"),
            ("due_at", "N"),
        ];
        Table {
            id: name.to_owned(),
            name: name.to_owned(),
            arn: format!("arn:aws:dynamodb:us-east-1:000000000000:table/{name}"),
            attributes: attributes
                .iter()
                .map(|(name, kind)| ((*name).to_owned(), (*kind).to_owned()))
                .collect::<BTreeMap<_, _>>(),
            key: Key {
                partition: "lead_id".to_owned(),
                sort: Some("id".to_owned()),
            },
            indexes: vec![Index {
                name: "due".to_owned(),
                key: Key {
                    partition: "due_key".to_owned(),
                    sort: Some("due_at".to_owned()),
                },
                projection: Projection::KeysOnly,
            }],
            stream: Some("NEW_IMAGE".to_owned()),
            ttl: Some("ttl".to_owned()),
            line: 1,
        }
    }

    #[test]
    fn creating_twice_changes_nothing() {
        let database = Database::memory().unwrap();
        for _ in 0..2 {
            create_missing(&database, &[table("facts"), table("work")], "memory").unwrap();
        }
        assert_eq!(database.table_count().unwrap(), 2);
    }

    #[test]
    fn another_key_index_or_stream_is_another_shape() {
        let database = Database::memory().unwrap();
        create_missing(&database, &[table("facts")], "memory").unwrap();
        let mut key = table("facts");
        key.attributes.insert("id".to_owned(), "N".to_owned());
        let mut index = table("facts");
        index.indexes[0].projection = Projection::All;
        let mut stream = table("facts");
        stream.stream = None;
        for (other, word) in [
            (key, "the key"),
            (index, "the indexes"),
            (stream, "the stream"),
        ] {
            let problem = create_missing(&database, &[other], "memory")
                .unwrap_err()
                .to_string();
            assert!(problem.contains(word), "{problem}");
        }
    }
}
