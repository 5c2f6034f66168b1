//! Where the ladder of `flow/abuse.rs` meets a post: reads its ticket and its proof, and does what the verdict says.
//!
//! Whatever is done, the answer is that of a success, so that a robot learns nothing by trying.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lambda_http::Request;
use shared::domain::form::Form;
use shared::domain::held::{Doubt, Held, PostedField};
use shared::domain::pii::Pii;
use shared::domain::reserved::{Reserved, reserved};
use shared::domain::submission::{Submission, is_ticked};
use shared::domain::token::Purpose;
use shared::edge::http::header_text;
use shared::flow::Write;
use shared::flow::abuse::{Proof, Ticket, Verdict, judge as judge_, read_ticket};
use shared::flow::capture::{Arrival, decide};
use shared::store::StoreError;

use crate::record::{Recorded, record};
use crate::{Deps, proof};

/// Longest client report that is looked at, in bytes.
const MAX_REPORT: usize = 512;
/// Tickets of ours begin like this; any other one-time name is a page's own.
const OURS: &str = "v1.";

/// A post after the look at its ticket and its proof.
#[derive(Clone, Debug)]
pub struct Looked {
    /// What is done with it.
    pub verdict: Verdict,
    /// Keyed name of its ticket, where that is credible.
    ticket: Option<String>,
}

/// A post that is about to be written or set aside.
#[derive(Clone, Copy, Debug)]
pub struct Doubted<'a> {
    /// What surrounds it.
    pub arrival: &'a Arrival<'a>,
    /// What was posted, checked.
    pub submission: &'a Submission,
    /// What was posted, as it came.
    pub pairs: &'a [(String, String)],
    /// The page it came from.
    pub page: Option<&'a str>,
}

/// Whether the browser says that a program drives it. Clients of form services report it; silence says nothing.
pub fn is_automated(request: &Request) -> bool {
    let report = header_text(request.headers(), "formspree-session-data");
    if report.is_empty() || report.len() > MAX_REPORT {
        return false;
    }
    let json = STANDARD.decode(report).unwrap_or_default();
    let report: serde_json::Value = serde_json::from_slice(&json).unwrap_or_default();
    report["webdriver"] == true
}

/// Looks at a post.
pub async fn judge(
    deps: &Deps,
    form: &Form,
    pairs: &[(String, String)],
    automated: bool,
) -> Looked {
    let now = deps.clock.now();
    let is_test = form.test_mode || own_field(form, pairs, "is_test").is_some_and(is_ticked);
    let (proof, bound) = if is_test || automated {
        (Proof::NotAsked, None)
    } else {
        proof::look(deps, form, pairs).await
    };
    let own = own_field(form, pairs, "_nonce").filter(|n| n.starts_with(OURS));
    // A proof stands for one submission, so the ticket that it is bound to counts, whatever else was posted.
    let given = bound.as_deref().or(own);
    let keys = deps.keys.for_tokens(given.as_slice()).await;
    let ticket = given.map_or(Ticket::Absent, |token| {
        let verified = keys.verify(Purpose::FormNonce, token, now);
        read_ticket(verified, &form.id, now)
    });
    let verdict = judge_(is_test, automated, ticket, proof);
    let credible = given.filter(|_| ticket == Ticket::Fine);
    Looked {
        verdict,
        ticket: credible.map(|token| deps.identity.pseudonym("ticket", token)),
    }
}

/// A posted field with a meaning of its own; none where the form declares a field of that name.
fn own_field<'a>(form: &Form, pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = pairs.iter().find(|(n, _)| n == name)?;
    reserved(form, name).map(|_| found.1.as_str())
}

/// Does what the verdict says.
pub async fn take_up(
    deps: &Deps,
    post: &Doubted<'_>,
    looked: &Looked,
) -> Result<Recorded, StoreError> {
    let ticket = looked.ticket.as_deref();
    match looked.verdict {
        Verdict::Clear => {
            let recorded = record(deps, post.arrival, post.submission, ticket).await?;
            let spent = match recorded {
                Recorded::As(_) => false,
                Recorded::KeyReused => ticket.is_some(),
                Recorded::TicketSpent => true,
            };
            if spent {
                // Under a name of its own: the one it came with belongs to what was sent before.
                let arrival = Arrival {
                    key: None,
                    ..post.arrival.clone()
                };
                let post = Doubted {
                    arrival: &arrival,
                    ..*post
                };
                return hold(deps, &post, Doubt::SpentTicket, false).await;
            }
            Ok(recorded)
        }
        Verdict::StoreOnly(doubt) => {
            let recorded = record(deps, post.arrival, post.submission, ticket).await?;
            if matches!(recorded, Recorded::As(_)) {
                hold(deps, post, doubt, true).await?;
            }
            Ok(recorded)
        }
        Verdict::SetAside(doubt) => hold(deps, post, doubt, false).await,
    }
}

/// Sets a post aside. The same post again is the same item.
async fn hold(
    deps: &Deps,
    post: &Doubted<'_>,
    doubt: Doubt,
    stored: bool,
) -> Result<Recorded, StoreError> {
    let Arrival { form, site, .. } = *post.arrival;
    let fact = decide(post.arrival, post.submission, &deps.identity, None).touchpoint;
    let held = Held {
        lead_id: fact.lead_id,
        id: fact.id.clone(),
        form: form.id.clone(),
        at: post.arrival.now,
        doubt,
        stored,
        posted: posted(form, post.pairs),
        page: post.page.map(|p| Pii::new(p.to_owned())),
        key: post.arrival.key.map(|k| Pii::new(k.to_owned())),
        ip_hash: post.arrival.ip_hash.clone(),
        agent_class: post.arrival.agent_class.to_owned(),
        site_hash: site.hash.clone(),
        last_write_id: post.arrival.write_id.to_owned(),
        v: 1,
    };
    let writes = [
        Write::Held(Box::new(held.clone())),
        Write::HeldEntry(Box::new(held)),
    ];
    // Where it is there already, it is the same post.
    deps.store.commit(&writes).await?;
    count(deps, form, doubt.code()).await;
    Ok(Recorded::As(fact.id))
}

/// What was posted, without traps, proofs and tickets: they have done their work.
fn posted(form: &Form, pairs: &[(String, String)]) -> Vec<PostedField> {
    let keeps = |name: &str| match reserved(form, name) {
        None | Some(Reserved::PageUrl | Reserved::ReplyTo) => true,
        Some(
            Reserved::Honeypot
            | Reserved::Next
            | Reserved::ErrorNext
            | Reserved::Nonce
            | Reserved::Ignored,
        ) => false,
    };
    let kept = pairs.iter().filter(|(name, _)| keeps(name));
    kept.map(|(name, value)| PostedField {
        name: name.clone(),
        value: Pii::new(value.clone()),
    })
    .collect()
}

/// Counts a step of the ladder. A counter out of reach stops nobody.
pub async fn count(deps: &Deps, form: &Form, step: &str) {
    if let Err(error) = deps
        .store
        .count_step(&form.id, step, deps.clock.now())
        .await
    {
        tracing::warn!(function = "capture", form = %form.id, step, error = %error, "a step could not be counted");
    }
    tracing::info!(function = "capture", form = %form.id, step, "a post is doubted");
}
