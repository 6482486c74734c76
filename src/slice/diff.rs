//! What two slices differ by, and why.
//!
//! A row that only one of them has is there for a cause on the side of the query or of the data. The first query, asked
//! at the moment of the second, tells which: if it then agrees with the second slice about the row, the data changed.
//! What of the row it was is found by changing one part of it at a time until the filter changes its mind.

use std::collections::{BTreeMap, HashSet};

use super::judge::Judge;
use super::moment::Moment;
use super::select_at;
use crate::query::plan::Plan;
use crate::sample::{RevisionKind, Sample, SampleId, State};
use crate::store::index::rows::RowSet;
use crate::store::{Store, StoreError};

/// Why a row is in one slice and not in the other, or is not the same in both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// A source was read, or a reading was undone: the row came, went, or has another content.
    Data,
    /// Its text was edited here.
    Edit,
    /// The queries differ.
    Query,
    /// It was tagged, or a tag was taken off.
    Tag,
    /// It became a duplicate, or is one no more.
    Dedup,
    /// It was rejected or restored.
    Curation,
    /// It was put on another side.
    Split,
    /// Its content was forgotten.
    Forgotten,
    /// Its facts are others, although its text is the same: an analyser changed.
    Analyser,
    /// Nothing of it changed: a stage chose other rows, because others came or went.
    Others,
}

impl Cause {
    /// Every cause, in the order of reports, with what it means.
    pub const ALL: &'static [(Cause, &'static str, &'static str)] = &[
        (Cause::Data, "data", "a source was read, or a reading undone"),
        (Cause::Edit, "edit", "the text was edited here"),
        (Cause::Query, "query", "the queries differ"),
        (Cause::Tag, "tag", "tags were put on or taken off"),
        (Cause::Dedup, "dedup", "it became a duplicate, or is one no more"),
        (Cause::Curation, "curation", "it was rejected or restored"),
        (Cause::Split, "split", "it is on another side of the split"),
        (Cause::Forgotten, "forgotten", "its content is gone for good"),
        (Cause::Analyser, "analyser", "an analyser finds other facts in the same text"),
        (Cause::Others, "others", "nothing of it: a stage chose among other rows"),
    ];
}

/// How a row differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// Only the second slice has it.
    Entered,
    /// Only the first has it.
    Left,
    /// Both have it, not as the same.
    Changed,
}

/// A row that differs.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Difference {
    /// Its id.
    pub id: SampleId,
    /// How it differs.
    pub change: Change,
    /// Why.
    pub cause: Cause,
    /// The last op between the two moments that changed the row; none where nothing did.
    pub op: Option<i64>,
}

/// What two slices differ by.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Diff {
    /// Rows of the first.
    pub first: u64,
    /// Rows of the second.
    pub second: u64,
    /// Rows of both.
    pub both: u64,
    /// Whether the rows of both stand in the same order.
    pub same_order: bool,
    /// Rows that differ, by id.
    pub differences: Vec<Difference>,
}

/// A slice to compare.
#[derive(Clone, Copy, Debug)]
pub struct Compared<'a> {
    /// What it is.
    pub plan: &'a Plan,
    /// What was asked for it, to be asked at another moment: of a pin the query that it froze, else the plan itself.
    pub asked: &'a Plan,
}

/// Compares two slices.
///
/// # Errors
/// As the store.
pub fn diff(store: &Store, first: Compared<'_>, second: Compared<'_>) -> Result<Diff, StoreError> {
    let (before, after) = (Moment::of(store, first.plan.at)?, Moment::of(store, second.plan.at)?);
    let rows = |moment: &Moment<'_>, plan: &Plan| -> Result<Vec<(u32, SampleId)>, StoreError> {
        Ok(select_at(moment, plan, usize::MAX)?.rows)
    };
    let set = |rows: &[(u32, SampleId)]| rows.iter().map(|(row, _)| *row).collect::<RowSet>();
    let (had, has) = (rows(&before, first.plan)?, rows(&after, second.plan)?);
    let (in_first, in_second) = (set(&had), set(&has));
    let lost = [lost_of_pin(store, first.plan, &in_first)?, lost_of_pin(store, second.plan, &in_second)?];
    let causes = Causes {
        then: set(&rows(&before, first.asked)?),
        now: set(&rows(&after, first.asked)?),
        judge: Judge::new(&after, &first.asked.filter)?,
        before: &before,
        after: &after,
    };
    let mut differences = Vec::new();
    let mut add = |row: u32, id: SampleId, change: Change, cause: Cause| -> Result<(), StoreError> {
        let op = match cause {
            Cause::Query | Cause::Others | Cause::Analyser => None,
            _ => last_op(store, row, &before, &after)?,
        };
        differences.push(Difference { id, change, cause, op });
        Ok(())
    };
    for (row, id) in has.iter().filter(|(row, _)| !in_first.contains(*row)) {
        add(*row, *id, Change::Entered, causes.of(*row, true)?)?;
    }
    for (row, id) in &had {
        if !in_second.contains(*row) {
            add(*row, *id, Change::Left, causes.of(*row, false)?)?;
        } else if let Some(cause) = causes.of_change(*row)? {
            add(*row, *id, Change::Changed, cause)?;
        }
    }
    for (change, one, other, found) in
        [(Change::Left, &lost[0], &lost[1], &in_second), (Change::Entered, &lost[1], &lost[0], &in_first)]
    {
        for (row, id) in one.iter().filter(|(row, _)| !other.contains_key(*row) && !found.contains(**row)) {
            add(*row, *id, change, Cause::Forgotten)?;
        }
    }
    differences.sort_by_key(|difference| difference.id);
    let common = |rows: &[(u32, SampleId)], other: &RowSet| -> Vec<u32> {
        rows.iter().map(|(row, _)| *row).filter(|row| other.contains(*row)).collect()
    };
    let (kept_order, new_order) = (common(&had, &in_second), common(&has, &in_first));
    Ok(Diff {
        first: (had.len() + lost[0].len()) as u64,
        second: (has.len() + lost[1].len()) as u64,
        both: (kept_order.len() + lost[0].keys().filter(|row| lost[1].contains_key(*row)).count()) as u64,
        same_order: kept_order == new_order,
        differences,
    })
}

/// The rows that a pin froze and whose content has been forgotten since: what else was asked for cannot be told of them.
fn lost_of_pin(store: &Store, plan: &Plan, rows: &RowSet) -> Result<BTreeMap<u32, SampleId>, StoreError> {
    let Some(pin) = plan.order.as_ref().filter(|_| plan.steps.is_empty()) else { return Ok(BTreeMap::new()) };
    let columns = store.columns()?;
    let is_forgotten = |row: &u32| columns.words("state", *row).first().copied() == Some(State::Forgotten.word());
    let lost = store.pin_rows(pin.key)?.into_iter().filter(|row| !rows.contains(*row) && is_forgotten(row));
    lost.map(|row| Ok((row, store.placed(row)?.id))).collect()
}

/// What it takes to find causes.
struct Causes<'a> {
    /// What the first query selects at the moment of the first slice, by the facts of today.
    then: RowSet,
    /// What it selects at the moment of the second.
    now: RowSet,
    judge: Judge<'a>,
    before: &'a Moment<'a>,
    after: &'a Moment<'a>,
}

impl Causes<'_> {
    /// Why only the second slice has a row (`entered`), or only the first.
    fn of(&self, row: u32, entered: bool) -> Result<Cause, StoreError> {
        if self.now.contains(row) != entered {
            return Ok(Cause::Query);
        }
        // Asked today, the first query no longer tells what it told when its rows were frozen.
        if self.then.contains(row) == entered {
            return Ok(Cause::Analyser);
        }
        Ok(match (self.before.sample(row)?, self.after.sample(row)?) {
            (Some(was), Some(is)) => self.flipped(&was, &is).unwrap_or(Cause::Others),
            (Some(was), None) if self.after.forgotten().contains(&was.id) => Cause::Forgotten,
            _ => Cause::Data,
        })
    }

    /// The part of a sample that changes the verdict of the filter.
    fn flipped(&self, was: &Sample, is: &Sample) -> Option<Cause> {
        let verdict = self.judge.passes(was);
        if verdict == self.judge.passes(is) {
            return None;
        }
        let parts = parts_that_differ(was, is);
        let alone = parts.iter().find(|(_, put)| {
            let mut mixed = was.clone();
            put(&mut mixed, is);
            self.judge.passes(&mixed) != verdict
        });
        alone.or(parts.first()).map(|(cause, _)| *cause)
    }

    /// Why a row that both have is not the same in both.
    fn of_change(&self, row: u32) -> Result<Option<Cause>, StoreError> {
        if !self.before.touched(row) && !self.after.touched(row) {
            return Ok(None);
        }
        let (Some(was), Some(is)) = (self.before.sample(row)?, self.after.sample(row)?) else { return Ok(None) };
        Ok(parts_that_differ(&was, &is).first().map(|(cause, _)| *cause))
    }
}

type Put = fn(&mut Sample, &Sample);

/// The parts in which two states of a sample differ: what each tells, and how to put it from the second into the first.
fn parts_that_differ(was: &Sample, is: &Sample) -> Vec<(Cause, Put)> {
    let mut out: Vec<(Cause, Put)> = Vec::new();
    if (was.state, &was.reason) != (is.state, &is.reason) {
        let gone = |sample: &Sample| sample.reason.as_deref() == Some("gone-upstream");
        let cause = match (was.state, is.state) {
            _ if gone(was) || gone(is) => Cause::Data,
            (State::Forgotten, _) | (_, State::Forgotten) => Cause::Forgotten,
            (State::Duplicate, _) | (_, State::Duplicate) => Cause::Dedup,
            _ => Cause::Curation,
        };
        out.push((cause, |to, from| {
            to.state = from.state;
            to.reason.clone_from(&from.reason);
        }));
    }
    if (&was.code, &was.instruction) != (&is.code, &is.instruction) {
        let edited = RevisionKind::Edited;
        let cause = if was.revision == edited || is.revision == edited { Cause::Edit } else { Cause::Data };
        out.push((cause, |to, from| {
            to.code.clone_from(&from.code);
            to.instruction.clone_from(&from.instruction);
            to.facts.clone_from(&from.facts);
            to.revision = from.revision;
            to.description_kind = from.description_kind;
        }));
    }
    if was.tags != is.tags {
        out.push((Cause::Tag, |to, from| to.tags.clone_from(&from.tags)));
    }
    if was.split != is.split {
        out.push((Cause::Split, |to, from| to.split = from.split));
    }
    let rest = |sample: &Sample| {
        let Sample { licence, rank, level, split_given, description_kind, meta, family, .. } = sample.clone();
        (licence, rank, level, split_given, description_kind, meta, family)
    };
    if rest(was) != rest(is) {
        out.push((Cause::Data, |to, from| {
            let own = (to.code.clone(), to.instruction.clone(), to.facts.clone(), to.revision);
            let labels = (to.state, to.reason.clone(), to.tags.clone(), to.split);
            *to = from.clone();
            (to.code, to.instruction, to.facts, to.revision) = own;
            (to.state, to.reason, to.tags, to.split) = labels;
        }));
    }
    out
}

/// The last op between two moments that changed a row.
fn last_op(store: &Store, row: u32, before: &Moment<'_>, after: &Moment<'_>) -> Result<Option<i64>, StoreError> {
    let ends = [before.op().unwrap_or(i64::MAX), after.op().unwrap_or(i64::MAX)];
    let (from, to) = (ends[0].min(ends[1]), ends[0].max(ends[1]));
    let ops: HashSet<i64> = store.history(row)?.into_iter().map(|entry| entry.op).collect();
    Ok(ops.into_iter().filter(|op| *op > from && *op <= to).max())
}
