//! Whether a threshold can be reached at all: the most points that rules can give.
//!
//! An upper bound, so a threshold above it is certainly out of reach. It knows that a field with one answer at a time cannot match two
//! rules for different answers, that groups have caps and that one ideal customer counts; it does not know which answers go together in
//! life.

use std::collections::BTreeMap;

use crate::domain::score::{Dimension, Predicate, Rule, ScoreModel};

use super::names::FieldFacts;

/// The most points of the model's rules in a dimension (none = all together); nothing where there is no bound.
pub(super) fn most_points(
    model: &ScoreModel,
    dimension: Option<Dimension>,
    fields: &FieldFacts,
) -> Option<i64> {
    let counted: Vec<&Rule> = model
        .rules
        .iter()
        .filter(|r| r.points > 0 && dimension.is_none_or(|d| d == r.dimension))
        .collect();
    let of_profile = |profile: Option<&String>| {
        let rules = counted.iter().copied();
        let own = rules.filter(|r| r.profile.as_ref() == profile);
        most_of_all(model, own, fields)
    };
    let common = of_profile(None)?;
    let profiles: Option<Vec<i64>> = model
        .profiles
        .iter()
        .map(|p| of_profile(Some(&p.id)))
        .collect();
    Some(common + profiles?.into_iter().max().unwrap_or_default())
}

fn most_of_all<'r>(
    model: &ScoreModel,
    rules: impl Iterator<Item = &'r Rule>,
    fields: &FieldFacts,
) -> Option<i64> {
    let mut sum = 0;
    // For each field with one answer: the points each answer would give.
    let mut by_answer: BTreeMap<&str, BTreeMap<&str, i64>> = BTreeMap::new();
    // For each group with a cap: the points of its rules, nothing where there is no bound.
    let mut by_group: BTreeMap<&str, (i64, Option<i64>)> = BTreeMap::new();
    for rule in rules {
        let most = most_of(rule);
        if let Some((group, cap)) = model.group_of(rule).and_then(|g| Some((g, g.cap?))) {
            let (_, so_far) = by_group
                .entry(&group.id)
                .or_insert((i64::from(cap), Some(0)));
            *so_far = so_far.zip(most).map(|(a, b)| a + b);
            continue;
        }
        let most = most?;
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
    let of_group = |(cap, most): &(i64, Option<i64>)| most.map_or(*cap, |most| most.min(*cap));
    let answers: i64 = by_answer.values().map(best).sum();
    Some(sum + answers + by_group.values().map(of_group).sum::<i64>())
}

/// The most points of one rule; nothing where it can match any number of times without a cap.
fn most_of(rule: &Rule) -> Option<i64> {
    let points = i64::from(rule.points);
    let mut first_only = false;
    rule.when
        .walk(&mut |p| first_only |= matches!(p, Predicate::Touchpoint(t) if t.first));
    let caps = [
        rule.cap.map(i64::from),
        (rule.once || first_only || !rule.when.is_about_touchpoints()).then_some(points),
    ];
    let most = caps.into_iter().flatten().min();
    if rule.when.is_about_touchpoints() && !first_only {
        return most;
    }
    let once = [rule.cap_per_day, rule.cap_per_window.map(|w| w.points)];
    let once = once.into_iter().flatten().map(i64::from);
    most.map(|most| once.fold(most, i64::min))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::score::{FitProfile, Group, Thresholds, TouchMatch};

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

    fn model(rules: &[Rule]) -> ScoreModel {
        ScoreModel::new(rules.to_vec(), Thresholds::default())
    }

    fn most(model: &ScoreModel) -> Option<i64> {
        most_points(model, None, &FieldFacts::new(std::iter::empty(), true))
    }

    #[test]
    fn a_rule_about_touchpoints_is_bounded_by_its_cap_alone() {
        assert_eq!(most(&model(&[rule(submitted(), 5, Some(20))])), Some(20));
        assert_eq!(most(&model(&[rule(submitted(), 5, None)])), None);
        let once = Rule {
            once: true,
            ..rule(submitted(), 5, None)
        };
        assert_eq!(most(&model(&[once])), Some(5));
    }

    #[test]
    fn one_field_has_one_answer() {
        let rules = [
            rule(is("budget", &["small"]), 5, None),
            rule(is("budget", &["large"]), 15, None),
            rule(is("budget", &["small", "large"]), 2, None),
            rule(is("timeline", &["now"]), 10, None),
        ];
        assert_eq!(most(&model(&rules)), Some(17 + 10));
    }

    #[test]
    fn rules_that_take_points_away_do_not_count() {
        let rules = [
            rule(is("budget", &["none"]), -50, None),
            rule(submitted(), 5, Some(5)),
        ];
        assert_eq!(most(&model(&rules)), Some(5));
    }

    #[test]
    fn a_group_gives_its_cap_and_one_ideal_customer_counts() {
        let grouped = |cap| Rule {
            group: Some("g".into()),
            ..rule(submitted(), 5, cap)
        };
        let fit = |profile: &str, points| Rule {
            profile: Some(profile.into()),
            ..rule(is("industry", &[profile]), points, None)
        };
        let rules = [grouped(None), grouped(Some(5)), fit("a", 30), fit("b", 20)];
        let profile = |id: &str| FitProfile {
            id: id.into(),
            name: id.into(),
        };
        let mut model = model(&rules);
        model.groups = vec![Group {
            id: "g".into(),
            cap: Some(12),
            decay: None,
        }];
        model.profiles = vec![profile("a"), profile("b")];
        assert_eq!(most(&model), Some(12 + 30));
    }
}
