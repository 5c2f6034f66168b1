//! Phone numbers: what a visitor typed, and the number that can be dialled from anywhere (E.164).
//!
//! Made for lead capture, not for telephony: calling codes, trunk prefixes and lengths decide, so a number of the right shape that nobody
//! has passes. A full numbering plan would be two regular-expression engines and a database in the function at the public door, to refuse
//! a few numbers more; sales finds those out by calling.

mod regions;

use regions::{REGIONS, Region};

/// Fewest digits of anything that people mean as a phone number.
const FEWEST: usize = 5;
/// Digits from which a number that begins with the country code has it.
const SURELY_WITH_CODE: usize = 10;
/// Most digits of an E.164 number (ITU-T E.164, 6.1).
const MOST: usize = 15;

/// Whether the country has numbers of its own; capital letters.
pub fn knows(country: &str) -> bool {
    region(country).is_some()
}

/// Whether a text could be meant as a phone number: digits and the marks people put between them, and an extension at most.
pub fn is_plausible(typed: &str) -> bool {
    let (number, _) = split_extension(typed);
    let digits = number.chars().filter(char::is_ascii_digit).count();
    (FEWEST..=MOST + 4).contains(&digits)
        && number.chars().all(|c| c.is_ascii_digit() || is_mark(c))
}

/// The number in E.164 form, where there is one. `country` is where a number without a country code is.
///
/// ```
/// use shared::domain::phone::e164;
///
/// assert_eq!(e164("+44 (0)20 7946 0018", None).as_deref(), Some("+442079460018"));
/// assert_eq!(e164("06 12 34 56 78", Some("NL")).as_deref(), Some("+31612345678"));
/// assert_eq!(e164("06 12 34 56 78", None), None);
/// ```
pub fn e164(typed: &str, country: Option<&str>) -> Option<String> {
    if !is_plausible(typed) {
        return None;
    }
    let (number, _) = split_extension(typed);
    let home = country.and_then(region);
    let is_international = number.trim_start().starts_with(['+', '＋']);
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    if is_international {
        return international(&digits);
    }
    let Some(home) = home else {
        // Without a country only what is dialled from abroad says where it leads.
        return digits.strip_prefix("00").and_then(international);
    };
    let abroad = ["00", if home.code == 1 { "011" } else { "00" }];
    let from_abroad = || {
        let dialled = abroad.iter().find_map(|prefix| digits.strip_prefix(prefix));
        dialled.and_then(international)
    };
    // A country code without its plus, as some browsers fill it in.
    let without_plus = || {
        let rest = digits.strip_prefix(&home.code.to_string())?;
        national(rest, home)
    };
    // Where numbers at home begin with a zero, one that begins with the country code is an international one.
    if home.trunk == "0"
        && let Some(number) = without_plus().filter(|_| digits.len() >= SURELY_WITH_CODE)
    {
        return Some(number);
    }
    national(&digits, home)
        .or_else(from_abroad)
        .or_else(without_plus)
}

fn international(digits: &str) -> Option<String> {
    let code = (1..=3).filter_map(|n| digits.get(..n)).find(|code| {
        REGIONS
            .iter()
            .any(|r| code.parse().is_ok_and(|code: u16| r.code == code))
    })?;
    let rest = &digits[code.len()..];
    REGIONS
        .iter()
        .filter(|r| r.code.to_string() == code)
        .find_map(|r| national(rest, r))
}

/// A national number, with or without its trunk prefix, as E.164.
fn national(digits: &str, region: &Region) -> Option<String> {
    let fits = |n: &str| {
        (usize::from(region.min)..=usize::from(region.max)).contains(&n.len())
            && n.len() + region.code.to_string().len() <= MOST
    };
    let without = Some(region.trunk)
        .filter(|trunk| !trunk.is_empty())
        .and_then(|trunk| digits.strip_prefix(trunk));
    let zero = region.trunk.starts_with('0');
    let number = match without {
        Some(rest) if fits(rest) => rest,
        // No number begins with the zero that stands for "not from here".
        Some(_) if zero => return None,
        Some(_) | None => digits,
    };
    (fits(number) && !(region.code == 1 && number.starts_with(['0', '1'])))
        .then(|| format!("+{}{number}", region.code))
}

fn region(country: &str) -> Option<&'static Region> {
    REGIONS
        .binary_search_by(|r| r.country.cmp(country))
        .ok()
        .and_then(|at| REGIONS.get(at))
}

fn is_mark(c: char) -> bool {
    // Hyphens and blanks as word processors and contact lists write them.
    matches!(
        c,
        '+' | '＋' | '-' | ' ' | '(' | ')' | '.' | '/' | '\u{a0}' | '\u{202f}' | '\u{2010}'
            ..='\u{2013}'
    )
}

/// The number and its extension: `ext. 12`, `x12`, `#12`.
fn split_extension(typed: &str) -> (&str, Option<&str>) {
    let lower_at = |mark: &str| {
        let at = typed.to_ascii_lowercase().rfind(mark)?;
        let rest = typed
            .get(at + mark.len()..)?
            .trim_start_matches(['.', ':', ' ']);
        let is_short = (1..=6).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_digit());
        is_short.then(|| (typed[..at].trim_end(), Some(rest)))
    };
    ["extension", "ext", "x", "#"]
        .into_iter()
        .find_map(lower_at)
        .unwrap_or((typed, None))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fixed and mobile example numbers of every country, as libphonenumber 9.0 writes them: country, national, international, E.164.
    const EXAMPLES: &str = include_str!("phone/examples.tsv");

    #[test]
    fn adr_10_example_numbers_of_every_country_are_understood_as_written_there_and_abroad() {
        let mut wrong = Vec::new();
        let mut seen = 0;
        for line in EXAMPLES.lines() {
            let [country, national, international, expected] =
                line.split('\t').collect::<Vec<_>>()[..]
            else {
                panic!("{line}");
            };
            seen += 1;
            for typed in [national, international] {
                if e164(typed, Some(country)).as_deref() != Some(expected) {
                    wrong.push(format!(
                        "{country} {typed} {:?}",
                        e164(typed, Some(country))
                    ));
                }
            }
            assert_eq!(
                e164(international, None).as_deref(),
                Some(expected),
                "{line}"
            );
        }
        assert!(seen > 400, "{seen}");
        // Argentina writes its mobile numbers at home in a way of its own, and three islands have numbers shorter than any we take for
        // one; they are kept as typed.
        let known = [
            "AR 011 15-2345-6789",
            "NU 7012",
            "TA 8999",
            "TK 3101",
            "TK 7290",
        ];
        assert!(
            wrong.iter().all(|w| known.iter().any(|k| w.starts_with(k))),
            "{wrong:#?}"
        );
    }

    #[test]
    fn adr_10_what_people_type_is_read_and_what_cannot_be_dialled_is_not_guessed() {
        for (typed, country, expected) in [
            ("+31 20 123 45 67", None, Some("+31201234567")),
            ("0031-20-1234567", None, Some("+31201234567")),
            ("+49 (0) 89 / 1234-567", Some("NL"), Some("+49891234567")),
            ("020 1234567 ext. 12", Some("NL"), Some("+31201234567")),
            ("31201234567", Some("NL"), Some("+31201234567")),
            ("(212) 555-0123", Some("US"), Some("+12125550123")),
            ("1-212-555-0123 x9", Some("US"), Some("+12125550123")),
            ("011 44 20 7946 0018", Some("US"), Some("+442079460018")),
            ("8 (912) 345-67-89", Some("RU"), Some("+79123456789")),
            ("06 6982 1234", Some("IT"), Some("+390669821234")),
            (
                "020\u{a0}7946\u{2011}0018",
                Some("GB"),
                Some("+442079460018"),
            ),
            ("020 1234567", None, None),
            ("12345", Some("FR"), None),
            ("+999 123456", None, None),
            ("+31 20 1234567890123", None, None),
            ("call me", Some("NL"), None),
            ("", Some("NL"), None),
        ] {
            assert_eq!(e164(typed, country).as_deref(), expected, "{typed}");
        }
    }

    #[test]
    fn the_regions_are_sorted_for_the_search() {
        assert!(REGIONS.is_sorted_by_key(|r| r.country));
        assert!(knows("NL") && !knows("nl") && !knows("XX"));
    }
}
