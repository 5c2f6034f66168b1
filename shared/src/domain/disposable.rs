//! Services that give out throw-away mailboxes: a list kept as data, and refreshed with a release.

/// Their domains, sorted, one a line: the blocklist of the public-domain project disposable-email-domains, November 2026.
const DOMAINS: &str = include_str!("data/disposable.txt");

/// Whether a domain (lower case, A-labels) or one above it is such a service's. `allowed` domains, and what is below them, are not.
///
/// ```
/// use shared::domain::disposable::is_disposable;
///
/// assert!(is_disposable("mail.mailinator.com", &[]));
/// assert!(!is_disposable("lovemailinator.org", &[]));
/// assert!(!is_disposable("mailinator.com", &["mailinator.com".into()]));
/// ```
pub fn is_disposable(domain: &str, allowed: &[String]) -> bool {
    let mut suffixes = with_parents(domain);
    !with_parents(domain).any(|d| allowed.iter().any(|a| a == d)) && suffixes.any(is_listed)
}

/// The domain, and each above it that has two labels at least.
fn with_parents(domain: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(domain), |d| d.split_once('.').map(|(_, above)| above))
        .filter(|d| d.contains('.'))
}

/// Searches the lines by halves: the list is looked into once a post, and never unpacked.
fn is_listed(domain: &str) -> bool {
    let (mut low, mut high) = (0, DOMAINS.len());
    while low < high {
        let middle = low.midpoint(high);
        let start = DOMAINS[..middle].rfind('\n').map_or(0, |at| at + 1);
        let end = DOMAINS[start..]
            .find('\n')
            .map_or(DOMAINS.len(), |at| start + at);
        match domain.cmp(&DOMAINS[start..end]) {
            std::cmp::Ordering::Equal => return true,
            std::cmp::Ordering::Less => high = start,
            std::cmp::Ordering::Greater => low = end + 1,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adr_6_every_line_of_the_list_is_found_and_no_well_known_provider_is_on_it() {
        let lines: Vec<&str> = DOMAINS.lines().collect();
        assert!(lines.is_sorted() && lines.len() > 5_000, "{}", lines.len());
        for line in &lines {
            assert!(is_listed(line), "{line}");
        }
        for real in [
            "gmail.com",
            "outlook.com",
            "gmx.de",
            "web.de",
            "yahoo.com",
            "a.zz",
            "",
            "zzz.zz",
        ] {
            assert!(!is_disposable(real, &[]), "{real}");
        }
    }
}
