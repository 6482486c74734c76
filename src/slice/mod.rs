//! Plans become rows: the filter is answered by the index and the columns, the steps run over what it found.
//!
//! Every order is total: without a sort it is by id, and id breaks ties. A sample is chosen by hash(id, seed), so the
//! same rows are chosen on every machine and stay chosen while the store grows.

mod alike;
mod scan;
mod steps;
pub mod vocabulary;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::query::plan::{Field, Filter, Home, Plan, SortKey, Step, Test};
use crate::sample::{Sample, SampleId};
use crate::store::index::rows::RowSet;
use crate::store::index::search::{Hit, KeySource, Value as Found, indexed, sortable};
use crate::store::{Store, StoreError};

pub use steps::sample_hash;

/// The rows that a query selects, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Slice {
    /// How many rows it has.
    pub total: u64,
    /// The first of them, as many as were asked for: (row, id).
    pub rows: Vec<(u32, SampleId)>,
    /// What each step asked for and got, in order: for reports.
    pub steps: Vec<StepCount>,
}

impl Slice {
    /// One sentence for each value of which a stage got fewer rows than it asked for.
    pub fn shortfalls(&self) -> impl Iterator<Item = String> {
        self.steps.iter().flat_map(|step| {
            step.groups.iter().filter(|group| group.got < group.asked).map(|group| {
                format!("`{}` found {} of {} rows with `{}`", step.step, group.got, group.asked, group.value)
            })
        })
    }
}

/// What a step came to.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct StepCount {
    /// The step, as the language writes it.
    pub step: String,
    /// Rows that came in.
    pub rows_in: u64,
    /// Rows that went out.
    pub rows_out: u64,
    /// Of a stage that asks for so many rows of each value: what was asked for and what there was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupCount>,
}

/// What a stage asked for of a value, and what it got.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct GroupCount {
    /// The value.
    pub value: String,
    /// Rows that were asked for.
    pub asked: u64,
    /// Rows that there were, never more than asked.
    pub got: u64,
}

impl StepCount {
    fn new(step: &Step, rows_in: u64, rows_out: u64) -> Self {
        StepCount { step: step.to_string(), rows_in, rows_out, groups: Vec::new() }
    }
}

/// Evaluates a plan; `limit` bounds the rows that are returned, never the total.
///
/// # Errors
/// As the store.
pub fn select(store: &Store, plan: &Plan, limit: usize) -> Result<Slice, StoreError> {
    let scans = scan::Scans::new(store, &plan.filter)?;
    let index = store.index();
    let query = index.compile(&plan.filter, &scans)?;
    // A sort directly after the filter, and everything before the first other step, need no list of all rows.
    let (keys, rest) = match plan.steps.split_first() {
        Some((Step::Sort(keys), rest)) => (sort_keys(store, keys)?, rest),
        _ => (Vec::new(), plan.steps.as_slice()),
    };
    let mut counts = Vec::new();
    let wanted = match rest {
        [] => Some(limit),
        [Step::Take(take)] => Some(limit.min(usize::try_from(*take).unwrap_or(usize::MAX))),
        _ => None,
    };
    let selected = index.select(query.as_ref(), &keys, wanted.unwrap_or(usize::MAX))?;
    if rest.len() < plan.steps.len() {
        counts.push(StepCount::new(&plan.steps[0], selected.total, selected.total));
    }
    if wanted.is_some() {
        let mut total = selected.total;
        if let [Step::Take(take)] = rest {
            let out = total.min(*take);
            counts.push(StepCount::new(&rest[0], total, out));
            total = out;
        }
        return Ok(Slice { total, rows: named(selected.hits), steps: counts });
    }
    let mut hits = selected.hits;
    for step in rest {
        let rows_in = hits.len() as u64;
        let groups;
        (hits, groups) = steps::run(store, step, hits)?;
        counts.push(StepCount { groups, ..StepCount::new(step, rows_in, hits.len() as u64) });
    }
    let total = hits.len() as u64;
    hits.truncate(limit);
    Ok(Slice { total, rows: named(hits), steps: counts })
}

/// Counts the rows of a plan.
///
/// # Errors
/// As the store.
pub fn count(store: &Store, plan: &Plan) -> Result<u64, StoreError> {
    if plan.steps.iter().all(|step| matches!(step, Step::Sort(_))) {
        let scans = scan::Scans::new(store, &plan.filter)?;
        let index = store.index();
        let query = index.compile(&plan.filter, &scans)?;
        return index.count(query.as_ref());
    }
    Ok(select(store, plan, 0)?.total)
}

/// The rows that pass a filter.
///
/// # Errors
/// As the store.
pub fn matching(store: &Store, filter: &Filter) -> Result<RowSet, StoreError> {
    let scans = scan::Scans::new(store, filter)?;
    let index = store.index();
    let query = index.compile(filter, &scans)?;
    index.matching(query.as_ref())
}

/// The query that the index gets for a plan's filter, for `explain`.
///
/// # Errors
/// As the store.
pub fn index_query(store: &Store, plan: &Plan) -> Result<String, StoreError> {
    let scans = scan::Scans::new(store, &plan.filter)?;
    Ok(format!("{:?}", store.index().compile(&plan.filter, &scans)?))
}

/// What answers a filter: the index by itself, or something beside it.
pub fn answered_by(filter: &Filter) -> &'static str {
    match filter {
        Filter::All => "every row",
        Filter::And(parts) | Filter::Or(parts) => {
            let answers: BTreeSet<&str> = parts.iter().map(answered_by).collect();
            match answers.len() {
                0 => "nothing",
                1 => answers.first().copied().unwrap_or("nothing"),
                _ => "index and others",
            }
        }
        Filter::Not(inner) => answered_by(inner),
        Filter::Rows(_) => "sub-query",
        Filter::Test(test) if indexed(test) => "index",
        Filter::Test(Test::Regex { .. } | Test::Near { .. }) => "reading the texts",
        Filter::Test(Test::Ast { .. }) => "index for its names, then reading the texts",
        Filter::Test(Test::Id { .. }) => "ids in SQLite",
        Filter::Test(
            Test::Value { field, .. } | Test::Match { field, .. } | Test::Range { field, .. } | Test::Has { field },
        ) if field.home == Home::Column => "columns",
        Filter::Test(_) => "scan of SQLite",
    }
}

/// A group of [`count_by`].
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Group {
    /// The value of each field: a word, a number, or null.
    pub key: Map<String, Value>,
    /// Rows in it.
    pub count: u64,
}

/// Counts the rows of a plan by fields: total, and groups from the largest to the smallest (ties by key). A set-valued
/// field puts a row into a group per name, so groups may add up to more than the total.
///
/// # Errors
/// As the store.
pub fn count_by(store: &Store, plan: &Plan, fields: &[Field]) -> Result<(u64, Vec<Group>), StoreError> {
    let rows: RowSet = if plan.steps.iter().all(|step| matches!(step, Step::Sort(_))) {
        matching(store, &plan.filter)?
    } else {
        select(store, plan, usize::MAX)?.rows.into_iter().map(|(row, _)| row).collect()
    };
    let columns = fields.iter().map(|field| Valued::of(store, field, &rows)).collect::<Result<Vec<_>, _>>()?;
    let mut cursors = vec![0; columns.len()];
    let mut groups: HashMap<Vec<u32>, u64> = HashMap::new();
    let mut key = vec![0; columns.len()];
    for row in rows.iter() {
        let found: Vec<&[(u32, u32)]> =
            columns.iter().zip(&mut cursors).map(|(column, cursor)| column.next(row, cursor)).collect();
        // Every combination of a value of each field.
        let mut places = vec![0; columns.len()];
        loop {
            for (slot, (values, place)) in key.iter_mut().zip(found.iter().zip(&places)) {
                *slot = values.get(*place).map_or(NO_VALUE, |(_, value)| *value);
            }
            match groups.get_mut(&key) {
                Some(count) => *count += 1,
                None => drop(groups.insert(key.clone(), 1)),
            }
            let Some(turned) = (0..places.len()).rev().find(|at| places[*at] + 1 < found[*at].len()) else { break };
            places[turned] += 1;
            places[turned + 1..].fill(0);
        }
    }
    let named = |key: Vec<u32>| -> Vec<GroupKey> {
        let name =
            |(value, column): (u32, &Valued)| column.known.get(value as usize).cloned().unwrap_or(GroupKey::Null);
        key.into_iter().zip(&columns).map(name).collect()
    };
    let mut out: Vec<(Vec<GroupKey>, u64)> = groups.into_iter().map(|(key, count)| (named(key), count)).collect();
    out.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let groups = out
        .into_iter()
        .map(|(key, count)| Group {
            key: fields.iter().zip(key).map(|(field, value)| (field.name.clone(), value.json())).collect(),
            count,
        })
        .collect();
    Ok((rows.len() as u64, groups))
}

/// The number that stands for no value in [`count_by`].
const NO_VALUE: u32 = u32::MAX;

/// The values of a field: each once, and by number with the rows that have them.
struct Valued {
    known: Vec<GroupKey>,
    /// (row, number of the value), ascending.
    of: Vec<(u32, u32)>,
}

impl Valued {
    fn of(store: &Store, field: &Field, rows: &RowSet) -> Result<Valued, StoreError> {
        let mut numbers: HashMap<GroupKey, u32> = HashMap::new();
        let mut of = Vec::with_capacity(rows.len());
        // Values come one after the other for all the rows that have them, or row by row.
        let mut last: Option<(GroupKey, u32)> = None;
        each_value(store, field, rows, &mut |row, value| {
            let number = match &last {
                Some((known, number)) if value.is(known) => *number,
                _ => {
                    let key = value.key();
                    let next = numbers.len() as u32;
                    let number = *numbers.entry(key.clone()).or_insert(next);
                    last = Some((key, number));
                    number
                }
            };
            of.push((row, number));
        })?;
        of.sort_unstable();
        let mut known = vec![GroupKey::Null; numbers.len()];
        for (key, number) in numbers {
            known[number as usize] = key;
        }
        Ok(Valued { known, of })
    }

    /// The values of a row; rows are asked for in ascending order, each once.
    fn next(&self, row: u32, cursor: &mut usize) -> &[(u32, u32)] {
        let rest = &self.of[*cursor..];
        let before = rest.iter().take_while(|(of, _)| *of < row).count();
        let mine = rest[before..].iter().take_while(|(of, _)| *of == row).count();
        *cursor += before + mine;
        &rest[before..before + mine]
    }
}

/// A value as it is found.
#[derive(Clone, Copy)]
enum Seen<'a> {
    Number(f64),
    Word(&'a str),
}

impl Seen<'_> {
    fn key(self) -> GroupKey {
        match self {
            Seen::Number(number) => GroupKey::number(number),
            Seen::Word(word) => GroupKey::Word(word.to_owned()),
        }
    }

    fn is(self, key: &GroupKey) -> bool {
        match (self, key) {
            (Seen::Number(number), GroupKey::Number(_, bits)) => number.to_bits() == *bits,
            (Seen::Word(word), GroupKey::Word(known)) => word == known,
            _ => false,
        }
    }
}

/// A value that rows are grouped by; numbers before words, null last.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum GroupKey {
    /// A number, as sortable bits and as it was.
    Number(u64, u64),
    /// A word or name.
    Word(String),
    /// Nothing.
    Null,
}

impl GroupKey {
    /// A number.
    pub fn number(value: f64) -> GroupKey {
        GroupKey::Number(sortable(value), value.to_bits())
    }

    /// The value as JSON.
    pub fn json(&self) -> Value {
        match self {
            GroupKey::Number(_, bits) => {
                let value = f64::from_bits(*bits);
                if value.fract() == 0.0 && value.abs() < 9e15 { Value::from(value as i64) } else { Value::from(value) }
            }
            GroupKey::Word(word) => Value::from(word.as_str()),
            GroupKey::Null => Value::Null,
        }
    }
}

/// The values that rows have in a field; rows without one are missing.
///
/// # Errors
/// As the store; [`StoreError::Unknown`] for a text, which has no values to count.
pub fn values_of(store: &Store, field: &Field, rows: &RowSet) -> Result<BTreeMap<u32, Vec<GroupKey>>, StoreError> {
    let mut out: BTreeMap<u32, Vec<GroupKey>> = BTreeMap::new();
    each_value(store, field, rows, &mut |row, value| out.entry(row).or_default().push(value.key()))?;
    Ok(out)
}

/// Hands (row, value) to `take`, once for each value that one of these rows has in a field.
fn each_value(
    store: &Store,
    field: &Field,
    rows: &RowSet,
    take: &mut dyn FnMut(u32, Seen<'_>),
) -> Result<(), StoreError> {
    match field.home {
        Home::Fact | Home::Row => store.index().values(&field.name, rows, &mut |row, value| match value {
            Found::Number(number) if field.kind == crate::analyze::features::Kind::Date => {
                take(row, Seen::Word(&date_of(number as i64)));
            }
            Found::Number(number) => take(row, Seen::Number(number)),
            Found::Word(word) => take(row, Seen::Word(word)),
        })?,
        Home::Column => {
            let columns = store.columns()?;
            for row in rows.iter() {
                if field.name == "rank" {
                    columns.rank(row).into_iter().for_each(|rank| take(row, Seen::Number(f64::from(rank))));
                } else {
                    columns.words(&field.name, row).into_iter().for_each(|word| take(row, Seen::Word(word)));
                }
            }
        }
        Home::Meta => {
            let name = field.name.strip_prefix("meta.").unwrap_or(&field.name);
            store.scan_meta(name, &mut |row, value| {
                if !rows.contains(row) {
                    return;
                }
                match value.as_f64() {
                    Some(number) => take(row, Seen::Number(number)),
                    None => take(row, Seen::Word(&crate::store::index::schema::meta_text(value))),
                }
            })?;
        }
        Home::Scan => store.scan_places(&mut |row, key, locator, source| {
            if rows.contains(row) {
                match field.name.as_str() {
                    "key" => take(row, Seen::Word(key)),
                    "locator" => take(row, Seen::Word(locator)),
                    _ => take(row, Seen::Word(&format!("{source}:{locator}"))),
                }
            }
        })?,
        Home::Id => {
            // an id begins with one of sixteen digits
            for digit in "0123456789abcdef".chars() {
                for (row, id) in store.rows_by_id(&digit.to_string(), usize::MAX >> 1)? {
                    if rows.contains(row) {
                        take(row, Seen::Word(&id.to_string()));
                    }
                }
            }
        }
        Home::Text => {
            return Err(StoreError::Unknown(format!("`{}` is a text: there are no values to count by", field.name)));
        }
    }
    Ok(())
}

/// A day as `YYYY-MM-DD`, of days since 1970-01-01.
pub fn date_of(days: i64) -> String {
    // Howard Hinnant, "chrono-compatible low-level date algorithms": civil_from_days.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

/// The samples of a slice, read in order, a batch at a time.
pub fn samples<'a>(store: &'a Store, slice: &'a Slice) -> impl Iterator<Item = Result<Sample, StoreError>> + 'a {
    slice.rows.iter().map(|(row, _)| store.sample(*row))
}

fn named(hits: Vec<Hit>) -> Vec<(u32, SampleId)> {
    hits.into_iter().map(|hit| (hit.row, SampleId::from_halves(hit.id.0, hit.id.1))).collect()
}

/// Where the index gets the keys of a sort.
fn sort_keys(store: &Store, keys: &[SortKey]) -> Result<Vec<(KeySource, bool)>, StoreError> {
    use crate::analyze::features::Kind;
    keys.iter()
        .map(|key| {
            let field = &key.field;
            let source = match (field.home, field.kind) {
                (Home::Id, _) => KeySource::Id,
                (Home::Column, _) => KeySource::ByRow(Arc::new(store.columns()?.ranks(&field.name))),
                (Home::Fact | Home::Row, Kind::Int | Kind::Real | Kind::Date) => KeySource::Number(field.name.clone()),
                (Home::Fact | Home::Row, Kind::Enum { words, .. }) => KeySource::Word {
                    field: field.name.clone(),
                    order: words.iter().map(|word| (*word).to_owned()).collect(),
                },
                (Home::Fact | Home::Row, Kind::Bool) => {
                    KeySource::Word { field: field.name.clone(), order: vec!["false".into(), "true".into()] }
                }
                (Home::Row, _) if field.name == "level" => {
                    KeySource::Word { field: field.name.clone(), order: level_order(store)? }
                }
                (Home::Fact | Home::Row, _) => KeySource::Word { field: field.name.clone(), order: Vec::new() },
                (Home::Meta | Home::Scan | Home::Text, _) => KeySource::ByRow(Arc::new(scanned_ranks(store, field)?)),
            };
            Ok((source, key.descending))
        })
        .collect()
}

/// All level words of the store's sources, from low to high: by the place that a word has in the scales that hold it
/// (the mean of its relative places), then by text.
pub fn level_order(store: &Store) -> Result<Vec<String>, StoreError> {
    let mut places: BTreeMap<String, (f64, u32)> = BTreeMap::new();
    for source in store.sources()? {
        let steps = source.levels.len().saturating_sub(1).max(1) as f64;
        for (at, word) in source.levels.iter().enumerate() {
            let place = places.entry(word.clone()).or_default();
            place.0 += at as f64 / steps;
            place.1 += 1;
        }
    }
    let mut out: Vec<(f64, String)> =
        places.into_iter().map(|(word, (sum, count))| (sum / f64::from(count), word)).collect();
    out.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.cmp(&b.1)));
    Ok(out.into_iter().map(|(_, word)| word).collect())
}

fn scanned_ranks(store: &Store, field: &Field) -> Result<Vec<u32>, StoreError> {
    let present = store.columns()?.present();
    let values = values_of(store, field, &present)?;
    let firsts: BTreeSet<&GroupKey> = values.values().filter_map(|found| found.first()).collect();
    let order: BTreeMap<&GroupKey, u32> = firsts.into_iter().enumerate().map(|(at, key)| (key, at as u32)).collect();
    let mut out = vec![u32::MAX; store.columns()?.rows()];
    for (row, found) in &values {
        if let (Some(slot), Some(rank)) = (out.get_mut(*row as usize), found.first().and_then(|key| order.get(key))) {
            *slot = *rank;
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_come_back_from_days() {
        for day in ["1970-01-01", "2000-02-29", "2026-11-21", "1969-12-31"] {
            assert_eq!(date_of(crate::store::index::schema::days(day).unwrap()), day);
        }
    }

    #[test]
    fn groups_are_ordered_numbers_first_null_last() {
        let mut keys = [GroupKey::Null, GroupKey::Word("a".into()), GroupKey::number(10.0), GroupKey::number(-2.0)];
        keys.sort();
        assert_eq!(keys[0].json(), Value::from(-2));
        assert_eq!(keys[3], GroupKey::Null);
    }
}
