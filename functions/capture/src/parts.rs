//! What stands beside a form, for scripts: `GET /f/{form}/challenge` and `GET /f/{form}/schema`. Nothing here changes anything or tells
//! anything about a person.

use lambda_http::Request;
use shared::edge::http::{Answer, header_text};
use shared::site::Site;

use crate::answer::{Asker, Refusal};
use crate::{Deps, cors, schema, ticket};

/// Answers a request for a part of a form; none where the path names no part.
pub fn answer(deps: &Deps, site: &Site, request: &Request) -> Option<Answer> {
    let path = request.uri().path().trim_end_matches('/');
    let (form, part) = path.strip_prefix("/f/")?.split_once('/')?;
    let Some(form) = site.forms.get(form) else {
        return Some(Asker::of(request).refuse(site, None, &Refusal::FormNotFound));
    };
    let mut response = match part {
        "challenge" => ticket::challenge(deps, form),
        "schema" => schema::serve(form, &deps.public_url),
        _ => return None,
    };
    cors::allow(
        &mut response,
        form,
        header_text(request.headers(), "origin"),
    );
    Some(response)
}
