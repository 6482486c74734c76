//! Plans become rows: the filter is answered by the index and the columns, the steps run over what it found.
//!
//! Every order is total: without a sort it is by id, and id breaks ties. A sample is chosen by hash(id, seed), so the
//! same rows are chosen on every machine and stay chosen while the store grows.

pub mod account;
mod alike;
mod choose;
pub mod diff;
mod judge;
mod kin;
mod literals;
mod moment;
mod orders;
mod relevance;
mod scan;
mod sides;
mod steps;
pub mod vocabulary;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::query::plan::{Field, Filter, Home, Plan, Step};
use crate::sample::{Sample, SampleId, Side};
use crate::store::index::documents::Documents;
use crate::store::index::rows::RowSet;
use crate::store::index::search::{Hit, Value as Found, sortable};
use crate::store::{Store, StoreError};
use moment::Moment;
use orders::{column_order, sort_keys};

pub use relevance::scores;

/// The rows that a query selects, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Slice {
    /// How many rows it has.
    pub total: u64,
    /// The first of them, as many as were asked for: (row, id).
    pub rows: Vec<(u32, SampleId)>,
    /// What each step asked for and got, in order: for reports.
    pub steps: Vec<StepCount>,
    /// The op after which the samples are as the slice has them; now where there is none.
    pub at: Option<i64>,
    /// The sides that a stage `split` gave to rows; the samples of the slice have these.
    pub sides: Option<BTreeMap<u32, Side>>,
    /// What the person should know, a sentence each.
    pub notes: Vec<String>,
}

impl Slice {
    /// Notes, and what fell short.
    pub fn remarks(&self) -> impl Iterator<Item = String> {
        self.notes.iter().cloned().chain(self.shortfalls())
    }

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
    select_at(&Moment::of(store, plan.at)?, plan, limit)
}

fn select_at(moment: &Moment<'_>, plan: &Plan, limit: usize) -> Result<Slice, StoreError> {
    if moment.past.is_some() || plan.order.is_some() {
        let hits = moment.matches(&plan.filter)?;
        let hits = match &plan.order {
            Some(pin) => in_order(&moment.store.pin_rows(pin.key)?, hits),
            None => hits,
        };
        return run(moment, &plan.steps, Vec::new(), hits, limit);
    }
    let index = moment.store.index();
    let documents = documents(moment, &plan.filter)?;
    let found = documents.len();
    let mut counts = Vec::new();
    // A sort directly after the filter, and a choice after that, need no list of all rows.
    let (keys, rest) = match plan.steps.split_first() {
        Some((sort @ Step::Sort(keys), rest)) => {
            counts.push(StepCount::new(sort, found, found));
            (sort_keys(moment, keys)?, rest)
        }
        Some((sort @ Step::Relevance { texts, then }, rest)) => {
            counts.push(StepCount::new(sort, found, found));
            let rows = documents.rows()?;
            (relevance::keys(moment, texts, then, &rows)?, rest)
        }
        _ => (Vec::new(), plan.steps.as_slice()),
    };
    let whole = |total, limit, counts| {
        let hits = index.ordered(&documents, &keys, limit)?.hits;
        Ok(Slice { total, rows: named(hits), steps: counts, ..Slice::default() })
    };
    match rest {
        [] => whole(found, limit, counts),
        [step @ Step::Take(take)] => {
            let total = found.min(*take);
            counts.push(StepCount::new(step, found, total));
            whole(total, limit.min(usize::try_from(total).unwrap_or(usize::MAX)), counts)
        }
        [step, later @ ..] => match choose::among(moment.store, &documents, &keys, step)? {
            Some((hits, groups)) => {
                counts.push(StepCount { groups, ..StepCount::new(step, found, hits.len() as u64) });
                run(moment, later, counts, hits, limit)
            }
            None => run(moment, rest, counts, index.ordered(&documents, &keys, usize::MAX)?.hits, limit),
        },
    }
}

/// What the index has of a filter now.
fn documents(moment: &Moment<'_>, filter: &Filter) -> Result<Documents, StoreError> {
    let scans = scan::Scans::new(moment, filter)?;
    let index = moment.store.index();
    index.documents(&index.compile(filter, &scans)?)
}

/// Hits in the order of a list of rows.
fn in_order(rows: &[u32], hits: Vec<Hit>) -> Vec<Hit> {
    let mut by_row: HashMap<u32, Hit> = hits.into_iter().map(|hit| (hit.row, hit)).collect();
    rows.iter().filter_map(|row| by_row.remove(row)).collect()
}

/// Runs steps over a list of all rows that came in.
fn run(
    moment: &Moment<'_>,
    steps: &[Step],
    mut counts: Vec<StepCount>,
    mut hits: Vec<Hit>,
    limit: usize,
) -> Result<Slice, StoreError> {
    // A sub-query's own labels are none of the whole's.
    let outside = moment.sides.take();
    let mut notes: Vec<String> = forgotten(&moment.forgotten()).into_iter().collect();
    for step in steps {
        let rows_in = hits.len() as u64;
        let groups;
        if let Step::Split { shares, seed } = step {
            let labels = sides::label(moment, *shares, *seed, &hits)?;
            *moment.sides.borrow_mut() = Some(labels.sides);
            notes.extend(labels.notes);
            groups = labels.groups;
        } else {
            (hits, groups) = steps::run(moment, step, hits)?;
        }
        counts.push(StepCount { groups, ..StepCount::new(step, rows_in, hits.len() as u64) });
    }
    let sides = moment.sides.replace(outside);
    let total = hits.len() as u64;
    hits.truncate(limit);
    Ok(Slice { total, rows: named(hits), steps: counts, at: moment.op(), sides, notes })
}

/// A sentence about samples whose content is gone for good.
fn forgotten(ids: &[SampleId]) -> Option<String> {
    let named: Vec<String> = ids.iter().take(5).map(|id| id.to_string()[..12].to_owned()).collect();
    let more = if ids.len() > named.len() { ", …" } else { "" };
    let what = "samples of that time have been forgotten since and are not there to be asked";
    (!ids.is_empty()).then(|| format!("{} {what}: {}{more}", ids.len(), named.join(", ")))
}

/// The rows that a sub-query selects: at its own moment, else at that of the whole.
fn sub_query(moment: &Moment<'_>, plan: &Plan) -> Result<Arc<RowSet>, StoreError> {
    let slice = match plan.at {
        Some(op) => select_at(&Moment::of(moment.store, Some(op))?, plan, usize::MAX)?,
        None => select_at(moment, plan, usize::MAX)?,
    };
    Ok(Arc::new(slice.rows.into_iter().map(|(row, _)| row).collect()))
}

/// Counts the rows of a plan.
///
/// # Errors
/// As the store.
pub fn count(store: &Store, plan: &Plan) -> Result<u64, StoreError> {
    let moment = Moment::of(store, plan.at)?;
    let sorted = plan.steps.iter().take_while(|step| step.only_orders()).count();
    if moment.past.is_none()
        && let Some(total) = choose::total(&moment, &plan.filter, &plan.steps[sorted..])?
    {
        return Ok(total);
    }
    Ok(select_at(&moment, plan, 0)?.total)
}

/// The rows that pass a filter, after an op or now.
///
/// # Errors
/// As the store.
pub fn matching(store: &Store, at: Option<i64>, filter: &Filter) -> Result<RowSet, StoreError> {
    Moment::of(store, at)?.matching(filter)
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
    let moment = Moment::of(store, plan.at)?;
    let mut sides = None;
    let rows: RowSet = if plan.steps.iter().all(Step::only_orders) {
        moment.matching(&plan.filter)?
    } else {
        let slice = select_at(&moment, plan, usize::MAX)?;
        sides = slice.sides;
        slice.rows.into_iter().map(|(row, _)| row).collect()
    };
    let of = |field: &Field| match &sides {
        Some(sides) if field.name == "split" => Valued::of_sides(sides, &rows),
        _ => Valued::of(&moment, field, &rows),
    };
    let columns = fields.iter().map(of).collect::<Result<Vec<_>, _>>()?;
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
            key: fields.iter().zip(key).map(|(field, value)| (field.name.clone(), value.json_of(field))).collect(),
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
    fn of(moment: &Moment<'_>, field: &Field, rows: &RowSet) -> Result<Valued, StoreError> {
        let mut numbers: HashMap<GroupKey, u32> = HashMap::new();
        let mut of = Vec::with_capacity(rows.len());
        // Values come one after the other for all the rows that have them, or row by row.
        let mut last: Option<(GroupKey, u32)> = None;
        each_value(moment, field, rows, &mut |row, value| {
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

    /// The sides that a stage gave.
    fn of_sides(sides: &BTreeMap<u32, Side>, rows: &RowSet) -> Result<Valued, StoreError> {
        let known = Side::WORDS.iter().map(|word| GroupKey::Word((*word).to_owned())).collect();
        let place = |side: &Side| Side::ALL.iter().position(|each| each == side).unwrap_or(0) as u32;
        let of = rows.iter().filter_map(|row| Some((row, place(sides.get(&row)?)))).collect();
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

    /// The value of a field as JSON: yes and no are true and false.
    pub fn json_of(&self, field: &Field) -> Value {
        match self {
            GroupKey::Word(word) if field.kind == crate::analyze::features::Kind::Bool => Value::from(word == "true"),
            _ => self.json(),
        }
    }
}

/// The values that rows have in a field; rows without one are missing.
///
/// # Errors
/// As the store; [`StoreError::Unknown`] for a text, which has no values to count.
pub fn values_of(store: &Store, field: &Field, rows: &RowSet) -> Result<BTreeMap<u32, Vec<GroupKey>>, StoreError> {
    values_at(&Moment::now(store), field, rows)
}

fn values_at(moment: &Moment<'_>, field: &Field, rows: &RowSet) -> Result<BTreeMap<u32, Vec<GroupKey>>, StoreError> {
    let mut out: BTreeMap<u32, Vec<GroupKey>> = BTreeMap::new();
    each_value(moment, field, rows, &mut |row, value| out.entry(row).or_default().push(value.key()))?;
    Ok(out)
}

/// Hands (row, value) to `take`, once for each value that one of these rows has in a field.
fn each_value(
    moment: &Moment<'_>,
    field: &Field,
    rows: &RowSet,
    take: &mut dyn FnMut(u32, Seen<'_>),
) -> Result<(), StoreError> {
    if let (Some(sides), "split") = (moment.sides.borrow().as_ref(), field.name.as_str()) {
        let labelled = rows.iter().filter_map(|row| Some((row, sides.get(&row)?)));
        labelled.for_each(|(row, side)| take(row, Seen::Word(side.word())));
        return Ok(());
    }
    let store = moment.store;
    let same;
    let rows = if moment.past.is_some() && !matches!(field.home, Home::Text | Home::Kin) {
        let others;
        (same, others) = moment.parts(rows);
        moment.values_read(field, &others, take)?;
        &same
    } else {
        rows
    };
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
        Home::Scan => {
            let kin = if field.name == "origin" { Some(store.kin()?) } else { None };
            store.scan_places(&mut |row, key, locator, source| {
                // A survivor has the origins of those that it stands for.
                let survivor = kin.and_then(|kin| kin.get(row)?.of_row);
                for row in std::iter::once(row).chain(survivor).filter(|row| rows.contains(*row)) {
                    match field.name.as_str() {
                        "key" => take(row, Seen::Word(key)),
                        "locator" => take(row, Seen::Word(locator)),
                        _ => take(row, Seen::Word(&format!("{source}:{locator}"))),
                    }
                }
            })?;
        }
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
        Home::Kin => {
            let kin = moment.kin()?;
            for (row, kinship) in rows.iter().filter_map(|row| Some((row, kin.get(row)?))) {
                kinship.word(&field.name).into_iter().for_each(|id| take(row, Seen::Word(&id.to_string())));
                kinship.number(&field.name).into_iter().for_each(|number| take(row, Seen::Number(number)));
            }
        }
        Home::Unfilled => {}
        Home::Relevance => {
            return Err(StoreError::Unknown(format!(
                "`{}` is of a query, not of a sample: nothing counts by it",
                field.name
            )));
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

/// The samples of a slice, read in order, as they were at its moment.
pub fn samples<'a>(store: &'a Store, slice: &'a Slice) -> impl Iterator<Item = Result<Sample, StoreError>> + 'a {
    let mut moment = None;
    slice.rows.iter().map(move |(row, id)| {
        let moment = match &mut moment {
            Some(moment) => moment,
            none => none.insert(Moment::of(store, slice.at)?),
        };
        let gone = || StoreError::Inconsistent(format!("{id} was selected and is not there"));
        let mut sample = moment.sample(*row)?.ok_or_else(gone)?;
        if let Some(sides) = &slice.sides {
            sample.split = sides.get(row).copied();
            sample.held = false;
        }
        Ok(sample)
    })
}

fn named(hits: Vec<Hit>) -> Vec<(u32, SampleId)> {
    hits.into_iter().map(|hit| (hit.row, SampleId::from_halves(hit.id.0, hit.id.1))).collect()
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
