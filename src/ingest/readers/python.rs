//! The `python` reader: a folder or git checkout of `.py` files; a self-contained sample per Scene class.
//!
//! A sample is a class at the top level of a file that derives from a Scene, through the project's own classes too, and
//! that has `construct`, its own or from a class of the project. (A class without one is a base of others, or has the
//! library's empty one: a rejected row, `no-construct`.) With it come the imports, constants, functions and classes of the same project that it needs,
//! through relative, absolute and star imports, transitively, and nothing else; imports of the project are gone, those of
//! packages stay. Statements stand in the order in which Python would have executed them; statements that change a
//! needed object (`TABLE["x"] = 1`) or a setting of a library (`config.frame_width = 9`) come along.
//!
//! Reasons of rejected rows: `syntax` with line and column, `not-utf8`, `unreadable`,
//! `row-too-large`, `no-construct`, `nested-scene` for a Scene class that does not stand at the top level, and `extraction` where a text that was put together does not parse. Issues: `asset:PATH` for a file
//! that is opened, `unresolved:NAME` for a name that nothing defines, `unimported:PACKAGE` where an import of Manim or of a
//! plugin is missing, `unknown-package:NAME`, `conflict:NAME`, `needs-description`.

mod compose;
mod cut;
pub(crate) mod libraries;
mod places;
pub(crate) mod project;
mod prose;
mod verify;

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use rayon::prelude::*;

use self::project::{Module, Project, SceneClass};
use super::files::{Found, Settings, list, read_paths, read_text};
use super::{docs, notebook};
use crate::analyze::facts::SyntaxError;
use crate::analyze::outline::{Imported, Outline, outline};
use crate::analyze::parse::pool;
use crate::ingest::IngestError;
use crate::ingest::row::{Emit, Met, RawRow, ReadRequest, ReadSummary, Reader};
use crate::sample::{DescriptionKind, Dialect, RejectedRow};

/// The reader.
pub static READER: Reader = Reader {
    name: "python",
    doc: "A folder or git checkout of .py files: a self-contained sample per Scene class.",
    read,
};

/// What a file came to.
enum Parsed {
    Module(Box<Module>),
    Foreign(Vec<(String, Vec<String>)>),
    Rejected(RejectedRow),
}

fn read(request: &ReadRequest<'_>, emit: &mut Emit<'_>) -> Result<ReadSummary, IngestError> {
    let mut summary = read_paths(request, emit, read_project)?;
    for reader in &Settings::new(request.recipe)?.with {
        let more = match reader.as_str() {
            "notebook" => notebook::read(request, emit)?,
            "docs" => docs::read(request, emit)?,
            other => {
                let message =
                    format!("option `with`: the reader `{other}` cannot follow `python`; there are: docs, notebook");
                return Err(IngestError::Recipe { name: request.recipe.name.clone(), message });
            }
        };
        summary.files.extend(more.files);
        summary.notes.extend(more.notes);
        for (name, count) in more.counts {
            *summary.counts.entry(name).or_default() += count;
        }
    }
    summary.files.sort();
    summary.files.dedup();
    Ok(summary)
}

fn read_project(
    root: &Path,
    request: &ReadRequest<'_>,
    settings: &Settings,
    summary: &mut ReadSummary,
    emit: &mut Emit<'_>,
) -> Result<(), IngestError> {
    let Loaded { project, wanted, rejected, vendored, bytes } = load(root, request, settings, &[])?;
    let mut rejected = rejected.into_iter().peekable();
    let mut count = |name: &str, more: u64| *summary.counts.entry(name.to_owned()).or_default() += more;
    count("files", wanted.len() as u64);
    let by_file: HashMap<&str, usize> =
        project.modules.iter().enumerate().map(|(index, module)| (module.rel.as_str(), index)).collect();
    for file in &wanted {
        emit(Met::Progress(bytes.get(file).copied().unwrap_or(0)))?;
        while let Some(row) = rejected.next_if(|row| row.file == *file) {
            count("unparsable", 1);
            emit(Met::Rejected(row))?;
        }
        let Some(&module) = by_file.get(file.as_str()) else { continue };
        let scenes = project.scenes(module);
        count("scenes", scenes.len() as u64);
        for scene in &scenes {
            if !scene.constructs {
                emit(no_construct(&project, module, scene))?;
                continue;
            }
            let met = sample(&project, module, scene, &scenes, settings, usize::MAX);
            emit(met)?;
        }
        for row in nested(&project.modules[module]) {
            emit(Met::Rejected(row))?;
        }
    }
    if vendored > 0 {
        summary
            .notes
            .push(format!("{vendored} files in folders of libraries and virtual environments were passed over"));
    }
    summary.files.extend(wanted);
    Ok(())
}

/// A project with what could not be read of it.
pub(super) struct Loaded {
    pub project: Project,
    /// The `.py` files that samples are taken from, in order.
    pub wanted: Vec<String>,
    /// Of those, what could not be read, in the same order.
    pub rejected: Vec<RejectedRow>,
    /// Files of others.
    pub vendored: u64,
    /// Sizes of the files.
    pub bytes: HashMap<String, u64>,
}

/// Reads the modules of a project: the `.py` files under `root`, or beside it if it is a file, and `more` (notebooks).
pub(super) fn load(
    root: &Path,
    request: &ReadRequest<'_>,
    settings: &Settings,
    more: &[Module],
) -> Result<Loaded, IngestError> {
    let mut files = list(root, &[".py"])?;
    let mut wanted: Vec<String> = files
        .iter()
        .filter(|file| !file.vendored && file.rel.ends_with(".py") && settings.wants(&file.rel))
        .map(|file| file.rel.clone())
        .collect();
    if root.is_file() {
        // Its helpers lie beside it; folders below belong to others.
        files.retain(|file| file.rel.ends_with(".py"));
        let folder = root.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let beside = list_flat(folder)?;
        files.extend(beside.into_iter().filter(|file| !wanted.contains(&file.rel)));
        files.retain(|file| file.rel.ends_with(".py"));
    }
    wanted.sort();
    let max = request.max_row_bytes;
    let parsed: Vec<Parsed> = pool().install(|| files.par_iter().map(|file| parse(file, max)).collect());
    let mut modules = Vec::new();
    let mut foreign = HashMap::new();
    let mut rejected = Vec::new();
    let mut vendored = 0;
    for (file, parsed) in files.iter().zip(parsed) {
        vendored += u64::from(file.vendored);
        match parsed {
            Parsed::Module(module) => modules.push(*module),
            Parsed::Foreign(classes) => foreign.extend(classes),
            Parsed::Rejected(row) if wanted.binary_search(&row.file).is_ok() => rejected.push(row),
            Parsed::Rejected(_) => {}
        }
    }
    rejected.sort_by(|a, b| a.file.cmp(&b.file));
    modules.extend(more.iter().cloned());
    let size = |file: &Found| (file.rel.clone(), std::fs::metadata(&file.path).map_or(0, |data| data.len()));
    let bytes = files.iter().map(size).collect();
    Ok(Loaded { project: Project::new(modules, &settings.external, &foreign), wanted, rejected, vendored, bytes })
}

/// The `.py` files right in a folder.
fn list_flat(folder: &Path) -> Result<Vec<Found>, IngestError> {
    let failed = |source| IngestError::File { path: folder.to_owned(), source };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let rel = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type().map_err(failed)?.is_file() && rel.ends_with(".py") {
            found.push(Found { rel, path: entry.path(), vendored: false });
        }
    }
    found.sort();
    Ok(found)
}

fn parse(file: &Found, max_bytes: u64) -> Parsed {
    let text = match read_text(file, max_bytes) {
        Ok(text) => text,
        Err(row) => return Parsed::Rejected(row),
    };
    match outline(&text) {
        Ok(outline) if file.vendored => {
            let classes = outline.items.into_iter().filter_map(|item| item.class);
            Parsed::Foreign(classes.map(|class| (class.name, class.bases)).collect())
        }
        Ok(outline) => Parsed::Module(Box::new(Module { rel: file.rel.clone(), outline, cells: Vec::new() })),
        Err(error) => Parsed::Rejected(not_parsed(&file.rel, &file.rel, &error)),
    }
}

/// The rejected row of a text that has no tree; its place is named in the locator and in the detail.
pub(super) fn not_parsed(file: &str, locator: &str, error: &SyntaxError) -> RejectedRow {
    let reason = if error.class == "too-large" { "row-too-large" } else { "syntax" };
    let detail = format!("line {}, column {}: {}", error.line, error.column, error.message);
    let locator = format!("{locator}:{}:{}", error.line, error.column);
    RejectedRow { file: file.to_owned(), locator, reason: reason.to_owned(), detail }
}

/// The rejected row of a class that derives from a Scene and draws nothing: neither it nor a class of the project that it
/// derives from has `construct`.
pub(super) fn no_construct(project: &Project, module: usize, scene: &SceneClass) -> Met {
    let rel = project.modules[module].rel.clone();
    let line = project.item(module, scene.item).line;
    Met::Rejected(RejectedRow {
        locator: locator(project, module, scene),
        reason: "no-construct".to_owned(),
        detail: format!(
            "line {line}: class {} derives from a Scene, and neither it nor a class of the project that it derives from has `construct`",
            scene.name
        ),
        file: rel,
    })
}

/// The rejected rows of Scene classes that stand inside something, so that nothing says when and with what they run.
fn nested(module: &Module) -> impl Iterator<Item = RejectedRow> {
    let classes = module.outline.items.iter().flat_map(|item| &item.inner_classes);
    let scenes = classes.filter(|class| class.bases.iter().any(|base| base.ends_with("Scene")));
    scenes.map(|class| RejectedRow {
        file: module.rel.clone(),
        locator: format!("{}:{}#{}", module.rel, class.line, class.name),
        reason: "nested-scene".to_owned(),
        detail: format!(
            "line {}: class {} stands inside a block, a function or a class; scenes are cut out of the top level",
            class.line, class.name
        ),
    })
}

/// The name of a Scene in its module: a later class of the same name has its number.
fn name_of(scene: &SceneClass) -> String {
    if scene.occurrence == 1 { scene.name.clone() } else { format!("{}~{}", scene.name, scene.occurrence) }
}

fn locator(project: &Project, module: usize, scene: &SceneClass) -> String {
    let module = &project.modules[module];
    match module.cells.get(scene.item) {
        Some(cell) => format!("{}#cell{cell}/{}", module.rel, name_of(scene)),
        None => format!("{}#{}", module.rel, name_of(scene)),
    }
}

/// Makes the sample of a Scene. `horizon`: items of its module from there on do not exist.
pub(super) fn sample(
    project: &Project,
    module: usize,
    scene: &SceneClass,
    all: &[SceneClass],
    settings: &Settings,
    horizon: usize,
) -> Met {
    let rel = project.modules[module].rel.clone();
    let key = format!("{rel}#{}", name_of(scene));
    let locator = locator(project, module, scene);
    let cut = cut::cut(project, (module, scene.item), horizon);
    let composed = compose::compose(project, &cut);
    let lacking = match verify::lacking(&composed.code, &settings.external, project.plugin_names()) {
        Ok(lacking) => lacking,
        Err(verdict) => {
            let row = not_parsed(&rel, &locator, &verdict);
            let detail = format!("the text put together for this scene does not parse: {}", row.detail);
            return Met::Rejected(RejectedRow { file: rel, locator, reason: "extraction".to_owned(), detail });
        }
    };
    let mut issues: Vec<String> = composed.assets.iter().map(|path| format!("asset:{path}")).collect();
    issues.extend(composed.conflicts.iter().map(|name| format!("conflict:{name}")));
    issues.extend(lacking.issues());
    let instruction = if settings.needs_description {
        issues.push("needs-description".to_owned());
        None
    } else {
        describe(project, module, scene, all)
    };
    issues.sort();
    let description_kind = Some(if instruction.is_some() { settings.description_kind } else { DescriptionKind::None });
    settings.filtered(RawRow {
        file: rel.clone(),
        locator,
        instruction,
        description_kind,
        code: composed.code,
        key: Some(key),
        meta: settings.meta(&rel, &scene.name),
        dialect: dialect(project, &cut),
        issues,
        ..RawRow::default()
    })
}

/// The description of a Scene where its source has one in prose: the docstring of the class, the comment above it, the
/// docstring of `construct`; the module's docstring where the module has no other Scene.
fn describe(project: &Project, module: usize, scene: &SceneClass, all: &[SceneClass]) -> Option<String> {
    let item = project.item(module, scene.item);
    let class = item.class.as_ref()?;
    let outline = &project.modules[module].outline;
    let alone = all.iter().filter(|other| other.constructs).count() == 1;
    [
        class.docstring.as_deref(),
        item.comment.as_deref(),
        class.construct_docstring.as_deref(),
        outline.docstring.as_deref().filter(|_| alone),
    ]
    .into_iter()
    .flatten()
    .find_map(prose::description)
}

/// What the code of a document lacks, and its dialect by its imports. `directive`: the library imports itself before it.
pub(super) fn issues_of(
    code: &str,
    outline: &Outline,
    directive: bool,
    settings: &Settings,
    defined: &HashMap<String, String>,
) -> (Vec<String>, Option<Dialect>) {
    let assets = outline.items.iter().flat_map(|item| &item.assets).map(|(path, _)| format!("asset:{path}"));
    let mut issues: BTreeSet<String> = assets.collect();
    let whole = if directive { format!("from manim import *\n{code}") } else { code.to_owned() };
    // It has parsed before; a line before it changes nothing but a `from __future__`, which directives do not have.
    if let Ok(lacking) = verify::lacking(&whole, &settings.external, defined) {
        issues.extend(lacking.issues());
    }
    let module = Module { rel: "block.py".to_owned(), outline: outline.clone(), cells: Vec::new() };
    let project = Project::new(vec![module], &settings.external, &HashMap::new());
    (issues.into_iter().collect(), by_imports(&project, std::iter::once(0)))
}

/// The description that code of a document carries itself: of the named class, else of its first class.
pub(super) fn prose_of(outline: &Outline, name: Option<&str>) -> Option<String> {
    let classes = || outline.items.iter().filter_map(|item| item.class.as_ref().map(|class| (item, class)));
    let (item, class) = classes().find(|(_, class)| Some(class.name.as_str()) == name).or_else(|| classes().next())?;
    [class.docstring.as_deref(), item.comment.as_deref(), class.construct_docstring.as_deref()]
        .into_iter()
        .flatten()
        .find_map(prose::description)
}

/// The dialect by what is imported: of the modules that the sample is made of, and what these take over with star imports;
/// where that says nothing, of everything that importing the module would have executed.
fn dialect(project: &Project, cut: &cut::Cut) -> Option<Dialect> {
    let made_of: BTreeSet<usize> = cut.items.iter().map(|at| at.0).collect();
    let mut near = made_of.clone();
    let mut todo: Vec<usize> = made_of.into_iter().collect();
    while let Some(module) = todo.pop() {
        for next in project.star_modules(module) {
            if near.insert(next) {
                todo.push(next);
            }
        }
    }
    by_imports(project, near.into_iter()).or_else(|| by_imports(project, cut.order.iter().copied()))
}

fn by_imports(project: &Project, modules: impl Iterator<Item = usize>) -> Option<Dialect> {
    // By weight: the whole library, names out of it, a plugin (written for the community edition, used with the other too).
    let (mut ce, mut gl) = ([false; 3], [false; 3]);
    for module in modules {
        let items = &project.modules[module].outline.items;
        for import in items.iter().flat_map(|item| item.imports.iter().chain(&item.inner_imports)) {
            if import.level > 0 || (import.what == Imported::Star && project.is_local(module, import)) {
                continue;
            }
            let weight = usize::from(matches!(import.what, Imported::Names(_)));
            match import.module.split('.').next().unwrap_or_default() {
                "manimlib" | "manimgl" | "big_ol_pile_of_manim_imports" | "manim_imports_ext" => gl[weight] = true,
                "manim" => ce[weight] = true,
                "chanim" => ce[2] = true,
                package if package.starts_with("manim_") => ce[2] = true,
                _ => {}
            }
        }
    }
    ce.into_iter().zip(gl).find_map(|found| match found {
        (true, true) => Some(Dialect::Mixed),
        (true, false) => Some(Dialect::Ce),
        (false, true) => Some(Dialect::Gl),
        (false, false) => None,
    })
}
