//! What the dictionaries of `src/store/codec.rs` give, and how they are made.
//!
//! ```text
//! cargo bench --bench codec                     # ratio and speed, with and without
//! cargo bench --bench codec -- --train DIR      # writes new dictionaries to DIR, from the starter set alone
//! ```
//!
//! Real code is read from the folder that `SCENERY_DATA` names (any JSON, JSON Lines below it); without it the generated
//! corpus is measured alone. No dictionary is ever trained on either.

mod measure;
mod scenes;

use std::collections::BTreeSet;
use std::path::Path;

use measure::Arguments;
use scenery::store::codec::{self, CODE_1, FACTS_1, ZSTD, ZSTD_CODE_1, ZSTD_FACTS_1};
use serde_json::{Value, json};

/// Sizes of the dictionaries: larger ones gave no more on real code.
const CODE_BYTES: usize = 64 << 10;
const FACTS_BYTES: usize = 16 << 10;
/// Most texts of a kind that are measured.
const MAX_TEXTS: usize = 5000;

fn main() {
    let arguments = Arguments::of_process();
    if let Some(dir) = arguments.text("--train") {
        return train(Path::new(dir));
    }
    println!("# Keeping code and facts\n\n{}; load before: {}\n", measure::machine(), measure::load());
    println!(
        "zstd level {}, one text at a time, one thread, processor time; dictionaries: code {} bytes, facts {} bytes\n",
        codec::LEVEL,
        CODE_1.len(),
        FACTS_1.len()
    );
    println!("| texts | MB | | ratio | compress MB/s | decompress MB/s |\n| --- | --- | --- | --- | --- | --- |");
    let mut kinds: Vec<(&str, Vec<String>, i64)> = Vec::new();
    let real = real_codes();
    let generated: Vec<String> = (0..MAX_TEXTS as u64).map(|row| scenes::sample(measure::SEED, row * 7).code).collect();
    if real.is_empty() {
        println!("SKIPPED: real code: SCENERY_DATA names no folder with any\n");
    } else {
        kinds.push(("facts of real code", facts_of(&real), ZSTD_FACTS_1));
        kinds.insert(0, ("real code", real, ZSTD_CODE_1));
    }
    kinds.push(("facts of generated code", facts_of(&generated), ZSTD_FACTS_1));
    kinds.push(("generated code", generated, ZSTD_CODE_1));
    let mut record = Vec::new();
    for (name, texts, own) in kinds {
        let plain: usize = texts.iter().map(String::len).sum();
        for (what, codec) in [("no dictionary", ZSTD), ("dictionary", own)] {
            let (mut packing, mut unpacking) = (f64::MAX, f64::MAX);
            let mut packed = Vec::new();
            for _ in 0..3 {
                let begin = measure::thread_seconds();
                packed =
                    texts.iter().map(|text| codec::encode_as(text.as_bytes(), codec).expect("zstd works")).collect();
                packing = packing.min(measure::thread_seconds() - begin);
                let begin = measure::thread_seconds();
                for (bytes, kept) in &packed {
                    std::hint::black_box(codec::decode(bytes, *kept).expect("it comes back"));
                }
                unpacking = unpacking.min(measure::thread_seconds() - begin);
            }
            let small: usize = packed.iter().map(|(bytes, _)| bytes.len()).sum();
            let (ratio, megabytes) = (plain as f64 / small as f64, plain as f64 / 1e6);
            println!(
                "| {name} ({}) | {megabytes:.1} | {what} | {ratio:.2} | {:.0} | {:.0} |",
                texts.len(),
                megabytes / packing,
                megabytes / unpacking
            );
            record.push(
                json!({ "texts": name, "count": texts.len(), "bytes": plain, "with": what, "packed_bytes": small,
                "compress_s": packing, "decompress_s": unpacking }),
            );
        }
    }
    println!();
    if let Some(path) = arguments.text("--json") {
        let text = serde_json::to_string_pretty(&json!({ "machine": measure::machine(), "codec": record }));
        std::fs::write(path, text.expect("numbers are JSON") + "\n").expect("the record can be written");
    }
}

fn facts_of(codes: &[String]) -> Vec<String> {
    let facts = |code: &String| scenery::analyze::analyse(code, None, None, &[]);
    codes.iter().map(|code| serde_json::to_string(&facts(code)).expect("facts are JSON")).collect()
}

/// Programs in the JSON below `SCENERY_DATA`, each once, in order of their text.
fn real_codes() -> Vec<String> {
    let Some(root) = std::env::var_os("SCENERY_DATA") else { return Vec::new() };
    let mut found = BTreeSet::new();
    let mut folders = vec![std::path::PathBuf::from(root)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "json" || ending == "jsonl") {
                let text = std::fs::read_to_string(&path).unwrap_or_default();
                for value in serde_json::Deserializer::from_str(&text).into_iter::<Value>() {
                    match value {
                        Ok(value) => programs(&value, &mut found),
                        Err(_) => break,
                    }
                }
            }
        }
    }
    // Spread over all sources.
    let step = found.len().div_ceil(MAX_TEXTS).max(1);
    found.into_iter().step_by(step).collect()
}

fn programs(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) if text.len() > 300 && text.contains("class ") && text.contains("def construct") => {
            found.insert(text.clone());
        }
        Value::Array(values) => values.iter().for_each(|value| programs(value, found)),
        Value::Object(fields) => fields.values().for_each(|value| programs(value, found)),
        _ => {}
    }
}

/// Trains both dictionaries on what the tool itself brings.
fn train(dir: &Path) {
    let starter = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli/starter");
    let (mut codes, mut facts) = (Vec::new(), Vec::new());
    for file in ["starter.jsonl", "planted.jsonl"] {
        let text = std::fs::read_to_string(starter.join(file)).expect("the starter set is there");
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let Ok(row) = serde_json::from_str::<Value>(line) else { continue };
            let Some(code) = row["code"].as_str() else { continue };
            let analysed = scenery::analyze::analyse(code, row["instruction"].as_str(), None, &[]);
            facts.push(serde_json::to_vec(&analysed).expect("facts are JSON"));
            codes.push(code.as_bytes().to_vec());
        }
    }
    for (name, samples, size) in [("codec-code-1.dict", codes, CODE_BYTES), ("codec-facts-1.dict", facts, FACTS_BYTES)]
    {
        let made = zstd::dict::from_samples(&samples, size).expect("there is enough to train on");
        println!("{name}: {} bytes of {} texts", made.len(), samples.len());
        std::fs::write(dir.join(name), made).expect("the folder can be written");
    }
}
