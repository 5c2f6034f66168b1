//! Applying the model: one pass over the touchpoints into (rule, UTC day) buckets, then a score from the buckets and the profile.
//!
//! Keeping buckets means that a score after each touchpoint costs the number of rules, not of touchpoints, and that caps and windows
//! need no second look at the facts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::model::{Dimension, DomainClass, Predicate, Rule, ScoreModel, Thresholds};
use crate::domain::touchpoint::{Touchpoint, Trust, Value};

/// At most this many touchpoints are named in a line of a breakdown: the latest ones.
pub const NAMED_TOUCHPOINTS: usize = 5;

/// A lead's points.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Score {
    /// Who they are.
    pub fit: i32,
    /// What they did.
    pub engagement: i32,
    /// Budget, authority, need, timeline.
    pub bant: i32,
    /// Sum of the three.
    pub total: i32,
}

impl Score {
    /// Whether every threshold given is reached.
    pub fn reaches(&self, thresholds: &Thresholds) -> bool {
        let at_least = |points: i32, least: Option<i32>| least.is_none_or(|l| points >= l);
        self.total >= thresholds.total
            && at_least(self.fit, thresholds.fit)
            && at_least(self.engagement, thresholds.engagement)
            && at_least(self.bant, thresholds.bant)
    }
}

/// Why a lead has the points it has; the lines sum exactly to the total.
pub type Breakdown = Vec<BreakdownLine>;

/// One rule that gave points.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakdownLine {
    /// Id of the rule.
    pub rule: String,
    /// Its dimension.
    pub dimension: Dimension,
    /// Its reason, as sales reads it.
    pub reason: String,
    /// Points it gave, caps applied.
    pub points: i32,
    /// How often it matched.
    pub count: u32,
    /// Whether a cap took points away.
    pub capped: bool,
    /// The latest touchpoints that matched, at most [`NAMED_TOUCHPOINTS`].
    pub touchpoints: Vec<String>,
}

/// The profile as rules see it.
pub trait ScoreInput {
    /// The value of a field and how far it can be believed.
    fn field(&self, name: &str) -> Option<(&Value, Trust)>;
    /// The mail domain, lower case.
    fn domain(&self) -> Option<&str>;
}

/// Buckets of what the rules matched so far.
#[derive(Clone, Debug)]
pub struct Tally<'m> {
    model: &'m ScoreModel,
    matched: Vec<Matched>,
}

#[derive(Clone, Debug, Default)]
struct Matched {
    per_day: BTreeMap<i64, u32>,
    latest: Vec<String>,
}

impl<'m> Tally<'m> {
    /// Nothing matched yet.
    pub fn new(model: &'m ScoreModel) -> Self {
        Self {
            model,
            matched: vec![Matched::default(); model.rules.len()],
        }
    }

    /// Counts a touchpoint for each rule whose touchpoint part it matches. Feed each fact once, in order of time.
    pub fn push(&mut self, touchpoint: &Touchpoint) {
        if !touchpoint.counts() {
            return;
        }
        for (rule, matched) in self.model.rules.iter().zip(&mut self.matched) {
            if rule.when.is_about_touchpoints() && touchpoint_matches(&rule.when, touchpoint) {
                *matched.per_day.entry(touchpoint.at.day().0).or_default() += 1;
                matched.latest.push(touchpoint.id.clone());
                if matched.latest.len() > NAMED_TOUCHPOINTS {
                    matched.latest.remove(0);
                }
            }
        }
    }

    /// The score and its lines for this profile, given what was pushed so far.
    pub fn score(&self, profile: &impl ScoreInput) -> (Score, Breakdown) {
        let mut score = Score::default();
        let mut lines = Vec::new();
        for (rule, matched) in self.model.rules.iter().zip(&self.matched) {
            let Some(line) = self.line(rule, matched, profile) else {
                continue;
            };
            let dimension = match line.dimension {
                Dimension::Fit => &mut score.fit,
                Dimension::Engagement => &mut score.engagement,
                Dimension::Bant => &mut score.bant,
            };
            *dimension = dimension.saturating_add(line.points);
            score.total = score.total.saturating_add(line.points);
            lines.push(line);
        }
        (score, lines)
    }

    fn line(
        &self,
        rule: &Rule,
        matched: &Matched,
        profile: &impl ScoreInput,
    ) -> Option<BreakdownLine> {
        let about_touchpoints = rule.when.is_about_touchpoints();
        if about_touchpoints && matched.per_day.is_empty() {
            return None;
        }
        if !profile_matches(&rule.when, profile, self.model, rule.confirmed_only) {
            return None;
        }
        let (count, raw, per_day_capped) = if about_touchpoints {
            let count: u32 = matched.per_day.values().sum();
            let day = |n: &u32| clamp(points_times(rule.points, *n), rule.cap_per_day);
            (
                count,
                points_times(rule.points, count),
                matched.per_day.values().map(day).sum(),
            )
        } else {
            let once = i64::from(rule.points);
            (1, once, clamp(once, rule.cap_per_day))
        };
        let capped = clamp(per_day_capped, rule.cap);
        Some(BreakdownLine {
            rule: rule.id.clone(),
            dimension: rule.dimension,
            reason: rule.reason.clone(),
            points: saturate(capped),
            count,
            capped: capped != raw,
            touchpoints: matched.latest.clone(),
        })
    }
}

/// Scores a whole list of facts, given in order of time.
pub fn evaluate<'t>(
    model: &ScoreModel,
    touchpoints: impl IntoIterator<Item = &'t Touchpoint>,
    profile: &impl ScoreInput,
) -> (Score, Breakdown) {
    let mut tally = Tally::new(model);
    touchpoints.into_iter().for_each(|t| tally.push(t));
    tally.score(profile)
}

fn points_times(points: i32, count: u32) -> i64 {
    i64::from(points) * i64::from(count)
}

/// Limits a magnitude, keeping the sign.
fn clamp(points: i64, cap: Option<u32>) -> i64 {
    cap.map_or(points, |cap| points.clamp(-i64::from(cap), i64::from(cap)))
}

/// A single rule is held far from the ends of `i32` so that no number of rules overflows a total.
fn saturate(points: i64) -> i32 {
    const MOST: i64 = 1_000_000;
    i32::try_from(points.clamp(-MOST, MOST)).unwrap_or_default()
}

/// The touchpoint part of a predicate; profile parts are left to [`profile_matches`].
fn touchpoint_matches(predicate: &Predicate, touchpoint: &Touchpoint) -> bool {
    match predicate {
        Predicate::Touchpoint { kind, form, magnet } => {
            let same =
                |wanted: &Option<String>, have: &Option<String>| wanted.is_none() || wanted == have;
            kind == touchpoint.kind.name()
                && same(form, &touchpoint.form)
                && same(magnet, &touchpoint.magnet)
        }
        Predicate::All(inner) => inner.iter().all(|p| touchpoint_matches(p, touchpoint)),
        // A touchpoint part inside `any`: one of the touchpoint alternatives must match.
        Predicate::Any(inner) => inner
            .iter()
            .filter(|p| p.is_about_touchpoints())
            .any(|p| touchpoint_matches(p, touchpoint)),
        Predicate::Not(inner) => {
            !inner.is_about_touchpoints() || !touchpoint_matches(inner, touchpoint)
        }
        Predicate::FieldIs { .. }
        | Predicate::FieldContains { .. }
        | Predicate::FieldBetween { .. }
        | Predicate::FieldAbsent { .. }
        | Predicate::DomainIs(_) => true,
    }
}

/// The profile part of a predicate; touchpoint parts are taken as matched, because [`Tally::push`] decided them.
fn profile_matches(
    predicate: &Predicate,
    profile: &impl ScoreInput,
    model: &ScoreModel,
    confirmed_only: bool,
) -> bool {
    let value = |name: &str| {
        profile
            .field(name)
            .filter(|(_, trust)| !confirmed_only || *trust >= Trust::Confirmed)
            .map(|(value, _)| value)
    };
    match predicate {
        Predicate::FieldIs { field, any_of } => {
            value(field).is_some_and(|v| any_of.iter().any(|w| v.is(w)))
        }
        Predicate::FieldContains { field, any_of } => value(field).is_some_and(|v| {
            let text = v.to_text().to_lowercase();
            any_of.iter().any(|w| text.contains(w.as_str()))
        }),
        Predicate::FieldBetween { field, min, max } => value(field)
            .and_then(Value::to_number)
            .is_some_and(|n| min.is_none_or(|m| n >= m) && max.is_none_or(|m| n <= m)),
        Predicate::FieldAbsent { field } => profile.field(field).is_none(),
        Predicate::DomainIs(class) => profile
            .domain()
            .is_some_and(|d| domain_class(model, d) == *class),
        Predicate::Touchpoint { .. } => true,
        Predicate::All(inner) => inner
            .iter()
            .all(|p| profile_matches(p, profile, model, confirmed_only)),
        Predicate::Any(inner) => inner
            .iter()
            .any(|p| profile_matches(p, profile, model, confirmed_only)),
        Predicate::Not(inner) => {
            inner.is_about_touchpoints() || !profile_matches(inner, profile, model, confirmed_only)
        }
    }
}

/// The class of a mail domain; sub-domains count as their parent.
fn domain_class(model: &ScoreModel, domain: &str) -> DomainClass {
    let listed = |list: &[String]| {
        list.iter().any(|d| {
            domain == d
                || domain
                    .strip_suffix(d.as_str())
                    .is_some_and(|rest| rest.ends_with('.'))
        })
    };
    if listed(&model.competitor_domains) {
        DomainClass::Competitor
    } else if listed(&model.free_mail_domains) {
        DomainClass::FreeMail
    } else {
        DomainClass::Business
    }
}
