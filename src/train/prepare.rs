//! From an export to the examples of a run: encoded by the contract, fitted to the limit, their slots known.

use std::collections::BTreeMap;

use super::TrainError;
use super::data::Dataset;
use super::encoded;
use super::item::Item;
use crate::prompt::contract::Contract;
use crate::prompt::skeleton::Skeleton;
use crate::prompt::tokenizer::Tokenizer;
use crate::sample::Side;

/// The examples of a run by side, of any length.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sides {
    /// Those that are trained on.
    pub train: Vec<Item>,
    /// Those that are evaluated on.
    pub validation: Vec<Item>,
}

/// Encodes the train and validation examples of an export. What is longer than the contract's limit is encoded too: what is
/// done with it is decided elsewhere.
///
/// # Errors
/// [`TrainError::Rows`] where an example cannot be encoded.
pub fn sides(dataset: &Dataset, contract: &Contract, tokenizer: &Tokenizer) -> Result<Sides, TrainError> {
    let unlimited = Contract { max_len: usize::MAX, ..contract.clone() };
    let mut out = Sides::default();
    for each in encoded::encode(dataset, &unlimited, tokenizer)? {
        let example = &dataset.examples[each.example];
        let mut labels = BTreeMap::from([("source".to_owned(), example.source.clone())]);
        for (key, value) in
            [("level", &example.level), ("complexity", &example.complexity), ("family", &example.family)]
        {
            if let Some(value) = value {
                labels.insert(key.to_owned(), value.clone());
            }
        }
        let item = Item {
            id: example.id.clone(),
            ids: each.encoded.ids,
            trained_from: each.encoded.trained_from,
            labels,
            slots: None,
        };
        match example.side {
            Side::Train => out.train.push(item),
            Side::Validation => out.validation.push(item),
            Side::Test => {}
        }
    }
    find_slots(&mut out);
    Ok(out)
}

/// Finds the template that the train answers of a source share, and marks the slots of its examples. A source whose answers
/// have less than a tenth of their tokens in common shares none: an end token alone is no template.
fn find_slots(sides: &mut Sides) {
    let mut answers: BTreeMap<&str, Vec<&[u32]>> = BTreeMap::new();
    for item in &sides.train {
        answers.entry(item.source()).or_default().push(&item.ids[item.trained_from..]);
    }
    let mut skeletons: BTreeMap<String, Skeleton> = BTreeMap::new();
    for (source, answers) in answers {
        let skeleton = Skeleton::of(&answers);
        let tokens: usize = answers.iter().map(|answer| answer.len()).sum();
        if skeleton.constant_tokens() * answers.len() * 10 >= tokens && answers.len() > 1 {
            skeletons.insert(source.to_owned(), skeleton);
        }
    }
    for item in sides.train.iter_mut().chain(&mut sides.validation) {
        if let Some(skeleton) = skeletons.get(item.source()) {
            item.slots = Some(skeleton.slots(&item.ids[item.trained_from..]));
        }
    }
}
