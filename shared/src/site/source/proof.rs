//! `[proof]` of a form: the proof of being human that its posts must bring.

use crate::domain::proof::{ProofAsk, ProofKind};

use super::names::check_id;
use super::reader::{At, Table};

/// Least score in hundredths, where the file does not say.
const MIN_SCORE: u8 = 50;

/// Reads the table, if the form has one. `origins` are the form's, on whose hosts tokens are made.
pub(super) fn of(root: &Table<'_>, origins: &[String]) -> Option<ProofAsk> {
    let table = root.table("proof", "[proof]")?;
    let kind = table.required_text("kind", "`altcha`, `turnstile`, `hcaptcha` or `recaptcha`");
    let site_key = table.text("site_key");
    let secret = table.text("secret");
    let hosts = table.texts("hosts");
    let action = table.text("action");
    let min_score = table
        .bounded::<u8>("min_score", 0, 100)
        .map_or(MIN_SCORE, |at| at.value);
    let spot = table.spot;
    table.finish();
    let named = kind?;
    let Some(kind) = ProofKind::by_name(&named.value) else {
        let known = ["altcha", "turnstile", "hcaptcha", "recaptcha"];
        let message = format!("there is no proof of the kind `{}`", named.value);
        named.spot.error_near(message, &named.value, &known);
        return None;
    };
    if let Some(secret) = &secret {
        check_id(secret, "secret", 40);
    }
    if kind.verifies_at().is_some() && (site_key.is_none() || secret.is_none()) {
        spot.error_help(
            format!("`{}` needs a `site_key` and the name of a `secret`", kind.name()),
            "the service gives you both; put the secret itself where the site's secrets are, never into this file",
        );
    }
    let of_origins = || {
        let urls = origins.iter().filter_map(|o| url::Url::parse(o).ok());
        urls.filter_map(|u| u.host_str().map(str::to_owned))
            .collect()
    };
    let value = |text: At<'_, String>| text.value;
    Some(ProofAsk {
        kind,
        site_key: site_key.map(value),
        secret: secret.map(value),
        hosts: hosts.map_or_else(of_origins, |h| h.into_iter().map(value).collect()),
        action: action.map(value),
        min_score,
    })
}
