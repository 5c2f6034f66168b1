//! What sales made of a lead in one cycle, read off their answers.
//!
//! The first answer to an alert stands; so does the first outcome. Passing a lead on and putting it off can happen as often as people
//! like, until it is answered.

use serde::{Deserialize, Serialize};

use super::time::Timestamp;
use super::touchpoint::{Touchpoint, TouchpointKind};

/// How a lead stands with sales.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handling {
    /// Id of who has it; none = the owner of the handoff.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
    /// Taken or handed back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Said>,
    /// Qualified by sales.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qualified: Option<Said>,
    /// Won or lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Said>,
    /// Passed on the last time, by whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passed: Option<Said>,
    /// Until when the answer was put off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snoozed_until: Option<Timestamp>,
}

/// Something sales said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// What.
    pub kind: TouchpointKind,
    /// Id of who said it; none where nobody can tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When.
    pub at: Timestamp,
    /// The reason given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Handling {
    /// Reads the facts of one cycle, in whatever order they come.
    pub fn of(facts: &[Touchpoint], cycle: u32) -> Self {
        let mut said: Vec<&Touchpoint> = facts.iter().filter(|t| t.cycle == Some(cycle)).collect();
        said.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
        let mut handling = Self::default();
        for fact in said {
            handling.take(fact);
        }
        handling
    }

    /// Takes up a fact; the facts of the cycle come in order of time.
    pub fn take(&mut self, fact: &Touchpoint) {
        if fact.machine.is_some() {
            return;
        }
        let said = || {
            Some(Said {
                kind: fact.kind,
                by: fact.author.clone(),
                at: fact.at,
                reason: fact.reason.clone(),
            })
        };
        match fact.kind {
            TouchpointKind::Accepted | TouchpointKind::Rejected => {
                if self.answer.is_none() {
                    self.answer = said();
                    self.holder = fact.author.clone().or(self.holder.take());
                }
            }
            TouchpointKind::SalesQualified => {
                self.qualified = self.qualified.take().or_else(said);
                self.holder = self.holder.take().or_else(|| fact.author.clone());
            }
            TouchpointKind::Won | TouchpointKind::Lost => {
                self.outcome = self.outcome.take().or_else(said);
                self.holder = self.holder.take().or_else(|| fact.author.clone());
            }
            TouchpointKind::Rerouted => {
                self.holder = fact.person.clone().or(self.holder.take());
                self.passed = said();
                self.snoozed_until = None;
            }
            TouchpointKind::Snoozed => self.snoozed_until = fact.until,
            TouchpointKind::FormSubmitted
            | TouchpointKind::AddressConfirmed
            | TouchpointKind::MagnetDownloaded
            | TouchpointKind::LinkClicked
            | TouchpointKind::LinkRenewed
            | TouchpointKind::Delivered
            | TouchpointKind::Bounced
            | TouchpointKind::Delayed
            | TouchpointKind::NotSent
            | TouchpointKind::SuppressionLifted
            | TouchpointKind::Imported
            | TouchpointKind::Overridden
            | TouchpointKind::Complained
            | TouchpointKind::Unsubscribed
            | TouchpointKind::PreferencesChanged
            | TouchpointKind::Replied => {}
        }
    }

    /// Whether sales still owes an answer.
    pub const fn waits(&self) -> bool {
        self.answer.is_none() && self.qualified.is_none() && self.outcome.is_none()
    }

    /// From when the time to answer counts anew, where it was passed on or put off.
    pub fn counts_from(&self) -> Option<Timestamp> {
        self.snoozed_until.max(self.passed.as_ref().map(|p| p.at))
    }
}
