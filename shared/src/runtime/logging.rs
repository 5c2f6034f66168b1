//! Log lines: JSON, one per event, to standard output, where Lambda takes them up.
//!
//! No personal value may be passed to a log macro; what carries one is a [`Pii`](crate::domain::pii::Pii), which prints `[pii]`.

use tracing::level_filters::LevelFilter;

/// Starts logging at the level that `RUST_LOG` names (`off`, `error`, `warn`, `info`, `debug`, `trace`), `info` where it names none. A
/// second call does nothing. Filters by target would link a regular-expression engine into every function.
pub fn init_logging() {
    let level = super::system_env("RUST_LOG")
        .and_then(|l| l.parse().ok())
        .unwrap_or(LevelFilter::INFO);
    // A second call finds a subscriber in place, which is what it wanted.
    let _ = tracing_subscriber::fmt()
        .json()
        .with_max_level(level)
        .with_current_span(false)
        .with_target(false)
        .try_init();
}
