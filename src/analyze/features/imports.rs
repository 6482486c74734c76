//! `imports`: modules that are imported, top level only; a relative one keeps its dots.

use crate::analyze::facts::Subject;
use crate::analyze::features::{Example, Extractor, Kind, tree};
use crate::sample::FactValue;
use std::collections::BTreeMap;

/// The feature `imports`.
pub static ENTRY: Extractor = Extractor {
    name: "imports",
    kind: Kind::CountedSet,
    unit: "imports",
    doc: "Modules that are imported, top level only; a relative one keeps its dots.",
    query: "imports:numpy",
    version: 1,
    examples: &[
        Example {
            code: "import numpy as np\nfrom manim.utils.color import RED, BLUE\nfrom .shapes import Car\n",
            instruction: "",
            value: "{\".shapes\":1,\"manim\":2,\"numpy\":1}",
        },
        Example { code: "a = 1\n", instruction: "", value: "{}" },
    ],
    extract,
    why: None,
};

fn extract(subject: &Subject<'_>) -> FactValue {
    tree(subject, |facts| {
        let mut set: BTreeMap<String, u32> = BTreeMap::new();
        for import in &facts.imports {
            let path = import.module.trim_start_matches('.');
            let dots = &import.module[..import.module.len() - path.len()];
            let top = path.split('.').next().unwrap_or(path);
            *set.entry(format!("{dots}{top}")).or_default() += 1;
        }
        FactValue::Set(set)
    })
}
