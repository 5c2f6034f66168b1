//! `cargo bench -p tests --bench replay [-- TOUCHPOINTS]`: how fast history is judged again, and in how much memory.
//!
//! Prints in one run: rules evaluated and leads folded a second on one core; then a replay of generated touchpoints (100,000 where no
//! number is given) end to end from the local engine's file, under two models, with its peak memory beside that of a tenth as many leads.
//! The touchpoints are loaded straight into the file, past functions and streams, because making them is not what is measured.

#![expect(
    clippy::cast_precision_loss,
    reason = "counts and bytes of a run are far below 2^52"
)]

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use lodestone::engine::{Engine, Location};
use lodestone::replay::judge::{Terms, judge};
use lodestone::replay::tally::Models;
use lodestone::replay::{self, Options, Progress};
use lodestone::template::{self, Surroundings};
use shared::domain::id::{LeadId, sha256_hex};
use shared::domain::lead::{Under, fold};
use shared::domain::pii::Pii;
use shared::domain::score::{ScoreModel, evaluate};
use shared::domain::time::Timestamp;
use shared::domain::touchpoint::{Answer, Touchpoint, TouchpointKind, Value};
use shared::runtime::{Aws, Endpoints, Entropy, connector};
use shared::site::source::{load, load_with_scoring};
use shared::store::{Store, Tables};
use tests::project;
use tests::world::START;

/// Touchpoints where nobody says how many.
const TOUCHPOINTS: u64 = 100_000;
/// Touchpoints of each lead.
const EACH: u64 = 8;
/// Goal: touchpoints a minute, end to end.
const GOAL: f64 = 1_000_000.0;
/// How long a loop on one core runs.
const WINDOW: Duration = Duration::from_secs(2);
/// Items of one transaction while loading.
const BATCH: u64 = 20_000;

fn main() -> anyhow::Result<()> {
    let touchpoints = std::env::args()
        .skip(1)
        .find_map(|text| text.parse().ok())
        .unwrap_or(TOUCHPOINTS);
    let site = project("infra/site");
    let in_force = load(&site).map_err(|_| anyhow::anyhow!("the example site is not right"))?;
    let tried = load_with_scoring(&site, &project("tests/models/plain.toml"))
        .map_err(|_| anyhow::anyhow!("the model that is tried is not right"))?;
    let models = Models {
        before: in_force.site.model,
        after: tried.site.model,
    };
    one_core(&models.before)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(end_to_end(touchpoints, Arc::new(models)))
}

/// What one core does with facts in memory.
fn one_core(model: &ScoreModel) -> anyhow::Result<()> {
    let leads: Vec<_> = (0..1_000).map(|n| (id(n), facts(n))).collect();
    let folded: Vec<_> = leads
        .iter()
        .filter_map(|(id, facts)| {
            let under = Under {
                model,
                handoffs: &[],
                erased_at: None,
                now: START,
            };
            Some((facts, fold(*id, facts, &under)?))
        })
        .collect();
    ensure!(folded.len() == leads.len(), "every lead folds");
    let evaluations = rate(|n| {
        let (facts, lead) = &folded[n % folded.len()];
        black_box(evaluate(model, facts.iter(), lead, START));
    });
    let folds = rate(|n| {
        let (id, facts) = &leads[n % leads.len()];
        black_box(judge(*id, facts, model, Terms::default()));
    });
    let rules = model.rules.len() as f64;
    println!("One core, {rules} rules, {EACH} touchpoints a lead:");
    println!("  {:>12.0} rules evaluated a second", evaluations * rules);
    println!("  {folds:>12.0} leads folded a second");
    println!(
        "  {:>12.0} touchpoints folded a second",
        folds * EACH as f64
    );
    Ok(())
}

/// How often a second `once` runs; it hears how often it ran before.
fn rate(mut once: impl FnMut(usize)) -> f64 {
    let start = Instant::now();
    let mut times = 0_usize;
    while start.elapsed() < WINDOW {
        for _ in 0..100 {
            once(times);
            times += 1;
        }
    }
    times as f64 / start.elapsed().as_secs_f64()
}

async fn end_to_end(touchpoints: u64, models: Arc<Models>) -> anyhow::Result<()> {
    let few = run(touchpoints / 10, Arc::clone(&models)).await?;
    let many = run(touchpoints, models).await?;
    println!("\nReplay under two models, from the engine's file:");
    println!(
        "  {:>12} {:>10} {:>9} {:>16} {:>12}",
        "touchpoints", "leads", "seconds", "a minute", "peak memory"
    );
    for run in [&few, &many] {
        println!(
            "  {:>12} {:>10} {:>9.1} {:>16.0} {:>9.1} MB",
            run.touchpoints,
            run.leads,
            run.seconds,
            run.a_minute(),
            run.peak_mb
        );
    }
    println!(
        "\nGoal: {GOAL:.0} touchpoints a minute: {}. Memory for ten times the leads: {:+.0} %.",
        if many.a_minute() >= GOAL {
            "reached"
        } else {
            "missed"
        },
        (many.peak_mb / few.peak_mb - 1.0) * 100.0
    );
    Ok(())
}

struct Run {
    touchpoints: u64,
    leads: u64,
    seconds: f64,
    peak_mb: f64,
}

impl Run {
    fn a_minute(&self) -> f64 {
        self.touchpoints as f64 / self.seconds * 60.0
    }
}

async fn run(touchpoints: u64, models: Arc<Models>) -> anyhow::Result<Run> {
    let folder = tempfile::tempdir()?;
    let surroundings = Surroundings::default();
    let parameters = [("PublicUrl".to_owned(), "http://127.0.0.1:1".to_owned())].into();
    let model = template::load(&project("infra/template.yaml"), &parameters, &surroundings)?;
    let file = Location::File(folder.path().join("engine.db"));
    let engine = Engine::start(&file, &model.tables)?;
    let name = |id: &str| {
        let table = model.table(id).map(|table| table.name.clone());
        table.with_context(|| format!("no {id}"))
    };
    let tables = Tables {
        touchpoints: name("TouchpointsTable")?,
        leads: name("LeadsTable")?,
        outbox: name("OutboxTable")?,
        ops: name("OpsTable")?,
    };
    let leads = touchpoints / EACH;
    let start = Instant::now();
    for batch in 0..leads.div_ceil(BATCH / EACH) {
        let from = batch * (BATCH / EACH);
        let to = (from + BATCH / EACH).min(leads);
        let documents = (from..to).flat_map(|n| facts(n).into_iter().map(|f| document(&f)));
        engine.load(&tables.touchpoints, documents)?;
    }
    eprintln!(
        "{} touchpoints loaded in {:.0} s",
        leads * EACH,
        start.elapsed().as_secs_f64()
    );
    let endpoints = Endpoints {
        dynamodb: Some(engine.endpoint().to_owned()),
        ..Endpoints::default()
    };
    let credentials = aws_credential_types::Credentials::new("local", "local", None, None, "local");
    let aws = Aws::new(connector(), "us-east-1", credentials, endpoints);
    let store = Store::new(&aws, tables, Entropy::seeded(1));
    forget_peak();
    let start = Instant::now();
    let sums = replay::run(
        &store,
        models,
        Options::default(),
        Arc::new(Progress::default()),
    )
    .await?;
    let seconds = start.elapsed().as_secs_f64();
    ensure!(
        sums.leads == leads && sums.unreadable == 0,
        "{} of {leads} leads, {} unreadable",
        sums.leads,
        sums.unreadable
    );
    Ok(Run {
        touchpoints: sums.touchpoints,
        leads: sums.leads,
        seconds,
        peak_mb: peak_mb()?,
    })
}

fn id(n: u64) -> LeadId {
    let digest = sha256_hex(&n.to_be_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.as_bytes()[..16]);
    LeadId::from_bytes(bytes)
}

/// What a lead did: a form with answers, a download, links, and for some a request for a visit.
fn facts(n: u64) -> Vec<Touchpoint> {
    let lead = id(n);
    (0..EACH)
        .map(|at| {
            let kind = match at {
                0 | 5 => TouchpointKind::FormSubmitted,
                1 => TouchpointKind::MagnetDownloaded,
                _ => TouchpointKind::LinkClicked,
            };
            let when = START.plus_days(i64::try_from(at * 3 + n % 5).unwrap_or(0));
            let mut fact = Touchpoint::new(lead, format!("{}_{at}", kind.prefix()), kind, when);
            if kind == TouchpointKind::FormSubmitted {
                let visit = at == 5 && n.is_multiple_of(3);
                fact.form = Some(if visit { "demo" } else { "guide" }.to_owned());
                fact.email = Some(Pii::new(format!("lead-{n}@firm-{}.com", n / 4)));
                fact.answers = answers(n, visit);
            }
            fact.site_hash = Some("0123456789abcdef".to_owned());
            fact
        })
        .collect()
}

fn answers(n: u64, visit: bool) -> Vec<Answer> {
    let pick = |list: &[&str]| list[usize::try_from(n).unwrap_or(0) % list.len()].to_owned();
    let mut given = vec![
        ("first_name", String::from("Ada")),
        ("company", format!("Firm {}", n / 4)),
        ("job_title", pick(&["Plant engineer", "Buyer", "Student"])),
    ];
    if visit {
        given.push(("budget", pick(&["over-1m", "none-yet", "under-250k"])));
        given.push(("authority", pick(&["decide", "research"])));
        given.push(("timeline", pick(&["now", "later"])));
    }
    given
        .into_iter()
        .map(|(name, value)| Answer {
            name: name.to_owned(),
            value: Value::Text(Pii::new(value)),
        })
        .collect()
}

/// The fact as it is stored.
fn document(fact: &Touchpoint) -> serde_json::Value {
    let mut document = serde_json::to_value(fact).unwrap_or_default();
    let day = Timestamp::day(fact.recorded_at);
    let shard = fact.lead_id.shard(shared::store::INDEX_SHARDS);
    document["day_shard"] = format!("{day}#{shard}").into();
    document
}

/// Lets the kernel count peak memory anew.
fn forget_peak() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

fn peak_mb() -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(Path::new("/proc/self/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kb: f64 = line
        .and_then(|line| line.split_whitespace().next())
        .context("no VmHWM")?
        .parse()?;
    Ok(kb / 1024.0)
}
