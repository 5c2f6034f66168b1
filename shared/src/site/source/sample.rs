//! What each mail has to say, with made-up values: the variables a template may use, and no others. The checker renders every template
//! with these, so that a misspelt variable is found before any mail is sent; people can look at the result.
//!
//! The renderer of each mail supplies exactly these names. A text that is not there is empty, never absent.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::site::{Business, Sender};

/// The mails every site has templates for.
pub const MAILS: [&str; 4] = ["magnet", "confirm", "notice", "alert"];
/// The mail that reminds somebody of a click, where a form wants that.
pub const REMINDER: &str = "reminder";
/// What the mails that follow a download have in common; the site names them.
pub const FOLLOW_UP: &str = "follow_up";

/// Sample data for a mail: first everything filled in, then as little as can be. Nothing for a name that no mail has. `to` are the
/// tracked links of the site.
pub fn samples(
    mail: &str,
    business: &Business,
    sender: &Sender,
    to: &BTreeMap<String, String>,
) -> Vec<Value> {
    let (full, bare) = match mail {
        "magnet" => (magnet(), bare_magnet()),
        "confirm" => (confirm(), bare_confirm()),
        "notice" => (notice(), bare_notice()),
        REMINDER => (reminder(), bare_reminder()),
        FOLLOW_UP => (follow_up(), bare_follow_up()),
        "alert" => (alert(), bare_alert()),
        _ => return Vec::new(),
    };
    [full, bare]
        .into_iter()
        .map(|mut sample| {
            sample["business"] = json!(business);
            sample["sender"] = json!({ "name": sender.name });
            // What goes to sales has no links of the site.
            if !matches!(mail, "notice" | "alert") {
                let tracked: BTreeMap<&String, String> =
                    to.keys().map(|id| (id, link("t"))).collect();
                sample["links"]["to"] = json!(tracked);
            }
            sample
        })
        .collect()
}

/// Who mails come from where the site does not say it rightly yet, so that its templates can be checked all the same.
pub(super) fn stand_in() -> (Business, Sender) {
    let text = |text: &str| text.to_owned();
    let business = Business {
        name: text("Example"),
        postal_address: text("Example Ltd, 1 High Street, London, UK"),
        website: text("https://www.example.com"),
        privacy_url: text("https://www.example.com/privacy"),
        language: text("en"),
        accent: text("#1f5fbf"),
    };
    (
        business,
        Sender {
            name: text("Example"),
            reply_to: None,
        },
    )
}

const CONSENT: &str =
    "Send me about one mail a month with field notes. I can unsubscribe in every mail.";

fn link(kind: &str) -> String {
    format!("https://leads.example.com/{kind}/v1.a.c2FtcGxlLXRva2VuLXNhbXBsZS10b2tlbg.c2FtcGxl")
}

/// The links of a mail; those not named are empty.
fn links(present: &[&str]) -> Value {
    let url = |name: &str, kind: &str| {
        if present.contains(&name) {
            link(kind)
        } else {
            String::new()
        }
    };
    json!({
        "download": url("download", "d"),
        "confirm": url("confirm", "c"),
        "unsubscribe": url("unsubscribe", "u"),
        "not_me": url("not_me", "u"),
        "preferences": url("preferences", "p"),
        "accept": url("accept", "h"),
        "reject": url("reject", "h"),
        "snooze": url("snooze", "h"),
        "not_mine": url("not_mine", "h"),
        "open": url("open", "h"),
    })
}

fn magnet() -> Value {
    json!({
        "form": { "id": "guide", "title": "Get the guide" },
        "magnet": {
            "title": "The guide to the matter at hand",
            "description": "What it is, what it costs, and the questions to ask before you decide.",
            "save_as": "guide.pdf",
            "size": "212 kB",
            "content_type": "application/pdf",
        },
        "first_name": "Ada",
        "consents": [CONSENT],
        "links": links(&["download", "unsubscribe", "not_me", "preferences"]),
        "expires": "8 March 2026",
    })
}

fn bare_magnet() -> Value {
    let mut sample = magnet();
    sample["magnet"]["description"] = json!("");
    sample["first_name"] = json!("");
    sample["consents"] = json!([]);
    sample["links"] = links(&["download", "not_me"]);
    sample
}

fn confirm() -> Value {
    json!({
        "form": { "id": "demo", "title": "Ask for a visit" },
        "first_name": "Ada",
        "consents": [CONSENT],
        "came_back": false,
        "links": links(&["confirm", "not_me"]),
        "expires": "8 March 2026",
    })
}

/// The reminder of a form with a magnet. Of a form without one, there is nothing in `magnet`, and the link is `links.confirm`.
fn reminder() -> Value {
    let mut sample = magnet();
    sample["links"] = links(&["download", "not_me"]);
    sample
}

fn bare_reminder() -> Value {
    let mut sample = bare_magnet();
    for name in ["title", "description", "save_as", "size", "content_type"] {
        sample["magnet"][name] = json!("");
    }
    sample["links"] = links(&["confirm", "not_me"]);
    sample
}

/// A mail some days after a download.
fn follow_up() -> Value {
    let mut sample = magnet();
    sample["links"] = links(&["download", "unsubscribe", "preferences"]);
    sample["consents"] = json!([]);
    sample
}

fn bare_follow_up() -> Value {
    let mut sample = follow_up();
    sample["magnet"]["description"] = json!("");
    sample["first_name"] = json!("");
    sample
}

fn bare_confirm() -> Value {
    let mut sample = confirm();
    sample["first_name"] = json!("");
    sample["consents"] = json!([]);
    sample["came_back"] = json!(true);
    sample
}

fn notice() -> Value {
    json!({
        "form": { "id": "demo", "title": "Ask for a visit" },
        "answers": [
            { "label": "Work email", "value": "ada@example.com" },
            { "label": "Company", "value": "Analytical Engines & Sons <Ltd>" },
            { "label": "What would you like to know?", "value": "Whether the engine fits\nour old mill." },
        ],
        "submitted_at": "1 March 2026, 09:30 UTC",
        "lead_ref": "k3v7q2m4",
        "links": links(&[]),
    })
}

fn bare_notice() -> Value {
    let mut sample = notice();
    sample["answers"] = json!([]);
    sample
}

fn alert() -> Value {
    json!({
        "links": links(&["accept", "reject", "snooze", "not_mine", "open"]),
        "handoff": {
            "name": "Ada Lovelace",
            "job_title": "Head of Engineering",
            "company": "Analytical Engines & Sons <Ltd>",
            "email": "ada@example.com",
            "mailto": "mailto:ada@example.com",
            "phone": "+44 20 7946 0958",
            "country": "United Kingdom",
            "profile": [
                { "field": "phone", "label": "Phone", "value": "+44 20 7946 0958", "link": "tel:+442079460958" },
                { "field": "country", "label": "Country of the plant", "value": "United Kingdom", "link": "" },
                { "field": "employees", "label": "People at the site", "value": "250", "link": "" },
            ],
            "no_call": "",
            "reachability": "confirmed by a click",
            "stage": "ready for sales",
            "qualified_at": "1 March 2026, 09:30 UTC",
            "answer_by": "Monday 2 March, 13:30",
            "score": { "total": 92, "fit": 25, "engagement": 32, "bant": 35 },
            "lines": [
                { "rule": "asked-for-a-visit", "reason": "Asked for a visit", "points": 20, "count": 1, "dimension": "engagement" },
                { "rule": "read-the-guide", "reason": "Downloaded the guide", "points": 12, "count": 3, "dimension": "engagement" },
                { "rule": "employer", "reason": "Writes from an employer's address", "points": 25, "count": 1, "dimension": "fit" },
                { "rule": "has-a-budget", "reason": "Has a budget of 250,000 or more", "points": 40, "count": 1, "dimension": "bant" },
                { "rule": "no-date", "reason": "Has no date in mind", "points": -5, "count": 1, "dimension": "bant" },
            ],
            "bant": [
                { "label": "Budget", "value": "Over 250,000" },
                { "label": "Authority", "value": "I decide" },
                { "label": "Need", "value": "Replace a boiler, cut emissions" },
                { "label": "Timeline", "value": "" },
            ],
            "unknown": ["timeline"],
            "timeline": [
                { "at": "26 Feb 2026, 14:02", "text": "submitted the form Get the guide" },
                { "at": "26 Feb 2026, 14:05", "text": "downloaded The guide to the matter at hand" },
                { "at": "1 Mar 2026, 09:30", "text": "submitted the form Ask for a visit" },
            ],
            "comments": [
                { "label": "What should we know?", "text": "Whether the engine fits\nour old mill." },
            ],
            "source": { "first": "google / cpc / spring", "first_at": "26 February 2026, 14:02 UTC", "last": "direct", "last_at": "1 March 2026, 09:30 UTC" },
            "consents": [{ "purpose": "newsletter", "state": "granted on 2026-02-26" }],
            "owner": { "name": "Grace Hopper" },
            "routed_because": "Country of the plant is United Kingdom",
            "known": "Already with you. Taken on 3 June 2025.",
            "again": false,
            "action": { "text": "Call today and offer two dates for a visit.", "reason": "They want to decide within three months." },
            "model_hash": "0123456789abcdef",
            "cycle": 1,
        },
    })
}

fn bare_alert() -> Value {
    let mut sample = alert();
    for name in [
        "name",
        "job_title",
        "company",
        "phone",
        "country",
        "routed_because",
        "answer_by",
        "known",
    ] {
        sample["handoff"][name] = json!("");
    }
    for list in [
        "lines", "timeline", "comments", "consents", "profile", "unknown",
    ] {
        sample["handoff"][list] = json!([]);
    }
    sample["handoff"]["source"] = json!({ "first": "", "first_at": "", "last": "", "last_at": "" });
    sample["handoff"]["action"] = json!({ "text": "", "reason": "" });
    sample["handoff"]["no_call"] = json!("They did not agree to be called.");
    sample["handoff"]["cycle"] = json!(2);
    sample["handoff"]["again"] = json!(true);
    sample["links"] = links(&[]);
    sample
}
