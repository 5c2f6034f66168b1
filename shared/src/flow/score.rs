//! Deciding what a lead's facts come to: its new state, new consent records, and on crossing into MQL the handoff and its alerts.

use crate::domain::consent::{ConsentGiven, ConsentKey, ConsentRecord, Decision, Wording};
use crate::domain::form::{ConsentAsk, Form};
use crate::domain::handoff::Handoff;
use crate::domain::id::LeadId;
use crate::domain::lead::{Lead, Under, fold};
use crate::domain::outbox::{Order, OutboxItem, OutboxKind, Reader, Request};
use crate::domain::routing::{Routing, Turn};
use crate::domain::time::Timestamp;
use crate::domain::touchpoint::{Touchpoint, TouchpointKind, Trust};
use crate::flow::alerts::alerts;
use crate::flow::keep::keep_until;
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
    lead.keep_until = keep_until(&lead, &living(facts, erased_at), site);
    let same = |b: &Lead| b.fingerprint == lead.fingerprint && b.keep_until == lead.keep_until;
    if before.is_some_and(same) && consents.is_empty() {
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
    writes.extend(consents.last().map(|last| Write::Ledger {
        lead_id,
        head: key.head(&lead_id, last),
        from: records.ledger.as_ref().map(|head| head.n),
    }));
    writes.extend(consents.into_iter().map(|c| Write::Consent(lead_id, c)));
    if let Some(at) = lead.review_at
        && before.and_then(|b| b.review_at) != Some(at)
    {
        writes.push(Write::Outbox(review(&lead, at, site, now)));
    }
    writes.push(Write::Lead {
        lead: Box::new(lead),
        from: before.map(|b| b.version),
        write_id: write_id.to_owned(),
    });
    Decided::Commit(writes)
}

/// Wakes this function when time alone may change the lead's stage. Named by the version of the lead that it is written with, so that
/// an instant that comes back after another is a new item.
fn review(lead: &Lead, at: Timestamp, site: &Site, now: Timestamp) -> OutboxItem {
    let request = Request {
        lead_id: lead.lead_id,
        id: format!("rev_{}_{}", at.seconds(), lead.version),
        reader: Reader::Score,
        kind: OutboxKind::Review,
        order: Order {
            template: "review".into(),
            ..Order::default()
        },
        cause: &lead.fingerprint,
        not_before: at,
        site_hash: &site.hash,
    };
    OutboxItem::new(request, now)
}

fn needs_handoff(lead: &Lead, records: &LeadRecords) -> bool {
    lead.cycle > 0 && !records.handoffs.iter().any(|h| h.cycle >= lead.cycle)
}

/// Facts since the erasure, where there was one.
fn living(facts: &[Touchpoint], erased_at: Option<Timestamp>) -> Vec<Touchpoint> {
    let living = facts.iter().filter(|t| erased_at.is_none_or(|e| t.at > e));
    living.cloned().collect()
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
                fresh.push(record(touchpoint, &said, facts, site));
            }
        }
    }
    key.append(records.consents.last(), fresh)
}

/// What a fact says; an unsubscribe takes back everything.
pub fn said_by(touchpoint: &Touchpoint) -> Vec<ConsentGiven> {
    if touchpoint.kind == TouchpointKind::Unsubscribed && touchpoint.consents.is_empty() {
        return vec![ConsentGiven {
            purpose: "all".into(),
            decision: Decision::Withdrawn,
            text_sha256: String::new(),
        }];
    }
    touchpoint.consents.clone()
}

/// Words that entries of this decision name and that are to be kept before it is committed, so that no entry stands without its words.
pub fn wordings(writes: &[Write], site: &Site, now: Timestamp) -> Vec<Wording> {
    let mut kept: Vec<Wording> = Vec::new();
    for write in writes {
        let Write::Consent(_, record) = write else {
            continue;
        };
        let known = |w: &Wording| w.text_sha256 == record.text_sha256;
        if kept.iter().any(known) {
            continue;
        }
        let form = record.form.as_deref().and_then(|id| site.forms.get(id));
        kept.extend(
            form.and_then(|form| Some((form, shown(form, &record.text_sha256)?)))
                .map(|(form, ask)| Wording {
                    text_sha256: ask.text_sha256.clone(),
                    text: ask.text.clone(),
                    language: form.language.clone(),
                    form: form.id.clone(),
                    form_version: form.version.clone(),
                    first_at: now,
                }),
        );
    }
    kept
}

/// The wording is the form's as long as its hash is the one shown; a later wording is never passed off as this one.
fn shown<'f>(form: &'f Form, text_sha256: &str) -> Option<&'f ConsentAsk> {
    form.consents.iter().find(|a| a.text_sha256 == text_sha256)
}

/// The mail whose link was pressed: the last one for that form that the mail service delivered before.
fn mail_of<'f>(press: &Touchpoint, facts: &'f [Touchpoint]) -> Option<&'f Touchpoint> {
    facts
        .iter()
        .filter(|t| t.kind == TouchpointKind::Delivered && t.form == press.form && t.at <= press.at)
        .max_by_key(|t| t.at)
}

/// How a fact of this kind says something.
const fn method(kind: TouchpointKind, trust: Trust) -> &'static str {
    match (kind, trust) {
        (TouchpointKind::Imported, _) | (_, Trust::Imported) => "import",
        (_, Trust::Sales) => "sales",
        (TouchpointKind::FormSubmitted, _) => "checkbox",
        (TouchpointKind::Unsubscribed, _) => "unsubscribe",
        (TouchpointKind::PreferencesChanged, _) => "preferences",
        _ => "mail_click",
    }
}

fn record(
    touchpoint: &Touchpoint,
    said: &ConsentGiven,
    facts: &[Touchpoint],
    site: &Site,
) -> ConsentRecord {
    let form = touchpoint.form.as_deref().and_then(|id| site.forms.get(id));
    let ask = form.and_then(|f| shown(f, &said.text_sha256));
    let method = method(touchpoint.kind, touchpoint.trust);
    let mail = mail_of(touchpoint, facts).filter(|_| method == "mail_click");
    ConsentRecord {
        n: 0,
        purpose: said.purpose.clone(),
        decision: said.decision,
        text: None,
        text_sha256: said.text_sha256.clone(),
        form: touchpoint.form.clone(),
        form_version: touchpoint.form_version.clone(),
        page: touchpoint.source.as_ref().and_then(|s| s.page.clone()),
        method: method.into(),
        ip_hash: touchpoint.ip_hash.clone(),
        at: touchpoint.at,
        touchpoint: touchpoint.id.clone(),
        field: ask.map(|a| a.field.clone()),
        language: form.filter(|_| ask.is_some()).map(|f| f.language.clone()),
        agent_class: touchpoint.agent_class.clone(),
        mail: mail.and_then(|m| m.outbox_id.clone()),
        mail_delivered_at: mail.map(|m| m.at),
        prev: String::new(),
        seal: String::new(),
    }
}
