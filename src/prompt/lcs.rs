//! Longest common subsequences of token ids, by bits: the time depends on the lengths alone, not on how alike they are.
//!
//! Crochemore, Iliopoulos, Pinzon and Reid 2001, "A fast and practical bit-vector algorithm for the longest common
//! subsequence problem"; a row of bits per token of `b`, kept to walk back through.

use rustc_hash::FxHashMap;

/// Answers pairs of places, the first in `a`, the second in `b`, both rising, of equal tokens: as many as can be.
///
/// What both begin with and what both end with is matched first. Takes len(a) × len(b) / 64 steps, and as many words.
pub fn common(a: &[u32], b: &[u32]) -> Vec<(usize, usize)> {
    let head = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let (rest_a, rest_b) = (&a[head..], &b[head..]);
    let tail = rest_a.iter().rev().zip(rest_b.iter().rev()).take_while(|(x, y)| x == y).count();
    let (mid_a, mid_b) = (&rest_a[..rest_a.len() - tail], &rest_b[..rest_b.len() - tail]);
    let mut pairs: Vec<(usize, usize)> = (0..head).map(|at| (at, at)).collect();
    pairs.extend(middle(mid_a, mid_b).into_iter().map(|(x, y)| (x + head, y + head)));
    pairs.extend((0..tail).map(|at| (head + mid_a.len() + at, head + mid_b.len() + at)));
    pairs
}

fn middle(a: &[u32], b: &[u32]) -> Vec<(usize, usize)> {
    if a.is_empty() || b.is_empty() {
        return Vec::new();
    }
    let words = a.len().div_ceil(64);
    let mut masks: FxHashMap<u32, Vec<u64>> = FxHashMap::default();
    for (at, token) in a.iter().enumerate() {
        masks.entry(*token).or_insert_with(|| vec![0; words])[at / 64] |= 1 << (at % 64);
    }
    // A zero at bit i of row j: one more in common by letting a[i] in, of what b[..=j] has.
    let mut rows: Vec<u64> = Vec::with_capacity(words * b.len());
    let mut row = vec![u64::MAX; words];
    for token in b {
        if let Some(mask) = masks.get(token) {
            let mut carry = false;
            for (bits, mask) in row.iter_mut().zip(mask) {
                let matched = *bits & mask;
                let (sum, over) = bits.overflowing_add(matched);
                let (sum, over_again) = sum.overflowing_add(u64::from(carry));
                carry = over || over_again;
                *bits = sum | (*bits & !mask);
            }
        }
        rows.extend_from_slice(&row);
    }
    let set = |at_a: usize, at_b: usize| rows[at_b * words + at_a / 64] >> (at_a % 64) & 1 == 1;
    let (mut left, mut right) = (a.len(), b.len());
    let mut pairs = Vec::new();
    while left > 0 && right > 0 {
        if set(left - 1, right - 1) {
            left -= 1;
        } else if right > 1 && !set(left - 1, right - 2) {
            right -= 1;
        } else {
            left -= 1;
            right -= 1;
            pairs.push((left, right));
        }
    }
    pairs.reverse();
    pairs
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The length, by the table of the textbook.
    fn length(a: &[u32], b: &[u32]) -> usize {
        let mut above = vec![0; b.len() + 1];
        for x in a {
            let mut row = vec![0; b.len() + 1];
            for (at, y) in b.iter().enumerate() {
                row[at + 1] = if x == y { above[at] + 1 } else { above[at + 1].max(row[at]) };
            }
            above = row;
        }
        above[b.len()]
    }

    proptest! {
        #[test]
        fn pairs_are_equal_tokens_in_order_and_as_many_as_the_table_says(
            a in prop::collection::vec(0u32..6, 0..200),
            b in prop::collection::vec(0u32..6, 0..200),
        ) {
            let pairs = common(&a, &b);
            prop_assert!(pairs.iter().all(|(x, y)| a[*x] == b[*y]));
            prop_assert!(pairs.windows(2).all(|two| two[0].0 < two[1].0 && two[0].1 < two[1].1));
            prop_assert_eq!(pairs.len(), length(&a, &b));
        }
    }
}
