//! The message itself: its MIME source as a receiving server would get it, and back from source to readable parts.
//!
//! SES writes `Message-ID` and `Date` over whatever was given, and takes `Bcc` out; so does this. The boundary and the id come from the
//! mail's own id, so the same mail renders to the same bytes. Must not know of storage or the wire.

use std::io;

use mail_builder::MessageBuilder;
use mail_builder::headers::HeaderType;
use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::date::Date;
use mail_builder::headers::raw::Raw;
use mail_builder::headers::text::Text;
use mail_builder::mime::MimePart;
use mail_parser::{Address, MessageParser};

use super::address::Mailbox;
use super::refusal::Refusal;
use super::submission::{Content, Submission};

/// Who a raw message says it is from and for, as its headers write it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Envelope {
    pub(super) from: Option<String>,
    pub(super) to: Vec<String>,
    pub(super) cc: Vec<String>,
    pub(super) bcc: Vec<String>,
}

/// A message read back into its parts. Headers are in order, unfolded, and not decoded.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Parts {
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: String,
    pub(super) headers: Vec<(String, String)>,
}

/// Reads sender and recipients from a raw message's headers.
pub(super) fn parse_envelope(source: &[u8]) -> Result<Envelope, Refusal> {
    let message = MessageParser::default()
        .parse(source)
        .ok_or_else(|| Refusal::bad_request("Raw data is not a mail message"))?;
    Ok(Envelope {
        from: bare(message.from()).into_iter().next(),
        to: bare(message.to()),
        cc: bare(message.cc()),
        bcc: bare(message.bcc()),
    })
}

fn bare(addresses: Option<&Address<'_>>) -> Vec<String> {
    addresses
        .into_iter()
        .flat_map(Address::iter)
        .filter_map(|address| address.address().map(str::to_owned))
        .collect()
}

/// Takes a message apart for reading. What cannot be read comes out empty.
pub(super) fn read(source: &[u8]) -> Parts {
    let Some(message) = MessageParser::default().parse(source) else {
        return Parts::default();
    };
    Parts {
        subject: message.subject().unwrap_or_default().to_owned(),
        // Only parts that really are of the type: the parser otherwise makes one from the other.
        text: message
            .text_bodies()
            .find(|part| part.is_text() && !part.is_text_html())
            .and_then(|part| part.text_contents())
            .unwrap_or_default()
            .to_owned(),
        html: message
            .html_bodies()
            .find(|part| part.is_text_html())
            .and_then(|part| part.text_contents())
            .unwrap_or_default()
            .to_owned(),
        headers: message
            .headers_raw()
            .map(|(name, value)| (name.to_owned(), unfold(value)))
            .collect(),
    }
}

/// A display name or subject with its encoded words decoded, for people to read.
pub(super) fn decoded(header_value: &str) -> String {
    let source = format!("Subject: {header_value}\r\n\r\n");
    let message = MessageParser::default().parse(source.as_bytes());
    message
        .and_then(|message| message.subject().map(str::to_owned))
        .unwrap_or_else(|| header_value.to_owned())
}

fn unfold(value: &str) -> String {
    let mut unfolded = String::with_capacity(value.len());
    for line in value.trim().lines() {
        if !unfolded.is_empty() {
            unfolded.push(' ');
        }
        unfolded.push_str(line.trim_start());
    }
    unfolded
}

/// The MIME source of a mail, as it leaves SES.
pub(super) fn render(mail: &Submission, id: &str, at_ms: i64) -> io::Result<Vec<u8>> {
    match &mail.content {
        Content::Simple {
            subject,
            text,
            html,
            headers,
        } => render_simple(mail, (subject, text, html), headers, id, at_ms),
        Content::Raw(source) => Ok(restamp(source, id, at_ms)),
    }
}

fn message_id(id: &str) -> String {
    format!("<{id}@email.amazonses.com>")
}

fn render_simple(
    mail: &Submission,
    (subject, text, html): (&str, &str, &str),
    headers: &[(String, String)],
    id: &str,
    at_ms: i64,
) -> io::Result<Vec<u8>> {
    let raw = |value: String| HeaderType::Raw(Raw::new(value));
    let mut message = MessageBuilder::new()
        .header("From", raw(mail.from.given.clone()))
        .header("Message-ID", raw(message_id(id)))
        .header("Date", HeaderType::Date(Date::new(at_ms.div_euclid(1000))));
    for (name, list) in [
        ("To", &mail.to),
        ("Cc", &mail.cc),
        ("Reply-To", &mail.reply_to),
    ] {
        if !list.is_empty() {
            message = message.header(name, raw(joined(list)));
        }
    }
    message = message.header("Subject", HeaderType::Text(Text::new(subject)));
    for (name, value) in headers {
        message = message.header(name.as_str(), raw(value.clone()));
    }

    let part =
        |kind: &'static str, text: &str| MimePart::new(format!("text/{kind}"), text.to_owned());
    let body = match (text.is_empty(), html.is_empty()) {
        (false, false) => {
            let boundary = format!("=_{id}");
            let kind = ContentType::new("multipart/alternative").attribute("boundary", boundary);
            MimePart::new(kind, vec![part("plain", text), part("html", html)])
        }
        (true, false) => part("html", html),
        (_, true) => part("plain", text),
    };
    message.body(body).write_to_vec()
}

fn joined(list: &[Mailbox]) -> String {
    let given: Vec<&str> = list.iter().map(|mailbox| mailbox.given.as_str()).collect();
    given.join(", ")
}

/// A raw message with SES's own `Message-ID` and `Date`, and without `Bcc`.
fn restamp(source: &[u8], id: &str, at_ms: i64) -> Vec<u8> {
    let head_end = source
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .map_or(source.len(), |at| at + 2);
    let mut stamped = format!(
        "Message-ID: {}\r\nDate: {}\r\n",
        message_id(id),
        Date::new(at_ms.div_euclid(1000)).to_rfc822()
    )
    .into_bytes();
    let mut skipping = false;
    for line in source[..head_end].split_inclusive(|byte| *byte == b'\n') {
        let continues = line.first().is_some_and(u8::is_ascii_whitespace);
        if !continues {
            let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
            skipping = ["message-id", "date", "bcc"]
                .iter()
                .any(|ours| name.eq_ignore_ascii_case(ours.as_bytes()));
        }
        if !skipping {
            stamped.extend_from_slice(line);
        }
    }
    stamped.extend_from_slice(&source[head_end..]);
    stamped
}

#[cfg(test)]
mod tests {
    use super::super::submission::Account;
    use super::*;

    fn submission(content: &serde_json::Value) -> Submission {
        let body = serde_json::json!({
            "FromEmailAddress": "=?utf-8?q?J=C3=B6rg?= <jo@example.com>",
            "Destination": {"ToAddresses": ["ada@example.org", "bo@example.org"], "BccAddresses": ["hidden@example.org"]},
            "ReplyToAddresses": ["help@example.com"],
            "Content": content,
        });
        Submission::read(body.to_string().as_bytes(), &Account::default()).unwrap()
    }

    fn simple(subject: &str, text: &str, html: &str) -> Submission {
        submission(&serde_json::json!({"Simple": {
            "Subject": {"Data": subject, "Charset": "UTF-8"},
            "Body": {"Text": {"Data": text, "Charset": "UTF-8"}, "Html": {"Data": html, "Charset": "UTF-8"}},
            "Headers": [{"Name": "List-Unsubscribe", "Value": format!("<https://example.com/u/{}>, <mailto:u@example.com>", "t".repeat(200))}],
        }}))
    }

    #[test]
    fn what_is_rendered_reads_back_the_same() {
        let subject = "Ihr Leitfaden für Größeres – ein ziemlich langer Betreff, der gefaltet werden muss, und 🚀";
        let (text, html) = (
            "Grüße\r\n\r\nzweite Zeile.",
            "<p class=\"x\">Gr&uuml;&szlig;e =20 ü</p>",
        );
        let source = render(&simple(subject, text, html), "id-1", 1_700_000_000_000).unwrap();
        assert!(
            source.is_ascii(),
            "SES sends seven-bit headers and encoded bodies"
        );

        let parts = read(&source);
        assert_eq!(parts.subject, subject);
        assert_eq!(parts.text, text);
        assert_eq!(parts.html, html);
        let header = |name: &str| {
            parts
                .headers
                .iter()
                .find(|(given, _)| given == name)
                .map(|(_, value)| value.clone())
        };
        assert_eq!(header("Message-ID").unwrap(), "<id-1@email.amazonses.com>");
        assert_eq!(header("Date").unwrap(), "Tue, 14 Nov 2023 22:13:20 +0000");
        assert_eq!(header("To").unwrap(), "ada@example.org, bo@example.org");
        assert_eq!(header("Reply-To").unwrap(), "help@example.com");
        assert_eq!(header("Bcc"), None);
        assert_eq!(
            header("List-Unsubscribe").unwrap(),
            format!(
                "<https://example.com/u/{}>, <mailto:u@example.com>",
                "t".repeat(200)
            )
        );
        assert_eq!(decoded(&header("From").unwrap()), "Jörg <jo@example.com>");
    }

    #[test]
    fn the_same_mail_renders_to_the_same_bytes() {
        let mail = simple("s", "t", "<p>h</p>");
        assert_eq!(
            render(&mail, "id", 0).unwrap(),
            render(&mail, "id", 0).unwrap()
        );
    }

    #[test]
    fn a_mail_with_one_part_is_not_multipart() {
        let source = render(&simple("s", "only text", ""), "id", 0).unwrap();
        let parts = read(&source);
        assert_eq!(
            (parts.text.as_str(), parts.html.as_str()),
            ("only text", "")
        );
        assert!(!String::from_utf8(source).unwrap().contains("multipart"));
    }

    #[test]
    fn a_raw_message_gets_a_new_id_and_date_and_loses_its_bcc() {
        use base64::Engine as _;
        let source = "Date: long ago\r\nFrom: jo@example.com\r\nBcc: hidden@example.org,\r\n also@example.org\r\nMessage-ID: <own@example.com>\r\nSubject: s\r\n\r\nBcc: stays in the body";
        let data = base64::engine::general_purpose::STANDARD.encode(source);
        let mail = submission(&serde_json::json!({"Raw": {"Data": data}}));
        let sent = String::from_utf8(render(&mail, "id-2", 0).unwrap()).unwrap();
        assert_eq!(
            sent,
            "Message-ID: <id-2@email.amazonses.com>\r\nDate: Thu, 1 Jan 1970 00:00:00 +0000\r\nFrom: jo@example.com\r\nSubject: s\r\n\r\nBcc: stays in the body"
        );
    }
}
