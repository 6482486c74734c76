//! All pairs above a threshold, exactly: no sketch, nothing missed.
//!
//! Prefix filtering (Chaudhuri, Ganti, Kaushik 2006; Bayardo, Ma, Srikant 2007): with all sets in one order of their
//! members, rare ones first, two sets as alike as `t` share a member among the first `n - ceil(t n) + 1` of each. Sets
//! are taken from small to large, so that a set is compared with those that are not too small for it only.

use rayon::prelude::*;

use super::lsh::Load;
use super::shingles::{Shingles, sizes_allow};

/// Two sets that are alike: the places of both in the list, the smaller first, and the share in common.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    /// Place of the one.
    pub left: u32,
    /// Place of the other, larger.
    pub right: u32,
    /// Share of shingles in common, from the threshold to 1.
    pub similarity: f64,
}

/// Slots of the table that counts roughly how frequent a shingle is; any order is right, a good one is fast.
const SLOTS: usize = 1 << 20;

/// Finds all pairs of a list that are at least as alike as `threshold` (above 0, at most 1), in order of their places.
/// Sets without members are in no pair.
pub fn pairs(sets: &[Shingles], threshold: f64) -> Vec<Pair> {
    among(sets, threshold, &|_, _| true)
}

/// Members of the sets of a part: 128 MB.
const PART: u64 = 16 << 20;

/// The same for sets that are too many to be in memory: `sizes` tells how large each is, `load` gives those of places.
/// Sets are cut by size into parts, each part is compared with itself and with the parts that are not too far from it in
/// size; two parts are in memory at a time.
///
/// # Errors
/// As `load`.
pub fn pairs_in_parts<E>(sizes: &[u32], threshold: f64, load: &Load<'_, E>) -> Result<Vec<Pair>, E> {
    parted(sizes, threshold, PART, load)
}

fn parted<E>(sizes: &[u32], threshold: f64, most: u64, load: &Load<'_, E>) -> Result<Vec<Pair>, E> {
    let mut order: Vec<u32> = (0..sizes.len() as u32).filter(|at| sizes[*at as usize] > 0).collect();
    order.sort_by_key(|at| (sizes[*at as usize], *at));
    let size = |at: &u32| u64::from(sizes[*at as usize]);
    let total: u64 = order.iter().map(size).sum();
    // What two parts would hold is one.
    let most = if total <= 2 * most { u64::MAX } else { most };
    let mut parts: Vec<Vec<u32>> = Vec::new();
    let mut held = u64::MAX;
    for at in &order {
        if held >= most {
            parts.push(Vec::new());
            held = 0;
        }
        held += size(at);
        if let Some(part) = parts.last_mut() {
            part.push(*at);
        }
    }
    let mut found = Vec::new();
    for (one, small) in parts.iter().enumerate() {
        let mut sets = load(small)?;
        let named = |pair: Pair, places: &dyn Fn(u32) -> u32| {
            let (left, right) = (places(pair.left), places(pair.right));
            Pair { left: left.min(right), right: left.max(right), similarity: pair.similarity }
        };
        found.extend(pairs(&sets, threshold).into_iter().map(|pair| named(pair, &|at| small[at as usize])));
        let largest = small.last().map_or(0, |at| sizes[*at as usize]) as usize;
        let near = |large: &&Vec<u32>| {
            large.first().is_some_and(|at| sizes_allow(largest, sizes[*at as usize] as usize, threshold))
        };
        for large in parts[one + 1..].iter().take_while(near) {
            let count = sets.len();
            sets.extend(load(large)?);
            // Those of two parts only: the others were found, or will be.
            let across = |left: u32, right: u32| ((left as usize) < count) != ((right as usize) < count);
            let place = |at: u32| small.get(at as usize).copied().unwrap_or_else(|| large[at as usize - count]);
            found.extend(among(&sets, threshold, &across).into_iter().map(|pair| named(pair, &place)));
            sets.truncate(count);
        }
    }
    found.sort_unstable_by_key(|pair| (pair.left, pair.right));
    Ok(found)
}

/// All pairs of those places that `wanted` says.
fn among(sets: &[Shingles], threshold: f64, wanted: &(dyn Fn(u32, u32) -> bool + Sync)) -> Vec<Pair> {
    let mut frequency = vec![0u32; SLOTS];
    for hash in sets.iter().flat_map(|set| set.hashes()) {
        frequency[slot(*hash)] += 1;
    }
    let mut order: Vec<u32> = (0..sets.len() as u32).filter(|at| !sets[*at as usize].is_empty()).collect();
    order.sort_by_key(|at| (sets[*at as usize].len(), *at));
    // The members by which each set is found, with its place in `order`: sets that share one stand side by side.
    let mut having: Vec<(u64, u32)> = order
        .par_iter()
        .enumerate()
        .flat_map_iter(|(place, at)| {
            let prefix = prefix(&sets[*at as usize], threshold, &frequency);
            prefix.into_iter().map(move |hash| (hash, place as u32))
        })
        .collect();
    having.par_sort_unstable();
    let groups: Vec<&[(u64, u32)]> =
        having.chunk_by(|one, other| one.0 == other.0).filter(|group| group.len() > 1).collect();
    // Of each set those before it, which are not larger, that it shares a member with and that are not too small.
    let mut candidates: Vec<(u32, u32)> = groups
        .par_iter()
        .flat_map_iter(|group| {
            let order = &order;
            group.iter().enumerate().flat_map(move |(at, (_, place))| {
                let set = &sets[order[*place as usize] as usize];
                let least = (set.len() as f64 * threshold - 1e-6).ceil() as usize;
                let large_enough = move |other: &&(u64, u32)| sets[order[other.1 as usize] as usize].len() >= least;
                group[..at].iter().rev().take_while(large_enough).map(move |(_, other)| (*other, *place))
            })
        })
        .filter(|(other, place)| wanted(order[*other as usize], order[*place as usize]))
        .collect();
    candidates.par_sort_unstable();
    candidates.dedup();
    let mut found: Vec<Pair> = candidates
        .par_iter()
        .filter_map(|(other, place)| {
            let (one, other) = (order[*place as usize], order[*other as usize]);
            let similarity = sets[one as usize].at_least(&sets[other as usize], threshold)?;
            Some(Pair { left: one.min(other), right: one.max(other), similarity })
        })
        .collect();
    found.sort_unstable_by_key(|pair| (pair.left, pair.right));
    found
}

fn slot(hash: u64) -> usize {
    (hash >> 40) as usize % SLOTS
}

/// The members of a set by which it is found, the rarest first.
fn prefix(set: &Shingles, threshold: f64, frequency: &[u32]) -> Vec<u64> {
    let count = set.len();
    let overlap = (count as f64 * threshold - 1e-6).ceil().max(1.0) as usize;
    let kept = count - overlap.min(count) + 1;
    let mut members = set.hashes().to_vec();
    let rank = |hash: &u64| (frequency[slot(*hash)], *hash);
    if kept < members.len() {
        members.select_nth_unstable_by_key(kept - 1, rank);
        members.truncate(kept);
    }
    members
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_is_found_and_no_other() {
        let mut state = 11u64;
        let mut next = move |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        for _ in 0..40 {
            let mut texts: Vec<Vec<String>> = Vec::new();
            for _ in 0..60 {
                let mut tokens = match texts.len() {
                    0 => Vec::new(),
                    count if next(3) > 0 => texts[next(count as u64) as usize].clone(),
                    _ => Vec::new(),
                };
                for _ in 0..next(12) {
                    let at = next(tokens.len() as u64 + 1) as usize;
                    tokens.insert(at, format!("t{}", next(40)));
                }
                texts.push(tokens);
            }
            let sets: Vec<Shingles> =
                texts.iter().map(|tokens| Shingles::of_tokens(tokens.iter().map(String::as_str))).collect();
            for threshold in [0.3, 0.5, 0.8, 0.85, 1.0] {
                let mut expected = Vec::new();
                for left in 0..sets.len() {
                    for right in left + 1..sets.len() {
                        let similarity = sets[left].jaccard(&sets[right]);
                        if similarity >= threshold {
                            expected.push(Pair { left: left as u32, right: right as u32, similarity });
                        }
                    }
                }
                assert_eq!(pairs(&sets, threshold), expected, "at {threshold}");
                let sizes: Vec<u32> = sets.iter().map(|set| set.len() as u32).collect();
                let load = |places: &[u32]| Ok::<_, ()>(places.iter().map(|at| sets[*at as usize].clone()).collect());
                for most in [1, 40, 200] {
                    assert_eq!(parted(&sizes, threshold, most, &load), Ok(expected.clone()), "in parts of {most}");
                }
            }
        }
    }
}
