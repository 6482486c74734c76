//! What follows from all of a text rather than from one node: free names, Manim names, which classes are scenes.

use std::collections::BTreeMap;

use ruff_python_ast::{Expr, Stmt};
use rustc_hash::FxHashMap;

use crate::analyze::facts::{CodeFacts, ImportFact};
use crate::analyze::manim_api::Names;
use crate::analyze::parse::Tree;
use crate::analyze::python_names::is_builtin;

/// Fills in what needs every import, binding and class of the text.
pub(super) fn finish(facts: &mut CodeFacts) {
    let mut free: BTreeMap<String, u32> = BTreeMap::new();
    let mut manim: BTreeMap<String, u32> = BTreeMap::new();
    let names = Names::new(&facts.imports, &facts.bound);
    let mut known: FxHashMap<&str, Option<&str>> = FxHashMap::default();
    for (dotted, count) in &facts.reads {
        let root = dotted.split('.').next().unwrap_or(dotted);
        if !facts.bound.contains_key(root) && !is_builtin(root) {
            add(&mut free, root, *count);
        }
        let taken = names.resolve(dotted).map(|taken| taken.name);
        if let Some(name) = taken
            && !is_builtin(name)
        {
            add(&mut manim, name, *count);
        }
        known.insert(dotted, taken);
    }
    // What is called is read, unless it is an attribute of no name.
    for call in &mut facts.calls {
        call.manim = known.get(call.name.as_str()).copied().flatten().map(str::to_owned);
    }
    let mut scenes: Vec<bool> = facts
        .classes
        .iter()
        .map(|class| class.bases.iter().any(|base| is_scene_name(base, &names, &facts.imports)))
        .collect();
    loop {
        let found = facts.classes.iter().enumerate().position(|(index, class)| {
            !scenes[index]
                && class
                    .bases
                    .iter()
                    .any(|base| facts.classes.iter().zip(&scenes).any(|(other, scene)| *scene && other.name == *base))
        });
        match found {
            Some(index) => scenes[index] = true,
            None => break,
        }
    }
    for (class, scene) in facts.classes.iter_mut().zip(scenes) {
        class.is_scene = scene;
    }
    facts.free_names = free;
    facts.manim = manim;
}

fn add(counts: &mut BTreeMap<String, u32>, name: &str, more: u32) {
    match counts.get_mut(name) {
        Some(count) => *count += more,
        None => {
            counts.insert(name.to_owned(), more);
        }
    }
}

/// Whether a base is a Scene by its own name, the name that it was imported under, or as a slide of a plugin.
fn is_scene_name(base: &str, names: &Names<'_>, imports: &[ImportFact]) -> bool {
    let last = base.rsplit('.').next().unwrap_or(base);
    let root = base.split('.').next().unwrap_or(base);
    let import = imports.iter().find(|import| import.bound == root);
    let original = import.and_then(|import| import.name.as_deref()).filter(|_| root == base).unwrap_or(last);
    let slides = imports.iter().any(|import| {
        import.module.starts_with("manim_slides") && (import.bound == root || import.name.as_deref() == Some("*"))
    });
    original.ends_with("Scene")
        || names.resolve(base).is_some_and(|taken| taken.name.ends_with("Scene"))
        || (slides && original.ends_with("Slide"))
}

pub(super) fn leading_comment(tree: &Tree) -> Option<String> {
    let clean = |line: &str| {
        let line = line.trim().trim_start_matches('#').trim();
        (!line.is_empty()).then(|| line.to_owned())
    };
    let first = tree.text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with("#!"))?;
    if first.starts_with('#') {
        return tree
            .text
            .lines()
            .map(str::trim)
            .filter(|line| !line.starts_with("#!"))
            .take_while(|line| line.is_empty() || line.starts_with('#'))
            .filter(|line| !line.contains("-*-"))
            .find_map(clean);
    }
    match tree.body.first() {
        Some(Stmt::Expr(s)) => match s.value.as_ref() {
            Expr::StringLiteral(e) => e.value.to_str().lines().find_map(clean),
            _ => None,
        },
        _ => None,
    }
}
