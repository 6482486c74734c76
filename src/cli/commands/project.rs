//! `init`, `log`, `undo`.

use serde_json::json;

use crate::cli::args::{InitArgs, LogArgs, UndoArgs};
use crate::cli::draw::{line, table};
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::store::Project;

/// Makes a project.
///
/// # Errors
/// Where there is one, or the directory cannot be written.
pub fn init(session: &Session, args: &InitArgs) -> Result<(), Failure> {
    let project = Project::init(&session.directory.join(&args.dir))?;
    if session.json {
        return session.print_json(&json!({ "project": project.root }));
    }
    session.say(format!(
        "made a project in {}\nnext: `scenery sources` lists what can be read, `scenery ingest FILE` looks into a file",
        project.root.display()
    ));
    Ok(())
}

/// Prints the ops.
///
/// # Errors
/// As the store.
pub fn log(session: &Session, args: &LogArgs) -> Result<(), Failure> {
    if args.text.is_some() || args.regex.is_some() {
        return log_of_text(session, args);
    }
    let mut ops = session.store_as_it_is()?.ops()?;
    ops.truncate(args.limit.unwrap_or(usize::MAX));
    if session.json {
        return session.print_json(&ops);
    }
    let rows: Vec<Vec<String>> = ops
        .iter()
        .map(|op| {
            let state = match (&op.ended, op.undone_by) {
                (None, _) => "open".to_owned(),
                (_, Some(by)) => format!("undone by {by}"),
                _ => String::new(),
            };
            let counts = [
                "run",
                "state",
                "source",
                "read",
                "new",
                "changed",
                "unchanged",
                "rejected",
                "gone",
                "back",
                "undone",
                "restored",
                "removed",
                "analysed",
                "pin",
                "rows",
                "steps",
                "loss",
            ]
            .iter()
            .filter_map(|name| {
                let value = op.summary.get(*name)?;
                let text = plain(value.get("total").unwrap_or(value))?;
                // What is gone or back is rare, and said where there is any.
                let rare = matches!(*name, "gone" | "back") && text == "0";
                (!rare).then(|| format!("{name} {text}"))
            })
            .collect::<Vec<_>>()
            .join(", ");
            // What an ingest read is in its counts; what others were asked for is in the command alone.
            let command = op.arguments.get("command").and_then(serde_json::Value::as_str);
            let asks = ["tag", "reject", "restore", "forget", "load", "split", "dedup", "decontaminate", "train"];
            let counts = match command.filter(|_| asks.contains(&op.verb.as_str())) {
                Some(command) => format!("{counts}   {command}"),
                None => counts,
            };
            vec![op.op.to_string(), op.started.clone(), op.verb.clone(), state, line(&counts, 200)]
        })
        .collect();
    session.print(table(&["op", "started", "verb", "state", "what"], &rows, session.width))
}

/// Prints the ops after which other samples hold a text than before.
fn log_of_text(session: &Session, args: &LogArgs) -> Result<(), Failure> {
    let store = session.store_as_it_is()?;
    let mut found = match (&args.text, &args.regex) {
        (Some(text), _) if text.is_empty() => {
            return Err(Failure::usage("-S wants a text: every sample holds the empty one"));
        }
        (Some(text), _) => {
            let finder = memchr::memmem::Finder::new(text.as_bytes());
            store.text_changes(&|held| finder.find(held.as_bytes()).is_some())?
        }
        (None, regex) => {
            let pattern = regex.as_deref().unwrap_or_default();
            let regex = regex::Regex::new(pattern).map_err(|error| {
                let message = error.to_string();
                let last = message.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                Failure::usage(format!("-G {pattern}: this regular expression is wrong: {last}"))
            })?;
            store.text_changes(&|held| regex.is_match(held))?
        }
    };
    found.reverse();
    found.truncate(args.limit.unwrap_or(usize::MAX));
    if session.json {
        return session.print_json(&found);
    }
    if found.is_empty() {
        session.say("no sample of this store ever held it");
        return Ok(());
    }
    let all: Vec<_> = found.iter().flat_map(|change| change.entered.iter().chain(&change.left)).copied().collect();
    let digits = store.short_digits(&all)?;
    let ids = |ids: &[crate::sample::SampleId]| {
        let named: Vec<String> = ids.iter().take(3).map(|id| id.to_string()[..digits].to_owned()).collect();
        format!("{}{}", named.join(" "), if ids.len() > named.len() { " …" } else { "" })
    };
    let rows: Vec<Vec<String>> = found
        .iter()
        .map(|change| {
            vec![
                change.op.to_string(),
                change.ended.clone(),
                change.verb.clone(),
                format!("+{} −{}", change.entered.len(), change.left.len()),
                ids(&change.entered),
                ids(&change.left),
            ]
        })
        .collect();
    session.print(table(&["op", "ended", "verb", "samples", "entered", "left"], &rows, session.width))
}

fn plain(value: &serde_json::Value) -> Option<String> {
    match value {
        serde_json::Value::String(text) => Some(text.clone()),
        serde_json::Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Takes an op back.
///
/// # Errors
/// Where there is none, or a later one stands above it.
pub fn undo(session: &Session, args: &UndoArgs) -> Result<(), Failure> {
    let undone = session.mendable()?.undo(args.op, &session.now())?;
    if session.json {
        return session.print_json(&undone);
    }
    session.say(format!(
        "op {} ({}) is undone: {} samples are as they were, {} are gone{}",
        undone.undone,
        undone.verb,
        undone.restored,
        undone.removed,
        if undone.op == undone.undone {
            String::new()
        } else {
            format!("; `scenery undo {}` takes that back", undone.op)
        }
    ));
    Ok(())
}
