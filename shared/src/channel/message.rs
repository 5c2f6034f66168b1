//! One message to a channel of the site: which file sends it, and what its answer means for the item and the receiver.
//!
//! ```text
//! notify -> recheck   the receiver is on, or the item is given up
//!        -> deliver   one match over the kinds of channel; each file makes one request of a piece of news
//!        -> settle    the item and the receiver's record, in one transaction
//! ```
//!
//! Must not know where items come from.

use std::collections::BTreeMap;

use crate::domain::channel::{Channel, ChannelKind, LOCAL_SINK};
use crate::domain::endpoint::Endpoint;
use crate::domain::id::sha256_hex;
use crate::domain::news::News;
use crate::domain::outbox::{Order, OutboxItem, Outcome};
use crate::domain::pii::Pii;
use crate::domain::time::Timestamp;
use crate::domain::webhook::{Reply, reply, retry_after_ms, wait_ms};
use crate::flow::Write;
use crate::runtime::{Entropy, Secret, SecretError, SiteSecrets};

use super::effect::Done;
use super::sender::{Answer, DEADLINE, Post, SendError, Sender};
use super::{hubspot, salesforce, slack, webhook};

/// Template of the mail that tells the operator of a receiver that was switched off.
pub const SWITCHED_OFF: &str = "switched-off";

/// What messages are sent with.
#[derive(Clone, Debug)]
pub struct Messenger {
    /// Sends.
    pub sender: Sender,
    /// Gives the secrets that channels name.
    pub secrets: SiteSecrets,
    /// Spreads waits.
    pub entropy: Entropy,
}

/// A request as a channel makes it.
#[derive(Clone)]
pub struct Message {
    /// Where to.
    pub url: String,
    /// Headers; they may hold secrets.
    pub headers: Vec<(&'static str, String)>,
    /// Body.
    pub body: Vec<u8>,
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Message({} bytes)", self.body.len())
    }
}

/// A piece of news on its way.
#[derive(Clone, Copy, Debug)]
pub struct Parcel<'a> {
    /// Its id at the receiver: lead and outbox item, the same on every attempt.
    pub id: &'a str,
    /// The frozen body.
    pub body: &'a str,
    /// When this attempt is made.
    pub now: Timestamp,
    /// Where sales answers, for channels that people read; without `?answer=`.
    pub answer_url: Option<&'a str>,
}

/// Why there is no message to send.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotWrite {
    /// The secret cannot be read just now.
    #[error("the secret could not be read")]
    SecretNotNow,
    /// There is no such secret, or it is not what it should be.
    #[error("the secret {name}: {what}")]
    Secret {
        /// Its name.
        name: String,
        /// What is wrong; never its value.
        what: String,
    },
    /// The news lacks what the channel cannot do without.
    #[error("{0}")]
    Lacks(&'static str),
}

/// Whom a CRM is told of.
pub(super) struct Contact<'a> {
    /// The address as it was written.
    pub email: &'a Pii<String>,
    /// What is known by field: of a submission what was answered, else the profile.
    pub given: &'a BTreeMap<String, Pii<String>>,
}

/// The contact in `news`; a CRM cannot do without its address.
pub(super) fn contact(news: &News) -> Result<Contact<'_>, CannotWrite> {
    let data = &news.data;
    let email = data
        .email
        .as_ref()
        .ok_or(CannotWrite::Lacks("the lead has no address"))?;
    let answers = data.submission.as_ref().map(|s| &s.fields);
    Ok(Contact {
        email,
        given: answers.unwrap_or(&data.profile),
    })
}

impl Messenger {
    /// Sends one item to its channel, once.
    pub async fn deliver(
        &self,
        item: &OutboxItem,
        channel: &Channel,
        endpoint: &Endpoint,
        parcel: &Parcel<'_>,
    ) -> Done {
        let message = match self.write(channel, parcel).await {
            Ok(message) => message,
            // Somebody has yet to put the secret there, or SSM does not answer: as good as a receiver that is down.
            Err(error @ (CannotWrite::SecretNotNow | CannotWrite::Secret { .. })) => {
                return self.failed(item, endpoint, &error.to_string(), None, parcel.now);
            }
            Err(error @ CannotWrite::Lacks(_)) => {
                return Outcome::RefusedForGood(error.to_string()).into();
            }
        };
        match self.post(&message).await {
            Ok(answer) => self.answered(item, channel, endpoint, &answer, parcel.now),
            // Whether it arrived is open, and the receiver would not know a repeat.
            Err(SendError::TimedOut) if !channel.may_repeat() => {
                Outcome::Unknown(SendError::TimedOut.to_string()).into()
            }
            Err(error) => self.failed(item, endpoint, &error.to_string(), None, parcel.now),
        }
    }

    /// The message of a channel: the one match.
    pub async fn write(
        &self,
        channel: &Channel,
        parcel: &Parcel<'_>,
    ) -> Result<Message, CannotWrite> {
        let news = || News::read(parcel.body).ok_or(CannotWrite::Lacks("the news cannot be read"));
        match &channel.kind {
            ChannelKind::Webhook { url, secret } => {
                let value = self.secret(secret).await?;
                webhook::message(url, secret, &value, parcel)
            }
            ChannelKind::Slack { secret, url } => {
                let url = match (secret, url) {
                    (_, Some(url)) => url.clone(),
                    (Some(name), None) => self.secret(name).await?.expose().to_owned(),
                    (None, None) => return Err(CannotWrite::Lacks("the channel has no address")),
                };
                Ok(slack::message(&url, &news()?, parcel.answer_url))
            }
            ChannelKind::Hubspot { secret, url } => {
                hubspot::message(url, &self.secret(secret).await?, &news()?)
            }
            ChannelKind::Salesforce { oid, url } => salesforce::message(url, oid, &news()?),
        }
    }

    /// Posts a message, once. The address of a local sink is the runner's.
    pub async fn post(&self, message: &Message) -> Result<Answer, SendError> {
        let url = if message.url.starts_with(LOCAL_SINK) {
            self.sender.own_url(&message.url).unwrap_or_default()
        } else {
            message.url.clone()
        };
        self.sender
            .post(&Post {
                url: &url,
                headers: &message.headers,
                body: &message.body,
                deadline: DEADLINE,
            })
            .await
    }

    async fn secret(&self, name: &str) -> Result<Secret, CannotWrite> {
        self.secrets.get(name).await.map_err(|error| match error {
            SecretError::Request { .. } => CannotWrite::SecretNotNow,
            other => CannotWrite::Secret {
                name: name.to_owned(),
                what: other.to_string(),
            },
        })
    }

    fn answered(
        &self,
        item: &OutboxItem,
        channel: &Channel,
        endpoint: &Endpoint,
        answer: &Answer,
        now: Timestamp,
    ) -> Done {
        let refused = match &channel.kind {
            ChannelKind::Hubspot { .. } => hubspot::refused(answer),
            ChannelKind::Salesforce { .. } => salesforce::refused(answer),
            ChannelKind::Webhook { .. } | ChannelKind::Slack { .. } => None,
        };
        if let Some(why) = refused {
            return Outcome::RefusedForGood(why).into();
        }
        match reply(answer.status) {
            Reply::Taken => Done {
                outcome: Outcome::Accepted(answer.status.to_string()),
                also: endpoint
                    .after_success(&write_id(item))
                    .map(Write::Endpoint)
                    .into_iter()
                    .collect(),
            },
            Reply::Failed { may_ask } => {
                let header = answer.retry_after.as_deref().filter(|_| may_ask);
                let asked = header.and_then(|h| retry_after_ms(h, now));
                let reason = format!("it answered {}", answer.status);
                self.failed(item, endpoint, &reason, asked, now)
            }
            Reply::Gone => switch_off(item, endpoint.gone(now, &write_id(item))),
        }
    }

    /// What becomes of an item whose attempt failed: a later one by the schedule, or the end of it. The receiver's record goes with it.
    fn failed(
        &self,
        item: &OutboxItem,
        endpoint: &Endpoint,
        reason: &str,
        asked_ms: Option<i64>,
        now: Timestamp,
    ) -> Done {
        let after = endpoint.after_failure(reason, now, &write_id(item));
        if let Some(off) = after.as_ref().filter(|e| !e.is_on()) {
            return switch_off(item, off.clone());
        }
        let random = self.entropy.below(u64::MAX);
        let outcome = match wait_ms(item.refusals + 1, asked_ms, random) {
            Some(wait_ms) => Outcome::Later {
                reason: reason.to_owned(),
                wait_ms,
            },
            None => Outcome::RefusedForGood(format!("given up after the last attempt: {reason}")),
        };
        Done {
            outcome,
            also: after.map(Write::Endpoint).into_iter().collect(),
        }
    }
}

fn write_id(item: &OutboxItem) -> String {
    format!("{}.e", item.last_write_id)
}

/// The receiver is switched off, and the item that found out becomes the mail that tells the operator: no item is ever added to the
/// outbox by the one who reads it.
fn switch_off(item: &OutboxItem, off: Endpoint) -> Done {
    let order = Order {
        template: SWITCHED_OFF.into(),
        channel: item.order.channel.clone(),
        cycle: item.order.cycle,
        form: item.order.form.clone(),
        ..Order::default()
    };
    Done {
        outcome: Outcome::Becomes(Box::new(order)),
        also: vec![Write::Endpoint(off)],
    }
}

/// What tells one receiver from another: the channel as the site says it.
pub fn fingerprint(channel: &Channel) -> String {
    // A tree of strings: serialising it cannot fail.
    let mut hash = sha256_hex(&serde_json::to_vec(&channel.kind).unwrap_or_default());
    hash.truncate(16);
    hash
}
