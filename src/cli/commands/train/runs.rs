//! `train runs`.

use std::fmt::Write as _;

use serde_json::json;

use crate::cli::args::RunsArgs;
use crate::cli::draw::{line, safe, table, thousands};
use crate::cli::failure::Failure;
use crate::cli::session::Session;
use crate::store::{RunEval, RunRecord, RunStep, Store};

/// Steps that are shown of a run, and measurements.
const SHOWN: usize = 12;

/// Lists the runs, or shows one.
///
/// # Errors
/// Where there is no run of that name; as the store.
pub fn runs(session: &Session, args: &RunsArgs) -> Result<(), Failure> {
    let store = session.store()?;
    if let Some(name) = &args.name {
        return one(session, &store, name, args.steps);
    }
    let runs = store.runs()?;
    if session.json {
        return session.print_json(&runs);
    }
    if runs.is_empty() {
        session.say("no run was begun yet: `scenery train run` begins one");
        return Ok(());
    }
    let rows: Vec<Vec<String>> = runs
        .iter()
        .map(|run| {
            vec![
                run.name.clone(),
                run.state.word().to_owned(),
                thousands(run.samples),
                thousands(run.steps),
                loss(run.loss),
                run.started.clone(),
                line(&run.base, 40),
                line(&run.query, 200),
            ]
        })
        .collect();
    session.print(table(&["run", "state", "samples", "steps", "loss", "begun", "base", "query"], &rows, session.width))
}

fn loss(loss: Option<f64>) -> String {
    loss.map_or("-".to_owned(), |loss| format!("{loss:.4}"))
}

/// Shows a run in full.
fn one(session: &Session, store: &Store, name: &str, all: bool) -> Result<(), Failure> {
    let Some(run) = store.run(name)? else {
        let known: Vec<String> = store.runs()?.into_iter().map(|run| run.name).collect();
        let near = crate::query::similar(name, known.iter().map(String::as_str));
        let listed = if known.is_empty() { "there are none yet".to_owned() } else { known.join(", ") };
        return Err(Failure::request(format!("there is no run `{name}`: {listed}")).suggesting(near));
    };
    let (steps, evals) = (store.run_steps(name)?, store.run_evals(name)?);
    if session.json {
        return session.print_json(&json!({ "run": run, "steps": steps, "evals": evals }));
    }
    let mut out = String::new();
    described(&mut out, &run);
    let shown = if all { steps.len() } else { SHOWN };
    let few: Vec<&RunStep> = spread(&steps, shown);
    if !few.is_empty() {
        out.push('\n');
        out.push_str(&table(
            &["step", "epoch", "loss", "rate", "trained", "padding", "norm", "seconds"],
            &few.iter().map(|step| step_cells(step)).collect::<Vec<_>>(),
            session.width,
        ));
    }
    let last = evals.iter().map(|eval| eval.step).max();
    let measured: Vec<Vec<String>> =
        evals.iter().filter(|eval| all || Some(eval.step) == last).map(eval_cells).collect();
    if !measured.is_empty() {
        out.push('\n');
        out.push_str(&table(&["step", "metric", "value", "tokens", "among"], &measured, session.width));
    }
    session.print(out)?;
    if few.len() < steps.len() {
        session.say(format!("{} of {} steps; --steps prints all", few.len(), thousands(steps.len() as u64)));
    }
    Ok(())
}

fn described(out: &mut String, run: &RunRecord) {
    let mut put = |name: &str, value: String| {
        if !value.is_empty() {
            let _ = writeln!(out, "{name:9} {}", line(&value, 400));
        }
    };
    put("run", format!("{} ({})", run.name, run.state.word()));
    for part in &run.parts {
        let from = part.from_step.filter(|from| *from > 0).map_or(String::new(), |from| format!(" after step {from}"));
        put("", format!("op {} {} {}{from}", part.op, part.at, part.state.word()));
    }
    put("base", format!("{} ({})", run.base, short(&run.base_config)));
    put(
        "data",
        format!("{} ({}), {} samples, {}", run.data, short(&run.manifest), thousands(run.samples), run.licence),
    );
    put("query", run.query.clone());
    put("contract", short(&run.contract).to_owned());
    put("device", run.device.clone());
    put("folder", run.folder.clone());
    put("weights", run.adapter.as_deref().map(short).unwrap_or_default().to_owned());
    put("options", safe(&run.options.to_string()));
    if !run.outcome.is_null() {
        put("outcome", safe(&run.outcome.to_string()));
    }
}

/// The first digits of a digest.
fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

/// At most so many of a list, evenly, the first and the last among them.
fn spread<T>(all: &[T], count: usize) -> Vec<&T> {
    if all.len() <= count || count < 2 {
        return all.iter().collect();
    }
    (0..count).filter_map(|at| all.get(at * (all.len() - 1) / (count - 1))).collect()
}

fn step_cells(step: &RunStep) -> Vec<String> {
    vec![
        step.step.to_string(),
        format!("{:.2}", step.epoch),
        format!("{:.4}", step.loss),
        format!("{:.2e}", step.rate),
        thousands(step.trained),
        thousands(step.padding),
        format!("{:.3}", step.grad_norm),
        step.seconds.map_or(String::new(), |seconds| format!("{seconds:.1}")),
    ]
}

fn eval_cells(eval: &RunEval) -> Vec<String> {
    let among = if eval.among.is_empty() { "all".to_owned() } else { eval.among.clone() };
    vec![eval.step.to_string(), eval.metric.clone(), format!("{:.4}", eval.value), thousands(eval.tokens), among]
}
