//! The stand-in from outside: through AWS's own client at its wire, and through the local routes as a browser or a script calls them.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use aws_credential_types::Credentials;
use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::config::retry::RetryConfig;
use aws_sdk_sesv2::config::{BehaviorVersion, Region};
use aws_sdk_sesv2::error::SdkError;
use aws_sdk_sesv2::operation::send_email::SendEmailError;
use aws_sdk_sesv2::types::{
    Body, Content, Destination, EmailContent, Message, MessageHeader, MessageTag,
};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::*;

const NOON: i64 = 1_772_366_400_000;

/// The stand-in, served on a loopback port, with a sink that remembers and can be told to fail.
struct Stand {
    ses: Ses,
    client: Client,
    local: std::net::SocketAddr,
    events: Arc<Mutex<Vec<Value>>>,
    broken: Arc<AtomicBool>,
    clock: Arc<AtomicI64>,
    servers: [JoinHandle<()>; 2],
}

impl Drop for Stand {
    fn drop(&mut self) {
        self.servers.iter().for_each(JoinHandle::abort);
    }
}

impl Stand {
    async fn new() -> Self {
        Self::on(None).await
    }

    async fn on(path: Option<PathBuf>) -> Self {
        let events: Arc<Mutex<Vec<Value>>> = Arc::default();
        let broken: Arc<AtomicBool> = Arc::default();
        let clock = Arc::new(AtomicI64::new(NOON));
        let sink: EventSink = {
            let (events, broken) = (Arc::clone(&events), Arc::clone(&broken));
            Arc::new(move |event| {
                let (events, broken) = (Arc::clone(&events), Arc::clone(&broken));
                Box::pin(async move {
                    anyhow::ensure!(!broken.load(Ordering::SeqCst), "the queue is down");
                    events.lock().unwrap().push(event);
                    Ok(())
                })
            })
        };
        let now: Now = {
            let clock = Arc::clone(&clock);
            Arc::new(move || clock.load(Ordering::SeqCst))
        };
        let account = Account {
            verified: vec!["example.com".to_owned()],
            configuration_sets: vec!["lodestone".to_owned()],
        };
        let ses = Ses::open(path.as_deref(), now, account, sink).unwrap();

        let wire = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", wire.local_addr().unwrap());
        let wire_server = {
            let ses = ses.clone();
            tokio::spawn(async move {
                let _ = ses.serve_wire(wire).await;
            })
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let local = listener.local_addr().unwrap();
        let router = ses.local_router();
        let local_server = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Self {
            ses,
            client: client(&endpoint),
            local,
            events,
            broken,
            clock,
            servers: [wire_server, local_server],
        }
    }

    async fn send_to(&self, to: &str) -> Result<String, SdkError<SendEmailError>> {
        let text = |data: &str| {
            Content::builder()
                .data(data)
                .charset("UTF-8")
                .build()
                .unwrap()
        };
        let tag = |name: &str, value: &str| {
            MessageTag::builder()
                .name(name)
                .value(value)
                .build()
                .unwrap()
        };
        let body = Body::builder()
            .text(text("Grüße: https://example.com/d/token"))
            .html(text(
                "<p>Grüße: <a href=\"https://example.com/d/token?a=1&amp;b=2\">Download</a></p>",
            ))
            .build();
        let header = MessageHeader::builder()
            .name("List-Unsubscribe")
            .value("<https://example.com/u/token>")
            .build()
            .unwrap();
        let message = Message::builder()
            .subject(text("Ihr Leitfaden für Größeres"))
            .body(body)
            .headers(header)
            .build();
        let sent = self
            .client
            .send_email()
            .from_email_address("Lodestone <hello@example.com>")
            .destination(Destination::builder().to_addresses(to).build())
            .content(EmailContent::builder().simple(message).build())
            .email_tags(tag("obx", "lead_item"))
            .email_tags(tag("att", "1"))
            .configuration_set_name("lodestone")
            .send()
            .await?;
        Ok(sent.message_id.unwrap_or_default())
    }

    async fn send(&self) -> Result<String, SdkError<SendEmailError>> {
        self.send_to("ada@example.org").await
    }

    /// One request to the local routes: status, headers, body.
    async fn local(
        &self,
        method: &str,
        path: &str,
        headers: &str,
        body: &str,
    ) -> (u16, String, String) {
        let mut stream = TcpStream::connect(self.local).await.unwrap();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n{body}",
            self.local,
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head.to_ascii_lowercase(), body.to_owned())
    }

    async fn get(&self, path: &str) -> Value {
        let (status, _, body) = self.local("GET", path, "", "").await;
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        let kind = "Content-Type: application/json\r\n";
        let (status, _, body) = self.local("POST", path, kind, &body.to_string()).await;
        (status, serde_json::from_str(&body).unwrap())
    }

    fn event_types(&self) -> Vec<String> {
        let events = self.events.lock().unwrap();
        events
            .iter()
            .map(|event| event["eventType"].as_str().unwrap().to_owned())
            .collect()
    }
}

fn client(endpoint: &str) -> Client {
    let config = aws_sdk_sesv2::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("local", "secret", None, None, "test"))
        .endpoint_url(endpoint)
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .retry_config(RetryConfig::disabled())
        .build();
    Client::from_conf(config)
}

#[tokio::test]
async fn a_mail_is_kept_with_every_field_and_its_links() {
    let stand = Stand::new().await;
    let id = stand.send().await.unwrap();
    let mails = stand.get("/local/mail").await;
    assert_eq!(mails.as_array().unwrap().len(), 1);
    let mail = &mails[0];
    assert_eq!(mail["id"], json!(id));
    assert_eq!(mail["at"], "2026-03-01T12:00:00.000Z");
    assert_eq!(mail["from"], "Lodestone <hello@example.com>");
    assert_eq!(mail["to"], json!(["ada@example.org"]));
    assert_eq!(mail["subject"], "Ihr Leitfaden für Größeres");
    assert_eq!(mail["text"], "Grüße: https://example.com/d/token");
    assert_eq!(
        mail["headers"]["List-Unsubscribe"],
        "<https://example.com/u/token>"
    );
    assert_eq!(mail["tags"], json!({"obx": "lead_item", "att": "1"}));
    assert_eq!(
        mail["links"],
        json!([
            "https://example.com/d/token?a=1&b=2",
            "https://example.com/d/token"
        ])
    );
    assert_eq!(&stand.get(&format!("/local/mail/{id}")).await, mail);
    let (_, _, source) = stand
        .local("GET", &format!("/local/mail/{id}/raw"), "", "")
        .await;
    assert!(source.contains("Subject: =?utf-8?"), "{source}");
    assert_eq!(stand.ses.mails().unwrap().len(), 1);
}

#[tokio::test]
async fn send_and_delivery_go_out_once_and_only_when_called_for() {
    let stand = Stand::new().await;
    let id = stand.send().await.unwrap();
    assert_eq!(stand.event_types(), Vec::<String>::new());
    assert_eq!(stand.ses.waiting_events().unwrap(), 2);
    assert_eq!(stand.ses.hand_out_events().await, 2);
    assert_eq!(stand.ses.hand_out_events().await, 0);
    assert_eq!(stand.event_types(), ["Send", "Delivery"]);
    let events = stand.events.lock().unwrap();
    assert_eq!(events[0]["mail"]["messageId"], json!(id));
    assert_eq!(events[1]["mail"]["tags"]["obx"], json!(["lead_item"]));
    assert_eq!(
        events[1]["delivery"]["recipients"],
        json!(["ada@example.org"])
    );
}

#[tokio::test]
async fn an_event_that_the_sink_did_not_take_waits_in_its_place() {
    let stand = Stand::new().await;
    stand.send().await.unwrap();
    stand.broken.store(true, Ordering::SeqCst);
    assert_eq!(stand.ses.hand_out_events().await, 0);
    stand.broken.store(false, Ordering::SeqCst);
    assert_eq!(stand.ses.hand_out_events().await, 2);
    assert_eq!(stand.event_types(), ["Send", "Delivery"]);
}

#[tokio::test]
async fn two_that_hand_out_at_once_do_not_hand_out_the_same_event() {
    let stand = Stand::new().await;
    for _ in 0..5 {
        stand.send().await.unwrap();
    }
    let (one, other) = tokio::join!(stand.ses.hand_out_events(), stand.ses.hand_out_events());
    assert_eq!(one + other, 10);
    assert_eq!(stand.event_types().len(), 10);
}

#[tokio::test]
async fn mails_and_events_not_handed_out_are_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data/mail.sqlite");
    let id = {
        let stand = Stand::on(Some(path.clone())).await;
        stand.send().await.unwrap()
    };
    let stand = Stand::on(Some(path)).await;
    assert_eq!(stand.ses.mails().unwrap()[0].id, id);
    assert_eq!(stand.ses.hand_out_events().await, 2);
    assert_ne!(stand.send().await.unwrap(), id);
}

#[tokio::test]
async fn refusals_arrive_as_the_modelled_errors_of_the_client() {
    let stand = Stand::new().await;
    let error = stand.send_to("jörg@example.org").await.unwrap_err();
    assert!(
        matches!(
            error.as_service_error(),
            Some(SendEmailError::BadRequestException(_))
        ),
        "{error:?}"
    );
    for (fault, holds) in [
        (
            json!({"kind": "throttle"}),
            (|error| matches!(error, SendEmailError::TooManyRequestsException(_)))
                as fn(&SendEmailError) -> bool,
        ),
        (json!({"kind": "refuse"}), |error| {
            matches!(error, SendEmailError::MessageRejected(_))
        }),
        (
            json!({"kind": "refuse", "error": "MailFromDomainNotVerifiedException"}),
            |error| matches!(error, SendEmailError::MailFromDomainNotVerifiedException(_)),
        ),
        (
            json!({"kind": "refuse", "error": "SendingPausedException"}),
            |error| matches!(error, SendEmailError::SendingPausedException(_)),
        ),
    ] {
        assert_eq!(stand.post("/local/ses/fault", fault.clone()).await.0, 200);
        let error = stand.send().await.unwrap_err();
        let modelled = error.as_service_error().unwrap();
        assert!(holds(modelled), "{fault}: {modelled:?}");
    }
    assert!(stand.ses.mails().unwrap().is_empty());
    assert!(stand.send().await.is_ok(), "the faults are used up");
}

#[tokio::test]
async fn a_server_error_is_not_a_modelled_refusal() {
    let stand = Stand::new().await;
    stand
        .post("/local/ses/fault", json!({"kind": "error500"}))
        .await;
    let error = stand.send().await.unwrap_err();
    assert_eq!(error.raw_response().unwrap().status().as_u16(), 500);
    assert!(stand.ses.mails().unwrap().is_empty());
}

#[tokio::test]
async fn a_timeout_ends_without_an_answer_and_without_a_mail() {
    let stand = Stand::new().await;
    // A first send leaves a pooled connection behind: the lost answer must not be retried on a fresh one.
    stand.send().await.unwrap();
    stand
        .post("/local/ses/fault", json!({"kind": "timeout"}))
        .await;
    let error = stand.send().await.unwrap_err();
    assert!(error.raw_response().is_none(), "{error:?}");
    assert_eq!(stand.ses.mails().unwrap().len(), 1);
}

#[tokio::test]
async fn a_lost_reply_is_a_mail_with_its_events_and_no_answer() {
    let stand = Stand::new().await;
    stand.send().await.unwrap();
    stand
        .post(
            "/local/ses/fault",
            json!({"kind": "lose_reply", "count": 1}),
        )
        .await;
    let error = stand.send().await.unwrap_err();
    assert!(error.raw_response().is_none(), "{error:?}");
    assert_eq!(stand.ses.mails().unwrap().len(), 2);
    assert_eq!(stand.ses.hand_out_events().await, 4);
    assert!(stand.send().await.is_ok());
}

#[tokio::test]
async fn a_silent_send_is_accepted_and_nothing_follows() {
    let stand = Stand::new().await;
    stand
        .post("/local/ses/fault", json!({"kind": "silent"}))
        .await;
    stand.send().await.unwrap();
    assert_eq!(stand.ses.mails().unwrap().len(), 1);
    assert_eq!(stand.ses.hand_out_events().await, 0);
}

#[tokio::test]
async fn events_can_be_played_about_a_mail_and_about_no_other() {
    let stand = Stand::new().await;
    let id = stand.send().await.unwrap();
    stand.ses.hand_out_events().await;
    stand.clock.fetch_add(60_000, Ordering::SeqCst);
    for event in ["bounce", "complaint", "delivery", "bounce_transient"] {
        let (status, _) = stand
            .post("/local/ses", json!({"event": event, "mail": id}))
            .await;
        assert_eq!(status, 200, "{event}");
    }
    assert_eq!(stand.ses.hand_out_events().await, 4);
    let events = stand.events.lock().unwrap().split_off(2);
    assert_eq!(events[0]["bounce"]["bounceType"], "Permanent");
    assert_eq!(events[0]["bounce"]["timestamp"], "2026-03-01T12:01:00.000Z");
    assert_eq!(events[1]["complaint"]["complaintFeedbackType"], "abuse");
    assert_eq!(events[3]["bounce"]["bounceType"], "Transient");
    assert_ne!(
        events[0]["bounce"]["feedbackId"],
        events[3]["bounce"]["feedbackId"]
    );

    let nobody = json!({"event": "bounce", "mail": "none"});
    assert_eq!(stand.post("/local/ses", nobody).await.0, 404);
    let nothing = json!({"event": "explode", "mail": id});
    assert_eq!(stand.post("/local/ses", nothing).await.0, 400);
}

#[tokio::test]
async fn simulator_addresses_bounce_by_themselves() {
    let stand = Stand::new().await;
    stand
        .send_to("bounce+x@simulator.amazonses.com")
        .await
        .unwrap();
    stand.ses.hand_out_events().await;
    assert_eq!(stand.event_types(), ["Send", "Bounce"]);
}

#[tokio::test]
async fn an_unsigned_request_is_refused() {
    let stand = Stand::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let router = stand.ses.wire_router();
    let server = tokio::spawn(async move { wire::serve(listener, router).await });
    let mut stream = TcpStream::connect(addr).await.unwrap();
    let request = "POST /v2/email/outbound-emails HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    assert!(answer.contains("x-amzn-errortype: MissingAuthenticationToken"));
    server.abort();
}

#[tokio::test]
async fn a_browser_sees_pages_and_the_mail_in_a_sandbox() {
    let stand = Stand::new().await;
    let id = stand.send().await.unwrap();
    let accept = "Accept: text/html\r\n";
    let (_, head, inbox) = stand.local("GET", "/local/mail", accept, "").await;
    assert!(head.contains("content-security-policy: default-src 'none'"));
    assert!(inbox.contains(&id));
    let (_, _, page) = stand
        .local("GET", &format!("/local/mail/{id}"), accept, "")
        .await;
    assert!(page.contains("sandbox=\"allow-popups"));
    assert!(page.contains("Accepted for sending"));
    let (_, head, html) = stand
        .local("GET", &format!("/local/mail/{id}/html"), "", "")
        .await;
    assert!(head.contains("content-security-policy: sandbox"));
    assert!(html.contains("Grüße"));

    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let body = format!("event=bounce&mail={id}");
    let (status, head, _) = stand.local("POST", "/local/ses", form, &body).await;
    assert_eq!(status, 303);
    assert!(head.contains(&format!("location: /local/mail/{id}?played=bounce")));
    let elsewhere = format!("{form}Sec-Fetch-Site: cross-site\r\n");
    assert_eq!(
        stand.local("POST", "/local/ses", &elsewhere, &body).await.0,
        403
    );
}

#[tokio::test]
async fn the_sink_keeps_what_it_was_sent_and_answers_as_told() {
    let stand = Stand::new().await;
    let json_kind = "Content-Type: application/json\r\nWebhook-Id: w1\r\n";
    let exact = "{ \"a\" :1}";
    assert_eq!(
        stand
            .local("POST", "/local/sink/crm", json_kind, exact)
            .await
            .0,
        200
    );
    assert_eq!(
        stand
            .local("POST", "/local/sink/crm?status=503", "", "")
            .await
            .0,
        503
    );
    let mode = json!({"name": "crm", "status": 429, "count": 1, "headers": {"Retry-After": "60"}});
    assert_eq!(stand.post("/local/sink-mode", mode).await.0, 200);
    let (status, head, _) = stand.local("POST", "/local/sink/crm", "", "").await;
    assert_eq!(status, 429);
    assert!(head.contains("retry-after: 60"));
    assert_eq!(stand.local("POST", "/local/sink/crm", "", "").await.0, 200);

    let hooks = stand.get("/local/hooks").await;
    assert_eq!(hooks.as_array().unwrap().len(), 4);
    assert_eq!(hooks[0]["name"], "crm");
    assert_eq!(hooks[0]["at"], "2026-03-01T12:00:00.000Z");
    assert_eq!(hooks[0]["headers"]["webhook-id"], "w1");
    assert_eq!(hooks[0]["body"], exact);
    assert_eq!(hooks[1]["status"], 503);
    assert_eq!(
        stand
            .post("/local/sink-mode", json!({"name": "x", "status": 7}))
            .await
            .0,
        400
    );
}

#[tokio::test]
async fn the_inbox_can_be_narrowed_to_one_recipient() {
    let stand = Stand::new().await;
    stand.send_to("ada@example.org").await.unwrap();
    stand.send_to("bo@example.org").await.unwrap();
    let mails = stand.get("/local/mail?to=Bo@example.org").await;
    assert_eq!(mails.as_array().unwrap().len(), 1);
    assert_eq!(mails[0]["to"], json!(["bo@example.org"]));
}
