//! The four tables over `aws-sdk-dynamodb`; the only store there is. Locally and in tests the same client talks to an embedded engine.
//!
//! | table | key | holds | written by |
//! | --- | --- | --- | --- |
//! | touchpoints | `lead_id`, `id` | facts, appended, never changed | capture, links, feedback |
//! | leads | `lead_id`, `sk` | `LEAD`, `HANDOFF#n`, `CONSENT#n`, `GUARD` | score; links and feedback: `GUARD` only |
//! | outbox | `lead_id`, `id` | work: one item for one effect on one channel | capture, links, score; settled by its reader |
//! | ops | `pk`, `sk` | what belongs to no lead: counters, limits, quarantine | all |
//!
//! Guaranteed: a commit is one write or one transaction, each write under a condition that names what it was decided from; a writer that
//! lost the reply recognises its own write by `last_write_id`. Not relied on: the SDK's request tokens (forgotten after ten minutes),
//! TTL deletion (may be days late), the freshness of indexes (they only say where to look).

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, ConsumedCapacity, ReturnConsumedCapacity};
use aws_smithy_async::rt::sleep::SharedAsyncSleep;

use crate::runtime::{Aws, Entropy, SettingsReader};

mod commit;
mod delete;
mod endpoints;
mod erase;
mod held;
mod item;
mod limits;
mod quarantine;
mod read;
mod scan;
mod sending;
mod wording;

pub use commit::Committed;
pub use erase::Leftovers;
pub use held::SetAside;
pub use item::Item;
pub use limits::RateLimits;
pub use quarantine::QuarantineEntry;
pub use read::{FactKey, OutboxKey};
pub use scan::{Cursor, Page, Segment};

/// Shards of the `by_day` and `by_stage` indexes.
pub const INDEX_SHARDS: u8 = 4;

/// Names of the tables a function uses; the others are empty and never touched.
#[derive(Clone, Debug, Default)]
pub struct Tables {
    /// Facts.
    pub touchpoints: String,
    /// State.
    pub leads: String,
    /// Work.
    pub outbox: String,
    /// What belongs to no lead.
    pub ops: String,
}

/// A table, for [`Tables::from_env`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// Facts: `TOUCHPOINTS_TABLE`.
    Touchpoints,
    /// State: `LEADS_TABLE`.
    Leads,
    /// Work: `OUTBOX_TABLE`.
    Outbox,
    /// The rest: `OPS_TABLE`.
    Ops,
}

impl Tables {
    /// Reads the names of the tables a function uses.
    pub fn from_env(settings: &mut SettingsReader<'_>, used: &[Table]) -> Self {
        let mut tables = Self::default();
        for table in used {
            match table {
                Table::Touchpoints => tables.touchpoints = settings.required("TOUCHPOINTS_TABLE"),
                Table::Leads => tables.leads = settings.required("LEADS_TABLE"),
                Table::Outbox => tables.outbox = settings.required("OUTBOX_TABLE"),
                Table::Ops => tables.ops = settings.required("OPS_TABLE"),
            }
        }
        tables
    }
}

/// The store.
#[derive(Clone, Debug)]
pub struct Store {
    client: Client,
    tables: Tables,
    meter: Meter,
    entropy: Entropy,
    sleep: SharedAsyncSleep,
    wordings: wording::KnownWordings,
}

impl Store {
    /// A store over these tables.
    pub fn new(aws: &Aws, tables: Tables, entropy: Entropy) -> Self {
        Self {
            client: aws.dynamodb(),
            tables,
            meter: Meter::default(),
            entropy,
            sleep: aws.sleep().clone(),
            wordings: wording::KnownWordings::default(),
        }
    }

    /// Units consumed so far.
    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    /// The tables' names.
    pub fn tables(&self) -> &Tables {
        &self.tables
    }

    /// One cheap call that opens the connection in the init phase, before the first visitor needs it. Its outcome does not matter.
    pub async fn warm_up(&self) {
        let counted = self
            .client
            .update_item()
            .table_name(&self.tables.ops)
            .key("pk", s("warm-up"))
            .key("sk", s("-"))
            .update_expression("ADD starts :one")
            .expression_attribute_values(":one", n(1));
        let _ = counted.send().await;
    }
}

/// Units consumed, as `DynamoDB` reports them. A read unit is 4 KB strongly consistent, a write unit 1 KB; transactions count double.
#[derive(Clone, Debug, Default)]
pub struct Meter(Arc<MeterCells>);

#[derive(Debug, Default)]
struct MeterCells {
    read_milli: AtomicU64,
    write_milli: AtomicU64,
    calls: AtomicU64,
}

/// Sums of a [`Meter`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Units {
    /// Read units.
    pub read: f64,
    /// Write units.
    pub write: f64,
    /// Calls.
    pub calls: u64,
}

impl Meter {
    /// Units consumed so far.
    pub fn units(&self) -> Units {
        #[expect(
            clippy::cast_precision_loss,
            reason = "thousandths of a unit stay far below 2^52"
        )]
        let units = |cell: &AtomicU64| cell.load(Ordering::Relaxed) as f64 / 1000.0;
        Units {
            read: units(&self.0.read_milli),
            write: units(&self.0.write_milli),
            calls: self.0.calls.load(Ordering::Relaxed),
        }
    }

    fn reads(&self, consumed: Option<&ConsumedCapacity>) {
        self.add(&self.0.read_milli, consumed);
    }

    fn writes<'a>(&self, consumed: impl IntoIterator<Item = &'a ConsumedCapacity>) {
        for one in consumed {
            self.add(&self.0.write_milli, Some(one));
        }
    }

    fn add(&self, cell: &AtomicU64, consumed: Option<&ConsumedCapacity>) {
        self.0.calls.fetch_add(1, Ordering::Relaxed);
        if let Some(units) = consumed.and_then(|c| c.capacity_units) {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "units are small and not negative"
            )]
            cell.fetch_add((units * 1000.0).round() as u64, Ordering::Relaxed);
        }
    }
}

/// What every call asks for.
const CAPACITY: ReturnConsumedCapacity = ReturnConsumedCapacity::Total;

/// Why the store could not do something. Codes only: an error of the SDK can echo items, so its text is never kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// No answer, or an answer that leaves open whether it was done. Trying the same again is safe.
    #[error("the store did not answer ({0}); the same again is safe")]
    Unavailable(&'static str),
    /// The store is busy: throttled, or another transaction held an item for too long.
    #[error("the store is busy ({0}); try again later")]
    Busy(&'static str),
    /// The call was refused: a permission, a missing table, a wrong expression.
    #[error("the store refused the call: {0}")]
    Refused(String),
    /// An item of a shape this release cannot read.
    #[error("an item of table {table} cannot be read: {reason}")]
    Damaged {
        /// The table.
        table: &'static str,
        /// What is wrong with its shape; never a value.
        reason: String,
    },
}

impl StoreError {
    /// Whether trying again later can help.
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Busy(_))
    }
}

/// Sorts an SDK error into ours.
fn sort_error<E>(error: &aws_sdk_dynamodb::error::SdkError<E>) -> StoreError
where
    E: aws_sdk_dynamodb::error::ProvideErrorMetadata,
{
    use aws_sdk_dynamodb::error::SdkError;
    match error {
        SdkError::TimeoutError(_) => StoreError::Unavailable("timeout"),
        SdkError::DispatchFailure(_) => StoreError::Unavailable("connection"),
        SdkError::ResponseError(_) => StoreError::Unavailable("unreadable answer"),
        SdkError::ServiceError(service) => match service.err().code() {
            Some("ThrottlingException" | "RequestLimitExceeded") => StoreError::Busy("throttled"),
            Some("ProvisionedThroughputExceededException") => StoreError::Busy("throughput"),
            Some("TransactionConflictException" | "TransactionInProgressException") => {
                StoreError::Busy("conflict")
            }
            Some("InternalServerError" | "ServiceUnavailable") | None => {
                StoreError::Unavailable("server error")
            }
            Some(code) => StoreError::Refused(code.to_owned()),
        },
        _ => StoreError::Refused("request could not be made".into()),
    }
}

type Attributes = HashMap<String, AttributeValue>;

fn s(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

fn n(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}
