//! `lodestone magnets sync`: the files that the site gives away, from its folder into storage.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use clap::{Args, Subcommand};
use serde::Serialize;
use shared::channel::storage::{DIGEST_HEADER, Storage};
use shared::domain::magnet::Magnet;
use shared::runtime::Clock;

use super::open::{Opened, StackArgs, block_on};
use super::progress::Progress;

/// What can be done with magnets.
#[derive(Debug, Args)]
pub(super) struct MagnetsArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Upload what the site names and storage does not have
    Sync(SyncArgs),
}

#[derive(Debug, Args)]
struct SyncArgs {
    /// Only say what is missing; then the command fails if anything is
    #[arg(long)]
    check: bool,
    /// Say it as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    stack: StackArgs,
}

/// A magnet's file and what became of it.
#[derive(Debug, Serialize)]
struct Line {
    file: String,
    bytes: u64,
    /// `there`, `missing`, `changed` or `uploaded`.
    state: &'static str,
}

pub(super) fn run(args: &MagnetsArgs) -> anyhow::Result<ExitCode> {
    let What::Sync(args) = &args.what;
    let folder = args.stack.site_folder().join("magnets");
    let lines = block_on(async {
        let opened = args.stack.open().await?;
        sync(&opened, &folder, args.check, args.json).await
    })?;
    if args.json {
        println!("{}", serde_json::to_string(&lines)?);
    } else {
        for line in &lines {
            println!("{:9} {:>12} bytes  {}", line.state, line.bytes, line.file);
        }
    }
    let complete = lines
        .iter()
        .all(|l| matches!(l.state, "there" | "uploaded"));
    Ok(if complete {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn sync(
    opened: &Opened,
    folder: &Path,
    check: bool,
    quiet: bool,
) -> anyhow::Result<Vec<Line>> {
    let buckets = opened.model.buckets.values().next();
    let bucket = buckets.context("the template has no bucket")?;
    if let Some(local) = &opened.local {
        local.stand_ins.storage.create_bucket(bucket)?;
    }
    let storage = Storage::new(&opened.runtime.aws, bucket);
    let site = opened.site()?;
    let mut magnets: Vec<&Magnet> = site.magnets.values().collect();
    magnets.sort_by(|a, b| a.file.cmp(&b.file));
    magnets.dedup_by(|a, b| a.file == b.file);
    let progress = Progress::new("files", Some(magnets.len() as u64), quiet);
    let mut lines = Vec::new();
    for (done, magnet) in (1..).zip(magnets) {
        let mut state = look(opened, &storage, magnet).await?;
        if state != "there" && !check {
            upload(opened, &storage, magnet, folder).await?;
            state = "uploaded";
        }
        lines.push(Line {
            file: magnet.file.clone(),
            bytes: magnet.bytes,
            state,
        });
        progress.set(done);
    }
    progress.done();
    if lines.iter().any(|l| l.state == "uploaded") {
        opened.audit("magnets-sync", bucket).await?;
    }
    Ok(lines)
}

/// Whether storage has the very file. One that was put there by other means carries no digest: then its size decides.
async fn look(opened: &Opened, storage: &Storage, magnet: &Magnet) -> anyhow::Result<&'static str> {
    // Storage judges links by real time, whatever the local clock says.
    let link = storage.look_link(magnet, Clock::system().now())?;
    let answer = call(opened, "HEAD", &link, None, SdkBody::empty()).await?;
    if !answer.status().is_success() {
        return Ok("missing");
    }
    let header = |name: &str| answer.headers().get(name).map(str::to_owned);
    let same = header(DIGEST_HEADER).map_or_else(
        || header("content-length") == Some(magnet.bytes.to_string()),
        |digest| digest == magnet.sha256,
    );
    Ok(if same { "there" } else { "changed" })
}

async fn upload(
    opened: &Opened,
    storage: &Storage,
    magnet: &Magnet,
    folder: &Path,
) -> anyhow::Result<()> {
    let path = folder.join(&magnet.file);
    let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let link = storage.upload_link(magnet, Clock::system().now())?;
    let answer = call(
        opened,
        "PUT",
        &link,
        Some(&magnet.sha256),
        SdkBody::from(bytes),
    )
    .await?;
    if !answer.status().is_success() {
        bail!(
            "storage did not take {}: status {}",
            magnet.file,
            answer.status().as_u16()
        );
    }
    Ok(())
}

async fn call(
    opened: &Opened,
    method: &str,
    link: &str,
    digest: Option<&str>,
    body: SdkBody,
) -> anyhow::Result<HttpResponse> {
    let mut request = HttpRequest::new(body);
    request.set_method(method)?;
    request.set_uri(link)?;
    if let Some(digest) = digest {
        request
            .headers_mut()
            .insert(DIGEST_HEADER, digest.to_owned());
    }
    let connector = opened.runtime.aws.connector();
    let answer = connector.call(request).await;
    answer.map_err(|_| anyhow::anyhow!("storage cannot be reached"))
}
