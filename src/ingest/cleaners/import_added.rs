//! The import that a snippet takes for granted.

use super::{CleanContext, Cleaner, Example, parses};
use crate::analyze::manim_api::{api, is_manim_module};
use crate::analyze::walk::code_facts;
use crate::sample::Dialect;

/// See [`Cleaner::doc`].
pub(super) static CLEANER: Cleaner = Cleaner {
    name: "import-added",
    doc: "Adds `from manim import *` where a Scene of Manim is derived from, nothing could import it, and no name is ManimGL's.",
    exact: true,
    instructions: false,
    examples: &[
        Example {
            before: "class A(Scene):\n    def construct(self):\n        self.add(Circle())\n",
            after: Some(
                "from manim import *\n\nclass A(Scene):\n    def construct(self):\n        self.add(Circle())\n",
            ),
        },
        Example {
            before: "from __future__ import annotations\nclass A(Scene):\n    pass\n",
            after: Some("from __future__ import annotations\nfrom manim import *\nclass A(Scene):\n    pass\n"),
        },
        Example { before: "from units import *\nclass A(Scene):\n    pass\n", after: None },
        Example { before: "import manim as m\nclass A(m.Scene):\n    pass\n", after: None },
        Example { before: "class Scene: pass\nclass A(Scene):\n    pass\n", after: None },
        Example {
            before: "class A(Scene):\n    def construct(self):\n        self.play(ShowCreation(TextMobject('a')))\n",
            after: None,
        },
        Example { before: "class A(Scene):\n    def construct(self)\n", after: None },
        Example { before: "x = Circle()\n", after: None },
    ],
    apply,
};

fn apply(code: &str, context: &CleanContext) -> Option<String> {
    // By rule, not by the parse test: a snippet parses without its import as well. What makes it no guess: a class
    // derives from a name that only a Scene class of Manim has, and neither the text nor a star import can bind it.
    if !code.contains("class ") || matches!(context.dialect, Some(Dialect::Gl | Dialect::Mixed)) {
        return None;
    }
    if code.contains("import *") || code.contains("import manim") || code.contains("from manim") {
        return None;
    }
    let facts = code_facts(code);
    let imported =
        facts.imports.iter().any(|import| import.name.as_deref() == Some("*") || is_manim_module(&import.module));
    let derives = facts.classes.iter().any(|class| {
        class
            .bases
            .iter()
            .any(|base| facts.free_names.contains_key(base) && base.ends_with("Scene") && api().kind(base).is_some())
    });
    let old_names = facts.free_names.keys().any(|name| api().kind(name).is_none() && api().gl_weight(name).is_some());
    if !facts.has_tree() || imported || !derives || old_names {
        return None;
    }
    let after_line =
        facts.imports.iter().filter(|import| import.module == "__future__").map(|import| import.line).max();
    let next = match after_line {
        None => format!("from manim import *\n\n{}", code.trim_start_matches(['\n', '\r'])),
        Some(line) => {
            let end = code.split_inclusive('\n').take(usize::try_from(line).unwrap_or(usize::MAX)).map(str::len).sum();
            let (head, tail) = code.split_at(end);
            let newline = if head.ends_with('\n') { "" } else { "\n" };
            format!("{head}{newline}from manim import *\n{tail}")
        }
    };
    parses(&next).then_some(next)
}
