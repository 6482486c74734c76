//! `method`: methods and attributes of Manim classes that are called or read on anything: `shift`, `next_to`, `animate`.

use crate::analyze::facts::Subject;
use crate::analyze::features::{Example, Extractor, Kind, tree};
use crate::analyze::manim_api::api;
use crate::sample::FactValue;

/// The feature `method`.
pub static ENTRY: Extractor = Extractor {
    name: "method",
    kind: Kind::CountedSet,
    unit: "reads",
    doc: "Methods and attributes of Manim classes that are called or read on anything: `shift`, `next_to`, `animate`.",
    query: "method:next_to",
    version: 1,
    examples: &[
        Example {
            code: "from manim import *\nclass A(Scene):\n    def construct(self):\n        a.next_to(b).shift(UP)\n        self.play(a.animate.shift(UP))\n",
            instruction: "",
            value: "{\"animate\":1,\"next_to\":1,\"play\":1,\"shift\":2}",
        },
        Example { code: "a.no_method_of_manim()\n", instruction: "", value: "{}" },
    ],
    extract,
    why: None,
};

fn extract(subject: &Subject<'_>) -> FactValue {
    tree(subject, |facts| {
        let names = facts.attributes.iter().filter(|(name, _)| api().is_method(name));
        FactValue::Set(names.map(|(name, count)| (name.clone(), *count)).collect())
    })
}
