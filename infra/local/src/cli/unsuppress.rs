//! `lodestone unsuppress`: mail may go out again to an address that bounced, complained or unsubscribed.

use std::process::ExitCode;

use clap::Args;

use super::open::{StackArgs, block_on};
use crate::person::unsuppress::unsuppress;

/// What `unsuppress` can be told.
#[derive(Debug, Args)]
pub(super) struct UnsuppressArgs {
    /// The person's address
    email: String,
    /// Why, for the audit; without addresses or names
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    stack: StackArgs,
}

pub(super) fn run(args: &UnsuppressArgs) -> anyhow::Result<ExitCode> {
    block_on(async {
        let opened = args.stack.open().await?;
        match unsuppress(&opened.records(), &args.email, &args.reason).await? {
            Some(was) => {
                println!(
                    "{} may get mail again; what kept it away was: {}.",
                    args.email,
                    was.replace('_', " ")
                );
                println!(
                    "Consents that were taken back stay taken back. If the mail service's own suppression list has the address, remove it there too."
                );
            }
            None => println!("Nothing keeps mail away from {}.", args.email),
        }
        Ok(ExitCode::SUCCESS)
    })
}
