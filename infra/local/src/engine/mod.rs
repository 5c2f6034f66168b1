//! The embedded engine: DynamoDB in this process, behind the same wire that the functions use when deployed.
//!
//! The engine's calls block, so it has a thread and a runtime of its own and is reached over loopback; the functions' SDK cannot tell
//! it from the real service. The pumps read streams through the library instead, which spares them the wire. Must not know what the
//! tables hold.
//!
//! What was seen of this engine and is worked around here and nowhere else: it looks up a stream's last record by a scan (so an
//! index is added to its file), it never forgets stream records (so consumed ones are deleted), it does not expire items by our
//! clock (so [`tidy`] does), and it walks through ten minutes of request tokens for each transaction (so [`tokens`] leaves them out).

pub mod load;
pub mod stream;
pub mod tables;
pub mod tidy;
pub mod tokens;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use dynoxide::Database;
use tokio::sync::oneshot;

use crate::template::model::Table;

/// Where the engine keeps its data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// In this file, kept over a restart.
    File(PathBuf),
    /// In memory, gone with the process.
    Memory,
}

/// Why the engine does not run.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The library refused.
    #[error("the embedded engine: {0}")]
    Library(#[from] dynoxide::DynoxideError),
    /// The library's file could not be opened beside it.
    #[error("the embedded engine's file: {0}")]
    File(#[from] rusqlite::Error),
    /// No loopback port, or no thread.
    #[error("the embedded engine's server: {0}")]
    Server(#[from] std::io::Error),
    /// A table was created by another version of the template.
    #[error(
        "the table `{table}` in {place} has {found} and the template says {wanted}; start with another data folder, or move the old one away"
    )]
    OtherShape {
        /// The table.
        table: String,
        /// The file.
        place: String,
        /// What the table has.
        found: String,
        /// What the template says.
        wanted: String,
    },
    /// The path is not UTF-8.
    #[error("the path {} is not UTF-8", .0.display())]
    Path(PathBuf),
}

/// Names of databases in memory are shared within the process, so each engine needs its own.
static MEMORY_ENGINES: AtomicU64 = AtomicU64::new(0);

/// How long a stop waits for requests that are being answered.
const STOP_LIMIT: Duration = Duration::from_secs(5);

/// The running engine. Dropping it stops the server.
pub struct Engine {
    database: Database,
    endpoint: String,
    housekeeping: tidy::Housekeeping,
    server: Mutex<Option<Server>>,
}

struct Server {
    stop: oneshot::Sender<()>,
    thread: std::thread::JoinHandle<()>,
}

impl Engine {
    /// Opens the data, creates what tables are missing, and serves on a loopback port.
    pub fn start(location: &Location, tables: &[Table]) -> Result<Self, EngineError> {
        let path = match location {
            Location::File(path) => path
                .to_str()
                .ok_or_else(|| EngineError::Path(path.clone()))?
                .to_owned(),
            Location::Memory => {
                let number = MEMORY_ENGINES.fetch_add(1, Ordering::Relaxed);
                format!("file:/lodestone-engine-{number}?vfs=memdb")
            }
        };
        let database = Database::new(&path)?;
        let housekeeping = tidy::Housekeeping::open(&path)?;
        tables::create_missing(&database, tables, &path)?;
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let server = Server::start(listener, database.clone())?;
        Ok(Self {
            database,
            endpoint,
            housekeeping,
            server: Mutex::new(Some(server)),
        })
    }

    /// The address to point an SDK at.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The library, for reads that need no wire. Its calls block.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Access beside the library, for what it does not offer.
    pub fn housekeeping(&self) -> &tidy::Housekeeping {
        &self.housekeeping
    }

    /// Stops the server; requests that are being answered are finished.
    pub fn stop(&self) {
        let server = self
            .server
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(Server { stop, thread }) = server {
            let _ = stop.send(());
            let _ = thread.join();
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Server {
    fn start(listener: std::net::TcpListener, database: Database) -> Result<Self, std::io::Error> {
        let (stop, stopped) = oneshot::channel::<()>();
        // Two workers: while one waits for the disk, the other reads and writes the wire.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("engine")
            .enable_all()
            .build()?;
        let thread = std::thread::Builder::new()
            .name("engine".to_owned())
            .spawn(move || {
                runtime.block_on(async move {
                    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
                        return;
                    };
                    let shutdown = async move {
                        let _ = stopped.await;
                    };
                    if let Err(problem) =
                        dynoxide::server::serve_with_shutdown(listener, database, shutdown).await
                    {
                        tracing::error!(problem, "the embedded engine's server ended");
                    }
                });
                runtime.shutdown_timeout(STOP_LIMIT);
            })?;
        Ok(Self { stop, thread })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::tables::tests::table;

    #[test]
    fn data_in_a_file_is_there_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::File(folder.path().join("engine.db"));
        let put = serde_json::json!({"TableName": "facts", "Item": {"lead_id": {"S": "a"}, "id": {"S": "1"}}});
        let engine = Engine::start(&location, &[table("facts")]).unwrap();
        engine
            .database()
            .put_item(serde_json::from_value(put).unwrap())
            .unwrap();
        drop(engine);
        let engine = Engine::start(&location, &[table("facts")]).unwrap();
        let stats = engine.database().table_stats().unwrap();
        assert_eq!(stats.iter().map(|table| table.item_count).sum::<i64>(), 1);
    }

    #[test]
    fn a_table_of_another_shape_stops_the_start_with_a_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::File(folder.path().join("engine.db"));
        drop(Engine::start(&location, &[table("facts")]).unwrap());
        let mut other = table("facts");
        other.stream = Some("KEYS_ONLY".to_owned());
        let problem = Engine::start(&location, &[other])
            .err()
            .unwrap()
            .to_string();
        assert!(problem.contains("the table `facts`"), "{problem}");
        assert!(
            problem.contains("NEW_IMAGE") && problem.contains("KEYS_ONLY"),
            "{problem}"
        );
    }

    #[test]
    fn two_engines_in_memory_share_nothing() {
        let one = Engine::start(&Location::Memory, &[table("facts")]).unwrap();
        let other = Engine::start(&Location::Memory, &[]).unwrap();
        assert_eq!(one.database().table_count().unwrap(), 1);
        assert_eq!(other.database().table_count().unwrap(), 0);
        assert_ne!(one.endpoint(), other.endpoint());
    }
}
