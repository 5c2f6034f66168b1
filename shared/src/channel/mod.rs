//! Channels: the ways a message leaves. One file each; [`effect`] is what they have in common.
//!
//! To add a channel: a file here that turns an order into an [`Outcome`](crate::domain::outbox::Outcome), and its call in the function
//! that reads its items.

#[cfg(feature = "mail")]
pub mod alert;
pub mod effect;
#[cfg(feature = "mail")]
pub mod header;
#[cfg(feature = "mail")]
pub mod mail;
#[cfg(feature = "outbound")]
pub mod sender;
#[cfg(feature = "mail")]
pub mod ses;
pub mod storage;
