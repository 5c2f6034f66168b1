//! What SES says about a mail after it took it: the JSON of event publishing, field by field as its documentation shows it.
//!
//! Pure. Must not know how an event travels (topic, queue) or what `feedback` does with it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Mail;

/// SES cuts the list of headers in an event when it gets longer than this, in bytes.
const MAX_EVENT_HEADERS: usize = 10 * 1024;
const OUR_MTA: &str = "a8-70.smtp-out.amazonses.com";

/// Something that happens to a mail after SES accepted it. These are the names that `POST /local/ses` takes as `event`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Happening {
    /// SES took it on.
    Send,
    /// The receiving server took it.
    Delivery,
    /// A hard bounce: the address does not exist.
    Bounce,
    /// A soft bounce: the mailbox is full.
    BounceTransient,
    /// A bounce that SES cannot classify.
    BounceUndetermined,
    /// A hard bounce that SES made up because the address is on its suppression list.
    BounceSuppressed,
    /// The reader pressed "this is spam".
    Complaint,
    /// The reader took a mail out of the spam folder.
    ComplaintNotSpam,
    /// SES found a virus and did not send.
    Reject,
    /// The receiving server asked to come back later.
    DeliveryDelay,
    /// A template could not be filled in.
    RenderingFailure,
}

impl Happening {
    /// The event's name in SES's own spelling (one has a space in it).
    pub fn event_type(self) -> &'static str {
        match self {
            Self::Send => "Send",
            Self::Delivery => "Delivery",
            Self::Bounce
            | Self::BounceTransient
            | Self::BounceUndetermined
            | Self::BounceSuppressed => "Bounce",
            Self::Complaint | Self::ComplaintNotSpam => "Complaint",
            Self::Reject => "Reject",
            Self::DeliveryDelay => "DeliveryDelay",
            Self::RenderingFailure => "Rendering Failure",
        }
    }
}

/// The addresses of the mailbox simulator, which play their own outcome, as in the cloud. A label after `+` is allowed.
///
/// Source: SES developer guide, "Using the mailbox simulator manually".
pub(super) fn outcome_of(recipient: &str) -> &'static [Happening] {
    let simulated = recipient
        .to_ascii_lowercase()
        .strip_suffix("@simulator.amazonses.com")
        .map(|local| local.split('+').next().unwrap_or_default().to_owned());
    match simulated.as_deref() {
        Some("bounce") => &[Happening::Bounce],
        Some("complaint") => &[Happening::Delivery, Happening::Complaint],
        Some("suppressionlist") => &[Happening::BounceSuppressed],
        _ => &[Happening::Delivery],
    }
}

/// One event about `mail`, for `recipients` out of its destination.
///
/// `at` is RFC 3339 with milliseconds; `nth` counts the events of this mail and makes feedback ids differ.
pub(super) fn event(
    mail: &Mail,
    happening: Happening,
    recipients: &[String],
    at: &str,
    nth: u64,
) -> Value {
    let stem = mail.id.strip_suffix("-000000").unwrap_or(&mail.id);
    let detail = Detail {
        recipients,
        at,
        feedback_id: format!("{stem}-{:06}", nth + 1),
    };
    let (key, detail) = match happening {
        Happening::Send => ("send", json!({})),
        Happening::Delivery => ("delivery", detail.delivery()),
        Happening::Bounce
        | Happening::BounceTransient
        | Happening::BounceUndetermined
        | Happening::BounceSuppressed => ("bounce", detail.bounce(happening)),
        Happening::Complaint => ("complaint", detail.complaint("abuse")),
        Happening::ComplaintNotSpam => ("complaint", detail.complaint("not-spam")),
        Happening::Reject => ("reject", json!({"reason": "Bad content"})),
        Happening::DeliveryDelay => ("deliveryDelay", detail.delay()),
        Happening::RenderingFailure => (
            "failure",
            json!({"errorMessage": "Attribute 'name' is not present in the rendering data.", "templateName": "none"}),
        ),
    };

    let mut event =
        json!({"eventType": happening.event_type(), "mail": mail_object(mail, happening)});
    event[key] = detail;
    event
}

/// The part of an event that is about its kind.
struct Detail<'a> {
    recipients: &'a [String],
    at: &'a str,
    feedback_id: String,
}

impl Detail<'_> {
    fn each(&self, extra: &Value) -> Vec<Value> {
        let with_address = |address: &String| {
            let mut recipient = extra.clone();
            recipient["emailAddress"] = json!(address);
            recipient
        };
        self.recipients.iter().map(with_address).collect()
    }

    fn delivery(&self) -> Value {
        json!({
            "timestamp": self.at,
            "processingTimeMillis": 0,
            "recipients": self.recipients,
            "smtpResponse": "250 2.6.0 Message received",
            "reportingMTA": OUR_MTA,
        })
    }

    fn bounce(&self, happening: Happening) -> Value {
        let (kind, sub, status, diagnosis) = match happening {
            Happening::BounceTransient => (
                "Transient",
                "MailboxFull",
                "4.2.2",
                "smtp; 452 4.2.2 mailbox full",
            ),
            Happening::BounceUndetermined => (
                "Undetermined",
                "Undetermined",
                "5.0.0",
                "smtp; 554 delivery error",
            ),
            Happening::BounceSuppressed => (
                "Permanent",
                "OnAccountSuppressionList",
                "5.1.1",
                "Amazon SES did not send the message to this address because it is on the suppression list for your account.",
            ),
            _ => (
                "Permanent",
                "General",
                "5.1.1",
                "smtp; 550 5.1.1 user unknown",
            ),
        };
        json!({
            "bounceType": kind,
            "bounceSubType": sub,
            "bouncedRecipients": self.each(&json!({"action": "failed", "status": status, "diagnosticCode": diagnosis})),
            "timestamp": self.at,
            "feedbackId": self.feedback_id,
            "reportingMTA": format!("dsn; {OUR_MTA}"),
        })
    }

    fn complaint(&self, feedback_type: &str) -> Value {
        json!({
            "complainedRecipients": self.each(&json!({})),
            "timestamp": self.at,
            "feedbackId": self.feedback_id,
            "complaintSubType": null,
            "complaintFeedbackType": feedback_type,
            "userAgent": "Lodestone stand-in",
            "arrivalDate": self.at,
        })
    }

    fn delay(&self) -> Value {
        let why = json!({"status": "4.4.1", "diagnosticCode": "smtp; 421 4.4.1 unable to connect"});
        json!({
            "timestamp": self.at,
            "delayType": "TransientCommunicationFailure",
            "expirationTime": self.at,
            "delayedRecipients": self.each(&why),
        })
    }
}

fn mail_object(mail: &Mail, happening: Happening) -> Value {
    let destination: Vec<&String> = [&mail.to, &mail.cc, &mail.bcc]
        .into_iter()
        .flatten()
        .collect();
    let mut length = 0;
    let headers: Vec<Value> = mail
        .headers
        .iter()
        .take_while(|(name, value)| {
            length += name.len() + value.len();
            length <= MAX_EVENT_HEADERS
        })
        .map(|(name, value)| json!({"name": name, "value": value}))
        .collect();

    let mut common = json!({
        "from": [mail.from],
        "to": mail.to,
        "messageId": mail.id,
        "subject": mail.subject,
    });
    for (key, list) in [
        ("cc", &mail.cc),
        ("bcc", &mail.bcc),
        ("replyTo", &mail.reply_to),
    ] {
        if !list.is_empty() {
            common[key] = json!(list);
        }
    }

    let from_domain = mail
        .from
        .trim_end_matches('>')
        .rsplit_once('@')
        .map_or("", |(_, domain)| domain);
    let mut tags = json!({
        "ses:source-ip": ["127.0.0.1"],
        "ses:from-domain": [from_domain],
        "ses:caller-identity": ["local"],
    });
    if let Some(set) = &mail.configuration_set {
        tags["ses:configuration-set"] = json!([set]);
    }
    if matches!(happening, Happening::Delivery) {
        tags["ses:outgoing-ip"] = json!(["127.0.0.1"]);
    }
    for (name, value) in &mail.tags {
        tags[name] = json!([value]);
    }

    json!({
        "timestamp": mail.at,
        "source": mail.from,
        "sourceArn": format!("arn:aws:ses:local:000000000000:identity/{from_domain}"),
        "sendingAccountId": "000000000000",
        "messageId": mail.id,
        "destination": destination,
        "headersTruncated": headers.len() < mail.headers.len(),
        "headers": headers,
        "commonHeaders": common,
        "tags": tags,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail() -> Mail {
        Mail {
            id: "0100-abc-000000".to_owned(),
            at: "2026-01-02T03:04:05.678Z".to_owned(),
            from: "Lodestone <hello@example.com>".to_owned(),
            to: vec!["ada@example.org".to_owned()],
            subject: "Your guide".to_owned(),
            headers: [("Subject".to_owned(), "Your guide".to_owned())].into(),
            tags: [("obx".to_owned(), "a_b".to_owned())].into(),
            configuration_set: Some("lodestone".to_owned()),
            ..Mail::default()
        }
    }

    fn play(happening: Happening) -> Value {
        let mail = mail();
        event(&mail, happening, &mail.to, "2026-01-02T03:04:06.000Z", 0)
    }

    #[test]
    fn a_send_event_carries_the_tags_as_lists_and_an_empty_detail() {
        let event = play(Happening::Send);
        assert_eq!(event["eventType"], "Send");
        assert_eq!(event["send"], json!({}));
        assert_eq!(event["mail"]["tags"]["obx"], json!(["a_b"]));
        assert_eq!(
            event["mail"]["tags"]["ses:configuration-set"],
            json!(["lodestone"])
        );
        assert_eq!(
            event["mail"]["tags"]["ses:from-domain"],
            json!(["example.com"])
        );
        assert_eq!(event["mail"]["messageId"], "0100-abc-000000");
        assert_eq!(event["mail"]["headersTruncated"], false);
        assert_eq!(event["mail"]["commonHeaders"]["subject"], "Your guide");
    }

    #[test]
    fn each_happening_has_exactly_its_own_detail() {
        for (happening, detail) in [
            (Happening::Send, "send"),
            (Happening::Delivery, "delivery"),
            (Happening::Bounce, "bounce"),
            (Happening::BounceTransient, "bounce"),
            (Happening::BounceUndetermined, "bounce"),
            (Happening::BounceSuppressed, "bounce"),
            (Happening::Complaint, "complaint"),
            (Happening::ComplaintNotSpam, "complaint"),
            (Happening::Reject, "reject"),
            (Happening::DeliveryDelay, "deliveryDelay"),
            (Happening::RenderingFailure, "failure"),
        ] {
            let event = play(happening);
            let mut keys: Vec<&String> = event
                .as_object()
                .into_iter()
                .flatten()
                .map(|(key, _)| key)
                .collect();
            keys.sort();
            let mut expected = vec!["eventType", "mail", detail];
            expected.sort_unstable();
            assert_eq!(keys, expected, "{happening:?}");
        }
        assert_eq!(
            play(Happening::RenderingFailure)["eventType"],
            "Rendering Failure"
        );
    }

    #[test]
    fn a_bounce_says_what_kind_it_is_and_of_whom() {
        let event = play(Happening::Bounce);
        assert_eq!(event["bounce"]["bounceType"], "Permanent");
        assert_eq!(
            event["bounce"]["bouncedRecipients"][0]["emailAddress"],
            "ada@example.org"
        );
        assert_eq!(
            play(Happening::BounceTransient)["bounce"]["bounceType"],
            "Transient"
        );
    }

    #[test]
    fn feedback_ids_differ_between_events_of_one_mail() {
        let mail = mail();
        let id = |nth| {
            event(&mail, Happening::Bounce, &mail.to, "t", nth)["bounce"]["feedbackId"].clone()
        };
        assert_ne!(id(0), id(1));
    }

    #[test]
    fn a_long_list_of_headers_is_cut() {
        let mut mail = mail();
        for n in 0..20 {
            mail.headers.insert(format!("X-{n}"), "v".repeat(800));
        }
        let event = event(&mail, Happening::Send, &mail.to, "t", 0);
        assert_eq!(event["mail"]["headersTruncated"], true);
    }

    #[test]
    fn simulator_addresses_play_their_own_outcome() {
        assert_eq!(outcome_of("ada@example.org"), [Happening::Delivery]);
        assert_eq!(
            outcome_of("Bounce+x@simulator.amazonses.com"),
            [Happening::Bounce]
        );
        assert_eq!(
            outcome_of("complaint@simulator.amazonses.com"),
            [Happening::Delivery, Happening::Complaint]
        );
        assert_eq!(
            outcome_of("suppressionlist@simulator.amazonses.com"),
            [Happening::BounceSuppressed]
        );
    }
}
