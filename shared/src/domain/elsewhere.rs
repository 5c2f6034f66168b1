//! What a form is called at the services that its pages were made for.
//!
//! A page that moves to us goes on sending the name that its old service gave the form; the site file says which form of ours that is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A service whose pages, or whose own calls, we understand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    /// Formspree: the last part of the form's address.
    Formspree,
    /// `HubSpot`: the form's GUID.
    Hubspot,
    /// Salesforce Web-to-Lead: the organisation's `oid`.
    WebToLead,
    /// Netlify: the form's name.
    Netlify,
    /// Mautic: the form's number, or its name.
    Mautic,
    /// Google Ads lead forms: the form's number.
    Google,
    /// Meta lead ads: the form's number.
    Meta,
}

impl Service {
    /// Every service, for the reader of site files and for documentation.
    pub const ALL: [Self; 7] = [
        Self::Formspree,
        Self::Hubspot,
        Self::WebToLead,
        Self::Netlify,
        Self::Mautic,
        Self::Google,
        Self::Meta,
    ];

    /// The word in a site file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Formspree => "formspree",
            Self::Hubspot => "hubspot",
            Self::WebToLead => "web_to_lead",
            Self::Netlify => "netlify",
            Self::Mautic => "mautic",
            Self::Google => "google",
            Self::Meta => "meta",
        }
    }
}

/// The names of a form elsewhere, and the secrets by which two of the services prove themselves. Secrets are named, never held.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Elsewhere {
    /// Names by service.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ids: BTreeMap<Service, Vec<String>>,
    /// Name of the secret that Google sends as `google_key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub google_key: Option<String>,
    /// Name of the secret that Meta signs with: that of the app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meta_app_secret: Option<String>,
    /// Name of the secret that Meta sends when the address is registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meta_verify_token: Option<String>,
}

impl Elsewhere {
    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the form goes by this name at the service. Case does not matter.
    pub fn is_called(&self, service: Service, id: &str) -> bool {
        self.ids
            .get(&service)
            .is_some_and(|ids| ids.iter().any(|known| known.eq_ignore_ascii_case(id)))
    }
}
