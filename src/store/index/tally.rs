//! What some of the documents have in a field, counted over the whole dictionary of the field at once.

use tantivy::schema::IndexRecordOption;
use tantivy::{DocSet, Searcher, TERMINATED};

use super::Index;
use super::evaluate::Segment;
use super::rows::RowSet;
use super::schema::{HAS, term_text};
use crate::store::StoreError;

/// Documents to count among.
pub struct Tally<'a> {
    index: &'a Index,
    searcher: Searcher,
    /// Of each segment the documents that count; `None` where all do, so that the dictionary's own counts serve.
    counted: Vec<Option<RowSet>>,
}

/// The numbers that documents have in a field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Numbers {
    /// How many documents have one.
    pub rows: u64,
    /// The least.
    pub least: f64,
    /// The greatest.
    pub greatest: f64,
}

impl Index {
    /// Prepares to count among the documents of some rows.
    ///
    /// # Errors
    /// Where the index cannot be read.
    pub fn tally(&self, rows: &RowSet) -> Result<Tally<'_>, StoreError> {
        let searcher = self.searcher();
        let mut counted = Vec::new();
        for reader in searcher.segment_readers() {
            let found = Segment::new(self, reader, &|_| None).documents_of(rows)?;
            let all = found.len() == reader.max_doc() as usize;
            counted.push((!all).then_some(found));
        }
        Ok(Tally { index: self, searcher, counted })
    }
}

impl Tally<'_> {
    /// The names or words of a field, by text, each with how many of the documents have it.
    ///
    /// # Errors
    /// Where the index cannot be read.
    pub fn words(&self, field: &str) -> Result<Vec<(String, u64)>, StoreError> {
        self.terms(&term_text(field, ""), false)
    }

    /// How many of the documents have something in a field of names or words.
    ///
    /// # Errors
    /// Where the index cannot be read.
    pub fn given(&self, field: &str) -> Result<u64, StoreError> {
        Ok(self.terms(&term_text(HAS, field), true)?.iter().map(|(_, count)| count).sum())
    }

    /// The terms that begin so, without that beginning; where `whole`, only the term that is the beginning itself.
    fn terms(&self, prefix: &str, whole: bool) -> Result<Vec<(String, u64)>, StoreError> {
        let mut out: Vec<(String, u64)> = Vec::new();
        for (reader, counted) in self.searcher.segment_readers().iter().zip(&self.counted) {
            let inverted = reader.inverted_index(self.index.fields.terms)?;
            let mut stream =
                inverted.terms().range().ge(prefix.as_bytes()).into_stream().map_err(tantivy::TantivyError::from)?;
            while stream.advance() {
                let Some(rest) = stream.key().strip_prefix(prefix.as_bytes()) else { break };
                if whole && !rest.is_empty() {
                    break;
                }
                let Ok(text) = std::str::from_utf8(rest) else { continue };
                let count = match counted {
                    None => u64::from(stream.value().doc_freq),
                    Some(counted) => {
                        let mut postings = inverted
                            .read_postings_from_terminfo(stream.value(), IndexRecordOption::Basic)
                            .map_err(tantivy::TantivyError::from)?;
                        let mut count = 0;
                        while postings.doc() != TERMINATED {
                            count += u64::from(counted.contains(postings.doc()));
                            postings.advance();
                        }
                        count
                    }
                };
                if count > 0 {
                    out.push((text.to_owned(), count));
                }
            }
        }
        // Each segment's terms are in order, which a stable sort makes use of.
        out.sort_by(|a, b| a.0.cmp(&b.0));
        out.dedup_by(|later, kept| {
            let same = later.0 == kept.0;
            kept.1 += if same { later.1 } else { 0 };
            same
        });
        Ok(out)
    }

    /// The numbers of a field; `None` where no document has one.
    ///
    /// # Errors
    /// Where the index cannot be read.
    pub fn numbers(&self, field: &str) -> Result<Option<Numbers>, StoreError> {
        if !self.index.fields.numbers.contains_key(field) {
            return Ok(None);
        }
        let mut out: Option<Numbers> = None;
        for (reader, counted) in self.searcher.segment_readers().iter().zip(&self.counted) {
            let column = self.index.number_column(reader, field)?;
            let mut take = |rows: u64, least: f64, greatest: f64| {
                let numbers = out.get_or_insert(Numbers { rows: 0, least, greatest });
                numbers.rows += rows;
                numbers.least = numbers.least.min(least);
                numbers.greatest = numbers.greatest.max(greatest);
            };
            match counted {
                None => {
                    if let Some((rows, least, greatest)) = column.ends() {
                        take(rows, least, greatest);
                    }
                }
                Some(counted) => {
                    counted.iter().filter_map(|doc| column.number(doc)).for_each(|value| take(1, value, value));
                }
            }
        }
        Ok(out)
    }
}
