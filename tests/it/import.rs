//! Import: what a row becomes, what a repeat changes (nothing), and what a file can never do.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context as _;
use lodestone::import::columns::columns;
use lodestone::import::row::Reader;
use lodestone::import::{self, Import, Outcome, Sums, Told};
use shared::domain::guard::{Guard, SuppressionReason};
use shared::domain::touchpoint::TouchpointKind;
use shared::flow::Write;
use shared::runtime::Entropy;
use shared::site::source::load_with_scoring;
use shared::store::Store;
use tests::project;
use tests::world::{START, World};

use crate::replay::{lead_of, store};

/// Runs an import of this text as the command does.
struct Run<'a> {
    world: &'a World,
    text: &'a str,
    dry: bool,
    /// Stops, as if the process was killed, after so many rows.
    stop_after: Option<usize>,
    seed: u64,
}

impl<'a> Run<'a> {
    fn of(world: &'a World, text: &'a str) -> Self {
        Self {
            world,
            text,
            dry: false,
            stop_after: None,
            seed: 1,
        }
    }

    async fn go(self) -> anyhow::Result<(Sums, Vec<Told>)> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("people.csv");
        std::fs::write(&path, self.text)?;
        self.run(&path).await
    }

    async fn run(self, path: &Path) -> anyhow::Result<(Sums, Vec<Told>)> {
        let source = import::open(path)?;
        let columns = columns(&source.heading, &[])?;
        let store = store(self.world);
        let stack = self.world.app.core().stack();
        let site = self.world.app.runtime().site()?.get();
        let job = Import {
            store: &store,
            reader: Reader {
                columns: &columns,
                site: &site,
                identity: stack.identity.as_ref().context("an identity key")?,
                kind: TouchpointKind::Imported,
                purpose: Some("newsletter"),
                now: START.plus_minutes(self.seed.try_into()?),
            },
            entropy: &Entropy::seeded(self.seed),
            dry_run: self.dry,
            pace: None,
        };
        let after = job.stopped_at(&source.digest).await?;
        let mut told = Vec::new();
        let sums = job
            .run(source, after, |line| {
                anyhow::ensure!(
                    self.stop_after.is_none_or(|most| told.len() < most),
                    "stopped"
                );
                told.push(line.clone());
                Ok(())
            })
            .await?;
        Ok((sums, told))
    }
}

fn outcomes(told: &[Told]) -> Vec<(u64, Outcome, &'static str)> {
    told.iter().map(|t| (t.line, t.outcome, t.code)).collect()
}

async fn at_rest(world: &World) -> anyhow::Result<()> {
    world.settle().await?;
    assert_eq!(world.app.ses().mails()?.len(), 0, "an import mails nobody");
    Ok(())
}

const PEOPLE: &str = "\u{feff}Id;E-Mail;FNAME;Company Name;numemployees;createdate;utm_source;OPTIN_TIME;OPTIN_IP;CONFIRM_TIME\r\n\
    1;ada@analytical-engines.com;Ada;Engines;250;2025-06-01;newsletter;2025-06-01 09:00:00;203.0.113.7;2025-06-01T09:05:00Z\r\n\
    2;not an address;X;;;;;;;\r\n\
    3;charles@difference-engines.com;Charles;;many;2025-07-01;;2025-07-01T08:00:00+02:00;;\r\n\
    4;ada@analytical-engines.com;Ada;\"Engines; Ltd\";300;2025-08-01;;;;\r\n\
    5;grace@navy-yard.com;Grace;;;2031-01-01;;;;\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn rows_become_facts_a_person_is_known_by_them_and_a_repeat_changes_nothing()
-> anyhow::Result<()> {
    let world = World::calm(81).await?;
    let (sums, told) = Run::of(&world, PEOPLE).go().await?;
    assert_eq!(
        outcomes(&told),
        [
            (2, Outcome::Created, ""),
            (3, Outcome::Rejected, "TYPE_EMAIL"),
            (4, Outcome::Created, ""),
            (5, Outcome::Updated, ""),
            (6, Outcome::Rejected, "DATE_IN_FUTURE"),
        ]
    );
    assert_eq!(
        (sums.rows, sums.created, sums.updated, sums.rejected),
        (5, 2, 1, 2)
    );
    at_rest(&world).await?;

    let ada = world.known("ada@analytical-engines.com").await?;
    assert_eq!(ada["lead"]["stage"], "lead");
    assert_eq!(
        ada["lead"]["profile"]["company"]["value"]["text"],
        "Engines; Ltd"
    );
    assert_eq!(ada["lead"]["profile"]["employees"]["value"]["number"], 300);
    assert_eq!(ada["lead"]["profile"]["employees"]["trust"], "imported");
    assert_eq!(
        ada["lead"]["consents"]["newsletter"]["decision"],
        "confirmed"
    );
    assert_eq!(
        ada["lead"]["reachability"], "unconfirmed",
        "a file proves no address"
    );
    assert_eq!(ada["consents"][0]["method"], "import");
    assert!(
        ada["consents"][0]["seal"]
            .as_str()
            .is_some_and(|s| !s.is_empty())
    );
    let charles = world.known("charles@difference-engines.com").await?;
    assert_eq!(
        charles["lead"]["consents"]["newsletter"]["decision"],
        "granted"
    );

    let again = Run {
        seed: 2,
        ..Run::of(&world, PEOPLE)
    }
    .go()
    .await?
    .0;
    assert_eq!((again.rows, again.skipped, again.rejected), (5, 3, 2));
    at_rest(&world).await?;
    assert_eq!(world.known("ada@analytical-engines.com").await?, ada);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_says_the_same_and_writes_nothing() -> anyhow::Result<()> {
    let world = World::calm(82).await?;
    let dry = Run {
        dry: true,
        ..Run::of(&world, PEOPLE)
    }
    .go()
    .await?;
    at_rest(&world).await?;
    assert!(world.lead("ada@analytical-engines.com").await?.is_none());
    let (sums, told) = Run::of(&world, PEOPLE).go().await?;
    assert_eq!(dry, (sums, told));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_was_stopped_goes_on_and_each_row_is_told_once() -> anyhow::Result<()> {
    let world = World::calm(83).await?;
    let mut text = String::from("email,company\n");
    for n in 0..450 {
        writeln!(text, "person-{n}@firm-{n}.com,Firm {n}")?;
    }
    // Stopped in the third batch: two are done and noted.
    let stopped = Run {
        stop_after: Some(410),
        ..Run::of(&world, &text)
    }
    .go()
    .await;
    assert!(stopped.is_err());
    let (sums, told) = Run {
        seed: 2,
        ..Run::of(&world, &text)
    }
    .go()
    .await?;
    assert_eq!(sums.done_before, 400);
    assert_eq!(told.first().map(|t| t.line), Some(402));
    // The batch that was under way had written its rows: they are there.
    assert_eq!((sums.rows, sums.skipped), (50, 50));
    let (again, _) = Run {
        seed: 3,
        ..Run::of(&world, &text)
    }
    .go()
    .await?;
    assert_eq!((again.rows, again.skipped, again.created), (450, 450, 0));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_gives_points_and_makes_nobody_an_mql_until_they_do_something_here()
-> anyhow::Result<()> {
    let world = World::calm(84).await?;
    let plain = load_with_scoring(&project("infra/site"), &project("tests/models/plain.toml"));
    world.app.runtime().site()?.set(plain.unwrap().site);
    let history = "email,kind,form,at,budget,authority,need,timeline,employees\n\
        ada@analytical-engines.com,form_submitted,demo,2026-01-10T10:00:00Z,over-1m,decide,cut-cost,now,400\n\
        ada@analytical-engines.com,link_clicked,,2026-01-11T10:00:00Z,,,,,\n\
        ada@analytical-engines.com,magnet_downloaded,,2026-01-12T10:00:00Z,,,,,\n\
        ada@analytical-engines.com,address_confirmed,,2026-01-12T10:00:00Z,,,,,\n\
        ada@analytical-engines.com,link_clicked,,,,,,,\n";
    let (_, told) = Run::of(&world, history).go().await?;
    assert_eq!(
        outcomes(&told)
            .into_iter()
            .map(|(_, _, code)| code)
            .collect::<Vec<_>>(),
        ["", "", "", "UNKNOWN_KIND", "DATE_MISSING"]
    );
    at_rest(&world).await?;
    let ada = world.known("ada@analytical-engines.com").await?;
    assert_eq!(ada["lead"]["score"]["total"], 70, "enough to be ready");
    assert_eq!(
        (&ada["lead"]["stage"], &ada["lead"]["cycle"]),
        (&"lead".into(), &0.into())
    );
    assert_eq!(ada["lead"]["reachability"], "unconfirmed");
    assert_eq!(ada["outbox"].as_array().map(Vec::len), Some(0));

    world
        .submit_until_taken("demo", &tests::world::demo("ada@analytical-engines.com"))
        .await?;
    world.settle().await?;
    let ada = world.known("ada@analytical-engines.com").await?;
    assert_eq!(
        (&ada["lead"]["stage"], &ada["lead"]["cycle"]),
        (&"mql".into(), &1.into())
    );
    Ok(())
}

async fn guard(store: &Store, world: &World, email: &str, guard: Guard) {
    let write = Write::Guard {
        lead_id: lead_of(world, email),
        guard: Guard {
            version: 1,
            ..guard
        },
        write_id: "test".into(),
    };
    store.commit(&[write]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn law_5_a_file_brings_nobody_back_who_was_erased_or_has_left() -> anyhow::Result<()> {
    let world = World::calm(85).await?;
    let store = store(&world);
    let erased = Guard {
        erased_at: Some(START.plus_days(-2)),
        ..Guard::default()
    };
    guard(&store, &world, "gone@firm.com", erased).await;
    let left = Guard::default().suppress(SuppressionReason::Unsubscribed, START.plus_days(-2));
    guard(&store, &world, "left@firm.com", left.clone()).await;
    let text = "email,company,optin_time,confirm_time,kind,at\n\
        gone@firm.com,Firm,2026-01-01,2026-01-01,,\n\
        left@firm.com,Firm,2026-01-01,2026-01-01,,\n\
        leaves@firm.com,,,,unsubscribed,2026-01-05\n\
        half@firm.com,Firm,,2026-01-01,,\n";
    let (_, told) = Run::of(&world, text).go().await?;
    assert_eq!(
        outcomes(&told),
        [
            (2, Outcome::Rejected, "ERASED"),
            (3, Outcome::Created, "LEFT_WITHOUT_CONSENT"),
            (4, Outcome::Created, ""),
            (5, Outcome::Rejected, "CONSENT_WITHOUT_OPT_IN"),
        ]
    );
    at_rest(&world).await?;
    assert!(
        store
            .facts(lead_of(&world, "gone@firm.com"))
            .await?
            .is_empty()
    );
    let lead = world.known("left@firm.com").await?;
    assert_eq!(lead["lead"]["consents"], serde_json::json!({}));
    let after = store.guard(lead_of(&world, "left@firm.com")).await?;
    assert_eq!(after.suppressed, left.suppressed);
    let leaves = store.guard(lead_of(&world, "leaves@firm.com")).await?;
    assert_eq!(
        leaves.suppressed.map(|s| s.reason),
        Some(SuppressionReason::Unsubscribed)
    );
    Ok(())
}
