//! `tag`, `reject`, `restore`, `forget`, `dump`, `load`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::cli::args::{DumpArgs, ForgetArgs, LoadArgs, Missing, RejectArgs, RestoreArgs, TagArgs};
use crate::cli::draw::{line, table, thousands};
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::settings::Settings;
use crate::cli::whole;
use crate::curate::{self, CurateError};
use crate::dedup;
use crate::query::States;
use crate::slice::vocabulary::StoreVocabulary;
use crate::store::{Begin, Store};

/// Rows that are shown of what changes.
const SHOWN: usize = 5;

impl From<CurateError> for Failure {
    fn from(error: CurateError) -> Failure {
        match error {
            CurateError::Store(error) => error.into(),
            CurateError::Tag(_) | CurateError::Reason | CurateError::Reserved(_) => Failure::usage(error.to_string()),
            other => Failure::request(other.to_string()),
        }
    }
}

/// Rows that a query selects, in its order.
fn rows_of(session: &Session, store: &Store, text: &str, states: States) -> Result<Vec<u32>, Failure> {
    let plan = session.compile_in(store, text, &StoreVocabulary::new(store), states)?.plan;
    if let Some(op) = plan.at {
        return Err(Failure::usage(format!(
            "this query asks about op {op}: only samples as they are now can be changed"
        )));
    }
    Ok(session.select(store, &plan, usize::MAX)?.rows.into_iter().map(|(row, _)| row).collect())
}

/// The text of a query that must say something: an empty one would change every sample.
fn said(session: &Session, asked: &crate::cli::args::Asked) -> Result<String, Failure> {
    let text = session.query_text(asked)?;
    if crate::query::says_nothing(&text) {
        return Err(Failure::usage(
            "name the samples to change: a query after `--`, such as `-- source:edoh`, or `-- state:any` for all",
        ));
    }
    Ok(text)
}

/// `1 sample`, `12 samples`.
fn samples(count: u64) -> String {
    format!("{} sample{}", thousands(count), if count == 1 { "" } else { "s" })
}

/// What a verb is about to do.
struct Act<'a> {
    verb: &'a str,
    arguments: Value,
    /// How many rows were selected.
    selected: usize,
    changes: Vec<(u32, Value)>,
    /// What was done to how many, with `{}` for `12 samples`: `rejected {} (off-topic)`.
    done: String,
    /// The same of what is not done yet: `would reject {} (off-topic)`.
    would: String,
    dry_run: bool,
}

impl Act<'_> {
    /// Shows or does it.
    fn run(mut self, session: &Session, store: &mut Store) -> Result<(), Failure> {
        let count = self.changes.len() as u64;
        let shown: Vec<u32> = self.changes.iter().take(SHOWN).map(|(row, _)| *row).collect();
        let mut op = None;
        let mut regrown = 0;
        if self.dry_run {
            if !session.json {
                show(session, store, &shown)?;
            }
        } else if count > 0 {
            let settings = Settings::read(store.project())?.dedup;
            if let Some(fields) = self.arguments.as_object_mut() {
                fields.insert("command".into(), json!(session.command));
            }
            let begin = Begin { verb: self.verb, arguments: self.arguments, now: &session.now() };
            let number = store.begin(&begin)?;
            store.change(&self.changes)?;
            regrown = dedup::regrow(store, &settings)?;
            let summary = json!({ "rows": count, "regrown": regrown });
            store.close(number, &summary, &session.now())?;
            op = Some(number);
        }
        if session.json {
            return session.print_json(&json!({
                "selected": self.selected, "changed": count, "regrown": regrown, "dry_run": self.dry_run, "op": op,
            }));
        }
        let same = self.selected as u64 - count;
        let same =
            if same > 0 { format!("; {} of those selected are so already", thousands(same)) } else { String::new() };
        let named = |pattern: &str| pattern.replace("{}", &samples(count));
        session.say(match op {
            Some(op) => format!("{}{same} (op {op}; `scenery undo {op}` takes it back)", named(&self.done)),
            None if self.dry_run => format!("{}{same}; nothing was changed", named(&self.would)),
            None if self.selected == 0 => "the query selects nothing; nothing was changed".to_owned(),
            None => format!("nothing changes: {} are so already", samples(self.selected as u64)),
        });
        if regrown > 0 {
            session.say(format!("{} duplicates have another survivor now, or are kept", thousands(regrown)));
        }
        Ok(())
    }
}

/// A table of rows.
fn show(session: &Session, store: &Store, rows: &[u32]) -> Result<(), Failure> {
    let mut cells = Vec::new();
    for row in rows {
        let sample = store.sample_without_facts(*row)?;
        cells.push(vec![
            sample.id.to_string()[..8].to_owned(),
            sample.source.clone(),
            line(&sample.locator, 40),
            curate::standing(&sample),
            sample.tags.iter().cloned().collect::<Vec<_>>().join(" "),
            line(sample.instruction.as_deref().unwrap_or_default(), 60),
        ]);
    }
    if cells.is_empty() {
        return Ok(());
    }
    session.print(table(&["id", "source", "locator", "state", "tags", "instruction"], &cells, session.width))
}

/// Adds and removes tags.
///
/// # Errors
/// As the query and the store; usage where a label is none.
pub fn tag(session: &Session, args: &TagArgs) -> Result<(), Failure> {
    let (mut add, mut remove) = (BTreeSet::new(), BTreeSet::new());
    for label in &args.labels {
        match (label.strip_prefix('+'), label.strip_prefix('-')) {
            (Some(name), _) => add.insert(curate::tag_name(name)?),
            (_, Some(name)) => remove.insert(curate::tag_name(name)?),
            _ => {
                return Err(Failure::usage(format!(
                    "`{label}` is no change of tags: `+{label}` adds, `-{label}` removes, and the query comes after `--`"
                )));
            }
        };
    }
    if let Some(both) = add.intersection(&remove).next() {
        return Err(Failure::usage(format!("`{both}` is to be added and removed")));
    }
    let text = args.query.join(" ");
    if crate::query::says_nothing(&text) {
        return Err(Failure::usage("name the samples after `--`: `scenery tag +core -- source:manimbench`"));
    }
    let mut store = session.writable()?;
    let rows = rows_of(session, &store, &text, States::Kept)?;
    let changes = curate::tag(&store, &rows, &add, &remove)?;
    let labels = args.labels.join(" ");
    let arguments = json!({ "add": add, "remove": remove, "query": text });
    Act {
        verb: "tag",
        arguments,
        selected: rows.len(),
        changes,
        done: format!("tagged {{}} {labels}"),
        would: format!("would tag {{}} {labels}"),
        dry_run: args.dry_run,
    }
    .run(session, &mut store)
}

/// Rejects samples.
///
/// # Errors
/// As the query and the store.
pub fn reject(session: &Session, args: &RejectArgs) -> Result<(), Failure> {
    let reason = curate::reason(&args.reason)?;
    let text = said(session, &args.asked)?;
    let mut store = session.writable()?;
    let rows = rows_of(session, &store, &text, States::Kept)?;
    let changes = curate::reject(&store, &rows, &reason)?;
    Act {
        verb: "reject",
        arguments: json!({ "reason": reason, "query": text }),
        selected: rows.len(),
        changes,
        done: format!("rejected {{}} ({reason})"),
        would: format!("would reject {{}} ({reason})"),
        dry_run: args.dry_run,
    }
    .run(session, &mut store)
}

/// Brings rejected samples and duplicates back.
///
/// # Errors
/// As the query and the store.
pub fn restore(session: &Session, args: &RestoreArgs) -> Result<(), Failure> {
    let text = said(session, &args.asked)?;
    let mut store = session.writable()?;
    let rows = rows_of(session, &store, &text, States::PutAside)?;
    let changes = curate::restore(&store, &rows)?;
    let exempt = changes.iter().filter(|(_, after)| after.get("exempt").is_some()).count() as u64;
    let mut done = "restored {}".to_owned();
    if exempt > 0 {
        done.push_str(&format!("; {} of them were duplicates and are exempt from now on", thousands(exempt)));
    }
    if exempt < changes.len() as u64 {
        done.push_str("; `scenery dedup` compares what was rejected again");
    }
    Act {
        verb: "restore",
        arguments: json!({ "query": text }),
        selected: rows.len(),
        changes,
        done,
        would: "would restore {}".into(),
        dry_run: args.dry_run,
    }
    .run(session, &mut store)
}

/// Removes the content of samples for good.
///
/// # Errors
/// Where the origin names nothing, or `--yes` is missing; as the store.
pub fn forget(session: &Session, args: &ForgetArgs) -> Result<(), Failure> {
    let mut store = session.writable()?;
    let rows = curate::of_origin(&store, &args.origin)?;
    let count = rows.len() as u64;
    if count == 0 {
        session.say("all of it is forgotten already");
        return if session.json { session.print_json(&json!({ "forgotten": 0, "op": null })) } else { Ok(()) };
    }
    let written = store.generated_rows()?;
    let written = rows.iter().filter(|row| written.contains(**row)).count() as u64;
    if written > 0 && written < count {
        session.note(format!(
            "{} were written by models from the prompts of the others, and hold these: they are forgotten with them",
            samples(written)
        ));
    }
    let copies = store.copies_of(&rows)?;
    if copies > 0 {
        session.note(format!(
            "{} other samples hold equal code and stay: `scenery clusters` lists them",
            thousands(copies)
        ));
    }
    if args.dry_run || !args.yes {
        if !session.json {
            show(session, &store, &rows[..rows.len().min(SHOWN)])?;
        }
        let final_word =
            "texts, facts, columns, signatures and history of them go, and nothing brings them back, `undo` neither";
        if args.dry_run {
            session.say(format!("would forget {}: {final_word}; nothing was changed", samples(count)));
            return if session.json {
                session.print_json(&json!({ "would_forget": count, "op": null }))
            } else {
                Ok(())
            };
        }
        return Err(Failure::request(format!(
            "this would forget {} for good: {final_word}; add --yes to do it",
            samples(count)
        )));
    }
    let settings = Settings::read(store.project())?.dedup;
    let arguments = json!({ "origin": args.origin, "command": session.command });
    let op = store.begin(&Begin { verb: "forget", arguments, now: &session.now() })?;
    let after = json!({
        "state": "forgotten", "reason": null, "tags": "[]", "meta": "{}", "family": null, "issues": "[]", "level": null,
        "split": null, "held": 0, "side_revision": null, "family_of": null, "exempt": 0,
        "dup_of": null, "dup_similarity": null, "dup_method": null, "dup_clause": null,
    });
    store.change(&rows.iter().map(|row| (*row, after.clone())).collect::<Vec<_>>())?;
    let regrown = dedup::regrow(&mut store, &settings)?;
    let summary = json!({ "rows": count, "regrown": regrown });
    store.close_forgetting(op, &rows, &summary, &session.now())?;
    if session.json {
        return session.print_json(&json!({ "forgotten": count, "regrown": regrown, "op": op }));
    }
    session.say(format!("forgot {} for good (op {op})", samples(count)));
    if regrown > 0 {
        session.say(format!("{} duplicates have another survivor now, or are kept", thousands(regrown)));
    }
    Ok(())
}

/// Writes all decisions as JSON lines.
///
/// # Errors
/// As the store; where the file cannot be written.
pub fn dump(session: &Session, args: &DumpArgs) -> Result<(), Failure> {
    let store = session.store()?;
    let decisions = curate::dump(&store)?;
    let mut text = String::new();
    for decision in &decisions {
        text.push_str(&serde_json::to_string(decision).map_err(|error| Failure::request(error.to_string()))?);
        text.push('\n');
    }
    match &args.out {
        None => session.print(text)?,
        Some(path) => whole::write(path, |write| write(&text))?,
    }
    session.say(format!("decisions about {} samples", thousands(decisions.len() as u64)));
    Ok(())
}

/// Brings decisions in.
///
/// # Errors
/// Where a line is none, names a sample that is not here, or a side that is another here; as the store.
pub fn load(session: &Session, args: &LoadArgs) -> Result<(), Failure> {
    let text = std::fs::read_to_string(&args.file).map_err(|error| Failure::file(&args.file, &error))?;
    let decisions =
        curate::read_dump(&text).map_err(|error| Failure::request(format!("{}: {error}", args.file.display())))?;
    let mut store = session.writable()?;
    let loaded = curate::load(&store, &decisions)?;
    if let Some((decision, own)) = loaded.contradictions.first() {
        let wanted = decision.split.map_or("", |side| side.word());
        return Err(Failure::request(format!(
            "{} decisions put a sample on another side than it has here ({} is {own} here and {wanted} there): recorded sides never move",
            loaded.contradictions.len(),
            &decision.id[..12],
        )));
    }
    if let Some(first) = loaded.missing.first() {
        let message = format!(
            "{} decisions are about samples that are not here ({} {})",
            loaded.missing.len(),
            first.source,
            first.locator
        );
        if args.missing == Missing::Error {
            return Err(Failure::request(format!("{message}: read their sources first, or add `--missing skip`")));
        }
        session.note(message);
    }
    let digest = crate::sample::hex(&crate::sample::hash16(&[text.as_bytes()]));
    Act {
        verb: "load",
        arguments: json!({ "file": args.file.display().to_string(), "content": digest }),
        selected: loaded.changes.len() + loaded.unchanged as usize,
        changes: loaded.changes,
        done: "changed {}, as the file says".into(),
        would: "would change {}".into(),
        dry_run: args.dry_run,
    }
    .run(session, &mut store)
}
