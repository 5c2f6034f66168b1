//! The keys of links, read again while they serve: a new set is in force without a new deployment, and no link that is out there is lost.
//!
//! | when | what |
//! | --- | --- |
//! | a token names a key that the set does not hold | the set is read again, at most once in 60 seconds whatever comes |
//! | the set was read five minutes ago | it is read again, so that a retired key signs and verifies nothing more |
//! | it cannot be read, or makes no sense | the one that is held goes on: links must work, leaving first of all |
//!
//! To rotate: add a key as `active` and make the one before `verify`; once every link made with it has ended, make it `retired`. Must not
//! know what a token allows.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Aws, Clock, Runtime, SecretError, SecretSource, read_token_keys};
use crate::domain::time::{MINUTE_MS, Timestamp};
use crate::domain::token::TokenKeys;

/// How long a set serves before it is read again.
const FRESH_MS: i64 = 5 * MINUTE_MS;
/// Between two readings there is at least this.
const BETWEEN_MS: i64 = MINUTE_MS;

/// A key set that renews itself.
#[derive(Clone)]
pub struct TokenRing {
    source: SecretSource,
    aws: Aws,
    clock: Clock,
    parameter: String,
    held: Arc<Mutex<Held>>,
}

struct Held {
    keys: Arc<TokenKeys>,
    /// When it was read.
    read_at: Timestamp,
    /// When reading it was last tried.
    tried_at: Timestamp,
}

impl fmt::Debug for TokenRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenRing")
            .field("parameter", &self.parameter)
            .finish_non_exhaustive()
    }
}

impl TokenRing {
    /// Begins with the value that was read at the start.
    pub fn new(runtime: &Runtime, parameter: &str, value: &str) -> Result<Self, SecretError> {
        let now = runtime.clock.now();
        let held = Held {
            keys: Arc::new(read_token_keys(parameter, value)?),
            read_at: now,
            tried_at: now,
        };
        Ok(Self {
            source: runtime.secrets.clone(),
            aws: runtime.aws.clone(),
            clock: runtime.clock.clone(),
            parameter: parameter.to_owned(),
            held: Arc::new(Mutex::new(held)),
        })
    }

    /// The set that is held.
    pub fn held(&self) -> Arc<TokenKeys> {
        self.with(|held| Arc::clone(&held.keys))
    }

    /// The set, at most five minutes old where it can be read.
    pub async fn fresh(&self) -> Arc<TokenKeys> {
        self.for_tokens(&[]).await
    }

    /// The set for looking at these tokens: read again where one names a key that it does not hold.
    pub async fn for_tokens(&self, tokens: &[&str]) -> Arc<TokenKeys> {
        let now = self.clock.now();
        let read = self.with(|held| {
            let old = !(0..FRESH_MS).contains(&now.since(held.read_at));
            let unknown = tokens.iter().any(|token| !held.keys.knows(token));
            let rested = !(0..BETWEEN_MS).contains(&now.since(held.tried_at));
            let read = (old || unknown) && rested;
            if read {
                // Before the answer, so that whoever asks meanwhile does not ask too.
                held.tried_at = now;
            }
            read
        });
        if read {
            self.read(now).await;
        }
        self.held()
    }

    async fn read(&self, now: Timestamp) {
        let names = [self.parameter.as_str()];
        let value = self.source.get(&self.aws, &names, now).await;
        let keys = value.and_then(|values| {
            let value = values.first().map_or("", String::as_str);
            read_token_keys(&self.parameter, value)
        });
        match keys {
            Ok(keys) => self.with(|held| {
                held.keys = Arc::new(keys);
                held.read_at = now;
            }),
            // The error names the parameter, never a key.
            Err(error) => {
                tracing::warn!(error = %error, "the keys of links could not be read again; the ones held go on");
            }
        }
    }

    fn with<T>(&self, work: impl FnOnce(&mut Held) -> T) -> T {
        work(&mut self.held.lock().unwrap_or_else(PoisonError::into_inner))
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
    use serde_json::json;

    use super::*;
    use crate::domain::id::LeadId;
    use crate::domain::token::{Claims, Purpose, TokenError};
    use crate::runtime::{Endpoints, Entropy, Outbound};

    const PARAMETER: &str = "/lodestone/token-keys";
    const START: i64 = 1_772_442_000_000;

    /// A parameter store that holds one value, or does not answer.
    #[derive(Clone, Debug, Default)]
    struct Ssm {
        value: Arc<Mutex<Option<String>>>,
        reads: Arc<AtomicU64>,
    }

    impl HttpConnector for Ssm {
        fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
            self.reads.fetch_add(1, Ordering::SeqCst);
            let value = self.value.lock().unwrap().clone();
            HttpConnectorFuture::ready(match value {
                Some(value) => {
                    let answer = json!({"Parameters": [{"Name": PARAMETER, "Value": value}]});
                    let body = SdkBody::from(answer.to_string());
                    Ok(HttpResponse::new(200.try_into().unwrap(), body))
                }
                None => Err(ConnectorError::timeout("no answer".into())),
            })
        }
    }

    impl Ssm {
        fn holds(&self, set: &str) {
            *self.value.lock().unwrap() = Some(set.to_owned());
        }

        fn is_silent(&self) {
            *self.value.lock().unwrap() = None;
        }

        fn reads(&self) -> u64 {
            self.reads.load(Ordering::SeqCst)
        }
    }

    /// A key set such as `a1 verify, b2 active`; the key of each is its name again and again.
    fn set(of: &[(&str, &str)]) -> String {
        use base64::Engine as _;
        let keys = of.iter().map(|(kid, state)| {
            let key: Vec<u8> = kid.bytes().cycle().take(32).collect();
            let key = base64::engine::general_purpose::STANDARD.encode(key);
            ((*kid).to_owned(), json!({"key": key, "state": state}))
        });
        json!({ "keys": keys.collect::<serde_json::Map<_, _>>() }).to_string()
    }

    fn ring(first: &str) -> (TokenRing, Ssm, Arc<AtomicI64>) {
        let ssm = Ssm::default();
        let time = Arc::new(AtomicI64::new(START));
        let clock = Arc::clone(&time);
        let runtime = Runtime {
            aws: Aws::new(
                SharedHttpConnector::new(ssm.clone()),
                "eu-central-1",
                Credentials::new("k", "s", None, None, "test"),
                Endpoints::default(),
            ),
            clock: Clock::from_fn(move || Timestamp(clock.load(Ordering::SeqCst))),
            entropy: Entropy::seeded(1),
            site: None,
            secrets: SecretSource::Ssm,
            outbound: Outbound::default(),
        };
        (
            TokenRing::new(&runtime, PARAMETER, first).unwrap(),
            ssm,
            time,
        )
    }

    fn claims() -> Claims {
        let subject = LeadId::from_bytes([5; 16]);
        Claims::new(Purpose::Unsubscribe, 7, subject, [3; 8], Timestamp(START))
    }

    fn signed(first: &str) -> String {
        ring(first).0.held().sign(&claims())
    }

    async fn verify(ring: &TokenRing, token: &str) -> Result<Claims, TokenError> {
        let keys = ring.for_tokens(&[token]).await;
        keys.verify(Purpose::Unsubscribe, token, Timestamp(START))
    }

    #[tokio::test]
    async fn tok_5_a_new_set_while_old_links_live_loses_none_and_a_retired_key_ends() {
        let before = set(&[("a1", "active")]);
        let after = set(&[("a1", "verify"), ("b2", "active")]);
        let (old, new) = (signed(&before), signed(&after));
        let (ring, ssm, time) = ring(&before);
        assert_eq!(verify(&ring, &old).await, Ok(claims()));

        // A link made by a function that has the new set already.
        ssm.holds(&after);
        time.fetch_add(60_000, Ordering::SeqCst);
        assert_eq!(verify(&ring, &new).await, Ok(claims()));
        assert_eq!(verify(&ring, &old).await, Ok(claims()));
        assert_eq!(ring.held().sign(&claims()), new, "the new key signs");

        ssm.holds(&set(&[("a1", "retired"), ("b2", "active")]));
        time.fetch_add(5 * 60_000, Ordering::SeqCst);
        assert_eq!(verify(&ring, &old).await, Err(TokenError::UnknownKey));
        assert_eq!(verify(&ring, &new).await, Ok(claims()));
    }

    #[tokio::test]
    async fn tok_5_a_flood_of_unknown_keys_makes_one_read_a_minute() {
        let (ring, ssm, time) = ring(&set(&[("a1", "active")]));
        ssm.holds(&set(&[("a1", "active")]));
        for minute in 1..=10 {
            time.fetch_add(60_000, Ordering::SeqCst);
            for n in 0..500_u32 {
                let made_up = signed(&set(&[(&format!("x{n}"), "active")]));
                assert_eq!(verify(&ring, &made_up).await, Err(TokenError::UnknownKey));
            }
            assert_eq!(ssm.reads(), minute);
        }
        // What names no key at all is not even a reason to look.
        time.fetch_add(60_000, Ordering::SeqCst);
        for text in [
            "",
            "v1",
            "v1..x.y",
            "v1.A!.x.y",
            "v1.toolongkid.x.y",
            "v2.a1.x.y",
        ] {
            assert!(verify(&ring, text).await.is_err());
        }
        assert_eq!(ssm.reads(), 10);
    }

    #[tokio::test]
    async fn tok_5_a_store_that_is_silent_or_holds_nonsense_breaks_no_link() {
        let before = set(&[("a1", "active")]);
        let token = signed(&before);
        let (ring, ssm, time) = ring(&before);
        ssm.is_silent();
        time.fetch_add(3_600_000, Ordering::SeqCst);
        assert_eq!(verify(&ring, &token).await, Ok(claims()));
        assert_eq!(verify(&ring, &token).await, Ok(claims()));
        assert_eq!(ssm.reads(), 1, "a silent store is asked once a minute");
        for nonsense in ["", "{}", &set(&[("a1", "verify")])] {
            ssm.holds(nonsense);
            time.fetch_add(60_000, Ordering::SeqCst);
            assert_eq!(verify(&ring, &token).await, Ok(claims()));
        }
    }

    #[tokio::test]
    async fn tok_5_a_function_that_only_signs_takes_up_a_new_key_within_five_minutes() {
        let after = set(&[("a1", "verify"), ("b2", "active")]);
        let (ring, ssm, time) = ring(&set(&[("a1", "active")]));
        ssm.holds(&after);
        time.fetch_add(299_999, Ordering::SeqCst);
        assert_ne!(ring.fresh().await.sign(&claims()), signed(&after));
        assert_eq!(ssm.reads(), 0);
        time.fetch_add(1, Ordering::SeqCst);
        assert_eq!(ring.fresh().await.sign(&claims()), signed(&after));
    }
}
