//! The stage `split`: sides by family, against all pairs compared one by one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::corpus::{Scratch, code, digests, done, json_of, run};
use crate::naive::Terms;
use crate::query_gen::Rng;

/// Rows with planted copies, near copies in chains, and a column that ties.
pub fn rows(rng: &mut Rng, count: usize) -> Vec<Value> {
    let mut rows: Vec<Value> = Vec::new();
    for at in 0..count {
        let answer = match rng.below(6) {
            0 if at > 0 => rows[rng.below(at)]["answer"].as_str().unwrap_or_default().to_owned(),
            1 | 2 if at > 0 => {
                format!("{}extra_{at} = {at}\n", rows[rng.below(at)]["answer"].as_str().unwrap_or_default())
            }
            _ => (0..8).map(|_| code(rng)).collect::<String>(),
        };
        let group = rng.chance(10).then(|| format!("g{}", rng.below(8)));
        rows.push(
            json!({ "id": format!("r{at}"), "question": format!("draw {at}"), "answer": answer, "group": group }),
        );
    }
    rows
}

pub fn project(folder: &Scratch, dedup: &str, rows: &[Value]) -> PathBuf {
    let dir = folder.join(dedup);
    done(folder.path(), &["init", dedup]);
    let recipe = format!(
        "name = \"rows\"\ntitle = \"Rows\"\nlicence = \"MIT\"\nrank = 3\nreader = \"table\"\ndescription_kind = \"human\"\n\
         key = [\"id\"]\nfamily = [\"group\"]\ndedup = \"{dedup}\"\n\n[fields]\ninstruction = \"question\"\ncode = \"answer\"\n"
    );
    std::fs::write(dir.join("sources/rows.toml"), recipe).expect("a recipe");
    let table = folder.write("rows.jsonl", crate::corpus::lines(rows));
    done(&dir, &["ingest", "rows", table.to_str().expect("a path")]);
    dir
}

/// Side by key, as the query labels them.
pub fn labels(dir: &Path, query: &str) -> BTreeMap<String, (String, String)> {
    let out = done(dir, &["query", query, "--format", "jsonl", "--fields", "key", "-n", "100000"]);
    let row = |line: &str| -> (String, (String, String)) {
        let row: Value = serde_json::from_str(line).expect("JSON");
        let text = |name: &str| row[name].as_str().unwrap_or("none").to_owned();
        (text("key"), (text("split"), text("code")))
    };
    out.lines().map(row).collect()
}

#[test]
fn no_family_is_parted_and_the_sizes_are_met() {
    let folder = Scratch::new("sides");
    let rows = rows(&mut Rng::new(51), 260);
    let dir = project(&folder, "near", &rows);
    let found = labels(&dir, "| split 80/10/10 seed 3");
    assert_eq!(found.len(), rows.len());
    let terms = Terms::default();
    let all: Vec<(&String, &(String, String))> = found.iter().collect();
    let group =
        |key: &str| rows.iter().find(|row| row["id"] == key).map(|row| row["group"].clone()).unwrap_or_default();
    let mut near = 0;
    for (at, (left, (side, code))) in all.iter().enumerate() {
        for (right, (other, text)) in &all[at + 1..] {
            let ties = code == text
                || terms.alike(code, text) >= 0.85
                || (group(left) == group(right) && !group(left).is_null());
            near += usize::from(ties);
            assert!(!ties || side == other, "{left} is {side} and {right} is {other}");
        }
    }
    assert!(near > 60, "{near} ties were planted");
    let count = |side: &str| found.values().filter(|(found, _)| found == side).count() as f64;
    assert_eq!(count("train") + count("validation") + count("test"), 260.0);
    for (side, share) in [("train", 0.8), ("validation", 0.1), ("test", 0.1)] {
        assert!((count(side) - share * 260.0).abs() <= 40.0 && count(side) > 0.0, "{side}: {}", count(side));
    }
    // The same seed gives the same sides, another one others; order and rows stay.
    assert_eq!(labels(&dir, "| split 80/10/10 seed 3"), found);
    assert_ne!(labels(&dir, "| split 80/10/10 seed 4"), found);
    let ids = |query: &str| done(&dir, &["query", query, "--format", "ids"]);
    assert_eq!(ids("| sort -lines | split 80/10/10 | take 9"), ids("| sort -lines | take 9"));
    // Counted and exported as labelled.
    let groups = json_of(&dir, &["count", "| split 80/10/10 seed 3", "--by", "split", "--json"]);
    for group in groups["groups"].as_array().expect("groups") {
        assert_eq!(group["count"].as_f64(), Some(count(group["key"]["split"].as_str().unwrap_or_default())));
    }
    // Later stages see the labels.
    let two = labels(&dir, "| split 80/10/10 seed 3 | per split 2");
    let sides: Vec<&String> = two.values().map(|(side, _)| side).collect();
    assert_eq!((two.len(), sides.iter().filter(|side| **side == "test").count()), (6, 2));
    assert_eq!(
        ids("| split 80/10/10 seed 3 | sort split | take 5"),
        ids("| split 80/10/10 seed 3 | balance split train:1 to 5")
    );
    let report = json_of(&dir, &["export", "| split 80/10/10 seed 3", "--out", "out", "--json"]);
    assert_eq!(report["sides"]["rule"], json!("stage"));
    for side in ["train", "validation", "test"] {
        assert_eq!(report["rows"][side].as_f64(), Some(count(side)));
    }
    done(&dir, &["export", "--from", "out/manifest.json", "--out", "again"]);
    assert_eq!(digests(&dir.join("again")), digests(&dir.join("out")));
}

#[test]
fn near_duplicates_part_only_where_a_recipe_lets_them() {
    let folder = Scratch::new("parting");
    let rows = rows(&mut Rng::new(52), 200);
    let dir = project(&folder, "exact", &rows);
    let found = labels(&dir, "| split 50/50");
    let codes: BTreeSet<&String> = found.values().map(|(_, code)| code).collect();
    for code in codes {
        let sides: BTreeSet<&String> = found.values().filter(|(_, text)| text == code).map(|(side, _)| side).collect();
        assert_eq!(sides.len(), 1, "copies share a side");
    }
    assert!(found.values().all(|(side, _)| side != "validation"));
    let (code, _, err) = run(&dir, &["count", "| split 50/50"]);
    assert_eq!(code, 0, "{err}");
    let (_, _, err) = run(&dir, &["query", "| split 50/50", "--format", "ids"]);
    assert!(err.contains("pairs of near-duplicates stand on two sides") && err.contains("(rows)"), "{err}");
}

#[test]
fn a_label_never_contradicts_the_store() {
    let folder = Scratch::new("contradicts");
    let mut rng = Rng::new(53);
    let mut store = crate::corpus::random_store(&folder, &mut rng, 80);
    let rows: Vec<(u32, Value)> = crate::corpus::all_samples(&store)
        .iter()
        .map(|sample| (sample.row, json!({ "split": "validation" })))
        .collect();
    crate::corpus::change(&mut store, &rows, "2026-04-01T00:00:00Z");
    drop(store);
    let dir = folder.join("project");
    let (code, _, err) = run(&dir, &["query", "| split 80/0/20"]);
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("contradicts the store's own sides") && err.contains("is validation in the store"), "{err}");
    let found = json_of(&dir, &["count", "--by", "split", "--json"]);
    assert_eq!(found["groups"][0]["key"]["split"], json!("validation"));
}
