//! Reading values out of documents whose fields may be missing.
//!
//! Tolerant by design: a page with a gap is better than no page. Must not know which document it reads.

use serde_json::Value;

/// An instant, ready to be shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct When {
    /// Milliseconds since the epoch; orders.
    pub(super) ms: i64,
    /// RFC 3339, for the machine.
    pub(super) machine: String,
    /// For people: `12 Mar 2026, 09:30`.
    pub(super) short: String,
}

impl When {
    /// From epoch milliseconds, or from RFC 3339 text; unknown otherwise.
    pub(super) fn read(value: &Value) -> Self {
        let instant = match value {
            Value::Number(ms) => ms
                .as_i64()
                .and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok()),
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        instant.map_or_else(Self::default, |instant: jiff::Timestamp| Self {
            ms: instant.as_millisecond(),
            machine: format!("{instant:.3}"),
            short: instant.strftime("%-d %b %Y, %H:%M").to_string(),
        })
    }

    pub(super) fn is_known(&self) -> bool {
        !self.machine.is_empty()
    }
}

/// A value as one line of text. An answer is written as `{"text": ..}`, `{"number": ..}`, `{"flag": ..}` or `{"list": ..}`, a profile field
/// wraps one in `value`; plain JSON values are taken too.
pub(super) fn line(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bool(flag) => (if *flag { "yes" } else { "no" }).to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_owned(),
        Value::Array(list) => {
            let lines: Vec<String> = list
                .iter()
                .map(line)
                .filter(|one| !one.is_empty())
                .collect();
            lines.join(", ")
        }
        Value::Object(fields) => ["value", "text", "number", "flag", "list"]
            .iter()
            .find_map(|name| fields.get(*name))
            .map(line)
            .unwrap_or_default(),
    }
}

/// A whole number, zero where there is none.
pub(super) fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or_default()
}

/// The elements of an array, none where it is not one.
pub(super) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The fields of an object in its order, none where it is not one.
pub(super) fn fields(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

/// A stored word for people: `first_name` becomes `First name`.
pub(super) fn words(name: &str) -> String {
    capitalised(&name.replace(['_', '-'], " "))
}

/// The phrase with a capital first letter, otherwise as it is.
pub(super) fn capitalised(phrase: &str) -> String {
    let mut chars = phrase.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}

/// Points with a real minus sign.
pub(super) fn points(value: i64) -> String {
    if value < 0 {
        format!("\u{2212}{}", value.unsigned_abs())
    } else {
        value.to_string()
    }
}

/// `3 leads`, `1 lead`.
pub(super) fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// The width of a bar from 0 to 100 for `part` of `whole`.
pub(super) fn width(part: i64, whole: i64) -> i64 {
    part.max(0) * 100 / whole.max(part).max(1)
}

/// Where a touch came from, in one phrase that follows the word "came": `from google / cpc, on https://…`. Empty where nothing is known.
pub(super) fn source(touch: &Value) -> String {
    let source = if touch["source"].is_object() {
        &touch["source"]
    } else {
        touch
    };
    let params = &source["params"];
    let named: Vec<String> = ["utm_source", "utm_medium", "utm_campaign"]
        .iter()
        .map(|name| line(&params[*name]))
        .filter(|value| !value.is_empty())
        .collect();
    let mut parts = Vec::new();
    if !named.is_empty() {
        parts.push(format!("from {}", named.join(" / ")));
    } else if !line(&source["referrer"]).is_empty() {
        parts.push(format!("from {}", bare_address(&line(&source["referrer"]))));
    }
    let page = line(&source["page"]);
    if !page.is_empty() {
        parts.push(format!("on {}", bare_address(&page)));
    }
    parts.join(", ")
}

fn bare_address(url: &str) -> &str {
    url.trim_start_matches("https://")
        .trim_start_matches("http://")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn instants_are_read_from_numbers_and_from_text() {
        let number = When::read(&json!(1_772_357_400_000_i64));
        assert_eq!(number.short, "1 Mar 2026, 09:30");
        assert_eq!(number, When::read(&json!("2026-03-01T09:30:00Z")));
        for unknown in [json!(null), json!("soon"), json!(i64::MAX), json!({})] {
            assert!(!When::read(&unknown).is_known());
        }
    }

    #[test]
    fn answers_of_every_kind_become_one_line() {
        assert_eq!(line(&json!({"text": " Ada "})), "Ada");
        assert_eq!(line(&json!({"value": {"number": 40}})), "40");
        assert_eq!(line(&json!({"list": ["a", {"text": "b"}]})), "a, b");
        assert_eq!(line(&json!({"flag": true})), "yes");
        assert_eq!(line(&json!({"other": 1})), "");
    }

    #[test]
    fn a_bar_stays_within_its_track() {
        assert_eq!(width(50, 100), 50);
        assert_eq!(width(-5, 100), 0);
        assert_eq!(width(120, 100), 100);
        assert_eq!(width(0, 0), 0);
    }

    #[test]
    fn a_source_names_the_campaign_before_the_referrer() {
        let source_of = |value| source(&json!({ "source": value }));
        let params = json!({"utm_source": "google", "utm_medium": "cpc"});
        assert_eq!(
            source_of(
                json!({"params": params, "referrer": "https://g.example", "page": "https://x.example/guide"})
            ),
            "from google / cpc, on x.example/guide"
        );
        assert_eq!(
            source_of(json!({"referrer": "https://g.example"})),
            "from g.example"
        );
        assert_eq!(source_of(json!({})), "");
    }
}
