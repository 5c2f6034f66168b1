//! Deciding which channels hear of what: one outbox item for each, with an id made of the cause and the channel.
//!
//! Items are written with the fact or the state that causes them. The news is frozen in the item, so that every attempt sends the same.

use crate::domain::channel::{Channel, EventType};
use crate::domain::form::Form;
use crate::domain::handoff::Handoff;
use crate::domain::id::{LeadId, derived};
use crate::domain::lead::Lead;
use crate::domain::news::News;
use crate::domain::outbox::{Order, OutboxItem, OutboxKind, Reader, Request};
use crate::domain::pii::Pii;
use crate::domain::time::Timestamp;
use crate::domain::touchpoint::Touchpoint;
use crate::site::Site;

struct Cause<'a> {
    lead_id: LeadId,
    id: &'a str,
    kind: OutboxKind,
    form: Option<&'a str>,
    cycle: Option<u32>,
}

/// Channels that hear of a lead that has just qualified.
pub fn qualified(lead: &Lead, handoff: &Handoff, site: &Site, now: Timestamp) -> Vec<OutboxItem> {
    let cause = Cause {
        lead_id: handoff.lead_id,
        id: &format!("HANDOFF#{}", handoff.cycle),
        kind: OutboxKind::Alert,
        form: None,
        cycle: Some(handoff.cycle),
    };
    items(
        &cause,
        EventType::LeadMql,
        || News::qualified(lead, handoff),
        |channel| format!("alr_{}_{}", handoff.cycle, channel.id),
        site,
        now,
    )
}

/// Channels that hear that sales moved a lead. The id is made of the lead's version: a repeat of this commit makes the same one.
pub fn moved(before: Option<&Lead>, lead: &Lead, site: &Site, now: Timestamp) -> Vec<OutboxItem> {
    let Some(news) = before.and_then(|before| News::moved(before, lead)) else {
        return Vec::new();
    };
    let version = lead.version.to_string();
    let cause = Cause {
        lead_id: lead.lead_id,
        id: &format!("LEAD#{version}"),
        kind: OutboxKind::Alert,
        form: None,
        cycle: Some(lead.cycle),
    };
    let id = |channel: &Channel| {
        let parts = [
            news.event.name().as_bytes(),
            news.timestamp.as_bytes(),
            version.as_bytes(),
            channel.id.as_bytes(),
        ];
        derived("upd", &parts)
    };
    items(&cause, news.event, || news.clone(), id, site, now)
}

/// Channels that hear of a submission: those that ask for every one, and those that the form names.
pub fn submitted(
    touchpoint: &Touchpoint,
    form: &Form,
    site: &Site,
    now: Timestamp,
) -> Vec<OutboxItem> {
    let cause = Cause {
        lead_id: touchpoint.lead_id,
        id: &touchpoint.id,
        kind: OutboxKind::Notice,
        form: Some(&form.id),
        cycle: None,
    };
    items(
        &cause,
        EventType::SubmissionCreated,
        || News::submission(form, touchpoint, site),
        |channel| derived("ntc", &[touchpoint.id.as_bytes(), channel.id.as_bytes()]),
        site,
        now,
    )
}

fn items(
    cause: &Cause<'_>,
    event: EventType,
    news: impl FnOnce() -> News,
    id: impl Fn(&Channel) -> String,
    site: &Site,
    now: Timestamp,
) -> Vec<OutboxItem> {
    let named = |channel: &Channel| {
        let form = cause.form.and_then(|form| site.forms.get(form));
        form.is_some_and(|f| f.notify.contains(&channel.id))
    };
    let wanting: Vec<&Channel> = site
        .channels
        .iter()
        .filter(|c| c.wants(event) || named(c))
        .collect();
    if wanting.is_empty() {
        return Vec::new();
    }
    let body = news().body();
    wanting
        .into_iter()
        .map(|channel| {
            let order = Order {
                form: cause.form.map(str::to_owned),
                cycle: cause.cycle,
                channel: Some(channel.id.clone()),
                may_repeat: channel.may_repeat(),
                body: Some(Pii::new(body.clone())),
                ..Order::default()
            };
            let request = Request {
                lead_id: cause.lead_id,
                id: id(channel),
                reader: Reader::Notify,
                kind: cause.kind,
                order,
                cause: cause.id,
                not_before: now,
                site_hash: &site.hash,
            };
            OutboxItem::new(request, now)
        })
        .collect()
}
