//! What each function decides, one file each: `decide(what was loaded, what arrived, now) -> what to commit`.
//!
//! Pure, like [`crate::domain`]: no I/O, no clock, no randomness. The function crates load, call these, and commit.

pub mod abuse;
pub mod alerts;
pub mod capture;
pub mod channels;
pub mod deliver;
pub mod feedback;
pub mod keep;
pub mod links;
pub mod notify;
pub mod reference;
pub mod replies;
pub mod sales;
pub mod score;

mod records;

pub use records::{LeadRecords, Write};
