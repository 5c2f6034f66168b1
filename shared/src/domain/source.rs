//! Attribution: where a visitor came from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use url::Url;

/// Longest kept value in bytes; a longer one is cut off.
const MAX_VALUE: usize = 512;

/// Campaign parameters that are kept (values keep their case: click ids are case-sensitive).
const KEPT: [&str; 27] = [
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "utm_term",
    "utm_content",
    "utm_id",
    "gclid",
    "gbraid",
    "wbraid",
    "gclsrc",
    "dclid",
    "fbclid",
    "msclkid",
    "li_fat_id",
    "ttclid",
    "twclid",
    "epik",
    "rdt_cid",
    "sccid",
    "yclid",
    "irclickid",
    "obclid",
    "ndclid",
    "mc_cid",
    "_hsmi",
    "mtm_campaign",
    "pk_campaign",
];

/// Where a visitor came from, as far as the page said. Untrusted: anybody can post anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// UTM parameters and click ids by name.
    #[serde(default)]
    pub params: BTreeMap<String, String>,
    /// The page the form stood on, without its query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
    /// Origin of the page that led there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referrer: Option<String>,
}

impl Source {
    /// Gathers attribution from the posted fields first, then from the page's URL.
    pub fn gather<'a>(
        fields: impl IntoIterator<Item = (&'a str, &'a str)>,
        page_url: Option<&str>,
    ) -> Self {
        let mut source = Self::default();
        if let Some(url) = page_url.and_then(|text| Url::parse(text).ok()) {
            for (name, value) in url.query_pairs() {
                source.keep(&name, &value);
            }
            source.page = plain_page(&url);
        }
        for (name, value) in fields {
            if name == "referrer" {
                source.referrer = Url::parse(value)
                    .ok()
                    .map(|u| u.origin().ascii_serialization())
                    .filter(|o| o != "null");
            } else {
                source.keep(name, value);
            }
        }
        source
    }

    /// Whether a posted field is attribution and not an answer.
    pub fn is_attribution_field(name: &str) -> bool {
        matches!(name, "referrer" | "landing_page")
            || KEPT.contains(&name.to_ascii_lowercase().as_str())
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.params.is_empty() && self.page.is_none() && self.referrer.is_none()
    }

    /// One line for people: `google / cpc / spring, page https://…`.
    pub fn describe(&self) -> String {
        let utm: Vec<&str> = ["utm_source", "utm_medium", "utm_campaign"]
            .iter()
            .filter_map(|k| self.params.get(*k).map(String::as_str))
            .collect();
        let mut parts = Vec::new();
        if !utm.is_empty() {
            parts.push(utm.join(" / "));
        }
        if let Some(click) = KEPT
            .iter()
            .filter(|k| !k.starts_with("utm_"))
            .find(|k| self.params.contains_key(**k))
        {
            parts.push(format!("ad click ({click})"));
        }
        if let Some(referrer) = &self.referrer {
            parts.push(format!("from {referrer}"));
        }
        if let Some(page) = &self.page {
            parts.push(format!("on {page}"));
        }
        if parts.is_empty() {
            String::from("direct")
        } else {
            parts.join(", ")
        }
    }

    fn keep(&mut self, name: &str, value: &str) {
        let name = name.to_ascii_lowercase();
        if KEPT.contains(&name.as_str()) && !value.is_empty() {
            let mut end = value.len().min(MAX_VALUE);
            while !value.is_char_boundary(end) {
                end -= 1;
            }
            let kept: String = value[..end].chars().filter(|c| !c.is_control()).collect();
            self.params.insert(name, kept);
        }
    }
}

/// Origin and path: queries and fragments may identify a person.
fn plain_page(url: &Url) -> Option<String> {
    let origin = url.origin().ascii_serialization();
    (origin != "null").then(|| format!("{origin}{}", url.path()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn click_ids_keep_their_case_and_identifying_parameters_are_dropped() {
        let source = Source::gather(
            [
                ("utm_source", "Newsletter"),
                ("GCLID", "AbC"),
                ("mc_eid", "person"),
                ("referrer", "https://www.google.com/search?q=x"),
            ],
            Some(
                "https://shop.example.com/guide?utm_source=ignored&utm_medium=cpc&email=ada@example.com#top",
            ),
        );
        assert_eq!(
            source.params.get("utm_source").map(String::as_str),
            Some("Newsletter")
        );
        assert_eq!(source.params.get("gclid").map(String::as_str), Some("AbC"));
        assert_eq!(
            source.params.get("utm_medium").map(String::as_str),
            Some("cpc")
        );
        assert!(!source.params.contains_key("mc_eid"));
        assert_eq!(
            source.page.as_deref(),
            Some("https://shop.example.com/guide")
        );
        assert_eq!(source.referrer.as_deref(), Some("https://www.google.com"));
    }

    #[test]
    fn an_empty_source_reads_as_direct() {
        assert_eq!(Source::default().describe(), "direct");
    }
}
