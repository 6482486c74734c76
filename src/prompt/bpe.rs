//! Learning merges of byte-pair encoding (Sennrich, Haddow and Birch 2016): the same texts give the same merges always.
//!
//! Of all pairs of neighbours the most frequent is merged, of equally frequent ones that of the smallest ids. A merge
//! never gives a text that is reserved, so the text of a special token never becomes its token.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use rustc_hash::FxHashMap;

type Pair = (u32, u32);

/// A pair is merged where it stands this often or more.
const LEAST_COUNT: u64 = 2;

/// What was learned.
pub(super) struct Learned {
    /// Text of each token, by id.
    pub(super) tokens: Vec<String>,
    /// Pairs of texts, in the order in which they are merged.
    pub(super) merges: Vec<(String, String)>,
}

/// Learns until there are `size` tokens, or no pair is left that stands twice.
///
/// `tokens` are those to begin with: the reserved ones, then every character that `words` (and their counts) have.
pub(super) fn learn(
    words: &BTreeMap<String, u64>,
    mut tokens: Vec<String>,
    reserved: &BTreeSet<String>,
    size: usize,
) -> Learned {
    let mut ids: FxHashMap<String, u32> = (0..).zip(&tokens).map(|(id, token)| (token.clone(), id)).collect();
    let mut split: Vec<(Vec<u32>, u64)> = words
        .iter()
        .map(|(word, count)| {
            let mut buffer = [0; 4];
            let of = |ch: char| ids.get(&*ch.encode_utf8(&mut buffer)).copied();
            (word.chars().filter_map(of).collect(), *count)
        })
        .collect();
    let mut counts: FxHashMap<Pair, u64> = FxHashMap::default();
    let mut places: FxHashMap<Pair, BTreeSet<usize>> = FxHashMap::default();
    for (at, (word, count)) in split.iter().enumerate() {
        for pair in word.windows(2) {
            let pair = (pair[0], pair[1]);
            *counts.entry(pair).or_default() += count;
            places.entry(pair).or_default().insert(at);
        }
    }
    let mut heap: BinaryHeap<(u64, Reverse<Pair>)> =
        counts.iter().map(|(pair, count)| (*count, Reverse(*pair))).collect();
    let mut merges = Vec::new();
    while tokens.len() < size {
        let Some((count, Reverse(pair))) = heap.pop() else { break };
        if count < LEAST_COUNT {
            break;
        }
        // What was pushed before the count changed was pushed again with it.
        if counts.get(&pair) != Some(&count) {
            continue;
        }
        let (left, right) = (tokens[pair.0 as usize].clone(), tokens[pair.1 as usize].clone());
        let text = format!("{left}{right}");
        if reserved.contains(&text) {
            continue;
        }
        let next = u32::try_from(tokens.len()).expect("ids are 32 bits wide");
        let id = *ids.entry(text.clone()).or_insert(next);
        if id == next {
            tokens.push(text);
        }
        merges.push((left, right));
        let mut changed: BTreeSet<Pair> = BTreeSet::new();
        for at in places.remove(&pair).unwrap_or_default() {
            let (word, times) = &mut split[at];
            for old in word.windows(2) {
                let old = (old[0], old[1]);
                if let Some(count) = counts.get_mut(&old) {
                    *count -= *times;
                    changed.insert(old);
                }
            }
            *word = merged(word, pair, id);
            for new in word.windows(2) {
                let new = (new[0], new[1]);
                *counts.entry(new).or_default() += *times;
                places.entry(new).or_default().insert(at);
                changed.insert(new);
            }
        }
        for pair in changed {
            match counts.get(&pair) {
                Some(0) | None => drop(counts.remove(&pair)),
                Some(count) => heap.push((*count, Reverse(pair))),
            }
        }
    }
    Learned { tokens, merges }
}

/// A word with every occurrence of the pair, from the left, replaced.
fn merged(word: &[u32], pair: Pair, id: u32) -> Vec<u32> {
    let mut out = Vec::with_capacity(word.len());
    let mut at = 0;
    while at < word.len() {
        if word[at..].starts_with(&[pair.0, pair.1]) {
            out.push(id);
            at += 2;
        } else {
            out.push(word[at]);
            at += 1;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(list: &[(&str, u64)]) -> BTreeMap<String, u64> {
        list.iter().map(|(word, count)| ((*word).to_owned(), *count)).collect()
    }

    fn letters() -> Vec<String> {
        ('a'..='z').map(String::from).collect()
    }

    #[test]
    fn the_most_frequent_pair_is_merged_first_and_equal_ones_by_their_ids() {
        let learned =
            learn(&words(&[("low", 5), ("lower", 2), ("newest", 6), ("widest", 3)]), letters(), &BTreeSet::new(), 30);
        let merges: Vec<String> = learned.merges.iter().map(|(a, b)| format!("{a} {b}")).collect();
        // e s and s t stand nine times each; e comes before s.
        assert_eq!(merges, ["e s", "es t", "l o", "lo w"]);
        assert_eq!(learned.tokens[26..], ["es", "est", "lo", "low"]);
    }

    #[test]
    fn a_reserved_text_is_never_made_and_what_stands_once_is_not_merged() {
        let reserved = BTreeSet::from(["abc".to_owned()]);
        let learned = learn(&words(&[("abc", 9), ("xy", 1)]), letters(), &reserved, 40);
        assert!(!learned.tokens.iter().any(|token| token == "abc" || token == "xy"), "{:?}", learned.tokens);
        assert_eq!(learned.merges.len(), 1);
    }

    #[test]
    fn one_text_that_two_ways_lead_to_is_one_token() {
        let learned =
            learn(&words(&[("abcd", 9), ("bcx", 20), ("abz", 30), ("abc", 2)]), letters(), &BTreeSet::new(), 40);
        let mut seen = BTreeSet::new();
        assert!(learned.tokens.iter().all(|token| seen.insert(token)), "{:?}", learned.tokens);
    }
}
