//! Our own endpoint, `/f/{form}`: GET is the hosted form, POST a submission in any of the ways a page can send one.
//!
//! Formspree's pages and its official client post the same way, so an id that a form had there works here too.

use lambda_http::Request;
use lambda_http::http::Method;
use shared::domain::elsewhere::Service;
use shared::domain::form::Form;
use shared::edge::http::{Answer, header_text};
use shared::site::Site;

use crate::answer::{Asker, Refusal, hosted_form};
use crate::submit::{Outcome, Post, Visitor, did_you_mean, take};
use crate::{Deps, body, cors, ticket};

use super::form_called;

/// Answers a request for the form of this name.
pub async fn answer(deps: &Deps, site: &Site, name: &str, request: Request) -> Answer {
    let Some(form) = form_called(site, Service::Formspree, name) else {
        return Asker::of(&request).refuse(site, None, &Refusal::FormNotFound);
    };
    let origin = header_text(request.headers(), "origin").to_owned();
    let mut response = match *request.method() {
        Method::OPTIONS => cors::preflight(form, &origin),
        Method::GET | Method::HEAD => {
            hosted_form(site, form, &ticket::hidden(deps, form, &request))
        }
        Method::POST => submit(deps, site, form, request).await,
        _ => Asker::of(&request).refuse(
            site,
            Some(form),
            &Refusal::Method("GET, HEAD, POST, OPTIONS"),
        ),
    };
    cors::allow(&mut response, form, &origin);
    response
}

async fn submit(deps: &Deps, site: &Site, form: &Form, request: Request) -> Answer {
    let visitor = Visitor::of(deps, &request);
    let pairs = match visitor.may_post(form) {
        Ok(()) => body::read(request).await,
        Err(refusal) => Err(refusal),
    };
    match pairs {
        Ok(pairs) => {
            let outcome = take(deps, site, &visitor, Post::of_page(form, &pairs)).await;
            respond(site, &visitor, form, &pairs, outcome)
        }
        Err(refusal) => visitor.asker.refuse(site, Some(form), &refusal),
    }
}

/// The answer to a page or a script that posted names and values.
pub fn respond(
    site: &Site,
    visitor: &Visitor,
    form: &Form,
    pairs: &[(String, String)],
    outcome: Outcome,
) -> Answer {
    let Visitor { asker, page, .. } = visitor;
    match outcome {
        Outcome::Taken { id, next } => {
            let hint = did_you_mean(form, pairs);
            let next = page.after_success(form, next.as_deref());
            asker.accept(form, &id, &next, hint.as_deref())
        }
        Outcome::Problems(problems) => asker.refuse_fields(site, form, &problems, pairs, page),
        Outcome::Refused(refusal) => asker.refuse_post(site, form, &refusal, pairs, page),
    }
}
