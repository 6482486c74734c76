//! The registry of features: one file, one entry, queryable and documented from there.

use crate::analyze::facts::Subject;
use crate::sample::FactValue;

/// The kind of values that a feature, or another field, has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Whole numbers.
    Int,
    /// Measures.
    Real,
    /// Yes or no, asked with `is:NAME`.
    Bool,
    /// One of these words, ordered from least to most where `ordered`.
    Enum {
        /// The words.
        words: &'static [&'static str],
        /// Whether `<` and ranges make sense.
        ordered: bool,
    },
    /// A free word (a source's name).
    Word,
    /// A set of names.
    Set,
    /// A set of names with counts: `calls:play`, `calls.play>=3`.
    CountedSet,
    /// Text, searched by terms and phrases.
    Text,
    /// A day (UTC).
    Date,
}

/// A part of a score, as `why` shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Contribution {
    /// What contributed: `plays = 12`.
    pub what: String,
    /// How much it added, in the feature's unit.
    pub points: f64,
}

/// An example, run as a test: the feature of `code` (with `instruction`) prints as `value`.
#[derive(Clone, Copy, Debug)]
pub struct Example {
    /// The code.
    pub code: &'static str,
    /// The instruction; empty for none.
    pub instruction: &'static str,
    /// The value as JSON.
    pub value: &'static str,
}

/// A feature: what `fields` lists and queries ask.
pub struct Extractor {
    /// Name in queries.
    pub name: &'static str,
    /// Kind of its values.
    pub kind: Kind,
    /// Unit; empty where there is none.
    pub unit: &'static str,
    /// One sentence.
    pub doc: &'static str,
    /// Raised whenever results may differ; samples analysed by another version are stale.
    pub version: u32,
    /// Examples, run as tests.
    pub examples: &'static [Example],
    /// Computes the value.
    pub extract: fn(&Subject<'_>) -> FactValue,
    /// Lists what made up the value, for features that are scores or verdicts.
    pub why: Option<fn(&Subject<'_>) -> Vec<Contribution>>,
}

/// Every feature, by name.
pub static EXTRACTORS: &[&Extractor] = &[];
