//! The words of the pages behind our links, one file for each language.
//!
//! To add a language: a file beside `en.rs` with all the words, its line in [`words`], and its tag in [`LANGUAGES`]; a test holds that
//! none is empty and that each has the same placeholders. `{name}` is filled in by [`fill`]; the page escapes the result.

mod de;
mod en;

/// Languages that pages speak; others read English.
pub const LANGUAGES: [&str; 2] = ["en", "de"];

/// All that the pages behind links say.
#[derive(Debug)]
pub struct Words {
    /// Link to the privacy policy at the foot of each page.
    pub privacy: &'static str,

    /// What the star at a field means.
    pub form_star: &'static str,
    /// The same for those who hear the page.
    pub form_required: &'static str,
    /// First choice of a menu.
    pub form_choose: &'static str,
    /// In front of the title of a form that came back.
    pub form_check: &'static str,
    /// Over what is wrong with the form as a whole.
    pub form_not_sent: &'static str,
    /// Over one wrong answer.
    pub form_not_sent_one: &'static str,
    /// Over several: `{count}`.
    pub form_not_sent_some: &'static str,
    /// For visitors without scripts, on a form with a proof.
    pub form_no_script: &'static str,
    /// Heading after a form was taken.
    pub thanks_title: &'static str,
    /// After a form that says nothing of its own.
    pub thanks: &'static str,

    /// Button that downloads.
    pub download: &'static str,
    /// The button also confirms the address.
    pub download_confirms: &'static str,
    /// The button also confirms the address and the consents listed below.
    pub download_confirms_and: &'static str,
    /// The button also confirms the consents listed below; the address is known to be right.
    pub download_confirms_ticked: &'static str,

    /// Heading of the page that confirms an address.
    pub confirm_title: &'static str,
    /// Where the address was typed: `{form}`, `{business}`.
    pub confirm_where: &'static str,
    /// What the button does.
    pub confirm_plain: &'static str,
    /// What the button does, besides confirming the consents listed below.
    pub confirm_and: &'static str,
    /// The button takes back an earlier wish for no more mail: `{business}`.
    pub confirm_back: &'static str,
    /// Button that confirms.
    pub confirm: &'static str,
    /// For those who did not ask.
    pub confirm_not_you: &'static str,
    /// Heading after it.
    pub confirmed_title: &'static str,
    /// After it.
    pub confirmed: &'static str,

    /// Heading of the page behind a link past its end.
    pub expired_title: &'static str,
    /// What its button does: `{title}`.
    pub expired: &'static str,
    /// Its button.
    pub renew: &'static str,
    /// Heading after it.
    pub renewed_title: &'static str,
    /// After it.
    pub renewed: &'static str,

    /// Heading and button of the page that ends all mail.
    pub unsubscribe: &'static str,
    /// What the button does: `{business}`.
    pub unsubscribe_what: &'static str,
    /// Heading after it.
    pub unsubscribed_title: &'static str,
    /// After it.
    pub unsubscribed: &'static str,
    /// Link to the preferences.
    pub choose_instead: &'static str,

    /// Heading of the preferences.
    pub preferences_title: &'static str,
    /// What they are: `{business}`.
    pub preferences_intro: &'static str,
    /// Nothing to choose: `{business}`.
    pub preferences_none: &'static str,
    /// Somebody who has left sees this instead.
    pub preferences_left: &'static str,
    /// Button that saves them.
    pub save: &'static str,
    /// Heading after it.
    pub saved_title: &'static str,
    /// After it.
    pub saved: &'static str,
    /// Heading of the part that ends all mail.
    pub no_mail_title: &'static str,

    /// Heading for a link that is not ours or damaged.
    pub not_ours_title: &'static str,
    /// What to do about it.
    pub not_ours: &'static str,
    /// Heading for a way of calling that no page uses.
    pub not_that_way_title: &'static str,
    /// What to do about it.
    pub not_that_way: &'static str,
    /// Heading where something of ours is out of reach.
    pub try_again_title: &'static str,
    /// What to do about it.
    pub try_again: &'static str,
}

/// The words of a language tag such as `de-AT`; English where there are none.
pub fn words(language: &str) -> &'static Words {
    let primary = language.split(['-', '_']).next().unwrap_or_default();
    if primary.eq_ignore_ascii_case("de") {
        &de::WORDS
    } else {
        &en::WORDS
    }
}

/// The text with what stands for its `{names}`.
pub fn fill(text: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        let value = values.iter().find(|(n, _)| *n == name);
        filled.push_str(value.map_or("", |(_, v)| v));
        rest = after;
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placeholders(text: &str) -> Vec<&str> {
        let mut names: Vec<&str> = text
            .split('{')
            .skip(1)
            .filter_map(|rest| rest.split('}').next())
            .collect();
        names.sort_unstable();
        names
    }

    /// Every word of a language, by the name of its field.
    fn all(words: &Words) -> Vec<(String, String)> {
        let shown = format!("{words:#?}");
        let lines = shown
            .lines()
            .filter_map(|line| line.trim().split_once(": \""));
        lines
            .map(|(name, text)| (name.to_owned(), text.trim_end_matches("\",").to_owned()))
            .collect()
    }

    #[test]
    fn every_language_has_all_words_with_the_same_placeholders() {
        let english = all(words("en"));
        assert!(english.len() > 30, "{}", english.len());
        for language in LANGUAGES {
            for ((name, text), (_, english)) in all(words(language)).iter().zip(&english) {
                assert!(!text.trim().is_empty(), "{language}: {name}");
                assert_eq!(
                    placeholders(text),
                    placeholders(english),
                    "{language}: {name}"
                );
            }
        }
    }

    #[test]
    fn a_tag_with_a_region_has_its_language_and_an_unknown_one_has_english() {
        assert_eq!(words("de-AT").confirm, "Bestätigen");
        assert_eq!(words("pt").confirm, "Confirm");
    }

    #[test]
    fn what_is_filled_in_is_not_looked_at_again() {
        assert_eq!(
            fill("“{a}” of {b}", &[("a", "{b}"), ("b", "x")]),
            "“{b}” of x"
        );
    }
}
