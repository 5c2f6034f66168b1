//! The crate all functions share: what Lodestone is about, and its two edges.
//!
//! Dependencies point one way: `edge`, `store`, `channel` -> `flow` -> `domain`. The first three touch the outside; `flow` decides and
//! `domain` knows, both without I/O, so that every decision can be tested as a value and replayed.

pub mod channel;
pub mod domain;
pub mod edge;
pub mod flow;
pub mod runtime;
pub mod site;
pub mod store;
