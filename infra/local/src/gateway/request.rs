//! A request from the network as the HTTP API would hand it to a function: payload format 2.0.
//!
//! Builds the very JSON, which `lambda_http` then reads as it does when deployed, so nothing that gets lost or changed on that way is
//! missed here.

use axum::http::{HeaderMap, Method, Uri, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::route::Found;

/// Header that names the visitor's address; only here, never when deployed.
pub const CLIENT_IP: &str = "x-local-client-ip";

/// What a request says apart from its body.
pub struct Head<'r> {
    /// Method.
    pub method: &'r Method,
    /// Path and query as sent.
    pub uri: &'r Uri,
    /// Headers.
    pub headers: &'r HeaderMap,
    /// Address of the peer.
    pub peer: &'r str,
    /// UTC milliseconds.
    pub now: i64,
    /// Id of the request.
    pub id: &'r str,
    /// Stack's account.
    pub account: &'r str,
}

/// The event for a function.
pub fn payload(head: &Head<'_>, route: &Found<'_>, body: &[u8]) -> Value {
    let text = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    let source = text(CLIENT_IP).unwrap_or(head.peer);
    let host = text("host").unwrap_or("localhost");
    let path = head.uri.path();
    let query = head.uri.query().unwrap_or_default();
    let (body, is_base64) = encode(text("content-type").unwrap_or_default(), body);
    let mut event = json!({
        "version": "2.0",
        "routeKey": route.key,
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers(head, source),
        "requestContext": {
            "accountId": head.account,
            "apiId": "local",
            "domainName": host,
            "domainPrefix": "local",
            "http": {
                "method": head.method.as_str(),
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": source,
                "userAgent": text("user-agent").unwrap_or_default(),
            },
            "requestId": head.id,
            "routeKey": route.key,
            "stage": "$default",
            "time": clf(head.now),
            "timeEpoch": head.now,
        },
        "isBase64Encoded": is_base64,
    });
    let cookies: Vec<&str> = head
        .headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split("; "))
        .collect();
    if !cookies.is_empty() {
        event["cookies"] = json!(cookies);
    }
    if !route.parameters.is_empty() {
        event["pathParameters"] = json!(route.parameters);
    }
    if !query.is_empty() {
        let mut parameters = Map::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            join(&mut parameters, &name, &value);
        }
        event["queryStringParameters"] = Value::Object(parameters);
    }
    if let Some(body) = body {
        event["body"] = json!(body);
    }
    event
}

/// Names in lower case, repeated ones joined by commas, cookies apart, and what a load balancer adds.
fn headers(head: &Head<'_>, source: &str) -> Map<String, Value> {
    let mut headers = Map::new();
    for (name, value) in head.headers {
        if name == header::COOKIE || name.as_str() == CLIENT_IP {
            continue;
        }
        join(
            &mut headers,
            name.as_str(),
            &String::from_utf8_lossy(value.as_bytes()),
        );
    }
    join(&mut headers, "x-forwarded-for", source);
    headers.insert("x-forwarded-proto".to_owned(), json!("http"));
    headers
}

fn join(map: &mut Map<String, Value>, name: &str, value: &str) {
    let joined = match map.get(name).and_then(Value::as_str) {
        Some(before) => format!("{before},{value}"),
        None => value.to_owned(),
    };
    map.insert(name.to_owned(), Value::String(joined));
}

/// Text stays text where its type says so, everything else is base64.
fn encode(content_type: &str, body: &[u8]) -> (Option<String>, bool) {
    if body.is_empty() {
        return (None, false);
    }
    let kind = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let textual = kind.starts_with("text/")
        || matches!(
            kind.as_str(),
            "application/json" | "application/javascript" | "application/xml"
        )
        || kind.ends_with("+json")
        || kind.ends_with("+xml");
    match std::str::from_utf8(body) {
        Ok(text) if textual => (Some(text.to_owned()), false),
        _ => (Some(STANDARD.encode(body)), true),
    }
}

/// The time as the common log format writes it.
fn clf(now: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(now).unwrap_or_default();
    at.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use lambda_http::{Body, RequestExt as _};

    use super::*;

    /// The request that a function gets.
    fn received(
        method: &str,
        uri: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> lambda_http::Request {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(
                header::HeaderName::from_bytes(name.as_bytes()).unwrap(),
                value.parse().unwrap(),
            );
        }
        let head = Head {
            method: &method.parse().unwrap(),
            uri: &uri.parse().unwrap(),
            headers: &map,
            peer: "127.0.0.1",
            now: 1_700_000_000_000,
            id: "r1",
            account: "000000000000",
        };
        let parameters = BTreeMap::from([("form".to_owned(), "contact".to_owned())]);
        let route = Found {
            key: "ANY /f/{form}",
            function: "capture",
            parameters,
        };
        let event = payload(&head, &route, body).to_string();
        lambda_http::request::from_str(&event).unwrap()
    }

    #[test]
    fn a_form_post_arrives_whole() {
        let form = b"email=a%40b.example&name=J%C3%B6rg";
        let request = received(
            "POST",
            "/f/contact?utm=x&utm=y",
            &[
                ("host", "go.example"),
                ("content-type", "application/x-www-form-urlencoded"),
                ("user-agent", "Test/1"),
            ],
            form,
        );
        assert_eq!(request.method(), "POST");
        assert_eq!(request.uri().path(), "/f/contact");
        assert_eq!(request.uri().query(), Some("utm=x&utm=y"));
        assert_eq!(request.path_parameters().first("form"), Some("contact"));
        assert!(
            matches!(request.body(), Body::Binary(bytes) if bytes.as_slice() == form),
            "{:?}",
            request.body()
        );
        assert_eq!(
            request.headers()["content-type"],
            "application/x-www-form-urlencoded"
        );
    }

    #[test]
    fn json_arrives_as_text() {
        let request = received(
            "POST",
            "/f/contact",
            &[("content-type", "application/json; charset=utf-8")],
            b"{\"a\":1}",
        );
        assert!(matches!(request.body(), Body::Text(text) if text == "{\"a\":1}"));
    }

    #[test]
    fn the_visitors_address_can_be_given_and_the_header_does_not_arrive() {
        let request = received(
            "GET",
            "/f/contact",
            &[("x-local-client-ip", "203.0.113.9")],
            b"",
        );
        let context = request.request_context_ref();
        let Some(lambda_http::request::RequestContext::ApiGatewayV2(context)) = context else {
            panic!("{context:?}")
        };
        assert_eq!(context.http.source_ip.as_deref(), Some("203.0.113.9"));
        assert!(!request.headers().contains_key(CLIENT_IP));
    }

    #[test]
    fn cookies_and_repeated_headers_arrive_joined() {
        let request = received(
            "GET",
            "/f/contact",
            &[("cookie", "a=1; b=2"), ("x-many", "1"), ("x-many", "2")],
            b"",
        );
        assert_eq!(request.headers()["cookie"], "a=1; b=2");
        assert_eq!(request.headers()["x-many"], "1,2");
    }

    #[test]
    fn bytes_that_are_no_text_arrive_as_they_are() {
        let body = [0_u8, 159, 146, 150];
        for kind in ["text/plain", "application/octet-stream"] {
            let request = received("POST", "/f/contact", &[("content-type", kind)], &body);
            assert!(
                matches!(request.body(), Body::Binary(bytes) if bytes.as_slice() == body),
                "{kind}"
            );
        }
    }
}
