//! The one test binary: a module per stage.

mod analyze;
mod corpus;
mod export;
mod ingest_repos;
mod ingest_tables;
mod naive;
mod query;
mod query_gen;
mod slice;
