//! Writing: sources, samples, rejected rows.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Map, Value, json};

use super::index::rows::RowSet;
use super::{Generation, Store, StoreError, codec};
use crate::sample::{Facts, RejectedRow, RevisionKind, Sample, SampleId, State};

/// A text pair, ready to be kept.
#[derive(Clone, Debug)]
pub struct Content {
    /// The instruction.
    pub instruction: Option<String>,
    /// The code, compressed.
    pub code: Vec<u8>,
    /// How it is compressed.
    pub codec: i64,
    /// Content hash of the code.
    pub hash: [u8; 16],
}

impl Content {
    /// Compresses and hashes.
    ///
    /// # Errors
    /// As [`codec::encode`].
    pub fn new(instruction: Option<String>, code: &str) -> Result<Content, StoreError> {
        let (bytes, codec) = codec::encode(code.as_bytes())?;
        Ok(Content { instruction, code: bytes, codec, hash: crate::sample::content_hash(code) })
    }
}

/// What the store knows of an id that a reader met again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its row.
    pub row: u32,
    /// False where the op that added it was undone.
    pub present: bool,
    /// Its state.
    pub state: State,
    /// Reason of a rejected sample.
    pub reason: Option<String>,
    /// Hash of everything the source gave last time.
    pub read_hash: [u8; 16],
    /// The op that added it.
    pub added_op: i64,
    /// Where it was last seen.
    pub locator: String,
}

/// What meeting a row came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Not known before this op.
    New,
    /// Known, with the same content.
    Unchanged,
    /// Known, with other content.
    Changed,
}

/// A row, ready to be written.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The sample as it will be; `row` is set.
    pub sample: Sample,
    /// Its source's number.
    pub source: i64,
    /// What was read.
    pub read: Content,
    /// What the cleaners made of it, where they made something.
    pub fixed: Option<Content>,
    /// Hash of everything the source gave.
    pub read_hash: [u8; 16],
    /// Licence of this row, where it is not the source's.
    pub licence: Option<String>,
    /// Dialect as the reader found it.
    pub dialect: Option<crate::sample::Dialect>,
    /// Findings of the reader.
    pub issues: Vec<String>,
    /// The facts, compressed.
    pub facts: (Vec<u8>, i64),
    /// What was known of it.
    pub known: Option<Known>,
    /// How a model wrote it, where one did.
    pub generation: Option<Generation>,
}

/// Compresses facts for [`Prepared`].
///
/// # Errors
/// As [`codec::encode`].
pub fn encode_facts(facts: &Facts) -> Result<(Vec<u8>, i64), StoreError> {
    let text = serde_json::to_vec(facts)
        .map_err(|error| StoreError::Inconsistent(format!("facts that are no JSON: {error}")))?;
    codec::encode_facts(&text)
}

/// A number for the place and reason of a rejected row, so that many can be remembered.
pub fn place_hash(file: &str, locator: &str, reason: &str) -> u64 {
    xxhash_rust::xxh3::xxh3_64(format!("{file}\u{1f}{locator}\u{1f}{reason}").as_bytes())
}

impl Store {
    /// The number of an analyser set, given at first use.
    ///
    /// # Errors
    /// As SQLite.
    pub fn analyser_number(&mut self, version: &str) -> Result<i64, StoreError> {
        self.conn.execute("INSERT OR IGNORE INTO analyser (version) VALUES (?1)", [version])?;
        Ok(self.conn.query_row("SELECT analyser FROM analyser WHERE version = ?1", [version], |row| row.get(0))?)
    }

    /// The row number that the next new sample gets.
    ///
    /// # Errors
    /// As SQLite.
    pub fn next_row(&self) -> Result<u32, StoreError> {
        Ok(self.conn.query_row("SELECT coalesce(max(row) + 1, 0) FROM sample", [], |row| row.get(0))?)
    }

    /// What is known of an id.
    ///
    /// # Errors
    /// As SQLite.
    pub fn known(&self, id: &SampleId) -> Result<Option<Known>, StoreError> {
        known(&self.conn, id)
    }

    /// A second connection for looking ids up while this one writes.
    ///
    /// # Errors
    /// As SQLite.
    pub fn lookup_connection(&self) -> Result<LookupConnection, StoreError> {
        Ok(LookupConnection { conn: super::connect(&self.project.database(), false)? })
    }

    /// Writes rows under an open op, in one transaction. Rows whose outcome is unchanged are not given here.
    ///
    /// # Errors
    /// As SQLite and the index writer; nothing of the batch is kept then.
    pub fn put(&mut self, op: i64, analyser: i64, batch: &[Prepared]) -> Result<(), StoreError> {
        self.must_write()?;
        if self.bulk.is_none() {
            self.bulk = Some((self.index.borrow().writer()?, RowSet::default()));
        }
        let transaction = self.conn.transaction()?;
        for prepared in batch {
            write_one(&transaction, op, analyser, prepared)?;
        }
        transaction.commit()?;
        if let Some((writer, rows)) = &mut self.bulk {
            for prepared in batch.iter().filter(|prepared| prepared.known.is_none()) {
                writer.add(&prepared.sample)?;
                rows.insert(prepared.sample.row);
            }
        }
        Ok(())
    }

    /// Records under an open op where unchanged rows were seen now, and restores those that had gone upstream and are back.
    ///
    /// # Errors
    /// As SQLite.
    pub fn seen(&mut self, moved: &[(u32, String)], back: &[u32]) -> Result<(), StoreError> {
        if moved.is_empty() && back.is_empty() {
            return Ok(());
        }
        self.must_write()?;
        let transaction = self.conn.transaction()?;
        for (row, locator) in moved {
            put_pending(&transaction, *row, &json!({ "locator": locator }))?;
        }
        for row in back {
            put_pending(&transaction, *row, &json!({ "state": "kept", "reason": null }))?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// Changes samples under an open op: `after` names the columns to set, see `apply_pending.sql`.
    ///
    /// # Errors
    /// As SQLite.
    pub fn change(&mut self, changes: &[(u32, Value)]) -> Result<(), StoreError> {
        self.must_write()?;
        let transaction = self.conn.transaction()?;
        for (row, after) in changes {
            put_pending(&transaction, *row, after)?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// Writes rejected rows of a source. A row that was known as rejected stays as it is.
    ///
    /// # Errors
    /// As SQLite.
    pub fn put_rejected(&mut self, op: i64, source: i64, rows: &[RejectedRow]) -> Result<(), StoreError> {
        self.must_write()?;
        let transaction = self.conn.transaction()?;
        {
            let mut statement =
                transaction.prepare_cached(include_str!("../../schema/statements/insert_rejected.sql"))?;
            let mut back = transaction.prepare_cached(include_str!("../../schema/statements/back_rejected.sql"))?;
            let mut clear = transaction.prepare_cached(
                "UPDATE rejected SET gone_op = NULL WHERE source = ?1 AND file = ?2 AND locator = ?3 AND reason = ?4",
            )?;
            for row in rows {
                if statement.execute(params![source, row.file, row.locator, row.reason, row.detail, op])? == 0
                    && back.execute(params![source, row.file, row.locator, row.reason, op])? > 0
                {
                    clear.execute(params![source, row.file, row.locator, row.reason])?;
                }
            }
        }
        transaction.commit()?;
        Ok(())
    }

    /// Marks the rejected rows of these files (`met` holds the [`place_hash`] of those that are still there) that were not met this time as gone.
    ///
    /// # Errors
    /// As SQLite.
    pub fn retire_rejected(
        &mut self,
        op: i64,
        source: i64,
        files: &[String],
        met: &HashSet<u64>,
    ) -> Result<(), StoreError> {
        self.must_write()?;
        let transaction = self.conn.transaction()?;
        for file in files {
            let stale: Vec<i64> = {
                let mut statement = transaction
                    .prepare_cached("SELECT rejected, locator, reason FROM rejected WHERE source = ?1 AND file = ?2 AND gone_op IS NULL")?;
                let rows = statement.query_map(params![source, file], |row| {
                    Ok((row.get::<_, i64>(0)?, (row.get::<_, String>(1)?, row.get::<_, String>(2)?)))
                })?;
                let rows: Vec<(i64, (String, String))> = rows.collect::<Result<_, _>>()?;
                rows.into_iter()
                    .filter(|(_, (locator, reason))| !met.contains(&place_hash(file, locator, reason)))
                    .map(|(rejected, _)| rejected)
                    .collect()
            };
            for rejected in stale {
                // What only an interrupted part of this op met was never there.
                if transaction.execute("DELETE FROM rejected WHERE rejected = ?1 AND op = ?2", params![rejected, op])?
                    > 0
                {
                    continue;
                }
                transaction.execute(
                    "INSERT OR IGNORE INTO rejected_history (rejected, op, gone_before) VALUES (?1, ?2, NULL)",
                    params![rejected, op],
                )?;
                transaction.execute("UPDATE rejected SET gone_op = ?2 WHERE rejected = ?1", params![rejected, op])?;
            }
        }
        transaction.commit()?;
        Ok(())
    }

    /// Takes back what an interrupted part of an op wrote and its end did not meet again (its input changed between).
    ///
    /// # Errors
    /// As SQLite.
    pub fn drop_unmet(&mut self, op: i64, met: &RowSet) -> Result<(), StoreError> {
        self.must_write()?;
        let transaction = self.conn.transaction()?;
        for (select, delete) in [
            ("SELECT row FROM sample WHERE added_op = ?1", "DELETE FROM sample WHERE row = ?1"),
            ("SELECT row FROM pending WHERE ?1 > 0", "DELETE FROM pending WHERE row = ?1"),
        ] {
            let unmet: Vec<u32> = {
                let mut statement = transaction.prepare(select)?;
                let rows = statement.query_map([op], |row| row.get::<_, u32>(0))?;
                rows.collect::<Result<Vec<u32>, _>>()?.into_iter().filter(|row| !met.contains(*row)).collect()
            };
            for row in unmet {
                transaction.prepare_cached(delete)?.execute([row])?;
                transaction
                    .prepare_cached("DELETE FROM revision WHERE row = ?1 AND op = ?2")?
                    .execute(params![row, op])?;
            }
        }
        transaction.commit()?;
        Ok(())
    }

    /// Rejects the kept samples of a source that were not met (`gone-upstream`); returns how many.
    ///
    /// # Errors
    /// As SQLite.
    pub fn reject_gone(&mut self, source: i64, met: &RowSet) -> Result<u64, StoreError> {
        self.must_write()?;
        let gone: Vec<u32> = {
            let mut statement = self.conn.prepare(
                "SELECT row FROM sample WHERE source = ?1 AND present = 1 AND state IN ('kept', 'duplicate')",
            )?;
            let rows = statement.query_map([source], |row| row.get::<_, u32>(0))?;
            let rows: Vec<u32> = rows.collect::<Result<_, _>>()?;
            rows.into_iter().filter(|row| !met.contains(*row)).collect()
        };
        let after = json!({ "state": "rejected", "reason": "gone-upstream" });
        self.change(&gone.iter().map(|row| (*row, after.clone())).collect::<Vec<_>>())?;
        Ok(gone.len() as u64)
    }

    /// Replaces the facts of current revisions: (row, facts).
    ///
    /// # Errors
    /// As SQLite.
    pub fn put_facts(&mut self, analyser: i64, facts: &[(u32, Facts)]) -> Result<(), StoreError> {
        self.must_write()?;
        let transaction = self.conn.transaction()?;
        for (row, facts) in facts {
            let (record, codec) = encode_facts(facts)?;
            let revision: i64 = transaction
                .prepare_cached("SELECT revision FROM sample WHERE row = ?1")?
                .query_row([row], |found| found.get(0))?;
            transaction
                .prepare_cached(include_str!("../../schema/statements/insert_fact.sql"))?
                .execute(params![revision, analyser, record, codec])?;
            put_pending(&transaction, *row, &Value::Object(Map::new()))?;
        }
        transaction.commit()?;
        Ok(())
    }
}

/// Looks ids up on a connection of its own, which sees what is committed.
pub struct LookupConnection {
    conn: Connection,
}

impl LookupConnection {
    /// What is known of an id.
    ///
    /// # Errors
    /// As SQLite.
    pub fn known(&self, id: &SampleId) -> Result<Option<Known>, StoreError> {
        known(&self.conn, id)
    }
}

fn known(conn: &Connection, id: &SampleId) -> Result<Option<Known>, StoreError> {
    let mut statement = conn.prepare_cached(include_str!("../../schema/statements/select_known.sql"))?;
    let found = statement
        .query_row([&id.0[..]], |row| {
            Ok(Known {
                row: row.get(0)?,
                present: row.get(1)?,
                state: super::read::word(row, 2)?,
                reason: row.get(3)?,
                read_hash: row.get(4)?,
                added_op: row.get(5)?,
                locator: row.get(6)?,
            })
        })
        .optional()?;
    Ok(found)
}

fn put_pending(conn: &Connection, row: u32, after: &Value) -> Result<(), StoreError> {
    // A second change of the same row in one op adds to the first; a key set to null stays null.
    let before: Option<String> = conn
        .prepare_cached("SELECT after FROM pending WHERE row = ?1")?
        .query_row([row], |found| found.get(0))
        .optional()?;
    let mut whole: Map<String, Value> = before.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    if let Value::Object(fields) = after {
        whole.extend(fields.clone());
    }
    conn.prepare_cached("INSERT OR REPLACE INTO pending (row, after) VALUES (?1, ?2)")?
        .execute(params![row, Value::Object(whole).to_string()])?;
    Ok(())
}

fn write_one(conn: &Connection, op: i64, analyser: i64, prepared: &Prepared) -> Result<(), StoreError> {
    let sample = &prepared.sample;
    let mut insert_revision = conn.prepare_cached(include_str!("../../schema/statements/insert_revision.sql"))?;
    let mut revise = |kind: RevisionKind, content: &Content, cleaners: &[String]| -> Result<i64, StoreError> {
        let cleaners = serde_json::to_string(cleaners).expect("words are plain JSON");
        insert_revision.execute(params![
            sample.row,
            kind.word(),
            op,
            content.instruction,
            content.code,
            content.codec,
            &content.hash[..],
            cleaners
        ])?;
        Ok(conn.last_insert_rowid())
    };
    let read = revise(RevisionKind::Read, &prepared.read, &[])?;
    if let Some(generation) = &prepared.generation {
        super::generated::put(conn, read, generation)?;
    }
    let current = match &prepared.fixed {
        Some(fixed) => revise(RevisionKind::Fixed, fixed, &sample.cleaners)?,
        None => read,
    };
    let (record, codec) = &prepared.facts;
    conn.prepare_cached(include_str!("../../schema/statements/insert_fact.sql"))?
        .execute(params![current, analyser, record, codec])?;
    let meta = serde_json::to_string(&sample.meta).expect("a JSON object is JSON");
    let issues = serde_json::to_string(&prepared.issues).expect("words are plain JSON");
    match &prepared.known {
        None => {
            conn.prepare_cached(include_str!("../../schema/statements/insert_sample.sql"))?.execute(params![
                sample.row,
                &sample.id.0[..],
                prepared.source,
                sample.key,
                sample.locator,
                current,
                read,
                &prepared.read_hash[..],
                prepared.licence,
                sample.level,
                sample.split_given.map(|side| side.word()),
                sample.description_kind.word(),
                sample.family,
                meta,
                prepared.dialect.map(|dialect| dialect.word()),
                issues,
                op,
                sample.added,
                sample.state.word()
            ])?;
        }
        Some(known) => {
            let mut after = json!({
                "present": 1,
                "locator": sample.locator,
                "revision": current,
                "read_revision": read,
                "read_hash": crate::sample::hex(&prepared.read_hash),
                "licence": prepared.licence,
                "level": sample.level,
                "split_given": sample.split_given.map(|side| side.word()),
                "description_kind": sample.description_kind.word(),
                "family": sample.family,
                "meta": meta,
                "dialect": prepared.dialect.map(|dialect| dialect.word()),
                "issues": issues,
            });
            let edited: bool = conn
                .prepare_cached("SELECT r.kind = 'edited' FROM sample AS s JOIN revision AS r ON r.revision = s.revision WHERE s.row = ?1")?
                .query_row([known.row], |row| row.get(0))?;
            if let Some(fields) = after.as_object_mut() {
                if edited && known.present {
                    // An edit above a changed read is kept.
                    fields.remove("revision");
                }
                if !known.present || known.reason.as_deref() == Some("gone-upstream") {
                    fields.insert("state".into(), json!(sample.state.word()));
                    fields.insert("reason".into(), Value::Null);
                }
            }
            put_pending(conn, known.row, &after)?;
        }
    }
    Ok(())
}
