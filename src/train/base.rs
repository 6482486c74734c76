//! A small model with random first values, for `--from-scratch`: a folder in Hugging Face's layout.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use super::run_error::RunError;
use crate::nn::config::{CONFIG, ModelConfig};
use crate::nn::weights::{SINGLE, Stored, write_whole};
use crate::nn::writing::{self, Planned};
use crate::prompt::tokenizer::{GENERATION, Tokenizer};
use crate::sample::hash16;

/// Folder of the model inside a run's.
pub const BASE: &str = "base";

/// Standard deviation of the first values of matrices, as transformers has it for this family.
const DEVIATION: f64 = 0.02;

/// The shape of a model that begins from nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Width of the residual stream.
    pub hidden: usize,
    /// Layers.
    pub layers: usize,
    /// Heads; they divide the width evenly, into even parts.
    pub heads: usize,
    /// Most positions.
    pub context: usize,
}

impl Shape {
    /// Width inside the MLP: 8/3 of the stream's, rounded up to a multiple of 32 (Touvron et al. 2023).
    pub fn intermediate(&self) -> usize {
        (self.hidden * 8).div_ceil(3).next_multiple_of(32)
    }

    /// The shape of the whole model, for a tokenizer.
    ///
    /// # Errors
    /// [`RunError::Option`] where the shape is none.
    pub fn model(&self, tokenizer: &Tokenizer) -> Result<ModelConfig, RunError> {
        if !self.hidden.is_multiple_of(self.heads.max(1)) {
            let text = format!("--hidden {} is not divided evenly by --heads {}", self.hidden, self.heads);
            return Err(RunError::Option(text));
        }
        ModelConfig::parse(self.config(tokenizer).to_string().as_bytes())
            .map_err(|message| RunError::Option(format!("--hidden, --layers or --heads: {message}")))
    }

    /// The `config.json`, for a tokenizer. Embedding and output layer are one.
    pub fn config(&self, tokenizer: &Tokenizer) -> Value {
        json!({
            "architectures": ["LlamaForCausalLM"],
            "attention_bias": false,
            "attention_dropout": 0.0,
            "bos_token_id": tokenizer.bos(),
            "eos_token_id": tokenizer.eos(),
            "pad_token_id": tokenizer.pad(),
            "head_dim": self.hidden / self.heads.max(1),
            "hidden_act": "silu",
            "hidden_size": self.hidden,
            "initializer_range": DEVIATION,
            "intermediate_size": self.intermediate(),
            "max_position_embeddings": self.context,
            "mlp_bias": false,
            "model_type": "llama",
            "num_attention_heads": self.heads,
            "num_hidden_layers": self.layers,
            "num_key_value_heads": self.heads,
            "rms_norm_eps": 1e-5,
            "rope_scaling": null,
            "rope_theta": 10000.0,
            "tie_word_embeddings": true,
            "torch_dtype": "float32",
            "use_cache": true,
            "vocab_size": tokenizer.vocabulary(),
        })
    }
}

/// Writes a model with random first values, and its tokenizer, into a folder that is there. The same seed and shape give
/// the same bytes on every machine.
///
/// # Errors
/// [`RunError::Option`] where the shape is none; [`RunError::Nn`], [`RunError::Tokenizer`].
pub fn write(folder: &Path, shape: &Shape, tokenizer: &Tokenizer, seed: u64) -> Result<ModelConfig, RunError> {
    let config = shape.model(tokenizer)?;
    let text = format!("{:#}\n", shape.config(tokenizer));
    write_whole(&folder.join(CONFIG), text.as_bytes())?;
    let generation = json!({
        "bos_token_id": tokenizer.bos(), "eos_token_id": tokenizer.eos(), "pad_token_id": tokenizer.pad(),
        "do_sample": false,
    });
    write_whole(&folder.join(GENERATION), format!("{generation:#}\n").as_bytes())?;
    tokenizer.save(folder)?;
    let planned: Vec<Planned> =
        config.tensors().into_iter().map(|(name, shape)| Planned { name, stored: Stored::F32, shape }).collect();
    let metadata = BTreeMap::from([("format".to_owned(), "pt".to_owned())]);
    writing::write(&folder.join(SINGLE), &planned, &metadata, |at| {
        let each = &planned[at];
        let count = each.shape.iter().product();
        let values = if each.shape.len() == 1 { vec![1.0; count] } else { normal(seed, &each.name, count) };
        Ok(values.iter().flat_map(|value: &f32| value.to_le_bytes()).collect::<Vec<u8>>().into())
    })?;
    Ok(config)
}

/// Numbers around 0 with the deviation of first values: sums of twelve even ones (Irwin and Hall), since those need no function
/// that machines round differently.
fn normal(seed: u64, name: &str, count: usize) -> Vec<f32> {
    let mut state = u128::from_be_bytes(hash16(&[&seed.to_le_bytes(), name.as_bytes()])) as u64;
    let mut even = || {
        // SplitMix64 (Steele, Lea and Flood 2014).
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = state;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        (mixed >> 11) as f64 / (1u64 << 53) as f64
    };
    (0..count)
        .map(|_| {
            let sum: f64 = (0..12).map(|_| even()).sum();
            ((sum - 6.0) * DEVIATION) as f32
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_values_have_their_mean_and_deviation_and_depend_on_seed_and_name() {
        let values = normal(7, "a", 100_000);
        let mean = values.iter().map(|value| f64::from(*value)).sum::<f64>() / 1e5;
        let variance = values.iter().map(|value| (f64::from(*value) - mean).powi(2)).sum::<f64>() / 1e5;
        assert!(mean.abs() < 3e-4, "{mean}");
        assert!((variance.sqrt() / DEVIATION - 1.0).abs() < 0.01, "{variance}");
        assert_eq!(values, normal(7, "a", 100_000));
        assert_ne!(values[..8], normal(8, "a", 8)[..]);
        assert_ne!(values[..8], normal(7, "b", 8)[..]);
    }
}
