//! Webhooks, chat and CRM: what goes out, how it is verified, and what happens while a receiver is down.
//!
//! Receivers are sinks of the local runner. Webhooks are verified by the crate `standardwebhooks`, which knows nothing of this project.

use std::collections::BTreeSet;

use anyhow::Context as _;
use lodestone::app::Options;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use shared::domain::webhook::new_secret;
use shared::runtime::Clock;
use standardwebhooks::Webhook;
use tests::project;
use tests::world::{START, World, demo, link};

use crate::whole_path::become_mql;

const ADA: &str = "ada@analytical-engines.com";
const HOUR: u32 = 3_600;
const DAY: u32 = 24 * HOUR;

/// A system whose site has these channels in place of the example's.
async fn world(seed: u64, channels: &str, clock: Clock) -> anyhow::Result<World> {
    let folder = tempfile::tempdir()?;
    tests::copy_site(folder.path())?;
    let file = folder.path().join("site.toml");
    let text = std::fs::read_to_string(&file)?;
    let (before, _) = text.split_once("[[channel]]").context("channels")?;
    std::fs::write(&file, format!("{before}{channels}"))?;
    let form = folder.path().join("forms/demo.toml");
    let text = std::fs::read_to_string(&form)?;
    std::fs::write(
        &form,
        text.replace("notify = [\"mira\", \"crm\"]", "notify = [\"mira\"]"),
    )?;
    let template = project("infra/template.yaml");
    World::start(Options::step(
        seed,
        clock,
        folder.path().to_owned(),
        template,
    ))
    .await
}

/// The example's channels, at the time when every test begins.
async fn example(seed: u64) -> anyhow::Result<World> {
    World::calm(seed).await
}

const CRM: &str = "[[channel]]\nid = \"crm\"\nkind = \"webhook\"\nurl = \"/local/sink/crm\"\nsecret = \"crm-signing\"\n";

/// What a sink received, oldest first.
async fn hooks(world: &World, name: &str) -> anyhow::Result<Vec<Value>> {
    let all: Vec<Value> = world.get("/local/hooks").send().await?.json().await?;
    Ok(all.into_iter().filter(|h| h["name"] == name).collect())
}

async fn sink_answers(world: &World, mode: Value) -> anyhow::Result<()> {
    let set = world.post("/local/sink-mode").json(&mode).send().await?;
    set.error_for_status()?;
    Ok(())
}

fn secret_file(world: &World, name: &str) -> std::path::PathBuf {
    world
        .app
        .core()
        .stack()
        .folder
        .join("secrets/site")
        .join(name)
}

fn secret(world: &World, name: &str) -> String {
    let value = std::fs::read_to_string(secret_file(world, name)).unwrap();
    value.trim().to_owned()
}

fn header<'h>(hook: &'h Value, name: &str) -> &'h str {
    hook["headers"][name].as_str().unwrap_or_default()
}

fn body(hook: &Value) -> Value {
    serde_json::from_str(hook["body"].as_str().unwrap()).unwrap()
}

/// The signature that the independent crate makes of what was received.
fn expected(hook: &Value, secret: &str) -> String {
    let at = header(hook, "webhook-timestamp").parse().unwrap();
    let bytes = hook["body"].as_str().unwrap().as_bytes();
    Webhook::new(secret)
        .unwrap()
        .sign(header(hook, "webhook-id"), at, bytes)
        .unwrap()
}

async fn item(world: &World, id: &str) -> anyhow::Result<Value> {
    let lead = world.known(ADA).await?;
    let items = lead["outbox"].as_array().context("outbox")?.clone();
    let found = items.into_iter().find(|i| i["id"] == id);
    found.with_context(|| format!("no item {id}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn evt_14_an_independent_receiver_verifies_what_it_gets() -> anyhow::Result<()> {
    // By the system's clock, because the crate compares the time of a message with it.
    let world = world(601, CRM, Clock::system()).await?;
    become_mql(&world, ADA).await?;
    let hooks = hooks(&world, "crm").await?;
    assert_eq!(hooks.len(), 1);
    let mut headers = HeaderMap::new();
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        headers.insert(name, header(&hooks[0], name).parse()?);
    }
    let bytes = hooks[0]["body"].as_str().context("body")?.as_bytes();
    let receiver = Webhook::new(&secret(&world, "crm-signing"))?;
    receiver.verify(bytes, &headers)?;
    let other = Webhook::new(&new_secret([1; 32]))?;
    assert!(other.verify(bytes, &headers).is_err());
    assert!(receiver.verify(b"{}", &headers).is_err());
    Ok(())
}

#[test]
fn evt_14_the_vector_of_the_specification_by_the_independent_crate() {
    let receiver = Webhook::new("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD").unwrap();
    let (id, body) = (
        "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
        br#"{"email":"test@example.com","username":"test_user"}"#,
    );
    let theirs = receiver.sign(id, 1_649_367_553, body).unwrap();
    assert_eq!(theirs, "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=");
    let ours =
        shared::domain::webhook::SigningSecrets::parse("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")
            .unwrap();
    let at = shared::domain::time::Timestamp(1_649_367_553_000);
    assert_eq!(ours.sign(id, at, body), theirs);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_says_who_why_and_what_to_do() -> anyhow::Result<()> {
    let world = example(602).await?;
    become_mql(&world, ADA).await?;
    let hooks = hooks(&world, "crm").await?;
    let mut told: Vec<Value> = hooks.iter().map(body).collect();
    told.sort_by_key(|b| b["type"].to_string());
    for news in &mut told {
        assert!(news["data"]["lead_id"].is_string());
        news["data"]["lead_id"] = "[lead]".into();
        if news["data"]["submission"].is_object() {
            news["data"]["submission"]["id"] = "[submission]".into();
        }
    }
    insta::assert_json_snapshot!(told);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn evt_14_each_attempt_has_the_same_id_and_bytes_and_a_fresh_time_and_signature()
-> anyhow::Result<()> {
    let world = world(603, CRM, Clock::from_fn(|| START)).await?;
    sink_answers(&world, json!({"name": "crm", "status": 500, "count": 3})).await?;
    become_mql(&world, ADA).await?;
    for _ in 0..4 {
        world.advance(HOUR).await?;
        world.settle().await?;
    }
    let hooks = hooks(&world, "crm").await?;
    assert_eq!(hooks.len(), 4);
    let distinct = |of: &dyn Fn(&Value) -> String| hooks.iter().map(of).collect::<BTreeSet<_>>();
    assert_eq!(distinct(&|h| header(h, "webhook-id").into()).len(), 1);
    assert_eq!(distinct(&|h| h["body"].to_string()).len(), 1);
    assert_eq!(
        distinct(&|h| header(h, "webhook-timestamp").into()).len(),
        4
    );
    assert_eq!(
        distinct(&|h| header(h, "webhook-signature").into()).len(),
        4
    );
    for hook in &hooks {
        let secret = secret(&world, "crm-signing");
        assert_eq!(header(hook, "webhook-signature"), expected(hook, &secret));
    }
    // Five seconds, five minutes, half an hour: at the first tick after each.
    let at = |n: usize| {
        header(&hooks[n], "webhook-timestamp")
            .parse::<i64>()
            .unwrap()
    };
    let waits: Vec<i64> = (1..4).map(|n| at(n) - at(n - 1)).collect();
    for (wait, least) in waits.iter().zip([5, 300, 1_800]) {
        assert!(
            (least..=least + least / 10 + 61).contains(wait),
            "{waits:?}"
        );
    }
    assert_eq!(item(&world, "alr_1_crm").await?["state"], "SENT");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn evt_14_a_receiver_that_was_down_for_a_day_gets_each_event_once_it_is_back()
-> anyhow::Result<()> {
    let world = world(604, CRM, Clock::from_fn(|| START)).await?;
    sink_answers(&world, json!({"name": "crm", "status": 503})).await?;
    let visitors: Vec<String> = (0..4)
        .map(|n| format!("visitor-{n}@analytical-engines.com"))
        .collect();
    for visitor in &visitors {
        become_mql(&world, visitor).await?;
        world.advance(5 * HOUR).await?;
        world.settle().await?;
    }
    world.advance(4 * HOUR).await?;
    let down = hooks(&world, "crm").await?.len();
    sink_answers(&world, json!({"name": "crm", "status": 200})).await?;
    world.advance(DAY).await?;
    world.settle().await?;

    let hooks = hooks(&world, "crm").await?;
    let taken: Vec<&str> = hooks
        .iter()
        .filter(|h| h["status"] == 200)
        .map(|h| header(h, "webhook-id"))
        .collect();
    let distinct: BTreeSet<&str> = taken.iter().copied().collect();
    println!(
        "down for 24 h: {down} failed attempts, then {} events, each once",
        taken.len()
    );
    assert_eq!((taken.len(), distinct.len()), (4, 4));
    world.advance(4 * DAY).await?;
    world.settle().await?;
    assert_eq!(
        self::hooks(&world, "crm").await?.len(),
        hooks.len(),
        "nothing comes after"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn evt_14_a_receiver_may_ask_for_more_time() -> anyhow::Result<()> {
    let world = world(605, CRM, Clock::from_fn(|| START)).await?;
    let busy =
        json!({"name": "crm", "status": 429, "count": 1, "headers": {"retry-after": "7200"}});
    sink_answers(&world, busy).await?;
    become_mql(&world, ADA).await?;
    world.advance(HOUR).await?;
    assert_eq!(hooks(&world, "crm").await?.len(), 1);
    world.advance(HOUR + 120).await?;
    assert_eq!(hooks(&world, "crm").await?.len(), 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn evt_14_gone_switches_a_receiver_off_and_the_operator_is_told_once() -> anyhow::Result<()> {
    let world = world(606, CRM, Clock::from_fn(|| START)).await?;
    sink_answers(&world, json!({"name": "crm", "status": 410})).await?;
    become_mql(&world, ADA).await?;
    become_mql(&world, "grace@analytical-engines.com").await?;
    world.advance(DAY).await?;
    world.settle().await?;
    assert_eq!(hooks(&world, "crm").await?.len(), 1, "nothing after 410");
    let told: Vec<_> = world
        .mails_to("mira.devries@aldermoor.example")?
        .into_iter()
        .filter(|m| m.subject.contains("switched off"))
        .collect();
    assert_eq!(told.len(), 1);
    insta::assert_snapshot!(told[0].text);

    let store = store(&world)?;
    let off = store.endpoint("crm").await?;
    assert!(!off.is_on());
    let on = off.switched_on("hand_1");
    store.commit(&[shared::flow::Write::Endpoint(on)]).await?;
    sink_answers(&world, json!({"name": "crm", "status": 200})).await?;
    become_mql(&world, "mary@analytical-engines.com").await?;
    assert_eq!(hooks(&world, "crm").await?.len(), 2, "it is on again");
    Ok(())
}

fn store(world: &World) -> anyhow::Result<shared::store::Store> {
    let stack = world.app.core().stack();
    let table = |id: &str| stack.table(id).map(str::to_owned);
    let tables = shared::store::Tables {
        touchpoints: table("TouchpointsTable")?,
        leads: table("LeadsTable")?,
        outbox: table("OutboxTable")?,
        ops: table("OpsTable")?,
    };
    let runtime = world.app.runtime();
    Ok(shared::store::Store::new(
        &runtime.aws,
        tables,
        runtime.entropy.clone(),
    ))
}

#[tokio::test(flavor = "multi_thread")]
async fn evt_14_five_days_of_failure_switch_a_receiver_off() -> anyhow::Result<()> {
    let world = world(607, CRM, Clock::from_fn(|| START)).await?;
    sink_answers(&world, json!({"name": "crm", "status": 500})).await?;
    // One each day: no single message is tried for five days, the receiver fails for them all the same.
    for n in 0..6 {
        become_mql(&world, &format!("visitor-{n}@analytical-engines.com")).await?;
        world.advance(DAY).await?;
    }
    world.settle().await?;
    let told = world.mails_to("mira.devries@aldermoor.example")?;
    let told = told.iter().filter(|m| m.subject.contains("switched off"));
    assert_eq!(told.count(), 1);
    let tried = hooks(&world, "crm").await?.len();
    become_mql(&world, ADA).await?;
    world.advance(DAY).await?;
    assert_eq!(
        hooks(&world, "crm").await?.len(),
        tried,
        "nothing more is sent"
    );
    let last = item(&world, "alr_1_crm").await?;
    assert_eq!(
        (&last["state"], &last["reason"]),
        (&json!("SKIPPED"), &json!("the channel is switched off"))
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn evt_14_while_secrets_rotate_the_old_and_the_new_one_verify() -> anyhow::Result<()> {
    let world = world(608, CRM, Clock::from_fn(|| START)).await?;
    let old = secret(&world, "crm-signing");
    let new = new_secret([9; 32]);
    std::fs::write(secret_file(&world, "crm-signing"), format!("{new} {old}"))?;
    become_mql(&world, ADA).await?;
    let hooks = hooks(&world, "crm").await?;
    let signatures: Vec<&str> = header(&hooks[0], "webhook-signature").split(' ').collect();
    assert_eq!(
        signatures,
        [expected(&hooks[0], &new), expected(&hooks[0], &old)]
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_not_there_yet_delays_a_message_and_loses_none() -> anyhow::Result<()> {
    let world = world(609, CRM, Clock::from_fn(|| START)).await?;
    let kept = secret(&world, "crm-signing");
    std::fs::remove_file(secret_file(&world, "crm-signing"))?;
    become_mql(&world, ADA).await?;
    assert_eq!(hooks(&world, "crm").await?.len(), 0);
    let waiting = item(&world, "alr_1_crm").await?;
    assert_eq!(waiting["state"], "PENDING");
    assert!(
        !waiting["reason"].to_string().contains("whsec_"),
        "{waiting}"
    );
    std::fs::write(secret_file(&world, "crm-signing"), kept)?;
    world.advance(HOUR).await?;
    assert_eq!(hooks(&world, "crm").await?.len(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn frm_12_a_chat_message_shows_what_visitors_typed_and_does_nothing_else()
-> anyhow::Result<()> {
    let world = example(610).await?;
    let hostile = |mut answers: Vec<tests::world::Pair<'static>>| {
        for (name, value) in &mut answers {
            match *name {
                "first_name" => *value = "<!channel> *Ada*",
                "company" => *value = "@here & <https://evil.example|Click>",
                "message" => *value = "<!everyone> see <https://evil.example|this> & `that`",
                _ => {}
            }
        }
        answers
    };
    world
        .submit_until_taken("guide", &hostile(tests::world::guide(ADA)))
        .await?;
    world.settle().await?;
    let mail = world.mails_to(ADA)?.pop().context("the magnet mail")?;
    world.open_and_press(&link(&mail, "/d/")?, &[]).await?;
    world
        .submit_until_taken("demo", &hostile(demo(ADA)))
        .await?;
    world.settle().await?;
    let hooks = hooks(&world, "team-chat").await?;
    assert_eq!(hooks.len(), 1);
    let mut message = body(&hooks[0]);
    let fallback = message["text"].as_str().context("text")?;
    assert!(!fallback.contains(['<', '>']), "{fallback}");
    assert!(!fallback.contains("@here"), "{fallback}");
    // Typed text stands in plain_text elements only: the answer buttons are the one thing that leads anywhere.
    let mut kinds = BTreeSet::new();
    texts(&message["blocks"], &mut kinds);
    assert_eq!(kinds, BTreeSet::from(["plain_text".to_owned()]));
    for block in message["blocks"].as_array_mut().context("blocks")? {
        let elements = block.get_mut("elements").and_then(Value::as_array_mut);
        for button in elements.into_iter().flatten() {
            if let Some(url) = button["url"].as_str() {
                let (base, answer) = url.split_once('?').context("an answer")?;
                assert!(
                    base.starts_with(&format!("{}/h/", world.app.url())),
                    "{base}"
                );
                button["url"] = format!("[signed link]?{answer}").into();
            }
        }
    }
    insta::assert_json_snapshot!(message);
    Ok(())
}

/// The kinds of all text objects.
fn texts(value: &Value, kinds: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            if fields.get("text").is_some_and(Value::is_string) {
                kinds.insert(fields["type"].as_str().unwrap_or_default().to_owned());
            }
            fields.values().for_each(|v| texts(v, kinds));
        }
        Value::Array(list) => list.iter().for_each(|v| texts(v, kinds)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lead_becomes_a_contact_in_hubspot_and_a_lead_in_salesforce() -> anyhow::Result<()> {
    let channels = "[[channel]]\nid = \"hub\"\nkind = \"hubspot\"\nurl = \"/local/sink/hub\"\nsecret = \"hubspot\"\n\n\
         [[channel]]\nid = \"force\"\nkind = \"salesforce\"\nurl = \"/local/sink/force\"\noid = \"00D000000000001\"\n";
    let world = world(611, channels, Clock::from_fn(|| START)).await?;
    std::fs::write(secret_file(&world, "hubspot"), "pat-eu1-token")?;
    become_mql(&world, ADA).await?;
    let hub = hooks(&world, "hub").await?.remove(0);
    assert_eq!(header(&hub, "authorization"), "Bearer pat-eu1-token");
    insta::assert_json_snapshot!("hubspot", body(&hub));
    let force = hooks(&world, "force").await?.remove(0);
    assert!(header(&force, "content-type").starts_with("application/x-www-form-urlencoded"));
    let fields: Vec<(String, String)> = reqwest::Url::parse(&format!(
        "http://sink/?{}",
        force["body"].as_str().context("body")?
    ))?
    .query_pairs()
    .into_owned()
    .collect();
    insta::assert_json_snapshot!("salesforce", fields);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_tells_people_and_channels_of_each_submission() -> anyhow::Result<()> {
    let world = example(612).await?;
    world.submit_until_taken("demo", &demo(ADA)).await?;
    world.settle().await?;
    let hooks = hooks(&world, "crm").await?;
    let notices: Vec<Value> = hooks
        .iter()
        .map(body)
        .filter(|b| b["type"] == "submission.created")
        .collect();
    assert_eq!(notices.len(), 1);
    assert_eq!(notices[0]["data"]["submission"]["form"], "demo");
    assert_eq!(
        notices[0]["data"]["submission"]["fields"]["company"],
        "Analytical Engines"
    );
    let mails = world.mails_to("mira.devries@aldermoor.example")?;
    let by_mail = mails.iter().filter(|m| m.tags["kind"] == "notice");
    assert_eq!(by_mail.count(), 1, "the notice by mail");
    // The guide names nobody.
    world
        .submit_until_taken(
            "guide",
            &tests::world::guide("grace@analytical-engines.com"),
        )
        .await?;
    world.settle().await?;
    assert_eq!(self::hooks(&world, "crm").await?.len(), hooks.len());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn frm_13_a_channel_to_another_port_of_this_machine_reaches_nothing() -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let url = format!("http://{}/in", listener.local_addr()?);
    let chat = "[[channel]]\nid = \"chat\"\nkind = \"slack\"\nsecret = \"chat\"\n";
    let world = world(613, chat, Clock::from_fn(|| START)).await?;
    std::fs::create_dir_all(secret_file(&world, "chat").parent().context("folder")?)?;
    std::fs::write(secret_file(&world, "chat"), &url)?;
    become_mql(&world, ADA).await?;
    let refused = item(&world, "alr_1_chat").await?;
    assert_eq!(refused["state"], "PENDING");
    assert_eq!(
        refused["reason"],
        "the address does not begin with https://"
    );
    let accepted = std::future::poll_fn(|cx| match listener.poll_accept(cx) {
        std::task::Poll::Ready(_) => std::task::Poll::Ready(true),
        std::task::Poll::Pending => std::task::Poll::Ready(false),
    });
    assert!(!accepted.await, "somebody connected");
    Ok(())
}
