//! A template of answers whose slots a model fills: the constant runs are fed, what stands between them is generated.
//!
//! A slot ends where its newest tokens are the first `mark` tokens of the run behind it: the model has then predicted the
//! run by itself, and the rest is fed. The mark is the fewest tokens that stood inside no trained slot of that place, so
//! what training put into a slot cannot end it early. A slot that outgrows its limit is ended, and said to be.

use crate::prompt::skeleton::Skeleton;

/// How much longer than the longest trained one a slot may grow: twice as long, and so many tokens.
const SLACK_TOKENS: usize = 16;

/// Constant runs and slots between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// A run more than slots; the first and the last may be empty, no other is.
    runs: Vec<Vec<u32>>,
    /// Of each slot, the tokens of the run behind it that end it.
    marks: Vec<usize>,
    /// Most tokens of each slot.
    limits: Vec<usize>,
}

impl Frame {
    /// Makes the frame of trained answers and what they have in common.
    ///
    /// # Errors
    /// A sentence where there is nothing to fill, or nothing in common.
    pub fn of(skeleton: &Skeleton, answers: &[&[u32]]) -> Result<Frame, String> {
        let flags: Vec<Vec<bool>> = answers.iter().map(|answer| skeleton.slots(answer)).collect();
        Frame::new(&skeleton.parts, answers, &flags)
    }

    /// Makes the frame of runs and of answers whose tokens are marked as slot or run. Answers that do not hold the runs
    /// in order are passed over.
    ///
    /// # Errors
    /// As [`Frame::of`].
    pub fn new(parts: &[Vec<u32>], answers: &[&[u32]], in_slot: &[Vec<bool>]) -> Result<Frame, String> {
        let mut runs: Vec<Vec<u32>> = parts.iter().filter(|run| !run.is_empty()).cloned().collect();
        if runs.is_empty() {
            return Err("the trained answers have no token in common, so there is no template to feed".to_owned());
        }
        // Slots may stand before the first run and behind the last.
        let mut contents: Vec<Vec<&[u32]>> = vec![Vec::new(); runs.len() + 1];
        let mut fitting = 0;
        for (answer, flags) in answers.iter().zip(in_slot) {
            if let Some(own) = contents_of(&runs, answer, flags) {
                fitting += 1;
                contents.iter_mut().zip(own).for_each(|(all, content)| all.push(content));
            }
        }
        if fitting == 0 {
            return Err("no trained answer holds the constant tokens of the template in order".to_owned());
        }
        let filled = |contents: &Vec<&[u32]>| contents.iter().any(|content| !content.is_empty());
        if !contents.iter().any(filled) {
            return Err(format!("the {fitting} trained answers are one and the same, so there is no slot to fill"));
        }
        if filled(&contents[0]) {
            runs.insert(0, Vec::new());
        } else {
            contents.remove(0);
        }
        if contents.last().is_some_and(filled) {
            runs.push(Vec::new());
        } else {
            contents.pop();
        }
        let mark = |slot: usize| {
            let run = &runs[slot + 1];
            let ends_right = |mark: &usize| contents[slot].iter().all(|content| first_at(content, run, *mark));
            (1..run.len()).find(ends_right).unwrap_or(run.len())
        };
        let marks = (0..contents.len()).map(mark).collect();
        let longest = |contents: &Vec<&[u32]>| contents.iter().map(|content| content.len()).max().unwrap_or(0);
        let limits = contents.iter().map(|contents| 2 * longest(contents) + SLACK_TOKENS).collect();
        Ok(Frame { runs, marks, limits })
    }

    /// The run that every answer begins with; empty where a slot stands first.
    pub fn beginning(&self) -> &[u32] {
        &self.runs[0]
    }

    /// The constant runs, in order.
    pub fn runs(&self) -> impl Iterator<Item = &[u32]> {
        self.runs.iter().map(Vec::as_slice)
    }

    /// Slots.
    pub fn slots(&self) -> usize {
        self.marks.len()
    }

    /// Tokens of all runs.
    pub fn constant_tokens(&self) -> usize {
        self.runs.iter().map(Vec::len).sum()
    }

    /// The run behind a slot; none behind the last where that goes on to the end of the answer.
    pub(super) fn run_behind(&self, slot: usize) -> Option<&[u32]> {
        self.runs.get(slot + 1).filter(|run| !run.is_empty()).map(Vec::as_slice)
    }

    /// Whether the answer ends with the run behind a slot.
    pub(super) fn ends_with_run(&self, slot: usize) -> bool {
        slot + 2 == self.runs.len()
    }

    /// Tokens of the run behind a slot that end it.
    pub fn mark(&self, slot: usize) -> usize {
        self.marks[slot]
    }

    /// Most tokens of a slot.
    pub fn limit(&self, slot: usize) -> usize {
        self.limits[slot]
    }

    /// Most tokens that the model may choose in all slots, where `most` is what else bounds it.
    pub(super) fn most_chosen(&self, most: usize) -> usize {
        if self.runs.last().is_some_and(Vec::is_empty) {
            return most;
        }
        most.min(self.limits.iter().sum::<usize>())
    }
}

/// What an answer has before the first run, between each two, and behind the last; none where it does not fit.
fn contents_of<'a>(runs: &[Vec<u32>], answer: &'a [u32], in_slot: &[bool]) -> Option<Vec<&'a [u32]>> {
    let mut out = Vec::with_capacity(runs.len() + 1);
    let mut at = 0;
    for run in runs {
        let from = at;
        while *in_slot.get(at)? {
            at += 1;
        }
        out.push(&answer[from..at]);
        let to = at + run.len();
        if answer.get(at..to)? != run || in_slot[at..to].contains(&true) {
            return None;
        }
        at = to;
    }
    let rest = &answer[at..];
    in_slot[at..].iter().all(|slot| *slot).then(|| out.push(rest))?;
    Some(out)
}

/// Whether the first `mark` tokens of a run are met behind the content for the first time.
fn first_at(content: &[u32], run: &[u32], mark: usize) -> bool {
    let both: Vec<u32> = content.iter().chain(&run[..mark]).copied().collect();
    both.windows(mark).position(|window| window == &run[..mark]) == Some(content.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(answer: &[u32], constant: &[u32]) -> Vec<bool> {
        answer.iter().map(|id| !constant.contains(id)).collect()
    }

    #[test]
    fn marks_are_as_long_as_training_needs_and_limits_as_wide() {
        // Runs [1,2], [5,6,7], [9]; the second run's first token stands inside a slot before it.
        let (first, second): (&[u32], &[u32]) =
            (&[1, 2, 30, 5, 31, 5, 6, 7, 40, 9], &[1, 2, 32, 5, 6, 7, 41, 42, 43, 9]);
        let mut first_flags = flags(first, &[1, 2, 5, 6, 7, 9]);
        first_flags[3] = true;
        let all = [first_flags, flags(second, &[1, 2, 5, 6, 7, 9])];
        let frame = Frame::new(&[vec![1, 2], vec![5, 6, 7], vec![9]], &[first, second], &all).expect("a frame");
        assert_eq!((frame.beginning(), frame.slots(), frame.constant_tokens()), ([1, 2].as_slice(), 2, 6));
        assert_eq!((frame.mark(0), frame.mark(1)), (2, 1));
        assert_eq!((frame.limit(0), frame.limit(1)), (2 * 3 + 16, 2 * 3 + 16));
        assert!(frame.run_behind(1) == Some(&[9]) && frame.ends_with_run(1) && !frame.ends_with_run(0));
        assert_eq!((frame.most_chosen(10), frame.most_chosen(1000)), (10, 44));
    }

    #[test]
    fn slots_may_stand_at_either_end() {
        let (first, second): (&[u32], &[u32]) = (&[30, 1, 31], &[32, 33, 1]);
        let all = [flags(first, &[1]), flags(second, &[1])];
        let frame = Frame::new(&[vec![1]], &[first, second], &all).expect("a frame");
        assert_eq!((frame.slots(), frame.beginning().len(), frame.run_behind(1)), (2, 0, None));
        assert_eq!(frame.most_chosen(1000), 1000);
    }

    #[test]
    fn what_cannot_be_filled_is_refused() {
        let same: &[u32] = &[1, 2];
        let refused = |parts: &[Vec<u32>], answers: &[&[u32]], flags: &[Vec<bool>]| {
            Frame::new(parts, answers, flags).expect_err("nothing to fill")
        };
        assert!(refused(&[], &[same], &[vec![true; 2]]).contains("no token in common"));
        assert!(refused(&[vec![1, 2]], &[same, same], &[vec![false; 2], vec![false; 2]]).contains("one and the same"));
        assert!(refused(&[vec![2, 1]], &[same], &[vec![false; 2]]).contains("in order"));
    }
}
