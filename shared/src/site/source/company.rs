//! `[business]` and `[sender]` of `site.toml`.

use std::collections::BTreeMap;

use crate::domain::email::EmailAddress;
use crate::site::{Business, Sender};

use super::names::{Unique, check_field_name};
use super::reader::{At, Table};

/// Colour of buttons and links where the site names none.
const DEFAULT_ACCENT: &str = "#1f5fbf";

/// Reads `[business]`.
pub(super) fn business(root: &Table<'_>) -> Option<Business> {
    let table = root.required_table(
        "business",
        "[business]",
        "say who you are: name, postal_address, website, privacy_url",
    )?;
    let name = table.required_text("name", "the name that people know");
    let postal_address = table.required_text(
        "postal_address",
        "the law of most countries wants one at the foot of each mail; write it as `postal_address = \"Street 1, 12345 City, Country\"`",
    );
    let website = table.required_text("website", "such as `website = \"https://www.example.com\"`");
    let privacy_url = table.required_text(
        "privacy_url",
        "the page that says what you do with personal data",
    );
    let language = table.text("language");
    let accent = table.text("accent");
    table.finish();

    for url in [&website, &privacy_url].into_iter().flatten() {
        check_url(url);
    }
    for line in [&name, &postal_address].into_iter().flatten() {
        check_plain(line, 200);
    }
    if let Some(tag) = &language {
        check_language(tag);
    }
    if let Some(colour) = &accent {
        check_accent(colour);
    }
    Some(Business {
        name: trimmed(&name?),
        postal_address: trimmed(&postal_address?),
        website: website?.value,
        privacy_url: privacy_url?.value,
        language: language.map_or_else(|| String::from("en"), |l| l.value),
        accent: accent.map_or_else(
            || String::from(DEFAULT_ACCENT),
            |a| a.value.to_ascii_lowercase(),
        ),
    })
}

/// Reads `[sender]`.
pub(super) fn sender(root: &Table<'_>) -> Option<Sender> {
    let table = root.required_table(
        "sender",
        "[sender]",
        "say who mail comes from: `name = \"...\"`",
    )?;
    let name = table.required_text("name", "the display name that people see in their inbox");
    let reply_to = table.text("reply_to");
    table.finish();
    if let Some(name) = &name {
        check_plain(name, 64);
        if name.value.contains(['@', '<', '>', '"']) {
            name.spot.error_help(
                "`name` of the sender has `@`, `<`, `>` or a quote",
                "mail clients take such names for forgeries; use plain words",
            );
        }
    }
    if let Some(address) = &reply_to {
        check_address(address);
    }
    Some(Sender {
        name: trimmed(&name?),
        reply_to: reply_to.map(|r| r.value),
    })
}

fn trimmed(text: &At<'_, String>) -> String {
    text.value.trim().to_owned()
}

/// `[[link]]`: pages that tracked links in mails lead to, by id.
pub(super) fn links(root: &Table<'_>) -> BTreeMap<String, String> {
    let mut ids = Unique::default();
    let mut links = BTreeMap::new();
    for table in root.tables("link", "[[link]]") {
        let id = table.required_text("id", "the name that templates use: `links.to.ID`");
        let url = table.required_text("url", "the page it leads to");
        // A name that templates can write after a dot.
        let id = id.filter(|id| check_field_name(id) && ids.insert(&id.value, id.spot, "link"));
        let url = url.filter(check_url);
        if let (Some(id), Some(url)) = (id, url) {
            links.insert(id.value, url.value);
        }
        table.finish();
    }
    links
}

/// An absolute https URL; http only on this machine.
pub(super) fn check_url(url: &At<'_, String>) -> bool {
    let parsed = url::Url::parse(&url.value)
        .ok()
        .filter(|u| u.has_host() && u.username().is_empty() && u.password().is_none());
    let ok = parsed
        .is_some_and(|u| u.scheme() == "https" || (u.scheme() == "http" && is_this_machine(&u)));
    if !ok {
        url.spot.error_help(
            format!("`{}` is not an absolute https URL", url.value),
            "write it as in the address bar: https://www.example.com/page",
        );
    }
    ok
}

/// Whether the URL points at the machine it is opened on.
pub(super) fn is_this_machine(url: &url::Url) -> bool {
    matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
}

/// An address that mail can be sent to.
pub(super) fn check_address(address: &At<'_, String>) {
    if let Err(error) = EmailAddress::parse(&address.value) {
        address.spot.error(format!(
            "`{}` is not a mail address: it {error}",
            address.value
        ));
    }
}

/// One line without control characters, not too long.
pub(super) fn check_plain(text: &At<'_, String>, longest: usize) {
    if text.value.chars().any(char::is_control) {
        text.spot
            .error("the text should be one line without control characters");
    }
    if text.value.chars().count() > longest {
        text.spot
            .error(format!("the text is over {longest} characters"));
    }
}

/// The shape of a BCP 47 tag: `en`, `de-AT`, `zh-Hant-TW`.
pub(super) fn check_language(tag: &At<'_, String>) {
    let mut parts = tag.value.split('-');
    let primary = parts
        .next()
        .is_some_and(|p| (2..=3).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_lowercase()));
    let rest =
        parts.all(|p| (2..=8).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_alphanumeric()));
    if !(primary && rest) {
        tag.spot.error_help(
            format!("`{}` is not a language tag", tag.value),
            "such as `en`, `de` or `pt-BR`",
        );
    }
}

/// `#rrggbb`, dark enough for white text: buttons in pages and mails have white text on it.
fn check_accent(colour: &At<'_, String>) {
    let digits = colour
        .value
        .strip_prefix('#')
        .filter(|d| d.len() == 6 && d.bytes().all(|b| b.is_ascii_hexdigit()));
    let Some(rgb) = digits.and_then(|d| u32::from_str_radix(d, 16).ok()) else {
        colour.spot.error_help(
            format!("`{}` is not a colour", colour.value),
            "write it as #rrggbb, such as `#1f5fbf`",
        );
        return;
    };
    let contrast = contrast_with_white(rgb);
    if contrast < 4.5 {
        colour.spot.warn_help(
            format!("white text on `{}` is hard to read: contrast {contrast:.1}, should be at least 4.5", colour.value),
            "choose a darker colour",
        );
    }
}

/// Contrast ratio against white by WCAG 2.2.
fn contrast_with_white(rgb: u32) -> f64 {
    let channel = |shift: u32| {
        let share = f64::from((rgb >> shift) & 0xff) / 255.0;
        if share <= 0.040_45 {
            share / 12.92
        } else {
            ((share + 0.055) / 1.055).powf(2.4)
        }
    };
    let luminance = 0.2126 * channel(16) + 0.7152 * channel(8) + 0.0722 * channel(0);
    1.05 / (luminance + 0.05)
}
