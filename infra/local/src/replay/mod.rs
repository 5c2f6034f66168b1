//! Replay: all history folded under two models, side by side, before a changed model goes live.
//!
//! Reader tasks scan the facts page by page and hand whole leads to workers; a worker folds a lead under both models, adds it to its sums
//! and forgets it. So memory does not grow with the number of leads: it holds some pages, and the facts of the lead with the most.
//! Changes nothing. [`judge`] knows the model, [`tally`] the sums, [`text`] and [`page`] how people read them.

pub mod judge;
pub mod page;
pub mod tally;
pub mod text;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context as _;
use shared::domain::id::LeadId;
use shared::domain::time::Timestamp;
use shared::domain::touchpoint::Touchpoint;
use shared::store::{Item, Segment, Store};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

use tally::{Models, Tally};

/// Items of a page. A page is what a reader holds; the embedded engine reads as many as it is asked for.
const PAGE: u16 = 500;
/// Batches that wait for a worker.
const WAITING: usize = 2;

/// What can be chosen.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Leads to whom nothing happened since then are left out.
    pub since: Option<Timestamp>,
    /// Facts from later are left out.
    pub until: Option<Timestamp>,
    /// The instant at which points have faded so far; none = that of each lead's latest fact.
    pub at: Option<Timestamp>,
    /// Whether what people did before an import counts as if they had done it here.
    pub count_imported: bool,
    /// Readers side by side.
    pub readers: u16,
    /// Workers side by side.
    pub workers: usize,
}

impl Default for Options {
    /// One reader, a worker for each processor.
    fn default() -> Self {
        Self {
            since: None,
            until: None,
            at: None,
            count_imported: false,
            readers: 1,
            workers: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }
}

/// How far a replay is.
#[derive(Debug, Default)]
pub struct Progress {
    /// Facts read.
    pub facts: AtomicU64,
    /// Leads folded.
    pub leads: AtomicU64,
}

/// The stored facts of one lead.
struct Group {
    lead_id: LeadId,
    facts: Vec<Item>,
    /// First or last of its segment: the rest may lie in another one.
    edge: bool,
}

struct Work {
    store: Store,
    models: Arc<Models>,
    options: Options,
    erased: BTreeMap<LeadId, Timestamp>,
    progress: Arc<Progress>,
}

/// Folds everything under both models.
pub async fn run(
    store: &Store,
    models: Arc<Models>,
    options: Options,
    progress: Arc<Progress>,
) -> anyhow::Result<Tally> {
    let work = Arc::new(Work {
        store: store.clone(),
        models,
        options,
        erased: erased(store).await?,
        progress,
    });
    let (sender, receiver) = mpsc::channel::<Vec<Group>>(WAITING);
    let receiver = Arc::new(Mutex::new(receiver));
    let mut readers = JoinSet::new();
    for number in 0..options.readers.max(1) {
        let segment = Segment {
            number,
            of: options.readers.max(1),
        };
        let (work, sender) = (Arc::clone(&work), sender.clone());
        readers.spawn(async move { read(&work, segment, &sender).await });
    }
    drop(sender);
    let mut workers = JoinSet::new();
    for _ in 0..options.workers.max(1) {
        let (work, receiver) = (Arc::clone(&work), Arc::clone(&receiver));
        workers.spawn(async move { fold(work, &receiver).await });
    }
    let mut sums = Tally::default();
    while let Some(done) = workers.join_next().await {
        sums.merge(done??);
    }
    drop(receiver);
    while let Some(done) = readers.join_next().await {
        done??;
    }
    Ok(sums)
}

async fn erased(store: &Store) -> anyhow::Result<BTreeMap<LeadId, Timestamp>> {
    let mut found = BTreeMap::new();
    let mut after = None;
    loop {
        let page = store
            .scan_erased(after.as_ref(), PAGE)
            .await
            .context("cannot read the leads")?;
        found.extend(page.items);
        after = page.next;
        if after.is_none() {
            return Ok(found);
        }
    }
}

/// Reads a segment and sends whole leads.
async fn read(
    work: &Work,
    segment: Segment,
    sender: &mpsc::Sender<Vec<Group>>,
) -> anyhow::Result<()> {
    let several = segment.of > 1;
    let mut open: Option<Group> = None;
    let mut first = several;
    let mut after = None;
    loop {
        let page = work
            .store
            .scan_facts(segment, after.as_ref(), PAGE)
            .await
            .context("cannot read the facts")?;
        let read = u64::try_from(page.items.len()).unwrap_or(0);
        work.progress.facts.fetch_add(read, Ordering::Relaxed);
        let mut whole = Vec::new();
        for item in page.items {
            let lead_id = item.lead_id().and_then(|id| id.parse().ok());
            let lead_id: LeadId = lead_id.context("a fact without a lead")?;
            match &mut open {
                Some(group) if group.lead_id == lead_id => group.facts.push(item),
                _ => {
                    let edge = std::mem::take(&mut first);
                    let facts = vec![item];
                    let next = Group {
                        lead_id,
                        facts,
                        edge,
                    };
                    whole.extend(open.replace(next));
                }
            }
        }
        after = page.next;
        if after.is_none() {
            whole.extend(open.take().map(|group| Group {
                edge: several,
                ..group
            }));
        }
        if !whole.is_empty() && sender.send(whole).await.is_err() {
            // The workers have gone because one of them failed; it says why.
            return Ok(());
        }
        if after.is_none() {
            return Ok(());
        }
    }
}

/// Takes batches until there are no more.
async fn fold(
    work: Arc<Work>,
    receiver: &Mutex<mpsc::Receiver<Vec<Group>>>,
) -> anyhow::Result<Tally> {
    let mut sums = Tally::default();
    loop {
        let Some(batch) = receiver.lock().await.recv().await else {
            return Ok(sums);
        };
        // Both segments may have a part of an edge: the one that has the lead's first fact folds it, from the table.
        let mut whole = Vec::with_capacity(batch.len());
        for group in batch {
            if group.edge {
                let facts = work.store.facts(group.lead_id).await?;
                let has_first = group.facts.first().is_some_and(|item| {
                    item.touchpoint().ok().map(|t| t.id) == facts.first().map(|t| t.id.clone())
                });
                if has_first {
                    whole.push((group.lead_id, Facts::Read(facts)));
                }
            } else {
                whole.push((group.lead_id, Facts::Raw(group.facts)));
            }
        }
        let work = Arc::clone(&work);
        let mut mine = std::mem::take(&mut sums);
        sums = tokio::task::spawn_blocking(move || {
            for (lead_id, facts) in whole {
                work.add(&mut mine, lead_id, facts);
            }
            mine
        })
        .await?;
    }
}

enum Facts {
    Raw(Vec<Item>),
    Read(Vec<Touchpoint>),
}

impl Work {
    fn add(&self, sums: &mut Tally, lead_id: LeadId, facts: Facts) {
        self.progress.leads.fetch_add(1, Ordering::Relaxed);
        let mut facts = match facts {
            Facts::Read(facts) => facts,
            Facts::Raw(items) => {
                let mut facts = Vec::with_capacity(items.len());
                for item in items {
                    // A fact of a later release is counted and told, and does not stop the rest.
                    match item.into_touchpoint() {
                        Ok(fact) => facts.push(fact),
                        Err(_) => sums.unreadable += 1,
                    }
                }
                facts
            }
        };
        if let Some(until) = self.options.until {
            facts.retain(|t| t.at <= until);
        }
        let recent = |since| facts.iter().any(|t| t.at >= since);
        if facts.is_empty() || !self.options.since.is_none_or(recent) {
            sums.left_out += 1;
            return;
        }
        if self.options.count_imported {
            judge::count_imported(&mut facts);
        }
        let terms = judge::Terms {
            at: self.options.at,
            erased_at: self.erased.get(&lead_id).copied(),
        };
        sums.add(lead_id, &facts, &self.models, terms);
    }
}
