//! Reading: samples by row or id, their revisions and history, sources, rejected rows.

use std::str::FromStr;

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::Value;

use super::index::rows::RowSet;
use super::{RUN_SOURCES, Store, StoreError, codec};
use crate::sample::{Dialect, Facts, RejectedRow, RevisionKind, Sample, SampleId, Written};

/// What reads the place of every sample.
pub const PLACES_SQL: &str = "SELECT s.row, s.key, s.locator, src.name FROM sample AS s JOIN source AS src ON src.source = s.source WHERE s.present = 1";

/// What reads the columns of their own of the samples that may have one: ?1 is its name as JSON writes it.
pub const META_SQL: &str = "SELECT row, meta FROM sample WHERE present = 1 AND instr(meta, ?1) > 0";

/// What finds ids from ?1 to ?2, at most ?3 of them; those that are gone too where ?4.
pub const IDS_SQL: &str = "SELECT row, id FROM sample WHERE id BETWEEN ?1 AND ?2 AND (present = 1 OR ?4)
                AND added_op NOT IN (SELECT op FROM op WHERE ended IS NULL) ORDER BY id LIMIT ?3";

const VISIBLE_REJECTED: &str = include_str!("../../schema/statements/visible_rejected.sql");

/// A revision of a sample.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct RevisionRecord {
    /// Its number, ascending in time over the whole store.
    pub revision: i64,
    /// What it is.
    pub kind: RevisionKind,
    /// The op that wrote it.
    pub op: i64,
    /// Its instruction.
    pub instruction: Option<String>,
    /// Its code.
    pub code: String,
    /// The cleaners that made it.
    pub cleaners: Vec<String>,
    /// Whether it is the current one.
    pub current: bool,
}

/// What an op did to a sample.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct HistoryEntry {
    /// The op.
    pub op: i64,
    /// Its verb.
    pub verb: String,
    /// When it ended.
    pub ended: Option<String>,
    /// What the sample was before it; null where the op added the sample.
    pub before: Value,
}

pub(super) fn word<T: FromStr>(row: &Row<'_>, at: usize) -> rusqlite::Result<T>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    let text: String = row.get(at)?;
    text.parse().map_err(|error| rusqlite::Error::FromSqlConversionFailure(at, Type::Text, Box::new(error)))
}

pub(super) fn optional_word<T: FromStr>(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<T>>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    let text: Option<String> = row.get(at)?;
    text.map(|text| {
        text.parse().map_err(|error| rusqlite::Error::FromSqlConversionFailure(at, Type::Text, Box::new(error)))
    })
    .transpose()
}

pub(super) fn json<T: serde::de::DeserializeOwned>(row: &Row<'_>, at: usize) -> rusqlite::Result<T> {
    let text: String = row.get(at)?;
    serde_json::from_str(&text)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(at, Type::Text, Box::new(error)))
}

/// A sample as `select_sample.sql` gives it, still compressed.
struct Packed {
    sample: Sample,
    code: Vec<u8>,
    codec: i64,
    facts: Option<(Vec<u8>, i64)>,
}

impl Packed {
    fn unpack(mut self) -> Result<Sample, StoreError> {
        let facts = self.facts.take();
        let mut sample = self.without_facts()?;
        if let Some((record, codec)) = facts {
            sample.facts = facts_of(&record, codec).map_err(|error| unreadable("facts", &sample, &error))?;
        }
        Ok(sample)
    }

    fn without_facts(mut self) -> Result<Sample, StoreError> {
        match codec::decode_text(&self.code, self.codec) {
            Ok(code) => self.sample.code = code,
            Err(error) => return Err(unreadable("code", &self.sample, &error)),
        }
        Ok(self.sample)
    }
}

pub(super) fn facts_of(record: &[u8], codec: i64) -> Result<Facts, StoreError> {
    serde_json::from_slice(&codec::decode(record, codec)?).map_err(|error| StoreError::Inconsistent(error.to_string()))
}

pub(super) fn unreadable(what: &str, sample: &Sample, error: &StoreError) -> StoreError {
    StoreError::Inconsistent(format!("the {what} of {} ({}): {}", sample.id, sample.locator, error.bare()))
}

fn packed(row: &Row<'_>) -> rusqlite::Result<Packed> {
    let facts: Option<Vec<u8>> = row.get(23)?;
    let facts_codec: Option<i64> = row.get(24)?;
    Ok(Packed {
        code: row.get(8)?,
        codec: row.get(9)?,
        facts: facts.zip(facts_codec),
        sample: Sample {
            row: row.get(0)?,
            id: SampleId(row.get(1)?),
            source: row.get(2)?,
            key: row.get(3)?,
            locator: row.get(4)?,
            state: word(row, 5)?,
            reason: row.get(6)?,
            instruction: row.get(7)?,
            code: String::new(),
            revision: word(row, 10)?,
            cleaners: json(row, 11)?,
            licence: row.get(12)?,
            rank: row.get(13)?,
            level: row.get(14)?,
            split: optional_word(row, 15)?,
            held: row.get(25)?,
            split_given: optional_word(row, 16)?,
            tags: json(row, 17)?,
            description_kind: word(row, 18)?,
            meta: json(row, 19)?,
            family: row.get(20)?,
            content: row.get(21)?,
            added: row.get(22)?,
            facts: Facts::default(),
            written: written(row, 26, &row.get::<_, String>(2)?)?,
        },
    })
}

/// How a model wrote a sample of a source: stop, row of the prompt's sample and its side, from `at` on.
pub(super) fn written(row: &Row<'_>, at: usize, source: &str) -> rusqlite::Result<Option<Written>> {
    let Some(stop) = row.get::<_, Option<String>>(at)? else { return Ok(None) };
    let side: Option<String> = row.get(at + 2)?;
    Ok(Some(Written {
        run: source.strip_prefix(RUN_SOURCES).unwrap_or(source).to_owned(),
        stop,
        prompt_of: row.get(at + 1)?,
        held: side.as_deref() == Some("held"),
    }))
}

/// A sample, where it is there.
pub(super) fn read_present(conn: &Connection, row: u32) -> Result<Option<Sample>, StoreError> {
    let present: Option<bool> = conn
        .prepare_cached("SELECT present FROM sample WHERE row = ?1")?
        .query_row([row], |found| found.get(0))
        .optional()?;
    // What is gone is not read: it may be gone because it cannot be.
    if present != Some(true) {
        return Ok(None);
    }
    let found = conn
        .prepare_cached(include_str!("../../schema/statements/select_sample.sql"))?
        .query_row([row], packed)
        .optional()?;
    found.map(Packed::unpack).transpose()
}

impl Store {
    /// The samples of rows, in the order of the rows.
    ///
    /// # Errors
    /// [`StoreError::Inconsistent`] where a row is not there; as SQLite.
    pub fn samples(&self, rows: &[u32]) -> Result<Vec<Sample>, StoreError> {
        rows.iter().map(|row| self.sample(*row)).collect()
    }

    /// The sample of a row.
    ///
    /// # Errors
    /// As [`Store::samples`].
    pub fn sample(&self, row: u32) -> Result<Sample, StoreError> {
        self.packed_sample(row)?.unpack()
    }

    /// The sample of a row without its facts, which need not be readable.
    ///
    /// # Errors
    /// As [`Store::samples`].
    pub fn sample_without_facts(&self, row: u32) -> Result<Sample, StoreError> {
        self.packed_sample(row)?.without_facts()
    }

    fn packed_sample(&self, row: u32) -> Result<Packed, StoreError> {
        self.conn
            .prepare_cached(include_str!("../../schema/statements/select_sample.sql"))?
            .query_row([row], packed)
            .optional()?
            .ok_or_else(|| StoreError::Inconsistent(format!("row {row} is in the index and not in the database")))
    }

    /// Id and locator of a row, for messages.
    ///
    /// # Errors
    /// As SQLite.
    pub fn name_of(&self, row: u32) -> Result<String, StoreError> {
        Ok(self.conn.query_row("SELECT id, locator FROM sample WHERE row = ?1", [row], |found| {
            Ok(format!("{} ({})", SampleId(found.get(0)?), found.get::<_, String>(1)?))
        })?)
    }

    /// Where a row is and what it is told apart by, without its texts.
    ///
    /// # Errors
    /// As SQLite.
    pub fn placed(&self, row: u32) -> Result<Placed, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT s.id, src.name, s.key, s.locator, r.content, s.family FROM sample AS s
             JOIN source AS src ON src.source = s.source JOIN revision AS r ON r.revision = s.revision WHERE s.row = ?1",
        )?;
        Ok(statement.query_row([row], |found| {
            Ok(Placed {
                id: SampleId(found.get(0)?),
                source: found.get(1)?,
                key: found.get(2)?,
                locator: found.get(3)?,
                content: found.get(4)?,
                family: found.get(5)?,
            })
        })?)
    }

    /// Key and locator of every row that is there, handed to `take`.
    ///
    /// # Errors
    /// As SQLite.
    pub fn scan_places(&self, take: &mut dyn FnMut(u32, &str, &str, &str)) -> Result<(), StoreError> {
        let mut statement = self.conn.prepare_cached(PLACES_SQL)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let text = |at: usize| -> Result<&str, StoreError> {
                row.get_ref(at)?.as_str().map_err(|error| StoreError::Inconsistent(error.to_string()))
            };
            take(row.get(0)?, text(1)?, text(2)?, text(3)?);
        }
        Ok(())
    }

    /// The value of a source's own column in every row that is there and has it, handed to `take`.
    ///
    /// # Errors
    /// As SQLite; [`StoreError::Inconsistent`] where a row's columns are no JSON.
    pub fn scan_meta(&self, name: &str, take: &mut dyn FnMut(u32, &serde_json::Value)) -> Result<(), StoreError> {
        let mut statement = self.conn.prepare_cached(META_SQL)?;
        // A name as JSON writes it, which is how it stands in the text.
        let mut rows = statement.query([serde_json::Value::from(name).to_string()])?;
        while let Some(row) = rows.next()? {
            let text = row.get_ref(1)?.as_str().map_err(|error| StoreError::Inconsistent(error.to_string()))?;
            let meta: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text)
                .map_err(|error| StoreError::Inconsistent(format!("the columns of a source: {error}")))?;
            if let Some(value) = meta.get(name) {
                take(row.get(0)?, value);
            }
        }
        Ok(())
    }

    /// The rows whose id begins with hexadecimal digits, at most `limit` of them.
    ///
    /// # Errors
    /// [`StoreError::Unknown`] where the digits are none; as SQLite.
    pub fn rows_by_id(&self, digits: &str, limit: usize) -> Result<Vec<(u32, SampleId)>, StoreError> {
        self.rows_with_id(digits, limit, false)
    }

    /// As [`Store::rows_by_id`], with the rows that are gone.
    ///
    /// # Errors
    /// As there.
    pub fn rows_by_id_ever(&self, digits: &str, limit: usize) -> Result<Vec<(u32, SampleId)>, StoreError> {
        self.rows_with_id(digits, limit, true)
    }

    fn rows_with_id(&self, digits: &str, limit: usize, gone: bool) -> Result<Vec<(u32, SampleId)>, StoreError> {
        let lower = digits.to_ascii_lowercase();
        if lower.is_empty() || lower.len() > 32 || !lower.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(StoreError::Unknown(format!("`{digits}` is no id: ids are 6 to 32 hexadecimal digits")));
        }
        let parse = |padded: String| u128::from_str_radix(&padded, 16).map(u128::to_be_bytes).unwrap_or_default();
        let low = parse(format!("{lower:0<32}"));
        let high = parse(format!("{lower:f<32}"));
        let mut statement = self.conn.prepare_cached(IDS_SQL)?;
        let rows = statement.query_map(params![&low[..], &high[..], limit as i64, gone], |row| {
            Ok((row.get(0)?, SampleId(row.get(1)?)))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The row of a whole id, there or gone; `None` where the store never had it.
    ///
    /// # Errors
    /// As SQLite.
    pub fn row_of(&self, id: &str) -> Result<Option<u32>, StoreError> {
        let Ok(number) = u128::from_str_radix(id, 16) else { return Ok(None) };
        let mut statement = self.conn.prepare_cached("SELECT row FROM sample WHERE id = ?1")?;
        Ok(statement.query_row([&number.to_be_bytes()[..]], |row| row.get(0)).optional()?)
    }

    /// How many hexadecimal digits tell every id of the store apart, at least 6.
    ///
    /// # Errors
    /// As SQLite.
    pub fn short_digits(&self, ids: &[SampleId]) -> Result<usize, StoreError> {
        let mut before = self.conn.prepare_cached("SELECT id FROM sample WHERE id < ?1 ORDER BY id DESC LIMIT 1")?;
        let mut after = self.conn.prepare_cached("SELECT id FROM sample WHERE id > ?1 ORDER BY id LIMIT 1")?;
        let mut digits = 6;
        for id in ids {
            for statement in [&mut before, &mut after] {
                let near: Option<[u8; 16]> = statement.query_row([&id.0[..]], |row| row.get(0)).optional()?;
                if let Some(near) = near {
                    let (a, b) = (id.to_string(), SampleId(near).to_string());
                    let same = a.bytes().zip(b.bytes()).take_while(|(x, y)| x == y).count();
                    digits = digits.max(same + 1);
                }
            }
        }
        Ok(digits.min(32))
    }

    /// All revisions of a row, oldest first.
    ///
    /// # Errors
    /// As SQLite.
    pub fn revisions(&self, row: u32) -> Result<Vec<RevisionRecord>, StoreError> {
        let mut statement = self.conn.prepare(
            "SELECT r.revision, r.kind, r.op, r.instruction, r.code, r.codec, r.cleaners, r.revision = s.revision
             FROM revision AS r JOIN sample AS s ON s.row = r.row
             WHERE r.row = ?1 AND r.op NOT IN (SELECT op FROM op WHERE ended IS NULL) ORDER BY r.revision",
        )?;
        let rows = statement.query_map([row], |found| {
            Ok((
                RevisionRecord {
                    revision: found.get(0)?,
                    kind: word(found, 1)?,
                    op: found.get(2)?,
                    instruction: found.get(3)?,
                    code: String::new(),
                    cleaners: json(found, 6)?,
                    current: found.get(7)?,
                },
                found.get::<_, Vec<u8>>(4)?,
                found.get::<_, i64>(5)?,
            ))
        })?;
        let mut out = Vec::new();
        for found in rows {
            let (mut record, code, codec) = found?;
            record.code = codec::decode_text(&code, codec)?;
            out.push(record);
        }
        Ok(out)
    }

    /// The ops that touched a row, oldest first.
    ///
    /// # Errors
    /// As SQLite.
    pub fn history(&self, row: u32) -> Result<Vec<HistoryEntry>, StoreError> {
        let mut statement = self.conn.prepare(
            "SELECT o.op, o.verb, o.ended, NULL FROM sample AS s JOIN op AS o ON o.op = s.added_op WHERE s.row = ?1
             UNION ALL
             SELECT o.op, o.verb, o.ended, h.before FROM history AS h JOIN op AS o ON o.op = h.op WHERE h.row = ?1
             ORDER BY 1",
        )?;
        let rows = statement.query_map([row], |found| {
            let before: Option<String> = found.get(3)?;
            Ok(HistoryEntry {
                op: found.get(0)?,
                verb: found.get(1)?,
                ended: found.get(2)?,
                before: before.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or(Value::Null),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// What the reader found of a row outside its code: the dialect and its issues.
    ///
    /// # Errors
    /// As SQLite.
    pub fn hints(&self, row: u32) -> Result<(Option<Dialect>, Vec<String>), StoreError> {
        Ok(self.conn.query_row("SELECT dialect, issues FROM sample WHERE row = ?1", [row], |found| {
            Ok((optional_word(found, 0)?, json(found, 1)?))
        })?)
    }

    /// Rejected rows of a source, by file and number of the row; at most `limit`.
    ///
    /// # Errors
    /// As SQLite.
    pub fn rejected(&self, source: &str, limit: usize) -> Result<Vec<RejectedRow>, StoreError> {
        let mut statement = self.conn.prepare(&format!(
            "SELECT r.file, r.locator, r.reason, r.detail FROM ({VISIBLE_REJECTED}) AS r
             JOIN source AS s ON s.source = r.source WHERE s.name = ?1 ORDER BY r.rejected LIMIT ?2",
        ))?;
        let rows = statement.query_map(params![source, limit as i64], |row| {
            Ok(RejectedRow { file: row.get(0)?, locator: row.get(1)?, reason: row.get(2)?, detail: row.get(3)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Rejected rows that an op met first, open or not; at most `limit`.
    ///
    /// # Errors
    /// As SQLite.
    pub fn rejected_of(&self, source: &str, op: i64, limit: usize) -> Result<Vec<RejectedRow>, StoreError> {
        let mut statement = self.conn.prepare(
            "SELECT r.file, r.locator, r.reason, r.detail FROM rejected AS r JOIN source AS s ON s.source = r.source
             WHERE s.name = ?1 AND r.op = ?2 ORDER BY r.rejected LIMIT ?3",
        )?;
        let rows = statement.query_map(params![source, op, limit as i64], |row| {
            Ok(RejectedRow { file: row.get(0)?, locator: row.get(1)?, reason: row.get(2)?, detail: row.get(3)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Rejected rows of every source, counted by source and reason.
    ///
    /// # Errors
    /// As SQLite.
    pub fn rejected_counts(&self) -> Result<Vec<(String, String, u64)>, StoreError> {
        let mut statement = self.conn.prepare(&format!(
            "SELECT s.name, r.reason, count(*) FROM ({VISIBLE_REJECTED}) AS r JOIN source AS s ON s.source = r.source
             GROUP BY 1, 2 ORDER BY 1, 2",
        ))?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, i64>(2)? as u64)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The rows that are there and whose facts were not made by this analyser set.
    ///
    /// # Errors
    /// As SQLite.
    pub fn stale_rows(&self, version: &str) -> Result<Vec<u32>, StoreError> {
        let mut statement = self.conn.prepare(
            "SELECT s.row FROM sample AS s LEFT JOIN fact AS f ON f.revision = s.revision
             LEFT JOIN analyser AS a ON a.analyser = f.analyser
             WHERE s.present = 1 AND s.state <> 'forgotten' AND a.version IS NOT ?1 ORDER BY s.row",
        )?;
        let rows = statement.query_map([version], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Whether all facts were made by this analyser set.
    ///
    /// # Errors
    /// As SQLite.
    pub fn facts_are_of(&self, version: &str) -> Result<bool, StoreError> {
        Ok(self.conn.query_row(
            "SELECT NOT EXISTS (SELECT 1 FROM analyser AS a WHERE a.version <> ?1
                AND EXISTS (SELECT 1 FROM fact AS f WHERE f.analyser = a.analyser))",
            [version],
            |found| found.get(0),
        )?)
    }

    /// The rows that are there and whose record of facts cannot be read.
    ///
    /// # Errors
    /// As SQLite.
    pub fn unreadable_facts(&self) -> Result<Vec<u32>, StoreError> {
        let mut statement = self.conn.prepare(
            "SELECT s.row, f.record, f.codec FROM sample AS s JOIN fact AS f ON f.revision = s.revision
             WHERE s.present = 1 ORDER BY s.row",
        )?;
        let mut rows = statement.query([])?;
        let mut out = Vec::new();
        while let Some(row) = rows.next()? {
            if facts_of(&row.get::<_, Vec<u8>>(1)?, row.get(2)?).is_err() {
                out.push(row.get(0)?);
            }
        }
        Ok(out)
    }

    /// The rows that are there, of closed ops, as the database has them.
    ///
    /// # Errors
    /// As SQLite.
    pub fn present_rows(&self) -> Result<RowSet, StoreError> {
        let mut statement = self.conn.prepare(
            "SELECT row FROM sample WHERE present = 1 AND added_op NOT IN (SELECT op FROM op WHERE ended IS NULL)",
        )?;
        let rows = statement.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

/// Where a sample is and what it is told apart by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Its id.
    pub id: SampleId,
    /// Name of its source.
    pub source: String,
    /// What makes it the same row next time.
    pub key: String,
    /// Where it was last seen.
    pub locator: String,
    /// Hash of its code.
    pub content: [u8; 16],
    /// Values of the recipe's `family` columns.
    pub family: Option<String>,
}
