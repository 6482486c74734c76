//! Tests on who is like whom.

use crate::query::plan::{Field, Test};
use crate::store::index::rows::RowSet;
use crate::store::index::search::expression;
use crate::store::{Kin, Kinship, StoreError};

/// The rows that pass a test on a field of duplicates or families. An id is asked for by its beginning.
pub(super) fn matching(kin: &Kin, field: &Field, test: &Test) -> Result<RowSet, StoreError> {
    let name = field.name.as_str();
    let passes: Box<dyn Fn(&Kinship) -> bool> = match test {
        Test::Value { value, .. } => {
            Box::new(move |kinship| kinship.word(name).is_some_and(|id| id.to_string().starts_with(value.as_str())))
        }
        Test::Match { pattern, .. } => {
            let regex = expression(pattern)?;
            Box::new(move |kinship| kinship.word(name).is_some_and(|id| regex.is_match(&id.to_string())))
        }
        Test::Range { range, .. } => {
            Box::new(move |kinship| kinship.number(name).is_some_and(|number| range.holds(number)))
        }
        _ => Box::new(move |kinship| kinship.has(name)),
    };
    Ok(kin.iter().filter(|(_, kinship)| passes(kinship)).map(|(row, _)| row).collect())
}
