//! Rescore: a changed model reaches leads that nobody touches, and tells sales only when asked to.

use std::sync::atomic::AtomicU64;

use lodestone::rescore::{self, Options, Sums};
use score::Deps;
use shared::site::source::load_with_scoring;
use tests::project;
use tests::world::World;

use crate::replay::{asks, store};

const SILENT: Options = Options {
    announce: false,
    pace: None,
    from_start: false,
};

async fn deps(world: &World) -> Deps {
    let model = &world.app.core().stack().model;
    let variable = |name: &str| {
        let mut functions = model.functions.iter();
        functions.find_map(|f| f.environment.get(name).cloned())
    };
    Deps::build(world.app.runtime(), &variable).await.unwrap()
}

async fn run(deps: &Deps, options: Options) -> Sums {
    rescore::run(deps, options, &AtomicU64::new(0))
        .await
        .unwrap()
}

fn mails(world: &World) -> usize {
    world.app.ses().mails().unwrap().len()
}

/// Three people under a model that nobody can reach, then a model that all of them reach.
async fn lower_threshold(seed: u64) -> (World, Deps) {
    let world = World::calm(seed).await.unwrap();
    let high = std::fs::read_to_string(project("tests/models/plain.toml"))
        .unwrap()
        .replace("total = 60", "total = 70");
    let folder = tempfile::tempdir().unwrap();
    let (before, after) = (
        folder.path().join("high.toml"),
        project("tests/models/plain.toml"),
    );
    std::fs::write(&before, high).unwrap();
    let model = |path| {
        let site = load_with_scoring(&project("infra/site"), path)
            .unwrap()
            .site;
        world.app.runtime().site().unwrap().set(site);
    };
    model(&before);
    let facts = store(&world);
    for n in 0..3 {
        // 70 points with a budget, 55 without: two of three would not qualify under either.
        let budget = if n == 0 { "none-yet" } else { "over-1m" };
        asks(&world, &facts, &format!("lead-{n}@firm-{n}.com"), budget, n).await;
    }
    model(&before);
    world.settle().await.unwrap();
    model(&after);
    (world, deps(&world).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rescore_changes_what_the_model_changes_once_and_tells_nobody() -> anyhow::Result<()> {
    let (world, deps) = lower_threshold(91).await;
    let before = mails(&world);
    let first = run(&deps, SILENT).await;
    assert_eq!((first.leads, first.changed, first.failed), (3, 3, 0));
    world.settle().await?;
    let leads = world.app.core().query().leads().await?;
    assert!(
        leads
            .iter()
            .all(|l| l["model_hash"] == deps.site.get().model.hash.as_str())
    );
    assert_eq!(mails(&world), before, "nobody is told");
    let second = run(&deps, SILENT).await;
    assert_eq!((second.leads, second.changed), (3, 0));
    Ok(())
}
