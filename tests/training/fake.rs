//! A small learner for tests: a bigram model with exact gradients and AdamW, deterministic, without libtorch.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use scenery::nn::{AdamW, Batch, Learner, LearnerState, Logits, NamedTensor, NnError, Predictor, Scores, StepOutcome};
use scenery::train::item::Item;

use crate::query_gen::Rng;

/// Tokens of the fake's vocabulary; the last one fills rows up.
pub const VOCABULARY: usize = 24;
pub const PAD: u32 = VOCABULARY as u32 - 1;
pub const EOS: u32 = 1;

/// Logits of the next token are a row of `weights`, chosen by the token before.
pub struct Bigram {
    pub weights: Vec<f32>,
    gradients: Vec<f32>,
    m: Vec<f32>,
    v: Vec<f32>,
    steps: u64,
    scores: Vec<Scores>,
    optimiser: AdamW,
    /// Tokens with padding above which a batch does not fit.
    pub memory_tokens: usize,
    /// The step at which the loss is no number.
    pub not_finite_at: Option<u64>,
    /// Calls of `accumulate` and `score` after which the flag is set.
    pub stop_after: Option<(u64, Arc<AtomicBool>)>,
    /// Whether the state cannot be given.
    pub broken_state: bool,
    pub calls: u64,
    cache: Vec<u32>,
}

impl Bigram {
    pub fn new(seed: u64) -> Bigram {
        let mut rng = Rng::new(seed);
        let size = VOCABULARY * VOCABULARY;
        let weights = (0..size).map(|_| rng.below(2000) as f32 / 10_000.0 - 0.1).collect();
        Bigram {
            weights,
            gradients: vec![0.0; size],
            m: vec![0.0; size],
            v: vec![0.0; size],
            steps: 0,
            scores: Vec::new(),
            optimiser: AdamW::default(),
            memory_tokens: usize::MAX,
            not_finite_at: None,
            stop_after: None,
            broken_state: false,
            calls: 0,
            cache: Vec::new(),
        }
    }

    fn called(&mut self, batch: &Batch) -> Result<(), NnError> {
        self.calls += 1;
        if let Some((calls, flag)) = &self.stop_after
            && self.calls >= *calls
        {
            flag.store(true, Ordering::Relaxed);
        }
        let tokens = batch.width * batch.rows.len();
        if tokens > self.memory_tokens {
            return Err(NnError::OutOfMemory(format!("{tokens} tokens do not fit")));
        }
        Ok(())
    }

    fn row(&self, token: u32) -> &[f32] {
        assert_ne!(token, PAD, "a model never sees padding before a real token");
        &self.weights[token as usize * VOCABULARY..][..VOCABULARY]
    }

    /// Probabilities of what follows a token, and the likeliest.
    fn next(&self, token: u32) -> (Vec<f32>, usize) {
        let row = self.row(token);
        let highest = row.iter().copied().fold(f32::MIN, f32::max);
        let exp: Vec<f32> = row.iter().map(|value| (value - highest).exp()).collect();
        let sum: f32 = exp.iter().sum();
        let likeliest = row.iter().position(|value| *value == highest).expect("one is the highest");
        (exp.into_iter().map(|value| value / sum).collect(), likeliest)
    }

    /// Scores the trained tokens of a batch, and hands each prediction on.
    fn each(&self, batch: &Batch, mut take: impl FnMut(u32, u32, &[f32])) -> Vec<Scores> {
        let mut out = Vec::new();
        for (at, spans) in batch.rows.iter().enumerate() {
            let row = &batch.ids[at * batch.width..][..batch.width];
            for span in spans {
                let ids = &row[span.start..span.start + span.length];
                let mut scores = Scores { losses: Vec::new(), correct: Vec::new() };
                for place in span.trained_from..span.length {
                    let (before, target) = (ids[place - 1], ids[place]);
                    let (probabilities, likeliest) = self.next(before);
                    scores.losses.push(-probabilities[target as usize].ln());
                    scores.correct.push(likeliest == target as usize);
                    take(before, target, &probabilities);
                }
                out.push(scores);
            }
        }
        out
    }
}

impl Learner for Bigram {
    fn accumulate(&mut self, batch: &Batch, divisor: f64) -> Result<(), NnError> {
        self.called(batch)?;
        let mut gradients = std::mem::take(&mut self.gradients);
        let scale = 1.0 / divisor as f32;
        let scores = self.each(batch, |before, target, probabilities| {
            let row = &mut gradients[before as usize * VOCABULARY..][..VOCABULARY];
            for (token, (gradient, probability)) in row.iter_mut().zip(probabilities).enumerate() {
                let wanted = if token == target as usize { 1.0 } else { 0.0 };
                *gradient += (probability - wanted) * scale;
            }
        });
        self.gradients = gradients;
        self.scores.extend(scores);
        Ok(())
    }

    fn discard(&mut self) {
        self.gradients.fill(0.0);
        self.scores.clear();
    }

    fn step(&mut self, learning_rate: f64) -> Result<StepOutcome, NnError> {
        if self.not_finite_at == Some(self.steps + 1) {
            self.discard();
            return Err(NnError::NotFinite { what: "the loss", step: self.steps + 1 });
        }
        self.steps += 1;
        let norm = self.gradients.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
        let AdamW { beta1, beta2, epsilon, weight_decay, clip } = self.optimiser;
        let scale = clip.filter(|clip| norm > *clip).map_or(1.0, |clip| clip / norm) as f32;
        let power = self.steps as i32;
        let (first, second) = (1.0 - beta1.powi(power), 1.0 - beta2.powi(power));
        for at in 0..self.weights.len() {
            let gradient = self.gradients[at] * scale;
            self.m[at] = beta1 as f32 * self.m[at] + (1.0 - beta1) as f32 * gradient;
            self.v[at] = beta2 as f32 * self.v[at] + (1.0 - beta2) as f32 * gradient * gradient;
            let change = f64::from(self.m[at]) / first / ((f64::from(self.v[at]) / second).sqrt() + epsilon);
            let decay = weight_decay * f64::from(self.weights[at]);
            self.weights[at] -= (learning_rate * (change + decay)) as f32;
        }
        self.gradients.fill(0.0);
        Ok(StepOutcome { grad_norm: norm, scores: std::mem::take(&mut self.scores) })
    }

    fn state(&self) -> Result<LearnerState, NnError> {
        if self.broken_state {
            return Err(NnError::Backend("the device is gone".to_owned()));
        }
        let named = |name: &str, values: &[f32]| NamedTensor {
            name: format!("{name}.bigram"),
            shape: vec![VOCABULARY, VOCABULARY],
            values: values.to_vec(),
        };
        let tensors = vec![named("param", &self.weights), named("m", &self.m), named("v", &self.v)];
        Ok(LearnerState { steps: self.steps, tensors })
    }

    fn restore(&mut self, state: &LearnerState) -> Result<(), NnError> {
        for tensor in &state.tensors {
            let place = match tensor.name.as_str() {
                "param.bigram" => &mut self.weights,
                "m.bigram" => &mut self.m,
                "v.bigram" => &mut self.v,
                other => {
                    let message = "it is unknown".to_owned();
                    return Err(NnError::Tensor { name: other.to_owned(), message });
                }
            };
            place.clone_from(&tensor.values);
        }
        self.steps = state.steps;
        self.discard();
        Ok(())
    }

    fn trained(&self) -> Result<Vec<NamedTensor>, NnError> {
        let values = self.weights.clone();
        Ok(vec![NamedTensor { name: "bigram".to_owned(), shape: vec![VOCABULARY, VOCABULARY], values }])
    }

    fn trained_parameters(&self) -> u64 {
        self.weights.len() as u64
    }

    fn peak_memory_bytes(&self) -> Option<u64> {
        None
    }

    fn predictor(&mut self) -> &mut dyn Predictor {
        self
    }
}

impl Predictor for Bigram {
    fn vocabulary(&self) -> usize {
        VOCABULARY
    }

    fn context(&self) -> usize {
        4096
    }

    fn score(&mut self, batch: &Batch) -> Result<Vec<Scores>, NnError> {
        self.called(batch)?;
        Ok(self.each(batch, |_, _, _| {}))
    }

    fn begin(&mut self, sequences: &[Vec<u32>], capacity: usize) -> Result<Logits, NnError> {
        let length = sequences[0].len();
        if sequences.iter().any(|sequence| sequence.len() != length) || capacity < length {
            return Err(NnError::Request("lengths differ, or the room is too small".to_owned()));
        }
        self.cache.clear();
        self.append(sequences)
    }

    fn append(&mut self, tokens: &[Vec<u32>]) -> Result<Logits, NnError> {
        self.cache = tokens.iter().map(|tokens| *tokens.last().expect("a token")).collect();
        let values = self.cache.iter().flat_map(|token| self.row(*token).to_vec()).collect();
        Ok(Logits { vocabulary: VOCABULARY, values })
    }

    fn select(&mut self, sequences: &[usize]) -> Result<(), NnError> {
        self.cache = sequences.iter().map(|at| self.cache[*at]).collect();
        Ok(())
    }
}

/// Examples of a made-up language: a prompt of noise, then an answer that a bigram model can learn for the most part.
pub fn examples(count: usize, seed: u64) -> Vec<Item> {
    let mut rng = Rng::new(seed);
    (0..count)
        .map(|at| {
            let prompt = 2 + rng.below(6);
            let mut ids: Vec<u32> = (0..prompt).map(|_| 2 + rng.below(8) as u32).collect();
            let trained_from = ids.len();
            let mut slots = Vec::new();
            for _ in 0..3 + rng.below(30) {
                let before = *ids.last().expect("a prompt");
                let slot = rng.chance(20);
                let next = if slot { 2 + rng.below(20) as u32 } else { 2 + (before * 7 + 3) % 20 };
                ids.push(next);
                slots.push(slot);
            }
            ids.push(EOS);
            slots.push(false);
            let mut labels = std::collections::BTreeMap::new();
            labels.insert("source".to_owned(), ["alpha", "beta", "gamma"][at % 3].to_owned());
            labels.insert("complexity".to_owned(), ["basic", "intermediate", "advanced"][at % 7 % 3].to_owned());
            if at % 3 == 0 {
                labels.insert("level".to_owned(), ["foundation", "application"][at % 2].to_owned());
            }
            Item { id: format!("{seed:04x}{at:028x}"), ids, trained_from, labels, slots: Some(slots) }
        })
        .collect()
}
