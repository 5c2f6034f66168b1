//! Clients that ask one thing after the other for a while.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

/// How long clients ask.
const WINDOW: Duration = Duration::from_secs(1);

/// What came of a window.
#[derive(Default)]
pub struct Sample {
    /// How long each answer took.
    pub waits: Vec<Duration>,
    /// From the first question to the last answer.
    pub elapsed: Duration,
}

impl Sample {
    /// Answers a second.
    pub fn rate(&self) -> f64 {
        self.waits.len() as f64 / self.elapsed.as_secs_f64()
    }
}

/// Lets `clients` ask at once, each its next question when the last one is answered. Every question has a number of its own.
pub async fn run<A, F>(clients: usize, numbers: &Arc<AtomicU64>, ask: A) -> anyhow::Result<Sample>
where
    A: Fn(u64) -> F + Clone + Send + 'static,
    F: Future<Output = anyhow::Result<()>> + Send,
{
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..clients {
        let (ask, numbers) = (ask.clone(), Arc::clone(numbers));
        tasks.spawn(async move {
            let mut waits = Vec::new();
            while start.elapsed() < WINDOW {
                let asked = Instant::now();
                ask(numbers.fetch_add(1, Ordering::Relaxed)).await?;
                waits.push(asked.elapsed());
            }
            Ok::<_, anyhow::Error>(waits)
        });
    }
    let mut sample = Sample::default();
    while let Some(waits) = tasks.join_next().await {
        sample.waits.extend(waits??);
    }
    sample.elapsed = start.elapsed();
    Ok(sample)
}

/// The middle one, by size.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// The wait that this many of a hundred stay below, in milliseconds.
pub fn percentile(waits: &mut [Duration], percent: usize) -> f64 {
    waits.sort_unstable();
    let at = (waits.len() * percent / 100).min(waits.len().saturating_sub(1));
    waits
        .get(at)
        .map_or(0.0, |wait| wait.as_secs_f64() * 1_000.0)
}
