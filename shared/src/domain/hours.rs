//! Working hours: when somebody is at work, and what "within four hours" means on a Friday afternoon.
//!
//! Minutes of working time are minutes that pass while somebody is at work, on the clock of their own time zone. A day on which clocks
//! change has its hours all the same: nine o'clock is nine o'clock. The rules of the zone travel with the calendar, because a function
//! has no zone database.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::time::{MINUTE_MS, Timestamp};

/// Minutes in a day.
pub const DAY_MINUTES: u16 = 24 * 60;
/// Days looked ahead for working time; a calendar without any in a year has none.
const LOOK_AHEAD: usize = 400;

/// When somebody is at work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Calendar {
    /// IANA name of the time zone, as people know it.
    pub zone: String,
    /// The zone's rules: a `TZif` file, base64.
    pub rules: String,
    /// Working hours from Monday to Sunday, in order, none overlapping.
    pub week: [Vec<Span>; 7],
    /// Days off, as `2026-12-25`, sorted.
    pub days_off: Vec<String>,
}

/// Hours of one day, in minutes since midnight: from `from` until just before `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// First minute.
    pub from: u16,
    /// First minute after; at most [`DAY_MINUTES`].
    pub to: u16,
}

impl Calendar {
    /// The zone with its rules; UTC where the rules cannot be read, which the checker has ruled out.
    fn zone(&self) -> TimeZone {
        STANDARD
            .decode(&self.rules)
            .ok()
            .and_then(|data| TimeZone::tzif(&self.zone, &data).ok())
            .unwrap_or(TimeZone::UTC)
    }

    /// Whether somebody is at work at this instant.
    pub fn is_working(&self, at: Timestamp) -> bool {
        self.spans_from(at)
            .next()
            .is_some_and(|(from, to)| from <= at && at < to)
    }

    /// Whether the day of this instant is a day off, such as a holiday; a weekend is none.
    pub fn is_day_off(&self, at: Timestamp) -> bool {
        date_of(at, &self.zone()).is_some_and(|date| self.has_off(date))
    }

    /// The instant itself where somebody is at work then, else the next time work begins. The instant itself where it never does.
    pub fn next_working(&self, at: Timestamp) -> Timestamp {
        self.spans_from(at)
            .next()
            .map_or(at, |(from, _)| from.max(at))
    }

    /// When work begins on the day that is `days` after the day of `at`, or on the next day of work.
    pub fn morning_after(&self, at: Timestamp, days: i64) -> Timestamp {
        let zone = self.zone();
        let midnight = date_of(at, &zone)
            .and_then(|date| date.checked_add(jiff::Span::new().days(days)).ok())
            .and_then(|date| instant(date, 0, &zone));
        midnight.map_or(at.plus_days(days), |m| self.next_working(m))
    }

    /// The instant by which this many minutes of working time have passed since `start`. Without any working time, plain minutes.
    pub fn plus_working(&self, start: Timestamp, minutes: i64) -> Timestamp {
        let mut left = minutes.max(0).saturating_mul(MINUTE_MS);
        for (from, to) in self.spans_from(start) {
            let from = from.max(start);
            let here = to.since(from);
            if left <= here {
                return from.plus_ms(left);
            }
            left -= here;
        }
        start.plus_minutes(minutes)
    }

    /// Milliseconds of working time between two instants; nothing where `end` is not after `start`.
    pub fn working_between(&self, start: Timestamp, end: Timestamp) -> i64 {
        self.spans_from(start)
            .take_while(|(from, _)| *from < end)
            .map(|(from, to)| to.min(end).since(from.max(start)))
            .sum()
    }

    /// `1 March 2026, 10:30` on the clock of the zone.
    pub fn people_time(&self, at: Timestamp) -> String {
        jiff::Timestamp::from_millisecond(at.0)
            .map(|t| {
                t.to_zoned(self.zone())
                    .strftime("%A %-d %B, %H:%M")
                    .to_string()
            })
            .unwrap_or_default()
    }

    /// Stretches of work that end after `start`, in order.
    fn spans_from(&self, start: Timestamp) -> impl Iterator<Item = (Timestamp, Timestamp)> {
        let zone = self.zone();
        let first = date_of(start, &zone);
        let days = first.into_iter().flat_map(|date| {
            // From the day before: where clocks change at midnight, its last stretch may reach into this one.
            let date = date.yesterday().unwrap_or(date);
            date.series(jiff::Span::new().days(1)).take(LOOK_AHEAD)
        });
        days.flat_map(move |date| {
            let zone = zone.clone();
            self.hours_of(date)
                .iter()
                .filter_map(move |span| {
                    let from = instant(date, span.from, &zone)?;
                    let to = instant(date, span.to, &zone)?;
                    (from < to && start < to).then_some((from, to))
                })
                .collect::<Vec<_>>()
        })
    }

    fn has_off(&self, date: Date) -> bool {
        self.days_off.binary_search(&date.to_string()).is_ok()
    }

    fn hours_of(&self, date: Date) -> &[Span] {
        let day = usize::try_from(date.weekday().since(Weekday::Monday)).unwrap_or_default();
        match self.week.get(day) {
            Some(spans) if !self.has_off(date) => spans,
            _ => &[],
        }
    }
}

fn date_of(at: Timestamp, zone: &TimeZone) -> Option<Date> {
    let instant = jiff::Timestamp::from_millisecond(at.0).ok()?;
    Some(instant.to_zoned(zone.clone()).date())
}

/// A minute of a day as an instant. A time that clocks skip is the same length after midnight; one that comes twice is the first.
fn instant(date: Date, minute: u16, zone: &TimeZone) -> Option<Timestamp> {
    let (date, minute) = if minute >= DAY_MINUTES {
        (date.tomorrow().ok()?, 0)
    } else {
        (date, minute)
    };
    let hour = i8::try_from(minute / 60).ok()?;
    let time = Time::new(hour, i8::try_from(minute % 60).ok()?, 0, 0).ok()?;
    let zoned = date.to_datetime(time).to_zoned(zone.clone()).ok()?;
    Some(Timestamp(zoned.timestamp().as_millisecond()))
}

#[cfg(test)]
mod tests;
