//! What a run hands over: merges against an independent forward pass, adapters and models read back, the parity gate.

use std::collections::BTreeMap;
use std::path::Path;

use scenery::nn::config::ModelConfig;
use scenery::nn::lora::{ADAPTER_WEIGHTS, LoraConfig, PROJECTIONS, tensor_name};
use scenery::nn::merge::{from_f32, merge};
use scenery::nn::weights::{self, INDEX, Piece, Stored, Weights, to_f32};
use scenery::nn::{Learner, NamedTensor};
use scenery::prompt::contract::{CONTRACT, Contract};
use scenery::prompt::templates;
use scenery::prompt::tokenizer::Tokenizer;
use scenery::train::artefacts::{self, CONTRACT_KEY, Provenance};
use scenery::train::base::{self, Shape};
use scenery::train::parity::{self, Probe};
use scenery::train::run_error::RunError;

use super::fake::{Bigram, EOS, PAD, examples};
use crate::corpus::{Scratch, digests};
use crate::nn_reference::{ADAPTERS, Golden, Reference, farthest, fixture};
use crate::query_gen::Rng;

#[test]
fn merged_models_compute_what_peft_computes_with_the_adapter_beside() {
    let golden = Golden::load();
    for name in ADAPTERS {
        let scratch = Scratch::new("merged");
        let base = fixture(name.split('/').next().expect("a base"));
        let adapter = fixture(name);
        let done = merge(&base, &adapter, scratch.path(), &BTreeMap::new(), false).expect(name);
        let (config, lora) =
            (ModelConfig::read(&base).expect("a config"), LoraConfig::read(&adapter).expect("settings"));
        assert_eq!(done.merged, config.layers * lora.targets.len(), "{name}");
        assert_eq!(done.merged + done.copied, Weights::of_model(&base).expect("weights").places.len(), "{name}");
        let model = Reference::load(scratch.path());
        // PEFT merged in f32; what a base keeps in bf16 is rounded to that again, 1 part in 512 per weight, unless it is widened.
        let rounded =
            Weights::of_model(&base).expect("weights").places.values().any(|place| place.stored != Stored::F32);
        let wide = Scratch::new("widened");
        merge(&base, &adapter, wide.path(), &BTreeMap::new(), true).expect(name);
        let widened = Weights::of_model(wide.path()).expect("weights");
        assert!(widened.places.values().all(|place| place.stored == Stored::F32), "{name}");
        let wide = Reference::load(wide.path());
        let most = if rounded { 0.15 } else { 2e-4 };
        for (ids, from, wanted) in golden.logits(&format!("{name}.merged")) {
            for (model, most) in [(&model, most), (&wide, 2e-4)] {
                let apart = farthest(&model.logits(&ids)[from..], &wanted);
                assert!(apart < most, "{name}: {apart}");
            }
        }
        let again = Scratch::new("merged");
        merge(&base, &adapter, again.path(), &BTreeMap::new(), false).expect(name);
        assert_eq!(digests(scratch.path()), digests(again.path()), "{name}");
    }
}

/// The matrices of an adapter for a model, filled number by number.
pub(super) fn matrices(config: &ModelConfig, lora: &LoraConfig, mut next: impl FnMut() -> f32) -> Vec<NamedTensor> {
    let mut out = Vec::new();
    for layer in 0..config.layers {
        for (projection, _) in PROJECTIONS.iter().filter(|(name, _)| lora.targets.contains(*name)) {
            let (rows, input) = config.projection(projection);
            for (matrix, shape) in [('A', vec![lora.r, input]), ('B', vec![rows, lora.r])] {
                let count = shape.iter().product();
                let values = (0..count).map(|_| next()).collect();
                out.push(NamedTensor { name: tensor_name(layer, projection, matrix), shape, values });
            }
        }
    }
    out
}

/// An adapter of random matrices for a model.
fn random_adapter(folder: &Path, config: &ModelConfig, lora: &LoraConfig) {
    let mut rng = Rng::new(4);
    let tensors = matrices(config, lora, || rng.below(2001) as f32 / 1e4 - 0.1);
    let pieces: Vec<Piece<'_>> = tensors.iter().map(Piece::of).collect();
    weights::write(&folder.join(ADAPTER_WEIGHTS), &pieces, &BTreeMap::new()).expect("written");
    std::fs::write(folder.join("adapter_config.json"), lora.peft_json("base").to_string()).expect("written");
}

#[test]
fn shards_and_names_stay_and_what_no_adapter_touches_is_the_same_bytes() {
    let scratch = Scratch::new("shards");
    let base = fixture("deepseek");
    let config = ModelConfig::read(&base).expect("a config");
    let mut lora = LoraConfig::new(3, 7.0);
    lora.targets = ["q_proj".to_owned(), "down_proj".to_owned()].into();
    let (adapter, out) = (scratch.join("adapter"), scratch.join("out"));
    std::fs::create_dir_all(&adapter).expect("a folder");
    std::fs::create_dir_all(&out).expect("a folder");
    random_adapter(&adapter, &config, &lora);
    let metadata = BTreeMap::from([("format".to_owned(), "pt".to_owned())]);
    let done = merge(&base, &adapter, &out, &metadata, false).expect("it merges");
    assert_eq!((done.merged, done.files.len()), (2 * config.layers, 2));
    assert_eq!(std::fs::read(out.join(INDEX)).expect("an index"), std::fs::read(base.join(INDEX)).expect("an index"));
    let (before, after) = (Weights::of_model(&base).expect("weights"), Weights::of_model(&out).expect("weights"));
    let deltas = Weights::of_file(&adapter.join(ADAPTER_WEIGHTS)).expect("weights");
    assert_eq!(after.metadata, metadata);
    for (name, place) in &before.places {
        assert_eq!(after.places[name].file.file_name(), place.file.file_name(), "{name}");
        let ((_, old), (_, new)) =
            (before.read(name, &place.shape).expect("read"), after.read(name, &place.shape).expect("read"));
        let projection = ["q_proj", "down_proj"].into_iter().find(|projection| name.contains(projection));
        let Some(projection) = projection else {
            assert_eq!(old, new, "{name}");
            continue;
        };
        let layer: usize = name.split('.').nth(2).and_then(|layer| layer.parse().ok()).expect("a layer");
        let (rows, columns) = config.projection(projection);
        let a = deltas.read_f32(&tensor_name(layer, projection, 'A'), &[3, columns]).expect("A");
        let b = deltas.read_f32(&tensor_name(layer, projection, 'B'), &[rows, 3]).expect("B");
        let (old, new) = (to_f32(place.stored, &old), to_f32(place.stored, &new));
        for row in 0..rows {
            for column in 0..columns {
                let product: f64 = (0..3).map(|k| f64::from(b[row * 3 + k]) * f64::from(a[k * columns + column])).sum();
                let wanted = f64::from(old[row * columns + column]) + lora.scale() * product;
                let found = f64::from(new[row * columns + column]);
                // In bf16 a number is told to 8 bits, in f32 to 24.
                let slack = if place.stored == Stored::F32 { 1e-6 } else { wanted.abs() / 250.0 };
                assert!((wanted - found).abs() <= slack, "{name}: {wanted} {found}");
            }
        }
    }
}

#[test]
fn an_adapter_that_does_not_fit_is_refused_by_name() {
    let scratch = Scratch::new("misfit");
    let base = fixture("llama");
    let refused = |change: &dyn Fn(&mut LoraConfig), word: &str| {
        let lora_folder = scratch.join("adapter");
        std::fs::create_dir_all(&lora_folder).expect("a folder");
        let mut lora = LoraConfig::new(2, 2.0);
        random_adapter(&lora_folder, &ModelConfig::read(&base).expect("a config"), &lora);
        change(&mut lora);
        std::fs::write(lora_folder.join("adapter_config.json"), lora.peft_json("base").to_string()).expect("written");
        let error = merge(&base, &lora_folder, scratch.path(), &BTreeMap::new(), false).expect_err(word).to_string();
        assert!(error.contains(word), "{error}");
        assert!(!scratch.join("model.safetensors").exists(), "nothing half made is left");
        assert!(!scratch.join("model.safetensors.partial").exists());
    };
    refused(
        &|lora| {
            lora.targets.remove("q_proj");
        },
        "q_proj.lora_A.weight: the adapter holds it",
    );
    refused(&|lora| lora.r = 3, "asks for [3, 144]");
    let small = scratch.join("small");
    std::fs::create_dir_all(&small).expect("a folder");
    let mut lora = LoraConfig::new(2, 2.0);
    lora.targets.remove("up_proj");
    random_adapter(&small, &ModelConfig::read(&base).expect("a config"), &lora);
    lora.targets.insert("up_proj".to_owned());
    std::fs::write(small.join("adapter_config.json"), lora.peft_json("base").to_string()).expect("written");
    let error =
        merge(&base, &small, scratch.path(), &BTreeMap::new(), false).expect_err("a matrix is missing").to_string();
    assert!(error.contains("up_proj.lora_A.weight: the adapter does not hold it"), "{error}");
}

pub(super) fn contract(folder: &Path) -> (Contract, Tokenizer) {
    let tokenizer = Tokenizer::load(folder).expect("a tokenizer");
    let template = templates::template("alpaca").expect("built in");
    let digest = ModelConfig::digest(folder).expect("a config");
    (Contract::new(template, &tokenizer, &[], 512, digest).expect("it fits"), tokenizer)
}

/// Where weights of a step come from.
pub(super) fn provenance<'a>(contract: &'a Contract, tokenizer: &'a Tokenizer, step: u64) -> Provenance<'a> {
    Provenance { contract, tokenizer, manifest_sha256: "m", manifest_digest: "d", base_weights: "w", nf4: false, step }
}

#[test]
fn an_adapter_is_written_as_peft_has_it_with_all_that_generation_needs() {
    let scratch = Scratch::new("adapter");
    let base = fixture("llama");
    let (contract, tokenizer) = contract(&base);
    let of = provenance(&contract, &tokenizer, 40);
    let (config, lora) = (ModelConfig::read(&base).expect("a config"), LoraConfig::new(2, 4.0));
    random_adapter(scratch.path(), &config, &lora);
    let known = Weights::of_file(&scratch.join(ADAPTER_WEIGHTS)).expect("weights");
    let tensors: Vec<NamedTensor> = known
        .places
        .iter()
        .rev()
        .map(|(name, place)| {
            let values = known.read_f32(name, &place.shape).expect("read");
            NamedTensor { name: name.clone(), shape: place.shape.clone(), values }
        })
        .collect();
    let (one, two) = (scratch.join("one"), scratch.join("two"));
    // What stood there goes whole.
    scratch.write("two/stale.txt", "old");
    let digest = artefacts::write_adapter(&one, &lora, "/models/llama", &tensors, &of).expect("written");
    assert_eq!(artefacts::write_adapter(&two, &lora, "/models/llama", &tensors, &of).expect("written"), digest);
    assert_eq!(digests(&one), digests(&two));
    let written = Weights::of_file(&one.join(ADAPTER_WEIGHTS)).expect("weights");
    assert_eq!(written.metadata[CONTRACT_KEY], contract.digest());
    assert_eq!((written.metadata["step"].as_str(), written.metadata["format"].as_str()), ("40", "pt"));
    for tensor in &tensors {
        assert_eq!(written.read_f32(&tensor.name, &tensor.shape).expect("read"), tensor.values, "{}", tensor.name);
    }
    assert_eq!(Contract::read(&one.join(CONTRACT)).expect("a contract"), contract);
    assert_eq!(Tokenizer::load(&one).expect("a tokenizer").sha256(), tokenizer.sha256());
    assert!(one.join("chat_template.jinja").is_file());
    let settings = LoraConfig::read(&one).expect("settings");
    assert_eq!((settings.r, settings.alpha, settings.targets), (2, 4.0, lora.targets.clone()));
    // And the merged model beside it.
    let merged = scratch.join("merged");
    artefacts::write_merged(&merged, &base, &one, &of, false).expect("merged");
    assert_eq!(Weights::of_model(&merged).expect("weights").metadata[CONTRACT_KEY], contract.digest());
    let generation: serde_json::Value =
        serde_json::from_slice(&std::fs::read(merged.join("generation_config.json")).expect("a file")).expect("JSON");
    assert_eq!(generation["eos_token_id"], serde_json::json!([2]));
    let (mut live, beside) = (Reference::load(&base), Reference::load(&merged));
    live = live.with_adapter(&one);
    let ids = [1, 30, 77, 200, 5, 9];
    assert!(farthest(&live.logits(&ids), &beside.logits(&ids)) < 1e-4);
}

#[test]
fn a_model_from_nothing_is_the_same_everywhere_and_trains_back_into_its_own_form() {
    let scratch = Scratch::new("scratch");
    let texts = ["from manim import *", "self.play(Create(circle))", "the derivative of f(x) = x^2 is 2x"];
    let tokenizer = Tokenizer::train(texts.into_iter(), 300).expect("a tokenizer");
    let shape = Shape { hidden: 32, layers: 2, heads: 4, context: 128 };
    let (one, two) = (scratch.join("one"), scratch.join("two"));
    for folder in [&one, &two] {
        std::fs::create_dir_all(folder).expect("a folder");
        base::write(folder, &shape, &tokenizer, 5).expect("written");
    }
    assert_eq!(digests(&one), digests(&two));
    let config = ModelConfig::read(&one).expect("a config");
    assert_eq!((config.hidden, config.intermediate, config.context, config.tied), (32, 96, 128, true));
    assert_eq!(config.vocabulary, tokenizer.vocabulary());
    let known = Weights::of_model(&one).expect("weights");
    let names: Vec<String> = known.places.keys().cloned().collect();
    let mut wanted: Vec<String> = config.tensors().into_iter().map(|(name, _)| name).collect();
    wanted.sort();
    assert_eq!(names, wanted);
    // The value of a seed, held still: another one would be another model under the same options.
    let first = known.read_f32("model.embed_tokens.weight", &[config.vocabulary, 32]).expect("read");
    assert_eq!(first[..3].iter().map(|value| value.to_bits()).collect::<Vec<_>>(), FIRST_BITS);
    assert!(Reference::load(&one).logits(&[0, 5, 9]).iter().flatten().all(|value| value.is_finite()));
    let fingerprint = |model: &Path| Weights::of_model(model).expect("weights").fingerprint();
    let print = fingerprint(&one).expect("a fingerprint");
    assert_eq!(print, fingerprint(&two).expect("a fingerprint"));
    base::write(&two, &shape, &tokenizer, 6).expect("written");
    assert_ne!(print, fingerprint(&two).expect("a fingerprint"));
    let error = base::write(&two, &Shape { heads: 5, ..shape }, &tokenizer, 5).expect_err("5 heads").to_string();
    assert!(error.contains("--hidden 32") && error.contains("--heads 5"), "{error}");
    let (contract, tokenizer) = contract(&one);
    let of = provenance(&contract, &tokenizer, 7);
    let mut tensors: Vec<NamedTensor> = config
        .tensors()
        .into_iter()
        .map(|(name, shape)| NamedTensor { values: known.read_f32(&name, &shape).expect("read"), name, shape })
        .collect();
    tensors[0].values[0] = 1.0 / 3.0;
    let out = scratch.join("model");
    artefacts::write_model(&out, &one, &tensors, &of, false).expect("written");
    let written = Weights::of_model(&out).expect("weights");
    for tensor in &tensors {
        assert_eq!(written.read_f32(&tensor.name, &tensor.shape).expect("read"), tensor.values, "{}", tensor.name);
    }
    assert_eq!(ModelConfig::digest(&out).expect("a config"), contract.base_config_sha256);
    tensors[0].shape = vec![1, 2];
    let error = artefacts::write_model(&out, &one, &tensors, &of, false).expect_err("another shape").to_string();
    assert!(error.contains("it was trained as [1, 2]"), "{error}");
    assert!(out.join("config.json").is_file(), "what stood there stands");
    // Numbers that the base keeps in 16 bits are kept so again.
    assert_eq!(from_f32(Stored::Bf16, &[1.0 / 3.0]).expect("it fits"), 0x3EABu16.to_le_bytes());
}

/// The first three values of the embedding of seed 5.
const FIRST_BITS: [u32; 3] = [0xbcbb_3d48, 0xbd24_1b1d, 0x3b94_8ce6];

#[test]
fn artefacts_that_say_the_same_pass_and_others_are_told_where_they_part() {
    let rows = examples(12, 3);
    let stop_ids = [EOS];
    let probe = Probe {
        rows: &rows,
        prompts: 8,
        max_new_tokens: 20,
        stop_ids: &stop_ids,
        tolerance: 1e-6,
        tie: 0.0,
        tokens: 200,
        pad: PAD,
    };
    let mut live = Bigram::new(7);
    let lengths: Vec<usize> = rows.iter().map(|item| item.ids.len()).collect();
    let all: Vec<usize> = (0..rows.len()).collect();
    for _ in 0..60 {
        let cut = scenery::train::batches::Cut { budget_tokens: 400, cost_tokens: 0, pack_tokens: None };
        for micro in cut.micros(&all, &lengths) {
            live.accumulate(&micro.batch(&rows, PAD), 300.0).expect("it fits");
        }
        live.step(0.1).expect("a step");
    }
    let mut other = Bigram::new(1);
    other.restore(&live.state().expect("a state")).expect("restored");
    let one = parity::ask("live", &mut live, &probe).expect("answers");
    let two = parity::ask("read back", &mut other, &probe).expect("answers");
    let pairs = parity::gate(&[one.clone(), two], &probe).expect("they agree");
    assert!(pairs[0].agrees() && pairs[0].prompts == 8 && pairs[0].rows == 12, "{}", pairs[0]);
    // Greedy answers are those of one sequence at a time.
    for (answer, item) in one.greedy().zip(&rows) {
        use scenery::nn::Predictor;
        let mut wanted = Vec::new();
        let mut next = live.begin(&[item.ids[..item.trained_from].to_vec()], 64).expect("logits");
        while wanted.len() < 20 && wanted.last() != Some(&EOS) {
            let row = next.rows().next().expect("a row").to_vec();
            let highest = row.iter().copied().fold(f32::MIN, f32::max);
            let token = row.iter().position(|value| *value == highest).expect("one is") as u32;
            wanted.push(token);
            next = live.append(&[vec![token]]).expect("logits");
        }
        assert_eq!(answer, wanted, "{}", item.id);
    }
    // A weight is changed that a greedy answer passes: the place is told.
    let answer: Vec<u32> = one.greedy().next().expect("an answer");
    let before = *rows[0].ids[..rows[0].trained_from].last().expect("a prompt");
    let at = before as usize * super::fake::VOCABULARY;
    other.weights[at + answer[0] as usize] -= 40.0;
    let three = parity::ask("damaged", &mut other, &probe).expect("answers");
    let error = parity::gate(&[one.clone(), three], &probe).expect_err("they part");
    let RunError::Parity(told) = &error else { panic!("{error}") };
    assert!(
        told.contains(&format!("example {}: at answer token 0 live has token {}", rows[0].id, answer[0])),
        "{told}"
    );
    assert!(told.contains("beyond 1e-6") && told.contains("furthest apart: example"), "{told}");
    // A small shift of all losses is told even where every greedy token is the same.
    other.restore(&live.state().expect("a state")).expect("restored");
    other.weights.iter_mut().for_each(|value| *value *= 1.01);
    let four = parity::ask("scaled", &mut other, &probe).expect("answers");
    let pair = parity::compare(&one, &four, &probe);
    assert!(pair.partings.is_empty() && !pair.agrees(), "{pair}");
    let nan = {
        other.weights[at] = f32::NAN;
        parity::ask("broken", &mut other, &probe).map(|answers| parity::compare(&one, &answers, &probe).agrees())
    };
    assert!(!nan.unwrap_or(false), "what is no number agrees with nothing");
}
