//! `split`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::cli::args::SplitArgs;
use crate::cli::draw::{line, table, thousands};
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::cli::settings::Settings;
use crate::query::{self, States};
use crate::sample::Side;
use crate::slice::vocabulary::StoreVocabulary;
use crate::split::plan::{self, Planned, Request, SplitError};
use crate::split::record::Leak;
use crate::store::{Begin, Store};

/// Leaks and held samples that are listed unless more are asked for.
const LISTED: usize = 20;

/// Rows that are written at a time.
const BATCH: usize = 10_000;

impl From<SplitError> for Failure {
    fn from(error: SplitError) -> Failure {
        match error {
            SplitError::Store(error) => error.into(),
            other => Failure::request(other.to_string()),
        }
    }
}

/// Records sides.
///
/// # Errors
/// As [`plan::plan`]; usage where the shares are none.
pub fn split(session: &Session, args: &SplitArgs) -> Result<(), Failure> {
    let mut store = session.writable()?;
    let settings = Settings::read(store.project())?.dedup;
    let last = last_split(&store)?;
    let shares = match (&args.shares, &last) {
        (Some(text), _) => Some(query::side_shares(text).map_err(|error| Failure::query(error, text))?),
        (None, _) if args.given => None,
        (None, Some((shares, _))) => Some(*shares),
        (None, None) => {
            return Err(Failure::usage(
                "nothing was split by shares yet: say them, as in `scenery split 80/10/10 --extend`",
            ));
        }
    };
    let seed = args.seed.or(last.map(|(_, seed)| seed).filter(|_| args.extend)).unwrap_or(0);
    let text = args.query.join(" ");
    let rows = wanted(session, &store, &text)?;
    let progress = session.spinner();
    progress.set("comparing");
    let planned =
        plan::plan(&store, &Request { shares, seed, extend: args.extend, threshold: settings.threshold, rows });
    progress.end();
    let planned = planned?;
    let changed = planned.changes().count();
    let mut op = None;
    if !args.dry_run && changed > 0 {
        let arguments = json!({
            "shares": shares, "seed": seed, "extend": args.extend, "given": args.given, "query": text,
            "threshold": settings.threshold, "command": session.command,
        });
        let number = store.begin(&Begin { verb: "split", arguments, now: &session.now() })?;
        let mut changes = planned.changes().peekable();
        while changes.peek().is_some() {
            store.change(&changes.by_ref().take(BATCH).collect::<Vec<_>>())?;
        }
        store.close(number, &json!({ "rows": changed, "sizes": planned.sizes() }), &session.now())?;
        op = Some(number);
    }
    if session.json {
        return session.print_json(&page_json(&planned, shares, seed, changed, op));
    }
    page(session, args, &planned, shares)?;
    session.say(match op {
        Some(op) => format!("sides are recorded (op {op}); `scenery undo {op}` takes it back"),
        None if args.dry_run => "nothing was recorded".to_owned(),
        None => "nothing changes: every sample is where it was".to_owned(),
    });
    Ok(())
}

/// Shares and seed of the newest split by shares that is in effect.
fn last_split(store: &Store) -> Result<Option<([f64; 3], u64)>, Failure> {
    let ops = store.ops()?;
    let stands = ops.iter().filter(|op| op.verb == "split" && op.ended.is_some() && op.undone_by.is_none());
    Ok(stands.into_iter().find_map(|op| {
        let shares: [f64; 3] = serde_json::from_value(op.arguments["shares"].clone()).ok()?;
        Some((shares, op.arguments["seed"].as_u64()?))
    }))
}

/// The rows of a query; `None`: all.
fn wanted(session: &Session, store: &Store, text: &str) -> Result<Option<BTreeSet<u32>>, Failure> {
    if query::says_nothing(text) {
        return Ok(None);
    }
    let plan = session.compile_in(store, text, &StoreVocabulary::new(store), States::Any)?.plan;
    if let Some(op) = plan.at {
        return Err(Failure::usage(format!(
            "this query asks about op {op}: only samples as they are now can be split"
        )));
    }
    Ok(Some(session.select(store, &plan, usize::MAX)?.rows.into_iter().map(|(row, _)| row).collect()))
}

fn page_json(planned: &Planned, shares: Option<[f64; 3]>, seed: u64, changed: usize, op: Option<i64>) -> Value {
    let asked =
        shares.map(|[train, validation, test]| json!({ "train": train, "validation": validation, "test": test }));
    let leak = |leak: &Leak| {
        let samples: Vec<Value> = leak
            .samples
            .iter()
            .map(|at| json!({ "id": planned.ties(*at).id, "side": planned.sides[*at as usize] }))
            .collect();
        json!({ "what": leak.what, "samples": samples })
    };
    let leaks: Vec<Value> = planned.leaks.iter().map(leak).collect();
    let held: Vec<String> = planned.held().iter().map(|at| planned.ties(*at).id.to_string()).collect();
    json!({
        "sizes": planned.sizes(), "asked": asked, "seed": seed, "families": planned.families.sizes.len(),
        "cross_pairs": planned.cross_pairs, "cross_pairs_allowed": planned.cross_pairs_allowed, "held": held,
        "leaks": leaks, "nearness": planned.nearness, "changed": changed, "op": op,
    })
}

fn page(session: &Session, args: &SplitArgs, planned: &Planned, shares: Option<[f64; 3]>) -> Result<(), Failure> {
    let counts = planned.sizes();
    let total: u64 = counts.values().sum();
    let mut rows = Vec::new();
    for (at, word) in Side::WORDS_AND_HELD.iter().enumerate() {
        let count = counts.get(word).copied().unwrap_or(0);
        if *word == "held" && count == 0 {
            continue;
        }
        let asked = shares.and_then(|shares| shares.get(at).copied());
        rows.push(vec![
            (*word).to_owned(),
            thousands(count),
            format!("{:.1} %", 100.0 * count as f64 / total.max(1) as f64),
            asked.map_or(String::new(), |share| format!("{:.1} %", 100.0 * share)),
        ]);
    }
    session.print(table(&["side", "kept samples", "share", "asked"], &rows, session.width))?;
    session.print(format!(
        "{} families; {} near pairs across sides{}\n",
        thousands(planned.families.sizes.len() as u64),
        thousands(planned.cross_pairs),
        if planned.cross_pairs_allowed > 0 {
            let sources: Vec<&str> = planned.parting().into_iter().collect();
            format!(
                ", {} inside sources that let them part ({})",
                thousands(planned.cross_pairs_allowed),
                sources.join(", ")
            )
        } else {
            String::new()
        }
    ))?;
    for near in &planned.nearness {
        session.print(format!(
            "{}: the nearest train row of a test row is {:.2} alike in the middle, {:.2} at nine in ten, {:.2} at most ({} of {} test rows): no hard test\n",
            near.source,
            near.median,
            near.p90,
            near.maximum,
            thousands(near.compared),
            thousands(near.test)
        ))?;
    }
    let limit = args.limit.unwrap_or(LISTED);
    if !planned.leaks.is_empty() {
        session.print(format!("{} ties stand across sides:\n", thousands(planned.leaks.len() as u64)))?;
        let rows: Vec<Vec<String>> = planned
            .leaks
            .iter()
            .take(limit)
            .map(|leak| {
                let on: Vec<String> = leak
                    .samples
                    .iter()
                    .map(|at| {
                        let side = planned.sides[*at as usize].map_or("none", |side| side.word());
                        format!("{} {side}", short(planned, *at))
                    })
                    .collect();
                vec![line(&leak.what, 60), on.join(", ")]
            })
            .collect();
        session.print(table(&["what ties", "samples"], &rows, session.width))?;
    }
    let held = planned.held();
    if !held.is_empty() {
        session.print(format!("{} samples tie two sides and are held:\n", thousands(held.len() as u64)))?;
        let rows: Vec<Vec<String>> =
            held.iter().take(limit).map(|at| vec![short(planned, *at), planned.ties(*at).source.clone()]).collect();
        session.print(table(&["id", "source"], &rows, session.width))?;
    }
    Ok(())
}

fn short(planned: &Planned, at: u32) -> String {
    planned.ties(at).id.to_string()[..8].to_owned()
}
