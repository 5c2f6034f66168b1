//! `cargo bench -p tests --bench instructions`: what the functions' own processes cost, in instructions as valgrind counts them.
//!
//! Wall times move with the machine, instructions hardly do. Each function is a process of its own under callgrind; visitors ask for the
//! guide and download it, one at a time. A process that has served one visitor gives the cold figure; what each invocation of further
//! visitors adds is the warm one. DynamoDB, SES and SSM are reached without TLS here, so a handshake is not in the figures.
//!
//! `LODESTONE_FUNCTIONS=DIR` counts the very files that are deployed, unpacked as `DIR/capture/bootstrap`. Needs valgrind
//! (`/usr/bin/valgrind`, or where the variable `VALGRIND` says). What callgrind wrote stays in `target/callgrind`, for
//! `callgrind_annotate`.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use shared::runtime::system_env;
use tests::children::{Deployed, Plan, start};
use tests::project;
use tests::world::{guide, link};

/// Visitors whose invocations count as warm.
const WARM: u64 = 20;
/// Functions that a visitor waits for, and those behind them.
const FUNCTIONS: [&str; 5] = ["capture", "links", "score", "deliver", "notify"];

fn main() -> anyhow::Result<()> {
    if !Path::new(&valgrind()).exists() {
        println!("{} is not there: instructions are not counted", valgrind());
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let first = runtime.block_on(counted(1))?;
    let all = runtime.block_on(counted(1 + WARM))?;
    println!(
        "{:<10} {:>26} {:>22}",
        "function", "cold, first visitor", "warm, an invocation"
    );
    for function in FUNCTIONS {
        let (Some(cold), Some(both)) = (first.get(function), all.get(function)) else {
            continue;
        };
        let more = both.invocations.saturating_sub(cold.invocations);
        let warm = both
            .instructions
            .saturating_sub(cold.instructions)
            .checked_div(more);
        let cold = format!("{} in {} calls", cold.instructions, cold.invocations);
        println!("{function:<10} {cold:>26} {:>22}", warm.unwrap_or_default());
    }
    Ok(())
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    instructions: u64,
    invocations: u64,
}

fn valgrind() -> String {
    system_env("VALGRIND").unwrap_or_else(|| "/usr/bin/valgrind".to_owned())
}

fn folder() -> PathBuf {
    project("target/callgrind")
}

/// A function's binary under valgrind.
fn wrapped(function: &str) -> PathBuf {
    folder().join(function)
}

fn binary(function: &str) -> PathBuf {
    if let Some(folder) = Deployed::given_folder() {
        return Deployed::given(&folder, function);
    }
    tests::built_beside!(function)
}

/// Serves that many visitors, and counts.
async fn counted(visitors: u64) -> anyhow::Result<BTreeMap<String, Count>> {
    let folder = folder();
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    for function in FUNCTIONS.into_iter().chain(["feedback", "keep"]) {
        wrap(&folder, function)?;
    }
    let deployed = Arc::new(Deployed::of(wrapped)?);
    let (world, fleet) = start(&deployed, Plan::new(None)).await?;
    for visitor in 0..visitors {
        let email = format!("visitor-{visitor}@analytical-engines.com");
        let answer = world.post("/f/guide").form(&guide(&email)).send().await?;
        ensure!(!answer.status().is_server_error(), "refused: {answer:?}");
        world.settle().await?;
        let mails = world.mails_to(&email)?;
        let download = link(mails.first().context("no mail")?, "/d/")?;
        world.open_and_press(&download, &[]).await?;
        world.settle().await?;
    }
    let troubles = fleet.troubles();
    ensure!(troubles.is_empty(), "{troubles:?}");
    let calls = fleet.plan().calls();
    fleet.end().await?;
    let mut counts: BTreeMap<String, Count> = BTreeMap::new();
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let Some((function, _)) = name.split_once(".callgrind.") else {
            continue;
        };
        counts.entry(function.to_owned()).or_default().instructions += total(&path)?;
    }
    for (function, count) in &mut counts {
        let steps = calls.get(function).map(Vec::as_slice).unwrap_or_default();
        let answers = steps.iter().filter(|step| *step == "answer to Lambda");
        count.invocations = answers.count() as u64;
    }
    Ok(counts)
}

fn wrap(folder: &Path, function: &str) -> anyhow::Result<()> {
    let file = folder.join(function);
    let out = folder.join(format!("{function}.callgrind.%p"));
    let (out, real) = (out.display(), binary(function));
    let script = format!(
        "#!/bin/sh\nexec {} --tool=callgrind --callgrind-out-file='{out}' '{}'\n",
        valgrind(),
        real.display()
    );
    fs::write(&file, script)?;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755))?;
    Ok(())
}

/// The instructions that callgrind counted.
fn total(file: &Path) -> anyhow::Result<u64> {
    let text = fs::read_to_string(file)?;
    let line = text.lines().find_map(|line| line.strip_prefix("totals:"));
    let line = line.with_context(|| format!("{} has no total", file.display()))?;
    Ok(line.trim().parse()?)
}
