//! `scoring.toml`.

use super::{Files, small_site};
use crate::domain::score::{DomainClass, Predicate, TouchMatch};

const SCORING: &str = "scoring.toml";

/// The small site with a third rule; its `when` stands on line 23.
fn with_rule(when: &str, rest: &str) -> Files {
    small_site().append(
        SCORING,
        &format!("\n[[rule]]\nid = \"third\"\nreason = \"R\"\ndimension = \"fit\"\nwhen = {when}\n{rest}\n"),
    )
}

/// What a condition is read as.
fn read(when: &str) -> Predicate {
    with_rule(when, "points = 1")
        .load()
        .unwrap()
        .site
        .model
        .rules
        .pop()
        .unwrap()
        .when
}

#[test]
fn conditions_read_as_they_are_written() {
    let is = |field: &str, value: &str| Predicate::FieldIs {
        field: field.into(),
        any_of: vec![value.into()],
    };
    assert_eq!(
        read("{ field = \"country\", is = [\"DE\"] }"),
        is("country", "de")
    );
    assert_eq!(
        read("{ field = \"job_title\", contains = \"Engineer\" }"),
        Predicate::FieldContains {
            field: "job_title".into(),
            any_of: vec!["engineer".into()]
        }
    );
    assert_eq!(
        read("{ field = \"employees\", min = 50 }"),
        Predicate::FieldBetween {
            field: "employees".into(),
            min: Some(50),
            max: None
        }
    );
    assert_eq!(
        read("{ field = \"phone\", absent = true }"),
        Predicate::FieldAbsent {
            field: "phone".into()
        }
    );
    assert_eq!(
        read("{ domain = \"free_mail\" }"),
        Predicate::DomainIs(DomainClass::FreeMail)
    );
    assert_eq!(
        read(
            "{ all = [{ domain = \"business\" }, { any = [{ field = \"country\", is = \"DE\" }, { not = { field = \"country\", is = \"AT\" } }] }] }"
        ),
        Predicate::All(vec![
            Predicate::DomainIs(DomainClass::Business),
            Predicate::Any(vec![
                is("country", "de"),
                Predicate::Not(Box::new(is("country", "at")))
            ]),
        ])
    );
    assert_eq!(
        read("{ touchpoint = \"magnet_downloaded\", magnet = \"guide\" }\ncap = 1"),
        Predicate::Touchpoint(TouchMatch {
            magnet: Some("guide".into()),
            ..TouchMatch::of("magnet_downloaded")
        })
    );
}

#[test]
fn a_condition_speaks_of_one_thing_in_one_way() {
    with_rule("{ is = [\"x\"] }", "points = 1").says(&[
        "scoring.toml:23:8: error: the condition does not say what it is about; help: begin with one of touchpoint, field, domain, all, any, not: `{ field = \"country\", is = [\"DE\"] }`",
    ]);
    with_rule("{ field = \"country\", is = [\"x\"], domain = \"business\" }", "points = 1").says(&[
        "scoring.toml:23:41: error: the condition speaks of `field` and of `domain`; help: put each into its own braces: `all = [{ .. }, { .. }]`",
    ]);
    with_rule("{ field = \"country\" }", "points = 1").says(&[
        "scoring.toml:23:8: error: the condition should compare `country` in one way; help: use one of `is = [..]`, `contains = [..]`, `min`/`max`, `absent = true`",
    ]);
    with_rule("{ field = \"country\", equals = \"x\" }", "points = 1").says(&[
        "scoring.toml:23:8: error: the condition should compare `country` in one way; help: use one of `is = [..]`, `contains = [..]`, `min`/`max`, `absent = true`",
        "scoring.toml:23:29: error: unknown key `equals` in condition `when`; help: known here: field, is, contains, min, max, absent",
    ]);
}

#[test]
fn fields_and_values_of_conditions_are_known() {
    with_rule("{ field = \"jobtitle\", contains = \"x\" }", "points = 1").says(&[
        "scoring.toml:23:18: error: no form asks for a field `jobtitle`; help: did you mean `job_title`?",
    ]);
    with_rule("{ field = \"budget\", is = [\"larg\"] }", "points = 1").says(&[
        "scoring.toml:23:34: warning: no form offers `larg` as an answer to `budget`; help: did you mean `large`?",
    ]);
    with_rule("{ field = \"budget\", min = 5 }", "points = 1").says(&[
        "scoring.toml:23:18: warning: no form asks for `budget` as a number; help: compare it with `is`, or make the field `kind = \"number\"`",
    ]);
}

#[test]
fn touchpoints_are_known_and_done_by_the_lead() {
    with_rule("{ touchpoint = \"form_submited\" }", "points = 1\ncap = 1").says(&[
        "scoring.toml:23:23: error: there is no touchpoint `form_submited`; help: did you mean `form_submitted`?",
    ]);
    with_rule("{ touchpoint = \"delivered\" }", "points = 1\ncap = 1").says(&[
        "scoring.toml:23:23: error: `delivered` is not something the lead did, so it never gives points; help: score what people do, such as `form_submitted` or `magnet_downloaded`",
    ]);
    with_rule(
        "{ touchpoint = \"form_submitted\", form = \"gide\", magnet = \"x\" }",
        "points = 1\ncap = 1",
    )
    .says(&[
        "scoring.toml:23:48: error: there is no form `gide`; help: did you mean `guide`?",
        "scoring.toml:23:65: error: there is no magnet `x`; help: known here: guide",
    ]);
}

#[test]
fn a_rule_is_about_one_touchpoint() {
    let two = "{ all = [{ touchpoint = \"form_submitted\" }, { touchpoint = \"link_clicked\" }] }";
    with_rule(two, "points = 1\ncap = 1").says(&[
        "scoring.toml:23:10: error: `all` has more than one touchpoint condition, and no touchpoint is two things at once; help: make one rule for each touchpoint",
    ]);
    let inside = "{ not = { touchpoint = \"form_submitted\" } }";
    with_rule(inside, "points = 1").says(&[
        "scoring.toml:23:10: error: `not` can hold conditions on fields and domains only; help: make one rule for each touchpoint, or put the touchpoint beside it in `all`",
    ]);
    with_rule("{ any = [{ touchpoint = \"form_submitted\" }] }", "points = 1").says(&[
        "scoring.toml:23:10: error: `any` can hold conditions on fields and domains only; help: make one rule for each touchpoint, or put the touchpoint beside it in `all`",
    ]);
}

#[test]
fn points_and_caps_are_within_bounds_and_mean_something() {
    with_rule("{ domain = \"business\" }", "points = 1001")
        .says(&["scoring.toml:24:10: error: `points` is 1001, but should be from -1000 to 1000"]);
    with_rule("{ domain = \"business\" }", "points = 0").says(&[
        "scoring.toml:24:10: error: a rule of no points says nothing; help: give it points, or remove the rule",
    ]);
    with_rule("{ domain = \"business\" }", "points = 1\ncap = 5").says(&[
        "scoring.toml:25:1: warning: `cap` has no effect: a condition on the profile gives its points once; help: remove it",
    ]);
    with_rule("{ touchpoint = \"link_clicked\" }", "points = 1").says(&[
        "scoring.toml:19:1: warning: the rule has no cap: repeating one thing makes a lead ready for sales; help: add `cap = ...`, the most points the rule gives in all",
    ]);
}

#[test]
fn rules_have_one_id_each() {
    small_site()
        .edit(SCORING, "id = \"budget\"", "id = \"asked\"")
        .says(&["scoring.toml:13:6: error: there is another rule `asked` on line 5"]);
}

#[test]
fn a_threshold_that_no_lead_can_reach_is_an_error() {
    small_site().edit(SCORING, "total = 20", "total = 21").says(&[
        "scoring.toml:2:9: error: no lead can reach `total = 21`: all rules together give at most 20 points; help: lower the threshold, or give more points",
    ]);
    small_site().edit(SCORING, "total = 20", "total = 20\nfit = 1").says(&[
        "scoring.toml:3:7: error: no lead can reach `fit = 1`: all rules of dimension `fit` give at most 0 points; help: lower the threshold, or give more points",
    ]);
    let uncapped = "{ touchpoint = \"link_clicked\" }";
    with_rule(uncapped, "points = 1\ncap_per_day = 1")
        .edit(SCORING, "total = 20", "total = 500")
        .says(&[]);
}

#[test]
fn lists_of_domains_hold_domains() {
    small_site().edit(SCORING, "[threshold]", "competitor_domains = [\"rival\", \"gmail.com\"]\n\n[threshold]").says(&[
        "scoring.toml:1:1: error: gmail.com is both a competitor and a free-mail provider",
        "scoring.toml:1:23: error: `rival` is not a domain; help: write what stands after the @: `example.com`",
    ]);
}

#[test]
fn the_hash_of_the_model_follows_its_content() {
    let hash = |files: Files| files.load().unwrap().site.model.hash;
    let plain = hash(small_site());
    assert_eq!(plain.len(), 16);
    assert_eq!(
        hash(small_site().edit("site.toml", "Mira", "Mirjam")),
        plain
    );
    assert_ne!(
        hash(small_site().edit(SCORING, "points = 10", "points = 11")),
        plain
    );
}
