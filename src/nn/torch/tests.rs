//! The network against transformers and PEFT (goldens in `tests/fixtures/nn`), and the laws of training.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tch::{Kind, Tensor};

use super::attention;
use super::flat::Flat;
use super::learner::TorchLearner;
use super::network::Network;
use super::to_host;
use crate::nn::lora::{self, ADAPTER_WEIGHTS, LoraConfig};
use crate::nn::weights::Weights;
use crate::nn::{
    AdamW, Batch, DeviceChoice, Learner, LearnerSetup, LearnerState, NamedTensor, NnError, Opening, Precision,
    Predictor, Trained,
};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/nn")
}

/// Adapters and merged models that this crate wrote, and what PEFT and transformers make of them.
fn handed_over() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/handed_over")
}

fn golden_of(folder: &Path) -> Value {
    let text = std::fs::read(folder.join("golden.json")).expect("the goldens");
    serde_json::from_slice(&text).expect("JSON")
}

fn golden() -> Value {
    golden_of(&fixtures())
}

fn opening(model: &str) -> Opening {
    Opening {
        model: fixtures().join(model),
        device: DeviceChoice::Cpu,
        precision: Precision::F32,
        nf4: false,
        threads: Some(1),
    }
}

fn setup(model: &str, trained: Trained) -> LearnerSetup {
    LearnerSetup {
        opening: opening(model),
        trained,
        optimiser: AdamW::default(),
        seed: 7,
        recompute_layers: 0,
        loss_chunk: 16,
    }
}

fn ids(value: &Value) -> Vec<u32> {
    value.as_array().expect("a list").iter().map(|id| id.as_u64().expect("an id") as u32).collect()
}

fn models() -> Vec<String> {
    golden()["models"].as_object().expect("models").keys().cloned().collect()
}

/// Compares logits, read token by token through the cache, with those of a tensor of the goldens in a folder.
fn same_logits(network: &mut Network, goldens: &Path, name: &str, sequences: &Value) {
    let goldens = Weights::of_file(&goldens.join("golden.safetensors")).expect("the goldens");
    for (at, sequence) in sequences.as_array().expect("sequences").iter().enumerate() {
        let (ids, from) = (ids(&sequence["ids"]), sequence["from"].as_u64().expect("a position") as usize);
        let tensor = format!("{name}.{at}");
        let shape = goldens.places[&tensor].shape.clone();
        let wanted = goldens.read_f32(&tensor, &shape).expect("a tensor");
        let mut worst = 0f32;
        let mut logits = network.begin(&[ids[..=from].to_vec()], ids.len()).expect("begins");
        for (position, row) in wanted.chunks_exact(shape[1]).enumerate() {
            if position > 0 {
                logits = network.append(&[vec![ids[from + position]]]).expect("reads on");
            }
            for (ours, theirs) in logits.values.iter().zip(row) {
                worst = worst.max((ours - theirs).abs());
            }
        }
        assert!(worst < 1e-4, "{tensor}: {worst}");
        // All at once, behind a beginning: the mask of several new tokens.
        if ids.len() > 2 {
            network.begin(&[ids[..1].to_vec()], ids.len()).expect("begins");
            let logits = network.append(&[ids[1..].to_vec()]).expect("reads on");
            let last = &wanted[wanted.len() - shape[1]..];
            assert!(logits.values.iter().zip(last).all(|(ours, theirs)| (ours - theirs).abs() < 1e-4), "{tensor}");
        }
    }
}

#[test]
fn logits_losses_and_greedy_tokens_are_those_of_transformers() {
    let golden = golden();
    for model in models() {
        let about = &golden["models"][&model];
        let mut network = Network::open(&opening(&model), None).expect("opens");
        same_logits(&mut network, &fixtures(), &model, &about["sequences"]);
        let (ids_, from) = (ids(&about["loss"]["ids"]), about["loss"]["trained_from"].as_u64().expect("a number"));
        let batch = Batch::padded(&[(&ids_, from as usize)], 0);
        let scores = network.score(&batch).expect("scores");
        let sum: f64 = scores[0].losses.iter().map(|loss| f64::from(*loss)).sum();
        let wanted = about["loss"]["nll"].as_f64().expect("a number");
        assert!((sum - wanted).abs() < 1e-3, "{model}: {sum} and {wanted}");
        assert_eq!(scores[0].losses.len() as u64, about["loss"]["trained"].as_u64().expect("a number"));
        for case in about["greedy"].as_array().expect("cases") {
            let (start, next) = (ids(&case["ids"]), ids(&case["next"]));
            let mut logits = network.begin(std::slice::from_ref(&start), start.len() + next.len()).expect("begins");
            let mut got = Vec::new();
            for _ in 0..next.len() {
                let best = (0..logits.vocabulary).rev().max_by(|a, b| logits.values[*a].total_cmp(&logits.values[*b]));
                got.push(best.expect("a token") as u32);
                if got.len() < next.len() {
                    logits = network.append(&[vec![got[got.len() - 1]]]).expect("reads on");
                }
            }
            assert_eq!(got, next, "{model}");
        }
    }
}

fn golden_batch(about: &Value) -> Batch {
    let rows: Vec<(Vec<u32>, usize)> = about["batch"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| (ids(&row["ids"]), row["trained_from"].as_u64().expect("a number") as usize))
        .collect();
    let rows: Vec<(&[u32], usize)> = rows.iter().map(|(ids, from)| (ids.as_slice(), *from)).collect();
    Batch::padded(&rows, 0)
}

/// A learner whose values are those of an adapter of the fixtures.
fn continued(name: &str, about: &Value, recompute: usize) -> TorchLearner {
    let folder = fixtures().join(name);
    let config = LoraConfig::read(&folder).expect("settings");
    let mut setup = setup(about["base"].as_str().expect("a base"), Trained::Lora(config));
    setup.recompute_layers = recompute;
    let mut learner = TorchLearner::new(&setup).expect("a learner");
    let weights = Weights::of_file(&folder.join(ADAPTER_WEIGHTS)).expect("weights");
    let mut tensors = Vec::new();
    for (name, place) in &weights.places {
        let values = weights.read_f32(name, &place.shape).expect("a tensor");
        let zeros = vec![0.0; values.len()];
        for (prefix, values) in [("param.", values), ("m.", zeros.clone()), ("v.", zeros)] {
            tensors.push(NamedTensor { name: format!("{prefix}{name}"), shape: place.shape.clone(), values });
        }
    }
    learner.restore(&LearnerState { steps: 0, tensors }).expect("restores");
    learner
}

#[test]
fn adapters_losses_gradients_and_steps_are_those_of_peft() {
    let golden = golden();
    for (name, about) in golden["adapters"].as_object().expect("adapters") {
        let base = about["base"].as_str().expect("a base");
        let mut network = Network::open(&opening(base), Some(&fixtures().join(name))).expect("opens");
        same_logits(&mut network, &fixtures(), name, &about["sequences"]);
        let batch = golden_batch(about);
        let trained = batch.trained_tokens() as f64;
        for recompute in [0, 1] {
            let mut learner = continued(name, about, recompute);
            learner.accumulate(&batch, trained).expect("runs");
            for (tensor, wanted) in about["gradients"].as_object().expect("gradients") {
                let ours = learner.gradient(tensor);
                let norm = ours.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
                let theirs = wanted["norm"].as_f64().expect("a number");
                assert!((norm - theirs).abs() < 1e-4 * theirs, "{name} {tensor}: {norm} and {theirs}");
                for (ours, theirs) in ours.iter().zip(wanted["first"].as_array().expect("a list")) {
                    let theirs = theirs.as_f64().expect("a number");
                    assert!((f64::from(*ours) - theirs).abs() < 2e-4, "{name} {tensor}: {ours} and {theirs}");
                }
            }
            learner.discard();
            let steps = &about["adamw"];
            let rate = steps["lr"].as_f64().expect("a number");
            for (step, wanted) in steps["grad_norms"].as_array().expect("norms").iter().enumerate() {
                learner.accumulate(&batch, trained).expect("runs");
                let outcome = learner.step(rate).expect("steps");
                let loss: f64 =
                    outcome.scores.iter().flat_map(|s| &s.losses).map(|l| f64::from(*l)).sum::<f64>() / trained;
                let wanted_loss = steps["losses"][step].as_f64().expect("a number");
                assert!((loss - wanted_loss).abs() < 1e-4, "{name}, step {step}: {loss} and {wanted_loss}");
                let wanted = wanted.as_f64().expect("a number");
                assert!((outcome.grad_norm - wanted).abs() < 2e-3 * wanted, "{name}: {} {wanted}", outcome.grad_norm);
            }
            for tensor in learner.trained().expect("values") {
                let norm = tensor.values.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
                let wanted = steps["norms"][&tensor.name].as_f64().expect("a number");
                assert!((norm - wanted).abs() < 1e-3, "{name} {}: {norm} and {wanted}", tensor.name);
            }
        }
    }
}

#[test]
fn what_is_handed_over_computes_here_what_it_computes_in_peft_and_transformers() {
    let golden = golden_of(&handed_over());
    let adapters = golden["adapters"].as_object().expect("adapters");
    assert_eq!(adapters.len(), 2);
    for (name, about) in adapters {
        let base = about["base"].as_str().expect("a base");
        let mut live = Network::open(&opening(base), Some(&handed_over().join(name))).expect("opens");
        same_logits(&mut live, &handed_over(), name, &about["sequences"]);
        let merged = Opening { model: handed_over().join(base).join("merged"), ..opening(base) };
        let mut merged = Network::open(&merged, None).expect("opens");
        same_logits(&mut merged, &handed_over(), &format!("{name}.merged"), &about["sequences"]);
    }
}

/// Examples of some lengths out of a counter.
fn examples(count: usize, vocabulary: u32) -> Vec<(Vec<u32>, usize)> {
    (0..count)
        .map(|at| {
            let length = 5 + (at * 7) % 23;
            let ids = (0..length).map(|token| ((at * 131 + token * 37 + token * token) as u32) % vocabulary).collect();
            (ids, 1 + (at * 3) % (length - 2))
        })
        .collect()
}

fn borrowed(rows: &[(Vec<u32>, usize)]) -> Vec<(&[u32], usize)> {
    rows.iter().map(|(ids, from)| (ids.as_slice(), *from)).collect()
}

fn gradients(learner: &TorchLearner) -> Vec<f32> {
    learner.all_gradients()
}

fn near(a: &[f32], b: &[f32], tolerance: f32) {
    let largest = a.iter().fold(0f32, |largest, value| largest.max(value.abs()));
    let worst = a.iter().zip(b).fold(0f32, |worst, (a, b)| worst.max((a - b).abs()));
    assert!(a.len() == b.len() && largest > 0.0, "nothing is compared");
    assert!(worst <= tolerance * largest.max(1.0), "{worst} of {largest}");
}

#[test]
fn accumulation_padding_order_packing_and_recomputation_do_not_change_gradients() {
    for (model, trained) in [
        ("smollm2", Trained::Lora(LoraConfig { rslora: true, ..LoraConfig::new(4, 8.0) })),
        ("qwen2", Trained::Full),
        ("deepseek", Trained::Full),
    ] {
        let rows = examples(7, 300);
        let total: usize = rows.iter().map(|(ids, from)| ids.len() - from).sum();
        let run = |recompute: usize, batches: &[Batch]| {
            let mut setup = setup(model, trained.clone());
            setup.recompute_layers = recompute;
            let mut learner = TorchLearner::new(&setup).expect("a learner");
            learner.set_b_matrices();
            for batch in batches {
                learner.accumulate(batch, total as f64).expect("runs");
            }
            gradients(&learner)
        };
        let rows = borrowed(&rows);
        let whole = run(0, &[Batch::padded(&rows, 0)]);
        let single: Vec<Batch> = rows.iter().map(|row| Batch::padded(&[*row], 0)).collect();
        near(&whole, &run(0, &single), 1e-5);
        near(&whole, &run(0, &[Batch::padded(&rows, 5)]), 0.0);
        let packed = Batch::packed(&[rows[..3].to_vec(), rows[3..].to_vec()], 1);
        near(&whole, &run(0, &[packed]), 1e-5);
        near(&whole, &run(1, &[Batch::padded(&rows, 0)]), 1e-6);
        near(&whole, &run(2, &[Batch::padded(&rows, 0)]), 1e-6);
    }
}

#[test]
fn full_gradients_are_those_of_finite_differences() {
    for model in ["qwen2", "tinyllama"] {
        let rows = examples(3, 300);
        let batch = Batch::padded(&borrowed(&rows), 0);
        let mut learner = TorchLearner::new(&setup(model, Trained::Full)).expect("a learner");
        learner.accumulate(&batch, 1.0).expect("runs");
        let state = learner.state().expect("a state");
        let mut loss_with = |name: &str, at: usize, by: f32| {
            let mut moved = state.clone();
            let tensor = moved.tensors.iter_mut().find(|tensor| tensor.name == format!("param.{name}")).expect("there");
            tensor.values[at] += by;
            learner.restore(&moved).expect("restores");
            let scores = learner.predictor().score(&batch).expect("scores");
            scores.iter().flat_map(|scores| &scores.losses).map(|loss| f64::from(*loss)).sum::<f64>()
        };
        let mut fresh = TorchLearner::new(&setup(model, Trained::Full)).expect("a learner");
        fresh.accumulate(&batch, 1.0).expect("runs");
        for tensor in fresh.trained().expect("values") {
            let grads = fresh.gradient(&tensor.name);
            let at = (0..grads.len()).max_by(|a, b| grads[*a].abs().total_cmp(&grads[*b].abs())).expect("numbers");
            let by = 2e-3;
            let slope = (loss_with(&tensor.name, at, by) - loss_with(&tensor.name, at, -by)) / f64::from(2.0 * by);
            let ours = f64::from(grads[at]);
            assert!(
                (slope - ours).abs() < 0.03 * ours.abs().max(1.0),
                "{model} {} [{at}]: {ours}, {slope}",
                tensor.name
            );
        }
    }
}

#[test]
fn at_step_0_the_adapted_model_is_the_base_bit_for_bit_and_only_a_and_b_change() {
    for model in models() {
        let rows = examples(4, 300);
        let batch = Batch::padded(&borrowed(&rows), 0);
        let base = Network::open(&opening(&model), None).expect("opens").score(&batch).expect("scores");
        let mut learner =
            TorchLearner::new(&setup(&model, Trained::Lora(LoraConfig::new(8, 16.0)))).expect("a learner");
        assert_eq!(learner.predictor().score(&batch).expect("scores"), base, "{model}");
        learner.accumulate(&batch, batch.trained_tokens() as f64).expect("runs");
        learner.step(1e-2).expect("steps");
        assert_ne!(learner.predictor().score(&batch).expect("scores"), base, "{model}");
        let names = learner.trained().expect("values");
        assert!(names.iter().all(|tensor| tensor.name.contains(".lora_")));
        assert_eq!(names.len(), 2 * 7 * learner.layers());
        let zeros = [0.0; 1];
        assert!(
            names.iter().filter(|tensor| tensor.name.contains("lora_B")).all(|tensor| tensor.values[..1] != zeros[..])
        );
    }
}

#[test]
fn a_state_that_is_taken_back_goes_on_bit_for_bit() {
    for trained in [Trained::Lora(LoraConfig { plus_ratio: 4.0, ..LoraConfig::new(4, 8.0) }), Trained::Full] {
        let rows = examples(6, 300);
        let batch = Batch::padded(&borrowed(&rows), 0);
        let run = |learner: &mut TorchLearner, steps: usize| {
            for _ in 0..steps {
                learner.accumulate(&batch, batch.trained_tokens() as f64).expect("runs");
                learner.step(3e-3).expect("steps");
            }
        };
        let mut whole = TorchLearner::new(&setup("tinyllama", trained.clone())).expect("a learner");
        run(&mut whole, 6);
        let mut first = TorchLearner::new(&setup("tinyllama", trained.clone())).expect("a learner");
        run(&mut first, 3);
        let state = first.state().expect("a state");
        let mut second = TorchLearner::new(&setup("tinyllama", trained)).expect("a learner");
        second.restore(&state).expect("restores");
        assert_eq!(second.state().expect("a state"), state);
        run(&mut second, 3);
        assert_eq!(second.state().expect("a state"), whole.state().expect("a state"));
        let mut wrong = state.clone();
        wrong.tensors.pop();
        assert!(matches!(second.restore(&wrong), Err(NnError::Tensor { .. })));
    }
}

#[test]
fn wrong_batches_and_broken_numbers_are_refused() {
    let mut learner = TorchLearner::new(&setup("llama", Trained::Lora(LoraConfig::new(2, 4.0)))).expect("a learner");
    let refused =
        |learner: &mut TorchLearner, batch: &Batch| learner.accumulate(batch, 1.0).expect_err("refused").to_string();
    let text = refused(&mut learner, &Batch::padded(&[(&[1, 2, 3], 0)], 0));
    assert!(text.contains("trained from token 0"), "{text}");
    let text = refused(&mut learner, &Batch::padded(&[(&[1, 2, 3], 3)], 0));
    assert!(text.contains("3 tokens"), "{text}");
    let text = refused(&mut learner, &Batch::padded(&[(&[1, 2, 99_999], 1)], 0));
    assert!(text.contains("token 99999"), "{text}");
    let state = learner.state().expect("a state");
    let mut broken = state.clone();
    let tensor = broken.tensors.iter_mut().find(|tensor| tensor.name.contains("lora_B")).expect("a B");
    tensor.values[0] = f32::NAN;
    learner.restore(&broken).expect("restores");
    learner.accumulate(&Batch::padded(&[(&[1, 2, 3], 1)], 0), 2.0).expect("runs");
    assert!(matches!(learner.step(1e-3), Err(NnError::NotFinite { step: 1, .. })));
    learner.restore(&state).expect("restores");
    learner.accumulate(&Batch::padded(&[(&[1, 2, 3], 1)], 0), 2.0).expect("runs");
    learner.step(1e-3).expect("goes on");
}

#[test]
fn four_bits_stay_near_the_weights_and_lora_learns_beside_them() {
    let weights = Weights::of_model(&fixtures().join("llama")).expect("weights");
    let name = "model.layers.0.mlp.down_proj.weight";
    let shape = weights.places[name].shape.clone();
    let values = weights.read_f32(name, &shape).expect("a tensor");
    let ground = super::Ground { device: tch::Device::Cpu, kind: Kind::Float };
    let dense = Tensor::from_slice(&values).view([shape[0] as i64, shape[1] as i64]);
    let packed = super::frozen::Frozen::Nf4(super::frozen::Nf4::new(&dense, ground).expect("packs"));
    let back = to_host(&packed.dense().expect("unpacks")).expect("values");
    let error: f64 = values.iter().zip(&back).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>();
    let size: f64 = values.iter().map(|a| f64::from(*a).powi(2)).sum();
    // Normal numbers come to a relative error of 0.092 (Dettmers et al. 2023: blocks of 64); the second quantisation adds little.
    assert!((error / size).sqrt() < 0.11, "{}", (error / size).sqrt());
    let mut setup = setup("llama", Trained::Lora(LoraConfig::new(4, 8.0)));
    setup.opening.nf4 = true;
    let mut learner = TorchLearner::new(&setup).expect("a learner");
    let rows = examples(4, 300);
    let batch = Batch::padded(&borrowed(&rows), 0);
    let mut losses = Vec::new();
    for _ in 0..30 {
        learner.accumulate(&batch, batch.trained_tokens() as f64).expect("runs");
        let outcome = learner.step(1e-2).expect("steps");
        losses.push(outcome.scores.iter().flat_map(|scores| &scores.losses).sum::<f32>());
    }
    assert!(losses[29] < losses[0] * 0.5, "{losses:?}");
    setup.trained = Trained::Full;
    assert!(matches!(TorchLearner::new(&setup), Err(NnError::Request(_))));
}

#[test]
fn bf16_is_near_f32_and_its_masters_stay_f32() {
    let rows = examples(4, 300);
    let batch = Batch::padded(&borrowed(&rows), 0);
    let mut setup = setup("llama", Trained::Lora(LoraConfig::new(4, 8.0)));
    let run = |setup: &LearnerSetup| {
        let mut learner = TorchLearner::new(setup).expect("a learner");
        let mut losses = Vec::new();
        for _ in 0..20 {
            learner.accumulate(&batch, batch.trained_tokens() as f64).expect("runs");
            let outcome = learner.step(1e-2).expect("steps");
            let trained = batch.trained_tokens() as f32;
            losses.push(outcome.scores.iter().flat_map(|scores| &scores.losses).sum::<f32>() / trained);
        }
        losses
    };
    let whole = run(&setup);
    setup.opening.precision = Precision::Bf16;
    let half = run(&setup);
    assert!((whole[0] - half[0]).abs() < 0.1 * whole[0], "{} {}", whole[0], half[0]);
    assert!(half[19] < half[0] * 0.7, "{half:?}");
}

#[test]
fn beams_may_be_reordered_and_dropped() {
    let mut network = Network::open(&opening("tinyllama"), None).expect("opens");
    let (a, b) = (vec![1u32, 7, 9], vec![1u32, 20, 3]);
    network.begin(&[a.clone(), b.clone()], 8).expect("begins");
    network.select(&[1, 1, 0]).expect("selects");
    let many = network.append(&[vec![5], vec![6], vec![5]]).expect("reads on");
    for (row, (start, next)) in many.values.chunks_exact(many.vocabulary).zip([(&b, 5u32), (&b, 6), (&a, 5)]) {
        let mut ids = start.clone();
        ids.push(next);
        let alone = network_logits(&ids);
        assert!(row.iter().zip(&alone).all(|(many, one)| (many - one).abs() < 1e-4));
    }
    assert!(network.append(&[vec![1]]).is_err(), "three sequences are open");
    assert!(network.select(&[3]).is_err());
    assert!(network.begin(&[vec![1, 2], vec![1]], 8).is_err());
    assert!(network.begin(&[vec![1, 2]], 1).is_err());
}

fn network_logits(ids: &[u32]) -> Vec<f32> {
    let mut network = Network::open(&opening("tinyllama"), None).expect("opens");
    network.begin(&[ids.to_vec()], ids.len()).expect("begins").values
}

#[test]
fn a_flat_buffer_knows_its_names() {
    let _: fn(&Flat) -> u64 = Flat::numbers;
    let lora = LoraConfig::new(4, 8.0);
    let learner = TorchLearner::new(&setup("llama", Trained::Lora(lora.clone()))).expect("a learner");
    let config = crate::nn::config::ModelConfig::read(&fixtures().join("llama")).expect("a config");
    assert_eq!(learner.trained_parameters(), lora.parameters(&config));
    let full = TorchLearner::new(&setup("llama", Trained::Full)).expect("a learner");
    assert_eq!(full.trained_parameters(), config.parameters());
    let names: BTreeMap<String, Vec<usize>> = config.tensors().into_iter().collect();
    let trained = full.trained().expect("values");
    assert_eq!(trained.len(), names.len());
    assert!(trained.iter().all(|tensor| names[&tensor.name] == tensor.shape));
    assert_eq!(lora::tensor_name(1, "up_proj", 'B'), "base_model.model.model.layers.1.mlp.up_proj.lora_B.weight");
}

/// Attention as its definition has it, with libtorch's autograd: output, and gradients of query, key and value.
fn attention_by_definition(inputs: &[Tensor; 3], grad: &Tensor) -> [Tensor; 4] {
    let leaves = inputs.each_ref().map(|tensor| tensor.to_kind(Kind::Double).set_requires_grad(true));
    let output = tch::with_grad(|| {
        let [query, key, value] = &leaves;
        let (_, heads, length, width) = query.size4().expect("four sizes");
        let shared_by = heads / key.size()[1];
        let (key, value) =
            (key.repeat_interleave_self_int(shared_by, 1, None), value.repeat_interleave_self_int(shared_by, 1, None));
        let later = Tensor::full([length, length], f64::NEG_INFINITY, (Kind::Double, tch::Device::Cpu)).triu(1);
        let scores = query.matmul(&key.transpose(2, 3)) / (width as f64).sqrt() + later;
        scores.softmax(3, Kind::Double).matmul(&value)
    });
    let sum = tch::with_grad(|| (&output * grad.to_kind(Kind::Double)).sum(Kind::Double));
    let grads = Tensor::run_backward(&[sum], &leaves, false, false);
    let [query, key, value] = <[Tensor; 3]>::try_from(grads).expect("three gradients");
    [output.detach(), query, key, value].map(|tensor| tensor.to_kind(Kind::Float))
}

#[test]
fn attention_of_short_and_of_long_rows_is_that_of_its_definition() {
    tch::manual_seed(3);
    // In blocks: less than one, one and a token, several; and by the fused kernel.
    for (length, heads, key_heads) in [(2, 2, 1), (37, 4, 4), (129, 6, 2), (300, 9, 3), (767, 2, 2), (800, 4, 2)] {
        let stream =
            |heads: i64| Tensor::randn([2, length, heads, 16], (Kind::Float, tch::Device::Cpu)).transpose(1, 2);
        let inputs = [stream(heads), stream(key_heads), stream(key_heads)];
        let grad = stream(heads);
        let [query, key, value] = &inputs;
        let (output, kept) = attention::forward(query, key, value, true).expect("attention");
        let (by_query, by_key, by_value) =
            attention::backward(kept.expect("it is kept"), &grad).expect("its gradients");
        let wanted = attention_by_definition(&inputs, &grad);
        for (got, wanted) in [output, by_query, by_key, by_value].iter().zip(&wanted) {
            assert_eq!(got.size(), wanted.size());
            near(&to_host(got).expect("numbers"), &to_host(wanted).expect("numbers"), 2e-5);
        }
    }
}
