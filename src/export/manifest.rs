//! `manifest.json`: what an export is made of, and all that is needed to make it again.
//!
//! Absent on purpose: times, hosts, absolute paths, numbers of operations. The same content under the same request gives
//! the same bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::formats::Roles;
use super::target::file_error;
use super::{Encoding, ExportError, Layout, OnUnfit, Report, Request, Seed, SideRule, StageCount, format, preset};
use crate::sample::hex;

/// Name of the manifest's file.
pub(super) const MANIFEST: &str = "manifest.json";

/// Version of the manifest's form that this program writes, and the newest that it reads.
pub const FORMAT_VERSION: u32 = 1;

/// A file of an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Path inside the export, with `/`.
    pub path: String,
    /// Rows in it; null for files that hold none.
    pub rows: Option<u64>,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of its bytes, in hexadecimal digits.
    pub sha256: String,
}

/// The program that wrote an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolInfo {
    /// `scenery`.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// The query of an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryInfo {
    /// As it was typed.
    pub typed: String,
    /// With saved queries and defaults written out.
    pub expanded: String,
    /// The texts of the saved queries that it uses, those inside others too, by name; absent where it uses none, and in
    /// manifests of programs that did not keep them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub saved: BTreeMap<String, String>,
}

/// The slice that the query selected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SliceInfo {
    /// Rows selected.
    pub rows: u64,
    /// SHA-256 over id, source, licence, instruction and code of every row, in order.
    pub content: String,
    /// SHA-256 over what is known of every row: facts, level, meta, family, origins.
    pub labels: String,
    /// SHA-256 over the sides of every row: the store's own, and the source's.
    pub sides: String,
}

/// The options of an export, as far as its bytes depend on them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// Name of the format.
    pub format: String,
    /// Version of the format.
    pub format_version: u32,
    /// The layout.
    pub layout: Layout,
    /// The encoding.
    pub encoding: Encoding,
    /// Name of the preset.
    pub preset: Option<String>,
    /// The system sentence.
    pub system: Option<String>,
    /// The role tags.
    pub roles: Option<Roles>,
    /// Whether answers are fenced, where the request said so.
    pub fence: Option<bool>,
    /// Name of the prompt template.
    pub template: Option<String>,
    /// What is done about rows without an instruction.
    pub missing_instruction: OnUnfit,
    /// What is done about rows that hold the text of a special token.
    pub special_text: OnUnfit,
    /// Texts of special tokens of a tokenizer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub special_texts: Vec<String>,
    /// The project's deny list.
    pub deny_licences: Vec<String>,
}

/// The prompt contract of an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContractInfo {
    /// Id of the template.
    pub id: String,
    /// Its digest.
    pub sha256: String,
}

/// Versions of what computed the facts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    /// Of the analysers.
    pub analyser: String,
    /// Of the duplicate search, where one ran.
    pub dedup: Option<String>,
}

/// The counts of an export: `selected` is the sum of what was written and what was skipped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Rows of the slice.
    pub selected: u64,
    /// Rows written, by side; each side is there.
    pub written: BTreeMap<String, u64>,
    /// Rows skipped, by reason.
    pub skipped: BTreeMap<String, u64>,
}

/// Where sides came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SidesInfo {
    /// The rule.
    pub rule: SideRule,
    /// Rows written to train because they have no side of their own.
    pub without: u64,
}

/// A licence of an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicenceInfo {
    /// Rows written under it.
    pub rows: u64,
    /// Where they come from.
    pub sources: BTreeSet<String>,
}

/// The whole of `manifest.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of this form.
    pub format_version: u32,
    /// What wrote it.
    pub tool: ToolInfo,
    /// The query.
    pub query: QueryInfo,
    /// What it selected.
    pub slice: SliceInfo,
    /// The options.
    pub options: Options,
    /// The seeds of the query's stages, in order.
    pub seeds: Vec<Seed>,
    /// The prompt contract, where the format is rendered by one.
    pub contract: Option<ContractInfo>,
    /// Versions of what computed the facts.
    pub versions: Versions,
    /// Rows asked for and got, stage by stage.
    pub stages: Vec<StageCount>,
    /// What became of the rows.
    pub counts: Counts,
    /// Where sides came from.
    pub sides: SidesInfo,
    /// The licences of the rows written.
    pub licences: BTreeMap<String, LicenceInfo>,
    /// The licences that had to be allowed by name.
    pub allowed_licences: BTreeSet<String>,
    /// Every file but this one, sorted by path.
    pub files: Vec<FileEntry>,
    /// SHA-256 of this file as it is with nothing between these quotes.
    pub digest: String,
}

/// What an export is to come to.
pub type Expected = Manifest;

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// [`ExportError::File`]; [`ExportError::Manifest`] where it is none, or of a newer form.
    pub fn read(path: &Path) -> Result<Manifest, ExportError> {
        #[derive(Deserialize)]
        struct Head {
            format_version: u32,
        }
        let refused = |message: String| ExportError::Manifest { path: path.to_owned(), message };
        let text = fs::read(path).map_err(file_error("read", path))?;
        let head: Head = serde_json::from_slice(&text)
            .map_err(|error| refused(format!("it is no manifest of an export: {error}")))?;
        if head.format_version > FORMAT_VERSION {
            let found = head.format_version;
            return Err(refused(format!(
                "its form has version {found}; this program knows versions up to {FORMAT_VERSION}"
            )));
        }
        let manifest: Manifest =
            serde_json::from_slice(&text).map_err(|error| refused(format!("it is damaged: {error}")))?;
        if manifest.digest != manifest.own_digest() {
            return Err(refused(format!(
                "it was edited after the export was written: its content has the digest {}, and it says {}; to export something else, type the query and options anew",
                manifest.own_digest(),
                manifest.digest
            )));
        }
        Ok(manifest)
    }

    /// The manifest with its digest, to be written.
    pub(super) fn sealed(mut self) -> Manifest {
        self.digest = self.own_digest();
        self
    }

    fn own_digest(&self) -> String {
        let bytes = Manifest { digest: String::new(), ..self.clone() }.to_bytes();
        hex(&Sha256::digest(bytes))
    }

    /// The bytes of the file.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut text = serde_json::to_string_pretty(self).expect("string keys and plain values always serialise");
        text.push('\n');
        text.into_bytes()
    }
}

/// Reads a manifest and makes the request that repeats its export into `out`. The caller evaluates `query_typed` anew,
/// with `saved_queries` before any of its own, fills in `stage_counts`, and sets `analyser_version`, `dedup_version` and `tool_version` to what it has; [`super::write`]
/// then writes the same bytes, or fails with the first file that differs and the cause, and leaves nothing behind.
///
/// # Errors
/// [`ExportError::File`], [`ExportError::Manifest`].
pub fn request_from_manifest(manifest: &Path, out: &Path) -> Result<(Request, Expected), ExportError> {
    let expected = Manifest::read(manifest)?;
    let refused = |message: String| ExportError::Manifest { path: manifest.to_owned(), message };
    let options = expected.options.clone();
    let found =
        format(&options.format).ok_or_else(|| refused(format!("there is no format `{}` here", options.format)))?;
    let mut request = Request::new(out, found);
    request.preset = match &options.preset {
        None => None,
        Some(name) => Some(preset(name).ok_or_else(|| refused(format!("there is no preset `{name}` here")))?),
    };
    request.layout = options.layout;
    request.encoding = options.encoding;
    request.system = options.system;
    request.roles = options.roles;
    request.fence = options.fence;
    request.template = options.template;
    request.missing_instruction = options.missing_instruction;
    request.special_text = options.special_text;
    request.special_texts = options.special_texts;
    request.deny_licences = options.deny_licences;
    request.allow_licences = expected.allowed_licences.iter().cloned().collect();
    request.query_typed = expected.query.typed.clone();
    request.query_expanded = expected.query.expanded.clone();
    request.saved_queries = expected.query.saved.clone();
    request.seeds = expected.seeds.clone();
    request.stage_counts = expected.stages.clone();
    request.analyser_version = expected.versions.analyser.clone();
    request.dedup_version = expected.versions.dedup.clone();
    request.tool_version = expected.tool.version.clone();
    request.expected = Some(Box::new(expected.clone()));
    Ok((request, expected))
}

/// Compares what was written with what a manifest says: every file, then counts and digest of the rows. A version of the
/// tool or of an analyser that changes nothing of these is no difference.
///
/// # Errors
/// [`ExportError::Differs`] with the first file, by path, that is not the same, and what caused it as far as the two
/// manifests tell.
pub fn verify(report: &Report, expected: &Expected) -> Result<(), ExportError> {
    compare(&report.record, expected)
}

pub(super) fn compare(found: &Manifest, expected: &Expected) -> Result<(), ExportError> {
    let there: BTreeMap<&str, &FileEntry> = found.files.iter().map(|file| (file.path.as_str(), file)).collect();
    let wanted: BTreeMap<&str, &FileEntry> = expected.files.iter().map(|file| (file.path.as_str(), file)).collect();
    let paths: BTreeSet<&str> = there.keys().chain(wanted.keys()).copied().collect();
    // The data tell more than what is derived from them, so they are looked at first.
    let mut ordered: Vec<&str> = paths.into_iter().collect();
    ordered.sort_by_key(|path| (wanted.get(path).or(there.get(path)).is_some_and(|file| file.rows.is_none()), *path));
    let differs = |path: &&str| there.get(path) != wanted.get(path);
    let Some(file) = ordered.into_iter().find(differs) else {
        if same_account(found, expected) {
            return Ok(());
        }
        let how = "the files are the same, but not what it says of the rows".to_owned();
        return Err(ExportError::Differs { file: MANIFEST.to_owned(), how, why: cause(found, expected) });
    };
    let how = match (there.get(file), wanted.get(file)) {
        (Some(there), Some(wanted)) if there.rows != wanted.rows => {
            let count = |rows: Option<u64>| rows.map_or("no".to_owned(), |rows| rows.to_string());
            format!("it has {} rows, the manifest says {}", count(there.rows), count(wanted.rows))
        }
        (Some(there), Some(wanted)) => format!("its SHA-256 is {}, the manifest says {}", there.sha256, wanted.sha256),
        (Some(_), None) => "the manifest does not list it".to_owned(),
        (None, _) => "it was not written".to_owned(),
    };
    Err(ExportError::Differs { file: file.to_owned(), how, why: cause(found, expected) })
}

/// Whether two exports of equal files tell the same of their rows. Versions may differ, and so may facts that reach no file.
fn same_account(found: &Manifest, expected: &Manifest) -> bool {
    let account = |manifest: &Manifest| {
        let Manifest { slice, stages, counts, sides, .. } = manifest.clone();
        (slice.rows, slice.content, stages, counts, sides)
    };
    account(found) == account(expected)
}

/// The first thing upstream of the bytes that is not the same.
fn cause(found: &Manifest, expected: &Manifest) -> String {
    let was = |what: &str, now: &dyn std::fmt::Display, then: &dyn std::fmt::Display| {
        format!("{what} {now} here and {then} in the manifest")
    };
    if found.tool != expected.tool && found.options.format_version != expected.options.format_version {
        return was("the tool is version", &found.tool.version, &expected.tool.version);
    }
    for (now, then) in found.stages.iter().zip(&expected.stages) {
        if now != then {
            return was(&format!("stage `{}` gave", then.stage), &now.got, &then.got);
        }
    }
    if found.slice.rows != expected.slice.rows {
        return was("the rows selected are", &found.slice.rows, &expected.slice.rows);
    }
    if found.slice.content != expected.slice.content {
        return "as many rows are selected, but their ids, texts, licences or order are not the same".to_owned();
    }
    if found.slice.sides != expected.slice.sides {
        return "the rows are the same, but not their sides".to_owned();
    }
    if found.versions != expected.versions {
        let version = |manifest: &Manifest| {
            let versions = &manifest.versions;
            format!("analysers {}, dedup {}", versions.analyser, versions.dedup.as_deref().unwrap_or("none"))
        };
        return was("versions are", &version(found), &version(expected));
    }
    if found.slice.labels != expected.slice.labels {
        return "the texts are the same, but not what is known of them (facts, levels, meta, origins)".to_owned();
    }
    if found.contract != expected.contract {
        let contract = |manifest: &Manifest| manifest.contract.as_ref().map_or("none".to_owned(), |c| c.sha256.clone());
        return was("the prompt contract is", &contract(found), &contract(expected));
    }
    if found.tool != expected.tool {
        return was("the tool is version", &found.tool.version, &expected.tool.version);
    }
    "rows, facts and options are the same; what is known of the sources differs, or a file was edited".to_owned()
}
