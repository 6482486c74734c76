//! `unknown_api`: names that a text takes from `manim` and that the pinned release does not have.
//!
//! Names imported from `manim` or its modules, attributes of an imported `manim`, and, after `from manim import *`, names
//! that nothing binds and that look like a library's: called, capitalised, or known from ManimGL. Another star import may
//! bring any name, so beside one only names known from ManimGL count.

use std::collections::BTreeMap;

use crate::analyze::facts::{CodeFacts, Subject};
use crate::analyze::features::{Example, Extractor, Kind, tree};
use crate::analyze::manim_api::{Names, api};
use crate::sample::FactValue;

/// The feature `unknown_api`.
pub static ENTRY: Extractor = Extractor {
    name: "unknown_api",
    kind: Kind::CountedSet,
    unit: "reads",
    doc: "Names that the code takes from `manim` but that the pinned release of Manim does not have.",
    query: "has:unknown_api",
    version: 1,
    examples: &[
        Example {
            code: "from manim import *\nclass A(Scene):\n    def construct(self):\n        self.play(ShowCreation(Circle()), NoSuchThing())\n        x = undefined\n",
            instruction: "",
            value: "{\"NoSuchThing\":1,\"ShowCreation\":1}",
        },
        Example {
            code: "from manim import Circle, TextMobject as T\nT('a')\n",
            instruction: "",
            value: "{\"TextMobject\":1}",
        },
        Example { code: "from manimlib import *\nShowCreation(Circle())\n", instruction: "", value: "{}" },
        Example {
            code: "import manim as m\nm.Circle(), m.Cirle(), m.utils.color.RED\n",
            instruction: "",
            value: "{\"Cirle\":1}",
        },
    ],
    extract,
    why: None,
};

fn extract(subject: &Subject<'_>) -> FactValue {
    tree(subject, |_| FactValue::Set(unknown(subject).clone()))
}

fn is_ce(module: &str) -> bool {
    module == "manim" || module.starts_with("manim.")
}

/// The unknown names, with counts of reads (1 for one that is imported and not read).
pub(in crate::analyze) fn unknown<'a>(subject: &Subject<'a>) -> &'a BTreeMap<String, u32> {
    subject.shared.unknown_api.get_or_init(|| found(subject.facts))
}

fn found(facts: &CodeFacts) -> BTreeMap<String, u32> {
    let mut found: BTreeMap<String, u32> = BTreeMap::new();
    let names = Names::new(&facts.imports, &facts.bound);
    let has = |module: &str, name: &str| api().kind(name).is_some() || api().module_has(module, name) == Some(true);
    for import in facts.imports.iter().filter(|import| is_ce(&import.module)) {
        if let Some(name) = import.name.as_deref().filter(|name| *name != "*" && !name.starts_with("__"))
            && !has(&import.module, name)
            && (import.module == "manim" || api().module_has(&import.module, name) == Some(false))
        {
            found.insert(name.to_owned(), 0);
        }
    }
    for (dotted, count) in &facts.reads {
        if names.is_imported(dotted.split('.').next().unwrap_or(dotted))
            && let Some(taken) = names.resolve(dotted)
            && is_ce(taken.module)
            && (found.contains_key(taken.name)
                || (taken.module == "manim" && !taken.name.starts_with("__") && !has(taken.module, taken.name)))
        {
            *found.entry(taken.name.to_owned()).or_default() += count;
        }
    }
    let star = |ce: bool| {
        facts.imports.iter().any(|import| import.name.as_deref() == Some("*") && is_ce(&import.module) == ce)
    };
    if star(true) {
        let other_star = star(false);
        for (name, count) in &facts.free_names {
            let like_a_library =
                || name.starts_with(|ch: char| ch.is_uppercase()) || facts.calls.iter().any(|call| call.name == *name);
            if api().kind(name).is_none() && (api().gl_weight(name).is_some() || (!other_star && like_a_library())) {
                *found.entry(name.clone()).or_default() += count;
            }
        }
    }
    found.values_mut().for_each(|count| *count = (*count).max(1));
    found
}
