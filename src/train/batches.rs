//! From an order of examples to micro-batches: effective batches by the sampler's order, cut by a budget of tokens.
//!
//! Padding is what the longest row of a micro-batch costs the others. The rows of a step are sorted by length and cut where
//! padded tokens plus a fixed cost per micro-batch are fewest, so a large budget does not buy padding.

use super::item::Item;
use crate::nn::Batch;

/// A micro-batch as positions in a list of examples; a row has several where they are packed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Micro {
    /// Its rows, the longest first.
    pub rows: Vec<Vec<usize>>,
    /// Tokens of its longest row.
    pub width: usize,
}

impl Micro {
    /// Tokens with padding.
    pub fn padded_tokens(&self) -> usize {
        self.rows.len() * self.width
    }

    /// Its examples, in the order in which a learner scores them.
    pub fn items(&self) -> impl Iterator<Item = usize> {
        self.rows.iter().flatten().copied()
    }

    /// The batch, as the network takes it.
    pub fn batch(&self, items: &[Item], pad: u32) -> Batch {
        let row = |row: &Vec<usize>| -> Vec<(&[u32], usize)> {
            row.iter().map(|at| (items[*at].ids.as_slice(), items[*at].trained_from)).collect()
        };
        if self.rows.iter().all(|row| row.len() == 1) {
            return Batch::padded(&self.rows.iter().flat_map(row).collect::<Vec<_>>(), pad);
        }
        Batch::packed(&self.rows.iter().map(row).collect::<Vec<_>>(), pad)
    }
}

/// How micro-batches are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Tokens at most, padding included; a longer row is alone.
    pub budget_tokens: usize,
    /// What a micro-batch costs beside its tokens, in tokens.
    pub cost_tokens: usize,
    /// Tokens of a packed row at most; none does not pack.
    pub pack_tokens: Option<usize>,
}

impl Cut {
    /// Cuts the examples of a step into micro-batches, the longest first: what does not fit the memory says so at once.
    pub fn micros(&self, step: &[usize], lengths: &[usize]) -> Vec<Micro> {
        let mut order: Vec<usize> = step.to_vec();
        order.sort_by_key(|at| std::cmp::Reverse(lengths[*at]));
        let rows: Vec<(Vec<usize>, usize)> = match self.pack_tokens {
            None => order.into_iter().map(|at| (vec![at], lengths[at])).collect(),
            Some(most) => pack(&order, lengths, most.min(self.budget_tokens)),
        };
        self.groups(rows)
    }

    /// Cuts rows, the longest first, where padded tokens and the cost of micro-batches together are fewest: the shortest
    /// path over the places between rows.
    fn groups(&self, rows: Vec<(Vec<usize>, usize)>) -> Vec<Micro> {
        let mut best: Vec<(usize, usize)> = vec![(0, 0); rows.len() + 1];
        for end in 1..=rows.len() {
            let mut found = (usize::MAX, end - 1);
            for start in (0..end).rev() {
                let tokens = (end - start) * rows[start].1;
                if end - start > 1 && tokens > self.budget_tokens {
                    // Rows further left are longer, and there are more of them.
                    break;
                }
                let cost = best[start].0 + tokens + self.cost_tokens;
                if cost <= found.0 {
                    found = (cost, start);
                }
            }
            best[end] = found;
        }
        let mut ends = vec![rows.len()];
        while let Some(end) = ends.last().copied().filter(|end| *end > 0) {
            ends.push(best[end].1);
        }
        ends.reverse();
        let mut rows = rows.into_iter();
        ends.windows(2)
            .map(|pair| {
                let part: Vec<(Vec<usize>, usize)> = rows.by_ref().take(pair[1] - pair[0]).collect();
                let width = part.first().map_or(0, |(_, width)| *width);
                Micro { rows: part.into_iter().map(|(row, _)| row).collect(), width }
            })
            .collect()
    }
}

/// Puts examples, the longest first, into the first row that has room for each (first-fit decreasing).
fn pack(order: &[usize], lengths: &[usize], most: usize) -> Vec<(Vec<usize>, usize)> {
    let mut rows: Vec<(Vec<usize>, usize)> = Vec::new();
    for at in order {
        let length = lengths[*at];
        match rows.iter_mut().find(|(_, used)| used + length <= most) {
            Some((row, used)) => {
                row.push(*at);
                *used += length;
            }
            None => rows.push((vec![*at], length)),
        }
    }
    rows.sort_by_key(|(_, used)| std::cmp::Reverse(*used));
    rows
}

/// Groups the examples of an epoch into steps of so many; the last may have fewer.
///
/// With a window of more than one step, the examples of a window are regrouped by length, so that those of a step are alike,
/// and the steps of a window come in the order in which the sampler has the first of each.
pub fn steps(order: &[usize], lengths: &[usize], batch_rows: usize, window: usize) -> Vec<Vec<usize>> {
    if window <= 1 {
        return order.chunks(batch_rows).map(<[usize]>::to_vec).collect();
    }
    let mut out = Vec::with_capacity(order.len().div_ceil(batch_rows));
    for part in order.chunks(batch_rows * window) {
        // Places in the window, so that an example that stands twice in it stays two.
        let mut places: Vec<usize> = (0..part.len()).collect();
        places.sort_by_key(|place| (lengths[part[*place]], *place));
        let mut groups: Vec<Vec<usize>> = places.chunks(batch_rows).map(<[usize]>::to_vec).collect();
        for group in &mut groups {
            group.sort_unstable();
        }
        groups.sort_by_key(|group| group.first().copied());
        out.extend(groups.into_iter().map(|group| group.into_iter().map(|place| part[place]).collect()));
    }
    out
}

/// Share of padding among tokens, of tokens without and with it.
pub fn padding_share(tokens: u64, padded_tokens: u64) -> f64 {
    if padded_tokens == 0 { 0.0 } else { 1.0 - tokens as f64 / padded_tokens as f64 }
}
