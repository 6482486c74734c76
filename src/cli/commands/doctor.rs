//! `doctor` and `rebuild`.

use std::path::PathBuf;

use rayon::prelude::*;
use serde_json::{Value, json};

use crate::analyze;
use crate::cli::args::DoctorArgs;
use crate::cli::commands::setup::{FOLDER, faults, size};
use crate::cli::draw::{safe, thousands};
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::sample::Facts;
use crate::setup::libtorch::release::pinned;
use crate::setup::libtorch::{Depth, State, state};
use crate::setup::{SetupError, checkout};
use crate::store::index::search::documents_per_row;
use crate::store::{Begin, Store, StoreError};

/// Rows that are read and analysed at once.
const BATCH: usize = 1024;

/// Looks for every divergence between the database, the index, the columns and the facts, and at what is set up; with
/// `--setup` only at that, and closely.
///
/// # Errors
/// Exit code 1 where something of the store is found; 4 where `--setup` finds something.
pub fn doctor(session: &Session, args: &DoctorArgs) -> Result<(), Failure> {
    if args.setup {
        return doctor_of_setup(session);
    }
    let store = match session.store() {
        // What keeps the index from being brought up to date is what is looked for.
        Err(failure) if failure.kind == "inconsistent" => session.store_as_it_is()?,
        // What is set up can be told without a store.
        Err(failure) if session.project().is_err() => {
            let torch = Torch::look(session, Depth::Sizes);
            if session.json {
                session.print_json(&json!({ "libtorch": torch.json() }))?;
            } else {
                torch.print(session)?;
            }
            return Err(failure);
        }
        other => other?,
    };
    let mut notes: Vec<String> = Vec::new();
    // What `rebuild` does not mend.
    let mut lasting: Vec<String> = store.check_database()?;
    let mut damaged = !lasting.is_empty();
    if let Some((op, verb, arguments)) = store.open_op()? {
        let again = arguments.get("command").and_then(|command| command.as_str()).unwrap_or("it").to_owned();
        match store.writer_now()? {
            Some(holder) => notes.push(format!("op {op} ({verb}) is open, and the store is being written by {holder}")),
            None => lasting
                .push(format!("op {op} ({verb}) was interrupted: `{again}` finishes it, `scenery undo` takes it back")),
        }
    }
    let mut findings: Vec<String> = Vec::new();
    let digests = store.index().digests()?;
    let present = store.present_rows()?;
    let documents = documents_per_row(&store.index())?;
    for (row, count) in &documents {
        if *count > 1 {
            findings.push(format!("index: {count} documents of one sample ({})", shown(&store, *row)));
        }
        if !present.contains(*row) {
            findings.push(format!("index: a document of a sample that is not there (row {row})"));
        }
    }
    for row in present.iter().filter(|row| !documents.contains_key(row)) {
        findings.push(format!("index: no document of {}", shown(&store, row)));
    }
    let columns = store.columns()?;
    let in_columns = columns.present();
    for row in present.iter() {
        if !in_columns.contains(row) {
            findings.push(format!("columns: nothing of {}", shown(&store, row)));
            continue;
        }
        let sample = match store.sample(row) {
            Ok(sample) => sample,
            Err(error) => {
                let what = match &error {
                    StoreError::Inconsistent(what) => what.clone(),
                    other => format!("{}: {}", shown(&store, row), other.bare()),
                };
                if store.sample_without_facts(row).is_ok() {
                    findings.push(format!("facts: {what}"));
                } else {
                    damaged = true;
                    lasting.push(format!("database: {what}"));
                }
                continue;
            }
        };
        let tags: Vec<&str> = sample.tags.iter().map(String::as_str).collect();
        let word = |field: &str| columns.words(field, row).first().copied().map(str::to_owned);
        let same = word("state").as_deref() == Some(sample.state.word())
            && word("source").as_deref() == Some(&sample.source)
            && word("licence").as_deref() == Some(&sample.licence)
            && word("reason") == sample.reason
            && word("split").as_deref() == sample.split.map(|side| side.word()).or(sample.held.then_some("held"))
            && columns.rank(row) == Some(sample.rank)
            && columns.words("tag", row) == tags;
        if !same {
            findings.push(format!("columns: other values than the database for {}", sample.id));
        }
        if crate::sample::content_hash(&sample.code) != sample.content {
            damaged = true;
            lasting.push(format!("database: the code of {} ({}) is not what its hash says", sample.id, sample.locator));
        }
        if digests.get(&row).is_some_and(|digest| *digest != store.index().fields.digest(&sample)) {
            findings.push(format!("index: other values than the database for {} ({})", sample.id, sample.locator));
        }
    }
    for row in in_columns.iter().filter(|row| !present.contains(*row)) {
        findings.push(format!("columns: a sample that is not there (row {row})"));
    }
    for id in store.duplicates_without_survivor()? {
        lasting
            .push(format!("database: {id} is a duplicate, and what it is a duplicate of is not kept: `scenery dedup`"));
    }
    for pin in store.pins(None)? {
        let name = format!("@{}#{}", pin.name, pin.number);
        match store.pin_content(&pin) {
            Ok((content, 0)) if content == pin.content => {}
            Ok((_, forgotten)) if forgotten > 0 => {
                notes.push(format!("{name}: {forgotten} of its {} rows have been forgotten since", pin.rows));
            }
            Ok(_) => {
                damaged = true;
                lasting.push(format!("database: what {name} froze is not what its digest says"));
            }
            Err(error) => {
                damaged = true;
                lasting.push(format!("database: {name}: {}", error.bare()));
            }
        }
    }
    let stale = store.stale_rows(&analyze::analyser_version())?;
    if !stale.is_empty() {
        notes.push(format!(
            "{} samples have facts of an older analyser: `scenery rebuild` makes them anew",
            thousands(stale.len() as u64)
        ));
    }
    let advice = match (damaged, findings.is_empty()) {
        (true, _) => "; what is damaged in the database comes back only from a copy of .scenery/store.sqlite",
        (false, false) => {
            "; `scenery rebuild` makes the index, the columns and unreadable facts anew from the database"
        }
        (false, true) => "",
    };
    lasting.append(&mut findings);
    let findings = lasting;
    let torch = Torch::look(session, Depth::Sizes);
    if session.json {
        session.print_json(&json!({
            "samples": present.len(), "findings": findings, "notes": notes, "libtorch": torch.json(),
        }))?;
    } else {
        for finding in &findings {
            session.print(format!("{}\n", safe(finding)))?;
        }
        for note in &notes {
            session.note(note);
        }
        if findings.is_empty() {
            session
                .print(format!("{} samples: database, index and columns agree\n", thousands(present.len() as u64)))?;
        }
        torch.print(session)?;
    }
    if findings.is_empty() {
        return Ok(());
    }
    Err(Failure::request(format!("{} findings{advice}", findings.len())))
}

/// Looks at what is set up alone, file by file.
fn doctor_of_setup(session: &Session) -> Result<(), Failure> {
    let torch = Torch::look(session, Depth::Hashes);
    if session.json {
        session.print_json(&json!({ "libtorch": torch.json() }))?;
    } else {
        torch.print(session)?;
    }
    match torch.fault() {
        None => Ok(()),
        Some(what) => {
            let again = "scenery setup libtorch".to_owned();
            Err(Failure::new(4, "libtorch", format!("{what}: `{again}` makes it anew")).suggesting(vec![again]))
        }
    }
}

/// What is known of libtorch without loading it.
struct Torch {
    /// The tree that this program was linked to, else that of the checkout; none where there is neither.
    directory: Option<PathBuf>,
    /// What it is.
    state: Result<State, SetupError>,
}

impl Torch {
    fn look(session: &Session, depth: Depth) -> Torch {
        let linked = option_env!("SCENERY_LIBTORCH").map(PathBuf::from);
        let directory = linked.or_else(|| checkout(&session.directory).ok().map(|checkout| checkout.join(FOLDER)));
        let state = match &directory {
            Some(directory) => state(directory, &pinned().version, depth),
            None => Ok(State::Missing),
        };
        Torch { directory, state }
    }

    fn print(&self, session: &Session) -> Result<(), Failure> {
        for line in torch_lines(self) {
            session.print(format!("libtorch: {}\n", safe(&line)))?;
        }
        Ok(())
    }

    /// What keeps it from being used, where something does.
    fn fault(&self) -> Option<String> {
        let directory = self.directory.as_ref()?.display();
        match &self.state {
            Ok(State::Missing) if cfg!(feature = "train") => Some(format!("{directory}: there is no libtorch")),
            Ok(State::Damaged(wrong)) => Some(format!("{directory} is damaged: {}", faults(wrong))),
            Ok(State::Foreign { version: Some(found), .. }) if *found != pinned().version => {
                Some(format!("{directory} is libtorch {found}, and this scenery takes {}", pinned().version))
            }
            Err(error) => Some(Failure::about(error)),
            _ => None,
        }
    }

    fn json(&self) -> Value {
        let (word, version, cuda, wrong) = match &self.state {
            Ok(State::Missing) => ("missing", None, false, Vec::new()),
            Ok(State::Foreign { why, version }) => ("foreign", version.clone(), false, vec![why.clone()]),
            Ok(State::Damaged(wrong)) => ("damaged", None, false, wrong.clone()),
            Ok(State::Complete(manifest)) => ("complete", Some(manifest.version.clone()), manifest.cuda, Vec::new()),
            Err(error) => ("unreadable", None, false, vec![Failure::about(error)]),
        };
        let report = crate::nn::report();
        json!({
            "train": report.built_in, "directory": self.directory, "state": word, "version": version,
            "cuda": cuda, "devices": report.devices, "wrong": wrong,
        })
    }
}

fn torch_lines(torch: &Torch) -> Vec<String> {
    let report = crate::nn::report();
    let built = if report.built_in { "with" } else { "without" };
    let mut out = vec![format!("this program is built {built} training")];
    if let Some(version) = &report.version {
        out.push(format!("version {version}; devices: {}; {}", report.devices.join(", "), report.cuda));
    }
    let Some(directory) = &torch.directory else {
        return out;
    };
    let directory = directory.display();
    out.push(match &torch.state {
        Ok(State::Complete(manifest)) => {
            let cuda =
                if manifest.cuda { "with CUDA" } else { "without CUDA (`scenery setup libtorch --cuda` adds it)" };
            let (files, bytes) = (thousands(manifest.files.len() as u64), size(manifest.bytes()));
            format!("{} in {directory}, {cuda}: {files} files, {bytes}, as they were made", manifest.version)
        }
        Ok(State::Missing) => format!("not in {directory}: `scenery setup libtorch` puts it there"),
        Ok(State::Foreign { why, version }) => {
            let version = version.as_deref().unwrap_or("of an unknown version");
            format!("{version} in {directory}, unchecked: {why}")
        }
        Ok(State::Damaged(wrong)) => format!("{directory} is damaged: {}", faults(wrong)),
        Err(error) => Failure::about(error),
    });
    out
}

fn shown(store: &Store, row: u32) -> String {
    store.name_of(row).unwrap_or_else(|_| format!("row {row}"))
}

/// Analyses samples anew whose facts are stale or cannot be read, then makes the index and the columns anew.
///
/// # Errors
/// As the store.
pub fn rebuild(session: &Session) -> Result<(), Failure> {
    let mut store = session.mendable()?;
    let version = analyze::analyser_version();
    let mut stale = store.stale_rows(&version)?;
    stale.extend(store.unreadable_facts()?);
    stale.sort_unstable();
    stale.dedup();
    if !stale.is_empty() {
        let now = session.now();
        let op = store.begin(&Begin {
            verb: "rebuild",
            arguments: json!({ "analyser": version, "command": "scenery rebuild" }),
            now: &now,
        })?;
        if let Err(error) = analyse_anew(&mut store, &version, &stale) {
            // Nothing of it is left open; that what is derived may still be behind is no news.
            let _ = store.discard(op);
            return Err(error.into());
        }
        store.close(op, &json!({ "analysed": stale.len() }), &now)?;
    }
    store.rebuild()?;
    let samples = store.present_rows()?.len();
    if session.json {
        return session.print_json(&json!({ "samples": samples, "analysed": stale.len() }));
    }
    session.say(format!(
        "{} samples indexed anew, {} analysed anew",
        thousands(samples as u64),
        thousands(stale.len() as u64)
    ));
    Ok(())
}

/// Replaces the facts of rows.
fn analyse_anew(store: &mut Store, version: &str, rows: &[u32]) -> Result<(), StoreError> {
    let analyser = store.analyser_number(version)?;
    for batch in rows.chunks(BATCH) {
        let facts = facts_of(store, batch)?;
        store.put_facts(analyser, &facts)?;
    }
    Ok(())
}

/// The facts of rows, made anew.
fn facts_of(store: &Store, rows: &[u32]) -> Result<Vec<(u32, Facts)>, StoreError> {
    let dialects: std::collections::BTreeMap<String, _> =
        store.sources()?.into_iter().map(|source| (source.name, source.dialect)).collect();
    let mut tasks = Vec::with_capacity(rows.len());
    for row in rows {
        let sample = store.sample_without_facts(*row)?;
        let (dialect, issues) = store.hints(*row)?;
        let hint = dialect.or(dialects.get(&sample.source).copied().flatten());
        tasks.push((sample, hint, issues));
    }
    Ok(analyze::parse::pool().install(|| {
        tasks
            .par_iter()
            .map(|(sample, hint, issues)| {
                (sample.row, analyze::analyse(&sample.code, sample.instruction.as_deref(), *hint, issues))
            })
            .collect()
    }))
}
