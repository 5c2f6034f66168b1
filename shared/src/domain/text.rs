//! Text: cleaning what visitors type, and writing dates and sizes for people. Escaping happens where text is shown, never here.

use unicode_normalization::UnicodeNormalization;

use super::time::Timestamp;

/// One line of text: NFC, trimmed, without control characters; line breaks and tabs become blanks.
pub fn clean_line(typed: &str) -> String {
    let spaced: String = typed
        .chars()
        .map(|c| {
            if matches!(c, '\n' | '\r' | '\t') {
                ' '
            } else {
                c
            }
        })
        .collect();
    clean(&spaced, false)
}

/// Several lines: as [`clean_line`], but line feeds stay and CR LF becomes LF.
pub fn clean_lines(typed: &str) -> String {
    clean(
        &typed
            .replace("\r\n", "\n")
            .replace('\r', "\n")
            .replace('\t', " "),
        true,
    )
}

fn clean(typed: &str, keep_line_feeds: bool) -> String {
    let kept: String = typed
        .nfc()
        .filter(|&c| !c.is_control() || (keep_line_feeds && c == '\n'))
        .collect();
    kept.trim().to_owned()
}

/// At most `max` characters of `text`.
pub fn shortened(text: &str, max: usize) -> String {
    text.chars().take(max).collect()
}

/// `1 March 2026`.
pub fn people_date(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.0)
        .map(|t| {
            t.to_zoned(jiff::tz::TimeZone::UTC)
                .strftime("%-d %B %Y")
                .to_string()
        })
        .unwrap_or_default()
}

/// Months as people write them in a date, by language; English where there is none.
const MONTHS_DE: [&str; 12] = [
    "Januar",
    "Februar",
    "März",
    "April",
    "Mai",
    "Juni",
    "Juli",
    "August",
    "September",
    "Oktober",
    "November",
    "Dezember",
];

/// A day as people write it in this language: `1 March 2026`, `1. März 2026`.
pub fn people_date_in(at: Timestamp, language: &str) -> String {
    if language.split('-').next() != Some("de") {
        return people_date(at);
    }
    jiff::Timestamp::from_millisecond(at.0)
        .map(|t| {
            let day = t.to_zoned(jiff::tz::TimeZone::UTC);
            let month = usize::try_from(day.month() - 1).unwrap_or_default();
            format!(
                "{}. {} {}",
                day.day(),
                MONTHS_DE.get(month).copied().unwrap_or_default(),
                day.year()
            )
        })
        .unwrap_or_default()
}

/// `1 March 2026, 09:30 UTC`.
pub fn people_time(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.0)
        .map(|t| {
            t.to_zoned(jiff::tz::TimeZone::UTC)
                .strftime("%-d %B %Y, %H:%M UTC")
                .to_string()
        })
        .unwrap_or_default()
}

/// `212 kB`, `1.2 MB`.
pub fn people_size(bytes: u64) -> String {
    if bytes < 1_000_000 {
        format!("{} kB", bytes.div_ceil(1000))
    } else {
        format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frm_2_text_is_composed_trimmed_and_without_control_characters() {
        assert_eq!(
            clean_line("  A\u{308}rger\u{0}\r\nmit\tTab "),
            "Ärger  mit Tab"
        );
        assert_eq!(clean_lines(" one\r\ntwo\u{7}\rthree "), "one\ntwo\nthree");
        assert_eq!(clean_line("<b>& \"raw\"</b>"), "<b>& \"raw\"</b>");
    }

    #[test]
    fn dates_and_sizes_read_well() {
        assert_eq!(people_date(Timestamp(1_772_357_400_000)), "1 March 2026");
        assert_eq!(
            people_time(Timestamp(1_772_357_400_000)),
            "1 March 2026, 09:30 UTC"
        );
        assert_eq!(
            people_date_in(Timestamp(1_772_357_400_000), "de-AT"),
            "1. März 2026"
        );
        assert_eq!(people_size(211_800), "212 kB");
        assert_eq!(people_size(1_250_000), "1.2 MB");
    }
}
