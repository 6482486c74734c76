//! The command line: stdout, stderr and exit code of each verb, JSON shapes, and what it says to wrong input.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::corpus::{Scratch, digests, done, finished, json_of, run, scenery as command};

const ROWS: &str = r#"{"id":"a","question":"Draw a circle that grows.","answer":"from manim import *\n\n\nclass Grow(Scene):\n    def construct(self):\n        circle = Circle()\n        self.play(Create(circle))\n        self.play(circle.animate.scale(2))\n        self.wait()\n","side":"train"}
{"id":"b","question":"Show a square beside a circle.","answer":"from manim import *\n\n\nclass Pair(Scene):\n    def construct(self):\n        pair = VGroup(Square(), Circle()).arrange(RIGHT)\n        self.play(FadeIn(pair))\n","side":"test"}
{"id":"c","question":"[PENDING_DESCRIPTION] Broken","answer":"from manim import *\n\nclass Broken(Scene:\n    pass\n","side":"train"}
{"id":"d","question":"The derivative of a function, in a fence.","answer":"```python\nfrom manim import *\n\n\nclass Derivative(Scene):\n    def construct(self):\n        formula = MathTex(r\"\\frac{d}{dx} x^2 = 2x\")\n        self.play(Write(formula))\n        self.wait(2)\n```","side":"train"}
{"id":"e","question":"Bad \u001b[31mred\u001b[0m and \u001b]0;title\u0007 text","answer":"print('\u001b[2J')\n","side":"train"}
{"id":"f","question":"Nothing here","answer":null,"side":"train"}
["no", "object"]
"#;

const RECIPE: &str = r#"name = "small"
title = "A few scenes"
licence = "MIT"
rank = 4
reader = "table"
description_kind = "human"
key = ["id"]
expected_rows = 7
get = "it is in the test"

[fields]
instruction = "question"
code = "answer"
split = "side"
"#;

/// A project with a recipe and its table beside it.
fn project(folder: &Scratch) -> PathBuf {
    let project = folder.join("p");
    std::fs::create_dir_all(&project).expect("a folder");
    done(&project, &["init", "."]);
    folder.write("p/sources/small.toml", RECIPE);
    folder.write("small.jsonl", ROWS);
    project
}

fn filled(folder: &Scratch) -> PathBuf {
    let project = project(folder);
    done(&project, &["ingest", "small", "../small.jsonl"]);
    project
}

/// What a command came to, as one text; the folder's own path is left out of it, and what this build has of libtorch.
fn shown(directory: &Path, arguments: &[&str]) -> String {
    let (code, out, err) = run(directory, arguments);
    let text = format!("$ scenery {}\nexit {code}\n--- stdout\n{out}--- stderr\n{err}", arguments.join(" "));
    let above = directory.parent().expect("it has a parent").display().to_string();
    let lines = text.lines().filter(|line| !line.starts_with("libtorch: "));
    lines.map(|line| line.replace(&above, "[DIR]").trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// A text without the milliseconds in it.
fn timeless(text: &str) -> String {
    let column = regex::Regex::new(r"(?m)^( +\d+ +\d* +)\d+\.\d ").expect("a pattern");
    let sentence = regex::Regex::new(r" in \d+\.\d ms").expect("a pattern");
    let text = column.replace_all(text, "$1TIME ").into_owned();
    sentence.replace_all(&text, " in TIME ms").into_owned()
}

fn error_of(directory: &Path, arguments: &[&str]) -> (i32, Value) {
    let (code, out, err) = run(directory, arguments);
    assert_eq!(out, "", "{arguments:?}");
    let line =
        err.lines().find(|line| line.starts_with("{\"error\"")).unwrap_or_else(|| panic!("{arguments:?}: {err}"));
    let error: Value = serde_json::from_str(line).expect("JSON");
    (code, error["error"].clone())
}

fn id(project: &Path, query: &str) -> String {
    let out = done(project, &["query", query, "--format", "ids"]);
    out.lines().next().expect("a row").to_owned()
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().map(|fields| fields.keys().map(String::as_str).collect()).unwrap_or_default()
}

#[test]
fn init_and_ingest() {
    let folder = Scratch::new("cli");
    let empty = folder.join("new");
    std::fs::create_dir_all(&empty).expect("a folder");
    assert_snapshot!("init", shown(&empty, &["init", "."]));
    assert_snapshot!("init_again", shown(&empty, &["init", "."]));
    assert_snapshot!("empty_query", shown(&empty, &["query", "circle"]));
    assert_snapshot!("empty_log", shown(&empty, &["log"]));
    assert_snapshot!("empty_doctor", shown(&empty, &["doctor"]));
    let project = project(&folder);
    assert_snapshot!("ingest", shown(&project, &["ingest", "small", "../small.jsonl"]));
    assert_snapshot!("ingest_again", shown(&project, &["ingest", "small", "../small.jsonl"]));
    assert_snapshot!("sources_rejected", shown(&project, &["sources", "small", "--rejected"]));
    assert_snapshot!("sources_small", shown(&project, &["sources", "small"]));
    assert_snapshot!("log", shown(&project, &["log"]));
    assert_snapshot!("undo", shown(&project, &["undo"]));
    assert_snapshot!("doctor", shown(&project, &["doctor"]));
    assert_snapshot!("rebuild", shown(&project, &["rebuild"]));
    let list = done(&project, &["sources"]);
    for name in ["small", "manimbench", "thanks"] {
        assert!(list.lines().any(|line| line.starts_with(name)), "{list}");
    }
}

#[test]
fn looking() {
    let folder = Scratch::new("cli");
    let project = filled(&folder);
    assert_snapshot!("query_table", shown(&project, &["query", "is:valid", "-tag:x", "| sort lines"]));
    assert_snapshot!(
        "query_csv",
        shown(&project, &["query", "circle", "--format", "csv", "--fields", "plays,split.given"])
    );
    assert_snapshot!(
        "query_jsonl",
        shown(&project, &["query", "uses:Square", "--format", "jsonl", "--fields", "lines,uses"])
    );
    assert_snapshot!("query_json", shown(&project, &["query", "formula", "--format", "json"]));
    assert_snapshot!("query_ids", shown(&project, &["query", "state:any", "--format", "ids"]));
    assert_snapshot!("query_notes", shown(&project, &["query", "circle and square"]));
    assert_snapshot!("query_nothing", shown(&project, &["query", "is:valid zebra"]));
    assert_snapshot!("count", shown(&project, &["count", "is:valid"]));
    assert_snapshot!("count_by", shown(&project, &["count", "--by", "split.given,valid"]));
    assert_snapshot!("count_by_set", shown(&project, &["count", "--by", "uses", "-n", "3"]));
    assert_snapshot!(
        "explain",
        timeless(&shown(&project, &["explain", "uses:Circle", "-is:edited", "or lines>=5", "| sort -lines | take 2"]))
    );
    assert_snapshot!("fields_one", shown(&project, &["fields", "split.given"]));
    let fields = done(&project, &["fields"]);
    for name in ["lines", "uses", "state", "description.kind"] {
        assert!(fields.lines().any(|line| line.starts_with(name)), "{name}: {fields}");
    }
    let show = shown(&project, &["show", &id(&project, "formula")[..8]]);
    let (text, facts) = show.split_once("\nfacts\n").expect("facts");
    assert_snapshot!("show", text);
    assert!(facts.contains("lines") && facts.contains("MathTex") && facts.contains("history"), "{facts}");
    let why = shown(&project, &["why", &id(&project, "formula")[..8]]);
    assert!(why.contains("fence-stripped") && why.contains("exit 0"), "{why}");
    let parts = done(&project, &["why", &id(&project, "formula")[..8], "quality"]);
    assert!(parts.lines().count() > 1, "{parts}");
}

#[test]
fn saving_and_exporting() {
    let folder = Scratch::new("cli");
    let project = filled(&folder);
    assert_snapshot!(
        "save",
        shown(&project, &["save", "round", "uses:Circle", "-is:edited", "--about", "Round things."])
    );
    assert_snapshot!("save_again", shown(&project, &["save", "round", "circle"]));
    let queries = done(&project, &["queries", "--counts"]);
    assert!(
        queries
            .lines()
            .any(|line| line.starts_with("@round") && line.contains(" 2 ") && line.contains("Round things.")),
        "{queries}"
    );
    assert_eq!(
        std::fs::read_to_string(project.join("queries/round.q")).expect("it"),
        "# Round things.\nuses:Circle -is:edited\n"
    );
    assert_snapshot!("export", shown(&project, &["export", "@round", "--out", "out"]));
    assert_snapshot!("export_again", shown(&project, &["export", "@round", "--out", "out"]));
    done(&project, &["export", "--from", "out/manifest.json", "--out", "again"]);
    assert_eq!(digests(&project.join("out")), digests(&project.join("again")));
    // Another directory, time zone and locale.
    let elsewhere = folder.join("elsewhere");
    crate::corpus::copy(&project, &elsewhere);
    let mut other = command(&elsewhere);
    other.env("TZ", "Asia/Kathmandu").env("LC_ALL", "tr_TR.UTF-8").env("SOURCE_DATE_EPOCH", "1893456000");
    let (code, _, err) =
        finished(other.args(["export", "--from", "out/manifest.json", "--out", "third"]).output().expect("it runs"));
    assert_eq!(code, 0, "{err}");
    assert_eq!(digests(&elsewhere.join("third")), digests(&project.join("out")));
    for format in ["messages", "sharegpt", "alpaca", "prompt-completion", "text"] {
        let (code, _, err) = run(&project, &["export", "@round", "--out", &format!("f-{format}"), "--format", format]);
        assert_eq!(code, 0, "{format}: {err}");
    }
    let (code, _, err) = run(&project, &["export", "", "--out", "gaps"]);
    assert!(code == 1 && err.contains("missing-instruction"), "{code} {err}");
    assert!(!project.join("gaps").exists());
}

#[test]
fn a_licence_that_restricts_use_stops_an_export() {
    let folder = Scratch::new("cli");
    let project = project(&folder);
    folder.write("p/sources/small.toml", RECIPE.replace("\"MIT\"", "\"CC-BY-NC-4.0\""));
    done(&project, &["ingest", "small", "../small.jsonl"]);
    assert_snapshot!("export_licence", shown(&project, &["export", "circle", "--out", "out"]));
    assert!(!project.join("out").exists());
    done(&project, &["export", "circle", "--out", "out", "--allow-licence", "CC-BY-NC-4.0"]);
    let manifest = std::fs::read_to_string(project.join("out/manifest.json")).expect("a manifest");
    assert!(manifest.contains("CC-BY-NC-4.0"));
}

#[test]
fn json_has_the_promised_shapes() {
    let folder = Scratch::new("cli");
    let project = project(&folder);
    let report = json_of(&project, &["ingest", "small", "../small.jsonl", "--json"]);
    for name in ["source", "read", "new", "changed", "unchanged", "rejected", "gone", "back", "op"] {
        assert!(report.get(name).is_some(), "{name}: {report}");
    }
    assert_eq!(keys(&report["rejected"]), ["total", "by_reason"]);
    assert_eq!((&report["read"], &report["new"], &report["rejected"]["total"]), (&json!(7), &json!(5), &json!(2)));
    let count = json_of(&project, &["count", "--json", "--by", "split.given"]);
    assert_eq!(keys(&count), ["total", "groups"]);
    assert_eq!(count["groups"][0], json!({ "key": { "split.given": "train" }, "count": 4 }));
    assert_eq!(json_of(&project, &["count", "--json"]), json!({ "total": 5, "groups": [] }));
    let rows = done(&project, &["query", "--format", "jsonl", "--fields", "lines,meta.none,tag,split.given"]);
    for line in rows.lines() {
        let row: Value = serde_json::from_str(line).expect("JSON");
        let wanted = [
            "id",
            "source",
            "locator",
            "state",
            "instruction",
            "code",
            "licence",
            "split",
            "split_given",
            "tags",
            "lines",
            "meta.none",
            "tag",
            "split.given",
        ];
        assert_eq!(keys(&row), wanted);
        assert!(row["meta.none"].is_null() && row["split"].is_null());
    }
    assert_eq!(rows.lines().count(), 5);
    let show = json_of(&project, &["show", &id(&project, "formula"), "--json"]);
    for name in
        ["id", "source", "locator", "state", "revisions", "facts", "cluster", "tags", "history", "licence", "meta"]
    {
        assert!(show.get(name).is_some(), "{name}: {show}");
    }
    assert_eq!(show["revisions"].as_array().map(Vec::len), Some(2));
    let export = json_of(&project, &["export", "circle", "--out", "out", "--json"]);
    for name in ["rows", "files", "manifest"] {
        assert!(export.get(name).is_some(), "{name}: {export}");
    }
    for file in export["files"].as_array().expect("files") {
        let bytes = std::fs::read(project.join("out").join(file["path"].as_str().expect("a path"))).expect("a file");
        assert_eq!(file["bytes"], json!(bytes.len()));
        use sha2::Digest;
        assert_eq!(file["sha256"], json!(scenery::sample::hex(&sha2::Sha256::digest(&bytes))));
        assert!(file.get("rows").is_some());
    }
    for arguments in [
        &["sources", "--json"][..],
        &["sources", "small", "--json"],
        &["sources", "small", "--rejected", "--json"],
        &["fields", "--json"],
        &["queries", "--json"],
        &["log", "--json"],
        &["doctor", "--json"],
        &["explain", "circle", "--json"],
        &["why", &id(&project, "formula"), "--json"],
        &["save", "x", "circle", "--json"],
        &["rebuild", "--json"],
        &["undo", "--json"],
    ] {
        let (code, out, err) = run(&project, arguments);
        assert_eq!((code, err.as_str()), (0, ""), "{arguments:?}");
        serde_json::from_str::<Value>(&out).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {out}"));
    }
    let (code, error) = error_of(&project, &["query", "linez<20", "--json"]);
    assert_eq!(code, 2);
    for name in ["kind", "message", "span", "suggestions"] {
        assert!(error.get(name).is_some(), "{name}: {error}");
    }
    assert_eq!(error["span"][0], json!(0));
    let suggestion = error["suggestions"][0].as_str().expect("a suggestion");
    assert_eq!(run(&project, &["query", suggestion]).0, 0, "{suggestion}");
    let (code, error) = error_of(&project, &["--json", "ingest", "small", "../missing.jsonl"]);
    assert_eq!((code, error["path"].as_str()), (1, Some("../missing.jsonl")));
}

#[test]
fn wrong_input_is_answered() {
    let folder = Scratch::new("cli");
    let project = filled(&folder);
    folder.write("array.json", "[1, 2, 3]");
    folder.write("binary.bin", [0u8, 159, 146, 150, 0, 1, 2].repeat(50));
    folder.write("empty.jsonl", "");
    folder.write("latin.jsonl", b"{\"q\":\"caf\xe9\",\"c\":\"x = 1\"}\n");
    let plain = ["ingest", "--reader", "table", "--field", "code=c", "x"];
    let with =
        |path: &str| -> Vec<String> { plain.iter().map(|word| (*word).to_owned()).chain([path.to_owned()]).collect() };
    let mut cases: Vec<(i32, Vec<String>)> = vec![
        (1, with("../array.json")),
        (1, with("../binary.bin")),
        (1, with("../empty.jsonl")),
        (1, with("../latin.jsonl")),
        (1, with("../missing.jsonl")),
        (1, with("../small.jsonl")),
    ];
    let words = |text: &[&str]| text.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    for (code, arguments) in [
        (2, &["frobnicate"][..]),
        (2, &["query", "--frobnicate"]),
        (2, &["query", "lines=="]),
        (2, &["query", "(circle"]),
        (2, &["query", "source:smal"]),
        (0, &["query", "uses:Circel"]),
        (2, &["query", "circle", "--fields", "linez"]),
        (2, &["count", "--by", "linez"]),
        (2, &["query", "circle | take -1"]),
        (2, &["query", "@nothing"]),
        (1, &["show", "ffffff00"]),
        (1, &["show", "no-id"]),
        (2, &["fields", "linez"]),
        (2, &["ingest", "manimbnech", "../small.jsonl"]),
        (2, &["ingest", "manimbench"]),
        (2, &["ingest", "nowhere"]),
        (2, &["ingest", "--reader", "tabel", "x", "../small.jsonl"]),
        (2, &["ingest", "--reader", "table", "--field", "code", "x", "../small.jsonl"]),
        (2, &["ingest", "--reader", "table", "--field", "instruction=question", "x", "../small.jsonl"]),
        (2, &["ingest", "--rank", "9", "small", "../small.jsonl"]),
        (2, &["ingest", "--rank", "3", "small", "../small.jsonl"]),
        (1, &["undo", "77"]),
        (2, &["save", "bad name", "circle"]),
        (2, &["save", "empty"]),
        (2, &["save", "wrong", "linez<3"]),
        (2, &["export", "circle", "--out", "o", "--format", "parquet"]),
        (2, &["export", "circle", "--out", "o", "--layout", "flat"]),
        (2, &["export", "circle", "--out", "o", "--missing-instruction", "ignore"]),
        (2, &["export", "circle"]),
        (1, &["export", "--from", "nothing.json", "--out", "o"]),
        (1, &["query", "-f", "nothing.q"]),
        (2, &["sources", "nothing"]),
        (2, &["-C", "nowhere", "count"]),
        (2, &["why", "00", "lines"]),
    ] {
        cases.push((code, words(arguments)));
    }
    let before = digests(&project.join(".scenery/index"));
    let mut all = String::new();
    let mut wrong = String::new();
    for (wanted, arguments) in &cases {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let text = shown(&project, &arguments);
        let code = text.lines().nth(1).unwrap_or_default();
        if code != format!("exit {wanted}") && !(arguments[0] == "why" && code == "exit 1") {
            wrong.push_str(&format!("wanted {wanted}: {text}\n\n"));
        }
        assert!(!text.contains("panicked"), "{text}");
        all.push_str(&text);
        all.push_str("\n\n");
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(cases.len() >= 15);
    assert_snapshot!("wrong_input", all);
    assert_eq!(digests(&project.join(".scenery/index")), before, "nothing was changed");
    let outside = folder.join("outside");
    std::fs::create_dir_all(&outside).expect("a folder");
    for arguments in [&["count"][..], &["ingest", "small", "../small.jsonl"], &["doctor"], &["log"]] {
        let (code, _, err) = run(&outside, arguments);
        assert!(code == 3 && err.contains("scenery init"), "{arguments:?}: {code} {err}");
    }
}

#[test]
fn escapes_of_a_terminal_are_never_printed() {
    let folder = Scratch::new("cli");
    let project = filled(&folder);
    let bad = id(&project, "state:any instruction:bad");
    for arguments in [
        &["query", "bad"][..],
        &["show", &bad],
        &["why", &bad],
        &["explain", "\u{1b}[31mred"],
        &["query", "\u{1b}[31mlinez<3"],
        &["show", "\u{1b}[2J"],
        &["sources", "small", "--rejected"],
        &["count", "--by", "locator"],
        &["frob\u{1b}[31m"],
    ] {
        let (_, out, err) = run(&project, arguments);
        let control = |text: &str| text.chars().find(|ch| ch.is_control() && !matches!(ch, '\n' | '\t'));
        assert_eq!((control(&out), control(&err)), (None, None), "{arguments:?}\n{out}{err}");
    }
    // Data for programs is as it was.
    let row: Value = serde_json::from_str(&done(&project, &["query", "bad", "--format", "jsonl"])).expect("JSON");
    assert!(row["instruction"].as_str().is_some_and(|text| text.contains('\u{1b}')));
}

#[test]
fn ids_are_shown_as_short_as_they_can_be() {
    let folder = Scratch::new("cli");
    let project = project(&folder);
    let rows: String = (0..6_000)
        .map(|at| format!("{{\"id\":\"k{at}\",\"question\":\"q {at}\",\"answer\":\"x = {at}\",\"side\":\"train\"}}\n"))
        .collect();
    folder.write("small.jsonl", rows);
    done(&project, &["ingest", "small", "../small.jsonl"]);
    let ids: Vec<String> = done(&project, &["query", "--format", "ids"]).lines().map(str::to_owned).collect();
    assert_eq!(ids.len(), 6_000);
    assert!(ids.is_sorted() && ids.iter().all(|id| id.len() == 32));
    let shortest = |id: &str| {
        (6..32)
            .find(|digits| ids.iter().filter(|each| each.starts_with(&id[..*digits])).count() == 1)
            .expect("a prefix")
    };
    let twins: Vec<&String> = ids.windows(2).filter(|pair| pair[0][..6] == pair[1][..6]).map(|pair| &pair[0]).collect();
    assert!(!twins.is_empty(), "6,000 ids of which no two begin alike: take more");
    for id in twins.iter().copied().chain(ids.iter().step_by(2_000)) {
        let digits = shortest(id);
        let text = done(&project, &["show", id]);
        let head = text.split_whitespace().next().expect("an id");
        assert_eq!(head, &id[..digits], "{id}");
        assert_eq!(run(&project, &["show", head]).0, 0);
    }
    let (code, _, err) = run(&project, &["show", &twins[0][..6]]);
    assert!(code == 1 && err.contains("several ids") && err.contains(&twins[0][..7]), "{err}");
}

#[test]
fn a_closed_pipe_is_no_error() {
    let folder = Scratch::new("cli");
    let project = project(&folder);
    let rows: String = (0..2_000)
        .map(|at| {
            format!(
                "{{\"id\":\"k{at}\",\"question\":\"q {at}\",\"answer\":\"x = {at}\\n\\n\\n\",\"side\":\"train\"}}\n"
            )
        })
        .collect();
    folder.write("small.jsonl", rows);
    done(&project, &["ingest", "small", "../small.jsonl"]);
    for arguments in [
        &["query", "--format", "jsonl"][..],
        &["query", "--format", "csv"],
        &["query", "--format", "ids"],
        &["man"],
        &["completions", "bash"],
        &["--help"],
    ] {
        let mut child =
            command(&project).args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        drop(child.stdout.take());
        let (code, _, err) = finished(child.wait_with_output().expect("it ends"));
        assert_eq!((code, err.as_str()), (0, ""), "{arguments:?}");
    }
}

#[test]
fn a_query_comes_from_arguments_a_file_or_standard_input() {
    use std::io::Write;
    let folder = Scratch::new("cli");
    let project = filled(&folder);
    assert_eq!(done(&project, &["count", "circle", "-square"]), "1\n");
    assert_eq!(done(&project, &["count", "-source:small"]), "0\n");
    assert_eq!(done(&project, &["count", "--", "-square", "circle"]), "1\n");
    assert_eq!(done(&project, &["count"]), "5\n");
    folder.write("p/q.q", "# round and alone\ncircle\n-square\n");
    assert_eq!(done(&project, &["count", "-f", "q.q"]), "1\n");
    let mut child =
        command(&project).args(["count", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
    child.stdin.take().expect("a pipe").write_all(b"circle | take 1\n").expect("written");
    assert_eq!(finished(child.wait_with_output().expect("it ends")), (0, "1\n".to_owned(), String::new()));
    assert_eq!(done(folder.path(), &["-C", "p", "count", "is:valid"]), done(&project, &["count", "is:valid"]));
    let below = project.join("deep/er");
    std::fs::create_dir_all(&below).expect("a folder");
    assert_eq!(done(&below, &["count"]), "5\n");
}

#[test]
fn a_file_is_looked_into_before_it_is_read() {
    let folder = Scratch::new("cli");
    let project = project(&folder);
    assert_snapshot!("preview", shown(&project, &["ingest", "../small.jsonl"]));
    // Under a name that no recipe has.
    std::fs::copy(folder.join("small.jsonl"), folder.join("other.jsonl")).expect("it can be copied");
    let preview = run(&project, &["ingest", "../other.jsonl", "--json"]);
    let value: Value = serde_json::from_str(&preview.1).expect("JSON");
    assert_eq!(preview.0, 2);
    let typed = value["command"].as_str().expect("a command");
    // The command that it shows is one that runs.
    let mut shell = std::process::Command::new("sh");
    let path = format!(
        "{}:{}",
        Path::new(env!("CARGO_BIN_EXE_scenery")).parent().expect("a folder").display(),
        std::env::var("PATH").unwrap_or_default()
    );
    let (code, out, err) =
        finished(shell.args(["-c", typed]).current_dir(&project).env("PATH", path).output().expect("it runs"));
    assert_eq!(code, 0, "{typed}\n{out}{err}");
    assert_snapshot!("how_to_get", shown(&project, &["ingest", "small"]));
}

#[test]
fn completions_and_manual_come_out() {
    let folder = Scratch::new("cli");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let out = done(folder.path(), &["completions", shell]);
        assert!(out.contains("scenery") && out.contains("ingest"), "{shell}");
    }
    let manual = done(folder.path(), &["man"]);
    assert!(manual.contains(".TH") && manual.contains("query"));
    let help = done(folder.path(), &["--help"]);
    for verb in [
        "init",
        "demo",
        "sources",
        "ingest",
        "query",
        "count",
        "show",
        "why",
        "explain",
        "fields",
        "complete",
        "save",
        "queries",
        "export",
        "log",
        "undo",
        "setup",
        "doctor",
        "rebuild",
        "completions",
        "man",
    ] {
        assert!(help.lines().any(|line| line.trim_start().starts_with(&format!("{verb} "))), "{verb}");
        let (code, out, _) = run(folder.path(), &[verb, "--help"]);
        assert!(code == 0 && out.contains("Example") && out.contains(&format!("scenery {verb}")), "{verb}: {out}");
    }
    assert!(done(folder.path(), &["--version"]).starts_with("scenery "));
    let (code, _, err) = run(folder.path(), &[]);
    assert!(code == 2 && err.contains("Usage"), "{err}");
}

#[test]
fn the_demo_does_the_whole_job() {
    let folder = Scratch::new("cli");
    let (code, out, err) = run(folder.path(), &["demo", "--dir", "d"]);
    assert_eq!(code, 0, "{out}{err}");
    for part in ["$ scenery ingest starter", "unchanged", "rejected", "manifest.json", "agree"] {
        assert!(out.contains(part), "{part}: {out}");
    }
    let (calm, again) = (digests(&folder.join("d/exports/calm")), digests(&folder.join("d/exports/calm-again")));
    assert!(calm == again && calm.len() >= 3);
    let (code, _, err) = run(folder.path(), &["demo", "--dir", "d"]);
    assert!(code == 1 && err.contains("--force"), "{err}");
    let done_again = json_of(folder.path(), &["demo", "--dir", "d", "--force", "--json"]);
    assert_eq!(keys(&done_again), ["project", "exports"]);
    assert_eq!(digests(&folder.join("d/exports/calm")), calm, "the same bytes every time");
    folder.write("mine/thesis.tex", "mine");
    let (code, _, _) = run(folder.path(), &["demo", "--dir", "mine", "--force"]);
    assert_eq!(code, 1);
    assert!(folder.join("mine/thesis.tex").is_file());
}
