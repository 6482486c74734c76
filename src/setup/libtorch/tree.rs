//! A folder that `LIBTORCH` may name: what is in it, whether it is whole, and how a new one takes its place.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::wheel::digest;
use crate::sample::hex;
use crate::setup::SetupError;

/// The file of a tree that lists the others.
pub const MANIFEST: &str = "scenery.json";
/// The form of the manifest that is written.
const FORMAT: u32 = 1;
/// What stands at the top of a tree.
const TOP: &[&str] = &["build-version", "cuda", "include", "lib", MANIFEST];

/// A file of a tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its path from the top, with `/`.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
}

/// Where the files of a tree come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// Wheels, each as `name==version`.
    Wheels(Vec<String>),
    /// The environment of this Python.
    Environment(PathBuf),
}

/// What a tree says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The form of this file.
    pub format: u32,
    /// The version of libtorch.
    pub version: String,
    /// Whether CUDA's libraries are there.
    pub cuda: bool,
    /// Where the files come from.
    pub origin: Origin,
    /// The files, by path.
    pub files: Vec<Entry>,
}

impl Manifest {
    /// A manifest of this form; files are sorted.
    pub fn new(version: &str, cuda: bool, origin: Origin, mut files: Vec<Entry>) -> Manifest {
        files.sort_by(|one, other| one.path.cmp(&other.path));
        Manifest { format: FORMAT, version: version.to_owned(), cuda, origin, files }
    }

    /// All files together.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|entry| entry.bytes).sum()
    }

    /// Writes it into a tree.
    pub fn write(&self, tree: &Path) -> Result<(), SetupError> {
        let path = tree.join(MANIFEST);
        let text = serde_json::to_string_pretty(self).map_err(|error| SetupError::io(&path)(error.into()))?;
        fs::write(&path, text + "\n").map_err(SetupError::io(&path))
    }
}

/// What a folder is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing, or an empty folder.
    Missing,
    /// Something that `scenery setup` did not make.
    Foreign {
        /// What shows it.
        why: String,
        /// What its `build-version` says, where it has one.
        version: Option<String>,
    },
    /// A tree that is not, or no longer, whole.
    Damaged(Vec<String>),
    /// A tree whose files are all what they were.
    Complete(Manifest),
}

/// How closely a tree is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Every file is there and has its size.
    Sizes,
    /// Every file is read, and has its hash.
    Hashes,
}

/// Says what a folder is, of a tree of that version.
///
/// # Errors
/// Where the folder cannot be read.
pub fn state(tree: &Path, version: &str, depth: Depth) -> Result<State, SetupError> {
    let names = match fs::read_dir(tree) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(State::Missing),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            return Ok(State::Foreign { why: "it is no folder".to_owned(), version: None });
        }
        Err(error) => return Err(SetupError::io(tree)(error)),
        Ok(entries) => names(entries).map_err(SetupError::io(tree))?,
    };
    if names.is_empty() {
        return Ok(State::Missing);
    }
    let says = || fs::read_to_string(tree.join("build-version")).ok().map(|text| text.trim().to_owned());
    if let Some(name) = names.iter().find(|name| !TOP.contains(&name.as_str())) {
        let why = format!("it holds `{name}`, which `scenery setup` did not put there");
        return Ok(State::Foreign { why, version: says() });
    }
    let path = tree.join(MANIFEST);
    if !path.exists() {
        let why = format!("`scenery setup` did not make it (it has no {MANIFEST})");
        return Ok(State::Foreign { why, version: says() });
    }
    let text = fs::read_to_string(&path).map_err(SetupError::io(&path))?;
    let manifest: Manifest = match serde_json::from_str(&text) {
        Ok(manifest) => manifest,
        Err(error) => return Ok(State::Damaged(vec![format!("{MANIFEST}: {error}")])),
    };
    if manifest.format != FORMAT || manifest.version != version {
        let what = format!("it holds libtorch {}, and this scenery takes {version}", manifest.version);
        return Ok(State::Damaged(vec![what]));
    }
    let wrong: Vec<String> = manifest.files.par_iter().filter_map(|entry| fault(tree, entry, depth)).collect();
    Ok(if wrong.is_empty() { State::Complete(manifest) } else { State::Damaged(wrong) })
}

fn names(entries: fs::ReadDir) -> io::Result<Vec<String>> {
    let mut out = entries
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<io::Result<Vec<String>>>()?;
    out.sort();
    Ok(out)
}

/// What is wrong with a file.
fn fault(tree: &Path, entry: &Entry, depth: Depth) -> Option<String> {
    let path = tree.join(&entry.path);
    let bytes = match fs::metadata(&path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Some(format!("{} is missing", entry.path)),
        Err(error) => return Some(format!("{}: {error}", entry.path)),
    };
    if bytes != entry.bytes {
        return Some(format!("{} has {bytes} bytes instead of {}", entry.path, entry.bytes));
    }
    if depth == Depth::Sizes {
        return None;
    }
    match digest(&path) {
        Ok((_, found)) if hex(&found) == entry.sha256 => None,
        Ok(_) => Some(format!("{} is not what its hash says", entry.path)),
        Err(error) => Some(error.to_string()),
    }
}

/// Where a tree is built: a folder beside the tree's place, locked, and removed with all that is in it when dropped.
///
/// `tree` is what is built, `wheels` what is downloaded, `tmp` what pip needs meanwhile, `old` the tree that was replaced.
#[derive(Debug)]
pub struct Stage {
    target: PathBuf,
    part: PathBuf,
    _lock: File,
}

/// What a stage may hold.
const PARTS: &[&str] = &["old", "tmp", "tree", "wheels"];

impl Stage {
    /// Makes a stage beside a tree's place, and clears what an interrupted run left there. A tree that such a run had taken
    /// away and not yet replaced is put back.
    ///
    /// # Errors
    /// Where another run is at work, where the folder is not ours, where it cannot be made.
    pub fn claim(target: &Path) -> Result<Stage, SetupError> {
        let name = target.file_name().ok_or_else(|| SetupError::Foreign {
            path: target.to_owned(),
            why: "it is no place for a folder of libtorch".to_owned(),
        })?;
        let mut part_name = name.to_owned();
        part_name.push(".part");
        let part = target.with_file_name(part_name);
        fs::create_dir_all(&part).map_err(SetupError::io(&part))?;
        let lock = File::open(&part).map_err(SetupError::io(&part))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(SetupError::Busy { path: part }),
            Err(TryLockError::Error(error)) => return Err(SetupError::io(&part)(error)),
        }
        let left = fs::read_dir(&part).and_then(names).map_err(SetupError::io(&part))?;
        if let Some(name) = left.iter().find(|name| !PARTS.contains(&name.as_str())) {
            let why = format!("it holds `{name}`, which `scenery setup` did not put there");
            return Err(SetupError::Foreign { path: part, why });
        }
        let old = part.join("old");
        if old.exists() && !target.exists() {
            fs::rename(&old, target).map_err(SetupError::io(target))?;
        }
        for name in left {
            let path = part.join(name);
            if path.exists() {
                fs::remove_dir_all(&path).map_err(SetupError::io(&path))?;
            }
        }
        let stage = Stage { target: target.to_owned(), part, _lock: lock };
        for folder in ["tmp", "tree", "wheels"] {
            let path = stage.part.join(folder);
            fs::create_dir(&path).map_err(SetupError::io(&path))?;
        }
        Ok(stage)
    }

    /// One of its folders.
    pub fn folder(&self, name: &str) -> PathBuf {
        self.part.join(name)
    }

    /// Empties one of its folders.
    pub fn clear(&self, name: &str) -> Result<(), SetupError> {
        let path = self.folder(name);
        fs::remove_dir_all(&path).map_err(SetupError::io(&path))?;
        fs::create_dir(&path).map_err(SetupError::io(&path))
    }

    /// Puts the tree into its place. One that stands there goes first, and comes back where that fails; between the two
    /// renames, what [`Stage::claim`] finds is enough to put it back.
    pub fn commit(self) -> Result<(), SetupError> {
        let (tree, old) = (self.folder("tree"), self.folder("old"));
        sync(&tree)?;
        let replaced = match fs::rename(&self.target, &old) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(SetupError::io(&self.target)(error)),
        };
        if let Err(error) = fs::rename(&tree, &self.target) {
            if replaced {
                fs::rename(&old, &self.target).map_err(SetupError::io(&self.target))?;
            }
            return Err(SetupError::io(&self.target)(error));
        }
        Ok(())
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // The tree that was there is never removed with the rest.
        let unsaved = self.folder("old").exists() && !self.target.exists();
        if !unsaved {
            let _ = fs::remove_dir_all(&self.part);
        }
    }
}

/// Brings a tree to the medium, so that its name never outlives its bytes.
fn sync(folder: &Path) -> Result<(), SetupError> {
    for entry in fs::read_dir(folder).map_err(SetupError::io(folder))? {
        let path = entry.map_err(SetupError::io(folder))?.path();
        if path.is_dir() {
            sync(&path)?;
        } else {
            File::open(&path).and_then(|file| file.sync_all()).map_err(SetupError::io(&path))?;
        }
    }
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(SetupError::io(folder))
}
