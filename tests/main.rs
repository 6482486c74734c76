//! The one test binary: a module per stage.

mod ingest_repos;
mod ingest_tables;
