//! Neural networks as the stages above see them: what learns, what predicts, and what they are told.
//!
//! Layer 4, below `train` and `generate`. [`Learner`] and [`Predictor`] are all that those know; behind them stands
//! libtorch (`torch/`, feature `train`) or, in a program without it, `absent`, which says what to do. Absent on purpose:
//! the store, the clock, texts. A batch is token ids.
//!
//! Invariants: what is trained is told by position, never by an id, so a pad token is never trained and an end token
//! always is; frozen weights never get gradients; a config, a tensor or a scaling that is not known is an error.

#[cfg(not(feature = "train"))]
mod absent;
pub mod config;
pub mod lora;
pub mod merge;
#[cfg(feature = "train")]
mod torch;
pub mod weights;
pub mod writing;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

#[cfg(not(feature = "train"))]
pub use absent::{learner, predictor, report};
#[cfg(feature = "train")]
pub use torch::{learner, predictor, report};

use crate::sample::UnknownWord;
use lora::LoraConfig;

/// One example inside a row of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Where it begins in its row, in tokens; 0 unless rows are packed.
    pub start: usize,
    /// Its tokens, at least 2.
    pub length: usize,
    /// Its first trained token, counted from its beginning; from there to its end all are trained. At least 1.
    pub trained_from: usize,
}

impl Span {
    /// Tokens of it that are trained.
    pub fn trained(&self) -> usize {
        self.length - self.trained_from
    }
}

/// A micro-batch: rows of token ids of one width, padded on the right.
///
/// With causal attention no real token sees what stands right of it, so padding needs no mask. A row with several spans is
/// packed: its examples see neither each other nor each other's positions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Tokens per row.
    pub width: usize,
    /// Token ids, rows × width, row after row.
    pub ids: Vec<u32>,
    /// The examples of each row, from left to right.
    pub rows: Vec<Vec<Span>>,
}

impl Batch {
    /// Makes a batch of examples, one per row, each as its ids and its first trained token.
    pub fn padded(examples: &[(&[u32], usize)], pad: u32) -> Batch {
        let width = examples.iter().map(|(ids, _)| ids.len()).max().unwrap_or(0);
        let mut batch = Batch { width, ids: Vec::with_capacity(width * examples.len()), rows: Vec::new() };
        for (ids, trained_from) in examples {
            batch.ids.extend_from_slice(ids);
            batch.ids.resize(width * (batch.rows.len() + 1), pad);
            batch.rows.push(vec![Span { start: 0, length: ids.len(), trained_from: *trained_from }]);
        }
        batch
    }

    /// Makes a batch of packed rows: each row is a list of examples, one after the other.
    pub fn packed(rows: &[Vec<(&[u32], usize)>], pad: u32) -> Batch {
        let length = |row: &Vec<(&[u32], usize)>| row.iter().map(|(ids, _)| ids.len()).sum::<usize>();
        let width = rows.iter().map(length).max().unwrap_or(0);
        let mut batch = Batch { width, ids: Vec::with_capacity(width * rows.len()), rows: Vec::new() };
        for row in rows {
            let mut spans = Vec::with_capacity(row.len());
            let mut start = 0;
            for (ids, trained_from) in row {
                batch.ids.extend_from_slice(ids);
                spans.push(Span { start, length: ids.len(), trained_from: *trained_from });
                start += ids.len();
            }
            batch.ids.resize(width * (batch.rows.len() + 1), pad);
            batch.rows.push(spans);
        }
        batch
    }

    /// Every example, row after row.
    pub fn spans(&self) -> impl Iterator<Item = &Span> {
        self.rows.iter().flatten()
    }

    /// Tokens that are no padding.
    pub fn real_tokens(&self) -> usize {
        self.spans().map(|span| span.length).sum()
    }

    /// Tokens that are trained.
    pub fn trained_tokens(&self) -> usize {
        self.spans().map(Span::trained).sum()
    }
}

/// How the trained tokens of one example fared.
#[derive(Clone, Debug, PartialEq)]
pub struct Scores {
    /// Negative log-likelihood of each trained token, in nats, in order.
    pub losses: Vec<f32>,
    /// Whether each was the likeliest.
    pub correct: Vec<bool>,
}

/// What a step of the optimiser came to.
#[derive(Clone, Debug, PartialEq)]
pub struct StepOutcome {
    /// L2 norm of all gradients before clipping.
    pub grad_norm: f64,
    /// Scores of every example since the step before, in the order in which they were given.
    pub scores: Vec<Scores>,
}

/// A tensor on the host, by name.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedTensor {
    /// Its name.
    pub name: String,
    /// Its sizes.
    pub shape: Vec<usize>,
    /// Its values, the last dimension running fastest.
    pub values: Vec<f32>,
}

/// What a learner must be given back to go on exactly: every trained value and the state of the optimiser.
#[derive(Clone, Debug, PartialEq)]
pub struct LearnerState {
    /// Steps of the optimiser so far.
    pub steps: u64,
    /// `param.NAME`, `m.NAME`, `v.NAME` of every trained tensor.
    pub tensors: Vec<NamedTensor>,
}

/// Something whose weights are trained.
pub trait Learner {
    /// Runs a micro-batch forward and backward and adds the gradients of (sum of the losses of its trained tokens) / `divisor`.
    /// The divisor is the number of trained tokens of the whole effective batch.
    ///
    /// # Errors
    /// [`NnError::OutOfMemory`], after which [`discard`](Learner::discard) and smaller batches may help; [`NnError::Backend`].
    fn accumulate(&mut self, batch: &Batch, divisor: f64) -> Result<(), NnError>;

    /// Forgets the gradients and scores since the last step.
    fn discard(&mut self);

    /// Clips, steps and clears the gradients, with this learning rate.
    ///
    /// # Errors
    /// [`NnError::NotFinite`] where loss or gradients are no numbers: nothing is changed then but that the gradients are gone.
    fn step(&mut self, learning_rate: f64) -> Result<StepOutcome, NnError>;

    /// State of everything that is trained.
    ///
    /// # Errors
    /// [`NnError::Backend`].
    fn state(&self) -> Result<LearnerState, NnError>;

    /// Takes a state back; bit for bit the one that [`state`](Learner::state) gave.
    ///
    /// # Errors
    /// [`NnError::Tensor`] where a tensor is missing, unknown, or has another shape.
    fn restore(&mut self, state: &LearnerState) -> Result<(), NnError>;

    /// What is trained, under the names of the files that others load: PEFT's for LoRA, Hugging Face's for all weights.
    ///
    /// # Errors
    /// [`NnError::Backend`].
    fn trained(&self) -> Result<Vec<NamedTensor>, NnError>;

    /// Numbers that are trained.
    fn trained_parameters(&self) -> u64;

    /// Most memory that tensors took so far, in bytes; none where the backend does not count.
    fn peak_memory_bytes(&self) -> Option<u64>;

    /// The model as it is now, to be asked.
    fn predictor(&mut self) -> &mut dyn Predictor;
}

/// Logits of the next token.
#[derive(Clone, Debug, PartialEq)]
pub struct Logits {
    /// Size of the vocabulary.
    pub vocabulary: usize,
    /// Values, rows × vocabulary.
    pub values: Vec<f32>,
}

impl Logits {
    /// The logits of each row.
    pub fn rows(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks_exact(self.vocabulary)
    }
}

/// Something that predicts the next token, for several sequences of equal length at once, with a cache of keys and values.
pub trait Predictor {
    /// Size of the vocabulary.
    fn vocabulary(&self) -> usize;

    /// Most positions that the model knows.
    fn context(&self) -> usize;

    /// Scores the trained tokens of every example of a batch. No gradients, no cache.
    ///
    /// # Errors
    /// [`NnError::OutOfMemory`], [`NnError::Backend`].
    fn score(&mut self, batch: &Batch) -> Result<Vec<Scores>, NnError>;

    /// Begins anew with sequences of one length (1 or more), and room for `capacity` tokens in each, the given ones
    /// included. Answers the logits after the last token of each.
    ///
    /// # Errors
    /// [`NnError::OutOfMemory`], [`NnError::Backend`]; [`NnError::Request`] where lengths differ or the room is too small.
    fn begin(&mut self, sequences: &[Vec<u32>], capacity: usize) -> Result<Logits, NnError>;

    /// Appends tokens to every sequence, as many to each, and answers the logits after the last.
    ///
    /// # Errors
    /// As [`begin`](Predictor::begin).
    fn append(&mut self, tokens: &[Vec<u32>]) -> Result<Logits, NnError>;

    /// Keeps these sequences, in this order; one may be named twice (beams) or not at all.
    ///
    /// # Errors
    /// As [`begin`](Predictor::begin).
    fn select(&mut self, sequences: &[usize]) -> Result<(), NnError>;
}

/// Where tensors live.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceChoice {
    /// CUDA where there is one, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The CUDA device of this number.
    Cuda(usize),
}

impl std::str::FromStr for DeviceChoice {
    type Err = UnknownWord;
    fn from_str(text: &str) -> Result<DeviceChoice, UnknownWord> {
        let number = text.strip_prefix("cuda:").and_then(|number| number.parse().ok());
        match (text, number) {
            ("auto", _) => Ok(DeviceChoice::Auto),
            ("cpu", _) => Ok(DeviceChoice::Cpu),
            ("cuda", _) => Ok(DeviceChoice::Cuda(0)),
            (_, Some(number)) => Ok(DeviceChoice::Cuda(number)),
            _ => Err(UnknownWord { word: text.to_owned(), known: &["auto", "cpu", "cuda", "cuda:N"] }),
        }
    }
}

/// What weights are computed in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// bf16 on CUDA, f32 on the CPU.
    #[default]
    Auto,
    /// 32-bit floats.
    F32,
    /// bfloat16 weights and activations; what is trained stays f32.
    Bf16,
}

impl std::str::FromStr for Precision {
    type Err = UnknownWord;
    fn from_str(text: &str) -> Result<Precision, UnknownWord> {
        match text {
            "auto" => Ok(Precision::Auto),
            "f32" => Ok(Precision::F32),
            "bf16" => Ok(Precision::Bf16),
            _ => Err(UnknownWord { word: text.to_owned(), known: &["auto", "f32", "bf16"] }),
        }
    }
}

/// What of a model is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trained {
    /// Two small matrices beside each projection.
    Lora(LoraConfig),
    /// Every weight.
    Full,
}

/// Settings of AdamW (Loshchilov and Hutter, 2019).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdamW {
    /// Decay of the mean of gradients.
    pub beta1: f64,
    /// Decay of the mean of squared gradients.
    pub beta2: f64,
    /// Added to the root of the latter.
    pub epsilon: f64,
    /// Decoupled weight decay, per step and learning rate; not on norms and biases.
    pub weight_decay: f64,
    /// Gradients are scaled down to this L2 norm where theirs is larger.
    pub clip: Option<f64>,
}

impl Default for AdamW {
    fn default() -> AdamW {
        AdamW { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.01, clip: Some(1.0) }
    }
}

/// How a model is opened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Opening {
    /// Folder in Hugging Face's layout: `config.json`, safetensors.
    pub model: PathBuf,
    /// Where tensors live.
    pub device: DeviceChoice,
    /// What is computed in.
    pub precision: Precision,
    /// Whether the frozen projections are kept in 4 bits (NF4, double quantised; Dettmers et al. 2023).
    pub nf4: bool,
    /// Threads of the CPU; all of them where none is said.
    pub threads: Option<usize>,
}

impl Opening {
    /// What numbers are computed in on this machine: `f32` or `bf16`.
    pub fn computed_in(&self) -> &'static str {
        let cuda = match self.device {
            DeviceChoice::Cpu => false,
            DeviceChoice::Cuda(_) => true,
            DeviceChoice::Auto => report().devices.iter().any(|device| device.starts_with("cuda")),
        };
        match self.precision {
            Precision::Bf16 => "bf16",
            Precision::Auto if cuda => "bf16",
            Precision::F32 | Precision::Auto => "f32",
        }
    }
}

/// How a learner is made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LearnerSetup {
    /// The model.
    pub opening: Opening,
    /// What of it is trained.
    pub trained: Trained,
    /// The optimiser.
    pub optimiser: AdamW,
    /// Seed of the first values of what is trained.
    pub seed: u64,
    /// Layers per segment whose inner activations are computed again in the backward pass; 0 keeps all of them.
    pub recompute_layers: usize,
    /// Trained positions whose logits are made at once.
    pub loss_chunk: usize,
}

/// What is known of libtorch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BackendReport {
    /// Whether this program was built with it.
    pub built_in: bool,
    /// Its version.
    pub version: Option<String>,
    /// Devices that can be used: `cpu`, `cuda:0`.
    pub devices: Vec<String>,
    /// What there is of CUDA, in words.
    pub cuda: String,
}

/// What goes wrong in a network, or in the files of one.
#[derive(Debug, thiserror::Error)]
pub enum NnError {
    /// The program has no libtorch.
    #[error(
        "this program was built without training: `scenery setup libtorch`, then build it with `--features train` (`cargo build --release --features train`)"
    )]
    Absent,
    /// A file cannot be read or written.
    #[error("cannot {action} {}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// Its path.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A config asks for what is not there.
    #[error("{}: {message}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what is known.
        message: String,
    },
    /// A file of weights is damaged, or does not fit its config.
    #[error("{}: {message}", path.display())]
    Weights {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// A tensor that was handed over does not fit.
    #[error("tensor {name}: {message}")]
    Tensor {
        /// Its name.
        name: String,
        /// What is wrong.
        message: String,
    },
    /// What was asked cannot be done.
    #[error("{0}")]
    Request(String),
    /// The device is not there.
    #[error("{0}")]
    Device(String),
    /// A loss or a gradient is no number.
    #[error("{what} is not finite at step {step}")]
    NotFinite {
        /// `the loss` or `a gradient`.
        what: &'static str,
        /// The step that was to be made, from 1.
        step: u64,
    },
    /// The device's memory is full.
    #[error("out of memory: {0}")]
    OutOfMemory(String),
    /// libtorch says no.
    #[error("libtorch: {0}")]
    Backend(String),
}

/// Makes the error of an action on a path.
pub(crate) fn file_error(
    action: &'static str,
    path: &std::path::Path,
) -> impl FnOnce(std::io::Error) -> NnError + use<> {
    let path = path.to_owned();
    move |source| NnError::File { action, path, source }
}
