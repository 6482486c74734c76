//! `complexity`: `basic`, `intermediate` or `advanced`, by the score.
//!
//! The points of the score were fitted to the 317 training rows of ManimBench, whose `Type` people gave, and to the levels
//! of the starter set (one ordinal logistic regression with weights of at least 0, shared by both, limits of their own;
//! rounded). The two sets do not mean the same by their words: what is advanced among the short scenes of ManimBench is
//! basic among whole animations. So the lower limit here is ManimBench's, by Cohen's kappa, and the upper one that of the
//! starter set; what little of ManimBench is called advanced there comes out as intermediate. The agreement is printed by
//! the tests.

use crate::analyze::facts::Subject;
use crate::analyze::features::{Contribution, Example, Extractor, Kind, complexity_score, tree};
use crate::sample::FactValue;

/// The feature `complexity`.
pub static ENTRY: Extractor = Extractor {
    name: "complexity",
    kind: Kind::Enum { words: &["basic", "intermediate", "advanced"], ordered: true },
    unit: "",
    doc: "How hard the code is: `basic`, `intermediate` or `advanced`, by `complexity.score`.",
    query: "complexity>=intermediate",
    version: 2,
    examples: &[
        Example { code: "x = 1\n", instruction: "", value: "\"basic\"" },
        Example {
            code: "from manim import *\nclass A(Scene):\n    def construct(self):\n        x = ValueTracker(0)\n        dot = always_redraw(lambda: Dot([np.cos(x.get_value()), 0, 0]))\n        self.add(Axes(), dot)\n        for i in range(3):\n            self.play(x.animate.set_value(i), run_time=2)\n",
            instruction: "",
            value: "\"intermediate\"",
        },
        Example { code: "x = (\n", instruction: "", value: "null" },
    ],
    extract,
    why: Some(why),
};

/// Scores from which on a sample is intermediate, and advanced.
const FROM: [f64; 2] = [38.0, 76.0];

fn extract(subject: &Subject<'_>) -> FactValue {
    tree(subject, |_| {
        let score = complexity_score::score(subject);
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
