//! `kill -9` of the functions' own binaries at each call that they make, while an event runs through them.
//!
//! A visitor asks for the guide, downloads it, asks for a visit, becomes ready for sales, and the salesperson accepts; another asks and
//! never comes back. One process of one function is killed before or after one call, or is overtaken by a second process with the same
//! event. What delivers events delivers again, the visitor tries again, time passes. Then everything has happened once.
//! `LODESTONE_KILLS=all` takes every call of every function, `LODESTONE_KILLS=steps` each kind of call once; without it a few, chosen by
//! `LODESTONE_SEED`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use reqwest::{Response, StatusCode};
use serde_json::Value;
use shared::runtime::{Entropy, system_env};
use tests::children::{Coverage, Deployed, Failpoint, Fate, Fleet, Plan, start};
use tests::project;
use tests::world::{Pair, World, demo, guide, link};
use tokio::task::JoinSet;

const ADA: &str = "ada@analytical-engines.com";
/// Asks for the guide and never comes back.
const GRACE: &str = "grace@analytical-engines.com";
const MIRA: &str = "mira.devries@aldermoor.example";

/// Runs at the same time.
const AT_ONCE: usize = 3;
/// Longer than a lapsed claim and an unknown send wait together, three times over.
const TWENTY_MINUTES: u32 = 20 * 60;
/// Until somebody who never clicked is forgotten, and some days more.
const TEN_DAYS: u32 = 10 * 24 * 3_600;

fn binary(package: &str) -> PathBuf {
    tests::built_beside!(package)
}

/// Posts a form as a script with its own key, again where an error comes back.
async fn submit(world: &World, form: &str, key: &str, pairs: &[Pair<'_>]) -> anyhow::Result<()> {
    for _ in 0..3 {
        let answer = world
            .post(&format!("/f/{form}"))
            .header("Accept", "application/json")
            .header("Idempotency-Key", key)
            .form(pairs)
            .send()
            .await?;
        if !answer.status().is_server_error() {
            ensure!(answer.status() == StatusCode::OK, "refused: {answer:?}");
            return Ok(());
        }
    }
    anyhow::bail!("{form} is not taken")
}

/// Opens a link and presses its button, again where an error comes back.
async fn press(world: &World, url: &str, extra: &[Pair<'_>]) -> anyhow::Result<Response> {
    for _ in 0..3 {
        match world.open_and_press(url, extra).await {
            Ok(answer) if !answer.status().is_server_error() => return Ok(answer),
            Ok(_) => {}
            Err(error) if format!("{error:#}").contains("500") => {}
            Err(error) => return Err(error),
        }
    }
    anyhow::bail!("the button does not work")
}

/// Lets time pass until a mail is there that has such a link.
async fn mailed(world: &World, to: &str, path: &str) -> anyhow::Result<String> {
    for _ in 0..4 {
        world.settle().await?;
        let mails = world.mails_to(to)?;
        if let Some(found) = mails.iter().find_map(|mail| link(mail, path).ok()) {
            return Ok(found);
        }
        world.advance(TWENTY_MINUTES).await?;
    }
    anyhow::bail!("no mail with {path} to {to}")
}

/// The steps of each function, in order.
type Calls = BTreeMap<String, Vec<String>>;

/// The whole path, and what must be true after it. Answers the calls that were made until nothing moved any more, and those of `keep`.
async fn walk(world: &World, fleet: &Fleet, to_the_end: bool) -> anyhow::Result<Calls> {
    submit(world, "guide", "grace-1", &guide(GRACE)).await?;
    submit(world, "guide", "ada-1", &guide(ADA)).await?;
    let download = mailed(world, ADA, "/d/").await?;
    let answer = press(world, &download, &[]).await?;
    ensure!(answer.status() == StatusCode::SEE_OTHER, "{answer:?}");
    world.settle().await?;
    submit(world, "demo", "ada-2", &demo(ADA)).await?;
    let accept = mailed(world, MIRA, "/h/").await?;
    let accept = accept.split('?').next().unwrap_or_default();
    let answer = press(world, accept, &[("answer", "accept")]).await?;
    ensure!(answer.status().is_success(), "{answer:?}");
    for _ in 0..3 {
        world.settle().await?;
        world.advance(TWENTY_MINUTES).await?;
    }
    check(world, fleet).await?;
    let mut calls = fleet.plan().calls();
    if to_the_end {
        world.advance(TEN_DAYS).await?;
        let grace = world.lead(GRACE).await?;
        ensure!(
            grace.as_ref().is_none_or(|lead| lead["lead"].is_null()
                && lead["touchpoints"].as_array().is_none_or(Vec::is_empty)),
            "who never came back is still known: {grace:?}"
        );
        ensure!(world.known(ADA).await?["lead"]["stage"] == "sal");
        calls.extend(fleet.plan().calls().remove_entry("keep"));
    }
    let troubles = fleet.troubles();
    ensure!(troubles.is_empty(), "{troubles:?}");
    Ok(calls)
}

async fn check(world: &World, fleet: &Fleet) -> anyhow::Result<()> {
    let (ada, grace) = (world.known(ADA).await?, world.known(GRACE).await?);
    let of_kind = |lead: &Value, kind: &str| {
        let facts = lead["touchpoints"].as_array().into_iter().flatten();
        facts.filter(|fact| fact["kind"] == kind).count()
    };
    for (lead, kind, times) in [
        (&grace, "form_submitted", 1),
        (&ada, "form_submitted", 2),
        (&ada, "magnet_downloaded", 1),
        (&ada, "accepted", 1),
    ] {
        let seen = of_kind(lead, kind);
        ensure!(seen == times, "{kind}: {seen}, not {times}: {lead}");
    }
    ensure!(ada["lead"]["stage"] == "sal", "{}", ada["lead"]["stage"]);
    ensure!(ada["handoffs"].as_array().is_some_and(|h| h.len() == 1));
    ensure!(
        Some(crate::whole_path::sum_of_lines(&ada["lead"]))
            == ada["lead"]["score"]["total"].as_i64()
    );

    // Each mail once: the mail service tells what it took, so that no killed send is made again.
    let mut mails: BTreeMap<String, usize> = BTreeMap::new();
    for mail in world.app.ses().mails()? {
        let item = mail.tags.get("obx").context("a mail without our tag")?;
        *mails.entry(item.clone()).or_default() += 1;
    }
    let twice: Vec<_> = mails.iter().filter(|(_, times)| **times != 1).collect();
    ensure!(twice.is_empty(), "mailed more than once: {twice:?}");
    let mut webhooks = BTreeSet::new();
    for lead in [&ada, &grace] {
        for item in lead["outbox"].as_array().context("outbox")? {
            let (state, kind) = (&item["state"], &item["kind"]);
            if kind == "escalation" || kind == "review" {
                continue;
            }
            // A reminder, and whatever else has its time later, waits.
            if state == "PENDING" && item["not_before"].as_i64() > Some(world.app.core().now()) {
                continue;
            }
            ensure!(state == "SENT", "not sent: {item}");
            let reference = lead["lead"]["lead_id"].as_str().context("lead id")?;
            let id = item["id"].as_str().context("id")?;
            let name = format!("{reference}_{id}");
            if item["order"]["channel"].is_null() {
                ensure!(mails.remove(&name).is_some(), "not mailed: {item}");
            } else {
                webhooks.insert(name);
            }
        }
    }
    ensure!(mails.is_empty(), "mails that nobody asked for: {mails:?}");

    let mut received: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for hook in fleet.hooks() {
        received.entry(hook.id).or_default().insert(hook.body);
    }
    ensure!(
        received.keys().eq(webhooks.iter()) && webhooks.len() == 3,
        "the notice, the alert and the answer: {webhooks:?}, received {:?}",
        received.keys()
    );
    ensure!(
        received.values().all(|bodies| bodies.len() == 1),
        "a repeat said something else"
    );
    let depths = world.app.core().queues().depths()?;
    ensure!(depths.values().all(|depth| *depth == 0), "{depths:?}");
    Ok(())
}

/// One run. Answers the calls that were made, and at which of them it happened.
async fn run(
    deployed: Arc<Deployed>,
    armed: Option<Failpoint>,
) -> anyhow::Result<(Calls, Option<String>)> {
    let to_the_end = armed.as_ref().is_none_or(|a| a.function == "keep");
    let kills = armed.as_ref().is_some_and(|a| a.fate.kills());
    let name = armed.as_ref().map(ToString::to_string).unwrap_or_default();
    let (world, fleet) = start(&deployed, Plan::new(armed)).await?;
    let walked = walk(&world, &fleet, to_the_end).await;
    let met = fleet.plan().met();
    let calls = walked
        .with_context(|| format!("{name}, {met:?}; the processes said:\n{}", fleet.said(12)))?;
    let killed = fleet.plan().kills();
    ensure!(
        killed == usize::from(kills && met.is_some()),
        "{name}: {killed} ended by signal 9"
    );
    Ok((calls, met))
}

/// How many failpoints a run of the tests takes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kills {
    /// Every call and fate.
    All,
    /// Each kind of call of each function with each fate, at a call that the seed chooses.
    Steps,
    /// One of each function, and one with a second process of each consumer of the outbox.
    Few,
}

fn kills() -> Kills {
    match system_env("LODESTONE_KILLS").as_deref() {
        Some("all") => Kills::All,
        Some("steps") => Kills::Steps,
        Some(_) | None => Kills::Few,
    }
}

fn chosen(calls: &Calls, kills: Kills) -> Vec<Failpoint> {
    let seed = system_env("LODESTONE_SEED").and_then(|seed| seed.parse().ok());
    let dice = Entropy::seeded(seed.unwrap_or(1));
    let below = |bound: usize| usize::try_from(dice.below(bound as u64)).unwrap_or(0);
    let mut chosen = Vec::new();
    for (function, steps) in calls {
        let mut take = |call: usize, fate| {
            chosen.push(Failpoint {
                function: function.clone(),
                call,
                fate,
            });
        };
        match kills {
            Kills::All => {
                for call in 1..=steps.len() {
                    for fate in Fate::ALL {
                        take(call, fate);
                    }
                }
            }
            Kills::Steps => {
                let kinds: BTreeSet<&String> = steps.iter().collect();
                for kind in kinds {
                    let of_kind = |call: &usize| &steps[call - 1] == kind;
                    let calls: Vec<usize> = (1..=steps.len()).filter(of_kind).collect();
                    for fate in Fate::ALL {
                        take(calls[below(calls.len())], fate);
                    }
                }
            }
            Kills::Few => {
                take(1 + below(steps.len()), Fate::ALL[below(2)]);
                if function == "deliver" || function == "notify" {
                    take(1 + below(steps.len()), Fate::ALL[2 + below(2)]);
                }
            }
        }
    }
    chosen
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_of_any_functions_own_process_loses_nothing_and_doubles_nothing()
-> anyhow::Result<()> {
    let deployed = Arc::new(Deployed::new(binary)?);
    let (calls, _) = run(Arc::clone(&deployed), None).await?;
    ensure!(
        calls.len() == 7,
        "not all functions ran: {:?}",
        calls.keys()
    );
    let mut coverage = Coverage::default();
    for (function, steps) in &calls {
        for step in steps {
            coverage.expect(function, step);
        }
    }
    let wanted = kills();
    let mut left = chosen(&calls, wanted).into_iter();
    let (mut runs, mut passed_by) = (JoinSet::new(), 0);
    let total: usize = calls.values().map(Vec::len).sum();
    println!("the path makes {total} calls");
    let (mut done, mut failed) = (0, 0);
    loop {
        while runs.len() < AT_ONCE
            && let Some(failpoint) = left.next()
        {
            let deployed = Arc::clone(&deployed);
            runs.spawn(async move {
                let ran = run(deployed, Some(failpoint.clone())).await;
                (failpoint, ran)
            });
        }
        let Some(ran) = runs.join_next().await else {
            break;
        };
        let (failpoint, ran) = ran?;
        done += 1;
        if done % 100 == 0 {
            println!("{done} runs");
        }
        match ran {
            Ok((_, Some(step))) => coverage.add(&failpoint.function, &step, failpoint.fate),
            Ok((_, None)) => passed_by += 1,
            Err(error) => {
                println!("FAILED {error:#}");
                failed += 1;
            }
        }
    }
    println!("{coverage}");
    ensure!(failed == 0, "{failed} of {done} runs failed");
    let kills = coverage.kills();
    println!(
        "{done} runs, {kills} processes killed by signal 9, {passed_by} runs ended before their call: nothing lost, nothing twice"
    );
    if wanted == Kills::All {
        let missing = coverage.missing();
        ensure!(missing.is_empty(), "never happened: {missing:?}");
    } else {
        ensure!(kills >= calls.len(), "only {kills} kills");
    }
    Ok(())
}

const PACKAGES: [&str; 7] = [
    "capture", "links", "score", "deliver", "notify", "feedback", "keep",
];

/// What is done to the functions here is done from outside: neither their sources nor the files that were built of them know of it.
#[test]
fn no_function_has_a_failpoint_in_it() -> anyhow::Result<()> {
    const WORDS: [&str; 4] = ["LODESTONE_KILLS", "failpoint", "BENT_CLOCK", "SIGKILL"];
    let mut texts = Vec::new();
    let sources = PACKAGES.map(|package| format!("functions/{package}/src"));
    for folder in sources.iter().map(String::as_str).chain(["shared/src"]) {
        crate::architecture::rust_files(&project(folder), &mut texts);
    }
    ensure!(texts.len() > 100, "{} sources", texts.len());
    if let Some(folder) = system_env("LODESTONE_FUNCTIONS") {
        for package in PACKAGES {
            let file = Deployed::given(&project(&folder), package);
            let text = String::from_utf8_lossy(&std::fs::read(&file)?).into_owned();
            texts.push((file.display().to_string(), text));
        }
    }
    for (name, text) in texts {
        for word in WORDS {
            ensure!(!text.contains(word), "{name} has {word} in it");
        }
    }
    Ok(())
}
