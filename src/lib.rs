//! scenery: an embedded, query-first dataset store for the code that models are fine-tuned on.

pub mod analyze;
#[cfg(feature = "cli")]
pub mod cli;
pub mod export;
pub mod ingest;
pub mod prompt;
pub mod query;
pub mod sample;
pub mod similarity;
pub mod slice;
pub mod store;
pub mod text;
