//! Checking what was posted against a form: everything that is right, and everything that is wrong, at once.

use super::consent::{ConsentGiven, Decision};
use super::email::{EmailAddress, EmailError};
use super::form::{Field, FieldKind, Form, UnknownFields};
use super::pii::Pii;
use super::reserved::{Reserved, reserved, stored_name};
use super::source::Source;
use super::text::{clean_line, clean_lines};
use super::time::Timestamp;
use super::touchpoint::{Answer, Value};

/// Longest kept answer to a field that the form does not declare, in bytes.
const UNDECLARED_MAX: usize = 4096;

/// A post that was checked against its form.
#[derive(Clone, Debug, PartialEq)]
pub struct Submission {
    /// Who it is.
    pub email: EmailAddress,
    /// Answers in the order of the form, then undeclared ones in the order posted. Empty answers are left out.
    pub answers: Vec<Answer>,
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
    Trapped,
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
    fn new(field: &Field, code: &'static str, built_in: &str) -> Self {
        let message = field.message.clone().unwrap_or_else(|| built_in.to_owned());
        Self {
            field: Some(field.name.clone()),
            code,
            message,
        }
    }
}

/// Checks posted pairs (names as posted, in order) against `form`. `page_url` is the page the post came from, for attribution.
pub fn check(form: &Form, pairs: &[(String, String)], page_url: Option<&str>) -> Checked {
    let mut posted: Vec<(String, Vec<&str>)> = Vec::new();
    let mut next = None;
    let mut nonce = None;
    let mut stated_page = None;
    for (name, value) in pairs {
        if name.trim().is_empty() {
            continue;
        }
        match reserved(form, name) {
            Some(Reserved::Honeypot) if !value.trim().is_empty() => return Checked::Trapped,
            Some(Reserved::Next) => next = Some(value.clone()).filter(|v| !v.is_empty()),
            Some(Reserved::Nonce) => nonce = Some(value.clone()).filter(|v| !v.is_empty()),
            Some(Reserved::PageUrl) => stated_page = Some(value.as_str()),
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
    let checked = check_fields(form, &posted);
    let source = Source::gather(
        pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())),
        stated_page.or(page_url),
    );
    match checked {
        Err(problems) => Checked::Problems(problems),
        Ok((email, answers, consents)) => Checked::Fine(Box::new(Submission {
            email,
            answers,
            consents,
            source,
            next,
            nonce,
        })),
    }
}

type Fields = (EmailAddress, Vec<Answer>, Vec<ConsentGiven>);

fn check_fields(form: &Form, posted: &[(String, Vec<&str>)]) -> Result<Fields, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut answers = Vec::new();
    let mut email = None;
    let values_of = |name: &str| {
        posted
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_slice())
    };

    for field in &form.fields {
        let values = values_of(&field.name);
        let given: Vec<&str> = values
            .unwrap_or_default()
            .iter()
            .copied()
            .filter(|v| !v.trim().is_empty())
            .collect();
        if given.is_empty() {
            if field.required {
                let code = if values.is_some() {
                    "REQUIRED_FIELD_EMPTY"
                } else {
                    "REQUIRED_FIELD_MISSING"
                };
                problems.push(Problem::new(field, code, "is required"));
            }
            continue;
        }
        if matches!(field.kind, FieldKind::Email) {
            match EmailAddress::parse(given[0]) {
                Ok(address) => email = Some(address),
                Err(error) => problems.push(email_problem(field, error)),
            }
            continue;
        }
        match check_value(&field.kind, &given) {
            Ok(value) => answers.push(Answer {
                name: field.name.clone(),
                value,
            }),
            Err((code, message)) => problems.push(Problem::new(field, code, &message)),
        }
    }

    let consents = check_consents(form, &values_of, &mut problems);
    check_undeclared(form, posted, &mut answers, &mut problems);
    if email.is_none() && problems.is_empty() {
        // A form whose address field is optional was posted without one: nobody could be reached.
        let field = form
            .email_field()
            .map_or("email", |f| f.name.as_str())
            .to_owned();
        problems.push(Problem {
            field: Some(field),
            code: "REQUIRED_FIELD_MISSING",
            message: "is required".into(),
        });
    }
    match email {
        Some(email) if problems.is_empty() => Ok((email, answers, consents)),
        _ => Err(problems),
    }
}

fn email_problem(field: &Field, error: EmailError) -> Problem {
    // A reason that tells the visitor something the form's own message does not is kept.
    match error {
        EmailError::LocalNotAscii | EmailError::Invisible => Problem {
            field: Some(field.name.clone()),
            code: "TYPE_EMAIL",
            message: error.to_string(),
        },
        _ => Problem::new(field, "TYPE_EMAIL", &error.to_string()),
    }
}

fn check_consents<'a>(
    form: &Form,
    values_of: &impl Fn(&str) -> Option<&'a [&'a str]>,
    problems: &mut Vec<Problem>,
) -> Vec<ConsentGiven> {
    let mut consents = Vec::new();
    for ask in &form.consents {
        let ticked =
            values_of(&ask.field).is_some_and(|values| values.iter().any(|v| is_ticked(v)));
        if ask.required && !ticked {
            problems.push(Problem {
                field: Some(ask.field.clone()),
                code: "REQUIRED_FIELD_MISSING",
                message: "needs to be ticked".into(),
            });
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

fn check_undeclared(
    form: &Form,
    posted: &[(String, Vec<&str>)],
    answers: &mut Vec<Answer>,
    problems: &mut Vec<Problem>,
) {
    for (name, values) in posted {
        let declared = form.field(name).is_some() || form.consents.iter().any(|c| &c.field == name);
        if declared || Source::is_attribution_field(name) {
            continue;
        }
        match form.unknown_fields {
            UnknownFields::Drop => {}
            UnknownFields::Reject => problems.push(Problem {
                field: Some(name.clone()),
                code: "UNKNOWN_FIELD",
                message: "is not a field of this form".into(),
            }),
            UnknownFields::Keep => {
                let joined = values.join(", ");
                if joined.len() > UNDECLARED_MAX {
                    problems.push(Problem {
                        field: Some(name.clone()),
                        code: "TOO_LONG",
                        message: "is too long".into(),
                    });
                } else if !joined.trim().is_empty() {
                    answers.push(Answer {
                        name: name.clone(),
                        value: Value::Text(Pii::new(clean_lines(&joined))),
                    });
                }
            }
        }
    }
}

/// What browsers and scripts send for a ticked box.
pub fn is_ticked(value: &str) -> bool {
    !matches!(
        value.trim().to_ascii_lowercase().as_str(),
        "" | "0" | "false" | "off" | "no"
    )
}

type Wrong = (&'static str, String);

fn check_value(kind: &FieldKind, given: &[&str]) -> Result<Value, Wrong> {
    let text = |value: String| Value::Text(Pii::new(value));
    let first = given[0];
    match kind {
        FieldKind::Email | FieldKind::Hidden => Ok(text(clean_line(first))),
        FieldKind::Text { max } => bounded(clean_line(first), *max).map(text),
        FieldKind::LongText { max } => bounded(clean_lines(first), *max).map(text),
        FieldKind::Phone => phone(first).map(text),
        FieldKind::Number { min, max } => {
            number(first, *min, *max).map(|n| Value::Number(Pii::new(n)))
        }
        FieldKind::Choice { options } => one_of(options, first).map(text),
        FieldKind::Choices { options } => {
            let chosen: Result<Vec<_>, _> = given
                .iter()
                .map(|v| one_of(options, v).map(Pii::new))
                .collect();
            chosen.map(Value::List)
        }
        FieldKind::Checkbox => Ok(Value::Flag(is_ticked(first))),
        FieldKind::Date => date(first).map(text),
        FieldKind::Url => web_url(first).map(text),
        FieldKind::Country => country(first).map(text),
    }
}

fn bounded(value: String, max: u16) -> Result<String, Wrong> {
    if value.chars().count() > usize::from(max) {
        Err(("TYPE_TEXT", format!("should be at most {max} characters")))
    } else {
        Ok(value)
    }
}

fn phone(typed: &str) -> Result<String, Wrong> {
    let clean = clean_line(typed);
    let digits = clean.chars().filter(char::is_ascii_digit).count();
    let plausible = (5..=15).contains(&digits)
        && clean
            .chars()
            .all(|c| c.is_ascii_digit() || matches!(c, '+' | '-' | ' ' | '(' | ')' | '.' | '/'));
    if plausible {
        Ok(clean)
    } else {
        Err(("TYPE_TEXT", "should be a phone number".into()))
    }
}

fn number(typed: &str, min: i64, max: i64) -> Result<i64, Wrong> {
    let value: i64 = clean_line(typed)
        .parse()
        .map_err(|_| ("TYPE_NUMERIC", String::from("should be a whole number")))?;
    if (min..=max).contains(&value) {
        Ok(value)
    } else {
        Err(("TYPE_NUMERIC", format!("should be between {min} and {max}")))
    }
}

fn one_of(options: &[super::form::Choice], typed: &str) -> Result<String, Wrong> {
    let typed = clean_line(typed);
    let found = options
        .iter()
        .find(|c| c.value == typed)
        .or_else(|| options.iter().find(|c| c.label == typed));
    found
        .map(|c| c.value.clone())
        .ok_or(("TYPE_TEXT", "should be one of the choices".into()))
}

fn date(typed: &str) -> Result<String, Wrong> {
    let typed = clean_line(typed);
    let shaped = typed.len() == 10 && Timestamp::parse(&format!("{typed}T00:00:00Z")).is_some();
    if shaped {
        Ok(typed)
    } else {
        Err(("TYPE_TEXT", "should be a date such as 2026-03-01".into()))
    }
}

fn web_url(typed: &str) -> Result<String, Wrong> {
    let typed = clean_line(typed);
    // People type addresses of web sites without the scheme.
    let full = if typed.contains("://") {
        typed
    } else {
        format!("https://{typed}")
    };
    url::Url::parse(&full)
        .ok()
        .filter(|u| {
            matches!(u.scheme(), "http" | "https") && u.host_str().is_some_and(|h| h.contains('.'))
        })
        .map(|u| u.to_string())
        .ok_or(("TYPE_TEXT", "should be the address of a web page".into()))
}

fn country(typed: &str) -> Result<String, Wrong> {
    let code = clean_line(typed).to_ascii_uppercase();
    if code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase()) {
        Ok(code)
    } else {
        Err(("TYPE_TEXT", "should be a two-letter country code".into()))
    }
}

#[cfg(test)]
mod tests;
