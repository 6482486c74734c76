//! `train plan`: numbers that can be checked by hand, the seed's own experiment, and the command line of runs.

use scenery::nn::config::ModelConfig;
use scenery::nn::lora::LoraConfig;
#[cfg(feature = "train")]
use scenery::nn::weights::{Stored, Weights};
use scenery::nn::{Precision, Trained};
use scenery::train::item::Item;
use scenery::train::memory;
use scenery::train::options::{Options, TooLong};
use scenery::train::plan::plan;
#[cfg(not(feature = "train"))]
use scenery::train::{item::TooLongCount, run_file::RunFile};
use serde_json::Value;

use super::fake::examples;
use super::options;
use crate::corpus::{Scratch, done, json_of, run};
use crate::real_data::data;

#[test]
fn the_seeds_shape_has_the_parameters_that_peft_counts() {
    let config = memory::seed_shape();
    // As `print_trainable_parameters` of PEFT says for r 64 on all linear projections.
    assert_eq!(LoraConfig::new(64, 128.0).parameters(&config), 59_965_440);
    assert_eq!(config.parameters(), 1_346_471_936);
    let seed = Options::preset("seed").expect("a preset");
    let bytes = |change: &dyn Fn(&mut Options), tokens: usize| {
        let mut other = Options { nf4: false, ..seed.clone() };
        change(&mut other);
        memory::bytes(&config, &other, tokens) as f64 / 1e9
    };
    let near = |found: f64, wanted: f64| assert!((found / wanted - 1.0).abs() < 0.2, "{found} {wanted}");
    let full = bytes(&|options| options.trained = Trained::Full, 4_096);
    assert!(full > 20.0, "values, gradients and two means of 1.3 billion numbers: {full}");
    let nf4 = bytes(&|options| options.nf4 = true, 4_096);
    assert!(bytes(&|_| {}, 4_096) - nf4 > 1.5, "{nf4}");
    // Six operations per parameter and token with all weights trained; four with LoRA, whose base gets no gradient.
    let (tokens, full) = (64, Options { trained: Trained::Full, ..seed.clone() });
    let per_token = memory::flops(&config, &full, tokens, tokens) / tokens as f64;
    near(per_token, 6.0 * (config.parameters() - 32_256 * 2_048) as f64);
    near(
        memory::flops(&config, &seed, tokens, tokens) / tokens as f64,
        4.2 * (config.parameters() - 32_256 * 2_048) as f64,
    );
    assert_eq!(memory::gigabytes(13_700_000_000), "13.7 GB");
}

#[test]
fn memory_is_estimated_as_it_was_measured() {
    // SmolLM2-135M's shape with 6 layers, f32 on a CPU, r 32: most resident memory of `cargo bench --bench train` less what it
    // has with a model of no size, 0.138 GB; rows of 512 and of 1,024 tokens.
    let config = ModelConfig {
        hidden: 576,
        intermediate: 1_536,
        layers: 6,
        heads: 9,
        kv_heads: 3,
        head_dim: 64,
        vocabulary: 49_152,
        tied: true,
        ..memory::seed_shape()
    };
    let options = |recompute_layers: usize| Options {
        precision: Precision::F32,
        recompute_layers,
        ..Options::preset("default").expect("a preset")
    };
    for (tokens, recompute, measured) in
        [(2_048, 0, 0.82), (4_096, 0, 1.33), (8_192, 0, 1.72), (4_096, 0, 1.44), (2_048, 1, 0.59), (4_096, 1, 0.68)]
    {
        let found = memory::bytes(&config, &options(recompute), tokens) as f64 / 1e9;
        assert!((found / measured - 1.0).abs() < 0.25, "{tokens} tokens, {recompute}: {found} and {measured}");
    }
}

#[test]
fn a_plan_is_what_the_run_then_does() {
    let mut setting = super::Setting::new("planned");
    setting.options.weights = scenery::train::options::weight_rules("source=alpha:0.5,beta:2").expect("rules");
    let planned = plan(setting.train.clone(), 13, &setting.options, &memory::seed_shape()).expect("a plan");
    let (outcome, _) = setting.whole();
    let progress = &outcome.progress;
    assert_eq!(planned.steps, progress.step);
    assert_eq!((planned.tokens, planned.trained_tokens), (progress.tokens, progress.trained_tokens));
    assert_eq!(planned.realised, progress.realised);
    let padding = scenery::train::batches::padding_share(progress.tokens, progress.padded_tokens);
    assert!((planned.padding - padding).abs() < 1e-12);
    let realised: u64 = planned.shares.iter().map(|share| share.realised_trained_tokens).sum();
    assert_eq!(realised, planned.trained_tokens);
    let slots = setting.train.iter().filter_map(|item| item.slots.as_ref()).flatten();
    let share = slots.clone().filter(|slot| **slot).count() as f64 / slots.count() as f64;
    assert!((planned.slot_share.expect("slots") - share).abs() < 1e-12);
    assert!((planned.slot_share.unwrap_or(0.0) + planned.template_share.unwrap_or(0.0) - 1.0).abs() < 1e-12);
}

#[test]
fn lengths_are_counted_whole_and_what_is_too_long_is_told() {
    let mut items: Vec<Item> = examples(100, 1);
    for (at, item) in items.iter_mut().enumerate() {
        item.ids = vec![3; 10 + at];
        item.trained_from = 4;
        item.slots = None;
    }
    let told = plan(items.clone(), 0, &options(), &memory::seed_shape()).expect("a plan");
    assert_eq!((told.lengths.least, told.lengths.median, told.lengths.most), (10, 60, 109));
    assert_eq!(told.lengths.histogram.iter().map(|bin| bin.rows).sum::<usize>(), 100);
    assert!(told.lengths.histogram.windows(2).all(|two| two[0].to + 1 == two[1].from));
    assert_eq!((told.over_long, told.too_long, told.fitted.dropped), (45, TooLong::Error, 0));
    assert_eq!(told.steps_per_epoch, 55u64.div_ceil(8), "the rest is about the others");
    assert_eq!((told.slot_share, told.template_share), (None, None));
    let cut =
        plan(items, 0, &Options { too_long: TooLong::Truncate, ..options() }, &memory::seed_shape()).expect("a plan");
    assert_eq!((cut.steps_per_epoch, cut.fitted.truncated), (100u64.div_ceil(8), 45));
    assert!(plan(Vec::new(), 0, &options(), &memory::seed_shape()).is_err());
}

const RECIPE: &str = "name = \"small\"\ntitle = \"A few scenes\"\nlicence = \"MIT\"\nrank = 4\nreader = \"table\"\ndescription_kind = \"human\"\nkey = [\"id\"]\nget = \"it is in the test\"\n[fields]\ninstruction = \"question\"\ncode = \"answer\"\nsplit = \"side\"\nlevel = \"level\"\n[levels]\n";

/// A project with scenes that share a template.
fn project(folder: &Scratch) -> std::path::PathBuf {
    let project = folder.join("p");
    std::fs::create_dir_all(&project).expect("a folder");
    done(&project, &["init", "."]);
    folder.write("p/sources/small.toml", RECIPE.replace("[levels]\n", ""));
    let mut rows = String::new();
    for at in 0..30 {
        let side = if at % 5 == 4 { "validation" } else { "train" };
        let answer = format!(
            "from manim import *\n\n\nclass Grow(Scene):\n    def construct(self):\n        shape = Circle(radius={at})\n        self.play(Create(shape))\n        self.wait({})\n",
            at * 7 % 11
        );
        let row = serde_json::json!({
            "id": format!("r{at}"), "question": format!("Draw a circle of radius {at}."), "answer": answer,
            "side": side, "level": if at % 2 == 0 { "easy" } else { "hard" },
        });
        rows.push_str(&format!("{row}\n"));
    }
    folder.write("small.jsonl", rows);
    done(&project, &["ingest", "small", "../small.jsonl"]);
    project
}

#[test]
fn the_command_plans_with_flags_over_presets_and_says_what_is_wrong() {
    let folder = Scratch::new("plan");
    let project = project(&folder);
    // What a look left behind that was killed goes with the next one; that of a process that lives stays.
    let (left, own) = (".scenery/looked-at-999999999", format!(".scenery/looked-at-{}", std::process::id()));
    std::fs::create_dir_all(project.join(left)).expect("a folder");
    std::fs::create_dir_all(project.join(&own)).expect("a folder");
    let seed = json_of(&project, &["train", "plan", "source:small", "--preset", "seed", "--json"]);
    if std::path::Path::new("/proc/self").exists() {
        assert!(!project.join(left).exists() && project.join(&own).exists());
    }
    assert_eq!((&seed["rows"], &seed["validation_rows"], &seed["steps"]), (&24.into(), &6.into(), &10.into()));
    assert_eq!(seed["trained_parameters"], 59_965_440);
    assert!(seed["template_share"].as_f64().is_some_and(|share| share > 0.5), "{seed}");
    let shares = seed["shares"].as_array().expect("shares");
    assert_eq!(shares.iter().map(|share| share["level"].as_str().unwrap_or("")).collect::<Vec<_>>(), ["easy", "hard"]);
    let flags = ["--rank", "8", "--epochs", "2", "--batch", "5", "--weight", "level=easy:2"];
    let mut arguments = vec!["train", "plan", "source:small", "--preset", "seed", "--json"];
    arguments.extend(flags);
    let other = json_of(&project, &arguments);
    assert_eq!(other["trained_parameters"], 59_965_440 / 8);
    assert_eq!(other["steps"], 2 * 36u64.div_ceil(5));
    let text = done(&project, &["train", "plan", "source:small", "--from-scratch", "--max-steps", "7"]);
    assert!(text.contains("7 steps of 16 examples") && text.contains("parameters are trained"), "{text}");
    let refused = |arguments: &[&str], code: i32, word: &str| {
        let mut all = vec!["train"];
        all.extend(arguments);
        let (found, out, err) = run(&project, &all);
        assert_eq!(found, code, "{out}{err}");
        assert!(err.contains(word), "{err}");
    };
    refused(&["plan", "source:small", "--preset", "sed"], 2, "there are default, scratch, seed");
    refused(&["plan", "source:small", "--weight", "level=medium:2"], 2, "easy, hard");
    refused(&["plan", "source:small", "--curriculum", "staged", "--epochs", "2"], 2, "3 stages");
    refused(&["plan", "source:small", "--preset", "scratch"], 2, "--from-scratch, or --full");
    refused(&["plan", "source:small", "--from-scratch", "--rank", "8"], 2, "about an adapter");
    refused(
        &["plan", "source:small", "--from-scratch", "--heads", "5"],
        2,
        "--hidden 192 is not divided evenly by --heads 5",
    );
    refused(&["plan", "source:small", "--clip", "much"], 2, "--clip much");
    refused(&["plan", "source:small", "--targets", "q_proj,w_proj"], 2, "no projection `w_proj`");
    refused(&["run", "source:small"], 2, "--from-scratch begins with a small model");
    refused(&["resume", "first"], 1, "is no run");
    if !scenery::nn::report().built_in {
        refused(&["run", "source:small", "--from-scratch"], 4, "setup libtorch");
        assert!(!project.join("runs").exists(), "nothing is left of a run that could not begin");
    }
}

#[test]
fn the_seeds_experiment_is_135_steps_and_59965440_parameters() {
    let Some(data) = data("derivative_537") else { return };
    let folder = Scratch::new("seed");
    let project = folder.join("p");
    std::fs::create_dir_all(&project).expect("a folder");
    done(&project, &["init", "."]);
    let path = data.join("derivative_537").canonicalize().expect("a path").display().to_string();
    done(&project, &["ingest", "derivative_537", &path]);
    let plan: Value = json_of(&project, &["train", "plan", "source:derivative_537", "--preset", "seed", "--json"]);
    assert_eq!((&plan["rows"], &plan["validation_rows"]), (&418.into(), &50.into()));
    assert_eq!((&plan["steps"], &plan["trained_parameters"]), (&135.into(), &59_965_440.into()));
    assert_eq!(plan["warmup_steps"], 5);
    // Most of what is learned is the template.
    assert!(plan["template_share"].as_f64().is_some_and(|share| share > 0.7), "{}", plan["template_share"]);
    assert_eq!(plan["over_long"], 0);
}

/// What needs no libtorch is done, and what needs it says what to do.
#[cfg(not(feature = "train"))]
#[test]
fn a_program_without_training_plans_runs_and_refuses_them_with_exit_code_4() {
    let folder = Scratch::new("without");
    let project = project(&folder);
    for verb in ["show", "lint", "plan"] {
        done(&project, &["train", verb, "source:small"]);
    }
    // A run that another machine began.
    let file = RunFile {
        v: RunFile::VERSION,
        tool: "0".to_owned(),
        name: "one".to_owned(),
        base: "base".into(),
        template: "plain".to_owned(),
        query: "source:small".to_owned(),
        options: options(),
        identity: super::identity(),
        model: Value::Null,
        rows: [24, 6],
        too_long: TooLongCount::default(),
        steps: 9,
        trained_parameters: 1,
    };
    std::fs::create_dir_all(project.join("runs/one")).expect("a folder");
    file.write(&project.join("runs/one")).expect("written");
    let before = crate::corpus::digests(&project);
    for arguments in [
        &["train", "run", "source:small", "--from-scratch", "--name", "two"][..],
        &["train", "resume", "one"],
        &["train", "export", "one", "--out", "../shipped"],
    ] {
        let (code, out, err) = run(&project, &[arguments, &["--json"]].concat());
        let error: Value = serde_json::from_str(&err).expect("JSON");
        assert_eq!((code, out.as_str(), error["error"]["kind"].as_str()), (4, "", Some("no-training")), "{err}");
        assert_eq!(error["error"]["suggestions"], serde_json::json!(["scenery setup libtorch"]));
    }
    assert!(before == crate::corpus::digests(&project) && !folder.join("shipped").exists(), "nothing is begun");
}

/// The files of a finished run.
#[cfg(feature = "train")]
fn files(folder: &std::path::Path) -> Vec<String> {
    let mut out: Vec<String> = crate::corpus::digests(folder).into_keys().collect();
    out.sort();
    out
}

#[test]
#[cfg(feature = "train")]
fn a_model_from_nothing_is_trained_stopped_resumed_and_exported() {
    let folder = Scratch::new("whole");
    let project = project(&folder);
    let small =
        ["--from-scratch", "--hidden", "32", "--layers", "2", "--heads", "4", "--vocab", "300", "--device", "cpu"];
    let train = |name: &str, more: &[&str]| {
        let mut all = vec!["train", "run", "source:small", "--name", name, "--epochs", "3", "--batch", "8"];
        all.extend(["--threads", "1", "--lr", "0.01"]);
        all.extend(small);
        all.extend(more);
        run(&project, &all)
    };
    let (code, out, err) = train("one", &["--json"]);
    assert_eq!(code, 0, "{out}{err}");
    let lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let events: Vec<&str> = lines.iter().filter_map(|line| line["event"].as_str()).collect();
    assert_eq!((events[0], events[events.len() - 1]), ("start", "done"));
    assert_eq!(events.iter().filter(|event| **event == "step").count(), 9);
    assert!(events.contains(&"parity") && events.contains(&"artefact"), "{events:?}");
    let run_folder = project.join("runs/one");
    let names = files(&run_folder);
    for name in [
        "run.json",
        "contract.json",
        "metrics.csv",
        "loss.svg",
        "best.json",
        "model/model.safetensors",
        "data/manifest.json",
        "base/config.json",
        "realised.csv",
        "chat_template.jinja",
    ] {
        assert!(names.iter().any(|known| known == name), "{name}: {names:?}");
    }
    assert!(!names.iter().any(|name| name.contains("partial")), "{names:?}");
    // The same again gives the same weights and the same table.
    let (code, out, err) = train("two", &[]);
    assert_eq!(code, 0, "{out}{err}");
    for name in ["model/model.safetensors", "metrics.csv", "loss.svg"] {
        let read = |run: &str| std::fs::read(project.join("runs").join(run).join(name)).expect("a file");
        assert_eq!(read("one"), read("two"), "{name}");
    }
    // It has ended; going on says so and changes nothing.
    let before = std::fs::read(run_folder.join("model/model.safetensors")).expect("a file");
    done(&project, &["train", "resume", "one"]);
    assert_eq!(std::fs::read(run_folder.join("model/model.safetensors")).expect("a file"), before);
    let shipped = folder.join("shipped");
    let told = json_of(&project, &["train", "export", "one", "--out", "../shipped", "--json"]);
    assert!(
        told["parity"]
            .as_array()
            .is_some_and(|pairs| pairs.len() == 1 && pairs[0]["partings"] == serde_json::json!([]))
    );
    assert_eq!(std::fs::read(shipped.join("model/model.safetensors")).expect("a file"), before);
    let (code, _, err) = run(&project, &["train", "export", "one", "--out", "../shipped"]);
    assert!(code == 1 && err.contains("it holds files already"), "{err}");
    // The store knows it.
    let known = json_of(&project, &["train", "runs", "one", "--json"]);
    assert_eq!((&known["run"]["state"], known["steps"].as_array().map(Vec::len)), (&"done".into(), Some(9)));
    assert!(known["evals"].as_array().is_some_and(|evals| evals.iter().any(|eval| eval["among"] == "level:hard")));
    // An adapter beside the model that was made.
    let base = run_folder.join("model").display().to_string();
    let adapter = ["train", "run", "source:small", "--base", &base, "--name", "three", "--rank", "2", "--epochs", "2"];
    let mut all = adapter.to_vec();
    all.extend(["--batch", "8", "--device", "cpu", "--threads", "1", "--max-len", "512"]);
    done(&project, &all);
    let told = json_of(&project, &["train", "export", "three", "--out", "../adapter", "--json"]);
    assert_eq!(told["parity"].as_array().map(Vec::len), Some(2), "live against read back, live against merged");
    for name in [
        "adapter/adapter_model.safetensors",
        "adapter/contract.json",
        "merged/model.safetensors",
        "merged/tokenizer.json",
    ] {
        assert!(folder.join("adapter").join(name).is_file(), "{name}");
    }
    // What it stands on may not change under it.
    let manifest = project.join("runs/three/data/manifest.json");
    let text = std::fs::read_to_string(&manifest).expect("a manifest");
    std::fs::write(&manifest, text.replace("source:small", "source:smell")).expect("written");
    let (code, _, err) = run(&project, &["train", "resume", "three"]);
    assert!(code == 1 && err.contains("manifest"), "{err}");
    std::fs::write(&manifest, text).expect("written");
    let contract = project.join("runs/three/contract.json");
    let text = std::fs::read_to_string(&contract).expect("a contract");
    std::fs::write(&contract, text.replace("\"max_len\":512", "\"max_len\":511")).expect("written");
    let (code, _, err) = run(&project, &["train", "resume", "three"]);
    assert!(code == 1 && err.contains("the prompt contract"), "{err}");
}

/// A run of nine steps of a model from nothing.
#[cfg(feature = "train")]
fn small_run(project: &std::path::Path, name: &str, more: &[&str]) {
    let own = ["train", "run", "source:small", "--name", name, "--epochs", "3", "--batch", "8", "--lr", "0.01"];
    let small = ["--from-scratch", "--hidden", "32", "--layers", "1", "--heads", "2", "--vocab", "300"];
    done(project, &[&own[..], &small, &["--device", "cpu", "--threads", "1"], more].concat());
}

/// State, number of steps and number of measurements that the store knows of a run.
#[cfg(feature = "train")]
fn stored(project: &std::path::Path, name: &str) -> (String, usize, usize) {
    let known = json_of(project, &["train", "runs", name, "--json"]);
    let count = |key: &str| known[key].as_array().map_or(0, Vec::len);
    (known["run"]["state"].as_str().unwrap_or_default().to_owned(), count("steps"), count("evals"))
}

#[test]
#[cfg(feature = "train")]
fn what_the_store_missed_of_a_run_is_brought_there_when_it_goes_on() {
    let folder = Scratch::new("missed");
    let project = project(&folder);
    small_run(&project, "one", &["--checkpoint-every", "2", "--keep", "9"]);
    let runs = project.join("runs");
    let whole = stored(&project, "one");
    assert_eq!((whole.0.as_str(), whole.1), ("done", 9));
    // Another project whose store never heard of it: as a run whose store was killed with it.
    let other = folder.join("q");
    std::fs::create_dir_all(&other).expect("a folder");
    done(&other, &["init", "."]);
    let copied = |lost: &[&str]| {
        let (from, to) = (runs.join("one").display().to_string(), other.join("runs/one"));
        let _ = std::fs::remove_dir_all(&to);
        std::fs::create_dir_all(other.join("runs")).expect("a folder");
        let status = std::process::Command::new("cp").args(["-r", &from, &to.display().to_string()]).status();
        assert!(status.expect("cp is there").success());
        for name in lost {
            let path = to.join(name);
            if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) }.expect("removed");
        }
    };
    // It had ended: what it came to is recorded, and nothing is trained.
    copied(&[]);
    let said = run(&other, &["train", "resume", "one"]).2;
    assert!(said.contains("the run has ended"), "{said}");
    assert_eq!(stored(&other, "one"), whole);
    // Killed before what it hands over was checked: that is made and checked.
    let model = std::fs::read(runs.join("one/model/model.safetensors")).expect("weights");
    copied(&["handed_over.json", "checkpoints/step-00000009", "checkpoints/step-00000008"]);
    let said = done(&other, &["train", "resume", "one"]);
    assert!(said.contains("model"), "{said}");
    assert_eq!(std::fs::read(other.join("runs/one/model/model.safetensors")).expect("weights"), model);
    assert_eq!(stored(&other, "one"), whole);
    // Killed before its first checkpoint: it begins again, and the store knows all of it.
    copied(&["handed_over.json", "checkpoints", "model"]);
    let said = run(&other, &["train", "resume", "one"]).2;
    assert!(said.contains("it begins again"), "{said}");
    assert_eq!(stored(&other, "one"), whole);
    assert_eq!(std::fs::read(other.join("runs/one/model/model.safetensors")).expect("weights"), model);
}

#[test]
#[cfg(feature = "train")]
fn what_was_damaged_is_not_shipped_and_does_not_end_a_run() {
    let folder = Scratch::new("damaged");
    let project = project(&folder);
    small_run(&project, "one", &["--eval-every", "3", "--keep", "1", "--best", "loss"]);
    let one = project.join("runs/one");
    let flip = |path: &std::path::Path| {
        let mut bytes = std::fs::read(path).expect("a file");
        let at = bytes.len() - 9;
        bytes[at] ^= 1;
        std::fs::write(path, bytes).expect("a file");
    };
    // A bit of the weights that were handed over.
    let model = one.join("model/model.safetensors");
    flip(&model);
    let (code, _, err) = run(&project, &["train", "export", "one", "--out", "../shipped"]);
    assert!(code == 1 && err.contains("its SHA-256 is") && !folder.join("shipped").exists(), "{err}");
    flip(&model);
    // Without a checkpoint what is shipped is compared with what was handed over.
    std::fs::rename(one.join("checkpoints"), folder.join("checkpoints")).expect("moved");
    let told = json_of(&project, &["train", "export", "one", "--out", "../shipped", "--json"]);
    assert_eq!(told["parity"].as_array().map(Vec::len), Some(1), "{told}");
    std::fs::rename(folder.join("checkpoints"), one.join("checkpoints")).expect("moved");
    // The best checkpoint is damaged: the run ends with its last weights, and says so.
    let best: Value = serde_json::from_slice(&std::fs::read(one.join("best.json")).expect("a file")).expect("JSON");
    let last = one.join("checkpoints/step-00000009/state.json");
    let mut state: Value = serde_json::from_slice(&std::fs::read(&last).expect("a file")).expect("JSON");
    if best["step"] == 9 {
        // The last is the best here: another one is made it, which is not there.
        state["progress"]["best"]["step"] = 3.into();
        std::fs::write(&last, state.to_string()).expect("a file");
    } else {
        flip(&one.join(best["checkpoint"].as_str().expect("a folder")).join("state.safetensors"));
    }
    std::fs::remove_dir_all(one.join("model")).expect("removed");
    std::fs::remove_file(one.join("handed_over.json")).expect("removed");
    let (code, _, err) = run(&project, &["train", "resume", "one"]);
    assert!(code == 0 && err.contains("cannot be taken") && err.contains("the weights of step 9"), "{err}");
    // Lines that a power cut left in the table are passed over.
    let metrics = one.join("metrics.csv");
    let text = std::fs::read_to_string(&metrics).expect("a file");
    std::fs::write(&metrics, format!("{text}\0\0\0\n")).expect("a file");
    std::fs::remove_file(one.join("handed_over.json")).expect("removed");
    done(&project, &["train", "resume", "one"]);
    assert_eq!(std::fs::read_to_string(&metrics).expect("a file"), text);
    // A damaged checkpoint is set aside, and the one that is written after it stays.
    flip(&one.join("checkpoints/step-00000009/state.safetensors"));
    std::fs::remove_file(one.join("handed_over.json")).expect("removed");
    let (code, _, err) = run(&project, &["train", "resume", "one"]);
    let aside = one.join("checkpoints/damaged-step-00000009");
    assert!(code == 0 || err.contains("no checkpoint"), "{err}");
    assert!(aside.is_dir() == (code == 0), "{err}");
}

#[test]
#[cfg(feature = "train")]
fn four_bits_are_shipped_only_where_the_rounding_is_accepted() {
    let folder = Scratch::new("rounding");
    let project = project(&folder);
    let base = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/nn/llama").display().to_string();
    let own = ["train", "run", "source:small", "--base", &base, "--name", "nf", "--nf4", "--device", "cpu"];
    let more =
        ["--max-steps", "2", "--batch", "8", "--lr", "0.01", "--max-len", "512", "--threads", "1", "--rank", "2"];
    done(&project, &[&own[..], &more].concat());
    let export = |more: &[&str]| run(&project, &[&["train", "export", "nf", "--out", "../shipped"], more].concat());
    let (code, _, err) = export(&[]);
    assert!(code == 1 && err.contains("--accept-rounding") && !folder.join("shipped").exists(), "{err}");
    let (code, _, err) = export(&["--accept-rounding"]);
    assert!(code == 0 && err.contains("4 bits against the weights as they are"), "{err}");
    // The adapter says what it was trained beside, and is asked so.
    let ask = |more: &[&str]| {
        let asked = ["generate", "nf", "--field", "instruction=Draw a dot.", "--max-new-tokens", "4", "--no-store"];
        run(&project, &[&asked[..], &["--device", "cpu"], more].concat())
    };
    let (code, _, err) = ask(&[]);
    assert!(code == 0 && err.contains("are kept in 4 bits, as in training"), "{err}");
    let (code, _, err) = ask(&["--no-nf4"]);
    assert!(code == 0 && err.contains("is asked beside weights as they are"), "{err}");
}

#[test]
#[cfg(feature = "train")]
fn a_tied_base_whose_output_layer_is_another_matrix_is_refused() {
    let folder = Scratch::new("tied");
    let project = project(&folder);
    let fixture = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/nn/llama");
    std::fs::create_dir_all(folder.join("base")).expect("a folder");
    let entries = std::fs::read_dir(fixture).expect("the fixture").map(|entry| entry.expect("an entry").path());
    for entry in entries.filter(|entry| entry.is_file()) {
        std::fs::copy(&entry, folder.join("base").join(entry.file_name().expect("a name"))).expect("copied");
    }
    let config = folder.join("base/config.json");
    let mut value: Value = serde_json::from_slice(&std::fs::read(&config).expect("a file")).expect("JSON");
    value["tie_word_embeddings"] = true.into();
    std::fs::write(&config, value.to_string()).expect("a file");
    let own = ["train", "run", "source:small", "--base", "../base", "--name", "t", "--device", "cpu"];
    let (code, _, err) = run(&project, &[&own[..], &["--max-len", "512", "--max-steps", "1"]].concat());
    assert!(code == 1 && err.contains("lm_head.weight") && err.contains("tie_word_embeddings"), "{err}");
}

#[test]
#[cfg(feature = "train")]
fn a_base_kept_in_bf16_is_handed_over_as_it_was_trained_and_known_where_it_moved() {
    let folder = Scratch::new("bf16");
    let project = project(&folder);
    let fixture = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/nn/qwen2");
    std::fs::create_dir_all(folder.join("base")).expect("a folder");
    let entries = std::fs::read_dir(fixture).expect("the fixture").map(|entry| entry.expect("an entry").path());
    for entry in entries.filter(|entry| entry.is_file()) {
        std::fs::copy(&entry, folder.join("base").join(entry.file_name().expect("a name"))).expect("copied");
    }
    let more = ["--max-steps", "3", "--batch", "8", "--lr", "0.005", "--max-len", "512", "--threads", "1"];
    let own = ["train", "run", "source:small", "--base", "../base", "--name", "q", "--device", "cpu"];
    done(&project, &[&own[..], &more].concat());
    std::fs::rename(folder.join("base"), folder.join("moved")).expect("moved");
    let export = |out: &str, base: &[&str]| run(&project, &[&["train", "export", "q", "--out", out], base].concat());
    let (code, _, err) = export("../shipped", &[]);
    assert!(code == 1 && err.contains("base"), "{err}");
    let (code, out, err) = export("../shipped", &["--base", "../moved"]);
    assert_eq!(code, 0, "{out}{err}");
    let merged = Weights::of_model(&folder.join("shipped/merged")).expect("weights");
    assert!(merged.places.values().all(|place| place.stored == Stored::F32));
    // The same weights elsewhere are the base; other weights are not.
    let ask = || {
        let asked = ["generate", "../shipped/adapter", "--base", "../moved", "--field", "instruction=Draw a dot."];
        run(&project, &[&asked[..], &["--max-new-tokens", "4", "--no-store", "--device", "cpu"]].concat())
    };
    assert_eq!(ask().0, 0, "{:?}", ask());
    let weights = folder.join("moved/model.safetensors");
    let mut bytes = std::fs::read(&weights).expect("a file");
    *bytes.last_mut().expect("a byte") ^= 1;
    std::fs::write(&weights, bytes).expect("a file");
    let (code, _, err) = ask();
    assert!(code == 1 && err.contains("are not those that"), "{err}");
    // Weights that the config has no place for are no model of it.
    let config = folder.join("moved/config.json");
    let text = std::fs::read_to_string(&config).expect("a file");
    std::fs::write(&config, text.replace("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1")).expect("a file");
    let own = ["train", "run", "source:small", "--base", "../moved", "--name", "less", "--device", "cpu"];
    let (code, _, err) = run(&project, &[&own[..], &more].concat());
    assert!(code == 1 && err.contains("no such part") && err.contains("model.layers.1."), "{err}");
    // One process trains a run.
    std::fs::write(&config, text).expect("a file");
    let mut bytes = std::fs::read(&weights).expect("a file");
    *bytes.last_mut().expect("a byte") ^= 1;
    std::fs::write(&weights, bytes).expect("a file");
    let adapter = project.join("runs/q/adapter");
    std::fs::rename(&adapter, folder.join("kept")).expect("moved");
    let held = std::fs::File::create(project.join("runs/q/.lock")).expect("a file");
    held.lock().expect("locked");
    let resume = || run(&project, &["train", "resume", "q", "--base", "../moved"]);
    let (code, _, err) = resume();
    assert!(code == 1 && err.contains("another process trains this run"), "{err}");
    drop(held);
    let (code, _, err) = resume();
    assert_eq!(code, 0, "{err}");
    let read = |path: &std::path::Path| std::fs::read(path.join("adapter_model.safetensors")).expect("a file");
    assert_eq!(read(&adapter), read(&folder.join("kept")));
}
