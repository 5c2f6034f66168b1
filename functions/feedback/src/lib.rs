//! `feedback`: takes up what the mail service says about our mails.
//!
//! Woken by a queue that the mail service's events reach through a topic. Unknown events are acknowledged by type; a message that cannot
//! be read is set aside by its id and acknowledged; one that met a busy store goes back to the queue, and in the end to its
//! dead-letter queue, where an alarm tells.

use serde::Deserialize;
use serde_json::Value;
use shared::domain::guard::Guard;
use shared::domain::outbox::OutboxItem;
use shared::domain::time::Timestamp;
use shared::edge::Failure;
use shared::edge::stream::{QueueMessage, Trigger, batch_answer, caught, read};
use shared::flow::Write;
use shared::flow::feedback::{Heard, MailEvent, TaggedItem, decide, pause_notice};
use shared::runtime::{Clock, Lookup, Runtime, SettingsReader, StartError};
use shared::store::{Committed, QuarantineEntry, Store, Table, Tables};

/// Tries at an item that its sender settles at the same time, and at the state of sending, which senders write too.
const TRIES: u32 = 8;

/// What `feedback` works with.
#[derive(Clone, Debug)]
pub struct Deps {
    /// Facts, guards, outbox, ops.
    pub store: Store,
    /// The time.
    pub clock: Clock,
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
        })
    }
}

/// Works on a batch of messages.
pub async fn handle(deps: &Deps, event: Value) -> Result<Value, Failure> {
    let Trigger::Queue(messages) = read(&event)? else {
        return Err(Failure::UnknownEvent);
    };
    let mut failed = Vec::new();
    for message in &messages {
        let Err(failure) = caught(hear(deps, message)).await else {
            continue;
        };
        tracing::warn!(function = "feedback", class = %failure.class(), "a message failed");
        let entry = QuarantineEntry {
            function: "feedback",
            subject: message.id.clone(),
            class: failure.class(),
            at: deps.clock.now(),
        };
        if failure.is_transient() || deps.store.quarantine(&entry).await.is_err() {
            failed.push(message.id.as_str());
        }
    }
    Ok(batch_answer(failed))
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "Message")]
    message: String,
}

/// What the mail service says once, as plain text, when a topic is named to it.
const GREETING: &str = "Successfully validated SNS topic";

/// The event inside a message: in the topic's envelope, or bare where raw delivery is on; none for the greeting.
fn event_of(message: &QueueMessage) -> Result<Option<MailEvent>, Failure> {
    let body = match serde_json::from_str::<Envelope>(&message.body) {
        Ok(envelope) => envelope.message,
        Err(_) => message.body.clone(),
    };
    if body.starts_with(GREETING) {
        return Ok(None);
    }
    serde_json::from_str(&body)
        .map(Some)
        .map_err(|_| Failure::Permanent("unreadable_event".into()))
}

async fn hear(deps: &Deps, message: &QueueMessage) -> Result<(), Failure> {
    let Some(event) = event_of(message)? else {
        return Ok(());
    };
    if event.kind().is_none() {
        let name: String = event.event_type.chars().take(40).collect();
        tracing::info!(function = "feedback", event = %name, "an event of a type that is not known");
        return Ok(());
    }
    let Some(TaggedItem { lead_id, id }) = event.item() else {
        // A mail that was not sent by us, such as a test from the console.
        tracing::info!(function = "feedback", event = %event.event_type, "an event without our tag");
        return Ok(());
    };
    // Whether the fact is there already: then what it did to the guard was done with it, and is not done again.
    let mut known = false;
    for _ in 0..TRIES {
        let Some(item) = deps.store.outbox_item(lead_id, &id).await? else {
            tracing::info!(function = "feedback", event = %event.event_type, lead = %lead_id, "an event for an item that is gone");
            return Ok(());
        };
        let guard = deps.store.guard(lead_id).await?;
        let now = deps.clock.now();
        let heard = decide(&event, &item, &guard, now);
        let mailbox = mailbox(deps, &heard, &item).await?;
        let strike = struck(deps, &heard, known, now).await?;
        let paused = strike.iter().any(|w| matches!(w, Write::Outbox(_)));
        let mut writes = writes(heard, &item, &guard, known);
        writes.extend(mailbox.filter(|_| !known));
        writes.extend(strike);
        if writes.is_empty() {
            return Ok(());
        }
        match deps.store.commit(&writes).await? {
            Committed::Written => {
                if paused {
                    // The alarm listens to these very words.
                    tracing::error!(function = "feedback", "mails to leads are paused");
                }
                return Ok(());
            }
            Committed::Lost(stood) => {
                let first = matches!(writes.first(), Some(Write::Touchpoint(_)));
                known |= first && stood.first().is_some_and(Option::is_some);
            }
        }
    }
    Err(Failure::Transient("item_contended".into()))
}

/// What a hard bounce or a complaint adds to the state of sending, once for each fact.
async fn struck(
    deps: &Deps,
    heard: &Heard,
    known: bool,
    now: Timestamp,
) -> Result<Vec<Write>, Failure> {
    let (Some(kind), Some(fact), false) = (heard.strike, &heard.touchpoint, known) else {
        return Ok(Vec::new());
    };
    let before = deps.store.sending().await?;
    // The fact's id is its own only within its lead.
    let after = before.struck(kind, now, format!("{}.{}", fact.id, fact.lead_id));
    let notice = pause_notice(&before, &after, fact).map(Write::Outbox);
    let mut writes = vec![Write::Sending(Box::new(after))];
    writes.extend(notice);
    Ok(writes)
}

/// What a complaint or a leaving adds to the guard of the whole mailbox.
async fn mailbox(deps: &Deps, heard: &Heard, item: &OutboxItem) -> Result<Option<Write>, Failure> {
    let (Some((reason, at)), Some(fact), Some(mailbox)) =
        (heard.mailbox, &heard.touchpoint, item.order.mailbox())
    else {
        return Ok(None);
    };
    let before = deps.store.guard(mailbox).await?;
    let after = before.clone().suppress(reason, at);
    Ok(Write::guard(mailbox, &before, after, &fact.id))
}

/// The writes of what was heard, the fact first.
fn writes(heard: Heard, item: &OutboxItem, guard: &Guard, known: bool) -> Vec<Write> {
    let mut writes = Vec::new();
    if let Some(touchpoint) = heard.touchpoint.filter(|_| !known) {
        let (lead_id, write_id) = (touchpoint.lead_id, touchpoint.id.clone());
        writes.push(Write::Touchpoint(touchpoint));
        let after = heard.guard;
        writes.extend(after.and_then(|after| Write::guard(lead_id, guard, after, &write_id)));
    }
    writes.extend(heard.item.map(|next| Write::OutboxMoved {
        item: Box::new(next),
        from: item.last_write_id.clone(),
    }));
    writes
}
