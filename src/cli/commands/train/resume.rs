//! `train resume`.

use serde_json::json;

use super::finish::{Described, Handed, artefact_of, check_built_in, drive, folder_of, move_base, opened};
use super::run::FROM_SCRATCH;
use super::watch::Watch;
use crate::cli::args::TrainResumeArgs;
use crate::cli::draw;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::nn;
use crate::train::run_file::RunFile;

/// Goes on with a run.
///
/// # Errors
/// Where it is not there, or does not stand on what it began with; as the run.
pub fn resume(session: &Session, args: &TrainResumeArgs) -> Result<(), Failure> {
    let folder = folder_of(session, &args.run)?;
    let mut file = RunFile::read(&folder)?;
    check_built_in()?;
    if let Some(device) = args.device {
        file.options.device = device;
    }
    file.options.threads = args.threads.or(file.options.threads);
    let name = file.name.clone();
    move_base(&mut file, args.base.as_deref())?;
    let mut ready = opened(session, &folder, file)?;
    let artefact = artefact_of(&ready);
    let project = session.project().ok();
    let base = match ready.file.base.is_relative() {
        true => FROM_SCRATCH.to_owned(),
        false => ready.file.base.display().to_string(),
    };
    let described = Described::of(session, &ready, base)?;
    let mut watch = Watch::new(session, project, &name, &folder);
    if artefact.is_dir() && Handed::is_there(&folder) {
        let handed = Handed::read(&folder)?;
        watch.settle(&described.run(&ready), &handed.outcome, &handed.sha256)?;
        session.say("the run has ended: there is nothing to go on with");
        return match session.json {
            true => session.print_json(&json!({ "event": "artefact", "path": artefact })),
            false => session.print(draw::name(&artefact.to_string_lossy()) + "\n"),
        };
    }
    watch.go_on(&described.run(&ready));
    ready.learner = Some(nn::learner(&ready.file.setup(&folder))?);
    drive(session, watch, &mut ready, true)
}
