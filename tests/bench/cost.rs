//! What a lead costs in read and write units, step by step, as the engine reports them.

use anyhow::{Context as _, ensure};
use lodestone::app::Options;
use shared::runtime::Clock;
use tests::project;
use tests::world::{START, World, demo, guide, link};

use crate::meter::{Call, Meter, Units, by_function};
use crate::site::{self, QUIET, quiet};

const ADA: &str = "ada@analytical-engines.com";
const CHARLES: &str = "charles@difference-engines.com";

/// A step and the calls that it made until all was at rest.
struct Step {
    name: &'static str,
    calls: Vec<Call>,
}

/// Walks one lead from a form to the alert, prints what each step cost, and fails where a post made other calls than it should.
pub async fn print() -> anyhow::Result<()> {
    let folder = site::folder()?;
    let meter = Meter::default();
    let steps = walk(folder.path(), &meter).await?;

    println!("\nRead and write units as the engine reports them, a transaction's double:\n");
    let row = |name: &str, units: Units| {
        let Units { calls, read, write } = units;
        println!("{name:<40} {calls:>6} {read:>8.1} {write:>8.1}");
    };
    println!("{:<40} {:>6} {:>8} {:>8}", "", "calls", "read", "write");
    for step in &steps {
        row(step.name, Units::of(&step.calls));
        for (function, units) in by_function(&step.calls) {
            row(&format!("    {function}"), units);
        }
    }
    check(&steps)
}

async fn walk(site: &std::path::Path, meter: &Meter) -> anyhow::Result<Vec<Step>> {
    let mut options = Options::step(
        1,
        Clock::from_fn(|| START),
        site.to_owned(),
        project("infra/template.yaml"),
    );
    let before = meter.clone();
    options.wrap_connector = Some(Box::new(move |function, connector| {
        before.before(function, connector)
    }));
    let world = World::start(options).await?;
    let mut steps = Vec::new();
    let mut step = |name| {
        let calls = meter.take();
        steps.push(Step { name, calls });
    };

    meter.take();
    world.submit_until_taken(QUIET, &quiet(CHARLES)).await?;
    step("submission without mail, answered");
    world.settle().await?;
    step("... scored, at rest");
    world.submit_until_taken("guide", &guide(ADA)).await?;
    step("magnet form, answered");
    world.settle().await?;
    step("... mailed, scored, at rest");
    let mail = world.mails_to(ADA)?.pop().context("no magnet mail")?;
    let answer = world.open_and_press(&link(&mail, "/d/")?, &[]).await?;
    ensure!(answer.status() == 303, "no download: {}", answer.status());
    world.settle().await?;
    step("download");
    world.submit_until_taken("demo", &demo(ADA)).await?;
    world.settle().await?;
    step("demo form by a known lead: MQL");
    Ok(steps)
}

/// A submission is one write of the fact, or one transaction with its mail; the limit counter of the network comes on top.
fn check(steps: &[Step]) -> anyhow::Result<()> {
    for (step, second) in [(0, "PutItem"), (2, "TransactWriteItems of 2")] {
        let step = &steps[step];
        let calls: Vec<_> = step
            .calls
            .iter()
            .map(|call| (call.function.as_str(), call.name.as_str()))
            .collect();
        ensure!(
            calls == [("capture", "UpdateItem"), ("capture", second)],
            "{}: {calls:?}",
            step.name
        );
    }
    Ok(())
}
