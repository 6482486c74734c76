//! `dialect`: which Manim a text is written for.
//!
//! Imports decide: `manim` and its plugins are the community edition, `manimlib` and its kin are ManimGL. Names of the
//! other dialect make it `mixed` only if several of them weigh at least 6 together, because old names live on: one alone
//! proves nothing. Where imports say nothing, the source's word does, and else the names: 3 and twice the other side's
//! weight decide. A name weighs 3 if it says its dialect by itself, 2 if it needs a companion, 1 if it once belonged to
//! both.

use crate::analyze::facts::Subject;
use crate::analyze::features::{Contribution, Example, Extractor, Kind};
use crate::analyze::lexical::Lexical;
use crate::analyze::manim_api::api;
use crate::sample::{Dialect, FactValue};

/// The feature `dialect`.
pub static ENTRY: Extractor = Extractor {
    name: "dialect",
    kind: Kind::Enum { words: Dialect::WORDS, ordered: false },
    unit: "",
    doc: "Which Manim the code is for: `ce` (community edition), `gl` (ManimGL), `mixed`, or `none` where nothing tells.",
    query: "dialect:(ce or mixed)",
    version: 1,
    examples: &[
        Example { code: "from manim import *\nclass A(Scene):\n    CONFIG = {}\n", instruction: "", value: "\"ce\"" },
        Example { code: "from manimlib import *\nCircle()\n", instruction: "", value: "\"gl\"" },
        Example { code: "from manim_imports_ext import *\n", instruction: "", value: "\"gl\"" },
        Example {
            code: "from chanim import *\nclass A(Scene):\n    def construct(self):\n        self.play(ShowCreation(MathTex('x')))\n",
            instruction: "",
            value: "\"ce\"",
        },
        Example {
            code: "class A(Scene):\n    CONFIG = {}\n    def construct(self):\n        self.play(ShowCreation(TextMobject('x')))\n",
            instruction: "",
            value: "\"gl\"",
        },
        Example {
            code: "from manim import *\nclass A(InteractiveScene):\n    def construct(self):\n        self.add(TexText('a'), GlowDot())\n",
            instruction: "",
            value: "\"mixed\"",
        },
        Example {
            code: "from manimlib.imports import * class A(Scene: TexMobject('",
            instruction: "",
            value: "\"gl\"",
        },
        Example { code: "class A(Scene):\n    x = Circle()\n", instruction: "", value: "\"none\"" },
        Example { code: "print(1)\n", instruction: "", value: "\"none\"" },
    ],
    extract,
    why: Some(why),
};

/// Names that the community edition alone has, with the weights of the module's first paragraph.
const CE_NAMES: &[(&str, u8)] = &[
    ("Circumscribe", 3),
    ("Create", 3),
    ("ManimColor", 3),
    ("MathTable", 3),
    ("MathTex", 3),
    ("Polygram", 2),
    ("PURE_RED", 2),
    ("Star", 1),
    ("Table", 2),
    ("TangentLine", 2),
    ("Uncreate", 3),
    ("Unwrite", 3),
    ("VDict", 3),
    ("Variable", 2),
    ("tempconfig", 3),
];

/// Attributes that the community edition alone has.
const CE_ATTRIBUTES: &[(&str, u8)] =
    &[("next_section", 3), ("plot_line_graph", 2), ("plot_surface", 2), ("plot", 1), ("get_axis_labels", 1)];

/// Keyword arguments that the community edition alone has.
const CE_KEYWORDS: &[(&str, u8)] = &[("tips", 1), ("x_length", 2), ("y_length", 2)];

fn weight(table: &[(&str, u8)], name: &str) -> Option<u8> {
    table.iter().find(|(other, _)| *other == name).map(|(_, weight)| *weight)
}

/// What speaks for the dialects: what, points for CE, points for GL.
#[derive(Default)]
struct Evidence {
    imports_ce: Vec<String>,
    imports_gl: Vec<String>,
    ce: Vec<(String, u8)>,
    gl: Vec<(String, u8)>,
}

impl Evidence {
    fn module(&mut self, module: &str) {
        let root = module.split('.').next().unwrap_or(module);
        if let Some(gl) = api().gl_module_weight(module) {
            if gl >= 3 {
                self.imports_gl.push(module.to_owned());
            } else {
                self.gl.push((format!("import {module}"), gl));
            }
        } else if root == "manim" || (root.starts_with("manim_") && root != "manim_imports_ext") {
            self.imports_ce.push(module.to_owned());
        }
    }

    fn name(&mut self, name: &str) {
        self.ce.extend(weight(CE_NAMES, name).map(|weight| (name.to_owned(), weight)));
        self.gl.extend(api().gl_weight(name).map(|weight| (name.to_owned(), weight)));
    }

    fn verdict(&self, hint: Option<Dialect>) -> Dialect {
        let sum = |list: &[(String, u8)]| list.iter().map(|(_, weight)| u32::from(*weight)).sum::<u32>();
        let (ce, gl) = (sum(&self.ce), sum(&self.gl));
        let several = |list: &[(String, u8)], sum: u32| list.len() >= 2 && sum >= 6;
        match (self.imports_ce.is_empty(), self.imports_gl.is_empty()) {
            (false, false) => Dialect::Mixed,
            (false, true) if several(&self.gl, gl) && self.gl.iter().any(|(_, weight)| *weight == 3) => Dialect::Mixed,
            (false, true) => Dialect::Ce,
            (true, false) if several(&self.ce, ce) => Dialect::Mixed,
            (true, false) => Dialect::Gl,
            (true, true) => match hint {
                Some(hint) => hint,
                None if several(&self.ce, ce) && several(&self.gl, gl) => Dialect::Mixed,
                None if gl >= 3 && gl >= 2 * ce && self.gl.len() >= 2 => Dialect::Gl,
                None if ce >= 3 && ce >= 2 * gl => Dialect::Ce,
                None => Dialect::None,
            },
        }
    }
}

fn evidence(subject: &Subject<'_>) -> Evidence {
    let facts = subject.facts;
    let mut found = Evidence::default();
    if !facts.has_tree() {
        let lexical = Lexical::read(subject.code);
        lexical.modules.iter().for_each(|module| found.module(module));
        for name in lexical.names.keys().filter(|name| !lexical.bound.contains(*name)) {
            found.name(name);
        }
        if lexical.bound.contains("CONFIG") {
            found.gl.push(("CONFIG".to_owned(), 3));
        }
        return found;
    }
    let mut modules: Vec<&str> = facts.imports.iter().map(|import| import.module.as_str()).collect();
    modules.sort_unstable();
    modules.dedup();
    modules.iter().for_each(|module| found.module(module));
    facts.manim.keys().for_each(|name| found.name(name));
    for name in facts.free_names.keys().filter(|name| !facts.manim.contains_key(*name)) {
        found.name(name);
    }
    let own = |name: &str| {
        facts.own_attributes.contains(name) || facts.classes.iter().any(|class| class.methods.iter().any(|m| m == name))
    };
    let on_self = |name: &str| {
        let dotted = format!("self.{name}");
        // What is read of it follows it at once: no character of a name sorts before the dot.
        facts.reads.range(dotted.clone()..).next().is_some_and(|(read, _)| {
            read.strip_prefix(dotted.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    };
    for name in facts.attributes.keys() {
        found.gl.extend(
            api().gl_attribute_weight(name, || on_self(name)).filter(|_| !own(name)).map(|w| (format!(".{name}"), w)),
        );
        found.ce.extend(weight(CE_ATTRIBUTES, name).map(|weight| (format!(".{name}"), weight)));
    }
    let mut keywords: Vec<&str> = facts
        .calls
        .iter()
        .filter(|call| call.manim.is_some())
        .flat_map(|call| call.keywords.iter().map(|(name, _)| name.as_str()))
        .collect();
    keywords.sort_unstable();
    keywords.dedup();
    for name in keywords {
        found.gl.extend(api().gl_keyword_weight(name).map(|weight| (format!("{name}="), weight)));
        found.ce.extend(weight(CE_KEYWORDS, name).map(|weight| (format!("{name}="), weight)));
    }
    let mut attributes: Vec<&str> =
        facts.classes.iter().flat_map(|class| class.attributes.iter().map(String::as_str)).collect();
    attributes.sort_unstable();
    attributes.dedup();
    for name in attributes {
        found.gl.extend(api().gl_class_attribute_weight(name).map(|weight| (format!("{name} of a class"), weight)));
    }
    found
}

/// The dialect of a text.
pub(in crate::analyze) fn dialect(subject: &Subject<'_>) -> Dialect {
    evidence(subject).verdict(subject.dialect_hint)
}

fn extract(subject: &Subject<'_>) -> FactValue {
    FactValue::Word(dialect(subject).word().to_owned())
}

fn why(subject: &Subject<'_>) -> Vec<Contribution> {
    let found = evidence(subject);
    let import = |side: &str, module: &String| Contribution { what: format!("{side}: import {module}"), points: 0.0 };
    let name = |side: &str, (what, weight): &(String, u8)| Contribution {
        what: format!("{side}: {what}"),
        points: f64::from(*weight),
    };
    let imports_ce = found.imports_ce.iter().map(|module| import("ce", module));
    let imports_gl = found.imports_gl.iter().map(|module| import("gl", module));
    let mut list: Vec<Contribution> = imports_ce.chain(imports_gl).collect();
    if let Some(hint) = subject.dialect_hint {
        list.push(Contribution { what: format!("{hint}: the source says so"), points: 0.0 });
    }
    list.extend(found.ce.iter().map(|item| name("ce", item)));
    list.extend(found.gl.iter().map(|item| name("gl", item)));
    list
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyze::facts::Shared;
    use crate::analyze::walk::code_facts;

    #[test]
    fn the_source_is_believed_where_imports_say_nothing() {
        let verdict = |code: &str| {
            let facts = code_facts(code);
            dialect(&Subject {
                code,
                instruction: None,
                facts: &facts,
                dialect_hint: Some(Dialect::Gl),
                reader_issues: &[],
                shared: &Shared::default(),
            })
        };
        assert_eq!(verdict("from helper import *\nclass A(Scene): pass\n"), Dialect::Gl);
        assert_eq!(verdict("from manim import *\nclass A(Scene): pass\n"), Dialect::Ce);
    }
}
