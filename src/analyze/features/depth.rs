//! `depth`: deepest nesting of statements and expressions.

use crate::analyze::facts::Subject;
use crate::analyze::features::{Example, Extractor, Kind, tree};
use crate::sample::FactValue;

/// The feature `depth`.
pub static ENTRY: Extractor = Extractor {
    name: "depth",
    kind: Kind::Int,
    unit: "levels",
    doc: "Deepest nesting of statements and expressions.",
    query: "depth<=10",
    version: 1,
    examples: &[
        Example { code: "a = 1\n", instruction: "", value: "2" },
        Example { code: "if a:\n    f(g(1))\n", instruction: "", value: "5" },
        Example { code: "class A(Scene:\n  x = 1", instruction: "", value: "null" },
    ],
    extract,
    why: None,
};

fn extract(subject: &Subject<'_>) -> FactValue {
    tree(subject, |facts| FactValue::Int(i64::from(facts.depth)))
}
