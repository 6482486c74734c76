//! The loop: batches of sequences that grow in lockstep.
//!
//! A [`Predictor`] holds sequences of one length. Prompts of a batch may differ in length all the same: the batch begins
//! with as many tokens as the shortest has, and a longer one is fed the rest of its prompt, token by token, while shorter
//! ones are answered already. Forced tokens are fed the same way. What has ended leaves the batch at once.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;

use super::beams::Beams;
use super::prompts::Prompted;
use super::single::Single;
use super::{Choice, Decode, Ended, Forcing, GenerateError, Generated, Halving, Options, Outcome, Progress, Task};
use crate::nn::{NnError, Predictor};

/// What all lanes of a generation share.
pub(super) struct Shared<'a> {
    pub(super) decode: &'a dyn Decode,
    pub(super) options: &'a Options,
    pub(super) stop_ids: &'a [u32],
    /// The longest sequence that training allowed.
    pub(super) max_len: usize,
    /// Most positions that the model knows.
    pub(super) context: usize,
    /// Tokens that were chosen, of all lanes.
    pub(super) chosen: AtomicU64,
}

impl Shared<'_> {
    /// Most tokens that the model may choose after a beginning of so many.
    pub(super) fn most_new(&self, beginning: usize) -> usize {
        self.options.max_new_tokens.unwrap_or_else(|| self.max_len.saturating_sub(beginning).max(1))
    }

    /// Logits with penalties; none where there are none, and the logits are as they are.
    pub(super) fn penalised(&self, logits: &[f32], seen: &[u32], generated: usize) -> Option<Vec<f32>> {
        let early = generated < self.options.min_new_tokens;
        if self.options.repetition_penalty.is_none() && !early {
            return None;
        }
        let mut out = logits.to_vec();
        if let Some(penalty) = self.options.repetition_penalty {
            super::sampling::penalise(&mut out, &seen.iter().copied().collect(), penalty);
        }
        if early {
            for id in self.stop_ids {
                if let Some(logit) = out.get_mut(*id as usize) {
                    *logit = f32::NEG_INFINITY;
                }
            }
        }
        Some(out)
    }
}

/// An item on its way: one sequence or several, all of one length.
pub(super) trait Lane: Send {
    /// Sequences of it now.
    fn sequences(&self) -> usize;
    /// Most sequences of it.
    fn width(&self) -> usize;
    /// Tokens of each sequence that are known.
    fn length(&self) -> usize;
    /// Those of them that the predictor has.
    fn fed(&self) -> usize;
    /// Most tokens that a sequence of it gets to.
    fn room(&self) -> usize;
    /// The next known tokens of each sequence, which count as fed from now on.
    fn take(&mut self, count: usize) -> Vec<Vec<u32>>;
    /// The predictor has forgotten all.
    fn rewind(&mut self);
    /// Chooses the next tokens, a row of logits per sequence. Answers which sequence each of those that go on stems from;
    /// none where the item is done.
    fn choose(&mut self, logits: &[&[f32]]) -> Result<Vec<usize>, GenerateError>;
    /// The answer.
    fn finish(self: Box<Self>) -> Result<Generated, GenerateError>;
}

/// An item's place among the items, and the item on its way.
type Placed<'a> = (usize, Box<dyn Lane + 'a>);

/// Generates an answer to every prompt, or to as many as there are when `progress`, which is told of every step, breaks it off.
///
/// What goes wrong on the way is told by [`Outcome::ended`], beside the answers that there are: [`GenerateError::Item`] where the
/// logits of an item are no numbers; [`GenerateError::Nn`], of memory only where a single item does not fit.
///
/// # Errors
/// Before the first step: [`GenerateError::Option`]; [`GenerateError::Item`] where a prompt leaves no room for an answer.
pub fn run(
    predictor: &mut dyn Predictor,
    decode: &dyn Decode,
    task: &Task,
    progress: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Outcome, GenerateError> {
    task.options.check()?;
    let shared = Shared {
        decode,
        options: &task.options,
        stop_ids: &task.stop_ids,
        max_len: task.max_len,
        context: predictor.context(),
        chosen: AtomicU64::new(0),
    };
    let items = task.prompts.len();
    let mut waiting: Vec<Placed<'_>> = Vec::with_capacity(items);
    for (at, prompt) in task.prompts.iter().enumerate() {
        check(prompt, task, predictor)?;
        let lane: Box<dyn Lane> = match (task.options.choice, &task.forcing) {
            (Choice::Beams { .. }, Forcing::Skeleton(_)) => {
                return Err(GenerateError::Option(
                    "a skeleton is filled without beams: leave one of the two".to_owned(),
                ));
            }
            (Choice::Beams { beams, length_penalty }, forcing) => {
                let forced = if let Forcing::Prefix(ids) = forcing { ids.as_slice() } else { &[] };
                Box::new(Beams::new(&shared, prompt, forced, beams, length_penalty)?)
            }
            (_, forcing) => Box::new(Single::new(&shared, prompt, forcing)?),
        };
        waiting.push((at, lane));
    }
    let mut out = Outcome {
        ended: Ended::Finished,
        generated: Vec::new(),
        items: Vec::new(),
        batches: 0,
        steps: 0,
        halvings: Vec::new(),
    };
    let mut done: Vec<Option<Generated>> = (0..items).map(|_| None).collect();
    let mut budget = task.options.batch_tokens;
    while !waiting.is_empty() && matches!(out.ended, Ended::Finished) {
        waiting.sort_by_key(|(at, lane)| (lane.length(), *at));
        let (count, room) = cut(&waiting, budget, task.options.spread);
        let mut batch: Vec<Placed<'_>> = waiting.drain(..count).collect();
        let sequences: usize = batch.iter().map(|(_, lane)| lane.width()).sum();
        out.batches += 1;
        let mut finished = Vec::new();
        let mut tell = |more: usize| {
            let tokens = shared.chosen.load(Ordering::Relaxed);
            progress(&Progress { done: done.iter().flatten().count() + more, items, tokens })
        };
        let tokens = decode.vocabulary();
        let ended = lockstep(predictor, tokens, &mut batch, room, &mut finished, &mut out.steps, &mut tell);
        match ended {
            Ok(ControlFlow::Continue(())) => {}
            Ok(ControlFlow::Break(())) => out.ended = Ended::Stopped,
            // What was generated so far stays; the halves begin with it.
            Err(GenerateError::Nn(NnError::OutOfMemory(message))) if batch.len() > 1 => {
                out.halvings.push(Halving { sequences, room, message });
                budget = sequences * room / 2;
                batch.iter_mut().for_each(|(_, lane)| lane.rewind());
                waiting.append(&mut batch);
            }
            Err(GenerateError::Nn(NnError::OutOfMemory(message))) => {
                let message = format!(
                    "{message}: one item with room for {room} tokens does not fit; ask for fewer new tokens or fewer beams"
                );
                out.ended = Ended::Failed(NnError::OutOfMemory(message).into());
            }
            Err(other) => out.ended = Ended::Failed(other),
        }
        for (at, lane) in finished {
            match lane.finish() {
                Ok(generated) => done[at] = Some(generated),
                Err(error) => out.ended = Ended::Failed(error),
            }
        }
    }
    let answered = done.into_iter().enumerate().filter_map(|(at, generated)| Some((at, generated?)));
    (out.items, out.generated) = answered.unzip();
    Ok(out)
}

/// Refuses a prompt that the model cannot be asked.
fn check(prompt: &Prompted, task: &Task, predictor: &dyn Predictor) -> Result<(), GenerateError> {
    let wrong = |message: String| Err(GenerateError::Item { item: prompt.name.clone(), message });
    let forced = match &task.forcing {
        Forcing::Nothing => &[],
        Forcing::Prefix(ids) => ids.as_slice(),
        Forcing::Skeleton(frame) => frame.beginning(),
    };
    let (length, context) = (prompt.ids.len() + forced.len(), predictor.context());
    if prompt.ids.is_empty() {
        return wrong("its prompt has no token".to_owned());
    }
    if length >= context {
        return wrong(format!(
            "prompt and forced prefix have {length} tokens, and the model knows {context} positions"
        ));
    }
    if length >= task.max_len && task.options.max_new_tokens.is_none() {
        return wrong(format!(
            "prompt and forced prefix have {length} tokens, and the contract allows {} with the answer: shorten it, or say how many new tokens there may be",
            task.max_len
        ));
    }
    let vocabulary = predictor.vocabulary();
    match prompt.ids.iter().chain(forced).find(|id| **id as usize >= vocabulary) {
        Some(id) => wrong(format!("token {id} is beyond the model's vocabulary of {vocabulary}")),
        None => Ok(()),
    }
}

/// How many of the waiting items make the next batch, the shortest first, and the room that each sequence needs.
fn cut(waiting: &[Placed<'_>], budget: usize, spread: usize) -> (usize, usize) {
    let (mut count, mut room, mut sequences) = (0, 0, 0);
    let shortest = waiting.first().map_or(0, |(_, lane)| lane.length());
    for (_, lane) in waiting {
        let more = (sequences + lane.width(), room.max(lane.room()));
        if count > 0 && (more.0 * more.1 > budget || lane.length() - shortest > spread) {
            break;
        }
        (sequences, room) = more;
        count += 1;
    }
    (count, room)
}

/// Runs a batch until all of it has ended, choosing among the first `tokens` ids, or until `tell` breaks it off. What ends moves to
/// `finished`; on an error the rest stays in `batch`.
fn lockstep<'a>(
    predictor: &mut dyn Predictor,
    tokens: usize,
    batch: &mut Vec<Placed<'a>>,
    room: usize,
    finished: &mut Vec<Placed<'a>>,
    steps: &mut u64,
    tell: &mut dyn FnMut(usize) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, GenerateError> {
    let known = |batch: &[Placed<'_>]| batch.iter().map(|(_, lane)| lane.length() - lane.fed()).min().unwrap_or(0);
    let take = |batch: &mut Vec<Placed<'_>>, count: usize| -> Vec<Vec<u32>> {
        batch.iter_mut().flat_map(|(_, lane)| lane.take(count)).collect()
    };
    let count = known(batch);
    let beginning = take(batch, count);
    let mut logits = predictor.begin(&beginning, room)?;
    loop {
        *steps += 1;
        // Where every sequence has known tokens left, nobody needs these logits.
        let count = known(batch);
        if count > 0 {
            logits = predictor.append(&take(batch, count))?;
            continue;
        }
        let rows: Vec<&[f32]> = logits.rows().map(|row| &row[..row.len().min(tokens)]).collect();
        let mut firsts = Vec::with_capacity(batch.len());
        let mut first = 0;
        for (_, lane) in batch.iter() {
            firsts.push(first..first + lane.sequences());
            first += lane.sequences();
        }
        if rows.len() != first {
            let message = format!("{} rows of logits for {first} sequences", rows.len());
            return Err(NnError::Backend(message).into());
        }
        let chosen: Vec<Result<Vec<usize>, GenerateError>> = batch
            .par_iter_mut()
            .zip(firsts.par_iter())
            .map(|((_, lane), own)| {
                if lane.length() > lane.fed() {
                    return Ok((0..lane.sequences()).collect());
                }
                lane.choose(&rows[own.clone()])
            })
            .collect();
        let mut kept = Vec::with_capacity(first);
        let mut going = Vec::with_capacity(batch.len());
        let mut failed = None;
        for (((at, lane), own), chosen) in batch.drain(..).zip(&firsts).zip(chosen) {
            match chosen {
                Ok(parents) if parents.is_empty() => finished.push((at, lane)),
                Ok(parents) => {
                    kept.extend(parents.iter().map(|parent| own.start + parent));
                    going.push((at, lane));
                }
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        *batch = going;
        let told = tell(finished.len());
        if let Some(error) = failed {
            return Err(error);
        }
        if batch.is_empty() {
            return Ok(ControlFlow::Continue(()));
        }
        if told.is_break() {
            return Ok(told);
        }
        if !kept.iter().copied().eq(0..first) {
            predictor.select(&kept)?;
        }
        logits = predictor.append(&take(batch, 1))?;
    }
}
