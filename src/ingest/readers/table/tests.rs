//! The reader on small files of every format and every fault.

use std::fs;
use std::path::PathBuf;

use super::*;
use crate::ingest::recipe::Recipe;

/// A folder that is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("scenery-table-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

struct Outcome {
    rows: Vec<RawRow>,
    rejected: Vec<RejectedRow>,
    result: Result<ReadSummary, IngestError>,
}

fn run(recipe: &Recipe, path: PathBuf, variant: Option<&str>) -> Outcome {
    let (mut rows, mut rejected) = (Vec::new(), Vec::new());
    let request = ReadRequest { recipe, paths: &[path], max_row_bytes: 64 << 20, variant: variant.map(str::to_owned) };
    let result = read(&request, &mut |met| {
        match met {
            Met::Row(row) => rows.push(*row),
            Met::Rejected(row) => rejected.push(row),
            Met::Progress(_) => {}
        }
        Ok(())
    });
    Outcome { rows, rejected, result }
}

fn recipe(rest: &str) -> Recipe {
    Recipe::from_toml(
        &format!("name = \"x\"\nlicence = \"MIT\"\nrank = 3\nreader = \"table\"\nfields.instruction = \"q\"\nfields.code = \"a\"\n{rest}"),
        "x.toml",
    )
    .unwrap()
}

fn shown(outcome: &Outcome) -> Vec<(&str, Option<&str>, &str)> {
    outcome.rows.iter().map(|row| (row.locator.as_str(), row.instruction.as_deref(), row.code.as_str())).collect()
}

#[test]
fn the_same_rows_come_out_of_every_format() {
    let folder = Folder::new("formats");
    let jsonl = "{\"q\":\"one\",\"a\":\"x = 1\\ny\"}\n{\"q\":\"two\",\"a\":\"z\"}";
    let csv = "q,a\r\none,\"x = 1\ny\"\r\ntwo,z";
    let gz = |text: &str| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    // Two members, as `cat a.gz b.gz` makes them.
    let (first, second) = jsonl.split_at(20);
    let members = [gz(first), gz(second)].concat();
    let cases: &[(&str, Vec<u8>, [&str; 2])] = &[
        ("a.jsonl", jsonl.into(), ["a.jsonl:1", "a.jsonl:2"]),
        ("a.json", jsonl.into(), ["a.json:1", "a.json:2"]),
        ("b.json", format!("[{}]", jsonl.replace('\n', ",")).into(), ["b.json[0]", "b.json[1]"]),
        (
            "c.json",
            format!("{{\"train\":[{}]}}", jsonl.replace('\n', ",")).into(),
            ["c.json#train[0]", "c.json#train[1]"],
        ),
        ("a.csv", csv.into(), ["a.csv:2", "a.csv:4"]),
        ("a.tsv", csv.replace(',', "\t").into(), ["a.tsv:2", "a.tsv:4"]),
        ("a.jsonl.gz", members, ["a.jsonl.gz:1", "a.jsonl.gz:2"]),
        ("a.csv.zst", zstd::encode_all(csv.as_bytes(), 1).unwrap(), ["a.csv.zst:2", "a.csv.zst:4"]),
        ("unnamed", zstd::encode_all(jsonl.as_bytes(), 1).unwrap(), ["unnamed:1", "unnamed:2"]),
    ];
    for (name, bytes, locators) in cases {
        let outcome = run(&recipe(""), folder.write(name, bytes), None);
        assert_eq!(
            shown(&outcome),
            [(locators[0], Some("one"), "x = 1\ny"), (locators[1], Some("two"), "z")],
            "{name}: {:?}",
            outcome.result
        );
        assert!(outcome.rejected.is_empty());
    }
}

#[test]
fn sides_come_from_the_field_then_the_object_then_the_name() {
    for (name, side) in [
        ("train.jsonl", Some("train")),
        ("x_test.csv", Some("test")),
        ("valid-00000-of-00002.parquet", Some("valid")),
        ("hf_test_v2.jsonl", Some("test")),
        ("train_data.csv", Some("train")),
        ("test/0001.jsonl", Some("test")),
        ("test_extraction_dataset.jsonl", None),
        ("output_test_dataset.jsonl", None),
        ("latest.jsonl", None),
    ] {
        assert_eq!(side_from_name(name), side, "{name}");
    }
    let folder = Folder::new("sides");
    let path = folder.write(
        "train.json",
        "{\"val\":[{\"q\":\"b\",\"a\":\"1\",\"s\":\"test\"}],\"odd\":[{\"q\":\"b\",\"a\":\"2\"}]}",
    );
    let outcome = run(&recipe("fields.split = \"s\"\n"), path.clone(), None);
    assert_eq!(outcome.rows[0].split, Some(Side::Test));
    assert_eq!(outcome.rows[1].split, None);
    assert_eq!(outcome.rows[1].meta["split"], "odd");
    assert!(outcome.result.unwrap().notes.iter().any(|note| note.contains("`odd` 1")));
    assert_eq!(run(&recipe(""), path, None).rows[0].split, Some(Side::Validation));
}

#[test]
fn the_field_map_takes_what_the_recipe_names() {
    let folder = Folder::new("map");
    let path = folder.write(
        "a.jsonl",
        "{\"t\":\"<s>[INST] x [/INST] code</s>\",\"id\":7,\"lv\":\"Hard\",\"m\":{\"topic\":\"w\",\"none\":null},\"f\":\"k\",\"ok\":true}\n{\"t\":\"nothing\",\"id\":8,\"ok\":true}\n{\"t\":\"[/INST]c</s>\",\"id\":9,\"ok\":false}\n{\"t\":\"[/INST]d</s>\",\"ok\":true}\n",
    );
    let text = "name = \"x\"\nlicence = \"MIT\"\nrank = 3\nreader = \"table\"\nlevels = [\"easy\"]\nkey = [\"id\"]\nfamily = [\"f\"]\nmeta = [\"m.topic\", \"m.none\"]\ndescription = \"About {m.topic}, {id}.\"\nfilter = [{ field = \"ok\", equals = true }]\nexpected_rows = 9\n[fields]\ncode = { path = \"t\", capture = '(?s)\\[/INST\\]\\s*(.*)</s>' }\nlevel = \"lv\"\nlicence = { value = \"CC0-1.0\" }\n";
    let recipe = Recipe::from_toml(text, "x.toml").unwrap();
    let outcome = run(&recipe, path, None);
    let row = &outcome.rows[0];
    assert_eq!((row.code.as_str(), row.instruction.as_deref()), ("code", Some("About w, 7.")));
    assert_eq!(row.description_kind, Some(crate::sample::DescriptionKind::Template));
    assert_eq!((row.key.as_deref(), row.family.as_deref(), row.level.as_deref()), (Some("7"), Some("k"), Some("hard")));
    assert_eq!(row.licence.as_deref(), Some("CC0-1.0"));
    assert_eq!(row.meta.keys().collect::<Vec<_>>(), ["topic"]);
    let reasons: Vec<&str> = outcome.rejected.iter().map(|row| row.reason.as_str()).collect();
    assert_eq!(reasons, ["no-match", "filtered", "missing-field"]);
    let notes = outcome.result.unwrap().notes.join("\n");
    assert!(notes.contains("`hard` 1") && notes.contains("the recipe expects 9"), "{notes}");
}

#[test]
fn rows_without_code_are_rejected_and_placeholders_are_no_descriptions() {
    let folder = Folder::new("nocode");
    let path = folder.write(
        "a.jsonl",
        "{\"q\":\"x\",\"a\":\"\"}\n{\"q\":\"x\"}\n{\"q\":\"x\",\"a\":[1]}\n{\"q\":\"main.py\",\"a\":\"c\"}\n{\"q\":null,\"a\":\"d\"}\n{\"q\":\"y\",\"a\":null}\n",
    );
    let outcome = run(&recipe(""), path, None);
    let reasons: Vec<&str> = outcome.rejected.iter().map(|row| row.reason.as_str()).collect();
    assert_eq!(reasons, ["no-code", "missing-field", "wrong-type", "no-code"]);
    assert!(outcome.rejected[1].detail.contains("`a`; there are q"), "{}", outcome.rejected[1].detail);
    assert_eq!(shown(&outcome), [("a.jsonl:4", None, "c"), ("a.jsonl:5", None, "d")]);
    assert_eq!(outcome.rows[0].description_kind, Some(crate::sample::DescriptionKind::None));
    assert_eq!(outcome.result.unwrap().counts["placeholders"], 1);
}

#[test]
fn a_column_that_no_row_has_is_an_error_before_anything_is_handed_on() {
    let folder = Folder::new("unknown");
    let path = folder.write("a.jsonl", "{\"q\":\"x\",\"b\":\"c\"}\n".repeat(300));
    let outcome = run(&recipe(""), path.clone(), None);
    let error = outcome.result.unwrap_err().to_string();
    assert!(error.contains("no row has `a`") && error.contains("no code") && error.contains("b, q"), "{error}");
    assert!(outcome.rows.is_empty() && outcome.rejected.is_empty());
    let text = "name = \"x\"\nlicence = \"MIT\"\nrank = 3\nreader = \"table\"\nfields.code = \"b\"\nmeta = [\"zz\"]\n";
    let error = run(&Recipe::from_toml(text, "x").unwrap(), path, None).result.unwrap_err().to_string();
    assert!(error.contains("no row has `zz`"), "{error}");
}

#[test]
fn a_source_that_yields_nothing_is_an_error() {
    let folder = Folder::new("nothing");
    let error = run(&recipe(""), folder.write("a.json", "[\"x\", \"y\"]"), None).result.unwrap_err().to_string();
    assert!(error.contains("not-an-object 2") && error.contains("none has code"), "{error}");
    let error = run(&recipe(""), folder.write("b.json", "[]"), None).result.unwrap_err().to_string();
    assert!(error.contains("no rows"), "{error}");
    let error = run(&recipe(""), folder.write("c.csv", "q,a\n"), None).result.unwrap_err().to_string();
    assert!(error.contains("no rows"), "{error}");
}

#[test]
fn a_folder_is_read_by_the_first_variant_that_has_files_there() {
    let folder = Folder::new("variants");
    folder.write("one/a_train.jsonl", "{\"q\":\"x\",\"a\":\"1\"}\n");
    folder.write("one/a_test.jsonl", "{\"q\":\"x\",\"a\":\"2\"}\n");
    folder.write("two.csv", "q,a\nx,3\n");
    folder.write("dataset_info.json", "{\"n\": 1}");
    folder.write("notes.txt", "hello");
    let text = "[[variant]]\nname = \"none\"\ninclude = [\"zzz.json\"]\n[[variant]]\nname = \"lines\"\ninclude = [\"a_*.jsonl\"]\n[[variant]]\nname = \"sheet\"\ninclude = [\"two.csv\"]\n";
    let recipe = recipe(text);
    let outcome = run(&recipe, folder.0.clone(), None);
    assert_eq!(
        shown(&outcome).iter().map(|row| row.0).collect::<Vec<_>>(),
        ["one/a_test.jsonl:1", "one/a_train.jsonl:1"]
    );
    assert_eq!(outcome.rows[0].split, Some(Side::Test));
    let summary = outcome.result.unwrap();
    assert!(summary.notes[0].contains("`lines` was read") && summary.notes[0].contains("sheet"), "{:?}", summary.notes);
    assert_eq!(summary.files, ["one/a_test.jsonl", "one/a_train.jsonl"]);
    let outcome = run(&recipe, folder.0.clone(), Some("sheet"));
    assert_eq!(outcome.rows[0].code, "3");
    let error = run(&recipe, folder.0.clone(), Some("none")).result.unwrap_err().to_string();
    assert!(error.contains("a_test.jsonl") && error.contains("zzz.json"), "{error}");
    let error = run(&recipe, folder.0.clone(), Some("shet")).result.unwrap_err().to_string();
    assert!(error.contains("none, lines, sheet"), "{error}");
    // A file under a name of the person's own is read by the variant whose columns it has.
    let outcome = run(&recipe, folder.write("mine.csv", "q,a\nx,4\n"), None);
    assert_eq!(outcome.rows[0].code, "4");
    assert!(outcome.result.unwrap().notes[0].contains("whose columns it has"));
}

#[test]
fn a_folder_without_tables_says_what_there_is() {
    let folder = Folder::new("notables");
    folder.write("a.txt", "x");
    let error = run(&recipe(""), folder.0.clone(), None).result.unwrap_err().to_string();
    assert!(error.contains("no table in this folder (1 other files)"), "{error}");
    let error =
        run(&recipe("include = [\"b.csv\"]\n"), folder.write("a.json", "[1]"), None).result.unwrap_err().to_string();
    assert!(error.contains("no file of source x, which reads b.csv"), "{error}");
    let error = run(&recipe(""), folder.0.join("absent"), None).result.unwrap_err().to_string();
    assert!(error.contains("cannot read"), "{error}");
}

#[test]
fn a_checkout_of_a_dataset_is_read_by_its_readme() {
    let folder = Folder::new("hub");
    folder.write("README.md", "---\nconfigs:\n- config_name: default\n  data_files:\n  - split: train\n    path: data/part-*\n  - split: test\n    path: data/held.jsonl\n---\n");
    folder.write("data/part-00000.jsonl", "{\"q\":\"x\",\"a\":\"1\"}\n");
    folder.write("data/held.jsonl", "{\"q\":\"x\",\"a\":\"2\"}\n");
    folder.write("old.jsonl", "{\"q\":\"x\",\"a\":\"3\"}\n");
    let outcome = run(&recipe(""), folder.0.clone(), None);
    let sides: Vec<_> = outcome.rows.iter().map(|row| (row.code.as_str(), row.split)).collect();
    assert_eq!(sides, [("2", Some(Side::Test)), ("1", Some(Side::Train))]);
    assert!(outcome.result.unwrap().notes[0].contains("1 tables that README.md does not name"));
}

#[cfg(unix)]
#[test]
fn links_that_lead_out_of_the_folder_are_not_followed() {
    let folder = Folder::new("links");
    let outside = folder.write("outside.jsonl", "{\"q\":\"x\",\"a\":\"1\"}\n");
    folder.write("in/a.jsonl", "{\"q\":\"x\",\"a\":\"2\"}\n");
    std::os::unix::fs::symlink(&outside, folder.0.join("in/b.jsonl")).unwrap();
    std::os::unix::fs::symlink(&folder.0, folder.0.join("in/loop")).unwrap();
    let outcome = run(&recipe(""), folder.0.join("in"), None);
    assert_eq!(outcome.rows.len(), 1);
    assert!(outcome.result.unwrap().notes[0].contains("2 links"));
}

#[test]
fn two_files_are_joined_by_index_or_by_key() {
    let folder = Folder::new("join");
    let codes = folder.write(
        "codes.json",
        "[{\"text\":\"c1\",\"id\":\"a\"},{\"text\":\"c2\",\"id\":\"b\"},{\"text\":\"c3\",\"id\":\"z\"}]",
    );
    folder.write("asks.jsonl", "{\"input\":\"q1\",\"key\":\"b\"}\nbroken\n{\"input\":\"q3\",\"key\":\"a\"}\n");
    let text = |join: &str| {
        format!(
            "name = \"x\"\nlicence = \"MIT\"\nrank = 3\nreader = \"table\"\ninclude = [\"codes.json\"]\njoin = {join}\n[fields]\ncode = \"text\"\ninstruction = \"joined.input\"\n"
        )
    };
    let by_index = Recipe::from_toml(&text("{ file = \"asks.jsonl\", by = \"index\" }"), "x").unwrap();
    let outcome = run(&by_index, folder.0.clone(), None);
    assert_eq!(shown(&outcome), [("codes.json[0]", Some("q1"), "c1"), ("codes.json[2]", Some("q3"), "c3")]);
    assert_eq!(outcome.rejected[0].reason, "join-unreadable");
    let by_key =
        Recipe::from_toml(&text("{ file = \"asks.jsonl\", by = \"key\", key = \"id\", other_key = \"key\" }"), "x")
            .unwrap();
    let outcome = run(&by_key, codes.clone(), None);
    assert_eq!(shown(&outcome), [("codes.json[0]", Some("q3"), "c1"), ("codes.json[1]", Some("q1"), "c2")]);
    assert_eq!(outcome.rejected[0].reason, "no-join-partner");
    let error = run(&by_index, folder.0.join("asks.jsonl"), None).result.unwrap_err().to_string();
    assert!(error.contains("joins its rows with this file"), "{error}");
    folder.write("asks.jsonl", "{\"input\":\"q1\"}\n");
    let error = run(&by_index, codes.clone(), None).result.unwrap_err().to_string();
    assert!(error.contains("ends after 1 rows"), "{error}");
    folder.write("asks.jsonl", "{\"input\":\"q1\"}\n".repeat(4));
    let error = run(&by_index, codes.clone(), None).result.unwrap_err().to_string();
    assert!(error.contains("more than the 3 rows"), "{error}");
    fs::remove_file(folder.0.join("asks.jsonl")).unwrap();
    let error = run(&by_index, codes, None).result.unwrap_err().to_string();
    assert!(error.contains("does not lie beside"), "{error}");
}

#[test]
fn a_packed_file_that_ends_early_is_an_error() {
    let folder = Folder::new("early");
    let rows: String =
        (0..20_000).map(|index| format!("{{\"q\":\"x\",\"a\":\"{}\"}}\n", index * 7919 % 10_007)).collect();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, rows.as_bytes()).unwrap();
    let whole = encoder.finish().unwrap();
    let path = folder.write("a.jsonl.gz", &whole[..whole.len() / 2]);
    let error = run(&recipe(""), path, None).result.unwrap_err().to_string();
    assert!(error.contains("truncated") && error.contains("after line"), "{error}");
}
