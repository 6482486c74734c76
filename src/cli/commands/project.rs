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
            vec![op.op.to_string(), op.started.clone(), op.verb.clone(), state, line(&counts, 200)]
        })
        .collect();
    session.print(table(&["op", "started", "verb", "state", "what"], &rows, session.width))
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
