//! Signatures and near pairs of all code that takes part, kept in the store.
//!
//! What was compared once is not compared again: signatures belong to revisions, which never change, and pairs to sets of
//! shingles. Signatures and the pairs that they led to are written together, so a signature that is there has been
//! compared with all others that are there.

use std::collections::{BTreeMap, HashMap};

use rayon::prelude::*;

use super::Settings;
use super::clusters::Layer;
use crate::analyze::parse;
use crate::similarity::lsh::{self, Bands, Sketch};
use crate::similarity::shingles::Shingles;
use crate::similarity::{join, renamed, words};
use crate::store::{FoundBy, Measured, Method, Near, Participant, Shingled, Store, StoreError};

/// Texts that are read from the database at a time.
const BATCH: usize = 4096;

/// The shingles of a text.
pub fn shingles(kind: Shingled, instruction: Option<&str>, code: &str) -> Shingles {
    match kind {
        Shingled::Code => Shingles::of_code(code),
        Shingled::Renamed => renamed::shingles(code),
        Shingled::Prompt => words::shingles(instruction.unwrap_or_default()),
    }
}

/// Version of what makes the tokens.
fn version(kind: Shingled) -> u32 {
    match kind {
        Shingled::Code => 0,
        Shingled::Renamed => renamed::VERSION,
        Shingled::Prompt => words::VERSION,
    }
}

fn method(kind: Shingled) -> Method {
    if kind == Shingled::Renamed { Method::Renamed } else { Method::Near }
}

/// Brings signatures and pairs up to date, and returns who is like whom.
///
/// # Errors
/// As the store.
pub fn layer(
    store: &mut Store,
    members: &[Participant],
    kind: Shingled,
    settings: &Settings,
    progress: &dyn Fn(&str),
) -> Result<Layer, StoreError> {
    let asked = FoundBy::today(settings.threshold, settings.recall, version(kind));
    let found_by = store.near_found_by(kind)?.filter(|found| found.versions == asked.versions);
    let known = if found_by.is_some() { store.measured(kind)? } else { Vec::new() };
    // What was found for a lower threshold serves for this one, and is kept: an op that regrows clusters may ask for it.
    let threshold = found_by.map_or(asked.threshold, |found| found.threshold.min(asked.threshold));
    let by = FoundBy { threshold, ..asked };
    let missing: Vec<&Participant> = members
        .iter()
        .filter(|member| known.binary_search_by_key(&member.revision, |each| each.revision).is_err())
        .collect();
    if !missing.is_empty() {
        progress(&format!("reading {} samples", missing.len()));
    }
    let rows: Vec<u32> = missing.iter().map(|member| member.row).collect();
    let revisions: HashMap<u32, i64> = missing.iter().map(|member| (member.row, member.revision)).collect();
    let fresh = store.each_text(parse::pool(), &rows, &|text, buffer: &mut Vec<u8>| {
        let set = shingles(kind, text.instruction, text.code(buffer)?);
        Ok(Measured::of(revisions[&text.row], &set))
    })?;
    let whole = found_by.is_none_or(|found| found.threshold > asked.threshold || found.recall < asked.recall);
    if !fresh.is_empty() || whole {
        progress("comparing");
        let pairs = search(store, kind, &known, &fresh, &by, whole)?;
        let keep: Vec<Measured> = if whole { known.iter().chain(&fresh).copied().collect() } else { fresh.clone() };
        store.put_near(kind, whole, &keep, &pairs, by)?;
    }
    known_layer(store, members, kind, settings)
}

/// The near pairs of sets of which one at least is fresh; of all where `whole`.
fn search(
    store: &Store,
    kind: Shingled,
    known: &[Measured],
    fresh: &[Measured],
    by: &FoundBy,
    whole: bool,
) -> Result<Vec<Near>, StoreError> {
    // Sets that are equal are one; it is fresh where none of its revisions was there before.
    let mut nodes: BTreeMap<i64, (Sketch, i64)> = BTreeMap::new();
    for (each, fresh) in known.iter().map(|each| (each, whole)).chain(fresh.iter().map(|each| (each, true))) {
        let Some(signature) = each.signature else { continue };
        let sketch = Sketch { signature, size: each.size, fresh };
        nodes.entry(each.digest).or_insert((sketch, each.revision));
    }
    let digests: Vec<i64> = nodes.keys().copied().collect();
    let (sketches, revisions): (Vec<Sketch>, Vec<i64>) = nodes.into_values().unzip();
    let load = |places: &[u32]| -> Result<Vec<Shingles>, StoreError> {
        let mut out = Vec::with_capacity(places.len());
        for batch in places.chunks(BATCH) {
            let wanted: Vec<i64> = batch.iter().map(|place| revisions[*place as usize]).collect();
            let texts = store.revision_texts(&wanted)?;
            let sets: Vec<Result<Shingles, StoreError>> = texts
                .par_iter()
                .map(|(instruction, code)| Ok(shingles(kind, instruction.as_deref(), &code.unpack()?)))
                .collect();
            for set in sets {
                out.push(set?);
            }
        }
        Ok(out)
    };
    let pairs = if by.recall >= 1.0 {
        let sizes: Vec<u32> = sketches.iter().map(|sketch| sketch.size).collect();
        let mut pairs = join::pairs_in_parts(&sizes, by.threshold, &load)?;
        pairs.retain(|pair| sketches[pair.left as usize].fresh || sketches[pair.right as usize].fresh);
        pairs
    } else {
        let bands = Bands::choose(by.threshold, by.recall);
        lsh::check(&sketches, &lsh::candidates(&sketches, &bands), by.threshold, &load)?
    };
    let near = pairs.into_iter().map(|pair| Near {
        first: digests[pair.left as usize],
        second: digests[pair.right as usize],
        similarity: pair.similarity,
    });
    Ok(near.collect())
}

/// Who is like whom by the pairs that are kept; samples that were not compared yet are like none.
///
/// # Errors
/// As the store.
pub fn known_layer(
    store: &Store,
    members: &[Participant],
    kind: Shingled,
    settings: &Settings,
) -> Result<Layer, StoreError> {
    let measured = store.measured(kind)?;
    let mut digests: Vec<i64> = measured.iter().filter(|each| each.size > 0).map(|each| each.digest).collect();
    digests.sort_unstable();
    digests.dedup();
    let number = |digest: i64| digests.binary_search(&digest).ok().map(|at| at as u32);
    let node = members
        .iter()
        .map(|member| {
            let at = measured.binary_search_by_key(&member.revision, |each| each.revision).ok()?;
            number(measured[at].digest).filter(|_| measured[at].size > 0)
        })
        .collect();
    let pairs: Vec<(u32, u32, f64)> = store
        .near_pairs(kind)?
        .into_iter()
        .filter(|pair| pair.similarity >= settings.threshold)
        .filter_map(|pair| Some((number(pair.first)?, number(pair.second)?, pair.similarity)))
        .collect();
    Ok(Layer::new(method(kind), node, digests.len(), &pairs))
}
