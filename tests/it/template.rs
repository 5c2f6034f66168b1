//! The template is the truth: the runner does what it says, and it and the code agree.

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use lodestone::app::Options;
use shared::runtime::Clock;
use tests::project;
use tests::world::{START, World, demo, guide, link};

const ADA: &str = "ada@analytical-engines.com";

fn template() -> String {
    std::fs::read_to_string(project("infra/template.yaml")).unwrap()
}

/// A system by a changed copy of the template.
async fn world_with(
    seed: u64,
    change: impl Fn(String) -> String,
) -> anyhow::Result<(World, tempfile::TempDir)> {
    let folder = tempfile::tempdir()?;
    let path: PathBuf = folder.path().join("template.yaml");
    let changed = change(template());
    assert_ne!(changed, template(), "the change found nothing to change");
    std::fs::write(&path, changed)?;
    let options = Options::step(seed, Clock::from_fn(|| START), project("infra/site"), path);
    Ok((World::start(options).await?, folder))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_that_is_not_in_the_template_is_not_there() -> anyhow::Result<()> {
    let change = |t: String| t.replace("Path: \"/d/{token}\"", "Path: \"/download/{token}\"");
    let (world, _folder) = world_with(71, change).await?;
    world.submit_until_taken("guide", &guide(ADA)).await?;
    world.settle().await?;
    let answer = world
        .get(&link(&world.mails_to(ADA)?[0], "/d/")?)
        .send()
        .await?;
    assert_eq!(
        (answer.status().as_u16(), answer.text().await?.as_str()),
        (404, "{\"message\":\"Not Found\"}")
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn evt_13_with_no_outbox_record_passing_the_filters_the_tick_alone_delivers()
-> anyhow::Result<()> {
    let change = |t: String| {
        t.replace(
            "\"reader\":{\"S\":[\"deliver\"]}",
            "\"reader\":{\"S\":[\"nobody\"]}",
        )
        .replace(
            "\"reader\":{\"S\":[\"notify\"]}",
            "\"reader\":{\"S\":[\"nobody\"]}",
        )
    };
    let (world, _folder) = world_with(72, change).await?;
    world.submit_until_taken("guide", &guide(ADA)).await?;
    world.submit_until_taken("demo", &demo(ADA)).await?;
    world.settle().await?;
    assert!(
        world.app.ses().mails()?.is_empty(),
        "the stream brought it all the same"
    );
    world.advance(180).await?;
    world.settle().await?;
    assert_eq!(world.mails_to(ADA)?.len(), 1);
    assert_eq!(
        world.mails_to("mira.devries@aldermoor.example")?.len(),
        2,
        "the notice and the alert"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn evt_6_with_all_filters_removed_the_system_still_comes_to_rest() -> anyhow::Result<()> {
    let change = |t: String| {
        let mut kept = Vec::new();
        let mut skip = 0;
        for line in t.lines() {
            if line.trim() == "FilterCriteria:" {
                skip = 2;
            } else if skip > 0
                && (line.trim() == "Filters:" || line.trim().starts_with("- Pattern:"))
            {
                skip -= 1;
            } else {
                kept.push(line);
            }
        }
        kept.join("\n")
    };
    let (world, _folder) = world_with(73, change).await?;
    crate::whole_path::become_mql(&world, ADA).await?;
    assert_eq!(world.known(ADA).await?["lead"]["stage"], "mql");
    let invocations = world
        .app
        .core()
        .pumps()
        .context()
        .delivered
        .load(Ordering::Relaxed);
    // Three requests, and two events for each of three mails.
    let from_outside = 3 + 2 * 3;
    assert!(
        invocations <= 4 * from_outside,
        "{invocations} invocations for {from_outside} writes from outside"
    );
    Ok(())
}
