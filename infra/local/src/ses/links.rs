//! The links of a mail, as a reader (or a test) would find them: hrefs of the HTML part in order, then addresses in the text part.
//!
//! Pure text handling. Must not know what a link means.

/// All http and https links: first those of `html`, then those of `text`, each once, in order of appearance.
pub fn links_of(html: &str, text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for link in hrefs(html).into_iter().chain(bare_links(text)) {
        if !found.contains(&link) {
            found.push(link);
        }
    }
    found
}

fn is_web_link(candidate: &str) -> bool {
    let rest = strip_prefix_ignore_case(candidate, "https://")
        .or_else(|| strip_prefix_ignore_case(candidate, "http://"));
    rest.is_some_and(|rest| !rest.is_empty())
}

fn strip_prefix_ignore_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix)
        .then(|| &text[prefix.len()..])
}

/// The values of every `href` attribute, entities resolved.
fn hrefs(html: &str) -> Vec<String> {
    let mut links = Vec::new();
    let mut rest = html;
    while let Some(open) = rest.find('<') {
        rest = &rest[open + 1..];
        if let Some(comment) = rest.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
            continue;
        }
        let (tag, after) = split_tag(rest);
        rest = after;
        links.extend(
            attributes(tag)
                .filter(|(name, _)| name.eq_ignore_ascii_case("href"))
                .map(|(_, value)| resolve_entities(value.trim()))
                .filter(|link| is_web_link(link)),
        );
    }
    links
}

/// Splits at the `>` that ends the tag, which is not one inside a quoted value.
fn split_tag(text: &str) -> (&str, &str) {
    let mut quote = None;
    for (at, ch) in text.char_indices() {
        match (quote, ch) {
            (None, '>') => return (&text[..at], &text[at + 1..]),
            (None, '"' | '\'') => quote = Some(ch),
            (Some(open), _) if open == ch => quote = None,
            _ => {}
        }
    }
    (text, "")
}

/// The attributes of a tag's inside, as `(name, raw value)`; those without a value are left out.
fn attributes(tag: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = tag
        .split_once(|ch: char| ch.is_ascii_whitespace())
        .map_or("", |(_, attributes)| attributes);
    std::iter::from_fn(move || {
        loop {
            rest = rest.trim_start_matches(|ch: char| ch.is_ascii_whitespace() || ch == '/');
            if rest.is_empty() {
                return None;
            }
            let name_end = rest
                .find(|ch: char| ch.is_ascii_whitespace() || matches!(ch, '=' | '/'))
                .unwrap_or(rest.len());
            let name = &rest[..name_end];
            let after_name = rest[name_end..].trim_start();
            let Some(value) = after_name.strip_prefix('=') else {
                rest = after_name;
                continue;
            };
            let value = value.trim_start();
            let (value, after) = if let Some(quote @ ('"' | '\'')) = value.chars().next() {
                let inner = &value[1..];
                inner.split_once(quote).unwrap_or((inner, ""))
            } else {
                let end = value
                    .find(|ch: char| ch.is_ascii_whitespace())
                    .unwrap_or(value.len());
                value.split_at(end)
            };
            rest = after;
            return Some((name, value));
        }
    })
}

/// The entities that template engines write into attribute values: the five named ones and numeric ones.
fn resolve_entities(text: &str) -> String {
    let mut resolved = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        resolved.push_str(&rest[..at]);
        rest = &rest[at..];
        let entity = rest
            .split_once(';')
            .filter(|(name, _)| name.len() <= 10)
            .and_then(|(name, after)| Some((entity_char(&name[1..])?, after)));
        if let Some((ch, after)) = entity {
            resolved.push(ch);
            rest = after;
        } else {
            resolved.push('&');
            rest = &rest[1..];
        }
    }
    resolved.push_str(rest);
    resolved
}

fn entity_char(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

/// Addresses standing in plain text, without the punctuation of the sentence around them.
fn bare_links(text: &str) -> Vec<String> {
    text.split(|ch: char| ch.is_whitespace() || matches!(ch, '<' | '>' | '"'))
        .filter_map(|word| {
            let start = word.find("https://").or_else(|| word.find("http://"))?;
            let opened_by = word[..start].chars().next_back();
            let mut link =
                word[start..].trim_end_matches(['.', ',', ';', ':', '!', '?', '\'', '*', '_']);
            if opened_by == Some('(') {
                link = link.strip_suffix(')').unwrap_or(link);
            } else if opened_by == Some('[') {
                link = link.strip_suffix(']').unwrap_or(link);
            }
            is_web_link(link).then(|| link.to_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hrefs_come_first_in_order_then_the_text_and_each_link_once() {
        let html = r#"<p><A class=x HREF="https://a.example/one?x=1&amp;y=2">1</A> <a href='http://b.example/two'>2</a></p>"#;
        let text =
            "See https://a.example/one?x=1&y=2, or (https://c.example/three). http://b.example/two";
        assert_eq!(
            links_of(html, text),
            [
                "https://a.example/one?x=1&y=2",
                "http://b.example/two",
                "https://c.example/three"
            ]
        );
    }

    #[test]
    fn what_is_not_a_web_link_is_left_out() {
        let html = r#"<!-- <a href="https://hidden.example/">x</a> -->
            <a href="mailto:a@b.example">m</a><a href="javascript:alert(1)">j</a><a href="/relative">r</a>
            <img alt="href=https://not.example/ >" src="https://img.example/a.png"><a href>n</a><a href="https://">e</a>"#;
        assert_eq!(
            links_of(html, "ftp://x.example http://"),
            Vec::<String>::new()
        );
    }

    #[test]
    fn numeric_entities_and_unquoted_values_are_read() {
        let html = r"<a href=https://x.example/?a&#61;1&#x26;b=2&copy=3 >x</a>";
        assert_eq!(links_of(html, ""), ["https://x.example/?a=1&b=2&copy=3"]);
    }

    #[test]
    fn broken_markup_ends_the_search_without_a_panic() {
        for html in [
            "<",
            "<a href",
            "<a href=",
            "<a href=\"https://x",
            "<!--",
            "<a é='",
            "&",
        ] {
            let _ = links_of(html, html);
        }
        assert_eq!(
            links_of("<a href=\"https://x.example/", ""),
            ["https://x.example/"]
        );
    }

    #[test]
    fn parentheses_that_belong_to_the_link_stay() {
        assert_eq!(
            links_of("", "https://x.example/wiki/Rust_(language)"),
            ["https://x.example/wiki/Rust_(language)"]
        );
    }
}
