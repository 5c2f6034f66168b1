//! The local-only interface to the mails: the inbox, one mail, its source, events to play and faults to order.
//!
//! Never part of a deployed function. Must not know the SES wire.

use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{any, get, post};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::events::Happening;
use super::fault::Fault;
use super::{Ses, hooks, mime};
use crate::pages;

pub(super) fn router(ses: Ses) -> Router {
    Router::new()
        .route("/local/mail", get(inbox))
        .route("/local/mail/{id}", get(one))
        .route("/local/mail/{id}/raw", get(source))
        .route("/local/mail/{id}/html", get(html_part))
        .route("/local/ses", post(play))
        .route("/local/ses/fault", post(order_fault).get(waiting_faults))
        .route("/local/hooks", get(hooks::list))
        .route("/local/sink/{name}", any(hooks::sink))
        .route("/local/sink-mode", post(hooks::set_mode))
        .with_state(ses)
}

/// A failure of our own: told in full, since the only reader is the person at this machine.
pub(super) fn failed(error: &anyhow::Error) -> Response {
    tracing::error!(error = format!("{error:#}"), "local request failed");
    let body = Json(json!({"error": format!("{error:#}")}));
    (StatusCode::INTERNAL_SERVER_ERROR, body).into_response()
}

fn not_found() -> Response {
    let body = Json(json!({"error": "no such mail"}));
    (StatusCode::NOT_FOUND, body).into_response()
}

/// Refuses a request that a page of another site made the browser send.
pub(super) fn from_elsewhere(headers: &HeaderMap) -> Option<Response> {
    let site = headers.get("sec-fetch-site")?.as_bytes();
    (site == b"cross-site" || site == b"same-site").then(|| {
        let body = Json(json!({"error": "not from another site"}));
        (StatusCode::FORBIDDEN, body).into_response()
    })
}

fn is_form(headers: &HeaderMap, body: &[u8]) -> bool {
    // `curl -d '{..}'` says "form" and means JSON.
    headers.get(header::CONTENT_TYPE).is_some_and(|kind| {
        kind.as_bytes()
            .starts_with(b"application/x-www-form-urlencoded")
    }) && !body.trim_ascii_start().starts_with(b"{")
}

/// Reads a body of JSON, or of a page's form.
pub(super) fn read_fields<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: &[u8],
) -> serde_json::Result<T> {
    if is_form(headers, body) {
        let fields = form_urlencoded::parse(body)
            .map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())))
            .collect();
        serde_json::from_value(Value::Object(fields))
    } else {
        serde_json::from_slice(body)
    }
}

/// Says what is wrong with a request.
pub(super) fn bad_request(why: &impl ToString) -> Response {
    let body = Json(json!({"error": why.to_string()}));
    (StatusCode::BAD_REQUEST, body).into_response()
}

#[derive(Debug, Deserialize)]
struct InboxQuery {
    to: Option<String>,
}

async fn inbox(
    State(ses): State<Ses>,
    Query(query): Query<InboxQuery>,
    headers: HeaderMap,
) -> Response {
    let mut mails = match ses.blocking(|inner| inner.store.mails()).await {
        Ok(mails) => mails,
        Err(error) => return failed(&error),
    };
    if let Some(to) = &query.to {
        mails.retain(|mail| mail.to.iter().any(|one| one.eq_ignore_ascii_case(to)));
    }
    if pages::wants_html(&headers) {
        return pages::respond(pages::inbox(&json!(mails)));
    }
    Json(mails).into_response()
}

#[derive(Debug, Deserialize)]
struct MailQuery {
    played: Option<String>,
}

async fn one(
    State(ses): State<Ses>,
    Path(id): Path<String>,
    Query(query): Query<MailQuery>,
    headers: HeaderMap,
) -> Response {
    let found = ses
        .blocking(move |inner| {
            let Some(mail) = inner.store.mail(&id)? else {
                return Ok(None);
            };
            let events = inner.store.events_of(&id)?;
            Ok(Some((mail, events)))
        })
        .await;
    let (mail, events) = match found {
        Ok(Some(found)) => found,
        Ok(None) => return not_found(),
        Err(error) => return failed(&error),
    };
    let mut doc = json!(mail);
    if !pages::wants_html(&headers) {
        return Json(doc).into_response();
    }
    doc["from"] = json!(mime::decoded(&mail.from));
    doc["events"] = events
        .iter()
        .map(|(event, handed)| {
            json!({
                "type": event["eventType"],
                "at": event_time(event),
                "detail": event["bounce"]["bounceType"].as_str()
                    .or(event["complaint"]["complaintFeedbackType"].as_str()),
                "handed": handed,
            })
        })
        .collect();
    doc["played"] = json!(query.played);
    pages::respond(pages::mail(&doc))
}

/// When an event happened: its own time, or the mail's where it has none.
fn event_time(event: &Value) -> &Value {
    ["delivery", "bounce", "complaint", "deliveryDelay"]
        .iter()
        .map(|key| &event[*key]["timestamp"])
        .find(|at| at.is_string())
        .unwrap_or(&event["mail"]["timestamp"])
}

async fn source(State(ses): State<Ses>, Path(id): Path<String>) -> Response {
    match ses.blocking(move |inner| inner.store.source(&id)).await {
        // Plain text, so that a browser shows it instead of saving it.
        Ok(Some(source)) => (
            [
                (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            ],
            source,
        )
            .into_response(),
        Ok(None) => not_found(),
        Err(error) => failed(&error),
    }
}

async fn html_part(State(ses): State<Ses>, Path(id): Path<String>) -> Response {
    match ses.blocking(move |inner| inner.store.mail(&id)).await {
        Ok(Some(mail)) => pages::respond_with_mail_html(&mail.html),
        Ok(None) => not_found(),
        Err(error) => failed(&error),
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Play {
    event: Happening,
    mail: String,
    recipient: Option<String>,
}

async fn play(State(ses): State<Ses>, headers: HeaderMap, body: Bytes) -> Response {
    if let Some(refused) = from_elsewhere(&headers) {
        return refused;
    }
    let Play {
        event,
        mail,
        recipient,
    } = match read_fields(&headers, &body) {
        Ok(play) => play,
        Err(error) => return bad_request(&error),
    };
    match ses.play(event, &mail, recipient.as_deref()).await {
        Ok(true) if is_form(&headers, &body) => {
            let name = json!(event);
            let name = name.as_str().unwrap_or_default();
            Redirect::to(&format!("/local/mail/{mail}?played={name}")).into_response()
        }
        Ok(true) => Json(json!({"event": event, "mail": mail})).into_response(),
        Ok(false) => not_found(),
        Err(error) => failed(&error),
    }
}

async fn order_fault(State(ses): State<Ses>, headers: HeaderMap, body: Bytes) -> Response {
    if let Some(refused) = from_elsewhere(&headers) {
        return refused;
    }
    match read_fields::<Fault>(&headers, &body) {
        Ok(fault) => {
            ses.order_fault(fault);
            waiting_faults(State(ses)).await
        }
        Err(error) => bad_request(&error),
    }
}

async fn waiting_faults(State(ses): State<Ses>) -> Response {
    let waiting: Vec<Value> = ses
        .inner
        .faults
        .waiting()
        .into_iter()
        .map(|(kind, count)| json!({"kind": kind, "count": count}))
        .collect();
    Json(json!({ "waiting": waiting })).into_response()
}
