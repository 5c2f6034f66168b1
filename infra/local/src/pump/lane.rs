//! One lane of a stream: the records that are delivered in order, and what becomes of a batch that fails.
//!
//! The rules are Lambda's for DynamoDB streams:
//! - A batch whose answer names failed items is resumed at the **lowest** sequence number named; what came before is done, what
//!   comes after is delivered again.
//! - An error, an answer that cannot be read, or an item named by nothing fails the whole batch. With bisecting switched on such a
//!   batch is split in two, each half is tried by itself, and splitting costs no retry. (A batch that resumes at its very first
//!   record failed as a whole too; there is nothing else it could be split at.)
//! - After so many retries, or when its records are too old, a batch is given up: the on-failure queue gets a report that names the
//!   batch and holds nothing of it.
//!
//! Knows nothing of engines, functions or clocks: answers come in, decisions go out, so that every case can be tried as a value.

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::engine::stream::Record;
use crate::template::model::StreamMapping;

/// Records waiting for delivery, in order.
#[derive(Debug, Default)]
pub struct Lane {
    waiting: VecDeque<Arc<Record>>,
    /// Sizes of the pieces that a failed batch was split into; the one to deliver next is the last.
    pieces: Vec<usize>,
    /// Deliveries of the piece in front that failed.
    failures: u32,
    /// Deliveries of the piece in front, all told.
    deliveries: u32,
}

/// How an invocation ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// The function returned this.
    Returned(Value),
    /// The function failed, panicked or ran out of time.
    Failed(String),
}

/// What a lane decided about the batch that was delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// All of it is done.
    Done,
    /// Some of it is to be delivered again; this many deliveries of the piece in front failed so far (0: right after a split).
    Again {
        /// Failed deliveries of what is now in front.
        failures: u32,
    },
    /// It was given up.
    GivenUp(GivenUp),
}

/// A batch nobody could handle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenUp {
    /// `RetryAttemptsExhausted` or `RecordAgeExceeded`.
    pub condition: &'static str,
    /// Deliveries of this batch.
    pub deliveries: u32,
    /// Place of the first record.
    pub first: u128,
    /// Place of the last record.
    pub last: u128,
    /// When the first record was written.
    pub first_at: i64,
    /// When the last record was written.
    pub last_at: i64,
    /// Records in it.
    pub size: usize,
}

impl Lane {
    /// Adds a record behind the others.
    pub fn push(&mut self, record: Arc<Record>) {
        self.waiting.push_back(record);
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether the piece in front has failed before, or is part of a batch that did.
    pub fn is_troubled(&self) -> bool {
        self.failures > 0 || !self.pieces.is_empty()
    }

    /// The records of the next delivery: at most `limit`, less where a failed batch was split.
    pub fn front(&self, limit: usize) -> Vec<Arc<Record>> {
        let size = self
            .pieces
            .last()
            .copied()
            .unwrap_or(limit)
            .min(self.waiting.len());
        self.waiting.iter().take(size).cloned().collect()
    }

    /// Gives up the records in front that were written at or before `oldest_allowed`.
    pub fn expire(&mut self, limit: usize, written_before: i64) -> Option<GivenUp> {
        let front = self.front(limit);
        let size = front
            .iter()
            .take_while(|record| record.created_at < written_before)
            .count();
        let report = self.report(&front[..size], "RecordAgeExceeded")?;
        self.finish(size);
        Some(report)
    }

    /// Takes in the answer for the `size` records in front.
    pub fn settle(&mut self, mapping: &StreamMapping, size: usize, answer: &Answer) -> Verdict {
        self.deliveries += 1;
        let front: Vec<Arc<Record>> = self.waiting.iter().take(size).cloned().collect();
        match failed_at(mapping, &front, answer) {
            Failed::Nothing => {
                self.finish(size);
                Verdict::Done
            }
            Failed::From(0) | Failed::All => self.fail(mapping, &front),
            Failed::From(done) => {
                self.finish(done);
                // What is in front now was part of this delivery and failed in it.
                if size > done && self.pieces.is_empty() {
                    self.pieces.push(size - done);
                }
                self.failures = 1;
                self.deliveries = 1;
                if mapping.retries == Some(0) {
                    return self.fail_over(mapping, &front[done..]);
                }
                Verdict::Again { failures: 1 }
            }
        }
    }

    fn fail(&mut self, mapping: &StreamMapping, front: &[Arc<Record>]) -> Verdict {
        if mapping.bisect && front.len() > 1 {
            let first = front.len() / 2;
            self.pieces.pop();
            self.pieces.push(front.len() - first);
            self.pieces.push(first);
            self.failures = 0;
            self.deliveries = 0;
            return Verdict::Again { failures: 0 };
        }
        self.failures += 1;
        if self.pieces.is_empty() {
            // Retried as it is: what arrives meanwhile does not join it.
            self.pieces.push(front.len());
        }
        self.fail_over(mapping, front)
    }

    fn fail_over(&mut self, mapping: &StreamMapping, front: &[Arc<Record>]) -> Verdict {
        if mapping
            .retries
            .is_some_and(|retries| self.failures > retries)
            && let Some(report) = self.report(front, "RetryAttemptsExhausted")
        {
            self.finish(front.len());
            return Verdict::GivenUp(report);
        }
        Verdict::Again {
            failures: self.failures,
        }
    }

    /// Drops `done` records from the front.
    fn finish(&mut self, done: usize) {
        self.waiting.drain(..done.min(self.waiting.len()));
        match self.pieces.pop() {
            Some(piece) if piece > done => self.pieces.push(piece - done),
            Some(_) | None => {}
        }
        self.failures = 0;
        self.deliveries = 0;
    }

    fn report(&self, batch: &[Arc<Record>], condition: &'static str) -> Option<GivenUp> {
        let (first, last) = (batch.first()?, batch.last()?);
        Some(GivenUp {
            condition,
            deliveries: self.deliveries,
            first: first.sequence,
            last: last.sequence,
            first_at: first.created_at,
            last_at: last.created_at,
            size: batch.len(),
        })
    }
}

/// How much of a batch failed.
#[derive(Debug, PartialEq, Eq)]
enum Failed {
    Nothing,
    /// From this position on.
    From(usize),
    All,
}

fn failed_at(mapping: &StreamMapping, batch: &[Arc<Record>], answer: &Answer) -> Failed {
    let Answer::Returned(answer) = answer else {
        return Failed::All;
    };
    if !mapping.report_failures {
        return Failed::Nothing;
    }
    match failed_items(answer) {
        None => Failed::All,
        Some(named) => {
            let mut lowest = None;
            for name in named {
                let Some(position) = batch
                    .iter()
                    .position(|record| record.sequence_text() == name)
                else {
                    return Failed::All;
                };
                lowest = Some(lowest.map_or(position, |lowest: usize| lowest.min(position)));
            }
            lowest.map_or(Failed::Nothing, Failed::From)
        }
    }
}

/// The items that an answer names as failed; `None` where the answer fails the whole batch. No list, or no answer at all, is success.
pub fn failed_items(answer: &Value) -> Option<Vec<String>> {
    let list = match answer {
        Value::Null => return Some(Vec::new()),
        Value::Object(fields) => match fields.get("batchItemFailures") {
            None | Some(Value::Null) => return Some(Vec::new()),
            Some(list) => list.as_array()?,
        },
        Value::String(text) if text.is_empty() => return Some(Vec::new()),
        Value::String(_) | Value::Bool(_) | Value::Number(_) | Value::Array(_) => return None,
    };
    list.iter()
        .map(|item| {
            item["itemIdentifier"]
                .as_str()
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
        })
        .collect()
}

/// The message that goes to the on-failure queue, as Lambda writes it.
pub fn failure_report(
    mapping: &StreamMapping,
    function_arn: &str,
    shard: &str,
    given_up: &GivenUp,
    error: Option<&str>,
    now: i64,
) -> Value {
    let mut report = json!({
        "requestContext": {
            "requestId": format!("00000000-0000-4000-8000-{:012x}", given_up.first & 0xffff_ffff_ffff),
            "functionArn": function_arn,
            "condition": given_up.condition,
            "approximateInvokeCount": given_up.deliveries,
        },
        "version": "1.0",
        "timestamp": rfc3339(now),
        "DDBStreamBatchInfo": {
            "shardId": shard,
            "startSequenceNumber": given_up.first.to_string(),
            "endSequenceNumber": given_up.last.to_string(),
            "approximateArrivalOfFirstRecord": rfc3339(given_up.first_at),
            "approximateArrivalOfLastRecord": rfc3339(given_up.last_at),
            "batchSize": given_up.size,
            "streamArn": mapping.stream_arn,
        },
    });
    if given_up.deliveries > 0 {
        report["responseContext"] = json!({ "statusCode": 200, "executedVersion": "$LATEST" });
        if error.is_some() {
            report["responseContext"]["functionError"] = json!("Unhandled");
        }
    }
    report
}

/// A time as Lambda writes it in reports: RFC 3339 with milliseconds.
pub fn rfc3339(millis: i64) -> String {
    jiff::Timestamp::from_millisecond(millis)
        .map(|at| format!("{at:.3}"))
        .unwrap_or_default()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn mapping() -> StreamMapping {
        StreamMapping {
            name: "F.Facts".to_owned(),
            table: "facts".to_owned(),
            stream_arn: "arn:stream".to_owned(),
            function: "score".to_owned(),
            filters: Vec::new(),
            batch_size: 100,
            window: 0,
            retries: Some(2),
            record_age: None,
            bisect: true,
            parallelization: 1,
            report_failures: true,
            on_failure: Some("failures".to_owned()),
        }
    }

    fn record(sequence: u128) -> Arc<Record> {
        Arc::new(Record {
            sequence,
            partition: "a".to_owned(),
            created_at: 1_000,
            event: Value::Null,
        })
    }

    fn lane(count: u128) -> Lane {
        let mut lane = Lane::default();
        (1..=count).for_each(|sequence| lane.push(record(sequence)));
        lane
    }

    fn sequences(batch: &[Arc<Record>]) -> Vec<u128> {
        batch.iter().map(|record| record.sequence).collect()
    }

    fn named(names: &[&str]) -> Answer {
        let items: Vec<Value> = names
            .iter()
            .map(|name| json!({ "itemIdentifier": name }))
            .collect();
        Answer::Returned(json!({ "batchItemFailures": items }))
    }

    /// Delivers until the lane is empty; `fails` says whether a batch with this record fails as a whole.
    fn drive(
        mapping: &StreamMapping,
        lane: &mut Lane,
        fails: impl Fn(u128) -> bool,
    ) -> (Vec<Vec<u128>>, Vec<GivenUp>) {
        let (mut deliveries, mut given_up) = (Vec::new(), Vec::new());
        while !lane.is_empty() {
            let batch = sequences(&lane.front(mapping.batch_size));
            let answer = if batch.iter().any(|sequence| fails(*sequence)) {
                Answer::Failed("no".to_owned())
            } else {
                named(&[])
            };
            if let Verdict::GivenUp(report) = lane.settle(mapping, batch.len(), &answer) {
                given_up.push(report);
            }
            deliveries.push(batch);
            assert!(deliveries.len() < 100, "no end: {deliveries:?}");
        }
        (deliveries, given_up)
    }

    #[test]
    fn evt_1_a_batch_resumes_at_the_lowest_number_named() {
        let mut lane = lane(5);
        assert_eq!(
            lane.settle(&mapping(), 5, &named(&["4", "3", "5"])),
            Verdict::Again { failures: 1 }
        );
        assert_eq!(sequences(&lane.front(100)), [3, 4, 5]);
        assert_eq!(lane.settle(&mapping(), 3, &named(&[])), Verdict::Done);
        assert!(lane.is_empty());
    }

    #[test]
    fn evt_1_an_answer_that_cannot_be_read_fails_the_whole_batch() {
        for answer in [
            json!({"batchItemFailures": [{"itemIdentifier": ""}]}),
            json!({"batchItemFailures": [{"itemIdentifier": null}]}),
            json!({"batchItemFailures": [{"wrongKey": "1"}]}),
            json!({"batchItemFailures": [{"itemIdentifier": "99"}]}),
            json!({"batchItemFailures": "1"}),
            json!("text"),
        ] {
            let mut lane = lane(2);
            lane.settle(&mapping(), 2, &Answer::Returned(answer.clone()));
            assert_eq!(
                sequences(&lane.front(100)),
                [1],
                "{answer}: split, nothing done"
            );
        }
        for answer in [
            json!(null),
            json!({}),
            json!(""),
            json!({"batchItemFailures": null}),
            json!({"batchItemFailures": []}),
        ] {
            assert_eq!(
                lane(2).settle(&mapping(), 2, &Answer::Returned(answer.clone())),
                Verdict::Done,
                "{answer}"
            );
        }
    }

    #[test]
    fn evt_3_bisecting_isolates_one_poison_record_and_gives_up_only_that() {
        let (deliveries, given_up) = drive(&mapping(), &mut lane(8), |sequence| sequence == 6);
        let lost: Vec<(u128, u128)> = given_up
            .iter()
            .map(|report| (report.first, report.last))
            .collect();
        assert_eq!(lost, [(6, 6)]);
        assert_eq!(given_up[0].deliveries, 3, "the first try and two retries");
        let done: Vec<u128> = deliveries
            .iter()
            .filter(|batch| !batch.contains(&6))
            .flatten()
            .copied()
            .collect();
        assert_eq!(done, [1, 2, 3, 4, 5, 7, 8], "each neighbour once, in order");
    }

    #[test]
    fn without_bisecting_the_whole_batch_is_given_up_after_its_retries() {
        let mapping = StreamMapping {
            bisect: false,
            batch_size: 3,
            ..mapping()
        };
        let (deliveries, given_up) = drive(&mapping, &mut lane(5), |sequence| sequence == 2);
        assert_eq!(
            deliveries,
            [vec![1, 2, 3], vec![1, 2, 3], vec![1, 2, 3], vec![4, 5]]
        );
        assert_eq!(
            (given_up[0].first, given_up[0].last, given_up[0].size),
            (1, 3, 3)
        );
        assert_eq!(given_up[0].condition, "RetryAttemptsExhausted");
    }

    #[test]
    fn a_record_that_is_named_each_time_is_given_up_alone() {
        let mapping = mapping();
        let mut lane = lane(4);
        let mut given_up = Vec::new();
        let mut rounds = 0;
        while !lane.is_empty() {
            let batch = sequences(&lane.front(100));
            let answer = if batch.contains(&2) {
                named(&["2"])
            } else {
                named(&[])
            };
            if let Verdict::GivenUp(report) = lane.settle(&mapping, batch.len(), &answer) {
                given_up.push((report.first, report.last));
            }
            rounds += 1;
            assert!(rounds < 50);
        }
        assert_eq!(given_up, [(2, 2)]);
    }

    #[test]
    fn retries_end_at_their_number_and_never_where_there_is_none() {
        let mapping = StreamMapping {
            retries: None,
            bisect: false,
            ..mapping()
        };
        let mut lane = lane(1);
        for failures in 1..50 {
            assert_eq!(
                lane.settle(&mapping, 1, &Answer::Failed(String::new())),
                Verdict::Again { failures }
            );
        }
        let mapping = StreamMapping {
            retries: Some(0),
            ..mapping
        };
        assert!(matches!(
            lane.settle(&mapping, 1, &Answer::Failed(String::new())),
            Verdict::GivenUp(_)
        ));
    }

    #[test]
    fn records_that_are_too_old_are_given_up_before_they_are_delivered() {
        let mut lane = lane(3);
        lane.push(Arc::new(Record {
            sequence: 4,
            partition: "a".to_owned(),
            created_at: 9_000,
            event: Value::Null,
        }));
        let report = lane.expire(100, 5_000).unwrap();
        assert_eq!(
            (
                report.condition,
                report.first,
                report.last,
                report.deliveries
            ),
            ("RecordAgeExceeded", 1, 3, 0)
        );
        assert_eq!(sequences(&lane.front(100)), [4]);
        assert_eq!(lane.expire(100, 5_000), None);
    }

    #[test]
    fn a_mapping_that_does_not_report_failures_ignores_the_answer() {
        let mapping = StreamMapping {
            report_failures: false,
            ..mapping()
        };
        assert_eq!(lane(2).settle(&mapping, 2, &named(&["1"])), Verdict::Done);
    }

    #[test]
    fn the_report_names_the_batch_and_holds_nothing_of_it() {
        let given_up = lane(2)
            .report(&lane(2).front(10), "RetryAttemptsExhausted")
            .unwrap();
        let report = failure_report(
            &mapping(),
            "arn:function",
            "shard-1",
            &GivenUp {
                deliveries: 3,
                ..given_up
            },
            Some("no"),
            0,
        );
        assert_eq!(report["DDBStreamBatchInfo"]["startSequenceNumber"], "1");
        assert_eq!(report["DDBStreamBatchInfo"]["batchSize"], 2);
        assert_eq!(
            report["DDBStreamBatchInfo"]["approximateArrivalOfFirstRecord"],
            "1970-01-01T00:00:01.000Z"
        );
        assert_eq!(
            report["requestContext"]["condition"],
            "RetryAttemptsExhausted"
        );
        assert_eq!(report["responseContext"]["functionError"], "Unhandled");
    }
}
