//! A mailbox as SES takes it: `local@domain` or `Name <local@domain>`, seven-bit ASCII throughout.
//!
//! Stricter than the mail standards where SES is: no SMTPUTF8, domains in their ASCII form. Must not know who may send.

use super::refusal::Refusal;

/// A mailbox that SES would take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mailbox {
    /// As given, with the display name.
    pub(super) given: String,
    /// The bare address.
    pub(super) address: String,
}

impl Mailbox {
    /// Reads one mailbox; the refusal is the one that SES gives.
    pub(super) fn parse(given: &str) -> Result<Self, Refusal> {
        if given.chars().any(char::is_control) {
            return Err(Refusal::bad_request("Address contains control characters"));
        }
        let bare = match given.trim().strip_suffix('>') {
            Some(open) => open.rsplit_once('<').map_or(open, |(_, bare)| bare),
            None => given.trim(),
        };
        let Some((local, domain)) = bare.rsplit_once('@') else {
            return Err(Refusal::bad_request("Missing final '@domain'"));
        };
        if !given.is_ascii() {
            let what = if local.is_ascii() && domain.is_ascii() {
                "Display name must be 7-bit ASCII; use MIME encoded-word syntax"
            } else if local.is_ascii() {
                "Domain must be 7-bit ASCII; use Punycode"
            } else {
                "Local address contains non-ASCII characters"
            };
            return Err(Refusal::bad_request(what));
        }
        if local.is_empty() {
            return Err(Refusal::bad_request("Missing local part"));
        }
        if local.len() > 64
            || bare.len() > 320
            || local.contains(|ch: char| ch.is_whitespace() || "<>()[],;:\\\"@".contains(ch))
        {
            return Err(Refusal::bad_request(
                "Local address contains control or whitespace",
            ));
        }
        if domain.is_empty()
            || domain.starts_with(['.', '-'])
            || domain.ends_with(['.', '-'])
            || domain.contains("..")
            || !domain
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
        {
            return Err(Refusal::bad_request("Domain contains illegal character"));
        }
        Ok(Self {
            given: given.trim().to_owned(),
            address: bare.to_owned(),
        })
    }

    /// The part after the last `@`.
    pub(super) fn domain(&self) -> &str {
        self.address
            .rsplit_once('@')
            .map_or("", |(_, domain)| domain)
    }

    /// Whether this sender is covered by a verified address, domain, or parent domain.
    pub(super) fn is_covered_by(&self, identity: &str) -> bool {
        if identity.contains('@') {
            return self.address.eq_ignore_ascii_case(identity);
        }
        let (domain, identity) = (
            self.domain().to_ascii_lowercase(),
            identity.to_ascii_lowercase(),
        );
        domain == identity || domain.ends_with(&format!(".{identity}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_display_name_is_kept_beside_the_bare_address() {
        let mailbox = Mailbox::parse("=?utf-8?q?J=C3=B6rg?= <jo@example.com> ").unwrap();
        assert_eq!(mailbox.address, "jo@example.com");
        assert_eq!(mailbox.given, "=?utf-8?q?J=C3=B6rg?= <jo@example.com>");
    }

    #[test]
    fn what_ses_cannot_send_to_is_refused() {
        for given in [
            "",
            "nobody",
            "@example.com",
            "a@",
            "a b@example.com",
            "jörg@example.com",
            "jo@exämple.com",
            "Jörg <jo@example.com>",
            "a@example.com\r\nBcc: b@example.com",
            "a@-example.com",
            "a@exa mple.com",
            "a,b@example.com",
        ] {
            assert!(Mailbox::parse(given).is_err(), "{given:?} was taken");
        }
    }

    #[test]
    fn a_verified_domain_covers_its_subdomains_and_no_look_alikes() {
        let covers =
            |from: &str, identity: &str| Mailbox::parse(from).unwrap().is_covered_by(identity);
        assert!(covers("a@Example.com", "example.com"));
        assert!(covers("a@mail.example.com", "example.com"));
        assert!(covers("Sales@example.com", "sales@example.com"));
        assert!(!covers("a@notexample.com", "example.com"));
        assert!(!covers("other@example.com", "sales@example.com"));
    }
}
