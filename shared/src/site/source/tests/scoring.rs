//! `scoring.toml`.

use super::{Files, small_site};
use crate::domain::score::{Decay, DomainClass, Predicate, Seen, TouchMatch};

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
        "scoring.toml:23:8: error: the condition should compare `country` in one way; help: use one of `is = [..]`, `contains = [..]`, `matches = [..]`, `min`/`max`, `absent = true`",
    ]);
    with_rule("{ field = \"country\", equals = \"x\" }", "points = 1").says(&[
        "scoring.toml:23:8: error: the condition should compare `country` in one way; help: use one of `is = [..]`, `contains = [..]`, `matches = [..]`, `min`/`max`, `absent = true`",
        "scoring.toml:23:29: error: unknown key `equals` in condition `when`; help: known here: field, is, contains, matches, min, max, absent",
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
        "scoring.toml:23:10: error: `all` has more than one touchpoint condition, and no touchpoint is two things at once; help: make one rule for each touchpoint, or ask whether it happened at all: `at_least = 1`",
    ]);
    let inside = "{ not = { touchpoint = \"form_submitted\" } }";
    with_rule(inside, "points = 1").says(&[
        "scoring.toml:23:10: error: `not` alone would match every other touchpoint; help: put it beside the touchpoint that counts in `all`, or ask whether it never happened: `at_least = 1`",
    ]);
    let mixed = "{ any = [{ touchpoint = \"form_submitted\" }, { domain = \"business\" }] }";
    with_rule(mixed, "points = 1").says(&[
        "scoring.toml:23:10: error: `any` mixes touchpoints with conditions on the person; help: make a rule of each, or ask whether the touchpoint happened at all: `at_least = 1`",
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

#[test]
fn history_patterns_and_what_a_touchpoint_is_like_are_read() {
    assert_eq!(
        read("{ touchpoint = \"link_clicked\", at_least = 3, within_days = 7 }"),
        Predicate::Seen(Seen {
            of: TouchMatch::of("link_clicked"),
            at_least: 3,
            within_days: Some(7)
        })
    );
    assert_eq!(
        read("{ touchpoint = \"any\", page = \"/Pricing\", source = \"LinkedIn\", first = true }"),
        Predicate::Touchpoint(TouchMatch {
            page: Some("/pricing".into()),
            source: Some("linkedin".into()),
            first: true,
            ..TouchMatch::default()
        })
    );
    assert_eq!(
        read("{ field = \"email\", matches = [\"*@ACME.*\"] }"),
        Predicate::FieldMatches {
            field: "email".into(),
            any_of: vec!["*@acme.*".into()]
        }
    );
    assert_eq!(
        read("{ domain = \"disposable\" }"),
        Predicate::DomainIs(DomainClass::Disposable)
    );
    with_rule("{ touchpoint = \"any\", within_days = 7 }", "points = 1\ncap = 1").says(&[
        "scoring.toml:23:30: error: `within_days` needs a number of touchpoints; help: add `at_least = 3`, or remove it",
    ]);
}

#[test]
fn groups_ideal_customers_and_fading_are_read() {
    let rest = "points = 5\ngroup = \"clicks\"\nlose_percent = 10\nevery_days = 7\ncap = 20\n\n[[group]]\nid = \"clicks\"\nhalf_life_days = 30\n\n[[profile]]\nid = \"plant\"\nname = \"A plant\"";
    let model = with_rule("{ touchpoint = \"link_clicked\" }", rest)
        .load()
        .unwrap()
        .site
        .model;
    assert_eq!(model.groups[0].decay, Some(Decay::HalfLife { days: 30 }));
    assert_eq!(model.profiles[0].name, "A plant");
    let third = model.rules.last().unwrap();
    assert_eq!(
        model.decay_of(third),
        Some(Decay::Steps {
            percent: 10,
            every_days: 7
        })
    );
    with_rule("{ domain = \"business\" }", "points = 5\nhalf_life_days = 9\nlose_percent = 3\ngroup = \"clicks\"\nprofile = \"plant\"").says(&[
        "scoring.toml:25:1: error: points fade in one way only; help: use `half_life_days`, or `lose_percent` with `every_days`",
        "scoring.toml:27:9: error: there is no group `clicks`",
        "scoring.toml:28:11: error: a rule belongs to a group or to an ideal customer, not to both; help: remove `group` or `profile`",
        "scoring.toml:28:11: error: there is no profile `plant`",
    ]);
    with_rule("{ domain = \"business\" }", "points = 5\nhalf_life_days = 9").says(&[
        "scoring.toml:19:1: warning: the points of `third` never fade: nothing in its condition has a date; help: remove the fading, or add a touchpoint or an answer to the condition",
    ]);
}

#[test]
fn a_matrix_of_fit_and_engagement_can_stand_in_place_of_a_total() {
    let matrix = "[matrix]\nfit = [10, 5, 1]\nengagement = [10, 5]\nready = [\"A1\", \"A2\"]";
    let third = "\n[[rule]]\nid = \"third\"\nreason = \"R\"\ndimension = \"fit\"\nwhen = { domain = \"business\" }\npoints = 10\n";
    let site = small_site()
        .edit(SCORING, "[threshold]\ntotal = 20", matrix)
        .append(SCORING, third);
    let thresholds = site.clone().load().unwrap().site.model.thresholds;
    assert_eq!(thresholds.total, None);
    assert_eq!(thresholds.matrix.unwrap().ready.len(), 2);
    site.clone().edit(SCORING, "[10, 5, 1]", "[11, 5, 1]").says(&[
        "scoring.toml:2:8: error: no lead can reach `fit = 11`: all rules of dimension `fit` give at most 10 points; help: lower the threshold, or give more points",
    ]);
    site.clone().edit(SCORING, "[10, 5, 1]", "[5, 10, 1]").says(&[
        "scoring.toml:2:1: error: `fit` should be 3 falling numbers; help: the least fit points of A, B and C: `fit = [40, 20, 5]`; what is under them is D",
    ]);
    site.clone().edit(SCORING, "\"A1\", \"A2\"", "\"A2\", \"E1\"").says(&[
        "scoring.toml:4:1: warning: A2 goes to sales and A1, which is better, does not; help: add \"A1\"",
        "scoring.toml:4:16: error: `E1` is not a grade from A1 to D3; help: the grades that go to sales: `ready = [\"A1\", \"A2\", \"B1\"]`",
    ]);
}

#[test]
fn a_rule_that_can_never_match_is_told_with_the_reason() {
    let never = |when: &str, why: &str| {
        with_rule(when, "points = 1\ncap = 1").says(&[&format!(
            "scoring.toml:23:1: warning: the rule can never match: {why}"
        )]);
    };
    never(
        "{ touchpoint = \"form_submitted\", magnet = \"guide\" }",
        "a `form_submitted` names no magnet; help: use `magnet_downloaded`, or name the form that mails it",
    );
    with_rule("{ field = \"email\", absent = true }", "points = 1").says(&[
        "scoring.toml:23:1: warning: the rule can never match: every form requires `email`; help: remove the rule, or make the field optional",
    ]);
    with_rule("{ all = [{ field = \"budget\", is = \"small\" }, { field = \"budget\", is = \"large\" }] }", "points = 1").says(&[
        "scoring.toml:23:1: warning: the rule can never match: `budget` has one answer, and the two lists have none in common; help: use `any`, or make one rule for each",
    ]);
    with_rule("{ field = \"industry\", is = \"x\" }", "points = 1").says(&[
        "scoring.toml:23:18: warning: no form asks for `industry`, so only an import or sales can answer it; help: add a field `industry` to a form",
    ]);
}

#[test]
fn caps_that_shadow_a_rule_are_told() {
    let click = "{ touchpoint = \"link_clicked\" }";
    with_rule(click, "points = 10\ncap = 4").says(&[
        "scoring.toml:25:1: warning: `cap` is 4, so a match never gives its 10 points; help: raise the cap, or give fewer points",
    ]);
    with_rule(click, "points = 1\ncap = 4\ncap_per_day = 4").says(&[
        "scoring.toml:26:1: warning: `cap_per_day` has no effect: another cap is reached first; help: remove it",
    ]);
    with_rule(click, "points = 1\nonce = true\ncap = 4").says(&[
        "scoring.toml:26:1: warning: `cap` has no effect: the rule gives its points once; help: remove it",
    ]);
    with_rule(click, "points = 9\ngroup = \"g\"\n\n[[group]]\nid = \"g\"\ncap = 5").says(&[
        "scoring.toml:19:1: warning: `third` is the only rule of its group `g`; help: use the rule's own `cap`, or put other rules into the group",
        "scoring.toml:19:1: warning: the cap of group `g`, 5, is under the 9 points of one match of `third`; help: raise the cap of the group, or give fewer points",
    ]);
    let same = "{ field = \"budget\", is = [\"large\"] }";
    with_rule(same, "points = 1").edit(SCORING, "\"fit\"", "\"bant\"").says(&[
        "scoring.toml:23:1: warning: `budget` on line 12 has the same condition, so both always match together; help: put their points into one rule",
    ]);
}

#[test]
fn a_magnet_that_no_rule_knows_is_told_where_it_stands() {
    small_site()
        .edit(SCORING, ", form = \"guide\"", "")
        .says(&[
            "site.toml:12:6: warning: no rule knows the magnet `guide`; help: give points for it in scoring.toml: `when = { touchpoint = \"magnet_downloaded\", magnet = \"guide\" }`",
        ]);
}

#[test]
fn ids_of_groups_and_ideal_customers_do_not_overlap() {
    let both = "points = 1\n\n[[group]]\nid = \"x\"\nhalf_life_days = 3\n\n[[profile]]\nid = \"x\"\nname = \"X\"";
    with_rule("{ domain = \"business\" }", both)
        .says(&["scoring.toml:31:6: error: there is another id `x` on line 27"]);
}

#[test]
fn the_rules_of_a_group_count_in_one_dimension() {
    let groups = "\n[[group]]\nid = \"g\"\ncap = 20\n";
    let rule = |id: &str, dimension: &str| {
        format!(
            "\n[[rule]]\nid = \"{id}\"\nreason = \"R\"\ndimension = \"{dimension}\"\ngroup = \"g\"\npoints = 5\nwhen = {{ touchpoint = \"magnet_downloaded\" }}\n"
        )
    };
    let text = format!(
        "{groups}{}{}",
        rule("one", "fit"),
        rule("two", "engagement")
    );
    let found = small_site().append(SCORING, &text).load().unwrap_err();
    let said = found.iter().map(ToString::to_string).collect::<String>();
    assert!(
        said.contains("`one` and `two` are of one group and count in different dimensions"),
        "{said}"
    );
}
