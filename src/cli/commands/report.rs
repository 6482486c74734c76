//! `report`.

use std::collections::BTreeMap;

use serde_json::json;

use crate::cli::args::{LedgerFormat, ReportArgs, ReportWhat};
use crate::cli::draw::{safe, thousands};
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::report::{self, Entry, Format, Ledger};
use crate::sample::State;
use crate::store::{Method, Store};

/// Prints a report, or checks one.
///
/// # Errors
/// Where it does not add up; as the store.
pub fn report(session: &Session, args: &ReportArgs) -> Result<(), Failure> {
    match &args.what {
        ReportWhat::Ledger(args) => ledger(session, args.format),
        ReportWhat::Check(args) => check(session, &args.file),
    }
}

fn ledger(session: &Session, format: Option<LedgerFormat>) -> Result<(), Failure> {
    let store = session.store()?;
    let ledger = ledger_of(&store)?;
    if ledger.entries.is_empty() {
        return Err(Failure::request("nothing was read yet: `scenery ingest` reads a source"));
    }
    ledger.balance().map_err(|error| Failure::request(error.to_string()))?;
    let format = match format {
        _ if session.json => Format::Json,
        None | Some(LedgerFormat::Text) => Format::Text,
        Some(LedgerFormat::Markdown) => Format::Markdown,
        Some(LedgerFormat::Csv) => Format::Csv,
        Some(LedgerFormat::Json) => Format::Json,
    };
    let text = ledger.render(format);
    session.print(if text.ends_with('\n') { text } else { text + "\n" })
}

/// The ledger of a store: what was read is counted by the columns, what became of it by the database.
///
/// # Errors
/// As the store.
pub fn ledger_of(store: &Store) -> Result<Ledger, Failure> {
    let mut entries: BTreeMap<String, Entry> = BTreeMap::new();
    let columns = store.columns()?;
    for (source, count) in columns.counts("source") {
        entries.entry(source.clone()).or_insert_with(|| Entry { source, ..Entry::default() }).read += count;
    }
    // A row that is read again after it was forgotten is that sample, not another one.
    for (source, reason, count) in store.rejected_counts()?.into_iter().filter(|(_, reason, _)| reason != "forgotten") {
        let entry = entries.entry(source.clone()).or_insert_with(|| Entry { source, ..Entry::default() });
        entry.read += count;
        *entry.by_reason.entry(reason).or_default() += count;
    }
    let mut generated: BTreeMap<String, u64> = BTreeMap::new();
    for counted in store.account()? {
        let source = counted.source.clone();
        let entry = entries.entry(source.clone()).or_insert_with(|| Entry { source, ..Entry::default() });
        let count = counted.count;
        match (counted.state, counted.duplicate) {
            (State::Rejected, _) => *entry.by_reason.entry(counted.reason.unwrap_or_default()).or_default() += count,
            (State::Forgotten, _) => entry.forgotten += count,
            (State::Duplicate, Some((Method::Exact, _))) => entry.exact += count,
            (State::Duplicate, Some((_, true))) => entry.near_within += count,
            (State::Duplicate, Some((_, false))) => entry.near_across += count,
            // What nobody stands for is not accounted for: the ledger does not balance.
            (State::Duplicate, None) => {}
            (State::Generated, _) => *generated.entry(counted.source).or_default() += count,
            (State::Kept, _) => {
                entry.kept += count;
                let side = match counted.side.as_deref() {
                    Some("train") => &mut entry.sides.train,
                    Some("validation") => &mut entry.sides.validation,
                    Some("test") => &mut entry.sides.test,
                    Some("held") => &mut entry.sides.held,
                    _ => &mut entry.sides.none,
                };
                *side += count;
            }
        }
    }
    // What a model wrote was not read.
    for (source, count) in generated {
        if let Some(entry) = entries.get_mut(&source) {
            entry.read = entry.read.saturating_sub(count);
        }
    }
    Ok(Ledger { entries: entries.into_values().filter(|entry| entry.read > 0).collect() })
}

fn check(session: &Session, file: &std::path::Path) -> Result<(), Failure> {
    let text = if file.as_os_str() == "-" {
        std::io::read_to_string(std::io::stdin())
            .map_err(|error| Failure::request(format!("standard input: {error}")))?
    } else {
        std::fs::read_to_string(file).map_err(|error| Failure::file(file, &error))?
    };
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned());
    let checked = report::check(&text, name.as_deref())
        .map_err(|error| Failure::request(format!("{}: {error}", file.display())))?;
    for column in &checked.unchecked {
        session.note(format!("`{column}` stands in no equation, so nothing says whether it is right"));
    }
    if session.json {
        let findings: Vec<_> = checked
            .findings
            .iter()
            .map(|each| json!({ "place": each.place, "unexplained": each.unexplained, "message": each.message }))
            .collect();
        session.print_json(&json!({ "laws": checked.laws, "findings": findings, "unchecked": checked.unchecked }))?;
    } else {
        for finding in &checked.findings {
            session.print(format!("{}: {}\n", safe(&finding.place), safe(&finding.message)))?;
        }
    }
    if checked.findings.is_empty() {
        session.say(format!("it adds up: {} equations hold", thousands(checked.laws as u64)));
        return Ok(());
    }
    let first = &checked.findings[0].message;
    Err(Failure::request(format!(
        "{} does not add up: {} of {} equations do not hold ({first})",
        file.display(),
        checked.findings.len(),
        checked.laws
    )))
}
