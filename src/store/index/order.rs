//! The order of what a query matches: keys of documents, and the least of them.

use std::sync::Arc;

use tantivy::columnar::Column;
use tantivy::{DocId, SegmentReader};

use crate::store::StoreError;

/// A document that matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    /// Its id, as halves.
    pub id: (u64, u64),
    /// Its row.
    pub row: u32,
}

/// How a key of an order is got for a document, in one segment: smaller sorts first, `u64::MAX` is null.
pub enum KeyColumn {
    /// Whole numbers.
    Whole(Column<i64>),
    /// Measures.
    Real(Column<f64>),
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

impl KeyColumn {
    /// The key of a document, such that comparing keys is comparing values in the asked direction, nulls last.
    pub(super) fn key(&self, doc: DocId, hit: &Hit, descending: bool) -> u64 {
        let turn = |key: u64| if descending { (u64::MAX - 1) - key.min(u64::MAX - 1) } else { key.min(u64::MAX - 1) };
        match self {
            KeyColumn::Whole(column) => column.first(doc).map_or(u64::MAX, |value| turn((value as u64) ^ (1 << 63))),
            KeyColumn::Real(column) => column.first(doc).map_or(u64::MAX, |value| turn(sortable(value))),
            KeyColumn::Ranks(ranks) => rank_key(ranks.get(doc as usize).copied(), turn),
            KeyColumn::ByRow(ranks) => rank_key(ranks.get(hit.row as usize).copied(), turn),
            KeyColumn::Id => turn(hit.id.0),
        }
    }

    /// How many numbers the column has, the least and the greatest, those of deleted documents included; `None` where
    /// it has none. A document has at most one.
    pub(super) fn ends(&self) -> Option<(u64, f64, f64)> {
        match self {
            KeyColumn::Whole(column) if column.values.num_vals() > 0 => {
                Some((u64::from(column.values.num_vals()), column.min_value() as f64, column.max_value() as f64))
            }
            KeyColumn::Real(column) if column.values.num_vals() > 0 => {
                Some((u64::from(column.values.num_vals()), column.min_value(), column.max_value()))
            }
            _ => None,
        }
    }

    pub(super) fn number(&self, doc: DocId) -> Option<f64> {
        match self {
            KeyColumn::Whole(column) => column.first(doc).map(|value| value as f64),
            KeyColumn::Real(column) => column.first(doc),
            KeyColumn::Ranks(_) | KeyColumn::ByRow(_) | KeyColumn::Id => None,
        }
    }
}

fn rank_key(rank: Option<u32>, turn: impl Fn(u64) -> u64) -> u64 {
    match rank {
        Some(rank) if rank != u32::MAX => turn(u64::from(rank)),
        _ => u64::MAX,
    }
}

/// Maps a measure to a number of the same order.
pub fn sortable(value: f64) -> u64 {
    let bits = value.to_bits();
    if bits >> 63 == 1 { !bits } else { bits | (1 << 63) }
}

pub(super) struct DocColumns {
    row: Column<u64>,
    high: Column<u64>,
    low: Column<u64>,
}

impl DocColumns {
    pub(super) fn open(reader: &SegmentReader) -> Result<DocColumns, StoreError> {
        let fast = reader.fast_fields();
        Ok(DocColumns { row: fast.u64("row")?, high: fast.u64("id_high")?, low: fast.u64("id_low")? })
    }

    pub(super) fn hit(&self, doc: DocId) -> Hit {
        Hit {
            id: (self.high.first(doc).unwrap_or(0), self.low.first(doc).unwrap_or(0)),
            row: self.row.first(doc).unwrap_or(0) as u32,
        }
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

    pub(super) fn offer(&mut self, keys: &[u64], hit: Hit) {
        if let Some((worst, last)) = &self.worst
            && (keys, hit.id) >= (worst.as_slice(), last.id)
        {
            return;
        }
        self.keys.extend_from_slice(keys);
        self.hits.push(hit);
        if self.limit != usize::MAX && self.hits.len() >= self.limit.saturating_mul(2).max(1024) {
            self.shrink();
        }
    }

    fn order(&self) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.hits.len() as u32).collect();
        let key = |at: u32| &self.keys[at as usize * self.width..(at as usize + 1) * self.width];
        if self.width == 0 {
            order.sort_unstable_by_key(|at| self.hits[*at as usize].id);
        } else {
            order.sort_unstable_by(|a, b| {
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
