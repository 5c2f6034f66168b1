//! Writing a submission: the commit, and what it means when something stands there already. Knows nothing of requests.

use shared::domain::submission::Submission;
use shared::flow::Write;
use shared::flow::capture::{Arrival, Repeat, decide, repeat};
use shared::store::{Committed, StoreError};

use crate::Deps;

/// Links of the chain of later repeats that are followed before a post is written under a fresh id.
const REPEATS: usize = 8;

/// What came of writing a submission.
pub enum Recorded {
    /// It stands under this id, from now or from before.
    As(String),
    /// The client used one key for two contents.
    KeyReused,
    /// The ticket came before, with another submission.
    TicketSpent,
}

/// Writes the submission, following the chain of later repeats. `ticket` is the keyed name of the ticket that it spends, if it has one.
pub async fn record(
    deps: &Deps,
    arrival: &Arrival<'_>,
    submission: &Submission,
    mut ticket: Option<&str>,
) -> Result<Recorded, StoreError> {
    let mut link: Option<String> = None;
    for _ in 0..REPEATS {
        let accepted = decide(arrival, submission, &deps.identity, link.as_deref());
        let id = accepted.touchpoint.id.clone();
        // With the lead: one ticket gives one id, whoever uses it.
        let spent_on = format!("{}/{id}", accepted.touchpoint.lead_id);
        let mut writes = vec![Write::Touchpoint(accepted.touchpoint.clone())];
        writes.extend(accepted.outbox.into_iter().map(Write::Outbox));
        writes.extend(ticket.map(|ticket| Write::Spent {
            ticket: ticket.to_owned(),
            submission: spent_on.clone(),
            at: arrival.now,
            write_id: arrival.write_id.to_owned(),
        }));
        let mut old = match deps.store.commit(&writes).await? {
            Committed::Written => return Ok(Recorded::As(id)),
            Committed::Lost(old) => old,
        };
        let spent = ticket.and_then(|_| old.pop().flatten());
        let stored = old.into_iter().next().flatten();
        if let (None, Some(spent)) = (&stored, spent) {
            if spent.spent_on().as_deref() != Some(spent_on.as_str()) {
                return Ok(Recorded::TicketSpent);
            }
            // Spent on this very submission, whose fact has been deleted since.
            ticket = None;
            continue;
        }
        // An item in the way that is not a fact of ours is a half-deleted one: write beside it.
        let Some(stored) = stored.and_then(|item| item.touchpoint().ok()) else {
            link = Some(format!("beside@{}", arrival.now.0));
            continue;
        };
        match repeat(
            &stored,
            &accepted.touchpoint,
            arrival.key.is_some(),
            arrival.now,
        ) {
            Repeat::Same => return Ok(Recorded::As(stored.id)),
            Repeat::KeyReused => return Ok(Recorded::KeyReused),
            Repeat::Later(next) => link = Some(next),
        }
    }
    // The same words once more, after a long chain of them: kept under an id of its own.
    let accepted = decide(arrival, submission, &deps.identity, Some(arrival.write_id));
    let id = accepted.touchpoint.id.clone();
    let mut writes = vec![Write::Touchpoint(accepted.touchpoint)];
    writes.extend(accepted.outbox.into_iter().map(Write::Outbox));
    deps.store.commit(&writes).await?;
    Ok(Recorded::As(id))
}
