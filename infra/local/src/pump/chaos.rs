//! What real deliveries do to a function now and then, on purpose and by seed.
//!
//! Streams and queues deliver at least once, and order holds only within one lead. With this switched on, batches are cut to random
//! sizes, delivered again (at once, or the whole window later), and leads overtake each other. The order within one lead, and
//! within one batch, always stays: that much a stream promises.

/// How deliveries misbehave. Two runs with the same settings and the same input misbehave alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chaos {
    /// Where the random choices begin.
    pub seed: u64,
    /// How many of a hundred batches are delivered a second time.
    pub duplicate_percent: u8,
    /// Whether leads may overtake each other.
    pub reorder_between_leads: bool,
    /// Whether batches are cut to random sizes.
    pub vary_batch_size: bool,
}

impl Chaos {
    /// Everything at once.
    pub fn with_seed(seed: u64) -> Self {
        Self {
            seed,
            duplicate_percent: 30,
            reorder_between_leads: true,
            vary_batch_size: true,
        }
    }

    /// None of it; the seed still orders the pumps in a run that is driven step by step.
    pub fn calm(seed: u64) -> Self {
        Self {
            seed,
            duplicate_percent: 0,
            reorder_between_leads: false,
            vary_batch_size: false,
        }
    }
}

/// A small generator of choices (`SplitMix64`): repeatable, and good enough for choosing.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// Dice that always fall alike for one seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; 0 where `bound` is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        let bound = bound.max(1) as u64;
        usize::try_from(self.roll() % bound).unwrap_or(0)
    }

    /// True in `percent` of a hundred cases.
    pub fn chance(&mut self, percent: u8) -> bool {
        percent > 0 && self.below(100) < usize::from(percent)
    }
}

/// A stable number for a text (FNV-1a): the same lead falls into the same lane in every run.
pub fn stable_hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_choices() {
        let rolls = |seed| {
            let mut dice = Dice::new(seed);
            (0..20).map(|_| dice.below(10)).collect::<Vec<_>>()
        };
        assert_eq!(rolls(7), rolls(7));
        assert_ne!(rolls(7), rolls(8));
    }

    #[test]
    fn no_percent_is_never_and_a_hundred_is_always() {
        let mut dice = Dice::new(1);
        assert!((0..200).all(|_| !dice.chance(0)));
        assert!((0..200).all(|_| dice.chance(100)));
    }
}
