//! A CRM's webhook back: what it says of a lead, and whether it is the CRM that says it.
//!
//! ```text
//! POST /sales/verdict                 signed by Standard Webhooks: webhook-id, webhook-timestamp, webhook-signature
//! {"type": "lead.won", "data": {"email": "...", "reason": "...", "comment": "...", "person": "..."}}
//! ```

use std::fmt;

use serde::Deserialize;
use subtle::ConstantTimeEq as _;

use super::pii::Pii;
use super::time::{MINUTE_MS, Timestamp};
use super::webhook::SigningSecrets;

/// How far the sender's clock may be from ours.
const TOLERANCE_MS: i64 = 5 * MINUTE_MS;
/// Longest id of a message.
const MAX_ID: usize = 256;

/// What a CRM says.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Verdict {
    /// `lead.accepted`, `lead.rejected`, `lead.sql`, `lead.won`, `lead.lost` or `lead.replied`.
    #[serde(rename = "type")]
    pub kind: Said,
    /// Of whom, and why.
    pub data: About,
}

/// What can be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Said {
    /// Sales took the lead.
    #[serde(rename = "lead.accepted")]
    Accepted,
    /// Sales handed it back.
    #[serde(rename = "lead.rejected")]
    Rejected,
    /// There is something to sell.
    #[serde(rename = "lead.sql")]
    Qualified,
    /// They bought.
    #[serde(rename = "lead.won")]
    Won,
    /// They did not buy.
    #[serde(rename = "lead.lost")]
    Lost,
    /// They wrote back to a mail. Said of any lead, whether sales has it or not.
    #[serde(rename = "lead.replied")]
    Replied,
}

/// The lead, and what else is said.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct About {
    /// The lead's id, as the alert's webhook told it; else its address.
    #[serde(default)]
    pub lead_id: Option<String>,
    /// The lead's address.
    #[serde(default)]
    pub email: Option<Pii<String>>,
    /// Which handoff; none = the latest.
    #[serde(default)]
    pub cycle: Option<u32>,
    /// Who said it: an id or a mail address of the sales team.
    #[serde(default)]
    pub person: Option<Pii<String>>,
    /// One of the reasons that a page offers; what is not on the list counts as another reason.
    #[serde(default)]
    pub reason: Option<String>,
    /// In their words.
    #[serde(default)]
    pub comment: Option<Pii<String>>,
}

/// Why a message is not taken for the CRM's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotSigned {
    /// A header is missing or is not what it should be.
    Headers,
    /// Made too long ago, or in the future.
    Time,
    /// No signature fits.
    Signature,
}

impl fmt::Display for NotSigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Headers => "webhook-id, webhook-timestamp and webhook-signature are needed",
            Self::Time => "webhook-timestamp is more than five minutes from now",
            Self::Signature => "no signature fits",
        })
    }
}

/// The headers of a signed message.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    /// `webhook-id`.
    pub id: &'a str,
    /// `webhook-timestamp`.
    pub timestamp: &'a str,
    /// `webhook-signature`.
    pub signature: &'a str,
}

impl Signed<'_> {
    /// Verifies the message, in constant time where a secret is involved.
    pub fn verify(
        &self,
        secrets: &SigningSecrets,
        body: &[u8],
        now: Timestamp,
    ) -> Result<(), NotSigned> {
        let seconds = self.timestamp.parse::<i64>().ok();
        let seconds = seconds.filter(|_| (1..=MAX_ID).contains(&self.id.len()));
        let at = Timestamp(seconds.ok_or(NotSigned::Headers)?.saturating_mul(1000));
        if self.signature.is_empty() {
            return Err(NotSigned::Headers);
        }
        if now.since(at).saturating_abs() > TOLERANCE_MS {
            return Err(NotSigned::Time);
        }
        let ours = secrets.sign(self.id, at, body);
        // Each of theirs against each of ours: either side may be between two secrets.
        let fits = self.signature.split(' ').fold(false, |fits, theirs| {
            ours.split(' ').fold(fits, |fits, ours| {
                fits | bool::from(ours.as_bytes().ct_eq(theirs.as_bytes()))
            })
        });
        if fits {
            Ok(())
        } else {
            Err(NotSigned::Signature)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    const BODY: &[u8] = br#"{"email":"test@example.com","username":"test_user"}"#;

    /// The message of the specification.
    fn vector(signature: &str) -> Signed<'_> {
        Signed {
            id: "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
            timestamp: "1649367553",
            signature,
        }
    }

    #[test]
    fn the_vector_of_the_specification_is_taken_and_nothing_else_is() {
        let secrets = SigningSecrets::parse(SECRET).unwrap();
        let now = Timestamp(1_649_367_553_000);
        let good = "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=";
        let check =
            |signature: &str, body: &[u8], now| vector(signature).verify(&secrets, body, now);
        assert_eq!(check(good, BODY, now), Ok(()));
        assert_eq!(check(&format!("v1,AAAA {good} v1a,x"), BODY, now), Ok(()));
        for bad in [
            "v1,",
            "v1,AAAA",
            &good[3..],
            "v1a,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
        ] {
            assert_eq!(check(bad, BODY, now), Err(NotSigned::Signature), "{bad}");
        }
        assert_eq!(check("", BODY, now), Err(NotSigned::Headers));
        assert_eq!(check(good, b"{}", now), Err(NotSigned::Signature));
        let minutes = |n| now.plus_minutes(n);
        assert_eq!(check(good, BODY, minutes(5)), Ok(()));
        assert_eq!(check(good, BODY, minutes(6)), Err(NotSigned::Time));
        assert_eq!(check(good, BODY, minutes(-6)), Err(NotSigned::Time));
    }

    #[test]
    fn a_verdict_names_its_lead_and_its_kind() {
        let text = r#"{"type":"lead.lost","timestamp":"2026-03-02T09:00:00Z","data":{"email":"ada@example.com","reason":"price"}}"#;
        let verdict: Verdict = serde_json::from_str(text).unwrap();
        assert_eq!(verdict.kind, Said::Lost);
        assert_eq!(verdict.data.reason.as_deref(), Some("price"));
        let other = text.replace("lead.lost", "lead.deleted");
        assert!(serde_json::from_str::<Verdict>(&other).is_err());
    }
}
