//! The ways in which pages and services post: our own, and those of services that a page may have been made for.
//!
//! A landing page moves to us by changing one URL, so each dialect takes what that page sends today and answers what it expects. A
//! dialect reads a request into names and values, finds the form, and words the answer; everything else is in [`crate::submit`].
//! To add one: a file here, a variant of [`Dialect`], its path in [`Dialect::of`], its routes in the template.

use lambda_http::Request;
use shared::domain::elsewhere::Service;
use shared::domain::form::Form;
use shared::edge::http::Answer;
use shared::site::Site;

use crate::Deps;
use crate::answer::{Asker, Refusal};

pub mod google;
pub mod hubspot;
pub mod mautic;
pub mod meta;
mod native;
mod netlify;
mod web_to_lead;

/// Who a request speaks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect<'p> {
    /// Ours, at `/f/{form}`; also Formspree's, with or without a project before it.
    Native {
        /// The form, by our name or Formspree's.
        form: &'p str,
    },
    /// `HubSpot`'s forms: the API, and the address that its embedded forms post to.
    Hubspot {
        /// The form's GUID.
        guid: &'p str,
        /// The API, which takes and answers JSON.
        api: bool,
    },
    /// Salesforce Web-to-Lead.
    WebToLead,
    /// Netlify's forms.
    Netlify,
    /// Mautic's forms.
    Mautic,
    /// The webhook of Google Ads lead forms.
    Google {
        /// The form, by our name or Google's.
        form: &'p str,
    },
    /// The webhook of Meta's lead ads.
    Meta {
        /// The form, by our name or Meta's.
        form: &'p str,
    },
}

impl<'p> Dialect<'p> {
    /// The dialect spoken at a path.
    pub fn of(path: &'p str) -> Option<Self> {
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        Some(match parts.as_slice() {
            ["f", form] | ["p", _, "f", form] => Self::Native { form },
            ["submissions", "v3", "integration", "submit", _, guid]
            | [
                "submissions",
                "v3",
                "integration",
                "secure",
                "submit",
                _,
                guid,
            ] => Self::Hubspot { guid, api: true },
            ["uploads", "form", "v2", _, guid] => Self::Hubspot { guid, api: false },
            ["servlet", "servlet.WebToLead"] => Self::WebToLead,
            ["netlify"] => Self::Netlify,
            ["form", "submit"] => Self::Mautic,
            ["google", form] => Self::Google { form },
            ["meta", form] => Self::Meta { form },
            _ => return None,
        })
    }
}

/// Answers a request in the dialect of its path.
pub async fn answer(deps: &Deps, site: &Site, request: Request) -> Answer {
    let path = request.uri().path().to_owned();
    match Dialect::of(&path) {
        Some(Dialect::Native { form }) => native::answer(deps, site, form, request).await,
        Some(Dialect::Hubspot { guid, api: true }) => hubspot::api(deps, site, guid, request).await,
        Some(Dialect::Hubspot { guid, api: false }) => {
            hubspot::page(deps, site, guid, request).await
        }
        Some(Dialect::WebToLead) => web_to_lead::answer(deps, site, request).await,
        Some(Dialect::Netlify) => netlify::answer(deps, site, request).await,
        Some(Dialect::Mautic) => mautic::answer(deps, site, request).await,
        Some(Dialect::Google { form }) => google::answer(deps, site, form, request).await,
        Some(Dialect::Meta { form }) => meta::answer(deps, site, form, request).await,
        None => Asker::of(&request).refuse(site, None, &Refusal::FormNotFound),
    }
}

/// The form that goes by this name at a service, or by this very name here.
fn form_called<'s>(site: &'s Site, service: Service, name: &str) -> Option<&'s Form> {
    let mut forms = site.forms.values();
    forms
        .find(|form| form.elsewhere.is_called(service, name))
        .or_else(|| site.forms.get(name))
}

/// Forms that have a name at a service.
fn forms_at(site: &Site, service: Service) -> impl Iterator<Item = &Form> {
    let known = move |form: &&Form| form.elsewhere.ids.contains_key(&service);
    site.forms.values().filter(known)
}
