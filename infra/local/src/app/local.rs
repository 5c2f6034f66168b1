//! The local-only interface of the runner itself: settle, clock, leads, health. Mails and webhooks have theirs beside the stand-in.
//!
//! Never part of a deployed function. Calls that change something refuse a browser that was sent here by another site's page.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Query as UrlQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Json, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};
use shared::domain::time::Timestamp;

use super::core::Core;
use crate::explain;
use crate::pages;
use crate::pump::lane::rfc3339;
use crate::query::Place;

/// The routes.
pub fn router(core: Arc<Core>) -> Router {
    Router::new()
        .route(
            "/healthz",
            get(|| async { Json(json!({ "status": "ok" })) }),
        )
        .route("/local/settle", post(settle))
        .route("/local/clock", post(advance).get(clock))
        .route("/local/leads", get(leads))
        .route("/local/queues", get(queues))
        .with_state(core)
}

async fn settle(State(core): State<Arc<Core>>, headers: HeaderMap) -> Response {
    if let Some(refusal) = from_elsewhere(&headers) {
        return refusal;
    }
    answer(core.settle().await.map(|totals| json!(totals)))
}

#[derive(Deserialize)]
struct Advance {
    advance_seconds: u32,
}

async fn advance(State(core): State<Arc<Core>>, headers: HeaderMap, body: Bytes) -> Response {
    if let Some(refusal) = from_elsewhere(&headers) {
        return refusal;
    }
    let Ok(wanted) = serde_json::from_slice::<Advance>(&body) else {
        let error = r#"send {"advance_seconds": n} with a whole number of seconds, 0 or more"#;
        return (StatusCode::BAD_REQUEST, Json(json!({ "error": error }))).into_response();
    };
    let moved = core.advance(wanted.advance_seconds).await;
    answer(moved.map(|now| json!({ "now": rfc3339(now) })))
}

async fn clock(State(core): State<Arc<Core>>) -> Json<Value> {
    Json(json!({ "now": rfc3339(core.now()) }))
}

#[derive(Deserialize)]
struct Wanted {
    email: Option<String>,
    lead_id: Option<String>,
    after: Option<String>,
    limit: Option<usize>,
}

/// Leads on one page of the list, and the most that can be asked for.
const PAGE: usize = 200;
const LONGEST_PAGE: usize = 1_000;

async fn leads(
    State(core): State<Arc<Core>>,
    UrlQuery(wanted): UrlQuery<Wanted>,
    headers: HeaderMap,
) -> Response {
    let html = pages::wants_html(&headers);
    let found = match (&wanted.email, &wanted.lead_id) {
        (Some(email), _) => core.query().at(core.now()).by_email(email).await,
        (None, Some(lead_id)) => core.query().by_id(lead_id).await,
        (None, None) => return list(&core, &wanted, html).await,
    };
    match found {
        Ok(Some(mut doc)) if html => {
            explain_into(&core, &mut doc);
            pages::respond(pages::lead(&doc))
        }
        Ok(Some(doc)) => Json(doc).into_response(),
        Ok(None) => (
            StatusCode::NOT_FOUND,
            Json(json!({ "error": "no such lead" })),
        )
            .into_response(),
        Err(error) => failed(&error),
    }
}

/// A page of the list. A script gets an array, and the address of the next page in the header `Link`.
async fn list(core: &Core, wanted: &Wanted, html: bool) -> Response {
    let after = wanted.after.as_deref().map(Place::parse);
    if after == Some(None) {
        let error = json!({ "error": "there is no such page" });
        return (StatusCode::NOT_FOUND, Json(error)).into_response();
    }
    let limit = wanted.limit.unwrap_or(PAGE).clamp(1, LONGEST_PAGE);
    let query = core.query().at(core.now());
    let page = match query.page(after.flatten().as_ref(), limit).await {
        Ok(page) => page,
        Err(error) => return failed(&error),
    };
    let next = page.next.map(|place| {
        let after = place.to_text();
        match wanted.limit {
            Some(_) => format!("/local/leads?after={after}&limit={limit}"),
            None => format!("/local/leads?after={after}"),
        }
    });
    if html {
        let is_first = wanted.after.is_none();
        return pages::respond(pages::leads(
            &json!({ "leads": page.leads, "next": next, "is_first": is_first }),
        ));
    }
    let links = next.map(|next| [(header::LINK, format!("<{next}>; rel=\"next\""))]);
    (links.map(AppendHeaders), Json(page.leads)).into_response()
}

/// Adds what a page of one lead shows besides what is stored: the score as of now, rule by rule, and the words of the site. A lead that
/// cannot be explained has a page all the same.
fn explain_into(core: &Core, doc: &mut Value) {
    let Some(site) = core.site() else { return };
    doc["words"] = explain::words(&site);
    match explain::of(doc, &site, Timestamp(core.now())) {
        Ok(Some(explanation)) => {
            let nearest = explanation.explained.lead.fit_profile.as_ref();
            let profile = site.model.profiles.iter().find(|p| Some(&p.id) == nearest);
            doc["explained"] = explanation.to_json();
            doc["explained"]["profile_name"] = json!(profile.map(|p| &p.name));
        }
        Ok(None) => {}
        Err(error) => tracing::warn!(error = format!("{error:#}"), "a lead cannot be explained"),
    }
}

async fn queues(State(core): State<Arc<Core>>) -> Response {
    answer(
        core.queues()
            .depths()
            .map(|depths| json!(depths))
            .map_err(anyhow::Error::from),
    )
}

fn answer(outcome: anyhow::Result<Value>) -> Response {
    match outcome {
        Ok(body) => Json(body).into_response(),
        Err(error) => failed(&error),
    }
}

/// A failure of our own, told in full: the only reader is the person at this machine.
pub(super) fn failed(error: &anyhow::Error) -> Response {
    tracing::error!(error = format!("{error:#}"), "a local request failed");
    (
        StatusCode::INTERNAL_SERVER_ERROR,
        Json(json!({ "error": format!("{error:#}") })),
    )
        .into_response()
}

/// Refuses what a page of another site made the browser send.
pub(super) fn from_elsewhere(headers: &HeaderMap) -> Option<Response> {
    let site = headers.get("sec-fetch-site")?.as_bytes();
    (site == b"cross-site" || site == b"same-site").then(|| {
        (
            StatusCode::FORBIDDEN,
            Json(json!({ "error": "not from another site" })),
        )
            .into_response()
    })
}
