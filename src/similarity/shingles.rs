//! Shingles: what two texts are compared by.
//!
//! A shingle is five consecutive tokens; a text with fewer tokens is one shingle of them all, and one without tokens
//! has none. A set of shingles is kept as the sorted 64-bit hashes of its members. Two texts are as alike as the share
//! of shingles that they have in common (Jaccard 1901).

use xxhash_rust::xxh3::xxh3_64;

use super::lexer;

/// Raised whenever the hashes of some text may differ; what was kept of them is made anew.
pub const VERSION: u32 = 1;

/// Tokens of a shingle.
pub const TOKENS: usize = 5;

/// Any odd number with well-spread bits: 2^64 over the golden ratio.
const BASE: u64 = 0x9e37_79b9_7f4a_7c15;

/// A set of shingles, as sorted hashes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shingles(Vec<u64>);

impl Shingles {
    /// The shingles of Python code, by the tokens of [`lexer`]: whole string literals, no comments.
    pub fn of_code(code: &str) -> Self {
        Self::of_tokens(lexer::tokens(code).map(|token| token.text))
    }

    /// The shingles of a list of tokens.
    pub fn of_tokens<'a>(tokens: impl Iterator<Item = &'a str>) -> Self {
        let mut hashes = Vec::new();
        each_hash(tokens, &mut |hash| hashes.push(hash));
        Self::of_hashes(hashes)
    }

    /// The set of these members.
    pub fn of_hashes(mut hashes: Vec<u64>) -> Self {
        hashes.sort_unstable();
        hashes.dedup();
        // Many sets are held at a time.
        hashes.shrink_to_fit();
        Shingles(hashes)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The hashes, ascending.
    pub fn hashes(&self) -> &[u64] {
        &self.0
    }

    /// The share of shingles in common: |both| / |either|, from 0 to 1. A text without shingles is like no other.
    pub fn jaccard(&self, other: &Shingles) -> f64 {
        self.at_least(other, f64::MIN_POSITIVE).unwrap_or(0.0)
    }

    /// The same where it reaches a threshold (above 0), found out with no more work than that takes.
    pub fn at_least(&self, other: &Shingles, threshold: f64) -> Option<f64> {
        let (left, right) = (self.0.as_slice(), other.0.as_slice());
        if left.is_empty() || right.is_empty() || !sizes_allow(left.len(), right.len(), threshold) {
            return None;
        }
        let total = left.len() + right.len();
        // both / (total - both) >= threshold, rounded so that nothing is lost.
        let wanted = (threshold / (1.0 + threshold) * total as f64 - 1e-6).ceil().max(1.0) as usize;
        let (mut both, mut at, mut to) = (0usize, 0usize, 0usize);
        while at < left.len() && to < right.len() {
            if both + (left.len() - at).min(right.len() - to) < wanted {
                return None;
            }
            let (one, two) = (left[at], right[to]);
            both += usize::from(one == two);
            at += usize::from(one <= two);
            to += usize::from(two <= one);
        }
        let similarity = both as f64 / (total - both) as f64;
        (similarity >= threshold).then_some(similarity)
    }
}

/// Finds out fast which texts are like one text.
#[derive(Clone, Debug)]
pub struct Wanted {
    shingles: Shingles,
    threshold: f64,
    /// A bit for each value of the low bits of a hash: most shingles of most texts are told off by it.
    bits: Vec<u64>,
}

impl Wanted {
    /// Bits of a hash that choose a bit: 2^16 bits are 8 KB.
    const LOW: u64 = 0xffff;

    /// Makes it for a text's shingles and a threshold above 0.
    pub fn new(shingles: Shingles, threshold: f64) -> Self {
        let mut bits = vec![0u64; (Self::LOW as usize + 1) / 64];
        for hash in shingles.hashes() {
            bits[((hash & Self::LOW) / 64) as usize] |= 1 << (hash % 64);
        }
        Wanted { shingles, threshold, bits }
    }

    /// Whether code is as like as the threshold says.
    pub fn is_like(&self, code: &str) -> bool {
        let hashes = self.shingles.hashes();
        let mut met = vec![false; hashes.len()];
        let mut both = 0usize;
        each_hash(lexer::tokens(code).map(|token| token.text), &mut |hash| {
            if self.bits[((hash & Self::LOW) / 64) as usize] >> (hash % 64) & 1 == 1
                && let Ok(at) = hashes.binary_search(&hash)
                && !met[at]
            {
                met[at] = true;
                both += 1;
            }
        });
        // However few others the code has, either holds all that is wanted.
        both as f64 / hashes.len().max(1) as f64 >= self.threshold
            && Shingles::of_code(code).at_least(&self.shingles, self.threshold).is_some()
    }
}

/// Whether sets of these sizes can be as alike as a threshold says.
pub fn sizes_allow(left: usize, right: usize, threshold: f64) -> bool {
    let (small, large) = if left <= right { (left, right) } else { (right, left) };
    small as f64 / large.max(1) as f64 >= threshold
}

/// Calls `take` with the hash of every shingle, in order, repeated ones too.
pub fn each_hash<'a>(tokens: impl Iterator<Item = &'a str>, take: &mut dyn FnMut(u64)) {
    let mut windows = Windows::<TOKENS>::default();
    tokens.for_each(|token| windows.push(token, take));
    windows.finish(take);
}

/// Makes the hashes of all windows of `N` tokens.
///
/// A hash is a polynomial in the hashes of the tokens, so that the next one follows from the last, and is mixed at the
/// end.
#[derive(Clone, Debug)]
pub struct Windows<const N: usize> {
    window: [u64; N],
    sum: u64,
    count: usize,
}

impl<const N: usize> Default for Windows<N> {
    fn default() -> Self {
        Windows { window: [0; N], sum: 0, count: 0 }
    }
}

impl<const N: usize> Windows<N> {
    /// `BASE` to the power of `N`, modulo 2^64.
    const BASE_TO_N: u64 = {
        let mut power = 1u64;
        let mut at = 0;
        while at < N {
            power = power.wrapping_mul(BASE);
            at += 1;
        }
        power
    };

    /// Takes the next token; `take` gets the hash of the window that it ends.
    pub fn push(&mut self, token: &str, take: &mut dyn FnMut(u64)) {
        let hash = xxh3_64(token.as_bytes());
        let leaving = std::mem::replace(&mut self.window[self.count % N], hash);
        self.sum = self.sum.wrapping_mul(BASE).wrapping_add(hash);
        if self.count >= N {
            self.sum = self.sum.wrapping_sub(leaving.wrapping_mul(Self::BASE_TO_N));
        }
        self.count += 1;
        if self.count >= N {
            take(mixed(self.sum));
        }
    }

    /// After the last token; where there were fewer than `N`, `take` gets the hash of them all.
    pub fn finish(self, take: &mut dyn FnMut(u64)) {
        if (1..N).contains(&self.count) {
            take(mixed(self.sum ^ self.count as u64));
        }
    }
}

/// Mixes the bits of a hash (Stafford's thirteenth variant of the finaliser of MurmurHash3).
pub(super) fn mixed(mut hash: u64) -> u64 {
    hash ^= hash >> 30;
    hash = hash.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash ^= hash >> 27;
    hash = hash.wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn naive(tokens: &[&str]) -> BTreeSet<Vec<String>> {
        let owned = |window: &[&str]| window.iter().map(|token| (*token).to_owned()).collect::<Vec<_>>();
        match tokens.len() {
            0 => BTreeSet::new(),
            count if count < TOKENS => BTreeSet::from([owned(tokens)]),
            _ => tokens.windows(TOKENS).map(owned).collect(),
        }
    }

    #[test]
    fn likeness_is_that_of_sets_of_windows() {
        let mut state = 7u64;
        let mut next = move |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        for round in 0..2_000 {
            let words = ["a", "b", "(", ")", "."];
            let few = 1 + round % 5;
            let mut list = |longest: u64| (0..next(longest)).map(|_| words[next(few) as usize]).collect::<Vec<_>>();
            let (left, right) = (list(30), list(30));
            let (one, two) = (naive(&left), naive(&right));
            let both = one.intersection(&two).count();
            let either = one.union(&two).count();
            let expected = if either == 0 { 0.0 } else { both as f64 / either as f64 };
            let (a, b) = (Shingles::of_tokens(left.iter().copied()), Shingles::of_tokens(right.iter().copied()));
            assert_eq!(a.len(), one.len());
            assert_eq!(a.jaccard(&b), expected, "{left:?} {right:?}");
            for threshold in [0.2, 0.5, 0.8, 1.0] {
                assert_eq!(a.at_least(&b, threshold), (expected >= threshold).then_some(expected));
            }
        }
    }

    #[test]
    fn what_is_told_off_fast_is_not_like() {
        let texts = ["a = f(1, 2)\nb = g(a)", "a = f(1, 2)\nb = g(a)\nc = 3", "x.y(z)", "", "a = f(1, 2)\nb = g(c)"];
        for one in texts {
            for threshold in [0.1, 0.5, 0.85, 1.0] {
                let wanted = Wanted::new(Shingles::of_code(one), threshold);
                for two in texts {
                    let like = Shingles::of_code(one).at_least(&Shingles::of_code(two), threshold).is_some();
                    assert_eq!(wanted.is_like(two), like, "{one:?} {two:?} {threshold}");
                }
            }
        }
    }

    #[test]
    fn hashes_are_fixed() {
        let shingles = Shingles::of_code("from manim import *  # all\nx = 'a b'\n");
        assert_eq!(shingles.len(), 3);
        assert_eq!(shingles, Shingles::of_code("from manim import*\n\n\nx='a b'"));
        assert_eq!(Shingles::of_code("x").hashes(), Shingles::of_code(" x ").hashes());
        assert!(Shingles::of_code("# nothing").is_empty());
        assert_eq!(Shingles::of_tokens(["a", "b", "c", "d", "e"].into_iter()).hashes(), &[4_800_518_422_365_064_322]);
    }
}
