//! When a score is enough: thresholds by sums, grades by a matrix of fit and engagement, and what a lead that was handed back needs.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::evaluate::Score;

/// What makes a lead marketing-qualified: everything given must be reached.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thresholds {
    /// Least total, where given.
    pub total: Option<i32>,
    /// Least fit, where given.
    pub fit: Option<i32>,
    /// Least engagement, where given.
    pub engagement: Option<i32>,
    /// Least BANT, where given.
    pub bant: Option<i32>,
    /// Grades that are ready for sales, where the model grades.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matrix: Option<Matrix>,
}

/// Grades: fit A to D by engagement 1 to 3.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Matrix {
    /// Least fit points of A, B and C; what is under them is D. Falling.
    pub fit: [i32; 3],
    /// Least engagement points of 1 and 2; what is under them is 3. Falling.
    pub engagement: [i32; 2],
    /// The grades that are ready for sales.
    pub ready: Vec<Grade>,
}

/// A cell of the matrix, written `B2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Grade {
    /// 0 = A to 3 = D.
    fit: u8,
    /// 0 = 1 to 2 = 3.
    engagement: u8,
}

/// What a lead that sales handed back needs to qualify again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recycle {
    /// So long it does not qualify, whatever happens.
    pub cool_down_days: u32,
    /// So many points more than it had when it was handed back. 0 = none: reaching the thresholds is enough.
    pub must_gain: i32,
}

impl Thresholds {
    /// A least total and nothing else.
    pub fn of_total(total: i32) -> Self {
        Self {
            total: Some(total),
            ..Self::default()
        }
    }
}

impl Matrix {
    /// The grade of a score.
    pub fn grade(&self, score: &Score) -> Grade {
        let place = |points: i32, least: &[i32]| {
            let at = least.iter().position(|l| points >= *l);
            u8::try_from(at.unwrap_or(least.len())).unwrap_or(u8::MAX)
        };
        Grade {
            fit: place(score.fit, &self.fit),
            engagement: place(score.engagement, &self.engagement),
        }
    }
}

impl Grade {
    /// Reads `A1` to `D3`.
    pub fn parse(text: &str) -> Option<Self> {
        let [fit @ b'A'..=b'D', engagement @ b'1'..=b'3'] = text.as_bytes() else {
            return None;
        };
        Some(Self {
            fit: fit - b'A',
            engagement: engagement - b'1',
        })
    }

    /// Whether another grade is at least as good in both parts.
    pub fn is_matched_by(self, other: Self) -> bool {
        other.fit <= self.fit && other.engagement <= self.engagement
    }

    /// All grades, best first.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..4).flat_map(|fit| (0..3).map(move |engagement| Self { fit, engagement }))
    }

    /// 0 for A to 3 for D, and 0 for 1 to 2 for 3.
    pub fn places(self) -> (usize, usize) {
        (self.fit.into(), self.engagement.into())
    }
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}{}",
            char::from(b'A' + self.fit),
            char::from(b'1' + self.engagement)
        )
    }
}

impl From<Grade> for String {
    fn from(grade: Grade) -> Self {
        grade.to_string()
    }
}

impl TryFrom<String> for Grade {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or_else(|| format!("`{text}` is not a grade from A1 to D3"))
    }
}

impl Score {
    /// Whether every threshold given is reached.
    pub fn reaches(&self, thresholds: &Thresholds) -> bool {
        let at_least = |points: i32, least: Option<i32>| least.is_none_or(|l| points >= l);
        at_least(self.total, thresholds.total)
            && at_least(self.fit, thresholds.fit)
            && at_least(self.engagement, thresholds.engagement)
            && at_least(self.bant, thresholds.bant)
            && thresholds
                .matrix
                .as_ref()
                .is_none_or(|m| m.ready.contains(&m.grade(self)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(fit: i32, engagement: i32) -> Score {
        Score {
            fit,
            engagement,
            bant: 0,
            total: fit + engagement,
        }
    }

    #[test]
    fn fit_is_graded_a_to_d_and_engagement_1_to_3() {
        let matrix = Matrix {
            fit: [40, 20, 5],
            engagement: [30, 10],
            ready: vec![],
        };
        for (fit, engagement, grade) in [
            (40, 30, "A1"),
            (39, 30, "B1"),
            (20, 29, "B2"),
            (5, 9, "C3"),
            (-10, -10, "D3"),
        ] {
            let found = matrix.grade(&score(fit, engagement));
            assert_eq!(found.to_string(), grade);
            assert_eq!(Grade::parse(grade), Some(found));
        }
        assert_eq!(Grade::parse("E1"), None);
        assert_eq!(Grade::parse("A0"), None);
        assert_eq!(Grade::all().count(), 12);
    }

    #[test]
    fn a_matrix_and_sums_must_both_be_reached() {
        let thresholds = Thresholds {
            total: Some(50),
            matrix: Some(Matrix {
                fit: [40, 20, 5],
                engagement: [30, 10],
                ready: Grade::parse("B1").into_iter().collect(),
            }),
            ..Thresholds::default()
        };
        assert!(score(20, 30).reaches(&thresholds));
        assert!(!score(19, 31).reaches(&thresholds), "C1");
        assert!(!score(40, 30).reaches(&thresholds), "A1 is not named");
        let thresholds = Thresholds {
            total: Some(51),
            ..thresholds
        };
        assert!(!score(20, 30).reaches(&thresholds), "too few in all");
    }
}
