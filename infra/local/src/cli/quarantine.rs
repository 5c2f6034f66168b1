//! `lodestone quarantine list|release|drop`: what was set aside, and what becomes of it.

use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use clap::{Args, Subcommand};
use serde_json::json;
use shared::domain::held::{Doubt, Held};

use super::open::{Opened, StackArgs, block_on};
use crate::quarantine::{Listing, Quarantine, Which};

/// What `quarantine` can be told.
#[derive(Debug, Args)]
pub(super) struct QuarantineArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Show what was set aside, and why
    List(ListArgs),
    /// Take submissions up as if they had just come in
    Release(ChooseArgs),
    /// Forget submissions for good
    Drop(ChooseArgs),
}

#[derive(Debug, Args)]
struct ListArgs {
    /// Say it as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    stack: StackArgs,
}

#[derive(Debug, Args)]
struct ChooseArgs {
    /// Ids of submissions, or unambiguous beginnings of them
    #[arg(value_name = "ID", required_unless_present_any = ["reason", "form"], conflicts_with_all = ["reason", "form"])]
    ids: Vec<String>,
    /// All with this reason, such as `unchecked` or `too_fast`
    #[arg(long, value_name = "REASON")]
    reason: Option<String>,
    /// All of this form
    #[arg(long, value_name = "FORM")]
    form: Option<String>,
    /// Say it as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    stack: StackArgs,
}

pub(super) fn run(args: &QuarantineArgs) -> anyhow::Result<ExitCode> {
    block_on(async {
        match &args.what {
            What::List(args) => list(args).await,
            What::Release(args) => decide(args, true).await,
            What::Drop(args) => decide(args, false).await,
        }
    })
}

/// The stack comes along: its engine answers for as long as it is there.
async fn open(stack: &StackArgs) -> anyhow::Result<(Opened, Quarantine)> {
    let opened = stack.open().await?;
    let quarantine = Quarantine::open(&opened.runtime, opened.store.clone(), &opened.model).await?;
    Ok((opened, quarantine))
}

async fn list(args: &ListArgs) -> anyhow::Result<ExitCode> {
    let (_opened, quarantine) = open(&args.stack).await?;
    let listing = quarantine.list().await?;
    if args.json {
        println!("{}", json!(listing));
    } else {
        print!("{}", text(&listing));
    }
    Ok(ExitCode::SUCCESS)
}

async fn decide(args: &ChooseArgs, release: bool) -> anyhow::Result<ExitCode> {
    let doubt = args.reason.as_deref().map(doubt).transpose()?;
    let (_opened, quarantine) = open(&args.stack).await?;
    let which = Which {
        ids: args.ids.clone(),
        doubt,
        form: args.form.clone(),
    };
    let chosen = quarantine.find(&which).await?;
    ensure!(!chosen.is_empty(), "nothing of that kind is set aside");
    let mut failed = 0;
    let mut told = Vec::new();
    for held in &chosen {
        let outcome = if release {
            quarantine.release(held).await.map(drop)
        } else {
            quarantine.discard(held).await
        };
        failed += usize::from(outcome.is_err());
        told.push((held, outcome.err().map(|error| format!("{error:#}"))));
    }
    if args.json {
        let lines: Vec<_> = told
            .iter()
            .map(|(held, error)| json!({ "id": held.id, "form": held.form, "error": error }))
            .collect();
        println!(
            "{}",
            json!({ "done": told.len() - failed, "failed": failed, "submissions": lines })
        );
    } else {
        for (held, error) in &told {
            println!("{}", outcome_line(held, error.as_deref(), release));
        }
    }
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn doubt(code: &str) -> anyhow::Result<Doubt> {
    let known = Doubt::ALL.map(Doubt::code).join(", ");
    Doubt::by_code(code).with_context(|| format!("there is no reason `{code}`; there are {known}"))
}

fn outcome_line(held: &Held, error: Option<&str>, release: bool) -> String {
    let done = if release { "released" } else { "dropped" };
    match error {
        None => format!("{}  {done}", held.id),
        Some(error) => format!("{}  left where it is: {error}", held.id),
    }
}

/// The listing for a terminal.
fn text(listing: &Listing) -> String {
    let mut lines = Vec::new();
    if listing.held.is_empty() {
        lines.push("No submission is set aside.".to_owned());
    }
    for entry in &listing.held {
        let who = [entry.email.as_str(), entry.who.as_str()]
            .into_iter()
            .filter(|part| !part.is_empty());
        lines.push(format!("{}  {}  {}", entry.id, entry.at, entry.form));
        lines.push(format!("    {}", who.collect::<Vec<_>>().join(", ")));
        lines.push(format!("    {} ({})", entry.reason, entry.doubt));
    }
    if !listing.records.is_empty() {
        lines.push(String::new());
        lines.push("Records that could not be worked on:".to_owned());
    }
    for record in &listing.records {
        lines.push(format!(
            "    {}  {}  {}: {}",
            record.at, record.function, record.subject, record.class
        ));
    }
    let trapped: Vec<String> = listing
        .steps
        .iter()
        .filter_map(|(form, steps)| Some(format!("{form} {}", steps.get("trapped")?)))
        .collect();
    if !trapped.is_empty() {
        lines.push(String::new());
        lines.push(format!(
            "Robots in the trap field, which left nothing else: {}.",
            trapped.join(", ")
        ));
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quarantine::{Entry, Record};

    #[test]
    fn the_listing_says_who_when_why_and_counts_the_traps() {
        let entry = Entry {
            id: "sub_a".into(),
            lead_id: "lead".into(),
            form: "guide".into(),
            at: "2026-03-02T09:00:00Z".into(),
            doubt: Doubt::TooFast.code(),
            reason: Doubt::TooFast.reason(),
            email: "ada@example.com".into(),
            who: "Ada, Engines".into(),
            releasable: true,
        };
        let record = Record {
            function: "score".into(),
            subject: "42".into(),
            class: "unreadable".into(),
            at: "2026-03-02T09:00:00Z".into(),
        };
        let listing = Listing {
            held: vec![entry],
            records: vec![record],
            steps: [("guide".to_owned(), [("trapped".to_owned(), 12)].into())].into(),
        };
        let expected = "\
sub_a  2026-03-02T09:00:00Z  guide
    ada@example.com, Ada, Engines
    Sent less than two seconds after the form was opened. (too_fast)

Records that could not be worked on:
    2026-03-02T09:00:00Z  score  42: unreadable

Robots in the trap field, which left nothing else: guide 12.
";
        assert_eq!(text(&listing), expected);
        assert_eq!(text(&Listing::default()), "No submission is set aside.\n");
    }
}
