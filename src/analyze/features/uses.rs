//! `uses`: manim names that the code takes from the library: animations, mobjects, scenes, colours, rate functions.

use crate::analyze::facts::Subject;
use crate::analyze::features::{Example, Extractor, Kind, tree};
use crate::analyze::manim_api::{NameKind, api};
use crate::sample::FactValue;

/// The feature `uses`.
pub static ENTRY: Extractor = Extractor {
    name: "uses",
    kind: Kind::CountedSet,
    unit: "reads",
    doc: "Manim names that the code takes from the library: animations, mobjects, scenes, colours, rate functions.",
    query: "uses:*Axes",
    version: 1,
    examples: &[
        Example {
            code: "import manim as m\nclass A(m.Scene):\n    def construct(self):\n        self.add(m.Circle(color=m.RED), m.Circle())\n",
            instruction: "",
            value: "{\"Circle\":2,\"RED\":1,\"Scene\":1}",
        },
        Example {
            code: "from manim import *\nclass Dot(VGroup): pass\nDot().shift(UP)\n",
            instruction: "",
            value: "{\"VGroup\":1}",
        },
        Example { code: "class A(Scene:\n  x = 1", instruction: "", value: "null" },
    ],
    extract,
    why: None,
};

fn extract(subject: &Subject<'_>) -> FactValue {
    tree(subject, |facts| {
        let wanted = |name: &str| {
            matches!(
                api().kind_in_either(name),
                Some(
                    NameKind::Animation
                        | NameKind::Mobject
                        | NameKind::Scene
                        | NameKind::Color
                        | NameKind::RateFunction
                )
            )
        };
        let names = facts.manim.iter().filter(|(name, _)| wanted(name));
        FactValue::Set(names.map(|(name, count)| (name.clone(), *count)).collect())
    })
}
