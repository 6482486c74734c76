//! Sets of rows as tantivy queries: what changes without the code changing is tested by dense row number.

use std::fmt;
use std::sync::Arc;

use tantivy::columnar::Column;
use tantivy::query::{EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::{DocId, DocSet, Score, SegmentReader, TERMINATED};

/// A set of dense row numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowSet {
    words: Vec<u64>,
}

impl RowSet {
    /// An empty set with room for rows below `rows`.
    pub fn new(rows: usize) -> RowSet {
        RowSet { words: vec![0; rows.div_ceil(64)] }
    }

    /// The set of the rows whose bits are set.
    pub fn from_words(words: Vec<u64>) -> RowSet {
        RowSet { words }
    }

    /// Puts a row in.
    pub fn insert(&mut self, row: u32) {
        let word = row as usize / 64;
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        self.words[word] |= 1 << (row % 64);
    }

    /// Whether a row is in.
    #[inline]
    pub fn contains(&self, row: u32) -> bool {
        self.words.get(row as usize / 64).is_some_and(|word| word & (1 << (row % 64)) != 0)
    }

    /// How many rows are in.
    pub fn len(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether no row is in.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// The rows, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.words.iter().enumerate().flat_map(|(at, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                if left == 0 {
                    return None;
                }
                let bit = left.trailing_zeros();
                left &= left - 1;
                Some(at as u32 * 64 + bit)
            })
        })
    }
}

impl FromIterator<u32> for RowSet {
    fn from_iter<I: IntoIterator<Item = u32>>(rows: I) -> Self {
        let mut set = RowSet::default();
        for row in rows {
            set.insert(row);
        }
        set
    }
}

/// Matches the documents whose row is in a set.
#[derive(Clone)]
pub struct RowSetQuery {
    /// The set.
    pub rows: Arc<RowSet>,
}

impl fmt::Debug for RowSetQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RowSet({} rows)", self.rows.len())
    }
}

impl Query for RowSetQuery {
    fn weight(&self, _: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(RowSetWeight { rows: self.rows.clone() }))
    }
}

struct RowSetWeight {
    rows: Arc<RowSet>,
}

impl Weight for RowSetWeight {
    fn scorer(&self, reader: &SegmentReader, _: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let column = reader.fast_fields().u64("row")?;
        let mut scorer = RowSetScorer { rows: self.rows.clone(), column, doc: 0, max_doc: reader.max_doc() };
        scorer.settle();
        Ok(Box::new(scorer))
    }

    fn explain(&self, _: &SegmentReader, _: DocId) -> tantivy::Result<Explanation> {
        Ok(Explanation::new("RowSet", 1.0))
    }
}

struct RowSetScorer {
    rows: Arc<RowSet>,
    column: Column<u64>,
    doc: DocId,
    max_doc: DocId,
}

impl RowSetScorer {
    /// Moves on to the first document from `doc` on that is in the set.
    fn settle(&mut self) {
        while self.doc < self.max_doc {
            if self.column.first(self.doc).is_some_and(|row| self.rows.contains(row as u32)) {
                return;
            }
            self.doc += 1;
        }
        self.doc = TERMINATED;
    }
}

impl DocSet for RowSetScorer {
    fn advance(&mut self) -> DocId {
        if self.doc != TERMINATED {
            self.doc += 1;
            self.settle();
        }
        self.doc
    }

    fn seek(&mut self, target: DocId) -> DocId {
        if self.doc < target {
            self.doc = target;
            self.settle();
        }
        self.doc
    }

    fn doc(&self) -> DocId {
        self.doc
    }

    fn size_hint(&self) -> u32 {
        (self.rows.len() as u32).min(self.max_doc)
    }
}

impl Scorer for RowSetScorer {
    fn score(&mut self) -> Score {
        1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_put_in() {
        let set: RowSet = [3u32, 64, 1000].into_iter().collect();
        assert_eq!(set.iter().collect::<Vec<_>>(), [3, 64, 1000]);
        assert_eq!(set.len(), 3);
        assert!(set.contains(64) && !set.contains(65) && !set.contains(5000));
        assert!(RowSet::new(100).is_empty());
    }
}
