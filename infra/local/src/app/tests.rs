//! The whole of it, driven step by step, with the site and the template that are deployed.

use std::path::{Path, PathBuf};

use axum::body::Body;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use serde_json::{Value, json};

use super::*;
use crate::pump::chaos::Chaos;

const NOON: i64 = 1_772_366_400_000;

fn of_project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn options() -> Options {
    let clock = Clock::from_fn(|| Timestamp(NOON));
    Options::step(1, clock, of_project("site"), of_project("template.yaml"))
}

/// Answers a request as the server would, without the network.
async fn ask(app: &App, request: Request) -> (StatusCode, Value) {
    let response = app.gateway().answer("203.0.113.1", request).await;
    let status = response.status();
    let body = axum::body::to_bytes(response.into_body(), 1_000_000)
        .await
        .unwrap();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

fn post(email: &str) -> Request {
    let body = format!("email={email}&first_name=Ada&last_name=Byron&company=Analytical");
    Request::post("/f/guide")
        .header(header::HOST, "localhost")
        .header(header::ACCEPT, "application/json")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(body))
        .unwrap()
}

#[tokio::test]
async fn a_submission_becomes_a_lead_and_a_mail_once_everything_has_settled() {
    let app = App::start(options()).await.unwrap();
    let (status, answer) = ask(&app, post("ada@example.com")).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert!(
        app.ses().mails().unwrap().is_empty(),
        "nothing moves by itself"
    );
    let totals = app.settle().await.unwrap();
    assert_eq!(totals.leads, 1);
    let mails = app.ses().mails().unwrap();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].to, ["ada@example.com"]);
    let lead = app
        .core()
        .query()
        .by_email("Ada@example.com")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(lead["lead"]["email"], "ada@example.com");
    let kinds: Vec<&str> = lead["touchpoints"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|fact| fact["kind"].as_str())
        .collect();
    assert!(
        kinds.contains(&"form_submitted") && kinds.contains(&"delivered"),
        "{kinds:?}"
    );
    assert_eq!(
        app.core()
            .query()
            .by_email("nobody@example.com")
            .await
            .unwrap(),
        None
    );
    let again = app.settle().await.unwrap();
    assert_eq!(
        (again.leads, again.touchpoints),
        (totals.leads, totals.touchpoints)
    );
    app.stop().await;
}

#[tokio::test]
async fn unreliable_deliveries_leave_the_same_leads_behind() {
    let run = |chaos: Chaos| async move {
        let app = App::start(Options { chaos, ..options() }).await.unwrap();
        for name in ["ada", "bob", "cyd", "dan", "eve"] {
            ask(&app, post(&format!("{name}@example.com"))).await;
        }
        app.settle().await.unwrap();
        let mails = app.ses().mails().unwrap().len();
        let mut leads = app.core().query().leads().await.unwrap();
        leads.sort_by_key(|lead| lead["email"].to_string());
        let scores: Vec<Value> = leads
            .iter()
            .map(|lead| json!([lead["email"], lead["score"], lead["stage"]]))
            .collect();
        app.stop().await;
        (mails, scores)
    };
    let calm = run(Chaos::calm(1)).await;
    assert_eq!(calm.1.len(), 5);
    for seed in 1..4 {
        assert_eq!(run(Chaos::with_seed(seed)).await, calm, "seed {seed}");
    }
}

#[tokio::test]
async fn a_route_nobody_knows_is_answered_as_the_http_api_does() {
    let app = App::start(options()).await.unwrap();
    let request = Request::get("/nowhere").body(Body::empty()).unwrap();
    assert_eq!(
        ask(&app, request).await,
        (StatusCode::NOT_FOUND, json!({ "message": "Not Found" }))
    );
    let page = app
        .gateway()
        .answer(
            "203.0.113.1",
            Request::get("/").body(Body::empty()).unwrap(),
        )
        .await;
    assert_eq!(page.status(), StatusCode::OK);
    app.stop().await;
}

#[tokio::test]
async fn a_body_over_ten_megabytes_is_refused_before_any_function_sees_it() {
    let app = App::start(options()).await.unwrap();
    let request = Request::post("/f/guide")
        .body(Body::from(vec![b'a'; 10 * 1024 * 1024 + 1]))
        .unwrap();
    assert_eq!(ask(&app, request).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    app.stop().await;
}

#[tokio::test]
async fn time_moves_only_forward_and_by_what_is_asked() {
    let app = App::start(options()).await.unwrap();
    assert_eq!(app.core().now(), NOON);
    assert_eq!(app.advance(86_400).await.unwrap(), NOON + 86_400_000);
    assert_eq!(app.advance(0).await.unwrap(), NOON + 86_400_000);
    app.stop().await;
}

#[tokio::test]
async fn a_port_in_use_is_a_sentence() {
    let app = App::start(options()).await.unwrap();
    let again = Options {
        addr: app.addr(),
        ..options()
    };
    let error = format!("{:#}", App::start(again).await.err().unwrap());
    assert!(
        error.starts_with(&format!("cannot listen on {}", app.addr())),
        "{error}"
    );
    app.stop().await;
}
