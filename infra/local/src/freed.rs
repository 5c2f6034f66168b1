//! Clearing what an SQLite file keeps of deleted rows.
//!
//! A deleted row stays in its page until that is used again, and older pages stay in the write-ahead log. Writing the file anew leaves
//! out all of it; copying the log back and cutting it to nothing removes the rest. Other processes may have the file open meanwhile:
//! both steps wait for their transactions, not for their ends.

use std::time::Duration;

use rusqlite::Connection;

/// How long each step waits for others that are reading or writing.
const PATIENCE: Duration = Duration::from_secs(10);
/// Times that the log is tried to be cut.
const TRIES: u32 = 20;

/// Clears the file of `connection`. An error where another process reads all the time; the same again is safe.
pub fn clear(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(PATIENCE)?;
    // The copy that is made on the way holds everything: it must not lie on another disk.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.execute_batch("VACUUM")?;
    for _ in 0..TRIES {
        let busy: i64 =
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        if busy == 0 {
            return Ok(());
        }
    }
    Err(rusqlite::Error::SqliteFailure(
        rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY),
        Some("another process reads the file all the time; try again".to_owned()),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn law_5_nothing_of_a_deleted_row_is_left_in_the_file_or_its_log_beside_another_process() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let open = || {
            let connection = Connection::open(&path).unwrap();
            connection
                .pragma_update(None, "journal_mode", "WAL")
                .unwrap();
            connection
        };
        let (ours, other) = (open(), open());
        ours.execute_batch("CREATE TABLE t (v TEXT); BEGIN;")
            .unwrap();
        for n in 0..500 {
            ours.execute("INSERT INTO t VALUES (?1)", [format!("person-{n:04}")])
                .unwrap();
        }
        ours.execute_batch("COMMIT; DELETE FROM t WHERE v LIKE 'person-00%'")
            .unwrap();
        let bytes = || {
            let mut all = Vec::new();
            for file in std::fs::read_dir(folder.path()).unwrap() {
                all.extend(std::fs::read(file.unwrap().path()).unwrap());
            }
            String::from_utf8_lossy(&all).into_owned()
        };
        assert!(bytes().contains("person-0042"), "nothing to clear");
        let count = |c: &Connection| -> i64 {
            c.query_row("SELECT count(*) FROM t", [], |row| row.get(0))
                .unwrap()
        };
        assert_eq!(count(&other), 400);
        clear(&ours).unwrap();
        assert!(!bytes().contains("person-0042"));
        assert_eq!(count(&other), 400);
    }
}
