//! Which files are read, and by which variant of the recipe.

use std::fs;
use std::path::{Path, PathBuf};

use super::{hub, sniff};
use crate::ingest::IngestError;
use crate::ingest::recipe::{Recipe, Variant};
use crate::ingest::row::relative;

/// Deepest folder that is entered.
const MAX_FOLDERS: usize = 32;

/// Files beside data that describe it.
const DESCRIPTIONS: &[&str] =
    &["dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json", "config.json"];

/// A file to read.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TableFile {
    /// Where it lies.
    pub path: PathBuf,
    /// The path that locators show.
    pub shown: String,
    /// The split that the checkout's README gives it.
    pub split: Option<String>,
}

/// What to read.
#[derive(Debug)]
pub(super) struct Choice<'a> {
    /// How.
    pub variant: &'a Variant,
    /// In order of their paths.
    pub files: Vec<TableFile>,
    /// What was left out and why.
    pub notes: Vec<String>,
}

/// Chooses variant and files for a path that was given.
///
/// # Errors
/// Where no file there is of any variant; names what is there and what the recipe reads.
pub(super) fn choose<'a>(recipe: &'a Recipe, path: &Path, wanted: Option<&str>) -> Result<Choice<'a>, IngestError> {
    let wrong = |message: String| IngestError::Input { path: path.to_owned(), message };
    let named = match wanted {
        None => None,
        Some(name) => Some(recipe.variants.iter().find(|variant| variant.name == name).ok_or_else(|| {
            let names: Vec<&str> = recipe.variants.iter().map(|variant| variant.name.as_str()).collect();
            wrong(format!("source {} has no variant `{name}`; it has {}", recipe.name, names.join(", ")))
        })?),
    };
    let meta = fs::metadata(path).map_err(|source| IngestError::File { path: path.to_owned(), source })?;
    if meta.is_dir() { folder(recipe, path, named) } else { file(recipe, path, named) }
}

fn file<'a>(recipe: &'a Recipe, path: &Path, named: Option<&'a Variant>) -> Result<Choice<'a>, IngestError> {
    let name = relative(path, path);
    let full = path.to_string_lossy().replace('\\', "/");
    let mut notes = Vec::new();
    let fits = |variant: &&Variant| {
        variant.include.iter().any(|glob| glob.matches(&name) || tail_matches(glob, &full)) && !excluded(variant, &name)
    };
    let variant = match named.or_else(|| recipe.variants.iter().find(fits)) {
        Some(variant) => variant,
        None => match recipe.variants.iter().find(|variant| variant.include.is_empty()) {
            Some(variant) => variant,
            // A name of the person's own: the variant that finds its code in the first rows.
            None => match recipe.variants.iter().find(|variant| super::finds_code(path, variant)) {
                Some(variant) => {
                    notes.push(format!(
                        "{name} has none of the file names of source {}; it is read as variant `{}`, whose columns it has",
                        recipe.name, variant.name
                    ));
                    variant
                }
                None => {
                    return Err(IngestError::Input {
                        path: path.to_owned(),
                        message: format!("no file of source {}, which reads {}", recipe.name, readable(recipe)),
                    });
                }
            },
        },
    };
    Ok(Choice { variant, files: vec![TableFile { path: path.to_owned(), shown: name, split: None }], notes })
}

/// Whether a path is a file that a variant of the source joins its rows with.
pub(super) fn is_joined(recipe: &Recipe, path: &Path) -> bool {
    let joins = |variant: &Variant| {
        variant.join.as_ref().is_some_and(|join| path.file_name().is_some_and(|name| name == join.file.as_str()))
    };
    recipe.variants.iter().any(joins) && !path.is_dir()
}

/// The error where nothing but such a file was given.
pub(super) fn only_joined(recipe: &Recipe, path: &Path) -> IngestError {
    IngestError::Input {
        path: path.to_owned(),
        message: format!(
            "source {} joins its rows with this file and reads none from it; give the folder that it lies in, or {}",
            recipe.name,
            readable(recipe)
        ),
    }
}

fn tail_matches(glob: &crate::ingest::recipe::glob::Glob, full: &str) -> bool {
    glob.text().contains('/') && full.match_indices('/').any(|(at, _)| glob.matches(&full[at + 1..]))
}

fn excluded(variant: &Variant, path: &str) -> bool {
    variant.exclude.iter().any(|glob| glob.matches(path))
}

/// The files that a recipe reads, for messages.
fn readable(recipe: &Recipe) -> String {
    let variants: Vec<String> = recipe
        .variants
        .iter()
        .map(|variant| {
            let globs: Vec<&str> = variant.include.iter().map(|glob| glob.text()).collect();
            let globs = if globs.is_empty() { "any table".to_owned() } else { globs.join(" ") };
            if variant.name.is_empty() { globs } else { format!("{globs} ({})", variant.name) }
        })
        .collect();
    variants.join("; ")
}

fn folder<'a>(recipe: &'a Recipe, root: &Path, named: Option<&'a Variant>) -> Result<Choice<'a>, IngestError> {
    let mut walk = Walk { root, files: Vec::new(), links: 0, other: 0 };
    walk.enter(root, 0)?;
    let Walk { mut files, links, other, .. } = walk;
    files.sort();
    let mut notes = Vec::new();
    if links > 0 {
        notes.push(format!("{links} links that lead out of the folder were not followed"));
    }
    let of = |variant: &Variant| -> Vec<TableFile> {
        let taken = |shown: &str| {
            (variant.include.is_empty() || variant.include.iter().any(|glob| glob.matches(shown)))
                && !excluded(variant, shown)
                && variant.join.as_ref().is_none_or(|join| shown.rsplit('/').next() != Some(join.file.as_str()))
        };
        files
            .iter()
            .filter(|(shown, _)| taken(shown))
            .map(|(shown, path)| TableFile { path: path.clone(), shown: shown.clone(), split: None })
            .collect()
    };
    let matching: Vec<(&Variant, Vec<TableFile>)> =
        recipe.variants.iter().map(|variant| (variant, of(variant))).filter(|(_, files)| !files.is_empty()).collect();
    let position = match named {
        Some(named) => matching.iter().position(|(variant, _)| std::ptr::eq(*variant, named)),
        None if matching.is_empty() => None,
        None => Some(0),
    };
    let Some(position) = position else {
        let there = if files.is_empty() {
            format!("there is no table in this folder ({other} other files)")
        } else {
            let shown: Vec<&str> = files.iter().take(6).map(|(shown, _)| shown.as_str()).collect();
            let more = if files.len() > 6 { ", .." } else { "" };
            format!("there are {} tables in this folder ({}{more})", files.len(), shown.join(", "))
        };
        let reads = match named {
            Some(variant) => format!("variant `{}` of source {}", variant.name, recipe.name),
            None => format!("source {}", recipe.name),
        };
        let message = if files.is_empty() {
            format!("{there}; a table is .jsonl, .json, .csv, .tsv or .parquet, also with .gz or .zst")
        } else {
            format!("{there}, none of {reads}, which reads {}", readable(recipe))
        };
        return Err(IngestError::Input { path: root.to_owned(), message });
    };
    if named.is_none() {
        let passed: Vec<&str> = matching.iter().skip(1).map(|(variant, _)| variant.name.as_str()).collect();
        if !passed.is_empty() {
            notes.push(format!(
                "variant `{}` was read; other renderings of the same rows were passed over: {} (`--variant NAME` reads one)",
                matching[0].0.name,
                passed.join(", ")
            ));
        }
    }
    let (variant, mut chosen) = (matching[position].0, matching[position].1.clone());
    if variant.include.is_empty() {
        let config = recipe.options.get("config").and_then(|value| value.as_str());
        notes.extend(by_readme(root, &mut chosen, config));
        notes.extend(formats_note(&chosen));
    }
    Ok(Choice { variant, files: chosen, notes })
}

/// Takes the files that the README's configs name, with their splits.
fn by_readme(root: &Path, files: &mut Vec<TableFile>, config: Option<&str>) -> Vec<String> {
    let all = hub::data_files(root);
    if all.is_empty() {
        return Vec::new();
    }
    let (data, others) = hub::chosen(&all, config);
    let mut named = Vec::new();
    for file in files.iter() {
        let shown = format!("./{}", file.shown);
        if let Some(hit) = data.iter().find(|data| data.pattern.matches(&shown)) {
            named.push(TableFile { split: Some(hit.split.clone()), ..file.clone() });
        }
    }
    if named.is_empty() {
        return vec![format!("README.md names data files that are not here; all {} tables were read", files.len())];
    }
    let mut notes = Vec::new();
    if !others.is_empty() {
        let config = &data[0].config;
        notes.push(format!("config `{config}` of README.md was read; the others were not: {}", others.join(", ")));
    }
    if named.len() < files.len() {
        notes.push(format!("{} tables that README.md does not name were left out", files.len() - named.len()));
    }
    *files = named;
    notes
}

/// A sentence where a folder holds tables of several formats, which often are the same rows twice.
fn formats_note(files: &[TableFile]) -> Option<String> {
    let mut counts = std::collections::BTreeMap::new();
    for file in files {
        *counts.entry(sniff::suffix(&file.path).unwrap_or_default()).or_insert(0u32) += 1;
    }
    (counts.len() > 1).then(|| {
        let shown: Vec<String> = counts.iter().map(|(suffix, count)| format!("{count} .{suffix}")).collect();
        format!("tables of several formats were read ({}); give one file if they hold the same rows", shown.join(", "))
    })
}

/// A walk over a folder.
struct Walk<'a> {
    root: &'a Path,
    /// Shown path and path.
    files: Vec<(String, PathBuf)>,
    /// Links that lead out of it.
    links: u64,
    /// Files that are no tables.
    other: u64,
}

impl Walk<'_> {
    fn enter(&mut self, folder: &Path, depth: usize) -> Result<(), IngestError> {
        let failed = |source| IngestError::File { path: folder.to_owned(), source };
        for entry in fs::read_dir(folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with('.') {
                continue;
            }
            let kind = entry.file_type().map_err(failed)?;
            if kind.is_symlink() && !self.stays_inside(&path) {
                self.links += 1;
                continue;
            }
            let is_folder = if kind.is_symlink() { false } else { kind.is_dir() };
            if is_folder {
                if depth < MAX_FOLDERS {
                    self.enter(&path, depth + 1)?;
                }
            } else if sniff::is_table(&path) && !DESCRIPTIONS.contains(&name.as_str()) && path.is_file() {
                self.files.push((relative(self.root, &path), path));
            } else {
                self.other += 1;
            }
        }
        Ok(())
    }

    /// Whether a link leads to a file in the folder, or into the store of a Hugging Face cache that the folder is a
    /// snapshot of (`snapshots/REVISION` beside `blobs`).
    fn stays_inside(&self, link: &Path) -> bool {
        let (Ok(target), Ok(root)) = (link.canonicalize(), self.root.canonicalize()) else { return false };
        if target.starts_with(&root) {
            return true;
        }
        let snapshots = root.parent().filter(|parent| parent.file_name().is_some_and(|name| name == "snapshots"));
        snapshots.and_then(Path::parent).is_some_and(|cache| target.starts_with(cache.join("blobs")))
    }
}
