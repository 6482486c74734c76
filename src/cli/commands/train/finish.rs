//! What `train run`, `train resume` and `train export` share: the parts of a run, the drive, and what it hands over.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::run::{RUNS, told_too_long};
use super::watch::{Watch, failed, file, interrupted};
use crate::cli::draw::{name, thousands};
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::nn::config::ModelConfig;
use crate::nn::lora::ADAPTER_WEIGHTS;
use crate::nn::weights::{SINGLE, Weights};
use crate::nn::{self, DeviceChoice, Learner, NnError, Opening, Precision, Trained};
use crate::prompt::contract::{CONTRACT, Contract};
use crate::prompt::tokenizer::Tokenizer;
use crate::store::{NewRun, RunState};
use crate::train::artefacts::{self, ADAPTER, MODEL, Provenance};
use crate::train::data::{self, Dataset, MANIFEST};
use crate::train::events::Event;
use crate::train::item::{Item, TooLongCount, fit};
use crate::train::options::Options;
use crate::train::parity::{self, Pair, Probe};
use crate::train::prepare;
use crate::train::run::{self, Ended, Outcome, Run};
use crate::train::run_error::RunError;
use crate::train::run_file::{DATA, RUN, RunFile};

/// What a run writes of what it handed over, and the folder of that until it is checked.
const HANDED: &str = "handed_over.json";
const UNCHECKED: &str = ".unchecked";

/// Examples that the artefact of a run is asked about at its end, prompts of them, and tokens of an answer at most.
const ROWS: usize = 16;
const PROMPTS: usize = 4;
const NEW_TOKENS: usize = 128;

/// The examples of a run, fitted to its limit.
pub(super) struct Fitted {
    pub(super) train: Vec<Item>,
    pub(super) validation: Vec<Item>,
    pub(super) too_long: TooLongCount,
}

/// Everything that a run needs.
pub(super) struct Ready {
    pub(super) folder: PathBuf,
    pub(super) file: RunFile,
    pub(super) contract: Contract,
    pub(super) tokenizer: Tokenizer,
    pub(super) config: ModelConfig,
    pub(super) sides: Fitted,
    /// None once the weights were handed over.
    pub(super) learner: Option<Box<dyn Learner>>,
}

/// Refuses where the program has no libtorch.
pub(super) fn check_built_in() -> Result<(), Failure> {
    if nn::report().built_in { Ok(()) } else { Err(NnError::Absent.into()) }
}

/// Encodes and fits the examples, and says what was too long.
pub(super) fn prepared(
    session: &Session,
    dataset: &Dataset,
    contract: &Contract,
    tokenizer: &Tokenizer,
    options: &Options,
) -> Result<Fitted, Failure> {
    let sides = prepare::sides(dataset, contract, tokenizer)?;
    let (train, one) = fit(sides.train, options.max_len, options.too_long)?;
    let (validation, two) = fit(sides.validation, options.max_len, options.too_long)?;
    let too_long = TooLongCount {
        dropped: one.dropped + two.dropped,
        truncated: one.truncated + two.truncated,
        without_answer: one.without_answer + two.without_answer,
    };
    told_too_long(session, &too_long);
    Ok(Fitted { train, validation, too_long })
}

/// The folder of a run that is named, or told by its path.
pub(super) fn folder_of(session: &Session, run: &str) -> Result<PathBuf, Failure> {
    let project = session.project().ok();
    let runs = project.map(|project| project.root.join(RUNS));
    let bare = !run.contains(['/', '\\']) && run != "." && run != "..";
    if let Some(folder) = runs.as_ref().filter(|_| bare).map(|runs| runs.join(run))
        && folder.join(RUN).is_file()
    {
        return Ok(folder);
    }
    let folder = PathBuf::from(run);
    if folder.join(RUN).is_file() {
        return Ok(folder);
    }
    let mut known: Vec<String> = Vec::new();
    for entry in runs.iter().filter_map(|runs| std::fs::read_dir(runs).ok()).flatten().flatten() {
        if entry.path().join(RUN).is_file() {
            known.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    known.sort();
    let there =
        if known.is_empty() { "there are none here".to_owned() } else { format!("there are {}", known.join(", ")) };
    let near = crate::query::similar(run, known.iter().map(String::as_str));
    Err(Failure::request(format!("`{run}` is no run, nor a folder with {RUN}: {there}")).suggesting(near))
}

/// Has a run look for its base in the folder that is named, where one is.
pub(super) fn move_base(file: &mut RunFile, base: Option<&Path>) -> Result<(), Failure> {
    if let Some(base) = base {
        file.base = base.canonicalize().map_err(|error| Failure::file(base, &error))?;
    }
    Ok(())
}

/// Opens a run that is there, and checks that it stands on what it began with. The learner is not made.
pub(super) fn opened(session: &Session, folder: &Path, file: RunFile) -> Result<Ready, Failure> {
    let dataset = data::read(&folder.join(DATA))?;
    let contract = Contract::read(&folder.join(CONTRACT))?;
    let tokenizer = Tokenizer::load(folder)?;
    let model = file.base(folder);
    let config = ModelConfig::read(&model)?;
    let found = crate::train::checkpoint::Identity {
        manifest_sha256: dataset.manifest_sha256.clone(),
        manifest_digest: dataset.manifest_digest.clone(),
        contract: contract.digest(),
        base_config_sha256: ModelConfig::digest(&model)?,
        base_weights: Weights::of_model(&model)?.fingerprint()?,
    };
    let differences = file.identity.differences(&found);
    if !differences.is_empty() {
        return Err(RunError::Differs { differences }.into());
    }
    let sides = prepared(session, &dataset, &contract, &tokenizer, &file.options)?;
    Ok(Ready { folder: folder.to_owned(), file, contract, tokenizer, config, sides, learner: None })
}

/// Where a run computes, in a word.
pub(super) fn device_word(options: &Options) -> &'static str {
    match options.device {
        DeviceChoice::Cpu => "cpu",
        DeviceChoice::Cuda(_) => "cuda",
        DeviceChoice::Auto if on_cuda(options) => "cuda",
        DeviceChoice::Auto => "cpu",
    }
}

fn on_cuda(options: &Options) -> bool {
    match options.device {
        DeviceChoice::Cpu => false,
        DeviceChoice::Cuda(_) => true,
        DeviceChoice::Auto => nn::report().devices.iter().any(|device| device.starts_with("cuda")),
    }
}

/// Whether numbers are computed as 32-bit floats. Then whole weights are written so too, whatever the base keeps: rounded
/// ones would not be what was trained.
pub(super) fn in_f32(options: &Options) -> bool {
    match options.precision {
        Precision::F32 => true,
        Precision::Auto => !on_cuda(options),
        Precision::Bf16 => false,
    }
}

/// Largest difference of mean losses between artefacts, in nats per token, by what is computed in.
pub(super) fn tolerance(options: &Options) -> f64 {
    if in_f32(options) { 1e-4 } else { 0.02 }
}

/// Margin in logits below which two tokens are equally likely, by what is computed in: bf16 has eight bits.
pub(super) fn tie(options: &Options) -> f32 {
    if in_f32(options) { 1e-3 } else { 0.1 }
}

/// The file that a process holds while it trains a run.
const LOCK: &str = ".lock";

/// Takes a run for this process until the file is dropped.
fn lock(folder: &Path) -> Result<File, Failure> {
    let path = folder.join(LOCK);
    let taken = File::create(&path).map_err(|error| file("make", &path, &error))?;
    match taken.try_lock() {
        Ok(()) => Ok(taken),
        Err(TryLockError::WouldBlock) => Err(Failure::request(format!(
            "{}: another process trains this run: wait for it, or end it",
            folder.display()
        ))),
        Err(TryLockError::Error(error)) => Err(file("lock", &path, &error)),
    }
}

/// Runs to the end, and hands over. Ctrl-C stops it between micro-batches; a second one at once.
pub(super) fn drive(session: &Session, mut watch: Watch<'_>, ready: &mut Ready, resume: bool) -> Result<(), Failure> {
    let _lock = lock(&ready.folder)?;
    let stop = session.stopped_by_signals();
    let done = driven(session, &mut watch, ready, resume, &stop);
    match done {
        Ok((Ended::Finished, outcome, digest)) => watch.end(RunState::Done, &outcome, Some(&digest)),
        Ok((Ended::Interrupted, outcome, _)) => {
            watch.end(RunState::Interrupted, &outcome, None)?;
            let step = outcome["step"].as_u64().unwrap_or(0);
            let checkpoint = PathBuf::from(outcome["checkpoint"].as_str().unwrap_or_default());
            let project = session.project().ok().map(|project| project.root.join(RUNS).join(&ready.file.name));
            let whole = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
            let named = project.is_some_and(|place| whole(&place) == whole(&ready.folder));
            let run = if named { ready.file.name.clone() } else { ready.folder.display().to_string() };
            Err(interrupted(step, &run, &checkpoint))
        }
        Err(failure) => {
            if let Err(second) = watch.end(RunState::Failed, &failed(&failure), None) {
                session.note(format!("what the run came to is not recorded in the store: {}", second.message));
            }
            Err(failure)
        }
    }
}

/// How it ended, what it came to, and the SHA-256 of the weights that were handed over.
fn driven(
    session: &Session,
    watch: &mut Watch<'_>,
    ready: &mut Ready,
    resume: bool,
    stop: &AtomicBool,
) -> Result<(Ended, Value, String), Failure> {
    let clock = clock(session);
    let learner = ready.learner.as_mut().ok_or_else(|| Failure::request("the run has no learner"))?;
    let mut report = |event: &Event| watch.event(event);
    let run = Run {
        folder: &ready.folder,
        options: &ready.file.options,
        identity: &ready.file.identity,
        train: &ready.sides.train,
        validation: &ready.sides.validation,
        pad: ready.contract.pad(),
        config: Some(&ready.config),
        clock: &clock,
        stop,
        report: &mut report,
    };
    let outcome = if resume { run::resume(&mut **learner, run)? } else { run::start(&mut **learner, run)? };
    let told = json!({
        "step": outcome.progress.step,
        "ended_by": outcome.progress.ended_by,
        "loss": outcome.progress.loss,
        "best": outcome.progress.best,
        "taken_step": outcome.taken_step,
        "tokens": outcome.progress.tokens,
        "trained_tokens": outcome.progress.trained_tokens,
        "seconds": outcome.progress.seconds,
        "checkpoint": outcome.checkpoint,
    });
    if outcome.ended == Ended::Interrupted {
        return Ok((outcome.ended, told, String::new()));
    }
    let (path, digest, pair) = hand_over(ready, &outcome)?;
    Handed { path: path.file_name().unwrap_or_default().into(), sha256: digest.clone(), outcome: told.clone() }
        .write(&ready.folder)?;
    watch.line(&json!({ "event": "parity", "agrees": true, "pairs": [pair] }));
    watch.line(&json!({ "event": "artefact", "path": path, "sha256": digest }));
    session.say(pair.to_string());
    session.say(format!(
        "{} steps{}, best {}; the weights of step {} are handed over",
        thousands(outcome.progress.step),
        outcome.progress.loss.map_or(String::new(), |loss| format!(", last loss {loss:.4}")),
        outcome.progress.best.map_or("not asked".to_owned(), |best| {
            format!("{} {:.4} at step {}", best.metric, best.value, thousands(best.step))
        }),
        thousands(outcome.taken_step),
    ));
    if !session.json {
        session.print(format!("{}\n", name(&path.to_string_lossy())))?;
    }
    Ok((Ended::Finished, told, digest))
}

/// Seconds since 1970; `SOURCE_DATE_EPOCH` says when the program began.
fn clock(session: &Session) -> impl Fn() -> f64 + use<> {
    let began = Instant::now();
    let first = match session.epoch {
        Some(seconds) => seconds as f64,
        None => SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64()),
    };
    move || first + began.elapsed().as_secs_f64()
}

/// What weights of a run carry.
pub(super) fn provenance(ready: &Ready, step: u64) -> Provenance<'_> {
    Provenance {
        contract: &ready.contract,
        tokenizer: &ready.tokenizer,
        manifest_sha256: &ready.file.identity.manifest_sha256,
        base_weights: &ready.file.identity.base_weights,
        manifest_digest: &ready.file.identity.manifest_digest,
        nf4: ready.file.options.nf4,
        step,
    }
}

/// Where the weights of a run stand.
pub(super) fn artefact_of(ready: &Ready) -> PathBuf {
    ready.folder.join(if matches!(ready.file.options.trained, Trained::Lora(_)) { ADAPTER } else { MODEL })
}

/// How the weights of a folder are opened: an adapter beside the base, or a model.
pub(super) fn open(ready: &Ready, artefact: &Path) -> Result<Box<dyn nn::Predictor>, Failure> {
    let opening = ready.file.opening(&ready.folder);
    Ok(match ready.file.options.trained {
        Trained::Lora(_) => nn::predictor(&opening, Some(artefact))?,
        Trained::Full => nn::predictor(&Opening { model: artefact.to_owned(), ..opening }, None)?,
    })
}

/// The examples that artefacts are asked about: of the validation side, else of the train side.
pub(super) fn asked(ready: &Ready, rows: usize) -> Vec<Item> {
    let side = if ready.sides.validation.is_empty() { &ready.sides.train } else { &ready.sides.validation };
    side.iter().take(rows).cloned().collect()
}

/// Writes the weights, and compares what was read back with the live model; the learner goes.
fn hand_over(ready: &mut Ready, outcome: &Outcome) -> Result<(PathBuf, String, Pair), Failure> {
    let mut learner = ready.learner.take().ok_or_else(|| Failure::request("the run has no learner"))?;
    let tensors = learner.trained()?;
    let place = artefact_of(ready);
    // Until it is checked it has a name by which nobody takes it for what was trained.
    let unchecked = ready.folder.join(UNCHECKED);
    let of = provenance(ready, outcome.taken_step);
    let base = ready.file.base(&ready.folder);
    let digest = match &ready.file.options.trained {
        Trained::Lora(lora) => artefacts::write_adapter(&unchecked, lora, &base.display().to_string(), &tensors, &of)?,
        Trained::Full => artefacts::write_model(&unchecked, &base, &tensors, &of, in_f32(&ready.file.options))?,
    };
    drop(tensors);
    let rows = asked(ready, ROWS);
    let probe = Probe {
        rows: &rows,
        prompts: PROMPTS,
        max_new_tokens: NEW_TOKENS,
        stop_ids: &ready.contract.stop_ids,
        tolerance: tolerance(&ready.file.options),
        tie: tie(&ready.file.options),
        tokens: ready.file.options.eval_tokens,
        pad: ready.contract.pad(),
    };
    let checked = (|| {
        let live = parity::ask("the live model", learner.predictor(), &probe)?;
        drop(learner);
        let read_back = parity::ask("what was read back", &mut *open(ready, &unchecked)?, &probe)?;
        let pair = parity::gate(&[live, read_back], &probe)?.pop();
        pair.ok_or_else(|| Failure::request("nothing was compared"))
    })();
    match checked {
        Ok(pair) => {
            crate::train::folder::clear(&place).map_err(|error| file("replace", &place, &error))?;
            std::fs::rename(&unchecked, &place).map_err(|error| file("write", &place, &error))?;
            Ok((place, digest, pair))
        }
        Err(failure) => {
            // What does not say what was trained is not left to be taken for it.
            let _ = std::fs::remove_dir_all(&unchecked);
            Err(failure)
        }
    }
}

/// The file of an artefact's weights.
pub(super) fn weights_of(ready: &Ready) -> &'static str {
    if matches!(ready.file.options.trained, Trained::Lora(_)) { ADAPTER_WEIGHTS } else { SINGLE }
}

/// What a run that has ended handed over, after it was checked: its last word.
#[derive(Serialize, Deserialize)]
pub(super) struct Handed {
    /// The folder inside the run's.
    path: PathBuf,
    /// SHA-256 of its weights.
    pub(super) sha256: String,
    /// What the run came to.
    pub(super) outcome: Value,
}

impl Handed {
    /// Whether a run wrote it.
    pub(super) fn is_there(folder: &Path) -> bool {
        folder.join(HANDED).is_file()
    }

    /// Reads it.
    ///
    /// # Errors
    /// Where it is missing or damaged.
    pub(super) fn read(folder: &Path) -> Result<Handed, Failure> {
        let path = folder.join(HANDED);
        let text = std::fs::read(&path).map_err(|error| file("read", &path, &error))?;
        let damaged = |error: serde_json::Error| RunError::Damaged { path: path.clone(), message: error.to_string() };
        Ok(serde_json::from_slice(&text).map_err(damaged)?)
    }

    fn write(&self, folder: &Path) -> Result<(), Failure> {
        let path = folder.join(HANDED);
        let text = serde_json::to_string_pretty(self).unwrap_or_default() + "\n";
        crate::prompt::files::write_whole(&path, text.as_bytes()).map_err(|error| file("write", &path, &error))
    }
}

/// What the store is told of a run when it begins.
pub(super) struct Described {
    base: String,
    prompt: Value,
    data: String,
    licence: String,
    options: Value,
    folder: String,
}

impl Described {
    /// Describes a run. `base` is what the model is called.
    ///
    /// # Errors
    /// Where the manifest of the data cannot be read.
    pub(super) fn of(session: &Session, ready: &Ready, base: String) -> Result<Described, Failure> {
        Ok(Described {
            base,
            prompt: ready.contract.json(),
            data: told(session, &ready.folder.join(DATA)),
            licence: licence(&ready.folder)?,
            options: serde_json::to_value(&ready.file.options).unwrap_or(Value::Null),
            folder: told(session, &ready.folder),
        })
    }

    /// As the store takes it.
    pub(super) fn run<'a>(&'a self, ready: &'a Ready) -> NewRun<'a> {
        let RunFile { name, identity, query, rows, options, .. } = &ready.file;
        NewRun {
            name,
            base: &self.base,
            base_config: &identity.base_config_sha256,
            contract: &identity.contract,
            prompt: &self.prompt,
            data: &self.data,
            manifest: &identity.manifest_sha256,
            query,
            samples: rows[0] as u64,
            licence: &self.licence,
            options: &self.options,
            device: device_word(options),
            folder: &self.folder,
        }
    }
}

/// A path as the store keeps it: from the project's folder where it is inside.
fn told(session: &Session, path: &Path) -> String {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let root = session.project().ok().map(|project| project.root);
    let inside = root.and_then(|root| whole.strip_prefix(root).map(Path::to_owned).ok());
    inside.unwrap_or(whole).display().to_string()
}

/// The licence of what is trained on, all of its licences together.
fn licence(folder: &Path) -> Result<String, Failure> {
    let path = folder.join(DATA).join(MANIFEST);
    let text = std::fs::read(&path).map_err(|error| file("read", &path, &error))?;
    let value: Value =
        serde_json::from_slice(&text).map_err(|error| Failure::request(format!("{}: {error}", path.display())))?;
    let named: Vec<&str> =
        value["licences"].as_object().into_iter().flatten().map(|(licence, _)| licence.as_str()).collect();
    let stated = |licence: &&str| !licence.eq_ignore_ascii_case("none-stated");
    Ok(match named.as_slice() {
        [] => "none-stated".to_owned(),
        [one] => (*one).to_owned(),
        many if many.iter().all(stated) => {
            let bracketed =
                |licence: &&str| if licence.contains(' ') { format!("({licence})") } else { (*licence).to_owned() };
            many.iter().map(bracketed).collect::<Vec<_>>().join(" AND ")
        }
        _ => "none-stated".to_owned(),
    })
}
