//! The tests, one module per stage.

mod ingest_repos;
