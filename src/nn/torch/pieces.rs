//! Work on rows, as many at once as a processor's cache holds.
//!
//! Operations that read and write each number once are bound by memory: a row of five of them over a whole matrix moves it
//! five times. A piece of its rows stays in the cache from the first to the last.

use tch::Tensor;

/// Bytes of a piece.
const PIECE: i64 = 1 << 22;

/// The pieces of a matrix of so many rows and columns of 32-bit floats: first row and rows. On a GPU there is one.
pub(super) fn pieces(of: &Tensor, columns: i64) -> impl Iterator<Item = (i64, i64)> + use<> {
    let rows = of.size().first().copied().unwrap_or(0);
    let at_once = if of.device().is_cuda() { rows.max(1) } else { (PIECE / (4 * columns.max(1))).max(16) };
    (0..rows).step_by(at_once as usize).map(move |from| (from, at_once.min(rows - from)))
}
