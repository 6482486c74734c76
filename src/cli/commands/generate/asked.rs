//! What `generate` is asked: where the model is, how tokens are chosen, which items, what is forced.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::cli::args::GenerateArgs;
use crate::cli::draw::thousands;
use crate::cli::failure::{Failure, chain};
use crate::cli::session::Session;
use crate::generate::opening::{Opened, RUN};
use crate::generate::prompts::{self, Form, Item, fields_of};
use crate::generate::skeleton::Frame;
use crate::generate::{Choice, Forcing, Options};
use crate::nn::Opening;
use crate::prompt::contract::Contract;
use crate::prompt::skeleton::Skeleton;
use crate::sample::Side;
use crate::store::Project;
use crate::train::data::{self, Dataset};
use crate::train::encoded;
use crate::train::options::TooLong;
use crate::train::run_file::RunFile;

/// The folder in which a project keeps its runs.
const RUNS: &str = "runs";
/// The folder in which a run keeps the export that it learned.
const DATA: &str = "data";

/// Where a generation comes from.
pub(super) struct Origin {
    /// The folder.
    pub(super) folder: PathBuf,
    /// What it is called: `run/NAME`, or the folder.
    pub(super) name: String,
}

/// Finds what `FROM` names: a run of the project, else a folder.
pub(super) fn origin(project: Option<&Project>, from: &Path) -> Result<Origin, Failure> {
    let runs = project.map(|project| project.root.join(RUNS));
    let bare = from.components().count() == 1 && !matches!(from.to_str(), Some("." | ".."));
    if let Some(run) = runs.as_ref().filter(|_| bare).map(|runs| runs.join(from))
        && run.join(RUN).is_file()
    {
        return Ok(Origin { folder: run, name: format!("run/{}", from.display()) });
    }
    if from.is_dir() {
        let whole = from.canonicalize().unwrap_or_else(|_| from.to_owned());
        // A folder of one of the project's runs, or the adapter in it.
        let own = runs.and_then(|runs| runs.canonicalize().ok()).and_then(|runs| {
            let run = whole.strip_prefix(runs).ok()?.components().next()?;
            Some(format!("run/{}", run.as_os_str().to_string_lossy()))
        });
        let name = own.unwrap_or_else(|| whole.display().to_string());
        return Ok(Origin { folder: from.to_owned(), name });
    }
    let known: Vec<String> = runs.iter().flat_map(|runs| run_names(runs)).collect();
    let given = from.to_string_lossy();
    let near = crate::query::similar(&given, known.iter().map(String::as_str));
    let there = match known.as_slice() {
        [] => "and there are no runs of a project here".to_owned(),
        known => format!("the runs of the project are {}", known.join(", ")),
    };
    Err(Failure::request(format!("`{given}` is no folder and no run; {there}")).suggesting(near))
}

/// Names of the runs of a project, sorted.
fn run_names(runs: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(runs).into_iter().flatten().flatten();
    let mut out: Vec<String> = entries
        .filter(|entry| entry.path().join(RUN).is_file())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    out.sort();
    out
}

/// How tokens are chosen.
pub(super) fn options(args: &GenerateArgs) -> Result<Options, Failure> {
    let drawn = args.temperature.is_some() || args.top_k.is_some() || args.top_p.is_some();
    let choice = match (args.beams, drawn) {
        (Some(beams), _) => Choice::Beams { beams, length_penalty: args.length_penalty.unwrap_or(1.0) },
        (None, true) => Choice::Sample {
            temperature: args.temperature.unwrap_or(1.0),
            top_k: args.top_k,
            top_p: args.top_p,
            seed: args.seed.unwrap_or(0),
        },
        (None, false) if args.seed.is_some() => {
            return Err(Failure::usage(
                "--seed changes nothing where the likeliest tokens are taken: add --temperature, --top-k or --top-p",
            ));
        }
        (None, false) => Choice::Greedy,
    };
    let options = Options {
        choice,
        max_new_tokens: args.max_new_tokens,
        min_new_tokens: args.min_new_tokens,
        stop_strings: args.stop.clone(),
        repetition_penalty: args.repetition_penalty,
        batch_tokens: args.batch_tokens,
        spread: args.batch_spread,
    };
    options.check()?;
    Ok(options)
}

/// How the model is opened.
pub(super) fn opening(session: &Session, args: &GenerateArgs, opened: &Opened) -> Result<Opening, Failure> {
    let nf4 = !args.no_nf4 && (args.nf4 || opened.nf4);
    if opened.adapter.is_some() && nf4 != opened.nf4 {
        session.note(format!(
            "the adapter was trained beside weights {}, and is asked beside weights {}",
            if opened.nf4 { "of 4 bits" } else { "as they are" },
            if nf4 { "of 4 bits" } else { "as they are" }
        ));
    } else if nf4 && !args.nf4 {
        session.note("the frozen weights are kept in 4 bits, as in training (--no-nf4 keeps them as they are)");
    }
    let wrong = |option: &str, error: &dyn std::fmt::Display| Failure::usage(format!("--{option}: {error}"));
    Ok(Opening {
        model: opened.model.clone(),
        device: args.device.parse().map_err(|error| wrong("device", &error))?,
        precision: args.precision.parse().map_err(|error| wrong("precision", &error))?,
        nf4,
        threads: args.threads,
    })
}

/// Words of the form `NAME=VALUE`, each name once.
pub(super) fn pairs(option: &str, words: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    let mut out = BTreeMap::new();
    for word in words {
        let Some((name, value)) = word.split_once('=').filter(|(name, _)| !name.trim().is_empty()) else {
            return Err(Failure::usage(format!(
                "--{option} {word}: write NAME=VALUE, as in --{option} instruction=..."
            )));
        };
        if out.insert(name.trim().to_owned(), value.to_owned()).is_some() {
            return Err(Failure::usage(format!("--{option} gives `{name}` twice")));
        }
    }
    Ok(out)
}

/// The export that was learned, or the one that is named.
pub(super) fn dataset(args: &GenerateArgs, opened: &Opened, what: &str) -> Result<Dataset, Failure> {
    let folder = match (&args.data, &opened.run) {
        (Some(data), _) => data.clone(),
        (None, Some(run)) => run.join(DATA),
        (None, None) => {
            return Err(Failure::usage(format!(
                "{what} reads the data of a run, and {} belongs to none: name an export with --data DIR",
                args.from.display()
            )));
        }
    };
    data::read(&folder).map_err(|error| Failure::new(1, "data", chain(&error)))
}

/// The items that are asked for. `fields` are those of the command line.
pub(super) fn items(
    session: &Session,
    args: &GenerateArgs,
    opened: &Opened,
    fields: &BTreeMap<String, String>,
) -> Result<Vec<Item>, Failure> {
    let mut items = match (&args.prompts, &args.side) {
        (Some(file), _) => of_file(session, args, opened, file)?,
        (None, Some(side)) => of_side(args, opened, side)?,
        (None, None) if fields.is_empty() => {
            return Err(Failure::usage(
                "nothing is asked: give --field instruction=\"...\", --prompts FILE, --side test or --interactive",
            ));
        }
        (None, None) => vec![Item::default()],
    };
    for (at, item) in items.iter_mut().enumerate() {
        for (name, value) in fields {
            let before = item.fields.insert(name.clone(), value.clone());
            if before.is_some_and(|before| before != *value) {
                let message = format!("item {} has a `{name}` of its own: leave out --field {name}=...", at + 1);
                return Err(Failure::request(message));
            }
        }
    }
    let all = items.len();
    if let Some(limit) = args.limit.filter(|limit| *limit < all) {
        items.truncate(limit);
        session.note(format!("the first {} of {} items", thousands(limit as u64), thousands(all as u64)));
    }
    if items.is_empty() {
        return Err(Failure::request("there is no item to answer"));
    }
    Ok(items)
}

fn of_file(session: &Session, args: &GenerateArgs, opened: &Opened, file: &Path) -> Result<Vec<Item>, Failure> {
    let from_input = file.as_os_str() == "-";
    let form = if from_input { Some(Form::Jsonl) } else { Form::of(file) };
    let form = form.ok_or_else(|| {
        Failure::usage(format!("{}: prompts are read from .jsonl, .json and .csv files", file.display()))
    })?;
    let text = if from_input {
        std::io::read_to_string(std::io::stdin())
            .map_err(|error| Failure::request(format!("standard input: {error}")))?
    } else {
        std::fs::read_to_string(file).map_err(|error| Failure::file(file, &error))?
    };
    let columns = pairs("column", &args.column)?;
    let read = prompts::read(&text, form, &opened.contract.template, &columns).map_err(|message| {
        let mut failure = Failure::request(format!("{}: {message}", file.display()));
        failure.path = (!from_input).then(|| file.display().to_string());
        failure
    })?;
    if !read.unused.is_empty() {
        let unused: Vec<&str> = read.unused.iter().map(String::as_str).collect();
        session.note(format!(
            "not asked with, since template `{}` has no such field: {}",
            opened.contract.template.id,
            unused.join(", ")
        ));
    }
    Ok(read.items)
}

fn of_side(args: &GenerateArgs, opened: &Opened, side: &str) -> Result<Vec<Item>, Failure> {
    let side: Side = side.parse().map_err(|error| Failure::usage(format!("--side: {error}")))?;
    let dataset = dataset(args, opened, "--side")?;
    encoded::check_fields(&dataset, &opened.contract.template)?;
    let known = fields_of(&opened.contract.template);
    let items: Vec<Item> = dataset
        .of_side(side)
        .map(|at| {
            let example = &dataset.examples[at];
            let fields = example.fields.iter().filter(|(name, _)| known.contains(&name.as_str()));
            let fields = fields.map(|(name, value)| (name.clone(), value.clone())).collect();
            Item { id: Some(example.id.clone()), fields }
        })
        .collect();
    if items.is_empty() {
        let sides: Vec<String> = Side::ALL
            .iter()
            .map(|side| (side, dataset.of_side(*side).count()))
            .filter(|(_, count)| *count > 0)
            .map(|(side, count)| format!("{} {side}", thousands(count as u64)))
            .collect();
        return Err(Failure::request(format!(
            "{} has no rows of the side {side}; it has {}",
            dataset.folder.display(),
            sides.join(", ")
        )));
    }
    Ok(items)
}

/// What is forced, and the word for it.
pub(super) fn forcing(
    session: &Session,
    args: &GenerateArgs,
    opened: &Opened,
) -> Result<(Forcing, &'static str), Failure> {
    match (&args.forced_prefix, args.skeleton) {
        (None, false) => Ok((Forcing::Nothing, "none")),
        (Some(text), _) if text != "auto" => {
            if let Some(range) = opened.tokenizer.special_in(text) {
                let message = format!("--forced-prefix holds `{}`, the text of a special token", &text[range]);
                return Err(Failure::usage(message));
            }
            let ids = opened.tokenizer.encode(text).map_err(crate::generate::GenerateError::from)?;
            if ids.is_empty() {
                return Err(Failure::usage("--forced-prefix is empty"));
            }
            Ok((Forcing::Prefix(ids), "text"))
        }
        (Some(_), _) => {
            let answers = answers(session, args, opened, "--forced-prefix auto")?;
            let rows: Vec<&[u32]> = answers.iter().map(Vec::as_slice).collect();
            let mut prefix = Skeleton::common_prefix(&rows);
            let end = prefix.iter().position(|id| opened.contract.stop_ids.contains(id));
            prefix.truncate(end.unwrap_or(prefix.len()));
            if prefix.is_empty() {
                return Err(Failure::request(
                    "the trained answers begin with no token in common, so there is nothing to force",
                ));
            }
            session.say(format!(
                "every answer begins with the {} tokens that {} trained answers begin with",
                thousands(prefix.len() as u64),
                thousands(rows.len() as u64)
            ));
            Ok((Forcing::Prefix(prefix), "auto"))
        }
        (None, true) => {
            let answers = answers(session, args, opened, "--skeleton")?;
            let rows: Vec<&[u32]> = answers.iter().map(Vec::as_slice).collect();
            let frame = Frame::of(&Skeleton::of(&rows), &rows).map_err(Failure::request)?;
            session.say(format!(
                "the template of {} trained answers has {} constant tokens and {} slots",
                thousands(rows.len() as u64),
                thousands(frame.constant_tokens() as u64),
                thousands(frame.slots() as u64)
            ));
            Ok((Forcing::Skeleton(frame), "skeleton"))
        }
    }
}

/// Refuses a file that answers could not be written to, or that holds what is asked.
pub(super) fn place(out: &Path, prompts: Option<&Path>) -> Result<(), Failure> {
    let whole = |path: &Path| path.canonicalize().ok();
    if prompts.is_some_and(|prompts| whole(prompts).is_some_and(|prompts| Some(prompts) == whole(out))) {
        return Err(Failure::usage(format!("--out {}: that is the file of the prompts", out.display())));
    }
    if out.is_dir() {
        return Err(Failure::usage(format!("--out names a file, and {} is a folder", out.display())));
    }
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty());
    match folder.filter(|folder| !folder.is_dir()) {
        Some(folder) => Err(Failure::file(folder, &std::io::ErrorKind::NotFound.into())),
        None => Ok(()),
    }
}

/// Tokens of the trained answers, cut where the run cut what was too long. What it dropped, or nobody says was cut, was not
/// trained whole, and is left out here.
fn answers(session: &Session, args: &GenerateArgs, opened: &Opened, what: &str) -> Result<Vec<Vec<u32>>, Failure> {
    let dataset = dataset(args, opened, what)?;
    encoded::check_fields(&dataset, &opened.contract.template)?;
    let run = opened.run.as_ref().filter(|_| args.data.is_none()).map(|run| RunFile::read(run)).transpose()?;
    let cut = run.is_some_and(|run| run.options.too_long == TooLong::Truncate);
    let unbounded = Contract { max_len: usize::MAX, ..opened.contract.clone() };
    let rows: Vec<usize> = dataset.of_side(Side::Train).collect();
    let encoded: Vec<_> = rows
        .par_iter()
        .map(|at| {
            let example = &dataset.examples[*at];
            (example, unbounded.encode(&opened.tokenizer, &example.pairs()))
        })
        .collect();
    let most = opened.contract.max_len;
    let mut out = Vec::with_capacity(rows.len());
    let mut long = 0u64;
    for (example, encoded) in encoded {
        match encoded {
            Ok(encoded) if encoded.ids.len() <= most || (cut && encoded.trained_from < most) => {
                out.push(encoded.ids[encoded.trained_from..encoded.ids.len().min(most)].to_vec());
            }
            Ok(_) => long += 1,
            Err(error) => return Err(Failure::new(1, "data", format!("row {}: {error}", example.id))),
        }
    }
    if long > 0 {
        session.note(format!(
            "{} rows are longer than the contract allows and are left out of the template",
            thousands(long)
        ));
    }
    if out.is_empty() {
        return Err(Failure::request(format!(
            "{} has no row of the train side that was trained on: nothing is known to be forced",
            dataset.folder.display()
        )));
    }
    Ok(out)
}
