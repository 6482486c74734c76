//! scenery: an embedded, query-first dataset store for the code that models are fine-tuned on.

pub mod analyze;
pub mod ingest;
pub mod query;
pub mod sample;
pub mod text;
