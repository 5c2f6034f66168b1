//! Conditions of rules, and how they are compared with a profile and with one touchpoint.
//!
//! Three natures, which decide how often a rule gives its points ([`Nature`]): a condition on *touchpoints* gives them for each that
//! matches; a condition on the *profile* or on the *history as a whole* (how often something happened) gives them once.
//! To add a kind of condition: a variant here and the arms that the compiler then names; its words in `explain`; its keys in the
//! reader of the site.

use serde::{Deserialize, Serialize};

use super::model::ScoreModel;
use crate::domain::time::Timestamp;
use crate::domain::touchpoint::{Touchpoint, Trust, Value};

/// When a rule matches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Predicate {
    /// A profile field has one of these values, without regard to case.
    FieldIs {
        /// Canonical field name.
        field: String,
        /// Allowed values, lower case.
        any_of: Vec<String>,
    },
    /// A profile field holds one of these texts, without regard to case.
    FieldContains {
        /// Canonical field name.
        field: String,
        /// Texts looked for, lower case.
        any_of: Vec<String>,
    },
    /// A profile field has one of these shapes, without regard to case: `*` is any text, `?` any one character.
    FieldMatches {
        /// Canonical field name.
        field: String,
        /// Patterns, lower case.
        any_of: Vec<String>,
    },
    /// A numeric profile field lies within these bounds, both included.
    FieldBetween {
        /// Canonical field name.
        field: String,
        /// Smallest; none = no bound.
        min: Option<i64>,
        /// Largest; none = no bound.
        max: Option<i64>,
    },
    /// A profile field has no answer.
    FieldAbsent {
        /// Canonical field name.
        field: String,
    },
    /// The address's domain is of this class.
    DomainIs(DomainClass),
    /// A touchpoint like this.
    Touchpoint(TouchMatch),
    /// Touchpoints like this happened often enough, ever or within some days.
    Seen(Seen),
    /// All of these match. At most one of them is a touchpoint that has to be there.
    All(Vec<Predicate>),
    /// Any of these matches: all of them about touchpoints, or none.
    Any(Vec<Predicate>),
    /// This does not match.
    Not(Box<Predicate>),
}

/// What a touchpoint has to be like; what is not given does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TouchMatch {
    /// Name of the kind as in `TouchpointKind::name`; empty = anything the person did.
    pub kind: String,
    /// Only of this form.
    pub form: Option<String>,
    /// Only of this magnet.
    pub magnet: Option<String>,
    /// Only where the address of the page holds this text, lower case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
    /// Only from this `utm_source`, lower case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Only of this `utm_medium`, lower case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub medium: Option<String>,
    /// Only of this `utm_campaign`, lower case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<String>,
    /// Only the first one ever.
    #[serde(default, skip_serializing_if = "is_false")]
    pub first: bool,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the shape serde asks for"
)]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// How often something happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// What is counted.
    pub of: TouchMatch,
    /// Least number.
    pub at_least: u32,
    /// Within so many UTC days in a row, whenever that was; none = ever.
    pub within_days: Option<u32>,
}

/// Classes of mail domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DomainClass {
    /// A provider of free mailboxes.
    FreeMail,
    /// A provider of mailboxes that last for minutes.
    Disposable,
    /// On the model's competitor list.
    Competitor,
    /// None of these: most likely the person's employer.
    Business,
}

/// What a condition speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nature {
    /// Single touchpoints: each that matches counts.
    Touchpoints,
    /// The profile, or the history as a whole: it matches or not.
    Person,
}

/// A profile value as rules see it.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// The value.
    pub value: &'a Value,
    /// How far it can be believed.
    pub trust: Trust,
    /// When it was given.
    pub at: Timestamp,
    /// The touchpoint that gave it.
    pub touchpoint: &'a str,
}

/// The profile as rules see it.
pub trait ScoreInput {
    /// The value of a field.
    fn field(&self, name: &str) -> Option<Known<'_>>;
    /// The mail domain, lower case.
    fn domain(&self) -> Option<&str>;
    /// Whether a human click in a mail ever proved the address.
    fn confirmed(&self) -> bool;
}

impl Predicate {
    /// What the condition speaks of. A mixture counts as touchpoints: the rest of it is then a gate.
    pub fn nature(&self) -> Nature {
        let any_touchpoint = |inner: &[Self]| inner.iter().any(Self::is_about_touchpoints);
        let touchpoints = match self {
            Self::Touchpoint(_) => true,
            Self::All(inner) | Self::Any(inner) => any_touchpoint(inner),
            Self::Not(inner) => inner.is_about_touchpoints(),
            Self::FieldIs { .. }
            | Self::FieldContains { .. }
            | Self::FieldMatches { .. }
            | Self::FieldBetween { .. }
            | Self::FieldAbsent { .. }
            | Self::DomainIs(_)
            | Self::Seen(_) => false,
        };
        if touchpoints {
            Nature::Touchpoints
        } else {
            Nature::Person
        }
    }

    /// Whether the condition is about single touchpoints, and so may match many times.
    pub fn is_about_touchpoints(&self) -> bool {
        self.nature() == Nature::Touchpoints
    }

    /// Calls `visit` with this condition and each one inside it, from left to right.
    pub fn walk<'a>(&'a self, visit: &mut impl FnMut(&'a Self)) {
        visit(self);
        match self {
            Self::All(inner) | Self::Any(inner) => inner.iter().for_each(|p| p.walk(visit)),
            Self::Not(inner) => inner.walk(visit),
            Self::FieldIs { .. }
            | Self::FieldContains { .. }
            | Self::FieldMatches { .. }
            | Self::FieldBetween { .. }
            | Self::FieldAbsent { .. }
            | Self::DomainIs(_)
            | Self::Touchpoint(_)
            | Self::Seen(_) => {}
        }
    }

    /// The field this very condition reads, if it reads one.
    pub fn own_field(&self) -> Option<&str> {
        match self {
            Self::FieldIs { field, .. }
            | Self::FieldContains { field, .. }
            | Self::FieldMatches { field, .. }
            | Self::FieldBetween { field, .. }
            | Self::FieldAbsent { field } => Some(field),
            Self::DomainIs(_)
            | Self::Touchpoint(_)
            | Self::Seen(_)
            | Self::All(_)
            | Self::Any(_)
            | Self::Not(_) => None,
        }
    }

    /// Calls `visit` with each field name the condition reads.
    pub fn fields<'a>(&'a self, visit: &mut impl FnMut(&'a str)) {
        self.walk(&mut |p| {
            if let Some(field) = p.own_field() {
                visit(field);
            }
        });
    }

    /// The conditions on how often something happened, from left to right.
    pub fn seen(&self) -> Vec<&Seen> {
        let mut all = Vec::new();
        self.walk(&mut |p| {
            if let Self::Seen(seen) = p {
                all.push(seen);
            }
        });
        all
    }

    /// Whether the part that speaks of touchpoints matches this one; the rest is taken as matched.
    pub(super) fn matches_touchpoint(&self, touchpoint: &Touchpoint) -> bool {
        match self {
            Self::Touchpoint(wanted) => wanted.is_like(touchpoint),
            Self::All(inner) => inner.iter().all(|p| p.matches_touchpoint(touchpoint)),
            Self::Any(inner) => inner
                .iter()
                .any(|p| p.is_about_touchpoints() && p.matches_touchpoint(touchpoint)),
            Self::Not(inner) => {
                !inner.is_about_touchpoints() || !inner.matches_touchpoint(touchpoint)
            }
            Self::FieldIs { .. }
            | Self::FieldContains { .. }
            | Self::FieldMatches { .. }
            | Self::FieldBetween { .. }
            | Self::FieldAbsent { .. }
            | Self::DomainIs(_)
            | Self::Seen(_) => true,
        }
    }

    /// Whether some touchpoint that has to be there is wanted only the first time.
    pub(super) fn wants_first(&self) -> bool {
        let mut first = false;
        self.walk(&mut |p| first |= matches!(p, Self::Touchpoint(t) if t.first));
        first
    }
}

/// The part of a condition that speaks of the person, at one moment.
pub(super) struct Gate<'a, P> {
    /// The profile.
    pub profile: &'a P,
    /// For lists of domains.
    pub model: &'a ScoreModel,
    /// Only confirmed data counts.
    pub confirmed_only: bool,
    /// For each `Seen` of the rule, from left to right: the latest UTC day on which it held.
    pub seen: &'a [Option<i64>],
}

impl<P: ScoreInput> Gate<'_, P> {
    /// Whether the whole condition holds; touchpoints are taken as matched, because they were judged one by one.
    pub fn holds(&self, predicate: &Predicate) -> bool {
        self.may_be_believed(predicate) && self.holds_from(predicate, &mut 0)
    }

    /// A field carries its own trust; what somebody did, and the domain, are only theirs once the address is proved.
    pub fn may_be_believed(&self, predicate: &Predicate) -> bool {
        let mut reads_field = false;
        predicate.fields(&mut |_| reads_field = true);
        !self.confirmed_only
            || self.profile.confirmed()
            || (reads_field && !predicate.is_about_touchpoints())
    }

    /// `next` counts the `Seen` conditions passed so far; every branch is walked, so that the count is right.
    fn holds_from(&self, predicate: &Predicate, next: &mut usize) -> bool {
        match predicate {
            Predicate::Touchpoint(_) => true,
            Predicate::Seen(_) => {
                let held = self.seen.get(*next).copied().flatten();
                *next += 1;
                held.is_some()
            }
            Predicate::All(inner) => {
                let mut all = true;
                for p in inner {
                    all &= self.holds_from(p, next);
                }
                all
            }
            Predicate::Any(inner) => {
                let mut any = false;
                for p in inner {
                    any |= self.holds_from(p, next);
                }
                any
            }
            Predicate::Not(inner) => {
                let about_touchpoints = inner.is_about_touchpoints();
                let holds = self.holds_from(inner, next);
                about_touchpoints || !holds
            }
            Predicate::FieldIs { .. }
            | Predicate::FieldContains { .. }
            | Predicate::FieldMatches { .. }
            | Predicate::FieldBetween { .. }
            | Predicate::FieldAbsent { .. }
            | Predicate::DomainIs(_) => self.holds_alone(predicate),
        }
    }

    /// Whether one condition on a field or on the domain holds; any other is taken as matched.
    pub fn holds_alone(&self, predicate: &Predicate) -> bool {
        let known = |name: &str| {
            self.profile
                .field(name)
                .filter(|k| !self.confirmed_only || k.trust >= Trust::Confirmed)
                .map(|k| k.value)
        };
        match predicate {
            Predicate::FieldIs { field, any_of } => {
                known(field).is_some_and(|v| any_of.iter().any(|w| v.is(w)))
            }
            Predicate::FieldContains { field, any_of } => known(field).is_some_and(|v| {
                let text = v.to_text().to_lowercase();
                any_of.iter().any(|w| text.contains(w.as_str()))
            }),
            Predicate::FieldMatches { field, any_of } => known(field).is_some_and(|v| {
                let text = v.to_text().to_lowercase();
                any_of.iter().any(|pattern| has_shape(&text, pattern))
            }),
            Predicate::FieldBetween { field, min, max } => known(field)
                .and_then(Value::to_number)
                .is_some_and(|n| min.is_none_or(|m| n >= m) && max.is_none_or(|m| n <= m)),
            Predicate::FieldAbsent { field } => self.profile.field(field).is_none(),
            Predicate::DomainIs(class) => self
                .profile
                .domain()
                .is_some_and(|d| self.model.domain_class(d) == *class),
            Predicate::Touchpoint(_)
            | Predicate::Seen(_)
            | Predicate::All(_)
            | Predicate::Any(_)
            | Predicate::Not(_) => true,
        }
    }
}

impl TouchMatch {
    /// A touchpoint of this kind, whatever else it is.
    pub fn of(kind: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            ..Self::default()
        }
    }

    /// Whether the touchpoint is like this; whether it is the first is for the caller to know.
    pub fn is_like(&self, touchpoint: &Touchpoint) -> bool {
        let same =
            |wanted: &Option<String>, have: &Option<String>| wanted.is_none() || wanted == have;
        let source = touchpoint.source.as_ref();
        let parameter = |name: &str, wanted: &Option<String>| {
            wanted.as_ref().is_none_or(|wanted| {
                source
                    .and_then(|s| s.params.get(name))
                    .is_some_and(|have| have.to_lowercase() == *wanted)
            })
        };
        let page = self.page.as_ref().is_none_or(|wanted| {
            source
                .and_then(|s| s.page.as_ref())
                .is_some_and(|have| have.to_lowercase().contains(wanted))
        });
        (self.kind.is_empty() || self.kind == touchpoint.kind.name())
            && same(&self.form, &touchpoint.form)
            && same(&self.magnet, &touchpoint.magnet)
            && page
            && parameter("utm_source", &self.source)
            && parameter("utm_medium", &self.medium)
            && parameter("utm_campaign", &self.campaign)
    }
}

/// Whether a text has the shape of a pattern of `*` (any text) and `?` (any one character).
fn has_shape(text: &str, pattern: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let pattern: Vec<char> = pattern.chars().collect();
    let (mut t, mut p) = (0, 0);
    // Where the latest star stands, and how much text it has swallowed: on a mismatch it takes one character more.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(c) if *c == '?' || *c == text[t] => {
                t += 1;
                p += 1;
            }
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    t = from + 1;
                    p = at + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_have_stars_and_question_marks() {
        for (text, pattern, expected) in [
            ("head of marketing", "head of *", true),
            ("deputy head of it", "head of *", false),
            ("vp", "vp", true),
            ("vp sales", "vp", false),
            ("cto", "c?o", true),
            ("chief", "c?o", false),
            ("", "*", true),
            ("", "?", false),
            ("aaab", "*a?b", true),
            ("straße", "stra?e", true),
            ("abc", "*b*", true),
            ("ab", "**ab**", true),
        ] {
            assert_eq!(has_shape(text, pattern), expected, "{text} {pattern}");
        }
    }
}
