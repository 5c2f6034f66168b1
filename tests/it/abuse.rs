//! The abuse ladder: what may not come from a person looks like a success, is set aside with its reason, and can be taken up.

use base64::Engine as _;
use lodestone::app::Options;
use lodestone::quarantine::{Quarantine, Which};
use reqwest::StatusCode;
use serde_json::Value;
use shared::domain::held::Doubt;
use shared::runtime::Clock;
use tests::project;
use tests::world::{Pair, START, World, guide, hidden_fields};

const ADA: &str = "ada@analytical-engines.com";
const GRACE: &str = "grace@analytical-engines.com";

/// A fresh ticket of a form.
async fn ticket(world: &World, form: &str) -> anyhow::Result<String> {
    let answer: Value = world
        .get(&format!("/f/{form}/challenge"))
        .send()
        .await?
        .error_for_status()?
        .json()
        .await?;
    Ok(answer["nonce"].as_str().unwrap().to_owned())
}

async fn submit_with(
    world: &World,
    email: &str,
    more: &[Pair<'_>],
) -> anyhow::Result<(StatusCode, Value)> {
    let mut pairs = guide(email);
    pairs.extend(more);
    world.submit("guide", &pairs).await
}

/// What is set aside: address and doubt, latest first.
async fn set_aside(world: &World) -> anyhow::Result<Vec<(String, String)>> {
    let listing: Value = world.get("/local/quarantine").send().await?.json().await?;
    let text = |entry: &Value, name: &str| entry[name].as_str().unwrap().to_owned();
    let held = listing["held"].as_array().unwrap().iter();
    Ok(held.map(|e| (text(e, "email"), text(e, "doubt"))).collect())
}

async fn quarantine(world: &World) -> anyhow::Result<Quarantine> {
    let model = &world.app.core().stack().model;
    Quarantine::open(world.app.runtime(), world.store()?, model).await
}

#[tokio::test(flavor = "multi_thread")]
async fn frm_3_a_form_that_comes_back_at_once_is_set_aside_and_one_that_was_read_is_taken()
-> anyhow::Result<()> {
    let world = World::calm(301).await?;
    let page = world
        .get("/f/guide?utm_source=Spring")
        .send()
        .await?
        .text()
        .await?;
    let hidden = hidden_fields(&page);
    let nonce = hidden.iter().find(|(name, _)| name == "_nonce").unwrap();
    let campaign = ("utm_source".to_owned(), "Spring".to_owned());
    assert!(
        hidden.contains(&campaign),
        "the campaign of the link is carried on: {hidden:?}"
    );

    let fast = submit_with(&world, ADA, &[("_nonce", &nonce.1)]).await?;
    world.settle().await?;
    assert!(world.lead(ADA).await?.is_none());
    assert!(world.mails_to(ADA)?.is_empty());
    assert_eq!(
        set_aside(&world).await?,
        [(ADA.to_owned(), "too_fast".to_owned())]
    );

    let own = ticket(&world, "guide").await?;
    world.advance(5).await?;
    let read = submit_with(&world, GRACE, &[("_nonce", &own)]).await?;
    world.settle().await?;
    assert!(world.lead(GRACE).await?.is_some());
    let shape = |(status, mut body): (StatusCode, Value)| {
        body["id"] = Value::from("id");
        (status, body.to_string())
    };
    assert_eq!(
        shape(fast),
        shape(read),
        "nobody can tell one from the other"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn frm_3_each_doubt_is_set_aside_under_its_own_reason() -> anyhow::Result<()> {
    let world = World::calm(302).await?;
    let spent = ticket(&world, "guide").await?;
    let late = ticket(&world, "guide").await?;
    let other = ticket(&world, "demo").await?;
    world.advance(10).await?;
    let forged = format!("{}x", &spent[..spent.len() - 1]);
    submit_with(&world, ADA, &[("_nonce", &spent)]).await?;
    let repeat = submit_with(&world, ADA, &[("_nonce", &spent)]).await?;
    assert_eq!(
        repeat.0,
        StatusCode::OK,
        "the same post again is the same post"
    );
    submit_with(
        &world,
        "spent@analytical-engines.com",
        &[("_nonce", &spent)],
    )
    .await?;
    submit_with(
        &world,
        "forged@analytical-engines.com",
        &[("_nonce", &forged)],
    )
    .await?;
    submit_with(
        &world,
        "other@analytical-engines.com",
        &[("_nonce", &other)],
    )
    .await?;
    submit_with(
        &world,
        "test@analytical-engines.com",
        &[("is_test", "true")],
    )
    .await?;
    let driven = world
        .post("/f/guide")
        .header("Accept", "application/json")
        // {"loadedAt":1,"webdriver":true}
        .header(
            "Formspree-Session-Data",
            "eyJsb2FkZWRBdCI6MSwid2ViZHJpdmVyIjp0cnVlfQ==",
        )
        .form(&guide("driven@analytical-engines.com"))
        .send()
        .await?;
    assert_eq!(driven.status(), 200);
    world.advance(25 * 3600).await?;
    submit_with(&world, "late@analytical-engines.com", &[("_nonce", &late)]).await?;
    world.settle().await?;

    let mut found = set_aside(&world).await?;
    found.sort();
    let expected = [
        ("driven", Doubt::Automated),
        ("forged", Doubt::ForgedTicket),
        ("late", Doubt::TooLate),
        ("other", Doubt::OtherForm),
        ("spent", Doubt::SpentTicket),
        ("test", Doubt::Test),
    ]
    .map(|(who, doubt)| {
        (
            format!("{who}@analytical-engines.com"),
            doubt.code().to_owned(),
        )
    });
    assert_eq!(found, expected);
    for (email, _) in &expected {
        assert!(world.lead(email).await?.is_none(), "{email}");
    }
    assert_eq!(world.app.ses().mails()?.len(), 1, "only Ada's");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_of_one_person_sent_again_with_other_answers_is_set_aside_not_refused()
-> anyhow::Result<()> {
    let world = World::calm(303).await?;
    let own = ticket(&world, "guide").await?;
    world.advance(10).await?;
    submit_with(&world, ADA, &[("_nonce", &own)]).await?;
    let (status, _) = submit_with(&world, ADA, &[("_nonce", &own), ("message", "more")]).await?;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        set_aside(&world).await?,
        [(ADA.to_owned(), "spent_ticket".to_owned())]
    );
    let quarantine = quarantine(&world).await?;
    let held = quarantine.find(&Which::default()).await?;
    quarantine.release(&held[0]).await?;
    world.settle().await?;
    let facts = world.known(ADA).await?;
    let submitted = facts["touchpoints"].as_array().unwrap().iter();
    assert_eq!(
        submitted.filter(|t| t["kind"] == "form_submitted").count(),
        2
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_goes_the_way_of_every_submission_once_and_a_drop_forgets() -> anyhow::Result<()>
{
    let world = World::unruly(304).await?;
    let own = ticket(&world, "guide").await?;
    let (_, answered) =
        submit_with(&world, ADA, &[("_nonce", &own), ("utm_source", "Spring")]).await?;
    let other = ticket(&world, "guide").await?;
    submit_with(&world, GRACE, &[("_nonce", &other)]).await?;
    world.settle().await?;
    world.advance(3600).await?;

    let quarantine = quarantine(&world).await?;
    let all = quarantine.find(&Which::default()).await?;
    assert_eq!(all.len(), 2);
    let ada = all.iter().find(|h| h.id == answered["id"]).unwrap();
    // Twice, as after a crash between taking up and forgetting.
    let id = quarantine.release(ada).await?;
    assert_eq!(quarantine.release(ada).await?, id);
    assert_eq!(id, answered["id"], "the id that the visitor was given");
    world.settle().await?;
    let known = world.known(ADA).await?;
    let facts = known["touchpoints"].as_array().unwrap();
    let submitted: Vec<&Value> = facts
        .iter()
        .filter(|t| t["kind"] == "form_submitted")
        .collect();
    assert_eq!(submitted.len(), 1);
    assert_eq!(
        submitted[0]["at"], ada.at.0,
        "it happened when it was posted"
    );
    assert_eq!(submitted[0]["source"]["params"]["utm_source"], "Spring");
    assert_eq!(world.mails_to(ADA)?.len(), 1);

    let grace = Which {
        doubt: Some(Doubt::TooFast),
        ..Which::default()
    };
    for held in quarantine.find(&grace).await? {
        quarantine.discard(&held).await?;
    }
    assert!(set_aside(&world).await?.is_empty());
    assert!(world.lead(GRACE).await?.is_none());
    let nothing = Which {
        ids: vec!["sub_nothing".into()],
        ..Which::default()
    };
    let error = quarantine.find(&nothing).await.unwrap_err().to_string();
    assert!(error.contains("quarantine list"), "{error}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_is_kept_apart_and_never_taken_up() -> anyhow::Result<()> {
    let world = World::calm(305).await?;
    submit_with(&world, ADA, &[("is_test", "1")]).await?;
    world.settle().await?;
    let quarantine = quarantine(&world).await?;
    let held = quarantine.find(&Which::default()).await?;
    let error = quarantine.release(&held[0]).await.unwrap_err().to_string();
    assert!(error.contains("it is a test"), "{error}");
    let listing = quarantine.list().await?;
    assert!(!listing.held[0].releasable);
    assert_eq!(world.app.core().totals().await?.touchpoints, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn frm_3_a_trap_moves_a_counter_and_nothing_else() -> anyhow::Result<()> {
    let world = World::calm(306).await?;
    for n in 0..3 {
        let spam = format!("http://spam.example/{n}");
        submit_with(&world, ADA, &[("_gotcha", &spam)]).await?;
    }
    world.settle().await?;
    assert_eq!(world.app.core().totals().await?.touchpoints, 0);
    let listing = quarantine(&world).await?.list().await?;
    assert!(listing.held.is_empty());
    assert_eq!(listing.steps["guide"]["trapped"], 3);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_local_page_shows_what_is_set_aside_and_its_buttons_work() -> anyhow::Result<()> {
    let world = World::calm(307).await?;
    let own = ticket(&world, "guide").await?;
    submit_with(&world, ADA, &[("_nonce", &own)]).await?;
    let page = world
        .get("/local/quarantine")
        .header("Accept", "text/html")
        .send()
        .await?
        .text()
        .await?;
    assert!(
        page.contains(ADA) && page.contains("less than two seconds"),
        "{page}"
    );
    let action = page
        .split("action=\"")
        .nth(1)
        .and_then(|r| r.split('"').next())
        .unwrap();
    let stranger = world
        .press(&world.url(action))
        .header("Sec-Fetch-Site", "cross-site")
        .form(&[("do", "release")])
        .send()
        .await?;
    assert_eq!(stranger.status(), 403);
    let done = world
        .press(&world.url(action))
        .form(&[("do", "release")])
        .send()
        .await?;
    assert_eq!(done.status(), 200);
    world.settle().await?;
    assert!(world.lead(ADA).await?.is_some());
    let again = world
        .press(&world.url(action))
        .form(&[("do", "release")])
        .send()
        .await?;
    assert_eq!(again.status(), 404);
    Ok(())
}

/// A system whose guide form asks for a proof.
async fn world_with_proof(seed: u64, proof: &str) -> anyhow::Result<(World, tempfile::TempDir)> {
    let folder = tempfile::tempdir()?;
    tests::copy_site(folder.path())?;
    let form = folder.path().join("forms/guide.toml");
    let text = std::fs::read_to_string(&form)?;
    std::fs::write(&form, format!("{text}\n[proof]\n{proof}\n"))?;
    let options = Options::step(
        seed,
        Clock::from_fn(|| START),
        folder.path().to_owned(),
        project("infra/template.yaml"),
    );
    Ok((World::start(options).await?, folder))
}

/// Solves a challenge with the official library.
fn solved(challenge: &Value) -> String {
    let challenge: altcha::Challenge = serde_json::from_value(challenge.clone()).unwrap();
    let solution = altcha::solve_challenge(altcha::SolveChallengeOptions::new(&challenge));
    let solution = solution.unwrap().expect("a solution within the time");
    let payload = altcha::Payload {
        challenge,
        solution,
    };
    base64::engine::general_purpose::STANDARD.encode(serde_json::to_vec(&payload).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_of_work_by_the_official_library_is_taken_and_is_worth_one_submission()
-> anyhow::Result<()> {
    let (world, _folder) = world_with_proof(310, "kind = \"altcha\"").await?;
    let challenge: Value = world.get("/f/guide/challenge").send().await?.json().await?;
    let proof = solved(&challenge);
    world.advance(5).await?;
    submit_with(&world, ADA, &[("altcha", &proof)]).await?;
    submit_with(
        &world,
        "again@analytical-engines.com",
        &[("altcha", &proof)],
    )
    .await?;
    submit_with(&world, "none@analytical-engines.com", &[]).await?;
    submit_with(
        &world,
        "wrong@analytical-engines.com",
        &[("altcha", "e30=")],
    )
    .await?;
    world.settle().await?;
    assert_eq!(world.mails_to(ADA)?.len(), 1);
    let mut found = set_aside(&world).await?;
    found.sort();
    let expected = [
        ("again", Doubt::SpentTicket),
        ("none", Doubt::NoProof),
        ("wrong", Doubt::FailedProof),
    ]
    .map(|(who, doubt)| {
        (
            format!("{who}@analytical-engines.com"),
            doubt.code().to_owned(),
        )
    });
    assert_eq!(found, expected);
    let page = world.get("/f/guide").send().await?;
    let policy = page.headers()["content-security-policy"]
        .to_str()?
        .to_owned();
    assert!(
        policy.contains("script-src 'self'; connect-src 'self'"),
        "{policy}"
    );
    assert!(page.text().await?.contains("data-lodestone"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn frm_3_a_checker_out_of_reach_stores_the_lead_and_holds_its_mail_until_it_is_released()
-> anyhow::Result<()> {
    let proof = "kind = \"turnstile\"\nsite_key = \"k\"\nsecret = \"turnstile\"";
    // The secret is not there, so nothing can be checked.
    let (world, _folder) = world_with_proof(311, proof).await?;
    submit_with(&world, ADA, &[("cf-turnstile-response", "token")]).await?;
    world.settle().await?;
    assert!(world.lead(ADA).await?.is_some(), "storing fails open");
    assert!(world.mails_to(ADA)?.is_empty(), "mailing fails closed");
    assert_eq!(
        set_aside(&world).await?,
        [(ADA.to_owned(), "unchecked".to_owned())]
    );
    let quarantine = quarantine(&world).await?;
    let held = quarantine.find(&Which::default()).await?;
    quarantine.release(&held[0]).await?;
    quarantine.release(&held[0]).await?;
    world.settle().await?;
    assert_eq!(world.mails_to(ADA)?.len(), 1);
    let known = world.known(ADA).await?;
    let facts = known["touchpoints"].as_array().unwrap().iter();
    assert_eq!(facts.filter(|t| t["kind"] == "form_submitted").count(), 1);
    Ok(())
}
