//! How a post is answered: JSON or a redirect, what stands in them, and where a visitor without scripts ends up.

use reqwest::header::LOCATION;
use serde_json::Value;
use tests::world::{Pair, World, guide};

/// A browser's own `Accept` for pages.
const HTML: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8";
const URLENCODED: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

/// Content type, `Accept`, and whether the answer is JSON. Empty: the header is not sent (`Accept` as `*/*`).
const TABLE: [(&str, &str, bool); 15] = [
    ("", "", false),
    (JSON, "text/json", true),
    (JSON, JSON, true),
    ("", JSON, true),
    ("", "application/json, text/javascript, */*; q=0.01", true),
    (JSON, "", true),
    (JSON, "application/json, text/plain, */*", true),
    (URLENCODED, JSON, true),
    (URLENCODED, "application/json, text/plain, */*", true),
    (URLENCODED, "", false),
    ("", "text/html", false),
    (JSON, "text/html", false),
    (JSON, HTML, false),
    (URLENCODED, "text/html, */*; q=0.01", false),
    ("", HTML, false),
];

fn body(content_type: &str, pairs: &[Pair<'_>]) -> String {
    if content_type == JSON {
        let object: serde_json::Map<String, Value> = pairs
            .iter()
            .map(|(n, v)| ((*n).to_owned(), Value::from(*v)))
            .collect();
        return Value::Object(object).to_string();
    }
    let escaped = |text: &str| text.replace('@', "%40").replace(' ', "+");
    pairs
        .iter()
        .map(|(n, v)| format!("{n}={}", escaped(v)))
        .collect::<Vec<_>>()
        .join("&")
}

/// The whole table: each row with and without `X-Requested-With`, each with a post that is right and one that is not.
#[tokio::test(flavor = "multi_thread")]
async fn the_json_or_redirect_table_holds_in_every_row_with_and_without_x_requested_with()
-> anyhow::Result<()> {
    let world = World::calm(101).await?;
    let mut n = 0;
    for xhr in [None, Some("XMLHttpRequest"), Some("xmlhttprequest")] {
        for (content_type, accept, json) in TABLE {
            for right in [true, false] {
                n += 1;
                let email = if right {
                    format!("row{n}@analytical-engines.com")
                } else {
                    String::from("nobody")
                };
                let mut request = world
                    .post("/f/guide")
                    .body(body(content_type, &guide(&email)));
                if !content_type.is_empty() {
                    request = request.header("Content-Type", content_type);
                }
                if !accept.is_empty() {
                    request = request.header("Accept", accept);
                }
                if let Some(xhr) = xhr {
                    request = request.header("X-Requested-With", xhr);
                }
                let answer = request.send().await?;
                let row = format!("{content_type:?} {accept:?} {xhr:?} right: {right}");
                let status = answer.status().as_u16();
                let kind = answer
                    .headers()
                    .get("content-type")
                    .map_or("", |v| v.to_str().unwrap())
                    .to_owned();
                if json || xhr.is_some() {
                    assert!(kind.starts_with(JSON), "{row}: {kind}");
                    let body: Value = answer.json().await?;
                    let keys: Vec<&str> = body
                        .as_object()
                        .unwrap()
                        .keys()
                        .map(String::as_str)
                        .collect();
                    if right {
                        assert_eq!(status, 200, "{row}: {body}");
                        assert_eq!(keys, ["id", "message", "next", "ok", "success"], "{row}");
                        assert_eq!(
                            (&body["ok"], &body["success"]),
                            (&Value::Bool(true), &Value::Bool(true))
                        );
                    } else {
                        assert_eq!(status, 422, "{row}: {body}");
                        assert_eq!(keys, ["error", "errors"], "{row}");
                        assert_eq!(body["errors"][0]["code"], "TYPE_EMAIL", "{row}");
                    }
                } else if right {
                    assert_eq!(status, 303, "{row}");
                    let to = answer.headers()[LOCATION].to_str()?;
                    assert!(to.ends_with("/thanks?form=guide"), "{row}: {to}");
                } else {
                    assert_eq!(
                        (status, kind.as_str()),
                        (422, "text/html; charset=utf-8"),
                        "{row}"
                    );
                }
            }
        }
    }
    assert_eq!(n, 90);
    assert_eq!(world.app.core().totals().await?.touchpoints, 45);
    Ok(())
}

/// A script that forgot `Accept` cannot read a page of another origin that it is redirected to; its browser says that it is a script.
#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_asks_for_nothing_special_gets_json_because_its_browser_says_it_is_one()
-> anyhow::Result<()> {
    let world = World::calm(102).await?;
    for (n, (accept, dest, status)) in [
        ("*/*", "empty", 200),
        ("*/*", "document", 303),
        ("text/html", "empty", 303),
    ]
    .into_iter()
    .enumerate()
    {
        let answer = world
            .post("/f/guide")
            .header("Accept", accept)
            .header("Sec-Fetch-Dest", dest)
            .form(&guide(&format!("s{n}@analytical-engines.com")))
            .send()
            .await?;
        assert_eq!(answer.status(), status, "{accept} {dest}");
    }
    Ok(())
}

async fn plain(world: &World, pairs: &[Pair<'_>]) -> anyhow::Result<reqwest::Response> {
    let request = world.post("/f/guide").header("Accept", HTML);
    Ok(request
        .header("Referer", "https://www.aldermoor.example/guide?x=1")
        .form(pairs)
        .send()
        .await?)
}

fn location(answer: &reqwest::Response) -> &str {
    answer
        .headers()
        .get(LOCATION)
        .map_or("", |v| v.to_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn frm_8_a_page_says_where_its_visitors_go_after_success_and_after_an_error()
-> anyhow::Result<()> {
    let world = World::calm(103).await?;
    let thanks = world.url("/thanks?form=guide");
    for (n, (name, asked, expected)) in [
        (
            "_next",
            "/danke?a=b",
            "https://www.aldermoor.example/danke?a=b",
        ),
        (
            "redirect",
            "https://www.aldermoor.example/ok",
            "https://www.aldermoor.example/ok",
        ),
        ("retURL", "/ok", "https://www.aldermoor.example/ok"),
        ("_next", "https://evil.example/", thanks.as_str()),
        ("_next", "//evil.example", thanks.as_str()),
        ("_next", "/\\evil.example", thanks.as_str()),
        ("_next", "javascript:alert(1)", thanks.as_str()),
        (
            "_next",
            "https://a:b@www.aldermoor.example/",
            thanks.as_str(),
        ),
        (
            "_next",
            "https://www.aldermoor.example:8443/",
            thanks.as_str(),
        ),
        ("_next", "http://www.aldermoor.example/", thanks.as_str()),
    ]
    .into_iter()
    .enumerate()
    {
        let email = format!("next{n}@analytical-engines.com");
        let mut pairs = guide(&email);
        pairs.push((name, asked));
        let answer = plain(&world, &pairs).await?;
        assert_eq!(
            (answer.status().as_u16(), location(&answer)),
            (303, expected),
            "{asked}"
        );
    }

    let wrong = |error| {
        [
            ("email", "ada@localhost"),
            ("first_name", "Ada"),
            ("_error", error),
        ]
    };
    let answer = plain(&world, &wrong("/oops?lang=nl")).await?;
    assert_eq!(
        (answer.status().as_u16(), location(&answer)),
        (
            303,
            "https://www.aldermoor.example/oops?lang=nl&error=TYPE_EMAIL&fields=email%2Clast_name%2Ccompany"
        ),
        "codes and names only: what was typed stays out of addresses"
    );
    for refused in ["//evil.example", "https://evil.example/", ""] {
        let answer = plain(&world, &wrong(refused)).await?;
        assert_eq!(
            (answer.status().as_u16(), location(&answer)),
            (422, ""),
            "{refused}"
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_post_of_a_person_shows_the_form_and_what_it_needs() -> anyhow::Result<()> {
    let world = World::calm(104).await?;
    for pairs in [vec![], vec![("email", ""), ("first_name", "  ")]] {
        let answer = plain(&world, &pairs).await?;
        assert_eq!(answer.status(), 400);
        let page = answer.text().await?;
        assert!(
            page.contains("<form method=\"post\" action=\"/f/guide\""),
            "{page}"
        );
        assert!(
            page.contains("Not sent yet: please check 4 answers"),
            "{page}"
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_is_asked_to_wait_or_to_try_again_keeps_what_they_typed() -> anyhow::Result<()>
{
    let world = World::calm(105).await?;
    let post = |email: String| {
        world
            .post_from("203.0.113.9", "/f/guide")
            .header("Accept", HTML)
            .form(&[
                ("email", email.as_str()),
                ("first_name", "Ada"),
                ("last_name", "L"),
                ("company", "Engines & Sons"),
                ("utm_source", "spring"),
            ])
            .send()
    };
    for n in 0..30 {
        assert_eq!(
            post(format!("w{n}@analytical-engines.com")).await?.status(),
            303
        );
    }
    let answer = post("last@analytical-engines.com".into()).await?;
    assert_eq!(answer.status(), 429);
    assert!(answer.headers().contains_key("retry-after"));
    let page = answer.text().await?;
    for kept in [
        "Not sent yet",
        "Wait a moment and send the form again.",
        "value=\"last@analytical-engines.com\"",
        "Engines &#38; Sons",
        "name=\"utm_source\" value=\"spring\"",
    ] {
        assert!(page.contains(kept), "{kept}: {page}");
    }
    Ok(())
}
