//! What became of everything that was read, counted.

use super::duplicates::Method;
use super::{Store, StoreError};
use crate::sample::State;

/// How many samples of a source are alike in all that an account tells apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Name of the source.
    pub source: String,
    /// Their state.
    pub state: State,
    /// Why they are rejected, where they are.
    pub reason: Option<String>,
    /// Of duplicates: by what they were found, and whether their survivor is of the same source.
    pub duplicate: Option<(Method, bool)>,
    /// Their side, or `held`.
    pub side: Option<String>,
    /// How many.
    pub count: u64,
}

impl Store {
    /// All samples of closed ops, counted.
    ///
    /// # Errors
    /// As SQLite.
    pub fn account(&self) -> Result<Vec<Counted>, StoreError> {
        let mut statement = self.conn.prepare(
            "SELECT src.name, s.state, s.reason, s.dup_method, d.source = s.source,
                CASE WHEN s.held = 1 THEN 'held' ELSE s.split END, count(*)
             FROM sample AS s JOIN source AS src ON src.source = s.source LEFT JOIN sample AS d ON d.row = s.dup_of
             WHERE s.present = 1 AND s.added_op NOT IN (SELECT op FROM op WHERE ended IS NULL)
             GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 2, 3, 4, 5, 6",
        )?;
        let rows = statement.query_map([], |row| {
            let method: Option<String> = row.get(3)?;
            Ok(Counted {
                source: row.get(0)?,
                state: super::read::word(row, 1)?,
                reason: row.get(2)?,
                duplicate: method.as_deref().and_then(Method::of).zip(row.get(4)?),
                side: row.get(5)?,
                count: row.get::<_, i64>(6)? as u64,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
