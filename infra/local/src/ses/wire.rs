//! The SES v2 wire: `POST /v2/email/outbound-emails`, answered as SES answers it, or not answered at all.
//!
//! A lost reply is a connection that ends without a response. A router cannot say that, so the answer carries the marker [`HangUp`] and the
//! connection loop of [`serve`] ends the connection where it sees it. (On any other server the marker is a plain 500.) Must not know how a
//! mail is kept.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use hyper::body::Incoming;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::fault::FaultKind;
use super::refusal::{Refusal, RefusalKind};
use super::submission::{MAX_MESSAGE_BYTES, Submission};
use super::{Accepted, Ses};

/// The most that a request may carry: 40 MB as base64, and the JSON around it.
const MAX_REQUEST_BYTES: usize = MAX_MESSAGE_BYTES / 3 * 4 + 1024 * 1024;

/// Marks a response that must never be sent.
#[derive(Debug, Clone, Copy)]
struct HangUp;

pub(super) fn router(ses: Ses) -> Router {
    Router::new()
        .route("/v2/email/outbound-emails", post(send_email))
        .fallback(unknown_operation)
        .with_state(ses)
}

/// Serves the router on `listener` until the future is dropped, which also ends the open connections.
pub(super) async fn serve(listener: TcpListener, router: Router) -> io::Result<Infallible> {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await?;
        while connections.try_join_next().is_some() {}
        let service = TowerToHyperService::new(router.clone());
        connections.spawn(async move {
            let answer = service_fn(move |request: Request<Incoming>| {
                let answer = service.call(request);
                async move {
                    let Ok(response) = answer.await;
                    if response.extensions().get::<HangUp>().is_some() {
                        return Err(io::Error::from(io::ErrorKind::ConnectionAborted));
                    }
                    Ok(response)
                }
            });
            // Ends with an error where a reply was to be lost or the client went away: nothing to report either way.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), answer)
                .await;
        });
    }
}

async fn send_email(State(ses): State<Ses>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = match read_body(&parts.headers, body).await {
        Ok(body) => body,
        Err(refusal) => return refusal.into_response(),
    };

    let fault = ses.inner.faults.next();
    if let Some(refusal) = fault.as_ref().and_then(super::fault::Fault::refusal) {
        return refusal.into_response();
    }
    let kind = fault.as_ref().map(|fault| fault.kind);
    let hold = Duration::from_millis(fault.as_ref().map_or(0, |fault| fault.hold_ms));
    let hang_up = async {
        tokio::time::sleep(hold).await;
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(HangUp);
        response
    };
    if kind == Some(FaultKind::Timeout) {
        return hang_up.await;
    }

    let with_events = kind != Some(FaultKind::Silent);
    let accepted = ses
        .blocking(move |inner| {
            let submission = match Submission::read(&body, &inner.account) {
                Ok(submission) => submission,
                Err(refusal) => return Ok(Accepted::No(refusal)),
            };
            inner.accept(&submission, &body, with_events)
        })
        .await;
    match accepted {
        Ok(Accepted::As(_)) if kind == Some(FaultKind::LoseReply) => hang_up.await,
        Ok(Accepted::As(id)) => {
            tokio::time::sleep(hold).await;
            Json(json!({ "MessageId": id })).into_response()
        }
        Ok(Accepted::No(refusal)) => refusal.into_response(),
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "failed to keep a mail");
            Refusal::new(RefusalKind::InternalFailure, "The mail could not be kept.")
                .into_response()
        }
    }
}

/// The body of a signed request. The signature itself is not checked: any local key will do.
async fn read_body(headers: &HeaderMap, body: Body) -> Result<axum::body::Bytes, Refusal> {
    let signed = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.starts_with("AWS4-"));
    if !signed {
        return Err(Refusal::new(
            RefusalKind::MissingAuthenticationToken,
            "Missing Authentication Token",
        ));
    }
    to_bytes(body, MAX_REQUEST_BYTES).await.map_err(|_| {
        Refusal::bad_request(format!(
            "Message length is more than {MAX_MESSAGE_BYTES} bytes long"
        ))
    })
}

async fn unknown_operation() -> Refusal {
    Refusal::new(
        RefusalKind::NotFoundException,
        "This stand-in knows SendEmail only",
    )
}
