//! `valid`: whether the code parses as Python, of this or a newer version.

use crate::analyze::facts::Subject;
use crate::analyze::features::{Example, Extractor, Kind};
use crate::sample::FactValue;

/// The feature `valid`.
pub static ENTRY: Extractor = Extractor {
    name: "valid",
    kind: Kind::Bool,
    unit: "",
    doc: "Whether the code parses as Python, of this or a newer version.",
    query: "is:valid",
    version: 1,
    examples: &[
        Example { code: "a = 1\n", instruction: "", value: "true" },
        Example { code: "x = f'{d['a']}'\n", instruction: "", value: "true" },
        Example { code: "class A(Scene:\n  x = 1", instruction: "", value: "false" },
    ],
    extract,
    why: None,
};

fn extract(subject: &Subject<'_>) -> FactValue {
    FactValue::Bool(subject.facts.syntax.is_valid())
}
