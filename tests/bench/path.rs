//! `cargo bench -p tests`: how fast one machine answers and settles, beside what its engine can do at all, and what a lead costs.
//!
//! Rates move with the machine, so the engine's own put rate is taken in the same run, turn by turn with the posts, and the ratio of the
//! two is what counts. Units do not move; the run fails where a post makes other calls than it should. Must not know how the runner
//! does anything: it starts it as `serve` does and posts over HTTP.

#![expect(
    clippy::cast_precision_loss,
    reason = "counts of a run of some seconds are far below 2^52"
)]

mod cost;
mod latency;
mod load;
mod meter;
mod rates;
mod site;

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        // `cargo bench -p tests --bench path -- latency`: that one alone.
        if std::env::args().any(|arg| arg == "latency") {
            return latency::print().await;
        }
        rates::print().await?;
        cost::print().await?;
        latency::print().await
    })
}
