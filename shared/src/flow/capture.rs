//! Deciding what a submission becomes: a fact, and the work it causes.
//!
//! ```text
//! first time          put if absent -> written
//! repeat in time      the same id -> it is there already -> the same answer, nothing new
//! repeat later        the same id, but old -> written under the next id of the chain, so that the post is not lost
//! same key, other     the client's key, but another content -> 409
//! ```

use crate::domain::consent::Decision;
use crate::domain::email::EmailAddress;
use crate::domain::form::Form;
use crate::domain::handoff::{Labelled, in_words};
use crate::domain::id::{IdentityKey, LeadId, derived};
use crate::domain::mailbox::ROLE;
use crate::domain::outbox::{Order, OutboxItem, OutboxKind, Reader, Request};
use crate::domain::pii::Pii;
use crate::domain::submission::Submission;
use crate::domain::text::shortened;
use crate::domain::time::{MINUTE_MS, Timestamp};
use crate::domain::touchpoint::{Touchpoint, TouchpointKind};
use crate::flow::channels;
use crate::flow::deliver;
use crate::site::Site;

/// A post without a key is the same submission when the same content comes again within this time.
pub const REPEAT_WINDOW_MS: i64 = 10 * MINUTE_MS;
/// A post with a key is the same submission when the key comes again within this time.
pub const KEY_WINDOW_MS: i64 = 24 * 60 * MINUTE_MS;
/// Longest greeting name.
const MAX_NAME: usize = 64;

/// What surrounds a submission.
#[derive(Clone, Debug)]
pub struct Arrival<'a> {
    /// The site in force.
    pub site: &'a Site,
    /// The form posted to.
    pub form: &'a Form,
    /// When it is taken up.
    pub now: Timestamp,
    /// When it was posted: before `now` where it was held in between.
    pub posted_at: Timestamp,
    /// Whether the visitor gets the mail of the form now. A doubted submission's mail waits.
    pub mails: bool,
    /// The client's idempotency key, or the form's nonce.
    pub key: Option<&'a str>,
    /// Keyed hash of the visitor's network.
    pub ip_hash: Option<String>,
    /// Coarse class of the user agent.
    pub agent_class: &'a str,
    /// Identity of this request, fresh for each: tells one's own write from another's.
    pub write_id: &'a str,
}

/// What to commit for a submission.
#[derive(Clone, Debug, PartialEq)]
pub struct Accepted {
    /// The fact.
    pub touchpoint: Touchpoint,
    /// The work it causes.
    pub outbox: Vec<OutboxItem>,
}

/// Decides what a submission becomes. `link` is the chain link of a later repeat: none at first, see [`repeat`].
pub fn decide(
    arrival: &Arrival<'_>,
    submission: &Submission,
    identity: &IdentityKey,
    link: Option<&str>,
) -> Accepted {
    let Arrival {
        site, form, now, ..
    } = arrival;
    let lead_id = identity.lead_of_email(&submission.email);
    let digest = digest(form, submission, identity);
    let id = submission_id(arrival, identity, &digest, link);

    let mut touchpoint = Touchpoint::new(lead_id, id, TouchpointKind::FormSubmitted, *now);
    touchpoint.at = arrival.posted_at;
    touchpoint.form = Some(form.id.clone());
    touchpoint.form_version = Some(form.version.clone());
    touchpoint.email = Some(Pii::new(submission.email.given().to_owned()));
    touchpoint.answers.clone_from(&submission.answers);
    touchpoint.typed.clone_from(&submission.typed);
    touchpoint.flags = submission.flags.iter().map(|f| (*f).to_owned()).collect();
    touchpoint.consents.clone_from(&submission.consents);
    touchpoint.source = Some(submission.source.clone()).filter(|s| !s.is_empty());
    touchpoint.ip_hash.clone_from(&arrival.ip_hash);
    touchpoint.agent_class = Some(arrival.agent_class.to_owned());
    touchpoint.site_hash = Some(site.hash.clone());
    touchpoint.digest = Some(digest);
    arrival.write_id.clone_into(&mut touchpoint.last_write_id);
    let mut outbox: Vec<OutboxItem> = mail(arrival, submission, identity, &touchpoint)
        .filter(|_| arrival.mails)
        .into_iter()
        .collect();
    // Names of channels stand in the same list.
    outbox.extend(
        form.notify
            .iter()
            .filter(|name| site.channel(name).is_none())
            .map(|person| notice(arrival, submission, &touchpoint, person)),
    );
    outbox.extend(channels::submitted(&touchpoint, form, site, *now));
    let reminder = outbox
        .iter()
        .find(|item| item.kind == OutboxKind::Mail)
        .and_then(|mail| reminder(arrival, mail));
    outbox.extend(reminder);
    for item in &mut outbox {
        arrival.write_id.clone_into(&mut item.last_write_id);
    }
    Accepted { touchpoint, outbox }
}

/// What a submission under an id that is taken means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// The same submission: answer as the first time.
    Same,
    /// The client used one key for two contents.
    KeyReused,
    /// The same content, long after: write it under this link of the chain.
    Later(String),
}

/// Decides what it means that `stored` stands where `accepted` should be written.
pub fn repeat(stored: &Touchpoint, accepted: &Touchpoint, keyed: bool, now: Timestamp) -> Repeat {
    let window = if keyed {
        KEY_WINDOW_MS
    } else {
        REPEAT_WINDOW_MS
    };
    if now.since(stored.recorded_at).abs() >= window {
        return Repeat::Later(format!("{}@{}", stored.id, stored.recorded_at.0));
    }
    if stored.digest == accepted.digest {
        Repeat::Same
    } else {
        Repeat::KeyReused
    }
}

fn submission_id(
    arrival: &Arrival<'_>,
    identity: &IdentityKey,
    digest: &str,
    link: Option<&str>,
) -> String {
    let form = arrival.form.id.as_str();
    let own = arrival
        .key
        .map_or_else(|| format!("content\0{digest}"), |key| format!("key\0{key}"));
    let name = identity.pseudonym(
        "submission",
        &format!("{form}\0{own}\0{}", link.unwrap_or_default()),
    );
    format!("{}_{name}", TouchpointKind::FormSubmitted.prefix())
}

/// A keyed digest of what was posted: the form, the address, the answers, the consents.
fn digest(form: &Form, submission: &Submission, identity: &IdentityKey) -> String {
    let answers = submission
        .answers
        .iter()
        .map(|a| format!("{}={}", a.name, a.value.to_text()));
    let consents = submission
        .consents
        .iter()
        .map(|c| format!("{}:{:?}", c.purpose, c.decision));
    let head = [form.id.clone(), submission.email.identity()];
    let text = head
        .into_iter()
        .chain(answers)
        .chain(consents)
        .collect::<Vec<_>>()
        .join("\0");
    identity.pseudonym("content", &text)
}

/// The mail a submission causes: the magnet where the form has one; else a request to confirm where a consent needs it.
fn mail(
    arrival: &Arrival<'_>,
    submission: &Submission,
    identity: &IdentityKey,
    cause: &Touchpoint,
) -> Option<OutboxItem> {
    let form = arrival.form;
    let granted: Vec<String> = submission
        .consents
        .iter()
        .filter(|c| c.decision == Decision::Granted)
        .map(|c| c.purpose.clone())
        .collect();
    let template = if form.magnet.is_some() {
        "magnet"
    } else if !granted.is_empty() && (form.double_opt_in || submission.flags.contains(&ROLE)) {
        "confirm"
    } else {
        return None;
    };
    let order = Order {
        template: template.into(),
        form: Some(form.id.clone()),
        magnet: form.magnet.clone(),
        first_name: greeting(submission),
        confirms: granted,
        ..order_to(&submission.email, identity)
    };
    Some(mail_item(
        cause.lead_id,
        order,
        &cause.id,
        arrival.now,
        &arrival.site.hash,
    ))
}

/// The mail that reminds of a click once, where the form wants it and nobody clicked until then.
fn reminder(arrival: &Arrival<'_>, mail: &OutboxItem) -> Option<OutboxItem> {
    let days = arrival.form.remind_after_days?;
    let order = Order {
        template: deliver::REMINDER.into(),
        ..mail.order.clone()
    };
    let mut item = mail_item(
        mail.lead_id,
        order,
        &mail.cause,
        arrival.now,
        &arrival.site.hash,
    );
    item.wait_until(arrival.now.plus_days(days.into()));
    Some(item)
}

/// The part of a mail order that says whom it goes to.
pub fn order_to(email: &EmailAddress, identity: &IdentityKey) -> Order {
    Order {
        to: Pii::new(email.normalised()),
        limit_key: Some(identity.pseudonym("mailbox", &email.folded())),
        domain_key: Some(identity.pseudonym("domain", email.domain())),
        ..Order::default()
    }
}

/// A mail to a lead, due at once; one for each cause and template.
pub fn mail_item(
    lead_id: LeadId,
    order: Order,
    cause: &str,
    now: Timestamp,
    site_hash: &str,
) -> OutboxItem {
    let request = Request {
        lead_id,
        id: derived("mal", &[cause.as_bytes(), order.template.as_bytes()]),
        reader: Reader::Deliver,
        kind: OutboxKind::Mail,
        order,
        cause,
        not_before: now,
        site_hash,
    };
    OutboxItem::new(request, now)
}

fn notice(
    arrival: &Arrival<'_>,
    submission: &Submission,
    cause: &Touchpoint,
    person: &str,
) -> OutboxItem {
    let email_label = arrival
        .form
        .email_field()
        .map_or("Email", |f| f.label.as_str());
    let mut answers = vec![Labelled {
        field: String::from("email"),
        label: email_label.to_owned(),
        value: Pii::new(submission.email.given().to_owned()),
    }];
    answers.extend(in_words(&submission.answers, arrival.form, arrival.site));
    let order = Order {
        template: "notice".into(),
        form: Some(arrival.form.id.clone()),
        person: Some(person.to_owned()),
        answers,
        ..Order::default()
    };
    let request = Request {
        lead_id: cause.lead_id,
        id: derived("ntc", &[cause.id.as_bytes(), person.as_bytes()]),
        reader: Reader::Notify,
        kind: OutboxKind::Notice,
        order,
        cause: &cause.id,
        not_before: arrival.now,
        site_hash: &arrival.site.hash,
    };
    OutboxItem::new(request, arrival.now)
}

/// The first name, where it may stand in a mail to an address that nobody confirmed yet; else nothing.
fn greeting(submission: &Submission) -> Pii<String> {
    let name = submission
        .answers
        .iter()
        .find(|a| a.name == "first_name")
        .map(|a| a.value.to_text());
    Pii::new(name.filter(|n| is_plain_name(n)).unwrap_or_default())
}

/// Whether a name is only a name: no address, no markup, nothing like a link, nothing long. A form must not be a way to send one's own
/// words to somebody else.
pub fn is_plain_name(name: &str) -> bool {
    let lower = name.to_lowercase();
    shortened(name, MAX_NAME) == name
        && !name.contains(['@', '<', '>', '/', '\\', ':', '\n'])
        && !lower.contains("www.")
        && !looks_like_domain(&lower)
}

/// A dot between letters: `example.com`, but not `J. R.` or `St. John`.
fn looks_like_domain(lower: &str) -> bool {
    let chars: Vec<char> = lower.chars().collect();
    chars
        .windows(3)
        .any(|w| w[1] == '.' && w[0].is_alphanumeric() && w[2].is_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ses_7_only_a_plain_name_greets_in_a_mail_to_an_unconfirmed_address() {
        for name in ["Ada", "Anne-Marie", "J. R.", "Łukasz", "O'Hara"] {
            assert!(is_plain_name(name), "{name}");
        }
        let long = "a".repeat(65);
        for name in [
            "win at evil.example",
            "ada@example.com",
            "<b>",
            "https://evil",
            "www.evil",
            "a\nb",
            long.as_str(),
        ] {
            assert!(!is_plain_name(name), "{name}");
        }
    }

    #[test]
    fn evt_15_a_repeat_is_told_by_its_time_and_its_content() {
        let at = Timestamp(1_000_000_000);
        let stored = |digest: &str| {
            let mut t = Touchpoint::new(
                LeadId::from_bytes([1; 16]),
                "sub_1".into(),
                TouchpointKind::FormSubmitted,
                at,
            );
            t.digest = Some(digest.into());
            t
        };
        assert_eq!(
            repeat(
                &stored("a"),
                &stored("a"),
                false,
                at.plus_ms(REPEAT_WINDOW_MS - 1)
            ),
            Repeat::Same
        );
        assert!(matches!(
            repeat(
                &stored("a"),
                &stored("a"),
                false,
                at.plus_ms(REPEAT_WINDOW_MS)
            ),
            Repeat::Later(_)
        ));
        assert_eq!(
            repeat(
                &stored("a"),
                &stored("b"),
                true,
                at.plus_ms(REPEAT_WINDOW_MS)
            ),
            Repeat::KeyReused
        );
        assert!(matches!(
            repeat(&stored("a"), &stored("a"), true, at.plus_ms(KEY_WINDOW_MS)),
            Repeat::Later(_)
        ));
    }
}
