//! `lodestone replay`: what another scoring model would have made of everything that happened.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::json;
use shared::domain::score::ScoreModel;
use shared::site::source::load_with_scoring;

use super::open::{Opened, StackArgs, block_on};
use super::progress::Progress;
use super::when::{self, Edge};
use crate::replay::tally::{Confusion, Models, Tally};
use crate::replay::text::Names;
use crate::replay::{self, Options};

/// Readers side by side on a deployed stack; the embedded engine has one lock, so there one is best.
const READERS: u16 = 4;

/// What `replay` can be told.
#[derive(Debug, Args)]
pub(super) struct ReplayArgs {
    /// The scoring model to try, in the form of scoring.toml
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// Leave out leads to whom nothing happened since this day or instant
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Leave out everything after this day or instant
    #[arg(long, value_name = "WHEN")]
    until: Option<String>,
    /// Let what people did before an import count as if they had done it here
    #[arg(long)]
    count_imported: bool,
    /// Write the report with its charts to this file
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Say it as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    stack: StackArgs,
}

pub(super) fn run(args: &ReplayArgs) -> anyhow::Result<ExitCode> {
    block_on(replay(args))
}

async fn replay(args: &ReplayArgs) -> anyhow::Result<ExitCode> {
    let after = tried(&args.stack.site_folder(), &args.model)?;
    let opened = args.stack.open().await?;
    let before = opened.site()?.model.clone();
    let until = args
        .until
        .as_deref()
        .map(|text| when::parse(text, Edge::End))
        .transpose()?;
    let options = Options {
        since: args
            .since
            .as_deref()
            .map(|text| when::parse(text, Edge::Start))
            .transpose()?,
        until,
        at: Some(until.unwrap_or_else(|| opened.now())),
        count_imported: args.count_imported,
        readers: if opened.local.is_some() { 1 } else { READERS },
        ..Options::default()
    };
    opened.audit("replay", &after.hash).await?;
    let names = Names {
        before: described(&before, &args.stack.site_folder().join("scoring.toml")),
        after: described(&after, &args.model),
    };
    let ready_at = after.thresholds.total.unwrap_or_default();
    let hashes = (before.hash.clone(), after.hash.clone());
    let sums = with_bar(&opened, Models { before, after }, options, args.json).await?;
    if let Some(path) = &args.html {
        let page = replay::page::page(&sums, &names, ready_at, opened.now());
        std::fs::write(path, page).with_context(|| format!("cannot write {}", path.display()))?;
    }
    if args.json {
        println!("{}", as_json(&sums, &hashes));
    } else {
        println!("{}", replay::text::text(&sums, &names));
        if let Some(path) = &args.html {
            println!("The report is in {}", path.display());
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads the model that is tried, against the forms and magnets of the site.
fn tried(site: &Path, model: &Path) -> anyhow::Result<ScoreModel> {
    match load_with_scoring(site, model) {
        Ok(loaded) => Ok(loaded.site.model),
        Err(found) => match found.iter().next() {
            Some(first) => bail!("the model cannot be tried: {first}"),
            None => bail!("the model cannot be tried"),
        },
    }
}

fn described(model: &ScoreModel, path: &Path) -> String {
    format!(
        "{} (ready from {} points, hash {})",
        path.display(),
        model.thresholds.total.unwrap_or_default(),
        model.hash
    )
}

async fn with_bar(
    opened: &Opened,
    models: Models,
    options: Options,
    json: bool,
) -> anyhow::Result<Tally> {
    let about = opened.store.facts_about().await.ok().filter(|n| *n > 0);
    let bar = Progress::new("touchpoints", about, json);
    let progress = Arc::new(replay::Progress::default());
    let work = replay::run(
        &opened.store,
        Arc::new(models),
        options,
        Arc::clone(&progress),
    );
    tokio::pin!(work);
    let sums = loop {
        tokio::select! {
            sums = &mut work => break sums,
            () = tokio::time::sleep(Duration::from_millis(200)) => {
                bar.set(progress.facts.load(Ordering::Relaxed));
            }
        }
    };
    bar.done();
    sums
}

fn as_json(sums: &Tally, hashes: &(String, String)) -> serde_json::Value {
    let rates = |c: &Confusion| json!({ "precision_per_mille": c.precision(), "recall_per_mille": c.recall() });
    let mut answer = json!(sums);
    answer["models"] = json!({ "before": hashes.0, "after": hashes.1 });
    answer["rates_before"] = rates(&sums.verdicts_before);
    answer["rates_after"] = rates(&sums.verdicts_after);
    answer
}
