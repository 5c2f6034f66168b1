//! What SES says when it does not take a mail: the modelled errors of its v2 interface, their statuses and their shape on the wire.
//!
//! Must not know why a mail was refused (`submission.rs` decides that), nor anything of storage.

use axum::Json;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

/// The errors that SES v2 documents for `SendEmail`, and the two that any AWS service may answer.
///
/// Names and statuses are those of the SES v2 API reference; the names are also what `POST /local/ses/fault` takes as `error`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum RefusalKind {
    /// The account may not send at all.
    AccountSuspendedException,
    /// The request is malformed.
    BadRequestException,
    /// A quota of the account is used up.
    LimitExceededException,
    /// The custom MAIL FROM domain of the sender is not verified.
    MailFromDomainNotVerifiedException,
    /// The content or the sender is not acceptable.
    MessageRejected,
    /// A thing named in the request, such as the configuration set, does not exist.
    NotFoundException,
    /// Sending is paused for the account or the configuration set.
    SendingPausedException,
    /// Over the sending rate or the daily quota.
    TooManyRequestsException,
    /// Unsigned request.
    MissingAuthenticationToken,
    /// A fault inside the service; not a statement about the mail.
    InternalFailure,
}

impl RefusalKind {
    fn code(self) -> &'static str {
        match self {
            Self::AccountSuspendedException => "AccountSuspendedException",
            Self::BadRequestException => "BadRequestException",
            Self::LimitExceededException => "LimitExceededException",
            Self::MailFromDomainNotVerifiedException => "MailFromDomainNotVerifiedException",
            Self::MessageRejected => "MessageRejected",
            Self::NotFoundException => "NotFoundException",
            Self::SendingPausedException => "SendingPausedException",
            Self::TooManyRequestsException => "TooManyRequestsException",
            Self::MissingAuthenticationToken => "MissingAuthenticationToken",
            Self::InternalFailure => "InternalFailure",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::AccountSuspendedException
            | Self::BadRequestException
            | Self::LimitExceededException
            | Self::MailFromDomainNotVerifiedException
            | Self::MessageRejected
            | Self::SendingPausedException => StatusCode::BAD_REQUEST,
            Self::NotFoundException => StatusCode::NOT_FOUND,
            Self::TooManyRequestsException => StatusCode::TOO_MANY_REQUESTS,
            Self::MissingAuthenticationToken => StatusCode::FORBIDDEN,
            Self::InternalFailure => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// One refusal: the modelled error and the sentence that goes with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Which of the modelled errors.
    pub kind: RefusalKind,
    /// The text for the caller's log.
    pub message: String,
}

impl Refusal {
    /// A refusal of this kind with this text.
    pub fn new(kind: RefusalKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }

    /// The commonest one: the request itself is malformed.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(RefusalKind::BadRequestException, message)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = Json(json!({ "message": self.message }));
        let mut response = (self.kind.status(), body).into_response();
        // The SDKs read the modelled error from this header, not from the body.
        response.headers_mut().insert(
            "x-amzn-errortype",
            HeaderValue::from_static(self.kind.code()),
        );
        response
    }
}
