//! The handoff: what sales needs to know, frozen at the moment a lead qualified.

mod freeze;
#[cfg(all(test, feature = "site-source"))]
mod tests;
mod words;

use serde::{Deserialize, Serialize};

use super::id::LeadId;
use super::lead::Reachability;
use super::pii::Pii;
use super::sales::{SalesPerson, SuggestedAction};
use super::score::{BreakdownLine, Score};
use super::stage::Stage;
use super::time::Timestamp;

pub use self::freeze::deadline;
pub(in crate::domain) use self::words::text;
pub use self::words::{describe, display, in_words, label_of, name};

/// Shape version written by this release.
pub const HANDOFF_V: u8 = 1;

/// What sales needs, frozen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handoff {
    /// The person.
    pub lead_id: LeadId,
    /// Which qualification this is, from 1.
    pub cycle: u32,
    /// When the lead qualified: since when it has its stage.
    pub at: Timestamp,
    /// The stage it came to.
    #[serde(default = "qualified")]
    pub stage: Stage,
    /// The touchpoint by which it did.
    pub touchpoint: String,
    /// Name, as far as known.
    pub name: Pii<String>,
    /// Address as given.
    pub email: Option<Pii<String>>,
    /// Other profile values people read, by label. A phone number stands here only if it may be called.
    pub profile: Vec<Labelled>,
    /// Why a number that is known may not be called; none where it may be, or none is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_call: Option<String>,
    /// Whether mail reaches them.
    pub reachability: Reachability,
    /// Points.
    pub score: Score,
    /// Why; sums exactly to `score.total`.
    pub breakdown: Vec<BreakdownLine>,
    /// Budget, authority, need, timeline; an empty value is still unknown.
    pub bant: Vec<Labelled>,
    /// What they did, latest last.
    pub history: Vec<HistoryLine>,
    /// Free-text answers.
    pub comments: Vec<Labelled>,
    /// Where they came from first.
    pub first_source: String,
    /// Where they came from last.
    pub last_source: String,
    /// State of each consent.
    pub consents: Vec<Labelled>,
    /// When they came first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_at: Option<Timestamp>,
    /// When they came last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_at: Option<Timestamp>,
    /// Who it goes to.
    pub owner: SalesPerson,
    /// Why it goes to them.
    pub routed_because: String,
    /// Who had this lead before, where somebody had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<Known>,
    /// Until when it should be answered; none where nothing was agreed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_by: Option<Timestamp>,
    /// What to do.
    pub action: SuggestedAction,
    /// Hash of the model applied.
    pub model_hash: String,
    /// The write that made it.
    pub last_write_id: String,
    /// Shape version.
    pub v: u8,
}

/// A value with what people call it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Labelled {
    /// Canonical name of the field; empty where it is not a field.
    #[serde(default)]
    pub field: String,
    /// What people call it.
    pub label: String,
    /// The value.
    pub value: Pii<String>,
}

/// One line of the history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryLine {
    /// When.
    pub at: Timestamp,
    /// What happened, in words.
    pub text: String,
}

/// Who had a lead in an earlier cycle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// Id of the sales person.
    pub person: String,
    /// What came of it, as a sentence.
    pub text: String,
}

const fn qualified() -> Stage {
    Stage::Mql
}

impl Handoff {
    /// The profile value of a field, as people read it.
    pub fn field(&self, name: &str) -> Option<&Pii<String>> {
        self.profile
            .iter()
            .find(|l| l.field == name)
            .map(|l| &l.value)
    }
}
