//! What is generated from: opened where it is what its contract says, refused where it is not; and the command's errors.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use scenery::generate::opening::{Asked, CONTRACT_KEY, Opened, open};
use scenery::generate::prompts::{Item, prompts};
use scenery::nn::NamedTensor;
use scenery::nn::lora::LoraConfig;
use scenery::nn::weights::{self, BASE_WEIGHTS_KEY, LORA_KEY, NF4_KEY, Piece, Weights};
use scenery::prompt::canonical_json;
use scenery::prompt::contract::{CONTRACT, CONTRACT_TEXT_KEY, Contract};
use scenery::prompt::templates::template;
use scenery::prompt::tokenizer::Tokenizer;
use serde_json::{Value, json};

use crate::corpus::Scratch;

/// Folders of a base and of an adapter to it, as training writes them, and the tokenizer.
struct Folders {
    base: PathBuf,
    adapter: PathBuf,
    contract: Contract,
}

const CONFIG: &str = r#"{"architectures":["LlamaForCausalLM"],"model_type":"llama","hidden_act":"silu","hidden_size":16,"intermediate_size":32,"num_hidden_layers":1,"num_attention_heads":2,"vocab_size":300,"max_position_embeddings":256,"bos_token_id":0,"eos_token_id":1}"#;

/// A file of weights that says which contract they were trained with.
fn weights(path: &Path, metadata: &[(&str, &str)]) {
    let tensor = NamedTensor { name: "w".to_owned(), shape: vec![1], values: vec![1.0] };
    let metadata = metadata.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    weights::write(path, &[Piece::of(&tensor)], &metadata).expect("weights");
}

fn tokenizer(texts: &[&str]) -> Tokenizer {
    Tokenizer::train(texts.iter().copied(), 300).expect("a tokenizer")
}

const TRAINED_ON: &[&str] = &[
    "Below is an instruction that describes a task. Draw a circle. Show the derivative of x^2.",
    "from manim import *\n\n\nclass Circle(Scene):\n    def construct(self):\n        self.play(Create(Circle()))\n",
];

fn folders(scratch: &Scratch) -> Folders {
    let (base, adapter) = (scratch.join("base"), scratch.join("adapter"));
    let tokenizer = tokenizer(TRAINED_ON);
    for folder in [&base, &adapter] {
        std::fs::create_dir_all(folder).expect("a folder");
        tokenizer.save(folder).expect("saved");
    }
    std::fs::write(base.join("config.json"), CONFIG).expect("a config");
    weights(&base.join("model.safetensors"), &[]);
    let digest = scenery::nn::config::ModelConfig::digest(&base).expect("a digest");
    let contract =
        Contract::new(template("alpaca").expect("built in"), &tokenizer, &[1], 128, digest).expect("a contract");
    contract.write(&adapter.join(CONTRACT)).expect("written");
    let mut config = scenery::nn::lora::LoraConfig::new(4, 8.0).peft_json("somewhere");
    config["base_model_name_or_path"] = json!(base.display().to_string());
    std::fs::write(adapter.join("adapter_config.json"), config.to_string()).expect("a config");
    let folders = Folders { base, adapter, contract };
    let (digest, text) = (folders.contract.digest(), folders.contract.text());
    labelled(&folders, &[(CONTRACT_KEY, &digest), (CONTRACT_TEXT_KEY, &text)]);
    folders
}

/// Weights of the adapter with these metadata, beside those of every adapter.
fn labelled(folders: &Folders, more: &[(&str, &str)]) {
    let settings = canonical_json(&LoraConfig::read(&folders.adapter).expect("settings").computed());
    let base = Weights::of_model(&folders.base).expect("weights").fingerprint().expect("a fingerprint");
    let own = [(LORA_KEY, settings.as_str()), (BASE_WEIGHTS_KEY, &base), (NF4_KEY, "false")];
    weights(&folders.adapter.join("adapter_model.safetensors"), &[&own[..], more].concat());
}

fn opened(folder: &Path, base: Option<&Path>, template: Option<&str>) -> Result<Opened, String> {
    open(&Asked { folder, base, template, probe: "Draw a circle." }).map_err(|error| error.to_string())
}

fn item(fields: &[(&str, &str)]) -> Item {
    let fields: BTreeMap<String, String> =
        fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Item { id: None, fields }
}

#[test]
fn what_was_trained_here_is_opened_and_asked_as_it_was_trained() {
    let scratch = Scratch::new("generation");
    let Folders { base, adapter, contract } = folders(&scratch);
    let found = opened(&adapter, None, Some("alpaca")).expect("it is right");
    assert_eq!((&found.model, found.adapter.as_ref(), found.run.as_ref()), (&base, Some(&adapter), None));
    assert_eq!(found.contract, contract);
    assert!(!found.nf4);
    let all = [item(&[("instruction", "Draw a circle.")]), item(&[("instruction", "Draw a circle.")])];
    let asked = prompts(&found.contract, &found.tokenizer, &all).expect("prompts");
    let fields = [("instruction", "Draw a circle."), ("response", "x = 1")];
    let trained = contract.encode(&found.tokenizer, &fields).expect("it encodes");
    assert_eq!(asked[0].ids, trained.ids[..trained.trained_from]);
    // The same item again is another draw.
    assert_eq!(asked[1].key, format!("{}#2", asked[0].key));
    for (fields, part) in [
        (vec![("instruction", "a"), ("system", "b")], "no field `system`"),
        (vec![], "needs the field `instruction`"),
        (vec![("instruction", "a </s> b")], "special token"),
    ] {
        let error = prompts(&found.contract, &found.tokenizer, &[item(&fields)]).expect_err(part).to_string();
        assert!(error.contains("item 1: ") && error.contains(part), "{error}");
    }
    // A run's folder holds its adapter.
    let run = scratch.join("runs/r1");
    std::fs::create_dir_all(&run).expect("a folder");
    std::fs::write(run.join("run.json"), "{}").expect("a file");
    assert!(opened(&run, None, None).expect_err("nothing yet").contains("no adapter/ and no model/ yet"));
    std::fs::rename(&adapter, run.join("adapter")).expect("moved");
    assert_eq!(opened(&run, None, None).expect("it is right").run.as_ref(), Some(&run));
    let found = opened(&run.join("adapter"), None, None).expect("it is right");
    assert_eq!(found.run, Some(run.canonicalize().expect("a path")));
}

#[test]
fn what_is_not_as_it_was_trained_is_refused_with_both_sides() {
    let refuse = |change: &dyn Fn(&Folders), base: Option<&str>, asked: Option<&str>, parts: &[&str]| {
        let scratch = Scratch::new("generation");
        let folders = folders(&scratch);
        change(&folders);
        let base = base.map(|name| scratch.join(name));
        let error = opened(&folders.adapter, base.as_deref(), asked).expect_err(parts[0]);
        for part in parts {
            assert!(error.contains(part), "{part}: {error}");
        }
    };
    let nothing = |_: &Folders| {};
    // Contract and ids beside each other; both begin with the tokenizer's own beginning token.
    let columns = ["`alpaca-1`", "`plain-1`", "trained", "asked for", "! segments", "! ", " | ", "id asked for"];
    refuse(&nothing, None, Some("plain"), &columns);
    let scratch = Scratch::new("generation");
    let error = opened(&folders(&scratch).adapter, None, Some("plain")).expect_err("another template");
    assert!(!error.contains("specials.bos") && !error.contains("special_texts.bos"), "{error}");
    refuse(&nothing, None, Some("chatml"), &["`chatml-1`", "needs the special token `<|im_end|>`"]);
    refuse(&nothing, Some("elsewhere"), None, &["is no folder with a config.json", "--base DIR"]);
    let contract = |folders: &Folders| {
        let mut contract = folders.contract.clone();
        contract.max_len = 99;
        contract.write(&folders.adapter.join(CONTRACT)).expect("written");
    };
    refuse(&contract, None, None, &["is not the contract that the weights", "contract.json", "! max_len", "128", "99"]);
    let digest_only = |folders: &Folders| {
        labelled(folders, &[(CONTRACT_KEY, &folders.contract.digest())]);
        contract(folders);
    };
    refuse(&digest_only, None, None, &["is not the contract that the weights", "! contract"]);
    // The contract says now that there is no beginning token: part and ids are shown.
    let without_bos = |folders: &Folders| {
        let mut contract = folders.contract.clone();
        contract.specials.insert("bos".to_owned(), None);
        contract.write(&folders.adapter.join(CONTRACT)).expect("written");
    };
    refuse(&without_bos, None, None, &["weights", "! specials.bos", "0 \"<s>\"", "id contract.json", " | "]);
    let silent = |folders: &Folders| weights(&folders.adapter.join("adapter_model.safetensors"), &[]);
    refuse(&silent, None, None, &["weights that name no contract", "! contract  - "]);
    let none = |folders: &Folders| std::fs::remove_file(folders.adapter.join(CONTRACT)).expect("removed");
    refuse(&none, None, None, &["no contract.json"]);
    // That the base was in 4 bits is known again.
    let scratch = Scratch::new("generation");
    let beside = folders(&scratch);
    labelled(&beside, &[(CONTRACT_KEY, &beside.contract.digest()), (NF4_KEY, "true")]);
    assert!(opened(&beside.adapter, None, None).expect("it is right").nf4);
    // Settings and base of an adapter are those that its weights say, and they say them.
    for (key, value) in
        [("lora_alpha", json!(80.0)), ("use_rslora", json!(true)), ("target_modules", json!(["q_proj"]))]
    {
        let settings = |folders: &Folders| {
            let path = folders.adapter.join("adapter_config.json");
            let text = std::fs::read_to_string(&path).expect("a file");
            let mut config: Value = serde_json::from_str(&text).expect("JSON");
            config[key] = value.clone();
            std::fs::write(&path, config.to_string()).expect("a file");
        };
        refuse(&settings, None, None, &["other settings than the adapter was trained with", "! settings", key]);
    }
    let other_base = |folders: &Folders| {
        weights(&folders.base.join("model.safetensors"), &[("a", "longer header of other weights")])
    };
    refuse(&other_base, None, None, &["are not those that", "! fingerprint", "--base DIR"]);
    for key in [LORA_KEY, BASE_WEIGHTS_KEY, NF4_KEY] {
        let unsaid = |folders: &Folders| {
            let path = folders.adapter.join("adapter_model.safetensors");
            let mut metadata = Weights::of_file(&path).expect("weights").metadata;
            metadata.remove(key);
            let metadata: Vec<(&str, &str)> =
                metadata.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
            weights(&path, &metadata);
        };
        refuse(&unsaid, None, None, &[&format!("have no `{key}`"), "as it was written"]);
    }
    // Weights of the base that are another model's.
    let config = |folders: &Folders| {
        std::fs::write(folders.base.join("config.json"), CONFIG.replace("\"vocab_size\":300", "\"vocab_size\":301"))
            .expect("a config");
    };
    refuse(&config, None, None, &["is not the config of the base", "! config.json", "this base"]);
    // A base with another tokenizer: the same words under other ids.
    let other = |folders: &Folders| {
        tokenizer(&["zebra zebra circle zebra quiz", "another text of other words"])
            .save(&folders.base)
            .expect("saved");
    };
    refuse(&other, None, None, &["is not the tokenizer", "! tokenizer.json", " | "]);
    // The adapter's own tokenizer was changed, and so does not hash to what the contract says.
    let own = |folders: &Folders| {
        let path = folders.adapter.join("tokenizer.json");
        let text = std::fs::read_to_string(&path).expect("a file");
        std::fs::write(&path, format!("{text}\n")).expect("a file");
    };
    refuse(&own, None, None, &["is not the tokenizer", "adapter/tokenizer.json"]);
}

#[test]
fn a_base_is_asked_zero_shot_only_by_a_template_that_is_named() {
    let scratch = Scratch::new("generation");
    let Folders { base, .. } = folders(&scratch);
    let error = opened(&base, None, None).expect_err("no contract");
    assert!(error.contains("no contract.json") && error.contains("--template (alpaca, "), "{error}");
    let found = opened(&base, None, Some("plain")).expect("it is right");
    assert!(found.zero_shot && found.adapter.is_none());
    // A model that was trained here, and lost its contract, is no base.
    let digest = found.contract.digest();
    weights(&base.join("model.safetensors"), &[(CONTRACT_KEY, &digest)]);
    let error = opened(&base, None, Some("plain")).expect_err("it was trained");
    assert!(error.contains("were trained with a prompt contract, and contract.json is gone"), "{error}");
    weights(&base.join("model.safetensors"), &[]);
    assert_eq!((found.contract.template.id.as_str(), found.contract.max_len), ("plain-1", 256));
    assert!(opened(&base, Some(&base), Some("plain")).expect_err("no base to a base").contains("leave out --base"));
    assert!(opened(&scratch.join("nowhere"), None, None).expect_err("no folder").contains("no such folder"));
    assert!(opened(scratch.path(), None, None).expect_err("nothing").contains("no run (run.json)"));
}

/// Exit code and error of `generate`.
fn failed(directory: &Path, arguments: &[&str]) -> (i32, Value) {
    let (code, out, err) = crate::corpus::run(directory, &[&["generate", "--json"], arguments].concat());
    assert_eq!(out, "", "{arguments:?}");
    let line =
        err.lines().find(|line| line.starts_with("{\"error\"")).unwrap_or_else(|| panic!("{arguments:?}: {err}"));
    let error: Value = serde_json::from_str(line).expect("JSON");
    (code, error["error"].clone())
}

#[test]
fn the_command_says_what_is_wrong_before_it_reads_weights() {
    let scratch = Scratch::new("generation");
    folders(&scratch);
    scratch.write("p.jsonl", "{\"instruction\":\"Draw a circle.\",\"level\":3}\n");
    scratch.write("p.txt", "Draw a circle.\n");
    let ask = ["--field", "instruction=Draw a circle."];
    let cases: &[(&[&str], i32, &str)] = &[
        (&["adapter"], 2, "nothing is asked"),
        (&["nowhere", ask[0], ask[1]], 1, "`nowhere` is no folder and no run"),
        (&["adapter", "--field", "instruction"], 2, "write NAME=VALUE"),
        (&["adapter", ask[0], ask[1], "--field", "instruction=b"], 2, "gives `instruction` twice"),
        (&["adapter", ask[0], ask[1], "--template", "plain"], 1, "trained with prompt template `alpaca-1`"),
        (&["adapter", ask[0], ask[1], "--template", "alpacca"], 2, "there is no prompt template `alpacca`"),
        (&["adapter", ask[0], ask[1], "--seed", "3"], 2, "--seed changes nothing"),
        (&["adapter", ask[0], ask[1], "--temperature", "0"], 2, "a temperature is above 0"),
        (&["adapter", ask[0], ask[1], "--device", "gpu"], 2, "--device"),
        (&["adapter", ask[0], ask[1], "--skeleton"], 2, "--skeleton reads the data of a run"),
        (&["adapter", "--side", "test"], 2, "--side reads the data of a run"),
        (&["adapter", "--prompts", "p.txt"], 2, ".jsonl, .json and .csv"),
        (&["adapter", "--prompts", "p.jsonl", "--column", "instruction=question"], 1, "column `question`"),
        (&["adapter", "--prompts", "p.jsonl", "--field", "instruction=b"], 1, "has a `instruction` of its own"),
        (&["adapter", "--field", "system=a", ask[0], ask[1]], 1, "no field `system`"),
        (&["base", ask[0], ask[1]], 1, "say which with --template"),
        (&["adapter", ask[0], ask[1], "--out", "no/such/answers.jsonl"], 1, "no/such: there is no such file or folder"),
        (&["adapter", ask[0], ask[1], "--out", "."], 2, "is a folder"),
        (&["adapter", "--prompts", "p.jsonl", "--out", "./p.jsonl"], 2, "that is the file of the prompts"),
        (&["adapter", ask[0], ask[1], "--threads", "0"], 2, "--threads"),
        (&["adapter", ask[0], ask[1], "--beams", "100000"], 2, "--beams"),
    ];
    for (arguments, code, part) in cases {
        let (found, error) = failed(scratch.path(), arguments);
        let message = error["message"].as_str().unwrap_or_default();
        assert!(found == *code && message.contains(part), "{arguments:?}: {found} {message}");
    }
}

/// What this program cannot do it says with exit code 4, after all else is right.
#[cfg(not(feature = "train"))]
#[test]
fn a_program_without_training_says_so_with_exit_code_4() {
    let scratch = Scratch::new("generation");
    folders(&scratch);
    scratch.write("p.csv", "question\nDraw a circle.\n");
    for arguments in [
        &["adapter", "--field", "instruction=Draw a circle."][..],
        &["adapter", "--prompts", "p.csv", "--column", "instruction=question", "--forced-prefix", "from"],
        &["base", "--template", "plain", "--field", "instruction=Draw a circle."],
    ] {
        let (code, error) = failed(scratch.path(), arguments);
        assert_eq!((code, error["kind"].as_str()), (4, Some("no-training")), "{error}");
        assert_eq!(error["suggestions"], json!(["scenery setup libtorch"]));
    }
}
