//! The functions as they are deployed: each a process of its own, started from its own binary, in which nothing is left out or put in.
//!
//! ```text
//! World (streams, queues, ticks, gateway) -- event --> Fleet -- Runtime API --> child process of the function
//!                                                        ^                          | DynamoDB, SES, SSM, https: by the wire
//!                                                        +--------- Gate <----------+ one for each child; a call is a failpoint
//! ```
//!
//! A child that is killed is an invocation that failed, and what delivers events does with it what it does with any other: the stream
//! record, message or tick comes again, and a visitor sees an error and tries again. The next child is another process. Only on Linux,
//! where a library can be put before another.

mod deployed;
mod failpoint;
mod gate;

use std::collections::BTreeMap;
use std::fs::File;
use std::net::Ipv4Addr;
use std::os::unix::fs::FileExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::pin::Pin;
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use anyhow::{Context as _, bail, ensure};
use http::{Response, StatusCode};
use http_body_util::Full;
use hyper::body::Bytes;
use lodestone::app::Options;
use lodestone::clock::RunnerClock;
use lodestone::pump::lane::Answer;
use lodestone::template::Model;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use shared::domain::time::Timestamp;
use shared::domain::webhook::new_secret;
use shared::runtime::{Clock, SecretSource, system_now};
use shared::site::source::load;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::process::{Child as Process, Command};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

pub use deployed::{Deployed, OUTSIDE};
pub use failpoint::{Coverage, Failpoint, Fate, Plan};
use gate::{Gate, Job, Reply};

use crate::project;
use crate::world::{START, World};

/// A signed webhook that the receiver outside got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Its id, by which a receiver knows a repeat.
    pub id: String,
    /// Its body.
    pub body: String,
}

/// The processes of all functions of one system. They end when it is dropped.
pub struct Fleet(Arc<Inner>);

impl Drop for Fleet {
    fn drop(&mut self) {
        // A gate that waits for an event holds what it waits in.
        self.0.idle().clear();
    }
}

struct Inner {
    deployed: Arc<Deployed>,
    plan: Plan,
    client: reqwest::Client,
    folder: TempDir,
    ahead: File,
    place: OnceLock<Place>,
    idle: Mutex<BTreeMap<String, Vec<Child>>>,
    hooks: Mutex<Vec<Received>>,
    troubles: Mutex<Vec<String>>,
    invocations: AtomicU64,
    started: AtomicU64,
}

/// What the children stand in; known once the system has started.
struct Place {
    model: Arc<Model>,
    clock: RunnerClock,
    variables: BTreeMap<String, String>,
    dynamodb: String,
    ses: String,
    parameters: BTreeMap<String, String>,
}

/// One process of a function.
struct Child {
    process: Process,
    gate: Arc<Gate>,
    jobs: mpsc::Sender<Job>,
    _serving: JoinSet<()>,
}

/// The channels of the site: one receiver outside, by a public address and TLS.
const CHANNEL: &str = "[[channel]]\nid = \"crm\"\nkind = \"webhook\"\nurl = \"https://ADDRESS/hooks\"\nsecret = \"crm-signing\"\n\
    events = [\"lead.mql\", \"lead.accepted\"]\n";

/// A system whose functions are processes of their own, and what happens to them by the plan.
pub async fn start(deployed: &Arc<Deployed>, plan: Plan) -> anyhow::Result<(World, Fleet)> {
    let folder = tempfile::tempdir()?;
    let site = folder.path().join("site");
    crate::copy_site(&site)?;
    let file = site.join("site.toml");
    let text = std::fs::read_to_string(&file)?;
    let (before, _) = text.split_once("[[channel]]").context("channels")?;
    let channel = CHANNEL.replace("ADDRESS", &OUTSIDE.to_string());
    std::fs::write(&file, format!("{before}{channel}"))?;
    let checked = load(&site).map_err(|found| anyhow::anyhow!("the site: {found:?}"))?;
    std::fs::write(folder.path().join("site.bin"), checked.site.to_bytes())?;
    let ahead = File::create(folder.path().join("ahead"))?;
    ahead.write_all_at(&0_i64.to_le_bytes(), 0)?;

    let fleet = Fleet(Arc::new(Inner {
        deployed: Arc::clone(deployed),
        plan,
        client: reqwest::Client::new(),
        folder,
        ahead,
        place: OnceLock::new(),
        idle: Mutex::default(),
        hooks: Mutex::default(),
        troubles: Mutex::default(),
        invocations: AtomicU64::new(0),
        started: AtomicU64::new(0),
    }));
    let began = system_now();
    // Time runs, from when every test begins.
    let clock = Clock::from_fn(move || Timestamp(START.0 + system_now().0 - began.0));
    let mut options = Options::step(1, clock, site, project("infra/template.yaml"));
    let inner = Arc::downgrade(&fleet.0);
    options.elsewhere = Some(Arc::new(move |function, event| {
        let (inner, function) = (inner.upgrade(), function.to_owned());
        Box::pin(async move {
            match inner {
                Some(inner) => inner.invoke(function, event).await,
                None => Answer::Failed("nobody is there".to_owned()),
            }
        })
    }));
    let world = World::start(options).await?;
    fleet.0.settle_in(&world)?;
    Ok((world, fleet))
}

impl Fleet {
    /// What the run met so far.
    pub fn plan(&self) -> &Plan {
        &self.0.plan
    }

    /// What the receiver outside got, oldest first.
    pub fn hooks(&self) -> Vec<Received> {
        let hooks = self.0.hooks.lock();
        hooks.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What should not have happened to a process, in words.
    pub fn troubles(&self) -> Vec<String> {
        let troubles = self.0.troubles.lock();
        troubles.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many processes were started.
    pub fn processes(&self) -> u64 {
        self.0.started.load(Ordering::Relaxed)
    }

    /// Ends the processes that wait for work, as a machine that is shut down does, and waits until they are gone.
    pub async fn end(&self) -> anyhow::Result<()> {
        let idle = std::mem::take(&mut *self.0.idle());
        for mut child in idle.into_values().flatten() {
            let pid = child
                .process
                .id()
                .and_then(|id| Pid::from_raw(id.cast_signed()));
            kill_process(pid.context("a process")?, Signal::TERM)?;
            child.process.wait().await?;
        }
        Ok(())
    }

    /// The last lines that the processes wrote.
    pub fn said(&self, lines: usize) -> String {
        let said = std::fs::read_to_string(self.0.folder.path().join("said")).unwrap_or_default();
        let all: Vec<&str> = said.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }
}

impl Inner {
    fn settle_in(&self, world: &World) -> anyhow::Result<()> {
        let stack = world.app.core().stack();
        let SecretSource::Local { values, .. } = &stack.secrets else {
            bail!("the stack has no secrets of its own");
        };
        let mut parameters = values.clone();
        for function in &stack.model.functions {
            if let Some(prefix) = function.environment.get("SITE_SECRETS_PREFIX") {
                parameters.insert(format!("{prefix}/crm-signing"), new_secret([7; 32]));
            }
        }
        let runtime = world.app.runtime();
        let (credentials, endpoints) = (runtime.aws.credentials(), runtime.aws.endpoints());
        let endpoint = |url: &Option<String>| url.clone().context("an endpoint");
        let path = |path: std::path::PathBuf| path.display().to_string();
        let variables = [
            ("AWS_REGION", runtime.aws.region().to_owned()),
            ("AWS_ACCESS_KEY_ID", credentials.access_key_id().to_owned()),
            (
                "AWS_SECRET_ACCESS_KEY",
                credentials.secret_access_key().to_owned(),
            ),
            ("AWS_ENDPOINT_URL_S3", endpoint(&endpoints.s3)?),
            ("SITE_FILE", path(self.folder.path().join("site.bin"))),
            ("SSL_CERT_FILE", path(self.deployed.authority())),
            ("LD_PRELOAD", path(self.deployed.bend())),
            ("BENT_CLOCK", path(self.folder.path().join("ahead"))),
        ];
        let place = Place {
            model: Arc::clone(&stack.model),
            clock: stack.clock.clone(),
            variables: variables.map(|(n, v)| (n.to_owned(), v)).into(),
            dynamodb: endpoint(&endpoints.dynamodb)?,
            ses: endpoint(&endpoints.ses)?,
            parameters,
        };
        ensure!(self.place.set(place).is_ok(), "settled in twice");
        Ok(())
    }

    fn place(&self) -> anyhow::Result<&Place> {
        self.place.get().context("the system has not started")
    }

    fn trouble(&self, what: String) {
        let troubles = self.troubles.lock();
        troubles.unwrap_or_else(PoisonError::into_inner).push(what);
    }

    /// Hands an event to a process of the function, as Lambda does.
    async fn invoke(self: Arc<Self>, function: String, event: Value) -> Answer {
        let run = Arc::clone(&self).run(&function, event).await;
        run.unwrap_or_else(|error| {
            self.trouble(format!("{function}: {error:#}"));
            Answer::Failed(error.to_string())
        })
    }

    /// Another process takes the same event to its end, as when Lambda delivers twice. What it answers is nobody's business.
    fn overtake(
        self: Arc<Self>,
        function: &str,
        event: Value,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let invoked = self.invoke(function.to_owned(), event);
        Box::pin(async move { drop(invoked.await) })
    }

    async fn run(self: Arc<Self>, function: &str, event: Value) -> anyhow::Result<Answer> {
        let place = self.place()?;
        let ahead = place.clock.now() - system_now().0;
        self.ahead.write_all_at(&ahead.to_le_bytes(), 0)?;
        let idle = self.idle().entry(function.to_owned()).or_default().pop();
        let mut child = match idle {
            Some(child) => child,
            None => self.spawn(function, place).await?,
        };
        let function_of = place.model.function(function).context("a function")?;
        let number = self.invocations.fetch_add(1, Ordering::Relaxed);
        child
            .gate
            .event
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone_from(&event);
        let (reply, replied) = oneshot::channel();
        let job = Job {
            id: format!("00000000-0000-4000-8000-{number:012x}"),
            event,
            arn: function_of.arn.clone(),
            deadline: place.clock.now() + i64::from(function_of.timeout) * 1_000,
            reply,
        };
        child.jobs.send(job).await.context("the gate is closed")?;
        tokio::select! {
            biased;
            Ok(Reply { answer, dies }) = replied => {
                if dies {
                    self.died(child.process.wait().await?)?;
                } else {
                    self.idle().entry(function.to_owned()).or_default().push(child);
                }
                Ok(answer)
            }
            status = child.process.wait() => {
                self.died(status?)?;
                Ok(Answer::Failed("the process ended by signal 9".to_owned()))
            }
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Vec<Child>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn died(&self, status: ExitStatus) -> anyhow::Result<()> {
        ensure!(status.signal() == Some(9), "the process ended: {status}");
        self.plan.killed();
        Ok(())
    }

    async fn spawn(self: &Arc<Self>, function: &str, place: &Place) -> anyhow::Result<Child> {
        let inside = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let outside = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let (here, there) = (inside.local_addr()?, outside.local_addr()?);
        let (jobs, received) = mpsc::channel(1);
        let gate = Arc::new(Gate::new(self, function, received));
        let mut serving = JoinSet::new();
        serving.spawn(Arc::clone(&gate).serve(inside, None));
        serving.spawn(Arc::clone(&gate).serve(outside, Some(self.deployed.tls.clone())));
        let given = place.model.function(function).context("a function")?;
        let said = File::options()
            .create(true)
            .append(true)
            .open(self.folder.path().join("said"))?;
        let mut command = Command::new(self.deployed.binary(function));
        command
            .env_clear()
            .envs(&given.environment)
            .envs(&place.variables)
            .env("AWS_LAMBDA_FUNCTION_NAME", function)
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", given.memory.to_string())
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_RUNTIME_API", here.to_string())
            .env("AWS_ENDPOINT_URL_DYNAMODB", format!("http://{here}"))
            .env("AWS_ENDPOINT_URL_SESV2", format!("http://{here}"))
            .env("AWS_ENDPOINT_URL_SSM", format!("http://{here}/"))
            .env("BENT_OUTSIDE", there.port().to_string())
            .stdin(Stdio::null())
            .stderr(Stdio::from(said.try_clone()?))
            .stdout(Stdio::from(said))
            .kill_on_drop(true);
        let process = command.spawn().with_context(|| {
            format!("cannot start {}", self.deployed.binary(function).display())
        })?;
        self.started.fetch_add(1, Ordering::Relaxed);
        let pid = process.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        gate.pid.send_replace(pid);
        Ok(Child {
            process,
            gate,
            jobs,
            _serving: serving,
        })
    }

    fn upstream(&self, path: &str) -> anyhow::Result<String> {
        let place = self.place()?;
        let base = if path.starts_with("/v2/email") {
            &place.ses
        } else {
            &place.dynamodb
        };
        Ok(format!("{base}{path}"))
    }

    /// What SSM answers to `GetParameters`.
    fn parameters(&self, body: &[u8]) -> anyhow::Result<Response<Full<Bytes>>> {
        let asked: Value = serde_json::from_slice(body)?;
        let known = &self.place()?.parameters;
        let names = asked["Names"].as_array().into_iter().flatten();
        let (mut found, mut unknown) = (Vec::new(), Vec::new());
        for name in names.filter_map(Value::as_str) {
            match known.get(name) {
                Some(value) => found.push(json!({ "Name": name, "Value": value })),
                None => unknown.push(name),
            }
        }
        let answer = json!({ "Parameters": found, "InvalidParameters": unknown });
        Ok(gate::plain(StatusCode::OK, &answer.to_string()))
    }
}
