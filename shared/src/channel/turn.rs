//! When a mail to a lead may go: the pause, the quota of the day and the rate, asked before each claim.
//!
//! ```text
//! paused, or the quota used up   no claim and no write: the item stays due, and a later tick finds it
//! over the rate                  wait for the next slot, here and for moments only; a run that has no time left leaves the item due
//! ```
//!
//! The record is read once for a run and again after five seconds, so a pause holds within seconds. Mails are counted with the lease of
//! slots, or once at the end of a run: one write for many mails. Must not know what a mail is.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_smithy_async::rt::sleep::{AsyncSleep as _, SharedAsyncSleep};

use crate::domain::id::random;
use crate::domain::sending::{Gate, Lease, Limits, Sending};
use crate::domain::time::Timestamp;
use crate::flow::Write;
use crate::runtime::{Clock, Entropy};
use crate::store::{Committed, Store, StoreError};

/// How long the record that was read serves.
const FRESH_MS: i64 = 5_000;
/// No mail begins later in a run than this, so that the last one ends before the function is stopped.
pub const LAST_START_MS: i64 = 45_000;
/// Tries at a record that other senders write.
const TRIES: u32 = 8;

/// What turns are made from.
#[derive(Clone, Debug)]
pub struct Turns {
    /// The store.
    pub store: Store,
    /// The time.
    pub clock: Clock,
    /// Names writes.
    pub entropy: Entropy,
    /// How to wait.
    pub sleep: SharedAsyncSleep,
    /// What the account may send.
    pub limits: Limits,
}

/// One run of a sender.
#[derive(Debug)]
pub struct Turn<'a> {
    turns: &'a Turns,
    started: Timestamp,
    held: Mutex<Held>,
}

#[derive(Clone, Debug, Default)]
struct Held {
    /// The record, and when it was read.
    seen: Option<(Sending, Timestamp)>,
    lease: Lease,
    /// Mails that the record does not know of.
    uncounted: u32,
    told: bool,
}

impl Turns {
    /// A run that begins now.
    pub fn begin(&self) -> Turn<'_> {
        Turn {
            turns: self,
            started: self.clock.now(),
            held: Mutex::default(),
        }
    }
}

impl Turn<'_> {
    /// Whether anything may go out at all, by the record as it is now.
    pub async fn is_open(&self) -> Result<bool, StoreError> {
        let now = self.turns.clock.now();
        let seen = self.seen(now).await?;
        let uncounted = self.with(|held| held.uncounted);
        let gate = seen.gate(self.turns.limits, uncounted, now);
        if gate != Gate::Open && !self.with(|held| std::mem::replace(&mut held.told, true)) {
            let why = match gate {
                Gate::Paused => "mails to leads are paused",
                Gate::Open | Gate::Full => "the mail service takes no more for now",
            };
            tracing::info!(why, "mails to leads wait");
        }
        Ok(gate == Gate::Open)
    }

    /// Whether one mail may go now: waits for its slot where that is moments away. A mail that may not stays due.
    pub async fn may_send(&self) -> Result<bool, StoreError> {
        for _ in 0..TRIES {
            if !self.has_time(0) || !self.is_open().await? {
                return Ok(false);
            }
            if self.turns.limits.rate == 0 {
                return Ok(true);
            }
            let now = self.turns.clock.now();
            match self.with(|held| held.lease.wait_ms(now)) {
                Some(wait_ms) => return Ok(self.waited(wait_ms).await),
                None => self.lease(now).await?,
            }
        }
        Ok(false)
    }

    /// One mail is given to the mail service now. Told after its claim, so that of two senders at one item only one counts.
    pub fn sends(&self) {
        self.with(|held| held.uncounted += 1);
    }

    /// Notes that the mail service takes no more for now: the next mails do not ask it.
    pub async fn close(&self) -> Result<(), StoreError> {
        let now = self.turns.clock.now();
        self.write(now, |seen, _, id| (seen.closed(now, id), None))
            .await
            .map(drop)
    }

    /// Counts what is not counted yet. A count that cannot be written is left out: the rates then look a little worse than they are.
    pub async fn end(&self) {
        if self.with(|held| held.uncounted) == 0 {
            return;
        }
        let (now, limits) = (self.turns.clock.now(), self.turns.limits);
        let counted = self
            .write(now, |seen, uncounted, id| {
                (seen.counted(uncounted, limits, now, id), Some(uncounted))
            })
            .await;
        if let Err(error) = counted {
            tracing::warn!(error = %error, "mails could not be counted");
        }
    }

    async fn waited(&self, wait_ms: i64) -> bool {
        if wait_ms > 0 {
            if !self.has_time(wait_ms) {
                return false;
            }
            let wait = Duration::from_millis(u64::try_from(wait_ms).unwrap_or_default());
            self.turns.sleep.sleep(wait).await;
        }
        let now = self.turns.clock.now();
        self.with(|held| {
            // Where the clock stands still, waiting brings no slot nearer.
            let due = held.lease.wait_ms(now) == Some(0);
            if due {
                held.lease.pass();
            }
            due
        })
    }

    async fn lease(&self, now: Timestamp) -> Result<(), StoreError> {
        let limits = self.turns.limits;
        let mut given = Lease::default();
        let lease = &mut given;
        let written = self
            .write(now, |seen, uncounted, id| {
                let (next, new) = seen.lease(uncounted, limits, now, id);
                *lease = new;
                (next, Some(uncounted))
            })
            .await?;
        if written {
            self.with(|held| held.lease = given);
        }
        Ok(())
    }

    /// Writes the record that `change` makes of the one that stands and of the mails not counted yet; it tells how many of them it counted.
    async fn write(
        &self,
        now: Timestamp,
        mut change: impl FnMut(&Sending, u32, String) -> (Sending, Option<u32>),
    ) -> Result<bool, StoreError> {
        for _ in 0..TRIES {
            let seen = self.seen(now).await?;
            let uncounted = self.with(|held| held.uncounted);
            let id = random("snd", self.turns.entropy.bytes());
            let (next, counted) = change(&seen, uncounted, id);
            let write = [Write::Sending(Box::new(next.clone()))];
            match self.turns.store.commit(&write).await? {
                Committed::Written => {
                    if next.warned_at != seen.warned_at {
                        tracing::warn!(
                            used = next.used(now),
                            quota = self.turns.limits.quota,
                            "four fifths of the mails of a day are used"
                        );
                    }
                    self.with(|held| {
                        held.uncounted -= counted.unwrap_or_default().min(held.uncounted);
                        held.seen = Some((next, now));
                    });
                    return Ok(true);
                }
                // Another sender wrote: look again.
                Committed::Lost(_) => self.with(|held| held.seen = None),
            }
        }
        Ok(false)
    }

    async fn seen(&self, now: Timestamp) -> Result<Sending, StoreError> {
        let fresh = self.with(|held| {
            let fresh = held.seen.as_ref();
            fresh
                .filter(|(_, at)| (0..FRESH_MS).contains(&now.since(*at)))
                .map(|(seen, _)| seen.clone())
        });
        if let Some(seen) = fresh {
            return Ok(seen);
        }
        let seen = self.turns.store.sending().await?;
        self.with(|held| held.seen = Some((seen.clone(), now)));
        Ok(seen)
    }

    fn has_time(&self, wait_ms: i64) -> bool {
        self.turns.clock.now().since(self.started) + wait_ms < LAST_START_MS
    }

    fn with<T>(&self, work: impl FnOnce(&mut Held) -> T) -> T {
        work(&mut self.held.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
