//! Erasing a lead: everything from before a moment goes, in all four tables; a marker without anything personal stays.
//!
//! ```text
//! 1  the order        ops: erasure/<lead>, with what was found       from here on whatever is cut off is found by `keep`
//! 2  the guard        erasing, erased_at: mail, links, events and folds of what was before are dropped from now on
//! 3  the items        what names the lead in ops, facts, work, state; looked for again until nothing is left
//! 4  the end          the certificate in the audit, the guard says erased, the order says finished
//! ```
//!
//! Each step may be done twice: the same erasure again goes through the same steps and ends in the same state. What a late write brings
//! back (a stream repeats for a day) is found when `keep` goes through the order again on the days after.

use shared::domain::erasure::{EraseReason, Erasure};
use shared::domain::guard::Guard;
use shared::domain::id::LeadId;
use shared::domain::time::Timestamp;
use shared::edge::Failure;
use shared::flow::Write;
use shared::store::{Committed, Store};

/// Tries at a record that other writers change meanwhile.
const TRIES: u32 = 6;
/// Times that items are looked for; each later time finds what was written during the one before.
const PASSES: u32 = 4;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The lead.
    pub lead_id: LeadId,
    /// Why.
    pub because: EraseReason,
    /// What names the person in `ops`, lower case: the lead, the mailbox, spellings of the address. Not stored.
    pub needles: &'a [String],
    /// When.
    pub now: Timestamp,
}

/// Writes the order and marks the guard; none where there is nothing to erase and never was. An erasure that was cut off goes on as it
/// was asked for; one that is finished begins anew only where something came since.
pub async fn begin(store: &Store, request: &Request<'_>) -> Result<Option<Erasure>, Failure> {
    for _ in 0..TRIES {
        let before = store.erasure(request.lead_id).await?;
        if let Some(unfinished) = before.as_ref().filter(|e| e.finished_at.is_none()) {
            mark(store, unfinished).await?;
            return Ok(before);
        }
        let leftovers = store
            .leftovers(request.lead_id, request.now, request.needles)
            .await?;
        let found = leftovers.count();
        let guard = store.guard(request.lead_id).await?;
        if found.total() == 0 && (before.is_some() || guard == Guard::default()) {
            return Ok(before);
        }
        let erasure = Erasure {
            lead_id: request.lead_id,
            erased_at: request.now,
            because: request.because,
            ops_keys: leftovers.ops_keys(),
            found,
            finished_at: None,
            version: before.map_or(1, |e| e.version + 1),
        };
        if let Committed::Written = store.commit(&[Write::Erasure(erasure.clone())]).await? {
            mark(store, &erasure).await?;
            return Ok(Some(erasure));
        }
    }
    Err(Failure::Transient("erasure_contended".into()))
}

/// Deletes what is left and says that it is done. `needles` as in [`Request`]; `keep` does not know them, may not read all of `ops`,
/// and goes by what the order names there.
pub async fn finish(
    store: &Store,
    erasure: &Erasure,
    needles: &[String],
    now: Timestamp,
) -> Result<Erasure, Failure> {
    mark(store, erasure).await?;
    if erasure.finished_at.is_none() {
        store.delete_ops(&erasure.ops_keys).await?;
    }
    for pass in 1.. {
        let leftovers = store
            .leftovers(erasure.lead_id, erasure.erased_at, needles)
            .await?;
        if leftovers.count().total() == 0 {
            break;
        }
        if pass > PASSES {
            return Err(Failure::Transient("still_written_to".into()));
        }
        store.delete_leftovers(&leftovers).await?;
    }
    if erasure.finished_at.is_some() {
        return Ok(erasure.clone());
    }
    certify(store, erasure, now).await?;
    settle_guard(store, erasure).await?;
    let mut done = erasure.clone();
    done.finished_at = Some(now);
    done.version += 1;
    match store.commit(&[Write::Erasure(done.clone())]).await? {
        Committed::Written => Ok(done),
        // Somebody else finished it at the same time, and says the same.
        Committed::Lost(_) => Ok(done),
    }
}

/// Erases again what was erased before, in tables that a backup brought back: the order is written as it was, and gone through.
pub async fn replay(store: &Store, order: &Erasure, now: Timestamp) -> Result<Erasure, Failure> {
    for _ in 0..TRIES {
        let before = store.erasure(order.lead_id).await?;
        let again = Erasure {
            finished_at: None,
            version: before.map_or(1, |e| e.version + 1),
            ..order.clone()
        };
        if let Committed::Written = store.commit(&[Write::Erasure(again.clone())]).await? {
            return finish(store, &again, &[order.lead_id.to_string()], now).await;
        }
    }
    Err(Failure::Transient("erasure_contended".into()))
}

/// Marks the guard, unless it carries this erasure or a later one.
async fn mark(store: &Store, erasure: &Erasure) -> Result<(), Failure> {
    change_guard(store, erasure.lead_id, "mark", erasure.erased_at, |guard| {
        (!guard.has_erased(erasure.erased_at))
            .then(|| guard.erase(erasure.erased_at, erasure.because))
    })
    .await
}

async fn settle_guard(store: &Store, erasure: &Erasure) -> Result<(), Failure> {
    change_guard(store, erasure.lead_id, "done", erasure.erased_at, |guard| {
        let ours = guard.erasing && guard.erased_at == Some(erasure.erased_at);
        let done = Guard {
            erasing: false,
            ..guard
        };
        ours.then_some(done)
    })
    .await
}

async fn change_guard(
    store: &Store,
    lead_id: LeadId,
    step: &str,
    erased_at: Timestamp,
    change: impl Fn(Guard) -> Option<Guard>,
) -> Result<(), Failure> {
    for _ in 0..TRIES {
        let before = store.guard(lead_id).await?;
        let version = before.version + 1;
        let Some(after) = change(before) else {
            return Ok(());
        };
        let write = Write::Guard {
            lead_id,
            guard: Guard { version, ..after },
            write_id: format!("era.{step}.{}", erased_at.0),
        };
        if let Committed::Written = store.commit(&[write]).await? {
            return Ok(());
        }
    }
    Err(Failure::Transient("guard_contended".into()))
}

/// The certificate: kept in the audit under a name made of the erasure, so that finishing twice leaves one.
async fn certify(store: &Store, erasure: &Erasure, now: Timestamp) -> Result<(), Failure> {
    let found = erasure.found;
    let details = [
        ("asked_for", erasure.erased_at.to_string()),
        ("finished", now.to_string()),
        ("because", erasure.because.words().to_owned()),
        ("touchpoints", found.touchpoints.to_string()),
        ("leads", found.leads.to_string()),
        ("outbox", found.outbox.to_string()),
        ("ops", found.ops.to_string()),
    ];
    let (subject, write_id) = (erasure.lead_id.to_string(), "era.certificate");
    let write_id = format!("{write_id}.{subject}");
    store
        .audit_with("erased", &subject, &write_id, erasure.erased_at, details)
        .await?;
    Ok(())
}
