//! What a composed text still lacks, found by reading it again as a module of its own.

use std::collections::{BTreeSet, HashMap};

use super::libraries;
use super::project::{Module, Project, Target};
use crate::analyze::facts::Syntax;
use crate::analyze::outline::{ItemKind, When, outline};

/// Names that a text uses and that neither it, Python, Manim nor a known package defines; in order.
///
/// A use that is executed before the statement that binds the name counts too.
///
/// # Errors
///
/// The parsers' verdict if the text is not Python.
pub(super) fn unresolved(code: &str, known: &[String]) -> Result<BTreeSet<String>, Syntax> {
    let module = Module { rel: "sample.py".to_owned(), outline: outline(code)?, cells: Vec::new() };
    let project = Project::new(vec![module], &[], &HashMap::new());
    let mut found = BTreeSet::new();
    for (index, item) in project.modules[0].outline.items.iter().enumerate() {
        for import in item.imports.iter().chain(&item.inner_imports) {
            let package = import.module.split('.').next().unwrap_or_default();
            let guarded = item.kind == ItemKind::Block;
            let named = known.iter().any(|name| name.split('.').next() == Some(package));
            if import.level > 0 || (!libraries::is_known(package) && !named && !guarded) {
                found.insert(format!("{}{}", ".".repeat(import.level as usize), import.module));
            }
        }
        for used in item.uses.iter().filter(|used| used.inner.is_none() && !used.own) {
            let limit = if used.when == When::Now && used.role == crate::analyze::outline::Role::Read { index } else { usize::MAX };
            if let Target::Missing(name) = project.resolve(0, &used.name, limit) {
                found.insert(name);
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(code: &str) -> Vec<String> {
        unresolved(code, &["own_plugin".to_owned()]).unwrap().into_iter().collect()
    }

    #[test]
    fn names_of_nobody_are_found() {
        let code = "from manim import *\nimport own_plugin\nclass A(Scene):\n    def construct(self):\n        self.add(Circle(), blub, np.pi, len([]))\n";
        assert_eq!(missing(code), ["blub"]);
    }

    #[test]
    fn a_package_that_nobody_knows_is_found() {
        assert_eq!(missing("from my_helpers import thing\nprint(thing)\n"), ["my_helpers"]);
        assert!(missing("import numpy as np\nfrom manim_whatever import x\n").is_empty());
    }

    #[test]
    fn a_name_used_too_early_is_found() {
        assert_eq!(missing("a = b\nb = 1\n"), ["b"]);
        assert!(missing("def f():\n    return b\nb = 1\n").is_empty());
    }

    #[test]
    fn unknown_star_imports_may_define_anything() {
        assert!(missing("from manimlib import *\nclass A(Scene):\n    def construct(self):\n        blub()\n").is_empty());
    }
}
