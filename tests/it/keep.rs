//! What lapses: a person who asked by mail and never clicked is forgotten after seven days.

use lodestone::app::Options;
use shared::runtime::Clock;
use tests::project;
use tests::world::{START, World, demo, guide, link};

const ADA: &str = "ada@analytical-engines.com";

/// Whether nothing is kept any more, shown or not.
async fn is_gone(world: &World, email: &str) -> anyhow::Result<bool> {
    let query = world.app.core().query();
    let id = query.lead_id(email).unwrap();
    Ok(query.by_id(&id).await?.is_none())
}

async fn days(world: &World, n: u32) -> anyhow::Result<()> {
    world.advance(n * 86_400).await?;
    world.settle().await
}

#[tokio::test(flavor = "multi_thread")]
async fn law_7_a_person_who_never_clicked_is_forgotten_after_seven_days() -> anyhow::Result<()> {
    let world = World::calm(61).await?;
    world.submit_until_taken("guide", &guide(ADA)).await?;
    world.settle().await?;
    days(&world, 6).await?;
    assert!(world.lead(ADA).await?.is_some());
    days(&world, 3).await?;
    assert!(is_gone(&world, ADA).await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn law_7_forgetting_that_is_cut_off_anywhere_is_finished_on_the_next_day()
-> anyhow::Result<()> {
    let mut cut_off_between = 0;
    for (seed, calls) in (640..).zip((3..27).step_by(2)) {
        let world = World::calm(seed).await?;
        world.submit_until_taken("guide", &guide(ADA)).await?;
        world.settle().await?;
        days(&world, 7).await?;
        world.faults.kill_after("keep", calls);
        // Its tick comes once a day.
        days(&world, 1).await?;
        let was_cut_off = world.faults.revive("keep");
        let id = world.app.core().query().lead_id(ADA).unwrap();
        let left = world.app.core().query().by_id(&id).await?;
        cut_off_between +=
            u32::from(was_cut_off && left.is_some_and(|left| left["lead"].is_null()));
        days(&world, 2).await?;
        assert!(is_gone(&world, ADA).await?, "cut off after {calls} calls");
    }
    assert!(cut_off_between > 1, "never cut off between state and facts");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_clicked_or_who_asked_for_a_visit_stays() -> anyhow::Result<()> {
    let world = World::calm(62).await?;
    let grace = "grace@analytical-engines.com";
    world.submit_until_taken("guide", &guide(ADA)).await?;
    world.submit_until_taken("demo", &demo(grace)).await?;
    world.settle().await?;
    world
        .open_and_press(&link(&world.mails_to(ADA)?[0], "/d/")?, &[])
        .await?;
    days(&world, 30).await?;
    assert!(world.lead(ADA).await?.is_some() && world.lead(grace).await?.is_some());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn leaving_outlives_being_forgotten() -> anyhow::Result<()> {
    let world = World::calm(63).await?;
    world.submit_until_taken("guide", &guide(ADA)).await?;
    world.settle().await?;
    let leave = link(&world.mails_to(ADA)?[0], "/u/")?;
    world
        .press(&leave)
        .body("List-Unsubscribe=One-Click")
        .send()
        .await?;
    days(&world, 30).await?;
    world.submit_until_taken("guide", &guide(ADA)).await?;
    world.settle().await?;
    let mails = world.mails_to(ADA)?;
    assert_eq!(mails.len(), 2);
    assert!(
        mails[1]
            .text
            .contains("You once asked us to send no more mail")
            && mails[1].links.iter().all(|l| !l.contains("/d/")),
        "only the question whether it was them: {}",
        mails[1].text
    );
    Ok(())
}

/// A system whose forms keep what they take in for as long as this says.
async fn keeping(seed: u64, retention: &str) -> anyhow::Result<(World, tempfile::TempDir)> {
    let site = tempfile::tempdir()?;
    tests::copy_site(site.path())?;
    for form in ["guide", "demo"] {
        let path = site.path().join(format!("forms/{form}.toml"));
        let text = std::fs::read_to_string(&path)?;
        std::fs::write(&path, format!("{text}\n[retention]\n{retention}\n"))?;
    }
    let clock = Clock::from_fn(|| START);
    let folder = site.path().to_owned();
    let options = Options::step(seed, clock, folder, project("infra/template.yaml"));
    Ok((World::start(options).await?, site))
}

#[tokio::test(flavor = "multi_thread")]
async fn law_7_a_form_says_how_long_a_person_has_to_click() -> anyhow::Result<()> {
    let (world, _site) = keeping(64, "unconfirmed_days = 20").await?;
    world.submit_until_taken("guide", &guide(ADA)).await?;
    world.settle().await?;
    days(&world, 19).await?;
    assert!(world.lead(ADA).await?.is_some());
    days(&world, 3).await?;
    assert!(is_gone(&world, ADA).await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn law_7_who_did_nothing_for_the_months_that_a_form_says_is_forgotten() -> anyhow::Result<()>
{
    let (world, _site) = keeping(65, "inactive_months = 2").await?;
    let grace = "grace@analytical-engines.com";
    crate::whole_path::become_mql(&world, ADA).await?;
    world.submit_until_taken("demo", &demo(grace)).await?;
    world.settle().await?;
    days(&world, 40).await?;
    // One of them comes back.
    world.submit_until_taken("demo", &demo(grace)).await?;
    world.settle().await?;
    days(&world, 24).await?;
    assert!(is_gone(&world, ADA).await?, "62 days are over");
    assert!(world.lead(grace).await?.is_some());
    days(&world, 40).await?;
    assert!(is_gone(&world, grace).await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn law_7_what_is_over_is_shown_by_nothing_though_nobody_has_deleted_it_yet()
-> anyhow::Result<()> {
    let (world, _site) = keeping(66, "unconfirmed_days = 7").await?;
    world.submit_until_taken("guide", &guide(ADA)).await?;
    world.settle().await?;
    let query = world.app.core().query();
    let id = query.lead_id(ADA).unwrap();
    let shown = |now: i64| async move {
        let query = query.at(now);
        let listed = query.leads().await?.len();
        anyhow::Ok((query.by_email(ADA).await?.is_some(), listed))
    };
    let end = START.plus_days(7).0;
    assert_eq!(shown(end - 1).await?, (true, 1));
    assert_eq!(shown(end).await?, (false, 0));
    // An operator who hands out or erases sees what is there.
    assert!(query.by_id(&id).await?.is_some());
    Ok(())
}
