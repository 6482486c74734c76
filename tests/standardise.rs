//! `standardise`: one form of instruction as a new revision, seen before, undone, kept above what is read later.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::corpus::{Scratch, digests, done, json_of, lines, run};
use crate::real_data::data;

const RECIPE: &str = r#"name = "rows"
title = "Rows of a test"
licence = "MIT"
rank = 3
reader = "table"
description_kind = "human"
key = ["id"]

[fields]
instruction = "question"
code = "answer"

[meta]
function = "function"
terms = "terms"
"#;

fn rows() -> Vec<Value> {
    (0..9)
        .map(|at| {
            let function = ["x^2", "sin(x)", "e^x"][at / 3];
            let question = match at % 3 {
                0 => format!("Draw the derivative of f(x) = {function}"),
                1 => format!("Please animate f(x) = {function}!"),
                _ => format!("Show {function}"),
            };
            json!({
                "id": format!("r{at}"), "question": question, "function": if at == 8 { json!(null) } else { json!(function) },
                "terms": at, "answer": format!("from manim import *\n\n\nclass S{at}(Scene):\n    def construct(self):\n        self.wait({})\n", at / 2),
            })
        })
        .collect()
}

fn project(folder: &Scratch) -> PathBuf {
    let dir = folder.join("p");
    done(folder.path(), &["init", "p"]);
    folder.write("p/sources/rows.toml", RECIPE);
    folder.write("rows.jsonl", lines(&rows()));
    done(&dir, &["ingest", "rows", "../rows.jsonl", "--quiet"]);
    dir
}

const TO: &str = "Generate Manim code for f(x) = {function}";

fn instructions(dir: &std::path::Path) -> Vec<String> {
    let out = done(dir, &["query", "| sort key", "--format", "jsonl", "-n", "100"]);
    out.lines()
        .map(|line| {
            let row: Value = serde_json::from_str(line).expect("JSON");
            row["instruction"].as_str().unwrap_or_default().to_owned()
        })
        .collect()
}

#[test]
fn one_form_is_seen_before_made_shown_and_undone() {
    let folder = Scratch::new("standardise");
    let dir = project(&folder);
    let before = instructions(&dir);
    let files = digests(&dir.join(".scenery"));
    let query = "-key:r8";
    let dry = json_of(&dir, &["standardise", "--to", TO, "--dry-run", "--json", query]);
    assert_eq!((&dry["selected"], &dry["changed"], &dry["op"]), (&json!(8), &json!(8), &json!(null)));
    let text = done(&dir, &["standardise", "--to", TO, "--dry-run", query]);
    assert!(text.contains("would be") && text.contains("Generate Manim code for f(x) = x^2"), "{text}");
    assert_eq!(instructions(&dir), before);
    assert_eq!(digests(&dir.join(".scenery")), files, "a dry run writes nothing");
    let real = json_of(&dir, &["standardise", "--to", TO, "--json", query]);
    assert_eq!((&real["changed"], &real["same"], &real["op"]), (&json!(8), &json!(0), &json!(2)));
    // Three prompts are shared now, by codes that differ but for one pair.
    let repeats = &real["repeats"];
    assert_eq!((&repeats["before"]["samples"], &repeats["after"]["prompts"]), (&json!(0), &json!(3)));
    assert_eq!((&repeats["after"]["samples"], &repeats["after"]["with_other_code"]), (&json!(8), &json!(8)));
    let now = instructions(&dir);
    assert!(now[..3].iter().all(|text| text == "Generate Manim code for f(x) = x^2"), "{now:?}");
    assert_eq!(now[8], "Show e^x");
    let count = |query: &str| json_of(&dir, &["count", query, "--json"])["total"].clone();
    assert_eq!(
        (count("is:edited"), count("generate manim"), count("description.kind:template")),
        (json!(8), json!(8), json!(8))
    );
    // The revision stands in `show` with what it changed, and in `why`.
    let id = scenery::sample::SampleId::new("rows", "r1").to_string();
    let shown = done(&dir, &["show", &id]);
    assert!(shown.contains("the instruction, by op 2 (standardise)"), "{shown}");
    assert!(
        shown.contains("- Please animate f(x) = sin(x)!") || shown.contains("- Please animate f(x) = x^2!"),
        "{shown}"
    );
    assert!(shown.contains("+ Generate Manim code for f(x) = x^2"), "{shown}");
    let json = json_of(&dir, &["show", &id, "--json"]);
    let kinds: Vec<&str> =
        json["revisions"].as_array().expect("a list").iter().filter_map(|each| each["kind"].as_str()).collect();
    assert_eq!(kinds, ["read", "edited"]);
    assert!(done(&dir, &["why", &id]).contains("op 2 (standardise) edited it above what was read"));
    // Facts are those of the new text, as a rebuild has them.
    assert!(done(&dir, &["doctor"]).contains("nothing is wrong") || run(&dir, &["doctor"]).0 == 0);
    let again = json_of(&dir, &["standardise", "--to", TO, "--json", query]);
    assert_eq!((&again["changed"], &again["same"], &again["op"]), (&json!(0), &json!(8), &json!(null)));
    done(&dir, &["undo"]);
    assert_eq!((instructions(&dir), count("is:edited")), (before.clone(), json!(0)));
    assert_eq!(json_of(&dir, &["count", "at:op2 is:edited", "--json"])["total"], json!(8));
    done(&dir, &["undo", "3"]);
    assert_eq!(instructions(&dir), now);
    assert_eq!(run(&dir, &["doctor"]).0, 0);
}

#[test]
fn samples_that_lack_a_value_are_listed_and_stop_it_unless_they_may_stay() {
    let folder = Scratch::new("lacking");
    let dir = project(&folder);
    let before = instructions(&dir);
    for dry in [&[][..], &["--dry-run"]] {
        let (code, out, err) = run(&dir, &[&["standardise", "--to", TO, "source:rows"], dry].concat());
        assert_eq!(code, 1, "{err}");
        assert!(out.contains("rows.jsonl:9") && out.contains("no function"), "{out}");
        assert!(err.contains("1 of 9 samples lack a value for {function}") && err.contains("--skip-missing"), "{err}");
    }
    assert_eq!(instructions(&dir), before);
    let skipped = json_of(&dir, &["standardise", "--to", TO, "--skip-missing", "--json", "source:rows"]);
    assert_eq!((&skipped["changed"], skipped["lacking"].as_array().map(Vec::len)), (&json!(8), Some(1)));
    assert_eq!(instructions(&dir)[8], "Show e^x");
    let (code, _, err) = run(&dir, &["standardise", "--to", TO]);
    assert!(code == 2 && err.contains("name the samples"), "{err}");
}

#[test]
fn values_are_read_out_of_the_present_instruction() {
    let folder = Scratch::new("from");
    let dir = project(&folder);
    let from = r"(?:f\(x\) = |^Show )(?P<function>[^!]+)";
    let to = "{terms}: derive {{f}} = {function}";
    let made = json_of(&dir, &["standardise", "--to", to, "--from", from, "--json", "source:rows"]);
    assert_eq!((&made["changed"], &made["lacking"]), (&json!(9), &json!([])));
    let now = instructions(&dir);
    assert_eq!((now[1].as_str(), now[8].as_str()), ("1: derive {f} = x^2", "8: derive {f} = e^x"));
    done(&dir, &["undo"]);
    // Where the pattern does not match, no column stands in for it.
    let (code, out, _) = run(&dir, &["standardise", "--to", TO, "--from", "^Draw.*= (?P<function>.*)", "source:rows"]);
    assert_eq!((code, out.lines().count()), (1, 7), "{out}");
    for (arguments, says) in [
        (vec!["--to", "{function", "source:rows"], "does not close"),
        (vec!["--to", TO, "--from", "(", "source:rows"], "--from ("),
        (vec!["--to", TO, "--from", "x", "source:rows"], "no named group"),
        (vec!["--to", TO, "--from", "(?P<other>x)", "source:rows"], "no gap `{other}`"),
    ] {
        let (code, _, err) = run(&dir, &[vec!["standardise"], arguments].concat());
        assert!(code == 2 && err.contains(says), "{err}");
    }
}

#[test]
fn an_edit_stays_above_what_is_read_later_and_that_is_said() {
    let folder = Scratch::new("kept");
    let dir = project(&folder);
    done(&dir, &["standardise", "--to", TO, "--skip-missing", "source:rows"]);
    let now = instructions(&dir);
    let mut rows = rows();
    rows[1]["question"] = json!("Draw something else");
    folder.write("rows.jsonl", lines(&rows));
    let (code, out, err) = run(&dir, &["ingest", "rows", "../rows.jsonl"]);
    assert_eq!(code, 0, "{err}");
    assert!(
        out.contains("1 changed") && err.contains("1 samples have other content at their source now"),
        "{out}{err}"
    );
    assert_eq!(instructions(&dir), now);
    let id = scenery::sample::SampleId::new("rows", "r1").to_string();
    let shown = done(&dir, &["show", &id]);
    assert!(shown.contains("- Draw something else") && shown.contains("+ Generate Manim code"), "{shown}");
    assert!(shown.contains("description   template"), "{shown}");
    // What is exported is the edit.
    done(&dir, &["export", "key:r1", "--out", "../out", "--format", "prompt-completion"]);
    let text = std::fs::read_to_string(folder.join("out/train.jsonl")).expect("a file");
    assert!(text.contains("Generate Manim code for f(x) = x^2"), "{text}");
}

#[test]
fn the_seven_forms_of_derivative_537_become_one() {
    let Some(data) = data("derivative_537") else { return };
    let folder = Scratch::new("seven");
    let dir = folder.join("p");
    done(folder.path(), &["init", "p"]);
    let path = data.join("derivative_537");
    done(&dir, &["ingest", "derivative_537", path.to_str().expect("a path"), "--variant", "instruction", "--quiet"]);
    let query = "source:derivative_537";
    let column = json_of(&dir, &["standardise", "--to", TO, "--dry-run", "--json", query]);
    let pattern = json_of(&dir, &["standardise", "--to", TO, "--from", r"f\(x\) = (?P<function>.+)$", "--json", query]);
    for made in [&column, &pattern] {
        assert_eq!((&made["selected"], &made["changed"], &made["lacking"]), (&json!(525), &json!(525), &json!([])));
        assert_eq!(made["repeats"]["after"], column["repeats"]["after"], "both know the same functions");
    }
    eprintln!("{:#}", column["repeats"]);
    let base = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/nn/llama");
    let arguments = ["train", "lint", "--base", base.to_str().expect("a path"), "--max-len", "65536", "--json"];
    let (_, out, err) = run(&dir, &arguments);
    let report: Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {err}"));
    let findings = report["findings"].as_array().expect("a list");
    assert!(findings.iter().all(|finding| finding["code"] != "W10"), "{report:#}");
}
