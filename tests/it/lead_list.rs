//! The list of leads on one machine: page by page, whatever their number, everybody once.

use std::collections::BTreeSet;

use reqwest::StatusCode;
use reqwest::header::LINK;
use serde_json::{Value, json};
use shared::domain::id::LeadId;
use tests::world::{START, World, demo, guide};

/// Leads that are loaded into the table, past everything that makes leads.
const MANY: u64 = 3_000;

async fn page(world: &World, path: &str) -> anyhow::Result<(Vec<Value>, Option<String>)> {
    let answer = world.get(path).send().await?.error_for_status()?;
    let next = answer.headers().get(LINK).map(|link| {
        let link = link.to_str().unwrap();
        let (address, relation) = link.split_once(">; ").unwrap();
        assert_eq!(relation, "rel=\"next\"");
        address.trim_start_matches('<').to_owned()
    });
    Ok((answer.json().await?, next))
}

async fn as_people_see_it(world: &World, path: &str) -> anyhow::Result<String> {
    let answer = world.get(path).header("Accept", "text/html").send().await?;
    Ok(answer.error_for_status()?.text().await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_fits_on_a_page_is_one_page_and_the_pages_of_a_longer_one_hold_everybody_once()
-> anyhow::Result<()> {
    let world = World::calm(231).await?;
    for n in 0..5 {
        let email = format!("reader-{n}@analytical-engines.com");
        world.submit_until_taken("guide", &guide(&email)).await?;
    }
    for n in 0..2 {
        let email = format!("buyer-{n}@analytical-engines.com");
        world.submit_until_taken("demo", &demo(&email)).await?;
    }
    world.settle().await?;
    let (all, next) = page(&world, "/local/leads").await?;
    assert_eq!((all.len(), next), (7, None));
    let whole = as_people_see_it(&world, "/local/leads").await?;
    assert!(whole.contains("7 leads, 2 with sales") && !whole.contains("Next page"));

    let (mut seen, mut sizes) = (Vec::new(), Vec::new());
    let mut path = Some(String::from("/local/leads?limit=3"));
    while let Some(here) = path {
        let (leads, next) = page(&world, &here).await?;
        sizes.push(leads.len());
        seen.extend(leads);
        path = next;
    }
    assert_eq!(sizes, [3, 3, 1]);
    assert_eq!(
        seen[0]["stage"], "mql",
        "those that sales works on come first"
    );
    let ids = |leads: &[Value]| -> BTreeSet<String> {
        leads
            .iter()
            .map(|lead| lead["lead_id"].to_string())
            .collect()
    };
    assert_eq!(ids(&seen), ids(&all));
    assert_eq!(seen.len(), all.len(), "nobody twice");

    let first = as_people_see_it(&world, "/local/leads?limit=3").await?;
    assert!(
        first.contains("Next page") && !first.contains("First page"),
        "{first}"
    );
    let answer = world.get("/local/leads?after=elsewhere").send().await?;
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn some_thousand_leads_are_counted_and_listed_a_page_at_a_time() -> anyhow::Result<()> {
    let world = World::calm(232).await?;
    let stack = world.app.core().stack();
    let lead = |n: u64| {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&n.to_be_bytes());
        let since = START.0 - i64::try_from(n % 7).unwrap();
        json!({
            "lead_id": LeadId::from_bytes(bytes), "sk": "LEAD", "v": 1, "stage": "lead", "email": format!("lead-{n}@example.com"),
            "stage_shard": format!("lead#{}", n % 4), "stage_since": since, "last_seen": since,
        })
    };
    stack
        .engine
        .load(stack.table("LeadsTable")?, (0..MANY).map(lead))?;
    let totals = world.app.core().totals().await?;
    assert_eq!(totals.leads, MANY);
    let (mut seen, mut pages) = (BTreeSet::new(), 0);
    let mut path = Some(String::from("/local/leads"));
    while let Some(here) = path {
        let (leads, next) = page(&world, &here).await?;
        assert!(leads.len() <= 200);
        for lead in leads {
            assert!(seen.insert(lead["lead_id"].to_string()), "{lead} twice");
        }
        pages += 1;
        path = next;
    }
    // Many have the very same instant: a page never stops short of them, nor shows one again.
    assert_eq!((seen.len(), pages), (3_000, 15));
    Ok(())
}
