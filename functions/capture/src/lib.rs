//! `capture`: takes up what landing pages post.
//!
//! One write for a submission without mail, one transaction with it; no read before the write. The limit counter of the visitor's network
//! comes on top, and if it is out of reach capture goes on. A known address, an unknown one and one that wants no mail get the same
//! answer: nothing about a lead is read here.

use lambda_http::http::Method;
use lambda_http::{Request, RequestExt as _};
use shared::domain::id::IdentityKey;
use shared::edge::http::Answer;
use shared::runtime::{
    Clock, Entropy, Lookup, Runtime, SettingsReader, SiteSecrets, StartError, TokenRing, read_key,
};
use shared::site::SiteHandle;
use shared::store::{Store, Table, Tables};

mod answer;
mod body;
mod cors;
mod dialect;
mod doubt;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod limit;
#[cfg(test)]
mod openapi;
mod parts;
mod proof;
mod record;
mod redirect;
mod release;
mod schema;
mod script;
mod submit;
mod ticket;

pub use release::{ReleaseError, release};

/// What `capture` works with.
#[derive(Clone, Debug)]
pub struct Deps {
    /// Facts, outbox, ops.
    pub store: Store,
    /// The site in force.
    pub site: SiteHandle,
    /// Turns addresses into lead ids.
    pub identity: IdentityKey,
    /// Signs the tickets of forms.
    pub keys: TokenRing,
    /// Asks captcha services.
    checker: proof::Checker,
    /// The time.
    pub clock: Clock,
    /// Names requests.
    pub entropy: Entropy,
    /// Where this function answers.
    pub public_url: String,
    /// Secrets that forms name: by them services prove themselves.
    pub secrets: SiteSecrets,
    /// Networks that are over their limit, until when: an instance does not ask the store again.
    refused: limit::Refused,
}

impl Deps {
    /// Reads `TOUCHPOINTS_TABLE`, `OUTBOX_TABLE`, `OPS_TABLE`, `PUBLIC_URL`, `IDENTITY_KEY_PARAM`, `TOKEN_KEYS_PARAM` and
    /// `SITE_SECRETS_PREFIX`.
    pub async fn build(runtime: &Runtime, env: Lookup<'_>) -> Result<Self, StartError> {
        let mut settings = SettingsReader::new(env);
        let tables = Tables::from_env(
            &mut settings,
            &[Table::Touchpoints, Table::Outbox, Table::Ops],
        );
        let public_url = settings.required("PUBLIC_URL");
        let key_param = settings.required("IDENTITY_KEY_PARAM");
        let tokens_param = settings.required("TOKEN_KEYS_PARAM");
        let secrets_prefix = settings.required("SITE_SECRETS_PREFIX");
        settings.finish()?;
        let names = [key_param.as_str(), tokens_param.as_str()];
        let secrets = runtime
            .secrets
            .get(&runtime.aws, &names, runtime.clock.now())
            .await?;
        let keys = TokenRing::new(runtime, &tokens_param, &secrets[1])?;
        Ok(Self {
            store: Store::new(&runtime.aws, tables, runtime.entropy.clone()),
            site: runtime.site()?,
            identity: IdentityKey::new(read_key(&key_param, &secrets[0])?),
            keys,
            checker: proof::Checker::new(runtime),
            clock: runtime.clock.clone(),
            entropy: runtime.entropy.clone(),
            public_url,
            secrets: SiteSecrets::new(runtime, secrets_prefix),
            refused: limit::Refused::default(),
        })
    }
}

/// Answers a request.
pub async fn handle(deps: &Deps, request: Request) -> Answer {
    let site = deps.site.get();
    if request.method() == Method::GET {
        // What is shown may carry a ticket, and a ticket is signed with the key in force. A post is not held up by it.
        deps.keys.fresh().await;
    }
    let path = request.uri().path().to_owned();
    if path == "/thanks" {
        return answer::thanks(
            &site,
            request
                .query_string_parameters_ref()
                .and_then(|q| q.first("form")),
        );
    }
    if path == "/lodestone.js" {
        return script::serve();
    }
    if let Some(part) = parts::answer(deps, &site, &request) {
        return part;
    }
    dialect::answer(deps, &site, request).await
}
