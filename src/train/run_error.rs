//! What ends a training run, or keeps one from beginning.

use std::path::{Path, PathBuf};

use crate::nn::NnError;
use crate::prompt::PromptError;
use crate::prompt::tokenizer::TokenizerError;

/// What ends a training run, or keeps one from beginning.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// An option is out of range, or does not go with another.
    #[error("{0}")]
    Option(String),
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
    /// A file of the run is not as a run leaves it.
    #[error("{}: {message}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// Examples are longer than the limit.
    #[error("{}", too_long(*count, *max_len, rows))]
    TooLong {
        /// How many.
        count: usize,
        /// The limit, in tokens.
        max_len: usize,
        /// The longest of them: id and tokens.
        rows: Vec<(String, usize)>,
    },
    /// There is nothing to train on.
    #[error("{0}")]
    Nothing(String),
    /// The folder holds a run already.
    #[error(
        "{} holds a run already: `scenery train resume {}` goes on with it, another --out or --name begins one beside it",
        path.display(),
        path.display()
    )]
    RunExists {
        /// The folder.
        path: PathBuf,
    },
    /// No checkpoint can be gone on from.
    #[error("{}", no_checkpoint(path, skipped))]
    NoCheckpoint {
        /// The folder of checkpoints.
        path: PathBuf,
        /// Those that are there, and what is wrong with each.
        skipped: Vec<(PathBuf, String)>,
    },
    /// What a run is to go on with is not what it began with.
    #[error("the run cannot go on, since not all is as it was when it began: {}", differences.join("; "))]
    Differs {
        /// What differs, one sentence each.
        differences: Vec<String>,
    },
    /// A checkpoint cannot be written.
    #[error("cannot write the checkpoint of step {step}: {reason}; {}", last_good(last.as_deref()))]
    Checkpoint {
        /// The step.
        step: u64,
        /// Why not.
        reason: String,
        /// The newest that is whole.
        last: Option<PathBuf>,
    },
    /// A loss or a gradient is no number.
    #[error(
        "{what} is not finite at step {step}, so the run ends before the weights change; {}; a lower --lr, a --clip or `--precision f32` may help",
        last_good(last.as_deref())
    )]
    NotFinite {
        /// `the loss` or `a gradient`.
        what: String,
        /// The step that was to be made, from 1.
        step: u64,
        /// The newest checkpoint.
        last: Option<PathBuf>,
    },
    /// Not even one row at a time fits the device's memory.
    #[error("out of memory at {place} with a single row of {tokens} tokens: {reason}; {}\n{table}", last_good(last.as_deref()))]
    OutOfMemory {
        /// `step 7` or `the evaluation at step 7`.
        place: String,
        /// Tokens of the row.
        tokens: usize,
        /// What the device said.
        reason: String,
        /// The newest checkpoint.
        last: Option<PathBuf>,
        /// What would fit, by estimate.
        table: String,
    },
    /// A learner answers something else than was asked.
    #[error("{0}")]
    Learner(String),
    /// Artefacts of a run part.
    #[error("{0}")]
    Parity(String),
    /// The prompt contract says no.
    #[error(transparent)]
    Prompt(#[from] PromptError),
    /// The tokenizer says no.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// The network says no.
    #[error(transparent)]
    Nn(#[from] NnError),
}

fn too_long(count: usize, max_len: usize, rows: &[(String, usize)]) -> String {
    let named: Vec<String> =
        rows.iter().map(|(id, tokens)| format!("{} ({tokens} tokens)", &id[..id.len().min(12)])).collect();
    let more = if count > rows.len() { format!(" and {} more", count - rows.len()) } else { String::new() };
    format!(
        "{count} examples are longer than {max_len} tokens: {}{more}; --max-len N raises the limit, `--too-long drop` or `--too-long truncate` says what is done with them",
        named.join(", ")
    )
}

fn no_checkpoint(path: &Path, skipped: &[(PathBuf, String)]) -> String {
    if skipped.is_empty() {
        return format!("{} holds no checkpoint, so there is nothing to go on with", path.display());
    }
    let each: Vec<String> = skipped.iter().map(|(path, reason)| format!("{}: {reason}", path.display())).collect();
    format!("{} holds no checkpoint that is whole: {}", path.display(), each.join("; "))
}

fn last_good(last: Option<&Path>) -> String {
    match last {
        Some(path) => format!("the last good checkpoint is {}", path.display()),
        None => "no checkpoint was written yet".to_owned(),
    }
}

/// Makes the error of an action on a path.
pub(crate) fn file_error(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> RunError + use<> {
    let path = path.to_owned();
    move |source| RunError::File { action, path, source }
}
