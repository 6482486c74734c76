//! `train run`.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::finish::{Described, Ready, check_built_in, drive, prepared};
use super::flags::{options, shape};
use super::watch::{Watch, file};
use super::{own_tokenizer, request, told as told_export};
use crate::cli::args::TrainRunArgs;
use crate::cli::draw::thousands;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::settings::Settings;
use crate::ingest::generated;
use crate::nn;
use crate::nn::config::{CONFIG, ModelConfig};
use crate::nn::weights::Weights;
use crate::prompt::contract::{CONTRACT, Contract};
use crate::prompt::tokenizer::Tokenizer;
use crate::prompt::{chat_template, templates};
use crate::store::{Project, Store, StoreError};
use crate::train::base::{self, BASE};
use crate::train::checkpoint::Identity;
use crate::train::data::{self, Dataset};
use crate::train::item::TooLongCount;
use crate::train::lint::{self, CHECKS, Severity, Subject};
use crate::train::memory;
use crate::train::options::Options;
use crate::train::run_file::{DATA, RUN, RunFile};

/// Folder of the runs inside a project's.
pub(super) const RUNS: &str = "runs";

/// What the base of a model is called that begins from nothing.
pub(super) const FROM_SCRATCH: &str = "from scratch";

/// Trains.
///
/// # Errors
/// As the data, the options, the model and the run.
pub fn run(session: &Session, args: &TrainRunArgs) -> Result<(), Failure> {
    let options = options(&args.flags)?;
    if args.data.base.is_none() && !args.flags.tokens.from_scratch {
        return Err(Failure::usage(
            "what is to be trained? --base DIR names a folder with config.json, safetensors and tokenizer.json; --from-scratch begins with a small model of random values",
        ));
    }
    check_built_in()?;
    let project = match session.project() {
        Ok(project) => Some(project),
        Err(_) if args.data.data.is_some() && args.out.is_some() => None,
        Err(failure) => return Err(failure),
    };
    let (name, folder) = place(args, project.as_ref())?;
    let making = Making::begin(&folder)?;
    take_data(session, args, &folder)?;
    let dataset = data::read(&folder.join(DATA))?;
    dataset.notes.iter().for_each(|note| session.note(note));
    let mut ready = made(session, args, options, &name, &folder, dataset)?;
    let base = args.data.base.as_ref().map_or(FROM_SCRATCH.to_owned(), |base| base.display().to_string());
    let mut watch = Watch::new(session, project, &name, &folder);
    watch.begin(&Described::of(session, &ready, base)?.run(&ready))?;
    making.keep();
    drive(session, watch, &mut ready, false)
}

/// A run's folder that goes away unless it is kept.
struct Making(Option<PathBuf>);

impl Making {
    fn begin(folder: &Path) -> Result<Making, Failure> {
        if folder.join(RUN).exists() {
            let path = folder.to_owned();
            return Err(crate::train::run_error::RunError::RunExists { path }.into());
        }
        let empty = match std::fs::read_dir(folder) {
            Ok(mut entries) => entries.next().is_none(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => true,
            Err(error) => return Err(file("read", folder, &error)),
        };
        if !empty {
            let left = if folder.join(DATA).exists() || folder.join(BASE).exists() {
                "; a run that was ended before it began leaves such: remove the folder, or take another name"
            } else {
                ""
            };
            let message = format!("{} holds other files: a run begins in a folder of its own{left}", folder.display());
            let mut failure = Failure::request(message);
            failure.path = Some(folder.display().to_string());
            return Err(failure);
        }
        std::fs::create_dir_all(folder).map_err(|error| file("make", folder, &error))?;
        Ok(Making(Some(folder.to_owned())))
    }

    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Making {
    fn drop(&mut self) {
        if let Some(folder) = &self.0 {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

/// Name and folder of a new run.
fn place(args: &TrainRunArgs, project: Option<&Project>) -> Result<(String, PathBuf), Failure> {
    let known = |name: &str| -> Result<bool, Failure> {
        let Some(project) = project else { return Ok(false) };
        match Store::open(project) {
            Ok(store) => Ok(store.run(name)?.is_some()),
            Err(error) => Err(error.into()),
        }
    };
    let taken = |name: &str| -> Result<(), Failure> {
        if known(name)? {
            return Err(
                StoreError::Unknown(format!("there is a run `{name}` already: give this one another name")).into()
            );
        }
        Ok(())
    };
    if let Some(out) = &args.out {
        let name = out.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = name.ok_or_else(|| Failure::usage(format!("--out {}: it names no folder", out.display())))?;
        taken(&name)?;
        return Ok((name, out.clone()));
    }
    let Some(project) = project else {
        return Err(Failure::usage("without a project, --out DIR says where the run goes"));
    };
    let runs = project.root.join(RUNS);
    let name = match &args.name {
        Some(name) => {
            generated::check_run(name).map_err(|message| Failure::usage(format!("--name: {message}")))?;
            name.clone()
        }
        None => {
            let mut number = 1;
            loop {
                let name = format!("r{number}");
                if !runs.join(&name).exists() && !known(&name)? {
                    break name;
                }
                number += 1;
            }
        }
    };
    taken(&name)?;
    let folder = runs.join(&name);
    Ok((name, folder))
}

/// Puts the export that is trained on into the run's folder: a slice that is exported, behind the licence gate, or a copy of
/// an export that is there.
fn take_data(session: &Session, args: &TrainRunArgs, folder: &Path) -> Result<(), Failure> {
    let place = folder.join(DATA);
    if let Some(from) = &args.data.data {
        // What is copied is checked against its manifest when it is read.
        return copy(from, &place);
    }
    let store = session.store()?;
    let settings = Settings::read(store.project())?;
    let mut request = request(session, &args.data, &place)?;
    request.deny_licences.clone_from(&settings.deny_licences);
    request.allow_licences.clone_from(&args.allow_licence);
    told_export(session, &super::super::export::write(session, &store, request, &settings)?);
    Ok(())
}

/// Copies a folder of files.
fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(to).map_err(|error| file("make", to, &error))?;
    let entries = std::fs::read_dir(from).map_err(|error| file("read", from, &error))?;
    for entry in entries {
        let path = entry.map_err(|error| file("read", from, &error))?.path();
        let place = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            copy(&path, &place)?;
        } else {
            std::fs::copy(&path, &place).map_err(|error| file("copy", &path, &error))?;
        }
    }
    Ok(())
}

/// Makes everything that stands in a run's folder before the first step.
fn made(
    session: &Session,
    args: &TrainRunArgs,
    options: Options,
    name: &str,
    folder: &Path,
    dataset: Dataset,
) -> Result<Ready, Failure> {
    let template = templates::template(&args.data.template)?;
    let (base, tokenizer) = match &args.data.base {
        Some(base) => {
            let whole = base.canonicalize().map_err(|error| Failure::file(base, &error))?;
            let tokenizer = Tokenizer::load(&whole)?;
            (whole, tokenizer)
        }
        None => {
            let tokenizer = own_tokenizer(&dataset, &args.flags.tokens, &template)?;
            let place = folder.join(BASE);
            std::fs::create_dir_all(&place).map_err(|error| file("make", &place, &error))?;
            base::write(&place, &shape(&args.flags, &options), &tokenizer, options.seed)?;
            (PathBuf::from(BASE), tokenizer)
        }
    };
    let model = folder.join(&base);
    let config = ModelConfig::read(&model)?;
    if options.max_len > config.context {
        return Err(Failure::usage(format!(
            "--max-len {} is more than the {} positions of the base",
            options.max_len, config.context
        )));
    }
    if tokenizer.vocabulary() > config.vocabulary {
        return Err(Failure::request(format!(
            "{}: the tokenizer has {} tokens, and the model knows {}",
            model.display(),
            tokenizer.vocabulary(),
            config.vocabulary
        )));
    }
    let config_sha256 = ModelConfig::digest(&model)?;
    let contract = Contract::new(template, &tokenizer, &config.eos, options.max_len, config_sha256.clone())?;
    contract.write(&folder.join(CONTRACT))?;
    let text = chat_template::chat_template(&contract)?;
    chat_template::write(&contract, folder)?;
    tokenizer.save_with(folder, Some(&text), Some(options.max_len))?;
    let sides = prepared(session, &dataset, &contract, &tokenizer, &options)?;
    tell_errors(session, &dataset, &contract, &tokenizer, &options)?;
    let steps = crate::train::sampler::Sampler::new(&sides.train, &options)?.total_steps();
    let config_text = std::fs::read(model.join(CONFIG)).map_err(|error| file("read", &model.join(CONFIG), &error))?;
    let run = RunFile {
        v: RunFile::VERSION,
        tool: env!("CARGO_PKG_VERSION").to_owned(),
        name: name.to_owned(),
        base,
        template: args.data.template.clone(),
        query: dataset.query.clone(),
        identity: Identity {
            manifest_sha256: dataset.manifest_sha256.clone(),
            manifest_digest: dataset.manifest_digest.clone(),
            contract: contract.digest(),
            base_config_sha256: config_sha256,
            base_weights: Weights::of_model(&model)?.fingerprint()?,
        },
        model: serde_json::from_slice(&config_text).unwrap_or(Value::Null),
        rows: [sides.train.len(), sides.validation.len()],
        too_long: sides.too_long,
        steps,
        trained_parameters: memory::trained_parameters(&config, &options.trained),
        options,
    };
    run.write(folder)?;
    let learner = nn::learner(&run.setup(folder))?;
    Ok(Ready { folder: folder.to_owned(), file: run, contract, tokenizer, config, sides, learner: Some(learner) })
}

/// Says which errors `lint` finds in the data; a run is made all the same.
fn tell_errors(
    session: &Session,
    dataset: &Dataset,
    contract: &Contract,
    tokenizer: &Tokenizer,
    options: &Options,
) -> Result<(), Failure> {
    let warnings = CHECKS.iter().filter(|check| check.severity != Severity::Error).map(|check| check.code);
    let report = lint::run(&Subject::of_dataset(dataset, contract, tokenizer, options)?, &warnings.collect::<Vec<_>>());
    let found: Vec<String> = report.findings.iter().map(|each| format!("{} ({})", each.code, each.name)).collect();
    if report.errors > 0 {
        session.note(format!("lint finds {}: `scenery train lint` says where; the run goes on", found.join(", ")));
    }
    Ok(())
}

/// Says what was done about examples above the limit.
pub(super) fn told_too_long(session: &Session, count: &TooLongCount) {
    for (number, what) in [
        (count.dropped, "are longer than --max-len and were dropped"),
        (count.truncated, "are longer than --max-len and were cut, their end token with the rest"),
        (count.without_answer, "have a prompt that fills --max-len, and were dropped"),
    ] {
        if number > 0 {
            session.note(format!("{} examples {what}", thousands(number as u64)));
        }
    }
}
