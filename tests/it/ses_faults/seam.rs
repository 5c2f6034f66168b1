//! The mail service at the SDK's connector, with a script for each mail: how each attempt ends, and when the word of it comes.
//!
//! It is the service and the wire in one: it knows which attempts it took, whatever the sender was told. Must not know how a sender
//! keeps its work.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};
use shared::domain::time::Timestamp;

/// How an attempt ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// Taken, and answered.
    Taken,
    /// Never connected.
    NotConnected,
    /// 429.
    Throttled,
    /// 400 `LimitExceededException`.
    Limited,
    /// 400 `MessageRejected`.
    Rejected,
    /// A time-out before the service had it.
    TimeOutBefore,
    /// A time-out after it was taken.
    TimeOutAfter,
    /// 500, not taken.
    Error500,
    /// 500, and taken all the same.
    Error500After,
    /// The connection is reset before the service had it.
    ResetBefore,
    /// The connection is reset after it was taken.
    ResetAfter,
    /// The sender dies after its claim, before anything was sent.
    CrashBefore,
    /// The sender dies after the service took it.
    CrashAfter,
}

impl Fate {
    /// Every kind.
    pub const ALL: [Self; 13] = [
        Self::Taken,
        Self::NotConnected,
        Self::Throttled,
        Self::Limited,
        Self::Rejected,
        Self::TimeOutBefore,
        Self::TimeOutAfter,
        Self::Error500,
        Self::Error500After,
        Self::ResetBefore,
        Self::ResetAfter,
        Self::CrashBefore,
        Self::CrashAfter,
    ];

    /// Whether the service took the mail.
    pub const fn is_taken(self) -> bool {
        matches!(
            self,
            Self::Taken
                | Self::TimeOutAfter
                | Self::Error500After
                | Self::ResetAfter
                | Self::CrashAfter
        )
    }

    /// Whether the sender surely knows what became of it.
    pub const fn is_known(self) -> bool {
        matches!(
            self,
            Self::Taken | Self::NotConnected | Self::Throttled | Self::Limited | Self::Rejected
        )
    }
}

/// When the word of a mail that was taken comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum News {
    /// Before the sender has its answer.
    Early,
    /// At the next minute.
    Prompt,
    /// After some minutes, within the time a sender waits.
    Late,
    /// After the sender has given up waiting.
    TooLate,
    /// At the next minute, and again some minutes later.
    Twice,
    /// Never.
    Missing,
}

impl News {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::Early,
        Self::Prompt,
        Self::Late,
        Self::TooLate,
        Self::Twice,
        Self::Missing,
    ];

    /// Whether it comes while the sender waits.
    pub const fn is_in_time(self) -> bool {
        matches!(self, Self::Early | Self::Prompt | Self::Late | Self::Twice)
    }
}

/// One attempt as the service saw it.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    /// How it ended.
    pub fate: Fate,
    /// When its word came, where it was taken.
    pub news: News,
}

/// Decides how attempt `n` (from 1) of the mail of `seed` ends, after those before it.
pub type Script = fn(seed: u64, before: &[Attempt]) -> Attempt;

struct State {
    script: Script,
    seeds: BTreeMap<String, u64>,
    attempts: BTreeMap<String, Vec<Attempt>>,
    words: Vec<(Timestamp, Value)>,
    messages: u64,
}

/// The service. Clones are the same one.
#[derive(Clone)]
pub struct Seam {
    state: Arc<Mutex<State>>,
    now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    hears: Arc<OnceLock<feedback::Deps>>,
}

impl std::fmt::Debug for Seam {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seam")
    }
}

impl Seam {
    /// A service that follows `script` by the clock `now`.
    pub fn new(script: Script, now: Arc<dyn Fn() -> Timestamp + Send + Sync>) -> Self {
        Self {
            state: Arc::new(Mutex::new(State {
                script,
                seeds: BTreeMap::new(),
                attempts: BTreeMap::new(),
                words: Vec::new(),
                messages: 0,
            })),
            now,
            hears: Arc::default(),
        }
    }

    /// Who hears the early words.
    pub fn tell(&self, deps: feedback::Deps) {
        let _ = self.hears.set(deps);
    }

    /// The mail with this `obx` tag follows the script of `seed`.
    pub fn expect(&self, tag: String, seed: u64) {
        self.lock().seeds.insert(tag, seed);
    }

    /// What became of the attempts at a mail.
    pub fn attempts(&self, tag: &str) -> Vec<Attempt> {
        self.lock().attempts.get(tag).cloned().unwrap_or_default()
    }

    /// Words that are due now, and no more waiting.
    pub fn due_words(&self) -> Vec<Value> {
        let now = (self.now)();
        let mut state = self.lock();
        let (due, later): (Vec<_>, Vec<_>) = state.words.drain(..).partition(|(at, _)| *at <= now);
        state.words = later;
        due.into_iter().map(|(_, word)| word).collect()
    }

    /// Puts the service in place of the network, for sends only.
    pub fn before(&self, inner: SharedHttpConnector) -> SharedHttpConnector {
        SharedHttpConnector::new(Wire {
            seam: self.clone(),
            inner,
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an attempt: how it ends, its message id, and the words that go out before the answer.
    fn take(&self, request: &Value) -> (Fate, String, Vec<Value>) {
        let now = (self.now)();
        let mut state = self.lock();
        let tag = tag_of(request, "obx");
        let seed = state.seeds.get(&tag).copied().unwrap_or_default();
        let before = state.attempts.entry(tag).or_default().clone();
        let attempt = (state.script)(seed, &before);
        let tag = tag_of(request, "obx");
        state.attempts.entry(tag).or_default().push(attempt);
        state.messages += 1;
        let id = format!("0100-{:08x}", state.messages);
        if !attempt.fate.is_taken() {
            return (attempt.fate, id, Vec::new());
        }
        let words = words(request, &id, now, mix(seed, 77 + before.len() as u64));
        let minutes = |from: i64, spread: u64| {
            from + i64::try_from(mix(seed, 5) % spread).unwrap_or_default()
        };
        let waits: &[i64] = &match attempt.news {
            News::Early => return (attempt.fate, id, words),
            News::Prompt => vec![1],
            News::Late => vec![minutes(2, 10)],
            News::TooLate => vec![minutes(19, 10)],
            News::Twice => vec![1, minutes(3, 30)],
            News::Missing => Vec::new(),
        };
        for wait in waits {
            let due = words
                .iter()
                .map(|word| (now.plus_minutes(*wait), word.clone()));
            state.words.extend(due);
        }
        (attempt.fate, id, Vec::new())
    }
}

fn tag_of(request: &Value, name: &str) -> String {
    let tags = request["EmailTags"].as_array();
    tags.into_iter()
        .flatten()
        .find(|tag| tag["Name"] == name)
        .and_then(|tag| tag["Value"].as_str())
        .unwrap_or_default()
        .to_owned()
}

/// What the service says of a mail that it took: some of its events, in some order, in the topic's envelope or bare.
fn words(request: &Value, id: &str, now: Timestamp, dice: u64) -> Vec<Value> {
    let recipients = &request["Destination"]["ToAddresses"];
    let at = now.to_string();
    let event = |kind: &str, part: &str, detail: Value| {
        let mut event = json!({
            "eventType": kind,
            "mail": {
                "timestamp": at, "messageId": id, "destination": recipients,
                "tags": {"obx": [tag_of(request, "obx")], "att": [tag_of(request, "att")]},
            },
        });
        event[part] = detail;
        if dice & 1 == 0 {
            event
        } else {
            json!({"Type": "Notification", "Message": event.to_string()})
        }
    };
    let bounced = json!([{"emailAddress": recipients[0]}]);
    let sent = || event("Send", "send", json!({}));
    let delivered = || {
        event(
            "Delivery",
            "delivery",
            json!({"timestamp": at, "recipients": recipients}),
        )
    };
    match dice % 6 {
        0 => vec![sent(), delivered()],
        1 => vec![delivered(), sent()],
        2 => vec![sent()],
        3 => vec![delivered()],
        4 => vec![event("DeliveryDelay", "deliveryDelay", json!({})), sent()],
        _ => vec![
            sent(),
            event(
                "Bounce",
                "bounce",
                json!({"bounceType": "Transient", "bounceSubType": "MailboxFull", "timestamp": at, "bouncedRecipients": bounced}),
            ),
        ],
    }
}

/// `SplitMix64`: small, seeded, good enough to spread faults.
pub fn mix(seed: u64, n: u64) -> u64 {
    let mut z = seed.wrapping_add(n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A message as the queue brings it.
pub fn queued(words: &[Value]) -> Value {
    let records: Vec<Value> = words
        .iter()
        .enumerate()
        .map(|(n, word)| {
            json!({"eventSource": "aws:sqs", "messageId": format!("m{n}"), "body": word.to_string()})
        })
        .collect();
    json!({ "Records": records })
}

#[derive(Debug)]
struct Wire {
    seam: Seam,
    inner: SharedHttpConnector,
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        if !request.uri().contains("/v2/email/outbound-emails") {
            return self.inner.call(request);
        }
        let body = request.body().bytes().unwrap_or_default();
        let body: Value = serde_json::from_slice(body).unwrap();
        let seam = self.seam.clone();
        HttpConnectorFuture::new(async move {
            let (fate, id, early) = seam.take(&body);
            if let (false, Some(deps)) = (early.is_empty(), seam.hears.get()) {
                feedback::handle(deps, queued(&early)).await.unwrap();
            }
            match fate {
                Fate::Taken => Ok(reply(200, &json!({ "MessageId": id }), None)),
                Fate::NotConnected => Err(io(std::io::ErrorKind::ConnectionRefused)),
                Fate::Throttled => Ok(refusal(429, "TooManyRequestsException")),
                Fate::Limited => Ok(refusal(400, "LimitExceededException")),
                Fate::Rejected => Ok(refusal(400, "MessageRejected")),
                Fate::Error500 | Fate::Error500After => {
                    Ok(refusal(500, "InternalServiceErrorException"))
                }
                Fate::TimeOutBefore | Fate::TimeOutAfter => {
                    Err(ConnectorError::timeout("no answer".into()))
                }
                Fate::ResetBefore | Fate::ResetAfter => {
                    Err(io(std::io::ErrorKind::ConnectionReset))
                }
                // The sender is gone in the middle: nothing of it runs any more, and nothing is printed.
                Fate::CrashBefore | Fate::CrashAfter => {
                    std::panic::resume_unwind(Box::new("the sender died"))
                }
            }
        })
    }
}

fn io(kind: std::io::ErrorKind) -> ConnectorError {
    ConnectorError::io(std::io::Error::from(kind).into())
}

fn refusal(status: u16, code: &'static str) -> HttpResponse {
    reply(
        status,
        &json!({"message": "as the script says"}),
        Some(code),
    )
}

fn reply(status: u16, body: &Value, code: Option<&'static str>) -> HttpResponse {
    let status = StatusCode::try_from(status).unwrap();
    let mut response = HttpResponse::new(status, SdkBody::from(body.to_string()));
    let headers = response.headers_mut();
    headers.insert("content-type", "application/json");
    if let Some(code) = code {
        headers.insert("x-amzn-errortype", code);
    }
    response
}
