//! Following the change log: how the index and the columns come up to the database, or are made anew from it.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension};

use super::columns::{ColumnRow, Columns};
use super::index::Index;
use super::index::rows::RowSet;
use super::read::read_present;
use super::{Store, StoreError, last_change};

impl Store {
    /// Makes the index and the columns anew from the database. The index that is there stays until the new one is whole.
    ///
    /// # Errors
    /// As SQLite and the index; [`StoreError::Inconsistent`] names a sample that cannot be read.
    pub fn rebuild(&mut self) -> Result<(), StoreError> {
        self.must_write()?;
        self.bulk = None;
        self.index_anew(last_change(&self.conn)?)?;
        self.conn.execute("DELETE FROM derived", [])?;
        self.catch_up()
    }

    /// Makes an index beside the one that is there, and then puts it in its place.
    fn index_anew(&mut self, target: i64) -> Result<(), StoreError> {
        let beside = self.project.store_dir().join("index.new");
        let made = self.index_in(&beside, target);
        if made.is_err() {
            let _ = std::fs::remove_dir_all(&beside);
        }
        made?;
        *self.index.get_mut() = Index::replace(&beside, &self.project.index_dir())?;
        Ok(())
    }

    /// Makes an index of every sample that is there.
    fn index_in(&self, dir: &Path, target: i64) -> Result<(), StoreError> {
        let mut fresh = Index::create(dir)?;
        let writer = fresh.writer()?;
        for row in visible_rows(&self.conn)? {
            if let Some(sample) = read_present(&self.conn, row)? {
                writer.add(&sample)?;
            }
        }
        fresh.commit(writer, target)
    }

    pub(super) fn catch_up_columns(&mut self, target: i64) -> Result<(), StoreError> {
        let mut columns = match Columns::load(&self.conn) {
            Ok(columns) => columns,
            Err(StoreError::Inconsistent(_)) => Columns::default(),
            Err(error) => return Err(error),
        };
        if columns.watermark() == target {
            return Ok(());
        }
        let rows = if columns.watermark() < pruned_to(&self.conn, target)? {
            columns = Columns::default();
            visible_rows(&self.conn)?
        } else {
            changed_rows(&self.conn, columns.watermark())?
        };
        {
            let mut statement = self.conn.prepare_cached(include_str!("../../schema/statements/select_columns.sql"))?;
            for row in rows {
                if let Some(values) = statement.query_row([row], column_row).optional()? {
                    columns.set(&values)?;
                }
            }
        }
        let transaction = self.conn.transaction()?;
        columns.save(&transaction, target)?;
        transaction.commit()?;
        Ok(())
    }

    pub(super) fn catch_up_index(&mut self, target: i64) -> Result<(), StoreError> {
        let index = self.index.get_mut();
        let bulk = self.bulk.take();
        if index.watermark() == target {
            return Ok(());
        }
        if index.watermark() < pruned_to(&self.conn, target)? {
            drop(bulk);
            return self.index_anew(target);
        }
        let (writer, done) = match bulk {
            Some(bulk) => bulk,
            None => (index.writer()?, RowSet::default()),
        };
        let fresh = index.watermark() == 0;
        let rows = changed_documents(&self.conn, index.watermark())?;
        for row in rows.into_iter().filter(|row| !done.contains(*row)) {
            if !fresh {
                writer.delete(row);
            }
            if let Some(sample) = read_present(&self.conn, row)? {
                writer.add(&sample)?;
            }
        }
        index.commit(writer, target)
    }
}

fn column_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<ColumnRow> {
    let tags: String = row.get(9)?;
    Ok(ColumnRow {
        row: row.get(0)?,
        present: row.get(1)?,
        state: super::read::word(row, 2)?,
        split: super::read::optional_word(row, 3)?,
        held: row.get(10)?,
        edited: row.get(4)?,
        source: row.get(5)?,
        rank: row.get(6)?,
        licence: row.get(7)?,
        reason: row.get(8)?,
        tags: serde_json::from_str(&tags).unwrap_or_default(),
    })
}

/// The last entry that has been cleared from the change log; who has followed less must begin anew.
fn pruned_to(conn: &Connection, target: i64) -> Result<i64, StoreError> {
    let first: Option<i64> = conn.query_row("SELECT min(seq) FROM change", [], |row| row.get(0))?;
    Ok(first.map_or(target, |first| first - 1))
}

fn rows_of(conn: &Connection, sql: &str, after: i64) -> Result<Vec<u32>, StoreError> {
    let mut statement = conn.prepare(sql)?;
    let rows = statement.query_map([after], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn changed_rows(conn: &Connection, after: i64) -> Result<Vec<u32>, StoreError> {
    rows_of(conn, "SELECT DISTINCT row FROM change WHERE seq > ?1 ORDER BY row", after)
}

fn changed_documents(conn: &Connection, after: i64) -> Result<Vec<u32>, StoreError> {
    rows_of(conn, "SELECT DISTINCT row FROM change WHERE seq > ?1 AND action <> 'state' ORDER BY row", after)
}

/// Rows of closed ops, gone ones too.
fn visible_rows(conn: &Connection) -> Result<Vec<u32>, StoreError> {
    rows_of(
        conn,
        "SELECT row FROM sample WHERE row >= ?1 AND added_op NOT IN (SELECT op FROM op WHERE ended IS NULL) ORDER BY row",
        0,
    )
}
