//! A lead magnet: the study, checklist or template that people ask for.

use serde::{Deserialize, Serialize};

/// A file that is mailed as a link to the person who asked for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Magnet {
    /// Id that forms and rules name: `[a-z0-9-]`, at most 40 characters.
    pub id: String,
    /// Title a person reads, in mails and on the download page.
    pub title: String,
    /// A sentence about what is in it.
    pub description: String,
    /// File name inside the site's `magnets/` folder; the storage key is `magnets/<file>`.
    pub file: String,
    /// File name the visitor's browser saves it under.
    pub save_as: String,
    /// Media type, such as `application/pdf`.
    pub content_type: String,
    /// Size in bytes at the time the site was checked.
    pub bytes: u64,
    /// SHA-256 of the file, hex.
    pub sha256: String,
    /// Mails that follow the first download, in order of their day; at most [`MOST_FOLLOW_UPS`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub follow_ups: Vec<FollowUp>,
}

/// Most follow-up mails of a magnet.
pub const MOST_FOLLOW_UPS: usize = 4;
/// Latest day of a follow-up mail: what comes later is not about the magnet any more.
pub const LATEST_FOLLOW_UP_DAYS: u16 = 60;

/// A mail that follows a download by some days. Marketing: it goes only to people who agreed to that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowUp {
    /// Days after the first download, 1 to [`LATEST_FOLLOW_UP_DAYS`].
    pub after_days: u16,
    /// Name of its template.
    pub template: String,
    /// The consent that it needs: a purpose of a form.
    pub purpose: String,
}
