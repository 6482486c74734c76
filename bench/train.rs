//! Training steps over given batches: LoRA beside a model in Hugging Face's layout.
//!
//! `cargo bench --bench train --features train -- --model DIR --batches FILE [--steps N] [--warm N] [--accumulation N]
//! [--r N] [--alpha N] [--bf16] [--nf4] [--full] [--recompute N] [--chunk N] [--device D] [--threads N] [--json FILE]`
//!
//! The batches are those of `bench/peers/train.py` (`bench/peers/shapes.py` makes them, and models of real shapes); what is
//! timed is the same: forward, backward, clipping, AdamW. `bench/peers/README.md` says how the two are run side by side.

mod measure;
mod scenes;

use std::time::Instant;

use measure::{Arguments, median};
use scenery::nn::lora::LoraConfig;
use scenery::nn::{AdamW, Batch, DeviceChoice, LearnerSetup, Opening, Precision, Trained, learner};
use serde_json::{Value, json};

fn main() {
    let arguments = Arguments::of_process();
    let batches = batches(arguments.text("--batches").expect("--batches FILE"));
    let device: DeviceChoice = arguments.text("--device").unwrap_or("auto").parse().expect("a device");
    let setup = LearnerSetup {
        opening: Opening {
            model: arguments.text("--model").expect("--model DIR").into(),
            device,
            precision: if arguments.has("--bf16") { Precision::Bf16 } else { Precision::Auto },
            nf4: arguments.has("--nf4"),
            threads: arguments.text("--threads").map(|threads| threads.parse().expect("a number")),
        },
        trained: if arguments.has("--full") {
            Trained::Full
        } else {
            Trained::Lora(LoraConfig::new(arguments.number("--r", 32) as usize, arguments.number("--alpha", 64) as f64))
        },
        optimiser: AdamW { weight_decay: 0.0, ..AdamW::default() },
        seed: 0,
        recompute_layers: arguments.number("--recompute", 0) as usize,
        loss_chunk: arguments.number("--chunk", 512) as usize,
    };
    let began = Instant::now();
    let mut learner = learner(&setup).expect("a learner");
    let loading = began.elapsed().as_secs_f64();
    let (steps, warm) = (arguments.number("--steps", 3) as usize, arguments.number("--warm", 1) as usize);
    let accumulation = arguments.number("--accumulation", 1) as usize;
    let (mut seconds, mut tokens, mut losses) = (Vec::new(), Vec::new(), Vec::new());
    for step in 0..warm + steps {
        let taken: Vec<&Batch> =
            (0..accumulation).map(|at| &batches[(step * accumulation + at) % batches.len()]).collect();
        let trained: usize = taken.iter().map(|batch| batch.trained_tokens()).sum();
        let began = Instant::now();
        for batch in &taken {
            learner.accumulate(batch, trained as f64).expect("a batch runs");
        }
        let outcome = learner.step(2e-4).expect("a step");
        let took = began.elapsed().as_secs_f64();
        let sum: f64 = outcome.scores.iter().flat_map(|scores| &scores.losses).map(|loss| f64::from(*loss)).sum();
        losses.push(sum / trained as f64);
        if step >= warm {
            seconds.push(took);
            tokens.push(taken.iter().map(|batch| batch.real_tokens()).sum::<usize>() as f64);
        }
    }
    let mut each: Vec<f64> = tokens.iter().zip(&seconds).map(|(tokens, seconds)| tokens / seconds).collect();
    each.sort_by(f64::total_cmp);
    let padded: usize = batches.iter().map(|batch| batch.width * batch.rows.len()).sum();
    let real: usize = batches.iter().map(Batch::real_tokens).sum();
    let out = json!({
        "machine": measure::machine(), "load": measure::load(), "loading_seconds": loading,
        "tokens_per_second": tokens.iter().sum::<f64>() / seconds.iter().sum::<f64>(),
        "tokens_per_second_of_steps": { "min": each.first(), "median": median(&each), "max": each.last() },
        "seconds": seconds, "tokens": tokens, "losses": losses, "padding": 1.0 - real as f64 / padded as f64,
        "trained_parameters": learner.trained_parameters(), "peak_memory_bytes": learner.peak_memory_bytes(),
    });
    let text = serde_json::to_string_pretty(&out).expect("plain JSON");
    println!("{text}");
    if let Some(path) = arguments.text("--json") {
        std::fs::write(path, text).expect("it can be written");
    }
}

/// Micro-batches out of a file: a list of lists of `{"ids": […], "trained_from": N}`.
fn batches(path: &str) -> Vec<Batch> {
    let text = std::fs::read(path).expect("the batches can be read");
    let value: Value = serde_json::from_slice(&text).expect("the batches are JSON");
    let list = |value: &Value| value.as_array().expect("a list").clone();
    let row = |row: &Value| {
        let ids: Vec<u32> = list(&row["ids"]).iter().map(|id| id.as_u64().expect("an id") as u32).collect();
        (ids, (row["trained_from"].as_u64().expect("a number") as usize).max(1))
    };
    list(&value)
        .iter()
        .map(|batch| {
            let rows: Vec<(Vec<u32>, usize)> = list(batch).iter().map(row).collect();
            let rows: Vec<(&[u32], usize)> = rows.iter().map(|(ids, from)| (ids.as_slice(), *from)).collect();
            Batch::padded(&rows, 0)
        })
        .collect()
}
