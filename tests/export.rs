//! Exports: golden bytes, laws of balance and repetition, the licence gate, atomicity.

mod folder;
mod project;
mod repeat;

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
        held: false,
        split_given: None,
        tags: Default::default(),
        description_kind: DescriptionKind::Human,
        meta: Default::default(),
        family: None,
        added: "2024-05-06T07:08:09Z".to_owned(),
        facts: Default::default(),
        written: None,
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
    insta::assert_snapshot!(text(&folder.at("out/rows.jsonl")).trim_end(), @r#"{"id":"4ce6f1a01bd6fe11e85e67865ed93b85","source":"open","level":"easy","complexity":"basic","side":"train","family":"f1","origins":[{"source":"open","licence":"MIT"}],"near_duplicates_may_part":false}"#);
    insta::assert_snapshot!(text(&folder.at("out/ATTRIBUTION.md")), @r#"
    # Attribution

    Rows: 1. Sources: 1. Licences: 1. A row that several sources hold counts with each of them.

    ## MIT

    ### An open set (`open`)

    - rows: 1
    - url: https://example.org/data
    - citation: none stated
    "#);
    insta::assert_snapshot!(text(&folder.at("out/manifest.json")), @r#"
    {
      "format_version": 1,
      "tool": {
        "name": "scenery",
        "version": "0.0.0"
      },
      "query": {
        "typed": "circle",
        "expanded": "circle state:kept"
      },
      "slice": {
        "rows": 1,
        "content": "35af6bcab4cb6e94c6fb28aa56c7c3e7f041efccdacb0ad1655723740c6385b3",
        "labels": "ed9aa760416e930b3c56a1d5775a9620f4e4f33c9c1df3ee7f23dbc33947093f",
        "sides": "5ac6a5945f16500911219129984ba8b387a06f24fe383ce4e81a73294065461b"
      },
      "options": {
        "format": "messages",
        "format_version": 1,
        "layout": "plain",
        "encoding": "jsonl",
        "preset": null,
        "system": null,
        "roles": null,
        "fence": null,
        "template": null,
        "missing_instruction": "error",
        "special_text": "error",
        "deny_licences": []
      },
      "seeds": [],
      "contract": null,
      "versions": {
        "analyser": "1",
        "dedup": null
      },
      "stages": [
        {
          "stage": "take 1",
          "asked": 1,
          "got": 1
        }
      ],
      "counts": {
        "selected": 1,
        "written": {
          "test": 0,
          "train": 1,
          "validation": 0
        },
        "skipped": {}
      },
      "sides": {
        "rule": "all-train",
        "without": 1
      },
      "licences": {
        "MIT": {
          "rows": 1,
          "sources": [
            "open"
          ]
        }
      },
      "allowed_licences": [],
      "files": [
        {
          "path": "ATTRIBUTION.md",
          "rows": null,
          "bytes": 208,
          "sha256": "0297a87833726286aa8b8e959a96bfe0cbed20e42669b578bc54970c103d091f"
        },
        {
          "path": "rows.jsonl",
          "rows": 1,
          "bytes": 202,
          "sha256": "ff47a259d0f8a9fa6aedb6bd3b23898c8713de8d7a24d24a22f21db4f7c8d50d"
        },
        {
          "path": "train.jsonl",
          "rows": 1,
          "bytes": 100,
          "sha256": "25b81195737c5ff66c3c394fc4a27232ca1fac25ff25aa06e5910431e87234bc"
        }
      ],
      "digest": "378b6bc078c8ee243fd7d0c13c6be19c7d8a68388a102a97a0eff20df8a7e28f"
    }
    "#);
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
    insta::assert_snapshot!(paths.join("\n"), @r#"
    ATTRIBUTION.md
    by_category/______escape-f816a419/train.json
    by_category/geometry/test.json
    by_category/geometry/train.json
    by_category/linear-algebra/train.json
    by_category/uncategorised/train.json
    by_complexity/advanced/test.json
    by_complexity/beginner/train.json
    by_complexity/unknown/train.json
    metadata.json
    rows.jsonl
    test.json
    train.json
    "#);
    assert_eq!(folder.names(), ["out"]);
    for file in report.files.iter().filter(|file| file.path.ends_with(".json") && file.rows.is_some()) {
        let rows: serde_json::Value = serde_json::from_str(&text(&folder.at("out").join(&file.path))).expect("JSON");
        assert_eq!(rows.as_array().map(|rows| rows.len() as u64), file.rows, "{}", file.path);
    }
    insta::assert_snapshot!(text(&folder.at("out/metadata.json")), @r#"
    {
      "rows": 7,
      "sides": {
        "test": 1,
        "train": 6,
        "validation": 0
      },
      "categories": {
        "../../escape": 1,
        "geometry": 2,
        "linear-algebra": 1,
        "uncategorised": 4
      },
      "complexity": {
        "advanced": 1,
        "beginner": 1,
        "unknown": 5
      },
      "levels": {},
      "sources": {
        "open": 5,
        "other": 2
      },
      "licences": {
        "MIT": 7
      }
    }
    "#);
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
    insta::assert_snapshot!(text(&folder.at("hf/README.md")), @r#"
    ---
    license: mit
    configs:
    - config_name: default
      data_files:
      - split: train
        path: train.jsonl
      - split: validation
        path: validation.jsonl
    ---

    # Rows

    | side | rows |
    | --- | --- |
    | train | 6 |
    | validation | 1 |

    `manifest.json` says how the rows were selected and lists a SHA-256 per file; `rows.jsonl` says of each row where it comes from; `ATTRIBUTION.md` names every source with its licence.
    "#);
    let typed = Request {
        out: folder.at("typed"),
        format: export::format("alpaca").expect("a format"),
        system: Some("s".to_owned()),
        ..hf.clone()
    };
    write(&typed, rows.clone()).expect("an export");
    let card = text(&folder.at("typed/README.md"));
    let row: serde_json::Value =
        serde_json::from_str(text(&folder.at("typed/train.jsonl")).lines().next().expect("a row")).expect("JSON");
    let columns =
        row.as_object().expect("an object").keys().chain(row["metadata"].as_object().expect("an object").keys());
    for column in columns.clone() {
        assert!(card.contains(&format!("- name: {column}\n")), "{column} is not in the card");
    }
    assert_eq!(card.matches("- name: ").count(), columns.count());
    let mut factory = request(folder.at("factory"), "sharegpt");
    factory.layout = Layout::LlamaFactory;
    factory.preset = export::preset("manim");
    write(&factory, rows.clone()).expect("an export");
    insta::assert_snapshot!(text(&folder.at("factory/dataset_info.json")), @r#"
    {
      "scenery_train": {
        "file_name": "train.jsonl",
        "formatting": "sharegpt",
        "columns": {
          "messages": "conversations"
        },
        "tags": {
          "role_tag": "from",
          "content_tag": "value",
          "user_tag": "user",
          "assistant_tag": "assistant",
          "system_tag": "system"
        }
      },
      "scenery_validation": {
        "file_name": "validation.jsonl",
        "formatting": "sharegpt",
        "columns": {
          "messages": "conversations"
        },
        "tags": {
          "role_tag": "from",
          "content_tag": "value",
          "user_tag": "user",
          "assistant_tag": "assistant",
          "system_tag": "system"
        }
      }
    }
    "#);
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
    type Change = fn(&mut Request);
    let cases: [(&str, Change); 5] = [
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
    let mut request = request(folder.at("out"), "messages");
    // A row is under the licences of all its origins.
    let stopped = export::write(&request, rows.clone(), &sources()).expect_err("a licence stops it");
    assert!(matches!(&stopped, ExportError::Licences(gate) if gate.hits.len() == 1), "{stopped}");
    request.allow_licences.push("CC-BY-NC-SA-4.0".into());
    export::write(&request, rows, &sources()).expect("an export");
    insta::assert_snapshot!(text(&folder.at("out/ATTRIBUTION.md")), @r#"
    # Attribution

    Rows: 2. Sources: 3. Licences: 2. A row that several sources hold counts with each of them.

    ## CC-BY-NC-SA-4.0

    ### A closed set (`closed`)

    - rows: 1
    - url: https://example.org/data
    - citation: none stated

    ## MIT

    ### An open set (`open`)

    - rows: 1
    - url: https://example.org/data
    - citation: none stated

    ### other (`other`)

    - rows: 1
    - url: https://example.org/data
    - citation: none stated
    "#);
    let request = Request { out: folder.at("unknown"), ..request };
    let rows = [Ok::<Sample, String>(sample("nowhere", "a"))];
    let error = export::write(&request, rows, &sources()).expect_err("an unknown source");
    assert!(matches!(error, ExportError::NoSourceInfo { source_name } if source_name == "nowhere"));
}
