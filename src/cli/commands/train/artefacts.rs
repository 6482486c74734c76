//! `train export`.

use std::path::Path;

use serde_json::json;

use super::finish::{
    Handed, Ready, artefact_of, asked, check_built_in, folder_of, in_f32, move_base, open, opened, provenance, tie,
    tolerance, weights_of,
};
use super::watch::file;
use crate::cli::args::TrainExportArgs;
use crate::cli::draw::name;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::nn::weights::Weights;
use crate::nn::{self, Opening, Trained};
use crate::train::artefacts::{self, ADAPTER, MODEL};
use crate::train::checkpoint;
use crate::train::parity::{self, Answers, Pair, Probe};
use crate::train::run_error::RunError;
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
    if !artefact.is_dir() || !Handed::is_there(&ready.folder) {
        return Err(Failure::request(format!(
            "the run has not ended, so there is no {} that was checked: `scenery train resume {}` goes on with it",
            artefact.display(),
            crate::cli::quoted(&args.run)
        )));
    }
    check_handed(&ready, &artefact)?;
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
    let first = match live(session, ready, step, &probe)? {
        Some(live) => live,
        None => parity::ask("what the run handed over", &mut *open(ready, artefact)?, &probe)?,
    };
    if let Trained::Full = ready.file.options.trained {
        let place = out.join(MODEL);
        copy(artefact, &place)?;
        let shipped = parity::ask("the model read back", &mut *open(ready, &place)?, &probe)?;
        return Ok(parity::gate(&[first, shipped], &probe)?);
    }
    let (adapter, merged) = (out.join(ADAPTER), out.join(MERGED));
    copy(artefact, &adapter)?;
    let (base, widen) = (ready.file.base(&ready.folder), in_f32(&ready.file.options));
    artefacts::write_merged(&merged, &base, &adapter, &provenance(ready, step), widen)?;
    let read_back = parity::ask("the adapter read back", &mut *open(ready, &adapter)?, &probe)?;
    let opening = Opening { model: merged, nf4: false, ..ready.file.opening(&ready.folder) };
    let shipped = parity::ask("the merged model", &mut *nn::predictor(&opening, None)?, &probe)?;
    if !ready.file.options.nf4 {
        return Ok(parity::gate(&[first, read_back, shipped], &probe)?);
    }
    // The adapter was trained beside weights of 4 bits, and is merged into the whole ones: what that changes is to be accepted
    // by who exports; what is to be the same at all events is the adapter beside the whole weights.
    let opening = Opening { nf4: false, ..ready.file.opening(&ready.folder) };
    let beside =
        parity::ask("the adapter beside the whole weights", &mut *nn::predictor(&opening, Some(&adapter))?, &probe)?;
    let rounding = parity::compare(&read_back, &beside, &probe);
    if !rounding.agrees() && !args.accept_rounding {
        return Err(RunError::Parity(format!(
            "the adapter was trained beside weights of 4 bits, and merged into the weights as they are it does not say the same:\n{rounding}\n`--accept-rounding` ships both all the same; `generate` asks the adapter beside weights of 4 bits"
        ))
        .into());
    }
    session.note(format!("4 bits against the weights as they are: {rounding}"));
    let mut pairs = parity::gate(&[first, read_back], &probe)?;
    pairs.extend(parity::gate(&[beside, shipped], &probe)?);
    Ok(pairs)
}

/// Compares what the run handed over with what it wrote down of it when it was checked.
fn check_handed(ready: &Ready, artefact: &Path) -> Result<(), Failure> {
    let handed = Handed::read(&ready.folder)?;
    let path = artefact.join(weights_of(ready));
    let found = checkpoint::sha256_of(&path).map_err(|error| file("read", &path, &error))?;
    if found == handed.sha256 {
        return Ok(());
    }
    let message = format!(
        "its SHA-256 is {found}, and when the run ended it was {}: remove {}, and `scenery train resume` makes it again from the checkpoint",
        handed.sha256,
        artefact.display()
    );
    Err(RunError::Damaged { path, message }.into())
}

/// The step whose weights an artefact holds, as its metadata say.
fn step_of(ready: &Ready, artefact: &Path) -> Result<u64, Failure> {
    let path = artefact.join(weights_of(ready));
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
