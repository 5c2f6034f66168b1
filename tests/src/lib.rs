//! What the tests of the whole system share: a fault injector at the SDK's HTTP connector, a system started for one test, and the
//! binary as a child process.

pub mod fault;
pub mod moved;
pub mod process;
pub mod schedule;
pub mod world;

use std::path::PathBuf;

/// A path inside the project.
pub fn project(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(path)
}
