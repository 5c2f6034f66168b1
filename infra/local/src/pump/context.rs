//! What all pumps share: how to invoke a function, how to wake each other, where to remember.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;
use tokio::sync::{Notify, watch};

use super::chaos::Chaos;
use super::lane::Answer;
use super::queues::Queues;
use super::traffic::Traffic;
use crate::clock::RunnerClock;
use crate::engine::EngineError;
use crate::runner_db::{DbError, RunnerDb};

/// Invokes the function of a package with an event; panics and time-outs come back as failures.
pub type Invoke =
    Arc<dyn Fn(&str, Value) -> Pin<Box<dyn Future<Output = Answer> + Send>> + Send + Sync>;

/// Why a pump stopped.
#[derive(Debug, thiserror::Error)]
pub enum PumpError {
    /// The engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The runner's own memory.
    #[error(transparent)]
    Db(#[from] DbError),
    /// A filter pattern of the template.
    #[error("a filter pattern: {0}")]
    Filter(String),
    /// A mapping names a table that the template does not have.
    #[error("the mapping `{0}` reads a table that is not there")]
    NoTable(String),
    /// Reading was cut off.
    #[error("a reading task was cut off")]
    CutOff,
    /// Work causes work without end.
    #[error("after {0} deliveries there is still work: something causes itself")]
    NoRest(u64),
}

/// How the pumps are driven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drive {
    /// By tasks in the background, as soon as something was written.
    Live,
    /// By whoever calls `settle` and `advance`, and by nobody else: the same seed gives the same order.
    Step,
}

/// Shared by all pumps.
pub struct Context {
    /// The handlers' time.
    pub clock: RunnerClock,
    /// The runner's memory.
    pub db: Arc<RunnerDb>,
    /// Queues.
    pub queues: Arc<Queues>,
    /// Functions.
    pub invoke: Invoke,
    /// ARN of each function by package, for reports.
    pub function_arns: BTreeMap<String, String>,
    /// How the pumps are driven.
    pub drive: Drive,
    /// How deliveries misbehave.
    pub chaos: Chaos,
    /// Wakes everybody.
    pub wake: Wake,
    /// Who goes first.
    pub traffic: Traffic,
    /// Turns true once, when the runner stops.
    pub stopping: watch::Receiver<bool>,
    /// Deliveries so far.
    pub delivered: AtomicU64,
}

impl Context {
    /// Invokes a function, and wakes everybody: it may have written something.
    pub async fn call(&self, function: &str, event: Value) -> Answer {
        let answer = (self.invoke)(function, event).await;
        self.delivered.fetch_add(1, Ordering::Relaxed);
        self.wake.poke();
        answer
    }

    /// Whether the runner is stopping.
    pub fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Resolves when the runner stops.
    pub async fn stopped(&self) {
        let mut stopping = self.stopping.clone();
        // An error means that whoever could say "stop" is gone, which is a stop as well.
        let _ = stopping.wait_for(|stopping| *stopping).await;
    }
}

/// Wakes sleeping pumps. Clones wake the same ones.
#[derive(Clone, Default)]
pub struct Wake(Arc<Vec<Arc<Notify>>>);

impl Wake {
    /// For this many sleepers.
    pub fn new(sleepers: usize) -> Self {
        Self(Arc::new(
            (0..sleepers).map(|_| Arc::new(Notify::new())).collect(),
        ))
    }

    /// Something may have been written: look now. Costs next to nothing where everybody is awake.
    pub fn poke(&self) {
        self.0.iter().for_each(|sleeper| sleeper.notify_one());
    }

    /// The bell of sleeper `number`.
    pub fn bell(&self, number: usize) -> Arc<Notify> {
        self.0.get(number).cloned().unwrap_or_default()
    }
}
