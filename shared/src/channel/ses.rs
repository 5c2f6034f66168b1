//! Mail by SES v2: one request for one send, and what its answer means.
//!
//! A modelled error that arrives is a definite refusal: SES says so and sends nothing. No answer, or a server error, leaves it open. SES
//! has no idempotency key, so the client never retries by itself; an open send is settled by the event that carries our tags.

use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::error::{BuildError, ProvideErrorMetadata, SdkError};
use aws_sdk_sesv2::operation::send_email::builders::SendEmailFluentBuilder;
use aws_sdk_sesv2::types::{
    Body, Content, Destination, EmailContent, Message, MessageHeader, MessageTag,
};

use aws_smithy_runtime_api::client::result::ConnectorError;

use super::mail::Mail;
use crate::domain::outbox::{OutboxItem, Outcome};
use crate::domain::sending::CLOSED_MS;
use crate::domain::time::MINUTE_MS;

/// Sends mail with one configuration set from one address.
#[derive(Clone, Debug)]
pub struct Ses {
    client: Client,
    configuration_set: String,
}

impl Ses {
    /// Sends through `client`.
    pub const fn new(client: Client, configuration_set: String) -> Self {
        Self {
            client,
            configuration_set,
        }
    }

    /// Sends `mail` for `item`, once.
    pub async fn send(&self, item: &OutboxItem, mail: &Mail) -> Outcome {
        let request = self.request(item, mail);
        let request = match request {
            Ok(request) => request,
            Err(error) => {
                return Outcome::RefusedForGood(format!("mail could not be built: {error}"));
            }
        };
        match request.send().await {
            Ok(output) => Outcome::Accepted(output.message_id.unwrap_or_default()),
            Err(error) => sort(&error),
        }
    }

    fn request(
        &self,
        item: &OutboxItem,
        mail: &Mail,
    ) -> Result<SendEmailFluentBuilder, BuildError> {
        let content = |text: &str| Content::builder().data(text).charset("UTF-8").build();
        let body = Body::builder()
            .text(content(&mail.text)?)
            .html(content(&mail.html)?)
            .build();
        let mut message = Message::builder()
            .subject(content(&mail.subject)?)
            .body(body);
        for (name, value) in &mail.headers {
            message = message.headers(MessageHeader::builder().name(name).value(value).build()?);
        }
        let mut request = self
            .client
            .send_email()
            .configuration_set_name(&self.configuration_set)
            .from_email_address(&mail.from)
            .destination(
                Destination::builder()
                    .to_addresses(mail.to.expose())
                    .build(),
            )
            .content(EmailContent::builder().simple(message.build()).build());
        if let Some(reply_to) = &mail.reply_to {
            request = request.reply_to_addresses(reply_to);
        }
        for (name, value) in tags(item) {
            request = request.email_tags(MessageTag::builder().name(name).value(value).build()?);
        }
        Ok(request)
    }
}

/// What events carry back: which item, which attempt, what kind, which form. Letters, digits, `_` and `-` only; nothing personal.
fn tags(item: &OutboxItem) -> [(&'static str, String); 4] {
    [
        ("obx", format!("{}_{}", item.lead_id, item.id)),
        ("att", item.attempt.to_string()),
        ("kind", item.kind.name().to_owned()),
        (
            "form",
            item.order
                .form
                .clone()
                .unwrap_or_else(|| String::from("none")),
        ),
    ]
}

/// What a failed send means.
fn sort<E: ProvideErrorMetadata>(error: &SdkError<E>) -> Outcome {
    match error {
        SdkError::ConstructionFailure(_) => {
            Outcome::RefusedForGood("request could not be built".into())
        }
        SdkError::DispatchFailure(failure) if failure.is_user() => {
            Outcome::RefusedForGood("request could not be made".into())
        }
        // "Connection refused" and the like: nothing was written.
        SdkError::DispatchFailure(failure)
            if failure.as_connector_error().is_some_and(never_connected) =>
        {
            Outcome::RefusedForNow("not connected".into())
        }
        SdkError::DispatchFailure(_) => Outcome::Unknown("connection lost".into()),
        SdkError::TimeoutError(_) => Outcome::Unknown("no answer in time".into()),
        SdkError::ResponseError(_) => Outcome::Unknown("unreadable answer".into()),
        SdkError::ServiceError(service) => {
            let status = service.raw().status().as_u16();
            let code = service.err().code().unwrap_or("no code").to_owned();
            // The quota of a day is given back over the day, not in seconds: asking again soon only uses up attempts.
            if status < 500 && service.err().message().is_some_and(is_quota) {
                return Outcome::Later {
                    reason: "the quota of the day is used up".into(),
                    wait_ms: QUOTA_WAIT_MS,
                };
            }
            match (status, code.as_str()) {
                (500.., _) => Outcome::Unknown(format!("server error {status}")),
                (429, _)
                | (
                    _,
                    "TooManyRequestsException" | "LimitExceededException" | "ThrottlingException",
                ) => Outcome::RefusedForNow(code),
                // Somebody paused sending for the account or the configuration set: they will take it up again, however long it takes.
                (_, "SendingPausedException") => Outcome::Later {
                    reason: "sending is paused at the mail service".into(),
                    wait_ms: CLOSED_MS,
                },
                _ => Outcome::RefusedForGood(code),
            }
        }
        _ => Outcome::Unknown("unknown failure".into()),
    }
}

/// How long a mail is parked when the quota of the day is used up.
const QUOTA_WAIT_MS: i64 = 60 * MINUTE_MS;

/// Whether the service says that the quota of the day is used up: the code is the same as for sending too fast.
fn is_quota(message: &str) -> bool {
    message
        .to_ascii_lowercase()
        .contains("daily message quota exceeded")
}

/// Whether the connection was never established, by the operating system's word: only then is it sure that nothing was sent.
fn never_connected(failure: &ConnectorError) -> bool {
    use std::io::ErrorKind::{
        AddrNotAvailable, ConnectionRefused, HostUnreachable, NetworkUnreachable,
    };
    let kind = std::error::Error::source(failure)
        .and_then(find_io)
        .map(std::io::Error::kind);
    matches!(
        kind,
        Some(ConnectionRefused | AddrNotAvailable | HostUnreachable | NetworkUnreachable)
    )
}

fn find_io<'e>(error: &'e (dyn std::error::Error + 'static)) -> Option<&'e std::io::Error> {
    let mut current = Some(error);
    while let Some(error) = current {
        if let Some(io) = error.downcast_ref() {
            return Some(io);
        }
        current = error.source();
    }
    None
}
