//! `ingest` and `sources`.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value, json};

use crate::cli::args::{IngestArgs, SourcesArgs};
use crate::cli::draw::{line, table, thousands};
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::ingest::catalog::CATALOG;
use crate::ingest::pipeline::{self, Options, Progress, Report};
use crate::ingest::readers;
use crate::ingest::recipe::Recipe;
use crate::store::{Project, Store};

/// Reads a source, or says what is missing to read it.
///
/// # Errors
/// As [`pipeline::run`]; usage where the command line does not say what to read.
pub fn ingest(session: &Session, args: &IngestArgs) -> Result<(), Failure> {
    if args.reader.is_none() && args.field.is_empty() && args.paths.is_empty() {
        return without_path(session, &args.source);
    }
    let project = session.project()?;
    let recipe = recipe_for(&project, args)?;
    if args.paths.is_empty() {
        return Err(Failure::usage(format!("name the file or folder to read: `{} PATH`", session.command)));
    }
    let paths = resolve_paths(&args.paths)?;
    let mut store = session.writable()?;
    let options = Options {
        sync: args.sync,
        max_row_bytes: args.max_row_mib << 20,
        variant: args.variant.clone(),
        now: session.now(),
        command: session.command.clone(),
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

fn recipe_for(project: &Project, args: &IngestArgs) -> Result<Recipe, Failure> {
    if args.reader.is_some() || !args.field.is_empty() {
        let reader = args.reader.as_deref().unwrap_or("table");
        if readers::find(reader).is_none() {
            return Err(Failure::usage(format!(
                "there is no reader `{reader}`; there are: {}",
                readers::names().join(", ")
            )));
        }
        let fields = args
            .field
            .iter()
            .map(|pair| match pair.split_once('=') {
                Some((field, column)) if !field.is_empty() && !column.is_empty() => {
                    Ok((field.to_owned(), column.to_owned()))
                }
                _ => Err(Failure::usage(format!(
                    "`--field {pair}`: write `--field FIELD=COLUMN`, such as `--field instruction=question`"
                ))),
            })
            .collect::<Result<Vec<_>, _>>()?;
        if reader == "table" && !fields.iter().any(|(field, _)| field == "code") {
            return Err(Failure::usage(
                "say which column holds the code: `--field code=COLUMN`; `scenery ingest FILE` shows the columns",
            ));
        }
        for (at, (field, _)) in fields.iter().enumerate() {
            if field != "key" && field != "family" && fields[..at].iter().any(|(before, _)| before == field) {
                return Err(Failure::usage(format!("`--field {field}=` stands there twice: a field has one column")));
            }
        }
        if find_recipe(project, &args.source)?.is_some() {
            return Err(Failure::usage(format!(
                "`{0}` is a source with a recipe, which says how it is read and under which licence: read it with `scenery ingest {0} PATH`, or give these rows another name",
                args.source
            )));
        }
        let mut recipe = Recipe::adhoc(&args.source, reader, &fields)?;
        if let Some(licence) = &args.licence {
            recipe.licence.clone_from(licence);
        }
        if let Some(rank) = args.rank {
            recipe.rank = rank;
        }
        return Ok(recipe);
    }
    if args.licence.is_some() || args.rank.is_some() {
        return Err(Failure::usage("--licence and --rank go with --reader; a recipe says both itself"));
    }
    match find_recipe(project, &args.source)? {
        Some(recipe) => Ok(recipe),
        None => Err(unknown_source(project, &args.source)),
    }
}

/// The recipe of a name: the project's own first, then the catalogue's.
///
/// # Errors
/// Where a recipe file is wrong.
pub fn find_recipe(project: &Project, name: &str) -> Result<Option<Recipe>, Failure> {
    let own = project.sources_dir().join(format!("{name}.toml"));
    match std::fs::read_to_string(&own) {
        Ok(text) => {
            let recipe = Recipe::from_toml(&text, &own.display().to_string())?;
            if recipe.name != name {
                return Err(Failure::request(format!(
                    "{}: its name is `{}`; a recipe's file is called as it is",
                    own.display(),
                    recipe.name
                )));
            }
            return Ok(Some(recipe));
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(Failure::file(&own, &error)),
    }
    if CATALOG.iter().any(|(each, _)| *each == name) {
        return Ok(Some(Recipe::builtin(name)?));
    }
    Ok(None)
}

fn own_names(project: &Project) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(project.sources_dir())
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok()?.strip_suffix(".toml").map(str::to_owned))
        .collect();
    names.sort();
    names
}

fn unknown_source(project: &Project, name: &str) -> Failure {
    let own = own_names(project);
    let known: Vec<&str> = CATALOG.iter().map(|(name, _)| *name).chain(own.iter().map(String::as_str)).collect();
    let near = crate::query::similar(name, known.iter().copied());
    let hint = if near.is_empty() {
        "`scenery sources` lists them".to_owned()
    } else {
        format!("did you mean {}?", near.join(" or "))
    };

    Failure::usage(format!(
        "there is no source `{name}`: {hint}; without a recipe: `scenery ingest --reader table --field instruction=COLUMN --field code=COLUMN {name} PATH`"
    ))
}

fn without_path(session: &Session, source: &str) -> Result<(), Failure> {
    let path = Path::new(source);
    let looks_like_path = source.contains(['/', '.']) || path.exists();
    let recipe = match session.project() {
        Ok(project) => find_recipe(&project, source)?,
        Err(_) if CATALOG.iter().any(|(name, _)| *name == source) => Some(Recipe::builtin(source)?),
        Err(_) => None,
    };
    if let Some(recipe) = recipe {
        let how = recipe.get.clone().unwrap_or_else(|| "its recipe does not say how".to_owned());
        let rows = recipe.expected_rows.map_or(String::new(), |rows| format!(", {} rows", thousands(rows)));
        return Err(Failure::usage(format!(
            "{} needs a path. How to get it (licence {}{rows}):\n  {}\nthen: scenery ingest {} PATH",
            recipe.name,
            recipe.licence,
            how.trim().replace('\n', "\n  "),
            recipe.name
        )));
    }
    if !looks_like_path {
        return Err(match session.project() {
            Ok(project) => unknown_source(&project, source),
            Err(failure) => failure,
        });
    }
    let preview = readers::table::preview(path)?;
    let command = preview.command(path)?;
    if session.json {
        session.print_json(&json!({
            "file": preview.file, "columns": preview.columns.iter().map(|column| json!({
                "name": column.name, "types": column.types, "null_share": column.null_share })).collect::<Vec<_>>(),
            "command": command,
        }))?;
    } else {
        let rows: Vec<Vec<String>> = preview
            .columns
            .iter()
            .map(|column| {
                let example = preview.rows.iter().find_map(|row| row.iter().find(|(name, _)| *name == column.name));
                vec![
                    column.name.clone(),
                    column.types.join("|"),
                    format!("{:.0}%", column.null_share * 100.0),
                    example.map(|(_, text)| line(text, 200)).unwrap_or_default(),
                ]
            })
            .collect();
        session.print(format!(
            "{}: {} rows looked at{}\n\n",
            path.display(),
            preview.rows_read,
            if preview.more { ", there are more" } else { "" }
        ))?;
        session.print(table(&["column", "type", "empty", "first value"], &rows, session.width))?;
        for (at, row) in preview.rows.iter().enumerate() {
            session.print(format!("\nrow {}\n", at + 1))?;
            for (name, text) in row {
                session.print(format!("  {name}: {}\n", line(text, session.width.saturating_sub(name.len() + 4))))?;
            }
        }
        session.print(format!("\nto read it, type:\n  {command}\n"))?;
    }
    Err(Failure::new(
        2,
        "needs-fields",
        "nothing was read: a file without a recipe needs to be told what is what (the command above)",
    ))
}

/// Prints what an ingest came to.
///
/// # Errors
/// Where stdout is closed.
pub fn print_report(session: &Session, report: &Report) -> Result<(), Failure> {
    for note in &report.notes {
        session.note(note);
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
        report.source,
        thousands(report.read),
        parts.join(" + "),
        report.op
    ))?;
    let listed = |counts: &std::collections::BTreeMap<String, u64>| {
        counts.iter().map(|(name, count)| format!("{} {name}", thousands(*count))).collect::<Vec<_>>().join(", ")
    };
    if report.rejected.total > 0 {
        session.print(format!(
            "  rejected: {} (`scenery sources {} --rejected` lists them)\n",
            listed(&report.rejected.by_reason),
            report.source
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

/// Lists sources.
///
/// # Errors
/// As the store.
pub fn sources(session: &Session, args: &SourcesArgs) -> Result<(), Failure> {
    let store = match session.project() {
        Ok(_) => Some(session.store()?),
        Err(_) => None,
    };
    if let Some(name) = &args.name {
        return one_source(session, store.as_ref(), name, args.rejected);
    }
    let mut rows = Vec::new();
    let mut listed = Vec::new();
    let own = store.as_ref().map(|store| own_names(store.project())).unwrap_or_default();
    let records = store.as_ref().map(|store| store.sources()).transpose()?.unwrap_or_default();
    let counts = match &store {
        Some(store) => store.columns()?.counts("source"),
        None => Vec::new(),
    };
    let mut names: Vec<String> =
        CATALOG.iter().map(|(name, _)| (*name).to_owned()).chain(own.iter().cloned()).collect();
    names.extend(records.iter().map(|record| record.name.clone()));
    names.sort();
    names.dedup();
    for name in names {
        let recipe = match &store {
            Some(store) => find_recipe(store.project(), &name)?,
            None => Some(Recipe::builtin(&name)?),
        };
        let record = records.iter().find(|record| record.name == name);
        let samples = counts.iter().find(|(each, _)| *each == name).map(|(_, count)| *count);
        let kind = if own.contains(&name) {
            "own"
        } else if recipe.is_none() {
            "no recipe"
        } else if recipe.as_ref().is_some_and(|recipe| !recipe.tried) {
            "untried"
        } else {
            ""
        };
        let (title, licence, reader, rank, expected) = match (&recipe, record) {
            (Some(recipe), _) => {
                (recipe.title.clone(), recipe.licence.clone(), recipe.reader.clone(), recipe.rank, recipe.expected_rows)
            }
            (None, Some(record)) => (record.title.clone(), record.licence.clone(), String::new(), record.rank, None),
            (None, None) => continue,
        };
        listed.push(json!({
            "name": name, "title": title, "licence": licence, "reader": reader, "rank": rank, "expected_rows": expected,
            "tried": recipe.as_ref().map(|recipe| recipe.tried), "own": own.contains(&name), "samples": samples.unwrap_or(0),
        }));
        rows.push(vec![
            name,
            samples.map_or(String::new(), |count| count.to_string()),
            expected.map_or(String::new(), |count| count.to_string()),
            reader,
            rank.to_string(),
            licence,
            kind.to_owned(),
            title,
        ]);
    }
    if session.json {
        return session.print_json(&listed);
    }
    session.print(table(
        &["source", "here", "expected", "reader", "rank", "licence", "", "title"],
        &rows,
        session.width.max(120),
    ))?;
    session.say("`scenery sources NAME` shows one in full, `scenery ingest NAME` says how to get it");
    Ok(())
}

fn one_source(session: &Session, store: Option<&Store>, name: &str, rejected: bool) -> Result<(), Failure> {
    if rejected {
        let store = store.ok_or_else(|| Failure::usage("rejected rows are those of a project: there is none here"))?;
        if !store.sources()?.iter().any(|source| source.name == name) {
            return Err(Failure::request(format!("this store has not read `{name}`")));
        }
        let rows = store.rejected(name, usize::MAX >> 1)?;
        if session.json {
            return session.print_json(&rows);
        }
        let shown: Vec<Vec<String>> =
            rows.iter().map(|row| vec![row.locator.clone(), row.reason.clone(), row.detail.clone()]).collect();
        session.print(table(&["where", "reason", "detail"], &shown, session.width.max(120)))?;
        session.say(format!("{} rejected rows", thousands(rows.len() as u64)));
        return Ok(());
    }
    let recipe = match store {
        Some(store) => find_recipe(store.project(), name)?,
        None => CATALOG.iter().any(|(each, _)| *each == name).then(|| Recipe::builtin(name)).transpose()?,
    };
    let record = store
        .map(|store| store.sources())
        .transpose()?
        .unwrap_or_default()
        .into_iter()
        .find(|source| source.name == name);
    if recipe.is_none() && record.is_none() {
        return Err(Failure::usage(format!("there is no source `{name}`: `scenery sources` lists them")));
    }
    let mut out = Vec::new();
    let mut put = |title: &str, value: String| {
        if !value.trim().is_empty() {
            out.push((title.to_owned(), value.trim().to_owned()));
        }
    };
    put("name", name.to_owned());
    if let Some(recipe) = &recipe {
        put("title", recipe.title.clone());
        put("licence", recipe.licence.clone());
        put("url", recipe.url.clone().unwrap_or_default());
        put("reader", recipe.reader.clone());
        put("rank", recipe.rank.to_string());
        put("dialect", recipe.dialect.map(|dialect| dialect.to_string()).unwrap_or_default());
        put("dedup", recipe.dedup.word().to_owned());
        put("levels", recipe.levels.join(" < "));
        put("variants", recipe.variants.iter().map(|variant| variant.name.as_str()).collect::<Vec<_>>().join(", "));
        put("expected rows", recipe.expected_rows.map(|rows| rows.to_string()).unwrap_or_default());
        put("tried", if recipe.tried { "yes".into() } else { "no: this recipe was never run on the real data".into() });
        put("how to get it", recipe.get.clone().unwrap_or_default());
        put("citation", recipe.citation.clone().unwrap_or_default());
        put("notes", recipe.notes.clone().unwrap_or_default());
    } else if let Some(record) = &record {
        put("title", record.title.clone());
        put("licence", record.licence.clone());
        put("rank", record.rank.to_string());
    }
    if let (Some(store), Some(_)) = (store, &record) {
        let samples =
            store.columns()?.counts("source").into_iter().find(|(each, _)| each == name).map_or(0, |(_, count)| count);
        put("samples here", thousands(samples));
        let reasons: Vec<String> = store
            .rejected_counts()?
            .into_iter()
            .filter(|(source, _, _)| source == name)
            .map(|(_, reason, count)| format!("{count} {reason}"))
            .collect();
        put("rejected rows", reasons.join(", "));
    }
    if session.json {
        let object: serde_json::Map<String, Value> =
            out.into_iter().map(|(name, value)| (name, Value::from(value))).collect();
        return session.print_json(&object);
    }
    for (title, value) in out {
        session
            .print(format!("{title:14}{}\n", crate::cli::draw::safe(&value).replace('\n', &format!("\n{:14}", ""))))?;
    }
    Ok(())
}
