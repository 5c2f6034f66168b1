//! The same thing again changes nothing: posts, deliveries, presses.

use tests::world::{World, demo, guide, link};

use crate::whole_path::become_mql;

const ADA: &str = "ada@analytical-engines.com";

#[tokio::test(flavor = "multi_thread")]
async fn evt_15_the_same_posts_again_within_ten_minutes_make_no_second_mail_of_either_kind()
-> anyhow::Result<()> {
    // Every stream record may come twice, and leads overtake each other.
    let world = World::unruly(11).await?;
    become_mql(&world, ADA).await?;
    let before = world.app.ses().mails()?.len();
    let facts = world.known(ADA).await?["touchpoints"]
        .as_array()
        .unwrap()
        .len();

    let first = world.submit_until_taken("guide", &guide(ADA)).await?;
    let second = world.submit_until_taken("guide", &guide(ADA)).await?;
    assert_eq!(first, second);
    world.submit_until_taken("demo", &demo(ADA)).await?;
    world.settle().await?;
    assert_eq!(world.app.ses().mails()?.len(), before);
    assert_eq!(
        world.known(ADA).await?["touchpoints"]
            .as_array()
            .unwrap()
            .len(),
        facts
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn evt_15_the_same_post_long_after_is_kept_as_a_submission_of_its_own() -> anyhow::Result<()>
{
    let world = World::calm(12).await?;
    let first = world.submit_until_taken("guide", &guide(ADA)).await?;
    world.advance(601).await?;
    let later = world.submit_until_taken("guide", &guide(ADA)).await?;
    world.advance(1000).await?;
    let latest = world.submit_until_taken("guide", &guide(ADA)).await?;
    world.advance(30).await?;
    let repeat = world.submit_until_taken("guide", &guide(ADA)).await?;
    assert!(first != later && later != latest && first != latest);
    assert_eq!(repeat, latest);
    world.settle().await?;
    let submissions = world.known(ADA).await?["touchpoints"]
        .as_array()
        .unwrap()
        .clone();
    assert_eq!(
        submissions
            .iter()
            .filter(|t| t["kind"] == "form_submitted")
            .count(),
        3
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn evt_15_a_client_key_makes_a_repeat_recognisable_and_is_refused_for_other_content()
-> anyhow::Result<()> {
    let world = World::calm(13).await?;
    let post = |pairs: Vec<(&'static str, &'static str)>| {
        world
            .post("/f/guide")
            .header("Accept", "application/json")
            .header("Idempotency-Key", "k-1")
            .form(&pairs)
            .send()
    };
    let first: serde_json::Value = post(guide(ADA)).await?.json().await?;
    world.advance(3600).await?;
    let again: serde_json::Value = post(guide(ADA)).await?.json().await?;
    assert_eq!(first["id"], again["id"]);
    let mut other = guide(ADA);
    other[1] = ("first_name", "Augusta");
    assert_eq!(post(other.clone()).await?.status(), 409);
    world.advance(24 * 3600).await?;
    assert_eq!(
        post(other).await?.status(),
        200,
        "a key is good for a day, and nothing is lost after it"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn tok_6_pressing_download_twice_counts_once() -> anyhow::Result<()> {
    let world = World::calm(14).await?;
    world.submit_until_taken("guide", &guide(ADA)).await?;
    world.settle().await?;
    let download = link(&world.mails_to(ADA)?[0], "/d/")?;
    for _ in 0..2 {
        assert_eq!(world.open_and_press(&download, &[]).await?.status(), 303);
        world.settle().await?;
    }
    let facts = world.known(ADA).await?["touchpoints"]
        .as_array()
        .unwrap()
        .clone();
    assert_eq!(
        facts
            .iter()
            .filter(|t| t["kind"] == "magnet_downloaded")
            .count(),
        1
    );
    Ok(())
}
