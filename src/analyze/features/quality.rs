//! `quality`: the points of the rules that a sample keeps, 0 to 100.

use crate::analyze::facts::Subject;
use crate::analyze::features::{Contribution, Example, Extractor, Kind};
use crate::analyze::rules::{Finding, RULES, findings};
use crate::sample::FactValue;

/// The feature `quality`.
pub static ENTRY: Extractor = Extractor {
    name: "quality",
    kind: Kind::Real,
    unit: "points",
    doc: "Quality from 0 to 100: the points of the rules that the sample keeps; see `issue` for those that it breaks.",
    query: "quality>=60",
    version: 1,
    examples: &[
        Example {
            code: "from manim import *\nclass A(Scene):\n    def construct(self):\n        self.play(Create(Circle()))\n        self.play(FadeOut(Circle()))\n",
            instruction: "Draw a circle and remove the circle from the scene slowly.",
            value: "100.0",
        },
        Example { code: "x = (\n", instruction: "", value: "5.0" },
    ],
    extract,
    why: Some(why),
};

fn extract(subject: &Subject<'_>) -> FactValue {
    let found = RULES.iter().zip(findings(subject));
    FactValue::Real(found.filter(|(_, finding)| **finding == Finding::Kept).map(|(rule, _)| rule.points).sum())
}

fn why(subject: &Subject<'_>) -> Vec<Contribution> {
    RULES
        .iter()
        .zip(findings(subject))
        .map(|(rule, finding)| match finding {
            Finding::Kept => Contribution { what: format!("not {}", rule.name), points: rule.points },
            Finding::Fired => Contribution { what: format!("{}: {}", rule.name, rule.doc), points: 0.0 },
            Finding::Unknown => Contribution { what: format!("{}: cannot be told", rule.name), points: 0.0 },
        })
        .collect()
}
