//! Signed links: who may do what, until when, without a login and without naming an address.
//!
//! ```text
//! v1.<kid>.<payload>.<tag>                    base64url without padding, at most 90 characters as a path
//! payload  purpose u8 | scope u32 | subject 16 bytes | issued u32 | expires u32 | nonce 8 bytes      big-endian, 37 bytes
//! tag      HMAC-SHA256(key(purpose), "lm-token\0v1\0" || kid || 0x00 || payload), first 16 bytes
//! key(p)   HKDF-SHA256(master of kid, info = "lm/" || name of p), 32 bytes
//! ```
//!
//! There is no algorithm field and no JSON in it: nothing to confuse. A key per purpose means that a token for one purpose cannot be
//! made from one for another, whatever its payload says.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hkdf::Hkdf;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::id::{LeadId, hmac_sha256};
use super::time::Timestamp;

/// Longest token looked at.
pub const MAX_TOKEN: usize = 512;
const PAYLOAD: usize = 37;
const TAG: usize = 16;
/// Never expires: unsubscribing has to work for as long as the mail exists.
const FOREVER: u32 = u32::MAX;

/// What a token allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Download a magnet, which proves the address too.
    Download,
    /// Confirm an address and its consents.
    Confirm,
    /// Get no more mail.
    Unsubscribe,
    /// See and change one's consents.
    Preferences,
    /// Follow a tracked link.
    Click,
    /// Answer an alert.
    Handoff,
    /// A page was shown at this time: sits in its form.
    Page,
    /// A hosted form was shown at this time; its nonce is the submission's id.
    FormNonce,
}

impl Purpose {
    const fn code(self) -> u8 {
        match self {
            Self::Download => 1,
            Self::Confirm => 2,
            Self::Unsubscribe => 3,
            Self::Preferences => 4,
            Self::Click => 5,
            Self::Handoff => 6,
            Self::Page => 7,
            Self::FormNonce => 8,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Download => "download",
            Self::Confirm => "confirm",
            Self::Unsubscribe => "unsubscribe",
            Self::Preferences => "preferences",
            Self::Click => "click",
            Self::Handoff => "handoff",
            Self::Page => "page",
            Self::FormNonce => "form-nonce",
        }
    }

    /// How long a token of this purpose is good for, in days; none = for ever.
    pub const fn lifetime_days(self) -> Option<i64> {
        match self {
            Self::Download | Self::Confirm => Some(7),
            Self::Unsubscribe | Self::Preferences => None,
            Self::Click => Some(90),
            Self::Handoff => Some(60),
            Self::Page | Self::FormNonce => Some(1),
        }
    }
}

/// What a token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claims {
    /// What it allows.
    pub purpose: Purpose,
    /// What it is limited to: [`scope_of`] a form, or the cycle of a handoff.
    pub scope: u32,
    /// Whom it concerns.
    pub subject: LeadId,
    /// When it was made, in seconds.
    pub issued: u32,
    /// When it ends, in seconds.
    pub expires: u32,
    /// Tells tokens of one subject and scope apart.
    pub nonce: [u8; 8],
}

impl Claims {
    /// Claims of a token made now, with the purpose's lifetime.
    pub fn new(
        purpose: Purpose,
        scope: u32,
        subject: LeadId,
        nonce: [u8; 8],
        now: Timestamp,
    ) -> Self {
        let expires = purpose
            .lifetime_days()
            .map_or(FOREVER, |days| seconds(now.plus_days(days)));
        Self {
            purpose,
            scope,
            subject,
            issued: seconds(now),
            expires,
            nonce,
        }
    }

    /// When it was made.
    pub const fn issued_at(&self) -> Timestamp {
        Timestamp(self.issued as i64 * 1000)
    }

    /// When it ends.
    pub const fn expires_at(&self) -> Timestamp {
        Timestamp(self.expires as i64 * 1000)
    }

    fn to_bytes(self) -> [u8; PAYLOAD] {
        let mut bytes = [0; PAYLOAD];
        bytes[0] = self.purpose.code();
        bytes[1..5].copy_from_slice(&self.scope.to_be_bytes());
        bytes[5..21].copy_from_slice(self.subject.as_bytes());
        bytes[21..25].copy_from_slice(&self.issued.to_be_bytes());
        bytes[25..29].copy_from_slice(&self.expires.to_be_bytes());
        bytes[29..37].copy_from_slice(&self.nonce);
        bytes
    }

    /// Reads a payload whose tag has been verified for `purpose`.
    fn from_bytes(purpose: Purpose, bytes: &[u8; PAYLOAD]) -> Option<Self> {
        let word = |at: usize| -> Option<u32> {
            Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
        };
        if bytes[0] != purpose.code() {
            return None;
        }
        Some(Self {
            purpose,
            scope: word(1)?,
            subject: LeadId::from_bytes(bytes.get(5..21)?.try_into().ok()?),
            issued: word(21)?,
            expires: word(25)?,
            nonce: bytes.get(29..37)?.try_into().ok()?,
        })
    }
}

fn seconds(at: Timestamp) -> u32 {
    u32::try_from(at.seconds()).unwrap_or(if at.0 < 0 { 0 } else { FOREVER })
}

/// The scope of a form: the first four bytes of the SHA-256 of its id.
pub fn scope_of(form_id: &str) -> u32 {
    let digest = Sha256::digest(form_id.as_bytes());
    u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
}

/// The scope of a tracked link: no form has it, because a form's id has no slash.
pub fn scope_of_link(link_id: &str) -> u32 {
    scope_of(&format!("link/{link_id}"))
}

/// A nonce that is the same for each attempt of one outbox item, so that a mail sent twice counts one download.
pub fn nonce_of(outbox_id: &str) -> [u8; 8] {
    let digest = Sha256::digest(outbox_id.as_bytes());
    let mut nonce = [0; 8];
    nonce.copy_from_slice(&digest[..8]);
    nonce
}

/// The nonce of an answer link: which item it stood in, and who got it, so that an answer has an author.
pub fn answer_nonce(outbox_id: &str, person: &str) -> [u8; 8] {
    let mut nonce = nonce_of(outbox_id);
    nonce[4..].copy_from_slice(&nonce_of(person)[..4]);
    nonce
}

/// Whether an answer link was made for this person.
pub fn is_for(claims: &Claims, person: &str) -> bool {
    claims.nonce[4..] == nonce_of(person)[..4]
}

/// Why a token is not taken. For logs and tests only: outside, all failures look the same, except that a genuine token past its end may
/// be offered a fresh link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not of the form of a token.
    #[error("not a token")]
    Malformed,
    /// Signed with a key that is not known (any more).
    #[error("unknown key")]
    UnknownKey,
    /// The tag does not fit: made up, changed, or for another purpose.
    #[error("wrong tag")]
    Forged,
    /// Genuine, and past its end.
    #[error("expired")]
    Expired(Claims),
}

/// What a key is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyState {
    /// Signs and verifies; exactly one key is active.
    Active,
    /// Verifies only: links made with it are still out there.
    Verify,
    /// Not used any more.
    Retired,
}

/// The keys that sign links.
#[derive(Clone)]
pub struct TokenKeys {
    active: String,
    keys: BTreeMap<String, Zeroizing<[u8; 32]>>,
}

impl std::fmt::Debug for TokenKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenKeys")
            .field("active", &self.active)
            .finish_non_exhaustive()
    }
}

/// Why a key set cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TokenKeysError {
    /// Not JSON of the documented shape.
    #[error(
        "a token key set is JSON such as {{\"keys\":{{\"a1\":{{\"key\":\"<base64 of 32 bytes>\",\"state\":\"active\"}}}}}}"
    )]
    Shape(#[source] serde_json::Error),
    /// A key is not 32 bytes of base64.
    #[error("token key {0:?} is not base64 of 32 bytes")]
    Key(String),
    /// A key id would not fit into a token.
    #[error("token key id {0:?} is not 1 to 8 characters of [a-z0-9]")]
    Kid(String),
    /// None or several are active.
    #[error("a token key set needs exactly one active key, this one has {0}")]
    Active(usize),
}

#[derive(Deserialize)]
struct RawKeys {
    keys: BTreeMap<String, RawKey>,
}

#[derive(Deserialize)]
struct RawKey {
    key: String,
    state: KeyState,
}

impl TokenKeys {
    /// A set of one active key.
    pub fn single(kid: &str, master: [u8; 32]) -> Self {
        Self {
            active: kid.to_owned(),
            keys: BTreeMap::from([(kid.to_owned(), Zeroizing::new(master))]),
        }
    }

    /// Reads a key set: `{"keys": {"<kid>": {"key": "<base64 of 32 bytes>", "state": "active" | "verify" | "retired"}}}`.
    pub fn from_json(json: &str) -> Result<Self, TokenKeysError> {
        let raw: RawKeys = serde_json::from_str(json).map_err(TokenKeysError::Shape)?;
        let mut keys = BTreeMap::new();
        let mut active = Vec::new();
        for (kid, RawKey { key, state }) in raw.keys {
            if !is_kid(&kid) {
                return Err(TokenKeysError::Kid(kid));
            }
            let bytes = STANDARD
                .decode(&key)
                .ok()
                .and_then(|b| <[u8; 32]>::try_from(b).ok());
            let bytes = bytes.ok_or_else(|| TokenKeysError::Key(kid.clone()))?;
            if state == KeyState::Active {
                active.push(kid.clone());
            }
            if state != KeyState::Retired {
                keys.insert(kid, Zeroizing::new(bytes));
            }
        }
        match <[String; 1]>::try_from(active) {
            Ok([active]) => Ok(Self { active, keys }),
            Err(active) => Err(TokenKeysError::Active(active.len())),
        }
    }

    /// Signs claims with the active key.
    pub fn sign(&self, claims: &Claims) -> String {
        let payload = claims.to_bytes();
        let tag = self
            .tag(&self.active, claims.purpose, &payload)
            .unwrap_or_default();
        format!(
            "v1.{}.{}.{}",
            self.active,
            URL_SAFE_NO_PAD.encode(payload),
            URL_SAFE_NO_PAD.encode(tag)
        )
    }

    /// Whether the key that a token names is held. What cannot be a token names none, and there is none to look for.
    pub fn knows(&self, token: &str) -> bool {
        let mut parts = token.split('.');
        match (parts.next(), parts.next(), token.len() <= MAX_TOKEN) {
            (Some("v1"), Some(kid), true) if is_kid(kid) => self.keys.contains_key(kid),
            _ => true,
        }
    }

    /// Verifies a token for `purpose`, in this order: length, form, key, tag (in constant time), purpose, end.
    pub fn verify(
        &self,
        purpose: Purpose,
        token: &str,
        now: Timestamp,
    ) -> Result<Claims, TokenError> {
        if token.len() > MAX_TOKEN {
            return Err(TokenError::Malformed);
        }
        let mut parts = token.split('.');
        let (Some("v1"), Some(kid), Some(payload), Some(tag), None) = (
            parts.next(),
            parts.next(),
            parts.next(),
            parts.next(),
            parts.next(),
        ) else {
            return Err(TokenError::Malformed);
        };
        let payload: [u8; PAYLOAD] = decode(payload)?;
        let tag: [u8; TAG] = decode(tag)?;
        let expected = self
            .tag(kid, purpose, &payload)
            .ok_or(TokenError::UnknownKey)?;
        if !bool::from(expected.ct_eq(&tag)) {
            return Err(TokenError::Forged);
        }
        let claims = Claims::from_bytes(purpose, &payload).ok_or(TokenError::Forged)?;
        if claims.expires != FOREVER && now > claims.expires_at() {
            return Err(TokenError::Expired(claims));
        }
        Ok(claims)
    }

    fn tag(&self, kid: &str, purpose: Purpose, payload: &[u8; PAYLOAD]) -> Option<[u8; TAG]> {
        let master = self.keys.get(kid)?;
        let mut key = Zeroizing::new([0; 32]);
        // 32 bytes is far below HKDF's limit of 255 hashes.
        Hkdf::<Sha256>::new(None, &**master)
            .expand_multi_info(&[b"lm/", purpose.name().as_bytes()], &mut *key)
            .ok()?;
        let full = hmac_sha256(&*key, &[b"lm-token\0v1\0", kid.as_bytes(), b"\0", payload]);
        let mut tag = [0; TAG];
        tag.copy_from_slice(&full[..TAG]);
        Some(tag)
    }
}

/// Whether a text can name a key.
fn is_kid(text: &str) -> bool {
    (1..=8).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

/// Strict base64url: no padding, no white space, no other spelling of the same bytes.
fn decode<const N: usize>(text: &str) -> Result<[u8; N], TokenError> {
    let bytes = URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| TokenError::Malformed)?;
    bytes.try_into().map_err(|_| TokenError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_772_357_400_000);

    fn keys() -> TokenKeys {
        TokenKeys::single("a1", [9; 32])
    }

    fn claims(purpose: Purpose) -> Claims {
        Claims::new(
            purpose,
            scope_of("guide"),
            LeadId::from_bytes([5; 16]),
            nonce_of("mal_x"),
            NOW,
        )
    }

    #[test]
    fn tok_1_a_token_survives_the_round_trip_and_its_path_is_short() {
        let token = keys().sign(&claims(Purpose::Download));
        assert!(format!("/d/{token}").len() <= 90, "{}", token.len());
        assert_eq!(
            keys().verify(Purpose::Download, &token, NOW),
            Ok(claims(Purpose::Download))
        );
    }

    #[test]
    fn tok_1_the_bytes_of_a_token_are_fixed_for_ever() {
        // Mails that are out there carry these bytes.
        assert_eq!(
            keys().sign(&claims(Purpose::Download)),
            "v1.a1.AYPKaL4FBQUFBQUFBQUFBQUFBQUFaaQHGGmtQZgy5BWo1BgcVQ.mlf6W8P9-KbeFFyW8FAAXw"
        );
    }

    #[test]
    fn tok_2_any_changed_character_is_refused() {
        let token = keys().sign(&claims(Purpose::Confirm));
        for at in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap_or_default();
            assert!(
                keys().verify(Purpose::Confirm, &changed, NOW).is_err(),
                "{changed}"
            );
        }
        for garbage in [
            "",
            "v1",
            "v1.a1..",
            &format!("{token}="),
            &format!(" {token}"),
            &format!("{token}."),
            &"x".repeat(600),
        ] {
            assert_eq!(
                keys().verify(Purpose::Confirm, garbage, NOW),
                Err(TokenError::Malformed),
                "{garbage}"
            );
        }
        assert_eq!(
            keys().verify(Purpose::Confirm, &token.replace("v1.a1", "v1.a2"), NOW),
            Err(TokenError::UnknownKey)
        );
    }

    #[test]
    fn tok_3_a_token_is_good_for_its_own_purpose_only() {
        use Purpose::{
            Click, Confirm, Download, FormNonce, Handoff, Page, Preferences, Unsubscribe,
        };
        let all = [
            Download,
            Confirm,
            Unsubscribe,
            Preferences,
            Click,
            Handoff,
            Page,
            FormNonce,
        ];
        for made_for in all {
            let token = keys().sign(&claims(made_for));
            for used_for in all {
                assert_eq!(
                    keys().verify(used_for, &token, NOW).is_ok(),
                    made_for == used_for,
                    "{made_for:?} as {used_for:?}"
                );
            }
        }
    }

    #[test]
    fn tok_4_a_download_ends_after_seven_days_and_an_unsubscribe_never() {
        let late = NOW.plus_days(7).plus_minutes(1);
        let download = keys().sign(&claims(Purpose::Download));
        assert_eq!(
            keys().verify(Purpose::Download, &download, late),
            Err(TokenError::Expired(claims(Purpose::Download)))
        );
        let unsubscribe = keys().sign(&claims(Purpose::Unsubscribe));
        assert!(
            keys()
                .verify(Purpose::Unsubscribe, &unsubscribe, NOW.plus_days(4000))
                .is_ok()
        );
    }

    #[test]
    fn tok_5_links_outlive_a_change_of_keys() -> Result<(), TokenKeysError> {
        let key = |byte: u8| STANDARD.encode([byte; 32]);
        let rotated = TokenKeys::from_json(&format!(
            r#"{{"keys":{{"a1":{{"key":"{}","state":"verify"}},"b2":{{"key":"{}","state":"active"}}}}}}"#,
            key(9),
            key(8)
        ))?;
        let old = keys().sign(&claims(Purpose::Download));
        assert!(rotated.verify(Purpose::Download, &old, NOW).is_ok());
        assert!(
            rotated
                .sign(&claims(Purpose::Download))
                .starts_with("v1.b2.")
        );
        let both = format!(
            r#"{{"keys":{{"a1":{{"key":"{0}","state":"active"}},"b2":{{"key":"{0}","state":"active"}}}}}}"#,
            key(1)
        );
        assert!(matches!(
            TokenKeys::from_json(&both),
            Err(TokenKeysError::Active(2))
        ));
        Ok(())
    }
}
