//! The sender against servers on loopback addresses, some of which stand for public ones.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

/// The loopback address that stands for the public internet in these tests; every other one stands for the inside.
const PUBLIC: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// Answers each look-up with the next of these answers, and the last one for ever.
#[derive(Clone, Debug)]
struct Answers {
    list: Arc<Vec<Vec<IpAddr>>>,
    asked: Arc<AtomicUsize>,
}

impl Answers {
    fn of(list: &[&[Ipv4Addr]]) -> Self {
        let list = list.iter();
        Self {
            list: Arc::new(
                list.map(|l| l.iter().copied().map(IpAddr::from).collect())
                    .collect(),
            ),
            asked: Arc::default(),
        }
    }
}

impl ResolveDns for Answers {
    fn resolve_dns<'a>(&'a self, _: &'a str) -> DnsFuture<'a> {
        let n = self.asked.fetch_add(1, Ordering::Relaxed);
        DnsFuture::ready(Ok(self.list[n.min(self.list.len() - 1)].clone()))
    }
}

/// A server that answers every connection with these bytes and keeps what it was sent.
struct Server {
    port: u16,
    got: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Server {
    async fn start(ip: Ipv4Addr, port: u16, answer: Vec<u8>) -> Self {
        let listener = TcpListener::bind((ip, port)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let got = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&got);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut bytes = vec![0; 16_384];
                let n = stream.read(&mut bytes).await.unwrap_or_default();
                bytes.truncate(n);
                kept.lock().unwrap().push(bytes);
                let _ = stream.write_all(&answer).await;
                let _ = stream.shutdown().await;
            }
        });
        Self { port, got }
    }

    fn got(&self) -> Vec<String> {
        let got = self.got.lock().unwrap();
        got.iter()
            .map(|b| String::from_utf8_lossy(b).into_owned())
            .collect()
    }
}

const FINE: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";

/// A sender for which 127.0.0.2 is the public internet, and plain http to this port is allowed so that a test needs no certificate.
fn sender(answers: &Answers, port: u16) -> Sender {
    Sender {
        connector: connector(Guarded {
            resolver: answers.clone(),
            permits: |ip| ip == IpAddr::from(PUBLIC),
        }),
        exceptions: vec![format!("http://hooks.example.net:{port}")],
    }
}

async fn post(sender: &Sender, url: &str) -> Result<Answer, SendError> {
    let headers = [("content-type", "application/json".to_owned())];
    sender
        .post(&Post {
            url,
            headers: &headers,
            body: b"{}",
            deadline: Duration::from_secs(5),
        })
        .await
}

#[tokio::test]
async fn it_connects_to_the_address_it_checked_and_names_the_host() {
    let server = Server::start(PUBLIC, 0, FINE.to_vec()).await;
    let answers = Answers::of(&[&[PUBLIC]]);
    let url = format!("http://hooks.example.net:{}/in", server.port);
    let answer = post(&sender(&answers, server.port), &url).await.unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b"ok"[..]));
    let got = server.got().remove(0).to_lowercase();
    assert!(got.starts_with("post /in http/1.1\r\n"), "{got}");
    let host = format!("\r\nhost: hooks.example.net:{}\r\n", server.port);
    assert!(got.contains(&host), "{got}");
    assert!(got.ends_with("\r\n\r\n{}"), "{got}");
}

#[tokio::test]
async fn frm_13_dns_that_changes_its_answer_reaches_nothing_inside() {
    let outside = Server::start(PUBLIC, 0, FINE.to_vec()).await;
    let inside = Server::start(Ipv4Addr::LOCALHOST, outside.port, FINE.to_vec()).await;
    // Public when it is looked up first, private ever after: a second look-up before connecting would go inside.
    let answers = Answers::of(&[&[PUBLIC], &[Ipv4Addr::LOCALHOST]]);
    let sender = sender(&answers, outside.port);
    let url = format!("http://hooks.example.net:{}/in", outside.port);
    assert_eq!(post(&sender, &url).await.unwrap().status, 200);
    assert_eq!(answers.asked.load(Ordering::Relaxed), 1);
    // The next message looks again, sees a private address, and connects nowhere.
    assert_eq!(post(&sender, &url).await, Err(SendError::NotPublic));
    assert_eq!((outside.got().len(), inside.got().len()), (1, 0));
}

#[tokio::test]
async fn frm_13_one_private_address_among_public_ones_is_enough_to_refuse() {
    let outside = Server::start(PUBLIC, 0, FINE.to_vec()).await;
    let inside = Server::start(Ipv4Addr::LOCALHOST, outside.port, FINE.to_vec()).await;
    let answers = Answers::of(&[&[PUBLIC, Ipv4Addr::LOCALHOST]]);
    let url = format!("http://hooks.example.net:{}/in", outside.port);
    assert_eq!(
        post(&sender(&answers, outside.port), &url).await,
        Err(SendError::NotPublic)
    );
    assert_eq!((outside.got().len(), inside.got().len()), (0, 0));
}

#[tokio::test]
async fn frm_13_the_connector_of_deployed_functions_goes_nowhere_inside() {
    for inside in [
        Ipv4Addr::LOCALHOST,
        PUBLIC,
        Ipv4Addr::new(169, 254, 169, 254),
        Ipv4Addr::new(10, 0, 0, 1),
    ] {
        let sender = Sender {
            connector: guarded(Answers::of(&[&[inside]])),
            exceptions: Vec::new(),
        };
        assert_eq!(
            post(&sender, "https://hooks.example.net/").await,
            Err(SendError::NotPublic),
            "{inside}"
        );
    }
}

#[tokio::test]
async fn frm_13_a_redirect_is_an_answer_and_nothing_is_followed() {
    let inside = Server::start(Ipv4Addr::LOCALHOST, 0, FINE.to_vec()).await;
    let to = format!(
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://127.0.0.1:{}/\r\nretry-after: 120\r\ncontent-length: 0\r\n\r\n",
        inside.port
    );
    let server = Server::start(PUBLIC, 0, to.into_bytes()).await;
    let url = format!("http://hooks.example.net:{}/in", server.port);
    let answer = post(&sender(&Answers::of(&[&[PUBLIC]]), server.port), &url)
        .await
        .unwrap();
    assert_eq!(
        (answer.status, answer.retry_after.as_deref()),
        (307, Some("120"))
    );
    assert_eq!(inside.got().len(), 0);
}

#[tokio::test]
async fn the_name_stands_in_the_tls_greeting() {
    let server = Server::start(PUBLIC, 0, b"not tls".to_vec()).await;
    let sender = sender(&Answers::of(&[&[PUBLIC]]), server.port);
    let url = format!("https://hooks.example.net:{}/in", server.port);
    assert_eq!(post(&sender, &url).await, Err(SendError::Lost));
    let got = server.got();
    assert!(got[0].contains("hooks.example.net"), "no SNI");
    assert!(!got[0].contains("POST"), "spoke in the clear");
}

#[tokio::test]
async fn at_most_64_kib_of_an_answer_are_read() {
    let mut endless = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n".to_vec();
    endless.resize(1 << 20, b'x');
    let server = Server::start(PUBLIC, 0, endless).await;
    let url = format!("http://hooks.example.net:{}/in", server.port);
    let answer = post(&sender(&Answers::of(&[&[PUBLIC]]), server.port), &url)
        .await
        .unwrap();
    assert_eq!(answer.body.len(), MAX_ANSWER);
}

#[tokio::test]
async fn a_server_that_never_answers_is_left_at_the_deadline() {
    // A listener that accepts nobody: the connection stands, and no answer comes.
    let listener = TcpListener::bind((PUBLIC, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let url = format!("http://hooks.example.net:{port}/in");
    let sender = sender(&Answers::of(&[&[PUBLIC]]), port);
    let answer = sender
        .post(&Post {
            url: &url,
            headers: &[],
            body: b"",
            deadline: Duration::from_millis(50),
        })
        .await;
    assert_eq!(answer, Err(SendError::TimedOut));
}
