//! Durable queues: what SQS does, as far as the template uses it.
//!
//! A message is sent with its queue's delay, hidden while it is being worked on, counted each time it is received, and moved to the
//! dead-letter queue once it was received too often. It is gone only when it is deleted or has outlived its queue's retention.
//! Delivery is at least once, as with SQS; order is by the time a message became visible.

use std::collections::BTreeMap;
use std::sync::Arc;

use rusqlite::{OptionalExtension, params};
use serde_json::{Value, json};

use crate::clock::RunnerClock;
use crate::runner_db::{DbError, RunnerDb};
use crate::template::model::Queue;

/// All queues of the template.
pub struct Queues {
    db: Arc<RunnerDb>,
    clock: RunnerClock,
    region: String,
    settings: BTreeMap<String, Queue>,
}

/// A message in the hands of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Row of the message.
    pub id: i64,
    /// What was sent.
    pub body: String,
    /// When, in UTC milliseconds.
    pub sent_at: i64,
    /// How often it was received, this time included.
    pub received: u32,
    /// When it was received for the first time.
    pub first_received_at: i64,
}

impl Message {
    /// The id by which a function names the message.
    pub fn message_id(&self) -> String {
        format!("00000000-0000-4000-8000-{:012x}", self.id)
    }
}

impl Queues {
    /// The queues, with what `db` already holds for them.
    pub fn new(db: Arc<RunnerDb>, clock: RunnerClock, region: &str, queues: &[Queue]) -> Self {
        let settings = queues
            .iter()
            .map(|queue| (queue.name.clone(), queue.clone()))
            .collect();
        Self {
            db,
            clock,
            region: region.to_owned(),
            settings,
        }
    }

    /// Puts a message in a queue.
    pub fn send(&self, queue: &str, body: &str) -> Result<(), DbError> {
        let now = self.clock.now();
        let delay = self.settings.get(queue).map_or(0, |queue| queue.delay);
        self.db
            .lock()
            .prepare_cached(
                "INSERT INTO messages (queue, body, sent_at, visible_at) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![queue, body, now, now + i64::from(delay) * 1_000])?;
        Ok(())
    }

    /// Takes up to `most` visible messages, hiding them for the queue's visibility time-out. Messages that were received too often
    /// go to the dead-letter queue instead.
    pub fn receive(&self, queue: &str, most: usize) -> Result<Vec<Message>, DbError> {
        let now = self.clock.now();
        let Some(settings) = self.settings.get(queue) else {
            return Ok(Vec::new());
        };
        let mut connection = self.db.lock();
        let mut taken = Vec::new();
        {
            let mut query = connection.prepare_cached(
                "SELECT id, body, sent_at, received, first_received_at FROM messages
                 WHERE queue = ?1 AND visible_at <= ?2 ORDER BY visible_at, id LIMIT ?3",
            )?;
            let mut rows =
                query.query(params![queue, now, i64::try_from(most).unwrap_or(i64::MAX)])?;
            while let Some(row) = rows.next()? {
                let received: u32 = row.get(3)?;
                taken.push(Message {
                    id: row.get(0)?,
                    body: row.get(1)?,
                    sent_at: row.get(2)?,
                    received: received + 1,
                    first_received_at: row.get::<_, Option<i64>>(4)?.unwrap_or(now),
                });
            }
        }
        if taken.is_empty() {
            return Ok(taken);
        }
        let transaction = connection.transaction()?;
        let limit = settings
            .redrive
            .as_ref()
            .map_or(u32::MAX, |redrive| redrive.max_receives);
        let visible_again = now + i64::from(settings.visibility) * 1_000;
        for message in &taken {
            match settings.redrive.as_ref().filter(|_| message.received > limit) {
                Some(redrive) => transaction
                    .prepare_cached("UPDATE messages SET queue = ?2, visible_at = ?3, received = 0, first_received_at = NULL WHERE id = ?1")?
                    .execute(params![message.id, redrive.queue, now])?,
                None => transaction
                    .prepare_cached("UPDATE messages SET received = ?2, visible_at = ?3, first_received_at = ?4 WHERE id = ?1")?
                    .execute(params![message.id, message.received, visible_again, message.first_received_at])?,
            };
        }
        transaction.commit()?;
        taken.retain(|message| message.received <= limit);
        Ok(taken)
    }

    /// Deletes messages that were handled.
    pub fn delete(&self, messages: &[i64]) -> Result<(), DbError> {
        if messages.is_empty() {
            return Ok(());
        }
        let mut connection = self.db.lock();
        let transaction = connection.transaction()?;
        for id in messages {
            transaction
                .prepare_cached("DELETE FROM messages WHERE id = ?1")?
                .execute([id])?;
        }
        Ok(transaction.commit()?)
    }

    /// When the next message of a queue becomes visible; in the past where one is visible now.
    pub fn next_visible(&self, queue: &str) -> Result<Option<i64>, DbError> {
        let connection = self.db.lock();
        let mut query = connection.prepare_cached(
            "SELECT visible_at FROM messages WHERE queue = ?1 ORDER BY visible_at, id LIMIT 1",
        )?;
        Ok(query.query_row([queue], |row| row.get(0)).optional()?)
    }

    /// Everything in a queue, hidden or not, oldest first.
    pub fn peek(&self, queue: &str) -> Result<Vec<Message>, DbError> {
        let connection = self.db.lock();
        let mut query = connection
            .prepare_cached("SELECT id, body, sent_at, received, COALESCE(first_received_at, sent_at) FROM messages WHERE queue = ?1 ORDER BY id")?;
        let rows = query.query_map([queue], |row| {
            Ok(Message {
                id: row.get(0)?,
                body: row.get(1)?,
                sent_at: row.get(2)?,
                received: row.get(3)?,
                first_received_at: row.get(4)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// How many messages each queue holds.
    pub fn depths(&self) -> Result<BTreeMap<String, u64>, DbError> {
        let mut depths: BTreeMap<String, u64> =
            self.settings.keys().map(|name| (name.clone(), 0)).collect();
        let connection = self.db.lock();
        let mut query =
            connection.prepare_cached("SELECT queue, COUNT(*) FROM messages GROUP BY queue")?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            depths.insert(row.get(0)?, row.get(1)?);
        }
        Ok(depths)
    }

    /// Forgets messages that outlived their queue's retention.
    pub fn expire(&self) -> Result<(), DbError> {
        let now = self.clock.now();
        let connection = self.db.lock();
        for (name, queue) in &self.settings {
            connection
                .prepare_cached("DELETE FROM messages WHERE queue = ?1 AND sent_at < ?2")?
                .execute(params![name, now - i64::from(queue.retention) * 1_000])?;
        }
        Ok(())
    }

    /// The event that Lambda passes for a batch.
    pub fn event(&self, queue: &str, batch: &[Message]) -> Value {
        let arn = self
            .settings
            .get(queue)
            .map_or("", |queue| queue.arn.as_str());
        let records: Vec<Value> = batch
            .iter()
            .map(|message| {
                json!({
                    "messageId": message.message_id(),
                    "receiptHandle": format!("{}-{}", message.id, message.received),
                    "body": message.body,
                    "attributes": {
                        "ApproximateReceiveCount": message.received.to_string(),
                        "SentTimestamp": message.sent_at.to_string(),
                        "SenderId": "local",
                        "ApproximateFirstReceiveTimestamp": message.first_received_at.to_string(),
                    },
                    "messageAttributes": {},
                    "md5OfBody": format!("{:x}", md5::compute(&message.body)),
                    "eventSource": "aws:sqs",
                    "eventSourceARN": arn,
                    "awsRegion": self.region,
                })
            })
            .collect();
        json!({ "Records": records })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::template::model::Redrive;

    /// A clock that stands still until it is moved, while the engine's goes on; and its database.
    pub(crate) fn still_clock(at: i64) -> (RunnerClock, Arc<RunnerDb>) {
        let db = Arc::new(RunnerDb::in_memory().unwrap());
        let system = Arc::new(|| shared::runtime::system_now().0);
        let clock = RunnerClock::new(Arc::new(move || at), system, Arc::clone(&db)).unwrap();
        (clock, db)
    }

    pub(crate) fn queue(name: &str, delay: u32, redrive: Option<(u32, &str)>) -> Queue {
        Queue {
            id: name.to_owned(),
            name: name.to_owned(),
            arn: format!("arn:aws:sqs:us-east-1:000000000000:{name}"),
            delay,
            visibility: 30,
            retention: 345_600,
            redrive: redrive.map(|(max_receives, queue)| Redrive {
                max_receives,
                queue: queue.to_owned(),
            }),
        }
    }

    fn bodies(messages: &[Message]) -> Vec<&str> {
        messages
            .iter()
            .map(|message| message.body.as_str())
            .collect()
    }

    #[test]
    fn a_message_is_hidden_for_its_delay_and_again_while_it_is_worked_on() {
        let (clock, db) = still_clock(0);
        let queues = Queues::new(db, clock.clone(), "us-east-1", &[queue("q", 300, None)]);
        queues.send("q", "a").unwrap();
        assert!(queues.receive("q", 10).unwrap().is_empty());
        clock.move_to(300_000).unwrap();
        assert_eq!(bodies(&queues.receive("q", 10).unwrap()), ["a"]);
        assert!(queues.receive("q", 10).unwrap().is_empty());
        assert_eq!(queues.next_visible("q").unwrap(), Some(330_000));
        clock.move_to(330_000).unwrap();
        assert_eq!(queues.receive("q", 10).unwrap()[0].received, 2);
    }

    #[test]
    fn a_message_received_too_often_goes_to_the_dead_letter_queue() {
        let (clock, db) = still_clock(0);
        let queues = Queues::new(
            db,
            clock.clone(),
            "us-east-1",
            &[queue("q", 0, Some((2, "dead"))), queue("dead", 0, None)],
        );
        queues.send("q", "poison").unwrap();
        for at in [0, 30_000] {
            clock.move_to(at).unwrap();
            assert_eq!(queues.receive("q", 10).unwrap().len(), 1);
        }
        clock.move_to(60_000).unwrap();
        assert!(queues.receive("q", 10).unwrap().is_empty());
        assert_eq!(bodies(&queues.peek("dead").unwrap()), ["poison"]);
        assert!(queues.peek("q").unwrap().is_empty());
    }

    #[test]
    fn a_deleted_message_does_not_come_back_and_the_others_do() {
        let (clock, db) = still_clock(0);
        let queues = Queues::new(db, clock.clone(), "us-east-1", &[queue("q", 0, None)]);
        queues.send("q", "a").unwrap();
        queues.send("q", "b").unwrap();
        let taken = queues.receive("q", 10).unwrap();
        queues.delete(&[taken[0].id]).unwrap();
        clock.move_to(31_000).unwrap();
        assert_eq!(bodies(&queues.receive("q", 10).unwrap()), ["b"]);
    }

    #[test]
    fn a_message_is_forgotten_after_its_queues_retention() {
        let (clock, db) = still_clock(0);
        let queues = Queues::new(db, clock.clone(), "us-east-1", &[queue("q", 0, None)]);
        queues.send("q", "a").unwrap();
        clock.move_to(345_600_000).unwrap();
        queues.expire().unwrap();
        assert_eq!(queues.depths().unwrap()["q"], 1);
        clock.move_to(345_600_001).unwrap();
        queues.expire().unwrap();
        assert_eq!(queues.depths().unwrap()["q"], 0);
    }

    #[test]
    fn the_event_has_the_shape_that_lambda_passes() {
        let (clock, db) = still_clock(1_700_000_000_000);
        let queues = Queues::new(db, clock, "us-east-1", &[queue("q", 0, None)]);
        queues.send("q", "hello").unwrap();
        let batch = queues.receive("q", 10).unwrap();
        let event = queues.event("q", &batch);
        let record = &event["Records"][0];
        assert_eq!(record["messageId"], batch[0].message_id());
        assert_eq!(record["body"], "hello");
        assert_eq!(record["md5OfBody"], "5d41402abc4b2a76b9719d911017c592");
        assert_eq!(record["attributes"]["ApproximateReceiveCount"], "1");
        assert_eq!(
            record["eventSourceARN"],
            "arn:aws:sqs:us-east-1:000000000000:q"
        );
    }
}
