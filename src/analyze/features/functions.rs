//! `functions`: functions and methods defined, lambdas not counted.

use crate::analyze::facts::Subject;
use crate::analyze::features::{Example, Extractor, Kind, tree};
use crate::sample::FactValue;

/// The feature `functions`.
pub static ENTRY: Extractor = Extractor {
    name: "functions",
    kind: Kind::Int,
    unit: "functions",
    doc: "Functions and methods defined, lambdas not counted.",
    query: "functions>=2",
    version: 1,
    examples: &[
        Example { code: "def f():\n    def g(): pass\nh = lambda: 1\n", instruction: "", value: "2" },
        Example { code: "a = 1\n", instruction: "", value: "0" },
    ],
    extract,
    why: None,
};

fn extract(subject: &Subject<'_>) -> FactValue {
    tree(subject, |facts| FactValue::Int(i64::from(facts.functions)))
}
