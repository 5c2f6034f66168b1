//! Deciding what a press of a button on a signed page means. GET and HEAD never get here: they change nothing.

use std::iter;

use crate::domain::consent::{ConsentGiven, Decision};
use crate::domain::form::{ConsentAsk, Form};
use crate::domain::guard::{Guard, SuppressionReason};
use crate::domain::id::{LeadId, derived};
use crate::domain::lead::{CAME_BACK, Lead};
use crate::domain::magnet::Magnet;
use crate::domain::outbox::{Order, OutboxItem};
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

/// What a page said that its button would do.
#[derive(Clone, Debug, Default)]
pub struct Named {
    /// Consents that it named in words.
    pub purposes: Vec<String>,
    /// It said that the button takes back an earlier wish for no more mail.
    pub comes_back: bool,
}

/// A button that was pressed, and what is known of its link.
#[derive(Clone, Copy, Debug)]
pub struct Press<'a> {
    /// Which one: [`TouchpointKind::MagnetDownloaded`] or [`TouchpointKind::AddressConfirmed`].
    pub kind: TouchpointKind,
    /// The link's token.
    pub claims: &'a Claims,
    /// The form it is limited to.
    pub form: &'a Form,
    /// The lead behind it.
    pub lead: Option<&'a Lead>,
    /// What the page said.
    pub named: &'a Named,
}

/// Whether the link belongs to a mail that asked somebody who had left, and asked for something again, whether it was them.
pub fn asks_back(claims: &Claims, guard: &Guard) -> bool {
    guard
        .left_at()
        .is_some_and(|left| left < claims.issued_at())
}

/// The Download or Confirm button was pressed. Only what the page named in words is confirmed. A machine's press is kept and confirms
/// nothing. `then` is what follows a person's press.
pub fn pressed(
    press: &Press<'_>,
    visit: &Visit<'_>,
    guard: &Guard,
    then: impl FnOnce(&Touchpoint) -> Vec<OutboxItem>,
) -> Vec<Write> {
    let Press {
        kind,
        claims,
        form,
        lead,
        named,
    } = *press;
    if is_of_erased(claims, guard) {
        return Vec::new();
    }
    let machine = machine_reason(visit);
    let human = machine.is_none();
    let comes_back = human && named.comes_back && asks_back(claims, guard);
    let mut touchpoint = fact(kind, claims, visit, machine);
    touchpoint.reason = comes_back.then(|| CAME_BACK.to_owned());
    touchpoint.form = Some(form.id.clone());
    touchpoint.form_version = Some(form.version.clone());
    touchpoint.magnet = form
        .magnet
        .clone()
        .filter(|_| kind == TouchpointKind::MagnetDownloaded);
    if human {
        touchpoint.consents = confirmable(form, lead)
            .into_iter()
            .filter(|ask| named.purposes.contains(&ask.purpose))
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
    let follows = if human { then(&touchpoint) } else { Vec::new() };
    let mut writes = vec![Write::Touchpoint(touchpoint)];
    if human {
        let mut after = guard.clone().confirm(visit.now, &opted_in);
        if comes_back {
            after = after.come_back(visit.now);
        }
        writes.extend(Write::guard(claims.subject, guard, after, &id));
    }
    writes.extend(follows.into_iter().map(Write::Outbox));
    writes
}

/// Id of a follow-up: one for each lead, magnet and number, however often the magnet is downloaded.
pub fn follow_up_id(magnet: &Magnet, number: usize) -> String {
    let number = number.to_string();
    derived(
        "mal",
        &[b"follow-up", magnet.id.as_bytes(), number.as_bytes()],
    )
}

/// All mails that follow a download, at once: those whose consent the lead has given or gives now. Each is asked again when its day
/// comes.
pub fn follow_ups(
    download: &Touchpoint,
    magnet: &Magnet,
    lead: Option<&Lead>,
    order: &Order,
    visit: &Visit<'_>,
) -> Vec<OutboxItem> {
    let agreed = |purpose: &str| {
        let before = lead.and_then(|l| l.consents.get(purpose));
        download.consents.iter().any(|c| c.purpose == purpose)
            || before.is_some_and(|c| matches!(c.decision, Decision::Confirmed | Decision::Granted))
    };
    magnet
        .follow_ups
        .iter()
        .enumerate()
        .filter(|(_, follow_up)| agreed(&follow_up.purpose))
        .map(|(number, follow_up)| {
            let order = Order {
                template: follow_up.template.clone(),
                magnet: Some(magnet.id.clone()),
                purpose: Some(follow_up.purpose.clone()),
                ..order.clone()
            };
            let mut item = mail_item(
                download.lead_id,
                order,
                &download.id,
                visit.now,
                visit.site_hash,
            );
            item.id = follow_up_id(magnet, number);
            item.last_write_id = format!("{}.{number}", download.id);
            item.wait_until(visit.now.plus_days(follow_up.after_days.into()));
            item
        })
        .collect()
}

/// A tracked link was followed. A GET is a visit that machines make too: it is kept once a day and is worth nothing. What a page
/// reports afterwards, with the stamp that the visit gave it, is a person's if a person can have done it.
pub fn clicked(claims: &Claims, link: &str, visit: &Visit<'_>, by_get: bool) -> Touchpoint {
    let machine = if by_get {
        Some(String::from("a visit alone: machines follow links too"))
    } else {
        machine_reason(visit)
    };
    let who: &[u8] = match (by_get, &machine) {
        (true, _) => b"visit",
        (false, Some(_)) => b"machine",
        (false, None) => b"person",
    };
    let day = visit.now.day().0.to_be_bytes();
    let mut touchpoint = fact(TouchpointKind::LinkClicked, claims, visit, machine);
    touchpoint.id = derived(
        TouchpointKind::LinkClicked.prefix(),
        &[&claims.scope.to_be_bytes(), &claims.nonce, &day, who],
    );
    touchpoint.last_write_id.clone_from(&touchpoint.id);
    touchpoint.reason = Some(link.to_owned());
    touchpoint
}

/// What somebody chose on the page of their preferences: purposes they want, out of those that the page showed.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// Purposes ticked.
    pub wanted: Vec<String>,
    /// Purposes shown.
    pub shown: Vec<String>,
}

/// The preferences were saved. Taking back works however quickly somebody pressed; agreeing takes a person. Nothing is written where
/// nothing changed.
pub fn preferences(
    claims: &Claims,
    form: Option<&Form>,
    lead: Option<&Lead>,
    choice: &Choice,
    visit: &Visit<'_>,
    guard: &Guard,
) -> Vec<Write> {
    let machine = machine_reason(visit);
    let has = |purpose: &str| agreed_to(purpose, lead, guard);
    let mut said = Vec::new();
    for purpose in &choice.shown {
        let wants = choice.wanted.contains(purpose);
        let ask = form
            .into_iter()
            .flat_map(|f| &f.consents)
            .find(|a| a.purpose == *purpose);
        match (wants, has(purpose)) {
            (false, true) => said.push((Decision::Withdrawn, purpose, None)),
            (true, false) if machine.is_none() => {
                said.extend(ask.map(|ask| (Decision::Confirmed, purpose, Some(ask))));
            }
            _ => {}
        }
    }
    if said.is_empty() || is_of_erased(claims, guard) {
        return Vec::new();
    }
    let pressed = visit.shown_at.unwrap_or(visit.now).0.to_be_bytes();
    let mut touchpoint = fact(TouchpointKind::PreferencesChanged, claims, visit, None);
    touchpoint.id = derived(
        TouchpointKind::PreferencesChanged.prefix(),
        &[&claims.nonce, &pressed],
    );
    touchpoint.last_write_id.clone_from(&touchpoint.id);
    touchpoint.form = form.map(|f| f.id.clone());
    touchpoint.form_version = form.map(|f| f.version.clone());
    let mut after = guard.clone();
    let mut opted_in = Vec::new();
    for (decision, purpose, ask) in said {
        if decision == Decision::Withdrawn {
            after = after.withdraw(purpose);
        } else {
            opted_in.push(purpose.clone());
        }
        touchpoint.consents.push(ConsentGiven {
            purpose: purpose.clone(),
            decision,
            text_sha256: ask.map(|a| a.text_sha256.clone()).unwrap_or_default(),
        });
    }
    if !opted_in.is_empty() {
        after = after.confirm(visit.now, &opted_in);
    }
    let id = touchpoint.id.clone();
    let mut writes = vec![Write::Touchpoint(touchpoint)];
    writes.extend(Write::guard(claims.subject, guard, after, &id));
    writes
}

/// Whether mails of a purpose may go out, as far as the person is concerned.
pub fn agreed_to(purpose: &str, lead: Option<&Lead>, guard: &Guard) -> bool {
    let said = lead.and_then(|l| l.consents.get(purpose));
    let agreed =
        said.is_some_and(|c| matches!(c.decision, Decision::Granted | Decision::Confirmed));
    agreed && guard.suppressed.is_none() && !guard.withdrawn.iter().any(|p| p == purpose)
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
/// With `mailbox`, the guard of the mailbox too: no other spelling of the address gets a mail that nobody proved to want.
pub fn unsubscribed(
    claims: &Claims,
    visit: &Visit<'_>,
    guard: &Guard,
    mailbox: Option<(LeadId, &Guard)>,
) -> Vec<Write> {
    let day = visit.now.day().0.to_be_bytes();
    let id = derived(
        TouchpointKind::Unsubscribed.prefix(),
        &[&claims.nonce, &day],
    );
    let mut touchpoint = fact(TouchpointKind::Unsubscribed, claims, visit, None);
    touchpoint.id.clone_from(&id);
    touchpoint.last_write_id.clone_from(&id);
    // Whoever was erased has no facts, but still may leave by an old mail.
    let mut writes = Vec::new();
    if !is_of_erased(claims, guard) {
        writes.push(Write::Touchpoint(touchpoint));
    }
    for (lead_id, before) in iter::once((claims.subject, guard)).chain(mailbox) {
        let left = SuppressionReason::Unsubscribed;
        let after = before.clone().suppress(left, visit.now);
        writes.extend(Write::guard(lead_id, before, after, &id));
    }
    writes
}

/// Whether the link is of a life that was erased since: nothing that it says is kept.
pub fn is_of_erased(claims: &Claims, guard: &Guard) -> bool {
    guard.has_erased(claims.issued_at())
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
