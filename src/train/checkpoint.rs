//! Checkpoints: everything that a run needs to go on exactly, a folder per step.
//!
//! ```text
//! checkpoints/step-00000040/state.safetensors   every trained value and the state of the optimiser
//! checkpoints/step-00000040/state.json          place in the order, options, what the run stands on, SHA-256 of the above
//! best.json                                     the step of the best, by which metric
//! ```
//!
//! A checkpoint is written beside, brought to disk and renamed, so that whatever is named `step-N` is whole; its hash is
//! checked all the same when it is read, and one that is not whole is skipped and named.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::folder;
use super::options::{Metric, Options};
use super::run_error::{RunError, file_error};
use super::sampler::Realised;
use super::schedule::Schedule;
use crate::nn::weights::{Weights, write_whole};
use crate::nn::{LearnerState, NamedTensor, NnError, writing};
use crate::sample::hex;

/// Folder of the checkpoints inside a run's.
pub const CHECKPOINTS: &str = "checkpoints";
/// File that names the best.
pub const BEST: &str = "best.json";
/// File of the values.
pub const STATE: &str = "state.safetensors";
/// File of everything else.
pub const SNAPSHOT: &str = "state.json";

/// Version of `state.json`.
const VERSION: u32 = 1;

/// What a run stands on; it goes on with the same only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// SHA-256 of the manifest of the data, in hexadecimal digits.
    pub manifest_sha256: String,
    /// The manifest's own digest of what was exported.
    pub manifest_digest: String,
    /// Digest of the prompt contract.
    pub contract: String,
    /// SHA-256 of the model's `config.json`.
    pub base_config_sha256: String,
    /// Fingerprint of the model's weights.
    pub base_weights: String,
}

impl Identity {
    /// What differs, a sentence each.
    pub fn differences(&self, other: &Identity) -> Vec<String> {
        let pairs = [
            ("the data (SHA-256 of its manifest.json)", &self.manifest_sha256, &other.manifest_sha256),
            ("the slice (the manifest's digest)", &self.manifest_digest, &other.manifest_digest),
            ("the prompt contract", &self.contract, &other.contract),
            ("the model's config.json", &self.base_config_sha256, &other.base_config_sha256),
            ("the model's weights", &self.base_weights, &other.base_weights),
        ];
        let short = |text: &str| text.get(..12).unwrap_or(text).to_owned();
        pairs
            .iter()
            .filter(|(_, one, two)| one != two)
            .map(|(what, one, two)| format!("{what}: it was {} and is {}", short(one), short(two)))
            .collect()
    }
}

/// The best evaluation so far.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Best {
    /// The step after which.
    pub step: u64,
    /// By what.
    pub metric: Metric,
    /// Its value.
    pub value: f64,
}

/// A time that the memory was full.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Full {
    /// The step that was to be made, or after which was evaluated.
    pub step: u64,
    /// `training` or `evaluation`.
    pub during: String,
    /// Tokens per micro-batch until then.
    pub from_tokens: usize,
    /// Tokens per micro-batch since.
    pub to_tokens: usize,
}

/// How far a run is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Steps that were made.
    pub step: u64,
    /// The epoch, from 0.
    pub epoch: u32,
    /// Steps of this epoch that were made: the sampler's cursor.
    pub cursor: u64,
    /// Whether the evaluation after this step is still to be made.
    pub pending_evaluation: bool,
    /// Tokens per micro-batch, which a full memory may have lowered.
    pub micro_tokens: usize,
    /// The same for evaluations.
    pub eval_tokens: usize,
    /// The best evaluation.
    pub best: Option<Best>,
    /// Evaluations since that one.
    pub since_best: u32,
    /// Loss of the last step.
    pub loss: Option<f64>,
    /// Tokens so far, without padding.
    pub tokens: u64,
    /// Those that were trained.
    pub trained_tokens: u64,
    /// Tokens so far with padding.
    pub padded_tokens: u64,
    /// Seconds that steps took.
    pub step_seconds: f64,
    /// Seconds in all.
    pub seconds: f64,
    /// Times that the memory was full.
    pub out_of_memory: Vec<Full>,
    /// What was trained, by epoch, source and level.
    pub realised: Vec<Realised>,
    /// What ended the run; none while it goes on.
    pub ended_by: Option<String>,
}

impl Progress {
    /// The beginning.
    pub fn new(options: &Options) -> Progress {
        Progress {
            step: 0,
            epoch: 0,
            cursor: 0,
            pending_evaluation: false,
            micro_tokens: options.micro_tokens,
            eval_tokens: options.eval_tokens,
            best: None,
            since_best: 0,
            loss: None,
            tokens: 0,
            trained_tokens: 0,
            padded_tokens: 0,
            step_seconds: 0.0,
            seconds: 0.0,
            out_of_memory: Vec::new(),
            realised: Vec::new(),
            ended_by: None,
        }
    }
}

/// `state.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Version of this form.
    pub v: u32,
    /// How far the run is.
    pub progress: Progress,
    /// The schedule of the learning rate.
    pub schedule: Schedule,
    /// Seed of order and first values.
    pub seed: u64,
    /// Every option.
    pub options: Options,
    /// What the run stands on.
    pub identity: Identity,
    /// Steps that the optimiser counts.
    pub optimiser_steps: u64,
    /// Names of the tensors, in order.
    pub tensors: Vec<String>,
    /// SHA-256 of `state.safetensors`, in hexadecimal digits.
    pub state_sha256: String,
    /// Its size.
    pub state_size_bytes: u64,
}

/// Folder of a step's checkpoint.
pub fn folder_of(run: &Path, step: u64) -> PathBuf {
    run.join(CHECKPOINTS).join(format!("step-{step:08}"))
}

/// The checkpoints of a run by step, lowest first.
///
/// # Errors
/// [`RunError::File`].
pub fn list(run: &Path) -> Result<Vec<(u64, PathBuf)>, RunError> {
    let folder = run.join(CHECKPOINTS);
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(file_error("read", &folder)(error)),
    };
    let mut out = Vec::new();
    for entry in entries {
        let path = entry.map_err(file_error("read", &folder))?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let digits = name.strip_prefix("step-").filter(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
        if let Some(step) = digits.and_then(|digits| digits.parse().ok()) {
            out.push((step, path));
        }
    }
    out.sort();
    Ok(out)
}

/// Writes the checkpoint of a step and answers its folder.
///
/// # Errors
/// [`RunError::Checkpoint`] with the last good one; nothing of what was begun stays.
pub fn save(
    run: &Path,
    progress: &Progress,
    schedule: &Schedule,
    options: &Options,
    identity: &Identity,
    state: &LearnerState,
) -> Result<PathBuf, RunError> {
    commit(run, progress.step, |folder| {
        let (state_sha256, state_size_bytes) =
            writing::write_tensors(&folder.join(STATE), &state.tensors, &Default::default())?;
        let snapshot = Snapshot {
            v: VERSION,
            progress: progress.clone(),
            schedule: *schedule,
            seed: options.seed,
            options: options.clone(),
            identity: identity.clone(),
            optimiser_steps: state.steps,
            tensors: state.tensors.iter().map(|tensor| tensor.name.clone()).collect(),
            state_sha256,
            state_size_bytes,
        };
        let mut text = serde_json::to_vec_pretty(&snapshot).expect("string keys and finite numbers always serialise");
        text.push(b'\n');
        write_whole(&folder.join(SNAPSHOT), &text)
    })
}

/// Fills the folder of a step.
fn commit(run: &Path, step: u64, fill: impl FnOnce(&Path) -> Result<(), NnError>) -> Result<PathBuf, RunError> {
    let place = folder_of(run, step);
    match folder::put(&place, fill) {
        Ok(()) => Ok(place),
        Err(error) => {
            let last = list(run)?.into_iter().map(|(_, path)| path).rfind(|path| *path != place);
            Err(RunError::Checkpoint { step, reason: chain(&error), last })
        }
    }
}

/// An error and what caused it.
fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// Reads a checkpoint and checks that it is whole.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub fn load(folder: &Path) -> Result<(Snapshot, LearnerState), String> {
    let path = folder.join(SNAPSHOT);
    let text = fs::read(&path).map_err(|error| format!("{SNAPSHOT} cannot be read: {error}"))?;
    let snapshot: Snapshot =
        serde_json::from_slice(&text).map_err(|error| format!("{SNAPSHOT} is damaged: {error}"))?;
    if snapshot.v != VERSION {
        return Err(format!("{SNAPSHOT} has the version {}, and {VERSION} is known", snapshot.v));
    }
    let path = folder.join(STATE);
    let digest = sha256_of(&path).map_err(|error| format!("{STATE} cannot be read: {error}"))?;
    if digest != snapshot.state_sha256 {
        return Err(format!("{STATE} has another SHA-256 than {SNAPSHOT} says, so it is damaged"));
    }
    if snapshot.optimiser_steps != snapshot.progress.step {
        return Err(format!(
            "{SNAPSHOT} is damaged: it counts {} steps and {}",
            snapshot.progress.step, snapshot.optimiser_steps
        ));
    }
    let weights = Weights::of_file(&path).map_err(|error| error.to_string())?;
    let mut tensors = Vec::with_capacity(snapshot.tensors.len());
    for name in &snapshot.tensors {
        let place = weights.places.get(name).ok_or_else(|| format!("{STATE} does not hold {name}"))?;
        let shape = place.shape.clone();
        let values = weights.read_f32(name, &shape).map_err(|error| error.to_string())?;
        tensors.push(NamedTensor { name: name.clone(), shape, values });
    }
    let state = LearnerState { steps: snapshot.optimiser_steps, tensors };
    Ok((snapshot, state))
}

/// A checkpoint that was found whole, and those above it that were not.
pub struct Found {
    /// Its folder.
    pub folder: PathBuf,
    /// Its `state.json`.
    pub snapshot: Snapshot,
    /// Its values.
    pub state: LearnerState,
    /// Higher ones that were skipped, with the reason.
    pub skipped: Vec<(PathBuf, String)>,
}

/// Reads the checkpoint of the highest step that is whole.
///
/// # Errors
/// [`RunError::NoCheckpoint`] with what is wrong with each; [`RunError::File`].
pub fn newest(run: &Path) -> Result<Found, RunError> {
    let mut skipped = Vec::new();
    for (_, folder) in list(run)?.into_iter().rev() {
        match load(&folder) {
            Ok((snapshot, state)) => return Ok(Found { folder, snapshot, state, skipped }),
            Err(reason) => skipped.push((folder, reason)),
        }
    }
    Err(RunError::NoCheckpoint { path: run.join(CHECKPOINTS), skipped })
}

/// Removes all checkpoints but the newest ones and those of these steps: the best, and the one that was just written.
///
/// # Errors
/// [`RunError::File`].
pub fn prune(run: &Path, keep: usize, held: &[u64]) -> Result<(), RunError> {
    let all = list(run)?;
    let old = all.len().saturating_sub(keep.max(1));
    for (step, path) in &all[..old] {
        if !held.contains(step) {
            folder::clear(path).map_err(file_error("remove", path))?;
        }
    }
    Ok(())
}

/// Gives a damaged checkpoint a name by which it is none any more, and answers it.
///
/// # Errors
/// [`RunError::File`].
pub fn set_aside(path: &Path) -> Result<PathBuf, RunError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let place = path.with_file_name(format!("damaged-{name}"));
    folder::clear(&place).and_then(|()| fs::rename(path, &place)).map_err(file_error("rename", path))?;
    Ok(place)
}

/// Looks whether the checkpoint of the best evaluation is whole, and has `best.json` name it; where it is not, answers why,
/// and `best.json` goes.
///
/// # Errors
/// [`RunError::File`], [`RunError::Nn`].
pub fn check_best(run: &Path, best: &Best) -> Result<Option<String>, RunError> {
    let Err(reason) = load(&folder_of(run, best.step)) else {
        write_best(run, best)?;
        return Ok(None);
    };
    let path = run.join(BEST);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(file_error("remove", &path)(error)),
        _ => Ok(Some(reason)),
    }
}

/// Writes `best.json`.
///
/// # Errors
/// [`NnError::File`].
pub fn write_best(run: &Path, best: &Best) -> Result<(), NnError> {
    let value = json!({
        "step": best.step,
        "metric": best.metric,
        "value": best.value,
        "checkpoint": format!("{CHECKPOINTS}/step-{:08}", best.step),
    });
    write_whole(&run.join(BEST), format!("{value:#}\n").as_bytes())
}

/// SHA-256 of a file, in hexadecimal digits.
///
/// # Errors
/// Where it cannot be read.
pub fn sha256_of(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0u8; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(&hash.finalize())),
            read => hash.update(&buffer[..read]),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// A folder that goes away.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Folder {
            let path = std::env::temp_dir().join(format!("scenery-checkpoint-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            fs::create_dir_all(&path).unwrap();
            Folder(path)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn whole(folder: &Path) -> Result<(), NnError> {
        write_whole(&folder.join(STATE), b"values")?;
        write_whole(&folder.join(SNAPSHOT), b"{}")
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_disk_leaves_the_last_good_checkpoint_and_nothing_half_made() {
        let run = Folder::new("full");
        let first = commit(&run.0, 10, whole).unwrap();
        let full = |folder: &Path| {
            write_whole(&folder.join(STATE), b"a part")?;
            // The kernel's device that is always full.
            let path = Path::new("/dev/full");
            let mut file =
                fs::OpenOptions::new().write(true).open(path).map_err(crate::nn::file_error("open", path))?;
            file.write_all(b"the rest").map_err(crate::nn::file_error("write", path))
        };
        let error = commit(&run.0, 20, full).unwrap_err();
        let RunError::Checkpoint { step: 20, reason, last: Some(last) } = &error else { panic!("{error}") };
        assert!(reason.contains("No space left on device"), "{reason}");
        assert_eq!(*last, first);
        assert!(error.to_string().contains("the last good checkpoint is"), "{error}");
        assert_eq!(list(&run.0).unwrap(), [(10, first.clone())]);
        assert_eq!(fs::read_dir(run.0.join(CHECKPOINTS)).unwrap().count(), 1);
        assert_eq!(fs::read(first.join(STATE)).unwrap(), b"values");
        // Where there is room again, the same step is written over what is left.
        commit(&run.0, 20, whole).unwrap();
        assert_eq!(list(&run.0).unwrap().len(), 2);
    }

    #[test]
    fn steps_are_ordered_as_numbers_and_the_best_stays() {
        let run = Folder::new("order");
        for step in [9, 10, 100, 1_000_000_000] {
            commit(&run.0, step, whole).unwrap();
        }
        fs::create_dir(run.0.join(CHECKPOINTS).join("step-final")).unwrap();
        let steps = |run: &Folder| list(&run.0).unwrap().into_iter().map(|(step, _)| step).collect::<Vec<_>>();
        assert_eq!(steps(&run), [9, 10, 100, 1_000_000_000]);
        prune(&run.0, 2, &[9]).unwrap();
        assert_eq!(steps(&run), [9, 100, 1_000_000_000]);
        // One that was just written stays also where higher ones are left over.
        prune(&run.0, 1, &[100]).unwrap();
        assert_eq!(steps(&run), [100, 1_000_000_000]);
        set_aside(&folder_of(&run.0, 1_000_000_000)).unwrap();
        assert_eq!(steps(&run), [100]);
    }
}
