//! Slots in time: how mails keep under a rate, however many send at once, and how long a refused one waits.
//!
//! A sender leases a few slots with one conditional write, so a write is paid for a quarter of a second of mails and not for each. Leases
//! follow each other without a gap or an overlap: two senders together keep the rate that one would. A slot is good for a tenth of a
//! second; what is not used then is lost, so nothing that was saved up can go out at once.

use super::{Sending, Timestamp};

/// How much of the account's rate mails to leads take, in tenths; the rest is for alerts.
const SHARE_IN_TENTHS: i64 = 9;
/// How much of the account's quota mails to leads take, in hundredths.
const QUOTA_SHARE: u64 = 98;
/// Four fifths of a quota are worth a word.
const WARN_AT: u64 = 80;
/// How much time one lease covers.
const LEASE_US: i64 = 250_000;
/// How long a slot is good for.
const GOOD_FOR_US: i64 = 100_000;
/// Shortest wait after a refusal.
const SHORTEST_MS: i64 = 1_000;
/// Longest wait after a refusal.
const LONGEST_MS: i64 = 600_000;

/// What the account may send, alerts included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Mails in a second; 0 = no limit of ours.
    pub rate: u32,
    /// Mails in 24 hours; 0 = no limit of ours.
    pub quota: u32,
}

impl Limits {
    /// Mails to leads in 24 hours, where there is a limit.
    pub fn quota_for_leads(self) -> Option<u64> {
        (self.quota > 0).then(|| (u64::from(self.quota) * QUOTA_SHARE / 100).max(1))
    }

    /// Whether four fifths of the quota are used.
    pub fn is_nearly_used(self, used: u64) -> bool {
        self.quota > 0 && used * 100 >= u64::from(self.quota) * WARN_AT
    }

    /// Microseconds from one mail to a lead to the next; 0 = no limit.
    pub fn interval_us(self) -> i64 {
        if self.rate == 0 {
            return 0;
        }
        // Rounded up: a little slower, never faster.
        div_up(10_000_000, SHARE_IN_TENTHS * i64::from(self.rate))
    }
}

/// `n / by`, rounded up; both are not negative.
const fn div_up(n: i64, by: i64) -> i64 {
    (n + by - 1) / by
}

/// A few slots that belong to one sender.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lease {
    next_us: i64,
    interval_us: i64,
    left: u32,
}

impl Lease {
    /// Milliseconds until the next slot that is still good, 0 = now; none where all are gone.
    pub fn wait_ms(&mut self, now: Timestamp) -> Option<i64> {
        let now_us = now.0.saturating_mul(1_000);
        while self.left > 0 && self.next_us + GOOD_FOR_US < now_us {
            self.pass();
        }
        (self.left > 0).then(|| div_up((self.next_us - now_us).max(0), 1_000))
    }

    /// The slot that was waited for is used.
    pub const fn pass(&mut self) {
        self.next_us += self.interval_us;
        self.left = self.left.saturating_sub(1);
    }
}

impl Sending {
    /// The record with the next slots given away, and these. `uncounted` mails are counted with the same write.
    #[must_use]
    pub fn lease(
        &self,
        uncounted: u32,
        limits: Limits,
        now: Timestamp,
        write_id: String,
    ) -> (Self, Lease) {
        let interval_us = limits.interval_us().max(1);
        let slots = (LEASE_US / interval_us).max(1);
        let from = self.free_at_us.max(now.0.saturating_mul(1_000));
        let mut next = self.counted(uncounted, limits, now, write_id);
        next.free_at_us = from + slots * interval_us;
        let lease = Lease {
            next_us: from,
            interval_us,
            left: u32::try_from(slots).unwrap_or(u32::MAX),
        };
        (next, lease)
    }
}

/// How long a mail waits that was refused for now for the `refusals`-th time, from 0: at least a second, at most ten minutes, anywhere
/// below a bound that doubles ("full jitter": those who were refused together do not come back together).
pub fn backoff_ms(refusals: u32, entropy: u64) -> i64 {
    let bound = (SHORTEST_MS << refusals.saturating_add(1).min(16)).min(LONGEST_MS);
    let room = u64::try_from(bound - SHORTEST_MS).unwrap_or_default() + 1;
    SHORTEST_MS + i64::try_from(entropy % room).unwrap_or_default()
}
