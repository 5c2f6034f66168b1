//! Deciding what a press of a button on a signed page means. GET and HEAD never get here: they change nothing.

use crate::domain::consent::{ConsentGiven, Decision};
use crate::domain::form::{ConsentAsk, Form};
use crate::domain::guard::{Guard, SuppressionReason};
use crate::domain::id::derived;
use crate::domain::lead::Lead;
use crate::domain::outbox::Order;
use crate::domain::time::Timestamp;
use crate::domain::token::Claims;
use crate::domain::touchpoint::{Touchpoint, TouchpointKind};
use crate::flow::Write;
use crate::flow::capture::mail_item;

/// A press sooner than this after the page was shown is a machine's: people read first.
pub const HUMAN_MS: i64 = 2_000;

/// What is known of who pressed.
#[derive(Clone, Debug)]
pub struct Visit<'a> {
    /// When.
    pub now: Timestamp,
    /// When the page with the button was shown, by its signed stamp; none where the stamp is missing or not ours.
    pub shown_at: Option<Timestamp>,
    /// User agent.
    pub agent: &'a str,
    /// Keyed hash of the visitor's network.
    pub ip_hash: Option<String>,
    /// Hash of the site in force.
    pub site_hash: &'a str,
}

/// Fragments of user agents that are never a person reading mail.
const MACHINES: [&str; 14] = [
    "bot",
    "crawl",
    "spider",
    "scan",
    "preview",
    "prefetch",
    "headlesschrome",
    "python",
    "curl",
    "wget",
    "go-http",
    "java/",
    "okhttp",
    "barracuda",
];

/// Why a press is taken for a machine's, or none.
pub fn machine_reason(visit: &Visit<'_>) -> Option<String> {
    let agent = visit.agent.to_lowercase();
    let Some(shown_at) = visit.shown_at else {
        return Some("no page was shown before".into());
    };
    let waited = visit.now.since(shown_at);
    if waited < HUMAN_MS {
        return Some(format!("pressed {waited} ms after the page was shown"));
    }
    if agent.is_empty() {
        return Some("no user agent".into());
    }
    MACHINES
        .iter()
        .find(|m| agent.contains(**m))
        .map(|m| format!("user agent names {m}"))
}

/// Coarse class of a user agent, for facts.
pub fn agent_class(agent: &str) -> &'static str {
    let lower = agent.to_lowercase();
    if lower.is_empty() {
        "none"
    } else if MACHINES.iter().any(|m| lower.contains(m)) {
        "machine"
    } else if lower.contains("mozilla/") {
        "browser"
    } else {
        "other"
    }
}

/// A fact that a token's holder made. A machine's and a person's are two facts, so that a later person still counts.
fn fact(
    kind: TouchpointKind,
    claims: &Claims,
    visit: &Visit<'_>,
    machine: Option<String>,
) -> Touchpoint {
    let who: &[u8] = if machine.is_some() {
        b"machine"
    } else {
        b"person"
    };
    let id = derived(
        kind.prefix(),
        &[&claims.scope.to_be_bytes(), &claims.nonce, who],
    );
    let mut touchpoint = Touchpoint::new(claims.subject, id, kind, visit.now);
    touchpoint.machine = machine;
    touchpoint.ip_hash.clone_from(&visit.ip_hash);
    touchpoint.agent_class = Some(agent_class(visit.agent).into());
    touchpoint.site_hash = Some(visit.site_hash.to_owned());
    touchpoint
}

/// Consents that a click can confirm: granted on this form and not confirmed yet, with the wording the form has now.
pub fn confirmable<'f>(form: &'f Form, lead: Option<&Lead>) -> Vec<&'f ConsentAsk> {
    let granted = |purpose: &str| {
        lead.and_then(|l| l.consents.get(purpose))
            .is_some_and(|c| c.decision == Decision::Granted)
    };
    form.consents
        .iter()
        .filter(|ask| granted(&ask.purpose))
        .collect()
}

/// The Download or Confirm button was pressed. `named` are the purposes that the page named in words; only those are confirmed. A
/// machine's press is kept and confirms nothing.
pub fn pressed(
    kind: TouchpointKind,
    claims: &Claims,
    form: &Form,
    lead: Option<&Lead>,
    named: &[String],
    visit: &Visit<'_>,
    guard: &Guard,
) -> Vec<Write> {
    let machine = machine_reason(visit);
    let human = machine.is_none();
    let mut touchpoint = fact(kind, claims, visit, machine);
    touchpoint.form = Some(form.id.clone());
    touchpoint.form_version = Some(form.version.clone());
    touchpoint.magnet = form
        .magnet
        .clone()
        .filter(|_| kind == TouchpointKind::MagnetDownloaded);
    if human {
        touchpoint.consents = confirmable(form, lead)
            .into_iter()
            .filter(|ask| named.contains(&ask.purpose))
            .map(|ask| ConsentGiven {
                purpose: ask.purpose.clone(),
                decision: Decision::Confirmed,
                text_sha256: ask.text_sha256.clone(),
            })
            .collect();
    }
    let opted_in: Vec<String> = touchpoint
        .consents
        .iter()
        .map(|c| c.purpose.clone())
        .collect();
    let id = touchpoint.id.clone();
    let mut writes = vec![Write::Touchpoint(touchpoint)];
    if human {
        writes.extend(guard_write(
            claims,
            guard,
            guard.clone().confirm(visit.now, &opted_in),
            &id,
        ));
    }
    writes
}

/// A fresh link was asked for: one fact a day, and the mail again to the same address.
pub fn renewed(claims: &Claims, form: &Form, order: Order, visit: &Visit<'_>) -> Vec<Write> {
    let day = visit.now.day().0.to_be_bytes();
    let mut touchpoint = fact(
        TouchpointKind::LinkRenewed,
        claims,
        visit,
        machine_reason(visit),
    );
    touchpoint.id = derived(TouchpointKind::LinkRenewed.prefix(), &[&claims.nonce, &day]);
    touchpoint.last_write_id.clone_from(&touchpoint.id);
    touchpoint.form = Some(form.id.clone());
    touchpoint.magnet.clone_from(&form.magnet);
    let mail = mail_item(
        claims.subject,
        order,
        &touchpoint.id,
        visit.now,
        visit.site_hash,
    );
    vec![Write::Touchpoint(touchpoint), Write::Outbox(mail)]
}

/// The person wants no more mail. Acts at once, whoever or whatever pressed: leaving is never made hard.
pub fn unsubscribed(claims: &Claims, visit: &Visit<'_>, guard: &Guard) -> Vec<Write> {
    let day = visit.now.day().0.to_be_bytes();
    let id = derived(
        TouchpointKind::Unsubscribed.prefix(),
        &[&claims.nonce, &day],
    );
    let mut touchpoint = fact(TouchpointKind::Unsubscribed, claims, visit, None);
    touchpoint.id.clone_from(&id);
    touchpoint.last_write_id.clone_from(&id);
    let mut writes = vec![Write::Touchpoint(touchpoint)];
    writes.extend(guard_write(
        claims,
        guard,
        guard
            .clone()
            .suppress(SuppressionReason::Unsubscribed, visit.now),
        &id,
    ));
    writes
}

fn guard_write(claims: &Claims, before: &Guard, mut after: Guard, write_id: &str) -> Option<Write> {
    if after == *before {
        return None;
    }
    after.version = before.version + 1;
    Some(Write::Guard {
        lead_id: claims.subject,
        guard: after,
        write_id: write_id.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_772_357_400_000);
    const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";

    fn visit(shown_at: Option<Timestamp>, agent: &str) -> Visit<'_> {
        Visit {
            now: NOW,
            shown_at,
            agent,
            ip_hash: None,
            site_hash: "s",
        }
    }

    #[test]
    fn lnk_2_a_press_without_a_page_or_too_soon_after_it_is_a_machines() {
        assert!(machine_reason(&visit(None, BROWSER)).is_some());
        assert!(machine_reason(&visit(Some(NOW.plus_ms(1 - HUMAN_MS)), BROWSER)).is_some());
        assert_eq!(
            machine_reason(&visit(Some(NOW.plus_ms(-HUMAN_MS)), BROWSER)),
            None
        );
        assert!(machine_reason(&visit(Some(NOW.plus_ms(-HUMAN_MS)), "")).is_some());
        assert!(
            machine_reason(&visit(
                Some(NOW.plus_ms(-HUMAN_MS)),
                "Mozilla/5.0 (compatible; MailScanner/1.0)"
            ))
            .is_some()
        );
    }
}
