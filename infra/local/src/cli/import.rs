//! `lodestone import`: people and their history from a file.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use clap::Args;
use serde_json::json;
use shared::domain::touchpoint::TouchpointKind;

use super::open::{StackArgs, block_on};
use super::progress::Progress;
use crate::import::columns::{Column, columns};
use crate::import::row::Reader;
use crate::import::{self, Import, Sums};
use crate::sheet::Sheet;

/// Write units a second on a deployed stack where nobody says otherwise.
const PACE: u32 = 100;

/// What `import` can be told.
#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// The file: CSV in UTF-8, separated by comma, semicolon or tab, with a heading
    #[arg(value_name = "FILE.csv")]
    file: PathBuf,
    /// What a column is, where its name does not say: a field, `kind`, `at`, `id`, `form`, `magnet`, or `-` to leave it out
    #[arg(long = "map", value_name = "COLUMN=FIELD")]
    maps: Vec<String>,
    /// What the rows are where no column says it: `imported` (who somebody is) or something they did, such as `form_submitted`
    #[arg(long, value_name = "KIND", default_value = "imported")]
    kind: String,
    /// What consents with proof columns (when given, when confirmed) are for, where no column says it, such as `newsletter`
    #[arg(long, value_name = "PURPOSE")]
    consent_purpose: Option<String>,
    /// Say what would come of each row, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Where to tell what came of each row [default: FILE.result.csv]
    #[arg(long, value_name = "FILE")]
    result: Option<PathBuf>,
    /// Most write units a second [default: 100 on a deployed stack, no limit on this machine]
    #[arg(long, value_name = "N")]
    write_units: Option<u32>,
    /// Say it as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    stack: StackArgs,
}

pub(super) fn run(args: &ImportArgs) -> anyhow::Result<ExitCode> {
    block_on(run_import(args))
}

async fn run_import(args: &ImportArgs) -> anyhow::Result<ExitCode> {
    let source = import::open(&args.file)?;
    let columns = columns(&source.heading, &args.maps)?;
    let kind = TouchpointKind::ALL
        .into_iter()
        .find(|kind| kind.name() == args.kind)
        .with_context(|| format!("there is no kind `{}`", args.kind))?;
    let opened = args.stack.open().await?;
    let site = opened.site()?;
    if !args.dry_run {
        opened.audit("import", &source.digest).await?;
    }
    let pace = args.write_units;
    let job = Import {
        store: &opened.store,
        reader: Reader {
            columns: &columns,
            site: &site,
            identity: &opened.identity,
            kind,
            purpose: args.consent_purpose.as_deref(),
            now: opened.now(),
        },
        entropy: &opened.runtime.entropy,
        dry_run: args.dry_run,
        pace: pace.or(opened.local.is_none().then_some(PACE)),
    };
    let after = job.stopped_at(&source.digest).await?;
    if !args.json {
        say_columns(&source.heading, &columns);
        if after > 0 {
            println!("Goes on after line {after}, where an earlier run stopped.");
        }
    }
    let path = result_path(args);
    let mut sheet = result_sheet(&path, after > 0)?;
    let bar = Progress::new("rows", Some(source.lines.saturating_sub(1)), args.json);
    let mut done = 0;
    let sums = job
        .run(source, after, |told| {
            done += 1;
            bar.set(done);
            sheet.row([
                &*told.line.to_string(),
                &told.row_id,
                told.outcome.name(),
                told.code,
            ])?;
            // On disk as far as the import is: a run that is stopped goes on from there.
            Ok(sheet.flush()?)
        })
        .await?;
    bar.done();
    if args.json {
        println!(
            "{}",
            json!({ "sums": sums, "result": path, "dry_run": args.dry_run })
        );
    } else {
        say_sums(&sums, args.dry_run, &path);
    }
    Ok(ExitCode::SUCCESS)
}

fn say_columns(heading: &[String], columns: &[Column]) {
    let meaning = |column: &Column| match column {
        Column::Answer(name) | Column::Attribution(name) => name.clone(),
        Column::Email => "email".to_owned(),
        Column::RowId => "id of the row".to_owned(),
        Column::At => "when it happened".to_owned(),
        Column::Kind => "what happened".to_owned(),
        Column::Form => "form".to_owned(),
        Column::Magnet => "magnet".to_owned(),
        Column::Reason => "reason".to_owned(),
        Column::OptInTime => "consent: when given".to_owned(),
        Column::OptInIp => "consent: from where".to_owned(),
        Column::ConfirmTime => "consent: when confirmed".to_owned(),
        Column::ConfirmIp => "consent: confirmed from where".to_owned(),
        Column::Purpose => "consent: to what".to_owned(),
        Column::Wording => "consent: the words".to_owned(),
        Column::Page => "page".to_owned(),
        Column::Ignored => "left out".to_owned(),
    };
    for (name, column) in heading.iter().zip(columns) {
        println!("  {name} -> {}", meaning(column));
    }
}

fn say_sums(sums: &Sums, dry_run: bool, path: &Path) {
    let would = if dry_run { "would be " } else { "" };
    println!(
        "{} rows: {} {would}created, {} {would}updated, {} skipped because they are there, {} rejected.",
        sums.rows, sums.created, sums.updated, sums.skipped, sums.rejected
    );
    if sums.done_before > 0 {
        println!("{} rows were done by an earlier run.", sums.done_before);
    }
    println!("What came of each row is in {}", path.display());
    if dry_run {
        println!("Nothing was written.");
    }
}

fn result_path(args: &ImportArgs) -> PathBuf {
    args.result.clone().unwrap_or_else(|| {
        let mut name = args.file.file_stem().unwrap_or_default().to_owned();
        name.push(if args.dry_run {
            ".dry-run.csv"
        } else {
            ".result.csv"
        });
        args.file.with_file_name(name)
    })
}

/// The result file, from its beginning or, where an earlier run stopped, from its end.
fn result_sheet(path: &Path, goes_on: bool) -> anyhow::Result<Sheet<std::fs::File>> {
    let cannot = || format!("cannot write {}", path.display());
    let append = goes_on && path.exists();
    let mut options = OpenOptions::new();
    options.write(true).create(true);
    if append {
        options.append(true);
    } else {
        options.truncate(true);
    }
    ensure!(!path.is_dir(), "{} is a folder", path.display());
    let mut sheet = Sheet::new(options.open(path).with_context(cannot)?);
    if !append {
        sheet.row(["line", "id", "result", "code"])?;
    }
    Ok(sheet)
}
