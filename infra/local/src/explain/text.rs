//! An explanation as a table for a terminal: who and where they stand, what the thresholds want, each rule with its reason.

use std::fmt::Write as _;

use shared::domain::handoff::{describe, name};
use shared::domain::score::Dimension;
use shared::domain::score::explain::{Cap, Outcome, RuleLine};
use shared::domain::stage::{Stage, StageCause};
use shared::domain::time::Timestamp;
use shared::domain::touchpoint::Touchpoint;
use shared::site::Site;

use super::Explanation;

/// Width of the column of rules.
const RULE: usize = 34;
/// Width of the text of reasons.
const WHY: usize = 76;

/// The whole table.
pub fn text(explanation: &Explanation, site: &Site) -> String {
    let mut out = String::new();
    head(&mut out, explanation, site);
    let rules = &explanation.explained.rules;
    let (matched, other): (Vec<_>, Vec<_>) = rules
        .iter()
        .partition(|r| matches!(r.outcome, Outcome::Matched | Outcome::RulesOut));
    put(
        &mut out,
        &format!("{:>6}  {:<RULE$}  {}", "POINTS", "RULE", "WHY"),
    );
    for rule in &matched {
        row(&mut out, rule, explanation, site);
    }
    let sum: i64 = rules.iter().map(|r| i64::from(r.points)).sum();
    put(&mut out, &"-".repeat(6));
    put(&mut out, &format!("{sum:>6}  sum of the lines"));
    if !other.is_empty() {
        put(&mut out, "");
        put(&mut out, "NO POINTS FROM");
        for rule in &other {
            row(&mut out, rule, explanation, site);
        }
    }
    out
}

fn put(out: &mut String, line: &str) {
    out.push_str(line.trim_end());
    out.push('\n');
}

fn head(out: &mut String, explanation: &Explanation, site: &Site) {
    let lead = &explanation.explained.lead;
    let who = name(lead);
    let address = lead.email.as_ref().map(|e| e.expose().as_str());
    let who = match (who.as_str(), address) {
        ("", Some(address)) => address.to_owned(),
        (who, Some(address)) => format!("{who} <{address}>"),
        (who, None) => who.to_owned(),
    };
    put(out, &who);
    let cause = lead.stage_history.last().and_then(|c| c.cause.as_ref());
    put(
        out,
        &format!(
            "{} since {}{}",
            stage_words(lead.stage),
            day_time(lead.stage_since),
            cause
                .map(|c| format!(", {}", cause_words(c)))
                .unwrap_or_default()
        ),
    );
    if let Some(hold) = &lead.held {
        let said = explanation.facts.iter().find(|t| t.id == hold.touchpoint);
        let until = hold
            .until
            .map(|at| format!(" until {}", day_time(at)))
            .unwrap_or_default();
        put(
            out,
            &format!(
                "Held there by hand{until}{}",
                said.map(said_by).unwrap_or_default()
            ),
        );
    }
    put(out, "");
    let score = &lead.score;
    let mut line = format!(
        "{} points on {}: fit {}, engagement {}, BANT {}",
        score.total,
        day_time(lead.scored_at),
        score.fit,
        score.engagement,
        score.bant
    );
    if let Some(grade) = lead.grade {
        let _ = write!(line, "; grade {grade}");
    }
    if let Some(id) = &lead.fit_profile {
        let profile = site.model.profiles.iter().find(|p| p.id == *id);
        let _ = write!(line, "; nearest to “{}”", profile.map_or(id, |p| &p.name));
    }
    put(out, &line);
    if let Some((total, at)) = explanation.stored
        && total != i64::from(score.total)
    {
        put(
            out,
            &format!("On record: {total} points, as of {}", day_time(at)),
        );
    }
    for need in &explanation.explained.needs {
        let what = match need.what {
            "bant" => "BANT",
            other => other,
        };
        put(
            out,
            &format!(
                "  {what:<10} {:>5}, ready for sales with {}: {}",
                need.has,
                need.wants,
                if need.reached {
                    "reached"
                } else {
                    "not reached"
                }
            ),
        );
    }
    if let Some(until) = lead.ready_until {
        put(
            out,
            &format!(
                "If nothing happens, this is enough until {}.",
                day_time(until)
            ),
        );
    }
    if let Some(at) = lead.review_at {
        put(out, &format!("Looked at again on {}.", day_time(at)));
    }
    put(out, &format!("Model {}", lead.model_hash));
    put(out, "");
}

fn row(out: &mut String, rule: &RuleLine, explanation: &Explanation, site: &Site) {
    let points = match rule.outcome {
        Outcome::NotMatched | Outcome::OtherProfile => String::from("-"),
        Outcome::RulesOut if rule.points == 0 => String::from("out"),
        Outcome::Matched | Outcome::RulesOut => format!("{:+}", rule.points),
    };
    let dimension = match rule.dimension {
        Dimension::Fit => "fit",
        Dimension::Engagement => "engagement",
        Dimension::Bant => "BANT",
    };
    let mut why = wrapped(rule.because.expose(), WHY);
    if rule.outcome == Outcome::OtherProfile {
        why.push(String::from(
            "counts for an ideal customer that is farther away",
        ));
    }
    if rule.outcome == Outcome::RulesOut {
        why.push(String::from("rules the lead out while it holds"));
    }
    if let Some(way) = way(rule) {
        why.push(way);
    }
    let named = rule.touchpoints.iter().rev();
    let found = named.filter_map(|id| explanation.facts.iter().find(|t| t.id == *id));
    for fact in found {
        why.push(format!("{}: {}", day_time(fact.at), describe(fact, site)));
    }
    let left = [rule.reason.clone(), format!("{} ({dimension})", rule.rule)];
    let left: Vec<String> = left.iter().flat_map(|l| wrapped(l, RULE)).collect();
    for at in 0..left.len().max(why.len()) {
        let points = if at == 0 { points.as_str() } else { "" };
        let left = left.get(at).map_or("", String::as_str);
        let why = why.get(at).map_or("", String::as_str);
        put(out, &format!("{points:>6}  {left:<RULE$}  {why}"));
    }
}

/// What became of the points on their way, where anything did.
fn way(rule: &RuleLine) -> Option<String> {
    let mut parts = vec![format!("{} earned", rule.earned)];
    if rule.kept != rule.earned {
        parts.push(format!("{} under its cap", rule.kept));
    }
    if i64::from(rule.faded) != rule.kept {
        parts.push(format!("{} after fading", rule.faded));
    }
    for cap in &rule.caps {
        if let Cap::Group(group) = cap {
            parts.push(format!("{} under the cap of “{group}”", rule.points));
        }
    }
    (parts.len() > 1).then(|| parts.join(", "))
}

fn said_by(fact: &Touchpoint) -> String {
    let author = fact.author.as_deref().unwrap_or("somebody");
    let why = fact.comment.as_ref().map(|c| c.expose().as_str());
    match why {
        Some(why) if !why.is_empty() => format!(", by {author}: {why}"),
        _ => format!(", by {author}"),
    }
}

const fn stage_words(stage: Stage) -> &'static str {
    stage.label()
}

fn cause_words(cause: &StageCause) -> String {
    match cause {
        StageCause::RuledOut(rule) => format!("by the rule {rule}"),
        StageCause::NoLongerRuledOut => String::from("no rule rules it out any more"),
        StageCause::Override => String::from("by hand"),
        StageCause::OverrideEnded => String::from("because what was decided by hand ended"),
        StageCause::CoolDownEnded => String::from("because its rest was over"),
    }
}

/// `2 Mar 2026, 09:00`, in UTC.
fn day_time(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.0).map_or_else(
        |_| at.to_string(),
        |at| at.strftime("%-d %b %Y, %H:%M").to_string(),
    )
}

/// Lines of at most `width` characters, broken at blanks.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
