//! Tickets: signed proof that a form was begun, and when. A hosted form carries one, the script fetches one.
//!
//! A ticket is the one-time name of the submission it comes with: the same ticket again is the same submission. It names no person.

use lambda_http::http::StatusCode;
use serde_json::json;
use shared::domain::form::Form;
use shared::domain::id::LeadId;
use shared::domain::token::{Claims, Purpose, scope_of};
use shared::edge::http::{Answer, json as json_answer};

use crate::Deps;

/// A fresh ticket for a form.
pub fn issue(deps: &Deps, form: &Form) -> String {
    let claims = Claims::new(
        Purpose::FormNonce,
        scope_of(&form.id),
        LeadId::from_bytes(deps.entropy.bytes()),
        deps.entropy.bytes(),
        deps.clock.now(),
    );
    deps.keys.sign(&claims)
}

/// `GET /f/{form}/challenge`: what a script needs to begin a form.
pub fn challenge(deps: &Deps, form: &Form) -> Answer {
    json_answer(StatusCode::OK, &json!({ "nonce": issue(deps, form) }))
}
