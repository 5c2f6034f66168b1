//! Netlify's forms: any page of the site posts, and the hidden field `form-name` says which form it is.

use lambda_http::Request;
use lambda_http::http::Method;
use shared::domain::elsewhere::Service;
use shared::edge::http::{Answer, header_text};
use shared::site::Site;

use crate::answer::{Asker, Refusal};
use crate::submit::{Post, Visitor, take};
use crate::{Deps, body, cors};

use super::native::respond;
use super::{form_called, forms_at};

/// Answers a request of a page made for Netlify.
pub async fn answer(deps: &Deps, site: &Site, request: Request) -> Answer {
    let origin = header_text(request.headers(), "origin").to_owned();
    match *request.method() {
        Method::OPTIONS => cors::preflight_any(forms_at(site, Service::Netlify), &origin),
        Method::POST => submit(deps, site, &origin, request).await,
        _ => Asker::of(&request).refuse(site, None, &Refusal::Method("POST, OPTIONS")),
    }
}

async fn submit(deps: &Deps, site: &Site, origin: &str, request: Request) -> Answer {
    let visitor = Visitor::of(deps, &request);
    let pairs = match body::read(request).await {
        Ok(pairs) => pairs,
        Err(refusal) => return visitor.asker.refuse(site, None, &refusal),
    };
    let named = pairs
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("form-name"));
    let form = named.and_then(|(_, id)| form_called(site, Service::Netlify, id));
    let Some(form) = form else {
        return visitor.asker.refuse(site, None, &Refusal::FormNotFound);
    };
    let outcome = take(deps, site, &visitor, Post::of_page(form, &pairs)).await;
    let mut response = respond(site, &visitor, form, &pairs, outcome);
    cors::allow(&mut response, form, origin);
    response
}
