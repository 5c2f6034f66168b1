//! A replay as people read it in a terminal: what changes, the distribution side by side, and what sales said.

use std::fmt::Write as _;

use super::tally::{BUCKET, Confusion, List, RuleSums, Tally};
use crate::table::{Align, Table};

/// Characters of a full bar.
const BAR: u64 = 26;
/// Most leads named in a terminal; the report and `--json` name more.
const SHOWN: usize = 15;

/// The two models by what people call them.
#[derive(Debug, Clone)]
pub struct Names {
    /// The model in force.
    pub before: String,
    /// The model that is tried.
    pub after: String,
}

/// The whole answer.
pub fn text(sums: &Tally, names: &Names) -> String {
    let mut out = String::new();
    let mut line = |text: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{text}");
    };
    line(format!(
        "{} and {} folded under both models.",
        counted(sums.leads, "lead", "leads"),
        counted(sums.touchpoints, "touchpoint", "touchpoints")
    ));
    line(format!("  in force  {}", names.before));
    line(format!("  tried     {}", names.after));
    for note in notes(sums) {
        line(note);
    }
    line(String::new());
    line(format!(
        "Ready for sales (MQL): {} in force, {} tried. {} would become MQL, {} would not any more.",
        sums.ready.before, sums.ready.after, sums.gained.count, sums.lost.count
    ));
    for (heading, list) in [
        ("Would become MQL", &sums.gained),
        ("Would not be MQL any more", &sums.lost),
    ] {
        if list.count > 0 {
            line(format!("\n{heading}"));
            line(named(list));
        }
    }
    if sums.leads > 0 {
        line(String::from("\nLeads by points"));
        line(distribution(sums));
    }
    let judged = sums.verdicts_before.ready_accepted
        + sums.verdicts_before.ready_rejected
        + sums.verdicts_before.not_ready_accepted
        + sums.verdicts_before.not_ready_rejected;
    if judged == 0 {
        line(String::from(
            "\nSales has given no verdict yet, so neither model can be held against one.",
        ));
    } else {
        line(format!(
            "\nAgainst what sales said of {}",
            counted(judged, "lead", "leads")
        ));
        line(confusion(sums));
        line(String::from(
            "\nPoints by rule to leads that sales took and handed back, under the model that is tried",
        ));
        line(rules(&sums.rules_after));
    }
    out
}

/// What was left out or could not be read.
pub fn notes(sums: &Tally) -> Vec<String> {
    let mut notes = Vec::new();
    if sums.left_out > 0 {
        notes.push(format!(
            "{} left out: nothing happened in the time asked for.",
            counted(sums.left_out, "lead", "leads")
        ));
    }
    if sums.unreadable > 0 {
        notes.push(format!(
            "{} written by a later release and left out.",
            counted(sums.unreadable, "touchpoint was", "touchpoints were")
        ));
    }
    notes
}

fn named(list: &List) -> String {
    let mut table = Table::new(&[
        ("Lead", Align::Left),
        ("In force", Align::Right),
        ("Tried", Align::Right),
    ]);
    for who in list.leads.iter().take(SHOWN) {
        let email = who.email.as_ref().map(|e| e.expose().clone());
        table.row([
            email.unwrap_or_else(|| who.lead_id.to_string()),
            who.before.to_string(),
            who.after.to_string(),
        ]);
    }
    let mut text = table.to_string();
    let shown = u64::try_from(list.leads.len().min(SHOWN)).unwrap_or(0);
    if list.count > shown {
        let _ = write!(
            text,
            "\n… and {} more (--json and --html name up to 500)",
            list.count - shown
        );
    }
    text
}

fn distribution(sums: &Tally) -> String {
    let most = sums
        .distribution
        .values()
        .map(|pair| pair.before.max(pair.after))
        .max()
        .unwrap_or(0);
    let mut table = Table::new(&[
        ("Points", Align::Right),
        ("In force", Align::Left),
        ("", Align::Right),
        ("Tried", Align::Left),
        ("", Align::Right),
    ]);
    for (range, pair) in columns(sums) {
        table.row([
            range,
            bar(pair.before, most),
            pair.before.to_string(),
            bar(pair.after, most),
            pair.after.to_string(),
        ]);
    }
    table.to_string()
}

/// Every column of the distribution from the lowest to the highest, empty ones too.
pub fn columns(sums: &Tally) -> Vec<(String, super::tally::Pair)> {
    let (Some(first), Some(last)) = (
        sums.distribution.keys().next().copied(),
        sums.distribution.keys().next_back().copied(),
    ) else {
        return Vec::new();
    };
    // Far outliers would make a table of empty lines: beyond fifty columns only those that hold somebody are shown.
    let all = last - first < 50;
    (first..=last)
        .filter_map(|bucket| {
            let pair = sums.distribution.get(&bucket).copied();
            let low = bucket * BUCKET;
            (all || pair.is_some()).then(|| {
                (
                    format!("{low} to {}", low + BUCKET - 1),
                    pair.unwrap_or_default(),
                )
            })
        })
        .collect()
}

/// A bar in eighths of a character, so that small differences show; at least a sliver where there is anything.
fn bar(value: u64, most: u64) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    if value == 0 || most == 0 {
        return String::new();
    }
    let eighths = usize::try_from((value * BAR * 8 / most).max(1)).unwrap_or(1);
    format!("{}{}", "█".repeat(eighths / 8), EIGHTHS[eighths % 8])
}

fn confusion(sums: &Tally) -> String {
    let mut table = Table::new(&[
        ("", Align::Left),
        ("In force", Align::Right),
        ("Tried", Align::Right),
    ]);
    let (before, after) = (sums.verdicts_before, sums.verdicts_after);
    for (label, of) in CONFUSION {
        table.row([
            label.to_owned(),
            of(&before).to_string(),
            of(&after).to_string(),
        ]);
    }
    for (label, of) in [
        (PRECISION, Confusion::precision as fn(&Confusion) -> _),
        (RECALL, Confusion::recall as fn(&Confusion) -> _),
    ] {
        table.row([label.to_owned(), percent(of(&before)), percent(of(&after))]);
    }
    table.to_string()
}

/// Reads a cell of the matrix.
type Cell = fn(&Confusion) -> u64;

/// The four cells of the matrix, in words.
pub const CONFUSION: [(&str, Cell); 4] = [
    ("ready, and sales took it", |c| c.ready_accepted),
    ("ready, and sales handed it back", |c| c.ready_rejected),
    ("not ready, yet sales took it", |c| c.not_ready_accepted),
    ("not ready, and sales handed it back", |c| {
        c.not_ready_rejected
    }),
];
/// Precision in words.
pub const PRECISION: &str = "of those ready, sales took (precision)";
/// Recall in words.
pub const RECALL: &str = "of those taken, were ready (recall)";

/// Thousandths as a percentage.
pub fn percent(per_mille: Option<u64>) -> String {
    per_mille.map_or_else(|| String::from("–"), |p| format!("{}.{} %", p / 10, p % 10))
}

/// Rules by what they gave to leads that were handed back, most first.
pub fn by_rejected(
    rules: &std::collections::BTreeMap<String, RuleSums>,
) -> Vec<(&String, &RuleSums)> {
    let mut rows: Vec<_> = rules.iter().collect();
    rows.sort_by_key(|(rule, sums)| (std::cmp::Reverse(sums.rejected_points), (*rule).clone()));
    rows
}

fn rules(rules: &std::collections::BTreeMap<String, RuleSums>) -> String {
    let mut table = Table::new(&[
        ("Rule", Align::Left),
        ("Leads", Align::Right),
        ("taken", Align::Right),
        ("points", Align::Right),
        ("handed back", Align::Right),
        ("points", Align::Right),
    ]);
    for (rule, sums) in by_rejected(rules) {
        table.row([
            rule.clone(),
            sums.leads.to_string(),
            sums.accepted_leads.to_string(),
            sums.accepted_points.to_string(),
            sums.rejected_leads.to_string(),
            sums.rejected_points.to_string(),
        ]);
    }
    table.to_string()
}

/// A count with its word.
pub fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
