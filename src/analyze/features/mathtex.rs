//! `mathtex`: formulas in the text: calls of `MathTex`, `Tex` and their forerunners.

use crate::analyze::facts::Subject;
use crate::analyze::features::{Example, Extractor, Kind, tree};
use crate::sample::FactValue;

/// The feature `mathtex`.
pub static ENTRY: Extractor = Extractor {
    name: "mathtex",
    kind: Kind::Int,
    unit: "calls",
    doc: "Formulas in the text: calls of `MathTex`, `Tex` and their forerunners.",
    query: "mathtex>=3",
    version: 1,
    examples: &[
        Example {
            code: "from manim import *\nclass A(Scene):\n    def construct(self):\n        self.add(MathTex('x'), Tex('y'), Text('z'))\n",
            instruction: "",
            value: "2",
        },
        Example { code: "a = 1\n", instruction: "", value: "0" },
    ],
    extract,
    why: None,
};

fn extract(subject: &Subject<'_>) -> FactValue {
    tree(subject, |facts| {
        let formulas =
            facts.calls.iter().filter(|call| call.manim.as_deref().is_some_and(|name| CLASSES.contains(&name)));
        FactValue::Int(formulas.count() as i64)
    })
}

const CLASSES: &[&str] =
    &["MathTex", "OldTex", "OldTexText", "SingleStringMathTex", "SingleStringTex", "Tex", "TexMobject", "TexText"];
