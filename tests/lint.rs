//! `train show` and `train lint`, over projects, exports and the published files.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::corpus::{Scratch, done, json_of, lines, run};
use crate::real_data::data;

const RECIPE: &str = r#"name = "scenes"
title = "Scenes of a test"
licence = "none-stated"
rank = 3
reader = "table"
description_kind = "human"
key = ["id"]
family = ["group"]
dedup = "exact"

[fields]
instruction = "question"
code = "answer"
level = "level"
split = "side"
"#;

/// Batches so small that few rows are in one.
const BUDGET: &str = "--micro-tokens=512";

fn scene(at: usize) -> String {
    let body: String = (0..3 + at % 5).map(|line| format!("        self.wait({})\n", at * 7 + line)).collect();
    format!(
        "from manim import *\n\n\nclass Scene{at}(Scene):\n    def construct(self):\n        circle{at} = Circle(radius={at})\n        self.play(Create(circle{at}))\n{body}"
    )
}

fn row(at: usize) -> Value {
    // Free text, but for what it is about.
    let mut rng = crate::query_gen::Rng::new(at as u64 + 7);
    let mut word = || format!("{}{}", rng.pick(&["red", "slow", "big", "left", "round", "thin", "new"]), rng.below(30));
    let question = format!("{} {} circle {} {}", word(), word(), word(), word());
    json!({
        "id": format!("r{at}"), "group": format!("g{at}"), "level": if (at / 5).is_multiple_of(2) { "basic" } else { "advanced" },
        "side": if at % 5 == 4 { "test" } else { "train" }, "answer": scene(at),
        "question": question,
    })
}

/// A project whose rows are these.
fn project(folder: &Scratch, name: &str, rows: &[Value]) -> PathBuf {
    let dir = folder.join(name);
    done(folder.path(), &["init", name]);
    folder.write(&format!("{name}/sources/scenes.toml"), RECIPE);
    let table = folder.write(&format!("{name}.jsonl"), lines(rows));
    done(&dir, &["ingest", "scenes", table.to_str().expect("a path"), "--quiet"]);
    dir
}

fn entries(dir: &Path) -> Vec<String> {
    let mut out: Vec<String> = std::fs::read_dir(dir.join(".scenery"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    out.sort();
    out
}

fn codes(report: &Value) -> Vec<String> {
    let findings = report["findings"].as_array().expect("a list");
    findings.iter().map(|finding| finding["code"].as_str().expect("a code").to_owned()).collect()
}

#[test]
fn a_slice_is_linted_and_nothing_is_left_behind() {
    let folder = Scratch::new("lint");
    let rows: Vec<Value> = (0..40).map(row).collect();
    let dir = project(&folder, "p", &rows);
    let before = entries(&dir);
    // An unknown licence stops what leaves, and not what is looked at.
    let (code, ..) = run(&dir, &["export", "--out", "../out"]);
    assert_eq!(code, 1);
    let report = json_of(&dir, &["train", "lint", BUDGET, "--json"]);
    assert_eq!(codes(&report), Vec::<String>::new(), "{report:#}");
    assert_eq!((&report["rows"], &report["sides"]), (&json!(40), &json!({ "test": 8, "train": 32 })));
    assert_eq!((&report["errors"], &report["warnings"]), (&json!(0), &json!(0)));
    assert_eq!(report["clean"].as_array().map(Vec::len), Some(18), "{report:#}");
    assert_eq!(entries(&dir), before);
    let some = json_of(&dir, &["train", "lint", "level:basic", "-split.given:test", BUDGET, "--json"]);
    assert_eq!(some["sides"], json!({ "train": 16 }));
    // A query that cannot be exported says why, and leaves nothing either.
    let (code, _, err) = run(&dir, &["train", "lint", "level:nothing"]);
    assert!(code != 0 && !err.is_empty(), "{err}");
    assert_eq!(entries(&dir), before);
}

#[test]
fn errors_end_with_1_and_are_named_and_can_be_ignored() {
    let folder = Scratch::new("faulty");
    let mut rows: Vec<Value> = (0..40).map(row).collect();
    rows[3]["answer"] = json!(scene(3).replace("(self)", "(self"));
    rows[4]["group"] = json!("g5");
    rows[8]["answer"] = json!(format!("API_KEY = \"q8Zr{}\"\n{}", "T5vLw2Xk9Bn4Jd7Hs3Fp6", scene(8)));
    let dir = project(&folder, "p", &rows);
    let (code, out, err) = run(&dir, &["train", "lint", BUDGET]);
    assert_eq!(code, 1);
    for part in ["E06 family-on-several-sides", "E08 secret", "E09 does-not-parse", "g5", "q8Zr… (25 characters)"] {
        assert!(out.contains(part), "{part}: {out}");
    }
    assert!(!out.contains("T5vLw2"), "a secret is not printed: {out}");
    assert!(err.contains("not fit to train on: E06, E08, E09") && err.contains("3 errors, 0 warnings"), "{err}");
    let (code, out, err) = run(&dir, &["train", "lint", BUDGET, "--json"]);
    assert_eq!(code, 1);
    let report: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((codes(&report), &report["errors"]), (vec!["E06".into(), "E08".into(), "E09".into()], &json!(3)));
    let error: Value = serde_json::from_str(err.lines().last().unwrap_or_default()).expect("JSON");
    assert_eq!(error["error"]["kind"], "lint");
    let finding = &report["findings"][2];
    assert_eq!(finding["rows"][0]["id"].as_str().map(str::len), Some(32));
    assert_eq!((&finding["severity"], &finding["count"]), (&json!("error"), &json!(1)));
    let passed = json_of(&dir, &["train", "lint", BUDGET, "--ignore", "E06,e08", "--ignore", "E09", "--json"]);
    assert_eq!((&passed["ignored"], &passed["findings"]), (&json!(["E06", "E08", "E09"]), &json!([])));
    let (code, _, err) = run(&dir, &["train", "lint", "--ignore", "E7", "--json"]);
    assert_eq!(code, 2);
    let error: Value = serde_json::from_str(err.lines().last().unwrap_or_default()).expect("JSON");
    assert!(error["error"]["message"].as_str().is_some_and(|text| text.contains("E01, E02")), "{error}");
    let list = json_of(&dir, &["train", "lint", "--list", "--json"]);
    assert_eq!(list.as_array().map(Vec::len), Some(18));
}

#[test]
fn an_export_is_linted_as_it_stands_and_refused_where_it_was_edited() {
    let folder = Scratch::new("exported");
    let rows: Vec<Value> = (0..30).map(row).collect();
    let dir = project(&folder, "p", &rows);
    let allow = ["--allow-licence", "none-stated"];
    done(&dir, &[&["export", "--out", "../out", "--format", "alpaca"][..], &allow[..]].concat());
    let out = folder.join("out").display().to_string();
    // No project is needed.
    let report = json_of(folder.path(), &["train", "lint", BUDGET, "--data", &out, "--json"]);
    assert_eq!((codes(&report), &report["rows"]), (Vec::new(), &json!(30)), "{report:#}");
    done(
        &dir,
        &[&["export", "--out", "../fenced", "--format", "sharegpt", "--preset", "manim"][..], &allow[..]].concat(),
    );
    let fenced = folder.join("fenced").display().to_string();
    // Its system sentence has no place in the template: said, and not left out.
    let (code, _, err) = run(folder.path(), &["train", "lint", "--data", &fenced]);
    assert!(code == 1 && err.contains("30 of 30 rows have a system field") && err.contains("chatml"), "{err}");
    for verb in ["show", "plan"] {
        let (code, _, other) = run(folder.path(), &["train", verb, "--data", &fenced]);
        assert!(code == 1 && other.contains("30 of 30 rows have a system field"), "{verb}: {other}");
    }
    let (code, text, err) = run(folder.path(), &["train", "lint", "--data", &fenced, "--template", "chatml"]);
    assert_eq!(code, 1);
    assert!(text.contains("in 30 rows the answer holds") && err.contains("part of the response"), "{text}{err}");
    let (code, _, err) = run(folder.path(), &["train", "lint", "is:valid", "--data", &out]);
    assert!(code == 2 && err.contains("cannot be used with"), "{err}");
    let file = folder.join("out/train.jsonl");
    let text = std::fs::read_to_string(&file).expect("a file");
    std::fs::write(&file, text.replacen("circle", "square", 1)).expect("written");
    let (code, _, err) = run(folder.path(), &["train", "lint", "--data", &out, "--json"]);
    let error: Value = serde_json::from_str(err.lines().last().unwrap_or_default()).expect("JSON");
    assert_eq!((code, &error["error"]["kind"]), (1, &json!("data")));
    assert!(error["error"]["path"].as_str().is_some_and(|path| path.ends_with("train.jsonl")), "{error}");
}

#[test]
fn examples_are_shown_as_a_model_sees_them() {
    let folder = Scratch::new("shown");
    let rows: Vec<Value> = (0..12).map(row).collect();
    let dir = project(&folder, "p", &rows);
    let query = ["train", "show", "level:basic", "| sort id", "-n", "1"];
    let text = done(&dir, &query);
    let (head, asked) = text.split_once("\nwhat generation is given\n").expect("both parts");
    assert!(head.contains("⟦<BOS>Below is an instruction"), "{text}");
    assert!(head.contains("### Response:\n⟧from manim import *") && head.trim_end().ends_with("<EOS>"), "{text}");
    assert!(asked.starts_with("⟦<BOS>Below") && asked.contains("### Response:\n⟧"), "{text}");
    assert!(asked.contains("prefix identical: yes") && !asked.contains("construct"), "{text}");
    let coloured = done(&dir, &[&query[..], &["--color", "always"]].concat());
    assert!(coloured.contains("\u{1b}[2m<BOS>Below") && !coloured.contains('⟦'), "{coloured}");
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/nn/deepseek");
    let base = base.to_str().expect("a path");
    let all = json_of(&dir, &["train", "show", "--base", base, "-n", "3", "--max-len", "40", "--json"]);
    assert_eq!(all.as_array().map(Vec::len), Some(3));
    for shown in all.as_array().expect("a list") {
        let parts = shown["parts"].as_array().expect("a list");
        let count: usize = parts.iter().map(|part| part["ids"].as_array().map_or(0, Vec::len)).sum();
        let tokens = &shown["tokens"];
        assert_eq!(tokens["total"], json!(count));
        assert_eq!(tokens["prompt"].as_u64().unwrap_or(0) + tokens["trained"].as_u64().unwrap_or(0), count as u64);
        assert_eq!((&shown["prefix_identical"], &shown["too_long"]), (&json!(true), &json!(true)));
        assert_eq!((&parts[0]["text"], &parts[0]["special"]), (&json!("<BOS>"), &json!("bos")));
        let code = parts.iter().find(|part| part["field"] == "response").expect("an answer");
        assert!(code["trained"] == json!(true) && code["text"].as_str().is_some_and(|text| text.contains("Circle")));
        assert_eq!(shown["prompt"].as_array().map(Vec::len), Some(parts.len() - 2));
    }
    let long = json_of(
        folder.path(),
        &["-C", "p", "train", "lint", "--base", base, "--max-len", "512", BUDGET, "--ignore", "E05", "--json"],
    );
    assert_eq!(codes(&long), Vec::<String>::new(), "{long:#}");
    // From scratch everything is told by the vocabulary that the run would make, with any template's tokens.
    for template in ["alpaca", "chatml"] {
        let scratch = ["-split.given:test", "--from-scratch", "--vocab", "400", "--template", template, "--json"];
        let lint = json_of(&dir, &[&["train", "lint"][..], &scratch].concat());
        let plan = json_of(&dir, &[&["train", "plan"][..], &scratch, &["--epochs", "1"]].concat());
        let both = |report: &Value| (report["tokens"].clone(), report["trained_tokens"].clone());
        assert_eq!(both(&lint), both(&plan), "{template}");
        let shown = json_of(&dir, &[&["train", "show", "-n", "99"][..], &scratch].concat());
        let longest = shown.as_array().expect("a list").iter().map(|each| each["tokens"]["total"].as_u64()).max();
        assert_eq!(json!(longest), plan["lengths"]["most"], "{template}");
        assert!(shown[0]["parts"][0]["text"] == if template == "chatml" { "<IM_START>" } else { "<BOS>" }, "{shown:#}");
    }
    let (code, _, err) = run(&dir, &["train", "show", "--template", "alpacca"]);
    assert!(code == 2 && err.contains("alpaca"), "{err}");
    let (code, _, err) = run(&dir, &["train", "show", "--base", "nowhere"]);
    assert!(code == 1 && err.contains("nowhere"), "{err}");
}

#[test]
fn unfit_rows_are_named_and_can_be_left_out_by_every_verb() {
    let folder = Scratch::new("unfit");
    let mut rows: Vec<Value> = (0..20).map(row).collect();
    rows[3]["question"] = json!("");
    rows[4]["answer"] = json!(format!("# </s> begins\n{}", scene(4)));
    let dir = project(&folder, "p", &rows);
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/nn/llama");
    let base = base.to_str().expect("a path");
    for verb in ["show", "lint", "plan"] {
        let all: &[&str] = if verb == "show" { &["-n", "99"] } else { &[] };
        let of = |more: &[&str]| run(&dir, &[&["train", verb, "--base", base][..], all, more].concat());
        let (code, _, err) = of(&[]);
        assert!(code == 1 && err.contains("1 of 20 rows have no instruction"), "{verb}: {err}");
        let skip = ["--missing-instruction", "skip"];
        let (code, out, err) = of(&skip);
        assert!(code == 1 && (out + &err).contains("the special token eos"), "{verb}: {err}");
        let (code, _, err) = of(&[&skip[..], &["--special-text", "skip", "--max-len", "4096"]].concat());
        assert_eq!(code, 0, "{verb}: {err}");
        for reason in ["1 rows were left out: no-instruction", "1 rows were left out: special-text"] {
            assert!(err.contains(reason), "{verb}: {err}");
        }
        let (code, _, err) = of(&["--special-text", "drop"]);
        assert!(code == 2 && err.contains("it is error or skip"), "{verb}: {err}");
    }
    // Of several that cannot be encoded every one counts.
    let poor = folder.join("poor");
    std::fs::create_dir(&poor).expect("a folder");
    let tiny = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/nn/tinyllama");
    for name in ["config.json", "tokenizer_config.json", "special_tokens_map.json"] {
        std::fs::copy(tiny.join(name), poor.join(name)).expect("copied");
    }
    let text = std::fs::read_to_string(tiny.join("tokenizer.json")).expect("a tokenizer");
    let mut tokenizer: Value = serde_json::from_str(&text).expect("JSON");
    tokenizer["model"]["byte_fallback"] = json!(false);
    let write =
        |tokenizer: &Value| std::fs::write(poor.join("tokenizer.json"), tokenizer.to_string()).expect("written");
    write(&tokenizer);
    let poor_base = poor.to_str().expect("a path");
    // What the vocabulary lacks is shown, and a warning.
    let ids = ["has:instruction", "--base", poor_base, "--special-text", "skip", "--max-len", "4096"];
    let shown = done(&dir, &[&["train", "show", "-n", "1"][..], &ids].concat());
    assert!(shown.contains("<unk>") && shown.contains("⟧ from manim import *"), "{shown}");
    let lint = json_of(&dir, &[&["train", "lint", BUDGET, "--json"][..], &ids].concat());
    assert_eq!((codes(&lint), &lint["errors"]), (vec!["W16".to_owned()], &json!(0)), "{lint:#}");
    // Without a token for it, such rows cannot be encoded: all are named, and lint ends with 1 after the other checks.
    tokenizer["model"]["unk_token"] = Value::Null;
    write(&tokenizer);
    let (code, _, err) = run(&dir, &[&["train", "show", "-n", "3"][..], &ids].concat());
    assert!(code == 1 && err.contains("3 of 3 rows cannot be encoded"), "{err}");
    let (code, out, err) = run(&dir, &[&["train", "lint", BUDGET, "--json"][..], &ids].concat());
    let lint: Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {err}"));
    assert_eq!(
        (code, codes(&lint), &lint["findings"][0]["count"]),
        (1, vec!["E03".to_owned()], &json!(17)),
        "{lint:#}"
    );
}

#[test]
fn derivative_537_has_four_functions_on_two_sides_one_copy_and_seven_forms() {
    let Some(data) = data("derivative_537") else { return };
    let folder = Scratch::new("derivative");
    let dir = folder.join("p");
    done(folder.path(), &["init", "p"]);
    let path = data.join("derivative_537");
    done(&dir, &["ingest", "derivative_537", path.to_str().expect("a path"), "--variant", "instruction", "--quiet"]);
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/nn/llama");
    let arguments = ["train", "lint", "--base", base.to_str().expect("a path"), "--max-len", "65536", "--json"];
    let (code, out, err) = run(&dir, &arguments);
    assert_eq!(code, 1, "{err}");
    let report: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(report["sides"], json!({ "test": 57, "train": 418, "validation": 50 }));
    assert_eq!(codes(&report), ["E06", "W10", "W12", "W17"]);
    let finding = |code: &str| {
        let all = report["findings"].as_array().expect("a list");
        all.iter().find(|finding| finding["code"] == code).expect("it is found").clone()
    };
    let families = finding("E06")["tables"][0]["rows"].clone();
    let named: Vec<&str> =
        families.as_array().expect("a list").iter().map(|row| row[0].as_str().expect("a family")).collect();
    assert_eq!(named, ["x/sin(x)", "x^2*e^x", "x^2*sin(2*x)", "x^3/e^x"]);
    assert_eq!(finding("E06")["count"], json!(8));
    let forms = finding("W10")["tables"][0].clone();
    assert_eq!(forms["head"], json!(["form", "rows", "%", "train", "validation", "test"]));
    let mut train: Vec<u64> =
        forms["rows"].as_array().expect("a list").iter().map(|row| row[3].as_u64().expect("a count")).collect();
    train.sort_unstable_by(|one, other| other.cmp(one));
    assert_eq!(train, [72, 67, 64, 62, 52, 51, 50]);
    assert!(
        forms["rows"]
            .as_array()
            .expect("a list")
            .iter()
            .all(|row| { row[0].as_str().is_some_and(|form| form.ends_with("f(x) = {…}")) })
    );
    // The one exact copy stands in train and in validation.
    let copies = finding("W12")["tables"][0]["rows"].clone();
    assert_eq!(copies[1], json!(["the same answer to other prompts", 1, 2, 1]));
    let near = finding("W17")["tables"][0]["rows"].clone();
    assert_eq!((&near[0][1], &near[0][2], &near[0][6]), (&json!("validation"), &json!(50), &json!(1.0)));
    assert_eq!((&near[1][1], &near[1][2]), (&json!("test"), &json!(57)));
    eprintln!("{near:#}");
    // The other rendering wraps every instruction in one text.
    done(&dir, &["undo"]);
    done(&dir, &["ingest", "derivative_537", path.to_str().expect("a path"), "--variant", "huggingface", "--quiet"]);
    let (_, out, _) = run(&dir, &arguments);
    let report: Value = serde_json::from_str(&out).expect("JSON");
    assert!(!codes(&report).contains(&"W10".to_owned()), "{report:#}");
}

#[test]
fn no_published_code_is_taken_for_a_secret() {
    let Some(data) = data("all published files") else { return };
    let mut open = vec![data];
    let (mut files, mut found) = (0, Vec::new());
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(&next).expect("a folder") {
            let path = entry.expect("an entry").path();
            let kind = path.extension().and_then(|kind| kind.to_str()).unwrap_or_default();
            if path.is_dir() {
                open.push(path);
            } else if ["json", "jsonl", "csv"].contains(&kind)
                && path.file_name().is_some_and(|name| name != "MANIFEST.json")
            {
                files += 1;
                let text = std::fs::read_to_string(&path).expect("text");
                // Strings of JSON are read as what they say.
                let text = text.replace("\\n", "\n").replace("\\\"", "\"");
                found.extend(
                    scenery::train::lint::scan(&text)
                        .into_iter()
                        .map(|secret| format!("{}: {secret:?}", path.display())),
                );
            }
        }
    }
    assert!(files > 40, "{files} files");
    assert!(found.is_empty(), "{found:#?}");
}
