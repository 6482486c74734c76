//! Choices among all that a filter finds: what `take`, `sample`, `per` and `balance` keep, without a list of the rest.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::moment::Moment;
use super::steps::{balanced, largest_remainder};
use super::{GroupCount, GroupKey, date_of, values_of};
use crate::analyze::features::Kind;
use crate::query::plan::{Amount, Field, Filter, Home, Share, Step};
use crate::sample::{SampleId, seeded_hash};
use crate::store::index::clause::Clause;
use crate::store::index::documents::{Documents, First};
use crate::store::index::rows::RowSet;
use crate::store::index::schema::{days, term_text};
use crate::store::index::search::{Hit, KeySource, number_key};
use crate::store::{Store, StoreError};

/// Rows in order, and what there was of each value where a step asks for so many of each.
pub(super) type Chosen = (Vec<Hit>, Vec<GroupCount>);

/// Runs a step on documents whose order is that of `keys`; `None` where the step needs all rows in order.
pub(super) fn among(
    store: &Store,
    documents: &Documents,
    keys: &[(KeySource, bool)],
    step: &Step,
) -> Result<Option<Chosen>, StoreError> {
    let index = store.index();
    let mut counts = Vec::new();
    let hits = match step {
        Step::Sort(_) | Step::Relevance { .. } | Step::Skip(_) | Step::Dedup { .. } | Step::Split { .. } => {
            return Ok(None);
        }
        Step::Take(count) => return Ok(Some((index.ordered(documents, keys, size(*count))?.hits, counts))),
        Step::Sample { amount, seed, by } => {
            let hash = |id: (u64, u64)| seeded_hash(&SampleId::from_halves(id.0, id.1), *seed);
            match (amount, by) {
                // A share of all 2^64 values of the hash; u128 so that a share of 1 takes all.
                (Amount::Share(share), _) => {
                    index.under(documents, &hash, (share * 18_446_744_073_709_551_616.0) as u128)?
                }
                (Amount::Rows(count), None) => {
                    index.chosen(documents, &First::Least(&hash), None, &|_| size(*count))?
                }
                (Amount::Rows(count), Some(field)) => {
                    let groups = Groups::of(store, field)?;
                    let sizes = index.sizes(documents, &groups.source)?;
                    let of_each: Vec<usize> = sizes.values().map(|each| size(*each)).collect();
                    let shares = largest_remainder(&of_each, size(*count));
                    let shares: BTreeMap<u64, usize> = sizes.into_keys().zip(shares).collect();
                    let limit = |key| shares.get(&key).copied().unwrap_or(0);
                    index.chosen(documents, &First::Least(&hash), Some(&groups.source), &limit)?
                }
            }
        }
        Step::Per { field, count } => {
            let groups = Groups::of(store, field)?;
            index.chosen(documents, &First::Keys(keys), Some(&groups.source), &|_| size(*count))?
        }
        Step::Balance { field, shares, to } => {
            let balance = Balance::of(store, documents, field, shares, *to)?;
            counts = balance.counts(shares);
            let limit = |key| balance.limit(key);
            index.chosen(documents, &First::Keys(keys), Some(&balance.groups.source), &limit)?
        }
    };
    let hits = if keys.is_empty() {
        let mut hits = hits;
        hits.sort_unstable_by_key(|hit| hit.id);
        hits
    } else {
        let rows: RowSet = hits.iter().map(|hit| hit.row).collect();
        index.select(&Clause::Rows(Arc::new(rows)), keys, usize::MAX)?.hits
    };
    Ok(Some((hits, counts)))
}

/// How many rows steps leave of those that pass a filter now, where it can be told without choosing them.
pub(super) fn total(moment: &Moment<'_>, filter: &Filter, steps: &[Step]) -> Result<Option<u64>, StoreError> {
    let of_groups = matches!(steps, [Step::Per { .. } | Step::Balance { .. }, ..]);
    let later = if of_groups { &steps[1..] } else { steps };
    if left(later, 0).is_none() {
        return Ok(None);
    }
    let documents = super::documents(moment, filter)?;
    let found = if of_groups { size_of_choice(moment.store, &documents, &steps[0])? } else { Some(documents.len()) };
    Ok(found.and_then(|found| left(later, found)))
}

/// How many rows a choice by groups leaves; `None` where the step is another.
fn size_of_choice(store: &Store, documents: &Documents, step: &Step) -> Result<Option<u64>, StoreError> {
    let index = store.index();
    Ok(match step {
        Step::Per { field, count } => {
            let sizes = index.sizes(documents, &Groups::of(store, field)?.source)?;
            Some(sizes.values().map(|size| size.min(count)).sum())
        }
        Step::Balance { field, shares, to } => {
            let counts = Balance::of(store, documents, field, shares, *to)?.counts(shares);
            Some(counts.iter().map(|group| group.got).sum())
        }
        _ => None,
    })
}

/// What `balance` asks of each value.
struct Balance {
    groups: Groups,
    /// The group of each share; none where no row can have its value, or an earlier share names it.
    keys: Vec<Option<u64>>,
    asked: Vec<u64>,
    sizes: Vec<u64>,
}

impl Balance {
    fn of(
        store: &Store,
        documents: &Documents,
        field: &Field,
        shares: &[Share],
        to: Option<u64>,
    ) -> Result<Balance, StoreError> {
        let groups = Groups::of(store, field)?;
        let mut keys: Vec<Option<u64>> = Vec::with_capacity(shares.len());
        for share in shares {
            let key = groups.key(share).filter(|key| !keys.contains(&Some(*key)));
            keys.push(key);
        }
        let found = store.index().sizes(documents, &groups.source)?;
        let sizes: Vec<u64> =
            keys.iter().map(|key| key.and_then(|key| found.get(&key).copied()).unwrap_or(0)).collect();
        let weights: Vec<f64> = shares.iter().map(|share| share.share).collect();
        let asked = balanced(&weights, &sizes, to);
        Ok(Balance { groups, keys, asked, sizes })
    }

    fn counts(&self, shares: &[Share]) -> Vec<GroupCount> {
        let of_share = shares.iter().zip(&self.asked).zip(&self.sizes);
        of_share
            .map(|((share, asked), size)| GroupCount {
                value: share.value.clone(),
                asked: *asked,
                got: *asked.min(size),
            })
            .collect()
    }

    /// How many rows of a group are kept.
    fn limit(&self, key: u64) -> usize {
        self.keys.iter().position(|of| *of == Some(key)).map_or(0, |at| size(self.asked[at]))
    }
}

/// How many rows steps leave of so many, where that depends on nothing else.
fn left(steps: &[Step], rows: u64) -> Option<u64> {
    steps.iter().try_fold(rows, |rows, step| match step {
        Step::Sort(_) | Step::Relevance { .. } => Some(rows),
        Step::Take(count) | Step::Sample { amount: Amount::Rows(count), .. } => Some(rows.min(*count)),
        Step::Skip(count) => Some(rows.saturating_sub(*count)),
        Step::Sample { amount: Amount::Share(_), .. }
        | Step::Per { .. }
        | Step::Balance { .. }
        | Step::Dedup { .. }
        | Step::Split { .. } => None,
    })
}

fn size(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// How rows are put in groups by a field: the keys of the groups, and what they mean.
struct Groups {
    source: KeySource,
    values: Values,
}

/// What the keys of groups mean.
enum Values {
    /// A number.
    Numbers { whole: bool },
    /// A day.
    Days,
    /// The place in this list.
    Listed(Vec<GroupKey>),
}

impl Groups {
    /// Groups come in the order of their values.
    fn of(store: &Store, field: &Field) -> Result<Groups, StoreError> {
        let number = |values| Groups { source: KeySource::Number(field.name.clone()), values };
        Ok(match (field.home, field.kind) {
            (Home::Fact | Home::Row, Kind::Int) => number(Values::Numbers { whole: true }),
            (Home::Fact | Home::Row, Kind::Real) => number(Values::Numbers { whole: false }),
            (Home::Fact | Home::Row, Kind::Date) => number(Values::Days),
            (Home::Fact | Home::Row, _) => {
                let words = store.index().dictionary(&term_text(&field.name, ""))?;
                let words = words.into_iter().map(|(word, _)| GroupKey::Word(word)).collect();
                let source = KeySource::Word { field: field.name.clone(), order: Vec::new() };
                Groups { source, values: Values::Listed(words) }
            }
            (Home::Column, _) => {
                let (ranks, words) = store.columns()?.numbered(&field.name);
                let word = |word: String| match field.kind {
                    Kind::Int => GroupKey::number(word.parse().unwrap_or(0.0)),
                    _ => GroupKey::Word(word),
                };
                let values = Values::Listed(words.into_iter().map(word).collect());
                Groups { source: KeySource::ByRow(Arc::new(ranks)), values }
            }
            // Nothing fills them yet: one group of null.
            (Home::Unfilled | Home::Relevance, _) => {
                Groups { source: KeySource::ByRow(Arc::default()), values: Values::Listed(Vec::new()) }
            }
            (Home::Meta | Home::Scan | Home::Kin | Home::Text | Home::Id, _) => {
                let (ranks, values) = scanned(store, field)?;
                Groups { source: KeySource::ByRow(Arc::new(ranks)), values: Values::Listed(values) }
            }
        })
    }

    /// The group that the value of a share names.
    fn key(&self, share: &Share) -> Option<u64> {
        match &self.values {
            Values::Numbers { whole } => {
                let number: f64 = share.value.parse().ok()?;
                (!whole || number.fract() == 0.0).then(|| number_key(number, *whole))
            }
            Values::Days => {
                let day = days(&share.value).filter(|day| date_of(*day) == share.value)?;
                Some(number_key(day as f64, true))
            }
            Values::Listed(values) => {
                let names = |value: &GroupKey| match value {
                    GroupKey::Word(word) => *word == share.value,
                    GroupKey::Number(_, bits) => share.value.parse() == Ok(f64::from_bits(*bits)),
                    GroupKey::Null => false,
                };
                values.iter().position(names).map(|at| at as u64)
            }
        }
    }
}

/// The values that rows have first in a field that is found by reading the database: of each row its place among them
/// (`u32::MAX`: none), and the values in order.
pub(super) fn scanned(store: &Store, field: &Field) -> Result<(Vec<u32>, Vec<GroupKey>), StoreError> {
    let columns = store.columns()?;
    let values = values_of(store, field, &columns.present())?;
    let mut firsts: Vec<&GroupKey> = values.values().filter_map(|found| found.first()).collect();
    firsts.sort_unstable();
    firsts.dedup();
    let mut ranks = vec![u32::MAX; columns.rows()];
    for (row, found) in &values {
        if let (Some(slot), Some(value)) = (ranks.get_mut(*row as usize), found.first()) {
            *slot = firsts.partition_point(|other| *other < value) as u32;
        }
    }
    Ok((ranks, firsts.into_iter().cloned().collect()))
}
