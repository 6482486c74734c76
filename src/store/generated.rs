//! How models wrote samples: what a revision of the source `run/NAME` was generated with.
//!
//! It belongs to the revision, so it is written with it, comes and goes with it, and is forgotten with it.

use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;
use serde_json::Value;

use super::index::rows::RowSet;
use super::read::json;
use super::{Store, StoreError};
use crate::sample::SampleId;

/// What the names of sources begin with that models write into; the name of the run follows.
pub const RUN_SOURCES: &str = "run/";

/// How a model wrote a text.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Generation {
    /// The run that trained the model, by its number in the database; none where it is no run of this store.
    #[serde(skip)]
    pub run: Option<i64>,
    /// Path of the model as typed, and digests of what was loaded.
    pub model: Value,
    /// Digest of the prompt contract, in hexadecimal digits.
    pub contract: String,
    /// Parameters of decoding: temperature, beams, ...
    pub parameters: Value,
    /// Seed of the random choices.
    pub seed: u64,
    /// Which of several answers to one prompt, from 0.
    pub number: u32,
    /// The fields of the prompt, a JSON object of texts.
    pub fields: Value,
    /// Token ids that were written.
    pub tokens: Vec<u32>,
    /// Tokens of the prompt.
    pub prompt_tokens: u32,
    /// Why it ended, in one word.
    pub stop: String,
    /// Row of the sample whose prompt it was; none where the prompt was typed.
    #[serde(skip)]
    pub prompt_of: Option<u32>,
    /// Side of that sample then: `train`, `validation`, `test` or `held`.
    pub side: Option<String>,
}

/// Keeps how a revision was generated.
pub(super) fn put(conn: &Connection, revision: i64, generation: &Generation) -> Result<(), StoreError> {
    let tokens: Vec<u8> = generation.tokens.iter().flat_map(|id| id.to_le_bytes()).collect();
    conn.prepare_cached(
        "INSERT INTO generation (revision, run, model, contract, parameters, seed, number, fields, tokens,
             prompt_tokens, stop, prompt_of, side)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
    )?
    .execute(params![
        revision,
        generation.run,
        generation.model.to_string(),
        generation.contract,
        generation.parameters.to_string(),
        generation.seed.cast_signed(),
        generation.number,
        generation.fields.to_string(),
        tokens,
        generation.prompt_tokens,
        generation.stop,
        generation.prompt_of,
        generation.side,
    ])?;
    Ok(())
}

impl Store {
    /// How a model wrote what was last read of a row; none where none did.
    ///
    /// # Errors
    /// As SQLite.
    pub fn generation_of(&self, row: u32) -> Result<Option<Generation>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT g.run, g.model, g.contract, g.parameters, g.seed, g.number, g.fields, g.tokens, g.prompt_tokens, g.stop,
                 g.prompt_of, g.side
             FROM sample AS s JOIN generation AS g ON g.revision = s.read_revision WHERE s.row = ?1",
        )?;
        let found = statement.query_row([row], |found| {
            let tokens: Vec<u8> = found.get(7)?;
            Ok(Generation {
                run: found.get(0)?,
                model: json(found, 1)?,
                contract: found.get(2)?,
                parameters: json(found, 3)?,
                seed: found.get::<_, i64>(4)?.cast_unsigned(),
                number: found.get(5)?,
                fields: json(found, 6)?,
                tokens: tokens.chunks_exact(4).map(|id| u32::from_le_bytes([id[0], id[1], id[2], id[3]])).collect(),
                prompt_tokens: found.get(8)?,
                stop: found.get(9)?,
                prompt_of: found.get(10)?,
                side: found.get(11)?,
            })
        });
        Ok(found.optional()?)
    }

    /// The rows that models wrote, whatever their state, those that are gone too.
    ///
    /// # Errors
    /// As SQLite.
    pub fn generated_rows(&self) -> Result<RowSet, StoreError> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT r.row FROM generation AS g JOIN revision AS r ON r.revision = g.revision")?;
        let rows = statement.query_map([], |found| found.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The rows that models ever wrote from the prompts of these rows and whose content is there still, by row.
    ///
    /// # Errors
    /// As SQLite.
    pub fn generated_from(&self, rows: &[u32]) -> Result<Vec<u32>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT DISTINCT r.row FROM generation AS g JOIN revision AS r ON r.revision = g.revision
             WHERE g.prompt_of = ?1",
        )?;
        let mut out: Vec<u32> = Vec::new();
        for row in rows {
            for found in statement.query_map([row], |found| found.get::<_, u32>(0))? {
                out.push(found?);
            }
        }
        out.sort_unstable();
        out.dedup();
        Ok(out)
    }

    /// The id of a row, there or gone.
    ///
    /// # Errors
    /// As SQLite.
    pub fn id_of(&self, row: u32) -> Result<Option<SampleId>, StoreError> {
        let mut statement = self.conn.prepare_cached("SELECT id FROM sample WHERE row = ?1")?;
        Ok(statement.query_row([row], |found| Ok(SampleId(found.get(0)?))).optional()?)
    }
}
