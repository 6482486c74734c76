//! Filters become clauses, and what a clause means is counted, listed, or collected in a total order.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use regex::Regex;
use tantivy::columnar::{Column, ColumnType};
use tantivy::schema::IndexRecordOption;
use tantivy::{DocId, DocSet, SegmentReader, TERMINATED, Term, i64_to_u64};

use super::clause::Clause;
pub use super::order::{Hit, KeySource, Selected, number_key, sortable};
use super::order::{KeyColumn, NumberColumn};
use super::rows::RowSet;
use super::schema::{HAS, UNIT, count_text, term_text};
use super::{Index, schema};
use crate::query::plan::{Field, Filter, Home, Range, Test, Within};
use crate::store::StoreError;

/// Answers the tests that the index cannot: on columns, scans, ids, regular expressions and sub-queries.
pub trait Lookup {
    /// The rows that pass a test which has no terms in the index; `None` where every row passes.
    ///
    /// # Errors
    /// As the store.
    fn rows(&self, test: &Test) -> Result<Option<Arc<RowSet>>, StoreError>;
    /// The rows that a sub-query selects.
    ///
    /// # Errors
    /// As the store.
    fn sub_query(&self, plan: &crate::query::plan::Plan) -> Result<Arc<RowSet>, StoreError>;
    /// The rows that a pin names.
    ///
    /// # Errors
    /// As the store.
    fn pin(&self, pin: &crate::query::plan::Pin) -> Result<Arc<RowSet>, StoreError>;
}

/// Whether the index answers a test by itself.
pub fn indexed(test: &Test) -> bool {
    let of_index = |field: &Field| matches!(field.home, Home::Fact | Home::Row);
    match test {
        Test::Phrase { .. } | Test::Meta { .. } => true,
        Test::Regex { .. } | Test::Near { .. } | Test::Ast { .. } | Test::Id { .. } => false,
        Test::Value { field, .. } | Test::Match { field, .. } | Test::Count { field, .. } => of_index(field),
        Test::Range { field, .. } => of_index(field),
        Test::Has { field } => of_index(field) || matches!(field.home, Home::Meta | Home::Text | Home::Id | Home::Scan),
    }
}

impl Index {
    /// Makes a clause of a filter: what its tests are in the index.
    ///
    /// # Errors
    /// As the lookup; [`StoreError::Inconsistent`] where a plan names a number that the index lacks.
    pub fn compile(&self, filter: &Filter, lookup: &dyn Lookup) -> Result<Clause, StoreError> {
        Ok(match filter {
            Filter::All => Clause::All,
            Filter::And(parts) => self.compile_all(&parts.iter().collect::<Vec<_>>(), lookup)?,
            Filter::Or(parts) => {
                Clause::Or(parts.iter().map(|part| self.compile(part, lookup)).collect::<Result<_, _>>()?)
            }
            Filter::Not(inner) => Clause::Not(Box::new(self.compile(inner, lookup)?)),
            Filter::Test(test) if indexed(test) => self.test(test)?,
            Filter::Test(test) => match lookup.rows(test)? {
                // Nearly every query asks for a state.
                Some(rows) if matches!(test, Test::Value { field, .. } if field.name == "state") => {
                    Clause::Lasting(rows)
                }
                Some(rows) => Clause::Rows(rows),
                None => Clause::All,
            },
            Filter::Rows(plan) => Clause::Rows(lookup.sub_query(plan)?),
            Filter::Pin(pin) => Clause::Rows(lookup.pin(pin)?),
        })
    }

    /// Makes a clause of the conjunction of filters.
    ///
    /// # Errors
    /// As [`Index::compile`].
    pub fn compile_all(&self, parts: &[&Filter], lookup: &dyn Lookup) -> Result<Clause, StoreError> {
        let mut clauses = Vec::with_capacity(parts.len());
        for part in parts {
            match self.compile(part, lookup)? {
                Clause::All => {}
                clause => clauses.push(clause),
            }
        }
        Ok(match clauses.len() {
            0 => Clause::All,
            1 => clauses.remove(0),
            _ => Clause::And(clauses),
        })
    }

    fn test(&self, test: &Test) -> Result<Clause, StoreError> {
        Ok(match test {
            Test::Phrase { within, terms, prefix } => {
                let fields: &[tantivy::schema::Field] = match within {
                    Within::Any => &[self.fields.code, self.fields.instruction],
                    Within::Code => &[self.fields.code],
                    Within::Instruction => &[self.fields.instruction],
                };
                let mut parts = Vec::new();
                for field in fields {
                    parts.push(self.phrase(*field, terms, *prefix)?);
                }
                if parts.len() == 1 { parts.remove(0) } else { Clause::Or(parts) }
            }
            Test::Meta { name, terms, prefix } => {
                let terms: Vec<String> = terms.iter().map(|term| format!("{name}{UNIT}{term}")).collect();
                self.phrase(self.fields.meta, &terms, *prefix)?
            }
            Test::Value { field, value } => self.any_of(vec![term_text(&field.name, value)]),
            Test::Match { field, pattern } => {
                let regex = expression(pattern)?;
                let prefix = term_text(&field.name, "");
                let found = self.dictionary(&prefix)?;
                let names = found.into_iter().filter(|(value, _)| regex.is_match(value));
                self.any_of(names.map(|(value, _)| format!("{prefix}{value}")).collect())
            }
            Test::Range { field, range } => self.range(&field.name, range)?,
            Test::Count { field, name, range } => self.count_range(&field.name, name, range)?,
            Test::Has { field } => match field.home {
                Home::Text | Home::Scan | Home::Id | Home::Meta | Home::Row | Home::Fact => {
                    self.any_of(vec![term_text(HAS, &field.name)])
                }
                Home::Column | Home::Kin | Home::Relevance | Home::Unfilled => {
                    return Err(StoreError::Inconsistent(format!("`has:{}` is no test of the index", field.name)));
                }
            },
            Test::Regex { .. } | Test::Near { .. } | Test::Ast { .. } | Test::Id { .. } => {
                return Err(StoreError::Inconsistent("a plan asks the index what only a scan can answer".into()));
            }
        })
    }

    fn any_of(&self, texts: Vec<String>) -> Clause {
        Clause::AnyOf(self.fields.terms, texts)
    }

    /// Consecutive terms; where `prefix`, the last one begins a term.
    fn phrase(&self, field: tantivy::schema::Field, terms: &[String], prefix: bool) -> Result<Clause, StoreError> {
        let Some((last, before)) = terms.split_last() else { return Ok(Clause::Or(Vec::new())) };
        let exact = |terms: Vec<String>| {
            if terms.len() == 1 { Clause::AnyOf(field, terms) } else { Clause::Phrase(field, terms) }
        };
        if !prefix {
            return Ok(exact(terms.to_vec()));
        }
        let endings = self.terms_with_prefix(field, last)?;
        if before.is_empty() {
            return Ok(Clause::AnyOf(field, endings));
        }
        let ended = |ending: String| exact(before.iter().cloned().chain([ending]).collect());
        Ok(Clause::Or(endings.into_iter().map(ended).collect()))
    }

    pub(super) fn terms_with_prefix(
        &self,
        field: tantivy::schema::Field,
        prefix: &str,
    ) -> Result<Vec<String>, StoreError> {
        let mut out = BTreeMap::new();
        for reader in self.searcher().segment_readers() {
            let inverted = reader.inverted_index(field)?;
            let mut stream =
                inverted.terms().range().ge(prefix.as_bytes()).into_stream().map_err(tantivy::TantivyError::from)?;
            while stream.advance() {
                if !stream.key().starts_with(prefix.as_bytes()) {
                    break;
                }
                if let Ok(text) = std::str::from_utf8(stream.key()) {
                    *out.entry(text.to_owned()).or_insert(0u64) += u64::from(stream.value().doc_freq);
                }
            }
        }
        Ok(out.into_keys().collect())
    }

    /// The values of a field of names or words, with the number of documents that have each, deleted ones included
    /// until segments merge: for suggestions, not for reports. `prefix` is [`term_text`] of the field and the
    /// beginning of a value; values come without it.
    ///
    /// # Errors
    /// Where the index cannot be read.
    pub fn dictionary(&self, prefix: &str) -> Result<Vec<(String, u64)>, StoreError> {
        let mut out: BTreeMap<String, u64> = BTreeMap::new();
        for reader in self.searcher().segment_readers() {
            let inverted = reader.inverted_index(self.fields.terms)?;
            let mut stream =
                inverted.terms().range().ge(prefix.as_bytes()).into_stream().map_err(tantivy::TantivyError::from)?;
            while stream.advance() {
                let Some(rest) = stream.key().strip_prefix(prefix.as_bytes()) else { break };
                if let Ok(text) = std::str::from_utf8(rest) {
                    *out.entry(text.to_owned()).or_default() += u64::from(stream.value().doc_freq);
                }
            }
        }
        Ok(out.into_iter().collect())
    }

    /// Whether some document has, or had until segments merge, a term of names, words and yes-or-no; see [`term_text`].
    ///
    /// # Errors
    /// Where the index cannot be read.
    pub fn has_term(&self, text: &str) -> Result<bool, StoreError> {
        let term = Term::from_field_text(self.fields.terms, text);
        for reader in self.searcher().segment_readers() {
            let inverted = reader.inverted_index(self.fields.terms)?;
            if inverted.get_term_info(&term).map_err(tantivy::TantivyError::from)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn range(&self, name: &str, range: &Range) -> Result<Clause, StoreError> {
        let Some((name, number)) = self.fields.numbers.get_key_value(name) else {
            return Err(StoreError::Inconsistent(format!(
                "a plan asks for the number `{name}`, which the index lacks"
            )));
        };
        let bounds = if number.whole {
            whole_bounds(range).map(|(low, high)| (i64_to_u64(low), i64_to_u64(high)))
        } else {
            // Keys have no gaps between one measure and the next, so what lies beyond an excluded end is one key away.
            let low = match range.low {
                Bound::Included(low) => number_key(low, false),
                Bound::Excluded(low) => number_key(low, false).saturating_add(1),
                Bound::Unbounded => 0,
            };
            let high = match range.high {
                Bound::Included(high) => number_key(high, false),
                Bound::Excluded(high) => number_key(high, false).saturating_sub(1),
                Bound::Unbounded => u64::MAX,
            };
            (low <= high).then_some((low, high))
        };
        Ok(bounds.map_or(Clause::Or(Vec::new()), |(low, high)| Clause::Between(name, low, high)))
    }

    /// How often `name` occurs: 0 where a known set lacks it, 1 where it has the name and no count term.
    fn count_range(&self, field: &str, name: &str, range: &Range) -> Result<Clause, StoreError> {
        let Some((low, high)) = whole_bounds(range) else { return Ok(Clause::Or(Vec::new())) };
        let prefix = format!("{field}#{UNIT}{name}{UNIT}");
        let counts: Vec<u32> = self.dictionary(&prefix)?.iter().filter_map(|(digits, _)| digits.parse().ok()).collect();
        let mut clauses = Vec::new();
        let has = || self.any_of(vec![term_text(field, name)]);
        let several =
            |counts: &mut dyn Iterator<Item = u32>| self.any_of(counts.map(|n| count_text(field, name, n)).collect());
        if low <= 0 && high >= 0 {
            let known = self.any_of(vec![term_text("known", field)]);
            clauses.push(Clause::And(vec![known, Clause::Not(Box::new(has()))]));
        }
        if low <= 1 && high >= 1 {
            let more = several(&mut counts.iter().copied());
            clauses.push(Clause::And(vec![has(), Clause::Not(Box::new(more))]));
        }
        let within = |count: &u32| (low..=high).contains(&i64::from(*count));
        clauses.push(several(&mut counts.iter().copied().filter(within)));
        Ok(Clause::Or(clauses))
    }

    /// Collects what a clause means, ordered by `keys` and then by id, the first `limit` of it.
    ///
    /// # Errors
    /// Where the index cannot be read.
    pub fn select(&self, clause: &Clause, keys: &[(KeySource, bool)], limit: usize) -> Result<Selected, StoreError> {
        self.ordered(&self.documents(clause)?, keys, limit)
    }

    /// Counts what a clause means.
    ///
    /// # Errors
    /// Where the index cannot be read.
    pub fn count(&self, clause: &Clause) -> Result<u64, StoreError> {
        Ok(self.documents(clause)?.len())
    }

    /// The rows that a clause means.
    ///
    /// # Errors
    /// Where the index cannot be read.
    pub fn matching(&self, clause: &Clause) -> Result<RowSet, StoreError> {
        self.documents(clause)?.rows()
    }

    /// Every row of `wanted` with the words or names that it has in a field (several for a set, none for null), or its
    /// number: handed to `take` once per (row, value); rows without a value are not handed out.
    ///
    /// # Errors
    /// Where the index cannot be read.
    pub fn values(&self, field: &str, wanted: &RowSet, take: &mut dyn FnMut(u32, Value<'_>)) -> Result<(), StoreError> {
        let searcher = self.searcher();
        let prefix = term_text(field, "");
        for reader in searcher.segment_readers() {
            let rows = reader.fast_fields().u64("row")?;
            let alive = reader.alive_bitset();
            let live = |doc: DocId| -> Option<u32> {
                if alive.is_some_and(|alive| !alive.is_alive(doc)) {
                    return None;
                }
                rows.first(doc).map(|row| row as u32).filter(|row| wanted.contains(*row))
            };
            if self.fields.numbers.contains_key(field) {
                let column = self.number_column(reader, field)?;
                for doc in 0..reader.max_doc() {
                    if let (Some(row), Some(value)) = (live(doc), column.number(doc)) {
                        take(row, Value::Number(value));
                    }
                }
                continue;
            }
            let inverted = reader.inverted_index(self.fields.terms)?;
            let mut stream =
                inverted.terms().range().ge(prefix.as_bytes()).into_stream().map_err(tantivy::TantivyError::from)?;
            while stream.advance() {
                let Some(rest) = stream.key().strip_prefix(prefix.as_bytes()) else { break };
                let Ok(text) = std::str::from_utf8(rest) else { continue };
                let mut postings = inverted
                    .read_postings_from_terminfo(stream.value(), IndexRecordOption::Basic)
                    .map_err(tantivy::TantivyError::from)?;
                while postings.doc() != TERMINATED {
                    if let Some(row) = live(postings.doc()) {
                        take(row, Value::Word(text));
                    }
                    postings.advance();
                }
            }
        }
        Ok(())
    }

    /// For each key that is a word: the rank of every word of its field over all segments.
    pub(super) fn word_ranks(
        &self,
        keys: &[(KeySource, bool)],
    ) -> Result<Vec<Option<BTreeMap<String, u32>>>, StoreError> {
        let mut out = Vec::with_capacity(keys.len());
        for (source, _) in keys {
            out.push(match source {
                KeySource::Word { field, order } => {
                    let mut ranks: BTreeMap<String, u32> =
                        order.iter().enumerate().map(|(at, word)| (word.clone(), at as u32)).collect();
                    for (value, _) in self.dictionary(&term_text(field, ""))? {
                        let next = ranks.len() as u32;
                        ranks.entry(value).or_insert(next);
                    }
                    Some(ranks)
                }
                _ => None,
            });
        }
        Ok(out)
    }

    pub(super) fn key_column(
        &self,
        reader: &SegmentReader,
        source: &KeySource,
        ranks: Option<&BTreeMap<String, u32>>,
    ) -> Result<KeyColumn, StoreError> {
        Ok(match source {
            KeySource::Id => KeyColumn::Id,
            KeySource::ByRow(ranks) => KeyColumn::ByRow(ranks.clone()),
            KeySource::Number(name) => KeyColumn::Number(self.number_column(reader, name)?),
            KeySource::Word { field, .. } => {
                let mut by_doc = vec![u32::MAX; reader.max_doc() as usize];
                let inverted = reader.inverted_index(self.fields.terms)?;
                for (word, rank) in ranks.into_iter().flatten() {
                    let term = Term::from_field_text(self.fields.terms, &term_text(field, word));
                    let found = inverted.read_block_postings(&term, IndexRecordOption::Basic);
                    let Some(mut block) = found.map_err(tantivy::TantivyError::from)? else { continue };
                    while !block.docs().is_empty() {
                        block.docs().iter().for_each(|doc| by_doc[*doc as usize] = *rank);
                        block.advance();
                    }
                }
                KeyColumn::Ranks(by_doc)
            }
        })
    }

    /// The least and the greatest number that documents have, or had until segments merge, in a field; `None` where
    /// there is none.
    ///
    /// # Errors
    /// Where the index cannot be read.
    pub fn number_range(&self, name: &str) -> Result<Option<(f64, f64)>, StoreError> {
        if !self.fields.numbers.contains_key(name) {
            return Ok(None);
        }
        let mut out: Option<(f64, f64)> = None;
        for reader in self.searcher().segment_readers() {
            if let Some((_, least, greatest)) = self.number_column(reader, name)?.ends() {
                out = Some(out.map_or((least, greatest), |(low, high)| (low.min(least), high.max(greatest))));
            }
        }
        Ok(out)
    }

    pub(super) fn number_column(&self, reader: &SegmentReader, name: &str) -> Result<NumberColumn, StoreError> {
        let number = self.fields.numbers.get(name).ok_or_else(|| {
            StoreError::Inconsistent(format!("a plan asks for the number `{name}`, which the index lacks"))
        })?;
        let kind = if number.whole { ColumnType::I64 } else { ColumnType::F64 };
        let found = reader.fast_fields().u64_lenient_for_type(Some(&[kind]), &schema::number_name(name))?;
        let raw = found.map_or_else(|| Column::build_empty_column(reader.max_doc()), |(column, _)| column);
        Ok(NumberColumn { raw, whole: number.whole })
    }
}

/// A value that [`Index::values`] hands out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// A word or name.
    Word(&'a str),
    /// A number.
    Number(f64),
}

/// The regular expression of a plan.
///
/// # Errors
/// [`StoreError::Inconsistent`] where it is none; a query with such a one does not resolve.
pub fn expression(pattern: &str) -> Result<Regex, StoreError> {
    Regex::new(pattern)
        .map_err(|error| StoreError::Inconsistent(format!("a plan has the bad expression {pattern}: {error}")))
}

/// The least and greatest whole numbers of a range; `None` where it holds none.
fn whole_bounds(range: &Range) -> Option<(i64, i64)> {
    let low = match range.low {
        Bound::Included(value) => value.ceil() as i64,
        Bound::Excluded(value) => (value.floor() as i64).saturating_add(1),
        Bound::Unbounded => i64::MIN,
    };
    let high = match range.high {
        Bound::Included(value) => value.floor() as i64,
        Bound::Excluded(value) => (value.ceil() as i64).saturating_sub(1),
        Bound::Unbounded => i64::MAX,
    };
    (low <= high).then_some((low, high))
}

/// Documents of a row, for self-checks: how many the index holds of each.
///
/// # Errors
/// Where the index cannot be read.
pub fn documents_per_row(index: &Index) -> Result<BTreeMap<u32, u32>, StoreError> {
    let mut out = BTreeMap::new();
    let searcher = index.searcher();
    for reader in searcher.segment_readers() {
        let rows = reader.fast_fields().u64("row")?;
        for doc in 0..reader.max_doc() {
            if reader.alive_bitset().is_none_or(|alive| alive.is_alive(doc))
                && let Some(row) = rows.first(doc)
            {
                *out.entry(row as u32).or_insert(0) += 1;
            }
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_of_whole_numbers_round_inwards() {
        let range = |low, high| Range { low, high };
        assert_eq!(whole_bounds(&range(Bound::Excluded(2.0), Bound::Excluded(5.0))), Some((3, 4)));
        assert_eq!(whole_bounds(&range(Bound::Included(2.5), Bound::Unbounded)), Some((3, i64::MAX)));
        assert_eq!(whole_bounds(&range(Bound::Included(2.2), Bound::Included(2.8))), None);
    }

    #[test]
    fn schema_terms_are_found_by_their_field() {
        assert_eq!(schema::term_text("uses", "Circle"), "uses\u{1f}Circle");
    }
}
