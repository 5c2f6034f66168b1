//! Channels: the ways a message leaves. One file each; [`effect`] is what they have in common.
//!
//! To add a channel: a file here that turns an order into an [`Outcome`](crate::domain::outbox::Outcome), and its call in the function
//! that reads its items.

#[cfg(feature = "mail")]
pub mod alert;
pub mod effect;
#[cfg(feature = "mail")]
pub mod header;
#[cfg(feature = "outbound")]
pub mod hubspot;
#[cfg(feature = "mail")]
pub mod mail;
#[cfg(feature = "outbound")]
pub mod message;
#[cfg(feature = "mail")]
mod operator;
#[cfg(feature = "outbound")]
pub mod salesforce;
#[cfg(feature = "outbound")]
pub mod sender;
#[cfg(feature = "mail")]
pub mod ses;
#[cfg(feature = "outbound")]
pub mod slack;
pub mod storage;
pub mod turn;
#[cfg(feature = "outbound")]
pub mod webhook;
