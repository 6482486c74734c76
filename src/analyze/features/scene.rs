//! `scene`: whether a Scene class with a `construct` method is in the code, inherited from one beside it or its own.

use crate::analyze::facts::Subject;
use crate::analyze::features::{Example, Extractor, Kind, tree};
use crate::sample::FactValue;

/// The feature `scene`.
pub static ENTRY: Extractor = Extractor {
    name: "scene",
    kind: Kind::Bool,
    unit: "",
    doc: "Whether a Scene class with a `construct` method is in the code, inherited from one beside it or its own.",
    query: "is:scene",
    version: 1,
    examples: &[
        Example {
            code: "from manim import *\nclass A(Scene):\n    def construct(self):\n        pass\n",
            instruction: "",
            value: "true",
        },
        Example { code: "class A(Scene):\n    pass\n", instruction: "", value: "false" },
        Example { code: "def construct(self): pass\n", instruction: "", value: "false" },
        Example { code: "class A(Scene:\n  x = 1", instruction: "", value: "null" },
    ],
    extract,
    why: None,
};

fn extract(subject: &Subject<'_>) -> FactValue {
    tree(subject, |facts| {
        let constructs = |name: &str| facts.scenes().any(|class| class.name == name && class.has_construct);
        let mut scenes = facts.scenes();
        FactValue::Bool(scenes.any(|class| class.has_construct || class.bases.iter().any(|base| constructs(base))))
    })
}
