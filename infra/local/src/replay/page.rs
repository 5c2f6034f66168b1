//! A replay as a page: one file that needs nothing else, to be mailed or printed.

use askama::Template;
use shared::domain::time::Timestamp;

use super::tally::{BUCKET, Confusion, List, Tally};
use super::text::{
    CONFUSION, Names, PRECISION, RECALL, by_rejected, columns, counted, notes, percent,
};
use crate::chart::Columns;
use crate::pages::paper_style;
use crate::report::view::stage_name;

/// Most leads of a list on the page.
const SHOWN: usize = 200;

#[derive(Template)]
#[template(path = "replay.html")]
struct Page<'a> {
    style: String,
    made: String,
    sums: &'a Tally,
    names: &'a Names,
    leads: String,
    touchpoints: String,
    notes: Vec<String>,
    bucket: i32,
    chart: String,
    judged: u64,
    confusion: Vec<(&'static str, u64, u64)>,
    rates: Vec<(&'static str, String, String)>,
    rules: Vec<RuleRow>,
    stages: Vec<(String, u64, u64)>,
    lists: Vec<ListView>,
}

struct RuleRow {
    name: String,
    before: u64,
    after: u64,
    accepted: u64,
    accepted_points: i64,
    rejected: u64,
    rejected_points: i64,
}

struct ListView {
    heading: &'static str,
    count: u64,
    rows: Vec<(String, i32, i32)>,
    more: u64,
}

/// The page. `ready_at` is the total at which a lead is ready under the model that is tried.
pub fn page(sums: &Tally, names: &Names, ready_at: i32, made: Timestamp) -> String {
    let (before, after) = (sums.verdicts_before, sums.verdicts_after);
    let rate = |label, of: fn(&Confusion) -> Option<u64>| {
        (label, percent(of(&before)), percent(of(&after)))
    };
    let page = Page {
        style: paper_style(),
        made: made.day().to_string(),
        sums,
        names,
        leads: counted(sums.leads, "lead", "leads"),
        touchpoints: counted(sums.touchpoints, "touchpoint", "touchpoints"),
        notes: notes(sums),
        bucket: BUCKET,
        chart: chart(sums, ready_at),
        judged: CONFUSION.iter().map(|(_, of)| of(&after)).sum(),
        confusion: CONFUSION
            .iter()
            .map(|(label, of)| (*label, of(&before), of(&after)))
            .collect(),
        rates: vec![
            rate(PRECISION, Confusion::precision),
            rate(RECALL, Confusion::recall),
        ],
        rules: rules(sums),
        stages: sums
            .stages
            .iter()
            .map(|(stage, pair)| (stage_name(*stage).to_owned(), pair.before, pair.after))
            .collect(),
        lists: vec![
            view("Would become MQL", &sums.gained),
            view("Would not be MQL any more", &sums.lost),
        ],
    };
    page.render()
        .unwrap_or_else(|error| format!("The page could not be made: {error}"))
}

fn chart(sums: &Tally, ready_at: i32) -> String {
    let groups = columns(sums);
    let lowest = sums.distribution.keys().next().copied().unwrap_or(0) * BUCKET;
    let position = i64::from(ready_at - lowest) * 1000 / i64::from(BUCKET);
    let last = i64::try_from(groups.len()).unwrap_or(0) * 1000;
    Columns {
        describes: String::from(
            "Number of leads in each column of points, under the model in force and under the one that is tried",
        ),
        series: [String::from("in force"), String::from("tried")],
        mark: (0..=last)
            .contains(&position)
            .then(|| (position, format!("tried: ready from {ready_at}"))),
        groups: groups
            .into_iter()
            .map(|(range, pair)| {
                let low = range.split(' ').next().unwrap_or_default().to_owned();
                (low, pair.before, pair.after)
            })
            .collect(),
    }
    .svg()
}

/// Every rule of either model.
fn rules(sums: &Tally) -> Vec<RuleRow> {
    let mut rows: Vec<RuleRow> = by_rejected(&sums.rules_after)
        .into_iter()
        .map(|(rule, after)| RuleRow {
            name: rule.clone(),
            before: sums.rules_before.get(rule).map_or(0, |b| b.leads),
            after: after.leads,
            accepted: after.accepted_leads,
            accepted_points: after.accepted_points,
            rejected: after.rejected_leads,
            rejected_points: after.rejected_points,
        })
        .collect();
    let gone = sums
        .rules_before
        .iter()
        .filter(|(rule, _)| !sums.rules_after.contains_key(*rule));
    rows.extend(gone.map(|(rule, before)| RuleRow {
        name: rule.clone(),
        before: before.leads,
        after: 0,
        accepted: 0,
        accepted_points: 0,
        rejected: 0,
        rejected_points: 0,
    }));
    rows
}

fn view(heading: &'static str, list: &List) -> ListView {
    let rows: Vec<_> = list
        .leads
        .iter()
        .take(SHOWN)
        .map(|who| {
            let email = who.email.as_ref().map(|e| e.expose().clone());
            (
                email.unwrap_or_else(|| who.lead_id.to_string()),
                who.before,
                who.after,
            )
        })
        .collect();
    ListView {
        heading,
        count: list.count,
        more: list.count - u64::try_from(rows.len()).unwrap_or(0),
        rows,
    }
}
