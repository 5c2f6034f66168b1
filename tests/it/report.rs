//! Reports: exact counts from the facts, and days that are over counted once.

use std::fmt::Write as _;

use lodestone::report::day::{Day, Seen};
use lodestone::report::view::{Kind, sections};
use lodestone::report::{self, Found};
use lodestone::table::Table;
use shared::domain::lead::{Under, fold};
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

/// Days of a made-up history.
const DAYS: i64 = 10;

/// What happened to one made-up lead: when it asked, with which budget, and what sales said of it later.
struct Story {
    email: String,
    asks: Vec<(i64, &'static str)>,
    said: Vec<(i64, TouchpointKind)>,
}

/// Some leads over ten days: who has a budget gets ready, and sales says something of each of them.
fn stories(seed: u64) -> Vec<Story> {
    let dice = shared::runtime::Entropy::seeded(seed);
    let below = |n: i64| i64::try_from(dice.below(u64::try_from(n).unwrap())).unwrap();
    let of = |n: i64| {
        let budget = if below(3) < 2 { "over-1m" } else { "none-yet" };
        let first = below((DAYS - 4) * 1_440);
        let asks = (0..=below(3)).map(|_| (first + below(1_440), budget));
        let mut asks: Vec<(i64, &str)> = asks.collect();
        asks.sort_unstable();
        asks.dedup_by_key(|(minute, _)| *minute);
        let mut said = Vec::new();
        if budget == "over-1m" {
            let mut at = first + 1_440;
            let mut say = |kind| {
                at += 1 + below(900);
                said.push((at, kind));
            };
            if below(3) == 0 {
                say(TouchpointKind::Snoozed);
            }
            if below(3) == 0 {
                say(TouchpointKind::Rejected);
            } else {
                say(TouchpointKind::Accepted);
                let last = [TouchpointKind::Won, TouchpointKind::Lost];
                say(last[usize::from(below(2) == 0)]);
            }
        }
        Story {
            email: format!("lead-{n}@firm-{n}.com"),
            asks,
            said,
        }
    };
    (0..12).map(of).collect()
}

/// A system in which all of it was recorded: in order and once, or backwards and everything twice.
async fn lived(seed: u64, stories: &[Story], backwards: bool) -> World {
    let world = world(seed).await;
    world
        .advance(u32::try_from(DAYS + 2).unwrap() * 86_400)
        .await
        .unwrap();
    let store = store(&world);
    let mut order: Vec<&Story> = stories.iter().collect();
    if backwards {
        order.reverse();
        order.extend(order.clone());
    }
    for story in &order {
        let mut asked = story.asks.clone();
        if backwards {
            asked.reverse();
        }
        for (minute, budget) in asked {
            asks(&world, &store, &story.email, budget, minute).await;
        }
    }
    world.settle().await.unwrap();
    for story in &order {
        let mut told = story.said.clone();
        if backwards {
            told.reverse();
        }
        for (minute, kind) in told {
            says(&world, &store, &story.email, kind, minute).await;
        }
    }
    world.settle().await.unwrap();
    world
}

/// The report over those days, and how many units it read.
async fn closed_days(world: &World) -> (Found, f64) {
    let site = world.app.runtime().site().unwrap().get();
    let last = START.plus_days(DAYS - 1).day();
    let store = store(world);
    let found = report::find(&store, &site, START.day(), last, now(world), |_| ());
    (found.await.unwrap(), store.meter().units().read)
}

/// The same numbers in one go: each lead folded once, and every fact of it counted as if there were no days.
async fn all_at_once(world: &World, stories: &[Story]) -> Day {
    let site = world.app.runtime().site().unwrap().get();
    let store = store(world);
    let mut sum = Day::default();
    for story in stories {
        let lead_id = lead_of(world, &story.email);
        let facts = store.facts(lead_id).await.unwrap();
        let records = store.lead_records(lead_id).await.unwrap();
        let under = Under {
            model: &site.model,
            handoffs: &records.past_handoffs(),
            erased_at: None,
            now: now(world),
        };
        let lead = fold(lead_id, &facts, &under).unwrap();
        sum.count(&Seen {
            lead: &lead,
            facts: &facts,
            handoffs: &records.handoffs,
            today: &facts.iter().map(|fact| fact.id.clone()).collect(),
        });
    }
    sum
}

#[tokio::test(flavor = "multi_thread")]
async fn closed_days_add_up_to_a_fold_over_all_facts_however_they_came_and_are_read_day_by_day()
-> anyhow::Result<()> {
    for seed in [971, 972] {
        let stories = stories(seed);
        let mut sums = Vec::new();
        for backwards in [false, true] {
            let world = lived(seed, &stories, backwards).await;
            let (first, counting) = closed_days(&world).await;
            assert_eq!((first.counted, first.rolled_up), (10, 0));
            assert_eq!(
                first.sum,
                all_at_once(&world, &stories).await,
                "seed {seed}"
            );
            let (second, reading) = closed_days(&world).await;
            assert_eq!((second.counted, second.rolled_up), (0, 10));
            assert_eq!((&second.sum, &second.days), (&first.sum, &first.days));
            // A small note for each closed day, and a look at who waits: nothing that grows with what happened on them.
            assert!(reading <= 1.5 * 10.0, "{reading} units for ten days");
            assert!(counting > 4.0 * reading, "{counting} units to count them");
            sums.push(first.sum);
        }
        assert_eq!(
            sums[0], sums[1],
            "seed {seed}: order and repeats count for nothing"
        );

        // And against the stories themselves.
        let sum = &sums[0];
        assert_eq!(sum.leads, u64::try_from(stories.len())?);
        let facts = stories.iter().map(|s| s.asks.len() + s.said.len());
        assert_eq!(sum.touchpoints, u64::try_from(facts.sum::<usize>())?);
        let said = |kind: TouchpointKind| {
            let said = stories.iter().flat_map(|s| &s.said);
            u64::try_from(said.filter(|(_, k)| *k == kind).count()).unwrap()
        };
        let mira = &sum.owners["mira"];
        assert_eq!(mira.accepted, said(TouchpointKind::Accepted));
        assert_eq!(mira.rejected, said(TouchpointKind::Rejected));
        assert_eq!(mira.won, said(TouchpointKind::Won));
        assert_eq!(mira.lost, said(TouchpointKind::Lost));
        let answered = stories.iter().filter(|s| !s.said.is_empty()).count();
        assert_eq!(mira.times.count(), u64::try_from(answered)?);
        assert!(
            mira.accepted > 0 && mira.rejected > 0,
            "a history with both"
        );
    }
    Ok(())
}
