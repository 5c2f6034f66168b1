//! The ladder: what is done with a post that may not come from a person.
//!
//! ```text
//! a trap field is filled in     looks like a success; only a counter moves
//! any other doubt               looks like a success; set aside with its reason, and an operator may release it
//! the checker cannot be asked   the fact is stored, and the visitor's mail waits: storing fails open, mailing fails closed
//! none                          stored, and mailed
//! ```
//!
//! Nobody is turned away for looking like a robot, and nobody is mailed who may not have asked. No step depends on the address, so none
//! tells anything about it.

use crate::domain::held::Doubt;
use crate::domain::time::Timestamp;
use crate::domain::token::{Claims, TokenError, scope_of};

/// Sooner than this after the form was begun, nobody has filled it in.
pub const TOO_FAST_MS: i64 = 2_000;

/// What the ticket of a post says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ticket {
    /// None came: plain HTML has none.
    Absent,
    /// The form was begun a credible time ago.
    Fine,
    /// It speaks against the post.
    Doubtful(Doubt),
}

/// What the proof that a form asks for says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The form asks for none.
    NotAsked,
    /// It holds.
    Passed,
    /// None came.
    Missing,
    /// It does not hold.
    Failed,
    /// The service that checks it could not be asked.
    Unreachable,
}

/// What is done with a post.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is taken up.
    Clear,
    /// The fact is stored; its mail waits.
    StoreOnly(Doubt),
    /// It is set aside whole.
    SetAside(Doubt),
}

/// Reads a ticket that was verified, or failed to.
pub fn read_ticket(verified: Result<Claims, TokenError>, form: &str, now: Timestamp) -> Ticket {
    match verified {
        Ok(claims) if claims.scope != scope_of(form) => Ticket::Doubtful(Doubt::OtherForm),
        // Tickets count in whole seconds, so the last part of a second is given to the visitor.
        Ok(claims) if now.since(claims.issued_at()) < TOO_FAST_MS => {
            Ticket::Doubtful(Doubt::TooFast)
        }
        Ok(_) => Ticket::Fine,
        Err(TokenError::Expired(_)) => Ticket::Doubtful(Doubt::TooLate),
        Err(TokenError::Malformed | TokenError::UnknownKey | TokenError::Forged) => {
            Ticket::Doubtful(Doubt::ForgedTicket)
        }
    }
}

/// Decides what is done with a post. The first step of the ladder that applies counts.
pub fn judge(is_test: bool, automated: bool, ticket: Ticket, proof: Proof) -> Verdict {
    if is_test {
        return Verdict::SetAside(Doubt::Test);
    }
    if automated {
        return Verdict::SetAside(Doubt::Automated);
    }
    if let Ticket::Doubtful(doubt) = ticket {
        return Verdict::SetAside(doubt);
    }
    match proof {
        Proof::NotAsked | Proof::Passed => Verdict::Clear,
        Proof::Missing => Verdict::SetAside(Doubt::NoProof),
        Proof::Failed => Verdict::SetAside(Doubt::FailedProof),
        Proof::Unreachable => Verdict::StoreOnly(Doubt::Unchecked),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::LeadId;
    use crate::domain::time::DAY_MS;
    use crate::domain::token::{Purpose, TokenKeys};

    const NOW: Timestamp = Timestamp(1_772_357_400_000);

    fn keys() -> TokenKeys {
        TokenKeys::single("a1", [9; 32])
    }

    fn after(ms: i64, form: &str) -> Ticket {
        let subject = LeadId::from_bytes([1; 16]);
        let claims = Claims::new(Purpose::FormNonce, scope_of("guide"), subject, [2; 8], NOW);
        let token = keys().sign(&claims);
        let now = NOW.plus_ms(ms);
        read_ticket(keys().verify(Purpose::FormNonce, &token, now), form, now)
    }

    #[test]
    fn frm_3_a_ticket_is_credible_from_two_seconds_to_a_day() {
        for (ms, doubt) in [
            (0, Some(Doubt::TooFast)),
            (1_999, Some(Doubt::TooFast)),
            (2_000, None),
            (DAY_MS, None),
            (DAY_MS + 1_000, Some(Doubt::TooLate)),
        ] {
            let expected = doubt.map_or(Ticket::Fine, Ticket::Doubtful);
            assert_eq!(after(ms, "guide"), expected, "{ms} ms");
        }
        assert_eq!(after(5_000, "demo"), Ticket::Doubtful(Doubt::OtherForm));
        let forged = read_ticket(Err(TokenError::Forged), "guide", NOW);
        assert_eq!(forged, Ticket::Doubtful(Doubt::ForgedTicket));
    }

    #[test]
    fn frm_3_mailing_fails_closed_and_storing_open() {
        let verdict = |proof| judge(false, false, Ticket::Absent, proof);
        assert_eq!(verdict(Proof::NotAsked), Verdict::Clear);
        assert_eq!(verdict(Proof::Passed), Verdict::Clear);
        assert_eq!(
            verdict(Proof::Unreachable),
            Verdict::StoreOnly(Doubt::Unchecked)
        );
        for (proof, doubt) in [
            (Proof::Missing, Doubt::NoProof),
            (Proof::Failed, Doubt::FailedProof),
        ] {
            assert_eq!(verdict(proof), Verdict::SetAside(doubt));
        }
    }

    #[test]
    fn a_test_is_a_test_whatever_else_it_is() {
        let fast = Ticket::Doubtful(Doubt::TooFast);
        let verdict = judge(true, true, fast, Proof::Failed);
        assert_eq!(verdict, Verdict::SetAside(Doubt::Test));
    }
}
