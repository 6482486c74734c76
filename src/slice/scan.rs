//! Tests that have no terms in the index: columns, ids, places, and regular expressions over the texts.
//!
//! A regular expression reads only the rows that the rest of its conjunction leaves.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use rayon::prelude::*;

use crate::query::plan::{Field, Filter, Home, Plan, Test, Within};
use crate::store::index::rows::RowSet;
use crate::store::index::schema::meta_text;
use crate::store::index::search::{Lookup, expression};
use crate::store::{Store, StoreError};

/// Rows that are read at once for a scan of their texts.
const BATCH: usize = 512;

/// Answers the tests that the index cannot, for one filter.
pub struct Scans<'a> {
    store: &'a Store,
    /// Rows of regular expressions that were read over a part of the rows only, by the place of the test in the filter:
    /// the same expression elsewhere in the filter is another test.
    read: RefCell<HashMap<*const Test, Arc<RowSet>>>,
}

impl<'a> Scans<'a> {
    /// Makes it for a filter. Regular expressions that stand in a conjunction at the top are read here, over the rows that the rest of it leaves.
    ///
    /// # Errors
    /// As the store.
    pub fn new(store: &'a Store, filter: &Filter) -> Result<Self, StoreError> {
        let scans = Scans { store, read: RefCell::default() };
        if let Filter::And(parts) = filter {
            let (texts, mut others): (Vec<&Filter>, Vec<&Filter>) =
                parts.iter().partition(|part| text_test(part).is_some());
            for part in texts {
                let Some(Test::Regex { within, pattern }) = text_test(part) else { continue };
                let candidates = {
                    let index = store.index();
                    let query = index.compile_all(&others, &scans)?;
                    index.matching(query.as_ref())?
                };
                let rows = scans.regex(*within, pattern, &candidates)?;
                if let Some(test) = text_test(part) {
                    scans.read.borrow_mut().insert(std::ptr::from_ref(test), Arc::new(rows));
                }
                others.push(part);
            }
        }
        Ok(scans)
    }

    fn regex(&self, within: Within, pattern: &str, candidates: &RowSet) -> Result<RowSet, StoreError> {
        let regex = expression(pattern)?;
        let rows: Vec<u32> = candidates.iter().collect();
        let mut out = RowSet::new(self.store.columns()?.rows());
        for batch in rows.chunks(BATCH) {
            let texts = self.store.packed_texts(batch)?;
            let found: Vec<Result<Option<u32>, StoreError>> = texts
                .par_iter()
                .map(|text| {
                    let in_instruction = within != Within::Code
                        && text.instruction.as_deref().is_some_and(|instruction| regex.is_match(instruction));
                    let hit = in_instruction || (within != Within::Instruction && regex.is_match(&text.code()?));
                    Ok(hit.then_some(text.row))
                })
                .collect();
            for row in found {
                if let Some(row) = row? {
                    out.insert(row);
                }
            }
        }
        Ok(out)
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
        Ok(out)
    }

    fn columns_of_sources(&self, field: &Field, pass: &dyn Fn(&str) -> bool) -> Result<RowSet, StoreError> {
        let mut out = RowSet::new(self.store.columns()?.rows());
        self.store.scan_meta(field.name.strip_prefix("meta.").unwrap_or(&field.name), &mut |row, value| {
            if pass(&meta_text(value)) {
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
            Test::Value { field, value } if field.name == "state" => {
                let columns = self.store.columns()?;
                if value.parse().is_ok_and(|state| columns.all_in_state(state)) {
                    return Ok(None);
                }
                columns.filter_words("state", &|word| word == value)
            }
            Test::Regex { within, pattern } => {
                let all = self.store.columns()?.present();
                self.regex(*within, pattern, &all)?
            }
            Test::Id { prefix } => {
                self.store.rows_by_id(prefix, usize::MAX >> 1)?.into_iter().map(|(row, _)| row).collect()
            }
            Test::Value { field, value } => self.words(field, &|word| word == value)?,
            Test::Match { field, pattern } => {
                let regex = expression(pattern)?;
                self.words(field, &|word| regex.is_match(word))?
            }
            Test::Range { field, range } if field.name == "rank" => {
                self.store.columns()?.filter_rank(&|rank| range.holds(rank))
            }
            Test::Has { field } if field.name == "rank" => self.store.columns()?.filter_rank(&|_| true),
            Test::Has { field } => self.words(field, &|_| true)?,
            other => return Err(StoreError::Inconsistent(format!("no scan answers {other:?}"))),
        };
        Ok(Some(Arc::new(rows)))
    }

    fn sub_query(&self, plan: &Plan) -> Result<Arc<RowSet>, StoreError> {
        let slice = super::select(self.store, plan, usize::MAX)?;
        Ok(Arc::new(slice.rows.into_iter().map(|(row, _)| row).collect()))
    }
}

/// The test on texts that a part of a conjunction is, plain or negated.
fn text_test(filter: &Filter) -> Option<&Test> {
    match filter {
        Filter::Test(test @ Test::Regex { .. }) => Some(test),
        Filter::Not(inner) => text_test(inner),
        _ => None,
    }
}
