//! `complexity`: `basic`, `intermediate` or `advanced`, by the score.
//!
//! The points and caps of the score and the two limits here were fitted to the 317 training rows of ManimBench, whose
//! `Type` people gave (ordinal logistic regression with weights of at least 0, rounded; limits by Cohen's kappa). The
//! agreement on both sides is printed by the tests: it is moderate, and advanced samples are few.

use crate::analyze::facts::Subject;
use crate::analyze::features::{Contribution, Example, Extractor, Kind, complexity_score, tree};
use crate::sample::FactValue;

/// The feature `complexity`.
pub static ENTRY: Extractor = Extractor {
    name: "complexity",
    kind: Kind::Enum { words: &["basic", "intermediate", "advanced"], ordered: true },
    unit: "",
    doc: "How hard the code is: `basic`, `intermediate` or `advanced`, by `complexity.score`.",
    version: 1,
    examples: &[
        Example { code: "x = 1\n", instruction: "", value: "\"basic\"" },
        Example { code: "x = (\n", instruction: "", value: "null" },
    ],
    extract,
    why: Some(why),
};

/// Scores from which on a sample is intermediate, and advanced.
const FROM: [f64; 2] = [50.0, 65.0];

fn extract(subject: &Subject<'_>) -> FactValue {
    tree(subject, |facts| {
        let score = complexity_score::score(facts);
        let word = if score >= FROM[1] {
            "advanced"
        } else if score >= FROM[0] {
            "intermediate"
        } else {
            "basic"
        };
        FactValue::Word(word.to_owned())
    })
}

fn why(subject: &Subject<'_>) -> Vec<Contribution> {
    complexity_score::ENTRY.why.map_or_else(Vec::new, |why| why(subject))
}
