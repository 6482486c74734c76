//! The training run, driven with a small learner: order, batches, exact resume, faults.

pub mod fake;
mod handed_over;
mod handing;
mod laws;
mod planning;
mod sampling;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use scenery::train::checkpoint::{self, Identity};
use scenery::train::events::Event;
use scenery::train::item::Item;
use scenery::train::metrics::{self, EVALUATIONS, METRICS, REALISED};
use scenery::train::options::{Metric, Options, Take};
use scenery::train::run::{self, Ended, Outcome, Run};
use scenery::train::run_error::RunError;

use crate::corpus::Scratch;
use fake::{Bigram, PAD, examples};

/// Options that suit the small learner.
pub fn options() -> Options {
    Options {
        epochs: Some(3),
        batch_rows: 8,
        micro_tokens: 64,
        eval_tokens: 128,
        micro_cost_tokens: 4,
        learning_rate: 0.05,
        eval_every: Some(7),
        max_len: 64,
        keep: 3,
        ..Options::preset("default").expect("a preset")
    }
}

pub(crate) fn identity() -> Identity {
    let text = |word: &str| word.repeat(8);
    Identity {
        manifest_sha256: text("manifest"),
        manifest_digest: text("digest"),
        contract: text("contract"),
        base_config_sha256: text("config"),
        base_weights: text("weights"),
    }
}

/// A run in a folder; the clock ticks a second at every look.
struct Setting {
    scratch: Scratch,
    options: Options,
    identity: Identity,
    train: Vec<Item>,
    validation: Vec<Item>,
    events: Vec<Event>,
    stop: Arc<AtomicBool>,
}

impl Setting {
    fn new(name: &str) -> Setting {
        Setting {
            scratch: Scratch::new(name),
            options: options(),
            identity: identity(),
            train: examples(60, 1),
            validation: examples(13, 2),
            events: Vec::new(),
            stop: Arc::new(AtomicBool::new(false)),
        }
    }

    fn go(&mut self, learner: &mut Bigram, resume: bool) -> Result<Outcome, RunError> {
        let time = std::cell::Cell::new(1_700_000_000.0);
        let clock = || {
            time.set(time.get() + 1.0);
            time.get()
        };
        let events = &mut self.events;
        let mut report = |event: &Event| events.push(event.clone());
        let run = Run {
            folder: self.scratch.path(),
            options: &self.options,
            identity: &self.identity,
            train: &self.train,
            validation: &self.validation,
            pad: PAD,
            config: None,
            clock: &clock,
            stop: &self.stop,
            report: &mut report,
        };
        if resume { run::resume(learner, run) } else { run::start(learner, run) }
    }

    fn whole(&mut self) -> (Outcome, Bigram) {
        let mut learner = Bigram::new(7);
        let outcome = self.go(&mut learner, false).expect("a whole run");
        assert_eq!(outcome.ended, Ended::Finished);
        (outcome, learner)
    }

    fn notes(&self) -> String {
        let note = |event: &Event| match event {
            Event::Note { text } => Some(text.clone()),
            _ => None,
        };
        self.events.iter().filter_map(note).collect::<Vec<_>>().join("\n")
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.scratch.join(name)).expect("a file of the run")
    }

    fn state(&self, step: u64) -> Vec<u8> {
        let folder = checkpoint::folder_of(self.scratch.path(), step);
        std::fs::read(folder.join(checkpoint::STATE)).expect("a state")
    }

    fn steps(&self) -> Vec<u64> {
        checkpoint::list(self.scratch.path()).expect("a list").into_iter().map(|(step, _)| step).collect()
    }
}

const LAST: u64 = 24;

/// Everything of a run that no clock is in.
fn files(setting: &Setting) -> BTreeMap<&'static str, String> {
    [METRICS, EVALUATIONS, REALISED, "loss.svg", "best.json"]
        .into_iter()
        .map(|name| (name, setting.read(name)))
        .collect()
}

#[test]
fn a_run_learns_and_says_what_it_did() {
    let mut setting = Setting::new("whole");
    let (outcome, mut learner) = setting.whole();
    assert_eq!(outcome.progress.step, LAST);
    let losses: Vec<f64> = setting
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Step { loss, .. } => Some(*loss),
            _ => None,
        })
        .collect();
    assert_eq!(losses.len() as u64, LAST);
    assert!(losses[LAST as usize - 1] < losses[0] - 0.5, "{losses:?}");
    let lines = metrics::read(setting.scratch.path()).expect("metrics");
    let evaluated: Vec<u64> = lines.iter().filter(|line| line.validation).map(|line| line.step).collect();
    assert_eq!(evaluated, [7, 14, 21, 24]);
    // The last evaluation is what the weights give that are handed over.
    let lengths: Vec<usize> = setting.validation.iter().map(|item| item.ids.len()).collect();
    let cut = scenery::train::batches::Cut { budget_tokens: 1000, cost_tokens: 0, pack_tokens: None };
    let all: Vec<usize> = (0..setting.validation.len()).collect();
    let mut loss = (0.0, 0.0);
    for micro in cut.micros(&all, &lengths) {
        use scenery::nn::Predictor;
        let scores = learner.score(&micro.batch(&setting.validation, PAD)).expect("scores");
        for value in scores.iter().flat_map(|scores| &scores.losses) {
            loss = (loss.0 + f64::from(*value), loss.1 + 1.0);
        }
    }
    let best = outcome.progress.best.expect("a best");
    assert_eq!(best.metric, Metric::Loss);
    assert!((best.value - loss.0 / loss.1).abs() < 1e-9, "{best:?}");
    // Slots are harder than the template, and both together are all.
    let last = lines.last().expect("a line").means;
    assert!(last.loss_slot.expect("slots") > last.loss_template.expect("a template") + 0.5, "{last:?}");
    // What was trained is told by source, level and epoch, and adds up.
    let realised = &outcome.progress.realised;
    let tokens: usize = setting.train.iter().map(|item| item.ids.len()).sum();
    let trained: usize = setting.train.iter().map(Item::trained).sum();
    for epoch in 1..=3 {
        let of_epoch = realised.iter().filter(|each| each.epoch == epoch);
        let sums = of_epoch
            .fold((0, 0, 0), |sums, each| (sums.0 + each.rows, sums.1 + each.tokens, sums.2 + each.trained_tokens));
        assert_eq!(sums, (60, tokens as u64, trained as u64));
    }
    assert!(
        realised.iter().any(|each| each.level == "foundation") && realised.iter().any(|each| each.level == "basic")
    );
    assert_eq!(outcome.progress.tokens, 3 * tokens as u64);
    assert!(outcome.progress.padded_tokens > outcome.progress.tokens);
}

#[test]
fn events_are_json_lines_as_the_design_has_them() {
    let mut setting = Setting::new("events");
    setting.whole();
    let lines: Vec<serde_json::Value> =
        setting.events.iter().map(|event| serde_json::to_value(event).expect("JSON")).collect();
    assert_eq!(lines[0]["event"], "start");
    assert_eq!(lines[0]["trained_parameters"], 576);
    let step = lines.iter().find(|line| line["event"] == "step").expect("a step");
    for key in ["step", "loss", "lr", "tokens", "tokens_per_s"] {
        assert!(step[key].is_number(), "{key}: {step}");
    }
    let evaluation = lines.iter().find(|line| line["event"] == "evaluation").expect("an evaluation");
    assert!(evaluation["by"].as_array().is_some_and(|by| by.iter().any(|each| each["key"] == "level")), "{evaluation}");
    let done = lines.last().expect("a line");
    assert_eq!((&done["event"], &done["step"]), (&"done".into(), &LAST.into()));
}

#[test]
fn measurements_that_someone_took_away_are_missed() {
    let mut setting = Setting::new("metrics-gone");
    setting.whole();
    let text = setting.read(METRICS);
    let again = |setting: &mut Setting| {
        setting.events.clear();
        setting.go(&mut Bigram::new(7), true).expect("it goes on");
        setting.notes()
    };
    assert_eq!(again(&mut setting), "");
    let some: Vec<&str> = text.lines().filter(|line| !line.starts_with("train,3,")).collect();
    setting.scratch.write(METRICS, some.join("\n") + "\n");
    assert!(again(&mut setting).contains("metrics.csv has no line of 1 of the 24 steps so far"), "{}", setting.notes());
    std::fs::remove_file(setting.scratch.join(METRICS)).expect("it was there");
    assert!(again(&mut setting).contains("no line of 24 of the 24 steps so far"), "{}", setting.notes());
}

#[test]
fn a_run_that_was_stopped_anywhere_goes_on_bit_for_bit() {
    let mut whole = Setting::new("uninterrupted");
    let (outcome, _) = whole.whole();
    let wanted = (files(&whole), whole.state(LAST));
    // Micro-batches and validation batches alike are places to stop at.
    let mut kinds = std::collections::BTreeSet::new();
    for calls in [1, 2, 3, 10, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 60, 90, 130] {
        let mut setting = Setting::new("interrupted");
        setting.options.keep = 100;
        let mut learner = Bigram::new(7);
        learner.stop_after = Some((calls, setting.stop.clone()));
        let stopped = setting.go(&mut learner, false).expect("an interruption is no error");
        assert_eq!(stopped.ended, Ended::Interrupted, "{calls}");
        assert!(matches!(setting.events.last(), Some(Event::Interrupted { .. })));
        kinds.insert(stopped.progress.pending_evaluation);
        // Another learner, with other first values: all that counts is in the checkpoint.
        setting.stop.store(false, std::sync::atomic::Ordering::Relaxed);
        let mut learner = Bigram::new(99);
        let resumed = setting.go(&mut learner, true).expect("it goes on");
        assert_eq!(resumed.ended, Ended::Finished);
        assert_eq!((files(&setting), setting.state(LAST)), wanted, "stopped after {calls} calls");
        assert_eq!(resumed.progress.realised, outcome.progress.realised);
    }
    assert_eq!(kinds.len(), 2, "a stop inside an evaluation, and one outside, were tried");
}

#[test]
fn half_the_steps_and_a_resume_are_all_the_steps() {
    // As after a crash: the checkpoint of step 12 is the newest, and the tables have lines of later steps, one of them torn.
    let mut whole = Setting::new("all");
    (whole.options.checkpoint_every, whole.options.keep) = (Some(6), 100);
    whole.whole();
    let mut half = Setting::new("half");
    half.options = whole.options.clone();
    for step in [6, 7, 12] {
        let to = checkpoint::folder_of(half.scratch.path(), step);
        std::fs::create_dir_all(&to).expect("a folder");
        for name in [checkpoint::STATE, checkpoint::SNAPSHOT] {
            let from = checkpoint::folder_of(whole.scratch.path(), step).join(name);
            std::fs::copy(from, to.join(name)).expect("a copy");
        }
    }
    for name in [METRICS, EVALUATIONS] {
        let text = whole.read(name);
        half.scratch.write(name, &text[..text.len() - 9]);
    }
    let mut learner = Bigram::new(3);
    half.go(&mut learner, true).expect("it goes on");
    assert_eq!(files(&half), files(&whole));
    for step in [14, 18, 21, 24] {
        assert_eq!(half.state(step), whole.state(step), "{step}");
    }
    let again = half.go(&mut Bigram::new(5), true).expect("a run that has ended says so again");
    assert_eq!((again.ended, again.taken_step), (Ended::Finished, LAST));
    assert_eq!(files(&half), files(&whole));
}

#[test]
fn what_is_no_number_ends_the_run_and_leaves_the_last_good_checkpoint() {
    let mut setting = Setting::new("nan");
    let mut learner = Bigram::new(7);
    learner.not_finite_at = Some(16);
    let error = setting.go(&mut learner, false).expect_err("no number");
    let RunError::NotFinite { step: 16, last: Some(last), .. } = &error else { panic!("{error}") };
    assert!(last.ends_with("checkpoints/step-00000014"), "{error}");
    assert!(error.to_string().contains("the loss is not finite at step 16"), "{error}");
    assert!(checkpoint::load(last).is_ok());
    // Without the fault it goes on from there, as if nothing had been.
    let mut whole = Setting::new("well");
    whole.whole();
    setting.go(&mut Bigram::new(1), true).expect("it goes on");
    assert_eq!(files(&setting), files(&whole));
    let mut early = Setting::new("early");
    let mut learner = Bigram::new(7);
    learner.not_finite_at = Some(1);
    let error = early.go(&mut learner, false).expect_err("no number").to_string();
    assert!(error.contains("no checkpoint was written yet"), "{error}");
}

#[test]
fn a_state_that_cannot_be_kept_is_told_with_the_last_good_one() {
    let mut setting = Setting::new("state");
    let mut learner = Bigram::new(7);
    learner.broken_state = true;
    let error = setting.go(&mut learner, false).expect_err("no state");
    assert!(matches!(&error, RunError::Checkpoint { step: 7, last: None, .. }), "{error}");
    assert!(setting.steps().is_empty());
}

#[test]
fn a_full_memory_lowers_the_budget_and_changes_nothing_else() {
    let mut plain = Setting::new("roomy");
    let (_, roomy) = plain.whole();
    let mut setting = Setting::new("tight");
    let mut learner = Bigram::new(7);
    learner.memory_tokens = 45;
    let outcome = setting.go(&mut learner, false).expect("it goes on in smaller pieces");
    let full = &outcome.progress.out_of_memory;
    assert!(
        full.iter().any(|each| each.during == "training") && full.iter().any(|each| each.during == "evaluation"),
        "{full:?}"
    );
    for each in full {
        assert!(each.to_tokens * 2 <= each.from_tokens, "{each:?}");
    }
    let recorded = setting.events.iter().filter(|event| matches!(event, Event::OutOfMemory { .. })).count();
    assert_eq!(recorded, full.len());
    for (one, two) in roomy.weights.iter().zip(&learner.weights) {
        assert!((one - two).abs() < 1e-4, "{one} {two}");
    }
    // The lowered budget is part of what a resume goes on with.
    let (snapshot, _) = checkpoint::load(&outcome.checkpoint).expect("a checkpoint");
    assert!(snapshot.progress.micro_tokens < 64);
    let mut tiny = Setting::new("tiny");
    let config = scenery::train::memory::seed_shape();
    let mut learner = Bigram::new(7);
    learner.memory_tokens = 20;
    let error = tiny.go(&mut learner, false).expect_err("a row alone does not fit");
    let RunError::OutOfMemory { tokens, .. } = &error else { panic!("{error}") };
    assert!(*tokens > 20 && error.to_string().contains("at step 1 with a single row"), "{error}");
    let table = scenery::train::memory::table(&config, &tiny.options, 2048);
    assert!(table.contains("--nf4 --recompute 1") && table.lines().count() == 8, "{table}");
}

#[test]
fn a_damaged_checkpoint_is_skipped_and_named() {
    let mut setting = Setting::new("damaged");
    setting.options.keep = 10;
    setting.whole();
    let wanted = (files(&setting), setting.state(LAST));
    let damage = |step: u64, name: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let path = checkpoint::folder_of(setting.scratch.path(), step).join(name);
        let mut bytes = std::fs::read(&path).expect("a file");
        change(&mut bytes);
        std::fs::write(path, bytes).expect("written");
    };
    damage(24, checkpoint::STATE, &|bytes| *bytes.last_mut().expect("a byte") ^= 1);
    damage(21, checkpoint::SNAPSHOT, &|bytes| bytes.truncate(bytes.len() / 2));
    let mut learner = Bigram::new(3);
    setting.go(&mut learner, true).expect("the one before is whole");
    let notes = setting.notes();
    assert!(notes.contains("step-00000024 is skipped: state.safetensors has another SHA-256"), "{notes}");
    assert!(notes.contains("step-00000021 is skipped: state.json is damaged"), "{notes}");
    let resumed = setting.events.iter().rev().find_map(|event| match event {
        Event::Start { resumed_from, .. } => *resumed_from,
        _ => None,
    });
    assert_eq!(resumed, Some(14));
    assert_eq!((files(&setting), setting.state(LAST)), wanted);
    for step in setting.steps() {
        damage_all(setting.scratch.path(), step);
    }
    let error = setting.go(&mut Bigram::new(3), true).expect_err("none is whole").to_string();
    assert!(error.contains("no checkpoint that is whole") && error.contains("step-00000007"), "{error}");
    // Where none was written yet, it begins again.
    let mut empty = Setting::new("empty");
    empty.go(&mut Bigram::new(7), true).expect("it begins");
    assert!(empty.notes().contains("before its first checkpoint"), "{}", empty.notes());
    assert_eq!((files(&empty), empty.state(LAST)), wanted);
}

fn damage_all(run: &Path, step: u64) {
    std::fs::write(checkpoint::folder_of(run, step).join(checkpoint::STATE), b"").expect("written");
}

#[test]
fn a_run_goes_on_with_what_it_began_with_only() {
    let mut setting = Setting::new("same");
    setting.whole();
    let refused = |setting: &mut Setting| match setting.go(&mut Bigram::new(7), true) {
        Err(RunError::Differs { differences }) => differences.join("; "),
        other => panic!("{other:?}"),
    };
    for change in [0, 1, 2, 3, 4] {
        setting.identity = identity();
        let (field, word) = match change {
            0 => (&mut setting.identity.manifest_sha256, "manifest.json"),
            1 => (&mut setting.identity.manifest_digest, "the slice"),
            2 => (&mut setting.identity.contract, "the prompt contract"),
            3 => (&mut setting.identity.base_config_sha256, "the model's config.json"),
            _ => (&mut setting.identity.base_weights, "the model's weights"),
        };
        *field = "another".to_owned();
        let told = refused(&mut setting);
        assert!(told.contains(word) && told.contains("another"), "{told}");
    }
    setting.identity = identity();
    setting.options.learning_rate = 0.06;
    setting.options.seed = 4;
    let told = refused(&mut setting);
    assert!(told.contains("the option learning_rate was 0.05 and is 0.06") && told.contains("seed"), "{told}");
    setting.options = options();
    setting.options.threads = Some(1);
    setting.go(&mut Bigram::new(7), true).expect("threads may be others");
    assert!(setting.notes().contains("rounded otherwise"), "{}", setting.notes());
    setting.options = options();
    setting.train.truncate(40);
    assert!(refused(&mut setting).contains("another number of steps"));
    let error = setting.go(&mut Bigram::new(7), false).expect_err("a run is there").to_string();
    assert!(error.contains("train resume"), "{error}");
}

#[test]
fn patience_ends_a_run_and_the_best_weights_are_handed_over() {
    let mut setting = Setting::new("patience");
    // Far too high a rate: it gets worse after a while.
    setting.options.learning_rate = 1.0;
    setting.options.epochs = Some(40);
    setting.options.eval_every = Some(2);
    setting.options.patience = Some(3);
    setting.options.keep = 1;
    let (outcome, learner) = setting.whole();
    let best = outcome.progress.best.expect("a best");
    assert_eq!(outcome.progress.ended_by.as_deref(), Some("patience"));
    assert_eq!(outcome.progress.step, best.step + 6);
    assert_eq!(outcome.taken_step, best.step);
    assert_eq!(setting.steps(), [best.step, outcome.progress.step], "the best and the newest are kept");
    let (_, state) = checkpoint::load(&checkpoint::folder_of(setting.scratch.path(), best.step)).expect("the best");
    assert_eq!(state.tensors[0].values, learner.weights);
    let named: serde_json::Value = serde_json::from_str(&setting.read("best.json")).expect("JSON");
    assert_eq!(named["step"], best.step);
    assert!(setting.scratch.join(named["checkpoint"].as_str().expect("a path")).is_dir());
    // Asked for the last ones, it hands those over.
    let mut last = Setting::new("last");
    last.options = Options { take: Take::Last, ..setting.options.clone() };
    let (outcome, _) = last.whole();
    assert_eq!(outcome.taken_step, outcome.progress.step);
    // It stays ended.
    let again = setting.go(&mut Bigram::new(1), true).expect("it has ended");
    assert_eq!((again.progress.step, again.taken_step), (outcome.progress.step, best.step));
}

#[test]
fn without_validation_nothing_is_evaluated_and_it_is_said() {
    let mut setting = Setting::new("blind");
    setting.validation.clear();
    let (outcome, _) = setting.whole();
    assert!(setting.notes().contains("no validation examples"), "{}", setting.notes());
    assert!(outcome.progress.best.is_none());
    assert!(!setting.scratch.join("best.json").exists());
    assert_eq!(setting.steps(), [8, 16, 24], "a checkpoint per epoch");
    setting.options.patience = Some(1);
    let error = setting.go(&mut Bigram::new(1), true).expect_err("patience needs validation").to_string();
    assert!(error.contains("--patience"), "{error}");
}
