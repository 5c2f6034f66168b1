//! Committing what was decided: one conditional write, or one transaction of several.
//!
//! | what happened | what the caller sees |
//! | --- | --- |
//! | written | [`Committed::Written`] |
//! | written before by this very commit, reply lost | [`Committed::Written`] (its own `last_write_id` is there) |
//! | another writer was there first | [`Committed::Lost`], with the items that stood in the way |
//! | conflict or throttling | tried again here with jittered backoff, then [`StoreError::Busy`] |
//! | no answer | [`StoreError::Unavailable`]; the same commit again is safe |

use std::time::Duration;

use aws_smithy_async::rt::sleep::AsyncSleep as _;

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    CancellationReason, ConditionCheck, Put, ReturnValuesOnConditionCheckFailure as ReturnOld,
    TransactWriteItem,
};

use super::endpoints::endpoint_item;
use super::held::{entry_item, held_item, spent_item};
use super::item::{self, Item};
use super::limits::send_limit_item;
use super::sending::sending_item;
use super::{Attributes, CAPACITY, Store, StoreError, n, s, sort_error};
use crate::domain::consent::LedgerHead;
use crate::domain::erasure::Erasure;
use crate::domain::id::LeadId;
use crate::domain::outbox::OutboxItem;
use crate::flow::Write;

/// Attempts at a transaction that meets conflicts or throttling.
const ATTEMPTS: u32 = 8;
/// First backoff; doubles each time, with full jitter.
const BACKOFF_MS: u64 = 25;

/// What came of a commit.
#[derive(Clone, Debug)]
pub enum Committed {
    /// It is written.
    Written,
    /// Nothing was written, because a condition did not hold. For each write, the item that stood in its way; `None` where its
    /// condition held or there was no item.
    Lost(Vec<Option<Item>>),
}

struct Prepared {
    table: String,
    item: Attributes,
    condition: String,
    names: Vec<(&'static str, &'static str)>,
    values: Vec<(&'static str, aws_sdk_dynamodb::types::AttributeValue)>,
    /// `None` = a check only.
    write_id: Option<String>,
}

impl Store {
    /// Commits `writes` as one: a single conditional put where there is one, else a transaction.
    pub async fn commit(&self, writes: &[Write]) -> Result<Committed, StoreError> {
        let prepared = writes
            .iter()
            .map(|w| self.prepare(w))
            .collect::<Result<Vec<_>, _>>()?;
        match <[Prepared; 1]>::try_from(prepared) {
            Ok([single]) if single.write_id.is_some() => self.put(single).await,
            Ok([check]) => self.transact(vec![check]).await,
            Err(several) => self.transact(several).await,
        }
    }

    async fn put(&self, write: Prepared) -> Result<Committed, StoreError> {
        let Prepared {
            table,
            item,
            condition,
            names,
            values,
            write_id,
        } = write;
        let mut call = self
            .client
            .put_item()
            .table_name(table)
            .set_item(Some(item))
            .condition_expression(condition)
            .return_consumed_capacity(CAPACITY)
            .return_values_on_condition_check_failure(ReturnOld::AllOld);
        for (name, value) in names {
            call = call.expression_attribute_names(name, value);
        }
        for (name, value) in values {
            call = call.expression_attribute_values(name, value);
        }
        match call.send().await {
            Ok(output) => {
                self.meter.writes(output.consumed_capacity.as_ref());
                Ok(Committed::Written)
            }
            Err(error) => {
                let failed_condition = error.as_service_error().and_then(|e| match e {
                    aws_sdk_dynamodb::operation::put_item::PutItemError::ConditionalCheckFailedException(failed) => Some(failed),
                    _ => None,
                });
                let Some(failed) = failed_condition else {
                    return Err(sort_error(&error));
                };
                let old = failed.item.clone().map(Item);
                if write_id.is_some()
                    && old.as_ref().and_then(Item::last_write_id) == write_id.as_deref()
                {
                    return Ok(Committed::Written);
                }
                Ok(Committed::Lost(vec![old]))
            }
        }
    }

    async fn transact(&self, writes: Vec<Prepared>) -> Result<Committed, StoreError> {
        let ids: Vec<Option<String>> = writes.iter().map(|w| w.write_id.clone()).collect();
        let actions = writes
            .into_iter()
            .map(Prepared::into_action)
            .collect::<Result<Vec<_>, _>>()?;
        let mut attempt = 0;
        loop {
            attempt += 1;
            let call = self
                .client
                .transact_write_items()
                .set_transact_items(Some(actions.clone()))
                .return_consumed_capacity(CAPACITY);
            let error = match call.send().await {
                Ok(output) => {
                    self.meter.writes(output.consumed_capacity());
                    return Ok(Committed::Written);
                }
                Err(error) => error,
            };
            let busy = match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                    match sort_reasons(cancelled.cancellation_reasons(), &ids) {
                        Verdict::Done(committed) => return Ok(committed),
                        Verdict::Again => StoreError::Busy("conflict"),
                        Verdict::Refused(code) => return Err(StoreError::Refused(code)),
                    }
                }
                _ => match sort_error(&error) {
                    busy @ StoreError::Busy(_) => busy,
                    other => return Err(other),
                },
            };
            if attempt >= ATTEMPTS {
                return Err(busy);
            }
            let wait = self.entropy.below(BACKOFF_MS << attempt.min(6));
            self.sleep.sleep(Duration::from_millis(wait)).await;
        }
    }

    fn prepare(&self, write: &Write) -> Result<Prepared, StoreError> {
        let tables = &self.tables;
        let in_ops = |item, write_id: &str| absent(&tables.ops, item, "sk", write_id.to_owned());
        Ok(match write {
            Write::Touchpoint(t) => absent(
                &tables.touchpoints,
                item::touchpoint_item(t)?,
                "id",
                t.last_write_id.clone(),
            ),
            Write::Outbox(o) => absent(
                &tables.outbox,
                item::outbox_item(o)?,
                "id",
                o.last_write_id.clone(),
            ),
            Write::Handoff(h) => absent(
                &tables.leads,
                item::handoff_item(h)?,
                "sk",
                h.last_write_id.clone(),
            ),
            Write::Consent(lead_id, c) => absent(
                &tables.leads,
                item::consent_item(*lead_id, c)?,
                "sk",
                c.seal.clone(),
            ),
            Write::Ledger {
                lead_id,
                head,
                from,
            } => ledger(&tables.leads, *lead_id, head, *from)?,
            Write::Lead {
                lead,
                from,
                write_id,
            } => versioned(
                &tables.leads,
                item::lead_item(lead, write_id)?,
                "sk",
                *from,
                Some(write_id.clone()),
            ),
            Write::Guard {
                lead_id,
                guard,
                write_id,
            } => {
                let from = guard.version.checked_sub(1).filter(|v| *v > 0);
                versioned(
                    &tables.leads,
                    item::guard_item(*lead_id, guard, write_id)?,
                    "sk",
                    from,
                    Some(write_id.clone()),
                )
            }
            Write::GuardIs(lead_id, version) => {
                let key = item::key(*lead_id, "sk", item::GUARD);
                versioned(
                    &tables.leads,
                    key,
                    "sk",
                    Some(*version).filter(|v| *v > 0),
                    None,
                )
            }
            Write::OutboxMoved { item, from } => moved(&tables.outbox, item, from)?,
            Write::Held(held) => in_ops(held_item(held)?, &held.last_write_id),
            Write::HeldEntry(held) => in_ops(entry_item(held), &held.last_write_id),
            Write::Spent {
                ticket,
                submission,
                at,
                write_id,
            } => in_ops(spent_item(ticket, submission, write_id, *at), write_id),
            Write::Erasure(order) => erasure(&tables.ops, order)?,
            Write::SendLimit(l) => counted(&tables.ops, send_limit_item(l), l.version, &l.write_id),
            Write::Sending(s) => counted(&tables.ops, sending_item(s), s.version, &s.write_id),
            Write::Endpoint(e) => counted(&tables.ops, endpoint_item(e), e.version, &e.write_id),
        })
    }
}

/// An item of `ops` in the place of the version before it; version 1 is the first.
fn counted(table: &str, item: Attributes, version: u64, write_id: &str) -> Prepared {
    let from = version.checked_sub(1).filter(|v| *v > 0);
    versioned(table, item, "sk", from, Some(write_id.to_owned()))
}

fn absent(table: &str, item: Attributes, key: &'static str, write_id: String) -> Prepared {
    Prepared {
        table: table.to_owned(),
        item,
        condition: String::from("attribute_not_exists(#key)"),
        names: vec![("#key", key)],
        values: Vec::new(),
        write_id: Some(write_id),
    }
}

fn moved(table: &str, item: &OutboxItem, from: &str) -> Result<Prepared, StoreError> {
    Ok(Prepared {
        table: table.to_owned(),
        item: item::outbox_item(item)?,
        condition: String::from("#write = :from"),
        names: vec![("#write", "last_write_id")],
        values: vec![(":from", s(from))],
        write_id: Some(item.last_write_id.clone()),
    })
}

fn ledger(
    table: &str,
    lead_id: LeadId,
    head: &LedgerHead,
    from: Option<u32>,
) -> Result<Prepared, StoreError> {
    Ok(versioned(
        table,
        item::ledger_item(lead_id, head)?,
        "sk",
        from.map(u64::from),
        Some(head.seal.clone()),
    ))
}

fn erasure(table: &str, order: &Erasure) -> Result<Prepared, StoreError> {
    let from = order.version.checked_sub(1).filter(|v| *v > 0);
    let write_id = format!("era.{}.{}", order.erased_at.0, order.version);
    let item = item::erasure_item(order, &write_id)?;
    Ok(versioned(table, item, "sk", from, Some(write_id)))
}

fn versioned(
    table: &str,
    item: Attributes,
    key: &'static str,
    from: Option<u64>,
    write_id: Option<String>,
) -> Prepared {
    let (condition, names, values) = match from {
        None => (
            "attribute_not_exists(#key)",
            vec![("#key", key)],
            Vec::new(),
        ),
        Some(version) => {
            let version = n(i64::try_from(version).unwrap_or(i64::MAX));
            (
                "#version = :version",
                vec![("#version", "version")],
                vec![(":version", version)],
            )
        }
    };
    Prepared {
        table: table.to_owned(),
        item,
        condition: condition.to_owned(),
        names,
        values,
        write_id,
    }
}

impl Prepared {
    fn into_action(self) -> Result<TransactWriteItem, StoreError> {
        let incomplete = |_| StoreError::Refused("incomplete transaction".into());
        let names = Some(
            self.names
                .into_iter()
                .map(|(k, v)| (k.to_owned(), v.to_owned()))
                .collect(),
        );
        let values = Some(
            self.values
                .into_iter()
                .map(|(k, v)| (k.to_owned(), v))
                .collect::<Attributes>(),
        )
        .filter(|v| !v.is_empty());
        let action = TransactWriteItem::builder();
        Ok(if self.write_id.is_some() {
            let put = Put::builder()
                .table_name(self.table)
                .set_item(Some(self.item))
                .condition_expression(self.condition)
                .set_expression_attribute_names(names)
                .set_expression_attribute_values(values)
                .return_values_on_condition_check_failure(ReturnOld::AllOld);
            action.put(put.build().map_err(incomplete)?).build()
        } else {
            let check = ConditionCheck::builder()
                .table_name(self.table)
                .set_key(Some(self.item))
                .condition_expression(self.condition)
                .set_expression_attribute_names(names)
                .set_expression_attribute_values(values)
                .return_values_on_condition_check_failure(ReturnOld::AllOld);
            action
                .condition_check(check.build().map_err(incomplete)?)
                .build()
        })
    }
}

enum Verdict {
    Done(Committed),
    Again,
    Refused(String),
}

/// Reads why a transaction was cancelled, write by write.
fn sort_reasons(reasons: &[CancellationReason], ids: &[Option<String>]) -> Verdict {
    let code = |r: &CancellationReason| r.code().unwrap_or("None").to_owned();
    let failed_conditions = reasons.iter().any(|r| code(r) == "ConditionalCheckFailed");
    if failed_conditions {
        let old: Vec<Option<Item>> = reasons.iter().map(|r| r.item.clone().map(Item)).collect();
        // All or nothing: one write that is there already with our identity means that all of them are.
        let own = old.iter().zip(ids).any(|(old, id)| {
            id.is_some() && old.as_ref().and_then(Item::last_write_id) == id.as_deref()
        });
        return Verdict::Done(if own {
            Committed::Written
        } else {
            Committed::Lost(old)
        });
    }
    let passing = [
        "None",
        "TransactionConflict",
        "ThrottlingError",
        "ProvisionedThroughputExceeded",
    ];
    match reasons
        .iter()
        .map(code)
        .find(|c| !passing.contains(&c.as_str()))
    {
        Some(code) => Verdict::Refused(code),
        None => Verdict::Again,
    }
}
