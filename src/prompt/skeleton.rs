//! What answers have in common: the constant tokens of the template that they were made by, and the slots between them.
//!
//! A run of tokens is constant when every answer has it, whole, in one order with the others. Runs are found by the windows
//! of [`LEAST_RUN`] tokens that stand in all answers, then by longest common subsequences of what is left. Which runs stay:
//!
//! - what all answers begin with, however short: its place tells it;
//! - what all answers end with, however short, unless it also stands inside the slot before it;
//! - between them, runs of [`LEAST_RUN`] tokens or more; a shorter one, such as a bracket, stands anywhere by chance.
//!
//! Answers without a common template have no window in common, and cost one look at each of their tokens.

use std::ops::Range;

use rustc_hash::FxHashMap;

use super::lcs;

/// Least tokens of a constant run that has slots on both sides.
pub const LEAST_RUN: usize = 4;

/// The common template of answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Skeleton {
    /// Constant runs of tokens, in order, with a slot between each and the next.
    pub parts: Vec<Vec<u32>>,
    /// How many tokens of each part tell that the slot before it is over: no slot of any of the answers holds as many
    /// of the part's first tokens before the part itself begins. At least 1; 0 for a part that no slot precedes.
    pub anchors: Vec<usize>,
    /// Whether a slot stands before the first part.
    pub opens: bool,
    /// Whether a slot stands after the last part.
    pub closes: bool,
}

impl Skeleton {
    /// Finds the common template. The same answers in the same order give the same one.
    pub fn of(answers: &[&[u32]]) -> Skeleton {
        let Some(shortest) = answers.iter().min_by_key(|answer| answer.len()) else { return Skeleton::default() };
        let head = Skeleton::common_prefix(answers).len();
        let tail = common_suffix(answers).min(shortest.len() - head);
        if answers.iter().all(|answer| answer.len() == head) {
            let parts: Vec<Vec<u32>> = if head == 0 { Vec::new() } else { vec![shortest.to_vec()] };
            return Skeleton { anchors: vec![0; parts.len()], parts, opens: false, closes: false };
        }
        let middles: Vec<&[u32]> = answers.iter().map(|answer| &answer[head..answer.len() - tail]).collect();
        let mut skeleton = Skeleton { opens: head == 0, closes: tail == 0, ..Skeleton::default() };
        skeleton.parts.extend((head > 0).then(|| shortest[..head].to_vec()));
        skeleton.parts.extend(constant_runs(&middles));
        if tail > 0 {
            skeleton.parts.push(shortest[shortest.len() - tail..].to_vec());
            if !skeleton.find_anchors(answers) {
                skeleton.parts.pop();
                skeleton.closes = true;
            }
        }
        if skeleton.closes {
            let told = skeleton.find_anchors(answers);
            debug_assert!(told, "a part that is found from the left stands in no slot before it");
        }
        skeleton
    }

    /// What all answers begin with.
    pub fn common_prefix(answers: &[&[u32]]) -> Vec<u32> {
        let Some((first, rest)) = answers.split_first() else { return Vec::new() };
        let same = |other: &&[u32]| first.iter().zip(*other).take_while(|(x, y)| x == y).count();
        first[..rest.iter().map(same).min().unwrap_or(first.len())].to_vec()
    }

    /// Tokens that are constant.
    pub fn constant_tokens(&self) -> usize {
        self.parts.iter().map(Vec::len).sum()
    }

    /// Finds the parts in an answer, each as far left as it goes; none where the answer is not of this template.
    pub fn locate(&self, answer: &[u32]) -> Option<Vec<Range<usize>>> {
        let mut places = Vec::with_capacity(self.parts.len());
        let mut from = 0;
        for (at, part) in self.parts.iter().enumerate() {
            let start = if at + 1 == self.parts.len() && !self.closes {
                let start = answer.len().checked_sub(part.len())?;
                (start >= from && answer.ends_with(part)).then_some(start)?
            } else if at == 0 && !self.opens {
                answer.starts_with(part).then_some(0)?
            } else {
                find(&answer[from..], part)? + from
            };
            // An only part with a slot on neither side is the whole answer.
            if at == 0 && !self.opens && start != 0 {
                return None;
            }
            from = start + part.len();
            places.push(start..from);
        }
        Some(places)
    }

    /// The slots of an answer, in order: one before the first part where [`opens`](Self::opens), one between each part and
    /// the next, one after the last where [`closes`](Self::closes). None where the answer is not of this template.
    pub fn slot_ranges(&self, answer: &[u32]) -> Option<Vec<Range<usize>>> {
        let places = self.locate(answer)?;
        let mut slots = Vec::with_capacity(places.len() + 1);
        let mut from = 0;
        for (at, place) in places.iter().enumerate() {
            if at > 0 || self.opens {
                slots.push(from..place.start);
            }
            from = place.end;
        }
        if self.closes {
            slots.push(from..answer.len());
        }
        Some(slots)
    }

    /// For each token of an answer, whether it stands in a slot. Of an answer that is not of this template, what
    /// runs along a part for [`LEAST_RUN`] tokens or more is template.
    pub fn slots(&self, answer: &[u32]) -> Vec<bool> {
        let mut slot = vec![true; answer.len()];
        if let Some(places) = self.locate(answer) {
            for place in places {
                slot[place].fill(false);
            }
            return slot;
        }
        let (joined, breaks) = join(&self.parts);
        for run in runs_along(&joined, &breaks, answer) {
            if run.len() >= LEAST_RUN {
                slot[run[0].1..=run[run.len() - 1].1].fill(false);
            }
        }
        slot
    }

    /// Finds how many tokens tell each part; false where the last one also stands whole in the slot before it.
    fn find_anchors(&mut self, answers: &[&[u32]]) -> bool {
        let mut anchors: Vec<usize> = (0..self.parts.len()).map(|at| usize::from(at > 0 || self.opens)).collect();
        for answer in answers {
            let places = self.locate(answer).expect("every part was found in every answer");
            let mut from = 0;
            for ((place, part), anchor) in places.iter().zip(&self.parts).zip(&mut anchors) {
                for start in from..place.start {
                    let along = answer[start..].iter().zip(part).take_while(|(x, y)| x == y).count();
                    *anchor = (*anchor).max(along + 1);
                }
                from = place.end;
            }
        }
        let told = anchors.iter().zip(&self.parts).all(|(anchor, part)| *anchor <= part.len());
        self.anchors = anchors;
        told
    }
}

fn common_suffix(answers: &[&[u32]]) -> usize {
    let Some((first, rest)) = answers.split_first() else { return 0 };
    let same = |other: &&[u32]| first.iter().rev().zip(other.iter().rev()).take_while(|(x, y)| x == y).count();
    rest.iter().map(same).min().unwrap_or(first.len())
}

/// Where `part` first stands in `tokens`.
fn find(tokens: &[u32], part: &[u32]) -> Option<usize> {
    let (first, last) = (*part.first()?, tokens.len().checked_sub(part.len())?);
    (0..=last).find(|at| tokens[*at] == first && tokens[*at..].starts_with(part))
}

/// The parts in one row, and whether a new part begins at each token.
fn join(parts: &[Vec<u32>]) -> (Vec<u32>, Vec<bool>) {
    let joined = parts.concat();
    let breaks = parts.iter().flat_map(|part| (0..part.len()).map(|at| at == 0)).collect();
    (joined, breaks)
}

/// Maximal runs of pairs that are neighbours in `joined`, of one part, and in `answer`.
fn runs_along(joined: &[u32], breaks: &[bool], answer: &[u32]) -> Vec<Vec<(usize, usize)>> {
    let mut pairs = lcs::common(joined, answer);
    // Of equally good pairings the one that keeps neighbours together: a token may pair with the one just before its
    // successor's.
    for at in (1..pairs.len()).rev() {
        let ((x, y), (next_x, next_y)) = (pairs[at - 1], pairs[at]);
        if x + 1 == next_x && !breaks[next_x] && y + 1 < next_y && answer[next_y - 1] == joined[x] {
            pairs[at - 1].1 = next_y - 1;
        }
    }
    let mut runs: Vec<Vec<(usize, usize)>> = Vec::new();
    for (x, y) in pairs {
        match runs.last_mut() {
            Some(run) if run.last() == Some(&(x.wrapping_sub(1), y.wrapping_sub(1))) && !breaks[x] => run.push((x, y)),
            _ => runs.push(vec![(x, y)]),
        }
    }
    runs
}

/// Runs of [`LEAST_RUN`] tokens or more that every one of the rows has, in order.
fn constant_runs(rows: &[&[u32]]) -> Vec<Vec<u32>> {
    let Some(base) = rows.iter().min_by_key(|row| row.len()) else { return Vec::new() };
    let mut parts = shared_windows(base, rows);
    for row in rows {
        if parts.is_empty() {
            break;
        }
        let mut from = 0;
        let whole = parts.iter().all(|part| match find(&row[from..], part) {
            Some(at) => {
                from += at + part.len();
                true
            }
            None => false,
        });
        if !whole {
            let (joined, breaks) = join(&parts);
            parts = runs_along(&joined, &breaks, row)
                .into_iter()
                .filter(|run| run.len() >= LEAST_RUN)
                .map(|run| run.iter().map(|(x, _)| joined[*x]).collect())
                .collect();
        }
    }
    parts
}

/// Runs of `base` that are covered by windows of [`LEAST_RUN`] tokens which every row has somewhere.
fn shared_windows(base: &[u32], rows: &[&[u32]]) -> Vec<Vec<u32>> {
    let mut numbers: FxHashMap<&[u32], usize> = FxHashMap::default();
    let of_base: Vec<usize> = base
        .windows(LEAST_RUN)
        .map(|window| {
            let next = numbers.len();
            *numbers.entry(window).or_insert(next)
        })
        .collect();
    // The number of rows, from the first on without a gap, that have the window.
    let mut seen = vec![0; numbers.len()];
    for (at, row) in rows.iter().enumerate() {
        let mut alive = false;
        for window in row.windows(LEAST_RUN) {
            if let Some(number) = numbers.get(window)
                && seen[*number] == at
            {
                seen[*number] = at + 1;
                alive = true;
            }
        }
        if !alive {
            return Vec::new();
        }
    }
    let mut parts: Vec<Vec<u32>> = Vec::new();
    let mut end = 0;
    for (at, number) in of_base.iter().enumerate() {
        if seen[*number] == rows.len() {
            match parts.last_mut() {
                Some(part) if at < end => part.extend(&base[end..at + LEAST_RUN]),
                _ => parts.push(base[at..at + LEAST_RUN].to_vec()),
            }
            end = at + LEAST_RUN;
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(answers: &[Vec<u32>]) -> Skeleton {
        Skeleton::of(&answers.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }

    /// An answer of a template: parts with values between them.
    fn fill(parts: &[Vec<u32>], values: &[Vec<u32>]) -> Vec<u32> {
        let mut out = Vec::new();
        for (at, part) in parts.iter().enumerate() {
            out.extend(part);
            out.extend(values.get(at).into_iter().flatten());
        }
        out
    }

    #[test]
    fn constants_and_slots_are_told_apart() {
        let parts: Vec<Vec<u32>> = vec![(100..110).collect(), (200..206).collect(), vec![1]];
        let answers = [
            fill(&parts, &[vec![5, 6], vec![7]]),
            fill(&parts, &[vec![6], vec![]]),
            fill(&parts, &[vec![], vec![8, 200, 201, 9]]),
        ];
        let skeleton = of(&answers);
        assert_eq!(skeleton.parts, parts);
        assert_eq!((skeleton.opens, skeleton.closes), (false, false));
        assert_eq!(skeleton.slot_ranges(&answers[0]), Some(vec![10..12, 18..19]));
        assert_eq!(skeleton.slot_ranges(&answers[2]), Some(vec![10..10, 16..20]));
        assert_eq!(skeleton.slots(&answers[1])[9..13], [false, true, false, false]);
        assert_eq!((skeleton.anchors.as_slice(), skeleton.constant_tokens()), (&[0, 1, 1][..], 17));
        assert_eq!(Skeleton::common_prefix(&[&answers[0], &answers[1]]), parts[0]);
    }

    #[test]
    fn an_anchor_is_as_long_as_slots_need_it() {
        let parts: Vec<Vec<u32>> = vec![vec![1, 2, 3], vec![50, 51, 52, 53, 54], vec![9]];
        let skeleton =
            of(&[fill(&parts, &[vec![50, 51, 7], vec![4]]), fill(&parts, &[vec![8], vec![5, 50, 51, 52, 53, 54, 5]])]);
        assert_eq!(skeleton.parts, parts);
        assert_eq!(skeleton.anchors, [0, 3, 1]);
    }

    #[test]
    fn runs_that_cannot_anchor_are_dropped() {
        // The bracket 40 stands in every answer, alone; the run 30 to 32 is too short by one.
        let answers = [vec![1, 2, 40, 3, 30, 31, 32, 4, 9], vec![1, 5, 40, 6, 7, 30, 31, 32, 8, 9]];
        assert_eq!(of(&answers).parts, [vec![1], vec![9]]);
        // What they end with stands in the slot before it as well.
        let answers = [vec![1, 2, 9, 3, 9], vec![1, 4, 9]];
        let skeleton = of(&answers);
        assert_eq!((skeleton.parts.as_slice(), skeleton.closes), (&[vec![1]][..], true));
        assert_eq!(skeleton.slots(&answers[1]), [false, true, true]);
    }

    #[test]
    fn few_equal_and_unrelated_answers_are_no_trouble() {
        assert_eq!(of(&[]), Skeleton::default());
        assert_eq!(of(&[vec![]]).parts, Vec::<Vec<u32>>::new());
        let same = of(&[vec![1, 2], vec![1, 2]]);
        assert_eq!((same.parts.as_slice(), same.opens, same.closes), (&[vec![1, 2]][..], false, false));
        assert_eq!(same.locate(&[1, 2, 1, 2]), None);
        let unrelated = of(&[(0..50).collect(), (100..150).collect()]);
        assert_eq!((unrelated.parts.len(), unrelated.opens, unrelated.closes), (0, true, true));
        assert_eq!(unrelated.slots(&[7, 8]), [true, true]);
        let prefix = of(&[vec![1, 2], vec![1, 2, 3]]);
        assert_eq!((prefix.parts.as_slice(), prefix.closes), (&[vec![1, 2]][..], true));
        let suffix = of(&[vec![2, 1], vec![3, 2, 1]]);
        assert_eq!((suffix.parts.as_slice(), suffix.opens), (&[vec![2, 1]][..], true));
    }

    #[test]
    fn an_answer_of_another_template_is_template_where_it_runs_along() {
        let parts: Vec<Vec<u32>> = vec![(100..120).collect(), (200..220).collect()];
        let skeleton = of(&[fill(&parts, &[vec![1]]), fill(&parts, &[vec![2]])]);
        let mut other = fill(&parts, &[vec![3]]);
        other[10] = 7;
        assert_eq!(skeleton.locate(&other), None);
        let slots = skeleton.slots(&other);
        assert_eq!(slots.iter().filter(|slot| **slot).count(), 2);
        assert!(slots[10] && slots[20]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        /// Values of their own in every answer: the skeleton is the template, and every answer its parts and slots.
        #[test]
        fn answers_are_their_parts_and_slots(
            lengths in prop::collection::vec(LEAST_RUN..20, 2..6),
            values in prop::collection::vec(prop::collection::vec(prop::collection::vec(0u32..9, 0..12), 6), 2..12),
        ) {
            let mut next = 1000;
            let parts: Vec<Vec<u32>> = lengths.iter().map(|length| {
                next += 100;
                (next..next + *length as u32).collect()
            }).collect();
            let answers: Vec<Vec<u32>> = (0u32..).zip(&values).map(|(row, values)| {
                let own = |value: &Vec<u32>| value.iter().map(|token| token + row * 10).collect::<Vec<u32>>();
                fill(&parts, &values[..parts.len() - 1].iter().map(own).collect::<Vec<_>>())
            }).collect();
            let skeleton = of(&answers);
            prop_assert_eq!(skeleton.parts.concat(), parts.concat());
            prop_assert!(!skeleton.opens && !skeleton.closes);
            for answer in &answers {
                let slots = skeleton.slot_ranges(answer).expect("an answer of it");
                let values: Vec<Vec<u32>> = slots.into_iter().map(|slot| answer[slot].to_vec()).collect();
                prop_assert_eq!(&fill(&skeleton.parts, &values), answer);
            }
        }

        /// Whatever the answers, each part is found in each, and no anchor comes too early.
        #[test]
        fn anything_goes(answers in prop::collection::vec(prop::collection::vec(0u32..4, 0..40), 1..6)) {
            let skeleton = of(&answers);
            for answer in &answers {
                let places = skeleton.locate(answer).expect("an answer of it");
                let mut from = 0;
                for ((place, part), anchor) in places.iter().zip(&skeleton.parts).zip(&skeleton.anchors) {
                    prop_assert_eq!(&answer[place.clone()], part.as_slice());
                    prop_assert!(*anchor <= part.len());
                    if *anchor > 0 {
                        prop_assert_eq!(find(&answer[from..], &part[..*anchor]).map(|at| at + from), Some(place.start));
                    }
                    from = place.end;
                }
            }
        }
    }
}
