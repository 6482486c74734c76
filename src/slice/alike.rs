//! Rows by how alike their code is: exactly, by all their shingles.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::analyze::parse;
use crate::similarity::join;
use crate::similarity::lexer::{self, Token, TokenKind};
use crate::similarity::shingles::{Shingles, TOKENS, each_hash};
use crate::store::StoreError;
use crate::store::index::fragments::{Condition, Fragment, Side};
use crate::store::index::search::Hit;
use crate::text::MAX_TERM_BYTES;

use super::moment::Moment;

/// The shingles of the code of rows, in their order.
pub(super) fn shingles_of(moment: &Moment<'_>, rows: &[u32]) -> Result<Vec<Shingles>, StoreError> {
    if moment.past.is_some() {
        let of = |row: &u32| -> Result<Shingles, StoreError> {
            Ok(Shingles::of_code(&moment.sample(*row)?.map(|sample| sample.code).unwrap_or_default()))
        };
        return rows.iter().map(of).collect();
    }
    moment.store.each_text(parse::pool(), rows, &|text, buffer: &mut Vec<u8>| Ok(Shingles::of_code(text.code(buffer)?)))
}

/// The code of the sample with an id; `None` where it was not there.
pub(super) fn code_of_id(moment: &Moment<'_>, id: &str) -> Result<Option<String>, StoreError> {
    let Some(row) = moment.store.row_of(id)? else { return Ok(None) };
    Ok(moment.sample(row)?.map(|sample| sample.code))
}

/// Most names that are looked for: each is put to every term.
const MOST_NAMES: usize = 16;

/// What every code meets that is as like this one as a threshold says: of the shingles of both it has so many that one
/// of some shingles must be among them, and with it one of the names that stand in those. Names that few codes have are
/// chosen.
///
/// # Errors
/// As `codes_with`, which tells how many codes have a term.
pub(super) fn needed(
    code: &str,
    threshold: f64,
    codes_with: &dyn Fn(&str) -> Result<u64, StoreError>,
) -> Result<Condition, StoreError> {
    let tokens: Vec<Token<'_>> = lexer::tokens(code).collect();
    if tokens.len() < TOKENS {
        return Ok(Condition::Any);
    }
    // The numbers of the shingles that a name stands in.
    let mut holding: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    let mut numbers: HashMap<u64, usize> = HashMap::new();
    let mut first = 0;
    each_hash(tokens.iter().map(|token| token.text), &mut |hash| {
        let next = numbers.len();
        let number = *numbers.entry(hash).or_insert(next);
        for token in &tokens[first..first + TOKENS] {
            if token.kind == TokenKind::Name
                && token.text.is_ascii()
                && (2..=MAX_TERM_BYTES).contains(&token.text.len())
            {
                holding.entry(token.text).or_default().insert(number);
            }
        }
        first += 1;
    });
    let common = ((numbers.len() as f64 * threshold - 1e-6).ceil() as usize).max(1);
    let mut names = Vec::with_capacity(holding.len());
    for (name, shingles) in holding {
        let lower = name.to_ascii_lowercase();
        names.push((codes_with(&lower)?, lower, shingles));
    }
    names.sort();
    let (mut covered, mut chosen) = (BTreeSet::new(), Vec::new());
    for (_, text, shingles) in names {
        // As many as all but those that it may do without.
        if covered.len() + common > numbers.len() {
            return Ok(Condition::Or(chosen));
        }
        if chosen.len() == MOST_NAMES {
            return Ok(Condition::Any);
        }
        covered.extend(shingles);
        chosen.push(Condition::Has(Fragment { text, left: Side::Open, right: Side::Open, folded: false }));
    }
    Ok(if covered.len() + common > numbers.len() { Condition::Or(chosen) } else { Condition::Any })
}

/// Drops the hits that are alike to an earlier one that stays.
pub(super) fn dedup(moment: &Moment<'_>, threshold: f64, hits: Vec<Hit>) -> Result<Vec<Hit>, StoreError> {
    let rows: Vec<u32> = hits.iter().map(|hit| hit.row).collect();
    let sets = shingles_of(moment, &rows)?;
    // Pairs come in order of their places, so what decides on the earlier of two has been decided.
    let mut earlier: Vec<Vec<u32>> = vec![Vec::new(); hits.len()];
    for pair in join::pairs(&sets, threshold) {
        earlier[pair.right as usize].push(pair.left);
    }
    let mut stays = vec![true; hits.len()];
    for (at, alike) in earlier.iter().enumerate() {
        stays[at] = !alike.iter().any(|other| stays[*other as usize]);
    }
    Ok(hits.into_iter().zip(stays).filter_map(|(hit, stays)| stays.then_some(hit)).collect())
}
