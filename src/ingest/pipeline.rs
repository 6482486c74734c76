//! The pipeline: a reader's rows become samples of the store, all or none of an op.
//!
//! Three stages run beside each other: reading (one thread), preparing (every core: clean, analyse, compress), writing
//! (SQLite and the index writer). Batches keep their order, so row numbers do not depend on timing. What is read is
//! counted where it is read and where it ends up; the two must agree.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use rayon::prelude::*;
use serde::Serialize;
use serde_json::{Value, json};

use super::cleaners;
use super::readers;
use super::recipe::Recipe;
use super::row::{Met, RawRow, ReadRequest, ReadSummary};
use super::{IngestError, row};
use crate::analyze;
use crate::dedup;
use crate::sample::{DescriptionKind, RejectedRow, RevisionKind, Sample, SampleId, State, hash16, hex};
use crate::store::index::rows::RowSet;
use crate::store::index::schema::meta_text;
use crate::store::{
    Begin, Content, Known, LookupConnection, Prepared, SourceRecord, Store, StoreError, encode_facts, place_hash,
};

/// Rows of a batch; what one transaction holds.
pub(super) const BATCH_ROWS: usize = 1024;
/// Stack of the reading thread: nested JSON is read by recursion, with a depth limit.
const READER_STACK_BYTES: usize = 16 << 20;
/// A batch ends earlier at this many bytes of text.
const BATCH_BYTES: usize = 8 << 20;

/// How to ingest.
#[derive(Clone, Debug)]
pub struct Options {
    /// Reject what the source no longer has.
    pub sync: bool,
    /// Rows above this many bytes are rejected.
    pub max_row_bytes: u64,
    /// The rendering of the data to read, where a recipe knows several.
    pub variant: Option<String>,
    /// Now: UTC, RFC 3339.
    pub now: String,
    /// The command as typed, for messages about an open op.
    pub command: String,
    /// How duplicates are found whose survivor leaves or changes.
    pub dedup: dedup::Settings,
}

/// Rejected rows, counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rejections {
    /// All of them.
    pub total: u64,
    /// By reason.
    pub by_reason: BTreeMap<String, u64>,
}

/// What an ingest came to.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// The source.
    pub source: String,
    /// Rows that the reader met.
    pub read: u64,
    /// Samples that were not known.
    pub new: u64,
    /// Samples with other content than before.
    pub changed: u64,
    /// Samples with the same content as before.
    pub unchanged: u64,
    /// Rows that became no sample.
    pub rejected: Rejections,
    /// Samples that the source no longer has (`--sync`).
    pub gone: u64,
    /// Samples that had gone and are back.
    pub back: u64,
    /// The op.
    pub op: i64,
    /// How many of the new and changed samples each cleaner mended.
    pub cleaned: BTreeMap<String, u64>,
    /// The reader's own counts.
    pub counts: BTreeMap<String, u64>,
    /// Sentences for the person.
    pub notes: Vec<String>,
}

/// How far an ingest is, for a progress bar.
#[derive(Debug, Default)]
pub struct Progress {
    /// Bytes of input that are done.
    pub bytes: AtomicU64,
    /// Rows that were read.
    pub rows: AtomicU64,
}

/// Reads a source into the store.
///
/// # Errors
/// Where the input or the recipe is wrong, where nothing comes of it, where the store refuses. Nothing of the op is kept then.
pub fn run(
    store: &mut Store,
    recipe: &Recipe,
    paths: &[PathBuf],
    options: &Options,
    progress: &Progress,
) -> Result<Report, IngestError> {
    for path in paths {
        if let Err(source) = std::fs::metadata(path) {
            return Err(IngestError::File { path: path.clone(), source });
        }
    }
    let reader = readers::find(&recipe.reader).ok_or_else(|| IngestError::Recipe {
        name: recipe.name.clone(),
        message: format!("there is no reader `{}`; there are: {}", recipe.reader, readers::names().join(", ")),
    })?;
    // Of the recipe its text: the same name may mean something else by the time an interrupted op goes on.
    let whole = |path: &PathBuf| std::fs::canonicalize(path).unwrap_or_else(|_| path.clone()).display().to_string();
    let given: Vec<String> = paths.iter().map(whole).collect();
    let arguments = json!({
        "source": recipe.name, "paths": given, "sync": options.sync, "variant": options.variant,
        "max_row_bytes": options.max_row_bytes, "licence": recipe.licence, "rank": recipe.rank,
        "recipe": hex(&hash16(&[recipe.toml.as_bytes()])), "command": options.command,
    });
    let continued = store.open_op()?.is_some();
    let op = store.begin(&Begin { verb: "ingest", arguments, now: &options.now })?;
    let outcome = fill(store, op, continued, reader, recipe, paths, options, progress);
    match outcome {
        Ok(report) => Ok(report),
        Err(error) => {
            store.discard(op)?;
            Err(error)
        }
    }
}

/// What goes from preparing to writing.
#[derive(Default)]
struct Batch {
    prepared: Vec<Prepared>,
    moved: Vec<(u32, String)>,
    back: Vec<u32>,
    rejected: Vec<RejectedRow>,
    met: Vec<u32>,
    unchanged: u64,
    new: u64,
    changed: u64,
}

#[allow(clippy::too_many_arguments)]
fn fill(
    store: &mut Store,
    op: i64,
    continued: bool,
    reader: &row::Reader,
    recipe: &Recipe,
    paths: &[PathBuf],
    options: &Options,
    progress: &Progress,
) -> Result<Report, IngestError> {
    let before = store.source(&recipe.name)?;
    let source = store.put_source(&source_record(recipe))?;
    let analyser = store.analyser_number(&analyze::analyser_version())?;
    let lookup = store.lookup_connection()?;
    let first_row = store.next_row()?;
    let mut report = Report { source: recipe.name.clone(), op, ..Report::default() };
    let mut met = RowSet::default();
    let mut met_rejected: HashSet<u64> = HashSet::new();
    let stop = AtomicBool::new(false);
    let (met_in, met_out) = sync_channel::<Vec<Met>>(4);
    let (batch_in, batch_out) = sync_channel::<Batch>(2);
    let summary = std::thread::scope(|scope| -> Result<ReadSummary, IngestError> {
        let stop = &stop;
        let reading = std::thread::Builder::new()
            .name("read".into())
            .stack_size(READER_STACK_BYTES)
            .spawn_scoped(scope, move || read(reader, recipe, paths, options, progress, met_in, stop))
            .map_err(|source| IngestError::File { path: PathBuf::from("a thread for reading"), source })?;
        let preparing = std::thread::Builder::new()
            .name("prepare".into())
            .spawn_scoped(scope, move || {
                let mut preparer = Preparer::new(recipe, options, source, op, lookup, first_row);
                preparer.run(met_out, batch_in)
            })
            .map_err(|source| IngestError::File { path: PathBuf::from("a thread for preparing"), source })?;
        let written = (|| -> Result<(), IngestError> {
            while let Ok(batch) = batch_out.recv() {
                for prepared in &batch.prepared {
                    for cleaner in &prepared.sample.cleaners {
                        *report.cleaned.entry(cleaner.clone()).or_default() += 1;
                    }
                }
                if !batch.prepared.is_empty() {
                    store.put(op, analyser, &batch.prepared)?;
                }
                store.seen(&batch.moved, &batch.back)?;
                if !batch.rejected.is_empty() {
                    for row in &batch.rejected {
                        *report.rejected.by_reason.entry(row.reason.clone()).or_default() += 1;
                        met_rejected.insert(place_hash(&row.file, &row.locator, &row.reason));
                    }
                    report.rejected.total += batch.rejected.len() as u64;
                    store.put_rejected(op, source, &batch.rejected)?;
                }
                for row in &batch.met {
                    met.insert(*row);
                }
                report.new += batch.new;
                report.changed += batch.changed;
                report.unchanged += batch.unchanged;
                report.back += batch.back.len() as u64;
            }
            Ok(())
        })();
        // Where writing failed, the others find their channels closed and end.
        stop.store(true, Ordering::Relaxed);
        drop(batch_out);
        let prepared = preparing.join().map_err(|_| IngestError::Broken("preparing rows".into()))?;
        let summary = reading.join().map_err(|_| IngestError::Broken("reading rows".into()))?;
        written?;
        prepared?;
        summary
    })?;
    report.read = progress.rows.load(Ordering::Relaxed);
    let accounted = report.new + report.changed + report.unchanged + report.rejected.total;
    if report.read != accounted {
        return Err(IngestError::Unbalanced { read: report.read, accounted });
    }
    if report.new + report.changed + report.unchanged == 0 {
        let reasons: Vec<String> =
            report.rejected.by_reason.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
        let what = if report.read == 0 {
            "no rows were found".to_owned()
        } else {
            format!("{} rows read, all rejected: {}", report.read, reasons.join(", "))
        };
        let example = met_example(store, &recipe.name, op)?;
        return Err(IngestError::Nothing {
            source_name: recipe.name.clone(),
            message: format!("{what}{example}; nothing was stored"),
        });
    }
    if continued {
        store.drop_unmet(op, &met)?;
    }
    store.retire_rejected(op, source, &summary.files, &met_rejected)?;
    if options.sync {
        report.gone = store.reject_gone(source, &met)?;
    }
    report.counts = summary.counts;
    report.notes = summary.notes;
    if let Some(before) = before {
        if before.licence != recipe.licence {
            report.notes.push(format!(
                "the licence of {} was {} and is {} now, for all its rows",
                recipe.name, before.licence, recipe.licence
            ));
        }
        if before.rank != recipe.rank {
            report.notes.push(format!("the rank of {} was {} and is {} now", recipe.name, before.rank, recipe.rank));
        }
    }
    // Classes that draw nothing are no rows that anybody counts on.
    let no_scenes = ["nested-scene", "no-construct"];
    let met = report.read - no_scenes.iter().filter_map(|reason| report.rejected.by_reason.get(*reason)).sum::<u64>();
    if let Some(expected) = recipe.expected_rows
        && expected != met
    {
        report.notes.push(format!("the recipe expects {expected} rows, {met} were read"));
    }
    let regrown = dedup::regrow(store, &options.dedup)?;
    if regrown > 0 {
        report
            .notes
            .push(format!("{regrown} duplicates have another survivor now, or are kept: theirs left or changed"));
    }
    let shown = serde_json::to_value(&report).unwrap_or(Value::Null);
    store.close(op, &shown, &options.now)?;
    Ok(report)
}

fn met_example(store: &Store, source: &str, op: i64) -> Result<String, IngestError> {
    let row = store.rejected_of(source, op, 1)?.into_iter().next();
    Ok(row.map(|row| format!(" (the first: {}, {})", row.locator, row.detail)).unwrap_or_default())
}

fn source_record(recipe: &Recipe) -> SourceRecord {
    SourceRecord {
        name: recipe.name.clone(),
        title: recipe.title.clone(),
        licence: recipe.licence.clone(),
        url: recipe.url.clone().unwrap_or_default(),
        citation: recipe.citation.clone().unwrap_or_default(),
        rank: recipe.rank,
        dialect: recipe.dialect,
        dedup: recipe.dedup.word().to_owned(),
        levels: recipe.levels.clone(),
        recipe: recipe.toml.clone(),
    }
}

fn read(
    reader: &row::Reader,
    recipe: &Recipe,
    paths: &[PathBuf],
    options: &Options,
    progress: &Progress,
    out: SyncSender<Vec<Met>>,
    stop: &AtomicBool,
) -> Result<ReadSummary, IngestError> {
    let request = ReadRequest { recipe, paths, max_row_bytes: options.max_row_bytes, variant: options.variant.clone() };
    let mut batch: Vec<Met> = Vec::with_capacity(BATCH_ROWS);
    let mut bytes = 0usize;
    let send = |batch: &mut Vec<Met>| {
        let full = std::mem::replace(batch, Vec::with_capacity(BATCH_ROWS));
        out.send(full).map_err(|_| IngestError::Stopped)
    };
    let summary = (reader.read)(&request, &mut |met| {
        if stop.load(Ordering::Relaxed) {
            return Err(IngestError::Stopped);
        }
        match &met {
            Met::Progress(done) => {
                progress.bytes.fetch_add(*done, Ordering::Relaxed);
                return Ok(());
            }
            Met::Row(row) => bytes += row.code.len() + row.instruction.as_ref().map_or(0, String::len),
            Met::Rejected(_) => {}
        }
        progress.rows.fetch_add(1, Ordering::Relaxed);
        batch.push(met);
        if batch.len() >= BATCH_ROWS || bytes >= BATCH_BYTES {
            bytes = 0;
            send(&mut batch)?;
        }
        Ok(())
    })?;
    send(&mut batch)?;
    Ok(summary)
}

/// Turns what was met into what is written, in order.
struct Preparer<'a> {
    recipe: &'a Recipe,
    options: &'a Options,
    source: i64,
    op: i64,
    lookup: LookupConnection,
    next_row: u32,
    /// How often a row without a key was met with the same content.
    occurrences: HashMap<u128, u32>,
    /// Ids of this pass.
    ids: HashSet<SampleId>,
}

/// A row that needs work.
struct Task {
    row: Box<RawRow>,
    id: SampleId,
    key: String,
    number: u32,
    read_hash: [u8; 16],
    known: Option<Known>,
}

impl<'a> Preparer<'a> {
    fn new(
        recipe: &'a Recipe,
        options: &'a Options,
        source: i64,
        op: i64,
        lookup: LookupConnection,
        next_row: u32,
    ) -> Self {
        Preparer { recipe, options, source, op, lookup, next_row, occurrences: HashMap::new(), ids: HashSet::new() }
    }

    fn run(&mut self, batches: Receiver<Vec<Met>>, out: SyncSender<Batch>) -> Result<(), IngestError> {
        while let Ok(met) = batches.recv() {
            let mut batch = Batch::default();
            let mut tasks = Vec::new();
            for each in met {
                match each {
                    Met::Row(row) => self.sort_out(row, &mut batch, &mut tasks)?,
                    Met::Rejected(row) => batch.rejected.push(row),
                    Met::Progress(_) => {}
                }
            }
            let recipe = self.recipe;
            let (source, now) = (self.source, self.options.now.as_str());
            let prepared: Vec<Result<Prepared, StoreError>> = analyze::parse::pool()
                .install(|| tasks.into_par_iter().map(|task| prepare(task, recipe, source, now)).collect());
            batch.prepared = prepared.into_iter().collect::<Result<_, _>>()?;
            if out.send(batch).is_err() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Decides what a row is: new, unchanged, changed, or none.
    fn sort_out(&mut self, row: Box<RawRow>, batch: &mut Batch, tasks: &mut Vec<Task>) -> Result<(), IngestError> {
        let key = match &row.key {
            Some(key) => key.clone(),
            None => {
                let hash = hash16(&[row.instruction.as_deref().unwrap_or("").as_bytes(), row.code.as_bytes()]);
                let seen = self.occurrences.entry(u128::from_be_bytes(hash)).or_insert(0);
                *seen += 1;
                format!("{}-{}", hex(&hash), *seen)
            }
        };
        let id = SampleId::new(&self.recipe.name, &key);
        if !self.ids.insert(id) {
            batch.rejected.push(reject(
                &row,
                "duplicate-key",
                format!("another row of this reading has the key `{key}`"),
            ));
            return Ok(());
        }
        let read_hash = read_hash(&row);
        let known = self.lookup.known(&id)?;
        let Some(known) = known else {
            let number = self.next_row;
            self.next_row += 1;
            batch.new += 1;
            batch.met.push(number);
            tasks.push(Task { row, id, key, number, read_hash, known: None });
            return Ok(());
        };
        let number = known.row;
        let same = known.read_hash == read_hash;
        if known.state == State::Forgotten {
            batch.rejected.push(reject(&row, "forgotten", "its content was forgotten for good".into()));
            return Ok(());
        }
        batch.met.push(number);
        if known.added_op == self.op && same {
            // Written before this op was interrupted.
            batch.new += 1;
        } else if known.added_op == self.op || !known.present {
            batch.new += 1;
            tasks.push(Task { row, id, key, number, read_hash, known: Some(known) });
        } else if same {
            batch.unchanged += 1;
            if known.reason.as_deref() == Some("gone-upstream") {
                batch.back.push(number);
            }
            if known.locator != row.locator {
                batch.moved.push((number, row.locator.clone()));
            }
        } else {
            batch.changed += 1;
            tasks.push(Task { row, id, key, number, read_hash, known: Some(known) });
        }
        Ok(())
    }
}

fn reject(row: &RawRow, reason: &str, detail: String) -> RejectedRow {
    RejectedRow { file: row.file.clone(), locator: row.locator.clone(), reason: reason.into(), detail }
}

/// A hash of everything that the source gave for a row, its place left out. Values are hashed as text, so that the same
/// table as CSV and as Parquet is the same.
fn read_hash(row: &RawRow) -> [u8; 16] {
    let mut meta = String::new();
    for (name, value) in &row.meta {
        meta.push_str(name);
        meta.push('\u{1f}');
        meta.push_str(&meta_text(value));
        meta.push('\u{1e}');
    }
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    hash16(&[
        text(&row.instruction).as_bytes(),
        row.code.as_bytes(),
        row.description_kind.map_or("", |kind| kind.word()).as_bytes(),
        row.split.map_or("", |side| side.word()).as_bytes(),
        text(&row.level).as_bytes(),
        text(&row.licence).as_bytes(),
        text(&row.family).as_bytes(),
        meta.as_bytes(),
        row.dialect.map_or("", |dialect| dialect.word()).as_bytes(),
        row.issues.join("\u{1f}").as_bytes(),
    ])
}

/// Cleans, analyses and compresses one row.
fn prepare(task: Task, recipe: &Recipe, source: i64, now: &str) -> Result<Prepared, StoreError> {
    let Task { row, id, key, number, read_hash, known } = task;
    let hint = row.dialect.or(recipe.dialect);
    let cleaned = cleaners::clean(&row.code, row.instruction.as_deref(), &cleaners::CleanContext { dialect: hint });
    let read = Content::new(row.instruction.clone(), &row.code)?;
    let fixed =
        if cleaned.applied.is_empty() { None } else { Some(Content::new(cleaned.instruction.clone(), &cleaned.code)?) };
    let facts = analyze::analyse(&cleaned.code, cleaned.instruction.as_deref(), hint, &row.issues);
    let kind = match (&cleaned.instruction, row.description_kind) {
        (None, _) => DescriptionKind::None,
        (Some(_), Some(kind)) => kind,
        (Some(_), None) => recipe.description_kind.unwrap_or(DescriptionKind::Human),
    };
    let sample = Sample {
        row: number,
        id,
        source: recipe.name.clone(),
        key,
        locator: row.locator,
        state: State::Kept,
        reason: None,
        instruction: cleaned.instruction,
        revision: if fixed.is_some() { RevisionKind::Fixed } else { RevisionKind::Read },
        cleaners: cleaned.applied.iter().map(|name| (*name).to_owned()).collect(),
        licence: row.licence.clone().unwrap_or_else(|| recipe.licence.clone()),
        rank: recipe.rank,
        level: row.level,
        split: None,
        held: false,
        split_given: row.split,
        tags: Default::default(),
        description_kind: kind,
        meta: row.meta,
        family: row.family,
        content: fixed.as_ref().unwrap_or(&read).hash,
        code: cleaned.code,
        added: now.to_owned(),
        facts,
        written: None,
    };
    let facts = encode_facts(&sample.facts)?;
    Ok(Prepared {
        source,
        read,
        fixed,
        read_hash,
        licence: row.licence,
        dialect: row.dialect,
        issues: row.issues,
        facts,
        known,
        sample,
        generation: None,
    })
}
