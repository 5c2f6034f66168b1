//! Schedule expressions: `rate(5 minutes)` and `cron(0 3 * * ? *)`, in UTC.
//!
//! Knows when a schedule is due and nothing of what it starts. Rates are counted from the epoch, so that a restart does not move
//! them.

use std::str::FromStr;

use jiff::civil::Weekday;
use jiff::tz::TimeZone;

/// A parsed schedule expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Schedule {
    /// Every so many seconds.
    Rate {
        /// Seconds from one time to the next.
        seconds: i64,
    },
    /// At these minutes of these hours of these days.
    Cron(Box<Cron>),
}

/// The six fields of a cron expression as sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron {
    minutes: Vec<i16>,
    hours: Vec<i16>,
    days: Vec<i16>,
    months: Vec<i16>,
    /// Sunday is 1.
    weekdays: Vec<i16>,
    years: Vec<i16>,
}

/// Milliseconds in a minute.
const MINUTE: i64 = 60_000;

impl Schedule {
    /// The first time after `after` (both UTC milliseconds); `None` where no year is left.
    pub fn next_after(&self, after: i64) -> Option<i64> {
        match self {
            Self::Rate { seconds } => {
                let step = seconds * 1_000;
                Some((after.div_euclid(step) + 1) * step)
            }
            Self::Cron(cron) => cron.next_after(after),
        }
    }

    /// How long one period is, where the schedule has one.
    pub fn period(&self) -> Option<i64> {
        match self {
            Self::Rate { seconds } => Some(seconds * 1_000),
            Self::Cron(_) => None,
        }
    }
}

impl Cron {
    fn next_after(&self, after: i64) -> Option<i64> {
        let mut at = (after.div_euclid(MINUTE) + 1) * MINUTE;
        // Steps over whole days and hours that cannot match, so a yearly schedule takes some hundred steps.
        loop {
            let now = jiff::Timestamp::from_millisecond(at)
                .ok()?
                .to_zoned(TimeZone::UTC);
            if now.year() > *self.years.last()? {
                return None;
            }
            let day = self.years.contains(&now.year())
                && self.months.contains(&i16::from(now.month()))
                && self.days.contains(&i16::from(now.day()))
                && self.weekdays.contains(&weekday(now.weekday()));
            if !day {
                at = (at.div_euclid(24 * 60 * MINUTE) + 1) * 24 * 60 * MINUTE;
            } else if !self.hours.contains(&i16::from(now.hour())) {
                at = (at.div_euclid(60 * MINUTE) + 1) * 60 * MINUTE;
            } else if !self.minutes.contains(&i16::from(now.minute())) {
                at += MINUTE;
            } else {
                return Some(at);
            }
        }
    }
}

fn weekday(day: Weekday) -> i16 {
    i16::from(day.to_sunday_one_offset())
}

impl FromStr for Schedule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let inner = |name: &str| {
            text.trim()
                .strip_prefix(name)?
                .strip_prefix('(')?
                .strip_suffix(')')
        };
        if let Some(rate) = inner("rate") {
            return parse_rate(rate)
                .ok_or_else(|| format!("`rate({rate})` is not a number and a unit"));
        }
        if let Some(cron) = inner("cron") {
            return parse_cron(cron).map(|cron| Self::Cron(Box::new(cron)));
        }
        Err(format!("`{text}` is neither rate(...) nor cron(...)"))
    }
}

fn parse_rate(text: &str) -> Option<Schedule> {
    let (count, unit) = text.trim().split_once(' ')?;
    let count: i64 = count.parse().ok().filter(|count| *count > 0)?;
    // One of a thing and more of it are spelled apart, and Lambda refuses the other spelling.
    let seconds = match (unit.trim(), count) {
        ("minute", 1) => 60,
        ("minutes", 2..) => 60,
        ("hour", 1) => 3_600,
        ("hours", 2..) => 3_600,
        ("day", 1) => 86_400,
        ("days", 2..) => 86_400,
        _ => return None,
    };
    count
        .checked_mul(seconds)
        .map(|seconds| Schedule::Rate { seconds })
}

const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

fn parse_cron(text: &str) -> Result<Cron, String> {
    let fields: Vec<&str> = text.split_whitespace().collect();
    let &[minutes, hours, days, months, weekdays, years] = fields.as_slice() else {
        return Err(format!(
            "`cron({text})` has {} fields and not 6",
            fields.len()
        ));
    };
    if (days == "?") == (weekdays == "?") {
        return Err(format!(
            "`cron({text})`: exactly one of day and weekday has to be `?`"
        ));
    }
    let set = |field: &str, low: i16, high: i16, names: &[&str]| {
        parse_set(field, low, high, names).ok_or_else(|| format!("`{field}` in `cron({text})`"))
    };
    Ok(Cron {
        minutes: set(minutes, 0, 59, &[])?,
        hours: set(hours, 0, 23, &[])?,
        days: set(days, 1, 31, &[])?,
        months: set(months, 1, 12, &MONTHS)?,
        weekdays: set(weekdays, 1, 7, &WEEKDAYS)?,
        years: set(years, 1970, 2199, &[])?,
    })
}

/// `*`, `?`, `5`, `1-5`, `*/15`, `10/5`, and lists of those. `L`, `W` and `#` are refused.
fn parse_set(field: &str, low: i16, high: i16, names: &[&str]) -> Option<Vec<i16>> {
    let read = |text: &str| -> Option<i16> {
        let by_name = names
            .iter()
            .position(|name| name.eq_ignore_ascii_case(text))
            .and_then(|at| i16::try_from(at).ok());
        by_name
            .map(|at| at + low)
            .or_else(|| text.parse().ok())
            .filter(|value| (low..=high).contains(value))
    };
    let mut set = Vec::new();
    for part in field.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, step.parse::<usize>().ok().filter(|step| *step > 0)?),
            None => (part, 1),
        };
        let (from, to) = match range {
            "*" | "?" => (low, high),
            _ => match range.split_once('-') {
                Some((from, to)) => (read(from)?, read(to)?),
                None if part.contains('/') => (read(range)?, high),
                None => (read(range)?, read(range)?),
            },
        };
        set.extend((from..=to).step_by(step));
    }
    set.sort_unstable();
    set.dedup();
    (!set.is_empty()).then_some(set)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(expression: &str, after: &str) -> String {
        let after: jiff::Timestamp = after.parse().unwrap();
        let schedule: Schedule = expression.parse().unwrap();
        jiff::Timestamp::from_millisecond(schedule.next_after(after.as_millisecond()).unwrap())
            .unwrap()
            .to_string()
    }

    #[test]
    fn a_rate_is_counted_from_the_epoch() {
        assert_eq!(
            next("rate(1 minute)", "2026-03-01T10:00:00Z"),
            "2026-03-01T10:01:00Z"
        );
        assert_eq!(
            next("rate(1 minute)", "2026-03-01T10:00:59.999Z"),
            "2026-03-01T10:01:00Z"
        );
        assert_eq!(
            next("rate(5 minutes)", "2026-03-01T10:02:00Z"),
            "2026-03-01T10:05:00Z"
        );
        assert_eq!(
            next("rate(1 day)", "2026-03-01T10:02:00Z"),
            "2026-03-02T00:00:00Z"
        );
    }

    #[test]
    fn a_cron_expression_finds_its_next_time() {
        assert_eq!(
            next("cron(17 3 * * ? *)", "2026-03-01T03:17:00Z"),
            "2026-03-02T03:17:00Z"
        );
        assert_eq!(
            next("cron(0 8 ? * MON-FRI *)", "2026-03-06T09:00:00Z"),
            "2026-03-09T08:00:00Z"
        );
        assert_eq!(
            next("cron(0/15 * * * ? *)", "2026-03-01T10:14:59Z"),
            "2026-03-01T10:15:00Z"
        );
        assert_eq!(
            next("cron(0 0 29 2 ? *)", "2026-03-01T00:00:00Z"),
            "2028-02-29T00:00:00Z"
        );
    }

    #[test]
    fn malformed_expressions_are_refused() {
        for text in [
            "rate(1 minutes)",
            "rate(0 minutes)",
            "rate(5)",
            "cron(0 3 * * *)",
            "cron(0 3 * * * *)",
            "cron(0 25 * * ? *)",
            "cron(0 3 L * ? *)",
            "at(2026-01-01T00:00:00)",
        ] {
            assert!(text.parse::<Schedule>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_schedule_without_years_left_is_never_due() {
        let schedule: Schedule = "cron(0 0 1 1 ? 2020)".parse().unwrap();
        assert_eq!(schedule.next_after(1_800_000_000_000), None);
    }
}
