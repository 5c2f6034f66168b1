//! Wiring of the `notify` function: settings and clients from Lambda's environment, then the handler.

use std::sync::Arc;

use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use notify::{Deps, handle};
use serde_json::Value;
use shared::runtime::{Runtime, system_env};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let runtime = Runtime::from_lambda(&system_env)?;
    let deps = Arc::new(Deps::build(&runtime, &system_env).await?);
    run(service_fn(move |event: LambdaEvent<Value>| {
        let deps = Arc::clone(&deps);
        // Boxed: the futures of SDK calls nest deeply.
        Box::pin(async move { handle(&deps, event.payload).await.map_err(Error::from) })
    }))
    .await
}
