//! Why a lead has its points: each rule, what became of its points, what the score is measured by.

use serde_json::Value;

use super::super::read::{When, capitalised, line, number, points, words};

pub(super) struct Line {
    pub(super) reason: String,
    pub(super) rule: String,
    pub(super) dimension: String,
    pub(super) count: i64,
    pub(super) points: String,
    pub(super) negative: bool,
    /// Why it matched or not.
    pub(super) why: String,
    /// What became of its points, where anything did.
    pub(super) way: String,
}

pub(super) struct Need {
    pub(super) what: String,
    pub(super) has: String,
    pub(super) wants: String,
    pub(super) reached: bool,
}

pub(super) fn score_line(given: &Value) -> Line {
    let gained = number(&given["points"]);
    let rule = line(&given["rule"]);
    let reason = line(&given["reason"]);
    Line {
        reason: if reason.is_empty() {
            words(&rule)
        } else {
            reason
        },
        rule,
        dimension: dimension(&line(&given["dimension"])),
        count: number(&given["count"]),
        points: match given["outcome"].as_str() {
            Some("rules_out") if gained == 0 => "out".to_owned(),
            Some("not_matched" | "other_profile") => String::new(),
            _ => points(gained),
        },
        negative: gained < 0,
        why: match given["outcome"].as_str() {
            Some("other_profile") => "Another ideal customer is nearer".to_owned(),
            Some("rules_out") => format!(
                "{}; rules the lead out",
                capitalised(&line(&given["because"]))
            ),
            _ => capitalised(&line(&given["because"])),
        },
        way: way(given, gained),
    }
}

pub(super) fn dimension(name: &str) -> String {
    if name == "bant" {
        "BANT".to_owned()
    } else {
        words(name)
    }
}

/// `12 earned, 10 under its cap, 8 after fading`, where points were lost on the way.
pub(super) fn way(given: &Value, gained: i64) -> String {
    if given["earned"].is_null() {
        // A breakdown on record says less.
        return match (given["capped"].as_bool(), given["faded_from"].as_i64()) {
            (_, Some(before)) => format!("{} before fading", points(before)),
            (Some(true), None) => "capped".to_owned(),
            (_, None) => String::new(),
        };
    }
    let (earned, kept) = (number(&given["earned"]), number(&given["kept"]));
    let faded = number(&given["faded"]);
    let mut parts = vec![format!("{} earned", points(earned))];
    if kept != earned {
        parts.push(format!("{} under its cap", points(kept)));
    }
    if faded != kept {
        parts.push(format!("{} after fading", points(faded)));
    }
    if gained != faded {
        parts.push(format!("{} under the cap of its group", points(gained)));
    }
    if parts.len() > 1 && given["outcome"] != "not_matched" {
        parts.join(", ")
    } else {
        String::new()
    }
}

pub(super) fn need(given: &Value) -> Need {
    Need {
        what: dimension(&line(&given["what"])),
        has: line(&given["has"]).replace('-', "\u{2212}"),
        wants: line(&given["wants"]),
        reached: given["reached"].as_bool().unwrap_or_default(),
    }
}

pub(super) fn on_record(explained: &Value, now: i64) -> String {
    let record = &explained["on_record"];
    match record["total"].as_i64() {
        Some(total) if total != now => format!(
            "{} on record, as of {}",
            points(total),
            When::read(&record["at"]).short
        ),
        _ => String::new(),
    }
}

/// What is said beside the points.
pub(super) fn remarks(explained: &Value) -> Vec<String> {
    let moment = |name: &str| Some(When::read(&explained[name])).filter(When::is_known);
    let text = |name: &str| Some(line(&explained[name])).filter(|t| !t.is_empty());
    let mut said = Vec::new();
    said.extend(text("grade").map(|grade| format!("Grade {grade}")));
    said.extend(text("profile_name").map(|name| format!("Nearest to “{name}”")));
    said.extend(
        moment("ready_until").map(|at| format!("Enough until {}, if nothing happens", at.short)),
    );
    said.extend(moment("review_at").map(|at| format!("Looked at again on {}", at.short)));
    said
}
