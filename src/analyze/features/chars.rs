//! `chars`: characters of the code.

use crate::analyze::facts::Subject;
use crate::analyze::features::{Example, Extractor, Kind};
use crate::sample::FactValue;

/// The feature `chars`.
pub static ENTRY: Extractor = Extractor {
    name: "chars",
    kind: Kind::Int,
    unit: "characters",
    doc: "Characters of the code.",
    query: "chars<2000",
    version: 1,
    examples: &[
        Example { code: "é = 1\n", instruction: "", value: "6" },
        Example { code: "", instruction: "", value: "0" },
    ],
    extract,
    why: None,
};

fn extract(subject: &Subject<'_>) -> FactValue {
    FactValue::Int(i64::from(subject.facts.chars))
}
