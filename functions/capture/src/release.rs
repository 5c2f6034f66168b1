//! Releasing a held submission: an operator vouches for it, and it is taken up as if it had just come in.
//!
//! It goes the way of every submission, under the id that it was answered with, so a release twice is a release once.

use shared::domain::held::Held;
use shared::domain::id::random;
use shared::domain::submission::{Checked, check};
use shared::flow::Write;
use shared::flow::capture::{Arrival, decide};
use shared::store::StoreError;

use crate::Deps;
use crate::record::{Recorded, record};

/// Why a held submission cannot be taken up.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// A test is kept apart for good.
    #[error("it is a test: post it again without test mode")]
    Test,
    /// The site no longer has its form.
    #[error("the site has no form `{0}` any more")]
    NoForm(String),
    /// The form asks for something else by now.
    #[error("the form has changed since: {0}")]
    Changed(String),
    /// The store failed.
    #[error("the store failed: {0}")]
    Store(#[from] StoreError),
}

/// Takes a held submission up. Whoever calls it forgets the held item afterwards.
pub async fn release(deps: &Deps, held: &Held) -> Result<String, ReleaseError> {
    if !held.is_releasable() {
        return Err(ReleaseError::Test);
    }
    let site = deps.site.get();
    let form = site
        .forms
        .get(&held.form)
        .ok_or_else(|| ReleaseError::NoForm(held.form.clone()))?;
    let page = held.page.as_ref().map(|p| p.expose().as_str());
    let submission = match check(form, &held.pairs(), page) {
        Checked::Fine(submission) => submission,
        Checked::Trapped { .. } => {
            return Err(ReleaseError::Changed("a field is a trap now".into()));
        }
        Checked::Problems(problems) => {
            let named = problems.iter().map(|p| {
                let field = p.field.as_deref().unwrap_or("the form");
                format!("{field} {}", p.message)
            });
            return Err(ReleaseError::Changed(named.collect::<Vec<_>>().join(", ")));
        }
    };
    let write_id = random("req", deps.entropy.bytes());
    let key = held.key.as_ref().map(|k| k.expose().as_str());
    let arrival = Arrival {
        site: &site,
        form,
        now: deps.clock.now(),
        posted_at: held.at,
        mails: true,
        key,
        ip_hash: held.ip_hash.clone(),
        agent_class: &held.agent_class,
        write_id: &write_id,
    };
    if held.stored {
        // The fact is there; what waits is the mail, which has one id however often it is asked for.
        let accepted = decide(&arrival, &submission, &deps.identity, None);
        for item in accepted.outbox {
            deps.store.commit(&[Write::Outbox(item)]).await?;
        }
        return Ok(held.id.clone());
    }
    match record(deps, &arrival, &submission, None).await? {
        Recorded::As(id) => Ok(id),
        // What it was answered with is taken by another content: it goes under a name of its own.
        Recorded::KeyReused | Recorded::TicketSpent => {
            let arrival = Arrival {
                key: None,
                ..arrival
            };
            match record(deps, &arrival, &submission, None).await? {
                Recorded::As(id) => Ok(id),
                Recorded::KeyReused | Recorded::TicketSpent => Ok(held.id.clone()),
            }
        }
    }
}
