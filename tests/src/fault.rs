//! A seeded fault injector at the one seam to the outside: the HTTP connector of the SDK clients.
//!
//! | fault | the server | the caller sees |
//! | --- | --- | --- |
//! | `refuse` | is never reached | connection refused |
//! | `lose_reply` | does it | a reset |
//! | `time_out_before` | is never reached | a time-out |
//! | `time_out_after` | does it | a time-out |
//! | `error_500` | is never reached | status 500 |
//! | `throttle` | is never reached | a throttling error |
//! | `duplicate` | does it twice | the second answer |
//! | `crash` | is never reached | the caller is cut off: this call and the next few fail |
//!
//! No fault waits: a time-out is an error that says so. The same seed gives the same faults in the same order of calls. Each (step, fault)
//! that was met is counted, so that a run can print what it covered.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use serde_json::Value;

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Connection refused; the server is never reached.
    Refuse,
    /// Done, and the reply is lost.
    LoseReply,
    /// A time-out; the server is never reached.
    TimeOutBefore,
    /// Done, and a time-out all the same.
    TimeOutAfter,
    /// Status 500; not done.
    Error500,
    /// Throttled; not done.
    Throttle,
    /// Done twice.
    Duplicate,
    /// The caller is cut off: this call and the next few fail.
    Crash,
}

impl Fault {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::Refuse,
        Self::LoseReply,
        Self::TimeOutBefore,
        Self::TimeOutAfter,
        Self::Error500,
        Self::Throttle,
        Self::Duplicate,
        Self::Crash,
    ];
}

/// How often which faults come.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Seed of the schedule.
    pub seed: u64,
    /// Faults in a thousand calls.
    pub per_mille: u64,
    /// Faults stop after this many calls, so that every schedule comes to rest.
    pub calls: u64,
}

/// Calls that fail after a crash.
const CRASH_CALLS: u64 = 4;

#[derive(Debug, Default)]
struct State {
    plan: Option<Plan>,
    calls: u64,
    down_until: u64,
    met: BTreeMap<(String, Fault), u64>,
    steps: BTreeMap<String, u64>,
    exposed: BTreeMap<String, u64>,
    cut: BTreeMap<String, u64>,
    needed: BTreeSet<Grant>,
}

/// A permission: (function, action, table or `table/index/name`).
pub type Grant = (String, String, String);

/// The injector. Clones share one schedule.
#[derive(Clone, Debug, Default)]
pub struct Injector(Arc<Mutex<State>>);

impl Injector {
    /// Starts a schedule; counts of what was met stay.
    pub fn start(&self, plan: Plan) {
        let mut state = self.lock();
        state.calls = 0;
        state.down_until = 0;
        state.plan = Some(plan);
    }

    /// Lets this many more calls of a caller through, and none after them: it was killed there.
    pub fn kill_after(&self, function: &str, calls: u64) {
        self.lock().cut.insert(function.to_owned(), calls);
    }

    /// Whether calls of a caller that was killed were refused; it may call again.
    pub fn revive(&self, function: &str) -> bool {
        self.lock().cut.remove(function) == Some(0)
    }

    /// Lets everything through.
    pub fn stop(&self) {
        self.lock().plan = None;
    }

    /// Steps called, by name: `capture DynamoDB.PutItem`, `deliver SES.SendEmail`.
    pub fn steps(&self) -> BTreeMap<String, u64> {
        self.lock().steps.clone()
    }

    /// Calls while a schedule was on, by step.
    pub fn exposed(&self) -> BTreeMap<String, u64> {
        self.lock().exposed.clone()
    }

    /// Faults met, by step and kind.
    pub fn met(&self) -> BTreeMap<(String, Fault), u64> {
        self.lock().met.clone()
    }

    /// Puts the injector before a function's connector.
    pub fn before(&self, function: &str, inner: SharedHttpConnector) -> SharedHttpConnector {
        SharedHttpConnector::new(Faulty {
            injector: self.clone(),
            function: function.to_owned(),
            inner,
        })
    }

    /// Permissions that the calls so far needed, as (function, action, table or index).
    pub fn needed(&self) -> BTreeSet<Grant> {
        self.lock().needed.clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what a call needs permission for.
    fn note(&self, function: &str, call: &str, request: &HttpRequest) {
        let Some(action) = call.strip_prefix("DynamoDB.") else {
            return;
        };
        let Some(body) = request
            .body()
            .bytes()
            .and_then(|b| serde_json::from_slice::<Value>(b).ok())
        else {
            return;
        };
        let table = |part: &Value| {
            let name = part["TableName"].as_str().unwrap_or_default();
            part["IndexName"]
                .as_str()
                .map_or_else(|| name.to_owned(), |index| format!("{name}/index/{index}"))
        };
        let mut state = self.lock();
        let mut need = |action: &str, part: &Value| {
            state.needed.insert((
                function.to_owned(),
                format!("dynamodb:{action}"),
                table(part),
            ));
        };
        let Some(parts) = body["TransactItems"].as_array() else {
            return need(action, &body);
        };
        // A transaction needs the permission of each of its parts.
        for part in parts {
            for (kind, action) in [
                ("Put", "PutItem"),
                ("Update", "UpdateItem"),
                ("Delete", "DeleteItem"),
                ("ConditionCheck", "ConditionCheckItem"),
            ] {
                if part[kind].is_object() {
                    need(action, &part[kind]);
                }
            }
        }
    }

    /// The fault for the next call of `step`.
    fn next(&self, step: &str) -> Option<Fault> {
        let mut state = self.lock();
        *state.steps.entry(step.to_owned()).or_default() += 1;
        let function = step.split(' ').next().unwrap_or_default();
        if let Some(left) = state.cut.get_mut(function) {
            if *left == 0 {
                return Some(Fault::Refuse);
            }
            *left -= 1;
        }
        let plan = state.plan.clone()?;
        *state.exposed.entry(step.to_owned()).or_default() += 1;
        state.calls += 1;
        let call = state.calls;
        if call <= state.down_until {
            return Some(Fault::Refuse);
        }
        let dice = mix(plan.seed, call);
        if call > plan.calls || dice % 1000 >= plan.per_mille {
            return None;
        }
        let kinds = Fault::ALL.len() as u64;
        let mut fault = Fault::ALL[usize::try_from(mix(dice, 1) % kinds).unwrap_or_default()];
        // A mail that the wire itself doubled is nothing that any sender could mend.
        if fault == Fault::Duplicate && step.contains("SES") {
            fault = Fault::LoseReply;
        }
        if fault == Fault::Crash {
            state.down_until = call + CRASH_CALLS;
        }
        *state.met.entry((step.to_owned(), fault)).or_default() += 1;
        Some(fault)
    }
}

/// `SplitMix64`: small, seeded, good enough to spread faults.
fn mix(seed: u64, n: u64) -> u64 {
    let mut z = seed.wrapping_add(n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

struct Faulty {
    injector: Injector,
    function: String,
    inner: SharedHttpConnector,
}

impl fmt::Debug for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Faulty")
    }
}

impl HttpConnector for Faulty {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let call = call_of(&request);
        let step = format!("{} {call}", self.function);
        self.injector.note(&self.function, &call, &request);
        let Some(fault) = self.injector.next(&step) else {
            return self.inner.call(request);
        };
        let inner = self.inner.clone();
        HttpConnectorFuture::new(async move {
            match fault {
                Fault::Refuse | Fault::Crash => Err(refused()),
                Fault::TimeOutBefore => Err(ConnectorError::timeout("injected time-out".into())),
                Fault::Error500 => Ok(answer(
                    http::StatusCode::INTERNAL_SERVER_ERROR,
                    "InternalServerError",
                )),
                Fault::Throttle if step.contains("SES") || step.contains("webhook") => Ok(answer(
                    http::StatusCode::TOO_MANY_REQUESTS,
                    "TooManyRequestsException",
                )),
                Fault::Throttle => Ok(answer(http::StatusCode::BAD_REQUEST, "ThrottlingException")),
                Fault::LoseReply => {
                    let _ = inner.call(request).await;
                    Err(reset())
                }
                Fault::TimeOutAfter => {
                    let _ = inner.call(request).await;
                    Err(ConnectorError::timeout("injected time-out".into()))
                }
                Fault::Duplicate => {
                    if let Some(copy) = request.try_clone() {
                        let _ = inner.call(copy).await;
                    }
                    inner.call(request).await
                }
            }
        })
    }
}

fn refused() -> ConnectorError {
    ConnectorError::io(std::io::Error::from(std::io::ErrorKind::ConnectionRefused).into())
}

fn reset() -> ConnectorError {
    ConnectorError::io(std::io::Error::from(std::io::ErrorKind::ConnectionReset).into())
}

fn answer(status: http::StatusCode, code: &str) -> HttpResponse {
    let mut response = HttpResponse::new(
        StatusCode::from(status),
        SdkBody::from(format!(
            "{{\"__type\":\"{code}\",\"message\":\"injected\"}}"
        )),
    );
    response
        .headers_mut()
        .insert("x-amzn-errortype", code.to_owned());
    response
        .headers_mut()
        .insert("content-type", "application/x-amz-json-1.0");
    response
}

/// What a call is, for counting.
fn call_of(request: &HttpRequest) -> String {
    match request.headers().get("x-amz-target") {
        Some(target) => target.replace("DynamoDB_20120810", "DynamoDB"),
        None if request.uri().contains("/v2/email/outbound-emails") => "SES.SendEmail".into(),
        None if request.headers().contains_key("webhook-id") => "webhook".into(),
        None if request.uri().contains("/local/sink/") => "chat".into(),
        None => format!("other {}", request.method()),
    }
}
