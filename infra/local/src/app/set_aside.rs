//! `/local/quarantine`: the page and the list of what was set aside, and the two buttons.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Form, Path, Query as UrlQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Json, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::json;

use super::local::{failed, from_elsewhere};
use crate::pages;
use crate::quarantine::Quarantine;

/// The routes.
pub fn router(quarantine: Quarantine) -> Router {
    Router::new()
        .route("/local/quarantine", get(list))
        .route("/local/quarantine/{lead}/{id}", post(decide))
        .with_state(Arc::new(quarantine))
}

#[derive(Deserialize)]
struct Said {
    done: Option<String>,
}

async fn list(
    State(quarantine): State<Arc<Quarantine>>,
    UrlQuery(said): UrlQuery<Said>,
    headers: HeaderMap,
) -> Response {
    match quarantine.list().await {
        Ok(listing) if pages::wants_html(&headers) => {
            let said = match said.done.as_deref() {
                Some("release") => Some("Taken up. It goes the way of every submission now."),
                Some("drop") => Some("Forgotten."),
                _ => None,
            };
            pages::respond(pages::quarantine(&listing, said))
        }
        Ok(listing) => Json(json!(listing)).into_response(),
        Err(error) => failed(&error),
    }
}

#[derive(Deserialize)]
struct Choice {
    #[serde(rename = "do")]
    what: String,
}

async fn decide(
    State(quarantine): State<Arc<Quarantine>>,
    Path((lead, id)): Path<(String, String)>,
    headers: HeaderMap,
    Form(choice): Form<Choice>,
) -> Response {
    if let Some(refusal) = from_elsewhere(&headers) {
        return refusal;
    }
    let not_there = || {
        let error = "nothing is set aside under this id";
        (StatusCode::NOT_FOUND, Json(json!({ "error": error }))).into_response()
    };
    let Ok(lead_id) = lead.parse() else {
        return not_there();
    };
    let held = match quarantine.get(lead_id, &id).await {
        Ok(Some(held)) => held,
        Ok(None) => return not_there(),
        Err(error) => return failed(&error),
    };
    let done = match choice.what.as_str() {
        "release" => quarantine.release(&held).await.map(drop),
        "drop" => quarantine.discard(&held).await,
        _ => {
            let error = "say do=release or do=drop";
            return (StatusCode::BAD_REQUEST, Json(json!({ "error": error }))).into_response();
        }
    };
    match done {
        Ok(()) if pages::wants_html(&headers) => {
            Redirect::to(&format!("/local/quarantine?done={}", choice.what)).into_response()
        }
        Ok(()) => Json(json!({ "id": held.id, "done": choice.what })).into_response(),
        Err(error) => failed(&error),
    }
}
