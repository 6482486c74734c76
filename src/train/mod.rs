//! Training: from the files of an export to what a model learns of them.
//!
//! ```text
//! export folder ──▶ data ──▶ encoded (prompt contract, tokenizer) ──▶ show, lint, plan   nothing but files and tokens
//!                                │
//!                                ▼
//!                            prepare ──▶ item ──▶ sampler ──▶ batches ──▶ run ◀──▶ Learner
//!                                                                          │
//!             checkpoint, metrics, tensorboard, curve, events ◀────────────┴──▶ artefacts ──▶ parity
//! ```
//!
//! Layer 4: reads an export directory, never the store. Absent on purpose: the clock, printing, and in all that is looked
//! at before a run, libtorch.
//!
//! Invariants: an export that is not byte for byte what its manifest says is refused; what is trained is told by the
//! contract's segments, never by searching text; no row is left out in silence. What a run computes is a function of its
//! options, examples and first values: stopped anywhere, it goes on to the same bits. What is handed over says what was trained,
//! or is not handed over.

pub mod artefacts;
pub mod base;
pub mod batches;
pub mod checkpoint;
pub mod curve;
pub mod data;
pub mod encoded;
pub mod events;
pub mod folder;
pub mod item;
pub mod lint;
pub mod memory;
pub mod metrics;
pub mod options;
pub mod parity;
pub mod plan;
pub mod prepare;
pub mod run;
pub mod run_error;
pub mod run_file;
pub mod sampler;
pub mod schedule;
pub mod scoring;
pub mod show;
pub mod tensorboard;

use std::path::{Path, PathBuf};

use crate::prompt::PromptError;

/// What ends a stage of training.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// A file or folder cannot be used.
    #[error("cannot {action} {}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A folder is no export, or not what its manifest says.
    #[error("{}{}: {message}", path.display(), line.map_or(String::new(), |line| format!(":{line}")))]
    Export {
        /// The file.
        path: PathBuf,
        /// The line in it, from 1, where it is about one.
        line: Option<u64>,
        /// What is wrong, and the way on.
        message: String,
    },
    /// Examples cannot be encoded.
    #[error("{count} of {of} rows cannot be encoded ({}{}), and may be left out by `-id:{}` in the query (`scenery train lint` names each); the first", ids.join(", "), if *count > ids.len() { ", …" } else { "" }, ids.first().map_or("", String::as_str))]
    Rows {
        /// How many.
        count: usize,
        /// Of how many.
        of: usize,
        /// Ids of the first.
        ids: Vec<String>,
        /// What is wrong with the first.
        source: Box<PromptError>,
    },
    /// Examples have a field that the template has no place for.
    #[error(
        "{count} of {of} rows have a {field} field, and prompt template `{id}` has no place for it: it would be missing from \
         every prompt; take a template that has one (--template {}), or export the rows without it", fit.join(", ")
    )]
    NoPlace {
        /// The field.
        field: String,
        /// How many have it.
        count: usize,
        /// Of how many.
        of: usize,
        /// Id of the template.
        id: String,
        /// Built-in templates that have a place for it.
        fit: Vec<&'static str>,
    },
    /// The prompt contract cannot be used.
    #[error(transparent)]
    Prompt(#[from] PromptError),
}

/// A file that cannot be used.
pub(crate) fn file_error(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> TrainError {
    let path = path.to_owned();
    move |source| TrainError::File { action, path, source }
}
