//! Where a function can be cut off, and how: each call that leaves its process is a failpoint.
//!
//! Between every two steps of a function stands a call: to the store, the mail service, the parameter store, a receiver, or back to Lambda
//! with the answer. Nothing of this is in the functions: who they talk to decides. Must not know what the calls mean.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What happens at a failpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// Killed before the call is done.
    KilledBefore,
    /// Killed after the call is done; its answer never arrives.
    KilledAfter,
    /// Held before the call while another process of the function takes the same event to its end; then it goes on.
    OvertakenBefore,
    /// Held after the call while another process takes the same event to its end; then killed.
    OvertakenKilled,
}

impl Fate {
    /// Every one.
    pub const ALL: [Self; 4] = [
        Self::KilledBefore,
        Self::KilledAfter,
        Self::OvertakenBefore,
        Self::OvertakenKilled,
    ];

    /// Whether it comes before the call is done.
    pub fn is_before(self) -> bool {
        matches!(self, Self::KilledBefore | Self::OvertakenBefore)
    }

    /// Whether another process takes the event meanwhile.
    pub fn is_overtaken(self) -> bool {
        matches!(self, Self::OvertakenBefore | Self::OvertakenKilled)
    }

    /// Whether the process dies.
    pub fn kills(self) -> bool {
        self != Self::OvertakenBefore
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::KilledBefore => "killed before",
            Self::KilledAfter => "killed after",
            Self::OvertakenBefore => "overtaken",
            Self::OvertakenKilled => "overtaken, killed",
        })
    }
}

/// One failpoint of a run, and what happens there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failpoint {
    /// The function.
    pub function: String,
    /// The how-manieth call of the function in this run, from 1.
    pub call: usize,
    /// What happens.
    pub fate: Fate,
}

impl fmt::Display for Failpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} call {}", self.function, self.fate, self.call)
    }
}

/// What a run is to meet, and what it met.
#[derive(Debug, Default)]
pub struct Plan {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    armed: Option<Failpoint>,
    calls: BTreeMap<String, Vec<String>>,
    met: Option<String>,
    killed: usize,
}

impl Plan {
    /// A run in which this happens; with none, nothing does.
    pub fn new(armed: Option<Failpoint>) -> Self {
        Self {
            state: Mutex::new(State {
                armed,
                ..State::default()
            }),
        }
    }

    /// Notes a call of a function, and answers what happens there. It happens once in a run.
    pub(super) fn call(&self, function: &str, step: &str) -> Option<Fate> {
        let mut state = self.lock();
        let calls = state.calls.entry(function.to_owned()).or_default();
        calls.push(step.to_owned());
        let call = calls.len();
        let here = |armed: &mut Failpoint| armed.function == function && armed.call == call;
        let armed = state.armed.take_if(here)?;
        state.met = Some(step.to_owned());
        Some(armed.fate)
    }

    pub(super) fn killed(&self) {
        self.lock().killed += 1;
    }

    /// The steps of each function so far, in order.
    pub fn calls(&self) -> BTreeMap<String, Vec<String>> {
        self.lock().calls.clone()
    }

    /// The step at which it happened; none where it did not.
    pub fn met(&self) -> Option<String> {
        self.lock().met.clone()
    }

    /// How many processes were seen to end by signal 9.
    pub fn kills(&self) -> usize {
        self.lock().killed
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How often what happened where, over many runs.
#[derive(Debug, Default)]
pub struct Coverage(BTreeMap<(String, String), BTreeMap<Fate, usize>>);

impl Coverage {
    /// A step that there is.
    pub fn expect(&mut self, function: &str, step: &str) {
        self.0
            .entry((function.to_owned(), step.to_owned()))
            .or_default();
    }

    /// Something that happened.
    pub fn add(&mut self, function: &str, step: &str, fate: Fate) {
        let row = self.0.entry((function.to_owned(), step.to_owned()));
        *row.or_default().entry(fate).or_default() += 1;
    }

    /// What never happened, in words.
    pub fn missing(&self) -> Vec<String> {
        let rows = self.0.iter().flat_map(|((function, step), fates)| {
            let missing = Fate::ALL.into_iter().filter(|f| !fates.contains_key(f));
            missing.map(move |fate| format!("{function} {fate} {step}"))
        });
        rows.collect()
    }

    /// How many processes died.
    pub fn kills(&self) -> usize {
        let fates = self.0.values().flatten();
        fates.filter(|(f, _)| f.kills()).map(|(_, n)| n).sum()
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<9} {:<52}", "function", "step")?;
        for fate in Fate::ALL {
            write!(f, " {:>18}", fate.to_string())?;
        }
        for ((function, step), fates) in &self.0 {
            write!(f, "\n{function:<9} {step:<52}")?;
            for fate in Fate::ALL {
                write!(f, " {:>18}", fates.get(&fate).copied().unwrap_or(0))?;
            }
        }
        Ok(())
    }
}
