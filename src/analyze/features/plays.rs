//! `plays`: calls of `play` in the text, each counted once.

use crate::analyze::facts::Subject;
use crate::analyze::features::{Example, Extractor, Kind, tree};
use crate::sample::FactValue;

/// The feature `plays`.
pub static ENTRY: Extractor = Extractor {
    name: "plays",
    kind: Kind::Int,
    unit: "calls",
    doc: "Calls of `play` in the text, each counted once.",
    query: "plays>=3",
    version: 1,
    examples: &[
        Example {
            code: "from manim import *\nclass A(Scene):\n    def construct(self):\n        for i in range(3):\n            self.play(Create(Dot()))\n",
            instruction: "",
            value: "1",
        },
        Example {
            code: "from manim import *\nclass A(Scene):\n    def construct(self):\n        self.wait()\n",
            instruction: "",
            value: "0",
        },
    ],
    extract,
    why: None,
};

fn extract(subject: &Subject<'_>) -> FactValue {
    tree(subject, |facts| FactValue::Int(facts.times.iter().filter(|time| time.what == "play").count() as i64))
}
