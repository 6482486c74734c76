//! `ingest`.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::recipes;
use crate::cli::args::IngestArgs;
use crate::cli::draw::{name, thousands};
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::settings::Settings;
use crate::ingest::pipeline::{self, Options, Progress, Report};
use crate::ingest::recipe::Recipe;
use crate::store::Store;

/// Notes of one ingest that are printed; all of them stay in its op.
const MAX_NOTES: usize = 8;

/// Reads a source, or says what is missing to read it.
///
/// # Errors
/// As [`pipeline::run`]; usage where the command line does not say what to read.
pub fn ingest(session: &Session, args: &IngestArgs) -> Result<(), Failure> {
    let project = session.project();
    let stored = match &project {
        Ok(project) => recipes::stored(project, &args.source)?,
        Err(_) => None,
    };
    if stored.is_none() && args.paths.is_empty() && !recipes::has_flags(args) {
        return recipes::without_path(session, &args.source);
    }
    let recipe = recipes::recipe_for(session, &project?, args, stored.as_ref())?;
    let again = stored.map(|stored| stored.paths).unwrap_or_default();
    let paths = if args.paths.is_empty() { &again } else { &args.paths };
    if paths.is_empty() {
        return Err(Failure::usage(format!("name the file or folder to read: `{} PATH`", session.command)));
    }
    let paths = resolve_paths(paths)?;
    check_variant(&recipe, args.variant.as_deref())?;
    if args.paths.is_empty() {
        let shown: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        session.say(format!("reading again what was read last: {}", shown.join(", ")));
    }
    let mut store = session.writable()?;
    let options = Options {
        sync: args.sync,
        max_row_bytes: args.max_row_mib << 20,
        variant: args.variant.clone(),
        now: session.now(),
        command: session.command.clone(),
        dedup: Settings::read(store.project())?.dedup,
    };
    let report = run(session, &mut store, &recipe, &paths, &options)?;
    print_report(session, &report)
}

/// Runs the pipeline with a progress bar on a terminal.
///
/// # Errors
/// As [`pipeline::run`].
pub fn run(
    session: &Session,
    store: &mut Store,
    recipe: &Recipe,
    paths: &[PathBuf],
    options: &Options,
) -> Result<Report, Failure> {
    let progress = Arc::new(Progress::default());
    let shown = std::io::stderr().is_terminal() && !session.quiet && !session.json;
    let done = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let drawing = shown.then(|| {
        let (progress, done) = (progress.clone(), done.clone());
        let size: u64 = paths.iter().map(|path| size_of(path)).sum();
        let name = recipe.name.clone();
        std::thread::spawn(move || {
            let style =
                indicatif::ProgressStyle::with_template("{prefix} {bar:30} {bytes}/{total_bytes} {msg} {elapsed}")
                    .unwrap_or_else(|_| indicatif::ProgressStyle::default_bar());
            let bar = indicatif::ProgressBar::new(size).with_style(style).with_prefix(name);
            while !done.load(Ordering::Relaxed) {
                bar.set_position(progress.bytes.load(Ordering::Relaxed).min(size));
                bar.set_message(format!("{} rows", thousands(progress.rows.load(Ordering::Relaxed))));
                std::thread::sleep(Duration::from_millis(100));
            }
            bar.finish_and_clear();
        })
    });
    let outcome = pipeline::run(store, recipe, paths, options, &progress);
    done.store(true, Ordering::Relaxed);
    if let Some(drawing) = drawing {
        let _ = drawing.join();
    }
    Ok(outcome?)
}

fn size_of(path: &Path) -> u64 {
    let Ok(meta) = std::fs::symlink_metadata(path) else { return 0 };
    if meta.is_file() {
        return meta.len();
    }
    if !meta.is_dir() {
        return 0;
    }
    std::fs::read_dir(path).into_iter().flatten().flatten().map(|entry| size_of(&entry.path())).sum()
}

fn resolve_paths(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    paths
        .iter()
        .map(|path| match std::fs::metadata(path) {
            Ok(_) => Ok(path.clone()),
            Err(error) => Err(Failure::file(path, &error)),
        })
        .collect()
}

/// Checks that a variant that was named is one of the recipe.
fn check_variant(recipe: &Recipe, named: Option<&str>) -> Result<(), Failure> {
    let names: Vec<&str> = recipe.variants.iter().map(|variant| variant.name.as_str()).collect();
    let Some(named) = named.filter(|named| !names.contains(named)) else { return Ok(()) };
    let known: Vec<&str> = names.into_iter().filter(|name| !name.is_empty()).collect();
    let near = crate::query::similar(named, known.iter().copied());
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    Err(Failure::usage(format!("source {} has no variant `{named}`; it has {known}", recipe.name)).suggesting(near))
}

/// Prints what an ingest came to.
///
/// # Errors
/// Where stdout is closed.
pub fn print_report(session: &Session, report: &Report) -> Result<(), Failure> {
    for note in report.notes.iter().take(MAX_NOTES) {
        session.note(note);
    }
    if report.notes.len() > MAX_NOTES {
        let more = thousands((report.notes.len() - MAX_NOTES) as u64);
        session.note(format!("... and {more} notes more; `scenery log --json` has all of them"));
    }
    if session.json {
        return session.print_json(report);
    }
    let mut parts = vec![format!("{} new", thousands(report.new))];
    for (count, word) in
        [(report.changed, "changed"), (report.unchanged, "unchanged"), (report.rejected.total, "rejected")]
    {
        if count > 0 {
            parts.push(format!("{} {word}", thousands(count)));
        }
    }
    session.print(format!(
        "{}: {} read = {} (op {})\n",
        name(&report.source),
        thousands(report.read),
        parts.join(" + "),
        report.op
    ))?;
    let listed = |counts: &std::collections::BTreeMap<String, u64>| {
        counts
            .iter()
            .map(|(what, count)| format!("{} {}", thousands(*count), name(what)))
            .collect::<Vec<_>>()
            .join(", ")
    };
    if report.rejected.total > 0 {
        session.print(format!(
            "  rejected: {} (`scenery sources {} --rejected` lists them)\n",
            listed(&report.rejected.by_reason),
            name(&report.source)
        ))?;
    }
    if !report.cleaned.is_empty() {
        session.print(format!("  cleaned: {}\n", listed(&report.cleaned)))?;
    }
    // A table's files and rows say nothing that the line above does not.
    if report.counts.keys().any(|name| name != "files" && name != "rows") {
        session.print(format!("  found: {}\n", listed(&report.counts)))?;
    }
    if report.gone + report.back > 0 {
        session.print(format!("  gone upstream: {}; back: {}\n", thousands(report.gone), thousands(report.back)))?;
    }
    Ok(())
}
