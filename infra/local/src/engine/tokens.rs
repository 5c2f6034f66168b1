//! Leaves out request tokens on their way to the engine.
//!
//! The SDK makes up a token for every transaction, which only its own retry would repeat. The engine remembers each for ten minutes and
//! walks through all of them for each transaction, so that a busy quarter of an hour slows it down to a crawl. A live run loses no
//! replies on loopback, and nothing in this project relies on tokens: the identity of a write is in its conditions. Runs that
//! inject faults keep the tokens, because there the SDK does retry.

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;

/// A connector that sends transactions without their token.
#[derive(Debug)]
pub struct WithoutTokens(SharedHttpConnector);

impl WithoutTokens {
    /// Sends through `connector`.
    pub fn over(connector: SharedHttpConnector) -> SharedHttpConnector {
        SharedHttpConnector::new(Self(connector))
    }
}

/// Where the token stands: the SDK writes it last.
const TOKEN: &str = ",\"ClientRequestToken\":\"";

impl HttpConnector for WithoutTokens {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let is_transaction = request
            .headers()
            .get("x-amz-target")
            .is_some_and(|target| target == "DynamoDB_20120810.TransactWriteItems");
        if is_transaction && let Some(body) = request.body().bytes().and_then(without_token) {
            request
                .headers_mut()
                .insert("content-length", body.len().to_string());
            *request.body_mut() = SdkBody::from(body);
        }
        self.0.call(request)
    }
}

/// The body without its last member, if that is a token.
fn without_token(body: &[u8]) -> Option<String> {
    let body = std::str::from_utf8(body).ok()?;
    let (rest, token) = body.strip_suffix("\"}")?.rsplit_once(TOKEN)?;
    let is_token = token
        .bytes()
        .all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    is_token.then(|| format!("{rest}}}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_token_at_the_end_is_left_out() {
        let cut = |body: &str| without_token(body.as_bytes());
        assert_eq!(
            cut(r#"{"TransactItems":[],"ClientRequestToken":"1a2b-3c"}"#).as_deref(),
            Some(r#"{"TransactItems":[]}"#)
        );
        for body in [
            r#"{"TransactItems":[]}"#,
            r#"{"ClientRequestToken":"1a2b","TransactItems":[]}"#,
            r#"{"TransactItems":[{"Put":{"Item":{"a":{"S":"x"},"ClientRequestToken":{"S":"1a"}}}}]}"#,
            r#"{"TransactItems":[],"ClientRequestToken":"not a token"}"#,
        ] {
            assert_eq!(cut(body), None, "{body}");
        }
    }

    /// Answers nothing and keeps what it was asked.
    #[derive(Debug)]
    struct Kept(std::sync::Mutex<Vec<(String, Option<String>)>>);

    impl HttpConnector for Kept {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            let body = String::from_utf8(request.body().bytes().unwrap().to_vec()).unwrap();
            let length = request.headers().get("content-length").map(str::to_owned);
            self.0.lock().unwrap().push((body, length));
            HttpConnectorFuture::ready(Err(
                aws_smithy_runtime_api::client::result::ConnectorError::user("kept".into()),
            ))
        }
    }

    #[derive(Debug)]
    struct Shared(std::sync::Arc<Kept>);

    impl HttpConnector for Shared {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            self.0.call(request)
        }
    }

    #[tokio::test]
    async fn the_length_fits_what_is_sent_and_other_calls_stay_as_they_are() {
        let kept = std::sync::Arc::new(Kept(std::sync::Mutex::new(Vec::new())));
        let connector = WithoutTokens::over(SharedHttpConnector::new(Shared(kept.clone())));
        for target in ["TransactWriteItems", "ExecuteTransaction"] {
            let mut request =
                HttpRequest::new(SdkBody::from(r#"{"a":1,"ClientRequestToken":"ab"}"#));
            request
                .headers_mut()
                .insert("x-amz-target", format!("DynamoDB_20120810.{target}"));
            let _ = connector.call(request).await;
        }
        let seen = kept.0.lock().unwrap();
        assert_eq!(seen[0], (r#"{"a":1}"#.to_owned(), Some("7".to_owned())));
        assert_eq!(seen[1].0, r#"{"a":1,"ClientRequestToken":"ab"}"#);
    }
}
