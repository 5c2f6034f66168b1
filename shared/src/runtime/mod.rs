//! What a function gets from its surroundings: clients, clock, entropy, settings, secrets, the site.
//!
//! The only place that reads the system's clock, its entropy or its environment. Everything is a value that is passed on, so the
//! local runner and the tests give their own.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

use crate::domain::time::Timestamp;
use crate::site::{Site, SiteError, SiteHandle};

mod aws;
mod logging;
mod outbound;
mod secrets;
mod site_secrets;
mod token_ring;

pub use aws::{Aws, Endpoints, connector};
pub use logging::init_logging;
pub use outbound::Outbound;
pub use secrets::{SecretError, SecretSource, read_key, read_token_keys};
pub use site_secrets::{
    Secret, SiteSecrets, is_name as is_secret_name, variable as secret_variable,
};
pub use token_ring::TokenRing;

/// Looks a setting up by the name of its environment variable.
pub type Lookup<'a> = &'a (dyn Fn(&str) -> Option<String> + Sync);

/// Everything a function gets from its surroundings; made once per process.
#[derive(Clone, Debug)]
pub struct Runtime {
    /// Clients over one shared connector.
    pub aws: Aws,
    /// The time.
    pub clock: Clock,
    /// Random bytes.
    pub entropy: Entropy,
    /// The site in force; none for functions that do not read it.
    pub site: Option<SiteHandle>,
    /// Where secrets come from.
    pub secrets: SecretSource,
    /// How the open internet is reached.
    pub outbound: Outbound,
}

impl Runtime {
    /// The runtime of a deployed function: AWS clients from the credentials that Lambda sets, the site from the layer, secrets from
    /// SSM.
    pub fn from_lambda(env: Lookup<'_>) -> Result<Self, StartError> {
        init_logging();
        let site = match env("SITE_FILE") {
            None => None,
            Some(path) => {
                let bytes =
                    std::fs::read(&path).map_err(|source| StartError::SiteFile { path, source })?;
                Some(SiteHandle::new(Site::from_bytes(&bytes)?))
            }
        };
        Ok(Self {
            aws: Aws::from_lambda(env)?,
            clock: Clock::system(),
            entropy: Entropy::system(),
            site,
            secrets: SecretSource::Ssm,
            outbound: Outbound::default(),
        })
    }

    /// The site, for functions that cannot do without.
    pub fn site(&self) -> Result<SiteHandle, StartError> {
        self.site
            .clone()
            .ok_or_else(|| StartError::Missing(vec!["SITE_FILE".into()]))
    }
}

/// Looks a setting up in the process's environment.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the environment"
)]
pub fn system_env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Why a function cannot start. The texts are for the engineer who deploys it.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Settings without a value; all that are missing at once.
    #[error("set these environment variables: {}", .0.join(", "))]
    Missing(Vec<String>),
    /// A setting that does not parse.
    #[error("environment variable {name} should be {expected}")]
    Setting {
        /// Its name.
        name: String,
        /// What it should be.
        expected: &'static str,
    },
    /// The site file cannot be read.
    #[error("cannot read the site file {path}; deploy the site layer")]
    SiteFile {
        /// Where it was looked for.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The site file cannot be used.
    #[error(transparent)]
    Site(#[from] SiteError),
    /// A secret cannot be had or used.
    #[error(transparent)]
    Secret(#[from] SecretError),
}

/// Reads settings and gathers the names of all that are missing.
pub struct SettingsReader<'a> {
    lookup: Lookup<'a>,
    missing: Vec<String>,
}

impl<'a> SettingsReader<'a> {
    /// Reads through `lookup`.
    pub fn new(lookup: Lookup<'a>) -> Self {
        Self {
            lookup,
            missing: Vec::new(),
        }
    }

    /// A setting that must be there; an empty text until [`Self::finish`] reports it.
    pub fn required(&mut self, name: &str) -> String {
        let value = (self.lookup)(name).filter(|v| !v.trim().is_empty());
        value.unwrap_or_else(|| {
            self.missing.push(name.to_owned());
            String::new()
        })
    }

    /// A whole number that must be there; 0 until [`Self::finish`] reports it where it is missing.
    pub fn number(&mut self, name: &str) -> Result<u32, StartError> {
        let value = self.required(name);
        if value.is_empty() {
            return Ok(0);
        }
        value.trim().parse().map_err(|_| StartError::Setting {
            name: name.to_owned(),
            expected: "a whole number",
        })
    }

    /// Fails with all missing names.
    pub fn finish(self) -> Result<(), StartError> {
        if self.missing.is_empty() {
            Ok(())
        } else {
            Err(StartError::Missing(self.missing))
        }
    }
}

/// The time, taken once per event and passed down.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self::from_fn(system_now)
    }

    /// A clock of one's own.
    pub fn from_fn(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// The system's time in UTC milliseconds.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the system's clock"
)]
pub fn system_now() -> Timestamp {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

type Fill = dyn Fn(&mut [u8]) + Send + Sync;

/// Random bytes.
#[derive(Clone)]
pub struct Entropy(Arc<Fill>);

impl Entropy {
    /// The system's.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the system's entropy"
    )]
    pub fn system() -> Self {
        // Without entropy nothing may be signed or claimed; Linux gives it or blocks, so this ends the process or never happens.
        Self(Arc::new(|bytes| {
            if getrandom::fill(bytes).is_err() {
                std::process::abort();
            }
        }))
    }

    /// Bytes that are the same for the same seed: for tests.
    pub fn seeded(seed: u64) -> Self {
        let counter = Arc::new(Mutex::new(0_u64));
        Self(Arc::new(move |bytes| {
            let mut n = counter.lock().unwrap_or_else(PoisonError::into_inner);
            for chunk in bytes.chunks_mut(32) {
                *n += 1;
                let digest = Sha256::new()
                    .chain_update(seed.to_be_bytes())
                    .chain_update(n.to_be_bytes())
                    .finalize();
                chunk.copy_from_slice(&digest[..chunk.len()]);
            }
        }))
    }

    /// `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        (self.0)(&mut bytes);
        bytes
    }

    /// A random number below `bound` (0 where `bound` is 0): for jitter.
    pub fn below(&self, bound: u64) -> u64 {
        u64::from_be_bytes(self.bytes::<8>()) % bound.max(1)
    }
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy")
    }
}
