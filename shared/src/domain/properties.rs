//! What holds for any input: parsers never panic, folding does not care for order, sums are exact, tokens and headers keep their shape.

use proptest::prelude::*;

use super::email::EmailAddress;
use super::id::LeadId;
use super::lead::{Lead, Under, fold};
use super::pii::Pii;
use super::score::{Dimension, Predicate, Rule, ScoreModel, Thresholds, TouchMatch};
use super::time::Timestamp;
use super::token::{Claims, Purpose, TokenKeys, nonce_of};
use super::touchpoint::{Answer, Touchpoint, TouchpointKind, Value};

const T0: i64 = 1_772_357_400_000;

fn lead_id() -> LeadId {
    LeadId::from_bytes([4; 16])
}

fn kind() -> impl Strategy<Value = TouchpointKind> {
    proptest::sample::select(TouchpointKind::ALL.to_vec())
}

prop_compose! {
    fn touchpoint()(
        kind in kind(),
        n in 0_u8..40,
        minutes in 0_i64..20_000,
        form in proptest::option::of("[ab]"),
        machine in proptest::bool::weighted(0.2),
        budget in proptest::option::of("(high|low)"),
    ) -> Touchpoint {
        // The id decides everything else of a real fact; here at least its time, so that two of one id are the same fact.
        let at = Timestamp(T0 + minutes * 60_000);
        let mut t = Touchpoint::new(lead_id(), format!("{}_{n}_{minutes}", kind.prefix()), kind, at);
        t.form = form;
        t.machine = machine.then(|| "machine".to_owned());
        t.answers = budget.into_iter().map(|b| Answer { name: "budget".into(), value: Value::Text(Pii::new(b)) }).collect();
        t
    }
}

prop_compose! {
    fn rule()(
        id in "[a-z]{8}",
        points in -50_i32..50,
        cap in proptest::option::of(0_u32..60),
        cap_per_day in proptest::option::of(0_u32..40),
        dimension in proptest::sample::select(vec![Dimension::Fit, Dimension::Engagement, Dimension::Bant]),
        about in proptest::option::of(kind()),
    ) -> Rule {
        let when = match about {
            Some(kind) => Predicate::Touchpoint(TouchMatch::of(kind.name())),
            None => Predicate::FieldIs { field: "budget".into(), any_of: vec!["high".into()] },
        };
        Rule { cap, cap_per_day, ..Rule::new(&id, dimension, when, points) }
    }
}

prop_compose! {
    fn model()(rules in proptest::collection::vec(rule(), 0..8), total in -20_i32..80) -> ScoreModel {
        ScoreModel { hash: "m".into(), ..ScoreModel::new(rules, Thresholds::of_total(total)) }
    }
}

fn folded(facts: &[Touchpoint], model: &ScoreModel) -> Option<Lead> {
    let under = Under {
        model,
        handoffs: &[],
        erased_at: None,
        now: Timestamp(T0),
    };
    fold(lead_id(), facts, &under)
}

/// One fact for each id: a real store has no two.
fn distinct(mut facts: Vec<Touchpoint>) -> Vec<Touchpoint> {
    facts.sort_by(|a, b| a.id.cmp(&b.id));
    facts.dedup_by(|a, b| a.id == b.id);
    facts
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_lines_sum_to_the_score_and_its_dimensions_to_its_total(
        facts in proptest::collection::vec(touchpoint(), 1..40), model in model()
    ) {
        let lead = folded(&distinct(facts), &model).unwrap();
        let sum: i32 = lead.breakdown.iter().map(|l| l.points).sum();
        prop_assert_eq!(sum, lead.score.total);
        prop_assert_eq!(lead.score.fit + lead.score.engagement + lead.score.bant, lead.score.total);
    }

    #[test]
    fn evt_5_order_and_repeats_do_not_matter(
        facts in proptest::collection::vec(touchpoint(), 1..30), model in model(), by in any::<proptest::sample::Index>()
    ) {
        let facts = distinct(facts);
        let expected = folded(&facts, &model);
        let mut turned = facts.clone();
        turned.rotate_left(by.index(facts.len()));
        turned.reverse();
        turned.extend(facts);
        prop_assert_eq!(folded(&turned, &model), expected);
    }

    #[test]
    fn a_cap_is_never_exceeded(facts in proptest::collection::vec(touchpoint(), 1..40), model in model()) {
        let lead = folded(&distinct(facts), &model).unwrap();
        for (rule, line) in model.rules.iter().filter_map(|r| Some((r, lead.breakdown.iter().find(|l| l.rule == r.id)?))) {
            prop_assert!(rule.cap.is_none_or(|cap| line.points.unsigned_abs() <= cap));
        }
    }

    #[test]
    fn an_address_is_read_or_refused_and_its_normal_form_reads_as_itself(typed in "\\PC{0,40}@?\\PC{0,40}") {
        if let Ok(address) = EmailAddress::parse(&typed) {
            let normal = address.normalised();
            prop_assert!(normal.is_ascii() && normal.len() <= 254);
            prop_assert_eq!(EmailAddress::parse(&normal).map(|a| a.normalised()), Ok(normal));
        }
    }

    #[test]
    fn tok_2_no_text_but_a_signed_one_is_a_token(text in "(v1\\.)?\\PC{0,120}", byte in any::<u8>()) {
        let keys = TokenKeys::single("a1", [byte; 32]);
        prop_assert!(keys.verify(Purpose::Download, &text, Timestamp(T0)).is_err());
        let claims = Claims::new(Purpose::Download, 7, lead_id(), nonce_of(&text), Timestamp(T0));
        prop_assert_eq!(keys.verify(Purpose::Download, &keys.sign(&claims), Timestamp(T0)), Ok(claims));
    }

    #[test]
    fn a_reader_of_what_is_stored_gets_back_what_was_written(touchpoint in touchpoint()) {
        let item = serde_json::to_value(&touchpoint).unwrap();
        prop_assert_eq!(serde_json::from_value::<Touchpoint>(item).unwrap(), touchpoint);
    }
}
