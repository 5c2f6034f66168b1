//! One answer against its field: text is cleaned, numbers and days are read, phone numbers and countries brought into one form.

use regex_lite::Regex;

use super::{Fault, Field, FieldKind, Pii, Value};
use crate::domain::countries::country_code;
use crate::domain::form::Choice;
use crate::domain::phone;
use crate::domain::text::{clean_line, clean_lines};
use crate::domain::time::Timestamp;

/// Longest answer of a hidden field, in bytes.
const HIDDEN_MAX: usize = 4096;

/// Reads what was given to a field, none of it blank. `home` is the country of phone numbers without a country code.
pub(super) fn check_value(
    field: &Field,
    given: &[String],
    home: Option<&str>,
) -> Result<Value, Fault> {
    let text = |value: String| Value::Text(Pii::new(value));
    let first = given.first().map(String::as_str).unwrap_or_default();
    match &field.kind {
        FieldKind::Email => Ok(text(clean_line(first))),
        FieldKind::Hidden if first.len() > HIDDEN_MAX => Err(Fault::FarTooLong),
        FieldKind::Hidden => shaped(field, clean_line(first)).map(text),
        FieldKind::Text { max } => bounded(clean_line(first), *max)
            .and_then(|value| shaped(field, value))
            .map(text),
        FieldKind::LongText { max } => bounded(clean_lines(first), *max)
            .and_then(|value| shaped(field, value))
            .map(text),
        FieldKind::Phone => number_to_dial(first, home).map(text),
        FieldKind::Number { min, max } => {
            number(first, *min, *max).map(|n| Value::Number(Pii::new(n)))
        }
        FieldKind::Choice { options } => one_of(options, first).map(text),
        FieldKind::Choices { options } => many_of(options, given).map(Value::List),
        FieldKind::Checkbox => Ok(Value::Flag(is_ticked(first))),
        FieldKind::Date => date(first).map(text),
        FieldKind::Url => web_url(first).map(text),
        FieldKind::Country => country_code(first)
            .map(|code| text(code.to_owned()))
            .ok_or(Fault::Country),
    }
}

/// What browsers and scripts send for a ticked box.
pub fn is_ticked(value: &str) -> bool {
    !matches!(
        value.trim().to_ascii_lowercase().as_str(),
        "" | "0" | "false" | "off" | "no"
    )
}

/// A pattern as HTML has it: the whole answer must match.
pub fn whole_pattern(pattern: &str) -> Result<Regex, regex_lite::Error> {
    // Read alone first, so that a stray parenthesis cannot close the group around it.
    Regex::new(pattern)?;
    Regex::new(&format!("^(?:{pattern})$"))
}

fn shaped(field: &Field, value: String) -> Result<String, Fault> {
    let Some(pattern) = &field.pattern else {
        return Ok(value);
    };
    // A pattern that cannot be read was refused when the site was checked.
    let fits = whole_pattern(pattern).is_ok_and(|pattern| pattern.is_match(&value));
    if fits { Ok(value) } else { Err(Fault::Pattern) }
}

fn bounded(value: String, max: u16) -> Result<String, Fault> {
    if value.chars().count() > usize::from(max) {
        Err(Fault::TooLong(max))
    } else {
        Ok(value)
    }
}

/// E.164 where it can be; else as typed, if it could be meant as a number at all.
fn number_to_dial(typed: &str, home: Option<&str>) -> Result<String, Fault> {
    let clean = clean_line(typed);
    match phone::e164(&clean, home) {
        Some(number) => Ok(number),
        None if phone::is_plausible(&clean) => Ok(clean),
        None => Err(Fault::Phone),
    }
}

fn number(typed: &str, min: i64, max: i64) -> Result<i64, Fault> {
    let clean = clean_line(typed);
    let value: i64 = clean
        .parse()
        .ok()
        .or_else(|| grouped(&clean))
        .ok_or(Fault::WholeNumber)?;
    if (min..=max).contains(&value) {
        Ok(value)
    } else {
        Err(Fault::Between(min, max))
    }
}

/// `1,200`, `1.200`, `1 200`, `1'200`: groups of three. Anything else with a mark could be a fraction, and is not guessed.
fn grouped(text: &str) -> Option<i64> {
    let mark = text
        .chars()
        .find(|c| matches!(c, ',' | '.' | ' ' | '\'' | '\u{a0}' | '\u{202f}'))?;
    let mut groups = text.split(mark);
    let head = groups.next()?;
    let is_digits = |g: &str| g.bytes().all(|b| b.is_ascii_digit());
    let head_ok = (1..=3).contains(&head.len()) && is_digits(head) && head != "0";
    let rest_ok = groups.all(|g| g.len() == 3 && is_digits(g));
    (head_ok && rest_ok)
        .then(|| text.replace(mark, "").parse().ok())
        .flatten()
}

fn one_of(options: &[Choice], typed: &str) -> Result<String, Fault> {
    let typed = clean_line(typed);
    let found = options
        .iter()
        .find(|c| c.value == typed)
        .or_else(|| options.iter().find(|c| c.label == typed));
    found.map(|c| c.value.clone()).ok_or(Fault::Choice)
}

/// Several choices; some services send them in one value, divided by semicolons.
fn many_of(options: &[Choice], given: &[String]) -> Result<Vec<Pii<String>>, Fault> {
    let mut chosen = Vec::new();
    for value in given {
        let parts: Vec<&str> = match one_of(options, value) {
            Ok(_) => vec![value],
            Err(_) => value.split(';').filter(|p| !p.trim().is_empty()).collect(),
        };
        for part in parts {
            chosen.push(Pii::new(one_of(options, part)?));
        }
    }
    Ok(chosen)
}

fn date(typed: &str) -> Result<String, Fault> {
    let typed = clean_line(typed);
    let shaped = typed.len() == 10 && Timestamp::parse(&format!("{typed}T00:00:00Z")).is_some();
    if shaped { Ok(typed) } else { Err(Fault::Date) }
}

fn web_url(typed: &str) -> Result<String, Fault> {
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
        .ok_or(Fault::WebPage)
}
