//! The one test binary: a module per stage.

mod ingest_repos;
mod ingest_tables;
mod analyze;
mod export;
mod naive;
mod query;
mod query_gen;
