//! Consent: what a form asked, what a person said, and the ledger that proves it.
//!
//! Facts carry what was said; the ledger (`CONSENT#n` beside the lead) is written by `score` in commit order, each entry with the HMAC
//! of the one before it, so an entry that was changed, dropped or slipped in later shows.

use serde::{Deserialize, Serialize};

use super::id::hmac_sha256;
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
    /// The exact wording shown, hex SHA-256 of it in `text_sha256`.
    pub text: Option<String>,
    /// SHA-256 of the wording, hex.
    pub text_sha256: String,
    /// Form it was said on.
    pub form: Option<String>,
    /// Version of that form.
    pub form_version: Option<String>,
    /// Page the form stood on, without its query.
    pub page: Option<String>,
    /// How it was said: `checkbox`, `mail_click`, `one_click_unsubscribe`.
    pub method: String,
    /// Keyed hash of the visitor's address prefix.
    pub ip_hash: Option<String>,
    /// When it was said.
    pub at: Timestamp,
    /// The touchpoint that said it.
    pub touchpoint: String,
    /// Seal of the entry before, hex; empty for the first.
    pub prev: String,
    /// HMAC-SHA256 of all the above, hex.
    pub seal: String,
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

    /// The number of the first entry that does not hold (wrong seal, wrong link, wrong number), or none where the chain is whole.
    pub fn first_broken(&self, chain: &[ConsentRecord]) -> Option<u32> {
        let mut prev = String::new();
        for (expected, record) in (1..).zip(chain) {
            if record.n != expected || record.prev != prev || self.seal(record) != record.seal {
                return Some(expected);
            }
            prev.clone_from(&record.seal);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(purpose: &str) -> ConsentRecord {
        ConsentRecord {
            n: 0,
            purpose: purpose.into(),
            decision: Decision::Granted,
            text: Some("Send me news".into()),
            text_sha256: "aa".into(),
            form: Some("guide".into()),
            form_version: None,
            page: None,
            method: "checkbox".into(),
            ip_hash: None,
            at: Timestamp(5),
            touchpoint: "sub_1".into(),
            prev: String::new(),
            seal: String::new(),
        }
    }

    #[test]
    fn law_1_a_chain_holds_and_any_change_to_it_shows() {
        let key = ConsentKey::new([1; 32]);
        let mut chain = key.append(None, vec![record("a"), record("b")]);
        let more = key.append(chain.last(), vec![record("c")]);
        chain.extend(more);
        assert_eq!(chain.iter().map(|r| r.n).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(key.first_broken(&chain), None);

        let mut changed = chain.clone();
        changed[1].decision = Decision::Declined;
        assert_eq!(key.first_broken(&changed), Some(2));
        let mut dropped = chain.clone();
        dropped.remove(1);
        assert_eq!(key.first_broken(&dropped), Some(2));
        assert_eq!(ConsentKey::new([2; 32]).first_broken(&chain), Some(1));
    }
}
