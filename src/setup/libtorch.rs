//! libtorch for the feature `train`: a folder that `LIBTORCH` names, made of the wheels of PyPI or of a Python environment.
//!
//! ```text
//! .libtorch/
//!   build-version  scenery.json        the version; every file with its size and SHA-256
//!   include/                           headers
//!   lib/                               what a program links to: libtorch_cpu.so, libc10.so and what these need
//!     libtorch.so                      a linker script; the real one needs CUDA
//!   cuda/torch/lib/libtorch_cuda.so    with `--cuda`: loaded at run time, never linked to
//!   cuda/nvidia/*/lib/                 what that needs, where it looks for it
//! ```
//!
//! So one build runs with and without CUDA. A tree is built in `.libtorch.part` beside it and renamed into place.

mod python;
pub mod release;
mod tree;
mod wheel;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use super::SetupError;
use python::Python;
use release::{Pin, Release};
use tree::Stage;
pub use tree::{Depth, Entry, MANIFEST, Manifest, Origin, State, state};
use wheel::Record;

/// The linker script that stands for `libtorch.so`.
const SCRIPT: &str = "INPUT(libtorch_cpu.so)\n";

/// What is to be set up.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Where the tree goes.
    pub directory: PathBuf,
    /// Whether CUDA's libraries are to be there too. A tree that has them keeps them.
    pub cuda: bool,
    /// The interpreters to ask, in this order.
    pub pythons: Vec<PathBuf>,
    /// This machine, as `linux-x86_64`.
    pub machine: String,
    /// What a tree is made of; [`release::pinned`].
    pub release: Release,
    /// Where pip's own words go, where someone watches.
    pub shown: Option<fn() -> Stdio>,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// Nothing: the tree was there, and all of it as it was made.
    Already(Manifest),
    /// The tree was made, in the place of what was wrong with the old one, if there was one.
    Made {
        /// What it holds.
        manifest: Manifest,
        /// What was wrong with the old one.
        mended: Vec<String>,
    },
}

/// What is being done, for people who wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// The tree that is there will not do.
    Mending(&'a [String]),
    /// The environment of an interpreter has what is needed.
    Taking(&'a Path),
    /// The environment of an interpreter will not do.
    Passing(String),
    /// A wheel is downloaded.
    Downloading(&'a Pin),
    /// A wheel is checked and unpacked.
    Unpacking(&'a Pin),
}

/// Makes the tree, where it is not there as it should be.
///
/// # Errors
/// Where the place holds something else, where neither environment nor pip have what is needed, where a hash differs, where
/// the tree cannot be written. What was there before is there still.
pub fn set_up(wanted: &Wanted, say: &mut dyn FnMut(Step)) -> Result<Done, SetupError> {
    let target = place(&wanted.directory)?;
    if let Some(manifest) = complete(&target, wanted)? {
        return Ok(Done::Already(manifest));
    }
    if wanted.machine != "linux-x86_64" {
        let version = wanted.release.version.clone().into_owned();
        return Err(SetupError::Platform { version, found: wanted.machine.clone() });
    }
    let stage = Stage::claim(&target)?;
    // Another run may have ended since, or an interrupted one have left a whole tree.
    let (cuda, mended) = match state(&target, &wanted.release.version, Depth::Hashes)? {
        State::Complete(manifest) if manifest.cuda || !wanted.cuda => return Ok(Done::Already(manifest)),
        State::Complete(_) => (true, vec!["CUDA's libraries are not there".to_owned()]),
        State::Foreign { why, .. } => return Err(SetupError::Foreign { path: target, why }),
        State::Damaged(wrong) => (wanted.cuda || target.join("cuda").exists(), wrong),
        State::Missing => (wanted.cuda, Vec::new()),
    };
    if !mended.is_empty() {
        say(Step::Mending(&mended));
    }
    let pins: Vec<&Pin> = wanted.release.cpu.iter().chain(wanted.release.cuda.iter().filter(|_| cuda)).collect();
    let (mut files, origin) = fetch(wanted, &pins, cuda, &stage, say)?;
    let tree = stage.folder("tree");
    for (package, path) in release::needed(cuda) {
        if !files.iter().any(|entry| entry.path == path) {
            return Err(SetupError::Lacks { what: package.to_owned(), member: path });
        }
    }
    files.push(written(&tree, "lib/libtorch.so", SCRIPT)?);
    files.push(written(&tree, "build-version", &format!("{}\n", wanted.release.version))?);
    // torch-sys links to `-lgomp`, which is found by this name.
    let gomp = tree.join("lib/libgomp.so");
    fs::hard_link(tree.join("lib/libgomp.so.1"), &gomp)
        .or_else(|_| fs::copy(tree.join("lib/libgomp.so.1"), &gomp).map(|_| ()))
        .map_err(SetupError::io(&gomp))?;
    files.push(entry(&tree, "lib/libgomp.so")?);
    let manifest = Manifest::new(&wanted.release.version, cuda, origin, files);
    manifest.write(&tree)?;
    stage.commit()?;
    Ok(Done::Made { manifest, mended })
}

/// The tree, where it is whole and has what is wanted.
fn complete(target: &Path, wanted: &Wanted) -> Result<Option<Manifest>, SetupError> {
    match state(target, &wanted.release.version, Depth::Hashes)? {
        State::Complete(manifest) if manifest.cuda || !wanted.cuda => Ok(Some(manifest)),
        State::Foreign { why, .. } => Err(SetupError::Foreign { path: target.to_owned(), why }),
        _ => Ok(None),
    }
}

/// The place of a tree: where a link leads, so that a link to a larger disk stays one.
fn place(directory: &Path) -> Result<PathBuf, SetupError> {
    if directory.is_symlink() {
        return fs::canonicalize(directory).map_err(SetupError::io(directory));
    }
    std::path::absolute(directory).map_err(SetupError::io(directory))
}

/// Fills the tree of a stage, from the first environment that has all of it, else from wheels.
fn fetch(
    wanted: &Wanted,
    pins: &[&Pin],
    cuda: bool,
    stage: &Stage,
    say: &mut dyn FnMut(Step),
) -> Result<(Vec<Entry>, Origin), SetupError> {
    let mut tried = Vec::new();
    let mut with_pip: Option<Python> = None;
    for executable in &wanted.pythons {
        let python = match python::probe(executable, pins.iter().map(|pin| &*pin.name)) {
            Ok(python) => python,
            Err(why) => {
                tried.push(why);
                continue;
            }
        };
        match adopted(&python, pins, cuda, stage, say)? {
            Ok(Some(files)) => return Ok((files, Origin::Environment(python.executable))),
            Ok(None) => {}
            Err(why) => say(Step::Passing(format!("the torch of {} will not do: {why}", executable.display()))),
        }
        if !python.pip {
            tried.push(format!("`{}` has no pip", executable.display()));
        } else if with_pip.is_none() {
            with_pip = Some(python);
        }
    }
    let Some(python) = with_pip else {
        return Err(SetupError::NoPip { tried: tried.join(", ") });
    };
    let mut files = Vec::new();
    for pin in pins {
        say(Step::Downloading(pin));
        let wheel = python::download(&python, pin, stage, wanted.shown)?;
        say(Step::Unpacking(pin));
        files.extend(wheel::unpack(&wheel, pin, cuda, &stage.folder("tree"))?);
        // A wheel that is unpacked is not needed beside its files.
        stage.clear("wheels")?;
        stage.clear("tmp")?;
    }
    Ok((files, Origin::Wheels(pins.iter().map(|pin| pin.requirement()).collect())))
}

/// The files of an environment's packages; none where it has no torch, a sentence where what it has will not do. Only a
/// stage that cannot be written is an error.
fn adopted(
    python: &Python,
    pins: &[&Pin],
    cuda: bool,
    stage: &Stage,
    say: &mut dyn FnMut(Step),
) -> Result<Result<Option<Vec<Entry>>, String>, SetupError> {
    if !python.packages.contains_key("torch") {
        return Ok(Ok(None));
    }
    for pin in pins {
        match python.packages.get(&*pin.name) {
            None => return Ok(Err(format!("{} is not there", pin.requirement()))),
            Some(package) if package.version != pin.version => {
                return Ok(Err(format!("it has {} {} instead of {}", pin.name, package.version, pin.version)));
            }
            Some(_) => {}
        }
    }
    say(Step::Taking(&python.executable));
    let tree = stage.folder("tree");
    let mut files = Vec::new();
    for pin in pins {
        let package = &python.packages[&*pin.name];
        match wheel::adopt(&pin.requirement(), &package.root, &Record::parse(&package.record), cuda, &tree) {
            Ok(found) => files.extend(found),
            Err(SetupError::Full { path }) => return Err(SetupError::Full { path }),
            Err(SetupError::Io { path, source }) if path.starts_with(&tree) => {
                return Err(SetupError::Io { path, source });
            }
            Err(error) => {
                stage.clear("tree")?;
                return Ok(Err(with_cause(&error)));
            }
        }
    }
    let lacking = release::needed(cuda).into_iter().find(|(_, path)| !files.iter().any(|entry| entry.path == *path));
    if let Some((package, path)) = lacking {
        stage.clear("tree")?;
        return Ok(Err(format!("{package} lacks {path}")));
    }
    Ok(Ok(Some(files)))
}

/// An error and its cause.
fn with_cause(error: &SetupError) -> String {
    match error {
        SetupError::Io { path, source } => format!("{}: {source}", path.display()),
        other => other.to_string(),
    }
}

/// Writes a file of ours into a tree.
fn written(tree: &Path, path: &str, text: &str) -> Result<Entry, SetupError> {
    let to = tree.join(path);
    fs::write(&to, text).map_err(SetupError::io(&to))?;
    entry(tree, path)
}

fn entry(tree: &Path, path: &str) -> Result<Entry, SetupError> {
    let (bytes, found) = wheel::digest(&tree.join(path))?;
    Ok(Entry { path: path.to_owned(), bytes, sha256: crate::sample::hex(&found) })
}
