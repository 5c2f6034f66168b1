//! Secrets that the site files name: signing secrets of webhooks, addresses of chat channels, keys of a CRM or a captcha.
//!
//! A site file says `secret = "slack-sales"` and never holds the value. Deployed, the value is the SSM parameter `<prefix>/slack-sales`,
//! read when it is first needed and again after five minutes, so that a rotated secret is in force without a new deployment; while SSM
//! does not answer, the value read last serves for an hour. On one machine it is the environment variable
//! `LODESTONE_SECRET_SLACK_SALES` or the file `secrets/site/slack-sales` of the data folder, read each time. Must not know what a secret
//! is for.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use zeroize::Zeroizing;

use super::{Aws, Clock, Runtime, SecretError, SecretSource, system_env};
use crate::domain::time::{MINUTE_MS, Timestamp};

/// How long a value serves before it is read again.
const FRESH_MS: i64 = 5 * MINUTE_MS;
/// How long the last value serves while a new one cannot be read.
const STALE_MS: i64 = 60 * MINUTE_MS;
/// Longest name.
const MAX_NAME: usize = 64;

/// A secret's value. It prints as `[secret]` and is wiped when it goes.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Keeps `value`.
    pub fn new(value: impl Into<String>) -> Self {
        Self(Zeroizing::new(value.into()))
    }

    /// The value itself, for the one place that uses it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// Gives secrets by the names that site files use.
#[derive(Clone, Debug)]
pub struct SiteSecrets {
    source: SecretSource,
    aws: Aws,
    clock: Clock,
    prefix: String,
    read: Arc<Mutex<BTreeMap<String, Known>>>,
}

#[derive(Clone, Debug)]
struct Known {
    value: Secret,
    at: Timestamp,
}

impl SiteSecrets {
    /// Secrets below `prefix`, such as `/lodestone/site`.
    pub fn new(runtime: &Runtime, prefix: impl Into<String>) -> Self {
        Self {
            source: runtime.secrets.clone(),
            aws: runtime.aws.clone(),
            clock: runtime.clock.clone(),
            prefix: prefix.into(),
            read: Arc::default(),
        }
    }

    /// The secret of that name.
    pub async fn get(&self, name: &str) -> Result<Secret, SecretError> {
        if !is_name(name) {
            return Err(SecretError::Name(name.chars().take(MAX_NAME).collect()));
        }
        if let SecretSource::Local { site, .. } = &self.source {
            return local(site, name);
        }
        let now = self.clock.now();
        let known = self.known(name);
        if let Some(known) = known.as_ref().filter(|k| age(k, now) < FRESH_MS) {
            return Ok(known.value.clone());
        }
        let parameter = format!("{}/{name}", self.prefix);
        match self.source.get(&self.aws, &[&parameter], now).await {
            Ok(mut values) => {
                let value = Secret::new(values.pop().unwrap_or_default().trim());
                let known = Known {
                    value: value.clone(),
                    at: now,
                };
                let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
                read.insert(name.to_owned(), known);
                Ok(value)
            }
            // A parameter that was deleted is gone; one that cannot be read just now is as it was.
            Err(error @ SecretError::Request { .. }) => {
                let Some(known) = known.filter(|k| age(k, now) < STALE_MS) else {
                    return Err(error);
                };
                tracing::warn!(
                    secret = name,
                    "a secret could not be read again; the last value serves for an hour"
                );
                Ok(known.value)
            }
            Err(error) => Err(error),
        }
    }

    fn known(&self, name: &str) -> Option<Known> {
        let read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.get(name).cloned()
    }
}

/// Milliseconds since it was read; a clock that was set back makes it old, not eternal.
fn age(known: &Known, now: Timestamp) -> i64 {
    let age = now.0 - known.at.0;
    if age < 0 { STALE_MS } else { age }
}

/// Whether a text can name a secret: lower-case letters, digits and `-`, so that it is a part of a parameter's name, of a file's and of a
/// variable's.
pub fn is_name(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len())
        && !name.starts_with('-')
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// The environment variable that holds a secret on one machine.
pub fn variable(name: &str) -> String {
    format!(
        "LODESTONE_SECRET_{}",
        name.to_ascii_uppercase().replace('-', "_")
    )
}

fn local(folder: &std::path::Path, name: &str) -> Result<Secret, SecretError> {
    if let Some(value) = system_env(&variable(name)).filter(|v| !v.trim().is_empty()) {
        return Ok(Secret::new(value.trim()));
    }
    let path = folder.join(name);
    match std::fs::read_to_string(&path) {
        Ok(value) if !value.trim().is_empty() => Ok(Secret::new(value.trim())),
        _ => Err(SecretError::NotHere {
            file: path.display().to_string(),
            variable: variable(name),
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

    use aws_credential_types::Credentials;
    use aws_smithy_runtime_api::client::http::{
        HttpConnector, HttpConnectorFuture, SharedHttpConnector,
    };
    use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
    use aws_smithy_runtime_api::client::result::ConnectorError;
    use aws_smithy_types::body::SdkBody;

    use super::*;
    use crate::runtime::{Endpoints, Entropy};

    /// An SSM that answers what it is told to.
    #[derive(Clone, Debug, Default)]
    struct Ssm {
        answer: Arc<Mutex<Option<&'static str>>>,
        calls: Arc<AtomicU64>,
    }

    impl Ssm {
        fn says(&self, answer: Option<&'static str>) {
            *self.answer.lock().unwrap() = answer;
        }
    }

    impl HttpConnector for Ssm {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            self.calls.fetch_add(1, Ordering::Relaxed);
            let body = String::from_utf8(request.body().bytes().unwrap().to_vec()).unwrap();
            assert!(body.contains("/lodestone/site/slack-sales"), "{body}");
            let answer = *self.answer.lock().unwrap();
            HttpConnectorFuture::ready(match answer {
                Some(answer) => Ok(HttpResponse::new(
                    200.try_into().unwrap(),
                    SdkBody::from(answer),
                )),
                None => Err(ConnectorError::timeout("no answer".into())),
            })
        }
    }

    fn secrets(ssm: &Ssm) -> (SiteSecrets, Arc<AtomicI64>) {
        let time = Arc::new(AtomicI64::new(1_000_000));
        let clock = Arc::clone(&time);
        let runtime = Runtime {
            aws: Aws::new(
                SharedHttpConnector::new(ssm.clone()),
                "eu-central-1",
                Credentials::new("AKID", "key", None, None, "test"),
                Endpoints::default(),
            ),
            clock: Clock::from_fn(move || Timestamp(clock.load(Ordering::Relaxed))),
            entropy: Entropy::seeded(1),
            site: None,
            secrets: SecretSource::Ssm,
            outbound: crate::runtime::Outbound::default(),
        };
        (SiteSecrets::new(&runtime, "/lodestone/site"), time)
    }

    const OLD: &str = r#"{"Parameters":[{"Name":"/lodestone/site/slack-sales","Value":"old\n"}]}"#;
    const NEW: &str = r#"{"Parameters":[{"Name":"/lodestone/site/slack-sales","Value":"new"}]}"#;
    const GONE: &str = r#"{"Parameters":[],"InvalidParameters":["/lodestone/site/slack-sales"]}"#;

    #[tokio::test]
    async fn frm_15_a_secret_is_read_again_after_five_minutes() {
        let ssm = Ssm::default();
        let (secrets, time) = secrets(&ssm);
        ssm.says(Some(OLD));
        assert_eq!(secrets.get("slack-sales").await.unwrap().expose(), "old");
        ssm.says(Some(NEW));
        time.fetch_add(FRESH_MS - 1, Ordering::Relaxed);
        assert_eq!(secrets.get("slack-sales").await.unwrap().expose(), "old");
        assert_eq!(ssm.calls.load(Ordering::Relaxed), 1);
        time.fetch_add(1, Ordering::Relaxed);
        assert_eq!(secrets.get("slack-sales").await.unwrap().expose(), "new");
        assert_eq!(ssm.calls.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn frm_15_while_ssm_does_not_answer_the_last_value_serves_for_an_hour() {
        let ssm = Ssm::default();
        let (secrets, time) = secrets(&ssm);
        assert!(secrets.get("slack-sales").await.is_err());
        ssm.says(Some(OLD));
        secrets.get("slack-sales").await.unwrap();
        ssm.says(None);
        time.fetch_add(STALE_MS - 1, Ordering::Relaxed);
        assert_eq!(secrets.get("slack-sales").await.unwrap().expose(), "old");
        time.fetch_add(1, Ordering::Relaxed);
        assert!(secrets.get("slack-sales").await.is_err());
    }

    #[tokio::test]
    async fn a_deleted_secret_is_gone_as_soon_as_it_is_asked_for_again() {
        let ssm = Ssm::default();
        let (secrets, time) = secrets(&ssm);
        ssm.says(Some(OLD));
        secrets.get("slack-sales").await.unwrap();
        ssm.says(Some(GONE));
        time.fetch_add(FRESH_MS, Ordering::Relaxed);
        let error = secrets.get("slack-sales").await.unwrap_err();
        assert!(matches!(error, SecretError::Unknown(_)), "{error}");
    }

    #[tokio::test]
    async fn a_name_is_never_a_path() {
        let (secrets, _) = secrets(&Ssm::default());
        for name in ["", "../identity.key", "a/b", "Slack", "-x", &"a".repeat(65)] {
            assert!(
                matches!(secrets.get(name).await, Err(SecretError::Name(_))),
                "{name}"
            );
        }
    }

    #[test]
    fn on_one_machine_a_secret_is_a_file() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("slack-sales"), "https://x\n").unwrap();
        assert_eq!(
            local(folder.path(), "slack-sales").unwrap().expose(),
            "https://x"
        );
        let missing = local(folder.path(), "crm").unwrap_err().to_string();
        assert!(missing.contains("LODESTONE_SECRET_CRM"), "{missing}");
        assert_eq!(variable("slack-sales"), "LODESTONE_SECRET_SLACK_SALES");
    }

    #[test]
    fn frm_15_a_secret_prints_as_such() {
        let secret = Secret::new("whsec_x");
        assert_eq!(format!("{secret} {secret:?}"), "[secret] [secret]");
    }
}
