//! Which statements a Scene needs, over all modules of its project.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Range;

use super::project::{Project, Target};
use crate::analyze::outline::{ItemKind, Role, When};

/// A use of a name with what it means.
#[derive(Clone, Debug)]
pub(super) struct Meant {
    /// Bytes of the name and of the attributes that lead through modules.
    pub range: Range<usize>,
    /// The name as written.
    pub text: String,
    /// What it means.
    pub target: Target,
    /// How many attributes led to it.
    pub through: usize,
    /// Whether it binds the name, or names it in a `global` statement.
    pub binds: bool,
    /// Whether what it leads to is assigned to.
    pub stores: bool,
}

/// A statement by module and place in it.
pub(super) type At = (usize, usize);

/// The statements that make a Scene run, and what their names mean.
pub(super) struct Cut {
    /// The Scene.
    pub scene: At,
    /// The needed statements.
    pub items: BTreeSet<At>,
    /// The uses in each of them.
    pub meant: HashMap<At, Vec<Meant>>,
    /// Needed names, with the statements that bind each.
    pub symbols: BTreeMap<(usize, String), BTreeSet<usize>>,
    /// Modules in the order in which Python would have executed them.
    pub order: Vec<usize>,
}

/// Modules of Python whose state is no part of a scene.
const IRRELEVANT: &[&str] = &["os", "sys", "subprocess", "logging", "warnings", "time", "shutil", "argparse", "pytest"];

/// Statements that are calls count as settings of a library if the last part of what they call is one of these.
const SETTERS: &[&str] = &["seed", "update", "use", "register", "register_font", "manual_seed", "set_default", "add_to_preamble"];

/// Cuts a Scene out of its project. `horizon`: items of its module from there on do not exist (later cells of a notebook).
pub(super) fn cut(project: &Project, scene: At, horizon: usize) -> Cut {
    let order = project.execution(scene.0);
    let mut cutter = Cutter {
        project,
        horizon,
        cut: Cut { scene, items: BTreeSet::new(), meant: HashMap::new(), symbols: BTreeMap::new(), order },
        todo: Vec::new(),
    };
    cutter.need(scene);
    cutter.drain();
    let effects = cutter.effects();
    let mut left = effects;
    // A statement that changes a needed object may need more, whose changes are then needed too.
    loop {
        let (now, later): (Vec<_>, Vec<_>) = left.into_iter().partition(|effect| cutter.touches(effect));
        if now.is_empty() {
            break;
        }
        for effect in now {
            cutter.need(effect.at);
        }
        cutter.drain();
        left = later;
    }
    cutter.cut
}

struct Effect {
    at: At,
    /// Names of the project whose objects it changes.
    symbols: Vec<(usize, String)>,
    /// Whether it changes a setting of a library.
    sets: bool,
}

struct Cutter<'p> {
    project: &'p Project,
    horizon: usize,
    cut: Cut,
    todo: Vec<At>,
}

impl Cutter<'_> {
    fn need(&mut self, at: At) {
        if self.cut.items.insert(at) {
            self.todo.push(at);
        }
    }

    fn drain(&mut self) {
        while let Some(at) = self.todo.pop() {
            let meant = self.meanings(at);
            for used in &meant {
                if let Target::Symbol(module, name) = &used.target {
                    self.need_symbol(*module, name, at, used);
                }
            }
            self.cut.meant.insert(at, meant);
        }
    }

    /// How far a module exists for this Scene.
    fn limit(&self, module: usize) -> usize {
        if module == self.cut.scene.0 { self.horizon } else { usize::MAX }
    }

    fn need_symbol(&mut self, module: usize, name: &str, at: At, used: &Meant) {
        let item = self.project.item(at.0, at.1);
        let own = at.0 == module && item.binds.contains(name);
        let binders = if own && used.binds {
            vec![at.1]
        } else if own && used.text == *name && self.is_self(at, used) {
            vec![at.1]
        } else {
            let limit = if module == at.0 && self.is_now(at, used) { at.1 } else { self.limit(module) };
            self.project.binders(module, name, limit)
        };
        self.cut.symbols.entry((module, name.to_owned())).or_default().extend(binders.iter().copied());
        for binder in binders {
            self.need((module, binder));
        }
    }

    fn use_at(&self, at: At, used: &Meant) -> Option<&crate::analyze::outline::Use> {
        self.project.item(at.0, at.1).uses.iter().find(|found| found.range.start == used.range.start)
    }

    fn is_now(&self, at: At, used: &Meant) -> bool {
        self.use_at(at, used).is_some_and(|found| found.when == When::Now && found.inner.is_none())
    }

    /// A class or function that names itself in its body means itself.
    fn is_self(&self, at: At, used: &Meant) -> bool {
        self.use_at(at, used).is_some_and(|found| found.own || found.when == When::Later)
    }

    fn meanings(&self, at: At) -> Vec<Meant> {
        let (module, index) = at;
        let item = self.project.item(module, index);
        let mut found = Vec::with_capacity(item.uses.len());
        for used in &item.uses {
            let binds = used.role != Role::Read;
            let itself = || Target::Symbol(module, used.name.clone());
            let target = if binds {
                // `global x` of a name that the module does not bind otherwise binds it by being run.
                if used.role == Role::Global && !self.project.binds_itself(module, &used.name) { continue } else { itself() }
            } else if let Some(inner) = used.inner {
                match self.project.inner(module, &item.inner_imports[inner], &used.name) {
                    Some(target) => target,
                    None => continue,
                }
            } else if item.binds.contains(&used.name)
                && self.project.binds_itself(module, &used.name)
                && (used.own || used.when == When::Later)
            {
                itself()
            } else {
                let limit = if used.when == When::Now { index } else { self.limit(module) };
                match self.project.resolve(module, &used.name, limit) {
                    Target::Missing(_) => self.project.resolve(module, &used.name, usize::MAX),
                    // What only a star import may give is given by a later statement, if one binds it.
                    Target::Library(name, stars) if !stars.is_empty() && used.when == When::Later => Target::Library(name, stars),
                    target => target,
                }
            };
            let (target, through) = self.project.follow(target, &used.path);
            let end = if through == 0 { used.range.end } else { used.path[through - 1].1 };
            found.push(Meant {
                range: used.range.start..end,
                text: used.name.clone(),
                target,
                through,
                binds,
                stores: used.stores && through == used.path.len() && through > 0,
            });
        }
        found
    }

    /// The statements of all modules on the way that change something.
    fn effects(&self) -> Vec<Effect> {
        let mut found = Vec::new();
        for &module in &self.cut.order {
            for (index, item) in self.project.modules[module].outline.items.iter().enumerate() {
                let skipped = matches!(item.kind, ItemKind::Main | ItemKind::Import | ItemKind::Docstring);
                if skipped || item.changes.is_empty() || self.cut.items.contains(&(module, index)) || index >= self.limit(module) {
                    continue;
                }
                let mut effect = Effect { at: (module, index), symbols: Vec::new(), sets: false };
                for name in &item.changes {
                    let path: &[(String, usize)] =
                        item.uses.iter().find(|used| used.name == *name).map_or(&[], |used| used.path.as_slice());
                    let target = self.project.resolve(module, name, index);
                    match self.project.follow(target, path).0 {
                        Target::Symbol(from, name) => effect.symbols.push((from, name)),
                        Target::External(list) => {
                            let relevant = list.iter().all(|external| {
                                !IRRELEVANT.contains(&external.module.split('.').next().unwrap_or_default())
                            });
                            effect.sets |= relevant && self.is_setting(module, index);
                        }
                        Target::Library(..) => effect.sets |= self.is_setting(module, index),
                        Target::Place(_) | Target::Missing(_) => {}
                    }
                }
                found.push(effect);
            }
        }
        found
    }

    /// Whether a statement that changes a library's object is one that scenes depend on: an assignment, or a call of a setter.
    fn is_setting(&self, module: usize, index: usize) -> bool {
        let item = self.project.item(module, index);
        if item.kind != ItemKind::Effect {
            return false;
        }
        let renders = item.uses.iter().any(|used| match self.project.resolve(module, &used.name, usize::MAX) {
            Target::Symbol(from, name) => self.project.is_scene(from, &name),
            Target::Missing(_) => true,
            _ => false,
        });
        let setter = item.callee.as_ref().is_none_or(|callee| {
            let last = callee.rsplit('.').next().unwrap_or(callee);
            SETTERS.contains(&last) || last.starts_with("set_")
        });
        setter && !renders
    }

    fn touches(&self, effect: &Effect) -> bool {
        effect.sets || effect.symbols.iter().any(|symbol| self.cut.symbols.contains_key(symbol))
    }
}

/// The names of the scopes inside the needed statements: none of them may be given to something of the module's scope.
pub(super) fn inner_names<'p>(project: &'p Project, cut: &Cut) -> HashSet<&'p str> {
    cut.items.iter().flat_map(|at| project.item(at.0, at.1).locals.iter().map(String::as_str)).collect()
}
