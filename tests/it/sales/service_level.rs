//! The agreed time: an unanswered alert goes down the line by working hours, over a restart, and an answer at the same instant stands.

use std::path::Path;

use lodestone::app::Options;
use lodestone::ses::Mail;
use lodestone::stack::Data;
use serde_json::Value;
use shared::runtime::Clock;
use tests::project;
use tests::world::{START, World, demo, hidden_fields, link};

use super::{ADA, JONAS, MIRA, facts, without_query};

const CLAIRE: &str = "claire.fontaine@aldermoor.example";
const LUC: &str = "luc.moreau@aldermoor.example";
const HOUR: u32 = 3_600;

/// The example company, at work from nine to five in Amsterdam, where the tests begin on a Monday at ten.
fn office(folder: &Path) -> anyhow::Result<()> {
    tests::copy_site(folder)?;
    let path = folder.join("site.toml");
    let text = std::fs::read_to_string(&path)?;
    let hours = "escalate_after_minutes = 240\ntime_zone = \"Europe/Amsterdam\"\nworking_hours = [\"mon-fri 09:00-17:00\"]\n";
    let text = text.replacen("escalate_after_minutes = 240\n", hours, 1);
    assert!(text.contains("mon-fri 09:00-17:00\"]\n"));
    Ok(std::fs::write(path, text)?)
}

/// A system on these data, which stay when it ends.
async fn open(seed: u64, site: &Path, data: Data) -> anyhow::Result<World> {
    let clock = Clock::from_fn(|| START);
    let template = project("infra/template.yaml");
    let mut options = Options::step(seed, clock, site.to_owned(), template);
    options.data = data;
    World::start(options).await
}

/// Alerts to an address, oldest first; the form's notices go there as well.
fn alerts_to(world: &World, address: &str) -> anyhow::Result<Vec<Mail>> {
    let mut mails = world.mails_to(address)?;
    mails.retain(|mail| mail.subject.contains("Ready for sales"));
    Ok(mails)
}

/// How many alerts each of the line has got.
fn asked(world: &World) -> anyhow::Result<[usize; 4]> {
    let mut counts = [0; 4];
    for (count, to) in counts.iter_mut().zip([MIRA, JONAS, CLAIRE, LUC]) {
        *count = alerts_to(world, to)?.len();
    }
    Ok(counts)
}

/// The page of the lead, as people see it.
async fn page(world: &World) -> anyhow::Result<String> {
    let request = world.get("/local/leads").query(&[("email", ADA)]);
    Ok(request
        .header("Accept", "text/html")
        .send()
        .await?
        .text()
        .await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn sal_4_the_next_in_line_is_asked_by_working_hours_twice_down_the_line_and_over_a_restart()
-> anyhow::Result<()> {
    let (site, data) = (tempfile::tempdir()?, tempfile::tempdir()?);
    office(site.path())?;
    let folder = || Data::Folder(data.path().to_owned());
    let world = open(221, site.path(), folder()).await?;
    world.submit_until_taken("demo", &demo(ADA)).await?;
    world.settle().await?;
    assert_eq!(asked(&world)?, [1, 0, 0, 0]);
    let alert = &alerts_to(&world, MIRA)?[0].text;
    assert!(alert.contains("by Monday 2 March, 14:00"), "{alert}");
    let shown = page(&world).await?;
    assert!(shown.contains("Asked after that"), "{shown}");
    assert!(shown.contains("Jonas Brandt"), "{shown}");
    world.advance(4 * HOUR - 60).await?;
    assert_eq!(asked(&world)?, [1, 0, 0, 0], "a minute before two");

    // Whoever restarts it in between loses nothing and asks nobody twice.
    world.app.stop().await;
    let world = open(222, site.path(), folder()).await?;
    world.settle().await?;
    assert_eq!(asked(&world)?, [1, 0, 0, 0]);
    world.advance(120).await?;
    assert_eq!(asked(&world)?, [1, 1, 0, 0], "after two");
    let alert = &alerts_to(&world, JONAS)?[0].text;
    assert!(
        alert.contains("Mira de Vries has not answered yet"),
        "{alert}"
    );
    assert!(alert.contains("by Tuesday 3 March, 10:00"), "{alert}");
    let shown = page(&world).await?;
    assert!(shown.contains("Claire Fontaine"), "{shown}");

    // Three hours of Monday, one of Tuesday: the night does not count.
    world.advance(19 * HOUR + 50 * 60).await?;
    assert_eq!(asked(&world)?, [1, 1, 0, 0], "before ten on Tuesday");
    world.app.stop().await;
    let world = open(223, site.path(), folder()).await?;
    world.advance(15 * 60).await?;
    assert_eq!(asked(&world)?, [1, 1, 1, 0], "after ten on Tuesday");
    let lead = world.known(ADA).await?;
    assert_eq!(lead["handoffs"].as_array().map(Vec::len), Some(1));
    assert_eq!(lead["lead"]["stage"], "mql");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn sal_4_an_answer_at_the_very_instant_of_the_escalation_stands_and_nobody_else_is_asked()
-> anyhow::Result<()> {
    for seed in [224, 225, 226] {
        let world = World::calm(seed).await?;
        world.submit_until_taken("demo", &demo(ADA)).await?;
        world.settle().await?;
        let mine = without_query(&link(&alerts_to(&world, MIRA)?[0], "/h/")?);
        let page = world.get(&mine).send().await?.text().await?;
        let mut accept = hidden_fields(&page);
        accept.push(("answer".into(), "accept".into()));
        world.advance(4 * HOUR - 1).await?;
        assert_eq!(asked(&world)?, [1, 0, 0, 0]);
        let (moved, answer) =
            tokio::join!(world.advance(1), world.press(&mine).form(&accept).send());
        moved?;
        let answer = answer?.text().await?;
        assert!(answer.contains("Mira de Vries took this lead"), "{answer}");
        world.settle().await?;
        world.advance(3 * 86_400).await?;
        // Whichever was first: Jonas may have been asked, and then reads who has it. Nobody after him was.
        let [_, jonas, claire, luc] = asked(&world)?;
        assert!(jonas <= 1 && claire + luc == 0, "seed {seed}");
        assert_eq!(facts(&world, "accepted").await?.len(), 1);
        assert_eq!(world.known(ADA).await?["lead"]["stage"], "sal");
        if let Some(mail) = alerts_to(&world, JONAS)?.first() {
            let theirs = world.get(&link(mail, "/h/")?).send().await?;
            let page = theirs.text().await?;
            assert!(page.contains("Mira de Vries took this lead"), "{page}");
        }
        let open = world.known(ADA).await?["outbox"].clone();
        let pending = |item: &&Value| matches!(item["state"].as_str(), Some("PENDING" | "SENDING"));
        let waits: Vec<&Value> = open.as_array().unwrap().iter().filter(pending).collect();
        assert!(
            waits.iter().all(|item| item["kind"] != "escalation"),
            "{waits:?}"
        );
    }
    Ok(())
}
