//! The store by itself: rows, lookups, ops and what readers and writers may do beside each other.

use std::collections::BTreeSet;

use scenery::sample::SampleId;
use scenery::store::index::search::documents_per_row;
use scenery::store::{Begin, Project, Store, StoreError};
use serde_json::{Value, json};

use crate::corpus::{Scratch, all_samples, change, fill, prepared, random_store, source};
use crate::query_gen::Rng;

const NOW: &str = "2026-06-01T12:00:00Z";

#[test]
fn a_project_is_found_from_below_and_made_once() {
    let folder = Scratch::new("project");
    assert!(matches!(Project::find(folder.path()), Err(StoreError::NoProject { .. })));
    let made = Project::init(&folder.join("p")).expect("a project");
    let below = folder.join("p/a/b");
    std::fs::create_dir_all(&below).expect("a folder");
    assert_eq!(Project::find(&below).expect("found"), made);
    assert!(matches!(Project::init(&folder.join("p")), Err(StoreError::AlreadyThere { .. })));
    assert!(std::fs::read_to_string(made.store_dir().join(".gitignore")).expect("it is there").contains('*'));
    assert_eq!(all_samples(&Store::open(&made).expect("it opens")), []);
}

#[test]
fn what_was_written_is_read_back() {
    let folder = Scratch::new("back");
    let project = Project::init(&folder.join("p")).expect("a project");
    let mut store = Store::open_for_writing(&project, "a test").expect("a store");
    let record = source("one", "MIT", 3, &["low", "high"], None);
    let mut rng = Rng::new(31);
    let op = store.begin(&Begin { verb: "ingest", arguments: json!({}), now: NOW }).expect("an op");
    let number = store.put_source(&record).expect("a source");
    let analyser = store.analyser_number("v1").expect("an analyser");
    let batch: Vec<_> =
        (0..90).map(|at| prepared(&mut rng, &record, number, at, &format!("k{at}"), None, NOW)).collect();
    store.put(op, analyser, &batch).expect("written");
    assert_eq!(all_samples(&store), [], "an open op is not seen");
    store.close(op, &json!({ "new": 90 }), NOW).expect("closed");
    let wanted: Vec<_> = batch.into_iter().map(|prepared| prepared.sample).collect();
    assert_eq!(all_samples(&store), wanted);
    assert_eq!(store.sources().expect("sources"), [record]);
    let documents = documents_per_row(&store.index()).expect("documents");
    assert_eq!(documents.into_iter().collect::<Vec<_>>(), (0..90).map(|row| (row, 1)).collect::<Vec<_>>());
    assert_eq!(store.stale_rows("v1").expect("rows"), Vec::<u32>::new());
    assert_eq!(store.stale_rows("v2").expect("rows").len(), 90);
    assert!(store.check_database().expect("checked").is_empty());
}

#[test]
fn ids_are_found_by_what_they_begin_with() {
    let folder = Scratch::new("ids");
    let store = random_store(&folder, &mut Rng::new(32), 160);
    let samples = all_samples(&store);
    for digits in ["0", "f", "7a", "00", "ff", "3c1"] {
        let found: BTreeSet<u32> =
            store.rows_by_id(digits, 1000).expect("rows").into_iter().map(|(row, _)| row).collect();
        let wanted: BTreeSet<u32> = samples
            .iter()
            .filter(|sample| sample.id.to_string().starts_with(digits))
            .map(|sample| sample.row)
            .collect();
        assert_eq!(found, wanted, "{digits}");
    }
    assert_eq!(store.rows_by_id(&samples[3].id.to_string().to_uppercase(), 5).expect("rows").len(), 1);
    for wrong in ["", "xyz", &"0".repeat(33)] {
        assert!(matches!(store.rows_by_id(wrong, 5), Err(StoreError::Unknown(_))), "{wrong}");
    }
}

#[test]
fn row_numbers_are_given_once() {
    let folder = Scratch::new("rows");
    let mut rng = Rng::new(33);
    let mut store = random_store(&folder, &mut rng, 80);
    let before: Vec<(SampleId, u32)> = all_samples(&store).into_iter().map(|sample| (sample.id, sample.row)).collect();
    store.undo(None, NOW).expect("undone");
    let record = source("later", "MIT", 3, &[], None);
    fill(&mut store, &mut rng, &record, &["a".into(), "b".into()], NOW);
    let rows: Vec<u32> =
        all_samples(&store).into_iter().filter(|sample| sample.source == "later").map(|sample| sample.row).collect();
    assert!(rows.iter().all(|row| before.iter().all(|(_, old)| old != row)), "{rows:?}");
    let undo = store.ops().expect("ops").iter().find(|op| op.verb == "undo").expect("an undo").op;
    store.undo(Some(undo), NOW).expect("redone");
    let now: Vec<(SampleId, u32)> = all_samples(&store)
        .into_iter()
        .filter(|sample| sample.source != "later")
        .map(|sample| (sample.id, sample.row))
        .collect();
    assert_eq!(now, before);
}

#[test]
fn a_store_that_was_opened_to_read_is_not_written() {
    let folder = Scratch::new("reader");
    let store = random_store(&folder, &mut Rng::new(34), 40);
    let project = store.project().clone();
    drop(store);
    let mut reader = Store::open(&project).expect("it opens");
    assert!(reader.begin(&Begin { verb: "tag", arguments: json!({}), now: NOW }).is_err());
    assert!(reader.change(&[(0, json!({ "state": "rejected" }))]).is_err());
    assert!(reader.rebuild().is_err() && reader.undo(None, NOW).is_err());
    let writer = Store::open_for_writing(&project, "the first").expect("a writer");
    match Store::open_for_writing(&project, "the second").err() {
        Some(StoreError::Locked { holder }) => assert!(holder.contains("the first"), "{holder}"),
        other => panic!("{other:?}"),
    }
    drop(writer);
    Store::open_for_writing(&project, "the second").expect("the lock is free again");
}

#[test]
fn changes_of_one_op_add_up_and_another_command_keeps_off() {
    let folder = Scratch::new("ops");
    let mut store = random_store(&folder, &mut Rng::new(35), 40);
    let before = all_samples(&store);
    let begin = |store: &mut Store, verb: &str, arguments: Value| store.begin(&Begin { verb, arguments, now: NOW });
    let op = begin(&mut store, "tag", json!({ "tags": ["a"], "command": "scenery tag +a" })).expect("an op");
    store.change(&[(0, json!({ "tags": "[\"a\"]" }))]).expect("written");
    store
        .change(&[(0, json!({ "split": "train" })), (1, json!({ "state": "rejected", "reason": "x" }))])
        .expect("written");
    assert_eq!(all_samples(&store), before);
    assert_eq!(
        begin(&mut store, "tag", json!({ "tags": ["a"], "command": "scenery -C . tag +a" })).expect("continued"),
        op
    );
    match begin(&mut store, "tag", json!({ "tags": ["b"], "command": "scenery tag +b" })) {
        Err(StoreError::OpenOp { again, .. }) => assert_eq!(again, "scenery tag +a"),
        other => panic!("{other:?}"),
    }
    store.close(op, &json!({}), NOW).expect("closed");
    let after = all_samples(&store);
    assert_eq!((after[0].tags.len(), after[0].split.map(|side| side.word())), (1, Some("train")));
    assert_eq!(after[1].reason.as_deref(), Some("x"));
    assert_eq!(after[2..], before[2..]);
    let columns = store.columns().expect("columns");
    assert_eq!(
        (columns.words("tag", 0), columns.words("split", 0), columns.words("reason", 1)),
        (vec!["a"], vec!["train"], vec!["x"])
    );
    store.undo(None, NOW).expect("undone");
    assert_eq!(all_samples(&store), before);
}

#[test]
fn an_op_that_is_discarded_was_never_there() {
    let folder = Scratch::new("discard");
    let mut rng = Rng::new(36);
    let mut store = random_store(&folder, &mut rng, 40);
    let (before, ops) = (all_samples(&store), store.ops().expect("ops"));
    let sources = store.sources().expect("sources");
    let op = store.begin(&Begin { verb: "ingest", arguments: json!({}), now: NOW }).expect("an op");
    let record = source("alpha", "Zlib", 1, &[], None);
    let number = store.put_source(&record).expect("a source");
    let other = store.put_source(&source("fresh", "MIT", 1, &[], None)).expect("a source");
    let analyser = store.analyser_number(&scenery::analyze::analyser_version()).expect("an analyser");
    let next = store.next_row().expect("a row");
    let known = store.known(&SampleId::new("alpha", "k1")).expect("a lookup");
    let batch = [
        prepared(&mut rng, &record, number, next, "new", None, NOW),
        prepared(&mut rng, &record, number, known.as_ref().expect("it is known").row, "k1", known, NOW),
    ];
    store.put(op, analyser, &batch).expect("written");
    let rejected = scenery::sample::RejectedRow {
        file: "f".into(),
        locator: "f:1".into(),
        reason: "no-code".into(),
        detail: String::new(),
    };
    store.put_rejected(op, other, &[rejected]).expect("written");
    store.seen(&[(5, "moved:1".into())], &[]).expect("written");
    store.discard(op).expect("discarded");
    assert_eq!(
        (all_samples(&store), store.ops().expect("ops"), store.sources().expect("sources")),
        (before, ops, sources)
    );
    assert_eq!(store.rejected_counts().expect("counts"), []);
    assert_eq!(change(&mut store, &[], NOW), op, "its number is free again");
}

#[test]
fn rejected_rows_come_and_go_with_their_ops() {
    let folder = Scratch::new("rejected");
    let mut store = random_store(&folder, &mut Rng::new(37), 40);
    let row = |number: u32| scenery::sample::RejectedRow {
        file: "rows.jsonl".into(),
        locator: format!("rows.jsonl:{number}"),
        reason: "no-code".into(),
        detail: "empty".into(),
    };
    let read = |store: &mut Store, numbers: &[u32]| -> i64 {
        let op = store.begin(&Begin { verb: "ingest", arguments: json!({}), now: NOW }).expect("an op");
        let rows: Vec<_> = numbers.iter().map(|number| row(*number)).collect();
        let met = rows.iter().map(|row| scenery::store::place_hash(&row.file, &row.locator, &row.reason)).collect();
        store.put_rejected(op, 0, &rows).expect("written");
        store.retire_rejected(op, 0, &["rows.jsonl".to_owned()], &met).expect("written");
        store.close(op, &json!({}), NOW).expect("closed");
        op
    };
    let there = |store: &Store| -> Vec<String> {
        let mut all: Vec<String> =
            store.rejected("alpha", 99).expect("rows").into_iter().map(|row| row.locator[11..].to_owned()).collect();
        all.sort();
        all
    };
    let states = [vec!["1", "2"], vec!["2", "3"], vec!["1", "2"], vec![]];
    let numbers: [&[u32]; 4] = [&[1, 2], &[2, 3], &[1, 2], &[]];
    let ops: Vec<i64> = numbers.iter().map(|numbers| read(&mut store, numbers)).collect();
    assert_eq!(there(&store), states[3]);
    let mut undos = Vec::new();
    for at in (0..4).rev() {
        undos.push(store.undo(Some(ops[at]), NOW).expect("undone").op);
        let wanted: &[&str] = if at == 0 { &[] } else { &states[at - 1] };
        assert_eq!(there(&store), wanted, "undone to {at}");
    }
    for (at, undo) in undos.iter().rev().enumerate() {
        store.undo(Some(*undo), NOW).expect("redone");
        assert_eq!(there(&store), states[at], "redone {at}");
    }
    // While an op is open, what was there before it is what is seen.
    let op = store.begin(&Begin { verb: "ingest", arguments: json!({}), now: NOW }).expect("an op");
    store.put_rejected(op, 0, &[row(1), row(9)]).expect("written");
    assert_eq!(there(&store), states[3]);
    store.discard(op).expect("discarded");
    assert_eq!(there(&store), states[3]);
}

#[test]
fn an_op_is_in_effect_unless_an_op_in_effect_undoes_it() {
    let folder = Scratch::new("chain");
    let mut store = random_store(&folder, &mut Rng::new(38), 40);
    let tag = change(&mut store, &[(0, json!({ "tags": "[\"a\"]" }))], NOW);
    let (with, first) = (all_samples(&store), tag - 3);
    let by = |store: &Store, op: i64| {
        store.ops().expect("ops").iter().find(|found| found.op == op).expect("an op").undone_by
    };
    let undo = store.undo(None, NOW).expect("undone").op;
    let without = all_samples(&store);
    assert_eq!(by(&store, tag), Some(undo));
    let redo = store.undo(Some(undo), NOW).expect("redone").op;
    assert_eq!((by(&store, tag), by(&store, undo)), (None, Some(redo)));
    assert_eq!(all_samples(&store), with);
    assert!(store.undo(Some(undo), NOW).is_err(), "it is taken back already");
    assert!(store.undo(Some(first), NOW).is_err(), "the tag is in effect again");
    let again = store.undo(None, NOW).expect("undone again");
    assert_eq!((again.undone, all_samples(&store)), (tag, without));
    let below = store.undo(Some(first), NOW).expect("nothing stands above it");
    assert!(store.undo(Some(again.op), NOW).is_err(), "what it would change is gone");
    store.undo(Some(below.op), NOW).expect("redone");
    store.undo(Some(again.op), NOW).expect("redone");
    assert_eq!(all_samples(&store), with);
    store.undo(Some(tag), NOW).expect("an op that is in effect can be named");
}
