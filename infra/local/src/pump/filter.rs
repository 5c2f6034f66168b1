//! Filter patterns of event source mappings.
//!
//! Patterns are data of the template; this file decides whether a record matches one of them, and refuses malformed ones at the
//! start. It must not know what a record is about.

use quamina::Quamina;

/// The patterns of one mapping; a record passes where any of them matches, or where there is none.
pub struct Filter {
    patterns: Option<Quamina<usize>>,
}

impl Filter {
    /// Compiles `patterns`. The error is a sentence about the first that is malformed.
    pub fn new(patterns: &[String]) -> Result<Self, String> {
        if patterns.is_empty() {
            return Ok(Self { patterns: None });
        }
        let mut compiled = Quamina::new();
        for (number, pattern) in patterns.iter().enumerate() {
            compiled
                .add_pattern(number, pattern)
                .map_err(|error| error.to_string())?;
        }
        Ok(Self {
            patterns: Some(compiled),
        })
    }

    /// Whether a record, given as JSON text, passes.
    pub fn passes(&self, record: &[u8]) -> bool {
        match &self.patterns {
            // A record that is no JSON object cannot come out of a stream; one that did would be handed on rather than lost.
            Some(patterns) => patterns.has_matches(record).unwrap_or(true),
            None => true,
        }
    }

    /// Whether there is anything to evaluate.
    pub fn is_open(&self) -> bool {
        self.patterns.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(patterns: &[&str]) -> Filter {
        Filter::new(
            &patterns
                .iter()
                .map(|&pattern| pattern.to_owned())
                .collect::<Vec<_>>(),
        )
        .unwrap()
    }

    const PENDING: &str =
        r#"{"dynamodb":{"NewImage":{"reader":{"S":["deliver"]},"state":{"S":["PENDING"]}}}}"#;

    fn record(reader: &str, state: &str) -> String {
        format!(
            r#"{{"eventName":"INSERT","dynamodb":{{"NewImage":{{"reader":{{"S":"{reader}"}},"state":{{"S":"{state}"}},"n":{{"N":"1"}}}}}}}}"#
        )
    }

    #[test]
    fn a_record_passes_only_where_all_named_attributes_match() {
        let filter = filter(&[PENDING]);
        assert!(filter.passes(record("deliver", "PENDING").as_bytes()));
        assert!(!filter.passes(record("notify", "PENDING").as_bytes()));
        assert!(!filter.passes(record("deliver", "SENT").as_bytes()));
        assert!(!filter.passes(br#"{"dynamodb":{"Keys":{}}}"#));
    }

    #[test]
    fn one_of_several_patterns_is_enough() {
        let filter = filter(&[PENDING, r#"{"eventName":["REMOVE"]}"#]);
        assert!(filter.passes(br#"{"eventName":"REMOVE","dynamodb":{}}"#));
        assert!(filter.passes(record("deliver", "PENDING").as_bytes()));
        assert!(!filter.passes(record("notify", "PENDING").as_bytes()));
    }

    #[test]
    fn without_patterns_everything_passes() {
        assert!(filter(&[]).passes(b"{}"));
    }

    #[test]
    fn existence_of_an_attribute_can_be_asked_for() {
        let filter = filter(&[r#"{"dynamodb":{"NewImage":{"v":{"N":[{"exists":true}]}}}}"#]);
        assert!(filter.passes(br#"{"dynamodb":{"NewImage":{"v":{"N":"1"}}}}"#));
        assert!(!filter.passes(br#"{"dynamodb":{"NewImage":{"w":{"N":"1"}}}}"#));
    }

    #[test]
    fn malformed_patterns_are_refused() {
        for pattern in [
            "",
            "{",
            "[]",
            r#"{"a":"b"}"#,
            r#"{"a":[{"nothing-like-this":1}]}"#,
        ] {
            assert!(Filter::new(&[pattern.to_owned()]).is_err(), "{pattern}");
        }
    }
}
