//! Presigned downloads, from outside: over a socket, with links signed by AWS's own signer.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign,
};
use aws_sigv4::sign::v4;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;

const OVERRIDES: &str = "response-content-disposition=attachment%3B%20filename%3D%22guide.pdf%22&response-content-type=application%2Fpdf";

struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(given, _)| given.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }
}

async fn ask(storage: &Storage, method: &str, target: &str, extra: &str) -> Answer {
    let mut stream = TcpStream::connect(storage.addr).await.unwrap();
    let request = format!(
        "{method} {target} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{extra}\r\n",
        storage.addr
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    let split = bytes.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(bytes[..split].to_vec()).unwrap();
    Answer {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        body: bytes[split + 4..].to_vec(),
        head,
    }
}

/// The path and query of a presigned GET. `age` backdates the signature.
fn presigned(storage: &Storage, path: &str, secret: &str, age: Duration) -> String {
    let identity = Credentials::new("local", secret, None, None, "test").into();
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(Duration::from_mins(5));
    let params = v4::SigningParams::builder()
        .identity(&identity)
        .region("eu-central-1")
        .name("s3")
        .time(now() - age)
        .settings(settings)
        .build()
        .unwrap()
        .into();
    let url = format!("{}{path}", storage.endpoint());
    let request = SignableRequest::new(
        "GET",
        &url,
        std::iter::empty(),
        SignableBody::UnsignedPayload,
    )
    .unwrap();
    let (instructions, _) = sign(request, &params).unwrap().into_parts();
    let mut signed = http::Request::get(&url).body(()).unwrap();
    instructions.apply_to_request_http1x(&mut signed);
    signed.uri().path_and_query().unwrap().to_string()
}

#[expect(
    clippy::disallowed_methods,
    reason = "storage checks signatures by real time, so they are made by real time"
)]
fn now() -> SystemTime {
    SystemTime::now()
}

async fn with_guide() -> (tempfile::TempDir, Storage, String) {
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::start(&folder.path().join("s3"), "local", "secret")
        .await
        .unwrap();
    storage
        .put("magnets", "magnets/guide.pdf", b"%PDF-1.7 the guide")
        .unwrap();
    let path = format!("/magnets/magnets/guide.pdf?{OVERRIDES}");
    (folder, storage, path)
}

#[tokio::test]
async fn a_presigned_link_downloads_under_the_name_it_asks_for() {
    let (_folder, storage, path) = with_guide().await;
    let link = presigned(&storage, &path, "secret", Duration::ZERO);
    let answer = ask(&storage, "GET", &link, "").await;
    assert_eq!(answer.status, 200, "{}", answer.head);
    assert_eq!(answer.body, b"%PDF-1.7 the guide");
    assert_eq!(
        answer.header("content-disposition"),
        Some("attachment; filename=\"guide.pdf\"")
    );
    assert_eq!(answer.header("content-type"), Some("application/pdf"));
}

#[tokio::test]
async fn a_range_of_it_can_be_asked_for() {
    let (_folder, storage, path) = with_guide().await;
    let link = presigned(&storage, &path, "secret", Duration::ZERO);
    let answer = ask(&storage, "GET", &link, "Range: bytes=0-3\r\n").await;
    assert_eq!((answer.status, answer.body.as_slice()), (206, &b"%PDF"[..]));
}

#[tokio::test]
async fn every_link_that_was_not_signed_just_so_is_refused() {
    let (_folder, storage, path) = with_guide().await;
    let good = presigned(&storage, &path, "secret", Duration::ZERO);
    let expired = presigned(&storage, &path, "secret", Duration::from_secs(301));
    let wrong_key = presigned(&storage, &path, "other", Duration::ZERO);
    storage
        .put("magnets", "magnets/other.pdf", b"secret")
        .unwrap();
    for (what, link) in [
        ("unsigned", path.clone()),
        ("expired", expired),
        ("signed with another key", wrong_key),
        (
            "stretched",
            good.replace("X-Amz-Expires=300", "X-Amz-Expires=3000"),
        ),
        (
            "for another object",
            good.replace("guide.pdf?", "other.pdf?"),
        ),
        (
            "under another name",
            good.replace("guide.pdf%22", "virus.exe%22"),
        ),
    ] {
        assert_ne!(link, good, "{what} changed nothing");
        let answer = ask(&storage, "GET", &link, "").await;
        assert_eq!(answer.status, 403, "{what}: {}", answer.head);
    }
    assert_eq!(
        ask(&storage, "PUT", &good, "Content-Length: 0\r\n")
            .await
            .status,
        403
    );
    assert_eq!(ask(&storage, "GET", &good, "").await.status, 200);
}

#[tokio::test]
async fn a_missing_object_is_not_found() {
    let (_folder, storage, _) = with_guide().await;
    let link = presigned(
        &storage,
        "/magnets/magnets/none.pdf",
        "secret",
        Duration::ZERO,
    );
    assert_eq!(ask(&storage, "GET", &link, "").await.status, 404);
}

#[tokio::test]
async fn a_mirrored_folder_drops_what_is_gone() {
    let (folder, storage, _) = with_guide().await;
    let source = folder.path().join("site");
    std::fs::create_dir_all(source.join("de")).unwrap();
    std::fs::write(source.join("a.pdf"), "a").unwrap();
    std::fs::write(source.join("de/b.pdf"), "b").unwrap();
    std::fs::write(source.join(".hidden"), "x").unwrap();
    assert_eq!(storage.mirror("magnets", "magnets", &source).unwrap(), 2);

    let get = async |path: &str| {
        let link = presigned(&storage, path, "secret", Duration::ZERO);
        ask(&storage, "GET", &link, "").await.status
    };
    assert_eq!(get("/magnets/magnets/de/b.pdf").await, 200);
    assert_eq!(get("/magnets/magnets/guide.pdf").await, 404);
    let nowhere = folder.path().join("none");
    assert_eq!(storage.mirror("magnets", "magnets", &nowhere).unwrap(), 0);
}

#[tokio::test]
async fn a_key_cannot_leave_its_folder() {
    let (_folder, storage, _) = with_guide().await;
    for (bucket, key) in [
        ("magnets", "../x"),
        ("..", "x"),
        ("magnets", "a//b"),
        ("", "x"),
    ] {
        assert!(storage.put(bucket, key, b"").is_err(), "{bucket}/{key}");
    }
}
