//! From scores of tokens to the numbers of a table: loss, accuracy, slots and template, by source and by level.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::item::Item;
use super::options::Metric;
use super::run_error::RunError;
use crate::nn::Scores;

/// Sums over examples; what a mean needs, and nothing that grows with the texts.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sums {
    /// Examples.
    pub rows: u64,
    /// Trained tokens.
    pub tokens: u64,
    /// Their losses.
    pub loss: f64,
    /// Those that were the likeliest.
    pub correct: u64,
    /// Those in slots.
    pub slot_tokens: u64,
    /// The losses of those.
    pub slot_loss: f64,
    /// Those that the answers of a template share.
    pub template_tokens: u64,
    /// The losses of those.
    pub template_loss: f64,
    /// Examples whose every token was the likeliest.
    pub exact: u64,
    /// Shares of the examples before their first token that was not.
    pub prefix: f64,
}

impl Sums {
    /// The sums of one example.
    ///
    /// # Errors
    /// [`RunError::Learner`] where the scores are of another number of tokens.
    pub fn of(item: &Item, scores: &Scores) -> Result<Sums, RunError> {
        let trained = item.trained();
        if scores.losses.len() != trained || scores.correct.len() != trained {
            return Err(RunError::Learner(format!(
                "the learner scored {} tokens of example {}, which trains {trained}",
                scores.losses.len(),
                item.id
            )));
        }
        let mut out = Sums { rows: 1, tokens: trained as u64, ..Sums::default() };
        for (at, loss) in scores.losses.iter().enumerate() {
            let loss = f64::from(*loss);
            out.loss += loss;
            match item.slots.as_ref().and_then(|slots| slots.get(at)) {
                Some(true) => {
                    out.slot_tokens += 1;
                    out.slot_loss += loss;
                }
                Some(false) => {
                    out.template_tokens += 1;
                    out.template_loss += loss;
                }
                None => {}
            }
        }
        out.correct = scores.correct.iter().filter(|correct| **correct).count() as u64;
        let before = scores.correct.iter().take_while(|correct| **correct).count();
        out.exact = u64::from(before == trained);
        out.prefix = before as f64 / trained as f64;
        Ok(out)
    }

    /// Adds the sums of others.
    pub fn add(&mut self, other: &Sums) {
        self.rows += other.rows;
        self.tokens += other.tokens;
        self.loss += other.loss;
        self.correct += other.correct;
        self.slot_tokens += other.slot_tokens;
        self.slot_loss += other.slot_loss;
        self.template_tokens += other.template_tokens;
        self.template_loss += other.template_loss;
        self.exact += other.exact;
        self.prefix += other.prefix;
    }

    /// The means.
    pub fn means(&self) -> Means {
        let mean = |sum: f64, count: u64| if count == 0 { 0.0 } else { sum / count as f64 };
        let some = |sum: f64, count: u64| (count > 0).then(|| sum / count as f64);
        Means {
            rows: self.rows,
            tokens: self.tokens,
            loss: mean(self.loss, self.tokens),
            accuracy: mean(self.correct as f64, self.tokens),
            loss_slot: some(self.slot_loss, self.slot_tokens),
            loss_template: some(self.template_loss, self.template_tokens),
            exact: mean(self.exact as f64, self.rows),
            prefix: mean(self.prefix, self.rows),
        }
    }
}

/// Means over the trained tokens of examples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Means {
    /// Examples.
    pub rows: u64,
    /// Trained tokens.
    pub tokens: u64,
    /// Mean loss of a token, in nats.
    pub loss: f64,
    /// Share of tokens that were the likeliest.
    pub accuracy: f64,
    /// Mean loss of the tokens in slots; none where no template is shared.
    pub loss_slot: Option<f64>,
    /// Mean loss of the tokens that all answers of a template share.
    pub loss_template: Option<f64>,
    /// Share of examples that greedy decoding gives token for token.
    pub exact: f64,
    /// Mean share of an example before greedy decoding parts from it.
    pub prefix: f64,
}

impl Means {
    /// The value of a metric; none where there is none.
    pub fn metric(&self, metric: Metric) -> Option<f64> {
        match metric {
            Metric::Loss => Some(self.loss),
            Metric::Accuracy => Some(self.accuracy),
            Metric::LossSlot => self.loss_slot,
            Metric::LossTemplate => self.loss_template,
            Metric::Exact => Some(self.exact),
            Metric::Prefix => Some(self.prefix),
        }
    }
}

/// The means of the examples of one source or one level.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GroupMeans {
    /// `source` or `level`.
    pub key: &'static str,
    /// Which.
    pub value: String,
    /// Its means.
    #[serde(flatten)]
    pub means: Means,
}

/// Means of all examples, and by source and level. Sums are made in the order of the examples, however they were batched.
pub fn grouped(items: &[Item], sums: &[Sums]) -> (Means, Vec<GroupMeans>) {
    let mut all = Sums::default();
    let mut groups: BTreeMap<(&'static str, &str), Sums> = BTreeMap::new();
    for (item, sums) in items.iter().zip(sums) {
        all.add(sums);
        groups.entry(("source", item.source())).or_default().add(sums);
        groups.entry(("level", item.level())).or_default().add(sums);
    }
    let groups = groups
        .into_iter()
        .map(|((key, value), sums)| GroupMeans { key, value: value.to_owned(), means: sums.means() })
        .collect();
    (all.means(), groups)
}
