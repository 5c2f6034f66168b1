//! Reads from every answer of `DynamoDB` what the call consumed, function by function.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use serde_json::Value;

/// One call.
#[derive(Clone, Debug)]
pub struct Call {
    /// Package of the function.
    pub function: String,
    /// `PutItem`, or `TransactWriteItems of 2`.
    pub name: String,
    /// Read units.
    pub read: f64,
    /// Write units.
    pub write: f64,
}

/// Sums of calls.
#[derive(Clone, Copy, Debug, Default)]
pub struct Units {
    /// Calls.
    pub calls: u64,
    /// Read units.
    pub read: f64,
    /// Write units.
    pub write: f64,
}

impl Units {
    /// The sum over some calls.
    pub fn of<'c>(calls: impl IntoIterator<Item = &'c Call>) -> Self {
        calls.into_iter().fold(Self::default(), |sum, call| Self {
            calls: sum.calls + 1,
            read: sum.read + call.read,
            write: sum.write + call.write,
        })
    }
}

/// Calls by function.
pub fn by_function(calls: &[Call]) -> BTreeMap<&str, Units> {
    let mut functions: BTreeMap<&str, Vec<&Call>> = BTreeMap::new();
    for call in calls {
        functions.entry(&call.function).or_default().push(call);
    }
    functions
        .into_iter()
        .map(|(function, calls)| (function, Units::of(calls)))
        .collect()
}

/// The meter. Clones count together.
#[derive(Clone, Debug, Default)]
pub struct Meter(Arc<Mutex<Vec<Call>>>);

impl Meter {
    /// Calls since this was last asked.
    pub fn take(&self) -> Vec<Call> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts the meter before a function's connector.
    pub fn before(&self, function: &str, inner: SharedHttpConnector) -> SharedHttpConnector {
        SharedHttpConnector::new(Metered {
            meter: self.clone(),
            function: function.to_owned(),
            inner,
        })
    }
}

struct Metered {
    meter: Meter,
    function: String,
    inner: SharedHttpConnector,
}

impl fmt::Debug for Metered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metered")
    }
}

impl HttpConnector for Metered {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target");
        let Some((_, operation)) = target.and_then(|target| target.split_once('.')) else {
            return self.inner.call(request);
        };
        let operation = operation.to_owned();
        let items = request
            .body()
            .bytes()
            .and_then(|body| serde_json::from_slice::<Value>(body).ok())
            .and_then(|body| body["TransactItems"].as_array().map(Vec::len));
        let (meter, function, inner) = (
            self.meter.clone(),
            self.function.clone(),
            self.inner.clone(),
        );
        HttpConnectorFuture::new(async move {
            let mut response = inner.call(request).await?;
            let answer = whole_body(&mut response).await?;
            let units = consumed(&answer);
            let writes = matches!(
                operation.as_str(),
                "PutItem" | "UpdateItem" | "DeleteItem" | "BatchWriteItem" | "TransactWriteItems"
            );
            let (read, write) = if writes { (0.0, units) } else { (units, 0.0) };
            let name = items.map_or(operation.clone(), |items| format!("{operation} of {items}"));
            let mut calls = meter.0.lock().unwrap_or_else(PoisonError::into_inner);
            calls.push(Call {
                function,
                name,
                read,
                write,
            });
            drop(calls);
            Ok(response)
        })
    }
}

/// Reads the body, and leaves it in place.
async fn whole_body(response: &mut HttpResponse) -> Result<Value, ConnectorError> {
    let body = std::mem::replace(response.body_mut(), SdkBody::taken());
    let bytes = ByteStream::new(body).collect().await;
    let bytes = bytes
        .map_err(|error| ConnectorError::io(error.into()))?
        .into_bytes();
    let answer = serde_json::from_slice(&bytes).unwrap_or_default();
    *response.body_mut() = SdkBody::from(bytes);
    Ok(answer)
}

/// One table's units, or those of each table of a transaction.
fn consumed(answer: &Value) -> f64 {
    let capacity = &answer["ConsumedCapacity"];
    let one = std::slice::from_ref(capacity);
    let tables = capacity.as_array().map_or(one, Vec::as_slice);
    tables
        .iter()
        .filter_map(|table| table["CapacityUnits"].as_f64())
        .sum()
}
