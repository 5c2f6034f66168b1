//! Moves from stage to stage: by hand, by time, by a rule that rules out; and what fades.

use super::tests::{T0, fact, id, model, qualifying, submitted, under};
use super::*;
use crate::domain::score::{Decay, Dimension, Predicate, Recycle, Rule, Thresholds, TouchMatch};
use crate::domain::stage::StageCause;

fn at(model: &ScoreModel, facts: &[Touchpoint], days: i64) -> Lead {
    let under = Under {
        now: T0.plus_days(days),
        ..under(model)
    };
    fold(id(), facts, &under).unwrap()
}

fn put_by_hand(stage: Option<Stage>, day: i64, until_day: Option<i64>) -> Touchpoint {
    let mut t = fact(TouchpointKind::Overridden, &format!("o{day}"), day * 1440);
    t.author = Some("mira".into());
    t.reason = Some("asked us to wait".into());
    t.stage = stage;
    t.until = until_day.map(|d| T0.plus_days(d));
    t
}

fn handed_back(day: i64) -> Touchpoint {
    let mut rejected = fact(TouchpointKind::Rejected, "r", day * 1440);
    rejected.cycle = Some(1);
    rejected.reason = Some("timing".into());
    rejected
}

#[test]
fn a_stage_set_by_hand_holds_until_its_date_and_time_alone_then_qualifies() {
    let model = model();
    let mut facts = vec![put_by_hand(Some(Stage::Disqualified), -1, Some(10))];
    facts.extend(qualifying());
    let held = at(&model, &facts, 9);
    assert_eq!((held.stage, held.cycle), (Stage::Disqualified, 0));
    assert_eq!(held.review_at, Some(T0.plus_days(10)));
    let later = at(&model, &facts, 10);
    assert_eq!((later.stage, later.cycle), (Stage::Mql, 1));
    assert_eq!(later.stage_since, T0.plus_days(10));
    assert_eq!((later.review_at, later.held), (None, None));
    assert!(held.fingerprint != later.fingerprint);
    assert_eq!(later.fingerprint, at(&model, &facts, 99).fingerprint);
}

#[test]
fn what_was_decided_by_hand_can_be_taken_back() {
    let model = model();
    let mut facts = vec![put_by_hand(Some(Stage::Lead), -1, None)];
    facts.extend(qualifying());
    assert_eq!(at(&model, &facts, 5).stage, Stage::Lead);
    facts.push(put_by_hand(None, 6, None));
    let lead = at(&model, &facts, 7);
    assert_eq!(
        (lead.stage, lead.stage_since),
        (Stage::Mql, T0.plus_days(6))
    );
    let causes: Vec<_> = lead.stage_history.iter().map(|c| c.cause.clone()).collect();
    assert!(causes.contains(&Some(StageCause::Override)));
    assert!(causes.contains(&Some(StageCause::OverrideEnded)));
}

#[test]
fn an_operator_can_hand_a_lead_to_sales_whatever_its_points_and_only_once() {
    let model = model();
    let mut facts = vec![submitted("guide", 0, &[])];
    facts.push(put_by_hand(Some(Stage::Mql), 1, None));
    facts.push(put_by_hand(Some(Stage::Mql), 2, None));
    let lead = at(&model, &facts, 3);
    assert_eq!((lead.stage, lead.cycle), (Stage::Mql, 1));
}

#[test]
fn what_sales_says_outranks_what_was_decided_by_hand() {
    let model = model();
    let mut facts = qualifying();
    facts.push(put_by_hand(Some(Stage::Disqualified), 1, Some(30)));
    let mut accepted = fact(TouchpointKind::Accepted, "a", 2 * 1440);
    accepted.cycle = Some(1);
    facts.push(accepted);
    let lead = at(&model, &facts, 40);
    assert_eq!((lead.stage, lead.held), (Stage::Sal, None));
}

#[test]
fn a_lead_handed_back_rests_and_qualifies_when_the_rest_is_over() {
    let resting = ScoreModel {
        recycle: Recycle {
            cool_down_days: 30,
            must_gain: 0,
        },
        ..model()
    };
    let mut facts = qualifying();
    facts.push(handed_back(1));
    assert_eq!(
        at(&resting, &facts, 90).stage,
        Stage::Recycled,
        "nothing done since"
    );
    facts.push(submitted("back", 5 * 1440, &[]));
    let resting_still = at(&resting, &facts, 30);
    assert_eq!(resting_still.stage, Stage::Recycled);
    assert_eq!(resting_still.review_at, Some(T0.plus_days(31)));
    let rested = at(&resting, &facts, 31);
    assert_eq!((rested.stage, rested.cycle), (Stage::Mql, 2));
    assert_eq!(rested.stage_since, T0.plus_days(31));
}

#[test]
fn evt_8_a_handoff_made_by_time_stands_under_another_rest() {
    let mut facts = qualifying();
    facts.push(handed_back(1));
    facts.push(submitted("back", 5 * 1440, &[]));
    let past = [
        PastHandoff {
            cycle: 1,
            at: T0.plus_minutes(10),
            touchpoint: "sub_demo".into(),
        },
        PastHandoff {
            cycle: 2,
            at: T0.plus_days(31),
            touchpoint: "rej_r".into(),
        },
    ];
    let longer = ScoreModel {
        recycle: Recycle {
            cool_down_days: 300,
            must_gain: 0,
        },
        ..model()
    };
    let under = Under {
        handoffs: &past,
        now: T0.plus_days(32),
        ..under(&longer)
    };
    let lead = fold(id(), &facts, &under).unwrap();
    assert_eq!((lead.stage, lead.cycle), (Stage::Mql, 2));
}

#[test]
fn a_lead_handed_back_has_to_gain_what_the_model_says() {
    let gaining = ScoreModel {
        recycle: Recycle {
            cool_down_days: 0,
            must_gain: 20,
        },
        ..model()
    };
    let mut facts = qualifying();
    facts.push(handed_back(1));
    facts.push(submitted("back", 5 * 1440, &[]));
    assert_eq!(at(&gaining, &facts, 9).stage, Stage::Recycled);
    facts.push(fact(TouchpointKind::MagnetDownloaded, "m2", 6 * 1440));
    assert_eq!(at(&gaining, &facts, 9).cycle, 2);
}

#[test]
fn a_rule_rules_a_lead_out_while_it_matches_and_never_one_that_sales_has() {
    let student = Predicate::FieldIs {
        field: "role".into(),
        any_of: vec!["student".into()],
    };
    let mut strict = model();
    strict.rules.push(Rule {
        disqualify: true,
        ..Rule::new("student", Dimension::Fit, student, 0)
    });
    let mut facts = vec![submitted("first", -10, &[("role", "student")])];
    facts.extend(qualifying());
    let out = at(&strict, &facts, 1);
    assert_eq!((out.stage, out.cycle), (Stage::Disqualified, 0));
    assert_eq!(out.ruled_out_by.as_deref(), Some("student"));
    let mut corrected = submitted("now", 2880, &[("role", "engineer")]);
    corrected.trust = Trust::Confirmed;
    facts.push(corrected);
    let back = at(&strict, &facts, 3);
    assert_eq!((back.stage, back.cycle), (Stage::Mql, 1));

    let mut too_late = qualifying();
    too_late.push(submitted("late", 2880, &[("role", "student")]));
    assert_eq!(at(&strict, &too_late, 3).stage, Stage::Mql);
}

/// Ten points a submission, half of them left after ten days; ready from 12.
fn fading() -> ScoreModel {
    let asked = Rule {
        decay: Some(Decay::HalfLife { days: 10 }),
        ..Rule::new(
            "asked",
            Dimension::Engagement,
            Predicate::Touchpoint(TouchMatch::of("form_submitted")),
            10,
        )
    };
    ScoreModel {
        hash: "f".into(),
        ..ScoreModel::new(vec![asked], Thresholds::of_total(12))
    }
}

#[test]
fn points_fade_with_no_job_at_night_and_the_score_says_when_it_held() {
    let facts = [submitted("a", 0, &[]), submitted("b", 10, &[])];
    let model = fading();
    let points: Vec<i32> = [0, 5, 10, 20, 300]
        .map(|day| at(&model, &facts, day).score.total)
        .into();
    assert_eq!(points, [20, 14, 10, 5, 0]);
    let lead = at(&model, &facts, 5);
    assert_eq!(lead.scored_at, T0.plus_days(5));
    assert_eq!(lead.breakdown[0].faded_from, Some(20));
    assert_eq!(lead.stage, Stage::Mql, "fading undoes nothing");
}

#[test]
fn the_day_on_which_a_threshold_is_lost_is_known_beforehand() {
    let facts = [submitted("a", 0, &[]), submitted("b", 10, &[])];
    let model = fading();
    let until = at(&model, &facts, 0).ready_until.unwrap();
    let days = until.day().0 - T0.day().0;
    assert_eq!(until, until.day().start());
    assert!(at(&model, &facts, days - 1).score.total >= 12);
    assert!(at(&model, &facts, days).score.total < 12);
    assert_eq!(at(&model, &facts, days).ready_until, None);
    assert_eq!(at(&tests::model(), &qualifying(), 0).ready_until, None);
}
