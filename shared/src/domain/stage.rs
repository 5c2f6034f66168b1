//! Stages of a lead, and the table of moves between them.

use serde::{Deserialize, Serialize};

use super::time::Timestamp;

/// Where a lead stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// An address and little else.
    Subscriber,
    /// A person with a profile.
    Lead,
    /// Marketing-qualified: handed to sales.
    Mql,
    /// Accepted by sales.
    Sal,
    /// Qualified by sales.
    Sql,
    /// Sales will not pursue it, for good.
    Disqualified,
    /// Sales handed it back; it may qualify again.
    Recycled,
}

impl Stage {
    /// The word stored and shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Subscriber => "subscriber",
            Self::Lead => "lead",
            Self::Mql => "mql",
            Self::Sal => "sal",
            Self::Sql => "sql",
            Self::Disqualified => "disqualified",
            Self::Recycled => "recycled",
        }
    }

    /// What people read.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Subscriber => "Subscriber",
            Self::Lead => "Lead",
            Self::Mql => "Ready for sales",
            Self::Sal => "Accepted by sales",
            Self::Sql => "Qualified by sales",
            Self::Disqualified => "Ruled out",
            Self::Recycled => "Handed back",
        }
    }

    /// Every stage.
    pub const ALL: [Self; 7] = [
        Self::Subscriber,
        Self::Lead,
        Self::Mql,
        Self::Sal,
        Self::Sql,
        Self::Disqualified,
        Self::Recycled,
    ];

    /// Whether reaching the thresholds now would qualify the lead. Falling under them undoes nothing.
    pub const fn may_qualify(self) -> bool {
        matches!(self, Self::Subscriber | Self::Lead | Self::Recycled)
    }
}

/// What moves a lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// A submission told who the person is.
    Profiled,
    /// The thresholds were reached.
    Qualified,
    /// Sales took the lead.
    Accepted,
    /// Sales handed the lead back.
    Recycled,
    /// Sales ruled the lead out.
    Disqualified,
    /// Sales qualified the lead.
    SalesQualified,
}

/// The table of moves: (from, by, to). What is not in it does not happen.
const MOVES: [(Stage, Move, Stage); 16] = [
    (Stage::Subscriber, Move::Profiled, Stage::Lead),
    (Stage::Subscriber, Move::Qualified, Stage::Mql),
    (Stage::Lead, Move::Qualified, Stage::Mql),
    (Stage::Recycled, Move::Qualified, Stage::Mql),
    (Stage::Mql, Move::Accepted, Stage::Sal),
    (Stage::Recycled, Move::Accepted, Stage::Sal),
    (Stage::Mql, Move::Recycled, Stage::Recycled),
    (Stage::Sal, Move::Recycled, Stage::Recycled),
    (Stage::Sql, Move::Recycled, Stage::Recycled),
    (Stage::Mql, Move::Disqualified, Stage::Disqualified),
    (Stage::Sal, Move::Disqualified, Stage::Disqualified),
    (Stage::Sql, Move::Disqualified, Stage::Disqualified),
    (Stage::Recycled, Move::Disqualified, Stage::Disqualified),
    (Stage::Mql, Move::SalesQualified, Stage::Sql),
    (Stage::Sal, Move::SalesQualified, Stage::Sql),
    (Stage::Disqualified, Move::Accepted, Stage::Sal),
];

impl Stage {
    /// The stage after a move, or none where the move does nothing from here.
    pub fn after(self, by: Move) -> Option<Self> {
        MOVES
            .iter()
            .find(|(from, m, _)| *from == self && *m == by)
            .map(|(_, _, to)| *to)
    }
}

/// One change of stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageChange {
    /// Stage before; none for the first.
    pub from: Option<Stage>,
    /// Stage after.
    pub to: Stage,
    /// When, by the fact that caused it.
    pub at: Timestamp,
    /// The touchpoint that caused it.
    pub touchpoint: String,
    /// What else was at work, where the touchpoint alone does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<StageCause>,
}

/// Why a stage changed, where the touchpoint alone does not tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StageCause {
    /// This rule of the model rules the lead out.
    RuledOut(String),
    /// No rule rules the lead out any more.
    NoLongerRuledOut,
    /// Somebody decided so by hand.
    Override,
    /// What somebody decided by hand ended, by its date or because it was taken back.
    OverrideEnded,
    /// The time that a lead rests after it was handed back was over.
    CoolDownEnded,
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Stage; 7] = [
        Stage::Subscriber,
        Stage::Lead,
        Stage::Mql,
        Stage::Sal,
        Stage::Sql,
        Stage::Disqualified,
        Stage::Recycled,
    ];

    #[test]
    fn only_stages_that_may_qualify_have_a_qualifying_move() {
        for stage in ALL {
            assert_eq!(
                stage.after(Move::Qualified).is_some(),
                stage.may_qualify(),
                "{stage:?}"
            );
        }
    }

    #[test]
    fn each_move_from_a_stage_leads_to_one_place() {
        for (i, (from, by, _)) in MOVES.iter().enumerate() {
            assert!(
                !MOVES[..i].iter().any(|(f, b, _)| f == from && b == by),
                "{from:?} {by:?} twice"
            );
        }
    }
}
