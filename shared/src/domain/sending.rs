//! Sending mail to leads as a whole: how fast, how many in a day, and whether at all.
//!
//! One record for a stack. `deliver` asks it before each claim and takes slots from it; `feedback` notes complaints and hard bounces in
//! it; an operator pauses and lifts. Nothing that waits because of it is written to: it stays due, and the tick finds it again.
//!
//! | what | rule |
//! | --- | --- |
//! | rate | slots, evenly spaced over nine tenths of the account's rate; the tenth left is for alerts, which never wait |
//! | quota | 98 % of the account's sends of any 24 hours; what is over waits until the hours move on |
//! | complaints | 0.08 % of the last 1,000 mails; while fewer have gone out, at least two of them |
//! | hard bounces | 4 % of the last 1,000 mails; while fewer have gone out, at least ten of them |
//!
//! One complaint in 1,000 mails is 0.1 % and pauses. One in the first ten is no rate at all, so a small sample asks for a second one. A
//! lift begins the sample anew: what was looked at is not counted against the next mails.
//!
//! Must not know how anything is stored or sent.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::time::Timestamp;

mod slots;

pub use slots::{Lease, Limits, backoff_ms};

/// Shape version written by this release.
pub const SENDING_V: u8 = 1;
/// Mails that the rates are counted over.
pub const SAMPLE: u64 = 1_000;
/// Fewest complaints that pause while the sample is not full.
pub const FEWEST_COMPLAINTS: u64 = 2;
/// Fewest hard bounces that pause while the sample is not full.
pub const FEWEST_BOUNCES: u64 = 10;
/// Complaints that pause, in parts of 10,000.
const COMPLAINTS_IN_10_000: u64 = 8;
/// Hard bounces that pause, in parts of 10,000.
const BOUNCES_IN_10_000: u64 = 400;
/// Most strikes kept: far more than it takes to pause.
const MOST_STRIKES: usize = 200;
/// Hours that a quota counts over.
const QUOTA_HOURS: i64 = 24;
const HOUR_MS: i64 = 3_600_000;
/// How long nothing is tried after the mail service said that it takes no more.
pub const CLOSED_MS: i64 = 15 * 60_000;
/// Template of the mail that tells the operator of a pause; its words are ours.
pub const PAUSED_NOTICE: &str = "mails-paused";

/// The state of sending to leads.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sending {
    /// Mails given to the mail service so far; a resend is one more.
    #[serde(default)]
    pub total: u64,
    /// `total` when the sample began: 0, or at the last lift.
    #[serde(default)]
    pub since: u64,
    /// Complaints and hard bounces within the sample, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub strikes: Vec<Strike>,
    /// Why nothing goes out, where that is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<Pause>,
    /// When the next slot is free, in microseconds since 1970.
    #[serde(default)]
    pub free_at_us: i64,
    /// Mails by UTC hour since 1970, of the last day.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub hours: BTreeMap<i64, u32>,
    /// The mail service said that it takes no more for now; nothing is tried before this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_until: Option<Timestamp>,
    /// When it was last told that four fifths of the quota are used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warned_at: Option<Timestamp>,
    /// Counts writes; 0 = not there yet.
    #[serde(default)]
    pub version: u64,
    /// Identity of the last write.
    #[serde(default, rename = "last_write_id")]
    pub write_id: String,
    /// Shape version.
    #[serde(default)]
    pub v: u8,
}

/// Something that speaks against going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Strike {
    /// What.
    pub kind: StrikeKind,
    /// `total` when it was heard.
    pub n: u64,
}

/// What a strike is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StrikeKind {
    /// Somebody marked a mail as spam.
    Complaint,
    /// An address does not exist, or refuses us for good.
    HardBounce,
}

/// A pause of all mail to leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Why.
    pub cause: PauseCause,
    /// Since when.
    pub at: Timestamp,
    /// Mails in the sample at that time.
    pub mails: u64,
    /// Complaints in it.
    pub complaints: u64,
    /// Hard bounces in it.
    pub bounces: u64,
    /// An operator's reason; empty where it paused by itself.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// Why mail is paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PauseCause {
    /// Too many complaints.
    Complaints,
    /// Too many hard bounces.
    Bounces,
    /// Somebody said so.
    Operator,
}

impl Pause {
    /// Why, in words that begin a sentence.
    pub fn words(&self) -> String {
        let of = |n: u64, one: &str, many: &str| {
            let things = if n == 1 { one } else { many };
            format!("{n} {things} in the last {} mails", self.mails)
        };
        match self.cause {
            PauseCause::Complaints => of(self.complaints, "complaint", "complaints"),
            PauseCause::Bounces => of(
                self.bounces,
                "address that does not exist",
                "addresses that do not exist",
            ),
            PauseCause::Operator => format!("paused by hand: {}", self.reason),
        }
    }
}

/// Whether a mail to a lead may be claimed now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// It may, once it has a slot.
    Open,
    /// Lead mails are paused.
    Paused,
    /// The quota is used up, or the mail service said that it takes no more.
    Full,
}

impl Sending {
    /// Mails in the sample, never more than [`SAMPLE`].
    pub const fn sample(&self) -> u64 {
        let sent = self.total.saturating_sub(self.since);
        if sent < SAMPLE { sent } else { SAMPLE }
    }

    /// Strikes of this kind among the last [`SAMPLE`] mails and since the last lift.
    pub fn strikes_of(&self, kind: StrikeKind) -> u64 {
        let oldest = self.total.saturating_sub(SAMPLE);
        let counted = |s: &&Strike| s.kind == kind && s.n >= oldest && s.n >= self.since;
        u64::try_from(self.strikes.iter().filter(counted).count()).unwrap_or(u64::MAX)
    }

    /// Whether lead mails should pause by the figures, and over what.
    pub fn verdict(&self) -> Option<PauseCause> {
        let mails = self.sample();
        let over = |kind, in_10_000: u64, fewest: u64| {
            let n = self.strikes_of(kind);
            let enough = n >= fewest || (mails >= SAMPLE && n > 0);
            // Words may come before the count of the mail they speak of: a sample of none is one of what they speak of.
            enough && n * 10_000 >= in_10_000 * mails
        };
        if over(
            StrikeKind::Complaint,
            COMPLAINTS_IN_10_000,
            FEWEST_COMPLAINTS,
        ) {
            Some(PauseCause::Complaints)
        } else if over(StrikeKind::HardBounce, BOUNCES_IN_10_000, FEWEST_BOUNCES) {
            Some(PauseCause::Bounces)
        } else {
            None
        }
    }

    /// After one more strike, heard now; paused where that tips it.
    #[must_use]
    pub fn struck(&self, kind: StrikeKind, now: Timestamp, write_id: String) -> Self {
        let mut next = self.written(write_id);
        let oldest = next.total.saturating_sub(SAMPLE).max(next.since);
        next.strikes.retain(|s| s.n >= oldest);
        next.strikes.push(Strike {
            kind,
            n: next.total,
        });
        let too_many = next.strikes.len().saturating_sub(MOST_STRIKES);
        next.strikes.drain(..too_many);
        if next.pause.is_none()
            && let Some(cause) = next.verdict()
        {
            next.pause = Some(next.paused_for(cause, String::new(), now));
        }
        next
    }

    /// Paused by an operator.
    #[must_use]
    pub fn paused(&self, reason: &str, now: Timestamp, write_id: String) -> Self {
        let mut next = self.written(write_id);
        next.pause = Some(next.paused_for(PauseCause::Operator, reason.to_owned(), now));
        next
    }

    /// Lifted: mails go out again, and the sample begins anew.
    #[must_use]
    pub fn lifted(&self, write_id: String) -> Self {
        let mut next = self.written(write_id);
        next.pause = None;
        next.since = next.total;
        next.strikes.clear();
        next
    }

    /// Whether a mail may be claimed now, with `uncounted` mails that the record does not know of yet.
    pub fn gate(&self, limits: Limits, uncounted: u32, now: Timestamp) -> Gate {
        if self.pause.is_some() {
            return Gate::Paused;
        }
        let used = self.used(now) + u64::from(uncounted);
        let full = limits.quota_for_leads().is_some_and(|most| used >= most);
        if full || self.closed_until.is_some_and(|until| now < until) {
            return Gate::Full;
        }
        Gate::Open
    }

    /// Mails of the last 24 hours, and of the hour that these began in.
    pub fn used(&self, now: Timestamp) -> u64 {
        let oldest = hour(now) - QUOTA_HOURS;
        let kept = self.hours.range(oldest..);
        kept.map(|(_, n)| u64::from(*n)).sum()
    }

    /// With `mails` more that were given to the mail service.
    #[must_use]
    pub fn counted(&self, mails: u32, limits: Limits, now: Timestamp, write_id: String) -> Self {
        let mut next = self.written(write_id);
        let this = hour(now);
        next.total += u64::from(mails);
        next.hours.retain(|h, _| *h >= this - QUOTA_HOURS);
        let count = next.hours.entry(this).or_default();
        *count = count.saturating_add(mails);
        if limits.is_nearly_used(next.used(now)) && !next.warned_lately(now) {
            next.warned_at = Some(now);
        }
        next
    }

    /// With the word of the mail service that it takes no more for now.
    #[must_use]
    pub fn closed(&self, now: Timestamp, write_id: String) -> Self {
        let mut next = self.written(write_id);
        next.closed_until = Some(now.plus_ms(CLOSED_MS));
        next
    }

    fn warned_lately(&self, now: Timestamp) -> bool {
        self.warned_at
            .is_some_and(|at| now.since(at) < QUOTA_HOURS * HOUR_MS)
    }

    fn paused_for(&self, cause: PauseCause, reason: String, now: Timestamp) -> Pause {
        Pause {
            cause,
            at: now,
            mails: self.sample(),
            complaints: self.strikes_of(StrikeKind::Complaint),
            bounces: self.strikes_of(StrikeKind::HardBounce),
            reason,
        }
    }

    fn written(&self, write_id: String) -> Self {
        Self {
            version: self.version + 1,
            write_id,
            v: SENDING_V,
            ..self.clone()
        }
    }
}

const fn hour(at: Timestamp) -> i64 {
    at.0.div_euclid(HOUR_MS)
}

#[cfg(test)]
mod tests;
