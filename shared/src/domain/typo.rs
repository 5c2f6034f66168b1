//! Advice about a mistyped mail domain: "did you mean ada@gmail.com?". It is made of what was typed and nothing else, and never changes it.

use super::email::EmailAddress;

/// Domains that many people have their mail at, by how many do.
const WELL_KNOWN: [&str; 48] = [
    "gmail.com",
    "hotmail.com",
    "outlook.com",
    "yahoo.com",
    "icloud.com",
    "aol.com",
    "live.com",
    "msn.com",
    "gmx.de",
    "web.de",
    "t-online.de",
    "freenet.de",
    "gmx.net",
    "gmx.at",
    "gmx.ch",
    "googlemail.com",
    "protonmail.com",
    "hotmail.fr",
    "hotmail.co.uk",
    "hotmail.de",
    "hotmail.it",
    "hotmail.es",
    "yahoo.co.uk",
    "yahoo.fr",
    "yahoo.de",
    "yahoo.it",
    "yahoo.es",
    "outlook.de",
    "outlook.fr",
    "orange.fr",
    "wanadoo.fr",
    "laposte.net",
    "free.fr",
    "sfr.fr",
    "libero.it",
    "virgilio.it",
    "ziggo.nl",
    "kpnmail.nl",
    "planet.nl",
    "telenet.be",
    "skynet.be",
    "bluewin.ch",
    "btinternet.com",
    "comcast.net",
    "verizon.net",
    "yandex.ru",
    "seznam.cz",
    "rediffmail.com",
];

/// Real domains that look like one of the above: nobody who typed one meant the other.
const REAL: [&str; 22] = [
    "gmx.com",
    "mail.com",
    "email.com",
    "ymail.com",
    "me.com",
    "mac.com",
    "proton.me",
    "pm.me",
    "live.nl",
    "live.fr",
    "live.de",
    "live.co.uk",
    "hotmail.nl",
    "hotmail.be",
    "hotmail.ch",
    "yahoo.ca",
    "yahoo.in",
    "outlook.it",
    "outlook.es",
    "outlook.at",
    "fmail.com",
    "fastmail.com",
];

/// Endings that no domain has, each with the one its author meant.
const ENDINGS: [(&str, &str); 12] = [
    ("con", "com"),
    ("cmo", "com"),
    ("ocm", "com"),
    ("vom", "com"),
    ("xom", "com"),
    ("cpm", "com"),
    ("comm", "com"),
    ("coom", "com"),
    ("nte", "net"),
    ("ent", "net"),
    ("ogr", "org"),
    ("dee", "de"),
];

/// The address that was most likely meant, if the typed one has a slip in its domain.
///
/// ```
/// use shared::domain::typo::did_you_mean;
///
/// assert_eq!(did_you_mean("Ada@gmial.com").as_deref(), Some("Ada@gmail.com"));
/// assert_eq!(did_you_mean("ada@acme.con").as_deref(), Some("ada@acme.com"));
/// assert_eq!(did_you_mean("ada@gmail.com"), None);
/// ```
pub fn did_you_mean(typed: &str) -> Option<String> {
    let (local, domain) = typed.trim().rsplit_once('@')?;
    let domain = domain.to_ascii_lowercase();
    let meant = domain_meant(&domain)?;
    let suggestion = format!("{local}@{meant}");
    EmailAddress::parse(&suggestion).ok().map(|_| suggestion)
}

fn domain_meant(typed: &str) -> Option<String> {
    if WELL_KNOWN.contains(&typed) || REAL.contains(&typed) {
        return None;
    }
    let near = |known: &&&str| {
        let most = if known.len() < 8 { 1 } else { 2 };
        known.len().abs_diff(typed.len()) <= most && strsim::osa_distance(known, typed) <= most
    };
    // The nearest one; of two as near, the one more people have.
    if let Some(known) = WELL_KNOWN
        .iter()
        .filter(near)
        .min_by_key(|known| strsim::osa_distance(known, typed))
    {
        return Some((**known).to_owned());
    }
    let (name, ending) = typed.rsplit_once('.')?;
    let (_, meant) = ENDINGS.iter().find(|(wrong, _)| *wrong == ending)?;
    Some(format!("{name}.{meant}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adr_7_a_slip_in_a_well_known_domain_is_noticed_and_a_real_domain_is_left_alone() {
        for (typed, meant) in [
            ("ada@gmial.com", Some("ada@gmail.com")),
            ("ada@gmail.co", Some("ada@gmail.com")),
            ("ada@gmail.con", Some("ada@gmail.com")),
            ("ada@gnail.com", Some("ada@gmail.com")),
            ("ada@hotmial.com", Some("ada@hotmail.com")),
            ("ada@outlok.com", Some("ada@outlook.com")),
            ("ada@yaho.com", Some("ada@yahoo.com")),
            ("ada@GMX.DEE", Some("ada@gmx.de")),
            ("ada@acme.vom", Some("ada@acme.com")),
            ("ada@gmail.com", None),
            ("ada@ymail.com", None),
            ("ada@gmx.com", None),
            ("ada@live.nl", None),
            ("ada@analytical-engines.com", None),
            ("ada@acme.co", None),
            ("ada", None),
            ("ada@", None),
            ("a da@gmial.com", None),
        ] {
            assert_eq!(did_you_mean(typed).as_deref(), meant, "{typed}");
        }
    }
}
