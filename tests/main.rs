//! The one test binary: a module per stage.

mod analyze;
mod export;
mod naive;
mod query;
mod query_gen;
