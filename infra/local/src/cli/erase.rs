//! `lodestone erase`: everything about a person goes, and a certificate is printed.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::process::ExitCode;

use anyhow::ensure;
use clap::{Args, ValueEnum};
use shared::domain::erasure::EraseReason;

use super::open::{StackArgs, block_on};
use crate::person::erase::{Step, erase};

/// What `erase` can be told.
#[derive(Debug, Args)]
pub(super) struct EraseArgs {
    /// The person's address
    email: String,
    /// Why, for the certificate
    #[arg(long, value_enum, default_value = "request")]
    because: Because,
    /// Do not ask on a terminal
    #[arg(long)]
    yes: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    stack: StackArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Because {
    /// The person asked for it
    Request,
    /// The person objected to how their data is used
    Objection,
    /// The data should not have been collected
    Unlawful,
    /// The data is not needed any more
    NotNeeded,
}

impl From<Because> for EraseReason {
    fn from(because: Because) -> Self {
        match because {
            Because::Request => Self::Request,
            Because::Objection => Self::Objection,
            Because::Unlawful => Self::Unlawful,
            Because::NotNeeded => Self::NotNeeded,
        }
    }
}

pub(super) fn run(args: &EraseArgs) -> anyhow::Result<ExitCode> {
    block_on(async {
        let opened = args.stack.open().await?;
        let lead_id = opened.lead_id(&args.email)?;
        if !args.yes && std::io::stdin().is_terminal() {
            ask(&args.email)?;
        }
        opened.audit("erase", &lead_id.to_string()).await?;
        let on_terminal = std::io::stderr().is_terminal();
        let tell = |step| {
            if on_terminal {
                eprintln!("  {}", told(step));
            }
            Ok(())
        };
        let records = opened.records();
        let certificate = erase(&records, &args.email, args.because.into(), tell).await?;
        match certificate {
            Some(certificate) if args.json => {
                println!("{}", serde_json::to_string_pretty(&certificate)?);
            }
            Some(certificate) => println!("{}", certificate.to_text()),
            None if args.json => println!("null"),
            None => println!("Nothing was kept about {}.", args.email),
        }
        Ok(ExitCode::SUCCESS)
    })
}

fn ask(email: &str) -> anyhow::Result<()> {
    eprint!("This cannot be undone. Type the address again to erase everything about {email}: ");
    std::io::stderr().flush()?;
    let mut typed = String::new();
    std::io::stdin().lock().read_line(&mut typed)?;
    ensure!(typed.trim() == email, "nothing was erased");
    Ok(())
}

const fn told(step: Step) -> &'static str {
    match step {
        Step::Ordered => "the order stands: whatever is cut off now is finished within a day",
        Step::Forgotten => "mails are gone",
        Step::Deleted => "the tables hold nothing any more",
        Step::Dropped => "what was on its way is dropped",
        Step::Cleared => "deleted data is overwritten",
    }
}
