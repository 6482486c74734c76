//! The one test binary: a module per stage.

mod analyze;
mod architecture;
mod asking;
mod cli;
mod complete;
mod contamination;
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
mod recorded_sides;
mod reference;
mod refusals;
mod relevance;
mod sides;
mod slice;
mod store;
mod words;
