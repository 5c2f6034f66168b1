//! What is stored, in the words people read.

use crate::domain::consent::Decision;
use crate::domain::countries::country_name;
use crate::domain::form::{FieldKind, Form};
use crate::domain::handoff::Labelled;
use crate::domain::lead::Lead;
use crate::domain::pii::Pii;
use crate::domain::touchpoint::{Answer, Touchpoint, TouchpointKind, Value};
use crate::site::Site;

/// A consent's state, in words that a date follows.
pub(super) const fn decision(decision: Decision) -> &'static str {
    match decision {
        Decision::Granted => "given, not confirmed yet,",
        Decision::Declined => "not given",
        Decision::Confirmed => "given and confirmed",
        Decision::Withdrawn => "withdrawn",
    }
}

/// A profile value that is not empty.
pub(in crate::domain) fn text<'l>(lead: &'l Lead, field: &str) -> Option<&'l Value> {
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

/// What people call a field.
pub fn label_of(field: &str, site: &Site) -> String {
    let declared = site
        .forms
        .values()
        .find_map(|form| form.field(field))
        .map(|f| f.label.clone());
    declared.unwrap_or_else(|| field.replace('_', " "))
}

/// Answers to a form in its own words, in the order in which they were given.
pub fn in_words(answers: &[Answer], form: &Form, site: &Site) -> Vec<Labelled> {
    let label = |name: &str| {
        let declared = form.field(name).map(|f| f.label.clone());
        declared.unwrap_or_else(|| name.replace('_', " "))
    };
    answers
        .iter()
        .map(|a| Labelled {
            field: a.name.clone(),
            label: label(&a.name),
            value: Pii::new(display(&a.name, &a.value, site)),
        })
        .collect()
}

/// What people read for a choice, instead of what is stored.
pub fn display(field: &str, value: &Value, site: &Site) -> String {
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
    let country = field == "country"
        || site
            .forms
            .values()
            .filter_map(|form| form.field(field))
            .any(|f| matches!(f.kind, FieldKind::Country));
    if country && let Some(name) = country_name(&value.to_text()) {
        return name.to_owned();
    }
    match value {
        Value::List(list) => list
            .iter()
            .map(|p| shown(p.expose()))
            .collect::<Vec<_>>()
            .join(", "),
        other => shown(&other.to_text()),
    }
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
        TouchpointKind::PreferencesChanged => String::from("Chose which mails they want"),
        TouchpointKind::Replied => String::from("Wrote back to a mail"),
        TouchpointKind::SuppressionLifted => String::from("We may send mail again"),
        TouchpointKind::Imported => String::from("Came from a file"),
        TouchpointKind::Overridden => touchpoint.stage.map_or_else(
            || String::from("What was decided by hand was taken back"),
            |stage| format!("Set to “{}” by hand", stage.label()),
        ),
        TouchpointKind::Accepted => String::from("Sales took the lead"),
        TouchpointKind::Rejected => String::from("Sales handed the lead back"),
        TouchpointKind::Snoozed => String::from("Sales put the answer off"),
        TouchpointKind::Rerouted => String::from("Sales passed the lead on"),
        TouchpointKind::SalesQualified => String::from("Sales qualified the lead"),
        TouchpointKind::Won => String::from("Won"),
        TouchpointKind::Lost => String::from("Lost"),
    }
}
