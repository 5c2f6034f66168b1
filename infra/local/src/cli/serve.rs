//! `lodestone serve`: everything on this machine until it is told to stop.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use shared::runtime::system_now;
use tokio::signal::unix::{SignalKind, signal};

use super::{Places, demo};
use crate::app::{App, Options};

/// What `serve` can be told.
#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// Where requests are answered; port 0 takes a free one
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:8787")]
    addr: SocketAddr,
    /// Where leads, mails and keys are kept
    #[arg(long, value_name = "DIR", default_value = ".lodestone")]
    data: PathBuf,
    #[command(flatten)]
    places: Places,
    /// Begin with a few made-up leads, where there are none yet
    #[arg(long)]
    demo: bool,
}

pub(super) fn run(args: ServeArgs) -> anyhow::Result<ExitCode> {
    start_logging();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start")?;
    runtime.block_on(serve(args))?;
    Ok(ExitCode::SUCCESS)
}

async fn serve(args: ServeArgs) -> anyhow::Result<()> {
    // Before the start, so that a signal during it is not lost.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let options = |addr| {
        let (site, template) = (args.places.site(), args.places.template());
        Options::live(addr, args.data.clone(), site, template)
    };
    let addr = if args.demo {
        let filled = demo::fill(options(args.addr), system_now()).await?;
        filled.unwrap_or(args.addr)
    } else {
        args.addr
    };
    let app = App::start(options(addr)).await?;
    announce(&app)?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    tracing::info!("stopping");
    app.stop().await;
    Ok(())
}

/// Says where to click. The first line is for programs that wait for it.
fn announce(app: &App) -> anyhow::Result<()> {
    let url = app.url();
    let mut out = std::io::stdout().lock();
    writeln!(out, "listening on {url}")?;
    writeln!(out)?;
    if app.has_landing() {
        writeln!(out, "  landing page   {url}/")?;
    }
    writeln!(out, "  inbox          {url}/local/mail")?;
    writeln!(out, "  leads          {url}/local/leads")?;
    writeln!(out)?;
    writeln!(
        out,
        "Ctrl-C stops. Data is kept, so the next start goes on from there."
    )?;
    Ok(out.flush()?)
}

/// Log lines for a person, on standard error.
fn start_logging() {
    let wanted = shared::runtime::system_env("RUST_LOG")
        .unwrap_or_else(|| "warn,lodestone=info,dynoxide=error".to_owned());
    let filter = tracing_subscriber::EnvFilter::try_new(wanted)
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .compact()
        .with_writer(std::io::stderr)
        .try_init();
}
