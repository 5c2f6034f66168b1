//! `lodestone prove`: the consents of a person in words, and whether their chain is whole.

use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use shared::domain::consent::ConsentKey;
use shared::runtime::read_key;

use super::open::{StackArgs, block_on};
use crate::person::prove::prove;

/// What `prove` can be told.
#[derive(Debug, Args)]
pub(super) struct ProveArgs {
    /// The person's address
    email: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    stack: StackArgs,
}

pub(super) fn run(args: &ProveArgs) -> anyhow::Result<ExitCode> {
    block_on(async {
        let opened = args.stack.open().await?;
        let lead_id = opened.lead_id(&args.email)?;
        opened.audit("prove", &lead_id.to_string()).await?;
        let secret = opened.secret("CONSENT_KEY_PARAM").await?;
        let key = ConsentKey::new(read_key("CONSENT_KEY_PARAM", &secret)?);
        let site = opened.site()?;
        let Some(proof) = prove(&opened.records(), &key, &site, &args.email).await? else {
            bail!("nothing is kept about {}", args.email);
        };
        if args.json {
            println!("{}", serde_json::to_string_pretty(&proof)?);
        } else {
            println!("{}", proof.to_text());
        }
        Ok(if proof.is_whole() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    })
}
