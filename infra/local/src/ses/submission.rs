//! One `SendEmail` request, read and judged as SES does.
//!
//! What comes in is the JSON of the v2 interface; what goes out is a [`Submission`] that SES would accept, or the [`Refusal`] it would
//! answer. A field that this stand-in does not know is refused rather than dropped, so nothing that is sent can vanish unseen.
//! Must not know of storage, time, events, or faults.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;

use super::address::Mailbox;
use super::refusal::{Refusal, RefusalKind};

/// SES v2's limit for a message with everything in it, in bytes.
pub(super) const MAX_MESSAGE_BYTES: usize = 40 * 1024 * 1024;
const MAX_RECIPIENTS: usize = 50;
const MAX_HEADERS: usize = 15;
const MAX_HEADER_NAME: usize = 126;
const MAX_HEADER_VALUE: usize = 870;
const MAX_TAG: usize = 256;

/// Headers that SES writes from other fields of the request; giving them again would make two of them.
const FIELDS_OF_THEIR_OWN: [&str; 11] = [
    "from",
    "to",
    "cc",
    "bcc",
    "subject",
    "reply-to",
    "return-path",
    "sender",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
];
/// Headers that SES overwrites without a word.
const OVERWRITTEN: [&str; 2] = ["message-id", "date"];

/// What this account has verified and configured. Empty lists mean "anything".
#[derive(Debug, Clone, Default)]
pub struct Account {
    /// Verified sender identities: domains (`example.com`) or addresses (`sales@example.com`).
    pub verified: Vec<String>,
    /// Names of the configuration sets that exist.
    pub configuration_sets: Vec<String>,
}

/// A mail that SES would accept.
#[derive(Debug)]
pub(super) struct Submission {
    pub(super) from: Mailbox,
    pub(super) to: Vec<Mailbox>,
    pub(super) cc: Vec<Mailbox>,
    pub(super) bcc: Vec<Mailbox>,
    pub(super) reply_to: Vec<Mailbox>,
    pub(super) tags: Vec<(String, String)>,
    pub(super) configuration_set: Option<String>,
    pub(super) content: Content,
}

/// The two forms of content in use.
#[derive(Debug)]
pub(super) enum Content {
    Simple {
        subject: String,
        text: String,
        html: String,
        headers: Vec<(String, String)>,
    },
    Raw(Vec<u8>),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Wire {
    from_email_address: Option<String>,
    destination: Option<WireDestination>,
    #[serde(default)]
    reply_to_addresses: Vec<String>,
    content: Option<WireContent>,
    #[serde(default)]
    email_tags: Vec<WirePair>,
    configuration_set_name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireDestination {
    #[serde(default, rename = "ToAddresses")]
    to: Vec<String>,
    #[serde(default, rename = "CcAddresses")]
    cc: Vec<String>,
    #[serde(default, rename = "BccAddresses")]
    bcc: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct WireContent {
    simple: Option<WireSimple>,
    raw: Option<WireRaw>,
    template: Option<serde_json::Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct WireSimple {
    subject: WireText,
    body: WireBody,
    #[serde(default)]
    headers: Vec<WirePair>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct WireBody {
    text: Option<WireText>,
    html: Option<WireText>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct WireText {
    data: String,
    charset: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct WireRaw {
    data: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct WirePair {
    name: String,
    value: String,
}

impl Submission {
    /// Reads and judges the body of a request.
    pub(super) fn read(body: &[u8], account: &Account) -> Result<Self, Refusal> {
        let wire: Wire = serde_json::from_slice(body)
            .map_err(|error| Refusal::bad_request(format!("Unable to parse request: {error}")))?;
        let content = read_content(wire.content)?;
        let parsed = match &content {
            Content::Raw(message) => Some(super::mime::parse_envelope(message)?),
            Content::Simple { .. } => None,
        };

        let from = wire
            .from_email_address
            .or_else(|| parsed.as_ref().and_then(|envelope| envelope.from.clone()))
            .ok_or_else(|| Refusal::bad_request("Missing required field: FromEmailAddress"))?;
        let from = Mailbox::parse(&from)?;

        // Without a destination, SES takes the recipients of a raw message from its headers.
        let destination = match (wire.destination, parsed) {
            (Some(destination), _) => destination,
            (None, Some(envelope)) => WireDestination {
                to: envelope.to,
                cc: envelope.cc,
                bcc: envelope.bcc,
            },
            (None, None) => WireDestination::default(),
        };
        let submission = Self {
            from,
            to: mailboxes(&destination.to)?,
            cc: mailboxes(&destination.cc)?,
            bcc: mailboxes(&destination.bcc)?,
            reply_to: mailboxes(&wire.reply_to_addresses)?,
            tags: read_tags(wire.email_tags)?,
            configuration_set: wire.configuration_set_name,
            content,
        };
        submission.judge(account)?;
        Ok(submission)
    }

    /// Every recipient's bare address: To, Cc, Bcc.
    pub(super) fn recipients(&self) -> impl Iterator<Item = &str> {
        [&self.to, &self.cc, &self.bcc]
            .into_iter()
            .flatten()
            .map(|mailbox| mailbox.address.as_str())
    }

    fn judge(&self, account: &Account) -> Result<(), Refusal> {
        let count = self.recipients().count();
        if count == 0 {
            return Err(Refusal::bad_request("No recipients specified"));
        }
        if count > MAX_RECIPIENTS {
            return Err(Refusal::bad_request(format!(
                "Recipient count exceeds {MAX_RECIPIENTS}"
            )));
        }
        if let Some(name) = &self.configuration_set
            && !account.configuration_sets.is_empty()
            && !account.configuration_sets.contains(name)
        {
            return Err(Refusal::new(
                RefusalKind::NotFoundException,
                format!("Configuration set <{name}> does not exist."),
            ));
        }
        if !account.verified.is_empty()
            && !account
                .verified
                .iter()
                .any(|identity| self.from.is_covered_by(identity))
        {
            return Err(Refusal::new(
                RefusalKind::MessageRejected,
                format!(
                    "Email address is not verified. The following identities failed the check in region LOCAL: {}",
                    self.from.given
                ),
            ));
        }
        Ok(())
    }
}

fn mailboxes(given: &[String]) -> Result<Vec<Mailbox>, Refusal> {
    given.iter().map(|one| Mailbox::parse(one)).collect()
}

fn read_content(content: Option<WireContent>) -> Result<Content, Refusal> {
    let missing = || Refusal::bad_request("Content must have exactly one of Simple, Raw, Template");
    let content = content.ok_or_else(missing)?;
    match (content.simple, content.raw, content.template) {
        (Some(simple), None, None) => read_simple(simple),
        (None, Some(raw), None) => BASE64
            .decode(raw.data)
            .map(Content::Raw)
            .map_err(|_| Refusal::bad_request("Raw data is not base64")),
        // No template was ever stored here, so SES would not find it either.
        (None, None, Some(_)) => Err(Refusal::new(
            RefusalKind::NotFoundException,
            "Template does not exist",
        )),
        _ => Err(missing()),
    }
}

fn read_simple(simple: WireSimple) -> Result<Content, Refusal> {
    let subject = read_text(simple.subject)?;
    if subject.chars().any(char::is_control) {
        return Err(Refusal::bad_request("Subject contains control characters"));
    }
    let text = simple.body.text.map(read_text).transpose()?;
    let html = simple.body.html.map(read_text).transpose()?;
    if text.is_none() && html.is_none() {
        return Err(Refusal::bad_request("Body must have Text or Html"));
    }
    Ok(Content::Simple {
        subject,
        text: text.unwrap_or_default(),
        html: html.unwrap_or_default(),
        headers: read_headers(simple.headers)?,
    })
}

/// JSON text is Unicode already; SES then encodes it in the charset named. Anything but UTF-8 (or plain ASCII) would lose characters.
fn read_text(text: WireText) -> Result<String, Refusal> {
    let charset = text.charset.as_deref().unwrap_or("us-ascii");
    let fits = if charset.eq_ignore_ascii_case("utf-8") {
        true
    } else if charset.eq_ignore_ascii_case("us-ascii") {
        text.data.is_ascii()
    } else {
        false
    };
    if fits {
        Ok(text.data)
    } else {
        Err(Refusal::bad_request(format!(
            "Content cannot be encoded as {charset}"
        )))
    }
}

fn read_headers(given: Vec<WirePair>) -> Result<Vec<(String, String)>, Refusal> {
    if given.len() > MAX_HEADERS {
        return Err(Refusal::bad_request(format!(
            "More than {MAX_HEADERS} headers"
        )));
    }
    let mut headers: Vec<(String, String)> = Vec::with_capacity(given.len());
    for WirePair { name, value } in given {
        let name_holds = (1..=MAX_HEADER_NAME).contains(&name.len())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && byte != b':');
        if !name_holds {
            return Err(Refusal::bad_request(format!("Invalid header name: {name}")));
        }
        let value_holds = (1..=MAX_HEADER_VALUE).contains(&value.len())
            && value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if !value_holds {
            return Err(Refusal::bad_request(format!(
                "Invalid value of header {name}"
            )));
        }
        let lower = name.to_ascii_lowercase();
        if FIELDS_OF_THEIR_OWN.contains(&lower.as_str()) {
            return Err(Refusal::bad_request(format!(
                "Header {name} cannot be set here"
            )));
        }
        let repeated = headers
            .iter()
            .any(|(earlier, _)| earlier.eq_ignore_ascii_case(&name));
        if repeated {
            return Err(Refusal::bad_request(format!("Duplicate header {name}")));
        }
        if !OVERWRITTEN.contains(&lower.as_str()) {
            headers.push((name, value));
        }
    }
    Ok(headers)
}

fn read_tags(given: Vec<WirePair>) -> Result<Vec<(String, String)>, Refusal> {
    let holds = |text: &str| {
        (1..=MAX_TAG).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_.@-".contains(&byte))
    };
    let mut tags: Vec<(String, String)> = Vec::with_capacity(given.len());
    for WirePair { name, value } in given {
        if !holds(&name) {
            return Err(Refusal::bad_request(format!("Invalid tag name <{name}>")));
        }
        if !holds(&value) {
            return Err(Refusal::bad_request(format!(
                "Invalid value of tag <{name}>"
            )));
        }
        if tags.iter().any(|(earlier, _)| *earlier == name) {
            return Err(Refusal::bad_request(format!("Duplicate tag <{name}>")));
        }
        tags.push((name, value));
    }
    Ok(tags)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn plain() -> Value {
        json!({
            "FromEmailAddress": "Lodestone <hello@example.com>",
            "Destination": {"ToAddresses": ["ada@example.org"]},
            "Content": {"Simple": {
                "Subject": {"Data": "Your guide", "Charset": "UTF-8"},
                "Body": {"Text": {"Data": "Hello"}, "Html": {"Data": "<p>Grüße</p>", "Charset": "UTF-8"}},
                "Headers": [{"Name": "List-Unsubscribe", "Value": "<https://example.com/u/1>"}],
            }},
            "EmailTags": [{"Name": "obx", "Value": "a_b"}],
            "ConfigurationSetName": "lodestone",
        })
    }

    fn read(body: &Value) -> Result<Submission, Refusal> {
        let account = Account {
            verified: vec!["example.com".to_owned()],
            configuration_sets: vec!["lodestone".to_owned()],
        };
        Submission::read(body.to_string().as_bytes(), &account)
    }

    /// The plain request with one place set to another value.
    fn with(pointer: &str, value: Value) -> Value {
        let mut body = plain();
        match body.pointer_mut(pointer) {
            Some(place) => *place = value,
            None => body[pointer.trim_start_matches('/')] = value,
        }
        body
    }

    fn refused(body: &Value) -> (RefusalKind, String) {
        let refusal = read(body).err().unwrap();
        (refusal.kind, refusal.message)
    }

    #[test]
    fn a_plain_mail_is_accepted_with_everything_in_it() {
        let mail = read(&plain()).unwrap();
        assert_eq!(mail.from.address, "hello@example.com");
        assert_eq!(mail.recipients().collect::<Vec<_>>(), ["ada@example.org"]);
        assert_eq!(mail.tags, [("obx".to_owned(), "a_b".to_owned())]);
        assert!(matches!(mail.content, Content::Simple { ref html, .. } if html == "<p>Grüße</p>"));
    }

    #[test]
    fn an_unverified_sender_is_rejected_as_ses_words_it() {
        let (kind, message) = refused(&with("/FromEmailAddress", json!("x@elsewhere.org")));
        assert_eq!(kind, RefusalKind::MessageRejected);
        assert!(
            message.starts_with("Email address is not verified."),
            "{message}"
        );
    }

    #[test]
    fn an_unknown_configuration_set_is_not_found() {
        let (kind, _) = refused(&with("/ConfigurationSetName", json!("other")));
        assert_eq!(kind, RefusalKind::NotFoundException);
    }

    #[test]
    fn none_and_more_than_fifty_recipients_are_refused_and_fifty_are_not() {
        let many = |count: usize| {
            let all: Vec<_> = (0..count).map(|n| format!("a{n}@example.org")).collect();
            with("/Destination/ToAddresses", json!(all))
        };
        assert!(read(&many(50)).is_ok());
        assert_eq!(refused(&many(51)).0, RefusalKind::BadRequestException);
        assert_eq!(refused(&many(0)).0, RefusalKind::BadRequestException);
    }

    #[test]
    fn headers_keep_to_what_ses_documents() {
        let header = |name: &str, value: &str| {
            with(
                "/Content/Simple/Headers",
                json!([{"Name": name, "Value": value}]),
            )
        };
        assert!(read(&header("X-Long", &"v".repeat(870))).is_ok());
        for (name, value) in [
            ("", "v"),
            ("X Y", "v"),
            ("X:Y", "v"),
            ("X-É", "v"),
            ("X-Empty", ""),
            ("X-Long", &"v".repeat(871) as &str),
            ("X-Break", "a\r\nBcc: b@example.org"),
            ("X-Wide", "ü"),
            ("To", "b@example.org"),
        ] {
            assert!(read(&header(name, value)).is_err(), "{name}: {value}");
        }
        assert!(read(&header(&"n".repeat(127), "v")).is_err());
    }

    #[test]
    fn a_header_given_twice_is_refused_and_a_message_id_is_dropped() {
        let pair = |name: &str| json!({"Name": name, "Value": "v"});
        let twice = json!([pair("List-Unsubscribe"), pair("list-unsubscribe")]);
        assert!(read(&with("/Content/Simple/Headers", twice)).is_err());

        let own_id = json!([pair("Message-ID"), pair("Date"), pair("X-Kept")]);
        let mail = read(&with("/Content/Simple/Headers", own_id)).unwrap();
        let Content::Simple { headers, .. } = mail.content else {
            panic!("simple content expected");
        };
        assert_eq!(headers, [("X-Kept".to_owned(), "v".to_owned())]);
    }

    #[test]
    fn tags_keep_to_their_alphabet_and_are_not_repeated() {
        let tags = |pairs: &[(&str, &str)]| {
            let pairs: Vec<_> = pairs
                .iter()
                .map(|(name, value)| json!({"Name": name, "Value": value}))
                .collect();
            with("/EmailTags", json!(pairs))
        };
        assert!(read(&tags(&[("a.b@c-d_e", "1")])).is_ok());
        assert!(read(&tags(&[("obx", "a b")])).is_err());
        assert!(read(&tags(&[("ses:x", "1")])).is_err());
        assert!(read(&tags(&[("obx", "")])).is_err());
        assert!(read(&tags(&[("obx", &"v".repeat(257))])).is_err());
        assert!(read(&tags(&[("obx", "1"), ("obx", "2")])).is_err());
    }

    #[test]
    fn text_that_does_not_fit_its_charset_is_refused() {
        let html = with("/Content/Simple/Body/Html", json!({"Data": "Grüße"}));
        assert!(read(&html).is_err());
        let latin = json!({"Data": "x", "Charset": "ISO-8859-1"});
        assert!(read(&with("/Content/Simple/Body/Text", latin)).is_err());
    }

    #[test]
    fn an_unknown_field_is_refused_rather_than_dropped() {
        assert!(read(&with("/ListManagementOptions", json!({}))).is_err());
    }

    #[test]
    fn a_raw_message_brings_its_own_sender_and_recipients() {
        let message = "From: hello@example.com\r\nTo: Ada <ada@example.org>\r\nCc: b@example.org\r\nSubject: x\r\n\r\nHello";
        let body = json!({"Content": {"Raw": {"Data": BASE64.encode(message)}}});
        let mail = read(&body).unwrap();
        assert_eq!(mail.from.address, "hello@example.com");
        assert_eq!(
            mail.recipients().collect::<Vec<_>>(),
            ["ada@example.org", "b@example.org"]
        );
    }

    #[test]
    fn content_must_be_of_exactly_one_kind() {
        assert!(read(&with("/Content", json!({}))).is_err());
        assert!(read(&with("/Content/Simple/Body", json!({}))).is_err());
        let template = json!({"Template": {"TemplateName": "t"}});
        assert_eq!(
            refused(&with("/Content", template)).0,
            RefusalKind::NotFoundException
        );
    }
}
