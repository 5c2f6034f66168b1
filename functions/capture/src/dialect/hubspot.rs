//! `HubSpot`'s forms: the API that scripts post JSON to (`v3`), and the address that embedded forms post a page to (`v2`).
//!
//! A consent counts only where its text is that of a consent of the form: a record of other words than those that were shown would
//! prove nothing. What was said to other words is kept as an answer. `hutk` is looked at and not kept: it follows a browser, not a person.

use data_encoding::HEXLOWER;
use lambda_http::Request;
use lambda_http::http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use shared::domain::elsewhere::Service;
use shared::domain::form::Form;
use shared::domain::submission::{Problem, Strictness, is_ticked};
use shared::domain::time::Timestamp;
use shared::edge::http::{Answer, header_text, json as json_answer};
use shared::site::Site;

use crate::answer::{Asker, Refusal, retry_after};
use crate::body::{Object, object};
use crate::submit::{Outcome, Post, Visitor, take};
use crate::{Deps, body, cors};

use super::form_called;
use super::native::respond;

/// Oldest submission that is taken: a month.
const OLDEST_DAYS: i64 = 31;

/// A submission as scripts send it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Submission {
    submitted_at: Option<Value>,
    #[serde(default)]
    fields: Vec<Object<FieldIn>>,
    context: Option<Object<Context>>,
    legal_consent_options: Option<Object<LegalConsent>>,
    #[serde(default)]
    skip_validation: bool,
}

#[derive(Deserialize)]
struct FieldIn {
    name: String,
    #[serde(default)]
    value: Value,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Context {
    hutk: Option<String>,
    page_uri: Option<String>,
    page_name: Option<String>,
    sfdc_campaign_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LegalConsent {
    consent: Option<Object<Consent>>,
    legitimate_interest: Option<Object<Communication>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Consent {
    #[serde(default, rename = "consentToProcess")]
    to_process: bool,
    text: Option<String>,
    #[serde(default)]
    communications: Vec<Object<Communication>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Communication {
    #[serde(default)]
    value: bool,
    subscription_type_id: Option<Value>,
    legal_basis: Option<String>,
    text: Option<String>,
}

/// Why a submission is refused, as `HubSpot` says it.
struct Fault {
    status: StatusCode,
    errors: Vec<(&'static str, String)>,
}

impl Fault {
    fn of(refusal: &Refusal) -> Self {
        let kind = match refusal {
            Refusal::FormNotFound => "FORM_NOT_FOUND",
            Refusal::TooManyFields => "MAX_NUMBER_OF_SUBMITTED_VALUES_EXCEEDED",
            Refusal::TooLarge | Refusal::FieldTooLarge => "INPUT_TOO_LARGE",
            other => other.code(),
        };
        Self {
            status: refusal.status(),
            errors: vec![(kind, refusal.message().to_owned())],
        }
    }

    fn bad(kind: &'static str, message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            errors: vec![(kind, message.into())],
        }
    }

    fn answer(&self, deps: &Deps) -> Answer {
        let errors: Vec<Value> = self
            .errors
            .iter()
            .map(|(kind, message)| json!({ "message": message, "errorType": kind }))
            .collect();
        json_answer(
            self.status,
            &json!({
                "status": "error", "message": "The request is not valid", "correlationId": uuid(deps), "errors": errors,
            }),
        )
    }
}

/// Answers a script.
pub async fn api(deps: &Deps, site: &Site, guid: &str, request: Request) -> Answer {
    let origin = header_text(request.headers(), "origin").to_owned();
    let Some(form) = form_called(site, Service::Hubspot, guid) else {
        return Fault::of(&Refusal::FormNotFound).answer(deps);
    };
    let mut response = match *request.method() {
        Method::OPTIONS => cors::preflight(form, &origin),
        Method::POST => match submit(deps, site, form, request).await {
            Ok(response) => response,
            Err(fault) => fault.answer(deps),
        },
        _ => Asker::of(&request).refuse(site, Some(form), &Refusal::Method("POST, OPTIONS")),
    };
    cors::allow(&mut response, form, &origin);
    response
}

async fn submit(deps: &Deps, site: &Site, form: &Form, request: Request) -> Result<Answer, Fault> {
    let visitor = Visitor::of(deps, &request);
    visitor.may_post(form).map_err(|r| Fault::of(&r))?;
    let raw = body::raw(request).map_err(|r| Fault::of(&r))?;
    let read = read(raw.bytes())
        .map_err(|_| Fault::bad("INVALID_JSON", "The request body is not the JSON of a form"))?;
    let context = read.context.as_ref().map(|Object(context)| context);
    if let Some(hutk) = context
        .and_then(|c| c.hutk.as_deref())
        .filter(|h| !h.is_empty())
        && !(hutk.len() == 32 && hutk.bytes().all(|b| b.is_ascii_hexdigit()))
    {
        let message = "Error in 'context.hutk'. It is not a valid Hutk";
        return Err(Fault::bad("INVALID_HUTK", message));
    }
    if let Some(at) = read.submitted_at.as_ref().and_then(milliseconds)
        && deps.clock.now() > Timestamp(at).plus_days(OLDEST_DAYS)
    {
        let message = "Error in 'submittedAt'. It is older than a month";
        return Err(Fault::bad("INVALID_SUBMITTED_AT", message));
    }
    let pairs = pairs(form, &read).map_err(|r| Fault::of(&r))?;
    let post = Post {
        page_url: context.and_then(|c| c.page_uri.as_deref()),
        strictness: if read.skip_validation {
            Strictness::Keep
        } else {
            Strictness::Refuse
        },
        ..Post::of_page(form, &pairs)
    };
    match take(deps, site, &visitor, post).await {
        Outcome::Taken { next, .. } => {
            let to = next
                .as_deref()
                .or(form.next.as_deref())
                .and_then(|next| visitor.page.allowed(form, next));
            let body = to.map_or_else(
                || json!({ "inlineMessage": form.success_message }),
                |to| json!({ "redirectUri": String::from(to) }),
            );
            Ok(json_answer(StatusCode::OK, &body))
        }
        Outcome::Problems(problems) => Err(Fault {
            status: StatusCode::BAD_REQUEST,
            errors: problems.iter().map(error_of).collect(),
        }),
        Outcome::Refused(refusal) => {
            let mut response = Fault::of(&refusal).answer(deps);
            retry_after(&mut response, &refusal);
            Ok(response)
        }
    }
}

/// Reads a script's submission.
pub fn read(bytes: &[u8]) -> Result<Submission, Refusal> {
    object(bytes)
}

/// Its names and values.
pub fn pairs(form: &Form, read: &Submission) -> Result<body::Pairs, Refusal> {
    let mut pairs = Vec::new();
    for Object(field) in &read.fields {
        // `0-1/email`: the kind of object is before the name.
        let name = field.name.rsplit('/').next().unwrap_or_default().to_owned();
        match &field.value {
            Value::Array(list) => {
                pairs.extend(list.iter().map(|v| (name.clone(), body::scalar(v))));
            }
            Value::Null => {}
            value => pairs.push((name, body::scalar(value))),
        }
    }
    let mut add = |name: &str, value: Option<&String>| {
        pairs.extend(value.map(|value| (name.to_owned(), value.clone())));
    };
    if let Some(Object(context)) = &read.context {
        add("page_name", context.page_name.as_ref());
        add("sfdc_campaign_id", context.sfdc_campaign_id.as_ref());
    }
    if let Some(Object(legal)) = &read.legal_consent_options {
        consents(form, legal, &mut pairs);
    }
    body::within_limits(pairs)
}

fn consents(form: &Form, legal: &LegalConsent, pairs: &mut body::Pairs) {
    let mut say = |given: bool, name: String, text: &str| {
        let wanted = plain(text);
        let ask = form.consents.iter().find(|c| plain(&c.text) == wanted);
        match ask {
            Some(ask) if given => pairs.push((ask.field.clone(), "true".into())),
            Some(_) => {}
            None => {
                let word = if given { "yes" } else { "no" };
                pairs.push((
                    name,
                    format!("{word}: {text}").trim_end_matches(": ").into(),
                ));
            }
        }
    };
    let name = |kind: &str, said: &Communication| {
        let id = said.subscription_type_id.as_ref().map(body::scalar);
        format!("{kind}_{}", id.unwrap_or_default())
            .trim_end_matches('_')
            .to_owned()
    };
    if let Some(Object(consent)) = &legal.consent {
        let text = consent.text.as_deref().unwrap_or_default();
        say(consent.to_process, "consent_to_process".into(), text);
        for Object(said) in &consent.communications {
            let text = said.text.as_deref().unwrap_or_default();
            say(said.value, name("subscription", said), text);
        }
    }
    if let Some(Object(said)) = &legal.legitimate_interest {
        let basis = said.legal_basis.as_deref().unwrap_or_default();
        let text = said.text.as_deref().unwrap_or_default();
        let word = if said.value { "yes" } else { "no" };
        pairs.push((
            name("legitimate_interest", said),
            format!("{word} {basis}: {text}"),
        ));
    }
}

/// Words without markup, case and spacing: texts are kept as HTML there.
fn plain(text: &str) -> String {
    let mut words = String::new();
    let mut in_tag = false;
    for c in text.chars() {
        match c {
            '<' => in_tag = true,
            '>' => in_tag = false,
            c if !in_tag => words.push(c),
            _ => {}
        }
    }
    let words = words.replace("&nbsp;", " ").replace("&amp;", "&");
    words
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .to_lowercase()
}

fn error_of(problem: &Problem) -> (&'static str, String) {
    let field = problem.field.as_deref().unwrap_or("form");
    let kind = match problem.code {
        "TYPE_EMAIL" => "INVALID_EMAIL",
        "REQUIRED_FIELD_EMPTY" | "REQUIRED_FIELD_MISSING" => "REQUIRED_FIELD",
        "TYPE_NUMERIC" => "NUMBER_OUT_OF_RANGE",
        "TOO_LONG" => "INPUT_TOO_LARGE",
        "UNKNOWN_FIELD" => "FIELD_NOT_IN_FORM_DEFINITION",
        _ => "INVALID_VALUE",
    };
    (
        kind,
        format!("Error in 'fields.{field}'. {}", problem.message),
    )
}

fn milliseconds(value: &Value) -> Option<i64> {
    value
        .as_i64()
        .or_else(|| value.as_str().and_then(|text| text.parse().ok()))
}

/// A random UUID (RFC 9562, version 4): what `HubSpot` calls a request by.
fn uuid(deps: &Deps) -> String {
    let mut bytes = deps.entropy.bytes::<16>();
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = HEXLOWER.encode(&bytes);
    [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ]
    .join("-")
}

/// Answers a page with an embedded form: names and values, and `hs_context` with where they came from.
pub async fn page(deps: &Deps, site: &Site, guid: &str, request: Request) -> Answer {
    let origin = header_text(request.headers(), "origin").to_owned();
    let visitor = Visitor::of(deps, &request);
    let Some(form) = form_called(site, Service::Hubspot, guid) else {
        return visitor.asker.refuse(site, None, &Refusal::FormNotFound);
    };
    let mut response = match *request.method() {
        Method::OPTIONS => cors::preflight(form, &origin),
        Method::POST => match body::read(request).await {
            Ok(posted) => {
                let (pairs, page_url) = without_context(posted);
                let post = Post {
                    page_url: page_url.as_deref(),
                    ..Post::of_page(form, &pairs)
                };
                let outcome = take(deps, site, &visitor, post).await;
                respond(site, &visitor, form, &pairs, outcome)
            }
            Err(refusal) => visitor.asker.refuse(site, Some(form), &refusal),
        },
        _ => visitor
            .asker
            .refuse(site, Some(form), &Refusal::Method("POST, OPTIONS")),
    };
    cors::allow(&mut response, form, &origin);
    response
}

/// What a page posts without its context, and the page's address out of that.
pub fn without_context(posted: body::Pairs) -> (body::Pairs, Option<String>) {
    let mut page_url = None;
    let mut pairs = Vec::new();
    for (name, value) in posted {
        if name == "hs_context" {
            let context: Value = serde_json::from_str(&value).unwrap_or_default();
            let url = ["pageUrl", "pageUri"]
                .iter()
                .find_map(|k| context[*k].as_str());
            page_url = url.map(str::to_owned);
        } else if name != "LEGAL_CONSENT.processing" || is_ticked(&value) {
            pairs.push((name, value));
        }
    }
    (pairs, page_url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn consent_texts_are_compared_as_people_read_them() {
        assert_eq!(
            plain("<p>Send me <b>news</b>&nbsp;&amp; offers.</p>\n"),
            plain("send me news & offers.")
        );
        assert_ne!(plain("Send me news."), plain("Send me offers."));
    }
}
