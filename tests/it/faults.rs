//! Seeded faults over the whole path: nothing lost, nothing twice. `LODESTONE_SCHEDULES=10000` runs more of them.

use std::collections::BTreeMap;

use lodestone::app::Options;
use lodestone::pump::chaos::Chaos;
use shared::runtime::Clock;
use tests::fault::Fault;
use tests::project;
use tests::schedule::{begin, finish, recover};
use tests::world::{START, World};

/// Schedules of an ordinary test run.
const SCHEDULES: u64 = 1000;
/// A step that was called this often while faults were on must have met every kind of fault.
const OFTEN: u64 = 500;
/// Schedules of one system: what it keeps is read again and again, so many small ones are faster than a large one.
const PER_WORLD: usize = 20;
/// Systems that run side by side, each with schedules of its own.
const WORLDS: u64 = 4;
/// Systems of one share between two words on how far it is.
const REPORT: usize = 50;

fn schedules() -> u64 {
    #[expect(
        clippy::disallowed_methods,
        reason = "how many schedules a run makes is chosen from outside"
    )]
    std::env::var("LODESTONE_SCHEDULES")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(SCHEDULES)
}

#[tokio::test(flavor = "multi_thread")]
async fn evt_7_to_13_under_seeded_faults_no_effect_is_lost_and_none_happens_twice() {
    let total = schedules();
    let runs: Vec<_> = (0..WORLDS)
        .map(|share| tokio::spawn(share_of(share, total)))
        .collect();
    let mut failed = Vec::new();
    let mut met: BTreeMap<(String, Fault), u64> = BTreeMap::new();
    let mut exposed: BTreeMap<String, u64> = BTreeMap::new();
    for run in runs {
        let share = run.await.unwrap();
        failed.extend(share.failed);
        for (pair, count) in share.met {
            *met.entry(pair).or_default() += count;
        }
        for (step, calls) in share.exposed {
            *exposed.entry(step).or_default() += calls;
        }
    }
    println!(
        "{total} schedules, {} faults, {} failed",
        met.values().sum::<u64>(),
        failed.len()
    );
    let mut never = Vec::new();
    for (step, calls) in &exposed {
        // A mail that the wire doubles is turned into a lost reply: see the injector.
        let kinds = Fault::ALL
            .into_iter()
            .filter(|f| !(step.contains("SES") && *f == Fault::Duplicate));
        let missing: Vec<Fault> = kinds
            .filter(|f| !met.contains_key(&(step.clone(), *f)))
            .collect();
        println!("{step:38} {calls:>7} calls, never met: {missing:?}");
        if *calls >= OFTEN {
            never.extend(missing.into_iter().map(|f| (step.clone(), f)));
        }
    }
    assert!(
        failed.is_empty(),
        "{} schedules failed, the first: {:#?}",
        failed.len(),
        &failed[..failed.len().min(5)]
    );
    assert!(
        never.is_empty(),
        "called {OFTEN} times and more, and never met: {never:?}"
    );
}

/// Every third system has streams that bring the outbox to nobody: there the ticks have to do all of it.
async fn system(seed: u64) -> World {
    if !(seed / WORLDS / PER_WORLD as u64).is_multiple_of(3) {
        return World::unruly(seed).await.unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("template.yaml");
    let template = std::fs::read_to_string(project("infra/template.yaml")).unwrap();
    let mut skipped = template.clone();
    for reader in ["deliver", "notify"] {
        let filter = |to: &str| format!("\"reader\":{{\"S\":[\"{to}\"]}}");
        skipped = skipped.replace(&filter(reader), &filter("nobody"));
    }
    assert_ne!(skipped, template, "no stream was skipped");
    std::fs::write(&file, skipped).unwrap();
    let clock = Clock::from_fn(|| START);
    let mut options = Options::step(seed, clock, project("infra/site"), file);
    options.chaos = Chaos::with_seed(seed);
    World::start(options).await.unwrap()
}

struct Share {
    failed: Vec<(u64, String)>,
    met: BTreeMap<(String, Fault), u64>,
    exposed: BTreeMap<String, u64>,
}

async fn share_of(share: u64, total: u64) -> Share {
    let mut sum = Share {
        failed: Vec::new(),
        met: BTreeMap::new(),
        exposed: BTreeMap::new(),
    };
    let worlds = usize::try_from(WORLDS).unwrap();
    let seeds: Vec<u64> = (share..total).step_by(worlds).collect();
    for (done, some) in seeds.chunks(PER_WORLD).enumerate() {
        // A hundred thousand take most of an hour.
        if share == 0 && done > 0 && done.is_multiple_of(REPORT) {
            println!("about {} of {total} schedules", done * PER_WORLD * worlds);
        }
        let world = system(some[0]).await;
        let mut visits = Vec::new();
        for seed in some {
            match begin(&world, *seed).await {
                Ok(visit) => visits.push((*seed, visit)),
                Err(error) => sum.failed.push((*seed, format!("{error:#}"))),
            }
        }
        recover(&world).await.unwrap();
        for (seed, visit) in &visits {
            if let Err(error) = finish(&world, visit).await {
                sum.failed.push((*seed, format!("{error:#}")));
            }
        }
        for (pair, count) in world.faults.met() {
            *sum.met.entry(pair).or_default() += count;
        }
        for (step, calls) in world.faults.exposed() {
            *sum.exposed.entry(step).or_default() += calls;
        }
        world.app.stop().await;
    }
    sum
}
