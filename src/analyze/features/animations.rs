//! `animations`: animations in the text: calls of animation classes (own ones too) and uses of `.animate`.

use crate::analyze::facts::Subject;
use crate::analyze::features::constructions;
use crate::analyze::features::{Example, Extractor, Kind, tree};
use crate::analyze::manim_api::NameKind;
use crate::sample::FactValue;

/// The feature `animations`.
pub static ENTRY: Extractor = Extractor {
    name: "animations",
    kind: Kind::Int,
    unit: "calls",
    doc: "Animations in the text: calls of animation classes (own ones too) and uses of `.animate`.",
    query: "animations>=8",
    version: 1,
    examples: &[
        Example {
            code: "from manim import *\nclass A(Scene):\n    def construct(self):\n        self.play(Create(Dot()), Dot().animate.shift(UP))\n",
            instruction: "",
            value: "2",
        },
        Example {
            code: "from manim import *\nclass A(Scene):\n    def construct(self):\n        self.add(Dot())\n",
            instruction: "",
            value: "0",
        },
        Example { code: "class MyAnim(Transform): pass\nMyAnim(a, b)\n", instruction: "", value: "1" },
    ],
    extract,
    why: None,
};

fn extract(subject: &Subject<'_>) -> FactValue {
    tree(subject, |facts| {
        let calls = constructions(facts, NameKind::Animation);
        FactValue::Int(i64::from(calls + facts.attributes.get("animate").copied().unwrap_or(0)))
    })
}
