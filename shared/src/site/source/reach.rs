//! Whether a threshold can be reached at all: the most points that rules can give.
//!
//! An upper bound, so a threshold above it is certainly out of reach. It knows that a field with one answer at a time cannot match two
//! rules for different answers; it does not know which answers go together in life.

use std::collections::BTreeMap;

use crate::domain::score::{Dimension, Predicate, Rule};

use super::names::FieldFacts;

/// The most points of these rules in a dimension (none = all together); nothing where there is no bound.
pub(super) fn most_points(
    rules: &[Rule],
    dimension: Option<Dimension>,
    fields: &FieldFacts,
) -> Option<i64> {
    let counted = rules
        .iter()
        .filter(|r| r.points > 0 && dimension.is_none_or(|d| d == r.dimension));
    let mut sum = 0;
    // For each field with one answer: the points each answer would give.
    let mut by_answer: BTreeMap<&str, BTreeMap<&str, i64>> = BTreeMap::new();
    for rule in counted {
        let most = most_of(rule)?;
        match &rule.when {
            Predicate::FieldIs { field, any_of } if fields.is_single(field) => {
                let answers = by_answer.entry(field).or_default();
                for answer in any_of {
                    *answers.entry(answer).or_default() += most;
                }
            }
            _ => sum += most,
        }
    }
    let best = |answers: &BTreeMap<&str, i64>| answers.values().copied().max().unwrap_or_default();
    Some(sum + by_answer.values().map(best).sum::<i64>())
}

/// The most points of one rule; nothing where it can match any number of times without a cap.
fn most_of(rule: &Rule) -> Option<i64> {
    let points = i64::from(rule.points);
    let capped = |cap: Option<u32>| cap.map_or(points, |cap| points.min(i64::from(cap)));
    if rule.when.is_about_touchpoints() {
        rule.cap.map(i64::from)
    } else {
        Some(capped(rule.cap).min(capped(rule.cap_per_day)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::score::TouchMatch;

    fn rule(when: Predicate, points: i32, cap: Option<u32>) -> Rule {
        Rule {
            cap,
            ..Rule::new("r", Dimension::Fit, when, points)
        }
    }

    fn is(field: &str, answers: &[&str]) -> Predicate {
        Predicate::FieldIs {
            field: field.into(),
            any_of: answers.iter().map(|a| (*a).to_owned()).collect(),
        }
    }

    fn submitted() -> Predicate {
        Predicate::Touchpoint(TouchMatch::of("form_submitted"))
    }

    fn most(rules: &[Rule]) -> Option<i64> {
        most_points(rules, None, &FieldFacts::new(std::iter::empty(), true))
    }

    #[test]
    fn a_rule_about_touchpoints_is_bounded_by_its_cap_alone() {
        assert_eq!(most(&[rule(submitted(), 5, Some(20))]), Some(20));
        assert_eq!(most(&[rule(submitted(), 5, None)]), None);
    }

    #[test]
    fn one_field_has_one_answer() {
        let rules = [
            rule(is("budget", &["small"]), 5, None),
            rule(is("budget", &["large"]), 15, None),
            rule(is("budget", &["small", "large"]), 2, None),
            rule(is("timeline", &["now"]), 10, None),
        ];
        assert_eq!(most(&rules), Some(17 + 10));
    }

    #[test]
    fn rules_that_take_points_away_do_not_count() {
        assert_eq!(
            most(&[
                rule(is("budget", &["none"]), -50, None),
                rule(submitted(), 5, Some(5))
            ]),
            Some(5)
        );
    }
}
