//! `kill -9` between every two steps of capture, score, deliver and notify: one process for each failpoint, on data in files.
//!
//! The process dies before or after one call; the next one starts on what the first left, the visitor posts again as a person does who
//! saw an error, and time passes. Then one lead has one handoff, one alert, one notice, and each receiver its messages; nothing is mailed
//! twice that is not marked.
//! `LODESTONE_KILLS=all` takes every failpoint; without it one in twelve.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, ensure};
use serde_json::Value;
use tests::process::{Runner, command, json_of};
use tests::world::demo;

use super::ADA;

/// From one failpoint of an ordinary test run to the next.
const STRIDE: usize = 12;
/// More calls than the path can take.
const MOST: usize = 400;

async fn start(data: &Path, call: usize, when: &str) -> anyhow::Result<Runner> {
    let mut runner = command(env!("CARGO_BIN_EXE_runner-that-dies"));
    runner.arg(data).arg(call.to_string()).arg(when);
    Runner::start(runner).await
}

/// Posts, and answers whether the process lived through all that follows.
async fn lives(runner: &Runner) -> bool {
    runner.submit("demo", &demo(ADA)).await.is_ok() && runner.settle().await.is_ok()
}

/// Dies at one failpoint and comes back. Answers false where the path ended before it.
async fn killed_at(call: usize, when: &str) -> anyhow::Result<bool> {
    let data = tempfile::tempdir()?;
    let runner = start(data.path(), call, when).await?;
    if lives(&runner).await {
        return Ok(false);
    }
    ensure!(runner.ended().await?.code.is_none(), "it was not killed");

    let runner = start(data.path(), 0, when).await?;
    runner.submit("demo", &demo(ADA)).await?;
    runner.settle().await?;
    for _ in 0..3 {
        runner.advance(20 * 60).await?;
        runner.settle().await?;
    }
    check(&runner).await?;
    Ok(true)
}

async fn check(runner: &Runner) -> anyhow::Result<()> {
    let lead = runner.lead(ADA).await?.context("the lead is lost")?;
    let submitted = lead["touchpoints"].as_array().into_iter().flatten();
    let submitted = submitted.filter(|t| t["kind"] == "form_submitted").count();
    ensure!(submitted == 1, "{submitted} submissions");
    ensure!(lead["lead"]["stage"] == "mql", "{}", lead["lead"]["stage"]);
    ensure!(lead["handoffs"].as_array().is_some_and(|h| h.len() == 1));
    let reference = lead["lead"]["lead_id"].as_str().context("lead id")?;
    let mut mails: BTreeMap<String, usize> = BTreeMap::new();
    for mail in runner.mails().await? {
        let item = mail.tags.get("obx").context("a mail without our tag")?;
        *mails.entry(item.clone()).or_default() += 1;
    }
    let items = lead["outbox"].as_array().context("outbox")?;
    for item in items.iter().filter(|i| i["kind"] != "escalation") {
        ensure!(item["state"] == "SENT", "not sent: {item}");
        if item["order"]["channel"].is_null() {
            let id = item["id"].as_str().context("id")?;
            let sent = mails.remove(&format!("{reference}_{id}")).unwrap_or(0);
            // A send whose word died with the process is made once more, and marked.
            let most = if item["possible_duplicate"] == true {
                2
            } else {
                1
            };
            ensure!((1..=most).contains(&sent), "{id} was mailed {sent} times");
        }
    }
    let hooks = json_of(runner.get("/local/hooks")).await?;
    let mut received: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for hook in hooks.as_array().context("hooks")? {
        if let Some(id) = hook["headers"]["webhook-id"].as_str() {
            received.entry(id).or_default().push(&hook["body"]);
        }
    }
    // The notice and the alert; a repeat has the same id and the same bytes.
    ensure!(received.len() == 2, "webhooks: {:?}", received.keys());
    let same = |bodies: &Vec<&Value>| bodies.iter().all(|body| *body == bodies[0]);
    ensure!(received.values().all(same), "a body changed");
    Ok(())
}

fn every() -> bool {
    #[expect(
        clippy::disallowed_methods,
        reason = "how many failpoints a run takes is chosen from outside"
    )]
    std::env::var("LODESTONE_KILLS").is_ok_and(|kills| kills == "all")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_between_any_two_steps_loses_nothing_and_doubles_nothing() -> anyhow::Result<()> {
    let stride = if every() { 1 } else { STRIDE };
    for when in ["before", "after"] {
        let mut killed = 0;
        for call in (1..MOST).step_by(stride) {
            let more = killed_at(call, when)
                .await
                .with_context(|| format!("killed {when} call {call}"))?;
            if !more {
                break;
            }
            killed += 1;
        }
        println!("killed {when} {killed} calls, one in {stride}: nothing lost, nothing twice");
        ensure!(killed >= 3, "hardly any failpoint was met");
    }
    Ok(())
}
