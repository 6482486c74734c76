//! The learning rate of every step.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::options::Options;
use crate::sample::UnknownWord;

/// How the learning rate falls after it rose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScheduleKind {
    /// As half a cosine (Loshchilov and Hutter 2017).
    #[default]
    Cosine,
    /// Evenly.
    Linear,
    /// Not at all.
    Constant,
}

impl FromStr for ScheduleKind {
    type Err = UnknownWord;
    fn from_str(text: &str) -> Result<ScheduleKind, UnknownWord> {
        match text {
            "cosine" => Ok(ScheduleKind::Cosine),
            "linear" => Ok(ScheduleKind::Linear),
            "constant" => Ok(ScheduleKind::Constant),
            _ => Err(UnknownWord { word: text.to_owned(), known: &["cosine", "linear", "constant"] }),
        }
    }
}

/// The learning rate as a function of the step.
///
/// With W steps of warm-up of T in all, step `s` (from 1) has `peak·s/W` up to W. After that `p = (s − 1 − W)/(T − W)` runs from 0
/// to below 1, and the rate is `peak·(1 + cos πp)/2`, `peak·(1 − p)` or `peak`. No step has the rate 0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// How it falls.
    pub kind: ScheduleKind,
    /// The highest rate.
    pub peak: f64,
    /// Steps in which it rises.
    pub warmup_steps: u64,
    /// All steps.
    pub total_steps: u64,
}

impl Schedule {
    /// The schedule of a run of so many steps. A share of warm-up is rounded up to a whole step.
    pub fn new(options: &Options, total_steps: u64) -> Schedule {
        let share = (options.warmup_ratio * total_steps as f64).ceil() as u64;
        let warmup_steps = options.warmup_steps.unwrap_or(share).min(total_steps);
        Schedule { kind: options.schedule, peak: options.learning_rate, warmup_steps, total_steps }
    }

    /// The rate of a step, from 1.
    pub fn rate(&self, step: u64) -> f64 {
        if step <= self.warmup_steps {
            return self.peak * step as f64 / self.warmup_steps as f64;
        }
        let falling = (self.total_steps - self.warmup_steps).max(1) as f64;
        let done = ((step - 1 - self.warmup_steps) as f64 / falling).min(1.0);
        match self.kind {
            ScheduleKind::Cosine => self.peak * 0.5 * (1.0 + (std::f64::consts::PI * done).cos()),
            ScheduleKind::Linear => self.peak * (1.0 - done),
            ScheduleKind::Constant => self.peak,
        }
    }
}
