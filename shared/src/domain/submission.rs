//! Checking what was posted against a form: everything that is right, and everything that is wrong, at once.

mod names;
mod value;

use super::consent::{ConsentGiven, Decision};
use super::disposable::is_disposable;
use super::email::{EmailAddress, EmailError};
use super::form::{Field, FieldKind, Form, UnknownFields};
use super::mailbox;
use super::messages::{Fault, say};
use super::phone;
use super::pii::Pii;
use super::reserved::{Reserved, is_canonical, reserved, stored_name};
use super::source::Source;
use super::text::clean_lines;
use super::touchpoint::{Answer, Value};

use value::check_value;
pub use value::{is_ticked, whole_pattern};

/// Longest kept answer to a field that the form does not declare, in bytes.
const UNDECLARED_MAX: usize = 4096;

/// A post that was checked against its form.
#[derive(Clone, Debug, PartialEq)]
pub struct Submission {
    /// Who it is.
    pub email: EmailAddress,
    /// Answers in the order of the form, then undeclared ones in the order posted. Empty answers are left out.
    pub answers: Vec<Answer>,
    /// Answers as they were typed, where they are kept in another form.
    pub typed: Vec<Answer>,
    /// What is worth knowing about the answers, see [`super::mailbox`].
    pub flags: Vec<&'static str>,
    /// What was said to each consent asked for.
    pub consents: Vec<ConsentGiven>,
    /// Where the visitor came from.
    pub source: Source,
    /// Where the page wants the visitor to go after success, unchecked.
    pub next: Option<String>,
    /// The form's one-time nonce, unchecked.
    pub nonce: Option<String>,
}

/// What came of checking a post.
#[derive(Clone, Debug, PartialEq)]
pub enum Checked {
    /// All is well.
    Fine(Box<Submission>),
    /// A trap field was filled in: answer as if all were well, and keep nothing.
    Trapped {
        /// Where the page wants the visitor to go, unchecked: a robot is led there like everybody.
        next: Option<String>,
    },
    /// These problems, one for each field, in form order.
    Problems(Vec<Problem>),
}

/// One thing that is wrong with a post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The field, or none for the whole form.
    pub field: Option<String>,
    /// Machine-readable code, as form services name them.
    pub code: &'static str,
    /// What to do, for the visitor; reads after the field's label.
    pub message: String,
}

impl Problem {
    /// A problem of a field, in its own words where it has some.
    fn new(form: &Form, field: &Field, fault: Fault) -> Self {
        let own = match fault {
            Fault::Missing => field.required_message.as_ref().or(field.message.as_ref()),
            // These tell the visitor something that the form's own message does not.
            Fault::Email(EmailError::LocalNotAscii | EmailError::Invisible) | Fault::Disposable => {
                None
            }
            _ => field.message.as_ref(),
        };
        Self::of(form, &field.name, fault, own.map(String::as_str))
    }

    fn of(form: &Form, name: &str, fault: Fault, own: Option<&str>) -> Self {
        Self {
            field: Some(name.to_owned()),
            code: code(fault),
            message: own.map_or_else(|| say(fault, &form.language), str::to_owned),
        }
    }

    /// The address is one that no mail reaches.
    pub fn unreachable(form: &Form) -> Self {
        let name = form.email_field().map_or("email", |f| f.name.as_str());
        Self::of(form, name, Fault::Email(EmailError::Reserved), None)
    }
}

/// Codes as clients of form services know them.
const fn code(fault: Fault) -> &'static str {
    match fault {
        Fault::Missing | Fault::Unticked => "REQUIRED_FIELD_MISSING",
        Fault::Email(_) | Fault::Disposable => "TYPE_EMAIL",
        Fault::WholeNumber | Fault::Between(..) => "TYPE_NUMERIC",
        Fault::FarTooLong => "TOO_LONG",
        Fault::UnknownField => "UNKNOWN_FIELD",
        Fault::TooLong(_)
        | Fault::Phone
        | Fault::Choice
        | Fault::Date
        | Fault::WebPage
        | Fault::Country
        | Fault::Pattern => "TYPE_TEXT",
    }
}

/// What happens to answers that are wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Strictness {
    /// The post is refused, with all that is wrong: somebody is there to mend it.
    #[default]
    Refuse,
    /// They are kept as they came, and flagged: the sender is a service that cannot ask again. Only the address must be right.
    Keep,
}

/// Checks posted pairs (names as posted, in order) against `form`. `page_url` is the page the post came from, for attribution.
pub fn check(form: &Form, pairs: &[(String, String)], page_url: Option<&str>) -> Checked {
    check_with(form, pairs, page_url, Strictness::Refuse)
}

/// As [`check`], for senders of which not all can mend their post.
pub fn check_with(
    form: &Form,
    pairs: &[(String, String)],
    page_url: Option<&str>,
    strictness: Strictness,
) -> Checked {
    let mut posted: Posted<'_> = Vec::new();
    let mut next = None;
    let mut trapped = false;
    let mut nonce = None;
    let mut reply_to = None;
    let mut stated_page = None;
    for (name, value) in pairs {
        if name.trim().is_empty() {
            continue;
        }
        match reserved(form, name) {
            Some(Reserved::Honeypot) if !value.trim().is_empty() => trapped = true,
            Some(Reserved::Next) => next = Some(value.clone()).filter(|v| !v.is_empty()).or(next),
            Some(Reserved::Nonce) => nonce = Some(value.clone()).filter(|v| !v.is_empty()),
            Some(Reserved::PageUrl) => stated_page = Some(value.as_str()),
            Some(Reserved::ReplyTo) => reply_to = Some(value.as_str()),
            Some(Reserved::Honeypot | Reserved::ErrorNext | Reserved::Ignored) => {}
            None => {
                let stored = stored_name(form, name);
                match posted.iter_mut().find(|(n, _)| *n == stored) {
                    Some((_, values)) => values.push(value),
                    None => posted.push((stored, vec![value])),
                }
            }
        }
    }
    if trapped {
        return Checked::Trapped { next };
    }
    // Older templates have their address field under the name that says where replies go.
    let email_name = form.email_field().map_or("email", |f| f.name.as_str());
    if let Some(reply_to) = reply_to
        && !posted.iter().any(|(n, _)| n == email_name)
    {
        posted.push((email_name.to_owned(), vec![reply_to]));
    }
    let whole = names::bridge(form, &posted);
    posted.extend(whole.iter().map(|(n, v)| (n.clone(), vec![v.as_str()])));

    let source = Source::gather(
        pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())),
        stated_page.or(page_url),
    );
    let mut checking = Checking {
        form,
        posted: &posted,
        strictness,
        problems: Vec::new(),
        answers: Vec::new(),
        typed: Vec::new(),
        flags: Vec::new(),
    };
    let email = checking.fields();
    let consents = checking.consents();
    checking.undeclared();
    match email {
        Some(email) if checking.problems.is_empty() => {
            checking.flag_address(&email);
            Checked::Fine(Box::new(Submission {
                email,
                answers: checking.answers,
                typed: checking.typed,
                flags: checking.flags,
                consents,
                source,
                next,
                nonce,
            }))
        }
        None if checking.problems.is_empty() => {
            // A form whose address field is optional was posted without one: nobody could be reached.
            let problem = Problem::of(form, email_name, Fault::Missing, None);
            Checked::Problems(vec![problem])
        }
        Some(_) | None => Checked::Problems(checking.problems),
    }
}

/// Values by the name they are stored under, in the order posted.
type Posted<'a> = Vec<(String, Vec<&'a str>)>;

/// A check under way: what is right, and what is wrong.
struct Checking<'a> {
    form: &'a Form,
    posted: &'a Posted<'a>,
    strictness: Strictness,
    problems: Vec<Problem>,
    answers: Vec<Answer>,
    typed: Vec<Answer>,
    flags: Vec<&'static str>,
}

impl Checking<'_> {
    fn values_of(&self, name: &str) -> Option<&[&str]> {
        let found = self.posted.iter().find(|(n, _)| n == name);
        found.map(|(_, values)| values.as_slice())
    }

    /// Checks the declared fields, in form order; gives the address.
    fn fields(&mut self) -> Option<EmailAddress> {
        let mut email = None;
        for field in &self.form.fields {
            let values = self.values_of(&field.name);
            let is_there = values.is_some();
            let given: Vec<String> = values
                .unwrap_or_default()
                .iter()
                .filter(|v| !v.trim().is_empty())
                .map(|v| (*v).to_owned())
                .collect();
            let is_email = matches!(field.kind, FieldKind::Email);
            if given.is_empty() {
                if field.required && (is_email || self.strictness == Strictness::Refuse) {
                    let mut problem = Problem::new(self.form, field, Fault::Missing);
                    if is_there {
                        problem.code = "REQUIRED_FIELD_EMPTY";
                    }
                    self.problems.push(problem);
                }
                continue;
            }
            if is_email {
                email = self.email(field, &given[0]);
            } else {
                self.field(field, &given);
            }
        }
        email
    }

    fn email(&mut self, field: &Field, typed: &str) -> Option<EmailAddress> {
        let fault = match EmailAddress::parse(typed) {
            Ok(address) if self.form.refuse_disposable && self.is_disposable(&address) => {
                Fault::Disposable
            }
            Ok(address) => return Some(address),
            Err(error) => Fault::Email(error),
        };
        self.problems.push(Problem::new(self.form, field, fault));
        None
    }

    fn is_disposable(&self, address: &EmailAddress) -> bool {
        is_disposable(address.domain(), &self.form.not_disposable)
    }

    fn field(&mut self, field: &Field, given: &[String]) {
        match check_value(field, given, self.form.country.as_deref()) {
            Ok(value) => {
                if matches!(field.kind, FieldKind::Phone) {
                    self.note_phone(&field.name, &value, &given[0]);
                }
                self.push(&field.name, value);
            }
            Err(_) if self.strictness == Strictness::Keep => {
                self.flag(mailbox::UNCHECKED);
                let joined = given.join(", ");
                self.push(&field.name, Value::Text(Pii::new(clean_lines(&joined))));
            }
            Err(fault) => self.problems.push(Problem::new(self.form, field, fault)),
        }
    }

    fn push(&mut self, name: &str, value: Value) {
        let name = name.to_owned();
        self.answers.push(Answer { name, value });
    }

    fn flag(&mut self, flag: &'static str) {
        if !self.flags.contains(&flag) {
            self.flags.push(flag);
        }
    }

    /// Keeps how a number was typed, and tells one that could not be brought into the form that is dialled from anywhere.
    fn note_phone(&mut self, name: &str, value: &Value, typed: &str) {
        let kept = value.to_text();
        let dialled = phone::e164(&kept, None).is_some();
        if !dialled {
            self.flag(mailbox::PHONE);
        } else if kept != typed.trim() {
            self.typed.push(Answer {
                name: name.to_owned(),
                value: Value::Text(Pii::new(clean_lines(typed))),
            });
        }
    }

    fn flag_address(&mut self, email: &EmailAddress) {
        if mailbox::is_role(email) {
            self.flag(mailbox::ROLE);
        }
        if self.is_disposable(email) {
            self.flag(mailbox::DISPOSABLE);
        }
        if mailbox::mixes_scripts(email.domain()) {
            self.flag(mailbox::MIXED_SCRIPTS);
        }
    }

    fn consents(&mut self) -> Vec<ConsentGiven> {
        let mut consents = Vec::new();
        for ask in &self.form.consents {
            let ticked = self
                .values_of(&ask.field)
                .is_some_and(|values| values.iter().any(|v| is_ticked(v)));
            if ask.required && !ticked && self.strictness == Strictness::Refuse {
                self.problems
                    .push(Problem::of(self.form, &ask.field, Fault::Unticked, None));
            }
            consents.push(ConsentGiven {
                purpose: ask.purpose.clone(),
                decision: if ticked {
                    Decision::Granted
                } else {
                    Decision::Declined
                },
                text_sha256: ask.text_sha256.clone(),
            });
        }
        consents
    }

    /// Keeps what the form does not declare, as it says.
    fn undeclared(&mut self) {
        let form = self.form;
        for (name, values) in self.posted {
            let declared =
                form.field(name).is_some() || form.consents.iter().any(|c| &c.field == name);
            if declared || Source::is_attribution_field(name) {
                continue;
            }
            let joined = values.join(", ");
            let fault = match form.unknown_fields {
                UnknownFields::Drop => continue,
                // What we made of a declared answer is not the page's.
                UnknownFields::Reject if self.strictness == Strictness::Refuse => {
                    Fault::UnknownField
                }
                UnknownFields::Reject | UnknownFields::Keep if joined.len() > UNDECLARED_MAX => {
                    Fault::FarTooLong
                }
                UnknownFields::Reject | UnknownFields::Keep => {
                    self.keep_undeclared(name, &joined);
                    continue;
                }
            };
            self.problems.push(Problem::of(form, name, fault, None));
        }
    }

    fn keep_undeclared(&mut self, name: &str, joined: &str) {
        let text = clean_lines(joined);
        if text.is_empty() {
            return;
        }
        let dialled = matches!(name, "phone" | "mobile")
            .then(|| phone::e164(&text, self.form.country.as_deref()))
            .flatten();
        let value = Value::Text(Pii::new(dialled.unwrap_or(text)));
        if matches!(name, "phone" | "mobile") && is_canonical(name) {
            self.note_phone(name, &value, joined);
        }
        self.push(name, value);
    }
}

#[cfg(test)]
mod tests;
