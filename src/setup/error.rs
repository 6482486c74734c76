//! What can go wrong with setting things up.

use std::io;
use std::path::{Path, PathBuf};

/// Why something could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// There is no source checkout at or above a directory.
    #[error(
        "no source checkout of scenery at {} or above it (a Cargo.toml whose package is `scenery`): `-C CHECKOUT` names one, `--dir DIR` another folder for libtorch",
        from.display()
    )]
    NoCheckout {
        /// Where the search began.
        from: PathBuf,
    },
    /// No wheels are pinned for this kind of machine.
    #[error(
        "libtorch {version} is set up on linux-x86_64 alone, and this is {found}: set LIBTORCH to a libtorch {version} of your own, where `cargo build --features train` looks for it"
    )]
    Platform {
        /// The version that was asked for.
        version: String,
        /// The machine, as `linux-x86_64`.
        found: String,
    },
    /// The folder holds what `scenery setup` did not make, and will not replace.
    #[error("{}: {why}: move it away, or name another folder with `--dir DIR`", path.display())]
    Foreign {
        /// The folder.
        path: PathBuf,
        /// What shows it.
        why: String,
    },
    /// Another run is at work on the same folder.
    #[error("{}: another `scenery setup` is at work there: wait for it to end", path.display())]
    Busy {
        /// Where it works.
        path: PathBuf,
    },
    /// No Python with pip was found.
    #[error(
        "wheels are fetched by a Python 3 with pip: {tried}; install one (`apt install python3-pip`, or `python3 -m ensurepip`), or name one with `--python EXE`"
    )]
    NoPip {
        /// What was tried, and why it would not do.
        tried: String,
    },
    /// pip brought nothing.
    #[error(
        "{} -m pip could not get {package}: {said}; it asks pypi.org, or what PIP_INDEX_URL names; without a network it takes wheels from a folder: PIP_NO_INDEX=1 PIP_FIND_LINKS=FOLDER",
        python.display()
    )]
    Pip {
        /// The interpreter.
        python: PathBuf,
        /// `name==version`.
        package: String,
        /// pip's own words, or its exit status.
        said: String,
    },
    /// A file is another one than what is pinned, or than its wheel says.
    #[error(
        "{what} has SHA-256 {found} instead of {wanted}: what was downloaded or installed is damaged or another build"
    )]
    Hash {
        /// The file.
        what: String,
        /// SHA-256 in hexadecimal.
        wanted: String,
        /// SHA-256 in hexadecimal.
        found: String,
    },
    /// A wheel or an environment lacks a file that libtorch needs.
    #[error("{what} lacks {member}")]
    Lacks {
        /// The wheel or the package.
        what: String,
        /// The file.
        member: String,
    },
    /// A wheel is no wheel.
    #[error("{}: no wheel that can be read: {reason}", path.display())]
    Wheel {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The medium is full.
    #[error(
        "{}: no space is left: while it is made, libtorch takes 1.2 GB beside its place, with `--cuda` 4.5 GB; nothing was changed",
        path.display()
    )]
    Full {
        /// The file that could not be written.
        path: PathBuf,
    },
    /// A file cannot be read or written.
    #[error("{}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl SetupError {
    /// Makes the error of an action on a path.
    pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> SetupError + use<> {
        let path = path.to_owned();
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => SetupError::Full { path },
            _ => SetupError::Io { path, source },
        }
    }
}
