//! Where the keys of an order come from.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::moment::Moment;
use crate::analyze::features::Kind;
use crate::query::plan::{Home, SortKey};
use crate::sample::{Side, State};
use crate::store::StoreError;
use crate::store::index::search::KeySource;

/// The order that the words of a column have, where it is not that of their texts.
pub(super) fn column_order(field: &str) -> Vec<String> {
    let words: &[&str] = match field {
        "state" => State::WORDS,
        "split" => Side::WORDS_AND_HELD,
        _ => &[],
    };
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Where the index gets the keys of a sort.
pub(super) fn sort_keys(moment: &Moment<'_>, keys: &[SortKey]) -> Result<Vec<(KeySource, bool)>, StoreError> {
    let store = moment.store;
    keys.iter()
        .map(|key| {
            let field = &key.field;
            let source = match (field.home, field.kind) {
                (Home::Id, _) => KeySource::Id,
                (Home::Unfilled | Home::Relevance, _) => KeySource::ByRow(Arc::default()),
                (Home::Column, _) if field.name == "split" && moment.sides.borrow().is_some() => {
                    let sides = moment.sides.borrow();
                    let sides = sides.iter().flatten();
                    let mut ranks = Vec::new();
                    for (row, side) in sides {
                        ranks.resize(ranks.len().max(*row as usize + 1), u32::MAX);
                        ranks[*row as usize] = *side as u32;
                    }
                    KeySource::ByRow(Arc::new(ranks))
                }
                (Home::Column, _) => KeySource::ByRow(Arc::new(store.columns()?.ranks(&field.name))),
                (Home::Fact | Home::Row, Kind::Int | Kind::Real | Kind::Date) => KeySource::Number(field.name.clone()),
                (Home::Fact | Home::Row, Kind::Enum { words, .. }) => KeySource::Word {
                    field: field.name.clone(),
                    order: words.iter().map(|word| (*word).to_owned()).collect(),
                },
                (Home::Fact | Home::Row, Kind::Bool) => {
                    KeySource::Word { field: field.name.clone(), order: vec!["false".into(), "true".into()] }
                }
                (Home::Row, _) if field.name == "level" => {
                    KeySource::Word { field: field.name.clone(), order: level_order(moment)? }
                }
                (Home::Fact | Home::Row, _) => KeySource::Word { field: field.name.clone(), order: Vec::new() },
                (Home::Meta | Home::Scan | Home::Kin | Home::Text, _) if moment.past.is_some() => {
                    KeySource::ByRow(Arc::default())
                }
                (Home::Meta | Home::Scan | Home::Kin | Home::Text, _) => {
                    KeySource::ByRow(Arc::new(super::choose::scanned(store, field)?.0))
                }
            };
            Ok((source, key.descending))
        })
        .collect()
}

/// All level words of the store's sources, from low to high: by the place that a word has in the scales that hold it
/// (the mean of its relative places), then by text.
fn level_order(moment: &Moment<'_>) -> Result<Vec<String>, StoreError> {
    let mut places: BTreeMap<String, (f64, u32)> = BTreeMap::new();
    let scales: Vec<Vec<String>> = match &moment.past {
        Some(past) => past.levels()?.into_iter().map(|(_, levels)| levels).collect(),
        None => moment.store.sources()?.into_iter().map(|source| source.levels).collect(),
    };
    for levels in scales {
        let steps = levels.len().saturating_sub(1).max(1) as f64;
        for (at, word) in levels.iter().enumerate() {
            let place = places.entry(word.clone()).or_default();
            place.0 += at as f64 / steps;
            place.1 += 1;
        }
    }
    let mut out: Vec<(f64, String)> =
        places.into_iter().map(|(word, (sum, count))| (sum / f64::from(count), word)).collect();
    out.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.cmp(&b.1)));
    Ok(out.into_iter().map(|(_, word)| word).collect())
}
