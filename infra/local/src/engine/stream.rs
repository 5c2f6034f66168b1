//! Reads a table's stream as Lambda's poller would hand it to a function.

use dynoxide::Database;
use serde_json::{Value, json};

use super::EngineError;
use super::tables::request;
use crate::clock::RunnerClock;

/// One record of a stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Its place in the stream. Big: sequence numbers have up to 40 digits.
    pub sequence: u128,
    /// Value of the partition key; records of one partition keep their order.
    pub partition: String,
    /// When it was written, in the handlers' time.
    pub created_at: i64,
    /// The record as a function gets it.
    pub event: Value,
}

impl Record {
    /// The sequence number as it stands in the event.
    pub fn sequence_text(&self) -> String {
        self.sequence.to_string()
    }
}

/// Reads the stream of one table. Calls block.
#[derive(Clone)]
pub struct StreamReader {
    database: Database,
    clock: RunnerClock,
    engine_arn: String,
    shard: String,
    partition_key: String,
    /// ARN and region as the template says them, in place of the engine's own.
    arn: String,
    region: String,
}

/// What the engine adds to the microseconds it numbers records by. Only used to time a record to the millisecond, and only
/// where that agrees with the whole seconds that the record states.
const SEQUENCE_BASE: u128 = 100_000_000_000_000_000_000;

impl StreamReader {
    /// A reader for the stream of `table`, whose ARN functions know as `arn`.
    pub fn new(
        database: &Database,
        table: &str,
        partition_key: &str,
        arn: &str,
        region: &str,
        clock: RunnerClock,
    ) -> Result<Self, EngineError> {
        let streams = database.list_streams(request(&json!({ "TableName": table }))?)?;
        let missing = || {
            dynoxide::DynoxideError::ResourceNotFoundException(format!(
                "the table {table} has no stream"
            ))
        };
        let engine_arn = streams
            .streams
            .first()
            .map(|stream| stream.stream_arn.clone())
            .ok_or_else(missing)?;
        let description =
            database.describe_stream(request(&json!({ "StreamArn": engine_arn }))?)?;
        let shard = description
            .stream_description
            .shards
            .first()
            .map(|shard| shard.shard_id.clone())
            .ok_or_else(missing)?;
        Ok(Self {
            database: database.clone(),
            clock,
            engine_arn,
            shard,
            partition_key: partition_key.to_owned(),
            arn: arn.to_owned(),
            region: region.to_owned(),
        })
    }

    /// The shard's id, for reports.
    pub fn shard(&self) -> &str {
        &self.shard
    }

    /// Up to `limit` records after `after`, oldest first.
    pub fn read_after(
        &self,
        after: Option<u128>,
        limit: usize,
    ) -> Result<Vec<Record>, EngineError> {
        let mut position = json!({ "StreamArn": self.engine_arn, "ShardId": self.shard, "ShardIteratorType": "TRIM_HORIZON" });
        if let Some(after) = after {
            position["ShardIteratorType"] = json!("AFTER_SEQUENCE_NUMBER");
            position["SequenceNumber"] = json!(after.to_string());
        }
        let iterator = self.database.get_shard_iterator(request(&position)?)?;
        let records = self.database.get_records(request(
            &json!({ "ShardIterator": iterator.shard_iterator, "Limit": limit }),
        )?)?;
        Ok(records
            .records
            .iter()
            .map(|record| self.convert(record))
            .collect())
    }

    fn convert(&self, record: &dynoxide::actions::get_records::Record) -> Record {
        let sequence: u128 = record.dynamodb.sequence_number.parse().unwrap_or_default();
        let created_at = self.clock.of_engine(engine_millis(
            sequence,
            record.dynamodb.approximate_creation_date_time,
        ));
        let mut event = serde_json::to_value(record).unwrap_or_default();
        event["awsRegion"] = json!(self.region);
        event["eventSourceARN"] = json!(self.arn);
        event["dynamodb"]["ApproximateCreationDateTime"] = json!(created_at.div_euclid(1_000));
        // `{"S": "value"}`: one type, one value.
        let key = event["dynamodb"]["Keys"][&self.partition_key]
            .as_object()
            .and_then(|typed| typed.values().next());
        let partition = key.and_then(Value::as_str).unwrap_or_default().to_owned();
        Record {
            sequence,
            partition,
            created_at,
            event,
        }
    }
}

/// The engine's time of a record in milliseconds, from its number where that is plausible, else from the stated seconds.
fn engine_millis(sequence: u128, seconds: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "seconds since 1970 fit")]
    let stated = (seconds * 1_000.0) as i64;
    let numbered = sequence
        .checked_sub(SEQUENCE_BASE)
        .and_then(|micros| i64::try_from(micros / 1_000).ok());
    numbered
        .filter(|millis| (millis - stated).abs() <= 2_000)
        .unwrap_or(stated)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::tables::{create_missing, tests::table};
    use crate::pump::queues::tests::still_clock;

    fn put(database: &Database, lead: &str, id: &str) {
        let item = json!({"TableName": "facts", "Item": {"lead_id": {"S": lead}, "id": {"S": id}, "v": {"N": "1"}}});
        database.put_item(request(&item).unwrap()).unwrap();
    }

    #[test]
    fn records_come_in_order_and_look_like_those_lambda_passes() {
        let database = Database::memory().unwrap();
        create_missing(&database, &[table("facts")], "memory").unwrap();
        let (clock, _) = still_clock(1_700_000_000_000);
        let reader = StreamReader::new(
            &database,
            "facts",
            "lead_id",
            "arn:stream",
            "eu-west-1",
            clock,
        )
        .unwrap();
        put(&database, "a", "1");
        put(&database, "b", "2");
        let records = reader.read_after(None, 10).unwrap();
        assert_eq!(
            records
                .iter()
                .map(|record| record.partition.as_str())
                .collect::<Vec<_>>(),
            ["a", "b"]
        );
        let event = &records[0].event;
        assert_eq!(event["eventName"], "INSERT");
        assert_eq!(event["eventSource"], "aws:dynamodb");
        assert_eq!(event["eventSourceARN"], "arn:stream");
        assert_eq!(event["awsRegion"], "eu-west-1");
        assert_eq!(event["dynamodb"]["Keys"]["lead_id"]["S"], "a");
        assert_eq!(event["dynamodb"]["NewImage"]["v"]["N"], "1");
        assert_eq!(
            event["dynamodb"]["SequenceNumber"],
            records[0].sequence_text()
        );
        let seconds = event["dynamodb"]["ApproximateCreationDateTime"]
            .as_i64()
            .unwrap();
        assert!(
            (1_699_999_990..=1_700_000_000).contains(&seconds),
            "in the handlers' time: {seconds}"
        );
        assert_eq!(event["dynamodb"]["StreamViewType"], "NEW_IMAGE");
        let rest = reader.read_after(Some(records[0].sequence), 10).unwrap();
        assert_eq!(rest, records[1..]);
        assert!(
            reader
                .read_after(Some(records[1].sequence), 10)
                .unwrap()
                .is_empty()
        );
    }

    #[test]
    fn the_number_times_a_record_only_where_it_agrees_with_the_stated_second() {
        assert_eq!(
            engine_millis(SEQUENCE_BASE + 1_700_000_000_123_456, 1_700_000_000.0),
            1_700_000_000_123
        );
        assert_eq!(
            engine_millis(SEQUENCE_BASE + 5, 1_700_000_000.0),
            1_700_000_000_000
        );
    }
}
