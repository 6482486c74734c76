//! Rows by how alike their code is: exactly, by all their shingles.

use rayon::prelude::*;

use crate::similarity::join;
use crate::similarity::shingles::Shingles;
use crate::store::index::search::Hit;
use crate::store::{Store, StoreError};

use super::scan::BATCH;

/// The shingles of the code of rows, in their order.
pub(super) fn shingles_of(store: &Store, rows: &[u32]) -> Result<Vec<Shingles>, StoreError> {
    let mut out = Vec::with_capacity(rows.len());
    for batch in rows.chunks(BATCH) {
        let texts = store.packed_texts(batch)?;
        let made: Result<Vec<Shingles>, StoreError> =
            texts.par_iter().map(|text| Ok(Shingles::of_code(&text.code()?))).collect();
        out.extend(made?);
    }
    Ok(out)
}

/// Drops the hits that are alike to an earlier one that stays.
pub(super) fn dedup(store: &Store, threshold: f64, hits: Vec<Hit>) -> Result<Vec<Hit>, StoreError> {
    let rows: Vec<u32> = hits.iter().map(|hit| hit.row).collect();
    let sets = shingles_of(store, &rows)?;
    // Pairs come in order of their places, so what decides on the earlier of two has been decided.
    let mut earlier: Vec<Vec<u32>> = vec![Vec::new(); hits.len()];
    for pair in join::pairs(&sets, threshold) {
        earlier[pair.right as usize].push(pair.left);
    }
    let mut stays = vec![true; hits.len()];
    for (at, alike) in earlier.iter().enumerate() {
        stays[at] = !alike.iter().any(|other| stays[*other as usize]);
    }
    Ok(hits.into_iter().zip(stays).filter_map(|(hit, stays)| stays.then_some(hit)).collect())
}
