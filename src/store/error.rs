//! What can go wrong with a store.

use std::path::PathBuf;

/// Why the store cannot do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no project at or above a directory.
    #[error("no scenery project at {} or above it", path.display())]
    NoProject {
        /// Where the search began.
        path: PathBuf,
    },
    /// A project's directory lacks the database.
    #[error("{}: `.scenery` is here but its store.sqlite is missing", path.display())]
    NoDatabase {
        /// The directory that holds `.scenery`.
        path: PathBuf,
    },
    /// There is a project already.
    #[error("{} is a scenery project already", path.display())]
    AlreadyThere {
        /// Its directory.
        path: PathBuf,
    },
    /// A newer scenery wrote the store.
    #[error("{} was written by a newer scenery (schema {found}, this one knows up to {known})", path.display())]
    Newer {
        /// The database.
        path: PathBuf,
        /// Schema version found.
        found: i64,
        /// Newest schema version known.
        known: i64,
    },
    /// The database is damaged, or none of ours.
    #[error("{} is damaged or no scenery store: {message}", path.display())]
    Damaged {
        /// The database.
        path: PathBuf,
        /// What shows it.
        message: String,
    },
    /// Another process writes.
    #[error("the store is being written by {holder}")]
    Locked {
        /// Who holds the lock, as it says of itself.
        holder: String,
    },
    /// An op is open, and this is not the command that continues it.
    #[error("op {op} ({verb}) was interrupted: run `{again}` again to finish it, or `scenery undo` to take it back")]
    OpenOp {
        /// Its number.
        op: i64,
        /// Its verb.
        verb: String,
        /// The command that continues it.
        again: String,
    },
    /// A file or directory of the store cannot be read or written.
    #[error("{}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// SQLite refused.
    #[error("the database refused")]
    Sql(#[from] rusqlite::Error),
    /// The query index refused.
    #[error("the query index refused (`scenery rebuild` makes it anew from the database)")]
    Index(#[from] tantivy::TantivyError),
    /// Something in the store is not what it must be.
    #[error("the store contradicts itself: {0} (`scenery doctor` lists what is wrong)")]
    Inconsistent(String),
    /// A number, an id or another argument names nothing.
    #[error("{0}")]
    Unknown(String),
}

impl StoreError {
    /// What is wrong, without the advice that an error ends with.
    pub fn bare(&self) -> String {
        match self {
            StoreError::Inconsistent(what) => what.clone(),
            other => other.to_string(),
        }
    }
}
