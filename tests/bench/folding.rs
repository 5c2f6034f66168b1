//! `cargo bench -p tests --bench folding`: what a lead costs to fold, by the number of its touchpoints: time of the decision alone, time
//! with the table, and the read units that the engine reports. And how many rules are judged a second.
//!
//! A snapshot of a lead's sums would be built only if these figures asked for it.

#![expect(
    clippy::cast_precision_loss,
    reason = "counts of a run of some seconds are far below 2^52"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use shared::domain::id::LeadId;
use shared::domain::lead::{Under, fold};
use shared::domain::pii::Pii;
use shared::domain::time::Timestamp;
use shared::domain::touchpoint::{Answer, Touchpoint, TouchpointKind, Value};
use shared::flow::Write;
use shared::flow::score::Announce;
use shared::store::Committed;
use tests::world::{START, World};

const SIZES: [usize; 4] = [10, 100, 1_000, 10_000];
/// So long each fold is repeated.
const FOR: Duration = Duration::from_millis(500);

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(print())
}

async fn print() -> anyhow::Result<()> {
    let world = World::calm(1).await?;
    let site = world.app.runtime().site()?.get();
    let functions = &world.app.core().stack().model.functions;
    let function = functions
        .iter()
        .find(|f| f.package == "score")
        .context("no score function")?;
    let env = |name: &str| function.environment.get(name).cloned();
    let deps = score::Deps::build(world.app.runtime(), &env).await?;

    println!(
        "touchpoints   fold (us)   a second   rules judged a second   load, fold, commit (ms)   read units   write units"
    );
    for (n, size) in SIZES.into_iter().enumerate() {
        let lead_id = LeadId::from_bytes([u8::try_from(n)? + 1; 16]);
        let facts = history(lead_id, size);
        let under = Under {
            model: &site.model,
            handoffs: &[],
            erased_at: None,
            now: START,
        };
        let (mut times, began) = (0_u32, Instant::now());
        while times == 0 || began.elapsed() < FOR {
            black_box(fold(lead_id, black_box(&facts), &under));
            times += 1;
        }
        let each = began.elapsed().as_secs_f64() / f64::from(times);
        let rules = (size * site.model.rules.len()) as f64 / each;

        for fact in facts {
            let written = deps.store.commit(&[Write::Touchpoint(fact)]).await?;
            ensure!(matches!(written, Committed::Written), "not written");
        }
        let before = deps.store.meter().units();
        let began = Instant::now();
        score::fold_lead(&deps, lead_id, Announce::No)
            .await
            .map_err(|f| anyhow::anyhow!("{}", f.class()))?;
        let whole = began.elapsed().as_secs_f64();
        let after = deps.store.meter().units();
        println!(
            "{size:>11} {:>11.1} {:>10.0} {rules:>23.0} {:>25.1} {:>12.1} {:>13.1}",
            each * 1e6,
            1.0 / each,
            whole * 1e3,
            after.read - before.read,
            after.write - before.write,
        );
    }
    Ok(())
}

/// Somebody who asked for the guide and then came back again and again: facts of the size that the functions leave.
fn history(lead_id: LeadId, size: usize) -> Vec<Touchpoint> {
    (0..size)
        .map(|n| {
            let kind = match n {
                0 => TouchpointKind::FormSubmitted,
                1 => TouchpointKind::MagnetDownloaded,
                _ => TouchpointKind::LinkClicked,
            };
            let back = i64::try_from(size - n).unwrap_or_default();
            let at: Timestamp = START.plus_minutes(-back * 60);
            let mut fact = Touchpoint::new(lead_id, format!("{}_{n:020}", kind.prefix()), kind, at);
            fact.form = Some("guide".into());
            fact.magnet = Some("heat-guide".into());
            fact.site_hash = Some("5f0c3a9be1d24477".into());
            fact.agent_class = Some("browser".into());
            fact.ip_hash = Some("mzxw6ytboi4dqmjsgq3tmnzxga".into());
            if n == 0 {
                fact.email = Some(Pii::new("ada@analytical-engines.com".into()));
                fact.answers = [
                    ("company", "Analytical Engines"),
                    ("job_title", "Plant engineer"),
                ]
                .into_iter()
                .map(|(name, value)| Answer {
                    name: name.into(),
                    value: Value::Text(Pii::new(value.into())),
                })
                .collect();
            }
            fact
        })
        .collect()
}
