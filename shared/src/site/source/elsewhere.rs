//! `[elsewhere]` and `[[redirect]]` of a form: its names at other services, and its named places.

use std::collections::BTreeMap;

use crate::domain::elsewhere::{Elsewhere, Service};
use crate::domain::form::Form;
use crate::runtime::is_secret_name;

use super::forms::check_next;
use super::names::{Unique, check_field_name};
use super::reader::{At, Report, Spot, Table};

/// Longest name of a form elsewhere, in bytes.
const LONGEST: usize = 100;

/// Reads `[elsewhere]`.
pub(super) fn elsewhere(root: &Table<'_>) -> Elsewhere {
    let Some(table) = root.table("elsewhere", "[elsewhere]") else {
        return Elsewhere::default();
    };
    let mut ids = BTreeMap::new();
    for service in Service::ALL {
        let names: Vec<String> = table
            .texts(service.name())
            .unwrap_or_default()
            .iter()
            .filter_map(id)
            .collect();
        if !names.is_empty() {
            ids.insert(service, names);
        }
    }
    let read = Elsewhere {
        ids,
        google_key: secret(&table, "google_key"),
        meta_app_secret: secret(&table, "meta_app_secret"),
        meta_verify_token: secret(&table, "meta_verify_token"),
    };
    for (service, key, there) in [
        (Service::Google, "google_key", read.google_key.is_some()),
        (
            Service::Meta,
            "meta_app_secret",
            read.meta_app_secret.is_some(),
        ),
    ] {
        if read.ids.contains_key(&service) && !there {
            table.key_spot(service.name()).error_help(
                format!("a form that {} posts to needs `{key}`", service.name()),
                "name a secret: without one anybody could post in its name",
            );
        }
    }
    table.finish();
    read
}

fn id(name: &At<'_, String>) -> Option<String> {
    let id = name.value.trim();
    let ok = !id.is_empty() && id.len() <= LONGEST && !id.chars().any(char::is_control);
    if !ok {
        name.spot.error_help(
            format!("`{}` cannot be the name of a form", name.value),
            format!("copy it from the page or the service; it has at most {LONGEST} characters"),
        );
    }
    ok.then(|| id.to_owned())
}

fn secret(table: &Table<'_>, key: &'static str) -> Option<String> {
    let name = table.text(key)?;
    if is_secret_name(&name.value) {
        return Some(name.value);
    }
    name.spot.error_help(
        format!("`{key}` does not name a secret"),
        "write its name, such as `google-leads`; the value itself never stands in a site file",
    );
    None
}

/// Reads `[[redirect]]`.
pub(super) fn redirects(root: &Table<'_>, origins: &[String]) -> BTreeMap<String, String> {
    let mut names = Unique::default();
    let mut read = BTreeMap::new();
    for table in root.tables("redirect", "[[redirect]]") {
        let name = table.required_text("name", "what pages send as `_next`, such as `thanks`");
        let to = table.required_text("to", "a path, or a URL of an allowed origin");
        table.finish();
        let (Some(name), Some(to)) = (name, to) else {
            continue;
        };
        check_next(&to, "to", origins);
        if check_field_name(&name) && names.insert(&name.value, name.spot, "redirect") {
            read.insert(name.value, to.value);
        }
    }
    read
}

/// Two forms that go by one name at a service could not be told apart. An `oid` is the organisation's, so several forms may share it;
/// their pages then say which is meant.
pub(super) fn check_apart<'f>(forms: impl Iterator<Item = &'f Form>, report: &Report) {
    let mut seen: BTreeMap<(Service, String), &str> = BTreeMap::new();
    for form in forms {
        let named = form.elsewhere.ids.iter();
        for (service, id) in named.flat_map(|(s, ids)| ids.iter().map(move |id| (*s, id))) {
            if service == Service::WebToLead {
                continue;
            }
            if let Some(other) = seen.insert((service, id.to_ascii_lowercase()), &form.id) {
                report.file_error(
                    &format!("forms/{}.toml", form.id),
                    format!(
                        "the form `{other}` is called `{id}` at {} too",
                        service.name()
                    ),
                    Some("a name there leads to one form here"),
                );
            }
        }
    }
}

/// A country code, in upper case.
pub(super) fn country(code: &At<'_, String>) -> Option<String> {
    let known = crate::domain::phone::knows(&code.value);
    if !known {
        bad_country(code.spot, &code.value);
    }
    known.then(|| code.value.clone())
}

fn bad_country(spot: Spot<'_>, code: &str) {
    spot.error_help(
        format!("`{code}` is not a country code"),
        "two capital letters, such as `NL` or `GB`",
    );
}
