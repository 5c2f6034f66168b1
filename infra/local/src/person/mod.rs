//! What an operator does for one person: prove a consent, hand out everything, erase everything, let mail go out again.
//!
//! Library code behind the commands of the same names, so that tests run it on a system of their own. Must not know the command line.

pub mod erase;
pub mod export;
pub mod prove;
pub mod unsuppress;

use anyhow::anyhow;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use shared::domain::email::EmailAddress;
use shared::domain::id::{IdentityKey, LeadId};
use shared::domain::time::Timestamp;
use shared::store::Store;

use crate::engine::Engine;
use crate::query::Query;
use crate::runner_db::RunnerDb;
use crate::ses::Ses;

/// Where the person's data is, and what it takes to get there.
#[derive(Clone)]
pub struct Records<'a> {
    /// The tables.
    pub store: &'a Store,
    /// The tables as plain JSON.
    pub query: &'a Query,
    /// Turns addresses into lead ids.
    pub identity: &'a IdentityKey,
    /// The time that handlers see.
    pub now: Timestamp,
    /// What is kept beside the tables on one machine; none for a deployed stack.
    pub local: Option<Local<'a>>,
}

/// What one machine keeps beside the tables.
#[derive(Clone, Copy)]
pub struct Local<'a> {
    /// Mails, their events, webhooks received.
    pub ses: &'a Ses,
    /// Queued messages.
    pub db: &'a RunnerDb,
    /// Stream records.
    pub engine: &'a Engine,
}

/// A person by their address.
#[derive(Debug, Clone)]
pub struct Person {
    /// The address.
    pub address: EmailAddress,
    /// The lead.
    pub lead_id: LeadId,
    /// Keyed hash of the mailbox, by which its counters are found.
    pub limit_key: String,
}

impl Person {
    /// The person with this address.
    pub fn of(email: &str, identity: &IdentityKey) -> anyhow::Result<Self> {
        let address = EmailAddress::parse(email)
            .map_err(|problem| anyhow!("`{email}` is no address: {problem}"))?;
        Ok(Self {
            lead_id: identity.lead_of_email(&address),
            limit_key: identity.pseudonym("mailbox", &address.folded()),
            address,
        })
    }

    /// Under what the guard of the whole mailbox is kept.
    pub fn mailbox(&self) -> anyhow::Result<LeadId> {
        Ok(self.limit_key.parse()?)
    }

    /// Ways the address may be written, lower case; with those under which it was given.
    fn spellings(&self, stored: Option<&Value>) -> Vec<String> {
        let mut spellings = vec![
            self.address.given().to_lowercase(),
            self.address.normalised().to_lowercase(),
            self.address.identity(),
        ];
        let facts = stored.and_then(|s| s["touchpoints"].as_array());
        for fact in facts.into_iter().flatten() {
            spellings.extend(fact["email"].as_str().map(str::to_lowercase));
        }
        let encoded: Vec<String> = spellings
            .iter()
            .map(|s| {
                utf8_percent_encode(s, NON_ALPHANUMERIC)
                    .to_string()
                    .to_lowercase()
            })
            .collect();
        spellings.extend(encoded);
        // As links write it: only the at sign encoded.
        let partly: Vec<String> = spellings.iter().map(|s| s.replace('@', "%40")).collect();
        spellings.extend(partly);
        spellings.sort();
        spellings.dedup();
        spellings.retain(|s| s.len() > 3);
        spellings
    }

    /// What names the person in `ops`: the lead, the mailbox, the spellings.
    fn needles(&self, spellings: &[String]) -> Vec<String> {
        let mut needles = vec![self.lead_id.to_string(), self.limit_key.clone()];
        needles.extend_from_slice(spellings);
        needles
    }
}
