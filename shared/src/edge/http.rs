//! HTTP answers: one place that turns outcomes into status, headers and bodies.
//!
//! Policy. A visitor is told what to do, never what went wrong inside; the log gets a class. Pages behind signed links are not cached,
//! not indexed, tell no referrer, run no script, and may not be framed.

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lambda_http::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use lambda_http::http::{Response, StatusCode};
use lambda_http::{Body, Request, RequestExt as _};
use sha2::{Digest, Sha256};

use crate::store::StoreError;

/// An answer.
pub type Answer = Response<Body>;

/// How a page that brings our script names it.
const OWN_SCRIPT: &str = "<script src=\"/lodestone.js\"";

/// Seconds a visitor is asked to wait when the store is out of reach.
const RETRY_SECONDS: u16 = 5;

/// An answer with a body of this type.
pub fn answer(status: StatusCode, content_type: &'static str, body: impl Into<Body>) -> Answer {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    set(&mut response, header::CONTENT_TYPE, content_type);
    set(&mut response, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    response
}

/// A JSON answer.
pub fn json(status: StatusCode, body: &serde_json::Value) -> Answer {
    let mut response = answer(status, "application/json; charset=utf-8", body.to_string());
    set(&mut response, header::CACHE_CONTROL, "no-store");
    response
}

/// A page. `form_action` are further origins its forms may lead to, after redirects.
pub fn page(status: StatusCode, page: &impl Template, form_action: &[String]) -> Answer {
    // The templates are compiled in and write to a string: rendering cannot fail.
    let html = page.render().unwrap_or_default();
    let csp = content_security_policy(&html, form_action);
    let mut response = answer(status, "text/html; charset=utf-8", html);
    set(&mut response, header::CACHE_CONTROL, "no-store");
    set(&mut response, header::REFERRER_POLICY, "no-referrer");
    set(
        &mut response,
        HeaderName::from_static("x-robots-tag"),
        "noindex",
    );
    set(
        &mut response,
        header::STRICT_TRANSPORT_SECURITY,
        "max-age=31536000",
    );
    set(&mut response, header::CONTENT_SECURITY_POLICY, &csp);
    response
}

/// A redirect that browsers follow with GET.
pub fn see_other(location: &str) -> Answer {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = StatusCode::SEE_OTHER;
    set(&mut response, header::LOCATION, location);
    set(&mut response, header::CACHE_CONTROL, "no-store");
    set(&mut response, header::REFERRER_POLICY, "no-referrer");
    response
}

/// Sets a header; a value that does not fit into one is left out.
pub fn set(response: &mut Answer, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// The status, and the seconds to wait, for a failure of the store.
pub fn store_failure(error: &StoreError) -> (StatusCode, Option<u16>) {
    if error.is_transient() {
        (StatusCode::SERVICE_UNAVAILABLE, Some(RETRY_SECONDS))
    } else {
        (StatusCode::INTERNAL_SERVER_ERROR, None)
    }
}

/// A header as text; empty where it is missing or not text.
pub fn header_text<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers
        .get(name)
        .and_then(|v| v.to_str().ok())
        .unwrap_or_default()
}

/// The visitor's address, as the gateway saw it; never what a header claims.
pub fn source_ip(request: &Request) -> Option<String> {
    match request.request_context_ref() {
        Some(lambda_http::request::RequestContext::ApiGatewayV2(context)) => {
            context.http.source_ip.clone()
        }
        _ => None,
    }
}

/// The network a visitor's address lies in: the address itself for IPv4, the /64 for IPv6, where one household has many.
pub fn network(ip: &str) -> String {
    match ip.parse() {
        Ok(std::net::IpAddr::V6(v6)) => v6.to_ipv4_mapped().map_or_else(
            || {
                let s = v6.segments();
                format!("{:x}:{:x}:{:x}:{:x}::/64", s[0], s[1], s[2], s[3])
            },
            |v4| v4.to_string(),
        ),
        Ok(std::net::IpAddr::V4(v4)) => v4.to_string(),
        Err(_) => String::from("unknown"),
    }
}

/// No scripts; only the page's own style, by its hash; forms go back to us and where a redirect of ours may lead.
fn content_security_policy(html: &str, form_action: &[String]) -> String {
    let style = html
        .split_once("<style>")
        .and_then(|(_, rest)| rest.split_once("</style>"))
        .map(|(style, _)| style);
    let style_src = style.map_or_else(
        || String::from("'none'"),
        |style| {
            format!(
                "'sha256-{}'",
                STANDARD.encode(Sha256::digest(style.as_bytes()))
            )
        },
    );
    let more = form_action.join(" ");
    // A form that asks for a proof of work brings our own script; whatever visitors typed is escaped and cannot look like it.
    let script = if html.contains(OWN_SCRIPT) {
        " script-src 'self'; connect-src 'self';"
    } else {
        ""
    };
    format!(
        "default-src 'none';{script} style-src {style_src}; img-src 'self' data:; form-action 'self' {more}; frame-ancestors 'none'; base-uri 'none'"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frm_5_a_network_is_one_ipv4_address_or_a_household_of_ipv6() {
        assert_eq!(network("203.0.113.9"), "203.0.113.9");
        assert_eq!(network("::ffff:203.0.113.9"), "203.0.113.9");
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_eq!(network("nonsense"), "unknown");
    }

    #[test]
    fn lnk_7_the_policy_allows_the_pages_own_style_and_no_script() {
        let csp = content_security_policy("<style>a{}</style>", &["https://files.example".into()]);
        assert!(
            csp.starts_with("default-src 'none'; style-src 'sha256-"),
            "{csp}"
        );
        assert!(
            csp.contains("form-action 'self' https://files.example;"),
            "{csp}"
        );
    }
}
