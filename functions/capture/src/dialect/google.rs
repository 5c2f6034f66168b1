//! The webhook of Google Ads lead forms. `google_key` is the proof, `lead_id` the name of the lead, `is_test` a test of the webhook.
//!
//! Google cannot mend a lead, so whatever is wrong with its answers is kept and flagged; only without an address nothing can be kept.

use lambda_http::Request;
use lambda_http::http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use shared::domain::elsewhere::Service;
use shared::domain::form::Form;
use shared::domain::submission::Strictness;
use shared::edge::http::{Answer, json as json_answer};
use shared::site::Site;
use subtle::ConstantTimeEq as _;

use crate::answer::{Refusal, in_one_line, retry_after};
use crate::body::{Object, object};
use crate::submit::{Outcome, Post, Visitor, take};
use crate::{Deps, body};

use super::form_called;

/// A lead as Google sends it.
#[derive(Deserialize)]
pub struct Lead {
    #[serde(default, rename = "lead_id")]
    id: String,
    #[serde(default)]
    user_column_data: Vec<Object<Column>>,
    #[serde(default)]
    google_key: String,
    #[serde(default)]
    is_test: bool,
    #[serde(default)]
    gcl_id: Option<String>,
    // Numbers of 64 bits, sometimes written as texts.
    form_id: Option<Value>,
    campaign_id: Option<Value>,
    adgroup_id: Option<Value>,
    creative_id: Option<Value>,
    asset_group_id: Option<Value>,
}

#[derive(Deserialize)]
struct Column {
    #[serde(rename = "column_id")]
    id: Option<String>,
    #[serde(rename = "column_name")]
    label: Option<String>,
    #[serde(default)]
    string_value: String,
}

/// Answers Google.
pub async fn answer(deps: &Deps, site: &Site, name: &str, request: Request) -> Answer {
    if request.method() != Method::POST {
        return refused(&Refusal::Method("POST"));
    }
    match take_lead(deps, site, name, request).await {
        Ok(response) => response,
        Err(refusal) => refused(&refusal),
    }
}

async fn take_lead(
    deps: &Deps,
    site: &Site,
    name: &str,
    request: Request,
) -> Result<Answer, Refusal> {
    let addressed = form_called(site, Service::Google, name).ok_or(Refusal::FormNotFound)?;
    let visitor = Visitor::of(deps, &request);
    let raw = body::raw(request)?;
    let lead = read(raw.bytes())?;
    prove(deps, addressed, &lead.google_key).await?;
    // One address may serve several lead forms.
    let number = lead.form_id.as_ref().map(body::scalar).unwrap_or_default();
    let form = site
        .forms
        .values()
        .find(|form| form.elsewhere.is_called(Service::Google, &number))
        .unwrap_or(addressed);
    let pairs = pairs(&lead)?;
    let post = Post {
        key: Some(format!("google:{}", lead.id)).filter(|_| !lead.id.is_empty()),
        strictness: Strictness::Keep,
        proven: true,
        ..Post::of_page(form, &pairs)
    };
    Ok(match take(deps, site, &visitor, post).await {
        Outcome::Taken { .. } => json_answer(StatusCode::OK, &json!({})),
        // Google comes again with a lead of the same name and other words only by mistake: the first stands.
        Outcome::Refused(Refusal::KeyReused) => json_answer(StatusCode::OK, &json!({})),
        Outcome::Problems(problems) => {
            let message = in_one_line(form, &problems);
            json_answer(StatusCode::BAD_REQUEST, &json!({ "message": message }))
        }
        Outcome::Refused(refusal) => refused(&refusal),
    })
}

/// Whether the key is the form's; in constant time.
async fn prove(deps: &Deps, form: &Form, key: &str) -> Result<(), Refusal> {
    let name = form.elsewhere.google_key.as_deref();
    let name = name.ok_or(Refusal::FormNotFound)?;
    let secret = deps.secrets.get(name).await.map_err(|error| {
        tracing::error!(function = "capture", form = %form.id, error = %error, "the key of a form's webhook could not be read");
        Refusal::NoSecret
    })?;
    let known = secret.expose().trim();
    if !known.is_empty() && bool::from(known.as_bytes().ct_eq(key.as_bytes())) {
        Ok(())
    } else {
        Err(Refusal::Unproven)
    }
}

/// Reads a call.
pub fn read(bytes: &[u8]) -> Result<Lead, Refusal> {
    object(bytes)
}

/// Its names and values.
pub fn pairs(lead: &Lead) -> Result<body::Pairs, Refusal> {
    let mut pairs: body::Pairs = Vec::new();
    for Object(column) in &lead.user_column_data {
        let name = [&column.id, &column.label]
            .into_iter()
            .flatten()
            .find(|name| !name.trim().is_empty());
        if let Some(name) = name {
            pairs.push((name.to_lowercase(), column.string_value.clone()));
        }
    }
    let numbers = [
        ("google_form_id", &lead.form_id),
        ("google_campaign_id", &lead.campaign_id),
        ("google_adgroup_id", &lead.adgroup_id),
        ("google_creative_id", &lead.creative_id),
        ("google_asset_group_id", &lead.asset_group_id),
    ];
    for (name, number) in numbers {
        pairs.extend(number.as_ref().map(|n| (name.to_owned(), body::scalar(n))));
    }
    pairs.extend(lead.gcl_id.clone().map(|id| ("gclid".to_owned(), id)));
    if !lead.id.is_empty() {
        pairs.push(("google_lead_id".to_owned(), lead.id.clone()));
    }
    if lead.is_test {
        pairs.push(("is_test".to_owned(), "true".to_owned()));
    }
    body::within_limits(pairs)
}

/// An error as Google reads it: 4xx is for good, 5xx is tried again.
fn refused(refusal: &Refusal) -> Answer {
    let mut response = json_answer(refusal.status(), &json!({ "message": refusal.message() }));
    retry_after(&mut response, refusal);
    response
}
