//! What the repository readers share: which files of a checkout are read, and the options of their recipes.

use std::path::{Path, PathBuf};

use regex::Regex;
use serde_json::{Map, Value};

use crate::ingest::IngestError;
use crate::ingest::recipe::Recipe;
use crate::ingest::recipe::glob::Glob;
use crate::ingest::row::{Emit, Met, RawRow, ReadRequest, ReadSummary, relative};
use crate::sample::{DescriptionKind, Dialect, RejectedRow};

/// Folders that hold code of others: libraries put into the repository, virtual environments, installed packages.
const VENDORED: &[&str] = &[
    "manimlib",
    "site-packages",
    "dist-packages",
    "venv",
    "env",
    "virtualenv",
    "node_modules",
    "__pycache__",
    "__pypackages__",
    "third_party",
    "vendor",
];

/// A file of a checkout.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Found {
    /// Its path relative to the folder that was given, with `/`.
    pub rel: String,
    /// Where it lies.
    pub path: PathBuf,
    /// Whether it lies in a folder of somebody else's code: read for what it says of classes, never a source of samples.
    pub vendored: bool,
}

/// The options that the repository readers know, out of a recipe.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    include: Vec<Glob>,
    exclude: Vec<Glob>,
    /// Packages of the repository that stay imports.
    pub external: Vec<String>,
    /// Whether every sample is marked as needing a description, its own comments and docstrings put aside.
    pub needs_description: bool,
    meta: Map<String, Value>,
    path_meta: Option<Regex>,
    file_meta: Vec<(Glob, Map<String, Value>)>,
    scene_meta: Map<String, Value>,
    /// Other readers that go over the same files.
    pub with: Vec<String>,
    /// Whether directives in docstrings of `.py` files are read.
    pub docstrings: bool,
    /// Whether `.. code-block:: python` with a Scene is read.
    pub code_blocks: bool,
    /// Whether `<pre>` elements of saved web pages are read.
    pub pages: bool,
    /// The only dialect of which samples are taken; others are rejected rows (`filtered`).
    pub only_dialect: Option<Dialect>,
    /// Who wrote the descriptions that are found.
    pub description_kind: DescriptionKind,
}

const OPTIONS: &[&str] = &[
    "external",
    "needs_description",
    "meta",
    "path_meta",
    "file_meta",
    "scene_meta",
    "with",
    "docstrings",
    "code_blocks",
    "only_dialect",
    "pages",
];

impl Settings {
    /// Reads the options of a recipe.
    ///
    /// # Errors
    ///
    /// [`IngestError::Recipe`] where an option is unknown or of another type than it must be.
    pub fn new(recipe: &Recipe) -> Result<Settings, IngestError> {
        let wrong = |message: String| IngestError::Recipe { name: recipe.name.clone(), message };
        let mut settings = Settings {
            include: recipe.include.clone(),
            exclude: recipe.exclude.clone(),
            description_kind: recipe.description_kind.unwrap_or(DescriptionKind::Human),
            external: Vec::new(),
            needs_description: false,
            meta: Map::new(),
            path_meta: None,
            file_meta: Vec::new(),
            scene_meta: Map::new(),
            with: Vec::new(),
            docstrings: false,
            code_blocks: false,
            pages: false,
            only_dialect: None,
        };
        for (name, value) in &recipe.options {
            let is = |what: &str| wrong(format!("option `{name}` must be {what}"));
            match name.as_str() {
                "external" => settings.external = strings(value).ok_or_else(|| is("a list of package names"))?,
                "with" => settings.with = strings(value).ok_or_else(|| is("a list of reader names"))?,
                "needs_description" => {
                    settings.needs_description = value.as_bool().ok_or_else(|| is("true or false"))?
                }
                "docstrings" => settings.docstrings = value.as_bool().ok_or_else(|| is("true or false"))?,
                "code_blocks" => settings.code_blocks = value.as_bool().ok_or_else(|| is("true or false"))?,
                "pages" => settings.pages = value.as_bool().ok_or_else(|| is("true or false"))?,
                "only_dialect" => {
                    let word = value.as_str().ok_or_else(|| is("a dialect"))?;
                    settings.only_dialect = Some(word.parse().map_err(|error| is(&format!("a dialect: {error}")))?);
                }
                "meta" => settings.meta = table(value).ok_or_else(|| is("a table"))?,
                "scene_meta" => settings.scene_meta = table(value).ok_or_else(|| is("a table of tables"))?,
                "path_meta" => {
                    let text = value.as_str().ok_or_else(|| is("a regular expression with named groups"))?;
                    settings.path_meta =
                        Some(Regex::new(text).map_err(|error| is(&format!("a regular expression: {error}")))?);
                }
                "file_meta" => {
                    for (pattern, values) in value.as_table().ok_or_else(|| is("a table of tables"))? {
                        let glob = Glob::new(pattern).map_err(wrong)?;
                        settings.file_meta.push((glob, table(values).ok_or_else(|| is("a table of tables"))?));
                    }
                }
                other => {
                    let known = OPTIONS.join(", ");
                    return Err(wrong(format!("unknown option `{other}`; there are: {known}")));
                }
            }
        }
        Ok(settings)
    }

    /// Whether samples are taken from a file.
    pub fn wants(&self, rel: &str) -> bool {
        (self.include.is_empty() || self.include.iter().any(|glob| glob.matches(rel)))
            && !self.exclude.iter().any(|glob| glob.matches(rel))
    }

    /// The values kept with a scene of a file: those for all, then what the path says, then those for the file, then for the scene.
    pub fn meta(&self, rel: &str, scene: &str) -> Map<String, Value> {
        let mut meta = self.meta.clone();
        if let Some(captures) = self.path_meta.as_ref().and_then(|regex| regex.captures(rel)) {
            let names = self.path_meta.iter().flat_map(|regex| regex.capture_names().flatten());
            for name in names {
                if let Some(found) = captures.name(name).map(|group| group.as_str().replace('_', " ").trim().to_owned())
                    && !found.is_empty()
                {
                    meta.insert(name.to_owned(), Value::String(found));
                }
            }
        }
        for (glob, values) in &self.file_meta {
            if glob.matches(rel) {
                meta.extend(values.clone());
            }
        }
        if let Some(Value::Object(values)) = self.scene_meta.get(scene) {
            meta.extend(values.clone());
        }
        if !scene.is_empty() {
            meta.insert("scene".to_owned(), Value::String(scene.to_owned()));
        }
        meta
    }
}

impl Settings {
    /// The row itself, or its rejection where the recipe asks for another dialect.
    pub fn filtered(&self, row: RawRow) -> Met {
        match (self.only_dialect, row.dialect) {
            (Some(asked), Some(found)) if asked != found => Met::Rejected(RejectedRow {
                detail: format!("its imports say `{found}`, the recipe takes `{asked}` only"),
                reason: "filtered".to_owned(),
                file: row.file,
                locator: row.locator,
            }),
            _ => Met::Row(Box::new(row)),
        }
    }
}

fn strings(value: &toml::Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|entry| entry.as_str().map(str::to_owned)).collect()
}

fn table(value: &toml::Value) -> Option<Map<String, Value>> {
    value.as_table()?;
    match serde_json::to_value(value) {
        Ok(Value::Object(map)) => Some(map),
        _ => None,
    }
}

/// Lists the files under `root` (or `root` itself, if it is a file) whose names end in one of `endings`, sorted by
/// relative path. Links are not followed, so nothing outside `root` is read; hidden folders are left out.
///
/// # Errors
///
/// [`IngestError::File`] where a folder cannot be listed.
pub(super) fn list(root: &Path, endings: &[&str]) -> Result<Vec<Found>, IngestError> {
    let mut found = Vec::new();
    if root.is_file() {
        found.push(Found { rel: relative(root, root), path: root.to_owned(), vendored: false });
        return Ok(found);
    }
    let mut todo = vec![(root.to_owned(), false)];
    while let Some((folder, vendored)) = todo.pop() {
        let entries =
            std::fs::read_dir(&folder).map_err(|source| IngestError::File { path: folder.clone(), source })?;
        for entry in entries {
            let entry = entry.map_err(|source| IngestError::File { path: folder.clone(), source })?;
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            let kind = entry.file_type().map_err(|source| IngestError::File { path: path.clone(), source })?;
            if kind.is_dir() {
                if name.starts_with('.') {
                    continue;
                }
                let foreign = vendored || VENDORED.contains(&name.as_str()) || path.join("pyvenv.cfg").is_file();
                todo.push((path, foreign));
            } else if kind.is_file() && endings.iter().any(|ending| name.ends_with(ending)) {
                found.push(Found { rel: relative(root, &path), path, vendored });
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Reads every path of a request with `folder`, and brings the account of it in order.
///
/// # Errors
///
/// As [`Settings::new`] and `folder`.
pub(super) fn read_paths(
    request: &ReadRequest<'_>,
    emit: &mut Emit<'_>,
    folder: impl Fn(&Path, &ReadRequest<'_>, &Settings, &mut ReadSummary, &mut Emit<'_>) -> Result<(), IngestError>,
) -> Result<ReadSummary, IngestError> {
    let settings = Settings::new(request.recipe)?;
    let mut summary = ReadSummary::default();
    for path in request.paths {
        folder(path, request, &settings, &mut summary, emit)?;
    }
    summary.files.sort();
    Ok(summary)
}

/// The files under `root` that samples are taken from: those of [`list`] that the recipe wants and that are nobody else's.
///
/// # Errors
///
/// As [`list`].
pub(super) fn wanted(root: &Path, endings: &[&str], settings: &Settings) -> Result<Vec<Found>, IngestError> {
    let known = |file: &Found| endings.iter().any(|ending| file.rel.ends_with(ending));
    let mut found = list(root, endings)?;
    found.retain(|file| !file.vendored && known(file) && settings.wants(&file.rel));
    Ok(found)
}

/// Reads a text file, without byte order mark.
///
/// # Errors
///
/// A rejected row: `row-too-large` above `max_bytes`, `unreadable`, `not-utf8`.
pub(super) fn read_text(file: &Found, max_bytes: u64) -> Result<String, RejectedRow> {
    let reject = |reason: &str, detail: String| RejectedRow {
        file: file.rel.clone(),
        locator: file.rel.clone(),
        reason: reason.to_owned(),
        detail,
    };
    let size = std::fs::metadata(&file.path).map_err(|error| reject("unreadable", error.to_string()))?.len();
    if size > max_bytes {
        return Err(reject("row-too-large", format!("{size} bytes, more than {max_bytes}")));
    }
    let bytes = std::fs::read(&file.path).map_err(|error| reject("unreadable", error.to_string()))?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text)),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let line = error.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
            Err(reject("not-utf8", format!("byte {at}, line {line} is not UTF-8")))
        }
    }
}
