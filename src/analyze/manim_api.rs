//! The names of Manim: which exist in the pinned release and of which kind, and which belong to ManimGL alone.
//!
//! Data, written by `manim_api/introspect.py` from an installed release; see there for what the file holds. Names are
//! taken from the library only where the text does not bind them itself: [`Names`] follows imports and aliases.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use rustc_hash::{FxHashMap, FxHashSet};
use serde::Deserialize;

use super::facts::{CodeFacts, ImportFact};
use crate::sample::{hash16, hex};

const DATA: &str = include_str!("manim_api/manim-0.22.json");

static API: LazyLock<Api> = LazyLock::new(|| Api::read(DATA).expect("the embedded index of names is well-formed JSON"));

/// The kind of a Manim name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NameKind {
    /// An animation class.
    Animation,
    /// A mobject class.
    Mobject,
    /// A scene class.
    Scene,
    /// A colour.
    Color,
    /// A rate function.
    RateFunction,
    /// A camera class.
    Camera,
    /// Another function.
    Function,
    /// Another constant: directions, buffers, `config`.
    Constant,
    /// Another class.
    Class,
    /// A module: `rate_functions`, `np`.
    Module,
}

#[derive(Clone, Debug, Deserialize)]
struct NameEntry {
    kind: NameKind,
    #[serde(default)]
    bases: Vec<String>,
    module: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
struct File {
    manim: String,
    names: FxHashMap<String, NameEntry>,
    internal: FxHashMap<String, NameEntry>,
    modules: FxHashMap<String, FxHashSet<String>>,
    methods: FxHashMap<String, FxHashSet<String>>,
    gl_only: FxHashMap<String, u8>,
    gl_attributes: FxHashMap<String, u8>,
    gl_keywords: FxHashMap<String, u8>,
    gl_modules: FxHashMap<String, u8>,
    gl_class_attributes: FxHashMap<String, u8>,
}

/// The index of names.
#[derive(Clone, Debug)]
pub struct Api {
    file: File,
    methods: FxHashSet<String>,
    /// Modules and the packages that they lie in.
    packages: FxHashSet<String>,
}

/// The index of the pinned release.
pub fn api() -> &'static Api {
    &API
}

/// A digest of the index: what it decides may differ where this differs.
pub fn data_version() -> String {
    hex(&hash16(&[DATA.as_bytes()])[..6])
}

/// ManimGL's own animations, by the beginnings and ends that its names share (`ShowCreationThenFadeOut`, `VFadeIn`).
fn is_gl_animation(name: &str) -> bool {
    const PARTS: &[&str] =
        &["ShowCreation", "FadeIn", "FadeOut", "ShowPassingFlash", "Flash", "Continual", "WiggleOut", "ClockPasses"];
    const NAMES: &[&str] = &[
        "AnimationOnSurroundingRectangle",
        "ApplyToCenters",
        "CircleIndicate",
        "CountInFrom",
        "DelayByOrder",
        "LaggedStartByOrder",
        "MoveCar",
        "TransformMatchingParts",
        "TransformMatchingStrings",
        "TurnInsideOut",
        "VHighlight",
    ];
    PARTS.iter().any(|part| name.contains(part)) || NAMES.contains(&name)
}

impl Api {
    fn read(json: &str) -> Result<Api, serde_json::Error> {
        let file: File = serde_json::from_str(json)?;
        let methods = file.methods.values().flatten().cloned().chain(["animate".to_owned()]).collect();
        let packages = file
            .modules
            .keys()
            .flat_map(|module| module.match_indices('.').map(|(end, _)| &module[..end]).chain([module.as_str()]))
            .map(str::to_owned)
            .collect();
        Ok(Api { file, methods, packages })
    }

    /// The release: `0.22.0`.
    pub fn release(&self) -> &str {
        &self.file.manim
    }

    /// Kind of a name that `from manim import *` binds.
    pub fn kind(&self, name: &str) -> Option<NameKind> {
        self.file.names.get(name).map(|entry| entry.kind)
    }

    /// Every name of the release, with its kind, in no order.
    pub fn names(&self) -> impl Iterator<Item = (&str, NameKind)> {
        self.file.names.iter().map(|(name, entry)| (name.as_str(), entry.kind))
    }

    /// Kind of a name of the release or of ManimGL, whose classes are told apart by their names.
    pub fn kind_in_either(&self, name: &str) -> Option<NameKind> {
        self.kind(name).or_else(|| {
            self.gl_weight(name)?;
            let first_upper = name.starts_with(|ch: char| ch.is_ascii_uppercase());
            Some(if !first_upper {
                NameKind::Function
            } else if !name.contains(|ch: char| ch.is_ascii_lowercase()) {
                NameKind::Constant
            } else if name.ends_with("Scene") {
                NameKind::Scene
            } else if is_gl_animation(name) {
                NameKind::Animation
            } else {
                NameKind::Mobject
            })
        })
    }

    /// Whether a class has a method, property or attribute, inherited ones included.
    pub fn has_method(&self, class: &str, method: &str) -> bool {
        let mut todo = vec![class];
        let mut steps = 0;
        while let Some(class) = todo.pop() {
            steps += 1;
            if self.file.methods.get(class).is_some_and(|methods| methods.contains(method)) {
                return true;
            }
            if steps < 64
                && let Some(entry) = self.file.names.get(class).or_else(|| self.file.internal.get(class))
            {
                todo.extend(entry.bases.iter().map(String::as_str));
            }
        }
        false
    }

    /// Whether any class of Manim has a method, property or attribute of this name.
    pub fn is_method(&self, name: &str) -> bool {
        self.methods.contains(name)
    }

    /// Weight from 1 to 3 of a name that ManimGL has and the release has not; 3 says ManimGL by itself.
    pub fn gl_weight(&self, name: &str) -> Option<u8> {
        self.file.gl_only.get(name).copied()
    }

    /// The same for an attribute; for one of `self` in a scene, `on_self`.
    pub fn gl_attribute_weight(&self, name: &str, on_self: bool) -> Option<u8> {
        let own = if on_self { self.file.gl_attributes.get(&format!("self.{name}")) } else { None };
        own.or_else(|| self.file.gl_attributes.get(name)).copied()
    }

    /// The same for a keyword argument.
    pub fn gl_keyword_weight(&self, name: &str) -> Option<u8> {
        self.file.gl_keywords.get(name).copied()
    }

    /// The same for a name assigned in the body of a class.
    pub fn gl_class_attribute_weight(&self, name: &str) -> Option<u8> {
        self.file.gl_class_attributes.get(name).copied()
    }

    /// The same for a module that is imported, or its parent.
    pub fn gl_module_weight(&self, module: &str) -> Option<u8> {
        let root = module.split('.').next().unwrap_or(module);
        self.file.gl_modules.get(module).or_else(|| self.file.gl_modules.get(root)).copied()
    }

    /// Whether any module of the package has the name, be it exported by `manim` or not.
    pub fn is_anywhere(&self, name: &str) -> bool {
        self.file.internal.contains_key(name) || self.file.modules.values().any(|names| names.contains(name))
    }

    /// Whether a module of the package is known, and the name public in it.
    pub fn module_has(&self, module: &str, name: &str) -> Option<bool> {
        if module == "manim" {
            return Some(self.file.names.contains_key(name) || self.packages.contains(&format!("manim.{name}")));
        }
        let inside = self.packages.contains(&format!("{module}.{name}"));
        match self.file.modules.get(module) {
            Some(names) => Some(inside || names.contains(name)),
            None => inside.then_some(true),
        }
    }

    /// The module that a name of kind [`NameKind::Module`] stands for.
    fn module_of(&self, name: &str) -> Option<&str> {
        self.file.names.get(name).and_then(|entry| entry.module.as_deref())
    }
}

/// Whether a module is Manim of either dialect (plugins are not).
pub fn is_manim_module(module: &str) -> bool {
    matches!(module.split('.').next(), Some("manim" | "manimlib" | "manimgl" | "manim_imports_ext"))
        || module == "big_ol_pile_of_manim_imports"
}

/// What a dotted name of a text means, after its imports.
#[derive(Clone, Debug)]
pub struct Names<'a> {
    bound: &'a BTreeMap<String, u32>,
    /// Names bound to something of Manim: to a name of a module, or to a module (then the name is empty).
    imported: FxHashMap<&'a str, (&'a str, &'a str)>,
}

/// A name that a text takes from Manim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken<'a> {
    /// The name in Manim, without modules: `Circle`, `ease_in_sine`.
    pub name: &'a str,
    /// The module that it is taken from: `manim`, `manim.utils.color`; `manim` for a name that nothing binds.
    pub module: &'a str,
}

impl<'a> Names<'a> {
    /// Reads the imports of a text; `bound` are the names that it binds in any way.
    pub fn new(imports: &'a [ImportFact], bound: &'a BTreeMap<String, u32>) -> Self {
        let mut imported = FxHashMap::default();
        for import in imports.iter().filter(|import| is_manim_module(&import.module)) {
            match &import.name {
                Some(name) if name != "*" => {
                    imported.insert(import.bound.as_str(), (import.module.as_str(), name.as_str()));
                }
                Some(_) => {}
                None => {
                    // `import a.b` binds `a`; `import a.b as c` binds the module itself.
                    let root = import.module.split('.').next().unwrap_or(&import.module);
                    let module = if import.bound == root { root } else { import.module.as_str() };
                    imported.insert(import.bound.as_str(), (module, ""));
                }
            }
        }
        Names { bound, imported }
    }

    /// The Manim name that a dotted name begins with, where it does: a name that is imported from Manim, an attribute
    /// of a Manim module, or a name that nothing in the text binds and that Manim (of either dialect) has.
    pub fn resolve(&self, dotted: &'a str) -> Option<Taken<'a>> {
        let (root, rest) = dotted.split_once('.').unwrap_or((dotted, ""));
        match self.imported.get(root) {
            Some((module, "")) => in_module(module, rest),
            Some((module, name)) => match api().module_of(name) {
                Some(submodule) if !rest.is_empty() => in_module(submodule, rest),
                _ => Some(Taken { name, module }),
            },
            None if self.bound.contains_key(root) => None,
            None => match api().module_of(root) {
                Some("numpy") => None,
                Some(module) => in_module(module, rest),
                None => api().kind_in_either(root).map(|_| Taken { name: root, module: "manim" }),
            },
        }
    }

    /// Whether a name is bound by an import from Manim.
    pub fn is_imported(&self, name: &str) -> bool {
        self.imported.contains_key(name)
    }
}

/// What a path inside a Manim module ends at: modules on the way are skipped.
fn in_module<'a>(module: &'a str, path: &'a str) -> Option<Taken<'a>> {
    let mut full = module.to_owned();
    for part in path.split('.').filter(|part| !part.is_empty()) {
        let deeper = api().module_of(part).map(str::to_owned).unwrap_or_else(|| format!("{full}.{part}"));
        if !api().packages.contains(&deeper) {
            return Some(Taken { name: part, module });
        }
        full = deeper;
    }
    None
}

/// Kind of a class or name as used in a text: its own classes are what their bases are, others what Manim says.
pub fn kind_in_text(facts: &CodeFacts, name: &str) -> Option<NameKind> {
    let mut todo = vec![name];
    let mut steps = 0;
    while let Some(name) = todo.pop() {
        steps += 1;
        match facts.classes.iter().find(|class| class.name == name) {
            Some(class) if steps < 64 => todo.extend(class.bases.iter().rev().map(String::as_str)),
            Some(_) => return None,
            None => {
                let names = Names::new(&facts.imports, &facts.bound);
                if let Some(kind) = names.resolve(name).and_then(|taken| api().kind_in_either(taken.name)) {
                    return Some(kind);
                }
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_knows_kinds_bases_and_old_names() {
        let api = api();
        assert!(api.release().starts_with("0.22"));
        assert_eq!(api.kind("Circle"), Some(NameKind::Mobject));
        assert_eq!(api.kind("there_and_back"), Some(NameKind::RateFunction));
        assert_eq!(api.kind("ShowCreation"), None);
        assert_eq!(api.kind_in_either("ShowCreation"), Some(NameKind::Animation));
        assert_eq!(api.kind_in_either("TexMobject"), Some(NameKind::Mobject));
        assert_eq!(api.gl_weight("ShowCreation"), Some(1));
        assert!(api.has_method("Circle", "next_to") && !api.has_method("Circle", "no_such"));
        assert!(api.is_method("next_to") && api.is_method("animate"));
        assert_eq!(api.module_has("manim.utils.space_ops", "cross"), Some(true));
        assert_eq!(api.module_has("manim.utils.space_ops", "nothing"), Some(false));
        assert_eq!(api.module_has("manim.no_such_module", "x"), None);
        assert_eq!(data_version().len(), 12);
    }

    #[test]
    fn names_are_followed_through_imports_and_aliases() {
        let import = |module: &str, name: Option<&str>, bound: &str| ImportFact {
            module: module.to_owned(),
            name: name.map(str::to_owned),
            bound: bound.to_owned(),
            line: 1,
        };
        let imports = [
            import("manim", None, "m"),
            import("manim", Some("Circle"), "C"),
            import("manim", Some("*"), ""),
            import("manim.utils.color", None, "colours"),
        ];
        let bound: BTreeMap<String, u32> =
            ["m", "C", "colours", "Square"].iter().map(|name| ((*name).to_owned(), 1)).collect();
        let names = Names::new(&imports, &bound);
        let name = |dotted| names.resolve(dotted).map(|taken| taken.name);
        assert_eq!(name("m.Create"), Some("Create"));
        assert_eq!(name("C"), Some("Circle"));
        assert_eq!(name("C.shift"), Some("Circle"));
        assert_eq!(name("colours.RED"), Some("RED"));
        assert_eq!(name("rate_functions.ease_in_sine"), Some("ease_in_sine"));
        assert_eq!(name("m.mobject.geometry.arc.Dot"), Some("Dot"));
        assert_eq!(name("Dot"), Some("Dot"));
        assert_eq!(name("Square"), None);
        assert_eq!(name("np.array"), None);
        assert_eq!(name("undefined_name"), None);
    }
}
