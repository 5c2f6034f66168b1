//! What a decision works on and what it asks for: values that the store reads and writes.

use crate::domain::consent::{ConsentRecord, LedgerHead};
use crate::domain::endpoint::Endpoint;
use crate::domain::erasure::Erasure;
use crate::domain::guard::Guard;
use crate::domain::handoff::Handoff;
use crate::domain::held::Held;
use crate::domain::id::LeadId;
use crate::domain::lead::{Lead, PastHandoff};
use crate::domain::outbox::OutboxItem;
use crate::domain::send_limit::SendLimit;
use crate::domain::sending::Sending;
use crate::domain::time::Timestamp;
use crate::domain::touchpoint::Touchpoint;

/// Everything that is stored about a lead besides its facts and its work.
#[derive(Clone, Debug, Default)]
pub struct LeadRecords {
    /// Derived state.
    pub lead: Option<Lead>,
    /// Whether mail may go out.
    pub guard: Guard,
    /// Handoffs made, by cycle.
    pub handoffs: Vec<Handoff>,
    /// The consent ledger, by number.
    pub consents: Vec<ConsentRecord>,
    /// The closing mark of the ledger.
    pub ledger: Option<LedgerHead>,
}

impl LeadRecords {
    /// Handoffs as the fold takes them.
    pub fn past_handoffs(&self) -> Vec<PastHandoff> {
        self.handoffs
            .iter()
            .map(|h| PastHandoff {
                cycle: h.cycle,
                at: h.at,
                touchpoint: h.touchpoint.clone(),
            })
            .collect()
    }
}

/// One write of a commit.
#[derive(Clone, Debug)]
pub enum Write {
    /// A fact, if its id is not there yet.
    Touchpoint(Touchpoint),
    /// Work, if its id is not there yet.
    Outbox(OutboxItem),
    /// A lead's state, if it still has the version it was decided from (`None` = not there).
    Lead {
        /// The new state; its `version` is the new one.
        lead: Box<Lead>,
        /// The version decided from.
        from: Option<u64>,
        /// Identity of this write.
        write_id: String,
    },
    /// A handoff, if there is none for its cycle.
    Handoff(Box<Handoff>),
    /// A ledger entry, if its number is free.
    Consent(LeadId, ConsentRecord),
    /// The closing mark of a ledger, if it still names the entry before (`None` = not there).
    Ledger {
        /// The lead.
        lead_id: LeadId,
        /// The new mark.
        head: LedgerHead,
        /// Number of the last entry decided from.
        from: Option<u32>,
    },
    /// A guard, if it still has the version before (0 = not there).
    Guard {
        /// The lead.
        lead_id: LeadId,
        /// The new guard; its `version` is one more than the one decided from.
        guard: Guard,
        /// Identity of this write.
        write_id: String,
    },
    /// An erasure, if it still has the version before.
    Erasure(Erasure),
    /// Nothing is written; the guard must still have this version (0 = not there).
    GuardIs(LeadId, u64),
    /// An outbox item in place of one whose last write was `from`.
    OutboxMoved {
        /// The new item, with a `last_write_id` of its own.
        item: Box<OutboxItem>,
        /// `last_write_id` of the item decided from.
        from: String,
    },
    /// A submission that is set aside, under its lead, if it is not there yet.
    Held(Box<Held>),
    /// The entry by which lists find a held submission, if it is not there yet; without personal data.
    HeldEntry(Box<Held>),
    /// A ticket is spent, if it was not before.
    Spent {
        /// Keyed name of the ticket.
        ticket: String,
        /// The submission it is spent on: `lead/submission`.
        submission: String,
        /// When.
        at: Timestamp,
        /// Identity of this write.
        write_id: String,
    },
    /// The send times of a mailbox, if they still have the version before.
    SendLimit(SendLimit),
    /// The state of sending to leads, if it still has the version before.
    Sending(Box<Sending>),
    /// The record of a channel's receiver, if it still has the version before.
    Endpoint(Endpoint),
}

impl Write {
    /// A guard in place of the one decided from; none where nothing changed.
    pub fn guard(
        lead_id: LeadId,
        before: &Guard,
        mut after: Guard,
        write_id: &str,
    ) -> Option<Self> {
        if after == *before {
            return None;
        }
        after.version = before.version + 1;
        Some(Self::Guard {
            lead_id,
            guard: after,
            write_id: write_id.to_owned(),
        })
    }
}
