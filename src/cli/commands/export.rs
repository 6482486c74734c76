//! `export`.

use std::collections::BTreeMap;
use std::path::Path;

use crate::analyze;
use crate::cli::args::ExportArgs;
use crate::cli::draw::thousands;
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::export::{self, Encoding, Layout, OnUnfit, Request, Seed, SourceInfo, StageCount};
use crate::query::plan::{Plan, Step};
use crate::slice;
use crate::store::Store;

/// Writes a slice as files.
///
/// # Errors
/// As the query, the store and [`export::write`].
pub fn export(session: &Session, args: &ExportArgs) -> Result<(), Failure> {
    let store = session.store()?;
    let request = match &args.from {
        Some(manifest) => from_manifest(manifest, args)?,
        None => request_of(session, args)?,
    };
    let report = write(session, &store, request)?;
    if session.json {
        return session.print_json(&report);
    }
    for (reason, count) in &report.skipped {
        session.note(format!("{} rows were left out: {reason}", thousands(*count)));
    }
    for file in &report.files {
        session.print(format!(
            "{}  {:>7}  {}\n",
            &file.sha256[..12],
            file.rows.map_or("-".to_owned(), thousands),
            args.out.join(&file.path).display()
        ))?;
    }
    let sides: Vec<String> = report
        .rows
        .iter()
        .filter(|(_, count)| **count > 0)
        .map(|(side, count)| format!("{} {side}", thousands(*count)))
        .collect();
    session.say(format!(
        "{} rows selected = {} written{}; sides: {}",
        thousands(report.selected),
        sides.join(" + "),
        report.skipped.iter().map(|(reason, count)| format!(" + {} {reason}", thousands(*count))).collect::<String>(),
        report.sides.rule,
    ));
    Ok(())
}

/// Evaluates the query of a request and writes it.
///
/// # Errors
/// As [`export`].
pub fn write(session: &Session, store: &Store, mut request: Request) -> Result<export::Report, Failure> {
    request.check()?;
    let compiled = session.compile(store, &request.query_typed)?;
    request.query_expanded = compiled.resolved.to_string();
    let slice = session.select(store, &compiled.plan, usize::MAX)?;
    request.seeds = seeds(&compiled.plan);
    request.stage_counts = compiled
        .plan
        .steps
        .iter()
        .zip(&slice.steps)
        .map(|(step, count)| StageCount { stage: count.step.clone(), asked: asked(step), got: count.rows_out })
        .collect();
    request.analyser_version = analyze::analyser_version();
    request.tool_version = env!("CARGO_PKG_VERSION").to_owned();
    let sources: BTreeMap<String, SourceInfo> = store
        .sources()?
        .into_iter()
        .map(|source| {
            let some = |text: String| (!text.is_empty()).then_some(text);
            let info = SourceInfo {
                title: source.title,
                licence: source.licence,
                url: some(source.url),
                citation: some(source.citation),
                rank: source.rank,
                near_duplicates_may_part: source.dedup != "near",
            };
            (source.name, info)
        })
        .collect();
    Ok(export::write(&request, slice::samples(store, &slice), &sources)?)
}

fn request_of(session: &Session, args: &ExportArgs) -> Result<Request, Failure> {
    let names = |words: Vec<&str>| words.join(", ");
    let format = export::format(&args.format).ok_or_else(|| {
        let known: Vec<&str> = export::FORMATS.iter().map(|format| format.name).collect();
        let near = crate::query::similar(&args.format, known.iter().copied());
        Failure::usage(format!("there is no format `{}`; there are: {}", args.format, names(known))).suggesting(near)
    })?;
    let preset = match &args.preset {
        None => None,
        Some(name) => Some(export::preset(name).ok_or_else(|| {
            let known: Vec<&str> = export::PRESETS.iter().map(|preset| preset.name).collect();
            let near = crate::query::similar(name, known.iter().copied());
            Failure::usage(format!("there is no preset `{name}`; there are: {}", names(known))).suggesting(near)
        })?),
    };
    let mut request = Request::new(&args.out, format);
    request.layout = word::<Layout>("layout", &args.layout)?;
    request.encoding = match &args.encoding {
        Some(encoding) => word::<Encoding>("encoding", encoding)?,
        None => request.layout.default_encoding(),
    };
    request.preset = preset;
    request.system.clone_from(&args.system);
    request.template.clone_from(&args.template);
    request.fence = args.fence.then_some(true);
    request.missing_instruction = word::<OnUnfit>("missing-instruction", &args.missing_instruction)?;
    request.special_text = word::<OnUnfit>("special-text", &args.special_text)?;
    request.allow_licences.clone_from(&args.allow_licence);
    request.overwrite = args.overwrite;
    request.query_typed = session.query_text(&args.asked)?;
    Ok(request)
}

fn from_manifest(manifest: &Path, args: &ExportArgs) -> Result<Request, Failure> {
    let (mut request, _) = export::request_from_manifest(manifest, &args.out)?;
    request.overwrite = args.overwrite;
    request.allow_licences.extend(args.allow_licence.iter().cloned());
    Ok(request)
}

fn word<T: serde::de::DeserializeOwned>(what: &str, text: &str) -> Result<T, Failure> {
    serde_json::from_value(serde_json::Value::from(text)).map_err(|error| {
        Failure::usage(format!("--{what} {text}: {}", error.to_string().replace("unknown variant ", "")))
    })
}

fn seeds(plan: &Plan) -> Vec<Seed> {
    plan.steps
        .iter()
        .filter_map(|step| match step {
            Step::Sample { seed, .. } => Some(Seed { stage: step.to_string(), seed: *seed }),
            _ => None,
        })
        .collect()
}

fn asked(step: &Step) -> Option<u64> {
    match step {
        Step::Take(count) | Step::Sample { amount: crate::query::plan::Amount::Rows(count), .. } => Some(*count),
        _ => None,
    }
}
