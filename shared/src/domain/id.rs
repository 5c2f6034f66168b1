//! Identifiers: how each is made, so that a repeat of the same event has the same id.
//!
//! Ids are `[a-z0-9_-]`, at most 64 characters, with a prefix that tells their type. None is minted in an adapter: they are derived
//! from what they identify, or from entropy that was given.

use std::fmt;
use std::str::FromStr;

use data_encoding::{BASE32_NOPAD, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::email::EmailAddress;

/// Longest id in characters.
pub const MAX_ID: usize = 64;

/// A person: the keyed hash of their normalised address (or phone number). Says nothing without the key, so it may stand in keys, logs,
/// tags and tokens.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeadId([u8; 16]);

impl LeadId {
    /// The id of these bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes, as tokens carry them.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// A shard number below `shards`, evenly spread.
    pub fn shard(&self, shards: u8) -> u8 {
        self.0[15] % shards.max(1)
    }
}

impl fmt::Display for LeadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&lower_base32(&self.0))
    }
}

impl fmt::Debug for LeadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LeadId({self})")
    }
}

/// The text is not a lead id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a lead id is 26 characters of lower-case base32")]
pub struct LeadIdError;

impl FromStr for LeadId {
    type Err = LeadIdError;

    fn from_str(text: &str) -> Result<Self, LeadIdError> {
        let bytes = lower_base32_encoding()
            .decode(text.as_bytes())
            .map_err(|_| LeadIdError)?;
        bytes.try_into().map(Self).map_err(|_| LeadIdError)
    }
}

impl Serialize for LeadId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LeadId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// The key that turns addresses into lead ids. Never rotated (every id would change), apart from the token keys, and backed up.
#[derive(Clone)]
pub struct IdentityKey(Zeroizing<[u8; 32]>);

impl IdentityKey {
    /// The key of these bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The person behind an address: `HMAC-SHA256(key, "email\0" + identity)`, 16 bytes.
    pub fn lead_of_email(&self, address: &EmailAddress) -> LeadId {
        self.lead(b"email\0", address.identity().as_bytes())
    }

    /// The person behind a phone number in E.164 form, for a submission without an address.
    pub fn lead_of_phone(&self, e164: &str) -> LeadId {
        self.lead(b"tel\0", e164.as_bytes())
    }

    /// A person whom a service knows by an id of its own, and of whom nothing else is known yet.
    pub fn lead_elsewhere(&self, service: &str, id: &str) -> LeadId {
        self.lead(format!("{service}\0").as_bytes(), id.as_bytes())
    }

    /// A keyed name for something personal, such as an address in a limit counter or an IP prefix: 26 characters of base32.
    pub fn pseudonym(&self, purpose: &str, value: &str) -> String {
        lower_base32(&self.mac(&[purpose.as_bytes(), b"\0", value.as_bytes()])[..16])
    }

    fn lead(&self, scheme: &[u8], value: &[u8]) -> LeadId {
        let mut id = [0; 16];
        id.copy_from_slice(&self.mac(&[scheme, value])[..16]);
        LeadId(id)
    }

    fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        hmac_sha256(&*self.0, parts)
    }
}

impl fmt::Debug for IdentityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdentityKey([secret])")
    }
}

/// HMAC-SHA256 of the parts, one after the other.
pub fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    // HMAC takes a key of any length (RFC 2104, 2), so this branch is never left without a MAC.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else {
        return [0; 32];
    };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// An id derived from what it identifies: `<prefix>_` and 26 characters. The parts are length-prefixed before hashing, so no two lists
/// of parts run into each other. Use it for parts that are not personal, or that were keyed before.
pub fn derived(prefix: &str, parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part);
    }
    format!("{prefix}_{}", lower_base32(&hash.finalize()[..16]))
}

/// An id from 16 bytes of entropy: `<prefix>_` and 26 characters.
pub fn random(prefix: &str, entropy: [u8; 16]) -> String {
    format!("{prefix}_{}", lower_base32(&entropy))
}

/// The bytes in lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

/// SHA-256 of the bytes in hex.
pub fn sha256_hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(bytes))
}

/// Whether the text may be an id: `[a-z0-9_-]`, 1 to 64 characters.
pub fn is_id(text: &str) -> bool {
    (1..=MAX_ID).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-')
}

fn lower_base32(bytes: &[u8]) -> String {
    BASE32_NOPAD.encode(bytes).to_ascii_lowercase()
}

fn lower_base32_encoding() -> Encoding {
    let mut spec = data_encoding::Specification::new();
    spec.symbols.push_str("abcdefghijklmnopqrstuvwxyz234567");
    // A fixed, valid alphabet of 32 symbols: making the encoding cannot fail.
    spec.encoding().unwrap_or(BASE32_NOPAD)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> IdentityKey {
        IdentityKey::new([7; 32])
    }

    #[test]
    fn a_lead_id_survives_printing_and_parsing() -> Result<(), LeadIdError> {
        let id = LeadId::from_bytes([0xab; 16]);
        assert_eq!(id.to_string().len(), 26);
        assert_eq!(id.to_string().parse::<LeadId>()?, id);
        assert!(is_id(&id.to_string()));
        Ok(())
    }

    #[test]
    fn a_text_that_is_not_canonical_base32_is_no_lead_id() {
        for text in [
            "",
            "abc",
            "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
            "aaaaaaaaaaaaaaaaaaaaaaaaab",
            "aaaaaaaaaaaaaaaaaaaaaaaaa1",
        ] {
            assert_eq!(text.parse::<LeadId>(), Err(LeadIdError), "{text}");
        }
    }

    #[test]
    fn adr_4_spellings_of_one_address_are_one_lead_and_a_phone_number_never_collides() {
        let id = |typed| EmailAddress::parse(typed).map(|a| key().lead_of_email(&a));
        assert_eq!(id("Ada@Example.com"), id("ada@example.com"));
        assert_ne!(id("ada@example.com"), id("ada+x@example.com"));
        assert_ne!(
            id("ada@example.com").ok(),
            Some(key().lead_of_phone("ada@example.com"))
        );
    }

    #[test]
    fn the_lead_id_of_an_address_is_fixed_for_ever() {
        // These bytes are stored in every table: a change here would lose every lead.
        let id =
            EmailAddress::parse("ada@example.com").map(|a| key().lead_of_email(&a).to_string());
        assert_eq!(id.as_deref(), Ok("rdi2gp674a335nd7ynsi44g3ta"));
    }

    #[test]
    fn derived_ids_do_not_run_into_each_other() {
        assert_ne!(
            derived("sub", &[b"ab", b"c"]),
            derived("sub", &[b"a", b"bc"])
        );
        assert!(is_id(&derived("sub", &[b"x"])));
    }
}
