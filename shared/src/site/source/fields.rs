//! `[[field]]` of a form.

use crate::domain::form::{Choice, Field, FieldKind};
use crate::domain::submission::whole_pattern;

use super::company::check_plain;
use super::names::Unique;
use super::reader::{At, Table};

/// Kinds as the file names them.
const KINDS: [&str; 12] = [
    "email",
    "text",
    "long_text",
    "phone",
    "number",
    "choice",
    "choices",
    "checkbox",
    "date",
    "url",
    "country",
    "hidden",
];

/// For `text` and `long_text`: the largest `max` in characters, and the usual one. The endpoint refuses values over 4 KiB and long ones
/// over 8 KiB whatever a form says.
const TEXT: (i64, u16) = (1_000, 200);
const LONG_TEXT: (i64, u16) = (8_000, 2_000);

/// HTML autofill names that make sense in a lead form.
const AUTOCOMPLETE: [&str; 22] = [
    "off",
    "on",
    "name",
    "honorific-prefix",
    "given-name",
    "additional-name",
    "family-name",
    "nickname",
    "email",
    "organization",
    "organization-title",
    "street-address",
    "address-line1",
    "address-line2",
    "address-level1",
    "address-level2",
    "country",
    "country-name",
    "postal-code",
    "tel",
    "url",
    "language",
];

/// A field and what its form needs to know about it.
pub(super) struct ReadField<'a> {
    /// Its name and where it stands.
    pub name: At<'a, String>,
    /// Whether it is the form's email field.
    pub is_email: bool,
    /// Other names that pages post it under.
    pub aliases: Vec<At<'a, String>>,
    /// The field.
    pub field: Field,
}

/// Reads a field; nothing where a mistake leaves no field.
pub(super) fn field(table: Table<'_>) -> Option<ReadField<'_>> {
    let name = table.required_text("name", "the name in the post, such as `company`");
    let kind_word = table.required_text("kind", &format!("one of {}", KINDS.join(", ")));
    let hidden = kind_word.as_ref().is_some_and(|k| k.value == "hidden");
    let label = if hidden {
        table.text("label").or_else(|| name.clone())
    } else {
        table.required_text("label", "what people read beside the field")
    };
    let is_email = kind_word.as_ref().is_some_and(|k| k.value == "email");
    let required = table.flag("required").unwrap_or(is_email);
    let help = table.text("help");
    let message = table.text("message");
    let required_message = table.text("required_message");
    let aliases = aliases(&table);
    let pattern = table.text("pattern");
    let autocomplete = table.text("autocomplete");
    for text in [&label, &help, &message, &required_message]
        .into_iter()
        .flatten()
    {
        check_plain(text, 300);
    }
    if let Some(word) = autocomplete
        .as_ref()
        .filter(|a| !AUTOCOMPLETE.contains(&a.value.as_str()))
    {
        word.spot.error_near(
            format!("`{}` is not an autofill name of HTML", word.value),
            &word.value,
            &AUTOCOMPLETE,
        );
    }
    let kind = kind_word.and_then(|word| kind(&word, &table));
    let value = table
        .text("value")
        .filter(|value| kind.as_ref().is_none_or(|kind| check_value(value, kind)));
    if let Some(pattern) = &pattern {
        check_pattern(pattern, kind.as_ref());
    }
    table.finish();

    let name = name?;
    let field = Field {
        name: name.value.clone(),
        label: label?.value,
        kind: kind?,
        required,
        help: help.map(|h| h.value),
        message: message.map(|m| m.value),
        required_message: required_message.map(|m| m.value),
        pattern: pattern.map(|p| p.value),
        aliases: aliases.iter().map(|a| a.value.clone()).collect(),
        autocomplete: autocomplete.map(|a| a.value),
        value: value.map(|v| v.value),
    };
    Some(ReadField {
        name,
        is_email,
        aliases,
        field,
    })
}

/// Names that pages made for other services post: `00N...`, `your-name`, `item_meta[8]`.
fn aliases<'a>(table: &Table<'a>) -> Vec<At<'a, String>> {
    let mut aliases = table.texts("aliases").unwrap_or_default();
    aliases.retain(|alias| {
        let name = alias.value.as_str();
        let ok = !name.trim().is_empty() && name.len() <= 64 && !name.chars().any(char::is_control);
        if !ok {
            alias.spot.error_help(
                format!("`{name}` cannot be the name of an input"),
                "write it as the page does: at most 64 characters",
            );
        }
        ok
    });
    aliases
}

/// A pattern that can be matched, of a field whose answers are typed freely.
fn check_pattern(pattern: &At<'_, String>, kind: Option<&FieldKind>) {
    if let Err(error) = whole_pattern(&pattern.value) {
        pattern.spot.error_help(
            format!("`pattern` cannot be read: {error}"),
            "write a regular expression for the whole answer, such as `[0-9]{5}`",
        );
    }
    let free = kind.is_none_or(|kind| {
        matches!(
            kind,
            FieldKind::Text { .. } | FieldKind::LongText { .. } | FieldKind::Hidden
        )
    });
    if !free {
        pattern
            .spot
            .error("`pattern` is for fields of kind `text`, `long_text` and `hidden`");
    }
}

fn kind(word: &At<'_, String>, table: &Table<'_>) -> Option<FieldKind> {
    let name = word.value.as_str();
    let takes: &[&'static str] = match name {
        "text" | "long_text" => &["max"],
        "number" => &["min", "max"],
        "choice" | "choices" => &["options"],
        _ => &[],
    };
    for key in ["min", "max", "options"]
        .into_iter()
        .filter(|key| table.has(key) && !takes.contains(key))
    {
        table.allow(&[key]);
        if KINDS.contains(&name) {
            table.key_spot(key).error(format!(
                "`{key}` means nothing for a field of kind `{name}`"
            ));
        }
    }
    let length =
        |(most, usual): (i64, u16)| table.bounded("max", 1, most).map_or(usual, |max| max.value);
    Some(match name {
        "email" => FieldKind::Email,
        "text" => FieldKind::Text { max: length(TEXT) },
        "long_text" => FieldKind::LongText {
            max: length(LONG_TEXT),
        },
        "phone" => FieldKind::Phone,
        "number" => number(table),
        "choice" => FieldKind::Choice {
            options: options(table),
        },
        "choices" => FieldKind::Choices {
            options: options(table),
        },
        "checkbox" => FieldKind::Checkbox,
        "date" => FieldKind::Date,
        "url" => FieldKind::Url,
        "country" => FieldKind::Country,
        "hidden" => FieldKind::Hidden,
        other => {
            word.spot.error_near(
                format!("there is no kind of field `{other}`"),
                other,
                &KINDS,
            );
            return None;
        }
    })
}

fn number(table: &Table<'_>) -> FieldKind {
    let min = table.number("min").map_or(0, |min| min.value);
    let max = table.number("max").map_or(1_000_000_000, |max| max.value);
    if min > max {
        table.key_spot("min").error(format!(
            "the smallest number, {min}, is over the largest, {max}"
        ));
    }
    FieldKind::Number { min, max }
}

fn options(table: &Table<'_>) -> Vec<Choice> {
    let read = table.texts_or_tables(
        "options",
        "an option",
        |text| Some((text.clone(), text.value)),
        |option| {
            let value = option.required_text("value", "what is stored, such as `under-50k`");
            let label = option.required_text("label", "what people read");
            option.finish();
            Some((value?, label?.value))
        },
    );
    if read.is_empty() {
        table.key_spot("options").error_help(
            "a choice without options cannot be answered",
            "add `options = [{ value = \"...\", label = \"...\" }]`",
        );
    }
    let mut values = Unique::default();
    let mut choices = Vec::new();
    for (value, label) in read {
        if value.value.trim().is_empty() {
            value.spot.error("an option needs a value");
            continue;
        }
        check_plain(&value, 200);
        // A post counts as another answer only by its value, and rules compare without regard to case.
        values.insert(&value.value.to_lowercase(), value.spot, "option");
        choices.push(Choice {
            value: value.value,
            label,
        });
    }
    choices
}

/// A value to begin with: only where nobody agrees to anything by leaving it.
fn check_value(value: &At<'_, String>, kind: &FieldKind) -> bool {
    match kind {
        FieldKind::Hidden => {
            check_plain(value, 1_000);
            true
        }
        FieldKind::Choice { options } => {
            let offered: Vec<&str> = options.iter().map(|o| o.value.as_str()).collect();
            if !offered.contains(&value.value.as_str()) {
                value.spot.error_near(
                    format!("`{}` is not one of the options", value.value),
                    &value.value,
                    &offered,
                );
            }
            true
        }
        FieldKind::Checkbox => {
            value
                .spot
                .error_help("a box cannot start ticked", "remove `value`");
            false
        }
        FieldKind::Email
        | FieldKind::Text { .. }
        | FieldKind::LongText { .. }
        | FieldKind::Phone
        | FieldKind::Number { .. }
        | FieldKind::Choices { .. }
        | FieldKind::Date
        | FieldKind::Url
        | FieldKind::Country => {
            value.spot.error_help(
                "`value` is for hidden fields and choices",
                "remove it; use `help` to explain",
            );
            false
        }
    }
}
