//! Mail scanners over many mails: what opens every link changes nothing, what presses every button earns nothing.
//! `LODESTONE_SCANNED_MAILS=1000` makes it as many mails.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde_json::Value;
use tests::world::{World, demo, guide, hidden_fields, link};

/// Mails of an ordinary test run.
const MAILS: usize = 40;

fn mails_wanted() -> usize {
    #[expect(
        clippy::disallowed_methods,
        reason = "how many mails a run scans is chosen from outside"
    )]
    std::env::var("LODESTONE_SCANNED_MAILS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(MAILS)
}

/// Visitors of every form; some of them have downloaded, so that there are mails of every kind.
async fn mailed(world: &World, wanted: usize) -> anyhow::Result<Vec<String>> {
    let mut visitors = Vec::new();
    let mut number = 0;
    // Per ten visitors: magnet mails, confirmations, reminders and follow-ups, some fifteen mails.
    while visitors.len() < wanted * 10 / 13 {
        let email = format!("visitor-{number}@analytical-engines.com");
        match number % 4 {
            0 => world.submit_until_taken("guide", &guide(&email)).await?,
            1 | 3 => {
                let pairs = [("email", email.as_str()), ("newsletter", "on")];
                world.submit_until_taken("checklist", &pairs).await?
            }
            _ => {
                let mut pairs = demo(&email);
                pairs.push(("newsletter", "on"));
                world.submit_until_taken("demo", &pairs).await?
            }
        };
        if number % 25 == 24 {
            world.settle().await?;
        }
        visitors.push(email);
        number += 1;
    }
    world.settle().await?;
    for email in visitors.iter().skip(1).step_by(8) {
        let mail = world.mails_to(email)?.remove(0);
        world.open_and_press(&link(&mail, "/d/")?, &[]).await?;
    }
    world.settle().await?;
    world.advance(3 * 86_400 + 60).await?;
    world.settle().await?;
    Ok(visitors)
}

/// What a scanner must not change: state, guard, ledger, work, and facts that count.
async fn state(world: &World, visitors: &[String]) -> anyhow::Result<BTreeMap<String, Value>> {
    let mut state = BTreeMap::new();
    for email in visitors {
        let mut lead = world.known(email).await?;
        let facts = lead["touchpoints"].as_array().cloned().unwrap_or_default();
        let counting = facts.into_iter().filter(|t| t["machine"].is_null());
        lead["touchpoints"] = counting.collect();
        // A visit to a counted link is a fact, kept and worth nothing: the lead is folded again.
        for counted in [
            "version",
            "touchpoints",
            "last_seen",
            "scored_at",
            "fingerprint",
            "last_write_id",
        ] {
            lead["lead"][counted] = Value::Null;
        }
        state.insert(email.clone(), lead);
    }
    Ok(state)
}

#[tokio::test(flavor = "multi_thread")]
async fn lnk_1_lnk_5_scanners_that_open_every_link_change_nothing_and_those_that_press_earn_nothing()
-> anyhow::Result<()> {
    let world = World::calm(121).await?;
    let visitors = mailed(&world, mails_wanted()).await?;
    let mails: Vec<_> = world
        .app
        .ses()
        .mails()?
        .into_iter()
        .filter(|m| m.to[0].starts_with("visitor-"))
        .collect();
    let ours = |url: &&String| url.starts_with(world.app.url());
    let links: BTreeSet<String> = mails
        .iter()
        .flat_map(|m| m.links.iter().filter(ours).cloned())
        .collect();
    let kinds: BTreeSet<&str> = links
        .iter()
        .filter_map(|url| url.strip_prefix(world.app.url())?.split('/').nth(1))
        .collect();
    assert_eq!(kinds, BTreeSet::from(["c", "d", "p", "t", "u"]));

    let before = state(&world, &visitors).await?;
    for url in &links {
        for method in [Method::HEAD, Method::GET] {
            let answer = world.request(method, url).send().await?;
            assert!(answer.status().as_u16() < 400, "{url}: {}", answer.status());
            let to = answer
                .headers()
                .get("location")
                .map(|l| l.to_str().map(str::to_owned));
            if let Some(Ok(to)) = to {
                assert!(to.starts_with("https://www.aldermoor.example/"), "{to}");
            }
        }
    }
    world.settle().await?;
    let opened = state(&world, &visitors).await?;
    for (email, was) in &before {
        assert_eq!(&opened[email], was, "{email}");
    }

    // Now it presses every button, at once; leaving is last, because that holds for everybody.
    let mut press: Vec<&String> = links.iter().collect();
    press.sort_by_key(|url| url.contains("/u/"));
    for url in press {
        let page = world.get(url).send().await?.text().await?;
        let mut fields = hidden_fields(&page);
        fields.push(("wanted".into(), "newsletter".into()));
        world.press(url).form(&fields).send().await?;
    }
    world.settle().await?;
    let (mut machines, mut points) = (0, 0);
    for (email, was) in &before {
        let lead = world.known(email).await?;
        let facts = lead["touchpoints"].as_array().cloned().unwrap_or_default();
        machines += facts.iter().filter(|t| t["machine"].is_string()).count();
        let persons = |kind: &str, list: &[Value]| {
            let found = list
                .iter()
                .filter(|t| t["kind"] == kind && t["machine"].is_null());
            found.count()
        };
        let counted = was["touchpoints"].as_array().cloned().unwrap_or_default();
        for kind in [
            "address_confirmed",
            "magnet_downloaded",
            "link_clicked",
            "preferences_changed",
        ] {
            assert_eq!(
                persons(kind, &facts),
                persons(kind, &counted),
                "{email}: {kind}"
            );
        }
        let total = |lead: &Value| lead["lead"]["score"]["total"].as_i64().unwrap_or_default();
        points += (total(&lead) - total(was)).max(0);
    }
    println!(
        "{} mails, {} links: 0 changes by opening; {machines} facts of machines, {points} points by pressing",
        mails.len(),
        links.len()
    );
    assert!(machines > 0);
    assert_eq!(points, 0);
    assert!(mails.len() >= mails_wanted(), "{} mails", mails.len());
    Ok(())
}
