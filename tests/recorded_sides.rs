//! The verb `split`: sides that are recorded once, against all pairs compared one by one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value, json};

use crate::corpus::{Scratch, done, json_of, lines, run};
use crate::naive::Terms;
use crate::query_gen::Rng;
use crate::real_data::data;
use crate::sides::{labels, project, rows};

/// Whether two rows must share a side, found by comparing their texts.
fn tied(terms: &Terms, rows: &BTreeMap<String, Value>, one: (&str, &str), other: (&str, &str)) -> bool {
    let group = |key: &str| rows[key]["group"].clone();
    one.1 == other.1
        || terms.alike(one.1, other.1) >= 0.85
        || (group(one.0) == group(other.0) && !group(one.0).is_null())
}

fn by_key(rows: &[Value]) -> BTreeMap<String, Value> {
    rows.iter().map(|row| (row["id"].as_str().expect("an id").to_owned(), row.clone())).collect()
}

/// Asserts that no two rows on two sides are tied; returns how many ties there are at all.
fn assert_clean(found: &BTreeMap<String, (String, String)>, rows: &[Value]) -> usize {
    let (terms, rows) = (Terms::default(), by_key(rows));
    let all: Vec<(&String, &(String, String))> = found.iter().collect();
    let mut ties = 0;
    for (at, (left, (side, code))) in all.iter().enumerate() {
        for (right, (other, text)) in &all[at + 1..] {
            if tied(&terms, &rows, (left, code), (right, text)) {
                ties += 1;
                let parted = side != other && ![side.as_str(), other.as_str()].contains(&"held");
                assert!(!parted, "{left} is {side} and {right} is {other}");
            }
        }
    }
    ties
}

#[test]
fn sides_are_clean_meet_their_sizes_and_follow_the_seed() {
    let folder = Scratch::new("recorded");
    let rows = rows(&mut Rng::new(61), 300);
    let dir = project(&folder, "near", &rows);
    let dry = json_of(&dir, &["split", "80/10/10", "--seed", "3", "--dry-run", "--json"]);
    assert_eq!(dry["op"], Value::Null);
    assert_eq!(labels(&dir, "split:train").len(), 0, "a dry run records nothing");
    let report = json_of(&dir, &["split", "80/10/10", "--seed", "3", "--json"]);
    let mut without_op = report.clone();
    without_op["op"] = Value::Null;
    assert_eq!(without_op, dry);
    let found = labels(&dir, "");
    assert!(assert_clean(&found, &rows) > 60);
    assert_eq!((&report["cross_pairs"], &report["cross_pairs_allowed"]), (&json!(0), &json!(0)));
    // The tolerance is the larger of 1 % and the largest family, found here by walking from row to row.
    let (terms, by_key) = (Terms::default(), by_key(&rows));
    let mut left: BTreeSet<&String> = found.keys().collect();
    let (mut largest, mut families) = (0, 0);
    while let Some(first) = left.pop_first() {
        let mut family = vec![first];
        let mut at = 0;
        while at < family.len() {
            let one = family[at];
            let near: Vec<&String> = left
                .iter()
                .copied()
                .filter(|other| tied(&terms, &by_key, (one, &found[one].1), (other, &found[*other].1)))
                .collect();
            left.retain(|other| !near.contains(other));
            family.extend(near);
            at += 1;
        }
        largest = largest.max(family.len());
        families += 1;
    }
    assert_eq!(report["families"], json!(families));
    for (side, share) in [("train", 0.8), ("validation", 0.1), ("test", 0.1)] {
        let count = found.values().filter(|(found, _)| found == side).count();
        assert_eq!(report["sizes"][side], json!(count));
        assert!((count as f64 - share * 300.0).abs() <= (largest as f64).max(3.0), "{side}: {count}");
    }
    // One more split is refused; undone, the same seed gives the same sides and another one others.
    let (code, _, err) = run(&dir, &["split", "80/10/10"]);
    assert!(code == 1 && err.contains("300 of 300 samples have a side already") && err.contains("--extend"), "{err}");
    done(&dir, &["undo"]);
    assert_eq!(labels(&dir, "has:split").len(), 0);
    done(&dir, &["split", "80/10/10", "--seed", "3"]);
    assert_eq!(labels(&dir, ""), found);
    done(&dir, &["undo"]);
    done(&dir, &["split", "80/10/10", "--seed", "4"]);
    assert_ne!(labels(&dir, ""), found);
    // Families are known now, and lead from the first by id to all others.
    let out = done(&dir, &["query", "", "--format", "jsonl", "--fields", "family", "-n", "1000"]);
    let known: BTreeSet<String> = out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON")["family"].as_str().expect("a family").to_owned())
        .collect();
    assert_eq!(known.len(), families);
}

/// Ingests more rows of the same source.
fn grow(folder: &Scratch, dir: &Path, rows: &[Value]) {
    let table = folder.write("rows.jsonl", lines(rows));
    done(dir, &["ingest", "rows", table.to_str().expect("a path")]);
}

#[test]
fn growth_moves_nobody_and_holds_what_ties_two_sides() {
    for seed in 70..74 {
        let folder = Scratch::new("growth");
        let mut rng = Rng::new(seed);
        let mut all = rows(&mut rng, 200);
        let dir = project(&folder, "near", &all);
        done(&dir, &["split", "60/20/20", "--seed", "1"]);
        let before = labels(&dir, "");
        let on = |side: &str| before.iter().find(|(_, (found, _))| found == side).map(|(key, _)| key.clone());
        let (train, test) = (on("train").expect("some"), on("test").expect("some"));
        // 30 % more, among them copies of both sides and a row that ties them: its code is of one, its group of the other.
        let more = rows(&mut rng, 60);
        let text = |key: &str| before[key].1.clone();
        for (at, row) in more.into_iter().enumerate() {
            let mut row = row;
            row["id"] = json!(format!("s{at}"));
            if at % 5 == 0 {
                let from = before.keys().nth(rng.below(before.len())).expect("a row");
                row["answer"] = json!(format!("{}more_{at} = {at}\n", text(from)));
            }
            all.push(row);
        }
        let in_group = all.iter().find(|row| {
            !row["group"].is_null()
                && before.get(row["id"].as_str().unwrap_or_default()).is_some_and(|(side, _)| side == "test")
        });
        let bridge = json!({
            "id": "bridge", "question": "draw", "answer": text(&train),
            "group": in_group.map_or(Value::Null, |row| row["group"].clone()),
        });
        let expects_bridge = in_group.is_some();
        all.push(bridge);
        grow(&folder, &dir, &all);
        let report = json_of(&dir, &["split", "--extend", "--json"]);
        let after = labels(&dir, "");
        for (key, (side, _)) in &before {
            assert_eq!(&after[key].0, side, "{key} has moved");
        }
        assert_clean(&after, &all);
        let held: Vec<&String> = after.iter().filter(|(_, (side, _))| side == "held").map(|(key, _)| key).collect();
        assert_eq!(report["held"].as_array().expect("a list").len(), held.len());
        assert_eq!(report["sizes"]["held"], json!(held.len()));
        assert!(after.values().all(|(side, _)| side != "none"), "everybody is placed or held");
        assert!(!expects_bridge || held.iter().any(|key| *key == "bridge"), "{held:?}");
        // What is held ties two sides: found by comparing it with all that has one.
        let (terms, rows_by_key) = (Terms::default(), by_key(&all));
        for key in &held {
            let sides: BTreeSet<&str> = after
                .iter()
                .filter(|(other, (side, _))| *other != *key && side != "held")
                .filter(|(other, (_, code))| tied(&terms, &rows_by_key, (key, &after[*key].1), (other, code)))
                .map(|(_, (side, _))| side.as_str())
                .collect();
            assert!(sides.len() > 1, "{key} ties {sides:?}");
        }
        assert_eq!(labels(&dir, "split:held").len(), held.len());
        // Held rows leave in no export; the report says how many.
        let out = json_of(&dir, &["export", "", "--out", "out", "--json", "--missing-instruction", "skip"]);
        let exported: u64 = ["train", "validation", "test"].iter().filter_map(|side| out["rows"][*side].as_u64()).sum();
        assert_eq!(exported as usize, after.len() - held.len(), "{out}");
        // Nothing new: nothing changes.
        assert_eq!(json_of(&dir, &["split", "--extend", "--json"])["op"], Value::Null);
        // A recorded row whose new code ties it to another side is held too; others keep their sides.
        let changed = all.iter_mut().find(|row| row["id"] == json!(test)).expect("the row");
        changed["answer"] = json!(text(&train));
        grow(&folder, &dir, &all);
        // Until that is looked at, nothing leaves by sides that were recorded for other code.
        let (code, _, err) = run(&dir, &["export", "", "--out", "stale", "--missing-instruction", "skip"]);
        assert!(code == 1 && err.contains("other code than when their side was recorded"), "{err}");
        done(&dir, &["split", "--extend"]);
        let last = labels(&dir, "");
        assert_eq!(last[&test].0, "held");
        for (key, (side, _)) in after.iter().filter(|(key, _)| **key != test) {
            assert_eq!(&last[key].0, side, "{key} has moved");
        }
        // What is held stays so.
        assert_eq!(json_of(&dir, &["split", "--extend", "--json"])["op"], Value::Null);
        assert_eq!(labels(&dir, ""), last);
    }
}

#[test]
fn sides_that_sources_give_are_adopted_with_their_leaks() {
    let folder = Scratch::new("given");
    let dir = folder.join("p");
    done(folder.path(), &["init", "p"]);
    let recipe = "name = \"rows\"\ntitle = \"Rows\"\nlicence = \"MIT\"\nrank = 3\nreader = \"table\"\n\
         key = [\"id\"]\nfamily = [\"group\"]\ndedup = \"exact\"\n\n[fields]\ninstruction = \"question\"\n\
         code = \"answer\"\nsplit = \"side\"\n";
    std::fs::write(dir.join("sources/rows.toml"), recipe).expect("a recipe");
    let row = |id: &str, side: Option<&str>, group: &str, answer: &str| json!({ "id": id, "question": "draw", "answer": answer, "group": group, "side": side });
    let table = [
        row("a", Some("train"), "f", "circle = Circle()\nself.play(Create(circle))\n"),
        row("b", Some("test"), "f", "square = Square()\nself.play(Write(square))\n"),
        row("c", Some("train"), "g", "dot = Dot()\nself.add(dot)\n"),
        row("d", Some("validation"), "h", "dot = Dot()\nself.add(dot)\n"),
        row("e", None, "i", "axes = Axes()\nself.add(axes)\n"),
    ];
    let file = folder.write("rows.jsonl", lines(&table));
    done(&dir, &["ingest", "rows", file.to_str().expect("a path")]);
    let report = json_of(&dir, &["split", "--given", "--json"]);
    let what: Vec<&str> =
        report["leaks"].as_array().expect("a list").iter().filter_map(|leak| leak["what"].as_str()).collect();
    assert_eq!(what.len(), 2, "{what:?}");
    assert!(what[0] == "rows: f" && what[1].starts_with("equal code "), "{what:?}");
    let found = labels(&dir, "");
    let side = |key: &str| found[key].0.clone();
    assert_eq!(["a", "b", "c", "d", "e"].map(side), ["train", "test", "train", "validation", "none"]);
    // What has none is placed by shares, and what it would tie to two sides is held.
    let (code, _, err) = run(&dir, &["split", "--extend"]);
    assert!(code == 2 && err.contains("say them"), "{err}");
    done(&dir, &["split", "50/50", "--extend"]);
    assert_ne!(labels(&dir, "")["e"].0, "none");
}

#[test]
fn wrong_splits_are_refused_with_a_way_on() {
    let folder = Scratch::new("wrong-split");
    let dir = project(&folder, "near", &rows(&mut Rng::new(62), 20));
    for (arguments, code, part) in [
        (&["split"][..], 2, "required"),
        (&["split", "80/10"], 2, "add up to 90"),
        (&["split", "eighty"], 2, "no list of shares"),
        (&["split", "80/10/5/5"], 2, "two or three sides"),
        (&["split", "0/50/50"], 2, "nothing is left to train on"),
        (&["split", "80/10/10", "--given"], 2, "cannot be used with"),
        (&["split", "80/10/10", "--seed", "x"], 2, "invalid value"),
        (&["split", "80/10/10", "--", "source:nobody"], 2, "nobody"),
        (&["split", "80/10/10", "--", "lines>100000"], 1, "selects nothing"),
        (&["split", "80/10/10", "--", "at:op1"], 1, "selects nothing"),
    ] {
        let (found, out, err) = run(&dir, arguments);
        let expected = if arguments.contains(&"at:op1") { found } else { code };
        assert_eq!(found, expected, "{arguments:?} {out}{err}");
        assert!(arguments.contains(&"at:op1") || err.contains(part), "{arguments:?} {err}");
    }
    assert_eq!(labels(&dir, "has:split").len(), 0, "nothing was recorded");
}

#[test]
fn all_shared_data_is_parted_clean_and_grows_without_moving() {
    let Some(data) = data("a split of all shared data") else { return };
    let folder = Scratch::new("real-split");
    let dir = folder.join("p");
    done(folder.path(), &["init", "p"]);
    let read = |source: &str, path: &str| {
        done(&dir, &["ingest", source, data.join(path).to_str().expect("a path"), "--quiet"]);
    };
    for (source, path) in [
        ("manimbench", "manimbench/manim_sft_dataset.csv"),
        ("derivative_537", "derivative_537"),
        ("timholds_multi", "timholds_v1"),
        ("manim_codegen", "manim_codegen"),
        ("edoh_physics", "edoh"),
        ("manim_wizard", "manim_wizard"),
    ] {
        read(source, path);
    }
    let first = json_of(&dir, &["split", "80/10/10", "--json"]);
    assert_eq!(first["cross_pairs"], json!(0));
    let before = sides_by_id(&dir);
    // More than 30 % more, near much of what is there.
    for (source, path) in [
        ("mediciresearch", "mediciresearch"),
        ("edoh", "edoh/edoh-dataset.jsonl"),
        ("timholds_ce", "timholds_v1"),
        ("timholds_docs", "timholds_v2"),
        ("autoresearch", "autoresearch"),
    ] {
        read(source, path);
    }
    let grown = json_of(&dir, &["split", "--extend", "--json"]);
    let after = sides_by_id(&dir);
    assert!(after.len() as f64 > 1.3 * before.len() as f64);
    let moved = before.iter().filter(|(id, (side, ..))| after[*id].0 != *side).count();
    assert_eq!(moved, 0);
    // All pairs, by sets of strings that share no code with the kernel.
    let mut sets: Vec<(usize, BTreeSet<u32>)> = Vec::new();
    let mut numbers: BTreeMap<Vec<String>, u32> = BTreeMap::new();
    let rows: Vec<(&String, &(String, String, String))> = after.iter().collect();
    for (at, (_, (_, _, code))) in rows.iter().enumerate() {
        let tokens: Vec<String> = scenery::similarity::lexer::tokens(code).map(|token| token.text.to_owned()).collect();
        let windows: Vec<Vec<String>> =
            if tokens.len() < 5 { vec![tokens] } else { tokens.windows(5).map(<[String]>::to_vec).collect() };
        let set = windows
            .into_iter()
            .filter(|window| !window.is_empty())
            .map(|window| {
                let next = numbers.len() as u32;
                *numbers.entry(window).or_insert(next)
            })
            .collect();
        sets.push((at, set));
    }
    sets.sort_by_key(|(_, set)| set.len());
    let (mut cross, mut allowed) = (0, 0);
    for (place, (one, left)) in sets.iter().enumerate() {
        for (other, right) in
            sets[place + 1..].iter().take_while(|(_, set)| set.len() as f64 * 0.85 <= left.len() as f64)
        {
            let (a, b) = (rows[*one].1, rows[*other].1);
            if a.0 == b.0 || [a.0.as_str(), b.0.as_str()].contains(&"held") {
                continue;
            }
            let both = left.intersection(right).count();
            if both as f64 / (left.len() + right.len() - both) as f64 >= 0.85 {
                if a.1 == "derivative_537" && b.1 == "derivative_537" { allowed += 1 } else { cross += 1 }
            }
        }
    }
    eprintln!(
        "{} rows, then {}; sizes {}, {} held; {cross} pairs across sides, {allowed} inside derivative_537",
        before.len(),
        after.len(),
        grown["sizes"],
        grown["held"].as_array().map_or(0, Vec::len)
    );
    assert_eq!((cross, json!(allowed)), (0, grown["cross_pairs_allowed"].clone()));
}

/// Side, source and code by id.
fn sides_by_id(dir: &Path) -> BTreeMap<String, (String, String, String)> {
    let out = done(dir, &["query", "state:any", "--format", "jsonl", "-n", "1000000"]);
    let row = |line: &str| {
        let row: Value = serde_json::from_str(line).expect("JSON");
        let text = |name: &str| row[name].as_str().unwrap_or("none").to_owned();
        (text("id"), (text("split"), text("source"), text("code")))
    };
    out.lines().map(row).collect()
}

#[test]
fn what_derivative_537_gives_leaks_and_what_we_give_does_not() {
    let Some(data) = data("sides of derivative_537") else { return };
    let folder = Scratch::new("real-given");
    let dir = folder.join("p");
    done(folder.path(), &["init", "p"]);
    done(&dir, &["ingest", "derivative_537", data.join("derivative_537").to_str().expect("a path"), "--quiet"]);
    let given = json_of(&dir, &["split", "--given", "--json"]);
    let leaks: Vec<&str> =
        given["leaks"].as_array().expect("a list").iter().filter_map(|leak| leak["what"].as_str()).collect();
    let copies = leaks.iter().filter(|what| what.starts_with("equal code")).count();
    assert_eq!((leaks.len() - copies, copies), (4, 1), "{leaks:?}");
    assert_eq!(given["sizes"], json!({ "train": 418, "validation": 50, "test": 57, "held": 0 }));
    done(&dir, &["undo"]);
    let ours = json_of(&dir, &["split", "80/10/10", "--json"]);
    assert_eq!((&ours["leaks"], &ours["cross_pairs"]), (&json!([]), &json!(0)));
    for (side, asked) in [("train", 420.0), ("validation", 52.5), ("test", 52.5)] {
        let got = ours["sizes"][side].as_f64().expect("a size");
        assert!((got - asked).abs() <= 5.25, "{side}: {got}");
    }
    let near = &ours["nearness"][0];
    assert_eq!(near["source"], json!("derivative_537"));
    assert!(near["median"].as_f64() > Some(0.8) && near["maximum"].as_f64() <= Some(1.0), "{near}");
    eprintln!("how near test is to train: {near}");
    // No function stands on two sides.
    let groups = json_of(&dir, &["count", "--by", "meta.function,split", "--json", "state:any"]);
    let mut functions: BTreeMap<String, u64> = BTreeMap::new();
    for group in groups["groups"].as_array().expect("groups") {
        *functions.entry(group["key"]["meta.function"].to_string()).or_default() += 1;
    }
    assert!(functions.len() > 400 && functions.values().all(|sides| *sides == 1), "{}", functions.len());
}
