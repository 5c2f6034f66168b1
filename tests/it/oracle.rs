//! No oracle: whatever is known about an address, and however it is posted, the answer is the same to the byte. Status, headers and body
//! are compared; only the date and the ids of requests and submissions may differ.

use lodestone::person::erase::erase;
use lodestone::ses::Happening;
use reqwest::Response;
use serde_json::{Value, json};
use shared::domain::erasure::EraseReason;
use tests::moved::world;
use tests::world::{World, guide, link};

use crate::person::records;

const SHOP: &str = "https://www.shop.example";

/// How a body is written.
#[derive(Clone, Copy, Debug)]
enum Wire {
    Urlencoded,
    Multipart,
    Json,
    HubSpot,
    Google,
}

/// A way of posting.
struct Way {
    name: &'static str,
    path: &'static str,
    wire: Wire,
    headers: &'static [(&'static str, &'static str)],
    /// What the field of the address is called.
    email: &'static str,
    extra: &'static [(&'static str, &'static str)],
    /// The status of every answer.
    status: u16,
}

const PAGE: &[(&str, &str)] = &[("Accept", "text/html"), ("Origin", SHOP)];
const SCRIPT: &[(&str, &str)] = &[("Accept", "application/json"), ("Origin", SHOP)];
const MAUTIC: &[(&str, &str)] = &[
    ("Accept", "text/html"),
    ("Referer", "https://www.shop.example/page"),
];

/// A way that posts `email` and nothing special.
const fn way(name: &'static str, path: &'static str, wire: Wire, script: bool) -> Way {
    Way {
        name,
        path,
        wire,
        headers: if script { SCRIPT } else { PAGE },
        email: "email",
        extra: &[("newsletter", "on")],
        status: if script { 200 } else { 303 },
    }
}

const WAYS: [Way; 17] = [
    way("a page", "/f/moved", Wire::Urlencoded, false),
    way("a page, multipart", "/f/moved", Wire::Multipart, false),
    Way {
        extra: &[
            ("newsletter", "on"),
            ("_next", "https://www.shop.example/ok"),
        ],
        ..way(
            "a page with a place to go",
            "/f/moved",
            Wire::Urlencoded,
            false,
        )
    },
    way("a script", "/f/moved", Wire::Urlencoded, true),
    way("JSON", "/f/moved", Wire::Json, true),
    way(
        "a form with a magnet, page",
        "/f/checklist",
        Wire::Urlencoded,
        false,
    ),
    way(
        "a form with a magnet, script",
        "/f/checklist",
        Wire::Json,
        true,
    ),
    way("Formspree, page", "/f/xpzgkqyw", Wire::Urlencoded, false),
    Way {
        headers: &[
            ("Accept", "application/json"),
            ("Origin", SHOP),
            ("Formspree-Client", "@formspree/core@4.0.0"),
        ],
        ..way("Formspree's client", "/f/xpzgkqyw", Wire::Json, true)
    },
    way(
        "HubSpot v3",
        "/submissions/v3/integration/submit/1234567/8f2e5c1a-7b3d-4e6f-9a0b-1c2d3e4f5a6b",
        Wire::HubSpot,
        true,
    ),
    way(
        "HubSpot v2",
        "/uploads/form/v2/1234567/8f2e5c1a-7b3d-4e6f-9a0b-1c2d3e4f5a6b",
        Wire::Urlencoded,
        false,
    ),
    Way {
        extra: &[
            ("oid", "00D5g000004abcd"),
            ("retURL", "https://www.shop.example/ok"),
        ],
        ..way(
            "Web-to-Lead",
            "/servlet/servlet.WebToLead?encoding=UTF-8",
            Wire::Urlencoded,
            false,
        )
    },
    Way {
        extra: &[("form-name", "contact"), ("_next", "done")],
        ..way("Netlify", "/netlify", Wire::Urlencoded, false)
    },
    Way {
        headers: MAUTIC,
        email: "mauticform[email]",
        extra: &[("mauticform[formName]", "contactus")],
        ..way(
            "Mautic, page",
            "/form/submit?formId=7",
            Wire::Urlencoded,
            false,
        )
    },
    Way {
        email: "mauticform[email]",
        extra: &[
            ("mauticform[formName]", "contactus"),
            ("mauticform[messenger]", "1"),
        ],
        ..way(
            "Mautic's messenger",
            "/form/submit?formId=7",
            Wire::Urlencoded,
            true,
        )
    },
    Way {
        extra: &[],
        ..way("Google", "/google/moved", Wire::Google, true)
    },
    Way {
        extra: &[("employees", "-1")],
        status: 422,
        ..way("a page with a mistake", "/f/moved", Wire::Urlencoded, false)
    },
];

/// What is known about an address, in ten letters at most. Those of [`FRESH`] have an address for each way of posting, because posting
/// changes what is known.
const STATES: [&str; 10] = [
    "unknown",
    "known",
    "left",
    "bounced",
    "complained",
    "erased",
    "limited",
    "trapped",
    "doubted",
    "tested",
];
const FRESH: [&str; 5] = ["unknown", "erased", "trapped", "doubted", "tested"];

/// The address of a state; all are equally long.
fn address(state: &str, way: usize) -> String {
    let way = if FRESH.contains(&state) { way } else { 99 };
    format!("{state:x<10}{way:02}@analytical-engines.com")
}

/// Brings the addresses into their states.
async fn prepare(world: &World) -> anyhow::Result<()> {
    let erased = (0..WAYS.len()).map(|n| address("erased", n));
    let others = ["known", "left", "bounced", "complained", "limited"].map(|s| address(s, 0));
    for email in others.into_iter().chain(erased) {
        world.submit_until_taken("guide", &guide(&email)).await?;
    }
    let limited = address("limited", 0);
    for form in ["checklist", "checkliste"] {
        let pairs = [("email", limited.as_str())];
        world.submit_until_taken(form, &pairs).await?;
    }
    world.settle().await?;
    let first = |state: &str| Ok::<_, anyhow::Error>(world.mails_to(&address(state, 0))?.remove(0));
    let download = link(&first("known")?, "/d/")?;
    assert_eq!(world.open_and_press(&download, &[]).await?.status(), 303);
    let leave = world.press(&link(&first("left")?, "/u/")?);
    leave.body("List-Unsubscribe=One-Click").send().await?;
    for (state, happening) in [
        ("bounced", Happening::Bounce),
        ("complained", Happening::Complaint),
    ] {
        let mail = first(state)?.id;
        world.app.ses().play(happening, &mail, None).await?;
    }
    world.settle().await?;
    let store = world.store()?;
    for n in 0..WAYS.len() {
        let records = records(world, &store);
        erase(
            &records,
            &address("erased", n),
            EraseReason::Request,
            |_| Ok(()),
        )
        .await?;
    }
    world.settle().await
}

/// Posts an address.
async fn post(world: &World, way: &Way, state: &str, email: &str) -> anyhow::Result<Response> {
    let mut pairs = vec![(way.email, email), ("last_name", way.name)];
    pairs.extend(way.extra);
    match state {
        "trapped" => pairs.push(("_gotcha", "cheap watches")),
        "doubted" => pairs.push(("_nonce", "v1.a1.bm90aGluZw.bm90aGluZw")),
        "tested" => pairs.push(("is_test", "true")),
        _ => {}
    }
    let request = world.post(way.path);
    let request = way.headers.iter().fold(request, |request, (name, value)| {
        request.header(*name, *value)
    });
    let request = match way.wire {
        Wire::Urlencoded => request.form(&pairs),
        Wire::Multipart => {
            let part = |(name, value): &(&str, &str)| {
                format!(
                    "--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
                )
            };
            let body = pairs.iter().map(part).collect::<String>() + "--b--\r\n";
            let kind = "multipart/form-data; boundary=b";
            request.header("Content-Type", kind).body(body)
        }
        Wire::Json => {
            let object = pairs.iter().map(|(n, v)| ((*n).to_owned(), json!(v)));
            request.json(&Value::Object(object.collect()))
        }
        Wire::HubSpot => {
            let field = |(name, value): &(&str, &str)| json!({ "name": name, "value": value });
            request.json(&json!({ "fields": pairs.iter().map(field).collect::<Vec<_>>() }))
        }
        Wire::Google => request.json(&json!({
            "google_key": "k-e-y", "lead_id": format!("{email}{}", way.name), "is_test": state == "tested",
            "user_column_data": [{ "column_id": "EMAIL", "string_value": email }],
        })),
    };
    Ok(request.send().await?)
}

/// An answer as text. What belongs to the post itself is blotted out, place for place.
async fn told(answer: Response, email: &str) -> anyhow::Result<String> {
    let mut text = format!("{}\n", answer.status());
    let mut headers: Vec<String> = answer
        .headers()
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "date" | "apigw-requestid"))
        .map(|(name, value)| format!("{name}: {value:?}\n"))
        .collect();
    headers.sort();
    text.extend(headers);
    text.push('\n');
    text.push_str(
        &answer
            .text()
            .await?
            .replace(email, &"_".repeat(email.len())),
    );
    while let Some((before, id)) = text.split_once("sub_") {
        let end = id.find(|c: char| !c.is_ascii_alphanumeric());
        let (id, after) = id.split_at(end.unwrap_or(id.len()));
        text = format!("{before}sub-{}{after}", "_".repeat(id.len()));
    }
    Ok(text)
}

#[tokio::test(flavor = "multi_thread")]
async fn frm_6_whatever_is_known_of_an_address_each_way_of_posting_answers_the_same_bytes()
-> anyhow::Result<()> {
    let (world, _folder) = world(360).await?;
    prepare(&world).await?;
    let limited = address("limited", 0);
    assert_eq!(world.mails_to(&limited)?.len(), 3, "at its limit");
    // Past the quarter of an hour in which a form mails once, so that only the day's limit is left.
    world.advance(16 * 60).await?;
    let before = world.app.ses().mails()?.len();
    for (n, way) in WAYS.iter().enumerate() {
        let mut expected: Option<String> = None;
        for state in STATES {
            // A form that comes back has in it what was posted, which differs there; Google's leads have no room for a trap or a ticket.
            let mistaken = way.status == 422 && matches!(state, "trapped" | "doubted" | "tested");
            let no_room =
                matches!(way.wire, Wire::Google) && matches!(state, "trapped" | "doubted");
            if mistaken || no_room {
                continue;
            }
            let email = address(state, n);
            let answer = post(&world, way, state, &email).await?;
            assert_eq!(answer.status().as_u16(), way.status, "{} {state}", way.name);
            let told = told(answer, &email).await?;
            match &expected {
                None => expected = Some(told),
                Some(expected) => assert_eq!(&told, expected, "{}: {state}", way.name),
            }
        }
    }
    world.settle().await?;

    // The states were what they are called.
    assert_eq!(world.mails_to(&limited)?.len(), 3, "still at its limit");
    for state in ["left", "bounced", "complained"] {
        assert_eq!(world.mails_to(&address(state, 0))?.len(), 1, "{state}");
    }
    for (state, mails) in [
        ("unknown", 1),
        ("erased", 1),
        ("trapped", 0),
        ("doubted", 0),
        ("tested", 0),
    ] {
        let found = world.mails_to(&address(state, 0))?.len();
        assert_eq!(found, mails, "{state}");
    }
    assert!(world.app.ses().mails()?.len() > before);
    let listing: Value = world.get("/local/quarantine").send().await?.json().await?;
    let doubt = |doubt: &str| {
        let held = listing["held"].as_array().unwrap().iter();
        held.filter(|h| h["doubt"] == doubt).count()
    };
    assert_eq!(doubt("forged_ticket"), WAYS.len() - 2);
    assert_eq!(doubt("test"), WAYS.len() - 1);
    assert_eq!(listing["steps"]["moved"]["trapped"], 13);
    Ok(())
}
