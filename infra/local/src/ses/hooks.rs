//! The sink for webhooks: a receiver on this machine that keeps what it was sent, and can be told to answer badly.
//!
//! | call | what |
//! | --- | --- |
//! | `POST /local/sink/{name}` | kept; answered 200, or `?status=`, or what the sink was told |
//! | `POST /local/sink-mode` | `{name, status, count?, headers?}`: the next `count` requests (all, without it) are answered so; `status` 200 without `count` ends it |
//! | `GET /local/hooks` | what came, oldest first: `{name, at, method, headers{}, body, status}` |
//!
//! Must not know what a webhook means or how one is signed.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::local::{bad_request, failed, from_elsewhere, read_fields};
use super::{Ses, rfc3339};

/// One request that the sink received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hook {
    /// The sink's name, from the path.
    pub name: String,
    /// When it came: RFC 3339, UTC, milliseconds.
    pub at: String,
    /// The HTTP method.
    pub method: String,
    /// Request headers, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body as text, byte for byte, so that a signature over it can be checked.
    pub body: String,
    /// What was answered.
    pub status: u16,
}

/// What one sink was told to answer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mode {
    name: String,
    status: u16,
    count: Option<u32>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

/// The modes by sink name.
#[derive(Debug, Default)]
pub(super) struct Modes(Mutex<HashMap<String, Mode>>);

impl Modes {
    fn set(&self, mode: Mode) {
        let mut modes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        modes.insert(mode.name.clone(), mode);
    }

    /// The answer to one request: status and extra headers.
    fn answer(&self, name: &str) -> (u16, BTreeMap<String, String>) {
        let mut modes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(mode) = modes.get_mut(name) else {
            return (200, BTreeMap::new());
        };
        let answer = (mode.status, mode.headers.clone());
        if let Some(left) = &mut mode.count {
            *left = left.saturating_sub(1);
            if *left == 0 {
                modes.remove(name);
            }
        }
        answer
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct SinkQuery {
    status: Option<u16>,
}

pub(super) async fn sink(
    State(ses): State<Ses>,
    Path(name): Path<String>,
    Query(query): Query<SinkQuery>,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (told, extra) = ses.inner.modes.answer(&name);
    let status = StatusCode::from_u16(query.status.unwrap_or(told)).unwrap_or(StatusCode::OK);
    let hook = Hook {
        name,
        at: rfc3339(ses.now_ms()),
        method: method.to_string(),
        headers: headers
            .iter()
            .map(|(name, value)| {
                (
                    name.to_string(),
                    String::from_utf8_lossy(value.as_bytes()).into_owned(),
                )
            })
            .collect(),
        body: String::from_utf8_lossy(&body).into_owned(),
        status: status.as_u16(),
    };
    if let Err(error) = ses
        .blocking(move |inner| inner.store.insert_hook(&hook))
        .await
    {
        return failed(&error);
    }
    let mut response = (status, Json(json!({"received": true}))).into_response();
    for (name, value) in extra {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(&value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

pub(super) async fn set_mode(State(ses): State<Ses>, headers: HeaderMap, body: Bytes) -> Response {
    if let Some(refused) = from_elsewhere(&headers) {
        return refused;
    }
    match read_fields::<Mode>(&headers, &body) {
        Ok(mode) if (200..=599).contains(&mode.status) => {
            ses.inner.modes.set(mode);
            Json(json!({"set": true})).into_response()
        }
        Ok(_) => bad_request(&"status must be one that ends a request"),
        Err(error) => bad_request(&error),
    }
}

pub(super) async fn list(State(ses): State<Ses>) -> Response {
    match ses.blocking(|inner| inner.store.hooks()).await {
        Ok(hooks) => Json(hooks).into_response(),
        Err(error) => failed(&error),
    }
}
