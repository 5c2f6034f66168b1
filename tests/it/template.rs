//! The template is the truth: the runner does what it says, and it and the code agree.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use lodestone::app::Options;
use shared::runtime::{Clock, Lookup, Runtime, StartError};
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

#[tokio::test(flavor = "multi_thread")]
async fn each_function_reads_the_variables_that_the_template_gives_it_and_no_others()
-> anyhow::Result<()> {
    let world = World::calm(74).await?;
    for function in &world.app.core().stack().model.functions {
        let read = std::sync::Mutex::new(BTreeSet::new());
        let env = |name: &str| {
            read.lock().unwrap().insert(name.to_owned());
            function.environment.get(name).cloned()
        };
        let runtime = world.app.runtime();
        build(&function.package, runtime, &env).await?;
        let mut read = read.into_inner().unwrap();
        // The site comes with the runtime, which reads where it is.
        let without_site = Runtime {
            site: None,
            ..runtime.clone()
        };
        if build(&function.package, &without_site, &|name| {
            function.environment.get(name).cloned()
        })
        .await
        .is_err()
        {
            read.insert("SITE_FILE".to_owned());
        }
        let given: BTreeSet<String> = function.environment.keys().cloned().collect();
        assert_eq!(read, given, "{}", function.id);
    }
    Ok(())
}

async fn build(package: &str, runtime: &Runtime, env: Lookup<'_>) -> Result<(), StartError> {
    match package {
        "capture" => capture::Deps::build(runtime, env).await.map(drop),
        "links" => links::Deps::build(runtime, env).await.map(drop),
        "score" => score::Deps::build(runtime, env).await.map(drop),
        "deliver" => deliver::Deps::build(runtime, env).await.map(drop),
        "notify" => notify::Deps::build(runtime, env).await.map(drop),
        "feedback" => feedback::Deps::build(runtime, env).await.map(drop),
        "keep" => keep::Deps::build(runtime, env).await.map(drop),
        other => panic!("the template names {other}, and this test does not"),
    }
}

#[test]
fn every_function_crate_has_a_resource_and_every_resource_a_crate() {
    let crates: BTreeSet<String> = std::fs::read_dir(project("functions"))
        .unwrap()
        .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    let text = template();
    let named: BTreeSet<String> = text
        .lines()
        .filter_map(|l| {
            l.trim()
                .strip_prefix("CodeUri: ../target/lambda/")?
                .strip_suffix("/bootstrap.zip")
        })
        .map(str::to_owned)
        .collect();
    assert_eq!(crates, named);
}

/// Permissions in the template, by function: the actions on tables and indexes of its role.
fn granted() -> BTreeSet<(String, String, String)> {
    let text = template();
    let mut grants = BTreeSet::new();
    let mut role = None;
    let mut actions: Vec<String> = Vec::new();
    for line in text.lines() {
        if line.starts_with("  ") && !line.starts_with("   ") {
            role = line.trim().strip_suffix("Role:").map(str::to_lowercase);
        }
        let (Some(function), line) = (&role, line.trim()) else {
            continue;
        };
        if let Some(list) = line.strip_prefix("Action: [") {
            actions = list
                .trim_end_matches(']')
                .split(", ")
                .map(|a| a.trim_matches('"').to_owned())
                .collect();
        }
        let Some(resource) = line.strip_prefix("Resource: ") else {
            continue;
        };
        let name = resource
            .trim_start_matches("!GetAtt ")
            .trim_start_matches("!Sub ")
            .replace("${", "")
            .replace('}', "");
        let Some((table, rest)) = name.split_once("Table.Arn") else {
            continue;
        };
        for action in actions.iter().filter(|a| a.starts_with("dynamodb:")) {
            grants.insert((
                function.clone(),
                action.clone(),
                format!("{}{rest}", table.to_lowercase()),
            ));
        }
    }
    grants
}

#[tokio::test(flavor = "multi_thread")]
async fn frm_15_what_is_granted_is_what_the_functions_were_seen_to_need() -> anyhow::Result<()> {
    let mut options = Options::step(
        75,
        Clock::from_fn(|| START),
        project("infra/site"),
        project("infra/template.yaml"),
    );
    // As it is deployed: on one machine there is no such limit.
    options.parameters = BTreeMap::from([("DomainMailsPerHour".to_owned(), "200".to_owned())]);
    let world = World::start(options).await?;
    // The whole path, a record nobody can read, a failed window, a bounce, a renewed link, an address that lapses.
    crate::whole_path::become_mql(&world, ADA).await?;
    world
        .submit_until_taken("guide", &guide("lapses@analytical-engines.com"))
        .await?;
    let magnet = "reads@analytical-engines.com";
    world
        .submit_until_taken("checklist", &[("email", magnet), ("newsletter", "on")])
        .await?;
    world.settle().await?;
    world
        .open_and_press(&link(&world.mails_to(magnet)?[0], "/d/")?, &[])
        .await?;
    world
        .app
        .ses()
        .play(
            lodestone::ses::Happening::Bounce,
            &world.mails_to(ADA)?[0].id,
            None,
        )
        .await?;
    world.settle().await?;
    let bad = serde_json::json!({"Records": [{"eventSource": "aws:dynamodb", "eventName": "INSERT", "dynamodb": {"SequenceNumber": "1"}}]});
    for function in ["score", "deliver", "notify"] {
        world.app.call(function, bad.clone()).await;
    }
    world.app.call("feedback", serde_json::json!({"Records": [{"eventSource": "aws:sqs", "messageId": "m", "body": "?"}]})).await;
    let window = serde_json::json!({"DDBStreamBatchInfo": {
        "approximateArrivalOfFirstRecord": START.to_string(), "approximateArrivalOfLastRecord": START.to_string()}});
    let failed = serde_json::json!({"Records": [{"eventSource": "aws:sqs", "messageId": "m", "body": window.to_string()}]});
    world.app.call("score", failed).await;
    // An erasure that was cut off after its order, of somebody with a counter.
    crate::person::order_only(&world, "gone@analytical-engines.com").await?;
    world.advance(9 * 86_400).await?;
    let mail = world.mails_to(ADA)?.swap_remove(0);
    world
        .press(&link(&mail, "/d/")?)
        .form(&[("renew", "1")])
        .send()
        .await?;

    for function in ["score", "deliver", "notify"] {
        world
            .app
            .call(function, serde_json::json!({ "tick": "minute" }))
            .await;
    }
    // A lead of a team: whose turn it is, is drawn.
    let mut french = demo("marie@analytical-engines.com");
    french.iter_mut().find(|(n, _)| *n == "country").unwrap().1 = "FR";
    world.submit_until_taken("demo", &french).await?;
    // A form with a ticket, which is spent.
    let page = world.get("/f/guide").send().await?.text().await?;
    let hidden = tests::world::hidden_fields(&page);
    world.advance(5).await?;
    let mut pairs = guide("ticket@analytical-engines.com");
    pairs.extend(hidden.iter().map(|(n, v)| (n.as_str(), v.as_str())));
    world.submit_until_taken("guide", &pairs).await?;
    // Sales looks at the lead.
    let mails = world.mails_to("mira.devries@aldermoor.example")?;
    let alert = mails.iter().find_map(|m| link(m, "/h/").ok()).unwrap();
    world.get(&alert).send().await?;
    // A send whose reply was lost is settled by feedback.
    world.app.ses().order_fault(serde_json::from_value(
        serde_json::json!({ "kind": "lose_reply" }),
    )?);
    world
        .submit_until_taken("guide", &guide("grace@analytical-engines.com"))
        .await?;
    world.settle().await?;

    let stack = world.app.core().stack();
    let logical = |physical: &str| {
        let (table, index) = physical
            .split_once('/')
            .map_or((physical, String::new()), |(t, i)| (t, format!("/{i}")));
        let found = ["Touchpoints", "Leads", "Outbox", "Ops"]
            .into_iter()
            .find(|id| {
                stack
                    .table(&format!("{id}Table"))
                    .is_ok_and(|name| name == table)
            });
        format!("{}{index}", found.unwrap_or(table).to_lowercase())
    };
    let needed: BTreeSet<_> = world
        .faults
        .needed()
        .into_iter()
        .map(|(f, a, t)| (f, a, logical(&t)))
        .collect();
    let missing: Vec<_> = needed.difference(&granted()).cloned().collect();
    let unused: Vec<_> = granted().difference(&needed).cloned().collect();
    assert!(missing.is_empty(), "needed and not granted: {missing:#?}");
    assert!(unused.is_empty(), "granted and never needed: {unused:#?}");
    Ok(())
}
