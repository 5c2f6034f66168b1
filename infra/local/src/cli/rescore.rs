//! `lodestone rescore`: the model in force, applied to all leads.

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use clap::Args;
use score::Deps;
use serde_json::json;

use super::open::{StackArgs, block_on};
use super::progress::Progress;
use crate::rescore::{self, Options};

/// Write units a second on a deployed stack where nobody says otherwise.
const PACE: u32 = 100;

/// What `rescore` can be told.
#[derive(Debug, Args)]
pub(super) struct RescoreArgs {
    /// Tell sales of the leads that qualify; without it nobody hears
    #[arg(long)]
    announce: bool,
    /// Most write units a second [default: 100 on a deployed stack, no limit on this machine]
    #[arg(long, value_name = "N")]
    write_units: Option<u32>,
    /// Begin with the first lead, wherever an earlier run stopped
    #[arg(long)]
    from_start: bool,
    /// Say it as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    stack: StackArgs,
}

pub(super) fn run(args: &RescoreArgs) -> anyhow::Result<ExitCode> {
    block_on(rescore(args))
}

async fn rescore(args: &RescoreArgs) -> anyhow::Result<ExitCode> {
    let opened = args.stack.open().await?;
    let variable = |name: &str| opened.variable(name).map(str::to_owned);
    let deps = Deps::build(&opened.runtime, &variable).await?;
    let model = deps.site.get().model.hash.clone();
    opened.audit("rescore", &model).await?;
    let options = Options {
        announce: args.announce,
        pace: args.write_units.or(opened.local.is_none().then_some(PACE)),
        from_start: args.from_start,
    };
    let done = AtomicU64::new(0);
    let bar = Progress::new("leads", None, args.json);
    let work = rescore::run(&deps, options, &done);
    tokio::pin!(work);
    let sums = loop {
        tokio::select! {
            sums = &mut work => break sums?,
            () = tokio::time::sleep(Duration::from_millis(200)) => bar.set(done.load(Ordering::Relaxed)),
        }
    };
    bar.done();
    if args.json {
        println!(
            "{}",
            json!({ "model": model, "sums": sums, "announced": args.announce })
        );
    } else {
        if sums.resumed {
            println!("Went on where an earlier run had stopped.");
        }
        println!(
            "{} leads folded under model {model}: {} changed, {} as they were.",
            sums.leads,
            sums.changed,
            sums.leads - sums.changed - sums.failed
        );
        if !args.announce && sums.changed > 0 {
            println!("Nobody was told. With --announce, sales hears of leads that qualify.");
        }
        if sums.failed > 0 {
            println!("{} could not be folded; run it again.", sums.failed);
        }
    }
    Ok(if sums.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
