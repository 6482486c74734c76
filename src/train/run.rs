//! The training run: examples in, checkpoints and metrics out.
//!
//! The loop knows a [`Learner`] and nothing of what stands behind it. Time comes from a clock that the caller gives, and is only
//! reported; what is computed is a function of options, examples and the learner. A run that was stopped at any moment goes
//! on from its newest checkpoint and gives the same numbers as one that was not, bit for bit.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use super::batches::{self, Cut, Micro};
use super::checkpoint::{self, Best, Full, Identity, Progress};
use super::curve;
use super::events::Event;
use super::item::Item;
use super::memory;
use super::metrics::{Line, METRICS, Metrics, StepOnly};
use super::options::{Metric, Options, Take, twelve_digits};
use super::run_error::RunError;
use super::sampler::{self, Sampler};
use super::schedule::Schedule;
use super::scoring::{self, Means, Sums};
use super::tensorboard::{self, EventFile};
use crate::nn::config::ModelConfig;
use crate::nn::{Learner, NnError};

/// What a run is made of.
pub struct Run<'a> {
    /// Its folder.
    pub folder: &'a Path,
    /// Its options.
    pub options: &'a Options,
    /// What it stands on.
    pub identity: &'a Identity,
    /// Examples that are trained on.
    pub train: &'a [Item],
    /// Examples that are evaluated on.
    pub validation: &'a [Item],
    /// The id that fills rows up; it is never trained and never seen.
    pub pad: u32,
    /// Shape of the model, for what would fit where the memory is full.
    pub config: Option<&'a ModelConfig>,
    /// Seconds since 1970.
    pub clock: &'a dyn Fn() -> f64,
    /// Set from outside to stop the run; looked at between micro-batches.
    pub stop: &'a AtomicBool,
    /// Is told what happens.
    pub report: &'a mut dyn FnMut(&Event),
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By its options.
    Finished,
    /// From outside; it can go on.
    Interrupted,
}

/// What a run came to. The learner holds the weights of `taken_step`.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// How it ended.
    pub ended: Ended,
    /// How far it came.
    pub progress: Progress,
    /// The step whose weights the learner holds.
    pub taken_step: u64,
    /// The newest checkpoint.
    pub checkpoint: PathBuf,
}

/// Begins a run in a folder.
///
/// # Errors
/// [`RunError::RunExists`] where the folder holds one; what [`resume`] answers but for its checkpoints.
pub fn start(learner: &mut dyn Learner, run: Run<'_>) -> Result<Outcome, RunError> {
    begin(learner, run, None)
}

/// Begins a run; where it began before, TensorBoard is told to forget what came after that step.
fn begin(learner: &mut dyn Learner, run: Run<'_>, again: Option<u64>) -> Result<Outcome, RunError> {
    if !checkpoint::list(run.folder)?.is_empty() {
        return Err(RunError::RunExists { path: run.folder.to_owned() });
    }
    let (sampler, schedule) = prepare(&run)?;
    let metrics = Metrics::begin(run.folder)?;
    let events = EventFile::begin(run.folder, (run.clock)(), again)?;
    let progress = Progress::new(run.options);
    Trainer::new(learner, run, sampler, schedule, progress, metrics, events, None).go()
}

/// Goes on with a run from the highest step whose checkpoint is whole; from its beginning, where none was written yet.
///
/// # Errors
/// [`RunError::NoCheckpoint`]; [`RunError::Differs`] where data, contract, model or options are not those of the
/// checkpoint; [`RunError::NotFinite`], [`RunError::OutOfMemory`], [`RunError::Checkpoint`], [`RunError::File`], [`RunError::Nn`].
pub fn resume(learner: &mut dyn Learner, run: Run<'_>) -> Result<Outcome, RunError> {
    if checkpoint::list(run.folder)?.is_empty() {
        let text = "it ended before its first checkpoint: it begins again".to_owned();
        (run.report)(&Event::Note { text });
        return begin(learner, run, Some(0));
    }
    let found = checkpoint::newest(run.folder)?;
    for (path, reason) in &found.skipped {
        let place = checkpoint::set_aside(path)?;
        let text = format!("{} is skipped: {reason}; it is {} now", path.display(), place.display());
        (run.report)(&Event::Note { text });
    }
    let snapshot = found.snapshot;
    let mut differences = snapshot.identity.differences(run.identity);
    differences.extend(snapshot.options.differences(run.options));
    let (sampler, schedule) = prepare(&run)?;
    if differences.is_empty() && schedule != snapshot.schedule {
        differences.push("the examples: they make another number of steps".to_owned());
    }
    if !differences.is_empty() {
        return Err(RunError::Differs { differences });
    }
    if (snapshot.options.device, snapshot.options.threads) != (run.options.device, run.options.threads) {
        let text = "device or threads are others than before: sums may be rounded otherwise from here on".to_owned();
        (run.report)(&Event::Note { text });
    }
    learner.restore(&found.state)?;
    drop(found.state);
    let mut progress = snapshot.progress;
    if let Some(best) = progress.best
        && let Some(reason) = checkpoint::check_best(run.folder, &best)?
    {
        let text = format!(
            "the best checkpoint, that of step {}, cannot be taken ({reason}): the next evaluation is the best, and without one the last weights are handed over",
            best.step
        );
        (run.report)(&Event::Note { text });
        progress.best = None;
    }
    let (metrics, missing) = Metrics::resume(run.folder, progress.step)?;
    if missing > 0 {
        let text = format!(
            "{METRICS} has no line of {missing} of the {} steps so far: it was changed or removed, and goes on without them",
            progress.step
        );
        (run.report)(&Event::Note { text });
    }
    let events = EventFile::begin(run.folder, (run.clock)(), Some(progress.step))?;
    Trainer::new(learner, run, sampler, schedule, progress, metrics, events, Some(found.folder)).go()
}

fn prepare(run: &Run<'_>) -> Result<(Sampler, Schedule), RunError> {
    run.options.check()?;
    let metric = run.options.best_metric;
    let slots = |wanted: bool| {
        run.validation.iter().filter_map(|item| item.slots.as_ref()).flatten().any(|slot| *slot == wanted)
    };
    let missing = match metric {
        Metric::LossSlot => !slots(true),
        Metric::LossTemplate => !slots(false),
        _ => false,
    };
    if missing && !run.validation.is_empty() {
        return Err(RunError::Option(format!(
            "--best {metric}: no validation answer has such tokens; loss always has a value"
        )));
    }
    if run.validation.is_empty() && run.options.patience.is_some() {
        return Err(RunError::Option("--patience needs validation examples, and there are none".to_owned()));
    }
    let sampler = Sampler::new(run.train, run.options)?;
    let schedule = Schedule::new(run.options, sampler.total_steps());
    Ok((sampler, schedule))
}

/// What came of the micro-batches of a step.
enum Pass {
    Whole,
    Stopped,
    Full { micro: Micro, reason: String },
}

struct Trainer<'a, 'b> {
    learner: &'a mut dyn Learner,
    run: Run<'b>,
    sampler: Sampler,
    schedule: Schedule,
    progress: Progress,
    metrics: Metrics,
    events: EventFile,
    lengths: Vec<usize>,
    /// The newest checkpoint.
    newest: Option<PathBuf>,
    /// The step that this part of the run began after.
    resumed_from: Option<u64>,
    /// When seconds were counted last.
    counted: f64,
}

impl<'a, 'b> Trainer<'a, 'b> {
    #[expect(clippy::too_many_arguments, reason = "made in two places, of parts that are open by then")]
    fn new(
        learner: &'a mut dyn Learner,
        run: Run<'b>,
        sampler: Sampler,
        schedule: Schedule,
        progress: Progress,
        metrics: Metrics,
        events: EventFile,
        newest: Option<PathBuf>,
    ) -> Self {
        let lengths = run.train.iter().map(|item| item.ids.len()).collect();
        let counted = (run.clock)();
        let resumed_from = newest.is_some().then_some(progress.step);
        Trainer { learner, run, sampler, schedule, progress, metrics, events, lengths, newest, resumed_from, counted }
    }

    fn go(mut self) -> Result<Outcome, RunError> {
        self.tell(Event::Start {
            steps: self.schedule.total_steps,
            epochs: self.run.options.epochs,
            rows: self.run.train.len(),
            validation_rows: self.run.validation.len(),
            trained_parameters: self.learner.trained_parameters(),
            resumed_from: self.resumed_from,
        });
        if self.run.validation.is_empty() {
            self.note("there are no validation examples: nothing is evaluated, and the last weights are handed over");
        }
        if self.sampler.unclassed() > 0 {
            let by = &self.run.options.curriculum.by;
            self.note(format!(
                "{} examples have no {by}: in the curriculum they count as the hardest",
                self.sampler.unclassed()
            ));
        }
        if self.progress.pending_evaluation && !self.evaluate_and_keep()? {
            return self.interrupted();
        }
        while self.progress.ended_by.is_none() {
            let order = self.sampler.epoch(self.progress.epoch);
            let options = self.run.options;
            let steps = batches::steps(&order, &self.lengths, options.batch_rows, options.length_window);
            let from = self.progress.cursor as usize;
            for rows in &steps[from.min(steps.len())..] {
                if !self.step(rows, steps.len())? {
                    return self.interrupted();
                }
                if self.progress.ended_by.is_some() {
                    break;
                }
            }
            if steps.is_empty() {
                self.progress.epoch += 1;
            }
        }
        self.finish()
    }

    /// Makes a step and what is due after it. Answers whether the run goes on.
    fn step(&mut self, rows: &[usize], steps_of_epoch: usize) -> Result<bool, RunError> {
        let number = self.progress.step + 1;
        let began = (self.run.clock)();
        let items = self.run.train;
        // All that the loss is divided by is known before the first forward pass.
        let trained_tokens: usize = rows.iter().map(|at| items[*at].trained()).sum();
        let micros = loop {
            let micros = self.cut(self.progress.micro_tokens).micros(rows, &self.lengths);
            match self.accumulate(&micros, trained_tokens as f64)? {
                Pass::Whole => break micros,
                Pass::Stopped => return Ok(false),
                Pass::Full { micro, reason } => self.lower(number, true, &micro, &reason)?,
            }
        };
        let rate = self.schedule.rate(number);
        let outcome = self.learner.step(rate).map_err(|error| self.ended_by_nn(error))?;
        let scored: Vec<usize> = micros.iter().flat_map(Micro::items).collect();
        if outcome.scores.len() != scored.len() {
            let message = format!("the learner scored {} examples of {}", outcome.scores.len(), scored.len());
            return Err(RunError::Learner(message));
        }
        let mut sums = Sums::default();
        for (at, scores) in scored.iter().zip(&outcome.scores) {
            sums.add(&Sums::of(&items[*at], scores)?);
        }
        let means = sums.means();
        if !(means.loss.is_finite() && outcome.grad_norm.is_finite()) {
            return Err(self.not_finite("the loss", number));
        }
        let tokens: u64 = rows.iter().map(|at| self.lengths[*at] as u64).sum();
        let padded_tokens: u64 = micros.iter().map(|micro| micro.padded_tokens() as u64).sum();
        let progress = &mut self.progress;
        for at in rows {
            sampler::realise(&mut progress.realised, progress.epoch, &items[*at]);
        }
        progress.step = number;
        progress.cursor += 1;
        progress.loss = Some(twelve_digits(means.loss));
        progress.tokens += tokens;
        progress.trained_tokens += trained_tokens as u64;
        progress.padded_tokens += padded_tokens;
        let epoch = f64::from(progress.epoch) + progress.cursor as f64 / steps_of_epoch as f64;
        let seconds = ((self.run.clock)() - began).max(0.0);
        self.progress.step_seconds += seconds;
        let only = StepOnly {
            learning_rate: rate,
            grad_norm: outcome.grad_norm,
            tokens,
            padded_tokens,
            micro_batches: micros.len(),
        };
        self.record_step(epoch, &means, only, seconds)?;
        let end_of_epoch = self.progress.cursor == steps_of_epoch as u64;
        if end_of_epoch {
            let epoch = self.progress.epoch + 1;
            let realised = self.progress.realised.iter().filter(|each| each.epoch == epoch).cloned().collect();
            self.metrics.realised(&self.progress.realised)?;
            self.tell(Event::Epoch { epoch, realised });
            self.progress.epoch += 1;
            self.progress.cursor = 0;
        }
        self.due(end_of_epoch)
    }

    /// Does what is due after a step: evaluation, checkpoint, end. Answers whether the run goes on.
    fn due(&mut self, end_of_epoch: bool) -> Result<bool, RunError> {
        let options = self.run.options;
        let step = self.progress.step;
        let last = step == self.schedule.total_steps;
        if last {
            let by = if options.max_steps == Some(step) { "max_steps" } else { "epochs" };
            self.progress.ended_by = Some(by.to_owned());
        }
        let every = |every: Option<u64>| every.map_or(end_of_epoch, |every| step.is_multiple_of(every));
        if !self.run.validation.is_empty() && (last || every(options.eval_every)) {
            self.progress.pending_evaluation = true;
            return self.evaluate_and_keep();
        }
        let own = options.checkpoint_every.is_some_and(|every| step.is_multiple_of(every));
        if last || own || (self.run.validation.is_empty() && end_of_epoch) {
            self.keep()?;
        }
        Ok(true)
    }

    /// Runs the micro-batches of a step forward and backward.
    fn accumulate(&mut self, micros: &[Micro], divisor: f64) -> Result<Pass, RunError> {
        for micro in micros {
            if self.run.stop.load(Ordering::Relaxed) {
                self.learner.discard();
                return Ok(Pass::Stopped);
            }
            let batch = micro.batch(self.run.train, self.run.pad);
            match self.learner.accumulate(&batch, divisor) {
                Ok(()) => {}
                Err(NnError::OutOfMemory(reason)) => {
                    self.learner.discard();
                    return Ok(Pass::Full { micro: micro.clone(), reason });
                }
                Err(error) => return Err(self.ended_by_nn(error)),
            }
        }
        Ok(Pass::Whole)
    }

    fn cut(&self, budget_tokens: usize) -> Cut {
        let options = self.run.options;
        let pack_tokens = options.packing.then_some(options.max_len);
        Cut { budget_tokens, cost_tokens: options.micro_cost_tokens, pack_tokens }
    }

    /// Halves the budget of tokens after a micro-batch did not fit.
    fn lower(&mut self, step: u64, training: bool, micro: &Micro, reason: &str) -> Result<(), RunError> {
        let during = if training { "training" } else { "evaluation" };
        if micro.items().count() <= 1 {
            let table = self.run.config.map(|config| memory::table(config, self.run.options, micro.width));
            return Err(RunError::OutOfMemory {
                place: if training { format!("step {step}") } else { format!("the evaluation after step {step}") },
                tokens: micro.width,
                reason: reason.to_owned(),
                last: self.newest.clone(),
                table: table.unwrap_or_default(),
            });
        }
        let budget = if training { &mut self.progress.micro_tokens } else { &mut self.progress.eval_tokens };
        let from_tokens = *budget;
        // A budget above what there was to put in would be halved without effect.
        let to_tokens = (from_tokens.min(micro.padded_tokens()) / 2).max(1);
        *budget = to_tokens;
        self.progress.out_of_memory.push(Full { step, during: during.to_owned(), from_tokens, to_tokens });
        self.tell(Event::OutOfMemory { step, during, from_tokens, to_tokens });
        Ok(())
    }

    fn record_step(&mut self, epoch: f64, means: &Means, only: StepOnly, seconds: f64) -> Result<(), RunError> {
        let step = self.progress.step;
        self.metrics.line(&Line { validation: false, step, epoch, means: *means, step_only: Some(only) })?;
        let tokens_per_s = per_second(only.tokens, seconds);
        let mut scalars = tensorboard::scalars("train", means);
        for (name, value) in
            [("learning_rate", only.learning_rate), ("grad_norm", only.grad_norm), ("tokens_per_s", tokens_per_s)]
        {
            scalars.push((format!("train/{name}"), value));
        }
        self.events.scalars((self.run.clock)(), step, &scalars)?;
        self.tell(Event::Step {
            step,
            epoch,
            loss: means.loss,
            lr: only.learning_rate,
            tokens: only.tokens,
            trained_tokens: means.tokens,
            padded_tokens: only.padded_tokens,
            tokens_per_s,
            accuracy: means.accuracy,
            loss_slot: means.loss_slot,
            loss_template: means.loss_template,
            grad_norm: only.grad_norm,
            rows: means.rows,
            micro_batches: only.micro_batches,
        });
        Ok(())
    }

    /// Evaluates, decides about best and end, and writes the checkpoint. Answers whether the run goes on.
    fn evaluate_and_keep(&mut self) -> Result<bool, RunError> {
        let began = (self.run.clock)();
        let step = self.progress.step;
        let Some(sums) = self.score_validation()? else { return Ok(false) };
        let (means, by) = scoring::grouped(self.run.validation, &sums);
        if !means.loss.is_finite() {
            return Err(self.not_finite("the validation loss", step));
        }
        let metric = self.run.options.best_metric;
        let value = twelve_digits(means.metric(metric).unwrap_or(means.loss));
        let progress = &mut self.progress;
        let best = progress.best.is_none_or(|best| metric.better(value, best.value));
        if best {
            progress.best = Some(Best { step, metric, value });
            progress.since_best = 0;
        } else {
            progress.since_best += 1;
        }
        progress.pending_evaluation = false;
        if progress.ended_by.is_none() && self.run.options.patience.is_some_and(|most| progress.since_best >= most) {
            progress.ended_by = Some("patience".to_owned());
        }
        let epoch = match progress.cursor {
            0 => f64::from(progress.epoch),
            cursor => f64::from(progress.epoch) + cursor as f64 / self.sampler.steps(progress.epoch) as f64,
        };
        self.metrics.line(&Line { validation: true, step, epoch, means, step_only: None })?;
        self.metrics.groups(step, &by)?;
        let mut all = tensorboard::scalars("validation", &means);
        for group in &by {
            all.push((format!("validation/loss/{}/{}", group.key, group.value), group.means.loss));
        }
        let now = (self.run.clock)();
        self.events.scalars(now, step, &all)?;
        self.tell(Event::Evaluation { step, means, by, best, seconds: (now - began).max(0.0) });
        self.keep()?;
        Ok(true)
    }

    /// Scores the validation examples; none where the run was stopped meanwhile.
    fn score_validation(&mut self) -> Result<Option<Vec<Sums>>, RunError> {
        let items = self.run.validation;
        let lengths: Vec<usize> = items.iter().map(|item| item.ids.len()).collect();
        let mut sums: Vec<Option<Sums>> = vec![None; items.len()];
        'cut: loop {
            let open: Vec<usize> = (0..items.len()).filter(|at| sums[*at].is_none()).collect();
            for micro in self.cut(self.progress.eval_tokens).micros(&open, &lengths) {
                if self.run.stop.load(Ordering::Relaxed) {
                    return Ok(None);
                }
                let scores = match self.learner.predictor().score(&micro.batch(items, self.run.pad)) {
                    Ok(scores) => scores,
                    Err(NnError::OutOfMemory(reason)) => {
                        self.lower(self.progress.step, false, &micro, &reason)?;
                        continue 'cut;
                    }
                    Err(error) => return Err(self.ended_by_nn(error)),
                };
                let count = micro.items().count();
                if scores.len() != count {
                    let message = format!("the learner scored {} examples of {count}", scores.len());
                    return Err(RunError::Learner(message));
                }
                for (at, scores) in micro.items().zip(&scores) {
                    sums[at] = Some(Sums::of(&items[at], scores)?);
                }
            }
            return Ok(Some(sums.into_iter().flatten().collect()));
        }
    }

    /// Writes the checkpoint of this step, and removes old ones.
    fn keep(&mut self) -> Result<(), RunError> {
        let began = (self.run.clock)();
        self.count_seconds();
        self.metrics.sync()?;
        let step = self.progress.step;
        let state = self.learner.state().map_err(|error| RunError::Checkpoint {
            step,
            reason: error.to_string(),
            last: self.newest.clone(),
        })?;
        let run = &self.run;
        let path = checkpoint::save(run.folder, &self.progress, &self.schedule, run.options, run.identity, &state)?;
        drop(state);
        if let Some(best) = self.progress.best.filter(|best| best.step == step) {
            checkpoint::write_best(run.folder, &best)?;
        }
        let held: Vec<u64> = self.progress.best.iter().map(|best| best.step).chain([step]).collect();
        checkpoint::prune(run.folder, run.options.keep, &held)?;
        self.newest = Some(path.clone());
        let seconds = ((self.run.clock)() - began).max(0.0);
        self.tell(Event::Checkpoint { step, path, seconds });
        Ok(())
    }

    fn interrupted(mut self) -> Result<Outcome, RunError> {
        let step = self.progress.step;
        // What was begun of the next step is gone; the weights are those after this one.
        let place = checkpoint::folder_of(self.run.folder, step);
        if self.newest.as_ref() != Some(&place) {
            self.keep()?;
        }
        self.metrics.realised(&self.progress.realised)?;
        curve::write(self.run.folder)?;
        self.tell(Event::Interrupted { step, checkpoint: place.clone() });
        Ok(Outcome { ended: Ended::Interrupted, progress: self.progress, taken_step: step, checkpoint: place })
    }

    fn finish(mut self) -> Result<Outcome, RunError> {
        self.count_seconds();
        let mut taken_step = self.progress.step;
        if let (Take::Best, Some(best)) = (self.run.options.take, self.progress.best)
            && best.step != taken_step
        {
            let folder = checkpoint::folder_of(self.run.folder, best.step);
            let damaged = |message| RunError::Damaged { path: folder.clone(), message };
            let (_, state) = checkpoint::load(&folder).map_err(damaged)?;
            self.learner.restore(&state)?;
            taken_step = best.step;
        }
        self.metrics.realised(&self.progress.realised)?;
        curve::write(self.run.folder)?;
        let progress = &self.progress;
        let ended_by = match progress.ended_by.as_deref() {
            Some("patience") => "patience",
            Some("max_steps") => "max_steps",
            _ => "epochs",
        };
        let done = Event::Done {
            step: progress.step,
            ended_by,
            loss: progress.loss,
            best: progress.best,
            taken_step,
            tokens: progress.tokens,
            trained_tokens: progress.trained_tokens,
            padding: batches::padding_share(progress.tokens, progress.padded_tokens),
            seconds: progress.seconds,
            tokens_per_s: per_second(progress.tokens, progress.step_seconds),
            peak_memory_bytes: self.learner.peak_memory_bytes(),
        };
        self.tell(done);
        let checkpoint = checkpoint::folder_of(self.run.folder, self.progress.step);
        Ok(Outcome { ended: Ended::Finished, progress: self.progress, taken_step, checkpoint })
    }

    /// Adds the time since it was counted last.
    fn count_seconds(&mut self) {
        let now = (self.run.clock)();
        self.progress.seconds += (now - self.counted).max(0.0);
        self.counted = now;
    }

    fn ended_by_nn(&self, error: NnError) -> RunError {
        match error {
            NnError::NotFinite { what, step } => self.not_finite(what, step),
            other => other.into(),
        }
    }

    fn not_finite(&self, what: &str, step: u64) -> RunError {
        RunError::NotFinite { what: what.to_owned(), step, last: self.newest.clone() }
    }

    fn tell(&mut self, event: Event) {
        (self.run.report)(&event);
    }

    fn note(&mut self, text: impl Into<String>) {
        self.tell(Event::Note { text: text.into() });
    }
}

fn per_second(tokens: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { tokens as f64 / seconds } else { 0.0 }
}
