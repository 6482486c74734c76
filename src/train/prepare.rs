//! From an export to the examples of a run: encoded by the contract, fitted to the limit, their slots known.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::TrainError;
use super::data::Dataset;
use super::encoded;
use super::item::Item;
use super::run_error::{RunError, file_error};
use crate::nn::weights::Weights;
use crate::prompt::contract::Contract;
use crate::prompt::skeleton::Skeleton;
use crate::prompt::tokenizer::Tokenizer;
use crate::sample::{Side, hex};

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

/// Places of a file that its fingerprint looks at, and bytes of each.
const LOOKS: u64 = 16;
const LOOK_BYTES: u64 = 64 << 10;

/// A fingerprint of a model's weights, in hexadecimal digits: SHA-256 over the name and size of each file of weights, and over 16
/// places of 64 KiB, evenly from its beginning to its end. Other weights are told apart without reading gigabytes; it is
/// no proof against a hand that changes single bytes.
///
/// # Errors
/// [`RunError::Nn`] where there are no weights; [`RunError::File`].
pub fn fingerprint(model: &Path) -> Result<String, RunError> {
    let weights = Weights::of_model(model)?;
    let mut files: Vec<&Path> = weights.places.values().map(|place| place.file.as_path()).collect();
    files.sort_unstable();
    files.dedup();
    let mut hash = Sha256::new();
    let mut buffer = vec![0u8; LOOK_BYTES as usize];
    for path in files {
        let mut file = File::open(path).map_err(file_error("open", path))?;
        let size = file.metadata().map_err(file_error("read", path))?.len();
        hash.update(path.file_name().map(|name| name.as_encoded_bytes()).unwrap_or_default());
        hash.update(size.to_le_bytes());
        let last = size.saturating_sub(LOOK_BYTES);
        for look in 0..LOOKS {
            let from = last / (LOOKS - 1) * look + last % (LOOKS - 1) * look / (LOOKS - 1);
            let length = LOOK_BYTES.min(size - from) as usize;
            file.seek(SeekFrom::Start(from))
                .and_then(|_| file.read_exact(&mut buffer[..length]))
                .map_err(file_error("read", path))?;
            hash.update(&buffer[..length]);
        }
    }
    Ok(hex(&hash.finalize()))
}
