//! `waits`: calls of `wait` and `pause` in the text, each counted once.

use crate::analyze::facts::Subject;
use crate::analyze::features::{Example, Extractor, Kind, tree};
use crate::sample::FactValue;

/// The feature `waits`.
pub static ENTRY: Extractor = Extractor {
    name: "waits",
    kind: Kind::Int,
    unit: "calls",
    doc: "Calls of `wait` and `pause` in the text, each counted once.",
    query: "waits=0",
    version: 1,
    examples: &[
        Example {
            code: "from manim import *\nclass A(Scene):\n    def construct(self):\n        self.wait(2)\n        self.wait()\n",
            instruction: "",
            value: "2",
        },
        Example {
            code: "from manim import *\nclass A(Scene):\n    def construct(self):\n        self.add(Dot())\n",
            instruction: "",
            value: "0",
        },
    ],
    extract,
    why: None,
};

fn extract(subject: &Subject<'_>) -> FactValue {
    tree(subject, |facts| {
        let waits = facts.times.iter().filter(|time| matches!(time.what.as_str(), "wait" | "wait_until" | "pause"));
        FactValue::Int(waits.count() as i64)
    })
}
