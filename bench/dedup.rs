//! Near-duplicates among generated documents with planted ones: the kernel from texts in memory, the verb as a process,
//! other tools on the same file.
//!
//! `cargo bench --bench dedup -- [--rows N] [--runs N] [--place DIR] [--no-kernel] [--no-verb] [--peers] [--json FILE]`

mod measure;
mod near;
mod scenes;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use measure::{Arguments, SEED, median};
use rayon::prelude::*;
use scenery::similarity::join::{self, Pair};
use scenery::similarity::lsh::{self, Bands, Sketch};
use scenery::similarity::shingles::Shingles;
use serde_json::{Value, json};

const THRESHOLD: f64 = 0.85;
const RECALL: f64 = 0.9995;

fn main() {
    let arguments = Arguments::of_process();
    let rows = arguments.number("--rows", 100_000);
    let runs = arguments.number("--runs", 5) as usize;
    let place = arguments.text("--place").map_or_else(measure::place, PathBuf::from);
    std::fs::create_dir_all(&place).expect("the place can be made");
    let corpus = place.join(format!("near-{rows}.jsonl"));
    if !corpus.exists() {
        eprintln!("making {rows} rows ...");
        near::write(&corpus, rows, SEED).expect("the corpus can be written");
    }
    let mut out = json!({
        "machine": measure::machine(), "load": measure::load(), "rows": rows,
        "corpus_bytes": std::fs::metadata(&corpus).expect("the corpus is there").len(),
    });
    if !arguments.has("--no-kernel") {
        out["kernel"] = kernel(&corpus, runs);
    }
    if !arguments.has("--no-verb") {
        out["verb"] = verb(&corpus, &place, rows, runs);
    }
    if arguments.has("--peers") {
        out["peers"] = peers(&corpus, &place, rows);
    }
    println!("{}", serde_json::to_string_pretty(&out).expect("plain JSON"));
    if let Some(path) = arguments.text("--json") {
        std::fs::write(path, serde_json::to_string_pretty(&out).expect("plain JSON")).expect("it can be written");
    }
}

fn codes(corpus: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(corpus).expect("the corpus can be read");
    let code = |line: &str| {
        let row: Value = serde_json::from_str(line).expect("a row is JSON");
        row["code"].as_str().expect("a row has code").to_owned()
    };
    text.par_lines().map(code).collect()
}

/// From texts in memory to checked pairs.
fn kernel(corpus: &Path, runs: usize) -> Value {
    let texts = codes(corpus);
    let bytes: usize = texts.iter().map(String::len).sum();
    let bands = Bands::choose(THRESHOLD, RECALL);
    let (mut sketching, mut candidates, mut checking, mut whole) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut found, mut looked_at) = (Vec::new(), 0);
    for _ in 0..runs {
        let begin = Instant::now();
        let sketches: Vec<Sketch> =
            texts.par_iter().map(|text| Sketch::of(&Shingles::of_code(text)).expect("every text has tokens")).collect();
        let sketched = begin.elapsed();
        let pairs = lsh::candidates(&sketches, &bands);
        let listed = begin.elapsed();
        let load = |places: &[u32]| -> Result<Vec<Shingles>, ()> {
            Ok(places.par_iter().map(|at| Shingles::of_code(&texts[*at as usize])).collect())
        };
        found = lsh::check(&sketches, &pairs, THRESHOLD, &load).expect("nothing fails");
        let checked = begin.elapsed();
        looked_at = pairs.len();
        sketching.push(sketched.as_secs_f64());
        candidates.push((listed - sketched).as_secs_f64());
        checking.push((checked - listed).as_secs_f64());
        whole.push(checked.as_secs_f64());
    }
    let begin = Instant::now();
    let sets: Vec<Shingles> = texts.par_iter().map(|text| Shingles::of_code(text)).collect();
    let all = join::pairs(&sets, THRESHOLD);
    let exact = begin.elapsed().as_secs_f64();
    let key = |pair: &Pair| (pair.left, pair.right, pair.similarity.to_bits());
    let truth: BTreeSet<_> = all.iter().map(key).collect();
    let right = found.iter().filter(|pair| truth.contains(&key(pair))).count();
    json!({
        "code_bytes": bytes, "bands": bands.bands, "values_per_band": bands.rows, "predicted_recall": bands.recall,
        "seconds": median(&whole), "fastest": whole.iter().copied().fold(f64::INFINITY, f64::min),
        "sketch_seconds": median(&sketching), "candidates_seconds": median(&candidates),
        "check_seconds": median(&checking), "candidates": looked_at, "pairs": found.len(), "all_pairs": all.len(),
        "recall": right as f64 / all.len().max(1) as f64, "precision": right as f64 / found.len().max(1) as f64,
        "exact_join_seconds": exact, "runs": whole,
    })
}

/// The verb as a process, on a store of the corpus.
fn verb(corpus: &Path, place: &Path, rows: u64, runs: usize) -> Value {
    let program = env!("CARGO_BIN_EXE_scenery");
    let store = place.join(format!("dedup-store-{rows}"));
    let scenery = |arguments: &[&str]| {
        let mut command = Command::new(program);
        command.arg("-C").arg(&store).args(arguments);
        command
    };
    if !store.exists() {
        let made = Command::new(program).arg("init").arg(&store).arg("--quiet").status();
        assert!(made.is_ok_and(|status| status.success()));
        let recipe =
            ["--reader", "table", "--field", "instruction=instruction", "--field", "code=code", "--licence", "MIT"];
        let mut command = scenery(&["ingest", "planted", "--quiet"]);
        assert!(command.arg(corpus).args(recipe).status().is_ok_and(|status| status.success()));
    }
    let measured = |arguments: &[&str]| {
        let taken = measure::run(&mut scenery(arguments), true);
        json!({ "seconds": taken.wall.as_secs_f64(), "peak_mb": taken.peak_bytes as f64 / 1e6, "printed": taken.output })
    };
    // A store that was searched before has signatures; without them everything is read.
    let dropped = scenery(&["rebuild", "--quiet"]).status();
    assert!(dropped.is_ok_and(|status| status.success()));
    let first = measured(&["dedup", "--json", "--quiet"]);
    let mut again = Vec::new();
    for _ in 0..runs {
        let undone = scenery(&["undo", "--quiet"]).status();
        assert!(undone.is_ok_and(|status| status.success()));
        again.push(measured(&["dedup", "--json", "--quiet"]));
    }
    let nothing = measured(&["dedup", "--json", "--quiet"]);
    let undone = scenery(&["undo", "--quiet"]).status();
    assert!(undone.is_ok_and(|status| status.success()));
    let split = measured(&["split", "80/10/10", "--json", "--quiet"]);
    let undone = scenery(&["undo", "--quiet"]).status();
    assert!(undone.is_ok_and(|status| status.success()));
    let seconds: Vec<f64> = again.iter().map(|run| run["seconds"].as_f64().unwrap_or(0.0)).collect();
    json!({
        "first": first, "with_signatures": { "median_seconds": median(&seconds), "runs": again },
        "nothing_changes": nothing, "split": split,
    })
}

/// Other tools, one after the other.
fn peers(corpus: &Path, place: &Path, rows: u64) -> Value {
    let truth = place.join(format!("near-{rows}-truth.tsv"));
    if !truth.exists() {
        eprintln!("finding all pairs by the tokens of the peers ...");
        let token = regex::Regex::new(r"[A-Za-z0-9_]+|[^\sA-Za-z0-9_]").expect("a pattern");
        let sets: Vec<Shingles> = codes(corpus)
            .par_iter()
            .map(|text| Shingles::of_tokens(token.find_iter(text).map(|found| found.as_str())))
            .collect();
        let lines: Vec<String> = join::pairs(&sets, THRESHOLD)
            .iter()
            .map(|pair| format!("{}\t{}\t{:.6}\n", pair.left, pair.right, pair.similarity))
            .collect();
        std::fs::write(&truth, lines.concat()).expect("it can be written");
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/dedup_peers.py");
    let mut command = Command::new("python3");
    command.arg(script).arg(corpus).arg(&truth).arg(place.join("peers"));
    let output = command.stderr(std::process::Stdio::inherit()).output().expect("the peers need python3");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).collect()
}
