//! `lodestone channels`: where news goes besides mail, how the receivers have been doing, and a trial message.

use std::process::ExitCode;

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use serde_json::{Value, json};
use shared::channel::message::{Messenger, Parcel, fingerprint};
use shared::channel::sender::Sender;
use shared::domain::channel::{Channel, ChannelKind, EventType};
use shared::domain::endpoint::Endpoint;
use shared::domain::news::News;
use shared::domain::text::people_time;
use shared::flow::Write;
use shared::runtime::{Outbound, SiteSecrets};
use shared::store::Committed;

use super::open::{Opened, StackArgs, block_on};

/// What `channels` can be told.
#[derive(Debug, Args)]
pub(super) struct ChannelsArgs {
    /// Switch a channel on again
    #[arg(long, value_name = "ID", conflicts_with = "test")]
    on: Option<String>,
    /// Send a trial message to a channel, signed like any other
    #[arg(long, value_name = "ID")]
    test: Option<String>,
    /// Say it as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    stack: StackArgs,
}

pub(super) fn run(args: &ChannelsArgs) -> anyhow::Result<ExitCode> {
    block_on(async {
        let opened = args.stack.open().await?;
        match (&args.on, &args.test) {
            (Some(id), _) => switch_on(&opened, id).await,
            (None, Some(id)) => trial(&opened, id).await,
            (None, None) => list(&opened, args.json).await,
        }
    })
}

async fn endpoint(opened: &Opened, channel: &Channel) -> anyhow::Result<Endpoint> {
    let known = opened.store.endpoint(&channel.id).await?;
    Ok(known.for_site(&channel.id, &fingerprint(channel)))
}

async fn list(opened: &Opened, as_json: bool) -> anyhow::Result<ExitCode> {
    let site = opened.site()?;
    let mut rows = Vec::new();
    for channel in &site.channels {
        rows.push((channel, endpoint(opened, channel).await?));
    }
    if as_json {
        let rows: Vec<Value> = rows
            .iter()
            .map(|(channel, endpoint)| {
                json!({
                    "id": channel.id,
                    "kind": channel.word(),
                    "events": channel.events,
                    "to": place(channel),
                    "on": endpoint.is_on(),
                    "failing_since": endpoint.failing_since.map(|at| at.to_string()),
                    "off_since": endpoint.off_since.map(|at| at.to_string()),
                    "reason": endpoint.reason,
                })
            })
            .collect();
        println!("{}", Value::Array(rows));
        return Ok(ExitCode::SUCCESS);
    }
    if rows.is_empty() {
        println!("The site has no channel: alerts and notices go by mail.");
    }
    for (channel, endpoint) in rows {
        let events: Vec<&str> = channel.events.iter().map(|e| e.name()).collect();
        println!(
            "{:<24}  {:<10}  {}",
            channel.id,
            channel.word(),
            state(&endpoint)
        );
        println!("    to {}", place(channel));
        if !events.is_empty() {
            println!("    hears of {}", events.join(", "));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Where it sends, without any secret.
fn place(channel: &Channel) -> String {
    match &channel.kind {
        ChannelKind::Webhook { url, .. }
        | ChannelKind::Hubspot { url, .. }
        | ChannelKind::Salesforce { url, .. }
        | ChannelKind::Slack { url: Some(url), .. } => url.clone(),
        ChannelKind::Slack {
            secret: Some(secret),
            url: None,
        } => format!("the address in the secret {secret}"),
        ChannelKind::Slack {
            secret: None,
            url: None,
        } => "nowhere".to_owned(),
    }
}

fn state(endpoint: &Endpoint) -> String {
    let because = |at| format!("since {} ({})", people_time(at), endpoint.reason);
    match (endpoint.off_since, endpoint.failing_since) {
        (Some(at), _) => format!("off {}", because(at)),
        (None, Some(at)) => format!("failing {}", because(at)),
        (None, None) => "on".to_owned(),
    }
}

async fn switch_on(opened: &Opened, id: &str) -> anyhow::Result<ExitCode> {
    let site = opened.site()?;
    let channel = known(&site, id)?;
    let endpoint = endpoint(opened, channel).await?;
    if endpoint.is_on() && endpoint.failing_since.is_none() {
        println!("{id} is on.");
        return Ok(ExitCode::SUCCESS);
    }
    let write_id = format!(
        "on_{:016x}",
        u64::from_be_bytes(opened.runtime.entropy.bytes())
    );
    let write = Write::Endpoint(endpoint.switched_on(&write_id));
    match opened.store.commit(&[write]).await? {
        Committed::Written => {}
        Committed::Lost(_) => bail!("{id} has just changed; try again"),
    }
    opened.audit("channel switched on", id).await?;
    println!("{id} is on again. What was given up meanwhile is not sent again.");
    Ok(ExitCode::SUCCESS)
}

fn known<'s>(site: &'s shared::site::Site, id: &str) -> anyhow::Result<&'s Channel> {
    let ids: Vec<&str> = site.channels.iter().map(|c| c.id.as_str()).collect();
    site.channel(id).with_context(|| {
        format!(
            "the site has no channel `{id}`; it has {}",
            if ids.is_empty() {
                "none".to_owned()
            } else {
                ids.join(", ")
            }
        )
    })
}

async fn trial(opened: &Opened, id: &str) -> anyhow::Result<ExitCode> {
    let site = opened.site()?;
    let channel = known(&site, id)?;
    ensure!(
        matches!(
            channel.kind,
            ChannelKind::Webhook { .. } | ChannelKind::Slack { .. }
        ),
        "a trial would make a contact in the CRM; send a submission of your own instead"
    );
    let mut runtime = opened.runtime.clone();
    if opened.local.is_some() {
        // The runner on this machine, for its sinks.
        runtime.outbound = Outbound {
            connector: None,
            exceptions: opened
                .variable("PUBLIC_URL")
                .map(str::to_owned)
                .into_iter()
                .collect(),
        };
    }
    let prefix = opened
        .variable("SITE_SECRETS_PREFIX")
        .context("no function of the template has SITE_SECRETS_PREFIX")?;
    let messenger = Messenger {
        sender: Sender::new(&runtime),
        secrets: SiteSecrets::new(&runtime, prefix),
        entropy: runtime.entropy.clone(),
    };
    let now = opened.now();
    let news = News::trial(now);
    debug_assert_eq!(news.event, EventType::Test);
    let parcel = Parcel {
        id: &format!("test_{:016x}", u64::from_be_bytes(runtime.entropy.bytes())),
        body: &news.body(),
        now,
        answer_url: None,
    };
    let message = messenger.write(channel, &parcel).await?;
    let answer = messenger.post(&message).await?;
    opened.audit("channel tried", id).await?;
    ensure!(
        (200..300).contains(&answer.status),
        "{id} answered {}; a receiver says it took a message by a status from 200 to 299",
        answer.status
    );
    println!("{id} took the trial message (status {}).", answer.status);
    Ok(ExitCode::SUCCESS)
}
