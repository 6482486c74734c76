//! The one test binary: a module per stage.

mod corpus;
mod export;
mod faults;
mod naive;
mod query;
mod query_gen;
mod slice;
