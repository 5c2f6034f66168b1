//! What is known of the receivers of channels, kept in `ops`.

use super::item::decode;
use super::{Attributes, Store, StoreError, s};
use crate::domain::endpoint::Endpoint;

fn key(channel: &str) -> Attributes {
    Attributes::from([
        ("pk".into(), s(format!("channel#{channel}"))),
        ("sk".into(), s("endpoint")),
    ])
}

/// The item of a receiver.
pub(super) fn endpoint_item(endpoint: &Endpoint) -> Attributes {
    // A struct of strings and numbers: encoding it cannot fail.
    let mut item: Attributes = serde_dynamo::to_item(endpoint).unwrap_or_default();
    item.extend(key(&endpoint.channel));
    item
}

impl Store {
    /// What is known of a channel's receiver, consistent.
    pub async fn endpoint(&self, channel: &str) -> Result<Endpoint, StoreError> {
        let found = self.get(&self.tables.ops, key(channel)).await?;
        found.map_or_else(
            || {
                Ok(Endpoint {
                    channel: channel.to_owned(),
                    ..Endpoint::default()
                })
            },
            |item| decode("ops", item),
        )
    }
}
