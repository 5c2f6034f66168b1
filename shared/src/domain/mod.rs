//! What Lodestone is about, as values and pure functions.
//!
//! No I/O, no clock, no randomness, no AWS, no HTTP: everything here is decided from its arguments alone, so a test needs no runtime
//! and any past decision can be made again.

pub mod altcha;
pub mod channel;
pub mod consent;
pub mod countries;
pub mod destination;
pub mod disposable;
pub mod elsewhere;
pub mod email;
pub mod endpoint;
pub mod erasure;
pub mod form;
pub mod guard;
pub mod handling;
pub mod handoff;
pub mod held;
pub mod hours;
pub mod id;
pub mod lapse;
pub mod lead;
pub mod magnet;
pub mod mailbox;
pub mod messages;
pub mod news;
pub mod outbox;
pub mod phone;
pub mod pii;
pub mod proof;
#[cfg(test)]
mod properties;
pub mod reserved;
pub mod routing;
pub mod sales;
pub mod score;
pub mod send_limit;
pub mod sending;
pub mod source;
pub mod stage;
pub mod submission;
pub mod text;
pub mod time;
pub mod token;
pub mod touchpoint;
pub mod typo;
pub mod verdict;
pub mod webhook;
