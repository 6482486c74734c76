//! Sets of rows, and of the documents of a segment: one bit for each.

use std::ops::Range;

/// Numbers that [`RowSet::each_block`] hands out at once.
const BLOCK: usize = 1024;

/// A set of dense numbers: of rows, or of the documents of a segment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowSet {
    words: Vec<u64>,
}

impl RowSet {
    /// An empty set with room for rows below `rows`.
    pub fn new(rows: usize) -> RowSet {
        RowSet { words: vec![0; rows.div_ceil(64)] }
    }

    /// The set of the rows whose bits are set.
    pub fn from_words(words: Vec<u64>) -> RowSet {
        RowSet { words }
    }

    /// Puts a row in.
    pub fn insert(&mut self, row: u32) {
        let word = row as usize / 64;
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        self.words[word] |= 1 << (row % 64);
    }

    /// Whether a row is in.
    #[inline]
    pub fn contains(&self, row: u32) -> bool {
        self.words.get(row as usize / 64).is_some_and(|word| word & (1 << (row % 64)) != 0)
    }

    /// How many rows are in.
    pub fn len(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether no row is in.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// All numbers below `size`.
    pub fn all(size: u32) -> RowSet {
        let mut words = vec![u64::MAX; size as usize / 64];
        if !size.is_multiple_of(64) {
            words.push((1 << (size % 64)) - 1);
        }
        RowSet { words }
    }

    /// Puts numbers in that ascend and for which there is room.
    pub(super) fn insert_ascending(&mut self, numbers: &[u32]) {
        // Neighbours share a word, which is written once.
        let (mut at, mut bits) = (0, 0);
        for number in numbers {
            let word = *number as usize / 64;
            if word != at {
                self.words[at] |= bits;
                (at, bits) = (word, 0);
            }
            bits |= 1 << (number % 64);
        }
        if bits != 0 {
            self.words[at] |= bits;
        }
    }

    /// Sets 64 numbers at once; there is room for them.
    pub(in crate::store) fn set_word(&mut self, at: usize, bits: u64) {
        self.words[at] = bits;
    }

    /// Leaves what the other has too.
    pub fn intersect(&mut self, other: &RowSet) {
        self.words.truncate(other.words.len());
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word &= other);
    }

    /// Adds what the other has.
    pub fn unite(&mut self, other: &RowSet) {
        if self.words.len() < other.words.len() {
            self.words.resize(other.words.len(), 0);
        }
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word |= other);
    }

    /// Takes out what the other has.
    pub fn subtract(&mut self, other: &RowSet) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word &= !other);
    }

    /// The numbers, ascending, at most 1024 at once.
    pub(super) fn each_block(&self, take: &mut dyn FnMut(&[u32])) {
        self.each_block_within(0..self.words.len(), take);
    }

    /// Those of some words, see [`RowSet::pieces`].
    pub(super) fn each_block_within(&self, words: Range<usize>, take: &mut dyn FnMut(&[u32])) {
        let mut block = [0u32; BLOCK];
        let mut held = 0;
        for at in words {
            let mut left = self.words[at];
            if held + 64 > BLOCK && left != 0 {
                take(&block[..held]);
                held = 0;
            }
            while left != 0 {
                block[held] = at as u32 * 64 + left.trailing_zeros();
                held += 1;
                left &= left - 1;
            }
        }
        if held > 0 {
            take(&block[..held]);
        }
    }

    /// Its words in pieces, for several threads.
    pub(super) fn pieces(&self) -> impl Iterator<Item = Range<usize>> {
        const WORDS: usize = 512;
        let words = self.words.len();
        (0..words).step_by(WORDS).map(move |from| from..(from + WORDS).min(words))
    }

    /// The rows, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.words.iter().enumerate().flat_map(|(at, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                if left == 0 {
                    return None;
                }
                let bit = left.trailing_zeros();
                left &= left - 1;
                Some(at as u32 * 64 + bit)
            })
        })
    }
}

impl FromIterator<u32> for RowSet {
    fn from_iter<I: IntoIterator<Item = u32>>(rows: I) -> Self {
        let mut set = RowSet::default();
        for row in rows {
            set.insert(row);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_put_in() {
        let set: RowSet = [3u32, 64, 1000].into_iter().collect();
        assert_eq!(set.iter().collect::<Vec<_>>(), [3, 64, 1000]);
        assert_eq!(set.len(), 3);
        assert!(set.contains(64) && !set.contains(65) && !set.contains(5000));
        assert!(RowSet::new(100).is_empty());
    }

    #[test]
    fn sets_are_joined_and_handed_out_in_blocks() {
        for size in [0u32, 1, 63, 64, 65, 4000] {
            let all = RowSet::all(size);
            assert_eq!(all.iter().collect::<Vec<_>>(), (0..size).collect::<Vec<_>>());
            let thirds: Vec<u32> = (0..size).filter(|at| at % 3 == 0).collect();
            let mut set = RowSet::new(size as usize);
            set.insert_ascending(&thirds);
            assert_eq!(set, thirds.iter().copied().collect::<RowSet>().grown(size));
            let mut seen = Vec::new();
            set.each_block(&mut |block| seen.extend_from_slice(block));
            assert_eq!(seen, thirds);
            seen.clear();
            set.pieces().for_each(|piece| set.each_block_within(piece, &mut |block| seen.extend_from_slice(block)));
            assert_eq!(seen, thirds);
            let mut others = all.clone();
            others.subtract(&set);
            assert_eq!(others.len() + set.len(), size as usize);
            let mut both = others.clone();
            both.intersect(&set);
            assert!(both.is_empty());
            others.unite(&set);
            assert_eq!(others, all);
        }
    }

    impl RowSet {
        fn grown(mut self, size: u32) -> RowSet {
            self.words.resize(size.div_ceil(64) as usize, 0);
            self
        }
    }
}
