//! The functions, in this process: the very code that is deployed, called as Lambda would call it.
//!
//! The one table of packages is in `build`; a package that the template names and that is not there stops the start. An invocation has
//! the time-out of the template, and a panic ends the invocation and nothing else.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::Display;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use lambda_http::request::LambdaRequest;
use lambda_http::{
    Adapter, Body, Context, LambdaEvent, Request, Response, Service as _, service_fn,
};
use serde_json::Value;
use shared::runtime::{Lookup, Runtime, StartError};

use crate::app::options::WrapConnector;
use crate::pump::context::Invoke;
use crate::pump::lane::Answer;
use crate::template::model::{Function, Model};

type HttpHandler =
    Arc<dyn Fn(Request) -> Pin<Box<dyn Future<Output = Response<Body>> + Send>> + Send + Sync>;
type EventHandler =
    Arc<dyn Fn(Value) -> Pin<Box<dyn Future<Output = Result<Value, String>> + Send>> + Send + Sync>;

/// One function, ready to be called.
#[derive(Clone)]
enum Handler {
    /// Answers requests.
    Http(HttpHandler),
    /// Takes stream batches, messages and ticks.
    Event(EventHandler),
    /// Is not in this process; takes whatever it takes there.
    Elsewhere(Invoke),
}

/// Why a function could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The template names a package that has no code here.
    #[error(
        "the template's function `{id}` is built from the package `{package}`, and there is no such package"
    )]
    NoPackage {
        /// Logical id.
        id: String,
        /// Package.
        package: String,
    },
    /// The function refused to start.
    #[error("the function `{id}` did not start: {source}")]
    Refused {
        /// Logical id.
        id: String,
        /// Why.
        source: StartError,
    },
}

/// Builds the function of a package: a match, so that each is called by its own types. The futures are boxed because a start needs much
/// room, once.
async fn build(
    package: &str,
    runtime: &Runtime,
    env: Lookup<'_>,
) -> Result<Option<Handler>, StartError> {
    Ok(Some(match package {
        "capture" => {
            let deps = Arc::new(Box::pin(capture::Deps::build(runtime, env)).await?);
            http(move |request| {
                let deps = Arc::clone(&deps);
                async move { Box::pin(capture::handle(&deps, request)).await }
            })
        }
        "links" => {
            let deps = Arc::new(Box::pin(links::Deps::build(runtime, env)).await?);
            http(move |request| {
                let deps = Arc::clone(&deps);
                async move { Box::pin(links::handle(&deps, request)).await }
            })
        }
        "score" => {
            let deps = Arc::new(Box::pin(score::Deps::build(runtime, env)).await?);
            event(move |event| {
                let deps = Arc::clone(&deps);
                async move { Box::pin(score::handle(&deps, event)).await }
            })
        }
        "deliver" => {
            let deps = Arc::new(Box::pin(deliver::Deps::build(runtime, env)).await?);
            event(move |event| {
                let deps = Arc::clone(&deps);
                async move { Box::pin(deliver::handle(&deps, event)).await }
            })
        }
        "notify" => {
            let deps = Arc::new(Box::pin(notify::Deps::build(runtime, env)).await?);
            event(move |event| {
                let deps = Arc::clone(&deps);
                async move { Box::pin(notify::handle(&deps, event)).await }
            })
        }
        "feedback" => {
            let deps = Arc::new(Box::pin(feedback::Deps::build(runtime, env)).await?);
            event(move |event| {
                let deps = Arc::clone(&deps);
                async move { Box::pin(feedback::handle(&deps, event)).await }
            })
        }
        "keep" => {
            let deps = Arc::new(Box::pin(keep::Deps::build(runtime, env)).await?);
            event(move |event| {
                let deps = Arc::clone(&deps);
                async move { Box::pin(keep::handle(&deps, event)).await }
            })
        }
        _ => return Ok(None),
    }))
}

fn http<F, A>(handle: F) -> Handler
where
    F: Fn(Request) -> A + Send + Sync + 'static,
    A: Future<Output = Response<Body>> + Send + 'static,
{
    Handler::Http(Arc::new(move |request| Box::pin(handle(request))))
}

fn event<F, A, E>(handle: F) -> Handler
where
    F: Fn(Value) -> A + Send + Sync + 'static,
    A: Future<Output = Result<Value, E>> + Send + 'static,
    E: Display,
{
    Handler::Event(Arc::new(move |event| {
        let answer = handle(event);
        Box::pin(async move { answer.await.map_err(|error| error.to_string()) })
    }))
}

/// All functions of the template by package.
pub struct Functions {
    built: BTreeMap<String, Built>,
}

struct Built {
    handler: Handler,
    timeout: Duration,
    arn: String,
}

impl Functions {
    /// Builds every function of the template with the variables that the template gives it, and those that Lambda sets.
    /// `wrap` puts something between a function and the network. Functions that run `elsewhere` are not built.
    pub async fn build(
        model: &Model,
        runtime: &Runtime,
        region: &str,
        wrap: Option<&WrapConnector>,
        elsewhere: Option<&Invoke>,
    ) -> Result<Self, BuildError> {
        let mut built = BTreeMap::new();
        for function in &model.functions {
            let timeout = Duration::from_secs(u64::from(function.timeout));
            let mut ready = |handler| {
                let arn = function.arn.clone();
                let ready = Built {
                    handler,
                    timeout,
                    arn,
                };
                built.insert(function.package.clone(), ready);
            };
            if let Some(elsewhere) = elsewhere {
                ready(Handler::Elsewhere(Arc::clone(elsewhere)));
                continue;
            }
            let env = |name: &str| variable(function, region, name);
            let refused = |source| BuildError::Refused {
                id: function.id.clone(),
                source,
            };
            let mut runtime = runtime.clone();
            if let Some(wrap) = wrap {
                let connector = wrap(&function.package, runtime.aws.connector().clone());
                runtime.aws = runtime.aws.with_connector(connector);
                let outbound = runtime.outbound.connector.take();
                runtime.outbound.connector = outbound.map(|o| wrap(&function.package, o));
            }
            let Some(handler) = build(&function.package, &runtime, &env)
                .await
                .map_err(refused)?
            else {
                return Err(BuildError::NoPackage {
                    id: function.id.clone(),
                    package: function.package.clone(),
                });
            };
            ready(handler);
        }
        Ok(Self { built })
    }

    /// The ARN of each function by package.
    pub fn arns(&self) -> BTreeMap<String, String> {
        let arns = self
            .built
            .iter()
            .map(|(package, built)| (package.clone(), built.arn.clone()));
        arns.collect()
    }

    /// Invokes a function with an event.
    pub async fn call(&self, package: &str, event: Value) -> Answer {
        let Some(Built {
            handler, timeout, ..
        }) = self.built.get(package)
        else {
            return Answer::Failed(format!("there is no `{package}`"));
        };
        match handler {
            Handler::Event(handler) => match guarded(*timeout, handler(event)).await {
                Ok(Ok(answer)) => Answer::Returned(answer),
                Ok(Err(error)) | Err(error) => Answer::Failed(error),
            },
            Handler::Elsewhere(invoke) => guarded(*timeout, invoke(package, event))
                .await
                .unwrap_or_else(Answer::Failed),
            Handler::Http(_) => Answer::Failed(format!("`{package}` takes no events")),
        }
    }

    /// Invokes a function with a request in payload format 2.0, and answers what Lambda would hand back to the HTTP API.
    pub async fn call_http(
        &self,
        package: &str,
        event: Value,
        request_id: &str,
    ) -> Result<Value, String> {
        let Some(Built {
            handler,
            timeout,
            arn,
        }) = self.built.get(package)
        else {
            return Err(format!("there is no `{package}`"));
        };
        let handler = match handler {
            Handler::Http(handler) => handler,
            Handler::Elsewhere(invoke) => {
                return match guarded(*timeout, invoke(package, event)).await? {
                    Answer::Returned(answer) => Ok(answer),
                    Answer::Failed(error) => Err(error),
                };
            }
            Handler::Event(_) => return Err(format!("`{package}` takes no requests")),
        };
        let payload: LambdaRequest =
            serde_json::from_value(event).map_err(|error| error.to_string())?;
        let mut context = Context::default();
        request_id.clone_into(&mut context.request_id);
        arn.clone_into(&mut context.invoked_function_arn);
        let handler = Arc::clone(handler);
        let service = service_fn(move |request: Request| {
            let answer = handler(request);
            async move { Ok::<_, Infallible>(answer.await) }
        });
        let answering = Adapter::from(service).call(LambdaEvent::new(payload, context));
        let answer = guarded(*timeout, async move {
            answering.await.map(|answer| serde_json::to_value(&answer))
        })
        .await?;
        match answer {
            Ok(answer) => answer.map_err(|error| error.to_string()),
            Err(never) => match never {},
        }
    }
}

/// Runs an invocation apart from the caller, so that a panic or an endless wait stays its own.
async fn guarded<T: Send + 'static>(
    timeout: Duration,
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, String> {
    match tokio::spawn(tokio::time::timeout(timeout, work)).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(_)) => Err(format!("timed out after {} seconds", timeout.as_secs())),
        // The panic's text may hold anything, so only the fact is told.
        Err(error) if error.is_panic() => Err("panicked".to_owned()),
        Err(_) => Err("was cut off".to_owned()),
    }
}

/// An environment variable as the function sees it when deployed.
fn variable(function: &Function, region: &str, name: &str) -> Option<String> {
    match name {
        "AWS_REGION" | "AWS_DEFAULT_REGION" => Some(region.to_owned()),
        "AWS_LAMBDA_FUNCTION_NAME" => function.arn.rsplit(':').next().map(str::to_owned),
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE" => Some(function.memory.to_string()),
        "AWS_LAMBDA_FUNCTION_VERSION" => Some("$LATEST".to_owned()),
        _ => function.environment.get(name).cloned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn functions(handler: Handler) -> Functions {
        let built = Built {
            handler,
            timeout: Duration::from_millis(50),
            arn: "arn:f".to_owned(),
        };
        Functions {
            built: BTreeMap::from([("f".to_owned(), built)]),
        }
    }

    fn request() -> Value {
        json!({
            "version": "2.0", "routeKey": "GET /x", "rawPath": "/x", "rawQueryString": "", "headers": {"host": "a"}, "isBase64Encoded": false,
            "requestContext": {"http": {"method": "GET", "path": "/x", "protocol": "HTTP/1.1", "sourceIp": "1.2.3.4", "userAgent": ""},
                "stage": "$default", "timeEpoch": 0, "accountId": "0", "apiId": "a", "requestId": "r", "routeKey": "GET /x"},
        })
    }

    #[tokio::test]
    async fn a_panic_or_an_endless_wait_is_a_failed_invocation_and_nothing_more() {
        let panics = functions(event(|_| async {
            if true {
                panic!("secret")
            } else {
                Ok::<_, String>(Value::Null)
            }
        }));
        assert_eq!(
            panics.call("f", Value::Null).await,
            Answer::Failed("panicked".to_owned())
        );
        let hangs = functions(event(|_| async {
            std::future::pending::<()>().await;
            Ok::<_, String>(Value::Null)
        }));
        assert!(
            matches!(hangs.call("f", Value::Null).await, Answer::Failed(error) if error.starts_with("timed out"))
        );
        let fails = functions(event(|_| async { Err::<Value, _>("no") }));
        assert_eq!(
            fails.call("f", Value::Null).await,
            Answer::Failed("no".to_owned())
        );
    }

    #[tokio::test]
    async fn an_answer_is_written_as_lambda_http_writes_it() {
        let handler = http(|request| async move {
            let mut response = Response::new(Body::from(request.uri().path()));
            response
                .headers_mut()
                .append("set-cookie", "a=1".parse().unwrap());
            response
                .headers_mut()
                .append("content-type", "text/plain".parse().unwrap());
            response
        });
        let answer = functions(handler)
            .call_http("f", request(), "r")
            .await
            .unwrap();
        assert_eq!(answer["statusCode"], 200);
        assert_eq!(answer["body"], "/x");
        assert_eq!(answer["cookies"], json!(["a=1"]));
        assert_eq!(answer["headers"]["content-type"], "text/plain");
    }

    #[tokio::test]
    async fn a_function_is_not_called_with_what_it_does_not_take() {
        let takes_events = functions(event(|event| async { Ok::<_, String>(event) }));
        assert!(takes_events.call_http("f", request(), "r").await.is_err());
        assert_eq!(
            takes_events.call("f", json!(1)).await,
            Answer::Returned(json!(1))
        );
        assert!(matches!(
            takes_events.call("g", json!(1)).await,
            Answer::Failed(_)
        ));
    }
}
