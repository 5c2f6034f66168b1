//! The `lodestone` binary: see [`lodestone::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    lodestone::cli::run()
}
