//! How a filter is answered, for `explain`.

use std::collections::BTreeSet;

use super::moment::Moment;
use super::scan;
use crate::query::plan::{Filter, Home, Plan, Test};
use crate::store::index::search::indexed;
use crate::store::{IDS_SQL, META_SQL, PLACES_SQL, Store, StoreError};

/// The query that the index gets for a plan's filter.
///
/// # Errors
/// As the store.
pub fn index_query(store: &Store, plan: &Plan) -> Result<String, StoreError> {
    let moment = Moment::of(store, plan.at)?;
    let scans = scan::Scans::new(&moment, &plan.filter)?;
    Ok(format!("{:?}", store.index().compile(&plan.filter, &scans)?))
}

/// What answers a filter: the index by itself, or something beside it.
pub fn answered_by(filter: &Filter) -> &'static str {
    match filter {
        Filter::All => "every row",
        Filter::And(parts) | Filter::Or(parts) => {
            let answers: BTreeSet<&str> = parts.iter().map(answered_by).collect();
            match answers.len() {
                0 => "nothing",
                1 => answers.first().copied().unwrap_or("nothing"),
                _ => "index and others",
            }
        }
        Filter::Not(inner) => answered_by(inner),
        Filter::Rows(_) => "sub-query",
        Filter::Pin(_) => "pin",
        Filter::Test(test) if indexed(test) => "index",
        Filter::Test(Test::Regex { .. } | Test::Near { .. }) => "reading the texts",
        Filter::Test(Test::Ast { .. }) => "index for its names, then reading the texts",
        Filter::Test(Test::Id { .. }) => "ids in SQLite",
        Filter::Test(
            Test::Value { field, .. } | Test::Match { field, .. } | Test::Range { field, .. } | Test::Has { field },
        ) if field.home == Home::Column => "columns",
        Filter::Test(
            Test::Value { field, .. } | Test::Match { field, .. } | Test::Range { field, .. } | Test::Has { field },
        ) if field.home == Home::Kin => "duplicates and families in SQLite",
        Filter::Test(
            Test::Value { field, .. } | Test::Match { field, .. } | Test::Range { field, .. } | Test::Has { field },
        ) if field.home == Home::Unfilled => "nothing yet",
        Filter::Test(_) => "scan of SQLite",
    }
}

/// What a filter reads beside the index: bitmaps of columns with how many rows are set, and SQL with its bound values.
///
/// # Errors
/// As the store.
pub fn reads(store: &Store, filter: &Filter) -> Result<Vec<String>, StoreError> {
    let mut out = Vec::new();
    add_reads(store, filter, &mut out)?;
    Ok(out)
}

fn add_reads(store: &Store, filter: &Filter, out: &mut Vec<String>) -> Result<(), StoreError> {
    let test = match filter {
        Filter::All => return Ok(()),
        Filter::And(parts) | Filter::Or(parts) => {
            return parts.iter().try_for_each(|part| add_reads(store, part, out));
        }
        Filter::Not(inner) => return add_reads(store, inner, out),
        Filter::Rows(plan) => return add_reads(store, &plan.filter, out),
        Filter::Pin(pin) => {
            out.push(format!("SELECT members FROM pin WHERE pin = {}   -- {pin}", pin.key));
            return Ok(());
        }
        Filter::Test(test) => test,
    };
    let one_line = |sql: &str| sql.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = match test {
        test if indexed(test) => return Ok(()),
        Test::Id { prefix } => {
            let bound = one_line(IDS_SQL)
                .replace("?1", &format!("x'{prefix:0<32}'"))
                .replace("?2", &format!("x'{prefix:f<32}'"))
                .replace("(present = 1 OR ?4)", "present = 1");
            bound.replace(" LIMIT ?3", "")
        }
        Test::Regex { .. } | Test::Near { .. } | Test::Ast { .. } => {
            format!("the texts of the rows that all else leaves   -- {test}")
        }
        Test::Value { field, .. } | Test::Match { field, .. } | Test::Range { field, .. } | Test::Has { field } => {
            match field.home {
                Home::Column => {
                    let rows = super::matching(store, None, filter)?.len();
                    format!("bitmap of the column {}: {rows} rows   -- {test}", field.name)
                }
                Home::Meta => {
                    let name = field.name.strip_prefix("meta.").unwrap_or(&field.name);
                    META_SQL.replace("?1", &format!("'{}'", serde_json::Value::from(name)).replace("''", "'"))
                }
                Home::Scan => PLACES_SQL.to_owned(),
                _ => return Ok(()),
            }
        }
        _ => return Ok(()),
    };
    if !out.contains(&line) {
        out.push(line);
    }
    Ok(())
}
