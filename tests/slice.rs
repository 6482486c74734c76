//! What a query selects is what a naive evaluator selects, row for row and in order, whatever happened to the store.

use std::collections::{BTreeMap, BTreeSet};

use scenery::query::compile;
use scenery::query::plan::Step;
use scenery::sample::{FactValue, Sample};
use scenery::slice::{self, vocabulary::StoreVocabulary};
use scenery::store::Store;
use serde_json::{Value, json};

use crate::corpus::{Scratch, WORDS, all_samples, change, edit, fill, random_store, source};
use crate::naive::{self, Terms};
use crate::query_gen::{GenVocab, Rng, random_query};

/// Queries of each store at each of its five stages: 4 × 5 × 500 = 10,000.
const QUERIES: usize = 500;

/// What queries may name: what the samples hold.
pub fn vocabulary(samples: &[Sample]) -> GenVocab {
    let mut words: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let mut sets: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for sample in samples {
        words.entry("source").or_default().insert(sample.source.clone());
        words.entry("licence").or_default().insert(sample.licence.clone());
        words.entry("locator").or_default().insert(sample.locator.clone());
        words.entry("key").or_default().insert(sample.key.clone());
        for (field, word) in [("level", &sample.level), ("reason", &sample.reason)] {
            words.entry(field).or_default().extend(word.clone());
        }
        sets.entry("tag".to_owned()).or_default().extend(sample.tags.iter().cloned());
        sets.entry("origin".to_owned()).or_default().insert(format!("{}:{}", sample.source, sample.locator));
        for (name, value) in &sample.facts.0 {
            if let FactValue::Set(names) = value {
                sets.entry(name.clone()).or_default().extend(names.keys().cloned());
            }
        }
    }
    let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<String>>();
    let counted = ["calls", "uses", "method", "imports", "base"];
    let known: Vec<(String, bool)> = scenery::query::fields::all()
        .into_iter()
        .map(|field| (field.name.to_owned(), matches!(field.kind, scenery::analyze::features::Kind::CountedSet)))
        .collect();
    let is_counted = |name: &str| known.iter().any(|(field, counted)| field == name && *counted);
    assert!(counted.iter().any(|name| is_counted(name)));
    GenVocab {
        words: WORDS
            .iter()
            .map(|word| (*word).to_owned())
            .chain(["absent", "cafe", "Café", "\\frac"].map(str::to_owned))
            .collect(),
        whole: vec![
            ("lines".into(), 0, 25),
            ("plays".into(), 0, 6),
            ("rank".into(), 1, 5),
            ("tokens".into(), 0, 200),
            ("cyclomatic".into(), 0, 6),
            ("chars".into(), 0, 900),
            ("dup.size".into(), 1, 4),
        ],
        real: vec![
            ("dup.similarity".into(), 0, 1),
            ("eval.quality".into(), -5, 100),
            ("duration".into(), 0, 20),
            ("quality".into(), 0, 100),
            ("complexity.score".into(), 0, 60),
        ],
        enums: vec![
            ("dialect".into(), list(&["ce", "gl", "mixed", "none"]), false),
            ("complexity".into(), list(&["basic", "intermediate", "advanced"]), true),
            ("split".into(), list(&["train", "validation", "test"]), false),
            ("split.given".into(), list(&["train", "validation", "test"]), false),
            ("description.kind".into(), list(&["human", "llm", "template", "none"]), false),
            (
                "validated".into(),
                list(&["syntax", "structure", "imports", "instantiate", "run", "frame", "render"]),
                true,
            ),
        ],
        names: words
            .into_iter()
            .filter(|(_, found)| !found.is_empty())
            .map(|(name, found)| (name.to_owned(), found.into_iter().collect()))
            .chain(["fail.class", "eval.run"].map(|name| (name.to_owned(), list(&["one", "two"]))))
            .chain([("eval.stop".to_owned(), list(&["stop-id", "max-tokens"]))])
            .collect(),
        sets: sets
            .into_iter()
            .filter(|(_, found)| !found.is_empty())
            .map(|(name, found)| {
                let counted = is_counted(&name);
                (name, found.into_iter().collect(), counted)
            })
            .collect(),
        bools: list(&["valid", "scene", "edited", "duration_exact"]),
        metas: vec![
            ("title".into(), list(&["draw", "fourier", "圆形", "camera", "круг"])),
            ("episode".into(), list(&["1", "12", "7"])),
        ],
        numbered: vec![("episode".into(), -1, 14), ("title".into(), 1, 9)],
        days: list(&["2026-01-03", "2026-02-14", "2026-03-31", "2026-01-01", "2026-12-31"]),
        ids: samples
            .iter()
            .take(20)
            .enumerate()
            .map(|(at, sample)| sample.id.to_string()[..1 + at % 6].to_owned())
            .collect(),
        columns: list(&[
            "lines",
            "plays",
            "duration",
            "complexity",
            "source",
            "split",
            "state",
            "valid",
            "id",
            "added",
            "rank",
            "quality",
            "licence",
            "reason",
            "dialect",
            "split.given",
            "key",
            "locator",
            "description.kind",
            "syntax",
            "edited",
            "tokens",
            "meta.title",
            "meta.episode",
            "dup.size",
            "family",
            "validated",
            "eval.run",
            "eval.stop",
        ]),
        saved: list(&["short", "ordered", "rejects", "nested"]),
        near: samples.iter().rev().take(20).map(|sample| sample.id.to_string()).collect(),
        patterns: list(&[
            "self.play($$$)",
            "self.play($A)",
            "self.play($A, run_time=$T)",
            "for $I in range($N): $$$",
            "$F($X)",
            "self.$M($$$)",
            "class $C(Scene): $$$",
            "nowhere($A)",
            "self.wait(2)",
            "from manim import *",
        ]),
    }
}

fn shown(ids: &[String]) -> String {
    let cut: Vec<&str> = ids.iter().take(30).map(|id| &id[..8]).collect();
    format!("{} rows: {}", ids.len(), cut.join(" "))
}

/// Compares so many random queries; gives what differs.
pub fn compare(store: &Store, seed: u64, queries: usize, stage: &str, wrong: &mut Vec<String>) -> usize {
    let samples = all_samples(store);
    let vocab = vocabulary(&samples);
    let terms = Terms::default();
    let words = StoreVocabulary::new(store);
    let mut found = 0;
    for number in 0..queries as u64 {
        let seed = seed * 1_000_000 + number;
        let query = random_query(&mut Rng::new(seed), &vocab);
        let compiled = match compile(&query, &words) {
            Ok(compiled) => compiled,
            Err(error) => {
                wrong.push(format!("{stage}, seed {seed}: {query}\n  does not compile: {error}"));
                continue;
            }
        };
        let wanted: Vec<String> = naive::select_with(&compiled.resolved, &samples, &terms)
            .into_iter()
            .map(|at| samples[at].id.to_string())
            .collect();
        let limit = [usize::MAX, usize::MAX, 7][number as usize % 3];
        let slice = match slice::select(store, &compiled.plan, limit) {
            Ok(slice) => slice,
            Err(error) => {
                wrong.push(format!("{stage}, seed {seed}: {query}\n  error: {error}"));
                continue;
            }
        };
        let got: Vec<String> = slice.rows.iter().map(|(_, id)| id.to_string()).collect();
        let first: Vec<String> = wanted.iter().take(limit).cloned().collect();
        let count = slice::count(store, &compiled.plan).expect("it was selected");
        if got != first || slice.total != wanted.len() as u64 || count != slice.total {
            wrong.push(format!(
                "{stage}, seed {seed}, limit {limit}: {query}\n  naive: {}\n  store: {} (total {}, count {count})\n{}",
                shown(&first),
                shown(&got),
                slice.total,
                compiled.plan
            ));
        }
        let steps = &slice.steps;
        assert!(steps.len() == compiled.plan.steps.len(), "{query}: a count for every step");
        assert!(steps.iter().all(|step| step.rows_out <= step.rows_in), "{query}");
        found += usize::from(!wanted.is_empty());
    }
    found
}

/// Changes of state, tags, sides and reasons for about half of the rows.
fn changes(rng: &mut Rng, samples: &[Sample]) -> Vec<(u32, Value)> {
    let mut out = Vec::new();
    for sample in samples {
        if rng.chance(50) {
            continue;
        }
        let mut after = serde_json::Map::new();
        match rng.below(5) {
            0 => {
                after.insert("state".into(), json!("rejected"));
                after.insert("reason".into(), json!(rng.pick(&["off-topic", "needs-review", "gone-upstream"])));
            }
            1 => {
                after.insert("state".into(), json!(rng.pick(&["duplicate", "generated", "kept"])));
            }
            2 => {
                after.insert("split".into(), json!(rng.pick(&["train", "validation", "test"])));
            }
            _ => {
                let mut tags: Vec<&str> =
                    ["core", "good", "needs-review"].into_iter().filter(|_| rng.chance(50)).collect();
                tags.sort_unstable();
                after.insert("tags".into(), json!(serde_json::to_string(&tags).expect("words are JSON")));
            }
        }
        if rng.chance(20) {
            after.insert("level".into(), json!(null));
        }
        out.push((sample.row, Value::Object(after)));
    }
    out
}

/// One random store through its life; 2,500 queries.
fn life(seed: u64, rows: usize) {
    let folder = Scratch::new("slice");
    let mut rng = Rng::new(seed);
    let mut store = random_store(&folder, &mut rng, rows);
    for (name, text) in [
        ("short", "lines:..12"),
        ("ordered", "plays>=1 | sort -plays | take 40"),
        ("rejects", "state:rejected"),
        ("nested", "@ordered uses:Circle or @short"),
    ] {
        folder.write(&format!("project/queries/{name}.q"), text);
    }
    let mut wrong = Vec::new();
    let mut found = 0;
    found += compare(&store, seed * 10, QUERIES, "as read", &mut wrong);

    let fresh = all_samples(&store);
    let op = change(&mut store, &changes(&mut rng, &fresh), "2026-04-01T00:00:00Z");
    let keys: Vec<String> = (0..rows / 2).filter(|at| at % 3 == 0).map(|at| format!("k{at}")).collect();
    let again = fill(
        &mut store,
        &mut rng,
        &source("alpha", "Apache-2.0", 4, &["basic", "intermediate", "advanced"], None),
        &keys,
        "2026-04-02T00:00:00Z",
    );
    let row = all_samples(&store)[rows / 3].row;
    let edited = edit(
        &mut store,
        row,
        Some("a square that was edited"),
        "from manim import *\nx = Square()\n",
        "2026-04-03T00:00:00Z",
    );
    found += compare(&store, seed * 10 + 1, QUERIES, "changed, read again and edited", &mut wrong);

    let project = store.project().clone();
    drop(store);
    let reader = Store::open(&project).expect("it opens");
    found += compare(&reader, seed * 10 + 2, QUERIES, "reopened", &mut wrong);
    drop(reader);

    let mut store = Store::open_for_writing(&project, "a test").expect("it opens");
    for op in [edited, again, op] {
        store.undo(Some(op), "2026-04-04T00:00:00Z").expect("it is undone");
    }
    found += compare(&store, seed * 10 + 3, QUERIES, "undone", &mut wrong);
    if all_samples(&store) != fresh {
        wrong.push("samples differ after all was undone".to_owned());
    }

    let before: BTreeSet<String> = fresh.iter().map(|sample| sample.id.to_string()).collect();
    store.undo(None, "2026-04-05T00:00:00Z").expect("the newest ingest that stands is undone");
    store.rebuild().expect("it is rebuilt");
    let after: BTreeSet<String> = all_samples(&store).iter().map(|sample| sample.id.to_string()).collect();
    assert!(after.len() < before.len() && after.is_subset(&before), "an ingest is gone");
    found += compare(&store, seed * 10 + 4, QUERIES, "an ingest undone, all rebuilt", &mut wrong);

    assert!(
        wrong.is_empty(),
        "{} of {} differ:\n{}",
        wrong.len(),
        QUERIES * 5,
        wrong[..wrong.len().min(6)].join("\n\n")
    );
    assert!(found * 2 > QUERIES * 5, "only {found} of {} queries select anything", QUERIES * 5);
}

#[test]
fn random_queries_select_what_they_mean_in_store_1() {
    life(1, 240);
}

#[test]
fn random_queries_select_what_they_mean_in_store_2() {
    life(2, 200);
}

#[test]
fn random_queries_select_what_they_mean_in_store_3() {
    life(3, 240);
}

#[test]
fn random_queries_select_what_they_mean_in_store_4() {
    life(4, 320);
}

#[test]
fn levels_sort_by_the_scales_of_their_sources() {
    let folder = Scratch::new("levels");
    let store = random_store(&folder, &mut Rng::new(9), 120);
    let words = StoreVocabulary::new(&store);
    let compiled = compile("source:alpha | sort level", &words).expect("it compiles");
    let slice = slice::select(&store, &compiled.plan, usize::MAX).expect("it runs");
    let scale = ["basic", "intermediate", "advanced"];
    let places: Vec<(usize, String)> = slice::samples(&store, &slice)
        .map(|sample| {
            let sample = sample.expect("a sample");
            let place = sample.level.as_deref().and_then(|level| scale.iter().position(|each| *each == level));
            (place.unwrap_or(usize::MAX), sample.id.to_string())
        })
        .collect();
    assert!(places.is_sorted(), "{places:?}");
    assert!(places.iter().any(|(place, _)| *place == usize::MAX) && places.iter().any(|(place, _)| *place == 2));
}

#[test]
fn groups_add_up() {
    let folder = Scratch::new("groups");
    let store = random_store(&folder, &mut Rng::new(12), 160);
    let words = StoreVocabulary::new(&store);
    let samples = all_samples(&store);
    let compiled = compile("is:scene", &words).expect("it compiles");
    let scenes: Vec<&Sample> =
        samples.iter().filter(|sample| sample.facts.get("scene") == &FactValue::Bool(true)).collect();
    let field = |name: &str| scenery::query::fields::find(name).expect("a field").field();
    for name in ["source", "level", "rank", "complexity", "split.given", "plays", "tag", "added", "licence"] {
        let (total, groups) = slice::count_by(&store, &compiled.plan, &[field(name)]).expect("it counts");
        assert_eq!(total, scenes.len() as u64);
        assert_eq!(groups.iter().map(|group| group.count).sum::<u64>(), total, "{name}");
        assert!(groups.windows(2).all(|pair| pair[0].count >= pair[1].count), "{name}");
    }
    let (_, groups) = slice::count_by(&store, &compiled.plan, &[field("source"), field("level")]).expect("it counts");
    for group in groups {
        let same = |sample: &&&Sample| {
            json!(sample.source) == group.key["source"] && json!(sample.level) == group.key["level"]
        };
        assert_eq!(scenes.iter().filter(same).count() as u64, group.count);
    }
    let (total, groups) = slice::count_by(&store, &compiled.plan, &[field("uses")]).expect("it counts");
    assert!(groups.iter().map(|group| group.count).sum::<u64>() > total, "a set puts a row into several groups");
}

#[test]
fn a_sample_stays_chosen_while_the_store_grows() {
    let folder = Scratch::new("grow");
    let mut rng = Rng::new(21);
    let mut store = random_store(&folder, &mut rng, 160);
    let select = |store: &Store, query: &str| -> BTreeSet<String> {
        let compiled = compile(query, &StoreVocabulary::new(store)).expect("it compiles");
        assert!(compiled.plan.steps.iter().any(|step| matches!(step, Step::Sample { .. })));
        let slice = slice::select(store, &compiled.plan, usize::MAX).expect("it runs");
        slice.rows.iter().map(|(_, id)| id.to_string()).collect()
    };
    let (share, count) = (select(&store, "| sample 30% seed 5"), select(&store, "| sample 40 seed 5"));
    let keys: Vec<String> = (0..80).map(|at| format!("n{at}")).collect();
    fill(&mut store, &mut rng, &source("delta", "MIT", 1, &[], None), &keys, "2026-05-01T00:00:00Z");
    assert!(select(&store, "| sample 30% seed 5").is_superset(&share));
    assert!(select(&store, "source!=delta | sample 40 seed 5") == count);
    let grown = select(&store, "| sample 40 seed 5");
    let all: BTreeSet<String> = all_samples(&store)
        .iter()
        .filter(|sample| sample.source == "delta")
        .map(|sample| sample.id.to_string())
        .collect();
    assert!(grown.difference(&count).all(|id| all.contains(id)), "only new rows push out old ones");
}
