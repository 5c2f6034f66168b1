//! `lodestone explain`: why a lead has its points, or had them at some instant.

use std::process::ExitCode;

use anyhow::bail;
use clap::Args;

use super::open::{StackArgs, block_on};
use super::when::{self, Edge};
use crate::explain::{self, text::text};

/// What `explain` can be told.
#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// Address of the lead
    #[arg(value_name = "EMAIL")]
    email: String,
    /// As of this day or instant, instead of now
    #[arg(long, value_name = "WHEN")]
    at: Option<String>,
    /// Say it as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    stack: StackArgs,
}

pub(super) fn run(args: &ExplainArgs) -> anyhow::Result<ExitCode> {
    block_on(explain(args))
}

async fn explain(args: &ExplainArgs) -> anyhow::Result<ExitCode> {
    let opened = args.stack.open().await?;
    let at = match &args.at {
        Some(text) => when::parse(text, Edge::End)?,
        None => opened.now(),
    };
    let lead_id = opened.lead_id(&args.email)?;
    let Some(doc) = opened.query.by_id(&lead_id.to_string()).await? else {
        bail!("nothing is known of {}", args.email);
    };
    opened.audit("explain", &lead_id.to_string()).await?;
    let site = opened.site()?;
    let Some(explanation) = explain::of(&doc, &site, at)? else {
        bail!("nothing was known of {} on {at}", args.email);
    };
    if args.json {
        println!("{:#}", explanation.to_json());
    } else {
        print!("{}", text(&explanation, &site));
    }
    Ok(ExitCode::SUCCESS)
}
