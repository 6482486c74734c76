//! What is ambiguous, misspelt or not allowed is refused or recognised in words that say what to type.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::corpus::{Scratch, digests, done, finished, json_of, run, scenery as command, source};
use scenery::store::{Begin, Project, Store, StoreError};

const NOW: &str = "2026-06-01T12:00:00Z";

const CODE: &str =
    "from manim import *\\n\\n\\nclass A(Scene):\\n    def construct(self):\\n        self.play(Create(Circle()))\\n";

fn project(folder: &Scratch) -> PathBuf {
    let project = folder.join("p");
    std::fs::create_dir_all(&project).expect("a folder");
    done(&project, &["init", "."]);
    project
}

/// What a command says that must end with this code.
fn refused(project: &Path, code: i32, arguments: &[&str]) -> String {
    let (found, _, err) = run(project, arguments);
    assert_eq!(found, code, "{arguments:?}: {err}");
    err
}

fn reasons(project: &Path, source: &str) -> Vec<(String, String, String)> {
    let text = |row: &Value, name: &str| row[name].as_str().expect("a text").to_owned();
    let rows = json_of(project, &["sources", source, "--rejected", "--json"]);
    let rows = rows.as_array().expect("a list").iter();
    rows.map(|row| (text(row, "reason"), text(row, "locator"), text(row, "detail"))).collect()
}

#[test]
fn a_line_that_is_an_array_and_a_name_that_stands_twice_are_rejected_rows() {
    let folder = Scratch::new("refusals");
    let project = project(&folder);
    let plain = ["ingest", "--reader", "table", "--field", "instruction=q", "--field", "code=a", "t", "../t.jsonl"];
    folder.write(
        "t.jsonl",
        format!(
            "[1,2]\n{{\"q\":\"Draw a circle\",\"a\":\"{CODE}\"}}\n{{\"q\":\"Draw\",\"q\":\"Paint\",\"a\":\"{CODE}\"}}\n"
        ),
    );
    let out = done(&project, &plain);
    assert!(out.contains("3 read = 1 new + 2 rejected"), "{out}");
    let found = reasons(&project, "t");
    assert_eq!((found[0].0.as_str(), found[0].1.as_str()), ("not-an-object", "t.jsonl:1"));
    assert_eq!((found[1].0.as_str(), found[1].1.as_str()), ("duplicate-name", "t.jsonl:3"));
    assert!(found[1].2.contains("`q` stands there twice"), "{found:?}");
}

#[test]
fn the_command_that_a_preview_prints_reads_the_file() {
    let folder = Scratch::new("refusals");
    let project = project(&folder);
    // Called as a source of the catalogue, as a repository, and beside the project.
    folder.write("data/manimbench.jsonl", "{\"prompt\":\"circle\",\"completion\":\"x = 1\"}\n");
    folder.write("data/code/a.py", CODE.replace("\\n", "\n"));
    folder.write("data/code/README.md", "# Code\n");
    for (path, name) in [("data/manimbench.jsonl", "manimbench_2"), ("data/code", "code")] {
        let (code, _, err) = run(folder.path(), &["-C", "p", "ingest", path, "--json"]);
        assert_eq!(code, 2, "{err}");
        let error: Value = serde_json::from_str(err.trim()).expect("JSON");
        let typed = error["error"]["suggestions"][0].as_str().expect("a command").to_owned();
        let words: Vec<&str> = typed.split(' ').skip(1).collect();
        let out = done(folder.path(), &words);
        assert!(out.starts_with(&format!("{name}: 1 read = 1 new")), "{typed}: {out}");
    }
    let said = refused(&project, 2, &["ingest", "mine", "../data/code"]);
    assert!(said.contains("scenery ingest --reader python mine ../data/code"), "{said}");
    std::fs::create_dir_all(folder.join("empty")).expect("a folder");
    let said = refused(&project, 1, &["ingest", "../empty"]);
    assert!(said.contains("nothing in it to read"), "{said}");
}

#[test]
fn a_source_without_a_recipe_file_is_read_again_as_it_was() {
    let folder = Scratch::new("refusals");
    let project = project(&folder);
    folder.write("t.jsonl", format!("{{\"q\":\"Draw a circle\",\"a\":\"{CODE}\"}}\n"));
    let first = "ingest --reader table --field instruction=q --field code=a --licence mit mine ../t.jsonl";
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let typed = |text: &str| {
        let words = words(text);
        run(&project, &words.iter().map(String::as_str).collect::<Vec<_>>())
    };
    assert_eq!(typed(first).0, 0);
    for again in ["ingest mine", "ingest mine ../t.jsonl", first] {
        let (code, out, err) = typed(again);
        assert!(code == 0 && out.contains("0 new + 1 unchanged"), "{again}: {out}{err}");
    }
    let (code, _, err) = typed("ingest mine --licence Apache-2.0");
    assert!(code == 0 && err.contains("the licence of mine was MIT and is Apache-2.0 now"), "{err}");
    // What is not said stays; what is said otherwise is said on purpose.
    let (code, _, err) = typed("ingest --field code=a mine ../t.jsonl");
    assert!(code == 2 && err.contains("--field instruction=q") && err.contains("--replace-recipe"), "{err}");
    assert_eq!(typed("ingest --field code=a --replace-recipe mine ../t.jsonl").0, 0);
    let shown = json_of(&project, &["sources", "mine", "--json"]);
    assert_eq!(shown["licence"], json!("Apache-2.0"));
    assert_eq!(shown["read by"], json!("--reader table --field code=a"));
}

#[test]
fn names_fields_licences_and_patterns_are_checked_before_anything_is_read() {
    let folder = Scratch::new("refusals");
    let project = project(&folder);
    folder.write("t.jsonl", format!("{{\"q\":\"Draw a circle\",\"a\":\"{CODE}\"}}\n"));
    for name in ["../x", "", "a b", "é", "X"] {
        let said = refused(&project, 2, &["ingest", "--field", "code=a", name, "../t.jsonl"]);
        assert!(said.contains("is no name for a source"), "{said}");
    }
    let said = refused(&project, 2, &["ingest", "--field", "cod=a", "x", "../t.jsonl"]);
    assert!(said.contains("did you mean code?") && said.contains("meta.NAME"), "{said}");
    for (licence, hint) in [("MITT", "`MIT`"), ("my own!", "LicenseRef-NAME")] {
        let said = refused(&project, 2, &["ingest", "--field", "code=a", "--licence", licence, "x", "../t.jsonl"]);
        assert!(said.contains("is no SPDX expression") && said.contains(hint), "{said}");
    }
    for path in ["../nope.jsonl", "../nope/"] {
        let said = refused(&project, 1, &["ingest", path]);
        assert!(said.contains("there is no such file or folder"), "{said}");
        let said = refused(&project, 1, &["ingest", "x", path]);
        assert!(said.contains("there is no such file or folder"), "{said}");
    }
    let head = "name = \"own\"\nlicence = \"MIT\"\nrank = 3\nreader = \"python\"\n";
    folder.write("p/sources/own.toml", format!("{head}include = [\"[a.py\"]\n"));
    let said = refused(&project, 1, &["ingest", "own", ".."]);
    assert!(said.contains("own.toml:5:11") && said.contains("`[` is not closed"), "{said}");
    folder.write("p/sources/own.toml", head.replace("MIT", "CC-BY-NC-SA-4"));
    let said = refused(&project, 1, &["ingest", "own", ".."]);
    assert!(said.contains("own.toml:2:11") && said.contains("CC-BY-NC-SA-4.0"), "{said}");
}

#[test]
fn a_saved_query_that_cannot_be_read_or_comes_back_to_itself_says_so() {
    let folder = Scratch::new("refusals");
    let project = project(&folder);
    // One of a name that is built in, too: it is not passed over for that one.
    for name in ["bad", "broken"] {
        folder.write(&format!("p/queries/{name}.q"), b"lines:3\n\xff\xfe");
        let said = refused(&project, 2, &["query", &format!("@{name}")]);
        assert!(said.contains(&format!("queries/{name}.q: byte 9 (line 2) is not UTF-8")), "{said}");
    }
    let (code, out, err) = run(&project, &["queries"]);
    assert!(code == 0 && out.contains("@calculus") && err.contains("queries/bad.q is left out"), "{err}");
    assert_eq!(done(&project, &["count"]), "0\n");
    done(&project, &["save", "one", "lines:3"]);
    done(&project, &["save", "two", "@one"]);
    let said = refused(&project, 2, &["save", "--force", "one", "@two or lines:4"]);
    assert!(said.contains("@two → @one → @two"), "{said}");
    let said = refused(&project, 2, &["save", "new", "@new"]);
    assert!(said.contains("@new → @new"), "{said}");
    assert_eq!(std::fs::read_to_string(project.join("queries/one.q")).expect("it"), "lines:3\n");
}

#[test]
fn errors_as_json_have_the_same_keys_whatever_they_are_about() {
    let folder = Scratch::new("refusals");
    let project = project(&folder);
    let outside = folder.join("outside");
    std::fs::create_dir_all(&outside).expect("a folder");
    let cases: &[(&Path, &[&str], &str)] = &[
        (&project, &["query", "linez:3"], "lines:3"),
        (&project, &["fields", "linez"], "lines"),
        (&project, &["quer", "x"], "query"),
        (&project, &["sources", "manimbnech"], "manimbench"),
        (&project, &["ingest", "manimbnech", "."], "manimbench"),
        (&project, &["export", "x", "--out", "o", "--format", "mesages"], "messages"),
        (&project, &["show", "ffffff"], ""),
        (&project, &["undo", "9"], ""),
        (&outside, &["count"], "scenery init"),
    ];
    for (directory, arguments, suggestion) in cases {
        let (code, _, err) = finished(command(directory).arg("--json").args(*arguments).output().expect("it runs"));
        let error: Value = serde_json::from_str(err.trim()).unwrap_or_else(|_| panic!("{arguments:?}: {err}"));
        for name in ["kind", "message", "span", "suggestions", "path", "row"] {
            assert!(error["error"].get(name).is_some(), "{arguments:?}: no {name}: {err}");
        }
        let suggestions = error["error"]["suggestions"].as_array().expect("a list");
        assert!(code > 0 && (suggestion.is_empty() || suggestions.contains(&json!(suggestion))), "{err}");
    }
}

#[test]
fn a_time_that_is_none_is_refused() {
    let folder = Scratch::new("refusals");
    let project = project(&folder);
    for text in ["abc", "-5", "1.5", "99999999999999"] {
        let output = command(&project).env("SOURCE_DATE_EPOCH", text).arg("count").output().expect("it runs");
        let (code, _, err) = finished(output);
        assert!(code == 2 && err.contains("SOURCE_DATE_EPOCH") && err.contains(text), "{err}");
    }
    let output = command(&project).env("SOURCE_DATE_EPOCH", "").arg("count").output().expect("it runs");
    assert_eq!(finished(output).0, 0);
}

#[test]
fn a_manifest_that_was_edited_is_refused() {
    let folder = Scratch::new("refusals");
    let project = project(&folder);
    folder.write("t.jsonl", format!("{{\"q\":\"Draw a circle\",\"a\":\"{CODE}\"}}\n"));
    done(
        &project,
        &["ingest", "--field", "instruction=q", "--field", "code=a", "--licence", "MIT", "mine", "../t.jsonl"],
    );
    done(&project, &["export", "is:valid", "--out", "out"]);
    let manifest = std::fs::read_to_string(project.join("out/manifest.json")).expect("a manifest");
    for (was, becomes) in [
        ("\"typed\": \"is:valid\"", "\"typed\": \"lines:0..\""),
        ("\"special_text\": \"error\"", "\"special_text\": \"skip\""),
        ("\"allowed_licences\": []", "\"allowed_licences\": [\"MIT\"]"),
        ("\"rows\": 1,", "\"rows\": 2,"),
    ] {
        assert!(manifest.contains(was), "{was}: {manifest}");
        std::fs::write(project.join("edited.json"), manifest.replace(was, becomes)).expect("a file");
        let said = refused(&project, 1, &["export", "--from", "edited.json", "--out", "again"]);
        assert!(said.contains("edited.json: it was edited"), "{said}");
        assert!(!project.join("again").exists());
    }
    done(&project, &["export", "--from", "out/manifest.json", "--out", "again"]);
    assert_eq!(digests(&project.join("again")), digests(&project.join("out")));
}

#[test]
fn what_a_database_left_is_not_mixed_into_a_new_one() {
    let folder = Scratch::new("refusals");
    let project = project(&folder);
    let store = project.join(".scenery");
    let page = std::fs::read(store.join("store.sqlite")).expect("a database");
    std::fs::remove_file(store.join("store.sqlite")).expect("removed");
    for left in ["store.sqlite-wal", "store.sqlite-shm"] {
        std::fs::write(store.join(left), &page).expect("a file");
    }
    let held = Project { root: project.clone() };
    done(&project, &["init", "."]);
    assert_eq!(done(&project, &["count"]), "0\n");
    done(&project, &["doctor"]);
    let _writer = Store::open_for_writing(&held, "a test").expect("a store");
    std::fs::remove_file(store.join("store.sqlite")).expect("removed");
    assert!(matches!(Project::init(&project), Err(StoreError::Locked { .. })), "somebody still writes there");
}

#[test]
fn a_source_of_an_op_that_never_closed_is_not_there_yet() {
    let folder = Scratch::new("refusals");
    let project = Project::init(&folder.join("p")).expect("a project");
    let mut store = Store::open_for_writing(&project, "a test").expect("a store");
    let begin = |arguments| Begin { verb: "ingest", arguments, now: NOW };
    let record = source("one", "MIT", 3, &[], None);
    let op = store.begin(&begin(json!({ "source": "one", "paths": ["/a"] }))).expect("an op");
    store.put_source(&record).expect("a source");
    assert_eq!((store.sources().expect("sources"), store.source("one").expect("a source")), (vec![], None));
    assert_eq!(store.last_paths("one").expect("paths"), Vec::<String>::new());
    store.close(op, &json!({}), NOW).expect("closed");
    assert_eq!(store.source("one").expect("a source"), Some(record.clone()));
    let again = store.begin(&begin(json!({ "source": "one", "paths": ["/b"] }))).expect("an op");
    store.put_source(&source("one", "CC0-1.0", 3, &[], None)).expect("a source");
    assert_eq!(store.sources().expect("sources"), [record]);
    assert_eq!(store.last_paths("one").expect("paths"), ["/a"]);
    store.close(again, &json!({}), NOW).expect("closed");
    assert_eq!(store.last_paths("one").expect("paths"), ["/b"]);
}

#[test]
fn a_thousand_notes_are_not_printed() {
    let folder = Scratch::new("refusals");
    let project = project(&folder);
    for at in 0..40 {
        folder.write(
            &format!("many/{at}.json"),
            format!("{{\"train\": [{{\"q\":\"Draw {at} circles\",\"a\":\"{CODE}\"}}], \"v{at}\": 1}}"),
        );
    }
    let (code, _, err) = run(&project, &["ingest", "--field", "code=a", "many", "../many"]);
    assert_eq!(code, 0, "{err}");
    assert!(err.lines().count() < 12 && err.contains("notes more; `scenery log --json` has all of them"), "{err}");
    let log = json_of(&project, &["log", "--json"]);
    assert!(log[0]["summary"]["notes"].as_array().is_some_and(|notes| notes.len() >= 40), "{log}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_project_of_somebody_else_can_be_asked_and_says_whose_it_is() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::process::CommandExt;
    let folder = Scratch::new("refusals");
    let project = project(&folder);
    folder.write("t.jsonl", format!("{{\"q\":\"Draw a circle\",\"a\":\"{CODE}\"}}\n"));
    let owned = ["ingest", "--field", "instruction=q", "--field", "code=a", "--licence", "MIT", "mine", "../t.jsonl"];
    done(&project, &owned);
    if std::fs::metadata(&project).expect("it is there").uid() != 0 {
        println!("SKIPPED: another user can only be had by root");
        return;
    }
    let program = folder.join("scenery");
    std::fs::copy(env!("CARGO_BIN_EXE_scenery"), &program).expect("a copy");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("they are set");
    let free = folder.join("free");
    std::fs::create_dir_all(&free).expect("a folder");
    std::fs::set_permissions(&free, std::fs::Permissions::from_mode(0o777)).expect("they are set");
    let out = free.join("out").display().to_string();
    let nobody = |arguments: &[&str]| {
        let mut command = std::process::Command::new(&program);
        finished(command.uid(65534).gid(65534).current_dir(&project).args(arguments).output().expect("it runs"))
    };
    for arguments in [&["count"][..], &["query", "circle"], &["sources", "mine"], &["doctor"], &["log"]] {
        let (code, _, err) = nobody(arguments);
        assert_eq!(code, 0, "{arguments:?}: {err}");
    }
    assert_eq!(nobody(&["export", "is:valid", "--out", &out]).0, 0);
    for arguments in [&["ingest", "mine"][..], &["undo"], &["rebuild"], &["save", "x", "lines:3"]] {
        let (code, _, err) = nobody(arguments);
        assert!(code == 3 && err.contains("it belongs to root"), "{arguments:?}: {code} {err}");
    }
}

#[test]
fn a_query_file_is_read_as_its_text_and_never_as_nothing() {
    let folder = Scratch::new("refusals");
    let project = project(&folder);
    folder.write("t.jsonl", format!("{{\"q\":\"Draw a circle\",\"a\":\"{CODE}\"}}\n"));
    done(
        &project,
        &["ingest", "--reader", "table", "--field", "instruction=q", "--field", "code=a", "t", "../t.jsonl"],
    );
    for name in ["../q.q", "queries/marked.q"] {
        folder.write(&format!("p/{name}"), "\u{feff}lines:1..\n");
    }
    assert_eq!(done(&project, &["count", "-f", "../q.q"]).trim(), "1");
    assert_eq!(done(&project, &["count", "@marked"]).trim(), "1");
    folder.write("p/queries/nothing.q", "# only a comment\n\n");
    assert!(refused(&project, 2, &["count", "@nothing"]).contains("holds no query"));
    assert!(refused(&project, 2, &["count", "-f", "queries/nothing.q"]).contains("select every row"));
}
