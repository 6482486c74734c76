//! `complexity.score`: how hard a sample is, 0 to 100, as a sum of parts that `why` lists.
//!
//! Each part is a count on a logarithmic scale, full at a stated cap: `points * ln(1 + count) / ln(1 + cap)`. Points and
//! caps were fitted to what people call basic, intermediate and advanced (see `complexity`).

use crate::analyze::facts::{CodeFacts, Subject};
use crate::analyze::features::{Contribution, Example, Extractor, Kind, tree};
use crate::sample::FactValue;

/// The feature `complexity.score`.
pub static ENTRY: Extractor = Extractor {
    name: "complexity.score",
    kind: Kind::Real,
    unit: "points",
    doc: "How hard the code is, from 0 to 100: size, structure and the parts of Manim that it uses.",
    version: 1,
    examples: &[
        Example { code: "x = 1\n", instruction: "", value: "16.05" },
        Example { code: "x = (\n", instruction: "", value: "null" },
    ],
    extract,
    why: Some(why),
};

/// A part of the score.
struct Part {
    name: &'static str,
    points: f64,
    cap: f64,
    count: fn(&CodeFacts) -> u32,
}

const PARTS: &[Part] = &[
    Part { name: "tokens", points: 71.0, cap: 2000.0, count: |facts| facts.tokens },
    Part { name: "numpy and math calls", points: 9.0, cap: 25.0, count: calculations },
    Part { name: "depth", points: 8.0, cap: 16.0, count: |facts| facts.depth },
    Part { name: "plots, graphs and cameras", points: 7.0, cap: 8.0, count: spaces },
    Part {
        name: "functions beside `construct`",
        points: 5.0,
        cap: 15.0,
        count: |facts| facts.functions.saturating_sub(1),
    },
];

/// Manim classes that bring a coordinate system, a network or a camera of their own.
const SPACES: &[&str] = &[
    "ArrowVectorField",
    "Axes",
    "BarChart",
    "ComplexPlane",
    "DiGraph",
    "FunctionGraph",
    "Graph",
    "ImplicitFunction",
    "LinearTransformationScene",
    "Matrix",
    "MovingCameraScene",
    "NumberLine",
    "NumberPlane",
    "ParametricFunction",
    "PolarPlane",
    "StreamLines",
    "Table",
    "ThreeDAxes",
    "VectorField",
    "ZoomedScene",
];

fn spaces(facts: &CodeFacts) -> u32 {
    facts.manim.keys().filter(|name| SPACES.contains(&name.as_str())).count() as u32
}

fn calculations(facts: &CodeFacts) -> u32 {
    let calculates = |name: &str| matches!(name.split_once('.'), Some(("np" | "numpy" | "math", _)));
    facts.calls.iter().filter(|call| calculates(&call.name)).count() as u32
}

fn contributions(facts: &CodeFacts) -> Vec<Contribution> {
    PARTS
        .iter()
        .map(|part| {
            let count = f64::from((part.count)(facts));
            let share = ((1.0 + count).ln() / (1.0 + part.cap).ln()).min(1.0);
            Contribution {
                what: format!("{} = {count}", part.name),
                points: (part.points * share * 100.0).round() / 100.0,
            }
        })
        .collect()
}

/// The score of a text with a tree.
pub(super) fn score(facts: &CodeFacts) -> f64 {
    let sum: f64 = contributions(facts).iter().map(|part| part.points).sum();
    (sum * 100.0).round() / 100.0
}

fn extract(subject: &Subject<'_>) -> FactValue {
    tree(subject, |facts| FactValue::Real(score(facts)))
}

fn why(subject: &Subject<'_>) -> Vec<Contribution> {
    if subject.facts.has_tree() { contributions(subject.facts) } else { Vec::new() }
}
