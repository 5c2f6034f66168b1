//! Erasing a person: in all tables, and on one machine also the mails, webhooks, queues and streams, and what files keep of deleted rows.
//!
//! ```text
//! Ordered     the order and the guard: from here on `keep` finishes the tables, whatever happens
//! Forgotten   mails and webhooks: they are found by what the facts say, so they go before the facts
//! Deleted     the items of all four tables; the certificate
//! Dropped     queued messages and stream records; mails once more, for what was under way
//! Cleared     what files keep of deleted rows
//! ```
//!
//! It can be cut off after any step; the same erasure again goes through all of them and ends in the same state.

use keep::erase::{Request, begin, finish};
use serde::Serialize;
use serde_json::Value;
use shared::domain::erasure::{EraseReason, Found};
use shared::domain::time::Timestamp;

use super::{Local, Person, Records};

/// A step that is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The order stands and the guard is marked.
    Ordered,
    /// Mails and webhooks are gone.
    Forgotten,
    /// The items of the tables are gone, and the certificate stands.
    Deleted,
    /// Queued messages and stream records are gone.
    Dropped,
    /// Nothing of deleted rows is left in any file.
    Cleared,
}

impl Step {
    /// All, in order.
    pub const ALL: [Self; 5] = [
        Self::Ordered,
        Self::Forgotten,
        Self::Deleted,
        Self::Dropped,
        Self::Cleared,
    ];
}

/// What was done, with references only: it may be kept and shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Certificate {
    /// The lead: the keyed hash of the address.
    pub reference: String,
    /// When it was asked for.
    pub asked_for: String,
    /// Why.
    pub because: &'static str,
    /// When nothing was left.
    pub finished: String,
    /// Items that there were in each table.
    pub found: Found,
    /// Mails deleted on this machine, this time.
    pub mails: usize,
    /// Webhooks received that were deleted on this machine, this time.
    pub webhooks: usize,
    /// Messages to sales that had left, by what they were and to whom: they are outside.
    pub told: Vec<String>,
}

/// Erases. `done` is told each step; an error of it stops there. None where nothing is known of the address and never was.
pub async fn erase(
    records: &Records<'_>,
    email: &str,
    because: EraseReason,
    mut done: impl FnMut(Step) -> anyhow::Result<()>,
) -> anyhow::Result<Option<Certificate>> {
    let person = Person::of(email, records.identity)?;
    let stored = records.query.by_id(&person.lead_id.to_string()).await?;
    let spellings = person.spellings(stored.as_ref());
    let needles = person.needles(&spellings);
    let request = Request {
        lead_id: person.lead_id,
        because,
        needles: &needles,
        now: records.now,
    };
    let erasure = begin(records.store, &request).await?;
    done(Step::Ordered)?;

    let mut forgotten = forget(records.local, &needles)?;
    done(Step::Forgotten)?;

    let finished = match &erasure {
        Some(erasure) => Some(finish(records.store, erasure, &needles, records.now).await?),
        None => None,
    };
    done(Step::Deleted)?;

    let late = forget(records.local, &needles)?;
    forgotten.mails += late.mails;
    forgotten.hooks += late.hooks;
    if let Some(local) = records.local {
        local.db.forget_messages(&needles)?;
        local
            .engine
            .housekeeping()
            .forget_stream(&person.lead_id.to_string())?;
    }
    done(Step::Dropped)?;

    if let Some(local) = records.local {
        local.ses.clear_freed()?;
        local.db.clear_freed()?;
        local.engine.housekeeping().clear_freed()?;
    }
    done(Step::Cleared)?;

    Ok(finished.map(|erasure| Certificate {
        reference: erasure.lead_id.to_string(),
        asked_for: erasure.erased_at.to_string(),
        because: erasure.because.words(),
        finished: erasure
            .finished_at
            .map(|at: Timestamp| at.to_string())
            .unwrap_or_default(),
        found: erasure.found,
        mails: forgotten.mails,
        webhooks: forgotten.hooks,
        told: told(stored.as_ref()),
    }))
}

fn forget(local: Option<Local<'_>>, needles: &[String]) -> anyhow::Result<crate::ses::Forgotten> {
    local.map_or_else(
        || Ok(crate::ses::Forgotten::default()),
        |l| l.ses.forget(needles),
    )
}

/// Messages about the person that have left for somebody else.
fn told(stored: Option<&Value>) -> Vec<String> {
    let outbox = stored.and_then(|s| s["outbox"].as_array());
    let mut told: Vec<String> = outbox
        .into_iter()
        .flatten()
        .filter(|item| item["kind"] != "mail" && item["state"] == "SENT")
        .map(|item| {
            let named = |name: &str| item["order"][name].as_str();
            let to = named("person")
                .or_else(|| named("channel"))
                .unwrap_or("a channel");
            let kind = item["kind"].as_str().unwrap_or("message");
            format!("{kind} to {to}")
        })
        .collect();
    told.sort();
    told.dedup();
    told
}

impl Certificate {
    /// The certificate as people read it.
    pub fn to_text(&self) -> String {
        let Found {
            touchpoints,
            leads,
            outbox,
            ops,
        } = self.found;
        let mut lines = vec![
            String::from("Certificate of erasure"),
            String::new(),
            format!("Reference   {}", self.reference),
            format!("Asked for   {}, because {}", self.asked_for, self.because),
            format!("Finished    {}", self.finished),
            format!(
                "Deleted     {touchpoints} facts, {leads} records with handoffs and consents, {outbox} messages, {ops} counters"
            ),
        ];
        if self.mails + self.webhooks > 0 {
            lines.push(format!(
                "            on this machine {} mails and {} webhooks received",
                self.mails, self.webhooks
            ));
        }
        lines.push(String::from(
            "Kept        the reference above with the time and the reason, so that no file and no form mails this person again",
        ));
        if !self.told.is_empty() {
            lines.push(format!(
                "Outside     copies that had left before: {}. Ask there for deletion",
                self.told.join(", ")
            ));
        }
        lines.push(String::from(
            "Ends later  streams forget within 24 hours, backups within 35 days",
        ));
        lines.join("\n")
    }
}
