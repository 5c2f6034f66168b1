//! Days and instants as people type them on the command line.

use anyhow::Context as _;
use shared::domain::time::Timestamp;

/// Which end of a day is meant where only a day is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edge {
    /// Its first instant.
    Start,
    /// Its last.
    End,
}

/// Reads `2026-03-01` or an instant such as `2026-03-01T09:30:00Z`.
pub(super) fn parse(text: &str, edge: Edge) -> anyhow::Result<Timestamp> {
    if let Some(instant) = Timestamp::parse(text) {
        return Ok(instant);
    }
    let start = Timestamp::parse(&format!("{text}T00:00:00Z"))
        .filter(|_| text.len() == 10)
        .with_context(|| {
            format!(
                "`{text}` is no day; write one as 2026-03-01, or an instant as 2026-03-01T09:30:00Z"
            )
        })?;
    Ok(match edge {
        Edge::Start => start,
        Edge::End => start.plus_days(1).plus_ms(-1),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_means_all_of_it_and_anything_else_is_refused_in_words() {
        let start = Timestamp(1_772_323_200_000);
        assert_eq!(parse("2026-03-01", Edge::Start).unwrap(), start);
        assert_eq!(
            parse("2026-03-01", Edge::End).unwrap(),
            start.plus_ms(86_399_999)
        );
        assert_eq!(parse("2026-03-01T00:00:00Z", Edge::End).unwrap(), start);
        let refused = parse("March", Edge::Start).unwrap_err().to_string();
        assert!(refused.contains("`March` is no day"), "{refused}");
    }
}
