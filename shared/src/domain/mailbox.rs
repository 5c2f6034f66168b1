//! What an address tells besides where mail goes: flags that people and rules may weigh. None of them refuses a visitor.

use super::email::EmailAddress;

/// The address is a function of an organisation, not a person (RFC 2142 and its like).
pub const ROLE: &str = "role_address";
/// The mailbox is a throw-away one.
pub const DISPOSABLE: &str = "disposable_address";
/// A label of the domain mixes writing systems, as look-alikes do.
pub const MIXED_SCRIPTS: &str = "mixed_scripts";
/// A phone number that cannot be brought into the form that is dialled from anywhere; it is kept as typed.
pub const PHONE: &str = "phone_as_typed";
/// Answers that the form would have refused, kept because their sender cannot ask again.
pub const UNCHECKED: &str = "unchecked_answers";

/// Local parts of RFC 2142, and what is used in their place.
const ROLES: [&str; 30] = [
    "abuse",
    "admin",
    "administrator",
    "billing",
    "contact",
    "ftp",
    "help",
    "helpdesk",
    "hello",
    "hostmaster",
    "hr",
    "info",
    "jobs",
    "mail",
    "mailer-daemon",
    "marketing",
    "news",
    "no-reply",
    "noc",
    "noreply",
    "office",
    "postmaster",
    "root",
    "sales",
    "security",
    "support",
    "usenet",
    "uucp",
    "webmaster",
    "www",
];

/// Whether the address is a role's. No marketing goes there without a click that confirms it.
pub fn is_role(address: &EmailAddress) -> bool {
    let identity = address.identity();
    let local = identity.split(['@', '+']).next().unwrap_or_default();
    ROLES.contains(&local)
}

/// Whether the domain is one that documentation uses (RFC 2606) and mail never reaches.
pub fn is_for_documentation(domain: &str) -> bool {
    let labels: Vec<&str> = domain.rsplit('.').collect();
    matches!(
        labels.as_slice(),
        ["example", ..] | ["com" | "org" | "net", "example", ..]
    )
}

/// Whether a label of the domain mixes writing systems in a way that no language does: Latin among Cyrillic, say.
pub fn mixes_scripts(domain: &str) -> bool {
    if !domain.contains("xn--") {
        return false;
    }
    let (shown, _) = idna::domain_to_unicode(domain);
    shown.split('.').any(|label| {
        let mut scripts: Vec<Script> = label.chars().filter_map(script).collect();
        scripts.sort_unstable();
        scripts.dedup();
        // Japanese and Korean are written in several, and with Latin letters between.
        let east = |s: &Script| {
            matches!(
                s,
                Script::Han | Script::Kana | Script::Hangul | Script::Latin
            )
        };
        scripts.len() > 1 && !scripts.iter().all(east)
    })
}

/// Writing systems that have letters alike, or that are written beside each other.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Script {
    Latin,
    Greek,
    Cyrillic,
    Armenian,
    Cherokee,
    Han,
    Kana,
    Hangul,
    Other,
}

/// The script of a letter by its block (Unicode 16); digits and hyphens have none.
fn script(c: char) -> Option<Script> {
    Some(match c {
        'a'..='z'
        | 'A'..='Z'
        | '\u{c0}'..='\u{24f}'
        | '\u{250}'..='\u{2af}'
        | '\u{1e00}'..='\u{1eff}' => Script::Latin,
        '\u{370}'..='\u{3ff}' | '\u{1f00}'..='\u{1fff}' => Script::Greek,
        '\u{400}'..='\u{52f}' | '\u{1c80}'..='\u{1c8f}' => Script::Cyrillic,
        '\u{530}'..='\u{58f}' => Script::Armenian,
        '\u{13a0}'..='\u{13ff}' | '\u{ab70}'..='\u{abbf}' => Script::Cherokee,
        '\u{3400}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}'
        | '\u{3005}'
        | '\u{20000}'..='\u{323af}' => Script::Han,
        '\u{3040}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}' => Script::Kana,
        '\u{1100}'..='\u{11ff}' | '\u{3130}'..='\u{318f}' | '\u{ac00}'..='\u{d7af}' => {
            Script::Hangul
        }
        // Marks and middle dots belong to the letters beside them.
        '\u{b7}' | '\u{300}'..='\u{36f}' => return None,
        c if c.is_alphabetic() => Script::Other,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(typed: &str) -> EmailAddress {
        EmailAddress::parse(typed).unwrap()
    }

    #[test]
    fn adr_5_role_accounts_are_known_with_and_without_a_tag() {
        for role in [
            "postmaster@acme.com",
            "Info@acme.com",
            "sales+spring@acme.com",
        ] {
            assert!(is_role(&address(role)), "{role}");
        }
        for person in ["ada@acme.com", "information@acme.com", "admin.ada@acme.com"] {
            assert!(!is_role(&address(person)), "{person}");
        }
    }

    #[test]
    fn adr_5_domains_of_documentation_are_known() {
        for (domain, is) in [
            ("example.com", true),
            ("mail.example.org", true),
            ("acme.example", true),
            ("example.de", false),
            ("notexample.com", false),
        ] {
            assert_eq!(is_for_documentation(domain), is, "{domain}");
        }
    }

    #[test]
    fn adr_8_a_label_of_mixed_scripts_is_noticed_and_languages_are_left_alone() {
        for (typed, mixed) in [
            ("a@p\u{430}ypal.com", true),
            ("a@\u{3bf}utlook.com", true),
            ("a@bücher.de", false),
            ("a@пример.com", false),
            ("a@日本語テスト.jp", false),
            ("a@東京tower.jp", false),
            ("a@한국korea.kr", false),
            ("a@acme.com", false),
        ] {
            assert_eq!(mixes_scripts(address(typed).domain()), mixed, "{typed}");
        }
    }
}
