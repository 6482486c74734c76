//! `base`: bases of the Scene classes, without modules: `Scene`, `ThreeDScene`.

use crate::analyze::facts::Subject;
use crate::analyze::features::{Example, Extractor, Kind, tree};
use crate::analyze::manim_api::Names;
use crate::sample::FactValue;
use std::collections::BTreeMap;

/// The feature `base`.
pub static ENTRY: Extractor = Extractor {
    name: "base",
    kind: Kind::CountedSet,
    unit: "classes",
    doc: "Bases of the Scene classes, without modules: `Scene`, `ThreeDScene`.",
    query: "base:MovingCameraScene",
    version: 1,
    examples: &[
        Example {
            code: "import manim as m\nclass A(m.ThreeDScene): pass\nclass B(A): pass\n",
            instruction: "",
            value: "{\"A\":1,\"ThreeDScene\":1}",
        },
        Example { code: "class A(B): pass\n", instruction: "", value: "{}" },
    ],
    extract,
    why: None,
};

fn extract(subject: &Subject<'_>) -> FactValue {
    tree(subject, |facts| {
        let names = Names::new(&facts.imports, &facts.bound);
        let mut set: BTreeMap<String, u32> = BTreeMap::new();
        for base in facts.scenes().flat_map(|class| &class.bases) {
            let name = names.resolve(base).map_or(base.rsplit('.').next().unwrap_or(base), |taken| taken.name);
            *set.entry(name.to_owned()).or_default() += 1;
        }
        FactValue::Set(set)
    })
}
