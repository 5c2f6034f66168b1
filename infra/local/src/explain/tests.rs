//! What `lodestone explain` says of five leads, as people read it.

use serde_json::{Value, json};
use shared::domain::time::Timestamp;
use shared::site::Site;
use shared::site::source::load;

use super::text::text;
use super::*;

/// 2026-03-02T09:00:00Z, a Monday.
const T0: i64 = 1_772_442_000_000;
const DAY: i64 = 86_400_000;

/// The example site with ideal customers, fading clicks and grades.
fn site() -> Site {
    let project = concat!(env!("CARGO_MANIFEST_DIR"), "/../site");
    let folder = tempfile::tempdir().unwrap();
    copy(project.as_ref(), folder.path());
    let file = folder.path().join("scoring.toml");
    let model = std::fs::read_to_string(&file).unwrap()
        + r#"
[[profile]]
id = "plant"
name = "Runs a plant"

[[profile]]
id = "advisor"
name = "Advises plants"

[[rule]]
id = "runs-a-plant"
reason = "Runs a plant of some size"
dimension = "fit"
profile = "plant"
when = { all = [{ field = "employees", min = 200 }, { field = "job_title", matches = ["head of *", "*director*", "plant *"] }] }
points = 15

[[rule]]
id = "advises"
reason = "Advises others on energy"
dimension = "fit"
profile = "advisor"
when = { field = "job_title", contains = ["consult", "engineer"] }
points = 5

[[rule]]
id = "keeps-coming-back"
reason = "Came back three times within a week"
dimension = "engagement"
when = { touchpoint = "link_clicked", at_least = 3, within_days = 7 }
points = 8
half_life_days = 14
"#;
    std::fs::write(&file, model).unwrap();
    load(folder.path()).unwrap_or_else(|e| panic!("{e}")).site
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn fact(kind: &str, id: &str, at: i64, rest: &Value) -> Value {
    let mut fact = json!({
        "lead_id": "aeaqcaibaeaqcaibaeaqcaibae",
        "id": id, "kind": kind, "at": at, "recorded_at": at, "trust": "typed", "v": 1,
    });
    let fields = rest.as_object().unwrap().clone();
    fact.as_object_mut().unwrap().extend(fields);
    fact
}

fn submitted(form: &str, at: i64, email: &str, answers: &[(&str, &str)]) -> Value {
    let answers: Vec<Value> = answers
        .iter()
        .map(|(name, value)| json!({"name": name, "value": {"text": value}}))
        .collect();
    let rest = json!({"form": form, "email": email, "answers": answers});
    fact("form_submitted", &format!("sub_{form}"), at, &rest)
}

fn downloaded(at: i64) -> Value {
    let rest = json!({"form": "guide", "magnet": "heat-guide"});
    fact("magnet_downloaded", "dwn_1", at, &rest)
}

fn clicks(days: &[i64]) -> impl Iterator<Item = Value> {
    days.iter().map(|day| {
        fact(
            "link_clicked",
            &format!("clk_{day}"),
            T0 + day * DAY,
            &json!({}),
        )
    })
}

const ADA: &str = "ada@factory.example";

fn reader(email: &str, job: &str) -> Vec<Value> {
    let known = [
        ("first_name", "Ada"),
        ("last_name", "Osei"),
        ("job_title", job),
    ];
    vec![
        submitted("guide", T0, email, &known),
        downloaded(T0 + 60_000),
    ]
}

fn explained(facts: &[Value], days: i64) -> Explanation {
    let doc = json!({ "touchpoints": facts, "handoffs": [], "guard": null });
    of(&doc, &site(), Timestamp(T0 + days * DAY))
        .unwrap()
        .unwrap()
}

fn check(name: &str, facts: &[Value], days: i64) {
    let explanation = explained(facts, days);
    let sum: i32 = explanation.explained.rules.iter().map(|r| r.points).sum();
    assert_eq!(sum, explanation.explained.lead.score.total);
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.add_filter("Model [0-9a-f]{16}", "Model [hash]");
    settings.bind(|| insta::assert_snapshot!(name, text(&explanation, &site())));
}

#[test]
fn a_lead_with_much_fit_and_little_interest() {
    let known = [
        ("first_name", "Ada"),
        ("job_title", "Head of energy"),
        ("employees", "650"),
        ("timeline", "no-date"),
    ];
    check("explain_fit", &[submitted("demo", T0, ADA, &known)], 0);
}

#[test]
fn a_lead_with_much_interest_and_little_fit() {
    let mut facts = reader("ada@gmail.com", "Energy consultant");
    facts.extend(clicks(&[1, 2, 3, 4, 5, 6]));
    check("explain_engagement", &facts, 6);
}

#[test]
fn a_lead_whose_interest_grew_cold() {
    let mut facts = reader(ADA, "Plant engineer");
    facts.extend(clicks(&[1, 2, 3]));
    check("explain_decayed", &facts, 100);
}

#[test]
fn a_lead_that_a_rule_rules_out() {
    check(
        "explain_disqualified",
        &reader("spy@rival-heat.example", "Plant engineer"),
        1,
    );
}

#[test]
fn a_lead_that_somebody_decided_about() {
    let mut facts = reader(ADA, "Plant director");
    let rest = json!({
        "author": "mira", "comment": "Customer since 2019; talks to Jonas already.",
        "stage": "disqualified", "until": T0 + 30 * DAY,
    });
    facts.push(fact("overridden", "ovr_1", T0 + DAY, &rest));
    check("explain_overridden", &facts, 2);
}

#[test]
fn an_instant_in_the_past_knows_only_what_had_happened() {
    let facts = reader(ADA, "Plant engineer");
    assert_eq!(explained(&facts, 0).facts.len(), 1);
    let doc = json!({ "touchpoints": facts, "handoffs": [] });
    let before = of(&doc, &site(), Timestamp(T0 - 1)).unwrap();
    assert!(before.is_none());
}
