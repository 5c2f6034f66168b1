//! The site: everything a business says about its forms, magnets, mails, scoring and sales team.
//!
//! Marketers write TOML and templates (`infra/site/`); `lodestone check` parses and checks them into one compact file, `site.bin`,
//! and only that is read by a function, so no TOML is parsed in a cold start. This module holds the checked form; [`source`]
//! (feature `site-source`) reads the files and reports what is wrong with file and line.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use serde::{Deserialize, Serialize};

use crate::domain::channel::Channel;
use crate::domain::form::Form;
use crate::domain::magnet::Magnet;
use crate::domain::sales::Sales;
use crate::domain::score::ScoreModel;

#[cfg(feature = "site-source")]
pub mod source;
#[cfg(any(feature = "mail", feature = "site-source"))]
pub mod templates;

/// A checked site.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Site {
    /// Layout of this structure; a function refuses a file of another layout.
    pub layout: u32,
    /// Who the business is.
    pub business: Business,
    /// Who mail comes from.
    pub sender: Sender,
    /// Forms by id.
    pub forms: BTreeMap<String, Form>,
    /// Magnets by id.
    pub magnets: BTreeMap<String, Magnet>,
    /// Where tracked links in mails lead, by id.
    #[serde(default)]
    pub links: BTreeMap<String, String>,
    /// The scoring model in force.
    pub model: ScoreModel,
    /// Who gets which lead.
    pub sales: Sales,
    /// Where news goes besides mail, in the order of the file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub channels: Vec<Channel>,
    /// Mail templates by name: `magnet`, `confirm`, `notice`, `alert`, those of reminders and follow-ups, and variants of them.
    pub templates: BTreeMap<String, MailTemplate>,
    /// SHA-256 of all the above, 16 hex digits; facts name it.
    pub hash: String,
}

/// Who the business is: shown on pages and in mail footers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Business {
    /// Name people know.
    pub name: String,
    /// Postal address for mail footers; required by law in many places, so a site without one is refused.
    pub postal_address: String,
    /// Web site.
    pub website: String,
    /// Privacy policy.
    pub privacy_url: String,
    /// BCP 47 language where a form does not say.
    pub language: String,
    /// Accent colour of pages and mails, `#rrggbb`.
    pub accent: String,
}

/// Who lead mail comes from. The address itself is a deployment setting; the name is the marketer's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sender {
    /// Display name.
    pub name: String,
    /// Where replies go.
    pub reply_to: Option<String>,
}

/// One mail: its subject and its two parts, as templates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailTemplate {
    /// Subject line.
    pub subject: String,
    /// Plain-text part.
    pub text: String,
    /// HTML part, auto-escaped.
    pub html: String,
}

/// Why a checked site file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    /// The bytes are not a site file.
    #[error(
        "the site file is damaged or not a site file; make it again with `lodestone check --out`"
    )]
    Damaged(#[source] serde_json::Error),
    /// The file was made by a release with another layout.
    #[error(
        "the site file has layout {found}, this release reads {expected}; make it again with `lodestone check --out`"
    )]
    Layout {
        /// Layout in the file.
        found: u32,
        /// Layout this release reads.
        expected: u32,
    },
}

impl Site {
    /// Layout written and read by this release.
    pub const LAYOUT: u32 = 2;

    /// Reads a checked site file.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SiteError> {
        let site: Self = serde_json::from_slice(bytes).map_err(SiteError::Damaged)?;
        if site.layout == Self::LAYOUT {
            Ok(site)
        } else {
            Err(SiteError::Layout {
                found: site.layout,
                expected: Self::LAYOUT,
            })
        }
    }

    /// The channel of that id.
    pub fn channel(&self, id: &str) -> Option<&Channel> {
        self.channels.iter().find(|c| c.id == id)
    }

    /// The template of a mail: the variant for the form, the magnet or the language where the site has one, else the mail's own.
    pub fn template_for(&self, mail: &str, form: Option<&Form>, magnet: Option<&str>) -> String {
        let language = form.map_or(self.business.language.as_str(), |f| f.language.as_str());
        let primary = language.split('-').next().unwrap_or_default();
        let variants = [
            form.map(|f| f.id.as_str()),
            magnet,
            Some(language),
            Some(primary),
        ];
        variants
            .into_iter()
            .flatten()
            .map(|variant| format!("{mail}-{}", variant.to_lowercase()))
            .find(|name| self.templates.contains_key(name))
            .unwrap_or_else(|| mail.to_owned())
    }

    /// Writes the checked site file.
    pub fn to_bytes(&self) -> Vec<u8> {
        // A tree of strings and numbers: serialising it cannot fail.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// The site a function works with. In Lambda it is set once; the local runner swaps it when a file changes.
#[derive(Clone, Debug)]
pub struct SiteHandle(Arc<RwLock<Arc<Site>>>);

impl SiteHandle {
    /// Holds `site`.
    pub fn new(site: Site) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(site))))
    }

    /// The site in force now. Take it once per event, so that one event sees one site.
    pub fn get(&self) -> Arc<Site> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts another site in force.
    pub fn set(&self, site: Site) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(site);
    }
}
