//! E-mail addresses: what a visitor typed, and what mail can be sent to.
//!
//! Two types: the text as typed stays a `&str`; an [`EmailAddress`] exists only for an address that passed. The rest of the code takes
//! the parsed one.

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};

use super::pii::Pii;

/// Longest address in octets (RFC 5321, 4.5.3.1.3, less the angle brackets).
pub const MAX_OCTETS: usize = 254;
/// Longest local part in octets (RFC 5321, 4.5.3.1.1).
pub const MAX_LOCAL: usize = 64;

/// An address that mail can be sent to.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct EmailAddress {
    given: Pii<String>,
    local: Pii<String>,
    domain: String,
}

/// Why an address is refused. The texts are for the visitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmailError {
    /// Nothing was typed.
    #[error("should not be empty")]
    Empty,
    /// Not of the form `name@domain`.
    #[error("should be an email")]
    Shape,
    /// Over 254 octets, or a part of it too long.
    #[error("should be an email; this one is too long")]
    TooLong,
    /// Correct elsewhere, but the mail service takes ASCII local parts only.
    #[error("has letters before the @ that we cannot send to yet; please use another address")]
    LocalNotAscii,
    /// The domain cannot receive mail.
    #[error("should be an email; the part after the @ is not a domain name")]
    Domain,
    /// A domain reserved for tests or for local use.
    #[error("should be an email that can be reached from the internet")]
    Reserved,
    /// Invisible or unassigned characters.
    #[error("should be an email; it has characters that cannot be seen")]
    Invisible,
}

/// Top-level names that never receive mail from the internet (RFC 6761, RFC 6762, RFC 7686, RFC 9476 and the root zone's `arpa`).
const RESERVED_TLDS: [&str; 7] = [
    "arpa",
    "test",
    "invalid",
    "localhost",
    "local",
    "onion",
    "alt",
];

impl EmailAddress {
    /// Reads an address as a visitor types it: outer white space and one pair of `<>` are dropped, the domain is mapped to its
    /// lower-case A-label form (UTS 46), the local part stays as typed.
    ///
    /// ```
    /// use shared::domain::email::EmailAddress;
    ///
    /// let address = EmailAddress::parse(" Ada@BÜCHER.de ")?;
    /// assert_eq!(address.normalised(), "Ada@xn--bcher-kva.de");
    /// assert!(EmailAddress::parse("ada@localhost").is_err());
    /// # Ok::<(), shared::domain::email::EmailError>(())
    /// ```
    pub fn parse(typed: &str) -> Result<Self, EmailError> {
        let trimmed = typed.trim();
        if trimmed.is_empty() {
            return Err(EmailError::Empty);
        }
        if trimmed.len() > 4 * MAX_OCTETS {
            return Err(EmailError::TooLong);
        }
        let given = trimmed
            .strip_prefix('<')
            .and_then(|inner| inner.strip_suffix('>'))
            .unwrap_or(trimmed)
            .trim();
        if given.chars().any(is_invisible) {
            return Err(EmailError::Invisible);
        }
        // The full-width @ (U+FF20) is what some input methods produce; NFKC of the domain below maps full-width dots likewise.
        let at = given.rfind(['@', '＠']).ok_or(EmailError::Shape)?;
        let (local, rest) = given.split_at(at);
        let typed_domain = rest.trim_start_matches(['@', '＠']);
        if rest.chars().count() != typed_domain.chars().count() + 1 {
            return Err(EmailError::Shape);
        }
        check_local(local)?;
        let domain = domain_to_ascii(typed_domain)?;
        if local.len() + 1 + domain.len() > MAX_OCTETS {
            return Err(EmailError::TooLong);
        }
        Ok(Self {
            given: Pii::new(given.to_owned()),
            local: Pii::new(local.to_owned()),
            domain,
        })
    }

    /// The address as typed, without outer white space and angle brackets: what people are shown.
    pub fn given(&self) -> &str {
        self.given.expose()
    }

    /// Where mail is sent: the local part as typed, `@`, the lower-case A-label domain.
    pub fn normalised(&self) -> String {
        format!("{}@{}", self.local.expose(), self.domain)
    }

    /// What a person is told apart by: [`Self::normalised`] in lower case, because no large provider distinguishes the case of local
    /// parts.
    pub fn identity(&self) -> String {
        self.normalised().to_ascii_lowercase()
    }

    /// What limits are counted by: lower case, without a `+tag`, and for Gmail without dots and with one domain. A hint that two
    /// addresses may be one mailbox; never shown and never mailed.
    pub fn folded(&self) -> String {
        let lower = self.local.expose().to_ascii_lowercase();
        let local = lower
            .split('+')
            .next()
            .filter(|l| !l.is_empty())
            .unwrap_or(&lower);
        match self.domain.as_str() {
            "gmail.com" | "googlemail.com" => format!("{}@gmail.com", local.replace('.', "")),
            domain => format!("{local}@{domain}"),
        }
    }

    /// The lower-case A-label domain.
    pub fn domain(&self) -> &str {
        &self.domain
    }
}

fn check_local(local: &str) -> Result<(), EmailError> {
    if local.is_empty() {
        return Err(EmailError::Shape);
    }
    if !local.is_ascii() {
        return Err(EmailError::LocalNotAscii);
    }
    if local.len() > MAX_LOCAL {
        return Err(EmailError::TooLong);
    }
    // dot-atom of RFC 5322, 3.2.3: quoted local parts and comments are legal there and useless here.
    let is_atom = |atom: &str| !atom.is_empty() && atom.bytes().all(is_atext);
    if local.split('.').all(is_atom) {
        Ok(())
    } else {
        Err(EmailError::Shape)
    }
}

const fn is_atext(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'/'
                | b'='
                | b'?'
                | b'^'
                | b'_'
                | b'`'
                | b'{'
                | b'|'
                | b'}'
                | b'~'
        )
}

fn domain_to_ascii(typed: &str) -> Result<String, EmailError> {
    if typed.is_empty() || typed.contains(['[', ']', '(', ')', ' ', '\t']) {
        return Err(EmailError::Domain);
    }
    let mapped: String = typed.nfkc().collect();
    if has_loose_mark(&mapped) {
        return Err(EmailError::Domain);
    }
    let domain = idna::uts46::Uts46::new()
        .to_ascii(
            mapped.as_bytes(),
            idna::AsciiDenyList::STD3,
            idna::uts46::Hyphens::Check,
            idna::uts46::DnsLength::Verify,
        )
        .map_err(|_| EmailError::Domain)?
        .into_owned();
    let labels: Vec<&str> = domain.split('.').collect();
    let Some((last, before)) = labels.split_last() else {
        return Err(EmailError::Domain);
    };
    if before.is_empty() && !RESERVED_TLDS.contains(last) {
        return Err(EmailError::Domain);
    }
    let ends_in_letter = last.ends_with(|c: char| c.is_ascii_alphabetic());
    if !ends_in_letter && !last.starts_with("xn--") {
        return Err(EmailError::Domain);
    }
    if RESERVED_TLDS.contains(last) {
        return Err(EmailError::Reserved);
    }
    Ok(domain)
}

/// A combining mark that starts a label, or follows ASCII without composing in NFC: the mapping would merge or drop it silently.
fn has_loose_mark(domain: &str) -> bool {
    domain.split('.').any(|label| {
        let composed: Vec<char> = label.nfc().collect();
        composed.iter().enumerate().any(|(i, &c)| {
            let is_mark = c.general_category_group() == GeneralCategoryGroup::Mark;
            is_mark && (i == 0 || composed.get(i - 1).is_some_and(char::is_ascii))
        })
    })
}

/// Control, format, unassigned, private-use and default-ignorable characters: a person cannot see what they typed.
fn is_invisible(c: char) -> bool {
    matches!(
        c.general_category(),
        GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::Unassigned
            | GeneralCategory::PrivateUse
            | GeneralCategory::Surrogate
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
    ) || matches!(c,
        '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{ffa0}' | '\u{e0100}'..='\u{e01ef}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn normalised(typed: &str) -> Result<String, EmailError> {
        EmailAddress::parse(typed).map(|a| a.normalised())
    }

    #[test]
    fn adr_1_ordinary_addresses_pass_and_the_domain_is_lower_cased() {
        for (typed, expected) in [
            ("ada@example.com", "ada@example.com"),
            (
                "  Ada.Lovelace+guide@Example.COM ",
                "Ada.Lovelace+guide@example.com",
            ),
            ("<ada@example.com>", "ada@example.com"),
            ("o'hara@example.co.uk", "o'hara@example.co.uk"),
            ("ada@bücher.de", "ada@xn--bcher-kva.de"),
            ("ada@例え．jp", "ada@xn--r8jz45g.jp"),
            ("ada＠example.com", "ada@example.com"),
            ("ada@xn--bcher-kva.de", "ada@xn--bcher-kva.de"),
        ] {
            assert_eq!(normalised(typed).as_deref(), Ok(expected), "{typed}");
        }
    }

    #[test]
    fn adr_1_what_cannot_receive_mail_is_refused_with_its_reason() {
        let long_local = format!("{}@example.com", "a".repeat(65));
        let long = format!("a@{}.com", vec!["b".repeat(60); 5].join("."));
        for (typed, reason) in [
            ("", EmailError::Empty),
            ("   ", EmailError::Empty),
            ("ada", EmailError::Shape),
            ("@example.com", EmailError::Shape),
            ("ada@@example.com", EmailError::Shape),
            ("ada@", EmailError::Domain),
            (".ada@example.com", EmailError::Shape),
            ("ada.@example.com", EmailError::Shape),
            ("a..da@example.com", EmailError::Shape),
            ("\"ada\"@example.com", EmailError::Shape),
            ("ada(comment)@example.com", EmailError::Shape),
            ("a da@example.com", EmailError::Shape),
            ("ada@example", EmailError::Domain),
            ("ada@-example.com", EmailError::Domain),
            ("ada@exa_mple.com", EmailError::Domain),
            ("ada@[127.0.0.1]", EmailError::Domain),
            ("ada@127.0.0.1", EmailError::Domain),
            ("ada@example..com", EmailError::Domain),
            ("ada@example.com.", EmailError::Domain),
            ("ada@ab--cd.com", EmailError::Domain),
            ("ada@xn--\u{e4}.com", EmailError::Domain),
            ("ada@localhost", EmailError::Reserved),
            ("ada@shop.test", EmailError::Reserved),
            ("ada@printer.local", EmailError::Reserved),
            ("ada\u{200b}@example.com", EmailError::Invisible),
            ("ada@exam\u{ad}ple.com", EmailError::Invisible),
            ("ada\r\nbcc: x@example.com", EmailError::Invisible),
            (long_local.as_str(), EmailError::TooLong),
            (long.as_str(), EmailError::Domain),
        ] {
            assert_eq!(normalised(typed), Err(reason), "{typed}");
        }
    }

    #[test]
    fn adr_2_a_non_ascii_local_part_has_its_own_message() {
        assert_eq!(
            normalised("jürgen@example.com"),
            Err(EmailError::LocalNotAscii)
        );
    }

    #[test]
    fn adr_3_identity_ignores_case_and_folding_ignores_tags_and_gmail_dots() {
        let address = EmailAddress::parse("Ada.Love+x@GoogleMail.com");
        assert_eq!(
            address.as_ref().map(EmailAddress::identity),
            Ok(String::from("ada.love+x@googlemail.com"))
        );
        assert_eq!(
            address.as_ref().map(EmailAddress::folded),
            Ok(String::from("adalove@gmail.com"))
        );
        assert_eq!(
            EmailAddress::parse("Ada.Love+x@example.com").map(|a| a.folded()),
            Ok(String::from("ada.love@example.com"))
        );
    }

    #[test]
    fn an_address_never_prints_itself() {
        let printed = format!("{:?}", EmailAddress::parse("ada@example.com"));
        assert!(!printed.contains("ada"), "{printed}");
    }
}
