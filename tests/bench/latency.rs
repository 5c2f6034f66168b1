//! From a post to the alert: how long it takes until sales is told, for a thousand leads that qualify at once.
//!
//! The posts come at a steady rate, whatever the system does meanwhile, so that one that falls behind shows it. Times are the wall
//! clock's: from before the post until the mail service, or the receiver of the webhook, has the message.

use std::collections::BTreeMap;
use std::time::Duration;

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
const LEADS: usize = 1_000;
/// Between two posts.
const PACE: Duration = Duration::from_millis(100);

/// Measures, and prints.
pub async fn print() -> anyhow::Result<()> {
    let data = tempfile::tempdir()?;
    let options = Options::live(
        ([127, 0, 0, 1], 0).into(),
        data.path().to_owned(),
        project("infra/site"),
        project("infra/template.yaml"),
    );
    let app = App::start(options).await?;
    let client = Client::builder().user_agent(BROWSER).build()?;
    let mut posts = JoinSet::new();
    let mut ticks = tokio::time::interval(PACE);
    for n in 0..LEADS {
        ticks.tick().await;
        let (client, url) = (client.clone(), format!("{}/f/demo", app.url()));
        posts.spawn(async move {
            let email = format!("visitor-{n}@analytical-engines.com");
            let began = system_now();
            let answer = client
                .post(url)
                .header("Accept", "application/json")
                .header(
                    "X-Local-Client-Ip",
                    format!("10.30.{}.{}", n / 250, n % 250 + 1),
                )
                .form(&demo(&email))
                .send()
                .await?;
            ensure!(answer.status() == 200, "answered {}", answer.status());
            Ok((email, began))
        });
    }
    let mut began = BTreeMap::new();
    while let Some(post) = posts.join_next().await {
        let (email, at) = post??;
        let address = EmailAddress::parse(&email).context("an address")?;
        let identity = app.core().stack().identity.as_ref().context("identity")?;
        began.insert(identity.lead_of_email(&address).to_string(), at);
    }
    app.settle().await?;
    let mut mails = Vec::new();
    for mail in app.ses().mails()? {
        let tag = mail.tags.get("obx").map(String::as_str).unwrap_or_default();
        if let Some(lead) = tag.strip_suffix("_alr_1_mail") {
            mails.push(waited(&began, lead, &mail.at)?);
        }
    }
    let hooks: Vec<Value> = client
        .get(format!("{}/local/hooks", app.url()))
        .send()
        .await?
        .json()
        .await?;
    let mut webhooks = Vec::new();
    for hook in hooks {
        let id = hook["headers"]["webhook-id"].as_str().unwrap_or_default();
        if let Some(lead) = id.strip_suffix("_alr_1_crm") {
            webhooks.push(waited(&began, lead, hook["at"].as_str().context("at")?)?);
        }
    }
    app.stop().await;
    println!(
        "\nFrom a post to the alert, {LEADS} leads that qualify, {} a second:\n",
        1_000 / PACE.as_millis()
    );
    for (what, waits) in [("alert mail", &mut mails), ("webhook", &mut webhooks)] {
        ensure!(waits.len() == LEADS, "{what}: {} of {LEADS}", waits.len());
        println!(
            "{what:<12} p50 {:>7.0} ms   p99 {:>7.0} ms",
            percentile(waits, 50),
            percentile(waits, 99)
        );
    }
    Ok(())
}

fn waited(began: &BTreeMap<String, Timestamp>, lead: &str, at: &str) -> anyhow::Result<Duration> {
    let from = began.get(lead).context("a lead that nobody posted")?;
    let at = Timestamp::parse(at).context("a time")?;
    Ok(Duration::from_millis(at.since(*from).try_into()?))
}
