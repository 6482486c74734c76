//! What readers hand on: rows, and rows that could become none.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::ingest::IngestError;
use crate::ingest::recipe::Recipe;
use crate::sample::{DescriptionKind, Dialect, RejectedRow, Side};

/// A row as a reader met it, with the recipe's field map applied and nothing cleaned yet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RawRow {
    /// File, relative to the path that was given (its file name where that is a file).
    pub file: String,
    /// Where exactly: `train.jsonl:117`, `Day_05/main.py#Part2`, `notebook.ipynb#cell3/Intro`.
    pub locator: String,
    /// The instruction, trimmed; none where the row has none or a placeholder.
    pub instruction: Option<String>,
    /// Who wrote the instruction.
    pub description_kind: Option<DescriptionKind>,
    /// The code, as read.
    pub code: String,
    /// What makes it the same row next time, where the recipe or the reader says (`path#Scene`); else the pipeline hashes instruction and code.
    pub key: Option<String>,
    /// The side that the source gives.
    pub split: Option<Side>,
    /// The level that the source gives, lower-cased.
    pub level: Option<String>,
    /// Licence of this row where it differs from the recipe's.
    pub licence: Option<String>,
    /// Values of the recipe's `family` columns, joined by a unit separator (U+001F).
    pub family: Option<String>,
    /// Columns that the recipe keeps, by the name after `meta.`. Nulls and empty strings are left out.
    pub meta: serde_json::Map<String, serde_json::Value>,
    /// Dialect that the reader found out from outside the code (the import graph of a repository).
    pub dialect: Option<Dialect>,
    /// Findings of the reader, kept as `issue`s of the sample: `asset:images/cat.png`, `unresolved:helper_name`.
    pub issues: Vec<String>,
}

/// What a reader meets.
#[derive(Clone, Debug, PartialEq)]
pub enum Met {
    /// A row that may become a sample.
    Row(Box<RawRow>),
    /// A row that cannot.
    Rejected(RejectedRow),
    /// Bytes of input done since the last one, for progress.
    Progress(u64),
}

/// Takes what a reader meets; an error from it ends the reading and is handed back.
pub type Emit<'a> = dyn FnMut(Met) -> Result<(), IngestError> + 'a;

/// What a reader is asked to read.
#[derive(Clone, Debug)]
pub struct ReadRequest<'a> {
    /// The source's recipe.
    pub recipe: &'a Recipe,
    /// The files and folders that were given, each existing.
    pub paths: &'a [PathBuf],
    /// Rows above this many bytes are rejected (`row-too-large`).
    pub max_row_bytes: u64,
    /// Which rendering of a table source to read, by name; the first that there are files of where none is given.
    pub variant: Option<String>,
}

/// What reading came to, beside what was emitted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReadSummary {
    /// Every file that was read, relative as in [`RawRow::file`], sorted.
    pub files: Vec<String>,
    /// Sentences for the person: variants passed over, files left out by kind, with counts.
    pub notes: Vec<String>,
    /// Counts by name for `ingest --json` and the closing line: `files`, `unparsable`, `scenes`.
    pub counts: BTreeMap<String, u64>,
}

/// A reader: what turns files into rows.
pub struct Reader {
    /// Name in recipes: `table`, `python`, `notebook`, `docs`.
    pub name: &'static str,
    /// One sentence.
    pub doc: &'static str,
    /// Reads. Streams: memory does not grow with the input (the `python` reader holds one project's outlines).
    pub read: fn(&ReadRequest<'_>, &mut Emit<'_>) -> Result<ReadSummary, IngestError>,
}

/// The path that locators show for `file` under `root`: relative, with `/`; the file name where `root` is the file itself.
pub fn relative(root: &Path, file: &Path) -> String {
    let shown = match file.strip_prefix(root) {
        Ok(rest) if rest.as_os_str().is_empty() => file.file_name().map(Path::new).unwrap_or(file),
        Ok(rest) => rest,
        Err(_) => file,
    };
    shown.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}
