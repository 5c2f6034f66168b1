//! A submission that was set aside: what was posted, why it is doubted, and enough of its surroundings to take it up later as if it had
//! just come in.
//!
//! It is kept for [`KEEP_DAYS`] under its lead, so that whoever erases the lead finds it.

use serde::{Deserialize, Serialize};

use super::id::LeadId;
use super::pii::Pii;
use super::time::Timestamp;

/// Days that a submission is held; then it is gone.
pub const KEEP_DAYS: i64 = 30;

/// Why a submission is doubted. To add one: a variant, its code, its sentence; the ladder in `flow/abuse.rs` says what follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// Sent sooner after the form was begun than a person can.
    TooFast,
    /// The form was begun more than a day before.
    TooLate,
    /// The ticket is not one of ours.
    ForgedTicket,
    /// The ticket was given out for another form.
    OtherForm,
    /// The ticket came before, with other answers.
    SpentTicket,
    /// The browser says that a program drives it.
    Automated,
    /// The form asks for a proof, and none came.
    NoProof,
    /// The proof does not hold.
    FailedProof,
    /// The service that checks proofs could not be asked.
    Unchecked,
    /// A test, by the form or by the sender: kept apart, never taken up.
    Test,
}

impl Doubt {
    /// Every doubt.
    pub const ALL: [Self; 10] = [
        Self::TooFast,
        Self::TooLate,
        Self::ForgedTicket,
        Self::OtherForm,
        Self::SpentTicket,
        Self::Automated,
        Self::NoProof,
        Self::FailedProof,
        Self::Unchecked,
        Self::Test,
    ];

    /// Name in items, counters and on the command line.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooFast => "too_fast",
            Self::TooLate => "too_late",
            Self::ForgedTicket => "forged_ticket",
            Self::OtherForm => "other_form",
            Self::SpentTicket => "spent_ticket",
            Self::Automated => "automated",
            Self::NoProof => "no_proof",
            Self::FailedProof => "failed_proof",
            Self::Unchecked => "unchecked",
            Self::Test => "test",
        }
    }

    /// The doubt of that name.
    pub fn by_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|d| d.code() == code)
    }

    /// Why, for the person who decides.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::TooFast => "Sent less than two seconds after the form was opened.",
            Self::TooLate => "The form had been open for more than a day.",
            Self::ForgedTicket => "Its proof of when the form was opened was made up.",
            Self::OtherForm => "Its proof of when the form was opened belongs to another form.",
            Self::SpentTicket => "The same opened form had been sent before, with other answers.",
            Self::Automated => "The browser says that a program drives it.",
            Self::NoProof => "The form asks for a proof of being human, and none came.",
            Self::FailedProof => "The proof of being human was wrong.",
            Self::Unchecked => {
                "The service that checks for humans did not answer. The lead is there; its mail waits for you."
            }
            Self::Test => "A test. It is kept apart and never becomes a lead.",
        }
    }
}

/// A name and a value as they were posted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostedField {
    /// The name.
    pub name: String,
    /// The value.
    pub value: Pii<String>,
}

/// A submission that was set aside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Whose it would be.
    pub lead_id: LeadId,
    /// The id it has, or would have had, as a fact.
    pub id: String,
    /// The form it was posted to.
    pub form: String,
    /// When.
    pub at: Timestamp,
    /// Why it is doubted.
    pub doubt: Doubt,
    /// The fact is stored, and only the visitor's mail waits.
    #[serde(default)]
    pub stored: bool,
    /// What was posted, without proofs and tickets.
    pub posted: Vec<PostedField>,
    /// The page it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<Pii<String>>,
    /// What makes a repeat of it recognisable, where it had something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Pii<String>>,
    /// Keyed hash of the visitor's network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_hash: Option<String>,
    /// Coarse class of the user agent.
    #[serde(default)]
    pub agent_class: String,
    /// Site in force.
    #[serde(default)]
    pub site_hash: String,
    /// Identity of the write that stored this.
    #[serde(default)]
    pub last_write_id: String,
    /// Shape.
    #[serde(default = "one")]
    pub v: u8,
}

const fn one() -> u8 {
    1
}

impl Held {
    /// What was posted, as the endpoint had it.
    pub fn pairs(&self) -> Vec<(String, String)> {
        self.posted
            .iter()
            .map(|f| (f.name.clone(), f.value.expose().clone()))
            .collect()
    }

    /// Whether it may be taken up. A test never is.
    pub fn is_releasable(&self) -> bool {
        self.doubt != Doubt::Test
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_doubt_has_a_code_of_its_own_and_a_sentence() {
        for doubt in Doubt::ALL {
            assert_eq!(Doubt::by_code(doubt.code()), Some(doubt));
            assert!(doubt.reason().ends_with('.'), "{doubt:?}");
            let stored = serde_json::to_value(doubt).unwrap();
            assert_eq!(stored, doubt.code(), "stored under its code");
        }
        assert_eq!(Doubt::by_code("nonsense"), None);
    }
}
