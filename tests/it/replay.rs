//! Replay: another model on all history, side by side with the one in force, and nothing changed by it.

use std::sync::Arc;

use lodestone::replay::tally::{Confusion, Models, Tally};
use lodestone::replay::text::{Names, text};
use lodestone::replay::{self, Options, Progress};
use shared::domain::email::EmailAddress;
use shared::domain::id::LeadId;
use shared::domain::pii::Pii;
use shared::domain::score::ScoreModel;
use shared::domain::touchpoint::{Answer, Touchpoint, TouchpointKind, Trust, Value};
use shared::flow::Write;
use shared::site::source::load_with_scoring;
use shared::store::{Store, Tables};
use tests::project;
use tests::world::{START, World};

/// A store over the world's engine, as a command has it.
pub fn store(world: &World) -> Store {
    let stack = world.app.core().stack();
    let table = |id: &str| stack.table(id).unwrap().to_owned();
    let tables = Tables {
        touchpoints: table("TouchpointsTable"),
        leads: table("LeadsTable"),
        outbox: table("OutboxTable"),
        ops: table("OpsTable"),
    };
    let runtime = world.app.runtime();
    Store::new(&runtime.aws, tables, runtime.entropy.clone())
}

pub fn lead_of(world: &World, email: &str) -> LeadId {
    let identity = world.app.core().stack().identity.clone().unwrap();
    identity.lead_of_email(&EmailAddress::parse(email).unwrap())
}

pub async fn record(store: &Store, fact: Touchpoint) {
    store.commit(&[Write::Touchpoint(fact)]).await.unwrap();
}

/// Somebody who asks for a visit with this budget, `minute` minutes after the start.
pub async fn asks(world: &World, store: &Store, email: &str, budget: &str, minute: i64) {
    let lead = lead_of(world, email);
    let at = START.plus_minutes(minute);
    let mut fact = Touchpoint::new(
        lead,
        format!("sub_{minute}"),
        TouchpointKind::FormSubmitted,
        at,
    );
    fact.form = Some("demo".into());
    fact.email = Some(Pii::new(email.to_owned()));
    fact.answers = [
        ("budget", budget),
        ("authority", "decide"),
        ("timeline", "now"),
    ]
    .map(|(name, value)| Answer {
        name: name.into(),
        value: Value::Text(Pii::new(value.to_owned())),
    })
    .into();
    record(store, fact).await;
}

/// What sales says of a lead.
pub async fn says(world: &World, store: &Store, email: &str, kind: TouchpointKind, minute: i64) {
    let at = START.plus_minutes(minute);
    let mut fact = Touchpoint::new(lead_of(world, email), format!("said_{minute}"), kind, at);
    fact.trust = Trust::Sales;
    fact.cycle = Some(1);
    record(store, fact).await;
}

/// A model that only these tests use, so that the example site may change.
fn plain() -> ScoreModel {
    let (site, model) = (project("infra/site"), project("tests/models/plain.toml"));
    load_with_scoring(&site, &model).unwrap().site.model
}

async fn tried(world: &World, after: ScoreModel, options: Options) -> Tally {
    between(world, plain(), after, options).await
}

async fn between(world: &World, before: ScoreModel, after: ScoreModel, options: Options) -> Tally {
    let models = Models { before, after };
    replay::run(
        &store(world),
        Arc::new(models),
        options,
        Arc::new(Progress::default()),
    )
    .await
    .unwrap()
}

/// Ten people ask for a visit; sales takes two of those with a budget and hands one back.
async fn history() -> anyhow::Result<World> {
    let world = World::calm(71).await?;
    let store = store(&world);
    for n in 0..10 {
        let budget = if n < 4 { "over-1m" } else { "none-yet" };
        asks(&world, &store, &format!("lead-{n}@firm-{n}.com"), budget, n).await;
    }
    world.settle().await?;
    for (n, kind) in [
        (0, TouchpointKind::Accepted),
        (1, TouchpointKind::Accepted),
        (2, TouchpointKind::Rejected),
    ] {
        says(
            &world,
            &store,
            &format!("lead-{n}@firm-{n}.com"),
            kind,
            60 + n,
        )
        .await;
    }
    world.settle().await?;
    Ok(world)
}

#[tokio::test(flavor = "multi_thread")]
async fn evt_5_a_replay_under_the_model_in_force_comes_to_every_stored_score() -> anyhow::Result<()>
{
    let world = history().await?;
    let model = world.app.runtime().site()?.get().model.clone();
    let sums = between(&world, model.clone(), model, Options::default()).await;
    let stored = world.app.core().query().leads().await?;
    assert_eq!(sums.leads, 10);
    assert_eq!(sums.leads, u64::try_from(stored.len())?);
    for lead in &stored {
        let total = i32::try_from(lead["score"]["total"].as_i64().unwrap())?;
        let bucket = &sums.distribution[&total.div_euclid(replay::tally::BUCKET)];
        assert!(bucket.before > 0 && bucket.before == bucket.after);
    }
    let qualified = stored
        .iter()
        .filter(|l| l["cycle"].as_i64() > Some(0))
        .count();
    assert_eq!(sums.ready.before, u64::try_from(qualified)?);
    assert_eq!((sums.gained.count, sums.lost.count), (0, 0));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_model_is_held_against_the_verdicts_of_sales_and_names_who_changes_sides()
-> anyhow::Result<()> {
    let world = history().await?;
    let before = world.app.core().query().leads().await?;
    let mut lower = plain();
    lower.thresholds.total = Some(40);
    lower.hash = "lower".into();
    let sums = tried(&world, lower, Options::default()).await;
    assert_eq!((sums.ready.before, sums.ready.after), (4, 10));
    assert_eq!(sums.gained.count, 6);
    assert!(sums.gained.leads.iter().all(|who| who.email.is_some()));
    let all_ready = Confusion {
        ready_accepted: 2,
        ready_rejected: 1,
        ..Confusion::default()
    };
    assert_eq!(sums.verdicts_after, all_ready);
    assert_eq!(sums.verdicts_after.precision(), Some(667));
    assert_eq!(sums.verdicts_after.recall(), Some(1000));
    let budget = sums.rules_after["budget-for-a-plant"];
    assert_eq!((budget.leads, budget.points), (4, 60));
    assert_eq!((budget.rejected_leads, budget.rejected_points), (1, 15));

    let mut higher = plain();
    higher.thresholds.total = Some(100_000);
    let sums = tried(&world, higher, Options::default()).await;
    assert_eq!((sums.lost.count, sums.ready.after), (4, 0));
    assert_eq!(sums.verdicts_after.recall(), Some(0));
    assert_eq!(sums.verdicts_after.precision(), None);

    world.settle().await?;
    assert_eq!(
        world.app.core().query().leads().await?,
        before,
        "a replay changes nothing"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_side_by_side_and_time_limits_fold_each_lead_once() -> anyhow::Result<()> {
    let world = history().await?;
    let alone = tried(&world, plain(), Options::default()).await;
    let several = Options {
        readers: 3,
        workers: 3,
        ..Options::default()
    };
    let together = tried(&world, plain(), several).await;
    assert_eq!(
        serde_json::to_value(&alone)?,
        serde_json::to_value(&together)?
    );
    let limited = Options {
        since: Some(START.plus_minutes(5)),
        until: Some(START.plus_minutes(8)),
        ..Options::default()
    };
    let sums = tried(&world, plain(), limited).await;
    assert_eq!((sums.leads, sums.left_out), (4, 6));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_terminal_shows_who_changes_and_the_distribution_side_by_side() -> anyhow::Result<()> {
    let world = history().await?;
    let mut lower = plain();
    lower.thresholds.total = Some(40);
    let sums = tried(&world, lower, Options::default()).await;
    let names = Names {
        before: "plain.toml (ready from 60 points)".into(),
        after: "lower.toml (ready from 40 points)".into(),
    };
    insta::assert_snapshot!(text(&sums, &names));
    Ok(())
}
