//! The way to the captcha services: what each of them may say of a token, what follows for the post, and that a visitor sees no difference.
//! Mailing fails closed and storing open, as docs/abuse.md says.

use std::collections::BTreeSet;

use lodestone::app::Options;
use reqwest::Response;
use reqwest::header::LOCATION;
use serde_json::Value;
use shared::runtime::Clock;
use tempfile::TempDir;
use tests::captcha::{ACTION, Captcha, HOST};
use tests::project;
use tests::world::{START, World, guide};
use tokio::task::JoinSet;

/// A service, the field that its widget posts, and where its tokens are checked.
const SERVICES: [(&str, &str, &str); 3] = [
    (
        "turnstile",
        "cf-turnstile-response",
        "challenges.cloudflare.com/turnstile/v0/siteverify",
    ),
    (
        "hcaptcha",
        "h-captcha-response",
        "api.hcaptcha.com/siteverify",
    ),
    (
        "recaptcha",
        "g-recaptcha-response",
        "www.google.com/recaptcha/api/siteverify",
    ),
];

/// What becomes of a post.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Stored and mailed.
    Taken,
    /// Stored, and the mail waits.
    Waits,
    /// Set aside whole, for this reason.
    Aside(&'static str),
}

/// What the service says (the first word of the token, see the stand-in), what follows, and how often it is asked.
const TABLE: [(&str, End, usize); 11] = [
    ("good", End::Taken, 1),
    ("hiccup", End::Taken, 2),
    ("late", End::Taken, 2),
    ("used", End::Aside("failed_proof"), 1),
    ("elsewhere", End::Aside("failed_proof"), 1),
    ("login", End::Aside("failed_proof"), 1),
    ("low", End::Aside("failed_proof"), 1),
    ("secret", End::Waits, 2),
    ("broken", End::Waits, 2),
    ("garbage", End::Waits, 2),
    ("never", End::Waits, 2),
];

/// A form for each service, on a system that reaches the stand-in where it means the services.
pub async fn world(seed: u64, captcha: &Captcha) -> anyhow::Result<(World, TempDir)> {
    let folder = tempfile::tempdir()?;
    tests::copy_site(folder.path())?;
    let form = std::fs::read_to_string(folder.path().join("forms/guide.toml"))?;
    for (service, _, _) in SERVICES {
        let proof = format!(
            "{form}\n[proof]\nkind = \"{service}\"\nsite_key = \"k\"\nsecret = \"captcha-{service}\"\nhosts = [\"{HOST}\"]\naction = \"{ACTION}\"\n"
        );
        std::fs::write(folder.path().join(format!("forms/{service}.toml")), proof)?;
    }
    let mut options = Options::step(
        seed,
        Clock::from_fn(|| START),
        folder.path().to_owned(),
        project("infra/template.yaml"),
    );
    options.outbound = Some(captcha.connector());
    let world = World::start(options).await?;
    let secrets = world.app.core().stack().folder.join("secrets/site");
    std::fs::create_dir_all(&secrets)?;
    for (service, _, _) in SERVICES {
        let secret = secrets.join(format!("captcha-{service}"));
        std::fs::write(secret, format!("known-by-{service}"))?;
    }
    Ok((world, folder))
}

fn email(service: &str, word: &str, asker: &str) -> String {
    format!("{word}.{service}.{asker}@analytical-engines.com")
}

/// One visitor with a page and one with a script; what differs from visitor to visitor is made the same.
async fn seen(answer: Response) -> anyhow::Result<String> {
    let (status, to) = (
        answer.status(),
        answer
            .headers()
            .get(LOCATION)
            .map(|v| v.to_str().map(str::to_owned)),
    );
    let to = to.transpose()?;
    let body = answer.text().await?;
    let body = match serde_json::from_str::<Value>(&body) {
        Ok(mut json) => {
            json["id"] = "id".into();
            json.to_string()
        }
        Err(_) => body,
    };
    Ok(format!("{status} {to:?} {body}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn frm_3_whatever_a_captcha_service_says_the_visitor_sees_thanks_and_only_a_good_token_is_mailed()
-> anyhow::Result<()> {
    let captcha = Captcha::start().await?;
    let (world, _folder) = world(350, &captcha).await?;
    let mut seen_by: [BTreeSet<String>; 2] = Default::default();
    let mut waiting = JoinSet::new();
    for (service, field, _) in SERVICES {
        for (word, _, _) in TABLE {
            for (asker, accept) in [(0, "text/html"), (1, "application/json")] {
                let address = email(service, word, ["page", "script"][asker]);
                // For each post a token of its own: the stand-in remembers them.
                let token = format!("{word}-{service}-{asker}");
                let mut pairs = guide(&address);
                pairs.push((field, &token));
                let post = world
                    .post(&format!("/f/{service}"))
                    .header("Accept", accept)
                    .form(&pairs)
                    .send();
                // Those that get no answer wait side by side.
                if matches!(word, "late" | "never") {
                    waiting.spawn(async move { (asker, post.await) });
                } else {
                    seen_by[asker].insert(seen(post.await?).await?);
                }
            }
        }
    }
    while let Some(answered) = waiting.join_next().await {
        let (asker, answer) = answered?;
        seen_by[asker].insert(seen(answer?).await?);
    }
    world.settle().await?;

    // One answer for all pages of a form, and one for all scripts: they differ in the form's name only.
    let [pages, scripts] = &seen_by;
    assert_eq!((pages.len(), scripts.len()), (3, 3), "{seen_by:#?}");
    assert!(pages.iter().all(|p| p.starts_with("303")), "{pages:?}");
    assert!(scripts.iter().all(|s| s.starts_with("200")), "{scripts:?}");

    let listing: Value = world.get("/local/quarantine").send().await?.json().await?;
    let held = listing["held"].as_array().unwrap();
    let asked = captcha.asked();
    for (service, _, url) in SERVICES {
        for (word, end, times) in TABLE {
            for asker in ["page", "script"] {
                let row = format!("{service} {word} {asker}");
                let address = email(service, word, asker);
                let doubt = held.iter().find(|h| h["email"] == address.as_str());
                let doubt = doubt.map(|h| h["doubt"].as_str().unwrap().to_owned());
                let stored = world.lead(&address).await?.is_some();
                let mails = world.mails_to(&address)?.len();
                let expected = match end {
                    End::Taken => (None, true, 1),
                    End::Waits => (Some("unchecked".to_owned()), true, 0),
                    End::Aside(reason) => (Some(reason.to_owned()), false, 0),
                };
                assert_eq!((doubt, stored, mails), expected, "{row}");
            }
            let token = format!("{word}-{service}-0");
            let tries: Vec<_> = asked
                .iter()
                .filter(|a| a.field("response") == token)
                .collect();
            assert_eq!(tries.len(), times, "{service} {word}");
            for tried in &tries {
                assert_eq!(tried.url, url);
                assert_eq!(tried.field("secret"), format!("known-by-{service}"));
                let key = tried.field("idempotency_key");
                assert_eq!(key.len(), 36, "{key}");
                assert_eq!(key, tries[0].field("idempotency_key"), "the same key again");
                // No name of the visitor goes along.
                assert_eq!(tried.fields.len(), 3, "{:?}", tried.fields);
            }
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn frm_3_a_token_that_cannot_be_one_is_not_sent_on() -> anyhow::Result<()> {
    let captcha = Captcha::start().await?;
    let (world, _folder) = world(351, &captcha).await?;
    let long = "x".repeat(2_049);
    for (who, token) in [("none", None), ("blank", Some(" ")), ("long", Some(&*long))] {
        let address = email("turnstile", who, "script");
        let mut pairs = guide(&address);
        pairs.extend(token.map(|token| ("cf-turnstile-response", token)));
        let (status, _) = world.submit("turnstile", &pairs).await?;
        assert_eq!(status, 200, "{who}");
    }
    // Another service's token proves nothing here.
    let other = email("turnstile", "other", "script");
    let mut pairs = guide(&other);
    pairs.push(("h-captcha-response", "good"));
    world.submit("turnstile", &pairs).await?;
    world.settle().await?;
    assert_eq!(captcha.asked(), []);
    assert!(world.app.ses().mails()?.is_empty());
    let listing: Value = world.get("/local/quarantine").send().await?.json().await?;
    let mut doubts: Vec<&str> = listing["held"]
        .as_array()
        .unwrap()
        .iter()
        .map(|h| h["doubt"].as_str().unwrap())
        .collect();
    doubts.sort_unstable();
    assert_eq!(doubts, ["failed_proof", "no_proof", "no_proof", "no_proof"]);
    Ok(())
}
