//! Reports: what came in, what became of it, and who answered how fast. From the facts, exact, with bounded reads.
//!
//! The index by day names the facts recorded on a day; each lead among them is read once and counted ([`day`]). A day that is over is
//! counted once and kept in `ops`, so a report over a year reads some hundred small notes and counts today. Counts outlive the people
//! they speak of: they name nobody. [`view`] makes tables and charts of them, [`page`] a file.

pub mod day;
pub mod page;
pub mod view;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, ensure};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use shared::domain::id::LeadId;
use shared::domain::lead::{Under, fold};
use shared::domain::stage::Stage;
use shared::domain::time;
use shared::domain::time::Timestamp;
use shared::site::Site;
use shared::store::Store;

use day::{Day, Seen};

/// Partition of roll-ups in `ops`; the number changes with what a day counts.
const ROLL_UP: &str = "rollup-1";
/// A day is closed this long after its end: by then what came late from a queue is there.
const CLOSED_AFTER_MINUTES: i64 = 6 * 60;
/// Longest span of a report in days.
const MOST_DAYS: i64 = 800;
/// Reads under way at once.
const AT_ONCE: usize = 8;
/// Longest note in bytes; a day beyond it is counted again each time.
const MOST_NOTE: usize = 350_000;

/// What a report is made of.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// The sum of its days.
    pub sum: Day,
    /// Leads by day, oldest first: new ones and ones that became ready.
    pub days: Vec<(time::Day, u64, u64)>,
    /// Handoffs that wait for an answer now, by owner.
    pub waiting: BTreeMap<String, u64>,
    /// Days that were counted, and days whose roll-up was there.
    pub counted: u64,
    /// See [`Self::counted`].
    pub rolled_up: u64,
}

/// Adds up the days from `from` to `to`, both included. `progress` hears the number of days done.
pub async fn find(
    store: &Store,
    site: &Site,
    from: time::Day,
    to: time::Day,
    now: Timestamp,
    mut progress: impl FnMut(u64),
) -> anyhow::Result<Found> {
    ensure!(from <= to, "--from is after --to");
    ensure!(
        to.0 - from.0 < MOST_DAYS,
        "a report covers at most {MOST_DAYS} days"
    );
    let mut found = Found::default();
    let mut at = from;
    while at <= to.min(now.day()) {
        let (day, rolled_up) = one(store, site, at, now).await?;
        found.rolled_up += u64::from(rolled_up);
        found.counted += u64::from(!rolled_up);
        let ready = day.passages.iter().filter(|p| p.to == Stage::Mql);
        let ready = ready.map(|p| p.times.count()).sum();
        found.days.push((at, day.leads, ready));
        found.sum.merge(&day);
        progress(found.rolled_up + found.counted);
        at = at.next();
    }
    found.waiting = waiting(store, now).await?;
    Ok(found)
}

/// One day: from its roll-up, or counted and, where it is over, rolled up.
async fn one(
    store: &Store,
    site: &Site,
    day: time::Day,
    now: Timestamp,
) -> anyhow::Result<(Day, bool)> {
    let name = day.to_string();
    let closed = now >= day.next().start().plus_minutes(CLOSED_AFTER_MINUTES);
    if closed {
        // One that cannot be read was written by another release: counted again, and written anew.
        let note = store.note(ROLL_UP, &name).await?;
        if let Some(day) = note.and_then(|text| serde_json::from_str(&text).ok()) {
            return Ok((day, true));
        }
    }
    let sums = count(store, site, day, now).await?;
    if closed {
        let text = serde_json::to_string(&sums).context("a roll-up")?;
        if text.len() <= MOST_NOTE {
            store.put_note(ROLL_UP, &name, &text).await?;
        }
    }
    Ok((sums, false))
}

async fn count(store: &Store, site: &Site, day: time::Day, now: Timestamp) -> anyhow::Result<Day> {
    let last = day.next().start().plus_ms(-1);
    let mut leads: BTreeMap<LeadId, BTreeSet<String>> = BTreeMap::new();
    for key in store.facts_recorded(day.start(), last).await? {
        leads.entry(key.lead_id).or_default().insert(key.id);
    }
    let days: Vec<Day> = stream::iter(leads)
        .map(|(lead_id, today)| async move {
            let records = store.lead_records(lead_id).await?;
            let facts = store.facts(lead_id).await?;
            let mut sums = Day::default();
            // Folded here, and not read: the stored state may be behind, and a closed day is counted once.
            let under = Under {
                model: &site.model,
                handoffs: &records.past_handoffs(),
                erased_at: records.guard.erased_at,
                now,
            };
            if let Some(lead) = fold(lead_id, &facts, &under) {
                sums.count(&Seen {
                    lead: &lead,
                    facts: &facts,
                    handoffs: &records.handoffs,
                    today: &today,
                });
            }
            anyhow::Ok(sums)
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    let mut sum = Day::default();
    for day in &days {
        sum.merge(day);
    }
    Ok(sum)
}

/// Who has how many handoffs that nobody answered.
async fn waiting(store: &Store, now: Timestamp) -> anyhow::Result<BTreeMap<String, u64>> {
    // A day's grace, because clocks differ: nobody becomes ready tomorrow.
    let leads = store.leads_in_stage(Stage::Mql, now.plus_days(1)).await?;
    let owners: Vec<Option<String>> = stream::iter(leads)
        .map(|lead_id| async move {
            let records = store.lead_records(lead_id).await?;
            let owner = || records.handoffs.last().map(|h| h.owner.id.clone());
            // Whom it was passed to has it, and not who was asked first.
            let holder = records.lead.as_ref().map(|l| l.handling.holder.clone());
            anyhow::Ok(holder.flatten().or_else(owner))
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    let mut waiting = BTreeMap::new();
    for owner in owners.into_iter().flatten() {
        *waiting.entry(owner).or_default() += 1;
    }
    Ok(waiting)
}
