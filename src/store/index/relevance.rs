//! BM25: how well the texts of rows fit words.
//!
//! Tantivy's scorers do it (k1 1.2, b 0.75, lengths of texts in 256 steps), with statistics over the documents that are
//! alive. Its own count deleted ones until segments merge, so that the same store could give other numbers after a
//! rebuild.

use std::collections::BTreeMap;

use tantivy::query::{Bm25StatisticsProvider, EnableScoring, PhraseQuery, Query, TermQuery};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocSet, Searcher, TERMINATED, Term};

use super::Index;
use super::rows::RowSet;
use crate::query::plan::{Test, Within};
use crate::store::StoreError;

impl Index {
    /// The score of each of these rows that has one of the texts, above 0: the sum over texts, and over instruction and
    /// code where a text is looked for in both. The beginning of a word counts as each word that begins so. Tests other
    /// than on words and phrases give nothing.
    ///
    /// # Errors
    /// Where the index cannot be read.
    pub fn scores(&self, texts: &[Test], rows: &RowSet) -> Result<BTreeMap<u32, f64>, StoreError> {
        let searcher = self.searcher();
        let living = Living::new(&searcher, &[self.fields.code, self.fields.instruction])?;
        let scoring = EnableScoring::enabled_from_statistics_provider(&living, &searcher);
        let mut out: BTreeMap<u32, f64> = BTreeMap::new();
        // One after the other, so that a row's sum is made in the same order whatever the segments are.
        for query in self.scored(texts)? {
            let weight = query.weight(scoring)?;
            for reader in searcher.segment_readers() {
                let column = reader.fast_fields().u64("row")?;
                let alive = reader.alive_bitset();
                weight.for_each(reader, &mut |doc, score| {
                    if alive.is_none_or(|alive| alive.is_alive(doc))
                        && let Some(row) = column.first(doc).map(|row| row as u32)
                        && rows.contains(row)
                    {
                        *out.entry(row).or_default() += f64::from(score);
                    }
                })?;
            }
        }
        Ok(out)
    }

    /// A query for each text, in each field that it is looked for in.
    fn scored(&self, texts: &[Test]) -> Result<Vec<Box<dyn Query>>, StoreError> {
        let mut out: Vec<Box<dyn Query>> = Vec::new();
        for test in texts {
            let Test::Phrase { within, terms, prefix } = test else { continue };
            let Some((last, before)) = terms.split_last() else { continue };
            let fields: &[Field] = match within {
                Within::Any => &[self.fields.code, self.fields.instruction],
                Within::Code => &[self.fields.code],
                Within::Instruction => &[self.fields.instruction],
            };
            for field in fields {
                let endings = if *prefix { self.terms_with_prefix(*field, last)? } else { vec![last.clone()] };
                for ending in &endings {
                    let words = before.iter().chain([ending]);
                    let mut made: Vec<Term> = words.map(|text| Term::from_field_text(*field, text)).collect();
                    out.push(match made.len() {
                        1 => Box::new(TermQuery::new(made.remove(0), IndexRecordOption::WithFreqs)),
                        _ => Box::new(PhraseQuery::new(made)),
                    });
                }
            }
        }
        Ok(out)
    }
}

/// Statistics over the documents that are alive.
struct Living<'a> {
    searcher: &'a Searcher,
    docs: u64,
    /// Sum of the lengths of all texts of a field, as the scorers know them.
    tokens: BTreeMap<Field, u64>,
}

impl<'a> Living<'a> {
    fn new(searcher: &'a Searcher, fields: &[Field]) -> Result<Living<'a>, StoreError> {
        let mut tokens = BTreeMap::new();
        for field in fields {
            let mut sum = 0;
            for reader in searcher.segment_readers() {
                if let Some(lengths) = reader.fieldnorms_readers().get_field(*field)? {
                    sum += reader.doc_ids_alive().map(|doc| u64::from(lengths.fieldnorm(doc))).sum::<u64>();
                }
            }
            tokens.insert(*field, sum);
        }
        Ok(Living { searcher, docs: searcher.num_docs(), tokens })
    }
}

impl Bm25StatisticsProvider for Living<'_> {
    fn total_num_tokens(&self, field: Field) -> tantivy::Result<u64> {
        Ok(self.tokens.get(&field).copied().unwrap_or_default())
    }

    fn total_num_docs(&self) -> tantivy::Result<u64> {
        Ok(self.docs)
    }

    fn doc_freq(&self, term: &Term) -> tantivy::Result<u64> {
        let mut count = 0;
        for reader in self.searcher.segment_readers() {
            let inverted = reader.inverted_index(term.field())?;
            let Some(alive) = reader.alive_bitset() else {
                count += u64::from(inverted.doc_freq(term)?);
                continue;
            };
            if let Some(mut postings) = inverted.read_postings(term, IndexRecordOption::Basic)? {
                while postings.doc() != TERMINATED {
                    count += u64::from(alive.is_alive(postings.doc()));
                    postings.advance();
                }
            }
        }
        Ok(count)
    }
}
