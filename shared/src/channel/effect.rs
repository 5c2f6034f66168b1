//! Carrying out one outbox item, at least once and effectively once.
//!
//! ```text
//! first time    load -> claim (one transaction) -> act -> settle
//! repeat        load -> settled, or claimed by another -> nothing
//! concurrent    both load -> one claim wins, the other's condition fails -> it reads again -> nothing
//! lost reply    claim: recognised by its own write id.   settle: the item is settled, by us or by an event
//! crash         after the claim: the lease lapses, the tick finds the item; what then depends on the channel (see `domain::outbox`)
//! ```

use std::future::Future;

use serde_json::Value;

use super::turn::LAST_START_MS;
use crate::domain::id::random;
use crate::domain::outbox::{ClaimDecision, Order, OutboxItem, Outcome, Reader, State};
use crate::domain::sending::backoff_ms;
use crate::domain::time::Timestamp;
use crate::edge::stream::{Failure, RecordKey, Trigger, batch_answer, caught, in_order, read};
use crate::flow::Write;
use crate::runtime::{Clock, Entropy};
use crate::store::{Committed, Store};

/// How long a claim holds: the longest run of a function (60 s) and ten seconds.
pub const LEASE_MS: i64 = 70_000;
/// Most items looked at in one tick, for each shard: what one run has time for.
const DUE: usize = 125;
/// Tries at a claim that meets other writers.
const CLAIM_TRIES: u32 = 4;

/// What a reader knows about an item at its claim.
#[derive(Debug, Default)]
pub struct Recheck {
    /// Why the effect is not wanted any more.
    pub skip: Option<String>,
    /// It is wanted, but not before this: put off without acting.
    pub not_before: Option<Timestamp>,
    /// It cannot be done now, for reasons that are not its own: nothing is written, and it stays due.
    pub stays_due: bool,
    /// What must be written or hold together with the claim.
    pub with_claim: Vec<Write>,
    /// What is done instead of what was ordered.
    pub order: Option<Box<Order>>,
}

/// What came of acting on a claimed item.
#[derive(Debug)]
pub struct Done {
    /// How the attempt came out.
    pub outcome: Outcome,
    /// What must be written together with the settled item.
    pub also: Vec<Write>,
}

impl From<Outcome> for Done {
    fn from(outcome: Outcome) -> Self {
        Self {
            outcome,
            also: Vec::new(),
        }
    }
}

/// What carrying out needs.
#[derive(Clone, Debug)]
pub struct Worker {
    /// The store.
    pub store: Store,
    /// The time.
    pub clock: Clock,
    /// Names claims and spreads waits.
    pub entropy: Entropy,
    /// Whose items.
    pub reader: Reader,
}

impl Worker {
    /// Carries out the item that `key` names, where it is this reader's and it is time. `recheck` looks at what may have changed since
    /// the item was written; `act` does the effect once it is claimed.
    pub async fn carry_out<R, RF, A, AF, D>(
        &self,
        key: &RecordKey,
        recheck: R,
        act: A,
    ) -> Result<(), Failure>
    where
        R: Fn(OutboxItem, String, Timestamp) -> RF,
        RF: Future<Output = Result<Recheck, Failure>>,
        A: FnOnce(OutboxItem) -> AF,
        AF: Future<Output = D>,
        D: Into<Done>,
    {
        let owner = random("own", self.entropy.bytes());
        let Some(claimed) = self.claim(key, &owner, recheck).await? else {
            return Ok(());
        };
        // Boxed: the future of a send is large, and a claim should not carry it on its stack.
        let done = Box::pin(act(claimed.clone())).await.into();
        self.settle(&claimed, done).await;
        Ok(())
    }

    /// Works on a stream batch in order, or at a tick on everything due: `work` carries out one item. An item that fails at a tick holds up
    /// none of the others.
    pub async fn work_on<W, F>(&self, event: &Value, work: W) -> Result<Value, Failure>
    where
        W: Fn(RecordKey) -> F,
        F: Future<Output = Result<(), Failure>>,
    {
        let function = self.reader.name();
        match read(event)? {
            Trigger::Stream(records) => {
                let now = self.clock.now();
                Ok(in_order(function, &self.store, &records, now, work).await)
            }
            Trigger::Tick(_) => {
                let mut first_failure = None;
                let started = self.clock.now();
                for key in self.due(DUE).await? {
                    // What is left stays due. Nothing is begun that the end of the run would cut off.
                    if self.clock.now().since(started) >= LAST_START_MS {
                        break;
                    }
                    if let Err(failure) = caught(work(key)).await {
                        tracing::warn!(function, class = %failure.class(), "a due item failed");
                        first_failure = first_failure.or(Some(failure));
                    }
                }
                first_failure.map_or_else(|| Ok(batch_answer([])), Err)
            }
            Trigger::Queue(_) => Err(Failure::UnknownEvent),
        }
    }

    /// Items of this reader that are due now, for the tick.
    async fn due(&self, limit: usize) -> Result<Vec<RecordKey>, Failure> {
        let due = self.store.due(self.reader, self.clock.now(), limit).await?;
        Ok(due
            .into_iter()
            .map(|k| RecordKey {
                lead_id: k.lead_id,
                id: k.id,
            })
            .collect())
    }

    async fn claim<R, RF>(
        &self,
        key: &RecordKey,
        owner: &str,
        recheck: R,
    ) -> Result<Option<OutboxItem>, Failure>
    where
        R: Fn(OutboxItem, String, Timestamp) -> RF,
        RF: Future<Output = Result<Recheck, Failure>>,
    {
        for _ in 0..CLAIM_TRIES {
            let Some(item) = self.store.outbox_item(key.lead_id, &key.id).await? else {
                return Ok(None);
            };
            let now = self.clock.now();
            if item.reader != self.reader
                || item.decide_claim(now, owner, LEASE_MS, None, repeats(&item))
                    == ClaimDecision::Leave
            {
                return Ok(None);
            }
            let Recheck {
                skip,
                not_before,
                stays_due,
                with_claim,
                order,
            } = Box::pin(recheck(item.clone(), owner.to_owned(), now)).await?;
            if stays_due {
                return Ok(None);
            }
            // The recheck may have waited.
            let now = self.clock.now();
            let later = not_before.filter(|at| *at > now && item.state == State::Pending);
            let (mut next, claims) =
                match item.decide_claim(now, owner, LEASE_MS, skip.as_deref(), repeats(&item)) {
                    ClaimDecision::Leave => return Ok(None),
                    ClaimDecision::Claim(_) if let Some(at) = later => {
                        let mut next = Box::new(item.put_off(at));
                        next.last_write_id = format!("{owner}.l{}", next.attempt);
                        (next, false)
                    }
                    ClaimDecision::Claim(next) => (next, true),
                    ClaimDecision::Write(mut next) => {
                        next.last_write_id = format!("{owner}.w{}", next.attempt);
                        (next, false)
                    }
                };
            if let (true, Some(order)) = (claims, order) {
                next.order = *order;
            }
            let mut writes = vec![Write::OutboxMoved {
                item: next.clone(),
                from: item.last_write_id.clone(),
            }];
            if claims {
                writes.extend(with_claim);
            }
            match self.store.commit(&writes).await? {
                Committed::Written if claims => return Ok(Some(*next)),
                Committed::Written => {
                    log_settled(&next);
                    return Ok(None);
                }
                // Somebody else wrote meanwhile: look again.
                Committed::Lost(_) => {}
            }
        }
        Err(Failure::Transient("claim_contended".into()))
    }

    async fn settle(&self, claimed: &OutboxItem, done: Done) {
        let now = self.clock.now();
        let mut next = claimed.after(&done.outcome, now, self.backoff(claimed.refusals));
        next.last_write_id = format!("{}.s", claimed.last_write_id);
        let mut writes = vec![Write::OutboxMoved {
            item: Box::new(next.clone()),
            from: claimed.last_write_id.clone(),
        }];
        writes.extend(done.also);
        match self.store.commit(&writes).await {
            Ok(Committed::Written) => log_settled(&next),
            // An event of the channel settled it first, or the lease lapsed and the tick has it; both know what we know.
            Ok(Committed::Lost(_)) => {}
            // The item stays claimed until its lease lapses; the tick takes it from there.
            Err(error) => {
                tracing::warn!(reader = self.reader.name(), error = %error, "could not settle a claimed item; the tick will");
            }
        }
    }

    fn backoff(&self, refusals: u32) -> i64 {
        backoff_ms(refusals, u64::from_be_bytes(self.entropy.bytes()))
    }
}

/// Whether an attempt whose end nobody saw is simply made again.
const fn repeats(item: &OutboxItem) -> bool {
    item.order.may_repeat
}

fn log_settled(item: &OutboxItem) {
    tracing::info!(
        reader = item.reader.name(),
        kind = item.kind.name(),
        lead = %item.lead_id,
        item = %item.id,
        state = item.state.name(),
        attempt = item.attempt,
        reason = item.reason.as_deref().unwrap_or_default(),
        "outbox item moved"
    );
}
