//! Reports: exact counts from the facts, and days that are over counted once.

use std::fmt::Write as _;

use lodestone::report::view::{Kind, sections};
use lodestone::report::{self, Found};
use lodestone::table::Table;
use shared::domain::time::Timestamp;
use shared::domain::touchpoint::TouchpointKind;
use shared::site::source::load_with_scoring;
use tests::project;
use tests::world::{START, World};

use crate::replay::{asks, lead_of, says, store};

async fn world(seed: u64) -> World {
    let world = World::calm(seed).await.unwrap();
    let plain = load_with_scoring(&project("infra/site"), &project("tests/models/plain.toml"));
    world.app.runtime().site().unwrap().set(plain.unwrap().site);
    world
}

/// Three people get ready, one does not; sales takes one after an hour, hands one back after three, and lets one wait.
async fn some_days(seed: u64) -> World {
    let world = world(seed).await;
    let store = store(&world);
    for (n, budget) in [
        (0, "over-1m"),
        (1, "over-1m"),
        (2, "over-1m"),
        (3, "none-yet"),
    ] {
        asks(&world, &store, &format!("lead-{n}@firm-{n}.com"), budget, n).await;
    }
    world.settle().await.unwrap();
    says(
        &world,
        &store,
        "lead-0@firm-0.com",
        TouchpointKind::Accepted,
        60,
    )
    .await;
    says(
        &world,
        &store,
        "lead-1@firm-1.com",
        TouchpointKind::Rejected,
        181,
    )
    .await;
    world.settle().await.unwrap();
    world
}

fn now(world: &World) -> Timestamp {
    world.app.runtime().clock.now()
}

async fn found(world: &World) -> Found {
    let site = world.app.runtime().site().unwrap().get();
    let days = (START.day(), now(world).day());
    report::find(&store(world), &site, days.0, days.1, now(world), |_| ())
        .await
        .unwrap()
}

fn printed(world: &World, found: &Found) -> String {
    let site = world.app.runtime().site().unwrap().get();
    let mut text = String::new();
    for section in Kind::ALL
        .into_iter()
        .flat_map(|kind| sections(kind, found, &site))
    {
        let table = Table::of(&section.head, &section.rows);
        writeln!(text, "{}\n{table}\n", section.title).unwrap();
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_counts_stages_sources_rules_and_answers_from_the_facts() -> anyhow::Result<()> {
    let world = some_days(95).await;
    let found = found(&world).await;
    assert_eq!(found.sum.leads, 4);
    assert_eq!(found.sum.touchpoints, 6);
    insta::assert_snapshot!(printed(&world, &found));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_that_is_over_is_counted_once_and_outlives_the_people_in_it() -> anyhow::Result<()> {
    let world = some_days(96).await;
    let open = found(&world).await;
    assert_eq!((open.counted, open.rolled_up), (1, 0));
    world.advance(2 * 86_400).await?;
    let first = found(&world).await;
    assert_eq!((first.counted, first.rolled_up), (3, 0));
    // What the day brought, and not what followed.
    assert_eq!(first.sum.passages, open.sum.passages);

    let store = store(&world);
    let gone = lead_of(&world, "lead-3@firm-3.com");
    store.delete_facts(&store.facts(gone).await?).await?;
    let before = store.meter().units().read;
    let second = found(&world).await;
    assert_eq!((second.counted, second.rolled_up), (1, 2));
    assert_eq!((second.sum, second.days), (first.sum, first.days));
    assert!(store.meter().units().read - before < 40.0, "bounded reads");
    Ok(())
}
