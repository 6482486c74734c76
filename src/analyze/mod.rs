//! What code says about itself: parsed once, walked once, never executed.
//!
//! [`parse`] decides what is Python (guards, then ruff's parser); [`walk`] fills [`CodeFacts`] from the tree in one borrowing pass; the extractors in [`features`] read
//! `CodeFacts`, never the tree. [`analyse`] runs them all. [`outline`] is what the repository readers cut scenes by.
//!
//! Invariants: no analyser reads anything but its arguments; no input makes one panic or overflow the stack; equal
//! input and versions give equal facts, byte for byte.

pub mod facts;
pub mod features;
mod guard;
mod lexical;
pub mod manim_api;
pub mod outline;
pub mod parse;
pub mod pattern;
pub mod python_names;
pub mod rules;
pub mod walk;

pub use facts::CodeFacts;
pub use lexical::Words;

use crate::sample::{Dialect, Facts, hash16, hex};
use facts::{Shared, Subject};
use features::{Contribution, EXTRACTORS, Extractor};

/// Computes every feature of a sample; safe on any thread, for any text.
///
/// `hint` is what the source's recipe says of the dialect, `reader_issues` what the reader noticed (`asset:logo.png`).
pub fn analyse(code: &str, instruction: Option<&str>, hint: Option<Dialect>, reader_issues: &[String]) -> Facts {
    let code_facts = walk::code_facts(code);
    let shared = Shared::default();
    let subject = Subject { code, instruction, facts: &code_facts, dialect_hint: hint, reader_issues, shared: &shared };
    let mut facts = Facts::default();
    for extractor in EXTRACTORS {
        facts.set(extractor.name, (extractor.extract)(&subject));
    }
    facts
}

/// Lists what made up a feature of a sample; none where there is no such feature, or it has nothing to list.
pub fn why(
    feature: &str,
    code: &str,
    instruction: Option<&str>,
    hint: Option<Dialect>,
    reader_issues: &[String],
) -> Option<Vec<Contribution>> {
    let why = extractor(feature)?.why?;
    let code_facts = walk::code_facts(code);
    let shared = Shared::default();
    Some(why(&Subject { code, instruction, facts: &code_facts, dialect_hint: hint, reader_issues, shared: &shared }))
}

/// The feature of a name.
pub fn extractor(name: &str) -> Option<&'static Extractor> {
    EXTRACTORS.binary_search_by(|extractor| extractor.name.cmp(name)).ok().map(|index| EXTRACTORS[index])
}

/// A digest of every feature's name and version and of the index of Manim names: facts computed under another one are
/// stale.
pub fn analyser_version() -> String {
    let list: Vec<String> =
        EXTRACTORS.iter().map(|extractor| format!("{}={}", extractor.name, extractor.version)).collect();
    hex(&hash16(&[list.join(",").as_bytes(), manim_api::data_version().as_bytes()])[..8])
}
