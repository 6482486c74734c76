//! Adapters and merged models as files: the bytes that are written are those that PEFT and transformers were asked about, and
//! what they answered is what those files mean here.
//!
//! `tests/fixtures/handed_over` holds the files, and the answers with the program that got them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use scenery::nn::config::ModelConfig;
use scenery::nn::lora::LoraConfig;
use scenery::nn::{NamedTensor, weights};
use scenery::train::artefacts;
use serde_json::Value;

use super::handing::{contract, matrices, provenance};
use crate::corpus::digests;
use crate::nn_reference::{Golden, Reference, distance, fixture};
use crate::query_gen::Rng;

/// The adapters: base, and settings.
fn adapters() -> [(&'static str, LoraConfig); 2] {
    let all = LoraConfig::new(3, 6.0);
    let some = ["q_proj", "v_proj", "down_proj"].map(str::to_owned).into();
    [("qwen2", all), ("deepseek", LoraConfig { rslora: true, targets: some, ..LoraConfig::new(4, 7.0) })]
}

fn recorded() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/handed_over")
}

/// Fixed numbers for every matrix of an adapter, as a run would hand them over.
fn trained(config: &ModelConfig, lora: &LoraConfig) -> Vec<NamedTensor> {
    let mut rng = Rng::new(11);
    matrices(config, lora, || (rng.below(4001) as f32 - 2000.0) / 8192.0)
}

/// Every file below a folder with the hash of its bytes; of weights the header apart, less the version that wrote them.
fn contents(folder: &Path) -> BTreeMap<String, String> {
    let mut out = digests(folder);
    let names: Vec<String> = out.keys().filter(|name| name.ends_with(".safetensors")).cloned().collect();
    for name in names {
        let bytes = std::fs::read(folder.join(&name)).expect("weights");
        let length = u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes")) as usize;
        let mut header: Value = serde_json::from_slice(&bytes[8..8 + length]).expect("a header");
        let tool = header["__metadata__"].as_object_mut().and_then(|metadata| metadata.shift_remove("tool"));
        assert!(tool.is_some_and(|tool| tool.as_str().is_some_and(|tool| tool.starts_with("scenery "))), "{name}");
        let numbers = scenery::sample::hex(&scenery::sample::hash16(&[&bytes[8 + length..]]));
        out.insert(name, format!("{header} {numbers}"));
    }
    out
}

#[test]
fn what_is_written_is_what_peft_and_transformers_were_asked_about() {
    // Where the files differ from those that were recorded, they are found here.
    let now = Path::new(env!("CARGO_TARGET_TMPDIR")).join("handed_over");
    for (name, lora) in adapters() {
        let base = fixture(name);
        let (contract, tokenizer) = contract(&base);
        let of = provenance(&contract, &tokenizer, 3);
        let tensors = trained(&ModelConfig::read(&base).expect("a config"), &lora);
        let (adapter, merged) = (now.join(name).join("adapter"), now.join(name).join("merged"));
        std::fs::create_dir_all(now.join(name)).expect("a folder");
        artefacts::write_adapter(&adapter, &lora, name, &tensors, &of).expect("an adapter");
        artefacts::write_merged(&merged, &base, &adapter, &of, false).expect("a merged model");
    }
    for (name, _) in adapters() {
        let (now, recorded) = (now.join(name), recorded().join(name));
        let (found, wanted) = (contents(&now), contents(&recorded));
        assert_eq!(
            found.keys().collect::<Vec<_>>(),
            wanted.keys().collect::<Vec<_>>(),
            "{name}: other files are written than were recorded; they are in {}",
            now.display()
        );
        for (file, found) in &found {
            assert_eq!(*found, wanted[file], "{name}: {file} differs from what was recorded; see {}", now.display());
        }
    }
}

#[test]
fn peft_and_transformers_compute_what_the_files_mean() {
    let golden = Golden::of(&recorded());
    for (base, lora) in adapters() {
        let name = format!("{base}/adapter");
        let about = golden.adapter(&name);
        assert_eq!((&about["base"], &about["verdict"]["same"]), (&base.into(), &true.into()), "{name}");
        assert_eq!(about["verdict"]["adapter_tensors"], 2 * 2 * lora.targets.len(), "{name}");
        assert_eq!(about["verdict"]["merged_weights_changed"], 2 * lora.targets.len(), "{name}");
        let plain = Reference::load(&fixture(base));
        let live = plain.clone().with_adapter(&recorded().join(&name));
        let merged = Reference::load(&recorded().join(base).join("merged"));
        let far = distance(&live, &golden, &name);
        assert!(far < 1e-4, "{name} live: {far}");
        let far = distance(&merged, &golden, &format!("{name}.merged"));
        assert!(far < 1e-4, "{name} merged: {far}");
        assert!(distance(&plain, &golden, &name) > 1.0, "{name} does nothing");
        // The two parts are one model but for the rounding of what is kept in 16 bits.
        let apart = distance(&merged, &golden, &name);
        assert!((1e-4..0.2).contains(&apart), "{name}: live and merged are {apart} apart");
    }
    let weights = weights::Weights::of_file(&recorded().join("golden.safetensors")).expect("logits");
    assert_eq!(weights.places.len(), 2 * 2 * 3, "two models, live and merged, three sequences");
}
