//! A form as the marketer wrote it: its fields, its consents, what it leads to.
//!
//! These types hold a definition that has been checked (see `site`); checking an answer against it is in [`super::submission`].
//! To add a kind of field: a variant in [`FieldKind`], its check in `submission.rs` and its input in the hosted form; the compiler
//! names each place.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::elsewhere::Elsewhere;
use super::proof::ProofAsk;

/// A form that pages may post to.
#[expect(
    clippy::struct_excessive_bools,
    reason = "settings of a file, each on its own"
)]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Form {
    /// Name in the URL: `[a-z0-9-]`, at most 40 characters; also the stem of its file.
    pub id: String,
    /// Heading of the hosted form.
    pub title: String,
    /// A sentence under the heading, possibly empty.
    pub intro: String,
    /// Text of the submit button.
    pub button: String,
    /// BCP 47 language of its texts, such as `en` or `de`.
    pub language: String,
    /// Fields in display order; exactly one is of kind [`FieldKind::Email`].
    pub fields: Vec<Field>,
    /// Consents it asks for, in display order.
    pub consents: Vec<ConsentAsk>,
    /// Id of the magnet that is mailed after a submission.
    pub magnet: Option<String>,
    /// Ids of sales people who get a notice of each submission.
    pub notify: Vec<String>,
    /// Whether marketing needs a confirmation by click (double opt-in). On unless the file says otherwise.
    pub double_opt_in: bool,
    /// Days after which somebody who has not clicked yet is reminded, once; none = never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remind_after_days: Option<u8>,
    /// What a visitor reads after a submission that worked.
    pub success_message: String,
    /// Where a plain post goes after success: a path or an absolute URL; none = the built-in thank-you page.
    pub next: Option<String>,
    /// Exact origins (`https://www.example.com`) that may post from a script and be redirected to.
    pub allowed_origins: Vec<String>,
    /// Refuse a post whose `Origin` is not allowed, before any work.
    pub strict_origin: bool,
    /// Names of trap fields that people never fill in, besides the well-known ones.
    pub honeypots: Vec<String>,
    /// What happens to a field that the form does not declare.
    pub unknown_fields: UnknownFields,
    /// A proof of being human that posts must bring; without it they are set aside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<ProofAsk>,
    /// How long what it takes in is kept.
    #[serde(default, skip_serializing_if = "Retention::is_usual")]
    pub retention: Retention,
    /// Answers are kept apart: never scored, never mailed, never alerted.
    pub test_mode: bool,
    /// Places that a page may send its visitors to by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub redirects: BTreeMap<String, String>,
    /// Country (ISO 3166-1 alpha-2) of phone numbers that are typed without a country code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// Refuse addresses of services that give out throw-away mailboxes. Otherwise they are taken and flagged.
    #[serde(default, skip_serializing_if = "is_false")]
    pub refuse_disposable: bool,
    /// Mail domains that are on the list of such services and should not be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_disposable: Vec<String>,
    /// What it is called at the services its pages were made for.
    #[serde(default, skip_serializing_if = "Elsewhere::is_empty")]
    pub elsewhere: Elsewhere,
    /// SHA-256 of the definition, 16 hex digits: the version that consents and facts name.
    pub version: String,
}

impl Form {
    /// The field of kind e-mail. A checked form has exactly one.
    pub fn email_field(&self) -> Option<&Field> {
        self.fields
            .iter()
            .find(|f| matches!(f.kind, FieldKind::Email))
    }

    /// The declared field that pages post under that name: its own, or one of its aliases without regard to case.
    pub fn field_posted_as(&self, name: &str) -> Option<&Field> {
        self.field(name).or_else(|| {
            let is_alias = |f: &&Field| {
                f.aliases
                    .iter()
                    .any(|alias| alias.eq_ignore_ascii_case(name))
            };
            self.fields.iter().find(is_alias)
        })
    }

    /// The declared field of that name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|f| f.name == name)
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde calls"
)]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

/// How long what a form takes in is kept. A lead who came by several forms is kept as long as the longest of them says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// Days that a person has to click in the mail they asked for: 7 to 30.
    pub unconfirmed_days: u16,
    /// Months of 31 days after the last thing a person did, or sales did about them; none = for good.
    pub inactive_months: Option<u16>,
}

impl Retention {
    /// What holds where the file says nothing.
    pub const USUAL: Self = Self {
        unconfirmed_days: 7,
        inactive_months: None,
    };

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde asks with a reference"
    )]
    fn is_usual(&self) -> bool {
        *self == Self::USUAL
    }
}

impl Default for Retention {
    fn default() -> Self {
        Self::USUAL
    }
}

/// What happens to a field that the form does not declare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum UnknownFields {
    /// Kept under its own name, as text.
    #[default]
    Keep,
    /// Left out silently.
    Drop,
    /// An error of the submission.
    Reject,
}

/// One field of a form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// Name in the post and in the stored answers: `[a-z0-9_]`, at most 64 characters.
    pub name: String,
    /// Label a person reads.
    pub label: String,
    /// What an answer must be.
    pub kind: FieldKind,
    /// An empty answer is an error.
    pub required: bool,
    /// A sentence of help under the field.
    pub help: Option<String>,
    /// Shown instead of the built-in message when the answer is wrong.
    pub message: Option<String>,
    /// Shown instead of the built-in message when the answer is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub required_message: Option<String>,
    /// A pattern that the whole of a text answer must match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// Other names that pages post it under.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// HTML `autocomplete` value.
    pub autocomplete: Option<String>,
    /// Value that a hidden field starts with, or a preselected choice.
    pub value: Option<String>,
}

/// What an answer must be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FieldKind {
    /// An address that mail can be sent to.
    Email,
    /// One line of text, at most `max` characters.
    Text {
        /// Longest answer in characters.
        max: u16,
    },
    /// Several lines of text, at most `max` characters.
    LongText {
        /// Longest answer in characters.
        max: u16,
    },
    /// A telephone number; kept as E.164 where it can be, see [`super::phone`].
    Phone,
    /// A whole number within bounds, both included.
    Number {
        /// Smallest allowed.
        min: i64,
        /// Largest allowed.
        max: i64,
    },
    /// One of several choices.
    Choice {
        /// The allowed answers, in display order.
        options: Vec<Choice>,
    },
    /// Any of several choices.
    Choices {
        /// The allowed answers, in display order.
        options: Vec<Choice>,
    },
    /// Yes or no.
    Checkbox,
    /// A day, `YYYY-MM-DD`.
    Date,
    /// An absolute http or https URL.
    Url,
    /// An ISO 3166-1 alpha-2 country code.
    Country,
    /// Filled in by the page, not by a person.
    Hidden,
}

/// One choice of a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// What is posted and stored.
    pub value: String,
    /// What a person reads.
    pub label: String,
}

/// A consent that a form asks for. Boxes start unticked: the checker refuses a pre-ticked one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentAsk {
    /// What the person agrees to, `[a-z0-9-]`: `newsletter`, `product-news`.
    pub purpose: String,
    /// Name of the checkbox in the post.
    pub field: String,
    /// The exact wording shown.
    pub text: String,
    /// SHA-256 of `text`, hex: what consent records name.
    pub text_sha256: String,
    /// A submission without it is refused.
    pub required: bool,
}
