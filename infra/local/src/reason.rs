//! Why an operator does something, as it is kept with what was done. Must not know what that is.

use anyhow::ensure;

/// Longest reason in characters.
const MAX: usize = 200;

/// The reason as it is kept: not empty, at most 200 characters, and without an address, because it outlives a person's data.
pub fn checked(reason: &str) -> anyhow::Result<&str> {
    let reason = reason.trim();
    ensure!(!reason.is_empty(), "say why with --reason");
    ensure!(
        reason.chars().count() <= MAX,
        "the reason is longer than {MAX} characters"
    );
    ensure!(
        !reason.contains('@'),
        "the reason is kept longer than a person's data: leave addresses out of it"
    );
    Ok(reason)
}
