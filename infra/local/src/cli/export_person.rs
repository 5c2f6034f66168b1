//! `lodestone export-person`: everything that is kept about a person, as one JSON.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Args;

use super::open::{StackArgs, block_on};
use crate::person::export::export;

/// What `export-person` can be told.
#[derive(Debug, Args)]
pub(super) struct ExportPersonArgs {
    /// The person's address
    email: String,
    /// Write to this new file, which only its owner may read, instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    stack: StackArgs,
}

pub(super) fn run(args: &ExportPersonArgs) -> anyhow::Result<ExitCode> {
    block_on(async {
        let opened = args.stack.open().await?;
        let lead_id = opened.lead_id(&args.email)?;
        // Before it is read: the export tells of itself.
        opened.audit("export-person", &lead_id.to_string()).await?;
        let Some(everything) = export(&opened.records(), &args.email).await? else {
            bail!("nothing is kept about {}", args.email);
        };
        let text = serde_json::to_string_pretty(&everything)?;
        match &args.out {
            Some(path) => write_private(path, &text)?,
            None => println!("{text}"),
        }
        Ok(ExitCode::SUCCESS)
    })
}

fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options
        .open(path)
        .with_context(|| format!("cannot write {}", path.display()))?;
    writeln!(file, "{text}").with_context(|| format!("cannot write {}", path.display()))
}
