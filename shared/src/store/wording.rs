//! Words that people agreed to, kept once for all leads in `ops` under their hash, and never changed or expired.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::item::{decode, encode};
use super::{Attributes, CAPACITY, Store, StoreError, n, s, sort_error};
use crate::domain::consent::Wording;

/// Hashes of wordings that are known to be kept, so that each is written once in a process's life.
#[derive(Clone, Debug, Default)]
pub(super) struct KnownWordings(Arc<Mutex<BTreeSet<String>>>);

fn key(text_sha256: &str) -> Attributes {
    Attributes::from([
        ("pk".into(), s(format!("wording#{text_sha256}"))),
        ("sk".into(), s("text")),
    ])
}

impl Store {
    /// Keeps a wording, unless it is kept already.
    pub async fn keep_wording(&self, wording: &Wording) -> Result<(), StoreError> {
        let known = |hash: &str| {
            let known = self.wordings.0.lock();
            known.unwrap_or_else(PoisonError::into_inner).contains(hash)
        };
        if known(&wording.text_sha256) {
            return Ok(());
        }
        let mut item = encode("ops", wording)?;
        item.extend(key(&wording.text_sha256));
        item.insert("v".into(), n(1));
        let call = self
            .client
            .put_item()
            .table_name(&self.tables.ops)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)")
            .return_consumed_capacity(CAPACITY);
        match call.send().await {
            Ok(output) => self.meter.writes(output.consumed_capacity.as_ref()),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(aws_sdk_dynamodb::operation::put_item::PutItemError::is_conditional_check_failed_exception) => {}
            Err(error) => return Err(sort_error(&error)),
        }
        let mut known = self
            .wordings
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        known.insert(wording.text_sha256.clone());
        Ok(())
    }

    /// The wording of a hash, consistent; none where it is not kept.
    pub async fn wording(&self, text_sha256: &str) -> Result<Option<Wording>, StoreError> {
        let item = self.get(&self.tables.ops, key(text_sha256)).await?;
        item.map(|i| decode("ops", i)).transpose()
    }
}
