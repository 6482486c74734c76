//! Rows by how alike their code is: exactly, by all their shingles.

use rayon::prelude::*;

use crate::similarity::join;
use crate::similarity::shingles::Shingles;
use crate::store::StoreError;
use crate::store::index::search::Hit;

use super::moment::Moment;
use super::scan::BATCH;

/// The shingles of the code of rows, in their order.
pub(super) fn shingles_of(moment: &Moment<'_>, rows: &[u32]) -> Result<Vec<Shingles>, StoreError> {
    if moment.past.is_some() {
        let of = |row: &u32| -> Result<Shingles, StoreError> {
            Ok(Shingles::of_code(&moment.sample(*row)?.map(|sample| sample.code).unwrap_or_default()))
        };
        return rows.iter().map(of).collect();
    }
    let mut out = Vec::with_capacity(rows.len());
    for batch in rows.chunks(BATCH) {
        let texts = moment.store.packed_texts(batch)?;
        let made: Result<Vec<Shingles>, StoreError> =
            texts.par_iter().map(|text| Ok(Shingles::of_code(&text.code()?))).collect();
        out.extend(made?);
    }
    Ok(out)
}

/// The shingles of the code of the sample with an id; `None` where it was not there.
pub(super) fn shingles_of_id(moment: &Moment<'_>, id: &str) -> Result<Option<Shingles>, StoreError> {
    let Some(row) = moment.store.row_of(id)? else { return Ok(None) };
    Ok(moment.sample(row)?.map(|sample| Shingles::of_code(&sample.code)))
}

/// Drops the hits that are alike to an earlier one that stays.
pub(super) fn dedup(moment: &Moment<'_>, threshold: f64, hits: Vec<Hit>) -> Result<Vec<Hit>, StoreError> {
    let rows: Vec<u32> = hits.iter().map(|hit| hit.row).collect();
    let sets = shingles_of(moment, &rows)?;
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
