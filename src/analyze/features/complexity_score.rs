//! `complexity.score`: how hard a sample is, 0 to 100, as a sum of parts that `why` lists.
//!
//! Each part is a count on a logarithmic scale, full at a stated cap: `points * ln(1 + count) / ln(1 + cap)`, so that a
//! long text which repeats itself soon adds nothing. Points were fitted to what people call basic, intermediate and
//! advanced (see `complexity`).

use std::collections::BTreeSet;

use crate::analyze::facts::{CodeFacts, Subject};
use crate::analyze::features::{Contribution, Example, Extractor, Kind, tree, updaters};
use crate::analyze::manim_api::api;
use crate::sample::FactValue;

/// The feature `complexity.score`.
pub static ENTRY: Extractor = Extractor {
    name: "complexity.score",
    kind: Kind::Real,
    unit: "points",
    doc: "How hard the code is, from 0 to 100: structure, mathematics, numbers to choose, and the parts of Manim in use.",
    query: "complexity.score:40..60",
    version: 2,
    examples: &[
        Example { code: "x = 1\n", instruction: "", value: "9.13" },
        Example {
            code: "from manim import *\nclass A(Scene):\n    def construct(self):\n        self.play(Create(Circle()))\n",
            instruction: "",
            value: "13.74",
        },
        Example {
            code: "from manim import *\nclass A(Scene):\n    def construct(self):\n        x = ValueTracker(0)\n        dot = always_redraw(lambda: Dot([np.cos(x.get_value()), 0, 0]))\n        self.add(Axes(), dot)\n        for i in range(3):\n            self.play(x.animate.set_value(i), run_time=2)\n",
            instruction: "",
            value: "43.53",
        },
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
    count: fn(&CodeFacts) -> usize,
}

const PARTS: &[Part] = &[
    Part { name: "numbers written", points: 19.0, cap: 40.0, count: |facts| facts.numbers as usize },
    Part {
        name: "functions beside `construct`",
        points: 15.0,
        cap: 5.0,
        count: |facts| facts.functions.saturating_sub(1) as usize,
    },
    Part { name: "tokens", points: 13.0, cap: 400.0, count: |facts| facts.tokens as usize },
    Part { name: "loops", points: 11.0, cap: 4.0, count: |facts| facts.loops as usize },
    Part { name: "kinds of numpy and math calls", points: 10.0, cap: 6.0, count: calculations },
    Part { name: "keyword arguments", points: 10.0, cap: 30.0, count: keywords },
    Part {
        name: "kinds of Manim methods",
        points: 8.0,
        cap: 16.0,
        count: |facts| facts.attributes.keys().filter(|name| api().is_method(name)).count(),
    },
    Part { name: "depth", points: 6.0, cap: 12.0, count: |facts| facts.depth as usize },
    Part { name: "plots, graphs, tables, 3D and cameras", points: 4.0, cap: 4.0, count: spaces },
    Part { name: "updaters, trackers and combined animations", points: 4.0, cap: 6.0, count: motion },
];

/// Manim classes that bring a coordinate system, a network, a table or a camera of their own.
const SPACES: &[&str] = &[
    "ArrowVectorField",
    "Axes",
    "BarChart",
    "ComplexPlane",
    "DecimalMatrix",
    "DecimalTable",
    "DiGraph",
    "FunctionGraph",
    "Graph",
    "ImplicitFunction",
    "IntegerMatrix",
    "IntegerTable",
    "LinearTransformationScene",
    "MathTable",
    "Matrix",
    "MobjectMatrix",
    "MobjectTable",
    "MovingCameraScene",
    "NumberLine",
    "NumberPlane",
    "ParametricFunction",
    "PolarPlane",
    "SpecialThreeDScene",
    "StreamLines",
    "Table",
    "ThreeDAxes",
    "ThreeDScene",
    "VectorField",
    "VectorScene",
    "ZoomedScene",
];

/// Methods that place or move a camera, or fix something before it.
const CAMERA: &[&str] = &[
    "activate_zooming",
    "add_fixed_in_frame_mobjects",
    "add_fixed_orientation_mobjects",
    "begin_3dillusion_camera_rotation",
    "begin_ambient_camera_rotation",
    "get_zoomed_display_pop_out_animation",
    "move_camera",
    "set_camera_orientation",
];

/// What moves by a rule of its own, or sets several things in motion.
const COMBINED: &[&str] = &[
    "AnimationGroup",
    "ApplyComplexFunction",
    "ApplyMatrix",
    "ApplyPointwiseFunction",
    "ChangeSpeed",
    "CyclicReplace",
    "Homotopy",
    "LaggedStart",
    "LaggedStartMap",
    "MoveAlongPath",
    "PhaseFlow",
    "Succession",
    "Swap",
    "TransformMatchingParts",
    "TransformMatchingShapes",
    "TransformMatchingTex",
];

/// What follows a value or a point: each read counts.
const TRACKERS: &[&str] = &["ComplexValueTracker", "TracedPath", "ValueTracker", "Variable"];

fn spaces(facts: &CodeFacts) -> usize {
    let has = |list: &[&str], name: &str| list.binary_search(&name).is_ok();
    facts.manim.keys().filter(|name| has(SPACES, name)).count()
        + facts.attributes.keys().filter(|name| has(CAMERA, name)).count()
}

fn motion(facts: &CodeFacts) -> usize {
    let combined = facts.manim.keys().filter(|name| COMBINED.binary_search(&name.as_str()).is_ok()).count();
    let trackers: u32 = TRACKERS.iter().filter_map(|name| facts.manim.get(*name)).sum();
    combined + trackers as usize + updaters::count(facts)
}

fn calculations(facts: &CodeFacts) -> usize {
    let calculates = |name: &str| matches!(name.split_once('.'), Some(("np" | "numpy" | "math", _)));
    let names: BTreeSet<&str> =
        facts.calls.iter().map(|call| call.name.as_str()).filter(|name| calculates(name)).collect();
    names.len()
}

fn keywords(facts: &CodeFacts) -> usize {
    facts.calls.iter().map(|call| call.keywords.len()).sum()
}

impl Part {
    /// What it adds, to two places.
    fn points(&self, count: usize) -> f64 {
        let share = ((1.0 + count as f64).ln() / (1.0 + self.cap).ln()).min(1.0);
        (self.points * share * 100.0).round() / 100.0
    }
}

/// The score of a text with a tree.
pub(super) fn score(subject: &Subject<'_>) -> f64 {
    *subject.shared.complexity_score.get_or_init(|| {
        let sum: f64 = PARTS.iter().map(|part| part.points((part.count)(subject.facts))).sum();
        (sum * 100.0).round() / 100.0
    })
}

fn extract(subject: &Subject<'_>) -> FactValue {
    tree(subject, |_| FactValue::Real(score(subject)))
}

fn why(subject: &Subject<'_>) -> Vec<Contribution> {
    if !subject.facts.has_tree() {
        return Vec::new();
    }
    let contribution = |part: &Part| {
        let count = (part.count)(subject.facts);
        Contribution { what: format!("{} = {count}", part.name), points: part.points(count) }
    };
    PARTS.iter().map(contribution).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_sorted_and_parts_are_worth_100_points() {
        for list in [SPACES, CAMERA, COMBINED, TRACKERS] {
            assert!(list.is_sorted());
        }
        assert_eq!(PARTS.iter().map(|part| part.points).sum::<f64>(), 100.0);
        assert!(PARTS.iter().all(|part| part.points(usize::MAX) == part.points && part.points(0) == 0.0));
    }
}
