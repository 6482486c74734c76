//! `scenes`: scene classes, through inheritance in the same text too.

use crate::analyze::facts::Subject;
use crate::analyze::features::{Example, Extractor, Kind, tree};
use crate::sample::FactValue;

/// The feature `scenes`.
pub static ENTRY: Extractor = Extractor {
    name: "scenes",
    kind: Kind::Int,
    unit: "classes",
    doc: "Scene classes, through inheritance in the same text too.",
    query: "scenes>1",
    version: 1,
    examples: &[
        Example { code: "class A(Scene): pass\nclass B(A): pass\nclass C: pass\n", instruction: "", value: "2" },
        Example { code: "a = 1\n", instruction: "", value: "0" },
        Example { code: "class A(Scene:\n  x = 1", instruction: "", value: "null" },
    ],
    extract,
    why: None,
};

fn extract(subject: &Subject<'_>) -> FactValue {
    tree(subject, |facts| FactValue::Int(facts.scenes().count() as i64))
}
