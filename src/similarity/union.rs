//! Disjoint sets.

/// Disjoint sets of the numbers from 0 (Tarjan 1975, with path halving); the least member stands for a set, in whatever
/// order sets were joined.
#[derive(Clone, Debug)]
pub struct Union(Vec<u32>);

impl Union {
    /// Each of `count` numbers in a set of its own.
    pub fn new(count: usize) -> Self {
        Union((0..count as u32).collect())
    }

    /// The least member of a number's set.
    pub fn root(&mut self, mut at: u32) -> u32 {
        while self.0[at as usize] != at {
            let up = self.0[self.0[at as usize] as usize];
            self.0[at as usize] = up;
            at = up;
        }
        at
    }

    /// Makes one set of the sets of two numbers.
    pub fn join(&mut self, one: u32, other: u32) {
        let (one, other) = (self.root(one), self.root(other));
        self.0[one.max(other) as usize] = one.min(other);
    }
}
