//! How near test is to train.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::Ties;
use crate::sample::{Side, seeded_hash};
use crate::similarity::lsh::Load;

/// Test rows of a source that are compared; of more, those with the smallest hashes.
pub const MOST: usize = 1_000;

/// How near the nearest train row of each test row is, inside a source in which near-duplicates may part.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Nearness {
    /// The source.
    pub source: String,
    /// Its test rows.
    pub test: u64,
    /// How many of them were compared: all of up to [`MOST`].
    pub compared: u64,
    /// Likeness (Jaccard) of the nearest train row: the middle one.
    pub median: f64,
    /// The one that nine in ten do not exceed.
    pub p90: f64,
    /// The greatest.
    pub maximum: f64,
}

/// Train rows whose shingles are in memory at a time.
const BATCH: usize = 20_000;

/// Compares every test row with every train row of its source, for sources in which near-duplicates may part. `load`
/// gives the shingles of places.
///
/// # Errors
/// As `load`.
pub fn nearness<E>(samples: &[Ties], sides: &[Option<Side>], load: &Load<'_, E>) -> Result<Vec<Nearness>, E> {
    let mut sources: BTreeMap<&str, (Vec<u32>, Vec<u32>)> = BTreeMap::new();
    for (at, sample) in samples.iter().enumerate().filter(|(_, sample)| !sample.near) {
        let entry = sources.entry(&sample.source).or_default();
        match sides[at] {
            Some(Side::Test) => entry.0.push(at as u32),
            Some(Side::Train) => entry.1.push(at as u32),
            _ => {}
        }
    }
    let mut out = Vec::new();
    for (source, (mut test, train)) in sources {
        if test.is_empty() || train.is_empty() {
            continue;
        }
        let count = test.len() as u64;
        let id = |at: &u32| samples[*at as usize].id;
        test.sort_by_key(|at| (seeded_hash(&id(at), 0), id(at)));
        test.truncate(MOST);
        let tested = load(&test)?;
        let mut nearest = vec![0.0f64; test.len()];
        for batch in train.chunks(BATCH) {
            let trained = load(batch)?;
            nearest.par_iter_mut().zip(&tested).for_each(|(best, set)| {
                for other in &trained {
                    if let Some(found) = set.at_least(other, best.max(f64::MIN_POSITIVE)) {
                        *best = found;
                    }
                }
            });
        }
        nearest.sort_by(f64::total_cmp);
        let rank = |share: f64| nearest[((nearest.len() as f64 * share).ceil() as usize).clamp(1, nearest.len()) - 1];
        out.push(Nearness {
            source: source.to_owned(),
            test: count,
            compared: nearest.len() as u64,
            median: rank(0.5),
            p90: rank(0.9),
            maximum: rank(1.0),
        });
    }
    Ok(out)
}
