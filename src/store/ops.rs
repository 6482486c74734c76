//! Ops: what changed the store, in order; open, closed, undone.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Value, json};

use super::{Store, StoreError, last_change};

/// The verb of ops that are final.
const FORGET: &str = "forget";
/// The verb under which runs tell how far they are.
const TRAIN: &str = "train";

/// What a command that wants to write says of itself.
#[derive(Clone, Debug)]
pub struct Begin<'a> {
    /// Subcommand.
    pub verb: &'a str,
    /// What makes it the same command again; an open op with equal verb and arguments is continued. `command`, the
    /// words as typed, does not count: it is for messages.
    pub arguments: Value,
    /// Now: UTC, RFC 3339.
    pub now: &'a str,
}

/// An op, as `log` shows it.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct OpRecord {
    /// Its number.
    pub op: i64,
    /// Subcommand.
    pub verb: String,
    /// Its arguments.
    pub arguments: Value,
    /// When it began (UTC, RFC 3339).
    pub started: String,
    /// When it ended; none while it is open.
    pub ended: Option<String>,
    /// The op that it took back.
    pub undoes: Option<i64>,
    /// The op that took it back, where that is itself in effect.
    pub undone_by: Option<i64>,
    /// Counts, as the command printed them.
    pub summary: Value,
    /// Version of scenery.
    pub tool: String,
}

/// What `undo` did.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Undone {
    /// The op that was taken back.
    pub undone: i64,
    /// Its verb.
    pub verb: String,
    /// Samples that are as they were before it.
    pub restored: u64,
    /// Samples that it had added and that are gone.
    pub removed: u64,
    /// The new op, which can be undone in turn; the same as `undone` where that had never closed.
    pub op: i64,
}

impl Store {
    /// Begins an op, or continues the open one where it is the same command.
    ///
    /// # Errors
    /// [`StoreError::OpenOp`] where another command's op is open.
    pub fn begin(&mut self, begin: &Begin<'_>) -> Result<i64, StoreError> {
        self.must_write()?;
        if let Some((op, verb, arguments)) = self.open_op()? {
            if verb == begin.verb && without_command(&arguments) == without_command(&begin.arguments) {
                return Ok(op);
            }
            return Err(StoreError::OpenOp { op, again: again(&verb, &arguments), verb });
        }
        self.conn.execute(
            "INSERT INTO op (verb, arguments, started, tool) VALUES (?1, ?2, ?3, ?4)",
            params![begin.verb, begin.arguments.to_string(), begin.now, env!("CARGO_PKG_VERSION")],
        )?;
        Ok(self.conn.last_insert_rowid())
    }

    /// The open op: number, verb, arguments.
    ///
    /// # Errors
    /// As SQLite.
    pub fn open_op(&self) -> Result<Option<(i64, String, Value)>, StoreError> {
        let found = self
            .conn
            .query_row("SELECT op, verb, arguments FROM op WHERE ended IS NULL", [], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get::<_, String>(2)?))
            })
            .optional()?;
        Ok(found.map(|(op, verb, arguments)| (op, verb, serde_json::from_str(&arguments).unwrap_or(Value::Null))))
    }

    /// Takes an op that never closed out again, with everything it wrote and its number: nothing of it was ever seen.
    /// Returns how many samples it had written.
    ///
    /// # Errors
    /// As SQLite.
    pub fn discard(&mut self, op: i64) -> Result<u64, StoreError> {
        self.must_write()?;
        self.bulk = None;
        let transaction = self.conn.transaction()?;
        transaction.execute("DELETE FROM pending", [])?;
        transaction.execute("DELETE FROM source_pending", [])?;
        transaction.execute("DELETE FROM pin WHERE op = ?1", [op])?;
        transaction.execute("DELETE FROM verdict WHERE op = ?1", [op])?;
        let removed = transaction.execute("DELETE FROM sample WHERE added_op = ?1", [op])? as u64;
        transaction.execute("DELETE FROM revision WHERE op = ?1", [op])?;
        transaction.execute("DELETE FROM rejected WHERE op = ?1", [op])?;
        transaction.execute(
            "UPDATE rejected SET gone_op = h.gone_before FROM rejected_history AS h
             WHERE h.rejected = rejected.rejected AND h.op = ?1",
            [op],
        )?;
        transaction.execute("DELETE FROM rejected_history WHERE op = ?1", [op])?;
        transaction.execute(
            "DELETE FROM source WHERE source NOT IN (SELECT source FROM sample) AND source NOT IN (SELECT source FROM rejected)",
            [],
        )?;
        transaction.execute("DELETE FROM op WHERE op = ?1 AND ended IS NULL", [op])?;
        transaction.commit()?;
        self.catch_up()?;
        Ok(removed)
    }

    /// All ops, newest first.
    ///
    /// # Errors
    /// As SQLite.
    pub fn ops(&self) -> Result<Vec<OpRecord>, StoreError> {
        let mut statement = self
            .conn
            .prepare("SELECT op, verb, arguments, started, ended, undoes, summary, tool FROM op ORDER BY op DESC")?;
        let json = |text: String| serde_json::from_str(&text).unwrap_or(Value::Null);
        let rows = statement.query_map([], |row| {
            Ok(OpRecord {
                op: row.get(0)?,
                verb: row.get(1)?,
                arguments: json(row.get(2)?),
                started: row.get(3)?,
                ended: row.get(4)?,
                undoes: row.get(5)?,
                summary: json(row.get(6)?),
                tool: row.get(7)?,
                undone_by: None,
            })
        })?;
        let mut ops: Vec<OpRecord> = rows.collect::<Result<_, _>>()?;
        // An op is in effect unless an op in effect undoes it; what undoes an op is newer than it.
        let mut undone_by = BTreeMap::new();
        for op in &mut ops {
            op.undone_by = undone_by.get(&op.op).copied();
            if let (Some(target), None) = (op.undoes, op.undone_by) {
                undone_by.insert(target, op.op);
            }
        }
        Ok(ops)
    }

    /// Closes an op: what it wrote becomes the truth in one transaction, and then visible.
    ///
    /// # Errors
    /// As SQLite and the index; an error after the transaction leaves an op that is closed, and an index that the next
    /// command brings up to date.
    pub fn close(&mut self, op: i64, summary: &Value, now: &str) -> Result<(), StoreError> {
        self.must_write()?;
        let transaction = self.conn.transaction()?;
        close(&transaction, op, summary, now)?;
        transaction.commit()?;
        self.catch_up()
    }

    /// Takes back the newest op in effect that is no undo, or the open one. A redo is the undo of an undo: give its number.
    ///
    /// # Errors
    /// [`StoreError::Unknown`] where there is nothing to undo, a later op stands above the one that was named, or duplicates
    /// would be without a survivor, or with one of other code than they were compared with.
    pub fn undo(&mut self, which: Option<i64>, now: &str) -> Result<Undone, StoreError> {
        self.must_write()?;
        if let Some((op, verb, _)) = self.open_op()? {
            if which.is_some_and(|wanted| wanted != op) {
                return Err(StoreError::Unknown(format!(
                    "op {op} ({verb}) is open: `scenery undo` takes that one back first"
                )));
            }
            let removed = self.discard(op)?;
            return Ok(Undone { undone: op, verb, restored: 0, removed, op });
        }
        let ops = self.ops()?;
        let target = match which {
            Some(number) => ops
                .iter()
                .find(|op| op.op == number)
                .ok_or_else(|| StoreError::Unknown(format!("there is no op {number}")))?,
            None => {
                // That a run began or ended took nothing away and gave no row: there is nothing to take back.
                let changes = |op: &&OpRecord| op.undone_by.is_none() && op.undoes.is_none() && op.verb != TRAIN;
                let mut standing = ops.iter().filter(changes);
                let newest = standing.next().ok_or_else(|| StoreError::Unknown("there is nothing to undo".into()))?;
                if newest.verb == FORGET {
                    let before = standing.find(|op| op.verb != FORGET);
                    let way_on = before.map_or(String::new(), |op| {
                        format!("; `scenery undo {}` takes back what was done before it ({})", op.op, op.verb)
                    });
                    return Err(StoreError::Unknown(format!(
                        "op {} is final: what was forgotten is gone for good{way_on}",
                        newest.op
                    )));
                }
                newest
            }
        };
        if target.verb == FORGET {
            return Err(StoreError::Unknown(format!("op {} is final: what was forgotten is gone for good", target.op)));
        }
        if let Some(by) = target.undone_by {
            return Err(StoreError::Unknown(format!("op {} is undone already, by op {by}", target.op)));
        }
        let (target, target_verb) = (target.op, target.verb.clone());
        if let Some(direct) = self.stands_above(&ops, target)? {
            // What stands above it may have others above itself: the topmost goes first.
            let mut top = direct;
            while let Some(next) = self.stands_above(&ops, top)? {
                top = next;
            }
            return Err(StoreError::Unknown(format!(
                "op {direct} changed or used what op {target} wrote: `scenery undo {top}` first"
            )));
        }
        // All in one transaction: an undo is never found half done.
        let transaction = self.conn.transaction()?;
        let arguments = json!({ "op": target, "command": format!("scenery undo {target}") });
        transaction.execute(
            "INSERT INTO op (verb, arguments, started, undoes, tool) VALUES ('undo', ?1, ?2, ?3, ?4)",
            params![arguments.to_string(), now, target, env!("CARGO_PKG_VERSION")],
        )?;
        let op = transaction.last_insert_rowid();
        // What it changed goes back to what it was; what it added goes away. The undo of an undo finds both in history.
        let restored = transaction.execute(
            "INSERT INTO pending (row, after) SELECT row, before FROM history WHERE op = ?1
                 AND row NOT IN (SELECT row FROM sample WHERE state = 'forgotten')",
            [target],
        )? as u64;
        // Of these, some had not been there before it: an undone ingest that was read again.
        let absent: i64 = transaction.query_row(
            "SELECT count(*) FROM history WHERE op = ?1 AND before ->> 'present' = 0
                 AND row NOT IN (SELECT row FROM sample WHERE state = 'forgotten')",
            [target],
            |row| row.get(0),
        )?;
        let restored = restored - absent as u64;
        let removed = absent as u64
            + transaction.execute(
                "INSERT OR IGNORE INTO pending (row, after) SELECT row, json_object('present', 0) FROM sample
             WHERE added_op = ?1 AND present = 1 AND state <> 'forgotten' AND row NOT IN (SELECT row FROM history WHERE op = ?1)",
                [target],
            )? as u64;
        transaction.execute(
            "INSERT INTO source_pending (source, after) SELECT source, before FROM source_history WHERE op = ?1",
            [target],
        )?;
        // The rejected rows that it met first go; those that it changed are as they were.
        transaction.execute(
            "INSERT INTO rejected_history (rejected, op, gone_before)
             SELECT rejected, ?2, gone_op FROM rejected
             WHERE (op = ?1 AND gone_op IS NULL) OR rejected IN (SELECT rejected FROM rejected_history WHERE op = ?1)",
            params![target, op],
        )?;
        transaction
            .execute("UPDATE rejected SET gone_op = ?2 WHERE op = ?1 AND gone_op IS NULL", params![target, op])?;
        transaction.execute(
            "UPDATE rejected SET gone_op = CASE WHEN h.gone_before IS NULL THEN NULL ELSE ?2 END
             FROM rejected_history AS h WHERE h.rejected = rejected.rejected AND h.op = ?1",
            params![target, op],
        )?;
        let unlike = super::duplicates::of_changed_code(&transaction)?;
        if !unlike.is_empty() {
            return Err(StoreError::Unknown(format!(
                "{} duplicates were found to be like code that op {target} brought: undo first the op that found them (`scenery why {}` names it)",
                unlike.len(),
                &unlike[0].to_string()[..8]
            )));
        }
        let summary = json!({ "undone": target, "restored": restored, "removed": removed });
        close(&transaction, op, &summary, now)?;
        let without = super::duplicates::without_survivor(&transaction)?;
        if !without.is_empty() {
            return Err(StoreError::Unknown(format!(
                "{} duplicates would be without the sample that stands for them: undo first the op that found them duplicates, or the one that took the survivor away (`scenery why {}` names them)",
                without.len(),
                &without[0].to_string()[..8]
            )));
        }
        if let Some(name) = super::runs::doubled(&transaction)? {
            return Err(StoreError::Unknown(format!(
                "another run is called `{name}` by now: undo first the op that began it (`scenery log` names it)"
            )));
        }
        transaction.commit()?;
        self.catch_up()?;
        Ok(Undone { undone: target, verb: target_verb, restored, removed, op })
    }

    /// Refuses to begin something while another command's op is open.
    ///
    /// # Errors
    /// [`StoreError::OpenOp`].
    pub(super) fn refuse_beside_open(&self) -> Result<(), StoreError> {
        match self.open_op()? {
            Some((op, verb, arguments)) => Err(StoreError::OpenOp { op, again: again(&verb, &arguments), verb }),
            None => Ok(()),
        }
    }

    /// The newest op in effect that changed what an op wrote, or that what it wrote was used for.
    fn stands_above(&self, ops: &[OpRecord], target: i64) -> Result<Option<i64>, StoreError> {
        // An undo of an op that is itself later stands in the way of nothing: the two cancel out.
        let above: Vec<i64> = ops
            .iter()
            .filter(|op| {
                op.op > target
                    && op.verb != FORGET
                    && op.undone_by.is_none()
                    && op.undoes.is_none_or(|undoes| undoes < target)
            })
            .map(|op| op.op)
            .collect();
        let found = self.conn.query_row(
            "SELECT max(op) FROM (SELECT h.op FROM history AS h WHERE h.op IN (SELECT value FROM json_each(?2))
                AND (h.row IN (SELECT row FROM history WHERE op = ?1) OR h.row IN (SELECT row FROM sample WHERE added_op = ?1))
             UNION ALL
             SELECT h.op FROM source_history AS h WHERE h.op IN (SELECT value FROM json_each(?2))
                AND h.source IN (SELECT source FROM source_history WHERE op = ?1)
             UNION ALL
             SELECT p.op FROM run_part AS p WHERE p.op IN (SELECT value FROM json_each(?2))
                AND p.run IN (SELECT run FROM run_part WHERE op = ?1)
             UNION ALL
             SELECT r.op FROM generation AS g JOIN revision AS r ON r.revision = g.revision
             WHERE r.op IN (SELECT value FROM json_each(?2)) AND g.run IN (SELECT run FROM run_part WHERE op = ?1))",
            params![target, json!(above).to_string()],
            |row| row.get(0),
        )?;
        Ok(found)
    }

    /// Brings the index and the columns up to the end of the change log.
    pub(super) fn catch_up(&mut self) -> Result<(), StoreError> {
        self.must_write()?;
        self.columns.take();
        self.kin.take();
        let target = last_change(&self.conn)?;
        self.catch_up_columns(target)?;
        self.catch_up_index(target)?;
        self.conn.execute("DELETE FROM change WHERE seq <= ?1", [target])?;
        Ok(())
    }
}

/// Logs an op that is begun and ended at once and changes no sample; returns its number.
pub(super) fn at_once(conn: &Connection, begin: &Begin<'_>, summary: &Value) -> Result<i64, StoreError> {
    conn.execute(
        "INSERT INTO op (verb, arguments, started, ended, summary, tool) VALUES (?1, ?2, ?3, ?3, ?4, ?5)",
        params![begin.verb, begin.arguments.to_string(), begin.now, summary.to_string(), env!("CARGO_PKG_VERSION")],
    )?;
    Ok(conn.last_insert_rowid())
}

/// The ops that are undone by one that is in effect.
pub(super) fn undone(conn: &Connection) -> Result<BTreeSet<i64>, StoreError> {
    let mut statement = conn.prepare_cached("SELECT op, undoes FROM op WHERE undoes IS NOT NULL ORDER BY op DESC")?;
    let mut out = BTreeSet::new();
    for found in statement.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))? {
        let (op, target) = found?;
        // What undoes an op is newer than it.
        if !out.contains(&op) {
            out.insert(target);
        }
    }
    Ok(out)
}

/// Ends an op: history, live values, change log.
pub(super) fn close(conn: &Connection, op: i64, summary: &Value, now: &str) -> Result<(), StoreError> {
    conn.execute(
        "INSERT INTO history (row, op, before)
         SELECT s.row, ?1, json_object('present', s.present, 'state', s.state, 'reason', s.reason, 'locator', s.locator,
            'revision', s.revision, 'read_revision', s.read_revision, 'read_hash', hex(s.read_hash), 'licence', s.licence,
            'level', s.level, 'split', s.split, 'split_given', s.split_given, 'description_kind', s.description_kind,
            'family', s.family, 'meta', s.meta, 'dialect', s.dialect, 'issues', s.issues, 'tags', s.tags, 'dup_of', s.dup_of,
            'dup_similarity', s.dup_similarity, 'dup_method', s.dup_method, 'dup_clause', s.dup_clause, 'exempt', s.exempt,
            'held', s.held, 'side_revision', s.side_revision, 'family_of', s.family_of)
         FROM pending AS p JOIN sample AS s ON s.row = p.row WHERE s.added_op <> ?1",
        [op],
    )?;
    conn.execute_batch(include_str!("../../schema/statements/apply_pending.sql"))?;
    conn.execute(include_str!("../../schema/statements/log_changes.sql"), [op])?;
    conn.execute("DELETE FROM pending", [])?;
    // What an interrupted part of the op made of a row that it then read again.
    conn.execute(
        "DELETE FROM revision WHERE op = ?1 AND revision < (SELECT max(r.revision) FROM revision AS r
            WHERE r.op = ?1 AND r.row = revision.row AND r.kind = 'read')",
        [op],
    )?;
    super::sources::close(conn, op)?;
    conn.execute("UPDATE op SET ended = ?2, summary = ?3 WHERE op = ?1", params![op, now, summary.to_string()])?;
    Ok(())
}

fn without_command(arguments: &Value) -> Value {
    let mut arguments = arguments.clone();
    if let Some(fields) = arguments.as_object_mut() {
        fields.remove("command");
    }
    arguments
}

/// The command line that continues an open op, for messages.
fn again(verb: &str, arguments: &Value) -> String {
    match arguments.get("command").and_then(Value::as_str) {
        Some(command) => command.to_owned(),
        None => format!("scenery {verb}"),
    }
}
