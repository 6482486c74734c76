//! Sides that are recorded once: families are placed, new rows follow the family that they join, and a row that ties two
//! sides is held.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Families, Tie, Ties, assign, tie_keys, ties};
use crate::sample::{Side, seeded_hash};
use crate::similarity::join::Pair;
use crate::similarity::union::Union;

/// What is known of a sample before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Before {
    /// The side that is recorded.
    pub side: Option<Side>,
    /// Whether its code changed since.
    pub changed: bool,
    /// Whether it is held: it stays so, and ties nothing.
    pub held: bool,
}

/// Where a sample is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On a side.
    On(Side),
    /// On none: it ties rows of two sides.
    Held,
}

/// Where families go that tie to no recorded one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fresh {
    /// Where the sizes that were asked for are met best, source by source.
    Balanced,
    /// By a hash of each family and the seed, so that what is there already changes nothing.
    Hashed,
}

/// Sides, and the families that they follow.
#[derive(Clone, Debug)]
pub struct Placed {
    /// Of each sample its place.
    pub places: Vec<Place>,
    /// The families; a held sample is one by itself.
    pub families: Families,
    /// Why each held sample is held: a sample of each of two sides that it ties.
    pub bridges: BTreeMap<u32, [u32; 2]>,
}

/// Places samples. `pairs` are all near-duplicates among them; `weights` say what each counts in the sizes.
pub fn place(
    samples: &[Ties],
    before: &[Before],
    pairs: &[Pair],
    weights: &[u64],
    shares: [f64; 3],
    seed: u64,
    fresh: Fresh,
) -> Placed {
    let mut neighbours: Vec<Vec<u32>> = vec![Vec::new(); samples.len()];
    for pair in pairs.iter().filter(|pair| ties(samples, pair)) {
        neighbours[pair.left as usize].push(pair.right);
        neighbours[pair.right as usize].push(pair.left);
    }
    // Recorded rows first, then those of them that changed, then new ones, each by id.
    let mut order: Vec<u32> = (0..samples.len() as u32).collect();
    order.sort_by_key(|at| {
        let known = before[*at as usize];
        (known.side.is_none(), known.changed, samples[*at as usize].id)
    });
    let mut union = Union::new(samples.len());
    let mut first: HashMap<Tie<'_>, u32> = HashMap::new();
    let mut taken = vec![false; samples.len()];
    // A recorded sample of each side that a family has; by the root of the family.
    let mut sides: BTreeMap<u32, BTreeMap<Side, u32>> = BTreeMap::new();
    let mut bridges = BTreeMap::new();
    for at in order {
        let sample = &samples[at as usize];
        let known = before[at as usize];
        if known.held {
            continue;
        }
        let keys = tie_keys(sample);
        let tied: BTreeSet<u32> = keys
            .iter()
            .filter_map(|key| first.get(key).copied())
            .chain(neighbours[at as usize].iter().copied().filter(|other| taken[*other as usize]))
            .map(|other| union.root(other))
            .collect();
        let mut own: BTreeMap<Side, u32> = known.side.map(|side| (side, at)).into_iter().collect();
        for root in &tied {
            for (side, one) in sides.get(root).into_iter().flatten() {
                own.entry(*side).or_insert(*one);
            }
        }
        // What was adopted may tie sides already; only what is new, or changed, is held.
        if own.len() > 1 && (known.side.is_none() || known.changed) {
            let mut ends = own.values().copied();
            if let (Some(one), Some(other)) = (ends.next(), ends.next()) {
                bridges.insert(at, [one, other]);
            }
            continue;
        }
        for root in &tied {
            sides.remove(root);
            union.join(*root, at);
        }
        taken[at as usize] = true;
        if !own.is_empty() {
            sides.insert(union.root(at), own);
        }
        for key in keys {
            first.entry(key).or_insert(at);
        }
    }
    let families = Families::of(samples.len(), &mut union);
    let balanced = match fresh {
        Fresh::Balanced => {
            let free: Vec<bool> = (0..samples.len() as u32)
                .map(|at| taken[at as usize] && !sides.contains_key(&union.root(at)))
                .collect();
            assign(samples, &families, weights, &free, shares, seed)
        }
        Fresh::Hashed => hashed(samples, &families, shares, seed),
    };
    let places = (0..samples.len() as u32)
        .map(|at| {
            if !taken[at as usize] {
                return Place::Held;
            }
            let root = union.root(at);
            let recorded = before[at as usize].side.or_else(|| sides.get(&root)?.keys().next().copied());
            Place::On(recorded.unwrap_or(balanced[at as usize]))
        })
        .collect();
    Placed { places, families, bridges }
}

/// The side of each family by its hash.
fn hashed(samples: &[Ties], families: &Families, shares: [f64; 3], seed: u64) -> Vec<Side> {
    let side = |at: usize| {
        let point = seeded_hash(&samples[at].id, seed) as f64 / 2f64.powi(64);
        let mut end = 0.0;
        for (side, share) in Side::ALL.iter().zip(shares) {
            end += share;
            if point < end && share > 0.0 {
                return *side;
            }
        }
        let last = shares.iter().rposition(|share| *share > 0.0).unwrap_or(0);
        Side::ALL[last]
    };
    let sides: Vec<Side> = families.firsts(samples).into_iter().map(side).collect();
    families.of.iter().map(|family| sides[*family as usize]).collect()
}

/// What the sides that sources give leak: ties between samples of two sides.
#[derive(Clone, Debug, PartialEq)]
pub struct Leak {
    /// What ties them.
    pub what: String,
    /// The samples, by place.
    pub samples: Vec<u32>,
}

/// The leaks of sides: values of the `family` columns, files and equal code that stand on two sides, in that order, each
/// by its first sample.
pub fn leaks(samples: &[Ties], sides: &[Option<Side>]) -> Vec<Leak> {
    let mut groups: BTreeMap<(u8, String), Vec<u32>> = BTreeMap::new();
    for (at, sample) in samples.iter().enumerate().filter(|(at, _)| sides[*at].is_some()) {
        if let Some(family) = &sample.family {
            let what = format!("{}: {}", sample.source, family.replace('\u{1f}', ", "));
            groups.entry((0, what)).or_default().push(at as u32);
        }
        if let Some(file) = sample.file.as_ref().filter(|_| sample.near) {
            groups.entry((1, format!("{}: file {file}", sample.source))).or_default().push(at as u32);
        }
        groups.entry((2, format!("equal code {}", crate::sample::hex(&sample.content)))).or_default().push(at as u32);
    }
    groups
        .into_iter()
        .filter(|(_, members)| {
            let on: BTreeSet<Option<Side>> = members.iter().map(|at| sides[*at as usize]).collect();
            on.len() > 1
        })
        .map(|((_, what), samples)| Leak { what, samples })
        .collect()
}
