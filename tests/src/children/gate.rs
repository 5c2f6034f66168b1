//! All that one child process can reach: Lambda's Runtime API, the stand-ins behind the SDK's wire, and a receiver outside over TLS.
//!
//! ```text
//! child -- GET /2018-06-01/runtime/invocation/next          waits here for an event
//!       -- POST .../invocation/{id}/response | error        what became of it
//!       -- any other request, by its X-Amz-Target or path   forwarded to the engine or the mail stand-in; SSM is answered here
//!       -- TLS to an address outside                        kept as a webhook that was received
//! ```
//!
//! Each call is a failpoint. A killed child never hears of its call again: the answer waits for ever, and goes with the gate.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use anyhow::Context as _;
use http::{HeaderMap, HeaderName, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use lodestone::pump::lane::Answer;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{Mutex as Queue, mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::failpoint::Fate;
use super::{Inner, Received};

/// An event on its way to a child.
pub(super) struct Job {
    pub id: String,
    pub event: Value,
    pub arn: String,
    /// When Lambda would end it: UTC milliseconds, by the bent clock.
    pub deadline: i64,
    pub reply: oneshot::Sender<Reply>,
}

/// What became of an event.
pub(super) struct Reply {
    pub answer: Answer,
    /// The child answered and is being killed.
    pub dies: bool,
}

/// The way out of one child.
pub(super) struct Gate {
    fleet: Weak<Inner>,
    function: String,
    jobs: Queue<mpsc::Receiver<Job>>,
    reply: Mutex<Option<oneshot::Sender<Reply>>>,
    /// The event that the child works on, or will as soon as it is ready.
    pub event: Mutex<Value>,
    pub pid: watch::Sender<Option<Pid>>,
}

type Out = Response<Full<Bytes>>;

impl Gate {
    pub fn new(fleet: &Arc<Inner>, function: &str, jobs: mpsc::Receiver<Job>) -> Self {
        Self {
            fleet: Arc::downgrade(fleet),
            function: function.to_owned(),
            jobs: Queue::new(jobs),
            reply: Mutex::new(None),
            event: Mutex::new(Value::Null),
            pid: watch::Sender::new(None),
        }
    }

    /// Serves until the future is dropped.
    pub async fn serve(self: Arc<Self>, listener: TcpListener, tls: Option<TlsAcceptor>) {
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            let (gate, tls) = (Arc::clone(&self), tls.clone());
            connections.spawn(async move {
                match tls {
                    None => gate.talk(stream, false).await,
                    Some(tls) => {
                        if let Ok(stream) = tls.accept(stream).await {
                            gate.talk(stream, true).await;
                        }
                    }
                }
            });
        }
    }

    async fn talk<S>(self: Arc<Self>, stream: S, outside: bool)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let service = service_fn(move |request| {
            let gate = Arc::clone(&self);
            async move { Ok::<_, Infallible>(gate.answer(request, outside).await) }
        });
        // Ends with an error where the child went away, which is what this is for.
        let _ = hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service)
            .await;
    }

    async fn answer(&self, request: Request<Incoming>, outside: bool) -> Out {
        let Some(fleet) = self.fleet.upgrade() else {
            return std::future::pending().await;
        };
        let answered = async {
            let (parts, body) = request.into_parts();
            let body = body.collect().await?.to_bytes();
            let path = parts.uri.path();
            if outside {
                let receive = async { Ok(fleet.receive(&parts.headers, &body)) };
                return self.through(&fleet, "webhook", receive).await;
            }
            if let Some(call) = path.strip_prefix("/2018-06-01/runtime/") {
                return self.runtime_api(&fleet, call, &body).await;
            }
            let step = step(&parts.headers, path, &body);
            if step.starts_with("SSM") {
                let values = async { fleet.parameters(&body) };
                return self.through(&fleet, &step, values).await;
            }
            let url = fleet.upstream(path)?;
            let forward = forward(&fleet.client, &parts.method, url, &parts.headers, body);
            self.through(&fleet, &step, forward).await
        };
        let answered: anyhow::Result<Out> = answered.await;
        answered.unwrap_or_else(|error| {
            fleet.trouble(format!("{}: {error:#}", self.function));
            plain(StatusCode::BAD_GATEWAY, "")
        })
    }

    /// Does a call, and what is to happen there.
    async fn through(
        &self,
        fleet: &Arc<Inner>,
        step: &str,
        call: impl Future<Output = anyhow::Result<Out>>,
    ) -> anyhow::Result<Out> {
        match fleet.plan.call(&self.function, step) {
            None => call.await,
            Some(fate) if fate.is_before() => {
                self.meet(fleet, fate).await?;
                call.await
            }
            Some(fate) => {
                let answer = call.await?;
                self.meet(fleet, fate).await?;
                Ok(answer)
            }
        }
    }

    /// Returns where the child lives on, and never where it does not.
    async fn meet(&self, fleet: &Arc<Inner>, fate: Fate) -> anyhow::Result<()> {
        if fate.is_overtaken() {
            Arc::clone(fleet)
                .overtake(&self.function, self.at_work_on())
                .await;
        }
        if fate.kills() {
            self.kill().await?;
            std::future::pending::<()>().await;
        }
        Ok(())
    }

    fn at_work_on(&self) -> Value {
        let event = self.event.lock();
        event.unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn kill(&self) -> anyhow::Result<()> {
        let mut pid = self.pid.subscribe();
        let pid = *pid.wait_for(Option::is_some).await?;
        Ok(kill_process(pid.context("a process")?, Signal::KILL)?)
    }

    async fn runtime_api(
        &self,
        fleet: &Arc<Inner>,
        call: &str,
        body: &Bytes,
    ) -> anyhow::Result<Out> {
        if call == "invocation/next" {
            return self.next().await;
        }
        let text = String::from_utf8_lossy(body).into_owned();
        if call == "init/error" {
            fleet.trouble(format!("{} did not start: {text}", self.function));
            return Ok(plain(StatusCode::ACCEPTED, ""));
        }
        let answer = if call.ends_with("/response") {
            Answer::Returned(serde_json::from_slice(body)?)
        } else {
            Answer::Failed(text)
        };
        match fleet.plan.call(&self.function, "answer to Lambda") {
            Some(fate) if fate.is_before() => self.meet(fleet, fate).await?,
            Some(fate) => {
                // Lambda has the answer, and what becomes of the process is nobody's business.
                if fate.is_overtaken() {
                    Arc::clone(fleet)
                        .overtake(&self.function, self.at_work_on())
                        .await;
                }
                self.kill().await?;
                self.reply(answer, true);
                return std::future::pending().await;
            }
            None => {}
        }
        self.reply(answer, false);
        Ok(plain(StatusCode::ACCEPTED, ""))
    }

    fn reply(&self, answer: Answer, dies: bool) {
        let mut reply = self.reply.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reply) = reply.take() {
            // Nobody waits for it where the invocation was given up.
            let _ = reply.send(Reply { answer, dies });
        }
    }

    async fn next(&self) -> anyhow::Result<Out> {
        let Some(job) = self.jobs.lock().await.recv().await else {
            return std::future::pending().await;
        };
        *self.reply.lock().unwrap_or_else(PoisonError::into_inner) = Some(job.reply);
        Ok(Response::builder()
            .header("content-type", "application/json")
            .header("lambda-runtime-aws-request-id", &job.id)
            .header("lambda-runtime-deadline-ms", job.deadline)
            .header("lambda-runtime-invoked-function-arn", job.arn)
            .header("lambda-runtime-trace-id", format!("Root={}", job.id))
            .body(Full::from(job.event.to_string()))?)
    }
}

pub(super) fn plain(status: StatusCode, text: &str) -> Out {
    let mut out = Response::new(Full::from(text.to_owned()));
    *out.status_mut() = status;
    out
}

/// Headers that belong to one connection.
const OF_A_CONNECTION: [HeaderName; 4] = [
    header::HOST,
    header::CONTENT_LENGTH,
    header::CONNECTION,
    header::TRANSFER_ENCODING,
];

async fn forward(
    client: &reqwest::Client,
    method: &Method,
    url: String,
    headers: &HeaderMap,
    body: Bytes,
) -> anyhow::Result<Out> {
    let mut headers = headers.clone();
    for name in OF_A_CONNECTION {
        headers.remove(name);
    }
    let request = client.request(method.clone(), url).headers(headers);
    let answer = request.body(body).send().await?;
    let mut out = plain(answer.status(), "");
    *out.headers_mut() = answer.headers().clone();
    for name in OF_A_CONNECTION {
        out.headers_mut().remove(name);
    }
    *out.body_mut() = Full::new(answer.bytes().await?);
    Ok(out)
}

/// A call in words: the operation, and the tables that it concerns.
fn step(headers: &HeaderMap, path: &str, body: &[u8]) -> String {
    let target = headers.get("x-amz-target").and_then(|t| t.to_str().ok());
    let Some((service, operation)) = target.and_then(|t| t.split_once('.')) else {
        let service = if path.starts_with("/v2/email") {
            "SES SendEmail"
        } else {
            path
        };
        return service.to_owned();
    };
    if service == "AmazonSSM" {
        return format!("SSM {operation}");
    }
    let mut tables = BTreeSet::new();
    gather(
        &serde_json::from_slice(body).unwrap_or(json!(null)),
        &mut tables,
    );
    let tables: Vec<&str> = tables.iter().map(String::as_str).collect();
    format!("{operation} {}", tables.join("+"))
}

fn gather(value: &Value, tables: &mut BTreeSet<String>) {
    let short = |name: &str| name.rsplit('-').next().unwrap_or(name).to_owned();
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match (name.as_str(), value) {
                    ("TableName", Value::String(table)) => {
                        tables.insert(short(table));
                    }
                    ("RequestItems", Value::Object(requests)) => {
                        tables.extend(requests.keys().map(|table| short(table)));
                    }
                    _ => gather(value, tables),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| gather(value, tables)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

impl Inner {
    fn receive(&self, headers: &HeaderMap, body: &[u8]) -> Out {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let received = Received {
            id: text("webhook-id").unwrap_or_default().to_owned(),
            body: String::from_utf8_lossy(body).into_owned(),
        };
        let mut all = self.hooks.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(received);
        plain(StatusCode::OK, "")
    }
}
