//! The one test binary: a module per stage.

mod ingest_tables;
