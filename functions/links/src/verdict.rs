//! `POST /sales/verdict`: a CRM tells what became of a lead, or that they wrote back. It is signed, so its answers may say what they
//! know.
//!
//! | answer | when |
//! | --- | --- |
//! | 200 `{"taken": true, "stands": [...]}` | it stands, by this message or by one before it that said the same |
//! | 200 `{"taken": true}` | they wrote back, and that is noted |
//! | 200 `{"taken": false, "stands": [...]}` | something else was said before, and that stands |
//! | 400 | not a verdict |
//! | 401 | not signed by the secret that the site names |
//! | 404 | no such lead, or the site takes no verdicts |

use lambda_http::http::{HeaderMap, StatusCode};
use serde_json::json;
use shared::domain::email::EmailAddress;
use shared::domain::handling::Handling;
use shared::domain::id::LeadId;
use shared::domain::time::Timestamp;
use shared::domain::verdict::{About, Said, Signed, Verdict};
use shared::domain::webhook::SigningSecrets;
use shared::edge::http::{Answer, header_text, json as json_answer};
use shared::flow::replies::wrote_back;
use shared::flow::sales::{Answer as Saying, By, LOST_REASONS, REJECT_REASONS, answered, told};
use shared::site::Site;
use shared::store::StoreError;

use crate::Deps;

/// Takes a verdict.
pub(crate) async fn take(
    deps: &Deps,
    site: &Site,
    now: Timestamp,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Answer, StoreError> {
    let Some(name) = &site.sales.verdict_secret else {
        return Ok(refused(
            StatusCode::NOT_FOUND,
            "this site takes no verdicts",
        ));
    };
    let secrets = match deps.secrets.get(name).await {
        Ok(secret) => SigningSecrets::parse(secret.expose()).ok(),
        Err(error) => {
            tracing::error!(function = "links", secret = %name, error = %error, "the secret of verdicts cannot be read");
            None
        }
    };
    let Some(secrets) = secrets else {
        let text = "verdicts cannot be checked just now";
        return Ok(refused(StatusCode::SERVICE_UNAVAILABLE, text));
    };
    let signed = Signed {
        id: header_text(headers, "webhook-id"),
        timestamp: header_text(headers, "webhook-timestamp"),
        signature: header_text(headers, "webhook-signature"),
    };
    if let Err(reason) = signed.verify(&secrets, body, now) {
        return Ok(refused(StatusCode::UNAUTHORIZED, &reason.to_string()));
    }
    let Ok(verdict) = serde_json::from_slice::<Verdict>(body) else {
        let text = "expected type (lead.accepted, lead.rejected, lead.sql, lead.won, lead.lost, lead.replied) and data";
        return Ok(refused(StatusCode::BAD_REQUEST, text));
    };
    let Some(lead_id) = lead_of(deps, &verdict.data) else {
        return Ok(refused(
            StatusCode::BAD_REQUEST,
            "data needs lead_id or email",
        ));
    };
    let by = By {
        author: author(site, &verdict.data),
        token: signed.id.as_bytes(),
        comment: verdict.data.comment.as_ref().map(|c| c.expose().as_str()),
        now,
    };
    let Some(saying) = saying(&verdict) else {
        return replied(deps, site, lead_id, by).await;
    };
    let unknown = || refused(StatusCode::NOT_FOUND, "no such lead was handed over");
    let mut cycle = verdict.data.cycle;
    if cycle.is_none() {
        cycle = deps.store.lead(lead_id).await?.map(|lead| lead.cycle);
    }
    let Some(handoff) = deps
        .store
        .handoff(lead_id, cycle.unwrap_or_default())
        .await?
    else {
        return Ok(unknown());
    };
    let facts = deps.store.facts(lead_id).await?;
    if saying.fits(&Handling::of(&facts, handoff.cycle)) {
        deps.store
            .commit(&answered(&handoff, &saying, by, site))
            .await?;
    }
    let facts = deps.store.facts(lead_id).await?;
    let stands = told(&facts, handoff.cycle, "", site);
    let taken = stands_already(&Handling::of(&facts, handoff.cycle), &saying);
    Ok(json_answer(
        StatusCode::OK,
        &json!({ "taken": taken, "stands": stands }),
    ))
}

fn refused(status: StatusCode, text: &str) -> Answer {
    json_answer(status, &json!({ "error": text }))
}

fn lead_of(deps: &Deps, about: &About) -> Option<LeadId> {
    if let Some(id) = &about.lead_id {
        return id.parse().ok();
    }
    let address = EmailAddress::parse(about.email.as_ref()?.expose()).ok()?;
    Some(deps.identity.lead_of_email(&address))
}

/// Who said it, where the site knows them.
fn author<'s>(site: &'s Site, about: &About) -> Option<&'s str> {
    let who = about.person.as_ref()?.expose();
    let mut team = site.sales.team.iter();
    let person = team.find(|p| p.id == *who || p.email.expose() == who)?;
    Some(&person.id)
}

/// They wrote back: a fact of any lead, whether sales has it or not. The same message again is the same fact.
async fn replied(
    deps: &Deps,
    site: &Site,
    lead_id: LeadId,
    by: By<'_>,
) -> Result<Answer, StoreError> {
    if deps.store.lead(lead_id).await?.is_none() {
        return Ok(refused(StatusCode::NOT_FOUND, "no such lead"));
    }
    let fact = wrote_back(lead_id, by, &site.hash);
    deps.store.commit(&[fact]).await?;
    Ok(json_answer(StatusCode::OK, &json!({ "taken": true })))
}

/// What the verdict says, in our words; none where it is no answer to an alert. A reason of the CRM's own is another reason.
fn saying(verdict: &Verdict) -> Option<Saying> {
    let reason = |known: &[(&str, &str)]| {
        let given = verdict.data.reason.as_deref();
        let known = given.filter(|r| known.iter().any(|(id, _)| id == r));
        known.unwrap_or("other").to_owned()
    };
    Some(match verdict.kind {
        Said::Accepted => Saying::Accept,
        Said::Rejected => Saying::Reject(reason(&REJECT_REASONS)),
        Said::Qualified => Saying::Qualified,
        Said::Won => Saying::Won,
        Said::Lost => Saying::Lost(reason(&LOST_REASONS)),
        Said::Replied => return None,
    })
}

fn stands_already(so_far: &Handling, saying: &Saying) -> bool {
    let said = match saying {
        Saying::Accept | Saying::Reject(_) => &so_far.answer,
        Saying::Qualified => &so_far.qualified,
        Saying::Won | Saying::Lost(_) => &so_far.outcome,
        // What a message cannot say.
        Saying::Snooze(_) | Saying::Pass(_) => &None,
    };
    said.as_ref().is_some_and(|s| s.kind == saying.kind())
}
