//! Seeded faults over the whole path: nothing lost, nothing twice. `LODESTONE_SCHEDULES=10000` runs more of them.

use std::collections::BTreeSet;

use tests::fault::Fault;
use tests::schedule::run;
use tests::world::World;

/// Schedules of an ordinary test run.
const SCHEDULES: u64 = 1000;
/// Systems that run side by side, each with schedules of its own.
const WORLDS: u64 = 4;

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
    let runs = (0..WORLDS).map(|share| tokio::spawn(share_of(share, total)));
    let mut failed = Vec::new();
    let mut steps = BTreeSet::new();
    let mut met = BTreeSet::new();
    let mut faults = 0;
    for run in runs.collect::<Vec<_>>() {
        let share = run.await.unwrap();
        failed.extend(share.failed);
        steps.extend(share.steps);
        faults += share.faults;
        met.extend(share.met);
    }
    // A mail that the wire doubles is turned into a lost reply: see the injector.
    let expected: BTreeSet<(String, Fault)> = steps
        .iter()
        .flat_map(|s| Fault::ALL.map(|f| (s.clone(), f)))
        .filter(|(s, f)| !(s.contains("SES") && *f == Fault::Duplicate))
        .collect();
    println!(
        "{total} schedules, {faults} faults, {} of {} (step, fault) pairs met, {} failed",
        met.len(),
        expected.len(),
        failed.len()
    );
    assert!(
        failed.is_empty(),
        "{} schedules failed, the first: {:#?}",
        failed.len(),
        &failed[..failed.len().min(5)]
    );
    if total >= SCHEDULES {
        let missing: Vec<_> = expected.difference(&met).collect();
        assert!(missing.is_empty(), "never met: {missing:?}");
    }
}

struct Share {
    failed: Vec<(u64, String)>,
    steps: Vec<String>,
    met: Vec<(String, Fault)>,
    faults: u64,
}

async fn share_of(share: u64, total: u64) -> Share {
    let world = World::unruly(1000 + share).await.unwrap();
    let mut failed = Vec::new();
    for seed in (share..total).step_by(usize::try_from(WORLDS).unwrap()) {
        if let Err(error) = run(&world, seed).await {
            failed.push((seed, format!("{error:#}")));
            world.faults.stop();
        }
    }
    let met = world.faults.met();
    Share {
        failed,
        steps: world.faults.steps().into_keys().collect(),
        faults: met.values().sum(),
        met: met.into_keys().collect(),
    }
}
