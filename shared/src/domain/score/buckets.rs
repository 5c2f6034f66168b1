//! What one rule matched, by UTC day, and the points it gives for that under its caps and its fading.
//!
//! Caps limit points as they were earned, and the newest keep theirs first; fading comes after. So a cap never makes a lead keep old
//! points in place of fresh ones, one more match never lowers a score, and no order of arrival matters.

use super::decay::{Decay, WHOLE};
use super::model::Rule;

/// A single rule is held far from the ends of `i32` so that no number of rules overflows a total.
pub(super) const MOST_POINTS: i64 = 1_000_000;

/// Matches of a rule by UTC day, oldest day first.
#[derive(Clone, Debug, Default)]
pub(super) struct Days(Vec<(i64, u32)>);

/// Points of a rule at some moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Given {
    /// How often it matched.
    pub count: u32,
    /// Points without caps and fading.
    pub earned: i64,
    /// Points under the caps, before fading.
    pub kept: i64,
    /// Whole points after fading, rounded to the nearest.
    pub points: i32,
}

impl Days {
    /// Notes a match; days come in order of time.
    pub fn add(&mut self, day: i64) {
        match self.0.last_mut() {
            Some((last, count)) if *last == day => *count = count.saturating_add(1),
            _ => self.0.push((day, 1)),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The latest day with a match.
    pub fn latest(&self) -> Option<i64> {
        self.0.last().map(|(day, _)| *day)
    }

    pub fn count(&self) -> u32 {
        self.0.iter().fold(0, |sum, (_, n)| sum.saturating_add(*n))
    }

    /// The latest day on which the number was full: at least `at_least` matches so far, or within `within` days in a row.
    pub fn reached(&self, at_least: u32, within: Option<u32>) -> Option<i64> {
        let Some(within) = within else {
            return self.latest().filter(|_| self.count() >= at_least);
        };
        let (mut from, mut sum, mut latest) = (0, 0_u32, None);
        for (day, n) in &self.0 {
            sum = sum.saturating_add(*n);
            while self.0[from].0 <= day - i64::from(within) {
                sum = sum.saturating_sub(self.0[from].1);
                from += 1;
            }
            if sum >= at_least {
                latest = Some(*day);
            }
        }
        latest
    }

    /// The points of `rule` on `today` for these matches.
    pub fn give(&self, rule: &Rule, decay: Option<Decay>, today: i64) -> Given {
        let each = i64::from(rule.points.unsigned_abs());
        let sign = i64::from(rule.points.signum());
        let least = |a: Option<i64>, b: i64| a.map_or(b, |a| a.min(b));
        let mut in_all = rule.cap.map(i64::from);
        if rule.once {
            in_all = Some(least(in_all, each));
        }
        let per_day = rule.cap_per_day.map(i64::from);
        let mut window: Option<Window> = rule.cap_per_window.map(|cap| Window {
            most: cap.points.into(),
            days: cap.days.into(),
            given: Vec::new(),
        });
        let mut given = Given::default();
        let mut micro: i64 = 0;
        for (day, count) in self.0.iter().rev() {
            let earned = each.saturating_mul((*count).into());
            let mut keeps = least(in_all, least(per_day, earned)).min(MOST_POINTS);
            if let Some(window) = &mut window {
                keeps = window.keep(*day, keeps);
            }
            in_all = in_all.map(|rest| rest - keeps);
            given.count = given.count.saturating_add(*count);
            given.earned = given.earned.saturating_add(earned);
            given.kept = given.kept.saturating_add(keeps);
            let left = decay.map_or(WHOLE, |d| d.left_after(today - day));
            micro = micro.saturating_add(keeps * i64::from(left));
        }
        given.earned *= sign;
        given.kept = given.kept.min(MOST_POINTS) * sign;
        // To the nearest: never over what was kept, which is whole already.
        let half = i64::from(WHOLE / 2);
        let whole = (micro.saturating_add(half) / i64::from(WHOLE)).min(MOST_POINTS) * sign;
        given.points = i32::try_from(whole).unwrap_or_default();
        given
    }
}

/// A cap over days in a row, met from the newest day to the oldest.
struct Window {
    most: i64,
    days: i64,
    /// (day, points) given so far, newest first.
    given: Vec<(i64, i64)>,
}

impl Window {
    fn keep(&mut self, day: i64, wanted: i64) -> i64 {
        let taken: i64 = self
            .given
            .iter()
            .rev()
            .take_while(|(d, _)| *d < day + self.days)
            .map(|(_, points)| points)
            .sum();
        let keeps = wanted.min(self.most - taken).max(0);
        self.given.push((day, keeps));
        keeps
    }
}

/// A rule that matches once, by something known since `day`.
pub(super) fn once(rule: &Rule, decay: Option<Decay>, day: i64, today: i64) -> Given {
    let mut days = Days::default();
    days.add(day);
    days.give(rule, decay, today)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::score::model::{Dimension, WindowCap};
    use crate::domain::score::predicate::{Predicate, TouchMatch};

    fn rule(points: i32) -> Rule {
        let when = Predicate::Touchpoint(TouchMatch::of("link_clicked"));
        Rule::new("r", Dimension::Engagement, when, points)
    }

    fn days(of: &[i64]) -> Days {
        let mut days = Days::default();
        for day in of {
            days.add(*day);
        }
        days
    }

    #[test]
    fn a_cap_keeps_the_newest_points() {
        let capped = Rule {
            cap: Some(15),
            ..rule(10)
        };
        let decay = Some(Decay::HalfLife { days: 10 });
        // The newest match is worth all of its ten points, the older one half of the five that are left.
        let given = days(&[0, 10]).give(&capped, decay, 10);
        assert_eq!(
            (given.count, given.earned, given.kept, given.points),
            (2, 20, 15, 13)
        );
    }

    #[test]
    fn a_window_holds_whatever_days_it_is_laid_over() {
        let windowed = Rule {
            cap_per_window: Some(WindowCap {
                points: 10,
                days: 7,
            }),
            ..rule(10)
        };
        for (matches, expected) in [
            (vec![0, 6], 10),
            (vec![0, 7], 20),
            (vec![0, 6, 12], 20),
            (vec![0, 1, 2, 3, 7, 14], 30),
        ] {
            assert_eq!(
                days(&matches).give(&windowed, None, 20).points,
                expected,
                "{matches:?}"
            );
        }
    }

    #[test]
    fn once_is_the_latest_match_and_negative_points_have_caps_too() {
        let once = Rule {
            once: true,
            ..rule(-8)
        };
        assert_eq!(days(&[0, 0, 3]).give(&once, None, 3).points, -8);
        let daily = Rule {
            cap_per_day: Some(10),
            cap: Some(15),
            ..rule(-8)
        };
        assert_eq!(days(&[0, 0, 3]).give(&daily, None, 3).points, -15);
    }

    #[test]
    fn a_number_is_full_since_the_latest_day_on_which_enough_had_happened() {
        assert_eq!(days(&[1, 2, 9, 9, 9]).reached(3, Some(7)), Some(9));
        assert_eq!(days(&[1, 2, 7]).reached(3, Some(7)), Some(7));
        assert_eq!(days(&[1, 2, 8]).reached(3, Some(7)), None);
        assert_eq!(days(&[1, 2, 80]).reached(3, None), Some(80));
        assert_eq!(days(&[1, 2]).reached(3, None), None);
    }
}
