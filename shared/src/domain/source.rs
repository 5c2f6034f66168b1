//! Attribution: where a visitor came from.
//!
//! Two places tell: the hidden fields that a page fills from the first page of the visit, and the address of the page that posts. Where
//! they name different campaigns, the fields are the earlier touch and the page is the later one; they are never mixed into one that
//! never was. Values keep their case, because click ids are case-sensitive. Parameters that identify a person are dropped.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use url::Url;

/// Longest kept value in bytes; a longer one is cut off.
const MAX_VALUE: usize = 512;

/// Campaign parameters and click ids that are kept.
const KEPT: [&str; 32] = [
    "utm_source",
    "utm_medium",
    "utm_campaign",
    "utm_term",
    "utm_content",
    "utm_id",
    "utm_source_platform",
    "utm_creative_format",
    "utm_marketing_tactic",
    "gclid",
    "gbraid",
    "wbraid",
    "gclsrc",
    "dclid",
    "gad_source",
    "gad_campaignid",
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
    "srsltid",
    "ko_click_id",
];

/// Beginnings of further names that are kept: of `HubSpot`'s ads, and of Matomo's campaigns.
const KEPT_FAMILIES: [&str; 3] = ["hsa_", "mtm_", "pk_"];

/// Parameters, and cookies that pages copy into fields, by which a mail tool or an ad network knows the very person.
const IDENTIFYING: [&str; 12] = [
    "mc_eid",
    "mkt_tok",
    "_hsenc",
    "_kx",
    "_fbp",
    "_ga",
    "_gid",
    "__hstc",
    "hubspotutk",
    "hutk",
    "vero_id",
    "oly_enc_id",
];

/// Where a visitor came from, as far as the page said. Untrusted: anybody can post anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// UTM parameters and click ids by name: of the latest touch.
    #[serde(default)]
    pub params: BTreeMap<String, String>,
    /// Those of an earlier touch of the same visit, where they are others.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub first_params: BTreeMap<String, String>,
    /// The page the form stood on, without its query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
    /// The first page of the visit, without its query, where it is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub landing: Option<String>,
    /// Origin of the page that led there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referrer: Option<String>,
}

impl Source {
    /// Gathers attribution from the posted fields and from the page's URL.
    pub fn gather<'a>(
        fields: impl IntoIterator<Item = (&'a str, &'a str)>,
        page_url: Option<&str>,
    ) -> Self {
        let mut source = Self::default();
        let mut on_page = BTreeMap::new();
        if let Some(url) = page_url.and_then(parse) {
            for (name, value) in url.query_pairs() {
                keep(&mut on_page, &name, &value);
            }
            source.page = plain_page(&url);
        }
        let mut in_fields = BTreeMap::new();
        for (name, value) in fields {
            match hidden(name) {
                Some(Hidden::Referrer) => source.referrer = origin(value).or(source.referrer),
                Some(Hidden::Landing) => {
                    if let Some(url) = parse(value) {
                        for (name, value) in url.query_pairs() {
                            keep_if_new(&mut in_fields, &name, &value);
                        }
                        source.landing = plain_page(&url);
                    }
                }
                // Made by Meta's script from the click id, which stands in it last.
                Some(Hidden::ClickCookie) => {
                    let click = value.splitn(4, '.').nth(3).unwrap_or_default();
                    keep_if_new(&mut in_fields, "fbclid", click);
                }
                None => keep(&mut in_fields, name, value),
            }
        }
        if source.landing == source.page {
            source.landing = None;
        }
        if agree(&in_fields, &on_page) {
            source.params = on_page;
            source.params.extend(in_fields);
        } else {
            source.params = on_page;
            source.first_params = in_fields;
        }
        source
    }

    /// Whether a posted field is attribution and not an answer.
    pub fn is_attribution_field(name: &str) -> bool {
        hidden(name).is_some() || is_kept(&name.to_ascii_lowercase())
    }

    /// Whether a parameter (lower case) identifies a person: it is neither kept nor an answer.
    pub fn identifies(name: &str) -> bool {
        IDENTIFYING.contains(&name)
    }

    /// The earlier touch of this visit, as a source of its own.
    #[must_use]
    pub fn first(&self) -> Self {
        let mut first = self.clone();
        if !self.first_params.is_empty() {
            first.params = std::mem::take(&mut first.first_params);
        }
        if self.landing.is_some() {
            first.page = first.landing.take();
        }
        first
    }

    /// The latest touch of this visit, as a source of its own.
    #[must_use]
    pub fn last(&self) -> Self {
        Self {
            first_params: BTreeMap::new(),
            landing: None,
            ..self.clone()
        }
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
}

/// Fields that tell something besides parameters.
enum Hidden {
    Referrer,
    Landing,
    ClickCookie,
}

fn hidden(name: &str) -> Option<Hidden> {
    match name.to_ascii_lowercase().as_str() {
        "referrer" | "referer" | "_referrer" | "http_referer" | "document_referrer" => {
            Some(Hidden::Referrer)
        }
        "landing_page" | "landing_url" | "landingpage" | "first_page" | "_landing" => {
            Some(Hidden::Landing)
        }
        "_fbc" => Some(Hidden::ClickCookie),
        _ => None,
    }
}

fn is_kept(name: &str) -> bool {
    KEPT.contains(&name) || KEPT_FAMILIES.iter().any(|family| name.starts_with(family))
}

/// Whether two sets of parameters can be of one touch: they say nothing different about the same thing.
fn agree(a: &BTreeMap<String, String>, b: &BTreeMap<String, String>) -> bool {
    let same = a
        .iter()
        .all(|(n, v)| b.get(n).is_none_or(|other| other == v));
    // Two sets that have nothing in common and both name a campaign are two touches too.
    let both_name = ["utm_source", "utm_campaign"]
        .iter()
        .any(|n| a.contains_key(*n))
        && ["utm_source", "utm_campaign"]
            .iter()
            .any(|n| b.contains_key(*n));
    let shared = a.keys().any(|n| b.contains_key(n));
    same && (shared || !both_name)
}

fn keep(params: &mut BTreeMap<String, String>, name: &str, value: &str) {
    let name = name.to_ascii_lowercase();
    if is_kept(&name) && !value.trim().is_empty() {
        let mut end = value.len().min(MAX_VALUE);
        while !value.is_char_boundary(end) {
            end -= 1;
        }
        let kept: String = value[..end].chars().filter(|c| !c.is_control()).collect();
        params.insert(name, kept);
    }
}

fn keep_if_new(params: &mut BTreeMap<String, String>, name: &str, value: &str) {
    if !params.contains_key(&name.to_ascii_lowercase()) {
        keep(params, name, value);
    }
}

/// A page's address; some services leave out the scheme.
fn parse(text: &str) -> Option<Url> {
    let text = text.trim();
    let full = if text.contains("://") {
        text.to_owned()
    } else {
        format!("https://{text}")
    };
    Url::parse(&full)
        .ok()
        .filter(|u| matches!(u.scheme(), "http" | "https"))
}

fn origin(text: &str) -> Option<String> {
    parse(text)
        .filter(|u| {
            u.host_str()
                .is_some_and(|h| h.contains('.') || h == "localhost")
        })
        .map(|u| u.origin().ascii_serialization())
}

/// Origin and path: queries and fragments may identify a person.
fn plain_page(url: &Url) -> Option<String> {
    let origin = url.origin().ascii_serialization();
    (origin != "null").then(|| format!("{origin}{}", url.path()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value<'s>(params: &'s BTreeMap<String, String>, name: &str) -> &'s str {
        params.get(name).map_or("", String::as_str)
    }

    #[test]
    fn click_ids_keep_their_case_and_identifying_parameters_are_dropped() {
        let source = Source::gather(
            [
                ("utm_source", "Newsletter"),
                ("GCLID", "AbC"),
                ("mc_eid", "person"),
                ("_fbc", "fb.1.1700000000000.IwAR.xY"),
                ("hsa_cam", "77"),
                ("referrer", "https://www.google.com/search?q=x"),
            ],
            Some(
                "https://shop.example.com/guide?utm_medium=cpc&mkt_tok=a&email=ada@example.com#top",
            ),
        );
        let params = &source.params;
        assert_eq!(value(params, "utm_source"), "Newsletter");
        assert_eq!(value(params, "utm_medium"), "cpc");
        assert_eq!(value(params, "gclid"), "AbC");
        assert_eq!(value(params, "fbclid"), "IwAR.xY");
        assert_eq!(value(params, "hsa_cam"), "77");
        assert_eq!(params.len(), 5, "{params:?}");
        assert_eq!(
            source.page.as_deref(),
            Some("https://shop.example.com/guide")
        );
        assert_eq!(source.referrer.as_deref(), Some("https://www.google.com"));
    }

    #[test]
    fn two_campaigns_of_one_visit_are_two_touches_and_never_one_that_was_not() {
        let source = Source::gather(
            [
                ("utm_source", "google"),
                ("utm_campaign", "spring"),
                (
                    "landing_page",
                    "https://shop.example.com/start?utm_medium=cpc&gclid=Zz",
                ),
            ],
            Some("shop.example.com/guide?utm_source=newsletter&utm_medium=email"),
        );
        let (first, last) = (source.first(), source.last());
        assert_eq!(value(&first.params, "utm_source"), "google");
        assert_eq!(value(&first.params, "utm_medium"), "cpc");
        assert_eq!(value(&first.params, "gclid"), "Zz");
        assert_eq!(
            first.page.as_deref(),
            Some("https://shop.example.com/start")
        );
        assert_eq!(value(&last.params, "utm_source"), "newsletter");
        assert_eq!(value(&last.params, "utm_campaign"), "");
        assert_eq!(last.page.as_deref(), Some("https://shop.example.com/guide"));
    }

    #[test]
    fn the_same_campaign_in_fields_and_in_the_address_is_one_touch() {
        let source = Source::gather(
            [("utm_source", "google"), ("utm_term", "Heat Pump")],
            Some("https://shop.example.com/?utm_source=google&utm_medium=cpc"),
        );
        assert!(source.first_params.is_empty());
        assert_eq!(source.params.len(), 3);
        assert_eq!(source.first(), source.last());
    }

    #[test]
    fn long_and_odd_values_are_cut_and_cleaned() {
        let long = "ä".repeat(600);
        let source = Source::gather(
            [
                ("utm_source", long.as_str()),
                ("utm_term", "a\u{7}b"),
                ("referrer", "not a page"),
            ],
            Some("javascript:alert(1)"),
        );
        assert_eq!(value(&source.params, "utm_source").len(), 512);
        assert_eq!(value(&source.params, "utm_term"), "ab");
        assert_eq!((source.page, source.referrer), (None, None));
    }

    #[test]
    fn an_empty_source_reads_as_direct() {
        assert_eq!(Source::default().describe(), "direct");
    }
}
