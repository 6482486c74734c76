//! The store as it was after an op.
//!
//! What a sample was is what the first later op that changed it found, which `history` keeps; a sample that no later op
//! touched is as it is now. Facts are those of the revision that was current then, by the analysers that last made them.

use std::cell::RefCell;
use std::collections::HashMap;

use rusqlite::{OptionalExtension, params};
use serde_json::Value;

use super::index::rows::RowSet;
use super::read::{facts_of, json, unreadable, word, written};
use super::{Store, StoreError, codec};
use crate::sample::{Facts, Sample, SampleId, State};

/// The store as it was after an op.
pub struct Past<'a> {
    store: &'a Store,
    op: i64,
    touched: RowSet,
    forgotten: Vec<SampleId>,
    /// Licence and rank of sources by number, as they were.
    sources: RefCell<HashMap<i64, (String, u8)>>,
}

impl Store {
    /// The store as it was after an op.
    ///
    /// # Errors
    /// As SQLite.
    pub fn past(&self, op: i64) -> Result<Past<'_>, StoreError> {
        let mut touched = RowSet::default();
        let mut statement = self.conn.prepare(
            "SELECT row FROM history WHERE op > ?1
             UNION SELECT row FROM sample WHERE added_op > ?1
             UNION SELECT row FROM sample WHERE source IN (SELECT source FROM source_history WHERE op > ?1)",
        )?;
        for row in statement.query_map([op], |row| row.get::<_, u32>(0))? {
            touched.insert(row?);
        }
        let mut statement = self.conn.prepare(
            "SELECT s.id FROM sample AS s JOIN history AS h ON h.row = s.row
             WHERE s.state = 'forgotten' AND h.op = (SELECT min(op) FROM history WHERE row = s.row AND op > ?1)
                AND h.before ->> 'present' = 1 AND h.before ->> 'state' <> 'forgotten' ORDER BY s.id",
        )?;
        let forgotten = statement.query_map([op], |row| Ok(SampleId(row.get(0)?)))?.collect::<Result<_, _>>()?;
        Ok(Past { store: self, op, touched, forgotten, sources: RefCell::default() })
    }

    /// The newest op that is closed: number and when it ended (UTC, RFC 3339).
    ///
    /// # Errors
    /// As SQLite.
    pub fn newest_op(&self) -> Result<Option<(i64, String)>, StoreError> {
        let sql = "SELECT op, ended FROM op WHERE ended IS NOT NULL ORDER BY op DESC LIMIT 1";
        Ok(self.conn.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
    }

    /// The last op that had ended by the end of a day (`YYYY-MM-DD`, UTC): of those in a row that had, so that a clock
    /// which was set back brings no later op before an earlier one. Else when the first op ended.
    ///
    /// # Errors
    /// As SQLite.
    pub fn op_by_day(&self, day: &str) -> Result<Result<i64, Option<String>>, StoreError> {
        let mut statement = self.conn.prepare("SELECT op, ended FROM op WHERE ended IS NOT NULL ORDER BY op")?;
        let ops = statement.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))?;
        let mut last = Err(None);
        for op in ops {
            let (op, ended) = op?;
            if ended.get(..10).is_some_and(|ended| ended <= day) {
                last = Ok(op);
            } else {
                return Ok(if last.is_ok() { last } else { Err(Some(ended)) });
            }
        }
        Ok(last)
    }
}

impl Past<'_> {
    /// The op.
    pub fn op(&self) -> i64 {
        self.op
    }

    /// The rows that later ops added or changed.
    pub fn touched(&self) -> &RowSet {
        &self.touched
    }

    /// The samples of then whose content has been forgotten since, by id.
    pub fn forgotten(&self) -> &[SampleId] {
        &self.forgotten
    }

    /// A sample as it was; `None` where it was not there, or its content is gone for good.
    ///
    /// # Errors
    /// As SQLite; [`StoreError::Inconsistent`] where what is kept of it cannot be read.
    pub fn sample(&self, row: u32) -> Result<Option<Sample>, StoreError> {
        let conn = &self.store.conn;
        let found = conn
            .prepare_cached(include_str!("../../schema/statements/sample_at.sql"))?
            .query_row(params![row, self.op], |found| {
                let (id, source, number): ([u8; 16], String, i64) = (found.get(0)?, found.get(1)?, found.get(2)?);
                let state: State = word(found, 5)?;
                Ok((SampleId(id), source, number, found.get(3)?, found.get(4)?, state, json::<Value>(found, 6)?))
            })
            .optional()?;
        let Some((id, source, number, key, added, state_now, live)) = found else { return Ok(None) };
        if live["present"] != 1 || (state_now == State::Forgotten && live["state"] != State::Forgotten.word()) {
            return Ok(None);
        }
        let broken = |what: &str| {
            StoreError::Inconsistent(format!("what history keeps of {id} cannot be read: `{what}` is {}", live[what]))
        };
        let text = |what: &str| live[what].as_str().map(str::to_owned);
        let needed = |what: &str| text(what).ok_or_else(|| broken(what));
        let revision = live["revision"].as_i64().ok_or_else(|| broken("revision"))?;
        let (licence, rank) = self.source(number)?;
        let mut sample = Sample {
            row,
            id,
            source,
            key,
            locator: needed("locator")?,
            state: needed("state")?.parse().map_err(|_| broken("state"))?,
            reason: text("reason"),
            instruction: None,
            code: String::new(),
            revision: crate::sample::RevisionKind::Read,
            cleaners: Vec::new(),
            licence: text("licence").unwrap_or(licence),
            rank,
            level: text("level"),
            split: text("split").map(|side| side.parse()).transpose().map_err(|_| broken("split"))?,
            held: live["held"] == 1,
            split_given: text("split_given").map(|side| side.parse()).transpose().map_err(|_| broken("split_given"))?,
            tags: serde_json::from_str(&needed("tags")?).map_err(|_| broken("tags"))?,
            description_kind: needed("description_kind")?.parse().map_err(|_| broken("description_kind"))?,
            meta: serde_json::from_str(&needed("meta")?).map_err(|_| broken("meta"))?,
            family: text("family"),
            content: [0; 16],
            added,
            facts: Facts::default(),
            written: None,
        };
        if let Some(read) = live["read_revision"].as_i64() {
            let mut statement =
                conn.prepare_cached("SELECT stop, prompt_of, side FROM generation WHERE revision = ?1")?;
            let found = statement.query_row([read], |found| written(found, 0, &sample.source)).optional()?;
            sample.written = found.flatten();
        }
        self.content(revision, &mut sample)?;
        Ok(Some(sample))
    }

    /// Fills in what a revision holds.
    fn content(&self, revision: i64, sample: &mut Sample) -> Result<(), StoreError> {
        type Packed = (Vec<u8>, i64);
        let (code, facts): (Packed, Option<Packed>) = self
            .store
            .conn
            .prepare_cached(include_str!("../../schema/statements/revision_text.sql"))?
            .query_row([revision], |found| {
                sample.instruction = found.get(0)?;
                sample.revision = word(found, 3)?;
                sample.cleaners = json(found, 4)?;
                sample.content = found.get(5)?;
                let facts: Option<Vec<u8>> = found.get(6)?;
                let codec: Option<i64> = found.get(7)?;
                Ok(((found.get(1)?, found.get(2)?), facts.zip(codec)))
            })?;
        sample.code = codec::decode_text(&code.0, code.1).map_err(|error| unreadable("code", sample, &error))?;
        if let Some((record, codec)) = facts {
            sample.facts = facts_of(&record, codec).map_err(|error| unreadable("facts", sample, &error))?;
        }
        Ok(())
    }

    /// Licence and rank of a source.
    fn source(&self, number: i64) -> Result<(String, u8), StoreError> {
        if let Some(known) = self.sources.borrow().get(&number) {
            return Ok(known.clone());
        }
        let sql = "SELECT coalesce(h.before ->> 'licence', s.licence), coalesce(h.before ->> 'rank', s.rank)
             FROM source AS s LEFT JOIN source_history AS h ON h.source = s.source
                AND h.op = (SELECT min(op) FROM source_history WHERE source = s.source AND op > ?2)
             WHERE s.source = ?1";
        let found: (String, u8) =
            self.store.conn.query_row(sql, params![number, self.op], |row| Ok((row.get(0)?, row.get(1)?)))?;
        self.sources.borrow_mut().insert(number, found.clone());
        Ok(found)
    }

    /// The sources that order their levels, each with its levels from low to high, as their recipes were.
    ///
    /// # Errors
    /// As SQLite.
    pub fn levels(&self) -> Result<Vec<(String, Vec<String>)>, StoreError> {
        let mut statement = self.store.conn.prepare(
            "SELECT s.name, coalesce(h.before ->> 'levels', s.levels)
             FROM source AS s LEFT JOIN source_history AS h ON h.source = s.source
                AND h.op = (SELECT min(op) FROM source_history WHERE source = s.source AND op > ?1)
             ORDER BY s.name",
        )?;
        let rows = statement.query_map([self.op], |row| Ok((row.get(0)?, json::<Vec<String>>(row, 1)?)))?;
        let all: Vec<(String, Vec<String>)> = rows.collect::<Result<_, _>>()?;
        Ok(all.into_iter().filter(|(_, levels)| !levels.is_empty()).collect())
    }
}
