//! Filters become tantivy queries; what a query matches is collected in a total order.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use regex::Regex;
use tantivy::query::{
    AllQuery, BooleanQuery, EmptyQuery, EnableScoring, Occur, PhraseQuery, Query, RangeQuery, TermQuery, TermSetQuery,
};
use tantivy::schema::IndexRecordOption;
use tantivy::{DocId, DocSet, SegmentReader, TERMINATED, Term};

use super::excluded::Excluded;
use super::order::{Best, DocColumns};
pub use super::order::{Hit, KeyColumn, KeySource, Selected, sortable};
use super::rows::{RowSet, RowSetQuery};
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
    /// Makes a tantivy query of a filter.
    ///
    /// # Errors
    /// As the lookup; [`StoreError::Inconsistent`] where a plan names a number that the index lacks.
    pub fn compile(&self, filter: &Filter, lookup: &dyn Lookup) -> Result<Box<dyn Query>, StoreError> {
        Ok(match filter {
            Filter::All => Box::new(AllQuery),
            Filter::And(parts) => self.compile_all(&parts.iter().collect::<Vec<_>>(), lookup)?,
            Filter::Or(parts) if parts.is_empty() => Box::new(EmptyQuery),
            Filter::Or(parts) => {
                let mut clauses: Vec<(Occur, Box<dyn Query>)> = Vec::with_capacity(parts.len());
                for part in parts {
                    clauses.push((Occur::Should, self.compile(part, lookup)?));
                }
                Box::new(BooleanQuery::new(clauses))
            }
            Filter::Not(inner) => Box::new(BooleanQuery::new(vec![
                (Occur::Must, Box::new(AllQuery) as Box<dyn Query>),
                (Occur::MustNot, self.excluded(inner, lookup)?),
            ])),
            Filter::Test(test) if indexed(test) => self.test(test)?,
            Filter::Test(test) => match lookup.rows(test)? {
                Some(rows) => Box::new(RowSetQuery { rows }),
                None => Box::new(AllQuery),
            },
            Filter::Rows(plan) => Box::new(RowSetQuery { rows: lookup.sub_query(plan)? }),
            Filter::Pin(pin) => Box::new(RowSetQuery { rows: lookup.pin(pin)? }),
        })
    }

    /// Makes a tantivy query of the conjunction of filters.
    ///
    /// # Errors
    /// As [`Index::compile`].
    pub fn compile_all(&self, parts: &[&Filter], lookup: &dyn Lookup) -> Result<Box<dyn Query>, StoreError> {
        let mut clauses: Vec<(Occur, Box<dyn Query>)> = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                Filter::Not(inner) => clauses.push((Occur::MustNot, self.excluded(inner, lookup)?)),
                other => {
                    let query = self.compile(other, lookup)?;
                    if !query.is::<AllQuery>() {
                        clauses.push((Occur::Must, query));
                    }
                }
            }
        }
        if clauses.iter().all(|(occur, _)| *occur == Occur::MustNot) {
            clauses.push((Occur::Must, Box::new(AllQuery)));
        }
        if clauses.len() == 1 { Ok(clauses.remove(0).1) } else { Ok(Box::new(BooleanQuery::new(clauses))) }
    }

    fn excluded(&self, filter: &Filter, lookup: &dyn Lookup) -> Result<Box<dyn Query>, StoreError> {
        let query = self.compile(filter, lookup)?;
        Ok(if needs_care(filter) { Box::new(Excluded(query)) } else { query })
    }

    fn test(&self, test: &Test) -> Result<Box<dyn Query>, StoreError> {
        Ok(match test {
            Test::Phrase { within, terms, prefix } => {
                let fields: &[tantivy::schema::Field] = match within {
                    Within::Any => &[self.fields.code, self.fields.instruction],
                    Within::Code => &[self.fields.code],
                    Within::Instruction => &[self.fields.instruction],
                };
                let mut parts = Vec::new();
                for field in fields {
                    parts.push((Occur::Should, self.phrase(*field, terms, *prefix)?));
                }
                if parts.len() == 1 { parts.remove(0).1 } else { Box::new(BooleanQuery::new(parts)) }
            }
            Test::Meta { name, terms, prefix } => {
                let terms: Vec<String> = terms.iter().map(|term| format!("{name}{UNIT}{term}")).collect();
                self.phrase(self.fields.meta, &terms, *prefix)?
            }
            Test::Value { field, value } => self.term(&term_text(&field.name, value)),
            Test::Match { field, pattern } => {
                let regex = expression(pattern)?;
                let prefix = term_text(&field.name, "");
                let found = self.dictionary(&prefix)?;
                let terms = found.into_iter().filter(|(value, _)| regex.is_match(value));
                self.any_of(terms.map(|(value, _)| format!("{prefix}{value}")))
            }
            Test::Range { field, range } => self.range(&field.name, range)?,
            Test::Count { field, name, range } => self.count_range(&field.name, name, range)?,
            Test::Has { field } => match field.home {
                Home::Text | Home::Scan | Home::Id | Home::Meta | Home::Row | Home::Fact => {
                    self.term(&term_text(HAS, &field.name))
                }
                Home::Column | Home::Relevance | Home::Unfilled => {
                    return Err(StoreError::Inconsistent(format!("`has:{}` is no test of the index", field.name)));
                }
            },
            Test::Regex { .. } | Test::Near { .. } | Test::Ast { .. } | Test::Id { .. } => {
                return Err(StoreError::Inconsistent("a plan asks the index what only a scan can answer".into()));
            }
        })
    }

    fn term(&self, text: &str) -> Box<dyn Query> {
        Box::new(TermQuery::new(Term::from_field_text(self.fields.terms, text), IndexRecordOption::Basic))
    }

    fn any_of(&self, texts: impl Iterator<Item = String>) -> Box<dyn Query> {
        let terms: Vec<Term> = texts.map(|text| Term::from_field_text(self.fields.terms, &text)).collect();
        if terms.is_empty() { Box::new(EmptyQuery) } else { Box::new(TermSetQuery::new(terms)) }
    }

    /// Consecutive terms; where `prefix`, the last one begins a term.
    fn phrase(
        &self,
        field: tantivy::schema::Field,
        terms: &[String],
        prefix: bool,
    ) -> Result<Box<dyn Query>, StoreError> {
        let Some((last, before)) = terms.split_last() else { return Ok(Box::new(EmptyQuery)) };
        let exact = |texts: Vec<&str>| -> Box<dyn Query> {
            let mut made: Vec<Term> = texts.iter().map(|text| Term::from_field_text(field, text)).collect();
            if made.len() == 1 {
                Box::new(TermQuery::new(made.remove(0), IndexRecordOption::Basic))
            } else {
                Box::new(PhraseQuery::new(made))
            }
        };
        if !prefix {
            return Ok(exact(terms.iter().map(String::as_str).collect()));
        }
        let endings = self.terms_with_prefix(field, last)?;
        if before.is_empty() {
            let terms: Vec<Term> = endings.iter().map(|text| Term::from_field_text(field, text)).collect();
            return Ok(if terms.is_empty() { Box::new(EmptyQuery) } else { Box::new(TermSetQuery::new(terms)) });
        }
        let mut clauses = Vec::new();
        for ending in &endings {
            let mut texts: Vec<&str> = before.iter().map(String::as_str).collect();
            texts.push(ending);
            clauses.push((Occur::Should, exact(texts)));
        }
        Ok(if clauses.is_empty() { Box::new(EmptyQuery) } else { Box::new(BooleanQuery::new(clauses)) })
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

    fn range(&self, name: &str, range: &Range) -> Result<Box<dyn Query>, StoreError> {
        let Some(number) = self.fields.numbers.get(name) else {
            return Err(StoreError::Inconsistent(format!(
                "a plan asks for the number `{name}`, which the index lacks"
            )));
        };
        let (low, high) = if number.whole {
            let Some((low, high)) = whole_bounds(range) else { return Ok(Box::new(EmptyQuery)) };
            (
                Bound::Included(Term::from_field_i64(number.field, low)),
                Bound::Included(Term::from_field_i64(number.field, high)),
            )
        } else {
            let term = |value: &f64| Term::from_field_f64(number.field, *value);
            let lift = |bound: &Bound<f64>| match bound {
                Bound::Included(value) => Bound::Included(term(value)),
                Bound::Excluded(value) => Bound::Excluded(term(value)),
                Bound::Unbounded => Bound::Unbounded,
            };
            let low = match lift(&range.low) {
                Bound::Unbounded => Bound::Included(term(&f64::NEG_INFINITY)),
                other => other,
            };
            (low, lift(&range.high))
        };
        Ok(Box::new(RangeQuery::new(low, high)))
    }

    /// How often `name` occurs: 0 where a known set lacks it, 1 where it has the name and no count term.
    fn count_range(&self, field: &str, name: &str, range: &Range) -> Result<Box<dyn Query>, StoreError> {
        let Some((low, high)) = whole_bounds(range) else { return Ok(Box::new(EmptyQuery)) };
        let prefix = format!("{field}#{UNIT}{name}{UNIT}");
        let counts: Vec<u32> = self.dictionary(&prefix)?.iter().filter_map(|(digits, _)| digits.parse().ok()).collect();
        let mut clauses: Vec<(Occur, Box<dyn Query>)> = Vec::new();
        let has = || self.term(&term_text(field, name));
        if low <= 0 && high >= 0 {
            clauses.push((
                Occur::Should,
                Box::new(BooleanQuery::new(vec![
                    (Occur::Must, self.term(&term_text("known", field))),
                    (Occur::MustNot, has()),
                ])),
            ));
        }
        if low <= 1 && high >= 1 {
            let several = self.any_of(counts.iter().map(|count| count_text(field, name, *count)));
            clauses.push((
                Occur::Should,
                Box::new(BooleanQuery::new(vec![(Occur::Must, has()), (Occur::MustNot, several)])),
            ));
        }
        let within = counts.iter().filter(|count| (low..=high).contains(&i64::from(**count)));
        clauses.push((Occur::Should, self.any_of(within.map(|count| count_text(field, name, *count)))));
        Ok(Box::new(BooleanQuery::new(clauses)))
    }

    /// Collects what a query matches, ordered by `keys` and then by id, the first `limit` of it.
    ///
    /// # Errors
    /// Where the index cannot be read.
    pub fn select(&self, query: &dyn Query, keys: &[(KeySource, bool)], limit: usize) -> Result<Selected, StoreError> {
        let searcher = self.searcher();
        let weight = query.weight(EnableScoring::disabled_from_searcher(&searcher))?;
        let ranks = self.word_ranks(keys)?;
        let mut total = 0u64;
        let mut best: Best = Best::new(keys.len(), limit);
        for reader in searcher.segment_readers() {
            let columns = DocColumns::open(reader)?;
            let mut sources = Vec::with_capacity(keys.len());
            for (at, (source, descending)) in keys.iter().enumerate() {
                sources.push((self.key_column(reader, source, ranks[at].as_ref())?, *descending));
            }
            let alive = reader.alive_bitset();
            let mut scratch = vec![0u64; keys.len()];
            weight.for_each_no_score(reader, &mut |docs| {
                for &doc in docs {
                    if alive.is_some_and(|alive| !alive.is_alive(doc)) {
                        continue;
                    }
                    total += 1;
                    if limit == 0 {
                        continue;
                    }
                    let hit = columns.hit(doc);
                    for (slot, (column, descending)) in scratch.iter_mut().zip(&sources) {
                        *slot = column.key(doc, &hit, *descending);
                    }
                    best.offer(&scratch, hit);
                }
            })?;
        }
        Ok(Selected { total, hits: best.finish() })
    }

    /// Counts what a query matches.
    ///
    /// # Errors
    /// Where the index cannot be read.
    pub fn count(&self, query: &dyn Query) -> Result<u64, StoreError> {
        Ok(query.count(&self.searcher())? as u64)
    }

    /// The rows that a query matches.
    ///
    /// # Errors
    /// Where the index cannot be read.
    pub fn matching(&self, query: &dyn Query) -> Result<RowSet, StoreError> {
        let searcher = self.searcher();
        let weight = query.weight(EnableScoring::disabled_from_searcher(&searcher))?;
        let mut out = RowSet::default();
        for reader in searcher.segment_readers() {
            let column = reader.fast_fields().u64("row")?;
            let alive = reader.alive_bitset();
            weight.for_each_no_score(reader, &mut |docs| {
                for &doc in docs {
                    if alive.is_none_or(|alive| alive.is_alive(doc))
                        && let Some(row) = column.first(doc)
                    {
                        out.insert(row as u32);
                    }
                }
            })?;
        }
        Ok(out)
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
            if let Some(number) = self.fields.numbers.get(field) {
                let column = self.number_column(reader, field, number.whole)?;
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
    fn word_ranks(&self, keys: &[(KeySource, bool)]) -> Result<Vec<Option<BTreeMap<String, u32>>>, StoreError> {
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

    fn key_column(
        &self,
        reader: &SegmentReader,
        source: &KeySource,
        ranks: Option<&BTreeMap<String, u32>>,
    ) -> Result<KeyColumn, StoreError> {
        Ok(match source {
            KeySource::Id => KeyColumn::Id,
            KeySource::ByRow(ranks) => KeyColumn::ByRow(ranks.clone()),
            KeySource::Number(name) => {
                let number = self.fields.numbers.get(name.as_str()).ok_or_else(|| {
                    StoreError::Inconsistent(format!("a plan sorts by the number `{name}`, which the index lacks"))
                })?;
                self.number_column(reader, name, number.whole)?
            }
            KeySource::Word { field, .. } => {
                let mut by_doc = vec![u32::MAX; reader.max_doc() as usize];
                let inverted = reader.inverted_index(self.fields.terms)?;
                for (word, rank) in ranks.into_iter().flatten() {
                    let term = Term::from_field_text(self.fields.terms, &term_text(field, word));
                    if let Some(mut postings) =
                        inverted.read_postings(&term, IndexRecordOption::Basic).map_err(tantivy::TantivyError::from)?
                    {
                        while postings.doc() != TERMINATED {
                            by_doc[postings.doc() as usize] = *rank;
                            postings.advance();
                        }
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
        let Some(number) = self.fields.numbers.get(name) else { return Ok(None) };
        let mut out: Option<(f64, f64)> = None;
        for reader in self.searcher().segment_readers() {
            if let Some((_, least, greatest)) = self.number_column(reader, name, number.whole)?.ends() {
                out = Some(out.map_or((least, greatest), |(low, high)| (low.min(least), high.max(greatest))));
            }
        }
        Ok(out)
    }

    pub(super) fn number_column(
        &self,
        reader: &SegmentReader,
        name: &str,
        whole: bool,
    ) -> Result<KeyColumn, StoreError> {
        let name = schema::number_name(name);
        let fast = reader.fast_fields();
        Ok(if whole { KeyColumn::Whole(fast.i64(&name)?) } else { KeyColumn::Real(fast.f64(&name)?) })
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

/// Whether a test that must be wrapped to be left out stands anywhere in a filter, see [`Excluded`].
fn needs_care(filter: &Filter) -> bool {
    match filter {
        Filter::And(parts) | Filter::Or(parts) => parts.iter().any(needs_care),
        Filter::Not(inner) => needs_care(inner),
        Filter::Test(test) => matches!(test, Test::Phrase { .. } | Test::Meta { .. } | Test::Range { .. }),
        Filter::All | Filter::Rows(_) | Filter::Pin(_) => false,
    }
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
