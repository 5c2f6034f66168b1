//! `lodestone override`: put a lead at a stage by hand, with author, reason and end. A fact like any other, never a silent edit.

use std::process::ExitCode;

use anyhow::{bail, ensure};
use clap::{Args, ValueEnum};
use shared::domain::id::{LeadId, random};
use shared::domain::pii::Pii;
use shared::domain::stage::Stage;
use shared::domain::time::Timestamp;
use shared::domain::touchpoint::{Touchpoint, TouchpointKind, Trust};
use shared::flow::Write;
use shared::store::Committed;

use super::open::{Opened, StackArgs, block_on};
use super::when::{self, Edge};

/// Stages that an operator may decide; what sales decides is for sales to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Wanted {
    /// Not ready for sales, whatever its points
    Lead,
    /// To sales at once, whatever its points
    Mql,
    /// Waiting, as if sales had handed it back
    Recycled,
    /// Ruled out
    Disqualified,
}

impl Wanted {
    const fn stage(self) -> Stage {
        match self {
            Self::Lead => Stage::Lead,
            Self::Mql => Stage::Mql,
            Self::Recycled => Stage::Recycled,
            Self::Disqualified => Stage::Disqualified,
        }
    }
}

/// What `override` can be told.
#[derive(Debug, Args)]
pub(super) struct OverrideArgs {
    /// Address of the lead
    #[arg(value_name = "EMAIL")]
    email: String,
    /// The stage to put it at
    #[arg(long, value_name = "STAGE", required_unless_present = "lift")]
    stage: Option<Wanted>,
    /// Take back what was decided by hand before
    #[arg(long, conflicts_with_all = ["stage", "until"])]
    lift: bool,
    /// When it ends by itself; without it, it holds until it is taken back
    #[arg(long, value_name = "WHEN")]
    until: Option<String>,
    /// Why, for whoever looks at the lead later
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Who decided it
    #[arg(long, value_name = "NAME")]
    author: String,
    #[command(flatten)]
    stack: StackArgs,
}

pub(super) fn run(args: &OverrideArgs) -> anyhow::Result<ExitCode> {
    block_on(decide(args))
}

async fn decide(args: &OverrideArgs) -> anyhow::Result<ExitCode> {
    let opened = args.stack.open().await?;
    let lead_id = opened.lead_id(&args.email)?;
    let fact = fact(args, &opened, lead_id)?;
    ensure!(
        opened.store.lead(lead_id).await?.is_some(),
        "nothing is known of {}",
        args.email
    );
    opened.audit("override", &lead_id.to_string()).await?;
    let said = sentence(&fact);
    match opened.store.commit(&[Write::Touchpoint(fact)]).await? {
        Committed::Written => println!("{}: {said}", args.email),
        Committed::Lost(_) => bail!("the same decision is on record already"),
    }
    Ok(ExitCode::SUCCESS)
}

fn fact(args: &OverrideArgs, opened: &Opened, lead_id: LeadId) -> anyhow::Result<Touchpoint> {
    let now = opened.now();
    let until = args
        .until
        .as_deref()
        .map(|text| when::parse(text, Edge::End))
        .transpose()?;
    check(args.stage, until, now, &args.reason, &args.author)?;
    let id = random(
        TouchpointKind::Overridden.prefix(),
        opened.runtime.entropy.bytes(),
    );
    let mut fact = Touchpoint::new(lead_id, id, TouchpointKind::Overridden, now);
    fact.trust = Trust::Sales;
    fact.stage = args.stage.map(Wanted::stage);
    fact.until = until;
    fact.author = Some(args.author.trim().to_owned());
    fact.comment = Some(Pii::new(args.reason.trim().to_owned()));
    fact.site_hash = opened.site().ok().map(|site| site.hash.clone());
    Ok(fact)
}

fn check(
    stage: Option<Wanted>,
    until: Option<Timestamp>,
    now: Timestamp,
    reason: &str,
    author: &str,
) -> anyhow::Result<()> {
    ensure!(!reason.trim().is_empty(), "give a reason with --reason");
    ensure!(
        !author.trim().is_empty(),
        "say who decides it with --author"
    );
    if let Some(until) = until {
        ensure!(until > now, "--until lies in the past");
        ensure!(
            stage != Some(Wanted::Mql),
            "a lead that sales has cannot be taken away by time; leave out --until"
        );
    }
    Ok(())
}

fn sentence(fact: &Touchpoint) -> String {
    let Some(stage) = fact.stage else {
        return String::from("what was decided by hand is taken back");
    };
    match fact.until {
        Some(until) => format!("“{}” until {until}", stage.label()),
        None if stage == Stage::Mql => format!("“{}” from now on", stage.label()),
        None => format!("“{}” until that is taken back with --lift", stage.label()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_needs_a_reason_an_author_and_an_end_that_is_to_come() {
        let now = Timestamp(1_000);
        let later = Some(Timestamp(2_000));
        let said = |stage, until, reason| {
            check(Some(stage), until, now, reason, "mira").map_err(|e| e.to_string())
        };
        assert_eq!(said(Wanted::Disqualified, later, "a customer"), Ok(()));
        assert_eq!(
            said(Wanted::Lead, None, " "),
            Err("give a reason with --reason".into())
        );
        assert_eq!(
            said(Wanted::Lead, Some(Timestamp(9)), "x"),
            Err("--until lies in the past".into())
        );
        assert!(said(Wanted::Mql, later, "x").is_err());
        assert!(check(None, None, now, "x", "").is_err());
    }
}
