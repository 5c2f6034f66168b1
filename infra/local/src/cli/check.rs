//! `lodestone check`: is the site right, and if so, write the file that is deployed.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use serde_json::json;
use shared::site::source::{Diagnostics, Severity, for_deployment, load};

use super::in_project;

/// What `check` can be told.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// The site's folder [default: infra/site of the project]
    #[arg(long, value_name = "DIR")]
    site: Option<PathBuf>,
    /// Write the checked site to this file, for the layer that functions read it from
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Say it as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let folder = args
        .site
        .clone()
        .unwrap_or_else(|| in_project("infra/site"));
    let (site, found) = match load(&folder) {
        // What is told is what is deployed: without channels that only the local runner can serve.
        Ok(loaded) => (Some(for_deployment(loaded.site)), loaded.warnings),
        Err(found) => (None, found),
    };
    if args.json {
        println!(
            "{}",
            json!({ "ok": site.is_some(), "hash": site.as_ref().map(|site| &site.hash), "findings": found })
        );
    } else {
        for finding in found.iter() {
            println!("{}/{finding}", folder.display());
        }
        println!(
            "{}",
            summary(
                &folder,
                site.as_ref().map(|site| site.hash.as_str()),
                &found
            )
        );
    }
    let Some(site) = site else {
        return Ok(ExitCode::FAILURE);
    };
    if let Some(out) = &args.out {
        if let Some(parent) = out.parent() {
            std::fs::create_dir_all(parent)
                .with_context(|| format!("cannot write {}", out.display()))?;
        }
        std::fs::write(out, site.to_bytes())
            .with_context(|| format!("cannot write {}", out.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn summary(folder: &Path, hash: Option<&str>, found: &Diagnostics) -> String {
    let counted = |count: usize, one: &str| match count {
        1 => format!("1 {one}"),
        _ => format!("{count} {one}s"),
    };
    let warnings = found.count(Severity::Warning);
    match hash {
        Some(hash) if warnings == 0 => format!("{} is right (hash {hash})", folder.display()),
        Some(hash) => format!(
            "{} is right, with {} (hash {hash})",
            folder.display(),
            counted(warnings, "warning")
        ),
        None => format!(
            "{} has {}",
            folder.display(),
            counted(found.count(Severity::Error), "error")
        ),
    }
}
