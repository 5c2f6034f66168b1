//! Every rule of the model and what it made of a lead: matched or not, why, and what became of its points on the way to the score.
//!
//! A breakdown names the rules that gave points; an explanation names all of them, so that "why not?" has an answer too. Its lines sum to
//! the score exactly, because both read the same sums. What it says of the person is personal: it is for those who work with the lead.

use serde::Serialize;

use super::evaluate::{Matched, Score, Tally};
use super::model::{Dimension, ScoreModel};
use super::predicate::{DomainClass, Gate, Known, Predicate, ScoreInput, Seen, TouchMatch};
use super::stages::Thresholds;
use crate::domain::pii::Pii;
use crate::domain::time::{Day, Timestamp};
use crate::domain::touchpoint::Trust;

/// One rule and what it made of the lead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleLine {
    /// Id of the rule.
    pub rule: String,
    /// Its dimension.
    pub dimension: Dimension,
    /// Its reason, as sales reads it.
    pub reason: String,
    /// What it came to.
    pub outcome: Outcome,
    /// Why it matched or did not, in words.
    pub because: Pii<String>,
    /// How often it matched.
    pub count: u32,
    /// Points of all matches, without caps and fading.
    pub earned: i64,
    /// What the rule's own caps left of them.
    pub kept: i64,
    /// What age left of these, whole points.
    pub faded: i32,
    /// What counts in the score: after the cap of its group, and nothing where another ideal customer counts.
    pub points: i32,
    /// Which caps took points away.
    pub caps: Vec<Cap>,
    /// The touchpoints it rests on: the latest that matched, or those that gave the answers it read.
    pub touchpoints: Vec<String>,
    /// The profile fields it reads.
    pub fields: Vec<String>,
}

/// What a rule came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It matched, and its points count.
    Matched,
    /// It matched, and rules the lead out.
    RulesOut,
    /// It matched, but describes an ideal customer that the lead is less near to than another.
    OtherProfile,
    /// It did not match.
    NotMatched,
}

/// A cap that took points away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cap {
    /// A cap of the rule itself: in all, per day, per window, or once only.
    Rule,
    /// The cap that its group shares.
    Group(String),
}

/// One threshold and where the lead stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Need {
    /// What is needed, in words: `total`, `fit`, `engagement`, `bant` or `grade`.
    pub what: &'static str,
    /// What the lead has.
    pub has: String,
    /// What the model wants.
    pub wants: String,
    /// Whether that is reached.
    pub reached: bool,
}

impl Tally<'_> {
    /// Every rule in the order of the model, as of `now`.
    pub fn explained(&mut self, profile: &impl ScoreInput, now: Timestamp) -> Vec<RuleLine> {
        self.standing(profile, now);
        let model = self.model();
        let (_, counted) = self.sum();
        let lines = self.rules().iter().zip(counted);
        lines
            .map(|(matched, points)| line(model, matched, points, profile))
            .collect()
    }
}

fn line(
    model: &ScoreModel,
    matched: &Matched<'_>,
    points: Option<i32>,
    profile: &impl ScoreInput,
) -> RuleLine {
    let rule = matched.rule;
    let given = matched.given();
    let outcome = match (given, points) {
        (None, _) => Outcome::NotMatched,
        (Some(_), None) => Outcome::OtherProfile,
        (Some(_), Some(_)) if rule.disqualify => Outcome::RulesOut,
        (Some(_), Some(_)) => Outcome::Matched,
    };
    let mut caps = Vec::new();
    if given.is_some_and(|g| g.kept != g.earned) {
        caps.push(Cap::Rule);
    }
    if let (Some(given), Some(points), Some(group)) = (given, points, &rule.group)
        && given.points != points
    {
        caps.push(Cap::Group(group.clone()));
    }
    let mut fields: Vec<String> = Vec::new();
    rule.when.fields(&mut |name| {
        if !fields.iter().any(|f| f == name) {
            fields.push(name.to_owned());
        }
    });
    let seen = matched.seen_days();
    let gate = Gate {
        profile,
        model,
        confirmed_only: rule.confirmed_only,
        seen: &seen,
    };
    let words = Words {
        gate: &gate,
        matched,
        next: 0,
    };
    let given = given.unwrap_or_default();
    RuleLine {
        rule: rule.id.clone(),
        dimension: rule.dimension,
        reason: rule.reason.clone(),
        outcome,
        because: Pii::new(words.because(outcome != Outcome::NotMatched)),
        count: given.count,
        earned: given.earned,
        kept: given.kept,
        faded: given.points,
        points: points.unwrap_or_default(),
        caps,
        touchpoints: if outcome == Outcome::NotMatched {
            Vec::new()
        } else {
            matched.named(profile)
        },
        fields,
    }
}

/// Where a score stands against each threshold.
pub fn needs(score: &Score, thresholds: &Thresholds) -> Vec<Need> {
    let sums = [
        ("total", score.total, thresholds.total),
        ("fit", score.fit, thresholds.fit),
        ("engagement", score.engagement, thresholds.engagement),
        ("bant", score.bant, thresholds.bant),
    ];
    let mut needs: Vec<Need> = sums
        .into_iter()
        .filter_map(|(what, has, least)| {
            least.map(|least| Need {
                what,
                has: has.to_string(),
                wants: format!("at least {least}"),
                reached: has >= least,
            })
        })
        .collect();
    if let Some(matrix) = &thresholds.matrix {
        let grade = matrix.grade(score);
        let ready: Vec<String> = matrix.ready.iter().map(ToString::to_string).collect();
        needs.push(Need {
            what: "grade",
            has: grade.to_string(),
            wants: listed(&ready),
            reached: matrix.ready.contains(&grade),
        });
    }
    needs
}

/// Says why a condition holds or not.
struct Words<'a, 'g, P> {
    gate: &'g Gate<'a, P>,
    matched: &'g Matched<'g>,
    /// Conditions on a number passed so far.
    next: usize,
}

impl<P: ScoreInput> Words<'_, '_, P> {
    fn because(mut self, matched: bool) -> String {
        let when = &self.matched.rule.when;
        if !matched && !self.gate.may_be_believed(when) {
            return String::from("the address is not confirmed by a click yet");
        }
        let (_, text) = self.say(when);
        text
    }

    /// Whether a condition holds, and why.
    fn say(&mut self, predicate: &Predicate) -> (bool, String) {
        match predicate {
            Predicate::All(inner) => {
                let said: Vec<_> = inner.iter().map(|p| self.say(p)).collect();
                let all = said.iter().all(|(holds, _)| *holds);
                // What fails says more than what would have been right.
                (all, joined(&said, all, " and "))
            }
            Predicate::Any(inner) => {
                // Touches of a rule are counted together, whichever of them it was, so they are told together.
                let is_touch = |p: &&Predicate| matches!(p, Predicate::Touchpoint(_));
                let (touches, others): (Vec<_>, Vec<_>) = inner.iter().partition(is_touch);
                let mut said: Vec<_> = others.into_iter().map(|p| self.say(p)).collect();
                let touches: Vec<String> = touches.into_iter().filter_map(touch_of).collect();
                if !touches.is_empty() {
                    said.insert(0, self.touched(&listed(&touches)));
                }
                let any = said.iter().any(|(holds, _)| *holds);
                (any, joined(&said, any, "; "))
            }
            Predicate::Not(inner) => {
                let about_touchpoints = inner.is_about_touchpoints();
                let (holds, text) = self.say(inner);
                if about_touchpoints {
                    (true, String::new())
                } else {
                    (!holds, text)
                }
            }
            Predicate::Touchpoint(of) => self.touched(&touch_words(of)),
            Predicate::Seen(seen) => self.seen(seen),
            Predicate::FieldIs { field, any_of } => self.field(predicate, field, "is not", any_of),
            Predicate::FieldContains { field, any_of } => {
                self.field(predicate, field, "does not contain", any_of)
            }
            Predicate::FieldMatches { field, any_of } => {
                self.field(predicate, field, "does not look like", any_of)
            }
            Predicate::FieldBetween { field, min, max } => {
                let wanted = match (min, max) {
                    (Some(min), Some(max)) => format!("{min} to {max}"),
                    (Some(min), None) => format!("at least {min}"),
                    (None, Some(max)) => format!("at most {max}"),
                    (None, None) => String::from("any number"),
                };
                self.field(predicate, field, "is not", &[wanted])
            }
            Predicate::FieldAbsent { field } => {
                let holds = self.gate.holds_alone(predicate);
                let text = match self.gate.profile.field(field) {
                    Some(known) => answer(field, &known),
                    None => format!("{} is not known", spoken(field)),
                };
                (holds, text)
            }
            Predicate::DomainIs(wanted) => {
                let holds = self.gate.holds_alone(predicate);
                let text = self.gate.profile.domain().map_or_else(
                    || String::from("no address is known"),
                    |domain| {
                        let class = self.gate.model.domain_class(domain);
                        let not = if holds {
                            String::new()
                        } else {
                            format!(", not {}", class_words(*wanted))
                        };
                        format!("{domain} is {}{not}", class_words(class))
                    },
                );
                (holds, text)
            }
        }
    }

    fn field(
        &self,
        predicate: &Predicate,
        field: &str,
        differs: &str,
        wanted: &[String],
    ) -> (bool, String) {
        let holds = self.gate.holds_alone(predicate);
        let Some(known) = self.gate.profile.field(field) else {
            return (false, format!("{} is not known", spoken(field)));
        };
        let text = answer(field, &known);
        if holds {
            (true, text)
        } else if self.gate.confirmed_only && known.trust < Trust::Confirmed {
            (false, format!("{text}, but that is not confirmed"))
        } else {
            (false, format!("{text}, which {differs} {}", listed(wanted)))
        }
    }

    fn touched(&self, what: &str) -> (bool, String) {
        let times = self.matched.days.count();
        let text = match times {
            0 => format!("not yet: {what}"),
            1 => format!("{what} once{}", self.latest().replace("last ", "")),
            n => format!("{what} {n} times{}", self.latest()),
        };
        (times > 0, text)
    }

    fn latest(&self) -> String {
        self.matched
            .days
            .latest()
            .map(|day| format!(", last on {}", Day(day)))
            .unwrap_or_default()
    }

    fn seen(&mut self, seen: &Seen) -> (bool, String) {
        let at = self.next;
        self.next += 1;
        let day = self.gate.seen.get(at).copied().flatten();
        let counted = self.matched.seen.get(at).map_or(0, |(_, d)| d.count());
        let what = touch_words(&seen.of);
        let within = seen
            .within_days
            .map(|days| format!(" within {days} days"))
            .unwrap_or_default();
        let text = match day {
            Some(day) => format!(
                "{what} at least {} times{within}, last on {}",
                seen.at_least,
                Day(day)
            ),
            None => format!("{what} {counted} times, not yet {}{within}", seen.at_least),
        };
        (day.is_some(), text)
    }
}

/// The reasons on the side that decided.
fn joined(said: &[(bool, String)], side: bool, with: &str) -> String {
    let texts: Vec<&str> = said
        .iter()
        .filter(|(holds, text)| *holds == side && !text.is_empty())
        .map(|(_, text)| text.as_str())
        .collect();
    texts.join(with)
}

fn answer(field: &str, known: &Known<'_>) -> String {
    format!("{} is “{}”", spoken(field), known.value.to_text())
}

/// A field's name as people say it.
fn spoken(field: &str) -> String {
    field.replace('_', " ")
}

fn listed(values: &[String]) -> String {
    match values {
        [] => String::from("anything"),
        [one] => one.clone(),
        [several @ .., last] => format!("{} or {last}", several.join(", ")),
    }
}

const fn class_words(class: DomainClass) -> &'static str {
    match class {
        DomainClass::FreeMail => "a free-mail provider",
        DomainClass::Disposable => "a provider of throw-away mailboxes",
        DomainClass::Competitor => "a competitor",
        DomainClass::Business => "an employer's domain",
    }
}

fn touch_of(predicate: &Predicate) -> Option<String> {
    if let Predicate::Touchpoint(of) = predicate {
        Some(touch_words(of))
    } else {
        None
    }
}

/// A touchpoint as people say it: `form submitted (form demo)`.
fn touch_words(of: &TouchMatch) -> String {
    let kind = if of.kind.is_empty() {
        String::from("anything done")
    } else {
        spoken(&of.kind)
    };
    let details = [
        ("form", &of.form),
        ("magnet", &of.magnet),
        ("page", &of.page),
        ("source", &of.source),
        ("medium", &of.medium),
        ("campaign", &of.campaign),
    ];
    let details: Vec<String> = details
        .into_iter()
        .filter_map(|(name, value)| value.as_ref().map(|v| format!("{name} {v}")))
        .collect();
    let first = if of.first { "first " } else { "" };
    if details.is_empty() {
        format!("{first}{kind}")
    } else {
        format!("{first}{kind} ({})", details.join(", "))
    }
}
