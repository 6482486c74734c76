//! `mobjects`: mobjects in the text: calls of mobject classes, own ones too.

use crate::analyze::facts::Subject;
use crate::analyze::features::constructions;
use crate::analyze::features::{Example, Extractor, Kind, tree};
use crate::analyze::manim_api::NameKind;
use crate::sample::FactValue;

/// The feature `mobjects`.
pub static ENTRY: Extractor = Extractor {
    name: "mobjects",
    kind: Kind::Int,
    unit: "calls",
    doc: "Mobjects in the text: calls of mobject classes, own ones too.",
    query: "mobjects>10",
    version: 1,
    examples: &[
        Example {
            code: "from manim import *\nclass A(Scene):\n    def construct(self):\n        self.add(Circle(), VGroup(Dot(), Dot()))\n",
            instruction: "",
            value: "4",
        },
        Example { code: "class Car(VGroup): pass\nCar()\n", instruction: "", value: "1" },
        Example { code: "a = 1\n", instruction: "", value: "0" },
    ],
    extract,
    why: None,
};

fn extract(subject: &Subject<'_>) -> FactValue {
    tree(subject, |facts| FactValue::Int(i64::from(constructions(facts, NameKind::Mobject))))
}
