//! Freezing: from a lead and its facts to the document.

use crate::domain::consent::Decision;
use crate::domain::form::FieldKind;
use crate::domain::handoff::words::{decision, describe, display, label_of, name, text};
use crate::domain::handoff::{HANDOFF_V, Handoff, HistoryLine, Labelled};
use crate::domain::lead::{Lead, Reachability};
use crate::domain::pii::Pii;
use crate::domain::routing::{Routed, Routing, holds};
use crate::domain::sales::{ActionRule, Condition, SuggestedAction};
use crate::domain::stage::Stage;
use crate::domain::text::people_date;
use crate::domain::time::Timestamp;
use crate::domain::touchpoint::{Touchpoint, TouchpointKind, Trust};
use crate::site::Site;

/// Fields that answer budget, authority, need and timeline, in that order, with what people read.
const BANT: [(&str, &str); 4] = [
    ("budget", "Budget"),
    ("authority", "Authority"),
    ("need", "Need"),
    ("timeline", "Timeline"),
];

/// Most entries of the history shown in an alert: the latest ones.
const HISTORY: usize = 20;

/// Fields that hold a number to call.
const PHONES: [&str; 2] = ["phone", "mobile"];

impl Handoff {
    /// Freezes what sales needs about a lead that has just qualified. The stage history tells when that was.
    pub fn of(routing: &Routing<'_>, routed: &Routed) -> Self {
        let Routing {
            lead,
            facts,
            site,
            now,
            ..
        } = *routing;
        let no_call = no_call(lead, site);
        let entered = lead.stage_history.iter().rev().find(|c| c.to == Stage::Mql);
        Self {
            lead_id: lead.lead_id,
            cycle: lead.cycle,
            at: entered.map_or(lead.scored_at, |c| c.at),
            stage: Stage::Mql,
            touchpoint: entered.map(|c| c.touchpoint.clone()).unwrap_or_default(),
            name: Pii::new(name(lead)),
            email: lead.email.clone(),
            profile: profile(lead, site, no_call.is_none()),
            no_call,
            reachability: lead.reachability,
            score: lead.score,
            breakdown: lead.breakdown.clone(),
            bant: BANT
                .iter()
                .map(|(field, label)| labelled(label, lead, field, site))
                .collect(),
            history: history(facts, site),
            comments: comments(lead, site),
            first_source: lead
                .first_touch
                .as_ref()
                .map_or_else(|| "direct".into(), |t| t.source.describe()),
            last_source: lead
                .last_touch
                .as_ref()
                .map_or_else(|| "direct".into(), |t| t.source.describe()),
            consents: lead
                .consents
                .iter()
                .map(|(purpose, state)| Labelled {
                    field: String::new(),
                    label: purpose.clone(),
                    value: Pii::new(format!(
                        "{} on {}",
                        decision(state.decision),
                        people_date(state.at)
                    )),
                })
                .collect(),
            first_at: lead.first_touch.as_ref().map(|t| t.at),
            last_at: lead.last_touch.as_ref().map(|t| t.at),
            owner: routed.owner.clone(),
            routed_because: routed.because.clone(),
            known: routed.known.clone(),
            answer_by: answer_by(&routed.owner.id, now, site),
            action: action(lead, facts, site),
            model_hash: lead.model_hash.clone(),
            last_write_id: format!("hnd_{}", lead.cycle),
            v: HANDOFF_V,
        }
    }
}

fn labelled(label: &str, lead: &Lead, field: &str, site: &Site) -> Labelled {
    let value = text(lead, field)
        .map(|v| display(field, v, site))
        .unwrap_or_default();
    Labelled {
        field: field.to_owned(),
        label: label.to_owned(),
        value: Pii::new(value),
    }
}

fn is_long_text(field: &str, site: &Site) -> bool {
    field == "message"
        || site
            .forms
            .values()
            .filter_map(|f| f.field(field))
            .any(|f| matches!(f.kind, FieldKind::LongText { .. }))
}

fn profile(lead: &Lead, site: &Site, may_call: bool) -> Vec<Labelled> {
    let shown_apart = |field: &str| {
        (PHONES.contains(&field) && !may_call)
            || matches!(field, "first_name" | "last_name" | "full_name" | "email")
            || BANT.iter().any(|(f, _)| *f == field)
            || is_long_text(field, site)
    };
    // The fields every salesperson looks for come first; the rest follow by name.
    let first = [
        "job_title",
        "company",
        "phone",
        "mobile",
        "country",
        "employees",
        "industry",
        "website",
    ];
    let rest = lead
        .profile
        .keys()
        .map(String::as_str)
        .filter(|f| !first.contains(f));
    first
        .into_iter()
        .chain(rest)
        .filter(|field| !shown_apart(field) && text(lead, field).is_some())
        .map(|field| labelled(&label_of(field, site), lead, field, site))
        .collect()
}

fn comments(lead: &Lead, site: &Site) -> Vec<Labelled> {
    lead.profile
        .keys()
        .filter(|field| is_long_text(field, site) && text(lead, field).is_some())
        .map(|field| labelled(&label_of(field, site), lead, field, site))
        .collect()
}

fn history(facts: &[Touchpoint], site: &Site) -> Vec<HistoryLine> {
    // What became of our mails on their way is not something they did.
    let mut ordered: Vec<&Touchpoint> = facts
        .iter()
        .filter(|t| t.machine.is_none() && !is_ours(t.kind))
        .collect();
    ordered.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
    ordered.dedup_by(|a, b| a.id == b.id);
    let skip = ordered.len().saturating_sub(HISTORY);
    ordered
        .into_iter()
        .skip(skip)
        .map(|t| HistoryLine {
            at: t.at,
            text: describe(t, site),
        })
        .collect()
}

/// Why a number that is known may not be called. A number is for calling where the person typed it, unless the site asks for a consent.
fn no_call(lead: &Lead, site: &Site) -> Option<String> {
    let numbers = || PHONES.iter().filter_map(|field| lead.profile.get(*field));
    if PHONES.iter().all(|field| text(lead, field).is_none()) {
        return None;
    }
    if lead.reachability == Reachability::Complained {
        return Some("They reported our mail as spam: leave them in peace.".into());
    }
    if let Some(purpose) = &site.sales.call_consent {
        let agreed = lead
            .consents
            .get(purpose)
            .is_some_and(|c| matches!(c.decision, Decision::Granted | Decision::Confirmed));
        return (!agreed).then(|| "They did not agree to be called.".into());
    }
    numbers()
        .all(|v| v.trust == Trust::Imported)
        .then(|| "The number came in a file: nobody asked them.".into())
}

/// Until when the owner should answer, by their working hours.
fn answer_by(owner: &str, now: Timestamp, site: &Site) -> Option<Timestamp> {
    let minutes = site.sales.escalate_after_minutes?;
    Some(deadline(owner, now, minutes, site))
}

/// When this many minutes of a person's working time have passed.
pub fn deadline(person: &str, from: Timestamp, minutes: u32, site: &Site) -> Timestamp {
    let minutes = i64::from(minutes);
    site.sales
        .calendar_of(person)
        .map_or(from.plus_minutes(minutes), |c| {
            c.plus_working(from, minutes)
        })
}

fn action(lead: &Lead, facts: &[Touchpoint], site: &Site) -> SuggestedAction {
    let fits = |rule: &&ActionRule| rule.when.iter().all(|c| holds(c, lead, facts));
    let rule = site.sales.actions.iter().find(fits);
    let first = rule.and_then(|r| {
        r.when.iter().find_map(|c| match c {
            Condition::Is { field, any_of } => Some((field.clone(), any_of.clone())),
            Condition::Between { field, .. } | Condition::Known { field, .. } => {
                Some((field.clone(), Vec::new()))
            }
            Condition::Form(_) | Condition::Magnet(_) => None,
        })
    });
    let (field, any_of) = first.map_or((None, Vec::new()), |(f, a)| (Some(f), a));
    let (text, reason) = rule.map_or(
        ("Get in touch.", "No rule of the action table matched."),
        |r| (r.text.as_str(), r.reason.as_str()),
    );
    SuggestedAction {
        field,
        any_of,
        text: text.to_owned(),
        reason: reason.to_owned(),
    }
}

const fn is_ours(kind: TouchpointKind) -> bool {
    matches!(
        kind,
        TouchpointKind::Delivered | TouchpointKind::Delayed | TouchpointKind::NotSent
    )
}
