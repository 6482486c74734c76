//! `loops`: `for` and `while` statements and comprehensions.

use crate::analyze::facts::Subject;
use crate::analyze::features::{Example, Extractor, Kind, tree};
use crate::sample::FactValue;

/// The feature `loops`.
pub static ENTRY: Extractor = Extractor {
    name: "loops",
    kind: Kind::Int,
    unit: "loops",
    doc: "`for` and `while` statements and comprehensions.",
    query: "loops=0",
    version: 1,
    examples: &[
        Example { code: "for i in x:\n    while i: pass\ny = [i for i in x]\n", instruction: "", value: "3" },
        Example { code: "a = 1\n", instruction: "", value: "0" },
    ],
    extract,
    why: None,
};

fn extract(subject: &Subject<'_>) -> FactValue {
    tree(subject, |facts| FactValue::Int(i64::from(facts.loops)))
}
