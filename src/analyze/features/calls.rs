//! `calls`: what is called, by dotted name; a method of `self` under its own name too: `self.play` and `play`.

use crate::analyze::facts::Subject;
use crate::analyze::features::{Example, Extractor, Kind, tree};
use crate::sample::FactValue;
use std::collections::BTreeMap;

/// The feature `calls`.
pub static ENTRY: Extractor = Extractor {
    name: "calls",
    kind: Kind::CountedSet,
    unit: "calls",
    doc: "What is called, by dotted name; a method of `self` under its own name too: `self.play` and `play`.",
    query: "calls.play>=3",
    version: 1,
    examples: &[
        Example {
            code: "from manim import *\nclass A(Scene):\n    def construct(self):\n        self.play(np.f(1))\n        self.play(a.b)\n",
            instruction: "",
            value: "{\"np.f\":1,\"play\":2,\"self.play\":2}",
        },
        Example { code: "a.b(1).c(2)\n", instruction: "", value: "{\"a.b\":1,\"c\":1}" },
        Example { code: "class A(Scene:\n  x = 1", instruction: "", value: "null" },
    ],
    extract,
    why: None,
};

fn extract(subject: &Subject<'_>) -> FactValue {
    tree(subject, |facts| {
        let mut set: BTreeMap<&str, u32> = BTreeMap::new();
        for call in &facts.calls {
            let name = call.name.trim_start_matches('.');
            *set.entry(name).or_default() += 1;
            if let Some(method) = name.strip_prefix("self.").filter(|method| !method.contains('.')) {
                *set.entry(method).or_default() += 1;
            }
        }
        FactValue::Set(set.into_iter().map(|(name, count)| (name.to_owned(), count)).collect())
    })
}
