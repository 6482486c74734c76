//! The one test binary: a module per stage.

mod analyze;
mod architecture;
mod cli;
mod corpus;
mod export;
mod faults;
mod history;
mod index;
mod ingest_repos;
mod ingest_tables;
mod naive;
mod pipeline;
mod query;
mod query_gen;
mod real_data;
mod refusals;
mod sides;
mod slice;
mod store;
mod words;
