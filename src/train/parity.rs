//! The parity gate: the live model, the adapter read back from disk, and the merged model must say the same.
//!
//! What is scored and what is shipped are different artefacts until this was looked at. Each is asked for the loss of the same
//! examples and for greedy answers to the same prompts; where two part, it is said where, and nothing is handed over.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::batches::Cut;
use super::item::Item;
use super::run_error::RunError;
use super::scoring::Sums;
use crate::nn::{Logits, Predictor};

/// What the artefacts are asked.
#[derive(Clone, Debug)]
pub struct Probe<'a> {
    /// Examples that are scored.
    pub rows: &'a [Item],
    /// The first so many of them are answered greedily.
    pub prompts: usize,
    /// Tokens of an answer at most.
    pub max_new_tokens: usize,
    /// Ids that end an answer.
    pub stop_ids: &'a [u32],
    /// Largest difference of the mean losses, in nats per token.
    pub tolerance: f64,
    /// Margin of a token over the next one, in logits, below which greedy answers may part there: rounding decides a tie.
    pub tie: f32,
    /// Tokens of a batch at most.
    pub tokens: usize,
    /// The id that fills rows up.
    pub pad: u32,
}

/// A token of a greedy answer.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Chosen {
    token: u32,
    /// By how much its logit is above the next one's.
    margin: f32,
}

/// What an artefact answered.
#[derive(Clone, Debug)]
pub struct Answers {
    name: String,
    sums: Vec<Sums>,
    greedy: Vec<Vec<Chosen>>,
}

impl Answers {
    /// Mean loss of the trained tokens.
    pub fn loss(&self) -> f64 {
        let mut all = Sums::default();
        self.sums.iter().for_each(|sums| all.add(sums));
        all.means().loss
    }

    /// The greedy answers, as ids.
    pub fn greedy(&self) -> impl Iterator<Item = Vec<u32>> {
        self.greedy.iter().map(|answer| answer.iter().map(|chosen| chosen.token).collect())
    }
}

/// Asks an artefact.
///
/// # Errors
/// [`RunError::Nn`]; [`RunError::Learner`] where it answers something else than was asked.
pub fn ask(name: &str, predictor: &mut dyn Predictor, probe: &Probe<'_>) -> Result<Answers, RunError> {
    let lengths: Vec<usize> = probe.rows.iter().map(|item| item.ids.len()).collect();
    let all: Vec<usize> = (0..probe.rows.len()).collect();
    let cut = Cut { budget_tokens: probe.tokens, cost_tokens: 256, pack_tokens: None };
    let mut sums = vec![Sums::default(); probe.rows.len()];
    for micro in cut.micros(&all, &lengths) {
        let scores = predictor.score(&micro.batch(probe.rows, probe.pad))?;
        if scores.len() != micro.items().count() {
            return Err(RunError::Learner(format!("{name} scored {} examples of {}", scores.len(), micro.rows.len())));
        }
        for (at, scores) in micro.items().zip(&scores) {
            sums[at] = Sums::of(&probe.rows[at], scores)?;
        }
    }
    let prompts: Vec<&[u32]> =
        probe.rows.iter().take(probe.prompts).map(|item| &item.ids[..item.trained_from]).collect();
    let greedy = answers(predictor, &prompts, probe)?;
    Ok(Answers { name: name.to_owned(), sums, greedy })
}

/// Greedy answers to prompts, those of one length at once.
fn answers(predictor: &mut dyn Predictor, prompts: &[&[u32]], probe: &Probe<'_>) -> Result<Vec<Vec<Chosen>>, RunError> {
    let mut by_length: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, prompt) in prompts.iter().enumerate() {
        by_length.entry(prompt.len()).or_default().push(at);
    }
    let mut out: Vec<Vec<Chosen>> = vec![Vec::new(); prompts.len()];
    for (length, places) in by_length {
        let capacity = (length + probe.max_new_tokens).min(predictor.context());
        let new_tokens = capacity.saturating_sub(length);
        for part in places.chunks((probe.tokens / capacity).max(1)) {
            let sequences: Vec<Vec<u32>> = part.iter().map(|at| prompts[*at].to_vec()).collect();
            let mut open = part.to_vec();
            if new_tokens == 0 {
                continue;
            }
            let mut logits = predictor.begin(&sequences, capacity)?;
            for made in 1..=new_tokens {
                let chosen = choose(&logits);
                if chosen.len() != open.len() {
                    let message = format!("{} rows of logits came for {} sequences", chosen.len(), open.len());
                    return Err(RunError::Learner(message));
                }
                let mut kept = Vec::new();
                for (at, chosen) in chosen.iter().enumerate() {
                    out[open[at]].push(*chosen);
                    if !probe.stop_ids.contains(&chosen.token) {
                        kept.push(at);
                    }
                }
                if kept.is_empty() || made == new_tokens {
                    break;
                }
                if kept.len() < open.len() {
                    predictor.select(&kept)?;
                }
                open = kept.iter().map(|at| open[*at]).collect();
                let tokens: Vec<Vec<u32>> = kept.iter().map(|at| vec![chosen[*at].token]).collect();
                logits = predictor.append(&tokens)?;
            }
        }
    }
    Ok(out)
}

/// The likeliest token of each row, the lowest id where several are.
fn choose(logits: &Logits) -> Vec<Chosen> {
    logits
        .rows()
        .map(|row| {
            let mut best = (0usize, f32::NEG_INFINITY);
            let mut second = f32::NEG_INFINITY;
            for (token, value) in row.iter().enumerate() {
                if *value > best.1 {
                    second = best.1;
                    best = (token, *value);
                } else if *value > second {
                    second = *value;
                }
            }
            Chosen { token: best.0 as u32, margin: best.1 - second }
        })
        .collect()
}

/// Where two greedy answers part.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Parting {
    /// Id of the example.
    pub row: String,
    /// Token of the answer, from 0.
    pub position: usize,
    /// What the first says there; none where it has ended.
    pub first: Option<u32>,
    /// What the second says.
    pub second: Option<u32>,
    /// By how much the first preferred its token over its next best, in logits; near 0 it was a tie.
    pub margin: f32,
}

/// Two artefacts, compared.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pair {
    /// The first.
    pub first: String,
    /// The second.
    pub second: String,
    /// Mean loss of the first.
    pub loss_first: f64,
    /// Mean loss of the second.
    pub loss_second: f64,
    /// Largest difference that is allowed.
    pub tolerance: f64,
    /// The example whose mean losses differ most, and by how much.
    pub furthest: Option<(String, f64)>,
    /// Examples that were scored.
    pub rows: usize,
    /// Prompts that were answered.
    pub prompts: usize,
    /// Margin below which a parting is a tie.
    pub tie: f32,
    /// Where answers part.
    pub partings: Vec<Parting>,
}

impl Pair {
    /// Whether both say the same.
    pub fn agrees(&self) -> bool {
        // A loss that is no number agrees with nothing.
        let tie = |parting: &Parting| parting.first.is_some() && parting.margin < self.tie;
        (self.loss_first - self.loss_second).abs() <= self.tolerance && self.partings.iter().all(tie)
    }
}

impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Pair { first, second, loss_first, loss_second, tolerance, .. } = self;
        let same = self.prompts - self.partings.len();
        let sign = if (loss_first - loss_second).abs() <= *tolerance { "within" } else { "beyond" };
        write!(
            f,
            "{first} against {second}: loss {loss_first:.6} and {loss_second:.6}, {sign} {tolerance:e} over {} examples; {same} of {} greedy answers the same",
            self.rows, self.prompts
        )?;
        let word = |token: Option<u32>| token.map_or("its end".to_owned(), |token| format!("token {token}"));
        for parting in &self.partings {
            write!(
                f,
                "\n  example {}: at answer token {} {first} has {} (by {:.4} in logits), {second} has {}",
                parting.row,
                parting.position,
                word(parting.first),
                parting.margin,
                word(parting.second)
            )?;
        }
        if sign == "beyond"
            && let Some((row, difference)) = &self.furthest
        {
            write!(f, "\n  furthest apart: example {row}, by {difference:.6} nats per token")?;
        }
        Ok(())
    }
}

/// Compares what two artefacts answered.
pub fn compare(first: &Answers, second: &Answers, probe: &Probe<'_>) -> Pair {
    let mut furthest: Option<(String, f64)> = None;
    for ((one, two), item) in first.sums.iter().zip(&second.sums).zip(probe.rows) {
        let apart = (one.means().loss - two.means().loss).abs();
        if furthest.as_ref().is_none_or(|(_, most)| apart > *most) {
            furthest = Some((item.id.clone(), apart));
        }
    }
    let mut partings = Vec::new();
    for ((one, two), item) in first.greedy.iter().zip(&second.greedy).zip(probe.rows) {
        let most = one.len().max(two.len());
        let token = |answer: &[Chosen], at: usize| answer.get(at).map(|chosen| chosen.token);
        if let Some(position) = (0..most).find(|at| token(one, *at) != token(two, *at)) {
            partings.push(Parting {
                row: item.id.clone(),
                position,
                first: token(one, position),
                second: token(two, position),
                margin: one.get(position).map_or(0.0, |chosen| chosen.margin),
            });
        }
    }
    Pair {
        first: first.name.clone(),
        second: second.name.clone(),
        loss_first: first.loss(),
        loss_second: second.loss(),
        tolerance: probe.tolerance,
        tie: probe.tie,
        furthest,
        rows: first.sums.len(),
        prompts: first.greedy.len(),
        partings,
    }
}

/// Compares every artefact with the first.
///
/// # Errors
/// [`RunError::Parity`] where one parts from it, with all that was found, or there are no two.
pub fn gate(answers: &[Answers], probe: &Probe<'_>) -> Result<Vec<Pair>, RunError> {
    let Some((first, others)) = answers.split_first().filter(|(_, others)| !others.is_empty()) else {
        return Err(RunError::Parity("there are no two artefacts to compare, so none is handed over".to_owned()));
    };
    let pairs: Vec<Pair> = others.iter().map(|other| compare(first, other, probe)).collect();
    if pairs.iter().all(Pair::agrees) {
        return Ok(pairs);
    }
    let told: Vec<String> = pairs.iter().map(Pair::to_string).collect();
    Err(RunError::Parity(format!(
        "the artefacts do not say the same, so none is handed over:\n{}\n`train export` says by `--parity-tolerance` and `--parity-prompts` what is asked",
        told.join("\n")
    )))
}
