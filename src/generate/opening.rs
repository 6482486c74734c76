//! What is generated from: a run, an adapter or a model, and whether it is what its contract says.
//!
//! A folder that was made here has `contract.json` beside its weights, whose metadata hold the contract's digest. The
//! tokenizer and the base's `config.json` must hash to what the contract says. Whatever differs is refused with both sides
//! shown: a prompt that is made otherwise than in training costs quality in silence.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::GenerateError;
use crate::nn::config::{CONFIG, ModelConfig};
use crate::nn::lora::{ADAPTER_CONFIG, ADAPTER_WEIGHTS, LoraConfig};
use crate::nn::weights::{BASE_WEIGHTS_KEY, LORA_KEY, NF4_KEY, Weights};
use crate::prompt::canonical_json;
use crate::prompt::contract::{CONTRACT, CONTRACT_TEXT_KEY, Contract, diff_ids, difference};
use crate::prompt::templates;
use crate::prompt::tokenizer::{TOKENIZER, Tokenizer};

pub use crate::prompt::contract::CONTRACT_KEY;
/// The file that makes a folder a run.
pub const RUN: &str = "run.json";
/// Folders of a run that hold what was trained.
const TRAINED: [&str; 2] = ["adapter", "model"];

/// What is asked to be opened.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// A run's folder, an adapter's or a model's.
    pub folder: &'a Path,
    /// The base of an adapter, where it is not where the adapter says.
    pub base: Option<&'a Path>,
    /// The prompt template, by name; needed of a model without a contract.
    pub template: Option<&'a str>,
    /// A text that tokenizers are compared by.
    pub probe: &'a str,
}

/// What may be generated from.
#[derive(Debug)]
pub struct Opened {
    /// The folder of what was trained, or of a model as it is.
    pub folder: PathBuf,
    /// The run that it belongs to.
    pub run: Option<PathBuf>,
    /// The folder of the model's weights.
    pub model: PathBuf,
    /// The folder of the adapter beside it.
    pub adapter: Option<PathBuf>,
    /// What prompts are made by.
    pub contract: Contract,
    /// The contract's tokenizer.
    pub tokenizer: Tokenizer,
    /// Whether the model has no contract of its own, and was given one by the template that was asked for.
    pub zero_shot: bool,
    /// Whether the adapter was trained beside weights of 4 bits.
    pub nf4: bool,
}

/// Opens what is asked for and checks it. Weights are not read, but for what their files say of themselves.
///
/// # Errors
/// [`GenerateError::Folder`] where something is missing; [`GenerateError::Refused`] where it is not what its contract says,
/// or another template is asked for; as [`Tokenizer::load`], [`Contract::read`] and [`ModelConfig::read`].
pub fn open(asked: &Asked<'_>) -> Result<Opened, GenerateError> {
    let (folder, run) = locate(asked.folder)?;
    let is_adapter = folder.join(ADAPTER_CONFIG).is_file();
    let model = match (is_adapter, asked.base) {
        (true, _) => base_of(&folder, run.as_deref(), asked.base)?,
        (false, None) => folder.clone(),
        (false, Some(base)) => {
            let message =
                format!("it is a whole model, so there is no base to it: leave out --base {}", base.display());
            return Err(GenerateError::Folder { path: folder, message });
        }
    };
    let config = ModelConfig::read(&model)?;
    let config_sha256 = ModelConfig::digest(&model)?;
    let contract_file = folder.join(CONTRACT);
    if !contract_file.is_file() {
        return zero_shot(asked, folder, run, is_adapter, &config, config_sha256);
    }
    let contract = Contract::read(&contract_file)?;
    check_digest(&folder, is_adapter, &contract, asked.probe)?;
    let tokenizer = tokenizer_of(&folder, &model, &contract, asked.probe)?;
    let nf4 = is_adapter && check_adapter(&folder, &model)?;
    if config_sha256 != contract.base_config_sha256 {
        return Err(GenerateError::Refused {
            message: format!(
                "{} is not the config of the base that {} was trained on: name that base with --base DIR",
                model.join(CONFIG).display(),
                folder.display()
            ),
            difference: columns(
                ("contract", "this base"),
                &[("config.json", &contract.base_config_sha256, &config_sha256)],
            ),
        });
    }
    if let Some(name) = asked.template {
        check_template(&folder, &contract, name, &tokenizer, &config, asked.probe)?;
    }
    let adapter = is_adapter.then(|| folder.clone());
    Ok(Opened { folder, run, model, adapter, contract, tokenizer, zero_shot: false, nf4 })
}

/// The folder of weights, and the run that it belongs to.
fn locate(folder: &Path) -> Result<(PathBuf, Option<PathBuf>), GenerateError> {
    let wrong = |message: String| GenerateError::Folder { path: folder.to_owned(), message };
    if !folder.is_dir() {
        return Err(wrong(
            "there is no such folder: name a run, the folder of an adapter, or that of a model".to_owned(),
        ));
    }
    let holds = |folder: &Path| folder.join(ADAPTER_CONFIG).is_file() || folder.join(CONFIG).is_file();
    if folder.join(RUN).is_file() {
        let trained = TRAINED.iter().map(|name| folder.join(name)).find(|inner| holds(inner));
        let trained = trained.ok_or_else(|| {
            wrong("the run has no adapter/ and no model/ yet: they are written when it ends; `scenery train` goes on with it".to_owned())
        })?;
        return Ok((trained, Some(folder.to_owned())));
    }
    if !holds(folder) {
        return Err(wrong(format!(
            "it is no run ({RUN}), no adapter ({ADAPTER_CONFIG}) and no model ({CONFIG}): none of these files is in it"
        )));
    }
    // `.` has no parent by name.
    let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let run = whole.parent().filter(|above| above.join(RUN).is_file()).map(Path::to_owned);
    Ok((folder.to_owned(), run))
}

/// The base of an adapter: the one that is named, else the one that the adapter names, which may lie inside its run.
fn base_of(adapter: &Path, run: Option<&Path>, named: Option<&Path>) -> Result<PathBuf, GenerateError> {
    let path = adapter.join(ADAPTER_CONFIG);
    let wrong = |message: String| GenerateError::Folder { path: path.clone(), message };
    let base = match named {
        Some(base) => base.to_owned(),
        None => {
            let text = std::fs::read(&path).map_err(crate::nn::file_error("read", &path))?;
            let value: Value = serde_json::from_slice(&text).map_err(|error| wrong(format!("no JSON: {error}")))?;
            let name = value.get("base_model_name_or_path").and_then(Value::as_str).filter(|name| !name.is_empty());
            PathBuf::from(name.ok_or_else(|| wrong("it names no base: name one with --base DIR".to_owned()))?)
        }
    };
    if base.join(CONFIG).is_file() {
        return Ok(base);
    }
    if let Some(inside) = run.filter(|_| named.is_none()).map(|run| run.join(&base))
        && inside.join(CONFIG).is_file()
    {
        return Ok(inside);
    }
    let what = if named.is_some() { "the base that is named" } else { "the base that it names" };
    Err(wrong(format!("{what}, {}, is no folder with a {CONFIG}: name its folder with --base DIR", base.display())))
}

/// Refuses another template than that of the contract.
fn check_template(
    folder: &Path,
    contract: &Contract,
    name: &str,
    tokenizer: &Tokenizer,
    config: &ModelConfig,
    probe: &str,
) -> Result<(), GenerateError> {
    let template = templates::template(name)?;
    let message = format!(
        "{} was trained with prompt template `{}`, and `{}` is asked for: leave out --template",
        folder.display(),
        contract.template.id,
        template.id
    );
    let (most, base) = (contract.max_len, contract.base_config_sha256.clone());
    match Contract::new(template, tokenizer, &config.eos, most, base) {
        Ok(other) if other == *contract => Ok(()),
        Ok(other) => {
            let difference = apart(("trained", "asked for"), contract, &other, tokenizer, probe);
            Err(GenerateError::Refused { message, difference })
        }
        Err(error) => Err(GenerateError::Refused { message, difference: format!("  {error}\n") }),
    }
}

/// What parts two contracts: their parts, and the ids of a prompt by the one and the other.
fn apart(names: (&str, &str), one: &Contract, other: &Contract, tokenizer: &Tokenizer, probe: &str) -> String {
    let ids = |contract: &Contract| {
        let unbounded = Contract { max_len: usize::MAX, ..contract.clone() };
        unbounded.encode_prompt(tokenizer, &[("instruction", probe)]).ok()
    };
    let mut out = difference(names, one, other);
    if let (Some(one), Some(other)) = (ids(one), ids(other)) {
        out.push_str(&diff_ids(names, tokenizer, &one, &other));
    }
    out
}

/// Compares the contract with the one that the weights say they were trained with.
fn check_digest(folder: &Path, is_adapter: bool, contract: &Contract, probe: &str) -> Result<(), GenerateError> {
    let weights =
        if is_adapter { Weights::of_file(&folder.join(ADAPTER_WEIGHTS))? } else { Weights::of_model(folder)? };
    let digest = contract.digest();
    let message = match weights.metadata.get(CONTRACT_KEY) {
        Some(found) if *found == digest => return Ok(()),
        Some(_) => {
            "is not the contract that the weights beside it were trained with: take the folder as it was written"
        }
        None => "lies beside weights that name no contract: take the folder as it was written",
    };
    let found = weights.metadata.get(CONTRACT_KEY).map_or("-", String::as_str);
    let names = ("weights", CONTRACT);
    let mut difference = columns(names, &[("contract", found, &digest)]);
    let trained = weights.metadata.get(CONTRACT_TEXT_KEY).and_then(|text| serde_json::from_str(text).ok());
    let trained = trained.and_then(|value: Value| Contract::parse(&value).ok()).filter(|known| known.digest() == found);
    if let (Some(trained), Ok(tokenizer)) = (trained, Tokenizer::load(folder)) {
        difference = apart(names, &trained, contract, &tokenizer, probe);
    }
    Err(GenerateError::Refused { message: format!("{} {message}", folder.join(CONTRACT).display()), difference })
}

/// Compares an adapter's settings, and the weights of its base, with what its metadata say of them; answers whether it was
/// trained beside weights of 4 bits.
fn check_adapter(adapter: &Path, base: &Path) -> Result<bool, GenerateError> {
    let path = adapter.join(ADAPTER_WEIGHTS);
    let metadata = Weights::of_file(&path)?.metadata;
    let said = |key: &str| {
        metadata.get(key).ok_or_else(|| GenerateError::Folder {
            path: path.clone(),
            message: format!(
                "its metadata have no `{key}`, which `scenery train` writes into them: take the adapter as it was written"
            ),
        })
    };
    let (settings, known) = (said(LORA_KEY)?, said(BASE_WEIGHTS_KEY)?);
    let found = canonical_json(&LoraConfig::read(adapter)?.computed());
    if found != *settings {
        return Err(GenerateError::Refused {
            message: format!(
                "{} has other settings than the adapter was trained with: take the folder as it was written",
                adapter.join(ADAPTER_CONFIG).display()
            ),
            difference: columns(("weights", ADAPTER_CONFIG), &[("settings", settings, &found)]),
        });
    }
    let found = Weights::of_model(base)?.fingerprint()?;
    if found != *known {
        return Err(GenerateError::Refused {
            message: format!(
                "the weights in {} are not those that {} was trained beside: name that base with --base DIR",
                base.display(),
                adapter.display()
            ),
            difference: columns(("adapter", "this base"), &[("fingerprint", known, &found)]),
        });
    }
    Ok(said(NF4_KEY)? == "true")
}

/// The tokenizer that the contract names; that of the folder and that of the base must both be it.
fn tokenizer_of(folder: &Path, model: &Path, contract: &Contract, probe: &str) -> Result<Tokenizer, GenerateError> {
    let mut right = None;
    let mut wrong = None;
    let places: &[&Path] = if folder == model { &[folder] } else { &[folder, model] };
    for place in places.iter().filter(|place| place.join(TOKENIZER).is_file()) {
        let tokenizer = Tokenizer::load(place)?;
        if tokenizer.sha256() == contract.tokenizer_sha256 {
            right = right.or(Some(tokenizer));
        } else {
            wrong = wrong.or(Some((place.join(TOKENIZER), tokenizer)));
        }
    }
    match (right, wrong) {
        (Some(right), None) => Ok(right),
        (None, None) => Err(GenerateError::Folder {
            path: folder.to_owned(),
            message: format!("there is no {TOKENIZER} in it, nor in {}", model.display()),
        }),
        (right, Some((path, other))) => {
            let values = [("tokenizer.json", contract.tokenizer_sha256.as_str(), other.sha256())];
            let mut difference = columns(("contract", "this file"), &values);
            if let Some(right) = right {
                let names = ("contract", "this file, as the model reads it");
                difference.push_str(&diff_ids(names, &right, &right.encode(probe)?, &other.encode(probe)?));
            }
            let message = format!(
                "{} is not the tokenizer that {} was trained with: its ids mean other tokens",
                path.display(),
                folder.display()
            );
            Err(GenerateError::Refused { message, difference })
        }
    }
}

/// Gives a model without a contract one of its own, by the template that is asked for.
fn zero_shot(
    asked: &Asked<'_>,
    folder: PathBuf,
    run: Option<PathBuf>,
    is_adapter: bool,
    config: &ModelConfig,
    config_sha256: String,
) -> Result<Opened, GenerateError> {
    let wrong = |message: String| Err(GenerateError::Folder { path: folder.clone(), message });
    if is_adapter {
        return wrong(format!(
            "the adapter has no {CONTRACT}, so nothing says how its prompts were made; adapters of `scenery train` have one"
        ));
    }
    // Of weights that were trained here the contract is known, or was.
    let metadata = Weights::of_model(&folder)?.metadata;
    if metadata.contains_key(CONTRACT_KEY) {
        let again = match metadata.get(CONTRACT_TEXT_KEY) {
            Some(_) => ", or write the text that their metadata hold as `contract` into it",
            None => "",
        };
        return wrong(format!(
            "its weights were trained with a prompt contract, and {CONTRACT} is gone: take the folder as it was written{again}"
        ));
    }
    let Some(name) = asked.template else {
        let known: Vec<&str> = templates::TEMPLATES.iter().map(|(name, _)| *name).collect();
        return wrong(format!(
            "the model has no {CONTRACT}, so nothing says how its prompts are made: for a base as it is, say which with --template ({})",
            known.join(", ")
        ));
    };
    let tokenizer = Tokenizer::load(&folder)?;
    let contract = Contract::new(templates::template(name)?, &tokenizer, &config.eos, config.context, config_sha256)?;
    Ok(Opened { model: folder.clone(), folder, run, adapter: None, contract, tokenizer, zero_shot: true, nf4: false })
}

/// Values of two sides, in columns under their names.
fn columns(sides: (&str, &str), rows: &[(&str, &str, &str)]) -> String {
    let first = rows.iter().map(|row| row.0.len()).max().unwrap_or(0);
    let second = rows.iter().map(|row| row.1.len()).chain([sides.0.len()]).max().unwrap_or(0);
    let mut out = String::new();
    // Writing to a text cannot fail.
    let _ = writeln!(out, "  {:first$}  {:second$}  {}", "", sides.0, sides.1);
    for (name, one, other) in rows {
        let mark = if one == other { ' ' } else { '!' };
        let _ = writeln!(out, "{mark} {name:first$}  {one:second$}  {other}");
    }
    out
}
