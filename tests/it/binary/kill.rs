//! `kill -9` in the middle of things: what was answered is kept, what was asked for is mailed, and nothing is mailed twice unmarked.
//!
//! A kill falls where a count of answers or a mail says, never after so many seconds. What a client was not answered it posts again
//! after the restart, as a person does who sees an error.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use anyhow::{Context as _, ensure};
use reqwest::Client;
use serde_json::{Value, json};
use tests::process::{Runner, eventually, json_of};
use tests::world::guide;
use tokio::task::JoinSet;

use super::{ADA, serve};
use crate::whole_path::sum_of_lines;

const CLIENTS: usize = 8;
/// Two of these are longer than a lapsed claim and an unknown send wait together.
const TWENTY_MINUTES: u32 = 20 * 60;

fn email(visitor: usize) -> String {
    format!("visitor-{visitor}@analytical-engines.com")
}

/// What clients saw.
#[derive(Default)]
struct Storm {
    answered: BTreeSet<usize>,
    /// Posts on their way when the runner died.
    cut_off: BTreeSet<usize>,
}

/// Posts the guide form for each visitor from eight clients, and kills the runner as soon as so many were answered.
async fn storm(
    runner: &Runner,
    visitors: &[usize],
    kill_after: Option<usize>,
) -> anyhow::Result<Storm> {
    let answers = Arc::new(AtomicUsize::new(0));
    let killed = Arc::new(AtomicBool::new(false));
    let kill = Arc::new(runner.killer());
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let mine: Vec<usize> = visitors
            .iter()
            .copied()
            .skip(client)
            .step_by(CLIENTS)
            .collect();
        let (http, url) = (runner.client().clone(), format!("{}/f/guide", runner.url()));
        let (answers, killed, kill) = (answers.clone(), killed.clone(), kill.clone());
        clients.spawn(async move {
            let mut seen = Storm::default();
            for visitor in mine {
                match post(&http, &url, visitor).await {
                    Ok(status) => {
                        ensure!(status == 200 || status == 303, "answered {status}");
                        seen.answered.insert(visitor);
                        if Some(answers.fetch_add(1, Ordering::SeqCst) + 1) == kill_after {
                            killed.store(true, Ordering::SeqCst);
                            kill()?;
                        }
                    }
                    Err(_) if killed.load(Ordering::SeqCst) => {
                        seen.cut_off.insert(visitor);
                        break;
                    }
                    Err(error) => return Err(error).context("not answered, and not killed"),
                }
            }
            Ok(seen)
        });
    }
    let mut seen = Storm::default();
    while let Some(client) = clients.join_next().await {
        let client = client??;
        seen.answered.extend(client.answered);
        seen.cut_off.extend(client.cut_off);
    }
    Ok(seen)
}

/// One post, by a script or by a browser in turns, each from a network of its own.
async fn post(http: &Client, url: &str, visitor: usize) -> reqwest::Result<u16> {
    let accept = ["application/json", "text/html"][visitor % 2];
    let answer = http
        .post(url)
        .header(
            "X-Local-Client-Ip",
            format!("10.20.{}.{}", visitor / 250, visitor % 250 + 1),
        )
        .header("Accept", accept)
        .form(&guide(&email(visitor)))
        .send()
        .await?;
    Ok(answer.status().as_u16())
}

/// What became of everybody.
#[derive(Debug, Default)]
struct Outcome {
    sent: usize,
    /// Sent, and marked as possibly sent twice.
    marked: usize,
    /// Sent twice.
    twice: usize,
}

/// Looks at every visitor after all has settled: one submission, folded, its mail settled, and no mail twice that is not marked.
async fn outcome(runner: &Runner, visitors: &[usize]) -> anyhow::Result<Outcome> {
    let mut mails: BTreeMap<String, usize> = BTreeMap::new();
    for mail in runner.mails().await? {
        let item = mail.tags.get("obx").context("a mail without our tag")?;
        *mails.entry(item.clone()).or_default() += 1;
    }
    let mut outcome = Outcome::default();
    for visitor in visitors {
        let lead = runner
            .lead(&email(*visitor))
            .await?
            .with_context(|| format!("visitor {visitor} was answered and is unknown"))?;
        let of_kind = |list: &str, kind: &str| -> Vec<&Value> {
            let list = lead[list].as_array().into_iter().flatten();
            list.filter(|record| record["kind"] == kind).collect()
        };
        ensure!(
            of_kind("touchpoints", "form_submitted").len() == 1,
            "submissions: {lead}"
        );
        ensure!(
            Some(sum_of_lines(&lead["lead"])) == lead["lead"]["score"]["total"].as_i64(),
            "lines do not sum: {lead}"
        );
        let [item] = of_kind("outbox", "mail")[..] else {
            anyhow::bail!("not one mail to send: {lead}");
        };
        let name = |key: &str| item[key].as_str().unwrap_or_default();
        // Nobody left, and each mailbox asked once: nothing is a reason to skip.
        ensure!(name("state") == "SENT", "not sent: {item}");
        let marked = item["possible_duplicate"] == true;
        let times = mails
            .remove(&format!("{}_{}", name("lead_id"), name("id")))
            .unwrap_or_default();
        ensure!(
            times == 1 || (times == 2 && marked),
            "mailed {times} times: {item}"
        );
        outcome.sent += 1;
        outcome.marked += usize::from(marked);
        outcome.twice += usize::from(times == 2);
    }
    ensure!(mails.is_empty(), "mails that nobody asked for: {mails:?}");
    let rest = runner.settle().await?;
    ensure!(rest["outbox_pending"] == 0, "not at rest: {rest}");
    let queues = json_of(runner.get("/local/queues")).await?;
    let depths = queues.as_object().context("queues")?;
    ensure!(
        depths.values().all(|depth| *depth == 0),
        "messages were left: {queues}"
    );
    Ok(outcome)
}

/// Posts, is killed, starts again, posts what was not answered, is killed again while the mails go out, starts again, and lets forty
/// minutes pass. `with_events` says whether the mail service tells what it did.
async fn kill_and_restart(
    data: &Path,
    posts: usize,
    kill_after: usize,
    with_events: bool,
) -> anyhow::Result<Outcome> {
    let start = async || {
        let mut command = serve(data);
        command.env("RUST_LOG", "warn,shared=info");
        let runner = Runner::start(command).await?;
        if !with_events {
            let silent = json!({ "kind": "silent", "count": 1_000 });
            runner.order_fault(silent).await?;
        }
        anyhow::Ok(runner)
    };
    let visitors: Vec<usize> = (0..posts).collect();
    let runner = start().await?;
    let first = storm(&runner, &visitors, Some(kill_after)).await?;
    let ended = runner.ended().await?;
    ensure!(ended.code.is_none(), "not killed: {ended:?}");
    ensure!(first.answered.len() >= kill_after && first.answered.len() < posts);

    let runner = start().await?;
    let mut recorded = 0;
    for visitor in &first.cut_off {
        recorded += usize::from(runner.lead(&email(*visitor)).await?.is_some());
    }
    let mailed_before = runner.mails().await?.len();
    let rest: Vec<usize> = visitors
        .iter()
        .copied()
        .filter(|visitor| !first.answered.contains(visitor))
        .collect();
    let second = storm(&runner, &rest, None).await?;
    ensure!(first.answered.len() + second.answered.len() == posts);
    let is_sent = |line: &str| line.contains("outbox item moved") && line.contains("SENT");
    runner.logged(posts / 5, is_sent).await?;
    runner.killer()()?;
    runner.ended().await?;

    let runner = start().await?;
    let mailed_at_second = runner.mails().await?.len();
    runner.settle().await?;
    for _ in 0..2 {
        runner.advance(TWENTY_MINUTES).await?;
    }
    let outcome = outcome(&runner, &visitors).await?;
    println!(
        "killed after {kill_after} of {posts} answers: {} answered, {} cut off ({recorded} of them recorded), {mailed_before} mailed; \
         again after {mailed_at_second} mails; in the end {outcome:?}",
        first.answered.len(),
        first.cut_off.len(),
    );
    ensure!(runner.stop().await?.code == Some(0));
    Ok(outcome)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_in_the_middle_of_500_posts_loses_nothing_that_was_answered_and_mails_nothing_twice()
-> anyhow::Result<()> {
    for kill_after in [50, 200, 400] {
        let data = tempfile::tempdir()?;
        let outcome = kill_and_restart(data.path(), 500, kill_after, true).await?;
        assert_eq!((outcome.sent, outcome.twice), (500, 0));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_where_the_mail_service_tells_nothing_mails_twice_only_what_is_marked()
-> anyhow::Result<()> {
    for kill_after in [20, 60] {
        let data = tempfile::tempdir()?;
        let outcome = kill_and_restart(data.path(), 100, kill_after, false).await?;
        assert_eq!(outcome.sent, 100);
        assert!(outcome.twice <= outcome.marked);
    }
    Ok(())
}

/// Posts, and kills the runner while the mail service has taken the mail and its answer is on the way. Answers the item and how many
/// mails there are after the restart has settled, and forty minutes later.
async fn killed_before_the_answer(fault: &str) -> anyhow::Result<[(Value, usize); 2]> {
    let data = tempfile::tempdir()?;
    let runner = Runner::start(serve(data.path())).await?;
    runner
        .order_fault(json!({ "kind": fault, "hold_ms": 60_000 }))
        .await?;
    runner.submit("guide", &guide(ADA)).await?;
    eventually("the mail was taken", async || {
        Ok((!runner.mails().await?.is_empty()).then_some(()))
    })
    .await?;
    runner.killer()()?;
    ensure!(runner.ended().await?.code.is_none());

    let runner = Runner::start(serve(data.path())).await?;
    let seen = async || {
        let mut lead = runner.lead(ADA).await?.context("a lead")?;
        anyhow::Ok((lead["outbox"][0].take(), runner.mails().await?.len()))
    };
    runner.settle().await?;
    let settled = seen().await?;
    for _ in 0..2 {
        runner.advance(TWENTY_MINUTES).await?;
    }
    Ok([settled, seen().await?])
}

#[tokio::test]
async fn evt_11_a_send_cut_off_by_a_kill_is_settled_by_its_event_and_not_sent_again()
-> anyhow::Result<()> {
    let [(item, mails), later] = killed_before_the_answer("lose_reply").await?;
    // Where the kill met the event on its way through `feedback`, its queue brings it again some minutes later.
    assert!(
        mails == 1 && (item["state"] == "SENT" || item["state"] == "SENDING"),
        "{mails} mails, {item}"
    );
    let (item, mails) = later;
    assert_eq!((&item["state"], mails), (&json!("SENT"), 1), "{item}");
    assert_eq!(item["possible_duplicate"], false, "{item}");
    Ok(())
}

#[tokio::test]
async fn evt_11_a_send_cut_off_by_a_kill_without_an_event_is_sent_once_more_and_marked()
-> anyhow::Result<()> {
    let [(item, mails), later] = killed_before_the_answer("silent").await?;
    assert_eq!((&item["state"], mails), (&json!("SENDING"), 1), "{item}");
    let (item, mails) = later;
    assert_eq!((&item["state"], mails), (&json!("SENT"), 2), "{item}");
    assert_eq!(item["possible_duplicate"], true, "{item}");
    Ok(())
}
