//! `lodestone report`: stages, sources, rules and sales over some days.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use serde_json::json;
use shared::domain::time::{Day, Timestamp};

use super::open::{StackArgs, block_on};
use super::progress::Progress;
use super::when::{self, Edge};
use crate::report::view::{Kind, Section, sections};
use crate::report::{self, Found};
use crate::sheet::Sheet;
use crate::table::Table;

/// Days of a report where nobody says otherwise.
const DAYS: i64 = 30;

/// What `report` can be told.
#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    /// Which report [default: all of them]
    #[arg(value_enum)]
    kind: Option<Kind>,
    /// First day [default: 30 days ago]
    #[arg(long, value_name = "DAY")]
    from: Option<String>,
    /// Last day [default: today]
    #[arg(long, value_name = "DAY")]
    to: Option<String>,
    /// Write CSV instead of a table
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    /// Write a page with charts to this file
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Say it as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    stack: StackArgs,
}

pub(super) fn run(args: &ReportArgs) -> anyhow::Result<ExitCode> {
    block_on(report(args))
}

async fn report(args: &ReportArgs) -> anyhow::Result<ExitCode> {
    let opened = args.stack.open().await?;
    let site = opened.site()?;
    let now = opened.now();
    let day = |text: &Option<String>, or: Timestamp| -> anyhow::Result<Day> {
        let at = text.as_deref().map(|text| when::parse(text, Edge::Start));
        Ok(at.transpose()?.unwrap_or(or).day())
    };
    let from = day(&args.from, now.plus_days(1 - DAYS))?;
    let to = day(&args.to, now)?;
    let days = u64::try_from(to.0 - from.0 + 1).unwrap_or(0);
    let bar = Progress::new("days", Some(days), args.json || args.csv);
    let found = report::find(&opened.store, &site, from, to, now, |done| bar.set(done)).await?;
    bar.done();
    let kinds = args
        .kind
        .map_or_else(|| Kind::ALL.to_vec(), |kind| vec![kind]);
    let sections: Vec<Section> = kinds
        .into_iter()
        .flat_map(|kind| sections(kind, &found, &site))
        .collect();
    if let Some(path) = &args.html {
        let page = report::page::page(&site.business.name, from, to, &sections, now);
        std::fs::write(path, page).with_context(|| format!("cannot write {}", path.display()))?;
    }
    if args.json {
        println!("{}", as_json(from, to, &found));
    } else if args.csv {
        write_csv(&sections)?;
    } else {
        println!("From {from} to {to}, both days included.");
        for section in &sections {
            print(section);
        }
        if let Some(path) = &args.html {
            println!("\nThe report is in {}", path.display());
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn print(section: &Section) {
    println!("\n{} ({})", section.title, section.note);
    if section.rows.is_empty() {
        println!("  nothing in this time");
    } else {
        println!("{}", Table::of(&section.head, &section.rows));
    }
}

/// One table after the other, a blank line between them.
fn write_csv(sections: &[Section]) -> anyhow::Result<()> {
    for (number, section) in sections.iter().enumerate() {
        if number > 0 {
            println!("\r");
        }
        let mut sheet = Sheet::new(std::io::stdout().lock());
        sheet.row(section.head.iter().map(|(name, _)| name.as_str()))?;
        for row in &section.rows {
            sheet.row(row.iter().map(String::as_str))?;
        }
        sheet.flush()?;
    }
    Ok(())
}

fn as_json(from: Day, to: Day, found: &Found) -> serde_json::Value {
    json!({
        "from": from.to_string(),
        "to": to.to_string(),
        "sum": found.sum,
        "days": found.days.iter().map(|(day, leads, mql)| json!({ "day": day.to_string(), "leads": leads, "mql": mql })).collect::<Vec<_>>(),
        "waiting": found.waiting,
        "days_counted": found.counted,
        "days_rolled_up": found.rolled_up,
    })
}
