//! Seeded fault schedules over the whole path, and the invariants that hold after them.
//!
//! Given a visitor who asks for the guide, downloads it and asks for a visit, while calls fail by the seed, deliveries repeat and leads
//! overtake each other; when the faults end and time passes, then every effect happened, and happened once. A receiver of webhooks that
//! tells repeats by their id has each message once, whatever came over the wire.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use crate::fault::Plan;
use crate::world::{World, demo, guide, link};

/// A visitor of a schedule, after the faults.
pub struct Visit {
    email: String,
    downloaded: bool,
}

/// The part of the schedule of `seed` that happens under faults, for a visitor of its own in `world`.
pub async fn begin(world: &World, seed: u64) -> anyhow::Result<Visit> {
    let email = format!("visitor-{seed}@analytical-engines.com");
    // From a few faults to nearly every call, for as many calls as the path takes.
    let per_mille = [40, 120, 250, 500][usize::try_from(seed % 4)?];
    world.faults.start(Plan {
        seed,
        per_mille,
        calls: 120,
    });
    let visited = visit(world, &email, seed).await;
    world.faults.stop();
    Ok(Visit {
        downloaded: visited?,
        email,
    })
}

async fn visit(world: &World, email: &str, seed: u64) -> anyhow::Result<bool> {
    world.submit_until_taken("guide", &guide(email)).await?;
    world.settle().await?;
    // The mail may not be there yet; what was asked for must come all the same.
    let downloaded = open_download(world, email).await?;
    world.submit_until_taken("demo", &demo(email)).await?;
    // Half of the schedules: it doubles the calls.
    if seed.is_multiple_of(2) {
        together(world, email).await?;
    } else {
        world.settle().await?;
    }
    Ok(downloaded)
}

/// Two more consumers get what waits in the outbox while the streams bring it: whoever claims an item first is the one who acts.
async fn together(world: &World, email: &str) -> anyhow::Result<()> {
    let lead = world.known(email).await?;
    let waiting = lead["outbox"].as_array().into_iter().flatten();
    let records: Vec<Value> = waiting
        .filter(|item| item["state"] == "PENDING")
        .enumerate()
        .map(|(n, item)| {
            let keys = json!({ "lead_id": { "S": item["lead_id"] }, "id": { "S": item["id"] } });
            let change = json!({ "SequenceNumber": n.to_string(), "Keys": keys });
            json!({ "eventSource": "aws:dynamodb", "eventName": "INSERT", "dynamodb": change })
        })
        .collect();
    let batch = json!({ "Records": records });
    let (settled, ..) = tokio::join!(
        world.settle(),
        world.app.call("notify", batch.clone()),
        world.app.call("notify", batch.clone()),
        world.app.call("deliver", batch),
    );
    settled
}

/// Time passes without faults: queues try again after six minutes, unknown sends after fifteen, failed windows after five. Every visitor
/// of the world shares it.
pub async fn recover(world: &World) -> anyhow::Result<()> {
    for _ in 0..6 {
        world.advance(7 * 60).await?;
        world.settle().await?;
    }
    Ok(())
}

/// What the visitor had no chance to do under faults, and then what must hold.
pub async fn finish(world: &World, visit: &Visit) -> anyhow::Result<()> {
    if !visit.downloaded {
        ensure!(
            open_download(world, &visit.email).await?,
            "the magnet mail never came"
        );
        world.settle().await?;
    }
    check(world, &visit.email).await
}

async fn open_download(world: &World, email: &str) -> anyhow::Result<bool> {
    let Some(mail) = world.mails_to(email)?.pop() else {
        return Ok(false);
    };
    let download = link(&mail, "/d/")?;
    for _ in 0..20 {
        let page = world.get(&download).send().await?;
        if page.status() != 200 {
            continue;
        }
        if world
            .open_and_press(&download, &[])
            .await
            .is_ok_and(|answer| answer.status() == 303)
        {
            world.settle().await?;
            return Ok(true);
        }
    }
    Ok(false)
}

async fn check(world: &World, email: &str) -> anyhow::Result<()> {
    let lead = world.known(email).await?;
    let count = |list: &str, name: &str, value: &str| {
        lead[list]
            .as_array()
            .map_or(0, |l| l.iter().filter(|t| t[name] == value).count())
    };
    ensure!(
        count("touchpoints", "kind", "form_submitted") == 2,
        "facts: {}",
        lead["touchpoints"]
    );
    ensure!(
        count("touchpoints", "kind", "magnet_downloaded") >= 1,
        "no download"
    );
    ensure!(
        lead["lead"]["stage"] == "mql" && lead["lead"]["cycle"] == 1,
        "stage: {} {}",
        lead["lead"]["stage"],
        lead["lead"]["cycle"]
    );
    ensure!(
        lead["handoffs"].as_array().is_some_and(|h| h.len() == 1),
        "handoffs"
    );
    let lines: i64 = lead["lead"]["breakdown"]
        .as_array()
        .context("lines")?
        .iter()
        .filter_map(|l| l["points"].as_i64())
        .sum();
    ensure!(
        Some(lines) == lead["lead"]["score"]["total"].as_i64(),
        "lines do not sum"
    );

    let mut hours_away = 0;
    for item in lead["outbox"].as_array().context("outbox")? {
        // A receiver that failed four times is asked again hours later, which is longer than a schedule takes: still promised.
        let tries = item["attempt"].as_u64().unwrap_or_default();
        if item["state"] == "PENDING" && tries >= 4 && item["due_key"].is_string() {
            hours_away += usize::from(item["order"]["channel"] == "crm");
            continue;
        }
        // Reminders and follow-ups are for later days.
        let later = item["order"]["template"] == "reminder" || item["order"]["purpose"].is_string();
        let settled = item["state"] == "SENT" || item["kind"] == "escalation" || later;
        ensure!(settled, "not sent: {item}");
    }
    let reference = lead["lead"]["lead_id"].as_str().context("lead id")?;
    let mut effects: BTreeMap<&str, u32> = BTreeMap::new();
    let mails = world.app.ses().mails()?;
    for mail in mails
        .iter()
        .filter(|m| m.tags.get("obx").is_some_and(|t| t.starts_with(reference)))
    {
        *effects.entry(mail.tags["obx"].as_str()).or_default() += 1;
    }
    // The magnet, the notice and the alert; every send had its events, so none may be doubled.
    ensure!(effects.len() == 3, "effects: {effects:?}");
    ensure!(
        effects.values().all(|n| *n == 1),
        "an effect happened twice: {effects:?}"
    );
    ensure_received(world, reference, hours_away).await?;
    ensure_chain(&lead)
}

/// The receiver of webhooks took each message but those that are tried again later, under one id and with the same bytes each time, and
/// the chat got its line.
async fn ensure_received(world: &World, reference: &str, hours_away: usize) -> anyhow::Result<()> {
    let hooks: Vec<Value> = world.get("/local/hooks").send().await?.json().await?;
    let mut received: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let of_lead = |id: &str| id.starts_with(reference);
    for hook in &hooks {
        let id = hook["headers"]["webhook-id"].as_str().unwrap_or_default();
        let body = hook["body"].as_str().context("a body")?;
        if of_lead(id) {
            received.entry(id).or_default().insert(body);
        }
    }
    // The notice of the visit and the alert; the guide tells nobody.
    ensure!(
        received.len() <= 2 && received.len() + hours_away >= 2,
        "webhooks: {:?}",
        received.keys()
    );
    ensure!(
        received.values().all(|bodies| bodies.len() == 1),
        "a webhook changed between attempts: {:?}",
        received.keys()
    );
    ensure!(
        hooks.iter().any(|h| h["name"] == "team-chat"),
        "the chat heard nothing"
    );
    Ok(())
}

/// Consent entries are numbered without a gap.
fn ensure_chain(lead: &Value) -> anyhow::Result<()> {
    let numbers: Vec<u64> = lead["consents"]
        .as_array()
        .context("consents")?
        .iter()
        .filter_map(|c| c["n"].as_u64())
        .collect();
    let expected: Vec<u64> = (1..=numbers.len() as u64).collect();
    ensure!(numbers == expected, "consents: {numbers:?}");
    Ok(())
}
