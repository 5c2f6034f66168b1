//! The handoff: what sales needs to know, frozen at the moment a lead qualified.

use serde::{Deserialize, Serialize};

use super::id::LeadId;
use super::lead::{Lead, Reachability};
use super::pii::Pii;
use super::sales::{SalesPerson, SuggestedAction};
use super::score::{BreakdownLine, Score};
use super::stage::Stage;
use super::time::Timestamp;
use super::touchpoint::{Touchpoint, TouchpointKind, Value};
use crate::site::Site;

/// Shape version written by this release.
pub const HANDOFF_V: u8 = 1;

/// Fields that answer budget, authority, need and timeline, in that order, with what people read.
const BANT: [(&str, &str); 4] = [
    ("budget", "Budget"),
    ("authority", "Authority"),
    ("need", "Need"),
    ("timeline", "Timeline"),
];

/// Most entries of the history shown in an alert: the latest ones.
const HISTORY: usize = 20;

/// What sales needs, frozen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handoff {
    /// The person.
    pub lead_id: LeadId,
    /// Which qualification this is, from 1.
    pub cycle: u32,
    /// When the lead qualified.
    pub at: Timestamp,
    /// The touchpoint by which it did.
    pub touchpoint: String,
    /// Name, as far as known.
    pub name: Pii<String>,
    /// Address as given.
    pub email: Option<Pii<String>>,
    /// Other profile values people read, by label.
    pub profile: Vec<Labelled>,
    /// Whether mail reaches them.
    pub reachability: Reachability,
    /// Points.
    pub score: Score,
    /// Why; sums exactly to `score.total`.
    pub breakdown: Vec<BreakdownLine>,
    /// Budget, authority, need, timeline; an empty value is still unknown.
    pub bant: Vec<Labelled>,
    /// What they did, latest last.
    pub history: Vec<HistoryLine>,
    /// Free-text answers.
    pub comments: Vec<Labelled>,
    /// Where they came from first.
    pub first_source: String,
    /// Where they came from last.
    pub last_source: String,
    /// State of each consent.
    pub consents: Vec<Labelled>,
    /// Who it goes to.
    pub owner: SalesPerson,
    /// Why it goes to them.
    pub routed_because: String,
    /// What to do.
    pub action: SuggestedAction,
    /// Hash of the model applied.
    pub model_hash: String,
    /// The write that made it.
    pub last_write_id: String,
    /// Shape version.
    pub v: u8,
}

/// A value with what people call it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Labelled {
    /// Canonical name of the field; empty where it is not a field.
    #[serde(default)]
    pub field: String,
    /// What people call it.
    pub label: String,
    /// The value.
    pub value: Pii<String>,
}

/// One line of the history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryLine {
    /// When.
    pub at: Timestamp,
    /// What happened, in words.
    pub text: String,
}

impl Handoff {
    /// The profile value of a field, as people read it.
    pub fn field(&self, name: &str) -> Option<&Pii<String>> {
        self.profile
            .iter()
            .find(|l| l.field == name)
            .map(|l| &l.value)
    }

    /// Freezes what sales needs about a lead that has just qualified. The stage history tells when that was.
    pub fn of(lead: &Lead, facts: &[Touchpoint], site: &Site) -> Self {
        let (owner, routed_because) = route(lead, site);
        let entered = lead.stage_history.iter().rev().find(|c| c.to == Stage::Mql);
        Self {
            lead_id: lead.lead_id,
            cycle: lead.cycle,
            at: entered.map_or(lead.scored_at, |c| c.at),
            touchpoint: entered.map(|c| c.touchpoint.clone()).unwrap_or_default(),
            name: Pii::new(name(lead)),
            email: lead.email.clone(),
            profile: profile(lead, site),
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
                        state.at.day()
                    )),
                })
                .collect(),
            owner,
            routed_because,
            action: action(lead, site),
            model_hash: lead.model_hash.clone(),
            last_write_id: format!("hnd_{}", lead.cycle),
            v: HANDOFF_V,
        }
    }
}

const fn decision(decision: super::consent::Decision) -> &'static str {
    use super::consent::Decision::{Confirmed, Declined, Granted, Withdrawn};
    match decision {
        Granted => "given, not confirmed yet,",
        Declined => "not given",
        Confirmed => "given and confirmed",
        Withdrawn => "withdrawn",
    }
}

fn text<'l>(lead: &'l Lead, field: &str) -> Option<&'l Value> {
    lead.profile
        .get(field)
        .map(|p| &p.value)
        .filter(|v| !v.to_text().is_empty())
}

/// First and last name, or the full name, or what is known.
pub fn name(lead: &Lead) -> String {
    let part = |field| text(lead, field).map(Value::to_text).unwrap_or_default();
    let both = format!("{} {}", part("first_name"), part("last_name"));
    match both.trim() {
        "" => part("full_name"),
        name => name.to_owned(),
    }
}

fn label_of(field: &str, site: &Site) -> String {
    let declared = site
        .forms
        .values()
        .find_map(|form| form.field(field))
        .map(|f| f.label.clone());
    declared.unwrap_or_else(|| field.replace('_', " "))
}

/// What people read for a choice, instead of what is stored.
pub fn display(field: &str, value: &Value, site: &Site) -> String {
    use super::form::FieldKind;
    let options = site
        .forms
        .values()
        .filter_map(|form| form.field(field))
        .find_map(|f| match &f.kind {
            FieldKind::Choice { options } | FieldKind::Choices { options } => Some(options),
            _ => None,
        });
    let shown = |stored: &str| {
        options
            .and_then(|o| o.iter().find(|c| c.value == stored))
            .map_or_else(|| stored.to_owned(), |c| c.label.clone())
    };
    match value {
        Value::List(list) => list
            .iter()
            .map(|p| shown(p.expose()))
            .collect::<Vec<_>>()
            .join(", "),
        other => shown(&other.to_text()),
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
    use super::form::FieldKind::LongText;
    field == "message"
        || site
            .forms
            .values()
            .filter_map(|f| f.field(field))
            .any(|f| matches!(f.kind, LongText { .. }))
}

fn profile(lead: &Lead, site: &Site) -> Vec<Labelled> {
    let shown_apart = |field: &str| {
        matches!(field, "first_name" | "last_name" | "full_name" | "email")
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
    let mut ordered: Vec<&Touchpoint> = facts.iter().filter(|t| t.machine.is_none()).collect();
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

/// A touchpoint in words.
pub fn describe(touchpoint: &Touchpoint, site: &Site) -> String {
    let form = touchpoint.form.as_deref().map_or("a form", |id| {
        site.forms.get(id).map_or(id, |f| f.title.as_str())
    });
    let magnet = touchpoint.magnet.as_deref().map_or("a file", |id| {
        site.magnets.get(id).map_or(id, |m| m.title.as_str())
    });
    match touchpoint.kind {
        TouchpointKind::FormSubmitted => format!("Submitted “{form}”"),
        TouchpointKind::AddressConfirmed => String::from("Confirmed the address"),
        TouchpointKind::MagnetDownloaded => format!("Downloaded “{magnet}”"),
        TouchpointKind::LinkClicked => String::from("Followed a link in a mail"),
        TouchpointKind::LinkRenewed => format!("Asked for a fresh link to “{magnet}”"),
        TouchpointKind::Delivered => String::from("Our mail was delivered"),
        TouchpointKind::Delayed => String::from("Our mail was held up on its way"),
        TouchpointKind::NotSent => String::from("Our mail could not be sent"),
        TouchpointKind::Bounced => String::from("Our mail bounced"),
        TouchpointKind::Complained => String::from("Reported our mail as spam"),
        TouchpointKind::Unsubscribed => String::from("Unsubscribed"),
        TouchpointKind::SuppressionLifted => String::from("We may send mail again"),
        TouchpointKind::Accepted => String::from("Sales took the lead"),
        TouchpointKind::Rejected => String::from("Sales handed the lead back"),
        TouchpointKind::Imported => String::from("Came from a file"),
        TouchpointKind::Overridden => touchpoint.stage.map_or_else(
            || String::from("What was decided by hand was taken back"),
            |stage| format!("Set to “{}” by hand", stage.label()),
        ),
    }
}

fn matches(lead: &Lead, field: &str, any_of: &[String]) -> bool {
    text(lead, field).is_some_and(|v| any_of.iter().any(|w| v.is(&w.to_lowercase())))
}

fn route(lead: &Lead, site: &Site) -> (SalesPerson, String) {
    let sales = &site.sales;
    let matched = sales
        .routes
        .iter()
        .find(|r| matches(lead, &r.field, &r.any_of));
    let (id, because) = matched.map_or_else(
        || {
            (
                sales.fallback.as_str(),
                String::from("no route matched; this is the fallback"),
            )
        },
        |route| {
            let value = text(lead, &route.field)
                .map(|v| display(&route.field, v, site))
                .unwrap_or_default();
            (
                route.owner.as_str(),
                format!("{} is {value}", label_of(&route.field, site)),
            )
        },
    );
    // A checked site names only people of the team, and has at least one.
    let nobody = || SalesPerson {
        id: id.to_owned(),
        name: id.to_owned(),
        email: Pii::new(String::new()),
    };
    (
        sales
            .person(id)
            .or_else(|| sales.team.first())
            .cloned()
            .unwrap_or_else(nobody),
        because,
    )
}

fn action(lead: &Lead, site: &Site) -> SuggestedAction {
    let fits = |a: &&SuggestedAction| {
        a.field
            .as_deref()
            .is_none_or(|field| matches(lead, field, &a.any_of))
    };
    site.sales
        .actions
        .iter()
        .find(fits)
        .cloned()
        .unwrap_or_else(|| SuggestedAction {
            field: None,
            any_of: Vec::new(),
            text: String::from("Get in touch."),
            reason: String::from("No rule of the action table matched."),
        })
}
