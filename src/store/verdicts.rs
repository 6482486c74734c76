//! Verdicts: what of the samples was found in other data, by an op of `decontaminate`.

use std::collections::BTreeSet;

use rusqlite::params;
use serde::Serialize;

use super::{Store, StoreError};

/// By what a sample was found in other data, the strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FoundAs {
    /// Equal code, but for line ends and blanks at the ends of lines.
    Exact,
    /// Shingles of the code in common.
    Near,
    /// Shingles of the code in common once names are numbered and literals are their kinds.
    Renamed,
    /// Words of the instruction in common.
    Prompt,
}

impl FoundAs {
    /// All of them, by name, the strongest first.
    pub const ALL: &[(FoundAs, &str)] = &[
        (FoundAs::Exact, "exact"),
        (FoundAs::Near, "near"),
        (FoundAs::Renamed, "renamed"),
        (FoundAs::Prompt, "prompt"),
    ];

    /// Its name.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(each, _)| *each == self).map_or("", |(_, word)| word)
    }

    fn of(word: &str) -> Option<FoundAs> {
        Self::ALL.iter().find(|(_, each)| *each == word).map(|(each, _)| *each)
    }
}

/// What of a sample stands in other data.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// Dense row number of the sample.
    #[serde(skip)]
    pub row: u32,
    /// The op that found it.
    pub op: i64,
    /// The data: a file as it was named, or a source.
    pub reference: String,
    /// Where in it.
    pub place: String,
    /// By what.
    pub method: FoundAs,
    /// How alike the two are, above 0, at most 1.
    pub score: f64,
    /// Lines of the sample's code that stand in the reference too, as `3-12,15`; of a prompt `instruction`.
    pub span: String,
}

impl Store {
    /// Keeps verdicts under an open op; those that an interrupted part of it had written go.
    ///
    /// # Errors
    /// As SQLite.
    pub fn put_verdicts(&mut self, op: i64, verdicts: &[Verdict]) -> Result<(), StoreError> {
        self.must_write()?;
        let transaction = self.conn.transaction()?;
        transaction.execute("DELETE FROM verdict WHERE op = ?1", [op])?;
        {
            let mut put = transaction.prepare_cached(
                "INSERT INTO verdict (op, row, reference, place, method, score, span)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?;
            for each in verdicts {
                put.execute(params![
                    op,
                    each.row,
                    each.reference,
                    each.place,
                    each.method.word(),
                    each.score,
                    each.span
                ])?;
            }
        }
        transaction.commit()?;
        Ok(())
    }

    /// The verdicts that stand (those of ops that were not undone), by row and op, the strongest method first.
    ///
    /// # Errors
    /// As SQLite.
    pub fn verdicts(&self) -> Result<Vec<Verdict>, StoreError> {
        self.verdicts_where(None)
    }

    /// The verdicts about a row that stand, in the same order.
    ///
    /// # Errors
    /// As SQLite.
    pub fn verdicts_of(&self, row: u32) -> Result<Vec<Verdict>, StoreError> {
        self.verdicts_where(Some(row))
    }

    fn verdicts_where(&self, row: Option<u32>) -> Result<Vec<Verdict>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT v.row, v.op, v.reference, v.place, v.method, v.score, v.span
             FROM verdict AS v JOIN op AS o ON o.op = v.op
             WHERE o.ended IS NOT NULL AND (?1 IS NULL OR v.row = ?1)",
        )?;
        let found = statement.query_map([row], |found| {
            let method: String = found.get(4)?;
            Ok(Verdict {
                row: found.get(0)?,
                op: found.get(1)?,
                reference: found.get(2)?,
                place: found.get(3)?,
                method: FoundAs::of(&method).unwrap_or(FoundAs::Prompt),
                score: found.get(5)?,
                span: found.get(6)?,
            })
        })?;
        let mut all: Vec<Verdict> = found.collect::<Result<_, _>>()?;
        if all.is_empty() {
            return Ok(all);
        }
        let undone: BTreeSet<i64> =
            self.ops()?.into_iter().filter(|op| op.undone_by.is_some()).map(|op| op.op).collect();
        all.retain(|each| !undone.contains(&each.op));
        all.sort_by(|a, b| (a.row, a.op, a.method, &a.place).cmp(&(b.row, b.op, b.method, &b.place)));
        Ok(all)
    }
}
