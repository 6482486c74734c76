//! `lines`: lines of the code, blank ones and comments included.

use crate::analyze::facts::Subject;
use crate::analyze::features::{Example, Extractor, Kind};
use crate::sample::FactValue;

/// The feature `lines`.
pub static ENTRY: Extractor = Extractor {
    name: "lines",
    kind: Kind::Int,
    unit: "lines",
    doc: "Lines of the code, blank ones and comments included.",
    query: "lines:20..80",
    version: 1,
    examples: &[
        Example { code: "a = 1\n\n# b\n", instruction: "", value: "3" },
        Example { code: "", instruction: "", value: "0" },
        Example { code: "class A(Scene:\n  x = 1", instruction: "", value: "2" },
    ],
    extract,
    why: None,
};

fn extract(subject: &Subject<'_>) -> FactValue {
    FactValue::Int(i64::from(subject.facts.lines))
}
