//! What the tests of the whole system share: a fault injector at the SDK's HTTP connector, a system started for one test, a stand-in of
//! captcha services, the binary as a child process, and the functions' own binaries as child processes.

pub mod captcha;
#[cfg(target_os = "linux")]
pub mod children;
pub mod fault;
pub mod moved;
pub mod process;
pub mod schedule;
pub mod world;

use std::io;
use std::path::{Path, PathBuf};

/// A path inside the project.
pub fn project(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .join(path)
}

/// Copies the example site to `to`, where a test may change it.
pub fn copy_site(to: &Path) -> io::Result<()> {
    copy(&project("infra/site"), to)
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
