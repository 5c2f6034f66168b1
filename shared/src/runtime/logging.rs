//! Log lines: JSON, one per event, to standard output, where Lambda takes them up.
//!
//! No personal value may be passed to a log macro; what carries one is a [`Pii`](crate::domain::pii::Pii), which prints `[pii]`.

use tracing_subscriber::EnvFilter;

/// Starts logging at `RUST_LOG`'s level, `info` where it is not set. A second call does nothing.
pub fn init_logging() {
    let filter = super::system_env("RUST_LOG")
        .and_then(|f| EnvFilter::try_new(f).ok())
        .unwrap_or_else(|| EnvFilter::new("info"));
    // A second call finds a subscriber in place, which is what it wanted.
    let _ = tracing_subscriber::fmt()
        .json()
        .with_env_filter(filter)
        .with_current_span(false)
        .with_target(false)
        .try_init();
}
