//! What the command line says of queries: relevance, fields that nothing fills yet, values that nothing has, and notes
//! and errors for programs.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::corpus::{Scratch, done, json_of, run};

const NOTHING_YET: &str = "no sample has `eval.size` yet: there are no evaluations";

fn project(folder: &Scratch) -> PathBuf {
    let project = folder.join("p");
    std::fs::create_dir_all(&project).expect("a folder");
    done(&project, &["init", "."]);
    let row = |id: u32, question: &str, year: Value, body: &str| {
        let code = format!("from manim import *\n\n\nclass A(Scene):\n    def construct(self):\n        {body}\n");
        json!({ "id": id, "q": question, "a": code, "year": year }).to_string()
    };
    let rows = [
        row(1, "Draw a circle, and in the circle another circle.", json!(2019), "self.play(Create(Circle()))"),
        row(2, "Draw a square that turns into a circle and back, twice, slowly.", json!("2021"), "self.wait()"),
        row(3, "Draw a square.", json!(2023.5), "self.play(Create(Square()))"),
        row(4, "Write the sum of a series.", json!("unknown"), "self.play(Write(Text('x')))"),
    ];
    folder.write("t.jsonl", rows.join("\n"));
    folder.write(
        "p/sources/t.toml",
        "name = \"t\"\ntitle = \"A few\"\nlicence = \"MIT\"\nrank = 3\nreader = \"table\"\nkey = [\"id\"]\nmeta = [\"year\"]\n\n[fields]\ninstruction = \"q\"\ncode = \"a\"\n",
    );
    done(&project, &["ingest", "t", "../t.jsonl"]);
    project
}

/// The JSON objects on stderr, one a line: nothing else may stand there.
fn said(project: &Path, arguments: &[&str]) -> (i32, String, Vec<Value>) {
    let (code, out, err) = run(project, arguments);
    let lines = err.lines().map(|line| {
        let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {line}"));
        assert!(value.is_object(), "{line}");
        value
    });
    (code, out, lines.collect())
}

fn notes(project: &Path, query: &str) -> Vec<String> {
    let (code, _, said) = said(project, &["query", query, "--json"]);
    assert_eq!(code, 0, "{query}: {said:?}");
    said.iter().map(|line| line["note"].as_str().unwrap_or_else(|| panic!("{line}")).to_owned()).collect()
}

#[test]
fn relevance_is_shown_where_a_query_orders_by_it_and_exported_never() {
    let folder = Scratch::new("asking");
    let project = project(&folder);
    let rows = json_of(&project, &["query", "circle or square | sort -score", "--fields", "score,lines", "--json"]);
    let rows = rows.as_array().expect("rows");
    let scores: Vec<f64> = rows.iter().map(|row| row["score"].as_f64().expect("a number")).collect();
    assert_eq!(scores.len(), 3);
    assert!(scores.is_sorted_by(|a, b| a >= b) && scores[2] > 0.0, "{scores:?}");
    assert!(scores.iter().all(|score| ((score * 1000.0).round() / 1000.0 - score).abs() < 1e-12), "{scores:?}");
    let table = done(&project, &["query", "circle or square | sort -score", "--fields", "score"]);
    assert!(table.contains(&format!("{:.3}", scores[0])), "{table}");
    let everything = json_of(&project, &["query", "circle or state:any | sort -score", "--fields", "score", "--json"]);
    let last = everything.as_array().and_then(|rows| rows.last()).expect("four rows");
    assert_eq!(last["score"], json!(0.0));

    for query in ["circle", "lines>3", "circle | sort lines"] {
        let (code, out, said) = said(&project, &["query", query, "--fields", "score", "--json"]);
        assert_eq!((code, out.as_str()), (2, ""), "{query}");
        let suggestions = &said.last().expect("an error")["error"]["suggestions"];
        let wanted = if query.starts_with("circle") { json!(["circle | sort -score"]) } else { json!([]) };
        assert_eq!(*suggestions, wanted, "{query}");
    }
    let (code, _, lines) = said(&project, &["count", "circle", "--by", "score", "--json"]);
    assert_eq!((code, lines[0]["error"]["kind"].as_str()), (2, Some("field")));

    done(&project, &["save", "best", "circle | sort -score", "--about", "To look at."]);
    for query in ["circle | sort -score", "@best", "@best | take 2"] {
        let (code, out, said) = said(&project, &["export", query, "--out", "out", "--json"]);
        assert_eq!((code, out.as_str()), (2, ""), "{query}");
        let message = said.last().expect("an error")["error"]["message"].as_str().expect("a sentence").to_owned();
        assert!(message.starts_with("`sort -score` is for looking"), "{message}");
        assert!(!project.join("out").exists());
    }
    assert_eq!(done(&project, &["count", "@best"]).trim(), "2");
}

#[test]
fn fields_that_nothing_fills_are_null_everywhere_and_said_once() {
    let folder = Scratch::new("asking");
    let project = project(&folder);
    let count = |query: &str| done(&project, &["count", query, "--quiet"]).trim().to_owned();
    for (query, rows) in [
        ("eval.size>=3", "0"),
        ("-eval.size>=3", "4"),
        ("-has:validated", "4"),
        ("validated!=run", "0"),
        ("fail.class:t or eval.run:x or dup.of:001122", "0"),
        ("| per validated 1", "1"),
        ("| sample 3 by eval.size", "3"),
    ] {
        assert_eq!(count(query), rows, "{query}");
    }
    let ids = |query: &str| done(&project, &["query", query, "--format", "ids", "--quiet"]);
    assert_eq!(ids("| sort eval.size"), ids(""));
    assert_eq!(ids("| sort -validated"), ids(""));
    assert_eq!(notes(&project, "eval.size>=3 or eval.size<2 | sort eval.size"), [NOTHING_YET]);
    let (_, out, lines) = said(&project, &["count", "--by", "eval.size,valid", "--json"]);
    assert_eq!(lines, [json!({ "note": NOTHING_YET })]);
    let groups: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(groups["groups"], json!([{ "key": { "eval.size": null, "valid": true }, "count": 4 }]));
    let rows = json_of(&project, &["query", "--fields", "fail.class,eval.x", "--json", "--quiet"]);
    assert!(
        rows.as_array()
            .expect("rows")
            .iter()
            .all(|row| row["fail.class"].is_null() && row.get("eval.x") == Some(&Value::Null))
    );
    let fields = json_of(&project, &["fields", "--json"]);
    for name in ["eval.NAME", "fail.class", "validated"] {
        let field = fields.as_array().and_then(|all| all.iter().find(|field| field["name"] == json!(name)));
        let about = field.unwrap_or_else(|| panic!("{name} is not listed"))["about"].as_str().expect("a sentence");
        assert!(about.contains("Nothing fills it yet"), "{about}");
    }
}

#[test]
fn what_nothing_has_is_said() {
    let folder = Scratch::new("asking");
    let project = project(&folder);
    for (query, note) in [
        ("has:level", "no sample has a `level`"),
        ("has:tag", "no sample has a `tag`"),
        ("not (circle or -has:tag)", "no sample has a `tag`"),
        ("has:split", "no sample has a `split`"),
        ("tag:good", "no sample has `tag:good`"),
        ("split:train", "no sample has `split:train`"),
        ("split.given:test", "no sample has `split.given:test`"),
        ("dialect:gl", "no sample has `dialect:gl`"),
        ("state:rejected", "no sample has `state:rejected`"),
        ("is:edited", "no sample is `edited`"),
        ("origin:t", "an origin is a source and a locator, so none is `t`; `origin:t:*` asks for all of a source"),
        ("meta.year>=2030", "no sample here matches `meta.year >= 2030`: `meta.year` goes from 2019 to 2023.5"),
    ] {
        let said = notes(&project, query);
        assert!(said.iter().any(|each| each == note), "{query}: {said:?}");
    }
    for query in [
        "has:instruction",
        "is:valid",
        "is:scene",
        "dialect:ce",
        "state:kept",
        "origin:t:*",
        "has:locator",
        "has:rank",
        "meta.year>2020",
    ] {
        assert_eq!(notes(&project, query), Vec::<String>::new(), "{query}");
    }
}

#[test]
fn numbers_of_a_column_compare_as_numbers() {
    let folder = Scratch::new("asking");
    let project = project(&folder);
    let count = |query: &str| done(&project, &["count", query, "--quiet"]).trim().to_owned();
    for (query, rows) in [
        ("meta.year:2000..2022", "2"),
        ("meta.year:2021..", "2"),
        ("meta.year>=2021 meta.year<2023.5", "1"),
        ("meta.year=2021", "1"),
        ("meta.year!=2021", "3"),
        ("-meta.year:2000..2022", "2"),
        ("meta.year:2021", "1"),
        ("meta.year:unknown", "1"),
    ] {
        assert_eq!(count(query), rows, "{query}");
    }
}

#[test]
fn every_line_for_programs_is_an_object_and_the_error_is_the_last() {
    let folder = Scratch::new("asking");
    let project = project(&folder);
    let (code, out, lines) = said(&project, &["query", "C++ linez<20", "--json"]);
    assert_eq!((code, out.as_str(), lines.len()), (2, "", 1));
    for name in ["kind", "message", "span", "suggestions", "path", "row"] {
        assert!(lines[0]["error"].get(name).is_some(), "{name}");
    }
    // The query is right and noted; what it is asked for is wrong.
    let (code, _, lines) = said(&project, &["query", "C++", "--fields", "linez", "--json"]);
    assert_eq!(code, 2);
    let last = lines.last().expect("an error");
    assert_eq!(last["error"]["suggestions"], json!(["lines"]));
    assert!(lines.len() == 2 && lines[0]["note"].as_str().is_some_and(|note| note.contains("/C\\+\\+/")), "{lines:?}");
    let (_, out, lines) = said(&project, &["count", "C++", "--json"]);
    assert_eq!((out.trim(), lines.len()), (r#"{"total":0,"groups":[]}"#, 1));
    let (_, _, lines) = said(&project, &["--json", "query", "--no-such-flag"]);
    assert!(lines.len() == 1 && lines[0]["error"]["message"].is_string(), "{lines:?}");
    let groups = json_of(&project, &["count", "--by", "scene,duration_exact", "--json"]);
    assert!(groups["groups"].as_array().expect("groups").iter().all(|group| group["key"]["scene"].is_boolean()));
}
