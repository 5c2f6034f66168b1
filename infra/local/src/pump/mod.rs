//! What moves work along on this machine, as event source mappings and schedules do when deployed.
//!
//! The cast: [`stream`] pumps a table's stream into a function, [`queue`] a queue, [`ticks`] plays schedules; [`lane`] holds the rules for
//! a batch that fails; [`mail_events`] leads mail events to their queue; [`queues`] are the queues themselves; [`due`] looks ahead in the
//! outbox; [`traffic`] lets visitors go first; [`chaos`] makes deliveries as unreliable as they may be. What they share is in [`context`].
//!
//! Two drives. *Live*: a task per pump, woken whenever a request was answered or a function returned, so that a mail is in the inbox
//! at once; a poll every 100 ms finds what another process wrote. *Step*: nothing moves until [`Pumps::settle`] or
//! [`Pumps::advance`] is awaited, one delivery at a time, in an order that the seed decides.
//!
//! Guaranteed: every record that passes a mapping's filter is delivered at least once, or reported to the mapping's on-failure
//! queue; records of one lead stay in order. Not relied on by any function: that it is delivered once only, or soon.

pub mod chaos;
pub mod context;
pub mod due;
pub mod filter;
pub mod lane;
pub mod mail_events;
pub mod queue;
pub mod queues;
pub mod stream;
#[cfg(test)]
mod tests;
pub mod ticks;
pub mod traffic;

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, Notify};
use tokio::task::JoinSet;

use crate::engine::Engine;
use crate::engine::stream::StreamReader;
use crate::engine::tidy::expire_items;
use crate::template::Model;
use chaos::Dice;
use context::{Context, Drive, PumpError};
use due::DueIndex;
use queue::QueuePump;
use stream::{StreamPump, Turn};
use ticks::Ticks;

/// How often a sleeping pump looks without having been woken.
const POLL: Duration = Duration::from_millis(100);
/// How long a pump rests after the engine or the runner's memory failed.
const REST: Duration = Duration::from_secs(1);
/// How often streams are trimmed and queues tidied while live.
const TIDY: Duration = Duration::from_mins(1);
/// Rounds of tidying between two looks for expired items.
const ROUNDS_BETWEEN_EXPIRY: u64 = 60;
/// Turns between two trims where nothing runs in the background.
const TURNS_KEPT: u64 = 5_000;
/// The longest that the schedule task sleeps, for clocks that jump.
const LONGEST_SLEEP: Duration = Duration::from_secs(15);
/// Deliveries within one `settle` after which work is taken to cause itself without end.
const NO_REST: u64 = 1_000_000;

/// All pumps of one runner.
pub struct Pumps {
    context: Arc<Context>,
    engine: Arc<Engine>,
    model: Arc<Model>,
    all: Vec<Arc<Mutex<Pump>>>,
    ticks: Mutex<Ticks>,
    due: Option<DueIndex>,
    /// Held by whoever settles or moves the clock; its dice choose among pumps.
    driver: Mutex<Dice>,
    /// Turns that did something, and how many those were when streams were last trimmed.
    turns: AtomicU64,
    trimmed: AtomicU64,
    /// Rings when the clock was moved.
    moved: Notify,
    tasks: Mutex<JoinSet<()>>,
}

enum Pump {
    Stream(Box<StreamPump>),
    Queue(QueuePump),
    /// Something outside that hands out what it holds back and says how much that was.
    Source(Source),
}

/// A source of messages that waits to be asked, such as a stand-in that plays events.
pub type Source = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = usize> + Send>> + Send + Sync>;

impl Pump {
    async fn turn(&mut self) -> Result<Turn, PumpError> {
        match self {
            Self::Stream(pump) => pump.turn().await,
            Self::Queue(pump) => pump.turn().await,
            Self::Source(source) => Ok(if source().await > 0 {
                Turn::Worked
            } else {
                Turn::Idle
            }),
        }
    }
}

/// How many sleepers a model needs bells for, with this many sources beside it.
pub fn sleepers(model: &Model, sources: usize) -> usize {
    model.streams.len() + model.queue_mappings.len() + sources
}

impl Pumps {
    /// The pumps of `model`. They do not move until they are driven.
    pub fn new(
        model: Arc<Model>,
        engine: Arc<Engine>,
        context: Arc<Context>,
        region: &str,
        sources: Vec<Source>,
    ) -> Result<Self, PumpError> {
        let mut pumps = Vec::new();
        for mapping in &model.streams {
            let table = model
                .tables
                .iter()
                .find(|table| table.name == mapping.table);
            let table = table.ok_or_else(|| PumpError::NoTable(mapping.name.clone()))?;
            let clock = context.clock.clone();
            let database = engine.database();
            let reader = StreamReader::new(
                database,
                &mapping.table,
                &table.key.partition,
                &mapping.stream_arn,
                region,
                clock,
            )?;
            let pump = StreamPump::new(mapping.clone(), reader, Arc::clone(&context))?;
            pumps.push(Pump::Stream(Box::new(pump)));
        }
        for mapping in &model.queue_mappings {
            pumps.push(Pump::Queue(QueuePump::new(
                mapping.clone(),
                Arc::clone(&context),
            )));
        }
        pumps.extend(sources.into_iter().map(Pump::Source));
        let due = DueIndex::find(&model, engine.database());
        let ticks = Ticks::new(&model.schedules, due.clone(), Arc::clone(&context))?;
        Ok(Self {
            driver: Mutex::new(Dice::new(context.chaos.seed)),
            context,
            engine,
            model,
            all: pumps
                .into_iter()
                .map(|pump| Arc::new(Mutex::new(pump)))
                .collect(),
            ticks: Mutex::new(ticks),
            due,
            turns: AtomicU64::new(0),
            trimmed: AtomicU64::new(0),
            moved: Notify::new(),
            tasks: Mutex::new(JoinSet::new()),
        })
    }

    /// What the pumps share.
    pub fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// The index of due work, where the template has one.
    pub fn due(&self) -> Option<&DueIndex> {
        self.due.as_ref()
    }

    /// Starts the background tasks of a live drive.
    pub async fn start(self: &Arc<Self>) {
        if self.context.drive != Drive::Live {
            return;
        }
        let mut tasks = self.tasks.lock().await;
        for number in 0..self.all.len() {
            let pumps = Arc::clone(self);
            tasks.spawn(async move { pumps.run_pump(number).await });
        }
        let pumps = Arc::clone(self);
        tasks.spawn(async move { pumps.run_schedules().await });
        let pumps = Arc::clone(self);
        tasks.spawn(async move { pumps.run_tidying().await });
    }

    /// Waits for the background tasks, which end when the context says that the runner is stopping.
    pub async fn stop(&self) {
        let mut tasks = self.tasks.lock().await;
        while tasks.join_next().await.is_some() {}
    }

    /// Moves everything that can move now: streams, visible messages, due work. Future work stays where it is.
    pub async fn settle(&self) -> Result<(), PumpError> {
        let mut dice = self.driver.lock().await;
        self.settle_with(&mut dice).await
    }

    /// Moves the clock forward and runs every tick on the way that has something to do.
    pub async fn advance(&self, seconds: u32) -> Result<(), PumpError> {
        let mut dice = self.driver.lock().await;
        self.settle_with(&mut dice).await?;
        let target = self.context.clock.now() + i64::from(seconds) * 1_000;
        loop {
            let mut next = self.ticks.lock().await.next().await?;
            for mapping in &self.model.queue_mappings {
                next = [next, self.context.queues.next_visible(&mapping.queue)?]
                    .into_iter()
                    .flatten()
                    .min();
            }
            let Some(next) = next.filter(|next| *next <= target) else {
                break;
            };
            let before = self.context.clock.now();
            self.context.clock.move_to(next.max(before + 1))?;
            self.settle_with(&mut dice).await?;
        }
        self.context.clock.move_to(target)?;
        self.moved.notify_waiters();
        self.settle_with(&mut dice).await?;
        self.context.queues.expire()?;
        self.expire().await
    }

    async fn settle_with(&self, dice: &mut Dice) -> Result<(), PumpError> {
        let start = self.context.delivered.load(Ordering::Relaxed);
        loop {
            self.drain(dice, start).await?;
            let mut ticks = self.ticks.lock().await;
            let fixed = ticks.run_fixed().await?;
            let due = ticks.run_due().await?;
            if !fixed && !due {
                break;
            }
        }
        if self.context.drive == Drive::Step {
            self.trim(TURNS_KEPT)?;
        }
        Ok(())
    }

    /// Gives turns to the pumps until a whole round finds nothing.
    async fn drain(&self, dice: &mut Dice, start: u64) -> Result<(), PumpError> {
        loop {
            let before = self.turns.load(Ordering::SeqCst);
            let mut order: Vec<usize> = (0..self.all.len()).collect();
            let mut worked = false;
            while !order.is_empty() {
                let number = order.swap_remove(dice.below(order.len()));
                let turn = self.all[number].lock().await.turn().await?;
                if turn == Turn::Worked {
                    self.turns.fetch_add(1, Ordering::SeqCst);
                    worked = true;
                }
            }
            let delivered = self.context.delivered.load(Ordering::Relaxed) - start;
            if delivered > NO_REST {
                return Err(PumpError::NoRest(delivered));
            }
            // Background tasks may have worked between two of our looks; then look again.
            if !worked && self.turns.load(Ordering::SeqCst) == before {
                return Ok(());
            }
        }
    }

    async fn run_pump(&self, number: usize) {
        let bell = self.context.wake.bell(number);
        while !self.context.is_stopping() {
            let mut rest = POLL;
            {
                let mut pump = self.all[number].lock().await;
                while !self.context.is_stopping() {
                    self.context.traffic.turn().await;
                    match pump.turn().await {
                        Ok(Turn::Worked) => {
                            self.turns.fetch_add(1, Ordering::SeqCst);
                        }
                        Ok(Turn::Idle) => break,
                        Err(error) => {
                            tracing::error!(error = %error, "a pump rests for a moment");
                            rest = REST;
                            break;
                        }
                    }
                }
            }
            tokio::select! {
                () = bell.notified() => {}
                () = tokio::time::sleep(rest) => {}
                () = self.context.stopped() => {}
            }
        }
    }

    async fn run_schedules(&self) {
        // What came due while nothing ran is not left waiting for the next minute.
        let mut look = true;
        while !self.context.is_stopping() {
            let mut ticks = self.ticks.lock().await;
            if look {
                ticks.run_ticks().await;
            }
            if let Err(error) = ticks.run_fixed().await {
                tracing::error!(error = %error, "schedules rest for a moment");
            }
            let now = self.context.clock.now();
            let next = ticks.next_tick();
            drop(ticks);
            let until = next
                .and_then(|next| u64::try_from(next - now).ok())
                .map_or(LONGEST_SLEEP, Duration::from_millis);
            look = until <= LONGEST_SLEEP;
            tokio::select! {
                () = tokio::time::sleep(until.min(LONGEST_SLEEP)) => {}
                () = self.moved.notified() => look = false,
                () = self.context.stopped() => {}
            }
        }
    }

    async fn run_tidying(&self) {
        let mut rounds: u64 = 0;
        while !self.context.is_stopping() {
            let tidied = async {
                self.trim(1)?;
                self.context.queues.expire()?;
                // Looking through whole tables is worth it now and then only.
                if rounds.is_multiple_of(ROUNDS_BETWEEN_EXPIRY) {
                    self.expire().await?;
                }
                Ok::<_, PumpError>(())
            };
            if let Err(error) = tidied.await {
                tracing::error!(error = %error, "tidying failed");
            }
            rounds += 1;
            tokio::select! {
                () = tokio::time::sleep(TIDY) => {}
                () = self.context.stopped() => {}
            }
        }
    }

    /// Deletes expired items of tables with a time to live.
    async fn expire(&self) -> Result<(), PumpError> {
        let (database, model, now) = (
            self.engine.database().clone(),
            Arc::clone(&self.model),
            self.context.clock.now(),
        );
        let expired = tokio::task::spawn_blocking(move || {
            model
                .tables
                .iter()
                .try_for_each(|table| expire_items(&database, table, now).map(|_| ()))
        });
        Ok(expired.await.map_err(|_| PumpError::CutOff)??)
    }

    /// Forgets stream records that every reader of their stream is done with, where there were at least so many turns since.
    fn trim(&self, at_least: u64) -> Result<(), PumpError> {
        let turns = self.turns.load(Ordering::SeqCst);
        if turns.saturating_sub(self.trimmed.load(Ordering::SeqCst)) < at_least {
            return Ok(());
        }
        self.trimmed.store(turns, Ordering::SeqCst);
        let mut done: BTreeMap<&str, Option<String>> = BTreeMap::new();
        for mapping in &self.model.streams {
            let checkpoint = self.context.db.checkpoint(&mapping.name)?;
            let entry = done
                .entry(mapping.table.as_str())
                .or_insert_with(|| checkpoint.clone());
            // Equally long decimals, so text compares as numbers do; a reader without a checkpoint keeps everything.
            *entry = entry
                .take()
                .zip(checkpoint)
                .map(|(one, other)| one.min(other));
        }
        for (table, checkpoint) in done {
            if let Some(sequence) = checkpoint.and_then(|text| text.parse().ok()) {
                self.engine.housekeeping().trim_stream(table, sequence)?;
            }
        }
        Ok(())
    }
}
