//! The options of a run, as `train plan` and `train run` take them.

use clap::Args;
use clap::builder::RangedU64ValueParser;

use crate::nn::{DeviceChoice, Precision};
use crate::train::options::{CurriculumKind, Metric, Take, TooLong};
use crate::train::schedule::ScheduleKind;

/// How examples are made into tokens.
#[derive(Args, Clone, Debug, Default)]
pub struct TokenFlags {
    /// Begin with a small model of random first values, and a vocabulary made of the train side, instead of a base
    #[arg(long, conflicts_with = "base")]
    pub from_scratch: bool,
    /// With --from-scratch: tokens of its vocabulary at most
    #[arg(long, value_name = "N", requires = "from_scratch", conflicts_with = "base", help_heading = "Model")]
    pub vocab: Option<usize>,
    /// Most tokens of an example, prompt and answer together; 2,048 unless said
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(2..=1 << 30), help_heading = "Examples")]
    pub max_len: Option<usize>,
}

/// How examples are cut into batches.
#[derive(Args, Clone, Debug, Default)]
pub struct BatchFlags {
    /// Examples per step: the effective batch
    #[arg(long, value_name = "ROWS", help_heading = "Batches")]
    pub batch: Option<usize>,
    /// Tokens of a micro-batch at most, padding included
    #[arg(long, value_name = "N", help_heading = "Batches")]
    pub micro_tokens: Option<usize>,
    /// What one more micro-batch costs beside its tokens, in tokens
    #[arg(long, value_name = "N", help_heading = "Batches")]
    pub micro_cost: Option<usize>,
    /// Steps whose examples are regrouped by length; 1 for none
    #[arg(long, value_name = "STEPS", help_heading = "Batches")]
    pub length_window: Option<usize>,
    /// Put several examples into a row
    #[arg(long, help_heading = "Batches")]
    pub packing: bool,
    /// Seed of the order, and of the first values of a model from scratch
    #[arg(long, value_name = "N", help_heading = "Batches")]
    pub seed: Option<u64>,
}

/// What is trained and how; a preset says what is not said.
#[derive(Args, Debug, Default)]
pub struct TrainFlags {
    /// Where the options begin: default, seed, scratch; with --from-scratch that one unless said
    #[arg(long, value_name = "NAME")]
    pub preset: Option<String>,
    /// How examples are made into tokens
    #[command(flatten)]
    pub tokens: TokenFlags,
    /// How they are cut into batches
    #[command(flatten)]
    pub batches: BatchFlags,
    /// With --from-scratch: width of the model
    #[arg(long, value_name = "N", requires = "from_scratch", conflicts_with = "base", help_heading = "Model")]
    pub hidden: Option<usize>,
    /// With --from-scratch: its layers
    #[arg(long, value_name = "N", requires = "from_scratch", conflicts_with = "base", help_heading = "Model")]
    pub layers: Option<usize>,
    /// With --from-scratch: its heads
    #[arg(long, value_name = "N", requires = "from_scratch", conflicts_with = "base", help_heading = "Model")]
    pub heads: Option<usize>,
    /// Train all weights of the base instead of an adapter
    #[arg(long, conflicts_with = "from_scratch", help_heading = "Model")]
    pub full: bool,
    /// Rank of LoRA
    #[arg(long, value_name = "R", conflicts_with = "full", help_heading = "Model")]
    pub rank: Option<usize>,
    /// Scale of LoRA
    #[arg(long, value_name = "A", conflicts_with = "full", help_heading = "Model")]
    pub alpha: Option<f64>,
    /// Scale by the root of the rank (rsLoRA)
    #[arg(long, conflicts_with = "full", help_heading = "Model")]
    pub rslora: bool,
    /// Learning rate of B over that of A (LoRA+)
    #[arg(long, value_name = "RATIO", conflicts_with = "full", help_heading = "Model")]
    pub lora_plus: Option<f64>,
    /// Projections with an adapter, separated by commas; all seven unless said
    #[arg(long, value_delimiter = ',', value_name = "NAMES", conflicts_with = "full", help_heading = "Model")]
    pub targets: Vec<String>,
    /// Keep the frozen projections in 4 bits
    #[arg(long, conflicts_with = "no_nf4", help_heading = "Model")]
    pub nf4: bool,
    /// Keep them as they are, where the preset would not
    #[arg(long, help_heading = "Model")]
    pub no_nf4: bool,
    /// What is computed in: auto (bf16 on CUDA, f32 on the CPU), f32, bf16
    #[arg(long, value_name = "KIND", help_heading = "Model")]
    pub precision: Option<Precision>,
    /// Where: auto, cpu, cuda, cuda:N
    #[arg(long, value_name = "DEVICE", help_heading = "Model")]
    pub device: Option<DeviceChoice>,
    /// Threads of the CPU; all unless said
    #[arg(long, value_name = "N", help_heading = "Model")]
    pub threads: Option<usize>,
    /// Layers per segment that are computed again in the backward pass, to save memory; 0 for none
    #[arg(long, value_name = "LAYERS", help_heading = "Model")]
    pub recompute: Option<usize>,
    /// Trained positions whose logits are made at once
    #[arg(long, value_name = "N", help_heading = "Model")]
    pub loss_chunk: Option<usize>,
    /// Times that the examples are gone through
    #[arg(long, value_name = "N", help_heading = "Length and rate")]
    pub epochs: Option<u32>,
    /// Steps at most; without --epochs the run goes on until then
    #[arg(long, value_name = "N", help_heading = "Length and rate")]
    pub max_steps: Option<u64>,
    /// The highest learning rate
    #[arg(long, value_name = "RATE", allow_negative_numbers = true, help_heading = "Length and rate")]
    pub lr: Option<f64>,
    /// How it falls: cosine, linear, constant
    #[arg(long, value_name = "KIND", help_heading = "Length and rate")]
    pub schedule: Option<ScheduleKind>,
    /// Share of the steps in which it rises
    #[arg(long, value_name = "SHARE", conflicts_with = "warmup_steps", help_heading = "Length and rate")]
    pub warmup: Option<f64>,
    /// Steps in which it rises
    #[arg(long, value_name = "N", help_heading = "Length and rate")]
    pub warmup_steps: Option<u64>,
    /// Decoupled weight decay
    #[arg(long, value_name = "RATE", help_heading = "Length and rate")]
    pub weight_decay: Option<f64>,
    /// Norm that gradients are scaled down to, or none
    #[arg(long, value_name = "NORM", help_heading = "Length and rate")]
    pub clip: Option<String>,
    /// Decay of the mean of gradients
    #[arg(long, value_name = "RATE", help_heading = "Length and rate")]
    pub beta1: Option<f64>,
    /// Decay of the mean of squared gradients
    #[arg(long, value_name = "RATE", help_heading = "Length and rate")]
    pub beta2: Option<f64>,
    /// Added to the root of the latter
    #[arg(long, value_name = "E", help_heading = "Length and rate")]
    pub epsilon: Option<f64>,
    /// What is done with longer ones: error, drop, truncate
    #[arg(long, value_name = "WHAT", help_heading = "Examples")]
    pub too_long: Option<TooLong>,
    /// Times per epoch by a label: source=manimbench:2,thanks:0.5; repeatable
    #[arg(long, value_name = "KEY=VALUE:TIMES", help_heading = "Examples")]
    pub weight: Vec<String>,
    /// Whether easy examples come first: none, staged, ramp
    #[arg(long, value_name = "KIND", help_heading = "Examples")]
    pub curriculum: Option<CurriculumKind>,
    /// What says how hard an example is, easiest first: complexity:basic,intermediate,advanced
    #[arg(long, value_name = "KEY:ORDER", help_heading = "Examples")]
    pub curriculum_by: Option<String>,
    /// Tokens of a micro-batch in evaluations
    #[arg(long, value_name = "N", help_heading = "Examples")]
    pub eval_tokens: Option<usize>,
    /// Steps between evaluations; the end of each epoch unless said
    #[arg(long, value_name = "STEPS", help_heading = "Evaluation and checkpoints")]
    pub eval_every: Option<u64>,
    /// Steps between checkpoints, beside those at evaluations
    #[arg(long, value_name = "STEPS", help_heading = "Evaluation and checkpoints")]
    pub checkpoint_every: Option<u64>,
    /// End after so many evaluations without a better one
    #[arg(long, value_name = "N", help_heading = "Evaluation and checkpoints")]
    pub patience: Option<u32>,
    /// Newest checkpoints to keep; the best is kept beside them
    #[arg(long, value_name = "N", help_heading = "Evaluation and checkpoints")]
    pub keep: Option<usize>,
    /// What the best is chosen by: loss, accuracy, loss_slot, loss_template, exact, prefix
    #[arg(long, value_name = "METRIC", help_heading = "Evaluation and checkpoints")]
    pub best: Option<Metric>,
    /// Which weights to hand over: best, last
    #[arg(long, value_name = "WHICH", help_heading = "Evaluation and checkpoints")]
    pub take: Option<Take>,
}
