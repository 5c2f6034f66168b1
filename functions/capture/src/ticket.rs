//! Tickets: signed proof that a form was begun, and when. A hosted form carries one, the script fetches one.
//!
//! A ticket is the one-time name of the submission it comes with: the same ticket again is the same submission. It names no person.

use lambda_http::Request;
use lambda_http::http::StatusCode;
use serde_json::json;
use shared::domain::form::Form;
use shared::domain::id::LeadId;
use shared::domain::source::Source;
use shared::domain::token::{Claims, Purpose, scope_of};
use shared::edge::http::{Answer, json as json_answer};

use crate::{Deps, proof};

/// Most campaign parameters that a hosted form carries on, and their bounds in bytes.
const MAX_CARRIED: usize = 20;
const MAX_NAME: usize = 64;
const MAX_VALUE: usize = 512;

/// A fresh ticket for a form.
pub fn issue(deps: &Deps, form: &Form) -> String {
    let claims = Claims::new(
        Purpose::FormNonce,
        scope_of(&form.id),
        LeadId::from_bytes(deps.entropy.bytes()),
        deps.entropy.bytes(),
        deps.clock.now(),
    );
    deps.keys.held().sign(&claims)
}

/// What a hosted form sends along unseen: its ticket, and the campaign that its link names. Its pages tell no referrer, so what is not
/// carried here is lost.
pub fn hidden(deps: &Deps, form: &Form, request: &Request) -> Vec<(String, String)> {
    let query = request.uri().query().unwrap_or_default();
    let campaign = form_urlencoded::parse(query.as_bytes())
        .filter(|(name, value)| {
            let short = name.len() <= MAX_NAME && value.len() <= MAX_VALUE;
            short && Source::is_attribution_field(name)
        })
        .take(MAX_CARRIED)
        .map(|(name, value)| (name.into_owned(), value.into_owned()));
    let mut hidden = vec![("_nonce".to_owned(), issue(deps, form))];
    hidden.extend(campaign);
    hidden
}

/// `GET /f/{form}/challenge`: what a script needs to begin a form.
pub fn challenge(deps: &Deps, form: &Form) -> Answer {
    let ticket = issue(deps, form);
    // Altcha's own widget reads the challenge and passes over the rest.
    let body = match proof::challenge(deps, form, &ticket) {
        Some(challenge) => json!({
            "nonce": ticket, "parameters": challenge.parameters, "signature": challenge.signature,
        }),
        None => json!({ "nonce": ticket }),
    };
    json_answer(StatusCode::OK, &body)
}
