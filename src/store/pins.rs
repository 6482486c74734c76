//! Pins: slices that were frozen.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{OptionalExtension, params};

use super::{Store, StoreError};
use crate::sample::{ContentDigest, hex};

/// A pin.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct PinRecord {
    /// Its number in the database; never shown.
    #[serde(skip)]
    pub pin: i64,
    /// Name of the saved query.
    pub name: String,
    /// Its number among the pins of that name, from 1.
    pub number: u64,
    /// The op that made it.
    pub op: i64,
    /// The op after which its rows are as it has them.
    pub moment: i64,
    /// When it was made (UTC, RFC 3339).
    pub made: String,
    /// What was asked: `@NAME`, or `@NAME(ARGUMENTS)`.
    pub query: String,
    /// The texts of the saved queries that it used, by name.
    pub queries: BTreeMap<String, String>,
    /// Versions of the analysers whose facts it was asked of.
    pub analyser: String,
    /// How many rows it has.
    pub rows: u64,
    /// SHA-256 over id, source, licence, instruction and code of every row, in order, in hexadecimal digits.
    pub content: String,
}

/// What is to be frozen.
#[derive(Clone, Debug)]
pub struct Freeze<'a> {
    /// Name of the saved query.
    pub name: &'a str,
    /// What was asked.
    pub query: &'a str,
    /// The texts of the saved queries that it used, by name.
    pub queries: &'a BTreeMap<String, String>,
    /// Versions of the analysers.
    pub analyser: &'a str,
    /// The op after which the rows are as they are frozen; the one that makes the pin where there is none.
    pub moment: Option<i64>,
    /// The rows, in order.
    pub rows: &'a [u32],
    /// SHA-256 of what they are, see [`PinRecord::content`].
    pub content: [u8; 32],
}

impl Store {
    /// Freezes rows under an open op; returns the number that the pin gets among those of its name.
    ///
    /// # Errors
    /// As SQLite.
    pub fn put_pin(&mut self, op: i64, freeze: &Freeze<'_>) -> Result<u64, StoreError> {
        self.must_write()?;
        let queries = serde_json::to_string(freeze.queries).expect("a map of texts is plain JSON");
        let members: Vec<u8> = freeze.rows.iter().flat_map(|row| row.to_le_bytes()).collect();
        let transaction = self.conn.transaction()?;
        // Of an interrupted part of the same op.
        transaction.execute("DELETE FROM pin WHERE op = ?1", [op])?;
        let number: i64 = transaction.query_row(
            "SELECT coalesce(max(number), 0) + 1 FROM pin WHERE name = ?1",
            [freeze.name],
            |row| row.get(0),
        )?;
        transaction.execute(
            "INSERT INTO pin (name, number, op, moment, query, queries, analyser, members, content)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                freeze.name,
                number,
                op,
                freeze.moment.unwrap_or(op),
                freeze.query,
                queries,
                freeze.analyser,
                members,
                &freeze.content[..]
            ],
        )?;
        transaction.commit()?;
        Ok(number as u64)
    }

    /// The pins that stand (those that were not undone), by name and number; all of them or those of a name.
    ///
    /// # Errors
    /// As SQLite.
    pub fn pins(&self, name: Option<&str>) -> Result<Vec<PinRecord>, StoreError> {
        let undone: BTreeSet<i64> =
            self.ops()?.into_iter().filter(|op| op.undone_by.is_some()).map(|op| op.op).collect();
        let mut statement = self.conn.prepare_cached(
            "SELECT p.pin, p.name, p.number, p.op, o.ended, p.query, p.queries, p.analyser, length(p.members) / 4, p.content, p.moment
             FROM pin AS p JOIN op AS o ON o.op = p.op
             WHERE o.ended IS NOT NULL AND (?1 IS NULL OR p.name = ?1) ORDER BY p.name, p.number",
        )?;
        let rows = statement.query_map([name], |row| {
            Ok(PinRecord {
                pin: row.get(0)?,
                name: row.get(1)?,
                number: row.get::<_, i64>(2)? as u64,
                op: row.get(3)?,
                moment: row.get(10)?,
                made: row.get(4)?,
                query: row.get(5)?,
                queries: super::read::json(row, 6)?,
                analyser: row.get(7)?,
                rows: row.get::<_, i64>(8)? as u64,
                content: hex(&row.get::<_, [u8; 32]>(9)?),
            })
        })?;
        let all: Vec<PinRecord> = rows.collect::<Result<_, _>>()?;
        Ok(all.into_iter().filter(|pin| !undone.contains(&pin.op)).collect())
    }

    /// The digest of what a pin froze, as the store has it now, and how many of its rows have been forgotten since.
    ///
    /// # Errors
    /// As SQLite; [`StoreError::Inconsistent`] where a row cannot be read.
    pub fn pin_content(&self, pin: &PinRecord) -> Result<(String, u64), StoreError> {
        let past = self.past(pin.moment)?;
        let mut digest = ContentDigest::default();
        let mut gone = 0;
        for row in self.pin_rows(pin.pin)? {
            match past.sample(row)? {
                Some(sample) => digest.add(&sample),
                None => gone += 1,
            }
        }
        Ok((hex(&digest.finish()), gone.min(past.forgotten().len() as u64)))
    }

    /// The rows of a pin, in order.
    ///
    /// # Errors
    /// As SQLite; [`StoreError::Inconsistent`] where there is no such pin.
    pub fn pin_rows(&self, pin: i64) -> Result<Vec<u32>, StoreError> {
        let members: Option<Vec<u8>> = self
            .conn
            .prepare_cached("SELECT members FROM pin WHERE pin = ?1")?
            .query_row([pin], |row| row.get(0))
            .optional()?;
        let members = members.ok_or_else(|| StoreError::Inconsistent(format!("there is no pin {pin}")))?;
        Ok(members.chunks_exact(4).map(|four| u32::from_le_bytes([four[0], four[1], four[2], four[3]])).collect())
    }
}
