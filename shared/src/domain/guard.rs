//! The guard: one record per lead that says whether mail may go out at all.
//!
//! Written in the transaction of the fact that changes it (by `links` and `feedback`), read in the transaction that claims a mail (by
//! `deliver`), so a stalled stream can never mail someone who has left.

use serde::{Deserialize, Serialize};

use super::erasure::EraseReason;
use super::time::{Day, Timestamp};

/// Whether mail may go to a lead.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guard {
    /// Counts changes, so that a claim can insist on the guard it decided from.
    #[serde(default)]
    pub version: u64,
    /// Set where no mail may go out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppressed: Option<Suppression>,
    /// Purposes withdrawn one by one.
    #[serde(default)]
    pub withdrawn: Vec<String>,
    /// When a human click last proved that the address is theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed_at: Option<Timestamp>,
    /// When the lead was erased: facts, tokens and events dated before are dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased_at: Option<Timestamp>,
    /// Whether an erasure has begun and is not finished.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub erasing: bool,
    /// Why it was erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased_because: Option<EraseReason>,
    /// Distinct days on which a mail bounced for the time being, oldest first, of the last [`SOFT_BOUNCE_MEMORY_DAYS`].
    #[serde(default)]
    pub soft_bounce_days: Vec<i64>,
}

/// Why no mail may go out, and since when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suppression {
    /// Why.
    pub reason: SuppressionReason,
    /// Since when.
    pub at: Timestamp,
}

/// Why no mail may go out. The order is the strength: a stronger reason replaces a weaker one, never the other way round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SuppressionReason {
    /// The person asked to get no more mail. Lifted only by a later confirmed opt-in.
    Unsubscribed,
    /// The address does not exist. Lifted only by an operator.
    HardBounce,
    /// The person reported a mail as spam. Lifted only by an operator.
    Complaint,
}

impl SuppressionReason {
    /// The word used in reasons and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unsubscribed => "unsubscribed",
            Self::HardBounce => "hard_bounce",
            Self::Complaint => "complaint",
        }
    }
}

/// Soft bounces on this many distinct days within [`SOFT_BOUNCE_WINDOW_DAYS`] count as a hard one.
pub const SOFT_BOUNCE_DAYS: usize = 3;
/// See [`SOFT_BOUNCE_DAYS`].
pub const SOFT_BOUNCE_WINDOW_DAYS: i64 = 14;
/// How long such a day is remembered. Events come up to weeks late and in any order: three days within the window must be found
/// whichever of them is told last.
pub const SOFT_BOUNCE_MEMORY_DAYS: i64 = 45;

impl Guard {
    /// The guard after a suppression. A stronger reason stays; of two equal ones the later counts, so that an opt-in from between
    /// them lifts nothing.
    #[must_use]
    pub fn suppress(mut self, reason: SuppressionReason, at: Timestamp) -> Self {
        let stays = |s: &Suppression| (s.reason, s.at) >= (reason, at);
        if !self.suppressed.as_ref().is_some_and(stays) {
            self.suppressed = Some(Suppression { reason, at });
        }
        self
    }

    /// The guard of a lead that is being erased: why no mail may go out stays, everything else about the person goes.
    #[must_use]
    pub fn erase(self, at: Timestamp, because: EraseReason) -> Self {
        Self {
            version: self.version,
            suppressed: self.suppressed,
            withdrawn: Vec::new(),
            confirmed_at: None,
            erased_at: Some(at),
            erasing: true,
            erased_because: Some(because),
            soft_bounce_days: Vec::new(),
        }
    }

    /// Whether what is dated `at` is of a life that was erased.
    pub fn has_erased(&self, at: Timestamp) -> bool {
        self.erased_at.is_some_and(|erased| at <= erased)
    }

    /// Why nothing may be mailed that the person did not just ask for, or none. Whoever was erased has to prove the address anew, so
    /// that their coming back in a file, or by another's hand, mails nothing.
    pub fn bars_marketing(&self) -> Option<&'static str> {
        match (&self.suppressed, self.erased_at, self.confirmed_at) {
            (Some(suppression), _, _) => Some(suppression.reason.name()),
            (None, Some(_), None) => Some("erased"),
            (None, _, _) => None,
        }
    }

    /// The guard after a human click proved the address. With `opted_in`, a suppression by unsubscribe from before `at` is lifted;
    /// stronger ones stay.
    #[must_use]
    pub fn confirm(mut self, at: Timestamp, opted_in: &[String]) -> Self {
        self.confirmed_at = self.confirmed_at.max(Some(at));
        if !opted_in.is_empty() {
            let lifts = |s: &Suppression| s.reason == SuppressionReason::Unsubscribed && s.at < at;
            if self.suppressed.as_ref().is_some_and(lifts) {
                self.suppressed = None;
            }
            self.withdrawn.retain(|purpose| !opted_in.contains(purpose));
        }
        self
    }

    /// Since when no mail may go out because the person asked for that; a person who asked again later may come back by a click.
    pub fn left_at(&self) -> Option<Timestamp> {
        let left = self.suppressed.as_ref();
        left.filter(|s| s.reason == SuppressionReason::Unsubscribed)
            .map(|s| s.at)
    }

    /// The guard after somebody who had left asked for mail again and pressed the button that says so.
    #[must_use]
    pub fn come_back(mut self, at: Timestamp) -> Self {
        if self.left_at().is_some_and(|left| left < at) {
            self.suppressed = None;
        }
        self
    }

    /// The guard after a purpose was taken back, alone.
    #[must_use]
    pub fn withdraw(mut self, purpose: &str) -> Self {
        if !self.withdrawn.iter().any(|p| p == purpose) {
            self.withdrawn.push(purpose.to_owned());
        }
        self
    }

    /// The guard after a transient bounce: three distinct days within two weeks suppress, in whatever order they are told.
    #[must_use]
    pub fn soft_bounce(mut self, at: Timestamp) -> Self {
        let day = at.day().0;
        if self.soft_bounce_days.contains(&day) {
            return self;
        }
        self.soft_bounce_days.push(day);
        self.soft_bounce_days.sort_unstable();
        let latest = self.soft_bounce_days.last().copied().unwrap_or(day);
        self.soft_bounce_days
            .retain(|d| latest - d < SOFT_BOUNCE_MEMORY_DAYS);
        // The last day of the window, not of the telling: the same events in another order give the same guard.
        let full = self
            .soft_bounce_days
            .windows(SOFT_BOUNCE_DAYS)
            .rfind(|w| w[SOFT_BOUNCE_DAYS - 1] - w[0] < SOFT_BOUNCE_WINDOW_DAYS)
            .map(|w| Day(w[SOFT_BOUNCE_DAYS - 1]).start());
        match full {
            Some(since) => self.suppress(SuppressionReason::HardBounce, since),
            None => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp(1_772_366_400_000);

    #[test]
    fn leaving_is_absorbing_a_confirmed_opt_in_lifts_only_an_earlier_unsubscribe() {
        let opt_in = [String::from("newsletter")];
        let left = Guard::default().suppress(SuppressionReason::Unsubscribed, NOON);
        assert_eq!(
            left.clone().confirm(NOON.plus_minutes(1), &[]).suppressed,
            left.suppressed
        );
        assert_eq!(
            left.clone()
                .confirm(NOON.plus_minutes(-1), &opt_in)
                .suppressed,
            left.suppressed
        );
        assert_eq!(left.confirm(NOON.plus_minutes(1), &opt_in).suppressed, None);

        let complained = Guard::default().suppress(SuppressionReason::Complaint, NOON);
        assert_eq!(
            complained
                .clone()
                .confirm(NOON.plus_days(9), &opt_in)
                .suppressed,
            complained.suppressed
        );
        assert_eq!(
            complained
                .clone()
                .suppress(SuppressionReason::Unsubscribed, NOON.plus_days(1))
                .suppressed,
            complained.suppressed
        );
    }

    #[test]
    fn ses_4_soft_bounces_on_three_days_within_two_weeks_suppress() {
        let twice_a_day = Guard::default()
            .soft_bounce(NOON)
            .soft_bounce(NOON.plus_minutes(5))
            .soft_bounce(NOON.plus_days(1));
        assert_eq!(twice_a_day.suppressed, None);
        assert!(
            twice_a_day
                .clone()
                .soft_bounce(NOON.plus_days(13))
                .suppressed
                .is_some()
        );
        assert_eq!(twice_a_day.soft_bounce(NOON.plus_days(14)).suppressed, None);
    }

    #[test]
    fn ses_4_bounces_told_in_another_order_give_the_same_guard() {
        let days = [0_i64, 5, 30, 9, 31, 2];
        let told = |order: &[i64]| {
            order.iter().fold(Guard::default(), |guard, day| {
                guard.soft_bounce(NOON.plus_days(*day))
            })
        };
        let mut order = days;
        let first = told(&order);
        assert!(first.suppressed.is_some());
        for step in 0..days.len() {
            order.rotate_left(1);
            order.swap(0, step);
            assert_eq!(told(&order), first, "{order:?}");
        }
    }

    #[test]
    fn an_unsubscribe_after_an_opt_in_stands_though_the_opt_in_is_heard_last() {
        let opt_in = [String::from("newsletter")];
        let twice = Guard::default()
            .suppress(SuppressionReason::Unsubscribed, NOON)
            .suppress(SuppressionReason::Unsubscribed, NOON.plus_days(2));
        assert!(
            twice
                .confirm(NOON.plus_days(1), &opt_in)
                .suppressed
                .is_some()
        );
    }
}
