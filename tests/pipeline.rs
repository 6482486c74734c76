//! Reading the same things again, in other orders and forms, and taking it back.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use scenery::ingest::IngestError;
use scenery::ingest::pipeline::{self, Options, Progress, Report};
use scenery::ingest::recipe::Recipe;
use scenery::sample::{DescriptionKind, RevisionKind, Sample, State};
use scenery::slice::{self, vocabulary::StoreVocabulary};
use scenery::store::index::search::documents_per_row;
use scenery::store::{Project, Store, StoreError};
use serde_json::{Value, json};

use crate::corpus::{RECIPE, Scratch, all_samples, edit, lines, scenery as command, source, table_rows};
use crate::query_gen::Rng;

const NOW: &str = "2026-06-01T12:00:00Z";

fn options(sync: bool) -> Options {
    Options {
        sync,
        dedup: scenery::dedup::Settings::default(),
        max_row_bytes: 64 << 20,
        variant: None,
        now: NOW.to_owned(),
        command: "scenery ingest rows FILE".to_owned(),
    }
}

fn recipe() -> Recipe {
    Recipe::from_toml(RECIPE, "rows.toml").expect("a recipe")
}

/// The same recipe without a key.
fn keyless() -> Recipe {
    Recipe::from_toml(&RECIPE.replace("key = [\"id\"]\n", ""), "rows.toml").expect("a recipe")
}

fn store(folder: &Scratch) -> Store {
    let project = Project::init(&folder.join("project")).expect("a project");
    Store::open_for_writing(&project, "a test").expect("a store")
}

fn read_with(store: &mut Store, recipe: &Recipe, path: &Path, sync: bool) -> Result<Report, IngestError> {
    let report = pipeline::run(store, recipe, &[path.to_owned()], &options(sync), &Progress::default())?;
    assert_eq!(report.read, report.new + report.changed + report.unchanged + report.rejected.total, "{report:?}");
    assert_eq!(report.rejected.total, report.rejected.by_reason.values().sum::<u64>());
    Ok(report)
}

fn read(store: &mut Store, path: &Path) -> Report {
    read_with(store, &recipe(), path, false).expect("it is read")
}

/// New, changed, unchanged, rejected.
fn counts(report: &Report) -> [u64; 4] {
    [report.new, report.changed, report.unchanged, report.rejected.total]
}

fn by_key(store: &Store) -> BTreeMap<String, Sample> {
    all_samples(store).into_iter().map(|sample| (sample.key.clone(), sample)).collect()
}

fn count(store: &Store, query: &str) -> u64 {
    let compiled =
        scenery::query::compile(query, &StoreVocabulary::new(store)).unwrap_or_else(|error| panic!("{query}: {error}"));
    slice::count(store, &compiled.plan).expect("it counts")
}

/// Everything that a query can see: samples, columns, documents, rejected rows, sources.
fn seen(store: &Store) -> String {
    let samples = all_samples(store);
    let columns = store.columns().expect("columns");
    let mut out = String::new();
    for sample in &samples {
        out.push_str(&format!("{sample:?}\n"));
        for field in ["state", "reason", "split", "edited", "source", "licence", "tag"] {
            out.push_str(&format!("{:?} ", columns.words(field, sample.row)));
        }
        out.push_str(&format!("{:?}\n", columns.rank(sample.row)));
    }
    out.push_str(&format!("{:?}\n", documents_per_row(&store.index()).expect("documents")));
    for query in [
        "state:any is:valid | sort lines",
        "state:any circle",
        "meta.note:* ",
        "state:any level:basic",
        "state:any source:rows",
    ] {
        if let Ok(compiled) = scenery::query::compile(query, &StoreVocabulary::new(store)) {
            let rows: Vec<String> = slice::select(store, &compiled.plan, usize::MAX)
                .expect("rows")
                .rows
                .iter()
                .map(|(_, id)| id.to_string())
                .collect();
            out.push_str(&format!("{query} {rows:?}\n"));
        }
    }
    let present = store.rejected_counts().expect("rejected rows");
    out.push_str(&format!("{present:?}\n{:?}\n", store.sources().expect("sources")));
    out
}

/// `seen` without sources that have no rows: an undone ingest leaves the name behind.
fn seen_of_rows(store: &Store) -> String {
    let text = seen(store);
    text.trim_end().rsplit_once('\n').expect("several lines").0.to_owned()
}

#[test]
fn the_second_pass_changes_nothing() {
    let folder = Scratch::new("twice");
    let mut store = store(&folder);
    let mut rows = table_rows(&mut Rng::new(1), 150);
    rows[3]["answer"] = json!(null);
    rows[4]["answer"] = json!("");
    rows[5] = json!(["no", "object"]);
    for recipe in [recipe(), keyless()] {
        let recipe =
            Recipe { name: if recipe.variants[0].key.is_empty() { "keyless".into() } else { "rows".into() }, ..recipe };
        let path = folder.write("rows.jsonl", lines(&rows));
        let first = read_with(&mut store, &recipe, &path, false).expect("it is read");
        assert_eq!(counts(&first), [147, 0, 0, 3], "{first:?}");
        let before = seen(&store);
        for _ in 0..2 {
            let again = read_with(&mut store, &recipe, &path, true).expect("it is read");
            assert_eq!(counts(&again), [0, 0, 147, 3], "{again:?}");
            assert_eq!((again.gone, again.back), (0, 0));
            assert_eq!(seen(&store), before);
        }
        let revisions: usize =
            all_samples(&store).iter().map(|sample| store.revisions(sample.row).expect("revisions").len()).sum();
        let fixed = all_samples(&store).iter().filter(|sample| sample.revision == RevisionKind::Fixed).count();
        assert_eq!(revisions, all_samples(&store).len() + fixed, "no revision is written twice");
    }
}

#[test]
fn another_order_is_the_same() {
    let folder = Scratch::new("order");
    let mut store = store(&folder);
    let mut rows = table_rows(&mut Rng::new(2), 120);
    // Equal rows without a key are told apart by their number among their equals.
    let twin = rows[7].clone();
    rows.push(twin);
    let keyless = keyless();
    let path = folder.write("rows.jsonl", lines(&rows));
    let first = read_with(&mut store, &keyless, &path, false).expect("it is read");
    assert_eq!(first.new, 121);
    let before: Vec<(String, String)> =
        all_samples(&store).into_iter().map(|sample| (sample.id.to_string(), sample.code)).collect();
    rows.reverse();
    rows.rotate_left(17);
    folder.write("rows.jsonl", lines(&rows));
    let again = read_with(&mut store, &keyless, &path, true).expect("it is read");
    assert_eq!(counts(&again), [0, 0, 121, 0]);
    assert_eq!(again.gone, 0);
    let after: Vec<(String, String)> =
        all_samples(&store).into_iter().map(|sample| (sample.id.to_string(), sample.code)).collect();
    assert_eq!(after, before);
    // Where a row was last seen follows, and comes back with an undo.
    let place = |store: &Store| all_samples(store)[0].locator.clone();
    let moved = place(&store);
    store.undo(None, NOW).expect("undone");
    assert_ne!(place(&store), moved);
}

/// The rows of a table as Parquet, written by the crate that reads it.
fn write_parquet(path: &Path, rows: &[Value]) {
    use parquet::data_type::{ByteArray, ByteArrayType};
    use parquet::file::writer::SerializedFileWriter;
    let names = ["id", "question", "answer", "level", "side", "note"];
    let columns: String = names.iter().map(|name| format!("optional binary {name} (UTF8); ")).collect();
    let schema = Arc::new(
        parquet::schema::parser::parse_message_type(&format!("message rows {{ {columns} }}")).expect("a schema"),
    );
    let mut writer =
        SerializedFileWriter::new(File::create(path).expect("a file"), schema, Arc::default()).expect("a writer");
    for part in rows.chunks(50) {
        let mut group = writer.next_row_group().expect("a row group");
        for name in names {
            let mut column = group.next_column().expect("a column").expect("one more");
            let found: Vec<Option<&str>> = part.iter().map(|row| row[name].as_str()).collect();
            let values: Vec<ByteArray> = found.iter().flatten().map(|text| ByteArray::from(*text)).collect();
            let levels: Vec<i16> = found.iter().map(|value| i16::from(value.is_some())).collect();
            column.typed::<ByteArrayType>().write_batch(&values, Some(&levels), None).expect("written");
            column.close().expect("closed");
        }
        group.close().expect("closed");
    }
    writer.close().expect("closed");
}

#[test]
fn another_form_of_the_same_table_is_the_same() {
    use std::io::Write;
    let folder = Scratch::new("forms");
    let mut store = store(&folder);
    let rows = table_rows(&mut Rng::new(3), 110);
    let path = folder.write("a/rows.jsonl", lines(&rows));
    for recipe in [recipe(), Recipe { name: "keyless".into(), ..keyless() }] {
        let first = read_with(&mut store, &recipe, &path, false).expect("it is read");
        assert_eq!(first.new, 110);
        let before = all_samples(&store).len();
        let mut forms: Vec<PathBuf> = Vec::new();
        forms.push(folder.write("b/rows.json", serde_json::to_vec_pretty(&rows).expect("JSON")));
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(lines(&rows).replace('\n', "\r\n").trim_end().as_bytes()).expect("packed");
        forms.push(folder.write("c/rows.jsonl.gz", packed.finish().expect("packed")));
        forms.push(folder.write("d/rows.jsonl.zst", zstd::encode_all(lines(&rows).as_bytes(), 3).expect("packed")));
        for (name, delimiter) in [("e/rows.csv", b','), ("f/rows.tsv", b'\t')] {
            let mut table = csv::WriterBuilder::new().delimiter(delimiter).from_writer(Vec::new());
            let names = ["note", "answer", "question", "id", "side", "level"];
            table.write_record(names).expect("a head");
            for row in &rows {
                table.write_record(names.map(|name| row[name].as_str().unwrap_or(""))).expect("a row");
            }
            forms.push(folder.write(name, table.into_inner().expect("a table")));
        }
        let parquet = folder.write("g/rows.parquet", "");
        write_parquet(&parquet, &rows);
        forms.push(parquet);
        for form in forms {
            let again = read_with(&mut store, &recipe, &form, true)
                .unwrap_or_else(|error| panic!("{}: {error}", form.display()));
            assert_eq!(counts(&again), [0, 0, 110, 0], "{}", form.display());
            assert_eq!(again.gone, 0, "{}", form.display());
            assert_eq!(all_samples(&store).len(), before);
        }
    }
}

#[test]
fn other_content_under_the_same_key_is_a_revision() {
    let folder = Scratch::new("changed");
    let mut store = store(&folder);
    let mut rows = table_rows(&mut Rng::new(4), 60);
    let path = folder.write("rows.jsonl", lines(&rows));
    read(&mut store, &path);
    let before = by_key(&store);
    rows[10]["answer"] = json!("from manim import *\nx = Square()\n");
    rows[11]["question"] = json!("another wording with a square");
    rows[12]["level"] = json!(if before[&key(12)].level.as_deref() == Some("basic") { "advanced" } else { "basic" });
    rows[13]["note"] = json!("another note");
    rows[14]["side"] = json!(null);
    folder.write("rows.jsonl", lines(&rows));
    let report = read(&mut store, &path);
    assert_eq!(counts(&report), [0, 5, 55, 0]);
    let after = by_key(&store);
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
    for (name, sample) in &after {
        let changed = (10..=14).any(|at| *name == key(at));
        assert_eq!(*sample != before[name], changed, "{name}");
        assert_eq!((sample.row, sample.id, &sample.added), (before[name].row, before[name].id, &before[name].added));
    }
    assert_eq!(after[&key(10)].code, "from manim import *\nx = Square()\n");
    assert!(after[&key(10)].facts.names("uses").any(|(name, _)| name == "Square"));
    assert_eq!(count(&store, "instruction:\"another wording\""), 1);
    assert_eq!(count(&store, "meta.note:\"another note\""), 1);
    assert_eq!(after[&key(14)].split_given, None);
    assert_eq!(
        store
            .revisions(after[&key(10)].row)
            .expect("revisions")
            .iter()
            .filter(|revision| revision.kind == RevisionKind::Read)
            .count(),
        2
    );
    assert_eq!(store.history(after[&key(10)].row).expect("history").len(), 2);
    assert_eq!(store.history(after[&key(20)].row).expect("history").len(), 1);
}

/// The key of a row of [`table_rows`], as the store has it.
fn key(at: usize) -> String {
    format!("r{at}")
}

#[test]
fn an_edit_above_a_changed_read_is_kept() {
    let folder = Scratch::new("edited");
    let mut store = store(&folder);
    let mut rows = table_rows(&mut Rng::new(5), 30);
    let path = folder.write("rows.jsonl", lines(&rows));
    read(&mut store, &path);
    let row = by_key(&store)[&key(3)].row;
    edit(&mut store, row, Some("said in our own words"), "from manim import *\ny = Dot()\n", NOW);
    assert_eq!(count(&store, "is:edited"), 1);
    let again = read(&mut store, &path);
    assert_eq!(counts(&again), [0, 0, 30, 0], "changed means different from the last read one");
    rows[3]["answer"] = json!("x = 12345\n");
    folder.write("rows.jsonl", lines(&rows));
    assert_eq!(counts(&read(&mut store, &path)), [0, 1, 29, 0]);
    let sample = store.sample(row).expect("a sample");
    assert_eq!((sample.revision, sample.code.as_str()), (RevisionKind::Edited, "from manim import *\ny = Dot()\n"));
    assert_eq!(sample.instruction.as_deref(), Some("said in our own words"));
    assert_eq!((count(&store, "is:edited uses:Dot instruction:\"own words\""), count(&store, "12345")), (1, 0));
    let revisions = store.revisions(row).expect("revisions");
    assert!(revisions.iter().any(|revision| revision.code.contains("12345") && !revision.current));
    assert_eq!(counts(&read(&mut store, &path)), [0, 0, 30, 0]);
    // Undone to before the edit, what was read first stands again.
    for _ in 0..4 {
        store.undo(None, NOW).expect("undone");
    }
    assert_eq!(store.sample(row).expect("a sample").revision, RevisionKind::Read);
    assert_eq!(count(&store, "is:edited"), 0);
}

#[test]
fn what_goes_upstream_is_rejected_and_comes_back() {
    let folder = Scratch::new("sync");
    let mut store = store(&folder);
    let rows = table_rows(&mut Rng::new(6), 50);
    let path = folder.write("rows.jsonl", lines(&rows));
    read(&mut store, &path);
    folder.write("rows.jsonl", lines(&rows[5..]));
    let without = read(&mut store, &path);
    assert_eq!((counts(&without), without.gone), ([0, 0, 45, 0], 0), "without --sync nothing disappears");
    assert_eq!(count(&store, ""), 50);
    let with = read_with(&mut store, &recipe(), &path, true).expect("it is read");
    assert_eq!((counts(&with), with.gone), ([0, 0, 45, 0], 5));
    assert_eq!((count(&store, ""), count(&store, "state:rejected reason:gone-upstream")), (45, 5));
    let again = read_with(&mut store, &recipe(), &path, true).expect("it is read");
    assert_eq!(again.gone, 0, "what is gone does not go twice");
    folder.write("rows.jsonl", lines(&rows[2..]));
    let back = read_with(&mut store, &recipe(), &path, true).expect("it is read");
    assert_eq!((counts(&back), back.back, back.gone), ([0, 0, 48, 0], 3, 0));
    assert_eq!((count(&store, ""), count(&store, "state:rejected")), (48, 2));
    // One that was put aside by a person does not come back by itself, changed or not.
    let samples = by_key(&store);
    let aside = json!({ "state": "rejected", "reason": "off-topic" });
    crate::corpus::change(&mut store, &[(samples[&key(20)].row, aside)], NOW);
    let mut changed = rows.clone();
    changed[20]["answer"] = json!("x = 7\n");
    changed[0]["answer"] = json!("x = 8\n");
    folder.write("rows.jsonl", lines(&changed));
    let report = read_with(&mut store, &recipe(), &path, true).expect("it is read");
    assert_eq!((report.changed, report.unchanged), (2, 48));
    let samples = by_key(&store);
    assert_eq!(samples[&key(20)].reason.as_deref(), Some("off-topic"));
    assert_eq!((samples[&key(0)].state, samples[&key(0)].code.as_str()), (State::Kept, "x = 8\n"), "changed and back");
}

#[test]
fn a_key_stands_once() {
    let folder = Scratch::new("keys");
    let mut store = store(&folder);
    let mut rows = table_rows(&mut Rng::new(7), 20);
    let mut copy = rows[4].clone();
    copy["answer"] = json!("x = 424242\n");
    rows.push(copy);
    let path = folder.write("rows.jsonl", lines(&rows));
    let report = read(&mut store, &path);
    assert_eq!(counts(&report), [20, 0, 0, 1]);
    assert_eq!(report.rejected.by_reason.get("duplicate-key"), Some(&1));
    let rejected = store.rejected("rows", 10).expect("rejected rows");
    assert_eq!(rejected.len(), 1);
    assert!(rejected[0].locator.ends_with(":21") && rejected[0].detail.contains("r4"), "{rejected:?}");
    assert_eq!(count(&store, "424242"), 0, "the first one stands");
}

#[test]
fn placeholders_are_no_descriptions() {
    let folder = Scratch::new("placeholder");
    let mut store = store(&folder);
    let texts = ["[PENDING_DESCRIPTION] x", "[PLACEHOLDER - Needs description]", "main.py", "  ", "Draw a circle."];
    let rows: Vec<Value> = texts.iter().enumerate().map(|(at, text)| json!({ "id": at.to_string(), "question": text, "answer": format!("x = {at}\n"), "level": "basic", "side": "train", "note": "n" })).collect();
    let path = folder.write("rows.jsonl", lines(&rows));
    assert_eq!(counts(&read(&mut store, &path)), [5, 0, 0, 0]);
    assert_eq!(count(&store, "has:instruction"), 1);
    assert_eq!(count(&store, "description.kind:none"), 4);
    let kinds: Vec<DescriptionKind> = by_key(&store).values().map(|sample| sample.description_kind).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == DescriptionKind::Human).count(), 1);
}

#[test]
fn a_source_that_gives_nothing_is_an_error_and_leaves_nothing() {
    let folder = Scratch::new("nothing");
    let mut store = store(&folder);
    let long = table_rows(&mut Rng::new(8), 20);
    let cases: Vec<(&str, String)> = vec![
        ("empty.jsonl", String::new()),
        ("blank.jsonl", "\n\n".to_owned()),
        ("nocode.jsonl", "{\"id\": \"a\", \"question\": \"q\"}\n".repeat(3)),
        ("null.jsonl", "{\"id\": \"a\", \"question\": \"q\", \"answer\": null}\n".to_owned()),
        ("array.json", "[]".to_owned()),
        ("broken.json", lines(&long)[..900].replace('\n', ",")),
    ];
    let before = seen(&store);
    for (name, text) in cases {
        let path = folder.write(name, text);
        let error = read_with(&mut store, &recipe(), &path, false).expect_err(name);
        assert!(!error.to_string().is_empty());
        assert!(store.ops().expect("ops").is_empty(), "{name}: an op stands");
        assert!(store.sources().expect("sources").is_empty(), "{name}: a source stands");
        assert_eq!(store.rejected_counts().expect("counts"), [], "{name}");
        assert_eq!(seen(&store), before, "{name}");
    }
    let missing = read_with(&mut store, &recipe(), &folder.join("missing.jsonl"), false).expect_err("it is missing");
    assert!(matches!(missing, IngestError::File { .. }), "{missing}");
    // And where the source has rows already, they stay as they are.
    let path = folder.write("rows.jsonl", lines(&long));
    read(&mut store, &path);
    let before = seen(&store);
    let other = Recipe { licence: "GPL-3.0-only".into(), rank: 5, ..recipe() };
    let empty = folder.write("empty.jsonl", "");
    read_with(&mut store, &other, &empty, true).expect_err("nothing is in it");
    assert_eq!(seen(&store), before);
    assert_eq!(store.ops().expect("ops").len(), 1);
}

#[test]
fn a_reader_that_fails_midway_leaves_nothing() {
    let folder = Scratch::new("midway");
    let mut store = store(&folder);
    let rows = table_rows(&mut Rng::new(9), 3_000);
    let mut bytes = Vec::new();
    {
        use std::io::Write;
        let mut packed = flate2::write::GzEncoder::new(&mut bytes, flate2::Compression::fast());
        packed.write_all(lines(&rows).as_bytes()).expect("packed");
        packed.finish().expect("packed");
    }
    bytes.truncate(bytes.len() * 9 / 10);
    let path = folder.write("rows.jsonl.gz", bytes);
    let error = read_with(&mut store, &recipe(), &path, false).expect_err("it is cut off");
    assert!(error.to_string().contains("rows.jsonl.gz"), "{error}");
    assert!(
        all_samples(&store).is_empty()
            && store.ops().expect("ops").is_empty()
            && store.sources().expect("sources").is_empty()
    );
    assert!(documents_per_row(&store.index()).expect("documents").is_empty());
    let whole = folder.write("rows.jsonl", lines(&rows[..100]));
    assert_eq!(counts(&read(&mut store, &whole)), [100, 0, 0, 0]);
    assert_eq!(store.ops().expect("ops")[0].op, 1, "its number is free again");
}

#[test]
fn undo_and_redo_bring_back_what_was() {
    let folder = Scratch::new("undo");
    let mut store = store(&folder);
    let mut rows = table_rows(&mut Rng::new(10), 80);
    rows[30]["answer"] = json!(5);
    let path = folder.write("rows.jsonl", lines(&rows[..60]));
    let empty = seen_of_rows(&store);
    read(&mut store, &path);
    let first = seen(&store);
    let samples = by_key(&store);
    let tags: Vec<(u32, Value)> =
        (0..20).map(|at| (samples[&key(at)].row, json!({ "tags": "[\"core\",\"good\"]", "split": "train" }))).collect();
    crate::corpus::change(&mut store, &tags, NOW);
    let tagged = seen(&store);
    rows[1]["answer"] = json!("x = 1\n");
    folder.write("rows.jsonl", lines(&rows[1..]));
    let other = Recipe { licence: "Apache-2.0".into(), rank: 1, ..recipe() };
    let report = read_with(&mut store, &other, &path, true).expect("it is read");
    assert_eq!((counts(&report), report.gone), ([20, 1, 57, 1], 1));
    let second = seen(&store);
    assert_eq!(count(&store, "licence:Apache-2.0 rank:1"), 78);

    let undone = store.undo(None, NOW).expect("undone");
    assert_eq!((undone.undone, undone.removed), (3, 20));
    assert_eq!(seen(&store), tagged, "the second reading is undone");
    let undo_of_tags = store.undo(None, NOW).expect("undone");
    assert_eq!(undo_of_tags.undone, 2);
    assert_eq!(seen(&store), first, "the tags are undone");
    let undo_of_first = store.undo(None, NOW).expect("undone");
    assert_eq!((undo_of_first.undone, undo_of_first.removed), (1, 59));
    assert_eq!(seen_of_rows(&store), empty, "all is undone");
    assert!(matches!(store.undo(None, NOW), Err(StoreError::Unknown(_))), "there is nothing more");

    for (redo, wanted) in [(undo_of_first.op, &first), (undo_of_tags.op, &tagged), (undone.op, &second)] {
        store.undo(Some(redo), NOW).expect("redone");
        assert_eq!(seen(&store), *wanted, "redo {redo}");
    }
    store.rebuild().expect("rebuilt");
    assert_eq!(seen(&store), second, "a rebuild changes nothing");
    let project = store.project().clone();
    drop(store);
    assert_eq!(seen(&Store::open(&project).expect("it opens")), second);
}

#[test]
fn an_op_below_another_cannot_be_undone_first() {
    let folder = Scratch::new("below");
    let mut store = store(&folder);
    let rows = table_rows(&mut Rng::new(11), 30);
    let path = folder.write("rows.jsonl", lines(&rows));
    let first = read(&mut store, &path).op;
    let row = by_key(&store)[&key(2)].row;
    let tag = crate::corpus::change(&mut store, &[(row, json!({ "tags": "[\"a\"]" }))], NOW);
    let before = seen(&store);
    let error = store.undo(Some(first), NOW).expect_err("an op stands above it");
    assert!(error.to_string().contains(&format!("scenery undo {tag}")), "{error}");
    assert_eq!(seen(&store), before);
    assert!(store.undo(Some(99), NOW).is_err());
    store.undo(Some(tag), NOW).expect("undone");
    assert!(store.undo(Some(tag), NOW).is_err(), "once is enough");
    // Another licence for the same rows stands above the first reading of its source's record, too.
    let licence = |name: &str| Recipe { licence: name.into(), ..recipe() };
    let second = read_with(&mut store, &licence("Apache-2.0"), &path, false).expect("it is read").op;
    let third = read_with(&mut store, &licence("BSD-3-Clause"), &path, false).expect("it is read").op;
    assert!(store.undo(Some(second), NOW).is_err());
    store.undo(Some(third), NOW).expect("undone");
    assert_eq!(count(&store, "licence:Apache-2.0"), 30);
    store.undo(Some(second), NOW).expect("undone");
    assert_eq!(count(&store, "licence:MIT"), 30);
}

#[test]
fn rows_that_were_undone_are_new_when_they_are_read_again() {
    let folder = Scratch::new("again");
    let mut store = store(&folder);
    let rows = table_rows(&mut Rng::new(12), 25);
    let path = folder.write("rows.jsonl", lines(&rows));
    read(&mut store, &path);
    let before = by_key(&store);
    store.undo(None, NOW).expect("undone");
    assert_eq!(count(&store, "state:any"), 0);
    assert_eq!(counts(&read(&mut store, &path)), [25, 0, 0, 0]);
    assert_eq!(by_key(&store), before, "the same rows under the same numbers");
    assert_eq!(counts(&read(&mut store, &path)), [0, 0, 25, 0]);
}

#[test]
fn the_log_says_what_happened() {
    let folder = Scratch::new("log");
    let mut store = store(&folder);
    let path = folder.write("rows.jsonl", lines(&table_rows(&mut Rng::new(13), 12)));
    let report = read(&mut store, &path);
    store.undo(None, NOW).expect("undone");
    let ops = store.ops().expect("ops");
    assert_eq!(ops.iter().map(|op| (op.op, op.verb.as_str())).collect::<Vec<_>>(), [(2, "undo"), (1, "ingest")]);
    assert_eq!((ops[0].undoes, ops[1].undone_by), (Some(1), Some(2)));
    assert_eq!(ops[1].summary["new"], json!(12));
    assert_eq!(ops[1].summary, serde_json::to_value(&report).expect("JSON"));
    assert_eq!(ops[1].arguments["source"], json!("rows"));
    assert!(ops.iter().all(|op| op.ended.as_deref() == Some(NOW)));
}

#[test]
fn readers_see_closed_ops_only() {
    let folder = Scratch::new("readers");
    let mut writer = store(&folder);
    let path = folder.write("rows.jsonl", lines(&table_rows(&mut Rng::new(14), 30)));
    read(&mut writer, &path);
    let project = writer.project().clone();
    let reader = Store::open(&project).expect("a reader beside the writer");
    let before = seen(&reader);
    let mut rng = Rng::new(15);
    // Half of an op: a new source, a changed source, changed rows, moved rows.
    let op = writer.begin(&scenery::store::Begin { verb: "ingest", arguments: json!({}), now: NOW }).expect("an op");
    let analyser = writer.analyser_number(&scenery::analyze::analyser_version()).expect("an analyser");
    let record = source("rows", "GPL-3.0-only", 1, &["basic"], None);
    let number = writer.put_source(&record).expect("a source");
    let next = writer.next_row().expect("a row");
    let fresh: Vec<_> = (0..10)
        .map(|at| crate::corpus::prepared(&mut rng, &record, number, next + at, &format!("n{at}"), None, NOW))
        .collect();
    writer.put(op, analyser, &fresh).expect("written");
    writer.seen(&[(0, "elsewhere:1".to_owned())], &[]).expect("written");
    writer.change(&[(1, json!({ "state": "rejected", "reason": "x" }))]).expect("written");
    writer.put_rejected(op, number, &[]).expect("written");
    let again = Store::open(&project).expect("a reader is let in at once");
    assert_eq!(seen(&again), before);
    assert_eq!(seen(&reader), before);
    writer.close(op, &json!({}), NOW).expect("closed");
    let after = Store::open(&project).expect("a reader");
    assert_eq!(all_samples(&after).len(), 40);
    assert_eq!(count(&after, "state:any licence:(GPL-3.0-only or CC-BY-4.0) rank:1"), 40);
    assert_eq!(after.sample(0).expect("a sample").locator, "elsewhere:1");
}

/// A million rows take minutes without optimisation: they are read where `SCENERY_LONG` is set, 60,000 otherwise.
#[test]
fn memory_does_not_grow_with_the_file() {
    let folder = Scratch::new("memory");
    let project = folder.join("p");
    std::fs::create_dir_all(&project).expect("a folder");
    crate::corpus::done(&project, &["init", "."]);
    let peak = |rows: usize| -> u64 {
        let mut text = String::with_capacity(rows * 40);
        for at in 0..rows {
            text.push_str(&format!("{{\"q\":\"number {at}\",\"c\":\"x = {at}\"}}\n"));
        }
        folder.write("many.jsonl", text);
        let name = format!("many{rows}");
        let arguments = [
            "ingest",
            "--quiet",
            "--json",
            "--reader",
            "table",
            "--field",
            "instruction=q",
            "--field",
            "code=c",
            &name,
            "../many.jsonl",
        ];
        let mut child =
            command(&project).args(arguments).stdout(std::process::Stdio::piped()).spawn().expect("it starts");
        let status = format!("/proc/{}/status", child.id());
        let mut peak = 0;
        while child.try_wait().expect("it can be asked").is_none() {
            if let Ok(text) = std::fs::read_to_string(&status)
                && let Some(line) = text.lines().find(|line| line.starts_with("VmHWM:"))
            {
                peak = line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or(peak);
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        let output = child.wait_with_output().expect("it ended");
        let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
        assert_eq!((report["read"].as_u64(), report["new"].as_u64()), (Some(rows as u64), Some(rows as u64)));
        peak
    };
    let (few, many) = (peak(2_000), peak(if std::env::var_os("SCENERY_LONG").is_some() { 1_000_000 } else { 60_000 }));
    eprintln!("peak memory: {} MB with few rows, {} MB with many", few >> 10, many >> 10);
    assert!(many < 400 << 10, "{} MB", many >> 10);
}
