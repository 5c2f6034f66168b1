//! The pages that visitors and sales see, one type each; how they look stands in `shared/templates/`.
//!
//! Every value is escaped by the template engine. A page has exactly one `<style>` (its hash is the only style that the policy in
//! [`super::http`] lets in), no script, no style attribute, and fetches nothing. Visitors' text never gets into a `href`.
//! A page knows nothing of requests, tokens or the store: it shows what it is given, and a press of its button is an ordinary post.
//!
//! To add a page: a type here, its template that extends `layout.html`, and its place in the list in `tests.rs`.

mod form;
mod palette;
#[cfg(test)]
mod tests;
pub mod words;

use askama::Template;

use self::palette::Palette;
use self::words::{Words, fill};
use crate::domain::countries::country_name;
use crate::domain::handoff::Handoff;
use crate::domain::score::Dimension;
use crate::site::Business;

pub use self::form::FormPage;

/// Languages that are written from right to left.
const RIGHT_TO_LEFT: [&str; 8] = ["ar", "ckb", "dv", "fa", "he", "ps", "ur", "yi"];

/// Whose page it is, and in which language.
#[derive(Clone, Copy, Debug)]
pub struct Look<'a> {
    /// The business.
    pub business: &'a Business,
    /// BCP 47 language of the page's texts.
    pub language: &'a str,
}

impl Look<'_> {
    fn palette(&self) -> Palette {
        Palette::of(&self.business.accent)
    }

    /// The words of the page.
    pub fn words(&self) -> &'static Words {
        words::words(self.language)
    }

    fn is_right_to_left(&self) -> bool {
        let primary = self.language.split(['-', '_']).next().unwrap_or_default();
        RIGHT_TO_LEFT
            .iter()
            .any(|l| l.eq_ignore_ascii_case(primary))
    }
}

/// A page that only says something.
#[derive(Template)]
#[template(path = "message.html")]
pub struct MessagePage<'a> {
    /// Whose page it is.
    pub look: Look<'a>,
    /// Heading.
    pub title: String,
    /// What it says.
    pub text: String,
    /// Where a "Back" link leads; never text of a visitor.
    pub back: Option<String>,
}

/// What a visitor reads after a submission that worked.
#[derive(Template)]
#[template(path = "thanks.html")]
pub struct ThanksPage<'a> {
    /// Whose page it is.
    pub look: Look<'a>,
    /// Heading.
    pub title: String,
    /// What it says.
    pub text: String,
}

/// A consent that a press of the button confirms.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Its purpose, posted as `confirms`.
    pub purpose: &'a str,
    /// Its exact wording.
    pub text: &'a str,
}

/// The page behind a download link: one button, which also confirms the address.
#[derive(Template)]
#[template(path = "download.html")]
pub struct DownloadPage<'a> {
    /// Whose page it is.
    pub look: Look<'a>,
    /// Title of the magnet.
    pub title: &'a str,
    /// What it is, possibly empty.
    pub description: &'a str,
    /// How large, as people read it.
    pub size: String,
    /// Whether the address is known to be theirs, so that the button need not say that it confirms it.
    pub confirmed: bool,
    /// Consents that the button confirms besides.
    pub consents: Vec<Asked<'a>>,
    /// Signed time at which the page was shown, posted as `page`.
    pub stamp: String,
}

impl DownloadPage<'_> {
    /// What the button does besides, in words; none where it does nothing else.
    fn also(&self) -> Option<&'static str> {
        let words = self.look.words();
        match (self.confirmed, self.consents.is_empty()) {
            (true, true) => None,
            (true, false) => Some(words.download_confirms_ticked),
            (false, true) => Some(words.download_confirms),
            (false, false) => Some(words.download_confirms_and),
        }
    }
}

/// The page behind a confirmation link.
#[derive(Template)]
#[template(path = "confirm.html")]
pub struct ConfirmPage<'a> {
    /// Whose page it is.
    pub look: Look<'a>,
    /// Title of the form that the address was typed into.
    pub form_title: &'a str,
    /// Consents that the button confirms besides.
    pub consents: Vec<Asked<'a>>,
    /// The button takes back an earlier wish for no more mail.
    pub comes_back: bool,
    /// Signed time at which the page was shown, posted as `page`.
    pub stamp: String,
}

impl ConfirmPage<'_> {
    fn where_typed(&self) -> String {
        let names = [
            ("form", self.form_title),
            ("business", self.look.business.name.as_str()),
        ];
        fill(self.look.words().confirm_where, &names)
    }

    fn takes_back(&self) -> String {
        let business = [("business", self.look.business.name.as_str())];
        fill(self.look.words().confirm_back, &business)
    }
}

/// The page behind an unsubscribe link. It posts what mail programs post for their own unsubscribe button.
#[derive(Template)]
#[template(path = "unsubscribe.html")]
pub struct UnsubscribePage<'a> {
    /// Whose page it is.
    pub look: Look<'a>,
    /// Where to choose single mails instead; none where the link is not ours.
    pub preferences: Option<String>,
}

impl UnsubscribePage<'_> {
    fn what(&self) -> String {
        let business = [("business", self.look.business.name.as_str())];
        fill(self.look.words().unsubscribe_what, &business)
    }
}

/// A kind of mail that somebody may want or not.
#[derive(Clone, Copy, Debug)]
pub struct Choosable<'a> {
    /// Its purpose, posted as `shown`, and as `wanted` where it is ticked.
    pub purpose: &'a str,
    /// What it is, in the form's words.
    pub text: &'a str,
    /// Whether they get it now.
    pub wanted: bool,
}

/// The page on which people choose which mails they get. It never shows an address.
#[derive(Template)]
#[template(path = "preferences.html")]
pub struct PreferencesPage<'a> {
    /// Whose page it is.
    pub look: Look<'a>,
    /// What can be chosen.
    pub choices: Vec<Choosable<'a>>,
    /// They asked for no more mail.
    pub left: bool,
    /// Path of the unsubscribe link.
    pub unsubscribe: String,
    /// Signed time at which the page was shown, posted as `page`.
    pub stamp: String,
}

impl PreferencesPage<'_> {
    fn intro(&self) -> String {
        let words = self.look.words();
        let text = if self.choices.is_empty() {
            words.preferences_none
        } else {
            words.preferences_intro
        };
        fill(text, &[("business", &self.look.business.name)])
    }

    fn leaving(&self) -> String {
        let business = [("business", self.look.business.name.as_str())];
        fill(self.look.words().unsubscribe_what, &business)
    }
}

/// The page behind a download link that has run out. It never shows an address.
#[derive(Template)]
#[template(path = "expired.html")]
pub struct ExpiredPage<'a> {
    /// Whose page it is.
    pub look: Look<'a>,
    /// Title of the magnet.
    pub title: &'a str,
}

impl ExpiredPage<'_> {
    fn led_to(&self) -> String {
        fill(self.look.words().expired, &[("title", self.title)])
    }
}

/// What a page of a handoff asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    /// Take it, hand it back, later, or somebody else's.
    First,
    /// What became of a lead that was taken.
    Later,
    /// Nothing more: the answers stand.
    Nothing,
}

/// What can be chosen, each as what is posted and what people read.
#[derive(Clone, Debug)]
pub struct Choices<'a> {
    /// Reasons for handing a lead back.
    pub reject: &'a [(&'a str, &'a str)],
    /// Reasons for which a lead is lost.
    pub lost: &'a [(&'a str, &'a str)],
    /// Times to be reminded; the last part is the number of days.
    pub snooze: &'a [(&'a str, &'a str, i64)],
    /// Colleagues by id.
    pub colleagues: Vec<(&'a str, &'a str)>,
}

/// The page on which sales answers an alert.
#[derive(Template)]
#[template(path = "handoff.html")]
pub struct HandoffPage<'a> {
    /// Whose page it is.
    pub look: Look<'a>,
    /// The lead, frozen when it qualified.
    pub handoff: &'a Handoff,
    /// What sales said so far, a sentence each.
    pub told: Vec<String>,
    /// The last of these is what was pressed just now.
    pub done: bool,
    /// The button was pressed too soon after the page was shown.
    pub pressed_too_soon: bool,
    /// What can still be answered.
    pub asks: Asks,
    /// Sales qualified it already.
    pub qualified: bool,
    /// The choice clicked in the mail, shown first: `accept`, `reject`, `snooze` or `pass`.
    pub answer: Option<&'a str>,
    /// What there is to choose from.
    pub choices: Choices<'a>,
    /// Until when it should be answered, as people read it; empty where it is answered or nothing was agreed.
    pub answer_by: String,
    /// Signed time at which the page was shown, posted as `page`.
    pub stamp: String,
}

impl HandoffPage<'_> {
    fn name(&self) -> &str {
        let email = self.handoff.email.as_ref().map(|e| e.expose().as_str());
        let name = self.handoff.name.expose().as_str();
        Some(name)
            .filter(|n| !n.is_empty())
            .or(email)
            .unwrap_or("A lead")
    }

    fn role(&self) -> String {
        let known = ["job_title", "company"]
            .into_iter()
            .filter_map(|field| self.handoff.field(field));
        known
            .map(|value| value.expose().as_str())
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// What is known of them besides address, name and role, by label.
    fn profile(&self) -> Vec<(&str, &str)> {
        let rest = self
            .handoff
            .profile
            .iter()
            .filter(|l| !matches!(l.field.as_str(), "job_title" | "company"));
        rest.map(|l| {
            let value = l.value.expose().as_str();
            // Earlier handoffs have the code.
            let country = country_name(value).filter(|_| l.field == "country");
            (l.label.as_str(), country.unwrap_or(value))
        })
        .collect()
    }

    fn asked_for(&self, answer: &str) -> bool {
        self.answer == Some(answer)
    }
}

const fn dimension(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::Fit => "Fit",
        Dimension::Engagement => "Engagement",
        Dimension::Bant => "BANT",
    }
}

/// `+10`, `−5`, with a real minus sign.
fn signed(points: i32) -> String {
    let sign = if points < 0 { '−' } else { '+' };
    format!("{sign}{}", points.unsigned_abs())
}
