//! One text out of a cut: imports, then the statements in the order in which Python would have executed them.
//!
//! All modules' names come to stand in one scope. A name keeps its spelling unless two different things would have it:
//! then the one farther from the Scene is renamed, in its definition and in every use. A name given by `import .. as`
//! becomes an assignment; `helpers.f` becomes `f`.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::Write as _;
use std::ops::Range;

use super::cut::{At, Cut, Meant, inner_names};
use super::project::{External, Project, Target};
use crate::analyze::outline::{Import, Imported, ItemKind};

/// A text made of a cut.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Composed {
    /// The code.
    pub code: String,
    /// Files that it opens.
    pub assets: BTreeSet<String>,
    /// Names that two different things have and that could not be told apart.
    pub conflicts: BTreeSet<String>,
    /// Other modules that something was taken from, by file.
    pub files: BTreeSet<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Meaning {
    Symbol(usize, String),
    External(String),
    Library(String),
}

struct Composer<'p> {
    project: &'p Project,
    cut: &'p Cut,
    names: HashMap<String, Meaning>,
    primary: HashMap<(usize, String), String>,
    bound: HashMap<String, String>,
    externals: BTreeMap<String, (Vec<External>, BTreeSet<String>)>,
    stars: BTreeSet<At>,
    aliases: Vec<(String, Meaning)>,
    taken_inside: HashSet<&'p str>,
    conflicts: BTreeSet<String>,
}

/// Writes the text of a cut.
pub(super) fn compose(project: &Project, cut: &Cut) -> Composed {
    let mut composer = Composer {
        project,
        cut,
        names: HashMap::new(),
        primary: HashMap::new(),
        bound: HashMap::new(),
        externals: BTreeMap::new(),
        stars: BTreeSet::new(),
        aliases: Vec::new(),
        taken_inside: inner_names(project, cut),
        conflicts: BTreeSet::new(),
    };
    composer.give_names();
    let bodies: Vec<(At, String)> = composer.in_order().into_iter().map(|at| (at, composer.rewritten(at))).collect();
    composer.write(&bodies)
}

impl Composer<'_> {
    /// The needed statements in the order of execution.
    fn in_order(&self) -> Vec<At> {
        let place: HashMap<usize, usize> = self.cut.order.iter().enumerate().map(|(place, module)| (*module, place)).collect();
        let mut items: Vec<At> = self.cut.items.iter().copied().collect();
        items.retain(|at| self.project.item(at.0, at.1).kind != ItemKind::Import);
        items.sort_by_key(|at| (place.get(&at.0).copied().unwrap_or(0), at.0, at.1));
        items
    }

    /// The needed statements by nearness to the Scene: itself, its module, the modules executed last.
    fn by_nearness(&self) -> Vec<At> {
        let mut items = self.in_order();
        let place: HashMap<usize, usize> = self.cut.order.iter().enumerate().map(|(place, module)| (*module, place)).collect();
        items.sort_by_key(|at| (*at != self.cut.scene, std::cmp::Reverse(place.get(&at.0).copied().unwrap_or(0)), at.1));
        items
    }

    fn give_names(&mut self) {
        let items = self.by_nearness();
        let cut = self.cut;
        let all: Vec<&Meant> = items.iter().flat_map(|at| cut.meant.get(at).into_iter().flatten()).collect();
        // What comes from a star import or from Python itself cannot be renamed.
        for at in &items {
            for used in cut.meant.get(at).into_iter().flatten() {
                match &used.target {
                    Target::Library(name, stars) => {
                        self.stars.extend(stars.iter().copied());
                        let shadowed_later = used.through == 0 && self.project.binds_itself(at.0, &used.text);
                        if !shadowed_later {
                            self.names.entry(name.clone()).or_insert_with(|| Meaning::Library(name.clone()));
                        }
                    }
                    Target::Missing(name) if used.through == 0 => {
                        self.names.entry(name.clone()).or_insert_with(|| Meaning::Library(name.clone()));
                    }
                    _ => {}
                }
            }
        }
        let scene = self.project.item(self.cut.scene.0, self.cut.scene.1);
        if let Some(class) = &scene.class {
            let meaning = Meaning::Symbol(self.cut.scene.0, class.name.clone());
            self.primary.insert((self.cut.scene.0, class.name.clone()), class.name.clone());
            if let Some(before) = self.names.insert(class.name.clone(), meaning.clone())
                && before != meaning
            {
                self.conflicts.insert(class.name.clone());
            }
        }
        for used in all.iter().filter(|used| used.binds) {
            if let Target::Symbol(module, name) = &used.target {
                self.name_symbol(*module, name);
            }
        }
        // Names bound where no use has their place: imports and exceptions in blocks.
        for at in &items {
            for name in &self.project.item(at.0, at.1).fixed {
                if self.project.binds_itself(at.0, name) {
                    self.name_symbol(at.0, name);
                }
            }
        }
        for used in &all {
            match &used.target {
                Target::External(list) => self.name_external(list, &used.text, used.through > 0),
                Target::Symbol(module, name) => drop(self.name_symbol(*module, name)),
                _ => {}
            }
        }
    }

    fn name_symbol(&mut self, module: usize, name: &str) -> String {
        let symbol = (module, name.to_owned());
        if let Some(given) = self.primary.get(&symbol) {
            return given.clone();
        }
        let meaning = Meaning::Symbol(module, name.to_owned());
        let given = match self.names.get(name) {
            None => name.to_owned(),
            Some(other) if *other == meaning => name.to_owned(),
            Some(_) => {
                let stem = self.project.modules[module].stem();
                let given = self.fresh(&format!("{name}_{stem}"));
                let fixed = |at: &usize| self.project.item(module, *at).fixed.contains(name);
                if self.cut.symbols.get(&symbol).is_some_and(|binders| binders.iter().any(fixed)) {
                    self.conflicts.insert(name.to_owned());
                }
                given
            }
        };
        self.names.insert(given.clone(), meaning);
        self.primary.insert(symbol, given.clone());
        given
    }

    fn name_external(&mut self, list: &[External], text: &str, through: bool) {
        let Some(first) = list.first() else { return };
        let key = first.key();
        let meaning = Meaning::External(key.clone());
        // `helpers.np` asks for the name that `helpers` has for it.
        let wanted = if through { first.name.clone().unwrap_or_else(|| first.module.replace('.', "_")) } else { text.to_owned() };
        if through && self.bound.contains_key(&key) {
            return;
        }
        let given = match self.names.get(&wanted) {
            None => wanted,
            Some(other) if *other == meaning => wanted,
            Some(Meaning::Library(_)) if self.is_in_star(first, &wanted) => wanted,
            Some(_) => match self.bound.get(&key) {
                Some(given) => given.clone(),
                None => self.fresh(&format!("{wanted}_{}", first.module.replace('.', "_"))),
            },
        };
        self.names.insert(given.clone(), meaning);
        self.bound.entry(key.clone()).or_insert_with(|| given.clone());
        let entry = self.externals.entry(key).or_insert_with(|| (list.to_vec(), BTreeSet::new()));
        for external in list {
            if !entry.0.contains(external) {
                entry.0.push(external.clone());
            }
        }
        entry.1.insert(given);
    }

    /// Whether a star import gives the same thing by the same name: a module, or a name out of the library itself.
    fn is_in_star(&self, external: &External, wanted: &str) -> bool {
        let library = |at: &At| {
            let imports = &self.project.item(at.0, at.1).imports;
            imports.iter().any(|import| import.module.split('.').next() == external.module.split('.').next())
        };
        match &external.name {
            None => true,
            Some(name) => name == wanted && self.stars.iter().any(library),
        }
    }

    /// A name that nothing has, like `wanted`.
    fn fresh(&self, wanted: &str) -> String {
        let free = |name: &str| !self.names.contains_key(name) && !self.taken_inside.contains(name);
        let mut name = wanted.to_owned();
        let mut number = 2;
        while !free(&name) {
            name = format!("{wanted}_{number}");
            number += 1;
        }
        name
    }

    /// What to write for a use; none where it stays as it is.
    fn spelling(&mut self, at: At, used: &Meant) -> Option<String> {
        let inside = |name: &str| self.project.item(at.0, at.1).locals.contains(name);
        let (meaning, main) = match &used.target {
            Target::Symbol(module, name) => (Meaning::Symbol(*module, name.clone()), self.primary.get(&(*module, name.clone()))?.clone()),
            Target::External(list) => {
                let key = list.first()?.key();
                let main = self.bound.get(&key)?.clone();
                (Meaning::External(key), main)
            }
            Target::Library(name, _) if used.through == 0 && used.text == *name => return None,
            Target::Library(name, _) => (Meaning::Library(name.clone()), name.clone()),
            // A module itself, or nothing: it stays, and is found to be unresolved.
            Target::Place(_) | Target::Missing(_) => return None,
        };
        if used.stores {
            return None;
        }
        if used.through == 0 {
            if self.names.get(&used.text) == Some(&meaning) {
                return None;
            }
            if used.binds {
                return Some(main);
            }
            if !self.names.contains_key(&used.text) {
                self.names.insert(used.text.clone(), meaning.clone());
                self.aliases.push((used.text.clone(), meaning));
                return None;
            }
        }
        if !inside(&main) {
            return Some(main);
        }
        // A local of the same spelling would catch it.
        let known = self.aliases.iter().find(|(name, what)| *what == meaning && !inside(name)).map(|(name, _)| name.clone());
        Some(known.unwrap_or_else(|| {
            let name = self.fresh(&format!("{main}_{}", used.text));
            self.names.insert(name.clone(), meaning.clone());
            self.aliases.push((name.clone(), meaning));
            name
        }))
    }

    /// The text of a statement, with names as they are here and without imports of the project.
    fn rewritten(&mut self, at: At) -> String {
        let cut = self.cut;
        let mut edits: Vec<(Range<usize>, String)> = Vec::new();
        for used in cut.meant.get(&at).into_iter().flatten() {
            if let Some(text) = self.spelling(at, used) {
                edits.push((used.range.clone(), text));
            }
        }
        let module = &self.project.modules[at.0];
        let item = self.project.item(at.0, at.1);
        let mut statements: BTreeMap<usize, Vec<&Import>> = BTreeMap::new();
        for import in &item.inner_imports {
            statements.entry(import.range.start).or_default().push(import);
        }
        for imports in statements.values().filter(|all| all.iter().any(|import| self.project.is_local(at.0, import))) {
            let kept: Vec<String> =
                imports.iter().filter(|import| !self.project.is_local(at.0, import)).map(|import| plain_import(import)).collect();
            let text = if kept.is_empty() { "pass".to_owned() } else { kept.join("; ") };
            edits.push((imports[0].range.clone(), text));
        }
        edits.sort_by_key(|(range, _)| (range.start, range.end));
        edits.dedup();
        let mut text = String::new();
        let mut done = item.range.start;
        for (range, new) in edits {
            if range.start >= done && range.end <= item.range.end {
                text.push_str(&module.outline.text[done..range.start]);
                text.push_str(&new);
                done = range.end;
            }
        }
        text.push_str(&module.outline.text[done..item.range.end]);
        text.trim_end().to_owned()
    }

    fn write(self, bodies: &[(At, String)]) -> Composed {
        let mut out = self.import_lines();
        let mut after: BTreeMap<At, Vec<String>> = BTreeMap::new();
        let position: HashMap<At, usize> = bodies.iter().enumerate().map(|(place, (at, _))| (*at, place)).collect();
        for (name, meaning) in &self.aliases {
            let (main, binders) = match meaning {
                Meaning::Symbol(module, symbol) => {
                    let key = (*module, symbol.clone());
                    let binders = self.cut.symbols.get(&key);
                    let last = binders.into_iter().flatten().filter_map(|at| position.get(&(*module, *at))).max();
                    (self.primary.get(&key).cloned(), last)
                }
                Meaning::External(key) => (self.bound.get(key).cloned(), None),
                Meaning::Library(library) => (Some(library.clone()), None),
            };
            let Some(main) = main else { continue };
            let line = format!("{name} = {main}");
            match binders {
                Some(last) => after.entry(bodies[*last].0).or_default().push(line),
                None => {
                    out.push_str(&line);
                    out.push('\n');
                }
            }
        }
        let mut previous: Option<(At, bool)> = None;
        for (at, body) in bodies {
            let item = self.project.item(at.0, at.1);
            let large = matches!(item.kind, ItemKind::Class | ItemKind::Function);
            let gap = match previous {
                None if out.is_empty() => "",
                None if large => "\n\n",
                None => "\n",
                Some((_, before)) if before || large => "\n\n",
                Some(((module, index), _)) if module == at.0 && index + 1 == at.1 => "",
                Some(_) => "\n",
            };
            out.push_str(gap);
            out.push_str(body);
            out.push('\n');
            let aliases = after.get(at);
            for line in aliases.into_iter().flatten() {
                if large {
                    out.push_str("\n\n");
                }
                out.push_str(line);
                out.push('\n');
            }
            previous = Some((*at, large));
        }
        let mut assets = BTreeSet::new();
        let mut files = BTreeSet::new();
        for (at, _) in bodies {
            assets.extend(self.project.item(at.0, at.1).assets.iter().map(|(path, _)| path.clone()));
            if at.0 != self.cut.scene.0 {
                files.insert(self.project.modules[at.0].rel.clone());
            }
        }
        Composed { code: out, assets, conflicts: self.conflicts, files }
    }

    /// The imports from outside, in the order in which Python would have executed them.
    fn import_lines(&self) -> String {
        let contributing: BTreeSet<usize> = self.cut.items.iter().map(|at| at.0).collect();
        let mut future = BTreeSet::new();
        let mut lines: Vec<String> = Vec::new();
        let mut left: BTreeMap<(String, String), &External> = BTreeMap::new();
        for (key, (list, names)) in &self.externals {
            for name in names {
                if let Some(first) = list.first() {
                    left.insert((key.clone(), name.clone()), first);
                }
            }
        }
        for &module in &self.cut.order {
            for (index, item) in self.project.modules[module].outline.items.iter().enumerate() {
                for import in &item.imports {
                    if import.module == "__future__" {
                        if let (Imported::Names(names), true) = (&import.what, contributing.contains(&module)) {
                            future.extend(names.iter().map(|(name, _)| name.clone()));
                        }
                        continue;
                    }
                    match &import.what {
                        Imported::Star => {
                            if self.stars.contains(&(module, index)) {
                                lines.push(format!("from {} import *", import.module));
                            }
                        }
                        Imported::Module { alias } => {
                            let external = External { module: import.module.clone(), name: None, plain: alias.is_none() };
                            let name = import.bound().remove(0);
                            let key = external.key();
                            let asked = self.externals.get(&key).is_some_and(|(list, names)| {
                                list.contains(&external) && names.contains(&name)
                            });
                            if asked && self.names.get(&name) == Some(&Meaning::External(key.clone())) {
                                left.remove(&(key.clone(), name.clone()));
                                lines.push(plain_import(import));
                            }
                        }
                        Imported::Names(names) => {
                            let mut parts = Vec::new();
                            for (original, alias) in names {
                                let external =
                                    External { module: import.module.clone(), name: Some(original.clone()), plain: false };
                                let key = external.key();
                                let bound = alias.as_ref().unwrap_or(original);
                                if left.remove(&(key, bound.clone())).is_some() {
                                    parts.push(with_alias(original, bound));
                                }
                            }
                            if !parts.is_empty() {
                                lines.push(format!("from {} import {}", import.module, parts.join(", ")));
                            }
                        }
                    }
                }
            }
        }
        for ((_, bound), external) in left {
            lines.push(match &external.name {
                Some(name) => format!("from {} import {}", external.module, with_alias(name, &bound)),
                None if external.module == *bound => format!("import {bound}"),
                None => format!("import {} as {bound}", external.module),
            });
        }
        let mut out = String::new();
        if !future.is_empty() {
            let names: Vec<String> = future.into_iter().collect();
            let _ = writeln!(out, "from __future__ import {}", names.join(", "));
        }
        let mut written = HashSet::new();
        for line in lines {
            if written.insert(line.clone()) {
                out.push_str(&line);
                out.push('\n');
            }
        }
        out
    }
}

fn with_alias(name: &str, bound: &str) -> String {
    if name == bound { name.to_owned() } else { format!("{name} as {bound}") }
}

/// An import written anew.
fn plain_import(import: &Import) -> String {
    match &import.what {
        Imported::Module { alias: Some(alias) } => format!("import {} as {alias}", import.module),
        Imported::Module { alias: None } => format!("import {}", import.module),
        Imported::Star => format!("from {} import *", import.module),
        Imported::Names(names) => {
            let parts: Vec<String> =
                names.iter().map(|(name, alias)| with_alias(name, alias.as_ref().unwrap_or(name))).collect();
            format!("from {} import {}", import.module, parts.join(", "))
        }
    }
}
