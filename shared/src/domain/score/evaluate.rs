//! Applying the model: one pass over the touchpoints into (rule, UTC day) buckets, then a score from the buckets and the profile.
//!
//! Keeping buckets means that a score after each touchpoint costs the rules it touched, not all touchpoints again, and that caps, windows
//! and fading need no second look at the facts. What a rule gives changes only when it matches, when the profile changes, or when a UTC
//! day begins: between these its points are remembered.
//!
//! Points are whole per rule: what is left of a rule's points after fading is rounded to the nearest, and the sums are sums of these
//! whole numbers. So the lines of a breakdown always add up, and a line says the same whatever stands beside it.

use serde::{Deserialize, Serialize};

use super::buckets::{Days, Given, once};
use super::model::{Dimension, Rule, ScoreModel};
use super::predicate::{Gate, Nature, Predicate, ScoreInput};
use crate::domain::time::Timestamp;
use crate::domain::touchpoint::Touchpoint;

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
    /// Adds the points of a rule.
    fn add(&mut self, dimension: Dimension, points: i32) {
        let part = match dimension {
            Dimension::Fit => &mut self.fit,
            Dimension::Engagement => &mut self.engagement,
            Dimension::Bant => &mut self.bant,
        };
        *part = part.saturating_add(points);
        self.total = self.total.saturating_add(points);
    }
}

/// Why a lead has the points it has; the lines sum exactly to the total.
pub type Breakdown = Vec<BreakdownLine>;

/// One rule that gave points, or rules the lead out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakdownLine {
    /// Id of the rule.
    pub rule: String,
    /// Its dimension.
    pub dimension: Dimension,
    /// Its reason, as sales reads it.
    pub reason: String,
    /// Points it gave, after fading and caps.
    pub points: i32,
    /// How often it matched.
    pub count: u32,
    /// Whether a cap took points away.
    pub capped: bool,
    /// The latest touchpoints that matched, at most [`NAMED_TOUCHPOINTS`].
    pub touchpoints: Vec<String>,
    /// The points before they faded, where they did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub faded_from: Option<i32>,
}

/// What the model says of a lead at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evaluated {
    /// Points.
    pub score: Score,
    /// Why.
    pub breakdown: Breakdown,
    /// Id of the ideal customer it is nearest to, where the model has several and one matched.
    pub profile: Option<String>,
    /// The rule that rules the lead out, where one matches.
    pub ruled_out_by: Option<String>,
}

/// Points at one moment, without the words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Points.
    pub score: Score,
    /// Place of the nearest ideal customer in the model.
    pub profile: Option<usize>,
    /// Place of the rule that rules the lead out.
    pub ruled_out_by: Option<usize>,
}

/// Buckets of what the rules matched so far.
#[derive(Clone, Debug)]
pub struct Tally<'a> {
    model: &'a ScoreModel,
    rules: Vec<Matched<'a>>,
}

/// What one rule matched.
#[derive(Clone, Debug)]
pub(super) struct Matched<'a> {
    pub rule: &'a Rule,
    pub nature: Nature,
    /// Matches of the touchpoint part.
    pub days: Days,
    /// The latest that matched, oldest first.
    pub latest: Vec<&'a str>,
    /// For each condition on a number: what was counted for it.
    pub seen: Vec<(&'a super::predicate::Seen, Days)>,
    first_only: bool,
    fades: bool,
    /// Whether the profile has a say.
    reads_profile: bool,
    /// The UTC day of the points remembered, and these; none where something changed since.
    remembered: Option<(i64, Option<Given>)>,
}

impl<'a> Tally<'a> {
    /// Nothing matched yet.
    pub fn new(model: &'a ScoreModel) -> Self {
        let rules = model.rules.iter().map(|rule| Matched::new(model, rule));
        Self {
            model,
            rules: rules.collect(),
        }
    }

    /// Counts a touchpoint for each rule whose touchpoint part it matches. Feed each fact once, in order of time.
    pub fn push(&mut self, touchpoint: &'a Touchpoint) {
        if !touchpoint.earns() {
            return;
        }
        for matched in &mut self.rules {
            matched.push(touchpoint);
        }
    }

    /// Says that the profile may have changed since the last [`Self::standing`].
    pub fn profile_changed(&mut self) {
        for matched in self.rules.iter_mut().filter(|m| m.reads_profile) {
            matched.remembered = None;
        }
    }

    /// The points for this profile on the day of `now`, given what was pushed so far.
    pub fn standing(&mut self, profile: &impl ScoreInput, now: Timestamp) -> Standing {
        let today = now.day().0;
        for matched in &mut self.rules {
            matched.remember(self.model, profile, today);
        }
        self.sum().0
    }

    /// The same with a reason for every point.
    pub fn evaluated(&mut self, profile: &impl ScoreInput, now: Timestamp) -> Evaluated {
        let standing = self.standing(profile, now);
        let (_, points) = self.sum();
        let mut breakdown = Vec::new();
        for (matched, points) in self.rules.iter().zip(points) {
            let Some((given, points)) = matched.given().zip(points) else {
                continue;
            };
            breakdown.push(BreakdownLine {
                rule: matched.rule.id.clone(),
                dimension: matched.rule.dimension,
                reason: matched.rule.reason.clone(),
                points,
                count: given.count,
                capped: given.kept != given.earned || points != given.points,
                touchpoints: matched.named(profile),
                faded_from: i32::try_from(given.kept)
                    .ok()
                    .filter(|kept| *kept != given.points),
            });
        }
        Evaluated {
            score: standing.score,
            breakdown,
            profile: standing
                .profile
                .and_then(|at| Some(self.model.profiles.get(at)?.id.clone())),
            ruled_out_by: standing
                .ruled_out_by
                .and_then(|at| Some(self.model.rules.get(at)?.id.clone())),
        }
    }

    /// What each rule matched, in the order of the model; as of the last [`Self::standing`].
    pub(super) fn rules(&self) -> &[Matched<'a>] {
        &self.rules
    }

    /// The model applied.
    pub(super) fn model(&self) -> &'a ScoreModel {
        self.model
    }

    /// The sums, and what each rule counts in them: nothing for one that did not match or speaks of another ideal customer.
    pub(super) fn sum(&self) -> (Standing, Vec<Option<i32>>) {
        let mut counted: Vec<Option<i32>> = self
            .rules
            .iter()
            .map(|m| m.given().map(|g| g.points))
            .collect();
        self.cap_groups(&mut counted);
        let profile = self.nearest_profile(&counted);
        let mut standing = Standing {
            profile,
            ..Standing::default()
        };
        for (at, matched) in self.rules.iter().enumerate() {
            let counts =
                matched.rule.profile.is_none() || matched.profile_at(self.model) == profile;
            if !counts {
                counted[at] = None;
            }
            let Some(points) = counted[at] else { continue };
            standing.score.add(matched.rule.dimension, points);
            if matched.rule.disqualify && standing.ruled_out_by.is_none() {
                standing.ruled_out_by = Some(at);
            }
        }
        (standing, counted)
    }

    /// Holds each group within its cap: what is over is taken from its last rules first.
    fn cap_groups(&self, counted: &mut [Option<i32>]) {
        for group in &self.model.groups {
            let Some(cap) = group.cap else { continue };
            let of_group = |m: &Matched<'_>| m.rule.group.as_ref() == Some(&group.id);
            let members: Vec<usize> = (0..self.rules.len())
                .filter(|at| of_group(&self.rules[*at]))
                .collect();
            let sum: i64 = members
                .iter()
                .filter_map(|at| counted[*at].map(i64::from))
                .sum();
            let mut over = sum.abs() - i64::from(cap);
            for at in members.into_iter().rev() {
                let Some(points) = counted[at].filter(|_| over > 0).map(i64::from) else {
                    continue;
                };
                if points.signum() == sum.signum() {
                    let cut = points.abs().min(over);
                    over -= cut;
                    counted[at] = i32::try_from(points - cut * sum.signum()).ok();
                }
            }
        }
    }

    /// The ideal customer whose rules give most; the first of equals, and none where none matched or all that matched speak against.
    fn nearest_profile(&self, counted: &[Option<i32>]) -> Option<usize> {
        let points_of = |profile: usize| {
            let matched = self
                .rules
                .iter()
                .zip(counted)
                .filter(|(m, _)| m.profile_at(self.model) == Some(profile));
            let points: Vec<i64> = matched.filter_map(|(_, p)| p.map(i64::from)).collect();
            (!points.is_empty()).then(|| points.iter().sum::<i64>())
        };
        let sums: Vec<Option<i64>> = (0..self.model.profiles.len()).map(points_of).collect();
        let best = sums.iter().map(|s| s.unwrap_or(0)).max()?;
        // One that matched nothing stands at 0: it is nearer than one that is spoken against, and has no name to report.
        sums.iter().position(|s| *s == Some(best))
    }
}

impl<'a> Matched<'a> {
    fn new(model: &'a ScoreModel, rule: &'a Rule) -> Self {
        let mut reads_profile = rule.confirmed_only;
        rule.when.walk(&mut |p| {
            reads_profile |= p.own_field().is_some() || matches!(p, Predicate::DomainIs(_));
        });
        Self {
            rule,
            nature: rule.when.nature(),
            days: Days::default(),
            latest: Vec::new(),
            seen: rule
                .when
                .seen()
                .into_iter()
                .map(|s| (s, Days::default()))
                .collect(),
            first_only: rule.when.wants_first(),
            fades: model.decay_of(rule).is_some(),
            reads_profile,
            remembered: None,
        }
    }

    fn push(&mut self, touchpoint: &'a Touchpoint) {
        let day = touchpoint.at.day().0;
        let mut named = false;
        for (seen, days) in &mut self.seen {
            if seen.of.is_like(touchpoint) {
                days.add(day);
                named = self.nature == Nature::Person;
                self.remembered = None;
            }
        }
        let matches = self.nature == Nature::Touchpoints
            && (!self.first_only || self.days.is_empty())
            && self.rule.when.matches_touchpoint(touchpoint);
        if matches {
            self.days.add(day);
            self.remembered = None;
        }
        if matches || named {
            if self.latest.len() == NAMED_TOUCHPOINTS {
                self.latest.remove(0);
            }
            self.latest.push(&touchpoint.id);
        }
    }

    fn remember(&mut self, model: &ScoreModel, profile: &impl ScoreInput, today: i64) {
        let still = |day: i64| day == today || !self.fades;
        if self.remembered.is_none_or(|(day, _)| !still(day)) {
            self.remembered = Some((today, self.judge(model, profile, today)));
        }
    }

    fn judge(&self, model: &ScoreModel, profile: &impl ScoreInput, today: i64) -> Option<Given> {
        if self.nature == Nature::Touchpoints && self.days.is_empty() {
            return None;
        }
        let seen = self.seen_days();
        let gate = Gate {
            profile,
            model,
            confirmed_only: self.rule.confirmed_only,
            seen: &seen,
        };
        if !gate.holds(&self.rule.when) {
            return None;
        }
        let decay = model.decay_of(self.rule);
        Some(match self.nature {
            Nature::Touchpoints => self.days.give(self.rule, decay, today),
            Nature::Person => {
                // As old as the newest thing it rests on.
                let mut since = seen.into_iter().flatten().max();
                self.rule.when.fields(&mut |name| {
                    let given = profile.field(name).map(|k| k.at.day().0);
                    since = since.max(given);
                });
                once(self.rule, decay, since.unwrap_or(today), today)
            }
        })
    }

    /// For each condition on a number: the latest day on which it held.
    pub fn seen_days(&self) -> Vec<Option<i64>> {
        let day = |(seen, days): &(&super::predicate::Seen, Days)| {
            days.reached(seen.at_least, seen.within_days)
        };
        self.seen.iter().map(day).collect()
    }

    /// What it gives by itself; none where it does not match.
    pub fn given(&self) -> Option<Given> {
        self.remembered.and_then(|(_, given)| given)
    }

    /// Place of its ideal customer in the model.
    fn profile_at(&self, model: &ScoreModel) -> Option<usize> {
        let id = self.rule.profile.as_ref()?;
        model.profiles.iter().position(|p| p.id == *id)
    }

    /// The touchpoints it rests on: those that matched, else those that gave the answers it read.
    pub fn named(&self, profile: &impl ScoreInput) -> Vec<String> {
        if !self.latest.is_empty() {
            return self.latest.iter().map(|id| (*id).to_owned()).collect();
        }
        let mut named: Vec<String> = Vec::new();
        self.rule.when.fields(&mut |name| {
            if let Some(known) = profile.field(name)
                && named.len() < NAMED_TOUCHPOINTS
                && !named.iter().any(|n| n == known.touchpoint)
            {
                named.push(known.touchpoint.to_owned());
            }
        });
        named
    }
}

/// Scores a whole list of facts, given in order of time, as of `now`.
pub fn evaluate<'t>(
    model: &'t ScoreModel,
    touchpoints: impl IntoIterator<Item = &'t Touchpoint>,
    profile: &impl ScoreInput,
    now: Timestamp,
) -> Evaluated {
    let mut tally = Tally::new(model);
    touchpoints.into_iter().for_each(|t| tally.push(t));
    tally.evaluated(profile, now)
}
