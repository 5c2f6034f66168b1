//! Wiring of the `capture` function: settings and clients from Lambda's environment, then the handler.

use std::convert::Infallible;
use std::sync::Arc;

use capture::{Deps, handle};
use lambda_http::{Error, Request, run, service_fn};
use shared::runtime::{Runtime, system_env};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let runtime = Runtime::from_lambda(&system_env)?;
    let deps = Arc::new(Deps::build(&runtime, &system_env).await?);
    // Opens the connection while nobody waits.
    deps.store.warm_up().await;
    run(service_fn(move |request: Request| {
        let deps = Arc::clone(&deps);
        // Boxed: the futures of SDK calls nest deeply.
        Box::pin(async move { Ok::<_, Infallible>(handle(&deps, request).await) })
    }))
    .await
}
