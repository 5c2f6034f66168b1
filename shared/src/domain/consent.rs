//! Consent: what a form asked, what a person said, and the ledger that proves it.
//!
//! Facts carry what was said; the ledger (`CONSENT#n` beside the lead) is written by `score` in commit order, each entry with the HMAC
//! of the one before it, so an entry that was changed, dropped or slipped in later shows. A closing mark ([`LedgerHead`]) names the last
//! entry and the lead, so entries missing at the end, or the ledger of somebody else, show too. The exact words shown are kept once for
//! all leads, by their hash ([`Wording`]).

use serde::{Deserialize, Serialize};

use super::id::{LeadId, hmac_sha256, sha256_hex};
use super::pii::Pii;
use super::time::Timestamp;

/// What a person said to one wording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Ticked, not yet confirmed by a click in a mail.
    Granted,
    /// Shown and left unticked.
    Declined,
    /// Granted before, and confirmed by a click in a mail.
    Confirmed,
    /// Taken back.
    Withdrawn,
}

/// What a fact says about one purpose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentGiven {
    /// Purpose, as the form names it.
    pub purpose: String,
    /// What was said.
    pub decision: Decision,
    /// SHA-256 of the exact wording shown, hex; empty for a withdrawal, which has no wording.
    pub text_sha256: String,
}

/// One entry of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentRecord {
    /// Number within the lead, from 1.
    pub n: u32,
    /// Purpose.
    pub purpose: String,
    /// What was said.
    pub decision: Decision,
    /// The exact wording shown, in entries made before wordings were kept once for all; else see [`Wording`].
    pub text: Option<String>,
    /// SHA-256 of the wording, hex.
    pub text_sha256: String,
    /// Form it was said on.
    pub form: Option<String>,
    /// Version of that form.
    pub form_version: Option<String>,
    /// Page the form stood on, without its query.
    pub page: Option<String>,
    /// How it was said: `checkbox`, `mail_click`, `unsubscribe`, `preferences`, `import`, `sales`.
    pub method: String,
    /// Keyed hash of the visitor's address prefix.
    pub ip_hash: Option<String>,
    /// When it was said.
    pub at: Timestamp,
    /// The touchpoint that said it.
    pub touchpoint: String,
    /// Name of the box on the form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Language of the wording, BCP 47.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Coarse class of the visitor's program: `browser`, `script`, ...
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_class: Option<String>,
    /// The mail whose link was pressed, as far as its delivery is known: its outbox item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<String>,
    /// When the mail service delivered that mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail_delivered_at: Option<Timestamp>,
    /// Seal of the entry before, hex; empty for the first.
    pub prev: String,
    /// HMAC-SHA256 of all the above, hex.
    pub seal: String,
}

/// Words that were shown beside a box. Kept once for all leads under its hash, and never changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wording {
    /// SHA-256 of the text, hex.
    pub text_sha256: String,
    /// The exact text.
    pub text: String,
    /// Its language, BCP 47.
    pub language: String,
    /// The form it was first seen on.
    pub form: String,
    /// The version of that form.
    pub form_version: String,
    /// When it was first needed.
    pub first_at: Timestamp,
}

impl Wording {
    /// Whether the text is the one that the hash names.
    pub fn holds(&self) -> bool {
        sha256_hex(self.text.as_bytes()) == self.text_sha256
    }
}

/// The closing mark of a ledger: how many entries it has and the seal of the last, under a seal of its own that names the lead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerHead {
    /// Number of the last entry.
    pub n: u32,
    /// Seal of the last entry.
    pub last: String,
    /// HMAC-SHA256 of the lead and the above, hex.
    pub seal: String,
}

/// What is wrong with a ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LedgerFault {
    /// The entry of this number is not as it was written.
    Changed(u32),
    /// An entry of this number is missing, or stands in another place.
    Missing(u32),
    /// Entries after the last are missing: there were this many.
    Shortened(u32),
    /// The closing mark is missing.
    NoHead,
    /// The closing mark is not as it was written, or is another lead's.
    HeadChanged,
    /// What this touchpoint says about this purpose is not in the ledger.
    NotRecorded {
        /// The touchpoint.
        touchpoint: String,
        /// The purpose.
        purpose: String,
    },
    /// The words shown for this entry are not kept, or are not those its hash names.
    WordingLost(u32),
}

/// The key that seals ledgers.
#[derive(Clone, Debug)]
pub struct ConsentKey(Pii<[u8; 32]>);

impl ConsentKey {
    /// The key of these bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Pii::new(bytes))
    }

    /// The seal that `record` should carry.
    pub fn seal(&self, record: &ConsentRecord) -> String {
        let unsealed = ConsentRecord {
            seal: String::new(),
            ..record.clone()
        };
        // Field order is fixed by the type, so the bytes are the same wherever the seal is checked.
        let bytes = serde_json::to_vec(&unsealed).unwrap_or_default();
        data_encoding::HEXLOWER.encode(&hmac_sha256(
            self.0.expose(),
            &[b"lm-consent\0v1\0", &bytes],
        ))
    }

    /// Appends `records` after `last`: numbers them, links each to the one before, and seals them.
    pub fn append(
        &self,
        last: Option<&ConsentRecord>,
        records: Vec<ConsentRecord>,
    ) -> Vec<ConsentRecord> {
        let mut n = last.map_or(0, |r| r.n);
        let mut prev = last.map_or_else(String::new, |r| r.seal.clone());
        records
            .into_iter()
            .map(|mut record| {
                n += 1;
                record.n = n;
                record.prev = std::mem::take(&mut prev);
                record.seal = self.seal(&record);
                prev.clone_from(&record.seal);
                record
            })
            .collect()
    }

    /// The closing mark of a lead's ledger whose last entry is this.
    pub fn head(&self, lead_id: &LeadId, last: &ConsentRecord) -> LedgerHead {
        LedgerHead {
            n: last.n,
            last: last.seal.clone(),
            seal: self.head_seal(lead_id, last.n, &last.seal),
        }
    }

    fn head_seal(&self, lead_id: &LeadId, n: u32, last: &str) -> String {
        data_encoding::HEXLOWER.encode(&hmac_sha256(
            self.0.expose(),
            &[
                b"lm-consent-head\0v1\0",
                lead_id.as_bytes(),
                &n.to_be_bytes(),
                last.as_bytes(),
            ],
        ))
    }

    /// What is wrong with the ledger of a lead; nothing where it is whole. `chain` is in the order of its numbers. With `erased`, what
    /// the first entries followed was erased, so the chain may begin at any number.
    pub fn check(
        &self,
        lead_id: &LeadId,
        chain: &[ConsentRecord],
        head: Option<&LedgerHead>,
        erased: bool,
    ) -> Vec<LedgerFault> {
        let mut faults = Vec::new();
        let first = chain.first().filter(|_| erased);
        let (mut n, mut prev) = first.map_or((1, ""), |r| (r.n, r.prev.as_str()));
        for record in chain {
            if record.n != n {
                faults.push(LedgerFault::Missing(n));
            } else if record.prev != prev || self.seal(record) != record.seal {
                faults.push(LedgerFault::Changed(n));
            }
            n = record.n.saturating_add(1);
            prev = &record.seal;
        }
        match (head, chain.last()) {
            (None, None) => {}
            (None, Some(_)) => faults.push(LedgerFault::NoHead),
            (Some(head), _) if self.head_seal(lead_id, head.n, &head.last) != head.seal => {
                faults.push(LedgerFault::HeadChanged);
            }
            (Some(head), last) if last.map_or(0, |r| r.n) < head.n => {
                faults.push(LedgerFault::Shortened(head.n));
            }
            (Some(head), Some(last)) if last.n > head.n || last.seal != head.last => {
                faults.push(LedgerFault::HeadChanged);
            }
            (Some(_), Some(_) | None) => {}
        }
        faults
    }
}

#[cfg(test)]
mod tests;
