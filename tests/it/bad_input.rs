//! What goes wrong is said clearly, and nothing is lost or leaked by it.

use reqwest::StatusCode;
use serde_json::Value;
use tests::world::{World, guide};

const ADA: &str = "ada@analytical-engines.com";

async fn json(response: reqwest::Response) -> anyhow::Result<(u16, Value)> {
    Ok((response.status().as_u16(), response.json().await?))
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
async fn each_kind_of_bad_post_has_its_status_and_code() -> anyhow::Result<()> {
    let world = World::calm(21).await?;
    let post = |path: &str, kind: &str, body: String| {
        world
            .post(path)
            .header("Accept", "application/json")
            .header("Content-Type", kind)
            .body(body)
            .send()
    };
    let form = "application/x-www-form-urlencoded";
    let many = (0..60)
        .map(|n| format!("f{n}=x"))
        .collect::<Vec<_>>()
        .join("&");
    for (path, kind, body, status, code) in [
        (
            "/f/nothing",
            form,
            "email=a%40b.com".to_owned(),
            404,
            "FORM_NOT_FOUND",
        ),
        (
            "/f/guide",
            "text/plain",
            "email=a@b.com".into(),
            415,
            "UNSUPPORTED_TYPE",
        ),
        (
            "/f/guide",
            "application/octet-stream",
            "email=a@b.com".into(),
            415,
            "UNSUPPORTED_TYPE",
        ),
        (
            "/f/guide",
            "application/x-www-form-urlencoded; charset=utf-16",
            "email=a".into(),
            415,
            "UNSUPPORTED_TYPE",
        ),
        (
            "/f/guide",
            form,
            format!("message={}", "x".repeat(64 * 1024)),
            413,
            "TOO_LARGE",
        ),
        (
            "/f/guide",
            form,
            format!("message={}", "x".repeat(9 * 1024)),
            400,
            "TOO_LARGE",
        ),
        ("/f/guide", form, many, 400, "TOO_MANY_FIELDS"),
        ("/f/guide", form, String::new(), 400, "EMPTY"),
        (
            "/f/guide",
            "application/json",
            "{\"email\":".into(),
            400,
            "UNREADABLE",
        ),
        (
            "/f/guide",
            "application/json",
            "[1,2]".into(),
            400,
            "UNREADABLE",
        ),
        (
            "/f/guide",
            "application/json",
            "{\"a\":[[[[1]]]]}".into(),
            400,
            "UNREADABLE",
        ),
        (
            "/f/guide",
            "multipart/form-data",
            "x".into(),
            400,
            "UNREADABLE",
        ),
        (
            "/f/guide",
            form,
            "email=nope&first_name=A&last_name=B&company=C".into(),
            422,
            "TYPE_EMAIL",
        ),
        (
            "/f/guide",
            form,
            "email=a%40b.com&first_name=A&last_name=B".into(),
            422,
            "REQUIRED_FIELD_MISSING",
        ),
        (
            "/f/guide",
            form,
            "email=a%40b.com&first_name=A&last_name=B&company=".into(),
            422,
            "REQUIRED_FIELD_EMPTY",
        ),
    ] {
        let (got, body_) = json(post(path, kind, body.clone()).await?).await?;
        let shown = &body[..body.len().min(60)];
        assert_eq!(
            (got, body_["errors"][0]["code"].as_str()),
            (status, Some(code)),
            "{path} {kind} {shown} -> {body_}"
        );
        assert!(
            body_["error"].as_str().is_some_and(|e| e.len() > 10),
            "{body_}"
        );
    }
    assert_eq!(world.app.core().totals().await?.touchpoints, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_field_is_named_with_what_to_do_and_a_success_never_has_an_errors_key()
-> anyhow::Result<()> {
    let world = World::calm(22).await?;
    let (status, body) = world
        .submit(
            "guide",
            &[("email", "jürgen@example.com"), ("first_name", "J")],
        )
        .await?;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let fields: Vec<&str> = body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|e| e["field"].as_str())
        .collect();
    assert_eq!(fields, ["email", "last_name", "company"]);
    assert!(
        body["errors"][0]["message"]
            .as_str()
            .unwrap()
            .contains("cannot send to yet"),
        "{body}"
    );

    let (status, body) = world.submit("guide", &guide(ADA)).await?;
    assert_eq!(status, StatusCode::OK);
    assert!(
        body.get("error").is_none() && body.get("errors").is_none(),
        "{body}"
    );
    assert_eq!(
        (&body["ok"], &body["success"]),
        (&Value::Bool(true), &Value::Bool(true))
    );
    assert!(
        body["next"].is_string() && body["message"].is_string() && body["id"].is_string(),
        "{body}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_without_scripts_gets_the_form_back_with_what_they_typed() -> anyhow::Result<()> {
    let world = World::calm(23).await?;
    let response = world
        .post("/f/guide")
        .header("Accept", "text/html")
        .form(&[
            ("email", "nope"),
            ("first_name", "<b>Ada</b>"),
            ("last_name", ""),
            ("company", "Engines & Sons"),
        ])
        .send()
        .await?;
    assert_eq!(response.status(), 422);
    let page = response.text().await?;
    assert!(
        page.contains("&lt;b&gt;Ada") || page.contains("&#60;b&#62;Ada"),
        "typed text is kept and escaped"
    );
    assert!(!page.contains("<b>Ada"), "typed text never becomes markup");
    assert!(
        page.contains("nope") && page.contains("aria-invalid"),
        "{page}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn get_on_a_form_shows_it_and_other_methods_say_what_to_do() -> anyhow::Result<()> {
    let world = World::calm(24).await?;
    let page = world
        .get("/f/guide")
        .send()
        .await?
        .error_for_status()?
        .text()
        .await?;
    assert!(
        page.contains("Get the guide") && page.contains("name=\"email\""),
        "{page}"
    );
    let refused = world
        .request(reqwest::Method::DELETE, "/f/guide")
        .send()
        .await?;
    assert_eq!(refused.status(), 405);
    assert!(refused.headers().contains_key("allow"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn frm_3_a_filled_trap_looks_like_a_success_and_keeps_nothing() -> anyhow::Result<()> {
    let world = World::calm(25).await?;
    let mut pairs = guide(ADA);
    pairs.push(("_gotcha", "http://spam.example"));
    let (status, body) = world.submit("guide", &pairs).await?;
    assert_eq!(status, StatusCode::OK);
    let (_, honest) = world
        .submit("guide", &guide("grace@analytical-engines.com"))
        .await?;
    let keys = |v: &Value| v.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&body), keys(&honest));
    world.settle().await?;
    assert!(world.lead(ADA).await?.is_none());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn frm_5_one_network_is_asked_to_wait_after_thirty_posts_a_minute_and_others_are_not()
-> anyhow::Result<()> {
    let world = World::calm(26).await?;
    let post = |n: usize, ip: &'static str| {
        let email = format!("p{n}@analytical-engines.com");
        let pairs: Vec<(String, String)> = guide(&email)
            .into_iter()
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
            .collect();
        world
            .post_from(ip, "/f/guide")
            .header("Accept", "application/json")
            .form(&pairs)
            .send()
    };
    let own = |n| post(n, "203.0.113.7");
    for n in 0..30 {
        assert_eq!(own(n).await?.status(), 200, "post {n}");
    }
    let refused = own(31).await?;
    assert_eq!(refused.status(), 429);
    assert!(refused.headers().contains_key("retry-after"));
    assert_eq!(post(32, "203.0.113.8").await?.status(), 200);
    world.advance(61).await?;
    assert_eq!(own(33).await?.status(), 200);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn frm_6_known_unknown_and_unsubscribed_addresses_get_the_same_answer() -> anyhow::Result<()>
{
    let world = World::calm(27).await?;
    let shape = |status: StatusCode, mut body: Value| {
        // The id is the submission's own; everything else must be equal to the byte.
        body["id"] = Value::from("id");
        (status, body.to_string())
    };
    let unknown = world.submit("guide", &guide(ADA)).await?;
    world.settle().await?;
    world.advance(1200).await?;
    let known = world.submit("guide", &guide(ADA)).await?;
    let leave = tests::world::link(&world.mails_to(ADA)?[0], "/u/")?;
    world
        .press(&leave)
        .body("List-Unsubscribe=One-Click")
        .send()
        .await?;
    world.advance(1200).await?;
    let gone = world.submit("guide", &guide(ADA)).await?;
    let expected = shape(unknown.0, unknown.1);
    assert_eq!(shape(known.0, known.1), expected);
    assert_eq!(shape(gone.0, gone.1), expected);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn frm_7_only_the_forms_own_origins_may_read_answers_from_scripts() -> anyhow::Result<()> {
    let world = World::calm(28).await?;
    let preflight = |origin: &'static str| {
        world
            .request(reqwest::Method::OPTIONS, "/f/guide")
            .header("Origin", origin)
            .header("Access-Control-Request-Method", "POST")
            .send()
    };
    let own = preflight("https://www.aldermoor.example").await?;
    assert_eq!(
        own.headers()["access-control-allow-origin"],
        "https://www.aldermoor.example"
    );
    let headers = own.headers()["access-control-allow-headers"]
        .to_str()?
        .to_lowercase();
    for name in [
        "formspree-client",
        "formspree-session-data",
        "idempotency-key",
    ] {
        assert!(headers.contains(name), "{headers}");
    }
    for stranger in [
        "https://evil.example",
        "https://www.aldermoor.example.evil.example",
        "null",
        "http://www.aldermoor.example",
    ] {
        let answer = preflight(stranger).await?;
        assert!(
            !answer.headers().contains_key("access-control-allow-origin"),
            "{stranger}"
        );
        assert_eq!(answer.headers()["vary"], "Origin");
    }
    Ok(())
}
