//! A webhook by Standard Webhooks: the frozen bytes, signed anew for each attempt.

use crate::domain::webhook::SigningSecrets;
use crate::runtime::Secret;

use super::message::{CannotWrite, Message, Parcel};

/// The request of one attempt: the same id and the same bytes as the one before, the time and the signature of this one.
pub fn message(
    url: &str,
    name: &str,
    secret: &Secret,
    parcel: &Parcel<'_>,
) -> Result<Message, CannotWrite> {
    let secrets = SigningSecrets::parse(secret.expose()).map_err(|error| CannotWrite::Secret {
        name: name.to_owned(),
        what: format!("it should hold {error}"),
    })?;
    let body = parcel.body.as_bytes();
    Ok(Message {
        url: url.to_owned(),
        headers: vec![
            ("content-type", "application/json".into()),
            ("webhook-id", parcel.id.to_owned()),
            ("webhook-timestamp", parcel.now.seconds().to_string()),
            (
                "webhook-signature",
                secrets.sign(parcel.id, parcel.now, body),
            ),
        ],
        body: body.to_vec(),
    })
}
