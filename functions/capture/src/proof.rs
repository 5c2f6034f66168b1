//! Proofs of being human: Altcha's is checked here, a service's token by the service.
//!
//! A service is asked within three seconds, and once more where it does not answer; without an answer nobody is turned away (see
//! `flow/abuse.rs`). Must not know what follows from a verdict.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use shared::channel::sender::{Post, Sender};
use shared::domain::form::Form;
use shared::domain::proof::{self, Checked, MAX_TOKEN, ProofAsk, ProofKind};
use shared::domain::{altcha, id};
use shared::flow::abuse::Proof;
use shared::runtime::{Runtime, SiteSecrets};

use crate::Deps;

/// Longest wait for a service.
const DEADLINE: Duration = Duration::from_secs(3);
/// Times that a service is asked.
const TRIES: u8 = 2;

/// Asks services. The connection is made when the first form needs one: most stacks never do.
#[derive(Clone, Debug)]
pub struct Checker {
    runtime: Runtime,
    sender: Arc<OnceLock<Sender>>,
}

impl Checker {
    /// Reaches the internet as the runtime says.
    pub fn new(runtime: &Runtime) -> Self {
        Self {
            runtime: runtime.clone(),
            sender: Arc::default(),
        }
    }

    async fn ask(
        &self,
        secrets: &SiteSecrets,
        ask: &ProofAsk,
        url: &str,
        token: &str,
        entropy: [u8; 16],
    ) -> Proof {
        if token.len() > MAX_TOKEN {
            return Proof::Failed;
        }
        let name = ask.secret.as_deref().unwrap_or_default();
        let secret = match secrets.get(name).await {
            Ok(secret) => secret,
            Err(error) => {
                tracing::error!(function = "capture", error = %error, "the secret of a captcha service cannot be read");
                return Proof::Unreachable;
            }
        };
        // The same key with each try: a token can be checked once.
        let body = form_urlencoded::Serializer::new(String::new())
            .append_pair("secret", secret.expose())
            .append_pair("response", token)
            .append_pair("idempotency_key", &uuid(entropy))
            .finish();
        let headers = [(
            "content-type",
            "application/x-www-form-urlencoded".to_owned(),
        )];
        let post = Post {
            url,
            headers: &headers,
            body: body.as_bytes(),
            deadline: DEADLINE,
        };
        let sender = self.sender.get_or_init(|| Sender::new(&self.runtime));
        for _ in 0..TRIES {
            let said = match sender.post(&post).await {
                Ok(answer) => proof::read_answer(ask, answer.status, &answer.body),
                Err(error) => {
                    tracing::warn!(function = "capture", service = ask.kind.name(), error = %error, "a captcha service did not answer");
                    Checked::NoAnswer
                }
            };
            match said {
                Checked::Good => return Proof::Passed,
                Checked::Bad => return Proof::Failed,
                Checked::NoAnswer => {}
            }
        }
        tracing::error!(
            function = "capture",
            service = ask.kind.name(),
            "a captcha service gave no verdict: its mails wait"
        );
        Proof::Unreachable
    }
}

/// What the proof of a post says, and the ticket that it is bound to, where it is.
pub async fn look(deps: &Deps, form: &Form, pairs: &[(String, String)]) -> (Proof, Option<String>) {
    let Some(ask) = &form.proof else {
        return (Proof::NotAsked, None);
    };
    let posted = ask.kind.fields().iter().find_map(|field| {
        let (_, value) = pairs.iter().find(|(name, _)| name == field)?;
        Some(value.as_str()).filter(|v| !v.trim().is_empty())
    });
    let Some(token) = posted else {
        return (Proof::Missing, None);
    };
    match ask.kind.verifies_at() {
        None => match altcha::solved(token, key(deps).as_bytes()) {
            Some(ticket) => (Proof::Passed, Some(ticket)),
            None => (Proof::Failed, None),
        },
        Some(url) => {
            let proof = deps
                .checker
                .ask(&deps.secrets, ask, url, token, deps.entropy.bytes())
                .await;
            (proof, None)
        }
    }
}

/// The challenge that goes with a ticket, where the form asks for our own proof.
pub fn challenge(deps: &Deps, form: &Form, ticket: &str) -> Option<altcha::Challenge> {
    let own = form
        .proof
        .as_ref()
        .is_some_and(|ask| ask.kind == ProofKind::Altcha);
    own.then(|| {
        let ends = deps.clock.now().plus_days(1);
        altcha::challenge(ticket, ends, deps.entropy.bytes(), key(deps).as_bytes())
    })
}

fn key(deps: &Deps) -> String {
    deps.identity.pseudonym("altcha", "challenge")
}

/// A version 4 UUID, which is what Turnstile takes for a key.
fn uuid(mut bytes: [u8; 16]) -> String {
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = id::hex(&bytes);
    [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ]
    .join("-")
}
