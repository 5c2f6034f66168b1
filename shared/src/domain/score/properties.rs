//! What holds for any model and any history, 10,000 times each.
//!
//! Cases are small on purpose: what breaks a sum, a cap or a fading breaks it with three rules and five facts already.

use proptest::prelude::*;

use super::evaluate::Tally;
use super::*;
use crate::domain::id::LeadId;
use crate::domain::lead::{Lead, Under, explain, fold};
use crate::domain::pii::Pii;
use crate::domain::time::Timestamp;
use crate::domain::touchpoint::{Answer, Touchpoint, TouchpointKind, Trust, Value};

const T0: Timestamp = Timestamp(1_772_357_400_000);
const KINDS: [TouchpointKind; 6] = [
    TouchpointKind::FormSubmitted,
    TouchpointKind::MagnetDownloaded,
    TouchpointKind::LinkClicked,
    TouchpointKind::AddressConfirmed,
    TouchpointKind::Delivered,
    TouchpointKind::Rejected,
];

fn lead_id() -> LeadId {
    LeadId::from_bytes([7; 16])
}

prop_compose! {
    /// A fact on one of some days. Its id is made of all it says, so that one id is one fact, as in a store.
    fn fact()(
        kind in 0_usize..6, day in 0_i64..40, form in 0_u8..3, machine in 0_u8..8, budget in 0_u8..4
    ) -> Touchpoint {
        let kind = KINDS[kind];
        let machine = machine == 0;
        let id = format!("{}_{day}_{form}_{machine}_{budget}", kind.prefix());
        let mut t = Touchpoint::new(lead_id(), id, kind, T0.plus_days(day));
        t.form = (form > 0).then(|| format!("f{form}"));
        t.machine = machine.then(|| "machine".to_owned());
        if kind == TouchpointKind::FormSubmitted {
            t.answers = ["high", "low"].get(usize::from(budget)).map(|b| Answer {
                name: "budget".into(),
                value: Value::Text(Pii::new((*b).to_owned())),
            }).into_iter().collect();
            t.trust = if form == 2 { Trust::Imported } else { Trust::Typed };
        }
        t
    }
}

fn facts() -> impl Strategy<Value = Vec<Touchpoint>> {
    proptest::collection::vec(fact(), 1..7)
}

fn touch(kind: usize, form: u8) -> TouchMatch {
    TouchMatch {
        form: (form == 1).then(|| "f1".to_owned()),
        ..TouchMatch::of(KINDS[kind % KINDS.len()].name())
    }
}

/// Conditions that a further touchpoint can only make truer.
fn growing(shape: u8, kind: usize, form: u8) -> Predicate {
    let seen = |within_days| {
        Predicate::Seen(Seen {
            of: touch(kind, form),
            at_least: 2,
            within_days,
        })
    };
    let budget = || Predicate::FieldIs {
        field: "budget".into(),
        any_of: vec!["high".into()],
    };
    match shape % 6 {
        0 => Predicate::Any(vec![
            Predicate::Touchpoint(touch(kind, form)),
            Predicate::Touchpoint(touch(kind + 1, form)),
        ]),
        1 => budget(),
        2 => seen(Some(7)),
        3 => seen(None),
        4 => Predicate::All(vec![Predicate::Touchpoint(touch(kind, form)), budget()]),
        _ => Predicate::Touchpoint(touch(kind, form)),
    }
}

/// Any condition.
fn condition(shape: u8, kind: usize, form: u8) -> Predicate {
    match shape {
        6 => Predicate::Not(Box::new(growing(2, kind, form))),
        7 => Predicate::FieldAbsent {
            field: "budget".into(),
        },
        8 => Predicate::Touchpoint(TouchMatch {
            first: true,
            ..touch(kind, form)
        }),
        _ => growing(shape, kind, form),
    }
}

type Caps = (Option<u32>, Option<u32>, Option<u32>, bool);

fn caps() -> impl Strategy<Value = Caps> {
    let cap = || proptest::option::weighted(0.3, 1_u32..30);
    (cap(), cap(), cap(), proptest::bool::weighted(0.2))
}

fn decay(choice: u8) -> Option<Decay> {
    match choice {
        0 => Some(Decay::HalfLife { days: 9 }),
        1 => Some(Decay::Steps {
            percent: 30,
            every_days: 5,
        }),
        _ => None,
    }
}

prop_compose! {
    fn rule(shapes: u8, least: i32)(
        shape in 0..shapes, kind in 0_usize..6, form in 0_u8..2, points in least..30,
        (cap, per_day, window, once) in caps(), fading in 0_u8..4, group in 0_u8..3, dimension in 0_u8..3,
        confirmed in 0_u8..8, disqualify in 0_u8..12, profile in 0_u8..4,
    ) -> Rule {
        let dimension = [Dimension::Fit, Dimension::Engagement, Dimension::Bant][usize::from(dimension)];
        let profile = (dimension == Dimension::Fit && profile < 2).then(|| format!("p{profile}"));
        Rule {
            cap,
            cap_per_day: per_day,
            cap_per_window: window.map(|points| WindowCap { points, days: 7 }),
            once,
            decay: decay(fading),
            // The rules of a group count in one dimension: the reader of the file sees to it.
            group: (group == 0 && dimension == Dimension::Engagement).then(|| "g".to_owned()),
            confirmed_only: confirmed == 0,
            disqualify: disqualify == 0 && points < 0,
            profile,
            ..Rule::new("r", dimension, condition(shape, kind, form), points)
        }
    }
}

fn model_of(mut rules: Vec<Rule>, group_cap: Option<u32>) -> ScoreModel {
    for (n, rule) in rules.iter_mut().enumerate() {
        rule.id = format!("r{n}");
    }
    let profile = |id: &str| FitProfile {
        id: id.into(),
        name: id.into(),
    };
    ScoreModel {
        groups: vec![Group {
            id: "g".into(),
            cap: group_cap,
            decay: decay(0),
        }],
        profiles: vec![profile("p0"), profile("p1")],
        hash: "m".into(),
        ..ScoreModel::new(rules, Thresholds::of_total(25))
    }
}

fn model() -> impl Strategy<Value = ScoreModel> {
    let rules = proptest::collection::vec(rule(9, -20), 1..5);
    (rules, proptest::option::of(1_u32..40)).prop_map(|(rules, cap)| model_of(rules, cap))
}

/// A model in which everything done is worth something.
fn kind_model() -> impl Strategy<Value = ScoreModel> {
    let rules = proptest::collection::vec(rule(6, 0), 1..5);
    (rules, proptest::option::of(1_u32..40)).prop_map(|(rules, cap)| model_of(rules, cap))
}

fn under(model: &ScoreModel, day: i64) -> Under<'_> {
    Under {
        model,
        handoffs: &[],
        erased_at: None,
        now: T0.plus_days(day),
    }
}

fn folded(facts: &[Touchpoint], model: &ScoreModel, day: i64) -> Lead {
    fold(lead_id(), facts, &under(model, day)).unwrap()
}

/// A person who stays as they are.
struct Person(Value, bool);

impl ScoreInput for Person {
    fn field(&self, name: &str) -> Option<Known<'_>> {
        (name == "budget").then_some(Known {
            value: &self.0,
            trust: Trust::Typed,
            at: T0,
            touchpoint: "sub_1",
        })
    }

    fn domain(&self) -> Option<&str> {
        None
    }

    fn confirmed(&self) -> bool {
        self.1
    }
}

fn person(confirmed: bool) -> Person {
    Person(Value::Text(Pii::new("high".into())), confirmed)
}

fn ordered(mut facts: Vec<Touchpoint>) -> Vec<Touchpoint> {
    facts.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
    facts.dedup_by(|a, b| a.id == b.id);
    facts
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn the_lines_sum_to_the_score_in_the_breakdown_and_in_the_explanation(
        facts in facts(), model in model(), day in 0_i64..90
    ) {
        // An explanation knows what had happened by its instant, so it is asked for one after the last fact.
        let day = day.max(40);
        let explained = explain(lead_id(), &facts, &under(&model, day)).unwrap();
        let score = explained.lead.score;
        let lines: i32 = explained.lead.breakdown.iter().map(|l| l.points).sum();
        let rules: i32 = explained.rules.iter().map(|r| r.points).sum();
        prop_assert_eq!((lines, rules), (score.total, score.total));
        prop_assert_eq!(score.fit + score.engagement + score.bant, score.total);
        for (rule, line) in model.rules.iter().zip(&explained.rules) {
            prop_assert!(rule.cap.is_none_or(|cap| line.faded.unsigned_abs() <= cap));
        }
    }

    #[test]
    fn evt_5_order_and_repeats_of_facts_do_not_matter(
        facts in facts(), model in model(), turn in 0_usize..7, day in 0_i64..90
    ) {
        let expected = folded(&facts, &model, day);
        let mut turned = facts.clone();
        turned.rotate_left(turn % facts.len());
        turned.reverse();
        turned.extend(facts);
        prop_assert_eq!(folded(&turned, &model, day), expected);
    }

    #[test]
    fn replay_under_the_stored_model_reproduces_the_stored_score(
        facts in facts(), model in model(), day in 0_i64..90
    ) {
        let stored = folded(&facts, &model, day);
        let bytes = serde_json::to_vec(&(&facts, &model, &stored)).unwrap();
        let (facts, model, read): (Vec<Touchpoint>, ScoreModel, Lead) = serde_json::from_slice(&bytes).unwrap();
        let under = Under { now: read.scored_at, ..under(&model, 0) };
        prop_assert_eq!(&fold(lead_id(), &facts, &under).unwrap(), &stored);
        prop_assert_eq!(read, stored);
    }

    #[test]
    fn a_further_positive_touchpoint_never_lowers_the_score_at_the_same_instant(
        facts in facts(), more in fact(), model in kind_model(), confirmed in any::<bool>(), day in 0_i64..90
    ) {
        let now = T0.plus_days(day.max(40));
        let before = ordered(facts.clone());
        let after = ordered(facts.into_iter().chain([more]).collect());
        let lower = evaluate(&model, &before, &person(confirmed), now).score;
        let higher = evaluate(&model, &after, &person(confirmed), now).score;
        prop_assert!(
            higher.fit >= lower.fit && higher.engagement >= lower.engagement && higher.bant >= lower.bant,
            "{lower:?} became {higher:?}"
        );
    }

    #[test]
    fn fading_never_makes_a_contribution_larger_nor_turns_it_round(
        facts in facts(), model in model(), confirmed in any::<bool>(), day in 40_i64..70, later in 1_i64..60
    ) {
        let facts = ordered(facts);
        let mut tally = Tally::new(&model);
        for fact in &facts {
            tally.push(fact);
        }
        let person = person(confirmed);
        let first = tally.explained(&person, T0.plus_days(day));
        let second = tally.explained(&person, T0.plus_days(day + later));
        for (a, b) in first.iter().zip(&second) {
            prop_assert!(b.faded.abs() <= a.faded.abs() && i64::from(b.faded.signum() * a.faded.signum()) >= 0, "{a:?} became {b:?}");
            prop_assert!(i64::from(a.faded.abs()) <= a.kept.abs() && a.kept.abs() <= a.earned.abs(), "{a:?}");
            prop_assert!(i64::from(a.faded) * a.earned >= 0, "{a:?} turned round");
        }
    }

    #[test]
    fn a_score_read_on_the_way_is_the_score_of_the_whole_at_that_instant(
        facts in facts(), model in model(), confirmed in any::<bool>(), later in 0_i64..60
    ) {
        let facts = ordered(facts);
        let person = person(confirmed);
        let mut tally = Tally::new(&model);
        for (n, fact) in facts.iter().enumerate() {
            tally.push(fact);
            let read = tally.standing(&person, fact.at).score;
            prop_assert_eq!(read, evaluate(&model, &facts[..=n], &person, fact.at).score);
        }
        let end = T0.plus_days(40 + later);
        prop_assert_eq!(tally.standing(&person, end).score, evaluate(&model, &facts, &person, end).score);
    }
}
