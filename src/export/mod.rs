//! Slices become files that trainers read, with all that is needed to trust and to repeat them.
//!
//! ```text
//! rows ──▶ side? instruction? ──▶ format (formats/) ──▶ layout (layouts.rs) ──▶ files, hashed (outputs.rs)
//!              │ skipped, counted        rows.jsonl  ATTRIBUTION.md  manifest.json ──▶ rename (target.rs)
//! ```
//!
//! Invariants: rows are read once, in slice order, and not kept; every selected row is written or counted under the
//! reason it was left out for; a licence that restricts use leaves only by name; nothing is seen under the name of the
//! export before all of it is on disk; equal rows and an equal request give equal bytes. Absent on purpose: the store,
//! the clock, the environment.
//!
//! What was decided where trainers differ: only sides that have rows get a file; the answer is the code byte for byte
//! (a fenced one loses its last line ends); an option that a format cannot honour is an error.

mod attribution;
pub mod formats;
mod layouts;
pub mod licences;
pub mod manifest;
mod outputs;
mod presets;
mod target;
mod writing;

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use formats::{FORMATS, Format, Roles, Style, Subject, format};
pub use layouts::Layout;
pub use licences::{LicenceGate, LicenceSummary};
pub use manifest::{Expected, FileEntry, Manifest, request_from_manifest, verify};
pub use presets::{PRESETS, Preset, preset};

use crate::prompt::PromptError;
use crate::sample::{Sample, SampleId, UnknownWord};

/// The prompt template of the format `text` where none is asked for.
pub const DEFAULT_TEMPLATE: &str = "alpaca";

/// How rows are written into a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// A JSON object per line.
    Jsonl,
    /// One JSON array, a row per line.
    Json,
}

impl Encoding {
    /// Its name, which is the ending of its files.
    pub fn word(self) -> &'static str {
        match self {
            Encoding::Jsonl => "jsonl",
            Encoding::Json => "json",
        }
    }
}

impl FromStr for Encoding {
    type Err = UnknownWord;
    fn from_str(text: &str) -> Result<Encoding, UnknownWord> {
        match text {
            "jsonl" => Ok(Encoding::Jsonl),
            "json" => Ok(Encoding::Json),
            _ => Err(UnknownWord { word: text.to_owned(), known: &["jsonl", "json"] }),
        }
    }
}

/// What is done about rows that cannot be written in a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnUnfit {
    /// The export fails and says how many there are, and which.
    Error,
    /// They are left out and counted.
    Skip,
}

impl FromStr for OnUnfit {
    type Err = UnknownWord;
    fn from_str(text: &str) -> Result<OnUnfit, UnknownWord> {
        match text {
            "error" => Ok(OnUnfit::Error),
            "skip" => Ok(OnUnfit::Skip),
            _ => Err(UnknownWord { word: text.to_owned(), known: &["error", "skip"] }),
        }
    }
}

/// Why a row cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unfit {
    /// It has no instruction.
    NoInstruction,
    /// It has no side while others of the slice have one (a split holds it, or it came after the split).
    NoSide,
    /// Its texts hold the text of a special token of the prompt template.
    SpecialText,
}

impl Unfit {
    /// The word that such rows are counted under.
    pub fn word(self) -> &'static str {
        match self {
            Unfit::NoInstruction => "no-instruction",
            Unfit::NoSide => "no-side",
            Unfit::SpecialText => "special-text",
        }
    }
}

/// Where the sides of an export come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SideRule {
    /// The stage `split` of the query.
    Stage,
    /// The store's own split. Rows without a side in it are left out as `no-side`.
    Split,
    /// What the sources give. Rows without one are train.
    Given,
    /// Nobody gives any: all is train.
    AllTrain,
}

impl fmt::Display for SideRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SideRule::Stage => "the stage `split` of the query",
            SideRule::Split => "the store's own split",
            SideRule::Given => "the sides that the sources give",
            SideRule::AllTrain => "no sides: all rows are train",
        })
    }
}

/// Rows that a stage of the query was asked for, and got.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageCount {
    /// The stage as the query has it: `take 100`.
    pub stage: String,
    /// Rows asked for, where it asks for a number.
    pub asked: Option<u64>,
    /// Rows that came out of it.
    pub got: u64,
}

/// A seed of the query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seed {
    /// The stage that uses it: `sample`.
    pub stage: String,
    /// The seed.
    pub seed: u64,
}

/// What an export shows of a source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceInfo {
    /// Its title; blank where it has none.
    pub title: String,
    /// Its licence as a whole.
    pub licence: String,
    /// Where it is.
    pub url: Option<String>,
    /// How it wants to be cited.
    pub citation: Option<String>,
    /// Its rank, 1 to 5.
    pub rank: u8,
    /// Whether its recipe lets near-duplicates part (`dedup` is `exact` or `off` inside it).
    pub near_duplicates_may_part: bool,
}

/// A place that a row stems from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// Name of the source.
    pub source: String,
    /// Where in it.
    pub locator: String,
    /// The licence there.
    pub licence: String,
}

/// A row of the slice with what the sample itself does not hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The sample.
    pub sample: Sample,
    /// Every place that it and its duplicates stem from, its own first.
    pub origins: Vec<Origin>,
    /// What ties it to rows that must share its side.
    pub family: Option<String>,
}

impl From<Sample> for Row {
    /// The row of a sample that has no duplicates: its own place, and the family of its source's columns.
    fn from(sample: Sample) -> Row {
        Row { family: sample.family.clone(), origins: vec![Origin::of(&sample)], sample }
    }
}

impl Origin {
    /// Where a sample stems from.
    pub fn of(sample: &Sample) -> Origin {
        Origin { source: sample.source.clone(), locator: sample.locator.clone(), licence: sample.licence.clone() }
    }
}

/// What is to be exported, and how.
#[derive(Clone, Debug)]
pub struct Request {
    /// The folder to write.
    pub out: PathBuf,
    /// The form of a row.
    pub format: &'static Format,
    /// Which files there are.
    pub layout: Layout,
    /// How rows are written into them.
    pub encoding: Encoding,
    /// The system sentence; else the preset's, else none.
    pub system: Option<String>,
    /// A bundle of options.
    pub preset: Option<&'static Preset>,
    /// The role tags; else the preset's, else `system`, `human`, `gpt`.
    pub roles: Option<Roles>,
    /// Whether the answer stands in a fenced Python block; else as the preset says, else not.
    pub fence: Option<bool>,
    /// The prompt template of the format `text`; else [`DEFAULT_TEMPLATE`].
    pub template: Option<String>,
    /// What is done about rows without an instruction.
    pub missing_instruction: OnUnfit,
    /// What is done about rows that hold the text of a special token of the template, or one of [`special_texts`](Request::special_texts).
    pub special_text: OnUnfit,
    /// Texts of special tokens of the tokenizer that the rows are for.
    pub special_texts: Vec<String>,
    /// Licences that may leave although they are unknown or restrict use.
    pub allow_licences: Vec<String>,
    /// Licences that may not leave although they are free, from the project's settings.
    pub deny_licences: Vec<String>,
    /// Whether an export that stands at `out` is replaced. Anything else there never is.
    pub overwrite: bool,
    /// The query as typed.
    pub query_typed: String,
    /// The query with saved queries and defaults written out.
    pub query_expanded: String,
    /// The texts of the saved queries that it uses, by name.
    pub saved_queries: BTreeMap<String, String>,
    /// The seeds of its stages, in order.
    pub seeds: Vec<Seed>,
    /// Versions of the analysers that made the facts.
    pub analyser_version: String,
    /// Version of the duplicate search, where one ran.
    pub dedup_version: Option<String>,
    /// Rows asked for and got, stage by stage.
    pub stage_counts: Vec<StageCount>,
    /// Whether the samples have the sides that a stage of the query gave them.
    pub sides_of_query: bool,
    /// Version of the program.
    pub tool_version: String,
    /// What must come out, where an export is repeated; anything else is an error that leaves nothing behind.
    pub expected: Option<Box<Expected>>,
}

impl Request {
    /// Makes a request with every option at its default: layout plain, JSON Lines, rows without instruction an error.
    pub fn new(out: impl Into<PathBuf>, format: &'static Format) -> Request {
        Request {
            out: out.into(),
            format,
            layout: Layout::Plain,
            encoding: Encoding::Jsonl,
            system: None,
            preset: None,
            roles: None,
            fence: None,
            template: None,
            missing_instruction: OnUnfit::Error,
            special_text: OnUnfit::Error,
            special_texts: Vec::new(),
            allow_licences: Vec::new(),
            deny_licences: Vec::new(),
            overwrite: false,
            query_typed: String::new(),
            query_expanded: String::new(),
            saved_queries: BTreeMap::new(),
            seeds: Vec::new(),
            analyser_version: String::new(),
            dedup_version: None,
            stage_counts: Vec::new(),
            sides_of_query: false,
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            expected: None,
        }
    }

    /// Checks the options against each other, before any row is fetched.
    ///
    /// # Errors
    /// [`ExportError::Option`] for an option that the format, preset or layout cannot honour; [`ExportError::Prompt`].
    pub fn check(&self) -> Result<(), ExportError> {
        self.style()?;
        self.layout.check(self.format, self.encoding)
    }
}

/// What an export came to; serialised, it is the answer of `export --json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Rows written, by side; each side is there.
    pub rows: BTreeMap<String, u64>,
    /// Every file but the manifest, sorted by path.
    pub files: Vec<FileEntry>,
    /// Path of the manifest.
    pub manifest: String,
    /// Rows of the slice: the sum of what was written and what was skipped.
    pub selected: u64,
    /// Rows skipped, by reason.
    pub skipped: BTreeMap<String, u64>,
    /// Where sides came from.
    pub sides: manifest::SidesInfo,
    /// What the manifest says.
    #[serde(skip)]
    pub record: Manifest,
}

/// What ends an export. Nothing of it is left then.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// An option has no effect, or contradicts another.
    #[error("{message}")]
    Option {
        /// Which, and what is possible.
        message: String,
    },
    /// Something stands where the export is to go.
    #[error("{} is there already and not empty; name another folder, or type --overwrite to replace the export in it", path.display())]
    OutExists {
        /// The folder.
        path: PathBuf,
    },
    /// What stands where the export is to go may not be replaced.
    #[error("{} cannot be replaced by an export: {found}", path.display())]
    OutNotReplaceable {
        /// The path.
        path: PathBuf,
        /// What is there.
        found: String,
    },
    /// Another export to the same folder is under way.
    #[error("another export to {} is under way", path.display())]
    Busy {
        /// The folder.
        path: PathBuf,
    },
    /// A file or folder cannot be used.
    #[error("cannot {action} {}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The rows could not be fetched.
    #[error("the rows cannot be fetched")]
    Rows {
        /// Why not.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// There is nothing to write.
    #[error("{}", say_empty(*selected, skipped))]
    Empty {
        /// Rows of the slice.
        selected: u64,
        /// Rows skipped, by reason.
        skipped: BTreeMap<String, u64>,
    },
    /// Rows cannot be written in this format, and nobody said that they may be left out.
    #[error("{}", say_unfit(*reason, *count, *selected, ids))]
    Unfit {
        /// Why not.
        reason: Unfit,
        /// How many.
        count: u64,
        /// Of how many.
        selected: u64,
        /// The first of them.
        ids: Vec<SampleId>,
    },
    /// Licences stop the export.
    #[error("{0}")]
    Licences(LicenceGate),
    /// A row stems from a source that nothing is known of.
    #[error("a row stems from the source `{source_name}`, which is not among the sources of the store")]
    NoSourceInfo {
        /// The source.
        source_name: String,
    },
    /// A manifest cannot be used.
    #[error("{}: {message}", path.display())]
    Manifest {
        /// Its path.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// A repeated export is not the same.
    #[error("the export is not the one of the manifest: {file}: {how} ({why})")]
    Differs {
        /// The first file that differs, data before what is derived from it.
        file: String,
        /// How.
        how: String,
        /// The first thing upstream of the bytes that differs.
        why: String,
    },
    /// The prompt template cannot be used.
    #[error(transparent)]
    Prompt(#[from] PromptError),
}

fn say_empty(selected: u64, skipped: &BTreeMap<String, u64>) -> String {
    if selected == 0 {
        return "the query selects no row; nothing was written".to_owned();
    }
    let reasons: Vec<String> = skipped.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
    format!("none of the {selected} selected rows can be written ({}); nothing was written", reasons.join(", "))
}

fn say_unfit(reason: Unfit, count: u64, selected: u64, ids: &[SampleId]) -> String {
    let mut named: Vec<String> = ids.iter().map(|id| id.to_string()[..12].to_owned()).collect();
    if count > ids.len() as u64 {
        named.push("…".to_owned());
    }
    let named = named.join(", ");
    match reason {
        Unfit::NoInstruction => format!(
            "{count} of {selected} rows have no instruction ({named}); add has:instruction to the query, or type \
             --missing-instruction skip to leave them out"
        ),
        Unfit::SpecialText => format!(
            "{count} of {selected} rows hold the text of a special token of the prompt template or the tokenizer ({named}); leave them out \
             of the query, choose another --template, or type --special-text skip"
        ),
        Unfit::NoSide => format!("{count} of {selected} rows are on no side of the split ({named})"),
    }
}

/// Writes an export: reads the rows once, in slice order, and streams them to disk.
///
/// Sides are the store's own where any row has one (rows without are then left out as `no-side`), else what the sources
/// give (rows without are train), else all is train; the report says which. The licence gate and the refusal of unfit rows
/// come after the last row, with full counts; nothing is written from the first such row on. [`licences::gate`] asks the
/// former before any row is fetched.
///
/// # Errors
/// Any [`ExportError`]; nothing stands at `out` then that did not stand there before.
pub fn write<T, E>(
    request: &Request,
    rows: impl IntoIterator<Item = Result<T, E>>,
    sources: &BTreeMap<String, SourceInfo>,
) -> Result<Report, ExportError>
where
    T: Into<Row>,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    writing::write(request, rows, sources)
}

/// Checks the licences of a slice before any row of it is fetched.
///
/// # Errors
/// [`ExportError::Licences`].
pub fn check_licences(request: &Request, licences: &LicenceSummary) -> Result<(), ExportError> {
    licences::gate(&request.allow_licences, &request.deny_licences, licences).map(|_| ()).map_err(ExportError::Licences)
}

/// Tells whether an export stands in a folder: its manifest can be read.
pub fn is_export(folder: &Path) -> bool {
    Manifest::read(&folder.join(manifest::MANIFEST)).is_ok()
}

/// A sample for tests, with nothing known of it.
#[cfg(test)]
pub(crate) fn sample_for_tests(source: &str, key: &str, instruction: &str, code: &str) -> Sample {
    use crate::sample::{DescriptionKind, Facts, RevisionKind, State, content_hash};
    Sample {
        row: 0,
        id: SampleId::new(source, key),
        source: source.to_owned(),
        key: key.to_owned(),
        locator: format!("{key}.py"),
        state: State::Kept,
        reason: None,
        instruction: (!instruction.is_empty()).then(|| instruction.to_owned()),
        code: code.to_owned(),
        revision: RevisionKind::Read,
        cleaners: Vec::new(),
        licence: "MIT".to_owned(),
        rank: 3,
        level: None,
        split: None,
        held: false,
        split_given: None,
        tags: Default::default(),
        description_kind: DescriptionKind::Human,
        meta: Default::default(),
        family: None,
        content: content_hash(code),
        added: "2024-01-01T00:00:00Z".to_owned(),
        facts: Facts::default(),
        written: None,
    }
}
