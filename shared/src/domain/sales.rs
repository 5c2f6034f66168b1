//! The people leads are handed to.

use serde::{Deserialize, Serialize};

use super::pii::Pii;

/// Who gets which lead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sales {
    /// The team, in the order of the site file.
    pub team: Vec<SalesPerson>,
    /// Routes, first match wins.
    pub routes: Vec<Route>,
    /// Id of the person who gets a lead that no route matches.
    pub fallback: String,
    /// Suggested next steps, first match wins.
    pub actions: Vec<SuggestedAction>,
    /// Minutes until an unanswered alert goes to the next person in line; none = never.
    pub escalate_after_minutes: Option<u32>,
}

impl Sales {
    /// The person of that id.
    pub fn person(&self, id: &str) -> Option<&SalesPerson> {
        self.team.iter().find(|p| p.id == id)
    }
}

/// One person of the sales team.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SalesPerson {
    /// Id that routes name: `[a-z0-9-]`.
    pub id: String,
    /// Name shown in alerts.
    pub name: String,
    /// Where alerts go.
    pub email: Pii<String>,
}

/// A condition on profile fields that decides the owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Profile field compared.
    pub field: String,
    /// Matches when the field has one of these values, without regard to case.
    pub any_of: Vec<String>,
    /// Id of the owner.
    pub owner: String,
}

/// A suggested next step, chosen by a condition on profile fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuggestedAction {
    /// Profile field compared; none = matches always (the last one should).
    pub field: Option<String>,
    /// Matches when the field has one of these values, without regard to case.
    pub any_of: Vec<String>,
    /// What to do, one sentence.
    pub text: String,
    /// Why it is suggested, one sentence.
    pub reason: String,
}
