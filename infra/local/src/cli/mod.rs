//! The command line: what can be asked, and how a failure is told.
//!
//! Each command is a file. A failure is one line on standard error and a status other than 0; what a command answers goes to standard
//! output.

mod channels;
mod check;
mod demo;
mod erase;
mod erasures;
mod explain;
mod export_person;
mod import;
mod magnets;
pub mod open;
mod override_lead;
mod preview;
mod progress;
mod prove;
mod quarantine;
mod replay;
pub mod replied;
mod report;
mod rescore;
pub mod sales;
mod sample_mail;
mod send_test;
mod sending;
mod serve;
mod unsuppress;
mod when;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

/// Lead capture on one machine: everything that is deployed, with nothing to install and no account.
#[derive(Debug, Parser)]
#[command(name = "lodestone", version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: serve::ServeArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run everything on this machine (what happens without a command, too)
    Serve(serve::ServeArgs),
    /// Show where news goes besides mail, switch a channel on again, or send it a trial message
    Channels(channels::ChannelsArgs),
    /// Check the site and say what is wrong, with file and line
    Check(check::CheckArgs),
    /// Write every mail with sample data into a folder, to look at in a browser
    Preview(preview::PreviewArgs),
    /// Send one of the mails, with sample data, to yourself
    SendTest(send_test::SendTestArgs),
    /// The files that are given away
    Magnets(magnets::MagnetsArgs),
    /// Bring people and their history in from a file
    Import(import::ImportArgs),
    /// Show, release or drop submissions that were set aside
    Quarantine(quarantine::QuarantineArgs),
    /// Say why a lead has its points: every rule, matched or not
    Explain(explain::ExplainArgs),
    /// Print the consents of a person in words, and check that none was changed, left out or moved
    Prove(prove::ProveArgs),
    /// Write everything that is kept about a person as one JSON
    ExportPerson(export_person::ExportPersonArgs),
    /// Erase everything about a person, and print the certificate
    Erase(erase::EraseArgs),
    /// List what was erased, or erase it again in a restored backup
    Erasures(erasures::ErasuresArgs),
    /// Let mail go out again to an address that bounced, complained or unsubscribed
    Unsuppress(unsuppress::UnsuppressArgs),
    /// Show, pause or lift all mails to leads
    Sending(sending::SendingArgs),
    /// Put a lead at a stage by hand, with author, reason and end
    Override(override_lead::OverrideArgs),
    /// Try another scoring model on all history, and change nothing
    Replay(replay::ReplayArgs),
    /// Note that somebody wrote back, which ends the mails that follow
    Replied(replied::RepliedArgs),
    /// Give a lead to a sales person, who gets the alert
    Assign(sales::AssignArgs),
    /// Send the alert of a lead once more
    Resend(sales::ResendArgs),
    /// Apply the scoring model in force to all leads
    Rescore(rescore::RescoreArgs),
    /// Stages, sources, rules and sales over some days
    Report(report::ReportArgs),
}

/// Where the project's files are.
#[derive(Debug, Clone, Args)]
pub struct Places {
    /// The site's folder [default: infra/site of the project]
    #[arg(long, value_name = "DIR")]
    site: Option<PathBuf>,
    /// The deployment template [default: infra/template.yaml of the project]
    #[arg(long, value_name = "FILE")]
    template: Option<PathBuf>,
}

impl Places {
    fn site(&self) -> PathBuf {
        self.site
            .clone()
            .unwrap_or_else(|| in_project("infra/site"))
    }

    fn template(&self) -> PathBuf {
        self.template
            .clone()
            .unwrap_or_else(|| in_project("infra/template.yaml"))
    }
}

/// A path of the project: below this folder or, where it is not there, below the nearest folder above that has it.
fn in_project(path: &str) -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    let above = here
        .ancestors()
        .skip(1)
        .map(|folder| folder.join(path))
        .find(|path| path.exists());
    let plain = Path::new(path);
    if plain.exists() {
        plain.to_owned()
    } else {
        above.unwrap_or_else(|| plain.to_owned())
    }
}

/// Runs the command that the process was started with.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    if !matches!(cli.command, None | Some(Command::Serve(_))) {
        // `lodestone report | head` ends as other commands do, without a word.
        sigpipe::reset();
    }
    let outcome = match cli.command {
        None => serve::run(cli.serve),
        Some(Command::Serve(args)) => serve::run(args),
        Some(Command::Assign(args)) => sales::run_assign(&args),
        Some(Command::Resend(args)) => sales::run_resend(&args),
        Some(Command::Check(args)) => check::run(&args),
        Some(Command::Preview(args)) => preview::run(&args),
        Some(Command::SendTest(args)) => send_test::run(&args),
        Some(Command::Magnets(args)) => magnets::run(&args),
        Some(Command::Channels(args)) => channels::run(&args),
        Some(Command::Import(args)) => import::run(&args),
        Some(Command::Quarantine(args)) => quarantine::run(&args),
        Some(Command::Explain(args)) => explain::run(&args),
        Some(Command::Prove(args)) => prove::run(&args),
        Some(Command::ExportPerson(args)) => export_person::run(&args),
        Some(Command::Erase(args)) => erase::run(&args),
        Some(Command::Erasures(args)) => erasures::run(&args),
        Some(Command::Unsuppress(args)) => unsuppress::run(&args),
        Some(Command::Sending(args)) => sending::run(&args),
        Some(Command::Override(args)) => override_lead::run(&args),
        Some(Command::Replay(args)) => replay::run(&args),
        Some(Command::Replied(args)) => replied::run(&args),
        Some(Command::Rescore(args)) => rescore::run(&args),
        Some(Command::Report(args)) => report::run(&args),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            // One line, whatever the causes say: a terminal that shows only the last line shows all of it.
            eprintln!("error: {}", one_line(&error));
            ExitCode::FAILURE
        }
    }
}

/// The error and its causes, each said once: a library's error often ends with its cause already.
fn one_line(error: &anyhow::Error) -> String {
    let mut line = String::new();
    for cause in error.chain() {
        let text = cause.to_string();
        if line.is_empty() {
            line = text;
        } else if !line.ends_with(&text) {
            line = format!("{line}: {text}");
        }
    }
    line.replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;
    use clap::Parser as _;

    use super::one_line;

    #[test]
    fn an_error_is_one_line_that_says_each_cause_once() {
        let error = anyhow!("the disk is full")
            .context("cannot write:\nthe disk is full")
            .context("cannot start");
        assert_eq!(
            one_line(&error),
            "cannot start: cannot write: the disk is full"
        );
    }

    /// A data folder that a runner made, and the arguments that name it.
    fn data() -> (tempfile::TempDir, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let project = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let (site, template) = (project.join("site"), project.join("template.yaml"));
        let options = crate::app::Options::live(
            ([127, 0, 0, 1], 0).into(),
            folder.path().to_owned(),
            site.clone(),
            template.clone(),
        );
        let made = super::open::block_on(async {
            crate::app::App::start(options).await?.stop().await;
            Ok(())
        });
        made.unwrap();
        let named = [
            ("--data", folder.path()),
            ("--site", &site),
            ("--template", &template),
        ];
        let args = named.map(|(name, path)| [name.to_owned(), path.display().to_string()]);
        (folder, args.concat())
    }

    #[test]
    fn commands_that_only_look_work_on_an_empty_stack() {
        let (_folder, places) = data();
        for command in [
            &["quarantine", "list"][..],
            &["channels"],
            &["report"],
            &["erasures"],
            &["sending", "status"],
        ] {
            let words = ["lodestone"].iter().chain(command).map(|w| (*w).to_owned());
            let cli = super::Cli::parse_from(words.chain(places.iter().cloned()));
            let outcome = match cli.command.unwrap() {
                super::Command::Quarantine(args) => super::quarantine::run(&args),
                super::Command::Channels(args) => super::channels::run(&args),
                super::Command::Report(args) => super::report::run(&args),
                super::Command::Erasures(args) => super::erasures::run(&args),
                super::Command::Sending(args) => super::sending::run(&args),
                other => panic!("{other:?}"),
            };
            outcome.unwrap_or_else(|error| panic!("{command:?}: {error:#}"));
        }
    }
}
