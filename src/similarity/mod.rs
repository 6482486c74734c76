//! What makes two texts alike, without any store: tokens, and what is computed from them.
//!
//! Layer 1: reads its arguments and nothing else. Code is compared by the shingles of its tokens; [`minhash`] and [`lsh`]
//! find the pairs that may be alike among many and check each exactly, [`join`] finds all of them for certain and takes
//! longer.

pub mod join;
pub mod lexer;
pub mod lsh;
pub mod minhash;
pub mod renamed;
pub mod shingles;
pub mod union;
pub mod words;

/// Likeness (Jaccard) from which two samples are near-duplicates, unless another is asked for.
pub const NEAR: f64 = 0.85;
