//! Sides by family: what belongs together is never parted.
//!
//! [`families`] joins what must share a side: near-duplicates and all that they lead to, exact copies, what was cut from
//! one file, what is equal in the recipe's `family` columns. Inside a source whose recipe says so (`dedup` is `exact` or
//! `off`) only exact copies and those columns tie. [`assign`] puts whole families on sides: by source, in the order of a
//! hash of each family and the seed, always on the side that lacks most; so the same seed gives the same sides on every
//! machine, and every source is parted like the whole.

pub mod nearness;
pub mod plan;
pub mod record;

use std::collections::HashMap;

use crate::sample::{SampleId, Side, seeded_hash};
use crate::similarity::join::Pair;
use crate::similarity::union::Union;
use crate::store::Placed;

/// What ties a sample to others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ties {
    /// Its id.
    pub id: SampleId,
    /// Its source.
    pub source: String,
    /// Whether near-duplicates inside its source tie (its `dedup` is `near`).
    pub near: bool,
    /// Content hash of its code.
    pub content: [u8; 16],
    /// The file that it was cut from, where it is one of the scenes of a file.
    pub file: Option<String>,
    /// Values of the recipe's `family` columns.
    pub family: Option<String>,
}

/// The families of a list of samples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Families {
    /// Of each sample the number of its family; families are numbered by their first samples.
    pub of: Vec<u32>,
    /// How many samples each has.
    pub sizes: Vec<u64>,
}

impl Families {
    /// The sets of a union.
    pub fn of(count: usize, union: &mut Union) -> Families {
        let mut numbers: HashMap<u32, u32> = HashMap::new();
        let mut sizes = Vec::new();
        let of = (0..count as u32)
            .map(|at| {
                let next = sizes.len() as u32;
                let number = *numbers.entry(union.root(at)).or_insert(next);
                if number == next {
                    sizes.push(0);
                }
                sizes[number as usize] += 1;
                number
            })
            .collect();
        Families { of, sizes }
    }

    /// Of each family the place of the sample with the least id, by which it is known.
    pub fn firsts(&self, samples: &[Ties]) -> Vec<usize> {
        let mut least: Vec<Option<usize>> = vec![None; self.sizes.len()];
        for (at, family) in self.of.iter().enumerate() {
            let known = &mut least[*family as usize];
            if known.is_none_or(|known| samples[at].id < samples[known].id) {
                *known = Some(at);
            }
        }
        least.into_iter().flatten().collect()
    }
}

impl Ties {
    /// What ties a sample, by where it is; `near`: whether near-duplicates inside its source tie.
    pub fn of(placed: Placed, near: bool) -> Ties {
        // A scene of a file has the file and its own name for a key.
        let file = placed
            .key
            .rsplit_once('#')
            .map(|(file, _)| file)
            .filter(|file| placed.locator.strip_prefix(file).is_some_and(|rest| rest.starts_with([':', '#'])));
        Ties {
            file: file.map(str::to_owned),
            id: placed.id,
            source: placed.source,
            near,
            content: placed.content,
            family: placed.family,
        }
    }
}

/// What ties a sample to all others that have it too.
fn tie_keys(sample: &Ties) -> Vec<Tie<'_>> {
    let file = sample.file.as_deref().filter(|_| sample.near).map(|file| Tie::File(&sample.source, file));
    let columns = sample.family.as_deref().map(|family| Tie::Columns(&sample.source, family));
    std::iter::once(Tie::Content(&sample.content)).chain(file).chain(columns).collect()
}

/// Finds the families of samples; `pairs` are all near-duplicates among them, by place in the list.
pub fn families(samples: &[Ties], pairs: &[Pair]) -> Families {
    let mut union = Union::new(samples.len());
    let mut first: HashMap<Tie<'_>, u32> = HashMap::new();
    for (at, sample) in samples.iter().enumerate() {
        for tie in tie_keys(sample) {
            union.join(*first.entry(tie).or_insert(at as u32), at as u32);
        }
    }
    for pair in pairs.iter().filter(|pair| ties(samples, pair)) {
        union.join(pair.left, pair.right);
    }
    Families::of(samples.len(), &mut union)
}

/// Whether two near-duplicates must share a side.
pub fn ties(samples: &[Ties], pair: &Pair) -> bool {
    let (left, right) = (&samples[pair.left as usize], &samples[pair.right as usize]);
    left.source != right.source || left.near
}

#[derive(PartialEq, Eq, Hash)]
enum Tie<'a> {
    Content(&'a [u8; 16]),
    File(&'a str, &'a str),
    Columns(&'a str, &'a str),
}

/// The side of each sample. `shares` are those of train, validation and test, and add up to 1; `weights` say what each
/// sample counts in the sizes. Only families of which all samples are `free` are parted; what the others are given means
/// nothing.
pub fn assign(
    samples: &[Ties],
    families: &Families,
    weights: &[u64],
    free: &[bool],
    shares: [f64; 3],
    seed: u64,
) -> Vec<Side> {
    let mut sizes = vec![0u64; families.sizes.len()];
    for (family, weight) in families.of.iter().zip(weights) {
        sizes[*family as usize] += weight;
    }
    // A family is known by the least of its ids, and counts as of the source of that sample.
    let mut order: Vec<(&str, u64, SampleId, usize)> = families
        .firsts(samples)
        .into_iter()
        .enumerate()
        .filter(|(_, at)| free[*at])
        .map(|(family, at)| {
            let sample = &samples[at];
            (sample.source.as_str(), seeded_hash(&sample.id, seed), sample.id, family)
        })
        .collect();
    order.sort_unstable();
    let mut sides = vec![Side::Train; families.sizes.len()];
    let mut lacks = [0.0f64; 3];
    for (.., family) in order {
        let size = sizes[family] as f64;
        lacks.iter_mut().zip(shares).for_each(|(lack, share)| *lack += share * size);
        let mut place = 0;
        for at in 1..lacks.len() {
            if shares[at] > 0.0 && (lacks[at] > lacks[place] || shares[place] <= 0.0) {
                place = at;
            }
        }
        lacks[place] -= size;
        sides[family] = Side::ALL[place];
    }
    families.of.iter().map(|family| sides[*family as usize]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(at: usize, source: &str, near: bool) -> Ties {
        Ties {
            id: SampleId::new(source, &at.to_string()),
            source: source.to_owned(),
            near,
            content: crate::sample::hash16(&[source.as_bytes(), at.to_string().as_bytes()]),
            file: None,
            family: None,
        }
    }

    fn pair(left: u32, right: u32) -> Pair {
        Pair { left, right, similarity: 0.9 }
    }

    #[test]
    fn what_leads_to_one_another_is_one_family() {
        let mut samples: Vec<Ties> = (0..8).map(|at| sample(at, "a", true)).collect();
        samples[5].content = samples[7].content;
        let found = families(&samples, &[pair(0, 3), pair(3, 6)]);
        assert_eq!(found.of, [0, 1, 2, 0, 3, 4, 0, 4]);
        assert_eq!(found.sizes, [3, 1, 1, 1, 2]);
    }

    #[test]
    fn inside_a_source_that_says_so_only_copies_and_columns_tie() {
        let mut samples: Vec<Ties> = (0..6).map(|at| sample(at, "template", false)).collect();
        samples.push(sample(6, "other", true));
        samples[1].family = Some("f".into());
        samples[4].family = Some("f".into());
        samples[2].file = Some("x.py".into());
        samples[3].file = Some("x.py".into());
        let found = families(&samples, &[pair(0, 1), pair(2, 5), pair(5, 6)]);
        assert_eq!(found.of, [0, 1, 2, 3, 1, 4, 4], "across sources near-duplicates tie all the same");
        samples.iter_mut().for_each(|sample| sample.near = true);
        assert_eq!(families(&samples, &[]).of, [0, 1, 2, 2, 1, 3, 4]);
    }

    #[test]
    fn sides_have_the_sizes_that_were_asked_for_in_every_source() {
        for seed in 0..20 {
            let mut samples: Vec<Ties> = (0..700).map(|at| sample(at, "a", true)).collect();
            samples.extend((0..300).map(|at| sample(at, "b", true)));
            // Families of one to five.
            let pairs: Vec<Pair> = (0..999).filter(|at| at % 5 < at / 200).map(|at| pair(at, at + 1)).collect();
            let found = families(&samples, &pairs);
            let sides = assign(&samples, &found, &[1; 1_000], &[true; 1_000], [0.8, 0.05, 0.15], seed);
            for source in ["a", "b", ""] {
                let of = |side: Side| {
                    let here =
                        samples.iter().zip(&sides).filter(|(sample, _)| source.is_empty() || sample.source == source);
                    here.filter(|(_, each)| **each == side).count() as f64
                };
                let total: f64 = Side::ALL.iter().map(|side| of(*side)).sum();
                for (side, share) in Side::ALL.iter().zip([0.8, 0.05, 0.15]) {
                    let most = 10.0 * if source.is_empty() { 1.0 } else { 2.0 };
                    assert!((of(*side) - share * total).abs() <= most, "{source} {side} {} of {total}", of(*side));
                }
            }
            assert!(pairs.iter().all(|pair| sides[pair.left as usize] == sides[pair.right as usize]));
        }
    }

    #[test]
    fn a_side_without_a_share_stays_empty() {
        let samples: Vec<Ties> = (0..50).map(|at| sample(at, "a", true)).collect();
        let sides = assign(&samples, &families(&samples, &[]), &[1; 50], &[true; 50], [0.5, 0.0, 0.5], 1);
        assert!(!sides.contains(&Side::Validation) && sides.contains(&Side::Test) && sides.contains(&Side::Train));
    }
}
