//! A model: its weights, its passes, and its cache of keys and values.

use std::collections::BTreeMap;
use std::path::Path;

use tch::{Kind, Tensor};

use super::block::{Kept, Layer, Pass, Widths, norm, norm_backward};
use super::flat::{Flat, Weight};
use super::frozen::{Frozen, Nf4};
use super::group::{Group, GroupLora, Matrix};
use super::rope::Rope;
use super::stream::Stream;
use super::{Ground, Out, attention, loss, to_host};
use crate::nn::config::ModelConfig;
use crate::nn::lora::{self, ADAPTER_WEIGHTS, LoraConfig};
use crate::nn::weights::{Stored, Weights};
use crate::nn::{Batch, Logits, NnError, Opening, Predictor, Scores};

/// Projections that read one input: name of the group, and of its parts.
pub(super) const GROUPS: [&[&str]; 4] =
    [&["q_proj", "k_proj", "v_proj"], &["o_proj"], &["gate_proj", "up_proj"], &["down_proj"]];

/// Hugging Face's name of a projection's weight.
pub(super) fn weight_name(layer: usize, projection: &str) -> String {
    let module = lora::PROJECTIONS.iter().find(|(name, _)| *name == projection).map_or("", |(_, module)| module);
    format!("model.layers.{layer}.{module}.{projection}.weight")
}

/// Gives a matrix of LoRA by its names (PEFT's, one below the other) and sizes.
pub(super) type Matrices<'a> = dyn FnMut(&[String], &[i64]) -> Result<Weight, NnError> + 'a;

/// Where the matrices of LoRA come from.
pub(super) struct LoraParts<'a> {
    /// The settings.
    pub(super) config: &'a LoraConfig,
    /// The matrices.
    pub(super) matrix: &'a mut Matrices<'a>,
}

/// A model.
pub(super) struct Network {
    pub(super) config: ModelConfig,
    pub(super) ground: Ground,
    embedding: Weight,
    layers: Vec<Layer>,
    norm: Weight,
    head: Weight,
    rope: Rope,
    loss_chunk: i64,
    cache: Option<Cache>,
}

/// Keys and values of what was read so far.
struct Cache {
    /// Per layer: keys and values, sequences × heads × room × width.
    layers: Vec<(Tensor, Tensor)>,
    sequences: i64,
    length: i64,
    room: i64,
}

/// Names of the embedding and of the output layer.
const EMBEDDING: &str = "model.embed_tokens.weight";
const HEAD: &str = "lm_head.weight";

impl Network {
    /// Opens a model's folder to predict with, with an adapter in PEFT's form where one is given.
    pub(super) fn open(opening: &Opening, adapter: Option<&Path>) -> Result<Network, NnError> {
        let ground = Ground::of(opening)?;
        let Some(adapter) = adapter else { return Network::load(opening, ground, None, None) };
        let config = LoraConfig::read(adapter)?;
        let weights = Weights::of_file(&adapter.join(ADAPTER_WEIGHTS))?;
        let mut used = 0;
        let mut matrix = |names: &[String], size: &[i64]| {
            used += names.len();
            let loader = Loader { weights: &weights, ground };
            Ok(Weight::frozen(loader.joined(names, size)?))
        };
        let parts = LoraParts { config: &config, matrix: &mut matrix };
        let network = Network::load(opening, ground, Some(parts), None)?;
        if used != weights.places.len() {
            let message = format!(
                "it holds {} tensors, and {used} fit this model: it was made for another one",
                weights.places.len()
            );
            return Err(NnError::Weights { path: adapter.join(ADAPTER_WEIGHTS), message });
        }
        Ok(network)
    }

    /// Loads a model: weights that `flat` trains come from there, the others from the folder.
    pub(super) fn load(
        opening: &Opening,
        ground: Ground,
        mut lora: Option<LoraParts>,
        flat: Option<&Flat>,
    ) -> Result<Network, NnError> {
        let config = ModelConfig::read(&opening.model)?;
        let weights = Weights::of_model(&opening.model)?;
        let loader = Loader { weights: &weights, ground };
        let shapes: BTreeMap<String, Vec<usize>> = config.tensors().into_iter().collect();
        // Angles are computed, and files of tied models may hold the output layer once more.
        let told = |name: &str| name.ends_with("rotary_emb.inv_freq") || (config.tied && name == HEAD);
        if let Some(name) = weights.places.keys().find(|name| !shapes.contains_key(*name) && !told(name)) {
            let message = "the files hold it, and a model of this config has no such part".to_owned();
            return Err(NnError::Tensor { name: name.clone(), message });
        }
        if config.tied && weights.places.contains_key(HEAD) {
            let shape = &shapes[EMBEDDING];
            if weights.read(HEAD, shape)? != weights.read(EMBEDDING, shape)? {
                let message = format!(
                    "the config ties it to {EMBEDDING}, and the files hold another matrix: say `tie_word_embeddings`: false, or leave it out of the files"
                );
                return Err(NnError::Tensor { name: HEAD.to_owned(), message });
            }
        }
        let single = |name: &str| -> Result<Weight, NnError> {
            if let Some(flat) = flat {
                return flat.weight(name);
            }
            let shape: Vec<i64> = shapes.get(name).into_iter().flatten().map(|size| *size as i64).collect();
            Ok(Weight::frozen(loader.joined(&[name.to_owned()], &shape)?))
        };
        let mut layers = Vec::with_capacity(config.layers);
        for layer in 0..config.layers {
            let mut groups = Vec::with_capacity(GROUPS.len());
            for parts in GROUPS {
                let names: Vec<String> = parts.iter().map(|part| weight_name(layer, part)).collect();
                let rows: Vec<i64> = parts.iter().map(|part| config.projection(part).0 as i64).collect();
                let input = config.projection(parts[0]).1 as i64;
                let matrix = match flat {
                    Some(flat) => Matrix::Trained(flat.weight(&names[0])?),
                    None => {
                        let dense = loader.joined(&names, &[rows.iter().sum(), input])?;
                        Matrix::Frozen(match opening.nf4 {
                            true => Frozen::Nf4(Nf4::new(&dense, ground)?),
                            false => Frozen::Dense(dense),
                        })
                    }
                };
                let biases: Vec<String> = names.iter().map(|name| name.replace(".weight", ".bias")).collect();
                let bias = match (config.qkv_bias && parts.len() == 3, flat) {
                    (false, _) => None,
                    (true, Some(flat)) => Some(flat.weight(&biases[0])?),
                    (true, None) => Some(Weight::frozen(loader.joined(&biases, &[rows.iter().sum()])?)),
                };
                let lora = match &mut lora {
                    Some(lora) => group_lora(lora, layer, parts, &rows, input)?,
                    None => None,
                };
                groups.push(Group { matrix, bias, lora });
            }
            let mut groups = groups.into_iter();
            let (Some(qkv), Some(o), Some(gate_up), Some(down)) =
                (groups.next(), groups.next(), groups.next(), groups.next())
            else {
                return Err(NnError::Request("a layer has four groups of projections".to_owned()));
            };
            layers.push(Layer {
                widths: Widths::of(&config),
                norm_attention: single(&format!("model.layers.{layer}.input_layernorm.weight"))?,
                qkv,
                o,
                norm_mlp: single(&format!("model.layers.{layer}.post_attention_layernorm.weight"))?,
                gate_up,
                down,
            });
        }
        let embedding = single(EMBEDDING)?;
        let head = if config.tied { embedding.shared() } else { single(HEAD)? };
        let (norm, rope) = (single("model.norm.weight")?, Rope::new(&config, ground)?);
        Ok(Network { config, ground, embedding, layers, norm, head, rope, loss_chunk: 512, cache: None })
    }

    /// Sets how many logits are made at once.
    pub(super) fn set_loss_chunk(&mut self, positions: usize) {
        self.loss_chunk = positions.max(1) as i64;
    }

    /// Forward, and backward where a divisor is given: answers losses and hits, M each, on the device.
    /// `recompute` is the number of layers whose inside is not kept but computed again; 0 keeps all.
    pub(super) fn pass(
        &mut self,
        batch: &Batch,
        divisor: Option<f64>,
        recompute: usize,
    ) -> Result<(Tensor, Tensor), NnError> {
        self.check(batch)?;
        Ok(self.run(batch, divisor, recompute)?)
    }

    fn check(&self, batch: &Batch) -> Result<(), NnError> {
        let wrong = |message: String| Err(NnError::Request(message));
        for span in batch.spans() {
            if span.trained_from == 0 || span.trained_from >= span.length {
                return wrong(format!(
                    "an example of {} tokens is trained from token {}: at least one token stands before, and one after",
                    span.length, span.trained_from
                ));
            }
            if span.length > self.config.context {
                return wrong(format!(
                    "an example has {} tokens, and the model knows {} positions",
                    span.length, self.config.context
                ));
            }
        }
        match batch.ids.iter().find(|id| **id as usize >= self.config.vocabulary) {
            Some(id) => wrong(format!(
                "token {id} is not in the model's vocabulary of {}: the tokenizer belongs to another model",
                self.config.vocabulary
            )),
            None => Ok(()),
        }
    }

    fn run(&mut self, batch: &Batch, divisor: Option<f64>, recompute: usize) -> Out<(Tensor, Tensor)> {
        let stream = Stream::new(batch, self.ground.device)?;
        let pass = Pass { stream: &stream, angles: self.rope.at(&stream.positions)?, ground: self.ground };
        let mut hidden = self.embedding.value.f_index_select(0, &stream.ids)?;
        let last = self.layers.len().saturating_sub(1);
        let train = divisor.is_some();
        // What each segment begins with, and what its layers keep, the segment that is run last with all of it.
        let segment = if recompute == 0 { self.layers.len().max(1) } else { recompute };
        let mut begun = Vec::new();
        let mut kept: Vec<Kept> = Vec::new();
        for (at, layer) in self.layers.iter().enumerate() {
            if at % segment == 0 && train {
                begun.push(hidden.shallow_clone());
            }
            let keep = train && at / segment == last / segment;
            let rows = (at == last).then_some(&stream.asked);
            let (next, saved) = layer.forward(&hidden, &pass, rows, keep)?;
            kept.extend(saved);
            hidden = next;
        }
        let eps = self.config.rms_eps;
        let (normed, scale) = norm(&hidden, &self.norm.value, eps)?;
        let lost = loss::cross_entropy(&normed, &stream.targets, &mut self.head, self.loss_chunk, divisor)?;
        let Some(grad) = lost.grad else { return Ok((lost.losses, lost.correct)) };
        let mut back = hidden.f_zeros_like()?;
        norm_backward(&grad, &hidden, &scale, &mut self.norm, &mut back)?;
        drop((grad, normed, hidden));
        let trains_embedding = self.embedding.is_trained();
        for start in (0..begun.len()).rev().map(|number| number * segment) {
            let end = (start + segment).min(self.layers.len());
            let mut hidden = begun.pop().ok_or_else(|| tch::TchError::Torch("a segment has a beginning".to_owned()))?;
            if kept.is_empty() {
                for layer in &self.layers[start..end] {
                    // The last segment is kept from the forward pass, so all tokens leave these layers.
                    let (next, saved) = layer.forward(&hidden, &pass, None, true)?;
                    kept.extend(saved);
                    hidden = next;
                }
            }
            for at in (start..end).rev() {
                let saved = kept.pop().ok_or_else(|| tch::TchError::Torch("a layer was kept".to_owned()))?;
                let rows = (at == last).then_some(&stream.asked);
                let ask = at > 0 || trains_embedding;
                match self.layers[at].backward(saved, back, &pass, rows, ask)? {
                    Some(next) => back = next,
                    None => return Ok((lost.losses, lost.correct)),
                }
            }
        }
        self.embedding.add_indexed(&stream.ids, &back)?;
        Ok((lost.losses, lost.correct))
    }

    /// Reads tokens, sequences × t, behind what the cache holds, and answers the logits after the last of each.
    fn read(&mut self, tokens: &[Vec<u32>]) -> Result<Logits, NnError> {
        let vocabulary = self.config.vocabulary;
        let Some(mut cache) = self.cache.take() else {
            return Err(NnError::Request("sequences are begun before they are appended to".to_owned()));
        };
        let length = tokens.first().map_or(0, Vec::len);
        if tokens.len() as i64 != cache.sequences || tokens.iter().any(|each| each.len() != length) || length == 0 {
            let message = format!(
                "{} sequences are open; each takes as many tokens as the others, at least one",
                cache.sequences
            );
            self.cache = Some(cache);
            return Err(NnError::Request(message));
        }
        if cache.length + length as i64 > cache.room {
            let message = format!("there is room for {} tokens, and {} are there", cache.room, cache.length);
            self.cache = Some(cache);
            return Err(NnError::Request(message));
        }
        if let Some(id) = tokens.iter().flatten().find(|id| **id as usize >= vocabulary) {
            let message = format!("token {id} is not in the model's vocabulary of {vocabulary}");
            self.cache = Some(cache);
            return Err(NnError::Request(message));
        }
        let logits = self.read_into(&mut cache, tokens, length as i64);
        // What a failed read left in the cache lies beyond its length.
        self.cache = Some(cache);
        Ok(Logits { vocabulary, values: to_host(&logits?)? })
    }

    fn read_into(&self, cache: &mut Cache, tokens: &[Vec<u32>], length: i64) -> Out {
        let sequences = cache.sequences;
        let ids: Vec<i64> = tokens.iter().flatten().map(|id| i64::from(*id)).collect();
        let ids = Tensor::f_from_slice(&ids)?.f_to_device(self.ground.device)?;
        let positions: Vec<i64> = (0..sequences).flat_map(|_| cache.length..cache.length + length).collect();
        let positions = Tensor::f_from_slice(&positions)?.f_to_device(self.ground.device)?;
        let angles = self.rope.at(&positions)?;
        let mask = self.mask(cache.length, length)?;
        let mut hidden = self.embedding.value.f_index_select(0, &ids)?;
        for (layer, (keys, values)) in self.layers.iter().zip(&mut cache.layers) {
            let widths = layer.widths;
            let (normed, _) = norm(&hidden, &layer.norm_attention.value, widths.rms_eps)?;
            let (qkv, _) = layer.qkv.forward(&normed)?;
            layer.turn(&qkv, &angles, false)?;
            let (query, key, value) = layer.parts(&qkv)?;
            let rows =
                |flat: &Tensor, heads: i64| flat.f_reshape([sequences, length, heads, widths.head])?.f_transpose(1, 2);
            keys.f_narrow(2, cache.length, length)?.f_copy_(&rows(&key, widths.kv_heads)?)?;
            values.f_narrow(2, cache.length, length)?.f_copy_(&rows(&value, widths.kv_heads)?)?;
            let seen = cache.length + length;
            let shared_by = widths.heads / widths.kv_heads;
            let (key, value) = (keys.f_narrow(2, 0, seen)?, values.f_narrow(2, 0, seen)?);
            let attend = |query: &Tensor, key: &Tensor, value: &Tensor, causal: bool| {
                Tensor::f_scaled_dot_product_attention(query, key, value, mask.as_ref(), 0.0, causal, None, false)
            };
            let output = if length == 1 {
                // One token sees all: heads that share keys are the rows of one query, and keys need not be copied.
                let query = query.f_reshape([sequences, widths.kv_heads, shared_by, widths.head])?;
                attend(&query, &key, &value, false)?
            } else {
                let (key, value) = (attention::spread(&key, shared_by)?, attention::spread(&value, shared_by)?);
                attend(&rows(&query, widths.heads)?, &key, &value, mask.is_none())?.f_transpose(1, 2)?
            };
            let attended = output.f_reshape([sequences * length, widths.heads * widths.head])?;
            let (mut middle, _) = layer.o.forward(&attended)?;
            let _ = middle.f_add_(&hidden)?;
            let (mut out, _) = layer.mlp(&middle)?;
            hidden = out.f_add_(&middle)?;
        }
        cache.length += length;
        let last = hidden.f_view([sequences, length, -1])?.f_select(1, length - 1)?;
        let (normed, _) = norm(&last, &self.norm.value, self.config.rms_eps)?;
        normed.f_mm(&self.head.value.f_tr()?)?.f_to_kind(Kind::Float)
    }

    /// Which of what stands before each of several new tokens sees; none where the plain causal rule, or one token, needs
    /// no mask.
    fn mask(&self, before: i64, new: i64) -> Out<Option<Tensor>> {
        if before == 0 || new == 1 {
            return Ok(None);
        }
        let all = Tensor::f_ones([new, before + new], (Kind::Bool, self.ground.device))?;
        Ok(Some(all.f_tril(before)?))
    }
}

/// LoRA of one group of a layer; none where no part of it is a target.
fn group_lora(
    lora: &mut LoraParts,
    layer: usize,
    parts: &[&str],
    rows: &[i64],
    input: i64,
) -> Result<Option<GroupLora>, NnError> {
    let r = lora.config.r as i64;
    let mut names = Vec::new();
    let mut b = Vec::new();
    let mut from = 0;
    for (part, rows) in parts.iter().zip(rows) {
        if lora.config.targets.contains(*part) {
            names.push(lora::tensor_name(layer, part, 'A'));
            let weight = (lora.matrix)(&[lora::tensor_name(layer, part, 'B')], &[*rows, r])?;
            b.push((from, weight));
        }
        from += rows;
    }
    if names.is_empty() {
        return Ok(None);
    }
    let a = (lora.matrix)(&names, &[names.len() as i64 * r, input])?;
    Ok(Some(GroupLora { a, b, scale: lora.config.scale() }))
}

/// Reads tensors of files onto the device.
struct Loader<'a> {
    weights: &'a Weights,
    ground: Ground,
}

impl Loader<'_> {
    /// Tensors of equal columns, one below the other, of these sizes together.
    fn joined(&self, names: &[String], size: &[i64]) -> Result<Tensor, NnError> {
        let mut parts = Vec::with_capacity(names.len());
        let mut rest = size.first().copied().unwrap_or(0) as usize;
        for name in names {
            // Each part's rows are what the file says; all together must be what the config says.
            let rows = match self.weights.places.get(name) {
                Some(place) if names.len() > 1 => place.shape.first().copied().unwrap_or(0).min(rest),
                _ => rest,
            };
            rest -= rows;
            let mut shape = vec![rows];
            shape.extend(size[1..].iter().map(|size| *size as usize));
            let (stored, bytes) = self.weights.read(name, &shape)?;
            let kind = match stored {
                Stored::F32 => Kind::Float,
                Stored::F16 => Kind::Half,
                Stored::Bf16 => Kind::BFloat16,
            };
            let sizes: Vec<i64> = shape.iter().map(|size| *size as i64).collect();
            let tensor = Tensor::f_from_data_size(&bytes, &sizes, kind)?;
            parts.push(tensor.f_to_device(self.ground.device)?.f_to_kind(self.ground.kind)?);
        }
        if rest != 0 {
            let message = format!("the parts of {} have too few rows for the config", names.join(", "));
            return Err(NnError::Tensor { name: names[0].clone(), message });
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Tensor::f_cat(&parts, 0)? })
    }
}

/// Scores of each example of a batch, out of losses and hits in the order of the stream.
pub(super) fn scores(batch: &Batch, losses: &Tensor, correct: &Tensor) -> Result<Vec<Scores>, NnError> {
    let (losses, correct) = (to_host(losses)?, to_host(correct)?);
    let mut from = 0;
    let each = batch.spans().map(|span| {
        let range = from..from + span.trained();
        from = range.end;
        Scores {
            losses: losses[range.clone()].to_vec(),
            correct: correct[range].iter().map(|hit| *hit != 0.0).collect(),
        }
    });
    Ok(each.collect())
}

impl Predictor for Network {
    fn vocabulary(&self) -> usize {
        self.config.vocabulary
    }

    fn context(&self) -> usize {
        self.config.context
    }

    fn score(&mut self, batch: &Batch) -> Result<Vec<Scores>, NnError> {
        let (losses, correct) = self.pass(batch, None, 0)?;
        scores(batch, &losses, &correct)
    }

    fn begin(&mut self, sequences: &[Vec<u32>], capacity: usize) -> Result<Logits, NnError> {
        let length = sequences.first().map_or(0, Vec::len);
        if capacity > self.config.context {
            return Err(NnError::Request(format!(
                "room for {capacity} tokens was asked for, and the model knows {} positions",
                self.config.context
            )));
        }
        if length == 0 || length > capacity {
            return Err(NnError::Request(format!("sequences of {length} tokens do not fit a room for {capacity}")));
        }
        self.cache = None;
        let (heads, width) = (self.config.kv_heads as i64, self.config.head_dim as i64);
        let size = [sequences.len() as i64, heads, capacity as i64, width];
        let layers = (0..self.config.layers).map(|_| Ok((self.ground.empty(&size)?, self.ground.empty(&size)?)));
        let layers = layers.collect::<Out<Vec<_>>>()?;
        self.cache = Some(Cache { layers, sequences: sequences.len() as i64, length: 0, room: capacity as i64 });
        self.read(sequences)
    }

    fn append(&mut self, tokens: &[Vec<u32>]) -> Result<Logits, NnError> {
        self.read(tokens)
    }

    fn select(&mut self, sequences: &[usize]) -> Result<(), NnError> {
        let device = self.ground.device;
        let Some(cache) = &mut self.cache else {
            return Err(NnError::Request("sequences are begun before they are selected from".to_owned()));
        };
        if let Some(wrong) = sequences.iter().find(|at| **at as i64 >= cache.sequences) {
            return Err(NnError::Request(format!("there is no sequence {wrong} among {}", cache.sequences)));
        }
        let index: Vec<i64> = sequences.iter().map(|at| *at as i64).collect();
        let index = Tensor::f_from_slice(&index)?.f_to_device(device)?;
        for (keys, values) in &mut cache.layers {
            *keys = keys.f_index_select(0, &index)?;
            *values = values.f_index_select(0, &index)?;
        }
        cache.sequences = sequences.len() as i64;
        Ok(())
    }
}
