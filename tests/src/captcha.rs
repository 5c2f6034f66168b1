//! A stand-in of the captcha services, on a port of its own. What it says of a token is the token's own name, so that a test reads like a
//! table. It answers all three services; which one was meant is the first part of the path it is asked at.
//!
//! | token begins with | answer |
//! | --- | --- |
//! | `good` | success, for the right host and action |
//! | `used` | refused: the token came before |
//! | `elsewhere` | success, for a token made on another host |
//! | `login` | success, for another action |
//! | `low` | success, with a low score |
//! | `secret` | refused: our secret is wrong |
//! | `broken` | status 500 |
//! | `garbage` | 200, and a page that is no answer |
//! | `hiccup` | status 500 at first, success the second time |
//! | `late` | nothing at first, success the second time |
//! | `never` | nothing, ever |

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use shared::runtime::connector;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The host on which the tokens of the stand-in are made.
pub const HOST: &str = "www.shop.example";
/// The action they are made for.
pub const ACTION: &str = "lead";

/// One question to the stand-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The service's host and path.
    pub url: String,
    /// The fields of the body, in their order.
    pub fields: Vec<(String, String)>,
}

impl Asked {
    /// The value of a field; empty where there is none.
    pub fn field(&self, name: &str) -> &str {
        let found = self.fields.iter().find(|(n, _)| n == name);
        found.map_or("", |(_, value)| value.as_str())
    }
}

type Log = Arc<Mutex<Vec<Asked>>>;

/// The stand-in. It ends when it is dropped.
#[derive(Debug)]
pub struct Captcha {
    url: String,
    asked: Log,
    server: JoinHandle<()>,
}

impl Drop for Captcha {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Captcha {
    /// Starts it on a free port.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let asked = Log::default();
        let log = Arc::clone(&asked);
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let log = Arc::clone(&log);
                tokio::spawn(async move {
                    // A caller that hangs up has stopped waiting: nothing to tell.
                    let _ = converse(stream, &log).await;
                });
            }
        });
        Ok(Self { url, asked, server })
    }

    /// A connector that leads what goes out by https to the stand-in, and everything else where it was going.
    pub fn connector(&self) -> SharedHttpConnector {
        SharedHttpConnector::new(Led {
            to: self.url.clone(),
            inner: connector(),
        })
    }

    /// What it was asked, in order.
    pub fn asked(&self) -> Vec<Asked> {
        let asked = self.asked.lock();
        asked.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[derive(Debug)]
struct Led {
    to: String,
    inner: SharedHttpConnector,
}

impl HttpConnector for Led {
    fn call(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let led = request.uri().strip_prefix("https://");
        if let Some(led) = led.map(|rest| format!("{}/{rest}", self.to))
            && let Err(error) = request.set_uri(led)
        {
            unreachable!("a URL of a service is one here, too: {error}");
        }
        self.inner.call(request)
    }
}

async fn converse(stream: TcpStream, log: &Log) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let (mut url, mut length, mut line) = (String::new(), 0, String::new());
        while stream.read_line(&mut line).await? > 2 {
            if let Some(rest) = line.strip_prefix("POST /") {
                rest.split(' ')
                    .next()
                    .unwrap_or_default()
                    .clone_into(&mut url);
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().unwrap_or(0);
            }
            line.clear();
        }
        if url.is_empty() {
            return Ok(());
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await?;
        let fields = form_urlencoded::parse(&body).into_owned().collect();
        let asked = Asked { url, fields };
        let token = asked.field("response").to_owned();
        let before = {
            let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
            let before = log.iter().any(|a| a.field("response") == token);
            log.push(asked);
            before
        };
        let Some((status, body)) = said(&token, before) else {
            // Until the caller hangs up.
            stream.read_to_end(&mut Vec::new()).await?;
            return Ok(());
        };
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {status} So\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        stream.get_mut().write_all(answer.as_bytes()).await?;
    }
}

/// What is said of a token: status and body, or nothing at all.
fn said(token: &str, asked_before: bool) -> Option<(u16, String)> {
    let success = |host: &str, action: &str, score: &str| {
        let said = format!(
            r#"{{"success":true,"hostname":"{host}","action":"{action}","score":{score},"error-codes":[]}}"#
        );
        Some((200, said))
    };
    let refusal = |code: &str| {
        let said = format!(r#"{{"success":false,"error-codes":["{code}"]}}"#);
        Some((200, said))
    };
    let word = token.split('-').next().unwrap_or_default();
    match (word, asked_before) {
        ("good", _) | ("hiccup" | "late", true) => success(HOST, ACTION, "0.9"),
        ("elsewhere", _) => success("evil.example", ACTION, "0.9"),
        ("login", _) => success(HOST, "login", "0.9"),
        ("low", _) => success(HOST, ACTION, "0.1"),
        ("used", _) => refusal("timeout-or-duplicate"),
        ("secret", _) => refusal("invalid-input-secret"),
        ("broken", _) | ("hiccup", false) => Some((500, String::from("{}"))),
        ("garbage", _) => Some((200, String::from("<!doctype html><p>Just a moment..."))),
        ("late", false) | ("never", _) => None,
        _ => refusal("invalid-input-response"),
    }
}
