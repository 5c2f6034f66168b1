//! Where a visitor goes after a plain post. What the page asks for is followed only to places the form allows; anything else is passed
//! over silently, so that no link through us leads to a stranger's site.

use lambda_http::http::HeaderMap;
use shared::domain::form::Form;
use shared::edge::http::header_text;
use url::Url;

/// The origin of the page that posted, and our own.
#[derive(Clone, Debug)]
pub struct PageOrigin {
    page: Option<String>,
    referer: Option<Url>,
    own: String,
}

impl PageOrigin {
    /// By the `Origin` header, else by the `Referer`.
    pub fn of(headers: &HeaderMap, public_url: &str) -> Self {
        let origin = |name: &str| {
            Url::parse(header_text(headers, name))
                .ok()
                .map(|u| u.origin().ascii_serialization())
                .filter(|o| o != "null")
        };
        let own = Url::parse(public_url)
            .map(|u| u.origin().ascii_serialization())
            .unwrap_or_default();
        Self {
            page: origin("origin").or_else(|| origin("referer")),
            referer: Url::parse(header_text(headers, "referer")).ok(),
            own,
        }
    }

    /// The absolute URL to go to after success: what was asked for, else the form's own, else the thank-you page.
    pub fn after_success(&self, form: &Form, asked: Option<&str>) -> String {
        asked
            .and_then(|asked| self.allowed(form, asked))
            .or_else(|| {
                form.next
                    .as_deref()
                    .and_then(|next| self.allowed(form, next))
            })
            .map_or_else(
                || format!("{}/thanks?form={}", self.own, form.id),
                String::from,
            )
    }

    /// The very page that posted, if the form knows its site.
    pub fn itself(&self, form: &Form) -> Option<Url> {
        let referer = self.referer.as_ref()?;
        self.allowed(form, referer.as_str())
    }

    /// The origin of the page, if the form knows it.
    pub fn known_origin(&self, form: &Form) -> Option<&str> {
        self.page
            .as_deref()
            .filter(|page| self.is_known(form, page))
    }

    /// `asked` as an absolute URL, if it may be followed: a name the form gave a place, a path on the page's own site, or a
    /// URL of an allowed origin.
    pub fn allowed(&self, form: &Form, asked: &str) -> Option<Url> {
        let asked = form
            .redirects
            .get(asked.trim())
            .map_or(asked, String::as_str)
            .trim();
        if asked.chars().any(char::is_control) || asked.contains('\\') {
            return None;
        }
        if asked.starts_with('/') {
            if asked.starts_with("//") {
                return None;
            }
            return Url::parse(self.site_of_paths(form)?).ok()?.join(asked).ok();
        }
        let url = Url::parse(asked).ok()?;
        let plain = url.username().is_empty() && url.password().is_none();
        let web = matches!(url.scheme(), "https" | "http");
        (plain && web && self.is_known(form, &url.origin().ascii_serialization())).then_some(url)
    }

    /// The site that a path is on: that of the page, if the form knows it. A page that hides where it is (many do, by their referrer
    /// policy) is taken for the form's only site, where it has one; else a path leads nowhere.
    fn site_of_paths<'s>(&'s self, form: &'s Form) -> Option<&'s str> {
        match (&self.page, form.allowed_origins.as_slice()) {
            (Some(page), _) => Some(page.as_str()).filter(|page| self.is_known(form, page)),
            (None, [only]) => Some(only),
            (None, _) => None,
        }
    }

    fn is_known(&self, form: &Form, origin: &str) -> bool {
        origin == self.own || form.allowed_origins.iter().any(|o| o == origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> Form {
        serde_json::from_value(serde_json::json!({
            "id": "guide", "title": "", "intro": "", "button": "", "language": "en", "fields": [], "consents": [], "magnet": null,
            "notify": [], "double_opt_in": true, "success_message": "", "next": null,
            "allowed_origins": ["https://www.shop.example"], "strict_origin": false, "honeypots": [], "unknown_fields": "keep",
            "test_mode": false, "version": ""
        }))
        .unwrap()
    }

    fn after(asked: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(
            "referer",
            "https://www.shop.example/guide?x=1".parse().unwrap(),
        );
        PageOrigin::of(&headers, "https://leads.example").after_success(&form(), Some(asked))
    }

    #[test]
    fn frm_8_only_the_pages_own_paths_and_allowed_origins_are_followed() {
        assert_eq!(after("/danke?a=b"), "https://www.shop.example/danke?a=b");
        assert_eq!(
            after("https://www.shop.example/danke"),
            "https://www.shop.example/danke"
        );
        for bad in [
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "javascript:alert(1)",
            "data:text/html,x",
            "https://evil.example/",
            "https://www.shop.example.evil.example/",
            "https://www.shop.example@evil.example/",
            "https://u:p@www.shop.example/",
            "http://www.shop.example/",
            "https://www.shop.example:8443/",
            "/a\r\nSet-Cookie: x",
            "danke.html",
            "",
        ] {
            assert_eq!(
                after(bad),
                "https://leads.example/thanks?form=guide",
                "{bad:?}"
            );
        }
    }

    #[test]
    fn a_path_leads_to_the_pages_site_or_to_the_forms_only_one_and_never_elsewhere() {
        let to = |origin: Option<&str>, origins: &[&str]| {
            let mut headers = HeaderMap::new();
            if let Some(origin) = origin {
                headers.insert("origin", origin.parse().unwrap());
            }
            let form = Form {
                allowed_origins: origins.iter().map(|o| (*o).to_owned()).collect(),
                ..form()
            };
            PageOrigin::of(&headers, "https://leads.example").after_success(&form, Some("/x"))
        };
        let shop = "https://www.shop.example";
        assert_eq!(to(Some(shop), &[shop]), "https://www.shop.example/x");
        assert_eq!(to(None, &[shop]), "https://www.shop.example/x");
        assert_eq!(to(Some("null"), &[shop]), "https://www.shop.example/x");
        assert_eq!(
            to(Some("https://leads.example"), &[shop]),
            "https://leads.example/x"
        );
        let thanks = "https://leads.example/thanks?form=guide";
        assert_eq!(to(Some("https://stranger.example"), &[shop]), thanks);
        assert_eq!(to(None, &[shop, "https://b.example"]), thanks);
        assert_eq!(to(None, &[]), thanks);
    }
}
