//! A form becomes a lead, the magnet arrives, the download counts, the score rises, sales gets one alert.

use serde_json::Value;
use tests::project;
use tests::world::{World, demo, guide, hidden_fields, link};

const ADA: &str = "ada@analytical-engines.com";

/// Follows Ada from the guide to the alert.
pub async fn become_mql(world: &World, email: &str) -> anyhow::Result<()> {
    world.submit_until_taken("guide", &guide(email)).await?;
    world.settle().await?;
    let mail = world.mails_to(email)?.pop().expect("the magnet mail");
    world.open_and_press(&link(&mail, "/d/")?, &[]).await?;
    world.settle().await?;
    world.submit_until_taken("demo", &demo(email)).await?;
    world.settle().await
}

pub fn sum_of_lines(lead: &Value) -> i64 {
    lead["breakdown"]
        .as_array()
        .unwrap()
        .iter()
        .map(|l| l["points"].as_i64().unwrap())
        .sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_who_asks_for_the_guide_gets_it_byte_for_byte() -> anyhow::Result<()> {
    let world = World::calm(1).await?;
    world.submit_until_taken("guide", &guide(ADA)).await?;
    world.settle().await?;

    let mails = world.mails_to(ADA)?;
    assert_eq!(mails.len(), 1);
    assert!(
        mails[0].subject.contains("Process heat without the boiler"),
        "{}",
        mails[0].subject
    );
    let answer = world.open_and_press(&link(&mails[0], "/d/")?, &[]).await?;
    assert_eq!(answer.status(), 303);
    let location = answer.headers()["location"].to_str()?.to_owned();
    let file = world.get(&location).send().await?.error_for_status()?;
    assert_eq!(file.headers()["content-type"], "application/pdf");
    assert!(
        file.headers()["content-disposition"]
            .to_str()?
            .starts_with("attachment;")
    );
    assert_eq!(
        file.bytes().await?,
        std::fs::read(project("infra/site/magnets/heat-pump-guide.pdf"))?
    );

    world.settle().await?;
    let lead = world.known(ADA).await?;
    assert_eq!(lead["lead"]["reachability"], "confirmed");
    assert_eq!(
        lead["lead"]["consents"]["newsletter"]["decision"],
        "confirmed"
    );
    assert_eq!(
        sum_of_lines(&lead["lead"]),
        lead["lead"]["score"]["total"].as_i64().unwrap()
    );
    assert_ne!(lead["lead"]["stage"], "mql", "reading is not buying");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_who_is_ready_to_buy_becomes_an_mql_and_sales_gets_one_alert_with_the_reasons()
-> anyhow::Result<()> {
    let world = World::calm(2).await?;
    become_mql(&world, ADA).await?;

    let lead = world.known(ADA).await?;
    assert_eq!(lead["lead"]["stage"], "mql");
    assert_eq!(lead["lead"]["cycle"], 1);
    assert_eq!(
        sum_of_lines(&lead["lead"]),
        lead["lead"]["score"]["total"].as_i64().unwrap()
    );
    assert_eq!(lead["handoffs"].as_array().unwrap().len(), 1);

    let alerts: Vec<_> = world
        .app
        .ses()
        .mails()?
        .into_iter()
        .filter(|m| m.tags.get("kind").is_some_and(|k| k == "alert"))
        .collect();
    assert_eq!(alerts.len(), 1);
    let alert = &alerts[0];
    assert_eq!(alert.to, ["mira.devries@aldermoor.example"]);
    for part in [
        "Ada Lovelace",
        "Analytical Engines",
        "Asked for a site visit",
        "Downloaded",
        "Call today",
        "Can it make steam",
    ] {
        assert!(
            alert.text.contains(part),
            "{part:?} is not in the alert:\n{}",
            alert.text
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn sales_takes_the_lead_from_the_mail_and_the_second_press_says_who_did() -> anyhow::Result<()>
{
    let world = World::calm(3).await?;
    become_mql(&world, ADA).await?;
    let alert = world
        .mails_to("mira.devries@aldermoor.example")?
        .pop()
        .unwrap();
    let accept = link(&alert, "/h/")?;
    // A colleague has the page open meanwhile.
    let open = hidden_fields(&world.get(&accept).send().await?.text().await?);
    let first = world
        .open_and_press(&accept, &[("answer", "accept")])
        .await?
        .text()
        .await?;
    assert!(first.contains("Mira de Vries took this lead"), "{first}");
    world.settle().await?;
    assert_eq!(world.known(ADA).await?["lead"]["stage"], "sal");

    let mut pairs = open;
    pairs.extend([
        ("answer".to_owned(), "reject".to_owned()),
        ("reason".to_owned(), "timing".to_owned()),
    ]);
    let second = world
        .press(&accept)
        .form(&pairs)
        .send()
        .await?
        .text()
        .await?;
    assert!(second.contains("Mira de Vries took this lead"), "{second}");
    world.settle().await?;
    assert_eq!(world.known(ADA).await?["lead"]["stage"], "sal");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_that_nobody_answers_goes_to_the_next_in_line_and_an_answered_one_does_not()
-> anyhow::Result<()> {
    let world = World::calm(4).await?;
    become_mql(&world, ADA).await?;
    become_mql(&world, "grace@analytical-engines.com").await?;
    let alert = world
        .mails_to("mira.devries@aldermoor.example")?
        .pop()
        .unwrap();
    world
        .open_and_press(&link(&alert, "/h/")?, &[("answer", "accept")])
        .await?;
    world.settle().await?;

    world.advance(5 * 3600).await?;
    world.settle().await?;
    let reminders = world.mails_to("jonas.brandt@aldermoor.example")?;
    assert_eq!(reminders.len(), 1, "one of the two was answered");
    assert!(
        reminders[0]
            .text
            .contains("Mira de Vries has not answered yet"),
        "{}",
        reminders[0].text
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn evt_5_a_lead_can_be_thrown_away_and_rebuilt_from_its_facts() -> anyhow::Result<()> {
    use shared::domain::id::LeadId;
    use shared::domain::lead::{Under, fold};
    use shared::store::{Store, Tables};

    let world = World::calm(5).await?;
    become_mql(&world, ADA).await?;
    let stack = world.app.core().stack();
    let tables = Tables {
        touchpoints: stack.table("TouchpointsTable")?.to_owned(),
        leads: stack.table("LeadsTable")?.to_owned(),
        outbox: stack.table("OutboxTable")?.to_owned(),
        ops: stack.table("OpsTable")?.to_owned(),
    };
    let store = Store::new(
        &world.app.runtime().aws,
        tables,
        world.app.runtime().entropy.clone(),
    );
    let lead_id: LeadId = world.known(ADA).await?["lead"]["lead_id"]
        .as_str()
        .unwrap()
        .parse()?;
    let stored = store.lead(lead_id).await?.unwrap();
    let records = store.lead_records(lead_id).await?;
    let site = world.app.runtime().site()?.get();
    let under = Under {
        model: &site.model,
        handoffs: &records.past_handoffs(),
        erased_at: None,
        now: stored.scored_at,
    };
    let mut rebuilt = fold(lead_id, &store.facts(lead_id).await?, &under).unwrap();
    rebuilt.version = stored.version;
    rebuilt.fingerprint.clone_from(&stored.fingerprint);
    assert_eq!(rebuilt, stored);
    Ok(())
}
