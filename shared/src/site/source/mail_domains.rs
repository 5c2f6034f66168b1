//! Lists of mail domains that every site begins with; a site adds its own in `scoring.toml`. The lists are data: `lists/*.txt`.

/// Providers of personal mailboxes: an address there says nothing about an employer.
pub(super) fn free_mail() -> impl Iterator<Item = &'static str> {
    lines(include_str!("lists/free_mail.txt"))
}

/// Providers of mailboxes that last for minutes.
pub(super) fn disposable() -> impl Iterator<Item = &'static str> {
    lines(include_str!("lists/disposable.txt"))
}

fn lines(list: &'static str) -> impl Iterator<Item = &'static str> {
    list.lines().filter(|line| !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_list_is_sorted_and_holds_each_domain_once_and_no_domain_is_in_both() {
        for list in [free_mail().collect::<Vec<_>>(), disposable().collect()] {
            assert!(list.len() > 100);
            assert!(list.is_sorted_by(|a, b| a < b), "{list:?}");
            assert!(
                list.iter()
                    .all(|d| d.contains('.') && *d == d.to_lowercase().trim())
            );
        }
        assert!(free_mail().all(|d| disposable().all(|other| other != d)));
    }
}
