//! What the mail service says: bounces and complaints suppress, an unknown send is settled or sent once more.

use lodestone::ses::{Fault, FaultKind, Happening};
use tests::world::{World, guide};

use crate::whole_path::become_mql;

const ADA: &str = "ada@analytical-engines.com";

fn fault(kind: FaultKind, count: u32) -> Fault {
    Fault {
        kind,
        count,
        error: None,
        message: None,
        hold_ms: 0,
    }
}

async fn state(world: &World, kind: &str) -> anyhow::Result<(String, u64, bool)> {
    let lead = world.app.core().query().by_email(ADA).await?.unwrap();
    let outbox = lead["outbox"].as_array().unwrap();
    let item = outbox.iter().find(|o| o["kind"] == kind).unwrap();
    let duplicate = item["possible_duplicate"].as_bool().unwrap_or_default();
    Ok((
        item["state"].as_str().unwrap().to_owned(),
        item["attempt"].as_u64().unwrap(),
        duplicate,
    ))
}

#[tokio::test(flavor = "multi_thread")]
async fn ses_4_a_hard_bounce_and_a_complaint_stop_all_mail_and_stand_against_later_events()
-> anyhow::Result<()> {
    for (happening, expected) in [
        (Happening::Bounce, "bounced"),
        (Happening::Complaint, "complained"),
    ] {
        let world = World::calm(41).await?;
        world.submit_until_taken("guide", &guide(ADA)).await?;
        world.settle().await?;
        let mail = world.mails_to(ADA)?.pop().unwrap();
        assert!(world.app.ses().play(happening, &mail.id, None).await?);
        world.settle().await?;
        assert_eq!(world.known(ADA).await?["lead"]["reachability"], expected);
        // A late delivery event undoes nothing.
        world
            .app
            .ses()
            .play(Happening::Delivery, &mail.id, None)
            .await?;
        world.settle().await?;
        assert_eq!(world.known(ADA).await?["lead"]["reachability"], expected);

        world.advance(3600).await?;
        world.submit_until_taken("guide", &guide(ADA)).await?;
        world.settle().await?;
        assert_eq!(world.mails_to(ADA)?.len(), 1);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn ses_4_a_bounce_of_the_alert_says_nothing_about_the_lead() -> anyhow::Result<()> {
    let world = World::calm(42).await?;
    become_mql(&world, ADA).await?;
    let alert = world
        .mails_to("mira.devries@aldermoor.example")?
        .pop()
        .unwrap();
    world
        .app
        .ses()
        .play(Happening::Bounce, &alert.id, None)
        .await?;
    world.settle().await?;
    assert_eq!(world.known(ADA).await?["lead"]["reachability"], "confirmed");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn evt_11_a_send_whose_reply_was_lost_is_settled_by_its_event_and_not_sent_again()
-> anyhow::Result<()> {
    let world = World::calm(43).await?;
    world.app.ses().order_fault(fault(FaultKind::LoseReply, 1));
    world.submit_until_taken("guide", &guide(ADA)).await?;
    world.settle().await?;
    world.advance(3600).await?;
    assert_eq!(world.mails_to(ADA)?.len(), 1);
    assert_eq!(state(&world, "mail").await?, ("SENT".into(), 1, false));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn evt_11_a_send_that_never_arrived_goes_out_once_more_after_fifteen_minutes_marked()
-> anyhow::Result<()> {
    let world = World::calm(44).await?;
    world.app.ses().order_fault(fault(FaultKind::Timeout, 1));
    world.submit_until_taken("guide", &guide(ADA)).await?;
    world.settle().await?;
    assert_eq!(state(&world, "mail").await?, ("UNKNOWN".into(), 1, false));
    world.advance(14 * 60).await?;
    assert!(world.mails_to(ADA)?.is_empty());
    world.advance(3 * 60).await?;
    assert_eq!(world.mails_to(ADA)?.len(), 1);
    assert_eq!(state(&world, "mail").await?, ("SENT".into(), 2, true));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn evt_10_a_throttled_send_waits_and_a_refused_one_is_given_up_with_its_reason()
-> anyhow::Result<()> {
    let world = World::calm(45).await?;
    world.app.ses().order_fault(fault(FaultKind::Throttle, 2));
    world.submit_until_taken("guide", &guide(ADA)).await?;
    world.settle().await?;
    assert_eq!(state(&world, "mail").await?.0, "PENDING");
    world.advance(600).await?;
    assert_eq!(state(&world, "mail").await?, ("SENT".into(), 3, false));

    let world = World::calm(46).await?;
    world.app.ses().order_fault(fault(FaultKind::Refuse, 1));
    world.submit_until_taken("guide", &guide(ADA)).await?;
    world.settle().await?;
    assert_eq!(state(&world, "mail").await?.0, "DEAD");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn ses_6_mail_over_the_quota_of_the_day_is_parked_by_the_hour_and_not_given_up()
-> anyhow::Result<()> {
    let world = World::calm(44).await?;
    let full = serde_json::json!({
        "kind": "throttle", "count": 20, "message": "Daily message quota exceeded.",
    });
    world.app.ses().order_fault(serde_json::from_value(full)?);
    world.submit_until_taken("guide", &guide(ADA)).await?;
    world.settle().await?;
    // More refusals than a throttled mail survives.
    world.advance(18 * 3600).await?;
    let (state_then, attempts, _) = state(&world, "mail").await?;
    assert_eq!(state_then, "PENDING");
    assert!(
        (18..=19).contains(&attempts),
        "{attempts} attempts in 18 hours"
    );
    world.advance(5 * 3600).await?;
    assert_eq!(state(&world, "mail").await?.0, "SENT");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn evt_12_one_send_is_one_request_on_a_time_out_and_on_a_server_error() -> anyhow::Result<()>
{
    for (seed, kind) in [
        (47, FaultKind::Timeout),
        (48, FaultKind::Error500),
        (49, FaultKind::LoseReply),
    ] {
        let world = World::calm(seed).await?;
        world.app.ses().order_fault(fault(kind, 1));
        world.submit_until_taken("guide", &guide(ADA)).await?;
        world.settle().await?;
        assert_eq!(
            world.faults.steps().get("deliver SES.SendEmail"),
            Some(&1),
            "{kind:?}"
        );
    }
    Ok(())
}
