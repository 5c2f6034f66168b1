//! The webhook of Meta's lead ads. It brings ids and no answers: they are kept as a fact of their own, which earns nothing until
//! somebody fetches the answers that belong to it.
//!
//! The address is proved once by a question (`hub.challenge`), each call by a signature over its bytes.

use data_encoding::HEXLOWER;
use lambda_http::http::{Method, StatusCode};
use lambda_http::{Request, RequestExt as _};
use serde::Deserialize;
use serde_json::{Value, json};
use shared::domain::elsewhere::Service;
use shared::domain::form::Form;
use shared::domain::id::{hmac_sha256, random};
use shared::edge::http::{Answer, answer as plain, header_text, json as json_answer};
use shared::flow::Write;
use shared::flow::reference::{Reference, decide};
use shared::site::Site;
use subtle::ConstantTimeEq as _;

use crate::answer::{Refusal, retry_after};
use crate::body::{Object, object};
use crate::{Deps, body};

use super::form_called;

/// Most leads of one call.
const MOST: usize = 200;

#[derive(Deserialize)]
struct Call {
    #[serde(default)]
    entry: Vec<Object<Entry>>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    changes: Vec<Object<Change>>,
}

#[derive(Deserialize)]
struct Change {
    #[serde(default)]
    field: String,
    #[serde(default)]
    value: Value,
}

/// Answers Meta.
pub async fn answer(deps: &Deps, site: &Site, name: &str, request: Request) -> Answer {
    let result = match (
        form_called(site, Service::Meta, name),
        request.method().clone(),
    ) {
        (None, _) => Err(Refusal::FormNotFound),
        (Some(form), Method::GET) => greet(deps, form, &request).await,
        (Some(form), Method::POST) => take(deps, site, form, request).await,
        (Some(_), _) => Err(Refusal::Method("GET, POST")),
    };
    result.unwrap_or_else(|refusal| {
        let mut response = json_answer(refusal.status(), &json!({ "message": refusal.message() }));
        retry_after(&mut response, &refusal);
        response
    })
}

/// The question when the address is registered: changes nothing, and gives back what it was asked with.
async fn greet(deps: &Deps, form: &Form, request: &Request) -> Result<Answer, Refusal> {
    let query = request.query_string_parameters();
    let asked = |name| query.first(name).unwrap_or_default();
    let known = secret(deps, form, form.elsewhere.meta_verify_token.as_deref()).await?;
    let same = bool::from(known.as_bytes().ct_eq(asked("hub.verify_token").as_bytes()));
    if asked("hub.mode") != "subscribe" || known.is_empty() || !same {
        return Err(Refusal::Unproven);
    }
    let challenge: String = asked("hub.challenge")
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(64)
        .collect();
    Ok(plain(
        StatusCode::OK,
        "text/plain; charset=utf-8",
        challenge,
    ))
}

async fn take(
    deps: &Deps,
    site: &Site,
    addressed: &Form,
    request: Request,
) -> Result<Answer, Refusal> {
    let signature = header_text(request.headers(), "x-hub-signature-256").to_owned();
    let raw = body::raw(request)?;
    let key = secret(
        deps,
        addressed,
        addressed.elsewhere.meta_app_secret.as_deref(),
    )
    .await?;
    let made = hmac_sha256(key.as_bytes(), &[raw.bytes()]);
    let expected = HEXLOWER.encode(&made);
    let given = signature.strip_prefix("sha256=").unwrap_or_default();
    if key.is_empty() || !bool::from(expected.as_bytes().ct_eq(given.as_bytes())) {
        return Err(Refusal::Unproven);
    }
    for lead in read(raw.bytes())? {
        keep(deps, site, addressed, &lead).await?;
    }
    Ok(json_answer(StatusCode::OK, &json!({})))
}

/// Reads the leads of a call; what it tells besides is passed over.
pub fn read(bytes: &[u8]) -> Result<Vec<Lead>, Refusal> {
    let call: Call = object(bytes)?;
    let changes = call.entry.iter().flat_map(|Object(entry)| &entry.changes);
    let leads: Vec<&Value> = changes
        .filter(|Object(change)| change.field == "leadgen")
        .map(|Object(change)| &change.value)
        .collect();
    if leads.len() > MOST {
        return Err(Refusal::TooManyFields);
    }
    Ok(leads.into_iter().filter_map(Lead::of).collect())
}

/// The ids of a lead.
pub struct Lead {
    form_id: String,
    /// What is kept of it.
    pub reference: Reference,
}

impl Lead {
    /// None where it has no id of its own.
    fn of(lead: &Value) -> Option<Self> {
        let id = |name: &str| match &lead[name] {
            Value::Null => String::new(),
            value => body::scalar(value).chars().take(64).collect(),
        };
        let leadgen = id("leadgen_id");
        if leadgen.is_empty() {
            return None;
        }
        let names = [
            "leadgen_id",
            "form_id",
            "page_id",
            "ad_id",
            "adgroup_id",
            "created_time",
        ];
        let reference = Reference {
            service: Service::Meta,
            id: leadgen,
            ids: names
                .iter()
                .map(|name| (format!("meta_{name}"), id(name)))
                .filter(|(_, value)| !value.is_empty())
                .collect(),
        };
        Some(Self {
            form_id: id("form_id"),
            reference,
        })
    }
}

/// Keeps the ids of a lead; those that are there already are the same.
async fn keep(deps: &Deps, site: &Site, addressed: &Form, lead: &Lead) -> Result<(), Refusal> {
    let form = site
        .forms
        .values()
        .find(|form| form.elsewhere.is_called(Service::Meta, &lead.form_id))
        .unwrap_or(addressed);
    let write_id = random("req", deps.entropy.bytes());
    let fact = decide(
        &lead.reference,
        form,
        &site.hash,
        &deps.identity,
        deps.clock.now(),
        &write_id,
    );
    deps.store
        .commit(&[Write::Touchpoint(fact)])
        .await
        .map(drop)
        .map_err(|error| {
            tracing::error!(function = "capture", form = %form.id, error = %error, "a lead's ids could not be written");
            Refusal::Store(error)
        })
}

async fn secret(deps: &Deps, form: &Form, name: Option<&str>) -> Result<String, Refusal> {
    let name = name.ok_or(Refusal::FormNotFound)?;
    let secret = deps.secrets.get(name).await.map_err(|error| {
        tracing::error!(function = "capture", form = %form.id, error = %error, "a secret of a form's webhook could not be read");
        Refusal::NoSecret
    })?;
    Ok(secret.expose().trim().to_owned())
}
