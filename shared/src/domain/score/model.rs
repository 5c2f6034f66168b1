//! The scoring model as the marketer wrote it, checked and compiled.

use serde::{Deserialize, Serialize};

use super::decay::Decay;
use super::predicate::{DomainClass, Predicate};
use super::stages::{Grade, Recycle, Thresholds};
use crate::domain::disposable::is_disposable;

/// All rules and thresholds. Versioned by its own hash: nobody numbers models by hand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScoreModel {
    /// Rules in the order of the file.
    pub rules: Vec<Rule>,
    /// Groups of rules that share a cap or a way of fading.
    #[serde(default)]
    pub groups: Vec<Group>,
    /// Ideal customers; fit rules may belong to one, and the best of them counts.
    #[serde(default)]
    pub profiles: Vec<FitProfile>,
    /// What makes a lead marketing-qualified.
    pub thresholds: Thresholds,
    /// What a lead that sales handed back needs to qualify again.
    #[serde(default)]
    pub recycle: Recycle,
    /// Domains of free-mail providers, lower case, sorted.
    pub free_mail_domains: Vec<String>,
    /// More domains of providers of mailboxes that last for minutes, lower case, sorted; well-known ones are known anyway.
    #[serde(default)]
    pub disposable_domains: Vec<String>,
    /// Domains of competitors, lower case, sorted.
    pub competitor_domains: Vec<String>,
    /// SHA-256 of the model's content, 16 hex digits.
    pub hash: String,
}

/// One rule: when it matches, it gives points, or rules the lead out.
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
    /// Points for each match; negative takes away. At most 1,000 either way; 0 only where it rules out.
    pub points: i32,
    /// Most points (by magnitude) this rule can give in all.
    pub cap: Option<u32>,
    /// Most points (by magnitude) this rule can give in one UTC day.
    pub cap_per_day: Option<u32>,
    /// Only confirmed data counts: a field that was typed but not confirmed by a click, or came by import, does not match.
    pub confirmed_only: bool,
    /// Most points (by magnitude) in any so many UTC days in a row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cap_per_window: Option<WindowCap>,
    /// Gives its points for one match only, the latest.
    #[serde(default, skip_serializing_if = "is_false")]
    pub once: bool,
    /// While it matches, the lead cannot qualify.
    #[serde(default, skip_serializing_if = "is_false")]
    pub disqualify: bool,
    /// How its points fade; none = as its group says, else never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decay: Option<Decay>,
    /// Id of its group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Id of the ideal customer it describes; only for fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the shape serde asks for"
)]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// A cap over some days in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowCap {
    /// Most points, by magnitude.
    pub points: u32,
    /// UTC days in a row.
    pub days: u32,
}

/// Rules that share a cap or a way of fading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its id.
    pub id: String,
    /// Most points (by magnitude) its rules give together, after fading.
    pub cap: Option<u32>,
    /// How points of its rules fade, where they do not say themselves.
    pub decay: Option<Decay>,
}

/// An ideal customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FitProfile {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub name: String,
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

impl Rule {
    /// A rule that gives points for each match, with nothing else said.
    pub fn new(id: &str, dimension: Dimension, when: Predicate, points: i32) -> Self {
        Self {
            id: id.to_owned(),
            reason: id.to_owned(),
            dimension,
            when,
            points,
            cap: None,
            cap_per_day: None,
            confirmed_only: false,
            cap_per_window: None,
            once: false,
            disqualify: false,
            decay: None,
            group: None,
            profile: None,
        }
    }
}

impl ScoreModel {
    /// A model of these rules and thresholds, with no lists and no hash.
    pub fn new(rules: Vec<Rule>, thresholds: Thresholds) -> Self {
        Self {
            rules,
            groups: Vec::new(),
            profiles: Vec::new(),
            thresholds,
            recycle: Recycle::default(),
            free_mail_domains: Vec::new(),
            disposable_domains: Vec::new(),
            competitor_domains: Vec::new(),
            hash: String::new(),
        }
    }

    /// The group of a rule.
    pub fn group_of(&self, rule: &Rule) -> Option<&Group> {
        let id = rule.group.as_ref()?;
        self.groups.iter().find(|g| g.id == *id)
    }

    /// How a rule's points fade: by itself, else as its group's.
    pub fn decay_of(&self, rule: &Rule) -> Option<Decay> {
        rule.decay
            .or_else(|| self.group_of(rule).and_then(|g| g.decay))
    }

    /// Whether a score can only fall while nothing happens, and a lower one is never readier for sales than a higher one.
    pub fn only_falls(&self) -> bool {
        let rises = |r: &Rule| r.points < 0 && self.decay_of(r).is_some();
        let upward = self.thresholds.matrix.as_ref().is_none_or(|m| {
            let better = |grade: Grade| Grade::all().filter(move |g| grade.is_matched_by(*g));
            m.ready
                .iter()
                .copied()
                .flat_map(better)
                .all(|g| m.ready.contains(&g))
        });
        upward && !self.rules.iter().any(rises)
    }

    /// The class of a mail domain; sub-domains count as their parent.
    pub fn domain_class(&self, domain: &str) -> DomainClass {
        // Lists are sorted, and some are long: each parent is looked up, instead of each entry compared.
        let listed = |list: &[String]| {
            let mut rest = Some(domain);
            while let Some(name) = rest {
                if list.binary_search_by(|d| d.as_str().cmp(name)).is_ok() {
                    return true;
                }
                rest = name.split_once('.').map(|(_, parent)| parent);
            }
            false
        };
        if listed(&self.competitor_domains) {
            DomainClass::Competitor
        } else if listed(&self.disposable_domains) || is_disposable(domain, &[]) {
            DomainClass::Disposable
        } else if listed(&self.free_mail_domains) {
            DomainClass::FreeMail
        } else {
            DomainClass::Business
        }
    }
}
