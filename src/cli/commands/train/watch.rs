//! What a run tells, brought to where it belongs: the terminal, standard output as JSON lines, the store.

use std::collections::BTreeSet;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::cli::draw::thousands;
use crate::cli::failure::{Failure, chain};
use crate::cli::session::Session;
use crate::store::{Begin, NewRun, Project, RunEnd, RunEval, RunState, RunStep, Store};
use crate::train::events::Event;
use crate::train::memory::gigabytes;
use crate::train::metrics;
use crate::train::scoring::Means;

/// How long another command's writing is waited for, when steps are recorded.
const PATIENCE: Duration = Duration::from_secs(10);

/// Brings events to the terminal, to standard output, and into the store.
pub(super) struct Watch<'a> {
    session: &'a Session,
    bar: Option<indicatif::ProgressBar>,
    record: Option<Record>,
    /// The last line of `--json`, kept back until the artefacts are written.
    done: Option<Event>,
    /// What kept a line from being printed.
    failure: Option<Failure>,
}

/// What goes into the store.
struct Record {
    project: Project,
    name: String,
    who: String,
    /// The folder of the run.
    folder: PathBuf,
    /// Whether a part of the run is under way in the store.
    begun: bool,
    /// Whether the run goes on that was begun before.
    goes_on: bool,
    steps: Vec<RunStep>,
    evals: Vec<RunEval>,
    seconds: f64,
    /// Whether it was said that the store is behind.
    told: bool,
}

impl<'a> Watch<'a> {
    /// Makes the watch of a run; without a project nothing is recorded.
    pub(super) fn new(session: &'a Session, project: Option<Project>, name: &str, folder: &Path) -> Watch<'a> {
        let who = format!("`{}`, begun {}", session.command, session.now());
        let record = project.map(|project| Record {
            project,
            name: name.to_owned(),
            who,
            folder: folder.to_owned(),
            begun: false,
            goes_on: false,
            steps: Vec::new(),
            evals: Vec::new(),
            seconds: 0.0,
            told: false,
        });
        Watch { session, bar: None, record, done: None, failure: None }
    }

    /// Records that the run begins.
    ///
    /// # Errors
    /// As the store.
    pub(super) fn begin(&mut self, run: &NewRun<'_>) -> Result<(), Failure> {
        let Some(record) = &mut self.record else { return Ok(()) };
        let mut store = record.open()?;
        let arguments = json!({ "run": run.name, "query": run.query, "base": run.base });
        store.begin_run(&Begin { verb: "train", arguments, now: &self.session.now() }, run)?;
        record.begun = true;
        Ok(())
    }

    /// Says that a run goes on that was begun before; where the store does not know it, it is told of it now.
    pub(super) fn go_on(&mut self, run: &NewRun<'_>) {
        let Some(record) = &mut self.record else { return };
        record.goes_on = true;
        let known = record.open().and_then(|store| Ok(store.run(&record.name)?.is_some()));
        let done = match known {
            Ok(true) => return,
            Ok(false) => self.begin(run),
            Err(failure) => Err(failure),
        };
        match done {
            Ok(()) => {
                self.session.note(format!("the store did not know the run `{}`: it is recorded from here on", run.name))
            }
            Err(failure) => {
                self.record = None;
                self.session.note(format!("the run is not recorded in the store: {}", failure.message));
            }
        }
    }

    /// Brings into the store what it does not know of a run that has ended, as where it was killed then.
    ///
    /// # Errors
    /// As the store.
    pub(super) fn settle(mut self, run: &NewRun<'_>, outcome: &Value, weights: &str) -> Result<(), Failure> {
        let Some(record) = &self.record else { return Ok(()) };
        if record.open()?.run(&record.name)?.is_some_and(|known| known.state == RunState::Done) {
            return Ok(());
        }
        self.go_on(run);
        let step = outcome["step"].as_u64().unwrap_or(0);
        self.goes_on_from(step);
        self.end(RunState::Done, outcome, Some(weights))
    }

    /// Begins another part of the run in the store, and brings into it what is in the run's files and not there.
    fn goes_on_from(&mut self, step: u64) {
        let Some(record) = &mut self.record else { return };
        let now = self.session.now();
        let done = record.go_on_from(step, &now);
        if let Err(failure) = done {
            self.record = None;
            self.say(|session| session.note(format!("the run is not recorded in the store: {}", failure.message)));
        }
    }

    /// Takes an event.
    pub(super) fn event(&mut self, event: &Event) {
        self.keep(event);
        if let Event::Note { text } = event {
            self.say(|session| session.note(text));
        }
        if self.session.json {
            if let Event::Done { .. } = event {
                self.done = Some(event.clone());
            } else if !matches!(event, Event::Note { .. }) {
                self.line(&serde_json::to_value(event).unwrap_or(Value::Null));
            }
            return;
        }
        self.draw(event);
    }

    /// Prints a line of `--json`.
    pub(super) fn line(&mut self, value: &Value) {
        if self.session.json
            && self.failure.is_none()
            && let Err(failure) = self.session.print_json(value)
        {
            self.failure = Some(failure);
        }
    }

    /// Says something without tearing the bar.
    fn say(&self, say: impl FnOnce(&Session)) {
        match &self.bar {
            Some(bar) => bar.suspend(|| say(self.session)),
            None => say(self.session),
        }
    }

    fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    fn draw(&mut self, event: &Event) {
        match event {
            Event::Start { steps, rows, validation_rows, trained_parameters, resumed_from, .. } => {
                self.session.say(format!(
                    "{} steps over {} examples, {} parameters are trained, {} examples are evaluated on{}",
                    thousands(*steps),
                    thousands(*rows as u64),
                    thousands(*trained_parameters),
                    thousands(*validation_rows as u64),
                    resumed_from.map_or(String::new(), |step| format!("; goes on after step {}", thousands(step)))
                ));
                if std::io::stderr().is_terminal() && !self.session.quiet {
                    let bar = indicatif::ProgressBar::new(*steps);
                    let form = "{bar:30} {pos}/{len} {msg} {eta}";
                    if let Ok(style) = indicatif::ProgressStyle::with_template(form) {
                        bar.set_style(style);
                    }
                    bar.set_position(resumed_from.unwrap_or(0));
                    self.bar = Some(bar);
                }
            }
            Event::Step { step, loss, lr, tokens_per_s, .. } => {
                if let Some(bar) = &self.bar {
                    bar.set_position(*step);
                    bar.set_message(format!("loss {loss:.4} lr {lr:.2e} {tokens_per_s:.0} tokens/s"));
                }
            }
            Event::Evaluation { step, means, best, .. } => {
                let text = format!(
                    "step {}: validation loss {:.4}, {:.1} % of tokens right{}{}",
                    thousands(*step),
                    means.loss,
                    means.accuracy * 100.0,
                    match (means.loss_slot, means.loss_template) {
                        (Some(slot), Some(template)) => format!(", in slots {slot:.4}, in the template {template:.4}"),
                        _ => String::new(),
                    },
                    if *best { "; the best so far" } else { "" }
                );
                self.say(|session| session.say(&text));
            }
            Event::OutOfMemory { step, during, from_tokens, to_tokens } => {
                let text = format!(
                    "the memory was full at step {step} ({during}): micro-batches of at most {} tokens from now on, instead of {}",
                    thousands(*to_tokens as u64),
                    thousands(*from_tokens as u64)
                );
                self.say(|session| session.note(&text));
            }
            Event::Done { tokens, tokens_per_s, peak_memory_bytes, .. } => {
                self.clear();
                let memory = peak_memory_bytes
                    .map_or(String::new(), |bytes| format!(", {} of memory at most", gigabytes(bytes)));
                let speed = tokens_per_s.round() as u64;
                self.session.say(format!("{} tokens, {} a second{memory}", thousands(*tokens), thousands(speed)));
            }
            Event::Interrupted { .. } => self.clear(),
            Event::Note { .. } | Event::Epoch { .. } | Event::Checkpoint { .. } => {}
        }
    }

    /// Keeps what the store records, and brings it there at every checkpoint.
    fn keep(&mut self, event: &Event) {
        let Some(record) = &mut self.record else { return };
        match event {
            Event::Start { resumed_from, .. } if record.goes_on => self.goes_on_from(resumed_from.unwrap_or(0)),
            Event::Step {
                step,
                epoch,
                loss,
                lr,
                tokens,
                trained_tokens,
                padded_tokens,
                tokens_per_s,
                grad_norm,
                ..
            } => {
                if *tokens_per_s > 0.0 {
                    record.seconds += *tokens as f64 / tokens_per_s;
                }
                record.steps.push(RunStep {
                    step: *step,
                    epoch: *epoch,
                    loss: *loss,
                    rate: *lr,
                    trained: *trained_tokens,
                    real: *tokens,
                    padding: padded_tokens.saturating_sub(*tokens),
                    grad_norm: *grad_norm,
                    seconds: (*tokens_per_s > 0.0).then_some(record.seconds),
                    memory: None,
                });
            }
            Event::Evaluation { step, means, by, .. } => {
                record.evals.extend(measured(*step, "", means));
                for group in by {
                    record.evals.extend(measured(*step, &format!("{}:{}", group.key, group.value), &group.means));
                }
            }
            Event::Checkpoint { .. } => {
                if let Err(failure) = record.flush()
                    && !record.told
                {
                    record.told = true;
                    let text = format!("the store is behind and will be brought up later: {}", failure.message);
                    self.say(|session| session.note(&text));
                }
            }
            _ => {}
        }
    }

    /// Takes the bar away, and brings what is left into the store, with what the run came to.
    ///
    /// # Errors
    /// As the store, and where standard output cannot be written.
    pub(super) fn end(mut self, state: RunState, outcome: &Value, adapter: Option<&str>) -> Result<(), Failure> {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        if let Some(done) = self.done.take()
            && state == RunState::Done
        {
            self.line(&serde_json::to_value(&done).unwrap_or(Value::Null));
        }
        if let Some(record) = &mut self.record
            && record.begun
        {
            record.flush()?;
            let mut store = record.open()?;
            let arguments = json!({ "run": record.name, "state": state.word() });
            let begin = Begin { verb: "train", arguments, now: &self.session.now() };
            store.end_run(&begin, &record.name, &RunEnd { state, outcome, adapter })?;
        }
        match self.failure {
            Some(failure) => Err(failure),
            None => Ok(()),
        }
    }
}

impl Record {
    fn open(&self) -> Result<Store, Failure> {
        Ok(Store::open_when_free(&self.project, &self.who, PATIENCE)?)
    }

    fn go_on_from(&mut self, from: u64, now: &str) -> Result<(), Failure> {
        let mut store = self.open()?;
        if !self.begun {
            let arguments = json!({ "run": self.name, "from_step": from });
            store.resume_run(&Begin { verb: "train", arguments, now }, &self.name, from)?;
            self.begun = true;
        }
        if from == 0 {
            return Ok(());
        }
        // A kill may have come between a checkpoint and the store.
        let steps: BTreeSet<u64> = store.run_steps(&self.name)?.into_iter().map(|step| step.step).collect();
        let evals: BTreeSet<(u64, String)> =
            store.run_evals(&self.name)?.into_iter().map(|eval| (eval.step, eval.among)).collect();
        drop(store);
        for line in metrics::read(&self.folder)?.into_iter().filter(|line| line.step <= from) {
            match line.step_only {
                Some(only) if !steps.contains(&line.step) => self.steps.push(RunStep {
                    step: line.step,
                    epoch: line.epoch,
                    loss: line.means.loss,
                    rate: only.learning_rate,
                    trained: line.means.tokens,
                    real: only.tokens,
                    padding: only.padded_tokens.saturating_sub(only.tokens),
                    grad_norm: only.grad_norm,
                    seconds: None,
                    memory: None,
                }),
                None if !evals.contains(&(line.step, String::new())) => {
                    self.evals.extend(measured(line.step, "", &line.means));
                }
                _ => {}
            }
        }
        for (step, key, value, means) in metrics::read_groups(&self.folder)? {
            let among = format!("{key}:{value}");
            if step <= from && !evals.contains(&(step, among.clone())) {
                self.evals.extend(measured(step, &among, &means));
            }
        }
        self.flush()
    }

    fn flush(&mut self) -> Result<(), Failure> {
        if !self.begun || (self.steps.is_empty() && self.evals.is_empty()) {
            return Ok(());
        }
        let mut store = self.open()?;
        store.add_steps(&self.name, &self.steps)?;
        self.steps.clear();
        store.add_evals(&self.name, &self.evals)?;
        self.evals.clear();
        Ok(())
    }
}

fn measured(step: u64, among: &str, means: &Means) -> Vec<RunEval> {
    let values = [
        ("loss", Some(means.loss)),
        ("accuracy", Some(means.accuracy)),
        ("loss_slot", means.loss_slot),
        ("loss_template", means.loss_template),
        ("exact", Some(means.exact)),
        ("prefix", Some(means.prefix)),
    ];
    values
        .into_iter()
        .filter_map(|(metric, value)| {
            Some(RunEval {
                step,
                metric: metric.to_owned(),
                among: among.to_owned(),
                value: value?,
                tokens: means.tokens,
            })
        })
        .collect()
}

/// What a failed run came to, for the store.
pub(super) fn failed(failure: &Failure) -> Value {
    json!({ "error": { "kind": failure.kind, "message": failure.message } })
}

/// The failure of a run that was stopped from outside.
pub(super) fn interrupted(step: u64, run: &str, checkpoint: &std::path::Path) -> Failure {
    let again = format!("scenery train resume {}", crate::cli::quoted(run));
    let message = format!(
        "the run was stopped after step {step}; its state is in {}, and `{again}` goes on exactly from there",
        checkpoint.display()
    );
    Failure::new(1, "interrupted", message).suggesting(vec![again])
}

/// An error of the standard library's file functions, with its path.
pub(super) fn file(action: &str, path: &std::path::Path, error: &std::io::Error) -> Failure {
    let mut out = Failure::new(1, "file", format!("cannot {action} {}: {}", path.display(), chain(error)));
    out.path = Some(path.display().to_string());
    out
}
