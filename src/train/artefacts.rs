//! What a run hands over: an adapter in PEFT's layout, or a model in Hugging Face's, with all that generation needs beside.
//!
//! Every folder holds `contract.json`, `chat_template.jinja` and the tokenizer's files; the weights carry the contract's digest
//! and that of the data in their metadata. The same run gives the same bytes. A folder is there whole or not at all.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::json;

use super::folder;
use super::run_error::{RunError, file_error};
use crate::nn::config::CONFIG;
use crate::nn::lora::{ADAPTER_CONFIG, ADAPTER_WEIGHTS, LoraConfig};
use crate::nn::merge::{self, Merged, from_f32};
use crate::nn::weights::{SINGLE, Stored, Weights, write_whole};
use crate::nn::writing::{self, Planned};
use crate::nn::{NamedTensor, NnError};
use crate::prompt::canonical_json;
use crate::prompt::chat_template;
use crate::prompt::contract::{CONTRACT, Contract};
use crate::prompt::tokenizer::{GENERATION, Tokenizer};

/// Folder of the adapter inside a run's.
pub const ADAPTER: &str = "adapter";
/// Folder of the model inside a run's, where all weights were trained.
pub const MODEL: &str = "model";
pub use crate::nn::weights::{BASE_WEIGHTS_KEY, LORA_KEY, NF4_KEY};
pub use crate::prompt::contract::{CONTRACT_KEY, CONTRACT_TEXT_KEY};

/// Where weights come from, and what must stand beside them.
#[derive(Clone, Copy)]
pub struct Provenance<'a> {
    /// The prompt contract.
    pub contract: &'a Contract,
    /// The tokenizer that it names.
    pub tokenizer: &'a Tokenizer,
    /// SHA-256 of the manifest of the data.
    pub manifest_sha256: &'a str,
    /// The manifest's own digest.
    pub manifest_digest: &'a str,
    /// Fingerprint of the base's weights ([`Weights::fingerprint`]).
    pub base_weights: &'a str,
    /// Whether an adapter was trained beside weights of 4 bits.
    pub nf4: bool,
    /// The step whose weights they are.
    pub step: u64,
}

impl Provenance<'_> {
    /// The metadata of weights: that they are as PyTorch has them, and where they come from.
    fn metadata(&self) -> BTreeMap<String, String> {
        let pairs = [
            ("format", "pt".to_owned()),
            (CONTRACT_KEY, self.contract.digest()),
            (CONTRACT_TEXT_KEY, self.contract.text()),
            ("manifest_sha256", self.manifest_sha256.to_owned()),
            ("manifest_digest", self.manifest_digest.to_owned()),
            (BASE_WEIGHTS_KEY, self.base_weights.to_owned()),
            ("step", self.step.to_string()),
            ("tool", concat!("scenery ", env!("CARGO_PKG_VERSION")).to_owned()),
        ];
        pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    }

    /// Writes what stands beside weights.
    fn beside(&self, folder: &Path) -> Result<(), RunError> {
        self.contract.write(&folder.join(CONTRACT))?;
        let template = chat_template::chat_template(self.contract)?;
        chat_template::write(self.contract, folder)?;
        self.tokenizer.save_with(folder, Some(&template), Some(self.contract.max_len))?;
        Ok(())
    }

    /// Writes `generation_config.json`: the ids of the contract, and nothing that would change greedy decoding.
    fn generation(&self, folder: &Path) -> Result<(), RunError> {
        let value = json!({
            "bos_token_id": self.tokenizer.bos(),
            "eos_token_id": self.contract.stop_ids,
            "pad_token_id": self.contract.pad(),
            "do_sample": false,
        });
        Ok(write_whole(&folder.join(GENERATION), format!("{value:#}\n").as_bytes())?)
    }
}

/// Writes an adapter, trained beside the base of this name, and answers the SHA-256 of its weights.
///
/// # Errors
/// [`RunError::Nn`], [`RunError::Prompt`], [`RunError::Tokenizer`].
pub fn write_adapter(
    place: &Path,
    lora: &LoraConfig,
    base: &str,
    tensors: &[NamedTensor],
    of: &Provenance<'_>,
) -> Result<String, RunError> {
    let mut digest = String::new();
    folder::put(place, |folder| {
        let config = format!("{:#}\n", lora.peft_json(base));
        write_whole(&folder.join(ADAPTER_CONFIG), config.as_bytes())?;
        let mut tensors: Vec<&NamedTensor> = tensors.iter().collect();
        tensors.sort_by(|one, two| one.name.cmp(&two.name));
        let mut metadata = of.metadata();
        metadata.insert(LORA_KEY.to_owned(), canonical_json(&lora.computed()));
        metadata.insert(NF4_KEY.to_owned(), of.nf4.to_string());
        digest = write_f32(&folder.join(ADAPTER_WEIGHTS), &tensors, &metadata)?;
        of.beside(folder)
    })?;
    Ok(digest)
}

/// Writes tensors as 32-bit floats and answers the SHA-256 of the file.
fn write_f32(path: &Path, tensors: &[&NamedTensor], metadata: &BTreeMap<String, String>) -> Result<String, NnError> {
    let stored = Stored::F32;
    let planned: Vec<Planned> = tensors
        .iter()
        .map(|tensor| Planned { name: tensor.name.clone(), stored, shape: tensor.shape.clone() })
        .collect();
    let (digest, _) = writing::write(path, &planned, metadata, |at| {
        let bytes: Vec<u8> = tensors[at].values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Ok(bytes.into())
    })?;
    Ok(digest)
}

/// Writes a model whose every weight was trained, each kept as the base keeps it or, with `widen`, as 32-bit floats, and answers
/// the SHA-256 of its weights.
///
/// # Errors
/// [`RunError::Nn`], also where a tensor is not one of the base's; [`RunError::File`], [`RunError::Prompt`],
/// [`RunError::Tokenizer`].
pub fn write_model(
    place: &Path,
    base: &Path,
    tensors: &[NamedTensor],
    of: &Provenance<'_>,
    widen: bool,
) -> Result<String, RunError> {
    let weights = Weights::of_model(base)?;
    let mut planned = Vec::with_capacity(tensors.len());
    for tensor in tensors {
        let wrong = |message: String| NnError::Tensor { name: tensor.name.clone(), message };
        let known = weights.places.get(&tensor.name);
        let known = known.ok_or_else(|| wrong("it was trained, and the base does not hold it".to_owned()))?;
        if known.shape != tensor.shape {
            return Err(
                wrong(format!("the base has it as {:?}, it was trained as {:?}", known.shape, tensor.shape)).into()
            );
        }
        let stored = if widen { Stored::F32 } else { known.stored };
        planned.push(Planned { name: tensor.name.clone(), stored, shape: known.shape.clone() });
    }
    let mut order: Vec<usize> = (0..planned.len()).collect();
    order.sort_by(|one, two| {
        let (one, two) = (&planned[*one], &planned[*two]);
        two.stored.bytes().cmp(&one.stored.bytes()).then(one.name.cmp(&two.name))
    });
    let planned: Vec<Planned> = order.iter().map(|at| planned[*at].clone()).collect();
    let mut digest = String::new();
    folder::put(place, |folder| {
        let written = writing::write(&folder.join(SINGLE), &planned, &of.metadata(), |at| {
            let tensor = &tensors[order[at]];
            let wrong = |message: String| NnError::Tensor { name: tensor.name.clone(), message };
            Ok(from_f32(planned[at].stored, &tensor.values).map_err(wrong)?.into())
        })?;
        digest = written.0;
        copy(base, folder, CONFIG)?;
        of.generation(folder)?;
        of.beside(folder)
    })?;
    Ok(digest)
}

/// Writes the model that a base and an adapter come to, under the base's names and in its files; see [`merge::merge`].
///
/// # Errors
/// As [`merge::merge`]; [`RunError::Prompt`], [`RunError::Tokenizer`].
pub fn write_merged(
    place: &Path,
    base: &Path,
    adapter: &Path,
    of: &Provenance<'_>,
    widen: bool,
) -> Result<Merged, RunError> {
    let mut merged = None;
    folder::put(place, |folder| {
        merged = Some(merge::merge(base, adapter, folder, &of.metadata(), widen)?);
        of.generation(folder)?;
        of.beside(folder)
    })?;
    Ok(merged.expect("the folder was filled, and so the merge was made"))
}

fn copy(from: &Path, to: &Path, name: &str) -> Result<(), RunError> {
    let path = from.join(name);
    let bytes = std::fs::read(&path).map_err(file_error("read", &path))?;
    Ok(write_whole(&to.join(name), &bytes)?)
}
