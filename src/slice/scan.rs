//! Tests that have no terms in the index: columns, ids, places, and what is read off the texts (regular expressions,
//! likeness, patterns of code).
//!
//! A test that reads texts reads only the rows that the rest of its conjunction leaves.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Bound;
use std::sync::Arc;

use crate::analyze::analyser_version;
use crate::analyze::features::Kind;
use crate::analyze::parse;
use crate::analyze::pattern::SeenLines;
use crate::query::plan::{Field, Filter, Home, Pin, Plan, Range, Test, Within};
use crate::similarity::shingles::{Shingles, Wanted};
use crate::store::index::fragments::Condition;
use crate::store::index::rows::RowSet;
use crate::store::index::schema::{meta_number, meta_text};
use crate::store::index::search::{Lookup, expression};
use crate::store::{Store, StoreError, Text};
use crate::text;

use super::literals;
use super::moment::Moment;

/// What whoever looks at texts keeps from one to the next.
#[derive(Debug, Default)]
struct Desk {
    /// Code is unpacked into it.
    code: Vec<u8>,
    /// What was found of lines of code.
    lines: SeenLines,
}

/// Answers the tests that the index cannot, for one filter.
pub(super) struct Scans<'a> {
    moment: &'a Moment<'a>,
    store: &'a Store,
    /// Rows of tests on texts that were read over a part of the rows only, by the place of the test in the filter:
    /// the same test elsewhere in the filter is another test.
    read: RefCell<HashMap<*const Test, Arc<RowSet>>>,
}

impl<'a> Scans<'a> {
    /// Makes it for a filter. Tests on texts that stand in a conjunction at the top are read here, over the rows that the rest of it leaves.
    ///
    /// # Errors
    /// As the store.
    pub(super) fn new(moment: &'a Moment<'a>, filter: &Filter) -> Result<Self, StoreError> {
        let store = moment.store;
        let scans = Scans { moment, store, read: RefCell::default() };
        if let Filter::And(parts) = filter {
            let (texts, mut others): (Vec<&Filter>, Vec<&Filter>) =
                parts.iter().partition(|part| text_test(part).is_some());
            for part in texts {
                let Some(test) = text_test(part) else { continue };
                let candidates = {
                    let index = store.index();
                    let query = index.compile_all(&others, &scans)?;
                    index.matching(&query)?
                };
                let rows = scans.read_texts(test, candidates)?;
                scans.read.borrow_mut().insert(std::ptr::from_ref(test), Arc::new(rows));
                others.push(part);
            }
        }
        Ok(scans)
    }

    /// Those of the candidates whose texts pass a test.
    fn read_texts(&self, test: &Test, candidates: RowSet) -> Result<RowSet, StoreError> {
        match test {
            Test::Regex { within, pattern } => {
                let regex = expression(pattern)?;
                let needed = literals::needed(pattern);
                let candidates = self.possible(&needed, *within, candidates)?;
                self.texts(&candidates, &|text, desk| {
                    let in_instruction = *within != Within::Code
                        && text.instruction.is_some_and(|instruction| regex.is_match(instruction));
                    Ok(in_instruction || (*within != Within::Instruction && regex.is_match(text.code(&mut desk.code)?)))
                })
            }
            Test::Near { id, threshold } => {
                let Some(code) = super::alike::code_of_id(self.moment, id)? else {
                    return Ok(RowSet::default());
                };
                let wanted = Shingles::of_code(&code);
                // A set of shingles is never larger than the number of tokens, which the index knows.
                let least = (wanted.len() as f64 * threshold).floor();
                let large = Filter::Test(Test::Range {
                    field: fact("tokens", Kind::Int),
                    range: Range { low: Bound::Included(least), high: Bound::Unbounded },
                });
                let candidates = self.those_of(candidates, &[&large])?;
                let needed = super::alike::needed(&code, *threshold, &|term| self.store.index().codes_with(term))?;
                let candidates = self.possible(&needed, Within::Code, candidates)?;
                let wanted = Wanted::new(wanted, *threshold);
                self.texts(&candidates, &|text, desk| Ok(wanted.is_like(text.code(&mut desk.code)?)))
            }
            Test::Ast { pattern } => {
                // Every name of the pattern stands in the code, so the index can leave most rows out; but for keywords that
                // may be glued to a number (`0xfor 1`).
                let glued = |name: &str| ["and", "else", "for", "if", "in", "is", "not", "or"].contains(&name);
                let named = pattern.names().iter().filter(|name| !glued(name)).map(|name| text::phrase(name));
                let named = named.filter(|terms| !terms.is_empty());
                let named: Vec<Filter> = named
                    .map(|terms| Filter::Test(Test::Phrase { within: Within::Code, terms, prefix: false }))
                    .collect();
                let mut all: Vec<&Filter> = named.iter().collect();
                let valid = Filter::Test(Test::Value { field: fact("valid", Kind::Bool), value: "true".to_owned() });
                all.push(&valid);
                let candidates = self.those_of(candidates, &all)?;
                let plain = self.plain_rows(&candidates)?;
                self.texts(&candidates, &|text, desk| {
                    let code = text.code(&mut desk.code)?;
                    Ok(if plain.contains(text.row) {
                        pattern.is_in_valid(code, &mut desk.lines)
                    } else {
                        pattern.is_in(code)
                    })
                })
            }
            other => Err(StoreError::Inconsistent(format!("no text answers {other:?}"))),
        }
    }

    /// Those of the candidates that the index cannot rule out.
    fn possible(&self, needed: &Condition, within: Within, candidates: RowSet) -> Result<RowSet, StoreError> {
        Ok(match self.store.index().rows_that_may(needed, within, candidates.len())? {
            Some(possible) => candidates.iter().filter(|row| possible.contains(*row)).collect(),
            None => candidates,
        })
    }

    /// Those of the candidates whose code is known to parse in any Python; none where facts are of another version.
    fn plain_rows(&self, candidates: &RowSet) -> Result<RowSet, StoreError> {
        if !self.store.facts_are_of(&analyser_version())? {
            return Ok(RowSet::default());
        }
        let syntax = fact("syntax", Kind::Word);
        let valid = Filter::Test(Test::Value { field: syntax, value: "valid".to_owned() });
        self.those_of(candidates.clone(), &[&valid])
    }

    /// Those of the candidates that pass tests which the index answers.
    fn those_of(&self, candidates: RowSet, tests: &[&Filter]) -> Result<RowSet, StoreError> {
        let index = self.store.index();
        let possible = index.matching(&index.compile_all(tests, self)?)?;
        Ok(candidates.iter().filter(|row| possible.contains(*row)).collect())
    }

    fn texts(
        &self,
        candidates: &RowSet,
        pass: &(dyn Fn(Text<'_>, &mut Desk) -> Result<bool, StoreError> + Sync),
    ) -> Result<RowSet, StoreError> {
        let rows: Vec<u32> = candidates.iter().collect();
        let passed = self.store.each_text(parse::pool(), &rows, pass)?;
        Ok(rows.into_iter().zip(passed).filter_map(|(row, passed)| passed.then_some(row)).collect())
    }

    fn places(&self, field: &Field, pass: &dyn Fn(&str) -> bool) -> Result<RowSet, StoreError> {
        let mut out = RowSet::new(self.store.columns()?.rows());
        self.store.scan_places(&mut |row, key, locator, source| {
            let hit = match field.name.as_str() {
                "key" => pass(key),
                "locator" => pass(locator),
                // An origin is a source and a locator.
                _ => pass(&format!("{source}:{locator}")),
            };
            if hit {
                out.insert(row);
            }
        })?;
        if field.name == "origin" {
            // A survivor has the origins of those that it stands for.
            let survivors = self.store.kin()?.survivors_of(&out);
            survivors.into_iter().for_each(|row| out.insert(row));
        }
        Ok(out)
    }

    fn columns_of_sources(&self, field: &Field, pass: &dyn Fn(&str) -> bool) -> Result<RowSet, StoreError> {
        let mut out = RowSet::new(self.store.columns()?.rows());
        self.store.scan_meta(column_name(field), &mut |row, value| {
            if pass(&meta_text(value)) {
                out.insert(row);
            }
        })?;
        Ok(out)
    }

    fn numbers_of_sources(&self, field: &Field, range: &Range) -> Result<RowSet, StoreError> {
        let mut out = RowSet::new(self.store.columns()?.rows());
        self.store.scan_meta(column_name(field), &mut |row, value| {
            if meta_number(value).is_some_and(|number| range.holds(number)) {
                out.insert(row);
            }
        })?;
        Ok(out)
    }

    fn words(&self, field: &Field, pass: &dyn Fn(&str) -> bool) -> Result<RowSet, StoreError> {
        match field.home {
            Home::Column => Ok(self.store.columns()?.filter_words(&field.name, pass)),
            Home::Scan => self.places(field, pass),
            Home::Meta => self.columns_of_sources(field, pass),
            _ => Err(StoreError::Inconsistent(format!("`{}` has no words to scan", field.name))),
        }
    }
}

impl Lookup for Scans<'_> {
    fn rows(&self, test: &Test) -> Result<Option<Arc<RowSet>>, StoreError> {
        if let Some(rows) = self.read.borrow().get(&std::ptr::from_ref(test)) {
            return Ok(Some(rows.clone()));
        }
        let rows = match test {
            // nothing makes its values yet
            Test::Value { field, .. } | Test::Match { field, .. } | Test::Range { field, .. } | Test::Has { field }
                if field.home == Home::Unfilled =>
            {
                RowSet::default()
            }
            Test::Value { field, value } if field.name == "state" => {
                let state = value.parse().map_err(|_| {
                    StoreError::Inconsistent(format!("a plan asks for the state `{value}`, which is none"))
                })?;
                return Ok(self.store.columns()?.in_state(state));
            }
            Test::Regex { .. } | Test::Near { .. } | Test::Ast { .. } => {
                let all = self.store.columns()?.present();
                self.read_texts(test, all)?
            }
            Test::Id { prefix } => {
                self.store.rows_by_id(prefix, usize::MAX >> 1)?.into_iter().map(|(row, _)| row).collect()
            }
            Test::Value { field, .. } | Test::Match { field, .. } | Test::Range { field, .. } | Test::Has { field }
                if field.home == Home::Kin =>
            {
                super::kin::matching(self.moment.kin()?, field, test)?
            }
            Test::Value { field, value } => self.words(field, &|word| word == value)?,
            Test::Match { field, pattern } => {
                let regex = expression(pattern)?;
                self.words(field, &|word| regex.is_match(word))?
            }
            Test::Range { field, range } if field.name == "rank" => {
                self.store.columns()?.filter_rank(&|rank| range.holds(rank))
            }
            Test::Range { field, range } if field.home == Home::Meta => self.numbers_of_sources(field, range)?,
            Test::Has { field } if field.name == "rank" => self.store.columns()?.filter_rank(&|_| true),
            Test::Has { field } => self.words(field, &|_| true)?,
            other => return Err(StoreError::Inconsistent(format!("no scan answers {other:?}"))),
        };
        Ok(Some(Arc::new(rows)))
    }

    fn sub_query(&self, plan: &Plan) -> Result<Arc<RowSet>, StoreError> {
        super::sub_query(self.moment, plan)
    }

    fn pin(&self, pin: &Pin) -> Result<Arc<RowSet>, StoreError> {
        Ok(Arc::new(self.store.pin_rows(pin.key)?.into_iter().collect()))
    }
}

/// The name of a source's own column, without `meta.`.
fn column_name(field: &Field) -> &str {
    field.name.strip_prefix("meta.").unwrap_or(&field.name)
}

/// A feature of the code.
fn fact(name: &str, kind: Kind) -> Field {
    Field { name: name.to_owned(), kind, home: Home::Fact }
}

/// The test on texts that a part of a conjunction is, plain or negated.
fn text_test(filter: &Filter) -> Option<&Test> {
    match filter {
        Filter::Test(test @ (Test::Regex { .. } | Test::Near { .. } | Test::Ast { .. })) => Some(test),
        Filter::Not(inner) => text_test(inner),
        _ => None,
    }
}
