//! `lodestone erasures`: what was erased, as lines of JSON; and erasing it again in tables that a backup brought back.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use keep::erase::replay;
use shared::domain::erasure::Erasure;

use super::open::{Opened, StackArgs, block_on};

/// What `erasures` can be told.
#[derive(Debug, Args)]
pub(super) struct ErasuresArgs {
    /// Erase again what this file lists, as this command printed it from the tables before they were restored
    #[arg(long, value_name = "FILE")]
    replay: Option<PathBuf>,
    #[command(flatten)]
    stack: StackArgs,
}

pub(super) fn run(args: &ErasuresArgs) -> anyhow::Result<ExitCode> {
    block_on(async {
        let opened = args.stack.open().await?;
        match &args.replay {
            Some(file) => again(&opened, file).await?,
            None => {
                for erasure in opened.store.erasures().await? {
                    println!("{}", serde_json::to_string(&erasure)?);
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    })
}

async fn again(opened: &Opened, file: &Path) -> anyhow::Result<()> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let mut orders: Vec<Erasure> = Vec::new();
    for (number, line) in (1..)
        .zip(text.lines())
        .filter(|(_, l)| !l.trim().is_empty())
    {
        let order = serde_json::from_str(line);
        orders.push(order.with_context(|| format!("{}:{number} is no erasure", file.display()))?);
    }
    for order in &orders {
        let subject = order.lead_id.to_string();
        opened.audit("erasures --replay", &subject).await?;
        replay(&opened.store, order, opened.now()).await?;
        if let Some(local) = &opened.local {
            local.stand_ins.ses.forget(std::slice::from_ref(&subject))?;
            local.stack.engine.housekeeping().forget_stream(&subject)?;
        }
    }
    if let Some(local) = &opened.local {
        local.stand_ins.ses.clear_freed()?;
        local.stack.engine.housekeeping().clear_freed()?;
    }
    println!("{} erased again", orders.len());
    Ok(())
}
