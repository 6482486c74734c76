//! `nodes`: nodes of the syntax tree: statements, expressions, handlers, arguments, patterns.

use crate::analyze::facts::Subject;
use crate::analyze::features::{Example, Extractor, Kind, tree};
use crate::sample::FactValue;

/// The feature `nodes`.
pub static ENTRY: Extractor = Extractor {
    name: "nodes",
    kind: Kind::Int,
    unit: "nodes",
    doc: "Nodes of the syntax tree: statements, expressions, handlers, arguments, patterns.",
    query: "nodes<1500",
    version: 1,
    examples: &[
        Example { code: "a = 1\n", instruction: "", value: "3" },
        Example { code: "class A(Scene:\n  x = 1", instruction: "", value: "null" },
    ],
    extract,
    why: None,
};

fn extract(subject: &Subject<'_>) -> FactValue {
    tree(subject, |facts| FactValue::Int(i64::from(facts.nodes)))
}
