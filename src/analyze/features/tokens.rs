//! `tokens`: lexical tokens of the code: names, numbers, whole string literals, operators.

use crate::analyze::facts::Subject;
use crate::analyze::features::{Example, Extractor, Kind};
use crate::sample::FactValue;

/// The feature `tokens`.
pub static ENTRY: Extractor = Extractor {
    name: "tokens",
    kind: Kind::Int,
    unit: "tokens",
    doc: "Lexical tokens of the code: names, numbers, whole string literals, operators.",
    query: "tokens<=500",
    version: 1,
    examples: &[
        Example { code: "a = f('x')  # c\n", instruction: "", value: "6" },
        Example { code: "class A(Scene:\n  x = 1", instruction: "", value: "8" },
    ],
    extract,
    why: None,
};

fn extract(subject: &Subject<'_>) -> FactValue {
    FactValue::Int(i64::from(subject.facts.tokens))
}
