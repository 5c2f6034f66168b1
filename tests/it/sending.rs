//! Mails to leads as a whole: they keep under the account's rate and quota, and pause themselves before the account loses its name.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use aws_smithy_async::rt::sleep::{AsyncSleep, SharedAsyncSleep, Sleep, TokioSleep};
use lodestone::app::Options;
use lodestone::sending::{Act, as_json, change};
use lodestone::ses::{Fault, FaultKind};
use serde_json::{Value, json};
use shared::domain::time::Timestamp;
use shared::runtime::Clock;
use tests::project;
use tests::world::{START, World, demo, guide, link};

use crate::feedback_events::{event, hear};

const ADA: &str = "ada@analytical-engines.com";
const MIRA: &str = "mira.devries@aldermoor.example";

fn visitor(n: usize) -> String {
    format!("visitor-{n}@analytical-engines.com")
}

async fn mailed(world: &World, numbers: std::ops::Range<usize>) -> anyhow::Result<()> {
    for n in numbers {
        world
            .submit_until_taken("guide", &guide(&visitor(n)))
            .await?;
    }
    world.settle().await
}

/// An event of the mail service about the mail of a visitor.
async fn about(world: &World, name: &str, n: usize) -> anyhow::Result<Value> {
    let item = world.known(&visitor(n)).await?["outbox"][0].clone();
    let text = event(name, &item).to_string();
    let text = text
        .replace(ADA, &visitor(n))
        .replace("EXAMPLE", &format!("EXAMPLE{n}"));
    Ok(serde_json::from_str(&text)?)
}

async fn status(world: &World) -> anyhow::Result<Value> {
    Ok(as_json(&world.store()?.sending().await?, START))
}

fn told(world: &World) -> anyhow::Result<usize> {
    let mails = world.mails_to(MIRA)?;
    Ok(mails
        .iter()
        .filter(|m| m.subject == "Mails to leads are paused")
        .count())
}

async fn lift(world: &World, id: &str) -> anyhow::Result<bool> {
    change(
        &world.store()?,
        Act::Lift,
        "a bought list; it is gone",
        id,
        START,
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn ses_6_complaints_pause_mails_to_leads_in_any_order_and_repeated_and_alerts_go_on()
-> anyhow::Result<()> {
    let world = World::calm(501).await?;
    mailed(&world, 0..6).await?;
    let first = about(&world, "complaint-abuse", 0).await?;
    // One complaint, three times, beside events that are none.
    let harmless = about(&world, "complaint-not-spam", 1).await?;
    let soft = about(&world, "bounce-transient-general", 2).await?;
    hear(&world, &[first.clone(), soft, first.clone(), harmless]).await;
    hear(&world, std::slice::from_ref(&first)).await;
    world.settle().await?;
    let sample = &status(&world).await?["sample"];
    assert_eq!(
        sample,
        &json!({"mails": 6, "complaints": 1, "hard_bounces": 0})
    );
    assert_eq!(told(&world)?, 0);

    // The second one comes before the word that its mail was delivered.
    let second = about(&world, "complaint-abuse", 3).await?;
    let late = about(&world, "delivery", 3).await?;
    hear(&world, &[second.clone(), late, first, second]).await;
    world.settle().await?;
    assert_eq!(
        status(&world).await?["reason"],
        "2 complaints in the last 6 mails"
    );
    assert_eq!(told(&world)?, 1, "the operator is told once");

    // Whoever asks now waits, and sales goes on.
    mailed(&world, 10..14).await?;
    world.submit_until_taken("demo", &demo(ADA)).await?;
    world.advance(3 * 3600).await?;
    for n in 10..14 {
        assert!(
            world.mails_to(&visitor(n))?.is_empty(),
            "mailed while paused"
        );
        assert_eq!(
            world.known(&visitor(n)).await?["outbox"][0]["state"],
            "PENDING"
        );
    }
    assert!(
        world.mails_to(MIRA)?.len() > 1,
        "the notice of the demo did not go out"
    );

    // Lifted: each goes out, once.
    assert!(lift(&world, "op_1").await?);
    assert!(!lift(&world, "op_2").await?, "nothing is left to lift");
    world.advance(3 * 3600).await?;
    for n in 10..14 {
        assert_eq!(world.mails_to(&visitor(n))?.len(), 1);
    }
    assert!(
        world.mails_to(&visitor(0))?.len() == 1,
        "who complained gets nothing more"
    );
    assert_eq!(told(&world)?, 1);
    let trace = world.store()?.audits_of("mails to leads").await?;
    assert_eq!(trace.len(), 1);
    assert_eq!(trace[0]["reason"], "a bought list; it is gone");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn ses_6_the_tenth_hard_bounce_of_a_small_sample_pauses_and_a_lift_begins_anew()
-> anyhow::Result<()> {
    let world = World::calm(502).await?;
    mailed(&world, 0..12).await?;
    let mut events = Vec::new();
    for n in 0..12 {
        let name = if n % 2 == 0 {
            "bounce-permanent-general"
        } else {
            "bounce-permanent-no-email"
        };
        events.push(about(&world, name, n).await?);
    }
    // What our own list at the mail service made it not send, is no bounce.
    events.push(about(&world, "bounce-permanent-own-list", 11).await?);
    let ninth: Vec<Value> = events[3..11]
        .iter()
        .rev()
        .chain(&events[4..9])
        .chain(&events[12..])
        .cloned()
        .collect();
    hear(&world, &ninth).await;
    assert_eq!(status(&world).await?["sample"]["hard_bounces"], 8);
    assert_eq!(status(&world).await?["paused"], false);
    hear(&world, &events[..2]).await;
    world.settle().await?;
    assert_eq!(
        status(&world).await?["reason"],
        "10 addresses that do not exist in the last 12 mails"
    );
    assert_eq!(told(&world)?, 1);
    assert!(lift(&world, "op_1").await?);
    hear(&world, &events).await;
    assert_eq!(
        status(&world).await?["paused"],
        false,
        "a repeated event paused again"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn ses_6_an_operator_pauses_with_a_reason_and_a_mail_whose_fate_is_unknown_waits_too()
-> anyhow::Result<()> {
    let world = World::calm(503).await?;
    world.app.ses().order_fault(Fault {
        kind: FaultKind::Timeout,
        count: 1,
        error: None,
        message: None,
        hold_ms: 0,
    });
    mailed(&world, 0..1).await?;
    let store = world.store()?;
    assert!(
        change(&store, Act::Pause, "  ", "op_0", START)
            .await
            .is_err()
    );
    assert!(
        change(
            &store,
            Act::Pause,
            "ada@analytical-engines.com",
            "op_0",
            START
        )
        .await
        .is_err()
    );
    assert!(
        change(
            &store,
            Act::Pause,
            "a wrong link in the mail",
            "op_1",
            START
        )
        .await?
    );
    assert_eq!(
        status(&world).await?["reason"],
        "paused by hand: a wrong link in the mail"
    );
    world.advance(6 * 3600).await?;
    assert!(
        world.mails_to(&visitor(0))?.is_empty(),
        "resent while paused"
    );
    assert!(lift(&world, "op_2").await?);
    world.advance(2 * 3600).await?;
    assert_eq!(world.mails_to(&visitor(0))?.len(), 1);
    Ok(())
}

/// Waiting moves the clock and takes no time.
#[derive(Debug)]
struct MovesTheClock(Arc<AtomicI64>);

impl AsyncSleep for MovesTheClock {
    fn sleep(&self, duration: Duration) -> Sleep {
        // The time-outs of the client, and its look at a stalled upload.
        if duration >= Duration::from_secs(4) || duration == Duration::from_millis(100) {
            return TokioSleep::new().sleep(duration);
        }
        let ms = i64::try_from(duration.as_millis()).unwrap();
        self.0.fetch_add(ms, Ordering::SeqCst);
        Sleep::new(async {})
    }
}

/// A system with these limits of the template's parameters.
async fn limited(seed: u64, limits: &[(&str, &str)]) -> anyhow::Result<(World, Arc<AtomicI64>)> {
    let now = Arc::new(AtomicI64::new(START.0));
    let base = Arc::clone(&now);
    let clock = Clock::from_fn(move || Timestamp(base.load(Ordering::SeqCst)));
    let mut options = Options::step(
        seed,
        clock,
        project("infra/site"),
        project("infra/template.yaml"),
    );
    options.parameters = limits
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let moves = SharedAsyncSleep::new(MovesTheClock(Arc::clone(&now)));
    options.adjust_aws = Some(Box::new(move |aws| aws.with_sleep(moves)));
    Ok((World::start(options).await?, now))
}

#[tokio::test(flavor = "multi_thread")]
async fn ses_6_two_senders_at_once_keep_under_the_accounts_rate_and_lose_nothing()
-> anyhow::Result<()> {
    const RATE: usize = 10;
    let (world, now) = limited(504, &[("MaxSendRate", "10")]).await?;
    for n in 0..80 {
        world
            .submit_until_taken("guide", &guide(&visitor(n)))
            .await?;
    }
    // No stream: two ticks at the same time find everything due, minute after minute.
    for _ in 0..3 {
        now.fetch_add(61_000, Ordering::SeqCst);
        let tick = || world.app.call("deliver", json!({ "tick": "minute" }));
        tokio::join!(tick(), tick());
    }
    world.settle().await?;
    let mut times: Vec<i64> = Vec::new();
    for n in 0..80 {
        let mails = world.mails_to(&visitor(n))?;
        assert_eq!(mails.len(), 1, "visitor {n}");
        times.push(Timestamp::parse(&mails[0].at).unwrap().0);
    }
    times.sort_unstable();
    let busiest = (0..times.len())
        .map(|n| {
            times[n..]
                .iter()
                .take_while(|t| **t < times[n] + 1_000)
                .count()
        })
        .max()
        .unwrap();
    assert!(busiest <= RATE, "{busiest} mails in one second");
    let record = world.store()?.sending().await?;
    assert_eq!(record.total, 80);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn ses_6_what_is_over_the_quota_of_a_day_waits_until_the_hours_move_on() -> anyhow::Result<()>
{
    let (world, _now) = limited(505, &[("DailySendQuota", "20")]).await?;
    mailed(&world, 0..25).await?;
    let sent = |world: &World| -> anyhow::Result<usize> { Ok(world.mails_to("visitor-")?.len()) };
    // 98 % of 20, and the rest is for alerts.
    assert_eq!(sent(&world)?, 19);
    assert!(world.store()?.sending().await?.warned_at.is_some());
    world.advance(20 * 3600).await?;
    assert_eq!(sent(&world)?, 19);
    world.submit_until_taken("demo", &demo(ADA)).await?;
    world.settle().await?;
    assert!(!world.mails_to(MIRA)?.is_empty(), "sales hears nothing");
    world.advance(8 * 3600).await?;
    assert_eq!(sent(&world)?, 25);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn frm_4_one_domain_gets_so_many_unproved_mails_an_hour_and_the_others_come_in_the_next_hours()
-> anyhow::Result<()> {
    let (world, _now) = limited(506, &[("DomainMailsPerHour", "4")]).await?;
    let sent = || -> anyhow::Result<usize> { Ok(world.mails_to("visitor-")?.len()) };
    mailed(&world, 0..10).await?;
    assert_eq!(sent()?, 4);
    // Another domain has an hour of its own, and whoever proved an address does not count.
    world
        .submit_until_taken("guide", &guide("grace@other-engines.com"))
        .await?;
    world.settle().await?;
    assert_eq!(world.mails_to("grace@other-engines.com")?.len(), 1);
    let mail = world.mails_to("visitor-")?.remove(0);
    let proved = mail.to[0].clone();
    world.open_and_press(&link(&mail, "/d/")?, &[]).await?;
    world.advance(16 * 60).await?;
    world.submit_until_taken("guide", &guide(&proved)).await?;
    world.settle().await?;
    assert_eq!(world.mails_to(&proved)?.len(), 2);
    assert_eq!(sent()?, 5);

    world.advance(3600).await?;
    assert_eq!(sent()?, 9);
    world.advance(3600).await?;
    assert_eq!(sent()?, 11, "nothing is lost");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn frm_4_a_mail_that_waited_a_day_for_its_domain_is_let_go_and_says_so() -> anyhow::Result<()>
{
    let (world, _now) = limited(507, &[("DomainMailsPerHour", "1")]).await?;
    mailed(&world, 0..30).await?;
    for _ in 0..26 {
        world.advance(3600).await?;
    }
    let mut reasons = BTreeMap::new();
    for n in 0..30 {
        let item = world.known(&visitor(n)).await?["outbox"][0].clone();
        let told = item["reason"].as_str().unwrap_or("sent").to_owned();
        *reasons.entry(told).or_insert(0) += 1;
    }
    let limited = "limited: too many mails to one domain for a day";
    assert!(reasons["sent"] >= 24, "{reasons:?}");
    assert_eq!(reasons["sent"] + reasons[limited], 30, "{reasons:?}");
    Ok(())
}
