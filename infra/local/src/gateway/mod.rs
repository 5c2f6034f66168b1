//! The HTTP API on this machine: a request becomes the event that a function gets, its answer a response.
//!
//! Routes come from the template. Everything between the network and the function's own code is the same code that runs when
//! deployed: the event's JSON, `lambda_http`'s reading of it, and its writing of the answer. Must not know what any route is for.

pub mod request;
pub mod response;
pub mod route;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{Response, StatusCode};

use crate::app::landing::Landing;
use crate::clock::RunnerClock;
use crate::functions::Functions;
use crate::pump::context::Wake;
use crate::pump::traffic::Traffic;
use crate::template::model::Route;
use route::Routes;

/// Largest body that the HTTP API takes.
const BODY_LIMIT: usize = 10 * 1024 * 1024;

/// What is needed to answer requests.
pub struct Gateway {
    routes: Routes,
    functions: Arc<Functions>,
    clock: RunnerClock,
    wake: Wake,
    traffic: Traffic,
    account: String,
    requests: AtomicU64,
    files: Option<Landing>,
}

impl Gateway {
    /// A gateway for the template's routes.
    pub fn new(
        routes: &[Route],
        functions: Arc<Functions>,
        clock: RunnerClock,
        wake: Wake,
        traffic: Traffic,
        account: &str,
    ) -> Self {
        Self {
            routes: Routes::new(routes),
            functions,
            clock,
            wake,
            traffic,
            account: account.to_owned(),
            requests: AtomicU64::new(0),
            files: None,
        }
    }

    /// The same, with files for what no route takes.
    #[must_use]
    pub fn with_files(mut self, files: Landing) -> Self {
        self.files = Some(files);
        self
    }

    /// Takes every request that no other route of the server takes.
    pub fn router(self: Arc<Self>) -> Router {
        Router::new().fallback(answer).with_state(self)
    }

    /// Answers one request.
    pub async fn answer(&self, peer: &str, request: Request) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let Some(route) = self.routes.find(parts.method.as_str(), parts.uri.path()) else {
            let file = match &self.files {
                Some(files) => files.answer(&parts.method, parts.uri.path()).await,
                None => None,
            };
            return file.unwrap_or_else(|| response::plain(StatusCode::NOT_FOUND, "Not Found"));
        };
        let Ok(body) = axum::body::to_bytes(body, BODY_LIMIT).await else {
            return response::plain(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
        };
        let _passing = self.traffic.pass();
        let id = format!(
            "local-{:012x}",
            self.requests.fetch_add(1, Ordering::Relaxed)
        );
        let head = request::Head {
            method: &parts.method,
            uri: &parts.uri,
            headers: &parts.headers,
            peer,
            now: self.clock.now(),
            id: &id,
            account: &self.account,
        };
        let event = request::payload(&head, &route, &body);
        let answer = self.functions.call_http(route.function, event, &id).await;
        self.wake.poke();
        match answer {
            Ok(answer) => response::from_answer(&answer),
            Err(error) => {
                tracing::error!(
                    function = route.function,
                    route = route.key,
                    error,
                    "a request failed"
                );
                response::failed()
            }
        }
    }
}

async fn answer(
    State(gateway): State<Arc<Gateway>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response<Body> {
    gateway.answer(&peer.ip().to_string(), request).await
}
