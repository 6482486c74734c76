//! `duration_exact`: whether `duration` is certain.

use crate::analyze::facts::Subject;
use crate::analyze::features::{Example, Extractor, Kind, duration, tree};
use crate::sample::FactValue;

/// The feature `duration_exact`.
pub static ENTRY: Extractor = Extractor {
    name: "duration_exact",
    kind: Kind::Bool,
    unit: "",
    doc: "Whether `duration` is certain: every run time folded to a number, every loop has a known length.",
    query: "is:duration_exact",
    version: 2,
    examples: &[
        Example {
            code: "from manim import *\nclass A(Scene):\n    def construct(self):\n        self.wait(1 + 1)\n",
            instruction: "",
            value: "true",
        },
        Example {
            code: "from manim import *\nclass A(Scene):\n    def construct(self):\n        for x in f():\n            self.wait()\n",
            instruction: "",
            value: "false",
        },
        Example {
            code: "from manim import *\nclass A(Scene):\n    def construct(self):\n        for i in range(10**9):\n            self.wait()\n",
            instruction: "",
            value: "false",
        },
        Example { code: "x = 1\n", instruction: "", value: "null" },
    ],
    extract,
    why: None,
};

fn extract(subject: &Subject<'_>) -> FactValue {
    tree(subject, |facts| duration::total(facts).map_or(FactValue::Null, |(_, exact)| FactValue::Bool(exact)))
}
