//! The stage `split`: labels rows with sides, family by family. It changes nothing in the store.

use std::collections::{BTreeMap, BTreeSet};

use super::GroupCount;
use super::moment::Moment;
use crate::sample::Side;
use crate::similarity::{NEAR, join};
use crate::split::{self, Ties};
use crate::store::StoreError;
use crate::store::index::search::Hit;

/// What a split gives.
pub(super) struct Labels {
    /// Side by row.
    pub(super) sides: BTreeMap<u32, Side>,
    /// Rows of each side.
    pub(super) groups: Vec<GroupCount>,
    /// What the person should know.
    pub(super) notes: Vec<String>,
}

/// Labels rows.
pub(super) fn label(moment: &Moment<'_>, shares: [f64; 3], seed: u64, hits: &[Hit]) -> Result<Labels, StoreError> {
    let rows: Vec<u32> = hits.iter().map(|hit| hit.row).collect();
    let samples = ties_of(moment, &rows)?;
    let pairs = join::pairs(&super::alike::shingles_of(moment, &rows)?, NEAR);
    let families = split::families(&samples, &pairs);
    let (weights, free) = (vec![1; samples.len()], vec![true; samples.len()]);
    let sides = split::assign(&samples, &families, &weights, &free, shares, seed);
    contradictions(moment, &rows, &samples, &sides)?;
    let apart = |pair: &&join::Pair| sides[pair.left as usize] != sides[pair.right as usize];
    let parted: Vec<&join::Pair> = pairs.iter().filter(apart).collect();
    let mut notes = Vec::new();
    if !parted.is_empty() {
        let sources: BTreeSet<&str> = parted.iter().map(|pair| samples[pair.left as usize].source.as_str()).collect();
        let sources: Vec<&str> = sources.into_iter().collect();
        notes.push(format!(
            "{} pairs of near-duplicates stand on two sides, all inside sources whose recipe lets them part ({})",
            parted.len(),
            sources.join(", ")
        ));
    }
    let total = rows.len() as f64;
    let largest = families.sizes.iter().copied().max().unwrap_or(0);
    let mut groups = Vec::new();
    for (side, share) in Side::ALL.iter().zip(shares) {
        let got = sides.iter().filter(|each| *each == side).count() as u64;
        if (got as f64 - share * total).abs() > (total / 100.0).max(1.0) {
            notes.push(format!(
                "{side} has {got} of {} rows, {:.0} were asked for: families stay whole, and the largest has {largest}",
                rows.len(),
                share * total
            ));
        }
        groups.push(GroupCount { value: side.word().to_owned(), asked: got, got });
    }
    Ok(Labels { sides: rows.into_iter().zip(sides).collect(), groups, notes })
}

/// What ties each row to others.
fn ties_of(moment: &Moment<'_>, rows: &[u32]) -> Result<Vec<Ties>, StoreError> {
    let near: BTreeMap<String, bool> =
        moment.store.sources()?.into_iter().map(|source| (source.name, source.dedup == "near")).collect();
    rows.iter()
        .map(|row| {
            let placed = moment.placed(*row)?;
            let near = near.get(&placed.source).copied().unwrap_or(true);
            Ok(Ties::of(placed, near))
        })
        .collect()
}

/// What a model wrote has the side of its prompt, and no other.
fn inherits(moment: &Moment<'_>, row: u32, side: Side) -> Result<(), StoreError> {
    let Some(mut sample) = moment.sample(row)? else { return Ok(()) };
    if sample.written.is_none() {
        return Ok(());
    }
    sample.inherit_side(&|row| moment.sample(row))?;
    let own = match (sample.held, sample.split.or(sample.split_given)) {
        (true, _) => "held".to_owned(),
        (false, Some(own)) if own != side => own.to_string(),
        _ => return Ok(()),
    };
    Err(StoreError::Unknown(format!(
        "the stage `split` contradicts the sides of prompts: {} was generated from a prompt that is {own}, and is {side} here; leave the stage out, and what models wrote goes where its prompt is",
        &sample.id.to_string()[..12]
    )))
}

/// A label that is not the side which the store recorded is an error: two splits of one store would leak.
fn contradictions(moment: &Moment<'_>, rows: &[u32], samples: &[Ties], sides: &[Side]) -> Result<(), StoreError> {
    let mut wrong = Vec::new();
    let generated = moment.store.generated_rows()?;
    for ((row, sample), side) in rows.iter().zip(samples).zip(sides) {
        if generated.contains(*row) {
            inherits(moment, *row, *side)?;
        }
        if let Some(own) = moment.side(*row)?
            && own != *side
        {
            wrong.push(format!("{} is {own} in the store and {side} here", &sample.id.to_string()[..12]));
        }
    }
    let Some(first) = wrong.first() else { return Ok(()) };
    Err(StoreError::Unknown(format!(
        "the stage `split` contradicts the store's own sides for {} rows ({first}): leave the stage out to use them, or take `-has:split` rows only",
        wrong.len()
    )))
}
