//! `lodestone resend` and `lodestone assign`: the alert once more, and a lead for a colleague.

use std::process::ExitCode;

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use serde_json::json;
use shared::domain::handling::Handling;
use shared::domain::handoff::Handoff;
use shared::domain::id::random;
use shared::domain::touchpoint::Touchpoint;
use shared::flow::Write;
use shared::flow::sales::{Answer, By, answered, resend};
use shared::store::Committed;

use super::open::{Opened, StackArgs, block_on};

/// What `resend` can be told.
#[derive(Debug, Args)]
pub(super) struct ResendArgs {
    /// The lead's address
    email: String,
    /// Say it as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    stack: StackArgs,
}

/// What `assign` can be told.
#[derive(Debug, Args)]
pub(super) struct AssignArgs {
    /// The lead's address
    email: String,
    /// Id of the sales person, as in the site
    person: String,
    /// A word to them
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,
    /// Say it as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    stack: StackArgs,
}

pub(super) fn run_resend(args: &ResendArgs) -> anyhow::Result<ExitCode> {
    block_on(async {
        let opened = args.stack.open().await?;
        let person = again(&opened, &args.email).await?;
        told(args.json, &person, "is told of the lead again");
        Ok(ExitCode::SUCCESS)
    })
}

pub(super) fn run_assign(args: &AssignArgs) -> anyhow::Result<ExitCode> {
    block_on(async {
        let opened = args.stack.open().await?;
        let comment = args.comment.as_deref();
        let person = assign(&opened, &args.email, &args.person, comment).await?;
        told(args.json, &person, "has the lead now, and is told of it");
        Ok(ExitCode::SUCCESS)
    })
}

fn told(as_json: bool, person: &str, what: &str) {
    if as_json {
        println!("{}", json!({ "person": person }));
    } else {
        println!("{person} {what}.");
    }
}

/// Orders the alert of the lead's latest handoff once more, for whoever has it now. Answers their name.
pub async fn again(opened: &Opened, email: &str) -> anyhow::Result<String> {
    let (handoff, facts) = latest(opened, email).await?;
    let site = opened.site()?;
    let handling = Handling::of(&facts, handoff.cycle);
    let person = handling.holder.as_deref().unwrap_or(&handoff.owner.id);
    let id = random("again", opened.runtime.entropy.bytes());
    let item = resend(&handoff, person, &id, &site, opened.now());
    opened.audit("resend", &handoff.lead_id.to_string()).await?;
    commit(opened, &[Write::Outbox(item)]).await?;
    let name = site.sales.person(person).map(|p| p.name.clone());
    Ok(name.unwrap_or_else(|| handoff.owner.name.clone()))
}

/// Hands the lead to this person, who gets the alert. Answers their name.
pub async fn assign(
    opened: &Opened,
    email: &str,
    person: &str,
    comment: Option<&str>,
) -> anyhow::Result<String> {
    let (handoff, facts) = latest(opened, email).await?;
    let site = opened.site()?;
    let Some(to) = site.sales.person(person) else {
        let known: Vec<&str> = site.sales.team.iter().map(|p| p.id.as_str()).collect();
        bail!(
            "nobody in the site is called `{person}`; there are {}",
            known.join(", ")
        );
    };
    let answer = Answer::Pass(to.id.clone());
    let so_far = Handling::of(&facts, handoff.cycle);
    ensure!(
        answer.fits(&so_far),
        "sales has answered this lead for good; nobody can have it before it is ready again"
    );
    let token: [u8; 16] = opened.runtime.entropy.bytes();
    let by = By {
        author: None,
        token: &token,
        comment,
        now: opened.now(),
    };
    opened.audit("assign", &handoff.lead_id.to_string()).await?;
    commit(opened, &answered(&handoff, &answer, by, &site)).await?;
    Ok(to.name.clone())
}

async fn latest(opened: &Opened, email: &str) -> anyhow::Result<(Handoff, Vec<Touchpoint>)> {
    let lead_id = opened.lead_id(email)?;
    let records = opened.store.lead_records(lead_id).await?;
    ensure!(records.lead.is_some(), "no lead has the address {email}");
    let handoff = records.handoffs.into_iter().max_by_key(|h| h.cycle);
    let handoff =
        handoff.context("the lead was never ready for sales, so there is no alert of it")?;
    let facts = opened.store.facts(lead_id).await?;
    Ok((handoff, facts))
}

async fn commit(opened: &Opened, writes: &[Write]) -> anyhow::Result<()> {
    match opened.store.commit(writes).await? {
        Committed::Written => Ok(()),
        Committed::Lost(_) => bail!("somebody answered at the same moment; look and try again"),
    }
}
