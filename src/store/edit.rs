//! Revisions that a verb or a person puts over what was read.

use rusqlite::params;
use serde_json::json;

use super::write::{encode_facts, put_pending};
use super::{Content, Store, StoreError};
use crate::sample::{DescriptionKind, Facts, RevisionKind};

/// A content to be put over a row.
#[derive(Clone, Debug)]
pub struct Edit {
    /// The row.
    pub row: u32,
    /// Its instruction and code from now on.
    pub content: Content,
    /// What the analysers say of them.
    pub facts: Facts,
    /// Who wrote the instruction.
    pub description_kind: DescriptionKind,
}

impl Store {
    /// Puts edited revisions over rows under an open op, all or none of them. What an interrupted part of the same op put
    /// there goes.
    ///
    /// # Errors
    /// As SQLite.
    pub fn put_edits(&mut self, op: i64, analyser: i64, edits: &[Edit]) -> Result<(), StoreError> {
        self.must_write()?;
        let transaction = self.conn.transaction()?;
        for edit in edits {
            let (record, codec) = encode_facts(&edit.facts)?;
            let content = &edit.content;
            transaction
                .prepare_cached("DELETE FROM revision WHERE op = ?1 AND row = ?2 AND kind = 'edited'")?
                .execute(params![op, edit.row])?;
            transaction.prepare_cached(include_str!("../../schema/statements/insert_revision.sql"))?.execute(
                params![
                    edit.row,
                    RevisionKind::Edited.word(),
                    op,
                    content.instruction,
                    content.code,
                    content.codec,
                    &content.hash[..],
                    "[]"
                ],
            )?;
            let revision = transaction.last_insert_rowid();
            transaction
                .prepare_cached(include_str!("../../schema/statements/insert_fact.sql"))?
                .execute(params![revision, analyser, record, codec])?;
            let after = json!({ "revision": revision, "description_kind": edit.description_kind.word() });
            put_pending(&transaction, edit.row, &after)?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// The rows of which the open op read other content, and whose edits above it stay.
    ///
    /// # Errors
    /// As SQLite.
    pub fn edits_kept(&self) -> Result<Vec<u32>, StoreError> {
        let mut statement = self.conn.prepare(
            "SELECT p.row FROM pending AS p JOIN sample AS s ON s.row = p.row JOIN revision AS r ON r.revision = s.revision
             WHERE r.kind = 'edited' AND p.after ->> 'read_revision' IS NOT NULL AND p.after ->> 'revision' IS NULL
             ORDER BY s.id",
        )?;
        let rows = statement.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
