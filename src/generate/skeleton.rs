//! A template of answers whose slots a model fills: the constant runs are fed, what stands between them is generated.
//!
//! A slot ends where its newest tokens are the first `mark` tokens of the run behind it: the model has then predicted the
//! run by itself, and the rest is fed. The mark is the skeleton's anchor: no trained slot of that place holds as many
//! before the run begins, so what training put into a slot cannot end it early. A slot that outgrows its limit is ended, and said to be.

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
    /// Makes the frame of what trained answers have in common. Answers that are not of the template are passed over.
    ///
    /// # Errors
    /// A sentence where there is nothing to fill, or nothing in common.
    pub fn of(skeleton: &Skeleton, answers: &[&[u32]]) -> Result<Frame, String> {
        if skeleton.parts.is_empty() {
            return Err(
                "the trained answers have no run of tokens in common, so there is no template to feed".to_owned()
            );
        }
        let slots = skeleton.parts.len() - 1 + usize::from(skeleton.opens) + usize::from(skeleton.closes);
        if slots == 0 {
            return Err(format!(
                "the {} trained answers are one and the same, so there is no slot to fill",
                answers.len()
            ));
        }
        let mut longest = vec![0; slots];
        for ranges in answers.iter().filter_map(|answer| skeleton.slot_ranges(answer)) {
            longest.iter_mut().zip(ranges).for_each(|(longest, range)| *longest = range.len().max(*longest));
        }
        let opening = skeleton.opens.then(Vec::new);
        let closing = skeleton.closes.then(Vec::new);
        let runs = opening.into_iter().chain(skeleton.parts.iter().cloned()).chain(closing).collect();
        // Behind the slot that closes an answer there is no run.
        let first = usize::from(!skeleton.opens);
        let marks = (0..slots).map(|slot| skeleton.anchors.get(slot + first).map_or(0, |anchor| (*anchor).max(1)));
        let limits = longest.iter().map(|longest| 2 * longest + SLACK_TOKENS).collect();
        Ok(Frame { runs, marks: marks.collect(), limits })
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

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(answers: &[&[u32]]) -> Result<Frame, String> {
        Frame::of(&Skeleton::of(answers), answers)
    }

    #[test]
    fn marks_are_as_long_as_training_needs_and_limits_as_wide() {
        // Runs [1, 2], [5, 6, 7, 8], [9, 10]; the second run's first token stands inside a slot before it.
        let first: &[u32] = &[1, 2, 30, 5, 31, 5, 6, 7, 8, 40, 9, 10];
        let second: &[u32] = &[1, 2, 32, 5, 6, 7, 8, 41, 42, 43, 9, 10];
        let frame = framed(&[first, second]).expect("a frame");
        assert_eq!((frame.beginning(), frame.slots(), frame.constant_tokens()), ([1, 2].as_slice(), 2, 8));
        assert_eq!((frame.mark(0), frame.mark(1)), (2, 1));
        assert_eq!((frame.limit(0), frame.limit(1)), (2 * 3 + 16, 2 * 3 + 16));
        assert!(frame.run_behind(1) == Some(&[9, 10]) && frame.ends_with_run(1) && !frame.ends_with_run(0));
        assert_eq!((frame.most_chosen(10), frame.most_chosen(1000)), (10, 44));
    }

    #[test]
    fn slots_may_stand_at_either_end() {
        let frame = framed(&[&[30, 1, 2, 3, 4, 31], &[32, 33, 1, 2, 3, 4, 34]]).expect("a frame");
        assert_eq!((frame.slots(), frame.beginning().len(), frame.run_behind(1)), (2, 0, None));
        assert_eq!((frame.run_behind(0), frame.mark(0)), (Some([1, 2, 3, 4].as_slice()), 1));
        assert_eq!(frame.most_chosen(1000), 1000);
    }

    #[test]
    fn what_cannot_be_filled_is_refused() {
        assert!(framed(&[&[1, 2], &[3, 4, 5]]).expect_err("nothing").contains("no run of tokens in common"));
        assert!(framed(&[&[1, 2], &[1, 2]]).expect_err("no slot").contains("one and the same"));
        assert!(framed(&[]).is_err());
    }
}
