//! `standardise`.

use serde_json::json;

use super::curate::{rows_of, said, samples};
use crate::cli::args::StandardiseArgs;
use crate::cli::draw::{line, table, thousands};
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::settings::Settings;
use crate::curate::standardise::{Form, Lacking, Repeats, Standardised, apply, plan};
use crate::dedup;
use crate::query::States;
use crate::store::Begin;

/// Changes that are shown.
const SHOWN: usize = 5;
/// Samples without a value that are listed.
const LISTED: usize = 20;

/// Gives samples one form of instruction.
///
/// # Errors
/// As the query and the store; where a sample lacks a value and `--skip-missing` is not given.
pub fn standardise(session: &Session, args: &StandardiseArgs) -> Result<(), Failure> {
    let form = Form::parse(&args.to)?;
    let from = match &args.from {
        None => None,
        Some(pattern) => {
            let read = regex::Regex::new(pattern);
            Some(read.map_err(|error| Failure::usage(format!("--from {pattern}: {error}")))?)
        }
    };
    let text = said(session, &args.asked)?;
    let mut store = session.writable()?;
    let rows = rows_of(session, &store, &text, States::Kept)?;
    let planned = plan(&store, &rows, &form, from.as_ref())?;
    let refused = !planned.lacking.is_empty() && !args.skip_missing;
    let count = planned.changes.len() as u64;
    let mut op = None;
    if count > 0 && !refused && !args.dry_run {
        let settings = Settings::read(store.project())?.dedup;
        let arguments = json!({
            "to": args.to, "from": args.from, "skip_missing": args.skip_missing, "query": text,
            "command": session.command,
        });
        let number = store.begin(&Begin { verb: "standardise", arguments, now: &session.now() })?;
        apply(&mut store, number, &planned.changes)?;
        let regrown = dedup::regrow(&mut store, &settings)?;
        let summary = json!({ "rows": count, "lacking": planned.lacking.len(), "regrown": regrown });
        store.close(number, &summary, &session.now())?;
        op = Some(number);
    }
    if session.json {
        session.print_json(&json!({
            "selected": rows.len(), "changed": if refused { 0 } else { count }, "same": planned.same,
            "lacking": planned.lacking, "repeats": { "before": planned.before, "after": planned.after },
            "dry_run": args.dry_run, "op": op,
        }))?;
    } else {
        print(session, args, &planned, op)?;
    }
    if refused {
        let lacking = planned.lacking.len() as u64;
        let message = format!(
            "{} of {} lack a value for {}; nothing was changed: give --from a pattern that finds it, leave them out of the query, or add --skip-missing",
            thousands(lacking),
            samples(rows.len() as u64),
            gaps(&planned.lacking)
        );
        return Err(Failure::request(message).suggesting(vec!["--skip-missing".to_owned()]));
    }
    Ok(())
}

/// The gaps that samples have no value for: `{function}`.
fn gaps(lacking: &[Lacking]) -> String {
    let mut names: Vec<&str> = lacking.iter().flat_map(|each| &each.gaps).map(String::as_str).collect();
    names.sort_unstable();
    names.dedup();
    names.iter().map(|name| format!("{{{name}}}")).collect::<Vec<_>>().join(", ")
}

fn print(session: &Session, args: &StandardiseArgs, planned: &Standardised, op: Option<i64>) -> Result<(), Failure> {
    let refused = !planned.lacking.is_empty() && !args.skip_missing;
    if args.dry_run && !refused {
        let cells: Vec<Vec<String>> = planned
            .changes
            .iter()
            .take(SHOWN)
            .map(|change| {
                let before = line(change.before.as_deref().unwrap_or_default(), 60);
                vec![change.id.to_string()[..8].to_owned(), before, change.after.clone()]
            })
            .collect();
        if !cells.is_empty() {
            session.print(table(&["id", "instruction", "would be"], &cells, session.width))?;
        }
    }
    if !planned.lacking.is_empty() {
        let limit = args.limit.unwrap_or(LISTED);
        let cells: Vec<Vec<String>> = planned
            .lacking
            .iter()
            .take(limit)
            .map(|each| {
                let id = each.id.to_string()[..8].to_owned();
                vec![id, each.source.clone(), line(&each.locator, 40), format!("no {}", each.gaps.join(", "))]
            })
            .collect();
        session.print(table(&["id", "source", "locator", "lacks"], &cells, session.width))?;
        if planned.lacking.len() > limit {
            let more = (planned.lacking.len() - limit) as u64;
            session.say(format!("... and {} more: `-n {}` lists all", thousands(more), planned.lacking.len()));
        }
    }
    if refused {
        return Ok(());
    }
    let count = planned.changes.len() as u64;
    let skipped = match planned.lacking.len() as u64 {
        0 => String::new(),
        lacking => format!("; {} that lack a value stay as they are", samples(lacking)),
    };
    let same = match planned.same {
        0 => String::new(),
        same => format!("; {} ask so already", thousands(same)),
    };
    session.say(match op {
        Some(op) => format!("reworded {}{same}{skipped} (op {op}; `scenery undo {op}` takes it back)", samples(count)),
        None if args.dry_run => format!("would reword {}{same}{skipped}; nothing was changed", samples(count)),
        None => format!("nothing changes{same}{skipped}"),
    });
    let share =
        |repeats: &Repeats| format!("{} share {} instructions", samples(repeats.samples), thousands(repeats.prompts));
    if planned.after.samples > 0 || planned.before.samples > 0 {
        session.say(format!(
            "of those selected {} ({} with other code); before {}",
            share(&planned.after),
            thousands(planned.after.with_other_code),
            share(&planned.before)
        ));
    }
    Ok(())
}
