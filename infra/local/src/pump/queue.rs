//! The pump of one queue mapping: receives visible messages, invokes the function, deletes what it handled.
//!
//! What the function names as failed stays hidden until its visibility time-out has passed, and goes to the dead-letter queue when
//! it was received too often.

use std::sync::Arc;

use super::chaos::{Dice, stable_hash};
use super::context::{Context, PumpError};
use super::lane::{Answer, failed_items};
use super::stream::Turn;
use crate::template::model::QueueMapping;

/// Pumps one queue into one function.
pub struct QueuePump {
    mapping: QueueMapping,
    context: Arc<Context>,
    dice: Dice,
}

impl QueuePump {
    /// A pump for one mapping.
    pub fn new(mapping: QueueMapping, context: Arc<Context>) -> Self {
        let dice = Dice::new(context.chaos.seed ^ stable_hash(&mapping.name));
        Self {
            mapping,
            context,
            dice,
        }
    }

    /// The mapping that this pump plays.
    pub fn mapping(&self) -> &QueueMapping {
        &self.mapping
    }

    /// Delivers one batch.
    pub async fn turn(&mut self) -> Result<Turn, PumpError> {
        let chaos = self.context.chaos;
        let most = self.mapping.batch_size;
        let limit = if chaos.vary_batch_size {
            1 + self.dice.below(most)
        } else {
            most
        };
        let queues = Arc::clone(&self.context.queues);
        let batch = queues.receive(&self.mapping.queue, limit)?;
        if batch.is_empty() {
            return Ok(Turn::Idle);
        }
        let event = queues.event(&self.mapping.queue, &batch);
        if self.dice.chance(chaos.duplicate_percent) {
            self.context
                .call(&self.mapping.function, event.clone())
                .await;
        }
        let answer = self.context.call(&self.mapping.function, event).await;
        let handled: Vec<i64> = match self.failed(&batch, &answer) {
            Some(failed) => batch
                .iter()
                .filter(|message| !failed.contains(&message.message_id()))
                .map(|message| message.id)
                .collect(),
            None => Vec::new(),
        };
        if handled.len() < batch.len() {
            let error = match &answer {
                Answer::Failed(error) => Some(error.as_str()),
                Answer::Returned(_) => None,
            };
            let failed = batch.len() - handled.len();
            tracing::warn!(
                mapping = self.mapping.name,
                failed,
                error,
                "messages stay in their queue"
            );
        }
        queues.delete(&handled)?;
        Ok(Turn::Worked)
    }

    /// Ids of the messages that failed; `None` where all of them did.
    fn failed(&self, batch: &[super::queues::Message], answer: &Answer) -> Option<Vec<String>> {
        let Answer::Returned(answer) = answer else {
            return None;
        };
        if !self.mapping.report_failures {
            return Some(Vec::new());
        }
        let failed = failed_items(answer)?;
        // Lambda takes the whole batch for failed where an id is not of it.
        failed
            .iter()
            .all(|id| batch.iter().any(|message| message.message_id() == *id))
            .then_some(failed)
    }
}
