//! Salesforce Web-to-Lead: an ordinary form with the organisation's `oid`, and `retURL` as the way on.
//!
//! An `oid` is the organisation's, not the form's. Where several forms are known by one, their pages say which is meant by `?form=` at
//! the end of the address. A post that is wrong gets the form back: Salesforce would drop it without a word.

use lambda_http::http::Method;
use lambda_http::{Request, RequestExt as _};
use shared::domain::elsewhere::Service;
use shared::domain::form::Form;
use shared::edge::http::{Answer, header_text};
use shared::site::Site;

use crate::answer::{Asker, Refusal};
use crate::submit::{Post, Visitor, take};
use crate::{Deps, body, cors};

use super::forms_at;
use super::native::respond;

/// Characters of an id that tell it apart; three more are a checksum for programs that do not tell the case of letters.
const ID: usize = 15;

/// Answers a request of a page made for Web-to-Lead.
pub async fn answer(deps: &Deps, site: &Site, request: Request) -> Answer {
    let origin = header_text(request.headers(), "origin").to_owned();
    match *request.method() {
        Method::OPTIONS => cors::preflight_any(forms_at(site, Service::WebToLead), &origin),
        Method::POST => submit(deps, site, &origin, request).await,
        _ => Asker::of(&request).refuse(site, None, &Refusal::Method("POST, OPTIONS")),
    }
}

async fn submit(deps: &Deps, site: &Site, origin: &str, request: Request) -> Answer {
    let visitor = Visitor::of(deps, &request);
    let query = request.query_string_parameters();
    let (charset, wanted) = (query.first("encoding"), query.first("form"));
    let pairs = match body::raw(request) {
        Ok(raw) => body::pairs(raw.in_charset(charset)).await,
        Err(refusal) => Err(refusal),
    };
    let pairs = match pairs {
        Ok(pairs) => pairs,
        Err(refusal) => return visitor.asker.refuse(site, None, &refusal),
    };
    let value = |wanted: &str| {
        let found = pairs
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map_or("", |(_, value)| value.trim())
    };
    let Some(form) = form_of(site, value("oid"), wanted) else {
        return visitor.asker.refuse(site, None, &Refusal::FormNotFound);
    };
    let outcome = take(deps, site, &visitor, Post::of_page(form, &pairs)).await;
    let mut response = respond(site, &visitor, form, &pairs, outcome);
    cors::allow(&mut response, form, origin);
    response
}

fn form_of<'s>(site: &'s Site, oid: &str, wanted: Option<&str>) -> Option<&'s Form> {
    let short = |id: &str| id.get(..ID).unwrap_or(id).to_owned();
    let knows = |form: &&Form| {
        let ids = form.elsewhere.ids.get(&Service::WebToLead);
        ids.is_some_and(|ids| ids.iter().any(|id| short(id) == short(oid)))
    };
    let mut candidates = site.forms.values().filter(knows);
    match wanted {
        Some(wanted) => candidates.find(|form| form.id == wanted),
        None => candidates.next().filter(|_| candidates.next().is_none()),
    }
}
