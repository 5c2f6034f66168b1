//! The local runner with an end: it kills itself as `kill -9` does, before or after the n-th call that its functions make.
//!
//! `runner-that-dies DATA N before|after`; with 0 it lives. Between every two steps of a function stands a call to the store, the mail
//! service or a receiver, so the calls are the failpoints. The deployed code knows nothing of them.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context as _;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use lodestone::app::{App, Options};
use rustix::process::{Signal, getpid, kill_process};
use tests::project;

#[derive(Clone)]
struct Mortal {
    inner: SharedHttpConnector,
    calls: Arc<AtomicU64>,
    last: u64,
    after: bool,
}

impl fmt::Debug for Mortal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mortal")
    }
}

impl HttpConnector for Mortal {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        if self.calls.fetch_add(1, Ordering::SeqCst) + 1 != self.last {
            return self.inner.call(request);
        }
        if !self.after {
            die();
        }
        let inner = self.inner.clone();
        HttpConnectorFuture::new(async move {
            let _ = inner.call(request).await;
            die();
            std::future::pending().await
        })
    }
}

/// Ends this process where it stands: nothing is flushed, nothing is told.
fn die() {
    let _ = kill_process(getpid(), Signal::KILL);
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    let data = args.next().context("the data folder")?;
    let last: u64 = args.next().context("the call")?.parse()?;
    let after = args.next().context("before or after")? == "after";
    let mut options = Options::live(
        ([127, 0, 0, 1], 0).into(),
        data.into(),
        project("infra/site"),
        project("infra/template.yaml"),
    );
    let calls = Arc::new(AtomicU64::new(0));
    options.wrap_connector = Some(Box::new(move |_, inner| {
        SharedHttpConnector::new(Mortal {
            inner,
            calls: Arc::clone(&calls),
            last,
            after,
        })
    }));
    let app = App::start(options).await?;
    println!("listening on {}", app.url());
    std::future::pending::<()>().await;
    Ok(())
}
