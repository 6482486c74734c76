//! A model whose LoRA matrices, or all of whose weights, are trained.

use super::flat::{Entry, Flat};
use super::network::{GROUPS, LoraParts, Network, scores, weight_name};
use super::{Ground, Out};
use crate::nn::config::ModelConfig;
use crate::nn::lora::{self, LoraConfig};
use crate::nn::weights::Weights;
use crate::nn::{Batch, Learner, LearnerSetup, LearnerState, NamedTensor, NnError, Predictor, StepOutcome, Trained};
use crate::sample::hash16;

use tch::{Device, Tensor};

/// A model in training.
pub(super) struct TorchLearner {
    network: Network,
    flat: Flat,
    recompute: usize,
    /// Losses and hits since the last step, still on the device, with the batch that they are of.
    seen: Vec<(Batch, Tensor, Tensor)>,
}

impl TorchLearner {
    /// Opens the model and makes what is trained.
    pub(super) fn new(setup: &LearnerSetup) -> Result<TorchLearner, NnError> {
        let opening = &setup.opening;
        let ground = Ground::of(opening)?;
        let config = ModelConfig::read(&opening.model)?;
        let mut network;
        let flat;
        match &setup.trained {
            Trained::Lora(lora) => {
                lora.check()?;
                let mut buffers = Flat::new(lora_entries(&config, lora), setup.optimiser, ground)?;
                buffers.set_values(&mut |name, shape| Ok(first_values(name, shape, setup.seed)))?;
                let mut matrix = |names: &[String], _: &[i64]| buffers.weight(&names[0]);
                let parts = LoraParts { config: lora, matrix: &mut matrix };
                network = Network::load(opening, ground, Some(parts), None)?;
                flat = buffers;
            }
            Trained::Full => {
                if opening.nf4 {
                    return Err(NnError::Request(
                        "weights that are kept in 4 bits cannot be trained themselves: train LoRA beside them, or leave 4 bits out".to_owned(),
                    ));
                }
                let weights = Weights::of_model(&opening.model)?;
                let mut buffers = Flat::new(full_entries(&config), setup.optimiser, ground)?;
                buffers.set_values(&mut |name, shape| weights.read_f32(name, shape))?;
                network = Network::load(opening, ground, None, Some(&buffers))?;
                flat = buffers;
            }
        }
        network.set_loss_chunk(setup.loss_chunk);
        Ok(TorchLearner { network, flat, recompute: setup.recompute_layers, seen: Vec::new() })
    }

    /// The gradient of a tensor, by its name in files.
    #[cfg(test)]
    pub(super) fn gradient(&self, name: &str) -> Vec<f32> {
        self.flat
            .named_gradients()
            .into_iter()
            .find(|tensor| tensor.name == name)
            .expect("the tensor is trained")
            .values
    }

    /// All gradients, name by name.
    #[cfg(test)]
    pub(super) fn all_gradients(&self) -> Vec<f32> {
        self.flat.named_gradients().into_iter().flat_map(|tensor| tensor.values).collect()
    }

    /// Makes B of LoRA no longer zero, so that A has gradients.
    #[cfg(test)]
    pub(super) fn set_b_matrices(&mut self) {
        let mut state = self.state().expect("the state can be read");
        for tensor in
            state.tensors.iter_mut().filter(|tensor| tensor.name.contains("param.") && tensor.name.contains("lora_B"))
        {
            let mut seed = tensor.values.len() as u64;
            tensor.values.iter_mut().for_each(|value| *value = (uniform(&mut seed) - 0.5) as f32 / 5.0);
        }
        self.restore(&state).expect("it is its own state");
    }

    /// Layers of the model.
    #[cfg(test)]
    pub(super) fn layers(&self) -> usize {
        self.network.config.layers
    }

    fn forget(&mut self) -> Out<()> {
        self.seen.clear();
        self.flat.clear()
    }
}

/// The A matrices of each group as one tensor, then the B matrices one by one.
fn lora_entries(config: &ModelConfig, lora: &LoraConfig) -> Vec<Entry> {
    let r = lora.r as i64;
    let mut out = Vec::new();
    for layer in 0..config.layers {
        for group in GROUPS {
            let parts: Vec<&str> = group.iter().copied().filter(|part| lora.targets.contains(*part)).collect();
            let Some(first) = parts.first() else { continue };
            let names = parts.iter().map(|part| (lora::tensor_name(layer, part, 'A'), r)).collect();
            let input = config.projection(first).1 as i64;
            out.push(Entry { names, columns: Some(input), rate: 1.0, decays: true });
            for part in parts {
                let names = vec![(lora::tensor_name(layer, part, 'B'), config.projection(part).0 as i64)];
                out.push(Entry { names, columns: Some(r), rate: lora.plus_ratio, decays: true });
            }
        }
    }
    out
}

/// All weights; the projections of a group as one tensor.
fn full_entries(config: &ModelConfig) -> Vec<Entry> {
    let mut out: Vec<Entry> = Vec::new();
    let mut grouped = Vec::new();
    for layer in 0..config.layers {
        for group in GROUPS {
            let rows = |part: &str| config.projection(part).0 as i64;
            let names: Vec<_> = group.iter().map(|part| (weight_name(layer, part), rows(part))).collect();
            let input = config.projection(group[0]).1 as i64;
            grouped.extend(names.iter().map(|(name, _)| name.clone()));
            if config.qkv_bias && group.len() == 3 {
                let biases: Vec<_> =
                    names.iter().map(|(name, rows)| (name.replace(".weight", ".bias"), *rows)).collect();
                grouped.extend(biases.iter().map(|(name, _)| name.clone()));
                out.push(Entry { names: biases, columns: None, rate: 1.0, decays: false });
            }
            out.push(Entry { names, columns: Some(input), rate: 1.0, decays: true });
        }
    }
    for (name, shape) in config.tensors().into_iter().filter(|(name, _)| !grouped.contains(name)) {
        let columns = shape.get(1).map(|columns| *columns as i64);
        out.push(Entry { names: vec![(name, shape[0] as i64)], columns, rate: 1.0, decays: columns.is_some() });
    }
    out
}

/// First values of LoRA: A uniform within ±1/√in, B zero, so that the first step begins at the model as it is. The same
/// on every machine: number `i` of a tensor is a function of seed, name and `i`.
fn first_values(name: &str, shape: &[usize], seed: u64) -> Vec<f32> {
    let count: usize = shape.iter().product();
    if name.contains(".lora_B.") {
        return vec![0.0; count];
    }
    let start = hash16(&[b"lora", &seed.to_le_bytes(), name.as_bytes()]);
    let mut state = u64::from_le_bytes(start[..8].try_into().expect("eight of sixteen bytes"));
    let bound = 1.0 / (shape[1] as f64).sqrt();
    (0..count).map(|_| ((2.0 * uniform(&mut state) - 1.0) * bound) as f32).collect()
}

/// The next of a row of numbers in [0, 1): SplitMix64 (Steele, Lea and Flood, 2014).
fn uniform(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

impl Learner for TorchLearner {
    fn accumulate(&mut self, batch: &Batch, divisor: f64) -> Result<(), NnError> {
        if !(divisor.is_finite() && divisor > 0.0) {
            return Err(NnError::Request(format!("losses cannot be divided by {divisor}")));
        }
        let (losses, correct) = self.network.pass(batch, Some(divisor), self.recompute)?;
        self.seen.push((batch.clone(), losses, correct));
        Ok(())
    }

    fn discard(&mut self) {
        // Zeroing a buffer that is there takes no memory, so this does not fail where a batch did.
        let _ = self.forget();
    }

    fn step(&mut self, learning_rate: f64) -> Result<StepOutcome, NnError> {
        let grad_norm = self.flat.grad_norm()?;
        let mut all = Vec::new();
        for (batch, losses, correct) in std::mem::take(&mut self.seen) {
            all.extend(scores(&batch, &losses, &correct)?);
        }
        let finite = all.iter().flat_map(|scores| &scores.losses).all(|loss| loss.is_finite());
        let what = if !finite { Some("the loss") } else { (!grad_norm.is_finite()).then_some("a gradient") };
        if let Some(what) = what {
            self.forget()?;
            return Err(NnError::NotFinite { what, step: self.flat.steps() + 1 });
        }
        self.flat.step(learning_rate, grad_norm)?;
        Ok(StepOutcome { grad_norm, scores: all })
    }

    fn state(&self) -> Result<LearnerState, NnError> {
        Ok(self.flat.state()?)
    }

    fn restore(&mut self, state: &LearnerState) -> Result<(), NnError> {
        self.seen.clear();
        self.flat.restore(state)
    }

    fn trained(&self) -> Result<Vec<NamedTensor>, NnError> {
        Ok(self.flat.named_values()?)
    }

    fn trained_parameters(&self) -> u64 {
        self.flat.numbers()
    }

    fn peak_memory_bytes(&self) -> Option<u64> {
        if self.network.ground.device != Device::Cpu {
            return None;
        }
        let status = std::fs::read_to_string("/proc/self/status").ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
    }

    fn predictor(&mut self) -> &mut dyn Predictor {
        &mut self.network
    }
}
