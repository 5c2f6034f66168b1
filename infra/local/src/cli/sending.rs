//! `lodestone sending`: how mails to leads stand, and pausing and lifting them.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use shared::domain::id::random;

use super::open::{StackArgs, block_on};
use crate::sending::{Act, as_json, change, in_words};

/// What `sending` can be told.
#[derive(Debug, Args)]
pub(super) struct SendingArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Show whether mails go out, and the rates that would pause them
    Status(StatusArgs),
    /// Hold back all mails to leads; alerts to sales go on
    Pause(ChangeArgs),
    /// Let mails to leads go out again, those that waited too
    Lift(ChangeArgs),
}

#[derive(Debug, Args)]
struct StatusArgs {
    /// One JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    stack: StackArgs,
}

#[derive(Debug, Args)]
struct ChangeArgs {
    /// Why, for the audit; without addresses or names
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    stack: StackArgs,
}

pub(super) fn run(args: &SendingArgs) -> anyhow::Result<ExitCode> {
    block_on(async {
        match &args.what {
            What::Status(args) => status(args).await?,
            What::Pause(args) => act(Act::Pause, args).await?,
            What::Lift(args) => act(Act::Lift, args).await?,
        }
        Ok(ExitCode::SUCCESS)
    })
}

async fn status(args: &StatusArgs) -> anyhow::Result<()> {
    let opened = args.stack.open().await?;
    let (sending, now) = (opened.store.sending().await?, opened.now());
    if args.json {
        println!("{}", as_json(&sending, now));
    } else {
        print!("{}", in_words(&sending, now));
    }
    Ok(())
}

async fn act(act: Act, args: &ChangeArgs) -> anyhow::Result<()> {
    let opened = args.stack.open().await?;
    let id = random("op", opened.runtime.entropy.bytes());
    let changed = change(&opened.store, act, &args.reason, &id, opened.now()).await?;
    println!(
        "{}",
        match (act, changed) {
            (Act::Pause, true) =>
                "Mails to leads are paused. Nothing is lost; alerts to sales go on. `lodestone sending lift` lets them go.",
            (Act::Pause, false) => "Mails to leads were paused before.",
            (Act::Lift, true) =>
                "Mails to leads go out again. Those that waited go within minutes, at the rate the account allows.",
            (Act::Lift, false) => "Nothing held mails back.",
        }
    );
    Ok(())
}
