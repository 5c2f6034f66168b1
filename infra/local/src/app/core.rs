//! What can be asked of a running stack, whoever asks: the local routes, the tests, the terminal.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};
use shared::site::{Site, SiteHandle};

use crate::engine::tables::request;
use crate::pump::Pumps;
use crate::pump::queues::Queues;
use crate::query::Query;
use crate::stack::Stack;

/// The moving parts of a running stack.
pub struct Core {
    stack: Stack,
    pumps: Arc<Pumps>,
    query: Query,
    site: Option<SiteHandle>,
    started_at: std::time::Instant,
    at_start: Counts,
}

/// What happened since the runner started.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Totals {
    /// Facts recorded.
    pub touchpoints: u64,
    /// Leads that came to be.
    pub leads: u64,
    /// Work that waits, due or not.
    pub outbox_pending: u64,
    /// Seconds since the start, by the machine's clock.
    pub seconds: f64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    touchpoints: u64,
    leads: u64,
}

impl Core {
    pub(super) async fn new(
        stack: Stack,
        pumps: Arc<Pumps>,
        query: Query,
        site: Option<SiteHandle>,
    ) -> anyhow::Result<Self> {
        let mut core = Self {
            stack,
            pumps,
            query,
            site,
            started_at: std::time::Instant::now(),
            at_start: Counts::default(),
        };
        core.at_start = core.counts().await?;
        Ok(core)
    }

    /// The stack underneath.
    pub fn stack(&self) -> &Stack {
        &self.stack
    }

    /// The pumps.
    pub fn pumps(&self) -> &Arc<Pumps> {
        &self.pumps
    }

    /// Reads leads.
    pub fn query(&self) -> &Query {
        &self.query
    }

    /// The site in force.
    pub fn site(&self) -> Option<Arc<Site>> {
        self.site.as_ref().map(SiteHandle::get)
    }

    /// The queues.
    pub fn queues(&self) -> &Queues {
        &self.pumps.context().queues
    }

    /// Handlers' time, UTC milliseconds.
    pub fn now(&self) -> i64 {
        self.stack.clock.now()
    }

    /// Returns when streams, visible messages and work due now are drained.
    pub async fn settle(&self) -> anyhow::Result<Totals> {
        self.pumps.settle().await?;
        self.totals().await
    }

    /// Moves the clock forward for good; ticks on the way run. Answers the new time.
    pub async fn advance(&self, seconds: u32) -> anyhow::Result<i64> {
        self.pumps.advance(seconds).await?;
        Ok(self.now())
    }

    /// What happened since the start.
    pub async fn totals(&self) -> anyhow::Result<Totals> {
        let now = self.counts().await?;
        let pending = match self.pumps.due().cloned() {
            Some(index) => tokio::task::spawn_blocking(move || index.count()).await??,
            None => 0,
        };
        Ok(Totals {
            touchpoints: now.touchpoints.saturating_sub(self.at_start.touchpoints),
            leads: now.leads.saturating_sub(self.at_start.leads),
            outbox_pending: pending,
            seconds: self.started_at.elapsed().as_secs_f64(),
        })
    }

    async fn counts(&self) -> anyhow::Result<Counts> {
        let database = self.stack.engine.database().clone();
        let (touchpoints, leads) = (
            self.stack.table("TouchpointsTable")?.to_owned(),
            self.stack.table("LeadsTable")?.to_owned(),
        );
        let count = move || -> anyhow::Result<Counts> {
            let stats = database.table_stats()?;
            let facts = stats
                .iter()
                .find(|table| table.table_name == touchpoints)
                .map_or(0, |table| table.item_count);
            let mut counts = Counts {
                touchpoints: u64::try_from(facts).unwrap_or(0),
                leads: 0,
            };
            let mut start = Value::Null;
            loop {
                // The index has one entry for each lead, and nothing but its key.
                let mut scan =
                    json!({ "TableName": leads, "IndexName": "by_stage", "Select": "COUNT" });
                if !start.is_null() {
                    scan["ExclusiveStartKey"] = start;
                }
                let page = serde_json::to_value(database.scan(request(&scan)?)?)?;
                counts.leads += page["Count"].as_u64().unwrap_or(0);
                start = page["LastEvaluatedKey"].clone();
                if start.is_null() {
                    return Ok(counts);
                }
            }
        };
        tokio::task::spawn_blocking(count).await?
    }
}
