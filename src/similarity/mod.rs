//! What makes two texts alike, without any store: tokens, and what is computed from them.
//!
//! Layer 1: reads its arguments and nothing else.

pub mod join;
pub mod lexer;
pub mod shingles;
