//! A project: its modules, which of their names mean what, and which of their classes are Scenes.
//!
//! One file because modules, names and inheritance are resolved through each other.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap, HashSet};

use super::libraries;
use crate::analyze::outline::{Import, Imported, Item, ItemKind, Outline};
use crate::analyze::python_names::BUILTINS;

/// A module of the project: a `.py` file, or the code cells of a notebook.
#[derive(Clone, Debug)]
pub(crate) struct Module {
    /// Its file, relative to the project, with `/`.
    pub rel: String,
    /// What it is made of.
    pub outline: Outline,
    /// For a notebook: the number of the cell that each item stands in.
    pub cells: Vec<u32>,
}

impl Module {
    /// The folder that it lies in; empty for the project's own.
    pub(super) fn folder(&self) -> &str {
        self.rel.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// Its file name without ending, as a part of a Python name.
    pub fn stem(&self) -> String {
        let name = self.rel.rsplit('/').next().unwrap_or(&self.rel);
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        let stem = if stem == "__init__" { self.folder().rsplit('/').next().unwrap_or(stem) } else { stem };
        stem.chars().map(|c| if c.is_alphanumeric() || c == '_' { c } else { '_' }).collect()
    }
}

/// Something that can be imported from the project.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    /// A module, by its index.
    File(usize),
    /// A folder without `__init__.py`.
    Folder(String),
}

/// A name that an import takes from outside the project.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct External {
    /// Dotted module.
    pub module: String,
    /// The name taken from it; none for the module itself.
    pub name: Option<String>,
    /// Whether it is `import a.b`, which binds `a`.
    pub plain: bool,
}

impl External {
    /// What it binds is the same object if this is the same.
    pub fn key(&self) -> String {
        match &self.name {
            Some(name) => format!("{}:{name}", self.module),
            None if self.plain => self.module.split('.').next().unwrap_or_default().to_owned(),
            None => self.module.clone(),
        }
    }
}

/// What a name means.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Target {
    /// A name that statements of a module bind.
    Symbol(usize, String),
    /// A module of the project.
    Place(Place),
    /// Imported from outside.
    External(Vec<External>),
    /// Python's own, or out of a star import; the star imports that it may come from, as module and item.
    Library(String, Vec<(usize, usize)>),
    /// Nothing that can be found.
    Missing(String),
}

enum Bound {
    Here,
    From(Place, String),
    Place(Place),
    External(External),
    Lost,
}

enum Star {
    Place(Place),
    External(String),
}

#[derive(Default)]
struct Table {
    names: HashMap<String, Vec<(usize, Bound)>>,
    stars: Vec<(usize, Star)>,
    /// Modules that executing this one executes first, by item.
    runs: Vec<usize>,
}

/// A class that is a Scene.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SceneClass {
    /// Index of its item.
    pub item: usize,
    /// Its name.
    pub name: String,
    /// How many classes of this name stood in the module up to here, from 1.
    pub occurrence: u32,
    /// Whether it has a `construct`, of its own or from a class of the project.
    pub constructs: bool,
}

/// The modules of a project, tied together.
pub(crate) struct Project {
    pub modules: Vec<Module>,
    pub(super) by_path: HashMap<String, usize>,
    pub(super) folders: HashSet<String>,
    pub(super) by_stem: HashMap<String, Vec<usize>>,
    pub(super) search_paths: HashMap<String, Vec<String>>,
    pub(super) external: Vec<String>,
    foreign_scenes: HashSet<String>,
    plugin_names: HashMap<String, String>,
    tables: Vec<Table>,
    scene_memo: RefCell<HashMap<(usize, usize), (bool, bool)>>,
}

impl Project {
    /// Ties modules together. `external`: packages that are not taken from the project although it has them;
    /// `foreign`: classes of vendored libraries with the names of their bases.
    pub fn new(modules: Vec<Module>, external: &[String], foreign: &HashMap<String, Vec<String>>) -> Project {
        let mut project = Project {
            by_path: HashMap::new(),
            folders: HashSet::from([String::new()]),
            by_stem: HashMap::new(),
            search_paths: HashMap::new(),
            external: external.to_vec(),
            foreign_scenes: foreign_scenes(foreign),
            plugin_names: HashMap::new(),
            tables: Vec::new(),
            scene_memo: RefCell::default(),
            modules,
        };
        for (index, module) in project.modules.iter().enumerate() {
            let Some(path) = module.rel.strip_suffix(".py") else { continue };
            project.by_path.insert(path.to_owned(), index);
            let inside =
                |package: &&String| path.starts_with(&format!("{package}/")) || path.contains(&format!("/{package}/"));
            if let Some(package) = external.iter().find(inside) {
                let defined = module.outline.items.iter().filter(|item| item.kind != ItemKind::Import);
                let names = defined.flat_map(|item| &item.binds).map(|name| (name.clone(), package.clone()));
                project.plugin_names.extend(names);
            }
            let last = path.rsplit('/').next().unwrap_or(path);
            project.by_stem.entry(last.to_owned()).or_default().push(index);
            let mut folder = module.folder();
            if !module.outline.search_paths.is_empty() {
                let paths = project.search_paths.entry(folder.to_owned()).or_default();
                paths.extend(module.outline.search_paths.iter().cloned());
            }
            while !folder.is_empty() {
                project.folders.insert(folder.to_owned());
                folder = folder.rsplit_once('/').map_or("", |(above, _)| above);
            }
        }
        project.tables = (0..project.modules.len()).map(|index| project.table(index)).collect();
        project
    }

    /// Names that packages of the project define which stay imports, with the package.
    pub fn plugin_names(&self) -> &HashMap<String, String> {
        &self.plugin_names
    }

    /// A statement of a module.
    pub fn item(&self, module: usize, item: usize) -> &Item {
        &self.modules[module].outline.items[item]
    }

    fn table(&self, index: usize) -> Table {
        let mut table = Table::default();
        for (at, item) in self.modules[index].outline.items.iter().enumerate() {
            if item.kind == ItemKind::Main {
                continue;
            }
            for import in &item.inner_imports {
                table.runs.extend(self.executed(index, import));
            }
            let any_local = item.imports.iter().any(|import| self.find(index, import).is_some());
            let typing_only = item.uses.iter().any(|used| used.name == "TYPE_CHECKING");
            if item.kind == ItemKind::Import || any_local || (typing_only && !item.imports.is_empty()) {
                for import in &item.imports {
                    table.runs.extend(self.executed(index, import));
                    // Of `try: from .x import y` with a fallback, what is in the project is taken.
                    if item.kind == ItemKind::Block && any_local && self.find(index, import).is_none() {
                        continue;
                    }
                    self.enter(index, at, import, &mut table);
                }
                let imported: BTreeSet<String> = item.imports.iter().flat_map(Import::bound).collect();
                for name in item.binds.iter().filter(|name| !imported.contains(*name)) {
                    table.names.entry(name.clone()).or_default().push((at, Bound::Here));
                }
            } else {
                for name in &item.binds {
                    table.names.entry(name.clone()).or_default().push((at, Bound::Here));
                }
            }
        }
        table
    }

    fn enter(&self, index: usize, at: usize, import: &Import, table: &mut Table) {
        let place = self.find(index, import);
        let local_only = import.level > 0;
        match &import.what {
            Imported::Star => match place {
                Some((_, place)) => table.stars.push((at, Star::Place(place))),
                None if local_only => {}
                None => table.stars.push((at, Star::External(import.module.clone()))),
            },
            Imported::Module { alias } => {
                let name = import.bound().remove(0);
                let bound = match place {
                    Some((root, place)) => Bound::Place(if alias.is_some() { place } else { root }),
                    None => {
                        Bound::External(External { module: import.module.clone(), name: None, plain: alias.is_none() })
                    }
                };
                table.names.entry(name).or_default().push((at, bound));
            }
            Imported::Names(names) => {
                for (name, alias) in names {
                    let bound = match &place {
                        Some((_, place)) => Bound::From(place.clone(), name.clone()),
                        None if local_only => Bound::Lost,
                        None => Bound::External(External {
                            module: import.module.clone(),
                            name: Some(name.clone()),
                            plain: false,
                        }),
                    };
                    let to = alias.as_ref().unwrap_or(name).clone();
                    table.names.entry(to).or_default().push((at, bound));
                }
            }
        }
    }

    /// What `name` means in a module, looking at its items before `limit` only.
    pub fn resolve(&self, module: usize, name: &str, limit: usize) -> Target {
        let mut seen = HashSet::new();
        if let Some(target) = self.certain(module, name, limit, &mut seen) {
            return target;
        }
        if BUILTINS.binary_search(&name).is_ok() {
            return Target::Library(name.to_owned(), Vec::new());
        }
        let stars = self.uncertain_stars(module, &mut HashSet::new());
        if stars.is_empty() { Target::Missing(name.to_owned()) } else { Target::Library(name.to_owned(), stars) }
    }

    /// Whether statements of the module itself bind the name.
    pub fn binds_itself(&self, module: usize, name: &str) -> bool {
        self.tables[module]
            .names
            .get(name)
            .is_some_and(|found| found.iter().any(|(_, bound)| matches!(bound, Bound::Here)))
    }

    fn certain(&self, module: usize, name: &str, limit: usize, seen: &mut HashSet<(usize, String)>) -> Option<Target> {
        if !seen.insert((module, name.to_owned())) {
            return None;
        }
        let table = &self.tables[module];
        let mut stars = table.stars.iter().rev().filter(|(at, _)| *at < limit).peekable();
        let no_names = Vec::new();
        let names = table.names.get(name).unwrap_or(&no_names);
        let mut found = None;
        let mut stars_after = |after: Option<usize>, seen: &mut HashSet<(usize, String)>| -> Option<Target> {
            while let Some((at, star)) = stars.next_if(|(at, _)| after.is_none_or(|after| *at > after)) {
                match star {
                    Star::Place(place) => {
                        if let Place::File(from) = place
                            && self.exports(*from, name)
                            && let Some(target) = self.certain(*from, name, usize::MAX, seen)
                        {
                            return Some(target);
                        }
                    }
                    Star::External(library) => {
                        if libraries::star_binds(library, name) == Some(true) {
                            return Some(Target::Library(name.to_owned(), vec![(module, *at)]));
                        }
                    }
                }
            }
            None
        };
        for (at, bound) in names.iter().rev().filter(|(at, _)| *at < limit) {
            // What a star import gives later by the name of a module that was imported is that module.
            let is_module = matches!(bound, Bound::External(External { name: None, .. }));
            match stars_after(Some(*at), seen) {
                Some(Target::Library(..)) if is_module => {}
                Some(target) => {
                    found = Some(target);
                    break;
                }
                None => {}
            }
            found = match bound {
                Bound::Here => Some(Target::Symbol(module, name.to_owned())),
                Bound::Place(place) => Some(Target::Place(place.clone())),
                Bound::Lost => Some(Target::Missing(name.to_owned())),
                Bound::External(external) => {
                    let mut all = vec![external.clone()];
                    // `import a.b` and `import a.c` bind `a` together.
                    if external.plain {
                        for (_, other) in names {
                            if let Bound::External(other) = other
                                && other.plain
                                && !all.contains(other)
                            {
                                all.push(other.clone());
                            }
                        }
                    }
                    Some(Target::External(all))
                }
                Bound::From(place, original) => Some(self.member(place, original, seen)),
            };
            if found.is_some() {
                break;
            }
        }
        if found.is_none() {
            found = stars_after(None, seen);
        }
        seen.remove(&(module, name.to_owned()));
        found
    }

    /// What `place.name` means.
    fn member(&self, place: &Place, name: &str, seen: &mut HashSet<(usize, String)>) -> Target {
        if let Place::File(module) = place
            && let Some(target) = self.certain(*module, name, usize::MAX, seen)
        {
            return target;
        }
        if let Some(sub) = self.submodule(place, name) {
            return Target::Place(sub);
        }
        if let Place::File(module) = place {
            let stars = self.uncertain_stars(*module, &mut HashSet::new());
            if !stars.is_empty() {
                return Target::Library(name.to_owned(), stars);
            }
        }
        Target::Missing(name.to_owned())
    }

    /// Follows attributes from a module into what it holds; gives the target and how many attributes that took.
    pub fn follow(&self, target: Target, path: &[(String, usize)]) -> (Target, usize) {
        let (mut target, mut taken) = (target, 0);
        while let (Target::Place(place), Some((name, _))) = (&target, path.get(taken)) {
            target = self.member(place, name, &mut HashSet::new());
            taken += 1;
        }
        (target, taken)
    }

    /// The modules of the project whose names a module takes over with star imports.
    pub fn star_modules(&self, module: usize) -> Vec<usize> {
        let file = |(_, star): &(usize, Star)| match star {
            Star::Place(Place::File(from)) => Some(*from),
            _ => None,
        };
        self.tables[module].stars.iter().filter_map(file).collect()
    }

    /// What an import inside a function binds to `name`; none if it comes from outside the project.
    pub fn inner(&self, module: usize, import: &Import, name: &str) -> Option<Target> {
        let (root, place) = self.find(module, import)?;
        match &import.what {
            Imported::Module { alias: None } => Some(Target::Place(root)),
            Imported::Module { alias: Some(_) } => Some(Target::Place(place)),
            Imported::Star => None,
            Imported::Names(names) => {
                let (original, _) =
                    names.iter().find(|(original, alias)| alias.as_ref().unwrap_or(original) == name)?;
                Some(self.member(&place, original, &mut HashSet::new()))
            }
        }
    }

    /// Whether `from module import *` takes a name along.
    fn exports(&self, module: usize, name: &str) -> bool {
        match &self.modules[module].outline.all {
            Some(all) => all.iter().any(|listed| listed == name),
            None => !name.starts_with('_'),
        }
    }

    /// Star imports of libraries whose names are not known, directly and through star imports of the project.
    fn uncertain_stars(&self, module: usize, seen: &mut HashSet<usize>) -> Vec<(usize, usize)> {
        let mut found = Vec::new();
        if seen.insert(module) {
            for (at, star) in &self.tables[module].stars {
                match star {
                    Star::External(library) if libraries::star_binds(library, "").is_none() => {
                        found.push((module, *at))
                    }
                    Star::Place(Place::File(from)) => found.extend(self.uncertain_stars(*from, seen)),
                    _ => {}
                }
            }
        }
        found
    }

    /// The items that bind a name of a module, those before `limit` only: from the last that binds it in any case on.
    pub fn binders(&self, module: usize, name: &str, limit: usize) -> Vec<usize> {
        let here = |at: &&(usize, Bound)| matches!(at.1, Bound::Here);
        let all: Vec<usize> =
            self.tables[module].names.get(name).into_iter().flatten().filter(here).map(|(at, _)| *at).collect();
        let mut before: Vec<usize> = all.iter().copied().filter(|at| *at < limit).collect();
        if before.is_empty() {
            before = all;
        }
        let last = before.iter().rposition(|at| self.item(module, *at).complete).unwrap_or(0);
        before.split_off(last)
    }

    /// The modules that executing one executes, in the order in which they end: itself last.
    pub fn execution(&self, module: usize) -> Vec<usize> {
        let mut order = Vec::new();
        let mut seen = HashSet::from([module]);
        // Each entry: a module and how many of its imports are done.
        let mut stack = vec![(module, 0)];
        while let Some((current, done)) = stack.pop() {
            match self.tables[current].runs.get(done) {
                Some(next) => {
                    stack.push((current, done + 1));
                    if seen.insert(*next) {
                        stack.push((*next, 0));
                    }
                }
                None => order.push(current),
            }
        }
        order
    }

    /// The Scene classes of a module's top level, in order.
    pub fn scenes(&self, module: usize) -> Vec<SceneClass> {
        let mut counts: HashMap<&str, u32> = HashMap::new();
        let mut found = Vec::new();
        for (index, item) in self.modules[module].outline.items.iter().enumerate() {
            let Some(class) = &item.class else { continue };
            let (is_scene, constructs) = self.scene(module, index, &mut HashSet::new());
            if is_scene {
                let occurrence = counts.entry(&class.name).or_default();
                *occurrence += 1;
                found.push(SceneClass { item: index, name: class.name.clone(), occurrence: *occurrence, constructs });
            }
        }
        found
    }

    /// Whether a name of a module is a Scene class.
    pub fn is_scene(&self, module: usize, name: &str) -> bool {
        let class =
            |at: &usize| self.item(module, *at).class.is_some() && self.scene(module, *at, &mut HashSet::new()).0;
        self.binders(module, name, usize::MAX).iter().any(class)
    }

    /// Whether a class is a Scene, and whether it or a class of the project that it derives from has `construct`.
    fn scene(&self, module: usize, index: usize, seen: &mut HashSet<(usize, usize)>) -> (bool, bool) {
        if let Some(known) = self.scene_memo.borrow().get(&(module, index)) {
            return *known;
        }
        let Some(class) = &self.item(module, index).class else { return (false, false) };
        if !seen.insert((module, index)) {
            return (false, false);
        }
        let (mut is_scene, mut constructs) = (false, class.has_construct);
        for base in &class.bases {
            let mut parts = base.split('.');
            let first = parts.next().unwrap_or_default();
            let path: Vec<(String, usize)> = parts.map(|part| (part.to_owned(), 0)).collect();
            let mut target = self.resolve(module, first, index);
            if matches!(target, Target::Missing(_)) {
                target = self.resolve(module, first, usize::MAX);
            }
            let (target, _) = self.follow(target, &path);
            let last = match &target {
                Target::External(list) => {
                    list.last().and_then(|external| external.name.clone()).filter(|_| path.is_empty())
                }
                _ => None,
            };
            let last = last.unwrap_or_else(|| base.rsplit('.').next().unwrap_or(base).to_owned());
            match &target {
                Target::Symbol(from, name) => {
                    let limit = if *from == module { index } else { usize::MAX };
                    let class_item = self
                        .binders(*from, name, limit)
                        .into_iter()
                        .rev()
                        .find(|at| self.item(*from, *at).class.is_some());
                    match class_item {
                        Some(at) if (*from, at) != (module, index) => {
                            let (base_scene, base_constructs) = self.scene(*from, at, seen);
                            is_scene |= base_scene;
                            constructs |= base_constructs;
                        }
                        _ => is_scene |= libraries::is_scene_name(&last),
                    }
                }
                _ => is_scene |= libraries::is_scene_name(&last) || self.foreign_scenes.contains(&last),
            }
        }
        self.scene_memo.borrow_mut().insert((module, index), (is_scene, constructs));
        (is_scene, constructs)
    }
}

/// The classes of vendored libraries that derive from a Scene.
fn foreign_scenes(classes: &HashMap<String, Vec<String>>) -> HashSet<String> {
    let mut scenes = HashSet::new();
    loop {
        let more: Vec<&String> = classes
            .iter()
            .filter(|(name, bases)| {
                !scenes.contains(*name)
                    && bases.iter().any(|base| {
                        let last = base.rsplit('.').next().unwrap_or(base);
                        scenes.contains(last) || libraries::is_scene_name(last)
                    })
            })
            .map(|(name, _)| name)
            .collect();
        if more.is_empty() {
            return scenes;
        }
        scenes.extend(more.into_iter().cloned());
    }
}
