//! Forgetting: the content of samples goes for good, everywhere in the store.
//!
//! What goes in the transaction that closes the op: texts and facts of all revisions, the source's own columns and the
//! key, signatures, near pairs that nothing else has, verdicts, how a model wrote it, and all of it in history. What goes right after it, and
//! whenever the store is next opened to write if that was interrupted: the documents' traces in the index, and free
//! pages and the log of the database.

use rusqlite::{Connection, OptionalExtension, params};
use serde_json::Value;

use super::{Store, StoreError, codec};
use crate::sample::content_hash;

/// Marks in `derived` that traces are still to be purged.
const MARK: &str = "purge";

impl Store {
    /// Closes an op that forgets rows: their states must be pending. Cannot be undone.
    ///
    /// # Errors
    /// As [`Store::close`]; as SQLite and the index where traces cannot be purged, which is done again when the store is
    /// next opened to write.
    pub fn close_forgetting(&mut self, op: i64, rows: &[u32], summary: &Value, now: &str) -> Result<(), StoreError> {
        self.must_write()?;
        self.conn.pragma_update(None, "secure_delete", true)?;
        let transaction = self.conn.transaction()?;
        super::ops::close(&transaction, op, summary, now)?;
        for row in rows {
            scrub(&transaction, *row)?;
        }
        // Pairs of sets that no revision has any more.
        transaction.execute_batch(
            "DELETE FROM near WHERE NOT EXISTS
                (SELECT 1 FROM signature AS s WHERE s.kind = near.kind AND s.digest = near.first)
             OR NOT EXISTS (SELECT 1 FROM signature AS s WHERE s.kind = near.kind AND s.digest = near.second)",
        )?;
        // Words of columns are in dictionaries that only grow: they are made anew.
        transaction.execute("DELETE FROM derived WHERE name NOT LIKE 'near %'", [])?;
        transaction.execute(
            "INSERT OR REPLACE INTO derived (name, watermark, version, data) VALUES (?1, 0, 1, x'')",
            [MARK],
        )?;
        transaction.commit()?;
        self.catch_up()?;
        self.purge()
    }

    /// Purges the traces of what was forgotten, where that is still to be done.
    ///
    /// # Errors
    /// As SQLite and the index; [`StoreError::Unknown`] where another process reads what would have to go.
    pub(super) fn purge(&mut self) -> Result<(), StoreError> {
        if !must_purge(&self.conn)? {
            return Ok(());
        }
        self.index.get_mut().purge()?;
        // Pages that other ops freed, and what the log still holds.
        self.conn.execute_batch("VACUUM")?;
        let busy: i64 = self.conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        if busy != 0 {
            return Err(StoreError::Unknown(
                "the content is forgotten, but another process reads the store and keeps traces of it on disk: end it, and any command that writes purges them".into(),
            ));
        }
        self.conn.execute("DELETE FROM derived WHERE name = ?1", [MARK])?;
        self.conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        Ok(())
    }
}

fn must_purge(conn: &Connection) -> Result<bool, StoreError> {
    let found: Option<i64> =
        conn.query_row("SELECT 1 FROM derived WHERE name = ?1", [MARK], |row| row.get(0)).optional()?;
    Ok(found.is_some())
}

/// Empties a row.
fn scrub(conn: &Connection, row: u32) -> Result<(), StoreError> {
    let (empty, codec) = codec::encode(b"")?;
    conn.prepare_cached("DELETE FROM fact WHERE revision IN (SELECT revision FROM revision WHERE row = ?1)")?
        .execute([row])?;
    conn.prepare_cached("DELETE FROM signature WHERE revision IN (SELECT revision FROM revision WHERE row = ?1)")?
        .execute([row])?;
    conn.prepare_cached("DELETE FROM generation WHERE revision IN (SELECT revision FROM revision WHERE row = ?1)")?
        .execute([row])?;
    conn.prepare_cached("DELETE FROM verdict WHERE row = ?1")?.execute([row])?;
    conn.prepare_cached(
        "UPDATE revision SET instruction = NULL, code = ?2, codec = ?3, content = ?4, cleaners = '[]' WHERE row = ?1",
    )?
    .execute(params![row, empty, codec, &content_hash("")[..]])?;
    // A second row of its key was met in vain, and said of which.
    conn.prepare_cached(
        "UPDATE rejected SET detail = '' FROM sample AS s WHERE s.row = ?1 AND rejected.source = s.source
            AND rejected.reason = 'duplicate-key' AND s.key <> '' AND instr(rejected.detail, '`' || s.key || '`') > 0",
    )?
    .execute([row])?;
    conn.prepare_cached(
        "UPDATE sample SET key = '', meta = '{}', family = NULL, tags = '[]', issues = '[]', reason = NULL,
            read_hash = zeroblob(16) WHERE row = ?1",
    )?
    .execute([row])?;
    conn.prepare_cached(
        "UPDATE history SET before = json_set(before, '$.meta', '{}', '$.family', NULL, '$.tags', '[]', '$.issues', '[]',
            '$.reason', NULL, '$.level', NULL, '$.read_hash', '00000000000000000000000000000000') WHERE row = ?1",
    )?
    .execute([row])?;
    Ok(())
}
