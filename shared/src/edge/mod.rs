//! The two edges: [`http`] for visitors, [`stream`] for records, messages and ticks.
//!
//! The only places that turn errors into answers. Each error has a text for the caller and one for the log; an internal error is never
//! echoed to a visitor.

#[cfg(feature = "http")]
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "http")]
pub mod pages;
pub mod stream;

pub use stream::Failure;
