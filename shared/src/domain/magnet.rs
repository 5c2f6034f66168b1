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
}
