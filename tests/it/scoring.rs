//! Scoring under stream records that come at once, twice and out of order, and moves that time alone makes.

use serde_json::{Value, json};
use shared::domain::id::LeadId;
use shared::domain::stage::Stage;
use shared::domain::time::Timestamp;
use shared::domain::touchpoint::{Touchpoint, TouchpointKind};
use shared::flow::Write;
use shared::store::Committed;
use tests::world::{World, demo, guide};

const ADA: &str = "ada@analytical-engines.com";
const DAY: u32 = 86_400;

async fn score_deps(world: &World) -> score::Deps {
    let functions = &world.app.core().stack().model.functions;
    let function = functions.iter().find(|f| f.package == "score").unwrap();
    let env = |name: &str| function.environment.get(name).cloned();
    score::Deps::build(world.app.runtime(), &env).await.unwrap()
}

fn inserted(lead_id: &str, id: &str, sequence: usize) -> Value {
    json!({
        "eventID": sequence.to_string(), "eventName": "INSERT", "eventSource": "aws:dynamodb",
        "dynamodb": {
            "Keys": {"lead_id": {"S": lead_id}, "id": {"S": id}},
            "SequenceNumber": format!("{:021}", 100 + sequence), "StreamViewType": "NEW_IMAGE",
        },
    })
}

fn count(list: &Value, is: impl Fn(&Value) -> bool) -> usize {
    list.as_array().unwrap().iter().filter(|v| is(v)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn evt_8_records_of_one_lead_at_once_repeated_and_reordered_are_one_transition_and_one_handoff()
-> anyhow::Result<()> {
    for seed in 1..=3_usize {
        let world = World::unruly(seed as u64).await?;
        world.submit_until_taken("guide", &guide(ADA)).await?;
        for message in ["Can it make steam?", "And hot water?"] {
            let mut pairs = demo(ADA);
            pairs.retain(|(name, _)| *name != "message");
            pairs.push(("message", message));
            world.submit_until_taken("demo", &pairs).await?;
        }
        // Nothing was folded yet. Eight workers get all records, each in an order of its own, each record twice.
        let known = world.known(ADA).await?;
        assert_eq!(known["lead"], Value::Null);
        let facts = known["touchpoints"].as_array().unwrap();
        let records: Vec<Value> = facts
            .iter()
            .chain(facts)
            .enumerate()
            .map(|(n, t)| inserted(t["lead_id"].as_str().unwrap(), t["id"].as_str().unwrap(), n))
            .collect();
        let deps = score_deps(&world).await;
        let workers = (0..8).map(|worker| {
            let mut records = records.clone();
            records.rotate_left((worker + seed) % facts.len());
            if worker % 2 == 1 {
                records.reverse();
            }
            let deps = deps.clone();
            tokio::spawn(async move { score::handle(&deps, json!({ "Records": records })).await })
        });
        for worker in workers.collect::<Vec<_>>() {
            let answer = worker.await?.unwrap();
            assert_eq!(answer["batchItemFailures"], json!([]), "{answer}");
        }
        // And then the stream brings them once more.
        world.settle().await?;

        let known = world.known(ADA).await?;
        let moved = |stage: &'static str| move |change: &Value| change["to"] == stage;
        assert_eq!(count(&known["lead"]["stage_history"], moved("mql")), 1);
        assert_eq!(known["lead"]["cycle"], 1);
        assert_eq!(known["handoffs"].as_array().unwrap().len(), 1);
        let alert = |item: &Value| item["id"] == "alr_1_mail";
        assert_eq!(count(&known["outbox"], alert), 1, "{known:#}");
        // Each fact is folded once: the three posts, and what the mail service said of the guide.
        let facts = known["touchpoints"].as_array().unwrap().len();
        assert_eq!(known["lead"]["touchpoints"], facts);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_decided_by_hand_ends_by_itself_and_the_tick_hands_the_lead_over()
-> anyhow::Result<()> {
    let world = World::calm(7).await?;
    world.submit_until_taken("guide", &guide(ADA)).await?;
    world.settle().await?;
    let known = world.known(ADA).await?;
    let lead_id: LeadId = known["lead"]["lead_id"].as_str().unwrap().parse()?;
    let now = Timestamp(known["lead"]["scored_at"].as_i64().unwrap());

    let mut fact = Touchpoint::new(lead_id, "ovr_1".into(), TouchpointKind::Overridden, now);
    fact.stage = Some(Stage::Lead);
    fact.until = Some(now.plus_days(2));
    fact.author = Some("mira".into());
    let deps = score_deps(&world).await;
    let written = deps.store.commit(&[Write::Touchpoint(fact)]).await?;
    assert!(matches!(written, Committed::Written));
    world.settle().await?;
    world.submit_until_taken("demo", &demo(ADA)).await?;
    world.settle().await?;

    let held = world.known(ADA).await?;
    assert_eq!(held["lead"]["stage"], "lead");
    assert!(held["lead"]["score"]["total"].as_i64().unwrap() >= 60);
    let review = |item: &Value| item["kind"] == "review" && item["state"] == "PENDING";
    assert_eq!(count(&held["outbox"], review), 1);
    assert!(held["handoffs"].as_array().unwrap().is_empty());

    world.advance(DAY).await?;
    world.settle().await?;
    assert_eq!(world.known(ADA).await?["lead"]["stage"], "lead", "not yet");
    world.advance(DAY + 120).await?;
    world.settle().await?;
    let free = world.known(ADA).await?;
    assert_eq!(free["lead"]["stage"], "mql");
    assert_eq!(free["lead"]["stage_since"], now.plus_days(2).0);
    assert_eq!(free["handoffs"].as_array().unwrap().len(), 1);
    assert_eq!(count(&free["outbox"], review), 0, "the review is settled");
    let looked = |item: &Value| item["kind"] == "review" && item["reason"] == "looked at";
    assert_eq!(count(&free["outbox"], looked), 1);
    Ok(())
}
