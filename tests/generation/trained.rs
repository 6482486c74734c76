//! A run of a project, made as training makes it, and the command over the data that it learned.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use scenery::generate::opening::CONTRACT_KEY;
use scenery::nn::NamedTensor;
use scenery::nn::config::ModelConfig;
use scenery::nn::weights::{self, Piece, Weights};
use scenery::prompt::contract::{CONTRACT, Contract};
use scenery::prompt::templates::template;
use scenery::prompt::tokenizer::Tokenizer;
use scenery::train::item::TooLongCount;
use scenery::train::options::{Options, TooLong};
use scenery::train::run_file::RunFile;
use serde_json::json;

use crate::corpus::{Scratch, done, run};

const RECIPE: &str = r#"name = "plots"
title = "Plots of functions"
licence = "MIT"
rank = 4
reader = "table"
description_kind = "template"
key = ["id"]
expected_rows = 8
get = "it is in the test"

[fields]
instruction = "question"
code = "answer"
split = "side"
"#;

/// What stands in the slots of each row: a function, and its derivative.
const ROWS: [(&str, &str); 8] = [
    ("x**2", "2*x"),
    ("3*x", "3"),
    ("sin(x)", "cos(x)"),
    ("cos(x)", "-sin(x)"),
    ("exp(x)", "exp(x)"),
    ("5", "0"),
    ("x**3", "3*x**2"),
    ("7*x", "7"),
];

fn answer(function: &str, derivative: &str) -> String {
    format!(
        "from manim import *\n\n\nclass Plot(Scene):\n    def construct(self):\n        f = FunctionGraph(lambda x: {function})\n        g = FunctionGraph(lambda x: {derivative})\n        self.play(Create(f), Create(g))\n"
    )
}

/// A project whose run `r1` has the data of six rows to train on and two to test, and a tiny model.
fn project(scratch: &Scratch) -> PathBuf {
    let project = scratch.join("p");
    std::fs::create_dir_all(&project).expect("a folder");
    done(&project, &["init", "."]);
    scratch.write("p/sources/plots.toml", RECIPE);
    let mut rows = String::new();
    for (at, (function, derivative)) in ROWS.iter().enumerate() {
        let side = if at < 6 { "train" } else { "test" };
        let question = format!("Plot {function} and its derivative.");
        let row = json!({ "id": at, "question": question, "answer": answer(function, derivative), "side": side });
        rows.push_str(&format!("{row}\n"));
    }
    scratch.write("plots.jsonl", rows);
    done(&project, &["ingest", "plots", "../plots.jsonl"]);
    let folder = project.join("runs/r1");
    std::fs::create_dir_all(&folder).expect("a folder");
    done(&project, &["export", "is:valid", "--out", "runs/r1/data", "--format", "alpaca"]);
    run_file(TooLong::Error).write(&folder).expect("written");
    model(&folder.join("model"));
    project
}

/// The description of the run.
fn run_file(too_long: TooLong) -> RunFile {
    RunFile {
        v: RunFile::VERSION,
        tool: "0".to_owned(),
        name: "r1".to_owned(),
        base: "base".into(),
        template: "alpaca".to_owned(),
        query: "is:valid".to_owned(),
        options: Options { too_long, ..Options::preset("scratch").expect("there is one") },
        identity: crate::training::identity(),
        model: serde_json::Value::Null,
        rows: [6, 0],
        too_long: TooLongCount::default(),
        steps: 9,
        trained_parameters: 1,
    }
}

/// The tiny model as a run leaves one: weights that name the contract beside them.
fn model(folder: &Path) {
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/nn/llama");
    std::fs::create_dir_all(folder).expect("a folder");
    for name in
        ["config.json", "generation_config.json", "special_tokens_map.json", "tokenizer.json", "tokenizer_config.json"]
    {
        std::fs::copy(base.join(name), folder.join(name)).expect("copied");
    }
    let tokenizer = Tokenizer::load(folder).expect("a tokenizer");
    let eos = ModelConfig::read(folder).expect("a config").eos;
    let digest = ModelConfig::digest(folder).expect("a digest");
    let contract =
        Contract::new(template("alpaca").expect("built in"), &tokenizer, &eos, 500, digest).expect("a contract");
    std::fs::copy(base.join("model.safetensors"), folder.join("model.safetensors")).expect("copied");
    relabel(&folder.join("model.safetensors"), &contract, &folder.join(CONTRACT));
}

/// Has weights name this contract, and puts it beside them.
fn relabel(path: &Path, contract: &Contract, beside: &Path) {
    contract.write(beside).expect("written");
    let weights = Weights::of_file(path).expect("weights");
    let tensors: Vec<NamedTensor> = weights
        .places
        .iter()
        .map(|(name, place)| {
            let values = weights.read_f32(name, &place.shape).expect("a tensor");
            NamedTensor { name: name.clone(), shape: place.shape.clone(), values }
        })
        .collect();
    let pieces: Vec<Piece<'_>> = tensors.iter().map(Piece::of).collect();
    let metadata = BTreeMap::from([(CONTRACT_KEY.to_owned(), contract.digest())]);
    weights::write(path, &pieces, &metadata).expect("written");
}

#[test]
fn sides_prefixes_and_skeletons_come_from_the_data_of_the_run() {
    let scratch = Scratch::new("trained");
    let project = project(&scratch);
    let ask = |more: &[&str]| {
        let own = ["generate", "r1", "--device", "cpu", "--max-new-tokens", "24", "--no-store"];
        run(&project, &[&own, more].concat())
    };
    let cases: &[(&[&str], &str)] = &[
        (&["--side", "test"], ""),
        (&["--side", "test", "--skeleton"], "the template of 6 trained answers has "),
        (&["--side", "test", "--forced-prefix", "auto"], " tokens that 6 trained answers begin with"),
    ];
    for (arguments, part) in cases {
        let (code, _, err) = ask(arguments);
        assert!(err.contains(part), "{arguments:?}: {err}");
        // All is right but that the program may have no libtorch.
        assert_eq!(code, if cfg!(feature = "train") { 0 } else { 4 }, "{arguments:?}: {err}");
    }
    // A limit that cuts every answer: what the run cut was trained all the same, what it dropped was not.
    let contract_file = project.join("runs/r1/model/contract.json");
    let contract = Contract::read(&contract_file).expect("a contract");
    let weights_file = project.join("runs/r1/model/model.safetensors");
    relabel(&weights_file, &Contract { max_len: 150, ..contract.clone() }, &contract_file);
    let auto = ["--field", "instruction=Plot x", "--forced-prefix", "auto"];
    let (code, _, err) = ask(&auto);
    assert!(code == 1 && err.contains("no row of the train side that was trained on"), "{err}");
    run_file(TooLong::Truncate).write(&project.join("runs/r1")).expect("written");
    let (_, _, err) = ask(&auto);
    assert!(err.contains(" tokens that 6 trained answers begin with"), "{err}");
    relabel(&weights_file, &contract, &contract_file);
    let (code, _, err) = ask(&["--side", "validation"]);
    assert!(code == 1 && err.contains("no rows of the side validation; it has 6 train, 2 test"), "{err}");
    let (code, _, err) = run(&project, &["generate", "r2", "--side", "test"]);
    assert!(code == 1 && err.contains("the runs of the project are r1"), "{err}");
    // What was trained on is read whole or not at all.
    let rows = project.join("runs/r1/data/train.jsonl");
    let text = std::fs::read_to_string(&rows).expect("a file");
    std::fs::write(&rows, text.replace("sin(x)", "tan(x)")).expect("a file");
    let (code, _, err) = ask(&["--side", "test"]);
    assert!(code == 1 && err.contains("train.jsonl"), "{err}");
}

#[cfg(feature = "train")]
#[test]
fn answers_of_a_run_are_its_samples_on_the_side_of_their_prompts() {
    use crate::corpus::json_of;
    use serde_json::Value;

    let scratch = Scratch::new("trained");
    let project = project(&scratch);
    let ask = |out: &str, more: &[&str]| -> Vec<Value> {
        let own = ["generate", "r1", "--device", "cpu", "--side", "test", "--max-new-tokens", "24", "--out", out];
        done(&project, &[&own, more].concat());
        let text = std::fs::read_to_string(project.join(out)).expect("a file");
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    };
    let count = |query: &str| json_of(&project, &["count", query, "--json"])["total"].clone();
    let plain = ask("plain.jsonl", &[]);
    assert_eq!((plain.len(), plain[0]["id"].as_str().map(str::len)), (2, Some(32)));
    assert_eq!(plain[0]["forced_tokens"], 0);
    assert_eq!(count("state:generated source:run/r1 split.given:test"), 2);
    assert_eq!(count("state:generated split.given:train"), 0);
    let forced = ask("forced.jsonl", &["--forced-prefix", "auto"]);
    let prefix =
        "from manim import *\n\n\nclass Plot(Scene):\n    def construct(self):\n        f = FunctionGraph(lambda x:";
    assert!(forced.iter().all(|row| row["text"].as_str().is_some_and(|text| text.starts_with(prefix))), "{forced:?}");
    let skeleton = ask("skeleton.jsonl", &["--skeleton"]);
    for row in &skeleton {
        let text = row["text"].as_str().expect("a text");
        assert!(text.starts_with(prefix), "{text}");
        // A model of random weights may stay in the first slot to the end of its tokens.
        assert!(row["forced_tokens"].as_u64() >= forced[0]["forced_tokens"].as_u64(), "{row}");
        assert!(row["slots"].as_array().is_some_and(|slots| !slots.is_empty()), "{row}");
    }
    // Other parameters are other samples.
    assert_eq!(count("state:generated source:run/r1"), 6);
    // A batch of one and a drawing with a seed are the same again.
    let drawn = ["--temperature", "0.8", "--seed", "7"];
    let first = ask("a.jsonl", &drawn);
    let alone = ask("b.jsonl", &[&drawn[..], &["--batch-tokens", "1"]].concat());
    let tokens = |rows: &[Value]| rows.iter().map(|row| row["tokens"].clone()).collect::<Vec<_>>();
    assert_eq!(tokens(&first), tokens(&alone));
    assert_eq!(count("state:generated source:run/r1"), 8);
    // Two items that ask the same draw apart; the second alone is the second again, from wherever the model is named.
    project_file(&project, "ab.jsonl", &["a", "b"]);
    project_file(&project, "b.jsonl", &["b"]);
    let stored = |from: &str, prompts: &str| {
        let own = ["generate", from, "--device", "cpu", "--max-new-tokens", "12", "--prompts", prompts, "--json"];
        let told = json_of(&project, &[&own[..], &["--temperature", "1", "--seed", "5"]].concat());
        ["new", "changed", "unchanged"].map(|word| told["summary"]["stored"][word].as_u64().expect("a number"))
    };
    assert_eq!(stored("r1", "ab.jsonl"), [2, 0, 0]);
    assert_eq!(stored("r1", "b.jsonl"), [0, 0, 1]);
    assert_eq!(stored("runs/r1", "ab.jsonl"), [0, 0, 2]);
}

/// Items of these ids that ask the same.
#[cfg(feature = "train")]
fn project_file(project: &Path, name: &str, ids: &[&str]) {
    let line = |id: &&str| format!("{}\n", json!({ "id": id, "instruction": "Plot it." }));
    std::fs::write(project.join(name), ids.iter().map(line).collect::<String>()).expect("written");
}
