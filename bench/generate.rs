//! Batched greedy generation after given prompts.
//!
//! `cargo bench --bench generate --features train -- --model DIR --prompts FILE --new-tokens N [--adapter DIR] [--stop ID]
//! [--batch-tokens N] [--spread N] [--bf16] [--nf4] [--device D] [--threads N] [--warm N] [--json FILE]`
//!
//! The prompts are those of `bench/peers/generate.py` (`bench/peers/shapes.py` makes them). What is timed is what
//! `scenery generate` does between prompts and answers: batching, prefill, decoding with the cache, the choice of tokens. Text
//! is not decoded, since the models of a bench have no vocabulary.

mod measure;
mod scenes;

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use measure::Arguments;
use scenery::generate::prompts::Prompted;
use scenery::generate::{Decode, Ended, Forcing, GenerateError, Options, Task, run};
use scenery::nn::{DeviceChoice, Opening, Precision, predictor};
use serde_json::{Value, json};

/// A vocabulary without texts.
struct Mute(usize);

impl Decode for Mute {
    fn decode(&self, _: &[u32]) -> Result<String, GenerateError> {
        Ok(String::new())
    }

    fn vocabulary(&self) -> usize {
        self.0
    }
}

fn main() {
    let arguments = Arguments::of_process();
    let device: DeviceChoice = arguments.text("--device").unwrap_or("auto").parse().expect("a device");
    let opening = Opening {
        model: arguments.text("--model").expect("--model DIR").into(),
        device,
        precision: if arguments.has("--bf16") { Precision::Bf16 } else { Precision::Auto },
        nf4: arguments.has("--nf4"),
        threads: arguments.text("--threads").map(|threads| threads.parse().expect("a number")),
    };
    let began = Instant::now();
    let mut model = predictor(&opening, arguments.text("--adapter").map(Path::new)).expect("a model");
    let loading = began.elapsed().as_secs_f64();
    let new_tokens = arguments.number("--new-tokens", 256) as usize;
    let defaults = Options::default();
    let options = Options {
        max_new_tokens: Some(new_tokens),
        batch_tokens: arguments.number("--batch-tokens", defaults.batch_tokens as u64) as usize,
        spread: arguments.number("--spread", defaults.spread as u64) as usize,
        ..defaults
    };
    let task = Task {
        prompts: prompts(arguments.text("--prompts").expect("--prompts FILE")),
        stop_ids: arguments.text("--stop").map(|id| id.parse().expect("an id")).into_iter().collect(),
        max_len: model.context(),
        options,
        forcing: Forcing::Nothing,
    };
    let mute = Mute(model.vocabulary());
    let warm = Task {
        prompts: task.prompts[..1].to_vec(),
        options: Options { max_new_tokens: Some(2), ..task.options.clone() },
        ..task.clone()
    };
    for _ in 0..arguments.number("--warm", 1) {
        run(model.as_mut(), &mute, &warm, &mut |_| ControlFlow::Continue(())).expect("it answers");
    }
    let began = Instant::now();
    let outcome = run(model.as_mut(), &mute, &task, &mut |_| ControlFlow::Continue(())).expect("it answers");
    let seconds = began.elapsed().as_secs_f64();
    assert!(matches!(outcome.ended, Ended::Finished), "{:?}", outcome.ended);
    let answers: Vec<&[u32]> = outcome.generated.iter().map(|answer| answer.ids.as_slice()).collect();
    let made: usize = answers.iter().map(|ids| ids.len()).sum();
    let out = json!({
        "machine": measure::machine(), "load": measure::load(), "loading_seconds": loading,
        "new_tokens_per_second": made as f64 / seconds, "new_tokens": made, "seconds": [seconds],
        "prompt_tokens": task.prompts.iter().map(|prompt| prompt.ids.len()).sum::<usize>(),
        "batches": outcome.batches, "steps": outcome.steps, "answers": answers,
    });
    let text = serde_json::to_string_pretty(&out).expect("plain JSON");
    println!("{text}");
    if let Some(path) = arguments.text("--json") {
        std::fs::write(path, text).expect("it can be written");
    }
}

/// Prompts out of a file: a list of `{"ids": […]}`.
fn prompts(path: &str) -> Vec<Prompted> {
    let text = std::fs::read(path).expect("the prompts can be read");
    let value: Value = serde_json::from_slice(&text).expect("the prompts are JSON");
    let prompts = value.as_array().expect("a list").iter().enumerate().map(|(at, prompt)| {
        let ids = prompt["ids"].as_array().expect("ids").iter().map(|id| id.as_u64().expect("an id") as u32);
        Prompted { name: format!("prompt {}", at + 1), key: at.to_string(), number: 0, ids: ids.collect() }
    });
    prompts.collect()
}
