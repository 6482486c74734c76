//! An item with one sequence: the likeliest token or a drawn one, into a forced prefix, a skeleton's slots, or nothing.

use std::ops::Range;
use std::sync::atomic::Ordering;

use super::prompts::Prompted;
use super::run::{Lane, Shared};
use super::sampling::{self, Filter};
use super::skeleton::Frame;
use super::stops::{self, Ending, Growing};
use super::{Choice, Forcing, GenerateError, Generated, Slot, SlotEnd, Stop};

pub(super) struct Single<'a> {
    shared: &'a Shared<'a>,
    prompt: &'a Prompted,
    /// Prompt and answer.
    tokens: Vec<u32>,
    fed: usize,
    /// Most tokens that the model chooses.
    most_new: usize,
    generated: usize,
    forced: Vec<Range<usize>>,
    log_probability: f64,
    /// The stream of numbers that draws are made with.
    stream: u64,
    growing: Growing,
    /// Where generated text begins: nothing before it is looked at for stop strings.
    looked: usize,
    filling: Option<Filling<'a>>,
    ended: Option<Ending>,
}

/// Where in a skeleton an answer is.
struct Filling<'a> {
    frame: &'a Frame,
    /// First token of the slot that is being filled, in the answer.
    from: usize,
    slots: Vec<Slot>,
}

impl<'a> Single<'a> {
    pub(super) fn new(
        shared: &'a Shared<'a>,
        prompt: &'a Prompted,
        forcing: &'a Forcing,
    ) -> Result<Single<'a>, GenerateError> {
        let mut single = Single {
            shared,
            prompt,
            tokens: prompt.ids.clone(),
            fed: 0,
            most_new: 0,
            generated: 0,
            forced: Vec::new(),
            log_probability: 0.0,
            stream: match shared.options.choice {
                Choice::Sample { seed, .. } => sampling::stream(seed, &prompt.key),
                _ => 0,
            },
            growing: Growing::default(),
            looked: 0,
            filling: None,
            ended: None,
        };
        match forcing {
            Forcing::Nothing => {}
            Forcing::Prefix(ids) => single.force(ids)?,
            Forcing::Skeleton(frame) => {
                single.force(frame.beginning())?;
                let from = frame.beginning().len();
                single.filling = Some(Filling { frame, from, slots: Vec::new() });
            }
        }
        single.most_new = shared.most_new(single.tokens.len());
        Ok(single)
    }

    fn answer(&self) -> &[u32] {
        &self.tokens[self.prompt.ids.len()..]
    }

    /// Puts tokens behind the answer that the model is not asked for.
    fn force(&mut self, ids: &[u32]) -> Result<(), GenerateError> {
        let from = self.answer().len();
        self.tokens.extend_from_slice(ids);
        match self.forced.last_mut() {
            Some(last) if last.end == from => last.end += ids.len(),
            _ if ids.is_empty() => {}
            _ => self.forced.push(from..from + ids.len()),
        }
        if !self.shared.options.stop_strings.is_empty() && !ids.is_empty() {
            let mut growing = std::mem::take(&mut self.growing);
            growing.grow(self.shared.decode, self.answer())?;
            self.looked = growing.text().len();
            self.growing = growing;
        }
        Ok(())
    }

    /// Looks for a stop string in what the newest token added.
    fn stop_string(&mut self) -> Result<bool, GenerateError> {
        let stops = &self.shared.options.stop_strings;
        if stops.is_empty() {
            return Ok(false);
        }
        let mut growing = std::mem::take(&mut self.growing);
        let new = growing.grow(self.shared.decode, self.answer())?;
        let from = new.saturating_sub(stops::reach(stops)).max(self.looked);
        let found = stops::find(growing.text(), from, stops);
        self.growing = growing;
        if found.is_some() {
            self.ended = Some(Ending { stop: Stop::StopString, found });
        }
        Ok(found.is_some())
    }

    /// Ends the slot where the newest tokens begin the run behind it, or where it is full.
    fn fill(&mut self) -> Result<(), GenerateError> {
        let Some(filling) = &self.filling else { return Ok(()) };
        let slot = filling.slots.len();
        let Some(run) = filling.frame.run_behind(slot) else { return Ok(()) };
        let (frame, from) = (filling.frame, filling.from);
        let inside = &self.answer()[from..];
        let mark = frame.mark(slot);
        let (begun, ended) = if inside.ends_with(&run[..mark]) {
            (mark, SlotEnd::Run)
        } else if inside.len() >= frame.limit(slot) {
            // What the run has in common with the end of the slot is not fed twice.
            let begun = (0..mark).rev().find(|count| inside.ends_with(&run[..*count])).unwrap_or(0);
            (begun, SlotEnd::SlotLimit)
        } else {
            return Ok(());
        };
        let to = self.answer().len() - begun;
        let rest = &run[begun..];
        if self.tokens.len() + rest.len() > self.shared.context {
            self.ended = Some(Stop::ContextFull.into());
        } else {
            self.force(rest)?;
        }
        let next = self.answer().len();
        if let Some(filling) = &mut self.filling {
            filling.slots.push(Slot { tokens: from..to, ended });
            filling.from = next;
            if self.ended.is_none() && filling.frame.ends_with_run(slot) {
                self.ended = Some(Stop::TemplateEnd.into());
            }
        }
        Ok(())
    }
}

impl Lane for Single<'_> {
    fn sequences(&self) -> usize {
        1
    }

    fn width(&self) -> usize {
        1
    }

    fn length(&self) -> usize {
        self.tokens.len()
    }

    fn fed(&self) -> usize {
        self.fed
    }

    fn room(&self) -> usize {
        let answer = match &self.filling {
            Some(filling) => filling.frame.constant_tokens() + filling.frame.most_chosen(self.most_new),
            None => self.forced.first().map_or(0, ExactSizeIterator::len) + self.most_new,
        };
        (self.prompt.ids.len() + answer).min(self.shared.context)
    }

    fn take(&mut self, count: usize) -> Vec<Vec<u32>> {
        let taken = self.tokens[self.fed..self.fed + count].to_vec();
        self.fed += count;
        vec![taken]
    }

    fn rewind(&mut self) {
        self.fed = 0;
    }

    fn choose(&mut self, logits: &[&[f32]]) -> Result<Vec<usize>, GenerateError> {
        let row = logits[0];
        let position = self.answer().len();
        let penalised = self.shared.penalised(row, &self.tokens, self.generated);
        let scores = penalised.as_deref().unwrap_or(row);
        let token = match self.shared.options.choice {
            Choice::Sample { temperature, top_k, top_p, .. } => {
                let filter = Filter { temperature, top_k, top_p };
                let uniform = sampling::uniform(self.stream, position as u64);
                sampling::draw(&sampling::probabilities(scores, &filter), uniform)
            }
            _ => sampling::argmax(scores),
        };
        let token = token.map(|token| (token, sampling::log_probability(row, token)));
        let Some((token, log_probability)) = token.filter(|(_, value)| value.is_finite()) else {
            return Err(not_finite(self.prompt, position));
        };
        self.log_probability += log_probability;
        self.tokens.push(token);
        self.generated += 1;
        self.shared.chosen.fetch_add(1, Ordering::Relaxed);
        if self.shared.stop_ids.contains(&token) {
            self.ended = Some(Stop::StopId.into());
        } else if !self.stop_string()? {
            self.fill()?;
            if self.ended.is_none() && self.generated >= self.most_new {
                self.ended = Some(Stop::MaxTokens.into());
            } else if self.ended.is_none() && self.tokens.len() >= self.shared.context {
                self.ended = Some(Stop::ContextFull.into());
            }
        }
        Ok(if self.ended.is_some() { Vec::new() } else { vec![0] })
    }

    fn finish(self: Box<Self>) -> Result<Generated, GenerateError> {
        let ids = self.answer().to_vec();
        let Ending { stop, found } = self.ended.unwrap_or(Stop::MaxTokens.into());
        let mut slots = Vec::new();
        if let Some(filling) = self.filling {
            slots = filling.slots;
            let open = filling.from..ids.len() - usize::from(stop == Stop::StopId);
            if stop != Stop::TemplateEnd && (!open.is_empty() || stop == Stop::StopId) {
                slots.push(Slot { tokens: open, ended: SlotEnd::Answer });
            }
        }
        let text = text(self.shared, self.growing, &ids, found)?;
        Ok(Generated {
            prompt_sha256: self.prompt.sha256(),
            prompt_tokens: self.prompt.ids.len(),
            text,
            ids,
            forced: self.forced,
            stop,
            stop_string: found.map(|(_, which)| self.shared.options.stop_strings[which].clone()),
            log_probability: self.log_probability,
            beam_score: None,
            slots,
        })
    }
}

/// The text of an answer: up to a stop string that was found, without the tokens that end answers.
pub(super) fn text(
    shared: &Shared<'_>,
    growing: Growing,
    ids: &[u32],
    found: Option<(usize, usize)>,
) -> Result<String, GenerateError> {
    if let Some((at, _)) = found {
        return Ok(growing.text()[..at].to_owned());
    }
    let ends = ids.iter().rev().take_while(|id| shared.stop_ids.contains(id)).count();
    growing.finish(shared.decode, &ids[..ids.len() - ends])
}

/// The error of an item whose logits cannot be compared.
pub(super) fn not_finite(prompt: &Prompted, position: usize) -> GenerateError {
    let message = format!("the model's logits for token {} of the answer are no finite numbers", position + 1);
    GenerateError::Item { item: prompt.name.clone(), message }
}
