//! A function's answer, as `lambda_http` wrote it for the HTTP API, back on the network.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// The API's own answers; `message` is all that they say.
pub fn plain(status: StatusCode, message: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(
        serde_json::json!({ "message": message }).to_string(),
    ));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
}

/// What the API says where a function failed or answered nonsense.
pub fn failed() -> Response<Body> {
    plain(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
}

/// The answer in format 2.0 as an HTTP response.
pub fn from_answer(answer: &Value) -> Response<Body> {
    read(answer).unwrap_or_else(failed)
}

fn read(answer: &Value) -> Option<Response<Body>> {
    let status = StatusCode::from_u16(u16::try_from(answer["statusCode"].as_u64()?).ok()?).ok()?;
    let body = match (
        &answer["body"],
        answer["isBase64Encoded"].as_bool().unwrap_or(false),
    ) {
        (Value::String(text), true) => STANDARD.decode(text).ok()?,
        (Value::String(text), false) => text.clone().into_bytes(),
        _ => Vec::new(),
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in answer["headers"].as_object().into_iter().flatten() {
        headers.append(
            HeaderName::from_bytes(name.as_bytes()).ok()?,
            HeaderValue::from_str(value.as_str()?).ok()?,
        );
    }
    for (name, values) in answer["multiValueHeaders"]
        .as_object()
        .into_iter()
        .flatten()
    {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        for value in values.as_array().into_iter().flatten() {
            headers.append(&name, HeaderValue::from_str(value.as_str()?).ok()?);
        }
    }
    for cookie in answer["cookies"].as_array().into_iter().flatten() {
        headers.append(
            header::SET_COOKIE,
            HeaderValue::from_str(cookie.as_str()?).ok()?,
        );
    }
    Some(response)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    async fn parts(answer: Value) -> (StatusCode, Vec<(String, String)>, Vec<u8>) {
        let (head, body) = from_answer(&answer).into_parts();
        let headers = head
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        (
            head.status,
            headers,
            axum::body::to_bytes(body, 10_000).await.unwrap().to_vec(),
        )
    }

    #[tokio::test]
    async fn status_headers_cookies_and_bytes_come_through() {
        let answer = json!({
            "statusCode": 303,
            "headers": {"location": "/thanks"},
            "multiValueHeaders": {"vary": ["Origin", "Accept"]},
            "cookies": ["a=1", "b=2"],
            "body": "AAEC",
            "isBase64Encoded": true,
        });
        let (status, headers, body) = parts(answer).await;
        assert_eq!(status, 303);
        let expected = [
            ("location", "/thanks"),
            ("vary", "Origin"),
            ("vary", "Accept"),
            ("set-cookie", "a=1"),
            ("set-cookie", "b=2"),
        ];
        assert_eq!(
            headers,
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
        assert_eq!(body, [0, 1, 2]);
    }

    #[tokio::test]
    async fn an_answer_that_is_none_is_an_internal_error_without_details() {
        for answer in [
            json!(null),
            json!({"body": "x"}),
            json!({"statusCode": 200, "headers": {"a b": "c"}}),
        ] {
            let (status, _, body) = parts(answer).await;
            assert_eq!(status, 500);
            assert_eq!(body, br#"{"message":"Internal Server Error"}"#);
        }
    }
}
