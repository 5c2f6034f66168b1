//! Schedules: what runs by the clock, and which of it may be skipped.
//!
//! Two sorts. A *fixed* schedule (the daily clean-up) runs at every one of its times, also at those that the clock was moved over,
//! and once for those that passed while nothing ran. A *tick* (at most every five minutes) only looks for due work, so it may be left
//! out where the index of due work says that it would find nothing, and may run early where something is due: a moved clock jumps
//! from one due item to the next instead of calling three functions for every minute of a month.
//!
//! An item that a tick leaves as due as it was (a broken handler, say) is looked at again after a minute, two, four, and so on up to an
//! hour, so that a jump over a month ends.

use std::collections::HashMap;
use std::sync::Arc;

use super::context::{Context, PumpError};
use super::due::{Due, DueIndex};
use super::lane::Answer;
use crate::template::model::ScheduleEntry;

/// Longest period of a schedule that counts as a tick.
const TICK_LIMIT: i64 = 5 * 60_000;
/// First and longest wait until an item that stays due is looked at again.
const STUCK_FIRST: i64 = 60_000;
const STUCK_LONGEST: i64 = 3_600_000;
/// Lambda invokes asynchronously up to three times.
const FIXED_TRIES: u32 = 3;

/// All schedules of the template.
pub struct Ticks {
    context: Arc<Context>,
    fixed: Vec<ScheduleEntry>,
    skippable: Vec<ScheduleEntry>,
    due: Option<DueIndex>,
    /// Readers whose due items stayed as they were.
    stuck: HashMap<String, Stuck>,
}

struct Stuck {
    overdue: u64,
    again_at: i64,
    wait: i64,
}

impl Ticks {
    /// Sorts `schedules`; those seen for the first time count from now.
    pub fn new(
        schedules: &[ScheduleEntry],
        due: Option<DueIndex>,
        context: Arc<Context>,
    ) -> Result<Self, PumpError> {
        let is_tick = |entry: &ScheduleEntry| {
            due.is_some()
                && entry
                    .schedule
                    .period()
                    .is_some_and(|period| period <= TICK_LIMIT)
        };
        let (skippable, fixed): (Vec<_>, Vec<_>) = schedules.iter().cloned().partition(is_tick);
        for entry in &fixed {
            if context.db.schedule_ran_at(&entry.name)?.is_none() {
                context
                    .db
                    .set_schedule_ran_at(&entry.name, context.clock.now())?;
            }
        }
        Ok(Self {
            context,
            fixed,
            skippable,
            due,
            stuck: HashMap::new(),
        })
    }

    /// Runs fixed schedules whose time has come; true where any did.
    pub async fn run_fixed(&mut self) -> Result<bool, PumpError> {
        let mut ran = false;
        for entry in &self.fixed {
            let now = self.context.clock.now();
            let last = self.context.db.schedule_ran_at(&entry.name)?.unwrap_or(now);
            if entry
                .schedule
                .next_after(last)
                .is_none_or(|next| next > now)
            {
                continue;
            }
            for _ in 0..FIXED_TRIES {
                if call(&self.context, entry).await {
                    break;
                }
            }
            self.context.db.set_schedule_ran_at(&entry.name, now)?;
            ran = true;
        }
        Ok(ran)
    }

    /// Runs every tick, whether it will find something or not.
    pub async fn run_ticks(&mut self) {
        for entry in &self.skippable {
            call(&self.context, entry).await;
        }
    }

    /// Runs the ticks of readers that have something due; true where any did.
    pub async fn run_due(&mut self) -> Result<bool, PumpError> {
        let mut ran = false;
        for number in 0..self.skippable.len() {
            let now = self.context.clock.now();
            let reader = self.skippable[number].function.clone();
            let Some(overdue) = self.look(&reader).await?.overdue else {
                self.stuck.remove(&reader);
                continue;
            };
            if self
                .stuck
                .get(&reader)
                .is_some_and(|stuck| stuck.overdue == overdue && now < stuck.again_at)
            {
                continue;
            }
            call(&self.context, &self.skippable[number]).await;
            ran = true;
            if self.look(&reader).await?.overdue == Some(overdue) {
                let wait = match self.stuck.get(&reader) {
                    Some(stuck) if stuck.overdue == overdue => (stuck.wait * 2).min(STUCK_LONGEST),
                    _ => STUCK_FIRST,
                };
                self.stuck.insert(
                    reader,
                    Stuck {
                        overdue,
                        again_at: now + wait,
                        wait,
                    },
                );
            } else {
                self.stuck.remove(&reader);
            }
        }
        Ok(ran)
    }

    /// The next time at which a schedule has something to do, as far as is known now.
    pub async fn next(&self) -> Result<Option<i64>, PumpError> {
        let now = self.context.clock.now();
        let mut next: Option<i64> = None;
        let mut consider = |at: Option<i64>| next = [next, at].into_iter().flatten().min();
        for entry in &self.fixed {
            let last = self.context.db.schedule_ran_at(&entry.name)?.unwrap_or(now);
            consider(entry.schedule.next_after(last));
        }
        for entry in &self.skippable {
            let due = self.look(&entry.function).await?;
            let at = match (due.overdue, self.stuck.get(&entry.function)) {
                (Some(overdue), Some(stuck)) if stuck.overdue == overdue => Some(stuck.again_at),
                _ => due.next,
            };
            // Ticks look at whole minutes, and an item is seen by the first tick at or after its time.
            consider(at.and_then(|at| entry.schedule.next_after(at.max(now) - 1)));
        }
        Ok(next)
    }

    /// The next time of any schedule, due work or not.
    pub fn next_tick(&self) -> Option<i64> {
        let now = self.context.clock.now();
        self.skippable
            .iter()
            .chain(&self.fixed)
            .filter_map(|entry| entry.schedule.next_after(now))
            .min()
    }

    async fn look(&self, reader: &str) -> Result<Due, PumpError> {
        let Some(index) = self.due.clone() else {
            return Ok(Due {
                next: None,
                overdue: None,
            });
        };
        let (reader, now) = (reader.to_owned(), self.context.clock.now());
        let looked = tokio::task::spawn_blocking(move || index.look(&reader, now));
        Ok(looked.await.map_err(|_| PumpError::CutOff)??)
    }
}

async fn call(context: &Context, entry: &ScheduleEntry) -> bool {
    match context.call(&entry.function, entry.input.clone()).await {
        Answer::Returned(_) => true,
        Answer::Failed(error) => {
            tracing::warn!(
                schedule = entry.name,
                error,
                "a scheduled invocation failed"
            );
            false
        }
    }
}
