//! `cyclomatic`: cyclomatic complexity: 1 and one more for each branch, loop, handler, case, comprehension, condition in it, and `and` or `or`.

use crate::analyze::facts::Subject;
use crate::analyze::features::{Example, Extractor, Kind, tree};
use crate::sample::FactValue;

/// The feature `cyclomatic`.
pub static ENTRY: Extractor = Extractor {
    name: "cyclomatic",
    kind: Kind::Int,
    unit: "paths",
    doc: "Cyclomatic complexity: 1 and one more for each branch, loop, handler, case, comprehension, condition in it, and `and` or `or`.",
    query: "cyclomatic>5",
    version: 1,
    examples: &[
        Example { code: "a = 1\n", instruction: "", value: "1" },
        Example { code: "if a and b:\n    pass\nelif c:\n    pass\nelse:\n    pass\n", instruction: "", value: "4" },
        Example { code: "x = [i for i in y if i]\n", instruction: "", value: "3" },
    ],
    extract,
    why: None,
};

fn extract(subject: &Subject<'_>) -> FactValue {
    tree(subject, |facts| FactValue::Int(i64::from(facts.cyclomatic)))
}
