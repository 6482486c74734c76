//! Twenty samples learnt by heart: the live, the reloaded and the merged model give every answer back, token for token.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use scenery::nn::config::ModelConfig;
use scenery::nn::lora::LoraConfig;
use scenery::nn::{
    AdamW, Batch, DeviceChoice, LearnerSetup, Opening, Precision, Predictor, Trained, learner, predictor,
};
use scenery::prompt::contract::Contract;
use scenery::prompt::templates::template;
use scenery::prompt::tokenizer::Tokenizer;
use scenery::train::artefacts::{Provenance, write_adapter, write_merged};
use scenery::train::item::Item;
use scenery::train::parity::{self, Probe};

use crate::corpus::Scratch;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/nn").join(name)
}

/// Twenty requests and scenes of ours.
fn twenty() -> Vec<(String, String)> {
    let shapes = ["Circle", "Square", "Triangle", "Dot", "Star"];
    let colours = ["RED", "BLUE", "GREEN", "YELLOW"];
    let mut out = Vec::new();
    for (at, shape) in shapes.iter().enumerate() {
        for (number, colour) in colours.iter().enumerate() {
            let (scale, side) = (1 + (at + 2 * number) % 4, ["UP", "DOWN", "LEFT", "RIGHT"][(at + number) % 4]);
            let ask = format!("Draw a {} {} and move it.", colour.to_lowercase(), shape.to_lowercase());
            let code = format!(
                "class {colour}{shape}(Scene):\n    def construct(self):\n        shape = {shape}(color={colour})\n        self.play(Create(shape))\n        self.play(shape.animate.shift({scale} * {side}))\n        self.wait({})\n",
                number + 1
            );
            out.push((ask, code));
        }
    }
    out
}

#[test]
fn twenty_samples_are_learnt_by_heart_and_come_back_from_every_artefact() {
    let base = fixture("llama");
    let config = ModelConfig::read(&base).expect("a config");
    let tokenizer = Tokenizer::load(&base).expect("a tokenizer");
    let template = template("plain").expect("built in");
    let digest = ModelConfig::digest(&base).expect("a digest");
    let contract = Contract::new(template, &tokenizer, &config.eos, config.context, digest).expect("a contract");
    let items: Vec<Item> = twenty()
        .iter()
        .enumerate()
        .map(|(at, (ask, code))| {
            let encoded = contract.encode(&tokenizer, &[("instruction", ask), ("response", code)]).expect("encodes");
            Item {
                id: format!("{at:032x}"),
                ids: encoded.ids,
                trained_from: encoded.trained_from,
                labels: BTreeMap::new(),
                slots: None,
            }
        })
        .collect();
    let lora = LoraConfig::new(32, 32.0);
    let opening = |model: PathBuf| Opening {
        model,
        device: DeviceChoice::Cpu,
        precision: Precision::F32,
        nf4: false,
        threads: None,
    };
    let setup = LearnerSetup {
        opening: opening(base.clone()),
        trained: Trained::Lora(lora.clone()),
        optimiser: AdamW { weight_decay: 0.0, ..AdamW::default() },
        seed: 1,
        recompute_layers: 0,
        loss_chunk: 512,
    };
    let mut learner = learner(&setup).expect("a learner");
    let rows: Vec<(&[u32], usize)> = items.iter().map(|item| (item.ids.as_slice(), item.trained_from)).collect();
    let batch = Batch::padded(&rows, contract.pad());
    let trained = batch.trained_tokens() as f64;
    let (steps, peak) = (400, 1e-2);
    let mut loss = f64::NAN;
    for step in 0..steps {
        learner.accumulate(&batch, trained).expect("runs");
        let rate = peak * (1.0 - f64::from(step) / f64::from(steps)) * (f64::from(step + 1) / 20.0).min(1.0);
        let outcome = learner.step(rate).expect("steps");
        loss =
            outcome.scores.iter().flat_map(|scores| &scores.losses).map(|loss| f64::from(*loss)).sum::<f64>() / trained;
    }
    assert!(loss < 0.02, "the loss is {loss}");

    let folder = Scratch::new("overfit");
    let (adapter, merged) = (folder.join("adapter"), folder.join("merged"));
    let of = Provenance {
        contract: &contract,
        tokenizer: &tokenizer,
        manifest_sha256: "",
        manifest_digest: "",
        base_weights: "",
        nf4: false,
        step: steps as u64,
    };
    write_adapter(&adapter, &lora, "llama", &learner.trained().expect("weights"), &of).expect("written");
    write_merged(&merged, &base, &adapter, &of, false).expect("merged");
    let mut reloaded = predictor(&opening(base), Some(&adapter)).expect("reloaded");
    let mut whole = predictor(&opening(merged), None).expect("the merged model");
    let probe = Probe {
        rows: &items,
        prompts: items.len(),
        max_new_tokens: 300,
        stop_ids: &contract.stop_ids,
        tolerance: 1e-4,
        tie: 0.0,
        tokens: 8192,
        pad: contract.pad(),
    };
    let mut all = Vec::new();
    let asked: [(&str, &mut dyn Predictor); 3] =
        [("live", learner.predictor()), ("reloaded", &mut *reloaded), ("merged", &mut *whole)];
    for (name, predictor) in asked {
        let answers = parity::ask(name, predictor, &probe).expect("answers");
        let wanted: Vec<Vec<u32>> = items.iter().map(|item| item.ids[item.trained_from..].to_vec()).collect();
        let right = answers.greedy().zip(&wanted).filter(|(got, wanted)| got == *wanted).count();
        assert_eq!(right, 20, "{name}: {right} of 20 answers are token for token what was trained");
        assert!(wanted.iter().all(|answer| contract.stop_ids.contains(&answer[answer.len() - 1])));
        all.push(answers);
    }
    let pairs = parity::gate(&all, &probe).expect("the gate opens");
    assert!(pairs.iter().all(parity::Pair::agrees));
}
