//! What lapses: a person who asked by mail and never clicked is forgotten after seven days.

use tests::world::{World, demo, guide, link};

const ADA: &str = "ada@analytical-engines.com";

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
    assert!(world.lead(ADA).await?.is_none());
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
