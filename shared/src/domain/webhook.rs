//! Standard Webhooks, the sender's side: secrets, signatures, and when to try again.
//!
//! ```text
//! webhook-id         the outbox item's, the same on each attempt: receivers tell a repeat by it
//! webhook-timestamp  seconds since 1970, of this attempt
//! webhook-signature  v1,<base64 of HMAC-SHA256(secret, "id.timestamp.body")>, one for each secret in force, with blanks between
//! ```
//!
//! Must not know how a message is sent or what it says.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::time::{DAY_MS, MINUTE_MS, Timestamp};

const HOUR_MS: i64 = 60 * MINUTE_MS;

/// Waits after each failed attempt. When they are used up, the message is given up.
pub const WAITS_MS: [i64; 9] = [
    5_000,
    5 * MINUTE_MS,
    30 * MINUTE_MS,
    2 * HOUR_MS,
    5 * HOUR_MS,
    10 * HOUR_MS,
    14 * HOUR_MS,
    20 * HOUR_MS,
    24 * HOUR_MS,
];
/// A receiver that failed for so long without one success is switched off.
pub const OFF_AFTER_MS: i64 = 5 * DAY_MS;
/// Longest wait that a receiver may ask for.
const MAX_RETRY_AFTER_MS: i64 = DAY_MS;
/// What a secret begins with.
const PREFIX: &str = "whsec_";
/// How many secrets may be in force at once: the new one and the old one.
const MAX_SECRETS: usize = 2;

/// The secrets in force: one, or two while a receiver changes from one to the other.
#[derive(Clone)]
pub struct SigningSecrets(Vec<Zeroizing<Vec<u8>>>);

/// A text holds no signing secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("one or two values `whsec_` and base64 of 24 to 64 bytes, with a blank between")]
pub struct BadSecret;

impl std::fmt::Debug for SigningSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningSecrets([secret]; {})", self.0.len())
    }
}

impl SigningSecrets {
    /// Reads one secret, or two with white space between.
    pub fn parse(text: &str) -> Result<Self, BadSecret> {
        let read = |word: &str| {
            let bytes = STANDARD.decode(word.strip_prefix(PREFIX)?).ok()?;
            (24..=64)
                .contains(&bytes.len())
                .then(|| Zeroizing::new(bytes))
        };
        let secrets: Option<Vec<_>> = text.split_whitespace().map(read).collect();
        secrets
            .filter(|s| (1..=MAX_SECRETS).contains(&s.len()))
            .map(Self)
            .ok_or(BadSecret)
    }

    /// The `webhook-signature` of a message.
    pub fn sign(&self, id: &str, at: Timestamp, body: &[u8]) -> String {
        let signatures = self.0.iter().filter_map(|secret| {
            let mut mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
            mac.update(format!("{id}.{}.", at.seconds()).as_bytes());
            mac.update(body);
            Some(format!(
                "v1,{}",
                STANDARD.encode(mac.finalize().into_bytes())
            ))
        });
        signatures.collect::<Vec<_>>().join(" ")
    }
}

/// A new secret from 32 random bytes.
pub fn new_secret(bytes: [u8; 32]) -> String {
    format!("{PREFIX}{}", STANDARD.encode(bytes))
}

/// How long to wait after the attempt that failed as number `failed` (from 1), or none where the message is given up. `random` spreads the
/// wait over up to a tenth more, so that the messages of an outage do not come back all at once. `asked_ms` is what the receiver asked for.
pub fn wait_ms(failed: u32, asked_ms: Option<i64>, random: u64) -> Option<i64> {
    let index = usize::try_from(failed.checked_sub(1)?).ok()?;
    let wait = *WAITS_MS.get(index)?;
    let tenth = u64::try_from(wait / 10).unwrap_or_default();
    let jitter = i64::try_from(random % tenth.max(1)).unwrap_or_default();
    let asked = asked_ms.unwrap_or_default().clamp(0, MAX_RETRY_AFTER_MS);
    Some((wait + jitter).max(asked))
}

/// `Retry-After`, in seconds or as a date of HTTP, as milliseconds from `now`.
pub fn retry_after_ms(header: &str, now: Timestamp) -> Option<i64> {
    let header = header.trim();
    if header.bytes().all(|b| b.is_ascii_digit()) && !header.is_empty() {
        let seconds = header.parse::<i64>().unwrap_or(i64::MAX);
        return Some(seconds.saturating_mul(1000).min(MAX_RETRY_AFTER_MS));
    }
    let at = jiff::fmt::rfc2822::DateTimeParser::new()
        .parse_timestamp(header)
        .ok()?;
    Some(Timestamp(at.as_millisecond()).since(now).max(0))
}

/// What an answer means to the one who sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Taken.
    Taken,
    /// Not taken: try again, after a wait of the receiver's where it may name one.
    Failed {
        /// Whether `Retry-After` is followed.
        may_ask: bool,
    },
    /// The receiver is gone and wants nothing more.
    Gone,
}

/// Sorts a status: 2xx alone is success, 410 ends it, everything else, redirects too, is a failure.
pub const fn reply(status: u16) -> Reply {
    match status {
        200..=299 => Reply::Taken,
        410 => Reply::Gone,
        429 | 502..=504 => Reply::Failed { may_ask: true },
        _ => Reply::Failed { may_ask: false },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

    #[test]
    fn evt_14_the_vector_of_the_specification() {
        let secrets = SigningSecrets::parse(SECRET).unwrap();
        let signature = secrets.sign(
            "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
            Timestamp(1_649_367_553_999),
            br#"{"email":"test@example.com","username":"test_user"}"#,
        );
        assert_eq!(signature, "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=");
    }

    #[test]
    fn evt_14_while_secrets_rotate_both_sign() {
        let new = new_secret([7; 32]);
        let both = SigningSecrets::parse(&format!("{new}\n{SECRET}")).unwrap();
        let one = |text: &str| SigningSecrets::parse(text).unwrap();
        let sign = |s: &SigningSecrets| s.sign("alr_1_crm", Timestamp(5_000), b"{}");
        assert_eq!(
            sign(&both),
            format!("{} {}", sign(&one(&new)), sign(&one(SECRET)))
        );
    }

    #[test]
    fn what_is_no_secret_is_refused() {
        for text in [
            "",
            "whsec_",
            "C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
            "whsec_c2hvcnQ=",
            "whsec_???",
            &format!("{SECRET} {SECRET} {SECRET}"),
        ] {
            assert!(SigningSecrets::parse(text).is_err(), "{text}");
        }
        assert_eq!(
            format!("{:?}", SigningSecrets::parse(SECRET).unwrap()),
            "SigningSecrets([secret]; 1)"
        );
    }

    #[test]
    fn evt_14_the_schedule_and_its_end() {
        let waits: Vec<Option<i64>> = (1..=10).map(|n| wait_ms(n, None, 0)).collect();
        assert_eq!(waits[0], Some(5_000));
        assert_eq!(waits[8], Some(DAY_MS));
        assert_eq!(waits[9], None);
    }

    #[test]
    fn evt_14_a_receiver_may_ask_for_more_time_and_for_a_day_at_most() {
        let now = Timestamp(1_445_412_480_000 - 90_000);
        let asked = |header| retry_after_ms(header, now);
        assert_eq!(asked("120"), Some(120_000));
        assert_eq!(asked("Wed, 21 Oct 2015 07:28:00 GMT"), Some(90_000));
        assert_eq!(asked("99999999999999999999"), Some(DAY_MS));
        assert_eq!(asked("-5"), None);
        assert_eq!(asked("soon"), None);
        assert_eq!(wait_ms(1, Some(120_000), 0), Some(120_000));
        assert_eq!(wait_ms(4, Some(1_000), 0), Some(2 * HOUR_MS));
        assert_eq!(wait_ms(1, Some(9 * DAY_MS), 0), Some(DAY_MS));
    }

    #[test]
    fn evt_14_only_2xx_is_success() {
        assert_eq!(reply(204), Reply::Taken);
        assert_eq!(reply(410), Reply::Gone);
        for status in [301, 302, 307, 400, 401, 404, 500] {
            assert_eq!(reply(status), Reply::Failed { may_ask: false }, "{status}");
        }
        for status in [429, 502, 503, 504] {
            assert_eq!(reply(status), Reply::Failed { may_ask: true }, "{status}");
        }
    }

    proptest! {
        #[test]
        fn jitter_adds_a_tenth_at_most(failed in 1_u32..10, random: u64) {
            let plain = wait_ms(failed, None, 0).unwrap();
            let spread = wait_ms(failed, None, random).unwrap();
            prop_assert!(spread >= plain && spread <= plain + plain / 10);
        }
    }
}
