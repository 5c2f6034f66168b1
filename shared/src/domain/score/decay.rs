//! Fading: what is left of points when the touchpoint that earned them is some days old.
//!
//! What is left is a share in millionths, a pure function of whole UTC days, in integer arithmetic: the same on every machine and in
//! every year. It starts at everything, never grows with age and never falls below nothing. Days of 24 hours, because a score that
//! changes at one instant of the day can be explained.

use serde::{Deserialize, Serialize};

/// Everything: a share is given in millionths, so a point times a share is micro-points.
pub const WHOLE: u32 = 1_000_000;

/// How points fade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decay {
    /// Half is left after this many days, a quarter after twice as many, smoothly in between.
    HalfLife {
        /// Days, at least 1.
        days: u32,
    },
    /// In equal steps: `percent` of the first value goes each `every_days`, until nothing is left.
    Steps {
        /// Share that goes at each step, 1 to 100.
        percent: u32,
        /// Days between steps, at least 1.
        every_days: u32,
    },
}

/// `2^(-1/2^k)` for k = 1.. as fractions of 2^62: the factors that a broken number of half-lives is made of.
const ROOTS: [u64; 24] = [
    3_260_954_456_333_195_553,
    3_877_950_241_171_266_237,
    4_228_934_724_888_366_667,
    4_416_165_660_797_809_419,
    4_512_867_096_753_504_462,
    4_562_008_997_483_360_349,
    4_586_780_255_215_411_730,
    4_599_216_278_082_138_665,
    4_605_446_927_862_164_404,
    4_608_565_417_332_308_034,
    4_610_125_453_837_388_245,
    4_610_905_670_110_601_999,
    4_611_295_827_762_151_833,
    4_611_490_918_967_884_500,
    4_611_588_467_665_893_036,
    4_611_637_242_788_701_950,
    4_611_661_630_543_559_956,
    4_611_673_824_469_352_644,
    4_611_679_921_444_339_947,
    4_611_682_969_934_856_343,
    4_611_684_494_180_870_228,
    4_611_685_256_304_066_092,
    4_611_685_637_365_711_254,
    4_611_685_827_896_545_643,
];

impl Decay {
    /// The share that is left after `age` whole days, in millionths.
    pub fn left_after(self, age: i64) -> u32 {
        let Ok(age) = u64::try_from(age) else {
            return WHOLE;
        };
        match self {
            Self::HalfLife { days } => half_life(age, u64::from(days.max(1))),
            Self::Steps {
                percent,
                every_days,
            } => {
                let gone = (age / u64::from(every_days.max(1))).saturating_mul(u64::from(percent));
                u32::try_from(100_u64.saturating_sub(gone) * 10_000).unwrap_or(WHOLE)
            }
        }
    }

    /// The age in days from which on nothing is left.
    pub fn gone_after(self) -> i64 {
        match self {
            // Twenty halvings of a million leave less than one.
            Self::HalfLife { days } => i64::from(days.max(1)) * 20,
            Self::Steps {
                percent,
                every_days,
            } => i64::from(100_u32.div_ceil(percent.max(1))) * i64::from(every_days.max(1)),
        }
    }
}

fn half_life(age: u64, days: u64) -> u32 {
    let halvings = age / days;
    if halvings >= 20 {
        return 0;
    }
    // The broken part of a half-life as a binary fraction; each set bit is one factor of the table.
    let part = ((age % days) << ROOTS.len()) / days;
    let mut left: u128 = 1 << 62;
    for (k, root) in ROOTS.iter().enumerate() {
        if part >> (ROOTS.len() - 1 - k) & 1 == 1 {
            left = (left * u128::from(*root)) >> 62;
        }
    }
    u32::try_from((left * u128::from(WHOLE)) >> (62 + halvings)).unwrap_or(WHOLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_is_left_after_a_half_life_and_a_quarter_after_two() {
        let decay = Decay::HalfLife { days: 30 };
        let left: Vec<u32> = [0, 15, 30, 60, 90, 599, 600]
            .map(|d| decay.left_after(d))
            .into();
        assert_eq!(left, [1_000_000, 707_106, 500_000, 250_000, 125_000, 0, 0]);
    }

    #[test]
    fn a_half_life_agrees_with_the_formula_to_a_millionth() {
        for days in [1, 7, 30, 365] {
            for age in 0..400 {
                let exact = 1e6 * (-f64::from(age) / f64::from(days)).exp2();
                let ours = f64::from(Decay::HalfLife { days }.left_after(i64::from(age)));
                assert!(
                    (exact - ours).abs() <= 1.5,
                    "{age} days of {days}: {exact} and {ours}"
                );
            }
        }
    }

    #[test]
    fn steps_take_the_same_share_each_time_until_nothing_is_left() {
        let decay = Decay::Steps {
            percent: 30,
            every_days: 7,
        };
        let left: Vec<u32> = [0, 6, 7, 14, 21, 27, 28, 1000]
            .map(|d| decay.left_after(d))
            .into();
        assert_eq!(
            left,
            [
                1_000_000, 1_000_000, 700_000, 400_000, 100_000, 100_000, 0, 0
            ]
        );
        assert_eq!(decay.gone_after(), 28);
    }

    #[test]
    fn what_is_left_never_grows_and_is_gone_when_it_says() {
        for decay in [
            Decay::HalfLife { days: 1 },
            Decay::HalfLife { days: 13 },
            Decay::HalfLife { days: 3650 },
            Decay::Steps {
                percent: 1,
                every_days: 30,
            },
        ] {
            let mut before = WHOLE;
            for age in 0..5_000 {
                let now = decay.left_after(age);
                assert!(now <= before, "{decay:?} grows on day {age}");
                before = now;
            }
            assert_eq!(decay.left_after(decay.gone_after()), 0);
            assert_eq!(decay.left_after(-3), WHOLE);
        }
    }
}
