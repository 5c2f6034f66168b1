//! `keep`: once a day, deletes what has lapsed. With erasing, the only deleter.
//!
//! A person who asked for something by mail and never clicked is forgotten after the days that the form says, and whoever did nothing for
//! the months that it says: facts, work and state. A guard that says
//! "no more mail" stays, because it is what keeps mail away. Each deletion names what it was decided from, so a person who comes back at
//! that moment is not lost, and what is cut off between state and facts goes on the next day. Settled work ends by its own TTL. Erasures
//! that were cut off are finished, and those of the last days gone through once more.

use serde_json::Value;
use shared::domain::id::{LeadId, random};
use shared::domain::lapse::Lapse;
use shared::domain::stage::Stage;
use shared::edge::Failure;
use shared::edge::stream::{Tick, Trigger, batch_answer, caught, read};
use shared::flow::keep::{PENDING_DAYS, has_lapsed};
use shared::runtime::{Clock, Entropy, Lookup, Runtime, SettingsReader, StartError};
use shared::store::{Store, Table, Tables};

pub mod erase;

/// What `keep` works with.
#[derive(Clone, Debug)]
pub struct Deps {
    /// All four tables.
    pub store: Store,
    /// The time.
    pub clock: Clock,
    /// Names deletions.
    pub entropy: Entropy,
}

impl Deps {
    /// Reads `*_TABLE`.
    #[expect(clippy::unused_async, reason = "every function is built the same way")]
    pub async fn build(runtime: &Runtime, env: Lookup<'_>) -> Result<Self, StartError> {
        let mut settings = SettingsReader::new(env);
        let tables = Tables::from_env(
            &mut settings,
            &[Table::Touchpoints, Table::Leads, Table::Outbox, Table::Ops],
        );
        settings.finish()?;
        Ok(Self {
            store: Store::new(&runtime.aws, tables, runtime.entropy.clone()),
            clock: runtime.clock.clone(),
            entropy: runtime.entropy.clone(),
        })
    }
}

/// Works on the daily tick.
pub async fn handle(deps: &Deps, event: Value) -> Result<Value, Failure> {
    let Trigger::Tick(Tick::Day) = read(&event)? else {
        return Err(Failure::UnknownEvent);
    };
    let until = deps.clock.now().plus_days(-PENDING_DAYS);
    let mut first_failure = None;
    let mut lapsed = 0_u32;
    // What was cut off, first: nothing else finds it.
    for lapse in deps.store.lapses().await? {
        match caught(finish(deps, &lapse)).await {
            Ok(()) => lapsed += 1,
            Err(failure) => {
                tracing::warn!(function = "keep", lead = %lapse.lead_id, class = %failure.class(), "a lapse could not be finished");
                first_failure = first_failure.or(Some(failure));
            }
        }
    }
    for stage in Stage::ALL {
        for lead_id in deps.store.leads_in_stage(stage, until).await? {
            match caught(lapse(deps, lead_id)).await {
                Ok(true) => lapsed += 1,
                Ok(false) => {}
                Err(failure) => {
                    tracing::warn!(function = "keep", lead = %lead_id, class = %failure.class(), "a lead could not be looked at");
                    first_failure = first_failure.or(Some(failure));
                }
            }
        }
    }
    let mut erased = 0_u32;
    for erasure in deps.store.erasures().await? {
        let now = deps.clock.now();
        if !erasure.is_open(now) {
            continue;
        }
        match caught(erase::finish(&deps.store, &erasure, &[], now)).await {
            Ok(_) => erased += 1,
            Err(failure) => {
                tracing::warn!(function = "keep", lead = %erasure.lead_id, class = %failure.class(), "an erasure could not be finished");
                first_failure = first_failure.or(Some(failure));
            }
        }
    }
    tracing::info!(
        function = "keep",
        lapsed,
        erased,
        "looked for what has lapsed"
    );
    first_failure.map_or_else(|| Ok(batch_answer([])), Err)
}

/// Forgets a lead whose time is over; false where it is not.
async fn lapse(deps: &Deps, lead_id: LeadId) -> Result<bool, Failure> {
    let now = deps.clock.now();
    let Some(lead) = deps.store.lead(lead_id).await? else {
        return Ok(false);
    };
    // One item read tells of most leads that their time has not come.
    if lead.keep_until.is_some_and(|end| now < end) {
        return Ok(false);
    }
    let records = deps.store.lead_records(lead_id).await?;
    let Some(lead) = &records.lead else {
        return Ok(false);
    };
    let facts = deps.store.facts(lead_id).await?;
    let outbox = deps.store.outbox_of(lead_id).await?;
    let lapsed = match lead.keep_until {
        Some(_) => lead.is_over(now),
        None => has_lapsed(lead, &facts, &outbox, now),
    };
    if !lapsed {
        return Ok(false);
    }
    let write_id = random("kep", deps.entropy.bytes());
    // State first, under its version: if somebody came back meanwhile, nothing is deleted at all.
    let lapse = Lapse::of(lead_id, &facts, &outbox, &write_id);
    if !deps
        .store
        .delete_lead(&lapse, lead.version, &records)
        .await?
    {
        return Ok(false);
    }
    finish(deps, &lapse).await?;
    Ok(true)
}

/// Deletes the rest of a lead whose state has gone. May be done twice.
async fn finish(deps: &Deps, lapse: &Lapse) -> Result<(), Failure> {
    let (subject, now) = (lapse.lead_id.to_string(), deps.clock.now());
    deps.store
        .audit("lapsed", &subject, &lapse.last_write_id, now)
        .await?;
    deps.store.finish_lapse(lapse).await?;
    tracing::info!(function = "keep", lead = %lapse.lead_id, "a lead lapsed");
    Ok(())
}
