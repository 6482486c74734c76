//! Near-duplicates by gaoya, for `dedup_peers.py`: `gaoya-peer CORPUS ROWS FOLDER OUT`.
//!
//! The tokens and shingles are those of the other peers. Sketches are made, put into the index and asked for in parallel.

use std::collections::HashSet;
use std::io::{BufRead, Write};
use std::time::Instant;

use fnv::FnvBuildHasher;
use gaoya::minhash::{MinHashIndex, MinHasher, MinHasher32, SmallVecContainer};
use rayon::prelude::*;

const THRESHOLD: f64 = 0.85;
const BANDS: usize = 16;
const WIDTH: usize = 8;

fn tokens(text: &str) -> Vec<&str> {
    let word = |ch: char| ch.is_ascii_alphanumeric() || ch == '_';
    let mut found = Vec::with_capacity(text.len() / 3);
    let mut start = None;
    for (at, ch) in text.char_indices() {
        if word(ch) {
            start = start.or(Some(at));
            continue;
        }
        if let Some(from) = start.take() {
            found.push(&text[from..at]);
        }
        if !ch.is_whitespace() {
            found.push(&text[at..at + ch.len_utf8()]);
        }
    }
    if let Some(from) = start {
        found.push(&text[from..]);
    }
    found
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [corpus, rows, _folder, out] = arguments.as_slice() else { panic!("CORPUS ROWS FOLDER OUT") };
    let file = std::io::BufReader::new(std::fs::File::open(corpus).expect("the corpus can be read"));
    let texts: Vec<String> = file
        .lines()
        .take(rows.parse().expect("ROWS is a number"))
        .map(|line| {
            let row: serde_json::Value = serde_json::from_str(&line.expect("lines are text")).expect("lines are JSON");
            row["code"].as_str().expect("code is text").to_owned()
        })
        .collect();
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: f64 = load.split(' ').next().and_then(|first| first.parse().ok()).unwrap_or(0.0);

    let begin = Instant::now();
    let hasher = MinHasher32::<FnvBuildHasher>::new(BANDS * WIDTH);
    let sketches: Vec<Vec<u32>> = texts
        .par_iter()
        .map(|text| {
            let tokens = tokens(text);
            hasher.create_signature(tokens.windows(5.min(tokens.len().max(1))))
        })
        .collect();
    let sketched = begin.elapsed().as_secs_f64();

    let begin = Instant::now();
    let mut index: MinHashIndex<u32, u32, SmallVecContainer<u32, 2>> =
        MinHashIndex::new_with_capacity(BANDS, WIDTH, THRESHOLD, texts.len(), 0.1);
    index.par_bulk_insert((0..texts.len() as u32).collect(), sketches.clone());
    let found: Vec<HashSet<u32>> = index.par_bulk_query(&sketches);
    let pairs: Vec<(u32, u32)> = found
        .iter()
        .enumerate()
        .flat_map(|(row, others)| others.iter().map(move |other| (*other, row as u32)).filter(|(one, two)| one < two))
        .collect();
    let asked = begin.elapsed().as_secs_f64();

    let note = format!(
        "the Rust crate: MinHasher32 with FNV, index of {BANDS} bands of {WIDTH} with SmallVecContainer, created, inserted \
         and asked in two threads; it gives pairs whose sketches are {THRESHOLD} alike"
    );
    let answer = serde_json::json!([{
        "peer": "gaoya", "version": "0.2.0", "sketch_seconds": sketched, "query_seconds": asked, "load": load,
        "kind": "pairs", "found": pairs, "note": note, "rows": texts.len(),
    }]);
    let mut file = std::fs::File::create(out).expect("OUT can be written");
    file.write_all(answer.to_string().as_bytes()).expect("OUT can be written");
}
