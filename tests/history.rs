//! The past of a store: `at:`, pins, differences by cause, and when a text came and went, against what was recorded at
//! the time.

use std::collections::{BTreeMap, BTreeSet};

use scenery::analyze;
use scenery::query::compile;
use scenery::query::plan::Plan;
use scenery::sample::{FactValue, Sample};
use scenery::slice::diff::{Cause, Change, Compared, diff};
use scenery::slice::vocabulary::{Frozen, StoreVocabulary};
use scenery::slice::{self, Slice};
use scenery::store::{Begin, Freeze, Store};
use serde_json::{Value, json};

use crate::corpus::{Scratch, all_samples, change, digests, done, edit, fill, json_of, random_store, run, source};
use crate::naive::{self, Terms};
use crate::query_gen::{Rng, random_query};
use crate::slice::vocabulary;

/// What the store held after an op, and the day it ended on.
struct Recorded {
    op: i64,
    day: String,
    samples: Vec<Sample>,
}

fn saved_queries(folder: &Scratch) {
    for (name, text) in [
        ("short", "lines:..12"),
        ("ordered", "plays>=1 | sort -plays | take 40"),
        ("rejects", "state:rejected"),
        ("nested", "@ordered uses:Circle or @short"),
    ] {
        folder.write(&format!("project/queries/{name}.q"), text);
    }
}

/// A store with `ops` random ops over it, and what it held after each.
fn eventful(folder: &Scratch, seed: u64, rows: usize, ops: usize) -> (Store, Vec<Recorded>) {
    let mut rng = Rng::new(seed);
    let mut store = random_store(folder, &mut rng, rows);
    saved_queries(folder);
    let mut recorded = Vec::new();
    let mut record = |store: &Store, day: &str| {
        let (op, _) = store.newest_op().expect("ops").expect("there are some");
        recorded.push(Recorded { op, day: day.to_owned(), samples: all_samples(store) });
    };
    record(&store, "2026-03-31");
    for at in 0..ops {
        let day = format!("2026-{:02}-{:02}", 4 + at / 28, 1 + at % 28);
        let now = format!("{day}T12:00:00Z");
        let samples = all_samples(&store);
        match rng.below(7) {
            0 => {
                let keys: Vec<String> = (0..12).map(|_| format!("k{}", rng.below(rows))).collect();
                let keys: BTreeSet<String> = keys.into_iter().collect();
                let keys: Vec<String> = keys.into_iter().collect();
                let mut record = source("alpha", "MIT", 5, &["basic", "intermediate", "advanced"], None);
                // What a recipe says of its source may change with a reading.
                if rng.chance(50) {
                    record.licence = rng.pick(&["Apache-2.0", "MIT"]).to_string();
                    record.rank = 1 + rng.below(5) as u8;
                    record.levels = ["intermediate", "basic", "advanced"].map(str::to_owned).to_vec();
                }
                fill(&mut store, &mut rng, &record, &keys, &now);
            }
            1 => {
                let keys: Vec<String> = (0..3).map(|more| format!("n{at}-{more}")).collect();
                fill(&mut store, &mut rng, &source("gamma", "CC-BY-NC-4.0", 3, &[], None), &keys, &now);
            }
            2 if !samples.is_empty() => {
                let sample = rng.pick(&samples).clone();
                let code = format!("{}\n# edited {at}\nx = Circle()\n", sample.code);
                edit(&mut store, sample.row, Some("a circle that was edited"), &code, &now);
            }
            3 => {
                let _ = store.undo(None, &now);
            }
            4 => {
                let undone =
                    store.ops().expect("ops").into_iter().find(|op| op.undoes.is_some() && op.undone_by.is_none());
                if let Some(op) = undone {
                    let _ = store.undo(Some(op.op), &now);
                }
            }
            _ => {
                let mut changes: Vec<(u32, Value)> = Vec::new();
                for sample in &samples {
                    if !rng.chance(20) {
                        continue;
                    }
                    let after = match rng.below(4) {
                        0 => json!({ "state": "rejected", "reason": "off-topic" }),
                        1 => json!({ "state": rng.pick(&["duplicate", "kept", "generated"]), "reason": null }),
                        2 => json!({ "split": rng.pick(&["train", "validation", "test"]) }),
                        _ => json!({ "tags": rng.pick(&["[\"core\"]", "[\"core\",\"good\"]", "[]"]) }),
                    };
                    changes.push((sample.row, after));
                }
                change(&mut store, &changes, &now);
            }
        }
        record(&store, &day);
    }
    (store, recorded)
}

fn selected(store: &Store, query: &str) -> (Plan, Slice) {
    let compiled = compile(query, &StoreVocabulary::new(store)).unwrap_or_else(|error| panic!("{query}: {error}"));
    let slice = slice::select(store, &compiled.plan, usize::MAX).unwrap_or_else(|error| panic!("{query}: {error}"));
    (compiled.plan, slice)
}

fn read(store: &Store, slice: &Slice) -> Vec<Sample> {
    slice::samples(store, slice).map(|sample| sample.expect("a sample")).collect()
}

/// Every op of an eventful store, asked later, holds what was recorded; and so do random queries over it.
fn past_is_what_it_was(seed: u64, ops: usize, queries: u64) {
    let folder = Scratch::new("past");
    let (store, recorded) = eventful(&folder, seed, 80, ops);
    let mut found = 0;
    for (number, then) in recorded.iter().enumerate() {
        let (_, slice) = selected(&store, &format!("at:op{} state:any", then.op));
        let mut wanted = then.samples.clone();
        wanted.sort_by_key(|sample| sample.id);
        assert_eq!(read(&store, &slice), wanted, "op {}", then.op);
        let last_of_day = recorded.iter().filter(|other| other.day == then.day).map(|other| other.op).max();
        if last_of_day == Some(then.op) {
            let (plan, _) = selected(&store, &format!("at:{} state:any", then.day));
            assert_eq!(plan.at, Some(then.op), "{}", then.day);
        }
        let vocab = vocabulary(&then.samples);
        let terms = Terms::default();
        for each in 0..queries {
            let seed = seed * 1_000_000 + number as u64 * 1_000 + each;
            let query = random_query(&mut Rng::new(seed), &vocab);
            // Relevance is that of now, and says so.
            if query.contains("-score") {
                continue;
            }
            let asked = format!("at:op{} {query}", then.op);
            let compiled = compile(&asked, &StoreVocabulary::new(&store))
                .unwrap_or_else(|error| panic!("seed {seed}: {asked}: {error}"));
            let wanted: Vec<String> = naive::select_with(&compiled.resolved, &then.samples, &terms)
                .into_iter()
                .map(|at| then.samples[at].id.to_string())
                .collect();
            let slice = slice::select(&store, &compiled.plan, usize::MAX).expect("it runs");
            let got: Vec<String> = slice.rows.iter().map(|(_, id)| id.to_string()).collect();
            assert_eq!(got, wanted, "seed {seed}: {asked}\n{}", compiled.plan);
            assert_eq!(slice::count(&store, &compiled.plan).expect("it counts"), wanted.len() as u64, "{asked}");
            found += usize::from(!wanted.is_empty());
        }
    }
    assert!(found as u64 * 3 > recorded.len() as u64 * queries, "only {found} queries select anything");
}

#[test]
fn fifty_ops_ago_everything_was_as_it_was_recorded() {
    past_is_what_it_was(71, 50, 6);
}

#[test]
fn another_fifty_ops_ago_too() {
    past_is_what_it_was(72, 50, 6);
}

#[test]
fn groups_of_the_past_are_counted_as_they_were() {
    let folder = Scratch::new("past-groups");
    let (store, recorded) = eventful(&folder, 73, 80, 24);
    let field = |name: &str| scenery::query::fields::find(name).expect("a field").field();
    for then in recorded.iter().step_by(5) {
        let compiled =
            compile(&format!("at:op{} state:any", then.op), &StoreVocabulary::new(&store)).expect("it compiles");
        for (name, of) in [
            ("state", (|sample: &Sample| json!(sample.state)) as fn(&Sample) -> Value),
            ("licence", |sample| json!(sample.licence)),
            ("rank", |sample| json!(sample.rank)),
            ("level", |sample| json!(sample.level)),
        ] {
            let (_, groups) = slice::count_by(&store, &compiled.plan, &[field(name)]).expect("it counts");
            let mut wanted: BTreeMap<String, u64> = BTreeMap::new();
            then.samples.iter().for_each(|sample| *wanted.entry(of(sample).to_string()).or_default() += 1);
            let got: BTreeMap<String, u64> =
                groups.into_iter().map(|group| (group.key[name].to_string(), group.count)).collect();
            assert_eq!(got, wanted, "{name} after op {}", then.op);
        }
    }
}

#[test]
fn a_text_came_and_went_when_the_records_say() {
    let folder = Scratch::new("pickaxe");
    let (store, recorded) = eventful(&folder, 74, 80, 40);
    for text in ["circle", "Circle()", "edited", "fourier", "nowhere at all"] {
        let holds = |sample: &&Sample| {
            sample.code.contains(text) || sample.instruction.as_deref().is_some_and(|found| found.contains(text))
        };
        let mut before: BTreeSet<String> = BTreeSet::new();
        let mut wanted = Vec::new();
        for then in &recorded {
            let now: BTreeSet<String> = then.samples.iter().filter(holds).map(|sample| sample.id.to_string()).collect();
            if now != before {
                let entered: Vec<String> = now.difference(&before).cloned().collect();
                let left: Vec<String> = before.difference(&now).cloned().collect();
                wanted.push((then.op, entered, left));
                before = now;
            }
        }
        let ids = |ids: &[scenery::sample::SampleId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
        let found = store.text_changes(&|held| held.contains(text)).expect("it reads");
        // The first record covers the ops that filled the store.
        let first = recorded[0].op;
        let later = found.iter().filter(|change| change.op > first);
        let got: Vec<_> = later.map(|change| (change.op, ids(&change.entered), ids(&change.left))).collect();
        let wanted: Vec<_> = wanted.into_iter().filter(|(op, ..)| *op > first).collect();
        assert_eq!(got, wanted, "{text}");
        assert_eq!(found.is_empty(), text.starts_with("nowhere"));
    }
}

/// Freezes what a query selects under a name.
fn pin(store: &mut Store, name: &str, query: &str, now: &str) -> u64 {
    let words = StoreVocabulary::new(store);
    let none = BTreeMap::new();
    let frozen = Frozen::new(&words, &none);
    let compiled = compile(query, &frozen).expect("it compiles");
    let queries = frozen.used();
    let slice = slice::select(store, &compiled.plan, usize::MAX).expect("it runs");
    let rows: Vec<u32> = slice.rows.iter().map(|(row, _)| *row).collect();
    let op = store.begin(&Begin { verb: "pin", arguments: json!({ "query": query }), now }).expect("an op");
    let analyser = analyze::analyser_version();
    let freeze =
        Freeze { name, query, queries: &queries, analyser: &analyser, moment: slice.at, rows: &rows, content: [0; 32] };
    let number = store.put_pin(op, &freeze).expect("it is frozen");
    store.close(op, &json!({}), now).expect("it closes");
    number
}

#[test]
fn a_pin_keeps_its_rows_their_order_and_what_they_were() {
    let folder = Scratch::new("pins");
    let mut rng = Rng::new(81);
    let mut store = random_store(&folder, &mut rng, 120);
    folder.write("project/queries/ranked.q", "is:scene | sort -plays lines | take 30");
    let (_, slice) = selected(&store, "@ranked");
    let then = read(&store, &slice);
    assert_eq!(pin(&mut store, "ranked", "@ranked", "2026-04-01T00:00:00Z"), 1);

    // Everything changes: some rows are rejected, some edited, some read anew, the first ingest is undone.
    let rejected: Vec<(u32, Value)> = then.iter().step_by(3).map(|s| (s.row, json!({ "state": "rejected" }))).collect();
    change(&mut store, &rejected, "2026-04-02T00:00:00Z");
    edit(&mut store, then[1].row, None, "x = 1\n", "2026-04-03T00:00:00Z");
    let keys: Vec<String> = (0..40).map(|at| format!("k{at}")).collect();
    fill(&mut store, &mut rng, &source("beta_two", "MIT", 1, &[], None), &keys, "2026-04-04T00:00:00Z");
    let (plan, slice) = selected(&store, "@ranked#1");
    assert!(plan.order.is_some() && !plan.default_state);
    assert_eq!(read(&store, &slice), then, "the pin holds what it froze");
    assert_ne!(read(&store, &selected(&store, "@ranked").1), then);

    // Stages go over what it froze; in an expression it is a set, whose rows need not be kept.
    let (_, slice) = selected(&store, "@ranked#1 | sort lines | take 5");
    let mut wanted = then.clone();
    wanted.sort_by_key(|sample| (sample.facts.number("lines").map(|lines| lines as i64), sample.id));
    assert_eq!(read(&store, &slice), wanted[..5]);
    let ids = |samples: &[Sample]| samples.iter().map(|sample| sample.id).collect::<BTreeSet<_>>();
    let set: BTreeSet<_> = selected(&store, "@ranked#1 lines>=0").1.rows.into_iter().map(|(_, id)| id).collect();
    assert_eq!(set, ids(&then), "rejected ones are among them");
    let notes = compile("@ranked#1 lines>=1", &StoreVocabulary::new(&store)).expect("it compiles").plan.notes;
    assert!(notes.iter().any(|note| note.message.contains("at:@ranked#1")), "{notes:?}");
    let both = selected(&store, "at:@ranked#1 @ranked#1 lines>=1").1;
    assert_eq!(ids(&read(&store, &both)), ids(&then));

    // A second pin has the next number, also where the first is undone; an undone one is gone.
    assert_eq!(pin(&mut store, "ranked", "@ranked", "2026-04-05T00:00:00Z"), 2);
    store.undo(None, "2026-04-06T00:00:00Z").expect("undone");
    assert_eq!(store.pins(None).expect("pins").len(), 1);
    let error = compile("@ranked#2", &StoreVocabulary::new(&store)).expect_err("it is gone");
    assert_eq!((error.kind, error.suggestions.as_slice()), ("pin", &["@ranked#1".to_owned()][..]));
    assert_eq!(pin(&mut store, "ranked", "@ranked", "2026-04-07T00:00:00Z"), 3);
}

#[test]
fn moments_that_are_none_are_told() {
    let folder = Scratch::new("moments");
    let store = random_store(&folder, &mut Rng::new(82), 40);
    let newest = store.newest_op().expect("ops").expect("one").0;
    let words = StoreVocabulary::new(&store);
    for (query, kind, says, instead) in [
        ("at:op99 is:valid", "moment", "the newest that is closed is", Some(format!("at:op{newest} is:valid"))),
        ("at:op0", "moment", "the first is 1", Some("at:op1".to_owned())),
        ("at:2020-01-01 x", "moment", "the store was empty", Some("at:2026-01-03 x".to_owned())),
        ("at:2026-02-30", "type", "is no day", None),
        ("at:3", "type", "is no day", Some("at:op3".to_owned())),
        ("at:2026-05-01T10:00 x", "type", "is no day", Some("at:2026-05-01 x".to_owned())),
        ("at:@core#1 x", "pin", "there is no pin `@core#1`", None),
        ("@core#1", "pin", "there is no pin `@core#1`", None),
        ("@trainable#1 | take 3", "pin", "there is no pin", None),
    ] {
        let error = compile(query, &words).expect_err(query);
        assert_eq!(error.kind, kind, "{query}: {error}");
        assert!(error.message.contains(says), "{query}: {error}");
        assert_eq!(error.suggestions.first().cloned(), instead, "{query}");
    }
    assert_eq!(compile("at:2030-01-01", &words).expect("later is now").plan.at, Some(newest));
}

/// Causes of what two queries differ by, counted.
fn causes(store: &Store, first: &str, second: &str) -> BTreeMap<(Change, Cause), usize> {
    let words = StoreVocabulary::new(store);
    let compiled = |text: &str| compile(text, &words).unwrap_or_else(|error| panic!("{text}: {error}"));
    let (a, b) = (compiled(first), compiled(second));
    let asked = |of: &scenery::query::Compiled| match &of.plan.order {
        None => of.plan.clone(),
        Some(pin) => {
            let record = store.pins(Some(&pin.name)).expect("pins").into_iter().find(|each| each.number == pin.number);
            let record = record.expect("the pin");
            compile(&record.query, &Frozen::new(&words, &record.queries)).expect("it compiles").plan
        }
    };
    let (asked_a, asked_b) = (asked(&a), asked(&b));
    let found = diff(store, Compared { plan: &a.plan, asked: &asked_a }, Compared { plan: &b.plan, asked: &asked_b })
        .expect("they are compared");
    let ids = |query: &str| -> BTreeSet<String> {
        selected(store, query).1.rows.into_iter().map(|(_, id)| id.to_string()).collect()
    };
    let (a, b) = (ids(first), ids(second));
    let of = |change: Change| -> BTreeSet<String> {
        found.differences.iter().filter(|each| each.change == change).map(|each| each.id.to_string()).collect()
    };
    assert_eq!(of(Change::Entered), b.difference(&a).cloned().collect());
    assert_eq!(of(Change::Left), a.difference(&b).cloned().collect());
    assert_eq!(found.both as usize, a.intersection(&b).count());
    let mut out = BTreeMap::new();
    for each in &found.differences {
        *out.entry((each.change, each.cause)).or_default() += 1;
    }
    out
}

#[test]
fn every_cause_of_a_difference_is_named() {
    let folder = Scratch::new("causes");
    let mut rng = Rng::new(91);
    let mut store = random_store(&folder, &mut rng, 160);
    folder.write("project/queries/core.q", "is:scene lines:..400");
    folder.write("project/queries/few.q", "is:scene | sort -lines | take 10");
    folder.write("project/queries/tagged.q", "tag:core");
    pin(&mut store, "core", "@core", "2026-04-01T00:00:00Z");
    pin(&mut store, "few", "@few", "2026-04-01T00:00:01Z");
    let base = store.newest_op().expect("ops").expect("one").0;
    let at = |query: &str| format!("at:op{base} {query}");
    let core = read(&store, &selected(&store, "@core").1);
    let only = |change: Change, cause: Cause, count: usize| BTreeMap::from([((change, cause), count)]);

    // query
    let longer = core.iter().filter(|sample| sample.facts.number("lines").is_some_and(|lines| lines > 14.0)).count();
    assert!(longer > 0 && longer < core.len());
    let found = causes(&store, "is:scene lines:..400", "is:scene lines:..14");
    assert_eq!(found, only(Change::Left, Cause::Query, longer));

    // data: new rows, and the same key with other content
    let keys: Vec<String> = (0..9).map(|at| format!("late{at}")).collect();
    let op = fill(&mut store, &mut rng, &source("gamma", "CC-BY-NC-4.0", 3, &[], None), &keys, "2026-04-02T00:00:00Z");
    let found = causes(&store, &at("state:any"), "state:any");
    assert_eq!(found, only(Change::Entered, Cause::Data, 9));
    assert_eq!(causes(&store, "state:any", &at("state:any")), only(Change::Left, Cause::Data, 9));
    store.undo(Some(op), "2026-04-03T00:00:00Z").expect("undone");
    assert_eq!(causes(&store, &at("state:any"), "state:any"), BTreeMap::new());

    // tag: beside another change of the same row that decides nothing
    let some: Vec<u32> = core.iter().take(4).map(|sample| sample.row).collect();
    let tags: Vec<(u32, Value)> =
        some.iter().map(|row| (*row, json!({ "tags": "[\"core\"]", "split": "test" }))).collect();
    change(&mut store, &tags, "2026-04-04T00:00:00Z");
    assert_eq!(causes(&store, &at("tag:core"), "tag:core"), only(Change::Entered, Cause::Tag, 4));
    assert_eq!(causes(&store, "@core#1", "@core"), only(Change::Changed, Cause::Tag, 4));
    assert_eq!(causes(&store, &at("-split:test"), "-split:test").get(&(Change::Left, Cause::Split)), Some(&4));

    // dedup, and rejection by a person
    let dups: Vec<(u32, Value)> = core[5..8].iter().map(|s| (s.row, json!({ "state": "duplicate" }))).collect();
    change(&mut store, &dups, "2026-04-05T00:00:00Z");
    let bad: Vec<(u32, Value)> =
        core[8..10].iter().map(|s| (s.row, json!({ "state": "rejected", "reason": "off-topic" }))).collect();
    change(&mut store, &bad, "2026-04-06T00:00:00Z");
    let gone: Vec<(u32, Value)> =
        core[10..11].iter().map(|s| (s.row, json!({ "state": "rejected", "reason": "gone-upstream" }))).collect();
    change(&mut store, &gone, "2026-04-06T00:00:01Z");
    let wanted = BTreeMap::from([
        ((Change::Changed, Cause::Tag), 4),
        ((Change::Left, Cause::Dedup), 3),
        ((Change::Left, Cause::Curation), 2),
        ((Change::Left, Cause::Data), 1),
    ]);
    assert_eq!(causes(&store, "@core#1", "@core"), wanted);

    // edit
    edit(&mut store, core[11].row, None, "x = 1\n", "2026-04-07T00:00:00Z");
    assert_eq!(causes(&store, "@core#1", "@core").get(&(Change::Left, Cause::Edit)), Some(&1));

    // the query of the name was changed since: what it was stands in the pin
    folder.write("project/queries/core.q", "is:scene lines:..14");
    let found = causes(&store, "@core#1", "@core");
    assert!(found[&(Change::Left, Cause::Query)] > 0 && found[&(Change::Left, Cause::Dedup)] > 0, "{found:?}");
    folder.write("project/queries/core.q", "is:scene lines:..400");

    // a stage chose others: two of its rows were rejected, so two others came up
    let few = read(&store, &selected(&store, "@few#1").1);
    let now: BTreeSet<_> = selected(&store, "@few").1.rows.into_iter().map(|(row, _)| row).collect();
    let stays = few.iter().filter(|sample| now.contains(&sample.row)).take(2);
    let out: Vec<(u32, Value)> =
        stays.map(|s| (s.row, json!({ "state": "rejected", "reason": "off-topic" }))).collect();
    change(&mut store, &out, "2026-04-08T00:00:00Z");
    let found = causes(&store, "@few#1", "@few");
    assert!(found[&(Change::Left, Cause::Curation)] >= 2 && found[&(Change::Entered, Cause::Others)] >= 2, "{found:?}");
}

#[test]
fn a_difference_by_an_analyser_is_told_from_one_by_data() {
    let folder = Scratch::new("analyser");
    let mut rng = Rng::new(92);
    let mut store = random_store(&folder, &mut rng, 120);
    folder.write("project/queries/long.q", "lines>=8");
    pin(&mut store, "long", "@long", "2026-04-01T00:00:00Z");
    let long = read(&store, &selected(&store, "@long").1);
    // Another version of an analyser counts otherwise.
    let number = store.analyser_number("another version").expect("an analyser");
    let op = store.begin(&Begin { verb: "rebuild", arguments: json!({}), now: "2026-04-02T00:00:00Z" }).expect("an op");
    let facts: Vec<_> = long
        .iter()
        .take(3)
        .map(|sample| {
            let mut facts = sample.facts.clone();
            facts.set("lines", FactValue::Int(2));
            (sample.row, facts)
        })
        .collect();
    store.put_facts(number, &facts).expect("written");
    store.close(op, &json!({}), "2026-04-02T00:00:01Z").expect("closed");
    let rejected = json!({ "state": "rejected", "reason": "off-topic" });
    change(&mut store, &[(long[4].row, rejected)], "2026-04-03T00:00:00Z");
    let wanted = BTreeMap::from([((Change::Left, Cause::Analyser), 3), ((Change::Left, Cause::Curation), 1)]);
    assert_eq!(causes(&store, "@long#1", "@long"), wanted);
}

/// A project with a source of its own, read once.
fn project(folder: &Scratch, name: &str, rows: &[Value]) -> std::path::PathBuf {
    let dir = folder.join(name);
    done(folder.path(), &["init", name]);
    std::fs::write(dir.join("sources/rows.toml"), crate::corpus::RECIPE).expect("a recipe");
    let table = folder.write(&format!("{name}.jsonl"), crate::corpus::lines(rows));
    done(&dir, &["ingest", "rows", table.to_str().expect("a path")]);
    dir
}

#[test]
fn a_pin_exports_the_same_bytes_whatever_happened_since_and_anywhere() {
    let folder = Scratch::new("pin-export");
    let mut rng = Rng::new(93);
    let rows = crate::corpus::table_rows(&mut rng, 60);
    let dir = project(&folder, "one", &rows);
    done(&dir, &["save", "core", "has:instruction | sort -lines | take 20"]);
    done(&dir, &["pin", "core"]);
    let export = |dir: &std::path::Path, out: &str| {
        done(dir, &["export", "@core#1", "--out", out]);
        digests(&dir.join(out))
    };
    let first = export(&dir, "first");
    // The rows change at the source, and the saved query too.
    let mut changed = rows.clone();
    for row in changed.iter_mut().step_by(2) {
        row["answer"] = json!(format!("{}# again\n", row["answer"].as_str().unwrap_or_default()));
    }
    let table = folder.write("changed.jsonl", crate::corpus::lines(&changed));
    done(&dir, &["ingest", "rows", table.to_str().expect("a path")]);
    std::fs::write(dir.join("queries/core.q"), "lines>=3\n").expect("a query");
    let second = export(&dir, "second");
    let manifest_of = |out: &str| std::fs::read_to_string(dir.join(out).join("manifest.json")).expect("a manifest");
    assert_eq!(manifest_of("second"), manifest_of("first"));
    assert_eq!(second, first);
    done(&dir, &["export", "--from", "first/manifest.json", "--out", "third"]);
    assert_eq!(digests(&dir.join("third")), first);
    // Elsewhere there is no such pin, and what it asked came along.
    let other = project(&folder, "two", &rows);
    let manifest = dir.join("first/manifest.json");
    done(&other, &["export", "--from", manifest.to_str().expect("a path"), "--out", "same"]);
    assert_eq!(digests(&other.join("same")), first);
    let wrong = project(&folder, "three", &changed);
    let (code, _, err) = run(&wrong, &["export", "--from", manifest.to_str().expect("a path"), "--out", "same"]);
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("is not the one of the manifest"), "{err}");

    let listed = json_of(&dir, &["pin", "--json"]);
    assert_eq!((&listed[0]["name"], &listed[0]["rows"]), (&json!("core"), &json!(20)));
    let found = json_of(&dir, &["diff", "@core#1", "--json"]);
    assert_eq!(found["second"]["query"], json!("@core"));
    assert!(found["causes"]["entered"]["query"].as_u64().is_some_and(|count| count > 0), "{found}");
    assert!(found["causes"]["changed"]["data"].as_u64().is_some_and(|count| count > 0), "{found}");
    let text = done(&dir, &["diff", "@core#1"]);
    assert!(text.contains("20 rows  @core#1") && text.contains("a source was read"), "{text}");
    assert_eq!(done(&dir, &["diff", "@core#1", "@core#1"]).lines().count(), 3);
    let log = done(&dir, &["log", "-S", "# again"]);
    assert_eq!(log.lines().count(), 2, "{log}");
    assert!(log.contains("+30 −0"), "{log}");
    let (code, _, err) = run(&dir, &["pin", "nothing"]);
    assert_eq!(code, 2, "{err}");
    let (code, _, err) = run(&dir, &["diff", "is:valid"]);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("name a second query"), "{err}");
}
