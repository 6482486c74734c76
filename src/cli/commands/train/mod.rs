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

use crate::cli::args::{TokenFlags, TrainArgs, TrainDataArgs, TrainWhat};
use crate::cli::draw::thousands;
use crate::cli::failure::{Failure, chain};
use crate::cli::session::Session;
use crate::cli::settings::Settings;
use crate::export::{self, OnUnfit, Request};
use crate::nn::NnError;
use crate::nn::config::ModelConfig;
use crate::prompt::contract::Contract;
use crate::prompt::tokenizer::{TRAINED_SPECIALS, Tokenizer, TokenizerError};
use crate::prompt::{PromptError, Template, templates};
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
            let mut request = request(session, args, &folder)?;
            if request.special_text == OnUnfit::Error {
                // Which rows those are is told when they are made into tokens.
                request.special_texts.clear();
            }
            let passing = Passing(folder);
            told(session, &super::export::write_to_look(session, &store, request, &settings)?);
            data::read(&passing.0)?
        }
    };
    read.notes.iter().for_each(|note| session.note(note));
    Ok(read)
}

/// The export of a slice that is looked at or trained on.
///
/// # Errors
/// As the query; where a flag has another word than its own, and where the base has no tokenizer.
fn request(session: &Session, args: &TrainDataArgs, out: &Path) -> Result<Request, Failure> {
    let format =
        export::format("prompt-completion").ok_or_else(|| Failure::request("there is no format prompt-completion"))?;
    let mut request = Request::new(out, format);
    request.query_typed = session.query_text(&args.asked)?;
    request.missing_instruction = on_unfit("missing-instruction", &args.missing_instruction)?;
    request.special_text = on_unfit("special-text", &args.special_text)?;
    request.special_texts = match &args.base {
        Some(base) => Tokenizer::load(base)?.special_texts().map(str::to_owned).collect(),
        None => TRAINED_SPECIALS.iter().map(|(_, text)| (*text).to_owned()).collect(),
    };
    for text in templates::template(&args.template)?.special_texts() {
        if !request.special_texts.contains(&text) {
            request.special_texts.push(text);
        }
    }
    Ok(request)
}

fn on_unfit(flag: &str, text: &str) -> Result<OnUnfit, Failure> {
    match text {
        "error" => Ok(OnUnfit::Error),
        "skip" => Ok(OnUnfit::Skip),
        other => Err(Failure::usage(format!("--{flag} {other}: it is error or skip"))),
    }
}

/// Says what an export left out, and where its sides come from.
fn told(session: &Session, report: &export::Report) {
    for (reason, count) in &report.skipped {
        session.note(format!("{} rows were left out: {reason}", thousands(*count)));
    }
    session.note(format!("sides: {}", report.sides.rule));
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

/// Tokens of a vocabulary that stands for that of a base.
const OWN_VOCABULARY: usize = 4_096;
/// Rows that it is made of at most, evenly out of all: more give nearly the same one.
const OWN_ROWS: usize = 400;

/// The tokenizer, and the contract that it makes with the template: of the base; of a model that begins from nothing, the very
/// one that it would be trained with; else one made of some rows, which is said.
///
/// # Errors
/// Where tokenizer, config or template cannot be read, or do not go together.
fn contract(
    session: &Session,
    args: &TrainDataArgs,
    tokens: &TokenFlags,
    max_len: usize,
    dataset: &Dataset,
) -> Result<(Tokenizer, Contract), Failure> {
    let template = templates::template(&args.template)?;
    if let Some(base) = &args.base {
        let (tokenizer, config) = base_of(base)?;
        let contract = Contract::new(template, &tokenizer, &config.eos, max_len, ModelConfig::digest(base)?)?;
        if max_len > config.context {
            session.note(format!(
                "--max-len {max_len} is more than the {} positions of the base: `train run` refuses it",
                thousands(config.context as u64)
            ));
        }
        return Ok((tokenizer, contract));
    }
    let tokenizer = if tokens.from_scratch {
        own_tokenizer(dataset, tokens, &template)?
    } else {
        let some = dataset.examples.iter().step_by(dataset.examples.len().div_ceil(OWN_ROWS).max(1));
        let texts = some.flat_map(|example| example.fields.values().map(String::as_str));
        let tokenizer = Tokenizer::train_with(texts, OWN_VOCABULARY, &template.special_texts())?;
        session.note(format!(
            "without --base (or --from-scratch) the tokens are those of a vocabulary made of some of these rows ({}): counts and lengths of a real base differ",
            thousands(tokenizer.vocabulary() as u64)
        ));
        tokenizer
    };
    let ends: Vec<u32> = tokenizer.eos().into_iter().collect();
    let contract = Contract::new(template, &tokenizer, &ends, max_len, "0".repeat(64))?;
    Ok((tokenizer, contract))
}

/// The tokenizer of a model that begins from nothing: made of the texts of the train side.
///
/// # Errors
/// As [`Tokenizer::train_with`].
fn own_tokenizer(dataset: &Dataset, tokens: &TokenFlags, template: &Template) -> Result<Tokenizer, Failure> {
    let train = dataset.of_side(crate::sample::Side::Train).map(|at| &dataset.examples[at]);
    let texts = train.flat_map(|example| example.fields.values().map(String::as_str));
    Ok(Tokenizer::train_with(texts, flags::vocabulary(tokens), &template.special_texts())?)
}

/// Tokenizer and config of a base.
fn base_of(base: &Path) -> Result<(Tokenizer, ModelConfig), Failure> {
    Ok((Tokenizer::load(base)?, ModelConfig::read(base)?))
}
