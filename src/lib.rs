//! scenery: an embedded, query-first dataset store for the code that models are fine-tuned on.
//!
//! ```text
//!  files, folders, checkouts                                        JSONL, manifest
//!        │                                                                ▲
//!        ▼                                                                │
//!   ingest ── recipe → reader → cleaners ──┐                      export ─┤
//!                                          ▼                              │
//!   analyze ─ parse → walk → CodeFacts → features             slice ── filter, steps
//!                                          │                              ▲
//!                                          ▼                              │
//!   store ─── SQLite (truth) ─ change log ─┬─► query index (tantivy) ─────┤
//!                                          └─► columns (by row number) ───┤
//!                                                                         │
//!   query ─── text → Parsed → Resolved → Plan ────────────────────────────┘
//! ```
//!
//! # Layers
//!
//! A module imports from its own layer downwards as this table says, and from nowhere else; `tests/architecture.rs`
//! reads the sources and enforces it.
//!
//! | layer | modules | may import |
//! | --- | --- | --- |
//! | 0 | [`sample`] [`text`] | std, serde |
//! | 1 | [`prompt`] [`similarity`] [`analyze`] [`query`] | 0; `query` also `analyze::features`; `analyze` also `similarity::lexer` |
//! | 2 | [`store`] | 0, types of 1 |
//! | 3 | [`ingest`] [`dedup`] [`curate`] [`split`] [`mod@slice`] [`export`] | 0 to 2; `ingest`, `split` and `slice` also `dedup`, `slice` also `split`, `export` also `slice` |
//! | 4 | [`nn`] [`train`] [`generate`] | 0, 1; `train` and `generate` also `nn`; never the store: `cli` exports for them and reads their rows |
//! | 5 | [`report`] [`setup`] | 0 to 3 |
//! | 6 | `cli` | all |
//!
//! # Doors
//!
//! One heavy crate, one door: rusqlite in `store/`, tantivy in `store/index/`, nom in `query/parse`, the Python parser
//! in `analyze/`, tokenizers in `prompt/tokenizer.rs`, tch in `nn/torch/`, child processes in `setup/`, clap, miette and progress
//! bars in `cli/`. The clock and the environment are read in `cli/` alone.
//!
//! # Invariants
//!
//! - *Nothing vanishes.* Every row that a reader meets is counted where it is read and where it ends up: new, changed,
//!   unchanged, or rejected with a reason and a place. The two counts agree or the command fails.
//! - *What was read is kept.* A cleaner's result is a revision above it. Facts delete nothing.
//! - *SQLite is the truth.* The index and the columns are derived, follow one change log with watermarks of their own,
//!   and may be deleted: whoever opens the store next makes them anew.
//! - *An op is seen whole or not at all.* Killed at any moment, the same command goes on with it, to the same bytes.
//! - *Every order is total, every choice is a hash of an id*, so the same query gives the same rows on every machine.
//! - *The naive answer is the right one.* Compiled queries select what a naive evaluator over the samples selects.
//! - *Every duplicate has a survivor that is kept*: an op that takes one away regrows its cluster before it closes. Who
//!   survives depends on the samples, not on the order or the batches in which they came.
//! - *A recorded side never changes*, and nothing that is near stands on two sides that we assigned.
//! - *What is forgotten is nowhere*: not in the database, its free pages or log, not in the index; and nothing brings it back.
//! - *Datasets are not trusted*: no code of theirs runs, no input overflows the stack, no control character reaches the
//!   terminal.
//!
//! # A first use
//!
//! ```no_run
//! use scenery::{query, slice, store};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let project = store::Project::find(std::path::Path::new("."))?;
//! let store = store::Store::open(&project)?;
//! let vocabulary = slice::vocabulary::StoreVocabulary::new(&store);
//! let compiled = query::compile("uses:Circle is:valid | sort lines | take 10", &vocabulary)?;
//! let found = slice::select(&store, &compiled.plan, 10)?;
//! for sample in slice::samples(&store, &found) {
//!     println!("{}", sample?.code);
//! }
//! # Ok(())
//! # }
//! ```

pub mod analyze;
#[cfg(feature = "cli")]
pub mod cli;
pub mod curate;
pub mod dedup;
pub mod export;
pub mod generate;
pub mod ingest;
pub mod nn;
pub mod prompt;
pub mod query;
pub mod report;
pub mod sample;
pub mod setup;
pub mod similarity;
pub mod slice;
pub mod split;
pub mod store;
pub mod text;
pub mod train;
