//! The steps of a plan, over a list of all rows that came in.

use std::collections::BTreeMap;

use super::moment::Moment;
use super::{GroupCount, GroupKey, values_at};
use crate::query::plan::{Amount, Field, Share, Step};
use crate::sample::{SampleId, seeded_hash};
use crate::store::StoreError;
use crate::store::index::clause::Clause;
use crate::store::index::rows::RowSet;
use crate::store::index::search::{Hit, KeySource};

/// Runs one step; gives the rows, and what there was of each value where the step asks for so many of each.
pub(super) fn run(moment: &Moment<'_>, step: &Step, hits: Vec<Hit>) -> Result<(Vec<Hit>, Vec<GroupCount>), StoreError> {
    let hits = match step {
        Step::Sort(keys) => sort(moment, keys, hits)?,
        Step::Relevance { texts, then } => {
            let rows: RowSet = hits.iter().map(|hit| hit.row).collect();
            ordered(moment, &super::relevance::keys(moment, texts, then, &rows)?, hits)?
        }
        Step::Take(count) => {
            let mut hits = hits;
            hits.truncate(usize::try_from(*count).unwrap_or(usize::MAX));
            hits
        }
        Step::Skip(count) => hits.into_iter().skip(usize::try_from(*count).unwrap_or(usize::MAX)).collect(),
        Step::Sample { amount, seed, by } => sample(moment, *amount, *seed, by.as_ref(), hits)?,
        Step::Per { field, count } => {
            let groups = group_of(moment, field, &hits)?;
            let mut taken: BTreeMap<&GroupKey, u64> = BTreeMap::new();
            hits.iter()
                .filter(|hit| {
                    let seen = taken.entry(groups.get(&hit.row).unwrap_or(&GroupKey::Null)).or_default();
                    *seen += 1;
                    *seen <= *count
                })
                .copied()
                .collect()
        }
        Step::Balance { field, shares, to } => return balance(moment, field, shares, *to, hits),
        Step::Dedup { threshold } => super::alike::dedup(moment, *threshold, hits)?,
        Step::Split { .. } => hits,
    };
    Ok((hits, Vec::new()))
}

/// Keeps the first rows of each value in proportion to its share.
fn balance(
    moment: &Moment<'_>,
    field: &Field,
    shares: &[Share],
    to: Option<u64>,
    hits: Vec<Hit>,
) -> Result<(Vec<Hit>, Vec<GroupCount>), StoreError> {
    let groups = group_of(moment, field, &hits)?;
    let place = |hit: &Hit| {
        let key = groups.get(&hit.row)?;
        shares.iter().position(|share| match key {
            GroupKey::Word(word) => *word == share.value,
            GroupKey::Number(_, bits) => share.value.parse() == Ok(f64::from_bits(*bits)),
            GroupKey::Null => false,
        })
    };
    let places: Vec<Option<usize>> = hits.iter().map(place).collect();
    let mut sizes = vec![0u64; shares.len()];
    places.iter().flatten().for_each(|at| sizes[*at] += 1);
    let weights: Vec<f64> = shares.iter().map(|share| share.share).collect();
    let asked = balanced(&weights, &sizes, to);
    let mut left = asked.clone();
    let kept = hits
        .into_iter()
        .zip(places)
        .filter_map(|(hit, place)| {
            let left = &mut left[place?];
            *left = left.checked_sub(1)?;
            Some(hit)
        })
        .collect();
    let counts = shares.iter().zip(asked).zip(sizes);
    let counts = counts
        .map(|((share, asked), size)| GroupCount { value: share.value.clone(), asked, got: asked.min(size) })
        .collect();
    Ok((kept, counts))
}

/// How many rows of each value are wanted: a total in proportion to weights, the rest to the largest remainders (ties:
/// the earlier); without a total, the most that leaves no value short, and at least one of each.
pub fn balanced(weights: &[f64], sizes: &[u64], to: Option<u64>) -> Vec<u64> {
    let sum: f64 = weights.iter().sum();
    let Some(total) = to else {
        let scale = weights.iter().zip(sizes).map(|(weight, size)| *size as f64 / weight).fold(f64::INFINITY, f64::min);
        return weights.iter().map(|weight| ((weight * scale + 1e-9).floor() as u64).max(1)).collect();
    };
    let exact: Vec<f64> = weights.iter().map(|weight| total as f64 * weight / sum).collect();
    let mut counts: Vec<u64> = exact.iter().map(|wanted| (wanted + 1e-9).floor() as u64).collect();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    let rest = |at: usize| exact[at] - counts[at] as f64;
    order.sort_by(|a, b| rest(*b).total_cmp(&rest(*a)).then(a.cmp(b)));
    let left = total.saturating_sub(counts.iter().sum());
    order.into_iter().take(left as usize).for_each(|at| counts[at] += 1);
    counts
}

fn sort(moment: &Moment<'_>, keys: &[crate::query::plan::SortKey], hits: Vec<Hit>) -> Result<Vec<Hit>, StoreError> {
    if moment.past.is_some() {
        return moment.sort(keys, hits);
    }
    ordered(moment, &super::sort_keys(moment, keys)?, hits)
}

/// The index orders rows by itself; here it orders just the rows that are left.
fn ordered(moment: &Moment<'_>, keys: &[(KeySource, bool)], hits: Vec<Hit>) -> Result<Vec<Hit>, StoreError> {
    let rows: RowSet = hits.iter().map(|hit| hit.row).collect();
    let clause = Clause::Rows(std::sync::Arc::new(rows));
    Ok(moment.store.index().select(&clause, keys, usize::MAX)?.hits)
}

fn group_of(moment: &Moment<'_>, field: &Field, hits: &[Hit]) -> Result<BTreeMap<u32, GroupKey>, StoreError> {
    let rows: RowSet = hits.iter().map(|hit| hit.row).collect();
    let values = values_at(moment, field, &rows)?;
    Ok(values.into_iter().filter_map(|(row, found)| found.into_iter().next().map(|key| (row, key))).collect())
}

fn sample(
    moment: &Moment<'_>,
    amount: Amount,
    seed: u64,
    by: Option<&Field>,
    hits: Vec<Hit>,
) -> Result<Vec<Hit>, StoreError> {
    let hash = |hit: &Hit| seeded_hash(&SampleId::from_halves(hit.id.0, hit.id.1), seed);
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
            let groups = group_of(moment, field, &hits)?;
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
    fn balance_follows_weights() {
        assert_eq!(balanced(&[1.0, 1.0, 2.0], &[9, 9, 9], None), [4, 4, 9]);
        assert_eq!(balanced(&[1.0, 1.0], &[3, 100], None), [3, 3]);
        assert_eq!(balanced(&[1.0, 2.0], &[0, 100], None), [1, 1]);
        assert_eq!(balanced(&[1.0, 1.0, 1.0], &[5, 5, 5], Some(10)), [4, 3, 3]);
        assert_eq!(balanced(&[0.5, 0.25, 0.25], &[1, 1, 1], Some(4)), [2, 1, 1]);
    }

    #[test]
    fn the_hash_of_a_sample_is_fixed() {
        assert_eq!(seeded_hash(&SampleId([0; 16]), 0), seeded_hash(&SampleId([0; 16]), 0));
        assert_ne!(seeded_hash(&SampleId([0; 16]), 0), seeded_hash(&SampleId([0; 16]), 1));
    }
}
