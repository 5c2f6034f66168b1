//! Everything that says who somebody is, or opens a door, planted along the whole path and off it: each dialect, proofs and traps, links,
//! sales, channels, refusals, failures of the store, of mail and of receivers, records that cannot be read, the end of a person. None of it
//! is in a log line.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Context as _;
use aws_sdk_dynamodb::types::AttributeValue;
use lodestone::person::erase::erase;
use lodestone::quarantine::{Quarantine, Which};
use lodestone::ses::{Fault as MailFault, FaultKind, Happening};
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use shared::domain::erasure::EraseReason;
use shared::domain::id::{hex, hmac_sha256};
use tests::captcha::Captcha;
use tests::fault::Plan;
use tests::moved;
use tests::world::{Pair, World, hidden_fields};

use super::Log;
use crate::person::records;

const ADA: &str = "planted.ada@analytical-engines.com";
const IP: &str = "203.0.113.77";
const SHOP: &str = "https://www.shop.example";
/// What no line may have in it, in lower case. Nearly everything planted has the word itself in it.
const WORDS: [&str; 9] = [
    "planted",
    "@",
    "%40",
    "612345678",
    "12 34 56 78",
    IP,
    "known-by-turnstile",
    "app-secret",
    "ask-me",
];

/// All that a visitor can say.
fn answers(email: &str) -> Vec<Pair<'_>> {
    vec![
        ("email", email),
        ("first_name", "Plantedfirst"),
        ("last_name", "Plantedlast"),
        ("company", "Planted Engines"),
        ("job_title", "Planted engineer"),
        ("phone", "06 12 34 56 78"),
        ("message", "Planted words\nand more of them"),
        ("website", "https://planted.example"),
        ("newsletter", "on"),
        ("gclid", "PlantedClick_1"),
        ("utm_campaign", "planted-campaign"),
    ]
}

/// A visitor with a page, a network, a key and a referrer of their own.
fn visitor(world: &World, path: &str) -> RequestBuilder {
    world
        .post_from(IP, path)
        .header("Origin", SHOP)
        .header("Referer", format!("{SHOP}/planted-page?mc_eid=planted"))
        .header("User-Agent", "Planted/1.0")
}

/// Posts in each service's words.
async fn post_everywhere(world: &World) -> anyhow::Result<()> {
    let named: Vec<String> = (0..8)
        .map(|n| format!("planted.n{n}@engines.com"))
        .collect();
    let key = |post: RequestBuilder| post.header("Idempotency-Key", "planted-key-4711");
    let pairs = |n: usize, more: &[Pair<'static>]| {
        let mut pairs = answers(&named[n]);
        pairs.extend(more);
        pairs
            .into_iter()
            .map(|(n, v)| (n.to_owned(), v.to_owned()))
            .collect::<Vec<_>>()
    };
    let object = |n: usize| {
        let pairs = answers(&named[n]).into_iter();
        Value::Object(pairs.map(|(n, v)| (n.to_owned(), json!(v))).collect())
    };
    let submit = "/submissions/v3/integration/submit/1/8f2e5c1a-7b3d-4e6f-9a0b-1c2d3e4f5a6b";
    let fields = answers(&named[2]).into_iter();
    let fields: Vec<Value> = fields
        .map(|(n, v)| json!({ "name": n, "value": v }))
        .collect();
    let google = json!({ "lead_id": "planted-lead", "google_key": "k-e-y", "gcl_id": "PlantedClick_2", "user_column_data": [
        { "column_id": "EMAIL", "string_value": &named[6] }, { "column_id": "PHONE_NUMBER", "string_value": "+31 6 12 34 56 78" },
        { "column_id": "FULL_NAME", "string_value": "Plantedfirst Plantedlast" }] });
    let posts = [
        key(visitor(world, "/f/moved")).form(&pairs(0, &[])),
        // The key again, for something else.
        key(visitor(world, "/f/moved")).form(&pairs(0, &[("vat", "planted-vat")])),
        visitor(world, "/f/xpzgkqyw").json(&object(1)),
        visitor(world, submit).json(&json!({ "fields": fields, "context": { "pageUri": "https://www.shop.example/planted" } })),
        visitor(world, "/servlet/servlet.WebToLead").form(&pairs(3, &[("oid", "00D5g000004abcd")])),
        visitor(world, "/netlify").form(&pairs(4, &[("form-name", "contact")])),
        visitor(world, "/form/submit?formId=7").form(&pairs(5, &[])),
        visitor(world, "/google/moved").json(&google),
    ];
    let mut statuses = Vec::new();
    for post in posts {
        statuses.push(post.send().await?.status().as_u16());
    }
    assert_eq!(statuses, [303, 409, 200, 200, 303, 303, 303, 200]);
    let meta = json!({ "object": "page", "entry": [{ "id": "1", "changes": [{ "field": "leadgen",
        "value": { "leadgen_id": "planted-meta", "form_id": 444_555_666, "created_time": 1_772_441_000 } }] }] });
    let mac = hmac_sha256(b"app-secret", &[meta.to_string().as_bytes()]);
    let signed = visitor(world, "/meta/moved")
        .header("X-Hub-Signature-256", format!("sha256={}", hex(&mac)));
    assert!(
        signed
            .body(meta.to_string())
            .send()
            .await?
            .status()
            .is_success()
    );
    world.settle().await
}

/// What is refused, and what is doubted.
async fn post_wrongly(world: &World, nonce: &str) -> anyhow::Result<()> {
    let email = "planted.doubt@engines.com";
    let posts = [
        visitor(world, "/f/moved").form(&[("email", "planted nobody"), ("phone", "planted")]),
        visitor(world, "/f/moved").json(&json!({ "email": { "planted": [[[["planted"]]]] } })),
        visitor(world, "/f/moved")
            .header("Content-Type", "application/json")
            .body("{planted@"),
        visitor(world, "/f/moved")
            .header("Content-Type", "multipart/form-data; boundary=planted")
            .body("planted"),
        visitor(world, "/f/moved")
            .header("Content-Type", "text/planted; charset=planted")
            .body("planted"),
        visitor(world, "/f/moved").body("planted".repeat(10_000)),
        visitor(world, "/f/moved")
            .header("Idempotency-Key", "planted".repeat(50))
            .form(&answers(email)),
        visitor(world, "/f/planted-form@engines.com").form(&answers(email)),
        visitor(world, "/google/moved")
            .json(&json!({ "google_key": "planted-key", "user_column_data": [] })),
        visitor(world, "/meta/moved")
            .header("X-Hub-Signature-256", "sha256=planted")
            .body("planted"),
        visitor(world, "/sales/verdict")
            .header("webhook-signature", "v1,planted")
            .json(&json!({ "email": ADA })),
        visitor(world, "/f/guide")
            .form(&[answers(email), vec![("_gotcha", "planted trap")]].concat()),
        visitor(world, "/f/guide").form(&[answers(email), vec![("_nonce", nonce)]].concat()),
        visitor(world, "/f/guide").form(&[answers(email), vec![("_nonce", "v1.planted")]].concat()),
        visitor(world, "/f/proven").form(
            &[
                answers(email),
                vec![("cf-turnstile-response", "good-planted")],
            ]
            .concat(),
        ),
        visitor(world, "/f/proven").form(
            &[
                answers(email),
                vec![("cf-turnstile-response", "used-planted")],
            ]
            .concat(),
        ),
        visitor(world, "/f/proven").form(
            &[
                answers("planted.b@engines.com"),
                vec![("cf-turnstile-response", "broken-planted")],
            ]
            .concat(),
        ),
        visitor(world, "/f/proven").form(
            &[
                answers("planted.g@engines.com"),
                vec![("cf-turnstile-response", "garbage-planted")],
            ]
            .concat(),
        ),
    ];
    for post in posts {
        post.send().await?;
    }
    for path in [
        "/d/v1.planted",
        "/u/v1.planted",
        "/h/v1.planted",
        "/p/planted@x",
        "/c/v1.planted?email=planted@x",
    ] {
        world.get(path).send().await?;
        visitor(world, path)
            .form(&[("planted", ADA)])
            .send()
            .await?;
    }
    // One network posts too often.
    for _ in 0..30 {
        visitor(world, "/f/moved")
            .form(&[("email", "planted nobody else")])
            .send()
            .await?;
        visitor(world, "/f/moved")
            .form(&[("email", ADA)])
            .send()
            .await?;
    }
    world.settle().await?;
    let model = &world.app.core().stack().model;
    let quarantine = Quarantine::open(world.app.runtime(), world.store()?, model).await?;
    for held in quarantine.find(&Which::default()).await? {
        quarantine.release(&held).await?;
    }
    world.settle().await
}

/// Opens and presses every link of every mail that is there.
async fn press_everything(world: &World, tokens: &mut BTreeSet<String>) -> anyhow::Result<()> {
    let mails = world.app.ses().mails()?;
    let links: BTreeSet<String> = mails.into_iter().flat_map(|m| m.links).collect();
    for link in links.iter().filter(|l| l.starts_with(world.app.url())) {
        let token = link.split(['/', '?', '#']).find(|t| t.starts_with("v1."));
        let Some(token) = token else { continue };
        if !tokens.insert(token.to_owned()) {
            continue;
        }
        let page = world.get(link).send().await?.text().await?;
        let mut pairs = hidden_fields(&page);
        tokens.extend(
            pairs
                .iter()
                .map(|(_, value)| value.clone())
                .filter(|v| v.len() > 12),
        );
        pairs.extend(
            [("answer", "accept"), ("note", "Planted note")]
                .map(|(n, v)| (n.to_owned(), v.to_owned())),
        );
        // Leaving is for later.
        if !link.contains("/u/") && !link.contains("/p/") {
            world.press(link).form(&pairs).send().await?;
        }
    }
    world.settle().await
}

/// Store, mail and receivers fail; records come that cannot be read.
async fn fail_everywhere(world: &World) -> anyhow::Result<()> {
    for name in ["crm", "team-chat"] {
        let mode = json!({ "name": name, "status": 500, "count": 3 });
        world
            .post("/local/sink-mode")
            .json(&mode)
            .send()
            .await?
            .error_for_status()?;
    }
    for kind in [
        FaultKind::Refuse,
        FaultKind::Timeout,
        FaultKind::Error500,
        FaultKind::LoseReply,
    ] {
        world.app.ses().order_fault(MailFault {
            kind,
            count: 1,
            error: None,
            message: Some(format!("Email address is not verified: {ADA}")),
            hold_ms: 0,
        });
    }
    world.faults.start(Plan {
        seed: 83,
        per_mille: 300,
        calls: 400,
    });
    for n in 0..12 {
        let email = format!("planted.f{n}@engines.com");
        let mut pairs = answers(&email);
        pairs.push(("country", "NL"));
        for form in ["guide", "demo"] {
            // Refused or taken: what counts is what is said of it.
            world.submit(form, &pairs).await?;
        }
        world.app.settle().await.ok();
    }
    // Nothing gets through at all.
    world.faults.start(Plan {
        seed: 84,
        per_mille: 1000,
        calls: 400,
    });
    for n in 0..4 {
        let email = format!("planted.f{n}@engines.com");
        world.submit("guide", &answers(&email)).await?;
    }
    world.faults.stop();
    let stack = world.app.core().stack();
    for (table, key) in [
        ("TouchpointsTable", "sub_poison"),
        ("OutboxTable", "mal_poison"),
    ] {
        let text = |t: &str| AttributeValue::S(t.to_owned());
        let item = [
            ("lead_id", text("0000000000000000000000000p")),
            ("id", text(key)),
            ("kind", text("planted kind")),
            ("reader", text("deliver")),
            ("email", AttributeValue::L(vec![text(ADA)])),
            ("order", text(ADA)),
        ];
        let client = world.app.runtime().aws.dynamodb();
        let put = client.put_item().table_name(stack.table(table)?);
        let item = item.into_iter().map(|(n, v)| (n.to_owned(), v)).collect();
        put.set_item(Some(item)).send().await?;
    }
    for body in [
        ADA.to_owned(),
        json!({ "mail": { "destination": [ADA] }, "eventType": "Strange" }).to_string(),
    ] {
        let event =
            json!({ "Records": [{ "eventSource": "aws:sqs", "messageId": "m", "body": body }] });
        world.app.call("feedback", event).await;
    }
    world.settle().await?;
    world.advance(3 * 3_600).await
}

/// Complaints, bounces, leaving, the end.
async fn end(world: &World) -> anyhow::Result<()> {
    for (n, mail) in world.app.ses().mails()?.into_iter().enumerate() {
        let happening = [
            Happening::Complaint,
            Happening::Bounce,
            Happening::BounceTransient,
        ][n % 3];
        world.app.ses().play(happening, &mail.id, None).await?;
        for link in mail
            .links
            .iter()
            .filter(|l| l.contains("/u/") || l.contains("/p/"))
        {
            world
                .press(link)
                .body("List-Unsubscribe=One-Click")
                .send()
                .await?;
        }
    }
    world.settle().await?;
    let store = world.store()?;
    for email in [ADA, "planted.n0@engines.com", "planted.f3@engines.com"] {
        let records = records(world, &store);
        erase(&records, email, EraseReason::Request, |_| Ok(())).await?;
    }
    world.advance(2 * 24 * 3_600).await
}

/// Every secret in a folder, but those that are too short to be found by chance only.
fn secrets(folder: &Path, found: &mut BTreeSet<String>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            secrets(&path, found)?;
        } else {
            let text = std::fs::read_to_string(&path)?;
            found.extend(
                text.split(['"', '\n'])
                    .filter(|t| t.len() > 12)
                    .map(str::to_owned),
            );
        }
    }
    Ok(())
}

#[tokio::test]
async fn frm_11_nothing_planted_in_any_dialect_link_channel_refusal_or_failure_is_in_any_log_line()
-> anyhow::Result<()> {
    let captcha = Captcha::start().await?;
    let folder = tempfile::tempdir()?;
    let mut options = moved::options(82, folder.path())?;
    let forms = folder.path().join("site/forms");
    let form = std::fs::read_to_string(forms.join("guide.toml"))?;
    let proof = "[proof]\nkind = \"turnstile\"\nsite_key = \"k\"\nsecret = \"turnstile\"\n";
    std::fs::write(forms.join("proven.toml"), format!("{form}\n{proof}"))?;
    let secret = folder.path().join("data/secrets/site/turnstile");
    std::fs::write(secret, "known-by-turnstile")?;
    options.outbound = Some(captcha.connector());

    let log = Log::start();
    let world = World::start(options).await?;
    let mut tokens = BTreeSet::new();
    let challenge: Value = world.get("/f/guide/challenge").send().await?.json().await?;
    let nonce = challenge["nonce"].as_str().context("a ticket")?.to_owned();
    post_everywhere(&world).await?;
    world.submit("guide", &answers(ADA)).await?;
    world.settle().await?;
    press_everything(&world, &mut tokens).await?;
    let mut ready = answers(ADA);
    ready.extend([
        ("country", "NL"),
        ("employees", "250"),
        ("budget", "over-1m"),
        ("authority", "decide"),
        ("timeline", "now"),
    ]);
    world.submit("demo", &ready).await?;
    world.settle().await?;
    press_everything(&world, &mut tokens).await?;
    post_wrongly(&world, &nonce).await?;
    fail_everywhere(&world).await?;
    press_everything(&world, &mut tokens).await?;
    end(&world).await?;
    let asked = captcha.asked();
    let keys = asked.iter().map(|a| a.field("idempotency_key").to_owned());
    tokens.extend(keys.chain([nonce]));
    secrets(&folder.path().join("data/secrets"), &mut tokens)?;
    let log = log.end();

    // It went wrong in all the ways that it was meant to, and was told.
    for told in [
        "a captcha service gave no verdict",
        "a post is doubted",
        "a submission could not be written",
        "set a record aside",
    ] {
        assert!(log.contains(told), "{told:?} is not in the log:\n{log}");
    }
    assert!(tokens.len() > 30, "{} tokens", tokens.len());
    let lower = log.to_lowercase();
    for planted in WORDS {
        let line = lower.lines().find(|l| l.contains(planted));
        assert!(line.is_none(), "{planted:?} is in a log line: {line:?}");
    }
    for token in &tokens {
        let line = log.lines().find(|l| l.contains(token.as_str()));
        assert!(line.is_none(), "{token:?} is in a log line: {line:?}");
    }
    println!(
        "{} log lines, {} tokens and secrets, none of them in a line",
        log.lines().count(),
        tokens.len()
    );
    Ok(())
}
