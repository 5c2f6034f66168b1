//! Forgetting a person: mails to and about them, their events, and what the webhook sink received.

use super::Ses;
use super::store;

/// What was forgotten.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Mails, with their events.
    pub mails: usize,
    /// Requests to the webhook sink.
    pub hooks: usize,
}

impl Ses {
    /// Deletes every mail and every webhook that names one of `needles` (lower case): in an address, a tag or any text.
    pub fn forget(&self, needles: &[String]) -> anyhow::Result<Forgotten> {
        let names = |record: &str| {
            let record = record.to_lowercase();
            needles.iter().any(|needle| record.contains(needle))
        };
        self.inner.store.write(|transaction| {
            let mails = store::numbers_of(transaction, "mail", names)?;
            store::delete_mails(transaction, &mails)?;
            let hooks = store::numbers_of(transaction, "hook", names)?;
            for number in &hooks {
                transaction.execute("DELETE FROM hook WHERE seq = ?1", [number])?;
            }
            anyhow::Ok(Forgotten {
                mails: mails.len(),
                hooks: hooks.len(),
            })
        })
    }

    /// Clears what the file keeps of deleted rows.
    pub fn clear_freed(&self) -> anyhow::Result<()> {
        self.inner.store.clear_freed()
    }
}
