//! `setup`.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::json;

use crate::cli::args::{LibtorchArgs, SetupArgs, SetupWhat};
use crate::cli::draw::thousands;
use crate::cli::failure::Failure;
use crate::cli::quoted;
use crate::cli::session::Session;
use crate::setup;
use crate::setup::libtorch::release::{Pin, pinned};
use crate::setup::libtorch::{Done, Origin, Step, Wanted, set_up};

/// The folder of a source checkout that libtorch goes to, and where `.cargo/config.toml` has LIBTORCH point.
pub const FOLDER: &str = ".libtorch";
/// Faults of a tree that are told one by one.
const FAULTS: usize = 3;

/// Sets up what training needs from outside.
///
/// # Errors
/// Exit code 4 where something outside is missing or wrong.
pub fn setup(session: &Session, args: &SetupArgs) -> Result<(), Failure> {
    match &args.what {
        SetupWhat::Libtorch(args) => libtorch(session, args),
    }
}

fn libtorch(session: &Session, args: &LibtorchArgs) -> Result<(), Failure> {
    let directory = match &args.dir {
        Some(directory) => directory.clone(),
        None => setup::checkout(&session.directory)?.join(FOLDER),
    };
    let release = pinned();
    let wanted = Wanted {
        directory: directory.clone(),
        cuda: args.cuda,
        pythons: args.python.clone().map_or_else(pythons, |python| vec![python]),
        machine: format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH),
        shown: session.shows_progress().then_some(|| Stdio::from(std::io::stderr())),
        release,
    };
    let done = set_up(&wanted, &mut |step| session.say(told(&step)))?;
    let (already, manifest, mended) = match done {
        Done::Already(manifest) => (true, manifest, Vec::new()),
        Done::Made { manifest, mended } => (false, manifest, mended),
    };
    let origin = match &manifest.origin {
        Origin::Wheels(_) => "wheels".to_owned(),
        Origin::Environment(python) => format!("the environment of {}", python.display()),
    };
    if session.json {
        return session.print_json(&json!({
            "directory": directory, "version": manifest.version, "cuda": manifest.cuda, "already": already,
            "origin": manifest.origin, "files": manifest.files.len(), "bytes": manifest.bytes(), "mended": mended,
        }));
    }
    session.say(format!(
        "{} libtorch {}{} in {}: {} files, {}, from {origin}",
        if already { "there already:" } else { "made" },
        manifest.version,
        if manifest.cuda { " with CUDA" } else { "" },
        directory.display(),
        thousands(manifest.files.len() as u64),
        size(manifest.bytes()),
    ));
    if !already {
        session.say(next(&directory, args.dir.is_some()));
    }
    Ok(())
}

/// What to type then.
fn next(directory: &Path, elsewhere: bool) -> String {
    let build = "cargo build --release --features train";
    match std::path::absolute(directory) {
        Ok(directory) if elsewhere => format!("next: `LIBTORCH={} {build}`", quoted(&directory.to_string_lossy())),
        _ => format!("next: `{build}`"),
    }
}

/// The interpreters to ask where none is named: that of the active environment, then those on the path.
fn pythons() -> Vec<PathBuf> {
    let active = std::env::var_os("VIRTUAL_ENV").filter(|value| !value.is_empty());
    let active = active.map(|environment| PathBuf::from(environment).join("bin").join("python"));
    active.into_iter().chain(["python3", "python"].map(PathBuf::from)).collect()
}

/// A step in words.
fn told(step: &Step) -> String {
    let named = |pin: &Pin| format!("{} {}", pin.name, pin.version);
    match step {
        Step::Mending(wrong) => format!("making it anew: {}", faults(wrong)),
        Step::Taking(python) => format!("taking libtorch from the environment of {}", python.display()),
        Step::Passing(why) => format!("{why}; downloading instead"),
        Step::Downloading(pin) => format!("downloading {} ({})", named(pin), size(pin.bytes)),
        Step::Unpacking(pin) => format!("checking and unpacking {}", named(pin)),
    }
}

/// The first faults of a tree, and how many more there are.
pub fn faults(wrong: &[String]) -> String {
    let more = wrong.len().saturating_sub(FAULTS);
    let first = wrong[..wrong.len() - more].join("; ");
    if more == 0 { first } else { format!("{first}; and {} more", thousands(more as u64)) }
}

/// A size in MB or GB.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{} kB", bytes.div_ceil(1000)),
        1_000_000..1_000_000_000 => format!("{} MB", (bytes + 500_000) / 1_000_000),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}
