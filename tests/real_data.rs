//! The published files where they lie at hand (`SCENERY_DATA`, else `../shared/data`), through the whole store.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use scenery::ingest::IngestError;
use scenery::ingest::pipeline::{self, Options, Progress, Report};
use scenery::ingest::recipe::Recipe;
use scenery::slice::{self, vocabulary::StoreVocabulary};
use scenery::store::{Project, Store};

use crate::corpus::Scratch;

pub fn data(test: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("SCENERY_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"), PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("SKIPPED: {test}: no data at {} (set SCENERY_DATA)", folder.display());
    None
}

fn fresh(folder: &Scratch, name: &str) -> Store {
    let project = Project::init(&folder.join(name)).expect("a project");
    Store::open_for_writing(&project, "a test").expect("a store")
}

fn try_read(store: &mut Store, source: &str, path: &Path, variant: Option<&str>) -> Result<Report, IngestError> {
    let recipe = Recipe::builtin(source).expect("a recipe");
    let options = Options {
        sync: true,
        max_row_bytes: 64 << 20,
        dedup: scenery::dedup::Settings::default(),
        variant: variant.map(str::to_owned),
        now: "2026-06-01T00:00:00Z".to_owned(),
        command: format!("scenery ingest {source}"),
    };
    let report = pipeline::run(store, &recipe, &[path.to_owned()], &options, &Progress::default())?;
    assert_eq!(report.read, report.new + report.changed + report.unchanged + report.rejected.total);
    Ok(report)
}

/// Reads it twice: the second time changes nothing.
fn twice(store: &mut Store, source: &str, path: &Path, variant: Option<&str>) -> Report {
    let first = try_read(store, source, path, variant).unwrap_or_else(|error| panic!("{source} {variant:?}: {error}"));
    let again = try_read(store, source, path, variant).expect("it was read before");
    assert_eq!(
        (again.read, again.new, again.changed, again.gone, again.back),
        (first.read, 0, 0, 0, 0),
        "{source} {variant:?}"
    );
    assert_eq!(again.unchanged, first.new + first.changed + first.unchanged);
    assert_eq!(again.rejected, first.rejected);
    first
}

fn count(store: &Store, query: &str) -> u64 {
    let compiled =
        scenery::query::compile(query, &StoreVocabulary::new(store)).unwrap_or_else(|error| panic!("{query}: {error}"));
    slice::count(store, &compiled.plan).expect("it counts")
}

fn groups(store: &Store, query: &str, field: &str) -> BTreeMap<String, u64> {
    let compiled = scenery::query::compile(query, &StoreVocabulary::new(store)).expect("it compiles");
    let field = scenery::query::fields::find(field).expect("a field").field();
    let (_, groups) = slice::count_by(store, &compiled.plan, std::slice::from_ref(&field)).expect("it counts");
    groups
        .into_iter()
        .map(|group| (group.key[&field.name].as_str().unwrap_or("(none)").to_owned(), group.count))
        .collect()
}

fn listed(pairs: &[(&str, u64)]) -> BTreeMap<String, u64> {
    pairs.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

#[test]
fn manimbench_is_read_once_as_csv_and_as_parquet() {
    let Some(data) = data("manimbench") else { return };
    let folder = Scratch::new("real");
    let mut store = fresh(&folder, "p");
    let at = |name: &str| data.join("manimbench").join(name);
    let csv = twice(&mut store, "manimbench", &at("manim_sft_dataset.csv"), None);
    assert_eq!((csv.read, csv.new), (417, 417));
    let parquet = twice(&mut store, "manimbench", &at("manim_sft_dataset.parquet"), None);
    assert_eq!((parquet.read, parquet.new, parquet.unchanged, parquet.changed), (417, 0, 417, 0));
    assert_eq!(groups(&store, "", "split.given"), listed(&[("train", 317), ("test", 100)]));
    assert_eq!(groups(&store, "", "level"), listed(&[("basic", 259), ("intermediate", 139), ("advanced", 19)]));
    assert_eq!((count(&store, "is:valid"), count(&store, "is:scene")), (417, 416));
    assert_eq!(count(&store, "level>=intermediate"), 158);
    assert_eq!(count(&store, "description.kind:reviewed"), 417);
    for side in ["train", "test"] {
        let compiled = scenery::query::compile(&format!("split.given:{side}"), &StoreVocabulary::new(&store))
            .expect("it compiles");
        let fields = ["level", "complexity"].map(|name| scenery::query::fields::find(name).expect("a field").field());
        let (total, table) = slice::count_by(&store, &compiled.plan, &fields).expect("it counts");
        let same: u64 =
            table.iter().filter(|group| group.key["level"] == group.key["complexity"]).map(|group| group.count).sum();
        eprintln!("{side}: complexity agrees with Type on {same} of {total}");
        for group in &table {
            eprintln!("  {} called {}: {}", group.key["level"], group.key["complexity"], group.count);
        }
        assert_eq!(total, if side == "train" { 317 } else { 100 });
    }
}

#[test]
fn every_rendering_of_derivative_537_gives_its_rows() {
    let Some(data) = data("derivative_537") else { return };
    let folder = Scratch::new("real");
    let path = data.join("derivative_537");
    let levels = listed(&[("foundation", 127), ("conceptual", 156), ("application", 188), ("advanced", 54)]);
    for (variant, rows, has_levels) in [
        ("huggingface", 525, true),
        ("instruction", 525, true),
        ("plain", 525, true),
        ("hf", 525, false),
        ("openai", 468, false),
    ] {
        let mut store = fresh(&folder, variant);
        let report = twice(&mut store, "derivative_537", &path, Some(variant));
        assert_eq!((report.read, report.new), (rows, rows), "{variant}");
        let sides = groups(&store, "", "split.given");
        let wanted = [("train", 418), ("validation", 50), ("test", 57)];
        assert_eq!(sides, listed(if rows == 468 { &wanted[..2] } else { &wanted }), "{variant}");
        if has_levels {
            assert_eq!(groups(&store, "", "level"), levels, "{variant}");
            assert_eq!(count(&store, "level>=application"), 242, "{variant}");
        }
        assert_eq!(count(&store, "is:valid"), rows, "{variant}");
    }
}

#[test]
fn the_other_tables_give_their_rows() {
    let Some(data) = data("the other tables") else { return };
    let folder = Scratch::new("real");
    let mut store = fresh(&folder, "p");
    for (source, path, read) in [
        ("manim_codegen", "manim_codegen", 1_622),
        ("edoh", "edoh/edoh-dataset.jsonl", 599),
        ("mediciresearch", "mediciresearch", 1_025),
        ("timholds_ce", "timholds_v1", 27),
        ("timholds_multi", "timholds_v1", 826),
        ("timholds_docs", "timholds_v2", 79),
        ("manim_wizard", "manim_wizard", 2),
        ("edoh_physics", "edoh", 40),
    ] {
        let report = twice(&mut store, source, &data.join(path), None);
        eprintln!(
            "{source}: {} read = {} new + {} rejected {:?}; cleaned {:?}",
            report.read, report.new, report.rejected.total, report.rejected.by_reason, report.cleaned
        );
        assert_eq!(report.read, read, "{source}");
        assert_eq!(count(&store, &format!("source:{source} state:any")), report.new, "{source}");
    }
    assert_eq!(count(&store, "source:mediciresearch"), 1_025);
    assert_eq!(count(&store, "source:timholds_ce has:instruction"), 0, "placeholders are no descriptions");
    assert_eq!(count(&store, "source:timholds_ce code:/```/"), 0, "fences are stripped");
    assert!(count(&store, "source:edoh is:valid") >= 570, "{}", count(&store, "source:edoh is:valid"));
    assert!(
        count(&store, "source:manim_codegen is:valid") >= 987,
        "{}",
        count(&store, "source:manim_codegen is:valid")
    );
}

#[test]
fn prompts_without_code_store_nothing() {
    let Some(data) = data("prompts without code") else { return };
    let folder = Scratch::new("real");
    let mut store = fresh(&folder, "p");
    for name in ["theoremexplainbench", "mmmc_code2video"] {
        for field in ["code", "answer"] {
            let pairs = [("code".to_owned(), field.to_owned())];
            let recipe = Recipe::adhoc(name, "table", &pairs).expect("a recipe");
            let options = Options {
                sync: false,
                max_row_bytes: 64 << 20,
                dedup: scenery::dedup::Settings::default(),
                variant: None,
                now: "2026-06-01T00:00:00Z".to_owned(),
                command: String::new(),
            };
            let outcome = pipeline::run(&mut store, &recipe, &[data.join(name)], &options, &Progress::default());
            let error = outcome.expect_err(name);
            eprintln!("{name}: {error}");
            assert!(store.ops().expect("ops").is_empty() && store.sources().expect("sources").is_empty(), "{name}");
            assert_eq!(count(&store, "state:any"), 0);
        }
    }
}

#[test]
fn the_tutorial_counts_right_on_public_data() {
    let Some(data) = data("the tutorial on public data") else { return };
    let folder = Scratch::new("real");
    let mut store = fresh(&folder, "p");
    let mut read = 0;
    for (source, path) in [
        ("manimbench", "manimbench/manim_sft_dataset.parquet"),
        ("edoh", "edoh/edoh-dataset.jsonl"),
        ("manim_codegen", "manim_codegen"),
        ("mediciresearch", "mediciresearch"),
        ("derivative_537", "derivative_537"),
    ] {
        read += try_read(&mut store, source, &data.join(path), None).expect(source).read;
    }
    assert_eq!(read, 4_188);
    crate::reference::kept_up("src/query/tutorial.md", |text| {
        let (before, table) = text.split_once("\n## On public datasets\n").expect("the section");
        let (mut now, mut queries) = (format!("{before}\n## On public datasets\n"), 0);
        for line in table.lines() {
            match line.strip_prefix("| `").and_then(|line| line.rsplit_once("` | ")) {
                Some((cell, _)) => {
                    now.push_str(&format!("| `{cell}` | {} |\n", count(&store, &cell.replace("\\|", "|"))));
                    queries += 1;
                }
                None => {
                    now.push_str(line);
                    now.push('\n');
                }
            }
        }
        assert_eq!(queries, 20);
        now
    });
}
