//! Erasure: what is asked for, how far it has come, and what is left to show for it.
//!
//! The order is written before anything is deleted, so that whatever is cut off is found and finished. It holds references and counts
//! only: the lead's id is the keyed hash of the address, so the order is also the tombstone by which a restored backup is cleaned.

use serde::{Deserialize, Serialize};

use super::id::LeadId;
use super::time::Timestamp;

/// How long after an erasure what was still under way may be written: a stream repeats for a day, and clocks differ.
pub const LATE_DAYS: i64 = 2;

/// Why a lead is erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EraseReason {
    /// The person asked for it.
    Request,
    /// The person objected to how their data is used.
    Objection,
    /// The data should not have been collected.
    Unlawful,
    /// It is not needed any more.
    NotNeeded,
}

impl EraseReason {
    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Request => "the person asked for it",
            Self::Objection => "the person objected to how their data is used",
            Self::Unlawful => "the data should not have been collected",
            Self::NotNeeded => "the data is not needed any more",
        }
    }
}

/// How many items were found in each table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Facts.
    pub touchpoints: u32,
    /// State, handoffs, consents.
    pub leads: u32,
    /// Work.
    pub outbox: u32,
    /// Counters and other things in `ops`.
    pub ops: u32,
}

impl Found {
    /// All of them.
    pub const fn total(self) -> u32 {
        self.touchpoints + self.leads + self.outbox + self.ops
    }
}

/// An erasure, asked for and perhaps finished.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasure {
    /// The lead.
    pub lead_id: LeadId,
    /// What is dated at or before this goes.
    pub erased_at: Timestamp,
    /// Why.
    pub because: EraseReason,
    /// Partition and sort key of what named the lead in `ops` when it began: counters, things set aside. References, like all keys.
    #[serde(default)]
    pub ops_keys: Vec<(String, String)>,
    /// What there was when it began.
    #[serde(default)]
    pub found: Found,
    /// When nothing was left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    /// Counts writes of this record.
    pub version: u64,
}

impl Erasure {
    /// Whether it is to be gone through again: unfinished, or finished so lately that something late may have been written since.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.finished_at
            .is_none_or(|at| now < at.plus_days(LATE_DAYS))
    }
}
