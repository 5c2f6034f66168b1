//! Folding: given facts, when folded, then this lead.

use super::*;
use crate::domain::consent::ConsentGiven;
use crate::domain::score::{Dimension, Predicate, Rule, Thresholds, TouchMatch};
use crate::domain::touchpoint::Answer;

pub(super) const T0: Timestamp = Timestamp(1_772_357_400_000);

pub(super) fn id() -> LeadId {
    LeadId::from_bytes([1; 16])
}

fn touched(kind: &str) -> Predicate {
    Predicate::Touchpoint(TouchMatch::of(kind))
}

fn rule(id: &str, dimension: Dimension, when: Predicate, points: i32) -> Rule {
    Rule::new(id, dimension, when, points)
}

pub(super) fn model() -> ScoreModel {
    let budget = Predicate::FieldIs {
        field: "budget".into(),
        any_of: vec!["high".into()],
    };
    let rules = vec![
        Rule {
            cap: Some(15),
            ..rule(
                "asked",
                Dimension::Engagement,
                touched("form_submitted"),
                10,
            )
        },
        rule(
            "downloaded",
            Dimension::Engagement,
            touched("magnet_downloaded"),
            20,
        ),
        rule("budget", Dimension::Bant, budget, 30),
        Rule {
            confirmed_only: true,
            ..rule(
                "confirmed-company",
                Dimension::Fit,
                Predicate::FieldContains {
                    field: "company".into(),
                    any_of: vec!["gmbh".into()],
                },
                5,
            )
        },
    ];
    let thresholds = Thresholds {
        engagement: Some(20),
        ..Thresholds::of_total(60)
    };
    ScoreModel {
        free_mail_domains: vec!["gmail.com".into()],
        hash: "m1".into(),
        ..ScoreModel::new(rules, thresholds)
    }
}

pub(super) fn fact(kind: TouchpointKind, name: &str, minute: i64) -> Touchpoint {
    Touchpoint::new(
        id(),
        format!("{}_{name}", kind.prefix()),
        kind,
        T0.plus_minutes(minute),
    )
}

pub(super) fn submitted(name: &str, minute: i64, answers: &[(&str, &str)]) -> Touchpoint {
    let mut t = fact(TouchpointKind::FormSubmitted, name, minute);
    t.email = Some(Pii::new("ada@acme.example".into()));
    t.answers = answers
        .iter()
        .map(|(n, v)| Answer {
            name: (*n).into(),
            value: Value::Text(Pii::new((*v).into())),
        })
        .collect();
    t
}

pub(super) fn under(model: &ScoreModel) -> Under<'_> {
    Under {
        model,
        handoffs: &[],
        erased_at: None,
        now: T0,
    }
}

fn folded(facts: &[Touchpoint]) -> Option<Lead> {
    fold(id(), facts, &under(&model()))
}

pub(super) fn qualifying() -> Vec<Touchpoint> {
    vec![
        submitted("guide", 0, &[("company", "Acme GmbH")]),
        fact(TouchpointKind::MagnetDownloaded, "m", 5),
        submitted("demo", 10, &[("budget", "high")]),
    ]
}

#[test]
fn no_facts_are_no_lead() {
    assert_eq!(folded(&[]), None);
}

#[test]
fn the_lines_of_a_breakdown_sum_to_the_total_and_caps_show() {
    let lead = folded(&qualifying()).unwrap();
    assert_eq!(
        lead.score,
        Score {
            fit: 5,
            engagement: 35,
            bant: 30,
            total: 70
        }
    );
    assert_eq!(
        lead.breakdown.iter().map(|l| l.points).sum::<i32>(),
        lead.score.total
    );
    let asked = lead.breakdown.iter().find(|l| l.rule == "asked").unwrap();
    assert_eq!((asked.points, asked.count, asked.capped), (15, 2, true));
    assert_eq!(asked.touchpoints, ["sub_guide", "sub_demo"]);
}

#[test]
fn evt_5_order_and_repeats_of_facts_do_not_matter() {
    let facts = qualifying();
    let expected = folded(&facts);
    let mut shuffled = facts.clone();
    shuffled.reverse();
    shuffled.extend(facts);
    assert_eq!(folded(&shuffled), expected);
}

#[test]
fn a_lead_qualifies_once_at_the_fact_that_crossed() {
    let lead = folded(&qualifying()).unwrap();
    assert_eq!(
        (lead.stage, lead.cycle, lead.stage_since),
        (Stage::Mql, 1, T0.plus_minutes(10))
    );
    let mut more = qualifying();
    more.push(submitted("again", 20, &[("budget", "high")]));
    assert_eq!(folded(&more).unwrap().cycle, 1);
}

#[test]
fn evt_8_a_handoff_once_made_stands_under_a_stricter_model() {
    let mut strict = model();
    strict.thresholds.total = Some(1000);
    strict.hash = "m2".into();
    let past = [PastHandoff {
        cycle: 1,
        at: T0.plus_minutes(10),
        touchpoint: "sub_demo".into(),
    }];
    let under = Under {
        handoffs: &past,
        ..under(&strict)
    };
    let lead = fold(id(), &qualifying(), &under).unwrap();
    assert_eq!((lead.stage, lead.cycle), (Stage::Mql, 1));
}

#[test]
fn a_rejected_lead_qualifies_again_only_by_something_it_did_since() {
    let mut facts = qualifying();
    let mut rejected = fact(TouchpointKind::Rejected, "r", 30);
    rejected.cycle = Some(1);
    rejected.reason = Some("timing".into());
    facts.push(rejected);
    let lead = folded(&facts).unwrap();
    assert_eq!((lead.stage, lead.cycle), (Stage::Recycled, 1));
    facts.push(submitted("back", 40, &[]));
    let lead = folded(&facts).unwrap();
    assert_eq!((lead.stage, lead.cycle), (Stage::Mql, 2));
}

#[test]
fn an_answer_to_the_alert_of_another_cycle_changes_nothing() {
    let mut facts = qualifying();
    let mut late = fact(TouchpointKind::Accepted, "a", 30);
    late.cycle = Some(7);
    facts.push(late);
    assert_eq!(folded(&facts).unwrap().stage, Stage::Mql);
}

#[test]
fn lnk_5_what_a_machine_did_earns_nothing_and_confirms_nothing() {
    let mut scanned = fact(TouchpointKind::MagnetDownloaded, "m", 5);
    scanned.machine = Some("posted 0.2 s after the page".into());
    let lead = folded(&[submitted("guide", 0, &[]), scanned]).unwrap();
    assert_eq!(lead.score.total, 10);
    assert_eq!(lead.reachability, Reachability::Unconfirmed);
}

#[test]
fn a_click_in_a_mail_confirms_what_was_typed_and_later_typing_does_not_overwrite_it() {
    let mut facts = vec![
        submitted("guide", 0, &[("company", "Acme GmbH")]),
        fact(TouchpointKind::MagnetDownloaded, "m", 5),
    ];
    facts.push(submitted("other", 9, &[("company", "Evil Corp")]));
    let lead = folded(&facts).unwrap();
    assert_eq!(lead.reachability, Reachability::Confirmed);
    assert_eq!(lead.profile["company"].value.to_text(), "Acme GmbH");
    assert_eq!(lead.profile["company"].trust, Trust::Confirmed);
}

#[test]
fn leaving_is_absorbing_whatever_comes_later() {
    let facts = [
        submitted("guide", 0, &[]),
        fact(TouchpointKind::Complained, "c", 1),
        fact(TouchpointKind::AddressConfirmed, "x", 2),
        fact(TouchpointKind::Unsubscribed, "u", 3),
    ];
    assert_eq!(
        folded(&facts).unwrap().reachability,
        Reachability::Complained
    );
}

#[test]
fn an_empty_box_on_a_later_form_takes_no_consent_back_and_unsubscribing_takes_all() {
    let say = |decision| {
        vec![ConsentGiven {
            purpose: "news".into(),
            decision,
            text_sha256: "h".into(),
        }]
    };
    let mut given = submitted("guide", 0, &[]);
    given.consents = say(Decision::Granted);
    let mut silent = submitted("demo", 1, &[]);
    silent.consents = say(Decision::Declined);
    let lead = folded(&[given.clone(), silent.clone()]).unwrap();
    assert_eq!(lead.consents["news"].decision, Decision::Granted);
    let lead = folded(&[given, silent, fact(TouchpointKind::Unsubscribed, "u", 2)]).unwrap();
    assert_eq!(lead.consents["news"].decision, Decision::Withdrawn);
}

#[test]
fn law_5_facts_from_before_an_erasure_do_not_count() {
    let facts = qualifying();
    let model = model();
    let erased = |minutes| Under {
        erased_at: Some(T0.plus_minutes(minutes)),
        ..under(&model)
    };
    assert_eq!(fold(id(), &facts, &erased(10)), None);
    let lead = fold(id(), &facts, &erased(5)).unwrap();
    assert_eq!(lead.touchpoints, 1);
}

#[test]
fn the_fingerprint_changes_with_facts_and_model_only() {
    let facts = qualifying();
    let one = folded(&facts).unwrap().fingerprint;
    let fewer = folded(&facts[..2]).unwrap().fingerprint;
    let other = ScoreModel {
        hash: "m2".into(),
        ..model()
    };
    let other = fold(id(), &facts, &under(&other)).unwrap().fingerprint;
    assert!(one != fewer && one != other);
}
