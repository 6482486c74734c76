//! Exports: golden bytes, laws of balance and repetition, the licence gate, atomicity.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use scenery::export::{
    self, Encoding, ExportError, Layout, OnUnfit, Origin, Report, Request, Roles, Row, SideRule, SourceInfo,
    StageCount, Unfit,
};
use scenery::sample::{DescriptionKind, FactValue, RevisionKind, Sample, SampleId, Side, State, content_hash, hex};
use sha2::{Digest, Sha256};

/// A folder of its own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("scenery-export-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("a temporary folder");
        Folder(path)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// What is in the folder, sorted.
    fn names(&self) -> Vec<String> {
        names(&self.0)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Every file under a folder with its bytes.
fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for name in names(folder) {
        let path = folder.join(&name);
        if path.is_dir() {
            files.extend(tree(&path).into_iter().map(|(rest, bytes)| (format!("{name}/{rest}"), bytes)));
        } else {
            files.insert(name, fs::read(path).expect("a file"));
        }
    }
    files
}

fn text(path: &Path) -> String {
    String::from_utf8(fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))).expect("UTF-8")
}

fn sample(source: &str, key: &str) -> Sample {
    let code = format!("from manim import *\n\nclass {}(Scene):\n    pass\n", key.to_uppercase());
    Sample {
        row: 7,
        id: SampleId::new(source, key),
        source: source.to_owned(),
        key: key.to_owned(),
        locator: format!("{key}.py#Scene"),
        state: State::Kept,
        reason: None,
        instruction: Some(format!("Draw {key}.")),
        content: content_hash(&code),
        code,
        revision: RevisionKind::Read,
        cleaners: Vec::new(),
        licence: if source == "closed" { "CC-BY-NC-SA-4.0" } else { "MIT" }.to_owned(),
        rank: 3,
        level: None,
        split: None,
        split_given: None,
        tags: Default::default(),
        description_kind: DescriptionKind::Human,
        meta: Default::default(),
        family: None,
        added: "2024-05-06T07:08:09Z".to_owned(),
        facts: Default::default(),
    }
}

fn samples() -> Vec<Sample> {
    let mut all: Vec<Sample> = ["a", "b", "c", "d", "e"].map(|key| sample("open", key)).into();
    all.extend(["x", "y"].map(|key| sample("other", key)));
    all
}

fn sources() -> BTreeMap<String, SourceInfo> {
    let info = |title: &str, licence: &str| SourceInfo {
        title: title.to_owned(),
        licence: licence.to_owned(),
        url: Some("https://example.org/data".to_owned()),
        citation: None,
        rank: 3,
        near_duplicates_may_part: false,
    };
    BTreeMap::from([
        ("open".to_owned(), info("An open set", "MIT")),
        ("other".to_owned(), SourceInfo { near_duplicates_may_part: true, ..info("", "MIT") }),
        ("closed".to_owned(), info("A closed set", "CC-BY-NC-SA-4.0")),
    ])
}

fn request(out: PathBuf, format: &str) -> Request {
    let mut request = Request::new(out, export::format(format).expect("a format"));
    request.query_typed = "circle".to_owned();
    request.query_expanded = "circle state:kept".to_owned();
    request.analyser_version = "1".to_owned();
    request.tool_version = "0.0.0".to_owned();
    request
}

fn write(request: &Request, rows: Vec<Sample>) -> Result<Report, ExportError> {
    export::write(request, rows.into_iter().map(Ok::<Sample, std::io::Error>), &sources())
}

fn balanced(report: &Report) -> bool {
    report.selected == report.rows.values().sum::<u64>() + report.skipped.values().sum::<u64>()
}

#[test]
fn a_plain_export_has_these_bytes() {
    let folder = Folder::new();
    let mut row = sample("open", "a");
    row.code = "x = \"é\\n\"\n".to_owned();
    row.level = Some("easy".to_owned());
    row.family = Some("f1".to_owned());
    row.facts.set("complexity", FactValue::Word("basic".to_owned()));
    let mut request = request(folder.at("out"), "messages");
    request.stage_counts = vec![StageCount { stage: "take 1".to_owned(), asked: Some(1), got: 1 }];
    let report = write(&request, vec![row]).expect("an export");
    assert_eq!(names(&folder.at("out")), ["ATTRIBUTION.md", "manifest.json", "rows.jsonl", "train.jsonl"]);
    assert_eq!(
        text(&folder.at("out/train.jsonl")),
        "{\"messages\":[{\"role\":\"user\",\"content\":\"Draw a.\"},{\"role\":\"assistant\",\"content\":\"x = \\\"é\\\\n\\\"\\n\"}]}\n"
    );
    insta::assert_snapshot!(text(&folder.at("out/rows.jsonl")).trim_end(), @r#"{"id":"d0681fd98ad31fd85d2c1f4de1b4a0ef","source":"open","level":"easy","complexity":"basic","side":"train","family":"f1","origins":[{"source":"open","locator":"a.py#Scene"}],"near_duplicates_may_part":false}"#);
    insta::assert_snapshot!(text(&folder.at("out/ATTRIBUTION.md")), @r"");
    insta::assert_snapshot!(text(&folder.at("out/manifest.json")), @r"");
    let shown = serde_json::to_value(&report).expect("JSON");
    assert_eq!(shown["rows"], serde_json::json!({ "test": 0, "train": 1, "validation": 0 }));
    assert_eq!(shown["files"][2]["path"], "train.jsonl");
    assert!(shown["manifest"].as_str().is_some_and(|path| path.ends_with("out/manifest.json")));
    for file in &report.files {
        let bytes = fs::read(folder.at("out").join(&file.path)).expect("a listed file");
        assert_eq!((file.bytes, &file.sha256), (bytes.len() as u64, &hex(&Sha256::digest(&bytes))), "{}", file.path);
        if file.path.ends_with(".jsonl") {
            assert_eq!(file.rows, Some(bytes.iter().filter(|byte| **byte == b'\n').count() as u64));
        }
    }
}

#[test]
fn the_manim_preset_writes_exactly_the_form_of_its_project() {
    let folder = Folder::new();
    let mut request = request(folder.at("out"), "sharegpt");
    request.preset = export::preset("manim");
    write(&request, vec![sample("open", "a")]).expect("an export");
    insta::assert_snapshot!(text(&folder.at("out/train.jsonl")).trim_end(), @r#"{"conversations":[{"from":"system","value":"You are a Manim code generator. Create clean, working Manim animations using ManimCE syntax. Always wrap code in Python code blocks."},{"from":"user","value":"Draw a."},{"from":"assistant","value":"```python\nfrom manim import *\n\nclass A(Scene):\n    pass\n```"}],"source":"open"}"#);
}

#[test]
fn the_same_rows_give_the_same_bytes_and_another_order_another_order_only() {
    let folder = Folder::new();
    for layout in Layout::ALL {
        let mut first = request(folder.at(&format!("{}-1", layout.word())), "messages");
        first.layout = *layout;
        first.encoding = layout.default_encoding();
        let second = Request { out: folder.at(&format!("{}-2", layout.word())), ..first.clone() };
        let one = write(&first, samples()).expect("an export");
        let two = write(&second, samples()).expect("an export");
        assert_eq!(one.files, two.files);
        assert_eq!(tree(&first.out), tree(&second.out));
        assert!(balanced(&one));
        let third = Request { out: folder.at(&format!("{}-3", layout.word())), ..first.clone() };
        write(&third, samples().into_iter().rev().collect()).expect("an export");
        let (ahead, back) = (tree(&first.out), tree(&third.out));
        assert_eq!(ahead.keys().collect::<Vec<_>>(), back.keys().collect::<Vec<_>>());
        assert_eq!(ahead["ATTRIBUTION.md"], back["ATTRIBUTION.md"]);
        assert_ne!(ahead["rows.jsonl"], back["rows.jsonl"]);
        let sorted = |bytes: &[u8]| {
            let mut lines: Vec<Vec<u8>> = bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
            lines.sort();
            lines
        };
        assert_eq!(sorted(&ahead["rows.jsonl"]), sorted(&back["rows.jsonl"]));
    }
}

#[test]
fn sides_are_the_stores_own_else_the_sources_else_all_train() {
    let folder = Folder::new();
    let report = write(&request(folder.at("none"), "messages"), samples()).expect("an export");
    assert_eq!((report.sides.rule, report.rows["train"]), (SideRule::AllTrain, 7));

    let mut rows = samples();
    rows[1].split_given = Some(Side::Test);
    rows[2].split_given = Some(Side::Validation);
    let report = write(&request(folder.at("given"), "messages"), rows.clone()).expect("an export");
    assert_eq!((report.sides.rule, report.sides.without), (SideRule::Given, 5));
    assert_eq!((report.rows["train"], report.rows["validation"], report.rows["test"]), (5, 1, 1));
    assert!(text(&folder.at("given/test.jsonl")).contains("Draw b."));

    // The first row with a side of the store's own comes late: what was written before it is taken back.
    rows[3].split = Some(Side::Train);
    rows[5].split = Some(Side::Test);
    rows[6].split_given = Some(Side::Validation);
    rows[0].instruction = None;
    let report = write(&request(folder.at("split"), "messages"), rows).expect("an export");
    assert_eq!(report.sides.rule, SideRule::Split);
    assert_eq!((report.rows["train"], report.rows["validation"], report.rows["test"]), (1, 0, 1));
    assert_eq!(report.skipped, BTreeMap::from([("no-side".to_owned(), 5)]));
    assert!(balanced(&report));
    assert_eq!(text(&folder.at("split/rows.jsonl")).lines().count(), 2);
    assert!(!folder.at("split/validation.jsonl").exists());
}

#[test]
fn rows_without_an_instruction_stop_the_export_or_are_counted() {
    let folder = Folder::new();
    let mut rows = samples();
    rows[1].instruction = None;
    rows[4].instruction = Some(" \n".to_owned());
    let mut request = request(folder.at("out"), "alpaca");
    let error = write(&request, rows.clone()).expect_err("two rows have none");
    assert!(
        matches!(&error, ExportError::Unfit { reason: Unfit::NoInstruction, count: 2, selected: 7, ids } if ids.len() == 2)
    );
    let said = error.to_string();
    assert!(said.contains("has:instruction") && said.contains("--missing-instruction skip"), "{said}");
    assert!(said.contains(&rows[1].id.to_string()[..12]), "{said}");
    assert!(folder.names().is_empty());
    request.missing_instruction = OnUnfit::Skip;
    let report = write(&request, rows).expect("an export");
    assert_eq!((report.rows["train"], report.skipped["no-instruction"], report.selected), (5, 2, 7));
    assert!(balanced(&report) && report.record.counts.skipped == report.skipped);
    let none: Vec<Sample> = samples().into_iter().map(|row| Sample { instruction: None, ..row }).collect();
    request.out = folder.at("empty");
    assert!(matches!(write(&request, none), Err(ExportError::Empty { selected: 7, .. })));
    assert!(matches!(write(&request, Vec::new()), Err(ExportError::Empty { selected: 0, .. })));
    assert_eq!(folder.names(), ["out"]);
}

#[test]
fn the_text_format_is_rendered_by_the_template_whose_digest_stands_in_the_manifest() {
    let folder = Folder::new();
    let mut rows = samples();
    rows[2].code = "MarkupText('<s>old</s>')".to_owned();
    let mut request = request(folder.at("out"), "text");
    let error = write(&request, rows.clone()).expect_err("the answer holds an end token");
    assert!(matches!(error, ExportError::Unfit { reason: Unfit::SpecialText, count: 1, .. }));
    request.special_text = OnUnfit::Skip;
    let report = write(&request, rows.clone()).expect("an export");
    assert_eq!(report.skipped["special-text"], 1);
    let alpaca = scenery::prompt::templates::template("alpaca").expect("built in");
    assert_eq!(report.record.contract.expect("a contract").sha256, alpaca.digest());
    let first: serde_json::Value =
        serde_json::from_str(text(&folder.at("out/train.jsonl")).lines().next().expect("a row")).expect("JSON");
    let fields = [("instruction", "Draw a."), ("response", rows[0].code.as_str())];
    assert_eq!(first["text"], alpaca.render(&fields).expect("renders").text);
    let mut chat = Request { out: folder.at("chat"), template: Some("chatml".to_owned()), ..request.clone() };
    let plain = write(&chat, rows.clone()).expect("an export").record.contract.expect("a contract");
    (chat.out, chat.system) = (folder.at("chat-2"), Some("Be brief.".to_owned()));
    let bound = write(&chat, rows.clone()).expect("an export").record.contract.expect("a contract");
    assert_ne!(plain.sha256, bound.sha256);
    assert!(text(&folder.at("chat-2/train.jsonl")).contains("system\\nBe brief.<|im_end|>"));
    request.template = Some("none".to_owned());
    assert!(matches!(write(&request, rows), Err(ExportError::Prompt(_))));
}

#[test]
fn licences_that_restrict_use_leave_only_by_name() {
    let folder = Folder::new();
    let mut rows = samples();
    rows.push(sample("closed", "z"));
    rows.push(Sample { licence: "none-stated".to_owned(), ..sample("open", "n") });
    let mut request = request(folder.at("deep/out"), "messages");
    let error = write(&request, rows.clone()).expect_err("two licences stop it");
    let ExportError::Licences(gate) = &error else { panic!("{error}") };
    assert_eq!(
        gate.hits.iter().map(|hit| (hit.licence.as_str(), hit.rows)).collect::<Vec<_>>(),
        [("CC-BY-NC-SA-4.0", 1), ("none-stated", 1)]
    );
    assert!(error.to_string().ends_with("--allow-licence CC-BY-NC-SA-4.0 --allow-licence none-stated"), "{error}");
    assert!(!folder.at("deep/out").exists() && names(&folder.at("deep")).is_empty());
    request.allow_licences = vec!["none-stated".to_owned(), "CC-BY-NC-SA-4.0".to_owned(), "LicenseRef-x".to_owned()];
    let report = write(&request, rows.clone()).expect("allowed");
    assert_eq!(report.record.allowed_licences.iter().collect::<Vec<_>>(), ["CC-BY-NC-SA-4.0", "none-stated"]);
    assert_eq!(report.record.licences["MIT"].rows, 7);
    request.out = folder.at("denied");
    request.deny_licences = vec!["MIT".to_owned()];
    assert!(matches!(write(&request, rows), Err(ExportError::Licences(gate)) if gate.hits[0].licence == "MIT"));
}

#[test]
fn rows_left_out_for_another_reason_do_not_reach_the_licence_gate() {
    let folder = Folder::new();
    let mut rows = samples();
    rows.insert(0, Sample { instruction: None, ..sample("closed", "z") });
    let mut request = request(folder.at("out"), "messages");
    request.missing_instruction = OnUnfit::Skip;
    let report = write(&request, rows).expect("nothing closed is written");
    assert!(!text(&folder.at("out/ATTRIBUTION.md")).contains("closed") && balanced(&report));
}

#[test]
fn an_export_that_fails_midway_leaves_nothing() {
    let folder = Folder::new();
    let request = request(folder.at("out"), "messages");
    let failing = || {
        let rows = samples().into_iter().map(Ok::<Sample, String>);
        rows.chain([Err("the store went away".to_owned())])
    };
    let mut seen = Vec::new();
    let watched = failing().inspect(|_| seen = folder.names());
    let error = export::write(&request, watched, &sources()).expect_err("the rows fail");
    assert!(matches!(&error, ExportError::Rows { source } if source.to_string() == "the store went away"));
    assert!(seen.len() == 1 && seen[0].starts_with(".out.partial-"), "{seen:?}");
    assert!(folder.names().is_empty(), "{:?}", folder.names());
    // An export that stands there is not touched either.
    write(&request, samples()).expect("an export");
    let before = tree(&request.out);
    let again = Request { overwrite: true, ..request.clone() };
    export::write(&again, failing(), &sources()).expect_err("the rows fail");
    assert_eq!(tree(&request.out), before);
    assert_eq!(folder.names(), ["out"]);
}

#[test]
fn a_folder_is_replaced_only_when_asked_and_only_when_it_is_an_export_and_nothing_more() {
    let folder = Folder::new();
    let mut request = request(folder.at("out"), "messages");
    fs::create_dir(folder.at("out")).expect("a folder");
    write(&request, samples()).expect("an empty folder is taken");
    assert!(matches!(write(&request, samples()), Err(ExportError::OutExists { .. })));
    request.overwrite = true;
    let report = write(&request, samples()[..2].to_vec()).expect("replaced");
    assert_eq!((report.selected, text(&folder.at("out/rows.jsonl")).lines().count()), (2, 2));
    assert_eq!(folder.names(), ["out"]);

    fs::write(folder.at("out/notes.txt"), "mine").expect("a file");
    let error = write(&request, samples()).expect_err("something else is in it");
    assert!(error.to_string().contains("notes.txt"), "{error}");
    assert_eq!(text(&folder.at("out/notes.txt")), "mine");

    fs::create_dir(folder.at("work")).expect("a folder");
    fs::write(folder.at("work/thesis.tex"), "mine").expect("a file");
    request.out = folder.at("work");
    assert!(matches!(write(&request, samples()), Err(ExportError::OutNotReplaceable { .. })));
    request.out = folder.at("work/thesis.tex");
    assert!(matches!(write(&request, samples()), Err(ExportError::OutNotReplaceable { .. })));
    request.out = folder.at("work/thesis.tex/out");
    let error = write(&request, samples()).expect_err("its parent is a file");
    assert!(matches!(&error, ExportError::File { path, .. } if path.ends_with("work/thesis.tex")), "{error}");
    assert_eq!(names(&folder.at("work")), ["thesis.tex"]);
}

#[test]
fn what_killed_exports_left_is_removed_or_put_back_and_a_running_one_is_respected() {
    let folder = Folder::new();
    let mut request = request(folder.at("out"), "messages");
    fs::create_dir(folder.at(".out.partial-1")).expect("a folder");
    fs::write(folder.at(".out.partial-1/train.jsonl"), "half").expect("a file");
    fs::create_dir(folder.at(".out.partial-mine")).expect("a folder of somebody else");
    fs::create_dir(folder.at(".other.partial-1")).expect("a folder of another export");
    write(&request, samples()).expect("an export");
    assert_eq!(folder.names(), [".other.partial-1", ".out.partial-mine", "out"]);

    // Killed between the two renames of a replacement: the old export is put back.
    let before = tree(&request.out);
    fs::rename(folder.at("out"), folder.at(".out.old-5")).expect("renamed");
    assert!(matches!(write(&request, samples()), Err(ExportError::OutExists { .. })));
    assert_eq!(tree(&request.out), before);
    assert_eq!(folder.names(), [".other.partial-1", ".out.partial-mine", "out"]);

    request.overwrite = true;
    let inner = request.clone();
    let mut busy = false;
    let rows = samples().into_iter().map(Ok::<Sample, String>).inspect(|_| {
        busy = matches!(write(&inner, samples()), Err(ExportError::Busy { .. }));
    });
    export::write(&request, rows, &sources()).expect("the first one ends well");
    assert!(busy);
    assert_eq!(tree(&request.out), before);
}

#[test]
fn a_manifest_repeats_its_export_byte_for_byte_or_says_what_differs() {
    let folder = Folder::new();
    let mut rows = samples();
    rows.push(sample("closed", "z"));
    rows.push(Sample { instruction: None, ..sample("open", "n") });
    rows[2].split_given = Some(Side::Test);
    rows[0].facts.set("duration", FactValue::Real(1.0 / 3.0));
    let mut first = request(folder.at("first"), "sharegpt");
    first.layout = Layout::Tree;
    first.encoding = Encoding::Json;
    first.system = Some("Be „brief“.".to_owned());
    first.roles = Some(Roles::new("s", "u", "a"));
    first.fence = Some(true);
    first.missing_instruction = OnUnfit::Skip;
    first.allow_licences = vec!["CC-BY-NC-SA-4.0".to_owned()];
    first.deny_licences = vec!["GPL-3.0-only".to_owned()];
    first.stage_counts = vec![StageCount { stage: "take 9".to_owned(), asked: Some(9), got: 9 }];
    let report = write(&first, rows.clone()).expect("an export");

    let (again, expected) =
        export::request_from_manifest(&folder.at("first/manifest.json"), &folder.at("again")).expect("a manifest");
    assert_eq!(expected, report.record);
    let repeated = write(&again, rows.clone()).expect("the same export");
    export::verify(&repeated, &expected).expect("the same");
    assert_eq!(tree(&folder.at("first")), tree(&folder.at("again")));

    let differs = |change: &dyn Fn(&mut Request, &mut Vec<Sample>)| {
        let (mut request, mut rows) = (Request { out: folder.at("third"), ..again.clone() }, rows.clone());
        change(&mut request, &mut rows);
        let error = write(&request, rows).expect_err("something differs");
        assert_eq!(folder.names(), ["again", "first"]);
        let ExportError::Differs { file, how, why } = error else { panic!("{error}") };
        format!("{file}: {how} ({why})")
    };
    let said = differs(&|_, rows| drop(rows.pop().and(rows.pop())));
    assert!(said.contains("rows, the manifest says") && said.contains("selected are 7 here and 9"), "{said}");
    let said = differs(&|_, rows| rows[3].code.push_str("# more\n"));
    assert!(said.starts_with("by_category/uncategorised/train.json: its SHA-256") && said.contains("texts"), "{said}");
    let said = differs(&|_, rows| rows[3].facts.set("complexity", FactValue::Word("advanced".to_owned())));
    assert!(said.contains("not what is known of them"), "{said}");
    let said = differs(&|request, rows| {
        rows[3].facts.set("complexity", FactValue::Word("advanced".to_owned()));
        request.analyser_version = "2".to_owned();
    });
    assert!(said.contains("analysers 2") && said.contains("analysers 1"), "{said}");
    let said = differs(&|_, rows| rows[3].split_given = Some(Side::Test));
    assert!(said.contains("not their sides"), "{said}");
    let said = differs(&|request, rows| {
        rows.truncate(8);
        request.stage_counts[0].got = 8;
    });
    assert!(said.contains("stage `take 9` gave 8 here and 9"), "{said}");

    let manifest = folder.at("first/manifest.json");
    let newer = text(&manifest).replace("\"format_version\": 1,\n  \"tool\"", "\"format_version\": 2,\n  \"tool\"");
    fs::write(folder.at("first/newer.json"), newer).expect("a file");
    let error = export::request_from_manifest(&folder.at("first/newer.json"), &folder.at("x")).expect_err("newer");
    assert!(error.to_string().contains("version 2"), "{error}");
    assert!(matches!(
        export::request_from_manifest(&folder.at("first/train.json"), &folder.at("x")),
        Err(ExportError::Manifest { .. })
    ));
}

#[test]
fn a_manifest_has_no_time_no_place_and_no_row_number() {
    let folder = Folder::new();
    write(&request(folder.at("one"), "messages"), samples()).expect("an export");
    let changed = samples().into_iter().map(|row| Sample { row: 99, added: "2030-01-01T00:00:00Z".to_owned(), ..row });
    write(&request(folder.at("two"), "messages"), changed.collect()).expect("an export");
    assert_eq!(tree(&folder.at("one")), tree(&folder.at("two")));
    let manifest = text(&folder.at("one/manifest.json"));
    assert!(!manifest.contains(&*folder.0.to_string_lossy()) && !manifest.contains("2024-05"));
}

#[test]
fn a_tree_files_each_row_under_its_topics_and_its_complexity() {
    let folder = Folder::new();
    let mut rows = samples();
    let topics = |names: &[&str]| FactValue::Set(names.iter().map(|name| ((*name).to_owned(), 1)).collect());
    rows[0].facts.set("topic", topics(&["geometry", "linear-algebra"]));
    rows[1].facts.set("topic", topics(&["geometry"]));
    rows[2].facts.set("topic", topics(&["../../escape"]));
    rows[0].facts.set("complexity", FactValue::Word("basic".to_owned()));
    rows[1].facts.set("complexity", FactValue::Word("advanced".to_owned()));
    rows[1].split_given = Some(Side::Test);
    let mut request = request(folder.at("out"), "alpaca");
    request.layout = Layout::Tree;
    request.encoding = Layout::Tree.default_encoding();
    let report = write(&request, rows).expect("an export");
    let paths: Vec<&str> = report.files.iter().map(|file| file.path.as_str()).collect();
    insta::assert_snapshot!(paths.join("\n"), @r"");
    assert_eq!(folder.names(), ["out"]);
    for file in report.files.iter().filter(|file| file.path.ends_with(".json") && file.rows.is_some()) {
        let rows: serde_json::Value = serde_json::from_str(&text(&folder.at("out").join(&file.path))).expect("JSON");
        assert_eq!(rows.as_array().map(|rows| rows.len() as u64), file.rows, "{}", file.path);
    }
    insta::assert_snapshot!(text(&folder.at("out/metadata.json")), @r"");
    let keys = |path: &str| -> Vec<Vec<String>> {
        let rows: Vec<serde_json::Map<String, serde_json::Value>> =
            serde_json::from_str(&text(&folder.at("out").join(path))).expect("rows");
        rows.iter().map(|row| row["metadata"].as_object().expect("an object").keys().cloned().collect()).collect()
    };
    let all = keys("train.json");
    assert!(all.len() == 6 && all.iter().all(|keys| *keys == all[0]), "every row has the same keys");
}

#[test]
fn trainers_find_what_they_read_by() {
    let folder = Folder::new();
    let mut rows = samples();
    rows[1].split_given = Some(Side::Validation);
    let mut hf = request(folder.at("hf"), "messages");
    hf.layout = Layout::Hf;
    write(&hf, rows.clone()).expect("an export");
    insta::assert_snapshot!(text(&folder.at("hf/README.md")), @r"");
    let mut factory = request(folder.at("factory"), "sharegpt");
    factory.layout = Layout::LlamaFactory;
    factory.preset = export::preset("manim");
    write(&factory, rows.clone()).expect("an export");
    insta::assert_snapshot!(text(&folder.at("factory/dataset_info.json")), @r"");
    let mut mlx = request(folder.at("mlx"), "messages");
    mlx.layout = Layout::Mlx;
    write(&mlx, rows.clone()).expect("an export");
    assert_eq!(names(&mlx.out), ["ATTRIBUTION.md", "manifest.json", "rows.jsonl", "train.jsonl", "valid.jsonl"]);
    mlx.encoding = Encoding::Json;
    assert!(matches!(mlx.check(), Err(ExportError::Option { .. })));
    (mlx.encoding, mlx.format) = (Encoding::Jsonl, export::format("alpaca").expect("a format"));
    assert!(matches!(write(&mlx, rows), Err(ExportError::Option { message }) if message.contains("prompt-completion")));
}

#[test]
fn options_without_effect_are_errors() {
    let folder = Folder::new();
    let cases: [(&str, fn(&mut Request)); 5] = [
        ("prompt-completion", |request| request.system = Some("Be brief.".to_owned())),
        ("messages", |request| request.roles = Some(Roles::new("a", "b", "c"))),
        ("messages", |request| request.template = Some("alpaca".to_owned())),
        ("messages", |request| request.preset = export::preset("manim")),
        ("text", |request| request.system = Some("Be brief.".to_owned())),
    ];
    for (format, change) in cases {
        let mut request = request(folder.at("out"), format);
        change(&mut request);
        assert!(write(&request, samples()).is_err(), "{format}");
        assert!(request.check().is_err(), "{format}");
    }
    assert!(folder.names().is_empty());
}

#[test]
fn attribution_names_every_origin_of_every_row() {
    let folder = Folder::new();
    let mut row = Row::from(sample("open", "a"));
    row.origins.push(Origin { source: "closed".into(), locator: "z.py".into(), licence: "CC-BY-NC-SA-4.0".into() });
    row.origins.push(Origin { source: "closed".into(), locator: "y.py".into(), licence: "CC-BY-NC-SA-4.0".into() });
    let rows = [Ok::<Row, String>(row), Ok(sample("other", "b").into())];
    let request = request(folder.at("out"), "messages");
    export::write(&request, rows, &sources()).expect("an export");
    insta::assert_snapshot!(text(&folder.at("out/ATTRIBUTION.md")), @r"");
    let request = Request { out: folder.at("unknown"), ..request };
    let rows = [Ok::<Sample, String>(sample("nowhere", "a"))];
    let error = export::write(&request, rows, &sources()).expect_err("an unknown source");
    assert!(matches!(error, ExportError::NoSourceInfo { source_name } if source_name == "nowhere"));
}
