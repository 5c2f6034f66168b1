//! The one encoder that mail headers are built through.
//!
//! SES takes header values as printable ASCII and builds the message itself: a display name must arrive encoded (RFC 2047) and quoted,
//! a subject as plain text. Whatever a visitor typed, no line break and no control or bidirectional character gets through.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Longest subject in characters.
pub const MAX_SUBJECT: usize = 200;
/// Longest encoded word (RFC 2047, 2).
const MAX_WORD: usize = 75;

/// A subject line: one line, at most [`MAX_SUBJECT`] characters.
pub fn subject(text: &str) -> String {
    one_line(text).chars().take(MAX_SUBJECT).collect()
}

/// `Display Name <address>`; the name quoted, or in encoded words where it is not ASCII. An empty name gives the bare address.
pub fn mailbox(name: &str, address: &str) -> String {
    let name = one_line(name);
    if name.is_empty() {
        return address.to_owned();
    }
    if name.is_ascii() {
        let quoted = name.replace('\\', "\\\\").replace('"', "\\\"");
        return format!("\"{quoted}\" <{address}>");
    }
    format!("{} <{address}>", encoded_words(&name))
}

/// One line without control, separator and bidirectional characters; runs of blanks become one. What looks like an encoded word (RFC
/// 2047) is broken up: decoded by a mail program, it could hold what was taken out here.
pub fn one_line(text: &str) -> String {
    let visible = text.chars().map(|c| if is_unsafe(c) { ' ' } else { c });
    visible
        .collect::<String>()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace("=?", "= ?")
}

fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Base64 encoded words of at most 75 characters each, split between characters.
fn encoded_words(text: &str) -> String {
    // "=?utf-8?b?" and "?=" take 12 characters; base64 makes 4 of 3 bytes.
    const MOST_BYTES: usize = (MAX_WORD - 12) / 4 * 3;
    let mut words = Vec::new();
    let mut word = String::new();
    for c in text.chars() {
        if word.len() + c.len_utf8() > MOST_BYTES {
            words.push(std::mem::take(&mut word));
        }
        word.push(c);
    }
    words.push(word);
    words
        .iter()
        .map(|w| format!("=?utf-8?b?{}?=", STANDARD.encode(w)))
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ses_7_no_line_break_or_hidden_character_reaches_a_header() {
        assert_eq!(
            subject("Hello\r\nBcc: evil@example.com"),
            "Hello Bcc: evil@example.com"
        );
        assert_eq!(subject("a\u{202e}b\u{2028}c\u{0}d"), "a b c d");
        assert_eq!(subject("=?utf-8?b?DQo=?="), "= ?utf-8?b?DQo= ?=");
        assert_eq!(subject(&"x".repeat(500)).len(), MAX_SUBJECT);
    }

    #[test]
    fn ses_7_display_names_are_quoted_or_encoded() {
        assert_eq!(
            mailbox("Ada \"the\" \\ Great", "a@example.com"),
            r#""Ada \"the\" \\ Great" <a@example.com>"#
        );
        assert_eq!(
            mailbox("Evil\" <x@evil.example>, \"", "a@example.com"),
            r#""Evil\" <x@evil.example>, \"" <a@example.com>"#
        );
        let encoded = mailbox(&"Łukasz ".repeat(20), "a@example.com");
        assert!(
            encoded.split(' ').all(|word| word.len() <= MAX_WORD) && encoded.is_ascii(),
            "{encoded}"
        );
        assert_eq!(mailbox(" ", "a@example.com"), "a@example.com");
    }
}
