//! `score`: folds a lead's facts into its state on every write, and hands it to sales when it crosses into MQL.
//!
//! Woken by the touchpoints stream, by its own failure queue (it folds again what was touched in that window) and by a tick. Each lead of
//! a batch is folded once, from the table and never from the record, so repeats and reordering give the same state.

use std::collections::BTreeMap;

use serde_json::Value;
use shared::domain::consent::ConsentKey;
use shared::domain::id::{LeadId, random};
use shared::domain::outbox::{ClaimDecision, Reader};
use shared::domain::routing::Turn;
use shared::domain::time::{MINUTE_MS, Timestamp};
use shared::edge::Failure;
use shared::edge::stream::{
    QueueMessage, StreamRecord, Trigger, batch_answer, caught, lower, read, set_aside,
};
use shared::flow::Write;
use shared::flow::score::{Announce, Context, Decided, decide, wordings};
use shared::runtime::{Clock, Entropy, Lookup, Runtime, SettingsReader, StartError, read_key};
use shared::site::SiteHandle;
use shared::store::{Committed, OutboxKey, Store, Table, Tables};

/// Tries at a lead that other writers change meanwhile.
const TRIES: u32 = 6;
/// Added on both sides of a window that failed, because clocks differ by up to two minutes.
const SKEW_MS: i64 = 2 * MINUTE_MS;
/// Most reviews looked at in one tick, for each shard.
const REVIEWS: usize = 25;

/// What `score` works with.
#[derive(Clone, Debug)]
pub struct Deps {
    /// Facts, leads, outbox, ops.
    pub store: Store,
    /// The site in force.
    pub site: SiteHandle,
    /// Seals consent ledgers.
    pub consent_key: ConsentKey,
    /// The time.
    pub clock: Clock,
    /// Names commits.
    pub entropy: Entropy,
}

impl Deps {
    /// Reads `*_TABLE` and `CONSENT_KEY_PARAM`.
    pub async fn build(runtime: &Runtime, env: Lookup<'_>) -> Result<Self, StartError> {
        let mut settings = SettingsReader::new(env);
        let tables = Tables::from_env(
            &mut settings,
            &[Table::Touchpoints, Table::Leads, Table::Outbox, Table::Ops],
        );
        let key_param = settings.required("CONSENT_KEY_PARAM");
        settings.finish()?;
        let secrets = runtime
            .secrets
            .get(&runtime.aws, &[&key_param], runtime.clock.now())
            .await?;
        Ok(Self {
            store: Store::new(&runtime.aws, tables, runtime.entropy.clone()),
            site: runtime.site()?,
            consent_key: ConsentKey::new(read_key(&key_param, &secrets[0])?),
            clock: runtime.clock.clone(),
            entropy: runtime.entropy.clone(),
        })
    }
}

/// Works on a batch, a failure message or a tick.
pub async fn handle(deps: &Deps, event: Value) -> Result<Value, Failure> {
    match read(&event)? {
        Trigger::Stream(records) => Ok(fold_batch(deps, &records).await),
        Trigger::Queue(messages) => Ok(fold_again(deps, &messages).await),
        Trigger::Tick(_) => {
            review(deps).await?;
            Ok(batch_answer([]))
        }
    }
}

/// Folds each lead of the batch once, and reports the lowest sequence number among the leads that failed.
async fn fold_batch(deps: &Deps, records: &[StreamRecord]) -> Value {
    let now = deps.clock.now();
    let mut leads: BTreeMap<LeadId, Vec<&StreamRecord>> = BTreeMap::new();
    let mut lowest: Option<&str> = None;
    let mut failed = |sequence| lowest = Some(lowest.map_or(sequence, |l| lower(l, sequence)));
    for record in records.iter().filter(|r| r.inserted) {
        if let Some(key) = &record.key {
            leads.entry(key.lead_id).or_default().push(record);
        } else {
            let unreadable = Failure::Permanent("unreadable_record".into());
            if !set_aside("score", &deps.store, record, &unreadable, now).await {
                failed(record.sequence.as_str());
            }
        }
    }
    for (lead_id, records) in leads {
        let Err(failure) = caught(fold_lead(deps, lead_id, Announce::Yes)).await else {
            continue;
        };
        tracing::warn!(function = "score", lead = %lead_id, class = %failure.class(), "a lead could not be folded");
        for record in records {
            if failure.is_transient()
                || !set_aside("score", &deps.store, record, &failure, now).await
            {
                failed(record.sequence.as_str());
            }
        }
    }
    batch_answer(lowest)
}

/// Folds one lead: load, decide, commit; again where another writer was first.
pub async fn fold_lead(deps: &Deps, lead_id: LeadId, announce: Announce) -> Result<(), Failure> {
    let mut turn: Option<Turn> = None;
    for _ in 0..TRIES {
        let site = deps.site.get();
        let records = deps.store.lead_records(lead_id).await?;
        let facts = deps.store.facts(lead_id).await?;
        let write_id = random("fld", deps.entropy.bytes());
        let context = Context {
            site: &site,
            key: &deps.consent_key,
            announce,
            turn: turn.as_ref(),
            now: deps.clock.now(),
            write_id: &write_id,
        };
        let writes = match decide(lead_id, &facts, &records, &context) {
            Decided::Unchanged => return Ok(()),
            // A cursor is bumped before the transaction, never in it; a turn that is then not used harms nobody.
            Decided::NeedsTurn(group) => {
                let n = deps.store.draw_turn(&group).await?;
                turn = Some(Turn { group, n });
                continue;
            }
            Decided::Commit(writes) => writes,
        };
        for wording in wordings(&writes, &site, context.now) {
            deps.store.keep_wording(&wording).await?;
        }
        if let Committed::Written = deps.store.commit(&writes).await? {
            return Ok(());
        }
    }
    Err(Failure::Transient("lead_contended".into()))
}

/// Lambda gave up on a batch: the message names its window, so every lead touched in it is folded again.
async fn fold_again(deps: &Deps, messages: &[QueueMessage]) -> Value {
    let mut failed = Vec::new();
    for message in messages {
        let again = async {
            let (from, to) = window(&message.body)
                .ok_or_else(|| Failure::Permanent("unreadable_message".into()))?;
            for lead_id in deps.store.leads_touched(from, to).await? {
                fold_lead(deps, lead_id, Announce::Yes).await?;
            }
            Ok(())
        };
        if let Err(failure) = caught(again).await {
            // Whatever it is, the queue tries again and keeps the message at last: nothing is dropped here.
            tracing::warn!(function = "score", class = %failure.class(), "a failed window could not be folded again");
            failed.push(message.id.as_str());
        }
    }
    batch_answer(failed)
}

/// First and last arrival of the records that failed, widened by the skew of clocks.
fn window(body: &str) -> Option<(Timestamp, Timestamp)> {
    let message: Value = serde_json::from_str(body).ok()?;
    let info = message.get("DDBStreamBatchInfo")?;
    let at = |name: &str| {
        info.get(name)
            .and_then(Value::as_str)
            .and_then(Timestamp::parse)
    };
    let from = at("approximateArrivalOfFirstRecord")?;
    let to = at("approximateArrivalOfLastRecord")?;
    Some((from.plus_ms(-SKEW_MS), to.plus_ms(SKEW_MS)))
}

/// Leads whose time has come to be looked at again. One that fails is looked at in the next minute, and keeps nobody waiting.
async fn review(deps: &Deps) -> Result<(), Failure> {
    let now = deps.clock.now();
    for key in deps.store.due(Reader::Score, now, REVIEWS).await? {
        if let Err(failure) = caught(review_one(deps, &key)).await {
            tracing::warn!(function = "score", lead = %key.lead_id, class = %failure.class(), "a lead could not be looked at again");
        }
    }
    Ok(())
}

/// Folds the lead, then settles the item: a stop between the two only means to fold once more.
async fn review_one(deps: &Deps, key: &OutboxKey) -> Result<(), Failure> {
    fold_lead(deps, key.lead_id, Announce::Yes).await?;
    let Some(item) = deps.store.outbox_item(key.lead_id, &key.id).await? else {
        return Ok(());
    };
    let write_id = random("rev", deps.entropy.bytes());
    let settled = item.decide_claim(deps.clock.now(), &write_id, 0, Some("looked at"), true);
    if let ClaimDecision::Write(mut settled) = settled {
        settled.last_write_id = write_id;
        let moved = Write::OutboxMoved {
            item: settled,
            from: item.last_write_id.clone(),
        };
        // Lost means that another run settled it.
        deps.store.commit(&[moved]).await?;
    }
    Ok(())
}
