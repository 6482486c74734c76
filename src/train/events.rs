//! What a run tells while it goes on: the lines of `train run --json`.

use std::path::PathBuf;

use serde::Serialize;

use super::checkpoint::Best;
use super::sampler::Realised;
use super::scoring::{GroupMeans, Means};

/// One thing that happened. As JSON it is an object whose key `event` says which.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The run begins or goes on.
    Start {
        /// Steps of the whole run.
        steps: u64,
        /// Epochs of the whole run; none where steps end it.
        epochs: Option<u32>,
        /// Examples that are trained on.
        rows: usize,
        /// Examples that are evaluated on.
        validation_rows: usize,
        /// Numbers that are trained.
        trained_parameters: u64,
        /// The checkpoint's step that it goes on from.
        resumed_from: Option<u64>,
    },
    /// Something that a person should know.
    Note {
        /// A sentence.
        text: String,
    },
    /// The weights were changed.
    Step {
        /// The step, from 1.
        step: u64,
        /// Epochs so far, with the part of the current one.
        epoch: f64,
        /// Mean loss of the step's trained tokens, before the change.
        loss: f64,
        /// Learning rate.
        lr: f64,
        /// Tokens of the step, without padding.
        tokens: u64,
        /// Those that are trained.
        trained_tokens: u64,
        /// Tokens with padding.
        padded_tokens: u64,
        /// `tokens` over the seconds of the step.
        tokens_per_s: f64,
        /// Share of trained tokens that were the likeliest.
        accuracy: f64,
        /// Mean loss of tokens in slots.
        loss_slot: Option<f64>,
        /// Mean loss of tokens that all answers share.
        loss_template: Option<f64>,
        /// L2 norm of the gradients before clipping.
        grad_norm: f64,
        /// Examples of the step.
        rows: u64,
        /// Micro-batches of the step.
        micro_batches: usize,
    },
    /// The validation examples were scored.
    Evaluation {
        /// The step after which.
        step: u64,
        /// Means of all examples.
        #[serde(flatten)]
        means: Means,
        /// The same by source and level.
        by: Vec<GroupMeans>,
        /// Whether it is the best so far.
        best: bool,
        /// Seconds that it took.
        seconds: f64,
    },
    /// An epoch ended.
    Epoch {
        /// Which, from 1.
        epoch: u32,
        /// What was trained in it, by source and level.
        realised: Vec<Realised>,
    },
    /// A checkpoint was written.
    Checkpoint {
        /// Its step.
        step: u64,
        /// Its folder.
        path: PathBuf,
        /// Seconds that it took.
        seconds: f64,
    },
    /// The memory was full, and smaller micro-batches are tried.
    OutOfMemory {
        /// The step that was to be made, or after which was evaluated.
        step: u64,
        /// `training` or `evaluation`.
        during: &'static str,
        /// Tokens per micro-batch until then.
        from_tokens: usize,
        /// Tokens per micro-batch from now on.
        to_tokens: usize,
    },
    /// The run was asked to stop.
    Interrupted {
        /// The step whose weights are kept.
        step: u64,
        /// The checkpoint.
        checkpoint: PathBuf,
    },
    /// The run ended.
    Done {
        /// Steps that were made.
        step: u64,
        /// `epochs`, `max_steps` or `patience`.
        ended_by: &'static str,
        /// Loss of the last step.
        loss: Option<f64>,
        /// The best evaluation.
        best: Option<Best>,
        /// The step whose weights are handed over.
        taken_step: u64,
        /// Tokens of all steps, without padding.
        tokens: u64,
        /// Those that were trained.
        trained_tokens: u64,
        /// Share of padding.
        padding: f64,
        /// Seconds of training, evaluation and checkpoints, over all parts of the run.
        seconds: f64,
        /// `tokens` over the seconds that steps took.
        tokens_per_s: f64,
        /// Most memory that the process took; none where the device does not say.
        peak_memory_bytes: Option<u64>,
    },
}
