//! When a text entered the store, and when it left.

use std::collections::{BTreeMap, HashMap, HashSet};

use rayon::prelude::*;
use rusqlite::params;

use super::{Store, StoreError, codec};
use crate::sample::SampleId;

/// Revisions that are read at once.
const BATCH: i64 = 2048;

/// An op that changed a row, and the revision that the row had after it; none where it was not there, or its content gone.
type Standing = (i64, Option<i64>);

/// What an op did to the samples that hold a text.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct TextChange {
    /// The op.
    pub op: i64,
    /// Its subcommand.
    pub verb: String,
    /// When it ended (UTC, RFC 3339).
    pub ended: String,
    /// Samples that hold the text since, by id.
    pub entered: Vec<SampleId>,
    /// Samples that held it until then, by id.
    pub left: Vec<SampleId>,
}

impl Store {
    /// The ops after which other samples hold a text than before, oldest first. A sample holds it while it is there (in
    /// whatever state) and the instruction or the code of its current revision passes `found`. Reads every revision.
    ///
    /// # Errors
    /// As SQLite; [`StoreError::Inconsistent`] where a revision cannot be read.
    pub fn text_changes(&self, found: &(dyn Fn(&str) -> bool + Sync)) -> Result<Vec<TextChange>, StoreError> {
        let holding = self.revisions_with(found)?;
        let rows: HashSet<u32> = holding.values().copied().collect();
        let mut by_op: BTreeMap<i64, (Vec<SampleId>, Vec<SampleId>)> = BTreeMap::new();
        for row in rows {
            let (id, states) = self.states(row)?;
            let mut held = false;
            for (op, revision) in states {
                let holds = revision.is_some_and(|revision| holding.contains_key(&revision));
                if holds != held {
                    let change = by_op.entry(op).or_default();
                    if holds {
                        change.0.push(id)
                    } else {
                        change.1.push(id)
                    }
                    held = holds;
                }
            }
        }
        let mut statement = self.conn.prepare("SELECT verb, ended FROM op WHERE op = ?1")?;
        by_op
            .into_iter()
            .map(|(op, (mut entered, mut left))| {
                entered.sort_unstable();
                left.sort_unstable();
                let (verb, ended) = statement.query_row([op], |row| Ok((row.get(0)?, row.get(1)?)))?;
                Ok(TextChange { op, verb, ended, entered, left })
            })
            .collect()
    }

    /// The revisions of closed ops whose texts pass, each with its row.
    fn revisions_with(&self, found: &(dyn Fn(&str) -> bool + Sync)) -> Result<HashMap<i64, u32>, StoreError> {
        let mut statement = self.conn.prepare(
            "SELECT revision, row, instruction, code, codec FROM revision
             WHERE revision > ?1 AND op NOT IN (SELECT op FROM op WHERE ended IS NULL) ORDER BY revision LIMIT ?2",
        )?;
        type Packed = (i64, u32, Option<String>, Vec<u8>, i64);
        let mut out = HashMap::new();
        let mut last = -1;
        loop {
            let rows = statement.query_map(params![last, BATCH], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
            })?;
            let batch: Vec<Packed> = rows.collect::<Result<_, _>>()?;
            let Some((revision, ..)) = batch.last() else { return Ok(out) };
            last = *revision;
            let passed: Vec<Option<(i64, u32)>> = batch
                .par_iter()
                .map(|(revision, row, instruction, code, codec)| {
                    let passes = instruction.as_deref().is_some_and(found) || found(&codec::decode_text(code, *codec)?);
                    Ok(passes.then_some((*revision, *row)))
                })
                .collect::<Result<_, StoreError>>()?;
            out.extend(passed.into_iter().flatten());
        }
    }

    /// The id of a row, and its states, oldest first.
    fn states(&self, row: u32) -> Result<(SampleId, Vec<Standing>), StoreError> {
        let current = "CASE WHEN present = 1 AND state <> 'forgotten' THEN revision END";
        let (id, added, now): (SampleId, i64, Option<i64>) = self.conn.query_row(
            &format!("SELECT id, added_op, {current} FROM sample WHERE row = ?1"),
            [row],
            |found| Ok((SampleId(found.get(0)?), found.get(1)?, found.get(2)?)),
        )?;
        let mut statement = self.conn.prepare_cached(
            "SELECT op, CASE WHEN before ->> 'present' = 1 AND before ->> 'state' <> 'forgotten' THEN before ->> 'revision' END
             FROM history WHERE row = ?1 ORDER BY op",
        )?;
        let entries = statement.query_map([row], |found| Ok((found.get(0)?, found.get(1)?)))?;
        let entries: Vec<Standing> = entries.collect::<Result<_, _>>()?;
        // What an op made of it is what the next one found.
        let ops = std::iter::once(added).chain(entries.iter().map(|(op, _)| *op));
        let after = entries.iter().map(|(_, before)| *before).chain(std::iter::once(now));
        Ok((id, ops.zip(after).collect()))
    }
}
