//! `train`: a file per subcommand, and what they share.

mod artefacts;
mod finish;
mod flags;
mod lint;
mod plan;
mod resume;
mod run;
mod runs;
mod show;
mod watch;

use std::path::{Path, PathBuf};

use crate::cli::args::{TrainArgs, TrainDataArgs, TrainWhat};
use crate::cli::draw::thousands;
use crate::cli::failure::{Failure, chain};
use crate::cli::session::Session;
use crate::cli::settings::Settings;
use crate::export::{self, Request};
use crate::nn::NnError;
use crate::nn::config::ModelConfig;
use crate::prompt::contract::Contract;
use crate::prompt::tokenizer::{Tokenizer, TokenizerError};
use crate::prompt::{PromptError, templates};
use crate::train::TrainError;
use crate::train::data::{self, Dataset};

/// Runs a subcommand.
///
/// # Errors
/// As the subcommand.
pub fn train(session: &Session, args: &TrainArgs) -> Result<(), Failure> {
    match &args.what {
        TrainWhat::Show(args) => show::show(session, args),
        TrainWhat::Lint(args) => lint::lint(session, args),
        TrainWhat::Plan(args) => plan::plan(session, args),
        TrainWhat::Run(args) => run::run(session, args),
        TrainWhat::Resume(args) => resume::resume(session, args),
        TrainWhat::Export(args) => artefacts::export(session, args),
        TrainWhat::Runs(args) => runs::runs(session, args),
    }
}

impl From<PromptError> for Failure {
    fn from(error: PromptError) -> Failure {
        let code = if matches!(error, PromptError::Unknown { .. }) { 2 } else { 1 };
        let kind = if code == 2 { "option" } else { "prompt" };
        let mut out = Failure::new(code, kind, chain(&error));
        if let PromptError::Unknown { name, known } = &error {
            out.suggestions = crate::query::similar(name, known.iter().copied());
        }
        out
    }
}

impl From<TokenizerError> for Failure {
    fn from(error: TokenizerError) -> Failure {
        Failure::new(1, "tokenizer", chain(&error))
    }
}

impl From<NnError> for Failure {
    fn from(error: NnError) -> Failure {
        let (code, kind) = match &error {
            NnError::Absent => (4, "no-training"),
            NnError::Device(_) => (4, "device"),
            NnError::File { .. } => (1, "file"),
            NnError::NotFinite { .. } => (1, "not-finite"),
            NnError::OutOfMemory(_) => (1, "out-of-memory"),
            _ => (1, "model"),
        };
        let mut out = Failure::new(code, kind, chain(&error));
        if matches!(error, NnError::Absent) {
            out.suggestions = vec!["scenery setup libtorch".to_owned()];
        }
        if let NnError::File { path, .. } | NnError::Config { path, .. } | NnError::Weights { path, .. } = &error {
            out.path = Some(path.display().to_string());
        }
        out
    }
}

impl From<TrainError> for Failure {
    fn from(error: TrainError) -> Failure {
        match error {
            TrainError::Prompt(error) => error.into(),
            error => {
                let kind = match &error {
                    TrainError::File { .. } => "file",
                    TrainError::Export { .. } => "data",
                    _ => "train",
                };
                let mut out = Failure::new(1, kind, chain(&error));
                if let TrainError::File { path, .. } | TrainError::Export { path, .. } = &error {
                    out.path = Some(path.display().to_string());
                }
                out
            }
        }
    }
}

/// A folder that goes away.
struct Passing(PathBuf);

impl Drop for Passing {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Reads what is to be looked at: an export as it stands, or a slice that is exported for as long as it takes to read it.
/// Licences stop nothing, since nothing leaves.
///
/// # Errors
/// As the query, the store, the export and [`data::read`].
fn dataset(session: &Session, args: &TrainDataArgs) -> Result<Dataset, Failure> {
    let read = match &args.data {
        Some(folder) => data::read(folder)?,
        None => {
            let store = session.store()?;
            let settings = Settings::read(store.project())?;
            sweep(&store.project().store_dir());
            let folder = store.project().store_dir().join(format!("{LOOKED_AT}{}", std::process::id()));
            let format = export::format("prompt-completion")
                .ok_or_else(|| Failure::request("there is no format prompt-completion"))?;
            let mut request = Request::new(&folder, format);
            request.query_typed = session.query_text(&args.asked)?;
            let passing = Passing(folder);
            let report = super::export::write_to_look(session, &store, request, &settings)?;
            for (reason, count) in &report.skipped {
                session.note(format!("{} rows were left out: {reason}", thousands(*count)));
            }
            session.note(format!("sides: {}", report.sides.rule));
            data::read(&passing.0)?
        }
    };
    read.notes.iter().for_each(|note| session.note(note));
    Ok(read)
}

/// How a folder begins whose rows are only looked at; the number of the process follows.
const LOOKED_AT: &str = "looked-at-";

/// Removes what a look left behind whose process was killed, where the system says which processes there are.
fn sweep(folder: &Path) {
    if !Path::new("/proc/self").exists() {
        return;
    }
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix(LOOKED_AT)?.parse::<u32>().ok());
        if process.is_some_and(|process| !Path::new("/proc").join(process.to_string()).exists()) {
            // What cannot be removed is tried again by the next look.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// Tokens of a vocabulary that is made of the rows themselves.
const OWN_VOCABULARY: usize = 4_096;
/// Rows that it is made of at most, evenly out of all: more give nearly the same one.
const OWN_ROWS: usize = 400;

/// The tokenizer of the base, or one made of the rows themselves, and the contract of both with the template.
///
/// # Errors
/// Where tokenizer, config or template cannot be read, or do not go together.
fn contract(session: &Session, args: &TrainDataArgs, dataset: &Dataset) -> Result<(Tokenizer, Contract), Failure> {
    let template = templates::template(&args.template)?;
    let most = args.max_len as usize;
    let Some(base) = &args.base else {
        let some = dataset.examples.iter().step_by(dataset.examples.len().div_ceil(OWN_ROWS).max(1));
        let texts = some.flat_map(|example| example.fields.values().map(String::as_str));
        let tokenizer = Tokenizer::train(texts, OWN_VOCABULARY)?;
        session.note(format!(
            "without --base the tokens are those of a vocabulary made of these rows ({}): counts and lengths of a real base differ",
            thousands(tokenizer.vocabulary() as u64)
        ));
        let contract = Contract::new(template, &tokenizer, &[], most, "0".repeat(64))?;
        return Ok((tokenizer, contract));
    };
    let (tokenizer, config) = base_of(base)?;
    let contract = Contract::new(template, &tokenizer, &config.eos, most, ModelConfig::digest(base)?)?;
    if most > config.context {
        session.note(format!(
            "--max-len {most} is more than the {} positions of the base",
            thousands(config.context as u64)
        ));
    }
    Ok((tokenizer, contract))
}

/// Tokenizer and config of a base.
fn base_of(base: &Path) -> Result<(Tokenizer, ModelConfig), Failure> {
    Ok((Tokenizer::load(base)?, ModelConfig::read(base)?))
}
