//! The `table` reader: JSON Lines, JSON arrays, JSON objects of splits, CSV, TSV and Parquet, each also as `.gz` or
//! `.zst`, single or as a folder; a row of the table is a row of ours, by the recipe's field map.
//!
//! It streams: one row is held at a time, and a row over the limit is counted and passed over without being held (a
//! Parquet page, and the second file of a join by key, are held whole). Which format a file has is seen from its content.
//!
//! Reasons of rejected rows: `not-an-object`, `invalid-json`, `duplicate-name`, `not-utf8`, `row-too-large`, `truncated`, `csv-columns`
//! (the row cannot be read), `missing-field`, `wrong-type`, `no-match`, `no-code`, `join-unreadable`, `no-join-partner`
//! (the field map finds nothing), `filtered` (the recipe leaves it out).

mod bytes;
mod delimited;
mod files;
mod hub;
mod items;
mod join;
mod json;
mod lines;
mod map;
mod parquet;
mod preview;
mod sniff;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;

use crate::ingest::IngestError;
use crate::ingest::recipe::path::Found;
use crate::ingest::recipe::{Format, Recipe, Variant};
use crate::ingest::row::{Emit, Met, RawRow, ReadRequest, ReadSummary, Reader};
use crate::sample::{RejectedRow, Side};
use files::{Choice, TableFile};
use items::{Fault, Items};
use join::Joiner;
use map::Mapper;

pub use preview::{Column, Preview, preview};
pub(super) use sniff::is_table;

/// The registry's entry.
pub static READER: Reader = Reader {
    name: "table",
    doc: "Reads JSON Lines, JSON arrays and objects of splits, CSV, TSV and Parquet, a sample per row by the recipe's field map.",
    read,
};

/// How many rows are held back until the recipe's columns are known to be there.
const WINDOW_ROWS: usize = 100;
/// How many bytes of rows are held back at most.
const WINDOW_BYTES: usize = 4 << 20;
/// Progress is told about this often, in bytes of input.
const PROGRESS_BYTES: u64 = 256 << 10;

fn read(request: &ReadRequest<'_>, emit: &mut Emit<'_>) -> Result<ReadSummary, IngestError> {
    let mut summary = ReadSummary::default();
    let mut totals = Totals::default();
    for choice in choices(request)? {
        summary.notes.extend(choice.notes.iter().cloned());
        let mut pass = Pass {
            recipe: request.recipe,
            variant: choice.variant,
            max_row_bytes: request.max_row_bytes,
            mapper: Mapper::new(request.recipe, choice.variant),
            held: Some(Vec::new()),
            held_bytes: 0,
            totals: Totals::default(),
            emit,
        };
        for file in &choice.files {
            summary.notes.extend(pass.file(file)?);
            summary.files.push(file.shown.clone());
        }
        pass.close(&choice)?;
        summary.notes.extend(pass.mapper.notes());
        *summary.counts.entry("placeholders".into()).or_default() += pass.mapper.placeholders();
        let read = pass.totals.rows + pass.totals.rejected;
        if let Some(expected) = choice.variant.expected_rows.or(request.recipe.expected_rows)
            && expected != read
        {
            summary.notes.push(format!("{read} rows were read; the recipe expects {expected}"));
        }
        let columns = pass.mapper.columns();
        totals.add(pass.totals, columns);
    }
    summary.files.sort();
    summary.files.dedup();
    summary.counts.insert("files".into(), summary.files.len() as u64);
    summary.counts.insert("rows".into(), totals.rows + totals.rejected);
    summary.counts.retain(|_, count| *count > 0);
    if totals.rows == 0 {
        return Err(IngestError::Nothing { source_name: request.recipe.name.clone(), message: totals.nothing() });
    }
    Ok(summary)
}

/// What to read, paths of one variant together.
fn choices<'a>(request: &ReadRequest<'a>) -> Result<Vec<Choice<'a>>, IngestError> {
    let mut choices: Vec<Choice<'a>> = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    let mut joined = Vec::new();
    for path in request.paths {
        // A file that rows are joined with has none of its own.
        if files::is_joined(request.recipe, path) {
            joined.push(path);
            continue;
        }
        let mut choice = files::choose(request.recipe, path, request.variant.as_deref())?;
        let before = choice.files.len();
        choice.files.retain(|file| seen.insert(file.path.canonicalize().unwrap_or_else(|_| file.path.clone())));
        if choice.files.len() < before {
            choice.notes.push(format!("{} files were given twice and are read once", before - choice.files.len()));
        }
        match choices.iter_mut().find(|other| std::ptr::eq(other.variant, choice.variant)) {
            Some(other) => {
                other.files.extend(choice.files);
                other.notes.extend(choice.notes);
            }
            None => choices.push(choice),
        }
    }
    match (choices.first_mut(), joined.first()) {
        (Some(choice), Some(path)) => {
            choice.notes.push(format!("{} is what rows are joined with; no rows are read from it", path.display()));
        }
        (None, Some(path)) => return Err(files::only_joined(request.recipe, path)),
        _ => {}
    }
    Ok(choices)
}

/// Counts of a reading.
#[derive(Debug, Default)]
struct Totals {
    rows: u64,
    rejected: u64,
    /// Count and first example by reason.
    reasons: BTreeMap<String, (u64, String)>,
    columns: String,
}

impl Totals {
    fn add(&mut self, other: Totals, columns: String) {
        self.rows += other.rows;
        self.rejected += other.rejected;
        for (reason, (count, example)) in other.reasons {
            self.reasons.entry(reason).or_insert((0, example)).0 += count;
        }
        if self.columns.is_empty() {
            self.columns = columns;
        }
    }

    /// Why nothing came of it.
    fn nothing(&self) -> String {
        if self.rejected == 0 {
            return "there are no rows, so there is no code".to_owned();
        }
        let reasons: Vec<String> =
            self.reasons.iter().map(|(reason, (count, example))| format!("{reason} {count} ({example})")).collect();
        let columns =
            if self.columns.is_empty() { String::new() } else { format!("; the columns are {}", self.columns) };
        format!("{} rows were read and none has code that can be taken: {}{columns}", self.rejected, reasons.join("; "))
    }
}

/// Reading the files of one variant.
struct Pass<'a, 'e> {
    recipe: &'a Recipe,
    variant: &'a Variant,
    max_row_bytes: u64,
    mapper: Mapper<'a>,
    /// Rows held back until the columns are known to be there; none once they are handed on at once.
    held: Option<Vec<Met>>,
    held_bytes: usize,
    totals: Totals,
    emit: &'e mut Emit<'e>,
}

impl Pass<'_, '_> {
    fn file(&mut self, file: &TableFile) -> Result<Vec<String>, IngestError> {
        let (mut items, counter) = open_items(&file.path, self.variant.format, self.max_row_bytes)?;
        let mut joiner = match &self.variant.join {
            None => None,
            Some(join) => Some(Joiner::open(join, &file.path, self.max_row_bytes)?),
        };
        let by_name = side_from_name(&file.shown);
        let mut told = 0;
        while let Some(item) = items.next()? {
            let locator = format!("{}{}", file.shown, item.place);
            let joined = match &mut joiner {
                None => item.content,
                Some(joiner) => joiner.complete(item.content)?,
            };
            let fallback = file.split.as_deref().or(item.group.as_deref()).or(by_name);
            let met = match joined.and_then(|record| self.mapper.map(&record, fallback)) {
                Ok(row) => Met::Row(Box::new(RawRow { file: file.shown.clone(), locator, ..row })),
                Err(fault) => self.rejected(file, locator, fault),
            };
            self.hand_on(met)?;
            let done = counter.get();
            if done >= told + PROGRESS_BYTES {
                (self.emit)(Met::Progress(done - told))?;
                told = done;
            }
        }
        if let Some(joiner) = &mut joiner {
            joiner.close()?;
        }
        let size = std::fs::metadata(&file.path).map(|meta| meta.len()).unwrap_or(told);
        if size > told {
            (self.emit)(Met::Progress(size - told))?;
        }
        Ok(items.notes().into_iter().map(|note| format!("{}: {note}", file.shown)).collect())
    }

    fn rejected(&mut self, file: &TableFile, locator: String, fault: Fault) -> Met {
        let example = || format!("{locator}: {}", fault.detail);
        self.totals.reasons.entry(fault.reason.to_owned()).or_insert_with(|| (0, example())).0 += 1;
        Met::Rejected(RejectedRow {
            file: file.shown.clone(),
            locator,
            reason: fault.reason.to_owned(),
            detail: fault.detail,
        })
    }

    fn hand_on(&mut self, met: Met) -> Result<(), IngestError> {
        match &met {
            Met::Row(row) => {
                self.totals.rows += 1;
                self.held_bytes += row.code.len() + row.instruction.as_ref().map_or(0, String::len);
            }
            Met::Rejected(_) => self.totals.rejected += 1,
            Met::Progress(_) => {}
        }
        match &mut self.held {
            None => (self.emit)(met),
            Some(held) => {
                held.push(met);
                let full = held.len() >= WINDOW_ROWS || self.held_bytes >= WINDOW_BYTES;
                if full { self.release(true) } else { Ok(()) }
            }
        }
    }

    /// Hands on what was held back, if the columns are there.
    fn release(&mut self, required_only: bool) -> Result<(), IngestError> {
        self.check_columns(required_only, None)?;
        for met in self.held.take().unwrap_or_default() {
            (self.emit)(met)?;
        }
        Ok(())
    }

    fn check_columns(&self, required_only: bool, choice: Option<&Choice<'_>>) -> Result<(), IngestError> {
        let missing = self.mapper.never_seen(required_only);
        if self.mapper.records() == 0 || missing.is_empty() {
            return Ok(());
        }
        let code = self.variant.fields.code.as_ref().and_then(|field| field.path.as_ref()).map(|path| path.column());
        let no_code = if missing.iter().any(|column| Some(*column) == code) { ": no code" } else { "" };
        let names: Vec<String> = missing.iter().map(|column| format!("`{column}`")).collect();
        let variant = match self.variant.name.as_str() {
            "" => String::new(),
            name => format!(", variant `{name}`"),
        };
        let path = choice.and_then(|choice| choice.files.first()).map(|file| file.path.clone());
        Err(IngestError::Input {
            path: path.unwrap_or_else(|| self.recipe.name.clone().into()),
            message: format!(
                "no row has {}, which the recipe of {}{variant} names{no_code}; the columns are {}",
                names.join(", "),
                self.recipe.name,
                self.mapper.columns()
            ),
        })
    }

    fn close(&mut self, choice: &Choice<'_>) -> Result<(), IngestError> {
        self.check_columns(false, Some(choice))?;
        self.release(false)
    }
}

/// Rows of an open file, and the count of its bytes that were read.
type OpenRows = (Box<dyn Items>, Rc<Cell<u64>>);

/// Opens a file as rows.
fn open_items(path: &Path, format: Option<Format>, max_row_bytes: u64) -> Result<OpenRows, IngestError> {
    let meta = std::fs::metadata(path).map_err(|source| IngestError::File { path: path.to_owned(), source })?;
    if !meta.is_file() {
        return Err(IngestError::Input { path: path.to_owned(), message: "this is no regular file".into() });
    }
    let mut opened = bytes::open(path)?;
    let shape = sniff::shape(path, &opened, format)?;
    let counter = Rc::clone(&opened.read_bytes);
    let items: Box<dyn Items> = match shape.format {
        Format::Parquet if opened.packing == bytes::Packing::Plain => {
            Box::new(parquet::ParquetRows::open(path, max_row_bytes)?)
        }
        Format::Parquet => Box::new(parquet::ParquetRows::open_packed(path, &mut opened.input, max_row_bytes)?),
        Format::Csv | Format::Tsv => {
            Box::new(delimited::Delimited::new(opened.input, path.to_owned(), shape.delimiter, max_row_bytes)?)
        }
        Format::Jsonl => Box::new(lines::Lines::new(opened.input, path.to_owned(), max_row_bytes)),
        Format::Array | Format::Splits => Box::new(json::Elements::new(opened.input, path.to_owned(), max_row_bytes)),
    };
    Ok((items, counter))
}

/// Whether the first rows of a file have code where the variant looks for it.
fn finds_code(path: &Path, variant: &Variant) -> bool {
    let Ok((mut items, _)) = open_items(path, variant.format, 1 << 20) else { return false };
    let Some(code) = variant.fields.code.as_ref().and_then(|field| field.path.as_ref()) else { return false };
    for _ in 0..20 {
        match items.next() {
            Ok(Some(item)) => {
                if let Ok(record) = item.content {
                    return matches!(code.find(&record), Found::Value(value) if value.is_string());
                }
            }
            _ => return false,
        }
    }
    false
}

/// The side that a file's path says: its folder (`train/0001.jsonl`), or its name (`train.jsonl`, `x_test.csv`,
/// `valid-00000-of-00002.parquet`, `hf_test_v2.jsonl`, `train_data.csv`).
fn side_from_name(shown: &str) -> Option<&str> {
    let name = shown.rsplit('/').next().unwrap_or(shown);
    let stem = name.split('.').next().unwrap_or(name);
    let numbering = |word: &str| {
        let digits = word.strip_prefix('v').unwrap_or(word);
        word == "of" || (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let mut words: Vec<&str> = stem.split(['-', '_', ' ']).filter(|word| !word.is_empty()).collect();
    while words.last().is_some_and(|word| numbering(word)) {
        words.pop();
    }
    let side = |word: &&str| word.len() > 2 && Side::from_spelling(word).is_some();
    let plain = |word: &&str| ["data", "dataset", "set", "split", "shard", "part"].contains(word);
    match words.as_slice() {
        [.., last] if side(last) => Some(last),
        [first, rest @ ..] if side(first) && rest.iter().all(plain) => Some(first),
        _ => {
            let folder = shown.rsplit('/').nth(1)?;
            side(&folder).then_some(folder)
        }
    }
}

#[cfg(test)]
mod tests;
