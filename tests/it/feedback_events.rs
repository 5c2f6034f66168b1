//! Every documented event of the mail service, as its documentation shows it: what it does, once, twice and in any order.

use lodestone::pump::lane::Answer;
use lodestone::sending::{Act, change};
use proptest::prelude::*;
use serde_json::{Value, json};
use shared::domain::guard::Guard;
use shared::domain::id::LeadId;
use tests::project;
use tests::world::{START, World, guide};

const ADA: &str = "ada@analytical-engines.com";

/// The event of a file, about `item`.
pub fn event(name: &str, item: &Value) -> Value {
    let path = project(&format!("tests/events/{name}.json"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let tag = format!(
        "{}_{}",
        item["lead_id"].as_str().unwrap(),
        item["id"].as_str().unwrap()
    );
    serde_json::from_str(&text.replace("\"OBX\"", &format!("\"{tag}\""))).unwrap()
}

/// A message of the queue, in the topic's envelope.
fn message(id: &str, body: &str) -> Value {
    let envelope = json!({"Type": "Notification", "MessageId": id, "TopicArn": "arn:aws:sns:eu-west-1:1:t",
        "Subject": "Amazon SES Email Event Notification", "Message": body});
    json!({"messageId": id, "eventSource": "aws:sqs", "body": envelope.to_string()})
}

/// Hands events to `feedback` in one batch; answers the ids that it wants again.
pub async fn hear(world: &World, events: &[Value]) -> Vec<Value> {
    let records: Vec<Value> = (0..)
        .zip(events)
        .map(|(n, event): (u32, &Value)| message(&format!("m{n}"), &event.to_string()))
        .collect();
    call(world, &records).await["batchItemFailures"]
        .as_array()
        .cloned()
        .unwrap_or_default()
}

async fn call(world: &World, records: &[Value]) -> Value {
    let event = json!({ "Records": records });
    match world.app.call("feedback", event).await {
        Answer::Returned(answer) => answer,
        Answer::Failed(why) => panic!("feedback failed: {why}"),
    }
}

/// A visitor whose mail is on its way; answers the item.
async fn mailed(world: &World, email: &str) -> anyhow::Result<Value> {
    // So many complaints pause all mail to leads; an operator lifts that before the next visitor comes.
    let id = format!("op_{}", email.split('@').next().unwrap_or_default());
    change(&world.store()?, Act::Lift, "expected", &id, START).await?;
    world.submit_until_taken("guide", &guide(email)).await?;
    world.settle().await?;
    Ok(world.known(email).await?["outbox"][0].clone())
}

/// Facts beyond the submission, without ids and times, and why no mail may go out.
async fn seen(world: &World, email: &str) -> anyhow::Result<(Vec<String>, Value)> {
    let lead = world.known(email).await?;
    let mut facts: Vec<String> = lead["touchpoints"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|t| t["kind"] != "form_submitted")
        .map(|t| {
            format!(
                "{} {}",
                t["kind"].as_str().unwrap(),
                t["reason"].as_str().unwrap_or_default()
            )
        })
        .collect();
    facts.sort();
    Ok((facts, lead["guard"]["suppressed"]["reason"].clone()))
}

#[tokio::test(flavor = "multi_thread")]
async fn ses_3_ses_4_each_documented_event_does_what_it_says_and_twice_is_once()
-> anyhow::Result<()> {
    let world = World::calm(141).await?;
    let mut files: Vec<String> = std::fs::read_dir(project("tests/events"))?
        .map(|file| {
            let name = file.unwrap().file_name();
            name.to_string_lossy().trim_end_matches(".json").to_owned()
        })
        .collect();
    files.sort();
    let mut told = Vec::new();
    for (n, name) in files.iter().enumerate() {
        // A lead of its own for each; the stand-in's own delivery is left out of what is told.
        let email = format!("visitor-{n}@analytical-engines.com");
        let item = mailed(&world, &email).await?;
        let text = event(name, &item).to_string().replace(ADA, &email);
        let event: Value = serde_json::from_str(&text)?;
        assert!(
            hear(&world, std::slice::from_ref(&event)).await.is_empty(),
            "{name}"
        );
        world.settle().await?;
        let once = seen(&world, &email).await?;
        assert!(
            hear(&world, &[event.clone(), event]).await.is_empty(),
            "{name}"
        );
        world.settle().await?;
        assert_eq!(seen(&world, &email).await?, once, "{name} repeated");
        let (facts, guard) = once;
        let own: Vec<&String> = facts.iter().filter(|f| *f != "delivered ").collect();
        let delivered = facts.len() - own.len();
        told.push(format!(
            "{name}: {own:?}, {} delivered, {guard}",
            delivered - 1
        ));
    }
    insta::assert_snapshot!(told.join("\n"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn evt_3_what_cannot_be_read_is_set_aside_and_delays_nobody() -> anyhow::Result<()> {
    let world = World::calm(142).await?;
    let item = mailed(&world, ADA).await?;
    let bounce = event("bounce-permanent-general", &item).to_string();
    let records = [
        message("a", "{\"eventType\":\"Bounce\",\"bounce\":7}"),
        message(
            "b",
            "Successfully validated SNS topic for Amazon SES event publishing.",
        ),
        json!({"messageId": "c", "eventSource": "aws:sqs", "body": "\u{0}"}),
        message("d", &bounce),
    ];
    assert_eq!(call(&world, &records).await["batchItemFailures"], json!([]));
    assert_eq!(seen(&world, ADA).await?.1, "hard_bounce");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn ses_4_a_late_repeat_does_not_undo_what_an_operator_lifted() -> anyhow::Result<()> {
    let world = World::calm(143).await?;
    let item = mailed(&world, ADA).await?;
    let complaint = event("complaint-abuse", &item);
    hear(&world, std::slice::from_ref(&complaint)).await;
    let lead: LeadId = item["lead_id"].as_str().unwrap().parse()?;
    let store = world.store()?;
    let mut guard: Guard = store.guard(lead).await?;
    guard.suppressed = None;
    guard.version += 1;
    let write = shared::flow::Write::Guard {
        lead_id: lead,
        guard,
        write_id: "test".into(),
    };
    store.commit(&[write]).await?;
    assert!(hear(&world, &[complaint]).await.is_empty());
    assert_eq!(seen(&world, ADA).await?.1, Value::Null);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn ses_4_three_soft_bounces_on_three_days_suppress_and_two_do_not() -> anyhow::Result<()> {
    let world = World::calm(144).await?;
    let item = mailed(&world, ADA).await?;
    let on = |day: u32, report: u32| {
        let mut event = event("bounce-transient-mailbox-full", &item);
        event["bounce"]["timestamp"] = json!(format!("2026-03-{day:02}T10:00:00.000Z"));
        event["bounce"]["feedbackId"] = json!(format!("report-{report}"));
        event
    };
    hear(&world, &[on(16, 1), on(16, 2), on(3, 3)]).await;
    assert_eq!(seen(&world, ADA).await?.1, Value::Null);
    hear(&world, &[on(9, 4)]).await;
    assert_eq!(seen(&world, ADA).await?.1, "hard_bounce");
    Ok(())
}

const MIXED: [&str; 7] = [
    "send",
    "delivery",
    "bounce-transient-general",
    "bounce-undetermined",
    "complaint-abuse",
    "complaint-not-spam",
    "subscription",
];

#[test]
fn ses_3_in_any_order_and_repeated_events_come_to_the_same() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let world = runtime.block_on(World::calm(145)).unwrap();
    let visitors = std::sync::atomic::AtomicU32::new(0);
    let told = |numbers: Vec<usize>| {
        let n = visitors.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let email = format!("visitor-{n}@analytical-engines.com");
        runtime.block_on(async {
            let item = mailed(&world, &email).await.unwrap();
            let theirs = |n: usize| event(MIXED[n], &item).to_string().replace(ADA, &email);
            let events: Vec<Value> = numbers
                .into_iter()
                .map(|n| serde_json::from_str(&theirs(n)).unwrap())
                .collect();
            assert!(hear(&world, &events).await.is_empty());
            seen(&world, &email).await.unwrap()
        })
    };
    let plain = told((0..MIXED.len()).collect());
    assert_eq!(plain.1, "complaint");
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(12)
    };
    proptest!(config, |(
        order in Just((0..MIXED.len()).collect::<Vec<_>>()).prop_shuffle(),
        again in proptest::collection::vec(0..MIXED.len(), 0..6),
    )| {
        let mut mixed = order;
        mixed.extend(again);
        prop_assert_eq!(told(mixed), plain.clone());
    });
}
