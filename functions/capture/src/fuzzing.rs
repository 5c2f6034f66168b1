//! What the fuzz targets in `fuzz/` call: the doors through which strangers' bytes come in, each with what must hold whatever they are.
//! Built with the feature `fuzzing` only; never part of a deployed function.

use futures_util::FutureExt as _;
use lambda_http::http::HeaderMap;
use lambda_http::{Body, Request};
use shared::domain::email::EmailAddress;
use shared::domain::form::Form;
use shared::domain::submission::{Checked, Strictness, check_with};
use url::Url;

use crate::body::{self, Pairs};
use crate::dialect::{google, hubspot, mautic, meta};
use crate::redirect::PageOrigin;

/// Reads a body of this type and checks what it says against `form`.
///
/// # Panics
///
/// Where something does not hold that must.
pub fn post(form: &Form, content_type: &str, bytes: &[u8]) {
    let Some(pairs) = posted(content_type, bytes) else {
        return;
    };
    checked(form, &pairs, None, Strictness::Refuse);
}

/// Reads a post as the service that its first byte stands for would have sent it, and checks what it says against `form`.
///
/// # Panics
///
/// Where something does not hold that must.
pub fn dialect(form: &Form, bytes: &[u8]) {
    const URLENCODED: &str = "application/x-www-form-urlencoded";
    let Some((service, bytes)) = bytes.split_first() else {
        return;
    };
    match service {
        b'g' => {
            let lead = google::read(bytes).ok();
            if let Some(pairs) = lead.and_then(|lead| google::pairs(&lead).ok()) {
                checked(form, &pairs, None, Strictness::Keep);
            }
        }
        b'f' => {
            for lead in meta::read(bytes).unwrap_or_default() {
                let ids = &lead.reference.ids;
                assert!(!lead.reference.id.is_empty(), "a lead without a name");
                assert!(ids.len() <= 6, "more ids than are kept");
                let short = ids.iter().all(|(_, id)| id.chars().count() <= 64);
                assert!(short, "an id over its limit");
            }
        }
        b'h' => {
            let read = hubspot::read(bytes).ok();
            if let Some(pairs) = read.and_then(|read| hubspot::pairs(form, &read).ok()) {
                checked(form, &pairs, None, Strictness::Refuse);
                checked(form, &pairs, None, Strictness::Keep);
            }
        }
        b'p' => {
            if let Some(posted) = posted(URLENCODED, bytes) {
                let (pairs, page) = hubspot::without_context(posted);
                checked(form, &pairs, page.as_deref(), Strictness::Refuse);
            }
        }
        b'm' => {
            if let Some(posted) = posted(URLENCODED, bytes) {
                let read = mautic::Read::of(posted);
                checked(form, &read.pairs, None, Strictness::Refuse);
            }
        }
        // Web-to-Lead and Netlify send what any page sends, in the charset that the query names.
        _ => post(
            form,
            "application/x-www-form-urlencoded; charset=shift_jis",
            bytes,
        ),
    }
}

fn posted(content_type: &str, bytes: &[u8]) -> Option<Pairs> {
    let mut request = Request::new(Body::Binary(bytes.to_vec()));
    let value = content_type.parse().ok()?;
    request.headers_mut().insert("content-type", value);
    // Everything is there already, so reading never waits.
    let Some(read) = body::read(request).now_or_never() else {
        panic!("reading a body that is all there waited for something");
    };
    read.ok()
}

fn checked(form: &Form, pairs: &[(String, String)], page: Option<&str>, strictness: Strictness) {
    assert!(pairs.len() <= 50, "more fields than there may be");
    for (name, value) in pairs {
        assert!(
            name.len() <= 64 && value.len() <= 8 * 1024,
            "a field over its limit"
        );
    }
    match check_with(form, pairs, page, strictness) {
        Checked::Trapped { .. } => {}
        Checked::Problems(problems) => assert!(!problems.is_empty(), "refused for nothing"),
        Checked::Fine(submission) => {
            again(submission.email.given());
            for answer in &submission.answers {
                let text = answer.value.to_text();
                let bad = text.chars().any(|c| c.is_control() && c != '\n');
                assert!(!bad, "a control character in an answer");
            }
        }
    }
}

/// Reads an address: what is taken is taken again, and means the same.
///
/// # Panics
///
/// Where something does not hold that must.
pub fn address(typed: &str) {
    if EmailAddress::parse(typed).is_ok() {
        again(typed);
    }
}

fn again(typed: &str) {
    let Ok(first) = EmailAddress::parse(typed) else {
        panic!("an address that was taken is not taken again");
    };
    let normalised = first.normalised();
    assert!(
        normalised.is_ascii() && normalised.len() <= 254,
        "not what mail can be sent to"
    );
    assert!(
        !normalised.contains([' ', '\r', '\n', '<', '>', ',', '"']),
        "more than an address"
    );
    let Ok(second) = EmailAddress::parse(&normalised) else {
        panic!("the normalised address is none");
    };
    assert_eq!(
        second.identity(),
        first.identity(),
        "two people of one address"
    );
}

/// Looks where a page asks to go: nowhere but to an allowed origin, whatever it says it is.
///
/// # Panics
///
/// Where something does not hold that must.
pub fn redirect(form: &Form, referer: &str, asked: &str) {
    const OWN: &str = "https://leads.example";
    let mut headers = HeaderMap::new();
    if let Ok(value) = referer.parse() {
        headers.insert("referer", value);
    }
    let page = PageOrigin::of(&headers, OWN);
    let to = page.after_success(form, Some(asked));
    assert!(
        !to.chars().any(char::is_control),
        "a control character in a redirect"
    );
    let Ok(url) = Url::parse(&to) else {
        panic!("a redirect that is no URL");
    };
    let origin = url.origin().ascii_serialization();
    let known = origin == OWN || form.allowed_origins.contains(&origin);
    assert!(known, "a redirect to a stranger");
    assert!(
        url.username().is_empty() && url.password().is_none(),
        "a redirect with a login"
    );
}
