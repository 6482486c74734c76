//! LoRA (Hu et al. 2021): what is added to a projection, and the files in which PEFT keeps it.
//!
//! `y = xWᵀ + s·(xAᵀ)Bᵀ` with A of r × in and B of out × r; `s = α/r`, or `α/√r` with rsLoRA (Kalajdzievski 2023).

use std::collections::BTreeSet;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{NnError, file_error};

/// The seven projections of a layer of the Llama family, in the order of the forward pass: name, and module it is in.
pub const PROJECTIONS: [(&str, &str); 7] = [
    ("q_proj", "self_attn"),
    ("k_proj", "self_attn"),
    ("v_proj", "self_attn"),
    ("o_proj", "self_attn"),
    ("gate_proj", "mlp"),
    ("up_proj", "mlp"),
    ("down_proj", "mlp"),
];

/// Name of the file of settings.
pub const ADAPTER_CONFIG: &str = "adapter_config.json";
/// Name of the file of weights.
pub const ADAPTER_WEIGHTS: &str = "adapter_model.safetensors";

/// Settings of LoRA.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoraConfig {
    /// Rank, at least 1.
    pub r: usize,
    /// Scale α.
    pub alpha: f64,
    /// Whether the scale is α/√r instead of α/r.
    pub rslora: bool,
    /// Learning rate of B over that of A (LoRA+, Hayou et al. 2024); 1 is plain LoRA.
    pub plus_ratio: f64,
    /// Which projections, by name; all seven unless said.
    pub targets: BTreeSet<String>,
}

impl LoraConfig {
    /// LoRA on all seven projections.
    pub fn new(r: usize, alpha: f64) -> LoraConfig {
        let targets = PROJECTIONS.iter().map(|(name, _)| (*name).to_owned()).collect();
        LoraConfig { r, alpha, rslora: false, plus_ratio: 1.0, targets }
    }

    /// What the product of B and A is multiplied with.
    pub fn scale(&self) -> f64 {
        let r = self.r as f64;
        self.alpha / if self.rslora { r.sqrt() } else { r }
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// [`NnError::Request`] with what is wrong and what is known.
    pub fn check(&self) -> Result<(), NnError> {
        let known = || PROJECTIONS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        if self.r == 0 {
            return Err(NnError::Request("a LoRA rank is at least 1".to_owned()));
        }
        if !(self.alpha.is_finite() && self.alpha > 0.0 && self.plus_ratio.is_finite() && self.plus_ratio > 0.0) {
            return Err(NnError::Request("alpha and the ratio of LoRA+ are numbers above 0".to_owned()));
        }
        if self.targets.is_empty() {
            return Err(NnError::Request(format!("LoRA needs a projection; there are {}", known())));
        }
        match self.targets.iter().find(|target| !PROJECTIONS.iter().any(|(name, _)| name == target)) {
            Some(other) => Err(NnError::Request(format!("there is no projection `{other}`; there are {}", known()))),
            None => Ok(()),
        }
    }

    /// Numbers that are trained beside a model of this shape.
    pub fn parameters(&self, config: &super::config::ModelConfig) -> u64 {
        let sizes = |name: &str| config.projection(name);
        let layer: usize = self.targets.iter().map(|name| sizes(name)).map(|(out, input)| self.r * (out + input)).sum();
        (layer * config.layers) as u64
    }

    /// What of the settings decides about what an adapter computes.
    pub fn computed(&self) -> Value {
        json!({ "lora_alpha": number(self.alpha), "r": self.r, "target_modules": self.targets, "use_rslora": self.rslora })
    }

    /// Settings in PEFT's form, `adapter_config.json`.
    pub fn peft_json(&self, base: &str) -> Value {
        json!({
            "alpha_pattern": {},
            "auto_mapping": null,
            "base_model_name_or_path": base,
            "bias": "none",
            "fan_in_fan_out": false,
            "inference_mode": true,
            "init_lora_weights": true,
            "layer_replication": null,
            "layers_pattern": null,
            "layers_to_transform": null,
            "lora_alpha": number(self.alpha),
            "lora_dropout": 0.0,
            "modules_to_save": null,
            "peft_type": "LORA",
            "r": self.r,
            "rank_pattern": {},
            "revision": null,
            "target_modules": self.targets,
            "task_type": "CAUSAL_LM",
            "use_dora": false,
            "use_rslora": self.rslora,
        })
    }

    /// Reads `adapter_config.json` of a folder. Settings that would change what the adapter computes and are not known
    /// here are refused by name.
    ///
    /// # Errors
    /// [`NnError::File`]; [`NnError::Config`].
    pub fn read(folder: &Path) -> Result<LoraConfig, NnError> {
        let path = folder.join(ADAPTER_CONFIG);
        let text = std::fs::read(&path).map_err(file_error("read", &path))?;
        let refused = |message: String| NnError::Config { path: path.clone(), message };
        let value: Value = serde_json::from_slice(&text).map_err(|error| refused(format!("no JSON: {error}")))?;
        let field = |name: &str| value.get(name).unwrap_or(&Value::Null);
        if field("peft_type").as_str() != Some("LORA") {
            return Err(refused(format!("`peft_type` is {}, and only LORA is known", field("peft_type"))));
        }
        let plain = |value: &Value| match value {
            Value::Null | Value::Bool(false) => true,
            Value::Object(map) => map.is_empty(),
            Value::Array(items) => items.is_empty(),
            _ => false,
        };
        for name in [
            "alpha_pattern",
            "rank_pattern",
            "layer_replication",
            "layers_to_transform",
            "modules_to_save",
            "use_dora",
            "fan_in_fan_out",
            "lora_bias",
            "exclude_modules",
            "target_parameters",
            "trainable_token_indices",
            "use_qalora",
        ] {
            if !plain(field(name)) {
                return Err(refused(format!("`{name}` is {}, which is not supported", field(name))));
            }
        }
        if !matches!(field("bias").as_str(), None | Some("none")) {
            return Err(refused(format!("`bias` is {}, and only \"none\" is supported", field("bias"))));
        }
        let r = field("r").as_u64().ok_or_else(|| refused("`r` is missing or no whole number".to_owned()))?;
        let alpha = field("lora_alpha").as_f64().ok_or_else(|| refused("`lora_alpha` is missing".to_owned()))?;
        let targets = match field("target_modules") {
            Value::Array(names) => names.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            Value::String(word) if word == "all-linear" => LoraConfig::new(1, 1.0).targets,
            other => return Err(refused(format!("`target_modules` is {other}, and a list of names is needed"))),
        };
        let rslora = field("use_rslora").as_bool().unwrap_or(false);
        let config = LoraConfig { r: r as usize, alpha, rslora, plus_ratio: 1.0, targets };
        config.check().map_err(|error| refused(error.to_string()))?;
        Ok(config)
    }
}

/// A whole number as one, as PEFT writes it.
fn number(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < 1e15 { json!(value as i64) } else { json!(value) }
}

/// PEFT's name of a tensor: `matrix` is `A` or `B`.
pub fn tensor_name(layer: usize, projection: &str, matrix: char) -> String {
    let module = PROJECTIONS.iter().find(|(name, _)| *name == projection).map_or("", |(_, module)| module);
    format!("base_model.model.model.layers.{layer}.{module}.{projection}.lora_{matrix}.weight")
}
