//! The score: a pure function of a lead's facts and the model, with a reason for every point.
//!
//! [`model`] is what the marketer wrote, [`evaluate()`] applies it. Scores are whole points in integer arithmetic; the lines of a
//! breakdown sum exactly to the total.
//! To add a kind of rule: a variant in [`model::Predicate`] and its arm in [`evaluate()`]; the compiler names each place.

pub mod evaluate;
pub mod model;

pub use evaluate::{Breakdown, BreakdownLine, Score, ScoreInput, evaluate};
pub use model::{Dimension, DomainClass, Predicate, Rule, ScoreModel, Thresholds};
