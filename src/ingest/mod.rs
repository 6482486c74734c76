//! Sources become samples: recipe → reader → cleaners → analysis → store.

pub mod catalog;
pub mod cleaners;
pub mod generated;
pub mod pipeline;
pub mod readers;
pub mod recipe;
pub mod row;

use std::path::PathBuf;

/// What ends an ingest.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// A file or folder cannot be read.
    #[error("cannot read {}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A recipe is wrong.
    #[error("recipe {name}: {message}")]
    Recipe {
        /// Source's name, or file of the recipe.
        name: String,
        /// What is wrong, where, and what is possible.
        message: String,
    },
    /// The input as a whole is not what the reader can read.
    #[error("{}: {message}", path.display())]
    Input {
        /// Which file or folder.
        path: PathBuf,
        /// What is wrong and what to do.
        message: String,
    },
    /// The store refused.
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
    /// What was read does not add up with what was written: a defect, and nothing is kept.
    #[error("{read} rows were read and {accounted} accounted for")]
    Unbalanced {
        /// Rows that the reader met.
        read: u64,
        /// Rows that became something.
        accounted: u64,
    },
    /// A thread died: a defect, and nothing is kept.
    #[error("{0} broke off")]
    Broken(String),
    /// The other side of the pipeline ended first; its error is the one to show.
    #[error("stopped")]
    Stopped,
    /// The source gave no sample.
    #[error("{source_name}: {message}")]
    Nothing {
        /// Which source.
        source_name: String,
        /// What was read and why nothing came of it.
        message: String,
    },
}
