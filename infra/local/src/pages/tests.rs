//! What the pages say, and that they say it to everybody: missing fields, hostile values, contrast.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::*;

fn document() -> Value {
    serde_json::from_str(include_str!("tests/lead.json")).unwrap_or_default()
}

#[test]
fn a_lead_page_explains_every_point_and_sums_them() {
    let page = lead(&document());
    for expected in [
        "Ada Lovelace",
        "Head of Marketing, Analytical Engines Ltd",
        "Works in a company of the right size",
        "Sum of the lines",
        "\u{2212}10",
        "Address confirmed",
        "Handed to sales",
        "Next step",
        "Outcome unknown",
        "Given and confirmed",
        "From google / cpc / spring",
        "Taken for a machine",
    ] {
        assert!(page.contains(expected), "{expected} is not on the page");
    }
    assert!(!page.contains("That is a fault"));
}

#[test]
fn a_lead_page_says_in_words_what_is_kept_as_a_code() {
    let mut doc = document();
    doc["touchpoints"][0]["answers"] = json!([
        {"name": "phone", "value": {"text": "+442079460958"}},
        {"name": "country", "value": {"text": "GB"}},
    ]);
    doc["touchpoints"][0]["typed"] =
        json!([{"name": "phone", "value": {"text": "(020) 7946 0958"}}]);
    doc["touchpoints"][0]["flags"] = json!(["role_address"]);
    doc["words"]["people"] = json!({"mira": "Mira de Vries"});
    doc["touchpoints"][1]["person"] = json!("mira");
    let page = lead(&doc);
    for expected in [
        "+442079460958, typed as “(020) 7946 0958”",
        "United Kingdom",
        "An address of a team or a function",
        "to Mira de Vries",
    ] {
        assert!(page.contains(expected), "{expected} is not on the page");
    }
}

#[test]
fn a_breakdown_that_does_not_sum_up_is_told() {
    let mut doc = document();
    doc["lead"]["score"]["total"] = json!(99);
    assert!(lead(&doc).contains("That is a fault"));
}

#[test]
fn a_lead_that_may_get_no_mail_says_why_and_one_not_scored_says_that() {
    let mut doc = document();
    doc["guard"] = json!({"suppressed": {"reason": "complaint", "at": 1_772_357_400_000_i64}});
    assert!(lead(&doc).contains("No mail since 1 Mar 2026, 09:30: reported as spam"));
    doc["lead"] = json!(null);
    doc["touchpoints"][0]["email"] = json!("new@example.org");
    let page = lead(&doc);
    assert!(page.contains("not been scored yet") && page.contains("<h1>new@example.org</h1>"));
}

#[test]
fn pages_stand_with_every_field_missing() {
    for page in [
        leads(&json!(null)),
        leads(&json!([{}])),
        lead(&json!({})),
        lead(
            &json!({"lead": {"breakdown": [{}], "stage_history": [{}]}, "touchpoints": [{}], "outbox": [{}], "handoffs": [{}], "consents": [{}]}),
        ),
        inbox(&json!([])),
        inbox(&json!([{}])),
        mail(&json!({})),
        mail(&json!({"events": [{}]})),
    ] {
        assert!(page.starts_with("<!doctype html>"));
        assert_eq!(page.matches("<h1>").count(), 1);
        assert_eq!(page.matches("<main").count(), 1);
    }
}

#[test]
fn what_visitors_wrote_never_becomes_markup() {
    let evil = "\"><script>alert(1)</script>";
    let mut doc = document();
    doc["lead"]["profile"]["first_name"]["value"] = json!({"text": evil});
    doc["lead"]["email"] = json!(evil);
    doc["touchpoints"][0]["answers"][0]["value"] = json!({"text": evil});
    doc["touchpoints"][0]["source"]["page"] = json!(evil);
    let list = json!([doc["lead"]]);
    let one = json!({"id": "m", "subject": evil, "text": evil, "html": evil, "tags": {evil: evil}, "links": [evil, "javascript:alert(1)"]});
    for page in [lead(&doc), leads(&list), mail(&one), inbox(&json!([one]))] {
        assert!(!page.contains("<script"));
        assert!(!page.contains("javascript:"));
    }
}

#[test]
fn the_lead_list_puts_the_latest_touch_first_and_links_by_address() {
    let list = json!({"leads": [
        {"email": "old+x@example.org", "last_seen": 1, "stage": "lead", "score": {"total": 5}},
        {"lead": {"email": "new@example.org", "last_seen": 2, "stage": "mql", "score": {"total": 150}}},
    ]});
    let page = leads(&list);
    let old = page.find("/local/leads?email=old%2Bx%40example.org");
    let new = page.find("/local/leads?email=new%40example.org");
    assert!(new < old && new.is_some(), "{new:?} {old:?}");
    assert!(page.contains("2 leads, 1 with sales"));
}

#[test]
fn pages_fetch_nothing() {
    for page in [lead(&document()), leads(&json!([])), inbox(&json!([]))] {
        for fetching in [
            "<script",
            "<link rel=\"stylesheet",
            "src=\"http",
            "@import",
            "url(",
        ] {
            assert!(!page.contains(fetching), "{fetching}");
        }
        assert!(!page.contains(" style=\""), "the policy would drop it");
    }
}

/// WCAG 2 relative luminance of `#rrggbb`.
fn luminance(colour: &str) -> f64 {
    let channel = |at: usize| {
        let byte = u8::from_str_radix(&colour[at..at + 2], 16).unwrap_or_default();
        let share = f64::from(byte) / 255.0;
        if share <= 0.040_45 {
            share / 12.92
        } else {
            ((share + 0.055) / 1.055).powf(2.4)
        }
    };
    0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
}

#[test]
fn every_pair_of_text_and_ground_is_readable_in_light_and_dark() {
    let colours = |block: &str| -> HashMap<String, String> {
        block
            .split(';')
            .filter_map(|declaration| {
                let (name, value) = declaration.split_once(": #")?;
                let name = name.rsplit("--").next()?;
                Some((name.to_owned(), format!("#{}", value.trim())))
            })
            .collect()
    };
    let mut blocks = STYLE.split(":root {").skip(1);
    for theme in ["light", "dark"] {
        let block = blocks.next().and_then(|rest| rest.split('}').next());
        let colours = colours(block.unwrap_or_default());
        for (text, ground) in [
            ("ink", "bg"),
            ("ink", "surface"),
            ("ink", "sunken"),
            ("ink", "accent-soft"),
            ("muted", "bg"),
            ("muted", "surface"),
            ("muted", "sunken"),
            ("muted", "chip"),
            ("accent", "surface"),
            ("accent", "bg"),
            ("accent", "accent-soft"),
            ("on-accent", "accent"),
            ("good", "good-soft"),
            ("warn", "warn-soft"),
            ("bad", "bad-soft"),
            ("bad", "surface"),
            ("violet", "violet-soft"),
            ("blue", "blue-soft"),
        ] {
            let (a, b) = (luminance(&colours[text]), luminance(&colours[ground]));
            let ratio = (a.max(b) + 0.05) / (a.min(b) + 0.05);
            assert!(ratio >= 4.5, "{theme}: {text} on {ground} is {ratio:.2}");
        }
    }
}
