//! Rows and stores made at random, deterministic from a seed, and folders that go away.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use scenery::analyze;
use scenery::sample::{DescriptionKind, Dialect, RevisionKind, Sample, SampleId, Side, State, hash16};
use scenery::store::{Begin, Content, Known, Prepared, Project, SourceRecord, Store, encode_facts};
use serde_json::{Map, Value, json};

use crate::query_gen::Rng;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A folder of its own, removed when dropped.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new(name: &str) -> Scratch {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("scenery-{name}-{}-{number}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("a folder for the test");
        Scratch(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().expect("it has a parent")).expect("a folder");
        std::fs::write(&path, bytes).expect("a file");
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}

pub const WORDS: &[&str] = &[
    "draw",
    "circle",
    "fourier",
    "series",
    "the",
    "moving",
    "camera",
    "self.play",
    "sin(x)",
    "x^2",
    "MovingCameraScene",
    "run_time",
    "кривая",
    "Ünïcode",
    "Cafe\u{301}",
    "圆形",
    "円を描く",
    "वृत्त",
    "วงกลม",
    "alpha2beta",
    "f'x",
    "square",
    "graph",
];

/// A sentence, or none.
pub fn instruction(rng: &mut Rng) -> Option<String> {
    if rng.chance(12) {
        return None;
    }
    let count = 1 + rng.below(9);
    let mut out: Vec<&str> = (0..count).map(|_| *rng.pick(WORDS)).collect();
    if rng.chance(10) {
        out.push("\\frac{d}{dx}");
    }
    Some(out.join([" ", " ", ", ", "\n"][rng.below(4)]))
}

/// A text that is a scene, for the most part.
pub fn code(rng: &mut Rng) -> String {
    let name = ["Intro", "Proof", "MovingCamera", "Part2", "Кривая"][rng.below(5)];
    let mut body = String::new();
    for at in 0..rng.below(7) {
        let shape = [
            "Circle()",
            "Square(side_length=2)",
            "Dot()",
            "MathTex(r\"\\frac{d}{dx}\")",
            "Text(\"円を描く\")",
            "Axes()",
        ];
        let shape = shape[rng.below(6)];
        body.push_str(&format!("        m{at} = {shape}\n"));
        let shown = ["Create", "FadeIn", "Write", "Transform"][rng.below(4)];
        body.push_str(&match rng.below(5) {
            0 => format!("        self.play({shown}(m{at}), run_time={})\n", rng.between(1, 4)),
            1 => format!(
                "        self.play({shown}(m{at}))\n        self.wait({})\n",
                ["", "2", "0.5", "n"][rng.below(4)]
            ),
            2 => format!("        for i in range({}):\n            self.play({shown}(m{at}))\n", rng.between(1, 3)),
            3 => format!("        m{at}.add_updater(lambda m: m.shift(UP))\n        self.add(m{at})\n"),
            _ => format!("        # the {} of a series\n        self.add(m{at})\n", rng.pick(WORDS)),
        });
    }
    if body.is_empty() {
        body.push_str("        pass\n");
    }
    let base = ["Scene", "Scene", "ThreeDScene", "MovingCameraScene"][rng.below(4)];
    match rng.below(20) {
        0 => format!(
            "from manimlib import *\n\nclass {name}(Scene):\n    def construct(self):\n        self.play(ShowCreation(TextMobject(\"x\")))\n"
        ),
        1 => format!("from manim import *\n\nclass {name}({base}):\n    def construct(self)\n{body}"),
        2 => format!("def {}(x):\n    return x ** {}\n", ["f", "g"][rng.below(2)], rng.between(1, 9)),
        3 => "x = 1".to_owned(),
        4 => format!("# {}\nself.play(", rng.pick(WORDS)),
        _ => format!(
            "from manim import *\n\n\nclass {name}({base}):\n    def construct(self):\n        n = {}\n{body}",
            rng.between(1, 99)
        ),
    }
}

/// A source that stands in a store.
pub fn source(name: &str, licence: &str, rank: u8, levels: &[&str], dialect: Option<Dialect>) -> SourceRecord {
    SourceRecord {
        name: name.to_owned(),
        title: name.to_owned(),
        licence: licence.to_owned(),
        url: "https://example.org".to_owned(),
        citation: String::new(),
        rank,
        dialect,
        dedup: "near".to_owned(),
        levels: levels.iter().map(|level| (*level).to_owned()).collect(),
        recipe: String::new(),
    }
}

/// A row ready to be written, at random.
pub fn prepared(
    rng: &mut Rng,
    source: &SourceRecord,
    number: i64,
    row: u32,
    key: &str,
    known: Option<Known>,
    added: &str,
) -> Prepared {
    let (code, instruction) = (code(rng), instruction(rng));
    let issues: Vec<String> = if rng.chance(10) { vec!["asset:cat.png".to_owned()] } else { Vec::new() };
    let dialect = if rng.chance(10) { Some(Dialect::Gl) } else { None };
    let licence = rng.chance(15).then(|| "CC-BY-4.0".to_owned());
    let mut meta = Map::new();
    if rng.chance(60) {
        let words: Vec<&str> = (0..1 + rng.below(4)).map(|_| *rng.pick(WORDS)).collect();
        meta.insert("title".into(), json!(words.join(" ")));
    }
    if rng.chance(40) {
        // numbers as tables have them: typed, with a fraction, or as text
        let number = rng.between(1, 20);
        let episode = match number % 4 {
            0 => json!(number.to_string()),
            1 => json!(number as f64 + 0.5),
            _ => json!(number),
        };
        meta.insert("episode".into(), episode);
    }
    let fenced = rng.chance(20);
    let current = Content::new(instruction.clone(), &code).expect("it packs");
    let (read, fixed) = if fenced {
        (Content::new(instruction.clone(), &format!("```python\n{code}```")).expect("it packs"), Some(current))
    } else {
        (current, None)
    };
    let facts = analyze::analyse(&code, instruction.as_deref(), dialect.or(source.dialect), &issues);
    let level = (!source.levels.is_empty() && rng.chance(80)).then(|| rng.pick(&source.levels).clone());
    let read_hash = hash16(&[code.as_bytes(), instruction.as_deref().unwrap_or("").as_bytes(), key.as_bytes()]);
    Prepared {
        source: number,
        read_hash,
        facts: encode_facts(&facts).expect("it packs"),
        sample: Sample {
            row,
            id: SampleId::new(&source.name, key),
            source: source.name.clone(),
            key: key.to_owned(),
            locator: format!("part{}.jsonl:{key}", rng.below(3)),
            state: State::Kept,
            reason: None,
            revision: if fenced { RevisionKind::Fixed } else { RevisionKind::Read },
            cleaners: if fenced { vec!["fence-stripped".to_owned()] } else { Vec::new() },
            licence: licence.clone().unwrap_or_else(|| source.licence.clone()),
            rank: source.rank,
            level,
            split: None,
            held: false,
            split_given: *rng.pick(&[None, Some(Side::Train), Some(Side::Validation), Some(Side::Test)]),
            tags: BTreeSet::new(),
            description_kind: match &instruction {
                None => DescriptionKind::None,
                Some(_) => *rng.pick(&[DescriptionKind::Human, DescriptionKind::Llm, DescriptionKind::Template]),
            },
            meta,
            family: rng.chance(20).then(|| format!("f{}", rng.below(5))),
            content: fixed.as_ref().unwrap_or(&read).hash,
            added: added.to_owned(),
            facts,
            instruction,
            code,
            written: None,
        },
        read,
        fixed,
        licence,
        dialect,
        issues,
        known,
        generation: None,
    }
}

/// Writes rows of a source under one op; keys of rows that are there already are read again with other content.
pub fn fill(store: &mut Store, rng: &mut Rng, source: &SourceRecord, keys: &[String], now: &str) -> i64 {
    let arguments = json!({ "source": source.name, "keys": keys.len() });
    let op = store.begin(&Begin { verb: "ingest", arguments, now }).expect("an op");
    let number = store.put_source(source).expect("a source");
    let analyser = store.analyser_number(&analyze::analyser_version()).expect("an analyser");
    let mut next = store.next_row().expect("a row");
    let mut batch = Vec::new();
    for key in keys {
        let known = store.known(&SampleId::new(&source.name, key)).expect("it can be looked up");
        let row = known.as_ref().map_or(next, |known| known.row);
        next += u32::from(known.is_none());
        batch.push(prepared(rng, source, number, row, key, known, now));
    }
    for part in batch.chunks(64) {
        store.put(op, analyser, part).expect("it is written");
    }
    store.close(op, &json!({ "new": keys.len() }), now).expect("it closes");
    op
}

/// Changes rows under an op of its own.
pub fn change(store: &mut Store, changes: &[(u32, Value)], now: &str) -> i64 {
    let op = store.begin(&Begin { verb: "tag", arguments: json!({ "rows": changes.len() }), now }).expect("an op");
    store.change(changes).expect("it is written");
    store.close(op, &json!({}), now).expect("it closes");
    op
}

/// Puts an edited revision over a row, as `standardise` and `describe` do.
pub fn edit(store: &mut Store, row: u32, instruction: Option<&str>, code: &str, now: &str) -> i64 {
    let op = store.begin(&Begin { verb: "edit", arguments: json!({ "row": row }), now }).expect("an op");
    let content = Content::new(instruction.map(str::to_owned), code).expect("it packs");
    let (record, codec) = encode_facts(&analyze::analyse(code, instruction, None, &[])).expect("it packs");
    let analyser = store.analyser_number(&analyze::analyser_version()).expect("an analyser");
    let revision = {
        let conn = rusqlite::Connection::open(store.project().database()).expect("the database");
        conn.execute(
            "INSERT INTO revision (row, kind, op, instruction, code, codec, content, cleaners) VALUES (?1, 'edited', ?2, ?3, ?4, ?5, ?6, '[]')",
            rusqlite::params![row, op, content.instruction, content.code, content.codec, &content.hash[..]],
        )
        .expect("a revision");
        let revision = conn.last_insert_rowid();
        conn.execute(
            "INSERT INTO fact (revision, analyser, record, codec) VALUES (?1, ?2, ?3, ?4)",
            rusqlite::params![revision, analyser, record, codec],
        )
        .expect("facts");
        revision
    };
    store.change(&[(row, json!({ "revision": revision }))]).expect("it is written");
    store.close(op, &json!({}), now).expect("it closes");
    op
}

/// A store of random rows of three sources, read in three ops.
pub fn random_store(folder: &Scratch, rng: &mut Rng, rows: usize) -> Store {
    let project = Project::init(&folder.join("project")).expect("a project");
    let mut store = Store::open_for_writing(&project, "a test").expect("a store");
    for (source, share, now) in [
        (
            source("alpha", "MIT", 5, &["basic", "intermediate", "advanced"], Some(Dialect::Ce)),
            4,
            "2026-01-03T10:00:00Z",
        ),
        (source("beta_two", "none-stated", 2, &["foundation", "advanced"], None), 3, "2026-02-14T23:59:59Z"),
        (source("gamma", "CC-BY-NC-4.0", 3, &[], None), 1, "2026-03-31T00:00:00Z"),
    ] {
        let keys: Vec<String> = (0..rows * share / 8).map(|at| format!("k{at}")).collect();
        fill(&mut store, rng, &source, &keys, now);
    }
    store
}

/// Every sample that is there, as the database has it.
pub fn all_samples(store: &Store) -> Vec<Sample> {
    let rows: Vec<u32> = store.present_rows().expect("rows").iter().collect();
    store.samples(&rows).expect("samples")
}

/// A command of the built program: no colours, a fixed width, a fixed time.
pub fn scenery(directory: &Path) -> std::process::Command {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_scenery"));
    command
        .current_dir(directory)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", directory)
        .env("COLUMNS", "120")
        .env("SOURCE_DATE_EPOCH", "1767225600")
        .stdin(std::process::Stdio::null());
    command
}

/// What a command came to: exit code (or minus the signal), stdout, stderr.
pub fn run(directory: &Path, arguments: &[&str]) -> (i32, String, String) {
    finished(scenery(directory).args(arguments).output().expect("the program starts"))
}

pub fn finished(output: std::process::Output) -> (i32, String, String) {
    use std::os::unix::process::ExitStatusExt;
    let code = output.status.code().unwrap_or_else(|| -output.status.signal().unwrap_or(0));
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it prints UTF-8");
    (code, text(output.stdout), text(output.stderr))
}

/// As [`run`], and it must succeed; gives stdout.
pub fn done(directory: &Path, arguments: &[&str]) -> String {
    let (code, out, err) = run(directory, arguments);
    assert_eq!(code, 0, "{arguments:?}\n{out}{err}");
    out
}

/// The same as JSON.
pub fn json_of(directory: &Path, arguments: &[&str]) -> Value {
    let out = done(directory, arguments);
    serde_json::from_str(&out).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {out}"))
}

/// Rows of a table as JSON Lines: `id`, `question`, `answer`, `level`, `side`.
pub fn table_rows(rng: &mut Rng, count: usize) -> Vec<Value> {
    (0..count)
        .map(|at| {
            json!({
                "id": format!("r{at}"), "question": instruction(rng), "answer": code(rng),
                "level": rng.pick(&["basic", "advanced"]), "side": rng.pick(&["train", "test"]), "note": *rng.pick(WORDS),
            })
        })
        .collect()
}

pub fn lines(rows: &[Value]) -> String {
    rows.iter().map(|row| format!("{row}\n")).collect()
}

/// A recipe for [`table_rows`], as a project's own.
pub const RECIPE: &str = r#"name = "rows"
title = "Rows of a test"
licence = "MIT"
rank = 3
reader = "table"
levels = ["basic", "advanced"]
description_kind = "human"
key = ["id"]

[fields]
instruction = "question"
code = "answer"
level = "level"
split = "side"

[meta]
note = "note"
"#;

/// Every file below a folder with the hash of its bytes.
pub fn digests(folder: &Path) -> std::collections::BTreeMap<String, String> {
    let mut out = std::collections::BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(&next).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else {
                let bytes = std::fs::read(&path).expect("a file");
                let name = path.strip_prefix(folder).expect("it is below").display().to_string();
                out.insert(name, scenery::sample::hex(&hash16(&[&bytes])));
            }
        }
    }
    out
}

/// Copies a folder with all that is in it.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).expect("a copy");
        }
    }
}
