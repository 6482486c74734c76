//! The documents that a clause means, segment by segment: counted, put in order, or made fewer by a choice among them.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use rayon::prelude::*;
use rustc_hash::FxHashMap;
use tantivy::{DocId, Searcher, SegmentReader};

use super::Index;
use super::clause::Clause;
use super::evaluate::Segment;
use super::order::{Best, DocColumns, Hit, Ids, KeyColumn, KeySource, Selected};
use super::rows::RowSet;
use crate::store::StoreError;

/// Below so many documents threads cost more than they give.
const FEW: u64 = 20_000;

/// Documents of an index as it was at one moment.
pub struct Documents {
    searcher: Searcher,
    sets: Vec<RowSet>,
}

/// The documents of rows that are asked for again and again.
pub(super) struct Remembered {
    rows: Arc<RowSet>,
    /// Of the searcher that they were found with.
    generation: u64,
    documents: Vec<RowSet>,
}

/// Does something to each segment, on several threads where there is much.
fn each_segment(
    searcher: &Searcher,
    work: impl Fn(usize, &SegmentReader) -> Result<RowSet, StoreError> + Sync,
) -> Result<Vec<RowSet>, StoreError> {
    let readers = searcher.segment_readers();
    if searcher.num_docs() < FEW {
        readers.iter().enumerate().map(|(at, reader)| work(at, reader)).collect()
    } else {
        readers.par_iter().enumerate().map(|(at, reader)| work(at, reader)).collect()
    }
}

/// Columns of the keys of an order in one segment, each with whether it descends.
type OpenKeys = Vec<(KeyColumn, bool)>;

/// Some documents of one segment.
struct Piece<'a> {
    set: &'a RowSet,
    words: std::ops::Range<usize>,
}

impl Piece<'_> {
    fn each_block(&self, take: &mut dyn FnMut(&[DocId])) {
        self.set.each_block_within(self.words.clone(), take);
    }
}

impl Documents {
    /// How many there are.
    pub fn len(&self) -> u64 {
        self.sets.iter().map(|set| set.len() as u64).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.sets.iter().all(RowSet::is_empty)
    }

    /// The rows that they are of.
    ///
    /// # Errors
    /// Where the index cannot be read.
    pub fn rows(&self) -> Result<RowSet, StoreError> {
        let mut out = RowSet::default();
        let mut values = Vec::new();
        for (reader, set) in self.searcher.segment_readers().iter().zip(&self.sets) {
            let column = reader.fast_fields().u64("row")?;
            set.each_block(&mut |docs| {
                values.resize(docs.len(), 0);
                column.values.get_vals(docs, &mut values);
                values.iter().for_each(|row| out.insert(*row as u32));
            });
        }
        Ok(out)
    }

    /// Does something to each piece, on several threads where there is much, and gives what came of it in order. `open`
    /// makes what the pieces of a segment share.
    fn pieces<C: Sync + Send, T: Send>(
        &self,
        open: impl Fn(&SegmentReader) -> Result<C, StoreError> + Sync,
        work: impl Fn(&C, &Piece<'_>) -> T + Sync,
    ) -> Result<Vec<T>, StoreError> {
        let readers = self.searcher.segment_readers();
        let some: Vec<usize> = (0..readers.len()).filter(|at| !self.sets[*at].is_empty()).collect();
        let opened = |at: &usize| Ok((*at, open(&readers[*at])?));
        let threads = self.len() >= FEW;
        let contexts: Vec<(usize, C)> = if threads {
            some.par_iter().map(opened).collect::<Result<_, StoreError>>()?
        } else {
            some.iter().map(opened).collect::<Result<_, StoreError>>()?
        };
        let pieces: Vec<(&C, Piece<'_>)> = contexts
            .iter()
            .flat_map(|(at, context)| {
                let set = &self.sets[*at];
                set.pieces().map(move |words| (context, Piece { set, words }))
            })
            .collect();
        Ok(if threads {
            pieces.par_iter().map(|(context, piece)| work(context, piece)).collect()
        } else {
            pieces.iter().map(|(context, piece)| work(context, piece)).collect()
        })
    }
}

/// What goes first in a choice.
pub enum First<'a> {
    /// By keys, then by id.
    Keys(&'a [(KeySource, bool)]),
    /// The least number that is made of an id, then the least id.
    Least(&'a (dyn Fn((u64, u64)) -> u64 + Sync)),
}

/// Group of the rows that a choice without groups is made among.
pub const ONE: u64 = 0;

impl Index {
    /// The documents that a clause means.
    ///
    /// # Errors
    /// Where the index cannot be read.
    pub fn documents(&self, clause: &Clause) -> Result<Documents, StoreError> {
        let searcher = self.searcher();
        let mut lasting = Vec::new();
        clause.each_lasting(&mut |rows| lasting.push(rows));
        let known = lasting.into_iter().map(|rows| self.remembered(&searcher, rows)).collect::<Result<Vec<_>, _>>()?;
        let sets = each_segment(&searcher, |at, reader| {
            let find = |rows: &Arc<RowSet>| {
                known.iter().find(|known| Arc::ptr_eq(&known.rows, rows)).map(|known| &known.documents[at])
            };
            Segment::new(self, reader, &find).documents(clause)
        })?;
        Ok(Documents { searcher, sets })
    }

    /// The documents of rows, as they are remembered or from now on.
    fn remembered(&self, searcher: &Searcher, rows: &Arc<RowSet>) -> Result<Arc<Remembered>, StoreError> {
        let generation = searcher.generation().generation_id();
        let held = self.remembered.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(held) = held
            && Arc::ptr_eq(&held.rows, rows)
            && held.generation == generation
        {
            return Ok(held);
        }
        let find = |reader: &SegmentReader| Segment::new(self, reader, &|_| None).documents_of(rows);
        let documents = each_segment(searcher, |_, reader| find(reader))?;
        let found = Arc::new(Remembered { rows: rows.clone(), generation, documents });
        *self.remembered.lock().unwrap_or_else(PoisonError::into_inner) = Some(found.clone());
        Ok(found)
    }

    /// Puts documents in order by `keys` and then by id: the first `limit` of them.
    ///
    /// # Errors
    /// Where the index cannot be read.
    pub fn ordered(
        &self,
        documents: &Documents,
        keys: &[(KeySource, bool)],
        limit: usize,
    ) -> Result<Selected, StoreError> {
        let total = documents.len();
        if limit == 0 {
            return Ok(Selected { total, hits: Vec::new() });
        }
        let opener = self.opener(keys)?;
        let found = documents.pieces(
            |reader| Ok((DocColumns::open(reader)?, opener(reader)?)),
            |(columns, keys), piece| {
                let mut best = Best::new(keys.len(), limit);
                piece.each_block(&mut |docs| best.take(docs, columns, keys));
                best
            },
        )?;
        let mut best = Best::new(keys.len(), limit);
        found.into_iter().for_each(|other| best.join(other));
        Ok(Selected { total, hits: best.finish() })
    }

    /// How many documents there are of each group: of each key of a source.
    ///
    /// # Errors
    /// Where the index cannot be read.
    pub fn sizes(&self, documents: &Documents, group: &KeySource) -> Result<BTreeMap<u64, u64>, StoreError> {
        let group = [(group.clone(), false)];
        let opener = self.opener(&group)?;
        let found = documents.pieces(
            |reader| Ok((DocColumns::open(reader)?, opener(reader)?)),
            |(columns, group), piece| {
                let mut sizes: FxHashMap<u64, u64> = FxHashMap::default();
                let mut keys = Vec::new();
                piece.each_block(&mut |docs| {
                    group[0].0.keys(docs, columns, false, &mut keys);
                    keys.iter().for_each(|key| *sizes.entry(*key).or_default() += 1);
                });
                sizes
            },
        )?;
        let mut out = BTreeMap::new();
        found.into_iter().flatten().for_each(|(key, size)| *out.entry(key).or_default() += size);
        Ok(out)
    }

    /// Chooses the first documents of each group, as many as `limit` says of it; in no order.
    ///
    /// # Errors
    /// Where the index cannot be read.
    pub fn chosen(
        &self,
        documents: &Documents,
        first: &First<'_>,
        group: Option<&KeySource>,
        limit: &(dyn Fn(u64) -> usize + Sync),
    ) -> Result<Vec<Hit>, StoreError> {
        let group: Vec<(KeySource, bool)> = group.into_iter().map(|source| (source.clone(), false)).collect();
        let groups = self.opener(&group)?;
        let keys: &[(KeySource, bool)] = if let First::Keys(keys) = first { keys } else { &[] };
        let orders = self.opener(keys)?;
        let width = if let First::Keys(keys) = first { keys.len() } else { 1 };
        let found = documents.pieces(
            |reader| Ok((DocColumns::open(reader)?, groups(reader)?, orders(reader)?)),
            |(columns, group, keys), piece| {
                let mut best: FxHashMap<u64, Best> = FxHashMap::default();
                let mut of = Vec::new();
                piece.each_block(&mut |docs| {
                    match group.first() {
                        Some((group, _)) => group.keys(docs, columns, false, &mut of),
                        None => of.resize(docs.len(), ONE),
                    }
                    let mut at = 0;
                    // Neighbours are often of one group.
                    for same in of[..docs.len()].chunk_by(|a, b| a == b) {
                        let docs = &docs[at..at + same.len()];
                        at += same.len();
                        let best = best.entry(same[0]).or_insert_with(|| Best::new(width, limit(same[0])));
                        match first {
                            First::Keys(_) => best.take(docs, columns, keys),
                            First::Least(number) => best.take_least(docs, columns, number),
                        }
                    }
                });
                best
            },
        )?;
        let mut best: FxHashMap<u64, Best> = FxHashMap::default();
        for (key, other) in found.into_iter().flatten() {
            best.entry(key).or_insert_with(|| Best::new(width, limit(key))).join(other);
        }
        Ok(best.into_values().flat_map(Best::finish).collect())
    }

    /// The documents of which a number made of the id is under a bound; in no order.
    ///
    /// # Errors
    /// Where the index cannot be read.
    pub fn under(
        &self,
        documents: &Documents,
        number: &(dyn Fn((u64, u64)) -> u64 + Sync),
        bound: u128,
    ) -> Result<Vec<Hit>, StoreError> {
        let found = documents.pieces(DocColumns::open, |columns, piece| {
            let (mut hits, mut ids) = (Vec::new(), Ids::default());
            piece.each_block(&mut |docs| {
                let found = docs.iter().zip(ids.of(docs, columns));
                let found = found.filter(|(_, id)| u128::from(number(*id)) < bound);
                hits.extend(found.map(|(doc, _)| columns.hit(*doc)));
            });
            hits
        })?;
        Ok(found.into_iter().flatten().collect())
    }

    /// What opens the columns of keys in a segment.
    fn opener<'a>(
        &'a self,
        keys: &'a [(KeySource, bool)],
    ) -> Result<impl Fn(&SegmentReader) -> Result<OpenKeys, StoreError> + Sync + 'a, StoreError> {
        let ranks = self.word_ranks(keys)?;
        Ok(move |reader: &SegmentReader| {
            let columns = keys.iter().zip(&ranks);
            columns
                .map(|((source, down), ranks)| Ok((self.key_column(reader, source, ranks.as_ref())?, *down)))
                .collect()
        })
    }
}
