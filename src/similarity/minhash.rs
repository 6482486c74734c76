//! MinHash signatures: how alike two sets are, estimated from 128 bytes of each.
//!
//! A signature has 128 values; two sets agree in a value with the probability of their Jaccard similarity (Broder 1997).
//! All values come from one hash of each member, whose upper bits choose the value and whose lower bits compete for it
//! (one permutation hashing: Li, Owen, Zhang 2012). What stays empty is filled by further rounds with other hashes of
//! the members, each filling only what those before it left (fast similarity sketching: Dahlgaard, Knudsen, Thorup
//! 2017); so a small set has as good a signature as a large one, and the values are as good as independent. Of each
//! value the lowest 8 bits are kept (b-bit minwise hashing: Li, König 2010): unlike members agree by chance in one of
//! 256.

use super::shingles::{Shingles, mixed};

/// Raised whenever the signature of some set may differ; what was kept of them is made anew.
pub const VERSION: u32 = 1;

/// Values of a signature.
pub const VALUES: usize = 128;

/// The bits of a hash that choose a value.
const CHOOSING: u32 = VALUES.trailing_zeros();

/// What a hash is moved by for each round; any odd number with well-spread bits.
const STEP: u64 = 0x2545_f491_4f6c_dd1d;

/// The signature of a set that has members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature(pub [u8; VALUES]);

impl Signature {
    /// The signature of a set; `None` of an empty one, which is like no other.
    pub fn of(set: &Shingles) -> Option<Signature> {
        if set.is_empty() {
            return None;
        }
        let mut values = [0u8; VALUES];
        let mut empty: Vec<usize> = (0..VALUES).collect();
        // Rounds that choose by hash, then one for each value: equal members must meet the same hashes in every set.
        for round in 0..VALUES as u64 {
            if empty.is_empty() {
                break;
            }
            fill(set, round, &mut empty, &mut values);
        }
        for place in empty {
            let rehashed = rehash((VALUES + place) as u64);
            values[place] = set.hashes().iter().map(rehashed).min().expect("the set has members") as u8;
        }
        Some(Signature(values))
    }

    /// In how many values two signatures agree.
    pub fn agreeing(&self, other: &Signature) -> u32 {
        self.0.iter().zip(&other.0).map(|(one, two)| u8::from(one == two)).sum::<u8>().into()
    }
}

/// The hashes of the members in a round.
fn rehash(round: u64) -> impl Fn(&u64) -> u64 {
    move |hash| mixed(hash.wrapping_add(round.wrapping_mul(STEP)))
}

/// A round of choosing by hash: fills what is empty where a member falls.
fn fill(set: &Shingles, round: u64, empty: &mut Vec<usize>, values: &mut [u8; VALUES]) {
    let mut least = [u64::MAX; VALUES];
    for hash in set.hashes().iter().map(rehash(round)) {
        let place = (hash >> (64 - CHOOSING)) as usize;
        least[place] = least[place].min(hash & (u64::MAX >> CHOOSING));
    }
    empty.retain(|place| {
        values[*place] = least[*place] as u8;
        least[*place] == u64::MAX
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(members: impl Iterator<Item = u64>) -> Shingles {
        let texts: Vec<String> = members.map(|member| format!("m{member}")).collect();
        // Each member is a shingle of its own.
        let mut all = Vec::new();
        for text in &texts {
            all.extend(Shingles::of_tokens(std::iter::once(text.as_str())).hashes());
        }
        Shingles::of_hashes(all)
    }

    #[test]
    fn values_agree_as_often_as_the_sets_are_alike() {
        // Sets of 4 to 2,000 members with known likeness; over many pairs the mean is the likeness and the spread is
        // that of independent values.
        for (common, own) in [(3u64, 1u64), (8, 1), (17, 3), (80, 10), (400, 50), (1_700, 300)] {
            let likeness = common as f64 / (common + own) as f64;
            let (mut sum, mut squares) = (0.0, 0.0);
            let trials = 400;
            for trial in 0..trials {
                let base = trial * 10_000;
                let one = Signature::of(&set(base..base + common)).expect("members");
                let two = Signature::of(&set(base..base + common + own)).expect("members");
                let share = f64::from(one.agreeing(&two)) / VALUES as f64;
                sum += share;
                squares += share * share;
            }
            let mean = sum / trials as f64;
            let spread = (squares / trials as f64 - mean * mean).sqrt();
            let expected = likeness + (1.0 - likeness) / 256.0;
            let independent = (likeness * (1.0 - likeness) / VALUES as f64).sqrt();
            assert!((mean - expected).abs() < 5.0 * independent / (trials as f64).sqrt(), "{common} {own}: {mean}");
            assert!(spread < 1.25 * independent, "{common} {own}: {spread} against {independent}");
        }
    }

    #[test]
    fn signatures_are_fixed_and_have_no_order() {
        let one = Signature::of(&set(0..40)).expect("members");
        assert_eq!(Some(one), Signature::of(&set((0..40).rev())));
        assert_eq!(one.agreeing(&one), VALUES as u32);
        assert_eq!(xxhash_rust::xxh3::xxh3_64(&one.0), 2_662_958_853_140_413_837);
        assert_eq!(Signature::of(&Shingles::default()), None);
    }
}
