//! Answers a second, beside what the engine does at all.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use aws_sdk_dynamodb::types::AttributeValue;
use lodestone::app::{App, Options};
use lodestone::engine::{Engine, Location};
use reqwest::Client;
use shared::runtime::{Aws, Endpoints, connector};
use tests::project;
use tests::world::{BROWSER, guide};

use crate::load::{self, Sample, median, percentile};
use crate::site::{self, QUIET, quiet};

/// Turns of each measurement; what is printed is their median.
const ROUNDS: usize = 3;
/// Clients at once.
const CLIENTS: [usize; 2] = [1, 8];
/// Posts are to be answered at this part of the engine's put rate.
const GOAL: f64 = 1.0 / 3.0;
/// Size of the small item of the engine's own measurement, in bytes.
const SMALL: usize = 300;

/// What is asked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Small,
    Fact,
    Quiet,
    Guide,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Small, Self::Fact, Self::Quiet, Self::Guide];

    fn name(self) -> &'static str {
        match self {
            Self::Small => "engine: puts of 300 bytes",
            Self::Fact => "engine: puts of a fact",
            Self::Quiet => "posts without mail",
            Self::Guide => "posts with magnet mail",
        }
    }
}

/// One row of the table.
struct Row {
    kind: Kind,
    clients: usize,
    rates: Vec<f64>,
    ratios: Vec<f64>,
    waits: Vec<Duration>,
    settled: Vec<f64>,
}

/// Measures, and prints a table.
pub async fn print() -> anyhow::Result<()> {
    let (data, files) = (tempfile::tempdir()?, site::folder()?);
    let mut bench = Bench::start(data.path(), files.path()).await?;
    let mut rows: Vec<Row> = Kind::ALL
        .into_iter()
        .flat_map(|kind| CLIENTS.map(|clients| Row::new(kind, clients)))
        .collect();
    for _ in 0..ROUNDS {
        let mut raw = Vec::new();
        for row in &mut rows {
            let (sample, settled) = bench.measure(row.kind, row.clients).await?;
            if row.kind == Kind::Fact {
                raw.push((row.clients, sample.rate()));
            }
            let beside = raw.iter().find(|(clients, _)| *clients == row.clients);
            row.add(&sample, settled, beside.map_or(f64::NAN, |(_, rate)| *rate));
        }
    }
    bench.app.stop().await;

    println!("One machine, data in files, pumps running; median of {ROUNDS} turns:\n");
    println!(
        "{:<26} {:>7} {:>9} {:>9} {:>9} {:>9} {:>16}",
        "", "clients", "a second", "p50 ms", "p99 ms", "of facts", "settled a second"
    );
    let mut missed = false;
    for row in &mut rows {
        missed |= row.print();
    }
    println!(
        "\nGoal: posts at {GOAL:.2} of the puts of their facts or more: {}.",
        if missed { "missed" } else { "reached" }
    );
    Ok(())
}

impl Row {
    fn new(kind: Kind, clients: usize) -> Self {
        Self {
            kind,
            clients,
            rates: Vec::new(),
            ratios: Vec::new(),
            waits: Vec::new(),
            settled: Vec::new(),
        }
    }

    fn add(&mut self, sample: &Sample, settled: Option<f64>, raw: f64) {
        self.rates.push(sample.rate());
        self.ratios.push(sample.rate() / raw);
        self.waits.extend(&sample.waits);
        self.settled.extend(settled);
    }

    /// Prints the row, and tells whether it misses the goal.
    fn print(&mut self) -> bool {
        let ratio = median(self.ratios.clone());
        let settled = if self.settled.is_empty() {
            String::new()
        } else {
            format!("{:.0}", median(self.settled.clone()))
        };
        // The first rows of a turn have nothing to stand beside.
        let beside = if ratio.is_nan() {
            String::new()
        } else {
            format!("{ratio:.2}")
        };
        println!(
            "{:<26} {:>7} {:>9.0} {:>9.2} {:>9.2} {beside:>9} {settled:>16}",
            self.kind.name(),
            self.clients,
            median(self.rates.clone()),
            percentile(&mut self.waits, 50),
            percentile(&mut self.waits, 99),
        );
        matches!(self.kind, Kind::Quiet) && ratio < GOAL
    }
}

/// What is measured.
struct Bench {
    app: App,
    /// An engine of its own, so that no pump reads what is put into it.
    _engine: Engine,
    puts: aws_sdk_dynamodb::Client,
    table: String,
    /// A fact as a post leaves it, to be put again under other keys.
    fact: Item,
    visitor: Client,
    numbers: Arc<AtomicU64>,
}

impl Bench {
    async fn start(data: &Path, site: &Path) -> anyhow::Result<Self> {
        let app = App::start(Options::live(
            ([127, 0, 0, 1], 0).into(),
            data.join("lodestone"),
            site.to_owned(),
            project("infra/template.yaml"),
        ))
        .await?;
        let table = app.core().stack().model.table("TouchpointsTable");
        let table = table.context("the template has no TouchpointsTable")?;
        ensure!(
            table.stream.is_some() && !table.indexes.is_empty(),
            "facts have a stream and an index"
        );
        let name = table.name.clone();
        let engine = Engine::start(
            &Location::File(data.join("engine.db")),
            std::slice::from_ref(table),
        )?;
        let endpoints = Endpoints {
            dynamodb: Some(engine.endpoint().to_owned()),
            ..Endpoints::default()
        };
        let credentials = app.runtime().aws.credentials().clone();
        let puts = Aws::new(connector(), "us-east-1", credentials, endpoints).dynamodb();
        let visitor = Client::builder().user_agent(BROWSER).build()?;
        let fact = fact(&app, &visitor, &name).await?;
        Ok(Self {
            visitor,
            fact,
            app,
            _engine: engine,
            puts,
            table: name,
            numbers: Arc::default(),
        })
    }

    /// A window of one kind. For posts also leads settled a second, from the first post until all is at rest.
    async fn measure(
        &mut self,
        kind: Kind,
        clients: usize,
    ) -> anyhow::Result<(Sample, Option<f64>)> {
        let start = Instant::now();
        let sample = match kind {
            Kind::Small => return Ok((self.put(clients, &small()).await?, None)),
            Kind::Fact => return Ok((self.put(clients, &self.fact).await?, None)),
            Kind::Quiet => self.post(clients, QUIET, quiet).await?,
            Kind::Guide => self.post(clients, "guide", guide).await?,
        };
        self.app.settle().await?;
        let settled = sample.waits.len() as f64 / start.elapsed().as_secs_f64();
        Ok((sample, Some(settled)))
    }

    async fn put(&self, clients: usize, like: &Item) -> anyhow::Result<Sample> {
        let (client, table, like) = (self.puts.clone(), self.table.clone(), like.clone());
        load::run(clients, &self.numbers, move |number| {
            let put = client
                .put_item()
                .table_name(&table)
                .set_item(Some(numbered(&like, number)));
            async move {
                put.send().await?;
                Ok(())
            }
        })
        .await
    }

    async fn post(
        &self,
        clients: usize,
        form: &str,
        fields: fn(&str) -> Vec<(&str, &str)>,
    ) -> anyhow::Result<Sample> {
        let (visitor, url) = (self.visitor.clone(), format!("{}/f/{form}", self.app.url()));
        load::run(clients, &self.numbers, move |number| {
            let email = format!("visitor-{number}@example.com");
            let ip = format!(
                "10.{}.{}.{}",
                number >> 16 & 255,
                number >> 8 & 255,
                number & 255
            );
            let post = visitor
                .post(&url)
                .header("Accept", "application/json")
                .header("X-Local-Client-Ip", ip)
                .form(&fields(&email));
            async move {
                let answer = post.send().await?.error_for_status()?;
                answer.bytes().await?;
                Ok(())
            }
        })
        .await
    }
}

type Item = HashMap<String, AttributeValue>;

/// The item under keys of its own.
fn numbered(like: &Item, number: u64) -> Item {
    let mut item = like.clone();
    let text = |value: String| AttributeValue::S(value);
    item.insert("lead_id".to_owned(), text(format!("lead-{number:020}")));
    item.insert("id".to_owned(), text(format!("sub_{number:020}")));
    item.insert(
        "recorded_at".to_owned(),
        AttributeValue::N((1_772_442_000_000 + number).to_string()),
    );
    item
}

/// An item with a place in the index and some text.
fn small() -> Item {
    // Names count, and a number of 13 digits takes 8 bytes.
    let so_far = 7 + 25 + 2 + 24 + 9 + 12 + 11 + 8 + 4;
    let shard = AttributeValue::S("2026-03-02#1".to_owned());
    let text = AttributeValue::S("x".repeat(SMALL - so_far));
    Item::from([("day_shard".to_owned(), shard), ("text".to_owned(), text)])
}

/// What a post without mail leaves in the table.
async fn fact(app: &App, visitor: &Client, table: &str) -> anyhow::Result<Item> {
    let post = visitor
        .post(format!("{}/f/{QUIET}", app.url()))
        .header("Accept", "application/json")
        .form(&quiet("visitor-1000000@example.com"));
    post.send().await?.error_for_status()?;
    let scan = app.runtime().aws.dynamodb().scan().table_name(table);
    let found = scan.limit(1).send().await?.items.unwrap_or_default();
    found.into_iter().next().context("a post leaves a fact")
}
