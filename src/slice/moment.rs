//! What a plan is asked of: the store as it is, or as it was after an op.
//!
//! Of the past the index answers for the samples that no later op touched; each of the others is read as it was and judged
//! by itself.

use std::cell::{OnceCell, RefCell};
use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap};

use super::judge::{Judge, values_of_sample};
use super::{GroupKey, Seen, sort_keys};
use crate::query::plan::{Field, Filter, SortKey};
use crate::sample::{Sample, SampleId, Side};
use crate::store::index::clause::Clause;
use crate::store::index::rows::RowSet;
use crate::store::index::search::{Hit, KeySource};
use crate::store::{Kin, Past, Placed, Store, StoreError};

/// A moment of a store.
pub(super) struct Moment<'a> {
    pub(super) store: &'a Store,
    /// None: now.
    pub(super) past: Option<Past<'a>>,
    /// The sides that a stage gave, for the stages after it.
    pub(super) sides: RefCell<Option<BTreeMap<u32, Side>>>,
    /// Who was like whom, read at first use.
    kin: OnceCell<Kin>,
}

impl<'a> Moment<'a> {
    /// Now.
    pub(super) fn now(store: &'a Store) -> Self {
        Moment { store, past: None, sides: RefCell::default(), kin: OnceCell::new() }
    }

    /// After an op; now where none is named, or it is the newest.
    pub(super) fn of(store: &'a Store, at: Option<i64>) -> Result<Self, StoreError> {
        let Some(op) = at else { return Ok(Moment::now(store)) };
        let looks_back = store.newest_op()?.is_some_and(|(newest, _)| op < newest);
        let past = if looks_back { Some(store.past(op)?) } else { None };
        Ok(Moment { store, past, sides: RefCell::default(), kin: OnceCell::new() })
    }

    /// The op after which it is; none where it is now.
    pub(super) fn op(&self) -> Option<i64> {
        self.past.as_ref().map(Past::op)
    }

    /// Samples of then whose content has been forgotten since.
    pub(super) fn forgotten(&self) -> Vec<SampleId> {
        self.past.as_ref().map(|past| past.forgotten().to_vec()).unwrap_or_default()
    }

    /// Whether a later op added or changed a row.
    pub(super) fn touched(&self, row: u32) -> bool {
        self.past.as_ref().is_some_and(|past| past.touched().contains(row))
    }

    /// Of these rows those that are as they are now, and the others.
    pub(super) fn parts(&self, rows: &RowSet) -> (RowSet, Vec<u32>) {
        let (others, same): (Vec<u32>, Vec<u32>) = rows.iter().partition(|row| self.touched(*row));
        (same.into_iter().collect(), others)
    }

    /// A sample; `None` where it was not there.
    pub(super) fn sample(&self, row: u32) -> Result<Option<Sample>, StoreError> {
        match &self.past {
            Some(past) if self.touched(row) => past.sample(row),
            _ => self.store.sample(row).map(Some),
        }
    }

    /// Where a sample is and what it is told apart by, without its texts.
    pub(super) fn placed(&self, row: u32) -> Result<Placed, StoreError> {
        if !self.touched(row) {
            return self.store.placed(row);
        }
        let gone = || StoreError::Inconsistent(format!("row {row} was selected and is not there"));
        let Sample { id, source, key, locator, content, family, .. } = self.sample(row)?.ok_or_else(gone)?;
        Ok(Placed { id, source, key, locator, content, family })
    }

    /// Who is like whom.
    pub(super) fn kin(&self) -> Result<&Kin, StoreError> {
        let Some(op) = self.op() else { return self.store.kin() };
        if let Some(kin) = self.kin.get() {
            return Ok(kin);
        }
        let kin = self.store.kin_at(Some(op))?.into_owned();
        Ok(self.kin.get_or_init(|| kin))
    }

    /// The store's own side of a sample.
    pub(super) fn side(&self, row: u32) -> Result<Option<Side>, StoreError> {
        if self.touched(row) {
            return Ok(self.sample(row)?.and_then(|sample| sample.split));
        }
        Ok(self.store.columns()?.words("split", row).first().and_then(|side| side.parse().ok()))
    }

    /// The rows that pass a filter.
    pub(super) fn matching(&self, filter: &Filter) -> Result<RowSet, StoreError> {
        if self.past.is_none() {
            return super::documents(self, filter)?.rows();
        }
        Ok(self.matches(filter)?.into_iter().map(|hit| hit.row).collect())
    }

    /// The rows that pass a filter, by id.
    pub(super) fn matches(&self, filter: &Filter) -> Result<Vec<Hit>, StoreError> {
        let index = self.store.index();
        let found = super::documents(self, filter)?.rows()?;
        let (same, _) = self.parts(&found);
        let mut hits = index.select(&Clause::Rows(same.into()), &[], usize::MAX)?.hits;
        if let Some(past) = &self.past {
            let judge = Judge::new(self, filter)?;
            for row in past.touched().iter() {
                if let Some(sample) = past.sample(row)?
                    && judge.passes(&sample)
                {
                    hits.push(Hit { id: sample.id.halves(), row });
                }
            }
            hits.sort_unstable_by_key(|hit| hit.id);
        }
        Ok(hits)
    }

    /// Hands (row, value) to `take` for each value that one of these rows, read as it was, has in a field.
    pub(super) fn values_read(
        &self,
        field: &Field,
        rows: &[u32],
        take: &mut dyn FnMut(u32, Seen<'_>),
    ) -> Result<(), StoreError> {
        for row in rows {
            if let Some(sample) = self.sample(*row)? {
                values_of_sample(&sample, field, &mut |value| take(*row, value));
            }
        }
        Ok(())
    }

    /// Orders rows by the keys, then by id, as the index does for now.
    pub(super) fn sort(&self, keys: &[SortKey], mut hits: Vec<Hit>) -> Result<Vec<Hit>, StoreError> {
        let rows: RowSet = hits.iter().map(|hit| hit.row).collect();
        let mut columns = Vec::with_capacity(keys.len());
        for (key, (source, _)) in keys.iter().zip(sort_keys(self, keys)?) {
            let order = match source {
                KeySource::Word { order, .. } => order,
                _ => super::column_order(&key.field.name),
            };
            let mut values: HashMap<u32, Place> = HashMap::new();
            super::each_value(self, &key.field, &rows, &mut |row, value| {
                values.entry(row).or_insert_with(|| Place::new(&order, value.key()));
            })?;
            columns.push((values, key.descending));
        }
        hits.sort_by(|a, b| {
            let by = |(values, descending): &(HashMap<u32, Place>, bool)| match (values.get(&a.row), values.get(&b.row))
            {
                (Some(a), Some(b)) => {
                    if *descending {
                        b.cmp(a)
                    } else {
                        a.cmp(b)
                    }
                }
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => Ordering::Equal,
            };
            columns.iter().map(by).find(|order| order.is_ne()).unwrap_or_else(|| a.id.cmp(&b.id))
        });
        Ok(hits)
    }
}

/// The place of a value in an order: words that it lists as it has them, then the others by what they are.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Place(usize, GroupKey);

impl Place {
    fn new(order: &[String], key: GroupKey) -> Place {
        let listed = match &key {
            GroupKey::Word(word) => order.iter().position(|each| each == word),
            _ => None,
        };
        Place(listed.unwrap_or(order.len()), key)
    }
}
