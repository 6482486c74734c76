//! The steps of a plan, over a list of all rows that came in.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::{GroupKey, values_of};
use crate::query::plan::{Amount, Field, Step};
use crate::sample::SampleId;
use crate::store::index::rows::RowSet;
use crate::store::index::search::Hit;
use crate::store::{Store, StoreError};

/// The number that decides whether a row is sampled: the first 8 bytes, big endian, of the SHA-256 of the 16 bytes of
/// the id and the seed (u64, little endian). The smallest are taken first.
pub fn sample_hash(id: &SampleId, seed: u64) -> u64 {
    let mut hasher = Sha256::new();
    hasher.update(id.0);
    hasher.update(seed.to_le_bytes());
    let digest = hasher.finalize();
    let mut head = [0u8; 8];
    head.copy_from_slice(&digest[..8]);
    u64::from_be_bytes(head)
}

/// Runs one step.
pub(super) fn run(store: &Store, step: &Step, hits: Vec<Hit>) -> Result<Vec<Hit>, StoreError> {
    match step {
        Step::Sort(keys) => sort(store, keys, hits),
        Step::Take(count) => {
            let mut hits = hits;
            hits.truncate(usize::try_from(*count).unwrap_or(usize::MAX));
            Ok(hits)
        }
        Step::Skip(count) => Ok(hits.into_iter().skip(usize::try_from(*count).unwrap_or(usize::MAX)).collect()),
        Step::Sample { amount, seed, by } => sample(store, *amount, *seed, by.as_ref(), hits),
        Step::Per { field, count } => {
            let groups = group_of(store, field, &hits)?;
            let mut taken: BTreeMap<&GroupKey, u64> = BTreeMap::new();
            Ok(hits
                .iter()
                .filter(|hit| {
                    let seen = taken.entry(groups.get(&hit.row).unwrap_or(&GroupKey::Null)).or_default();
                    *seen += 1;
                    *seen <= *count
                })
                .copied()
                .collect())
        }
    }
}

fn sort(store: &Store, keys: &[crate::query::plan::SortKey], hits: Vec<Hit>) -> Result<Vec<Hit>, StoreError> {
    // The index orders rows by itself; here it orders just the rows that are left.
    let rows: RowSet = hits.iter().map(|hit| hit.row).collect();
    let query = crate::store::index::rows::RowSetQuery { rows: std::sync::Arc::new(rows) };
    let keys = super::sort_keys(store, keys)?;
    Ok(store.index().select(&query, &keys, usize::MAX)?.hits)
}

fn group_of(store: &Store, field: &Field, hits: &[Hit]) -> Result<BTreeMap<u32, GroupKey>, StoreError> {
    let rows: RowSet = hits.iter().map(|hit| hit.row).collect();
    let values = values_of(store, field, &rows)?;
    Ok(values.into_iter().filter_map(|(row, found)| found.into_iter().next().map(|key| (row, key))).collect())
}

fn sample(
    store: &Store,
    amount: Amount,
    seed: u64,
    by: Option<&Field>,
    hits: Vec<Hit>,
) -> Result<Vec<Hit>, StoreError> {
    let hash = |hit: &Hit| sample_hash(&SampleId::from_halves(hit.id.0, hit.id.1), seed);
    if let Amount::Share(share) = amount {
        // A share of all 2^64 values of the hash; u128 so that a share of 1 takes all.
        let bound = (share * 18_446_744_073_709_551_616.0) as u128;
        return Ok(hits.into_iter().filter(|hit| u128::from(hash(hit)) < bound).collect());
    }
    let Amount::Rows(count) = amount else { return Ok(hits) };
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let chosen: RowSet = match by {
        None => least(hits.iter().collect(), count, &hash),
        Some(field) => {
            let groups = group_of(store, field, &hits)?;
            let mut members: BTreeMap<&GroupKey, Vec<&Hit>> = BTreeMap::new();
            for hit in &hits {
                members.entry(groups.get(&hit.row).unwrap_or(&GroupKey::Null)).or_default().push(hit);
            }
            let sizes: Vec<usize> = members.values().map(Vec::len).collect();
            let shares = largest_remainder(&sizes, count);
            members
                .into_values()
                .zip(shares)
                .flat_map(|(group, share)| least(group, share, &hash).iter().collect::<Vec<_>>())
                .collect()
        }
    };
    Ok(hits.into_iter().filter(|hit| chosen.contains(hit.row)).collect())
}

fn least(mut hits: Vec<&Hit>, count: usize, hash: &dyn Fn(&Hit) -> u64) -> RowSet {
    hits.sort_by_cached_key(|hit| (hash(hit), hit.id));
    hits.into_iter().take(count).map(|hit| hit.row).collect()
}

/// Shares of `count` in proportion to sizes, each rounded down, the rest to the largest remainders (ties: the earlier).
/// Never more than a size; never more than there are.
pub fn largest_remainder(sizes: &[usize], count: usize) -> Vec<usize> {
    let total: usize = sizes.iter().sum();
    if count >= total {
        return sizes.to_vec();
    }
    let exact = |size: usize| (size as u128) * (count as u128);
    let mut shares: Vec<usize> = sizes.iter().map(|size| (exact(*size) / total as u128) as usize).collect();
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by(|a, b| (exact(sizes[*b]) % total as u128).cmp(&(exact(sizes[*a]) % total as u128)).then(a.cmp(b)));
    let mut left = count - shares.iter().sum::<usize>();
    for at in order {
        if left == 0 {
            break;
        }
        if shares[at] < sizes[at] {
            shares[at] += 1;
            left -= 1;
        }
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up_and_follow_sizes() {
        assert_eq!(largest_remainder(&[50, 30, 20], 10), [5, 3, 2]);
        assert_eq!(largest_remainder(&[1, 1, 1], 2), [1, 1, 0]);
        assert_eq!(largest_remainder(&[5, 5], 100), [5, 5]);
        assert_eq!(largest_remainder(&[997, 2, 1], 10).iter().sum::<usize>(), 10);
    }

    #[test]
    fn the_hash_of_a_sample_is_fixed() {
        assert_eq!(sample_hash(&SampleId([0; 16]), 0), sample_hash(&SampleId([0; 16]), 0));
        assert_ne!(sample_hash(&SampleId([0; 16]), 0), sample_hash(&SampleId([0; 16]), 1));
    }
}
