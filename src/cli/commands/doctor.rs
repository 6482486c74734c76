//! `doctor` and `rebuild`.

use rayon::prelude::*;
use serde_json::json;

use crate::analyze;
use crate::cli::draw::{safe, thousands};
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::sample::Facts;
use crate::store::index::search::documents_per_row;
use crate::store::{Begin, Store, StoreError};

/// Rows that are read and analysed at once.
const BATCH: usize = 1024;

/// Looks for every divergence between the database, the index, the columns and the facts.
///
/// # Errors
/// Exit code 1 where something is found.
pub fn doctor(session: &Session) -> Result<(), Failure> {
    let store = session.store()?;
    let mut findings: Vec<String> = store.check_database()?;
    if let Some((op, verb, arguments)) = store.open_op()? {
        let again = arguments.get("command").and_then(|command| command.as_str()).unwrap_or("it").to_owned();
        findings.push(format!("op {op} ({verb}) is open: `{again}` finishes it, `scenery undo` takes it back"));
    }
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
                findings.push(format!("database: {error}"));
                continue;
            }
        };
        let tags: Vec<&str> = sample.tags.iter().map(String::as_str).collect();
        let word = |field: &str| columns.words(field, row).first().copied().map(str::to_owned);
        let same = word("state").as_deref() == Some(sample.state.word())
            && word("source").as_deref() == Some(&sample.source)
            && word("licence").as_deref() == Some(&sample.licence)
            && word("reason") == sample.reason
            && word("split").as_deref() == sample.split.map(|side| side.word())
            && columns.rank(row) == Some(sample.rank)
            && columns.words("tag", row) == tags;
        if !same {
            findings.push(format!("columns: other values than the database for {}", sample.id));
        }
        if crate::sample::content_hash(&sample.code) != sample.content {
            findings.push(format!("database: the code of {} is not what its hash says", sample.id));
        }
    }
    for row in in_columns.iter().filter(|row| !present.contains(*row)) {
        findings.push(format!("columns: a sample that is not there (row {row})"));
    }
    let stale = store.stale_rows(&analyze::analyser_version())?;
    let notes: Vec<String> = if stale.is_empty() {
        Vec::new()
    } else {
        vec![format!(
            "{} samples have facts of an older analyser: `scenery rebuild` makes them anew",
            thousands(stale.len() as u64)
        )]
    };
    if session.json {
        session.print_json(&json!({ "samples": present.len(), "findings": findings, "notes": notes }))?;
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
    }
    if findings.is_empty() {
        return Ok(());
    }
    Err(Failure::request(format!(
        "{} findings; `scenery rebuild` makes the index and the columns anew from the database",
        findings.len()
    )))
}

fn shown(store: &Store, row: u32) -> String {
    store.sample(row).map_or_else(|_| format!("row {row}"), |sample| sample.id.to_string())
}

/// Analyses stale samples anew, then makes the index and the columns anew.
///
/// # Errors
/// As the store.
pub fn rebuild(session: &Session) -> Result<(), Failure> {
    let mut store = session.writable()?;
    let version = analyze::analyser_version();
    let stale = store.stale_rows(&version)?;
    if !stale.is_empty() {
        let now = session.now();
        let op = store.begin(&Begin {
            verb: "rebuild",
            arguments: json!({ "analyser": version, "command": "scenery rebuild" }),
            now: &now,
        })?;
        let analyser = store.analyser_number(&version)?;
        for batch in stale.chunks(BATCH) {
            let facts = facts_of(&store, batch)?;
            store.put_facts(analyser, &facts)?;
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

/// The facts of rows, made anew.
fn facts_of(store: &Store, rows: &[u32]) -> Result<Vec<(u32, Facts)>, StoreError> {
    let dialects: std::collections::BTreeMap<String, _> =
        store.sources()?.into_iter().map(|source| (source.name, source.dialect)).collect();
    let mut tasks = Vec::with_capacity(rows.len());
    for row in rows {
        let sample = store.sample(*row)?;
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
