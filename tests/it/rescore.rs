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

/// Three people under a model that none of them reaches, then under one that all of them do.
async fn lower_threshold(seed: u64) -> (World, Deps) {
    let world = World::calm(seed).await.unwrap();
    let plain = project("tests/models/plain.toml");
    let low = std::fs::read_to_string(&plain)
        .unwrap()
        .replace("total = 60", "total = 50");
    let folder = tempfile::tempdir().unwrap();
    let lower = folder.path().join("lower.toml");
    std::fs::write(&lower, low).unwrap();
    let in_force = |path| {
        let loaded = load_with_scoring(&project("infra/site"), path).unwrap();
        world.app.runtime().site().unwrap().set(loaded.site);
    };
    in_force(&plain);
    let facts = store(&world);
    for n in 0..3 {
        asks(
            &world,
            &facts,
            &format!("lead-{n}@firm-{n}.com"),
            "none-yet",
            n,
        )
        .await;
    }
    world.settle().await.unwrap();
    in_force(&lower);
    let deps = deps(&world).await;
    (world, deps)
}

async fn stages(world: &World) -> Vec<String> {
    let leads = world.app.core().query().leads().await.unwrap();
    leads
        .iter()
        .map(|l| l["stage"].as_str().unwrap_or_default().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rescore_changes_what_the_model_changes_once_and_tells_nobody() -> anyhow::Result<()> {
    let (world, deps) = lower_threshold(91).await;
    assert_eq!(stages(&world).await, ["lead", "lead", "lead"]);
    let first = run(&deps, SILENT).await;
    assert_eq!((first.leads, first.changed, first.failed), (3, 3, 0));
    world.settle().await?;
    assert_eq!(stages(&world).await, ["mql", "mql", "mql"]);
    assert_eq!(mails(&world), 0, "nobody is told");
    let second = run(&deps, SILENT).await;
    assert_eq!((second.leads, second.changed), (3, 0));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn sales_hears_of_leads_that_qualify_where_that_is_asked_for_and_once() -> anyhow::Result<()>
{
    let (world, deps) = lower_threshold(92).await;
    let told = Options {
        announce: true,
        ..SILENT
    };
    run(&deps, told).await;
    world.settle().await?;
    assert_eq!(mails(&world), 3);
    // The state now knows of its handoff, which is a change of its own; after that there is nothing to write.
    run(&deps, told).await;
    world.settle().await?;
    assert_eq!(run(&deps, told).await.changed, 0);
    world.settle().await?;
    assert_eq!(mails(&world), 3);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rescore_goes_on_where_it_was_stopped() -> anyhow::Result<()> {
    let (world, deps) = lower_threshold(93).await;
    let half = deps.store.scan_leads(None, 1).await?;
    let stopped = half.next.map(|c| c.to_text()).unwrap();
    let model = deps.site.get().model.hash.clone();
    deps.store.put_note("rescore", &model, &stopped).await?;
    let rest = run(&deps, SILENT).await;
    assert!(rest.resumed && rest.leads == 2, "{rest:?}");
    let again = run(&deps, SILENT).await;
    assert_eq!((again.resumed, again.leads, again.changed), (false, 3, 1));
    drop(world);
    Ok(())
}
