//! From flags to the options of a run.

use crate::cli::args::{BatchFlags, TokenFlags, TrainFlags};
use crate::cli::failure::Failure;
use crate::nn::Trained;
use crate::nn::lora::LoraConfig;
use crate::train::base::Shape;
use crate::train::options::{Options, PRESETS, weight_rules};
use crate::train::run_error::RunError;

/// Tokens of the vocabulary of a model that begins from nothing, unless said.
const VOCABULARY: usize = 2_048;

/// The options that a preset and the flags come to, checked.
///
/// # Errors
/// Where a flag is out of range, or does not go with another.
pub(super) fn options(flags: &TrainFlags) -> Result<Options, Failure> {
    let name = flags.preset.as_deref().unwrap_or(if flags.tokens.from_scratch { "scratch" } else { "default" });
    let known = PRESETS.iter().map(|(name, _)| *name);
    let mut out = Options::preset(name)
        .map_err(|error| Failure::from(error).suggesting(crate::query::similar(name, known.clone())))?;
    if flags.tokens.from_scratch || flags.full {
        out.trained = Trained::Full;
        out.nf4 = false;
    } else if let Trained::Full = out.trained {
        return Err(Failure::usage(format!(
            "--preset {name} trains all weights: give --from-scratch, or --full with --base DIR"
        )));
    }
    trained(flags, &mut out.trained)?;
    if flags.max_steps.is_some() && flags.epochs.is_none() {
        out.epochs = None;
    }
    set(&mut out.batch_rows, flags.batches.batch);
    set(&mut out.learning_rate, flags.lr);
    set(&mut out.schedule, flags.schedule);
    set(&mut out.warmup_ratio, flags.warmup);
    set(&mut out.optimiser.weight_decay, flags.weight_decay);
    set(&mut out.optimiser.beta1, flags.beta1);
    set(&mut out.optimiser.beta2, flags.beta2);
    set(&mut out.optimiser.epsilon, flags.epsilon);
    set(&mut out.max_len, flags.tokens.max_len);
    set(&mut out.too_long, flags.too_long);
    set(&mut out.precision, flags.precision);
    set(&mut out.device, flags.device);
    set(&mut out.recompute_layers, flags.recompute);
    set(&mut out.loss_chunk, flags.loss_chunk);
    set(&mut out.seed, flags.batches.seed);
    set(&mut out.micro_tokens, flags.batches.micro_tokens);
    set(&mut out.eval_tokens, flags.eval_tokens);
    set(&mut out.micro_cost_tokens, flags.batches.micro_cost);
    set(&mut out.length_window, flags.batches.length_window);
    set(&mut out.keep, flags.keep);
    set(&mut out.best_metric, flags.best);
    set(&mut out.take, flags.take);
    set(&mut out.curriculum.kind, flags.curriculum);
    out.epochs = flags.epochs.or(out.epochs);
    out.max_steps = flags.max_steps.or(out.max_steps);
    out.warmup_steps = flags.warmup_steps.or(out.warmup_steps);
    out.threads = flags.threads.or(out.threads);
    out.eval_every = flags.eval_every.or(out.eval_every);
    out.checkpoint_every = flags.checkpoint_every.or(out.checkpoint_every);
    out.patience = flags.patience.or(out.patience);
    out.packing |= flags.batches.packing;
    out.nf4 = (out.nf4 || flags.nf4) && !flags.no_nf4;
    if let Some(text) = &flags.clip {
        let number = text.parse::<f64>().ok();
        out.optimiser.clip = match (text.as_str(), number) {
            ("none", _) => None,
            (_, Some(number)) => Some(number),
            _ => return Err(Failure::usage(format!("--clip {text}: it is a number above 0, or `none`"))),
        };
    }
    for text in &flags.weight {
        out.weights.extend(weight_rules(text)?);
    }
    if let Some(text) = &flags.curriculum_by {
        out.curriculum.set_order(text)?;
    }
    let out = out.kept_exactly();
    out.check()?;
    Ok(out)
}

/// The options of a run on what is only looked at, for its lengths and batches.
///
/// # Errors
/// As [`options`].
pub(super) fn of_a_look(tokens: &TokenFlags, batches: &BatchFlags) -> Result<Options, Failure> {
    options(&TrainFlags { tokens: tokens.clone(), batches: batches.clone(), ..TrainFlags::default() })
}

fn set<T>(option: &mut T, flag: Option<T>) {
    if let Some(value) = flag {
        *option = value;
    }
}

fn trained(flags: &TrainFlags, trained: &mut Trained) -> Result<(), Failure> {
    let Trained::Lora(lora) = trained else {
        let asked = flags.rank.is_some() || flags.alpha.is_some() || flags.rslora || flags.lora_plus.is_some();
        if asked || !flags.targets.is_empty() {
            return Err(Failure::usage(
                "--rank, --alpha, --rslora, --lora-plus and --targets are about an adapter, and with --from-scratch all weights are trained",
            ));
        }
        return Ok(());
    };
    let ratio = lora.alpha / lora.r as f64;
    if let Some(rank) = flags.rank {
        lora.r = rank;
        // The strength of an adapter is alpha over rank: another rank alone keeps it.
        lora.alpha = ratio * rank as f64;
    }
    lora.alpha = flags.alpha.unwrap_or(lora.alpha);
    lora.rslora |= flags.rslora;
    lora.plus_ratio = flags.lora_plus.unwrap_or(lora.plus_ratio);
    if !flags.targets.is_empty() {
        lora.targets = flags.targets.iter().cloned().collect();
    }
    let checked: &LoraConfig = lora;
    checked.check().map_err(|error| Failure::usage(error.to_string()))
}

/// The shape of a model that begins from nothing.
pub(super) fn shape(flags: &TrainFlags, options: &Options) -> Shape {
    Shape {
        hidden: flags.hidden.unwrap_or(192),
        layers: flags.layers.unwrap_or(4),
        heads: flags.heads.unwrap_or(6),
        context: options.max_len,
    }
}

/// Tokens of its vocabulary at most.
pub(super) fn vocabulary(flags: &TokenFlags) -> usize {
    flags.vocab.unwrap_or(VOCABULARY)
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Failure {
        let (code, kind) = match error {
            RunError::Nn(error) => return error.into(),
            RunError::Prompt(error) => return error.into(),
            RunError::Tokenizer(error) => return error.into(),
            RunError::Option(_) => (2, "option"),
            RunError::File { .. } => (1, "file"),
            RunError::Damaged { .. } => (1, "damaged"),
            RunError::TooLong { .. } => (1, "too-long"),
            RunError::Nothing(_) => (1, "nothing"),
            RunError::RunExists { .. } => (1, "run-exists"),
            RunError::NoCheckpoint { .. } => (1, "no-checkpoint"),
            RunError::Differs { .. } => (1, "differs"),
            RunError::Checkpoint { .. } => (1, "checkpoint"),
            RunError::NotFinite { .. } => (1, "not-finite"),
            RunError::OutOfMemory { .. } => (1, "out-of-memory"),
            RunError::Learner(_) => (1, "learner"),
            RunError::Parity(_) => (1, "parity"),
        };
        let mut out = Failure::new(code, kind, crate::cli::failure::chain(&error));
        match &error {
            RunError::File { path, .. }
            | RunError::Damaged { path, .. }
            | RunError::RunExists { path }
            | RunError::NoCheckpoint { path, .. } => out.path = Some(path.display().to_string()),
            RunError::NotFinite { last: Some(path), .. } | RunError::Checkpoint { last: Some(path), .. } => {
                out.path = Some(path.display().to_string());
            }
            _ => {}
        }
        out
    }
}
