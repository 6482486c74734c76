//! The one test binary: a module per stage.

mod corpus;
mod export;
mod naive;
mod query;
mod query_gen;
mod slice;
