//! A lapse: a lead whose time is over, whose state has gone and whose facts are going.
//!
//! It is written in the transaction that deletes the state. Without it, facts that are left when that deletion is cut off would belong to
//! nobody: a lead without state is in no stage, and no later day would find it. References only.

use serde::{Deserialize, Serialize};

use super::id::LeadId;
use super::outbox::OutboxItem;
use super::time::Timestamp;
use super::touchpoint::Touchpoint;

/// A lapse that is not finished.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lapse {
    /// The lead.
    pub lead_id: LeadId,
    /// What was recorded at or before this goes; what somebody does who comes back is later.
    pub until: Timestamp,
    /// Names the deletion.
    pub last_write_id: String,
}

impl Lapse {
    /// The lapse of a lead of which this was seen.
    pub fn of(
        lead_id: LeadId,
        facts: &[Touchpoint],
        outbox: &[OutboxItem],
        write_id: &str,
    ) -> Self {
        let facts = facts.iter().map(|fact| fact.recorded_at);
        let seen = facts.chain(outbox.iter().map(|work| work.created_at));
        Self {
            lead_id,
            until: seen.max().unwrap_or(Timestamp(0)),
            last_write_id: write_id.to_owned(),
        }
    }
}
