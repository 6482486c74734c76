//! `train export`.

use std::path::Path;

use serde_json::json;

use super::finish::{
    Ready, artefact_of, asked, check_built_in, folder_of, in_f32, move_base, open, opened, provenance, tie, tolerance,
};
use super::watch::file;
use crate::cli::args::TrainExportArgs;
use crate::cli::draw::name;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::nn::lora::ADAPTER_WEIGHTS;
use crate::nn::weights::{SINGLE, Weights};
use crate::nn::{self, Opening, Trained};
use crate::train::artefacts::{self, ADAPTER, MODEL};
use crate::train::checkpoint;
use crate::train::parity::{self, Answers, Pair, Probe};
use crate::train::run_file::RunFile;

/// Folder of the merged model.
const MERGED: &str = "merged";

/// Writes the artefacts of a run, once they say the same.
///
/// # Errors
/// Where the run has none; [`crate::train::run_error::RunError::Parity`] where they part.
pub fn export(session: &Session, args: &TrainExportArgs) -> Result<(), Failure> {
    let folder = folder_of(session, &args.run)?;
    let mut run = RunFile::read(&folder)?;
    check_built_in()?;
    if let Some(device) = args.device {
        run.options.device = device;
    }
    move_base(&mut run, args.base.as_deref())?;
    if std::fs::read_dir(&args.out).is_ok_and(|mut entries| entries.next().is_some()) {
        let mut failure = Failure::request(format!("--out {}: it holds files already", args.out.display()));
        failure.path = Some(args.out.display().to_string());
        return Err(failure);
    }
    let ready = opened(session, &folder, run)?;
    let artefact = artefact_of(&ready);
    if !artefact.is_dir() {
        return Err(Failure::request(format!(
            "the run has not ended, so there is no {}: `scenery train resume {}` goes on with it",
            artefact.display(),
            crate::cli::quoted(&args.run)
        )));
    }
    let mut pairs = Vec::new();
    crate::train::folder::put(&args.out, |out| {
        pairs = filled(session, args, &ready, &artefact, out)?;
        Ok::<(), Failure>(())
    })?;
    let lora = matches!(ready.file.options.trained, Trained::Lora(_));
    let names: &[&str] = if lora { &[ADAPTER, MERGED] } else { &[MODEL] };
    let paths: Vec<String> = names.iter().map(|name| args.out.join(name).display().to_string()).collect();
    if session.json {
        return session.print_json(&json!({ "paths": paths, "parity": pairs }));
    }
    pairs.iter().for_each(|pair| session.say(pair.to_string()));
    session.print(paths.iter().map(|path| name(path) + "\n").collect::<String>())
}

/// Fills the folder, and asks every artefact in it.
fn filled(
    session: &Session,
    args: &TrainExportArgs,
    ready: &Ready,
    artefact: &Path,
    out: &Path,
) -> Result<Vec<Pair>, Failure> {
    let rows = asked(ready, args.parity_rows as usize);
    let probe = Probe {
        rows: &rows,
        prompts: args.parity_prompts as usize,
        max_new_tokens: args.parity_tokens as usize,
        stop_ids: &ready.contract.stop_ids,
        tolerance: args.parity_tolerance.unwrap_or_else(|| tolerance(&ready.file.options)),
        tie: tie(&ready.file.options),
        tokens: ready.file.options.eval_tokens,
        pad: ready.contract.pad(),
    };
    let step = step_of(ready, artefact)?;
    let live = live(session, ready, step, &probe)?;
    if let Trained::Full = ready.file.options.trained {
        let place = out.join(MODEL);
        copy(artefact, &place)?;
        let shipped = parity::ask("the model read back", &mut *open(ready, &place)?, &probe)?;
        let answers: Vec<Answers> = live.into_iter().chain([shipped]).collect();
        return Ok(parity::gate(&answers, &probe)?);
    }
    let (adapter, merged) = (out.join(ADAPTER), out.join(MERGED));
    copy(artefact, &adapter)?;
    let (base, widen) = (ready.file.base(&ready.folder), in_f32(&ready.file.options));
    artefacts::write_merged(&merged, &base, &adapter, &provenance(ready, step), widen)?;
    let read_back = parity::ask("the adapter read back", &mut *open(ready, &adapter)?, &probe)?;
    let opening = Opening { model: merged, nf4: false, ..ready.file.opening(&ready.folder) };
    let shipped = parity::ask("the merged model", &mut *nn::predictor(&opening, None)?, &probe)?;
    let mut answers: Vec<Answers> = live.into_iter().collect();
    if !ready.file.options.nf4 {
        answers.extend([read_back, shipped]);
        return Ok(parity::gate(&answers, &probe)?);
    }
    // The adapter was trained beside weights of 4 bits, and is merged into the whole ones: what that changes is told; what is
    // to be the same is the adapter beside the whole weights.
    let opening = Opening { nf4: false, ..ready.file.opening(&ready.folder) };
    let beside =
        parity::ask("the adapter beside the whole weights", &mut *nn::predictor(&opening, Some(&adapter))?, &probe)?;
    let rounding = parity::compare(&read_back, &beside, &probe);
    session.note(format!("4 bits against the weights as they are, which is not a fault: {rounding}"));
    answers.push(read_back);
    let mut pairs = parity::gate(&answers, &probe)?;
    pairs.extend(parity::gate(&[beside, shipped], &probe)?);
    Ok(pairs)
}

/// The step whose weights an artefact holds, as its metadata say.
fn step_of(ready: &Ready, artefact: &Path) -> Result<u64, Failure> {
    let lora = matches!(ready.file.options.trained, Trained::Lora(_));
    let path = artefact.join(if lora { ADAPTER_WEIGHTS } else { SINGLE });
    let weights = Weights::of_file(&path)?;
    let step = weights.metadata.get("step").and_then(|step| step.parse().ok());
    step.ok_or_else(|| Failure::request(format!("{}: its metadata name no step", path.display())))
}

/// What the live model answers, from the checkpoint of a step; none where that is gone, which is said.
fn live(session: &Session, ready: &Ready, step: u64, probe: &Probe<'_>) -> Result<Option<Answers>, Failure> {
    let folder = checkpoint::folder_of(&ready.folder, step);
    if !folder.is_dir() {
        session.note(format!(
            "{} is gone, so the live model cannot be asked again; it was when the run ended",
            folder.display()
        ));
        return Ok(None);
    }
    let (_, state) =
        checkpoint::load(&folder).map_err(|message| Failure::request(format!("{}: {message}", folder.display())))?;
    let mut learner = nn::learner(&ready.file.setup(&ready.folder))?;
    learner.restore(&state)?;
    drop(state);
    Ok(Some(parity::ask("the live model", learner.predictor(), probe)?))
}

/// Copies a folder's files.
fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(to).map_err(|error| file("make", to, &error))?;
    for entry in std::fs::read_dir(from).map_err(|error| file("read", from, &error))? {
        let path = entry.map_err(|error| file("read", from, &error))?.path();
        let place = to.join(path.file_name().unwrap_or_default());
        std::fs::copy(&path, &place).map_err(|error| file("copy", &path, &error))?;
    }
    Ok(())
}
