//! The pump of one stream mapping: reads records after its checkpoint, filters them, and delivers them lane by lane.
//!
//! Records are read a window at a time. A window is dealt out to lanes by partition key, so that a lead's records keep their order
//! while leads do not wait for each other. The engine's stream has one shard and a deployed table has several, each with as many lanes as
//! the mapping's `ParallelizationFactor` says; a live drive has the lanes of all of them. The checkpoint moves when all
//! lanes are done with the window: one small write per window, and after a crash at most one window is delivered again.
//!
//! Not relied on by anything: when a record arrives. A batching window of the mapping is not waited for.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;

use super::chaos::{Dice, stable_hash};
use super::context::{Context, Drive, PumpError};
use super::filter::Filter;
use super::lane::{Answer, Lane, Verdict, failure_report};
use crate::engine::stream::{Record, StreamReader};
use crate::template::model::StreamMapping;

/// Records read in one go.
const WINDOW: usize = 500;

/// Shards of a deployed table's stream: a table that is paid by request begins with four partitions.
const SHARDS: usize = 4;

/// Whether a pump found something to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Nothing to do.
    Idle,
    /// Something was done; there may be more.
    Worked,
}

/// Pumps one stream into one function.
pub struct StreamPump {
    work: Arc<Work>,
    filter: Arc<Filter>,
    reader: StreamReader,
    dice: Dice,
    /// Everything up to here is done, and that is remembered.
    checkpoint: Option<u128>,
    /// The last record of the window that the lanes work on.
    window_end: Option<u128>,
    lanes: Vec<Lane>,
    /// Windows up to here were delivered a second time on purpose.
    repeated_to: u128,
}

/// What a lane needs, apart from its records.
struct Work {
    mapping: StreamMapping,
    context: Arc<Context>,
    shard: String,
}

impl StreamPump {
    /// A pump that goes on where it stopped.
    pub fn new(
        mapping: StreamMapping,
        reader: StreamReader,
        context: Arc<Context>,
    ) -> Result<Self, PumpError> {
        let filter = Filter::new(&mapping.filters).map_err(PumpError::Filter)?;
        let checkpoint = context
            .db
            .checkpoint(&mapping.name)?
            .and_then(|text| text.parse().ok());
        let dice = Dice::new(context.chaos.seed ^ stable_hash(&mapping.name));
        let shard = reader.shard().to_owned();
        Ok(Self {
            work: Arc::new(Work {
                mapping,
                context,
                shard,
            }),
            filter: Arc::new(filter),
            reader,
            dice,
            checkpoint,
            window_end: None,
            lanes: Vec::new(),
            repeated_to: 0,
        })
    }

    /// The mapping that this pump plays.
    pub fn mapping(&self) -> &StreamMapping {
        &self.work.mapping
    }

    /// Everything up to here is done.
    pub fn checkpoint(&self) -> Option<u128> {
        self.checkpoint
    }

    /// Does one piece of work: one delivery where it is driven step by step, one window where it is live.
    pub async fn turn(&mut self) -> Result<Turn, PumpError> {
        if self.window_end.is_none() && !self.read_window().await? {
            return Ok(Turn::Idle);
        }
        match self.work.context.drive {
            Drive::Live => self.deliver_window().await?,
            Drive::Step => self.deliver_one().await?,
        }
        if self.lanes.iter().all(Lane::is_empty) {
            self.finish_window()?;
        }
        Ok(Turn::Worked)
    }

    /// Reads and deals out the next window; false where there is none.
    async fn read_window(&mut self) -> Result<bool, PumpError> {
        let (reader, filter, after) = (
            self.reader.clone(),
            Arc::clone(&self.filter),
            self.checkpoint,
        );
        let read = tokio::task::spawn_blocking(
            move || -> Result<(Option<u128>, Vec<Record>), PumpError> {
                let mut records = reader.read_after(after, WINDOW)?;
                let end = records.last().map(|record| record.sequence);
                if !filter.is_open() {
                    records.retain(|record| {
                        serde_json::to_vec(&record.event).is_ok_and(|text| filter.passes(&text))
                    });
                }
                Ok((end, records))
            },
        );
        let (end, records) = read.await.map_err(|_| PumpError::CutOff)??;
        if end.is_none() {
            return Ok(false);
        }
        self.window_end = end;
        let chaos = self.work.context.chaos;
        let shards = match self.work.context.drive {
            Drive::Live => SHARDS,
            // One delivery at a time: more lanes would only be another order.
            Drive::Step => 1,
        };
        let count = if chaos.reorder_between_leads {
            1 + self.dice.below(4)
        } else {
            self.work.mapping.parallelization * shards
        };
        let salt = if chaos.reorder_between_leads {
            self.dice.roll()
        } else {
            0
        };
        self.lanes = (0..count).map(|_| Lane::default()).collect();
        for record in records {
            let number = usize::try_from((stable_hash(&record.partition) ^ salt) % count as u64)
                .unwrap_or(0);
            self.lanes[number].push(Arc::new(record));
        }
        Ok(true)
    }

    fn finish_window(&mut self) -> Result<(), PumpError> {
        let Some(end) = self.window_end.take() else {
            return Ok(());
        };
        self.lanes.clear();
        if end > self.repeated_to
            && self
                .dice
                .chance(self.work.context.chaos.duplicate_percent / 3)
        {
            // As after a crash before the checkpoint: all of it comes again.
            self.repeated_to = end;
            return Ok(());
        }
        self.work
            .context
            .db
            .set_checkpoint(&self.work.mapping.name, &end.to_string())?;
        self.checkpoint = Some(end);
        Ok(())
    }

    /// One delivery from one lane, chosen by the dice.
    async fn deliver_one(&mut self) -> Result<(), PumpError> {
        let busy: Vec<usize> = (0..self.lanes.len())
            .filter(|number| !self.lanes[*number].is_empty())
            .collect();
        if busy.is_empty() {
            return Ok(());
        }
        let number = busy[self.dice.below(busy.len())];
        let chaos = self.work.context.chaos;
        let most = self.work.mapping.batch_size;
        let limit = if chaos.vary_batch_size {
            1 + self.dice.below(most)
        } else {
            most
        };
        if !self.lanes[number].is_troubled() && self.dice.chance(chaos.duplicate_percent) {
            // Delivered, and the answer lost: the lane delivers it again.
            let batch = self.lanes[number].front(limit);
            self.work.invoke(&batch).await;
        }
        self.work
            .deliver(&mut self.lanes[number], limit)
            .await
            .map(|_| ())
    }

    /// Everything in the lanes, each lane beside the others, with pauses after failures.
    async fn deliver_window(&mut self) -> Result<(), PumpError> {
        let mut busy: Vec<Lane> = self
            .lanes
            .drain(..)
            .filter(|lane| !lane.is_empty())
            .collect();
        if let [only] = busy.as_mut_slice() {
            self.work.empty(only).await?;
        } else {
            let mut tasks = JoinSet::new();
            for mut lane in busy.drain(..) {
                let work = Arc::clone(&self.work);
                tasks.spawn(async move { work.empty(&mut lane).await.map(|()| lane) });
            }
            while let Some(done) = tasks.join_next().await {
                busy.push(done.map_err(|_| PumpError::CutOff)??);
            }
        }
        self.lanes = busy;
        Ok(())
    }
}

impl Work {
    /// Delivers until the lane is empty or the runner stops.
    async fn empty(&self, lane: &mut Lane) -> Result<(), PumpError> {
        while !lane.is_empty() && !self.context.is_stopping() {
            let verdict = self.deliver(lane, self.mapping.batch_size).await?;
            if let Some(Verdict::Again {
                failures: failures @ 1..,
            }) = verdict
            {
                tokio::select! {
                    () = tokio::time::sleep(pause(failures)) => {}
                    () = self.context.stopped() => {}
                }
            }
        }
        Ok(())
    }

    /// One delivery; `None` where all of it was too old to be delivered.
    async fn deliver(&self, lane: &mut Lane, limit: usize) -> Result<Option<Verdict>, PumpError> {
        if let Some(age) = self.mapping.record_age {
            let oldest = self.context.clock.now() - i64::from(age) * 1_000;
            while let Some(given_up) = lane.expire(limit, oldest) {
                self.report(&given_up, None)?;
            }
        }
        let batch = lane.front(limit);
        if batch.is_empty() {
            return Ok(None);
        }
        let answer = self.invoke(&batch).await;
        let verdict = lane.settle(&self.mapping, batch.len(), &answer);
        let error = match &answer {
            Answer::Failed(error) => Some(error.as_str()),
            Answer::Returned(_) => None,
        };
        match &verdict {
            Verdict::Done => {}
            Verdict::Again { failures } => {
                tracing::warn!(
                    mapping = self.mapping.name,
                    records = batch.len(),
                    failures,
                    error,
                    "a batch is delivered again"
                );
            }
            Verdict::GivenUp(given_up) => self.report(given_up, error)?,
        }
        Ok(Some(verdict))
    }

    async fn invoke(&self, batch: &[Arc<Record>]) -> Answer {
        let records: Vec<&serde_json::Value> = batch.iter().map(|record| &record.event).collect();
        self.context
            .call(&self.mapping.function, json!({ "Records": records }))
            .await
    }

    fn report(
        &self,
        given_up: &super::lane::GivenUp,
        error: Option<&str>,
    ) -> Result<(), PumpError> {
        tracing::error!(
            mapping = self.mapping.name,
            condition = given_up.condition,
            records = given_up.size,
            error,
            "a batch was given up"
        );
        if let Some(queue) = &self.mapping.on_failure {
            let arn = self
                .context
                .function_arns
                .get(&self.mapping.function)
                .map_or("", String::as_str);
            let report = failure_report(
                &self.mapping,
                arn,
                &self.shard,
                given_up,
                error,
                self.context.clock.now(),
            );
            self.context.queues.send(queue, &report.to_string())?;
        }
        Ok(())
    }
}

/// How long to wait after a failed delivery: 100 ms, doubled each time, up to 10 s.
fn pause(failures: u32) -> Duration {
    Duration::from_millis((100_u64 << failures.saturating_sub(1).min(7)).min(10_000))
}
