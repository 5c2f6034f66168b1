//! Channels that the site sends news to besides mail: a webhook, a chat, a CRM.
//!
//! A channel is named in the site files, with the news it wants; its secret stands elsewhere and is named too. To add one: a variant of
//! [`ChannelKind`], a file in `channel/`, a case in the site reader. Must not know how anything is sent.

use serde::{Deserialize, Serialize};

/// Where `HubSpot` takes contacts.
pub const HUBSPOT: &str = "https://api.hubapi.com/crm/v3/objects/contacts/batch/upsert";
/// Where Salesforce takes leads.
pub const SALESFORCE: &str =
    "https://webto.salesforce.com/servlet/servlet.WebToLead?encoding=UTF-8";
/// What the address of a sink of the local runner begins with.
pub const LOCAL_SINK: &str = "/local/sink/";

/// One channel of the site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    /// Id that forms name and outbox items carry: `[a-z0-9-]`, at most 24.
    pub id: String,
    /// What it wants to hear of.
    pub events: Vec<EventType>,
    /// Where it sends, and in whose language.
    pub kind: ChannelKind,
}

/// Where a channel sends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChannelKind {
    /// A server that verifies Standard Webhooks.
    Webhook {
        /// Where to.
        url: String,
        /// Name of the signing secret.
        secret: String,
    },
    /// An incoming webhook of Slack, whose address is the secret; `url` instead for the runner's sink.
    Slack {
        /// Name of the secret that holds the address.
        secret: Option<String>,
        /// A sink of the local runner.
        url: Option<String>,
    },
    /// `HubSpot`: a contact for each lead, by its address.
    Hubspot {
        /// Name of the secret that holds the access token.
        secret: String,
        /// Where to.
        url: String,
    },
    /// Salesforce Web-to-Lead.
    Salesforce {
        /// The organisation's id; it stands in the public forms of everybody who uses Web-to-Lead.
        oid: String,
        /// Where to.
        url: String,
    },
}

impl Channel {
    /// Whether it wants to hear of this.
    pub fn wants(&self, event: EventType) -> bool {
        self.events.contains(&event)
    }

    /// Whether it sends to a sink of the local runner: never part of a deployed site.
    pub fn is_local(&self) -> bool {
        let url = match &self.kind {
            ChannelKind::Webhook { url, .. }
            | ChannelKind::Hubspot { url, .. }
            | ChannelKind::Salesforce { url, .. } => Some(url),
            ChannelKind::Slack { url, .. } => url.as_ref(),
        };
        url.is_some_and(|u| u.starts_with(LOCAL_SINK))
    }

    /// Whether the receiver takes a repeat for the same message, so that an attempt whose end nobody saw is simply made again. A webhook
    /// knows the id, `HubSpot` the address. Slack knows nothing, but a line twice in a chat is better than a lead that nobody calls.
    /// Salesforce would make a second lead.
    pub const fn may_repeat(&self) -> bool {
        match self.kind {
            ChannelKind::Webhook { .. }
            | ChannelKind::Hubspot { .. }
            | ChannelKind::Slack { .. } => true,
            ChannelKind::Salesforce { .. } => false,
        }
    }

    /// What it is called in the site files.
    pub const fn word(&self) -> &'static str {
        match self.kind {
            ChannelKind::Webhook { .. } => "webhook",
            ChannelKind::Slack { .. } => "slack",
            ChannelKind::Hubspot { .. } => "hubspot",
            ChannelKind::Salesforce { .. } => "salesforce",
        }
    }
}

/// A kind of news.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum EventType {
    /// A form was submitted.
    #[serde(rename = "submission.created")]
    SubmissionCreated,
    /// A lead qualified for sales.
    #[serde(rename = "lead.mql")]
    LeadMql,
    /// Sales took the lead.
    #[serde(rename = "lead.accepted")]
    LeadAccepted,
    /// Sales handed the lead back, or ruled it out.
    #[serde(rename = "lead.rejected")]
    LeadRejected,
    /// Sales qualified the lead.
    #[serde(rename = "lead.sql")]
    LeadSql,
    /// A trial: sent by hand to see whether a receiver verifies.
    #[serde(rename = "test")]
    Test,
}

impl EventType {
    /// All that a site can ask for.
    pub const ALL: [Self; 5] = [
        Self::SubmissionCreated,
        Self::LeadMql,
        Self::LeadAccepted,
        Self::LeadRejected,
        Self::LeadSql,
    ];

    /// The word in site files and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SubmissionCreated => "submission.created",
            Self::LeadMql => "lead.mql",
            Self::LeadAccepted => "lead.accepted",
            Self::LeadRejected => "lead.rejected",
            Self::LeadSql => "lead.sql",
            Self::Test => "test",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_an_event_is_the_word_that_is_stored() {
        for event in EventType::ALL.into_iter().chain([EventType::Test]) {
            let stored = serde_json::to_value(event).unwrap();
            assert_eq!(stored, event.name());
        }
    }

    #[test]
    fn a_sink_is_local_and_nothing_else_is() {
        let webhook = |url: &str| Channel {
            id: "crm".into(),
            events: vec![EventType::LeadMql],
            kind: ChannelKind::Webhook {
                url: url.into(),
                secret: "crm".into(),
            },
        };
        assert!(webhook("/local/sink/crm").is_local());
        assert!(!webhook("https://crm.example.net/local/sink/crm").is_local());
    }
}
