//! The score: a pure function of a lead's facts, the model and an instant, with a reason for every point.
//!
//! | file | what |
//! | --- | --- |
//! | [`model`] | what the marketer wrote: rules, caps, groups, ideal customers |
//! | [`predicate`] | conditions, compared with a profile and with one touchpoint |
//! | [`decay`] | how points fade with age |
//! | `buckets` | what one rule matched by UTC day, and its points under caps and fading |
//! | [`evaluate()`] | all rules together: the score and its breakdown |
//! | [`explain`] | every rule, matched or not, and why |
//! | [`stages`] | when a score is enough |
//!
//! Scores are whole points in integer arithmetic; the lines of a breakdown sum exactly to the total.
//! To add a kind of condition: a variant in [`Predicate`]; the compiler names each place.

mod buckets;
pub mod decay;
pub mod evaluate;
pub mod explain;
pub mod model;
pub mod predicate;
#[cfg(test)]
mod properties;
pub mod stages;

pub use decay::Decay;
pub use evaluate::{Breakdown, BreakdownLine, Evaluated, Score, evaluate};
pub use explain::RuleLine;
pub use model::{Dimension, FitProfile, Group, Rule, ScoreModel, WindowCap};
pub use predicate::{DomainClass, Known, Predicate, ScoreInput, Seen, TouchMatch};
pub use stages::{Grade, Matrix, Recycle, Thresholds};
