//! What duplicates are found by and what is kept of them: signatures, near pairs, and who stands for whom.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use rusqlite::{OptionalExtension, params};
use serde::{Deserialize, Serialize};

use super::index::rows::RowSet;
use super::{Store, StoreError, codec};
use crate::sample::{DescriptionKind, SampleId, Side, State};
use crate::similarity::minhash::{self, Signature};
use crate::similarity::shingles::{self, Shingles};

/// By what two samples were found to be duplicates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// Equal code, but for line ends and blanks at the ends of lines.
    Exact,
    /// Shingles of the code in common.
    Near,
    /// Shingles of the code in common once names are numbered and literals are their kinds.
    Renamed,
}

impl Method {
    /// All of them, by name.
    pub const ALL: &[(Method, &str)] =
        &[(Method::Exact, "exact"), (Method::Near, "near"), (Method::Renamed, "renamed")];

    /// Its name.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(method, _)| *method == self).map_or("", |(_, word)| word)
    }

    pub(super) fn of(word: &str) -> Option<Method> {
        Self::ALL.iter().find(|(_, each)| *each == word).map(|(method, _)| *method)
    }
}

/// What of a revision is cut into shingles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shingled {
    /// Tokens of the code.
    Code,
    /// Tokens of the code, renamed.
    Renamed,
    /// Words of the instruction.
    Prompt,
}

impl Shingled {
    fn word(self) -> &'static str {
        match self {
            Shingled::Code => "code",
            Shingled::Renamed => "renamed",
            Shingled::Prompt => "prompt",
        }
    }
}

/// What is kept of a set of shingles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measured {
    /// The revision that it is of.
    pub revision: i64,
    /// How many shingles.
    pub size: u32,
    /// Equal sets have equal digests.
    pub digest: i64,
    /// The signature; `None` of an empty set.
    pub signature: Option<Signature>,
}

impl Measured {
    /// Measures a set.
    pub fn of(revision: i64, set: &Shingles) -> Measured {
        let bytes: Vec<u8> = set.hashes().iter().flat_map(|hash| hash.to_le_bytes()).collect();
        let digest = xxhash_rust::xxh3::xxh3_64(&bytes).cast_signed();
        Measured { revision, size: u32::try_from(set.len()).unwrap_or(u32::MAX), digest, signature: Signature::of(set) }
    }
}

/// A near pair of sets of shingles, by their digests, the smaller first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Near {
    /// Digest of the one.
    pub first: i64,
    /// Digest of the other.
    pub second: i64,
    /// Jaccard similarity.
    pub similarity: f64,
}

/// A sample that takes part in the search for duplicates: kept, or a duplicate.
#[derive(Clone, Debug, PartialEq)]
pub struct Participant {
    /// Dense row number.
    pub row: u32,
    /// Its id.
    pub id: SampleId,
    /// Number of its source.
    pub source: i64,
    /// Content hash of its code.
    pub content: [u8; 16],
    /// Its current revision.
    pub revision: i64,
    /// Who wrote its instruction.
    pub description: DescriptionKind,
    /// Whether a person exempted it: it is never a duplicate.
    pub exempt: bool,
    /// What it is a duplicate of now, if it is one.
    pub duplicate: Option<Duplicate>,
    /// Its side, where one is recorded.
    pub side: Option<Side>,
    /// Whether it has none because it ties two sides.
    pub held: bool,
    /// Its revision when its side was recorded, or it was held.
    pub side_revision: Option<i64>,
    /// The row of the first of its family, where that is another one.
    pub family_of: Option<u32>,
    /// The side that its source gives.
    pub side_given: Option<Side>,
}

/// What a duplicate carries.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Duplicate {
    /// Row of the survivor that stands for it.
    #[serde(skip)]
    pub of: u32,
    /// How alike they are, above 0, at most 1.
    pub similarity: f64,
    /// By what it was found.
    pub method: Method,
    /// The clause of the keep policy by which the survivor goes before it, with what decided.
    pub clause: String,
}

/// What near pairs were found by; those that were found otherwise are made anew.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FoundBy {
    /// Likeness from which pairs are near.
    pub threshold: f64,
    /// The share of them that was to be found; 1: all, by an exhaustive search.
    pub recall: f64,
    /// Versions of shingles, signatures, and what makes the tokens.
    pub versions: (u32, u32, u32),
}

impl FoundBy {
    /// By the shingles and signatures of today.
    pub fn today(threshold: f64, recall: f64, tokens: u32) -> FoundBy {
        FoundBy { threshold, recall, versions: (shingles::VERSION, minhash::VERSION, tokens) }
    }
}

const PARTICIPANTS: &str =
    "SELECT s.row, s.id, s.source, r.content, s.revision, s.description_kind, s.exempt, s.dup_of,
        s.dup_similarity, s.dup_method, s.dup_clause, s.split, s.held, s.side_revision, s.family_of, s.split_given
     FROM sample AS s JOIN revision AS r ON r.revision = s.revision
     WHERE s.present = 1 AND s.state IN ('kept', 'duplicate')
        AND s.added_op NOT IN (SELECT op FROM op WHERE ended IS NULL)
     ORDER BY s.row";

impl Store {
    /// The samples of closed ops that are kept or duplicates, by row.
    ///
    /// # Errors
    /// As SQLite.
    pub fn participants(&self) -> Result<Vec<Participant>, StoreError> {
        let mut statement = self.conn.prepare(PARTICIPANTS)?;
        let rows = statement.query_map([], |row| {
            Ok(Participant {
                row: row.get(0)?,
                id: SampleId(row.get(1)?),
                source: row.get(2)?,
                content: row.get(3)?,
                revision: row.get(4)?,
                description: super::read::word(row, 5)?,
                exempt: row.get(6)?,
                duplicate: duplicate(row, 7)?,
                side: super::read::optional_word(row, 11)?,
                held: row.get(12)?,
                side_revision: row.get(13)?,
                family_of: row.get(14)?,
                side_given: super::read::optional_word(row, 15)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// What a row is a duplicate of, if it is one.
    ///
    /// # Errors
    /// As SQLite.
    pub fn duplicate_of(&self, row: u32) -> Result<Option<Duplicate>, StoreError> {
        let sql = "SELECT dup_of, dup_similarity, dup_method, dup_clause FROM sample WHERE row = ?1";
        Ok(self.conn.prepare_cached(sql)?.query_row([row], |found| duplicate(found, 0)).optional()?.flatten())
    }

    /// The duplicates that a row stands for, by row.
    ///
    /// # Errors
    /// As SQLite.
    pub fn duplicates_of(&self, row: u32) -> Result<Vec<u32>, StoreError> {
        let sql = "SELECT row FROM sample WHERE dup_of = ?1 AND present = 1 AND state = 'duplicate' ORDER BY row";
        let mut statement = self.conn.prepare_cached(sql)?;
        let rows = statement.query_map([row], |found| found.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Every duplicate with its survivor, by survivor and then by row.
    ///
    /// # Errors
    /// As SQLite.
    pub fn duplicates(&self) -> Result<Vec<(u32, Duplicate)>, StoreError> {
        let sql = "SELECT row, dup_of, dup_similarity, dup_method, dup_clause FROM sample
             WHERE dup_of IS NOT NULL AND present = 1 AND state = 'duplicate' ORDER BY dup_of, row";
        let mut statement = self.conn.prepare(sql)?;
        let rows = statement.query_map([], |found| Ok((found.get(0)?, duplicate(found, 1)?)))?;
        let all: Vec<(u32, Option<Duplicate>)> = rows.collect::<Result<_, _>>()?;
        Ok(all.into_iter().filter_map(|(row, duplicate)| Some((row, duplicate?))).collect())
    }

    /// The rows that are never duplicates because a person restored them, by row.
    ///
    /// # Errors
    /// As SQLite.
    pub fn exempt_rows(&self) -> Result<Vec<u32>, StoreError> {
        let mut statement =
            self.conn.prepare("SELECT row FROM sample WHERE exempt = 1 AND present = 1 ORDER BY row")?;
        let rows = statement.query_map([], |found| found.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Whether a person restored a row, so that it is never a duplicate.
    ///
    /// # Errors
    /// As SQLite.
    pub fn is_exempt(&self, row: u32) -> Result<bool, StoreError> {
        let mut statement = self.conn.prepare_cached("SELECT exempt FROM sample WHERE row = ?1")?;
        Ok(statement.query_row([row], |found| found.get(0))?)
    }

    /// The rows whose side was recorded for other code.
    ///
    /// # Errors
    /// As SQLite.
    pub fn stale_sides(&self) -> Result<RowSet, StoreError> {
        let mut statement = self.conn.prepare(
            "SELECT s.row FROM sample AS s WHERE s.split IS NOT NULL AND s.side_revision IS NOT NULL
                AND s.revision <> s.side_revision AND (SELECT content FROM revision WHERE revision = s.revision)
                    IS NOT (SELECT content FROM revision WHERE revision = s.side_revision)",
        )?;
        let rows = statement.query_map([], |found| found.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The current revision of a row.
    ///
    /// # Errors
    /// As SQLite.
    pub fn revision_of(&self, row: u32) -> Result<i64, StoreError> {
        let mut statement = self.conn.prepare_cached("SELECT revision FROM sample WHERE row = ?1")?;
        Ok(statement.query_row([row], |found| found.get(0))?)
    }

    /// How many other samples that are there hold the same code as one of these rows.
    ///
    /// # Errors
    /// As SQLite.
    pub fn copies_of(&self, rows: &[u32]) -> Result<u64, StoreError> {
        let wanted: BTreeSet<u32> = rows.iter().copied().collect();
        let mut contents: HashSet<[u8; 16]> = HashSet::new();
        let mut others: Vec<[u8; 16]> = Vec::new();
        let mut statement = self.conn.prepare(
            "SELECT s.row, r.content FROM sample AS s JOIN revision AS r ON r.revision = s.revision
             WHERE s.present = 1 AND s.state <> 'forgotten'",
        )?;
        let mut found = statement.query([])?;
        while let Some(row) = found.next()? {
            let content: [u8; 16] = row.get(1)?;
            if wanted.contains(&row.get(0)?) {
                contents.insert(content);
            } else {
                others.push(content);
            }
        }
        Ok(others.iter().filter(|content| contents.contains(*content)).count() as u64)
    }

    /// Duplicates whose survivor is not kept: there must be none.
    ///
    /// # Errors
    /// As SQLite.
    pub fn duplicates_without_survivor(&self) -> Result<Vec<SampleId>, StoreError> {
        without_survivor(&self.conn)
    }

    /// What is kept of the shingles of revisions, by revision; nothing where they were found by other versions.
    ///
    /// # Errors
    /// As SQLite.
    pub fn measured(&self, kind: Shingled) -> Result<Vec<Measured>, StoreError> {
        let mut statement = self
            .conn
            .prepare("SELECT revision, size, digest, data FROM signature WHERE kind = ?1 ORDER BY revision")?;
        let mut rows = statement.query([kind.word()])?;
        let mut out = Vec::new();
        while let Some(row) = rows.next()? {
            let data = row.get_ref(3)?.as_blob().map_err(|error| StoreError::Inconsistent(error.to_string()))?;
            out.push(Measured {
                revision: row.get(0)?,
                size: row.get(1)?,
                digest: row.get(2)?,
                signature: data.try_into().ok().map(Signature),
            });
        }
        Ok(out)
    }

    /// The near pairs that were found before, by their digests.
    ///
    /// # Errors
    /// As SQLite.
    pub fn near_pairs(&self, kind: Shingled) -> Result<Vec<Near>, StoreError> {
        let sql = "SELECT first, second, similarity FROM near WHERE kind = ?1 ORDER BY first, second";
        let mut statement = self.conn.prepare(sql)?;
        let rows = statement.query_map([kind.word()], |row| {
            Ok(Near { first: row.get(0)?, second: row.get(1)?, similarity: row.get(2)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// What the near pairs that are kept were found by; `None` where there are none.
    ///
    /// # Errors
    /// As SQLite.
    pub fn near_found_by(&self, kind: Shingled) -> Result<Option<FoundBy>, StoreError> {
        let found: Option<Vec<u8>> = self
            .conn
            .query_row("SELECT data FROM derived WHERE name = ?1", [near_name(kind)], |row| row.get(0))
            .optional()?;
        Ok(found.and_then(|data| serde_json::from_slice(&data).ok()))
    }

    /// Keeps signatures and near pairs, all or none of them. `anew`: what was there before goes.
    ///
    /// # Errors
    /// As SQLite.
    pub fn put_near(
        &mut self,
        kind: Shingled,
        anew: bool,
        signatures: &[Measured],
        pairs: &[Near],
        by: FoundBy,
    ) -> Result<(), StoreError> {
        self.must_write()?;
        let transaction = self.conn.transaction()?;
        if anew {
            transaction.execute("DELETE FROM signature WHERE kind = ?1", [kind.word()])?;
            transaction.execute("DELETE FROM near WHERE kind = ?1", [kind.word()])?;
        }
        {
            let mut put = transaction.prepare_cached(
                "INSERT OR REPLACE INTO signature (kind, revision, size, digest, data) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?;
            for each in signatures {
                let data = each.signature.as_ref().map_or(&[][..], |signature| &signature.0);
                put.execute(params![kind.word(), each.revision, each.size, each.digest, data])?;
            }
            let mut put = transaction.prepare_cached(
                "INSERT OR REPLACE INTO near (kind, first, second, similarity) VALUES (?1, ?2, ?3, ?4)",
            )?;
            for pair in pairs {
                put.execute(params![kind.word(), pair.first, pair.second, pair.similarity])?;
            }
            let data = serde_json::to_vec(&by).expect("numbers are JSON");
            transaction.prepare_cached(include_str!("../../schema/statements/put_derived.sql"))?.execute(params![
                near_name(kind),
                0,
                1,
                data
            ])?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// The texts of revisions, in their order: instruction and code.
    ///
    /// # Errors
    /// As SQLite; [`StoreError::Inconsistent`] where a revision is not there.
    pub fn revision_texts(&self, revisions: &[i64]) -> Result<Vec<(Option<String>, PackedCode)>, StoreError> {
        let mut statement =
            self.conn.prepare_cached("SELECT instruction, code, codec FROM revision WHERE revision = ?1")?;
        revisions
            .iter()
            .map(|revision| {
                let found = statement
                    .query_row([revision], |row| {
                        Ok((row.get(0)?, PackedCode { bytes: row.get(1)?, codec: row.get(2)? }))
                    })
                    .optional()?;
                found.ok_or_else(|| StoreError::Inconsistent(format!("there is no revision {revision}")))
            })
            .collect()
    }

    /// The rows that the open op is about to take out of the search for duplicates, or whose code it is about to change;
    /// of each whether it stays kept or a duplicate.
    ///
    /// # Errors
    /// As SQLite.
    pub fn leaving(&self) -> Result<BTreeMap<u32, bool>, StoreError> {
        let mut statement = self.conn.prepare(
            "SELECT row, stays FROM (
                SELECT p.row AS row, coalesce(p.after ->> 'state', s.state) IN ('kept', 'duplicate')
                        AND coalesce(p.after ->> 'present', s.present) = 1 AS stays,
                    (SELECT content FROM revision WHERE revision = coalesce(p.after ->> 'revision', s.revision))
                        <> (SELECT content FROM revision WHERE revision = s.revision) AS changes
                FROM pending AS p JOIN sample AS s ON s.row = p.row)
             WHERE NOT stays OR changes",
        )?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The rows of which the open op says whether they are exempt, with what it says.
    ///
    /// # Errors
    /// As SQLite.
    pub fn exempted(&self) -> Result<BTreeMap<u32, bool>, StoreError> {
        let mut statement =
            self.conn.prepare("SELECT row, after ->> 'exempt' FROM pending WHERE after ->> 'exempt' IS NOT NULL")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

/// Code as it is stored.
#[derive(Clone, Debug)]
pub struct PackedCode {
    bytes: Vec<u8>,
    codec: i64,
}

impl PackedCode {
    /// The code.
    ///
    /// # Errors
    /// As [`codec::decode_text`].
    pub fn unpack(&self) -> Result<String, StoreError> {
        codec::decode_text(&self.bytes, self.codec)
    }
}

fn near_name(kind: Shingled) -> String {
    format!("near {}", kind.word())
}

/// Reads four columns from `at` on.
fn duplicate(row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<Option<Duplicate>> {
    let Some(of) = row.get::<_, Option<u32>>(at)? else { return Ok(None) };
    let method: Option<String> = row.get(at + 2)?;
    Ok(Some(Duplicate {
        of,
        similarity: row.get::<_, Option<f64>>(at + 1)?.unwrap_or_default(),
        method: method.as_deref().and_then(Method::of).unwrap_or(Method::Near),
        clause: row.get::<_, Option<String>>(at + 3)?.unwrap_or_default(),
    }))
}

/// Duplicates whose survivor is not kept.
pub(super) fn without_survivor(conn: &rusqlite::Connection) -> Result<Vec<SampleId>, StoreError> {
    let mut statement = conn.prepare(
        "SELECT d.id FROM sample AS d LEFT JOIN sample AS s ON s.row = d.dup_of
         WHERE d.dup_of IS NOT NULL AND d.present = 1 AND d.state = 'duplicate'
            AND (s.row IS NULL OR s.present = 0 OR s.state <> 'kept') ORDER BY d.id",
    )?;
    let rows = statement.query_map([], |row| Ok(SampleId(row.get(0)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Duplicates that stay what they are while the open op changes the code of their survivor.
pub(super) fn of_changed_code(conn: &rusqlite::Connection) -> Result<Vec<SampleId>, StoreError> {
    let mut statement = conn.prepare(
        "SELECT d.id FROM sample AS d JOIN pending AS p ON p.row = d.dup_of JOIN sample AS s ON s.row = p.row
         WHERE d.present = 1 AND d.state = 'duplicate' AND d.row NOT IN (SELECT row FROM pending)
            AND (SELECT content FROM revision WHERE revision = coalesce(p.after ->> 'revision', s.revision))
                <> (SELECT content FROM revision WHERE revision = s.revision)
         ORDER BY d.id",
    )?;
    let rows = statement.query_map([], |row| Ok(SampleId(row.get(0)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

impl Duplicate {
    /// What [`Store::change`] takes to make a row a duplicate, or kept.
    pub fn columns(duplicate: Option<&Duplicate>) -> serde_json::Value {
        match duplicate {
            Some(duplicate) => serde_json::json!({
                "state": State::Duplicate.word(), "reason": null, "dup_of": duplicate.of,
                "dup_similarity": duplicate.similarity, "dup_method": duplicate.method.word(),
                "dup_clause": duplicate.clause,
            }),
            None => serde_json::json!({
                "state": State::Kept.word(), "reason": null, "dup_of": null, "dup_similarity": null,
                "dup_method": null, "dup_clause": null,
            }),
        }
    }
}
