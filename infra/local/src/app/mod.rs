//! Everything on one machine: one function starts it, for the command line and for the tests alike.
//!
//! ```text
//! browser -> server: /local/* (here and ses)     stand-ins on loopback ports of their own:
//!                    template's routes -> gateway -> functions -> engine (DynamoDB), ses (SES v2), storage (S3)
//!                    other files -> landing page           ^
//!                                                        pumps: streams, queues, schedules, mail events
//! ```

pub mod core;
pub mod landing;
mod local;
pub mod options;
pub mod set_aside;
mod site;
pub mod stand_ins;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use anyhow::{Context as _, bail};
use axum::Router;
use serde_json::Value;
use shared::channel::sender::{SystemDns, guarded};
use shared::domain::time::Timestamp;
use shared::runtime::{Aws, Clock, Entropy, Outbound, Runtime, connector};
use shared::site::SiteHandle;
use shared::store::{Store, Tables};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use self::core::{Core, Totals};
pub use options::Options;
use options::WrapConnector;

use crate::engine::tokens::WithoutTokens;
use crate::functions::Functions;
use crate::gateway::Gateway;
use crate::pump::context::{Context, Drive, Invoke, Wake};
use crate::pump::lane::Answer;
use crate::pump::traffic::Traffic;
use crate::pump::{Pumps, sleepers};
use crate::quarantine::Quarantine;
use crate::query::Query;
use crate::ses::Ses;
use crate::stack::{Stack, site_secrets};
use crate::storage::Storage;
use crate::template::Model;
use landing::Landing;
use site::SiteFiles;
use stand_ins::StandIns;

/// How long a stop waits for requests and deliveries that are under way.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// A running stack. Dropping it ends it at once; [`App::stop`] lets it finish what is under way.
pub struct App {
    addr: SocketAddr,
    url: String,
    core: Arc<Core>,
    runtime: Runtime,
    functions: Arc<Functions>,
    gateway: Arc<Gateway>,
    stand_ins: StandIns,
    has_landing: bool,
    stop: watch::Sender<bool>,
    server: Option<JoinHandle<std::io::Result<()>>>,
}

impl App {
    /// Starts everything, and returns when requests are answered.
    pub async fn start(mut options: Options) -> anyhow::Result<Self> {
        let listener = listen(options.addr).await?;
        let addr = listener.local_addr()?;
        let url = url_of(addr);
        let stack = options.stack(&url);
        let stack = tokio::task::spawn_blocking(move || Stack::open(stack, true)).await??;
        let mut stand_ins = StandIns::start(&stack, &options.entropy).await?;
        let bucket = stack.model.buckets.values().next().map(String::as_str);
        let site_files = SiteFiles::new(&options.site, bucket)
            .with_secrets(site_secrets(&stack.folder), &Entropy::system());
        let loaded = site_files.read(&stand_ins.storage)?;
        let seen = site::stamp(&loaded.watched).await;
        let site = SiteHandle::new(loaded.site);
        let runtime = runtime(&stack, &stand_ins, site.clone(), &url, &mut options);
        let region = &stack.surroundings.region;
        let traffic = Traffic::default();
        let wrap = connectors(&stack.model, &traffic, &mut options);
        let elsewhere = options.elsewhere.take();
        let functions = Functions::build(
            &stack.model,
            &runtime,
            region,
            wrap.as_ref(),
            elsewhere.as_ref(),
        )
        .await?;
        let functions = Arc::new(functions);

        let (stop, stopping) = watch::channel(false);
        let wake = Wake::new(sleepers(&stack.model, 1));
        let context = Arc::new(Context {
            clock: stack.clock.clone(),
            db: Arc::clone(&stack.db),
            queues: Arc::clone(&stand_ins.queues),
            invoke: invoke(&functions),
            function_arns: functions.arns(),
            drive: options.drive,
            chaos: options.chaos,
            wake: wake.clone(),
            traffic: traffic.clone(),
            stopping: stopping.clone(),
            delivered: AtomicU64::new(0),
        });
        let (model, engine) = (Arc::clone(&stack.model), Arc::clone(&stack.engine));
        let sources = vec![stand_ins.mail_source()];
        let pumps = Arc::new(Pumps::new(model, engine, context, region, sources)?);

        let landing = Landing::new(&options.site.join("landing"));
        let has_landing = landing.is_there();
        let gateway = Gateway::new(
            &stack.model.routes,
            Arc::clone(&functions),
            stack.clock.clone(),
            wake.clone(),
            traffic,
            &stack.surroundings.account,
        );
        let gateway = Arc::new(gateway.with_files(landing));
        let query = query(&stack, &runtime)?;
        let ops = Store::new(&runtime.aws, tables(&stack)?, runtime.entropy.clone());
        let quarantine = Quarantine::open(&runtime, ops, &stack.model).await?;
        let core =
            Arc::new(Core::new(stack, Arc::clone(&pumps), query, runtime.site.clone()).await?);
        let ses = stand_ins.ses.clone();
        let router = Router::new()
            .merge(local::router(Arc::clone(&core)))
            .merge(set_aside::router(quarantine))
            .merge(ses.local_router())
            .merge(Arc::clone(&gateway).router());
        if options.drive == Drive::Live {
            let storage = Arc::clone(&stand_ins.storage);
            stand_ins
                .tasks
                .spawn(site_files.watch(site, storage, loaded.watched, seen));
            let events = ses.clone();
            stand_ins.tasks.spawn(async move {
                loop {
                    events.events_arrived().await;
                    wake.poke();
                }
            });
        }
        pumps.start().await;
        let server = tokio::spawn(serve(listener, router, stopping));
        Ok(Self {
            addr,
            url,
            core,
            runtime,
            functions,
            gateway,
            stand_ins,
            has_landing,
            stop,
            server: Some(server),
        })
    }

    /// The address that requests are answered on.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The same as a URL, without a trailing slash.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Settle, clock, leads, queues, pumps, stack.
    pub fn core(&self) -> &Arc<Core> {
        &self.core
    }

    /// What the functions were built with.
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// The HTTP API, for requests that need no network.
    pub fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// The mail stand-in.
    pub fn ses(&self) -> &Ses {
        &self.stand_ins.ses
    }

    /// The storage stand-in.
    pub fn storage(&self) -> &Storage {
        &self.stand_ins.storage
    }

    /// Whether there is a landing page at `/`.
    pub fn has_landing(&self) -> bool {
        self.has_landing
    }

    /// Invokes a function outside any pump, with any event.
    pub async fn call(&self, package: &str, event: Value) -> Answer {
        self.functions.call(package, event).await
    }

    /// Returns when streams, visible messages and work due now are drained.
    pub async fn settle(&self) -> anyhow::Result<Totals> {
        self.core.settle().await
    }

    /// Moves the clock forward; ticks on the way run.
    pub async fn advance(&self, seconds: u32) -> anyhow::Result<i64> {
        self.core.advance(seconds).await
    }

    /// Stops: no new requests, those under way are answered, deliveries under way are finished and remembered.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        let finish = async {
            if let Some(server) = self.server.take() {
                let _ = server.await;
            }
            self.core.pumps().stop().await;
        };
        if tokio::time::timeout(STOP_LIMIT, finish).await.is_err() {
            tracing::warn!("stopped with work under way; it will be delivered again");
        }
        self.stand_ins.tasks.shutdown().await;
        let core = Arc::clone(&self.core);
        let _ = tokio::task::spawn_blocking(move || core.stack().engine.stop()).await;
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(server) = &self.server {
            server.abort();
        }
    }
}

async fn listen(addr: SocketAddr) -> anyhow::Result<TcpListener> {
    match TcpListener::bind(addr).await {
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            bail!("cannot listen on {addr}: it is in use; choose another address with --addr")
        }
        bound => bound.with_context(|| format!("cannot listen on {addr}")),
    }
}

fn url_of(addr: SocketAddr) -> String {
    if addr.ip().is_unspecified() {
        format!("http://127.0.0.1:{}", addr.port())
    } else {
        format!("http://{addr}")
    }
}

async fn serve(
    listener: TcpListener,
    router: Router,
    mut stopping: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let stopped = async move {
        let _ = stopping.wait_for(|stopping| *stopping).await;
    };
    axum::serve(listener, service)
        .with_graceful_shutdown(stopped)
        .await
}

fn invoke(functions: &Arc<Functions>) -> Invoke {
    let functions = Arc::clone(functions);
    Arc::new(move |package, event| {
        let (functions, package) = (Arc::clone(&functions), package.to_owned());
        Box::pin(async move { functions.call(&package, event).await })
    })
}

/// What functions get from their surroundings: the stand-ins behind the SDK's own clients.
fn runtime(
    stack: &Stack,
    stand_ins: &StandIns,
    site: SiteHandle,
    url: &str,
    options: &mut Options,
) -> Runtime {
    let region = &stack.surroundings.region;
    let (credentials, endpoints) = (stand_ins.credentials.clone(), stand_ins.endpoints.clone());
    // Only a run that injects faults has replies to lose.
    let connector = match options.wrap_connector {
        Some(_) => connector(),
        None => WithoutTokens::over(connector()),
    };
    let aws = Aws::new(connector, region, credentials, endpoints);
    let clock = stack.clock.clone();
    Runtime {
        aws: match options.adjust_aws.take() {
            Some(adjust) => adjust(aws),
            None => aws,
        },
        clock: Clock::from_fn(move || Timestamp(clock.now())),
        entropy: options.entropy.clone(),
        site: Some(site),
        secrets: stack.secrets.clone(),
        // The runner's own sink, and nothing else on this machine.
        outbound: Outbound {
            connector: Some(
                options
                    .outbound
                    .take()
                    .unwrap_or_else(|| guarded(SystemDns)),
            ),
            exceptions: vec![url.to_owned()],
        },
    }
}

/// What is put before the functions' connectors: what the options say, and where nobody drives, the turn of those without a visitor.
fn connectors(model: &Model, traffic: &Traffic, options: &mut Options) -> Option<WrapConnector> {
    let further = options.wrap_connector.take();
    if options.drive != Drive::Live {
        return further;
    }
    let routes = model.routes.iter();
    let answering: BTreeSet<String> = routes.map(|route| route.function.clone()).collect();
    let traffic = traffic.clone();
    Some(Box::new(move |package, connector| {
        let connector = match &further {
            Some(wrap) => wrap(package, connector),
            None => connector,
        };
        if answering.contains(package) {
            connector
        } else {
            traffic.before(connector)
        }
    }))
}

fn tables(stack: &Stack) -> anyhow::Result<Tables> {
    Ok(Tables {
        touchpoints: stack.table("TouchpointsTable")?.to_owned(),
        leads: stack.table("LeadsTable")?.to_owned(),
        outbox: stack.table("OutboxTable")?.to_owned(),
        ops: stack.table("OpsTable")?.to_owned(),
    })
}

fn query(stack: &Stack, runtime: &Runtime) -> anyhow::Result<Query> {
    let identity = stack
        .identity
        .clone()
        .context("no function of the template has IDENTITY_KEY_PARAM")?;
    Ok(Query::new(runtime.aws.dynamodb(), tables(stack)?, identity))
}
