//! Mautic's forms: every name stands in `mauticform[...]`.
//!
//! An ordinary page is led back to itself, or to where it asks, with a message in the address. A page with Mautic's script posts into a
//! hidden frame and waits for a message from it; another script gets the same as JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lambda_http::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use lambda_http::http::{Method, StatusCode};
use lambda_http::{Request, RequestExt as _};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use shared::domain::elsewhere::Service;
use shared::domain::form::Form;
use shared::domain::submission::Problem;
use shared::edge::http::{
    Answer, answer as plain_answer, header_text, json as json_answer, see_other, set,
};
use shared::site::Site;
use url::Url;

use crate::answer::{Asker, Refusal, in_one_line, retry_after};
use crate::submit::{Outcome, Post, Visitor, take};
use crate::{Deps, body, cors};

use super::{form_called, forms_at};

/// What the frame runs: it hands the answer to the page that it stands on. The answer is in an attribute, so no text of a visitor is
/// ever in a script.
const SCRIPT: &str = "const d=document.body.dataset;parent.postMessage(d.answer,d.to)";

/// Answers a request of a page made for Mautic.
pub async fn answer(deps: &Deps, site: &Site, request: Request) -> Answer {
    let origin = header_text(request.headers(), "origin").to_owned();
    match *request.method() {
        Method::OPTIONS => cors::preflight_any(forms_at(site, Service::Mautic), &origin),
        Method::POST => submit(deps, site, &origin, request).await,
        _ => Asker::of(&request).refuse(site, None, &Refusal::Method("POST, OPTIONS")),
    }
}

async fn submit(deps: &Deps, site: &Site, origin: &str, request: Request) -> Answer {
    let visitor = Visitor::of(deps, &request);
    let in_query = request
        .query_string_parameters_ref()
        .and_then(|query| query.first("formId"))
        .map(str::to_owned);
    let wants_page = header_text(request.headers(), "accept").contains("html");
    let posted = match body::read(request).await {
        Ok(pairs) => pairs,
        Err(refusal) => return visitor.asker.refuse(site, None, &refusal),
    };
    let read = Read::of(posted);
    let id = in_query.or_else(|| read.form_id.clone());
    let by_name = || form_called(site, Service::Mautic, read.form_name.as_deref()?);
    let form = id
        .and_then(|id| form_called(site, Service::Mautic, &id))
        .or_else(by_name);
    let Some(form) = form else {
        return visitor.asker.refuse(site, None, &Refusal::FormNotFound);
    };
    let outcome = take(deps, site, &visitor, Post::of_page(form, &read.pairs)).await;
    let mut response = if read.messenger || visitor.asker.wants_json() {
        messenger(&visitor, form, &read, outcome, wants_page)
    } else {
        redirect(site, &visitor, form, &read, outcome)
    };
    cors::allow(&mut response, form, origin);
    response
}

/// A post without Mautic's wrapping.
pub struct Read {
    /// Names and values as the form knows them.
    pub pairs: body::Pairs,
    form_id: Option<String>,
    form_name: Option<String>,
    back: Option<String>,
    messenger: bool,
}

impl Read {
    /// Unwraps a post.
    pub fn of(posted: body::Pairs) -> Self {
        let mut read = Self {
            pairs: Vec::new(),
            form_id: None,
            form_name: None,
            back: None,
            messenger: false,
        };
        for (name, value) in posted {
            let inner = name
                .strip_prefix("mauticform[")
                .and_then(|rest| rest.split_once(']'))
                .map(|(inner, _)| inner.to_owned());
            let given = Some(value.clone()).filter(|v| !v.trim().is_empty());
            match inner.as_deref() {
                Some("formId") => read.form_id = given,
                Some("formName") => read.form_name = given,
                Some("return") => read.back = given,
                Some("messenger") => read.messenger = value == "1",
                Some("submit") => {}
                Some(inner) => read.pairs.push((inner.to_owned(), value)),
                None => read.pairs.push((name, value)),
            }
        }
        read
    }
}

fn redirect(site: &Site, visitor: &Visitor, form: &Form, read: &Read, outcome: Outcome) -> Answer {
    let page = &visitor.page;
    let asked = read.back.as_deref().and_then(|to| page.allowed(form, to));
    let back = asked.clone().or_else(|| page.itself(form));
    let (problems, refusal) = match outcome {
        Outcome::Taken { .. } => {
            let to = match (&form.next, back) {
                (None, Some(to)) => with_message(to, "mauticMessage", &form.success_message),
                (Some(_), _) | (None, None) => {
                    asked.map_or_else(|| page.after_success(form, None), String::from)
                }
            };
            return see_other(&to);
        }
        Outcome::Problems(problems) => (problems, None),
        Outcome::Refused(refusal) => (Vec::new(), Some(refusal)),
    };
    match (back, refusal) {
        (Some(to), None) => see_other(&with_message(
            to,
            "mauticError",
            &in_one_line(form, &problems),
        )),
        (Some(to), Some(refusal)) => see_other(&with_message(to, "mauticError", refusal.message())),
        (None, None) => visitor
            .asker
            .refuse_fields(site, form, &problems, &read.pairs, page),
        (None, Some(refusal)) => visitor
            .asker
            .refuse_post(site, form, &refusal, &read.pairs, page),
    }
}

/// The address with a message, and without those of an earlier try.
fn with_message(mut to: Url, name: &str, message: &str) -> String {
    let kept: Vec<(String, String)> = to
        .query_pairs()
        .filter(|(n, _)| n != "mauticError" && n != "mauticMessage")
        .map(|(n, v)| (n.into_owned(), v.into_owned()))
        .collect();
    to.query_pairs_mut()
        .clear()
        .extend_pairs(kept)
        .append_pair(name, message);
    to.into()
}

fn messenger(
    visitor: &Visitor,
    form: &Form,
    read: &Read,
    outcome: Outcome,
    wants_page: bool,
) -> Answer {
    let name = read.form_name.as_deref().unwrap_or(&form.id);
    let mut status = StatusCode::OK;
    let mut refused = None;
    let body = match outcome {
        Outcome::Taken { .. } => {
            let asked = read.back.as_deref();
            let to = asked
                .or(form.next.as_deref())
                .and_then(|to| visitor.page.allowed(form, to));
            let mut body =
                json!({ "success": 1, "successMessage": form.success_message, "formName": name });
            if let Some(to) = to {
                body["redirect"] = String::from(to).into();
            }
            body
        }
        Outcome::Problems(problems) => json!({
            "success": 0, "validationErrors": by_field(&problems),
            "errorMessage": in_one_line(form, &problems), "formName": name,
        }),
        Outcome::Refused(refusal) => {
            status = refusal.status();
            let body = json!({
                "success": 0, "validationErrors": {}, "errorMessage": refusal.message(), "formName": name,
            });
            refused = Some(refusal);
            body
        }
    };
    let mut response = match visitor.page.known_origin(form).filter(|_| wants_page) {
        Some(to) => frame(status, &body, to),
        None => json_answer(status, &body),
    };
    if let Some(refusal) = refused {
        retry_after(&mut response, &refusal);
    }
    response
}

fn by_field(problems: &[Problem]) -> Value {
    let named = problems.iter().filter_map(|p| {
        let field = p.field.clone()?;
        Some((field, Value::from(p.message.as_str())))
    });
    Value::Object(named.collect::<Map<_, _>>())
}

/// The page in the hidden frame.
fn frame(status: StatusCode, body: &Value, to: &str) -> Answer {
    let escape = |text: &str| {
        text.replace('&', "&amp;")
            .replace('"', "&quot;")
            .replace('<', "&lt;")
    };
    let (answer_, to) = (escape(&body.to_string()), escape(to));
    let html = format!(
        "<!doctype html><title>Sent</title><body data-answer=\"{answer_}\" data-to=\"{to}\"><script>{SCRIPT}</script>"
    );
    let hash = STANDARD.encode(Sha256::digest(SCRIPT.as_bytes()));
    let mut response = plain_answer(status, "text/html; charset=utf-8", html);
    set(&mut response, CACHE_CONTROL, "no-store");
    set(
        &mut response,
        CONTENT_SECURITY_POLICY,
        &format!(
            "default-src 'none'; script-src 'sha256-{hash}'; base-uri 'none'; frame-ancestors {to}"
        ),
    );
    response
}
