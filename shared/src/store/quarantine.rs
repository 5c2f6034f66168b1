//! Quarantine: records that could not be worked on, kept by their ids and an error class; never with personal data.

use super::{Attributes, Store, StoreError, n, s};
use crate::domain::time::Timestamp;

/// How long an entry is kept.
const KEEP_DAYS: i64 = 30;

/// A record that was set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuarantineEntry {
    /// Function that set it aside.
    pub function: &'static str,
    /// What it was: a stream record's sequence number, a message id, `lead/id`.
    pub subject: String,
    /// Error class.
    pub class: String,
    /// When.
    pub at: Timestamp,
}

impl Store {
    /// Sets a record aside. The same record again is the same entry.
    pub async fn quarantine(&self, entry: &QuarantineEntry) -> Result<(), StoreError> {
        let item = Attributes::from([
            ("pk".into(), s(format!("quarantine#{}", entry.at.day()))),
            (
                "sk".into(),
                s(format!("{}#{}", entry.function, entry.subject)),
            ),
            ("class".into(), s(&entry.class)),
            ("at".into(), n(entry.at.0)),
            ("ttl".into(), n(entry.at.plus_days(KEEP_DAYS).seconds())),
            ("v".into(), n(1)),
        ]);
        self.put_in_ops(item).await?;
        tracing::warn!(function = entry.function, subject = %entry.subject, class = %entry.class, "set a record aside");
        Ok(())
    }
}
