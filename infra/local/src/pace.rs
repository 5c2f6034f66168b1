//! Keeps a long command at a pace: so many write units a second, by what the store says its writes cost.
//!
//! A deployed table that is on demand takes bursts, yet visitors share it; a command that runs for an hour leaves them room.

use std::time::Duration;

use shared::store::Store;
use tokio::time::Instant;

/// A pace.
#[derive(Debug)]
pub struct Pace {
    most: Option<u32>,
    start: Instant,
    before: f64,
}

impl Pace {
    /// At most so many write units a second from now on; none = as fast as it goes.
    pub fn new(most: Option<u32>, store: &Store) -> Self {
        Self {
            most,
            start: Instant::now(),
            before: store.meter().units().write,
        }
    }

    /// Waits until what was written so far is allowed.
    pub async fn keep(&self, store: &Store) {
        let used = store.meter().units().write - self.before;
        tokio::time::sleep_until(self.start + due(used, self.most)).await;
    }
}

/// How long after the start so many units are allowed.
fn due(used: f64, most: Option<u32>) -> Duration {
    match most {
        Some(most @ 1..) => Duration::from_secs_f64((used / f64::from(most)).max(0.0)),
        Some(0) | None => Duration::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_allowed_at_the_pace_and_at_once_without_one() {
        assert_eq!(due(250.0, Some(100)), Duration::from_millis(2_500));
        assert_eq!(due(250.0, None), Duration::ZERO);
        assert_eq!(due(0.0, Some(100)), Duration::ZERO);
    }
}
