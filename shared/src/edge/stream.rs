//! Batches from streams and queues, and ticks: how they are read, and how failures are reported.
//!
//! Policy. A record that cannot be read, or whose work fails in a way that trying again cannot mend, is set aside (quarantine: ids and
//! an error class) and acknowledged, so it never holds up its neighbours. A failure that may pass is reported as the one lowest
//! sequence number, never as an empty id, which Lambda would take for a failure of the whole batch. A panic is a failure of its record.
//! Records are read one by one: one that is malformed does not spoil the batch.

use std::future::Future;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use serde_json::{Value, json};

use crate::domain::id::LeadId;
use crate::domain::time::Timestamp;
use crate::store::{QuarantineEntry, Store, StoreError};

/// A batch of work failed as a whole; Lambda tries it again.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The event is of no known shape.
    #[error("unknown event: expected stream records, queue messages or a tick")]
    UnknownEvent,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Work that cannot be done, by class.
    #[error("{0}")]
    Permanent(String),
    /// Work that may be done later, by class.
    #[error("{0}; try again later")]
    Transient(String),
    /// A handler panicked.
    #[error("panicked")]
    Panic,
}

impl Failure {
    /// Whether trying again can help. A panic may come from state that changes, so it is tried again, and ends in the failure queue.
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Store(error) => error.is_transient(),
            Self::Transient(_) | Self::Panic => true,
            Self::UnknownEvent | Self::Permanent(_) => false,
        }
    }

    /// A word for logs and quarantine.
    pub fn class(&self) -> String {
        match self {
            Self::UnknownEvent => "unknown_event".into(),
            Self::Store(StoreError::Unavailable(_)) => "store_unavailable".into(),
            Self::Store(StoreError::Busy(_)) => "store_busy".into(),
            Self::Store(StoreError::Refused(code)) => format!("store_refused:{code}"),
            Self::Store(StoreError::Damaged { table, .. }) => format!("damaged:{table}"),
            Self::Permanent(class) | Self::Transient(class) => class.clone(),
            Self::Panic => "panic".into(),
        }
    }
}

/// What woke a function.
#[derive(Debug)]
pub enum Trigger {
    /// Records of a table's stream, in order.
    Stream(Vec<StreamRecord>),
    /// Messages of a queue.
    Queue(Vec<QueueMessage>),
    /// A schedule.
    Tick(Tick),
}

/// Which schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tick {
    /// Each minute.
    Minute,
    /// Each day.
    Day,
}

/// A record of a table's stream, as far as functions look at it: state is read from the table, never from the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamRecord {
    /// Its sequence number: a decimal of up to 40 digits.
    pub sequence: String,
    /// What it names, or none where it cannot be read.
    pub key: Option<RecordKey>,
    /// Whether it is an insert; functions ignore everything else.
    pub inserted: bool,
}

/// The key of the item a record is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordKey {
    /// The lead.
    pub lead_id: LeadId,
    /// The item.
    pub id: String,
}

/// A message of a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueMessage {
    /// Its id.
    pub id: String,
    /// Its body.
    pub body: String,
}

/// Reads what woke the function.
pub fn read(event: &Value) -> Result<Trigger, Failure> {
    match event.get("tick").and_then(Value::as_str) {
        Some("minute") => return Ok(Trigger::Tick(Tick::Minute)),
        Some("day") => return Ok(Trigger::Tick(Tick::Day)),
        Some(_) => return Err(Failure::UnknownEvent),
        None => {}
    }
    let records = event
        .get("Records")
        .and_then(Value::as_array)
        .ok_or(Failure::UnknownEvent)?;
    let source = |r: &Value| {
        r.get("eventSource")
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    match records.iter().find_map(source).as_deref() {
        Some("aws:sqs") => Ok(Trigger::Queue(records.iter().map(queue_message).collect())),
        Some("aws:dynamodb") => Ok(Trigger::Stream(records.iter().map(stream_record).collect())),
        _ if records.is_empty() => Ok(Trigger::Stream(Vec::new())),
        _ => Err(Failure::UnknownEvent),
    }
}

fn queue_message(record: &Value) -> QueueMessage {
    let text = |name: &str| {
        record
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    QueueMessage {
        id: text("messageId"),
        body: text("body"),
    }
}

fn stream_record(record: &Value) -> StreamRecord {
    let change = record.get("dynamodb");
    let sequence = change
        .and_then(|c| c.get("SequenceNumber"))
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let part = |name: &str| change?.get("Keys")?.get(name)?.get("S")?.as_str();
    let key = part("lead_id").and_then(|l| l.parse().ok()).zip(part("id"));
    StreamRecord {
        sequence,
        key: key.map(|(lead_id, id)| RecordKey {
            lead_id,
            id: id.to_owned(),
        }),
        inserted: record.get("eventName").and_then(Value::as_str) == Some("INSERT"),
    }
}

/// The answer to a batch: everything done, or the ids to try again from.
pub fn batch_answer<'a>(failed: impl IntoIterator<Item = &'a str>) -> Value {
    // An empty id would fail the whole batch.
    let failures: Vec<Value> = failed
        .into_iter()
        .filter(|id| !id.is_empty())
        .map(|id| json!({ "itemIdentifier": id }))
        .collect();
    json!({ "batchItemFailures": failures })
}

/// The lower of two sequence numbers. They are decimals of up to 40 digits, so they are compared by length and then by digits, never as
/// machine numbers.
pub fn lower<'a>(a: &'a str, b: &'a str) -> &'a str {
    let key = |s: &'a str| {
        let digits = s.trim_start_matches('0');
        (digits.len(), digits)
    };
    if key(b) < key(a) { b } else { a }
}

/// Runs `work`, turning a panic into a failure.
pub async fn caught<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    AssertUnwindSafe(work)
        .catch_unwind()
        .await
        .unwrap_or(Err(Failure::Panic))
}

/// Works on inserted records in order, stopping at the first failure that may pass. For readers whose effects should keep their order.
pub async fn in_order<F, W>(
    function: &'static str,
    store: &Store,
    records: &[StreamRecord],
    now: Timestamp,
    work: F,
) -> Value
where
    F: Fn(RecordKey) -> W,
    W: Future<Output = Result<(), Failure>>,
{
    for record in records.iter().filter(|r| r.inserted) {
        let outcome = match &record.key {
            Some(key) => caught(work(key.clone())).await,
            None => Err(Failure::Permanent("unreadable_record".into())),
        };
        let Err(failure) = outcome else { continue };
        if failure.is_transient() {
            tracing::warn!(function, class = %failure.class(), "a record failed and will be tried again");
            return batch_answer([record.sequence.as_str()]);
        }
        if !set_aside(function, store, record, &failure, now).await {
            return batch_answer([record.sequence.as_str()]);
        }
    }
    batch_answer([])
}

/// Sets a record aside; false where even that failed, so that the record is tried again.
pub async fn set_aside(
    function: &'static str,
    store: &Store,
    record: &StreamRecord,
    failure: &Failure,
    now: Timestamp,
) -> bool {
    let subject = record.key.as_ref().map_or_else(
        || record.sequence.clone(),
        |k| format!("{}/{}", k.lead_id, k.id),
    );
    store
        .quarantine(&QuarantineEntry {
            function,
            subject,
            class: failure.class(),
            at: now,
        })
        .await
        .is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(sequence: &str, name: &str) -> Value {
        json!({"eventSource": "aws:dynamodb", "eventName": name, "dynamodb": {
            "SequenceNumber": sequence,
            "Keys": {"lead_id": {"S": LeadId::from_bytes([1; 16]).to_string()}, "id": {"S": "sub_1"}}}})
    }

    #[test]
    fn evt_3_one_malformed_record_does_not_spoil_the_batch() {
        let event = json!({"Records": [{"eventSource": "aws:dynamodb", "dynamodb": {"SequenceNumber": "7"}}, record("8", "INSERT")]});
        let Ok(Trigger::Stream(records)) = read(&event) else {
            panic!("not a stream batch")
        };
        assert_eq!(records[0].key, None);
        assert!(records[1].key.is_some() && records[1].inserted);
    }

    #[test]
    fn ticks_messages_and_unknown_events_are_told_apart() {
        assert!(matches!(
            read(&json!({"tick": "minute"})),
            Ok(Trigger::Tick(Tick::Minute))
        ));
        assert!(matches!(
            read(&json!({"Records": [{"eventSource": "aws:sqs", "messageId": "m", "body": "{}"}]})),
            Ok(Trigger::Queue(_))
        ));
        assert!(matches!(
            read(&json!({"hello": 1})),
            Err(Failure::UnknownEvent)
        ));
    }

    #[test]
    fn evt_1_an_empty_id_is_never_reported() {
        assert_eq!(
            batch_answer(["", "5"]),
            json!({"batchItemFailures": [{"itemIdentifier": "5"}]})
        );
    }

    #[test]
    fn evt_4_sequence_numbers_are_compared_as_big_decimals() {
        assert_eq!(lower("100000000000000000000000000000000000001", "99"), "99");
        assert_eq!(lower("0005", "4"), "4");
        assert_eq!(lower("7", "7"), "7");
    }

    #[tokio::test]
    async fn evt_1_a_panic_is_a_failure_that_is_tried_again() {
        let outcome: Result<(), Failure> = caught(async { panic!("boom") }).await;
        assert!(outcome.is_err_and(|f| f.is_transient()));
    }
}
