//! Mails to leads as a whole: how they stand, and an operator's pause and lift.
//!
//! Works on the local data and on a deployed stack alike. A pause and a lift are audited before they are done. Must not know the command
//! line.

use anyhow::bail;
use serde_json::{Value, json};
use shared::domain::sending::{Pause, Sending, StrikeKind};
use shared::domain::text::people_time;
use shared::domain::time::Timestamp;
use shared::flow::Write;
use shared::store::{Committed, Store};

use crate::reason::checked;

/// Tries at a record that senders write meanwhile.
const TRIES: u32 = 10;

/// What an operator does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Nothing goes out from now on.
    Pause,
    /// What waits goes out.
    Lift,
}

/// Pauses or lifts; false where it stood so before.
pub async fn change(
    store: &Store,
    act: Act,
    reason: &str,
    id: &str,
    now: Timestamp,
) -> anyhow::Result<bool> {
    let reason = checked(reason)?;
    for _ in 0..TRIES {
        let before = store.sending().await?;
        if before.pause.is_some() == (act == Act::Pause) {
            return Ok(false);
        }
        let action = match act {
            Act::Pause => "sending pause",
            Act::Lift => "sending lift",
        };
        let was = before.pause.as_ref().map(Pause::words);
        let details = [
            ("reason", reason.to_owned()),
            ("was", was.unwrap_or_default()),
        ];
        // Before it is done: nothing is lifted without a trace. A second try writes the same entry again.
        store
            .audit_with(action, "mails to leads", id, now, details)
            .await?;
        let after = match act {
            Act::Pause => before.paused(reason, now, id.to_owned()),
            Act::Lift => before.lifted(id.to_owned()),
        };
        let write = [Write::Sending(Box::new(after))];
        if let Committed::Written = store.commit(&write).await? {
            return Ok(true);
        }
    }
    bail!("the record changes all the time; try again")
}

/// How things stand, for a script.
pub fn as_json(sending: &Sending, now: Timestamp) -> Value {
    let pause = sending.pause.as_ref();
    json!({
        "paused": pause.is_some(),
        "reason": pause.map(Pause::words),
        "since": pause.map(|p| people_time(p.at)),
        "mails_in_24_hours": sending.used(now),
        "sample": {
            "mails": sending.sample(),
            "complaints": sending.strikes_of(StrikeKind::Complaint),
            "hard_bounces": sending.strikes_of(StrikeKind::HardBounce),
        },
        "closed_until": closed(sending, now).map(people_time),
    })
}

/// How things stand, in words.
pub fn in_words(sending: &Sending, now: Timestamp) -> String {
    let mut text = match &sending.pause {
        Some(pause) => format!(
            "Mails to leads are paused since {}: {}.\n\
             Nothing is lost: what waits goes out after `lodestone sending lift --reason \"...\"`. Alerts to sales go on.\n",
            people_time(pause.at),
            pause.words()
        ),
        None => String::from("Mails to leads go out.\n"),
    };
    if let Some(until) = closed(sending, now) {
        let line = format!(
            "The mail service takes no more for now; it is asked again at {}.\n",
            people_time(until)
        );
        text.push_str(&line);
    }
    let (complaints, bounces) = (
        sending.strikes_of(StrikeKind::Complaint),
        sending.strikes_of(StrikeKind::HardBounce),
    );
    let rates = format!(
        "Last {} mails: {} complained, {} bounced for good.\nLast 24 hours: {} mails.\n",
        sending.sample(),
        complaints,
        bounces,
        sending.used(now)
    );
    text.push_str(&rates);
    text
}

fn closed(sending: &Sending, now: Timestamp) -> Option<Timestamp> {
    sending.closed_until.filter(|until| now < *until)
}
