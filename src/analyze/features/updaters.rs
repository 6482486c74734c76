//! `updaters`: calls that keep something up to date: `add_updater`, `always_redraw`, `UpdateFromFunc` and their kin.

use crate::analyze::facts::{CodeFacts, Subject};
use crate::analyze::features::{Example, Extractor, Kind, tree};
use crate::sample::FactValue;

/// The feature `updaters`.
pub static ENTRY: Extractor = Extractor {
    name: "updaters",
    kind: Kind::Int,
    unit: "calls",
    doc: "Calls that keep something up to date: `add_updater`, `always_redraw`, `UpdateFromFunc` and their kin.",
    query: "updaters>=1",
    version: 1,
    examples: &[
        Example {
            code: "from manim import *\nclass A(Scene):\n    def construct(self):\n        a = always_redraw(lambda: Dot())\n        a.add_updater(f)\n",
            instruction: "",
            value: "2",
        },
        Example { code: "a = 1\n", instruction: "", value: "0" },
    ],
    extract,
    why: None,
};

fn extract(subject: &Subject<'_>) -> FactValue {
    tree(subject, |facts| FactValue::Int(count(facts) as i64))
}

/// How many such calls a text has.
pub(super) fn count(facts: &CodeFacts) -> usize {
    let last = |name: &str| name.rsplit('.').next().is_some_and(|last| CALLS.contains(&last));
    facts.calls.iter().filter(|call| last(&call.name)).count()
}

const CALLS: &[&str] = &[
    "MaintainPositionRelativeTo",
    "UpdateFromAlphaFunc",
    "UpdateFromFunc",
    "add_updater",
    "always_redraw",
    "always_rotate",
    "always_shift",
    "cycle_animation",
    "f_always",
    "turn_animation_into_updater",
];
