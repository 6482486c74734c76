//! A scalar f64 forward pass of the Llama family, written from the equations with plain loops, and the goldens of
//! `tests/fixtures/nn`, which transformers and PEFT printed. It shares nothing with the program: files are read here too.

use std::collections::{BTreeMap, BTreeSet};
use std::f64::consts::PI;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The folders of the tiny models.
pub const MODELS: [&str; 6] = ["llama", "deepseek", "qwen2", "tinyllama", "smollm2", "llama3"];

/// The folders of the adapters that PEFT saved; the first part is the model.
pub const ADAPTERS: [&str; 3] = ["llama/adapter", "llama/adapter-rslora", "qwen2/adapter"];

/// A folder or file below `tests/fixtures/nn`.
pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/nn").join(name)
}

/// Reads a file of JSON.
pub fn json(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A list of ids or other small whole numbers.
pub fn ids(value: &Value) -> Vec<u32> {
    let list = value.as_array().unwrap_or_else(|| panic!("a list of ids, not {value}"));
    list.iter().map(|id| u32::try_from(id.as_u64().expect("an id")).expect("it fits")).collect()
}

/// A tensor in row-major order, widened to f64.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    pub shape: Vec<usize>,
    pub values: Vec<f64>,
}

impl Tensor {
    /// The rows of a matrix.
    pub fn rows(&self) -> Vec<Vec<f64>> {
        let [_, width] = self.shape[..] else { panic!("a matrix, not {:?}", self.shape) };
        self.values.chunks(width).map(<[f64]>::to_vec).collect()
    }

    /// The Euclidean norm of all values.
    pub fn norm(&self) -> f64 {
        self.values.iter().map(|value| value * value).sum::<f64>().sqrt()
    }
}

/// Reads one safetensors file: eight bytes of length, a header in JSON, numbers.
pub fn read_tensors(path: &Path) -> BTreeMap<String, Tensor> {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let length = usize::try_from(u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes"))).expect("it fits");
    let header: Value = serde_json::from_slice(&bytes[8..8 + length]).expect("a header");
    let data = &bytes[8 + length..];
    let mut out = BTreeMap::new();
    for (name, about) in header.as_object().expect("an object").iter().filter(|(name, _)| *name != "__metadata__") {
        let whole = |value: &Value| usize::try_from(value.as_u64().expect("a whole number")).expect("it fits");
        let shape: Vec<usize> = about["shape"].as_array().expect("a shape").iter().map(whole).collect();
        let part = &data[whole(&about["data_offsets"][0])..whole(&about["data_offsets"][1])];
        let values: Vec<f64> = match about["dtype"].as_str() {
            Some("F32") => part.as_chunks::<4>().0.iter().map(|four| f64::from(f32::from_le_bytes(*four))).collect(),
            // The upper half of an f32.
            Some("BF16") => part
                .as_chunks::<2>()
                .0
                .iter()
                .map(|two| f64::from(f32::from_bits(u32::from(u16::from_le_bytes(*two)) << 16)))
                .collect(),
            other => panic!("{}: {name} is of type {other:?}", path.display()),
        };
        assert_eq!(values.len(), shape.iter().product::<usize>(), "{}: {name}", path.display());
        out.insert(name.clone(), Tensor { shape, values });
    }
    out
}

/// Reads the weights of a model's folder, from one file or from those that its index names.
pub fn read_model(folder: &Path) -> BTreeMap<String, Tensor> {
    let index = folder.join("model.safetensors.index.json");
    if !index.exists() {
        return read_tensors(&folder.join("model.safetensors"));
    }
    let index = json(&index);
    let mut out = BTreeMap::new();
    let places = index["weight_map"].as_object().expect("a map");
    let files: BTreeSet<&str> = places.values().map(|file| file.as_str().expect("a name")).collect();
    for file in files {
        for (name, tensor) in read_tensors(&folder.join(file)) {
            assert_eq!(places[&name], file, "{name} stands in another file than the index says");
            out.insert(name, tensor);
        }
    }
    assert_eq!(out.len(), places.len(), "the index names tensors that are in no file");
    out
}

/// How the frequencies of rotary positions are stretched.
#[derive(Clone, Debug, PartialEq)]
pub enum Scaling {
    None,
    Linear { factor: f64 },
    Llama3 { factor: f64, low: f64, high: f64, original: f64 },
}

/// What the forward pass wants to know of `config.json`.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    pub hidden: usize,
    pub layers: usize,
    pub heads: usize,
    pub kv_heads: usize,
    pub head_dim: usize,
    pub vocabulary: usize,
    pub eps: f64,
    pub theta: f64,
    pub scaling: Scaling,
    pub tied: bool,
    pub qkv_bias: bool,
}

impl Config {
    /// Reads it in the form of transformers 4 (`rope_theta`, `rope_scaling`) or 5 (`rope_parameters`).
    pub fn read(path: &Path) -> Config {
        let config = json(path);
        let count = |name: &str| config[name].as_u64().map(|value| usize::try_from(value).expect("it fits"));
        let qwen2 = match config["model_type"].as_str() {
            Some("llama") => false,
            Some("qwen2") => true,
            other => panic!("the reference knows llama and qwen2, not {other:?}"),
        };
        assert_ne!(config["attention_bias"], true, "no bias but that of Qwen2");
        assert_ne!(config["mlp_bias"], true, "no bias but that of Qwen2");
        assert_ne!(config["use_sliding_window"], true, "no sliding window");
        assert_eq!(config["hidden_act"], "silu");
        let newer = &config["rope_parameters"];
        let rope = if newer.is_object() { newer } else { &config["rope_scaling"] };
        let theta = [&newer["rope_theta"], &config["rope_theta"]].into_iter().find_map(Value::as_f64);
        let number = |name: &str| rope[name].as_f64().unwrap_or_else(|| panic!("rope scaling without {name}"));
        let scaling = match rope["rope_type"].as_str().or(rope["type"].as_str()) {
            None | Some("default") => Scaling::None,
            Some("linear") => Scaling::Linear { factor: number("factor") },
            Some("llama3") => Scaling::Llama3 {
                factor: number("factor"),
                low: number("low_freq_factor"),
                high: number("high_freq_factor"),
                original: number("original_max_position_embeddings"),
            },
            other => panic!("the reference knows no rope scaling {other:?}"),
        };
        let (hidden, heads) = (count("hidden_size").expect("a size"), count("num_attention_heads").expect("heads"));
        Config {
            hidden,
            layers: count("num_hidden_layers").expect("layers"),
            heads,
            kv_heads: count("num_key_value_heads").unwrap_or(heads),
            head_dim: count("head_dim").unwrap_or(hidden / heads),
            vocabulary: count("vocab_size").expect("a size"),
            eps: config["rms_norm_eps"].as_f64().expect("a number"),
            theta: theta.expect("a base of the frequencies"),
            scaling,
            tied: config["tie_word_embeddings"] == true,
            qkv_bias: qwen2,
        }
    }

    /// Radians per position for each pair of a head's dimensions: RoFormer, arXiv:2104.09864, equation 15; stretched by
    /// position interpolation, arXiv:2306.15595, or by wavelength as in Llama 3.1.
    pub fn frequencies(&self) -> Vec<f64> {
        let plain = (0..self.head_dim / 2).map(|at| self.theta.powf(-2.0 * at as f64 / self.head_dim as f64));
        plain
            .map(|frequency| match self.scaling {
                Scaling::None => frequency,
                Scaling::Linear { factor } => frequency / factor,
                Scaling::Llama3 { factor, low, high, original } => {
                    let turns = original * frequency / (2.0 * PI);
                    if turns < low {
                        frequency / factor
                    } else if turns > high {
                        frequency
                    } else {
                        let smooth = (turns - low) / (high - low);
                        (1.0 - smooth) * frequency / factor + smooth * frequency
                    }
                }
            })
            .collect()
    }
}

/// A pair of low-rank matrices beside a linear map: `y = x Wᵀ + scale (x Aᵀ) Bᵀ`, LoRA, arXiv:2106.09685.
#[derive(Clone, Debug)]
pub struct Lora {
    pub a: Tensor,
    pub b: Tensor,
    pub scale: f64,
}

/// A model whose every number is f64.
#[derive(Clone, Debug)]
pub struct Reference {
    pub config: Config,
    pub weights: BTreeMap<String, Tensor>,
    /// By the name of the linear map, as `model.layers.0.self_attn.q_proj`.
    pub adapters: BTreeMap<String, Lora>,
}

impl Reference {
    /// Reads a model in the layout of Hugging Face.
    pub fn load(folder: &Path) -> Reference {
        let config = Config::read(&folder.join("config.json"));
        Reference { config, weights: read_model(folder), adapters: BTreeMap::new() }
    }

    /// The same model with an adapter in the layout of PEFT live.
    pub fn with_adapter(mut self, folder: &Path) -> Reference {
        let config = json(&folder.join("adapter_config.json"));
        for other in ["use_dora", "lora_bias", "fan_in_fan_out"] {
            assert_ne!(config[other], true, "the reference knows no {other}");
        }
        let (rank, alpha) = (config["r"].as_f64().expect("r"), config["lora_alpha"].as_f64().expect("lora_alpha"));
        let scale = if config["use_rslora"] == true { alpha / rank.sqrt() } else { alpha / rank };
        let mut tensors = read_tensors(&folder.join("adapter_model.safetensors"));
        let names: Vec<String> = tensors.keys().cloned().collect();
        for name in names {
            let Some(module) = name.strip_suffix(".lora_A.weight") else { continue };
            let a = tensors.remove(&name).expect("it was listed");
            let b = tensors.remove(&format!("{module}.lora_B.weight")).expect("B beside A");
            assert_eq!([a.shape[0], b.shape[1]], [rank as usize; 2], "{module}");
            let module = module.strip_prefix("base_model.model.").expect("the prefix of PEFT");
            assert!(self.weights.contains_key(&format!("{module}.weight")), "the base has no {module}");
            self.adapters.insert(module.to_owned(), Lora { a, b, scale });
        }
        assert!(tensors.is_empty(), "left over: {:?}", tensors.keys());
        self
    }

    /// The same model with each adapter added into its weights.
    pub fn merged(mut self) -> Reference {
        for (module, lora) in std::mem::take(&mut self.adapters) {
            let weight = self.weights.get_mut(&format!("{module}.weight")).expect("a weight");
            let [outs, ins] = weight.shape[..] else { panic!("{module} is no matrix") };
            for out in 0..outs {
                for at in 0..ins {
                    let mut sum = 0.0;
                    for rank in 0..lora.a.shape[0] {
                        sum += lora.b.values[out * lora.b.shape[1] + rank] * lora.a.values[rank * ins + at];
                    }
                    weight.values[out * ins + at] += lora.scale * sum;
                }
            }
        }
        self
    }

    fn weight(&self, name: &str) -> &Tensor {
        self.weights.get(name).unwrap_or_else(|| panic!("the model has no {name}"))
    }

    /// A linear map of one vector, with its bias and its adapter where it has them.
    fn linear(&self, module: &str, x: &[f64]) -> Vec<f64> {
        let mut y = times(self.weight(&format!("{module}.weight")), x);
        let bias = self.weights.get(&format!("{module}.bias"));
        let wants_bias = self.config.qkv_bias && ["q_proj", "k_proj", "v_proj"].iter().any(|end| module.ends_with(end));
        assert!(!wants_bias || bias.is_some(), "{module} has no bias");
        if let Some(bias) = bias.filter(|_| wants_bias) {
            add(&mut y, &bias.values, 1.0);
        }
        if let Some(lora) = self.adapters.get(module) {
            add(&mut y, &times(&lora.b, &times(&lora.a, x)), lora.scale);
        }
        y
    }

    /// Root mean square layer normalisation, arXiv:1910.07467, equation 4.
    fn norm(&self, name: &str, x: &[f64]) -> Vec<f64> {
        let mean = x.iter().map(|value| value * value).sum::<f64>() / x.len() as f64;
        let by = 1.0 / (mean + self.config.eps).sqrt();
        x.iter().zip(&self.weight(name).values).map(|(value, gain)| value * by * gain).collect()
    }

    /// Turns the pairs `(i, i + d/2)` of each head by the angle of the position.
    fn rotate(&self, x: &mut [f64], position: usize) {
        let half = self.config.head_dim / 2;
        let frequencies = self.config.frequencies();
        for head in x.chunks_mut(self.config.head_dim) {
            for (at, frequency) in frequencies.iter().enumerate() {
                let (sin, cos) = (position as f64 * frequency).sin_cos();
                let (first, second) = (head[at], head[at + half]);
                head[at] = first * cos - second * sin;
                head[at + half] = second * cos + first * sin;
            }
        }
    }

    /// Causal attention over all positions; `queries` heads in groups share a head of `keys` and `values`.
    fn attention(&self, queries: &[Vec<f64>], keys: &[Vec<f64>], values: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let (size, group) = (self.config.head_dim, self.config.heads / self.config.kv_heads);
        let mut out = vec![vec![0.0; self.config.heads * size]; queries.len()];
        for (now, query) in queries.iter().enumerate() {
            for head in 0..self.config.heads {
                let own = head * size..(head + 1) * size;
                let shared = head / group * size..(head / group + 1) * size;
                let scores: Vec<f64> = keys[..=now]
                    .iter()
                    .map(|key| dot(&query[own.clone()], &key[shared.clone()]) / (size as f64).sqrt())
                    .collect();
                for (share, value) in softmax(&scores).iter().zip(values) {
                    add(&mut out[now][own.clone()], &value[shared.clone()], *share);
                }
            }
        }
        out
    }

    /// The logits after each of the ids, `[ids][vocabulary]`.
    pub fn logits(&self, ids: &[u32]) -> Vec<Vec<f64>> {
        let hidden = self.config.hidden;
        let embed = self.weight("model.embed_tokens.weight");
        assert_eq!(embed.shape, [self.config.vocabulary, hidden]);
        let mut states: Vec<Vec<f64>> =
            ids.iter().map(|id| embed.values[*id as usize * hidden..][..hidden].to_vec()).collect();
        for layer in 0..self.config.layers {
            let at = format!("model.layers.{layer}");
            let (mut queries, mut keys, mut values) = (Vec::new(), Vec::new(), Vec::new());
            for (position, state) in states.iter().enumerate() {
                let x = self.norm(&format!("{at}.input_layernorm.weight"), state);
                let mut query = self.linear(&format!("{at}.self_attn.q_proj"), &x);
                let mut key = self.linear(&format!("{at}.self_attn.k_proj"), &x);
                self.rotate(&mut query, position);
                self.rotate(&mut key, position);
                queries.push(query);
                keys.push(key);
                values.push(self.linear(&format!("{at}.self_attn.v_proj"), &x));
            }
            for (state, mixed) in states.iter_mut().zip(self.attention(&queries, &keys, &values)) {
                add(state, &self.linear(&format!("{at}.self_attn.o_proj"), &mixed), 1.0);
                // SwiGLU, arXiv:2002.05202, equation 6.
                let x = self.norm(&format!("{at}.post_attention_layernorm.weight"), state);
                let gate = self.linear(&format!("{at}.mlp.gate_proj"), &x);
                let up = self.linear(&format!("{at}.mlp.up_proj"), &x);
                let inner: Vec<f64> =
                    gate.iter().zip(&up).map(|(gate, up)| gate / (1.0 + (-gate).exp()) * up).collect();
                add(state, &self.linear(&format!("{at}.mlp.down_proj"), &inner), 1.0);
            }
        }
        let head = if self.config.tied { embed } else { self.weight("lm_head.weight") };
        states.iter().map(|state| times(head, &self.norm("model.norm.weight", state))).collect()
    }

    /// Summed negative log-likelihood of the ids from `trained_from` on, and how many those are.
    pub fn loss(&self, ids: &[u32], trained_from: usize) -> (f64, usize) {
        let logits = self.logits(ids);
        let from = trained_from.max(1);
        let nll = (from..ids.len()).map(|at| -softmax(&logits[at - 1])[ids[at] as usize].ln()).sum();
        (nll, ids.len() - from)
    }

    /// The `count` likeliest tokens one after the other; end tokens are tokens as others are.
    pub fn greedy(&self, ids: &[u32], count: usize) -> Vec<u32> {
        let mut all = ids.to_vec();
        for _ in 0..count {
            let logits = self.logits(&all);
            let last = logits.last().expect("a token to begin with");
            let best = (0..last.len()).max_by(|one, other| last[*one].total_cmp(&last[*other])).expect("a vocabulary");
            all.push(u32::try_from(best).expect("it fits"));
        }
        all.split_off(ids.len())
    }
}

fn dot(left: &[f64], right: &[f64]) -> f64 {
    assert_eq!(left.len(), right.len());
    left.iter().zip(right).map(|(one, other)| one * other).sum()
}

fn add(to: &mut [f64], what: &[f64], by: f64) {
    assert_eq!(to.len(), what.len());
    for (sum, value) in to.iter_mut().zip(what) {
        *sum += by * value;
    }
}

/// A matrix `[out, in]` times a vector `[in]`.
fn times(matrix: &Tensor, x: &[f64]) -> Vec<f64> {
    let [outs, ins] = matrix.shape[..] else { panic!("a matrix, not {:?}", matrix.shape) };
    assert_eq!(ins, x.len());
    (0..outs).map(|out| dot(&matrix.values[out * ins..(out + 1) * ins], x)).collect()
}

fn softmax(scores: &[f64]) -> Vec<f64> {
    let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = scores.iter().map(|score| (score - most).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.iter().map(|power| power / sum).collect()
}

/// The farthest that two tables of numbers are apart; panics where they have other shapes.
pub fn farthest(left: &[Vec<f64>], right: &[Vec<f64>]) -> f64 {
    assert_eq!(left.len(), right.len(), "as many rows");
    let mut most = 0.0f64;
    for (left, right) in left.iter().zip(right) {
        assert_eq!(left.len(), right.len(), "as many columns");
        for (one, other) in left.iter().zip(right) {
            assert!(one.is_finite() && other.is_finite());
            most = most.max((one - other).abs());
        }
    }
    most
}

/// A row of a batch: its ids, and the first that is trained.
#[derive(Clone, Debug)]
pub struct Row {
    pub ids: Vec<u32>,
    pub trained_from: usize,
}

impl Row {
    /// Reads `{ids, trained_from}`.
    pub fn read(value: &Value) -> Row {
        let from = value["trained_from"].as_u64().expect("a position");
        Row { ids: ids(&value["ids"]), trained_from: usize::try_from(from).expect("it fits") }
    }
}

/// What transformers and PEFT printed; `make.py` says what each entry is.
pub struct Golden {
    json: Value,
    arrays: BTreeMap<String, Tensor>,
}

impl Golden {
    pub fn load() -> Golden {
        Golden::of(&fixture(""))
    }

    /// The goldens of a folder.
    pub fn of(folder: &Path) -> Golden {
        Golden { json: json(&folder.join("golden.json")), arrays: read_tensors(&folder.join("golden.safetensors")) }
    }

    /// All about a model: `sequences`, `greedy`, `loss`, `tokenizer`.
    pub fn model(&self, name: &str) -> &Value {
        let found = &self.json["models"][name];
        assert!(found.is_object(), "no golden of the model {name}");
        found
    }

    /// All about an adapter: `base`, `scale`, `sequences`, `batch`, `loss`, `gradients`, `adamw`.
    pub fn adapter(&self, name: &str) -> &Value {
        let found = &self.json["adapters"][name];
        assert!(found.is_object(), "no golden of the adapter {name}");
        found
    }

    /// The sequences of a model, an adapter, or an adapter merged (`llama/adapter.merged`): ids, the position of the
    /// first row, and the logits from there on.
    pub fn logits(&self, name: &str) -> Vec<(Vec<u32>, usize, Vec<Vec<f64>>)> {
        let plain = name.trim_end_matches(".merged");
        let about = if plain.contains('/') { self.adapter(plain) } else { self.model(plain) };
        let sequences = about["sequences"].as_array().expect("sequences");
        let each = sequences.iter().enumerate().map(|(at, sequence)| {
            let from = usize::try_from(sequence["from"].as_u64().expect("a position")).expect("it fits");
            (ids(&sequence["ids"]), from, self.arrays[&format!("{name}.{at}")].rows())
        });
        each.collect()
    }
}

/// How far f32 of transformers may be from f64: logits have sizes up to 15.
const LOGITS: f64 = 1e-4;

/// The farthest that the logits of a model are from the goldens of the name.
pub fn distance(model: &Reference, golden: &Golden, name: &str) -> f64 {
    let all = golden.logits(name);
    assert_eq!(all.iter().map(|(ids, ..)| ids.len()).collect::<Vec<_>>(), [1, 17, 50]);
    all.iter().map(|(ids, from, wanted)| farthest(&model.logits(ids)[*from..], wanted)).fold(0.0, f64::max)
}

#[test]
fn logits_tokens_and_losses_are_those_of_transformers() {
    let golden = Golden::load();
    for name in MODELS {
        let model = Reference::load(&fixture(name));
        let far = distance(&model, &golden, name);
        assert!(far < LOGITS, "{name}: {far}");
        let about = golden.model(name);
        for greedy in about["greedy"].as_array().expect("a list") {
            assert_eq!(model.greedy(&ids(&greedy["ids"]), 12), ids(&greedy["next"]), "{name}");
        }
        let row = Row::read(&about["loss"]);
        let (nll, trained) = model.loss(&row.ids, row.trained_from);
        assert_eq!(about["loss"]["trained"], trained);
        let wanted = about["loss"]["nll"].as_f64().expect("a loss");
        assert!((nll - wanted).abs() < 1e-3, "{name}: {nll}, not {wanted}");
    }
}

#[test]
fn adapters_live_and_merged_are_those_of_peft() {
    let golden = Golden::load();
    for name in ADAPTERS {
        let about = golden.adapter(name);
        let base = Reference::load(&fixture(about["base"].as_str().expect("a name")));
        let live = base.clone().with_adapter(&fixture(name));
        assert_eq!(live.adapters.len(), 14, "{name}");
        assert!(live.adapters.values().all(|lora| about["scale"] == lora.scale && lora.b.norm() > 0.1), "{name}");
        for (form, model) in [("", &live), (".merged", &live.clone().merged())] {
            let far = distance(model, &golden, &format!("{name}{form}"));
            assert!(far < LOGITS, "{name}{form}: {far}");
        }
        assert!(distance(&base, &golden, name) > 1.0, "{name} does nothing");
        let mut nll = 0.0;
        let mut trained = 0;
        for row in about["batch"].as_array().expect("rows") {
            let row = Row::read(row);
            let (sum, count) = live.loss(&row.ids, row.trained_from);
            nll += sum;
            trained += count;
        }
        assert_eq!(about["trained"], trained);
        let wanted = about["loss"].as_f64().expect("a loss");
        assert!((nll / trained as f64 - wanted).abs() < 1e-5, "{name}: {} not {wanted}", nll / trained as f64);
        assert_eq!(about["adamw"]["losses"][0], about["loss"]);
    }
}

/// The mean loss of a golden batch.
fn mean_loss(model: &Reference, rows: &[Row]) -> f64 {
    let each: Vec<(f64, usize)> = rows.iter().map(|row| model.loss(&row.ids, row.trained_from)).collect();
    each.iter().map(|(nll, _)| nll).sum::<f64>() / each.iter().map(|(_, trained)| trained).sum::<usize>() as f64
}

#[test]
fn gradients_of_the_goldens_are_slopes_of_the_loss() {
    let golden = Golden::load();
    for (name, modules) in [
        ("llama/adapter-rslora", ["0.self_attn.q_proj", "0.mlp.gate_proj", "1.mlp.down_proj"]),
        ("qwen2/adapter", ["0.self_attn.k_proj", "0.self_attn.v_proj", "1.self_attn.o_proj"]),
    ] {
        let about = golden.adapter(name);
        let rows: Vec<Row> = about["batch"].as_array().expect("rows").iter().map(Row::read).collect();
        let mut model = Reference::load(&fixture(about["base"].as_str().expect("a name"))).with_adapter(&fixture(name));
        assert_eq!(about["gradients"].as_object().expect("gradients").len(), 28);
        for module in modules {
            let module = format!("model.layers.{module}");
            for (letter, at) in [('A', 0), ('B', 5)] {
                let found = &about["gradients"][format!("base_model.model.{module}.lora_{letter}.weight")];
                let wanted = found["first"][at].as_f64().expect("a gradient");
                let mut beside = |step: f64| {
                    let lora = model.adapters.get_mut(&module).expect("it is there");
                    let values = if letter == 'A' { &mut lora.a.values } else { &mut lora.b.values };
                    values[at] += step;
                    let loss = mean_loss(&model, &rows);
                    let lora = model.adapters.get_mut(&module).expect("it is there");
                    let values = if letter == 'A' { &mut lora.a.values } else { &mut lora.b.values };
                    values[at] -= step;
                    loss
                };
                let slope = (beside(1e-5) - beside(-1e-5)) / 2e-5;
                let scale = found["norm"].as_f64().expect("a norm").max(1.0);
                assert!((slope - wanted).abs() < 2e-5 * scale, "{module} {letter}: {slope}, not {wanted}");
            }
        }
    }
}

#[test]
fn the_goldens_show_each_mistake_that_a_forward_pass_can_make() {
    let golden = Golden::load();
    type Mistake = fn(&mut Reference);
    let mistakes: [(&str, &str, Mistake); 9] = [
        ("deepseek", "no linear scaling", |model| model.config.scaling = Scaling::None),
        ("deepseek", "another base of the frequencies", |model| model.config.theta = 10_000.0),
        ("llama3", "no scaling by wavelength", |model| model.config.scaling = Scaling::None),
        ("llama3", "scaling without its middle", |model| {
            model.config.scaling = Scaling::Llama3 { factor: 8.0, low: 2.5, high: 2.5, original: 64.0 };
        }),
        ("qwen2", "no biases", |model| model.config.qkv_bias = false),
        ("tinyllama", "norms with another epsilon", |model| model.config.eps = 1e-2),
        ("tinyllama", "heads grouped by turns", |model| {
            // Query heads 0, 2, 4, 6 share the first head of keys instead of 0 to 3.
            for layer in 0..2 {
                let name = |part: &str| format!("model.layers.{layer}.self_attn.{part}_proj.weight");
                let rows = model.weights[&name("q")].rows();
                let turned: Vec<usize> = (0..64).map(|row| (row / 8 % 4 * 2 + row / 32) * 8 + row % 8).collect();
                let queries = turned.iter().flat_map(|row| rows[*row].clone()).collect();
                model.weights.get_mut(&name("q")).expect("a weight").values = queries;
                let rows = model.weights[&name("o")].rows();
                let outs = rows.iter().flat_map(|row| turned.iter().map(|at| row[*at]).collect::<Vec<_>>()).collect();
                model.weights.get_mut(&name("o")).expect("a weight").values = outs;
            }
        }),
        ("smollm2", "a head of its own", |model| {
            model.config.tied = false;
            let mut head = model.weights["model.embed_tokens.weight"].clone();
            head.values.reverse();
            model.weights.insert("lm_head.weight".to_owned(), head);
        }),
        ("llama", "turned pairs that stand side by side", |model| {
            for layer in 0..2 {
                for part in ["q", "k"] {
                    let weight = model.weights.get_mut(&format!("model.layers.{layer}.self_attn.{part}_proj.weight"));
                    let weight = weight.expect("a weight");
                    let rows = weight.rows();
                    let apart = (0..64).map(|row| row / 16 * 16 + row % 8 * 2 + row % 16 / 8);
                    weight.values = apart.flat_map(|row: usize| rows[row].clone()).collect();
                }
            }
        }),
    ];
    for (name, what, make) in mistakes {
        let mut model = Reference::load(&fixture(name));
        make(&mut model);
        let far = distance(&model, &golden, name);
        assert!(far > 0.02, "{name}: {what} is not seen, {far}");
    }
}

#[test]
fn positions_are_read_alike_from_both_forms_of_a_config() {
    let (older, newer) = (fixture("llama3/config.json"), fixture("llama3/config.v5.json"));
    assert!(json(&older)["rope_parameters"].is_null() && json(&newer)["rope_scaling"].is_null());
    assert_eq!(Config::read(&older), Config::read(&newer));
    assert_eq!(Config::read(&older).head_dim, 24);
}

#[test]
fn tokenizers_encode_and_decode_as_their_python_package_does() {
    let golden = Golden::load();
    for name in MODELS {
        let tokenizer = tokenizers::Tokenizer::from_file(fixture(name).join("tokenizer.json")).expect("a tokenizer");
        let cases = golden.model(name)["tokenizer"].as_array().expect("cases");
        assert_eq!(cases.len(), 10);
        for case in cases {
            let text = case["text"].as_str().expect("a text");
            let found = tokenizer.encode(text, false).expect("it can be encoded");
            assert_eq!(found.get_ids(), ids(&case["ids"]), "{name}: {text:?}");
            for (form, skip) in [("decoded", false), ("plain", true)] {
                let back = tokenizer.decode(found.get_ids(), skip).expect("it can be decoded");
                assert_eq!(case[form], back.as_str(), "{name}: {text:?}");
            }
        }
    }
}
