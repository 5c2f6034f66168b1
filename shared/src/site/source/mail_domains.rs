//! The list of free-mail providers that every site begins with; a site adds its own in `scoring.toml`. The list is data:
//! `lists/free_mail.txt`. Throw-away mailboxes have a list in the domain, because posts are looked up in it as well.

/// Providers of personal mailboxes: an address there says nothing about an employer.
pub(super) fn free_mail() -> impl Iterator<Item = &'static str> {
    let lines = include_str!("lists/free_mail.txt").lines();
    lines.filter(|line| !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::disposable::is_disposable;

    #[test]
    fn the_list_is_sorted_and_holds_each_domain_once_and_no_throw_away_one() {
        let list: Vec<_> = free_mail().collect();
        assert!(list.len() > 100);
        assert!(list.is_sorted_by(|a, b| a < b), "{list:?}");
        for domain in list {
            assert!(domain.contains('.') && domain == domain.to_lowercase().trim());
            assert!(!is_disposable(domain, &[]), "{domain}");
        }
    }
}
