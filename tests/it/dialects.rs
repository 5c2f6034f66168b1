//! Pages and services that speak to others as they always did: what each of them is answered.

use reqwest::header::LOCATION;
use serde_json::{Value, json};
use shared::domain::id::hmac_sha256;
use tests::moved::world;
use tests::world::World;

const HUBSPOT: &str =
    "/submissions/v3/integration/submit/1234567/8f2e5c1a-7b3d-4e6f-9a0b-1c2d3e4f5a6b";
const SHOP: &str = "https://www.shop.example";

fn location(answer: &reqwest::Response) -> String {
    let to = answer.headers().get(LOCATION);
    to.map_or("", |v| v.to_str().unwrap()).to_owned()
}

async fn post(world: &World, path: &str, body: &Value) -> anyhow::Result<(u16, Value)> {
    let answer = world.post(path).json(body).send().await?;
    Ok((answer.status().as_u16(), answer.json().await?))
}

#[tokio::test(flavor = "multi_thread")]
async fn hubspots_api_is_answered_in_its_own_words() -> anyhow::Result<()> {
    let (world, _folder) = world(121).await?;
    let fields = |email: &str| json!([{ "name": "email", "value": email }]);
    let fine = json!({ "fields": fields("ada@engines.com") });
    assert_eq!(
        post(&world, HUBSPOT, &fine).await?,
        (200, json!({ "inlineMessage": "Thank you, we call you." }))
    );
    for (body, kind) in [
        (json!({ "fields": fields("nope") }), "INVALID_EMAIL"),
        (
            json!({ "fields": [{ "name": "country", "value": "NL" }] }),
            "REQUIRED_FIELD",
        ),
        (
            json!({ "fields": [{ "name": "email", "value": "b@engines.com" }, { "name": "numemployees", "value": "-1" }] }),
            "NUMBER_OUT_OF_RANGE",
        ),
        (
            json!({ "fields": fields("c@engines.com"), "context": { "hutk": "37184" } }),
            "INVALID_HUTK",
        ),
        (
            json!({ "fields": fields("d@engines.com"), "submittedAt": "1517927174000" }),
            "INVALID_SUBMITTED_AT",
        ),
        (json!([1]), "INVALID_JSON"),
        (
            json!({ "fields": fields("e@engines.com"), "legalConsentOptions": [null, null] }),
            "INVALID_JSON",
        ),
        (
            json!({ "fields": [["email", "f@engines.com"]] }),
            "INVALID_JSON",
        ),
        (json!({ "fields": [] }), "EMPTY"),
    ] {
        let (status, answer) = post(&world, HUBSPOT, &body).await?;
        assert_eq!(
            (status, answer["errors"][0]["errorType"].as_str()),
            (400, Some(kind)),
            "{answer}"
        );
        assert_eq!(answer["status"], "error");
        assert_eq!(answer["message"], "The request is not valid");
        assert_eq!(answer["correlationId"].as_str().map(str::len), Some(36));
        assert!(answer["errors"][0]["message"].is_string());
    }
    let unknown = "/submissions/v3/integration/submit/1234567/00000000-0000-0000-0000-000000000000";
    assert_eq!(post(&world, unknown, &fine).await?.0, 404);

    let preflight = world
        .request(reqwest::Method::OPTIONS, HUBSPOT)
        .header("Origin", SHOP)
        .send()
        .await?;
    assert_eq!(preflight.headers()["access-control-allow-origin"], SHOP);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hubspot_consent_counts_only_in_the_words_of_the_form() -> anyhow::Result<()> {
    let (world, _folder) = world(122).await?;
    for (email, text) in [
        ("a@engines.com", "Send me news &amp; offers."),
        ("b@engines.com", "Sell my data."),
    ] {
        let body = json!({
            "fields": [{ "name": "email", "value": email }],
            "legalConsentOptions": { "consent": { "consentToProcess": true, "text": "ok",
                "communications": [{ "value": true, "subscriptionTypeId": 9, "text": text }] } }
        });
        assert_eq!(post(&world, HUBSPOT, &body).await?.0, 200);
    }
    world.settle().await?;
    let decision = |lead: &Value| lead["lead"]["consents"]["newsletter"]["decision"].clone();
    assert_eq!(decision(&world.known("a@engines.com").await?), "granted");
    let other = world.known("b@engines.com").await?;
    assert_eq!(decision(&other), "declined");
    assert!(
        other.to_string().contains("yes: Sell my data."),
        "kept as an answer"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn web_to_lead_goes_on_to_ret_url_and_a_mistake_gets_the_form_back() -> anyhow::Result<()> {
    let (world, _folder) = world(123).await?;
    let send = |email: &'static str, oid: &'static str, to: &'static str| {
        world
            .post("/servlet/servlet.WebToLead?encoding=UTF-8")
            .form(&[
                ("oid", oid),
                ("retURL", to),
                ("email", email),
                ("last_name", "King"),
            ])
            .send()
    };
    let ok = "https://www.shop.example/ok";
    let answer = send("ada@engines.com", "00D5g000004abcd", ok).await?;
    assert_eq!(
        (answer.status().as_u16(), location(&answer).as_str()),
        (303, ok)
    );
    let answer = send("bo@engines.com", "00D5g000004abcd", "https://evil.example/").await?;
    assert!(location(&answer).ends_with("/thanks?form=moved"));
    let answer = send("nope", "00D5g000004abcd", ok).await?;
    assert_eq!(answer.status(), 422);
    let page = answer.text().await?;
    assert!(
        page.contains("value=\"King\"") && page.contains("name=\"retURL\""),
        "{page}"
    );
    assert_eq!(
        send("ada@engines.com", "00D000000000000", ok)
            .await?
            .status(),
        404
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn mautic_is_led_back_with_a_message_or_told_by_its_messenger() -> anyhow::Result<()> {
    let (world, _folder) = world(124).await?;
    let send = |email: &str, back: &str, messenger: bool, accept: &str| {
        let mut pairs = vec![
            ("mauticform[email]", email.to_owned()),
            ("mauticform[return]", back.to_owned()),
            ("mauticform[formName]", "contactus".to_owned()),
        ];
        if messenger {
            pairs.push(("mauticform[messenger]", "1".to_owned()));
        }
        world
            .post("/form/submit?formId=7")
            .header("Accept", accept)
            .header(
                "Referer",
                "https://www.shop.example/page?a=b&mauticError=old",
            )
            .form(&pairs)
            .send()
    };
    let answer = send("ada@engines.com", "", false, "text/html").await?;
    assert_eq!(
        (answer.status().as_u16(), location(&answer).as_str()),
        (
            303,
            "https://www.shop.example/page?a=b&mauticMessage=Thank+you%2C+we+call+you."
        )
    );
    let answer = send("nope", "", false, "text/html").await?;
    assert_eq!(
        location(&answer),
        "https://www.shop.example/page?a=b&mauticError=Email+should+be+an+email"
    );
    let answer = send("nope", "https://evil.example/", false, "text/html").await?;
    assert!(location(&answer).starts_with("https://www.shop.example/page?"));

    let answer = send("bo@engines.com", "/ok", true, "*/*").await?;
    assert_eq!(
        answer.json::<Value>().await?,
        json!({ "success": 1, "successMessage": "Thank you, we call you.", "formName": "contactus", "redirect": "https://www.shop.example/ok" })
    );
    let answer = send("nope", "", true, "*/*").await?.json::<Value>().await?;
    assert_eq!(answer["success"], 0);
    assert_eq!(answer["validationErrors"]["email"], "should be an email");

    let frame = send("cy@engines.com", "", true, "text/html").await?;
    let policy = frame.headers()["content-security-policy"]
        .to_str()?
        .to_owned();
    assert!(
        policy.contains("frame-ancestors https://www.shop.example"),
        "{policy}"
    );
    let page = frame.text().await?;
    assert!(
        page.contains("data-to=\"https://www.shop.example\"")
            && page.contains("&quot;success&quot;:1"),
        "{page}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn netlify_finds_its_form_by_name_and_answers_pages_and_scripts() -> anyhow::Result<()> {
    let (world, _folder) = world(125).await?;
    let send = |name: &'static str, dest: &'static str, email: &'static str| {
        world
            .post("/netlify")
            .header("Origin", SHOP)
            .header("Sec-Fetch-Dest", dest)
            .form(&[("form-name", name), ("email", email), ("_next", "done")])
            .send()
    };
    let page = send("contact", "document", "ada@engines.com").await?;
    assert_eq!(
        location(&page),
        "https://www.shop.example/done",
        "a place by its name"
    );
    let script = send("contact", "empty", "bo@engines.com").await?;
    assert_eq!(script.status(), 200);
    assert_eq!(script.headers()["access-control-allow-origin"], SHOP);
    assert_eq!(
        send("other", "document", "cy@engines.com").await?.status(),
        404
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn googles_webhook_proves_itself_comes_twice_and_keeps_tests_apart() -> anyhow::Result<()> {
    let (world, _folder) = world(126).await?;
    let lead = |id: &str, key: &str, test: bool, email: &str| {
        json!({ "lead_id": id, "google_key": key, "is_test": test, "form_id": 9_007_199_254_740_993_i64,
            "user_column_data": [{ "column_id": "EMAIL", "string_value": email }, { "column_id": "PHONE_NUMBER", "string_value": "call me" }] })
    };
    let path = "/google/moved";
    for _ in 0..2 {
        assert_eq!(
            post(&world, path, &lead("L1", "k-e-y", false, "ada@engines.com")).await?,
            (200, json!({}))
        );
    }
    for key in ["", "k-e-z", "k-e-y "] {
        let (status, body) = post(&world, path, &lead("L2", key, false, "bo@engines.com")).await?;
        assert_eq!(status, 403, "{key:?}");
        assert!(body["message"].is_string());
    }
    assert_eq!(
        post(&world, path, &lead("L3", "k-e-y", true, "test@engines.com"))
            .await?
            .0,
        200
    );
    let (status, body) = post(&world, path, &lead("L4", "k-e-y", false, "nope")).await?;
    assert_eq!(
        (status, body["message"].as_str()),
        (400, Some("Email should be an email"))
    );
    assert_eq!(
        post(
            &world,
            "/google/guide",
            &lead("L5", "k-e-y", false, "x@engines.com")
        )
        .await?
        .0,
        404
    );
    world.settle().await?;
    let ada = world.known("ada@engines.com").await?;
    assert_eq!(
        ada["touchpoints"].as_array().map(Vec::len),
        Some(1),
        "{ada}"
    );
    assert_eq!(
        ada["touchpoints"][0]["flags"],
        json!(["unchecked_answers"]),
        "{ada}"
    );
    assert!(world.lead("bo@engines.com").await?.is_none());
    assert!(
        world.lead("test@engines.com").await?.is_none(),
        "a test is no lead"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn metas_webhook_is_greeted_signed_and_its_ids_are_kept_once() -> anyhow::Result<()> {
    let (world, _folder) = world(127).await?;
    let greet = |token: &str| {
        let query = format!(
            "/meta/moved?hub.mode=subscribe&hub.verify_token={token}&hub.challenge=1158201444"
        );
        world.get(&query).send()
    };
    let answer = greet("ask-me").await?;
    assert_eq!(
        (answer.status().as_u16(), answer.text().await?.as_str()),
        (200, "1158201444")
    );
    assert_eq!(greet("guess").await?.status(), 403);

    let body = json!({ "object": "page", "entry": [{ "id": "1", "time": 1, "changes": [
        { "field": "leadgen", "value": { "leadgen_id": "444", "page_id": 2, "form_id": 444_555_666, "ad_id": "3", "created_time": 1_772_441_000 } },
        { "field": "feed", "value": {} },
    ] }] })
    .to_string();
    let signature = |key: &str| {
        let hex: Vec<String> = hmac_sha256(key.as_bytes(), &[body.as_bytes()])
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        format!("sha256={}", hex.concat())
    };
    let send = |signature: String| {
        world
            .post("/meta/moved")
            .header("Content-Type", "application/json")
            .header("X-Hub-Signature-256", signature)
            .body(body.clone())
            .send()
    };
    assert_eq!(send(signature("wrong")).await?.status(), 403);
    assert_eq!(send(String::new()).await?.status(), 403);
    assert_eq!(world.app.core().totals().await?.touchpoints, 0);
    for _ in 0..2 {
        assert_eq!(send(signature("app-secret")).await?.status(), 200);
    }
    world.settle().await?;
    assert_eq!(world.app.core().totals().await?.touchpoints, 1);
    assert!(world.app.ses().mails()?.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn adr_7_a_slip_in_the_domain_is_advice_and_changes_nothing() -> anyhow::Result<()> {
    let (world, _folder) = world(128).await?;
    let (status, body) = world.submit("moved", &[("email", "ada@gmial.com")]).await?;
    assert_eq!(
        (status.as_u16(), body["did_you_mean"].as_str()),
        (200, Some("ada@gmail.com"))
    );
    let (_, body) = world
        .submit(
            "moved",
            &[("email", "bo@gmial.com"), ("country", "nowhere")],
        )
        .await?;
    assert_eq!(body["did_you_mean"], "bo@gmail.com");
    let (_, body) = world
        .submit("moved", &[("email", "cy@engines.com")])
        .await?;
    assert!(body.get("did_you_mean").is_none());
    world.settle().await?;
    assert_eq!(
        world.known("ada@gmial.com").await?["lead"]["email"],
        "ada@gmial.com"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_is_wrong_is_said_at_once_in_the_forms_own_words() -> anyhow::Result<()> {
    let (world, _folder) = world(129).await?;
    let (status, body) = world
        .submit(
            "moved",
            &[
                ("email", "ada@localhost"),
                ("phone", "call me"),
                ("country", "Atlantis"),
                ("employees", "1.5"),
                ("postcode_nl", "12 AB"),
            ],
        )
        .await?;
    assert_eq!(status, 422);
    let said: Vec<(&str, &str)> = body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| (e["field"].as_str().unwrap(), e["message"].as_str().unwrap()))
        .collect();
    assert_eq!(
        said,
        [
            (
                "email",
                "should be an email that can be reached from the internet"
            ),
            ("phone", "should be a phone number"),
            ("country", "should be a country"),
            ("employees", "should be a whole number"),
            (
                "postcode_nl",
                "Four digits and two letters, such as 1234 AB."
            ),
        ]
    );
    Ok(())
}
