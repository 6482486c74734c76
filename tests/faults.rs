//! Whatever goes wrong: nothing is lost, nothing is replaced, and the same command again ends as if nothing had been.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use scenery::store::Store;
use serde_json::{Value, json};

use crate::corpus::{
    RECIPE, Scratch, copy, digests, done, finished, json_of, lines, run, scenery as command, table_rows,
};
use crate::query_gen::Rng;

const INGEST: &[&str] = &["ingest", "rows", "../rows.jsonl", "--sync", "--json"];

/// A project with a recipe, beside a table of so many rows; `before` rows of an older table are in it already.
fn prepare(folder: &Scratch, seed: u64, count: usize, before: usize) -> PathBuf {
    let mut rng = Rng::new(seed);
    let mut rows = table_rows(&mut rng, count);
    let project = folder.join("base");
    std::fs::create_dir_all(&project).expect("a folder");
    done(&project, &["init", "."]);
    folder.write("base/sources/rows.toml", RECIPE);
    if before > 0 {
        folder.write("rows.jsonl", lines(&rows[..before]));
        done(&project, INGEST);
        // Some rows change, some go, some are no rows.
        for at in (0..before).step_by(5) {
            rows[at]["answer"] = json!(format!("from manim import *\nx = {at}\n"));
        }
        rows.drain(1..before / 10);
    }
    for at in (7..rows.len()).step_by(40) {
        rows[at]["answer"] = json!(7);
    }
    folder.write("rows.jsonl", lines(&rows));
    project
}

/// The bytes of an export, and what `doctor` says.
fn outcome(project: &Path) -> BTreeMap<String, String> {
    let (code, out, err) = run(project, &["doctor"]);
    assert_eq!(code, 0, "doctor: {out}{err}");
    let arguments = [
        "export",
        "state:any | sort -lines, id",
        "--out",
        "out",
        "--missing-instruction",
        "skip",
        "--format",
        "alpaca",
        "--layout",
        "tree",
        "--overwrite",
    ];
    done(project, &arguments);
    let mut all = digests(&project.join("out"));
    let rows =
        done(project, &["query", "state:any", "--format", "jsonl", "--fields", "lines,quality,level,meta.note,added"]);
    all.insert("rows".to_owned(), rows);
    all
}

/// Runs the ingest and kills it after so long; where it ended by itself, tells how long it took.
fn killed(project: &Path, after: Duration) -> Result<(), Duration> {
    let mut child =
        command(project).args(INGEST).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let begun = Instant::now();
    while begun.elapsed() < after {
        if child.try_wait().expect("it can be asked").is_some() {
            return Err(begun.elapsed());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().expect("it can be killed");
    let status = child.wait().expect("it ends");
    if status.success() { Err(begun.elapsed()) } else { Ok(()) }
}

/// Kills an ingest at so many moments between two parts of its time, one or two times in a row.
fn kill_often(seed: u64, count: usize, before: usize, kills: u32, from: f64) {
    let folder = Scratch::new("kill");
    let base = prepare(&folder, seed, count, before);
    let undisturbed = folder.join("undisturbed");
    copy(&base, &undisturbed);
    let begun = Instant::now();
    let whole: Value = json_of(&undisturbed, INGEST);
    let mut takes = begun.elapsed();
    let wanted = outcome(&undisturbed);
    assert!(whole["rejected"]["total"].as_u64() > Some(0), "{whole}");
    let mut rng = Rng::new(seed + 100);
    let (mut hit, mut open) = (0, 0);
    // A machine that was busier while the whole was timed makes moments late: then the time is taken anew, and more rounds run.
    for round in 0..kills * 3 {
        if round >= kills && hit > 0 && open > 0 {
            break;
        }
        let project = folder.join(&format!("round{round}"));
        copy(&base, &project);
        for time in 0..1 + rng.below(2) {
            let part = from + (1.05 - from) * (rng.below(1000) as f64 / 1000.0);
            match killed(&project, takes.mul_f64(part)) {
                Ok(()) => hit += 1,
                // The second ingest of a round may have nothing left to do, which says nothing of the time of a whole one.
                Err(took) if time == 0 => takes = takes.min(took),
                Err(_) => {}
            }
        }
        // Readers are not troubled by what was left.
        let seen = json_of(&project, &["count", "state:any", "--json"]);
        let ops = json_of(&project, &["log", "--json"]);
        // A kill after the close leaves nothing open; a second ingest above it is another op, with nothing new to do.
        let only = ops.as_array().map(Vec::len) == Some(usize::from(before > 0) + 1);
        let is_open = only && ops[0]["ended"].is_null() && ops[0]["op"].is_u64();
        if is_open {
            open += 1;
            assert_eq!(seen["total"], json!(if before > 0 { before } else { 0 }), "an open op is not seen");
            let (code, _, err) = run(&project, &["doctor"]);
            assert!(code == 1 && err.contains("finding"), "doctor names an open op: {err}");
        }
        let report = json_of(&project, INGEST);
        let sum = ["new", "changed", "unchanged"].iter().filter_map(|name| report[*name].as_u64()).sum::<u64>();
        assert_eq!(report["read"].as_u64(), Some(sum + report["rejected"]["total"].as_u64().unwrap_or(0)));
        if is_open {
            for name in ["read", "new", "changed", "unchanged", "rejected", "gone", "back"] {
                assert_eq!(report[name], whole[name], "{name} of a continued ingest");
            }
        }
        let got = outcome(&project);
        assert_eq!(got, wanted, "round {round}");
        let _ = std::fs::remove_dir_all(&project);
    }
    eprintln!("killed {hit} times within {takes:?}, {open} ops were open");
    assert!(hit > 0 && open > 0, "{hit} kills, {open} open ops: the moments were not spread over the ingest");
}

#[test]
fn a_first_ingest_killed_at_any_moment_ends_as_an_undisturbed_one() {
    kill_often(1, 260, 0, 15, 0.0);
}

#[test]
fn an_ingest_of_changes_killed_at_any_moment_ends_as_an_undisturbed_one() {
    kill_often(2, 260, 160, 15, 0.0);
}

#[test]
fn a_larger_ingest_killed_about_its_close_ends_as_an_undisturbed_one() {
    kill_often(3, 3_000, 600, 5, 0.4);
}

/// A project with an ingest that never ended: killed as soon as its op is open.
fn interrupted(folder: &Scratch) -> PathBuf {
    let project = prepare(folder, 5, 400, 200);
    for _ in 0..200 {
        let mut child =
            command(&project).args(INGEST).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
        let began = loop {
            if child.try_wait().expect("it can be asked").is_some() {
                break false;
            }
            let conn = rusqlite::Connection::open(project.join(".scenery/store.sqlite")).expect("the database");
            let open = conn.query_row("SELECT count(*) FROM op WHERE ended IS NULL", [], |row| row.get::<_, i64>(0));
            if open.is_ok_and(|open| open > 0) {
                break true;
            }
        };
        let _ = child.kill();
        let _ = child.wait();
        let ops = json_of(&project, &["log", "--json"]);
        if began && ops[0]["ended"].is_null() {
            return project;
        }
        done(&project, &["undo"]);
    }
    panic!("the ingest always ended before it could be killed");
}

#[test]
fn an_open_op_keeps_other_writers_off_and_nobody_else() {
    let folder = Scratch::new("open");
    let project = interrupted(&folder);
    assert_eq!(json_of(&project, &["count", "--json"])["total"], json!(200));
    folder.write("other.jsonl", "{\"q\": \"a\", \"c\": \"x = 1\"}\n");
    let other =
        ["ingest", "--reader", "table", "--field", "instruction=q", "--field", "code=c", "other", "../other.jsonl"];
    let (code, out, err) = run(&project, &other);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.contains("scenery ingest rows ../rows.jsonl --sync --json") && err.contains("scenery undo"), "{err}");
    // The same command, said in another way, goes on.
    let copied = folder.join("copied");
    copy(&project, &copied);
    let mut again = command(&copied);
    let (code, _, err) =
        finished(again.args(["--quiet", "ingest", "--sync", "rows", "../rows.jsonl"]).output().expect("it starts"));
    assert_eq!(code, 0, "{err}");
    // Undo takes it back as if it had never been.
    let before: Value = json_of(&project, &["log", "--json"]);
    let undone = json_of(&project, &["undo", "--json"]);
    assert_eq!(undone["undone"], before[0]["op"]);
    let after: Value = json_of(&project, &["log", "--json"]);
    assert_eq!(after.as_array().map(Vec::len), before.as_array().map(|ops| ops.len() - 1));
    assert!(done(&project, &["doctor"]).contains("agree"));
    assert_eq!(json_of(&project, &["count", "--json"])["total"], json!(200));
    done(&project, &other);
}

#[test]
fn an_input_that_changes_before_its_ingest_goes_on_leaves_nothing_of_the_old() {
    let folder = Scratch::new("swap");
    let project = interrupted(&folder);
    let rows = table_rows(&mut Rng::new(77), 40);
    folder.write("rows.jsonl", lines(&rows));
    let report = json_of(&project, INGEST);
    assert_eq!(report["read"], json!(40));
    let fresh = folder.join("fresh");
    copy(&project, &fresh);
    assert!(done(&project, &["doctor"]).contains("agree"));
    let kept = json_of(&project, &["count", "--json"])["total"].as_u64();
    assert_eq!(kept, Some(40), "what is not in the file any more is not kept (--sync)");
}

#[test]
fn one_writer_at_a_time_and_it_says_who() {
    let folder = Scratch::new("lock");
    let project = prepare(&folder, 6, 60, 30);
    let found = scenery::store::Project::find(&project).expect("a project");
    let held = Store::open_for_writing(&found, "`scenery ingest big`, begun at noon").expect("a writer");
    let (code, _, err) = run(&project, INGEST);
    assert_eq!(code, 3);
    assert!(
        err.contains("`scenery ingest big`, begun at noon") && err.contains("try again") && err.contains("process"),
        "{err}"
    );
    let (_, _, err) = run(&project, &["--json", "undo"]);
    let error: Value = serde_json::from_str(&err).expect("JSON");
    assert_eq!(error["error"]["kind"], json!("locked"));
    assert_eq!(json_of(&project, &["count", "--json"])["total"], json!(30), "readers are let in");
    drop(held);
    done(&project, INGEST);
}

#[test]
fn doctor_tells_an_op_that_runs_from_one_that_was_interrupted() {
    let folder = Scratch::new("runs");
    let project = prepare(&folder, 13, 60, 30);
    let found = scenery::store::Project::find(&project).expect("a project");
    let mut held = Store::open_for_writing(&found, "`scenery ingest big`, begun at noon").expect("a writer");
    let arguments = json!({ "command": "scenery ingest big" });
    held.begin(&scenery::store::Begin { verb: "ingest", arguments, now: "2026-06-01T12:00:00Z" }).expect("an op");
    let (code, out, err) = run(&project, &["doctor"]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(err.contains("written by `scenery ingest big`, begun at noon") && !err.contains("interrupted"), "{err}");
    drop(held);
    let (code, out, err) = run(&project, &["doctor"]);
    assert_eq!(code, 1, "{out}{err}");
    assert!(out.contains("was interrupted: `scenery ingest big`") && !(out + &err).contains("rebuild"), "{err}");
}

/// Runs SQL on a project's database behind its back.
fn behind(project: &Path, sql: &str) {
    let conn = rusqlite::Connection::open(project.join(".scenery/store.sqlite")).expect("the database");
    assert!(conn.execute(sql, []).expect("it runs") > 0, "{sql}");
}

#[test]
fn a_project_that_lost_its_database_is_not_one_of_its_parent() {
    let folder = Scratch::new("lost");
    let above = prepare(&folder, 14, 60, 30);
    let inner = above.join("inner");
    std::fs::create_dir_all(inner.join("deeper")).expect("a folder");
    done(&inner, &["init", "."]);
    std::fs::remove_file(inner.join(".scenery/store.sqlite")).expect("removed");
    for (place, arguments) in [(inner.clone(), &["count"][..]), (inner.join("deeper"), &["undo"])] {
        let (code, out, err) = run(&place, arguments);
        assert_eq!((code, out.as_str()), (3, ""), "{err}");
        assert!(err.contains("`.scenery` is here but its store.sqlite is missing"), "{err}");
        assert!(err.contains("restore") && err.contains("scenery init"), "{err}");
    }
    done(&inner, &["init", "."]);
    assert_eq!(done(&inner, &["count"]), "0\n");
}

#[test]
fn damaged_facts_are_made_anew_and_damaged_code_leaves_the_index_alone() {
    let folder = Scratch::new("facts");
    let project = prepare(&folder, 15, 60, 30);
    let ask = || done(&project, &["query", "is:scene or circle", "--format", "ids"]);
    let answer = ask();
    let spoil = "UPDATE fact SET record = x'00' WHERE revision = (SELECT revision FROM sample WHERE row = 1)";
    behind(&project, spoil);
    let (code, out, err) = run(&project, &["doctor"]);
    assert!(code == 1 && out.contains("facts of ") && err.contains("rebuild"), "{out}{err}");
    done(&project, &["rebuild"]);
    assert_eq!(ask(), answer);
    assert!(done(&project, &["doctor"]).contains("agree"));
    // With the index lost as well.
    behind(&project, spoil);
    std::fs::remove_dir_all(project.join(".scenery/index")).expect("removed");
    done(&project, &["rebuild"]);
    assert_eq!(ask(), answer);
    let ops = done(&project, &["log"]);
    behind(&project, "UPDATE revision SET code = x'00', codec = 2 WHERE row = 2");
    let (code, _, err) = run(&project, &["rebuild"]);
    assert_eq!(code, 3, "{err}");
    assert!(err.contains("the code of ") && err.contains("rows.jsonl:"), "{err}");
    assert_eq!((ask(), done(&project, &["log"])), (answer, ops));
    let (code, out, err) = run(&project, &["doctor"]);
    assert!(code == 1 && out.contains("the code of ") && out.contains("rows.jsonl:"), "{out}{err}");
    assert!(!err.contains("rebuild"), "{err}");
    done(&project, INGEST);
}

#[test]
fn what_was_changed_behind_the_back_of_the_index_is_found() {
    let folder = Scratch::new("behind");
    let project = prepare(&folder, 16, 60, 30);
    assert!(done(&project, &["doctor"]).contains("agree"));
    for (sql, undo) in [
        ("UPDATE revision SET instruction = 'zqx' WHERE revision = 4", true),
        ("UPDATE sample SET level = 'zqx'", true),
        ("UPDATE sample SET description_kind = 'reviewed' WHERE row = 3", false),
    ] {
        behind(&project, sql);
        let (code, out, err) = run(&project, &["doctor"]);
        assert!(code == 1 && out.contains("index: other values"), "{sql}: {out}{err}");
        if undo {
            done(&project, &["rebuild"]);
            assert!(done(&project, &["doctor"]).contains("agree"), "{sql}");
        }
    }
}

#[test]
fn a_newer_store_is_refused_and_left_alone() {
    let folder = Scratch::new("newer");
    let project = prepare(&folder, 7, 30, 20);
    let database = project.join(".scenery/store.sqlite");
    rusqlite::Connection::open(&database)
        .expect("the database")
        .pragma_update(None, "user_version", 99)
        .expect("a version");
    let before = std::fs::read(&database).expect("bytes");
    for arguments in [&["count"][..], &["doctor"], &["undo"], &["rebuild"], INGEST] {
        let (code, out, err) = run(&project, arguments);
        assert_eq!((code, out.as_str()), (3, ""), "{arguments:?}: {err}");
        assert!(err.contains("newer scenery") && err.contains("99"), "{err}");
    }
    let (code, _, err) = run(&project, &["init", "."]);
    assert!(code == 1 && err.contains("already"), "{err}");
    assert_eq!(std::fs::read(&database).expect("bytes"), before);
}

#[test]
fn a_damaged_database_is_refused_and_never_replaced() {
    let folder = Scratch::new("damaged");
    let base = prepare(&folder, 8, 300, 200);
    type Damage = fn(&mut Vec<u8>);
    let cases: [(&str, Damage); 5] = [
        ("head", |bytes| bytes[..100].fill(0x5A)),
        ("empty", Vec::clear),
        ("text", |bytes| *bytes = b"this is no database at all\n".to_vec()),
        ("cut", |bytes| bytes.truncate(bytes.len() / 3)),
        ("schema", |bytes| bytes[100..4096].fill(0)),
    ];
    for (name, damage) in cases {
        let project = folder.join(name);
        copy(&base, &project);
        let database = project.join(".scenery/store.sqlite");
        let mut bytes = std::fs::read(&database).expect("bytes");
        damage(&mut bytes);
        std::fs::write(&database, &bytes).expect("written");
        for arguments in [&["query", "circle"][..], &["rebuild"], INGEST, &["doctor"]] {
            let (code, _, err) = run(&project, arguments);
            assert!(matches!(code, 1 | 3), "{name} {arguments:?}: {code} {err}");
            assert!(code == 3 || arguments == ["doctor"], "{name} {arguments:?}: {code} {err}");
            assert!(!err.contains("panicked"), "{name}: {err}");
        }
        let (code, _, _) = run(&project, &["init", "."]);
        assert_eq!(code, 1, "{name}");
        let now = std::fs::read(&database).expect("bytes");
        assert!(now.len() <= bytes.len().max(1), "{name}: {} bytes became {}", bytes.len(), now.len());
        if name != "cut" && name != "schema" {
            assert!(now == bytes, "{name}: the file was changed");
        }
    }
}

#[test]
fn pages_of_rows_that_are_damaged_are_found_by_doctor() {
    let folder = Scratch::new("pages");
    let project = prepare(&folder, 9, 300, 200);
    let database = project.join(".scenery/store.sqlite");
    let mut bytes = std::fs::read(&database).expect("bytes");
    let (from, to) = (bytes.len() / 2, bytes.len() / 2 + 3 * 4096);
    bytes[from..to].fill(0xA5);
    std::fs::write(&database, &bytes).expect("written");
    let (code, out, err) = run(&project, &["doctor"]);
    assert!(code == 1 || code == 3, "{out}{err}");
    assert!(out.contains("database") || err.contains("database"), "{out}{err}");
    assert!(!err.contains("panicked"), "{err}");
}

#[test]
fn an_index_that_is_gone_or_cut_off_is_made_anew() {
    let folder = Scratch::new("index");
    let project = prepare(&folder, 10, 120, 0);
    done(&project, INGEST);
    let ask = || done(&project, &["query", "circle or is:scene | sort -lines", "--format", "ids"]);
    let answer = ask();
    assert!(answer.lines().count() > 5);
    let index = project.join(".scenery/index");
    std::fs::remove_dir_all(&index).expect("removed");
    assert_eq!(ask(), answer, "deleted");
    assert!(index.join("meta.json").is_file());
    std::fs::write(index.join("meta.json"), "{\"segments\": [").expect("written");
    assert_eq!(ask(), answer, "its list is cut off");
    let files = || -> Vec<PathBuf> {
        let mut all: Vec<PathBuf> = std::fs::read_dir(&index)
            .expect("a folder")
            .map(|entry| entry.expect("a file").path())
            .filter(|path| {
                !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
                    && !path.ends_with("meta.json")
            })
            .collect();
        all.sort();
        all
    };
    for at in 0..files().len() {
        let Some(file) = files().get(at).cloned() else { break };
        let bytes = std::fs::read(&file).expect("bytes");
        std::fs::write(&file, &bytes[..bytes.len() / 2]).expect("written");
        assert_eq!(ask(), answer, "{} is cut off", file.display());
    }
    for at in 0..files().len() {
        let Some(file) = files().get(at).cloned() else { break };
        std::fs::remove_file(&file).expect("removed");
        assert_eq!(ask(), answer, "{} is gone", file.display());
    }
    let conn = rusqlite::Connection::open(project.join(".scenery/store.sqlite")).expect("the database");
    conn.execute("DELETE FROM derived WHERE name = 'tags'", []).expect("deleted");
    drop(conn);
    let (code, _, err) = run(&project, &["rebuild"]);
    assert_eq!(code, 0, "{err}");
    assert_eq!(ask(), answer, "a column is gone");
    assert!(done(&project, &["doctor"]).contains("agree"));
}

/// Runs a shell script in a mount namespace of its own; none where the system does not let us.
fn in_namespace(test: &str, script: &str, values: &[(&str, &Path)]) -> Option<(i32, String, String)> {
    let mut probe = std::process::Command::new("unshare");
    let allowed = probe.args(["-m", "true"]).output().is_ok_and(|output| output.status.success());
    if !allowed {
        eprintln!("SKIPPED: {test}: `unshare -m` is not allowed here");
        return None;
    }
    let mut shell = std::process::Command::new("unshare");
    shell
        .args(["-m", "sh", "-ec", script])
        .env("SCENERY", env!("CARGO_BIN_EXE_scenery"))
        .env("SOURCE_DATE_EPOCH", "1767225600");
    for (name, value) in values {
        shell.env(name, value);
    }
    Some(finished(shell.output().expect("it runs")))
}

#[test]
fn a_directory_that_cannot_be_written_can_be_read() {
    let folder = Scratch::new("readonly");
    let project = prepare(&folder, 11, 60, 30);
    let script = r#"mount --bind "$PROJECT" "$PROJECT"
mount -o remount,ro,bind "$PROJECT"
cd "$PROJECT"
"$SCENERY" count || echo "count failed: $?"
"$SCENERY" query circle --format ids >/dev/null || echo "query failed: $?"
"$SCENERY" ingest rows ../rows.jsonl && echo "ingest went through" || echo "ingest: $?"
"$SCENERY" undo && echo "undo went through" || echo "undo: $?""#;
    let Some((code, out, err)) = in_namespace("a read-only directory", script, &[("PROJECT", &project)]) else {
        return;
    };
    assert_eq!(code, 0, "{err}");
    assert_eq!(out, "30\ningest: 3\nundo: 3\n", "{err}");
    assert!(err.to_lowercase().contains("read-only"), "{err}");
    assert_eq!(json_of(&project, &["count", "--json"])["total"], json!(30));
}

#[test]
fn a_full_disk_loses_nothing() {
    let folder = Scratch::new("full");
    let project = prepare(&folder, 12, 900, 100);
    let small = folder.join("small");
    std::fs::create_dir_all(&small).expect("a folder");
    let script = r#"mount -t tmpfs -o size=3m none "$SMALL"
cp -a "$PROJECT/." "$SMALL/"
cd "$SMALL"
head -c 300000 /dev/zero > ballast
while head -c 100000 /dev/zero >> ballast 2>/dev/null; do :; done
truncate -s -150000 ballast
"$SCENERY" ingest rows "$ROWS" --sync && echo "ingest went through" || echo "ingest: $?"
"$SCENERY" count state:any || echo "count failed: $?"
rm ballast
mount -o remount,size=300m "$SMALL"
"$SCENERY" ingest rows "$ROWS" --sync >/dev/null || echo "again: $?"
"$SCENERY" doctor"#;
    let rows = folder.join("rows.jsonl");
    let Some((code, out, err)) =
        in_namespace("a full disk", script, &[("PROJECT", &project), ("SMALL", &small), ("ROWS", &rows)])
    else {
        return;
    };
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.starts_with("ingest: 3\n100\n") && out.contains("agree"), "{out}{err}");
    assert!(!err.contains("panicked"), "{err}");
}
