//! Links in mails: machines change nothing, leaving is one press, what is not ours looks the same.

use reqwest::Method;
use serde_json::Value;
use tests::world::{World, guide, hidden_fields, link};

const ADA: &str = "ada@analytical-engines.com";

async fn with_mail(seed: u64) -> anyhow::Result<(World, lodestone::ses::Mail)> {
    let world = World::calm(seed).await?;
    world.submit_until_taken("guide", &guide(ADA)).await?;
    world.settle().await?;
    let mail = world.mails_to(ADA)?.pop().unwrap();
    Ok((world, mail))
}

fn facts(lead: &Value, kind: &str) -> Vec<Value> {
    lead["touchpoints"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|t| t["kind"] == kind)
        .cloned()
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn lnk_1_getting_and_heading_every_link_of_a_mail_changes_nothing() -> anyhow::Result<()> {
    let (world, mail) = with_mail(31).await?;
    let before = world.known(ADA).await?;
    for url in &mail.links {
        if !url.starts_with(world.app.url()) {
            continue;
        }
        for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
            let answer = world.request(method.clone(), url).send().await?;
            assert!(answer.status().as_u16() < 500, "{method} {url}");
        }
    }
    world.settle().await?;
    assert_eq!(world.known(ADA).await?, before);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn lnk_5_a_scanner_that_presses_every_button_at_once_earns_nothing_and_a_later_person_still_counts()
-> anyhow::Result<()> {
    let (world, mail) = with_mail(32).await?;
    let before = world.known(ADA).await?["lead"]["score"].clone();
    let download = link(&mail, "/d/")?;
    // Without a page, and with one but at once.
    world.press(&download).send().await?;
    let page = world.get(&download).send().await?.text().await?;
    world
        .press(&download)
        .form(&hidden_fields(&page))
        .send()
        .await?;
    world.settle().await?;
    let scanned = world.known(ADA).await?;
    let downloads = facts(&scanned, "magnet_downloaded");
    assert_eq!(downloads.len(), 1);
    assert!(downloads[0]["machine"].is_string(), "{}", downloads[0]);
    assert_eq!(scanned["lead"]["score"], before);
    assert_eq!(scanned["lead"]["reachability"], "unconfirmed");

    world.open_and_press(&download, &[]).await?;
    world.settle().await?;
    let read = world.known(ADA).await?;
    assert_eq!(read["lead"]["reachability"], "confirmed");
    assert!(read["lead"]["score"]["total"].as_i64() > before["total"].as_i64());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn lnk_3_one_click_unsubscribe_works_as_mail_programs_send_it_and_nothing_is_mailed_after_it()
-> anyhow::Result<()> {
    let (world, mail) = with_mail(33).await?;
    let header = &mail.headers["List-Unsubscribe"];
    let url = header.trim_start_matches('<').trim_end_matches('>');
    assert_eq!(
        mail.headers["List-Unsubscribe-Post"],
        "List-Unsubscribe=One-Click"
    );
    let multipart = reqwest::multipart::Form::new().text("List-Unsubscribe", "One-Click");
    let answers = [
        world
            .press(url)
            .form(&[("List-Unsubscribe", "One-Click")])
            .send()
            .await?,
        world.press(url).multipart(multipart).send().await?,
        world
            .press(url)
            .body("List-Unsubscribe=One-Click")
            .send()
            .await?,
        world
            .press(&format!("{url}x"))
            .form(&[("List-Unsubscribe", "One-Click")])
            .send()
            .await?,
    ];
    let mut bodies = Vec::new();
    for answer in answers {
        assert_eq!(answer.status(), 200);
        assert!(!answer.headers().contains_key("set-cookie"));
        bodies.push(answer.text().await?);
    }
    assert!(
        bodies.iter().all(|b| *b == bodies[0]),
        "a damaged link gets the same answer"
    );

    world.settle().await?;
    let lead = world.known(ADA).await?;
    assert_eq!(lead["lead"]["reachability"], "unsubscribed");
    assert_eq!(
        lead["lead"]["consents"]["newsletter"]["decision"],
        "withdrawn"
    );
    let sent = world.mails_to(ADA)?.len();
    world.advance(3600).await?;
    world.submit_until_taken("guide", &guide(ADA)).await?;
    world.settle().await?;
    assert_eq!(world.mails_to(ADA)?.len(), sent);
    let reasons: Vec<Value> = world.known(ADA).await?["outbox"]
        .as_array()
        .unwrap()
        .iter()
        .map(|o| o["reason"].clone())
        .collect();
    assert!(
        reasons.contains(&Value::from("unsubscribed")),
        "{reasons:?}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn tok_2_a_changed_or_made_up_link_and_one_for_another_purpose_all_look_the_same()
-> anyhow::Result<()> {
    let (world, mail) = with_mail(34).await?;
    let download = link(&mail, "/d/")?;
    let token = download.rsplit('/').next().unwrap();
    let unsubscribe = link(&mail, "/u/")?;
    let other = unsubscribe.rsplit('/').next().unwrap();
    let mut seen = Vec::new();
    for bad in [
        format!("{token}A"),
        format!("A{token}"),
        other.to_owned(),
        "x".repeat(600),
        "v1.a.b.c".into(),
    ] {
        let answer = world.get(&format!("/d/{bad}")).send().await?;
        seen.push((answer.status().as_u16(), answer.text().await?));
    }
    assert!(seen.iter().all(|s| *s == seen[0] && s.0 == 404));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn tok_4_an_expired_link_mails_a_fresh_one_and_shows_no_address() -> anyhow::Result<()> {
    let (world, mail) = with_mail(35).await?;
    let download = link(&mail, "/d/")?;
    world.open_and_press(&download, &[]).await?;
    world.advance(7 * 86_400 + 60).await?;
    let page = world.get(&download).send().await?.text().await?;
    assert!(!page.contains(ADA));
    let answer = world
        .press(&download)
        .form(&[("renew", "1")])
        .send()
        .await?;
    assert!(!answer.text().await?.contains(ADA));
    world.settle().await?;
    let mails = world.mails_to(ADA)?;
    assert_eq!(mails.len(), 2);
    let fresh = world.open_and_press(&link(&mails[1], "/d/")?, &[]).await?;
    assert_eq!(fresh.status(), 303);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn lnk_7_token_pages_are_not_cached_not_indexed_run_no_script_and_cannot_be_framed()
-> anyhow::Result<()> {
    let (world, mail) = with_mail(36).await?;
    for path in ["/d/", "/u/"] {
        let page = world.get(&link(&mail, path)?).send().await?;
        let header = |name: &str| page.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("cache-control"), "no-store");
        assert_eq!(header("referrer-policy"), "no-referrer");
        assert_eq!(header("x-robots-tag"), "noindex");
        let csp = header("content-security-policy");
        for part in [
            "default-src 'none'",
            "frame-ancestors 'none'",
            "form-action 'self'",
        ] {
            assert!(csp.contains(part), "{csp}");
        }
        assert!(!csp.contains("script-src"), "{csp}");
    }
    Ok(())
}
