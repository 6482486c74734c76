//! Repetition: the same rows give the same bytes, and a manifest alone repeats its export.

use std::fs;

use scenery::export::{self, Encoding, ExportError, Layout, OnUnfit, Request, Roles, StageCount};
use scenery::sample::{FactValue, Sample, Side};

use super::{Folder, balanced, request, sample, samples, text, tree, write};

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
fn another_version_of_the_tool_that_writes_the_same_bytes_is_no_difference() {
    let folder = Folder::new();
    write(&request(folder.at("first"), "messages"), samples()).expect("an export");
    let (mut again, _) =
        export::request_from_manifest(&folder.at("first/manifest.json"), &folder.at("again")).expect("a manifest");
    again.tool_version = "9.9.9".to_owned();
    again.analyser_version = "2".to_owned();
    write(&again, samples()).expect("the same bytes");
    let (first, again) = (tree(&folder.at("first")), tree(&folder.at("again")));
    let differing: Vec<&String> = first.keys().filter(|path| first[*path] != again[*path]).collect();
    assert_eq!(differing, ["manifest.json"]);
}
