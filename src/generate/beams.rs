//! Beam search: the likeliest answers are followed side by side, and the best by log-probability per length wins.
//!
//! Each step keeps the `n` likeliest sequences that go on, whatever has ended, and takes up those that end among the `n`
//! likeliest of all: what transformers does with `early_stopping="never"`. A beam of 1 is greedy: it ends with the first that ends. Answers are compared by
//! log-probability / length^penalty (Wu et al. 2016, the plain form); length is the tokens that were chosen, the one that
//! ends it included. The search ends where nothing that goes on can still win.

use std::sync::atomic::Ordering;

use super::prompts::Prompted;
use super::run::{Lane, Shared};
use super::single::{not_finite, text};
use super::stops::{self, Ending, Growing};
use super::{GenerateError, Generated, Stop, sampling};

pub(super) struct Beams<'a> {
    shared: &'a Shared<'a>,
    prompt: &'a Prompted,
    /// Tokens of the forced prefix.
    forced: usize,
    /// Bytes of text in which no stop string is looked for.
    looked: usize,
    places: usize,
    length_penalty: f64,
    most_new: usize,
    fed: usize,
    live: Vec<Hypothesis>,
    /// The best that has ended, and its score.
    best: Option<Best>,
}

/// One sequence.
#[derive(Clone)]
struct Hypothesis {
    /// Prompt and answer.
    tokens: Vec<u32>,
    /// Log-probability that sequences are compared by, after penalties.
    sum: f64,
    /// Log-probability under the model's own distribution.
    own: f64,
    growing: Growing,
}

/// A sequence that has ended.
struct Best {
    sequence: Hypothesis,
    ending: Ending,
    score: f64,
}

/// A way to go on: from which sequence, by which token.
struct Way {
    parent: usize,
    token: u32,
    sum: f64,
}

impl<'a> Beams<'a> {
    pub(super) fn new(
        shared: &'a Shared<'a>,
        prompt: &'a Prompted,
        forced: &[u32],
        places: usize,
        length_penalty: f64,
    ) -> Result<Beams<'a>, GenerateError> {
        let tokens = [prompt.ids.as_slice(), forced].concat();
        let mut growing = Growing::default();
        if !shared.options.stop_strings.is_empty() && !forced.is_empty() {
            growing.grow(shared.decode, forced)?;
        }
        Ok(Beams {
            shared,
            prompt,
            forced: forced.len(),
            looked: growing.text().len(),
            places,
            length_penalty,
            most_new: shared.most_new(tokens.len()),
            fed: 0,
            live: vec![Hypothesis { tokens, sum: 0.0, own: 0.0, growing }],
            best: None,
        })
    }

    fn beginning(&self) -> usize {
        self.prompt.ids.len() + self.forced
    }

    fn score(&self, sum: f64, length: usize) -> f64 {
        sum / (length.max(1) as f64).powf(self.length_penalty)
    }

    /// Takes up a sequence that has ended; of equals the one that ended first stays.
    fn take_up(&mut self, sequence: Hypothesis, ending: Ending) {
        let score = self.score(sequence.sum, sequence.tokens.len() - self.beginning());
        if self.best.as_ref().is_none_or(|best| score > best.score) {
            self.best = Some(Best { sequence, ending, score });
        }
    }

    /// Whether no sequence that goes on can still come above the best that has ended. Log-probabilities only sink, so a
    /// sequence does best where the length divides by the most.
    fn is_decided(&self) -> bool {
        let Some(best) = self.best.as_ref().map(|best| best.score) else { return false };
        if self.places == 1 {
            return true;
        }
        let most = self.most_new.min(self.shared.context - self.beginning());
        self.live.iter().all(|each| {
            let length = each.tokens.len() - self.beginning();
            let best_length = if self.length_penalty >= 0.0 { most } else { length + 1 };
            best >= self.score(each.sum, best_length)
        })
    }

    /// Why a sequence ends, if it does.
    fn end(&self, next: &mut Hypothesis, token: u32) -> Result<Option<Ending>, GenerateError> {
        if self.shared.stop_ids.contains(&token) {
            return Ok(Some(Stop::StopId.into()));
        }
        let strings = &self.shared.options.stop_strings;
        if !strings.is_empty() {
            let new = next.growing.grow(self.shared.decode, &next.tokens[self.prompt.ids.len()..])?;
            let from = new.saturating_sub(stops::reach(strings)).max(self.looked);
            if let Some(found) = stops::find(next.growing.text(), from, strings) {
                return Ok(Some(Ending { stop: Stop::StopString, found: Some(found) }));
            }
        }
        if next.tokens.len() - self.beginning() >= self.most_new {
            return Ok(Some(Stop::MaxTokens.into()));
        }
        Ok((next.tokens.len() >= self.shared.context).then_some(Stop::ContextFull.into()))
    }
}

impl Lane for Beams<'_> {
    fn sequences(&self) -> usize {
        self.live.len()
    }

    fn width(&self) -> usize {
        self.places
    }

    fn length(&self) -> usize {
        self.live.first().map_or(0, |each| each.tokens.len())
    }

    fn fed(&self) -> usize {
        self.fed
    }

    fn room(&self) -> usize {
        (self.beginning() + self.most_new).min(self.shared.context)
    }

    fn take(&mut self, count: usize) -> Vec<Vec<u32>> {
        let fed = self.fed;
        self.fed += count;
        self.live.iter().map(|each| each.tokens[fed..fed + count].to_vec()).collect()
    }

    fn rewind(&mut self) {
        self.fed = 0;
    }

    fn choose(&mut self, logits: &[&[f32]]) -> Result<Vec<usize>, GenerateError> {
        let generated = self.length() - self.beginning();
        // As many as end by a token may stand before those that go on.
        let asked = self.places.saturating_add(self.shared.stop_ids.len());
        let mut ways = Vec::new();
        for (parent, (each, row)) in self.live.iter().zip(logits).enumerate() {
            let penalised = self.shared.penalised(row, &each.tokens, generated);
            for (token, value) in sampling::likeliest(penalised.as_deref().unwrap_or(row), asked) {
                ways.push(Way { parent, token, sum: each.sum + value });
            }
        }
        if ways.is_empty() || ways.iter().any(|way| !way.sum.is_finite()) {
            return Err(not_finite(self.prompt, self.length() - self.prompt.ids.len()));
        }
        ways.sort_by(|a, b| b.sum.total_cmp(&a.sum).then(a.parent.cmp(&b.parent)).then(a.token.cmp(&b.token)));
        let before = std::mem::take(&mut self.live);
        let mut parents = Vec::new();
        let mut live = Vec::new();
        for (rank, way) in ways.into_iter().enumerate() {
            if live.len() == self.places {
                break;
            }
            let mut next = before[way.parent].clone();
            next.tokens.push(way.token);
            next.sum = way.sum;
            next.own += sampling::log_probability(logits[way.parent], way.token);
            match self.end(&mut next, way.token)? {
                Some(ending) if rank < self.places => self.take_up(next, ending),
                // Behind the likeliest nothing ends.
                Some(_) => {}
                None => {
                    parents.push(way.parent);
                    live.push(next);
                }
            }
        }
        self.shared.chosen.fetch_add(1, Ordering::Relaxed);
        self.live = live;
        if self.is_decided() {
            parents.clear();
        }
        Ok(parents)
    }

    fn finish(mut self: Box<Self>) -> Result<Generated, GenerateError> {
        let best = self.best.take();
        let score = best.as_ref().map(|best| best.score);
        let (winner, Ending { stop, found }) = match best {
            Some(Best { sequence, ending, .. }) => (sequence, ending),
            // Only a search that was broken off has none.
            None => (self.live.swap_remove(0), Stop::MaxTokens.into()),
        };
        let ids = winner.tokens[self.prompt.ids.len()..].to_vec();
        let text = text(self.shared, winner.growing, &ids, found)?;
        let forced = 0..self.forced;
        Ok(Generated {
            prompt_sha256: self.prompt.sha256(),
            prompt_tokens: self.prompt.ids.len(),
            text,
            ids,
            forced: if forced.is_empty() { Vec::new() } else { vec![forced] },
            stop,
            stop_string: found.map(|(_, which)| self.shared.options.stop_strings[which].clone()),
            log_probability: winner.own,
            beam_score: score,
            slots: Vec::new(),
        })
    }
}
