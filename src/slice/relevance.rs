//! Orders rows by how well their texts fit the words of a query.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::moment::Moment;
use crate::query::plan::{Plan, SortKey, Test};
use crate::store::index::rows::RowSet;
use crate::store::index::search::KeySource;
use crate::store::{Store, StoreError};

/// How well the texts of rows fit the words by which a plan orders them; 0 for those that have none of the words. `None`
/// where the plan does not order by it.
///
/// # Errors
/// As the store.
pub fn scores(store: &Store, plan: &Plan, rows: &RowSet) -> Result<Option<BTreeMap<u32, f64>>, StoreError> {
    let Some(texts) = plan.scored_texts() else { return Ok(None) };
    let mut out: BTreeMap<u32, f64> = rows.iter().map(|row| (row, 0.0)).collect();
    out.extend(store.index().scores(texts, rows)?);
    Ok(Some(out))
}

/// The keys of an order by relevance among these rows, and then by others.
pub(super) fn keys(
    moment: &Moment<'_>,
    texts: &[Test],
    then: &[SortKey],
    rows: &RowSet,
) -> Result<Vec<(KeySource, bool)>, StoreError> {
    let scores = moment.store.index().scores(texts, rows)?;
    let mut known: Vec<f64> = scores.values().copied().collect();
    known.sort_by(f64::total_cmp);
    known.dedup();
    // Rows without any of the words have no rank, and so come last.
    let mut ranks = vec![u32::MAX; scores.last_key_value().map_or(0, |(row, _)| *row as usize + 1)];
    for (row, score) in &scores {
        ranks[*row as usize] = known.partition_point(|other| other < score) as u32;
    }
    let mut keys = vec![(KeySource::ByRow(Arc::new(ranks)), true)];
    keys.extend(super::sort_keys(moment, then)?);
    Ok(keys)
}
