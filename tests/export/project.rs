//! Exports of a project: what its saved queries, its settings and its folders have to do with them.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::corpus::{Scratch, digests, done, json_of, run, scenery as command};

const ROWS: &str = r#"{"q":"Draw a circle","a":"from manim import *\n\n\nclass A(Scene):\n    def construct(self):\n        self.play(Create(Circle()))\n"}
{"q":"Draw a square","a":"from manim import *\n\n\nclass B(Scene):\n    def construct(self):\n        self.play(Create(Square()))\n        self.wait()\n"}
"#;

fn project(folder: &Scratch, name: &str) -> PathBuf {
    let project = folder.join(name);
    std::fs::create_dir_all(&project).expect("a folder");
    folder.write("t.jsonl", ROWS);
    done(&project, &["init", "."]);
    let read = ["ingest", "--field", "instruction=q", "--field", "code=a", "--licence", "MIT", "mine", "../t.jsonl"];
    done(&project, &read);
    project
}

/// What a command says that must end with this code.
fn refused(project: &Path, code: i32, arguments: &[&str]) -> String {
    let (found, _, err) = run(project, arguments);
    assert_eq!(found, code, "{arguments:?}: {err}");
    err
}

#[test]
fn a_manifest_repeats_its_export_without_the_saved_queries_that_it_used() {
    let folder = Scratch::new("export");
    let (one, two) = (project(&folder, "one"), project(&folder, "two"));
    done(&one, &["save", "round", "uses:Circle -@broken", "--about", "What is round."]);
    done(&one, &["save", "s1", "@round is:valid"]);
    done(&one, &["save", "unused", "lines:1"]);
    done(&one, &["export", "@s1", "--out", "es"]);
    let text = std::fs::read_to_string(one.join("es/manifest.json")).expect("a manifest");
    let manifest: Value = serde_json::from_str(&text).expect("JSON");
    let saved = manifest["query"]["saved"].as_object().expect("texts");
    assert_eq!(saved.keys().collect::<Vec<_>>(), ["broken", "round", "s1"]);
    assert_eq!(saved["round"], "# What is round.\nuses:Circle -@broken\n");
    // Another query of the same name there is not the one that is meant.
    done(&two, &["save", "round", "uses:Square"]);
    done(&two, &["export", "--from", "../one/es/manifest.json", "--out", "again"]);
    assert_eq!(digests(&one.join("es")), digests(&two.join("again")));
    // The text is under the digest of the manifest.
    folder.write("edited.json", text.replace("uses:Circle -@broken", "uses:Square -@broken"));
    let said = refused(&two, 1, &["export", "--from", "../edited.json", "--out", "third"]);
    assert!(said.contains("it was edited"), "{said}");
    done(&one, &["export", "uses:Circle", "--out", "plain"]);
    let plain = std::fs::read_to_string(one.join("plain/manifest.json")).expect("a manifest");
    assert!(!plain.contains("\"saved\""), "{plain}");
}

#[test]
fn a_licence_that_is_allowed_and_not_there_is_said() {
    let folder = Scratch::new("export");
    let project = project(&folder, "p");
    let said = refused(&project, 2, &["export", "uses:Circle", "--out", "o", "--allow-licence", "BOGUS"]);
    assert!(said.contains("--allow-licence BOGUS") && said.contains("no SPDX expression"), "{said}");
    assert!(!project.join("o").exists());
    for licence in ["CC-BY-NC-4.0", "LicenseRef-own", "none-stated"] {
        let arguments = ["export", "uses:Circle", "--out", "o", "--overwrite", "--allow-licence", licence];
        let (code, _, err) = run(&project, &arguments);
        assert!(code == 0 && err.contains(&format!("--allow-licence {licence} allowed nothing")), "{code} {err}");
    }
    let (code, _, err) = run(&project, &["export", "uses:Circle", "--out", "m", "--allow-licence", "mit"]);
    assert!(code == 0 && !err.contains("allowed nothing"), "{err}");
}

#[test]
fn licences_that_the_project_denies_stop_an_export() {
    let folder = Scratch::new("export");
    let project = project(&folder, "p");
    done(&project, &["export", "uses:Circle", "--out", "before"]);
    let export = ["export", "uses:Circle", "--out", "out"];
    folder.write("p/scenery.toml", "# ours\ndeny_licences = [\"mit\", \"GPL-3.0-only\"]\n");
    for arguments in [&export[..], &["export", "--from", "before/manifest.json", "--out", "out"]] {
        let said = refused(&project, 1, &[arguments, &["--overwrite"]].concat());
        assert!(said.contains("on the deny list") && said.contains("--allow-licence MIT"), "{said}");
        let (code, _, err) = run(&project, &[arguments, &["--overwrite", "--allow-licence", "MIT"]].concat());
        assert_eq!(code, 0, "{err}");
        let manifest: Value =
            serde_json::from_slice(&std::fs::read(project.join("out/manifest.json")).expect("it")).expect("a manifest");
        assert_eq!(manifest["options"]["deny_licences"], serde_json::json!(["GPL-3.0-only", "MIT"]));
        assert_eq!(manifest["allowed_licences"], serde_json::json!(["MIT"]));
    }
    // What denies no row here leaves a repeated export as it was.
    folder.write("p/scenery.toml", "deny_licences = [\"GPL-3.0-only\"]\n");
    done(&project, &["export", "--from", "before/manifest.json", "--out", "after"]);
    assert_eq!(digests(&project.join("before")), digests(&project.join("after")));
    for (text, at) in [
        ("\ndeny_licences = [\"MIT\"\n", "scenery.toml:"),
        ("\ndeny_licenses = [\"MIT\"]\n", "scenery.toml:2:1: unknown field"),
        ("deny_licences = \"MIT\"\n", "scenery.toml:1:17"),
        ("deny_licences = [\n\"MITT\"]\n", "scenery.toml:2:1: deny_licences: `MITT` is no SPDX"),
    ] {
        folder.write("p/scenery.toml", text);
        let said = refused(&project, 2, &export);
        assert!(said.contains(at), "{said}");
    }
    let (code, _, err) = run(&project, &["export", "circle", "--out", "o", "--json"]);
    let error: Value = serde_json::from_str(err.trim()).expect("JSON");
    assert!(code == 2 && error["error"]["kind"] == "settings", "{err}");
    assert!(error["error"]["path"].as_str().is_some_and(|path| path.ends_with("p/scenery.toml")), "{err}");
}

#[test]
fn names_of_files_do_not_reach_the_terminal_raw() {
    let folder = Scratch::new("export");
    let project = project(&folder, "p");
    folder.write("ex\u{1b}[31m\n.jsonl", ROWS);
    let file = "../ex\u{1b}[31m\n.jsonl";
    for arguments in [
        &["export", "uses:Circle", "--out", "ex\u{1b}[31m"][..],
        &["ingest", file],
        &["ingest", "--field", "instruction=q", "--field", "code=a", "--licence", "MIT", "other", file],
        &["ingest", "other"],
    ] {
        let (_, out, err) = run(&project, arguments);
        let control = |text: &str| text.chars().find(|ch| ch.is_control() && !matches!(ch, '\n' | '\t'));
        assert_eq!((control(&out), control(&err)), (None, None), "{arguments:?}\n{out}{err}");
    }
    assert!(done(&project, &["export", "uses:Circle", "--out", "a\u{1b}[31m\n"]).contains("  a␛[31m␊/train.jsonl\n"));
    assert!(run(&project, &["ingest", file]).1.contains("'../ex␛[31m␊.jsonl'"));
}

#[test]
fn words_that_are_not_known_end_with_the_code_of_the_command_line() {
    let folder = Scratch::new("export");
    let project = project(&folder, "p");
    let error = |code: i32, arguments: &[&str]| {
        let said = refused(&project, code, &[&["--json"], arguments].concat());
        let error: Value = serde_json::from_str(said.trim()).expect("JSON");
        error["error"].clone()
    };
    let template = ["export", "uses:Circle", "--out", "o", "--format", "text", "--template", "alpacca"];
    let found = error(2, &template);
    assert_eq!((&found["kind"], &found["suggestions"][0]), (&"option".into(), &"alpaca".into()));
    assert_eq!(error(2, &["count", "--by", "code"])["kind"], "field");
    assert_eq!(error(2, &["count", "--by", "lines,instruction"])["kind"], "field");
    let found = error(2, &["ingest", "mine", "--variant", "nosuch"]);
    assert!(found["message"].as_str().is_some_and(|text| text.contains("no variant `nosuch`")), "{found}");
    assert_eq!(error(1, &["export", "--from", "nosuch.json", "--out", "o"])["path"], "nosuch.json");
    done(&project, &["export", "uses:Circle", "--out", "o"]);
    let found = error(1, &["export", "uses:Circle", "--out", "o"]);
    assert!(found["path"].as_str().is_some_and(|path| path.ends_with("/o")), "{found}");
}

#[test]
fn an_export_does_not_go_into_the_folders_of_the_project() {
    let folder = Scratch::new("export");
    let project = project(&folder, "p");
    let own = || ["queries", ".scenery/index"].map(|name| digests(&project.join(name)));
    let before = own();
    for out in [".scenery/out", ".scenery", "queries/out", "queries", "new/../queries/out", "../p/.scenery/index/a"] {
        let said = refused(&project, 2, &["export", "uses:Circle", "--out", out, "--overwrite"]);
        assert!(said.contains("belongs to the project itself"), "{said}");
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(project.join("queries"), folder.join("link")).expect("a link");
        refused(&project, 2, &["export", "uses:Circle", "--out", "../link/out"]);
    }
    let outside = command(folder.path()).args(["-C", "p", "export", "uses:Circle", "-o", "p/queries/x"]).output();
    assert_eq!(outside.expect("it runs").status.code(), Some(2));
    assert_eq!(own(), before);
    assert!(json_of(&project, &["export", "uses:Circle", "--out", "queries-out", "--json"])["rows"].is_object());
}
