//! The time that every handler sees: a base clock plus what it was moved forward by, kept over a restart.
//!
//! The engine stamps stream records with the machine's own time. [`RunnerClock::of_engine`] says what handlers' time it was then,
//! from the changes remembered in `runner.db`, so that ages are reckoned on one scale. Time never runs backwards here.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use crate::runner_db::{ClockChange, DbError, RunnerDb};

/// A source of UTC milliseconds.
pub type TimeSource = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The runner's clock. Clones share one time.
#[derive(Clone)]
pub struct RunnerClock {
    base: TimeSource,
    system: TimeSource,
    db: Arc<RunnerDb>,
    changes: Arc<RwLock<Vec<ClockChange>>>,
}

impl RunnerClock {
    /// A clock that reads `base` (the system's, or a test's own), while the engine stamps records by `system`.
    pub fn new(base: TimeSource, system: TimeSource, db: Arc<RunnerDb>) -> Result<Self, DbError> {
        let changes = Arc::new(RwLock::new(db.clock_changes()?));
        Ok(Self {
            base,
            system,
            db,
            changes,
        })
    }

    /// The time now.
    pub fn now(&self) -> i64 {
        (self.base)() + self.offset()
    }

    fn offset(&self) -> i64 {
        self.changes
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .last()
            .map_or(0, |change| change.offset_ms)
    }

    /// Moves the clock to `at`, for good. A time that has passed already changes nothing.
    pub fn move_to(&self, at: i64) -> Result<(), DbError> {
        self.next_millisecond();
        let base = (self.base)();
        let mut changes = self.changes.write().unwrap_or_else(PoisonError::into_inner);
        let offset = changes.last().map_or(0, |change| change.offset_ms);
        if at <= base + offset {
            return Ok(());
        }
        let change = ClockChange {
            system_ms: (self.system)(),
            runner_ms: at,
            offset_ms: at - base,
        };
        self.db.add_clock_change(change)?;
        changes.push(change);
        Ok(())
    }

    /// Waits out the current millisecond, so that what was written before a move and what is written after it can be told apart. A test's
    /// clock may stand still, so not for long.
    fn next_millisecond(&self) {
        let before = (self.system)();
        for _ in 0..5 {
            if (self.system)() > before {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// The handlers' time at the moment when the engine's clock said `engine_ms`.
    pub fn of_engine(&self, engine_ms: i64) -> i64 {
        let changes = self.changes.read().unwrap_or_else(PoisonError::into_inner);
        let before = changes.partition_point(|change| change.system_ms <= engine_ms);
        match before.checked_sub(1).and_then(|at| changes.get(at)) {
            // A test's base clock may stand still, so real time that passed since the change counts at most up to now.
            Some(change) => {
                (change.runner_ms + (engine_ms - change.system_ms)).min(self.now_with(&changes))
            }
            // Before the first change the two clocks differed by what they differ by at their base.
            None => engine_ms
                .saturating_add((self.base)() - (self.system)())
                .min(self.now_with(&changes)),
        }
    }

    fn now_with(&self, changes: &[ClockChange]) -> i64 {
        (self.base)() + changes.last().map_or(0, |change| change.offset_ms)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    fn source(start: i64) -> (Arc<AtomicI64>, TimeSource) {
        let time = Arc::new(AtomicI64::new(start));
        let reading = Arc::clone(&time);
        (time, Arc::new(move || reading.load(Ordering::SeqCst)))
    }

    #[test]
    fn a_move_is_for_good_and_survives_a_restart() {
        let (system, read) = source(1_000);
        let db = Arc::new(RunnerDb::in_memory().unwrap());
        let clock =
            RunnerClock::new(Arc::clone(&read), Arc::clone(&read), Arc::clone(&db)).unwrap();
        clock.move_to(61_000).unwrap();
        assert_eq!(clock.now(), 61_000);
        system.store(2_000, Ordering::SeqCst);
        let again = RunnerClock::new(Arc::clone(&read), read, db).unwrap();
        assert_eq!(again.now(), 62_000);
    }

    #[test]
    fn the_clock_never_moves_back() {
        let (_, read) = source(1_000);
        let clock = RunnerClock::new(
            Arc::clone(&read),
            read,
            Arc::new(RunnerDb::in_memory().unwrap()),
        )
        .unwrap();
        clock.move_to(50_000).unwrap();
        clock.move_to(20_000).unwrap();
        assert_eq!(clock.now(), 50_000);
    }

    #[test]
    fn a_record_keeps_the_time_it_was_written_at_when_the_clock_moves_on() {
        let (system, read) = source(10_000);
        let clock = RunnerClock::new(
            Arc::clone(&read),
            read,
            Arc::new(RunnerDb::in_memory().unwrap()),
        )
        .unwrap();
        system.store(11_000, Ordering::SeqCst);
        clock.move_to(1_000_000).unwrap();
        system.store(12_000, Ordering::SeqCst);
        assert_eq!(clock.of_engine(10_500), 10_500, "before the move");
        assert_eq!(clock.of_engine(11_500), 1_000_500, "after the move");
    }

    #[test]
    fn a_test_clock_that_stands_still_makes_no_record_older_than_it_is() {
        let (_, base) = source(5_000);
        let (system, real) = source(900_000);
        let clock = RunnerClock::new(base, real, Arc::new(RunnerDb::in_memory().unwrap())).unwrap();
        assert_eq!(clock.of_engine(900_000), 5_000);
        clock.move_to(8_000).unwrap();
        system.store(900_700, Ordering::SeqCst);
        assert_eq!(clock.of_engine(900_600), 8_000);
    }
}
