//! From a post to the alert: how long it takes until sales is told, for a thousand leads that qualify at once.
//!
//! The posts come at a steady rate, whatever the system does meanwhile, so that one that falls behind shows it. Which rate one machine
//! holds is tried out first, with fewer leads: a rate at which work piles up says how long the pile is and nothing of the system. Times
//! are the wall clock's: from before the post until the mail service, or the receiver of the webhook, has the message.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use lodestone::app::{App, Options};
use reqwest::Client;
use serde_json::Value;
use shared::domain::email::EmailAddress;
use shared::domain::time::Timestamp;
use shared::runtime::system_now;
use tests::project;
use tests::world::{BROWSER, demo};
use tokio::task::JoinSet;

use crate::load::percentile;

/// Leads that qualify.
const LEADS: u32 = 1_000;
/// Posts a second, the highest first; the first one that is held is measured. `-- latency 10` measures that one.
const RATES: [u32; 5] = [40, 20, 10, 5, 2];
/// For so long a rate is tried.
const TRIAL: u32 = 8;
/// A rate is held where nobody in the trial waited longer than this for an alert.
const HELD: Duration = Duration::from_secs(2);

/// What was measured at one rate.
struct Run {
    rate: u32,
    /// From the first post to the last one answered.
    posting: Duration,
    /// From a post to its answer.
    answers: Vec<Duration>,
    /// From a post to its alert, by channel.
    alerts: Vec<(&'static str, Vec<Duration>)>,
}

/// Measures, and prints. Rates come from the command line, or are tried out.
pub async fn print() -> anyhow::Result<()> {
    let given: Vec<u32> = std::env::args()
        .filter_map(|arg| arg.parse().ok())
        .collect();
    println!("\nFrom a post to the alert, for leads that qualify at once:\n");
    println!(
        "{:<26} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "", "a second", "arrived", "p50 ms", "p99 ms", "most ms"
    );
    if given.is_empty() {
        let mut held = None;
        for rate in RATES {
            let mut trial = run(rate, rate * TRIAL).await?;
            trial.print("tried");
            if trial.longest() <= HELD {
                held = Some(rate);
                break;
            }
        }
        let rate = held.context("no rate was held")?;
        run(rate, LEADS).await?.print("1,000 leads");
    }
    for rate in given {
        run(rate, LEADS).await?.print("1,000 leads");
    }
    Ok(())
}

impl Run {
    fn longest(&self) -> Duration {
        let waits = self.alerts.iter().flat_map(|(_, waits)| waits);
        waits.max().copied().unwrap_or(Duration::MAX)
    }

    fn print(&mut self, what: &str) {
        let arrived = self.answers.len() as f64 / self.posting.as_secs_f64();
        let answers = std::iter::once(("answer", &mut self.answers));
        let alerts = self.alerts.iter_mut().map(|(name, waits)| (*name, waits));
        for (name, waits) in answers.chain(alerts) {
            println!(
                "{:<26} {:>9} {arrived:>9.1} {:>9.0} {:>9.0} {:>9.0}",
                format!("{what}: {name}"),
                self.rate,
                percentile(waits, 50),
                percentile(waits, 99),
                percentile(waits, 100),
            );
        }
    }
}

/// Lets `leads` people post at `rate`, waits until all is at rest, and reads when each alert came.
async fn run(rate: u32, leads: u32) -> anyhow::Result<Run> {
    let data = tempfile::tempdir()?;
    let options = Options::live(
        ([127, 0, 0, 1], 0).into(),
        data.path().to_owned(),
        project("infra/site"),
        project("infra/template.yaml"),
    );
    let app = App::start(options).await?;
    let client = Client::builder().user_agent(BROWSER).build()?;
    let start = Instant::now();
    let mut posts = JoinSet::new();
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / rate);
    for n in 0..leads {
        ticks.tick().await;
        posts.spawn(post(client.clone(), format!("{}/f/demo", app.url()), n));
    }
    let (mut began, mut answers) = (BTreeMap::new(), Vec::new());
    let identity = app.core().stack().identity.as_ref().context("identity")?;
    while let Some(post) = posts.join_next().await {
        let (email, at, answer) = post??;
        let address = EmailAddress::parse(&email).context("an address")?;
        began.insert(identity.lead_of_email(&address).to_string(), at);
        answers.push(answer);
    }
    let posting = start.elapsed();
    app.settle().await?;
    let mut mails = Vec::new();
    for mail in app.ses().mails()? {
        let tag = mail.tags.get("obx").map(String::as_str).unwrap_or_default();
        if let Some(lead) = tag.strip_suffix("_alr_1_mail") {
            mails.push(waited(&began, lead, &mail.at)?);
        }
    }
    let hooks = client.get(format!("{}/local/hooks", app.url()));
    let hooks: Vec<Value> = hooks.send().await?.json().await?;
    let mut webhooks = Vec::new();
    for hook in hooks {
        let id = hook["headers"]["webhook-id"].as_str().unwrap_or_default();
        if let Some(lead) = id.strip_suffix("_alr_1_crm") {
            webhooks.push(waited(&began, lead, hook["at"].as_str().context("at")?)?);
        }
    }
    app.stop().await;
    for (what, waits) in [("mails", &mails), ("webhooks", &webhooks)] {
        ensure!(
            waits.len() == began.len(),
            "{} {what} for {} leads",
            waits.len(),
            began.len()
        );
    }
    Ok(Run {
        rate,
        posting,
        answers,
        alerts: vec![("alert mail", mails), ("webhook", webhooks)],
    })
}

/// One person's post: the address, when it began, how long the answer took.
async fn post(
    client: Client,
    url: String,
    n: u32,
) -> anyhow::Result<(String, Timestamp, Duration)> {
    let email = format!("visitor-{n}@analytical-engines.com");
    let ip = format!("10.30.{}.{}", n / 250, n % 250 + 1);
    let (began, start) = (system_now(), Instant::now());
    let post = client.post(url).header("Accept", "application/json");
    let post = post.header("X-Local-Client-Ip", ip).form(&demo(&email));
    let answer = post.send().await?;
    ensure!(answer.status() == 200, "answered {}", answer.status());
    Ok((email, began, start.elapsed()))
}

fn waited(began: &BTreeMap<String, Timestamp>, lead: &str, at: &str) -> anyhow::Result<Duration> {
    let from = began.get(lead).context("a lead that nobody posted")?;
    let at = Timestamp::parse(at).context("a time")?;
    Ok(Duration::from_millis(at.since(*from).try_into()?))
}
