//! What the stand-in remembers, in one SQLite file: mails, their events, and what the webhook sink received.
//!
//! A mail and its first events are one transaction, and a commit is on disk before it returns. Must not know the wire, nor what an event
//! means.
//!
//! | table | a row is | written | changed |
//! | --- | --- | --- | --- |
//! | `mail` | one accepted mail: the record, the request as it came, the MIME source | with its events | never |
//! | `event` | one SES event about a mail | with the mail, or when one is played | once: `handed_at` |
//! | `hook` | one request to the webhook sink | when it came | never |
//!
//! Rows are deleted when a person is forgotten, and for nothing else.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};
use serde_json::Value;

use super::Mail;
use super::hooks::Hook;

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS mail (
        seq INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        record TEXT NOT NULL,
        request BLOB NOT NULL,
        source BLOB NOT NULL
    );
    CREATE TABLE IF NOT EXISTS event (
        seq INTEGER PRIMARY KEY,
        mail_id TEXT NOT NULL REFERENCES mail (id),
        body TEXT NOT NULL,
        at INTEGER NOT NULL,
        handed_at INTEGER
    );
    CREATE INDEX IF NOT EXISTS event_waiting ON event (seq) WHERE handed_at IS NULL;
    CREATE INDEX IF NOT EXISTS event_mail ON event (mail_id);
    CREATE TABLE IF NOT EXISTS hook (
        seq INTEGER PRIMARY KEY,
        record TEXT NOT NULL
    );
";

/// The file, opened. All calls block; async callers go through a blocking thread where they write.
pub(super) struct Store(Mutex<Connection>);

impl Store {
    /// Opens or creates the file; `None` keeps everything in memory.
    pub(super) fn open(path: Option<&Path>) -> anyhow::Result<Self> {
        let connection = match path {
            Some(path) => {
                if let Some(folder) = path.parent() {
                    std::fs::create_dir_all(folder)
                        .with_context(|| format!("create {}", folder.display()))?;
                }
                Connection::open(path).with_context(|| format!("open {}", path.display()))?
            }
            None => Connection::open_in_memory()?,
        };
        connection.busy_timeout(Duration::from_secs(5))?;
        // Answers with a row, so it cannot be part of the batch.
        connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
        // Full: a commit is synced to disk. Secure delete: what is deleted is overwritten, since these are people's mails.
        connection.query_row("PRAGMA secure_delete = ON", [], |_| Ok(()))?;
        connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;")?;
        connection.execute_batch(SCHEMA)?;
        Ok(Self(Mutex::new(connection)))
    }

    /// Clears what the file keeps of deleted rows.
    pub(super) fn clear_freed(&self) -> anyhow::Result<()> {
        Ok(crate::freed::clear(&self.connection())?)
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        // A panic while the lock was held has rolled its transaction back; the connection itself is sound.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `work` in one write transaction; an error rolls back.
    pub(super) fn write<T, E: From<rusqlite::Error>>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut connection = self.connection();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = work(&transaction)?;
        transaction.commit()?;
        Ok(done)
    }

    /// Every mail, oldest first.
    pub(super) fn mails(&self) -> anyhow::Result<Vec<Mail>> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached("SELECT record FROM mail ORDER BY seq")?;
        let records = statement.query_map([], |row| row.get::<_, String>(0))?;
        records
            .map(|record| Ok(serde_json::from_str(&record?)?))
            .collect()
    }

    /// One mail.
    pub(super) fn mail(&self, id: &str) -> anyhow::Result<Option<Mail>> {
        let record: Option<String> = self
            .connection()
            .query_row("SELECT record FROM mail WHERE id = ?1", [id], |row| {
                row.get(0)
            })
            .optional()?;
        Ok(record
            .map(|record| serde_json::from_str(&record))
            .transpose()?)
    }

    /// The MIME source of one mail.
    pub(super) fn source(&self, id: &str) -> anyhow::Result<Option<Vec<u8>>> {
        Ok(self
            .connection()
            .query_row("SELECT source FROM mail WHERE id = ?1", [id], |row| {
                row.get(0)
            })
            .optional()?)
    }

    /// The events of one mail, oldest first, and whether each was handed out.
    pub(super) fn events_of(&self, mail_id: &str) -> anyhow::Result<Vec<(Value, bool)>> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "SELECT body, handed_at IS NOT NULL FROM event WHERE mail_id = ?1 ORDER BY seq",
        )?;
        let rows = statement.query_map([mail_id], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, bool>(1)?))
        })?;
        rows.map(|row| {
            let (body, handed) = row?;
            Ok((serde_json::from_str(&body)?, handed))
        })
        .collect()
    }

    /// The next events that nobody has taken yet, oldest first.
    pub(super) fn waiting_events(&self, limit: u32) -> anyhow::Result<Vec<(i64, Value)>> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached(
            "SELECT seq, body FROM event WHERE handed_at IS NULL ORDER BY seq LIMIT ?1",
        )?;
        let rows = statement.query_map([limit], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
        })?;
        rows.map(|row| {
            let (seq, body) = row?;
            Ok((seq, serde_json::from_str(&body)?))
        })
        .collect()
    }

    /// How many events nobody has taken yet.
    pub(super) fn waiting_count(&self) -> anyhow::Result<usize> {
        Ok(self.connection().query_row(
            "SELECT count(*) FROM event WHERE handed_at IS NULL",
            [],
            |row| row.get(0),
        )?)
    }

    /// Records that these events were taken.
    pub(super) fn mark_handed(&self, taken: &[i64], at_ms: i64) -> anyhow::Result<()> {
        if taken.is_empty() {
            return Ok(());
        }
        self.write(|transaction| {
            let mut mark = transaction.prepare_cached(
                "UPDATE event SET handed_at = ?2 WHERE seq = ?1 AND handed_at IS NULL",
            )?;
            for seq in taken {
                mark.execute(params![seq, at_ms])?;
            }
            Ok(())
        })
    }

    /// Keeps one request to the webhook sink.
    pub(super) fn insert_hook(&self, hook: &Hook) -> anyhow::Result<()> {
        let record = serde_json::to_string(hook)?;
        self.connection()
            .execute("INSERT INTO hook (record) VALUES (?1)", [record])?;
        Ok(())
    }

    /// What the webhook sink received, oldest first.
    pub(super) fn hooks(&self) -> anyhow::Result<Vec<Hook>> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached("SELECT record FROM hook ORDER BY seq")?;
        let records = statement.query_map([], |row| row.get::<_, String>(0))?;
        records
            .map(|record| Ok(serde_json::from_str(&record?)?))
            .collect()
    }
}

/// The number that the next mail gets. It never comes twice: what was reached when mails were deleted is remembered.
pub(super) fn next_mail_number(transaction: &Transaction<'_>) -> rusqlite::Result<i64> {
    let reached: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let last: i64 = transaction.query_row("SELECT coalesce(max(seq), 0) FROM mail", [], |row| {
        row.get(0)
    })?;
    Ok(reached.max(last) + 1)
}

/// Deletes mails with their events, by number.
pub(super) fn delete_mails(transaction: &Transaction<'_>, numbers: &[i64]) -> rusqlite::Result<()> {
    let next = next_mail_number(transaction)?;
    for number in numbers {
        transaction.execute(
            "DELETE FROM event WHERE mail_id = (SELECT id FROM mail WHERE seq = ?1)",
            [number],
        )?;
        transaction.execute("DELETE FROM mail WHERE seq = ?1", [number])?;
    }
    transaction.pragma_update(None, "user_version", next - 1)
}

/// Rows of a table whose record is one of those looked for, by number.
pub(super) fn numbers_of(
    transaction: &Transaction<'_>,
    table: &'static str,
    looked_for: impl Fn(&str) -> bool,
) -> rusqlite::Result<Vec<i64>> {
    let mut rows = transaction.prepare(&format!("SELECT seq, record FROM {table} ORDER BY seq"))?;
    let mut found = Vec::new();
    let mut rows = rows.query([])?;
    while let Some(row) = rows.next()? {
        if looked_for(&row.get::<_, String>(1)?) {
            found.push(row.get(0)?);
        }
    }
    Ok(found)
}

/// Writes one mail under its number.
pub(super) fn insert_mail(
    transaction: &Transaction<'_>,
    number: i64,
    mail: &Mail,
    request: &[u8],
    source: &[u8],
) -> anyhow::Result<()> {
    transaction.execute(
        "INSERT INTO mail (seq, id, record, request, source) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![
            number,
            mail.id,
            serde_json::to_string(mail)?,
            request,
            source
        ],
    )?;
    Ok(())
}

/// How many events a mail has.
pub(super) fn count_events(transaction: &Transaction<'_>, mail_id: &str) -> rusqlite::Result<u64> {
    transaction.query_row(
        "SELECT count(*) FROM event WHERE mail_id = ?1",
        [mail_id],
        |row| row.get(0),
    )
}

/// Writes one event of a mail, waiting to be handed out.
pub(super) fn insert_event(
    transaction: &Transaction<'_>,
    mail_id: &str,
    body: &Value,
    at_ms: i64,
) -> rusqlite::Result<()> {
    transaction.execute(
        "INSERT INTO event (mail_id, body, at) VALUES (?1, ?2, ?3)",
        params![mail_id, body.to_string(), at_ms],
    )?;
    Ok(())
}
