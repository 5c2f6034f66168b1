//! The state of sending to leads, one item in `ops`.

use super::item::decode;
use super::{Attributes, Store, StoreError, s};
use crate::domain::sending::Sending;

fn key() -> Attributes {
    Attributes::from([("pk".into(), s("sending")), ("sk".into(), s("state"))])
}

/// The item.
pub(super) fn sending_item(sending: &Sending) -> Attributes {
    // A struct of strings and numbers: encoding it cannot fail.
    let mut item: Attributes = serde_dynamo::to_item(sending).unwrap_or_default();
    item.extend(key());
    item
}

impl Store {
    /// The state of sending to leads, consistent.
    pub async fn sending(&self) -> Result<Sending, StoreError> {
        let found = self.get(&self.tables.ops, key()).await?;
        found.map_or_else(|| Ok(Sending::default()), |item| decode("ops", item))
    }
}
