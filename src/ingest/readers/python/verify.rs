//! What a composed text still lacks, found by reading it again as a module of its own.

use std::collections::{BTreeSet, HashMap};

use super::libraries;
use super::project::{Module, Project, Target};
use crate::analyze::facts::SyntaxError;
use crate::analyze::manim_api;
use crate::analyze::outline::{ItemKind, Role, When, outline};

/// What a text lacks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::ingest::readers) struct Lacking {
    /// Names that neither the text, Python, Manim nor a known package defines, or that are used before they are bound.
    pub names: BTreeSet<String>,
    /// Packages that define names which the text uses without importing them: `manim`, or a plugin.
    pub unimported: BTreeSet<String>,
    /// Packages that it imports and that are neither part of the project nor known.
    pub packages: BTreeSet<String>,
}

impl Lacking {
    /// As issues of a sample.
    pub fn issues(&self) -> impl Iterator<Item = String> {
        let names = self.names.iter().map(|name| format!("unresolved:{name}"));
        let unimported = self.unimported.iter().map(|package| format!("unimported:{package}"));
        let packages = self.packages.iter().map(|package| format!("unknown-package:{package}"));
        names.chain(unimported).chain(packages)
    }
}

/// Finds what a text lacks. `plugins`: packages that the recipe knows; `defined`: names that they define, where they are
/// part of the project, with the package.
///
/// # Errors
///
/// The parsers' verdict if the text is not Python.
pub(in crate::ingest::readers) fn lacking(
    code: &str,
    plugins: &[String],
    defined: &HashMap<String, String>,
) -> Result<Lacking, SyntaxError> {
    let module = Module { rel: "sample.py".to_owned(), outline: outline(code)?, cells: Vec::new() };
    let project = Project::new(vec![module], &[], &HashMap::new());
    let mut found = Lacking::default();
    for (index, item) in project.modules[0].outline.items.iter().enumerate() {
        for import in item.imports.iter().chain(&item.inner_imports) {
            let package = import.module.split('.').next().unwrap_or_default();
            let guarded = item.kind == ItemKind::Block;
            let named = plugins.iter().any(|name| name.split('.').next() == Some(package));
            if import.level > 0 || (!libraries::is_known(package) && !named && !guarded) {
                found.packages.insert(format!("{}{}", ".".repeat(import.level as usize), import.module));
            }
        }
        for used in item.uses.iter().filter(|used| used.inner.is_none() && !used.own) {
            let now = used.when == When::Now && used.role == Role::Read;
            let Target::Missing(name) = project.resolve(0, &used.name, if now { index } else { usize::MAX }) else {
                continue;
            };
            let api = manim_api::api();
            if let Some(package) = defined.get(&name) {
                found.unimported.insert(package.clone());
            } else if api.kind(&name).is_some() || api.gl_weight(&name).is_some() || api.is_anywhere(&name) {
                found.unimported.insert("manim".to_owned());
            } else {
                found.names.insert(name);
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lacks(code: &str) -> Lacking {
        let defined = HashMap::from([("OwnArrow".to_owned(), "own_plugin".to_owned())]);
        lacking(code, &["own_plugin".to_owned()], &defined).unwrap()
    }

    fn missing(code: &str) -> Vec<String> {
        lacks(code).names.into_iter().collect()
    }

    #[test]
    fn names_of_nobody_are_found() {
        let code = "from manim import *\nimport own_plugin\nclass A(Scene):\n    def construct(self):\n        self.add(Circle(), blub, np.pi, len([]))\n";
        assert_eq!(missing(code), ["blub"]);
    }

    #[test]
    fn a_package_that_nobody_knows_is_found() {
        let found = lacks("from my_helpers import thing\nimport own_plugin\nprint(thing)\n");
        assert_eq!(found.packages, BTreeSet::from(["my_helpers".to_owned()]));
        assert!(found.names.is_empty());
        assert_eq!(lacks("import numpy as np\nfrom manim_whatever import x\n"), Lacking::default());
    }

    #[test]
    fn names_that_only_want_an_import_are_told_by_package() {
        let found =
            lacks("from manim import Scene\nclass A(Scene):\n    def construct(self):\n        OwnArrow(Circle())\n");
        assert_eq!(found.unimported, BTreeSet::from(["manim".to_owned(), "own_plugin".to_owned()]));
        assert!(found.names.is_empty());
    }

    #[test]
    fn a_name_used_too_early_is_found() {
        assert_eq!(missing("a = b\nb = 1\n"), ["b"]);
        assert!(missing("def f():\n    return b\nb = 1\n").is_empty());
    }

    #[test]
    fn unknown_star_imports_may_define_anything() {
        assert!(
            missing("from manimlib import *\nclass A(Scene):\n    def construct(self):\n        blub()\n").is_empty()
        );
    }
}
