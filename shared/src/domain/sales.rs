//! The people leads are handed to, and the tables that say who gets which and what to do first.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::hours::Calendar;
use super::pii::Pii;

/// Who gets which lead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sales {
    /// Everybody, in the order of the site file.
    pub team: Vec<SalesPerson>,
    /// Groups that share their leads, each getting the same number.
    #[serde(default)]
    pub groups: Vec<Group>,
    /// Routes, first match wins.
    pub routes: Vec<Route>,
    /// Who gets a lead that no route matches.
    pub fallback: Assignee,
    /// Suggested next steps, first match wins.
    pub actions: Vec<ActionRule>,
    /// Minutes of working time until an unanswered alert goes to the next person in line; none = never.
    pub escalate_after_minutes: Option<u32>,
    /// Working hours of everybody who has none of their own; none = always at work.
    #[serde(default)]
    pub calendar: Option<Calendar>,
    /// Working hours and days off of single people, by id.
    #[serde(default)]
    pub calendars: BTreeMap<String, Calendar>,
    /// Purpose of the consent without which nobody is called; none = a number given is a number to call.
    #[serde(default)]
    pub call_consent: Option<String>,
    /// Name of the secret by which a CRM signs its verdicts; none = verdicts come from people only.
    #[serde(default)]
    pub verdict_secret: Option<String>,
}

impl Sales {
    /// The person of that id.
    pub fn person(&self, id: &str) -> Option<&SalesPerson> {
        self.team.iter().find(|p| p.id == id)
    }

    /// The group of that id.
    pub fn group(&self, id: &str) -> Option<&Group> {
        self.groups.iter().find(|g| g.id == id)
    }

    /// The hours of a person; none where they are always at work.
    pub fn calendar_of(&self, person: &str) -> Option<&Calendar> {
        self.calendars.get(person).or(self.calendar.as_ref())
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

/// People who take turns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Id that routes name: `[a-z0-9-]`.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Ids of its people, in the order of their turns; at least one.
    pub members: Vec<String>,
}

/// Whom a route leads to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Assignee {
    /// One person.
    Person(String),
    /// Whoever's turn it is.
    Group(String),
}

/// Conditions that decide the owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// All of them hold; at least one.
    pub when: Vec<Condition>,
    /// Who gets the lead.
    pub to: Assignee,
}

/// Conditions for a suggested next step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionRule {
    /// All of them hold; none = matches every lead (the last one should).
    pub when: Vec<Condition>,
    /// What to do, one sentence.
    pub text: String,
    /// Why it is suggested, one sentence.
    pub reason: String,
}

/// Something that is true of a lead, or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Condition {
    /// A profile field has one of these values, without regard to case.
    Is {
        /// Profile field.
        field: String,
        /// Values.
        any_of: Vec<String>,
    },
    /// A profile field is a number within these bounds, both included.
    Between {
        /// Profile field.
        field: String,
        /// Smallest; none = no bound.
        min: Option<i64>,
        /// Largest; none = no bound.
        max: Option<i64>,
    },
    /// A profile field has an answer, or has none.
    Known {
        /// Profile field.
        field: String,
        /// Whether it has.
        known: bool,
    },
    /// The lead submitted this form.
    Form(String),
    /// The lead downloaded this magnet.
    Magnet(String),
}

/// A suggested next step, as it stands in a handoff.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SuggestedAction {
    /// Profile field that decided; none where no field did.
    pub field: Option<String>,
    /// The values it was compared with.
    pub any_of: Vec<String>,
    /// What to do, one sentence.
    pub text: String,
    /// Why it is suggested, one sentence.
    pub reason: String,
}
