//! What the index is asked: a filter with its names looked up, in terms, numbers and rows.

use std::fmt;
use std::sync::Arc;

use crate::analyze::features::{EXTRACTORS, Kind};

use super::rows::RowSet;
use super::schema::UNIT;

/// A set of documents, as words for it.
#[derive(Clone)]
pub enum Clause {
    /// Every document.
    All,
    /// Those with one of these terms; no term, no document.
    AnyOf(tantivy::schema::Field, Vec<String>),
    /// Those with these terms one after the other.
    Phrase(tantivy::schema::Field, Vec<String>),
    /// Those with a number from the first to the second, both included, as [`super::order::number_key`] writes them.
    Between(&'static str, u64, u64),
    /// Those of these rows.
    Rows(Arc<RowSet>),
    /// Those of these rows, which are asked for again and again, so that their documents are worth remembering.
    Lasting(Arc<RowSet>),
    /// Those in all of these.
    And(Vec<Clause>),
    /// Those in any of these.
    Or(Vec<Clause>),
    /// The others.
    Not(Box<Clause>),
}

impl Clause {
    /// Hands out the rows that are asked for again and again.
    pub(super) fn each_lasting<'c>(&'c self, take: &mut dyn FnMut(&'c Arc<RowSet>)) {
        match self {
            Clause::Lasting(rows) => take(rows),
            Clause::And(parts) | Clause::Or(parts) => parts.iter().for_each(|part| part.each_lasting(take)),
            Clause::Not(inner) => inner.each_lasting(take),
            Clause::All | Clause::AnyOf(..) | Clause::Phrase(..) | Clause::Between(..) | Clause::Rows(_) => {}
        }
    }
}

/// An end of a range as people write it; nothing where it is open.
fn end(name: &str, key: u64) -> String {
    let whole = name == "added" || EXTRACTORS.iter().any(|feature| feature.name == name && feature.kind == Kind::Int);
    if whole {
        let number = (key ^ (1 << 63)) as i64;
        return if number == i64::MIN || number == i64::MAX { String::new() } else { number.to_string() };
    }
    let number = f64::from_bits(if key >> 63 == 1 { key ^ (1 << 63) } else { !key });
    if number.is_finite() { number.to_string() } else { String::new() }
}

impl fmt::Debug for Clause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |f: &mut fmt::Formatter<'_>, name: &str, parts: &[Clause]| {
            let mut tuple = f.debug_tuple(name);
            for part in parts {
                tuple.field(part);
            }
            tuple.finish()
        };
        let shown = |text: &String| text.replace(UNIT, " ");
        match self {
            Clause::All => f.write_str("All"),
            Clause::AnyOf(_, terms) => f.debug_list().entries(terms.iter().map(shown)).finish(),
            Clause::Phrase(_, terms) => write!(f, "Phrase{:?}", terms.iter().map(shown).collect::<Vec<_>>()),
            Clause::Between(name, low, high) => write!(f, "{name} in {}..{}", end(name, *low), end(name, *high)),
            Clause::Rows(rows) | Clause::Lasting(rows) => write!(f, "Rows({} rows)", rows.len()),
            Clause::And(parts) => joined(f, "And", parts),
            Clause::Or(parts) => joined(f, "Or", parts),
            Clause::Not(inner) => f.debug_tuple("Not").field(inner).finish(),
        }
    }
}
