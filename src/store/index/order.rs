//! The order of what a query matches: keys of documents, and the least of them.

use std::cmp::Ordering;
use std::sync::Arc;

use rayon::slice::ParallelSliceMut;
use tantivy::columnar::{Column, ColumnIndex};
use tantivy::{DocId, SegmentReader, i64_to_u64, u64_to_f64, u64_to_i64};

use crate::store::StoreError;

/// A document that matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Its id, as halves.
    pub id: (u64, u64),
    /// Its row.
    pub row: u32,
}

/// A column of numbers in one segment.
pub struct NumberColumn {
    /// The numbers as [`number_key`] writes them.
    pub(super) raw: Column<u64>,
    pub(super) whole: bool,
}

/// How a key of an order is got for a document, in one segment: smaller sorts first, `u64::MAX` is null.
pub enum KeyColumn {
    /// Numbers.
    Number(NumberColumn),
    /// Ranks of words by document.
    Ranks(Vec<u32>),
    /// Ranks by row number.
    ByRow(Arc<Vec<u32>>),
    /// The id itself.
    Id,
}

/// A key of an order.
#[derive(Clone, Debug)]
pub enum KeySource {
    /// A number of the index.
    Number(String),
    /// A word of the index; words in the list sort as the list has them, others after it by their text.
    Word {
        /// Field.
        field: String,
        /// Words from least to most.
        order: Vec<String>,
    },
    /// Ranks by row number; `u32::MAX` is null.
    ByRow(Arc<Vec<u32>>),
    /// The id.
    Id,
}

/// What was selected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selected {
    /// How many match.
    pub total: u64,
    /// The first of them in order, as many as were asked for.
    pub hits: Vec<Hit>,
}

impl NumberColumn {
    /// How many numbers there are, the least and the greatest, those of deleted documents included; `None` where there
    /// is none. A document has at most one.
    pub(super) fn ends(&self) -> Option<(u64, f64, f64)> {
        let count = u64::from(self.raw.values.num_vals());
        (count > 0).then(|| (count, self.measure(self.raw.min_value()), self.measure(self.raw.max_value())))
    }

    /// The number of a document.
    pub(super) fn number(&self, doc: DocId) -> Option<f64> {
        self.raw.first(doc).map(|key| self.measure(key))
    }

    fn measure(&self, key: u64) -> f64 {
        if self.whole { u64_to_i64(key) as f64 } else { u64_to_f64(key) }
    }
}

/// A number as the index keeps it: keys have the order of the numbers.
pub fn number_key(number: f64, whole: bool) -> u64 {
    if whole { i64_to_u64(number as i64) } else { sortable(number) }
}

impl KeyColumn {
    /// The keys of documents, such that comparing keys is comparing values in the asked direction, nulls last.
    pub(super) fn keys(&self, docs: &[DocId], columns: &DocColumns, descending: bool, out: &mut Vec<u64>) {
        out.clear();
        match self {
            KeyColumn::Number(column) => {
                out.resize(docs.len(), u64::MAX);
                match &column.raw.index {
                    ColumnIndex::Full => {
                        column.raw.values.get_vals(docs, out);
                        out.iter_mut().for_each(|slot| *slot = turned(Some(*slot), descending));
                    }
                    ColumnIndex::Optional(present) => {
                        let (mut with, mut places) = (Vec::new(), Vec::new());
                        present.rank_if_exists_batch(docs, &mut with, &mut places);
                        let mut values = vec![0; places.len()];
                        column.raw.values.get_vals(&places, &mut values);
                        let mut slots = docs.iter().zip(out);
                        for (doc, value) in with.iter().zip(values) {
                            if let Some((_, slot)) = slots.find(|(other, _)| *other == doc) {
                                *slot = turned(Some(value), descending);
                            }
                        }
                    }
                    _ => {
                        for (doc, slot) in docs.iter().zip(out) {
                            *slot = turned(column.raw.first(*doc), descending);
                        }
                    }
                }
            }
            KeyColumn::Ranks(ranks) => {
                out.extend(docs.iter().map(|doc| turned(rank(ranks.get(*doc as usize)), descending)));
            }
            KeyColumn::ByRow(ranks) => {
                out.resize(docs.len(), 0);
                columns.row.values.get_vals(docs, out);
                out.iter_mut().for_each(|slot| *slot = turned(rank(ranks.get(*slot as usize)), descending));
            }
            KeyColumn::Id => {
                out.resize(docs.len(), 0);
                columns.high.values.get_vals(docs, out);
                out.iter_mut().for_each(|slot| *slot = turned(Some(*slot), descending));
            }
        }
    }
}

fn turned(key: Option<u64>, descending: bool) -> u64 {
    let Some(key) = key else { return u64::MAX };
    let key = key.min(u64::MAX - 1);
    if descending { u64::MAX - 1 - key } else { key }
}

fn rank(rank: Option<&u32>) -> Option<u64> {
    rank.filter(|rank| **rank != u32::MAX).map(|rank| u64::from(*rank))
}

/// Maps a measure to a number of the same order.
pub fn sortable(value: f64) -> u64 {
    let bits = value.to_bits();
    if bits >> 63 == 1 { !bits } else { bits | (1 << 63) }
}

/// Row and id of every document of a segment.
pub(super) struct DocColumns {
    pub(super) row: Column<u64>,
    high: Column<u64>,
    low: Column<u64>,
}

impl DocColumns {
    pub(super) fn open(reader: &SegmentReader) -> Result<DocColumns, StoreError> {
        let fast = reader.fast_fields();
        Ok(DocColumns { row: fast.u64("row")?, high: fast.u64("id_high")?, low: fast.u64("id_low")? })
    }

    pub(super) fn hit(&self, doc: DocId) -> Hit {
        let value = |column: &Column<u64>| column.first(doc).unwrap_or(0);
        Hit { id: (value(&self.high), value(&self.low)), row: value(&self.row) as u32 }
    }
}

/// Reads the ids of many documents.
#[derive(Default)]
pub(super) struct Ids {
    high: Vec<u64>,
    low: Vec<u64>,
}

impl Ids {
    pub(super) fn of(&mut self, docs: &[DocId], columns: &DocColumns) -> impl Iterator<Item = (u64, u64)> {
        for (column, out) in [(&columns.high, &mut self.high), (&columns.low, &mut self.low)] {
            out.resize(docs.len(), 0);
            column.values.get_vals(docs, out);
        }
        self.high.iter().copied().zip(self.low.iter().copied())
    }
}

/// Keeps the `limit` least of what is offered, by keys and then by id.
pub(super) struct Best {
    width: usize,
    limit: usize,
    keys: Vec<u64>,
    hits: Vec<Hit>,
    /// Once `limit` are known: the greatest that may still come in.
    worst: Option<(Vec<u64>, Hit)>,
}

impl Best {
    pub(super) fn new(width: usize, limit: usize) -> Best {
        Best { width, limit, keys: Vec::new(), hits: Vec::new(), worst: None }
    }

    /// Offers documents of a segment.
    pub(super) fn take(&mut self, docs: &[DocId], columns: &DocColumns, keys: &[(KeyColumn, bool)]) {
        if keys.is_empty() {
            let mut high = vec![0; docs.len()];
            columns.high.values.get_vals(docs, &mut high);
            for (doc, high) in docs.iter().zip(high) {
                if self.worst.as_ref().is_none_or(|(_, last)| high <= last.id.0) {
                    self.offer(&[], columns.hit(*doc));
                }
            }
            return;
        }
        // Key after key, each for those only that the keys before have not put behind all that is kept.
        let mut left = docs.to_vec();
        let mut found: Vec<Vec<u64>> = Vec::with_capacity(keys.len());
        for (column, descending) in keys {
            let mut next = Vec::new();
            column.keys(&left, columns, *descending, &mut next);
            found.push(next);
            let Some((worst, _)) = &self.worst else { continue };
            let may = |at: &usize| {
                let differing = found.iter().zip(worst).map(|(keys, worst)| keys[*at].cmp(worst));
                differing.reduce(Ordering::then) != Some(Ordering::Greater)
            };
            let places: Vec<usize> = (0..left.len()).filter(may).collect();
            if places.len() < left.len() {
                left = places.iter().map(|at| left[*at]).collect();
                found.iter_mut().for_each(|keys| *keys = places.iter().map(|at| keys[*at]).collect());
            }
        }
        let mut scratch = vec![0u64; keys.len()];
        for (at, doc) in left.iter().enumerate() {
            scratch.iter_mut().zip(&found).for_each(|(slot, keys)| *slot = keys[at]);
            self.offer(&scratch, columns.hit(*doc));
        }
    }

    /// Offers documents of a segment by a number that is made of their ids, the only key.
    pub(super) fn take_least(&mut self, docs: &[DocId], columns: &DocColumns, number: &dyn Fn((u64, u64)) -> u64) {
        let mut ids = Ids::default();
        for (doc, id) in docs.iter().zip(ids.of(docs, columns)) {
            let key = number(id);
            if self.worst.as_ref().is_none_or(|(worst, _)| key <= worst[0]) {
                self.offer(&[key], columns.hit(*doc));
            }
        }
    }

    /// Offers what another one has kept.
    pub(super) fn join(&mut self, other: Best) {
        for (at, hit) in other.hits.into_iter().enumerate() {
            self.offer(&other.keys[at * self.width..(at + 1) * self.width], hit);
        }
    }

    pub(super) fn offer(&mut self, keys: &[u64], hit: Hit) {
        if self.limit == 0 {
            return;
        }
        if let Some((worst, last)) = &self.worst
            && (keys, hit.id) >= (worst.as_slice(), last.id)
        {
            return;
        }
        self.keys.extend_from_slice(keys);
        self.hits.push(hit);
        if self.limit != usize::MAX && self.hits.len() >= self.limit.saturating_mul(2).max(256) {
            self.shrink();
        }
    }

    fn order(&self) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.hits.len() as u32).collect();
        let key = |at: u32| &self.keys[at as usize * self.width..(at as usize + 1) * self.width];
        if self.width == 0 {
            order.par_sort_unstable_by_key(|at| self.hits[*at as usize].id);
        } else {
            order.par_sort_unstable_by(|a, b| {
                key(*a).cmp(key(*b)).then_with(|| self.hits[*a as usize].id.cmp(&self.hits[*b as usize].id))
            });
        }
        order.truncate(self.limit);
        order
    }

    fn shrink(&mut self) {
        let order = self.order();
        let mut keys = Vec::with_capacity(order.len() * self.width);
        let mut hits = Vec::with_capacity(order.len());
        for at in order {
            let at = at as usize;
            keys.extend_from_slice(&self.keys[at * self.width..(at + 1) * self.width]);
            hits.push(self.hits[at]);
        }
        self.keys = keys;
        self.hits = hits;
        if self.hits.len() == self.limit {
            let last = self.hits.len() - 1;
            self.worst = Some((self.keys[last * self.width..].to_vec(), self.hits[last]));
        }
    }

    pub(super) fn finish(self) -> Vec<Hit> {
        self.order().into_iter().map(|at| self.hits[at as usize]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_keep_their_order_as_keys() {
        let mut values = [3.5, -1.0, 0.0, 1e9, -7.25];
        values.sort_by_key(|value| sortable(*value));
        assert_eq!(values, [-7.25, -1.0, 0.0, 3.5, 1e9]);
    }

    #[test]
    fn the_least_are_kept_whatever_the_order_of_offers() {
        for limit in [1usize, 7, 100, 5000] {
            let mut best = Best::new(1, limit);
            let mut all = Vec::new();
            for at in 0u64..3000 {
                let key = (at * 7919) % 101;
                let hit = Hit { id: (at.wrapping_mul(0x9E37_79B9_7F4A_7C15), at), row: at as u32 };
                best.offer(&[key], hit);
                all.push((key, hit.id, hit.row));
            }
            all.sort();
            let wanted: Vec<u32> = all.iter().take(limit).map(|(_, _, row)| *row).collect();
            assert_eq!(best.finish().iter().map(|hit| hit.row).collect::<Vec<_>>(), wanted);
        }
    }
}
