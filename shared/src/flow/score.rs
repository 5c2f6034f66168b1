//! Deciding what a lead's facts come to: its new state, new consent records, and on crossing into MQL the handoff and its alerts.

use crate::domain::consent::{ConsentGiven, ConsentKey, ConsentRecord, Decision};
use crate::domain::handoff::Handoff;
use crate::domain::id::LeadId;
use crate::domain::lead::{Lead, Under, fold};
use crate::domain::routing::{Routing, Turn};
use crate::domain::time::Timestamp;
use crate::domain::touchpoint::{Touchpoint, TouchpointKind};
use crate::flow::alerts::alerts;
use crate::flow::{LeadRecords, Write, channels};
use crate::site::Site;

/// What to do about a lead.
#[derive(Clone, Debug)]
pub enum Decided {
    /// Nothing changed: write nothing.
    Unchanged,
    /// A new handoff goes to whoever's turn it is in this group: draw its next number and decide again.
    NeedsTurn(String),
    /// Commit these writes as one.
    Commit(Vec<Write>),
}

/// Whether a lead that crosses into MQL is announced. Replays and rebuilds stay silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Announce {
    /// Make the handoff and its alerts.
    Yes,
    /// Write state only.
    No,
}

/// What surrounds a decision.
#[derive(Clone, Debug)]
pub struct Context<'a> {
    /// The site in force.
    pub site: &'a Site,
    /// Seals the consent ledger.
    pub key: &'a ConsentKey,
    /// Whether sales hears of a crossing.
    pub announce: Announce,
    /// The turn drawn for a handoff, where one was needed.
    pub turn: Option<&'a Turn>,
    /// When.
    pub now: Timestamp,
    /// Identity of this commit.
    pub write_id: &'a str,
}

/// Decides from all facts of a lead and what is stored about it.
pub fn decide(
    lead_id: LeadId,
    facts: &[Touchpoint],
    records: &LeadRecords,
    context: &Context<'_>,
) -> Decided {
    let Context {
        site,
        key,
        announce,
        turn,
        now,
        write_id,
    } = *context;
    let erased_at = records.guard.erased_at;
    let under = Under {
        model: &site.model,
        handoffs: &records.past_handoffs(),
        erased_at,
        now,
    };
    let Some(mut lead) = fold(lead_id, facts, &under) else {
        return Decided::Unchanged;
    };
    let consents = new_consents(facts, records, site, key, erased_at);
    let before = records.lead.as_ref();
    if before.is_some_and(|b| b.fingerprint == lead.fingerprint) && consents.is_empty() {
        return Decided::Unchanged;
    }
    lead.version = before.map_or(1, |b| b.version + 1);

    let mut writes = Vec::new();
    if announce == Announce::Yes && needs_handoff(&lead, records) {
        let routing = Routing {
            lead: &lead,
            facts,
            past: &records.handoffs,
            site,
            now,
        };
        if let Some(group) = routing.group()
            && turn.is_none_or(|t| t.group != group)
        {
            return Decided::NeedsTurn(group);
        }
        let routed = routing.owner(turn);
        let handoff = Handoff::of(&routing, &routed);
        writes.extend(
            alerts(&handoff, &routed.line, site, now)
                .into_iter()
                .map(Write::Outbox),
        );
        writes.extend(
            channels::qualified(&lead, &handoff, site, now)
                .into_iter()
                .map(Write::Outbox),
        );
        writes.push(Write::Handoff(Box::new(handoff)));
    }
    if announce == Announce::Yes {
        let news = channels::moved(before, &lead, site, now);
        writes.extend(news.into_iter().map(Write::Outbox));
    }
    writes.extend(consents.into_iter().map(|c| Write::Consent(lead_id, c)));
    writes.push(Write::Lead {
        lead: Box::new(lead),
        from: before.map(|b| b.version),
        write_id: write_id.to_owned(),
    });
    Decided::Commit(writes)
}

fn needs_handoff(lead: &Lead, records: &LeadRecords) -> bool {
    lead.cycle > 0 && !records.handoffs.iter().any(|h| h.cycle >= lead.cycle)
}

/// Ledger entries for what facts say and the ledger does not have yet, in order of time.
fn new_consents(
    facts: &[Touchpoint],
    records: &LeadRecords,
    site: &Site,
    key: &ConsentKey,
    erased_at: Option<Timestamp>,
) -> Vec<ConsentRecord> {
    let mut ordered: Vec<&Touchpoint> = facts
        .iter()
        .filter(|t| t.machine.is_none() && erased_at.is_none_or(|e| t.at > e))
        .collect();
    ordered.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
    ordered.dedup_by(|a, b| a.id == b.id);
    let known = |touchpoint: &str, purpose: &str| {
        records
            .consents
            .iter()
            .any(|c| c.touchpoint == touchpoint && c.purpose == purpose)
    };
    let mut fresh = Vec::new();
    for touchpoint in ordered {
        for said in said_by(touchpoint) {
            if !known(&touchpoint.id, &said.purpose) {
                fresh.push(record(touchpoint, &said, site));
            }
        }
    }
    key.append(records.consents.last(), fresh)
}

/// What a fact says; an unsubscribe takes back everything.
fn said_by(touchpoint: &Touchpoint) -> Vec<ConsentGiven> {
    if touchpoint.kind == TouchpointKind::Unsubscribed && touchpoint.consents.is_empty() {
        return vec![ConsentGiven {
            purpose: "all".into(),
            decision: Decision::Withdrawn,
            text_sha256: String::new(),
        }];
    }
    touchpoint.consents.clone()
}

fn record(touchpoint: &Touchpoint, said: &ConsentGiven, site: &Site) -> ConsentRecord {
    let form = touchpoint.form.as_deref().and_then(|id| site.forms.get(id));
    // The wording is the form's as long as its hash is the one shown; a later wording is never passed off as this one.
    let ask = form.and_then(|f| {
        f.consents
            .iter()
            .find(|a| a.text_sha256 == said.text_sha256)
    });
    let method = match touchpoint.kind {
        TouchpointKind::FormSubmitted => "checkbox",
        TouchpointKind::Unsubscribed => "unsubscribe",
        TouchpointKind::Imported => "import",
        TouchpointKind::PreferencesChanged => "preferences",
        _ => "mail_click",
    };
    ConsentRecord {
        n: 0,
        purpose: said.purpose.clone(),
        decision: said.decision,
        text: ask.map(|a| a.text.clone()),
        text_sha256: said.text_sha256.clone(),
        form: touchpoint.form.clone(),
        form_version: touchpoint.form_version.clone(),
        page: touchpoint.source.as_ref().and_then(|s| s.page.clone()),
        method: method.into(),
        ip_hash: touchpoint.ip_hash.clone(),
        at: touchpoint.at,
        touchpoint: touchpoint.id.clone(),
        prev: String::new(),
        seal: String::new(),
    }
}
