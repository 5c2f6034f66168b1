//! Requests to servers that are not ours: webhooks, chat, CRM, captcha services.
//!
//! ```text
//! post -> Destination::parse     https, a public host, no credentials
//!      -> connector -> Guarded   resolves the name once; every address must be global unicast, or none is used
//!                   -> connect   to the very addresses that were checked, with the name in SNI and Host
//!      -> at most 64 KiB of the answer, within the deadline
//! ```
//!
//! The check sits in the resolver of the connector, so there is no second look-up between check and connect that could answer otherwise.
//! Redirects are not followed and no proxy is read from the environment. The TLS stack is the one that the clients of AWS use. Must not
//! know what is sent or what an answer means.

use std::error::Error;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_http_client::tls;
use aws_smithy_runtime_api::client::dns::{DnsFuture, ResolveDns, ResolveDnsError};
use aws_smithy_runtime_api::client::http::{
    HttpConnector as _, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use http_body::Body as _;

use crate::domain::destination::{BadDestination, Destination, is_global};
use crate::runtime::{Outbound, Runtime};

/// Longest wait for a whole exchange, where nobody asks for less.
pub const DEADLINE: Duration = Duration::from_secs(15);
/// Longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Most that is read of an answer.
const MAX_ANSWER: usize = 64 * 1024;

/// Sends requests to the open internet.
#[derive(Clone, Debug)]
pub struct Sender {
    connector: SharedHttpConnector,
    exceptions: Vec<String>,
}

/// One request. `Debug` does not print the address, the headers or the body: the first two may be secrets, the last names people.
#[derive(Clone)]
pub struct Post<'a> {
    /// Where to.
    pub url: &'a str,
    /// Headers besides those of HTTP itself; `content-type` is one of them.
    pub headers: &'a [(&'a str, String)],
    /// The body's bytes.
    pub body: &'a [u8],
    /// How long the whole exchange may take.
    pub deadline: Duration,
}

impl fmt::Debug for Post<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Post({} bytes)", self.body.len())
    }
}

/// What came back.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// Status, whatever it is: 3xx too.
    pub status: u16,
    /// `Retry-After` as it was sent.
    pub retry_after: Option<String>,
    /// The first 64 KiB of the body. It may hold anything: never shown to visitors, never logged.
    pub body: Vec<u8>,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answer({}, {} bytes)", self.status, self.body.len())
    }
}

/// Why there was no answer. Never holds the URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The URL may not be called.
    #[error("the address {0}")]
    Destination(#[from] BadDestination),
    /// The name stands for an address inside.
    #[error("the host's name leads to an address that is not on the public internet")]
    NotPublic,
    /// The request cannot be made: a header that is none.
    #[error("the request could not be built")]
    Request,
    /// No answer within the deadline.
    #[error("no answer in time")]
    TimedOut,
    /// The name does not resolve, nobody listens, TLS failed, or the connection broke.
    #[error("no connection")]
    Lost,
}

impl Sender {
    /// Sends as the runtime says: guarded, where it says nothing.
    pub fn new(runtime: &Runtime) -> Self {
        let Outbound {
            connector,
            exceptions,
        } = runtime.outbound.clone();
        Self {
            connector: connector.unwrap_or_else(|| guarded(SystemDns)),
            exceptions,
        }
    }

    /// The address of a path on the runner that this sender belongs to; none in a deployed function.
    pub fn own_url(&self, path: &str) -> Option<String> {
        self.exceptions.first().map(|own| format!("{own}{path}"))
    }

    /// Posts, once.
    pub async fn post(&self, post: &Post<'_>) -> Result<Answer, SendError> {
        let destination = Destination::parse(post.url, &self.exceptions)?;
        let request = build(&destination, post)?;
        // Boxed: the connector's futures nest deeply.
        let exchange = Box::pin(self.exchange(request));
        match tokio::time::timeout(post.deadline, exchange).await {
            Ok(answer) => answer,
            Err(_) => Err(SendError::TimedOut),
        }
    }

    async fn exchange(&self, request: HttpRequest) -> Result<Answer, SendError> {
        let mut response = self.connector.call(request).await.map_err(|error| {
            if led_inside(&error) {
                SendError::NotPublic
            } else if error.is_timeout() {
                SendError::TimedOut
            } else {
                SendError::Lost
            }
        })?;
        let retry_after = response.headers().get("retry-after").map(str::to_owned);
        let body = std::mem::replace(response.body_mut(), SdkBody::taken());
        Ok(Answer {
            status: response.status().as_u16(),
            retry_after,
            body: read(body).await,
        })
    }
}

fn build(destination: &Destination, post: &Post<'_>) -> Result<HttpRequest, SendError> {
    let mut request = http::Request::builder()
        .method("POST")
        .uri(destination.as_str())
        .header("user-agent", "Lodestone")
        .header("content-length", post.body.len());
    for (name, value) in post.headers {
        request = request.header(*name, value);
    }
    let request = request
        .body(SdkBody::from(post.body))
        .map_err(|_| SendError::Request)?;
    HttpRequest::try_from(request).map_err(|_| SendError::Request)
}

/// The beginning of a body. One that breaks off, or goes on for ever, is as good as what came of it: the status has been read.
async fn read(mut body: SdkBody) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < MAX_ANSWER {
        let frame = std::future::poll_fn(|cx| std::pin::Pin::new(&mut body).poll_frame(cx)).await;
        let Some(Ok(frame)) = frame else { break };
        if let Some(data) = frame.data_ref() {
            let room = MAX_ANSWER - bytes.len();
            bytes.extend_from_slice(&data[..data.len().min(room)]);
        }
    }
    bytes
}

/// Whether the guard's word is among the causes of a failure.
fn led_inside(error: &(dyn Error + 'static)) -> bool {
    error.is::<NotPublic>() || error.source().is_some_and(led_inside)
}

/// A connector that connects only to global unicast addresses: https with ring, the system's roots, no proxy.
pub fn guarded(resolver: impl ResolveDns + Clone + 'static) -> SharedHttpConnector {
    connector(Guarded {
        resolver,
        permits: is_global,
    })
}

fn connector(resolver: impl ResolveDns + Clone + 'static) -> SharedHttpConnector {
    let settings = HttpConnectorSettings::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .build();
    SharedHttpConnector::new(
        aws_smithy_http_client::Connector::builder()
            .connector_settings(settings)
            .sleep_impl(TokioSleep::new())
            .tls_provider(tls::Provider::Rustls(
                tls::rustls_provider::CryptoMode::Ring,
            ))
            .build_with_resolver(resolver),
    )
}

/// The system's resolver.
#[derive(Clone, Copy, Debug)]
pub struct SystemDns;

impl ResolveDns for SystemDns {
    fn resolve_dns<'a>(&'a self, name: &'a str) -> DnsFuture<'a> {
        DnsFuture::new(async move {
            let found = tokio::net::lookup_host((name, 0)).await;
            let found = found.map_err(ResolveDnsError::new)?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// A name led inside.
#[derive(Debug, thiserror::Error)]
#[error("not a public address")]
struct NotPublic;

/// Asks another resolver, and answers nothing where one address is not permitted: a name that stands for a public and for a private
/// address is nobody's honest webhook.
#[derive(Clone, Debug)]
struct Guarded<R> {
    resolver: R,
    permits: fn(IpAddr) -> bool,
}

impl<R: ResolveDns> ResolveDns for Guarded<R> {
    fn resolve_dns<'a>(&'a self, name: &'a str) -> DnsFuture<'a> {
        DnsFuture::new(async move {
            let addresses = self.resolver.resolve_dns(name).await?;
            if addresses.iter().copied().all(self.permits) {
                Ok(addresses)
            } else {
                Err(ResolveDnsError::new(NotPublic))
            }
        })
    }
}

#[cfg(test)]
mod tests;
