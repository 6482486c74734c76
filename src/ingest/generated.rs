//! What models write becomes samples: of the source `run/NAME`, in the state `generated`, outside the search for duplicates
//! and of what queries ask by default, each with how it was written.
//!
//! A sample inherits from the sample whose prompt it answers: its level, who wrote the instruction, and its side, so that
//! nothing generated from a test prompt is taken for training data. Its code is what the model wrote, taken out of one
//! Markdown fence where it stands in one; nothing else is mended, because it is to be judged as it is. The same answer to
//! the same prompt, by the same parameters and seed, is the same sample; where it differs it is a new revision.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use serde::Serialize;
use serde_json::{Value, json};

use super::IngestError;
use super::cleaners::unfenced;
use super::pipeline::BATCH_ROWS;
use super::recipe::licence::{self, NONE_STATED};
use crate::analyze;
use crate::prompt::canonical_json;
use crate::sample::{DescriptionKind, RejectedRow, RevisionKind, Sample, SampleId, State, Written, hash16, hex};
use crate::store::index::rows::RowSet;
use crate::store::{
    Begin, Content, Generation, Known, Prepared, RUN_SOURCES, RunRecord, SourceRecord, Store, StoreError, encode_facts,
};

/// What wrote, and how.
#[derive(Clone, Debug)]
pub struct Writer<'a> {
    /// Name of the run; where no run of the store has it (the base model, a model from elsewhere) a name of its own.
    pub run: &'a str,
    /// Paths of the model (`path`, as typed) and its base (`base`), and digests of what was loaded, a JSON object.
    pub model: &'a Value,
    /// Digest of the prompt contract, in hexadecimal digits.
    pub contract: &'a str,
    /// Parameters of decoding, a JSON object.
    pub parameters: &'a Value,
    /// Seed of the random choices.
    pub seed: u64,
}

/// Keys of [`Writer::model`] that say where something lay, and nothing of what it is.
const PLACES: [&str; 2] = ["path", "base"];

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The sample whose prompt it answers; none where the prompt was typed.
    pub of: Option<SampleId>,
    /// The id that a typed prompt came with, where it had one: what is drawn depends on it.
    pub id: Option<String>,
    /// Which of several answers to that prompt, from 0.
    pub number: u32,
    /// The fields of the prompt; `instruction` is that of the sample.
    pub fields: BTreeMap<String, String>,
    /// What the model wrote.
    pub text: String,
    /// The token ids of it.
    pub tokens: Vec<u32>,
    /// Tokens of the prompt.
    pub prompt_tokens: u32,
    /// Why it ended, in one word.
    pub stop: String,
}

/// What became of answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The source.
    pub source: String,
    /// Answers that came in.
    pub read: u64,
    /// Samples that were not known.
    pub new: u64,
    /// Samples with another answer than before.
    pub changed: u64,
    /// Samples with the same answer as before.
    pub unchanged: u64,
    /// Answers whose content was forgotten for good before: they are rejected rows.
    pub forgotten: u64,
    /// The op.
    pub op: i64,
    /// The samples of the answers, in their order; those of what was forgotten too.
    #[serde(skip)]
    pub ids: Vec<SampleId>,
}

/// Checks the name of a run, which is the second half of the name of its source.
///
/// # Errors
/// A sentence.
pub fn check_run(name: &str) -> Result<(), String> {
    let begins = name.chars().next().is_some_and(|ch| ch.is_ascii_alphanumeric());
    let fits = name.len() <= 80 && name.chars().all(|ch| ch.is_ascii_alphanumeric() || "-_.".contains(ch));
    if begins && fits {
        return Ok(());
    }
    Err(format!(
        "`{name}` is no name of a run: it has ASCII letters, digits and `-`, `_`, `.`, begins with a letter or a digit, and has at most 80"
    ))
}

/// The licence of samples together: all of theirs, joined by `AND`; `none-stated` where one states none, or there are none.
pub fn licence_of<'a>(licences: impl IntoIterator<Item = &'a str>) -> String {
    let all: BTreeSet<&str> = licences.into_iter().collect();
    let mut parts: Vec<String> = Vec::new();
    for each in &all {
        match licence::read(each) {
            Ok(read) if read != NONE_STATED => {
                let several = all.len() > 1 && read.contains(' ');
                parts.push(if several { format!("({read})") } else { read });
            }
            _ => return NONE_STATED.to_owned(),
        }
    }
    if parts.is_empty() { NONE_STATED.to_owned() } else { parts.join(" AND ") }
}

/// Keeps answers under an op of its own, all or none of them; an op that was interrupted goes on where the same command is
/// given again. `command`: the words as typed.
///
/// # Errors
/// Where the run's name is none, an answer names a sample that the store does not have, or two answers are one; as the
/// store. Nothing of the op is kept then.
pub fn add(
    store: &mut Store,
    writer: &Writer<'_>,
    answers: &[Answer],
    command: &str,
    now: &str,
) -> Result<Report, IngestError> {
    let source = format!("{RUN_SOURCES}{}", writer.run);
    let wrong = |message: String| IngestError::Input { path: (&source).into(), message };
    check_run(writer.run).map_err(wrong)?;
    if answers.is_empty() {
        return Err(wrong("there are no answers to keep".to_owned()));
    }
    let run = store.run(writer.run)?;
    let arguments = json!({
        "source": source, "model": writer.model, "contract": writer.contract, "parameters": writer.parameters,
        "seed": writer.seed, "answers": hex(&digest(answers)), "command": command,
    });
    let continued = store.open_op()?.is_some();
    let op = store.begin(&Begin { verb: "generate", arguments, now })?;
    let outcome = fill(store, op, continued, &source, run.as_ref(), writer, answers, now);
    if outcome.is_err() {
        store.discard(op)?;
    }
    outcome
}

/// A hash of all answers, by which an interrupted op knows its own again.
fn digest(answers: &[Answer]) -> [u8; 16] {
    let each = |answer: &Answer| {
        let of = answer.of.map(|id| id.0).unwrap_or_default();
        let fields = canonical_json(&json!([answer.id, answer.fields]));
        hash16(&[&of, &answer.number.to_le_bytes(), fields.as_bytes(), answer.text.as_bytes()])
    };
    let all: Vec<[u8; 16]> = answers.iter().map(each).collect();
    hash16(&[&all.concat()])
}

/// What an answer inherits.
#[derive(Clone, Default)]
struct Parent {
    row: Option<u32>,
    side: Option<String>,
    split_given: Option<crate::sample::Side>,
    held: bool,
    level: Option<String>,
    kind: Option<DescriptionKind>,
}

/// An answer that is to be written.
struct Task<'a> {
    answer: &'a Answer,
    parent: Parent,
    id: SampleId,
    key: String,
    row: u32,
    read_hash: [u8; 16],
    known: Option<Known>,
}

#[allow(clippy::too_many_arguments)]
fn fill(
    store: &mut Store,
    op: i64,
    continued: bool,
    source: &str,
    run: Option<&RunRecord>,
    writer: &Writer<'_>,
    answers: &[Answer],
    now: &str,
) -> Result<Report, IngestError> {
    let wrong = |message: String| IngestError::Input { path: source.into(), message };
    let parents = parents_of(store, answers).map_err(|error| match error {
        StoreError::Unknown(message) => wrong(message),
        other => other.into(),
    })?;
    let record = record_of(store, source, run, &parents)?;
    let number = store.put_source(&record)?;
    let analyser = store.analyser_number(&analyze::analyser_version())?;
    let mut next = store.next_row()?;
    let mut report = Report { source: source.to_owned(), op, read: answers.len() as u64, ..Report::default() };
    let mut seen: BTreeSet<SampleId> = BTreeSet::new();
    let mut met = RowSet::default();
    let mut rejected: Vec<RejectedRow> = Vec::new();
    for batch in answers.chunks(BATCH_ROWS) {
        let mut tasks = Vec::new();
        for answer in batch {
            let parent = answer.of.and_then(|id| parents.get(&id)).cloned().unwrap_or_default();
            let key = key_of(writer, answer);
            let id = SampleId::new(source, &key);
            if !seen.insert(id) {
                return Err(wrong(format!(
                    "two answers have one prompt, one number ({}), one seed and the same parameters: number the answers to a prompt",
                    answer.number
                )));
            }
            report.ids.push(id);
            let read_hash = read_hash(writer, answer, &parent);
            let known = store.known(&id)?;
            if known.as_ref().is_some_and(|known| known.state == State::Forgotten) {
                report.forgotten += 1;
                rejected.push(RejectedRow {
                    file: source.to_owned(),
                    locator: locator_of(answer, &key),
                    reason: "forgotten".to_owned(),
                    detail: "its content was forgotten for good".to_owned(),
                });
                continue;
            }
            let row = known.as_ref().map_or(next, |known| known.row);
            next += u32::from(known.is_none());
            met.insert(row);
            // Written before this op was interrupted, or by another and there.
            let same = known.as_ref().is_some_and(|known| known.read_hash == read_hash);
            let own = known.as_ref().is_some_and(|known| known.added_op == op);
            let there = known.as_ref().is_some_and(|known| known.present);
            match (there, own) {
                (true, false) if same => report.unchanged += 1,
                (true, false) => report.changed += 1,
                _ => report.new += 1,
            }
            if !(same && there) {
                tasks.push(Task { answer, parent, id, key, row, read_hash, known });
            }
        }
        let run = run.map(|run| run.run);
        let prepared: Vec<Result<Prepared, StoreError>> = analyze::parse::pool()
            .install(|| tasks.into_par_iter().map(|task| prepare(task, &record, number, run, writer, now)).collect());
        let prepared: Vec<Prepared> = prepared.into_iter().collect::<Result<_, _>>()?;
        store.put(op, analyser, &prepared)?;
    }
    if continued {
        store.drop_unmet(op, &met)?;
    }
    store.put_rejected(op, number, &rejected)?;
    let shown = serde_json::to_value(&report).unwrap_or(Value::Null);
    store.close(op, &shown, now)?;
    Ok(report)
}

/// The samples whose prompts are answered, by id.
fn parents_of(store: &Store, answers: &[Answer]) -> Result<BTreeMap<SampleId, Parent>, StoreError> {
    let mut out = BTreeMap::new();
    for id in answers.iter().filter_map(|answer| answer.of) {
        if out.contains_key(&id) {
            continue;
        }
        let known = store.known(&id)?.filter(|known| known.present && known.state != State::Forgotten);
        let Some(known) = known else {
            return Err(StoreError::Unknown(format!(
                "an answer is to a prompt of {id}, which is no sample of this store"
            )));
        };
        let mut sample = store.sample_without_facts(known.row)?;
        sample.inherit_side(&|row| store.sample_without_facts(row).map(Some))?;
        let side = sample.split.or(sample.split_given);
        out.insert(
            id,
            Parent {
                row: Some(known.row),
                side: if sample.held { Some("held".to_owned()) } else { side.map(|side| side.word().to_owned()) },
                split_given: side.filter(|_| !sample.held),
                held: sample.held,
                level: sample.level,
                kind: Some(sample.description_kind),
            },
        );
    }
    Ok(out)
}

/// The source of a run. Its levels are those of the sources that the prompts come from, where these agree.
fn record_of(
    store: &Store,
    source: &str,
    run: Option<&RunRecord>,
    parents: &BTreeMap<SampleId, Parent>,
) -> Result<SourceRecord, StoreError> {
    let known = store.source(source)?;
    let all: BTreeMap<String, Vec<String>> =
        store.sources()?.into_iter().map(|source| (source.name, source.levels)).collect();
    let mut scales: BTreeSet<Vec<String>> = BTreeSet::new();
    scales.extend(known.map(|known| known.levels).filter(|levels| !levels.is_empty()));
    for row in parents.values().filter(|parent| parent.level.is_some()).filter_map(|parent| parent.row) {
        scales.extend(all.get(&store.placed(row)?.source).cloned());
    }
    let levels = if scales.len() == 1 { scales.pop_first().unwrap_or_default() } else { Vec::new() };
    Ok(SourceRecord {
        name: source.to_owned(),
        title: format!("Written by the model of {}", source.trim_start_matches(RUN_SOURCES)),
        licence: run.map_or_else(|| NONE_STATED.to_owned(), |run| run.licence.clone()),
        url: String::new(),
        citation: String::new(),
        rank: 1,
        dialect: None,
        dedup: "off".to_owned(),
        levels,
        recipe: String::new(),
    })
}

/// What makes an answer the same next time.
fn key_of(writer: &Writer<'_>, answer: &Answer) -> String {
    let of = answer.of.map(|id| id.0.to_vec()).unwrap_or_default();
    hex(&hash16(&[
        canonical_json(&json!([answer.id, answer.fields])).as_bytes(),
        canonical_json(writer.parameters).as_bytes(),
        &writer.seed.to_le_bytes(),
        &answer.number.to_le_bytes(),
        &of,
    ]))
}

/// A hash of all that an answer is. Where the model lay does not change it.
fn read_hash(writer: &Writer<'_>, answer: &Answer, parent: &Parent) -> [u8; 16] {
    let tokens: Vec<u8> = answer.tokens.iter().flat_map(|id| id.to_le_bytes()).collect();
    let digests = writer.model.as_object().into_iter().flatten();
    let digests =
        digests.filter(|(key, _)| !PLACES.contains(&key.as_str())).map(|(key, value)| (key.clone(), value.clone()));
    let digests: serde_json::Map<String, Value> = digests.collect();
    hash16(&[
        answer.text.as_bytes(),
        &tokens,
        answer.stop.as_bytes(),
        &answer.prompt_tokens.to_le_bytes(),
        writer.contract.as_bytes(),
        canonical_json(&Value::Object(digests)).as_bytes(),
        parent.side.as_deref().unwrap_or("").as_bytes(),
        parent.level.as_deref().unwrap_or("").as_bytes(),
        parent.kind.map_or("", |kind| kind.word()).as_bytes(),
    ])
}

/// The prompt and the number of an answer, to be read by people.
fn locator_of(answer: &Answer, key: &str) -> String {
    match answer.of {
        Some(id) => format!("{}/{}", &id.to_string()[..12], answer.number),
        None => format!("typed-{}/{}", &key[..8], answer.number),
    }
}

fn prepare(
    task: Task<'_>,
    record: &SourceRecord,
    source: i64,
    run: Option<i64>,
    writer: &Writer<'_>,
    now: &str,
) -> Result<Prepared, StoreError> {
    let Task { answer, parent, id, key, row, read_hash, known } = task;
    let instruction = answer.fields.get("instruction").filter(|text| !text.trim().is_empty()).cloned();
    let read = Content::new(instruction.clone(), &answer.text)?;
    let (bare, cleaner) = unfenced(&answer.text).unzip();
    let fixed = bare.as_deref().map(|code| Content::new(instruction.clone(), code)).transpose()?;
    let code = bare.unwrap_or_else(|| answer.text.clone());
    let facts = analyze::analyse(&code, instruction.as_deref(), None, &[]);
    let kind = match (&instruction, parent.kind) {
        (None, _) => DescriptionKind::None,
        (Some(_), Some(DescriptionKind::None) | None) => DescriptionKind::Human,
        (Some(_), Some(kind)) => kind,
    };
    let sample = Sample {
        row,
        id,
        source: record.name.clone(),
        locator: locator_of(answer, &key),
        key,
        state: State::Generated,
        reason: None,
        instruction,
        revision: if fixed.is_some() { RevisionKind::Fixed } else { RevisionKind::Read },
        cleaners: cleaner.into_iter().map(str::to_owned).collect(),
        licence: record.licence.clone(),
        rank: record.rank,
        level: parent.level,
        split: None,
        held: false,
        split_given: parent.split_given,
        tags: BTreeSet::new(),
        description_kind: kind,
        meta: serde_json::Map::new(),
        family: None,
        content: fixed.as_ref().unwrap_or(&read).hash,
        code,
        added: now.to_owned(),
        facts,
        written: Some(Written {
            run: writer.run.to_owned(),
            stop: answer.stop.clone(),
            prompt_of: parent.row,
            held: parent.held,
        }),
    };
    Ok(Prepared {
        source,
        read,
        fixed,
        read_hash,
        licence: None,
        dialect: None,
        issues: Vec::new(),
        facts: encode_facts(&sample.facts)?,
        known,
        sample,
        generation: Some(Generation {
            run,
            model: writer.model.clone(),
            contract: writer.contract.to_owned(),
            parameters: writer.parameters.clone(),
            seed: writer.seed,
            number: answer.number,
            fields: json!(answer.fields),
            tokens: answer.tokens.clone(),
            prompt_tokens: answer.prompt_tokens,
            stop: answer.stop.clone(),
            prompt_of: parent.row,
            side: parent.side,
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licences_are_joined_and_one_unknown_makes_all_unknown() {
        assert_eq!(licence_of(["MIT", "MIT"]), "MIT");
        assert_eq!(licence_of(["MIT OR Apache-2.0"]), "MIT OR Apache-2.0");
        assert_eq!(licence_of(["MIT OR Apache-2.0", "CC-BY-4.0"]), "CC-BY-4.0 AND (MIT OR Apache-2.0)");
        assert_eq!(licence_of(["MIT", "none-stated"]), "none-stated");
        assert_eq!(licence_of(["MIT", "ask the author"]), "none-stated");
        assert_eq!(licence_of([]), "none-stated");
    }

    #[test]
    fn names_of_runs_can_be_typed_in_queries_and_as_folders() {
        for name in ["r7", "seed-1.3b_a", "2026-11-30"] {
            check_run(name).unwrap();
        }
        for name in ["", "-r", ".hidden", "a/b", "a b", "ü", "a:b", "../x"] {
            assert!(check_run(name).is_err(), "{name}");
        }
    }
}
