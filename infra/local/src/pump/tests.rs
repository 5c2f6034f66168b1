//! The pumps against an engine in memory and functions that are closures: what is delivered, again, in which order, and when.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex as StdMutex};

use serde_json::{Value, json};
use tokio::sync::watch;

use super::chaos::Chaos;
use super::context::{Context, Drive, Invoke, Wake};
use super::lane::Answer;
use super::queues::Queues;
use super::queues::tests::{queue, still_clock};
use super::*;
use crate::engine::tables::request;
use crate::engine::tables::tests::table;
use crate::engine::{Engine, Location};
use crate::template::model::{QueueMapping, ScheduleEntry, StreamMapping};

/// What the functions were called with.
type Calls = Arc<StdMutex<Vec<(String, Value)>>>;

struct Bench {
    pumps: Arc<Pumps>,
    engine: Arc<Engine>,
    calls: Calls,
    /// Stops a live run when it is dropped.
    _stop: watch::Sender<bool>,
}

fn stream_mapping(function: &str) -> StreamMapping {
    StreamMapping {
        function: function.to_owned(),
        ..lane::tests::mapping()
    }
}

fn queue_mapping(name: &str, function: &str) -> QueueMapping {
    QueueMapping {
        name: name.to_owned(),
        queue: name.to_owned(),
        function: function.to_owned(),
        batch_size: 10,
        report_failures: true,
    }
}

fn schedule(name: &str, function: &str, expression: &str) -> ScheduleEntry {
    let schedule = expression.parse().unwrap();
    ScheduleEntry {
        name: name.to_owned(),
        function: function.to_owned(),
        schedule,
        input: json!({"tick": name}),
    }
}

/// A bench whose functions answer as `answer` says, given the engine, the function and the event.
fn bench(
    model: Model,
    chaos: Chaos,
    answer: impl Fn(&Engine, &str, &Value) -> Answer + Send + Sync + 'static,
) -> Bench {
    let (clock, db) = still_clock(1_700_000_000_000);
    let model = Arc::new(Model {
        tables: vec![table("facts")],
        ..model
    });
    let engine = Arc::new(Engine::start(&Location::Memory, &model.tables).unwrap());
    let queues = Arc::new(Queues::new(
        Arc::clone(&db),
        clock.clone(),
        "us-east-1",
        &model.queues,
    ));
    let calls: Calls = Arc::default();
    let (kept, answering) = (Arc::clone(&calls), Arc::clone(&engine));
    let answer = Arc::new(answer);
    let invoke: Invoke = Arc::new(move |function, event| {
        kept.lock()
            .unwrap()
            .push((function.to_owned(), event.clone()));
        let (answer, engine, function) = (
            Arc::clone(&answer),
            Arc::clone(&answering),
            function.to_owned(),
        );
        Box::pin(async move { answer(&engine, &function, &event) })
    });
    let (stop, stopping) = watch::channel(false);
    let context = Arc::new(Context {
        clock,
        db,
        queues,
        invoke,
        function_arns: BTreeMap::from([("score".to_owned(), "arn:score".to_owned())]),
        drive: Drive::Step,
        chaos,
        wake: Wake::new(sleepers(&model, 0)),
        traffic: traffic::Traffic::default(),
        stopping,
        delivered: AtomicU64::new(0),
    });
    let pumps = Arc::new(
        Pumps::new(
            Arc::clone(&model),
            Arc::clone(&engine),
            context,
            "us-east-1",
            Vec::new(),
        )
        .unwrap(),
    );
    Bench {
        pumps,
        engine,
        calls,
        _stop: stop,
    }
}

fn streams(mappings: Vec<StreamMapping>) -> Model {
    Model {
        streams: mappings,
        queues: vec![
            queue("failures", 300, Some((2, "dead"))),
            queue("dead", 0, None),
        ],
        ..Model::default()
    }
}

fn put(engine: &Engine, lead: &str, id: &str, due_at: Option<i64>) {
    let mut item = json!({"lead_id": {"S": lead}, "id": {"S": id}});
    if let Some(at) = due_at {
        item["due_key"] = json!({"S": "worker#0"});
        item["due_at"] = json!({"N": at.to_string()});
    }
    engine
        .database()
        .put_item(request(&json!({"TableName": "facts", "Item": item})).unwrap())
        .unwrap();
}

/// What was delivered to `function`, as `lead/id`, batch by batch.
fn delivered(bench: &Bench, function: &str) -> Vec<Vec<String>> {
    let name = |record: &Value| {
        let keys = &record["dynamodb"]["Keys"];
        format!(
            "{}/{}",
            keys["lead_id"]["S"].as_str().unwrap(),
            keys["id"]["S"].as_str().unwrap()
        )
    };
    let calls = bench.calls.lock().unwrap();
    let events = calls.iter().filter(|(called, _)| called == function);
    events
        .map(|(_, event)| {
            event["Records"]
                .as_array()
                .into_iter()
                .flatten()
                .map(name)
                .collect()
        })
        .collect()
}

fn ok() -> Answer {
    Answer::Returned(json!({"batchItemFailures": []}))
}

#[tokio::test]
async fn nothing_moves_before_it_is_driven_and_everything_after() {
    let bench = bench(
        streams(vec![stream_mapping("score")]),
        Chaos::calm(1),
        |_, _, _| ok(),
    );
    put(&bench.engine, "a", "1", None);
    put(&bench.engine, "b", "2", None);
    assert!(delivered(&bench, "score").is_empty());
    bench.pumps.settle().await.unwrap();
    assert_eq!(delivered(&bench, "score"), [["a/1", "b/2"]]);
    bench.pumps.settle().await.unwrap();
    assert_eq!(delivered(&bench, "score").len(), 1, "once is enough");
}

#[tokio::test]
async fn settling_follows_what_functions_write() {
    let bench = bench(
        streams(vec![stream_mapping("score")]),
        Chaos::calm(1),
        |engine, _, event| {
            for record in event["Records"].as_array().unwrap() {
                let id: u32 = record["dynamodb"]["Keys"]["id"]["S"]
                    .as_str()
                    .unwrap()
                    .parse()
                    .unwrap();
                if id < 4 {
                    put(engine, "a", &(id + 1).to_string(), None);
                }
            }
            ok()
        },
    );
    put(&bench.engine, "a", "1", None);
    bench.pumps.settle().await.unwrap();
    assert_eq!(
        delivered(&bench, "score"),
        [["a/1"], ["a/2"], ["a/3"], ["a/4"]]
    );
}

#[tokio::test]
async fn only_what_passes_the_filter_is_delivered_and_the_rest_is_passed_over() {
    let mapping = StreamMapping {
        filters: vec![r#"{"dynamodb":{"NewImage":{"id":{"S":["2"]}}}}"#.to_owned()],
        ..stream_mapping("score")
    };
    let bench = bench(streams(vec![mapping]), Chaos::calm(1), |_, _, _| ok());
    for id in ["1", "2", "3"] {
        put(&bench.engine, "a", id, None);
    }
    bench.pumps.settle().await.unwrap();
    assert_eq!(delivered(&bench, "score"), [["a/2"]]);
    let checkpoint: u128 = bench
        .pumps
        .context()
        .db
        .checkpoint("F.Facts")
        .unwrap()
        .unwrap()
        .parse()
        .unwrap();
    let reader = &bench.pumps.all[0];
    let Pump::Stream(pump) = &*reader.lock().await else {
        panic!()
    };
    assert_eq!(pump.checkpoint(), Some(checkpoint));
}

#[tokio::test]
async fn evt_3_a_poison_record_is_reported_and_its_neighbours_are_not_lost() {
    let bench = bench(
        streams(vec![stream_mapping("score")]),
        Chaos::calm(1),
        |_, _, event| {
            let poison = event["Records"]
                .as_array()
                .unwrap()
                .iter()
                .any(|record| record["dynamodb"]["Keys"]["id"]["S"] == "3");
            if poison {
                Answer::Failed("poison".to_owned())
            } else {
                ok()
            }
        },
    );
    for id in ["1", "2", "3", "4"] {
        put(&bench.engine, "a", id, None);
    }
    bench.pumps.settle().await.unwrap();
    let batches = delivered(&bench, "score");
    for id in ["a/1", "a/2", "a/4"] {
        assert!(
            batches
                .iter()
                .any(|batch| batch.contains(&id.to_owned()) && !batch.contains(&"a/3".to_owned())),
            "{batches:?}"
        );
    }
    let reports = bench.pumps.context().queues.peek("failures").unwrap();
    assert_eq!(reports.len(), 1);
    let report: Value = serde_json::from_str(&reports[0].body).unwrap();
    assert_eq!(report["requestContext"]["functionArn"], "arn:score");
    assert_eq!(report["DDBStreamBatchInfo"]["batchSize"], 1);
    assert!(!reports[0].body.contains("poison"));
}

#[tokio::test]
async fn records_older_than_the_mapping_allows_go_to_the_report_undelivered() {
    let mapping = StreamMapping {
        record_age: Some(3_600),
        ..stream_mapping("score")
    };
    let bench = bench(streams(vec![mapping]), Chaos::calm(1), |_, _, _| ok());
    put(&bench.engine, "a", "1", None);
    bench
        .pumps
        .context()
        .clock
        .move_to(1_700_000_000_000 + 3_700_000)
        .unwrap();
    put(&bench.engine, "a", "2", None);
    bench.pumps.settle().await.unwrap();
    assert_eq!(delivered(&bench, "score"), [["a/2"]]);
    assert!(
        bench.pumps.context().queues.peek("failures").unwrap()[0]
            .body
            .contains("RecordAgeExceeded")
    );
}

#[tokio::test]
async fn a_failure_report_is_delivered_after_its_queues_delay() {
    let mut model = streams(vec![StreamMapping {
        retries: Some(0),
        ..stream_mapping("score")
    }]);
    model.queue_mappings = vec![queue_mapping("failures", "score")];
    let bench = bench(
        model,
        Chaos::calm(1),
        |_, _, event| match event["Records"][0]["eventSource"].as_str() {
            Some("aws:sqs") => ok(),
            _ => Answer::Failed("down".to_owned()),
        },
    );
    put(&bench.engine, "a", "1", None);
    bench.pumps.settle().await.unwrap();
    assert_eq!(bench.calls.lock().unwrap().len(), 1);
    bench.pumps.advance(299).await.unwrap();
    assert_eq!(bench.calls.lock().unwrap().len(), 1);
    bench.pumps.advance(1).await.unwrap();
    let calls = bench.calls.lock().unwrap();
    assert_eq!(calls.len(), 2);
    assert!(
        calls[1].1["Records"][0]["body"]
            .as_str()
            .unwrap()
            .contains("RetryAttemptsExhausted")
    );
}

#[tokio::test]
async fn a_message_that_keeps_failing_ends_in_the_dead_letter_queue() {
    let model = Model {
        queue_mappings: vec![queue_mapping("failures", "score")],
        ..streams(Vec::new())
    };
    let bench = bench(model, Chaos::calm(1), |_, _, event| {
        let records = event["Records"].as_array().unwrap();
        let bad = records.iter().filter(|record| record["body"] == "bad");
        Answer::Returned(
            json!({"batchItemFailures": bad.map(|record| json!({"itemIdentifier": record["messageId"]})).collect::<Vec<_>>()}),
        )
    });
    let queues = &bench.pumps.context().queues;
    queues.send("failures", "good").unwrap();
    queues.send("failures", "bad").unwrap();
    bench.pumps.advance(3_600).await.unwrap();
    let bodies: Vec<String> = bench
        .calls
        .lock()
        .unwrap()
        .iter()
        .map(|(_, event)| event["Records"][0]["body"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        bodies,
        ["good", "bad"],
        "the good one once; the bad one alone the second time"
    );
    assert!(queues.peek("failures").unwrap().is_empty());
    assert_eq!(queues.peek("dead").unwrap()[0].body, "bad");
}

#[tokio::test]
async fn chaos_repeats_and_reorders_leads_and_keeps_each_leads_order() {
    let run = |seed| async move {
        let mapping = StreamMapping {
            batch_size: 4,
            ..stream_mapping("score")
        };
        let bench = bench(streams(vec![mapping]), Chaos::with_seed(seed), |_, _, _| {
            ok()
        });
        for id in ["1", "2", "3", "4", "5", "6"] {
            for lead in ["a", "b", "c", "d"] {
                put(&bench.engine, lead, id, None);
            }
        }
        bench.pumps.settle().await.unwrap();
        delivered(&bench, "score").concat()
    };
    let (first, again) = (run(7).await, run(7).await);
    assert_eq!(first, again, "the same seed does the same");
    let (mut repeated, mut reordered) = (false, false);
    for seed in 0..8 {
        let seen = run(seed).await;
        repeated |= seen.len() > 24;
        reordered |= seen
            .windows(2)
            .any(|pair| pair[0][2..] > pair[1][2..] && pair[0][..1] != pair[1][..1]);
        for lead in ["a", "b", "c", "d"] {
            // Repeats go back, never ahead: a record is seen for the first time only after all before it.
            let mut newest = 0;
            for id in seen
                .iter()
                .filter(|name| name.starts_with(lead))
                .map(|name| name[2..].parse::<u32>().unwrap())
            {
                assert!(id <= newest + 1, "{lead}: {seen:?}");
                newest = newest.max(id);
            }
            assert_eq!(newest, 6);
        }
    }
    assert!(repeated && reordered);
}

#[tokio::test]
async fn a_tick_runs_early_where_something_is_due_and_is_skipped_where_nothing_is() {
    let model = Model {
        schedules: vec![schedule("minute", "worker", "rate(1 minute)")],
        ..streams(Vec::new())
    };
    let start = 1_700_000_000_000;
    let bench = bench(model, Chaos::calm(1), move |engine, _, _| {
        // Settles the item, as a worker would.
        put(engine, "a", "1", None);
        ok()
    });
    bench.pumps.advance(86_400).await.unwrap();
    assert!(
        bench.calls.lock().unwrap().is_empty(),
        "1,440 minutes in which nothing was due"
    );
    put(&bench.engine, "a", "1", Some(start + 86_400_000 + 90_000));
    bench.pumps.settle().await.unwrap();
    assert!(bench.calls.lock().unwrap().is_empty(), "due later");
    bench.pumps.advance(89).await.unwrap();
    assert!(bench.calls.lock().unwrap().is_empty());
    bench.pumps.advance(60).await.unwrap();
    assert_eq!(bench.calls.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn an_item_that_stays_due_does_not_hold_up_a_long_jump() {
    let model = Model {
        schedules: vec![schedule("minute", "worker", "rate(1 minute)")],
        ..streams(Vec::new())
    };
    let bench = bench(model, Chaos::calm(1), |_, _, _| ok());
    put(&bench.engine, "a", "1", Some(1));
    bench.pumps.advance(86_400).await.unwrap();
    let calls = bench.calls.lock().unwrap().len();
    assert!((24..60).contains(&calls), "{calls} calls");
}

#[tokio::test]
async fn a_fixed_schedule_runs_at_each_of_its_times_that_the_clock_passes() {
    let model = Model {
        schedules: vec![schedule("day", "keep", "cron(17 3 * * ? *)")],
        ..streams(Vec::new())
    };
    let bench = bench(model, Chaos::calm(1), |_, _, _| ok());
    bench.pumps.settle().await.unwrap();
    assert!(bench.calls.lock().unwrap().is_empty());
    bench.pumps.advance(3 * 86_400).await.unwrap();
    let calls = bench.calls.lock().unwrap().clone();
    assert_eq!(calls, vec![("keep".to_owned(), json!({"tick": "day"})); 3]);
}

#[tokio::test]
async fn a_restart_goes_on_at_the_checkpoint() {
    let bench = bench(
        streams(vec![stream_mapping("score")]),
        Chaos::calm(1),
        |_, _, _| ok(),
    );
    put(&bench.engine, "a", "1", None);
    bench.pumps.settle().await.unwrap();
    put(&bench.engine, "a", "2", None);
    let again = Pumps::new(
        Arc::clone(&bench.pumps.model),
        Arc::clone(&bench.engine),
        Arc::clone(bench.pumps.context()),
        "us-east-1",
        Vec::new(),
    )
    .unwrap();
    again.settle().await.unwrap();
    assert_eq!(delivered(&bench, "score"), [["a/1"], ["a/2"]]);
}
