//! Beam search: the likeliest answers are followed side by side, and the best by log-probability per length wins.
//!
//! Of `n` places each is held by a sequence that goes on or by one that has ended, so a beam of 1 is greedy. Answers are
//! compared by log-probability / length^penalty (Wu et al. 2016, the plain form); length is the tokens that were chosen, the
//! one that ends it included. The search ends where nothing that goes on can still win.

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
    ended: Vec<(Hypothesis, Ending)>,
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
            ended: Vec::new(),
        })
    }

    fn beginning(&self) -> usize {
        self.prompt.ids.len() + self.forced
    }

    fn score(&self, sum: f64, length: usize) -> f64 {
        sum / (length.max(1) as f64).powf(self.length_penalty)
    }

    fn best_ended(&self) -> Option<(usize, f64)> {
        let scores = self.ended.iter().map(|(each, _)| self.score(each.sum, each.tokens.len() - self.beginning()));
        // Of equals the one that ended first.
        scores.enumerate().max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)))
    }

    /// Whether no sequence that goes on can still come above the best that has ended. Log-probabilities only sink, so a
    /// sequence does best where the length divides by the most.
    fn is_decided(&self) -> bool {
        let Some((_, best)) = self.best_ended() else { return false };
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
        let free = self.places - self.ended.len();
        let generated = self.length() - self.beginning();
        let mut ways = Vec::with_capacity(free * logits.len());
        for (parent, (each, row)) in self.live.iter().zip(logits).enumerate() {
            let penalised = self.shared.penalised(row, &each.tokens, generated);
            for (token, value) in sampling::likeliest(penalised.as_deref().unwrap_or(row), free) {
                ways.push(Way { parent, token, sum: each.sum + value });
            }
        }
        if ways.is_empty() || ways.iter().any(|way| !way.sum.is_finite()) {
            return Err(not_finite(self.prompt, self.length() - self.prompt.ids.len()));
        }
        ways.sort_by(|a, b| b.sum.total_cmp(&a.sum).then(a.parent.cmp(&b.parent)).then(a.token.cmp(&b.token)));
        ways.truncate(free);
        let before = std::mem::take(&mut self.live);
        let mut parents = Vec::with_capacity(ways.len());
        let mut live = Vec::with_capacity(ways.len());
        for way in ways {
            let mut next = before[way.parent].clone();
            next.tokens.push(way.token);
            next.sum = way.sum;
            next.own += sampling::log_probability(logits[way.parent], way.token);
            match self.end(&mut next, way.token)? {
                Some(ending) => self.ended.push((next, ending)),
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
        let best = self.best_ended();
        let score = best.map(|(_, score)| score);
        let (winner, Ending { stop, found }) = match best {
            Some((at, _)) => self.ended.swap_remove(at),
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
