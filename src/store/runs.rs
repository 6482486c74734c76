//! Runs of training: what was begun, how far it came, and what it came to.
//!
//! A run is told by ops that are begun and ended at once: one when it begins, one when it goes on, one when it ends. Steps
//! and measurements are written in between, into the part that is under way, without an op: nothing but the run knows of
//! them. A part that began after step `n` takes the place of all that earlier parts had made after it.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, params};
use serde::Serialize;
use serde_json::{Value, json};

use super::ops::{at_once, undone};
use super::read::json;
use super::{Begin, Store, StoreError};

/// What becomes of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    /// It goes on, or was killed.
    Running,
    /// It came to its end.
    Done,
    /// It was asked to stop, and can go on.
    Interrupted,
    /// It could not go on.
    Failed,
}

impl RunState {
    /// All of them, by name.
    pub const ALL: &[(RunState, &str)] = &[
        (RunState::Running, "running"),
        (RunState::Done, "done"),
        (RunState::Interrupted, "interrupted"),
        (RunState::Failed, "failed"),
    ];

    /// Its name.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(each, _)| *each == self).map_or("", |(_, word)| word)
    }

    fn of(word: &str) -> RunState {
        Self::ALL.iter().find(|(_, each)| *each == word).map_or(RunState::Failed, |(each, _)| *each)
    }
}

/// A run that is about to begin.
#[derive(Clone, Debug)]
pub struct NewRun<'a> {
    /// Its name.
    pub name: &'a str,
    /// Folder of the base model, as typed.
    pub base: &'a str,
    /// SHA-256 of its `config.json`, in hexadecimal digits.
    pub base_config: &'a str,
    /// Digest of the prompt contract, in hexadecimal digits.
    pub contract: &'a str,
    /// The prompt contract.
    pub prompt: &'a Value,
    /// Folder of the exported data, relative to the project.
    pub data: &'a str,
    /// SHA-256 of its manifest, in hexadecimal digits.
    pub manifest: &'a str,
    /// What selected the data, as typed.
    pub query: &'a str,
    /// Samples that are trained on.
    pub samples: u64,
    /// Licence of them together: an SPDX expression, or `none-stated`.
    pub licence: &'a str,
    /// All that the run was asked for.
    pub options: &'a Value,
    /// What it runs on.
    pub device: &'a str,
    /// What it writes into, relative to the project.
    pub folder: &'a str,
}

/// What a run came to.
#[derive(Clone, Debug)]
pub struct RunEnd<'a> {
    /// Done, interrupted or failed.
    pub state: RunState,
    /// Losses, steps, tokens: as the command printed them.
    pub outcome: &'a Value,
    /// SHA-256 of the weights that were written, in hexadecimal digits.
    pub adapter: Option<&'a str>,
}

/// Something that an op said of a run: it began, went on, or ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunPart {
    /// The op.
    pub op: i64,
    /// What became of the run.
    pub state: RunState,
    /// When (UTC, RFC 3339).
    pub at: String,
    /// Of a beginning: steps that were done before it.
    pub from_step: Option<u64>,
}

/// A run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunRecord {
    /// Its number in the database; never shown.
    #[serde(skip)]
    pub run: i64,
    /// Its name.
    pub name: String,
    /// What became of it last.
    pub state: RunState,
    /// The op that began it.
    pub op: i64,
    /// When it began (UTC, RFC 3339).
    pub started: String,
    /// When it ended; none while it runs.
    pub ended: Option<String>,
    /// Folder of the base model, as typed.
    pub base: String,
    /// SHA-256 of its `config.json`.
    pub base_config: String,
    /// Digest of the prompt contract.
    pub contract: String,
    /// The prompt contract.
    pub prompt: Value,
    /// Folder of the exported data, relative to the project.
    pub data: String,
    /// SHA-256 of its manifest.
    pub manifest: String,
    /// What selected the data, as typed.
    pub query: String,
    /// Samples that are trained on.
    pub samples: u64,
    /// Licence of them together.
    pub licence: String,
    /// All that the run was asked for.
    pub options: Value,
    /// Version of scenery.
    pub tool: String,
    /// What it runs on.
    pub device: String,
    /// What it writes into, relative to the project.
    pub folder: String,
    /// Losses, steps, tokens of its end; null while it runs.
    pub outcome: Value,
    /// SHA-256 of the weights that were written.
    pub adapter: Option<String>,
    /// The number of its last step that is recorded.
    pub steps: u64,
    /// Loss of that step, nats per trained token.
    pub loss: Option<f64>,
    /// What ops said of it, in order.
    pub parts: Vec<RunPart>,
}

/// A step of the optimiser.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunStep {
    /// Its number, from 1.
    pub step: u64,
    /// Passes over the data, as far as they came.
    pub epoch: f64,
    /// Nats per trained token; not a number where the sum was none.
    pub loss: f64,
    /// Learning rate.
    pub rate: f64,
    /// Tokens that the loss is of.
    pub trained: u64,
    /// Tokens that are no padding.
    pub real: u64,
    /// Tokens that are.
    pub padding: u64,
    /// Norm of all gradients before clipping; not a number where they were none.
    pub grad_norm: f64,
    /// Seconds since the part began; none where no clock was read.
    pub seconds: Option<f64>,
    /// Bytes of the device at most so far, where that is known.
    pub memory: Option<u64>,
}

/// A measurement after a step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunEval {
    /// The step; 0: before the first.
    pub step: u64,
    /// What was measured: `loss`, `accuracy`, `loss_slot`, ...
    pub metric: String,
    /// Of which samples: empty for all, else `level:WORD`, `source:NAME`.
    pub among: String,
    /// The measurement; not a number where there is none.
    pub value: f64,
    /// Tokens that it was measured over.
    pub tokens: u64,
}

impl Store {
    /// Records that a run begins; returns the op.
    ///
    /// # Errors
    /// [`StoreError::OpenOp`]; [`StoreError::Unknown`] where a run has that name.
    pub fn begin_run(&mut self, begin: &Begin<'_>, run: &NewRun<'_>) -> Result<i64, StoreError> {
        self.must_write()?;
        self.refuse_beside_open()?;
        if let Some(known) = self.run(run.name)? {
            return Err(StoreError::Unknown(format!(
                "there is a run `{}` (op {}, {}): give this one another name",
                run.name,
                known.op,
                known.state.word()
            )));
        }
        let summary = json!({ "run": run.name, "state": RunState::Running.word(), "rows": run.samples });
        let transaction = self.conn.transaction()?;
        let op = at_once(&transaction, begin, &summary)?;
        transaction.execute(
            "INSERT INTO run (name, op, base, base_config, contract, prompt, data, manifest, query, samples, licence,
                 options, tool, device, folder)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
            params![
                run.name,
                op,
                run.base,
                run.base_config,
                run.contract,
                run.prompt.to_string(),
                run.data,
                run.manifest,
                run.query,
                whole(run.samples),
                run.licence,
                run.options.to_string(),
                env!("CARGO_PKG_VERSION"),
                run.device,
                run.folder
            ],
        )?;
        let number = transaction.last_insert_rowid();
        put_part(&transaction, op, number, RunState::Running, begin.now, Some(0), &Value::Null, None)?;
        transaction.commit()?;
        Ok(op)
    }

    /// Records that a run goes on after a step; what it had made after that step counts no more. Returns the op.
    ///
    /// # Errors
    /// [`StoreError::OpenOp`]; [`StoreError::Unknown`] where there is no such run.
    pub fn resume_run(&mut self, begin: &Begin<'_>, name: &str, from_step: u64) -> Result<i64, StoreError> {
        self.must_write()?;
        self.refuse_beside_open()?;
        let run = self.known_run(name)?.run;
        let summary = json!({ "run": name, "state": RunState::Running.word(), "from_step": from_step });
        let transaction = self.conn.transaction()?;
        let op = at_once(&transaction, begin, &summary)?;
        put_part(&transaction, op, run, RunState::Running, begin.now, Some(from_step), &Value::Null, None)?;
        transaction.commit()?;
        Ok(op)
    }

    /// Records what a run came to; returns the op. An op that another command left open does not keep it from doing so: no
    /// sample is changed.
    ///
    /// # Errors
    /// [`StoreError::Unknown`] where there is no such run, or it does not run.
    pub fn end_run(&mut self, begin: &Begin<'_>, name: &str, end: &RunEnd<'_>) -> Result<i64, StoreError> {
        self.must_write()?;
        if end.state == RunState::Running {
            return Err(StoreError::Inconsistent("a run does not end by running".into()));
        }
        let known = self.known_run(name)?;
        under_way(&known)?;
        let mut summary = json!({ "run": name, "state": end.state.word(), "steps": known.steps });
        if let Some(loss) = known.loss {
            summary["loss"] = json!((loss * 1e4).round() / 1e4);
        }
        let transaction = self.conn.transaction()?;
        let op = at_once(&transaction, begin, &summary)?;
        put_part(&transaction, op, known.run, end.state, begin.now, None, end.outcome, end.adapter)?;
        transaction.commit()?;
        Ok(op)
    }

    /// Keeps steps of a run that is under way, all or none of them; a step that the same part had made is replaced.
    ///
    /// # Errors
    /// [`StoreError::Unknown`] where there is no such run, or it does not run.
    pub fn add_steps(&mut self, name: &str, steps: &[RunStep]) -> Result<(), StoreError> {
        self.must_write()?;
        let known = self.known_run(name)?;
        let op = under_way(&known)?;
        let transaction = self.conn.transaction()?;
        {
            let mut put = transaction.prepare_cached(
                "INSERT OR REPLACE INTO run_step (run, op, step, epoch, loss, rate, trained, real, padding, grad_norm,
                     seconds, memory)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            )?;
            for step in steps {
                put.execute(params![
                    known.run,
                    op,
                    whole(step.step),
                    step.epoch,
                    step.loss,
                    step.rate,
                    whole(step.trained),
                    whole(step.real),
                    whole(step.padding),
                    step.grad_norm,
                    step.seconds,
                    step.memory.map(whole)
                ])?;
            }
        }
        transaction.commit()?;
        Ok(())
    }

    /// Keeps measurements of a run that is under way, all or none of them; one that the same part had made is replaced.
    ///
    /// # Errors
    /// As [`Store::add_steps`].
    pub fn add_evals(&mut self, name: &str, evals: &[RunEval]) -> Result<(), StoreError> {
        self.must_write()?;
        let known = self.known_run(name)?;
        let op = under_way(&known)?;
        let transaction = self.conn.transaction()?;
        {
            let mut put = transaction.prepare_cached(
                "INSERT OR REPLACE INTO run_eval (run, op, step, metric, among, value, tokens)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?;
            for eval in evals {
                put.execute(params![
                    known.run,
                    op,
                    whole(eval.step),
                    eval.metric,
                    eval.among,
                    eval.value,
                    whole(eval.tokens)
                ])?;
            }
        }
        transaction.commit()?;
        Ok(())
    }

    /// The runs that stand (those whose beginning was not undone), in the order in which they began.
    ///
    /// # Errors
    /// As SQLite.
    pub fn runs(&self) -> Result<Vec<RunRecord>, StoreError> {
        self.runs_named(None)
    }

    /// The run of a name.
    ///
    /// # Errors
    /// As SQLite.
    pub fn run(&self, name: &str) -> Result<Option<RunRecord>, StoreError> {
        Ok(self.runs_named(Some(name))?.pop())
    }

    fn known_run(&self, name: &str) -> Result<RunRecord, StoreError> {
        self.run(name)?.ok_or_else(|| StoreError::Unknown(format!("there is no run `{name}`")))
    }

    fn runs_named(&self, name: Option<&str>) -> Result<Vec<RunRecord>, StoreError> {
        let undone = undone(&self.conn)?;
        let mut statement = self.conn.prepare_cached(
            "SELECT run, name, op, base, base_config, contract, prompt, data, manifest, query, samples, licence, options, tool,
                 device, folder
             FROM run WHERE ?1 IS NULL OR name = ?1 ORDER BY op",
        )?;
        let found = statement.query_map([name], |row| {
            Ok(RunRecord {
                run: row.get(0)?,
                name: row.get(1)?,
                op: row.get(2)?,
                base: row.get(3)?,
                base_config: row.get(4)?,
                contract: row.get(5)?,
                prompt: json(row, 6)?,
                data: row.get(7)?,
                manifest: row.get(8)?,
                query: row.get(9)?,
                samples: row.get::<_, i64>(10)?.cast_unsigned(),
                licence: row.get(11)?,
                options: json(row, 12)?,
                tool: row.get(13)?,
                device: row.get(14)?,
                folder: row.get(15)?,
                state: RunState::Running,
                started: String::new(),
                ended: None,
                outcome: Value::Null,
                adapter: None,
                steps: 0,
                loss: None,
                parts: Vec::new(),
            })
        })?;
        let mut out: Vec<RunRecord> = found.collect::<Result<_, _>>()?;
        out.retain(|run| !undone.contains(&run.op));
        for run in &mut out {
            self.complete(run, &undone)?;
        }
        Ok(out)
    }

    /// Fills in what the parts of a run say of it.
    fn complete(&self, run: &mut RunRecord, undone: &BTreeSet<i64>) -> Result<(), StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT op, state, at, from_step, outcome, adapter FROM run_part WHERE run = ?1 ORDER BY op",
        )?;
        let found = statement.query_map([run.run], |row| {
            let state: String = row.get(1)?;
            let part = RunPart {
                op: row.get(0)?,
                state: RunState::of(&state),
                at: row.get(2)?,
                from_step: row.get::<_, Option<i64>>(3)?.map(i64::cast_unsigned),
            };
            Ok((part, json::<Value>(row, 4)?, row.get::<_, Option<String>>(5)?))
        })?;
        for found in found {
            let (part, outcome, adapter) = found?;
            if undone.contains(&part.op) {
                continue;
            }
            if run.parts.is_empty() {
                run.started.clone_from(&part.at);
            }
            run.state = part.state;
            run.ended = (part.state != RunState::Running).then(|| part.at.clone());
            (run.outcome, run.adapter) = (outcome, adapter);
            run.parts.push(part);
        }
        let mut last = self.conn.prepare_cached(
            "SELECT step, loss FROM run_step WHERE run = ?1 AND op = ?2 AND step <= ?3 ORDER BY step DESC LIMIT 1",
        )?;
        for (op, until) in spans(run) {
            for found in last.query_map(params![run.run, op, until], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?)))? {
                let (step, loss) = found?;
                (run.steps, run.loss) = (step.cast_unsigned(), loss);
            }
        }
        Ok(())
    }

    /// The steps of a run, in order; none where there is no such run.
    ///
    /// # Errors
    /// As SQLite.
    pub fn run_steps(&self, name: &str) -> Result<Vec<RunStep>, StoreError> {
        let Some(run) = self.run(name)? else { return Ok(Vec::new()) };
        let mut statement = self.conn.prepare_cached(
            "SELECT step, epoch, loss, rate, trained, real, padding, grad_norm, seconds, memory FROM run_step
             WHERE run = ?1 AND op = ?2 AND step <= ?3 ORDER BY step",
        )?;
        let mut out: BTreeMap<u64, RunStep> = BTreeMap::new();
        for (op, until) in spans(&run) {
            let found = statement.query_map(params![run.run, op, until], |row| {
                let count = |at: usize| row.get::<_, i64>(at).map(i64::cast_unsigned);
                Ok(RunStep {
                    step: count(0)?,
                    epoch: row.get(1)?,
                    loss: number(row.get(2)?),
                    rate: row.get(3)?,
                    trained: count(4)?,
                    real: count(5)?,
                    padding: count(6)?,
                    grad_norm: number(row.get(7)?),
                    seconds: row.get(8)?,
                    memory: row.get::<_, Option<i64>>(9)?.map(i64::cast_unsigned),
                })
            })?;
            for step in found {
                let step = step?;
                out.insert(step.step, step);
            }
        }
        Ok(out.into_values().collect())
    }

    /// The measurements of a run, by step, metric and group; none where there is no such run.
    ///
    /// # Errors
    /// As SQLite.
    pub fn run_evals(&self, name: &str) -> Result<Vec<RunEval>, StoreError> {
        let Some(run) = self.run(name)? else { return Ok(Vec::new()) };
        let mut statement = self.conn.prepare_cached(
            "SELECT step, metric, among, value, tokens FROM run_eval WHERE run = ?1 AND op = ?2 AND step <= ?3",
        )?;
        let mut out: BTreeMap<(u64, String, String), RunEval> = BTreeMap::new();
        for (op, until) in spans(&run) {
            let found = statement.query_map(params![run.run, op, until], |row| {
                Ok(RunEval {
                    step: row.get::<_, i64>(0)?.cast_unsigned(),
                    metric: row.get(1)?,
                    among: row.get(2)?,
                    value: number(row.get(3)?),
                    tokens: row.get::<_, i64>(4)?.cast_unsigned(),
                })
            })?;
            for eval in found {
                let eval = eval?;
                out.insert((eval.step, eval.metric.clone(), eval.among.clone()), eval);
            }
        }
        Ok(out.into_values().collect())
    }
}

/// The op of the part of a run that is under way.
fn under_way(run: &RunRecord) -> Result<i64, StoreError> {
    match run.parts.last() {
        Some(part) if part.state == RunState::Running => Ok(part.op),
        _ => Err(StoreError::Unknown(format!(
            "the run `{}` is {}: `scenery train resume {}` lets it go on",
            run.name,
            run.state.word(),
            run.name
        ))),
    }
}

/// The beginnings of a run in order, each with the last step of it that counts: a later one takes the place of what came
/// after the step that it went on from.
fn spans(run: &RunRecord) -> Vec<(i64, i64)> {
    let mut until = i64::MAX;
    let mut out: Vec<(i64, i64)> = Vec::new();
    for part in run.parts.iter().rev() {
        if let Some(from) = part.from_step {
            out.push((part.op, until));
            until = until.min(whole(from));
        }
    }
    out.reverse();
    out
}

/// Names that more than one run has that stands.
pub(super) fn doubled(conn: &Connection) -> Result<Option<String>, StoreError> {
    let undone = undone(conn)?;
    let mut statement = conn.prepare("SELECT name, op FROM run ORDER BY op")?;
    let mut seen: BTreeSet<String> = BTreeSet::new();
    for found in statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))? {
        let (name, op) = found?;
        if !undone.contains(&op) && !seen.insert(name.clone()) {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

#[allow(clippy::too_many_arguments)]
fn put_part(
    conn: &Connection,
    op: i64,
    run: i64,
    state: RunState,
    at: &str,
    from_step: Option<u64>,
    outcome: &Value,
    adapter: Option<&str>,
) -> Result<(), StoreError> {
    conn.execute(
        "INSERT INTO run_part (op, run, state, at, from_step, outcome, adapter) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![op, run, state.word(), at, from_step.map(whole), outcome.to_string(), adapter],
    )?;
    Ok(())
}

/// A count as SQLite has it.
fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A measurement as it was; SQLite has null for what is not a number.
fn number(kept: Option<f64>) -> f64 {
    kept.unwrap_or(f64::NAN)
}
