//! The scoring model as the marketer wrote it, checked and compiled.

use serde::{Deserialize, Serialize};

/// All rules and thresholds. Versioned by its own hash: nobody numbers models by hand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScoreModel {
    /// Rules in the order of the file.
    pub rules: Vec<Rule>,
    /// What makes a lead marketing-qualified.
    pub thresholds: Thresholds,
    /// Domains of free-mail providers, lower case, sorted.
    pub free_mail_domains: Vec<String>,
    /// Domains of competitors, lower case, sorted.
    pub competitor_domains: Vec<String>,
    /// SHA-256 of the model's content, 16 hex digits.
    pub hash: String,
}

/// One rule: when it matches, it gives points.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// Id shown in breakdowns: `[a-z0-9-]`, at most 64 characters.
    pub id: String,
    /// Why it gives points, one sentence that sales reads.
    pub reason: String,
    /// Which part of the score it counts to.
    pub dimension: Dimension,
    /// When it matches.
    pub when: Predicate,
    /// Points for each match; negative takes away. At most 1,000 either way.
    pub points: i32,
    /// Most points (by magnitude) this rule can give in all.
    pub cap: Option<u32>,
    /// Most points (by magnitude) this rule can give in one UTC day.
    pub cap_per_day: Option<u32>,
    /// Only confirmed data counts: a field that was typed but not confirmed by a click, or came by import, does not match.
    pub confirmed_only: bool,
}

/// The parts of a score that are kept apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dimension {
    /// Who they are: how close to the ideal customer.
    Fit,
    /// What they did.
    Engagement,
    /// Budget, authority, need, timeline.
    Bant,
}

/// When a rule matches. A rule whose predicate speaks of touchpoints gives its points for each touchpoint that matches; one that
/// speaks only of the profile gives them once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// A touchpoint of this kind, and where given of this form, magnet or page.
    Touchpoint {
        /// Name of the kind as in `TouchpointKind::name`.
        kind: String,
        /// Only of this form.
        form: Option<String>,
        /// Only of this magnet.
        magnet: Option<String>,
    },
    /// All of these match. At most one of them may speak of touchpoints.
    All(Vec<Predicate>),
    /// Any of these profile predicates matches.
    Any(Vec<Predicate>),
    /// The profile predicate does not match.
    Not(Box<Predicate>),
}

impl Predicate {
    /// Whether the predicate is about touchpoints (and so may match many times) rather than about the profile.
    pub fn is_about_touchpoints(&self) -> bool {
        match self {
            Self::Touchpoint { .. } => true,
            Self::All(inner) | Self::Any(inner) => inner.iter().any(Self::is_about_touchpoints),
            Self::Not(inner) => inner.is_about_touchpoints(),
            Self::FieldIs { .. }
            | Self::FieldContains { .. }
            | Self::FieldBetween { .. }
            | Self::FieldAbsent { .. }
            | Self::DomainIs(_) => false,
        }
    }

    /// Calls `visit` with each field name the predicate reads.
    pub fn fields<'a>(&'a self, visit: &mut impl FnMut(&'a str)) {
        match self {
            Self::FieldIs { field, .. }
            | Self::FieldContains { field, .. }
            | Self::FieldBetween { field, .. }
            | Self::FieldAbsent { field } => visit(field),
            Self::All(inner) | Self::Any(inner) => inner.iter().for_each(|p| p.fields(visit)),
            Self::Not(inner) => inner.fields(visit),
            Self::DomainIs(_) | Self::Touchpoint { .. } => {}
        }
    }
}

/// Classes of mail domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DomainClass {
    /// A provider of free mailboxes.
    FreeMail,
    /// On the model's competitor list.
    Competitor,
    /// Neither: most likely the person's employer.
    Business,
}

/// What makes a lead marketing-qualified: every threshold given must be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thresholds {
    /// Least total.
    pub total: i32,
    /// Least fit, where given.
    pub fit: Option<i32>,
    /// Least engagement, where given.
    pub engagement: Option<i32>,
    /// Least BANT, where given.
    pub bant: Option<i32>,
}
