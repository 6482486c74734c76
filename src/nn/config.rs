//! `config.json` of the Llama family: the shape of a model, and what is refused.

use std::path::Path;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{NnError, file_error};
use crate::sample::hex;

/// Name of the file.
pub const CONFIG: &str = "config.json";

/// How positions beyond those of pre-training are reached.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RopeScaling {
    /// Not at all.
    None,
    /// All positions are divided by the factor (deepseek-coder: 4).
    Linear {
        /// The factor, at least 1.
        factor: f64,
    },
    /// Low frequencies are divided by the factor, high ones kept, those between interpolated (Llama 3.1).
    Llama3 {
        /// The factor, at least 1.
        factor: f64,
        /// Wavelengths above the old context over this are low.
        low_freq_factor: f64,
        /// Wavelengths below the old context over this are high.
        high_freq_factor: f64,
        /// Context of pre-training, in tokens.
        original_context: f64,
    },
}

/// Shape of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelConfig {
    /// The class that Hugging Face names: `LlamaForCausalLM`, `Qwen2ForCausalLM`.
    pub architecture: String,
    /// Width of the residual stream.
    pub hidden: usize,
    /// Width inside the MLP.
    pub intermediate: usize,
    /// Layers.
    pub layers: usize,
    /// Heads of queries.
    pub heads: usize,
    /// Heads of keys and values; it divides `heads` (GQA, Ainslie et al. 2023).
    pub kv_heads: usize,
    /// Width of a head.
    pub head_dim: usize,
    /// Tokens of the vocabulary, as the embedding has rows.
    pub vocabulary: usize,
    /// Most positions.
    pub context: usize,
    /// Epsilon of RMSNorm.
    pub rms_eps: f64,
    /// Base of the rotations (Su et al. 2021).
    pub rope_theta: f64,
    /// Scaling of positions.
    pub rope_scaling: RopeScaling,
    /// Whether the projections of queries, keys and values have biases (Qwen2).
    pub qkv_bias: bool,
    /// Whether the embedding serves as output layer too.
    pub tied: bool,
    /// Ids of the beginning, end and pad tokens that the config names. Several ends are possible.
    pub bos: Option<u32>,
    /// See `bos`.
    pub eos: Vec<u32>,
    /// See `bos`.
    pub pad: Option<u32>,
}

impl ModelConfig {
    /// Reads `config.json` of a folder.
    ///
    /// # Errors
    /// [`NnError::File`]; [`NnError::Config`] where it is of another family, or asks for what is not known.
    pub fn read(folder: &Path) -> Result<ModelConfig, NnError> {
        let path = folder.join(CONFIG);
        let text = std::fs::read(&path).map_err(file_error("read", &path))?;
        ModelConfig::parse(&text).map_err(|message| NnError::Config { path, message })
    }

    /// SHA-256 of the `config.json` of a folder, byte for byte, in hexadecimal digits.
    ///
    /// # Errors
    /// [`NnError::File`].
    pub fn digest(folder: &Path) -> Result<String, NnError> {
        let path = folder.join(CONFIG);
        let text = std::fs::read(&path).map_err(file_error("read", &path))?;
        Ok(hex(&Sha256::digest(text)))
    }

    /// Reads the text of a `config.json`.
    ///
    /// # Errors
    /// A sentence that says which key, and what is known.
    pub fn parse(text: &[u8]) -> Result<ModelConfig, String> {
        let value: Value = serde_json::from_slice(text).map_err(|error| format!("no JSON: {error}"))?;
        let Value::Object(map) = value else { return Err("it is no JSON object".to_owned()) };
        let keys = Keys(&map);
        let architectures = keys.get("architectures").and_then(Value::as_array).cloned().unwrap_or_default();
        let named: Vec<&str> = architectures.iter().filter_map(Value::as_str).collect();
        let qwen = match named.as_slice() {
            ["LlamaForCausalLM"] => false,
            ["Qwen2ForCausalLM"] => true,
            other => {
                let other = if other.is_empty() { "none".to_owned() } else { other.join(", ") };
                return Err(format!(
                    "`architectures` names {other}; LlamaForCausalLM and Qwen2ForCausalLM are supported"
                ));
            }
        };
        let model_type = keys.get("model_type").and_then(Value::as_str).unwrap_or("");
        let expected = if qwen { "qwen2" } else { "llama" };
        if model_type != expected {
            return Err(format!("`model_type` is `{model_type}`, and {} has `{expected}`", named[0]));
        }
        keys.must("hidden_act", &["silu"])?;
        for bias in ["attention_bias", "mlp_bias"] {
            if keys.truth(bias, false)? {
                return Err(format!("`{bias}` is true, which is not supported"));
            }
        }
        if keys.truth("use_sliding_window", false)? {
            return Err("`use_sliding_window` is true, and sliding windows are not supported".to_owned());
        }
        // Qwen2 keeps the width of a window that it does not use; Llama has none.
        if !qwen && keys.get("sliding_window").is_some() {
            return Err("`sliding_window` is set, and sliding windows are not supported".to_owned());
        }
        if let Some(types) = keys.get("layer_types").and_then(Value::as_array)
            && let Some(other) = types.iter().find(|kind| kind.as_str() != Some("full_attention"))
        {
            return Err(format!("`layer_types` has {other}, and only full_attention is supported"));
        }
        if keys.get("quantization_config").is_some() {
            return Err("`quantization_config` is set: give the weights as they were before quantisation".to_owned());
        }
        if keys.number("pretraining_tp", Some(1.0))? != 1.0 {
            return Err("`pretraining_tp` is not 1, which is not supported".to_owned());
        }
        let hidden = keys.size("hidden_size", None)?;
        let heads = keys.size("num_attention_heads", None)?;
        let kv_heads = keys.size("num_key_value_heads", Some(heads))?;
        if !heads.is_multiple_of(kv_heads) {
            return Err(format!("`num_key_value_heads` ({kv_heads}) does not divide `num_attention_heads` ({heads})"));
        }
        let head_dim = match keys.get("head_dim") {
            Some(_) => keys.size("head_dim", None)?,
            None if hidden.is_multiple_of(heads) => hidden / heads,
            None => return Err(format!("`num_attention_heads` ({heads}) does not divide `hidden_size` ({hidden})")),
        };
        if !head_dim.is_multiple_of(2) {
            return Err(format!("`head_dim` is {head_dim}, and rotations need an even one"));
        }
        let context = keys.size("max_position_embeddings", Some(2048))?;
        let (rope_theta, rope_scaling) = rope(&keys, context)?;
        Ok(ModelConfig {
            architecture: named[0].to_owned(),
            hidden,
            intermediate: keys.size("intermediate_size", None)?,
            layers: keys.size("num_hidden_layers", None)?,
            heads,
            kv_heads,
            head_dim,
            vocabulary: keys.size("vocab_size", None)?,
            context,
            rms_eps: keys.number("rms_norm_eps", Some(1e-6))?,
            rope_theta,
            rope_scaling,
            qkv_bias: qwen,
            tied: keys.truth("tie_word_embeddings", false)?,
            bos: keys.ids("bos_token_id")?.first().copied(),
            eos: keys.ids("eos_token_id")?,
            pad: keys.ids("pad_token_id")?.first().copied(),
        })
    }

    /// Sizes of a projection by name, out × in.
    pub fn projection(&self, name: &str) -> (usize, usize) {
        let (queries, keys) = (self.heads * self.head_dim, self.kv_heads * self.head_dim);
        match name {
            "q_proj" => (queries, self.hidden),
            "k_proj" | "v_proj" => (keys, self.hidden),
            "o_proj" => (self.hidden, queries),
            "gate_proj" | "up_proj" => (self.intermediate, self.hidden),
            "down_proj" => (self.hidden, self.intermediate),
            _ => (0, 0),
        }
    }

    /// Numbers of the projections of all layers: what a forward pass multiplies a token with, without the output layer.
    pub fn projection_parameters(&self) -> u64 {
        let layer: usize = super::lora::PROJECTIONS
            .iter()
            .map(|(name, _)| self.projection(name))
            .map(|(out, input)| out * input)
            .sum();
        (layer * self.layers) as u64
    }

    /// Numbers of the whole model.
    pub fn parameters(&self) -> u64 {
        let embeddings = self.vocabulary * self.hidden * if self.tied { 1 } else { 2 };
        let biases = if self.qkv_bias { (self.heads + 2 * self.kv_heads) * self.head_dim } else { 0 };
        self.projection_parameters() + (embeddings + self.layers * (2 * self.hidden + biases) + self.hidden) as u64
    }

    /// Every tensor of the model under Hugging Face's name, with its sizes, in the order of the forward pass.
    pub fn tensors(&self) -> Vec<(String, Vec<usize>)> {
        let mut out = vec![("model.embed_tokens.weight".to_owned(), vec![self.vocabulary, self.hidden])];
        for layer in 0..self.layers {
            let name = |rest: &str| format!("model.layers.{layer}.{rest}");
            out.push((name("input_layernorm.weight"), vec![self.hidden]));
            for (projection, module) in super::lora::PROJECTIONS {
                if projection == "gate_proj" {
                    out.push((name("post_attention_layernorm.weight"), vec![self.hidden]));
                }
                let (rows, columns) = self.projection(projection);
                out.push((name(&format!("{module}.{projection}.weight")), vec![rows, columns]));
                if self.qkv_bias && ["q_proj", "k_proj", "v_proj"].contains(&projection) {
                    out.push((name(&format!("{module}.{projection}.bias")), vec![rows]));
                }
            }
        }
        out.push(("model.norm.weight".to_owned(), vec![self.hidden]));
        if !self.tied {
            out.push(("lm_head.weight".to_owned(), vec![self.vocabulary, self.hidden]));
        }
        out
    }
}

/// Theta and scaling: of `rope_theta` and `rope_scaling`, or of `rope_parameters`, as newer files have them.
fn rope(keys: &Keys, context: usize) -> Result<(f64, RopeScaling), String> {
    let map = |key: &str| match keys.get(key) {
        None => Ok(None),
        Some(Value::Object(map)) => Ok(Some(map)),
        Some(other) => Err(format!("`{key}` is {other}, and an object or null is needed")),
    };
    let (newer, older) = (map("rope_parameters")?, map("rope_scaling")?);
    if newer.is_some() && older.is_some_and(|older| !older.is_empty() && newer != Some(older)) {
        return Err("`rope_parameters` and `rope_scaling` say different things: leave one of them".to_owned());
    }
    let theta = match newer.and_then(|map| map.get("rope_theta")) {
        Some(value) => value.as_f64().ok_or_else(|| "`rope_theta` is no number".to_owned())?,
        None => keys.number("rope_theta", Some(10_000.0))?,
    };
    let Some(map) = newer.or(older) else { return Ok((theta, RopeScaling::None)) };
    let inner = Keys(map);
    if let Some(partial) = inner.get("partial_rotary_factor").filter(|value| value.as_f64() != Some(1.0)) {
        return Err(format!("`partial_rotary_factor` is {partial}, which is not supported"));
    }
    let kind = match inner.get("rope_type").or_else(|| inner.get("type")) {
        None if inner.get("factor").is_some() => {
            return Err("its rope scaling has a `factor` and no `rope_type`".to_owned());
        }
        None => "default",
        Some(kind) => kind.as_str().ok_or_else(|| format!("`rope_type` is {kind}, and a word is needed"))?,
    };
    let scaling = match kind {
        "default" => RopeScaling::None,
        "linear" => RopeScaling::Linear { factor: inner.number("factor", None)? },
        "llama3" => RopeScaling::Llama3 {
            factor: inner.number("factor", None)?,
            low_freq_factor: inner.number("low_freq_factor", None)?,
            high_freq_factor: inner.number("high_freq_factor", None)?,
            original_context: inner.number("original_max_position_embeddings", Some(context as f64))?,
        },
        other => return Err(format!("rope scaling `{other}` is not supported; linear and llama3 are")),
    };
    Ok((theta, scaling))
}

/// An object whose values are asked for by name and kind.
struct Keys<'a>(&'a Map<String, Value>);

impl<'a> Keys<'a> {
    fn get(&self, key: &str) -> Option<&'a Value> {
        self.0.get(key).filter(|value| !value.is_null())
    }

    fn size(&self, key: &str, default: Option<usize>) -> Result<usize, String> {
        let Some(value) = self.get(key) else { return default.ok_or_else(|| format!("`{key}` is missing")) };
        let size = value.as_u64().filter(|size| (1..=1 << 31).contains(size));
        size.map(|size| size as usize).ok_or_else(|| format!("`{key}` is {value}, and a whole number from 1 is needed"))
    }

    fn number(&self, key: &str, default: Option<f64>) -> Result<f64, String> {
        let Some(value) = self.get(key) else { return default.ok_or_else(|| format!("`{key}` is missing")) };
        let number = value.as_f64().filter(|number| *number > 0.0 && number.is_finite());
        number.ok_or_else(|| format!("`{key}` is {value}, and a number above 0 is needed"))
    }

    fn truth(&self, key: &str, default: bool) -> Result<bool, String> {
        let Some(value) = self.get(key) else { return Ok(default) };
        value.as_bool().ok_or_else(|| format!("`{key}` is {value}, and true or false is needed"))
    }

    fn must(&self, key: &str, known: &[&str]) -> Result<(), String> {
        match self.get(key).map(|value| value.as_str().unwrap_or("")) {
            Some(word) if !known.contains(&word) => {
                Err(format!("`{key}` is `{word}`, and only {} is supported", known.join(", ")))
            }
            _ => Ok(()),
        }
    }

    fn ids(&self, key: &str) -> Result<Vec<u32>, String> {
        let id = |value: &Value| value.as_u64().and_then(|id| u32::try_from(id).ok());
        let wrong = |value: &Value| format!("`{key}` is {value}, and a token's number is needed");
        match self.get(key) {
            None => Ok(Vec::new()),
            Some(Value::Array(many)) => many.iter().map(|value| id(value).ok_or_else(|| wrong(value))).collect(),
            Some(value) => Ok(vec![id(value).ok_or_else(|| wrong(value))?]),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The config of a fixture with some keys set; those that are null go.
    fn changed(name: &str, keys: &Value) -> Result<ModelConfig, String> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/nn").join(name).join(CONFIG);
        let mut value: Value = serde_json::from_slice(&std::fs::read(path).expect("a file")).expect("JSON");
        for (key, new) in keys.as_object().expect("an object") {
            value[key] = new.clone();
        }
        ModelConfig::parse(value.to_string().as_bytes())
    }

    #[test]
    fn what_would_be_computed_otherwise_is_refused_by_name() {
        for (name, keys, part) in [
            ("llama", json!({ "architectures": ["MistralForCausalLM"] }), "MistralForCausalLM"),
            ("llama", json!({ "architectures": null }), "none"),
            ("llama", json!({ "model_type": "mistral" }), "`model_type` is `mistral`"),
            ("llama", json!({ "hidden_act": "gelu" }), "`hidden_act` is `gelu`"),
            ("llama", json!({ "attention_bias": true }), "`attention_bias` is true"),
            ("llama", json!({ "mlp_bias": true }), "`mlp_bias` is true"),
            ("llama", json!({ "sliding_window": 64 }), "sliding windows"),
            ("qwen2", json!({ "use_sliding_window": true }), "sliding windows"),
            ("qwen2", json!({ "layer_types": ["full_attention", "sliding_attention"] }), "sliding_attention"),
            ("llama", json!({ "quantization_config": { "bits": 4 } }), "before quantisation"),
            ("llama", json!({ "pretraining_tp": 2 }), "`pretraining_tp`"),
            ("llama", json!({ "num_key_value_heads": 3 }), "does not divide"),
            ("llama", json!({ "hidden_size": null }), "`hidden_size` is missing"),
            ("llama", json!({ "vocab_size": -1 }), "`vocab_size` is -1"),
            ("llama", json!({ "rms_norm_eps": 0 }), "`rms_norm_eps` is 0"),
            ("deepseek", json!({ "rope_scaling": { "type": "yarn", "factor": 4.0 } }), "rope scaling `yarn`"),
            ("deepseek", json!({ "rope_scaling": "linear" }), "`rope_scaling` is \"linear\", and an object"),
            ("deepseek", json!({ "rope_scaling": { "factor": 4.0 } }), "a `factor` and no `rope_type`"),
            ("deepseek", json!({ "rope_scaling": { "type": 4, "factor": 4.0 } }), "`rope_type` is 4"),
            ("deepseek", json!({ "rope_scaling": { "type": "linear" } }), "`factor` is missing"),
            ("deepseek", json!({ "rope_parameters": { "rope_theta": 1e5 } }), "say different things"),
            ("deepseek", json!({ "rope_scaling": { "type": "default", "partial_rotary_factor": 0.5 } }), "0.5"),
        ] {
            let error = changed(name, &keys).expect_err(part);
            assert!(error.contains(part), "{keys}: {error}");
        }
        let both = json!({ "rope_parameters": { "rope_type": "linear", "factor": 4.0, "rope_theta": 1e5 }, "rope_scaling": null });
        let read = changed("deepseek", &both).expect("it is known");
        assert_eq!((read.rope_theta, read.rope_scaling), (1e5, RopeScaling::Linear { factor: 4.0 }));
        assert_eq!(changed("deepseek", &json!({ "rope_scaling": {} })).expect("none").rope_scaling, RopeScaling::None);
    }
}
