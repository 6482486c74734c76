//! Reading repositories: what comes out of small projects of ours, and of the public ones where they are at hand.

mod cases;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use scenery::analyze::parse;
use scenery::ingest::IngestError;
use scenery::ingest::readers;
use scenery::ingest::recipe::Recipe;
use scenery::ingest::row::{Met, RawRow, ReadRequest, ReadSummary};
use scenery::sample::RejectedRow;

/// What a reader made of a path.
struct Read {
    rows: Vec<RawRow>,
    rejected: Vec<RejectedRow>,
    summary: ReadSummary,
}

fn read(recipe: &Recipe, path: &Path) -> Result<Read, IngestError> {
    let reader = readers::find(&recipe.reader).expect("recipes name readers that exist");
    let (mut rows, mut rejected) = (Vec::new(), Vec::new());
    let paths = [path.to_owned()];
    let request = ReadRequest { recipe, paths: &paths, max_row_bytes: 64 << 20, variant: None };
    let summary = (reader.read)(&request, &mut |met| {
        match met {
            Met::Row(row) => rows.push(*row),
            Met::Rejected(row) => rejected.push(row),
            Met::Progress(_) => {}
        }
        Ok(())
    })?;
    Ok(Read { rows, rejected, summary })
}

/// Where the checkouts of public repositories lie, each under the last part of its address.
fn repositories() -> Option<PathBuf> {
    let folder = std::env::var_os("SCENERY_REPOS").map(PathBuf::from).filter(|folder| folder.is_dir());
    if folder.is_none() {
        println!("SKIPPED: public repositories; set SCENERY_REPOS to a folder of their checkouts");
    }
    folder
}

fn unresolved(row: &RawRow) -> Vec<&str> {
    row.issues.iter().filter_map(|issue| issue.strip_prefix("unresolved:")).collect()
}

/// The folder of a checkout: `NAME`, or `OWNER-NAME` where several have the name.
fn checkout(folder: &Path, url: &str) -> Option<PathBuf> {
    let mut parts = url.trim_end_matches('/').rsplit('/');
    let (name, owner) = (parts.next()?, parts.next()?);
    [folder.join(format!("{owner}-{name}")), folder.join(name)].into_iter().find(|path| path.is_dir())
}

#[test]
fn public_repositories_come_out_as_counted() {
    let Some(folder) = repositories() else { return };
    let only = std::env::var("SCENERY_ONLY").ok();
    println!(
        "source | files | unparsable | scenes | no construct | samples | parse | unresolved samples | rejected | dialects | described"
    );
    let (mut samples, mut lacking) = (0, 0);
    for (name, text) in scenery::ingest::catalog::CATALOG {
        let recipe = Recipe::from_toml(text, name).expect("the catalogue's recipes are well-formed");
        if !["python", "notebook", "docs"].contains(&recipe.reader.as_str())
            || only.as_ref().is_some_and(|only| only != name)
        {
            continue;
        }
        let Some(path) = recipe.url.as_deref().and_then(|url| checkout(&folder, url)) else {
            println!("SKIPPED: {name}: no checkout of {:?}", recipe.url);
            continue;
        };
        let read = read(&recipe, &path).expect("a checkout can be read");
        let parsed = read.rows.iter().filter(|row| parse::check(&row.code).is_valid()).count();
        assert_eq!(parsed, read.rows.len(), "{name}: every sample parses");
        let bad: Vec<&RawRow> = read.rows.iter().filter(|row| !unresolved(row).is_empty()).collect();
        let mut reasons: BTreeMap<&str, u32> = BTreeMap::new();
        for row in &read.rejected {
            *reasons.entry(&row.reason).or_default() += 1;
        }
        let mut dialects: BTreeMap<&str, u32> = BTreeMap::new();
        for row in &read.rows {
            *dialects.entry(row.dialect.map_or("-", |dialect| dialect.word())).or_default() += 1;
        }
        let described = read.rows.iter().filter(|row| row.instruction.is_some()).count();
        println!(
            "{name} | {:?} | {} | {parsed} | {} | {reasons:?} | {dialects:?} | {described}",
            read.summary.counts,
            read.rows.len(),
            bad.len()
        );
        if std::env::var_os("SCENERY_VERBOSE").is_some() {
            for row in &bad {
                println!("   {} {:?}", row.locator, unresolved(row));
            }
            for row in &read.rejected {
                println!("   rejected {} {} {}", row.reason, row.locator, row.detail);
            }
            for row in read.rows.iter().filter(|row| row.issues.iter().any(|issue| issue.starts_with("conflict:"))) {
                println!("   {} {:?}", row.locator, row.issues);
            }
        }
        let drawing =
            read.rejected.iter().filter(|row| row.reason != "no-construct" && row.reason != "nested-scene").count();
        let met = (read.rows.len() + drawing) as u64;
        if recipe.expected_rows != Some(met) {
            println!("   met {met} rows, expected {:?}: another snapshot?", recipe.expected_rows);
        }
        let keys: BTreeSet<&str> = read.rows.iter().filter_map(|row| row.key.as_deref()).collect();
        assert_eq!(keys.len(), read.rows.len(), "{name}: keys are unique");
        samples += read.rows.len();
        lacking += bad.len();
    }
    println!("{samples} samples, {lacking} with unresolved names");
    assert!(lacking * 100 <= samples, "{lacking} of {samples} samples use names that nothing defines");
}
