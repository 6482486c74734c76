//! The `table` reader, the table sources and the cleaners: on fixtures of every source's schema always, on the published
//! files where they lie at hand (`SCENERY_DATA`, else `../shared/data`).

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use scenery::analyze::parse;
use scenery::analyze::walk::code_facts;
use scenery::ingest::IngestError;
use scenery::ingest::catalog::CATALOG;
use scenery::ingest::cleaners::{CLEANERS, CleanContext, clean, step};
use scenery::ingest::readers;
use scenery::ingest::recipe::Recipe;
use scenery::ingest::row::{Met, RawRow, ReadRequest, ReadSummary};
use scenery::sample::{RejectedRow, Side};
use scenery::similarity::lexer;

struct Outcome {
    rows: Vec<RawRow>,
    rejected: Vec<RejectedRow>,
    result: Result<ReadSummary, IngestError>,
}

impl Outcome {
    fn error(&self) -> String {
        match &self.result {
            Err(error) => error.to_string(),
            Ok(summary) => panic!("{} rows and no error: {summary:?}", self.rows.len()),
        }
    }

    fn notes(&self) -> String {
        self.result.as_ref().map(|summary| summary.notes.join("\n")).unwrap_or_else(|error| panic!("{error}"))
    }

    fn sides(&self) -> [usize; 3] {
        [Side::Train, Side::Validation, Side::Test]
            .map(|side| self.rows.iter().filter(|row| row.split == Some(side)).count())
    }

    fn levels(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for row in &self.rows {
            *counts.entry(row.level.as_deref().unwrap_or("-")).or_default() += 1;
        }
        counts
    }
}

fn read_all(recipe: &Recipe, paths: &[PathBuf], variant: Option<&str>) -> Outcome {
    let (mut rows, mut rejected) = (Vec::new(), Vec::new());
    let request = ReadRequest { recipe, paths, max_row_bytes: 64 << 20, variant: variant.map(str::to_owned) };
    let reader = readers::find(&recipe.reader).expect("a recipe's reader is registered");
    let result = (reader.read)(&request, &mut |met| {
        match met {
            Met::Row(row) => rows.push(*row),
            Met::Rejected(row) => rejected.push(row),
            Met::Progress(_) => {}
        }
        Ok(())
    });
    Outcome { rows, rejected, result }
}

fn source(name: &str, path: impl AsRef<Path>) -> Outcome {
    read_all(&Recipe::builtin(name).unwrap(), &[path.as_ref().to_owned()], None)
}

/// The folder of published files; says loudly where it is missing.
fn data(test: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("SCENERY_DATA").map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"));
    if folder.is_dir() {
        Some(folder)
    } else {
        eprintln!("SKIPPED: {test}: no published data at {} (set SCENERY_DATA)", folder.display());
        None
    }
}

fn parses(code: &str) -> bool {
    parse::check(code).is_valid()
}

fn count(rows: &[RawRow], test: impl Fn(&RawRow) -> bool) -> usize {
    rows.iter().filter(|row| test(row)).count()
}

/// How many parse after all cleaners, and how often each was applied.
fn cleaned(rows: &[RawRow]) -> (usize, BTreeMap<&'static str, usize>) {
    let mut applied = BTreeMap::new();
    let mut valid = 0;
    for row in rows {
        let cleaned = clean(&row.code, row.instruction.as_deref(), &CleanContext::default());
        valid += usize::from(parses(&cleaned.code));
        for name in cleaned.applied {
            *applied.entry(name).or_default() += 1;
        }
    }
    (valid, applied)
}

fn tokens(code: &str) -> Vec<&str> {
    lexer::tokens(code).map(|token| token.text).collect()
}

/// A folder that is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("scenery-tables-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A recipe for `q` and `a`.
fn plain() -> Recipe {
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    Recipe::adhoc("plain", "table", &[pair("instruction", "q"), pair("code", "a")]).unwrap()
}

// Fixtures: every table source in its own schema.

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/sources").join(name)
}

#[test]
fn every_table_source_reads_its_fixture_and_every_code_of_it_can_be_mended() {
    let expected = BTreeMap::from([
        ("autoresearch", 2),
        ("bespoke_manim", 2),
        ("derivative_537", 4),
        ("edoh", 2),
        ("edoh_physics", 1),
        ("manim_codegen", 3),
        ("manim_wizard", 1),
        ("manimbench", 2),
        ("mediciresearch", 3),
        ("thanks", 2),
        ("timholds_ce", 1),
        ("timholds_docs", 2),
        ("timholds_multi", 3),
    ]);
    let tables = CATALOG.iter().filter(|(name, _)| Recipe::builtin(name).unwrap().reader == "table");
    for (name, _) in tables {
        let outcome = source(name, fixture(name));
        let summary = outcome.result.as_ref().unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(Some(&outcome.rows.len()), expected.get(name), "{name}: {:?}", summary.notes);
        assert!(outcome.rejected.is_empty(), "{name}: {:?}", outcome.rejected);
        let (valid, applied) = cleaned(&outcome.rows);
        assert_eq!(valid, outcome.rows.len(), "{name}: {applied:?}");
    }
}

#[test]
fn fixtures_show_what_recipes_decide() {
    let rows = source("manimbench", fixture("manimbench")).rows;
    assert_eq!(rows[0].instruction.as_deref(), Some("Move a dot along half a circle, \"slowly\"."));
    assert_eq!((rows[0].level.as_deref(), rows[0].split), (Some("basic"), Some(Side::Train)));
    assert!(source("thanks", fixture("thanks")).rows.iter().all(|row| row.instruction.is_none()));
    let codegen = source("manim_codegen", fixture("manim_codegen")).rows;
    let described: Vec<_> = codegen.iter().map(|row| row.instruction.as_deref()).collect();
    assert_eq!(described, [None, Some("Grow a ring."), Some("Turn a pair of dots.")]);
    assert_eq!(codegen[2].split, Some(Side::Validation));
    let outcome = source("derivative_537", fixture("derivative_537"));
    assert!(outcome.notes().contains("plain"), "{}", outcome.notes());
    assert_eq!(outcome.rows[0].family, outcome.rows[2].family);
    assert_eq!(outcome.rows[0].meta["function"], "x^5");
    let multi = source("timholds_multi", fixture("timholds_multi")).rows;
    let described: Vec<_> = multi.iter().map(|row| row.instruction.as_deref()).collect();
    assert_eq!(described, [Some("Fade in two squares."), None, None]);
    assert_eq!(source("timholds_ce", fixture("timholds_ce")).rows[0].instruction, None);
    let research = source("autoresearch", fixture("autoresearch")).rows;
    assert_eq!(research[1].key.as_deref(), Some("two_bars"));
    assert_eq!(research[0].meta["must_contain"][0], "MoveAlongPath(");
}

// The published files.

#[test]
fn manimbench_is_the_same_in_every_rendering() {
    let Some(data) = data("manimbench") else { return };
    let folder = data.join("manimbench");
    let csv = source("manimbench", folder.join("manim_sft_dataset.csv"));
    let parquet = source("manimbench", folder.join("manim_sft_dataset.parquet"));
    for outcome in [&csv, &parquet] {
        assert_eq!((outcome.rows.len(), outcome.rejected.len()), (417, 0), "{:?}", outcome.result);
        assert_eq!(outcome.sides(), [317, 0, 100]);
        assert_eq!(outcome.levels(), BTreeMap::from([("basic", 259), ("intermediate", 139), ("advanced", 19)]));
        assert!(!outcome.notes().contains("expects"));
    }
    let texts = |outcome: &Outcome| -> Vec<(Option<String>, String)> {
        outcome.rows.iter().map(|row| (row.instruction.clone(), row.code.clone())).collect()
    };
    assert_eq!(texts(&csv), texts(&parquet));
    let valid = count(&csv.rows, |row| parses(&row.code));
    let scenes = count(&csv.rows, |row| code_facts(&row.code).scenes().next().is_some());
    let (_, applied) = cleaned(&csv.rows);
    println!("manimbench: {} read, {valid} parse, {scenes} have a Scene; cleaners {applied:?}", csv.rows.len());
    assert_eq!((valid, scenes), (417, 416));
    assert!(applied.is_empty(), "{applied:?}");
    let folder_read = source("manimbench", &folder);
    assert_eq!(folder_read.rows.len(), 417);
    assert!(folder_read.notes().contains("`csv` was read") && folder_read.notes().contains("v2-sides"));
    let recipe = Recipe::builtin("manimbench").unwrap();
    let sides = read_all(&recipe, std::slice::from_ref(&folder), Some("sides"));
    assert_eq!(sides.sides(), [317, 0, 100]);
    let v2 = read_all(&recipe, std::slice::from_ref(&folder), Some("v2"));
    assert_eq!((v2.rows.len(), v2.sides()), (416, [316, 0, 100]));
    let v2_sides = read_all(&recipe, &[folder], Some("v2-sides"));
    assert_eq!(v2_sides.sides(), [316, 0, 100]);
}

#[test]
fn every_rendering_of_derivative_537_has_its_rows_sides_and_levels() {
    let Some(data) = data("derivative_537") else { return };
    let folder = data.join("derivative_537");
    let recipe = Recipe::builtin("derivative_537").unwrap();
    let levels = BTreeMap::from([("foundation", 127), ("conceptual", 156), ("application", 188), ("advanced", 54)]);
    for variant in &recipe.variants {
        let outcome = read_all(&recipe, std::slice::from_ref(&folder), Some(&variant.name));
        assert_eq!(outcome.rejected, [], "{}", variant.name);
        let openai = variant.name == "openai";
        assert_eq!(outcome.sides(), if openai { [418, 50, 0] } else { [418, 50, 57] }, "{}", variant.name);
        assert_eq!(outcome.rows.len(), if openai { 468 } else { 525 });
        if ["huggingface", "instruction", "plain"].contains(&variant.name.as_str()) {
            assert_eq!(outcome.levels(), levels, "{}", variant.name);
        }
        assert!(outcome.rows.iter().all(|row| row.instruction.is_some()), "{}", variant.name);
        assert!(!outcome.notes().contains("expects"), "{}", outcome.notes());
        let (valid, applied) = cleaned(&outcome.rows);
        println!("derivative_537 {}: {} read, {valid} parse, cleaners {applied:?}", variant.name, outcome.rows.len());
        assert_eq!(valid, outcome.rows.len());
    }
    let whole = source("derivative_537", &folder);
    assert_eq!(whole.rows.len(), 525);
    assert!(whole.notes().contains("`huggingface` was read"), "{}", whole.notes());
    assert_eq!(source("derivative_537", folder.join("val.jsonl")).sides(), [0, 50, 0]);
}

#[test]
fn manim_codegen_parses_only_after_cleaning() {
    let Some(data) = data("manim_codegen") else { return };
    let outcome = source("manim_codegen", data.join("manim_codegen"));
    assert_eq!((outcome.rows.len(), outcome.rejected.len()), (1622, 0));
    assert_eq!(outcome.sides(), [1459, 163, 0]);
    let context = CleanContext::default();
    let prefixed: Vec<&RawRow> = outcome.rows.iter().filter(|row| row.code.starts_with("\\n")).collect();
    assert_eq!(prefixed.len(), 1023);
    assert_eq!(count(&outcome.rows, |row| parses(&row.code)), 0);
    assert_eq!(count(&outcome.rows, |row| row.instruction.is_some()), 599);
    let prefix = CLEANERS.iter().find(|cleaner| cleaner.name == "literal-newline-prefix-removed").unwrap();
    let bare: Vec<String> = prefixed.iter().filter_map(|row| step(prefix, &row.code, &context)).collect();
    let valid = bare.iter().filter(|code| parses(code)).count();
    assert_eq!((bare.len(), valid), (1023, 987));
    let single: Vec<&RawRow> = outcome.rows.iter().filter(|row| !row.code.contains('\n')).collect();
    assert_eq!(single.len(), 599);
    let expander = CLEANERS.iter().find(|cleaner| cleaner.name == "single-line-expanded").unwrap();
    let expanded =
        single.iter().filter_map(|row| step(expander, &row.code, &context)).filter(|code| parses(code)).count();
    let (all, applied) = cleaned(&outcome.rows);
    println!(
        "manim_codegen: 1622 read, 0 parse; 987 of 1023 parse without the prefix; {expanded} of 599 after expansion; {all} of 1622 after all cleaners {applied:?}"
    );
    assert!(expanded * 100 >= 599 * 95, "{expanded}");
    assert!(all >= 987 + expanded, "{all}");
}

#[test]
fn edoh_is_laid_out_again_with_the_tokens_of_its_twin() {
    let Some(data) = data("edoh") else { return };
    let folder = data.join("edoh");
    let raw = source("edoh", folder.join("edoh-dataset.jsonl"));
    let twin = source("edoh", folder.join("edoh-dataset-format-pep8.jsonl"));
    let tabs = source("edoh", folder.join("edoh-dataset-format.jsonl"));
    assert_eq!([raw.rows.len(), twin.rows.len(), tabs.rows.len()], [599, 599, 599]);
    assert_eq!(count(&raw.rows, |row| parses(&row.code)), 0);
    assert_eq!(count(&tabs.rows, |row| parses(&row.code)), 599);
    let (mut valid, mut same, mut equal_lines) = (0, 0, 0);
    for (raw, twin) in raw.rows.iter().zip(&twin.rows) {
        let mended = clean(&raw.code, None, &CleanContext::default());
        assert_eq!(mended.applied, ["single-line-expanded"], "{}", raw.code);
        valid += usize::from(parses(&mended.code));
        same += usize::from(tokens(&mended.code) == tokens(&twin.code));
        let lines = |code: &str| code.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
        equal_lines += usize::from(lines(&mended.code) == lines(&twin.code));
    }
    println!(
        "edoh: 599 read, 0 parse; {valid} parse after single-line-expanded, {same} with the tokens of their twin, {equal_lines} equal to it line by line"
    );
    assert_eq!((valid, same), (599, 599));
    assert_eq!(source("edoh", &folder).rows.len(), 599);
}

#[test]
fn mediciresearch_joins_to_1025_pairs() {
    let Some(data) = data("mediciresearch") else { return };
    let outcome = source("mediciresearch", data.join("mediciresearch"));
    assert_eq!((outcome.rows.len(), outcome.rejected.len()), (1025, 0));
    assert!(outcome.rows.iter().all(|row| row.instruction.is_some()));
    let marked: Vec<&RawRow> = outcome.rows.iter().filter(|row| row.code.contains("_x000D_")).collect();
    assert_eq!(marked.len(), 12);
    for row in marked {
        let mended = clean(&row.code, None, &CleanContext::default());
        assert!(mended.applied.contains(&"spreadsheet-cr-mended") && parses(&mended.code), "{}", row.locator);
    }
    let before = count(&outcome.rows, |row| parses(&row.code));
    let (after, applied) = cleaned(&outcome.rows);
    println!("mediciresearch: 1025 pairs, {before} parse as read, {after} after cleaning {applied:?}");
    assert!(after >= before + 12);
}

#[test]
fn placeholders_fences_and_wrong_suffixes_of_timholds() {
    let Some(data) = data("timholds") else { return };
    let v1 = data.join("timholds_v1");
    for name in [
        "data_manim_ce_examples.jsonl",
        "data_manim_ce_examples_v20250712.jsonl",
        "data_manim_ce_examples_v20250711.jsonl",
    ] {
        let outcome = source("timholds_ce", v1.join(name));
        assert_eq!(outcome.rows.len(), 27, "{name}: {:?}", outcome.result);
        assert!(outcome.rows.iter().all(|row| row.instruction.is_none()), "{name}");
        let (valid, applied) = cleaned(&outcome.rows);
        assert_eq!((valid, applied["fence-stripped"]), (27, 27), "{name}");
    }
    let multi = source("timholds_multi", v1.join("data_formatted_multi_train.json"));
    assert_eq!((multi.rows.len(), multi.rejected.len()), (826, 0), "{:?}", multi.result);
    let described = |from: &str| count(&multi.rows, |row| row.meta["from_source"] == from && row.instruction.is_some());
    assert_eq!(
        [described("thanks-manim"), described("manim-codegen"), described("manimbench"), described("bespoke-manim")],
        [0, 0, 196, 270]
    );
    let (valid, applied) = cleaned(&multi.rows);
    println!("timholds_multi: 826 read, {valid} parse after cleaning {applied:?}");
    assert_eq!(applied["fence-stripped"], 826);
    assert!(multi.rows.iter().all(|row| row.split == Some(Side::Train)));
    let v2 = data.join("timholds_v2");
    let recipe = Recipe::builtin("timholds_docs").unwrap();
    let lines = read_all(&recipe, std::slice::from_ref(&v2), Some("jsonl"));
    let parquet = read_all(&recipe, &[v2], Some("parquet"));
    let pairs = |outcome: &Outcome| {
        let mut pairs: Vec<_> = outcome
            .rows
            .iter()
            .map(|row| (row.instruction.clone(), row.code.clone(), row.meta["scene_name"].clone().to_string()))
            .collect();
        pairs.sort();
        pairs
    };
    assert_eq!(lines.rows.len(), 79, "{:?}", lines.result);
    assert_eq!(pairs(&lines), pairs(&parquet));
    assert_eq!(lines.sides(), [0, 0, 0]);
}

#[test]
fn the_small_sources_are_read_whole() {
    let Some(data) = data("small sources") else { return };
    let research = source("autoresearch", data.join("autoresearch"));
    assert_eq!((research.rows.len(), research.rejected.len()), (178, 0), "{:?}", research.result);
    assert!(research.rows.iter().all(|row| row.licence.as_deref() == Some("MIT") && row.key.is_some()));
    let recipe = Recipe::builtin("autoresearch").unwrap();
    for (variant, rows) in [("candidates", 69), ("promoted", 23), ("rejected", 35)] {
        assert_eq!(read_all(&recipe, &[data.join("autoresearch")], Some(variant)).rows.len(), rows, "{variant}");
    }
    for (name, path, rows) in [("edoh_physics", "edoh", 40), ("manim_wizard", "manim_wizard", 2)] {
        let outcome = source(name, data.join(path));
        assert_eq!(outcome.rows.len(), rows, "{name}: {:?}", outcome.result);
        let (valid, applied) = cleaned(&outcome.rows);
        println!("{name}: {rows} read, {valid} parse, cleaners {applied:?}");
    }
    let (valid, applied) = cleaned(&research.rows);
    println!("autoresearch: 178 read, {valid} parse, cleaners {applied:?}");
}

#[test]
fn prompts_without_code_are_an_error_and_no_sample() {
    let Some(data) = data("prompt-only files") else { return };
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    let recipe = Recipe::adhoc("theorems", "table", &[pair("instruction", "theorem"), pair("code", "code")]).unwrap();
    let outcome = read_all(&recipe, &[data.join("theoremexplainbench")], None);
    assert!(outcome.rows.is_empty());
    let error = outcome.error();
    assert!(error.contains("no code") && error.contains("subfield"), "{error}");
    let outcome = read_all(&recipe, &[data.join("mmmc_code2video")], None);
    assert!(outcome.rows.is_empty());
    let error = outcome.error();
    assert!(error.contains("none has code") && error.contains("not-an-object 117"), "{error}");
    let preview = readers::table::preview(&data.join("theoremexplainbench")).unwrap();
    let error = preview.command("x", &data).unwrap_err().to_string();
    assert!(error.contains("no code"), "{error}");
    let error = readers::table::preview(&data.join("mmmc_code2video")).unwrap_err().to_string();
    assert!(error.contains("no code"), "{error}");
}

#[test]
fn a_preview_finds_instruction_and_code_in_published_tables() {
    let Some(data) = data("preview") else { return };
    for (path, instruction, code) in [
        ("manimbench/manim_sft_dataset.csv", "Reviewed Description", "Code"),
        ("manimbench/manim_sft_dataset.parquet", "Reviewed Description", "Code"),
        ("edoh/physics-01.jsonl", "messages[role=user].content", "messages[role=assistant].content"),
        (
            "timholds_v1/data_formatted_multi_train.json",
            "conversations[from=user].value",
            "conversations[from=assistant].value",
        ),
        ("autoresearch/manim_dataset.jsonl", "prompt", "completion"),
        ("derivative_537/huggingface_dataset.json", "instruction", "output"),
        ("manim_wizard/manim_instructions.jsonl", "instruction", "response"),
    ] {
        let preview = readers::table::preview(&data.join(path)).unwrap();
        assert_eq!(
            (preview.instruction.as_deref(), preview.code.as_deref()),
            (Some(instruction), Some(code)),
            "{path}"
        );
        let command = preview.command("x", &data.join(path)).unwrap();
        assert!(command.starts_with("scenery ingest --reader table --field "), "{command}");
    }
}

// Faults.

#[test]
fn files_that_are_no_tables_are_clear_errors() {
    let folder = Folder::new("faults");
    let row = "{\"q\":\"x\",\"a\":\"c = 1\"}\n";
    let cases: &[(PathBuf, &str)] = &[
        (folder.write("empty.jsonl", ""), "the file is empty"),
        (folder.write("binary.jsonl", b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0"), "binary file"),
        (folder.write("binary.parquet", b"\x7fELF\x02\x01\x01\0\0\0\0\0"), "no Parquet file"),
        (folder.write("cut.parquet", b"PAR1 and then nothing"), "no readable Parquet file"),
        (folder.write("wrong.jsonl", "{\"question\":\"x\",\"answer\":\"c\"}\n".repeat(9)), "no row has `a`, `q`"),
        (folder.write("prose.txt", "Dear reader"), "no table"),
        (folder.0.join("missing.jsonl"), "cannot read"),
    ];
    for (path, words) in cases {
        let outcome = read_all(&plain(), std::slice::from_ref(path), None);
        assert!(outcome.rows.is_empty());
        let error = outcome.error();
        assert!(error.contains(words), "{error}");
    }
    let empty = Folder::new("nothing-here");
    assert!(read_all(&plain(), std::slice::from_ref(&empty.0), None).error().contains("no table in this folder"));
    let cut = folder.write("cut.jsonl", format!("{}{}", row.repeat(3), &row[..12]));
    let outcome = read_all(&plain(), &[cut], None);
    assert_eq!(outcome.rows.len(), 3);
    assert_eq!(
        (outcome.rejected[0].reason.as_str(), outcome.rejected[0].locator.as_str()),
        ("truncated", "cut.jsonl:4")
    );
}

#[test]
fn a_gigabyte_on_one_line_is_a_rejected_row() {
    let folder = Folder::new("gigabyte");
    let path = folder.0.join("a.jsonl.zst");
    let mut file = zstd::Encoder::new(fs::File::create(&path).unwrap(), 1).unwrap();
    let good = b"{\"q\":\"x\",\"a\":\"c = 1\"}\n";
    file.write_all(good).unwrap();
    file.write_all(b"{\"q\":\"x\",\"a\":\"").unwrap();
    let chunk = vec![b'y'; 1 << 20];
    for _ in 0..1024 {
        file.write_all(&chunk).unwrap();
    }
    file.write_all(b"\"}\n").unwrap();
    file.write_all(good).unwrap();
    file.finish().unwrap();
    let outcome = read_all(&plain(), &[path], None);
    let locators: Vec<&str> = outcome.rows.iter().map(|row| row.locator.as_str()).collect();
    assert_eq!(locators, ["a.jsonl.zst:1", "a.jsonl.zst:3"], "{:?}", outcome.result);
    let rejected = &outcome.rejected[0];
    assert_eq!((rejected.reason.as_str(), rejected.locator.as_str()), ("row-too-large", "a.jsonl.zst:2"));
    assert!(rejected.detail.starts_with("10737418"), "{}", rejected.detail);
}

#[test]
fn a_million_short_rows_pass_one_by_one() {
    let folder = Folder::new("million");
    let path = folder.0.join("a.jsonl.zst");
    let mut file = zstd::Encoder::new(fs::File::create(&path).unwrap(), 1).unwrap();
    let rows = "{\"q\":\"x\",\"a\":\"c = 1\"}\n".repeat(1000);
    for _ in 0..1000 {
        file.write_all(rows.as_bytes()).unwrap();
    }
    file.finish().unwrap();
    let recipe = plain();
    let request = ReadRequest { recipe: &recipe, paths: &[path], max_row_bytes: 64 << 20, variant: None };
    let mut met = 0u64;
    let summary = (readers::table::READER.read)(&request, &mut |one| {
        met += u64::from(matches!(one, Met::Row(_)));
        Ok(())
    })
    .unwrap();
    assert_eq!((met, summary.counts["rows"]), (1_000_000, 1_000_000));
}

#[test]
fn an_error_of_the_taker_ends_the_reading() {
    let folder = Folder::new("taker");
    let path = folder.write("a.jsonl", "{\"q\":\"x\",\"a\":\"c\"}\n".repeat(500));
    let recipe = plain();
    let request = ReadRequest { recipe: &recipe, paths: &[path], max_row_bytes: 64 << 20, variant: None };
    let mut met = 0;
    let error = (readers::table::READER.read)(&request, &mut |_| {
        met += 1;
        if met == 7 { Err(IngestError::Recipe { name: "x".into(), message: "stop".into() }) } else { Ok(()) }
    });
    assert!(error.unwrap_err().to_string().contains("stop"));
    assert_eq!(met, 7);
}
