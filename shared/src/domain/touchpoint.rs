//! Touchpoints: the facts everything else is derived from.
//!
//! A touchpoint is appended and never changed; an id that is already there is the same fact. Repeatable small facts (a link clicked)
//! have one id per subject and UTC day, so that a lead's partition stays small whatever a bot does.
//! To add a kind: a variant in [`TouchpointKind`], its line in each `match` that the compiler then names, and its effect in
//! [`super::lead`].

use serde::{Deserialize, Serialize};

use super::consent::ConsentGiven;
use super::id::LeadId;
use super::pii::Pii;
use super::source::Source;
use super::stage::Stage;
use super::time::Timestamp;

/// Shape version written by this release.
pub const TOUCHPOINT_V: u8 = 1;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TouchpointKind {
    /// A form was submitted.
    FormSubmitted,
    /// A click in a mail proved the address.
    AddressConfirmed,
    /// The Download button was pressed; proves the address too.
    MagnetDownloaded,
    /// A tracked link was followed by a person.
    LinkClicked,
    /// A fresh link was asked for.
    LinkRenewed,
    /// The mail service handed a mail to the receiving server.
    Delivered,
    /// The receiving server asked the mail service to come back later.
    Delayed,
    /// The mail service took a mail and did not send it.
    NotSent,
    /// A mail bounced.
    Bounced,
    /// The person reported a mail as spam.
    Complained,
    /// The person asked to get no more mail.
    Unsubscribed,
    /// An operator lifted what kept mail away.
    SuppressionLifted,
    /// The person chose which mails they want.
    PreferencesChanged,
    /// The person wrote back to a mail; somebody noted it.
    Replied,
    /// Sales took the lead.
    Accepted,
    /// Sales handed the lead back or ruled it out.
    Rejected,
    /// A row of a file told who the person is. Says nothing about what they did, so it earns nothing and qualifies nobody.
    Imported,
    /// Somebody put the lead at a stage by hand, or took that back.
    Overridden,
    /// Sales will answer later.
    Snoozed,
    /// Sales passed the lead on to a colleague.
    Rerouted,
    /// Sales found that there is something to sell.
    SalesQualified,
    /// They bought.
    Won,
    /// They did not buy.
    Lost,
}

impl TouchpointKind {
    /// Every kind, for checks and documentation.
    pub const ALL: [Self; 23] = [
        Self::FormSubmitted,
        Self::AddressConfirmed,
        Self::MagnetDownloaded,
        Self::LinkClicked,
        Self::LinkRenewed,
        Self::Delivered,
        Self::Delayed,
        Self::NotSent,
        Self::Bounced,
        Self::Complained,
        Self::Unsubscribed,
        Self::PreferencesChanged,
        Self::Replied,
        Self::SuppressionLifted,
        Self::Accepted,
        Self::Rejected,
        Self::Imported,
        Self::Overridden,
        Self::Snoozed,
        Self::Rerouted,
        Self::SalesQualified,
        Self::Won,
        Self::Lost,
    ];

    /// The word stored, and used in scoring rules.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FormSubmitted => "form_submitted",
            Self::AddressConfirmed => "address_confirmed",
            Self::MagnetDownloaded => "magnet_downloaded",
            Self::LinkClicked => "link_clicked",
            Self::LinkRenewed => "link_renewed",
            Self::Delivered => "delivered",
            Self::Delayed => "delayed",
            Self::NotSent => "not_sent",
            Self::Bounced => "bounced",
            Self::Complained => "complained",
            Self::Unsubscribed => "unsubscribed",
            Self::PreferencesChanged => "preferences_changed",
            Self::Replied => "replied",
            Self::SuppressionLifted => "suppression_lifted",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Imported => "imported",
            Self::Overridden => "overridden",
            Self::Snoozed => "snoozed",
            Self::Rerouted => "rerouted",
            Self::SalesQualified => "sales_qualified",
            Self::Won => "won",
            Self::Lost => "lost",
        }
    }

    /// Prefix of ids of this kind.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::FormSubmitted => "sub",
            Self::AddressConfirmed => "cnf",
            Self::MagnetDownloaded => "dwn",
            Self::LinkClicked => "clk",
            Self::LinkRenewed => "rnw",
            Self::Delivered => "dlv",
            Self::Delayed => "dly",
            Self::NotSent => "nts",
            Self::Bounced => "bnc",
            Self::Complained => "cmp",
            Self::Unsubscribed => "uns",
            Self::PreferencesChanged => "prf",
            Self::Replied => "rpl",
            Self::SuppressionLifted => "lft",
            Self::Accepted => "acc",
            Self::Rejected => "rej",
            Self::Imported => "imp",
            Self::Overridden => "ovr",
            Self::Snoozed => "snz",
            Self::Rerouted => "rrt",
            Self::SalesQualified => "sql",
            Self::Won => "won",
            Self::Lost => "lst",
        }
    }

    /// Whether it is something the person did. What we or machines did never earns points.
    pub const fn is_inbound(self) -> bool {
        match self {
            Self::FormSubmitted
            | Self::AddressConfirmed
            | Self::MagnetDownloaded
            | Self::LinkClicked
            | Self::LinkRenewed
            | Self::Complained
            | Self::Unsubscribed
            | Self::PreferencesChanged
            | Self::Replied => true,
            Self::Delivered
            | Self::Delayed
            | Self::NotSent
            | Self::Bounced
            | Self::SuppressionLifted
            | Self::Accepted
            | Self::Rejected
            | Self::Imported
            | Self::Overridden
            | Self::Snoozed
            | Self::Rerouted
            | Self::SalesQualified
            | Self::Won
            | Self::Lost => false,
        }
    }

    /// Whether it is what sales said of the lead.
    pub const fn is_verdict(self) -> bool {
        match self {
            Self::Accepted | Self::Rejected | Self::SalesQualified | Self::Won | Self::Lost => true,
            Self::FormSubmitted
            | Self::AddressConfirmed
            | Self::MagnetDownloaded
            | Self::LinkClicked
            | Self::LinkRenewed
            | Self::Delivered
            | Self::Delayed
            | Self::NotSent
            | Self::Bounced
            | Self::Complained
            | Self::Unsubscribed
            | Self::PreferencesChanged
            | Self::Replied
            | Self::SuppressionLifted
            | Self::Imported
            | Self::Overridden
            | Self::Snoozed
            | Self::Rerouted => false,
        }
    }
}

/// How far a fact's values can be believed. The order is the strength.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Trust {
    /// Came in a file.
    Imported,
    /// Typed into a form by whoever it was.
    Typed,
    /// Typed, and the address was confirmed by a click.
    Confirmed,
    /// Said by sales.
    Sales,
}

/// A typed answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Value {
    /// Text, a choice, a date, a URL, a country or a phone number.
    Text(Pii<String>),
    /// A whole number.
    Number(Pii<i64>),
    /// A checkbox.
    Flag(bool),
    /// Several choices.
    List(Vec<Pii<String>>),
}

impl Value {
    /// The answer as one line of text.
    pub fn to_text(&self) -> String {
        match self {
            Self::Text(text) => text.expose().clone(),
            Self::Number(number) => number.expose().to_string(),
            Self::Flag(flag) => String::from(if *flag { "yes" } else { "no" }),
            Self::List(list) => list
                .iter()
                .map(|p| p.expose().as_str())
                .collect::<Vec<_>>()
                .join(", "),
        }
    }

    /// The answer as a number, where it is one.
    pub fn to_number(&self) -> Option<i64> {
        match self {
            Self::Number(number) => Some(*number.expose()),
            Self::Text(text) => text.expose().trim().parse().ok(),
            Self::Flag(_) | Self::List(_) => None,
        }
    }

    /// Whether `wanted` (lower case) is the answer or one of them.
    pub fn is(&self, wanted: &str) -> bool {
        match self {
            Self::List(list) => list.iter().any(|p| p.expose().to_lowercase() == wanted),
            Self::Text(_) | Self::Number(_) | Self::Flag(_) => {
                self.to_text().to_lowercase() == wanted
            }
        }
    }
}

/// One answer of a submission, in the order it was posted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Field name.
    pub name: String,
    /// What was answered.
    pub value: Value,
}

/// A fact about a lead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Touchpoint {
    /// The lead.
    pub lead_id: LeadId,
    /// Id within the lead.
    pub id: String,
    /// What happened.
    pub kind: TouchpointKind,
    /// When it happened.
    pub at: Timestamp,
    /// When it was written down; orders the `by_day` index.
    pub recorded_at: Timestamp,
    /// Form it came by or concerns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<String>,
    /// Version of that form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form_version: Option<String>,
    /// Magnet it concerns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub magnet: Option<String>,
    /// Address as given, on a submission.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Pii<String>>,
    /// Answers of a submission.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<Answer>,
    /// Answers as they were typed, where they are kept in another form.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub typed: Vec<Answer>,
    /// What is worth knowing about the answers, such as `role_address`; see [`super::mailbox`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<String>,
    /// What it says about consents.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub consents: Vec<ConsentGiven>,
    /// Where the visitor came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// How far its values can be believed.
    pub trust: Trust,
    /// Why it is taken for a machine's doing: kept, and worth nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<String>,
    /// The outbox item it concerns (the mail that bounced, the alert that was answered).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outbox_id: Option<String>,
    /// The handoff it concerns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cycle: Option<u32>,
    /// The sales person who said it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// The sales person a lead was passed on to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// A comment in the author's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<Pii<String>>,
    /// A reason or sub-type: of a bounce, of a rejection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The stage an override puts the lead at; none where it takes an override back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<Stage>,
    /// When an override ends by itself, or until when an answer was put off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Keyed hash of the visitor's address prefix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip_hash: Option<String>,
    /// Coarse class of the user agent: `browser`, `script`, `bot`, `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_class: Option<String>,
    /// Hash of the site it was made under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site_hash: Option<String>,
    /// Digest of the posted content, to tell a repeat from another post under the same key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The write that made it: a conditional write that meets its own earlier one succeeds.
    #[serde(default)]
    pub last_write_id: String,
    /// Shape version.
    pub v: u8,
}

impl Touchpoint {
    /// A fact with nothing but its identity; fill in what it says.
    pub fn new(lead_id: LeadId, id: String, kind: TouchpointKind, at: Timestamp) -> Self {
        Self {
            lead_id,
            last_write_id: id.clone(),
            id,
            kind,
            at,
            recorded_at: at,
            form: None,
            form_version: None,
            magnet: None,
            email: None,
            answers: Vec::new(),
            typed: Vec::new(),
            flags: Vec::new(),
            consents: Vec::new(),
            source: None,
            trust: Trust::Typed,
            machine: None,
            outbox_id: None,
            cycle: None,
            author: None,
            person: None,
            comment: None,
            reason: None,
            stage: None,
            until: None,
            ip_hash: None,
            agent_class: None,
            site_hash: None,
            digest: None,
            v: TOUCHPOINT_V,
        }
    }

    /// Whether the person did it, and not a machine.
    pub fn counts(&self) -> bool {
        self.kind.is_inbound() && self.machine.is_none()
    }

    /// Whether it may earn points: what the person did, and what sales said of them. What we sent never does.
    pub fn earns(&self) -> bool {
        self.counts() || (self.kind.is_verdict() && self.machine.is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_is_stored() -> Result<(), serde_json::Error> {
        for kind in TouchpointKind::ALL {
            assert_eq!(serde_json::to_value(kind)?, kind.name());
        }
        Ok(())
    }
}
