//! The runner's own memory, `runner.db`: how far streams were read, the clock's shift, queued messages, when schedules last ran.
//!
//! Holds nothing of the application except messages on their way, which is why deleted rows are overwritten. Losing the latest
//! moments of it (a power cut) repeats deliveries and loses none: checkpoints are written after the work they stand for, and what
//! a queue holds came out of a stream or a mail that is kept elsewhere. So one `fsync` per checkpoint is not spent.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OptionalExtension, params};

/// A failure of the runner's own database.
#[derive(Debug, thiserror::Error)]
#[error("the runner's own database: {0}")]
pub struct DbError(#[from] rusqlite::Error);

/// The open database; shared by everything that remembers something.
pub struct RunnerDb {
    connection: Mutex<Connection>,
}

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS checkpoints (mapping TEXT PRIMARY KEY, sequence TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS clock (id INTEGER PRIMARY KEY, system_ms INTEGER NOT NULL, runner_ms INTEGER NOT NULL, offset_ms INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS schedules (name TEXT PRIMARY KEY, ran_at INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS messages (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        queue TEXT NOT NULL,
        body TEXT NOT NULL,
        sent_at INTEGER NOT NULL,
        visible_at INTEGER NOT NULL,
        received INTEGER NOT NULL DEFAULT 0,
        first_received_at INTEGER
    );
    CREATE INDEX IF NOT EXISTS messages_by_time ON messages (queue, visible_at, id);
";

/// One change of the clock: at this system time the runner's clock said that, with this much added to its base.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockChange {
    /// System time, UTC milliseconds.
    pub system_ms: i64,
    /// The runner's time right after the change.
    pub runner_ms: i64,
    /// What has been added to the base clock since.
    pub offset_ms: i64,
}

/// Changes of the clock that are remembered; a record of a stream is never that old.
const CLOCK_CHANGES_KEPT: i64 = 4_096;

impl RunnerDb {
    /// Opens or creates the file.
    pub fn open(path: &Path) -> Result<Self, DbError> {
        Self::prepare(Connection::open(path)?)
    }

    /// A database that is gone with the process.
    pub fn in_memory() -> Result<Self, DbError> {
        Self::prepare(Connection::open_in_memory()?)
    }

    fn prepare(connection: Connection) -> Result<Self, DbError> {
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.pragma_update(None, "secure_delete", true)?;
        connection.set_prepared_statement_cache_capacity(32);
        connection.execute_batch(SCHEMA)?;
        Ok(Self {
            connection: Mutex::new(connection),
        })
    }

    /// The connection, for the modules that keep their own tables here.
    pub fn lock(&self) -> MutexGuard<'_, Connection> {
        // A panic while the lock was held left no half-written row: SQLite rolls back what was not committed.
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Deletes queued messages that name one of `needles` (lower case), and answers how many.
    pub fn forget_messages(&self, needles: &[String]) -> Result<usize, DbError> {
        let connection = self.lock();
        let mut forget =
            connection.prepare_cached("DELETE FROM messages WHERE instr(lower(body), ?1) > 0")?;
        let mut forgotten = 0;
        for needle in needles {
            forgotten += forget.execute([needle])?;
        }
        Ok(forgotten)
    }

    /// Clears what the file keeps of deleted rows.
    pub fn clear_freed(&self) -> Result<(), DbError> {
        Ok(crate::freed::clear(&self.lock())?)
    }

    /// How far a mapping has read its stream.
    pub fn checkpoint(&self, mapping: &str) -> Result<Option<String>, DbError> {
        let connection = self.lock();
        let mut query =
            connection.prepare_cached("SELECT sequence FROM checkpoints WHERE mapping = ?1")?;
        Ok(query.query_row([mapping], |row| row.get(0)).optional()?)
    }

    /// Remembers how far a mapping has read.
    pub fn set_checkpoint(&self, mapping: &str, sequence: &str) -> Result<(), DbError> {
        let connection = self.lock();
        let mut statement = connection.prepare_cached(
            "INSERT OR REPLACE INTO checkpoints (mapping, sequence) VALUES (?1, ?2)",
        )?;
        statement.execute([mapping, sequence])?;
        Ok(())
    }

    /// All changes of the clock, oldest first.
    pub fn clock_changes(&self) -> Result<Vec<ClockChange>, DbError> {
        let connection = self.lock();
        let mut query = connection
            .prepare_cached("SELECT system_ms, runner_ms, offset_ms FROM clock ORDER BY id")?;
        let rows = query.query_map([], |row| {
            Ok(ClockChange {
                system_ms: row.get(0)?,
                runner_ms: row.get(1)?,
                offset_ms: row.get(2)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Remembers a change of the clock.
    pub fn add_clock_change(&self, change: ClockChange) -> Result<(), DbError> {
        let connection = self.lock();
        connection
            .prepare_cached(
                "INSERT INTO clock (system_ms, runner_ms, offset_ms) VALUES (?1, ?2, ?3)",
            )?
            .execute(params![
                change.system_ms,
                change.runner_ms,
                change.offset_ms
            ])?;
        connection
            .prepare_cached("DELETE FROM clock WHERE id <= (SELECT MAX(id) FROM clock) - ?1")?
            .execute([CLOCK_CHANGES_KEPT])?;
        Ok(())
    }

    /// When a schedule last ran.
    pub fn schedule_ran_at(&self, name: &str) -> Result<Option<i64>, DbError> {
        let connection = self.lock();
        let mut query =
            connection.prepare_cached("SELECT ran_at FROM schedules WHERE name = ?1")?;
        Ok(query.query_row([name], |row| row.get(0)).optional()?)
    }

    /// Remembers when a schedule last ran.
    pub fn set_schedule_ran_at(&self, name: &str, at: i64) -> Result<(), DbError> {
        let connection = self.lock();
        connection
            .prepare_cached("INSERT OR REPLACE INTO schedules (name, ran_at) VALUES (?1, ?2)")?
            .execute(params![name, at])?;
        Ok(())
    }
}
