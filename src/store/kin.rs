//! Who is like whom, by row: what queries ask of duplicates and families.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{OptionalExtension, Row, params};

use super::index::rows::RowSet;
use super::{Store, StoreError};
use crate::sample::SampleId;

/// What is known of a row's likes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kinship {
    /// Of a duplicate: the row of the sample that stands for it.
    pub of_row: Option<u32>,
    /// Of a duplicate: the sample that stands for it.
    pub of: Option<SampleId>,
    /// Of a duplicate: how alike they are.
    pub similarity: Option<f64>,
    /// How many samples the cluster has that it is of, where it is of one.
    pub size: Option<u32>,
    /// The first of its family, by id; itself where it has no others. Known after a split.
    pub family: Option<SampleId>,
}

/// What is known of all rows of which something is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kin(BTreeMap<u32, Kinship>);

/// Now: row, id, row of the survivor, similarity, row of the family's first, revision of the side.
const NOW: &str = "SELECT row, id, dup_of, dup_similarity, family_of, side_revision FROM sample
     WHERE present = 1 AND added_op NOT IN (SELECT op FROM op WHERE ended IS NULL)";

/// The same after op ?1.
const THEN: &str = "SELECT s.row, s.id,
        CASE WHEN h.row IS NULL THEN s.dup_of ELSE h.before ->> 'dup_of' END,
        CASE WHEN h.row IS NULL THEN s.dup_similarity ELSE h.before ->> 'dup_similarity' END,
        CASE WHEN h.row IS NULL THEN s.family_of ELSE h.before ->> 'family_of' END,
        CASE WHEN h.row IS NULL THEN s.side_revision ELSE h.before ->> 'side_revision' END
     FROM sample AS s LEFT JOIN history AS h ON h.row = s.row
        AND h.op = (SELECT min(op) FROM history WHERE row = s.row AND op > ?1)
     WHERE s.added_op <= ?1 AND coalesce(h.before ->> 'present', s.present) = 1";

type Found = (u32, SampleId, Option<u32>, Option<f64>, Option<u32>, Option<i64>);

fn found(row: &Row<'_>) -> rusqlite::Result<Found> {
    Ok((row.get(0)?, SampleId(row.get(1)?), row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
}

impl Kin {
    fn of(rows: impl Iterator<Item = rusqlite::Result<Found>>) -> Result<Kin, StoreError> {
        let all: Vec<Found> = rows.collect::<Result<_, _>>()?;
        let ids: BTreeMap<u32, SampleId> = all.iter().map(|(row, id, ..)| (*row, *id)).collect();
        let mut out: BTreeMap<u32, Kinship> = BTreeMap::new();
        let mut sizes: BTreeMap<u32, u32> = BTreeMap::new();
        for (row, id, dup_of, similarity, family_of, side_revision) in &all {
            if let Some(survivor) = dup_of {
                let kinship = out.entry(*row).or_default();
                kinship.of = ids.get(survivor).copied();
                kinship.of_row = Some(*survivor);
                kinship.similarity = *similarity;
                *sizes.entry(*survivor).or_insert(1) += 1;
            }
            // A family is known of what was split.
            if side_revision.is_some() || family_of.is_some() {
                let first = family_of.and_then(|first| ids.get(&first).copied());
                out.entry(*row).or_default().family = Some(first.unwrap_or(*id));
            }
        }
        for (row, _, dup_of, ..) in &all {
            if let Some(size) = sizes.get(&dup_of.unwrap_or(*row)) {
                out.entry(*row).or_default().size = Some(*size);
            }
        }
        Ok(Kin(out))
    }

    /// What is known of a row.
    pub fn get(&self, row: u32) -> Option<&Kinship> {
        self.0.get(&row)
    }

    /// The survivors of those of these rows that are duplicates.
    pub fn survivors_of(&self, rows: &RowSet) -> BTreeSet<u32> {
        self.iter().filter(|(row, _)| rows.contains(*row)).filter_map(|(_, kinship)| kinship.of_row).collect()
    }

    /// The rows of which something is known.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Kinship)> {
        self.0.iter().map(|(row, kinship)| (*row, kinship))
    }
}

impl Kinship {
    /// The word in a field that has words: `dup.of`, `family`.
    pub fn word(&self, field: &str) -> Option<SampleId> {
        match field {
            "dup.of" => self.of,
            "family" => self.family,
            _ => None,
        }
    }

    /// The number in a field that has numbers: `dup.similarity`, `dup.size`.
    pub fn number(&self, field: &str) -> Option<f64> {
        match field {
            "dup.similarity" => self.similarity,
            "dup.size" => self.size.map(f64::from),
            _ => None,
        }
    }

    /// Whether there is something in a field.
    pub fn has(&self, field: &str) -> bool {
        self.word(field).is_some() || self.number(field).is_some()
    }
}

impl Store {
    /// Who is like whom now; read at first use.
    ///
    /// # Errors
    /// As SQLite.
    pub fn kin(&self) -> Result<&Kin, StoreError> {
        if let Some(kin) = self.kin.get() {
            return Ok(kin);
        }
        let mut statement = self.conn.prepare(NOW)?;
        let kin = Kin::of(statement.query_map([], found)?)?;
        Ok(self.kin.get_or_init(|| kin))
    }

    /// Who was like whom after an op; now where none is named.
    ///
    /// # Errors
    /// As SQLite.
    pub fn kin_at(&self, op: Option<i64>) -> Result<Cow<'_, Kin>, StoreError> {
        match op {
            Some(op) => self.kin_after(op).map(Cow::Owned),
            None => self.kin().map(Cow::Borrowed),
        }
    }

    /// The first of the family of a row, by id; itself where it has no others, `None` before a split.
    ///
    /// # Errors
    /// As SQLite.
    pub fn family_of(&self, row: u32) -> Result<Option<SampleId>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT f.id FROM sample AS s JOIN sample AS f ON f.row = coalesce(s.family_of, s.row)
             WHERE s.row = ?1 AND (s.side_revision IS NOT NULL OR s.family_of IS NOT NULL)",
        )?;
        Ok(statement.query_row([row], |found| Ok(SampleId(found.get(0)?))).optional()?)
    }

    /// Who was like whom after an op.
    fn kin_after(&self, op: i64) -> Result<Kin, StoreError> {
        let mut statement = self.conn.prepare(THEN)?;
        Kin::of(statement.query_map(params![op], found)?)
    }
}
