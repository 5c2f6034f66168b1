//! Pages as HTTP answers: the security headers, and who wants a page rather than JSON.

use std::sync::LazyLock;

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest as _, Sha256};

use super::STYLE;

/// What our own pages may do: show themselves, their own style, and a frame from here; send forms to here.
static PAGE_POLICY: LazyLock<String> = LazyLock::new(|| {
    let style = BASE64.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; img-src data:; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
});

/// What the HTML of a mail may do, as in a mail client: its inline styles, and links that open elsewhere. No script, nothing fetched, no
/// origin of its own.
const MAIL_POLICY: &str = "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

/// Whether the caller asked for a page: a browser names `text/html`, other clients do not.
pub fn wants_html(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|accept| accept.contains("text/html"))
}

/// A page of ours as an answer.
pub fn respond(page: String) -> Response {
    html(page, &PAGE_POLICY)
}

/// The HTML part of a mail as a document of its own, which can neither run nor fetch anything. Its links open in a new tab.
pub fn respond_with_mail_html(part: &str) -> Response {
    html(with_links_in_new_tabs(part), MAIL_POLICY)
}

fn html(page: String, policy: &str) -> Response {
    let headers: [(HeaderName, &str); 6] = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (header::VARY, "Accept"),
    ];
    let mut response = (StatusCode::OK, page).into_response();
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// Puts a `<base>` into the head: without one, a link would open inside the frame.
fn with_links_in_new_tabs(part: &str) -> String {
    const BASE: &str = "<base target=\"_blank\">";
    let lower = part.to_ascii_lowercase();
    // After the head's opening tag; a document without one gets it in front, where a browser makes the head by itself.
    let after_head = lower
        .find("<head>")
        .map(|at| at + "<head>".len())
        .or_else(|| {
            let open = lower.find("<head ")?;
            lower[open..].find('>').map(|end| open + end + 1)
        });
    match after_head {
        Some(at) => format!("{}{BASE}{}", &part[..at], &part[at..]),
        None => format!("{BASE}{part}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_gets_a_page_and_a_program_gets_json() {
        let asks = |accept: &str| {
            let mut headers = HeaderMap::new();
            if let Ok(value) = HeaderValue::from_str(accept) {
                headers.insert(header::ACCEPT, value);
            }
            wants_html(&headers)
        };
        assert!(asks("text/html,application/xhtml+xml,*/*;q=0.8"));
        assert!(!asks("*/*"));
        assert!(!asks("application/json"));
        assert!(!wants_html(&HeaderMap::new()));
    }

    #[test]
    fn pages_allow_no_script_and_only_their_own_style() {
        let page = respond("x".to_owned());
        let policy = page.headers()[header::CONTENT_SECURITY_POLICY]
            .to_str()
            .unwrap_or_default();
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"));
        assert!(!policy.contains("script") && !policy.contains("unsafe"));

        let mail = respond_with_mail_html("<p>x</p>");
        let policy = mail.headers()[header::CONTENT_SECURITY_POLICY]
            .to_str()
            .unwrap_or_default();
        assert!(policy.starts_with("sandbox ") && !policy.contains("allow-scripts"));
        assert!(!policy.contains("allow-same-origin"));
    }

    #[test]
    fn links_of_a_mail_open_in_a_new_tab() {
        let doctype = "<!DOCTYPE html><html><HEAD lang=\"de\"><title>x</title>";
        assert_eq!(
            with_links_in_new_tabs(doctype),
            "<!DOCTYPE html><html><HEAD lang=\"de\"><base target=\"_blank\"><title>x</title>"
        );
        assert_eq!(
            with_links_in_new_tabs("<p>x</p>"),
            "<base target=\"_blank\"><p>x</p>"
        );
    }
}
