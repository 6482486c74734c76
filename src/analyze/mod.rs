//! What code says about itself: parsed once, walked once, never executed.
//!
//! [`parse`] decides what is Python (guards, then `rustpython-parser`, then ruff's parser for the verdict on newer
//! syntax); [`walk`] fills [`CodeFacts`] from the tree in one borrowing pass; the extractors in [`features`] read
//! `CodeFacts`, never the tree. [`analyse`] runs them all. [`outline`] is what the repository readers cut scenes by.
//!
//! Invariants: no analyser reads anything but its arguments; no input makes one panic or overflow the stack; equal
//! input and versions give equal facts, byte for byte.

pub mod facts;
pub mod features;
mod guard;
pub mod parse;

pub use facts::CodeFacts;
