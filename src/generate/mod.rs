//! Generation from fields: a prompt is made by the contract that a model was trained with, and by nothing else.
//!
//! ```text
//! fields ──▶ prompts.rs ──▶ run.rs: batches in lockstep ──▶ Predictor
//!   ▲        contract         │ single.rs   greedy, drawn, skeletons (skeleton.rs)
//!   │        (opening.rs)     │ beams.rs
//! files, sides                ▼ sampling.rs, stops.rs ──▶ Generated ──▶ record.rs: JSON lines, parse rate
//! ```
//!
//! Invariants: results come in the order of the items; a choice depends on the logits of its own sequence, on seed, key and
//! position, never on the batch; ties go to the smallest token id; what was forced is marked and never counted as
//! generated; a model whose contract, tokenizer or config differs from what it was trained with is refused. Absent on
//! purpose: prompts as texts, the store, the clock.

mod beams;
pub mod opening;
pub mod prompts;
pub mod record;
mod run;
pub mod sampling;
mod single;
pub mod skeleton;
pub mod stops;

use std::ops::Range;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::nn::NnError;
use crate::prompt::PromptError;
use crate::prompt::tokenizer::TokenizerError;
use crate::sample::hex;
use prompts::Prompted;
pub use run::run;
use skeleton::Frame;
pub use stops::{Decode, Stop};

/// Tokens of a batch's caches where nothing else is asked: sequences × room of each.
pub const BATCH_TOKENS: usize = 65_536;
/// How many tokens longer than the shortest a prompt of a batch may be where nothing else is asked.
pub const SPREAD: usize = 256;

/// How a token is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(tag = "choice", rename_all = "lowercase")]
pub enum Choice {
    /// The likeliest.
    #[default]
    Greedy,
    /// Drawn from what temperature, top-k and top-p leave.
    Sample {
        /// Logits are divided by it; above 0.
        temperature: f64,
        /// Only so many likeliest tokens.
        top_k: Option<usize>,
        /// Only the likeliest tokens that together reach this probability.
        top_p: Option<f64>,
        /// Another seed draws other tokens.
        seed: u64,
    },
    /// The best of several sequences that are followed at once, by log-probability / length^`length_penalty`.
    Beams {
        /// How many, at least 1; 1 is greedy.
        beams: usize,
        /// Above 0 favours long answers, below 0 short ones.
        length_penalty: f64,
    },
}

/// What is asked of a generation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Options {
    /// How a token is chosen.
    #[serde(flatten)]
    pub choice: Choice,
    /// Most tokens that the model chooses per item; what training allowed (its `max_len` less the prompt) where none is said.
    pub max_new_tokens: Option<usize>,
    /// Tokens before which no token ends the answer; stop strings do.
    pub min_new_tokens: usize,
    /// Texts that end an answer, which is cut before them.
    pub stop_strings: Vec<String>,
    /// Makes tokens of prompt and answer less likely, above 1 (Keskar et al. 2019).
    pub repetition_penalty: Option<f64>,
    /// Tokens of a batch's caches, sequences × room of each.
    pub batch_tokens: usize,
    /// How many tokens longer than the shortest a prompt of a batch may be; 0 makes batches of one length.
    pub spread: usize,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            choice: Choice::Greedy,
            max_new_tokens: None,
            min_new_tokens: 0,
            stop_strings: Vec::new(),
            repetition_penalty: None,
            batch_tokens: BATCH_TOKENS,
            spread: SPREAD,
        }
    }
}

impl Options {
    /// Checks the options.
    ///
    /// # Errors
    /// [`GenerateError::Option`] with the range that is allowed.
    pub fn check(&self) -> Result<(), GenerateError> {
        let wrong = |message: &str| Err(GenerateError::Option(message.to_owned()));
        match self.choice {
            Choice::Sample { temperature, .. } if !(temperature > 0.0 && temperature.is_finite()) => {
                return wrong("a temperature is above 0; leave it out for the likeliest tokens");
            }
            Choice::Sample { top_k: Some(0), .. } => return wrong("top-k is at least 1"),
            Choice::Sample { top_p: Some(p), .. } if !(p > 0.0 && p <= 1.0) => {
                return wrong("top-p is above 0 and at most 1");
            }
            Choice::Beams { beams: 0, .. } => return wrong("there is at least 1 beam"),
            Choice::Beams { length_penalty, .. } if !length_penalty.is_finite() => {
                return wrong("a length penalty is a number");
            }
            _ => {}
        }
        if self.max_new_tokens == Some(0) {
            return wrong("the most new tokens are at least 1");
        }
        if self.max_new_tokens.is_some_and(|most| most < self.min_new_tokens) {
            return wrong("the fewest new tokens are more than the most");
        }
        if self.stop_strings.iter().any(String::is_empty) {
            return wrong("a stop string is empty, and would end every answer at once");
        }
        if self.repetition_penalty.is_some_and(|penalty| !(penalty > 0.0 && penalty.is_finite())) {
            return wrong("a repetition penalty is above 0; 1 changes nothing");
        }
        if self.batch_tokens == 0 {
            return wrong("a batch has at least 1 token");
        }
        Ok(())
    }
}

/// What of the answers is not left to the model.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Forcing {
    /// Nothing.
    #[default]
    Nothing,
    /// Every answer begins with these tokens.
    Prefix(Vec<u32>),
    /// Every answer is this template, and the model fills its slots.
    Skeleton(Frame),
}

impl Forcing {
    /// SHA-256 of the tokens that are forced, run by run, in hexadecimal digits; none where none are.
    pub fn sha256(&self) -> Option<String> {
        let runs: Vec<&[u32]> = match self {
            Forcing::Nothing => return None,
            Forcing::Prefix(ids) => vec![ids],
            Forcing::Skeleton(frame) => frame.runs().collect(),
        };
        let mut hasher = Sha256::new();
        for run in runs {
            hasher.update((run.len() as u64).to_le_bytes());
            run.iter().for_each(|id| hasher.update(id.to_le_bytes()));
        }
        Some(hex(&hasher.finalize()))
    }
}

/// Everything that a generation needs but the model.
#[derive(Clone, Debug)]
pub struct Task {
    /// The prompts, in the order of the items.
    pub prompts: Vec<Prompted>,
    /// Tokens that end an answer.
    pub stop_ids: Vec<u32>,
    /// The longest sequence that training allowed.
    pub max_len: usize,
    /// What is asked.
    pub options: Options,
    /// What is forced.
    pub forcing: Forcing,
}

/// How a slot of a skeleton ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SlotEnd {
    /// The model predicted the beginning of the constant run behind it.
    Run,
    /// It grew to its limit, and the run was fed.
    SlotLimit,
    /// The answer ended inside it.
    Answer,
}

/// What the model put into a slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// Its tokens, as a range of [`Generated::ids`].
    pub tokens: Range<usize>,
    /// How it ended.
    pub ended: SlotEnd,
}

/// The answer to an item.
#[derive(Clone, Debug, PartialEq)]
pub struct Generated {
    /// SHA-256 of the prompt's token ids, each as four bytes, little endian.
    pub prompt_sha256: String,
    /// Tokens of the prompt.
    pub prompt_tokens: usize,
    /// Tokens of the answer, forced and generated, with the one that ended it and those of a stop string.
    pub ids: Vec<u32>,
    /// Which of them were forced, as ranges.
    pub forced: Vec<Range<usize>>,
    /// The text of the answer, without the token or string that ended it.
    pub text: String,
    /// Why it ended.
    pub stop: Stop,
    /// The stop string that it ended with.
    pub stop_string: Option<String>,
    /// Log-probability of the tokens that the model chose, in nats, under its own distribution: before temperature, filters
    /// and penalties. Forced tokens do not count.
    pub log_probability: f64,
    /// The score that the beams were compared by.
    pub beam_score: Option<f64>,
    /// The slots of a skeleton, in order.
    pub slots: Vec<Slot>,
}

impl Generated {
    /// Tokens that were forced.
    pub fn forced_tokens(&self) -> usize {
        self.forced.iter().map(ExactSizeIterator::len).sum()
    }

    /// Tokens that the model chose.
    pub fn generated_tokens(&self) -> usize {
        self.ids.len() - self.forced_tokens()
    }
}

/// A batch that did not fit into memory and was run in halves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Halving {
    /// Its sequences.
    pub sequences: usize,
    /// Room for tokens of each.
    pub room: usize,
    /// What the device said.
    pub message: String,
}

/// How a generation ended.
#[derive(Debug)]
pub enum Ended {
    /// Every item has its answer.
    Finished,
    /// It was stopped.
    Stopped,
    /// An item could not be answered, or the model not be asked.
    Failed(GenerateError),
}

/// What a generation came to.
#[derive(Debug)]
pub struct Outcome {
    /// How it ended. Answers that were whole by then are kept; what was under way is not.
    pub ended: Ended,
    /// The answers, in the order of the items.
    pub generated: Vec<Generated>,
    /// The item of each answer: its place among the prompts. All of them where `ended` is [`Ended::Finished`].
    pub items: Vec<usize>,
    /// Batches that were begun.
    pub batches: usize,
    /// Times that the model was asked for the next tokens.
    pub steps: u64,
    /// Batches that did not fit.
    pub halvings: Vec<Halving>,
}

impl Outcome {
    /// What was asked with what was answered, out of what was asked.
    pub fn answers<'a, T>(&'a self, asked: &'a [T]) -> impl Iterator<Item = (&'a T, &'a Generated)> {
        self.items.iter().map(|at| &asked[*at]).zip(&self.generated)
    }
}

/// How far a generation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Items that are done.
    pub done: usize,
    /// Items.
    pub items: usize,
    /// Tokens that the model chose so far.
    pub tokens: u64,
}

/// What ends a generation.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// A template or contract is wrong.
    #[error(transparent)]
    Prompt(#[from] PromptError),
    /// A tokenizer is wrong.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// The model cannot be opened or asked.
    #[error(transparent)]
    Nn(#[from] NnError),
    /// An option is out of its range, or does not go with another.
    #[error("{0}")]
    Option(String),
    /// An item cannot be asked.
    #[error("{item}: {message}")]
    Item {
        /// Which, from 1, with its id.
        item: String,
        /// Why not.
        message: String,
    },
    /// A model is not what its contract says.
    #[error("{message}\n{difference}")]
    Refused {
        /// What differs, and what to do.
        message: String,
        /// The two sides, in columns.
        difference: String,
    },
    /// A folder is none that can be generated from.
    #[error("{}: {message}", path.display())]
    Folder {
        /// The folder, or a file of it.
        path: PathBuf,
        /// What is missing, and what to do.
        message: String,
    },
}
