//! The outbox: one item for one effect on one channel, and the states it goes through.
//!
//! ```text
//! PENDING --claim--> SENDING(owner, lease_until, attempt) --accepted--> SENT
//!    ^                  |         |            |
//!    +---- refused for now        |            +-- refused for good --> DEAD
//!                                 +-- no answer, or the lease lapsed --> UNKNOWN --event--> SENT
//!                                                                          +-- 15 min --> SENDING (one resend, marked)
//! PENDING --not wanted any more--> SKIPPED(reason)
//! ```
//!
//! Every function here decides; the store writes what was decided under a condition, and only if the item is still as it was read.

use serde::{Deserialize, Serialize};

use super::id::LeadId;
use super::pii::Pii;
use super::time::{MINUTE_MS, Timestamp};

/// Shape version written by this release.
pub const OUTBOX_V: u8 = 1;
/// How long after its creation the tick looks after an item that the stream should have brought.
pub const STREAM_GRACE_MS: i64 = MINUTE_MS;
/// How long an unknown send waits for an event that settles it.
pub const UNKNOWN_WAIT_MS: i64 = 15 * MINUTE_MS;
/// Resends of a mail whose fate is unknown.
pub const MAX_RESENDS: u32 = 1;
/// Attempts refused for now (throttled, not connected) before an item is given up: some twelve hours, by the waits between them.
pub const MAX_REFUSALS: u32 = 150;
/// How long settled items are kept: longer than any late word from the mail service.
pub const KEEP_SETTLED_DAYS: i64 = 90;
/// Shards of the `due` index per reader.
pub const DUE_SHARDS: u8 = 4;

/// One effect on one channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxItem {
    /// The lead it concerns.
    pub lead_id: LeadId,
    /// Id within the lead; derived from its cause, so the same cause makes the same item.
    pub id: String,
    /// Which function carries it out.
    pub reader: Reader,
    /// What kind of effect.
    pub kind: OutboxKind,
    /// What to do.
    pub order: Order,
    /// The touchpoint or handoff that caused it.
    pub cause: String,
    /// Where it stands.
    pub state: State,
    /// When it was written.
    pub created_at: Timestamp,
    /// Not to be claimed before.
    pub not_before: Timestamp,
    /// Partition of the `due` index; absent once settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_key: Option<String>,
    /// When the tick looks at it; absent once settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
    /// Claims so far.
    pub attempt: u32,
    /// Attempts that were refused for now.
    #[serde(default)]
    pub refusals: u32,
    /// Sends after an unknown one.
    #[serde(default)]
    pub resends: u32,
    /// Who holds the claim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_until: Option<Timestamp>,
    /// When it became unknown, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown_since: Option<Timestamp>,
    /// People of its line who were asked, before the one it is for now.
    #[serde(default)]
    pub steps_done: u32,
    /// Ids that the channel gave, one for each attempt known to be accepted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub provider_ids: Vec<String>,
    /// Whether the effect may have happened twice.
    #[serde(default)]
    pub possible_duplicate: bool,
    /// Why it was skipped, given up or is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it was settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled_at: Option<Timestamp>,
    /// When `DynamoDB` may delete it, in seconds; only settled items end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<i64>,
    /// Hash of the site it was made under.
    pub site_hash: String,
    /// The last write, so that a writer that lost the reply knows its own.
    pub last_write_id: String,
    /// Shape version.
    pub v: u8,
}

/// Which function carries an item out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reader {
    /// Mail to leads.
    Deliver,
    /// Messages to sales.
    Notify,
    /// Timers of the score.
    Score,
}

impl Reader {
    /// The word stored.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deliver => "deliver",
            Self::Notify => "notify",
            Self::Score => "score",
        }
    }

    /// Partition of the `due` index for a lead.
    pub fn due_key(self, lead_id: &LeadId) -> String {
        format!("{}#{}", self.name(), lead_id.shard(DUE_SHARDS))
    }
}

/// What kind of effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutboxKind {
    /// A mail to the lead.
    Mail,
    /// The alert that a lead qualified.
    Alert,
    /// A reminder of an unanswered alert.
    Escalation,
    /// A notice of a new submission.
    Notice,
    /// A look at a lead at a later time.
    Review,
}

impl OutboxKind {
    /// The word stored, and used in mail tags.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Alert => "alert",
            Self::Escalation => "escalation",
            Self::Notice => "notice",
            Self::Review => "review",
        }
    }
}

/// What to do. Fields are used by kind; a reader refuses an order that lacks what its kind needs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Template of the mail.
    pub template: String,
    /// Address it goes to, in normalised form. Empty for an alert, whose address is in its handoff.
    pub to: Pii<String>,
    /// Keyed hash of the folded address, for the limit on mails to one mailbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_key: Option<String>,
    /// Keyed hash of the address's domain, for the limit on mails to one domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain_key: Option<String>,
    /// Form it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<String>,
    /// Magnet it delivers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub magnet: Option<String>,
    /// Greeting name, already fit for a mail.
    #[serde(default)]
    pub first_name: Pii<String>,
    /// Purposes that a click in the mail confirms.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub confirms: Vec<String>,
    /// The consent it needs, where it is marketing and not the answer to a request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// The person had left and asked again: the mail asks for a click before anything else goes out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub came_back: bool,
    /// Cycle of the handoff it announces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cycle: Option<u32>,
    /// Sales person it goes to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// Why this person gets it, where it is not by the routes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// Somebody asked for the alert once more: it is told whatever happened meanwhile, and says that it is a repeat.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
    /// Who is asked after this person, and when, while nobody answers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub later: Vec<Step>,
    /// Channel of the site that it goes to; none = mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// The news, frozen: what a channel is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Pii<String>>,
    /// Whether the receiver may get it again after an attempt whose end nobody saw: it tells a repeat by its id, or a repeat does no harm.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub may_repeat: bool,
    /// Answers a notice tells about, as (label, value).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<super::handoff::Labelled>,
}

impl Order {
    /// The reference under which the guard of the whole mailbox is kept: every spelling of the address has it in common, and no lead
    /// has it, so that erasing one leaves it. None for an order that names no mailbox.
    pub fn mailbox(&self) -> Option<LeadId> {
        self.limit_key.as_ref()?.parse().ok()
    }
}

/// Somebody who is asked at a later time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Sales person.
    pub person: String,
    /// When.
    pub at: Timestamp,
}

/// What a new item is made of.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The lead it concerns.
    pub lead_id: LeadId,
    /// Id, derived from its cause.
    pub id: String,
    /// Which function carries it out.
    pub reader: Reader,
    /// What kind of effect.
    pub kind: OutboxKind,
    /// What to do.
    pub order: Order,
    /// The touchpoint or handoff that causes it.
    pub cause: &'a str,
    /// Not to be claimed before.
    pub not_before: Timestamp,
    /// Hash of the site in force.
    pub site_hash: &'a str,
}

/// Where an item stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum State {
    /// To be done.
    Pending,
    /// Claimed; the effect may be happening now.
    Sending,
    /// Done.
    Sent,
    /// Not wanted any more; see `reason`.
    Skipped,
    /// The effect may have happened; waiting for an event that tells.
    Unknown,
    /// Given up; see `reason`.
    Dead,
}

impl State {
    /// The word stored.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Sending => "SENDING",
            Self::Sent => "SENT",
            Self::Skipped => "SKIPPED",
            Self::Unknown => "UNKNOWN",
            Self::Dead => "DEAD",
        }
    }

    /// Whether nothing more will happen by itself.
    pub const fn is_settled(self) -> bool {
        matches!(self, Self::Sent | Self::Skipped | Self::Dead)
    }
}

/// How an attempt came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The channel took it and gave this id.
    Accepted(String),
    /// The channel said no for good, or the order cannot be carried out.
    RefusedForGood(String),
    /// The channel said no for now, or was never reached: surely not done.
    RefusedForNow(String),
    /// Nobody knows: a time-out, a reset, a server error.
    Unknown(String),
    /// Not done, and to be tried after a wait that the channel chose; how often is the channel's to say.
    Later {
        /// Why.
        reason: String,
        /// Milliseconds.
        wait_ms: i64,
    },
    /// Given up, and the item becomes another message, due at once.
    Becomes(Box<Order>),
}

/// What a reader does with an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimDecision {
    /// Claim it: write this, then act.
    Claim(Box<OutboxItem>),
    /// Settle or re-time it without acting: write this.
    Write(Box<OutboxItem>),
    /// Nothing to do now.
    Leave,
}

impl OutboxItem {
    /// A new item, due at once unless `not_before` is later.
    pub fn new(request: Request<'_>, now: Timestamp) -> Self {
        let Request {
            lead_id,
            id,
            reader,
            kind,
            order,
            cause,
            not_before,
            site_hash,
        } = request;
        Self {
            lead_id,
            last_write_id: id.clone(),
            id,
            reader,
            kind,
            order,
            cause: cause.to_owned(),
            state: State::Pending,
            created_at: now,
            not_before,
            due_key: Some(reader.due_key(&lead_id)),
            // An item that is due at once comes by the stream; the tick looks only if that failed.
            due_at: Some(if not_before > now {
                not_before
            } else {
                now.plus_ms(STREAM_GRACE_MS)
            }),
            attempt: 0,
            refusals: 0,
            resends: 0,
            owner: None,
            lease_until: None,
            unknown_since: None,
            steps_done: 0,
            provider_ids: Vec::new(),
            possible_duplicate: false,
            reason: None,
            settled_at: None,
            ttl: None,
            site_hash: site_hash.to_owned(),
            v: OUTBOX_V,
        }
    }

    /// Puts a new item off until `at`.
    pub fn wait_until(&mut self, at: Timestamp) {
        self.not_before = at;
        self.due_at = Some(at);
    }

    /// What to do with the item now. `skip` is the reader's reason why the effect is not wanted any more, if there is one;
    /// `stable_id` says that the receiver recognises a repeat by its id, so that a lapsed claim may simply be claimed again.
    pub fn decide_claim(
        &self,
        now: Timestamp,
        owner: &str,
        lease_ms: i64,
        skip: Option<&str>,
        stable_id: bool,
    ) -> ClaimDecision {
        match self.state {
            State::Sent | State::Skipped | State::Dead => ClaimDecision::Leave,
            State::Pending if now < self.not_before => ClaimDecision::Leave,
            State::Pending => match skip {
                Some(reason) => {
                    ClaimDecision::Write(Box::new(self.settled(State::Skipped, Some(reason), now)))
                }
                None => ClaimDecision::Claim(Box::new(self.claimed(now, owner, lease_ms))),
            },
            State::Sending if self.lease_until.is_some_and(|until| now < until) => {
                ClaimDecision::Leave
            }
            State::Sending if stable_id => {
                ClaimDecision::Claim(Box::new(self.claimed(now, owner, lease_ms)))
            }
            State::Sending => ClaimDecision::Write(Box::new(
                self.unknown("the sender stopped after its claim", now),
            )),
            State::Unknown
                if self
                    .unknown_since
                    .is_some_and(|since| now < since.plus_ms(UNKNOWN_WAIT_MS)) =>
            {
                ClaimDecision::Leave
            }
            State::Unknown if self.resends >= MAX_RESENDS => {
                let reason = "no word from the mail service after a resend";
                ClaimDecision::Write(Box::new(self.done(State::Dead, Some(reason), now)))
            }
            State::Unknown => {
                if let Some(reason) = skip {
                    ClaimDecision::Write(Box::new(self.settled(State::Skipped, Some(reason), now)))
                } else {
                    let mut item = self.claimed(now, owner, lease_ms);
                    item.resends += 1;
                    item.possible_duplicate = true;
                    ClaimDecision::Claim(Box::new(item))
                }
            }
        }
    }

    /// The item after an attempt came out. `backoff_ms` is how long to wait before trying again where it was refused for now.
    #[must_use]
    pub fn after(&self, outcome: &Outcome, now: Timestamp, backoff_ms: i64) -> Self {
        match outcome {
            Outcome::Accepted(provider_id) => {
                let mut item = self.done(State::Sent, None, now);
                if !item.provider_ids.contains(provider_id) {
                    item.provider_ids.push(provider_id.clone());
                }
                item
            }
            Outcome::RefusedForGood(reason) => self.done(State::Dead, Some(reason), now),
            Outcome::RefusedForNow(reason) if self.refusals + 1 >= MAX_REFUSALS => {
                self.done(State::Dead, Some(reason), now)
            }
            Outcome::RefusedForNow(reason) => self.pending_again(reason, now, backoff_ms),
            Outcome::Later { reason, wait_ms } => self.pending_again(reason, now, *wait_ms),
            Outcome::Becomes(order) => {
                let mut item = self.pending_again("", now, 0);
                item.order = *order.clone();
                item.refusals = 0;
                item.reason = None;
                item
            }
            Outcome::Unknown(reason) => self.unknown(reason, now),
        }
    }

    /// The item after an event proved that the channel accepted attempt `attempt`; unchanged where that is known already.
    #[must_use]
    pub fn after_event(&self, provider_id: &str, now: Timestamp) -> Option<Self> {
        let known = self.provider_ids.iter().any(|id| id == provider_id);
        if known {
            return None;
        }
        // An item that waits for the next in line is past the step that the event speaks of.
        let mut item = if self.state == State::Sent || self.waits_for_next_step() {
            self.clone()
        } else {
            self.done(State::Sent, None, now)
        };
        // Two accepted attempts: the receiver got it twice. A mark from a resend stays: nobody knows of the send before it.
        let steps = usize::try_from(self.steps_done).unwrap_or_default();
        item.possible_duplicate |= item.provider_ids.len() > steps || self.waits_for_next_step();
        item.provider_ids.push(provider_id.to_owned());
        Some(item)
    }

    fn claimed(&self, now: Timestamp, owner: &str, lease_ms: i64) -> Self {
        let mut item = self.clone();
        let until = now.plus_ms(lease_ms);
        item.state = State::Sending;
        item.attempt += 1;
        item.owner = Some(owner.to_owned());
        item.lease_until = Some(until);
        item.due_at = Some(until);
        item.last_write_id = format!("{owner}.{}", item.attempt);
        item
    }

    fn pending_again(&self, reason: &str, now: Timestamp, wait_ms: i64) -> Self {
        let mut item = self.clone();
        item.state = State::Pending;
        item.refusals += 1;
        item.owner = None;
        item.lease_until = None;
        item.not_before = now.plus_ms(wait_ms);
        item.due_at = Some(item.not_before);
        item.reason = Some(reason.to_owned());
        item
    }

    fn unknown(&self, reason: &str, now: Timestamp) -> Self {
        let mut item = self.clone();
        item.state = State::Unknown;
        item.unknown_since = Some(now);
        item.due_at = Some(now.plus_ms(UNKNOWN_WAIT_MS));
        item.lease_until = None;
        item.reason = Some(reason.to_owned());
        item
    }

    /// The item with its claim put off: nothing to do before `at`.
    #[must_use]
    pub fn put_off(&self, at: Timestamp) -> Self {
        let mut item = self.clone();
        let by = at.since(self.not_before);
        for step in &mut item.order.later {
            step.at = step.at.plus_ms(by);
        }
        item.not_before = at;
        item.due_at = Some(at);
        item
    }

    /// Whether a step is done and the next one is not due yet.
    const fn waits_for_next_step(&self) -> bool {
        matches!(self.state, State::Pending) && self.steps_done > 0 && self.refusals == 0
    }

    /// The item after this step came to an end: settled, or armed again for the next in line. A step that failed for good must not keep
    /// the one after it from being asked.
    fn done(&self, state: State, reason: Option<&str>, now: Timestamp) -> Self {
        let mut item = self.settled(state, reason, now);
        if item.order.later.is_empty() {
            return item;
        }
        let step = item.order.later.remove(0);
        item.order.person = Some(step.person);
        item.steps_done += 1;
        item.state = State::Pending;
        item.settled_at = None;
        item.ttl = None;
        item.owner = None;
        item.unknown_since = None;
        item.refusals = 0;
        item.resends = 0;
        item.not_before = step.at.max(now);
        item.due_key = Some(self.reader.due_key(&self.lead_id));
        item.due_at = Some(item.not_before);
        item
    }

    fn settled(&self, state: State, reason: Option<&str>, now: Timestamp) -> Self {
        let mut item = self.clone();
        item.state = state;
        item.settled_at = Some(now);
        item.ttl = Some(now.plus_days(KEEP_SETTLED_DAYS).seconds());
        item.lease_until = None;
        item.due_key = None;
        item.due_at = None;
        item.reason = reason.map(str::to_owned);
        item
    }
}

#[cfg(test)]
mod tests;
