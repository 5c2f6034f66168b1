//! Altcha's proof of work, version 2: a challenge that costs a browser a second and a robot farm a bill, with no third party.
//!
//! ```text
//! challenge   {parameters, signature}       parameters are signed, so nothing about them is stored
//! solution    {counter, derivedKey}         PBKDF2-SHA-256(nonce || counter, salt, cost) begins with keyPrefix
//! payload     base64 of {challenge, solution}, posted as `altcha`
//! ```
//!
//! Works with Altcha's own widget and libraries; a test holds it against the official one. The parameters carry the form's ticket, which
//! can be spent once and ends after a day, so a solved challenge is worth one submission. The crate of the same name reads the system's
//! clock and entropy and links a second family of hashes, which a function that is started often should not.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::id::hmac_sha256;
use super::time::Timestamp;

/// Longest payload that is looked at, in bytes.
pub const MAX_PAYLOAD: usize = 2_048;
/// Rounds of the key derivation: with a prefix of one byte, some 250 tries of a few milliseconds.
const COST: u32 = 2_000;
/// What the derived key must begin with.
const PREFIX: &str = "00";
const ALGORITHM: &str = "PBKDF2/SHA-256";
const KEY_LENGTH: usize = 32;

/// What a challenge asks. Fields stand in the order of their names, as the signature needs them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Parameters {
    algorithm: String,
    cost: u32,
    data: Data,
    expires_at: i64,
    key_length: usize,
    key_prefix: String,
    nonce: String,
    salt: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Data {
    ticket: String,
}

/// A challenge, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    /// What is asked.
    pub parameters: Parameters,
    /// Hex HMAC-SHA256 of the parameters as JSON.
    pub signature: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Solution {
    counter: u32,
    derived_key: String,
}

#[derive(Deserialize)]
struct Payload {
    challenge: Challenge,
    solution: Solution,
}

/// A challenge bound to a ticket.
pub fn challenge(ticket: &str, ends: Timestamp, random: [u8; 32], key: &[u8]) -> Challenge {
    let (nonce, salt) = random.split_at(16);
    let parameters = Parameters {
        algorithm: ALGORITHM.to_owned(),
        cost: COST,
        data: Data {
            ticket: ticket.to_owned(),
        },
        expires_at: ends.seconds(),
        key_length: KEY_LENGTH,
        key_prefix: PREFIX.to_owned(),
        nonce: HEXLOWER.encode(nonce),
        salt: HEXLOWER.encode(salt),
    };
    let signature = signature(&parameters, key);
    Challenge {
        parameters,
        signature,
    }
}

/// The ticket of a solved challenge; none where the payload is not one, is not ours, or is not solved. Only a challenge of ours costs a
/// derivation.
pub fn solved(payload: &str, key: &[u8]) -> Option<String> {
    if payload.len() > MAX_PAYLOAD {
        return None;
    }
    let json = STANDARD.decode(payload.trim()).ok()?;
    let Payload {
        challenge,
        solution,
    } = serde_json::from_slice(&json).ok()?;
    let asked = &challenge.parameters;
    let expected = signature(asked, key);
    if !bool::from(expected.as_bytes().ct_eq(challenge.signature.as_bytes())) {
        return None;
    }
    let mut word = HEXLOWER.decode(asked.nonce.as_bytes()).ok()?;
    word.extend(solution.counter.to_be_bytes());
    let salt = HEXLOWER.decode(asked.salt.as_bytes()).ok()?;
    let mut derived = [0; KEY_LENGTH];
    pbkdf2::pbkdf2_hmac::<Sha256>(&word, &salt, asked.cost, &mut derived);
    let derived = HEXLOWER.encode(&derived);
    let holds = derived.starts_with(&asked.key_prefix) && derived == solution.derived_key;
    holds.then(|| asked.data.ticket.clone())
}

fn signature(parameters: &Parameters, key: &[u8]) -> String {
    // Strings and numbers: writing them cannot fail.
    let json = serde_json::to_vec(parameters).unwrap_or_default();
    HEXLOWER.encode(&hmac_sha256(key, &[&json]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &[u8] = b"key";

    fn asked() -> Challenge {
        challenge("v1.a1.ticket", Timestamp(1_772_357_400_000), [7; 32], KEY)
    }

    /// As a browser does it.
    fn solve(challenge: &Challenge) -> String {
        let asked = &challenge.parameters;
        let salt = HEXLOWER.decode(asked.salt.as_bytes()).unwrap();
        for counter in 0_u32.. {
            let mut word = HEXLOWER.decode(asked.nonce.as_bytes()).unwrap();
            word.extend(counter.to_be_bytes());
            let mut derived = [0; KEY_LENGTH];
            pbkdf2::pbkdf2_hmac::<Sha256>(&word, &salt, asked.cost, &mut derived);
            let derived = HEXLOWER.encode(&derived);
            if derived.starts_with(PREFIX) {
                let solution = serde_json::json!({ "counter": counter, "derivedKey": derived });
                return STANDARD.encode(
                    serde_json::json!({ "challenge": challenge, "solution": solution }).to_string(),
                );
            }
        }
        unreachable!()
    }

    #[test]
    fn a_solved_challenge_of_ours_gives_its_ticket_and_a_changed_one_nothing() {
        let mut challenge = asked();
        // Cheap, as a test may be.
        challenge.parameters.cost = 2;
        challenge.signature = signature(&challenge.parameters, KEY);
        let payload = solve(&challenge);
        assert_eq!(solved(&payload, KEY).as_deref(), Some("v1.a1.ticket"));
        assert_eq!(solved(&payload, b"other"), None, "signed with another key");
        let json = String::from_utf8(STANDARD.decode(&payload).unwrap()).unwrap();
        for (what, with) in [
            ("\"cost\":2", "\"cost\":1"),
            ("v1.a1.ticket", "v1.a1.tickes"),
            ("\"derivedKey\":\"00", "\"derivedKey\":\"01"),
            ("\"counter\":", "\"counter\":1"),
            ("\"keyPrefix\":\"00\"", "\"keyPrefix\":\"\""),
        ] {
            assert!(json.contains(what), "{json}");
            let changed = STANDARD.encode(json.replacen(what, with, 1));
            assert_eq!(solved(&changed, KEY), None, "{what} -> {with}");
        }
        for garbage in ["", "e30=", "not base64", &"A".repeat(MAX_PAYLOAD + 1)] {
            assert_eq!(solved(garbage, KEY), None, "{garbage:.20}");
        }
    }

    #[test]
    fn the_shape_of_a_challenge_is_that_of_altcha_2() {
        let json = serde_json::to_string(&asked()).unwrap();
        assert!(json.starts_with(
            "{\"parameters\":{\"algorithm\":\"PBKDF2/SHA-256\",\"cost\":2000,\"data\":{\"ticket\":\"v1.a1.ticket\"},\"expiresAt\":1772357400,\"keyLength\":32,\"keyPrefix\":\"00\",\"nonce\":\"0707"
        ), "{json}");
    }
}
