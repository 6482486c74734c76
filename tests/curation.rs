//! What people decide: tags, rejections, restorations, what is forgotten for good, and decisions as a file.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use scenery::curate;
use scenery::store::{Project, Store, codec};
use serde_json::{Value, json};

use crate::corpus::{RECIPE, Scratch, change, copy, done, json_of, lines, run, scenery as command, table_rows};
use crate::query_gen::Rng;

const INGEST: &[&str] = &["ingest", "rows", "../rows.jsonl", "--json"];

/// A project with rows, of which every fourth is a copy of the one before it.
fn prepare(folder: &Scratch, name: &str, count: usize) -> (PathBuf, Vec<Value>) {
    let mut rows = table_rows(&mut Rng::new(61), count);
    for (at, row) in rows.iter_mut().enumerate() {
        let text = row["answer"].as_str().unwrap_or_default();
        row["answer"] = json!(format!("{text}# {at}\nx{at} = [{at}, y{at}, 'z{at}', {at} + a{at}, b{at}({at})]\n"));
    }
    for at in (3..count).step_by(4) {
        rows[at]["answer"] = rows[at - 1]["answer"].clone();
    }
    let project = folder.join(name);
    done(folder.path(), &["init", name]);
    folder.write(&format!("{name}/sources/rows.toml"), RECIPE);
    folder.write("rows.jsonl", lines(&rows));
    done(&project, INGEST);
    (project, rows)
}

fn open(project: &Path) -> Store {
    Store::open(&Project::find(project).expect("a project")).expect("a store")
}

fn log(project: &Path) -> Value {
    json_of(project, &["log", "--json"])
}

/// Everything that decisions change, as text.
fn standing(project: &Path) -> String {
    let fields = "reason,added,level,meta.note";
    let rows = done(project, &["query", "state:any | sort id", "--format", "jsonl", "--fields", fields]);
    let store = open(project);
    let duplicates = store.duplicates().expect("duplicates");
    rows + &done(project, &["dump"]) + &format!("{duplicates:?} {:?}", store.exempt_rows().expect("rows"))
}

#[test]
fn what_a_verb_does_can_be_seen_before_and_undone_and_done_again() {
    let folder = Scratch::new("verbs");
    let (project, _) = prepare(&folder, "p", 40);
    done(&project, &["dedup"]);
    assert_eq!(json_of(&project, &["count", "state:duplicate", "--json"])["total"], json!(10));
    let load: Vec<Value> = (0..5)
        .map(|at| {
            let id = scenery::sample::SampleId::new("rows", &format!("r{at}")).to_string();
            json!({ "id": id, "source": "rows", "locator": "", "tags": ["loaded"], "rejected": (at == 0).then_some("by hand") })
        })
        .collect();
    folder.write("decisions.jsonl", lines(&load));
    for (verb, arguments, dry, query, changed) in [
        ("tag", &["+core", "+v2/a.b", "-old"][..], "would tag", "source:rows", 30),
        ("tag", &["-core"], "would tag", "tag:core | take 7", 7),
        ("reject", &["--reason", "off topic"], "would reject", "source:rows | sort id | take 9", 9),
        ("restore", &[], "would restore", "state:any", 15),
        ("reject", &["--reason", "all"], "would reject", "state:any", 40),
        ("restore", &[], "would restore", "reason:all | sort id | take 35", 35),
        ("load", &["../decisions.jsonl"], "would change", "", 5),
    ] {
        let words = |more: &[&'static str]| {
            let mut words: Vec<&str> = vec![verb];
            words.extend(more);
            words.extend(arguments);
            if !query.is_empty() {
                words.extend(["--", query]);
            }
            words
        };
        let (before, ops) = (standing(&project), log(&project));
        let (code, out, err) = run(&project, &words(&["--dry-run"]));
        assert!(code == 0 && err.contains(dry) && err.contains("nothing was changed"), "{verb}: {out}{err}");
        assert_eq!(out.lines().count(), 1 + changed.min(5), "{verb} shows five rows: {out}");
        let dry = json_of(&project, &words(&["--dry-run", "--json"]));
        assert_eq!((&dry["changed"], &dry["dry_run"], &dry["op"]), (&json!(changed), &json!(true), &Value::Null));
        assert_eq!((standing(&project), log(&project)), (before.clone(), ops), "{verb} --dry-run");

        let report = json_of(&project, &words(&["--json"]));
        assert_eq!((&report["changed"], &report["dry_run"]), (&json!(changed), &json!(false)), "{verb} {report}");
        let after = standing(&project);
        assert_ne!(after, before, "{verb}");
        assert_eq!(open(&project).duplicates_without_survivor().expect("asked"), []);
        let again = json_of(&project, &words(&["--json"]));
        if !query.contains("take") {
            assert_eq!((&again["changed"], &again["op"]), (&json!(0), &Value::Null), "{verb} twice");
        } else if again["changed"] != json!(0) {
            done(&project, &["undo"]);
        }

        let op = report["op"].to_string();
        let undone = json_of(&project, &["undo", &op, "--json"]);
        assert_eq!(
            (&undone["undone"], &undone["restored"]),
            (&report["op"], &json!(changed as u64 + report["regrown"].as_u64().unwrap_or(0)))
        );
        assert_eq!(standing(&project), before, "{verb} undone");
        done(&project, &["undo", &undone["op"].to_string()]);
        assert_eq!(standing(&project), after, "{verb} done again");
        assert!(done(&project, &["doctor"]).contains("agree"), "{verb}");
    }
    assert_eq!(json_of(&project, &["count", "tag:loaded state:any", "--json"])["total"], json!(5));
}

#[test]
fn a_restored_duplicate_is_never_one_again() {
    let folder = Scratch::new("exempt");
    let (project, rows) = prepare(&folder, "p", 40);
    let first = json_of(&project, &["dedup", "--json"]);
    assert_eq!((&first["duplicates"], &first["exact"]), (&json!(10), &json!(10)));
    let ids = done(&project, &["query", "state:duplicate | sort id | take 3", "--format", "ids"]);
    for id in ids.lines() {
        done(&project, &["restore", "--", &format!("id:{id}")]);
    }
    for arguments in [&["dedup", "--json"][..], &["dedup", "--threshold", "0.5", "--json"], &["dedup", "--json"]] {
        let found = json_of(&project, arguments);
        assert!(arguments.len() > 2 || found["duplicates"] == json!(7), "{found}");
        for id in ids.lines() {
            assert_eq!(json_of(&project, &["show", id, "--json"])["state"], json!("kept"));
        }
    }
    // Reading other content for it, and rejecting and restoring it, changes nothing of that.
    let mut other = rows.clone();
    for row in &mut other {
        row["note"] = json!("something else");
    }
    folder.write("rows.jsonl", lines(&other));
    assert_eq!(json_of(&project, INGEST)["changed"], json!(40));
    done(&project, &["reject", "--reason", "x", "--", "state:any"]);
    done(&project, &["restore", "--", "reason:x"]);
    assert_eq!(json_of(&project, &["dedup", "--json"])["duplicates"], json!(7));
    // A dump says it, and one that says otherwise takes it back.
    let dump = done(&project, &["dump"]);
    assert_eq!(dump.matches("\"exempt\":true").count(), 3);
    folder.write("dump.jsonl", dump.replace("\"exempt\":true", "\"exempt\":false"));
    assert_eq!(json_of(&project, &["load", "../dump.jsonl", "--json"])["changed"], json!(3));
    assert_eq!(json_of(&project, &["dedup", "--json"])["duplicates"], json!(10));
}

#[test]
fn a_dump_brings_the_decisions_into_another_store() {
    let folder = Scratch::new("dump");
    let (one, _) = prepare(&folder, "one", 40);
    let (two, _) = prepare(&folder, "two", 40);
    done(&one, &["dedup"]);
    done(&one, &["tag", "+core", "+Ünï/x.1", "--", "level:basic"]);
    done(&one, &["reject", "--reason", "off-topic: it's \"odd\"", "--", "tag:core | sort id | take 4"]);
    done(&one, &["restore", "--", "state:duplicate | sort id | take 2"]);
    {
        let mut store = Store::open_for_writing(&Project::find(&one).expect("a project"), "a test").expect("a store");
        let sided: Vec<(u32, Value)> = (0..6)
            .map(|row| {
                let revision = store.revision_of(row).expect("one");
                let side = ["train", "test"][row as usize % 2];
                (row, json!({ "split": side, "side_revision": revision }))
            })
            .collect();
        change(&mut store, &sided, "2026-06-01T00:00:00Z");
    }
    done(&one, &["dump", "--out", "../dump.jsonl"]);
    let dump = std::fs::read_to_string(folder.join("dump.jsonl")).expect("a dump");
    assert_eq!(dump, done(&one, &["dump"]));
    assert!(dump.contains("off-topic: it's") && dump.contains("\"test\"") && dump.contains("\"exempt\":true"));
    let read = curate::read_dump(&dump).expect("it is one");
    assert!(read.is_sorted_by(|a, b| a.id < b.id) && read.len() == dump.lines().count());

    // Into a store without duplicates, and into one with.
    for deduped in [false, true] {
        let project = folder.join(&format!("copy{deduped}"));
        copy(&two, &project);
        if deduped {
            done(&project, &["dedup"]);
        }
        let report = json_of(&project, &["load", "../dump.jsonl", "--json"]);
        assert_eq!(report["changed"], json!(read.len()));
        assert_eq!(done(&project, &["dump"]), dump);
        assert_eq!(open(&project).duplicates_without_survivor().expect("asked"), []);
        assert_eq!(json_of(&project, &["load", "../dump.jsonl", "--json"])["changed"], json!(0));
        done(&project, &["dedup"]);
        assert_eq!(done(&project, &["dump"]), dump, "exempt ones stay");
        let states =
            |project: &Path| done(project, &["query", "state:any | sort id", "--format", "csv", "--fields", "state"]);
        done(&one, &["dedup"]);
        assert_eq!(states(&project), states(&one));
        assert!(done(&project, &["doctor"]).contains("agree"));
    }

    // Recorded sides never move, and a sample that is not here is told.
    folder.write("other.jsonl", dump.replace("\"split\":\"test\"", "\"split\":\"validation\""));
    let (code, _, err) = run(&one, &["load", "../other.jsonl"]);
    assert!(code == 1 && err.contains("3 decisions") && err.contains("never move"), "{err}");
    let last = dump.lines().last().expect("a line");
    folder.write("more.jsonl", format!("{dump}{}\n", last.replace(&last[7..39], &"f".repeat(32))));
    let before = standing(&two);
    let (code, _, err) = run(&two, &["load", "../more.jsonl"]);
    assert!(
        code == 1 && err.contains("1 decisions are about samples that are not here") && err.contains("--missing skip"),
        "{err}"
    );
    assert_eq!(standing(&two), before);
    done(&two, &["load", "../more.jsonl", "--missing", "skip"]);
    assert_eq!(done(&two, &["dump"]), dump);
}

#[test]
fn a_wrong_dump_is_refused_with_its_line() {
    let folder = Scratch::new("wrong");
    let (project, _) = prepare(&folder, "p", 8);
    let id = "0123456789abcdef0123456789abcdef";
    let line = |more: &str| format!("{{\"id\":\"{id}\",\"source\":\"rows\",\"locator\":\"x\"{more}}}");
    let good = line("").replace("0123", "aaaa");
    let before = (standing(&project), log(&project));
    for (wrong, says) in [
        ("{".to_owned(), "EOF"),
        ("[]".to_owned(), "invalid"),
        ("\"x\"".to_owned(), "invalid type"),
        ("{\"id\":\"0123456789\",\"source\":\"rows\",\"locator\":\"x\"}".to_owned(), "is no id"),
        (line("").replace("abcdef\"", "abcdeg\""), "is no id"),
        (format!("{{\"id\":\"{id}\"}}"), "missing field"),
        (line(",\"sate\":\"kept\""), "unknown field `sate`"),
        (line(",\"tags\":[\"a b\"]"), "is no tag"),
        (line(",\"tags\":[\"-a\"]"), "is no tag"),
        (line(",\"tags\":\"a\""), "invalid type"),
        (line(",\"rejected\":\"\""), "a reason is"),
        (line(",\"rejected\":\"a\\nb\""), "a reason is"),
        (line(",\"split\":\"dev\""), "unknown variant"),
        (line(",\"exempt\":1"), "invalid type"),
        (format!("{}\n{}", line(""), line("")), "stands in line 3 already"),
    ] {
        let place = if wrong.contains('\n') { "line 4: " } else { "line 3: " };
        let file = folder.write("wrong.jsonl", format!("{good}\n\n{wrong}\n"));
        let (code, out, err) = run(&project, &["load", "../wrong.jsonl", "--missing", "skip"]);
        assert!(code == 1 && out.is_empty() && err.contains(place) && err.contains(says), "{wrong}: {err}");
        assert!(err.contains("wrong.jsonl"), "{}: {err}", file.display());
    }
    assert_eq!((standing(&project), log(&project)), before);
}

/// A word that nothing compresses and no other text has.
fn secret(rng: &mut Rng, letters: usize) -> String {
    (0..letters).map(|_| char::from(b'a' + rng.below(26) as u8)).collect()
}

/// A project where two rows hold secrets in every place: one that is to be forgotten, one that is to stay. `more` rows
/// stand about them. Returns the secrets of the one and of the other.
fn with_secrets(folder: &Scratch, more: usize) -> (PathBuf, Vec<Value>, [Vec<String>; 2]) {
    let mut rng = Rng::new(71);
    let mut secrets = [Vec::new(), Vec::new()];
    let project = folder.join("p");
    done(folder.path(), &["init", "p"]);
    folder.write("p/sources/rows.toml", RECIPE.replace("key = [\"id\"]", "key = [\"id\"]\nfamily = [\"note\"]"));
    let mut row = |of: usize, key: Option<&str>| {
        let mut word = |letters: usize| {
            secrets[of].push(secret(&mut rng, letters));
            secrets[of].last().cloned().unwrap_or_default()
        };
        let key = key.map_or_else(|| word(24), str::to_owned);
        let (name, text) = (word(30), word(600));
        json!({
            "id": key, "question": format!("Draw {} and {}.", word(26), word(26)),
            "answer": format!("```python\nfrom manim import *\n\nclass {name}(Scene):\n    def construct(self):\n        self.add(Text('{text}'))\n        self.wait()\n```"),
            "level": "basic", "side": "train", "note": word(28),
        })
    };
    let (gone, stays) = (row(0, None), row(1, None));
    let mut copied = row(1, None);
    copied["id"] = gone["id"].clone();
    let changed = row(0, gone["id"].as_str());
    let mut rows = table_rows(&mut Rng::new(72), more);
    rows.extend([gone, stays, copied]);
    folder.write("rows.jsonl", lines(&rows));
    let report = json_of(&project, INGEST);
    assert_eq!(report["rejected"]["by_reason"], json!({ "duplicate-key": 1 }));
    // Its content changes, it is tagged, rejected and restored, compared, pinned: all leave traces.
    rows[more] = changed;
    rows.remove(more + 2);
    folder.write("rows.jsonl", lines(&rows));
    assert_eq!(json_of(&project, INGEST)["changed"], json!(1));
    let name = format!("id:{}", scenery::sample::SampleId::new("rows", rows[more]["id"].as_str().expect("an id")));
    done(&project, &["tag", "+core", "--", "source:rows"]);
    done(&project, &["reject", "--reason", "off-topic", "--", &name]);
    done(&project, &["dedup"]);
    done(&project, &["restore", "--", "reason:off-topic"]);
    done(&project, &["dedup", "--renamed"]);
    done(&project, &["save", "core", "tag:core lines>=4 | sort id"]);
    done(&project, &["pin", "core"]);
    // The third of them came with the row of the same key, which was rejected: of that only the key is kept.
    let third = secrets[1].len() / 2;
    secrets[1].truncate(third);
    (project, rows, secrets)
}

fn id_of(row: &Value) -> String {
    scenery::sample::SampleId::new("rows", row["id"].as_str().expect("an id")).to_string()
}

/// The files below a folder that hold a word, as they are.
pub fn files_with(folder: &Path, word: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(&next).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else if let Ok(bytes) = std::fs::read(&path)
                && bytes.windows(word.len()).any(|window| window == word.as_bytes())
            {
                out.push(path.strip_prefix(folder).expect("below").display().to_string());
            }
        }
    }
    out.sort();
    out
}

/// Every text of the database: revisions and facts unpacked, all other cells as they are.
pub fn unpacked(project: &Path) -> String {
    let conn = rusqlite::Connection::open(project.join(".scenery/store.sqlite")).expect("the database");
    let mut out = String::new();
    let mut tables = conn.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").expect("tables");
    let tables: Vec<String> =
        tables.query_map([], |row| row.get(0)).expect("they are read").map(|name| name.expect("a name")).collect();
    for table in tables {
        let mut statement = conn.prepare(&format!("SELECT * FROM {table}")).expect("a table");
        let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let codec = names.iter().position(|name| name == "codec");
        let mut rows = statement.query([]).expect("rows");
        while let Some(row) = rows.next().expect("a row") {
            for (at, name) in names.iter().enumerate() {
                let bytes = match row.get_ref(at).expect("a cell") {
                    rusqlite::types::ValueRef::Text(bytes) => bytes.to_vec(),
                    rusqlite::types::ValueRef::Blob(bytes) => match codec {
                        Some(codec) if name == "code" || name == "record" => {
                            codec::decode(bytes, row.get(codec).expect("a codec")).expect("it unpacks")
                        }
                        _ => bytes.to_vec(),
                    },
                    _ => continue,
                };
                out.push_str(&String::from_utf8_lossy(&bytes));
                out.push('\n');
            }
        }
    }
    out
}

/// Traces that the index keeps of documents that are gone: those that are only marked as deleted, and files of no segment.
/// (Its files cannot be searched for words: they hold no text as it is.)
fn index_traces(project: &Path) -> u64 {
    let index = project.join(".scenery/index");
    let meta: Value = serde_json::from_slice(&std::fs::read(index.join("meta.json")).expect("a file")).expect("JSON");
    let segments = meta["segments"].as_array().expect("segments");
    let ids: Vec<String> =
        segments.iter().map(|each| each["segment_id"].as_str().expect("an id").replace('-', "")).collect();
    let files = std::fs::read_dir(&index).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    let stray = files
        .filter_map(|name| Some(name.to_str()?.split_once('.')?.0.to_owned()))
        .filter(|stem| stem.len() == 32 && !ids.contains(stem));
    let deleted = segments.iter().filter_map(|each| each["deletes"]["num_deleted_docs"].as_u64()).sum::<u64>();
    stray.count() as u64 + deleted
}

/// Nothing of the one is left anywhere, and all of the other.
fn check_gone(project: &Path, secrets: &[Vec<String>; 2], why: &str) {
    let texts = unpacked(project);
    for word in &secrets[0] {
        for part in [&word[..], &word[..16], &word[word.len() - 16..]] {
            assert_eq!(files_with(&project.join(".scenery"), part), Vec::<String>::new(), "{why}: {part} of {word}");
            assert!(!texts.contains(part), "{why}: {part} of {word} is in the database");
        }
    }
    for word in &secrets[1] {
        assert!(texts.contains(&word[..]), "{why}: {word} stays");
    }
}

#[test]
fn what_is_forgotten_is_nowhere_and_nothing_brings_it_back() {
    let folder = Scratch::new("forget");
    let (project, rows, secrets) = with_secrets(&folder, 40);
    let texts = unpacked(&project);
    for word in secrets.iter().flatten() {
        assert!(texts.contains(&word[..]), "{word} is there at first");
    }
    let found: Vec<String> =
        secrets[0].iter().flat_map(|word| files_with(&project.join(".scenery"), &word[..16])).collect();
    assert!(found.len() >= 4, "secrets lie there as they are: {found:?}");
    assert!(index_traces(&project) > 0, "and deleted documents in the index");
    let id = id_of(&rows[40]);
    let (before, ops) = (standing(&project), log(&project));
    let (code, _, err) = run(&project, &["forget", &id[..12]]);
    assert!(code == 1 && err.contains("add --yes") && err.contains("1 sample"), "{err}");
    let (code, out, err) = run(&project, &["forget", &id[..12], "--yes", "--dry-run"]);
    assert!(code == 0 && out.contains(&id[..8]) && err.contains("nothing was changed"), "{out}{err}");
    assert_eq!((standing(&project), log(&project)), (before, ops));
    for (origin, says) in
        [("nothing", "names no source"), ("rows:x*", "names no sample"), ("fffffffff", "names no sample")]
    {
        let (code, _, err) = run(&project, &["forget", origin, "--yes"]);
        assert!(code == 1 && err.contains(says), "{origin}: {err}");
    }
    let pinned = json_of(&project, &["count", "@core#1", "--json"])["total"].as_u64().expect("a number");

    let report = json_of(&project, &["forget", &id[..12], "--yes", "--json"]);
    assert_eq!(report["forgotten"], json!(1));
    check_gone(&project, &secrets, "forgotten");
    assert_eq!(index_traces(&project), 0);
    assert!(done(&project, &["doctor"]).contains("agree"));
    assert_eq!(json_of(&project, &["forget", &id[..12], "--yes", "--json"])["forgotten"], json!(0));
    assert_eq!(json_of(&project, &["show", &id, "--json"])["state"], json!("forgotten"));
    done(&project, &["why", &id]);
    assert_eq!(json_of(&project, &["count", "state:forgotten", "--json"])["total"], json!(1));

    // A pin knows that it is gone, and an export of it too.
    let found = json_of(&project, &["diff", "@core#1", "--json"]);
    assert_eq!(found["first"]["rows"], json!(pinned));
    assert_eq!(found["causes"]["left"], json!({ "forgotten": 1 }), "{found}");
    let (code, out, err) =
        run(&project, &["export", "@core#1", "--out", "out", "--json", "--missing-instruction", "skip"]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(err.contains("forgotten") && err.contains(&id[..12]), "{err}");
    let (_, _, err) = run(&project, &["count", "@core#1"]);
    assert_eq!(json_of(&project, &["count", "@core#1", "--json"])["total"], json!(pinned - 1), "{err}");
    assert!(files_with(&project.join("out"), &id).is_empty());

    // Reading it again makes a rejected row of it, and decisions about it have nothing to be about.
    let again = json_of(&project, INGEST);
    assert_eq!((&again["rejected"]["by_reason"], &again["new"]), (&json!({ "forgotten": 1 }), &json!(0)));
    check_gone(&project, &secrets, "read again");
    assert_eq!(json_of(&project, &["restore", "--json", "--", "state:forgotten"])["changed"], json!(0));
    assert_eq!(json_of(&project, &["reject", "--reason", "x", "--json", "--", "state:forgotten"])["changed"], json!(0));
    folder.write("decision.jsonl", lines(&[json!({ "id": id, "source": "rows", "locator": "", "tags": ["core"] })]));
    let (code, _, err) = run(&project, &["load", "../decision.jsonl"]);
    assert!(code == 1 && err.contains("not here"), "{err}");

    // Undo refuses it, and undoing all else does not bring it back.
    let (code, _, err) = run(&project, &["undo", &report["op"].to_string()]);
    assert!(code == 1 && err.contains("gone for good"), "{err}");
    let mut undone = 0;
    loop {
        let (mut code, mut out, mut err) = run(&project, &["undo", "--json"]);
        if let Some((_, rest)) = err.split_once("is final").and_then(|(_, rest)| rest.split_once("`scenery undo ")) {
            // What forgot stays the newest op in effect: the one before it is named.
            let number = rest.split('`').next().unwrap_or_default().to_owned();
            (code, out, err) = run(&project, &["undo", &number, "--json"]);
        }
        if code != 0 {
            assert!(err.contains("nothing to undo") || err.contains("is final"), "{err}");
            break;
        }
        undone += 1;
        assert_ne!(serde_json::from_str::<Value>(&out).expect("JSON")["verb"], json!("forget"));
        check_gone(&project, &[secrets[0].clone(), Vec::new()], &format!("after undo {undone}: {out}"));
    }
    assert!(undone >= 7, "{undone}");
    assert_eq!(json_of(&project, &["count", "state:any", "--json"])["total"], json!(1), "the id stays");
    let (_, _, err) = run(&project, INGEST);
    check_gone(&project, &secrets, &err);
    assert_eq!(json_of(&project, &["count", "state:any", "--json"])["total"], json!(42));
    assert!(done(&project, &["doctor"]).contains("agree"));
}

/// Whether the forgetting is in the database, and whether traces are still to be purged.
fn forgotten_and_marked(project: &Path) -> (bool, bool) {
    let conn = rusqlite::Connection::open(project.join(".scenery/store.sqlite")).expect("the database");
    conn.busy_timeout(std::time::Duration::from_secs(5)).expect("it can wait");
    let one = |sql: &str| conn.query_row(sql, [], |row| row.get::<_, i64>(0)).expect("a number") > 0;
    (
        one("SELECT count(*) FROM sample WHERE state = 'forgotten'"),
        one("SELECT count(*) FROM derived WHERE name = 'purge'"),
    )
}

#[test]
fn a_forgetting_that_is_killed_leaves_no_trace_once_anything_is_written() {
    let folder = Scratch::new("killed");
    let (base, rows, secrets) = with_secrets(&folder, 400);
    let id = id_of(&rows[400]);
    let (mut marked, mut whole) = (0, 0);
    for round in 0..30u64 {
        if marked >= 6 {
            break;
        }
        let project = folder.join(&format!("round{round}"));
        copy(&base, &project);
        let mut child = command(&project)
            .args(["forget", &id, "--yes"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        while !forgotten_and_marked(&project).1 && child.try_wait().expect("it can be asked").is_none() {}
        std::thread::sleep(std::time::Duration::from_micros(700 * round));
        let _ = child.kill();
        let _ = child.wait();
        let (forgotten, to_purge) = forgotten_and_marked(&project);
        assert!(forgotten, "the mark stands only with the forgetting");
        marked += usize::from(to_purge);
        whole += usize::from(!to_purge);
        // A reader is not troubled, and says what holds.
        assert_eq!(json_of(&project, &["count", "state:forgotten", "--json"])["total"], json!(1));
        assert_eq!(json_of(&project, &["show", &id, "--json"])["state"], json!("forgotten"));
        done(&project, &["tag", "+later", "--", "source:rows | take 1"]);
        check_gone(&project, &secrets, &format!("round {round}"));
        assert_eq!(index_traces(&project), 0);
        assert!(!forgotten_and_marked(&project).1);
        assert!(done(&project, &["doctor"]).contains("agree"));
        let _ = std::fs::remove_dir_all(&project);
    }
    eprintln!("{marked} were killed before the purge, {whole} were whole");
    assert!(marked > 0);
}

#[test]
fn a_mark_left_behind_is_purged_by_whatever_writes_next() {
    let folder = Scratch::new("mark");
    let (project, rows, secrets) = with_secrets(&folder, 30);
    // As a process leaves it that dies right after the transaction: the database has forgotten, all else has not.
    let before = folder.join("before");
    copy(&project.join(".scenery/index"), &before);
    done(&project, &["forget", &id_of(&rows[30]), "--yes"]);
    let index = project.join(".scenery/index");
    std::fs::remove_dir_all(&index).expect("removed");
    copy(&before, &index);
    assert!(index_traces(&project) > 0);
    let conn = rusqlite::Connection::open(project.join(".scenery/store.sqlite")).expect("the database");
    conn.execute("INSERT INTO derived (name, watermark, version, data) VALUES ('purge', 0, 1, x'')", [])
        .expect("marked");
    drop(conn);
    assert_eq!(json_of(&project, &["count", "state:any", "--json"])["total"], json!(32));
    done(&project, &["tag", "+later", "--", "source:rows | take 1"]);
    check_gone(&project, &secrets, "with the index of before");
    assert_eq!(index_traces(&project), 0);
    assert!(done(&project, &["doctor"]).contains("agree"));
}
