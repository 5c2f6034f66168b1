//! Reports as tables and charts: the same rows for the terminal, for a spreadsheet and for the page. Pure.

use std::collections::BTreeMap;

use shared::domain::stage::Stage;
use shared::domain::text::people_date;
use shared::domain::time::Day;
use shared::site::Site;

use super::Found;
use super::day::{Passage, SourceSums};
use crate::chart::{Bars, BarsRow, Columns};
use crate::replay::text::percent;
use crate::table::Align;

/// What can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// From stage to stage: how many, what part, how long
    Funnel,
    /// By the source that brought people first, and last
    Sources,
    /// Rules in the handoffs that sales took and handed back
    Rules,
    /// Who in sales got, answered and won how much, and how fast
    Sales,
}

impl Kind {
    /// All of them, in the order of a report.
    pub const ALL: [Self; 4] = [Self::Funnel, Self::Sources, Self::Rules, Self::Sales];
}

/// A table with its heading and, where there is something to see, its chart.
#[derive(Debug, Clone)]
pub struct Section {
    /// Heading.
    pub title: &'static str,
    /// How it is to be read.
    pub note: &'static str,
    /// Columns.
    pub head: Vec<(String, Align)>,
    /// Rows.
    pub rows: Vec<Vec<String>>,
    /// A picture of it, as SVG; or nothing.
    pub chart: String,
    /// Names of the two series of the picture; empty where it has one.
    pub series: Vec<&'static str>,
    /// What the page calls each row, where its first cell is for scripts; else empty.
    pub called: Vec<String>,
}

impl Section {
    /// The rows as the page has them: what each is called, and its other cells.
    pub fn called_rows(&self) -> Vec<(&str, &[String])> {
        let rows = self.rows.iter().enumerate();
        rows.filter_map(|(at, row)| {
            let (first, others) = row.split_first()?;
            let name = self.called.get(at).unwrap_or(first);
            Some((name.as_str(), others))
        })
        .collect()
    }
}

/// The sections of a report.
pub fn sections(kind: Kind, found: &Found, site: &Site) -> Vec<Section> {
    match kind {
        Kind::Funnel => vec![by_day(found), funnel(found)],
        Kind::Sources => vec![
            sources("By first source", FIRST, &found.sum.first),
            sources("By last source", LAST, &found.sum.last),
        ],
        Kind::Rules => vec![rules(found, site)],
        Kind::Sales => vec![sales(found, site)],
    }
}

const FIRST: &str = "where people came from when they were first seen";
const LAST: &str = "where people came from last";

fn head(columns: &[&str]) -> Vec<(String, Align)> {
    let align = |at| if at == 0 { Align::Left } else { Align::Right };
    let columns = columns.iter().enumerate();
    columns
        .map(|(at, name)| ((*name).to_owned(), align(at)))
        .collect()
}

/// A stage as people read it.
pub const fn stage_name(stage: Stage) -> &'static str {
    match stage {
        Stage::Subscriber => "subscriber",
        Stage::Lead => "lead",
        Stage::Mql => "MQL (ready for sales)",
        Stage::Sal => "SAL (taken by sales)",
        Stage::Sql => "SQL (qualified by sales)",
        Stage::Disqualified => "ruled out",
        Stage::Recycled => "handed back",
    }
}

fn funnel(found: &Found) -> Section {
    let passages = &found.sum.passages;
    let entered = |to: Stage| -> u64 {
        let into = passages.iter().filter(|p| p.to == to);
        into.map(|p| p.times.count()).sum()
    };
    let part = |p: &Passage| {
        let whole = p.from.map(entered).filter(|n| *n > 0)?;
        Some((p.times.count() * 1000 + whole / 2) / whole)
    };
    let rows = passages
        .iter()
        .map(|p| {
            let time = p.from.and_then(|_| p.times.median());
            vec![
                format!(
                    "{} → {}",
                    p.from.map_or("new", stage_name),
                    stage_name(p.to)
                ),
                p.times.count().to_string(),
                percent(part(p)),
                time.map_or_else(|| String::from("–"), duration),
            ]
        })
        .collect();
    let bars = [
        Stage::Subscriber,
        Stage::Lead,
        Stage::Mql,
        Stage::Sal,
        Stage::Sql,
    ]
    .map(|to| {
        let count = entered(to);
        BarsRow {
            label: stage_name(to).to_owned(),
            bars: vec![(count, count.to_string())],
        }
    })
    .to_vec();
    Section {
        title: "From stage to stage",
        note: "part: of those who entered the stage before, in the same time",
        head: head(&["Step", "Leads", "Part", "Median time"]),
        rows,
        chart: Bars {
            describes: String::from("How many leads entered each stage"),
            rows: bars,
        }
        .html(),
        series: Vec::new(),
        called: Vec::new(),
    }
}

fn by_day(found: &Found) -> Section {
    let rows = found
        .days
        .iter()
        .filter(|(_, leads, ready)| leads + ready > 0)
        .map(|(day, leads, ready)| vec![day.to_string(), leads.to_string(), ready.to_string()])
        .collect();
    Section {
        title: "Day by day",
        note: "by the day on which it was recorded; days with nothing are left out of the table",
        head: head(&["Day", "New leads", "Became MQL"]),
        rows,
        chart: Columns {
            describes: String::from("New leads and leads that became MQL, day by day"),
            series: [String::from("new leads"), String::from("became MQL")],
            mark: None,
            groups: found
                .days
                .iter()
                .map(|(day, leads, ready)| (people_day(*day), *leads, *ready))
                .collect(),
        }
        .svg(),
        series: vec!["new leads", "became MQL"],
        called: Vec::new(),
    }
}

fn sources(
    title: &'static str,
    note: &'static str,
    sources: &BTreeMap<String, SourceSums>,
) -> Section {
    let mut sorted: Vec<_> = sources.iter().collect();
    sorted.sort_by_key(|(name, sums)| (std::cmp::Reverse((sums.leads, sums.mql)), (*name).clone()));
    let part =
        |part: u64, whole: u64| percent((whole > 0).then(|| (part * 1000 + whole / 2) / whole));
    let rows = sorted
        .iter()
        .map(|(name, sums)| {
            vec![
                (*name).clone(),
                sums.leads.to_string(),
                sums.mql.to_string(),
                part(sums.mql, sums.leads),
                sums.accepted.to_string(),
                sums.rejected.to_string(),
            ]
        })
        .collect();
    let bars = sorted
        .iter()
        .take(12)
        .map(|(name, sums)| {
            let leads = counted(sums.leads, "lead", "leads");
            BarsRow {
                label: (*name).clone(),
                bars: vec![(sums.leads, format!("{leads}, {} MQL", sums.mql))],
            }
        })
        .collect();
    Section {
        title,
        note,
        head: head(&["Source", "New leads", "MQL", "Part", "Taken", "Handed back"]),
        rows,
        chart: Bars {
            describes: String::from("New leads, and how many became MQL"),
            rows: bars,
        }
        .html(),
        series: Vec::new(),
        called: Vec::new(),
    }
}

fn rules(found: &Found, site: &Site) -> Section {
    let mut sorted: Vec<_> = found.sum.rules.iter().collect();
    sorted.sort_by_key(|(rule, sums)| (std::cmp::Reverse(sums.rejected_points), (*rule).clone()));
    // A rule that is gone since has only its id left.
    let reason = |id: &str| {
        let mut rules = site.model.rules.iter();
        let rule = rules.find(|rule| rule.id == id);
        rule.map_or_else(|| id.replace('-', " "), |rule| rule.reason.clone())
    };
    let rows = sorted
        .iter()
        .map(|(rule, sums)| {
            let answered = sums.accepted + sums.rejected;
            let taken = (answered > 0).then(|| (sums.accepted * 1000 + answered / 2) / answered);
            vec![
                (*rule).clone(),
                sums.accepted.to_string(),
                sums.accepted_points.to_string(),
                sums.rejected.to_string(),
                sums.rejected_points.to_string(),
                percent(taken),
            ]
        })
        .collect();
    let whole = |points: i64| u64::try_from(points.max(0)).unwrap_or(0);
    let bars = sorted
        .iter()
        .take(20)
        .map(|(rule, sums)| {
            let bar = |points| (whole(points), points.to_string());
            BarsRow {
                label: reason(rule),
                bars: vec![bar(sums.rejected_points), bar(sums.accepted_points)],
            }
        })
        .collect();
    Section {
        title: "Rules by what sales said",
        note: "handoffs that sales answered, with the points each rule had given; most to leads handed back first",
        head: head(&[
            "Rule",
            "Taken",
            "Points",
            "Handed back",
            "Points",
            "Part taken",
        ]),
        rows,
        chart: Bars {
            describes: String::from(
                "Points that each rule gave to leads handed back, and to leads taken",
            ),
            rows: bars,
        }
        .html(),
        series: vec!["handed back", "taken"],
        called: sorted.iter().map(|(rule, _)| reason(rule)).collect(),
    }
}

fn sales(found: &Found, site: &Site) -> Section {
    let mut owners = found.sum.owners.clone();
    for id in found.waiting.keys() {
        owners.entry(id.clone()).or_default();
    }
    let named = |id: &str| {
        let person = site.sales.person(id);
        person.map_or_else(|| id.to_owned(), |p| p.name.clone())
    };
    let rows = owners
        .iter()
        .map(|(id, sums)| {
            let time = sums.times.median();
            vec![
                named(id),
                sums.handed.to_string(),
                sums.accepted.to_string(),
                sums.rejected.to_string(),
                sums.won.to_string(),
                sums.lost.to_string(),
                time.map_or_else(|| String::from("–"), duration),
                found.waiting.get(id).copied().unwrap_or(0).to_string(),
            ]
        })
        .collect();
    let bars = owners
        .iter()
        .filter_map(|(id, sums)| {
            let minutes = sums.times.median()?;
            let answers = counted(sums.times.count(), "answer", "answers");
            Some(BarsRow {
                label: named(id),
                bars: vec![(
                    u64::from(minutes.max(1)),
                    format!("{} ({answers})", duration(minutes)),
                )],
            })
        })
        .collect();
    Section {
        title: "Sales",
        note: "time: from the handoff to the first answer, median; waiting: not answered now",
        head: head(&[
            "Who",
            "Handed over",
            "Taken",
            "Handed back",
            "Won",
            "Lost",
            "Time",
            "Waiting",
        ]),
        rows,
        chart: Bars {
            describes: String::from("Median time from handoff to first answer"),
            rows: bars,
        }
        .html(),
        series: Vec::new(),
        called: Vec::new(),
    }
}

/// `1 lead`, `2 leads`.
fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// `3 Nov`.
fn people_day(day: Day) -> String {
    let date = people_date(day.start());
    let mut parts = date.split(' ');
    let (number, month) = (parts.next().unwrap_or_default(), parts.next());
    let month: String = month.unwrap_or_default().chars().take(3).collect();
    format!("{number} {month}")
}

/// Minutes in words.
pub fn duration(minutes: u32) -> String {
    let (days, hours, rest) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
    match (days, hours) {
        (0, 0) => format!("{rest} min"),
        (0, _) => format!("{hours} h {rest} min"),
        (1, _) => format!("1 day {hours} h"),
        _ => format!("{days} days {hours} h"),
    }
}
