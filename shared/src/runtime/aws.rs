//! AWS clients, lean: one connector with ring for TLS, no `aws-config`, credentials from the variables that Lambda sets.
//!
//! The connector is the one seam to the outside: tests put a fault injector there, and nothing above it knows.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region, timeout::TimeoutConfig};
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_http_client::tls;
use aws_smithy_runtime_api::client::http::{
    HttpConnectorSettings, SharedHttpClient, SharedHttpConnector, http_client_fn,
};

use super::{Lookup, SettingsReader, StartError};

/// Longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Longest wait for an answer to one attempt.
const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// Addresses to use instead of AWS's: stand-ins, tests.
#[derive(Clone, Debug, Default)]
pub struct Endpoints {
    /// `DynamoDB`.
    pub dynamodb: Option<String>,
    /// SES v2.
    pub ses: Option<String>,
    /// S3, path-style.
    pub s3: Option<String>,
    /// SSM.
    pub ssm: Option<String>,
}

impl Endpoints {
    /// The addresses that the variables of AWS's own SDKs name (`AWS_ENDPOINT_URL_DYNAMODB`, `_SESV2`, `_S3`, `_SSM`). The template sets
    /// none, so a deployed function talks to AWS; stand-ins, and endpoints inside a private network, are reached without other code.
    pub fn from_env(env: Lookup<'_>) -> Self {
        let named = |name: &str| env(name).filter(|url| !url.trim().is_empty());
        Self {
            dynamodb: named("AWS_ENDPOINT_URL_DYNAMODB"),
            ses: named("AWS_ENDPOINT_URL_SESV2"),
            s3: named("AWS_ENDPOINT_URL_S3"),
            ssm: named("AWS_ENDPOINT_URL_SSM"),
        }
    }
}

/// Everything needed to make clients and to sign requests.
#[derive(Clone, Debug)]
pub struct Aws {
    connector: SharedHttpConnector,
    sleep: SharedAsyncSleep,
    region: String,
    credentials: Credentials,
    endpoints: Endpoints,
}

impl Aws {
    /// Clients over `connector`.
    pub fn new(
        connector: SharedHttpConnector,
        region: &str,
        credentials: Credentials,
        endpoints: Endpoints,
    ) -> Self {
        Self {
            connector,
            sleep: SharedAsyncSleep::new(TokioSleep::new()),
            region: region.to_owned(),
            credentials,
            endpoints,
        }
    }

    /// The same with another way to wait between attempts: tests do not wait.
    #[must_use]
    pub fn with_sleep(mut self, sleep: SharedAsyncSleep) -> Self {
        self.sleep = sleep;
        self
    }

    /// The same over another connector.
    #[must_use]
    pub fn with_connector(mut self, connector: SharedHttpConnector) -> Self {
        self.connector = connector;
        self
    }

    /// From the variables that Lambda sets for every function.
    pub fn from_lambda(env: Lookup<'_>) -> Result<Self, StartError> {
        let mut settings = SettingsReader::new(env);
        let region = settings.required("AWS_REGION");
        let key = settings.required("AWS_ACCESS_KEY_ID");
        let secret = settings.required("AWS_SECRET_ACCESS_KEY");
        settings.finish()?;
        let credentials = Credentials::new(key, secret, env("AWS_SESSION_TOKEN"), None, "lambda");
        Ok(Self::new(
            connector(),
            &region,
            credentials,
            Endpoints::from_env(env),
        ))
    }

    /// A `DynamoDB` client. The SDK's own retries stay on: every write carries its identity.
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        let mut config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(self.region.clone()))
            .credentials_provider(self.credentials.clone())
            .http_client(self.http_client())
            .sleep_impl(self.sleep.clone())
            .timeout_config(timeouts());
        if let Some(url) = &self.endpoints.dynamodb {
            config = config.endpoint_url(url);
        }
        aws_sdk_dynamodb::Client::from_conf(config.build())
    }

    /// An SES client that tries once: a send has no idempotency key, so a retry after a time-out would be a second mail.
    #[cfg(feature = "mail")]
    pub fn ses(&self) -> aws_sdk_sesv2::Client {
        let mut config = aws_sdk_sesv2::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(self.region.clone()))
            .credentials_provider(self.credentials.clone())
            .http_client(self.http_client())
            .sleep_impl(self.sleep.clone())
            .retry_config(aws_sdk_sesv2::config::retry::RetryConfig::disabled())
            .timeout_config(timeouts());
        if let Some(url) = &self.endpoints.ses {
            config = config.endpoint_url(url);
        }
        aws_sdk_sesv2::Client::from_conf(config.build())
    }

    /// The connector, for the few requests that have no client.
    pub fn connector(&self) -> &SharedHttpConnector {
        &self.connector
    }

    /// How to wait.
    pub fn sleep(&self) -> &SharedAsyncSleep {
        &self.sleep
    }

    /// The region.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The credentials.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Addresses used instead of AWS's.
    pub fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    fn http_client(&self) -> SharedHttpClient {
        let connector = self.connector.clone();
        http_client_fn(move |_, _| connector.clone())
    }
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .operation_attempt_timeout(READ_TIMEOUT)
        .build()
}

/// The connector of a deployed function: HTTPS with ring, the system's roots, one pool for all clients.
pub fn connector() -> SharedHttpConnector {
    let settings = HttpConnectorSettings::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        .build();
    SharedHttpConnector::new(
        aws_smithy_http_client::Connector::builder()
            .connector_settings(settings)
            .sleep_impl(TokioSleep::new())
            .tls_provider(tls::Provider::Rustls(
                tls::rustls_provider::CryptoMode::Ring,
            ))
            .build(),
    )
}
