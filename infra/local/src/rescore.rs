//! Rescore: the model in force applied to all leads, for when it changed and nobody touched them since.
//!
//! Goes through the leads page by page and folds each as `score` does. A lead whose fold comes to the same is not written, so a second
//! run writes nothing; where a run stopped is noted in `ops` under the model's hash, so the next goes on there. Alerts nobody unless
//! told to: a lead that qualifies silently has the stage, and no handoff.

use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::anyhow;
use futures_util::stream::{self, StreamExt as _};
use score::Deps;
use serde::Serialize;
use shared::flow::score::Announce;
use shared::store::Cursor;

use crate::pace::Pace;

/// Records of a page: between two notes of how far it is.
const PAGE: u16 = 200;
/// Folds under way at once.
const AT_ONCE: usize = 8;
/// Partition of cursors in `ops`.
const CURSOR: &str = "rescore";

/// What a run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Sums {
    /// Leads folded.
    pub leads: u64,
    /// Leads that came out otherwise and were written.
    pub changed: u64,
    /// Leads that could not be folded; each is in the log.
    pub failed: u64,
    /// Whether it went on where an earlier run had stopped.
    pub resumed: bool,
}

/// What can be chosen.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Whether sales hears of leads that qualify.
    pub announce: bool,
    /// Most write units a second; none = as fast as it goes.
    pub pace: Option<u32>,
    /// Begin with the first lead, wherever an earlier run stopped.
    pub from_start: bool,
}

/// Folds every lead. `progress` counts them.
pub async fn run(deps: &Deps, options: Options, progress: &AtomicU64) -> anyhow::Result<Sums> {
    let model = deps.site.get().model.hash.clone();
    let store = &deps.store;
    let note = store.note(CURSOR, &model).await?;
    let mut after = note
        .filter(|_| !options.from_start)
        .and_then(|text| Cursor::parse(&text));
    let mut sums = Sums {
        resumed: after.is_some(),
        ..Sums::default()
    };
    let announce = if options.announce {
        Announce::Yes
    } else {
        Announce::No
    };
    let limit = Pace::new(options.pace, store);
    loop {
        let page = store.scan_leads(after.as_ref(), PAGE).await?;
        let done: Vec<_> = stream::iter(page.items)
            .map(|lead_id| async move {
                let before = store.lead_version(lead_id).await?;
                score::fold_lead(deps, lead_id, announce)
                    .await
                    .map_err(|failure| anyhow!("{}", failure.class()))?;
                anyhow::Ok(store.lead_version(lead_id).await? != before)
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        for one in done {
            sums.leads += 1;
            match one {
                Ok(changed) => sums.changed += u64::from(changed),
                Err(error) => {
                    sums.failed += 1;
                    tracing::warn!(class = %error, "a lead could not be folded");
                }
            }
        }
        progress.store(sums.leads, Ordering::Relaxed);
        after = page.next;
        // Done: the next run begins with the first lead again.
        let note = after.as_ref().map(Cursor::to_text).unwrap_or_default();
        store.put_note(CURSOR, &model, &note).await?;
        if after.is_none() {
            return Ok(sums);
        }
        limit.keep(store).await;
    }
}
