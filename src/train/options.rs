//! Every option of a run, as one value: what `run.json` keeps, and what a preset begins with.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::run_error::RunError;
use super::schedule::ScheduleKind;
use crate::nn::lora::LoraConfig;
use crate::nn::{AdamW, DeviceChoice, Precision, Trained};
use crate::sample::UnknownWord;

/// What is done with examples above the limit of tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TooLong {
    /// The run does not begin.
    #[default]
    Error,
    /// They are left out, and counted.
    Drop,
    /// They are cut to the limit, and counted. Their end token is cut off with the rest.
    Truncate,
}

impl FromStr for TooLong {
    type Err = UnknownWord;
    fn from_str(text: &str) -> Result<TooLong, UnknownWord> {
        match text {
            "error" => Ok(TooLong::Error),
            "drop" => Ok(TooLong::Drop),
            "truncate" => Ok(TooLong::Truncate),
            _ => Err(UnknownWord { word: text.to_owned(), known: &["error", "drop", "truncate"] }),
        }
    }
}

/// How often the examples with a label stand in an epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WeightRule {
    /// The label's key: `source`, `level`, `complexity`, `family`.
    pub key: String,
    /// Its value.
    pub value: String,
    /// Times per epoch; 0.5 is every second epoch, 0 never.
    pub times: f64,
}

/// Reads `source=manimbench:2,thanks:0.5`.
///
/// # Errors
/// [`RunError::Option`] with the form that is expected.
pub fn weight_rules(text: &str) -> Result<Vec<WeightRule>, RunError> {
    let wrong = |what: &str| {
        RunError::Option(format!(
            "--weight {text}: {what}; it has the form KEY=VALUE:TIMES,VALUE:TIMES, as in source=manimbench:2,thanks:0.5"
        ))
    };
    let (key, rest) = text.split_once('=').ok_or_else(|| wrong("there is no `=`"))?;
    let rule = |part: &str| {
        let (value, times) = part.rsplit_once(':').ok_or_else(|| wrong(&format!("`{part}` has no `:`")))?;
        let number = times.trim().parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0);
        let times = number.ok_or_else(|| wrong(&format!("`{times}` is no number from 0")))?;
        Ok(WeightRule { key: key.trim().to_owned(), value: value.trim().to_owned(), times })
    };
    rest.split(',').map(rule).collect()
}

/// Whether easy examples come first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CurriculumKind {
    /// All examples in every epoch.
    #[default]
    None,
    /// The epochs are shared out evenly over as many stages as there are values; a stage has its value and all easier ones
    /// (the "baby steps" of Spitkovsky et al. 2010).
    Staged,
    /// The easiest value is whole in every epoch, the hardest grows evenly from 1/epochs to whole in the last, those
    /// between likewise.
    Ramp,
}

impl FromStr for CurriculumKind {
    type Err = UnknownWord;
    fn from_str(text: &str) -> Result<CurriculumKind, UnknownWord> {
        match text {
            "none" => Ok(CurriculumKind::None),
            "staged" => Ok(CurriculumKind::Staged),
            "ramp" => Ok(CurriculumKind::Ramp),
            _ => Err(UnknownWord { word: text.to_owned(), known: &["none", "staged", "ramp"] }),
        }
    }
}

/// A curriculum: a kind, a label, and the order of its values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Curriculum {
    /// The kind.
    pub kind: CurriculumKind,
    /// The label that says how hard an example is.
    pub by: String,
    /// Its values, easiest first. Examples without a value count as the hardest.
    pub order: Vec<String>,
}

impl Default for Curriculum {
    fn default() -> Curriculum {
        let order = ["basic", "intermediate", "advanced"].map(str::to_owned).to_vec();
        Curriculum { kind: CurriculumKind::None, by: "complexity".to_owned(), order }
    }
}

impl Curriculum {
    /// Reads `level:foundation,conceptual,application,advanced` into label and order.
    ///
    /// # Errors
    /// [`RunError::Option`] with the form that is expected.
    pub fn set_order(&mut self, text: &str) -> Result<(), RunError> {
        let parts = text.split_once(':').map(|(by, order)| {
            let order: Vec<String> = order.split(',').map(|value| value.trim().to_owned()).collect();
            (by.trim().to_owned(), order)
        });
        let fine = |order: &[String]| order.len() > 1 && order.iter().all(|value| !value.is_empty());
        match parts {
            Some((by, order)) if fine(&order) && !by.is_empty() => {
                (self.by, self.order) = (by, order);
                Ok(())
            }
            _ => Err(RunError::Option(format!(
                "--curriculum-by {text}: it has the form KEY:EASIEST,..,HARDEST with two values or more, as in complexity:basic,intermediate,advanced"
            ))),
        }
    }
}

/// What the best checkpoint is chosen by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Mean loss of the trained tokens of the validation examples; lower is better.
    #[default]
    Loss,
    /// Share of trained tokens that were the likeliest.
    Accuracy,
    /// Loss of the tokens in slots.
    LossSlot,
    /// Loss of the tokens that all answers of a template share.
    LossTemplate,
    /// Share of validation prompts whose greedy answer is the reference, token for token, end token included. While every
    /// token so far was the likeliest, scoring the reference and decoding greedily see the same tokens, so this metric of
    /// generation needs no generation.
    Exact,
    /// Mean share of the reference before the greedy answer parts from it.
    Prefix,
}

impl Metric {
    /// Every metric.
    pub const ALL: [Metric; 6] =
        [Metric::Loss, Metric::Accuracy, Metric::LossSlot, Metric::LossTemplate, Metric::Exact, Metric::Prefix];

    /// Its name.
    pub fn word(self) -> &'static str {
        match self {
            Metric::Loss => "loss",
            Metric::Accuracy => "accuracy",
            Metric::LossSlot => "loss_slot",
            Metric::LossTemplate => "loss_template",
            Metric::Exact => "exact",
            Metric::Prefix => "prefix",
        }
    }

    /// Whether the first value is better than the second.
    pub fn better(self, first: f64, second: f64) -> bool {
        match self {
            Metric::Loss | Metric::LossSlot | Metric::LossTemplate => first < second,
            Metric::Accuracy | Metric::Exact | Metric::Prefix => first > second,
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Metric {
    type Err = UnknownWord;
    fn from_str(text: &str) -> Result<Metric, UnknownWord> {
        let found = Metric::ALL.into_iter().find(|metric| metric.word() == text);
        let known = &["loss", "accuracy", "loss_slot", "loss_template", "exact", "prefix"];
        found.ok_or_else(|| UnknownWord { word: text.to_owned(), known })
    }
}

/// Which weights a run hands over at its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Take {
    /// Those of the best checkpoint; the last where there was no validation.
    #[default]
    Best,
    /// Those after the last step.
    Last,
}

impl FromStr for Take {
    type Err = UnknownWord;
    fn from_str(text: &str) -> Result<Take, UnknownWord> {
        match text {
            "best" => Ok(Take::Best),
            "last" => Ok(Take::Last),
            _ => Err(UnknownWord { word: text.to_owned(), known: &["best", "last"] }),
        }
    }
}

/// The nearest number of twelve significant digits: such numbers go through JSON and come back bit for bit, which longer ones
/// do not with every reader. What a run decides by, and goes on with, is cut to them.
pub fn twelve_digits(value: f64) -> f64 {
    format!("{value:.11e}").parse().unwrap_or(value)
}

/// Every option of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// The preset that it began with.
    pub preset: String,
    /// What of the model is trained.
    pub trained: Trained,
    /// Times that the examples are gone through; without it `max_steps` ends the run.
    pub epochs: Option<u32>,
    /// Steps at most.
    pub max_steps: Option<u64>,
    /// Examples per step of the optimiser: the effective batch.
    pub batch_rows: usize,
    /// Tokens of a micro-batch at most, padding included; a longer example is alone in its own.
    pub micro_tokens: usize,
    /// The same where nothing is trained.
    pub eval_tokens: usize,
    /// What one more micro-batch costs beside its tokens, in tokens; padding is traded against it.
    pub micro_cost_tokens: usize,
    /// Steps whose examples are regrouped by length, so that those of a step are alike; 1 keeps the sampler's groups.
    pub length_window: usize,
    /// Whether several examples share a row.
    pub packing: bool,
    /// The highest learning rate.
    pub learning_rate: f64,
    /// How it falls.
    pub schedule: ScheduleKind,
    /// Share of the steps in which it rises; `warmup_steps` comes before it.
    pub warmup_ratio: f64,
    /// Steps in which it rises.
    pub warmup_steps: Option<u64>,
    /// The optimiser: decay rates, weight decay, clipping.
    pub optimiser: AdamW,
    /// Tokens of an example at most.
    pub max_len: usize,
    /// What is done with longer ones.
    pub too_long: TooLong,
    /// What is computed in.
    pub precision: Precision,
    /// Where.
    pub device: DeviceChoice,
    /// Whether the frozen projections are kept in 4 bits.
    pub nf4: bool,
    /// Threads of the CPU; all of them where none is said.
    pub threads: Option<usize>,
    /// Layers per segment that are computed again in the backward pass; 0 keeps all activations.
    pub recompute_layers: usize,
    /// Trained positions whose logits are made at once.
    pub loss_chunk: usize,
    /// Seed of the order and of the first values.
    pub seed: u64,
    /// How often examples stand in an epoch.
    pub weights: Vec<WeightRule>,
    /// Whether easy ones come first.
    pub curriculum: Curriculum,
    /// Steps between evaluations; the end of each epoch where none is said. The last step is always evaluated.
    pub eval_every: Option<u64>,
    /// Steps between checkpoints, beside those at evaluations.
    pub checkpoint_every: Option<u64>,
    /// Evaluations without a better one after which the run ends.
    pub patience: Option<u32>,
    /// Newest checkpoints that are kept; the best is kept beside them.
    pub keep: usize,
    /// What the best checkpoint is chosen by.
    pub best_metric: Metric,
    /// Which weights are handed over.
    pub take: Take,
}

/// The presets: name, and what it is for.
pub const PRESETS: [(&str, &str); 3] = [
    ("default", "LoRA r 32 in bf16 on all linear projections, learning rate 2e-4, 3 epochs"),
    ("scratch", "all weights of a small model with random first values, learning rate 1e-3, 10 epochs"),
    ("seed", "the derivative project's own: LoRA r 64 over NF4, learning rate 1e-4, 5 epochs of effective batch 16"),
];

impl Options {
    /// The options that a preset begins with.
    ///
    /// # Errors
    /// [`RunError::Option`] where there is none of this name.
    pub fn preset(name: &str) -> Result<Options, RunError> {
        let lora = |r, alpha| Trained::Lora(LoraConfig::new(r, alpha));
        let base = Options {
            preset: name.to_owned(),
            trained: lora(32, 64.0),
            epochs: Some(3),
            max_steps: None,
            batch_rows: 16,
            micro_tokens: 8_192,
            eval_tokens: 16_384,
            micro_cost_tokens: 256,
            length_window: 1,
            packing: false,
            learning_rate: 2e-4,
            schedule: ScheduleKind::Cosine,
            warmup_ratio: 0.03,
            warmup_steps: None,
            optimiser: AdamW::default(),
            max_len: 2_048,
            too_long: TooLong::Error,
            precision: Precision::Auto,
            device: DeviceChoice::Auto,
            nf4: false,
            threads: None,
            recompute_layers: 0,
            loss_chunk: 512,
            seed: 0,
            weights: Vec::new(),
            curriculum: Curriculum::default(),
            eval_every: None,
            checkpoint_every: None,
            patience: None,
            keep: 2,
            best_metric: Metric::Loss,
            take: Take::Best,
        };
        match name {
            "default" => Ok(base),
            "seed" => Ok(Options { trained: lora(64, 128.0), epochs: Some(5), learning_rate: 1e-4, nf4: true, ..base }),
            "scratch" => Ok(Options {
                trained: Trained::Full,
                epochs: Some(10),
                micro_tokens: 4_096,
                eval_tokens: 8_192,
                learning_rate: 1e-3,
                warmup_ratio: 0.05,
                optimiser: AdamW { beta2: 0.95, weight_decay: 0.1, ..AdamW::default() },
                ..base
            }),
            other => {
                let known: Vec<&str> = PRESETS.iter().map(|(name, _)| *name).collect();
                Err(RunError::Option(format!("there is no preset `{other}`; there are {}", known.join(", "))))
            }
        }
    }

    /// The options with every number cut to twelve digits, as [`twelve_digits`] says.
    pub fn kept_exactly(mut self) -> Options {
        let AdamW { beta1, beta2, epsilon, weight_decay, clip } = &mut self.optimiser;
        for number in [&mut self.learning_rate, &mut self.warmup_ratio, beta1, beta2, epsilon, weight_decay] {
            *number = twelve_digits(*number);
        }
        *clip = clip.map(twelve_digits);
        if let Trained::Lora(lora) = &mut self.trained {
            (lora.alpha, lora.plus_ratio) = (twelve_digits(lora.alpha), twelve_digits(lora.plus_ratio));
        }
        self.weights.iter_mut().for_each(|rule| rule.times = twelve_digits(rule.times));
        self
    }

    /// Checks every option, alone and against the others.
    ///
    /// # Errors
    /// [`RunError::Option`] with the flag and what it may be.
    pub fn check(&self) -> Result<(), RunError> {
        let wrong = |text: String| Err(RunError::Option(text));
        if self.epochs.is_none() && self.max_steps.is_none() {
            return wrong("--epochs or --max-steps must say when the run ends".to_owned());
        }
        let at_least_one = [
            ("--epochs", self.epochs.map(u64::from)),
            ("--max-steps", self.max_steps),
            ("--batch", Some(self.batch_rows as u64)),
            ("--micro-tokens", Some(self.micro_tokens as u64)),
            ("--eval-tokens", Some(self.eval_tokens as u64)),
            ("--length-window", Some(self.length_window as u64)),
            ("--loss-chunk", Some(self.loss_chunk as u64)),
            ("--threads", self.threads.map(|threads| threads as u64)),
            ("--eval-every", self.eval_every),
            ("--checkpoint-every", self.checkpoint_every),
            ("--patience", self.patience.map(u64::from)),
            ("--keep", Some(self.keep as u64)),
        ];
        if let Some((flag, _)) = at_least_one.iter().find(|(_, value)| *value == Some(0)) {
            return wrong(format!("{flag} 0: it is at least 1"));
        }
        if self.max_len < 2 {
            return wrong(format!("--max-len {}: an example has at least 2 tokens", self.max_len));
        }
        if !(self.learning_rate.is_finite() && self.learning_rate > 0.0) {
            return wrong(format!("--lr {}: it is a number above 0", self.learning_rate));
        }
        if !(0.0..1.0).contains(&self.warmup_ratio) {
            return wrong(format!("--warmup {}: it is a share of the steps, from 0 to below 1", self.warmup_ratio));
        }
        let optimiser = &self.optimiser;
        for (flag, beta) in [("--beta1", optimiser.beta1), ("--beta2", optimiser.beta2)] {
            if !(0.0..1.0).contains(&beta) {
                return wrong(format!("{flag} {beta}: it is a number from 0 to below 1"));
            }
        }
        if !(optimiser.epsilon.is_finite() && optimiser.epsilon > 0.0) {
            return wrong(format!("--epsilon {}: it is a number above 0", optimiser.epsilon));
        }
        if !(optimiser.weight_decay.is_finite() && optimiser.weight_decay >= 0.0) {
            return wrong(format!("--weight-decay {}: it is a number from 0", optimiser.weight_decay));
        }
        if let Some(clip) = optimiser.clip.filter(|clip| !(clip.is_finite() && *clip > 0.0)) {
            return wrong(format!("--clip {clip}: it is a number above 0, or `none`"));
        }
        match &self.trained {
            Trained::Lora(lora) => lora.check()?,
            Trained::Full if self.nf4 => {
                return wrong(
                    "--nf4 keeps frozen weights in 4 bits, and with all weights trained none is frozen".into(),
                );
            }
            Trained::Full => {}
        }
        if self.curriculum.kind != CurriculumKind::None && self.epochs.is_none_or(|epochs| epochs < 2) {
            return wrong("--curriculum says what differs between epochs: it needs --epochs 2 or more".to_owned());
        }
        if self.curriculum.kind == CurriculumKind::Staged
            && let Some(epochs) = self.epochs.filter(|epochs| (*epochs as usize) < self.curriculum.order.len())
        {
            let order = &self.curriculum.order;
            return wrong(format!(
                "--curriculum staged has {} stages ({}), and --epochs {epochs} is not one for each; give more epochs, or `--curriculum ramp`",
                order.len(),
                order.join(", ")
            ));
        }
        Ok(())
    }

    /// The names of the options whose values differ, each with both values, but those that do not change what is computed
    /// (`device`, `threads`, `keep`).
    pub fn differences(&self, other: &Options) -> Vec<String> {
        let plain = |options: &Options| serde_json::to_value(options).unwrap_or(Value::Null);
        let (one, two) = (plain(self), plain(other));
        let mut out = Vec::new();
        for (key, value) in one.as_object().into_iter().flatten() {
            let found = two.get(key).unwrap_or(&Value::Null);
            if value != found && !["device", "threads", "keep"].contains(&key.as_str()) {
                out.push(format!("the option {key} was {value} and is {found}"));
            }
        }
        out
    }
}
