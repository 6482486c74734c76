//! Sources as the store knows them: what a recipe said when its op closed.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::{Value, json};

use super::read::{json, optional_word};
use super::{Store, StoreError};
use crate::sample::Dialect;

/// A source, as its recipe was at the last ingest.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct SourceRecord {
    /// Its name.
    pub name: String,
    /// Its title.
    pub title: String,
    /// SPDX expression or `none-stated`.
    pub licence: String,
    /// Where it is from.
    pub url: String,
    /// How to cite it.
    pub citation: String,
    /// 1 to 5, higher wins among duplicates.
    pub rank: u8,
    /// What it is written for, where that is known.
    pub dialect: Option<Dialect>,
    /// `near`, `exact` or `off`.
    pub dedup: String,
    /// Its level words from low to high.
    pub levels: Vec<String>,
    /// The recipe as TOML.
    pub recipe: String,
}

/// A source as `select_sources.sql` gives it.
fn source_record(row: &Row<'_>) -> rusqlite::Result<SourceRecord> {
    Ok(SourceRecord {
        name: row.get(0)?,
        title: row.get(1)?,
        licence: row.get(2)?,
        url: row.get(3)?,
        citation: row.get(4)?,
        rank: row.get(5)?,
        dialect: optional_word(row, 6)?,
        dedup: row.get(7)?,
        levels: json(row, 8)?,
        recipe: row.get(9)?,
    })
}

impl Store {
    /// The sources that the store has rows of, or has tried, by name.
    ///
    /// # Errors
    /// As SQLite.
    pub fn sources(&self) -> Result<Vec<SourceRecord>, StoreError> {
        let mut statement = self.conn.prepare(include_str!("../../schema/statements/select_sources.sql"))?;
        let rows = statement.query_map([None::<&str>], source_record)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The sources by the number that rows name them by.
    ///
    /// # Errors
    /// As SQLite.
    pub fn numbered_sources(&self) -> Result<BTreeMap<i64, SourceRecord>, StoreError> {
        let mut number = self.conn.prepare("SELECT source FROM source WHERE name = ?1")?;
        let of = |source: SourceRecord| Ok((number.query_row([&source.name], |row| row.get(0))?, source));
        self.sources()?.into_iter().map(of).collect()
    }

    /// One source, as closed ops have it.
    ///
    /// # Errors
    /// As SQLite.
    pub fn source(&self, name: &str) -> Result<Option<SourceRecord>, StoreError> {
        let mut statement = self.conn.prepare(include_str!("../../schema/statements/select_sources.sql"))?;
        Ok(statement.query_row([name], source_record).optional()?)
    }

    /// The files and folders that the newest ingest of a source read that was not taken back; none where there is none.
    ///
    /// # Errors
    /// As SQLite.
    pub fn last_paths(&self, source: &str) -> Result<Vec<String>, StoreError> {
        let stands = |op: &super::OpRecord| op.verb == "ingest" && op.ended.is_some() && op.undone_by.is_none();
        let newest = self.ops()?.into_iter().find(|op| stands(op) && op.arguments["source"] == source);
        let paths = newest.map(|mut op| op.arguments["paths"].take());
        Ok(paths.and_then(|paths| serde_json::from_value(paths).ok()).unwrap_or_default())
    }

    /// Writes a source as its recipe has it now, under an open op; returns its number. What differs from before is
    /// seen when the op closes, and the rows of the source follow a new licence or rank.
    ///
    /// # Errors
    /// As SQLite.
    pub fn put_source(&mut self, record: &SourceRecord) -> Result<i64, StoreError> {
        self.must_write()?;
        let transaction = self.conn.transaction()?;
        let levels = serde_json::to_string(&record.levels).expect("words are plain JSON");
        let known: Option<i64> = transaction
            .query_row("SELECT source FROM source WHERE name = ?1", [&record.name], |row| row.get(0))
            .optional()?;
        let number = match known {
            None => {
                transaction.execute(
                    "INSERT INTO source (source, name, title, licence, url, citation, rank, dialect, dedup, levels, recipe)
                     VALUES ((SELECT coalesce(max(source) + 1, 0) FROM source), ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                    params![
                        record.name,
                        record.title,
                        record.licence,
                        record.url,
                        record.citation,
                        record.rank,
                        record.dialect.map(|dialect| dialect.word()),
                        record.dedup,
                        levels,
                        record.recipe
                    ],
                )?;
                transaction.last_insert_rowid()
            }
            Some(number) => {
                let before: String = transaction.query_row(
                    include_str!("../../schema/statements/source_json.sql"),
                    [number],
                    |row| row.get(0),
                )?;
                let before: Value = serde_json::from_str(&before).unwrap_or(Value::Null);
                let after = json!({
                    "title": record.title, "licence": record.licence, "url": record.url, "citation": record.citation,
                    "rank": record.rank, "dialect": record.dialect.map(|dialect| dialect.word()), "dedup": record.dedup,
                    "levels": levels, "recipe": record.recipe,
                });
                transaction.execute("DELETE FROM source_pending WHERE source = ?1", [number])?;
                if before != after {
                    transaction.execute(
                        "INSERT INTO source_pending (source, after) VALUES (?1, ?2)",
                        params![number, after.to_string()],
                    )?;
                }
                number
            }
        };
        transaction.commit()?;
        Ok(number)
    }
}

/// Makes pending sources the truth, keeps what they were, and lets their rows follow.
pub(super) fn close(conn: &Connection, op: i64) -> Result<(), StoreError> {
    let pending: Vec<(i64, String)> = {
        let mut statement = conn.prepare("SELECT source, after FROM source_pending ORDER BY source")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect::<Result<_, _>>()?
    };
    for (source, after) in &pending {
        let before: String =
            conn.query_row(include_str!("../../schema/statements/source_json.sql"), [source], |row| row.get(0))?;
        conn.execute(
            "INSERT INTO source_history (source, op, before) VALUES (?1, ?2, ?3)",
            params![source, op, before],
        )?;
        let read = |text: &str| serde_json::from_str::<Value>(text).unwrap_or(Value::Null);
        let (before, after) = (read(&before), read(after));
        if before["licence"] != after["licence"] || before["rank"] != after["rank"] {
            conn.execute(
                "INSERT INTO change (op, row, action) SELECT ?1, row, 'state' FROM sample WHERE source = ?2",
                params![op, source],
            )?;
        }
    }
    conn.execute_batch(include_str!("../../schema/statements/apply_source_pending.sql"))?;
    conn.execute("DELETE FROM source_pending", [])?;
    Ok(())
}
